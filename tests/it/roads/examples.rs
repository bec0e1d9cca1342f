//! The worked examples E1-E6 of the regulations (section 15) on a road map, by name.

use roadwarden::model::{Span, VehicleClass};
use roadwarden::roads::RoadClass;

use super::town::Town;
use crate::drive::{drive, lines};

use VehicleClass::{Hazmat, TouristCoach};

const STEP: Span = Span::from_seconds(10);

/// A drive on a road of one class with one posted limit.
fn check(
    class: VehicleClass,
    road: RoadClass,
    posted: &str,
    start: &str,
    text: &str,
    expected: &[&str],
) {
    let scene = Town::default()
        .meridian(road, &[("maxspeed", posted)])
        .scene(class);
    let found = scene.judge(&drive(start, text, STEP));
    assert_eq!(lines(&found), expected);
    for violation in found {
        let limit = violation.limit.unwrap();
        assert_eq!(limit.map_version.as_deref(), Some("m1"));
        assert!(limit.confidence.unwrap() >= 0.8, "{limit:?}");
    }
}

#[test]
fn e01_on_a_map_night_limit_exceeded_is_no_points() {
    check(
        TouristCoach,
        RoadClass::Motorway,
        "100",
        "11-21 23:10",
        "drive@85 70s, drive@70 60s",
        &[
            "speeding 11-21 23:10:00..11-21 23:11:10 L1 0 - | 85 over 80/100 road way/100 at +6.25%/+0.00% x7",
        ],
    );
}

#[test]
fn e02_on_a_map_class_cap_rules_below_the_posted_limit() {
    check(
        TouristCoach,
        RoadClass::Motorway,
        "120",
        "11-21 14:00",
        "drive@105 70s, drive@90 60s",
        &[
            "speeding 11-21 14:00:00..11-21 14:01:10 L3 6 记分办法8/9/10/12 | 105 over 100/100 class at +5.00%/+5.00% x7",
        ],
    );
}

#[test]
fn e03_on_a_map_night_limit_ends_at_six() {
    check(
        TouristCoach,
        RoadClass::Motorway,
        "100",
        "11-21 05:58",
        "drive@97 4m, drive@70 60s",
        &[
            "speeding 11-21 05:58:00..11-21 06:00:00 L2 0 - | 97 over 80/100 road way/100 at +21.25%/+0.00% x12",
        ],
    );
}

#[test]
fn e04_on_a_map_points_on_another_road() {
    let at = |kmh: &str, severity_points: &str, percent: &str| {
        let expected = format!(
            "speeding 11-21 10:00:00..11-21 10:01:00 {severity_points} 记分办法8/9/10/12 | \
             {kmh} over 60/60 road way/100 at +{percent}%/+{percent}% x6"
        );
        check(
            TouristCoach,
            RoadClass::Trunk,
            "60",
            "11-21 10:00",
            &format!("drive@{kmh} 60s, drive@50 60s"),
            &[&expected],
        );
    };
    at("72", "L3 6", "20.00");
    at("89", "L3 6", "48.33");
    at("90", "L4 9", "50.00");
}

#[test]
fn e05_on_a_map_tanker_has_its_own_caps() {
    let at = |road, posted, kmh: &str, expected: &str| {
        check(
            Hazmat,
            road,
            posted,
            "11-21 10:00",
            &format!("drive@{kmh} 60s, drive@50 60s"),
            &[&format!(
                "speeding 11-21 10:00:00..11-21 10:01:00 {expected} x6"
            )],
        );
    };
    at(
        RoadClass::Secondary,
        "80",
        "66",
        "L2 1 危货办法46 | 66 over 60/60 class at +10.00%/+10.00%",
    );
    at(
        RoadClass::Motorway,
        "100",
        "96",
        "L4 12 危货办法46 | 96 over 80/80 class at +20.00%/+20.00%",
    );
}

#[test]
fn e06_on_a_map_spans_join_under_a_minute() {
    let scene = Town::default()
        .meridian(RoadClass::Trunk, &[("maxspeed", "60")])
        .scene(TouristCoach);
    // Over for 25 s; 40 s and 40 s with 30 s between them; 31 s.
    let text = "drive@50 60s, drive@70 25s, drive@50 4m35s, drive@70 40s, drive@50 30s, drive@70 40s, \
                drive@50 130s, drive@70 31s, drive@50 60s";
    let found = scene.judge(&drive("11-21 09:59", text, Span::from_seconds(1)));
    let spans: Vec<i64> = found
        .iter()
        .map(|violation| {
            violation
                .ended_at
                .unwrap()
                .since(violation.started_at)
                .millis()
                / 1000
        })
        .collect();
    assert_eq!(spans, [110, 31]);
}
