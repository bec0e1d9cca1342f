//! Whatever the arrival, the stored violations are those of judging the sorted track at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config as TestConfig, RngAlgorithm, TestRng, TestRunner};
use roadwarden::clock::Clock;
use roadwarden::config::{Config, Values};
use roadwarden::detect::{Rejudge, Subject, Track, VehicleState, judge_tracks};
use roadwarden::ingest::{Directory, Engine, Parsed, Parts, read_hours};
use roadwarden::live::Live;
use roadwarden::model::duty::MinuteSet;
use roadwarden::model::fleet::FleetFolder;
use roadwarden::model::{
    Fix, LocalZone, Quality, Source, Span, Timestamp, VehicleId, Violation, ViolationKind,
};
use roadwarden::rulebook;
use roadwarden::store::{
    Appeal, AppealStatus, DriverCard, Handling, HandlingResult, Page, RejudgeOrder, Role, Said,
    Store, StoreOptions, StoredViolation, ViolationFilter,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::detect_properties::any_track;
use crate::drive::{TWINS, drive, moment, twin};
use crate::store::samples::{enterprise, plate, vehicle};
use crate::store::support::{Place, on_both_engines};
use crate::support::server::{Server, succeed};

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
        self.stop().await;
        Self::begin(self.place).await
    }

    async fn stop(&self) {
        self.engine.drain().await;
        self.journal.close().await;
        self.store.close().await;
    }

    /// Begins with what the database holds.
    async fn begin(place: Place) -> Self {
        // PostgreSQL gives the owner's lock back when it has seen the connection end.
        let options = StoreOptions::new(&place.url, Role::Owner);
        for _ in 0..500 {
            if let Ok(store) = Store::open(&options).await {
                return Self::start(place, store).await;
            }
        }
        panic!("the database stays in use");
    }

    /// Imports rules, and waits until they are in force.
    async fn import(&self, text: &str) {
        let version = rulebook::parse(text).unwrap().version;
        self.store.import_rules(&version, text).await.unwrap();
        let version = self.store.registry_version().await.unwrap();
        while self.engine.directory().version < version {
            tokio::task::yield_now().await;
        }
    }

    /// Has the first vehicle judged again by the newest rules.
    async fn ask(&self, from: &str, to: &str, reason: &str) {
        let order = RejudgeOrder {
            from: moment(from),
            to: moment(to),
            plate: Some("湘A20000".to_owned()),
            enterprise_id: None,
            reason: reason.to_owned(),
        };
        assert_eq!(
            self.store.order_rejudging(&order).await.unwrap().vehicles,
            1
        );
        self.engine.settle().await;
    }

    /// The speeding that stands, as `08:00:00-08:01:00 over 60`.
    async fn standing(&self) -> Vec<String> {
        let clock = |time: Timestamp| {
            LocalZone::default()
                .rfc3339(time)
                .get(11..19)
                .unwrap()
                .to_owned()
        };
        let mut standing: Vec<_> = self.violations().await;
        standing
            .retain(|stored| !stored.withdrawn && stored.violation.kind == ViolationKind::Speeding);
        standing.sort_by_key(|stored| stored.violation.started_at);
        let told = |stored: StoredViolation| {
            let Violation {
                started_at,
                ended_at,
                limit,
                ..
            } = stored.violation;
            let (from, to) = (clock(started_at), ended_at.map_or_else(String::new, clock));
            format!("{from}-{to} over {}", limit.unwrap().monitor.kmh())
        };
        standing.into_iter().map(told).collect()
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
        let mut driving = BTreeMap::new();
        for (vehicle, fixes) in &tracks {
            let minutes = minutes(&directory, *vehicle, fixes);
            driving.extend(
                minutes
                    .into_iter()
                    .map(|(day, set)| ((vehicle.0, day), set)),
            );
        }
        // All at once, because drivers change vehicles.
        let all: Vec<Track<'_>> = tracks
            .iter()
            .map(|(vehicle, fixes)| Track {
                context: directory.context(directory.vehicle(*vehicle).unwrap()),
                fixes,
            })
            .collect();
        let mut expected: Vec<Violation> = judge_tracks(&all).into_iter().map(unseen).collect();
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
        let names = |list: &[Violation]| list.iter().map(key).collect::<BTreeSet<_>>();
        let (have, want) = (names(&found), names(&expected));
        let missing: Vec<_> = want.difference(&have).collect();
        let surplus: Vec<_> = have.difference(&want).collect();
        assert_eq!((missing, surplus), (vec![], vec![]), "missing and surplus");
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

/// A violation without the times when it was seen, which depend on the arrival.
fn unseen(mut violation: Violation) -> Violation {
    violation.first_seen_at = Timestamp::MIN;
    violation.grave = None;
    violation
}

/// Minutes of driving of the sorted track.
fn minutes(
    directory: &Arc<Directory>,
    vehicle: VehicleId,
    fixes: &[Fix],
) -> BTreeMap<i64, MinuteSet> {
    let context = directory.context(directory.vehicle(vehicle).unwrap());
    let mut sorted = fixes.to_vec();
    sorted.sort_by(|a, b| {
        let by_time = a.time.cmp(&b.time);
        by_time.then_with(|| a.precedence().cmp(&b.precedence()))
    });
    let mut whole = Rejudge::new(VehicleState::default());
    for fix in &sorted {
        whole.handle_fix(&context, fix);
    }
    let mut driving = whole.driving.clone();
    driving.retain(|_, minutes| !minutes.is_empty());
    driving
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

/// Random drives of some days for every vehicle, each day's cut off after so many fixes.
fn tracks(seed: u64, vehicles: u32, days: i64, fixes_max: usize) -> Vec<Vec<Fix>> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(TestConfig::default(), random);
    (1..=vehicles)
        .map(|number| {
            let mut fixes = Vec::new();
            for day in 0..days {
                let drawn = any_track().new_tree(&mut runner).unwrap().current();
                fixes.extend(drawn.fixes().into_iter().take(fixes_max).map(|fix| Fix {
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

/// Fixes in the order of their arrival: blind stretches, of which one begins after about so many fixes, come
/// hours late, some fixes come twice, some of these contradict the first, some are out of order by a little.
fn arrivals(tracks: &[Vec<Fix>], between_blind: u64, dice: &mut Dice) -> Vec<Fix> {
    let mut arriving = Vec::new();
    for track in tracks {
        let mut blind_until = 0;
        for (index, fix) in track.iter().enumerate() {
            if blind_until < index && dice.roll(between_blind) == 0 {
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
                if dice.roll(3) > 0 {
                    again = twin(&again, dice.roll(TWINS));
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

/// Every fix once and some again, differing in one field and received at nearly the same time, in any order.
fn contradicting(tracks: &[Vec<Fix>], dice: &mut Dice) -> Vec<Fix> {
    let mut arriving: Vec<Fix> = tracks.concat();
    for fix in &mut arriving {
        fix.received = moment("11-28 00:00");
    }
    for index in 0..arriving.len() {
        let mut other = arriving[index];
        while dice.roll(4) == 0 {
            other = twin(&other, dice.roll(TWINS));
            let steps = [0, 0, 0, 1, -1][usize::try_from(dice.roll(5)).unwrap()];
            other.received = other.received + Span::from_seconds(steps);
            arriving.push(other);
        }
    }
    for last in (1..arriving.len()).rev() {
        let other = usize::try_from(dice.roll(last as u64 + 1)).unwrap();
        arriving.swap(last, other);
    }
    arriving
}

/// Fix times with what contradicts the record that stands.
fn contradictions(delivered: &[Fix]) -> BTreeSet<(i64, i64, String)> {
    let mut sorted = delivered.to_vec();
    sorted.sort_by(|a, b| {
        let by_time = (a.vehicle, a.time).cmp(&(b.vehicle, b.time));
        by_time.then_with(|| a.precedence().cmp(&b.precedence()))
    });
    let mut found = BTreeSet::new();
    for records in sorted.chunk_by(|a, b| (a.vehicle, a.time) == (b.vehicle, b.time)) {
        let (stands, others) = records.split_first().unwrap();
        for other in others.iter().filter(|other| !stands.agrees_with(other)) {
            let note = format!(
                "{} stored, {} received",
                Said::from(stands),
                Said::from(other)
            );
            found.insert((i64::from(other.vehicle.0), other.time.millis(), note));
        }
    }
    found
}

async fn contradicting_in_any_order(place: Place, seed: u64, parts: usize) {
    let mut dice = Dice(seed);
    let delivered = contradicting(&tracks(seed, 4, 2, 400), &mut dice);
    let mut world = World::new(place, 4).await;
    for part in delivered.chunks(delivered.len().div_ceil(parts)) {
        world.deliver(part).await;
        match dice.roll(4) {
            0 => world = world.restart().await,
            1 => world.engine.settle().await,
            _ => {}
        }
    }
    world.engine.settle().await;
    world.check(&delivered).await;
    let mut raw = world.place.raw().await;
    let told: Vec<(i64, i64, String)> =
        sqlx::query_as("SELECT vehicle_id, at, note FROM contradictions")
            .fetch_all(&mut raw)
            .await
            .unwrap();
    // What came while a record without a place stood was taken for its repetition.
    let placeless: BTreeSet<_> = delivered
        .iter()
        .filter(|fix| fix.quality.contains(Quality::NO_FIX))
        .map(|fix| (i64::from(fix.vehicle.0), fix.time.millis()))
        .collect();
    let mut expected = contradictions(&delivered);
    expected.retain(|(vehicle, at, _)| !placeless.contains(&(*vehicle, *at)));
    let mut told: BTreeSet<_> = told.into_iter().collect();
    told.retain(|(vehicle, at, _)| !placeless.contains(&(*vehicle, *at)));
    assert!(expected.len() > 20, "{}", expected.len());
    assert_eq!(told, expected);
    let fixes: i64 = sqlx::query_scalar("SELECT CAST(SUM(fixes) AS BIGINT) FROM vehicle_days")
        .fetch_one(&mut raw)
        .await
        .unwrap();
    let mut times = BTreeMap::new();
    for fix in &delivered {
        let known = times.entry((fix.vehicle, fix.time)).or_insert(*fix);
        if fix.precedence() < known.precedence() {
            *known = *fix;
        }
    }
    assert_eq!(fixes, i64::try_from(times.len()).unwrap());
    for vehicle in 1..=4 {
        let stored = world
            .store
            .track(VehicleId(vehicle), Timestamp::MIN, Timestamp::MAX)
            .await
            .unwrap();
        let own: Vec<Fix> = times
            .values()
            .filter(|fix| fix.vehicle.0 == vehicle)
            .copied()
            .collect();
        let place = |fix: &Fix| Fix {
            quality: fix.quality.without(Quality::JUMP),
            ..*fix
        };
        assert_eq!(stored.iter().map(place).collect::<Vec<_>>(), own);
    }
    drop(raw);
    world.close().await;
}

async fn live_is_batch(place: Place, seed: u64, days: i64) {
    let mut dice = Dice(seed);
    let delivered = arrivals(&tracks(seed, VEHICLES, days, usize::MAX), 120, &mut dice);
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

    async fn records_of_one_time_in_one_body_are_one_choice(place: Place) {
        contradicting_in_any_order(place, 11, 1).await;
    }

    async fn records_of_one_time_in_many_bodies_are_one_choice(place: Place) {
        contradicting_in_any_order(place, 12, 60).await;
    }

    async fn days_of_late_data_over_restarts_end_the_same(place: Place) {
        live_is_batch(place, 7, 5).await;
    }

    async fn states_of_an_older_program_follow_from_the_tracks(place: Place) {
        let mut dice = Dice(3);
        let delivered = arrivals(&tracks(3, VEHICLES, 3, usize::MAX), 120, &mut dice);
        let (first, second) = delivered.split_at(delivered.len() / 2);
        let world = World::new(place, VEHICLES).await;
        world.deliver(first).await;
        world.engine.settle().await;
        world.stop().await;
        let mut raw = world.place.raw().await;
        // Version 1, which had no pieces.
        for (statement, table) in [
            ("UPDATE vehicle_states SET state = $1", "states"),
            ("UPDATE vehicle_checkpoints SET state = $1", "checkpoints"),
        ] {
            let done = sqlx::query(statement).bind(&[1_u8, 0, 0, 0, 0, 0][..]).execute(&mut raw).await;
            assert!(done.unwrap().rows_affected() > 0, "{table}");
        }
        sqlx::query("DELETE FROM driving").execute(&mut raw).await.unwrap();
        drop(raw);
        let world = World::begin(world.place).await.restart().await;
        world.deliver(second).await;
        world.engine.settle().await;
        world.check(&delivered).await;
        world.close().await;
    }

    async fn a_card_that_is_told_late_names_the_driver(place: Place) {
        let world = World::new(place, 2).await;
        let of = |vehicle, start, text| unnamed(vehicle, Source::Terminal, start, text);
        // Thirty minutes in one vehicle and twenty in the next: over forty without a rest.
        world.deliver(&of(1, "11-21 08:00", "drive 30m")).await;
        world.deliver(&of(2, "11-21 08:32", "drive 20m, stand 10m")).await;
        world.engine.settle().await;
        assert_eq!(world.violations().await, []);
        let driver = world.store.driver_id("430-1").await.unwrap();
        for (vehicle, at) in [(1, "11-21 07:50"), (2, "11-21 08:31")] {
            let card = DriverCard {
                vehicle: VehicleId(vehicle),
                at: moment(at),
                received: moment("11-21 12:00"),
                driver: Some(driver),
            };
            world.store.save_driver_card(&card, None).await.unwrap();
            world.store.save_driver_card(&card, None).await.unwrap();
            world.engine.settle().await;
        }
        let found = world.violations().await;
        let [stored] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(stored.violation.kind, ViolationKind::FatigueContinuous);
        assert_eq!(stored.violation.vehicle, VehicleId(2));
        assert_eq!(stored.violation.driver, Some(driver));
        assert_eq!(stored.violation.started_at, moment("11-21 08:42"));
        assert_eq!(stored.violation.ended_at, Some(moment("11-21 08:52")));
        assert_eq!(stored.violation.first_seen_at, moment("11-21 12:00"));
        let reason = stored.revision_reason.clone().unwrap();
        assert!(reason.starts_with("driver card of 2026-11-21T08:31:00+08:00"), "{reason}");
        // The same violation when it turns out that somebody else drove.
        let other = world.store.driver_id("430-2").await.unwrap();
        let card = DriverCard {
            vehicle: VehicleId(2),
            at: moment("11-21 08:33"),
            received: moment("11-21 13:00"),
            driver: Some(other),
        };
        world.store.save_driver_card(&card, None).await.unwrap();
        world.engine.settle().await;
        let found = world.violations().await;
        assert_eq!(found.len(), 1);
        assert!(found[0].withdrawn);
        let directory = world.engine.directory();
        let at = moment("11-21 09:10");
        let hours = read_hours(&world.store, &directory, Subject::Driver(other), None, at).await;
        let hours = hours.unwrap().unwrap();
        assert_eq!(hours.vehicle, Some(VehicleId(2)));
        assert_eq!(hours.left.driven, Span::ZERO);
        assert_eq!(hours.left.continuous, Some(Span::from_minutes(40)));
        assert_eq!(hours.left.hours24, Some(Span::from_minutes(50 - 19)));
        // The vehicle says the same, before anything more comes from it.
        let shown = world.store.vehicle(&plate("湘A20001")).await.unwrap().live.unwrap();
        assert_eq!((shown.driver, shown.left.hours24), (Some(other), hours.left.hours24));
        assert_eq!(shown.left.continuous, hours.left.continuous);
        world.close().await;
    }

    async fn a_card_holds_for_fixes_that_come_another_way(place: Place) {
        let world = World::new(place, 2).await;
        let by_http = |vehicle, start, text| unnamed(vehicle, Source::Http, start, text);
        let (early, late) = (
            world.store.driver_id("430-1").await.unwrap(),
            world.store.driver_id("430-2").await.unwrap(),
        );
        let card = |vehicle, driver, received: &str| DriverCard {
            vehicle: VehicleId(vehicle),
            at: moment("11-21 07:50"),
            received: moment(received),
            driver: Some(driver),
        };
        // Known before the fixes, and since before a restart; or told when all was judged.
        let told = card(1, early, "11-21 07:50");
        world.store.save_driver_card(&told, None).await.unwrap();
        let world = world.restart().await;
        for vehicle in [1, 2] {
            world.deliver(&by_http(vehicle, "11-21 08:00", "drive 45m, stand 10m")).await;
        }
        world.engine.settle().await;
        let told = card(2, late, "11-21 12:00");
        world.store.save_driver_card(&told, None).await.unwrap();
        world.engine.settle().await;
        let driven = |stored: &StoredViolation, driver| {
            let violation = &stored.violation;
            let held = (violation.started_at, violation.ended_at);
            violation.driver == Some(driver)
                && !stored.withdrawn
                && held == (moment("11-21 08:40"), Some(moment("11-21 08:45")))
        };
        let found = world.violations().await;
        for driver in [early, late] {
            assert!(found.iter().any(|stored| driven(stored, driver)), "{found:?}");
        }
        // Whom a fix names itself, he drove.
        let mut named = by_http(1, "11-21 10:00", "drive 45m, stand 10m");
        for fix in &mut named {
            fix.driver = Some(late);
        }
        world.deliver(&named).await;
        world.engine.settle().await;
        let at = moment("11-21 11:00");
        let directory = world.engine.directory();
        // Of ninety minutes, once forty-five and once twice as many.
        for (subject, left_min) in [(early, 45), (late, 0)] {
            let subject = Subject::Driver(subject);
            let hours = read_hours(&world.store, &directory, subject, None, at).await;
            let left = hours.unwrap().unwrap().left.days7;
            assert_eq!(left, Some(Span::from_minutes(left_min)), "{subject:?}");
        }
        world.close().await;
    }

    async fn a_terminals_fix_that_nobody_named_finds_its_card(place: Place) {
        let world = World::new(place, 1).await;
        let driver = world.store.driver_id("430-1").await.unwrap();
        let card = DriverCard {
            vehicle: VehicleId(1),
            at: moment("11-21 07:50"),
            received: moment("11-21 07:50"),
            driver: Some(driver),
        };
        world.store.save_driver_card(&card, None).await.unwrap();
        let world = world.restart().await;
        // Received after all cards, of a time that the terminal's connection had forgotten.
        let blind = Source::TerminalBlindArea;
        let fixes = unnamed(1, blind, "11-21 08:00", "drive 45m, stand 10m");
        world.deliver(&fixes).await;
        for again in [false, true] {
            if again {
                world.ask("11-21 00:00", "11-22 00:00", "to see that it stays").await;
            }
            world.engine.settle().await;
            let found = world.violations().await;
            let standing = found.iter().filter(|stored| !stored.withdrawn);
            let drivers: BTreeSet<_> = standing.map(|stored| stored.violation.driver).collect();
            assert_eq!(drivers, [Some(driver)].into(), "{found:?}");
        }
        world.close().await;
    }

    async fn of_cards_of_one_second_the_same_stands_whatever_came_first(place: Place) {
        let world = World::new(place, 6).await;
        // The greater licence has the smaller number.
        let stands = world.store.driver_id("430-9").await.unwrap();
        let other = world.store.driver_id("430-1").await.unwrap();
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        let told = [None, Some(other), Some(stands)];
        let cards = |vehicle: u32| {
            let order = orders[vehicle as usize - 1];
            // The first one comes again at the end.
            let order = [order[0], order[1], order[2], order[0]];
            (0..).zip(order).map(move |(second, which): (i64, usize)| DriverCard {
                vehicle: VehicleId(vehicle),
                at: moment(&format!("11-1{vehicle} 07:50")),
                received: moment("11-21 12:00") + Span::from_seconds(second),
                driver: told[which],
            })
        };
        // Of half of the vehicles the cards come before the fixes, of the others after them.
        for card in [2, 4, 6].into_iter().flat_map(cards) {
            world.store.save_driver_card(&card, None).await.unwrap();
        }
        let world = world.restart().await;
        for vehicle in 1..=6 {
            let start = format!("11-1{vehicle} 08:00");
            let fixes = unnamed(vehicle, Source::Http, &start, "drive 45m, stand 10m");
            world.deliver(&fixes).await;
        }
        world.engine.settle().await;
        for card in [1, 3, 5].into_iter().flat_map(cards) {
            world.store.save_driver_card(&card, None).await.unwrap();
            world.engine.settle().await;
        }
        let world = world.restart().await;
        for vehicle in 1..=6 {
            let stored = world.store.driver_cards(VehicleId(vehicle), Timestamp::MIN).await.unwrap();
            let stored: Vec<_> = stored.iter().map(|card| card.driver).collect();
            assert_eq!(stored, [Some(stands)], "{vehicle}");
            for card in cards(vehicle) {
                assert!(!world.store.is_driver_card_news(&card).await.unwrap(), "{card:?}");
            }
        }
        let found = world.violations().await;
        let standing = found.iter().filter(|stored| !stored.withdrawn);
        let standing: BTreeSet<_> = standing
            .filter(|stored| stored.violation.kind == ViolationKind::FatigueContinuous)
            .map(|stored| (stored.violation.vehicle.0, stored.violation.driver))
            .collect();
        assert_eq!(standing, (1..=6).map(|vehicle| (vehicle, Some(stands))).collect());
        world.close().await;
    }

    async fn whoever_has_not_driven_yet_has_all_before_him(place: Place) {
        let world = World::new(place, 1).await;
        let idle = Subject::Driver(world.store.driver_id("430-3").await.unwrap());
        let directory = world.engine.directory();
        let hours = read_hours(&world.store, &directory, idle, None, moment("11-21 09:10")).await;
        let hours = hours.unwrap().unwrap();
        assert_eq!((hours.known_until, hours.vehicle), (None, None));
        assert_eq!(hours.left.driven, Span::ZERO);
        assert_eq!(hours.left.continuous, Some(Span::from_minutes(40)));
        assert_eq!(hours.left.days7, Some(Span::from_minutes(90)));
        world.close().await;
    }
}

on_both_engines! {
    async fn a_month_of_two_hundred_vehicles_a_tenth_of_it_late(place: Place) {
        let mut dice = Dice(11);
        let tracks = tracks(11, 200, 30, 40);
        let delivered = arrivals(&tracks, 400, &mut dice);
        let hours_late = |fix: &&Fix| fix.received.since(fix.time) >= Span::from_hours(1);
        let late = delivered.iter().filter(hours_late).count() * 100 / delivered.len();
        assert!((8..=14).contains(&late), "{late} % late");
        let mut world = World::new(place, 200).await;
        for (week, part) in delivered.chunks(delivered.len().div_ceil(4)).enumerate() {
            for day in part.chunks(part.len().div_ceil(7)) {
                world.deliver(day).await;
            }
            if week == 1 {
                world = world.restart().await;
            }
        }
        world.engine.settle().await;
        world.check(&delivered).await;
        world.close().await;
    }
}

/// A drive of a vehicle that names nobody, a fix every ten seconds.
fn unnamed(vehicle: u32, source: Source, start: &str, text: &str) -> Vec<Fix> {
    let own = |fix| Fix {
        vehicle: VehicleId(vehicle),
        driver: None,
        source,
        ..fix
    };
    let fixes = drive(start, text, Span::from_seconds(10));
    fixes.into_iter().map(own).collect()
}

/// A fix every ten seconds from a second of the hour on, at a speed, on one vehicle; received two seconds after.
fn reports(seconds: impl Iterator<Item = i64>, kmh: u16, received_after_s: i64) -> Vec<Fix> {
    seconds
        .map(|second| {
            let time = moment("11-21 08:00") + Span::from_seconds(second);
            let place = crate::drive::place(300.0 + 25.0 * Span::from_seconds(second).seconds());
            let mut fix = crate::drive::fix(time, kmh, place);
            fix.received = time + Span::from_seconds(received_after_s);
            fix.driver = None;
            fix
        })
        .collect()
}

/// A minute of speeding, then a slower drive.
async fn speeding(world: &World) {
    let mut fixes = reports((0..60).step_by(10), 110, 2);
    fixes.extend(reports((60..900).step_by(10), 80, 2));
    world.deliver(&fixes).await;
    world.engine.settle().await;
}

/// What shows, hours later, that it was none: a slow fix between each two.
fn contrary() -> Vec<Fix> {
    reports((5..65).step_by(10), 70, 7200)
}

/// The short rules with another version and limit of coaches.
fn other_rules(version: &str, kmh: u16) -> String {
    short_rules()
        .replacen(
            "version = \"short\"",
            &format!("version = \"{version}\""),
            1,
        )
        .replacen("unknown_kmh = 100", &format!("unknown_kmh = {kmh}"), 1)
}

/// The first vehicle at 80 km/h, received so late, at these seconds from eight o'clock on.
fn at_eighty(seconds: impl Iterator<Item = i64>, received_after_s: i64) -> Vec<Fix> {
    reports(seconds, 80, received_after_s)
}

on_both_engines! {
    async fn what_was_judged_stays_judged_by_the_rules_of_its_time(place: Place) {
        let world = World::new(place, 1).await;
        world.deliver(&at_eighty((0..600).step_by(10), 2)).await;
        world.engine.settle().await;
        // Imported now, these rules hold since summer.
        world.import(&other_rules("strict", 60)).await;
        world.deliver(&at_eighty((5..600).step_by(50), 7200)).await;
        world.engine.settle().await;
        assert_eq!(world.standing().await, [""; 0]);
        let world = world.restart().await;
        world.deliver(&at_eighty([17, 588].into_iter(), 7200)).await;
        world.engine.settle().await;
        assert_eq!(world.standing().await, [""; 0]);
        // What comes next is judged by them, and late data between it too.
        world.deliver(&at_eighty((600..900).step_by(10), 2)).await;
        world.deliver(&reports((900..960).step_by(10), 30, 2)).await;
        world.engine.settle().await;
        let after = "08:10:00-08:15:00 over 60";
        assert_eq!(world.standing().await, [after]);
        let world = world.restart().await;
        world.deliver(&at_eighty([333, 777].into_iter(), 7200)).await;
        world.engine.settle().await;
        assert_eq!(world.standing().await, [after]);
        // Nothing was judged so long ago.
        world.deliver(&at_eighty((-3600..-3480).step_by(10), 9000)).await;
        world.deliver(&reports((-3480..-3400).step_by(10), 30, 9000)).await;
        world.engine.settle().await;
        let before = "07:00:00-07:02:00 over 60";
        assert_eq!(world.standing().await, [before, after]);
        // Where someone asks, the newest rules judge, and go on judging what comes late.
        world.ask("11-21 08:02", "11-21 08:05", "asked").await;
        let asked = "08:02:00-08:05:00 over 60";
        assert_eq!(world.standing().await, [before, asked, after]);
        world.import(&other_rules("mild", 90)).await;
        let world = world.restart().await;
        world.deliver(&at_eighty([-3555, 121, 222, 444, 888].into_iter(), 9000)).await;
        world.engine.settle().await;
        assert_eq!(world.standing().await, [before, asked, after]);
        world.ask("11-21 08:00", "11-21 08:10", "asked again").await;
        assert_eq!(world.standing().await, [before, after]);
        world.close().await;
    }

    async fn late_data_after_a_change_of_rules_change_what_they_would_have_changed_before(place: Place) {
        let mut dice = Dice(5);
        let change = moment("11-22 00:00");
        let all: Vec<Fix> = tracks(5, 6, 2, 500).concat();
        let (mut early, late): (Vec<Fix>, Vec<Fix>) = all.iter().partition(|fix| fix.time < change);
        early.sort_by_key(|fix| fix.time);
        let late_ones: BTreeSet<usize> = (0..early.len()).filter(|_| dice.roll(8) == 0).collect();
        let text = other_rules("other", 70)
            .replacen("limit_min = 40", "limit_min = 25", 1)
            .replacen("rest_min = 5", "rest_min = 8", 1);
        let mut found = Vec::new();
        let folder = tempfile::tempdir().unwrap();
        let in_order = Place { url: format!("sqlite:{}", folder.path().join("in-order.db").display()) };
        for (comes_late, place) in [(false, in_order), (true, place)] {
            let mut world = World::new(place, 6).await;
            // What lies before everything that was judged, or behind it, is judged for the first time.
            let lies_between = |fix: &Fix| {
                let others = early.iter().filter(|other| other.vehicle == fix.vehicle);
                let times: Vec<Timestamp> = others.map(|other| other.time).collect();
                times.first() < Some(&fix.time) && Some(&fix.time) < times.last()
            };
            let held = |index: usize, fix: &Fix| comes_late && late_ones.contains(&index) && lies_between(fix);
            let (mut held_back, mut first) = (Vec::new(), Vec::new());
            for (index, fix) in early.iter().enumerate() {
                if held(index, fix) { &mut held_back } else { &mut first }.push(*fix);
            }
            assert_eq!(held_back.len() > 100, comes_late);
            world.deliver(&first).await;
            world.engine.settle().await;
            world.import(&text).await;
            world.deliver(&late).await;
            if comes_late {
                for part in held_back.chunks(held_back.len().div_ceil(3)) {
                    world.deliver(part).await;
                    world.engine.settle().await;
                    world = world.restart().await;
                }
            }
            world.engine.settle().await;
            let mut standing = world.violations().await;
            standing.retain(|stored| !stored.withdrawn);
            let mut standing: Vec<Violation> = standing.into_iter().map(|v| unseen(v.violation)).collect();
            standing.sort_by_key(|v| (v.vehicle, v.started_at, v.kind, v.subject().to_owned()));
            found.push(standing);
            world.close().await;
        }
        let by = |version: &str| found[0].iter().filter(|v| v.rulebook_version == version).count();
        assert!(by("short") > 10 && by("other") > 10, "{} {}", by("short"), by("other"));
        assert_eq!(found[0].len(), found[1].len());
        for (one, other) in found[0].iter().zip(&found[1]) {
            assert_eq!(one, other);
        }
    }

    async fn what_was_taken_back_keeps_its_handling_and_its_history(place: Place) {
        let world = World::new(place, 1).await;
        speeding(&world).await;
        let found = world.violations().await.pop().unwrap();
        assert_eq!((found.revision, found.status().name()), (1, "closed"));
        let handling = Handling {
            id: "h1".to_owned(),
            violation_id: found.id.clone(),
            result: HandlingResult::Educated,
            note: "spoken to".to_owned(),
            evidence: None,
            author: "manager".to_owned(),
            at: moment("11-21 09:00"),
        };
        world.store.insert_handling(&handling).await.unwrap();
        let appeal = Appeal {
            id: "a1".to_owned(),
            violation_id: found.id.clone(),
            grounds: "it was none".to_owned(),
            appellant: "driver".to_owned(),
            evidence: None,
            at: moment("11-21 09:30"),
        };
        world.store.insert_appeal(&appeal).await.unwrap();
        let before = world.store.last_change().await.unwrap();
        world.deliver(&contrary()).await;
        world.engine.settle().await;
        let (now, revisions) = world.store.violation_revisions(&found.id).await.unwrap();
        assert_eq!((now.revision, now.status().name()), (2, "withdrawn"));
        assert_eq!(now.handled_at, Some(moment("11-21 09:00")));
        assert_eq!(now.appeal_status, Some(AppealStatus::Waiting));
        assert_eq!(
            now.revision_reason.as_deref(),
            Some(
                "late data: 6 fixes of 2026-11-21T08:00:05+08:00 to 2026-11-21T08:00:55+08:00, \
                 received 2026-11-21T10:00:05+08:00 to 2026-11-21T10:00:55+08:00"
            )
        );
        let told: Vec<_> = revisions.iter().map(|r| (r.revision, r.withdrawn)).collect();
        assert_eq!(told, [(1, false), (2, true)]);
        assert_eq!(revisions[0].violation, found.violation);
        assert_eq!((&revisions[0].reason, revisions[0].revised_at), (&None, found.revised_at));
        let changes = world.store.changes_after(before, 10).await.unwrap();
        let told: Vec<_> = changes
            .iter()
            .filter_map(|change| change.violation().unwrap())
            .map(|stored| (stored.id.clone(), stored.status().name()))
            .collect();
        assert_eq!(told, [(found.id, "withdrawn")]);
        world.close().await;
    }

    async fn a_moved_beginning_keeps_the_identifier_and_grows_in_order(place: Place) {
        let world = World::new(place, 1).await;
        world.deliver(&reports((20..80).step_by(10), 110, 2)).await;
        world.engine.settle().await;
        let found = world.violations().await.pop().unwrap();
        assert_eq!((found.status().name(), found.violation.started_at), ("open", moment("11-21 08:00:20")));
        world.deliver(&reports((0..20).step_by(10), 110, 300)).await;
        world.engine.settle().await;
        // What comes in order finds it under its new beginning.
        world.deliver(&reports((80..110).step_by(10), 110, 2)).await;
        world.deliver(&reports((110..200).step_by(10), 70, 2)).await;
        world.engine.settle().await;
        let all = world.violations().await;
        assert_eq!(all.len(), 1);
        assert_eq!((&all[0].id, all[0].revision), (&found.id, 2));
        assert_eq!(all[0].violation.started_at, moment("11-21 08:00"));
        assert_eq!(all[0].violation.ended_at, Some(moment("11-21 08:01:50")));
        assert_eq!(all[0].violation.first_seen_at, found.violation.first_seen_at);
        world.close().await;
    }

    async fn evidence_outlives_the_track_and_shows_what_was_touched(place: Place) {
        let world = World::new(place, 1).await;
        speeding(&world).await;
        let found = world.violations().await.pop().unwrap();
        let now = moment("12-02 00:00");
        let (_, made) = world.store.evidence(&found.id, now).await.unwrap();
        assert!(!made.kept);
        assert_eq!(world.store.keep_evidence(now, 10).await.unwrap(), 1);
        assert_eq!(world.store.keep_evidence(now, 10).await.unwrap(), 0);
        let (stored, kept) = world.store.evidence(&found.id, moment("12-03 00:00")).await.unwrap();
        assert_eq!((kept.kept, &kept.hash, kept.made_at), (true, &made.hash, now));
        // The minute and five minutes behind it; nothing was before.
        assert_eq!(kept.fixes.len(), 37);
        let text = kept.canonical(&stored).unwrap();
        assert!(text.starts_with(&format!("roadwarden evidence 1\n{}\n1\nholds\n湘A20000 yellow\n", found.id)), "{text}");
        assert_eq!(world.store.check_evidence().await.unwrap(), (1, vec![]));
        // Fixes that came later change neither what was known then nor its hash.
        let later = reports([303, 305].into_iter(), 79, 2_000_000);
        world.deliver(&later).await;
        world.engine.settle().await;
        assert_eq!(world.store.check_evidence().await.unwrap(), (1, vec![]));
        assert_eq!(world.store.evidence_of(&found.id, 2).await.unwrap(), None);
        let mut raw = world.place.raw().await;
        sqlx::query("UPDATE violation_evidence SET hash = 'other'").execute(&mut raw).await.unwrap();
        let (checked, wrong) = world.store.check_evidence().await.unwrap();
        assert_eq!((checked, wrong.len()), (1, 1));
        world.close().await;
    }

    async fn what_a_superseded_revision_rested_on_stays(place: Place) {
        let world = World::new(place, 1).await;
        speeding(&world).await;
        let found = world.violations().await.pop().unwrap();
        let id = found.id.as_str();
        let made_at = moment("12-02 00:00");
        assert_eq!(world.store.keep_evidence(made_at, 10).await.unwrap(), 1);
        let (_, first) = world.store.evidence(id, made_at).await.unwrap();
        let kept = async || {
            let (_, revisions) = world.store.violation_revisions(id).await.unwrap();
            revisions.iter().map(|r| r.evidence_kept).collect::<Vec<_>>()
        };
        assert_eq!(kept().await, [true]);
        // After the copy was made.
        world.deliver(&reports((5..65).step_by(10), 70, 2_000_000)).await;
        world.engine.settle().await;
        assert_eq!(kept().await, [true, false]);
        let (then, old) = world.store.evidence_of(id, 1).await.unwrap().unwrap();
        assert_eq!((then.revision, then.withdrawn, &then.violation), (1, false, &found.violation));
        assert_eq!(old, first);
        assert_eq!(world.store.check_evidence().await.unwrap(), (1, vec![]));
        // The withdrawal has its own, with the fixes that contradict.
        assert_eq!(world.store.keep_evidence(moment("12-30 00:00"), 10).await.unwrap(), 1);
        let (now, new) = world.store.evidence(id, moment("12-30 00:00")).await.unwrap();
        assert_eq!((now.withdrawn, new.fixes.len()), (true, old.fixes.len() + 6));
        assert_eq!(kept().await, [true, true]);
        assert_eq!(world.store.check_evidence().await.unwrap(), (2, vec![]));
        let mut raw = world.place.raw().await;
        sqlx::query("UPDATE violation_evidence SET hash = 'other' WHERE revision = 1")
            .execute(&mut raw)
            .await
            .unwrap();
        let (_, wrong) = world.store.check_evidence().await.unwrap();
        assert_eq!(wrong, [(found.id.clone(), "revision 1: the hash does not fit".to_owned())]);
        world.close().await;
    }

    async fn evidence_that_its_revision_has_outgrown_is_none(place: Place) {
        let world = World::new(place, 1).await;
        speeding(&world).await;
        let found = world.violations().await.pop().unwrap();
        assert_eq!(world.store.keep_evidence(moment("12-02 00:00"), 10).await.unwrap(), 1);
        // It grows on, and is corrected before its evidence is made again.
        let mut raw = world.place.raw().await;
        sqlx::query("UPDATE violations SET evidence_due = 0").execute(&mut raw).await.unwrap();
        world.deliver(&contrary()).await;
        world.engine.settle().await;
        assert_eq!(world.store.evidence_of(&found.id, 1).await.unwrap(), None);
        world.close().await;
    }

    async fn other_rules_change_drivers_hours_where_someone_asks(place: Place) {
        let world = World::new(place, 1).await;
        world.deliver(&drive("11-21 08:00", "drive 45m, stand 10m", Span::from_seconds(10))).await;
        world.deliver(&drive("11-21 12:00", "drive 45m", Span::from_seconds(10))).await;
        world.engine.settle().await;
        let told = async || {
            let mut told: Vec<_> = world
                .violations()
                .await
                .iter()
                .filter(|stored| stored.violation.kind == ViolationKind::FatigueContinuous)
                .map(|stored| {
                    let begin = stored.violation.started_at.since(moment("11-21 08:00"));
                    let version = stored.violation.rulebook_version.clone();
                    (begin.minutes(), stored.revision, stored.status().name(), version)
                })
                .collect();
            told.sort_by(|a, b| a.partial_cmp(b).unwrap());
            told
        };
        let was = |begin: f64, status| (begin, 1, status, "short".to_owned());
        assert_eq!(told().await, [was(40.0, "closed"), was(280.0, "open")]);
        let ask = async |version: &str, limit_min: u32| {
            let rules = short_rules()
                .replacen("version = \"short\"", &format!("version = \"{version}\""), 1)
                .replacen("limit_min = 40", &format!("limit_min = {limit_min}"), 1);
            world.import(&rules).await;
            // Only the morning.
            let reason = format!("rules/{version}");
            world.ask("11-21 08:00", "11-21 10:00", &reason).await;
        };
        ask("strict", 30).await;
        let strict = (30.0, 2, "closed", "strict".to_owned());
        assert_eq!(told().await, [strict, was(280.0, "open")]);
        ask("mild", 60).await;
        let gone = (30.0, 3, "withdrawn", "strict".to_owned());
        assert_eq!(told().await, [gone, was(280.0, "open")]);
        ask("again", 40).await;
        let again = (40.0, 1, "closed", "again".to_owned());
        let all = told().await;
        assert_eq!(all[1], again, "{all:?}");
        let stored = world.violations().await;
        let found = stored.iter().find(|stored| stored.violation.rulebook_version == "again");
        let found = found.unwrap();
        assert_eq!(found.revision_reason.as_deref(), Some("rules/again"));
        assert!(found.violation.first_seen_at >= moment("12-01 00:00"), "nobody could see it before");
        world.close().await;
    }

    async fn other_rules_change_the_past_only_where_someone_asks(place: Place) {
        let world = World::new(place, 2).await;
        let strict = other_rules("strict", 60);
        let drive = reports((0..600).step_by(10), 80, 2);
        let second: Vec<Fix> = drive.iter().map(|fix| Fix { vehicle: VehicleId(2), ..*fix }).collect();
        world.deliver(&drive).await;
        world.deliver(&second).await;
        world.engine.settle().await;
        assert_eq!(world.violations().await.len(), 0);
        world.import(&strict).await;
        world.ask("11-21 08:00", "11-21 09:00", "rules/strict").await;
        let found = world.violations().await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].violation.vehicle, VehicleId(1));
        assert_eq!(found[0].violation.rulebook_version, "strict");
        assert_eq!(found[0].revision_reason.as_deref(), Some("rules/strict"));
        let counts = world.store.corrections_with("rules/strict").await.unwrap();
        assert_eq!((counts.created, counts.amended, counts.withdrawn), (1, 0, 0));
        world.close().await;
    }
}

#[test]
fn files_that_contradict_each_other_may_come_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("fleet")).unwrap();
    write(
        "fleet/enterprises.csv",
        "id,name,credit_code,region,kind\nE1,青禾客运,,430102,passenger\n",
    );
    write(
        "fleet/vehicles.csv",
        "plate,plate_color,terminal,enterprise_id,class,seats,region,line_km,route_id\n\
         湘A10001,yellow,13912340001,E1,line_coach_2,45,,180,\n",
    );
    // One source is wrong about the speed for a while, and they know different drivers, both new.
    let lines = |driver: &str, slow: std::ops::Range<u32>| -> String {
        let line = |step: u32| {
            let (minute, second) = (step / 6, step % 6 * 10);
            let (lat, speed) = (
                28.1 + f64::from(step) * 0.003,
                if slow.contains(&step) { 0 } else { 115 },
            );
            format!(
                "{{\"plate\":\"湘A10001\",\"plate_color\":\"yellow\",\"lat\":{lat:.4},\"lon\":112.9,\
                 \"time\":\"2026-11-20T08:{minute:02}:{second:02}+08:00\",\"speed_kmh\":{speed},\
                 \"driver\":\"{driver}\"}}\n"
            )
        };
        (0..60).map(line).collect()
    };
    write("one.ndjson", &lines("Z1", 20..30));
    write("other.ndjson", &lines("A1", 60..60));
    let (one, other) = (path("one.ndjson"), path("other.ndjson"));
    let told = |violations: &str| -> Vec<(String, String, String)> {
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let read = |line: &str| {
            let value: Value = serde_json::from_str(line).unwrap();
            (
                text(&value, "kind"),
                text(&value, "started_at"),
                text(&value, "driver"),
            )
        };
        let mut told: Vec<_> = violations.lines().map(read).collect();
        told.sort();
        told
    };
    let mut results = Vec::new();
    for (name, files) in [("a", [&one, &other]), ("b", [&other, &one])] {
        let evaluated = succeed(&[
            "evaluate",
            "--fleet",
            &path("fleet"),
            "--fixes",
            files[0],
            "--fixes",
            files[1],
        ]);
        results.push(told(&evaluated));
        let data = path(name);
        succeed(&["import", "fleet", &path("fleet"), "--data", &data]);
        succeed(&["replay", files[0], files[1], "--data", &data]);
        let exported = succeed(&["export", "violations", "--data", &data]);
        results.push(told(&exported));
    }
    assert!(results[0].len() == 2, "{results:?}");
    assert!(
        results.iter().all(|result| *result == results[0]),
        "{results:?}"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
fn the_command_judges_again_alone_and_beside_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("fleet")).unwrap();
    write(
        "fleet/enterprises.csv",
        "id,name,credit_code,region,kind\nE1,青禾客运,,430102,passenger\n",
    );
    write(
        "fleet/vehicles.csv",
        "plate,plate_color,terminal,enterprise_id,class,seats,region,line_km,route_id\n\
         湘A10001,yellow,13912340001,E1,line_coach_2,45,,180,\n",
    );
    let lines: Vec<String> = (0..60)
        .map(|step| {
            let (minute, second) = (step / 6, step % 6 * 10);
            let lat = 28.1 + f64::from(step) * 0.0023;
            format!(
                "{{\"plate\":\"湘A10001\",\"plate_color\":\"yellow\",\"lat\":{lat:.4},\"lon\":112.9,\
                 \"time\":\"2026-11-20T08:{minute:02}:{second:02}+08:00\",\"speed_kmh\":92}}\n"
            )
        })
        .collect();
    write("drive.ndjson", &lines.concat());
    let rules = |version: &str, cap: u32| {
        let cap = format!("other_kmh = 100, unknown_kmh = {cap}");
        rulebook::default_document()
            .replacen("cn-2026.1", version, 1)
            .replacen("other_kmh = 100, unknown_kmh = 100", &cap, 1)
    };
    write("strict.toml", &rules("strict", 80));
    write("mild.toml", &rules("mild", 100));
    let data = path("data");
    let command = |arguments: &[&str]| {
        let all: Vec<&str> = arguments.iter().copied().chain(["--data", &data]).collect();
        succeed(&all)
    };
    command(&["import", "fleet", &path("fleet")]);
    command(&["replay", &path("drive.ndjson")]);
    command(&["import", "rules", &path("strict.toml")]);
    let rejudge = [
        "rejudge",
        "--from",
        "2026-11-20T00:00:00+08:00",
        "--to",
        "2026-11-21T00:00:00+08:00",
    ];
    let said: Value = serde_json::from_str(&command(&rejudge)).unwrap();
    assert_eq!(
        (&said["vehicles"], &said["created"]),
        (&json!(1), &json!(1)),
        "{said}"
    );
    let server = Server::start(&folder.path().join("data"), &[]);
    command(&["import", "rules", &path("mild.toml")]);
    let said: Value = serde_json::from_str(&command(&rejudge)).unwrap();
    assert_eq!(
        (&said["created"], &said["withdrawn"]),
        (&json!(0), &json!(1)),
        "{said}"
    );
    let list = server.get("/api/v1/violations");
    let id = list["items"][0]["id"].as_str().unwrap();
    let revisions = server.get(&format!("/api/v1/violations/{id}/revisions"));
    let told: Vec<_> = revisions["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| json!([item["revision"], item["status"], item["change"]]))
        .collect();
    assert_eq!(
        told,
        [
            json!([1, "open", "created"]),
            json!([2, "withdrawn", "withdrawn"])
        ]
    );
    let reason = revisions["items"][1]["revision_reason"].as_str().unwrap();
    assert!(reason.starts_with("rules/mild: "), "{reason}");
    let path = format!("/api/v1/violations/{id}/evidence");
    let evidence = server.get(&path);
    assert_eq!(evidence["fixes"].as_array().unwrap().len(), 60);
    let (status, canonical) = server.request("GET", &format!("{path}?format=canonical"), None);
    assert_eq!(status, 200);
    let hash: Vec<String> = Sha256::digest(canonical.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(evidence["hash"], hash.concat());
    // It was taken back before its end, and nothing was copied.
    assert_eq!(revisions["items"][0]["evidence_kept"], false);
    let (status, _) = server.request("GET", &format!("{path}?revision=1"), None);
    assert_eq!(status, 404);
    assert_eq!(server.get(&format!("{path}?revision=2"))["revision"], 2);
    server.stop();
}
