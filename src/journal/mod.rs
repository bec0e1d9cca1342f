//! The durable journal: acknowledgements leave only after it.
//!
//! A record is the compact form of one group commit ([`crate::track::JournalRecord`]). The journal
//! numbers records from 1 without caring what is in them. Today it is a table of the database; where
//! one machine is outgrown it may be something else, so nothing outside this module may know which.

use crate::store::{Store, StoreError};

mod database;

/// A record read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its number.
    pub sequence: u64,
    /// Fixes in it, as said at the append.
    pub fixes: u32,
    /// The record.
    pub bytes: Vec<u8>,
}

/// The journal; cheap to clone. One process appends: the owner of the store.
#[derive(Clone, Debug)]
pub struct Journal {
    database: database::DatabaseJournal,
}

impl Journal {
    /// Opens the journal that belongs to a store.
    ///
    /// # Errors
    /// As the database says.
    pub async fn open(store: &Store) -> Result<Self, StoreError> {
        let database = database::DatabaseJournal::open(store).await?;
        Ok(Self { database })
    }

    /// Appends a record; when this returns, it survives a crash. The sequence given to it.
    ///
    /// Appends are in the order of the calls. After an error the record may be there or not: a
    /// caller that appends it again must not mind it twice.
    ///
    /// # Errors
    /// As the database says; [`StoreError::Conflict`] when another process appended.
    pub async fn append(&self, record: Vec<u8>, fixes: u32) -> Result<u64, StoreError> {
        self.database.append(record, fixes).await
    }

    /// Records from `sequence` on, in order, until `bytes_max` is reached; at least one when there
    /// is one. Empty at the end.
    ///
    /// # Errors
    /// As the database says.
    pub async fn read_from(
        &self,
        sequence: u64,
        bytes_max: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        self.database.read_from(sequence, bytes_max).await
    }

    /// Forgets records up to `through`; the newest record always stays, as the place to go on from.
    ///
    /// # Errors
    /// As the database says; some may be forgotten then.
    pub async fn trim(&self, through: u64) -> Result<(), StoreError> {
        self.database.trim(through).await
    }

    /// Sequence of the newest record ever appended; 0 before the first.
    ///
    /// # Errors
    /// As the database says.
    pub async fn last_sequence(&self) -> Result<u64, StoreError> {
        self.database.last_sequence().await
    }

    /// Closes its connections.
    pub async fn close(&self) {
        self.database.close().await;
    }
}
