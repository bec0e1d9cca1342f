//! Which road counts: parallel roads, doubt, defaults, the operator's limits.

use roadwarden::model::road::{OverrideTarget, RoadOverride};
use roadwarden::model::violation::{LimitSource, PointsBasis};
use roadwarden::model::{Course, Speed, Timestamp, VehicleClass};
use roadwarden::roads::RoadClass;

use super::town::{Town, at, ride};
use crate::drive::{lines, moment};

const STEP_S: i64 = 2;

/// A straight kilometre and more, north.
const NORTHWARD: [(f64, f64); 2] = [(200.0, 0.0), (3000.0, 0.0)];

fn quiet(_: i64) -> (f64, f64) {
    (0.0, 0.0)
}

#[test]
fn a_slow_road_beside_the_fast_one_accuses_nobody() {
    // An expressway and, 30 m beside it, a road for 40.
    let scene = Town::default()
        .way(
            RoadClass::Motorway,
            &[("maxspeed", "100")],
            &[(0.0, 0.0), (4000.0, 0.0)],
        )
        .way(
            RoadClass::Tertiary,
            &[("maxspeed", "40")],
            &[(0.0, 30.0), (4000.0, 30.0)],
        )
        .scene(VehicleClass::TouristCoach);
    let noise = |number: i64| {
        (
            0.0,
            f64::from(i32::try_from(number % 5).unwrap()) * 3.0 - 6.0,
        )
    };
    let found = scene.judge(&ride("11-21 10:00", &NORTHWARD, 95, STEP_S, noise));
    assert_eq!(lines(&found), [""; 0]);
    // Whoever drives on the slow road is.
    let beside = [(200.0, 30.0), (3000.0, 30.0)];
    let found = scene.judge(&ride("11-21 10:00", &beside, 70, STEP_S, noise));
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].limit.as_ref().unwrap().reference.as_deref(),
        Some("way/101")
    );
}

#[test]
fn who_drives_fast_against_a_one_way_road_is_told() {
    let line: Vec<(f64, f64)> = (0..=60)
        .map(|piece| (f64::from(piece) * 100.0, 0.0))
        .collect();
    let scene = Town::default()
        .way(RoadClass::Primary, &[("maxspeed", "60")], &line)
        .oneway()
        .scene(VehicleClass::TouristCoach);
    for (step_s, has_course) in [(1, false), (1, true), (10, false), (10, true)] {
        let southward = [(5800.0, 0.0), (200.0, 0.0)];
        let mut fixes = ride("11-21 10:00", &southward, 120, step_s, quiet);
        if !has_course {
            for fix in &mut fixes {
                fix.course = None;
            }
        }
        let found = scene.judge(&fixes);
        assert_eq!(found.len(), 1, "{step_s} {has_course}: {found:?}");
    }
}

#[test]
fn a_side_street_does_not_count_for_who_drives_past() {
    let mut town = Town::default().meridian(RoadClass::Primary, &[("maxspeed", "70")]);
    for street in 0..8 {
        let north_m = 400.0 + f64::from(street) * 300.0;
        town = town.way(
            RoadClass::Residential,
            &[("maxspeed", "30")],
            &[(north_m, -200.0), (north_m, 0.0), (north_m, 200.0)],
        );
    }
    let scene = town.scene(VehicleClass::TouristCoach);
    let found = scene.judge(&ride("11-21 10:00", &NORTHWARD, 65, STEP_S, quiet));
    assert_eq!(lines(&found), [""; 0]);
}

#[test]
fn where_the_road_is_not_sure_a_person_reviews() {
    // Two roads with different limits in almost the same place, far from every junction.
    let scene = Town::default()
        .way(
            RoadClass::Trunk,
            &[("maxspeed", "60")],
            &[(0.0, 0.0), (4000.0, 0.0)],
        )
        .way(
            RoadClass::Trunk,
            &[("maxspeed", "50")],
            &[(0.0, 2.0), (4000.0, 2.0)],
        )
        .scene(VehicleClass::TouristCoach);
    let between = |_| (0.0, 1.0);
    let found = scene.judge(&ride("11-21 10:00", &NORTHWARD, 80, STEP_S, between));
    assert!(!found.is_empty());
    for violation in &found {
        assert_eq!(violation.points, None);
        assert_eq!(violation.points_basis, Some(PointsBasis::RoadUnsure));
        assert!(violation.limit.as_ref().unwrap().confidence.unwrap() < 0.8);
    }
}

#[test]
fn a_road_that_the_map_lacks_is_not_the_one_beside_it() {
    let scene = Town::default()
        .meridian(RoadClass::Primary, &[("maxspeed", "40")])
        .scene(VehicleClass::TouristCoach);
    for east_m in [20.0, 30.0, 45.0] {
        let found = scene.judge(&ride("11-21 10:00", &NORTHWARD, 70, STEP_S, |_| {
            (0.0, east_m)
        }));
        for violation in &found {
            assert_eq!(violation.points, None, "{east_m} m beside");
        }
    }
    let found = scene.judge(&ride("11-21 10:00", &NORTHWARD, 70, STEP_S, |_| (0.0, 8.0)));
    assert_eq!(found[0].points, Some(9));
}

#[test]
fn a_stuck_compass_hides_nobody() {
    let scene = Town::default()
        .meridian(RoadClass::Primary, &[("maxspeed", "60")])
        .scene(VehicleClass::TouristCoach);
    for stuck in [90, 135, 180] {
        let mut fixes = ride("11-21 10:00", &NORTHWARD, 80, STEP_S, quiet);
        for fix in &mut fixes {
            fix.course = Course::from_degrees(stuck);
        }
        let found = scene.judge(&fixes);
        assert_eq!(found.len(), 1, "{stuck}");
        assert_eq!(found[0].points, Some(6), "{stuck}");
    }
}

#[test]
fn without_a_sign_the_default_holds_and_gives_no_points() {
    let scene = Town::default()
        .meridian(RoadClass::Tertiary, &[])
        .scene(VehicleClass::TouristCoach);
    let found = scene.judge(&ride("11-21 10:00", &NORTHWARD, 85, STEP_S, quiet));
    assert_eq!(found.len(), 1);
    let limit = found[0].limit.as_ref().unwrap();
    assert_eq!(
        (limit.source, limit.legal),
        (LimitSource::Road, Speed::from_whole_kmh(70))
    );
    assert_eq!(found[0].points, None);
    assert_eq!(found[0].points_basis, Some(PointsBasis::LimitAssumed));
}

#[test]
fn where_no_road_is_near_the_class_limit_holds() {
    let scene = Town::default()
        .meridian(RoadClass::Trunk, &[("maxspeed", "60")])
        .scene(VehicleClass::TouristCoach);
    let astray = [(200.0, 900.0), (3000.0, 900.0)];
    let found = scene.judge(&ride("11-21 10:00", &astray, 110, STEP_S, quiet));
    assert_eq!(found.len(), 1);
    let limit = found[0].limit.as_ref().unwrap();
    assert_eq!(
        (limit.source, limit.legal),
        (LimitSource::Class, Speed::from_whole_kmh(100))
    );
    assert_eq!(
        (limit.confidence, limit.map_version.as_deref()),
        (None, None)
    );
    assert_eq!(found[0].points_basis, Some(PointsBasis::RoadUnknown));
}

/// A limit of 40 on the first way.
fn forty(from: Option<Timestamp>, to: Option<Timestamp>) -> RoadOverride {
    RoadOverride {
        id: "o1".to_owned(),
        target: OverrideTarget::Way {
            id: 100,
            backward: None,
        },
        limit: Speed::from_whole_kmh(40),
        classes: vec![VehicleClass::Hazmat],
        from,
        to,
        set_by: "王队".to_owned(),
    }
}

#[test]
fn the_limit_of_the_operator_holds_in_its_time_and_for_its_classes() {
    let judged = |class, limit| {
        let scene = Town::default()
            .meridian(RoadClass::Trunk, &[("maxspeed", "60")])
            .set(limit)
            .scene(class);
        scene.judge(&ride("11-21 10:00", &NORTHWARD, 55, STEP_S, quiet))
    };
    let found = judged(VehicleClass::Hazmat, forty(None, None));
    assert_eq!(found.len(), 1);
    let limit = found[0].limit.as_ref().unwrap();
    assert_eq!(limit.legal, Speed::from_whole_kmh(40));
    assert!(
        limit.map_version.as_deref().unwrap().starts_with("m1+"),
        "{limit:?}"
    );
    assert!(judged(VehicleClass::TouristCoach, forty(None, None)).is_empty());
    assert!(
        judged(
            VehicleClass::Hazmat,
            forty(Some(moment("11-22 00:00")), None)
        )
        .is_empty()
    );
    assert!(
        judged(
            VehicleClass::Hazmat,
            forty(None, Some(moment("11-21 00:00")))
        )
        .is_empty()
    );
}

#[test]
fn a_drawn_line_sets_a_limit_along_it() {
    let drawn = |half_width_m| RoadOverride {
        target: OverrideTarget::Line {
            line: vec![at(900.0, 10.0).position(), at(2100.0, 10.0).position()],
            half_width_m,
            one_direction: true,
        },
        classes: Vec::new(),
        ..forty(None, None)
    };
    let judged = |limit, line: &[(f64, f64)]| {
        let scene = Town::default()
            .meridian(RoadClass::Trunk, &[("maxspeed", "60")])
            .set(limit)
            .scene(VehicleClass::TouristCoach);
        scene
            .judge(&ride("11-21 10:00", line, 55, STEP_S, quiet))
            .len()
    };
    assert_eq!(judged(drawn(25.0), &NORTHWARD), 1);
    assert_eq!(judged(drawn(5.0), &NORTHWARD), 0);
    assert_eq!(judged(drawn(25.0), &[(3000.0, 0.0), (200.0, 0.0)]), 0);
}
