//! Where the operator's limits hold, and which of several.

use roadwarden::model::road::{OverrideTarget, RoadOverride};
use roadwarden::model::violation::Violation;
use roadwarden::model::{Fix, Position, Speed, Timestamp, VehicleClass};
use roadwarden::roads::RoadClass;

use super::town::{Town, at, ride};
use crate::drive::{lines, moment};

const STEP_S: i64 = 2;
/// The pieces of the road are so long. Unit: m.
const LONG_M: f64 = 5000.0;

/// A road northward for 80 with 5 km between its nodes, and these limits.
fn judge(limits: &[RoadOverride], fixes: &[Fix]) -> Vec<Violation> {
    let line = [(0.0, 0.0), (LONG_M, 0.0), (2.0 * LONG_M, 0.0)];
    let town = Town::default().way(RoadClass::Primary, &[("maxspeed", "80")], &line);
    let town = limits.iter().cloned().fold(town, Town::set);
    town.scene(VehicleClass::TouristCoach).judge(fixes)
}

fn place(north_m: f64, east_m: f64) -> Position {
    at(north_m, east_m).position()
}

fn sixty(target: OverrideTarget) -> RoadOverride {
    RoadOverride {
        id: "a".to_owned(),
        target,
        limit: Speed::from_whole_kmh(60),
        classes: Vec::new(),
        from: None,
        to: None,
        set_by: "王队".to_owned(),
    }
}

/// Along the road from one place to another, 5 m beside it.
fn drawn(from_m: f64, to_m: f64) -> RoadOverride {
    sixty(OverrideTarget::Line {
        line: vec![place(from_m, 5.0), place(to_m, 5.0)],
        half_width_m: 25.0,
        one_direction: false,
    })
}

/// The same by two places on the road, and its name.
fn named(from_m: f64, to_m: f64) -> RoadOverride {
    sixty(OverrideTarget::Name {
        name: "road 0".to_owned(),
        stretch: Some((place(from_m, 0.0), place(to_m, 0.0))),
    })
}

/// A drive of the whole road, for 60 in the stretch from one place to another and for 78 elsewhere.
fn careful(from_m: f64, to_m: f64) -> Vec<Fix> {
    let mut fixes = Vec::new();
    let mut start = "11-21 10:00".to_owned();
    let pieces = [(100.0, from_m, 78), (from_m, to_m, 55), (to_m, 9900.0, 78)];
    for (number, (from, to, kmh)) in pieces.into_iter().enumerate() {
        let piece = ride(&start, &[(from, 0.0), (to, 0.0)], kmh, STEP_S, |_| {
            (0.0, 0.0)
        });
        fixes.extend(piece);
        start = format!("11-21 10:{:02}", 6 * (number + 1));
    }
    fixes
}

#[test]
fn who_keeps_the_limit_of_a_short_stretch_is_not_accused_on_the_long_rest() {
    for limit in [drawn(2400.0, 2600.0), named(2400.0, 2600.0)] {
        let found = judge(&[limit], &careful(2300.0, 2700.0));
        assert_eq!(lines(&found), [""; 0]);
    }
}

#[test]
fn a_stretch_holds_wherever_it_lies_on_a_long_segment_and_nowhere_else() {
    for (from_m, to_m) in [(1000.0, 2000.0), (2000.0, 3500.0), (4000.0, 6000.0)] {
        for limit in [drawn(from_m, to_m), named(from_m, to_m)] {
            for line in [[100.0, 9900.0], [9900.0, 100.0]] {
                let line = line.map(|north_m| (north_m, 0.0));
                let fixes = ride("11-21 10:00", &line, 75, STEP_S, |_| (0.0, 0.0));
                let found = judge(std::slice::from_ref(&limit), &fixes);
                assert_eq!(found.len(), 1, "{from_m} {to_m}");
                let ended = found[0].ended_at.unwrap();
                let expected = (to_m - from_m) / (75.0 / 3.6) * 1000.0;
                #[expect(clippy::cast_precision_loss, reason = "minutes")]
                let lasted = (ended.millis() - found[0].started_at.millis()) as f64;
                assert!((lasted - expected).abs() < 6000.0, "{lasted} {expected}");
            }
        }
    }
}

/// The limit by which a truck or coach that drives 85 is accused, with these on a road for 80 where
/// lorries may drive 40; 0 when by none.
fn legal(class: VehicleClass, limits: &[RoadOverride]) -> u32 {
    legal_on(&[], class, limits)
}

/// The same with more tags on the road.
fn legal_on(more: &[(&str, &str)], class: VehicleClass, limits: &[RoadOverride]) -> u32 {
    let tags = [("maxspeed", "80"), ("maxspeed:hgv", "40")];
    let tags: Vec<(&str, &str)> = tags.iter().chain(more).copied().collect();
    let town = Town::default().meridian(RoadClass::Trunk, &tags);
    let scene = limits.iter().cloned().fold(town, Town::set).scene(class);
    let line = [(200.0, 0.0), (3000.0, 0.0)];
    let found = scene.judge(&ride("11-21 10:00", &line, 85, STEP_S, |_| (0.0, 0.0)));
    let limit = found.first().and_then(|violation| violation.limit.as_ref());
    limit.map_or(0, |limit| limit.legal.mkmh() / 1000)
}

#[test]
fn the_limit_for_the_class_goes_first_then_the_later_then_the_lower() {
    let way = OverrideTarget::Way {
        id: 100,
        backward: None,
    };
    let set = |kmh, classes: &[VehicleClass], from: Option<Timestamp>| RoadOverride {
        limit: Speed::from_whole_kmh(kmh),
        classes: classes.to_vec(),
        from,
        ..sixty(way.clone())
    };
    let (coach, truck) = (VehicleClass::TouristCoach, VehicleClass::HeavyTruck);
    let november = Some(moment("11-01 00:00"));
    let (old, new) = (set(50, &[], None), set(70, &[], november));
    assert_eq!(legal(coach, &[old.clone(), new.clone()]), 70);
    assert_eq!(legal(coach, &[new.clone(), set(65, &[], november)]), 65);
    assert_eq!(legal(coach, &[set(55, &[coach], None), new.clone()]), 55);
    // One for all does not lift what is posted for lorries; one for lorries does, and a lower one holds.
    assert_eq!(legal(truck, std::slice::from_ref(&new)), 40);
    assert_eq!(legal(truck, &[set(60, &[truck], None), new]), 60);
    assert_eq!(legal(truck, &[set(30, &[], None)]), 30);
}

#[test]
fn a_doubt_that_raises_the_limit_of_lorries_raises_it_under_the_operators_too() {
    let way = OverrideTarget::Way {
        id: 100,
        backward: None,
    };
    let seventy = RoadOverride {
        limit: Speed::from_whole_kmh(70),
        ..sixty(way)
    };
    let truck = |tag| {
        legal_on(
            &[tag],
            VehicleClass::HeavyTruck,
            std::slice::from_ref(&seventy),
        )
    };
    assert_eq!(truck(("maxspeed:hgv:conditional", "80 @ (dry)")), 70);
    assert_eq!(truck(("maxspeed:hgv:conditional", "60 @ (dry)")), 60);
    assert_eq!(truck(("maxspeed:conditional", "80 @ (dry)")), 70);
    assert_eq!(truck(("maxspeed:hgv:conditional", "30 @ (dry)")), 40);
}
