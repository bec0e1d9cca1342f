//! Neither the screen, nor what is not matched because it comes to nothing, nor the pieces in which
//! fixes come change a verdict: compared with matching everything.

use std::sync::Arc;

use proptest::prelude::*;
use roadwarden::model::{Fix, Span, Speed, VehicleClass, Violation};
use roadwarden::roads::{RoadClass, RoadMap};

use super::town::{Town, ride, stream};
use crate::drive::{Scene, fix, moment, rules};
use crate::matching::drives::{Errors, drives};
use crate::matching::truth::network;

/// Streets for 30, 50 and 70 in a grid, service roads beside some, an expressway across it.
pub(super) fn grid() -> Town {
    let mut town = Town::default();
    for (street, away) in (0..8).enumerate() {
        let away_m = f64::from(away) * 220.0;
        let limit = ["30", "50", "70", "30", "50", "70", "30", "50"][street];
        let line = |beside_m: f64| -> Vec<(f64, f64)> {
            (0..8)
                .map(|step| (f64::from(step) * 220.0, away_m + beside_m))
                .collect()
        };
        let across: Vec<(f64, f64)> = (0..8)
            .map(|step| (away_m, f64::from(step) * 220.0))
            .collect();
        town = town
            .way(RoadClass::Secondary, &[("maxspeed", limit)], &line(0.0))
            .way(RoadClass::Residential, &[], &across);
        if street % 2 == 0 {
            let beside_m = 12.0 + 4.0 * f64::from(away);
            town = town.way(RoadClass::Service, &[], &line(beside_m)[1..6]);
        }
    }
    town.way(
        RoadClass::Motorway,
        &[
            ("maxspeed", "100"),
            ("maxspeed:conditional", "80 @ (22:00-06:00)"),
        ],
        &[(-200.0, 120.0), (1900.0, 130.0)],
    )
}

/// How a vehicle does its errands.
#[derive(Clone, Debug)]
pub(super) struct Errands {
    seed: i64,
    step_s: i64,
    /// Speeds, each for so many fixes.
    speeds: Vec<(u16, usize)>,
    /// Largest error of positioning. Unit: m.
    error_m: i64,
    /// After so many fixes it is silent for so long. Unit: s.
    silence: (usize, i64),
    has_course: bool,
}

pub(super) fn errands() -> impl Strategy<Value = Errands> {
    let speed = prop::sample::select(vec![
        0_u16, 20, 28, 31, 33, 45, 52, 60, 72, 75, 95, 103, 120,
    ]);
    (
        0_i64..100_000,
        prop::sample::select(vec![1_i64, 2, 5, 10, 15, 30]),
        prop::collection::vec((speed, 1_usize..30), 1..12),
        prop::sample::select(vec![4_i64, 13, 40]),
        (
            10_usize..200,
            prop::sample::select(vec![40_i64, 70, 290, 310]),
        ),
        prop::bool::weighted(0.8),
    )
        .prop_map(
            |(seed, step_s, speeds, error_m, silence, has_course)| Errands {
                seed,
                step_s,
                speeds,
                error_m,
                silence,
                has_course,
            },
        )
}

impl Errands {
    /// A ride around the grid.
    pub(super) fn fixes(&self) -> Vec<Fix> {
        let pick = |number: i64, factor: i64, of: i64| {
            let mixed = (self.seed + number).wrapping_mul(2_654_435_761) >> 7;
            f64::from(i32::try_from((mixed * factor).rem_euclid(of)).unwrap())
        };
        let mut line = vec![(pick(0, 5, 8) * 220.0, pick(0, 3, 8) * 220.0)];
        for number in 1..8 {
            let (north_m, _) = *line.last().unwrap();
            let (to_north_m, to_east_m) = (pick(number, 5, 8) * 220.0, pick(number, 3, 8) * 220.0);
            line.push((north_m, to_east_m));
            line.push((to_north_m, to_east_m));
        }
        line.dedup();
        let half = f64::from(i32::try_from(self.error_m / 2).unwrap());
        let noise = |number: i64| {
            let off = |factor| pick(number, factor, self.error_m) - half;
            (off(7), off(11))
        };
        let mut fixes = ride("11-21 21:50", &line, 50, self.step_s, noise);
        let speeds = self.speeds.iter().cycle();
        let speeds = speeds.flat_map(|(kmh, count)| std::iter::repeat_n(*kmh, *count));
        for (number, (fix, kmh)) in fixes.iter_mut().zip(speeds).enumerate() {
            fix.speed = Speed::from_whole_kmh(kmh);
            fix.course = fix.course.filter(|_| self.has_course);
            let silent_s = if number > self.silence.0 {
                self.silence.1
            } else {
                0
            };
            fix.time = fix.time + Span::from_seconds(silent_s);
            fix.received = fix.time + Span::from_seconds(2);
        }
        fixes
    }
}

/// The same vehicle on a map with its screen, and on one where everything is matched.
fn scenes(class: VehicleClass, map: impl Fn() -> RoadMap) -> (Scene, Scene) {
    let in_doubt = map().with_everything_in_doubt();
    (
        Scene::of(class).with_roads(map()),
        Scene::of(class).with_roads(in_doubt),
    )
}

/// What is found in a track, whole; when it was first seen is no verdict.
fn verdicts(scene: &Scene, fixes: &[Fix]) -> Vec<Violation> {
    let mut found = scene.judge(fixes);
    for violation in &mut found {
        violation.first_seen_at = violation.started_at;
        violation.grave = None;
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_screen_changes_no_verdict(
        errands in errands(),
        class in prop::sample::select(vec![VehicleClass::TouristCoach, VehicleClass::Hazmat]),
    ) {
        let fixes = errands.fixes();
        let (screened, everything) = scenes(class, || grid().map());
        prop_assert_eq!(verdicts(&screened, &fixes), verdicts(&everything, &fixes));
    }

    #[test]
    fn a_stream_cut_anywhere_gives_what_the_whole_track_gives(
        errands in errands(),
        cuts in 1_usize..40,
    ) {
        let fixes = errands.fixes();
        let scene = grid().scene(VehicleClass::TouristCoach);
        let whole = scene.judge(&fixes);
        prop_assert_eq!(&stream(&scene, &fixes, |_| false), &whole);
        prop_assert_eq!(&stream(&scene, &fixes, |number| number % cuts == 0), &whole);
    }
}

/// Drives on a real extract, of which some are too fast, judged with and without the screen.
fn check(extract: &str) {
    let Some(network) = network(extract) else {
        return;
    };
    let network = Arc::new(network);
    let rules = rules();
    let map = || RoadMap::new(Arc::clone(&network), "m1", Vec::new(), &[&rules]);
    let (screened, everything) = scenes(VehicleClass::TouristCoach, map);
    let mut found = 0;
    for (seed, step_s, slow_m) in [(5, 1, 5.0), (6, 5, 15.0), (7, 10, 5.0), (8, 15, 10.0)] {
        let errors = Errors {
            slow_m,
            slow_s: 30.0,
            fast_m: 0.3 * slow_m,
        };
        for drive in drives(&network, seed, 5, errors) {
            let sightings = drive.iter().map(|fix| fix.sighting).step_by(step_s);
            let fixes: Vec<Fix> = sightings
                .map(|seen| {
                    let time = moment("11-21 10:00") + Span::from_millis(seen.at_ms);
                    Fix {
                        speed: seen.speed,
                        course: seen.course,
                        ..fix(time, 0, seen.position)
                    }
                })
                .collect();
            let judged = verdicts(&screened, &fixes);
            assert_eq!(judged, verdicts(&everything, &fixes), "{extract} {seed}");
            found += judged.len();
        }
    }
    assert!(found > 0, "{extract}: nobody was too fast");
}

#[test]
fn on_real_roads_the_screen_changes_no_verdict() {
    for extract in [
        "arizona_az303",
        "liechtenstein",
        "helsinki_centre",
        "shenzhen_longgang",
    ] {
        check(extract);
    }
}
