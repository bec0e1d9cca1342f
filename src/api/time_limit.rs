//! The longest time for one request: whoever would wait longer is told 503 and may ask again.
//!
//! A database that hangs answers nothing at all, not even with an error: without a bound its callers would hang
//! with it, and what they hold (connections, memory) would pile up.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::error::ApiError;

/// What `work` comes to, or 503 after `longest`; the work is dropped then.
pub(super) async fn within<T>(
    longest: Duration,
    work: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    tokio::time::timeout(longest, work)
        .await
        .unwrap_or(Err(ApiError::Unavailable("the answer took too long")))
}

/// Bounds the time up to the head of an answer, the reading of the request's body included. Bodies that are
/// made piece by piece bound each piece by themselves.
pub(super) async fn limit(
    State(longest): State<Duration>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    within(longest, async { Ok(next.run(request).await) }).await
}
