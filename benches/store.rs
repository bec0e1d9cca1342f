//! Track codec, journal, flush and duty facts: fixes or rows a second, on both engines.
//!
//! `scripts/postgres-for-tests cargo bench --bench store` for figures (with
//! `ROADWARDEN_TEST_POSTGRES_FSYNC=on` for honest ones of `PostgreSQL`); without `--bench` each
//! part runs once with little data, as a test.
#![expect(clippy::print_stdout, reason = "a bench reports on standard output")]
#![expect(clippy::disallowed_methods, reason = "a bench measures the wall clock")]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use roadwarden::journal::Journal;
use roadwarden::model::duty::{MinuteSet, Period};
use roadwarden::model::fleet::{Enterprise, EnterpriseKind, FleetFolder, VehicleEntry};
use roadwarden::model::violation::{Details, EvidenceMarks, FixMark};
use roadwarden::model::{
    Course, Events, Fix, LocalZone, Odometer, Plate, PlateColor, Position, Quality, Severity,
    Source, Span, Speed, Timestamp, VehicleClass, VehicleId, Violation, ViolationKind,
};
use roadwarden::store::{
    DutyScope, FatigueLeft, Flush, LiveState, OperatingDay, Role, Store, StoreOptions, TrackChunk,
    VehicleDay, VehicleSnapshot, ViolationUpsert,
};
use roadwarden::track::{JournalRecord, decode_run, encode_run};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};

/// 2026-11-21T00:00:00+08:00.
const START_MS: i64 = 1_795_190_400_000;

/// Numbers of things, smaller for a run as a test.
struct Size {
    bench: bool,
}

impl Size {
    fn of(&self, full: u32) -> u32 {
        if self.bench {
            full
        } else {
            (full / 100).clamp(1, 50)
        }
    }
}

fn main() {
    let size = Size {
        bench: std::env::args().any(|argument| argument == "--bench"),
    };
    track(&size);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        sqlx::any::install_default_drivers();
        // In the build folder: the folder of the system may be in memory.
        let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        on_engine(&size, "sqlite", sqlite(folder.path(), "all")).await;
        one_file_or_two(&size, folder.path()).await;
        match std::env::var("ROADWARDEN_TEST_POSTGRES") {
            Ok(url) => postgres(&size, &url).await,
            Err(_) => println!("postgres: not run, ROADWARDEN_TEST_POSTGRES is not set"),
        }
    });
}

fn sqlite(folder: &Path, name: &str) -> String {
    format!("sqlite:{}/{name}.db", folder.display())
}

async fn postgres(size: &Size, server: &str) {
    let mut admin = AnyConnection::connect(server).await.expect("a server");
    let schema = format!("bench_{}", uuid::Uuid::now_v7().simple());
    let run = |sql: String| AssertSqlSafe(sql);
    admin
        .execute(run(format!("CREATE SCHEMA {schema}")))
        .await
        .expect("a schema");
    let joint = if server.contains('?') { '&' } else { '?' };
    on_engine(
        size,
        "postgres",
        format!("{server}{joint}options[search_path]={schema}"),
    )
    .await;
    admin
        .execute(run(format!("DROP SCHEMA {schema} CASCADE")))
        .await
        .expect("the schema goes");
}

async fn open(url: &str) -> (Store, Journal) {
    let store = Store::open(&StoreOptions::new(url, Role::Owner))
        .await
        .expect("a store");
    let journal = Journal::open(&store).await.expect("a journal");
    (store, journal)
}

async fn on_engine(size: &Size, engine: &str, url: String) {
    let (store, journal) = open(&url).await;
    journal_appends(size, engine, &journal).await;
    fleet(size, engine, &store).await;
    flushes(size, engine, &store).await;
    duty(size, engine, &store).await;
    journal.close().await;
    store.close().await;
}

/// Reports `count` things in `time`.
fn report(what: &str, count: u32, unit: &str, time: Duration) {
    let rate = f64::from(count) / time.as_secs_f64();
    println!("{what:<58} {rate:>14.0} {unit}/s  {time:>10.2?}");
}

/// Percentiles of latencies.
fn latency(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len() * percent / 100).copied();
    let show = |time: Option<Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1000.0);
    println!(
        "{what:<58} p50 {:.2} ms  p99 {:.2} ms  max {:.2} ms",
        show(at(50)),
        show(at(99)),
        show(times.last().copied())
    );
}

/// Fix `n` of a coach on its way.
fn fix(vehicle: u32, n: u32) -> Fix {
    let step = i32::try_from(n % 5000).unwrap_or(0);
    let time = Timestamp::from_millis(START_MS + i64::from(n) * 10_000);
    Fix {
        vehicle: VehicleId(vehicle),
        time,
        received: time + Span::from_millis(i64::from(400 + n * 37 % 300)),
        position: Position {
            lat_udeg: 28_200_000 + step * 1500 + step * 31 % 90,
            lon_udeg: 112_900_000 + step * 1800 - step * 17 % 70,
        },
        speed: Speed::from_mkmh(85_000 + n * 13 % 60 * 100),
        course: Course::from_degrees(u16::try_from(45 + n % 3).unwrap_or(0)),
        altitude_m: Some(50),
        odometer: Some(Odometer::from_hm(12_345 + n * 2)),
        alarm: 0,
        status: 3,
        passengers: None,
        events: Events::NONE,
        driver: None,
        source: Source::Terminal,
        quality: Quality::GOOD,
    }
}

/// A group commit: fixes of many vehicles, mixed.
fn commit(fixes: u32) -> Vec<Fix> {
    (0..fixes)
        .map(|n| fix(n * 7919 % 10_007, n % 1000))
        .collect()
}

fn track(size: &Size) {
    let rounds = size.of(100);
    let each = |bytes: &[u8]| f64::from(u32::try_from(bytes.len()).unwrap_or(0)) / 10_000.0;
    let run: Vec<Fix> = (0..10_000).map(|n| fix(1, n)).collect();
    let mixed = commit(10_000);
    let time = |work: &dyn Fn()| {
        work();
        let start = Instant::now();
        (0..rounds).for_each(|_| work());
        start.elapsed()
    };
    let bytes = encode_run(&run);
    let record = JournalRecord::encode(&mixed);
    println!(
        "track: {:.1} bytes a fix in a run, {:.1} in a mixed record",
        each(&bytes),
        each(&record)
    );
    let fixes = rounds * 10_000;
    let elapsed = time(&|| drop(black_box(encode_run(black_box(&run)))));
    report("track: encode a run", fixes, "fixes", elapsed);
    let elapsed = time(&|| drop(black_box(decode_run(VehicleId(1), black_box(&bytes)))));
    report("track: decode a run", fixes, "fixes", elapsed);
    let elapsed = time(&|| drop(black_box(JournalRecord::encode(black_box(&mixed)))));
    report(
        "track: encode a record of mixed vehicles",
        fixes,
        "fixes",
        elapsed,
    );
    let elapsed = time(&|| {
        let record = JournalRecord::open(black_box(&record)).expect("it is whole");
        black_box(record.fixes().flatten().count());
    });
    report("track: decode a record", fixes, "fixes", elapsed);
}

async fn journal_appends(size: &Size, engine: &str, journal: &Journal) {
    for fixes in [1, 100, 1000, 10_000] {
        let record = JournalRecord::encode(&commit(fixes));
        let rounds = size.of(if fixes > 1000 { 100 } else { 300 });
        let start = Instant::now();
        for _ in 0..rounds {
            let record = record.clone();
            journal.append(record, fixes).await.expect("an append");
        }
        let what = format!("{engine}: journal append, {fixes} fixes each");
        let elapsed = start.elapsed();
        report(&what, rounds, "appends", elapsed);
        report(&what, rounds * fixes, "fixes", elapsed);
    }
    let start = Instant::now();
    let mut next = 1;
    let mut fixes = 0;
    loop {
        let records = journal
            .read_from(next, 8 << 20)
            .await
            .expect("records are read");
        let Some(last) = records.last() else { break };
        next = last.sequence + 1;
        for record in &records {
            let record = JournalRecord::open(&record.bytes).expect("it is whole");
            fixes += u32::try_from(black_box(record.fixes().count())).unwrap_or(0);
        }
    }
    let what = format!("{engine}: journal read and decode");
    report(&what, fixes, "fixes", start.elapsed());
    let start = Instant::now();
    let last = journal.last_sequence().await.expect("a sequence");
    journal.trim(last).await.expect("trimmed");
    let records = u32::try_from(last).unwrap_or(0);
    let what = format!("{engine}: journal trim");
    report(&what, records, "records", start.elapsed());
}

/// 10,000 enterprises of ten vehicles each.
async fn fleet(size: &Size, engine: &str, store: &Store) {
    let enterprises = size.of(10_000);
    let folder = FleetFolder {
        enterprises: (0..enterprises).map(enterprise).collect(),
        vehicles: (0..enterprises * 10).filter_map(vehicle).collect(),
        ..FleetFolder::default()
    };
    let start = Instant::now();
    store.import_fleet(&folder).await.expect("an import");
    let what = format!("{engine}: import of a fleet");
    report(&what, enterprises * 10, "vehicles", start.elapsed());
}

fn enterprise(n: u32) -> Enterprise {
    Enterprise {
        id: format!("e{n:05}"),
        name: format!("安途运输 {n}"),
        credit_code: String::new(),
        region: "430102".parse().expect("a region"),
        kind: EnterpriseKind::Mixed,
        datum: None,
    }
}

fn vehicle(n: u32) -> Option<VehicleEntry> {
    Some(VehicleEntry {
        plate: Plate::new(&format!("湘A{n:06}"), PlateColor::Yellow)?,
        terminal: None,
        enterprise_id: format!("e{:05}", n / 10),
        class: VehicleClass::TouristCoach,
        seats: Some(45),
        region: None,
        line_km: None,
        route_id: None,
        datum: None,
    })
}

fn violation(id: u32, round: u32) -> ViolationUpsert {
    let fix = fix(1 + id % 1000, id);
    ViolationUpsert {
        id: format!("{id:032x}"),
        enterprise_id: "e00000".to_owned(),
        correction: None,
        violation: Violation {
            vehicle: fix.vehicle,
            driver: None,
            kind: ViolationKind::Speeding,
            started_at: fix.time,
            confirmed_at: fix.time,
            ended_at: None,
            peak: FixMark {
                time: fix.time,
                position: fix.position,
                speed: fix.speed,
            },
            limit: None,
            excess_ratio: 0.0625,
            legal_excess_ratio: 0.0,
            severity: Severity::L1,
            points: None,
            points_basis: None,
            details: Details::Speeding,
            evidence: EvidenceMarks {
                first_fix: fix.time,
                peak_fix: fix.time,
                last_fix: fix.time,
                fixes: round,
            },
            first_seen_at: fix.received,
            grave: None,
            rulebook_version: "1".to_owned(),
        },
    }
}

fn snapshot(vehicle: u32, sequence: u32) -> VehicleSnapshot {
    let tail: Vec<Fix> = (0..50).map(|n| fix(vehicle, n)).collect();
    let last = fix(vehicle, 50);
    VehicleSnapshot {
        vehicle: VehicleId(vehicle),
        journal_sequence: u64::from(sequence),
        state: vec![7; 1000],
        tail: encode_run(&tail),
        live: Some(LiveState {
            fix_at: last.time,
            received_at: last.received,
            position: last.position,
            speed: last.speed,
            course: last.course,
            alarm: last.alarm,
            status: last.status,
            driver: None,
            left: FatigueLeft::default(),
            first_qualified_at: Some(last.time),
            datum: None,
        }),
    }
}

fn vehicle_day(vehicle: u32, day: i64) -> VehicleDay {
    VehicleDay {
        vehicle: VehicleId(vehicle),
        day,
        fixes: 100,
        qualified: 100,
        duplicates: 0,
        first: fix(vehicle, 0).time,
        last: fix(vehicle, 50).time,
        online: MinuteSet::default(),
        driving: MinuteSet::default(),
    }
}

fn chunk(vehicle: u32, round: u32) -> TrackChunk {
    let fixes: Vec<Fix> = (round * 200..round * 200 + 200)
        .map(|n| fix(vehicle, n))
        .collect();
    TrackChunk {
        vehicle: VehicleId(vehicle),
        first: fix(vehicle, round * 200).time,
        last: fix(vehicle, round * 200 + 199).time,
        fixes: 200,
        late: false,
        bytes: encode_run(&fixes),
    }
}

/// Makes a flush of so many rows, in that round, on that local day.
type Part = fn(u32, u32, i64) -> Flush;

async fn flushes(size: &Size, engine: &str, store: &Store) {
    let day = LocalZone::default().day(Timestamp::from_millis(START_MS));
    let rounds = size.of(5);
    for full in [100, 1000, 10_000] {
        let count = size.of(full);
        let parts: [(&str, Part); 4] = [
            ("violations", |count, round, _| Flush {
                violations: (0..count).map(|id| violation(id, round)).collect(),
                ..Flush::default()
            }),
            ("snapshots", |count, round, _| Flush {
                vehicles: (1..=count).map(|id| snapshot(id, round)).collect(),
                ..Flush::default()
            }),
            ("chunks", |count, round, _| Flush {
                chunks: (1..=count).map(|id| chunk(id, round)).collect(),
                ..Flush::default()
            }),
            ("vehicle-days", |count, _, day| Flush {
                vehicle_days: (1..=count).map(|id| vehicle_day(id, day)).collect(),
                ..Flush::default()
            }),
        ];
        for (part, make) in parts {
            let mut spent = Duration::ZERO;
            for round in 0..rounds {
                let flush = make(count, round, day);
                let start = Instant::now();
                store.commit_flush(&flush).await.expect("a flush");
                spent += start.elapsed();
            }
            let what = format!("{engine}: flush of {count} {part}");
            report(&what, count * rounds, "rows", spent);
        }
    }
}

/// Facts of all enterprises over a day: every vehicle known, a tenth of them silent.
async fn duty(size: &Size, engine: &str, store: &Store) {
    let zone = LocalZone::default();
    let from = Timestamp::from_millis(START_MS);
    let day = zone.day(from);
    let enterprises = size.of(10_000);
    let mut minutes = MinuteSet::default();
    (300..900).for_each(|minute| minutes.insert(minute));
    for part in 0..10 {
        let vehicles = (1 + part..=enterprises * 10).step_by(10);
        let flush = Flush {
            vehicles: vehicles.clone().map(|id| snapshot(id, 1)).collect(),
            vehicle_days: vehicles
                .filter(|_| part > 0)
                .map(|id| vehicle_day(id, day))
                .collect(),
            operating: (0..enterprises)
                .map(|n| OperatingDay {
                    enterprise_id: format!("e{n:05}"),
                    day,
                    minutes,
                })
                .collect(),
            ..Flush::default()
        };
        store.commit_flush(&flush).await.expect("a flush");
    }
    let period = Period {
        from,
        to: from + Span::from_hours(24),
    };
    let mut times = Vec::new();
    for _ in 0..size.of(10).min(5) {
        let start = Instant::now();
        let facts = store
            .duty_facts(period, &DutyScope::default(), &zone)
            .await
            .expect("facts");
        assert_eq!(facts.len(), enterprises as usize);
        times.push(start.elapsed());
    }
    let what = format!("{engine}: duty facts of {enterprises} enterprises, a day");
    latency(&what, times);
    let one = DutyScope {
        enterprise_id: Some("e00000".to_owned()),
        region: None,
    };
    let mut times = Vec::new();
    for _ in 0..size.of(100) {
        let start = Instant::now();
        black_box(store.duty_facts(period, &one, &zone).await.expect("facts"));
        times.push(start.elapsed());
    }
    latency(
        &format!("{engine}: duty facts of one enterprise, a day"),
        times,
    );
}

/// What the journal's own file is worth on `SQLite`: latency of appends while flushes go on.
async fn one_file_or_two(size: &Size, folder: &Path) {
    let record = JournalRecord::encode(&commit(1000));
    let appends = size.of(500);
    for own_file in [true, false] {
        let url = sqlite(folder, if own_file { "two" } else { "one" });
        let (store, journal) = open(&url).await;
        let mut raw = AnyConnection::connect(&url).await.expect("a connection");
        raw.execute("PRAGMA busy_timeout = 60000; PRAGMA synchronous = FULL")
            .await
            .expect("settings");
        let stop = Arc::new(AtomicBool::new(false));
        let flushing = {
            let (store, stop) = (store.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut round = 0;
                while !stop.load(Ordering::Relaxed) {
                    let flush = Flush {
                        vehicles: (1..=2000).map(|id| snapshot(id, round)).collect(),
                        ..Flush::default()
                    };
                    store.commit_flush(&flush).await.expect("a flush");
                    round += 1;
                }
                round
            })
        };
        let mut times = Vec::new();
        for n in 0..appends {
            let record = record.clone();
            let start = Instant::now();
            if own_file {
                journal.append(record, 1000).await.expect("an append");
            } else {
                sqlx::query("INSERT INTO journal (sequence, fixes, bytes) VALUES ($1, 1000, $2)")
                    .bind(i64::from(n) + 1)
                    .bind(record)
                    .execute(&mut raw)
                    .await
                    .expect("an append");
            }
            times.push(start.elapsed());
        }
        stop.store(true, Ordering::Relaxed);
        let flushes = flushing.await.expect("flushes end");
        let file = if own_file {
            "a file of its own"
        } else {
            "the same file"
        };
        let total: Duration = times.iter().sum();
        latency(&format!("sqlite: append beside flushes, {file}"), times);
        println!("    {flushes} flushes of 2000 snapshots in the {total:.2?} of the appends");
        journal.close().await;
        store.close().await;
    }
}
