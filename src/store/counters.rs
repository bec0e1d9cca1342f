//! Numbers that only grow.

use sqlx::AnyConnection;

use super::engine::map_error;
use super::error::StoreError;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    /// Imports: the version of the register.
    Registry,
    /// Numbers of vehicles.
    Vehicles,
    /// Numbers of drivers.
    Drivers,
    /// Entries of the quarantine.
    Quarantine,
    /// Track chunks.
    Chunks,
    /// Rows of the queue of judging again.
    Rejudge,
    /// Violations whose natural identifier another one has.
    Violations,
    /// Positions of the change log.
    Changes,
    /// Journal records up to this one are in everything derived.
    JournalPosition,
}

impl Counter {
    /// Its name in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Vehicles => "vehicles",
            Self::Drivers => "drivers",
            Self::Quarantine => "quarantine",
            Self::Chunks => "chunks",
            Self::Rejudge => "rejudge",
            Self::Violations => "violations",
            Self::Changes => "changes",
            Self::JournalPosition => "journal_position",
        }
    }

    /// Takes `count` numbers; the first of them.
    ///
    /// The row stays locked until the transaction ends, so numbers are committed in their order.
    pub(crate) async fn take(
        self,
        connection: &mut AnyConnection,
        count: usize,
    ) -> Result<i64, StoreError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let last: i64 = sqlx::query_scalar(
            "INSERT INTO counters (name, value) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE SET value = counters.value + excluded.value
             RETURNING value",
        )
        .bind(self.name())
        .bind(count)
        .fetch_one(connection)
        .await
        .map_err(map_error)?;
        Ok(last - count + 1)
    }

    /// Sets the value, if it is higher.
    pub(crate) async fn raise(
        self,
        connection: &mut AnyConnection,
        value: i64,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO counters (name, value) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value
             WHERE counters.value < excluded.value",
        )
        .bind(self.name())
        .bind(value)
        .execute(connection)
        .await
        .map(drop)
        .map_err(map_error)
    }

    /// The value; 0 before the first number.
    pub(crate) async fn value<'c, E>(self, executor: E) -> Result<i64, StoreError>
    where
        E: sqlx::Executor<'c, Database = sqlx::Any>,
    {
        let value: Option<i64> = sqlx::query_scalar("SELECT value FROM counters WHERE name = $1")
            .bind(self.name())
            .fetch_optional(executor)
            .await
            .map_err(map_error)?;
        Ok(value.unwrap_or(0))
    }
}
