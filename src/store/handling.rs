//! The closed loop of a violation: reminders and handlings. Appeals and reviews are in `claims`.

use serde_json::json;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::changes::{self, ChangeKind, NewChange};
use super::claims::{self, Appeal, AppealStatus, Claim, Review};
use super::engine::map_error;
use super::registry::each;
use super::rows::Columns as _;
use super::statement::Select;
use super::{Store, StoreError, violation_body, violations};
use crate::model::Timestamp;
use crate::model::vehicle::named_enum;

named_enum! {
    /// How a driver was reminded.
    ReminderChannel {
        /// Voice text to the terminal (0x8300).
        TerminalVoice = "terminal_voice",
        /// By telephone.
        Phone = "phone",
        /// Otherwise.
        Other = "other",
    }
}

named_enum! {
    /// What came of a violation.
    HandlingResult {
        /// The driver was educated.
        Educated = "educated",
        /// The driver was penalised.
        Penalised = "penalised",
        /// The driver was suspended.
        Suspended = "suspended",
        /// The driver was dismissed.
        Dismissed = "dismissed",
        /// It is said to be a false alarm; waits for a review and does not count as handled.
        FalseAlarm = "false_alarm",
    }
}

/// Why something cannot be done about a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It was taken back: nobody need be reminded, and nothing is left to handle or to contest.
    #[error("the violation was withdrawn: there is nothing left to do about it")]
    Withdrawn,
    /// It does not count any more.
    #[error("a second person has approved already that it was no violation")]
    Approved,
    /// One appeal at a time.
    #[error("an appeal waits for its review already")]
    AppealWaits,
    /// There is nothing to review.
    #[error("no claim of false alarm and no appeal waits for a review")]
    NothingWaits,
    /// It is not clear what is reviewed.
    #[error("a claim of false alarm and an appeal wait: say with of which one is reviewed")]
    TwoWait,
    /// Nobody reviews his own claim.
    #[error("another person than the one who claimed must decide")]
    OwnClaim,
}

impl Refusal {
    /// Stable name, for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Withdrawn => "violation_withdrawn",
            Self::Approved => "false_alarm_approved",
            Self::AppealWaits => "appeal_waits",
            Self::NothingWaits => "no_open_claim",
            Self::TwoWait => "two_claims_wait",
            Self::OwnClaim => "own_claim",
        }
    }
}

/// A reminder to a driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reminder {
    /// Identifier, given by the caller.
    pub id: String,
    /// What it is about.
    pub violation_id: String,
    /// How.
    pub channel: ReminderChannel,
    /// What was said.
    pub text: String,
    /// When.
    pub sent_at: Timestamp,
    /// When the terminal acknowledged, where it did.
    pub acknowledged_at: Option<Timestamp>,
    /// The terminal's result code, where it acknowledged.
    pub result: Option<u8>,
}

/// A record of how a violation was dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handling {
    /// Identifier, given by the caller.
    pub id: String,
    /// What it is about.
    pub violation_id: String,
    /// What came of it.
    pub result: HandlingResult,
    /// Note.
    pub note: String,
    /// Reference to a document.
    pub evidence: Option<String>,
    /// Who recorded it.
    pub author: String,
    /// When.
    pub at: Timestamp,
}

/// Everything that was done about a violation, each in the order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViolationLoop {
    /// Reminders.
    pub reminders: Vec<Reminder>,
    /// Handlings.
    pub handlings: Vec<Handling>,
    /// Appeals, and where each stands.
    pub appeals: Vec<(Appeal, AppealStatus)>,
    /// Reviews, and what each has decided.
    pub reviews: Vec<(Review, Claim)>,
}

/// What decides whether something may be done about a violation.
pub(super) struct Standing {
    pub(super) withdrawn: bool,
    pub(super) false_alarm_approved: bool,
    pub(super) appeal_status: Option<AppealStatus>,
}

/// Most records of each kind that are told of one violation.
pub(super) const RECORDS_MAX: i64 = 1000;

impl Store {
    /// Records a reminder.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown violation; [`StoreError::Refused`] for a withdrawn one.
    pub async fn insert_reminder(&self, reminder: &Reminder) -> Result<(), StoreError> {
        let mut transaction = self.database().begin_write().await?;
        in_force(&mut transaction, &reminder.violation_id).await?;
        sqlx::query(
            "UPDATE violations SET reminded_at = CASE
                WHEN reminded_at IS NULL OR reminded_at > $1 THEN $1 ELSE reminded_at END
             WHERE id = $2",
        )
        .bind(reminder.sent_at.millis())
        .bind(reminder.violation_id.as_str())
        .execute(&mut *transaction)
        .await
        .map_err(map_error)?;
        sqlx::query(
            "INSERT INTO violation_reminders (id, violation_id, channel, text, sent_at,
                                              acknowledged_at, result)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(reminder.id.as_str())
        .bind(reminder.violation_id.as_str())
        .bind(reminder.channel.name())
        .bind(reminder.text.as_str())
        .bind(reminder.sent_at.millis())
        .bind(reminder.acknowledged_at.map(Timestamp::millis))
        .bind(reminder.result.map(i64::from))
        .execute(&mut *transaction)
        .await
        .map_err(map_error)?;
        log_reminder(&mut transaction, reminder, reminder.sent_at).await?;
        transaction.commit().await.map_err(map_error)
    }

    /// Records that the terminal acknowledged a reminder, with its result code.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown reminder.
    pub async fn acknowledge_reminder(
        &self,
        id: &str,
        at: Timestamp,
        result: u8,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database().begin_write().await?;
        let rows = Select::new("UPDATE violation_reminders SET")
            .with("acknowledged_at = {},", at.millis())
            .with("result = {}", i64::from(result))
            .with("WHERE id = {}", id)
            .plain("RETURNING")
            .plain(REMINDER_COLUMNS)
            .fetch(&mut *transaction)
            .await?;
        let reminder = each(&rows, reminder)?.pop().ok_or(StoreError::NotFound)?;
        log_reminder(&mut transaction, &reminder, at).await?;
        transaction.commit().await.map_err(map_error)
    }

    /// Records a handling. Any result but a claim of false alarm makes the violation handled.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown violation; [`StoreError::Refused`] for a withdrawn one.
    pub async fn insert_handling(&self, handling: &Handling) -> Result<(), StoreError> {
        let completed = handling.result != HandlingResult::FalseAlarm;
        let mut transaction = self.database().begin_write().await?;
        in_force(&mut transaction, &handling.violation_id).await?;
        sqlx::query(
            "UPDATE violations SET handling_result = $1, handled_at = CASE
                WHEN $2 = 1 AND (handled_at IS NULL OR handled_at > $3) THEN $3
                ELSE handled_at END
             WHERE id = $4",
        )
        .bind(handling.result.name())
        .bind(i64::from(completed))
        .bind(handling.at.millis())
        .bind(handling.violation_id.as_str())
        .execute(&mut *transaction)
        .await
        .map_err(map_error)?;
        sqlx::query(
            "INSERT INTO violation_handlings (id, violation_id, result, note, evidence, author, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(handling.id.as_str())
        .bind(handling.violation_id.as_str())
        .bind(handling.result.name())
        .bind(handling.note.as_str())
        .bind(handling.evidence.as_deref())
        .bind(handling.author.as_str())
        .bind(handling.at.millis())
        .execute(&mut *transaction)
        .await
        .map_err(map_error)?;
        let body = json!({
            "type": "handling", "id": handling.id, "violation_id": handling.violation_id,
            "result": handling.result.name(), "note": handling.note,
            "evidence": handling.evidence, "author": handling.author, "at": handling.at.millis(),
        });
        log(&mut transaction, &handling.violation_id, handling.at, &body).await?;
        transaction.commit().await.map_err(map_error)
    }

    /// Everything that was done about a violation; empty for an unknown one.
    ///
    /// # Errors
    /// As the database says.
    pub async fn violation_loop(&self, violation_id: &str) -> Result<ViolationLoop, StoreError> {
        let mut transaction = self.database().begin_read().await?;
        let reminders = Select::new("SELECT")
            .plain(REMINDER_COLUMNS)
            .with(
                "FROM violation_reminders WHERE violation_id = {}",
                violation_id,
            )
            .with("ORDER BY sent_at, id LIMIT {}", RECORDS_MAX)
            .fetch(&mut *transaction)
            .await?;
        let handlings = Select::new(
            "SELECT id, violation_id, result, note, evidence, author, at FROM violation_handlings",
        )
        .with("WHERE violation_id = {}", violation_id)
        .with("ORDER BY at, id LIMIT {}", RECORDS_MAX)
        .fetch(&mut *transaction)
        .await?;
        Ok(ViolationLoop {
            reminders: each(&reminders, reminder)?,
            handlings: each(&handlings, handling)?,
            appeals: claims::appeals_of(&mut transaction, violation_id).await?,
            reviews: claims::reviews_of(&mut transaction, violation_id).await?,
        })
    }
}

const REMINDER_COLUMNS: &str = "id, violation_id, channel, text, sent_at, acknowledged_at, result";

fn reminder(row: &AnyRow) -> Result<Reminder, StoreError> {
    Ok(Reminder {
        id: row.text(0)?,
        violation_id: row.text(1)?,
        channel: row.name(2, "reminder channel")?,
        text: row.text(3)?,
        sent_at: row.time(4)?,
        acknowledged_at: row.time_opt(5)?,
        result: row.number_opt(6, "reminder result")?,
    })
}

fn handling(row: &AnyRow) -> Result<Handling, StoreError> {
    Ok(Handling {
        id: row.text(0)?,
        violation_id: row.text(1)?,
        result: row.name(2, "handling result")?,
        note: row.text(3)?,
        evidence: row.text_opt(4)?,
        author: row.text(5)?,
        at: row.time(6)?,
    })
}

/// Where a violation stands, which stays so until the transaction ends.
pub(super) async fn lock(
    connection: &mut AnyConnection,
    violation_id: &str,
) -> Result<Standing, StoreError> {
    // An update, because it locks the row on every engine.
    let rows = Select::new("UPDATE violations SET revision = revision WHERE")
        .with("id = {}", violation_id)
        .plain("RETURNING withdrawn, false_alarm_approved, appeal_status")
        .fetch(connection)
        .await?;
    let row = rows.first().ok_or(StoreError::NotFound)?;
    Ok(Standing {
        withdrawn: row.flag(0)?,
        false_alarm_approved: row.flag(1)?,
        appeal_status: row.name_opt(2, "appeal status")?,
    })
}

/// Refuses what is to be done about a withdrawn violation.
async fn in_force(connection: &mut AnyConnection, violation_id: &str) -> Result<(), StoreError> {
    let standing = lock(connection, violation_id).await?;
    if standing.withdrawn {
        return Err(Refusal::Withdrawn.into());
    }
    Ok(())
}

async fn log_reminder(
    connection: &mut AnyConnection,
    reminder: &Reminder,
    at: Timestamp,
) -> Result<(), StoreError> {
    let body = json!({
        "type": "reminder", "id": reminder.id, "violation_id": reminder.violation_id,
        "channel": reminder.channel.name(), "text": reminder.text,
        "sent_at": reminder.sent_at.millis(),
        "acknowledged_at": reminder.acknowledged_at.map(Timestamp::millis),
        "result": reminder.result,
    });
    log(connection, &reminder.violation_id, at, &body).await
}

/// Writes to the change log what was done, and the violation as that leaves it.
pub(super) async fn log(
    connection: &mut AnyConnection,
    violation_id: &str,
    at: Timestamp,
    body: &serde_json::Value,
) -> Result<(), StoreError> {
    let after = violations::by_id(&mut *connection, violation_id).await?;
    let change = |kind, body| NewChange {
        at,
        kind,
        key: violation_id.to_owned(),
        body,
    };
    let done = change(ChangeKind::Duty, body.to_string());
    let left = change(ChangeKind::Violation, violation_body::to_change(&after)?);
    changes::append(connection, &[done, left]).await
}
