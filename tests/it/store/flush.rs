//! The one transaction of the shards, and the change log that it feeds.

use std::collections::BTreeMap;

use roadwarden::model::prealarm::{Near, PreAlarm};
use roadwarden::model::violation::{Details, FatigueWindow, Grave, UnknownTime, UnknownWhat};
use roadwarden::model::{JudgedBy, Position, Span, Speed, Timestamp, VehicleId, ViolationKind};
use roadwarden::store::{
    Change, ChangeKind, ContradictionRow, DrivingKey, DrivingRow, FaultRunRow, Flush, Page,
    PreAlarmNote, Rejudged, Said, Superseded, VehicleFilter, ViolationFilter,
};
use sqlx::{Connection as _, Row as _};

use super::samples::{
    at, chunk, correction, day, fixes, folder, live, operating, plate, snapshot, upsert, violation,
    violations,
};
use super::support::{Place, on_both_engines};

/// A flush with something of everything.
fn everything() -> Flush {
    let track = fixes(1, (0..100).step_by(10));
    Flush {
        at: at(200),
        violations: vec![upsert("v1", "e1", violation(1, 0))],
        chunks: vec![chunk(&track[..5], false)],
        vehicles: vec![snapshot(1, 9, &track[5..]), snapshot(3, 8, &[])],
        operating: vec![
            operating("e1", 20_000, &[1, 2]),
            operating("e2", 20_000, &[7]),
        ],
        vehicle_days: vec![day(1, 20_000, at(0), at(90))],
        faults: vec![FaultRunRow {
            vehicle: VehicleId(1),
            from: at(0),
            to: at(10),
            alarm: 1 << 31,
        }],
        contradictions: vec![ContradictionRow {
            vehicle: VehicleId(1),
            time: at(20),
            stands: said(28_200_000, 60),
            other: said(28_200_000, 90),
        }],
        superseded: Vec::new(),
        rules: Vec::new(),
        late: Vec::new(),
        checkpoints: Vec::new(),
        rejudged: Vec::new(),
        prealarms: Vec::new(),
        driving: vec![driving(7, 5, 1, &[1]), driving(-2, 5, 1, &[2])],
        journal_position: 8,
    }
}

/// What the other kinds say.
fn details_of_other_kinds() -> [Details; 4] {
    [
        Details::NightBan {
            line_km: Some(912.3),
            major_hazard: true,
        },
        Details::Area {
            area_id: "a1".to_owned(),
            area_name: "禁区".to_owned(),
        },
        Details::UnplannedStop {
            route_id: "r1".to_owned(),
            distance_m: 5_432.1,
        },
        Details::TerminalAlarm {
            alarm: "overload".to_owned(),
            level: Some(2),
            measured: Some(57.0),
            allowed: Some(55.0),
            fine_cny: Some((200, 500)),
        },
    ]
}

/// What a record says that is there, and how fast.
fn said(lat_udeg: i32, kmh: u16) -> Said {
    Said {
        position: Position {
            lat_udeg,
            lon_udeg: 112_900_000,
        },
        speed: Speed::from_whole_kmh(kmh),
    }
}

/// Pieces of a subject in an hour, told by a vehicle.
fn driving(subject: i64, bucket: i64, vehicle: u32, pieces: &[u8]) -> DrivingRow {
    DrivingRow {
        key: DrivingKey {
            subject,
            bucket,
            vehicle: VehicleId(vehicle),
        },
        pieces: pieces.to_vec(),
    }
}

fn kinds(changes: &[Change]) -> Vec<(i64, ChangeKind, &str)> {
    changes
        .iter()
        .map(|change| (change.seq, change.kind, change.key.as_str()))
        .collect()
}

/// Vehicle 1 judged again from its beginning; found were speedings, as `(identifier, from, to)` in seconds.
fn judged_again(found: &[(&str, i64, i64)]) -> Flush {
    let found = found.iter().map(|(id, from, to)| {
        let mut speeding = violation(1, *from);
        speeding.ended_at = Some(at(*to));
        upsert(id, "e1", speeding)
    });
    let rejudged = Rejudged {
        vehicle: VehicleId(1),
        enterprise_id: "e1".to_owned(),
        from: at(0),
        first_day: 20_000,
        first_minute: 0,
        through: 0,
        judged_by: JudgedBy::default(),
        late: Some((Timestamp::MIN, Timestamp::MAX)),
        asked: Vec::new(),
        reason: "late data".to_owned(),
        learned_at: at(0),
        before: Vec::new(),
        found: found.collect(),
        driving: BTreeMap::new(),
        faults: Vec::new(),
        checkpoints: Vec::new(),
    };
    Flush {
        at: at(200),
        rejudged: vec![rejudged],
        ..Flush::default()
    }
}

on_both_engines! {
    async fn a_name_may_be_taken_more_than_once(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        // All in one millisecond: beginnings move away from a name that then stands for something else.
        for found in [
            &[("n10", 10, 90)][..],
            &[("n20", 20, 90)],
            &[("n10", 10, 15), ("n20", 20, 90)],
            &[("n12", 12, 15), ("n20", 20, 90)],
            &[("n10", 10, 11), ("n12", 12, 15), ("n20", 20, 90)],
        ] {
            store.commit_flush(&judged_again(found)).await.unwrap();
            let listed = store
                .list_violations(&ViolationFilter::default(), &Page::first(10))
                .await
                .unwrap();
            let mut begins: Vec<_> = listed
                .items
                .iter()
                .filter(|stored| !stored.withdrawn)
                .map(|stored| stored.violation.started_at)
                .collect();
            begins.sort();
            let expected: Vec<_> = found.iter().map(|(_, from, _)| at(*from)).collect();
            assert_eq!(begins, expected);
        }
        store.close().await;
    }

    async fn driving_is_read_by_driver_and_found_by_vehicle(place: Place) {
        let store = place.owner().await;
        let put = async |rows: &[DrivingRow]| {
            let flush = Flush {
                driving: rows.to_vec(),
                ..Flush::default()
            };
            store.commit_flush(&flush).await.unwrap();
        };
        let rows = [
            driving(-2, 4, 1, &[9]),
            driving(7, 5, 1, &[1]),
            driving(7, 5, 2, &[2]),
            driving(7, 6, 1, &[3]),
            driving(8, 6, 2, &[4]),
        ];
        put(&rows).await;
        let read = async |wanted: &[(i64, i64)]| store.driving(wanted).await.unwrap();
        assert_eq!(read(&[(7, 0)]).await, rows[1..4]);
        assert_eq!(read(&[(7, 6)]).await, rows[3..4]);
        assert_eq!(read(&[(-2, i64::MIN), (8, 7)]).await, rows[..1]);
        let of = async |vehicle, from| {
            let vehicle = VehicleId(vehicle);
            store.driving_subjects(vehicle, from).await.unwrap()
        };
        assert_eq!(of(1, 0).await, [-2, 7]);
        assert_eq!(of(2, 6).await, [8]);
        put(&[driving(7, 5, 1, &[]), driving(7, 6, 1, &[5, 6])]).await;
        let left = [driving(7, 5, 2, &[2]), driving(7, 6, 1, &[5, 6])];
        assert_eq!(read(&[(7, 0)]).await, left);
        assert_eq!(store.forget_driving(5).await.unwrap(), 1);
        assert_eq!(read(&[(-2, i64::MIN)]).await, []);
        assert_eq!(store.forget_driving(6).await.unwrap(), 1);
        assert_eq!(read(&[(7, i64::MIN), (8, i64::MIN)]).await, [left[1].clone(), rows[4].clone()]);
        store.close().await;
    }

    async fn what_contradicts_is_told_once_whatever_comes_to_stand(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        let contradiction = |stands, other| ContradictionRow {
            vehicle: VehicleId(1),
            time: at(20),
            stands,
            other,
        };
        let stand = |stands| Superseded { vehicle: VehicleId(1), time: at(20), stands };
        let told = async |contradictions: &[ContradictionRow], superseded: &[Superseded]| {
            let flush = Flush {
                contradictions: contradictions.to_vec(),
                superseded: superseded.to_vec(),
                ..Flush::default()
            };
            store.commit_flush(&flush).await.unwrap();
            sqlx::query_scalar::<_, String>("SELECT note FROM contradictions WHERE vehicle_id = 1 ORDER BY note")
                .fetch_all(&mut place.raw().await)
                .await
                .unwrap()
        };
        let (first, second, third) = (said(28_000_000, 10), said(28_000_000, 20), said(28_500_000, 20));
        // The third stands, then the second, then the first; each is told once, as one of a file is that is merged.
        let note = |stands: Said, other: Said| format!("{stands} stored, {other} received");
        let rows = [contradiction(second, third), contradiction(second, third)];
        assert_eq!(told(&rows, &[stand(Some(second))]).await, [note(second, third)]);
        let both = [note(first, second), note(first, third)];
        assert_eq!(told(&[contradiction(first, second)], &[stand(Some(first))]).await, both);
        assert_eq!(told(&[contradiction(second, third), contradiction(first, third)], &[]).await, both);
        // One that says what a contradicting one said contradicts it no more.
        assert_eq!(told(&[contradiction(third, first)], &[stand(Some(third))]).await, [note(third, first), note(third, second)]);
        assert_eq!(told(&[], &[stand(None)]).await, [""; 0]);
        store.close().await;
    }

    async fn everything_is_there_after_a_flush(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        store.commit_flush(&everything()).await.unwrap();
        assert_eq!(store.journal_position().await.unwrap(), 8);
        let states = store.load_vehicle_states(&Page::first(10)).await.unwrap().items;
        assert_eq!(states.len(), 2);
        assert_eq!((states[0].vehicle, states[0].journal_sequence), (VehicleId(1), 9));
        assert_eq!(states[0].state, [1, 2, 3, 1]);
        assert!(states[1].tail.is_empty());
        let days = store.load_vehicle_days(20_000, &Page::first(10)).await.unwrap().items;
        assert_eq!(days, [day(1, 20_000, at(0), at(90))]);
        let row = store.vehicle(&plate("湘A12345")).await.unwrap();
        assert_eq!(row.live, Some(live(90)));
        assert_eq!(row.enterprise_name, "安途运输 e1");
        let listed = store
            .list_vehicles(&VehicleFilter::default(), &Page::first(10))
            .await
            .unwrap();
        assert_eq!(listed.items[0], row);
        assert_eq!(listed.items[1].live, None);
        assert_eq!(store.track(VehicleId(1), at(0), at(1000)).await.unwrap().len(), 10);
        // The whole again changes nothing that is counted once.
        store.commit_flush(&everything()).await.unwrap();
        assert_eq!(store.track(VehicleId(1), at(0), at(1000)).await.unwrap().len(), 10);
        assert_eq!(store.last_change().await.unwrap(), 1);
    }

    async fn violations_come_back_whole(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        let driver = store.driver_id("430102000000000001").await.unwrap();
        let mut fatigue = violation(2, 60);
        fatigue.driver = Some(driver);
        fatigue.limit = None;
        fatigue.points = Some(9);
        fatigue.ended_at = Some(at(600));
        fatigue.details = Details::Fatigue {
            driving: Span::from_minutes(241),
            limit: Span::from_minutes(240),
            window: FatigueWindow::Continuous,
            inferred: true,
            unknown: vec![UnknownTime {
                from: at(60),
                to: at(420),
                what: UnknownWhat::InferredStop,
            }],
        };
        let mut deviation = violation(3, 90);
        deviation.details = Details::RouteDeviation {
            route_id: "r1".to_owned(),
            max_distance_m: 1_234.567_890_123_4,
        };
        let mut upserts = vec![
            upsert("a", "e1", violation(1, 30)),
            upsert("b", "e1", fatigue.clone()),
            upsert("c", "e2", deviation.clone()),
        ];
        let others = details_of_other_kinds();
        for (details, name) in others.iter().zip("defg".chars()) {
            let mut other = violation(1, 60);
            other.details = details.clone();
            upserts.push(upsert(&name.to_string(), "e1", other));
        }
        store.commit_flush(&violations(upserts)).await.unwrap();
        let speeding = store.violation("a").await.unwrap();
        assert_eq!(speeding.violation, violation(1, 30));
        assert_eq!(speeding.plate, plate("湘A12345"));
        assert_eq!(speeding.region, "430102");
        let stored = store.violation("b").await.unwrap();
        assert_eq!(stored.violation, fatigue);
        assert_eq!(stored.driver_licence.as_deref(), Some("430102000000000001"));
        assert_eq!(store.violation("c").await.unwrap().violation, deviation);
        for (details, name) in others.into_iter().zip("defg".chars()) {
            let stored = store.violation(&name.to_string()).await.unwrap();
            assert_eq!(stored.violation.details, details);
        }
        let changes = store.changes_after(0, 10).await.unwrap();
        let of_it = changes.iter().find(|change| change.key == "b").unwrap();
        assert_eq!(of_it.violation().unwrap(), Some(stored));
    }

    async fn when_it_was_seen_to_be_grave_stays(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        let seen = |at_s, seen_s| Some(Grave { at: at(at_s), seen_at: at(seen_s) });
        let told = |grave, last_s| {
            let mut violation = violation(1, 0);
            violation.grave = grave;
            violation.evidence.last_fix = at(last_s);
            violations(vec![upsert("v1", "e1", violation)])
        };
        // Not grave, grave, and judged again with late fixes that made it so before.
        for (grave, last_s, expected) in [
            (None, 40, None),
            (seen(60, 62), 60, seen(60, 62)),
            (seen(50, 900), 70, seen(60, 62)),
        ] {
            store.commit_flush(&told(grave, last_s)).await.unwrap();
            assert_eq!(store.violation("v1").await.unwrap().violation.grave, expected);
        }
    }

    async fn a_limit_that_is_near_is_one_change(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        let driver = store.driver_id("430102000000000001").await.unwrap();
        let prealarm = |kind, driver, near| PreAlarmNote {
            prealarm: PreAlarm {
                vehicle: VehicleId(1), driver, kind, at: at(5), received: at(6), near,
            },
            plate: plate("湘A12345"),
            enterprise_id: "e1".to_owned(),
            region: "430102".to_owned(),
        };
        let flush = Flush {
            at: at(7),
            prealarms: vec![
                prealarm(ViolationKind::Fatigue24h, Some(driver), Near::Driving {
                    left: Span::from_minutes(29),
                    warning: Span::from_minutes(30),
                    limit: Span::from_minutes(480),
                }),
                prealarm(ViolationKind::Speeding, None, Near::Speed {
                    speed: Speed::from_dkmh(765),
                    limit: Speed::from_whole_kmh(80),
                }),
            ],
            ..Flush::default()
        };
        store.commit_flush(&flush).await.unwrap();
        let changes = store.changes_after(0, 10).await.unwrap();
        assert_eq!(kinds(&changes), [
            (1, ChangeKind::PreAlarm, "湘A12345 (yellow)"),
            (2, ChangeKind::PreAlarm, "湘A12345 (yellow)"),
        ]);
        let body: serde_json::Value = serde_json::from_str(&changes[0].body).unwrap();
        assert_eq!(body["driver"], "430102000000000001");
        assert_eq!((&body["kind"], &body["left_ms"]), (&"fatigue_24h".into(), &1_740_000.into()));
        let body: serde_json::Value = serde_json::from_str(&changes[1].body).unwrap();
        assert_eq!((&body["driver"], &body["speed_kmh"]), (&serde_json::Value::Null, &76.5.into()));
    }

    async fn only_what_changed_is_written(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        let first = upsert("v1", "e1", violation(1, 0));
        store.commit_flush(&violations(vec![first.clone()])).await.unwrap();
        let again = Flush { at: at(9999), ..violations(vec![first.clone()]) };
        store.commit_flush(&again).await.unwrap();
        assert_eq!(store.last_change().await.unwrap(), 1);
        let mut longer = first.clone();
        longer.violation.ended_at = Some(at(50));
        let second = upsert("v2", "e1", violation(2, 5));
        store
            .commit_flush(&violations(vec![second, longer.clone()]))
            .await
            .unwrap();
        let mut withdrawn = longer;
        withdrawn.correction = Some(correction(true));
        store.commit_flush(&violations(vec![withdrawn])).await.unwrap();
        let changes = store.changes_after(0, 100).await.unwrap();
        let violation = ChangeKind::Violation;
        assert_eq!(
            kinds(&changes),
            [(1, violation, "v1"), (2, violation, "v1"), (3, violation, "v2"), (4, violation, "v1")]
        );
        let state = changes[3].violation().unwrap().unwrap();
        assert_eq!((state.revision, state.status().name()), (2, "withdrawn"));
        assert_eq!(state.revision_reason.as_deref(), Some("late data"));
        assert_eq!(kinds(&store.changes_after(2, 1).await.unwrap()), [(3, violation, "v2")]);
        assert_eq!(store.changes_of_kind_after(ChangeKind::Duty, 0, 9).await.unwrap(), []);
    }

    async fn operating_minutes_add_up(place: Place) {
        let store = place.owner().await;
        for minutes in [&[1_u16, 700][..], &[2], &[1]] {
            let flush = Flush {
                operating: vec![operating("e1", 5, minutes), operating("e1", 5, &[9])],
                ..Flush::default()
            };
            store.commit_flush(&flush).await.unwrap();
        }
        let mut raw = place.raw().await;
        let row = sqlx::query("SELECT minutes FROM operating_minutes")
            .fetch_one(&mut raw)
            .await
            .unwrap();
        let expected = operating("e1", 5, &[1, 2, 9, 700]).minutes;
        assert_eq!(row.get::<Vec<u8>, _>(0), expected.to_bytes());
    }

    async fn a_flush_that_fails_leaves_nothing(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        // The last statement of the transaction meets a table that is gone.
        let mut raw = place.raw().await;
        sqlx::query("ALTER TABLE changes RENAME TO elsewhere").execute(&mut raw).await.unwrap();
        store.commit_flush(&everything()).await.unwrap_err();
        sqlx::query("ALTER TABLE elsewhere RENAME TO changes").execute(&mut raw).await.unwrap();
        assert_eq!(store.journal_position().await.unwrap(), 0);
        assert_eq!(store.load_vehicle_states(&Page::first(9)).await.unwrap().items, []);
        let found = store
            .list_violations(&ViolationFilter::default(), &Page::first(9))
            .await
            .unwrap();
        assert_eq!(found.items, []);
        store.commit_flush(&everything()).await.unwrap();
        assert_eq!(store.last_change().await.unwrap(), 1);
    }

    async fn half_a_transaction_dies_with_its_connection(place: Place) {
        let store = place.owner().await;
        let mut raw = place.raw().await;
        let mut transaction = raw.begin().await.unwrap();
        sqlx::query("INSERT INTO counters VALUES ('changes', 41)")
            .execute(&mut *transaction)
            .await
            .unwrap();
        transaction.rollback().await.unwrap();
        let mut raw = place.raw().await;
        sqlx::query("BEGIN").execute(&mut raw).await.unwrap();
        sqlx::query("INSERT INTO counters VALUES ('changes', 41)")
            .execute(&mut raw)
            .await
            .unwrap();
        raw.close_hard().await.unwrap();
        assert_eq!(store.last_change().await.unwrap(), 0);
        store.commit_flush(&everything()).await.unwrap();
    }

    async fn numbers_of_changes_have_no_gaps_under_writers_at_once(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        let writers: Vec<_> = (0..4_u32)
            .map(|writer| {
                let store = store.clone();
                tokio::spawn(async move {
                    for n in 0..10 {
                        let id = format!("w{writer}-{n}");
                        let flush = violations(vec![upsert(&id, "e1", violation(1, n))]);
                        store.commit_flush(&flush).await.unwrap();
                    }
                })
            })
            .collect();
        // A reader that follows the log meets every change once.
        let mut seen = 0;
        while seen < 40 {
            for change in store.changes_after(seen, 7).await.unwrap() {
                seen += 1;
                assert_eq!(change.seq, seen);
            }
            tokio::task::yield_now().await;
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(store.last_change().await.unwrap(), 40);
    }

    async fn a_thousand_of_each_fit_one_flush(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        let flush = Flush {
            violations: (0..1003)
                .map(|n| upsert(&format!("v{n:04}"), "e1", violation(1, n)))
                .collect(),
            vehicles: (0..1003).map(|n| snapshot(n, 1, &[])).collect(),
            ..violations(Vec::new())
        };
        store.commit_flush(&flush).await.unwrap();
        assert_eq!(store.last_change().await.unwrap(), 1003);
        let mut pages = 0;
        let mut page = Page::first(1000);
        let mut found = Vec::new();
        loop {
            let listed = store.load_vehicle_states(&page).await.unwrap();
            found.extend(listed.items.iter().map(|saved| saved.vehicle.0));
            pages += 1;
            page.after = listed.next;
            if page.after.is_none() {
                break;
            }
        }
        assert_eq!(pages, 2);
        assert_eq!(found, (0..1003).collect::<Vec<_>>());
    }
}
