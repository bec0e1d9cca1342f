//! The worked examples E1-E15 and E26 of the regulations (section 15), by name.

use roadwarden::model::route::{RoadKind, Route};
use roadwarden::model::{Fix, Position, Quality, Span, Speed, VehicleClass};
use roadwarden::normalize::plausibility::assess;

use crate::drive::{drive, fix, judge, lines, moment, place, road, rules};

use VehicleClass::{Hazmat, TouristCoach};

const STEP: Span = Span::from_seconds(10);

fn check(class: VehicleClass, route: Option<Route>, fixes: &[Fix], expected: &[&str]) {
    assert_eq!(lines(&judge(&rules(), class, route, fixes)), expected);
}

fn check_hours(start: &str, drive_text: &str, expected: &[&str]) {
    check(
        TouristCoach,
        None,
        &drive(start, drive_text, STEP),
        expected,
    );
}

#[test]
fn e01_night_limit_exceeded_is_no_points() {
    check(
        TouristCoach,
        Some(road(100, RoadKind::Expressway)),
        &drive("11-21 23:10", "drive@85 70s, drive@70 60s", STEP),
        &[
            "speeding 11-21 23:10:00..11-21 23:11:10 L1 0 - | 85 over 80/100 route route/R1 at +6.25%/+0.00% x7",
        ],
    );
}

#[test]
fn e02_class_cap_rules_below_the_posted_limit() {
    check(
        TouristCoach,
        Some(road(120, RoadKind::Expressway)),
        &drive("11-21 14:00", "drive@105 70s, drive@90 60s", STEP),
        &[
            "speeding 11-21 14:00:00..11-21 14:01:10 L3 6 记分办法8/9/10/12 | 105 over 100/100 class at +5.00%/+5.00% x7",
        ],
    );
}

#[test]
fn e03_night_limit_ends_at_six() {
    check(
        TouristCoach,
        Some(road(100, RoadKind::Expressway)),
        &drive("11-21 05:58", "drive@97 4m, drive@70 60s", STEP),
        &[
            "speeding 11-21 05:58:00..11-21 06:00:00 L2 0 - | 97 over 80/100 route route/R1 at +21.25%/+0.00% x12",
        ],
    );
}

#[test]
fn e04_points_on_another_road() {
    let at = |kmh: &str, severity_points: &str, percent: &str| {
        let expected = format!(
            "speeding 11-21 10:00:00..11-21 10:01:00 {severity_points} 记分办法8/9/10/12 | \
             {kmh} over 60/60 route route/R1 at +{percent}%/+{percent}% x6"
        );
        check(
            TouristCoach,
            Some(road(60, RoadKind::Other)),
            &drive(
                "11-21 10:00",
                &format!("drive@{kmh} 60s, drive@50 60s"),
                STEP,
            ),
            &[&expected],
        );
    };
    at("72", "L3 6", "20.00");
    at("89", "L3 6", "48.33");
    at("90", "L4 9", "50.00");
}

#[test]
fn e05_tanker_has_its_own_caps() {
    let at = |posted, kind, kmh: &str, expected: &str| {
        check(
            Hazmat,
            Some(road(posted, kind)),
            &drive(
                "11-21 10:00",
                &format!("drive@{kmh} 60s, drive@50 60s"),
                STEP,
            ),
            &[&format!(
                "speeding 11-21 10:00:00..11-21 10:01:00 {expected} x6"
            )],
        );
    };
    at(
        80,
        RoadKind::Other,
        "66",
        "L2 1 危货办法46 | 66 over 60/60 class at +10.00%/+10.00%",
    );
    at(
        100,
        RoadKind::Expressway,
        "96",
        "L4 12 危货办法46 | 96 over 80/80 class at +20.00%/+20.00%",
    );
}

#[test]
fn e06_joined_spans_count_when_one_is_long_enough() {
    let text = "drive@110 25s, drive@90 275s, drive@110 40s, drive@90 30s, drive@110 40s, \
                drive@90 130s, drive@110 31s, drive@90 60s";
    check(
        TouristCoach,
        None,
        &drive("11-21 10:00", text, Span::from_seconds(1)),
        &[
            "speeding 11-21 10:05:00..11-21 10:06:50 L2 - road_unknown | 110 over 100/100 class at +10.00%/+10.00% x80",
            "speeding 11-21 10:09:00..11-21 10:09:31 L2 - road_unknown | 110 over 100/100 class at +10.00%/+10.00% x31",
        ],
    );
}

#[test]
fn e07_rest_of_twenty_minutes_resets() {
    check_hours(
        "11-21 08:00",
        "drive 4h, stand 20m, drive 2h, stand 30m",
        &[],
    );
}

#[test]
fn e08_short_stop_does_not_reset() {
    check_hours(
        "11-21 08:00",
        "drive 2h30m, stand 15m, drive 1h40m, stand 30m",
        &["fatigue_continuous 11-21 12:15:00..11-21 12:25:00 L4 9 记分办法9(7) | 250 of 240 min"],
    );
}

#[test]
fn e08_with_the_option_short_stops_count() {
    let mut rules = rules();
    rules.fatigue.count_short_stops = true;
    let fixes = drive(
        "11-21 08:00",
        "drive 2h30m, stand 15m, drive 1h40m, stand 30m",
        STEP,
    );
    assert_eq!(
        lines(&judge(&rules, TouristCoach, None, &fixes)),
        ["fatigue_continuous 11-21 12:00:00..11-21 12:25:00 L4 9 记分办法9(7) | 265 of 240 min"]
    );
}

#[test]
fn e09_driving_before_night_is_not_night_driving() {
    check_hours("11-21 21:01", "drive 2h29m, stand 30m", &[]);
}

#[test]
fn e10_both_limits_pass_at_midnight() {
    check_hours(
        "11-21 20:00",
        "drive 4h20m, stand 30m",
        &[
            "fatigue_continuous 11-22 00:00:00..11-22 00:20:00 L4 9 记分办法9(7) | 260 of 240 min",
            "fatigue_night 11-22 00:00:00..11-22 00:20:00 L1 0 - | 140 of 120 min",
        ],
    );
}

#[test]
fn e11_evening_drive_is_over_four_hours_only() {
    check_hours(
        "11-21 19:00",
        "drive 4h30m, stand 30m",
        &["fatigue_continuous 11-21 23:00:00..11-21 23:30:00 L4 9 记分办法9(7) | 270 of 240 min"],
    );
}

#[test]
fn e12_night_counter_freezes_at_six() {
    check_hours(
        "11-21 03:00",
        "drive 4h30m, stand 30m",
        &[
            "fatigue_night 11-21 05:00:00..11-21 06:00:00 L1 0 - | 180 of 120 min",
            "fatigue_continuous 11-21 07:00:00..11-21 07:30:00 L4 9 记分办法9(7) | 270 of 240 min",
        ],
    );
}

#[test]
fn e13_nineteen_minutes_are_no_rest_and_twenty_are() {
    check_hours(
        "11-21 21:30",
        "drive 2h10m, stand 19m, drive 51m, stand 30m",
        &["fatigue_night 11-22 00:19:00..11-22 00:50:00 L1 0 - | 151 of 120 min"],
    );
    check_hours(
        "11-21 21:30",
        "drive 2h10m, stand 20m, drive 50m, stand 30m",
        &[],
    );
}

#[test]
fn e14_eight_hours_roll_over_midnight() {
    check_hours(
        "11-21 14:00",
        "drive 4h, stand 30m, drive 2h, stand 11h30m, drive 3h, stand 30m",
        &["fatigue_24h 11-22 10:00:00..11-22 11:00:00 L1 0 - | 540 of 480 min"],
    );
}

#[test]
fn e15_a_full_week_leaves_no_minute() {
    let day = "drive 3h40m, stand 30m, drive 3h40m, stand 16h10m";
    let week = [day; 6].join(", ");
    check_hours(
        "11-15 08:00",
        &format!("{week}, drive 10m, stand 30m"),
        &["fatigue_7d 11-21 08:00:00..11-21 08:10:00 L1 0 - | 2650 of 2640 min"],
    );
}

#[test]
fn e26_plausible_ranges() {
    let rules = rules().plausibility;
    let usual = fix(moment("11-21 08:00"), 60, place(0.0));
    let quality = |fix: Fix| assess(&rules, &fix);
    assert_eq!(quality(usual), Quality::GOOD);
    let west = Position {
        lon_udeg: 73_500_000,
        ..usual.position
    };
    let bad = [
        (
            Fix {
                position: west,
                ..usual
            },
            Quality::PLACE_RANGE,
        ),
        (
            Fix {
                speed: Speed::from_whole_kmh(161),
                ..usual
            },
            Quality::SPEED_RANGE,
        ),
        (
            Fix {
                received: usual.time - Span::from_seconds(1),
                ..usual
            },
            Quality::FUTURE,
        ),
    ];
    for (fix, reason) in bad {
        assert_eq!(quality(fix), reason);
        assert!(!quality(fix).is_qualified());
    }
    let low = Fix {
        altitude_m: Some(-200),
        ..usual
    };
    assert!(quality(low).is_qualified());
}
