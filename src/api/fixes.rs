//! Taking fixes in over HTTP.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::ApiError;
use super::extract::{NdjsonBody, Params};
use super::moment::Name;
use super::state::{RejectedLine, Shared, SinkError};
use crate::model::Datum;

/// What became of a body of fixes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FixesBody {
    /// Fixes that are now durable and were not before.
    stored: u64,
    /// Fixes that were already stored.
    duplicates: u64,
    /// Lines that were not taken.
    rejected: Vec<RejectedBody>,
    /// Violations found or changed by these fixes; null where they are judged after the answer.
    violations: Option<u64>,
}

/// A line that was not taken.
#[derive(Debug, Serialize, ToSchema)]
struct RejectedBody {
    /// Its number; the first line is 1.
    line: u64,
    /// Stable reason.
    code: String,
    message: String,
}

/// Query of `POST /fixes`.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct FixesParams {
    /// `wgs84`, `gcj02` or `bd09`: datum of the places, over what the register declares for the vehicles. A
    /// line with a field `datum` keeps its own.
    #[param(value_type = Option<String>)]
    datum: Option<Name<Datum>>,
}

/// `POST /fixes`
pub(super) async fn submit(
    State(context): State<Shared>,
    Params(params): Params<FixesParams>,
    NdjsonBody(body): NdjsonBody,
) -> Result<Json<FixesBody>, ApiError> {
    let taken = context
        .sink
        .submit(body, params.datum.map(|name| name.0))
        .await
        .map_err(|error| match error {
            SinkError::Busy => ApiError::TooMany("the journal is behind: try again"),
            SinkError::Draining => ApiError::Unavailable("the server is draining"),
            SinkError::Unavailable => ApiError::Unavailable("the journal cannot be written"),
        })?;
    Ok(Json(FixesBody {
        stored: taken.stored,
        duplicates: taken.duplicates,
        rejected: taken.rejected.into_iter().map(rejected).collect(),
        violations: taken.violations,
    }))
}

fn rejected(line: RejectedLine) -> RejectedBody {
    RejectedBody {
        line: line.line,
        code: line.code,
        message: line.message,
    }
}
