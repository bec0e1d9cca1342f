//! What can go wrong in the store, in words that a caller can act on.

use std::error::Error;

use super::handling::Refusal;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such thing.
    #[error("not found")]
    NotFound,
    /// What is stored already forbids it.
    #[error("conflict: {what}")]
    Conflict {
        /// What is in the way, for people.
        what: String,
    },
    /// It cannot be done about that violation.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Someone else holds it, or the database is away: the same call may succeed later.
    #[error("the database is busy or away")]
    Busy {
        /// What the driver said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// No space is left.
    #[error("the database has no space left")]
    Full {
        /// What the driver said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database may not be written.
    #[error("the database is read-only")]
    ReadOnly {
        /// What the driver said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database is damaged, or we asked it wrongly.
    #[error("the database is broken")]
    Broken {
        /// What the driver said, or what was unreadable.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The file is no database of `SQLite`, or not a whole one any more.
    #[error("the database file is damaged")]
    FileDamaged {
        /// What the driver said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The track archive does not answer: the same call may succeed later.
    #[error("the track archive does not answer")]
    ArchiveAway {
        /// What it said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A file of the track archive, or a chunk that waits for it, is missing or is not what was written.
    #[error("{file} of the track archive is damaged or missing")]
    ArchiveDamaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// A stored value that cannot be what we wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored {what} is damaged")]
pub(crate) struct Damaged {
    /// Which value.
    pub(crate) what: &'static str,
}

impl StoreError {
    /// A conflict that says what is in the way.
    pub fn conflict(what: impl Into<String>) -> Self {
        Self::Conflict { what: what.into() }
    }

    /// A stored value that cannot be what we wrote.
    pub(crate) fn damaged(what: &'static str) -> Self {
        Self::Broken {
            source: Box::new(Damaged { what }),
        }
    }

    /// Whether the same call may succeed later without anyone's help.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::ArchiveAway { .. })
    }
}
