//! Stops on the planned route where none is planned.

use roadwarden::model::VehicleClass;
use roadwarden::model::route::{RoadKind, Route};

use crate::drive::{Scene, place, road};

use VehicleClass::{HeavyTruck, LineCoach2};

/// The common road with planned stops after these distances.
fn route(stops_m: &[f64]) -> Route {
    Route {
        stops: stops_m.iter().map(|driven_m| place(*driven_m)).collect(),
        ..road(100, RoadKind::Other)
    }
}

fn stops(stops_m: &[f64], class: VehicleClass, text: &str) -> Vec<String> {
    Scene::of(class)
        .on(route(stops_m))
        .lines("11-21 08:00", text)
}

#[test]
fn standing_far_from_every_stop_is_told_from_its_beginning_to_its_end() {
    // Ten minutes at 60 km/h: 10 km.
    assert_eq!(
        stops(&[5000.0], LineCoach2, "drive 10m, stand 15m, drive 5m"),
        ["unplanned_stop 11-21 08:10:00..11-21 08:25:00 L1 0 - | R1 5000 m from a stop"]
    );
    assert!(stops(&[5000.0], LineCoach2, "drive 10m, stand 14m, drive 5m").is_empty());
}

#[test]
fn planned_stops_and_ends_of_the_route_are_nothing() {
    assert!(stops(&[9800.0], LineCoach2, "drive 10m, stand 40m, drive 5m").is_empty());
    assert!(stops(&[9800.0], LineCoach2, "stand 40m, drive 5m").is_empty());
    assert!(stops(&[5000.0], HeavyTruck, "drive 10m, stand 40m, drive 5m").is_empty());
}

#[test]
fn a_route_without_stops_allows_a_rest() {
    assert!(stops(&[], LineCoach2, "drive 10m, stand 44m, drive 5m").is_empty());
    assert_eq!(
        stops(&[], LineCoach2, "drive 10m, stand 45m, drive 5m"),
        ["unplanned_stop 11-21 08:10:00..11-21 08:55:00 L1 0 - | R1 10000 m from a stop"]
    );
}

#[test]
fn a_stop_beside_the_corridor_is_nothing() {
    assert!(
        stops(&[5000.0], LineCoach2, "drive 10m, park 30m")
            .iter()
            .all(|line| !line.starts_with("unplanned_stop"))
    );
}
