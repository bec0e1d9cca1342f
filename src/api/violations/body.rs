//! The JSON of a violation, with what the closed loop says about it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::moment::Moment;
use crate::model::{LocalZone, Timestamp};
use crate::store::{AppealStatus, HandlingResult, StoredViolation};
use crate::view::{ViolationHistory, ViolationOwner, ViolationView};

/// A violation.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ViolationBody {
    #[serde(flatten)]
    violation: ViolationView,
    /// When the driver was first reminded.
    #[schema(required)]
    reminded_at: Option<Moment>,
    /// When a completed handling was first recorded.
    #[schema(required)]
    handled_at: Option<Moment>,
    /// Result of the last handling.
    #[schema(required)]
    handling_result: Option<&'static str>,
    /// A second person approved that it was a false alarm, by a claim or an appeal: it does not count.
    false_alarm_approved: bool,
    /// When it was appealed against last.
    #[schema(required)]
    appealed_at: Option<Moment>,
    /// Where that appeal stands: `waiting`, `approved` or `rejected`.
    #[schema(required)]
    appeal_status: Option<&'static str>,
}

/// A stored violation as JSON.
pub(in crate::api) fn violation_body(stored: &StoredViolation, zone: LocalZone) -> ViolationBody {
    let owner = ViolationOwner {
        plate: &stored.plate,
        enterprise_id: &stored.enterprise_id,
        driver: stored.driver_licence.as_deref(),
    };
    let history = ViolationHistory {
        id: Some(&stored.id),
        revision: stored.revision,
        withdrawn: stored.withdrawn,
        revised_at: stored.revised_at,
        reason: stored.revision_reason.as_deref(),
    };
    let at = |time: Timestamp| Moment::new(time, zone);
    ViolationBody {
        violation: ViolationView::new(&stored.violation, owner, history, &zone),
        reminded_at: stored.reminded_at.map(at),
        handled_at: stored.handled_at.map(at),
        handling_result: stored.handling_result.map(HandlingResult::name),
        false_alarm_approved: stored.false_alarm_approved,
        appealed_at: stored.appealed_at.map(at),
        appeal_status: stored.appeal_status.map(AppealStatus::name),
    }
}

/// A stored violation as one line of JSON, as the API gives it.
///
/// # Errors
/// None for any violation; the serializer's own.
pub fn violation_json(stored: &StoredViolation, zone: LocalZone) -> serde_json::Result<String> {
    serde_json::to_string(&violation_body(stored, zone))
}
