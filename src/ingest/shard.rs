//! A shard owns the states of its vehicles: fixes in, derived rows out.
//!
//! It gets journal records in order, judges what its vehicles have not seen yet, and keeps the results until
//! the flusher collects them. A collected part carries the position up to which it is complete.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use tokio::sync::{mpsc, oneshot, watch};

use crate::detect::{Admission, Transition};
use crate::model::{Fix, Timestamp, VehicleId, ViolationKind};
use crate::store::{Store, VehicleStateRow};
use crate::telemetry::name;

use super::committer::Outcome;
use super::directory::Directory;
use super::late::{LateLookup, Stored};
use super::part::Part;
use super::vehicle::VehicleEntry;

/// Fixes judged before other tasks get their turn.
const FIXES_PER_TURN: usize = 2048;

/// Which of `shards` shards owns a vehicle.
pub(super) fn shard_of(vehicle: VehicleId, shards: usize) -> usize {
    vehicle.0 as usize % shards.max(1)
}

/// One sender's fixes for one shard.
#[derive(Debug)]
pub struct ShardRun {
    /// In order of arrival.
    pub fixes: Vec<Fix>,
    /// Where to count, when the sender waits.
    pub outcome: Option<Arc<Outcome>>,
}

/// What a shard is told.
#[derive(Debug)]
pub enum ShardMessage {
    /// A journal record; sent to every shard, also when nothing in it is theirs.
    Record {
        /// Journal sequence of the record.
        sequence: u64,
        /// Its fixes.
        runs: Vec<ShardRun>,
    },
}

/// Asks a shard for everything derived since the last time.
#[derive(Debug)]
pub(super) struct Collect {
    /// Where the part goes.
    pub(super) reply: oneshot::Sender<Part>,
    /// The parts before this one are stored.
    pub(super) stored_before: bool,
}

/// A shard's task.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) store: Store,
    pub(super) directory: watch::Receiver<Arc<Directory>>,
    pub(super) mailbox: mpsc::Receiver<ShardMessage>,
    pub(super) collects: mpsc::Receiver<Collect>,
    pub(super) vehicles: FxHashMap<VehicleId, Box<VehicleEntry>>,
    pub(super) position: u64,
    pub(super) changes_max: usize,
    pub(super) tail_bytes_max: usize,
    pub(super) part: Part,
    pub(super) late: LateLookup,
    /// Late fixes that may not be readable in the store yet: of the part being filled, and of the one before.
    pub(super) late_unstored: [BTreeMap<(VehicleId, Timestamp), Stored>; 2],
}

impl Shard {
    /// Takes up a vehicle from its snapshot.
    pub(super) fn restore(&mut self, row: VehicleStateRow) -> Result<(), crate::detect::SnapshotError> {
        let vehicle = row.vehicle;
        let entry = VehicleEntry::restore(row)?;
        self.vehicles.insert(vehicle, Box::new(entry));
        Ok(())
    }

    /// Runs until the mailbox and the collector are gone.
    pub(super) async fn run(mut self) {
        loop {
            let full = self.part.changes() >= self.changes_max;
            tokio::select! {
                biased;
                collect = self.collects.recv() => match collect {
                    Some(collect) => self.hand_over(collect),
                    None => return,
                },
                message = self.mailbox.recv(), if !full && !self.mailbox_ended() => match message {
                    Some(ShardMessage::Record { sequence, runs }) => self.handle_record(sequence, runs).await,
                    None => {}
                },
            }
        }
    }

    fn mailbox_ended(&self) -> bool {
        self.mailbox.is_closed() && self.mailbox.is_empty()
    }

    fn hand_over(&mut self, collect: Collect) {
        if collect.stored_before {
            let [filling, before] = &mut self.late_unstored;
            *before = std::mem::take(filling);
        }
        let mut part = std::mem::take(&mut self.part);
        part.position = self.position;
        let mut bytes = 0;
        for vehicle in std::mem::take(&mut part.dirty) {
            if let Some(entry) = self.vehicles.get_mut(&vehicle) {
                part.vehicles.push(entry.row(vehicle));
                bytes = entry.memory_bytes();
            }
        }
        if bytes > 0 {
            // One vehicle of each flush stands for all: counting every state would cost more than it tells.
            metrics::gauge!(name::VEHICLE_BYTES).set(precise(bytes.saturating_mul(self.vehicles.len())));
        }
        metrics::gauge!(name::VEHICLES).set(precise(self.vehicles.len()));
        drop(collect.reply.send(part));
    }

    async fn handle_record(&mut self, sequence: u64, runs: Vec<ShardRun>) {
        let directory = Arc::clone(&self.directory.borrow_and_update());
        let mut transitions = Vec::new();
        let mut turn = 0;
        for run in runs {
            let mut tally = Tally::default();
            for fix in &run.fixes {
                self.handle_fix(&directory, sequence, fix, &mut transitions, &mut tally).await;
                turn += 1;
                if turn % FIXES_PER_TURN == 0 {
                    tokio::task::yield_now().await;
                }
            }
            tally.report(run.outcome.as_deref());
        }
        self.position = sequence;
    }

    async fn handle_fix(
        &mut self,
        directory: &Directory,
        sequence: u64,
        fix: &Fix,
        transitions: &mut Vec<Transition>,
        tally: &mut Tally,
    ) {
        let Some(record) = directory.vehicle(fix.vehicle) else {
            // Only when a journal outlives its register, which import never allows.
            return;
        };
        let entry = self.vehicles.entry(fix.vehicle).or_default();
        if entry.applied > sequence {
            return;
        }
        if entry.applied == sequence && !entry.in_record(sequence) {
            return;
        }
        entry.begin_record(sequence);
        let context = directory.context(record);
        let admission = entry.state.handle_fix(&context, fix, transitions);
        let stored = match admission {
            Admission::Judged => Some(*fix),
            Admission::NotJudged(quality) => {
                tally.not_judged += 1;
                Some(Fix { quality, ..*fix })
            }
            Admission::Duplicate => None,
            Admission::Contradiction => {
                self.part.contradiction(fix, entry.last_stored());
                None
            }
            Admission::Late => {
                tally.late += 1;
                return self.handle_late(fix, tally).await;
            }
        };
        self.part.dirty.insert(fix.vehicle);
        match stored {
            Some(fix) => {
                tally.stored += 1;
                self.part.count(directory, &fix, false);
                entry.push(fix, self.tail_bytes_max, &mut self.part);
            }
            None => {
                self.part.count(directory, fix, true);
                tally.duplicates += 1;
            }
        }
        for transition in transitions.drain(..) {
            if matches!(transition, Transition::Opened(_)) {
                tally.violations += 1;
            }
            self.part.transition(directory, record, fix.vehicle, transition);
        }
    }

    /// A fix older than the newest of its vehicle: stored when new; judged when the track is judged again.
    async fn handle_late(&mut self, fix: &Fix, tally: &mut Tally) {
        let Some(entry) = self.vehicles.get(&fix.vehicle) else { return };
        let key = (fix.vehicle, fix.time);
        let known = entry.find(fix.time).map(|stored| Stored::from(&stored)).or_else(|| {
            let [filling, before] = &self.late_unstored;
            filling.get(&key).or_else(|| before.get(&key)).copied()
        });
        let known = match known {
            Some(known) => Some(known),
            None => {
                let horizon = entry.unstored_from();
                loop {
                    match self.late.find(&self.store, fix.vehicle, fix.time, horizon).await {
                        Ok(known) => break known,
                        Err(error) => {
                            tracing::warn!(%error, "stored track cannot be read: the shard waits");
                            tokio::time::sleep(super::STORE_RETRY).await;
                        }
                    }
                }
            }
        };
        let directory = Arc::clone(&self.directory.borrow());
        match known {
            Some(stored) => {
                if !stored.agrees_with(fix) {
                    self.part.contradiction(fix, None);
                }
                self.part.count(&directory, fix, true);
                tally.duplicates += 1;
            }
            None => {
                let [filling, _] = &mut self.late_unstored;
                filling.insert(key, Stored::from(fix));
                self.late.insert(fix);
                self.part.late(fix);
                self.part.count(&directory, fix, false);
                tally.stored += 1;
            }
        }
        self.part.dirty.insert(fix.vehicle);
    }
}

/// What one run came to.
#[derive(Debug, Default)]
struct Tally {
    stored: u64,
    duplicates: u64,
    not_judged: u64,
    late: u64,
    violations: u64,
}

impl Tally {
    fn report(&self, outcome: Option<&Outcome>) {
        use std::sync::atomic::Ordering::Relaxed;
        metrics::counter!(name::FIXES_JUDGED).increment(self.stored - self.not_judged.min(self.stored));
        metrics::counter!(name::FIXES_NOT_JUDGED).increment(self.not_judged);
        metrics::counter!(name::FIXES_DUPLICATE).increment(self.duplicates);
        metrics::counter!(name::FIXES_LATE).increment(self.late);
        if let Some(outcome) = outcome {
            outcome.stored.fetch_add(self.stored, Relaxed);
            outcome.duplicates.fetch_add(self.duplicates, Relaxed);
            outcome.violations.fetch_add(self.violations, Relaxed);
            outcome.shard_done();
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge")]
fn precise(number: usize) -> f64 {
    number as f64
}
