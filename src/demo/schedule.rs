//! What each vehicle does: the first day, the history day, and the day itself.
//!
//! Every behaviour that the duty rules or the detectors must find, or must not find, is written
//! here once.

use super::behaviour::{Drive, Link, Log};
use super::cast::{Part, Room, SILENT_VEHICLES};
use crate::model::{Span, Timestamp, VehicleClass};
use crate::simulate::terminal::Card;

/// The days of the demo. Each moment is the beginning of what it names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calendar {
    /// All vehicles come into the network.
    pub(super) joining: Timestamp,
    /// Local midnight of the history day.
    pub(super) history: Timestamp,
    /// Local midnight of the day.
    pub(super) day: Timestamp,
}

/// A moment of a day.
pub(super) fn at(midnight: Timestamp, hour: i64, minute: i64) -> Timestamp {
    midnight + Span::from_minutes(hour * 60 + minute)
}

/// Where a vehicle must stand at first for its part: share of its path.
pub(super) fn start_share(part: &Part, index: u32) -> Option<f64> {
    // The tanker leaves its route on a long stretch without a town.
    (part.id == "E07" && index == 0).then_some(0.45)
}

/// Writes the whole life of vehicle `index` (from 0) of an enterprise.
pub(super) fn live(log: &mut Log, part: &Part, index: u32, calendar: &Calendar) {
    join(log);
    if part.id == "E05" && index < SILENT_VEHICLES {
        return;
    }
    // The last vehicles speed on the history day: the first ones have parts of their own.
    if index >= part.vehicles.saturating_sub(part.history_speeders) {
        speed_once(log, index, calendar.history);
    }
    let day = calendar.day;
    match (part.id, index) {
        ("E01", 0) => coach_that_speeds_by_day(log, day),
        ("E01", 1) => coach_that_speeds_by_night(log, day),
        ("E01", 2..=4) | ("E02", 0..=3) => night_coach(log, index, day),
        ("E01", 5) => coach_through_the_blind_area(log, day),
        ("E07", 0) => tanker_off_its_route(log, day),
        ("E08", 0) => coach_far_too_fast(log, day),
        ("E09", 0) => tired_driver(log, day),
        ("E10", 0) => coach_on_the_parallel_road(log, day),
        ("E10", 1) => coach_with_the_exact_rest(log, day),
        ("E11", 0) => truck_that_goes_dark(log, day),
        ("E11", 1) => truck_with_two_stories(log, day),
        _ => ordinary_day(log, part, index, day),
    }
}

/// The first day: a few minutes around the yard, so that the vehicle is in the network.
fn join(log: &mut Log) {
    log.drive(Drive::new(4.0, 30.0));
    log.stand(2.0);
}

/// 115 km/h for three minutes where 100 is allowed: 15 %.
fn speed_once(log: &mut Log, index: u32, midnight: Timestamp) {
    log.park_until(at(midnight, 9, i64::from(index) * 4));
    log.drive(Drive::new(15.0, 84.0).rolling());
    log.drive(Drive::new(3.0, 115.0).rolling());
    log.drive(Drive::new(10.0, 84.0));
    log.stand(2.0);
}

/// Drives and rests in turn, in minutes; the driver's card is in from first to last.
fn shift(log: &mut Log, from: Timestamp, kmh: f64, turns: &[(f64, f64)]) {
    log.park_until(from);
    log.card(Card::In);
    for (drive, rest) in turns {
        log.drive(Drive::new(*drive, kmh));
        if *rest > 0.0 {
            log.rest(*rest);
        }
    }
    log.card(Card::Out);
    log.stand(1.0);
}

/// Lawful: at most 7 h of driving, no four hours without a rest, slow enough for the night.
fn ordinary_day(log: &mut Log, part: &Part, index: u32, day: Timestamp) {
    let stagger = i64::from(index) * 7;
    let late = index % 3 == 2;
    match part.class {
        VehicleClass::Hazmat => {
            let from = at(day, 6, 50 + stagger);
            shift(
                log,
                from,
                57.0,
                &[(110.0, 45.0), (110.0, 45.0), (90.0, 0.0)],
            );
        }
        VehicleClass::HeavyTruck => {
            let from = at(day, 8, stagger);
            shift(log, from, 62.0, &[(150.0, 40.0), (130.0, 0.0)]);
        }
        VehicleClass::TouristCoach | VehicleClass::CharterCoach => {
            let from = at(day, 7, 40 + stagger);
            shift(log, from, 82.0, &[(90.0, 110.0), (60.0, 90.0), (90.0, 0.0)]);
        }
        _ if late => {
            let from = at(day, 12, stagger);
            shift(
                log,
                from,
                74.0,
                &[(100.0, 25.0), (100.0, 40.0), (100.0, 25.0), (60.0, 0.0)],
            );
        }
        _ => {
            let from = at(day, 6, 10 + stagger);
            shift(
                log,
                from,
                84.0,
                &[(100.0, 25.0), (100.0, 50.0), (100.0, 30.0), (70.0, 0.0)],
            );
        }
    }
}

/// 00:10 to 05:40, never two hours without a rest. Whether anybody watches is the room's affair.
fn night_coach(log: &mut Log, index: u32, day: Timestamp) {
    let from = at(day, 0, 10 + i64::from(index) * 6);
    shift(log, from, 71.0, &[(100.0, 25.0), (95.0, 25.0), (65.0, 0.0)]);
    log.park_until(at(day, 18, 0));
    log.drive(Drive::new(60.0, 74.0));
}

/// 106 km/h for four minutes by day: 6 % over 100.
fn coach_that_speeds_by_day(log: &mut Log, day: Timestamp) {
    log.park_until(at(day, 9, 30));
    log.card(Card::In);
    log.drive(Drive::new(50.0, 85.0).rolling());
    log.drive(Drive::new(4.0, 106.0).rolling());
    log.drive(Drive::new(40.0, 85.0));
    log.rest(30.0);
    log.drive(Drive::new(90.0, 85.0));
    log.card(Card::Out);
}

/// 84 km/h at 23:10, lawful by day: over the 80 of the night, no points.
fn coach_that_speeds_by_night(log: &mut Log, day: Timestamp) {
    log.park_until(at(day, 22, 20));
    log.card(Card::In);
    log.drive(Drive::new(50.0, 72.0).rolling());
    log.drive(Drive::new(3.0, 84.0).rolling());
    log.drive(Drive::new(20.0, 72.0));
    log.card(Card::Out);
}

/// Twenty minutes in the hills without a link; the terminal uploads them when it is back.
fn coach_through_the_blind_area(log: &mut Log, day: Timestamp) {
    log.park_until(at(day, 10, 0));
    log.card(Card::In);
    log.drive(Drive::new(45.0, 80.0).rolling());
    log.drive(Drive::new(20.0, 60.0).link(Link::Down).rolling());
    log.drive(Drive::new(1.0, 60.0).rolling());
    log.upload();
    log.drive(Drive::new(40.0, 80.0));
    log.card(Card::Out);
}

/// Twelve minutes on another road, some 1.5 km beside the route.
fn tanker_off_its_route(log: &mut Log, day: Timestamp) {
    log.park_until(at(day, 9, 0));
    log.card(Card::In);
    log.drive(Drive::new(2.0, 57.0).rolling());
    log.drive(Drive::new(12.0, 57.0).right(1500.0).rolling());
    log.drive(Drive::new(30.0, 57.0));
    log.rest(40.0);
    log.drive(Drive::new(100.0, 57.0));
    log.card(Card::Out);
}

/// 126 km/h for four minutes where 100 is allowed: 26 %, and nobody reminds the driver.
fn coach_far_too_fast(log: &mut Log, day: Timestamp) {
    log.park_until(at(day, 14, 0));
    log.card(Card::In);
    log.drive(Drive::new(40.0, 88.0).rolling());
    log.drive(Drive::new(4.0, 126.0).rolling());
    log.drive(Drive::new(50.0, 88.0));
    log.card(Card::Out);
}

/// 02:20 to 06:50 without a rest: F-N2 from 04:20, F-4H from 06:20.
fn tired_driver(log: &mut Log, day: Timestamp) {
    log.park_until(at(day, 2, 20));
    log.card(Card::In);
    log.drive(Drive::new(270.0, 70.0));
    log.card(Card::Out);
    log.stand(2.0);
}

/// A new road 70 m beside the old one, inside the corridor all the way: innocent.
fn coach_on_the_parallel_road(log: &mut Log, day: Timestamp) {
    log.park_until(at(day, 8, 0));
    log.card(Card::In);
    log.drive(Drive::new(100.0, 84.0).right(70.0));
    log.rest(25.0);
    log.drive(Drive::new(100.0, 84.0).right(70.0));
    log.card(Card::Out);
}

/// 3 h 55, a rest of exactly 20:00, 3 h 20: innocent by the second.
fn coach_with_the_exact_rest(log: &mut Log, day: Timestamp) {
    log.park_until(at(day, 7, 30));
    log.card(Card::In);
    log.drive(Drive::new(235.0, 82.0));
    log.rest(20.0);
    log.drive(Drive::new(200.0, 82.0));
    log.card(Card::Out);
}

/// The terminal is off for 45 minutes while the truck drives on.
fn truck_that_goes_dark(log: &mut Log, day: Timestamp) {
    log.park_until(at(day, 9, 0));
    log.card(Card::In);
    log.drive(Drive::new(40.0, 62.0).rolling());
    log.drive(Drive::new(45.0, 62.0).link(Link::Dark).rolling());
    log.drive(Drive::new(40.0, 62.0));
    log.card(Card::Out);
}

/// Three times a second record for the same moment, two kilometres away.
fn truck_with_two_stories(log: &mut Log, day: Timestamp) {
    log.park_until(at(day, 10, 0));
    log.card(Card::In);
    for _ in 0..3 {
        log.drive(Drive::new(20.0, 62.0).rolling());
        log.contradict();
    }
    log.drive(Drive::new(60.0, 62.0));
    log.card(Card::Out);
}

/// Watches of a room on the day: post, begin and end in minutes of the day, and whether it is
/// handed over with a note.
pub(super) const fn watches(room: Room) -> &'static [(usize, i64, i64, bool)] {
    match room {
        Room::Honest => &[(0, 0, 480, true), (1, 480, 960, true), (2, 960, 1440, true)],
        Room::AsleepAtThree => &[(2, 0, 150, true), (0, 340, 840, true), (1, 840, 1440, true)],
        Room::TooFew => &[(0, 330, 1380, true)],
        Room::NoNote => &[
            (0, 0, 480, true),
            (1, 480, 960, false),
            (2, 960, 1440, true),
        ],
    }
}
