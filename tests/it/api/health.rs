//! Liveness, readiness, metrics.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::future::BoxFuture;
use metrics_exporter_prometheus::PrometheusBuilder;
use roadwarden::api::{FixSink, FixesAnswer, Obstacle, SinkError};
use roadwarden::model::Datum;
use serde_json::json;
use sqlx::{AnyConnection, Connection as _, Executor as _};

use super::support::check;

#[test]
fn a_server_is_ready_until_something_stands_against_it() {
    check(|world| async move {
        let ready = world.get("/readyz").await.ok();
        assert_eq!(ready, json!({"ready": true, "reasons": []}));
        *world.parts.obstacles.lock().unwrap() = vec![Obstacle::Draining, Obstacle::Ingest];
        let answer = world.get("/readyz").await;
        assert_eq!(answer.status, 503);
        let reasons = json!(["draining", "ingest_not_acknowledging"]);
        assert_eq!(answer.json()["reasons"], reasons);
        assert_eq!(world.get("/healthz").await.ok()["status"], "ok");
    });
}

#[test]
fn a_closed_store_is_told() {
    check(|world| async move {
        world.store.close().await;
        let answer = world.get("/readyz").await;
        assert_eq!(answer.status, 503);
        assert_eq!(answer.json()["reasons"], json!(["store_down"]));
        let list = world.get("/api/v1/enterprises").await;
        list.problem(503, "store_unavailable");
        assert!(list.headers.contains_key("retry-after"));
    });
}

#[test]
fn a_store_that_hangs_is_down_and_nobody_hangs_with_it() {
    check(|world| async {
        let world = world.with_fleet().await;
        let world = world.with(|state| state.limits.ready_max = Duration::from_millis(50));
        // Whoever writes waits for this lock: on PostgreSQL for ever, on SQLite for seconds.
        let mut other = AnyConnection::connect(&world.url).await.unwrap();
        let mut holding = other.begin().await.unwrap();
        let lock = "UPDATE counters SET value = value";
        holding.execute(lock).await.unwrap();
        for _ in 0..20 {
            let answer = world.get("/readyz").await;
            assert_eq!(answer.status, 503);
            assert_eq!(answer.json()["reasons"], json!(["store_down"]));
        }
        let world = world.with(|state| state.limits.request_max = Duration::from_millis(50));
        let shift = json!({"enterprise_id": "E1", "monitor_id": "m1", "started_at": "2026-11-21T08:00:00+08:00"});
        if world.url.starts_with("postgres") {
            holding
                .execute("LOCK TABLE shifts, enterprises IN ACCESS EXCLUSIVE MODE")
                .await
                .unwrap();
            for _ in 0..20 {
                let list = world.get("/api/v1/enterprises").await;
                list.problem(503, "unavailable");
            }
        }
        for _ in 0..20 {
            let answer = world.post("/api/v1/shifts", shift.clone()).await;
            answer.problem(503, "unavailable");
        }
        // Those who gave up have left nothing behind, neither an open transaction nor a lost connection.
        holding.rollback().await.unwrap();
        let world = world.with(|state| {
            state.limits.ready_max = Duration::from_mins(1);
            state.limits.request_max = Duration::from_mins(1);
        });
        world.get("/readyz").await.ok();
        world.get("/api/v1/enterprises").await.ok();
        world.post("/api/v1/shifts", shift).await.created();
    });
}

#[test]
fn a_part_that_never_answers_costs_its_request_only() {
    #[derive(Debug)]
    struct Hangs;
    impl FixSink for Hangs {
        fn submit(
            &self,
            _body: Bytes,
            _datum: Option<Datum>,
        ) -> BoxFuture<'_, Result<FixesAnswer, SinkError>> {
            Box::pin(std::future::pending())
        }
    }
    check(|world| async {
        let world = world.with(|state| {
            state.limits.request_max = Duration::from_millis(100);
            state.sink = Arc::new(Hangs);
        });
        let answer = world.post("/api/v1/fixes", json!({})).await;
        answer.problem(503, "unavailable");
        assert!(answer.headers.contains_key("retry-after"));
        world.get("/healthz").await.ok();
    });
}

#[test]
fn metrics_are_text_for_prometheus() {
    check(|world| async {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || metrics::counter!("fixes_total").increment(3));
        let world = world.with(|state| state.metrics = Some(handle));
        let answer = world.get("/metrics").await;
        assert!(answer.text().contains("fixes_total 3"), "{}", answer.text());
        assert!(answer.content_type().starts_with("text/plain"));
    });
}
