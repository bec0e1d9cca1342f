//! The form of every error.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use super::support::{check, json_request};

fn post(path: &str, content_type: Option<&str>, body: &str) -> Request<Body> {
    let mut request = Request::post(path);
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

#[test]
fn unknown_paths_and_methods_are_problems() {
    check(|world| async move {
        world.get("/").await.problem(404, "unknown_path");
        let unknown = world.get("/api/v1/violations/x/hearings").await;
        unknown.problem(404, "unknown_path");
        let deleted = json_request("DELETE", "/api/v1/shifts", &json!({}));
        world.send(deleted).await.problem(405, "method_not_allowed");
    });
}

#[test]
fn values_of_the_query_that_cannot_be_read_are_400() {
    check(|world| async move {
        for query in [
            "duty/failing?from=yesterday",
            "duty/failing?from=2026-11-21T08:00:00",
            "duty/failing?from=2026-11-21T08:00:00Z&to=2026-11-20T08:00:00Z",
            "duty/failing?from=2020-01-01T00:00:00Z&to=2026-11-20T08:00:00Z",
            "duty/failing?region=43",
            "duty/failing?reason=N10",
            "enterprises?limit=0",
            "enterprises?limit=1001",
            "enterprises?limit=-1",
            "enterprises?limit=ten",
            "enterprises?kind=circus",
            "vehicles?class=tank",
            "vehicles?online=perhaps",
            "violations?kind=rudeness",
            "violations?severity=L9",
            "violations?status=lost",
            "violations?handled=1x",
            "positions?bbox=1,2,3",
            "positions?bbox=3,0,1,1",
            "terminals?state=broken",
            "stream?events=rain",
        ] {
            let answer = world.get(&format!("/api/v1/{query}")).await;
            answer.problem(400, "bad_query");
        }
    });
}

#[test]
fn cursors_that_are_not_ours_are_400() {
    check(|world| async move {
        for list in [
            "enterprises",
            "vehicles",
            "violations",
            "shifts",
            "inquiries",
            "quarantine",
            "terminals",
            "duty/failing",
        ] {
            for cursor in ["zz", "abc", "ff", "4", "%F0%9F%9A%8C", "312e35"] {
                let answer = world.get(&format!("/api/v1/{list}?after={cursor}")).await;
                let plain_text = list == "enterprises" || list == "inquiries";
                if !(plain_text && cursor == "312e35") {
                    answer.problem(400, "bad_cursor");
                }
            }
        }
        let feed = world.get("/api/v1/violations?changed_since=what").await;
        feed.problem(400, "bad_cursor");
    });
}

#[test]
fn bodies_are_malformed_mistyped_or_too_large() {
    check(|world| async {
        let shifts = "/api/v1/shifts";
        let json = Some("application/json");
        let send = |request| world.send(request);
        send(post(shifts, None, "{}"))
            .await
            .problem(415, "unsupported_media_type");
        send(post(shifts, Some("text/plain"), "{}"))
            .await
            .problem(415, "unsupported_media_type");
        send(post(shifts, json, "{")).await.problem(400, "bad_json");
        send(post(shifts, json, "")).await.problem(400, "bad_json");
        send(post(shifts, json, "{} {}"))
            .await
            .problem(422, "invalid");
        send(post(shifts, json, "{}"))
            .await
            .invalid(&["enterprise_id"]);
        send(post(shifts, json, "[]")).await.problem(422, "invalid");
        let mistyped = r#"{"enterprise_id":"E1","monitor_id":"m1","started_at":5}"#;
        send(post(shifts, json, mistyped))
            .await
            .invalid(&["started_at"]);
        let deep = "[".repeat(100_000);
        send(post(shifts, json, &deep))
            .await
            .problem(422, "invalid");
        let charset = Some("Application/JSON; charset=utf-8");
        send(post(shifts, charset, "{}"))
            .await
            .invalid(&["enterprise_id"]);
        let large = format!(r#"{{"note":"{}"}}"#, "x".repeat(300_000));
        send(post(shifts, json, &large))
            .await
            .problem(413, "body_too_large");

        for path in [shifts, "/api/v1/fixes"] {
            let mut packed = post(path, json, "{}");
            let gzip = "gzip".parse().unwrap();
            packed.headers_mut().insert("content-encoding", gzip);
            let refused = send(packed).await;
            refused.problem(415, "unsupported_encoding");
            assert_eq!(refused.headers["accept-encoding"], "identity");
        }

        let world = world.with(|state| {
            state.limits.fixes_bytes_max = 2000;
            state.limits.json_bytes_max = 1000;
        });
        let long = "x".repeat(2001);
        let answer = world.send(post("/api/v1/fixes", None, &long)).await;
        answer.problem(413, "body_too_large");
        let long = "x".repeat(1001);
        let answer = world.send(post(shifts, json, &long)).await;
        answer.problem(413, "body_too_large");
    });
}

#[test]
fn a_panic_is_a_500_that_says_nothing() {
    #[derive(Debug)]
    struct Panics;
    impl roadwarden::api::Readiness for Panics {
        fn obstacles(&self) -> Vec<roadwarden::api::Obstacle> {
            panic!("a secret");
        }
    }
    check(|world| async {
        let world = world.with(|state| state.readiness = std::sync::Arc::new(Panics));
        let answer = world.get("/readyz").await;
        let problem = answer.problem(500, "internal");
        assert!(!problem.to_string().contains("secret"));
        world.get("/healthz").await.ok();
    });
}
