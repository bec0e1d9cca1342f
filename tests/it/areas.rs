//! Areas that may not be entered or left.

use roadwarden::model::route::{Area, AreaKind};
use roadwarden::model::{Fix, Position, Span, VehicleClass};

use crate::drive::{Scene, area_across, drive, fix, lines, moment, place};

use VehicleClass::{Hazmat, LineCoach2};

const STEP: Span = Span::from_seconds(10);

fn forbidden(from_m: f64, to_m: f64) -> Area {
    area_across("A1", AreaKind::Forbidden, from_m, to_m)
}

fn scene(class: VehicleClass, area: Area) -> Scene {
    Scene::of(class).with_areas(vec![area])
}

#[test]
fn being_inside_is_a_violation_from_the_first_fix_inside_to_the_first_outside() {
    // 60 km/h: the edges at 1,010 m and 3,010 m are passed after 60.6 s and 180.6 s.
    let found = scene(Hazmat, forbidden(1010.0, 3010.0)).lines("11-21 08:00", "drive 5m");
    assert_eq!(
        found,
        ["area_forbidden 11-21 08:01:10..11-21 08:03:10 L3 6 记分办法10(7) | A1"]
    );
}

#[test]
fn an_area_crossed_between_two_fixes_counts() {
    let found = scene(LineCoach2, forbidden(1010.0, 1150.0)).lines("11-21 08:00", "drive 5m");
    assert_eq!(
        found,
        ["area_forbidden 11-21 08:01:00..11-21 08:01:10 L2 0 - | A1"]
    );
    // Too narrow to be beyond the margin on both sides.
    let narrow = scene(LineCoach2, forbidden(1010.0, 1045.0));
    assert!(narrow.lines("11-21 08:00", "drive 5m").is_empty());
}

#[test]
fn nothing_is_known_of_the_way_through_a_gap() {
    let scene = scene(LineCoach2, forbidden(1010.0, 1150.0));
    let found = scene.lines("11-21 08:00", "drive 50s, gone@60 5m, drive 1m");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("offline_movement"), "{found:?}");
}

#[test]
fn noise_at_the_edge_is_nothing() {
    // Beside the western edge, 10 m inside and 10 m outside in turn.
    let mut fixes = drive("11-21 08:00", "drive@20 5m", STEP);
    for (fix, inside) in fixes.iter_mut().zip([true, false].into_iter().cycle()) {
        fix.position.lon_udeg -= if inside { 1900 } else { 2100 };
    }
    let scene = scene(LineCoach2, forbidden(0.0, 5000.0));
    assert!(scene.judge(&fixes).is_empty());
}

#[test]
fn a_short_return_does_not_end_it() {
    let inside_but = |outside: std::ops::Range<usize>| {
        let mut fixes = drive("11-21 08:00", "drive@20 5m", STEP);
        for fix in &mut fixes[outside] {
            fix.position.lon_udeg += 4000;
        }
        lines(&scene(LineCoach2, forbidden(-100.0, 5000.0)).judge(&fixes))
    };
    assert_eq!(
        inside_but(10..12),
        ["area_forbidden 11-21 08:00:00..open L2 0 - | A1"]
    );
    assert_eq!(
        inside_but(10..14),
        [
            "area_forbidden 11-21 08:00:00..11-21 08:01:40 L2 0 - | A1",
            "area_forbidden 11-21 08:02:20..open L2 0 - | A1",
        ]
    );
}

#[test]
fn hours_and_classes_decide() {
    let mut area = forbidden(-100.0, 50_000.0);
    area.hours = Some((7 * 60, 9 * 60));
    assert_eq!(
        scene(LineCoach2, area.clone()).lines("11-21 06:55", "drive 10m"),
        ["area_forbidden 11-21 07:00:00..open L2 0 - | A1"]
    );
    assert_eq!(
        scene(LineCoach2, area.clone()).lines("11-21 08:55", "drive 10m"),
        ["area_forbidden 11-21 08:55:00..11-21 09:00:00 L2 0 - | A1"]
    );
    area.classes = Some(vec![Hazmat]);
    assert!(
        scene(LineCoach2, area)
            .lines("11-21 08:00", "drive 10m")
            .is_empty()
    );
}

#[test]
fn areas_that_overlap_are_told_apart() {
    let inner = Area {
        id: "A2".to_owned(),
        ..forbidden(1010.0, 3010.0)
    };
    let scene = Scene::of(LineCoach2).with_areas(vec![forbidden(1010.0, 5010.0), inner]);
    let found = scene.judge(&drive("11-21 08:00", "drive 3m30s", STEP));
    assert_eq!(
        lines(&found),
        [
            "area_forbidden 11-21 08:01:10..open L2 0 - | A1",
            "area_forbidden 11-21 08:01:10..open L2 0 - | A2",
        ]
    );
    let plate = roadwarden::model::Plate::new("湘A1", roadwarden::model::PlateColor::Blue).unwrap();
    assert_ne!(found[0].id(&plate), found[1].id(&plate));
}

#[test]
fn leaving_all_areas_to_stay_in_is_a_violation() {
    let stay = |id: &str, from_m, to_m| area_across(id, AreaKind::StayWithin, from_m, to_m);
    let scene = Scene::of(LineCoach2)
        .with_areas(vec![stay("A1", -100.0, 1010.0), stay("A2", 900.0, 2010.0)]);
    assert_eq!(
        scene.lines("11-21 08:00", "drive 5m"),
        ["area_left 11-21 08:02:10..open L1 0 - | A2"]
    );
    assert!(scene.lines("11-21 08:00", "drive 2m").is_empty());
}

#[test]
fn out_of_the_area_and_back_between_two_fixes_counts() {
    // A notch in the eastern side: the straight way between the fixes leads through it.
    let here = place(1000.0);
    let at = |north: i32, east: i32| Position {
        lat_udeg: here.lat_udeg + north,
        lon_udeg: here.lon_udeg + east,
    };
    let ring = vec![
        at(-5000, -5000),
        at(-5000, 2000),
        at(-1000, 2000),
        at(-1000, -2000),
        at(1000, -2000),
        at(1000, 2000),
        at(5000, 2000),
        at(5000, -5000),
        at(-5000, -5000),
    ];
    let area = Area {
        polygons: vec![vec![ring]],
        ..area_across("A1", AreaKind::StayWithin, 0.0, 1.0)
    };
    let fixes: Vec<Fix> = [-4000, -2000, 2000, 4000]
        .into_iter()
        .zip(0..)
        .map(|(north, step)| {
            fix(
                moment("11-21 08:00") + Span::from_seconds(step * 20),
                60,
                at(north, 0),
            )
        })
        .collect();
    assert_eq!(
        lines(&scene(LineCoach2, area).judge(&fixes)),
        ["area_left 11-21 08:00:20..11-21 08:00:40 L1 0 - | A1"]
    );
}
