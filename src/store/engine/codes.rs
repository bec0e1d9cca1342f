//! What the error codes of both engines mean to a caller.

use std::error::Error;

use sqlx::error::{DatabaseError, ErrorKind};
use sqlx::migrate::MigrateError;

use crate::store::error::StoreError;

/// What an error of the driver means to a caller.
pub(crate) fn map_error(error: sqlx::Error) -> StoreError {
    meaning(&error).with(error)
}

/// Whether there is no file of that name, or it may not be opened. Source: `SQLITE_CANTOPEN`.
pub(super) fn is_no_file(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| code == "14")
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
        // SQLITE_CORRUPT, SQLITE_NOTADB
        11 | 26 => Meaning::Damaged,
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
    Damaged,
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
            Self::Damaged => StoreError::FileDamaged { source },
            Self::Broken => StoreError::Broken { source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::VehicleId;
    use crate::store::{Flush, Role, Store, StoreOptions, VehicleSnapshot};

    #[test]
    fn codes_mean_what_a_caller_can_do() {
        let sqlite = [
            (5, Meaning::Busy),
            (6, Meaning::Busy),
            (8, Meaning::ReadOnly),
        ];
        for (code, meaning) in sqlite.into_iter().chain([
            // SQLITE_BUSY_SNAPSHOT, SQLITE_READONLY_DBMOVED, SQLITE_FULL, SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_ERROR
            (517, Meaning::Busy),
            (1032, Meaning::ReadOnly),
            (13, Meaning::Full),
            (11, Meaning::Damaged),
            (26, Meaning::Damaged),
            (1, Meaning::Broken),
        ]) {
            assert_eq!(sqlite_meaning(code), meaning, "{code}");
        }
        for (code, meaning) in [
            ("53100", Meaning::Full),
            ("53300", Meaning::Busy),
            ("25006", Meaning::ReadOnly),
            ("40001", Meaning::Busy),
            ("57P01", Meaning::Busy),
            ("08006", Meaning::Busy),
            ("42P01", Meaning::Broken),
        ] {
            assert_eq!(postgres_meaning(code), meaning, "{code}");
        }
    }

    fn on_store<F: Future<Output = ()>>(test: impl FnOnce(Store) -> F) {
        let folder = tempfile::TempDir::new().unwrap();
        let url = format!("sqlite:{}/store.db", folder.path().display());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let options = StoreOptions::new(url, Role::Owner);
            let store = Store::open(&options).await.unwrap();
            test(store).await;
        });
    }

    /// Sets something on the one connection that writes.
    async fn set(store: &Store, pragma: &'static str) {
        sqlx::query(pragma).execute(store.write()).await.unwrap();
    }

    fn big() -> Flush {
        Flush {
            vehicles: (0..100)
                .map(|vehicle| VehicleSnapshot {
                    vehicle: VehicleId(vehicle),
                    journal_sequence: 1,
                    state: vec![7; 10_000],
                    tail: Vec::new(),
                    live: None,
                })
                .collect(),
            journal_position: 1,
            ..Flush::default()
        }
    }

    #[test]
    fn a_full_database_says_so_and_resumes() {
        on_store(|store| async move {
            set(&store, "PRAGMA max_page_count = 150").await;
            let full = store.commit_flush(&big()).await;
            assert!(matches!(full, Err(StoreError::Full { .. })), "{full:?}");
            assert_eq!(store.journal_position().await.unwrap(), 0);
            set(&store, "PRAGMA max_page_count = 1000000").await;
            store.commit_flush(&big()).await.unwrap();
            assert_eq!(store.journal_position().await.unwrap(), 1);
        });
    }

    #[test]
    fn a_lock_of_another_process_is_busy() {
        on_store(|store| async move {
            set(&store, "PRAGMA busy_timeout = 1").await;
            let mut other = store.database().begin_read().await.unwrap();
            let take = "UPDATE counters SET value = value";
            sqlx::query(take).execute(&mut *other).await.unwrap();
            let busy = store.commit_flush(&big()).await;
            assert!(matches!(busy, Err(StoreError::Busy { .. })), "{busy:?}");
            other.rollback().await.unwrap();
            store.commit_flush(&big()).await.unwrap();
        });
    }
}
