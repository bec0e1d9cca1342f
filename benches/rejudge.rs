//! Late data: a fleet that uploads most of a day at once while another one reports as ever.
//!
//! `cargo bench --bench rejudge`. A whole engine without sockets on SQLite in the build folder, default
//! settings. Fixes judged again a second, and how long the reports of the punctual fleet take until they are
//! durable and until they are judged and stored, before and while the late ones are judged again. Run by
//! `cargo test` it does everything for a moment, as a test.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a bench stops where something is wrong, measures, and tells rounded figures"
)]

mod coach;
mod timing;

use std::time::{Duration, Instant};

use coach::Coach;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use roadwarden::clock::Clock;
use roadwarden::config::{Config, Values};
use roadwarden::ingest::{Engine, Intake, Parsed, Parts};
use roadwarden::journal::Journal;
use roadwarden::live::Live;
use roadwarden::model::fleet::{Enterprise, EnterpriseKind, FleetFolder, VehicleEntry};
use roadwarden::model::{Fix, Plate, PlateColor, Span, Timestamp, VehicleClass};
use roadwarden::store::{Role, Store, StoreOptions};
use roadwarden::telemetry::name;
use timing::{Times, latency, report};
use tokio_util::sync::CancellationToken;

/// Vehicles of each of the two fleets.
const VEHICLES: u32 = if cfg!(debug_assertions) { 4 } else { 500 };
/// Fixes sent at once.
const BATCH: usize = 1000;
/// Hours of the first day that come in time; the rest of the day comes late.
const PUNCTUAL: Span = Span::from_hours(9);
/// Pause between two batches of the punctual fleet: it reports every ten seconds.
const PAUSE: Duration = Duration::from_millis(100);

fn main() {
    let metrics = PrometheusBuilder::new().install_recorder().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let url = format!("sqlite:{}/bench.db", folder.path().display());
    runtime.block_on(async {
        let world = World::new(&url, metrics).await;
        world.run().await;
        world.engine.drain().await;
    });
}

struct World {
    engine: Engine,
    intake: Intake,
    journal: Journal,
    live: Live,
    metrics: PrometheusHandle,
}

impl World {
    async fn new(url: &str, metrics: PrometheusHandle) -> Self {
        let store = Store::open(&StoreOptions::new(url, Role::Owner))
            .await
            .unwrap();
        store.import_fleet(&fleet()).await.unwrap();
        let journal = Journal::open(&store).await.unwrap();
        let live = Live::new(0, 0);
        let parts = Parts {
            store,
            journal: journal.clone(),
            clock: Clock::manual(midnight() + Span::from_hours(48)),
            live: live.clone(),
        };
        let config = Config::new(&Values::default()).unwrap();
        let engine = Engine::start(parts, &config).await.unwrap();
        Self {
            intake: engine.intake(),
            engine,
            journal,
            live,
            metrics,
        }
    }

    async fn run(&self) {
        // Numbers are given from 1 on: the first half is late, the other one punctual.
        let mut late = Vec::new();
        let mut punctual = Vec::new();
        let mut next_day = Vec::new();
        for number in 1..=2 * VEHICLES {
            let mut coach = Coach::new(number, midnight());
            let mut track = Vec::new();
            coach.day(&mut track);
            let day_end = track.len();
            coach.day(&mut track);
            let rest = track.split_off(day_end);
            if coach.vehicle().0 > VEHICLES {
                punctual.extend(track);
                next_day.extend(rest);
                continue;
            }
            let from = track.partition_point(|fix| fix.time < midnight() + PUNCTUAL);
            late.extend(track.split_off(from));
            punctual.extend(track);
            // After it all before is late.
            punctual.extend(rest.first());
        }
        punctual.sort_by_key(|fix| fix.time);
        next_day.sort_by_key(|fix| fix.time);
        for batch in punctual.chunks(BATCH) {
            self.submit(batch).await;
        }
        self.engine.settle().await;
        println!(
            "{VEHICLES} vehicles with {} late fixes, {VEHICLES} that report as ever",
            late.len()
        );
        let mut next_day = next_day.chunks(VEHICLES as usize);
        let alone = CancellationToken::new();
        let before = self.report(&mut next_day, &alone, 100).await;
        before.print("before");
        let finished = CancellationToken::new();
        let (during, ()) = tokio::join!(
            self.report(&mut next_day, &finished, usize::MAX),
            self.judge_again(&late, &finished)
        );
        during.print("while late data are judged");
    }

    /// Sends the late fixes and waits until all verdicts stand.
    async fn judge_again(&self, late: &[Fix], finished: &CancellationToken) {
        let start = Times::now();
        for batch in late.chunks(BATCH) {
            self.submit(batch).await;
        }
        let sent = start.elapsed();
        let start = Times::now();
        self.engine.settle().await;
        let whole = sent.plus(&start.elapsed());
        finished.cancel();
        let again = self.counter(name::FIXES_REJUDGED);
        let vehicles = self.counter(name::REJUDGED_VEHICLES);
        let sent_fixes = late.len() as u64;
        report("late fixes made durable", sent_fixes, sent);
        report("late fixes durable and judged", sent_fixes, whole);
        report("fixes judged again", again, whole);
        println!("{vehicles} times a vehicle was judged again");
    }

    /// Sends batch after batch with pauses; how long each took.
    async fn report(
        &self,
        batches: &mut std::slice::Chunks<'_, Fix>,
        finished: &CancellationToken,
        batches_max: usize,
    ) -> Lag {
        let mut lag = Lag::default();
        let mut flushed = self.live.journal();
        for batch in batches.take(batches_max) {
            let start = Instant::now();
            self.submit(batch).await;
            lag.durable.push(start.elapsed());
            let last = self.journal.last_sequence().await.unwrap();
            flushed
                .wait_for(|position| *position >= last)
                .await
                .unwrap();
            lag.judged.push(start.elapsed());
            if finished.is_cancelled() {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        lag
    }

    async fn submit(&self, fixes: &[Fix]) {
        let mut parsed = Parsed::default();
        parsed.fixes = fixes.to_vec();
        self.intake.submit(&mut parsed).await.unwrap();
    }

    fn counter(&self, name: &str) -> u64 {
        let text = self.metrics.render();
        text.lines()
            .filter_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok())
            .sum()
    }
}

/// How long reports took.
#[derive(Default)]
struct Lag {
    durable: Vec<Duration>,
    judged: Vec<Duration>,
}

impl Lag {
    fn print(self, when: &str) {
        latency(&format!("punctual reports durable, {when}"), self.durable);
        latency(
            &format!("punctual reports judged and stored, {when}"),
            self.judged,
        );
    }
}

fn midnight() -> Timestamp {
    Timestamp::from_rfc3339("2026-11-20T00:00:00+08:00").unwrap()
}

fn fleet() -> FleetFolder {
    FleetFolder {
        enterprises: vec![Enterprise {
            id: "e1".to_owned(),
            name: "安途运输".to_owned(),
            credit_code: String::new(),
            region: "430102".parse().unwrap(),
            kind: EnterpriseKind::Passenger,
            datum: None,
        }],
        vehicles: (1..=2 * VEHICLES).map(vehicle).collect(),
        drivers: Vec::new(),
        monitors: Vec::new(),
        assignments: Vec::new(),
        permits: Vec::new(),
    }
}

fn vehicle(number: u32) -> VehicleEntry {
    VehicleEntry {
        plate: Plate::new(&format!("湘A{number:05}"), PlateColor::Yellow).unwrap(),
        terminal: None,
        enterprise_id: "e1".to_owned(),
        class: VehicleClass::LineCoach2,
        seats: Some(45),
        region: None,
        line_km: None,
        route_id: None,
        datum: None,
    }
}
