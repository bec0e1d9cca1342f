//! Lists, their filters and their pages.

use roadwarden::model::fleet::EnterpriseKind;
use roadwarden::model::{
    Datum, DatumSuspicion, Plate, PlateColor, Position, Severity, VehicleClass, VehicleId,
    ViolationKind,
};
use roadwarden::store::{
    BoundingBox, DatumSuspects, EnterpriseFilter, Flush, OnlineFilter, Page, Store, StoreError,
    VehicleFilter, ViolationFilter, ViolationStatus,
};

use super::samples::{
    at, correction, enterprise, fixes, folder, snapshot, upsert, vehicle, violation, violations,
};
use super::support::{Place, on_both_engines};

async fn ids(store: &Store, filter: &ViolationFilter) -> Vec<String> {
    let listed = store
        .list_violations(filter, &Page::first(100))
        .await
        .unwrap();
    assert_eq!(listed.next, None);
    listed.items.into_iter().map(|item| item.id).collect()
}

async fn plates(store: &Store, filter: &VehicleFilter) -> Vec<u32> {
    let listed = store
        .list_vehicles(filter, &Page::first(100))
        .await
        .unwrap();
    listed
        .items
        .into_iter()
        .map(|item| item.vehicle.id.0)
        .collect()
}

/// Four violations, the newest first: d, c, b, a.
async fn four(store: &Store) {
    let mut b = violation(2, 10);
    b.kind = ViolationKind::NightBan;
    b.ended_at = Some(at(60));
    let mut c = violation(3, 20);
    c.severity = Severity::L3;
    let mut d = upsert("d", "e1", violation(1, 30));
    d.correction = Some(correction(true));
    let flush = violations(vec![
        upsert("a", "e1", violation(1, 0)),
        upsert("b", "e1", b),
        upsert("c", "e2", c),
        d,
    ]);
    store.commit_flush(&flush).await.unwrap();
}

on_both_engines! {
    async fn violations_are_filtered(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        four(&store).await;
        let all = ViolationFilter::default();
        let cases = [
            (all.clone(), "d c b a"),
            (ViolationFilter { from: Some(at(10)), to: Some(at(30)), ..all.clone() }, "c b"),
            (ViolationFilter { region: "430000".parse().ok(), ..all.clone() }, "d b a"),
            (ViolationFilter { region: "430102".parse().ok(), ..all.clone() }, "d b a"),
            (ViolationFilter { region: "430200".parse().ok(), ..all.clone() }, ""),
            (ViolationFilter { enterprise_id: Some("e2".to_owned()), ..all.clone() }, "c"),
            (ViolationFilter { plate: Some("湘A12346".to_owned()), ..all.clone() }, "b"),
            (ViolationFilter { kind: Some(ViolationKind::NightBan), ..all.clone() }, "b"),
            (ViolationFilter { severity: Some(Severity::L3), ..all.clone() }, "c"),
            (ViolationFilter { status: Some(ViolationStatus::Open), ..all.clone() }, "c a"),
            (ViolationFilter { status: Some(ViolationStatus::Closed), ..all.clone() }, "b"),
            (ViolationFilter { status: Some(ViolationStatus::Withdrawn), ..all.clone() }, "d"),
            (ViolationFilter { handled: Some(false), ..all.clone() }, "d c b a"),
            (ViolationFilter { handled: Some(true), ..all.clone() }, ""),
        ];
        for (filter, expected) in cases {
            assert_eq!(ids(&store, &filter).await.join(" "), expected, "{filter:?}");
        }
        let missing = store.violation("x").await;
        assert!(matches!(missing, Err(StoreError::NotFound)), "{missing:?}");
    }

    async fn pages_survive_inserts(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        // Several begin at the same moment: the identifier decides.
        let many = (0..25).map(|n| upsert(&format!("v{n:02}"), "e1", violation(1, n / 5)));
        store.commit_flush(&violations(many.collect())).await.unwrap();
        let all = ViolationFilter::default();
        let mut page = Page::first(7);
        let mut found = Vec::new();
        loop {
            let listed = store.list_violations(&all, &page).await.unwrap();
            found.extend(listed.items.into_iter().map(|item| item.id));
            // Newer ones arrive while someone turns pages.
            let newer = upsert(&format!("new{}", found.len()), "e1", violation(1, 1000));
            store.commit_flush(&violations(vec![newer])).await.unwrap();
            page.after = listed.next;
            if page.after.is_none() {
                break;
            }
        }
        let expected: Vec<String> = (0..25).rev().map(|n| format!("v{n:02}")).collect();
        assert_eq!(found, expected);
    }

    async fn a_page_has_a_thousand_rows_at_most(place: Place) {
        let store = place.owner().await;
        let mut big = folder();
        big.vehicles = (0..1500)
            .map(|n| vehicle(&format!("湘B{n:05}"), &format!("139{n:08}"), "e1"))
            .collect();
        store.import_fleet(&big).await.unwrap();
        let all = VehicleFilter::default();
        let listed = store.list_vehicles(&all, &Page::first(1_000_000)).await.unwrap();
        assert_eq!(listed.items.len(), 1000);
        let page = Page { limit: 1000, after: listed.next };
        let rest = store.list_vehicles(&all, &page).await.unwrap();
        assert_eq!((rest.items.len(), rest.next), (500, None));
        let page = Page { limit: 0, after: None };
        assert_eq!(store.list_vehicles(&all, &page).await.unwrap().items.len(), 1);
    }

    async fn vehicles_are_filtered(place: Place) {
        let store = place.owner().await;
        let mut folder = folder();
        folder.vehicles[1].region = Some("440304".parse().unwrap());
        folder.vehicles[1].class = VehicleClass::Hazmat;
        store.import_fleet(&folder).await.unwrap();
        let flush = Flush {
            vehicles: vec![
                snapshot(1, 1, &fixes(1, [100])),
                snapshot(2, 1, &fixes(2, [5000])),
            ],
            ..Flush::default()
        };
        store.commit_flush(&flush).await.unwrap();
        let all = VehicleFilter::default();
        let online = |online| VehicleFilter {
            online: Some(OnlineFilter { since: at(4000), online }),
            ..VehicleFilter::default()
        };
        let cases = [
            (all.clone(), vec![1, 2, 3]),
            (VehicleFilter { region: "440000".parse().ok(), ..all.clone() }, vec![2, 3]),
            (VehicleFilter { region: "430100".parse().ok(), ..all.clone() }, vec![1]),
            (VehicleFilter { enterprise_id: Some("e1".to_owned()), ..all.clone() }, vec![1, 2]),
            (VehicleFilter { class: Some(VehicleClass::Hazmat), ..all.clone() }, vec![2]),
            (online(true), vec![2]),
            (online(false), vec![1, 3]),
        ];
        for (filter, expected) in cases {
            assert_eq!(plates(&store, &filter).await, expected, "{filter:?}");
        }
        let blue = Plate::new("湘A12345", PlateColor::Blue).unwrap();
        let missing = store.vehicle(&blue).await;
        assert!(matches!(missing, Err(StoreError::NotFound)), "{missing:?}");
    }

    async fn positions_lie_in_the_box(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        let here = fixes(1, [100]);
        let far = fixes(2, [5000]);
        let flush = Flush {
            vehicles: vec![snapshot(1, 1, &here), snapshot(2, 1, &far), snapshot(9, 1, &here)],
            ..Flush::default()
        };
        store.commit_flush(&flush).await.unwrap();
        let bounds = BoundingBox {
            south_west: here[0].position,
            north_east: Position {
                lat_udeg: here[0].position.lat_udeg + 1,
                lon_udeg: here[0].position.lon_udeg + 1,
            },
        };
        let found = store.positions(&bounds, &Page::first(10)).await.unwrap();
        assert_eq!(found.items.len(), 1);
        assert_eq!(found.items[0].vehicle, VehicleId(1));
        assert_eq!(found.items[0].live.position, here[0].position);
    }

    async fn places_of_another_datum_are_counted_by_enterprise(place: Place) {
        let store = place.owner().await;
        let mut folder = folder();
        folder.enterprises[0].datum = Some(Datum::Gcj02);
        folder.vehicles[1].datum = Some(Datum::Bd09);
        store.import_fleet(&folder).await.unwrap();
        let found = async |list: [(u32, Option<(Datum, i64)>); 3]| {
            let vehicles = list.map(|(vehicle, found)| {
                let mut snapshot = snapshot(vehicle, 1, &fixes(vehicle, [100]));
                if let Some(live) = &mut snapshot.live {
                    live.datum = found.map(|(datum, since)| DatumSuspicion { datum, since: at(since) });
                }
                snapshot
            });
            let flush = Flush { vehicles: vehicles.into(), ..Flush::default() };
            store.commit_flush(&flush).await.unwrap();
        };
        let suspects = async || -> String {
            let all = EnterpriseFilter::default();
            let listed = store.list_enterprises(&all, &Page::first(10)).await.unwrap();
            let told = listed.items.iter().flat_map(|item| {
                item.datum_suspects.iter().map(|s| {
                    let DatumSuspects { datum, vehicles, since } = s;
                    format!("{} {datum} {vehicles} {}", item.enterprise.id, since.since(at(0)).seconds())
                })
            });
            told.collect::<Vec<_>>().join(", ")
        };
        assert_eq!(suspects().await, "");
        found([(1, Some((Datum::Wgs84, 80))), (2, Some((Datum::Wgs84, 60))), (3, Some((Datum::Bd09, 70)))]).await;
        assert_eq!(suspects().await, "e1 wgs84 2 60, e2 bd09 1 70");
        let one = store.enterprise("e2").await.unwrap();
        assert_eq!(one.datum_suspects.len(), 1);
        let filter = VehicleFilter { datum_found: Some(Datum::Wgs84), ..VehicleFilter::default() };
        assert_eq!(plates(&store, &filter).await, [1, 2]);
        let listed = store.list_vehicles(&VehicleFilter::default(), &Page::first(10)).await.unwrap();
        let declared: Vec<_> = listed.items.iter().map(|row| row.datum).collect();
        assert_eq!(declared, [Datum::Gcj02, Datum::Bd09, Datum::Wgs84]);
        found([(1, Some((Datum::Wgs84, 80))), (2, None), (3, None)]).await;
        assert_eq!(suspects().await, "e1 wgs84 1 80");
    }

    async fn enterprises_are_filtered(place: Place) {
        let store = place.owner().await;
        let mut folder = folder();
        folder.enterprises.push(enterprise("e3", "430100"));
        folder.enterprises[0].kind = EnterpriseKind::Hazmat;
        store.import_fleet(&folder).await.unwrap();
        let all = EnterpriseFilter::default();
        let cases = [
            (all.clone(), "e1 e2 e3"),
            (EnterpriseFilter { region: "430100".parse().ok(), ..all.clone() }, "e1 e3"),
            (EnterpriseFilter { region: "430102".parse().ok(), ..all.clone() }, "e1"),
            (EnterpriseFilter { kind: Some(EnterpriseKind::Hazmat), ..all }, "e1"),
        ];
        for (filter, expected) in cases {
            let listed = store.list_enterprises(&filter, &Page::first(10)).await.unwrap();
            let found: Vec<_> = listed.items.iter().map(|e| e.enterprise.id.as_str()).collect();
            assert_eq!(found.join(" "), expected, "{filter:?}");
        }
        let row = store.enterprise("e1").await.unwrap();
        assert_eq!((row.vehicles, row.monitors), (2, 1));
        let page = Page { limit: 2, after: Some("e1".to_owned()) };
        let rest = store.list_enterprises(&EnterpriseFilter::default(), &page).await.unwrap();
        assert_eq!((rest.items.len(), rest.next), (2, None));
        let missing = store.enterprise("e9").await;
        assert!(matches!(missing, Err(StoreError::NotFound)), "{missing:?}");
    }
}
