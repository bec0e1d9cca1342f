//! The facts of the duty.

use roadwarden::model::duty::{Inquiry, Period, Shift};
use roadwarden::model::{LocalZone, Position, Span, Speed, VehicleId, ViolationKind};
use roadwarden::store::{
    ContradictionRow, DutyScope, FaultRunRow, Flush, SILENT_VEHICLES_MAX, Said, Store,
};

use super::samples::{
    at, day, fixes, folder, operating, plate, snapshot, upsert, vehicle, violation, violations,
};
use super::support::{Place, on_both_engines};

const HOUR: i64 = 3600;

fn period(from: i64, to: i64) -> Period {
    Period {
        from: at(from),
        to: at(to),
    }
}

async fn facts(store: &Store, from: i64, to: i64) -> roadwarden::model::duty::DutyFacts {
    let scope = DutyScope {
        enterprise_id: Some("e1".to_owned()),
        region: None,
    };
    let zone = LocalZone::default();
    let mut found = store
        .duty_facts(period(from, to), &scope, &zone)
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    found.remove(0)
}

fn today() -> i64 {
    LocalZone::default().day(at(0))
}

on_both_engines! {
    async fn an_enterprise_without_anything_has_its_register(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        let facts = facts(&store, 0, 24 * HOUR).await;
        assert_eq!((facts.vehicles, facts.vehicles_in_network, facts.vehicles_online), (2, 0, 0));
        assert_eq!(facts.monitors.len(), 1);
        assert_eq!(facts.last_fix, None);
        assert_eq!(facts.region.as_str(), "430102");
    }

    async fn the_scope_narrows(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        let zone = LocalZone::default();
        for (scope, expected) in [
            (DutyScope::default(), vec!["e1", "e2"]),
            (DutyScope { region: "430000".parse().ok(), enterprise_id: None }, vec!["e1"]),
            (DutyScope { region: "440000".parse().ok(), enterprise_id: Some("e1".to_owned()) }, vec![]),
        ] {
            let found = store.duty_facts(period(0, 60), &scope, &zone).await.unwrap();
            let ids: Vec<_> = found.iter().map(|facts| facts.enterprise_id.as_str()).collect();
            assert_eq!(ids, expected);
        }
    }

    async fn online_is_a_fix_in_the_period(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        let mut spanning = day(1, today(), at(HOUR), at(20 * HOUR));
        for minute in [60, 600, 1200] {
            spanning.online.insert(minute);
        }
        let flush = Flush {
            vehicles: vec![
                snapshot(1, 1, &fixes(1, [20 * HOUR])),
                snapshot(2, 1, &fixes(2, [5 * HOUR])),
            ],
            vehicle_days: vec![spanning, day(2, today(), at(4 * HOUR), at(5 * HOUR))],
            ..Flush::default()
        };
        store.commit_flush(&flush).await.unwrap();
        let seen = async |from: i64, to: i64| {
            let facts = facts(&store, from, to).await;
            assert_eq!(facts.vehicles_in_network, 2);
            let silent: Vec<_> = facts.vehicles_silent.iter().map(|plate| plate.text.clone()).collect();
            (facts.vehicles_online, silent.join(" "), facts.last_fix)
        };
        let (first, second) = ("湘A12345".to_owned(), "湘A12346".to_owned());
        assert_eq!(seen(0, 24 * HOUR).await, (2, String::new(), Some(at(20 * HOUR))));
        assert_eq!(seen(-24 * HOUR, 24 * HOUR).await.0, 2);
        // Minutes tell where one day spans the period.
        assert_eq!(seen(9 * HOUR, 11 * HOUR).await, (1, second.clone(), Some(at(5 * HOUR))));
        assert_eq!(seen(11 * HOUR, 12 * HOUR).await.1, format!("{first} {second}"));
        assert_eq!(seen(30 * HOUR, 40 * HOUR).await.0, 0);
        assert_eq!(seen(30 * HOUR, 40 * HOUR).await.2, Some(at(20 * HOUR)));
        assert_eq!(seen(20 * HOUR, 21 * HOUR).await.0, 1);
        // Before its first qualified record a vehicle is not in the network.
        let before = facts(&store, -48 * HOUR, 0).await;
        assert_eq!((before.vehicles_in_network, before.vehicles_silent.len()), (0, 0));
    }

    async fn what_touches_the_period_is_there(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        let mut reaching = violation(2, -HOUR);
        reaching.kind = ViolationKind::OfflineMovement;
        reaching.evidence.last_fix = at(10);
        let mut over = violation(2, -2 * HOUR);
        over.kind = ViolationKind::OfflineMovement;
        over.evidence.last_fix = at(-10);
        let fault = |from, to| FaultRunRow { vehicle: VehicleId(1), from: at(from), to: at(to), alarm: 16 };
        let said = |lat_udeg| Said {
            position: Position { lat_udeg, lon_udeg: 0 },
            speed: Speed::ZERO,
        };
        let contradiction = |time| ContradictionRow { vehicle: VehicleId(1), time: at(time), stands: said(28_000_000), other: said(29_000_000) };
        let flush = Flush {
            violations: vec![
                upsert("before", "e1", violation(1, -1)),
                upsert("in", "e1", violation(1, 0)),
                upsert("after", "e1", violation(1, HOUR)),
                upsert("other", "e2", violation(3, 5)),
                upsert("reaching", "e1", reaching),
                upsert("over", "e1", over),
            ],
            operating: vec![
                operating("e1", today() - 1, &[1]),
                operating("e1", today(), &[2]),
                operating("e1", today() + 1, &[3]),
            ],
            faults: vec![fault(-20, -10), fault(-5, 5), fault(HOUR, HOUR + 5)],
            contradictions: vec![contradiction(-1), contradiction(0), contradiction(HOUR)],
            ..violations(Vec::new())
        };
        store.commit_flush(&flush).await.unwrap();
        let shift = |id: &str, from, to: Option<i64>| Shift {
            id: id.to_owned(),
            enterprise_id: "e1".to_owned(),
            monitor_id: "m1".to_owned(),
            started_at: at(from),
            ended_at: to.map(at),
            note: None,
        };
        for (id, from, to) in [("s1", -100, Some(-50)), ("s2", -50, Some(50)), ("s3", 50, None)] {
            store.insert_shift(&shift(id, from, to), at(0)).await.unwrap();
        }
        let inquiry = |id: &str, sent| Inquiry {
            id: id.to_owned(),
            enterprise_id: "e1".to_owned(),
            question: String::new(),
            sent_at: at(sent),
            answer_within: Span::from_minutes(5),
            answer: None,
        };
        let sent = [inquiry("i1", -1), inquiry("i2", 0), inquiry("i3", HOUR)];
        store.insert_inquiries(&sent).await.unwrap();
        let facts = facts(&store, 0, HOUR).await;
        let ids: Vec<_> = facts.violations.iter().map(|fact| fact.id.as_str()).collect();
        assert_eq!(ids, ["in", "reaching"]);
        assert_eq!(facts.violations[0].plate, plate("湘A12345"));
        assert_eq!(facts.violations[0].last_fix, at(40));
        assert_eq!(facts.operating.iter().map(|(day, _)| *day).collect::<Vec<_>>(), [today()]);
        assert!(facts.operating[0].1.contains(2));
        assert_eq!(facts.faults.iter().map(|run| run.from).collect::<Vec<_>>(), [at(-5)]);
        assert_eq!(facts.contradictions.iter().map(|c| c.time).collect::<Vec<_>>(), [at(0)]);
        let shifts: Vec<_> = facts.shifts.iter().map(|shift| shift.id.as_str()).collect();
        assert_eq!(shifts, ["s2", "s3"]);
        let inquiries: Vec<_> = facts.inquiries.iter().map(|item| item.id.as_str()).collect();
        assert_eq!(inquiries, ["i2"]);
    }

    async fn silent_vehicles_are_counted_whole_and_named_in_part(place: Place) {
        let store = place.owner().await;
        let mut big = folder();
        big.vehicles = (0..150)
            .map(|n| vehicle(&format!("湘C{n:05}"), &format!("139{n:08}"), "e1"))
            .collect();
        store.import_fleet(&big).await.unwrap();
        let flush = Flush {
            vehicles: (1..=150).map(|n| snapshot(n, 1, &[])).collect(),
            ..Flush::default()
        };
        store.commit_flush(&flush).await.unwrap();
        let facts = facts(&store, HOUR, 2 * HOUR).await;
        assert_eq!((facts.vehicles_in_network, facts.vehicles_online), (150, 0));
        assert_eq!(facts.vehicles_silent.len(), SILENT_VEHICLES_MAX);
    }
}
