//! Reminding and handling.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{find, missing};
use crate::api::error::ApiError;
use crate::api::extract::{JsonBody, Segments};
use crate::api::ids::new_id;
use crate::api::moment::{GivenMoment, Moment, Name};
use crate::api::state::{Shared, TextOutcome};
use crate::api::text::Check;
use crate::model::{LocalZone, Plate, Span};
use crate::store::{Handling, HandlingResult, Refusal, Reminder, ReminderChannel, StoreError};

/// Who is taken to have recorded what nobody has signed: accounts do not exist yet.
pub(super) const UNNAMED_ENTERPRISE: &str = "enterprise";

/// A new reminder.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::api) struct NewReminder {
    /// `terminal_voice` has it spoken in the cab now; `phone` and `other` record what was done.
    #[schema(value_type = String)]
    channel: Name<ReminderChannel>,
    text: String,
    /// When; now unless given. A voice text is always sent now.
    sent_at: Option<GivenMoment>,
}

/// A new handling.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::api) struct NewHandling {
    /// `educated`, `penalised`, `suspended`, `dismissed` or `false_alarm`.
    #[schema(value_type = String)]
    result: Name<HandlingResult>,
    note: Option<String>,
    /// Reference to a document.
    evidence: Option<String>,
    /// Who records it, while there are no accounts.
    by: Option<String>,
}

/// A reminder.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ReminderBody {
    id: String,
    violation_id: String,
    channel: &'static str,
    text: String,
    sent_at: Moment,
    /// Whether the terminal answered that it has done it.
    acknowledged: bool,
    /// When the terminal answered.
    acknowledged_at: Option<Moment>,
    /// Its answer: 0 done, 1 failed, 2 message wrong, 3 not supported.
    result: Option<u8>,
}

/// A handling.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct HandlingBody {
    id: String,
    violation_id: String,
    result: &'static str,
    note: String,
    evidence: Option<String>,
    by: String,
    at: Moment,
}

/// How far a company's clock may be ahead of ours.
const CLOCK_SLACK: Span = Span::from_minutes(5);

/// `POST /violations/{id}/reminders`
pub(in crate::api) async fn remind(
    State(context): State<Shared>,
    Segments(id): Segments<String>,
    JsonBody(new): JsonBody<NewReminder>,
) -> Result<(StatusCode, Json<ReminderBody>), ApiError> {
    let channel = new.channel.0;
    let chars_max = match channel {
        ReminderChannel::TerminalVoice => context.limits.voice_chars_max,
        ReminderChannel::Phone | ReminderChannel::Other => context.limits.text_chars_max,
    };
    let mut check = Check::default();
    check.required("text", &new.text, chars_max);
    check.done()?;
    let stored = find(&context, &id).await?;
    if stored.withdrawn {
        // Before anything is spoken in the cab.
        return Err(StoreError::from(Refusal::Withdrawn).into());
    }
    let now = context.clock.now();
    if let Some(sent_at) = new.sent_at {
        // The company reports its own reminders: one before the violation, or still to come, is none.
        let mut check = Check::default();
        check.holds(
            stored.violation.started_at <= sent_at.0 && sent_at.0 <= now + CLOCK_SLACK,
            "sent_at",
            "must lie between the beginning of the violation and now",
        );
        check.done()?;
    }
    let mut reminder = Reminder {
        id: new_id(&context.clock),
        violation_id: id,
        channel,
        text: new.text,
        sent_at: new.sent_at.map_or(now, |given| given.0),
        acknowledged_at: None,
        result: None,
    };
    if channel == ReminderChannel::TerminalVoice {
        reminder.sent_at = now;
        match speak(&context, &stored.plate, &reminder.text).await? {
            TextOutcome::NotConnected => return Err(not_connected("the terminal has no session")),
            TextOutcome::NotAcknowledged => {}
            TextOutcome::Acknowledged { at, result } => {
                (reminder.acknowledged_at, reminder.result) = (Some(at), Some(result));
            }
        }
    }
    context
        .store
        .insert_reminder(&reminder)
        .await
        .map_err(missing)?;
    context.wake().await;
    let body = reminder_body(reminder, context.zone());
    Ok((StatusCode::CREATED, Json(body)))
}

/// Has a text spoken in the vehicle.
async fn speak(context: &Shared, plate: &Plate, text: &str) -> Result<TextOutcome, ApiError> {
    let row = context.store.vehicle(plate).await?;
    let terminal = row
        .vehicle
        .entry
        .terminal
        .ok_or_else(|| not_connected("the vehicle has no terminal"))?;
    Ok(context.terminals.send_text(terminal, text.to_owned()).await)
}

fn not_connected(detail: &str) -> ApiError {
    ApiError::Conflict {
        code: "terminal_not_connected",
        detail: detail.to_owned(),
    }
}

/// `POST /violations/{id}/handlings`
pub(in crate::api) async fn handle(
    State(context): State<Shared>,
    Segments(id): Segments<String>,
    JsonBody(new): JsonBody<NewHandling>,
) -> Result<(StatusCode, Json<HandlingBody>), ApiError> {
    let chars_max = context.limits.text_chars_max;
    let note = new.note.unwrap_or_default();
    let author = new.by.unwrap_or_else(|| UNNAMED_ENTERPRISE.to_owned());
    let mut check = Check::default();
    check.bounded("note", &note, chars_max);
    check.bounded(
        "evidence",
        new.evidence.as_deref().unwrap_or_default(),
        chars_max,
    );
    check.required("by", &author, chars_max);
    check.done()?;
    let handling = Handling {
        id: new_id(&context.clock),
        violation_id: id,
        result: new.result.0,
        note,
        evidence: new.evidence,
        author,
        at: context.clock.now(),
    };
    context
        .store
        .insert_handling(&handling)
        .await
        .map_err(missing)?;
    context.wake().await;
    let body = handling_body(handling, context.zone());
    Ok((StatusCode::CREATED, Json(body)))
}

pub(super) fn reminders(reminders: Vec<Reminder>, zone: LocalZone) -> Vec<ReminderBody> {
    let bodies = reminders.into_iter();
    bodies
        .map(|reminder| reminder_body(reminder, zone))
        .collect()
}

pub(super) fn handlings(handlings: Vec<Handling>, zone: LocalZone) -> Vec<HandlingBody> {
    let bodies = handlings.into_iter();
    bodies
        .map(|handling| handling_body(handling, zone))
        .collect()
}

fn reminder_body(reminder: Reminder, zone: LocalZone) -> ReminderBody {
    ReminderBody {
        id: reminder.id,
        violation_id: reminder.violation_id,
        channel: reminder.channel.name(),
        text: reminder.text,
        sent_at: Moment::new(reminder.sent_at, zone),
        acknowledged: reminder.result == Some(0),
        acknowledged_at: reminder.acknowledged_at.map(|at| Moment::new(at, zone)),
        result: reminder.result,
    }
}

fn handling_body(handling: Handling, zone: LocalZone) -> HandlingBody {
    HandlingBody {
        id: handling.id,
        violation_id: handling.violation_id,
        result: handling.result.name(),
        note: handling.note,
        evidence: handling.evidence,
        by: handling.author,
        at: Moment::new(handling.at, zone),
    }
}
