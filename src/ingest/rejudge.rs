//! Judges vehicles again whose fixes came late, or for which someone asked, beside the live judging.
//!
//! The queue is in the store. A vehicle waits until its late data have stopped for a while, so that a stream
//! of them is judged once; then its shard records what comes, the stored track is judged from the newest
//! state before the first late fix, and the shard takes the result up, brought forward by what it recorded.
//! The result leaves with the shard's next part, in one transaction with the new state and the end of the
//! wait. Whatever dies before that leaves the vehicle in the queue.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::RejudgeSettings;
use crate::detect::{Context, Piece, Rejudge, VehicleState};
use crate::model::{JudgedBy, LocalZone, Span, Timestamp, VehicleId};
use crate::store::{
    Checkpoint, FaultRunRow, LateFixes, LostStretch, QueuedVehicle, RejudgeCause, Rejudged, Store,
    StoreError, TRACK_PAGE_FIXES_MAX, ViolationUpsert,
};
use crate::telemetry::name;

use super::directory::{Directory, VehicleRecord};
use super::drivers::CardHolder;
use super::driving::Replaced;
use super::part::upsert;
use super::shard::{Begun, RejudgeCommand, Swapped, shard_of};

/// A violation that was over for so long before a late fix is not changed by it: longer than any rule waits
/// before it says its last word.
const REACH: Span = Span::from_hours(2);
/// The longest look back of any rule.
const LOOK_BACK: Span = Span::from_hours(7 * 24);
/// Track judged before the first verdict where no state is kept.
const WARM_UP: Span = Span::from_hours(8 * 24);
/// Fixes judged before other tasks get their turn.
const FIXES_PER_TURN: usize = 1024;
/// Pause before a vehicle that could not be judged again is tried once more.
const FAILED_PAUSE: Duration = Duration::from_secs(10);
/// Vehicles of the queue looked at together.
const QUEUE_ROWS: u32 = 1000;
/// Milliseconds of a minute.
const MINUTE_MS: i64 = 60_000;

/// A vehicle judged again up to the end of its stored track.
#[derive(Debug)]
pub(super) struct Judged {
    /// The vehicle.
    pub(super) vehicle: VehicleId,
    /// What was found so far.
    pub(super) rejudge: Rejudge,
    /// Who drove when.
    pub(super) cards: CardHolder,
    /// By which rules it was judged before, and now.
    pub(super) ruled_before: JudgedBy,
    pub(super) ruled_by: JudgedBy,
    /// Where it began.
    beginning: Beginning,
    /// Rows of the queue up to this one are done.
    through: i64,
    /// From the first fix that came late, or whose driver was told late, to the last.
    late: Option<(Timestamp, Timestamp)>,
    /// Periods for which someone asked.
    asked: Vec<(Timestamp, Timestamp)>,
    /// For the revisions.
    reason: String,
    /// When the data came that made the difference.
    pub(super) learned_at: Timestamp,
}

impl Judged {
    /// What the vehicle tells of its drivers now, and from when on that stands for what it told before.
    pub(super) fn take_pieces(&mut self) -> (Replaced, Vec<Piece>) {
        let from = self.beginning.from;
        let replaced = Replaced {
            vehicle: self.vehicle,
            from,
            reason: self.reason.clone(),
            learned_at: self.learned_at,
        };
        (replaced, self.rejudge.take_pieces(from))
    }

    /// The new state, and what the store must write with it.
    pub(super) fn finish(
        self,
        directory: &Directory,
        record: &VehicleRecord,
        before: Vec<ViolationUpsert>,
    ) -> (VehicleState, Rejudged) {
        let (vehicle, zone, rejudge) = (self.vehicle, &directory.rules.zone, self.rejudge);
        let Beginning {
            judged_from: _,
            from,
            known_from,
        } = self.beginning;
        let checkpoint = |brief| {
            move |way: &crate::detect::Waypoint| Checkpoint {
                vehicle,
                at: way.at,
                brief,
                state: way.state.clone(),
            }
        };
        let midnights = rejudge.midnights.iter().map(checkpoint(false));
        let checkpoints = midnights
            .chain(rejudge.hours.iter().map(checkpoint(true)))
            .filter(|checkpoint| checkpoint.at > from)
            .collect();
        let faults = rejudge.faults.iter().map(|(from, fault)| FaultRunRow {
            vehicle,
            from: *from,
            to: fault.to,
            alarm: fault.alarm,
        });
        let found = rejudge
            .found()
            .filter(|found| found.started_at >= known_from)
            .map(|found| upsert(record, found.clone()));
        let rejudged = Rejudged {
            vehicle,
            enterprise_id: record.enterprise_id.to_string(),
            from,
            first_day: zone.day(from),
            first_minute: u16::try_from(zone.millis_of_day(from) / MINUTE_MS).unwrap_or(0),
            through: self.through,
            judged_by: self.ruled_by,
            late: self.late,
            asked: self.asked,
            reason: self.reason,
            learned_at: self.learned_at,
            before,
            found: found.collect(),
            faults: faults.collect(),
            checkpoints,
            driving: rejudge.driving.clone(),
        };
        (rejudge.into_state(), rejudged)
    }
}

/// Where judging again begins.
#[derive(Debug)]
struct Beginning {
    /// From when on the track is judged.
    judged_from: Timestamp,
    /// From when on verdicts are compared.
    from: Timestamp,
    /// Verdicts on what began before are whole from here on.
    known_from: Timestamp,
}

/// What the verdicts on a vehicle depend on.
#[derive(Clone, Copy, Debug)]
struct Rulings<'a> {
    directory: &'a Directory,
    record: &'a VehicleRecord,
    judged_by: &'a JudgedBy,
}

impl<'a> Rulings<'a> {
    /// At the time of a fix.
    fn at(&self, time: Timestamp) -> Context<'a> {
        self.directory.context_at(self.record, self.judged_by, time)
    }
}

/// By which rules a vehicle is judged now: as before, but by the newest where someone asked for it, and before
/// everything that was judged.
fn judged_by(begun: &Begun, causes: &[RejudgeCause], newest: i64) -> JudgedBy {
    let mut judged_by = begun.judged_by.clone();
    for cause in causes {
        match cause {
            RejudgeCause::Late(late) => judged_by.judge_first(late.from, newest),
            RejudgeCause::Card { .. } => {}
            RejudgeCause::Asked { from, to, .. } => {
                judged_by.judge_again((*from, *to), newest, begun.last);
            }
        }
    }
    judged_by
}

/// Why a vehicle could not be judged again this time.
#[derive(Debug, thiserror::Error)]
enum JobError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the shard has ended")]
    Shard,
    #[error("the register does not know the vehicle")]
    Unknown,
}

/// What every job needs.
#[derive(Clone, Debug)]
struct Tools {
    store: Store,
    directory: watch::Receiver<Arc<Directory>>,
    shards: Vec<mpsc::Sender<RejudgeCommand>>,
}

/// Since when a vehicle has been waiting.
#[derive(Clone, Copy, Debug)]
struct Wait {
    first_seen: Duration,
    last_row: i64,
    last_seen: Duration,
}

/// The handle of the task that judges again.
#[derive(Debug)]
pub(super) struct Rejudging {
    store: Store,
    task: Mutex<Option<JoinHandle<()>>>,
    stop: CancellationToken,
    hurry: watch::Sender<bool>,
    idle: watch::Receiver<bool>,
}

impl Rejudging {
    /// Starts the task over these shards.
    pub(super) fn start(
        store: &Store,
        directory: watch::Receiver<Arc<Directory>>,
        shards: Vec<mpsc::Sender<RejudgeCommand>>,
        settings: &RejudgeSettings,
    ) -> Self {
        let hurry = watch::Sender::new(false);
        let tools = Tools {
            store: store.clone(),
            directory,
            shards,
        };
        let task = Rejudger::new(tools, settings, hurry.subscribe());
        let idle = task.idle.subscribe();
        let stop = CancellationToken::new();
        Self {
            store: store.clone(),
            task: Mutex::new(Some(tokio::spawn(task.run(stop.clone())))),
            stop,
            hurry,
            idle,
        }
    }

    /// Whether the task has ended, which it must not by itself.
    pub(super) fn has_ended(&self) -> bool {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        task.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// Waits until nothing that is in the queue now is left to be judged again, but what has failed.
    pub(super) async fn settle(&self) {
        // A row leaves the queue with the result that was its end: where there is none, nothing is on its way.
        if matches!(self.store.rejudge_queue(1).await, Ok(queue) if queue.is_empty()) {
            return;
        }
        self.hurry.send_replace(true);
        let mut idle = self.idle.clone();
        // What is known now may be older than the queue: what two more looks find is not.
        for _ in 0..2 {
            idle.mark_unchanged();
            if idle.changed().await.is_err() {
                break;
            }
        }
        if idle.wait_for(|idle| *idle).await.is_err() {
            tracing::error!("judging again has ended before everything was done");
        }
        self.hurry.send_replace(false);
    }

    /// Ends the task; what is not done stays in the queue.
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        super::join("rejudge", &self.task).await;
    }
}

/// The task that judges again.
#[derive(Debug)]
struct Rejudger {
    tools: Tools,
    timer: Clock,
    jobs_max: usize,
    quiet: Duration,
    wait_max: Duration,
    pause: Duration,
    /// Vehicles that wait for their late data to stop.
    waits: BTreeMap<VehicleId, Wait>,
    /// Vehicles that were judged up to this row; the flush that removes it may still be on its way.
    done: BTreeMap<VehicleId, i64>,
    /// Vehicles that could not be judged, and when they are tried again.
    failed: BTreeMap<VehicleId, Duration>,
    /// Set by who cannot wait for late data to stop.
    hurry: watch::Receiver<bool>,
    /// Tells whether nothing waits but what has failed.
    idle: watch::Sender<bool>,
}

impl Rejudger {
    fn new(tools: Tools, settings: &RejudgeSettings, hurry: watch::Receiver<bool>) -> Self {
        Self {
            tools,
            timer: Clock::system(),
            jobs_max: usize::try_from(settings.jobs).unwrap_or(1),
            quiet: Duration::from_millis(settings.quiet_ms),
            wait_max: Duration::from_millis(settings.wait_ms_max),
            pause: Duration::from_millis(settings.poll_ms),
            waits: BTreeMap::new(),
            done: BTreeMap::new(),
            failed: BTreeMap::new(),
            hurry,
            idle: watch::Sender::new(false),
        }
    }

    /// Runs until `stop`; what is not done then stays in the queue.
    async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.pause) => {}
            }
            let queue = match self.tools.store.rejudge_queue(QUEUE_ROWS).await {
                Ok(queue) => queue,
                Err(error) => {
                    tracing::warn!(%error, "the queue of judging again cannot be read");
                    continue;
                }
            };
            metrics::gauge!(name::REJUDGE_QUEUE)
                .set(f64::from(u32::try_from(queue.len()).unwrap_or(u32::MAX)));
            let idle = queue
                .iter()
                .all(|queued| self.failed.contains_key(&queued.vehicle));
            self.idle.send_replace(idle);
            let ready = self.ready(&queue);
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.judge(ready) => {}
            }
        }
    }

    /// Those of the queue whose turn it is.
    fn ready(&mut self, queue: &[QueuedVehicle]) -> Vec<VehicleId> {
        let now = self.timer.monotonic();
        let hurry = *self.hurry.borrow();
        let mut waits = BTreeMap::new();
        let mut done = BTreeMap::new();
        let mut ready = Vec::new();
        for queued in queue {
            if let Some(through) = self.done.get(&queued.vehicle)
                && queued.first <= *through
            {
                done.insert(queued.vehicle, *through);
                continue;
            }
            if self
                .failed
                .get(&queued.vehicle)
                .is_some_and(|until| now < *until)
            {
                continue;
            }
            let mut wait = self.waits.get(&queued.vehicle).copied().unwrap_or(Wait {
                first_seen: now,
                last_row: queued.last,
                last_seen: now,
            });
            if wait.last_row != queued.last {
                (wait.last_row, wait.last_seen) = (queued.last, now);
            }
            let quiet = now.saturating_sub(wait.last_seen) >= self.quiet;
            let long = now.saturating_sub(wait.first_seen) >= self.wait_max;
            if hurry || quiet || long {
                ready.push(queued.vehicle);
            } else {
                waits.insert(queued.vehicle, wait);
            }
        }
        (self.waits, self.done) = (waits, done);
        ready
    }

    /// Judges vehicles again, some at a time.
    async fn judge(&mut self, ready: Vec<VehicleId>) {
        let mut ready = ready.into_iter();
        let mut jobs = JoinSet::new();
        loop {
            while jobs.len() < self.jobs_max
                && let Some(vehicle) = ready.next()
            {
                let tools = self.tools.clone();
                jobs.spawn(async move { (vehicle, tools.judge_or_abandon(vehicle).await) });
            }
            match jobs.join_next().await {
                None => return,
                Some(Ok((vehicle, Ok(Some(through))))) => {
                    self.failed.remove(&vehicle);
                    self.done.insert(vehicle, through);
                }
                Some(Ok((_, Ok(None)))) => {
                    metrics::counter!(name::REJUDGE_OVERTAKEN).increment(1);
                }
                Some(Ok((vehicle, Err(error)))) => {
                    let again = self.timer.monotonic() + FAILED_PAUSE;
                    self.failed.insert(vehicle, again);
                    let vehicle = vehicle.0;
                    tracing::warn!(%error, vehicle, "a vehicle cannot be judged again yet");
                }
                Some(Err(error)) => tracing::error!(%error, "judging again has failed"),
            }
        }
    }
}

impl Tools {
    async fn judge_or_abandon(&self, vehicle: VehicleId) -> Result<Option<i64>, JobError> {
        let result = self.judge(vehicle).await;
        if result.is_err() {
            self.command(vehicle, RejudgeCommand::Abandon(vehicle))
                .await?;
        }
        result
    }

    /// Judges one vehicle again; the last row of the queue that is done with it, `None` when it must be done
    /// once more.
    async fn judge(&self, vehicle: VehicleId) -> Result<Option<i64>, JobError> {
        let (reply, begun) = oneshot::channel();
        self.command(vehicle, RejudgeCommand::Begin(vehicle, reply))
            .await?;
        let begun = begun.await.map_err(|_closed| JobError::Shard)?;
        // The causes before the track: a fix that comes between them is in the track and waits for its turn.
        let (through, causes) = self.store.rejudge_causes(vehicle).await?;
        let Some(dirty) = causes.iter().map(RejudgeCause::from).min() else {
            return Ok(Some(through));
        };
        let directory = Arc::clone(&self.directory.borrow());
        let record = directory.vehicle(vehicle).ok_or(JobError::Unknown)?;
        let judged_by = judged_by(&begun, &causes, directory.import);
        let rulings = Rulings {
            directory: &directory,
            record,
            judged_by: &judged_by,
        };
        let judged = self.judge_track(rulings, vehicle, dirty).await?;
        let Some((beginning, cards, rejudge)) = judged else {
            self.command(vehicle, RejudgeCommand::Abandon(vehicle))
                .await?;
            self.store.give_rejudging_up(vehicle, through).await?;
            return Ok(Some(through));
        };
        let learned_at = causes.iter().map(|cause| match cause {
            RejudgeCause::Late(late) => late.received_last,
            RejudgeCause::Card { received, .. } => *received,
            RejudgeCause::Asked { .. } => Timestamp::MIN,
        });
        let asked = causes.iter().filter_map(|cause| match cause {
            RejudgeCause::Late(_) | RejudgeCause::Card { .. } => None,
            RejudgeCause::Asked { from, to, .. } => Some((*from, *to)),
        });
        let late = causes.iter().filter_map(RejudgeCause::touched);
        let late = late.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
        let judged = Judged {
            late,
            asked: asked.collect(),
            vehicle,
            rejudge,
            cards,
            ruled_before: begun.judged_by,
            ruled_by: judged_by,
            beginning,
            through,
            learned_at: learned_at.max().unwrap_or(Timestamp::MIN),
            reason: reason(&directory.rules.zone, &causes),
        };
        let (reply, swapped) = oneshot::channel();
        let finish = RejudgeCommand::Finish(Box::new(judged), reply);
        self.command(vehicle, finish).await?;
        metrics::counter!(name::REJUDGED_VEHICLES).increment(1);
        match swapped.await.map_err(|_closed| JobError::Shard)? {
            Swapped::Done => Ok(Some(through)),
            Swapped::Overtaken => Ok(None),
        }
    }

    async fn command(&self, vehicle: VehicleId, command: RejudgeCommand) -> Result<(), JobError> {
        self.shards
            .get(shard_of(vehicle, self.shards.len()))
            .ok_or(JobError::Shard)?
            .send(command)
            .await
            .map_err(|_closed| JobError::Shard)
    }

    /// Judges the stored track from before the first late fix to its end.
    ///
    /// Where a damaged file has lost a part of it, what was found from that part stands, and the track is judged
    /// from the first state that was kept after it; `None` where there is none. Judging on over the hole would
    /// withdraw what was true.
    async fn judge_track(
        &self,
        rulings: Rulings<'_>,
        vehicle: VehicleId,
        dirty: Timestamp,
    ) -> Result<Option<(Beginning, CardHolder, Rejudge)>, JobError> {
        let directory = rulings.directory;
        let (mut beginning, mut state) = self.beginning(directory, vehicle, dirty).await?;
        loop {
            let from = beginning.judged_from;
            let cards = CardHolder::of(&self.store.driver_cards(vehicle, from).await?);
            let mut rejudge = Rejudge::new(state);
            let lost = self
                .read(rulings, vehicle, from, &cards, &mut rejudge)
                .await?;
            let Some(lost) = lost else {
                return Ok(Some((beginning, cards, rejudge)));
            };
            metrics::counter!(name::REJUDGE_LOST).increment(1);
            tracing::error!(
                vehicle = vehicle.0,
                file = %lost.file,
                problem = %lost.problem,
                from = %directory.rules.zone.rfc3339(lost.from),
                to = %directory.rules.zone.rfc3339(lost.to),
                "an archive file is damaged: late data up to its end are not judged"
            );
            let Some(checkpoint) = self.store.checkpoint_after(vehicle, lost.to).await? else {
                return Ok(None);
            };
            let Ok(kept) = VehicleState::restore(&checkpoint.state) else {
                return Ok(None);
            };
            state = kept;
            beginning = Beginning {
                judged_from: checkpoint.at,
                from: checkpoint.at,
                known_from: Timestamp::MIN,
            };
        }
    }

    /// Where to begin, and with which state.
    async fn beginning(
        &self,
        directory: &Directory,
        vehicle: VehicleId,
        dirty: Timestamp,
    ) -> Result<(Beginning, VehicleState), JobError> {
        let safe = dirty - REACH;
        let reaching = self.store.violation_reaching(vehicle, safe).await?;
        let wanted = reaching.map_or(safe, |began| began.min(safe));
        if let Some(checkpoint) = self.store.checkpoint(vehicle, wanted).await? {
            match VehicleState::restore(&checkpoint.state) {
                Ok(state) => {
                    let beginning = Beginning {
                        judged_from: checkpoint.at,
                        from: checkpoint.at,
                        known_from: Timestamp::MIN,
                    };
                    return Ok((beginning, state));
                }
                Err(error) => {
                    tracing::warn!(%error, vehicle = vehicle.0, "a saved state cannot be used: the track is");
                }
            }
        }
        let zone = &directory.rules.zone;
        let from = zone.day_start(zone.day(wanted));
        let judged_from = from - WARM_UP;
        let beginning = Beginning {
            judged_from,
            from,
            known_from: if self.has_track_before(vehicle, judged_from).await? {
                judged_from + LOOK_BACK
            } else {
                // It is judged from its beginning.
                Timestamp::MIN
            },
        };
        Ok((beginning, VehicleState::default()))
    }

    /// Whether the vehicle has, or had, a track before a moment.
    async fn has_track_before(&self, vehicle: VehicleId, to: Timestamp) -> Result<bool, JobError> {
        let mut next = Some(Timestamp::MIN);
        while let Some(from) = next {
            let page = self.store.readable_page(vehicle, from, to, 1).await?;
            if !page.fixes.is_empty() || !page.lost.is_empty() {
                return Ok(true);
            }
            // The files of that day are of others of its bucket.
            next = page.next;
        }
        Ok(false)
    }

    /// Judges the stored track from a moment on, to its end or the first part that is lost.
    async fn read(
        &self,
        rulings: Rulings<'_>,
        vehicle: VehicleId,
        from: Timestamp,
        cards: &CardHolder,
        rejudge: &mut Rejudge,
    ) -> Result<Option<LostStretch>, JobError> {
        let mut next = Some(from);
        while let Some(begin) = next {
            let mut page = self
                .store
                .readable_page(vehicle, begin, Timestamp::MAX, TRACK_PAGE_FIXES_MAX)
                .await?;
            page.lost.sort_by_key(|lost| lost.to);
            if let Some(lost) = page.lost.pop() {
                return Ok(Some(lost));
            }
            for turn in page.fixes.chunks(FIXES_PER_TURN) {
                for fix in turn {
                    rejudge.handle_fix(&rulings.at(fix.time), &cards.named(fix));
                }
                tokio::task::yield_now().await;
            }
            metrics::counter!(name::FIXES_REJUDGED).increment(page.fixes.len() as u64);
            next = page.next;
        }
        Ok(None)
    }
}

/// What the revisions say: which fixes, received when, or what was asked.
fn reason(zone: &LocalZone, causes: &[RejudgeCause]) -> String {
    let mut late: Option<LateFixes> = None;
    let mut parts: Vec<String> = Vec::new();
    for cause in causes {
        match cause {
            RejudgeCause::Card { at, received } => parts.push(format!(
                "driver card of {}, received {}",
                zone.rfc3339(*at),
                zone.rfc3339(*received)
            )),
            RejudgeCause::Late(more) => match &mut late {
                None => late = Some(more.clone()),
                Some(late) => {
                    late.from = late.from.min(more.from);
                    late.to = late.to.max(more.to);
                    late.fixes = late.fixes.saturating_add(more.fixes);
                    late.received_first = late.received_first.min(more.received_first);
                    late.received_last = late.received_last.max(more.received_last);
                }
            },
            RejudgeCause::Asked { reason, .. } if parts != [reason.as_str()] => {
                parts.push(reason.clone());
            }
            RejudgeCause::Asked { .. } => {}
        }
    }
    if let Some(late) = late {
        let range = |from: Timestamp, to: Timestamp| {
            if from == to {
                zone.rfc3339(from)
            } else {
                format!("{} to {}", zone.rfc3339(from), zone.rfc3339(to))
            }
        };
        parts.push(format!(
            "late data: {} fixes of {}, received {}",
            late.fixes,
            range(late.from, late.to),
            range(late.received_first, late.received_last)
        ));
    }
    parts.join("; ")
}
