//! Judges drivers: the pieces of time that all vehicles tell, in one place, once for each flush.
//!
//! The flusher gives it what the shards told; what it says goes to the store in the same transaction as the
//! snapshots of the vehicles, so that every piece counts exactly once. Counters are kept for the drivers that
//! were counted lately and follow from the stored pieces for all others: nothing of them is saved.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use tokio::sync::watch;

use crate::detect::{
    Cell, Change, Context, HoursLeft, Ledger, Piece, Recount, SnapshotError, Subject, Transition,
    VehicleProfile, append, bucket_of, count_all, reaches_rest, read_pieces, reconcile, recount,
    write_pieces,
};
use crate::model::{JudgedBy, Timestamp, VehicleClass, VehicleId, Violation};
use crate::store::{
    CorrectionNote, DrivingKey, DrivingRow, FatigueLeft, Flush, Store, StoreError, VehicleSnapshot,
    ViolationUpsert,
};
use crate::telemetry::name;

use super::STORE_RETRY;
use super::directory::Directory;
use super::part::{prealarm_note, upsert};

/// Local hours that are read back before a change: the longest window of any rule, and a day.
const LOOK_BACK_HOURS: i64 = 8 * 24;
/// Drivers whose stored pieces are in memory together; a week of one is some tens of kilobytes.
const LOADED_AT_ONCE: usize = 500;
/// Drivers whose counters are kept; of more, those counted least lately are forgotten.
const LEDGERS_MAX: usize = 50_000;

/// A vehicle that was judged again.
#[derive(Clone, Debug)]
pub(super) struct Replaced {
    /// The vehicle.
    pub(super) vehicle: VehicleId,
    /// What it told of time that ended later is void; what it tells instead is among the new pieces.
    pub(super) from: Timestamp,
    /// For the revisions.
    pub(super) reason: String,
    /// When the data came that made the difference.
    pub(super) learned_at: Timestamp,
}

/// The counters of all drivers.
#[derive(Debug)]
pub(super) struct Drivers {
    store: Store,
    directory: watch::Receiver<Arc<Directory>>,
    /// By which rules each vehicle was judged.
    judged_by: FxHashMap<VehicleId, JudgedBy>,
    ledgers: FxHashMap<Subject, Kept>,
    /// Flushes so far.
    turn: u64,
}

#[derive(Debug)]
struct Kept {
    ledger: Ledger,
    /// Flush in which it was needed last.
    turn: u64,
}

/// What one flush brings for one subject.
#[derive(Debug, Default)]
struct Task {
    told: Vec<Piece>,
    replaced: Vec<(VehicleId, Timestamp)>,
}

/// What the verdicts on pieces depend on.
#[derive(Clone, Copy, Debug)]
struct Rulings<'a> {
    directory: &'a Directory,
    judged_by: &'a FxHashMap<VehicleId, JudgedBy>,
    /// Of the vehicles that are judged again now: by which rules they were judged before.
    before: &'a FxHashMap<VehicleId, JudgedBy>,
}

impl<'a> Rulings<'a> {
    /// `None` when an import took the vehicle out.
    fn context(&self, piece: &Piece) -> Option<Context<'a>> {
        self.context_by(self.judged_by.get(&piece.vehicle), piece)
    }

    /// What a verdict from before this flush depended on.
    fn context_before(&self, piece: &Piece) -> Option<Context<'a>> {
        let before = self.before.get(&piece.vehicle);
        self.context_by(before.or(self.judged_by.get(&piece.vehicle)), piece)
    }

    fn context_by(&self, judged_by: Option<&JudgedBy>, piece: &Piece) -> Option<Context<'a>> {
        let record = self.directory.vehicle(piece.vehicle)?;
        let context = match judged_by {
            Some(judged_by) => self.directory.context_at(record, judged_by, piece.from),
            None => self.directory.context(record),
        };
        Some(context.at(piece.from))
    }
}

/// The hours of a driver at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HoursRead {
    /// Up to here it is known what was done; `None` when nothing was driven in the last days.
    pub known_until: Option<Timestamp>,
    /// The vehicle whose rules hold; `None` where none was driven lately.
    pub vehicle: Option<VehicleId>,
    /// What may still be driven.
    pub left: HoursLeft,
}

/// Reads what a subject may still drive at `at`, by the rules of `vehicle`, or else of the one driven last, or
/// else of a coach, for which every limit holds; `None` for a vehicle that the register does not know.
///
/// # Errors
/// As the store says; [`StoreError::Broken`] for damaged rows.
pub async fn read_hours(
    store: &Store,
    directory: &Directory,
    subject: Subject,
    vehicle: Option<VehicleId>,
    at: Timestamp,
) -> Result<Option<HoursRead>, StoreError> {
    let wanted = BTreeMap::from([(subject, at)]);
    let pieces = stored(store, directory, &wanted)
        .await
        .map_err(|error| match error {
            DrivingError::Store(error) => error,
            other => StoreError::Broken {
                source: Box::new(other),
            },
        })?
        .remove(&subject)
        .unwrap_or_default();
    let last = pieces.iter().filter(|piece| piece.is_occupied());
    let last = last.max_by_key(|piece| piece.to).map(|piece| piece.vehicle);
    let record = vehicle
        .or(last)
        .and_then(|vehicle| directory.vehicle(vehicle));
    if vehicle.is_some() && record.is_none() {
        return Ok(None);
    }
    let any_coach = VehicleProfile::of_class(VehicleClass::TouristCoach);
    let profile = record.map_or(&any_coach, |record| &record.profile);
    let mut judged_by = FxHashMap::default();
    for vehicle in pieces
        .iter()
        .map(|piece| piece.vehicle)
        .collect::<BTreeSet<_>>()
    {
        judged_by.extend(store.judged_by(vehicle, vehicle).await?);
    }
    let rulings = Rulings {
        directory,
        judged_by: &judged_by,
        before: &FxHashMap::default(),
    };
    let counters = count_all(
        subject,
        &pieces,
        |piece| rulings.context(piece),
        &mut Vec::new(),
    );
    let known_until = counters.known_until();
    let at = known_until.map_or(at, |known| known.max(at));
    Ok(Some(HoursRead {
        known_until,
        vehicle: record.and(vehicle.or(last)),
        left: counters.hours_left(&directory.context_of(profile).at(at), at),
    }))
}

/// Why stored driving cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DrivingError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its bytes.
    #[error("stored driving is damaged")]
    Pieces(#[from] SnapshotError),
    /// Whose it is.
    #[error("stored driving belongs to nobody")]
    Subject,
}

impl Drivers {
    pub(super) fn new(
        store: Store,
        directory: watch::Receiver<Arc<Directory>>,
        judged_by: FxHashMap<VehicleId, JudgedBy>,
    ) -> Self {
        Self {
            store,
            directory,
            judged_by,
            ledgers: FxHashMap::default(),
            turn: 0,
        }
    }

    /// Judges what was told, and adds all that must be stored to the flush.
    ///
    /// Waits for a store that cannot be read. Gives the number of violations that have begun.
    pub(super) async fn take(
        &mut self,
        told: &[Piece],
        replaced: &[Replaced],
        flush: &mut Flush,
    ) -> u64 {
        self.turn += 1;
        let directory = Arc::clone(&self.directory.borrow_and_update());
        let (judged_by, before) = self.judged_by(flush);
        let rulings = Rulings {
            directory: &directory,
            judged_by: &judged_by,
            before: &before,
        };
        let tasks = loop {
            match self.prepare(rulings, told, replaced, &flush.vehicles).await {
                Ok(tasks) => break tasks,
                Err(error) => wait(&error).await,
            }
        };
        let mut verdicts = Verdicts::default();
        let mut changes = Vec::new();
        for (subject, task) in tasks {
            if !self.advance(rulings, subject, &task, flush, &mut verdicts) {
                changes.extend(self.recount(rulings, subject, &task, flush).await);
            }
        }
        for change in reconcile(changes) {
            verdicts.correct(&directory, change, replaced, flush.at);
        }
        flush.violations.extend(verdicts.upserts.into_values());
        for snapshot in &mut flush.vehicles {
            self.tell_left(&directory, snapshot);
        }
        self.forget();
        self.judged_by = judged_by;
        verdicts.begun
    }

    /// By which rules each vehicle is judged with this flush, taken out while it is counted; and by which those
    /// were that are judged again.
    fn judged_by(
        &mut self,
        flush: &Flush,
    ) -> (
        FxHashMap<VehicleId, JudgedBy>,
        FxHashMap<VehicleId, JudgedBy>,
    ) {
        let mut judged_by = std::mem::take(&mut self.judged_by);
        let mut before = FxHashMap::default();
        for again in &flush.rejudged {
            let known = judged_by.insert(again.vehicle, again.judged_by.clone());
            before.insert(again.vehicle, known.unwrap_or_default());
        }
        for change in &flush.rules {
            let own = judged_by.entry(change.vehicle).or_default();
            own.judge_on(change.from, change.import);
        }
        (judged_by, before)
    }

    /// What is to be done for whom; the counters of all of them are at hand afterwards.
    async fn prepare(
        &mut self,
        rulings: Rulings<'_>,
        told: &[Piece],
        replaced: &[Replaced],
        vehicles: &[VehicleSnapshot],
    ) -> Result<BTreeMap<Subject, Task>, DrivingError> {
        let directory = rulings.directory;
        let mut tasks: BTreeMap<Subject, Task> = BTreeMap::new();
        let again: BTreeSet<VehicleId> = replaced.iter().map(|void| void.vehicle).collect();
        let mut tells: BTreeMap<VehicleId, BTreeSet<Subject>> = BTreeMap::new();
        for piece in told {
            tasks.entry(piece.subject).or_default().told.push(*piece);
            if again.contains(&piece.vehicle) {
                tells
                    .entry(piece.vehicle)
                    .or_default()
                    .insert(piece.subject);
            }
        }
        for void in replaced {
            let bucket = bucket_of(&directory.rules.zone, void.from);
            let mut subjects = tells.get(&void.vehicle).cloned().unwrap_or_default();
            for number in self.store.driving_subjects(void.vehicle, bucket).await? {
                subjects.insert(Subject::from_number(number).ok_or(DrivingError::Subject)?);
            }
            for subject in subjects {
                let task = tasks.entry(subject).or_default();
                task.replaced.push((void.vehicle, void.from));
            }
        }
        let shown = vehicles.iter().filter_map(|snapshot| {
            let live = snapshot.live.as_ref()?;
            Some((
                Subject::at_wheel(snapshot.vehicle, live.driver),
                live.fix_at,
            ))
        });
        let mut missing: BTreeMap<Subject, Timestamp> = shown.collect();
        for (subject, task) in &tasks {
            if let Some(first) = task.told.iter().map(|piece| piece.from).min() {
                missing.insert(*subject, first);
            }
        }
        missing.retain(|subject, _| !self.ledgers.contains_key(subject));
        self.load(rulings, &missing).await?;
        Ok(tasks)
    }

    /// Counts the stored pieces of subjects that are not at hand.
    async fn load(
        &mut self,
        rulings: Rulings<'_>,
        missing: &BTreeMap<Subject, Timestamp>,
    ) -> Result<(), DrivingError> {
        let directory = rulings.directory;
        let missing: Vec<(Subject, Timestamp)> = missing
            .iter()
            .map(|(subject, at)| (*subject, *at))
            .collect();
        for some in missing.chunks(LOADED_AT_ONCE) {
            let wanted = some.iter().copied().collect();
            let stored = stored(&self.store, directory, &wanted).await?;
            for subject in wanted.keys() {
                let pieces = stored.get(subject).map_or(&[][..], Vec::as_slice);
                let ledger = Ledger::new(*subject, pieces, &directory.rules, |piece| {
                    rulings.context(piece)
                });
                let turn = self.turn;
                self.ledgers.insert(*subject, Kept { ledger, turn });
            }
        }
        Ok(())
    }

    /// Counts pieces that come next; whether they did.
    fn advance(
        &mut self,
        rulings: Rulings<'_>,
        subject: Subject,
        task: &Task,
        flush: &mut Flush,
        verdicts: &mut Verdicts,
    ) -> bool {
        let directory = rulings.directory;
        let Some(kept) = self
            .ledgers
            .get_mut(&subject)
            .filter(|_| task.replaced.is_empty())
        else {
            return false;
        };
        kept.turn = self.turn;
        let mut out = Vec::new();
        let counted = kept.ledger.advance(
            &task.told,
            &directory.rules,
            |piece| rulings.context(piece),
            &mut out,
        );
        let Ok(cells) = counted else {
            return false;
        };
        for cell in cells {
            flush
                .driving
                .push(row(subject, cell, kept.ledger.pieces(cell)));
        }
        for transition in out {
            match transition {
                Transition::Opened(violation) => {
                    verdicts.count(&violation);
                    verdicts.put(directory, *violation, None);
                }
                Transition::Extended(violation) | Transition::Closed(violation) => {
                    verdicts.put(directory, *violation, None);
                }
                Transition::PreAlarm(prealarm) => {
                    if let Some(record) = directory.vehicle(prealarm.vehicle) {
                        flush.prealarms.push(prealarm_note(record, *prealarm));
                    }
                }
                Transition::Driving { .. } | Transition::FaultRun { .. } | Transition::Piece(_) => {
                }
            }
        }
        true
    }

    /// Counts everything of a subject again.
    async fn recount(
        &mut self,
        rulings: Rulings<'_>,
        subject: Subject,
        task: &Task,
        flush: &mut Flush,
    ) -> Vec<Change> {
        let directory = rulings.directory;
        metrics::counter!(name::DRIVERS_RECOUNTED).increment(1);
        let told = task.told.iter().map(|piece| piece.from);
        let void = task.replaced.iter().map(|(_, from)| *from);
        let Some(first) = told.chain(void).min() else {
            return Vec::new();
        };
        let wanted = BTreeMap::from([(subject, first)]);
        let stored = loop {
            match stored(&self.store, directory, &wanted).await {
                Ok(mut stored) => break stored.remove(&subject).unwrap_or_default(),
                Err(error) => wait(&error).await,
            }
        };
        let Recount {
            ledger,
            cells,
            changes,
        } = recount(
            subject,
            &stored,
            &task.replaced,
            &task.told,
            &directory.rules,
            |piece| rulings.context_before(piece),
            |piece| rulings.context(piece),
        );
        for (cell, pieces) in &cells {
            flush.driving.push(row(subject, *cell, pieces));
        }
        let turn = self.turn;
        self.ledgers.insert(subject, Kept { ledger, turn });
        changes
    }

    /// Tells a vehicle how long whoever is at its wheel may still drive.
    fn tell_left(&self, directory: &Directory, snapshot: &mut VehicleSnapshot) {
        let Some(live) = &mut snapshot.live else {
            return;
        };
        let subject = Subject::at_wheel(snapshot.vehicle, live.driver);
        let kept = self.ledgers.get(&subject);
        if let Some(counters) = kept.map(|kept| kept.ledger.counters())
            && let Some(record) = directory.vehicle(snapshot.vehicle)
        {
            let at = counters
                .known_until()
                .map_or(live.fix_at, |known| known.max(live.fix_at));
            let left = counters.hours_left(&directory.context(record).at(at), at);
            live.left = FatigueLeft {
                continuous: left.continuous,
                night: left.night,
                hours24: left.hours24,
                days7: left.days7,
            };
        }
    }

    /// Keeps the number of counters bounded.
    fn forget(&mut self) {
        metrics::gauge!(name::DRIVERS).set(f64::from(
            u32::try_from(self.ledgers.len()).unwrap_or(u32::MAX),
        ));
        if self.ledgers.len() <= LEDGERS_MAX {
            return;
        }
        let mut turns: Vec<u64> = self.ledgers.values().map(|kept| kept.turn).collect();
        let (_, median, _) = turns.select_nth_unstable(LEDGERS_MAX / 2);
        let oldest = *median;
        self.ledgers.retain(|_, kept| kept.turn > oldest);
    }
}

/// What is to be written of violations; the last word on each.
#[derive(Debug, Default)]
struct Verdicts {
    upserts: BTreeMap<String, ViolationUpsert>,
    begun: u64,
}

impl Verdicts {
    fn count(&mut self, violation: &Violation) {
        metrics::counter!(name::VIOLATIONS, "kind" => violation.kind.name()).increment(1);
        self.begun += 1;
    }

    fn put(
        &mut self,
        directory: &Directory,
        violation: Violation,
        correction: Option<CorrectionNote>,
    ) {
        if let Some(record) = directory.vehicle(violation.vehicle) {
            let upsert = ViolationUpsert {
                correction,
                ..upsert(record, violation)
            };
            self.upserts.insert(upsert.id.clone(), upsert);
        }
    }

    fn correct(
        &mut self,
        directory: &Directory,
        change: Change,
        replaced: &[Replaced],
        now: Timestamp,
    ) {
        let note = |violation: &Violation, withdrawn, replaces| {
            Some(CorrectionNote {
                withdrawn,
                replaces,
                reason: reason(directory, replaced, violation),
            })
        };
        let natural_id = |violation: &Violation| {
            let record = directory.vehicle(violation.vehicle)?;
            Some(violation.id(&record.plate))
        };
        match change {
            Change::Begun(violation) => {
                self.count(&violation);
                self.put(directory, *violation, None);
            }
            Change::Grown(violation) => self.put(directory, *violation, None),
            Change::Corrected {
                mut violation,
                replaces,
            } => {
                if replaces.is_none() {
                    // Nobody could see it before what told it came.
                    let learned = replaced.iter().map(|void| void.learned_at).max();
                    let learned = learned.filter(|at| *at > Timestamp::MIN).unwrap_or(now);
                    violation.first_seen_at = violation.first_seen_at.max(learned);
                }
                let before = replaces.and_then(|known| natural_id(&known));
                let note = note(&violation, false, before);
                self.put(directory, *violation, note);
            }
            Change::Withdrawn(violation) => {
                let note = note(&violation, true, natural_id(&violation));
                self.put(directory, *violation, note);
            }
        }
    }
}

/// Why a violation of a driver is corrected.
fn reason(directory: &Directory, replaced: &[Replaced], violation: &Violation) -> String {
    let own = replaced
        .iter()
        .find(|void| void.vehicle == violation.vehicle);
    match own.or(replaced.first()) {
        Some(void) if void.vehicle == violation.vehicle => void.reason.clone(),
        Some(void) => {
            let record = directory.vehicle(void.vehicle);
            let plate = record.map_or("?", |record| record.plate.text.as_str());
            format!("of the vehicle {plate}: {}", void.reason)
        }
        None => "another vehicle told later of the same driver".to_owned(),
    }
}

async fn wait(error: &DrivingError) {
    tracing::warn!(%error, "stored driving cannot be read: nothing is flushed");
    tokio::time::sleep(STORE_RETRY).await;
}

/// The stored pieces of subjects, from far enough before a moment to count from that moment on.
async fn stored(
    store: &Store,
    directory: &Directory,
    wanted: &BTreeMap<Subject, Timestamp>,
) -> Result<BTreeMap<Subject, Vec<Piece>>, DrivingError> {
    let rules = &directory.rules;
    let look_back = |at: Timestamp| bucket_of(&rules.zone, at) - LOOK_BACK_HOURS;
    let recent: Vec<(i64, i64)> = wanted
        .iter()
        .map(|(subject, at)| (subject.number(), look_back(*at)))
        .collect();
    let mut found = read(store, &recent).await?;
    // Whoever has not rested for days is counted from the beginning.
    let restless: Vec<(i64, i64)> = wanted
        .iter()
        .filter(|(subject, at)| {
            let pieces = found.get(*subject).map_or(&[][..], Vec::as_slice);
            !reaches_rest(pieces, rules.fatigue.rest_min, **at)
        })
        .map(|(subject, _)| (subject.number(), i64::MIN))
        .collect();
    if !restless.is_empty() {
        found.extend(read(store, &restless).await?);
    }
    Ok(found)
}

async fn read(
    store: &Store,
    wanted: &[(i64, i64)],
) -> Result<BTreeMap<Subject, Vec<Piece>>, DrivingError> {
    let mut found: BTreeMap<Subject, Vec<Piece>> = BTreeMap::new();
    for row in store.driving(wanted).await? {
        let subject = Subject::from_number(row.key.subject).ok_or(DrivingError::Subject)?;
        let pieces = read_pieces(subject, row.key.vehicle, &row.pieces)?;
        found.entry(subject).or_default().extend(pieces);
    }
    Ok(found)
}

/// Pieces as they are stored, where none of these subjects and hours are yet.
pub(super) fn rows(directory: &Directory, pieces: &[Piece]) -> Vec<DrivingRow> {
    let rules = &directory.rules;
    let mut cells: BTreeMap<(Subject, Cell), Vec<Piece>> = BTreeMap::new();
    for piece in pieces {
        let cell = (bucket_of(&rules.zone, piece.to), piece.vehicle);
        append(
            cells.entry((piece.subject, cell)).or_default(),
            rules,
            *piece,
        );
    }
    cells
        .iter()
        .map(|((subject, cell), pieces)| row(*subject, *cell, pieces))
        .collect()
}

fn row(subject: Subject, (bucket, vehicle): Cell, pieces: &[Piece]) -> DrivingRow {
    DrivingRow {
        key: DrivingKey {
            subject: subject.number(),
            bucket,
            vehicle,
        },
        pieces: if pieces.is_empty() {
            Vec::new()
        } else {
            write_pieces(pieces)
        },
    }
}
