//! The document that describes the API.

use serde_json::Value;

use super::support::check;

/// Every route, as the document must list them. Written by hand: a change here is a change of
/// what other systems rely on.
const ROUTES: &str = "
get /api/v1/drivers/{licence}/hours
get /api/v1/duty/failing
get /api/v1/enterprises
get /api/v1/enterprises/{id}
get /api/v1/enterprises/{id}/duty
post /api/v1/fixes
get /api/v1/inquiries
post /api/v1/inquiries
post /api/v1/inquiries/{id}/answers
get /api/v1/openapi.json
get /api/v1/positions
get /api/v1/quarantine
get /api/v1/shifts
post /api/v1/shifts
patch /api/v1/shifts/{id}
get /api/v1/stream
get /api/v1/terminals
get /api/v1/vehicles
get /api/v1/vehicles/{plate}/{color}
get /api/v1/vehicles/{plate}/{color}/track
get /api/v1/violations
get /api/v1/violations/{id}
post /api/v1/violations/{id}/appeals
get /api/v1/violations/{id}/evidence
post /api/v1/violations/{id}/handlings
post /api/v1/violations/{id}/reminders
post /api/v1/violations/{id}/reviews
get /api/v1/violations/{id}/revisions
get /healthz
get /metrics
get /readyz
";

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "post", "patch"] {
            if let Some(operation) = item.get(method) {
                found.push((method.to_owned(), path.clone(), operation.clone()));
            }
        }
    }
    found.sort_by(|a, b| (&a.1, &a.0).cmp(&(&b.1, &b.0)));
    found
}

#[test]
fn every_route_is_described() {
    check(|world| async move {
        let document = world.get("/api/v1/openapi.json").await.ok();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let listed: Vec<String> = operations(&document)
            .iter()
            .map(|(method, path, _)| format!("{method} {path}"))
            .collect();
        let expected: Vec<&str> = ROUTES.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(listed, expected);
        for (method, path, operation) in operations(&document) {
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(operation["operationId"].is_string(), "{method} {path}");
            assert!(operation["responses"]["503"].is_object(), "{method} {path}");
            let body = operation.get("requestBody").is_some();
            assert_eq!(body, method != "get", "{method} {path}");
        }
    });
}

#[test]
fn every_described_route_is_served_and_takes_no_other_method() {
    check(|world| async move {
        let document = world.get("/api/v1/openapi.json").await.ok();
        for (_, path, _) in operations(&document) {
            let real = path.replace("{color}", "yellow").replace(['{', '}'], "x");
            let request = axum::http::Request::delete(real.as_str());
            let answer = world
                .send(request.body(axum::body::Body::empty()).unwrap())
                .await;
            answer.problem(405, "method_not_allowed");
        }
    });
}

#[test]
fn every_reference_leads_somewhere() {
    check(|world| async move {
        let document = world.get("/api/v1/openapi.json").await.ok();
        let mut wrong = Vec::new();
        follow(&document, &document, &mut wrong);
        assert!(wrong.is_empty(), "{wrong:?}");
    });
}

fn follow(document: &Value, value: &Value, wrong: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                let pointer = reference.trim_start_matches('#');
                if document.pointer(pointer).is_none() {
                    wrong.push(reference.to_owned());
                }
            }
            for field in fields.values() {
                follow(document, field, wrong);
            }
        }
        Value::Array(items) => {
            for item in items {
                follow(document, item, wrong);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
