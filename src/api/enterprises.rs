//! The register of enterprises.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::ApiError;
use super::extract::{Params, Segments};
use super::moment::Name;
use super::page::{List, PageParams};
use super::state::Shared;
use crate::model::Region;
use crate::model::fleet::EnterpriseKind;
use crate::store::{EnterpriseFilter, EnterpriseRow, StoreError};

/// An enterprise.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EnterpriseBody {
    id: String,
    name: String,
    /// Unified social credit code; null where the register has none.
    credit_code: Option<String>,
    /// Six-digit division code.
    region: String,
    /// `passenger`, `tourist`, `hazmat`, `freight` or `mixed`.
    kind: &'static str,
    /// Vehicles in the register.
    vehicles: u32,
    /// Monitors in the register, trained or not.
    monitors: u32,
}

/// Query of `/enterprises`.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct EnterpriseParams {
    /// In this region.
    #[param(value_type = Option<String>)]
    region: Option<Name<Region>>,
    /// Of this kind.
    #[param(value_type = Option<String>)]
    kind: Option<Name<EnterpriseKind>>,
}

/// `GET /enterprises`
pub(super) async fn list(
    State(context): State<Shared>,
    Params(params): Params<EnterpriseParams>,
    Params(page): Params<PageParams>,
) -> Result<Json<List<EnterpriseBody>>, ApiError> {
    let filter = EnterpriseFilter {
        region: params.region.map(|name| name.0),
        kind: params.kind.map(|name| name.0),
    };
    let listed = context
        .store
        .list_enterprises(&filter, &page.page(&context.limits)?)
        .await?;
    Ok(Json(List::of(listed, body)))
}

/// `GET /enterprises/{id}`
pub(super) async fn one(
    State(context): State<Shared>,
    Segments(id): Segments<String>,
) -> Result<Json<EnterpriseBody>, ApiError> {
    let row = context
        .store
        .enterprise(&id)
        .await
        .map_err(|error| match error {
            StoreError::NotFound => ApiError::NotFound("enterprise"),
            other => other.into(),
        })?;
    Ok(Json(body(row)))
}

fn body(row: EnterpriseRow) -> EnterpriseBody {
    let enterprise = row.enterprise;
    EnterpriseBody {
        id: enterprise.id,
        name: enterprise.name,
        credit_code: Some(enterprise.credit_code).filter(|code| !code.is_empty()),
        region: enterprise.region.to_string(),
        kind: enterprise.kind.name(),
        vehicles: row.vehicles,
        monitors: row.monitors,
    }
}
