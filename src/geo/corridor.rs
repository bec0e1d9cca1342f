//! All planned routes with one R-tree over their directed segments.
//!
//! A leaf of the tree is a short run of neighbouring segments of one route. The tree has three
//! dimensions: latitude, longitude, and the number of the route, so that a search near one route
//! looks at no segment of another, however many share a road. A vehicle usually stays on the
//! segment where it was or moves on by a few: [`CorridorIndex::still_inside`] tries these first, and
//! only when that fails the tree is asked. Both give the same answer to "is it inside?", because a
//! segment that is near enough proves that the nearest one is.

use std::collections::BTreeMap;

use rstar::{AABB, RTreeObject};

use crate::model::Position;
use crate::model::route::Route;

use super::segment::{Foot, Segment};
use super::tree::Tree;
use super::{DEGREE_M, metres};

/// Segments of a leaf of the tree.
const RUN: usize = 8;

/// Segments before and after the hinted one that are tried before the tree is asked.
const NEIGHBOURS: u32 = 16;

/// Place of a route in its [`CorridorIndex`]; of no use in another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteNumber(u32);

/// Place of a segment in its [`CorridorIndex`]; a hint, checked wherever it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentNumber(pub(crate) u32);

/// Short form of a route's identifier that means the same in every index: FNV-1a, 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteKey(pub u64);

impl RouteKey {
    /// The key of an identifier.
    pub fn of(id: &str) -> Self {
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(id.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
    }
}

/// The nearest point of a route to a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RouteHit {
    /// The route.
    pub route: RouteNumber,
    /// Distance from the place to the route line. Unit: m.
    pub distance_m: f64,
    /// Length of the route up to that point. Unit: m.
    pub progress_m: f64,
    /// The segment that carries it.
    pub segment: SegmentNumber,
    /// The nearest point is an end of the whole line: the place lies before or past the route.
    pub past_end: bool,
}

/// All planned routes, searchable by place.
#[derive(Debug)]
pub struct CorridorIndex {
    routes: Vec<Entry>,
    by_id: BTreeMap<String, RouteNumber>,
    segments: Vec<Segment>,
    tree: Tree<Leaf>,
    /// Metres of one degree of longitude, the least of all segments: boxes that are searched are
    /// wide enough everywhere.
    degree_east_m: f64,
}

/// A route with what is worked out of it.
#[derive(Debug)]
struct Entry {
    route: Route,
    key: RouteKey,
    /// First segment and the one after the last.
    segments: (u32, u32),
    length_m: f64,
}

impl Default for CorridorIndex {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl CorridorIndex {
    /// The index of `routes`. Of routes with the same identifier the last one is found by name.
    pub fn new(routes: Vec<Route>) -> Self {
        let mut entries = Vec::with_capacity(routes.len());
        let mut segments: Vec<Segment> = Vec::new();
        let mut by_id = BTreeMap::new();
        for route in routes {
            let number = RouteNumber(count(entries.len()));
            let first = count(segments.len());
            let mut length_m = 0.0;
            for pair in route.line.windows(2) {
                if let [from, to] = pair {
                    let segment = Segment::new(*from, *to, length_m);
                    length_m += segment.length_m();
                    segments.push(segment);
                }
            }
            by_id.insert(route.id.clone(), number);
            entries.push(Entry {
                key: RouteKey::of(&route.id),
                segments: (first, count(segments.len())),
                length_m,
                route,
            });
        }
        let least = |least: f64, segment: &Segment| least.min(segment.degree_east_m());
        let degree_east_m = segments.iter().fold(DEGREE_M, least);
        let tree = Tree::new(leaves(&entries));
        Self {
            routes: entries,
            by_id,
            segments,
            tree,
            degree_east_m,
        }
    }

    /// The route with that identifier.
    pub fn find(&self, id: &str) -> Option<RouteNumber> {
        self.by_id.get(id).copied()
    }

    /// The route with that number.
    pub fn route(&self, number: RouteNumber) -> Option<&Route> {
        self.entry(number).map(|entry| &entry.route)
    }

    /// The key of the route with that number.
    pub fn key(&self, number: RouteNumber) -> Option<RouteKey> {
        self.entry(number).map(|entry| entry.key)
    }

    /// Length of the line of a route. Unit: m.
    pub fn length_m(&self, number: RouteNumber) -> Option<f64> {
        self.entry(number).map(|entry| entry.length_m)
    }

    /// Number of routes.
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether there is no route.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// The nearest point of one route, however far; `None` for a route without a line.
    ///
    /// Looks in a box around the place and in ever larger ones until the nearest point is certain.
    ///
    /// Unit: m; see [`metres`] for its error.
    pub fn nearest(&self, number: RouteNumber, place: Position) -> Option<RouteHit> {
        let (first, end) = self.entry(number)?.segments;
        if first == end {
            return None;
        }
        let mut bound_m = NEAR_M;
        loop {
            let hit = self.nearest_within(number, place, bound_m);
            if hit.is_some() || bound_m > EARTH_M {
                return hit;
            }
            bound_m *= 4.0;
        }
    }

    /// The nearest point of one route when it is at most `bound_m` away.
    pub fn nearest_within(
        &self,
        number: RouteNumber,
        place: Position,
        bound_m: f64,
    ) -> Option<RouteHit> {
        let bound_2 = bound_m * bound_m;
        let mut best: Option<(u32, &Segment, Foot)> = None;
        let reach = self.reach(number, place, bound_m);
        self.tree.each_in(reach, |leaf| {
            for (index, segment) in (leaf.first..leaf.end).zip(self.run(leaf.first, leaf.end)) {
                let foot = segment.foot(place);
                let nearer = best.is_none_or(|(known, _, least)| {
                    (foot.distance_2, index) < (least.distance_2, known)
                });
                if nearer && foot.distance_2 <= bound_2 {
                    best = Some((index, segment, foot));
                }
            }
        });
        let (found, segment, foot) = best?;
        Some(self.hit(number, place, SegmentNumber(found), segment, foot))
    }

    /// The foot of a place on a segment as an answer.
    fn hit(
        &self,
        number: RouteNumber,
        place: Position,
        found: SegmentNumber,
        segment: &Segment,
        foot: Foot,
    ) -> RouteHit {
        let (first, end) = self.entry(number).map_or((0, 0), |entry| entry.segments);
        let [from, to] = segment.ends();
        let lat = from.0 + foot.share * (to.0 - from.0);
        let lon = from.1 + foot.share * (to.1 - from.1);
        let distance_m = Position::from_degrees(lat, lon)
            .filter(|_| foot.distance_2 > FAR_M * FAR_M)
            .map_or_else(|| foot.distance_2.sqrt(), |point| metres(place, point));
        RouteHit {
            route: number,
            distance_m,
            progress_m: segment.progress_m() + foot.share * segment.length_m(),
            segment: found,
            past_end: (found.0 == first && foot.share <= 0.0)
                || (found.0 + 1 == end && foot.share >= 1.0),
        }
    }

    /// The nearest of several routes when it is at most `bound_m` away; the first of equals.
    pub fn nearest_of(
        &self,
        numbers: impl IntoIterator<Item = RouteNumber>,
        place: Position,
        bound_m: f64,
    ) -> Option<RouteHit> {
        numbers
            .into_iter()
            .filter_map(|number| self.nearest_within(number, place, bound_m))
            .reduce(|best, hit| {
                if hit.distance_m < best.distance_m {
                    hit
                } else {
                    best
                }
            })
    }

    /// A segment of the route near `hint` that proves the place to be within `bound_m`.
    ///
    /// Looks at the hinted segment and some neighbours on the same route, first on the side to which the
    /// place lies.
    /// `None` proves nothing.
    pub fn still_inside(
        &self,
        number: RouteNumber,
        hint: SegmentNumber,
        place: Position,
        bound_m: f64,
    ) -> Option<SegmentNumber> {
        let (first, end) = self.entry(number)?.segments;
        if !(first..end).contains(&hint.0) {
            return None;
        }
        let own = self.run(first, end);
        let hinted = (hint.0 - first) as usize;
        let bound_2 = bound_m * bound_m;
        let near = |index: usize| {
            let segment = own.get(index)?;
            (segment.foot(place).distance_2 <= bound_2).then_some(index)
        };
        let foot = own.get(hinted)?.foot(place);
        let ahead = || (1..=NEIGHBOURS as usize).find_map(|away| near(hinted + away));
        let behind = || (1..=NEIGHBOURS as usize).find_map(|away| near(hinted.checked_sub(away)?));
        let found = if foot.distance_2 <= bound_2 {
            hinted
        } else if foot.share > 0.0 {
            // Past its end, most probably further on.
            ahead().or_else(behind)?
        } else {
            behind().or_else(ahead)?
        };
        Some(SegmentNumber(first + count(found)))
    }

    /// Segments from one number up to another.
    fn run(&self, first: u32, end: u32) -> &[Segment] {
        self.segments
            .get(first as usize..end as usize)
            .unwrap_or_default()
    }

    /// The box of the tree that holds everything within `bound_m` of a place on one route.
    fn reach(&self, number: RouteNumber, place: Position, bound_m: f64) -> AABB<[i32; 3]> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "more than fits is the whole earth, which saturates"
        )]
        let udeg = |degree_m: f64| (bound_m / degree_m * 1e6).ceil() as i32;
        let half = [udeg(DEGREE_M), udeg(self.degree_east_m)].map(|half| half.saturating_add(1));
        let apart = height(number);
        AABB::from_corners(
            [
                place.lat_udeg.saturating_sub(half[0]),
                place.lon_udeg.saturating_sub(half[1]),
                apart,
            ],
            [
                place.lat_udeg.saturating_add(half[0]),
                place.lon_udeg.saturating_add(half[1]),
                apart,
            ],
        )
    }

    fn entry(&self, number: RouteNumber) -> Option<&Entry> {
        self.routes.get(usize::try_from(number.0).ok()?)
    }
}

/// Distance beyond which the plane of a segment is left for [`metres`]. Unit: m.
///
/// It is far outside any corridor, so that the plane alone decides who is inside.
const FAR_M: f64 = 10_000.0;

/// First box in which the nearest point is looked for. Unit: m.
const NEAR_M: f64 = 250.0;

/// Farther than anything on earth. Unit: m.
const EARTH_M: f64 = 5e7;

/// A number as the index keeps it; an index never has 2^32 members.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A route's place in the third dimension of the tree.
fn height(number: RouteNumber) -> i32 {
    i32::try_from(number.0).unwrap_or(i32::MAX)
}

fn leaves(entries: &[Entry]) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    for (number, entry) in (0..).map(RouteNumber).zip(entries) {
        let (first, end) = entry.segments;
        let starts = (first..end).step_by(RUN);
        // A run of segments has one point more, which the next run has again.
        let points = (0..entry.route.line.len()).step_by(RUN);
        for (start, point) in starts.zip(points) {
            let line = entry.route.line.get(point..).unwrap_or_default();
            let corner = |place: &Position| [place.lat_udeg, place.lon_udeg, height(number)];
            let corners: Vec<[i32; 3]> = line.iter().take(RUN + 1).map(corner).collect();
            leaves.push(Leaf {
                reach: AABB::from_points(&corners),
                first: start,
                end: end.min(start + count(RUN)),
            });
        }
    }
    leaves
}

/// A run of segments as the tree keeps it: its box and its numbers.
///
/// Unit: millionths of a degree; the third dimension is the number of the route.
#[derive(Clone, Copy, Debug)]
struct Leaf {
    reach: AABB<[i32; 3]>,
    first: u32,
    end: u32,
}

impl RTreeObject for Leaf {
    type Envelope = AABB<[i32; 3]>;

    fn envelope(&self) -> Self::Envelope {
        self.reach
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lat: f64, lon: f64) -> Position {
        Position::from_degrees(lat, lon).unwrap()
    }

    fn route(id: &str, line: &[(f64, f64)]) -> Route {
        Route {
            id: id.to_owned(),
            name: id.to_owned(),
            half_width_m: 100.0,
            line: line.iter().map(|(lat, lon)| at(*lat, *lon)).collect(),
            stops: Vec::new(),
            limit: None,
            road: None,
        }
    }

    /// The plain scan that the tree must agree with.
    fn scan(index: &CorridorIndex, number: RouteNumber, place: Position) -> f64 {
        let (first, end) = index.entry(number).unwrap().segments;
        index.segments[first as usize..end as usize]
            .iter()
            .map(|segment| segment.foot(place).distance_2.sqrt())
            .fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn the_tree_agrees_with_a_plain_scan() {
        let zigzag = |south: f64| -> Vec<(f64, f64)> {
            (0..60)
                .map(|step| {
                    let turn = f64::from(step % 7) * 0.003;
                    (
                        south + f64::from(step) * 0.01,
                        112.0 + turn + f64::from(step) * 0.004,
                    )
                })
                .collect()
        };
        let index = CorridorIndex::new(vec![
            route("a", &zigzag(28.0)),
            route("b", &zigzag(28.01)),
            route("c", &zigzag(40.0)),
        ]);
        for step in 0..400 {
            let place = at(
                27.9 + f64::from(step) * 0.002,
                112.0 + f64::from(step % 37) * 0.01,
            );
            for number in (0..3).map(RouteNumber) {
                let hit = index.nearest(number, place).unwrap();
                let plain = scan(&index, number, place);
                if plain <= FAR_M {
                    assert!((hit.distance_m - plain).abs() < 1e-6, "{step} {number:?}");
                }
                assert_eq!(hit.route, number);
            }
        }
    }

    #[test]
    fn a_neighbour_of_the_hint_proves_inside() {
        let index = CorridorIndex::new(vec![route(
            "a",
            &[(28.0, 112.0), (28.01, 112.0), (28.02, 112.0)],
        )]);
        let number = index.find("a").unwrap();
        let inside =
            |hint, lat, lon| index.still_inside(number, SegmentNumber(hint), at(lat, lon), 100.0);
        assert_eq!(inside(0, 28.015, 112.0), Some(SegmentNumber(1)));
        assert_eq!(inside(1, 28.005, 112.0), Some(SegmentNumber(0)));
        assert_eq!(inside(0, 28.015, 112.01), None);
        assert_eq!(inside(9, 28.015, 112.0), None);
    }

    #[test]
    fn past_the_end_is_told_from_beside() {
        let index = CorridorIndex::new(vec![route("a", &[(28.0, 112.0), (28.02, 112.0)])]);
        let number = index.find("a").unwrap();
        let past = |lat, lon| index.nearest(number, at(lat, lon)).unwrap().past_end;
        assert!(past(28.021, 112.0));
        assert!(past(27.999, 112.0));
        assert!(!past(28.01, 112.01));
    }

    #[test]
    fn a_route_without_a_line_has_no_nearest_point() {
        let index = CorridorIndex::new(vec![
            route("a", &[]),
            route("b", &[(28.0, 112.0), (28.1, 112.0)]),
        ]);
        assert_eq!(
            index.nearest(index.find("a").unwrap(), at(28.0, 112.0)),
            None
        );
        let both = [index.find("a").unwrap(), index.find("b").unwrap()];
        assert!(index.nearest_of(both, at(28.0, 112.0), 50.0).is_some());
        assert!(index.nearest_of(both, at(28.0, 112.1), 50.0).is_none());
    }
}
