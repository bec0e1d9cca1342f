//! Vehicles that have fallen silent while fixes of theirs wait for the next ones, as speeding on a road map does.
//!
//! Looked at with each flush, so that it costs a fix nothing. Event time decides the verdicts; the clock says
//! only when to decide without waiting on, and since when what is decided could be seen.
//!
//! The default is two minutes: what it tells is young enough then to be reminded of, and whoever reports
//! every two minutes or less often still comes in order, because no silence is decided for longer than a block
//! and its margin behind the last fix.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::ShardSettings;
use crate::model::{Span, Timestamp, VehicleId};

/// Whether more may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    /// The journal is being read: what it holds was received long ago.
    Replaying,
    /// More comes.
    Open,
    /// No more comes: nobody need wait for it.
    Ended,
}

/// What the shards share.
#[derive(Debug)]
pub(super) struct Silences {
    clock: Clock,
    /// After so long without a fix a vehicle is silent.
    bound: Span,
    input: watch::Sender<Input>,
    /// Violations that were begun for the silent of all shards.
    begun: Arc<AtomicU64>,
}

impl Silences {
    pub(super) fn new(settings: &ShardSettings, clock: Clock) -> Self {
        let bound = i64::try_from(settings.silence_s).unwrap_or(i64::MAX);
        Self {
            clock,
            bound: Span::from_seconds(bound),
            input: watch::Sender::new(Input::Replaying),
            begun: Arc::default(),
        }
    }

    /// For one more shard.
    pub(super) fn of_shard(&self) -> Silence {
        Silence {
            clock: self.clock.clone(),
            bound: self.bound,
            input: self.input.subscribe(),
            heard: BTreeMap::new(),
            begun: Arc::clone(&self.begun),
        }
    }

    /// The journal has been read: from now on it counts who is silent.
    pub(super) fn open(&self) {
        self.input.send_replace(Input::Open);
    }

    /// No more comes: whoever waits is silent.
    pub(super) fn end(&self) {
        self.input.send_replace(Input::Ended);
    }

    /// Violations that were begun for the silent.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }
}

/// The vehicles of a shard whose fixes wait.
#[derive(Debug)]
pub(super) struct Silence {
    clock: Clock,
    bound: Span,
    input: watch::Receiver<Input>,
    /// When something was last received of them; one entry a vehicle, and few wait at a time.
    heard: BTreeMap<VehicleId, Timestamp>,
    begun: Arc<AtomicU64>,
}

impl Silence {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Notes that something of a vehicle has just come, and whether fixes of it wait.
    pub(super) fn hear(&mut self, vehicle: VehicleId, is_waiting: bool) {
        if is_waiting {
            self.heard.insert(vehicle, self.clock.now());
        } else if !self.heard.is_empty() {
            self.heard.remove(&vehicle);
        }
    }

    /// Takes out the vehicles that are silent now.
    ///
    /// Nobody is while records are still to be judged: what they hold was received already.
    pub(super) fn fallen(&mut self, has_records: bool) -> Vec<VehicleId> {
        if self.heard.is_empty() {
            return Vec::new();
        }
        let now = self.clock.now();
        let input = *self.input.borrow();
        for heard in self.heard.values_mut() {
            // The silence counts from the start, and not from a moment that a clock set back has not reached.
            if input == Input::Replaying || now < *heard {
                *heard = now;
            }
        }
        if has_records || input == Input::Replaying {
            return Vec::new();
        }
        let is_silent = |_: &VehicleId, heard: &mut Timestamp| {
            input == Input::Ended || now.since(*heard) >= self.bound
        };
        let silent = self.heard.extract_if(.., is_silent);
        silent.map(|(vehicle, _)| vehicle).collect()
    }

    /// Counts violations that were begun.
    pub(super) fn count_begun(&self, violations: usize) {
        self.begun.fetch_add(violations as u64, Ordering::Relaxed);
    }
}
