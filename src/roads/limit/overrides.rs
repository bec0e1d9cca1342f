//! The operator's limits, laid over a map: which segments, and which part of each, each one is for.

use std::collections::{BTreeMap, BTreeSet};

use crate::geo::apart_deg;
use crate::model::road::{OverrideTarget, RoadOverride};
use crate::model::{Position, Timestamp, VehicleClass};

use crate::roads::index::Plane;
use crate::roads::network::{NodePlace, RoadNetwork, Segment, SegmentNumber};

/// Largest difference in direction of a drawn line and a segment along it. Unit: degrees.
const LINE_DEGREES_MAX: f64 = 40.0;

/// Least height and width of the box of a stretch. Two places on a straight road that runs east span
/// a box without a height, and the road is never drawn exactly there. Unit: m.
const BOX_M_MIN: f64 = 50.0;

/// Longest piece of a segment of which the nearest piece of a drawn line is asked once. Unit: m.
const PIECE_M_MAX: f64 = 10.0;

/// How exactly a line is drawn along its road: two roads about as near to it are both meant. Unit: m.
const DRAWN_M: f64 = 3.0;

/// Overrides with the segments of one map.
#[derive(Debug, Default)]
pub struct Overrides {
    list: Vec<RoadOverride>,
    /// By segment and place in the list, ascending.
    on: Vec<Held>,
}

/// A part of a segment on which an override holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    segment: u32,
    /// Place in the list.
    place: u32,
    part: Part,
}

/// From where to where on a segment, as shares of its length, `0..=1`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    from: f32,
    to: f32,
}

impl Part {
    const WHOLE: Self = Self { from: 0.0, to: 1.0 };

    /// `None` for a part without a length.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a share of a segment; 24 bits are millimetres of kilometres"
    )]
    fn new(from: f64, to: f64) -> Option<Self> {
        (from < to).then_some(Self {
            from: from as f32,
            to: to as f32,
        })
    }

    fn contains(self, share: f64) -> bool {
        (f64::from(self.from)..=f64::from(self.to)).contains(&share)
    }
}

/// A vehicle on a segment.
#[derive(Clone, Copy, Debug)]
pub struct Passing {
    /// The segment.
    pub segment: SegmentNumber,
    /// Where the vehicle is; its foot on the segment decides.
    pub place: Position,
    /// Its class, where known.
    pub class: Option<VehicleClass>,
    /// When.
    pub time: Timestamp,
}

impl Overrides {
    /// Finds the segments of each override.
    pub fn new(network: &RoadNetwork, list: Vec<RoadOverride>) -> Self {
        let mut on = Vec::new();
        let (ways, lines) = (by_way(network, &list), drawn_lines(&list));
        let is_any = !ways.is_empty() || !lines.is_empty();
        let mut along: Vec<Vec<Run>> = lines.iter().map(|_| Vec::new()).collect();
        for (number, segment) in (0..).zip(network.segments()).filter(|_| is_any) {
            let ends = network.ends(segment);
            let mut hold = |place, part| {
                on.push(Held {
                    segment: number,
                    place,
                    part,
                });
            };
            for set in ways.get(&segment.way().0).into_iter().flatten() {
                if let Some(part) = set.part(segment, ends) {
                    hold(set.place, part);
                }
            }
            for (drawn, runs) in lines.iter().zip(&mut along) {
                drawn.1.runs(number, ends, runs);
            }
        }
        for ((place, _), runs) in lines.iter().zip(&along) {
            for (segment, part) in parts(network, runs) {
                let place = *place;
                on.push(Held {
                    segment,
                    place,
                    part,
                });
            }
        }
        on.sort_by_key(|held| (held.segment, held.place));
        Self { list, on }
    }

    /// The overrides that hold anywhere on a segment, in the order in which they were given; one that
    /// holds on several parts of it comes as often.
    pub fn on(&self, segment: SegmentNumber) -> impl Iterator<Item = &RoadOverride> {
        self.held(segment)
            .iter()
            .filter_map(|held| self.list.get(held.place as usize))
    }

    fn held(&self, segment: SegmentNumber) -> &[Held] {
        let first = self.on.partition_point(|held| held.segment < segment.0);
        let after = self.on.partition_point(|held| held.segment <= segment.0);
        self.on.get(first..after).unwrap_or_default()
    }

    /// The override that holds for a vehicle: one for some classes goes before one for all, then the
    /// one that began last, of these the lowest.
    pub fn find(&self, network: &RoadNetwork, passing: &Passing) -> Option<&RoadOverride> {
        let held = self.held(passing.segment);
        if held.is_empty() {
            return None;
        }
        let ends = network.ends(network.segment(passing.segment));
        let foot = Plane::at(NodePlace::from(passing.place)).foot(ends[0], ends[1]);
        held.iter()
            .filter(|held| held.part.contains(foot.share))
            .filter_map(|held| self.list.get(held.place as usize))
            .filter(|set| set.holds(passing.class, passing.time))
            .max_by_key(|set| {
                let for_some = !set.classes.is_empty();
                (for_some, set.from, std::cmp::Reverse(set.limit))
            })
    }

    /// Whether the same overrides hold on two segments, wherever on them.
    pub(in crate::roads) fn are_same(&self, one: u32, other: u32) -> bool {
        let of = |segment| self.held(SegmentNumber(segment)).iter();
        of(one)
            .map(|held| held.place)
            .eq(of(other).map(|held| held.place))
    }

    /// Overrides that no road of the map answers to.
    pub fn unused(&self) -> impl Iterator<Item = &RoadOverride> {
        let mut used = vec![false; self.list.len()];
        for held in &self.on {
            if let Some(used) = used.get_mut(held.place as usize) {
                *used = true;
            }
        }
        self.list
            .iter()
            .zip(used)
            .filter(|(_, used)| !used)
            .map(|(set, _)| set)
    }

    /// All overrides, in the order in which they were given.
    pub fn list(&self) -> &[RoadOverride] {
        &self.list
    }
}

/// An override by way or name, on one of its ways.
#[derive(Clone, Copy, Debug)]
struct OnWay {
    /// Place in the list.
    place: u32,
    backward: Option<bool>,
    stretch: Option<Bounds>,
}

impl OnWay {
    /// The part of a segment of the way on which it holds.
    fn part(&self, segment: &Segment, ends: [NodePlace; 2]) -> Option<Part> {
        let is_meant = |backward| backward == segment.is_backward();
        if !self.backward.is_none_or(is_meant) {
            return None;
        }
        match &self.stretch {
            None => Some(Part::WHOLE),
            Some(stretch) => stretch.clip(ends),
        }
    }
}

/// The overrides by way or name, by number of the way: all are found in one walk over the map, however
/// many there are.
fn by_way(network: &RoadNetwork, list: &[RoadOverride]) -> BTreeMap<u32, Vec<OnWay>> {
    let mut found: BTreeMap<u32, Vec<OnWay>> = BTreeMap::new();
    let mut named: BTreeMap<&str, Vec<OnWay>> = BTreeMap::new();
    for (place, set) in (0..).zip(list) {
        match &set.target {
            OverrideTarget::Way { id, backward } => {
                if let Some(way) = network.find_way(*id) {
                    found.entry(way.0).or_default().push(OnWay {
                        place,
                        backward: *backward,
                        stretch: None,
                    });
                }
            }
            OverrideTarget::Name { name, stretch } => {
                named.entry(name.trim()).or_default().push(OnWay {
                    place,
                    backward: None,
                    stretch: stretch.map(Bounds::of_stretch),
                });
            }
            OverrideTarget::Line { .. } => {}
        }
    }
    if !named.is_empty() {
        for (number, way) in (0..).zip(network.ways()) {
            let own: BTreeSet<&str> = network.names(way).collect();
            let sets = own.iter().filter_map(|name| named.get(name)).flatten();
            for set in sets {
                found.entry(number).or_default().push(*set);
            }
        }
    }
    found
}

/// A short run of a segment along a drawn line.
#[derive(Clone, Copy, Debug)]
struct Run {
    segment: u32,
    /// Shares of the segment's length.
    from: f64,
    to: f64,
    /// From the line to its middle. Unit: m.
    distance_m: f64,
    /// How far along the line that is. Unit: m.
    along_m: f64,
}

/// What is meant of the roads along a drawn line: at each place the nearest one, with all that is of the same class and
/// name, such as its other carriageway. A road beside it has its own limit, however wide the line is.
///
/// `runs` come in order of the segments, those of one segment in order of the shares.
fn parts(network: &RoadNetwork, runs: &[Run]) -> Vec<(u32, Part)> {
    let road = |run: &Run| {
        let way = network.way(network.segments[run.segment as usize].way());
        (way.class, way.name)
    };
    let mut nearest: BTreeMap<i64, Run> = BTreeMap::new();
    for run in runs {
        let known = nearest.entry(bucket(run.along_m)).or_insert(*run);
        if run.distance_m < known.distance_m {
            *known = *run;
        }
    }
    let is_meant = |run: &Run| {
        let at = bucket(run.along_m);
        let around = nearest.range(at - 1..=at + 1).map(|(_, nearest)| nearest);
        let nearest = around.min_by(|a, b| a.distance_m.total_cmp(&b.distance_m));
        nearest.is_none_or(|nearest| {
            run.distance_m <= nearest.distance_m + DRAWN_M || road(run) == road(nearest)
        })
    };
    let mut joined: Vec<(u32, f64, f64)> = Vec::new();
    for run in runs.iter().filter(|run| is_meant(run)) {
        match joined.last_mut() {
            #[expect(
                clippy::float_cmp,
                reason = "the end of one run is the beginning of the next"
            )]
            Some((segment, _, to)) if *segment == run.segment && *to == run.from => *to = run.to,
            _ => joined.push((run.segment, run.from, run.to)),
        }
    }
    let part = |(segment, from, to)| Some((segment, Part::new(from, to)?));
    joined.into_iter().filter_map(part).collect()
}

/// Which part of a line a run belongs to.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a line is at most some thousand kilometres long"
)]
fn bucket(along_m: f64) -> i64 {
    (along_m / (2.0 * PIECE_M_MAX)).floor() as i64
}

/// The drawn lines, with their places in the list.
fn drawn_lines(list: &[RoadOverride]) -> Vec<(u32, Drawn)> {
    let lines = (0..)
        .zip(list)
        .filter_map(|(place, set)| match &set.target {
            OverrideTarget::Way { .. } | OverrideTarget::Name { .. } => None,
            OverrideTarget::Line {
                line,
                half_width_m,
                one_direction,
            } => {
                let line = line.iter().copied().map(NodePlace::from).collect();
                Some((place, Drawn::new(line, *half_width_m, *one_direction)))
            }
        });
    lines.collect()
}

/// A drawn line, and how far a road may be from it and still lie along it.
struct Drawn {
    line: Vec<NodePlace>,
    /// From the beginning to each place of the line. Unit: m.
    along_m: Vec<f64>,
    /// Boxes around what belongs to so many pieces, and to all: `1`, [`RUN`], [`RUN`]² and so on.
    boxes: Vec<Vec<Bounds>>,
    half_width_m: f64,
    one_direction: bool,
}

/// North and east of the middle of a segment. Unit: m.
type Flat = (f64, f64);

/// A piece of a drawn line beside a segment.
struct Piece {
    /// From the line's beginning to this one's. Unit: m.
    along_m: f64,
    from: Flat,
    to: Flat,
    /// The line begins with it.
    is_first: bool,
    /// The line ends with it.
    is_last: bool,
    /// It runs as the segment does.
    is_like: bool,
}

/// Pieces, or boxes, in a box of the next larger kind.
const RUN: usize = 16;

impl Drawn {
    fn new(line: Vec<NodePlace>, half_width_m: f64, one_direction: bool) -> Self {
        let pieces = line.windows(2);
        let pieces = pieces.filter_map(|pair| Bounds::of(pair, half_width_m));
        let mut boxes = vec![pieces.collect::<Vec<Bounds>>()];
        while let Some(last) = boxes.last().filter(|last| last.len() > 1) {
            boxes.push(last.chunks(RUN).filter_map(Bounds::around).collect());
        }
        let mut along_m = vec![0.0];
        for pair in line.windows(2) {
            let plane = Plane::at(pair[0]);
            let length_m = distance(plane.offset(pair[0]), plane.offset(pair[1]));
            along_m.push(along_m.last().copied().unwrap_or_default() + length_m);
        }
        Self {
            line,
            along_m,
            boxes,
            half_width_m,
            one_direction,
        }
    }

    /// Numbers of the pieces whose boxes touch a segment's, ascending.
    fn near(&self, ends: [NodePlace; 2]) -> Vec<usize> {
        let whole = self.boxes.last().map_or(&[][..], |boxes| &boxes[..]);
        if !whole.iter().any(|whole| whole.touches(ends)) {
            return Vec::new();
        }
        let mut found: Vec<usize> = (0..whole.len()).collect();
        for (level, boxes) in self.boxes.iter().enumerate().rev() {
            found.retain(|at| boxes[*at].touches(ends));
            if let Some(below) = level.checked_sub(1).map(|below| self.boxes[below].len()) {
                let inside = |at: usize| at * RUN..below.min((at + 1) * RUN);
                found = found.into_iter().flat_map(inside).collect();
            }
        }
        found
    }

    /// Adds what of a segment lies along the line: beside it and not before or behind, where the
    /// nearest piece of the line runs as the segment does.
    fn runs(&self, number: u32, ends: [NodePlace; 2], found: &mut Vec<Run>) {
        let near = self.near(ends);
        if near.is_empty() {
            return;
        }
        let plane = Plane::at(middle(ends));
        let segment = ends.map(|place| plane.offset(place));
        let length_m = distance(segment[0], segment[1]);
        let pieces = self.pieces(&near, &plane, ends);
        if length_m == 0.0 || !pieces.iter().any(|piece| piece.is_like) {
            return;
        }
        let mut cuts = vec![0.0, 1.0];
        let mut cut_m = PIECE_M_MAX;
        while cut_m < length_m {
            cuts.push(cut_m / length_m);
            cut_m += PIECE_M_MAX;
        }
        for piece in &pieces {
            piece.cut(segment, self.half_width_m, &mut |share| {
                if 0.0 < share && share < 1.0 {
                    cuts.push(share);
                }
            });
        }
        cuts.sort_by(f64::total_cmp);
        for pair in cuts.windows(2) {
            let [low, high] = *pair else { continue };
            let middle = on_line(segment, f64::midpoint(low, high));
            if low < high
                && let Some((distance_m, along_m)) = self.place_along(&pieces, middle)
            {
                found.push(Run {
                    segment: number,
                    from: low,
                    to: high,
                    distance_m,
                    along_m,
                });
            }
        }
    }

    /// The pieces by these numbers, as a segment sees them.
    fn pieces(&self, near: &[usize], plane: &Plane, ends: [NodePlace; 2]) -> Vec<Piece> {
        let direction = plane.direction_deg(ends[0], ends[1]);
        let is_ring = self.line.first() == self.line.last();
        let last = self.line.len().saturating_sub(2);
        near.iter()
            .filter_map(|at| {
                let at = *at;
                let (from, to) = (*self.line.get(at)?, *self.line.get(at + 1)?);
                if from == to {
                    return None;
                }
                let apart = apart_deg(direction, plane.direction_deg(from, to));
                let apart = if self.one_direction {
                    apart
                } else {
                    apart.min(180.0 - apart)
                };
                Some(Piece {
                    along_m: *self.along_m.get(at)?,
                    from: plane.offset(from),
                    to: plane.offset(to),
                    is_first: at == 0 && !is_ring,
                    is_last: at == last && !is_ring,
                    is_like: apart <= LINE_DEGREES_MAX,
                })
            })
            .collect()
    }

    /// How far from the line a place lies, and how far along it, in metres; `None` where it does not lie along it.
    fn place_along(&self, pieces: &[Piece], place: Flat) -> Option<(f64, f64)> {
        let nearest = pieces
            .iter()
            .map(|piece| (piece, piece.share_of(place)))
            .map(|(piece, share)| {
                let foot = on_line([piece.from, piece.to], share.clamp(0.0, 1.0));
                (distance(foot, place), piece, share)
            })
            .min_by(|a, b| a.0.total_cmp(&b.0));
        let (distance_m, piece, share) = nearest?;
        let is_beyond = (piece.is_first && share < 0.0) || (piece.is_last && share > 1.0);
        let is_along = distance_m <= self.half_width_m && piece.is_like && !is_beyond;
        let along_m = piece.along_m + share.clamp(0.0, 1.0) * distance(piece.from, piece.to);
        is_along.then_some((distance_m, along_m))
    }
}

impl Piece {
    /// Where a place lies along it; below 0 before, above 1 behind.
    fn share_of(&self, place: Flat) -> f64 {
        let (along, off) = (minus(self.to, self.from), minus(place, self.from));
        dot(along, off) / dot(along, along)
    }

    /// Gives the shares of a segment at which it may begin or cease to lie along this.
    fn cut(&self, segment: [Flat; 2], half_width_m: f64, found: &mut dyn FnMut(f64)) {
        let run = minus(segment[1], segment[0]);
        let along = minus(self.to, self.from);
        let across = (-along.1, along.0);
        let off = minus(segment[0], self.from);
        let length_2 = dot(along, along);
        let side = half_width_m * length_2.sqrt();
        for (axis, values) in [(along, [0.0, length_2]), (across, [-side, side])] {
            let by_share = dot(run, axis);
            if by_share != 0.0 {
                for value in values {
                    found((value - dot(off, axis)) / by_share);
                }
            }
        }
        for corner in [self.from, self.to] {
            let off = minus(segment[0], corner);
            let (a, b) = (dot(run, run), dot(run, off));
            let root = (b * b - a * (dot(off, off) - half_width_m * half_width_m)).sqrt();
            // No number where the circle is not met: no share between 0 and 1.
            found((-b - root) / a);
            found((root - b) / a);
        }
    }
}

fn minus(a: Flat, b: Flat) -> Flat {
    (a.0 - b.0, a.1 - b.1)
}

fn dot(a: Flat, b: Flat) -> f64 {
    a.0 * b.0 + a.1 * b.1
}

fn distance(a: Flat, b: Flat) -> f64 {
    f64::hypot(a.0 - b.0, a.1 - b.1)
}

fn on_line([from, to]: [Flat; 2], share: f64) -> Flat {
    let run = minus(to, from);
    (from.0 + share * run.0, from.1 + share * run.1)
}

fn middle([one, other]: [NodePlace; 2]) -> NodePlace {
    NodePlace {
        lat_e7: one.lat_e7 / 2 + other.lat_e7 / 2,
        lon_e7: one.lon_e7 / 2 + other.lon_e7 / 2,
    }
}

/// A box around places.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    low: NodePlace,
    high: NodePlace,
}

impl Bounds {
    /// Everything within so many metres of a line, and some more.
    fn of(line: &[NodePlace], margin_m: f64) -> Option<Self> {
        let lats = || line.iter().map(|place| place.lat_e7);
        let lons = || line.iter().map(|place| place.lon_e7);
        let (south, north) = (lats().min()?, lats().max()?);
        let farthest = if north.abs() > south.abs() {
            north
        } else {
            south
        };
        let (up, right) = Plane::at(NodePlace {
            lat_e7: farthest,
            lon_e7: 0,
        })
        .units(margin_m);
        Some(Self {
            low: NodePlace {
                lat_e7: south.saturating_sub(up),
                lon_e7: lons().min()?.saturating_sub(right),
            },
            high: NodePlace {
                lat_e7: north.saturating_add(up),
                lon_e7: lons().max()?.saturating_add(right),
            },
        })
    }

    /// The box around boxes; `None` around none.
    fn around(boxes: &[Self]) -> Option<Self> {
        let least = |of: fn(&Self) -> i32| boxes.iter().map(of).min();
        let most = |of: fn(&Self) -> i32| boxes.iter().map(of).max();
        Some(Self {
            low: NodePlace {
                lat_e7: least(|one| one.low.lat_e7)?,
                lon_e7: least(|one| one.low.lon_e7)?,
            },
            high: NodePlace {
                lat_e7: most(|one| one.high.lat_e7)?,
                lon_e7: most(|one| one.high.lon_e7)?,
            },
        })
    }

    /// The box that two places span; the narrower side is at least [`BOX_M_MIN`].
    fn of_stretch((one, other): (Position, Position)) -> Self {
        let (one, other) = (NodePlace::from(one), NodePlace::from(other));
        let mut low = NodePlace {
            lat_e7: one.lat_e7.min(other.lat_e7),
            lon_e7: one.lon_e7.min(other.lon_e7),
        };
        let mut high = NodePlace {
            lat_e7: one.lat_e7.max(other.lat_e7),
            lon_e7: one.lon_e7.max(other.lon_e7),
        };
        let plane = Plane::at(low);
        let (height_m, width_m) = plane.offset(high);
        let (up, _) = plane.units(((BOX_M_MIN - height_m) / 2.0).max(0.0));
        let (_, right) = plane.units(((BOX_M_MIN - width_m) / 2.0).max(0.0));
        if height_m <= width_m {
            low.lat_e7 = low.lat_e7.saturating_sub(up);
            high.lat_e7 = high.lat_e7.saturating_add(up);
        } else {
            low.lon_e7 = low.lon_e7.saturating_sub(right);
            high.lon_e7 = high.lon_e7.saturating_add(right);
        }
        Self { low, high }
    }

    /// Whether the box of a segment and this one have a place in common.
    fn touches(&self, [from, to]: [NodePlace; 2]) -> bool {
        let meet = |a: i32, b: i32, low: i32, high: i32| a.min(b) <= high && low <= a.max(b);
        meet(from.lat_e7, to.lat_e7, self.low.lat_e7, self.high.lat_e7)
            && meet(from.lon_e7, to.lon_e7, self.low.lon_e7, self.high.lon_e7)
    }

    /// The part of a segment that lies inside.
    fn clip(&self, [from, to]: [NodePlace; 2]) -> Option<Part> {
        let sides = [
            (from.lat_e7, to.lat_e7, self.low.lat_e7, self.high.lat_e7),
            (from.lon_e7, to.lon_e7, self.low.lon_e7, self.high.lon_e7),
        ];
        let (mut begin, mut end) = (0.0_f64, 1.0_f64);
        for (from, to, low, high) in sides {
            let [from, to, low, high] = [from, to, low, high].map(f64::from);
            let run = to - from;
            if run == 0.0 {
                if from < low || from > high {
                    return None;
                }
                continue;
            }
            let (one, other) = ((low - from) / run, (high - from) / run);
            begin = begin.max(one.min(other));
            end = end.min(one.max(other));
        }
        Part::new(begin, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RoadClass;
    use crate::roads::network::NAME_END;
    use crate::roads::network::tests::way;

    /// Metres of 1e-7 degrees at the equator.
    const E7_M: f64 = 0.011_119_5;

    fn at(north_m: f64, east_m: f64) -> NodePlace {
        #[expect(clippy::cast_possible_truncation, reason = "degrees on earth")]
        let e7 = |metres: f64| (metres / E7_M).round() as i32;
        NodePlace {
            lat_e7: e7(north_m),
            lon_e7: 1_120_000_000 + e7(east_m),
        }
    }

    /// A road of that name, 1 km east.
    fn road(name: &str) -> RoadNetwork {
        let nodes = [(1, at(0.0, 0.0)), (2, at(0.0, 1000.0))];
        let mut eastward = way(5, &[1, 2]);
        eastward.name = name.to_owned();
        RoadNetwork::build(&nodes, vec![eastward]).unwrap()
    }

    /// The segments, and the parts of each, that a target means.
    fn parts(network: &RoadNetwork, target: &OverrideTarget) -> Vec<(u32, Part)> {
        let set = RoadOverride {
            id: "a".to_owned(),
            target: target.clone(),
            limit: crate::model::Speed::from_whole_kmh(40),
            classes: Vec::new(),
            from: None,
            to: None,
            set_by: "x".to_owned(),
        };
        let overrides = Overrides::new(network, vec![set]);
        let parts = overrides.on.iter().map(|held| (held.segment, held.part));
        parts.collect()
    }

    /// The parts of the road eastward that a target means, in metres.
    fn check(network: &RoadNetwork, target: &OverrideTarget, expected: &[(f32, f32)]) {
        let parts = parts(network, target);
        let found: Vec<(f32, f32)> = parts
            .iter()
            .filter(|(number, _)| !network.segment(SegmentNumber(*number)).is_backward())
            .map(|(_, part)| ((part.from * 1000.0).round(), (part.to * 1000.0).round()))
            .collect();
        assert_eq!(found, expected, "{target:?}");
    }

    fn line(one_direction: bool, places: &[(f64, f64)]) -> OverrideTarget {
        let places = places.iter();
        OverrideTarget::Line {
            line: places
                .map(|(north, east)| at(*north, *east).position())
                .collect(),
            half_width_m: 25.0,
            one_direction,
        }
    }

    #[test]
    fn a_drawn_line_means_what_lies_beside_it() {
        let road = road("");
        check(
            &road,
            &line(false, &[(5.0, 400.0), (5.0, 600.0)]),
            &[(400.0, 600.0)],
        );
        check(&road, &line(true, &[(5.0, 600.0), (5.0, 400.0)]), &[]);
        check(
            &road,
            &line(false, &[(-5.0, 950.0), (-5.0, 2000.0)]),
            &[(950.0, 1000.0)],
        );
        check(&road, &line(false, &[(26.0, 400.0), (26.0, 600.0)]), &[]);
        check(&road, &line(false, &[(-90.0, 500.0), (90.0, 500.0)]), &[]);
        // Away in the middle, and back.
        let bow = [
            (5.0, 100.0),
            (5.0, 300.0),
            (90.0, 400.0),
            (90.0, 600.0),
            (5.0, 700.0),
            (5.0, 800.0),
        ];
        let found = parts(&road, &line(true, &bow));
        let [(_, first), (_, second)] = found[..] else {
            panic!("{found:?}");
        };
        assert!(
            (first.from - 0.1).abs() < 1e-3 && first.to < 0.34,
            "{first:?}"
        );
        assert!(
            second.from > 0.66 && (second.to - 0.8).abs() < 1e-3,
            "{second:?}"
        );
        // There on the road, and back 20 m beside it: the nearer one tells the direction.
        let hairpin = [(0.0, 200.0), (0.0, 800.0), (20.0, 800.0), (20.0, 200.0)];
        check(&road, &line(true, &hairpin), &[(200.0, 825.0)]);
        let back = hairpin.map(|(north, east)| (20.0 - north, east));
        check(&road, &line(true, &back), &[]);
    }

    /// The ways that a line drawn `north_m` north of the first of these roads means, each given by its place to the
    /// north, its class and its name.
    fn check_beside(north_m: f64, roads: &[(f64, RoadClass, &str)], expected: &[i64]) {
        let (mut nodes, mut ways) = (Vec::new(), Vec::new());
        for (id, (north, class, name)) in (1..).zip(roads) {
            let ends = [2 * id, 2 * id + 1];
            nodes.extend([(ends[0], at(*north, 0.0)), (ends[1], at(*north, 1000.0))]);
            let mut road = way(id, &ends);
            (road.class, road.name) = (*class, (*name).to_owned());
            ways.push(road);
        }
        let network = RoadNetwork::build(&nodes, ways).unwrap();
        let target = line(false, &[(north_m, 200.0), (north_m, 800.0)]);
        let held = parts(&network, &target);
        let ways = held
            .iter()
            .map(|(number, _)| network.way_of(SegmentNumber(*number)).id);
        let ways: BTreeSet<i64> = ways.collect();
        assert_eq!(Vec::from_iter(ways), expected, "{north_m} {roads:?}");
    }

    #[test]
    fn a_drawn_line_does_not_mean_the_road_beside_its_own() {
        use RoadClass::{Primary, Residential, Service};
        // On a frontage road; then on the main road.
        let roads = [(0.0, Service, ""), (12.0, Primary, "G107")];
        check_beside(0.0, &roads, &[1]);
        check_beside(12.0, &roads, &[2]);
        check_beside(3.0, &roads, &[1]);
        // Two roads that the line does not tell apart, as a street and the viaduct over it.
        check_beside(6.0, &roads, &[1, 2]);
        // Two carriageways of one road.
        let roads = [(0.0, Primary, "G107"), (14.0, Primary, "G107")];
        check_beside(0.0, &roads, &[1, 2]);
        let roads = [(0.0, Residential, "East"), (14.0, Residential, "West")];
        check_beside(0.0, &roads, &[1]);
    }

    #[test]
    fn of_a_long_line_the_pieces_beside_a_segment_are_found() {
        // Zigzag eastward over 5 km: 1,000 pieces, the road lies along the first fifth.
        let side = |number: i32| if number % 2 == 0 { 5.0 } else { -5.0 };
        let places: Vec<(f64, f64)> = (0..=1000)
            .map(|number| (side(number), 5.0 * f64::from(number)))
            .collect();
        let OverrideTarget::Line { line, .. } = line(false, &places) else {
            panic!("another target");
        };
        let line: Vec<NodePlace> = line.into_iter().map(NodePlace::from).collect();
        let drawn = Drawn::new(line.clone(), 25.0, false);
        for (from_m, to_m) in [
            (0.0, 1.0),
            (990.0, 1600.0),
            (4990.0, 9000.0),
            (6000.0, 7000.0),
        ] {
            let ends = [at(0.0, from_m), at(0.0, to_m)];
            let touches = |pair: &[NodePlace]| Bounds::of(pair, 25.0).unwrap().touches(ends);
            let expected: Vec<usize> = (0..1000)
                .filter(|number| touches(&line[*number..number + 2]))
                .collect();
            assert_eq!(drawn.near(ends), expected, "{from_m} {to_m}");
        }
    }

    #[test]
    fn a_road_answers_to_its_name_and_to_each_of_its_numbers() {
        let named = |name: &str, stretch: Option<[(f64, f64); 2]>| OverrideTarget::Name {
            name: name.to_owned(),
            stretch: stretch.map(|ends| {
                let [from, to] = ends.map(|(north, east)| at(north, east).position());
                (from, to)
            }),
        };
        let both = road(&["青山路", "G107; S50", "Hill Road;老路"].join(NAME_END));
        assert_eq!(both.name(&both.ways()[0]), "青山路");
        for name in ["青山路", " 青山路 ", "G107", "S50", "Hill Road", "老路"] {
            check(&both, &named(name, None), &[(0.0, 1000.0)]);
        }
        for name in ["", "G10", "G107;S5", "青山"] {
            check(&both, &named(name, None), &[]);
        }
        check(&road("G107;S50"), &named("S50", None), &[(0.0, 1000.0)]);
        check(&road(""), &named("", None), &[]);
        // Two places on the road, and beside it, span a box that the road is in.
        for ends in [[(0.0, 200.0), (0.0, 400.0)], [(-5.0, 400.0), (-3.0, 200.0)]] {
            check(&both, &named("G107", Some(ends)), &[(200.0, 400.0)]);
        }
        check(
            &both,
            &named("G107", Some([(90.0, 200.0), (95.0, 400.0)])),
            &[],
        );
    }
}
