//! The road map in force and the operator's limits over it.

use roadwarden::model::road::{OverrideTarget, RoadOverride};
use roadwarden::model::{Position, Speed, VehicleClass};
use roadwarden::store::{LimitCounts, StoredRoadMap};

use super::samples::at;
use super::support::{Place, on_both_engines};

fn map(version: &str) -> StoredRoadMap {
    StoredRoadMap {
        version: version.to_owned(),
        file: format!("{version}.roads"),
        source: "hunan.osm.pbf".to_owned(),
    }
}

fn limit(id: &str, target: OverrideTarget) -> RoadOverride {
    RoadOverride {
        id: id.to_owned(),
        target,
        limit: Speed::from_kmh(56.327).unwrap(),
        classes: vec![VehicleClass::Hazmat, VehicleClass::TouristCoach],
        from: Some(at(0)),
        to: None,
        set_by: "王队".to_owned(),
    }
}

fn way(backward: Option<bool>) -> OverrideTarget {
    OverrideTarget::Way {
        id: i64::MAX,
        backward,
    }
}

on_both_engines! {
    async fn the_map_imported_last_is_in_force(place: Place) {
        let store = place.owner().await;
        assert_eq!(store.load_registry().await.unwrap().road_map, None);
        for version in ["m1", "m2"] {
            let before = store.registry_version().await.unwrap();
            store.import_road_map(&map(version)).await.unwrap();
            assert!(store.registry_version().await.unwrap() > before, "the server looks again");
            assert_eq!(store.load_registry().await.unwrap().road_map, Some(map(version)));
        }
        // From beside the running server, and one that was there before.
        place.guest().await.import_road_map(&map("m1")).await.unwrap();
        assert_eq!(store.load_registry().await.unwrap().road_map, Some(map("m1")));
    }

    async fn limits_come_back_as_they_went_in_and_are_replaced_by_name(place: Place) {
        let store = place.owner().await;
        let line = [(28.1, 112.9), (28.2, 113.0)];
        let line = line.map(|(lat, lon)| Position::from_degrees(lat, lon).unwrap());
        let drawn = OverrideTarget::Line {
            line: line.to_vec(),
            half_width_m: 12.5,
            one_direction: true,
        };
        let limits = [
            limit("a", way(None)),
            limit("b", way(Some(true))),
            limit("c", drawn),
        ];
        let counts = |stored, added, removed| LimitCounts { stored, added, removed };
        assert_eq!(store.import_road_limits(&limits, false).await.unwrap(), counts(3, 3, 0));
        assert_eq!(store.load_registry().await.unwrap().road_limits, limits);
        let changed = RoadOverride {
            classes: Vec::new(),
            from: None,
            to: Some(at(60)),
            ..limit("b", way(Some(false)))
        };
        let one = std::slice::from_ref(&changed);
        assert_eq!(store.import_road_limits(one, false).await.unwrap(), counts(3, 0, 0));
        let [first, _, third] = limits;
        let stored = store.load_registry().await.unwrap().road_limits;
        assert_eq!(stored, [first, changed.clone(), third]);
        // The file as the whole table; one with a header only removes all.
        let version = store.registry_version().await.unwrap();
        assert_eq!(store.import_road_limits(one, true).await.unwrap(), counts(1, 0, 2));
        assert_eq!(store.load_registry().await.unwrap().road_limits, [changed]);
        assert_eq!(store.import_road_limits(&[], true).await.unwrap(), counts(0, 0, 1));
        assert_eq!(store.load_registry().await.unwrap().road_limits, []);
        assert!(store.registry_version().await.unwrap() > version, "the server looks again");
    }
}
