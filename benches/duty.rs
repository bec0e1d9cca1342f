//! The failing list of a province: pure judging, a list made anew, and a list asked for again.
//!
//! `cargo bench --bench duty` runs it whole (10,000 enterprises, 30 days); run by `cargo test` it
//! is done once over ten enterprises. Set-up is outside every measured stretch.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench measures time, prints what it found and stops where it cannot go on"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use roadwarden::duty::{DutyVerdict, evaluate};
use roadwarden::model::duty::{DutyFacts, MinuteSet, Period};
use roadwarden::model::fleet::{Enterprise, EnterpriseKind, FleetFolder, Monitor, VehicleEntry};
use roadwarden::model::{LocalZone, Plate, PlateColor, Span, Timestamp, VehicleClass};
use roadwarden::store::{DutyScope, Flush, OperatingDay, Role, Store, StoreOptions};

/// Days of the period.
const DAYS: i64 = 30;
/// Lists made anew.
const ROUNDS: u32 = 5;

fn main() {
    let quick = !std::env::args().any(|argument| argument == "--bench");
    let enterprises = if quick { 10 } else { 10_000 };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure(enterprises));
}

async fn measure(enterprises: usize) {
    let folder = tempfile::TempDir::new().unwrap();
    let url = format!("sqlite:{}", folder.path().join("duty.db").display());
    let store = Store::open(&StoreOptions::new(url, Role::Owner))
        .await
        .unwrap();
    let zone = LocalZone::default();
    let to = Timestamp::from_rfc3339("2026-11-21T00:00:00+08:00").unwrap();
    let period = Period {
        from: to - Span::from_hours(24 * DAYS),
        to,
    };
    seed(&store, enterprises, zone.day(period.from)).await;

    let mut facts: Vec<DutyFacts> = Vec::new();
    let mut reading = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        facts = store
            .duty_facts(period, &DutyScope::default(), &zone)
            .await
            .unwrap();
        reading.push(began.elapsed());
    }
    let rules = roadwarden::rulebook::parse(roadwarden::rulebook::default_document()).unwrap();
    let mut judging = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let verdicts = facts
            .iter()
            .map(|one| evaluate(one, period, to, &rules.duty, zone));
        black_box(verdicts.filter(DutyVerdict::is_failing).count());
        judging.push(began.elapsed());
    }
    println!("{enterprises} enterprises, {DAYS} days, SQLite");
    report("reading the facts", &mut reading);
    report("judging them", &mut judging);
}

/// Half of the days of every enterprise have two shifts' worth of operating minutes.
async fn seed(store: &Store, enterprises: usize, first_day: i64) {
    let id = |number: usize| format!("E{number:05}");
    let monitor = |number: usize, which: usize| Monitor {
        id: format!("m{number}-{which}"),
        name: "monitor".to_owned(),
        enterprise_id: id(number),
        trained_until: Some(Timestamp::MAX),
    };
    let folder = FleetFolder {
        enterprises: (0..enterprises)
            .map(|number| Enterprise {
                id: id(number),
                name: id(number),
                credit_code: String::new(),
                region: "430102".parse().unwrap(),
                kind: EnterpriseKind::Tourist,
                datum: None,
            })
            .collect(),
        vehicles: (0..enterprises)
            .map(|number| VehicleEntry {
                plate: Plate::new(&format!("湘A{number:05}"), PlateColor::Yellow).unwrap(),
                terminal: None,
                enterprise_id: id(number),
                class: VehicleClass::TouristCoach,
                seats: None,
                region: None,
                line_km: None,
                route_id: None,
                datum: None,
            })
            .collect(),
        monitors: (0..enterprises)
            .flat_map(|number| [monitor(number, 1), monitor(number, 2)])
            .collect(),
        ..FleetFolder::default()
    };
    store.import_fleet(&folder).await.unwrap();
    for day in 0..DAYS {
        let operating = (0..enterprises)
            .map(|number| {
                let mut minutes = MinuteSet::default();
                minutes.insert_range(360..720);
                minutes.insert_range(780..1140);
                OperatingDay {
                    enterprise_id: id(number),
                    day: first_day + day,
                    minutes,
                }
            })
            .collect();
        let flush = Flush {
            operating,
            ..Flush::default()
        };
        store.commit_flush(&flush).await.unwrap();
    }
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let worst = times.last().copied().unwrap_or_default();
    println!("{what}: median {median:?}, worst {worst:?}");
}
