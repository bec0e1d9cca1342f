//! Carries what the shards derived to the store: one transaction a flush.
//!
//! A failed flush is tried again with the same content; meanwhile the shards fill the next part up to their
//! bound and then stop reading their mailboxes, so that in the end the senders wait.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Config;
use crate::detect::Piece;
use crate::journal::Journal;
use crate::live::Live;
use crate::model::duty::MinuteSet;
use crate::store::{Flush, OperatingDay, Store};
use crate::telemetry::name;

use super::Parts;
use super::driving::{Drivers, Replaced};
use super::part::Part;
use super::shard::Collect;

/// The task that flushes.
#[derive(Debug)]
pub(super) struct Flusher {
    store: Store,
    journal: Journal,
    clock: Clock,
    timer: Clock,
    live: Live,
    shards: Vec<mpsc::Sender<Collect>>,
    pause: Duration,
    retry: Duration,
    /// How long records stay after they were flushed.
    keep: Duration,
    /// Tells the position up to which everything derived is stored.
    flushed: watch::Sender<u64>,
    /// Tells whether the last flush succeeded.
    storing: watch::Sender<bool>,
    /// Judges the drivers.
    drivers: Drivers,
    /// Violations of drivers that have begun; for who counts what a file brings.
    begun: watch::Sender<u64>,
    /// Positions and when they were flushed, oldest first: what may be trimmed and when.
    trimmable: VecDeque<(Duration, u64)>,
}

/// Positions remembered for trimming.
const TRIMMABLE_MAX: usize = 4096;

impl Flusher {
    /// A flusher for these shards.
    pub(super) fn new(
        parts: &Parts,
        config: &Config,
        drivers: Drivers,
        shards: Vec<mpsc::Sender<Collect>>,
        flushed: watch::Sender<u64>,
    ) -> Self {
        Self {
            store: parts.store.clone(),
            journal: parts.journal.clone(),
            clock: parts.clock.clone(),
            timer: Clock::system(),
            live: parts.live.clone(),
            shards,
            pause: Duration::from_millis(config.shard.flush_ms),
            retry: Duration::from_millis(config.journal.retry_ms),
            keep: Duration::from_secs(config.journal.keep_s),
            flushed,
            storing: watch::Sender::new(true),
            drivers,
            begun: watch::Sender::new(0),
            trimmable: VecDeque::new(),
        }
    }

    /// Follows whether the last flush succeeded.
    pub(super) fn storing(&self) -> watch::Receiver<bool> {
        self.storing.subscribe()
    }

    /// Runs until `stop`, then flushes once more.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            let stopping = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(self.pause) => false,
            };
            self.flush().await;
            if stopping {
                return;
            }
        }
    }

    async fn flush(&mut self) {
        let mut parts = Vec::with_capacity(self.shards.len());
        for shard in &self.shards {
            let (reply, part) = oneshot::channel();
            if shard.send(Collect(reply)).await.is_err() {
                tracing::error!("a shard has died: nothing is flushed any more");
                return;
            }
            parts.push(part);
        }
        let mut collected = Vec::with_capacity(parts.len());
        for part in parts {
            match part.await {
                Ok(part) => collected.push(part),
                Err(_) => return,
            }
        }
        let Gathered {
            mut flush,
            told,
            replaced,
        } = self.merge(collected);
        let begun = self.drivers.take(&told, &replaced, &mut flush).await;
        let position = flush.journal_position;
        if is_empty(&flush) && position == *self.flushed.borrow() {
            return;
        }
        while let Err(error) = self.store.commit_flush(&flush).await {
            metrics::counter!(name::FLUSH_FAILURES).increment(1);
            self.storing.send_replace(false);
            tracing::error!(%error, "derived rows cannot be stored: judging will stop, then ingest");
            tokio::time::sleep(self.retry).await;
        }
        metrics::counter!(name::FLUSHES).increment(1);
        self.storing.send_replace(true);
        self.begun.send_modify(|all| *all += begun);
        self.flushed.send_replace(position);
        self.live.journal_reached(position);
        match self.store.last_change().await {
            Ok(sequence) => self.live.changes_reached(sequence.cast_unsigned()),
            Err(error) => tracing::warn!(%error, "the change log cannot be read"),
        }
        self.trim(position).await;
    }

    /// Follows how many violations of drivers have begun since the start.
    pub(super) fn begun(&self) -> watch::Receiver<u64> {
        self.begun.subscribe()
    }

    fn merge(&self, parts: Vec<Part>) -> Gathered {
        let mut flush = Flush {
            at: self.clock.now(),
            journal_position: parts.iter().map(|part| part.position).min().unwrap_or(0),
            ..Flush::default()
        };
        let mut operating: BTreeMap<(Arc<str>, i64), MinuteSet> = BTreeMap::new();
        let mut told = Vec::new();
        let mut replaced = Vec::new();
        for part in parts {
            told.extend(part.pieces);
            replaced.extend(part.replaced);
            flush.violations.extend(part.violations.into_values());
            flush.chunks.extend(part.chunks);
            flush.vehicles.extend(part.vehicles);
            flush.vehicle_days.extend(part.days.into_values());
            flush.faults.extend(part.faults.into_values());
            flush.contradictions.extend(part.contradictions);
            flush.superseded.extend(part.superseded.into_values());
            flush.prealarms.extend(part.prealarms);
            flush.late.extend(part.rejudge.into_values());
            flush.checkpoints.extend(part.checkpoints);
            flush.rules.extend(part.rules);
            flush.rejudged.extend(part.rejudged);
            for driven in part.driving.into_values() {
                for (day, minutes) in driven.days {
                    let key = (Arc::clone(&driven.enterprise), day);
                    operating.entry(key).or_default().union_with(&minutes);
                }
            }
        }
        // The order in which rows are written does not hang on a hash.
        flush.vehicle_days.sort_by_key(|row| (row.vehicle, row.day));
        flush.operating = operating
            .into_iter()
            .map(|((enterprise_id, day), minutes)| OperatingDay {
                enterprise_id: enterprise_id.to_string(),
                day,
                minutes,
            })
            .collect();
        Gathered {
            flush,
            told,
            replaced,
        }
    }

    /// Takes records out of the journal that were flushed long enough ago.
    async fn trim(&mut self, position: u64) {
        let now = self.timer.monotonic();
        if self.trimmable.len() < TRIMMABLE_MAX {
            self.trimmable.push_back((now, position));
        }
        let mut through = None;
        while let Some((flushed_at, position)) = self.trimmable.front()
            && now.saturating_sub(*flushed_at) >= self.keep
        {
            through = Some(*position);
            self.trimmable.pop_front();
        }
        if let Some(through) = through
            && let Err(error) = self.journal.trim(through).await
        {
            tracing::warn!(%error, "the journal cannot be trimmed");
        }
    }
}

/// The parts of all shards, joined.
struct Gathered {
    flush: Flush,
    /// Time at the wheels.
    told: Vec<Piece>,
    /// Vehicles that tell it anew.
    replaced: Vec<Replaced>,
}

fn is_empty(flush: &Flush) -> bool {
    flush.violations.is_empty()
        && flush.chunks.is_empty()
        && flush.vehicles.is_empty()
        && flush.operating.is_empty()
        && flush.vehicle_days.is_empty()
        && flush.rejudged.is_empty()
        && flush.prealarms.is_empty()
        && flush.driving.is_empty()
}
