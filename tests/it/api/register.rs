//! Enterprises, vehicles, positions.

use roadwarden::model::{Datum, DatumSuspicion};
use serde_json::json;

use super::samples::drive;
use super::support::{at, check};

#[test]
fn enterprises_by_region_and_kind() {
    check(|world| async {
        let world = world.with_fleet().await;
        let names = async |query: &str| -> Vec<String> {
            let items = world.all(&format!("/api/v1/enterprises{query}"), 1).await;
            items
                .iter()
                .map(|i| i["id"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(names("").await, ["E1", "E2", "E3"]);
        assert_eq!(names("?region=430000").await, ["E1", "E2"]);
        assert_eq!(names("?region=430103").await, ["E2"]);
        assert_eq!(names("?kind=hazmat").await, [""; 0]);
        let one = world.get("/api/v1/enterprises/E1").await.ok();
        assert_eq!(
            one,
            json!({"id": "E1", "name": "运输 E1", "credit_code": null, "region": "430102",
                "kind": "tourist", "vehicles": 2, "monitors": 2,
                "datum": "wgs84", "datum_suspects": []})
        );
        world
            .get("/api/v1/enterprises/E9")
            .await
            .problem(404, "not_found");
    });
}

#[test]
fn a_declared_datum_and_those_that_look_otherwise() {
    check(|world| async {
        let world = world.with_fleet().await;
        let found = |since: &str| DatumSuspicion {
            datum: Datum::Gcj02,
            since: at(since),
        };
        for (text, since) in [("湘A00001", "11:52:00"), ("湘A00002", "11:51:00")] {
            let vehicle = world.vehicle_id(text).await;
            let fixes = drive(vehicle, "2026-11-21 11:50:00", 2);
            let found = found(&format!("2026-11-21 {since}"));
            world.track_as(text, &fixes, Some(found)).await;
        }
        let one = world.get("/api/v1/vehicles/湘A00001/yellow").await.ok();
        assert_eq!(one["datum"], "wgs84");
        let since = "2026-11-21T11:52:00+08:00";
        assert_eq!(
            one["datum_found"],
            json!({"datum": "gcj02", "since": since})
        );
        let suspects =
            json!([{"datum": "gcj02", "vehicles": 2, "since": "2026-11-21T11:51:00+08:00"}]);
        let one = world.get("/api/v1/enterprises/E1").await.ok();
        assert_eq!(one["datum_suspects"], suspects);
        let all = world.all("/api/v1/enterprises", 10).await;
        let counts: Vec<_> = all.iter().map(|e| e["datum_suspects"].clone()).collect();
        assert_eq!(counts, [suspects, json!([]), json!([])]);

        let plates = async |query: &str| -> usize {
            world
                .all(&format!("/api/v1/vehicles{query}"), 10)
                .await
                .len()
        };
        assert_eq!(plates("?datum_found=gcj02").await, 2);
        assert_eq!(plates("?datum_found=bd09").await, 0);
        let wrong = world.get("/api/v1/vehicles?datum_found=x").await;
        wrong.problem(400, "bad_query");

        // It looks right again.
        let vehicle = world.vehicle_id("湘A00001").await;
        let fixes = drive(vehicle, "2026-11-21 11:53:00", 2);
        world.track_as("湘A00001", &fixes, None).await;
        assert_eq!(plates("?datum_found=gcj02").await, 1);
    });
}

#[test]
fn hours_of_a_driver() {
    check(|world| async {
        let world = world.with_fleet().await;
        world.store.driver_id("430-1").await.unwrap();
        let hours = world.get("/api/v1/drivers/430-1/hours").await.ok();
        assert_eq!(hours["driver"], "430-1");
        assert_eq!(hours["driven_min"], 60.0);
        assert_eq!(hours["hours_left"]["continuous_min"], 180.0);
        assert_eq!(hours["hours_left"]["7d_min"], json!(null));
        world
            .get("/api/v1/drivers/430-9/hours")
            .await
            .problem(404, "not_found");
    });
}

#[test]
fn vehicles_with_their_last_fix() {
    check(|world| async {
        let world = world.with_fleet().await;
        let vehicle = world.vehicle_id("湘A00001").await;
        world
            .track("湘A00001", &drive(vehicle, "2026-11-21 11:50:00", 6))
            .await;
        let one = world.get("/api/v1/vehicles/湘A00001/yellow").await.ok();
        assert_eq!(one["online"], true);
        assert_eq!(one["terminal"], "13900000001");
        assert_eq!(one["region"], "430102");
        assert_eq!(one["last_fix"]["time"], "2026-11-21T11:50:50+08:00");
        assert_eq!(one["last_fix"]["driver"], "430-1");
        assert_eq!(one["hours_left"]["continuous_min"], 90.0);
        assert_eq!(one["hours_left"]["24h_min"], json!(null));

        let plates = async |query: &str| -> Vec<String> {
            let items = world.all(&format!("/api/v1/vehicles{query}"), 1).await;
            items
                .iter()
                .map(|i| i["plate"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(plates("").await.len(), 4);
        assert_eq!(plates("?online=true").await, ["湘A00001"]);
        assert_eq!(plates("?online=false").await.len(), 3);
        assert_eq!(plates("?enterprise=E1&class=hazmat").await, ["湘A00002"]);
        assert_eq!(plates("?region=110000").await, ["京A00004"]);
        let blue = world.get("/api/v1/vehicles/湘A00001/blue").await;
        blue.problem(404, "not_found");
        let pink = world.get("/api/v1/vehicles/湘A00001/pink").await;
        pink.problem(400, "bad_path");
    });
}

#[test]
fn a_silent_vehicle_is_offline() {
    check(|world| async {
        let world = world.with_fleet().await;
        let vehicle = world.vehicle_id("湘A00001").await;
        world
            .track("湘A00001", &drive(vehicle, "2026-11-21 11:49:00", 2))
            .await;
        let one = world.get("/api/v1/vehicles/湘A00001/yellow").await.ok();
        assert_eq!(one["online"], false);
    });
}

#[test]
fn positions_in_a_box() {
    check(|world| async {
        let world = world.with_fleet().await;
        for text in ["湘A00001", "湘A00002", "湘A00003"] {
            let vehicle = world.vehicle_id(text).await;
            world
                .track(text, &drive(vehicle, "2026-11-21 11:50:00", 2))
                .await;
        }
        let answer = world.get("/api/v1/positions?bbox=112,27,113,29").await;
        assert_eq!(answer.content_type(), "application/geo+json");
        let all = answer.ok();
        assert_eq!(all["type"], "FeatureCollection");
        assert_eq!(all["features"].as_array().unwrap().len(), 3);
        let point = json!({"type": "Point", "coordinates": [112.9, 28.0025]});
        assert_eq!(all["features"][0]["geometry"], point);
        assert_eq!(all["features"][0]["properties"]["plate"], "湘A00001");
        let none = world.get("/api/v1/positions?bbox=0,0,1,1").await.ok();
        assert_eq!(none["features"], json!([]));
        let world = world.with(|state| state.limits.positions_max = 2);
        let cut = world.get("/api/v1/positions").await.ok();
        assert_eq!(cut["features"].as_array().unwrap().len(), 2);
        assert_eq!(cut["truncated"], true);
    });
}
