//! The journal as a table.
//!
//! On `SQLite` the table lives in a file of its own beside the database: a file has one writer, and
//! an append must not wait for a flush. `benches/store.rs` measures what that is worth.

use std::sync::Arc;

use sqlx::Row as _;
use tokio::sync::Mutex;

use super::StoredRecord;
use crate::store::{Database, Part, Store, StoreError, map_error};

/// Rows read or removed by one statement.
const ROWS_PER_STATEMENT: i64 = 64;
/// Connections for reading.
const READERS: u32 = 1;

#[derive(Clone, Debug)]
pub(super) struct DatabaseJournal {
    database: Database,
    /// The last sequence; `None` while it is not known for sure. Held while a record is written,
    /// so that appends have an order.
    last: Arc<Mutex<Option<i64>>>,
    /// The derived data claims to have seen this one: sequences go on above it even when the
    /// journal's file was lost.
    floor: i64,
}

impl DatabaseJournal {
    pub(super) async fn open(store: &Store) -> Result<Self, StoreError> {
        let database = Database::open(store.url(), Part::Journal, READERS).await?;
        let floor = store.highest_journal_sequence().await?;
        let journal = Self {
            database,
            last: Arc::new(Mutex::new(None)),
            floor,
        };
        journal.last_sequence().await?;
        Ok(journal)
    }

    pub(super) async fn append(&self, record: Vec<u8>, fixes: u32) -> Result<u64, StoreError> {
        let mut last = self.last.lock().await;
        let sequence = match *last {
            Some(sequence) => sequence,
            None => self.find_last().await?,
        } + 1;
        // Not known from here on, should the statement fail or this call be dropped.
        *last = None;
        // One statement is one transaction is one sync.
        sqlx::query("INSERT INTO journal (sequence, fixes, bytes) VALUES ($1, $2, $3)")
            .bind(sequence)
            .bind(i64::from(fixes))
            .bind(record)
            .execute(&self.database.write)
            .await
            .map_err(map_error)?;
        *last = Some(sequence);
        Ok(sequence.cast_unsigned())
    }

    pub(super) async fn read_from(
        &self,
        sequence: u64,
        bytes_max: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        // The window sums lengths first, so that no more than the bound is loaded.
        let rows = sqlx::query(
            "SELECT j.sequence, j.fixes, j.bytes FROM journal j JOIN (
                SELECT sequence, SUM(LENGTH(bytes)) OVER (ORDER BY sequence) AS total,
                    ROW_NUMBER() OVER (ORDER BY sequence) AS place
                FROM (SELECT sequence, bytes FROM journal WHERE sequence >= $1
                      ORDER BY sequence LIMIT $2) AS next
             ) AS sized ON sized.sequence = j.sequence
             WHERE sized.total <= $3 OR sized.place = 1
             ORDER BY j.sequence",
        )
        .bind(i64::try_from(sequence).unwrap_or(i64::MAX))
        .bind(ROWS_PER_STATEMENT)
        .bind(i64::try_from(bytes_max).unwrap_or(i64::MAX))
        .fetch_all(&self.database.write)
        .await
        .map_err(map_error)?;
        rows.into_iter()
            .map(|row| {
                let fixes: i64 = row.try_get(1).map_err(map_error)?;
                Ok(StoredRecord {
                    sequence: row.try_get::<i64, _>(0).map_err(map_error)?.cast_unsigned(),
                    fixes: u32::try_from(fixes).unwrap_or(u32::MAX),
                    bytes: row.try_get(2).map_err(map_error)?,
                })
            })
            .collect()
    }

    pub(super) async fn trim(&self, through: u64) -> Result<(), StoreError> {
        let through = i64::try_from(through).unwrap_or(i64::MAX);
        loop {
            // In steps, so that an append waits for one step at most.
            let removed = sqlx::query(
                "DELETE FROM journal WHERE sequence IN (
                    SELECT sequence FROM journal
                    WHERE sequence <= $1 AND sequence < (SELECT MAX(sequence) FROM journal)
                    ORDER BY sequence LIMIT $2)",
            )
            .bind(through)
            .bind(ROWS_PER_STATEMENT)
            .execute(&self.database.write)
            .await
            .map_err(map_error)?;
            if removed.rows_affected() < ROWS_PER_STATEMENT.cast_unsigned() {
                return Ok(());
            }
        }
    }

    pub(super) async fn last_sequence(&self) -> Result<u64, StoreError> {
        let mut last = self.last.lock().await;
        let sequence = match *last {
            Some(sequence) => sequence,
            None => self.find_last().await?,
        };
        *last = Some(sequence);
        Ok(sequence.cast_unsigned())
    }

    pub(super) async fn close(&self) {
        self.database.close().await;
    }

    async fn find_last(&self) -> Result<i64, StoreError> {
        let stored: Option<i64> = sqlx::query_scalar("SELECT MAX(sequence) FROM journal")
            .fetch_one(&self.database.write)
            .await
            .map_err(map_error)?;
        Ok(stored.unwrap_or(0).max(self.floor))
    }
}
