//! What the detectors say of short stories, one behaviour each.

use roadwarden::detect::{Admission, HoursLeft, Subject, Transition, VehicleState};
use roadwarden::model::route::{RoadKind, Route};
use roadwarden::model::{DriverId, Fix, Position, Quality, Severity, Span, Speed, VehicleClass};

use crate::drive::{Drivers, Scene, drive, judge, length, lines, moment, road, rules};

use VehicleClass::{Hazmat, HeavyTruck, TouristCoach};

const STEP: Span = Span::from_seconds(10);
const DAY: &str = "11-21 08:00";

fn check(class: VehicleClass, text: &str, expected: &[&str]) {
    let fixes = drive(DAY, text, STEP);
    assert_eq!(
        lines(&judge(&rules(), class, None, &fixes)),
        expected,
        "{text}"
    );
}

fn check_route(class: VehicleClass, route: &Route, text: &str, expected: &[&str]) {
    let fixes = drive(DAY, text, STEP);
    let found = judge(&rules(), class, Some(route.clone()), &fixes);
    assert_eq!(lines(&found), expected, "{text}");
}

/// Feeds fixes to a state without routes; the transitions without `Driving`.
fn stream(class: VehicleClass, fixes: &[Fix]) -> (VehicleState, Vec<Transition>, Vec<Admission>) {
    let scene = Scene::of(class);
    let context = scene.context();
    let mut state = VehicleState::default();
    let mut out = Vec::new();
    let admissions = fixes
        .iter()
        .map(|fix| state.handle_fix(&context, fix, &mut out))
        .collect();
    (state, out, admissions)
}

mod speeding {
    use super::*;

    #[test]
    fn thirty_seconds_do_not_count_and_thirty_one_do() {
        let at = |text: &str| {
            let fixes = drive(DAY, text, Span::from_seconds(1));
            judge(&rules(), HeavyTruck, None, &fixes).len()
        };
        assert_eq!(at("drive@101 30s, drive@90 2m"), 0);
        assert_eq!(at("drive@101 31s, drive@90 2m"), 1);
    }

    #[test]
    fn a_gap_ends_the_span_at_its_last_fix() {
        check(
            HeavyTruck,
            "drive@110 1m, gone@60 5m, drive@90 1m",
            &[
                "speeding 11-21 08:00:00..11-21 08:00:50 L2 - road_unknown | 110 over 100/100 class at +10.00%/+10.00% x6",
                "offline_movement 11-21 08:00:50..11-21 08:06:00 L1 0 - | 5306 m",
            ],
        );
    }

    #[test]
    fn a_span_at_the_end_of_the_track_is_open() {
        let mut fixes = drive(DAY, "drive@82 1m", STEP);
        fixes.pop();
        assert_eq!(
            lines(&judge(&rules(), Hazmat, None, &fixes)),
            [
                "speeding 11-21 08:00:00..open L1 - road_unknown | 82 over 80/80 class at +2.50%/+2.50% x6"
            ]
        );
    }

    #[test]
    fn a_joined_span_opens_the_same_violation_again() {
        let fixes = drive(
            DAY,
            "drive@110 40s, drive@90 30s, drive@120 20s, drive@90 2m",
            STEP,
        );
        let (_, out, _) = stream(HeavyTruck, &fixes);
        let told: Vec<String> = out
            .iter()
            .filter_map(|transition| match transition {
                Transition::Opened(v) => Some(("opened", v)),
                Transition::Extended(v) => Some(("extended", v)),
                Transition::Closed(v) => Some(("closed", v)),
                Transition::Driving { .. }
                | Transition::FaultRun { .. }
                | Transition::PreAlarm(_)
                | Transition::Piece(_) => None,
            })
            .map(|(what, v)| {
                let end = v.ended_at.map_or("open".to_owned(), |end| {
                    end.since(v.started_at).seconds().to_string()
                });
                format!("{what} {end} {} x{}", v.peak.speed.kmh(), v.evidence.fixes)
            })
            .collect();
        assert_eq!(
            told,
            [
                "opened open 110 x4",
                "closed 40 110 x4",
                "extended open 120 x5",
                "extended open 120 x6",
                "closed 90 120 x6",
            ]
        );
    }

    #[test]
    fn who_becomes_grave_at_last_was_not_so_all_the_time() {
        let on_route = |text: &str| {
            let fixes = drive("11-21 23:10", text, STEP);
            let road = road(100, RoadKind::Expressway);
            let found = judge(&rules(), TouristCoach, Some(road), &fixes);
            let [violation] = &found[..] else {
                panic!("one violation: {found:?}");
            };
            let received = violation.first_seen_at;
            let grave_after = violation.grave.map(|grave| grave.seen_at.since(received));
            (violation.severity, grave_after)
        };
        let after = |text| Some(length(text));
        assert_eq!(on_route("drive@85 70s, drive@70 60s"), (Severity::L1, None));
        let at_last = "drive@85 40m, drive@105 60s, drive@70 60s";
        // The first fix that shows that it counts comes 40 s after its beginning.
        let rise = after("39m20s");
        assert_eq!(on_route(at_last), (Severity::L3, rise));
        let at_once = "drive@105 60s, drive@125 60s, drive@70 60s";
        assert_eq!(on_route(at_once), (Severity::L4, after("0s")));
    }

    #[test]
    fn seats_below_nine_have_no_night_limit() {
        let fixes = drive("11-21 23:00", "drive@90 1m, drive@70 1m", STEP);
        for (seats, expected) in [(Some(8), 0), (Some(9), 1), (None, 1)] {
            let mut scene = Scene::of(TouristCoach);
            scene.profile.seats = seats;
            let found = scene.judge(&fixes).len();
            assert_eq!(found, expected, "{seats:?}");
        }
    }
}

mod fatigue {
    use super::*;

    #[test]
    fn a_silent_stop_is_a_rest() {
        check(
            TouristCoach,
            "drive 2h30m, gone@0 20m, drive 2h, stand 30m",
            &[],
        );
    }

    #[test]
    fn silence_that_may_hide_a_rest_is_no_proof() {
        check(
            TouristCoach,
            "drive 2h30m, gone@20 30m, drive 2h, stand 30m",
            &["offline_movement 11-21 10:29:50..11-21 11:00:00 L1 0 - | 10167 m"],
        );
    }

    #[test]
    fn silence_without_time_for_a_rest_neither_counts_nor_resets() {
        check(
            TouristCoach,
            "drive 2h, gone@90 25m, drive 2h10m, stand 30m",
            &[
                "offline_movement 11-21 09:59:50..11-21 10:25:00 L1 0 - | 37667 m",
                "fatigue_continuous 11-21 12:25:10..11-21 12:35:00 L4 9 记分办法9(7) | 249.83333333333334 of 240 min",
            ],
        );
    }

    #[test]
    fn a_movement_of_a_moment_does_not_end_a_rest() {
        check(
            TouristCoach,
            "drive 2h30m, stand 15m, drive@20 8s, stand 6m, drive 2h, stand 30m",
            &[],
        );
    }

    #[test]
    fn a_violation_is_open_until_the_rest_is_one() {
        check(
            HeavyTruck,
            "drive 4h10m, stand 19m50s",
            &["fatigue_continuous 11-21 12:00:00..open L2 3 记分办法11(14) | 250 of 240 min"],
        );
    }

    #[test]
    fn drivers_who_take_turns_rest_in_turn() {
        let mut fixes = drive(DAY, "drive 9h, stand 30m", STEP);
        let hour = |fix: &Fix| fix.time.since(moment(DAY)).millis() / 3_600_000;
        for fix in &mut fixes {
            fix.driver = Some(DriverId(u32::try_from(hour(fix) / 3 % 2).unwrap()));
        }
        assert_eq!(
            lines(&judge(&rules(), TouristCoach, None, &fixes)),
            Vec::<String>::new()
        );
    }

    #[test]
    fn an_unknown_driver_gets_no_points() {
        let mut fixes = drive(DAY, "drive 4h10m, stand 30m", STEP);
        for fix in &mut fixes {
            fix.driver = None;
        }
        assert_eq!(
            lines(&judge(&rules(), TouristCoach, None, &fixes)),
            [
                "fatigue_continuous 11-21 12:00:00..11-21 12:10:00 L4 - driver_unknown | 250 of 240 min"
            ]
        );
    }

    #[test]
    fn hours_left_are_what_the_counters_leave() {
        let fixes = drive("11-21 21:00", "drive 2h, stand 5m", STEP);
        let left = |class| {
            let (mut state, mut out, _) = stream(class, &fixes);
            let scene = Scene::of(class);
            let context = scene.context();
            let mut drivers = Drivers::default();
            state.take_pieces(&mut out);
            drivers.take(&context, &mut out);
            let counters = drivers.of(Subject::Driver(DriverId(1)));
            counters.hours_left(&context, counters.known_until().unwrap())
        };
        let coach = HoursLeft {
            driver: Some(DriverId(1)),
            continuous: Some(length("2h")),
            night: Some(length("1h")),
            hours24: Some(length("6h")),
            days7: Some(length("42h")),
            driven: length("2h"),
        };
        assert_eq!(left(TouristCoach), coach);
        let truck = HoursLeft {
            night: None,
            hours24: None,
            days7: None,
            ..coach
        };
        assert_eq!(left(HeavyTruck), truck);
    }
}

mod deviation {
    use super::*;

    fn way() -> Route {
        road(100, RoadKind::Other)
    }

    #[test]
    fn leaving_the_corridor_lasts_from_first_fix_outside_to_first_fix_inside() {
        let text = "drive 5m, astray 3m, drive 10m";
        check_route(
            TouristCoach,
            &way(),
            text,
            &["route_deviation 11-21 08:05:00..11-21 08:08:00 L1 0 - | R1 by 490 m"],
        );
        check_route(
            Hazmat,
            &way(),
            text,
            &["route_deviation 11-21 08:05:00..11-21 08:08:00 L3 6 记分办法10(5) | R1 by 490 m"],
        );
    }

    #[test]
    fn a_short_excursion_does_not_count() {
        check_route(TouristCoach, &way(), "drive 5m, astray 50s, drive 10m", &[]);
    }

    #[test]
    fn a_short_return_does_not_end_it() {
        check_route(
            TouristCoach,
            &way(),
            "drive 5m, astray 3m, drive 20s, astray 3m, drive 5m",
            &["route_deviation 11-21 08:05:00..11-21 08:11:20 L1 0 - | R1 by 490 m"],
        );
    }

    #[test]
    fn who_was_never_on_the_route_has_not_left_it() {
        check_route(TouristCoach, &way(), "astray 30m, park 30m", &[]);
    }

    #[test]
    fn driving_on_past_the_end_of_the_line_ends_the_trip() {
        let mut short = way();
        short.line.truncate(2);
        check_route(TouristCoach, &short, "drive 28m, stand 10m", &[]);
    }

    #[test]
    fn a_long_stop_off_the_route_ends_the_trip_where_it_began() {
        check_route(
            TouristCoach,
            &way(),
            "drive 5m, astray 10m, park 3h, astray 10m, park 30m",
            &["route_deviation 11-21 08:05:00..11-21 08:15:00 L1 0 - | R1 by 490 m"],
        );
    }

    #[test]
    fn a_meal_off_the_route_does_not_end_it() {
        check_route(
            TouristCoach,
            &way(),
            "drive 5m, astray 10m, park 40m, astray 10m, drive 5m",
            &["route_deviation 11-21 08:05:00..11-21 09:05:00 L1 0 - | R1 by 490 m"],
        );
    }
}

mod admission {
    use super::*;

    #[test]
    fn lost_zeros_are_not_judged_and_change_nothing() {
        let mut fixes = drive(DAY, "drive 5m, stand 5m", STEP);
        let told = |fixes: &[Fix]| {
            let mut told = stream(TouristCoach, fixes).1;
            // Pieces count their fixes, of which one is missing.
            told.retain(|said| !matches!(said, Transition::Piece(_)));
            told
        };
        let plain = told(&fixes);
        let (mut state, _, _) = stream(TouristCoach, &fixes[..10]);
        let jumped = Fix {
            position: Position {
                lat_udeg: fixes[10].position.lat_udeg + 330_000,
                ..fixes[10].position
            },
            ..fixes[10]
        };
        let scene = Scene::of(TouristCoach);
        let mut out = Vec::new();
        let refused = state.handle_fix(&scene.context(), &jumped, &mut out);
        assert_eq!(refused, Admission::NotJudged(Quality::JUMP));
        assert!(out.is_empty());
        fixes[10] = jumped;
        assert_eq!(told(&fixes), plain);
    }

    #[test]
    fn a_place_on_which_three_fixes_agree_is_believed() {
        let mut fixes = drive(DAY, "drive 10m", STEP);
        for fix in &mut fixes[20..] {
            fix.position.lon_udeg += 1_000_000;
        }
        let admissions = stream(TouristCoach, &fixes).2;
        let refused: Vec<usize> = (0..admissions.len())
            .filter(|index| admissions[*index] != Admission::Judged)
            .collect();
        assert_eq!(refused, [20, 21]);
    }

    #[test]
    fn a_settled_place_is_no_proof_of_offline_movement() {
        let mut fixes = drive(DAY, "drive 5m, gone@0 6m, drive 5m", STEP);
        let after = fixes
            .iter_mut()
            .filter(|fix| fix.time >= moment("11-21 08:11"));
        for fix in after {
            fix.position.lon_udeg += 1_000_000;
        }
        assert_eq!(
            lines(&judge(&rules(), TouristCoach, None, &fixes)),
            Vec::<String>::new()
        );
    }

    #[test]
    fn records_of_one_time_contradict_by_place_or_speed() {
        let fixes = drive(DAY, "drive 1m", STEP);
        let first = fixes[0];
        let faster = Fix {
            speed: Speed::from_whole_kmh(61),
            ..first
        };
        let elsewhere = Fix {
            position: fixes[1].position,
            ..first
        };
        let placeless = Fix {
            quality: Quality::NO_FIX,
            ..elsewhere
        };
        let (_, _, admissions) =
            stream(TouristCoach, &[first, first, faster, elsewhere, placeless]);
        assert_eq!(
            admissions,
            [
                Admission::Judged,
                Admission::Duplicate,
                Admission::Contradiction,
                Admission::Contradiction,
                Admission::Duplicate,
            ]
        );
    }

    #[test]
    fn a_clock_far_ahead_moves_nothing() {
        let fixes = drive(DAY, "drive 1m", STEP);
        let ahead = Fix {
            time: fixes[0].time + length("5h"),
            quality: Quality::CLOCK,
            ..fixes[0]
        };
        let slightly = Fix {
            quality: Quality::FUTURE,
            ..fixes[1]
        };
        let (_, _, admissions) = stream(TouristCoach, &[fixes[0], ahead, slightly]);
        assert_eq!(
            admissions,
            [
                Admission::Judged,
                Admission::NotJudged(Quality::CLOCK),
                Admission::Judged
            ]
        );
    }
}

mod facts {
    use super::*;

    #[test]
    fn driving_is_told_by_the_minute_and_whole() {
        let fixes = drive(
            "11-21 08:00",
            "stand 30s, drive 100s, stand 1m, drive@20 8s, stand 20s",
            STEP,
        );
        let (_, out, _) = stream(TouristCoach, &fixes);
        let second = |time: roadwarden::model::Timestamp| time.since(moment(DAY)).millis() / 1000;
        let pieces: Vec<(i64, i64)> = out
            .iter()
            .filter_map(|transition| match transition {
                Transition::Driving { from, to } => Some((second(*from), second(*to))),
                _ => None,
            })
            .collect();
        assert_eq!(pieces, [(30, 40), (40, 70), (70, 130)]);
    }

    #[test]
    fn a_fault_run_is_told_from_half_an_hour_of_driving_on() {
        let runs = |text: &str| -> Vec<(i64, i64, u32)> {
            let (_, out, _) = stream(TouristCoach, &drive(DAY, text, STEP));
            let minute =
                |time: roadwarden::model::Timestamp| time.since(moment(DAY)).millis() / 60_000;
            let all = out.iter().filter_map(|transition| match transition {
                Transition::FaultRun { from, to, alarm } => {
                    Some((minute(*from), minute(*to), *alarm))
                }
                _ => None,
            });
            let mut runs: Vec<_> = all.collect();
            runs.dedup_by_key(|run| run.0);
            runs
        };
        assert_eq!(runs("fault 30m, drive 5m"), []);
        assert_eq!(runs("fault 30m10s, drive 5m"), [(0, 30, 16)]);
        assert_eq!(runs("fault 20m, drive 1m, fault 20m"), []);
        assert_eq!(runs("drive 5m, fault 40m"), [(5, 35, 16)]);
    }
}
