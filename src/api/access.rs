//! Who may ask what, until accounts exist.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::error::ApiError;
use super::state::{Access, Shared, is_local};

/// What an endpoint asks of whoever calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// Nothing: health and the description of the API.
    Open,
    /// The machine itself, or the control token: metrics.
    Local,
    /// `--dev-open`, or the control token: taking fixes in.
    Control,
    /// `--dev-open`: everything else.
    Signed,
}

/// Lets a request through its endpoint's gate or answers 401.
///
/// `--dev-open` holds for this machine alone: should the listener be reachable from outside,
/// requests from there are refused all the same.
pub(super) async fn guard(
    State((context, gate)): State<(Shared, Gate)>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if allows(&context, gate, &request) {
        Ok(next.run(request).await)
    } else {
        Err(ApiError::Unauthorized)
    }
}

fn allows(context: &Shared, gate: Gate, request: &Request) -> bool {
    let local = is_local(request);
    let open = context.access == Access::DevOpen && local != Some(false);
    let control = || context.has_control(request.headers());
    match gate {
        Gate::Open => true,
        Gate::Local => open || local == Some(true) || control(),
        Gate::Control => open || control(),
        Gate::Signed => open,
    }
}

/// The state of [`guard`] for one endpoint.
pub(super) fn at(context: &Shared, gate: Gate) -> (Shared, Gate) {
    (Arc::clone(context), gate)
}
