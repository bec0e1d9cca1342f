//! The change log: everything that changed, in the order of commits, without gaps.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::counters::Counter;
use super::registry::each;
use super::rows::Columns as _;
use super::statement::{Bulk, Select};
use super::violation_body;
use super::{Page, Store, StoreError, StoredViolation};
use crate::model::Timestamp;
use crate::model::vehicle::named_enum;

named_enum! {
    /// What kind of thing changed.
    ChangeKind {
        /// A violation: found, extended, ended or revised, or something was done about it.
        Violation = "violation",
        /// A shift, reminder, handling, appeal or review.
        Duty = "duty",
        /// An inquiry: sent or answered.
        Inquiry = "inquiry",
        /// A limit is near.
        PreAlarm = "prealarm",
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its place in the log, from 1, without gaps.
    pub seq: i64,
    /// When it was written.
    pub at: Timestamp,
    /// What kind of thing changed.
    pub kind: ChangeKind,
    /// Identifier of the thing.
    pub key: String,
    /// The thing after the change, as JSON.
    ///
    /// Shape: for [`ChangeKind::Violation`] read it with [`Change::violation`]; the others have a
    /// field `type` (`shift`, `reminder`, `handling`, `appeal`, `review`, `inquiry`, `prealarm`) and the fields of the
    /// contract, times in milliseconds since 1970 UTC.
    pub body: String,
}

impl Change {
    /// The violation as it was after this change; `None` for other kinds.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when the body is not what we wrote.
    pub fn violation(&self) -> Result<Option<StoredViolation>, StoreError> {
        match self.kind {
            ChangeKind::Violation => violation_body::from_change(&self.body).map(Some),
            ChangeKind::Duty | ChangeKind::Inquiry | ChangeKind::PreAlarm => Ok(None),
        }
    }
}

/// A change that has no place in the log yet.
#[derive(Debug)]
pub(super) struct NewChange {
    pub(super) at: Timestamp,
    pub(super) kind: ChangeKind,
    pub(super) key: String,
    pub(super) body: String,
}

const INSERT: Bulk = Bulk {
    head: "INSERT INTO changes (seq, at, kind, key, body) VALUES ",
    row: "($1, $2, $3, $4, $5)",
    width: 5,
    tail: "",
};

/// Appends changes inside the transaction that makes them.
///
/// Taking the numbers locks the counter until the commit, so a reader that has seen one number
/// will never find a lower one appear later.
pub(super) async fn append(
    connection: &mut AnyConnection,
    changes: &[NewChange],
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let first = Counter::Changes.take(connection, changes.len()).await?;
    let rows: Vec<_> = (first..).zip(changes).collect();
    INSERT
        .execute(connection, &rows, |values, (seq, change)| {
            values
                .add(*seq)
                .time(change.at)
                .add(change.kind.name())
                .add(change.key.as_str())
                .add(change.body.as_str());
        })
        .await
        .map(drop)
}

impl Store {
    /// Changes after `seq`, in order, at most `limit` (held to a page's bound).
    ///
    /// # Errors
    /// As the database says.
    pub async fn changes_after(&self, seq: i64, limit: u32) -> Result<Vec<Change>, StoreError> {
        self.changes(seq, None, limit).await
    }

    /// The same, of one kind only; the numbers of the other kinds are skipped.
    ///
    /// # Errors
    /// As the database says.
    pub async fn changes_of_kind_after(
        &self,
        kind: ChangeKind,
        seq: i64,
        limit: u32,
    ) -> Result<Vec<Change>, StoreError> {
        self.changes(seq, Some(kind), limit).await
    }

    async fn changes(
        &self,
        seq: i64,
        kind: Option<ChangeKind>,
        limit: u32,
    ) -> Result<Vec<Change>, StoreError> {
        let page: Page<()> = Page::first(limit);
        let rows = Select::new("SELECT seq, at, kind, key, body FROM changes")
            .with("WHERE seq > {}", seq)
            .with_some("AND kind = {}", kind.map(ChangeKind::name))
            .with("ORDER BY seq LIMIT {}", page.rows_and_one() - 1)
            .fetch(self.read())
            .await?;
        each(&rows, change)
    }

    /// Place of the last change; 0 when there is none.
    ///
    /// # Errors
    /// As the database says.
    pub async fn last_change(&self) -> Result<i64, StoreError> {
        Counter::Changes.value(self.read()).await
    }
}

fn change(row: &AnyRow) -> Result<Change, StoreError> {
    Ok(Change {
        seq: row.int(0)?,
        at: row.time(1)?,
        kind: row.name(2, "kind of change")?,
        key: row.text(3)?,
        body: row.text(4)?,
    })
}
