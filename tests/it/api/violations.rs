//! Violations and the closed loop.

use roadwarden::api::TextOutcome;
use roadwarden::model::Severity;
use roadwarden::store::CorrectionNote;
use serde_json::{Value, json};

use super::support::{World, at, check};

fn ids(items: &[Value]) -> Vec<&str> {
    items
        .iter()
        .map(|item| item["id"].as_str().unwrap())
        .collect()
}

#[test]
fn a_violation_has_every_field_of_the_contract() {
    check(|world| async {
        let world = world.with_fleet().await;
        let id = world.violation("2026-11-20 23:10:00").await;
        let list = world.get("/api/v1/violations").await.ok();
        let mut found = list["items"][0].clone();
        for extra in [
            "reminded_at",
            "handled_at",
            "handling_result",
            "false_alarm_approved",
            "appealed_at",
            "appeal_status",
        ] {
            found.as_object_mut().unwrap().remove(extra).unwrap();
        }
        let expected = json!({
            "id": id, "revision": 1, "status": "closed", "kind": "speeding",
            "plate": "湘A00001", "plate_color": "yellow", "enterprise_id": "E1", "driver": null,
            "started_at": "2026-11-20T23:10:00+08:00", "confirmed_at": "2026-11-20T23:10:40+08:00",
            "ended_at": "2026-11-20T23:11:10+08:00", "duration_s": 70,
            "peak": {"time": "2026-11-20T23:10:30+08:00", "lat": 28.1, "lon": 112.9,
                "speed_kmh": 85},
            "limit": {"monitor_kmh": 80, "legal_kmh": 100, "source": "night", "reference": null,
                "map_version": null, "confidence": null},
            "excess_ratio": 0.0625, "legal_excess_ratio": 0, "severity": "L1", "points": 0,
            "points_basis": null, "details": {},
            "evidence": {"first_fix": "2026-11-20T23:10:00+08:00",
                "peak_fix": "2026-11-20T23:10:30+08:00",
                "last_fix": "2026-11-20T23:11:00+08:00", "fixes": 7},
            "rulebook_version": "test", "first_seen_at": "2026-11-20T23:10:41+08:00",
            "revised_at": "2026-11-20T23:10:41+08:00", "revision_reason": null
        });
        assert_eq!(found, expected);
        let one = world.get(&format!("/api/v1/violations/{id}")).await.ok();
        assert_eq!(one["peak"], expected["peak"]);
        assert_eq!(one["reminders"], json!([]));
        world
            .get("/api/v1/violations/none")
            .await
            .problem(404, "not_found");
    });
}

#[test]
fn filters_narrow_the_list() {
    check(|world| async {
        let world = world.with_fleet().await;
        let one = world.violation("2026-11-20 08:00:00").await;
        let grave = world
            .violation_of("湘A00001", "E1", "2026-11-20 09:00:00", |upsert| {
                upsert.violation.severity = Severity::L3;
                upsert.violation.ended_at = None;
            })
            .await;
        let other = world
            .violation_of("湘A00003", "E2", "2026-11-20 10:00:00", |upsert| {
                upsert.correction = Some(CorrectionNote {
                    replaces: None,
                    withdrawn: true,
                    reason: "late data".to_owned(),
                });
            })
            .await;
        let found = async |query: &str| {
            let items = world.all(&format!("/api/v1/violations?{query}"), 1).await;
            ids(&items)
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(found("").await, [&*other, &*grave, &*one]);
        assert_eq!(found("severity=L3").await, [&*grave]);
        assert_eq!(found("status=open").await, [&*grave]);
        assert_eq!(found("status=withdrawn").await, [&*other]);
        assert_eq!(found("enterprise=E2").await, [&*other]);
        assert_eq!(found("region=430102").await, [&*grave, &*one]);
        assert_eq!(found("plate=湘A00003").await, [&*other]);
        assert_eq!(found("kind=fatigue_24h").await, [""; 0]);
        assert_eq!(found("handled=true").await, [""; 0]);
        // A plus that nobody escaped.
        assert_eq!(found("from=2026-11-20T10:00:00+08:00").await, [&*other]);
        assert_eq!(found("to=2026-11-20T09:00:00%2B08:00").await, [&*one]);
    });
}

#[test]
fn pages_stay_whole_while_violations_are_found() {
    check(|world| async {
        let world = world.with_fleet().await;
        let mut expected = Vec::new();
        for minute in 0..7 {
            expected.push(
                world
                    .violation(&format!("2026-11-20 08:0{minute}:00"))
                    .await,
            );
        }
        let first = world.get("/api/v1/violations?limit=3").await.ok();
        world.violation("2026-11-20 09:00:00").await;
        world.violation("2026-11-20 08:05:30").await;
        let mut seen: Vec<String> = ids(first["items"].as_array().unwrap())
            .into_iter()
            .map(str::to_owned)
            .collect();
        let next = first["next"].as_str().unwrap();
        let rest = world
            .get(&format!("/api/v1/violations?limit=100&after={next}"))
            .await
            .ok();
        seen.extend(
            ids(rest["items"].as_array().unwrap())
                .into_iter()
                .map(str::to_owned),
        );
        expected.reverse();
        assert_eq!(seen, expected);
    });
}

/// Reads the feed until it ends; where it stands then.
async fn read_feed(world: &World, mut cursor: String, filter: &str) -> (Vec<Value>, String) {
    let mut items = Vec::new();
    loop {
        let path = format!("/api/v1/violations?limit=2&changed_since={cursor}{filter}");
        let page = world.get(&path).await.ok();
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        let next = page["next"].as_str().expect("the feed always goes on");
        if next == cursor || (cursor.is_empty() && items.is_empty()) {
            return (items, next.to_owned());
        }
        next.clone_into(&mut cursor);
    }
}

#[test]
fn the_change_feed_tells_every_creation_and_revision_in_order() {
    check(|world| async {
        let world = world.with_fleet().await;
        let first = world.violation("2026-11-20 08:00:00").await;
        let second = world.violation("2026-11-20 07:00:00").await;
        let revise = |upsert: &mut roadwarden::store::ViolationUpsert| {
            upsert.correction = Some(CorrectionNote {
                replaces: None,
                withdrawn: false,
                reason: "late data".to_owned(),
            });
        };
        world
            .violation_of("湘A00001", "E1", "2026-11-20 08:00:00", revise)
            .await;
        let (items, cursor) = read_feed(&world, String::new(), "").await;
        assert_eq!(ids(&items), [&*first, &*second, &*first]);
        let revisions: Vec<&Value> = items.iter().map(|item| &item["revision"]).collect();
        assert_eq!(revisions, [1, 1, 2]);
        let (nothing, same) = read_feed(&world, cursor.clone(), "").await;
        assert_eq!((nothing.len(), &same), (0, &cursor));
        let third = world
            .violation_of("湘A00003", "E2", "2026-11-20 06:00:00", |_| {})
            .await;
        let (items, _) = read_feed(&world, cursor, "").await;
        assert_eq!(ids(&items), [&*third]);
        let (of_e2, _) = read_feed(&world, "0".to_owned(), "&enterprise=E2").await;
        assert_eq!(ids(&of_e2), [&*third]);
    });
}

#[test]
fn a_reminder_by_voice_needs_a_connected_terminal() {
    check(|world| async {
        let world = world.with_fleet().await;
        let id = world.violation("2026-11-20 23:10:00").await;
        let path = format!("/api/v1/violations/{id}/reminders");
        let voice = json!({"channel": "terminal_voice", "text": "您已超速"});
        let refused = world.post(&path, voice.clone()).await;
        refused.problem(409, "terminal_not_connected");
        let none = world.get(&format!("/api/v1/violations/{id}")).await.ok();
        assert_eq!(none["reminded_at"], Value::Null, "nothing was said");

        *world.parts.outcome.lock().unwrap() = Some(TextOutcome::NotAcknowledged);
        let sent = world.post(&path, voice.clone()).await.created();
        assert_eq!(
            (&sent["acknowledged"], &sent["acknowledged_at"]),
            (&json!(false), &Value::Null)
        );
        *world.parts.outcome.lock().unwrap() = Some(TextOutcome::Acknowledged {
            at: at("2026-11-21 12:00:02"),
            result: 0,
        });
        let heard = world.post(&path, voice).await.created();
        assert_eq!(heard["acknowledged"], true);
        assert_eq!(heard["acknowledged_at"], "2026-11-21T12:00:02+08:00");
        {
            let spoken = world.parts.spoken.lock().unwrap();
            let (terminal, text) = spoken.last().unwrap();
            assert_eq!(
                (terminal.as_str(), text.as_str()),
                ("13900000001", "您已超速")
            );
        }
        let one = world.get(&format!("/api/v1/violations/{id}")).await.ok();
        assert_eq!(one["reminders"].as_array().unwrap().len(), 2);
        assert_eq!(one["reminded_at"], "2026-11-21T12:00:00+08:00");
    });
}

#[test]
fn a_reminder_by_telephone_is_recorded() {
    check(|world| async {
        let world = world.with_fleet().await;
        let id = world.violation("2026-11-20 23:10:00").await;
        let path = format!("/api/v1/violations/{id}/reminders");
        let phone = json!({"channel": "phone", "text": "slow down",
            "sent_at": "2026-11-20T23:12:00+08:00"});
        let body = world.post(&path, phone).await.created();
        assert_eq!(body["sent_at"], "2026-11-20T23:12:00+08:00");
        let empty = json!({"channel": "phone", "text": ""});
        world.post(&path, empty).await.invalid(&["text"]);
        let pigeon = json!({"channel": "pigeon", "text": "x"});
        world.post(&path, pigeon).await.invalid(&["channel"]);
        let ok = json!({"channel": "phone", "text": "x"});
        let unknown = world.post("/api/v1/violations/none/reminders", ok).await;
        unknown.problem(404, "not_found");
    });
}

#[test]
fn handlings_complete_a_violation() {
    check(|world| async {
        let world = world.with_fleet().await;
        let id = world.violation("2026-11-20 23:10:00").await;
        let path = format!("/api/v1/violations/{id}/handlings");
        let body = json!({"result": "educated", "note": "two hours of class", "evidence": null});
        let handled = world.post(&path, body).await.created();
        assert_eq!(handled["at"], "2026-11-21T12:00:00+08:00");
        let one = world.get(&format!("/api/v1/violations/{id}")).await.ok();
        assert_eq!(one["handled_at"], "2026-11-21T12:00:00+08:00");
        assert_eq!(one["handling_result"], "educated");
        let list = world.get("/api/v1/violations?handled=true").await.ok();
        assert_eq!(list["items"][0]["id"], *id);
        let wrong = json!({"result": "forgiven", "note": ""});
        world.post(&path, wrong).await.invalid(&["result"]);
        let ok = json!({"result": "educated", "note": ""});
        let unknown = world.post("/api/v1/violations/none/handlings", ok).await;
        unknown.problem(404, "not_found");
    });
}

#[test]
fn a_false_alarm_waits_for_another_person() {
    check(|world| async {
        let world = world.with_fleet().await;
        let id = world.violation("2026-11-20 23:10:00").await;
        let path = |what: &str| format!("/api/v1/violations/{id}/{what}");
        let approve = json!({"decision": "approved", "note": "seen", "by": "regulator-7"});
        let nothing = world.post(&path("reviews"), approve.clone()).await;
        nothing.problem(409, "no_open_claim");
        let claim = json!({"result": "false_alarm", "note": "drift", "by": "manager-1"});
        world
            .post(&path("handlings"), claim.clone())
            .await
            .created();
        let own = json!({"decision": "approved", "note": "", "reviewer": "manager-1"});
        world
            .post(&path("reviews"), own)
            .await
            .problem(409, "own_claim");
        let one = world.get(&format!("/api/v1/violations/{id}")).await.ok();
        assert_eq!(
            (&one["handled_at"], &one["false_alarm_approved"]),
            (&Value::Null, &json!(false))
        );
        world
            .post(&path("reviews"), approve.clone())
            .await
            .created();
        world
            .post(&path("reviews"), approve.clone())
            .await
            .problem(409, "no_open_claim");
        let one = world.get(&format!("/api/v1/violations/{id}")).await.ok();
        assert_eq!(one["false_alarm_approved"], true);
        assert_eq!(one["reviews"][0]["by"], "regulator-7");
        let unknown = world.post("/api/v1/violations/none/reviews", approve).await;
        unknown.problem(404, "not_found");
    });
}

#[test]
fn a_claim_and_its_review_need_no_names_yet() {
    check(|world| async {
        let world = world.with_fleet().await;
        let id = world.violation("2026-11-20 23:10:00").await;
        let claim = json!({"result": "false_alarm", "note": "drift"});
        let handlings = format!("/api/v1/violations/{id}/handlings");
        world.post(&handlings, claim).await.created();
        let reject = json!({"decision": "rejected", "note": "no"});
        let reviews = format!("/api/v1/violations/{id}/reviews");
        assert_eq!(
            world.post(&reviews, reject).await.created()["decision"],
            "rejected"
        );
    });
}

#[test]
fn an_appeal_is_contested_reviewed_and_shown() {
    check(|world| async {
        let world = world.with_fleet().await;
        let id = world.violation("2026-11-20 23:10:00").await;
        let path = |what: &str| format!("/api/v1/violations/{id}/{what}");
        let body = json!({"grounds": "the road was closed", "appellant": "driver-1"});
        let unknown = world
            .post("/api/v1/violations/none/appeals", body.clone())
            .await;
        unknown.problem(404, "not_found");
        let empty = json!({"grounds": " ", "appellant": ""});
        let refused = world.post(&path("appeals"), empty).await;
        refused.invalid(&["grounds", "appellant"]);
        let nothing = world
            .post(&path("appeals"), json!({"appellant": "x"}))
            .await;
        nothing.invalid(&["grounds"]);

        let made = world.post(&path("appeals"), body.clone()).await.created();
        assert_eq!(
            (&made["status"], &made["at"], &made["evidence"]),
            (
                &json!("waiting"),
                &json!("2026-11-21T12:00:00+08:00"),
                &Value::Null
            )
        );
        let twice = world.post(&path("appeals"), body).await;
        twice.problem(409, "appeal_waits");
        let waiting = world.get("/api/v1/violations?appeal=waiting").await.ok();
        assert_eq!(waiting["items"][0]["id"], *id);
        assert_eq!(waiting["items"][0]["appealed_at"], made["at"]);

        let own = json!({"decision": "approved", "by": "driver-1"});
        world
            .post(&path("reviews"), own)
            .await
            .problem(409, "own_claim");
        let wrong = json!({"decision": "approved", "of": "weather"});
        world.post(&path("reviews"), wrong).await.invalid(&["of"]);
        let approve = json!({"decision": "approved", "note": "seen", "of": "appeal"});
        let review = world.post(&path("reviews"), approve).await.created();
        assert_eq!(
            (&review["of"], &review["of_id"]),
            (&json!("appeal"), &made["id"])
        );

        let one = world.get(&format!("/api/v1/violations/{id}")).await.ok();
        assert_eq!(
            (
                &one["appeal_status"],
                &one["false_alarm_approved"],
                &one["handled_at"]
            ),
            (&json!("approved"), &json!(true), &Value::Null)
        );
        assert_eq!(one["appeals"][0]["status"], "approved");
        assert_eq!(one["appeals"][0]["grounds"], "the road was closed");
        assert_eq!(one["reviews"][0]["of_id"], made["id"]);
        let revisions = world.get(&path("revisions")).await.ok();
        assert_eq!(revisions["items"][0]["appeal_status"], "approved");
        // Whoever follows the feed learns of each step.
        let (items, _) = read_feed(&world, String::new(), "").await;
        let steps: Vec<&Value> = items.iter().map(|item| &item["appeal_status"]).collect();
        assert_eq!(steps, [&Value::Null, &json!("waiting"), &json!("approved")]);
    });
}

#[test]
fn nothing_is_done_about_a_withdrawn_violation_but_what_was_done_is_shown() {
    check(|world| async {
        let world = world.with_fleet().await;
        let id = world.violation("2026-11-20 23:10:00").await;
        let path = |what: &str| format!("/api/v1/violations/{id}/{what}");
        let handling = json!({"result": "educated", "note": "spoken to"});
        let claim = json!({"result": "false_alarm", "note": "drift"});
        world
            .post(&path("handlings"), handling.clone())
            .await
            .created();
        world.post(&path("handlings"), claim).await.created();
        world
            .violation_of("湘A00001", "E1", "2026-11-20 23:10:00", |upsert| {
                upsert.correction = Some(CorrectionNote {
                    replaces: None,
                    withdrawn: true,
                    reason: "late data".to_owned(),
                });
            })
            .await;
        *world.parts.outcome.lock().unwrap() = Some(TextOutcome::NotAcknowledged);
        let voice = json!({"channel": "terminal_voice", "text": "您已超速"});
        let refused = world.post(&path("reminders"), voice).await;
        refused.problem(409, "violation_withdrawn");
        assert!(world.parts.spoken.lock().unwrap().is_empty());
        let phone = json!({"channel": "phone", "text": "x"});
        for (what, body) in [
            ("reminders", phone),
            ("handlings", handling),
            ("appeals", json!({"grounds": "x"})),
        ] {
            let refused = world.post(&path(what), body).await;
            refused.problem(409, "violation_withdrawn");
        }
        // What waits may still be ended.
        let reject = json!({"decision": "rejected", "note": "it is gone anyway"});
        world.post(&path("reviews"), reject).await.created();
        let list = world
            .get("/api/v1/violations?status=withdrawn&handled=true")
            .await
            .ok();
        let one = world.get(&format!("/api/v1/violations/{id}")).await.ok();
        for shown in [&list["items"][0], &one] {
            assert_eq!(shown["status"], "withdrawn");
            assert_eq!(shown["handled_at"], "2026-11-21T12:00:00+08:00");
        }
        assert_eq!(one["handlings"].as_array().unwrap().len(), 2);
    });
}
