//! Recorded fixes, from a body or a file, to the journal and the shards.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::files::fixes::{FixRow, LineError, Registry, Subject, ndjson};
use crate::model::{Datum, DriverId, Fix, Source, Timestamp, VehicleId};
use crate::normalize::plausibility;
use crate::store::{Store, StoreError};
use crate::telemetry::name;

use super::committer::{Committer, SubmitError};
use super::directory::Directory;

/// Fixes handed on together; a longer batch becomes several.
const RUN_FIXES_MAX: usize = 16_384;
/// Bad lines told one by one; further ones are only counted.
pub const REJECTED_MAX: usize = 10_000;
/// Longest licence that a new driver may have. Unit: bytes.
const LICENCE_BYTES_MAX: usize = 64;

/// A line that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Line from 1.
    pub line: u64,
    /// Stable code.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
}

/// Lines read, not yet submitted.
#[derive(Debug, Default)]
pub struct Parsed {
    /// The fixes, in the order of their lines.
    pub fixes: Vec<Fix>,
    /// Lines that were not taken, up to [`REJECTED_MAX`].
    pub rejected: Vec<Rejected>,
    /// All lines that were not taken.
    pub rejected_total: u64,
    /// Fixes whose driver has no number yet, by place in `fixes`.
    new_drivers: Vec<(usize, String)>,
}

impl Parsed {
    /// Adds what another piece of the same input came to.
    pub fn append(&mut self, mut other: Self) {
        let offset = self.fixes.len();
        self.fixes.append(&mut other.fixes);
        let room = REJECTED_MAX.saturating_sub(self.rejected.len());
        other.rejected.truncate(room);
        self.rejected.append(&mut other.rejected);
        self.rejected_total += other.rejected_total;
        self.new_drivers.extend(
            other
                .new_drivers
                .into_iter()
                .map(|(index, licence)| (index + offset, licence)),
        );
    }

    fn reject(&mut self, line: u64, error: &LineError) {
        self.rejected_total += 1;
        metrics::counter!(name::BAD_INPUT, "reason" => error.code()).increment(1);
        if self.rejected.len() < REJECTED_MAX {
            self.rejected.push(Rejected {
                line,
                code: error.code(),
                message: error.to_string(),
            });
        }
    }
}

/// What became of submitted fixes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Stored, and not there before.
    pub stored: u64,
    /// There before.
    pub duplicates: u64,
    /// Violations opened.
    pub violations: u64,
}

/// Why fixes were not taken.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The committer refused them.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// A new driver could not be given a number.
    #[error("the store cannot be used")]
    Store(#[from] StoreError),
}

/// Numbers of drivers that became known since the directory was made.
#[derive(Clone, Debug, Default)]
pub struct NewDrivers(Arc<Mutex<FxHashMap<String, DriverId>>>);

impl NewDrivers {
    fn find(&self, licence: &str) -> Option<DriverId> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(licence)
            .copied()
    }

    /// The number of a driver, given now if the licence is new; `None` for a licence that cannot be one.
    ///
    /// # Errors
    /// As the database says.
    pub async fn number(
        &self,
        store: &Store,
        directory: &Directory,
        licence: &str,
    ) -> Result<Option<DriverId>, StoreError> {
        let licence = licence.trim();
        if licence.is_empty() || licence.len() > LICENCE_BYTES_MAX {
            return Ok(None);
        }
        if let Some(id) = directory.driver(licence).or_else(|| self.find(licence)) {
            return Ok(Some(id));
        }
        let id = store.driver_id(licence).await?;
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(licence.to_owned(), id);
        Ok(Some(id))
    }
}

/// The way in for recorded fixes; cheap to clone.
#[derive(Clone, Debug)]
pub struct Intake {
    pub(super) committer: Committer,
    pub(super) directory: watch::Receiver<Arc<Directory>>,
    pub(super) drivers: NewDrivers,
    pub(super) store: Store,
    pub(super) clock: Clock,
}

/// Looks vehicles and drivers up, and remembers new drivers.
struct Lookup<'a> {
    directory: &'a Directory,
    drivers: &'a NewDrivers,
    new_driver: Option<String>,
}

impl Registry for Lookup<'_> {
    fn vehicle(&mut self, subject: &Subject<'_>) -> Option<VehicleId> {
        self.directory.index.find(subject)
    }

    fn datum(&self, vehicle: VehicleId) -> Datum {
        self.directory.index.datum(vehicle)
    }

    fn driver(&mut self, licence: &str) -> Option<DriverId> {
        let known = self
            .directory
            .driver(licence)
            .or_else(|| self.drivers.find(licence));
        if known.is_none() && !licence.is_empty() {
            self.new_driver = Some(licence.to_owned());
        }
        known
    }
}

impl Intake {
    /// Adds one row, or the reason why it is none.
    pub fn take_row(
        &self,
        directory: &Directory,
        received: Timestamp,
        source: Source,
        line: u64,
        row: Result<FixRow<'_>, LineError>,
        parsed: &mut Parsed,
    ) {
        let mut lookup = Lookup {
            directory,
            drivers: &self.drivers,
            new_driver: None,
        };
        match row.and_then(|row| row.resolve(&mut lookup, received, source)) {
            Ok(mut fix) => {
                fix.quality = plausibility::assess(&directory.rules.plausibility, &fix);
                if let Some(licence) = lookup.new_driver {
                    parsed.new_drivers.push((parsed.fixes.len(), licence));
                }
                parsed.fixes.push(fix);
            }
            Err(error) => parsed.reject(line, &error),
        }
    }

    /// Reads NDJSON lines; `first_line` is the number of the first one, `datum` that of the places whose line
    /// names none, over what the register declares, `received` one moment for all that came together, so that
    /// their order says nothing.
    pub fn parse_ndjson(
        &self,
        bytes: &[u8],
        first_line: u64,
        datum: Option<Datum>,
        (source, received): (Source, Timestamp),
    ) -> Parsed {
        let directory = Arc::clone(&self.directory.borrow());
        let mut parsed = Parsed::default();
        ndjson::read_buffer(bytes, first_line, datum, |line, row| {
            self.take_row(&directory, received, source, line, row, &mut parsed);
            ControlFlow::Continue(())
        });
        parsed
    }

    /// The register at this moment.
    pub fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.directory.borrow())
    }

    /// The moment at which fixes that come now are received.
    pub fn received(&self) -> Timestamp {
        self.clock.now()
    }

    /// Makes the fixes durable and judges them; answers when both are done.
    ///
    /// The fixes of each vehicle are put in order of fix time first, of one time in that of
    /// [`Fix::precedence`], so that a body or a file in any order is judged like a sorted one.
    ///
    /// # Errors
    /// [`IntakeError`]; then some may be durable all the same, and sending all again is harmless.
    pub async fn submit(&self, parsed: &mut Parsed) -> Result<Counts, IntakeError> {
        let directory = self.directory();
        // Numbers are given by licence, because they decide where records differ only in their driver.
        parsed.new_drivers.sort_by(|(_, a), (_, b)| a.cmp(b));
        for (index, licence) in parsed.new_drivers.drain(..) {
            let driver = self
                .drivers
                .number(&self.store, &directory, &licence)
                .await?;
            if let Some(fix) = parsed.fixes.get_mut(index) {
                fix.driver = driver;
            }
        }
        let mut fixes = std::mem::take(&mut parsed.fixes);
        fixes.sort_by(|a, b| {
            let by_time = (a.vehicle, a.time).cmp(&(b.vehicle, b.time));
            by_time.then_with(|| a.precedence().cmp(&b.precedence()))
        });
        let mut waiting = Vec::with_capacity(fixes.len() / RUN_FIXES_MAX + 1);
        for run in fixes.chunks(RUN_FIXES_MAX) {
            waiting.push(self.committer.submit_run(run.to_vec()).await?);
        }
        let mut counts = Counts::default();
        for (group, outcome) in waiting {
            group.durable().await;
            outcome.judged().await;
            counts.stored += outcome.stored.load(Ordering::Acquire);
            counts.duplicates += outcome.duplicates.load(Ordering::Acquire);
            counts.violations += outcome.violations.load(Ordering::Acquire);
        }
        Ok(counts)
    }
}
