//! A shard owns the states of its vehicles: fixes in, derived rows out.
//!
//! It gets journal records in order, judges what its vehicles have not seen yet, and keeps the results until
//! the flusher collects them. A collected part carries the position up to which it is complete.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustc_hash::FxHashMap;
use tokio::sync::{mpsc, oneshot, watch};

use crate::detect::{Admission, Transition, VehicleState};
use crate::model::{Fix, JudgedBy, Quality, Timestamp, VehicleId};
use crate::store::{Said, SavedVehicle, Store, StoreError};
use crate::telemetry::name;

use super::STORE_RETRY;
use super::committer::Outcome;
use super::datum_suspects::DatumSuspects;
use super::directory::{Directory, VehicleRecord};
use super::drivers::{CardTold, Cards};
use super::late::{LateLookup, Stored};
use super::part::Part;
use super::rejudge::Judged;
use super::silence::Silence;
use super::vehicle::{RestoreError, VehicleEntry};

/// Fixes judged before other tasks get their turn.
const FIXES_PER_TURN: usize = 1024;

/// Which of `shards` shards owns a vehicle.
pub(super) fn shard_of(vehicle: VehicleId, shards: usize) -> usize {
    vehicle.0 as usize % shards.max(1)
}

/// One sender's fixes for one shard.
#[derive(Debug)]
pub(super) struct ShardRun {
    /// In order of arrival.
    pub(super) fixes: Vec<Fix>,
    /// Where to count, when the sender waits.
    pub(super) outcome: Option<Arc<Outcome>>,
}

/// A journal record as a shard gets it; every shard gets one, also when nothing in it is theirs.
#[derive(Debug)]
pub(super) struct ShardRecord {
    /// Journal sequence.
    pub(super) sequence: u64,
    /// Its fixes for this shard.
    pub(super) runs: Vec<ShardRun>,
}

/// Asks a shard for everything derived since the last time; all that it gave before is stored.
#[derive(Debug)]
pub(super) struct Collect(pub(super) oneshot::Sender<Part>);

/// What the re-judging asks of a shard.
#[derive(Debug)]
pub(super) enum RejudgeCommand {
    /// Keep the fixes of this vehicle that come from now on, too.
    Begin(VehicleId, oneshot::Sender<Begun>),
    /// Nothing comes of it.
    Abandon(VehicleId),
    /// Put this state in the place of the vehicle's.
    Finish(Box<Judged>, oneshot::Sender<Swapped>),
}

/// A vehicle as it is when it begins to be judged again.
#[derive(Debug)]
pub(super) struct Begun {
    /// By which rules it was judged so far.
    pub(super) judged_by: JudgedBy,
    /// Time of its last fix; [`Timestamp::MIN`] where there is none.
    pub(super) last: Timestamp,
}

/// What became of a vehicle that was judged again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Swapped {
    /// The next flush stores it.
    Done,
    /// So many fixes came meanwhile, or other rules, that it must be done again.
    Overtaken,
}

/// A shard's task.
#[derive(Debug)]
pub(super) struct Shard {
    /// Its number, for metrics.
    pub(super) label: String,
    pub(super) store: Store,
    pub(super) directory: watch::Receiver<Arc<Directory>>,
    pub(super) mailbox: mpsc::Receiver<ShardRecord>,
    pub(super) collects: mpsc::Receiver<Collect>,
    pub(super) rejudging: mpsc::Receiver<RejudgeCommand>,
    pub(super) cards_told: mpsc::Receiver<CardTold>,
    pub(super) cards: Cards,
    pub(super) vehicles: FxHashMap<VehicleId, Box<VehicleEntry>>,
    pub(super) position: u64,
    pub(super) changes_max: usize,
    pub(super) tail_bytes_max: usize,
    pub(super) part: Part,
    pub(super) late: LateLookup,
    /// Late fixes that may not be readable in the store yet: of the part being filled, and of the one before.
    pub(super) late_unstored: [BTreeMap<(VehicleId, Timestamp), Fix>; 2],
    /// Vehicles whose chunks were handed over with the last part.
    pub(super) chunked: BTreeSet<VehicleId>,
    pub(super) datum_suspects: DatumSuspects,
    pub(super) silence: Silence,
}

impl Shard {
    /// Takes up a vehicle from what a flush saved.
    pub(super) fn restore(
        &mut self,
        saved: &SavedVehicle,
        judged_by: JudgedBy,
    ) -> Result<(), RestoreError> {
        let entry = VehicleEntry::restore(saved, judged_by)?;
        self.datum_suspects
            .note(saved.vehicle, entry.state.datum_suspicion());
        self.silence.hear(saved.vehicle, entry.state.is_waiting());
        self.vehicles.insert(saved.vehicle, Box::new(entry));
        Ok(())
    }

    /// Takes up a vehicle with a state that is not the saved one, and is to be saved.
    pub(super) fn restore_with(
        &mut self,
        saved: &SavedVehicle,
        state: VehicleState,
        judged_by: JudgedBy,
    ) -> Result<(), RestoreError> {
        let mut entry = VehicleEntry::with_state(saved, state, judged_by)?;
        if entry.mark_changed() {
            self.part.dirty.push(saved.vehicle);
        }
        self.vehicles.insert(saved.vehicle, Box::new(entry));
        Ok(())
    }

    /// Runs until nobody collects any more.
    pub(super) async fn run(mut self) {
        let mut transitions = Vec::new();
        let mut ended = false;
        loop {
            let full = self.part.changes() >= self.changes_max;
            tokio::select! {
                biased;
                collect = self.collects.recv() => match collect {
                    Some(Collect(reply)) => self.hand_over(reply),
                    None => return,
                },
                Some(command) = self.rejudging.recv(), if !full => self.handle_command(command),
                Some(told) = self.cards_told.recv() => self.handle_card(told),
                record = self.mailbox.recv(), if !full && !ended => match record {
                    Some(record) => self.handle_record(record, &mut transitions).await,
                    None => ended = true,
                },
            }
        }
    }

    fn hand_over(&mut self, reply: oneshot::Sender<Part>) {
        let directory = Arc::clone(&self.directory.borrow());
        self.decide_silent(&directory);
        let mut part = std::mem::take(&mut self.part);
        part.position = self.position;
        part.seal();
        // What was handed over before is stored now; what is handed over here is not yet.
        let [filling, before] = &mut self.late_unstored;
        *before = std::mem::take(filling);
        let chunked: BTreeSet<VehicleId> = part.chunks.iter().map(|chunk| chunk.vehicle).collect();
        let before = std::mem::replace(&mut self.chunked, chunked);
        for vehicle in before.union(&self.chunked) {
            if let Some(entry) = self.vehicles.get_mut(vehicle)
                && entry.stored_before()
            {
                self.late.forget(*vehicle);
            }
        }
        let mut bytes = 0;
        let mut told = Vec::new();
        for vehicle in std::mem::take(&mut part.dirty) {
            if let Some(entry) = self.vehicles.get_mut(&vehicle) {
                entry.changed = false;
                self.datum_suspects
                    .note(vehicle, entry.state.datum_suspicion());
                self.silence.hear(vehicle, entry.state.is_waiting());
                entry.state.take_pieces(&mut told);
                if let Some(record) = directory.vehicle(vehicle) {
                    for said in told.drain(..) {
                        part.take(&directory, record, vehicle, said);
                    }
                }
                told.clear();
                part.vehicles.push(entry.snapshot(vehicle));
                bytes = entry.memory_bytes();
            }
        }
        if bytes > 0 {
            // One vehicle of each flush stands for all: to count every state would cost more than it tells.
            metrics::gauge!(name::VEHICLE_BYTES, "shard" => self.label.clone())
                .set(gauge(bytes.saturating_mul(self.vehicles.len())));
        }
        metrics::gauge!(name::VEHICLES, "shard" => self.label.clone())
            .set(gauge(self.vehicles.len()));
        self.datum_suspects.tell(&self.label);
        // The flusher waits for it, or the server is ending.
        drop(reply.send(part));
    }

    /// Decides what waits for the next fixes of vehicles of which nothing has come for long.
    fn decide_silent(&mut self, directory: &Directory) {
        let mut told = Vec::new();
        for vehicle in self.silence.fallen(!self.mailbox.is_empty()) {
            let (Some(entry), Some(record)) =
                (self.vehicles.get_mut(&vehicle), directory.vehicle(vehicle))
            else {
                continue;
            };
            let last = entry.state.last_judged().unwrap_or(Timestamp::MIN);
            let context = directory.context_at(record, &entry.judged_by, last);
            let now = self.silence.now();
            if !entry.state.fall_silent(&context, now, &mut told) {
                continue;
            }
            metrics::counter!(name::SILENCES).increment(1);
            if entry.mark_changed() {
                self.part.dirty.push(vehicle);
            }
            let begun = |said: &&Transition| matches!(said, Transition::Opened(_));
            self.silence.count_begun(told.iter().filter(begun).count());
            for said in told.drain(..) {
                self.part.take(directory, record, vehicle, said);
            }
        }
    }

    fn handle_card(&mut self, told: CardTold) {
        let CardTold { card, reply } = told;
        self.cards.told(&card);
        let entry = self.vehicles.get(&card.vehicle);
        let last = entry.and_then(|entry| entry.state.last_fix());
        if reply.send(last.map(|fix| fix.time)).is_err() {
            tracing::debug!("the terminal has gone: it tells its card again");
        }
    }

    fn handle_command(&mut self, command: RejudgeCommand) {
        match command {
            RejudgeCommand::Begin(vehicle, reply) => {
                let entry = self
                    .vehicles
                    .entry(vehicle)
                    .or_insert_with(|| Box::new(VehicleEntry::new(vehicle)));
                entry.record();
                let begun = Begun {
                    judged_by: entry.judged_by.clone(),
                    last: entry
                        .state
                        .last_fix()
                        .map_or(Timestamp::MIN, |fix| fix.time),
                };
                if reply.send(begun).is_err() {
                    self.abandon(vehicle);
                }
            }
            RejudgeCommand::Abandon(vehicle) => self.abandon(vehicle),
            RejudgeCommand::Finish(judged, reply) => {
                let swapped = self.swap(*judged);
                if reply.send(swapped).is_err() {
                    // The server is ending; the next one finds the queue as the flush leaves it.
                    tracing::debug!(?swapped, "nobody waits for a vehicle that was judged again");
                }
            }
        }
    }

    fn abandon(&mut self, vehicle: VehicleId) {
        if let Some(entry) = self.vehicles.get_mut(&vehicle) {
            entry.recorded();
        }
    }

    /// Takes up a vehicle's state that was judged again, brought up to now.
    fn swap(&mut self, mut judged: Judged) -> Swapped {
        let directory = Arc::clone(&self.directory.borrow());
        let vehicle = judged.vehicle;
        let (Some(entry), Some(record)) =
            (self.vehicles.get_mut(&vehicle), directory.vehicle(vehicle))
        else {
            return Swapped::Overtaken;
        };
        let recorded = entry.recorded();
        let Some(recorded) = recorded.filter(|_| entry.judged_by == judged.ruled_before) else {
            return Swapped::Overtaken;
        };
        self.cards.share(vehicle, &mut judged.cards);
        for fix in &recorded {
            let context = directory.context_at(record, &judged.ruled_by, fix.time);
            let fix = judged.cards.named(fix);
            judged.rejudge.handle_fix(&context, &fix);
        }
        if let Some(until) = entry.state.silent_until() {
            // What was decided without waiting stays decided, now with the late fixes.
            let context = directory.context_at(record, &judged.ruled_by, until);
            judged
                .rejudge
                .stay_silent(&context, until, judged.learned_at);
        }
        entry.judged_by = judged.ruled_by.clone();
        let before = self.part.forget(vehicle);
        let (replaced, pieces) = judged.take_pieces();
        self.part.replace(replaced, pieces);
        let (state, rejudged) = judged.finish(&directory, record, before);
        entry.take_up(state);
        if entry.mark_changed() {
            self.part.dirty.push(vehicle);
        }
        self.part.rejudged.push(rejudged);
        Swapped::Done
    }

    async fn handle_record(&mut self, record: ShardRecord, transitions: &mut Vec<Transition>) {
        let directory = Arc::clone(&self.directory.borrow_and_update());
        for run in record.runs {
            let mut tally = Tally::default();
            for turn in run.fixes.chunks(FIXES_PER_TURN) {
                for fix in turn {
                    let named;
                    let judged = if self.cards.decide(fix) {
                        named = self.cards.named(&self.store, fix).await;
                        &named
                    } else {
                        fix
                    };
                    let of = (fix, judged);
                    let unordered =
                        self.handle_fix(&directory, record.sequence, of, transitions, &mut tally);
                    if let Some(fix) = unordered {
                        self.handle_late(&directory, &fix, &mut tally).await;
                    }
                }
                tokio::task::yield_now().await;
            }
            tally.report(run.outcome.as_deref());
        }
        self.position = record.sequence;
    }

    /// Judges a fix, kept as it came and judged with its driver named; gives it back when it has no place in the
    /// order of its vehicle and must be looked up.
    fn handle_fix(
        &mut self,
        directory: &Directory,
        sequence: u64,
        (fix, judged): (&Fix, &Fix),
        transitions: &mut Vec<Transition>,
        tally: &mut Tally,
    ) -> Option<Fix> {
        let Some(record) = directory.vehicle(fix.vehicle) else {
            // A vehicle that an import took out while its fixes were on the way.
            metrics::counter!(name::BAD_INPUT, "reason" => "unknown_vehicle").increment(1);
            return None;
        };
        let entry = self
            .vehicles
            .entry(fix.vehicle)
            .or_insert_with(|| Box::new(VehicleEntry::new(fix.vehicle)));
        if !entry.takes(sequence) {
            return None;
        }
        if entry.mark_changed() {
            self.part.dirty.push(fix.vehicle);
        }
        let last = entry.state.last_fix().map(|last| last.time);
        if last == Some(fix.time) && self.cards.know(fix.vehicle) {
            // Which of the two stands is decided by what they say themselves, and the detectors saw the one named.
            return Some(*fix);
        }
        self.part
            .rules
            .extend(entry.judge_on(fix, directory.import));
        self.part
            .checkpoints
            .extend(entry.pass_midnight(&directory.rules.zone, fix));
        match entry
            .state
            .handle_fix(&directory.context(record), judged, transitions)
        {
            Admission::Judged => self.keep(directory, fix, fix.quality, tally),
            Admission::NotJudged(quality) if quality.contains(Quality::CLOCK) => {
                // Its time says nothing about its order.
                return Some(Fix { quality, ..*fix });
            }
            Admission::NotJudged(quality) => {
                tally.not_judged += 1;
                self.keep(directory, fix, quality, tally);
            }
            Admission::Duplicate => self.repeated(directory, fix, tally),
            // What the detectors saw may no longer be what stands.
            Admission::Contradiction | Admission::Late => return Some(*fix),
        }
        self.take_transitions(directory, record, fix.vehicle, transitions, tally);
        None
    }

    fn take_transitions(
        &mut self,
        directory: &Directory,
        record: &VehicleRecord,
        vehicle: VehicleId,
        transitions: &mut Vec<Transition>,
        tally: &mut Tally,
    ) {
        for transition in transitions.drain(..) {
            tally.violations += u64::from(matches!(transition, Transition::Opened(_)));
            self.part.take(directory, record, vehicle, transition);
        }
    }

    /// Adds a fix to the track in order.
    fn keep(&mut self, directory: &Directory, fix: &Fix, quality: Quality, tally: &mut Tally) {
        let fix = Fix { quality, ..*fix };
        tally.stored += 1;
        self.part.count(&directory.rules.zone, &fix, false);
        if let Some(entry) = self.vehicles.get_mut(&fix.vehicle) {
            self.part
                .chunks
                .extend(entry.push(&fix, self.tail_bytes_max));
        }
    }

    /// Adds a fix to the track out of order.
    fn keep_late(&mut self, directory: &Directory, fix: &Fix, tally: &mut Tally) {
        let [filling, _] = &mut self.late_unstored;
        filling.insert((fix.vehicle, fix.time), *fix);
        self.late.insert(fix);
        self.part.add_late(fix);
        self.part.count(&directory.rules.zone, fix, false);
        tally.stored += 1;
    }

    fn repeated(&mut self, directory: &Directory, fix: &Fix, tally: &mut Tally) {
        self.part.count(&directory.rules.zone, fix, true);
        tally.duplicates += 1;
    }

    /// Keeps a record that contradicts the one that stands; tracks are read without it.
    fn keep_contradicting(&mut self, fix: &Fix) {
        let quality = fix.quality.with(Quality::CONTRADICTION);
        self.part.add_late(&Fix { quality, ..*fix });
    }

    /// A fix older than the newest of its vehicle, or of its time: stored when it is new.
    async fn handle_late(&mut self, directory: &Directory, fix: &Fix, tally: &mut Tally) {
        let stored = self.stored_at(fix).await;
        let Some(stored) = stored.filter(|stored| stored.stands_for(fix)) else {
            tally.late += 1;
            self.keep_late(directory, fix, tally);
            return;
        };
        if stored.may_yield_to(fix) && self.goes_before(fix).await {
            self.supersede(directory, fix, stored);
        } else if !stored.agrees_with(fix) {
            self.part
                .add_contradiction(fix, stored.said(), Said::from(fix));
            self.keep_contradicting(fix);
        }
        self.repeated(directory, fix, tally);
    }

    /// Puts a fix in the place of the one of its time that stood: that one counts as the repetition.
    fn supersede(&mut self, directory: &Directory, fix: &Fix, stored: Stored) {
        let agrees = stored.agrees_with(fix);
        if !agrees {
            self.part
                .add_contradiction(fix, Said::from(fix), stored.said());
        }
        self.part.supersede(fix);
        self.part
            .recount(&directory.rules.zone, fix, stored.is_qualified());
        let entry = self.vehicles.get_mut(&fix.vehicle);
        if let Some(replaced) = entry.and_then(|entry| entry.replace(fix)) {
            if !agrees {
                self.keep_contradicting(&replaced);
            }
        } else {
            let [filling, _] = &mut self.late_unstored;
            filling.insert((fix.vehicle, fix.time), *fix);
            self.part.add_late(fix);
        }
        self.late.insert(fix);
    }

    /// What may not be readable in the store yet of the track at the time of a fix.
    fn unstored_at(&self, fix: &Fix) -> Option<Fix> {
        let key = (fix.vehicle, fix.time);
        let late = self.late_unstored.iter().find_map(|late| late.get(&key));
        late.copied()
            .or_else(|| self.vehicles.get(&fix.vehicle)?.find(fix.time))
    }

    /// What the track already has at the time of a fix.
    async fn stored_at(&mut self, fix: &Fix) -> Option<Stored> {
        if let Some(known) = self.unstored_at(fix) {
            return Some(Stored::from(&known));
        }
        loop {
            let found = self.late.find(&self.store, fix.vehicle, fix.time);
            match found.await {
                Ok(known) => return known,
                Err(error) => wait_for_store(&error).await,
            }
        }
    }

    /// Whether a fix stands before what the track has at its time.
    async fn goes_before(&self, fix: &Fix) -> bool {
        let before = |known: &Fix| fix.precedence() < known.precedence();
        if let Some(known) = self.unstored_at(fix) {
            return before(&known);
        }
        loop {
            let found = LateLookup::find_whole(&self.store, fix.vehicle, fix.time);
            match found.await {
                Ok(known) => return known.as_ref().is_some_and(before),
                Err(error) => wait_for_store(&error).await,
            }
        }
    }
}

async fn wait_for_store(error: &StoreError) {
    tracing::warn!(%error, "the stored track cannot be read: the shard waits");
    tokio::time::sleep(STORE_RETRY).await;
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
        let judged = self.stored.saturating_sub(self.not_judged + self.late);
        metrics::counter!(name::FIXES_JUDGED).increment(judged);
        metrics::counter!(name::FIXES_NOT_JUDGED).increment(self.not_judged);
        metrics::counter!(name::FIXES_DUPLICATE).increment(self.duplicates);
        metrics::counter!(name::FIXES_LATE).increment(self.late);
        if let Some(outcome) = outcome {
            outcome.stored.fetch_add(self.stored, Ordering::Relaxed);
            outcome
                .duplicates
                .fetch_add(self.duplicates, Ordering::Relaxed);
            outcome
                .violations
                .fetch_add(self.violations, Ordering::Relaxed);
            outcome.shard_done();
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge")]
pub(super) fn gauge(number: usize) -> f64 {
    number as f64
}
