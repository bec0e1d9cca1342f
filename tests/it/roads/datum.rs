//! Terminals that give places of another datum than they say are found out by the roads.

use std::collections::BTreeMap;

use roadwarden::geo::datum::from_wgs84;
use roadwarden::model::violation::Details;
use roadwarden::model::{Datum, Fix, Position, Speed, Timestamp, VehicleClass};
use roadwarden::normalize::place::wgs84;
use roadwarden::roads::{RoadClass, RoadMap};

use super::town::{Town, ride};
use crate::drive::{Scene, fix, rules};
use crate::matching::truth::{network, table};

/// The same fixes as a terminal gives them that says one datum and means another.
fn shifted(fixes: &[Fix], datum: Datum) -> Vec<Fix> {
    let shift = |fix: &Fix| {
        let (lat, lon) = from_wgs84(datum, fix.position.lat(), fix.position.lon());
        Fix {
            position: Position::from_degrees(lat, lon).unwrap(),
            ..*fix
        }
    };
    fixes.iter().map(shift).collect()
}

/// What the check says: the names of its alarms, each with `.` when it is over.
fn alarms(scene: &Scene, fixes: &[Fix]) -> String {
    let found = scene.judge(fixes);
    let named = found.iter().filter_map(|violation| {
        let Details::TerminalAlarm { alarm, .. } = &violation.details else {
            return None;
        };
        let over = if violation.ended_at.is_some() {
            "."
        } else {
            ""
        };
        Some(format!("{alarm}{over}"))
    });
    named.collect::<Vec<_>>().join(" ")
}

/// Streets that turn now and then, so that a shifted place seldom lies on another one.
fn town() -> (Town, Vec<(f64, f64)>) {
    let mut line = vec![(0.0, 0.0)];
    for corner in 0..120 {
        let (north_m, east_m) = line[line.len() - 1];
        let long_m = f64::from(400 + corner * 37 % 300);
        line.push(if corner % 2 == 0 {
            (north_m + long_m, east_m)
        } else {
            (north_m, east_m + long_m)
        });
    }
    (
        Town::default().way(RoadClass::Secondary, &[("maxspeed", "70")], &line),
        line,
    )
}

#[test]
fn places_of_another_datum_are_found_out() {
    let (town, line) = town();
    let noise = |number: i64| {
        let off = |factor: i64| f64::from(i32::try_from(number * factor % 9).unwrap()) - 4.0;
        (off(5), off(7))
    };
    let fixes = ride("11-21 08:00", &line, 40, 10, noise);
    let scene = town.scene(VehicleClass::TouristCoach);
    assert_eq!(alarms(&scene, &fixes), "");
    assert_eq!(
        alarms(&scene, &shifted(&fixes, Datum::Gcj02)),
        "datum_gcj02"
    );
    assert_eq!(alarms(&scene, &shifted(&fixes, Datum::Bd09)), "datum_bd09");
    // It is over when the terminal is set right.
    let (wrong, right) = fixes.split_at(fixes.len() / 2);
    let mended = [shifted(wrong, Datum::Gcj02), right.to_vec()].concat();
    assert_eq!(alarms(&scene, &mended), "datum_gcj02.");
}

/// The same fixes as they are stored when they are given in one datum and declared in another.
fn stored(fixes: &[Fix], given: Datum, declared: Datum) -> Vec<Fix> {
    let convert = |fix: &Fix| Fix {
        position: wgs84(declared, fix.status, fix.position),
        ..*fix
    };
    shifted(fixes, given).iter().map(convert).collect()
}

#[test]
fn every_wrong_declaration_names_the_right_one() {
    let (town, line) = town();
    let fixes = ride("11-21 08:00", &line, 40, 10, |_| (0.0, 0.0));
    let scene = town.scene(VehicleClass::TouristCoach);
    for given in Datum::ALL.iter().copied() {
        for declared in Datum::ALL.iter().copied() {
            let found = alarms(&scene, &stored(&fixes, given, declared));
            let expected = if given == declared {
                String::new()
            } else {
                format!("datum_{given}")
            };
            assert_eq!(found, expected, "{given} declared as {declared}");
        }
    }
    // Declared wrong, then wrong in another way, then right.
    let third = fixes.len() / 3;
    let (first, rest) = fixes.split_at(third);
    let (second, last) = rest.split_at(third);
    let changed = [
        stored(first, Datum::Gcj02, Datum::Wgs84),
        stored(second, Datum::Gcj02, Datum::Bd09),
        stored(last, Datum::Gcj02, Datum::Gcj02),
    ];
    assert_eq!(
        alarms(&scene, &changed.concat()),
        "datum_gcj02. datum_gcj02."
    );
}

#[test]
fn where_no_road_is_known_nothing_is_concluded() {
    let (town, _) = town();
    let away: Vec<(f64, f64)> = (0..60)
        .map(|step| (50_000.0 + f64::from(step) * 500.0, 0.0))
        .collect();
    let fixes = ride("11-21 08:00", &away, 40, 10, |_| (0.0, 0.0));
    assert_eq!(alarms(&town.scene(VehicleClass::TouristCoach), &fixes), "");
}

#[test]
fn a_real_vehicle_in_beijing_is_told_from_a_shifted_one() {
    let (Some(network), Some(mut points)) = (
        network("beijing_haidian_tsinghua"),
        table("geolife_001_haidian"),
    ) else {
        return;
    };
    // Without speeds; what moves is taken to drive. Days follow each other without their nights.
    let mut tracks: BTreeMap<u32, Vec<(Timestamp, Position)>> = BTreeMap::new();
    for row in points.records() {
        let row = row.unwrap();
        let number = |column: usize| row[column].parse::<f64>().unwrap();
        let time = Timestamp::from_rfc3339(&format!("{}Z", &row[1])).unwrap();
        let place = Position::from_degrees(number(3), number(2)).unwrap();
        let track = tracks.entry(row[0].parse().unwrap()).or_default();
        track.push((time, place));
    }
    let mut fixes: Vec<Fix> = tracks
        .into_values()
        .flatten()
        .map(|(time, place)| Fix {
            speed: Speed::from_whole_kmh(30),
            ..fix(time, 0, place)
        })
        .collect();
    fixes.sort_by_key(|fix| fix.time);
    fixes.dedup_by_key(|fix| fix.time);
    let map = RoadMap::new(network.into(), "m1", Vec::new(), &[&rules()]);
    let scene = Scene::of(VehicleClass::TouristCoach).with_roads(map);
    assert!(!alarms(&scene, &fixes).contains("datum"));
    for given in Datum::ALL.iter().copied() {
        for declared in Datum::ALL.iter().copied() {
            let found = alarms(&scene, &stored(&fixes, given, declared));
            let others = Datum::ALL.iter().filter(|datum| **datum != given);
            let mut others = others.map(|datum| format!("datum_{datum}"));
            assert_eq!(
                found.contains(&format!("datum_{given}")),
                given != declared,
                "{found}"
            );
            assert!(!others.any(|other| found.contains(&other)), "{found}");
        }
    }
}
