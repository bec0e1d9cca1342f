//! Who may ask what.

use axum::body::Body;
use axum::http::{Request, header};
use roadwarden::api::Access;

use super::support::{CONTROL, check, from_address};

const OPEN: [&str; 3] = ["/healthz", "/readyz", "/api/v1/openapi.json"];

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn with_token(mut request: Request<Body>, token: &str) -> Request<Body> {
    let value = format!("Bearer {token}").parse().unwrap();
    request.headers_mut().insert(header::AUTHORIZATION, value);
    request
}

fn fixes() -> Request<Body> {
    Request::post("/api/v1/fixes")
        .body(Body::from("{}\n"))
        .unwrap()
}

#[test]
fn without_accounts_only_health_is_answered() {
    check(|world| async {
        let world = world.with(|state| state.access = Access::HealthOnly);
        for path in OPEN {
            assert!(world.get(path).await.status.is_success(), "{path}");
        }
        for path in ["/metrics", "/api/v1/duty/failing", "/api/v1/stream"] {
            let answer = world.get(path).await;
            answer.problem(401, "unauthorized");
            assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
        }
        world.send(fixes()).await.problem(401, "unauthorized");
        world
            .get("/api/v1/nothing")
            .await
            .problem(404, "unknown_path");
    });
}

#[test]
fn the_control_token_opens_fixes_and_metrics_and_nothing_else() {
    check(|world| async {
        let world = world.with(|state| state.access = Access::HealthOnly);
        world.send(with_token(fixes(), CONTROL)).await.ok();
        let metrics = world.send(with_token(get("/metrics"), CONTROL)).await;
        metrics.problem(503, "unavailable");
        for request in [
            with_token(fixes(), "guess"),
            with_token(fixes(), ""),
            with_token(get("/api/v1/duty/failing"), CONTROL),
        ] {
            world.send(request).await.problem(401, "unauthorized");
        }
    });
}

#[test]
fn dev_open_and_metrics_hold_for_this_machine_alone() {
    check(|world| async {
        let failing = || get("/api/v1/duty/failing");
        let here = world.send(from_address(failing(), "127.0.0.1:5")).await;
        here.ok();
        world.send(from_address(failing(), "[::1]:5")).await.ok();
        let there = from_address(failing(), "192.0.2.7:5");
        world.send(there).await.problem(401, "unauthorized");

        let closed = world.with(|state| state.access = Access::HealthOnly);
        let here = closed
            .send(from_address(get("/metrics"), "127.0.0.1:5"))
            .await;
        here.problem(503, "unavailable");
        let there = closed
            .send(from_address(get("/metrics"), "192.0.2.7:5"))
            .await;
        there.problem(401, "unauthorized");
    });
}
