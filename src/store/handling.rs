//! The closed loop of a violation: reminders, handlings, reviews.

use serde_json::json;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::changes::{self, ChangeKind, NewChange};
use super::engine::map_error;
use super::registry::each;
use super::rows::Columns as _;
use super::statement::Select;
use super::{Store, StoreError};
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

named_enum! {
    /// What a review decided.
    Decision {
        /// It was a false alarm.
        Approved = "approved",
        /// It was not.
        Rejected = "rejected",
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

/// A second person's decision about a claim of false alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Identifier, given by the caller.
    pub id: String,
    /// What it is about.
    pub violation_id: String,
    /// The decision.
    pub decision: Decision,
    /// Note.
    pub note: String,
    /// Who decided.
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
    /// Reviews.
    pub reviews: Vec<Review>,
}

/// Most records of each kind that one violation may have.
const RECORDS_MAX: i64 = 1000;

impl Store {
    /// Records a reminder.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown violation.
    pub async fn insert_reminder(&self, reminder: &Reminder) -> Result<(), StoreError> {
        let mut transaction = self.database().begin_write().await?;
        let touched = sqlx::query(
            "UPDATE violations SET reminded_at = CASE
                WHEN reminded_at IS NULL OR reminded_at > $1 THEN $1 ELSE reminded_at END
             WHERE id = $2",
        )
        .bind(reminder.sent_at.millis())
        .bind(reminder.violation_id.as_str())
        .execute(&mut *transaction)
        .await
        .map_err(map_error)?;
        found(touched.rows_affected())?;
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
    /// [`StoreError::NotFound`] for an unknown violation.
    pub async fn insert_handling(&self, handling: &Handling) -> Result<(), StoreError> {
        let completed = handling.result != HandlingResult::FalseAlarm;
        let mut transaction = self.database().begin_write().await?;
        let touched = sqlx::query(
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
        found(touched.rows_affected())?;
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

    /// Records a decision about the last claim of false alarm.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown violation; [`StoreError::Conflict`] when
    /// there is no claim, or it has been decided.
    pub async fn insert_review(&self, review: &Review) -> Result<(), StoreError> {
        let approved = i64::from(review.decision == Decision::Approved);
        let mut transaction = self.database().begin_write().await?;
        let touched = sqlx::query(
            "UPDATE violations SET false_alarm_approved = CASE
                WHEN $1 = 1 THEN 1 ELSE false_alarm_approved END
             WHERE id = $2",
        )
        .bind(approved)
        .bind(review.violation_id.as_str())
        .execute(&mut *transaction)
        .await
        .map_err(map_error)?;
        found(touched.rows_affected())?;
        let written = sqlx::query(
            "INSERT INTO violation_reviews (id, violation_id, handling_id, decision, note, author,
                                            at)
             SELECT $1, $2, h.id, $3, $4, $5, $6 FROM violation_handlings h
             WHERE h.violation_id = $2 AND h.result = 'false_alarm'
                AND NOT EXISTS (SELECT 1 FROM violation_reviews r WHERE r.handling_id = h.id)
             ORDER BY h.at DESC, h.id DESC LIMIT 1",
        )
        .bind(review.id.as_str())
        .bind(review.violation_id.as_str())
        .bind(review.decision.name())
        .bind(review.note.as_str())
        .bind(review.author.as_str())
        .bind(review.at.millis())
        .execute(&mut *transaction)
        .await
        .map_err(map_error)?;
        if written.rows_affected() == 0 {
            return Err(StoreError::conflict("no claim of false alarm is open"));
        }
        let body = json!({
            "type": "review", "id": review.id, "violation_id": review.violation_id,
            "decision": review.decision.name(), "note": review.note, "author": review.author,
            "at": review.at.millis(),
        });
        log(&mut transaction, &review.violation_id, review.at, &body).await?;
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
        let reviews = Select::new(
            "SELECT id, violation_id, decision, note, author, at FROM violation_reviews",
        )
        .with("WHERE violation_id = {}", violation_id)
        .with("ORDER BY at, id LIMIT {}", RECORDS_MAX)
        .fetch(&mut *transaction)
        .await?;
        Ok(ViolationLoop {
            reminders: each(&reminders, reminder)?,
            handlings: each(&handlings, handling)?,
            reviews: each(&reviews, review)?,
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

fn review(row: &AnyRow) -> Result<Review, StoreError> {
    Ok(Review {
        id: row.text(0)?,
        violation_id: row.text(1)?,
        decision: row.name(2, "decision")?,
        note: row.text(3)?,
        author: row.text(4)?,
        at: row.time(5)?,
    })
}

fn found(rows: u64) -> Result<(), StoreError> {
    if rows == 0 {
        Err(StoreError::NotFound)
    } else {
        Ok(())
    }
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

async fn log(
    connection: &mut AnyConnection,
    violation_id: &str,
    at: Timestamp,
    body: &serde_json::Value,
) -> Result<(), StoreError> {
    let change = NewChange {
        at,
        kind: ChangeKind::Duty,
        key: violation_id.to_owned(),
        body: body.to_string(),
    };
    changes::append(connection, &[change]).await
}
