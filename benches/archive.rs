//! The track archive on realistic tracks of coaches: bytes a fix, compaction and its memory, one vehicle-day
//! out of a month of 10,000 vehicles, and a week read again for judging.
//!
//! `cargo bench --bench archive`. The database is SQLite, the archive a folder beside it. Of the 40 buckets of
//! 10,000 vehicles, `BUCKETS` have real files of all 30 days; the catalogue has the entries of all 40. One
//! thread works at a time. Run by `cargo test` it does everything for a moment, as a test.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a bench stops where something is wrong, measures, and tells rounded figures"
)]

mod coach;
mod timing;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coach::{Coach, Dice};
use roadwarden::archive::{Archive, Keeper, KeeperSettings, Pass, Place, PlaceSettings};
use roadwarden::clock::Clock;
use roadwarden::model::fleet::{Driver, Enterprise, EnterpriseKind, FleetFolder, VehicleEntry};
use roadwarden::model::{
    Fix, LocalZone, Plate, PlateColor, Span, Timestamp, VehicleClass, VehicleId,
};
use roadwarden::store::{
    ArchiveChange, Flush, Role, Store, StoreOptions, TrackChunk, TrackFile, VEHICLES_PER_BUCKET,
};
use roadwarden::track::encode_run;
use timing::{Times, latency, report};
use tokio_util::sync::CancellationToken;

/// How much is done.
struct Scale {
    /// Buckets with real files.
    buckets: u32,
    /// Buckets of the whole fleet.
    fleet_buckets: u32,
    vehicles_a_bucket: u32,
    days: i64,
    /// Days staged at once, for the figures of compaction.
    backlog_days: i64,
    queries: usize,
}

const FULL: Scale = Scale {
    buckets: 2,
    fleet_buckets: 40,
    vehicles_a_bucket: VEHICLES_PER_BUCKET,
    days: 30,
    backlog_days: 3,
    queries: 1000,
};

const MOMENT: Scale = Scale {
    buckets: 1,
    fleet_buckets: 2,
    vehicles_a_bucket: 3,
    days: 2,
    backlog_days: 1,
    queries: 5,
};

/// Fixes of a staged chunk: a tail of 1 KiB.
const CHUNK_FIXES: usize = 120;

fn main() {
    let scale = if cfg!(debug_assertions) { MOMENT } else { FULL };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    // As the server does: the keeper's work runs on a thread of its own.
    runtime.block_on(async {
        let mut world = World::new(folder.path(), &scale).await;
        world.fill(&scale).await;
        world.merge().await;
        world.pretend_fleet(&scale).await;
        world.queries(&scale).await;
        world.week(&scale).await;
    });
}

fn midnight() -> Timestamp {
    Timestamp::from_rfc3339("2026-11-01T00:00:00+08:00").unwrap()
}

fn open_archive(folder: &Path, cache_bytes: usize) -> Archive {
    let place = Place::open(&PlaceSettings {
        url: folder.join("archive").display().to_string(),
        request_max: Duration::from_secs(20),
        retries_max: 0,
        options: Vec::new(),
    });
    Archive::new(place.unwrap(), cache_bytes)
}

struct World<'a> {
    folder: &'a Path,
    store: Store,
    keeper: Keeper,
    clock: Clock,
    coaches: Vec<Coach>,
}

impl<'a> World<'a> {
    async fn new(folder: &'a Path, scale: &Scale) -> Self {
        let clock = Clock::manual(midnight() + Span::from_hours(24 * 40));
        let store = open(folder, 64 << 20).await;
        let vehicles = scale.buckets * VEHICLES_PER_BUCKET;
        store.import_fleet(&fleet(vehicles)).await.unwrap();
        let settings = KeeperSettings {
            interval: Duration::from_hours(1),
            staged_chunks_max: i64::MAX,
            batch_fixes_max: 500_000,
            file_bytes_max: 64 << 20,
            merge_files: 1000,
            merge_after: Span::from_hours(6),
            grace: Span::from_minutes(10),
            orphan_age: Span::from_hours(1),
            retention_months: 6,
        };
        let keeper = Keeper::new(
            open_archive(folder, 64 << 20),
            store.clone(),
            clock.clone(),
            settings,
            Arc::new(LocalZone::default),
            CancellationToken::new(),
        );
        let coaches = (0..scale.buckets * scale.vehicles_a_bucket)
            .map(|n| {
                n / scale.vehicles_a_bucket * VEHICLES_PER_BUCKET + n % scale.vehicles_a_bucket
            })
            .map(|number| Coach::new(number, midnight()))
            .collect();
        Self {
            folder,
            store,
            keeper,
            clock,
            coaches,
        }
    }

    /// Stages some days of every coach, compacts them, and so on to the last day.
    async fn fill(&mut self, scale: &Scale) {
        let (mut fixes, mut time, mut rise, mut backlog) = (0, Times::default(), 0, 0);
        for _ in 0..scale.days / scale.backlog_days {
            let (mut staged, mut bytes) = (0, 0);
            for coach in &mut self.coaches {
                let mut track = Vec::new();
                (0..scale.backlog_days).for_each(|_| coach.day(&mut track));
                staged += track.len() as u64;
                bytes += stage(&self.store, &track).await;
            }
            let before = reset_peak();
            let start = Times::now();
            let pass = self.pass().await;
            time = time.plus(&start.elapsed());
            backlog = backlog.max(staged);
            rise = rise.max(peak_kib().saturating_sub(before));
            assert_eq!(pass.compacted, staged);
            fixes += staged;
            if fixes == staged {
                println!(
                    "staged chunks: {:.2} bytes a fix, {} fixes a vehicle-day",
                    bytes as f64 / staged as f64,
                    staged / self.coaches.len() as u64 / scale.backlog_days.cast_unsigned()
                );
            }
        }
        report("compaction, staged chunks to files", fixes, time);
        println!(
            "compaction: memory rises by {} MiB at most, backlogs of {:.1} M fixes",
            rise / 1024,
            backlog as f64 / 1e6
        );
    }

    /// Merges every day to one file a bucket.
    async fn merge(&mut self) {
        let before: Vec<TrackFile> = self.store.track_files(i64::MIN, i64::MAX).await.unwrap();
        self.clock.advance(Span::from_hours(7));
        let peak = reset_peak();
        let start = Times::now();
        self.pass().await;
        let time = start.elapsed();
        let files = self.store.track_files(i64::MIN, i64::MAX).await.unwrap();
        let sum = |of: fn(&TrackFile) -> u64| files.iter().map(of).sum::<u64>();
        report("merge", sum(|file| file.fixes), time);
        println!(
            "merge: {} files to {}; memory rises by {} MiB at most",
            before.len(),
            files.len(),
            peak_kib().saturating_sub(peak) / 1024
        );
        println!(
            "after merging: {:.3} bytes a fix, {} fixes, {:.1} MiB a file, of it {:.0} KiB footer",
            sum(|file| file.bytes) as f64 / sum(|file| file.fixes) as f64,
            sum(|file| file.fixes),
            sum(|file| file.bytes) as f64 / files.len() as f64 / 1_048_576.0,
            sum(|file| file.footer_bytes) as f64 / files.len() as f64 / 1024.0
        );
    }

    /// Puts the files of the buckets that nobody asks for into the catalogue, so that it is that of the fleet.
    async fn pretend_fleet(&self, scale: &Scale) {
        let files = self.store.track_files(i64::MIN, i64::MAX).await.unwrap();
        let one: Vec<_> = files.into_iter().filter(|file| file.bucket == 0).collect();
        let mut change = ArchiveChange::default();
        for bucket in scale.buckets..scale.fleet_buckets {
            let first = bucket * VEHICLES_PER_BUCKET;
            change.added.extend(one.iter().map(|file| TrackFile {
                path: format!("{}-{bucket}", file.path),
                bucket,
                vehicles: (VehicleId(first), VehicleId(first + VEHICLES_PER_BUCKET - 1)),
                ..file.clone()
            }));
        }
        self.store.commit_archive(&change).await.unwrap();
    }

    /// One vehicle, one day: with a footer that nobody has read before, then with one that was.
    async fn queries(&self, scale: &Scale) {
        // No footer fits into this cache.
        let cold = open(self.folder, 0).await;
        let warm = open(self.folder, 1 << 30).await;
        let mut dice = Dice::new(4711);
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..scale.queries {
            let coach = dice.number() as usize % self.coaches.len();
            let vehicle = self.coaches[coach].vehicle();
            let day = i64::from(dice.number()) % scale.days;
            let from = midnight() + Span::from_hours(24 * day);
            let to = from + Span::from_hours(24);
            warm.track(vehicle, from, to).await.unwrap();
            for (store, times) in [&cold, &warm].into_iter().zip(&mut times) {
                let start = Instant::now();
                let track = store.track(vehicle, from, to).await.unwrap();
                times.push(start.elapsed());
                assert!(track.len() > 1000, "{} fixes of {vehicle:?}", track.len());
            }
        }
        let [cold, warm] = times;
        latency("one vehicle, one day of 30, footer not cached", cold);
        latency("one vehicle, one day of 30, footer cached", warm);
    }

    /// A week of a bucket, vehicle by vehicle and in groups.
    async fn week(&self, scale: &Scale) {
        let store = open(self.folder, 64 << 20).await;
        let (from, to) = (
            midnight(),
            midnight() + Span::from_hours(24 * 7.min(scale.days)),
        );
        let start = Times::now();
        let mut fixes = 0;
        for vehicle in 0..scale.vehicles_a_bucket {
            let track = store.track(VehicleId(vehicle), from, to).await.unwrap();
            fixes += track.len() as u64;
        }
        report("a week read, vehicle by vehicle", fixes, start.elapsed());
        let start = Times::now();
        let mut merged = 0;
        let vehicles: Vec<_> = (0..scale.vehicles_a_bucket).map(VehicleId).collect();
        for group in vehicles.chunks(8) {
            let mut walk = store.walk_tracks(group, from, to).unwrap();
            while let Some(page) = walk.next_page().await.unwrap() {
                merged += page.len() as u64;
            }
        }
        assert_eq!(merged, fixes);
        report(
            "a week read, groups of 8 merged by time",
            merged,
            start.elapsed(),
        );
    }

    async fn pass(&self) -> Pass {
        let (keeper, runtime) = (self.keeper.clone(), tokio::runtime::Handle::current());
        tokio::task::spawn_blocking(move || runtime.block_on(keeper.pass()))
            .await
            .unwrap()
            .unwrap()
    }
}

/// Plates and licences for the columns that spell them; numbers are given in the order of the lists.
fn fleet(vehicles: u32) -> FleetFolder {
    let enterprise_id = "e1".to_owned();
    FleetFolder {
        enterprises: vec![Enterprise {
            id: enterprise_id.clone(),
            name: "安途客运".to_owned(),
            credit_code: String::new(),
            region: "430102".parse().unwrap(),
            kind: EnterpriseKind::Passenger,
            datum: None,
        }],
        vehicles: (0..vehicles)
            .map(|number| VehicleEntry {
                plate: Plate::new(&format!("湘A{number:05}"), PlateColor::Yellow).unwrap(),
                terminal: None,
                enterprise_id: enterprise_id.clone(),
                class: VehicleClass::LineCoach2,
                seats: Some(45),
                region: None,
                line_km: None,
                route_id: None,
                datum: None,
            })
            .collect(),
        drivers: (0..2 * vehicles)
            .map(|number| Driver {
                licence: format!("43010219800101{number:04}"),
                name: "驾驶员".to_owned(),
                enterprise_id: enterprise_id.clone(),
                phone: String::new(),
            })
            .collect(),
        ..FleetFolder::default()
    }
}

async fn open(folder: &Path, cache_bytes: usize) -> Store {
    static OWNED: std::sync::Once = std::sync::Once::new();
    let mut role = Role::Guest;
    OWNED.call_once(|| role = Role::Owner);
    let url = format!("sqlite:{}/bench.db", folder.display());
    let archive = open_archive(folder, cache_bytes);
    let options = StoreOptions::new(url, role).with_files(Arc::new(archive));
    Store::open(&options).await.unwrap()
}

/// Writes a track as chunks; their bytes.
async fn stage(store: &Store, track: &[Fix]) -> usize {
    let chunks: Vec<_> = track
        .chunks(CHUNK_FIXES)
        .map(|fixes| TrackChunk {
            vehicle: fixes[0].vehicle,
            first: fixes[0].time,
            last: fixes[fixes.len() - 1].time,
            fixes: u32::try_from(fixes.len()).unwrap(),
            late: false,
            bytes: encode_run(fixes),
        })
        .collect();
    let bytes = chunks.iter().map(|chunk| chunk.bytes.len()).sum();
    let flush = Flush {
        chunks,
        ..Flush::default()
    };
    store.commit_flush(&flush).await.unwrap();
    bytes
}

/// Resident memory now, and from now on the peak is counted anew. Unit: KiB; 0 where the system does not tell.
fn reset_peak() -> u64 {
    // Not every system lets its peak be reset; then the figures are those of the whole run.
    drop(std::fs::write("/proc/self/clear_refs", "5"));
    status_kib("VmRSS:")
}

fn peak_kib() -> u64 {
    status_kib("VmHWM:")
}

fn status_kib(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
