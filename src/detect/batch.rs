//! Whole tracks at once.

use std::collections::BTreeMap;

use crate::model::{Fix, Timestamp, VehicleId, Violation, ViolationKind};

use super::piece::{Piece, Subject, append};
use super::{Context, Transition, VehicleState, count_all};

/// What tells the violations of one vehicle apart.
pub(super) type Key = (Timestamp, ViolationKind, String);

/// The key of a violation.
pub(super) fn key(violation: &Violation) -> Key {
    let subject = violation.subject().to_owned();
    (violation.started_at, violation.kind, subject)
}

/// The track of one vehicle with what its verdicts depend on.
#[derive(Clone, Copy, Debug)]
pub struct Track<'a> {
    /// Of the vehicle.
    pub context: Context<'a>,
    /// Its fixes, in any order and with duplicates.
    pub fixes: &'a [Fix],
}

/// Judges the whole track of one vehicle, as if its drivers drove no other one.
///
/// See [`judge_tracks`].
pub fn judge_track(context: &Context<'_>, fixes: &[Fix]) -> Vec<Violation> {
    judge_tracks(&[Track {
        context: *context,
        fixes,
    }])
}

/// Judges the whole tracks of several vehicles, each given once, in any order and with duplicates.
///
/// The result is what the stream gives for the same fixes in order: sorted by fix time, of equal
/// times by [`Fix::precedence`], so that the order of the input does not matter. Ordered by vehicle, beginning, kind and subject. Open
/// violations have no end.
pub fn judge_tracks(tracks: &[Track<'_>]) -> Vec<Violation> {
    let mut found = Found::default();
    let mut contexts: BTreeMap<VehicleId, &Context<'_>> = BTreeMap::new();
    let mut pieces: BTreeMap<Subject, Vec<Piece>> = BTreeMap::new();
    let mut out = Vec::new();
    for Track { context, fixes } in tracks {
        let Some(fix) = fixes.first() else {
            continue;
        };
        contexts.insert(fix.vehicle, context);
        let mut state = VehicleState::default();
        let mut take = |out: &mut Vec<Transition>| {
            for transition in out.drain(..) {
                if let Some(piece) = found.take(transition) {
                    append(
                        pieces.entry(piece.subject).or_default(),
                        context.rules,
                        piece,
                    );
                }
            }
        };
        for fix in sorted(fixes) {
            state.handle_fix(context, fix, &mut out);
            take(&mut out);
        }
        state.finish(context, &mut out);
        state.take_pieces(&mut out);
        take(&mut out);
    }
    for (subject, pieces) in pieces {
        let context = |piece: &Piece| {
            contexts
                .get(&piece.vehicle)
                .map(|known| known.at(piece.from))
        };
        count_all(subject, &pieces, context, &mut out);
        for transition in out.drain(..) {
            found.take(transition);
        }
    }
    found.0.into_values().collect()
}

fn sorted(fixes: &[Fix]) -> Vec<&Fix> {
    let mut sorted: Vec<&Fix> = fixes.iter().collect();
    sorted.sort_by(|a, b| {
        let by_time = a.time.cmp(&b.time);
        by_time.then_with(|| a.precedence().cmp(&b.precedence()))
    });
    sorted
}

/// The last word on each violation.
#[derive(Default)]
struct Found(BTreeMap<(VehicleId, Key), Violation>);

impl Found {
    /// Takes a violation in; gives a piece back.
    fn take(&mut self, transition: Transition) -> Option<Piece> {
        match transition {
            Transition::Opened(violation)
            | Transition::Extended(violation)
            | Transition::Closed(violation) => {
                let key = (violation.vehicle, key(&violation));
                self.0.insert(key, *violation);
                None
            }
            Transition::Piece(piece) => Some(*piece),
            Transition::Driving { .. } | Transition::FaultRun { .. } | Transition::PreAlarm(_) => {
                None
            }
        }
    }
}
