//! The register of enterprises.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::ApiError;
use super::extract::{Params, Segments};
use super::moment::{Moment, Name};
use super::page::{List, PageParams};
use super::state::Shared;
use crate::model::fleet::EnterpriseKind;
use crate::model::{LocalZone, Region};
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
    /// `wgs84`, `gcj02` or `bd09`: in which its vehicles give their places, where they do not say themselves.
    datum: &'static str,
    /// Vehicles whose places lie on the roads only when they are taken for another datum than declared.
    datum_suspects: Vec<DatumSuspectsBody>,
}

/// Vehicles of one enterprise whose places look as if they were of one datum, which is not the declared one.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DatumSuspectsBody {
    /// `wgs84`, `gcj02` or `bd09`: the one to declare.
    datum: &'static str,
    /// How many they are.
    vehicles: u32,
    /// Fix time at which the first of them was found.
    since: Moment,
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
    let zone = context.zone();
    Ok(Json(List::of(listed, |row| body(row, zone))))
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
    Ok(Json(body(row, context.zone())))
}

fn body(row: EnterpriseRow, zone: LocalZone) -> EnterpriseBody {
    let enterprise = row.enterprise;
    EnterpriseBody {
        id: enterprise.id,
        name: enterprise.name,
        credit_code: Some(enterprise.credit_code).filter(|code| !code.is_empty()),
        region: enterprise.region.to_string(),
        kind: enterprise.kind.name(),
        vehicles: row.vehicles,
        monitors: row.monitors,
        datum: enterprise.datum.unwrap_or_default().name(),
        datum_suspects: row
            .datum_suspects
            .into_iter()
            .map(|suspects| DatumSuspectsBody {
                datum: suspects.datum.name(),
                vehicles: suspects.vehicles,
                since: Moment::new(suspects.since, zone),
            })
            .collect(),
    }
}
