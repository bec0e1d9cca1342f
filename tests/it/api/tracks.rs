//! Tracks in four formats.

use serde_json::Value;

use super::samples::drive;
use super::support::{World, check};

const DAY: &str = "from=2026-11-21T00:00:00+08:00&to=2026-11-22T00:00:00+08:00";

async fn driven(world: World) -> World {
    let world = world.with_fleet().await;
    let vehicle = world.vehicle_id("湘A00001").await;
    world
        .track("湘A00001", &drive(vehicle, "2026-11-21 08:00:00", 30))
        .await;
    world
}

#[test]
fn a_track_comes_in_the_format_asked_for() {
    check(|world| async {
        let world = driven(world).await;
        let track = async |format: &str| {
            let path = format!("/api/v1/vehicles/湘A00001/yellow/track?{DAY}{format}");
            let answer = world.get(&path).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer
        };
        let geojson = track("").await;
        assert_eq!(geojson.content_type(), "application/geo+json");
        let line = &geojson.json()["features"][0];
        assert_eq!(
            line["geometry"]["coordinates"].as_array().unwrap().len(),
            30
        );
        assert_eq!(line["properties"]["times"][0], "2026-11-21T08:00:00+08:00");

        let ndjson = track("&format=ndjson").await;
        let lines: Vec<Value> = ndjson
            .text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 30);
        assert_eq!(lines[29]["driver"], "430-1");
        assert_eq!(lines[29]["speed_kmh"], 100.0);

        let csv = track("&format=csv").await;
        assert_eq!(csv.text().lines().count(), 31);
        let gpx = track("&format=gpx").await;
        assert_eq!(gpx.content_type(), "application/gpx+xml");
        assert_eq!(gpx.text().matches("<trkpt").count(), 30);
        assert!(gpx.text().ends_with("</gpx>\n"));
    });
}

#[test]
fn a_track_is_cut_to_its_period() {
    check(|world| async {
        let world = driven(world).await;
        let path = "/api/v1/vehicles/湘A00001/yellow/track?format=csv\
            &from=2026-11-21T08:00:10+08:00&to=2026-11-21T08:01:00+08:00";
        let answer = world.get(path).await;
        assert_eq!(answer.text().lines().count(), 1 + 5);
        let none = "/api/v1/vehicles/湘A00002/yellow/track?format=ndjson";
        assert_eq!(world.get(none).await.text(), "");
    });
}

#[test]
fn what_cannot_be_asked_of_a_track_is_refused() {
    check(|world| async {
        let world = world.with_fleet().await;
        let track = "/api/v1/vehicles/湘A00001/yellow/track";
        let format = world.get(&format!("{track}?format=pdf")).await;
        format.problem(400, "bad_query");
        let long = format!("{track}?from=2026-01-01T00:00:00Z&to=2026-11-01T00:00:00Z");
        world.get(&long).await.problem(400, "bad_query");
        let unknown = world.get("/api/v1/vehicles/X/yellow/track").await;
        unknown.problem(404, "not_found");
    });
}
