//! Whatever the arrival, the stored violations are those of judging the sorted track at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config as TestConfig, RngAlgorithm, TestRng, TestRunner};
use roadwarden::clock::Clock;
use roadwarden::config::{Config, Values};
use roadwarden::detect::{Rejudge, VehicleState, judge_track};
use roadwarden::ingest::{Directory, Engine, Parsed, Parts};
use roadwarden::live::Live;
use roadwarden::model::duty::MinuteSet;
use roadwarden::model::fleet::FleetFolder;
use roadwarden::model::{Fix, Span, Speed, Timestamp, VehicleId, Violation};
use roadwarden::rulebook;
use roadwarden::store::{Page, Role, Store, StoreOptions, StoredViolation, ViolationFilter};

use crate::detect_properties::any_track;
use crate::drive::moment;
use crate::store::samples::{enterprise, vehicle};
use crate::store::support::{Place, on_both_engines};

/// Vehicles of a world; every other one belongs to the second enterprise.
const VEHICLES: u32 = 10;

/// A server without sockets on a database.
struct World {
    place: Place,
    store: Store,
    engine: Engine,
    journal: roadwarden::journal::Journal,
}

fn config() -> Config {
    let mut values = Values::default();
    for (key, value) in [
        ("shard.flush_ms", "10"),
        ("rejudge.quiet_ms", "0"),
        ("rejudge.poll_ms", "10"),
    ] {
        values.set_default(key, value);
    }
    Config::new(&values).unwrap()
}

fn fleet(vehicles: u32) -> FleetFolder {
    FleetFolder {
        enterprises: vec![enterprise("e1", "430102"), enterprise("e2", "430103")],
        vehicles: (0..vehicles)
            .map(|n| {
                let owner = if n % 2 == 0 { "e1" } else { "e2" };
                vehicle(
                    &format!("湘A2{n:04}"),
                    &(13_900_000_000 + u64::from(n)).to_string(),
                    owner,
                )
            })
            .collect(),
        drivers: Vec::new(),
        monitors: Vec::new(),
        assignments: Vec::new(),
        permits: Vec::new(),
    }
}

/// The default rules with every time shorter, so that short tracks meet every limit.
fn short_rules() -> String {
    let mut text = rulebook::default_document().to_owned();
    for (from, to) in [
        ("version = \"cn-2026.1\"", "version = \"short\""),
        ("gap_min = 5", "gap_min = 2"),
        ("rest_min = 20", "rest_min = 5"),
        ("limit_min = 240", "limit_min = 40"),
        ("limit_min = 120", "limit_min = 15"),
        ("window_h = 24", "window_h = 2"),
        ("limit_min = 480", "limit_min = 50"),
        ("window_h = 168", "window_h = 5"),
        ("limit_min = 2640", "limit_min = 90"),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text
}

impl World {
    async fn new(place: Place, vehicles: u32) -> Self {
        let store = place.owner().await;
        store.import_fleet(&fleet(vehicles)).await.unwrap();
        let rules = short_rules();
        let version = rulebook::parse(&rules).unwrap().version;
        store.import_rules(&version, &rules).await.unwrap();
        Self::start(place, store).await
    }

    async fn start(place: Place, store: Store) -> Self {
        let journal = place.journal(&store).await;
        let parts = Parts {
            store: store.clone(),
            journal: journal.clone(),
            clock: Clock::manual(moment("12-01 00:00")),
            live: Live::new(0, 0),
        };
        let engine = Engine::start(parts, &config()).await.unwrap();
        Self {
            place,
            store,
            engine,
            journal,
        }
    }

    /// Ends in order, whatever is still to be judged again, and begins anew.
    async fn restart(self) -> Self {
        self.engine.drain().await;
        self.journal.close().await;
        self.store.close().await;
        // PostgreSQL gives the owner's lock back when it has seen the connection end.
        let options = StoreOptions::new(&self.place.url, Role::Owner);
        for _ in 0..500 {
            if let Ok(store) = Store::open(&options).await {
                return Self::start(self.place, store).await;
            }
        }
        panic!("the database stays in use");
    }

    async fn deliver(&self, fixes: &[Fix]) {
        let mut parsed = Parsed::default();
        parsed.fixes = fixes.to_vec();
        self.engine.intake().submit(&mut parsed).await.unwrap();
    }

    async fn close(self) {
        self.engine.drain().await;
        self.journal.close().await;
        self.store.close().await;
    }

    async fn violations(&self) -> Vec<StoredViolation> {
        let mut found = Vec::new();
        let mut page = Page::first(1000);
        loop {
            let filter = ViolationFilter::default();
            let listed = self.store.list_violations(&filter, &page).await.unwrap();
            found.extend(listed.items);
            page.after = listed.next;
            if page.after.is_none() {
                return found;
            }
        }
    }

    /// Compares every violation, and every minute of driving, with those of the sorted tracks.
    async fn check(&self, delivered: &[Fix]) {
        let directory = self.engine.directory();
        let mut tracks: BTreeMap<VehicleId, Vec<Fix>> = BTreeMap::new();
        for fix in delivered {
            tracks.entry(fix.vehicle).or_default().push(*fix);
        }
        let mut expected = Vec::new();
        let mut driving = BTreeMap::new();
        for (vehicle, fixes) in &tracks {
            let (violations, minutes) = batch(&directory, *vehicle, fixes);
            expected.extend(violations);
            driving.extend(
                minutes
                    .into_iter()
                    .map(|(day, set)| ((vehicle.0, day), set)),
            );
        }
        let mut found: Vec<Violation> = self
            .violations()
            .await
            .into_iter()
            .filter(|stored| !stored.withdrawn)
            .map(|stored| unseen(stored.violation))
            .collect();
        let key = |violation: &Violation| {
            let subject = violation.subject().to_owned();
            (
                violation.vehicle,
                violation.started_at,
                violation.kind,
                subject,
            )
        };
        found.sort_by_key(key);
        expected.sort_by_key(key);
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected);
        }
        assert_eq!(found.len(), expected.len());
        self.check_driving(&driving).await;
    }

    async fn check_driving(&self, expected: &BTreeMap<(u32, i64), MinuteSet>) {
        let mut found = BTreeMap::new();
        let mut page = Page::first(1000);
        loop {
            let listed = self.store.load_vehicle_days(0, &page).await.unwrap();
            for day in listed.items {
                if !day.driving.is_empty() {
                    found.insert((day.vehicle.0, day.day), day.driving);
                }
            }
            page.after = listed.next;
            if page.after.is_none() {
                break;
            }
        }
        for (key, minutes) in expected {
            let found = found.get(key).copied().unwrap_or_default();
            let missing = minutes.difference(&found).runs();
            let surplus = found.difference(minutes).runs();
            assert_eq!(
                (missing, surplus),
                (vec![], vec![]),
                "vehicle and day {key:?}"
            );
        }
        assert_eq!(&found, expected);
        let mut united: BTreeMap<(u32, i64), MinuteSet> = BTreeMap::new();
        for ((vehicle, day), minutes) in expected {
            // Vehicles are numbered from 1.
            let owner = if vehicle % 2 == 1 { 1 } else { 2 };
            united.entry((owner, *day)).or_default().union_with(minutes);
        }
        let mut raw = self.place.raw().await;
        let rows: Vec<(String, i64, Vec<u8>)> =
            sqlx::query_as("SELECT enterprise_id, day, minutes FROM operating_minutes")
                .fetch_all(&mut raw)
                .await
                .unwrap();
        let operating: BTreeMap<(u32, i64), MinuteSet> = rows
            .into_iter()
            .map(|(id, day, bytes)| {
                let owner = id.trim_start_matches('e').parse().unwrap();
                ((owner, day), MinuteSet::from_bytes(&bytes))
            })
            .filter(|(_, minutes)| !minutes.is_empty())
            .collect();
        assert_eq!(operating, united);
    }
}

/// A violation without the time when it was first seen, which depends on the arrival.
fn unseen(mut violation: Violation) -> Violation {
    violation.first_seen_at = Timestamp::MIN;
    violation
}

/// What judging the sorted track at once says.
fn batch(
    directory: &Arc<Directory>,
    vehicle: VehicleId,
    fixes: &[Fix],
) -> (Vec<Violation>, BTreeMap<i64, MinuteSet>) {
    let context = directory.context(directory.vehicle(vehicle).unwrap());
    let violations = judge_track(&context, fixes);
    let mut sorted = fixes.to_vec();
    sorted.sort_by_key(|fix| (fix.time, fix.received));
    let mut whole = Rejudge::new(VehicleState::default());
    for fix in &sorted {
        whole.handle_fix(&context, fix);
    }
    let mut driving = whole.driving.clone();
    driving.retain(|_, minutes| !minutes.is_empty());
    (violations.into_iter().map(unseen).collect(), driving)
}

/// A small random number generator for arrivals; the track itself comes from proptest.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Random drives of some days for every vehicle.
fn tracks(seed: u64, vehicles: u32, days: i64) -> Vec<Vec<Fix>> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(TestConfig::default(), random);
    (1..=vehicles)
        .map(|number| {
            let mut fixes = Vec::new();
            for day in 0..days {
                let drawn = any_track().new_tree(&mut runner).unwrap().current();
                fixes.extend(drawn.fixes().into_iter().map(|fix| Fix {
                    vehicle: VehicleId(number),
                    time: fix.time + Span::from_hours(24 * day),
                    ..fix
                }));
            }
            fixes.sort_by_key(|fix| fix.time);
            fixes.dedup_by_key(|fix| fix.time);
            fixes
        })
        .collect()
}

/// Fixes in the order of their arrival: blind stretches come hours late, some fixes come twice, some of
/// these contradict the first, some are out of order by a little.
fn arrivals(tracks: &[Vec<Fix>], dice: &mut Dice) -> Vec<Fix> {
    let mut arriving = Vec::new();
    for track in tracks {
        let mut blind_until = 0;
        for (index, fix) in track.iter().enumerate() {
            if blind_until < index && dice.roll(120) == 0 {
                blind_until = index + usize::try_from(dice.roll(60)).unwrap();
            }
            let late_s = if index < blind_until {
                // All that was blind comes together.
                3600 * (1 + i64::try_from(dice.roll(40)).unwrap())
            } else if dice.roll(30) == 0 {
                i64::try_from(dice.roll(600)).unwrap()
            } else {
                1
            };
            let mut fix = *fix;
            fix.received = fix.time + Span::from_seconds(late_s);
            arriving.push(fix);
            if dice.roll(25) == 0 {
                let mut again = fix;
                again.received =
                    fix.received + Span::from_seconds(1 + i64::try_from(dice.roll(9000)).unwrap());
                if dice.roll(3) == 0 {
                    again.speed = Speed::from_whole_kmh(u16::try_from(dice.roll(120)).unwrap());
                }
                arriving.push(again);
            }
        }
    }
    arriving.sort_by_key(|fix| fix.received);
    // No two arrive at the same moment.
    let mut last = Timestamp::MIN;
    for fix in &mut arriving {
        fix.received = fix.received.max(last + Span::from_millis(1));
        last = fix.received;
    }
    arriving
}

async fn live_is_batch(place: Place, seed: u64, days: i64) {
    let mut dice = Dice(seed);
    let delivered = arrivals(&tracks(seed, VEHICLES, days), &mut dice);
    let mut world = World::new(place, VEHICLES).await;
    let size = delivered.len() / 25 + 1;
    let mut first = true;
    for part in delivered.chunks(size) {
        world.deliver(part).await;
        if dice.roll(6) == 0 {
            world = world.restart().await;
        } else if dice.roll(4) == 0 || first {
            world.engine.settle().await;
        }
        first = false;
    }
    world.engine.settle().await;
    world.check(&delivered).await;
    let corrected = world.violations().await;
    let some = |wanted: fn(&StoredViolation) -> bool| corrected.iter().any(wanted);
    assert!(
        some(|v| v.withdrawn),
        "seed {seed}: something was taken back"
    );
    assert!(
        some(|v| !v.withdrawn && v.revision > 1),
        "seed {seed}: something was amended"
    );
    assert!(
        some(|v| v.revision == 1 && v.revision_reason.is_some()),
        "seed {seed}: something was found late"
    );
    world.close().await;
}

on_both_engines! {
    async fn whatever_the_arrival_the_verdicts_are_those_of_the_sorted_track(place: Place) {
        live_is_batch(place, 1, 3).await;
    }

    async fn days_of_late_data_over_restarts_end_the_same(place: Place) {
        live_is_batch(place, 7, 5).await;
    }
}
