//! One vehicle in a shard: its detectors, the end of its track, and how far it has read the journal.

use crate::detect::{SnapshotError, VehicleState};
use crate::model::{Fix, JudgedBy, LocalZone, Timestamp, VehicleId, judged_by};
use crate::store::{
    Checkpoint, FatigueLeft, LiveState, RulesFrom, SavedVehicle, TrackChunk, VehicleSnapshot,
};
use crate::track::{TrackError, TrackTail};

/// Why a saved vehicle cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Its detectors.
    #[error("saved detectors of vehicle {}", .vehicle.0)]
    State {
        /// The vehicle.
        vehicle: VehicleId,
        /// What is wrong.
        #[source]
        source: SnapshotError,
    },
    /// Its track.
    #[error("saved track of vehicle {}", .vehicle.0)]
    Tail {
        /// The vehicle.
        vehicle: VehicleId,
        /// What is wrong.
        #[source]
        source: TrackError,
    },
}

impl RestoreError {
    /// Whether an older version of the program saved it: its track tells all that it held.
    pub(super) const fn is_outdated(&self) -> bool {
        match self {
            Self::State { source, .. } => source.is_outdated(),
            Self::Tail { .. } => false,
        }
    }
}

/// A vehicle that a shard owns.
#[derive(Debug)]
pub(super) struct VehicleEntry {
    pub(super) state: VehicleState,
    /// By which rules its fixes were judged.
    pub(super) judged_by: JudgedBy,
    /// Fixes in order that are not in a chunk yet.
    tail: TrackTail,
    /// Chunks handed over, not known to be stored: the ones of the part being filled, and of the one before.
    unstored: [Vec<TrackChunk>; 2],
    /// Journal records up to this one have been judged.
    applied: u64,
    /// The record being judged now; its fixes are new although it counts as applied.
    current: u64,
    first_qualified_at: Option<Timestamp>,
    /// The last fix that was judged: where the vehicle is, for lists and maps.
    last_good: Option<Fix>,
    /// In the list of changed vehicles of the part being filled.
    pub(super) changed: bool,
    /// First fix time at which a checkpoint is due.
    day_end: Timestamp,
    /// Fixes that came in order since the vehicle began to be judged again, and those before them that may
    /// not be stored; `None` when it is not being judged again, or too many came.
    recording: Option<Vec<Fix>>,
}

/// Fixes recorded of one vehicle while it is judged again; with more, it is judged again later.
const RECORDED_MAX: usize = 16_384;

impl VehicleEntry {
    /// A vehicle of which nothing came yet.
    pub(super) fn new(vehicle: VehicleId) -> Self {
        Self {
            state: VehicleState::default(),
            judged_by: JudgedBy::default(),
            tail: TrackTail::new(vehicle),
            unstored: [Vec::new(), Vec::new()],
            applied: 0,
            current: 0,
            first_qualified_at: None,
            last_good: None,
            changed: false,
            day_end: Timestamp::MIN,
            recording: None,
        }
    }

    /// Marks it as changed; whether it was not before.
    pub(super) fn mark_changed(&mut self) -> bool {
        !std::mem::replace(&mut self.changed, true)
    }

    /// From what a flush saved.
    pub(super) fn restore(saved: &SavedVehicle, judged_by: JudgedBy) -> Result<Self, RestoreError> {
        let vehicle = saved.vehicle;
        let state = VehicleState::restore(&saved.state)
            .map_err(|source| RestoreError::State { vehicle, source })?;
        Self::with_state(saved, state, judged_by)
    }

    /// From what a flush saved, with another state.
    pub(super) fn with_state(
        saved: &SavedVehicle,
        state: VehicleState,
        judged_by: JudgedBy,
    ) -> Result<Self, RestoreError> {
        let vehicle = saved.vehicle;
        let tail = TrackTail::from_bytes(vehicle, &saved.tail)
            .map_err(|source| RestoreError::Tail { vehicle, source })?;
        Ok(Self {
            last_good: last_good(&tail),
            state,
            judged_by,
            tail,
            applied: saved.journal_sequence,
            ..Self::new(vehicle)
        })
    }

    /// Whether the fixes of that record are still to be judged; if so, it is the current one now.
    pub(super) fn takes(&mut self, sequence: u64) -> bool {
        if self.current != sequence && self.applied >= sequence {
            return false;
        }
        self.current = sequence;
        self.applied = sequence;
        true
    }

    /// The state at the midnight that the next fix passes, where it passes one.
    pub(super) fn pass_midnight(&mut self, zone: &LocalZone, fix: &Fix) -> Option<Checkpoint> {
        if fix.time < self.day_end || !self.state.is_next(fix) {
            return None;
        }
        let day = zone.day(fix.time);
        let midnight = zone.day_start(day);
        self.day_end = zone.day_start(day + 1);
        self.state
            .last_fix()
            .is_some_and(|last| last.time < midnight)
            .then(|| Checkpoint {
                vehicle: fix.vehicle,
                at: midnight,
                brief: false,
                state: self.state.snapshot(),
            })
    }

    /// Notes that a fix that comes next is judged by other rules than the one before, where it is.
    pub(super) fn judge_on(&mut self, fix: &Fix, import: i64) -> Option<RulesFrom> {
        if self.judged_by.last() == Some(import) || !self.state.is_next(fix) {
            return None;
        }
        let last = self.state.last_fix();
        let from = last.map_or(fix.time, |last| judged_by::after(last.time));
        self.judged_by.judge_on(from, import);
        Some(RulesFrom {
            vehicle: fix.vehicle,
            from,
            import,
        })
    }

    /// Begins to record, with everything that may not be stored yet.
    pub(super) fn record(&mut self) {
        let mut fixes: Vec<Fix> = Vec::new();
        // What was stored before comes first.
        for chunk in self.unstored.iter().rev().flatten() {
            if let Ok(run) = TrackTail::from_bytes(chunk.vehicle, &chunk.bytes) {
                fixes.extend(run.iter());
            }
        }
        fixes.extend(self.tail.iter());
        self.recording = Some(fixes);
    }

    /// Ends the recording and gives it out, whole; `None` when it could not be held.
    pub(super) fn recorded(&mut self) -> Option<Vec<Fix>> {
        self.recording.take()
    }

    /// Puts a state in the place of the vehicle's own; where that was silent, a late fix may be the newest of it.
    pub(super) fn take_up(&mut self, state: VehicleState) {
        self.state = state;
        let newest = self.state.last_fix().copied();
        let newest = newest.filter(|fix| self.state.last_judged() == Some(fix.time));
        let newer = |fix: &Fix| self.last_good.is_none_or(|last| last.time < fix.time);
        self.last_good = newest.filter(newer).or(self.last_good);
    }

    /// Adds a fix to the track; a full tail becomes a chunk.
    pub(super) fn push(&mut self, fix: &Fix, tail_bytes_max: usize) -> Option<TrackChunk> {
        if let Some(recording) = &mut self.recording {
            recording.push(*fix);
            if recording.len() > RECORDED_MAX {
                self.recording = None;
            }
        }
        if fix.quality.is_qualified() && self.first_qualified_at.is_none() {
            self.first_qualified_at = Some(fix.time);
        }
        if fix.quality.is_judged() {
            self.last_good = Some(*fix);
        }
        self.tail.push(fix);
        if self.tail.byte_len() < tail_bytes_max {
            return None;
        }
        let chunk = TrackChunk {
            vehicle: fix.vehicle,
            first: self.tail.first_time().unwrap_or(fix.time),
            last: self.tail.last_time().unwrap_or(fix.time),
            fixes: self.tail.len(),
            late: false,
            bytes: self.tail.take(),
        };
        let [filling, _] = &mut self.unstored;
        filling.push(chunk.clone());
        Some(chunk)
    }

    /// Puts a fix in the place of the one with its time that is in no chunk yet; that one, where there is one.
    pub(super) fn replace(&mut self, fix: &Fix) -> Option<Fix> {
        let replaced = self.tail.replace(fix)?;
        if self.last_good.is_some_and(|last| last.time == fix.time) {
            self.last_good = last_good(&self.tail);
        }
        Some(replaced)
    }

    /// The parts up to the one before are stored; whether a chunk of this vehicle was in the last of them.
    pub(super) fn stored_before(&mut self) -> bool {
        let [filling, before] = &mut self.unstored;
        let stored = std::mem::replace(before, std::mem::take(filling));
        !stored.is_empty()
    }

    /// The fix with that time, when it may not be readable in the store yet.
    pub(super) fn find(&self, time: Timestamp) -> Option<Fix> {
        self.tail.find(time).or_else(|| {
            self.unstored
                .iter()
                .flatten()
                .filter(|chunk| chunk.first <= time && time <= chunk.last)
                .find_map(|chunk| {
                    TrackTail::from_bytes(chunk.vehicle, &chunk.bytes)
                        .ok()?
                        .find(time)
                })
        })
    }

    /// What a flush saves.
    pub(super) fn snapshot(&self, vehicle: VehicleId) -> VehicleSnapshot {
        VehicleSnapshot {
            vehicle,
            journal_sequence: self.applied,
            state: self.state.snapshot(),
            tail: self.tail.bytes().to_vec(),
            live: self.last_good.map(|fix| LiveState {
                fix_at: fix.time,
                received_at: self
                    .state
                    .last_fix()
                    .map_or(fix.received, |last| last.received),
                position: fix.position,
                speed: fix.speed,
                course: fix.course,
                alarm: fix.alarm,
                status: fix.status,
                driver: self.state.at_wheel(&fix),
                // What is left to him is told by the flusher.
                left: FatigueLeft::default(),
                first_qualified_at: self.first_qualified_at,
                datum: self.state.datum_suspicion(),
            }),
        }
    }

    /// Bytes that the vehicle takes, its heap included.
    pub(super) fn memory_bytes(&self) -> usize {
        let chunks = self
            .unstored
            .iter()
            .flatten()
            .map(|chunk| chunk.bytes.len());
        size_of::<Self>() - size_of::<VehicleState>()
            + self.state.memory_bytes()
            + size_of_val(self.judged_by.changes())
            + self.tail.byte_len()
            + chunks.sum::<usize>()
    }
}

/// The last fix of a tail that was judged.
fn last_good(tail: &TrackTail) -> Option<Fix> {
    tail.iter().filter(|fix| fix.quality.is_judged()).last()
}
