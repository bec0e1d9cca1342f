//! Who owns the database: one process at a time, and never one that is gone.

use std::fs::File;
use std::path::Path;

use sqlx::{AnyConnection, Connection as _};
use tokio::sync::Mutex;

use super::codes::{map_error, map_io};
use super::{Database, Engine};
use crate::store::error::StoreError;

/// Advisory lock space of the owner lock; the letters `rwow`.
const OWNER_LOCK_SPACE: i32 = 0x7277_6f77;

/// Proof that this process owns the database; lost with the process, however it ends.
#[derive(Debug)]
pub(crate) enum OwnerLock {
    /// A locked file beside the database.
    File {
        /// Kept open; the system drops the lock with it.
        file: File,
    },
    /// A connection that holds an advisory lock; `None` after it was lost.
    Session(Mutex<Option<AnyConnection>>),
}

impl OwnerLock {
    /// Takes the lock.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another process has it.
    pub(crate) async fn take(database: &Database) -> Result<Self, StoreError> {
        match &database.engine {
            Engine::Sqlite { path } => {
                let file = lock_file(path, "owner")?;
                match file.try_lock() {
                    Ok(()) => Ok(Self::File { file }),
                    Err(std::fs::TryLockError::WouldBlock) => Err(owned_by_another()),
                    Err(std::fs::TryLockError::Error(error)) => Err(map_io(error)),
                }
            }
            Engine::Postgres => {
                let connection = lock_session(database).await?;
                Ok(Self::Session(Mutex::new(Some(connection))))
            }
        }
    }

    /// Makes sure that the lock is still held, and takes it again after a lost connection.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while another session has it: for a moment our own lost one, as the server sees
    /// it, or a process that took over.
    pub(crate) async fn check(&self, database: &Database) -> Result<(), StoreError> {
        let Self::Session(session) = self else {
            return Ok(());
        };
        let mut session = session.lock().await;
        if let Some(connection) = session.as_mut()
            && connection.ping().await.is_ok()
        {
            return Ok(());
        }
        *session = None;
        *session = Some(lock_session(database).await.map_err(|error| match error {
            error @ StoreError::Conflict { .. } => StoreError::Busy {
                source: Box::new(error),
            },
            error => error,
        })?);
        Ok(())
    }

    /// Gives the lock back; an error means that it is gone already.
    pub(crate) async fn release(&self) {
        match self {
            Self::File { file } => drop(file.unlock()),
            Self::Session(session) => {
                if let Some(connection) = session.lock().await.take() {
                    drop(connection.close().await);
                }
            }
        }
    }
}

/// A connection of its own that holds the advisory lock of this database and schema.
async fn lock_session(database: &Database) -> Result<AnyConnection, StoreError> {
    let connection = database.write.acquire().await.map_err(map_error)?;
    // Out of the pool, so that it is never lent to anyone else.
    let mut connection = connection.detach();
    let schema: String = sqlx::query_scalar("SELECT CAST(current_schema() AS TEXT)")
        .fetch_one(&mut connection)
        .await
        .map_err(map_error)?;
    let taken: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1, $2)")
        .bind(OWNER_LOCK_SPACE)
        .bind(schema_key(&schema))
        .fetch_one(&mut connection)
        .await
        .map_err(map_error)?;
    if taken {
        Ok(connection)
    } else {
        Err(owned_by_another())
    }
}

/// A stable number for a schema name (FNV-1a).
fn schema_key(schema: &str) -> i32 {
    schema
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        })
        .cast_signed()
}

fn owned_by_another() -> StoreError {
    StoreError::conflict("another process serves this database")
}

/// A file beside the database, for locks.
pub(super) fn lock_file(path: &Path, purpose: &str) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(purpose);
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(name)
        .map_err(map_io)
}
