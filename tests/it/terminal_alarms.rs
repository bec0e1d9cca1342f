//! What the terminal reports: alarms by bit and event, overload (E24), tampering, drift; and charters.

use roadwarden::detect::PermitValidity;
use roadwarden::model::fleet::PermitKind;
use roadwarden::model::{Fix, Odometer, Position, Quality, Span, VehicleClass};

use crate::drive::{Scene, drive, lines, moment};

use VehicleClass::{CharterCoach, LineCoach2, TouristCoach};

const STEP: Span = Span::from_seconds(10);
const DAY: &str = "11-21 08:00";

/// Judges a drive after `change` has changed each fix by its number.
fn judged(scene: &Scene, text: &str, mut change: impl FnMut(usize, &mut Fix)) -> Vec<String> {
    let mut fixes = drive(DAY, text, STEP);
    for (number, fix) in fixes.iter_mut().enumerate() {
        change(number, fix);
    }
    lines(&scene.judge(&fixes))
}

fn with_bit(bit: u32, from: usize, to: usize, text: &str) -> Vec<String> {
    judged(&Scene::of(LineCoach2), text, |number, fix| {
        fix.alarm = u32::from((from..to).contains(&number)) << bit;
    })
}

fn with_events(events: &[(usize, &str)], text: &str) -> Vec<String> {
    judged(&Scene::of(LineCoach2), text, |number, fix| {
        let of_fix = events.iter().find(|(place, _)| *place == number);
        fix.events = of_fix.map_or("", |(_, text)| text).parse().unwrap();
    })
}

mod bits {
    use super::*;

    #[test]
    fn a_held_bit_lasts_from_its_rise_to_its_fall() {
        assert_eq!(
            with_bit(2, 3, 6, "drive 2m"),
            ["terminal_alarm 11-21 08:00:30..11-21 08:01:00 L2 0 - | fatigue -/-"]
        );
    }

    #[test]
    fn a_bit_that_is_cleared_on_answer_is_a_moment() {
        assert_eq!(
            with_bit(27, 3, 6, "stand 2m"),
            ["terminal_alarm 11-21 08:00:30..11-21 08:00:30 L1 0 - | illegal_ignition -/-"]
        );
    }

    #[test]
    fn power_cut_counts_when_it_begins_while_moving_and_lasts() {
        assert_eq!(
            with_bit(8, 3, 6, "drive 2m"),
            ["terminal_alarm 11-21 08:00:30..11-21 08:01:00 L2 0 - | power_cut -/-"]
        );
        assert!(with_bit(8, 3, 6, "stand 2m").is_empty());
        let rules = Scene::of(LineCoach2).rules;
        assert_eq!(rules.alarms.open_max, Span::from_minutes(10));
        assert_eq!(with_bit(8, 3, 4, "drive 2m").len(), 1);
    }

    #[test]
    fn an_antenna_that_is_cut_for_a_minute_counts_also_while_standing() {
        assert_eq!(
            with_bit(5, 0, 7, "stand 2m"),
            ["terminal_alarm 11-21 08:00:00..11-21 08:01:10 L2 0 - | gnss_antenna_cut -/-"]
        );
        assert!(with_bit(5, 0, 5, "stand 2m").is_empty());
    }

    #[test]
    fn bits_that_the_rulebook_does_not_name_are_nothing() {
        for bit in [0, 1, 9, 13, 14, 20, 21, 23, 31] {
            assert!(with_bit(bit, 3, 6, "drive 2m").is_empty(), "{bit}");
        }
    }

    #[test]
    fn several_at_once_are_several_violations() {
        let found = judged(&Scene::of(LineCoach2), "drive 2m", |number, fix| {
            fix.alarm = if (3..6).contains(&number) { 0b1100 } else { 0 };
        });
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn events_that_never_end_hide_no_bit() {
        let begun = "adas_headway:begin dsm_fatigue:begin dsm_phone:begin dsm_smoking:begin \
                     adas_lane_departure:begin adas_pedestrian:begin adas_obstacle:begin";
        let found = judged(&Scene::of(LineCoach2), "drive 4m", |number, fix| {
            if number == 2 {
                fix.events = begun.parse().unwrap();
            }
            let held = (6..14).contains(&number);
            fix.alarm = u32::from(held) * (1 << 2 | 1 << 3 | 1 << 5 | 1 << 8);
        });
        for hidden in [
            "fatigue",
            "dangerous_driving",
            "gnss_antenna_cut",
            "power_cut",
        ] {
            assert!(
                found.iter().any(|line| line.contains(hidden)),
                "{hidden}: {found:?}"
            );
        }
        assert!(found.len() > 8, "{found:?}");
    }
}

mod events {
    use super::*;

    #[test]
    fn an_event_lasts_from_its_beginning_to_its_end() {
        assert_eq!(
            with_events(
                &[(3, "dsm_phone:begin:2"), (8, "dsm_phone:end:2")],
                "drive 2m"
            ),
            ["terminal_alarm 11-21 08:00:30..11-21 08:01:20 L2 0 - | dsm_phone -/-"]
        );
    }

    #[test]
    fn an_event_without_an_end_is_over_after_a_while() {
        assert_eq!(
            with_events(&[(3, "dsm_phone:begin:1")], "drive 20m"),
            ["terminal_alarm 11-21 08:00:30..11-21 08:10:30 L2 0 - | dsm_phone -/-"]
        );
        assert!(with_events(&[(3, "dsm_phone:end:1")], "drive 2m").is_empty());
    }

    #[test]
    fn an_event_without_phases_is_a_moment() {
        assert_eq!(
            with_events(
                &[(3, "adas_headway:once:1 blind_spot_rear:once")],
                "drive 2m"
            ),
            [
                "terminal_alarm 11-21 08:00:30..11-21 08:00:30 L1 0 - | adas_headway -/-",
                "terminal_alarm 11-21 08:00:30..11-21 08:00:30 L1 0 - | blind_spot_rear -/-",
            ]
        );
    }

    #[test]
    fn an_event_that_holds_lasts_as_long_as_it_is_reported() {
        assert_eq!(
            with_events(
                &[(3, "video_phone:held"), (4, "video_phone:held")],
                "drive 2m"
            ),
            ["terminal_alarm 11-21 08:00:30..11-21 08:00:50 L2 0 - | video_phone -/-"]
        );
    }

    #[test]
    fn a_gap_ends_what_was_open() {
        let found = with_events(
            &[(3, "dsm_phone:begin:1")],
            "drive 50s, stand 10s, gone@0 9m, drive 1m",
        );
        assert_eq!(
            found,
            ["terminal_alarm 11-21 08:00:30..11-21 08:00:30 L2 0 - | dsm_phone -/-"]
        );
    }
}

mod overload {
    use super::*;

    fn persons(count: u16) -> Vec<String> {
        let mut scene = Scene::of(TouristCoach);
        scene.profile.seats = Some(55);
        judged(&scene, "drive 2m", |number, fix| {
            fix.passengers = Some(if number < 9 { count } else { 50 });
        })
    }

    #[test]
    fn e24_persons_over_the_seats() {
        assert_eq!(
            persons(57),
            [
                "terminal_alarm 11-21 08:00:00..11-21 08:01:30 L3 6 记分办法10(1) | overload 57/55 CNY 200-500"
            ]
        );
        assert_eq!(
            persons(66),
            [
                "terminal_alarm 11-21 08:00:00..11-21 08:01:30 L4 12 记分办法8(4) | overload 66/55 CNY 200-500"
            ]
        );
        assert_eq!(
            persons(67),
            [
                "terminal_alarm 11-21 08:00:00..11-21 08:01:30 L4 12 记分办法8(4) | overload 67/55 CNY 500-2000"
            ]
        );
        assert!(persons(55).is_empty());
    }

    #[test]
    fn boarding_is_no_overload() {
        let scene = Scene::of(TouristCoach);
        let found = judged(&scene, "stand 5m, drive 20s, stand 1m", |number, fix| {
            fix.passengers = Some(if number < 32 { 60 } else { 40 });
        });
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn the_flag_of_a_video_terminal_leaves_the_points_open() {
        let found = with_events(
            &[
                (0, "video_overload:held"),
                (1, "video_overload:held"),
                (2, "video_overload:held"),
                (3, "video_overload:held"),
            ],
            "drive 2m",
        );
        assert_eq!(
            found,
            ["terminal_alarm 11-21 08:00:00..11-21 08:00:40 L3 - 记分办法10(1) | overload -/45"]
        );
    }

    #[test]
    fn a_load_state_counts_where_the_rulebook_says_so() {
        let mut scene = Scene::of(TouristCoach);
        let reserved = |number: usize, fix: &mut Fix| {
            fix.status |= if number < 9 { 0b10 << 8 } else { 0 };
        };
        assert!(judged(&scene, "drive 2m", reserved).is_empty());
        scene.rules.overload.load_states = vec![2];
        assert_eq!(judged(&scene, "drive 2m", reserved).len(), 1);
    }
}

mod tampering {
    use super::*;

    #[test]
    fn positions_that_stand_still_while_the_odometer_runs() {
        let found = judged(
            &Scene::of(LineCoach2),
            "stand 5m, drive 5m",
            |number, fix| {
                let km = 100.0 + 0.1 * f64::from(u32::try_from(number).unwrap());
                fix.odometer = Odometer::from_km(km);
            },
        );
        assert_eq!(
            found,
            ["terminal_alarm 11-21 08:00:00..11-21 08:05:10 L2 0 - | positions_frozen 3/0"]
        );
        let honest = judged(&Scene::of(LineCoach2), "stand 5m, drive 5m", |_, fix| {
            fix.odometer = Odometer::from_km(100.0);
        });
        assert!(honest.is_empty(), "{honest:?}");
    }

    #[test]
    fn one_step_of_a_counter_of_whole_kilometres_is_no_kilometre() {
        let scene = Scene::of(LineCoach2);
        let mut fixes = drive(DAY, "drive 10m", Span::from_seconds(1));
        let begin = fixes[0].time;
        for fix in &mut fixes {
            let driven_m = fix.time.since(begin).seconds() * fix.speed.kmh() / 3.6;
            fix.odometer = Odometer::from_km(5000.0 + (driven_m / 1000.0).floor());
        }
        assert_eq!(lines(&scene.judge(&fixes)), [""; 0]);
        // Two steps at one place are.
        for fix in &mut fixes[..300] {
            fix.position = Position::default();
        }
        assert!(lines(&scene.judge(&fixes[..300]))[0].contains("positions_frozen"));
    }

    /// An hour at 60 km/h with an odometer that counts some share of the way.
    fn odometer(share: f64) -> Vec<String> {
        judged(&Scene::of(LineCoach2), "drive 1h", |number, fix| {
            let km = f64::from(u32::try_from(number).unwrap()) / 6.0 * share;
            fix.odometer = Odometer::from_km(100.0 + km);
        })
    }

    #[test]
    fn an_odometer_that_does_not_agree_with_the_track() {
        assert!(odometer(1.0).is_empty());
        assert!(odometer(1.3).is_empty());
        assert!(odometer(0.8).is_empty());
        assert_eq!(
            odometer(0.5),
            ["terminal_alarm 11-21 08:00:00..open L2 0 - | odometer_mismatch 20.2/40.3"]
        );
        let fast = odometer(2.0);
        assert!(fast[0].contains("odometer_mismatch"), "{fast:?}");
    }

    #[test]
    fn an_odometer_that_goes_back_begins_anew() {
        let found = judged(&Scene::of(LineCoach2), "drive 1h", |number, fix| {
            let km = f64::from(u32::try_from(number % 60).unwrap()) / 60.0;
            fix.odometer = Odometer::from_km(100.0 + km);
        });
        assert!(found.is_empty(), "{found:?}");
    }
}

mod drift {
    use super::*;

    fn jumps(points: usize) -> Vec<String> {
        let scene = Scene::of(LineCoach2);
        let mut fixes = drive(DAY, "drive@20 10m, stand 16h", Span::from_seconds(60));
        for fix in fixes.iter_mut().step_by(2).skip(1).take(points) {
            fix.position.lat_udeg += 500_000;
        }
        lines(&scene.judge(&fixes))
    }

    #[test]
    fn five_places_that_cannot_be_true_make_a_drift_day() {
        assert!(jumps(4).is_empty());
        assert_eq!(
            jumps(5),
            ["terminal_alarm 11-21 08:02:00..11-22 00:00:00 L1 0 - | drift_day 5/4"]
        );
    }

    #[test]
    fn places_outside_the_country_count_too() {
        let found = judged(&Scene::of(LineCoach2), "stand 2m", |number, fix| {
            if number % 2 == 1 {
                fix.quality = Quality::PLACE_RANGE;
            }
        });
        assert_eq!(
            found,
            ["terminal_alarm 11-21 08:00:10..open L1 0 - | drift_day 6/4"]
        );
    }
}

mod charter {
    use super::*;

    fn chartered(class: VehicleClass, contracts: &[(&str, &str)]) -> Scene {
        let mut scene = Scene::of(class);
        scene.profile.permits = contracts
            .iter()
            .map(|(from, to)| PermitValidity {
                kind: PermitKind::CharterContract,
                from: Some(moment(from)),
                to: Some(moment(to)),
            })
            .collect();
        scene
    }

    #[test]
    fn driving_without_a_contract_for_the_day_is_told() {
        let drive = "drive 1h, stand 30m";
        let scene = chartered(CharterCoach, &[("11-19 00:00", "11-21 00:00")]);
        assert_eq!(
            scene.lines(DAY, drive),
            ["terminal_alarm 11-21 08:00:00..11-21 09:00:00 L2 0 - | charter_off_contract -/-"]
        );
        let on_contract = chartered(CharterCoach, &[("11-21 00:00", "11-22 00:00")]);
        assert!(on_contract.lines(DAY, drive).is_empty());
        assert!(Scene::of(CharterCoach).lines(DAY, drive).is_empty());
        let line = chartered(LineCoach2, &[("11-19 00:00", "11-21 00:00")]);
        assert!(line.lines(DAY, drive).is_empty());
    }

    #[test]
    fn a_contract_ends_it_and_short_ways_are_nothing() {
        let scene = chartered(CharterCoach, &[("11-21 08:30", "11-22 00:00")]);
        assert_eq!(
            scene.lines(DAY, "drive 1h"),
            ["terminal_alarm 11-21 08:00:00..11-21 08:30:00 L2 0 - | charter_off_contract -/-"]
        );
        assert!(scene.lines(DAY, "drive 4m, stand 30m").is_empty());
    }

    #[test]
    fn a_contract_longer_than_a_charter_may_last_does_not_help() {
        let scene = chartered(CharterCoach, &[("11-01 00:00", "12-31 00:00")]);
        assert!(!scene.lines(DAY, "drive 1h").is_empty());
    }
}
