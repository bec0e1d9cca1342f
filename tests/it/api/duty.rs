//! The verdict over HTTP.

use roadwarden::model::{Severity, Span};
use serde_json::{Value, json};

use super::samples::drive;
use super::support::{World, check, rulebook_version};

const NIGHT: &str = "from=2026-11-21T00:00:00+08:00&to=2026-11-21T12:00:00+08:00";

fn ids(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["enterprise"]["id"].as_str().unwrap())
        .collect()
}

fn rules(item: &Value) -> Vec<&str> {
    let reasons = item["reasons"].as_array().unwrap();
    reasons
        .iter()
        .map(|reason| reason["rule"].as_str().unwrap())
        .collect()
}

async fn failing(world: &World, query: &str) -> Value {
    world
        .get(&format!("/api/v1/duty/failing?{query}"))
        .await
        .ok()
}

async fn on_shift(world: &World, monitor: &str, from: &str, to: &str) {
    let body = json!({"enterprise_id": "E1", "monitor_id": monitor, "note": "handed over",
        "started_at": format!("2026-11-21T{from}:00+08:00"),
        "ended_at": format!("2026-11-21T{to}:00+08:00")});
    world.post("/api/v1/shifts", body).await.created();
}

#[test]
fn an_enterprise_without_monitors_fails() {
    check(|world| async {
        let world = world.with_fleet().await;
        let list = failing(&world, "").await;
        assert_eq!(ids(&list), ["E3"]);
        assert_eq!(
            (&list["enterprises_total"], &list["enterprises_failing"]),
            (&json!(3), &json!(1))
        );
        assert_eq!(list["from"], "2026-11-20T12:00:00+08:00");
        assert_eq!(list["to"], "2026-11-21T12:00:00+08:00");
        assert_eq!(list["evaluated_at"], "2026-11-21T12:00:00+08:00");
        assert_eq!(list["rulebook_version"], rulebook_version());
        assert_eq!(list["next"], Value::Null);
        let item = &list["items"][0];
        let enterprise = json!({"id": "E3", "name": "运输 E3", "region": "110101"});
        assert_eq!(item["enterprise"], enterprise);
        assert_eq!(item["vehicles"], 1);
        let reason = &item["reasons"][0];
        assert_eq!(reason["rule"], "N1");
        assert_eq!(reason["statutory"], true);
        assert_eq!(
            (&reason["value"], &reason["threshold"]),
            (&json!(0.0), &json!(2.0))
        );
        assert_eq!(reason["unit"], "monitors");
        for text in ["title", "title_zh", "basis"] {
            assert!(!reason[text].as_str().unwrap().is_empty(), "{text}");
        }
        assert_eq!(item["failing_since"], reason["evidence"][0]["from"]);
    });
}

#[test]
fn e23_a_gap_between_shifts_is_listed_with_its_minutes() {
    check(|world| async {
        let world = world.with_fleet().await;
        on_shift(&world, "m1", "00:00", "07:30").await;
        on_shift(&world, "m2", "08:00", "12:00").await;
        world.operating("E1", "2026-11-21 02:00:00", 480).await;
        let list = failing(&world, &format!("{NIGHT}&reason=N2")).await;
        assert_eq!(ids(&list), ["E1"]);
        let reason = &list["items"][0]["reasons"][0];
        assert_eq!(
            (&reason["value"], &reason["threshold"]),
            (&json!(30.0), &json!(10.0))
        );
        assert_eq!(reason["statutory"], false);
        assert_eq!(reason["evidence"][0]["from"], "2026-11-21T07:30:00+08:00");
        assert_eq!(reason["evidence"][0]["to"], "2026-11-21T08:00:00+08:00");

        on_shift(&world, "m1", "07:30", "08:00").await;
        let healed = failing(&world, &format!("{NIGHT}&reason=N2")).await;
        assert_eq!(ids(&healed), [""; 0], "a shift counts at once");
    });
}

#[test]
fn e20_an_inquiry_missed_in_the_night_is_listed() {
    check(|world| async {
        let world = world.with_fleet().await;
        world
            .clock
            .advance(Span::from_hours(15) + Span::from_minutes(12));
        let body = json!({"enterprise_ids": ["E1", "E2"], "question": "?", "answer_within_s": 300});
        let sent = world.post("/api/v1/inquiries", body).await.created();
        let answer = json!({"answer": "m", "responder": "m"});
        let path = |index: usize| {
            let id = sent["items"][index]["id"].as_str().unwrap();
            format!("/api/v1/inquiries/{id}/answers")
        };
        world.clock.advance(Span::from_seconds(299));
        world.post(&path(0), answer.clone()).await.created();
        world.clock.advance(Span::from_seconds(2));
        world.post(&path(1), answer).await.created();
        let list = failing(&world, "reason=N4").await;
        assert_eq!(ids(&list), ["E2"]);
        assert_eq!(list["items"][0]["reasons"][0]["value"], 0.0);
    });
}

#[test]
fn e21_overdue_violations_fail_until_they_are_handled() {
    check(|world| async {
        let world = world.with_fleet().await;
        let mut violations = Vec::new();
        for minute in 10..20 {
            violations.push(world.violation(&format!("2026-11-10 08:{minute}:00")).await);
        }
        let period = "from=2026-11-10T00:00:00+08:00&to=2026-11-11T00:00:00+08:00";
        let handle = async |id: &str| {
            let body = json!({"result": "educated", "note": ""});
            let path = format!("/api/v1/violations/{id}/handlings");
            world.post(&path, body).await.created();
        };
        for id in violations.iter().skip(2) {
            handle(id).await;
        }
        let list = failing(&world, &format!("{period}&reason=N3")).await;
        assert_eq!(ids(&list), ["E1"]);
        assert_eq!(list["items"][0]["reasons"][0]["value"], json!(0.8));
        handle(&violations[1]).await;
        let passing = failing(&world, &format!("{period}&reason=N3")).await;
        assert_eq!(ids(&passing), [""; 0], "exactly nine of ten pass");
    });
}

#[test]
fn an_approved_appeal_takes_an_overdue_violation_out() {
    check(|world| async {
        let world = world.with_fleet().await;
        let id = world.violation("2026-11-10 08:10:00").await;
        let query = "from=2026-11-10T00:00:00+08:00&to=2026-11-11T00:00:00+08:00&reason=N3";
        let path = |what: &str| format!("/api/v1/violations/{id}/{what}");
        let grounds = json!({"grounds": "the road was closed"});
        world.post(&path("appeals"), grounds).await.created();
        assert_eq!(ids(&failing(&world, query).await), ["E1"], "it only waits");
        let approve = json!({"decision": "approved", "note": ""});
        world.post(&path("reviews"), approve).await.created();
        assert_eq!(ids(&failing(&world, query).await), [""; 0]);
    });
}

#[test]
fn a_grave_violation_must_be_reminded() {
    check(|world| async {
        let world = world.with_fleet().await;
        let id = world
            .violation_of("湘A00001", "E1", "2026-11-21 08:00:00", |upsert| {
                upsert.violation.severity = Severity::L3;
            })
            .await;
        assert_eq!(ids(&failing(&world, "reason=N6").await), ["E1"]);
        let body = json!({"channel": "phone", "text": "stop",
            "sent_at": "2026-11-21T08:05:00+08:00"});
        let path = format!("/api/v1/violations/{id}/reminders");
        world.post(&path, body).await.created();
        assert_eq!(ids(&failing(&world, "reason=N6").await), [""; 0]);
    });
}

#[test]
fn regions_and_reasons_narrow_and_the_worst_comes_first() {
    check(|world| async {
        let world = world.with_fleet().await;
        world.operating("E1", "2026-11-21 02:00:00", 20).await;
        world.operating("E3", "2026-11-21 02:00:00", 20).await;
        let list = failing(&world, NIGHT).await;
        assert_eq!(ids(&list), ["E3", "E1"]);
        assert_eq!(rules(&list["items"][0]), ["N1", "N2"]);
        assert_eq!(
            ids(&failing(&world, &format!("{NIGHT}&region=430000")).await),
            ["E1"]
        );
        assert_eq!(
            ids(&failing(&world, &format!("{NIGHT}&reason=N1")).await),
            ["E3"]
        );
        let either = failing(&world, &format!("{NIGHT}&reason=N2,N4")).await;
        assert_eq!(ids(&either), ["E3", "E1"]);
        let first = failing(&world, &format!("{NIGHT}&limit=1")).await;
        assert_eq!(ids(&first), ["E3"]);
        assert_eq!(first["enterprises_failing"], 2);
        let next = first["next"].as_str().unwrap();
        let second = failing(&world, &format!("{NIGHT}&limit=1&after={next}")).await;
        assert_eq!((ids(&second), &second["next"]), (vec!["E1"], &Value::Null));
    });
}

#[test]
fn a_further_page_is_of_the_same_period_as_the_first() {
    check(|world| async {
        let world = world.with_fleet().await;
        world.operating("E1", "2026-11-20 13:00:00", 20).await;
        let first = failing(&world, "limit=1").await;
        world.clock.advance(Span::from_hours(6));
        let next = first["next"].as_str().unwrap();
        let second = failing(&world, &format!("limit=1&after={next}")).await;
        assert_eq!(second["from"], first["from"]);
        assert_eq!(second["to"], first["to"]);
        assert_eq!(ids(&second), ["E1"]);
    });
}

#[test]
fn the_full_picture_shows_what_passes_too() {
    check(|world| async {
        let world = world.with_fleet().await;
        on_shift(&world, "m1", "02:10", "05:00").await;
        world.operating("E1", "2026-11-21 02:00:00", 60).await;
        let vehicle = world.vehicle_id("湘A00001").await;
        world
            .track("湘A00001", &drive(vehicle, "2026-11-21 02:00:00", 6))
            .await;
        let duty = world
            .get(&format!("/api/v1/enterprises/E1/duty?{NIGHT}"))
            .await
            .ok();
        assert_eq!(duty["failing"], false);
        assert_eq!(duty["failing_since"], Value::Null);
        assert_eq!(duty["monitors_qualified"], 2);
        let names: Vec<&Value> = duty["rules"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| &r["rule"])
            .collect();
        assert_eq!(
            names,
            ["N1", "N2", "N3", "N4", "N5", "N6", "N7", "N8", "N9"]
        );
        let statutory: Vec<&Value> = duty["rules"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|rule| rule["statutory"] == true)
            .map(|rule| &rule["rule"])
            .collect();
        assert_eq!(statutory, ["N1", "N3", "N9"], "kept or broken");
        assert_eq!(duty["rules"][1]["value"], 10.0);
        assert_eq!(duty["rules"][1]["passes"], true);
        assert_eq!(duty["rules"][2]["value"], Value::Null);
        assert_eq!(duty["rules"][6]["value"], 1.0);
        let coverage = &duty["coverage"];
        assert_eq!(coverage["operating_min"], 60);
        assert_eq!(coverage["covered_min"], 50);
        assert_eq!(coverage["uncovered"][0]["minutes"], 10);
        assert_eq!(coverage["on_shift"][0]["from"], "2026-11-21T02:10:00+08:00");
        world
            .get("/api/v1/enterprises/E9/duty")
            .await
            .problem(404, "not_found");
    });
}

#[test]
fn no_data_from_vehicles_in_network_is_statutory() {
    check(|world| async {
        let world = world.with_fleet().await;
        let vehicle = world.vehicle_id("湘A00001").await;
        world
            .track("湘A00001", &drive(vehicle, "2026-11-18 02:00:00", 6))
            .await;
        let list = failing(&world, "reason=N7").await;
        assert_eq!(ids(&list), ["E1"]);
        let item = &list["items"][0];
        assert_eq!(item["reasons"][0]["statutory"], true);
        assert_eq!(item["failing_since"], "2026-11-18T02:00:50+08:00");
    });
}
