//! Liveness, readiness, metrics.

use metrics_exporter_prometheus::PrometheusBuilder;
use roadwarden::api::Obstacle;
use serde_json::json;

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
