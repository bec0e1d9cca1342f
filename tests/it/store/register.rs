//! The register: imports and loading.

use roadwarden::model::fleet::{Assignment, Permit, PermitKind};
use roadwarden::model::route::{Area, AreaKind, RoadKind, Route};
use roadwarden::model::{Datum, DriverId, Position, Speed, TerminalPhone, VehicleClass};
use roadwarden::store::StoreError;

use super::samples::{at, enterprise, folder, plate, vehicle};
use super::support::{Place, on_both_engines};

fn conflict(error: &StoreError) -> String {
    match error {
        StoreError::Conflict { what } => what.clone(),
        other => panic!("{other:?} is no conflict"),
    }
}

on_both_engines! {
    async fn a_folder_comes_back_as_it_went_in(place: Place) {
        let store = place.owner().await;
        let mut folder = folder();
        folder.vehicles[0].line_km = Some(812.345);
        folder.vehicles[0].route_id = Some("r1".to_owned());
        folder.vehicles[1].terminal = None;
        folder.vehicles[1].seats = None;
        folder.vehicles[2].region = Some("440304".parse().unwrap());
        folder.vehicles[0].datum = Some(Datum::Bd09);
        folder.vehicles[1].datum = Some(Datum::Wgs84);
        folder.enterprises[0].datum = Some(Datum::Gcj02);
        folder.monitors[1].trained_until = None;
        folder.assignments = vec![
            Assignment {
                plate: plate("粤B00001"),
                route_id: "r2".to_owned(),
                from: Some(at(0)),
                to: None,
            },
            Assignment {
                plate: plate("粤B00001"),
                route_id: "r1".to_owned(),
                from: None,
                to: Some(at(0)),
            },
        ];
        let counts = store.import_fleet(&folder).await.unwrap();
        assert_eq!((counts.enterprises, counts.vehicles, counts.vehicles_new), (2, 3, 3));
        assert_eq!((counts.drivers, counts.monitors, counts.assignments), (1, 2, 2));
        let registry = store.load_registry().await.unwrap();
        assert_eq!(registry.version, 1);
        assert_eq!(registry.enterprises, folder.enterprises);
        assert_eq!(registry.monitors, folder.monitors);
        assert_eq!(registry.assignments, folder.assignments);
        assert_eq!(registry.drivers[0].driver, folder.drivers[0]);
        let entries: Vec<_> = registry.vehicles.iter().map(|v| v.entry.clone()).collect();
        assert_eq!(entries, folder.vehicles);
        let ids: Vec<u32> = registry.vehicles.iter().map(|vehicle| vehicle.id.0).collect();
        assert_eq!(ids, [1, 2, 3]);
        assert_eq!(registry.rulebooks, []);
    }

    async fn numbers_stay_and_what_changed_is_taken_over(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        let mut second = folder();
        second.vehicles.remove(0);
        "e2".clone_into(&mut second.vehicles[0].enterprise_id);
        second.vehicles[0].class = VehicleClass::LineCoach2;
        second.vehicles.push(vehicle("湘A99999", "13900000009", "e1"));
        let counts = store.import_fleet(&second).await.unwrap();
        assert_eq!((counts.vehicles, counts.vehicles_new, counts.terminals_moved), (3, 1, 0));
        let registry = store.load_registry().await.unwrap();
        let found: Vec<_> = registry
            .vehicles
            .iter()
            .map(|v| (v.id.0, v.entry.plate.text.as_str(), v.entry.enterprise_id.as_str()))
            .collect();
        let expected = [
            (1, "湘A12345", "e1"),
            (2, "湘A12346", "e2"),
            (3, "粤B00001", "e2"),
            (4, "湘A99999", "e1"),
        ];
        assert_eq!(found, expected);
        assert_eq!(registry.version, 2);
    }

    async fn terminals_move_between_vehicles(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        // The first two swap, the third's terminal goes into a new vehicle.
        let mut second = folder();
        second.vehicles = vec![
            vehicle("湘A12345", "13900000002", "e1"),
            vehicle("湘A12346", "13900000001", "e1"),
            vehicle("粤B00002", "13900000003", "e2"),
        ];
        let counts = store.import_fleet(&second).await.unwrap();
        assert_eq!(counts.terminals_moved, 3);
        let registry = store.load_registry().await.unwrap();
        let terminals: Vec<_> = registry
            .vehicles
            .iter()
            .map(|v| v.entry.terminal.as_ref().map(TerminalPhone::as_str))
            .collect();
        let expected = [Some("13900000002"), Some("13900000001"), None, Some("13900000003")];
        assert_eq!(terminals, expected);
    }

    async fn a_bad_folder_changes_nothing_and_says_why(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        let before = store.load_registry().await.unwrap();
        let mut unknown = folder();
        unknown.enterprises.push(enterprise("e3", "430102"));
        "nobody".clone_into(&mut unknown.vehicles[2].enterprise_id);
        let error = store.import_fleet(&unknown).await.unwrap_err();
        assert_eq!(conflict(&error), "enterprise nobody is unknown");
        let mut twice = folder();
        twice.vehicles[1].terminal = TerminalPhone::new("13900000001");
        let error = store.import_fleet(&twice).await.unwrap_err();
        assert_eq!(conflict(&error), "terminal 13900000001 stands twice");
        let mut lost = folder();
        lost.assignments.push(Assignment {
            plate: plate("湘A00000"),
            route_id: "r".to_owned(),
            from: None,
            to: None,
        });
        let error = store.import_fleet(&lost).await.unwrap_err();
        assert_eq!(conflict(&error), "vehicle 湘A00000 (yellow) is unknown");
        assert_eq!(store.load_registry().await.unwrap(), before);
    }

    async fn permits_are_those_of_the_last_folder_that_names_any(place: Place) {
        let store = place.owner().await;
        let permit = |text: &str, kind| Permit {
            plate: plate(text),
            kind,
            reference: "JB-7".to_owned(),
            from: Some(at(0)),
            to: None,
        };
        let mut folder = folder();
        folder.permits = vec![
            permit("湘A12345", PermitKind::Commuter),
            permit("湘A12346", PermitKind::RelayVoucher),
            permit("湘A12346", PermitKind::CharterContract),
        ];
        assert_eq!(store.import_fleet(&folder).await.unwrap().permits, 3);
        let permits = store.load_registry().await.unwrap().permits;
        assert_eq!(permits, folder.permits);
        folder.permits = vec![permit("湘A12346", PermitKind::ShortShuttle)];
        store.import_fleet(&folder).await.unwrap();
        let permits = store.load_registry().await.unwrap().permits;
        assert_eq!(permits, [
            permit("湘A12345", PermitKind::Commuter),
            permit("湘A12346", PermitKind::ShortShuttle),
        ]);
    }

    async fn routes_and_areas_come_back(place: Place) {
        let store = place.owner().await;
        let line: Vec<Position> = (0..1000)
            .map(|step| Position { lat_udeg: 28_000_000 + step, lon_udeg: -step })
            .collect();
        let route = Route {
            id: "r1".to_owned(),
            name: "长沙 to 韶山".to_owned(),
            half_width_m: 100.5,
            line: line.clone(),
            stops: line[3..5].to_vec(),
            limit: Some(Speed::from_mkmh(56_327)),
            road: Some(RoadKind::Expressway),
        };
        let area = Area {
            id: "a1".to_owned(),
            name: "水源地".to_owned(),
            kind: AreaKind::Forbidden,
            limit: None,
            hours: Some((1320, 360)),
            classes: Some(vec![VehicleClass::Hazmat, VehicleClass::HeavyTruck]),
            polygons: vec![vec![line.clone(), line[..4].to_vec()], vec![line[5..9].to_vec()]],
        };
        let other = Area { id: "a2".to_owned(), hours: None, classes: None, ..area.clone() };
        assert_eq!(store.import_routes(std::slice::from_ref(&route)).await.unwrap(), 1);
        assert_eq!(store.import_areas(&[area.clone(), other.clone()]).await.unwrap(), 2);
        let replaced = Route { limit: None, road: None, ..route.clone() };
        assert_eq!(store.import_routes(std::slice::from_ref(&replaced)).await.unwrap(), 1);
        let registry = store.load_registry().await.unwrap();
        assert_eq!(registry.routes, [replaced]);
        assert_eq!(registry.areas, [area, other]);
        assert_eq!(registry.version, 3);
        let error = store.import_routes(&[route.clone(), route]).await.unwrap_err();
        assert_eq!(conflict(&error), "route r1 stands twice");
    }

    async fn the_newest_rulebook_is_in_force(place: Place) {
        let store = place.owner().await;
        for version in ["1", "2", "1"] {
            store.import_rules(version, &format!("text of {version}")).await.unwrap();
        }
        let rulebook = store.load_registry().await.unwrap().rulebooks.swap_remove(0);
        assert_eq!((rulebook.version.as_str(), rulebook.text.as_str()), ("1", "text of 1"));
        // What was judged by the first and the second is judged by them still; the newest again changes nothing.
        store.import_rules("1", "text of 1").await.unwrap();
        let rulebooks = store.load_registry().await.unwrap().rulebooks;
        let told: Vec<_> = rulebooks.iter().map(|rules| (rules.version.as_str(), rules.imported)).collect();
        assert_eq!(told, [("1", 3), ("2", 2), ("1", 1)]);
        let error = store.import_rules("2", "other").await.unwrap_err();
        assert!(conflict(&error).contains("another text"));
        assert_eq!(store.registry_version().await.unwrap(), 4);
    }

    async fn a_driver_has_one_number(place: Place) {
        let store = place.owner().await;
        let first = store.driver_id("430000").await.unwrap();
        assert_eq!(first, DriverId(1));
        let asked: Vec<_> = (0..8)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.driver_id("440000").await.unwrap() })
            })
            .collect();
        let mut ids = Vec::new();
        for id in asked {
            ids.push(id.await.unwrap());
        }
        ids.dedup();
        assert_eq!(ids.len(), 1);
        assert_ne!(ids[0], first);
        // The folder names a driver who was first seen on the wire.
        let mut named = folder();
        "430000".clone_into(&mut named.drivers[0].licence);
        store.import_fleet(&named).await.unwrap();
        let drivers = store.load_registry().await.unwrap().drivers;
        assert_eq!(drivers[0].id, first);
        assert_eq!(drivers[0].driver, named.drivers[0]);
        assert_eq!(drivers[1].driver.enterprise_id, "");
        assert_eq!(store.driver_id("430000").await.unwrap(), first);
    }

    async fn a_thousand_vehicles_are_imported_at_once(place: Place) {
        let store = place.owner().await;
        let mut big = folder();
        big.vehicles = (0..1003)
            .map(|n| vehicle(&format!("湘B{n:05}"), &format!("139{n:08}"), "e1"))
            .collect();
        assert_eq!(store.import_fleet(&big).await.unwrap().vehicles_new, 1003);
        assert_eq!(store.import_fleet(&big).await.unwrap().vehicles_new, 0);
        assert_eq!(store.load_registry().await.unwrap().vehicles.len(), 1003);
    }
}
