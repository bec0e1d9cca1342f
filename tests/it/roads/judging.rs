//! Which road counts: parallel roads, doubt, defaults, the operator's limits; and that neither the
//! screen nor the pieces in which fixes come change a verdict.

use proptest::prelude::*;
use roadwarden::model::road::{OverrideTarget, RoadOverride};
use roadwarden::model::violation::{LimitSource, PointsBasis};
use roadwarden::model::{Fix, Speed, Timestamp, VehicleClass};
use roadwarden::roads::RoadClass;

use super::town::{Town, at, at_speed, ride, stream};
use crate::drive::{Scene, lines, moment};

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
            &[("maxspeed", "40")],
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

/// Streets for 30, 50 and 70 in a grid, an expressway across it.
fn grid() -> Town {
    let mut town = Town::default();
    for (street, away) in (0..8).enumerate() {
        let away_m = f64::from(away) * 220.0;
        let limit = ["30", "50", "70", "30", "50", "70", "30", "50"][street];
        let along: Vec<(f64, f64)> = (0..8)
            .map(|step| (f64::from(step) * 220.0, away_m))
            .collect();
        let across: Vec<(f64, f64)> = (0..8)
            .map(|step| (away_m, f64::from(step) * 220.0))
            .collect();
        town = town
            .way(RoadClass::Secondary, &[("maxspeed", limit)], &along)
            .way(RoadClass::Residential, &[], &across);
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

/// A ride around the grid with noise, in stretches of different speed.
fn errands(seed: i64, step_s: i64, kmh: &[u16]) -> Vec<Fix> {
    let corner = |number: i64| {
        let pick =
            |factor: i64| f64::from(i32::try_from((seed + number) * factor % 8).unwrap()) * 220.0;
        (pick(5), pick(3))
    };
    let mut line = vec![corner(0)];
    for number in 1..8 {
        let (north_m, _) = *line.last().unwrap();
        let (to_north_m, to_east_m) = corner(number);
        line.push((north_m, to_east_m));
        line.push((to_north_m, to_east_m));
    }
    line.dedup();
    let noise = |number: i64| {
        let pick =
            |factor: i64| f64::from(i32::try_from((seed + number) * factor % 13).unwrap()) - 6.0;
        (pick(7), pick(11))
    };
    let fixes = ride("11-21 21:50", &line, 50, step_s, noise);
    let stretches = fixes.chunks(40).zip(kmh.iter().cycle());
    stretches
        .flat_map(|(fixes, kmh)| at_speed(fixes.to_vec(), *kmh))
        .collect()
}

fn scenes() -> (Scene, Scene) {
    let class = VehicleClass::TouristCoach;
    let in_doubt = grid().map().with_everything_in_doubt();
    (grid().scene(class), Scene::of(class).with_roads(in_doubt))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_screen_changes_no_verdict(
        seed in 0_i64..1000,
        step_s in prop::sample::select(vec![1_i64, 2, 5, 15]),
        kmh in prop::collection::vec(prop::sample::select(vec![0_u16, 20, 28, 45, 60, 75, 95, 120]), 1..6),
    ) {
        let fixes = errands(seed, step_s, &kmh);
        let (screened, everything) = scenes();
        prop_assert_eq!(lines(&screened.judge(&fixes)), lines(&everything.judge(&fixes)));
    }

    #[test]
    fn a_stream_cut_anywhere_gives_what_the_whole_track_gives(
        seed in 0_i64..1000,
        kmh in prop::collection::vec(prop::sample::select(vec![20_u16, 45, 60, 75, 95]), 1..6),
        cuts in 1_usize..40,
    ) {
        let fixes = errands(seed, 2, &kmh);
        let scene = grid().scene(VehicleClass::TouristCoach);
        let whole = scene.judge(&fixes);
        prop_assert_eq!(&stream(&scene, &fixes, |_| false), &whole);
        prop_assert_eq!(&stream(&scene, &fixes, |number| number % cuts == 0), &whole);
    }
}
