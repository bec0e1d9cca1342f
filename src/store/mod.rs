//! The database: one portable SQL over `SQLite` and `PostgreSQL`.
//!
//! Start at [`Store::open`]. Each file beside this one holds one aggregate: its types and its SQL,
//! once, for both engines. `engine` alone knows which engine it is. Everything that the shards
//! derive is written by one transaction, [`Store::commit_flush`]; nothing here decides anything
//! about driving. Every list is paged ([`page`]) and bounded.

use std::sync::Arc;

mod cards;
mod changes;
mod claims;
mod counters;
mod driving;
mod duty_facts;
mod duty_notes;
mod engine;
mod enterprises;
mod error;
mod evidence;
mod evidence_check;
mod flush;
mod handling;
mod holds;
mod import;
mod inquiries;
mod page;
mod places;
mod prealarms;
mod quarantine;
mod registry;
mod rejudge;
mod revise;
mod revisions;
mod road_maps;
mod rows;
mod shifts;
mod snapshots;
mod staging;
mod statement;
mod terminals;
mod track_files;
mod track_walk;
mod tracks;
mod unknown;
mod vehicle_rules;
mod vehicles;
mod verdicts;
mod violation_body;
mod violations;

pub use cards::DriverCard;
pub use changes::{Change, ChangeKind};
pub use claims::{Appeal, AppealStatus, Claim, ClaimKind, Decision, Review};
pub use driving::{DrivingKey, DrivingRow};
pub use duty_facts::{DutyScope, SILENT_VEHICLES_MAX};
pub use duty_notes::DutyNote;
pub use enterprises::{DatumSuspects, EnterpriseFilter, EnterpriseRow};
pub use error::StoreError;
pub use evidence::{EVIDENCE_AROUND, EVIDENCE_FIXES_MAX, Evidence};
pub use flush::{
    ContradictionRow, CorrectionNote, FaultRunRow, Flush, OperatingDay, Said, Superseded,
    TrackChunk, VehicleDay, VehicleSnapshot, ViolationUpsert,
};
pub use handling::{Handling, HandlingResult, Refusal, Reminder, ReminderChannel, ViolationLoop};
pub use holds::{Hold, HoldFilter};
pub use import::ImportCounts;
pub use inquiries::InquiryFilter;
pub use page::{Listed, PAGE_ROWS_MAX, Page};
pub use prealarms::PreAlarmNote;
pub use quarantine::{QUARANTINE_BYTES_MAX, QUARANTINE_ROWS_MAX, QuarantineEntry, QuarantineRow};
pub use registry::{KnownDriver, Registry, RulebookText};
pub use rejudge::{
    Checkpoint, CorrectionCounts, LateFixes, QueuedVehicle, RejudgeCause, RejudgeOrder,
    RejudgeOrdered, Rejudged,
};
pub use revisions::ViolationRevision;
pub use road_maps::{LimitCounts, StoredRoadMap};
pub use shifts::{ShiftFilter, ShiftPatch};
pub use snapshots::SavedVehicle;
pub use staging::{ChunkKey, DamagedChunk, Staged};
pub use terminals::{RegisteredTerminal, Registration};
pub use track_files::{
    ArchiveChange, Purge, TrackFile, TrackFiles, TrackPart, VEHICLES_PER_BUCKET, bucket_of,
};
pub use track_walk::{TrackWalk, WALK_VEHICLES_MAX};
pub use tracks::{LostStretch, TRACK_FIXES_MAX, TRACK_PAGE_FIXES_MAX, TrackPage};
pub use unknown::{Sighting, UNKNOWN_TERMINALS_MAX, UnknownTerminal};
pub use vehicle_rules::RulesFrom;
pub use vehicles::{
    BoundingBox, FatigueLeft, LiveState, OnlineFilter, VehicleFilter, VehiclePosition, VehicleRow,
};
pub use violations::{StoredViolation, ViolationCursor, ViolationFilter, ViolationStatus};

pub(crate) use engine::{Database, Part, map_error};

/// What a caller wants of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The server: the only one that journals and flushes. Refused while another one lives.
    Owner,
    /// A command beside the server: imports, exports, looks.
    Guest,
}

/// How to open a database.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// `sqlite:PATH` or `postgres://...`.
    pub url: String,
    /// What for.
    pub role: Role,
    /// Connections for reading.
    pub readers: u32,
    /// Reads the files of the track archive; without it tracks that reach into one cannot be read.
    pub files: Option<Arc<dyn TrackFiles>>,
}

impl StoreOptions {
    /// Readers unless told otherwise.
    pub const READERS: u32 = 4;

    /// The usual number of readers.
    pub fn new(url: impl Into<String>, role: Role) -> Self {
        Self {
            url: url.into(),
            role,
            readers: Self::READERS,
            files: None,
        }
    }

    /// The same, with the track archive.
    #[must_use]
    pub fn with_files(self, files: Arc<dyn TrackFiles>) -> Self {
        Self {
            files: Some(files),
            ..self
        }
    }
}

/// The database; cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    url: String,
    database: Database,
    owner: Option<engine::OwnerLock>,
    files: Option<Arc<dyn TrackFiles>>,
}

impl Store {
    /// Opens the database, makes it where it does not exist, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when an owner is wanted and another process is one; the
    /// others as the database says.
    pub async fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        let database = Database::open(&options.url, Part::Main, options.readers).await?;
        let owner = match options.role {
            Role::Owner => Some(engine::OwnerLock::take(&database).await?),
            Role::Guest => None,
        };
        Ok(Self {
            inner: Arc::new(Inner {
                url: options.url.clone(),
                database,
                owner,
                files: options.files.clone(),
            }),
        })
    }

    /// Whether there is a database with our tables at that URL; makes nothing where there is none.
    ///
    /// # Errors
    /// As the database says.
    pub async fn exists(url: &str) -> Result<bool, StoreError> {
        Database::exists(url).await
    }

    /// Whether the database can be written now and is still ours; for readiness checks.
    ///
    /// # Errors
    /// What stands against it.
    pub async fn check(&self) -> Result<(), StoreError> {
        if let Some(owner) = &self.inner.owner {
            owner.check(&self.inner.database).await?;
        }
        sqlx::query("UPDATE counters SET value = value WHERE name = $1")
            .bind(counters::Counter::Registry.name())
            .execute(self.write())
            .await
            .map(drop)
            .map_err(map_error)
    }

    /// Closes every connection and gives the owner's lock back.
    pub async fn close(&self) {
        self.inner.database.close().await;
        if let Some(owner) = &self.inner.owner {
            owner.release().await;
        }
    }

    /// The URL it was opened with; may hold a password.
    pub(crate) fn url(&self) -> &str {
        &self.inner.url
    }

    pub(crate) fn database(&self) -> &Database {
        &self.inner.database
    }

    fn read(&self) -> &sqlx::AnyPool {
        &self.inner.database.read
    }

    fn write(&self) -> &sqlx::AnyPool {
        &self.inner.database.write
    }
}
