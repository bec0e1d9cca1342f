//! From what was possible at each fix to what is held to be true.

use std::ops::Range;

use super::column::{Column, Hypothesis};
use super::settings::Settings;
use super::{Match, Roads, VecColumns};
use crate::roads::network::{NodePlace, RoadNetwork, SegmentNumber, count};

/// How far below the best a hypothesis lies from which no step leads on. Unit: nats.
const NO_WAY_ON: f64 = 30.0;

/// Decides some of the columns in the light of all and gives `found` each with its fix.
pub(super) fn decide(
    roads: &Roads<'_>,
    columns: &mut VecColumns,
    wanted: &Range<usize>,
    mut found: impl FnMut(usize, Match),
) {
    look_back(columns);
    let mut path = Path::default();
    for at in (wanted.start..columns.len()).rev() {
        let place = path.back_to(columns, at);
        let shown = place.or_else(|| path.beside(columns, at));
        if let Some(place) = shown.filter(|_| at < wanted.end) {
            let column = &columns[at];
            let (segment, along_m) = settle(roads.network, columns, &path, &place);
            let share = confidence(roads, column, place.hypothesis, segment);
            let distance_m = distance_m(roads.network, column, segment);
            let doubt = off_road(roads.settings, distance_m);
            found(
                column.fix,
                Match {
                    segment: SegmentNumber(segment),
                    along_m: narrow(along_m),
                    distance_m: narrow(distance_m),
                    confidence: narrow(share / (1.0 + doubt)),
                },
            );
        }
        path.later = place.or(path.later);
    }
}

/// A place on the path that is held to be true.
#[derive(Clone, Copy, Debug)]
struct Place {
    column: usize,
    hypothesis: u32,
    /// Along, error east, error north, smoothed. Unit: m.
    state: [f64; 3],
}

/// The path, followed from its end to its beginning.
#[derive(Debug, Default)]
struct Path {
    later: Option<Place>,
}

impl Path {
    /// The place on the path in column `at`; `None` where the path leaves it out.
    fn back_to(&self, columns: &VecColumns, at: usize) -> Option<Place> {
        let column = &columns[at];
        let Some(later) = self.later else {
            return Some(Place::end(column, at, column.best()?));
        };
        let from = hypothesis(columns, &later);
        let Some(before) = from.before else {
            // The track began anew at the later fix.
            return Some(Place::end(column, at, column.best()?));
        };
        if at + usize::from(before.columns) != later.column {
            return None;
        }
        let own = column.hypotheses.get(before.hypothesis as usize)?;
        if before.turned {
            return Some(Place::end(column, at, before.hypothesis));
        }
        Some(Place {
            column: at,
            hypothesis: before.hypothesis,
            state: own
                .estimate
                .smoothed(&from.predicted, later.state, from.kept),
        })
    }
}

impl Path {
    /// For a fix that the path leaves out: its place on the path, if it is within reach of that.
    fn beside(&self, columns: &VecColumns, at: usize) -> Option<Place> {
        let column = &columns[at];
        let later = self.later?;
        let own = hypothesis(columns, &later);
        let before = own.before.filter(|before| !before.turned)?;
        let source = &columns[later.column.checked_sub(usize::from(before.columns))?];
        let source = source.hypotheses.get(before.hypothesis as usize)?;
        let way = columns[later.column].between(own);
        let number = column.hypotheses.iter().position(|hypothesis| {
            let segment = hypothesis.segment;
            segment == source.segment || segment == own.segment || way.contains(&segment)
        })?;
        Some(Place::end(column, at, count(number)))
    }
}

impl Place {
    /// The end of a path, where nothing later helps.
    fn end(column: &Column, at: usize, number: u32) -> Self {
        let estimate = &column.hypotheses[number as usize].estimate;
        Self {
            column: at,
            hypothesis: number,
            state: [estimate.along, estimate.error[0], estimate.error[1]],
        }
    }
}

fn hypothesis<'c>(columns: &'c VecColumns, place: &Place) -> &'c Hypothesis {
    &columns[place.column].hypotheses[place.hypothesis as usize]
}

/// Fills [`Column::later`]: for each hypothesis the best that can come after it.
fn look_back(columns: &mut VecColumns) {
    for column in columns.iter_mut() {
        column.later.clear();
        let none = std::iter::repeat_n(f64::NEG_INFINITY, column.hypotheses.len());
        column.later.extend(none);
    }
    for at in (0..columns.len()).rev() {
        close(&mut columns[at].later);
        for number in 0..columns[at].steps.len() {
            let column = &columns[at];
            let step = column.steps[number];
            let value = step.weight + column.later[step.to as usize];
            if let Some(source) = at.checked_sub(usize::from(step.before.columns)) {
                let later = &mut columns[source].later[step.before.hypothesis as usize];
                *later = later.max(value);
            }
        }
    }
}

/// Gives a value to hypotheses from which no step leads on, once all later columns have spoken.
fn close(later: &mut [f64]) {
    let best = later.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = if best == f64::NEG_INFINITY {
        0.0
    } else {
        best - NO_WAY_ON
    };
    for value in later {
        *value = value.max(least);
    }
}

/// Share of all that is possible at a fix which has the limits of `segment`.
fn confidence(roads: &Roads<'_>, column: &Column, chosen: u32, segment: u32) -> f64 {
    let bound = roads.settings.beam_nats;
    let own = chosen as usize;
    let score = |number: usize| column.hypotheses[number].score + column.later[number];
    let best = score(own);
    let (mut same, mut all) = (0.0, 0.0);
    for (number, hypothesis) in column.hypotheses.iter().enumerate() {
        let weight = (score(number) - best).clamp(-bound, bound).exp();
        all += weight;
        let is_same = || {
            let keys = roads.keys;
            keys.are_same(roads.network, segment, hypothesis.segment)
        };
        if number == own || is_same() {
            same += weight;
        }
    }
    same / all
}

/// How likely the vehicle is on no road at all, against the road that was found.
fn off_road(settings: &Settings, distance_m: f64) -> f64 {
    let variance = settings.slow_m2() + settings.fast_m2();
    let nats = |metres: f64| 0.5 * metres * metres / variance;
    (nats(distance_m) - nats(settings.off_road_m)).exp()
}

/// The segment on which the smoothed place lies, and how far along: the path before and after the
/// segment of the hypothesis is known, and the place may lie a little before or after it.
fn settle(network: &RoadNetwork, columns: &VecColumns, path: &Path, place: &Place) -> (u32, f64) {
    let column = &columns[place.column];
    let own = hypothesis(columns, place);
    let length = |segment: u32| network.segments[segment as usize].length_m();
    let (mut segment, mut along) = (own.segment, place.state[0]);
    if along < 0.0 {
        for earlier in earlier_segments(columns, column, place, own) {
            if along >= 0.0 {
                break;
            }
            segment = earlier;
            along += length(earlier);
        }
    } else if along > length(segment) {
        for later in later_segments(columns, path) {
            if along <= length(segment) {
                break;
            }
            along -= length(segment);
            segment = later;
        }
    }
    (segment, along.clamp(0.0, length(segment)))
}

/// The segments before that of a hypothesis, the nearest first, back to that of the one before.
fn earlier_segments<'c>(
    columns: &'c VecColumns,
    column: &'c Column,
    place: &Place,
    own: &'c Hypothesis,
) -> impl Iterator<Item = u32> + use<'c> {
    let before = own.before.filter(|before| !before.turned);
    let source = before.and_then(|before| {
        let at = place.column.checked_sub(usize::from(before.columns))?;
        let source = columns[at].hypotheses.get(before.hypothesis as usize)?;
        (source.segment != own.segment).then_some(source.segment)
    });
    let between = column.between(own).iter().rev().copied();
    between.chain(source)
}

/// The segments after that of the place before `path.later`, up to and with its own.
fn later_segments<'c>(columns: &'c VecColumns, path: &Path) -> impl Iterator<Item = u32> + use<'c> {
    let later = path.later.and_then(|later| {
        let own = hypothesis(columns, &later);
        own.before.filter(|before| !before.turned)?;
        Some((&columns[later.column], own))
    });
    later.into_iter().flat_map(|(column, own)| {
        let between = column.between(own).iter().copied();
        between.chain(std::iter::once(own.segment))
    })
}

/// Distance of a column's fix from a segment. Unit: m.
fn distance_m(network: &RoadNetwork, column: &Column, segment: u32) -> f64 {
    let segment = &network.segments[segment as usize];
    let place = |node: u32| -> NodePlace { network.places[node as usize] };
    let (from, to) = (place(segment.from), place(segment.to));
    column.plane.foot(from, to).distance_m
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "seven digits are more than a place has"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}
