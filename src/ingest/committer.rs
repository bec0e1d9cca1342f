//! Group commit: many submissions, one journal record, one sync; acknowledgements leave only after it.
//!
//! Submissions join the open group under a short lock. One task takes the oldest group, appends its record,
//! has its acknowledgements sent, wakes everybody who waits for the group, and hands the fixes to the shards. While one group is being
//! synced the next one fills. Memory is bounded by `pending_fixes_max`: past it senders wait, so that their
//! sockets stop being read.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

use crate::config::JournalSettings;
use crate::journal::Journal;
use crate::model::Fix;
use crate::telemetry::name;
use crate::track::JournalRecord;

use super::outbox::{Letters, Outbox};
use super::shard::{ShardRecord, ShardRun, shard_of};

/// What became of one submission whose sender waits for the judging, too.
#[derive(Debug, Default)]
pub struct Outcome {
    shards_left: AtomicUsize,
    done: Notify,
    /// Fixes stored that were not there before.
    pub stored: AtomicU64,
    /// Fixes that were there before.
    pub duplicates: AtomicU64,
    /// Violations opened by these fixes.
    pub violations: AtomicU64,
}

impl Outcome {
    fn new(shards: usize) -> Arc<Self> {
        Arc::new(Self {
            shards_left: AtomicUsize::new(shards),
            ..Self::default()
        })
    }

    /// One shard has judged its part.
    pub(super) fn shard_done(&self) {
        if self.shards_left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.notify_waiters();
        }
    }

    /// Waits until every shard has judged its part.
    pub async fn judged(&self) {
        loop {
            let done = self.done.notified();
            if self.shards_left.load(Ordering::Acquire) == 0 {
                return;
            }
            done.await;
        }
    }
}

/// A group of submissions that become durable together.
#[derive(Debug, Default)]
pub struct Group(Mutex<GroupState>);

/// A list of wakers, because all waiters are woken once and at once.
#[derive(Debug, Default)]
struct GroupState {
    durable: bool,
    waiters: Vec<Waker>,
}

impl Group {
    fn state(&self) -> MutexGuard<'_, GroupState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the group would survive `kill -9`.
    pub fn durable(&self) -> impl Future<Output = ()> + '_ {
        let mut place = None;
        poll_fn(move |context| {
            let mut state = self.state();
            if state.durable {
                return Poll::Ready(());
            }
            if let Some(waiter) = place.and_then(|place: usize| state.waiters.get_mut(place)) {
                // Woken for another reason.
                waiter.clone_from(context.waker());
            } else {
                place = Some(state.waiters.len());
                state.waiters.push(context.waker().clone());
            }
            Poll::Pending
        })
    }

    /// Whether it would survive `kill -9`.
    pub(super) fn is_durable(&self) -> bool {
        self.state().durable
    }

    fn complete(&self) {
        let waiters = {
            let mut state = self.state();
            state.durable = true;
            std::mem::take(&mut state.waiters)
        };
        for waiter in waiters {
            waiter.wake();
        }
    }
}

/// Fixes of one sender that wants to know their outcome.
#[derive(Debug)]
struct Run {
    fixes: Vec<Fix>,
    outcome: Arc<Outcome>,
}

#[derive(Debug, Default)]
struct PendingGroup {
    /// Fixes of terminals, in order of arrival.
    fixes: Vec<Fix>,
    runs: Vec<Run>,
    fixes_total: usize,
    group: Arc<Group>,
    /// Acknowledgements that leave when it is durable.
    letters: Letters,
}

impl PendingGroup {
    fn is_new(&self) -> bool {
        self.fixes_total == 0 && self.runs.is_empty()
    }
}

#[derive(Debug, Default)]
struct Pending {
    /// Oldest first; the last one is open.
    groups: VecDeque<PendingGroup>,
    fixes_total: usize,
    closed: bool,
}

/// Why fixes were not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Too many fixes wait for a commit.
    #[error("too many fixes wait for a commit")]
    Full,
    /// The server is draining.
    #[error("the server is draining")]
    Draining,
}

#[derive(Debug)]
struct Shared {
    pending: Mutex<Pending>,
    /// There is something to commit, or the end has come.
    work: Notify,
    /// Fixes were taken out: senders that wait may try again.
    room: Notify,
    /// Whether the last append succeeded.
    acknowledging: watch::Sender<bool>,
    group_fixes_max: usize,
    pending_fixes_max: usize,
    shards: usize,
}

/// What the commit task may do.
enum Readiness {
    Ready { draining: bool },
    Waiting,
    Ended,
}

/// The front of the journal; cheap to clone.
#[derive(Clone, Debug)]
pub struct Committer(Arc<Shared>);

impl Committer {
    /// A committer in front of `shards` shards; nothing is written until [`CommitTask::run`] runs.
    pub fn new(settings: &JournalSettings, shards: usize) -> Self {
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Self(Arc::new(Shared {
            pending: Mutex::default(),
            work: Notify::new(),
            room: Notify::new(),
            acknowledging: watch::Sender::new(true),
            group_fixes_max: count(settings.group_fixes_max),
            pending_fixes_max: count(settings.pending_fixes_max),
            shards,
        }))
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        // A panic while the lock is held leaves counts and lists that are still consistent.
        self.0
            .pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn add(
        &self,
        count: usize,
        put: impl FnOnce(&mut PendingGroup),
    ) -> Result<Arc<Group>, SubmitError> {
        let mut pending = self.pending();
        if pending.closed {
            return Err(SubmitError::Draining);
        }
        // An empty queue takes even a submission above the bound, or it could never be taken.
        if pending.fixes_total > 0 && pending.fixes_total + count > self.0.pending_fixes_max {
            return Err(SubmitError::Full);
        }
        let open_is_full = pending.groups.back().is_none_or(|group| {
            group.fixes_total > 0 && group.fixes_total + count > self.0.group_fixes_max
        });
        if open_is_full {
            pending.groups.push_back(PendingGroup::default());
        }
        let was_idle =
            pending.groups.len() == 1 && pending.groups.back().is_some_and(PendingGroup::is_new);
        pending.fixes_total += count;
        let Some(open) = pending.groups.back_mut() else {
            return Err(SubmitError::Full);
        };
        put(open);
        open.fixes_total += count;
        let group = Arc::clone(&open.group);
        drop(pending);
        if was_idle {
            self.0.work.notify_one();
        }
        Ok(group)
    }

    /// Adds fixes of a terminal; waits while too many are pending. A letter leaves when they are durable.
    ///
    /// # Errors
    /// [`SubmitError::Draining`] after [`Committer::close`].
    pub(super) async fn submit(
        &self,
        fixes: &[Fix],
        letter: Option<(&Arc<Outbox>, &[u8])>,
    ) -> Result<Arc<Group>, SubmitError> {
        loop {
            let room = self.0.room.notified();
            let put = |group: &mut PendingGroup| {
                group.fixes.extend_from_slice(fixes);
                if let Some((outbox, bytes)) = letter {
                    group.letters.add(outbox, bytes);
                }
            };
            match self.add(fixes.len(), put) {
                Err(SubmitError::Full) => room.await,
                other => return other,
            }
        }
    }

    /// Adds fixes whose sender waits for their outcome; waits while too many are pending.
    ///
    /// # Errors
    /// [`SubmitError::Draining`] after [`Committer::close`].
    pub async fn submit_run(
        &self,
        fixes: Vec<Fix>,
    ) -> Result<(Arc<Group>, Arc<Outcome>), SubmitError> {
        let outcome = Outcome::new(self.0.shards);
        let mut run = Some(Run {
            fixes,
            outcome: Arc::clone(&outcome),
        });
        loop {
            let room = self.0.room.notified();
            let count = run.as_ref().map_or(0, |run| run.fixes.len());
            match self.add(count, |group| group.runs.extend(run.take())) {
                Err(SubmitError::Full) => room.await,
                other => return other.map(|group| (group, outcome)),
            }
        }
    }

    /// Takes no more submissions; what is pending is still committed.
    pub fn close(&self) {
        self.pending().closed = true;
        self.0.work.notify_one();
        self.0.room.notify_waiters();
    }

    /// Follows whether appends succeed.
    pub fn acknowledging(&self) -> watch::Receiver<bool> {
        self.0.acknowledging.subscribe()
    }

    /// Takes the oldest group, or says that there will never be one again.
    async fn next(&self, linger: Duration) -> Option<PendingGroup> {
        loop {
            let work = self.0.work.notified();
            match self.readiness() {
                Readiness::Ended => return None,
                Readiness::Waiting => work.await,
                Readiness::Ready { draining } => {
                    if !draining && !linger.is_zero() {
                        tokio::time::sleep(linger).await;
                    }
                    return Self::take(&mut self.pending());
                }
            }
        }
    }

    fn readiness(&self) -> Readiness {
        let pending = self.pending();
        if pending.groups.is_empty() {
            if pending.closed {
                Readiness::Ended
            } else {
                Readiness::Waiting
            }
        } else {
            Readiness::Ready {
                draining: pending.closed,
            }
        }
    }

    fn take(pending: &mut Pending) -> Option<PendingGroup> {
        let group = pending.groups.pop_front()?;
        pending.fixes_total = pending.fixes_total.saturating_sub(group.fixes_total);
        Some(group)
    }
}

/// The task that writes the journal.
#[derive(Debug)]
pub(super) struct CommitTask {
    /// Where submissions come from.
    pub(super) committer: Committer,
    /// Where records go.
    pub(super) journal: Journal,
    /// Mailboxes of the shards, by shard number.
    pub(super) shards: Vec<mpsc::Sender<ShardRecord>>,
    /// Time that a group waits for company.
    pub(super) linger: Duration,
    /// Pause before a failed append is tried again.
    pub(super) retry: Duration,
    /// Tells the highest durable sequence.
    pub(super) durable: watch::Sender<u64>,
}

impl CommitTask {
    /// Runs until the committer is closed and everything pending is durable.
    pub(super) async fn run(mut self) {
        let mut posts = JoinSet::new();
        while let Some(pending) = self.committer.next(self.linger).await {
            let mut all = pending.fixes;
            let terminal_fixes = all.len();
            let mut parts = Vec::with_capacity(pending.runs.len());
            for run in pending.runs {
                all.extend_from_slice(&run.fixes);
                parts.push((run.fixes.len(), run.outcome));
            }
            metrics::gauge!(name::FIXES_PENDING).set(0.0);
            let sequence = if all.is_empty() {
                *self.durable.borrow()
            } else {
                let sequence = self.append(JournalRecord::encode(&all), all.len()).await;
                metrics::counter!(name::FIXES_DURABLE).increment(all.len() as u64);
                metrics::counter!(name::COMMITS).increment(1);
                self.durable.send_replace(sequence);
                sequence
            };
            // The letters of the group before have left: those of one terminal never overtake each other.
            while posts.join_next().await.is_some() {}
            pending.group.complete();
            for portion in pending.letters.portions() {
                posts.spawn(async move { portion.deliver() });
            }
            self.committer.0.room.notify_waiters();
            self.dispatch(sequence, &all, terminal_fixes, parts).await;
        }
        posts.join_all().await;
    }

    /// Appends until it succeeds: a sender is never told "durable" before it is.
    async fn append(&mut self, record: Vec<u8>, fixes: usize) -> u64 {
        let fixes = u32::try_from(fixes).unwrap_or(u32::MAX);
        loop {
            match self.journal.append(record.clone(), fixes).await {
                Ok(sequence) => {
                    self.set_acknowledging(true);
                    return sequence;
                }
                Err(error) => {
                    metrics::counter!(name::COMMIT_FAILURES).increment(1);
                    if *self.committer.0.acknowledging.borrow() {
                        tracing::error!(%error, "journal cannot be written: acknowledgements stop until it can");
                    }
                    self.set_acknowledging(false);
                    tokio::time::sleep(self.retry).await;
                }
            }
        }
    }

    fn set_acknowledging(&self, now: bool) {
        let changed = self.committer.0.acknowledging.send_if_modified(|state| {
            let changed = *state != now;
            *state = now;
            changed
        });
        if changed {
            metrics::gauge!(name::ACKNOWLEDGING).set(if now { 1.0 } else { 0.0 });
            if now {
                tracing::info!("journal is written again: acknowledgements resume");
            }
        }
    }

    async fn dispatch(
        &self,
        sequence: u64,
        all: &[Fix],
        terminal_fixes: usize,
        parts: Vec<(usize, Arc<Outcome>)>,
    ) {
        let count = self.shards.len();
        let mut by_shard: Vec<Vec<ShardRun>> = (0..count)
            .map(|_| Vec::with_capacity(parts.len() + 1))
            .collect();
        let (terminal, mut rest) = all.split_at(terminal_fixes);
        split(terminal, None, &mut by_shard);
        for (length, outcome) in parts {
            let (run, tail) = rest.split_at(length);
            rest = tail;
            split(run, Some(&outcome), &mut by_shard);
        }
        for (shard, runs) in self.shards.iter().zip(by_shard) {
            // A closed mailbox means that the shard died; its panic ends the server elsewhere.
            drop(shard.send(ShardRecord { sequence, runs }).await);
        }
    }
}

/// Deals one sender's fixes to the shards, keeping their order.
fn split(fixes: &[Fix], outcome: Option<&Arc<Outcome>>, by_shard: &mut [Vec<ShardRun>]) {
    if fixes.is_empty() && outcome.is_none() {
        return;
    }
    let count = by_shard.len();
    let share = fixes.len() / count.max(1) + fixes.len() / 8;
    let mut dealt: Vec<Vec<Fix>> = (0..count).map(|_| Vec::with_capacity(share)).collect();
    for fix in fixes {
        if let Some(part) = dealt.get_mut(shard_of(fix.vehicle, count)) {
            part.push(*fix);
        }
    }
    for (runs, fixes) in by_shard.iter_mut().zip(dealt) {
        runs.push(ShardRun {
            fixes,
            outcome: outcome.map(Arc::clone),
        });
    }
}
