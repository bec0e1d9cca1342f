//! What the error codes of both engines mean to a caller.

use std::error::Error;

use sqlx::error::{DatabaseError, ErrorKind};
use sqlx::migrate::MigrateError;

use crate::store::error::StoreError;

/// What an error of the driver means to a caller.
pub(crate) fn map_error(error: sqlx::Error) -> StoreError {
    meaning(&error).with(error)
}

fn meaning(error: &sqlx::Error) -> Meaning {
    match error {
        sqlx::Error::RowNotFound => Meaning::NotFound,
        sqlx::Error::Database(error) => database_meaning(error.as_ref()),
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Meaning::Busy,
        sqlx::Error::Migrate(error) => match error.as_ref() {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                meaning(error)
            }
            _ => Meaning::Broken,
        },
        _ => Meaning::Broken,
    }
}

fn database_meaning(error: &dyn DatabaseError) -> Meaning {
    if error.kind() == ErrorKind::UniqueViolation {
        return Meaning::Conflict;
    }
    let code = error.code().unwrap_or_default();
    // `SQLite` has numbers, `PostgreSQL` has five letters and digits; some of those are all digits.
    match code.parse::<u32>() {
        Ok(number) if code.len() < 5 => sqlite_meaning(number),
        _ => postgres_meaning(&code),
    }
}

/// Source: sqlite.org/rescode.html; the low byte is the primary code.
const fn sqlite_meaning(code: u32) -> Meaning {
    match code & 0xff {
        // SQLITE_BUSY, SQLITE_LOCKED
        5 | 6 => Meaning::Busy,
        // SQLITE_READONLY
        8 => Meaning::ReadOnly,
        // SQLITE_FULL
        13 => Meaning::Full,
        _ => Meaning::Broken,
    }
}

/// Source: `PostgreSQL` documentation, appendix A (error codes).
fn postgres_meaning(code: &str) -> Meaning {
    match code {
        // disk_full
        "53100" => Meaning::Full,
        // read_only_sql_transaction
        "25006" => Meaning::ReadOnly,
        // serialization_failure, deadlock_detected, lock_not_available, query_canceled
        "40001" | "40P01" | "55P03" | "57014" => Meaning::Busy,
        // insufficient resources, connection exceptions, operator intervention
        _ if ["53", "08", "57"]
            .iter()
            .any(|class| code.starts_with(class)) =>
        {
            Meaning::Busy
        }
        _ => Meaning::Broken,
    }
}

pub(super) fn map_io(error: std::io::Error) -> StoreError {
    let meaning = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Meaning::Full,
        std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => {
            Meaning::ReadOnly
        }
        _ => Meaning::Broken,
    };
    meaning.with(error)
}

/// What an error code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    NotFound,
    Conflict,
    Busy,
    Full,
    ReadOnly,
    Broken,
}

impl Meaning {
    fn with(self, error: impl Error + Send + Sync + 'static) -> StoreError {
        let source = Box::new(error);
        match self {
            Self::NotFound => StoreError::NotFound,
            Self::Conflict => StoreError::conflict(source.to_string()),
            Self::Busy => StoreError::Busy { source },
            Self::Full => StoreError::Full { source },
            Self::ReadOnly => StoreError::ReadOnly { source },
            Self::Broken => StoreError::Broken { source },
        }
    }
}
