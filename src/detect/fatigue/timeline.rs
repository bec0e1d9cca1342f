//! All pieces of one subject at once, in any order: what the counters come to.
//!
//! Vehicles may contradict each other. Driving beats unknown time; of two vehicles that both say that
//! the subject drove, the one that was driven just before is believed, else the one with the lower
//! number, and the time is counted once.
//! Whatever the order of the pieces, the result is the same; pieces that follow each other give what
//! [`Counters::handle_piece`] gives for one after the other.

use std::cmp::Reverse;

use crate::model::{Span, Timestamp, VehicleId};

use super::super::piece::{Doing, Piece, Subject};
use super::super::{Context, Transition};
use super::counters::Counters;

/// Counts all pieces of a subject; pieces of a vehicle for which there is no context are left out.
pub fn count_all<'c>(
    subject: Subject,
    pieces: &[Piece],
    context: impl Fn(&Piece) -> Option<Context<'c>>,
    out: &mut Vec<Transition>,
) -> Counters {
    let mut counters = Counters::new(subject);
    let mut count = |counters: &mut Counters, piece: &Piece, two_vehicles: bool| {
        if let Some(context) = context(piece) {
            if two_vehicles {
                counters.note_two_vehicles(&context, piece, out);
            }
            counters.count(&context, piece, out);
        }
    };
    let (mut occupied, mut inferred) = (Vec::new(), Vec::new());
    let mut last_stop: Option<&Piece> = None;
    for piece in pieces.iter().filter(|piece| piece.subject == subject) {
        match piece.doing {
            Doing::Drove(_) | Doing::Unknown { .. } => occupied.push(*piece),
            Doing::StoodInferred => inferred.push(*piece),
            // Between two drives a stop is what is left; only how long the last one is known counts.
            Doing::Stood if last_stop.is_none_or(|last| order(last) < order(piece)) => {
                last_stop = Some(piece);
            }
            Doing::Stood => {}
        }
    }
    let fragments = fragments(occupied);
    let mut inferred = left_over(inferred, &fragments);
    inferred.sort_by_key(|piece| Reverse((piece.from, piece.to, piece.vehicle)));
    for fragment in &fragments {
        let piece = &fragment.piece;
        while let Some(stop) = inferred.pop_if(|stop| stop.from < piece.from) {
            count(&mut counters, &stop, false);
        }
        count(&mut counters, piece, fragment.two_vehicles);
    }
    while let Some(stop) = inferred.pop() {
        count(&mut counters, &stop, false);
    }
    if let Some(stop) = last_stop {
        count(&mut counters, stop, false);
    }
    counters
}

/// Whether pieces reach back to a rest before `at`, so that counting may begin with them.
pub fn reaches_rest(pieces: &[Piece], rest_min: Span, at: Timestamp) -> bool {
    let mut occupied: Vec<(Timestamp, Timestamp)> = pieces
        .iter()
        .filter(|piece| piece.is_occupied() && piece.from < at)
        .map(|piece| (piece.from, piece.to))
        .collect();
    occupied.sort_unstable();
    let Some((_, mut until)) = occupied.first().copied() else {
        return true;
    };
    for (from, to) in occupied.into_iter().chain([(at, at)]) {
        if from.since(until) >= rest_min {
            return true;
        }
        until = until.max(to);
    }
    false
}

/// What makes one of two stops the last one, whichever comes first.
fn order(stop: &Piece) -> (Timestamp, Reverse<VehicleId>) {
    (stop.to, Reverse(stop.vehicle))
}

/// What is left of stops beside time that is occupied: of that they say nothing.
fn left_over(stops: Vec<Piece>, occupied: &[Fragment]) -> Vec<Piece> {
    let mut left = Vec::with_capacity(stops.len());
    for stop in stops {
        let first = occupied.partition_point(|fragment| fragment.piece.to <= stop.from);
        let mut from = stop.from;
        for Fragment { piece, .. } in occupied.iter().skip(first) {
            if piece.from >= stop.to {
                break;
            }
            if from < piece.from {
                let to = piece.from;
                left.push(Piece { from, to, ..stop });
            }
            from = piece.to;
        }
        if from < stop.to {
            left.push(Piece { from, ..stop });
        }
    }
    left
}

/// A part of a piece that no other piece overrules.
struct Fragment {
    /// The part, with the last fix of the whole piece.
    piece: Piece,
    /// Another vehicle tells of driving in the same time.
    two_vehicles: bool,
}

/// Occupied pieces in order, without overlaps.
fn fragments(mut pieces: Vec<Piece>) -> Vec<Fragment> {
    let key = |piece: &Piece| (piece.from, piece.to, piece.vehicle);
    pieces.sort_by_key(key);
    let mut found = Vec::with_capacity(pieces.len());
    let mut rest = pieces.as_slice();
    while let Some(first) = rest.first() {
        // Pieces that hang together by their overlaps.
        let mut until = first.to;
        let mut length = 0;
        for piece in rest {
            if length > 0 && piece.from >= until {
                break;
            }
            until = until.max(piece.to);
            length += 1;
        }
        let (cluster, others) = rest.split_at(length);
        rest = others;
        if length == 1 {
            found.push(Fragment {
                piece: *first,
                two_vehicles: false,
            });
        } else {
            settle(cluster, &mut found);
        }
    }
    found
}

/// Settles which piece of a cluster is believed when.
fn settle(cluster: &[Piece], found: &mut Vec<Fragment>) {
    let mut edges: Vec<Timestamp> = cluster
        .iter()
        .flat_map(|piece| [piece.from, piece.to])
        .collect();
    edges.sort_unstable();
    edges.dedup();
    let drives = |piece: &&Piece| matches!(piece.doing, Doing::Drove(_));
    let mut waiting = cluster.iter().peekable();
    let mut active: Vec<&Piece> = Vec::new();
    for edge in edges.windows(2) {
        let &[from, to] = edge else { continue };
        active.retain(|piece| piece.to > from);
        while let Some(piece) = waiting.next_if(|piece| piece.from <= from) {
            active.push(piece);
        }
        let driven_before = found
            .last()
            .filter(|last| last.piece.to == from && drives(&&last.piece))
            .map(|last| last.piece.vehicle);
        let driving = active.iter().copied().filter(|piece| drives(piece));
        let first = driving
            .clone()
            .min_by_key(|piece| (Some(piece.vehicle) != driven_before, piece.vehicle));
        let Some(piece) = first.or(active.first().copied()) else {
            continue;
        };
        let mut part = Piece { from, to, ..*piece };
        if let Doing::Drove(wheel) = &mut part.doing
            && to < piece.to
        {
            // They count where the piece ends.
            wheel.fixes = 0;
        }
        found.push(Fragment {
            piece: part,
            two_vehicles: driving.count() > 1,
        });
    }
}
