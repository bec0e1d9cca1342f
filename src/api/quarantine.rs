//! Frames and records that could not be read.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ApiError;
use super::extract::Params;
use super::moment::Moment;
use super::page::{List, PageParams};
use super::state::Shared;
use super::text::hex;
use crate::model::LocalZone;
use crate::store::QuarantineRow;

/// One of them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct QuarantineBody {
    id: i64,
    at: Moment,
    protocol: String,
    /// Stable reason.
    code: String,
    /// Who sent it: an address, or a file and line.
    peer: String,
    /// Its first bytes, in hex.
    hex: String,
    /// Its length before it was cut.
    bytes_total: u64,
}

/// `GET /quarantine`
pub(super) async fn list(
    State(context): State<Shared>,
    Params(page): Params<PageParams>,
) -> Result<Json<List<QuarantineBody>>, ApiError> {
    let zone = context.zone();
    let listed = context
        .store
        .list_quarantine(&page.page(&context.limits)?)
        .await?;
    Ok(Json(List::of(listed, |row| body(row, zone))))
}

fn body(row: QuarantineRow, zone: LocalZone) -> QuarantineBody {
    QuarantineBody {
        id: row.id,
        at: Moment::new(row.entry.at, zone),
        protocol: row.entry.protocol,
        code: row.entry.code,
        peer: row.entry.peer,
        hex: hex(&row.entry.bytes),
        bytes_total: row.bytes_total,
    }
}
