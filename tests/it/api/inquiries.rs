//! Post checks.

use roadwarden::model::Span;
use serde_json::{Value, json};

use super::support::check;

#[test]
fn an_inquiry_goes_to_each_enterprise_named_once() {
    check(|world| async {
        let world = world.with_fleet().await;
        let body = json!({"enterprise_ids": ["E2", "E1", "E2"], "question": "谁在岗?",
            "answer_within_s": 120});
        let sent = world.post("/api/v1/inquiries", body).await.created();
        let items = sent["items"].as_array().unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!(items[0]["enterprise_id"], "E1");
        assert_eq!(items[0]["sent_at"], "2026-11-21T12:00:00+08:00");
        assert_eq!(items[0]["deadline"], "2026-11-21T12:02:00+08:00");
        assert_eq!(items[0]["answer_within_s"], 120.0);
        let region = json!({"region": "430000", "question": "?"});
        let sent = world.post("/api/v1/inquiries", region).await.created();
        assert_eq!(sent["items"].as_array().unwrap().len(), 2);
        assert_eq!(sent["items"][0]["answer_within_s"], 300.0);
        let listed = world.all("/api/v1/inquiries?region=430103", 1).await;
        assert_eq!(listed.len(), 2);
    });
}

#[test]
fn the_first_answer_stands() {
    check(|world| async {
        let world = world.with_fleet().await;
        let body = json!({"enterprise_ids": ["E1"], "question": "?", "answer_within_s": 300});
        let sent = world.post("/api/v1/inquiries", body).await.created();
        let path = format!(
            "/api/v1/inquiries/{}/answers",
            sent["items"][0]["id"].as_str().unwrap()
        );
        world.clock.advance(Span::from_seconds(300));
        let answer = json!({"answer": "m1", "responder": "one", "phone": "139"});
        let answered = world.post(&path, answer.clone()).await.created();
        assert_eq!(answered["in_time"], true);
        assert_eq!(answered["answered_at"], "2026-11-21T12:05:00+08:00");
        assert_eq!(answered["responder"], "one");
        world
            .post(&path, answer.clone())
            .await
            .problem(409, "already_answered");
        let unknown = world.post("/api/v1/inquiries/none/answers", answer).await;
        unknown.problem(404, "not_found");
        let open = world.get("/api/v1/inquiries?answered=false").await.ok();
        assert_eq!(open["items"], json!([]));
    });
}

#[test]
fn a_late_answer_is_recorded_as_late() {
    check(|world| async {
        let world = world.with_fleet().await;
        let body = json!({"enterprise_ids": ["E1"], "question": "?", "answer_within_s": 60});
        let sent = world.post("/api/v1/inquiries", body).await.created();
        let id = sent["items"][0]["id"].as_str().unwrap();
        world.clock.advance(Span::from_seconds(61));
        let answer = json!({"answer": "m1", "responder": "one"});
        let path = format!("/api/v1/inquiries/{id}/answers");
        assert_eq!(world.post(&path, answer).await.created()["in_time"], false);
    });
}

#[test]
fn wrong_inquiries_are_refused() {
    check(|world| async {
        let world = world.with_fleet().await;
        let send = async |body: Value| world.post("/api/v1/inquiries", body).await;
        let both = ["enterprise_ids", "region"];
        send(json!({"question": "?"})).await.invalid(&both);
        let two_ways = json!({"question": "?", "enterprise_ids": ["E1"], "region": "430000"});
        send(two_ways).await.invalid(&both);
        let nobody = json!({"question": "?", "enterprise_ids": []});
        send(nobody).await.invalid(&["enterprise_ids"]);
        let unknown = json!({"question": "?", "enterprise_ids": ["E1", "E9"]});
        send(unknown).await.invalid(&["enterprise_ids"]);
        let empty = json!({"question": "?", "region": "990000"});
        send(empty).await.invalid(&["region"]);
        let code = json!({"question": "?", "region": "43"});
        send(code).await.invalid(&["region"]);
        let text = json!({"question": " ", "region": "430000", "answer_within_s": 0});
        send(text).await.invalid(&["question", "answer_within_s"]);
        let listed = world.get("/api/v1/inquiries").await.ok();
        assert_eq!(listed["items"], json!([]), "nothing was sent by halves");
    });
}
