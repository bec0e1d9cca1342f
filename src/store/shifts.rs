//! Shifts of monitors.

use serde_json::json;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::changes::{self, ChangeKind, NewChange};
use super::engine::map_error;
use super::registry::each;
use super::rows::Columns as _;
use super::statement::Select;
use super::{Listed, Page, Store, StoreError};
use crate::model::Timestamp;
use crate::model::duty::Shift;

/// What to change of a shift; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShiftPatch {
    /// Its end.
    pub ended_at: Option<Timestamp>,
    /// Handover note.
    pub note: Option<String>,
}

/// Which shifts are wanted; what is `None` does not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShiftFilter {
    /// Of this enterprise.
    pub enterprise_id: Option<String>,
    /// Of this monitor.
    pub monitor_id: Option<String>,
    /// Ended after, or running.
    pub from: Option<Timestamp>,
    /// Started before.
    pub to: Option<Timestamp>,
}

/// Columns of [`shift`].
const SHIFTS: &str =
    "SELECT id, enterprise_id, monitor_id, started_at, ended_at, note FROM shifts WHERE";

impl Store {
    /// Records a shift; `at` is when it was recorded.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the enterprise has no such monitor;
    /// [`StoreError::Conflict`] when the monitor has another shift in that time, the identifier is
    /// taken, or the end is not after the beginning.
    pub async fn insert_shift(&self, shift: &Shift, at: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.database().begin_write().await?;
        lock_monitor(&mut transaction, shift).await?;
        check_period(&mut transaction, shift).await?;
        sqlx::query(
            "INSERT INTO shifts (id, enterprise_id, monitor_id, started_at, ended_at, note)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(shift.id.as_str())
        .bind(shift.enterprise_id.as_str())
        .bind(shift.monitor_id.as_str())
        .bind(shift.started_at.millis())
        .bind(shift.ended_at.map(Timestamp::millis))
        .bind(shift.note.as_deref())
        .execute(&mut *transaction)
        .await
        .map_err(map_error)?;
        log(&mut transaction, shift, at).await?;
        transaction.commit().await.map_err(map_error)
    }

    /// Sets the end and the note of a shift; the shift after that.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] as for a new shift.
    pub async fn patch_shift(
        &self,
        id: &str,
        patch: &ShiftPatch,
        at: Timestamp,
    ) -> Result<Shift, StoreError> {
        let mut transaction = self.database().begin_write().await?;
        let rows = Select::new(SHIFTS)
            .with("id = {}", id)
            .fetch(&mut *transaction)
            .await?;
        let mut shift = each(&rows, shift)?.pop().ok_or(StoreError::NotFound)?;
        lock_monitor(&mut transaction, &shift).await?;
        shift.ended_at = patch.ended_at.or(shift.ended_at);
        shift.note = patch.note.clone().or(shift.note);
        check_period(&mut transaction, &shift).await?;
        sqlx::query("UPDATE shifts SET ended_at = $1, note = $2 WHERE id = $3")
            .bind(shift.ended_at.map(Timestamp::millis))
            .bind(shift.note.as_deref())
            .bind(id)
            .execute(&mut *transaction)
            .await
            .map_err(map_error)?;
        log(&mut transaction, &shift, at).await?;
        transaction.commit().await.map_err(map_error)?;
        Ok(shift)
    }

    /// Shifts, newest beginning first; the cursor is beginning and identifier.
    ///
    /// # Errors
    /// As the database says.
    pub async fn list_shifts(
        &self,
        filter: &ShiftFilter,
        page: &Page<(Timestamp, String)>,
    ) -> Result<Listed<Shift, (Timestamp, String)>, StoreError> {
        let from = filter.from.map(Timestamp::millis);
        let mut select = Select::new(SHIFTS)
            .with(
                "started_at < {}",
                filter.to.unwrap_or(Timestamp::MAX).millis(),
            )
            .with_some("AND (ended_at IS NULL OR ended_at > {})", from)
            .with_some("AND enterprise_id = {}", filter.enterprise_id.as_deref())
            .with_some("AND monitor_id = {}", filter.monitor_id.as_deref());
        if let Some((at, id)) = &page.after {
            select = select
                .with("AND (started_at, id) < ({},", at.millis())
                .with("{})", id.as_str());
        }
        let rows = select
            .with(
                "ORDER BY started_at DESC, id DESC LIMIT {}",
                page.rows_and_one(),
            )
            .fetch(self.read())
            .await?;
        let items = each(&rows, shift)?;
        Ok(Listed::cut(items, page, |item| {
            (item.started_at, item.id.clone())
        }))
    }
}

/// Keeps other shifts of this monitor out until the commit.
async fn lock_monitor(connection: &mut AnyConnection, shift: &Shift) -> Result<(), StoreError> {
    let touched =
        sqlx::query("UPDATE monitors SET name = name WHERE id = $1 AND enterprise_id = $2")
            .bind(shift.monitor_id.as_str())
            .bind(shift.enterprise_id.as_str())
            .execute(connection)
            .await
            .map_err(map_error)?;
    if touched.rows_affected() == 0 {
        return Err(StoreError::NotFound);
    }
    Ok(())
}

/// The period must be one, and the monitor must be free in it.
async fn check_period(connection: &mut AnyConnection, shift: &Shift) -> Result<(), StoreError> {
    if shift.ended_at.is_some_and(|end| end <= shift.started_at) {
        return Err(StoreError::conflict("the shift ends before it begins"));
    }
    let end = shift.ended_at.unwrap_or(Timestamp::MAX);
    let other: Option<String> = sqlx::query_scalar(
        "SELECT id FROM shifts WHERE monitor_id = $1 AND id <> $2 AND started_at < $3
            AND (ended_at IS NULL OR ended_at > $4)
         ORDER BY started_at LIMIT 1",
    )
    .bind(shift.monitor_id.as_str())
    .bind(shift.id.as_str())
    .bind(end.millis())
    .bind(shift.started_at.millis())
    .fetch_optional(connection)
    .await
    .map_err(map_error)?;
    other.map_or(Ok(()), |id| {
        Err(StoreError::conflict(format!("overlaps shift {id}")))
    })
}

async fn log(
    connection: &mut AnyConnection,
    shift: &Shift,
    at: Timestamp,
) -> Result<(), StoreError> {
    let body = json!({
        "type": "shift", "id": shift.id, "enterprise_id": shift.enterprise_id,
        "monitor_id": shift.monitor_id, "started_at": shift.started_at.millis(),
        "ended_at": shift.ended_at.map(Timestamp::millis), "note": shift.note,
    });
    let change = NewChange {
        at,
        kind: ChangeKind::Duty,
        key: shift.id.clone(),
        body: body.to_string(),
    };
    changes::append(connection, &[change]).await
}

/// Columns: id, `enterprise_id`, `monitor_id`, `started_at`, `ended_at`, note.
pub(super) fn shift(row: &AnyRow) -> Result<Shift, StoreError> {
    Ok(Shift {
        id: row.text(0)?,
        enterprise_id: row.text(1)?,
        monitor_id: row.text(2)?,
        started_at: row.time(3)?,
        ended_at: row.time_opt(4)?,
        note: row.text_opt(5)?,
    })
}
