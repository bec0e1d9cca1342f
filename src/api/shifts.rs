//! Monitors on and off duty.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::{ApiError, FieldError};
use super::extract::{JsonBody, Params, Segments};
use super::ids::new_id;
use super::moment::{GivenMoment, Moment};
use super::page::{List, PageParams};
use super::state::Shared;
use super::text::Check;
use crate::model::duty::Shift;
use crate::model::{LocalZone, Timestamp};
use crate::store::{ShiftFilter, ShiftPatch, StoreError};

/// A shift.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShiftBody {
    id: String,
    enterprise_id: String,
    monitor_id: String,
    started_at: Moment,
    /// Null while it runs.
    ended_at: Option<Moment>,
    /// Handover note.
    note: Option<String>,
}

/// A new shift.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NewShift {
    enterprise_id: String,
    monitor_id: String,
    started_at: GivenMoment,
    /// Null or missing for a shift that runs.
    ended_at: Option<GivenMoment>,
    note: Option<String>,
}

/// A change of a shift; what is missing or null stays.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ShiftChange {
    ended_at: Option<GivenMoment>,
    /// Handover note.
    note: Option<String>,
}

/// Query of `/shifts`.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct ShiftParams {
    /// Of this enterprise.
    enterprise: Option<String>,
    /// Of this monitor.
    monitor: Option<String>,
    /// Ended after, or running.
    #[param(value_type = Option<GivenMoment>)]
    from: Option<GivenMoment>,
    /// Started before.
    #[param(value_type = Option<GivenMoment>)]
    to: Option<GivenMoment>,
}

/// `POST /shifts`
pub(super) async fn create(
    State(context): State<Shared>,
    JsonBody(new): JsonBody<NewShift>,
) -> Result<(StatusCode, Json<ShiftBody>), ApiError> {
    let ended_at = new.ended_at.map(|given| given.0);
    let mut check = Check::default();
    check.required(
        "enterprise_id",
        &new.enterprise_id,
        context.limits.text_chars_max,
    );
    check.required("monitor_id", &new.monitor_id, context.limits.text_chars_max);
    check_end(&mut check, new.started_at.0, ended_at);
    check_note(&mut check, new.note.as_deref(), &context);
    check.done()?;
    let shift = Shift {
        id: new_id(&context.clock),
        enterprise_id: new.enterprise_id,
        monitor_id: new.monitor_id,
        started_at: new.started_at.0,
        ended_at,
        note: new.note,
    };
    context
        .store
        .insert_shift(&shift, context.clock.now())
        .await
        .map_err(|error| match error {
            StoreError::NotFound => {
                FieldError::new("monitor_id", "the enterprise has no such monitor").into()
            }
            other => overlap(other),
        })?;
    context.wake().await;
    Ok((StatusCode::CREATED, Json(body(shift, context.zone()))))
}

/// `PATCH /shifts/{id}`
pub(super) async fn change(
    State(context): State<Shared>,
    Segments(id): Segments<String>,
    JsonBody(change): JsonBody<ShiftChange>,
) -> Result<Json<ShiftBody>, ApiError> {
    let mut check = Check::default();
    check_note(&mut check, change.note.as_deref(), &context);
    check.done()?;
    let patch = ShiftPatch {
        ended_at: change.ended_at.map(|given| given.0),
        note: change.note,
    };
    let shift = context
        .store
        .patch_shift(&id, &patch, context.clock.now())
        .await
        .map_err(|error| match error {
            StoreError::NotFound => ApiError::NotFound("shift"),
            other => overlap(other),
        })?;
    context.wake().await;
    Ok(Json(body(shift, context.zone())))
}

/// `GET /shifts`
pub(super) async fn list(
    State(context): State<Shared>,
    Params(params): Params<ShiftParams>,
    Params(page): Params<PageParams>,
) -> Result<Json<List<ShiftBody>>, ApiError> {
    let filter = ShiftFilter {
        enterprise_id: params.enterprise,
        monitor_id: params.monitor,
        from: params.from.map(|given| given.0),
        to: params.to.map(|given| given.0),
    };
    let listed = context
        .store
        .list_shifts(&filter, &page.page(&context.limits)?)
        .await?;
    let zone = context.zone();
    Ok(Json(List::of(listed, |shift| body(shift, zone))))
}

fn check_end(check: &mut Check, started_at: Timestamp, ended_at: Option<Timestamp>) {
    check.holds(
        ended_at.is_none_or(|end| end > started_at),
        "ended_at",
        "must be after started_at",
    );
}

fn check_note(check: &mut Check, note: Option<&str>, context: &Shared) {
    if let Some(note) = note {
        check.bounded("note", note, context.limits.text_chars_max);
    }
}

fn overlap(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict { what } => ApiError::Conflict {
            code: "shift_conflict",
            detail: what,
        },
        other => other.into(),
    }
}

fn body(shift: Shift, zone: LocalZone) -> ShiftBody {
    ShiftBody {
        id: shift.id,
        enterprise_id: shift.enterprise_id,
        monitor_id: shift.monitor_id,
        started_at: Moment::new(shift.started_at, zone),
        ended_at: shift.ended_at.map(|time| Moment::new(time, zone)),
        note: shift.note,
    }
}
