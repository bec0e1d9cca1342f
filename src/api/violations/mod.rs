//! Violations and what was done about them.

mod body;
mod claims;
mod closed_loop;
mod feed;
mod proof;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

pub use body::violation_json;
pub(super) use body::{ViolationBody, violation_body};
pub(super) use claims::{AppealBody, NewAppeal, NewReview, ReviewBody, appeal, review};
pub(super) use closed_loop::{
    HandlingBody, NewHandling, NewReminder, ReminderBody, handle, remind,
};

pub(super) use proof::{EvidenceParams, ProofBody, RevisionBody, evidence, revisions};

use super::error::ApiError;
use super::extract::{Params, Segments};
use super::moment::{GivenMoment, Name};
use super::page::{List, PageParams, SeekKey};
use super::state::Shared;
use crate::model::{Region, Severity, Timestamp, ViolationKind};
use crate::store::{
    AppealStatus, StoreError, StoredViolation, ViolationCursor, ViolationFilter, ViolationStatus,
};

/// Query of `/violations`.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct ViolationParams {
    /// Started at or after.
    #[param(value_type = Option<GivenMoment>)]
    from: Option<GivenMoment>,
    /// Started before.
    #[param(value_type = Option<GivenMoment>)]
    to: Option<GivenMoment>,
    /// Of enterprises in this region.
    #[param(value_type = Option<String>)]
    region: Option<Name<Region>>,
    /// Of this enterprise.
    enterprise: Option<String>,
    /// Of vehicles with this plate, of any colour.
    plate: Option<String>,
    /// Of this kind.
    #[param(value_type = Option<String>)]
    kind: Option<Name<ViolationKind>>,
    /// `L1` to `L4`.
    #[param(value_type = Option<String>)]
    severity: Option<Name<Severity>>,
    /// `open`, `closed` or `withdrawn`.
    #[param(value_type = Option<String>)]
    status: Option<Name<ViolationStatus>>,
    /// With or without a completed handling.
    handled: Option<bool>,
    /// Whose last appeal stands so: `waiting`, `approved` or `rejected`.
    #[param(value_type = Option<String>)]
    appeal: Option<Name<AppealStatus>>,
    /// The change feed: every creation and revision, and what was done about it, after this cursor, in order. Empty or `0` for
    /// the beginning; then always the last `next`, which is never null here.
    changed_since: Option<String>,
}

impl SeekKey for ViolationCursor {
    fn parts(&self) -> Vec<String> {
        vec![self.started_at.millis().to_string(), self.id.clone()]
    }
    fn from_parts(parts: &[String]) -> Option<Self> {
        match parts {
            [millis, id] => Some(Self {
                started_at: Timestamp::from_millis(millis.parse().ok()?),
                id: id.clone(),
            }),
            _ => None,
        }
    }
}

/// `GET /violations`
pub(super) async fn list(
    State(context): State<Shared>,
    Params(params): Params<ViolationParams>,
    Params(page): Params<PageParams>,
) -> Result<Json<List<ViolationBody>>, ApiError> {
    let filter = ViolationFilter {
        from: params.from.map(|given| given.0),
        to: params.to.map(|given| given.0),
        region: params.region.map(|name| name.0),
        enterprise_id: params.enterprise,
        plate: params.plate,
        kind: params.kind.map(|name| name.0),
        severity: params.severity.map(|name| name.0),
        status: params.status.map(|name| name.0),
        handled: params.handled,
        appeal: params.appeal.map(|name| name.0),
    };
    if let Some(since) = params.changed_since {
        let limit = page.limit(&context.limits)?;
        return feed::changes(&context, &since, &filter, limit)
            .await
            .map(Json);
    }
    let listed = context
        .store
        .list_violations(&filter, &page.page(&context.limits)?)
        .await?;
    let zone = context.zone();
    Ok(Json(List::of(listed, |stored| {
        violation_body(&stored, zone)
    })))
}

/// A violation with what was done about it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ViolationDetail {
    #[serde(flatten)]
    violation: ViolationBody,
    reminders: Vec<ReminderBody>,
    handlings: Vec<HandlingBody>,
    appeals: Vec<AppealBody>,
    reviews: Vec<ReviewBody>,
}

/// `GET /violations/{id}`
pub(super) async fn one(
    State(context): State<Shared>,
    Segments(id): Segments<String>,
) -> Result<Response, ApiError> {
    let stored = find(&context, &id).await?;
    let done = context.store.violation_loop(&id).await?;
    let zone = context.zone();
    let detail = ViolationDetail {
        violation: violation_body(&stored, zone),
        reminders: closed_loop::reminders(done.reminders, zone),
        handlings: closed_loop::handlings(done.handlings, zone),
        appeals: claims::appeals(done.appeals, zone),
        reviews: claims::reviews(done.reviews, zone),
    };
    Ok(Json(detail).into_response())
}

async fn find(context: &Shared, id: &str) -> Result<StoredViolation, ApiError> {
    context.store.violation(id).await.map_err(missing)
}

fn missing(error: StoreError) -> ApiError {
    match error {
        StoreError::NotFound => ApiError::NotFound("violation"),
        other => other.into(),
    }
}
