//! Whether the server lives, whether it can do its work, and its metrics.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ApiError;
use super::state::{Obstacle, Shared};

/// Answer of `/healthz`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// Always `ok`: whoever reads it was answered.
    status: &'static str,
    /// Version of the program.
    version: &'static str,
}

/// `GET /healthz`
pub(super) async fn alive() -> Json<Health> {
    Json(Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// Answer of `/readyz`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ready {
    /// Whether everything works.
    ready: bool,
    /// Codes of what does not: `starting`, `draining`, `store_down`, `ingest_not_acknowledging`.
    reasons: Vec<&'static str>,
}

/// `GET /readyz`
pub(super) async fn ready(State(context): State<Shared>) -> Response {
    let mut obstacles = context.readiness.obstacles();
    if !store_answers(&context).await && !obstacles.contains(&Obstacle::Store) {
        obstacles.push(Obstacle::Store);
    }
    let ready = obstacles.is_empty();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = Ready {
        ready,
        reasons: obstacles.into_iter().map(Obstacle::code).collect(),
    };
    (status, Json(body)).into_response()
}

/// Whether the store can be used, said within a bound: one that hangs says nothing.
async fn store_answers(context: &Shared) -> bool {
    let longest = context.limits.ready_max;
    match tokio::time::timeout(longest, context.store.check()).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the store is not ready"
            );
            false
        }
        Err(_elapsed) => {
            tracing::warn!(?longest, "the store is not ready: it does not answer");
            false
        }
    }
}

/// `GET /metrics`
pub(super) async fn metrics(State(context): State<Shared>) -> Result<Response, ApiError> {
    let handle = context
        .metrics
        .as_ref()
        .ok_or(ApiError::Unavailable("no metrics are recorded"))?;
    let content_type = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    Ok((content_type, handle.render()).into_response())
}

/// `GET /api/v1/openapi.json`
pub(super) async fn document(State(context): State<Shared>) -> Response {
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    (content_type, context.document.clone()).into_response()
}
