//! From sockets, HTTP and files to the journal, on to the shards, and their results to the store.
//!
//! Start at [`Engine::start`]: it takes up the saved states, judges what the journal holds beyond them, and
//! only then hands out the way in. `committer` is the durable path, `shard` the judging, `flusher` the way to
//! the store; `listener`, `connection`, `udp` and `terminal` carry terminals, `intake` bodies and files.

mod committer;
mod connection;
mod datum_suspects;
mod directory;
mod drivers;
mod driving;
mod evidence;
mod flusher;
mod intake;
mod late;
mod listener;
mod notes;
mod outbox;
mod part;
mod registry;
mod rejudge;
mod road_map;
mod sessions;
mod shard;
mod shared;
mod silence;
mod terminal;
mod terminals;
mod udp;
mod upgrade;
mod vehicle;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use committer::{Committer, Group, Outcome, SubmitError};
pub use directory::{Directory, VehicleRecord};
pub use driving::{DrivingError, HoursRead, read_hours};
pub use intake::{Counts, Intake, IntakeError, NewDrivers, Parsed, REJECTED_MAX, Rejected};
pub use listener::bind;
pub use vehicle::RestoreError;

use crate::clock::Clock;
use crate::config::Config;
use crate::journal::{Journal, StoredRecord};
use crate::live::Live;
use crate::model::{JudgedBy, VehicleId};
use crate::rulebook::RulebookError;
use crate::store::{PAGE_ROWS_MAX, Page, Store, StoreError};
use crate::track::{JournalRecord, TrackError};

use committer::CommitTask;
use datum_suspects::DatumSuspects;
use drivers::{CardTold, Cards};
use driving::Drivers;
use flusher::Flusher;
use late::LateLookup;
use listener::Permits;
use part::Part;
use rejudge::Rejudging;
use road_map::MapShelf;
use sessions::Sessions;
use shard::{Collect, RejudgeCommand, Shard, ShardRecord, ShardRun, shard_of};
use shared::Shared;
use silence::Silences;
use terminals::Terminals;

/// Pause before something that the store refused is asked for again.
const STORE_RETRY: Duration = Duration::from_millis(500);
/// Bytes of the journal read at once when it is replayed.
const REPLAY_BYTES: usize = 8 << 20;
/// Collects that may wait for a shard; the flusher never has more than one.
const COLLECTS_MAX: usize = 1;

/// Commands of the re-judging that may wait for a shard.
const REJUDGE_COMMANDS_MAX: usize = 8;
/// Card events that may wait for a shard; their terminals wait with them.
const CARDS_TOLD_MAX: usize = 64;

/// Why the engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A saved vehicle is damaged.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// A journal record is damaged.
    #[error("journal record {sequence} is damaged")]
    Record {
        /// Its sequence.
        sequence: u64,
        /// What is wrong.
        #[source]
        source: TrackError,
    },
    /// The stored rulebook is none.
    #[error(transparent)]
    Rulebook(#[from] RulebookError),
    /// The road map in force cannot be loaded; the log says why. Without it speeding would be judged by other
    /// limits, and judging late data again would take back what was found on roads.
    #[error(
        "road map {version} is in force and cannot be loaded: import its extract again \
         (roadwarden import roads), or put its file back"
    )]
    RoadMap {
        /// Version of the map.
        version: String,
    },
}

/// What a start found in the journal beyond the saved states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Records judged again.
    pub records: u64,
    /// Fixes in them.
    pub fixes: u64,
}

/// The running engine.
#[derive(Debug)]
pub struct Engine {
    shared: Arc<Shared>,
    intake: Intake,
    flushed: watch::Receiver<u64>,
    durable: watch::Receiver<u64>,
    storing: watch::Receiver<bool>,
    /// Terminal connections.
    connections: TaskTracker,
    committing: Mutex<Option<JoinHandle<()>>>,
    flushing: Mutex<Option<JoinHandle<()>>>,
    stop_flush: CancellationToken,
    shards: TaskTracker,
    stop_registry: CancellationToken,
    rejudging: Rejudging,
    fatigue_begun: watch::Receiver<u64>,
    silences: Silences,
    /// What the journal held beyond the saved states.
    pub replayed: Replayed,
}

/// What an engine is made of.
#[derive(Debug)]
pub struct Parts {
    /// The store, as its owner.
    pub store: Store,
    /// The journal.
    pub journal: Journal,
    /// The clock.
    pub clock: Clock,
    /// Wakes subscribers.
    pub live: Live,
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Engine {
    /// Takes up where the last engine ended: states, journal, then the way in is open.
    ///
    /// # Errors
    /// [`StartError`]; nothing that was there is lost.
    pub async fn start(parts: Parts, config: &Config) -> Result<Self, StartError> {
        let store = &parts.store;
        let (shelf, directory) = first_directory(store, config).await?;
        let position = store.journal_position().await?;
        let silences = Silences::new(&config.shard, parts.clock.clone());
        let mut built = build_shards(store, &directory, &silences, position, config).await?;
        let known = Arc::clone(&directory.borrow());
        let judged_by = load_states(store, &known, &mut built.shards).await?;
        let shards = run_shards(built.shards);
        // The flusher runs before the replay: the shards have bounds, and a long replay reaches them.
        let stop_flush = CancellationToken::new();
        let stored = watch::Sender::new(position);
        let flushed = stored.subscribe();
        let drivers = Drivers::new(store.clone(), directory.subscribe(), judged_by);
        let flushing = Flusher::new(&parts, config, drivers, built.collectors, stored);
        let storing = flushing.storing();
        let fatigue_begun = flushing.begun();
        let flushing = tokio::spawn(flushing.run(stop_flush.clone()));
        let replayed = replay(&parts.journal, position, &built.mailboxes).await?;
        silences.open();

        let durable = watch::Sender::new(parts.journal.last_sequence().await?);
        let durable_follows = durable.subscribe();
        let commit = commit_task(&parts.journal, built.mailboxes, durable, config);
        let committer = commit.committer.clone();
        let committing = tokio::spawn(commit.run());
        let intake = Intake {
            committer,
            directory: directory.subscribe(),
            drivers: NewDrivers::default(),
            store: store.clone(),
            clock: parts.clock.clone(),
        };
        let shared = Arc::new(shared(&parts, &intake, built.card_tellers, config).await?);
        let rejudging = Rejudging::start(
            store,
            directory.subscribe(),
            built.rejudgers,
            &config.rejudge,
        );
        let stop_registry = CancellationToken::new();
        let stop = stop_registry.clone();
        tokio::spawn(evidence::keep(store.clone(), parts.clock.clone(), stop));
        tokio::spawn(registry::follow(
            parts.store,
            directory,
            shelf,
            Duration::from_millis(config.api.registry_poll_ms),
            stop_registry.clone(),
        ));
        Ok(Self {
            shared,
            intake,
            flushed,
            storing,
            durable: durable_follows,
            connections: TaskTracker::new(),
            committing: Mutex::new(Some(committing)),
            flushing: Mutex::new(Some(flushing)),
            stop_flush,
            shards,
            stop_registry,
            rejudging,
            fatigue_begun,
            silences,
            replayed,
        })
    }

    /// The way in for recorded fixes.
    pub fn intake(&self) -> Intake {
        self.intake.clone()
    }

    /// Follows whether terminals are being acknowledged.
    pub fn acknowledging(&self) -> watch::Receiver<bool> {
        self.shared.committer.acknowledging()
    }

    /// Whether a task that must run as long as the engine has ended: nothing is stored any more.
    pub fn has_failed(&self) -> bool {
        let ended = |task: &Mutex<Option<JoinHandle<()>>>| {
            let task = task.lock().unwrap_or_else(PoisonError::into_inner);
            task.as_ref().is_some_and(JoinHandle::is_finished)
        };
        ended(&self.committing) || ended(&self.flushing) || self.rejudging.has_ended()
    }

    /// Waits until everything durable is judged and stored, and nothing is left to be judged again.
    pub async fn settle(&self) {
        self.flush_all().await;
        self.rejudging.settle().await;
    }

    /// Waits until everything durable is judged and stored.
    async fn flush_all(&self) {
        let last = *self.durable.borrow();
        let mut flushed = self.flushed.clone();
        if flushed
            .wait_for(|position| *position >= last)
            .await
            .is_err()
        {
            tracing::error!("the flusher has ended before everything was stored");
        }
    }

    /// Violations of drivers' hours that have begun since the start, as far as they are stored: they are
    /// found after the fixes were counted.
    pub fn fatigue_begun(&self) -> u64 {
        *self.fatigue_begun.borrow()
    }

    /// Violations that were begun since the start because nothing came any more.
    pub fn silent_begun(&self) -> u64 {
        self.silences.begun()
    }

    /// No more comes for now: what waits for the next fixes is decided without them by the last flush. Whatever
    /// comes to another engine all the same is judged as if it had been waited for.
    pub fn end_input(&self) {
        self.silences.end();
    }

    /// Follows whether what is derived can be stored.
    pub fn storing(&self) -> watch::Receiver<bool> {
        self.storing.clone()
    }

    /// The register at this moment.
    pub fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.shared.directory.borrow())
    }

    /// Has a vehicle's terminal speak a text; `None` when it is not connected. The receiver gets the result
    /// of the terminal's acknowledgement, or is closed when none came.
    pub fn speak(&self, vehicle: VehicleId, text: String) -> Option<oneshot::Receiver<u8>> {
        self.shared.sessions.speak(vehicle, text)
    }

    /// Serves terminals on these sockets until the engine drains.
    pub fn serve_terminals(&self, tcp: TcpListener, udp: UdpSocket, config: &Config) {
        let shared = Arc::clone(&self.shared);
        self.connections.spawn(listener::accept(
            tcp,
            Permits::new(&config.terminal),
            Duration::from_millis(config.terminal.accept_pause_ms_max),
            self.connections.clone(),
            self.shared.shutdown.clone(),
            move |stream, peer, permit| {
                connection::serve(Arc::clone(&shared), stream, peer, permit)
            },
        ));
        self.connections
            .spawn(udp::serve(Arc::clone(&self.shared), udp));
    }

    /// Ends: no more input, everything pending becomes durable, is judged and stored.
    pub async fn drain(&self) {
        self.shared.shutdown.cancel();
        self.connections.close();
        self.connections.wait().await;
        self.stop_registry.cancel();
        self.intake.committer.close();
        // The commit task ends when all is durable and with the shards; their mailboxes close then.
        join("commit", &self.committing).await;
        // The shards may still have records to judge: the flusher goes on until everything durable is stored.
        self.flush_all().await;
        // What is left to be judged again stays in the queue.
        self.rejudging.stop().await;
        self.stop_flush.cancel();
        join("flush", &self.flushing).await;
        self.shards.wait().await;
    }
}

/// The task that makes durable what comes, and hands it to the shards.
fn commit_task(
    journal: &Journal,
    shards: Vec<mpsc::Sender<ShardRecord>>,
    durable: watch::Sender<u64>,
    config: &Config,
) -> CommitTask {
    CommitTask {
        committer: Committer::new(&config.journal, count(config.shard.shards)),
        journal: journal.clone(),
        shards,
        linger: Duration::from_micros(config.journal.linger_us),
        retry: Duration::from_millis(config.journal.retry_ms),
        durable,
    }
}

/// The register as it is at the start, with its road map.
async fn first_directory(
    store: &Store,
    config: &Config,
) -> Result<(MapShelf, watch::Sender<Arc<Directory>>), StartError> {
    let shelf = MapShelf::new(config.data_dir());
    let registry = store.load_registry().await?;
    let in_force = registry.road_map.as_ref().map(|map| map.version.clone());
    let (shelf, directory) = registry::take_up(registry, shelf).await;
    let directory = directory?;
    if let Some(version) = in_force.filter(|_| directory.roads.is_none()) {
        return Err(StartError::RoadMap { version });
    }
    Ok((shelf, watch::Sender::new(Arc::new(directory))))
}

/// Waits for a task's end, once.
async fn join(task: &'static str, handle: &Mutex<Option<JoinHandle<()>>>) {
    let handle = handle.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(handle) = handle
        && let Err(error) = handle.await
    {
        tracing::error!(%error, task, "a task has failed");
    }
}

/// What every terminal connection needs, and the tasks that write for them.
async fn shared(
    parts: &Parts,
    intake: &Intake,
    cards: Vec<mpsc::Sender<CardTold>>,
    config: &Config,
) -> Result<Shared, StartError> {
    let (notes, notes_task) = notes::notes(parts.store.clone());
    let (terminals, registration_task) = Terminals::load(
        parts.store.clone(),
        parts.clock.clone(),
        intake.directory.clone(),
        notes.clone(),
        Duration::from_millis(config.journal.retry_ms),
    )
    .await?;
    tokio::spawn(notes_task.run());
    tokio::spawn(registration_task.run());
    Ok(Shared {
        clock: parts.clock.clone(),
        timer: Clock::system(),
        store: parts.store.clone(),
        committer: intake.committer.clone(),
        directory: intake.directory.clone(),
        drivers: intake.drivers.clone(),
        terminals,
        notes,
        sessions: Arc::new(Sessions::default()),
        cards,
        frames: metrics::counter!(crate::telemetry::name::FRAMES),
        limits: shared::limits(&config.terminal),
        udp_sessions_max: count(config.terminal.udp_sessions_max),
        write_max: Duration::from_secs(config.terminal.write_s_max),
        shutdown: CancellationToken::new(),
    })
}

/// Shards that do not run yet, and the ways to them.
struct Built {
    shards: Vec<Shard>,
    mailboxes: Vec<mpsc::Sender<ShardRecord>>,
    collectors: Vec<mpsc::Sender<Collect>>,
    rejudgers: Vec<mpsc::Sender<RejudgeCommand>>,
    card_tellers: Vec<mpsc::Sender<CardTold>>,
}

async fn build_shards(
    store: &Store,
    directory: &watch::Sender<Arc<Directory>>,
    silences: &Silences,
    position: u64,
    config: &Config,
) -> Result<Built, StoreError> {
    let shards = count(config.shard.shards);
    let carded = store.vehicles_with_cards().await?;
    let mut built = Built {
        shards: Vec::new(),
        mailboxes: Vec::new(),
        collectors: Vec::new(),
        rejudgers: Vec::new(),
        card_tellers: Vec::new(),
    };
    for number in 0..shards {
        let (sender, mailbox) = mpsc::channel(count(config.shard.mailbox_groups));
        let (collector, collects) = mpsc::channel(COLLECTS_MAX);
        let (rejudger, rejudging) = mpsc::channel(REJUDGE_COMMANDS_MAX);
        let (card_teller, cards_told) = mpsc::channel(CARDS_TOLD_MAX);
        let own = |vehicle: &VehicleId| shard_of(*vehicle, shards) == number;
        built.card_tellers.push(card_teller);
        built.rejudgers.push(rejudger);
        built.mailboxes.push(sender);
        built.collectors.push(collector);
        built.shards.push(Shard {
            label: number.to_string(),
            store: store.clone(),
            directory: directory.subscribe(),
            mailbox,
            collects,
            rejudging,
            cards_told,
            cards: Cards::of(carded.iter().copied().filter(own)),
            vehicles: FxHashMap::default(),
            position,
            changes_max: count(config.shard.flush_changes_max),
            tail_bytes_max: count(config.shard.tail_bytes_max),
            part: Part::default(),
            late: LateLookup::default(),
            late_unstored: Default::default(),
            chunked: BTreeSet::new(),
            datum_suspects: DatumSuspects::default(),
            silence: silences.of_shard(),
        });
    }
    Ok(built)
}

fn run_shards(shards: Vec<Shard>) -> TaskTracker {
    let tasks = TaskTracker::new();
    for shard in shards {
        tasks.spawn(shard.run());
    }
    tasks.close();
    tasks
}

/// Takes up all saved vehicles; those that an older version of the program saved are judged by their tracks.
async fn load_states(
    store: &Store,
    directory: &Directory,
    shards: &mut [Shard],
) -> Result<FxHashMap<VehicleId, JudgedBy>, StartError> {
    let mut all = FxHashMap::default();
    let mut after = None;
    let count = shards.len();
    let mut outdated = 0_u64;
    loop {
        let page = Page {
            limit: PAGE_ROWS_MAX,
            after,
        };
        let listed = store.load_vehicle_states(&page).await?;
        let mut judged_by = BTreeMap::new();
        if let (Some(first), Some(last)) = (listed.items.first(), listed.items.last()) {
            judged_by = store.judged_by(first.vehicle, last.vehicle).await?;
        }
        for saved in &listed.items {
            let by = judged_by.remove(&saved.vehicle).unwrap_or_default();
            all.insert(saved.vehicle, by.clone());
            let Some(shard) = shards.get_mut(shard_of(saved.vehicle, count)) else {
                continue;
            };
            match shard.restore(saved, by.clone()) {
                Err(error) if error.is_outdated() => {
                    if outdated == 0 {
                        tracing::warn!(%error, "an older version of the program saved it: the stored tracks are judged again before the start");
                    }
                    outdated += 1;
                    let state = upgrade::judge_stored(store, directory, saved.vehicle, &by).await?;
                    shard.restore_with(saved, state, by)?;
                }
                restored => restored?,
            }
        }
        after = listed.next;
        if after.is_none() {
            break;
        }
    }
    if outdated > 0 {
        tracing::info!(vehicles = outdated, "stored tracks judged again");
    }
    Ok(all)
}

/// Judges what the journal holds beyond the saved states.
async fn replay(
    journal: &Journal,
    position: u64,
    mailboxes: &[mpsc::Sender<ShardRecord>],
) -> Result<Replayed, StartError> {
    let mut replayed = Replayed::default();
    let mut from = position + 1;
    loop {
        let records = journal.read_from(from, REPLAY_BYTES).await?;
        if records.is_empty() {
            if replayed.records > 0 {
                let Replayed { records, fixes } = replayed;
                tracing::info!(records, fixes, "journal replayed");
            }
            return Ok(replayed);
        }
        for StoredRecord {
            sequence, bytes, ..
        } in records
        {
            let mut runs: Vec<Vec<_>> = mailboxes.iter().map(|_| Vec::new()).collect();
            let damaged = |source| StartError::Record { sequence, source };
            for fix in JournalRecord::open(&bytes).map_err(damaged)?.fixes() {
                let fix = fix.map_err(damaged)?;
                if let Some(run) = runs.get_mut(shard_of(fix.vehicle, mailboxes.len())) {
                    run.push(fix);
                }
                replayed.fixes += 1;
            }
            for (mailbox, fixes) in mailboxes.iter().zip(runs) {
                let runs = vec![ShardRun {
                    fixes,
                    outcome: None,
                }];
                // A closed mailbox means that the shard has died; the flusher says so.
                drop(mailbox.send(ShardRecord { sequence, runs }).await);
            }
            replayed.records += 1;
            from = sequence + 1;
        }
    }
}
