//! Frames and records that could not be read, kept so that someone can look.

use sqlx::any::AnyRow;

use super::counters::Counter;
use super::engine::map_error;
use super::registry::each;
use super::rows::Columns as _;
use super::statement::{Bulk, Select};
use super::{Listed, Page, Store, StoreError};
use crate::model::Timestamp;

/// Most entries kept; the oldest leave.
pub const QUARANTINE_ROWS_MAX: u32 = 10_000;
/// Most bytes kept of an entry.
pub const QUARANTINE_BYTES_MAX: usize = 4096;

/// A frame or record that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineEntry {
    /// When it came.
    pub at: Timestamp,
    /// `jt808`, `ndjson` and so on.
    pub protocol: String,
    /// Stable reason, such as `checksum`.
    pub code: String,
    /// Who sent it.
    pub peer: String,
    /// It; only the first [`QUARANTINE_BYTES_MAX`] bytes are kept.
    pub bytes: Vec<u8>,
}

/// A kept entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineRow {
    /// Its number; later entries have higher ones.
    pub id: i64,
    /// The entry, its bytes cut.
    pub entry: QuarantineEntry,
    /// Bytes before they were cut.
    pub bytes_total: u64,
}

const INSERT: Bulk = Bulk {
    head: "INSERT INTO quarantine (id, at, protocol, code, peer, bytes, bytes_total) VALUES ",
    row: "($1, $2, $3, $4, $5, $6, $7)",
    width: 7,
    tail: "",
};

impl Store {
    /// Keeps entries, in one transaction; the oldest leave past the bound.
    ///
    /// # Errors
    /// As the database says.
    pub async fn quarantine(&self, entries: &[QuarantineEntry]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut transaction = self.database().begin_write().await?;
        let first = Counter::Quarantine
            .take(&mut transaction, entries.len())
            .await?;
        let rows: Vec<_> = (first..).zip(entries).collect();
        let newest = rows.last().map_or(first, |(id, _)| *id);
        INSERT
            .execute(&mut transaction, &rows, |values, (id, entry)| {
                let kept = entry.bytes.get(..QUARANTINE_BYTES_MAX);
                values
                    .add(*id)
                    .time(entry.at)
                    .add(entry.protocol.as_str())
                    .add(entry.code.as_str())
                    .add(entry.peer.as_str())
                    .add(kept.unwrap_or(&entry.bytes))
                    .add(i64::try_from(entry.bytes.len()).unwrap_or(i64::MAX));
            })
            .await?;
        sqlx::query("DELETE FROM quarantine WHERE id <= $1")
            .bind(newest - i64::from(QUARANTINE_ROWS_MAX))
            .execute(&mut *transaction)
            .await
            .map_err(map_error)?;
        transaction.commit().await.map_err(map_error)
    }

    /// Kept entries, newest first; the cursor is the number.
    ///
    /// # Errors
    /// As the database says.
    pub async fn list_quarantine(
        &self,
        page: &Page<i64>,
    ) -> Result<Listed<QuarantineRow, i64>, StoreError> {
        let rows =
            Select::new("SELECT id, at, protocol, code, peer, bytes, bytes_total FROM quarantine")
                .with_some("WHERE id < {}", page.after)
                .with("ORDER BY id DESC LIMIT {}", page.rows_and_one())
                .fetch(self.read())
                .await?;
        let items = each(&rows, entry)?;
        Ok(Listed::cut(items, page, |item| item.id))
    }
}

fn entry(row: &AnyRow) -> Result<QuarantineRow, StoreError> {
    Ok(QuarantineRow {
        id: row.int(0)?,
        entry: QuarantineEntry {
            at: row.time(1)?,
            protocol: row.text(2)?,
            code: row.text(3)?,
            peer: row.text(4)?,
            bytes: row.bytes(5)?.to_vec(),
        },
        bytes_total: row.number(6, "quarantine length")?,
    })
}
