//! A subject's counters beside the pieces that are stored of it.
//!
//! The stored pieces are the truth, the counters follow from them: they are never saved. Pieces that
//! come in order are counted one by one ([`Ledger::advance`]). One that does not, or pieces that
//! replace others, have all counted again ([`recount`]), and what that changes is told as
//! [`Change`]s.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::rules::RuleSet;
use crate::model::{Timestamp, VehicleId, Violation, ViolationKind};

use super::super::piece::{Piece, Subject, append, bucket_of};
use super::super::{Context, Transition};
use super::counters::{Counters, OutOfOrder};
use super::timeline::count_all;

/// Where pieces of a subject are stored: bucket and vehicle.
pub type Cell = (i64, VehicleId);

/// Buckets before the newest one whose pieces are at hand.
const OLD_BUCKETS: i64 = 1;

/// Counters of a subject with those of its stored pieces that may still grow.
#[derive(Clone, Debug)]
pub struct Ledger {
    counters: Counters,
    /// Pieces of the newest buckets.
    cells: BTreeMap<Cell, Vec<Piece>>,
}

/// What counting again changes.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The violation has begun, as it would in order.
    Begun(Box<Violation>),
    /// The violation goes on or ends, as it would in order.
    Grown(Box<Violation>),
    /// It was not known, or is another than it was thought to be.
    Corrected {
        /// What stands now.
        violation: Box<Violation>,
        /// What stood in its place, as it was or with another beginning or driver.
        replaces: Option<Box<Violation>>,
    },
    /// It was none.
    Withdrawn(Box<Violation>),
}

/// Everything counted again.
#[derive(Clone, Debug)]
pub struct Recount {
    /// The new ledger.
    pub ledger: Ledger,
    /// Cells whose pieces are others now; an empty one is to be removed.
    pub cells: BTreeMap<Cell, Vec<Piece>>,
    /// What it changes.
    pub changes: Vec<Change>,
}

impl Ledger {
    /// From stored pieces, in the order of each vehicle.
    pub fn new<'c>(
        subject: Subject,
        stored: &[Piece],
        rules: &RuleSet,
        context: impl Fn(&Piece) -> Option<Context<'c>>,
    ) -> Self {
        let counters = count_all(subject, stored, context, &mut Vec::new());
        Self::of(counters, &cells(rules, stored))
    }

    fn of(counters: Counters, all: &BTreeMap<Cell, Vec<Piece>>) -> Self {
        let newest = all.last_key_value().map_or(0, |((bucket, _), _)| *bucket);
        let recent = all.range((newest - OLD_BUCKETS, VehicleId(0))..);
        Self {
            counters,
            cells: recent
                .map(|(cell, pieces)| (*cell, pieces.clone()))
                .collect(),
        }
    }

    /// The counters.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The pieces of a cell that is to be stored again.
    pub fn pieces(&self, cell: Cell) -> &[Piece] {
        self.cells.get(&cell).map_or(&[], Vec::as_slice)
    }

    /// Bytes that it takes, its heap included.
    pub fn memory_bytes(&self) -> usize {
        let pieces: usize = self.cells.values().map(Vec::capacity).sum();
        self.counters.memory_bytes() + pieces * size_of::<Piece>()
    }

    /// Counts pieces that come next; gives the cells that are to be stored again.
    ///
    /// # Errors
    /// [`OutOfOrder`] when one of them is not the next: the ledger is of no use then, and all must
    /// be counted again.
    pub fn advance<'c>(
        &mut self,
        told: &[Piece],
        rules: &RuleSet,
        context: impl Fn(&Piece) -> Option<Context<'c>>,
        out: &mut Vec<Transition>,
    ) -> Result<BTreeSet<Cell>, OutOfOrder> {
        let mut told: Vec<&Piece> = told.iter().collect();
        told.sort_by_key(|piece| (piece.from, piece.to, piece.vehicle));
        let mut changed = BTreeSet::new();
        let mut last = None;
        for piece in told {
            let Some(context) = context(piece) else {
                continue;
            };
            let cell = (bucket_of(&rules.zone, piece.to), piece.vehicle);
            let newest = self.cells.last_key_value().map(|((bucket, _), _)| *bucket);
            if newest.is_some_and(|newest| cell.0 < newest - OLD_BUCKETS) {
                return Err(OutOfOrder);
            }
            self.counters.handle_piece(&context, piece, out)?;
            append(self.cells.entry(cell).or_default(), rules, *piece);
            changed.insert(cell);
            last = Some(context);
        }
        if let Some(context) = last {
            self.counters.take_up_stop(&context, out);
        }
        if let Some(((newest, _), _)) = self.cells.last_key_value() {
            let oldest =
                (newest - OLD_BUCKETS).min(changed.first().map_or(i64::MAX, |(bucket, _)| *bucket));
            self.cells = self.cells.split_off(&(oldest, VehicleId(0)));
        }
        Ok(changed)
    }
}

/// Counts all again: stored pieces, of which some vehicles have taken back those that end after a
/// moment, and pieces that were told since. The contexts are those by which the stored ones were judged before,
/// and by which all are now.
///
/// `stored` must reach back over the longest window before the first change, and to a rest.
pub fn recount<'c>(
    subject: Subject,
    stored: &[Piece],
    replaced: &[(VehicleId, Timestamp)],
    told: &[Piece],
    rules: &RuleSet,
    context_before: impl Fn(&Piece) -> Option<Context<'c>>,
    context: impl Fn(&Piece) -> Option<Context<'c>>,
) -> Recount {
    let taken_back = |piece: &Piece| {
        replaced
            .iter()
            .any(|(vehicle, from)| *vehicle == piece.vehicle && piece.to > *from)
    };
    let mut pieces: Vec<Piece> = stored
        .iter()
        .filter(|piece| !taken_back(piece))
        .chain(told)
        .copied()
        .collect();
    pieces.sort_by_key(|piece| (piece.vehicle, piece.from, piece.to));
    let (before_counters, before) = count(subject, stored, &context_before);
    let (counters, after) = count(subject, &pieces, &context);
    let cells_before = cells(rules, stored);
    let mut changed = cells(rules, &pieces);
    let ledger = Ledger::of(counters, &changed);
    changed.retain(|cell, pieces| cells_before.get(cell) != Some(pieces));
    for cell in cells_before.keys() {
        if !pieces.iter().any(|piece| cell_of(rules, piece) == *cell) {
            changed.insert(*cell, Vec::new());
        }
    }
    Recount {
        ledger,
        cells: changed,
        changes: changes(&before_counters, before, after, replaced.is_empty()),
    }
}

fn cell_of(rules: &RuleSet, piece: &Piece) -> Cell {
    (bucket_of(&rules.zone, piece.to), piece.vehicle)
}

/// Pieces in their cells, grown together.
fn cells(rules: &RuleSet, pieces: &[Piece]) -> BTreeMap<Cell, Vec<Piece>> {
    let mut cells: BTreeMap<Cell, Vec<Piece>> = BTreeMap::new();
    for piece in pieces {
        append(
            cells.entry(cell_of(rules, piece)).or_default(),
            rules,
            *piece,
        );
    }
    cells
}

type Key = (VehicleId, ViolationKind, Timestamp);

fn count<'c>(
    subject: Subject,
    pieces: &[Piece],
    context: &impl Fn(&Piece) -> Option<Context<'c>>,
) -> (Counters, BTreeMap<Key, Violation>) {
    let mut out = Vec::new();
    let counters = count_all(subject, pieces, context, &mut out);
    let mut found = BTreeMap::new();
    for transition in out {
        if let Transition::Opened(violation)
        | Transition::Extended(violation)
        | Transition::Closed(violation) = transition
        {
            let key = (violation.vehicle, violation.kind, violation.started_at);
            found.insert(key, *violation);
        }
    }
    (counters, found)
}

/// What stands after, against what stood before; `grows` when nothing was taken back, so that what is
/// new may have come in order.
fn changes(
    counters: &Counters,
    mut before: BTreeMap<Key, Violation>,
    after: BTreeMap<Key, Violation>,
    grows: bool,
) -> Vec<Change> {
    let known_until = counters.known_until().unwrap_or(Timestamp::MIN);
    let mut changes = Vec::new();
    let mut new = Vec::new();
    for (key, mut violation) in after {
        let Some(known) = before.remove(&key) else {
            new.push(violation);
            continue;
        };
        // When it was received is told in proportion: no reason to correct anything.
        violation.first_seen_at = known.first_seen_at;
        if violation == known {
            continue;
        }
        // Other rules make it another verdict, also while it goes on.
        let same_rules = violation.rulebook_version == known.rulebook_version;
        changes.push(if same_rules && counters.holds(&known) {
            Change::Grown(Box::new(violation))
        } else {
            Change::Corrected {
                violation: Box::new(violation),
                replaces: Some(Box::new(known)),
            }
        });
    }
    for violation in new {
        let follows = grows && violation.started_at >= known_until;
        changes.push(
            if follows && !before.values().any(|known| overlap(known, &violation)) {
                Change::Begun(Box::new(violation))
            } else {
                Change::Corrected {
                    violation: Box::new(violation),
                    replaces: None,
                }
            },
        );
    }
    let gone = before.into_values().map(Box::new).map(Change::Withdrawn);
    changes.extend(gone);
    changes
}

/// Joins what was taken back with what was found in its place, over all subjects: a violation stays
/// the same one when its beginning moves, and when another driver turns out to have driven.
pub fn reconcile(changes: Vec<Change>) -> Vec<Change> {
    let (mut gone, mut changes): (Vec<_>, Vec<_>) = changes
        .into_iter()
        .partition(|change| matches!(change, Change::Withdrawn(_)));
    // What began at the same moment first.
    for same in [same_beginning, overlap] {
        for change in &mut changes {
            let violation = match change {
                Change::Begun(violation)
                | Change::Corrected {
                    violation,
                    replaces: None,
                } => violation,
                Change::Grown(_) | Change::Corrected { .. } | Change::Withdrawn(_) => continue,
            };
            let place = gone.iter().position(
                |gone| matches!(gone, Change::Withdrawn(known) if same(known, violation)),
            );
            if let Some(Change::Withdrawn(known)) = place.map(|place| gone.remove(place)) {
                *change = Change::Corrected {
                    violation: violation.clone(),
                    replaces: Some(known),
                };
            }
        }
    }
    gone.append(&mut changes);
    gone
}

fn same_beginning(one: &Violation, other: &Violation) -> bool {
    let key = |violation: &Violation| (violation.vehicle, violation.kind, violation.started_at);
    key(one) == key(other)
}

/// Whether two violations are the same one with another beginning.
fn overlap(one: &Violation, other: &Violation) -> bool {
    let end = |violation: &Violation| violation.ended_at.unwrap_or(Timestamp::MAX);
    (one.vehicle, one.kind) == (other.vehicle, other.kind)
        && one.started_at <= end(other)
        && other.started_at <= end(one)
}
