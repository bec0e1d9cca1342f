//! Roads as a graph of directed segments.
//!
//! Shape: nodes along a Hilbert curve, so that what is near on the ground is near in memory;
//! segments ordered by the node where they begin, so that the ones that leave a node are a slice
//! and a run of segments is a small place (see [`super::index`]). A segment is a piece of a way
//! between two consecutive nodes in one direction that may be driven; a two-way road has two, each
//! the twin of the other. The order of everything follows from the content alone: the same
//! extract gives the same numbers on every machine.
//!
//! State: 20 bytes a segment, 20 bytes a node, 28 bytes a way, and the index.

use std::collections::BTreeMap;

use crate::model::route::RoadKind;
use crate::model::{Position, RoadClass, Speed};

use super::index::{Index, Near, hilbert, metres};
use super::limit::tags::TaggedLimits;

/// Number of a node in a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeNumber(pub u32);

/// Number of a directed segment in a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentNumber(pub u32);

/// Number of a way in a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WayNumber(pub u32);

/// Where a node is, WGS-84.
///
/// Unit: 1e-7 degrees, the resolution of OpenStreetMap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodePlace {
    /// Latitude.
    pub lat_e7: i32,
    /// Longitude.
    pub lon_e7: i32,
}

impl From<Position> for NodePlace {
    fn from(position: Position) -> Self {
        Self {
            lat_e7: position.lat_udeg.saturating_mul(10),
            lon_e7: position.lon_udeg.saturating_mul(10),
        }
    }
}

impl NodePlace {
    /// In millionths of a degree, rounded to nearest.
    pub const fn position(self) -> Position {
        const fn udeg(e7: i32) -> i32 {
            (e7 + 5).div_euclid(10)
        }
        Position {
            lat_udeg: udeg(self.lat_e7),
            lon_udeg: udeg(self.lon_e7),
        }
    }
}

/// What else is known of a way, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct WayFlags(u16);

impl WayFlags {
    /// A ramp or slip road (`*_link`).
    pub const LINK: Self = Self(1);
    /// One direction only.
    pub const ONEWAY: Self = Self(2);
    /// On a bridge or viaduct.
    pub const BRIDGE: Self = Self(4);
    /// In a tunnel.
    pub const TUNNEL: Self = Self(8);
    /// A roundabout.
    pub const ROUNDABOUT: Self = Self(16);
    /// Inside a built-up area.
    pub const URBAN: Self = Self(32);
    /// An expressway although of a lower class (`motorroad=yes`, `expressway=yes`).
    pub const EXPRESSWAY: Self = Self(64);
    /// Open to few (`access=private`, `motor_vehicle=no` with `bus=yes`, and the like).
    pub const RESTRICTED: Self = Self(128);
    /// A highway (公路) by its tags, wherever it is: it has the number of one, or the limit of roads
    /// outside built-up areas.
    pub const HIGHWAY: Self = Self(256);

    /// From stored bits.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The bits, as stored.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are here.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What is known of a road that is tagged as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Identifier in OpenStreetMap.
    pub id: i64,
    /// Kind of road.
    pub class: RoadClass,
    /// Lanes of both directions together; 0 where not tagged.
    pub lanes: u8,
    /// Height among crossing roads; 0 is the ground.
    pub layer: i8,
    /// What else is known.
    pub flags: WayFlags,
    pub(super) name: u32,
    pub(super) limits: u32,
}

impl Way {
    /// Column of the points table for it.
    pub const fn kind(&self) -> RoadKind {
        if matches!(self.class, RoadClass::Motorway) || self.flags.contains(WayFlags::EXPRESSWAY) {
            RoadKind::Expressway
        } else {
            RoadKind::Other
        }
    }
}

/// A piece of a way in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The way, and in the highest bit whether the segment runs against the order of its nodes.
    pub(super) way: u32,
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) twin: u32,
    pub(super) length_mm: u32,
}

/// Bit of [`Segment::way`] that says "against the order of the way's nodes".
pub(super) const BACKWARD: u32 = 1 << 31;
/// No twin.
pub(super) const NONE: u32 = u32::MAX;

impl Segment {
    /// The way that it is a piece of.
    pub const fn way(&self) -> WayNumber {
        WayNumber(self.way & !BACKWARD)
    }

    /// Whether it runs against the order of the way's nodes.
    pub const fn is_backward(&self) -> bool {
        self.way & BACKWARD != 0
    }

    /// Where it begins.
    pub const fn from(&self) -> NodeNumber {
        NodeNumber(self.from)
    }

    /// Where it ends.
    pub const fn to(&self) -> NodeNumber {
        NodeNumber(self.to)
    }

    /// The same piece in the other direction, where that may be driven.
    pub const fn twin(&self) -> Option<SegmentNumber> {
        if self.twin == NONE {
            None
        } else {
            Some(SegmentNumber(self.twin))
        }
    }

    /// Its length. Unit: m.
    pub fn length_m(&self) -> f64 {
        f64::from(self.length_mm) / 1000.0
    }
}

/// What stands between the names of a way and the number of its road.
pub const NAME_END: &str = "\n";

/// A way as an import gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct WayInput {
    /// Identifier in OpenStreetMap.
    pub id: i64,
    /// Kind of road.
    pub class: RoadClass,
    /// Lanes of both directions together; 0 where not tagged.
    pub lanes: u8,
    /// Height among crossing roads.
    pub layer: i8,
    /// What else is known.
    pub flags: WayFlags,
    /// May be driven in the order of the nodes.
    pub forward: bool,
    /// May be driven against it.
    pub backward: bool,
    /// Name, number of the road, and other names, as far as they are tagged, with [`NAME_END`] between them.
    pub name: String,
    /// Posted limits.
    pub limits: TaggedLimits,
    /// Identifiers of its nodes, in order.
    pub nodes: Vec<i64>,
}

/// Why no network can be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// There is no road in it.
    #[error("the map holds no road that can be driven")]
    NoRoads,
    /// More than the numbers can count.
    #[error("the map is too large: {0} segments")]
    TooLarge(usize),
}

/// Most segments of a network: the highest bit of a way's number says the direction.
const SEGMENTS_MAX: usize = 1 << 30;

/// Longest piece of a road between two nodes. Unit: m.
///
/// Source: our choice; the longest straight roads of the earth have nodes every few kilometres. What is longer
/// is a misplaced node, or a way across the 180th meridian, which would lie around the whole earth.
pub const PIECE_M_MAX: f64 = 100_000.0;

/// One map.
#[derive(Debug)]
pub struct RoadNetwork {
    pub(super) places: Vec<NodePlace>,
    pub(super) node_ids: Vec<i64>,
    /// First segment of each node, and the number of segments at the end.
    pub(super) first_out: Vec<u32>,
    pub(super) segments: Vec<Segment>,
    pub(super) ways: Vec<Way>,
    /// Distinct names; the first is empty.
    pub(super) names: Vec<Box<str>>,
    /// Distinct sets of posted limits; the first says nothing.
    pub(super) limits: Vec<TaggedLimits>,
    pub(super) index: Index,
    /// Pieces between two nodes that were left out; not in the prepared form.
    pub(super) pieces_too_long: u64,
}

impl RoadNetwork {
    /// The network of `ways`; `nodes` holds `(identifier, place)` in order of the identifiers.
    ///
    /// A node that is not there breaks its way in two, and so does a piece of more than [`PIECE_M_MAX`]; ways may
    /// come in any order.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(nodes: &[(i64, NodePlace)], mut ways: Vec<WayInput>) -> Result<Self, BuildError> {
        ways.sort_unstable_by_key(|way| way.id);
        ways.dedup_by_key(|way| way.id);
        let order = by_place(nodes, &ways);
        let mut number_of = vec![NONE; nodes.len()];
        for (number, rank) in (0_u32..).zip(&order) {
            number_of[*rank as usize] = number;
        }
        let places: Vec<NodePlace> = order.iter().map(|rank| nodes[*rank as usize].1).collect();
        let node_ids = order.iter().map(|rank| nodes[*rank as usize].0).collect();
        let rank = |id: i64| nodes.binary_search_by_key(&id, |node| node.0).ok();
        let mut rows = Rows::default();
        let mut segments = Vec::new();
        let mut pieces_too_long = 0;
        for way in &ways {
            let number = rows.add(way);
            let known = way
                .nodes
                .iter()
                .map(|id| rank(*id).map(|rank| number_of[rank]));
            pieces_too_long += add_segments(way, number, known, &places, &mut segments);
            if segments.len() > SEGMENTS_MAX {
                return Err(BuildError::TooLarge(segments.len()));
            }
        }
        if segments.is_empty() {
            return Err(BuildError::NoRoads);
        }
        let (segments, first_out) = ordered(segments, places.len());
        let index = Index::new(&places, &segments);
        Ok(Self {
            places,
            node_ids,
            first_out,
            segments,
            ways: rows.ways,
            names: rows.names.list,
            limits: rows.limits.list,
            index,
            pieces_too_long,
        })
    }

    /// Pieces of more than [`PIECE_M_MAX`] that were left out when the network was built.
    pub fn pieces_too_long(&self) -> u64 {
        self.pieces_too_long
    }

    /// Number of directed segments.
    pub fn len(&self) -> usize {
        self.segments.len()
    }

    /// Whether there is no segment; never so for a network that was built.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Number of nodes.
    pub fn node_count(&self) -> usize {
        self.places.len()
    }

    /// All ways, by identifier.
    pub fn ways(&self) -> &[Way] {
        &self.ways
    }

    /// All segments, by number.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// A segment.
    pub fn segment(&self, number: SegmentNumber) -> &Segment {
        &self.segments[number.0 as usize]
    }

    /// A way.
    pub fn way(&self, number: WayNumber) -> &Way {
        &self.ways[number.0 as usize]
    }

    /// Where a segment begins and ends.
    pub fn ends(&self, segment: &Segment) -> [NodePlace; 2] {
        [segment.from(), segment.to()].map(|node| self.place(node))
    }

    /// The way of a segment.
    pub fn way_of(&self, segment: SegmentNumber) -> &Way {
        self.way(self.segment(segment).way())
    }

    /// The way with that identifier in OpenStreetMap.
    pub fn find_way(&self, id: i64) -> Option<WayNumber> {
        let found = self.ways.binary_search_by_key(&id, |way| way.id).ok()?;
        u32::try_from(found).ok().map(WayNumber)
    }

    /// Where a node is.
    pub fn place(&self, node: NodeNumber) -> NodePlace {
        self.places[node.0 as usize]
    }

    /// A node's identifier in OpenStreetMap.
    pub fn node_id(&self, node: NodeNumber) -> i64 {
        self.node_ids[node.0 as usize]
    }

    /// The segments that leave a node.
    pub fn leaving(
        &self,
        node: NodeNumber,
    ) -> impl ExactSizeIterator<Item = SegmentNumber> + use<> {
        let at = node.0 as usize;
        (self.first_out[at]..self.first_out[at + 1]).map(SegmentNumber)
    }

    /// The name of a way, or else the number of the road; empty where not tagged.
    pub fn name(&self, way: &Way) -> &str {
        let text = &self.names[way.name as usize];
        text.split(NAME_END).next().unwrap_or_default()
    }

    /// All names of a way and numbers of its road, each of several by itself, too (`G107;S50`); one may come
    /// more than once.
    pub fn names(&self, way: &Way) -> impl Iterator<Item = &str> {
        let text = &self.names[way.name as usize];
        text.split(NAME_END)
            .flat_map(|part| std::iter::once(part).chain(part.split(';')))
            .map(str::trim)
            .filter(|name| !name.is_empty())
    }

    /// What is posted on a way.
    pub fn posted(&self, way: &Way) -> &TaggedLimits {
        &self.limits[way.limits as usize]
    }

    /// The limit posted for everyone at any hour in the direction of a segment; the lowest where
    /// several stand. `None` where nothing is posted or no limit holds.
    pub fn posted_limit(&self, segment: SegmentNumber) -> Option<Speed> {
        let segment = self.segment(segment);
        self.posted(self.way(segment.way()))
            .general(segment.is_backward())
    }

    /// Calls `found` with every segment that has a point within `bound_m` of a place, each direction
    /// by itself, in order of the numbers within a run of neighbours.
    pub fn near(&self, place: NodePlace, bound_m: f64, found: impl FnMut(Near)) {
        self.index.near(&self.segments, place, bound_m, found);
    }

    /// Bytes that the map takes in memory.
    pub fn memory_bytes(&self) -> usize {
        let names = self
            .names
            .iter()
            .map(|name| name.len() + size_of::<Box<str>>());
        self.places.capacity() * size_of::<NodePlace>()
            + self.node_ids.capacity() * size_of::<i64>()
            + self.first_out.capacity() * size_of::<u32>()
            + self.segments.capacity() * size_of::<Segment>()
            + self.ways.capacity() * size_of::<Way>()
            + names.sum::<usize>()
            + self.limits.capacity() * size_of::<TaggedLimits>()
            + self.index.memory_bytes()
    }
}

/// Ranks of the nodes that ways use, along a Hilbert curve.
fn by_place(nodes: &[(i64, NodePlace)], ways: &[WayInput]) -> Vec<u32> {
    let mut used = vec![false; nodes.len()];
    for id in ways.iter().flat_map(|way| &way.nodes) {
        if let Ok(rank) = nodes.binary_search_by_key(id, |node| node.0) {
            used[rank] = true;
        }
    }
    let mut order: Vec<(u64, u32)> = (0_u32..)
        .zip(nodes.iter().zip(&used))
        .filter(|(_, (_, used))| **used)
        .map(|(rank, (node, _))| (hilbert(node.1), rank))
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(_, rank)| rank).collect()
}

/// Ways and what they share.
#[derive(Default)]
struct Rows {
    ways: Vec<Way>,
    names: Distinct<Box<str>>,
    limits: Distinct<TaggedLimits>,
}

impl Rows {
    fn add(&mut self, way: &WayInput) -> u32 {
        self.ways.push(Way {
            id: way.id,
            class: way.class,
            lanes: way.lanes,
            layer: way.layer,
            flags: way.flags,
            name: self.names.number(Box::from(way.name.as_str())),
            limits: self.limits.number(way.limits.clone()),
        });
        count(self.ways.len() - 1)
    }
}

/// Values that many share; the default value is always the first.
struct Distinct<T> {
    list: Vec<T>,
    known: BTreeMap<T, u32>,
}

impl<T: Clone + Default + Ord> Default for Distinct<T> {
    fn default() -> Self {
        Self {
            list: vec![T::default()],
            known: BTreeMap::from([(T::default(), 0)]),
        }
    }
}

impl<T: Clone + Ord> Distinct<T> {
    fn number(&mut self, value: T) -> u32 {
        let next = count(self.list.len());
        *self.known.entry(value).or_insert_with_key(|value| {
            self.list.push(value.clone());
            next
        })
    }
}

/// Adds the segments of one way; `None` among its nodes is a node that is not there. The answer is the number
/// of pieces that are too long.
fn add_segments(
    way: &WayInput,
    number: u32,
    nodes: impl Iterator<Item = Option<u32>>,
    places: &[NodePlace],
    segments: &mut Vec<Segment>,
) -> u64 {
    let mut too_long = 0;
    let mut before = None;
    for node in nodes {
        if let (Some(from), Some(to)) = (before, node)
            && from != to
        {
            let length_m = metres(places[from as usize], places[to as usize]);
            if length_m > PIECE_M_MAX {
                too_long += 1;
                before = node;
                continue;
            }
            let length_mm = length_mm(length_m);
            let segment = |way, from, to| Segment {
                way,
                from,
                to,
                twin: NONE,
                length_mm,
            };
            if way.forward {
                segments.push(segment(number, from, to));
            }
            if way.backward {
                segments.push(segment(number | BACKWARD, to, from));
            }
        }
        before = node;
    }
    too_long
}

/// Segments by the node where they begin, with their twins, and the first segment of each node.
fn ordered(mut segments: Vec<Segment>, nodes: usize) -> (Vec<Segment>, Vec<u32>) {
    segments.sort_unstable_by_key(|segment| (segment.from, segment.to, segment.way));
    // A way that goes to and fro between two nodes has a piece twice; once is enough.
    segments.dedup_by_key(|segment| (segment.from, segment.to, segment.way));
    segments.shrink_to_fit();
    let mut first_out = vec![0_u32; nodes + 1];
    for segment in &segments {
        first_out[segment.from as usize + 1] += 1;
    }
    for node in 0..nodes {
        first_out[node + 1] += first_out[node];
    }
    for number in 0..segments.len() {
        let segment = segments[number];
        let at = segment.to as usize;
        let (first, end) = (first_out[at] as usize, first_out[at + 1] as usize);
        let wanted = (segment.to, segment.from, segment.way ^ BACKWARD);
        let found = segments[first..end]
            .iter()
            .position(|other| (other.from, other.to, other.way) == wanted);
        segments[number].twin = found.map_or(NONE, |place| count(first + place));
    }
    (segments, first_out)
}

/// Length of a piece between two nodes. Unit: mm, at least 1.
fn length_mm(length_m: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most PIECE_M_MAX"
    )]
    let millimetres = (length_m * 1000.0).round() as u32;
    millimetres.max(1)
}

/// A number as the network keeps it; the bound of segments keeps every count below 2^32.
pub(super) fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A way of ground without anything special.
    pub(crate) fn way(id: i64, nodes: &[i64]) -> WayInput {
        WayInput {
            id,
            class: RoadClass::Tertiary,
            lanes: 0,
            layer: 0,
            flags: WayFlags::default(),
            forward: true,
            backward: true,
            name: String::new(),
            limits: TaggedLimits::default(),
            nodes: nodes.to_vec(),
        }
    }

    /// Two-way streets in both directions, `side` nodes each way, 111 m by about 98 m apart.
    pub(crate) fn grid(side: i32) -> RoadNetwork {
        let id = |row: i32, column: i32| i64::from(row * side + column);
        let mut nodes = Vec::new();
        let mut ways = Vec::new();
        for row in 0..side {
            for column in 0..side {
                let place = NodePlace {
                    lat_e7: 280_000_000 + row * 10_000,
                    lon_e7: 1_120_000_000 + column * 10_000,
                };
                nodes.push((id(row, column), place));
            }
            let across: Vec<i64> = (0..side).map(|column| id(row, column)).collect();
            let along: Vec<i64> = (0..side).map(|column| id(column, row)).collect();
            ways.push(way(1000 + i64::from(row), &across));
            ways.push(way(2000 + i64::from(row), &along));
        }
        nodes.sort_unstable();
        RoadNetwork::build(&nodes, ways).unwrap()
    }

    #[test]
    fn a_piece_around_the_earth_is_left_out() {
        let at = |lat_e7, lon_e7| NodePlace { lat_e7, lon_e7 };
        // A way over the 180th meridian, and one with a misplaced node.
        let nodes = [
            (1, at(650_000_000, 1_799_980_000)),
            (2, at(650_000_000, 1_799_990_000)),
            (3, at(650_000_000, -1_799_990_000)),
            (4, at(650_000_000, -1_799_980_000)),
            (5, at(-650_000_000, 0)),
        ];
        let ways = vec![way(1, &[1, 2, 3, 4]), way(2, &[1, 5, 2])];
        let network = RoadNetwork::build(&nodes, ways).unwrap();
        assert_eq!((network.len(), network.pieces_too_long()), (4, 3));
        let place = at(650_000_000, 0);
        network.near(place, 200.0, |near| panic!("{near:?}"));
        network.near(at(0, 600_000_000), 5000.0, |near| panic!("{near:?}"));
        let mut found = 0;
        network.near(nodes[0].1, 5.0, |_| found += 1);
        assert_eq!(found, 2);
        let none = RoadNetwork::build(&nodes, vec![way(2, &[1, 5])]);
        assert_eq!(none.unwrap_err(), BuildError::NoRoads);
    }

    fn line(count: i64) -> Vec<(i64, NodePlace)> {
        let place = |id: i64| NodePlace {
            lat_e7: 280_000_000 + i32::try_from(id).unwrap() * 1000,
            lon_e7: 1_120_000_000,
        };
        (1..=count).map(|id| (id, place(id))).collect()
    }

    /// Segments as `way from-to`, in words, sorted.
    fn told(network: &RoadNetwork) -> Vec<String> {
        let mut told: Vec<String> = network
            .segments()
            .iter()
            .map(|segment| {
                let id = |node| network.node_id(node);
                let way = network.way(segment.way()).id;
                format!("{way} {}-{}", id(segment.from()), id(segment.to()))
            })
            .collect();
        told.sort();
        told
    }

    #[test]
    fn directions_give_segments() {
        let both = way(7, &[1, 2]);
        let mut forward = way(8, &[2, 3]);
        forward.backward = false;
        let mut backward = way(9, &[3, 4]);
        backward.forward = false;
        let network = RoadNetwork::build(&line(4), vec![backward, both, forward]).unwrap();
        assert_eq!(told(&network), ["7 1-2", "7 2-1", "8 2-3", "9 4-3"]);
        for number in (0..4).map(SegmentNumber) {
            let segment = network.segment(number);
            let twin = segment.twin().map(|twin| network.segment(twin));
            assert_eq!(twin.is_some(), network.way_of(number).id == 7);
            if let Some(twin) = twin {
                assert_eq!((twin.from(), twin.to()), (segment.to(), segment.from()));
                assert_eq!(twin.twin(), Some(number));
            }
            assert!(
                network
                    .leaving(segment.from())
                    .any(|leaving| leaving == number)
            );
        }
    }

    #[test]
    fn a_missing_node_breaks_its_way() {
        let network = RoadNetwork::build(&line(5), vec![way(7, &[1, 2, 99, 3, 4, 4, 5])]).unwrap();
        assert_eq!(
            told(&network),
            ["7 1-2", "7 2-1", "7 3-4", "7 4-3", "7 4-5", "7 5-4"]
        );
    }

    #[test]
    fn a_map_without_roads_is_none() {
        assert_eq!(
            RoadNetwork::build(&line(3), Vec::new()).unwrap_err(),
            BuildError::NoRoads
        );
        let nowhere = vec![way(7, &[98, 99])];
        assert_eq!(
            RoadNetwork::build(&line(3), nowhere).unwrap_err(),
            BuildError::NoRoads
        );
    }

    #[test]
    fn the_order_of_the_ways_does_not_matter() {
        let ways = [way(7, &[1, 2, 3]), way(8, &[3, 4]), way(9, &[4, 1])];
        let one = RoadNetwork::build(&line(4), ways.to_vec()).unwrap();
        let other = RoadNetwork::build(&line(4), ways.into_iter().rev().collect()).unwrap();
        assert_eq!(one.segments, other.segments);
        assert_eq!(one.ways, other.ways);
        assert_eq!(one.places, other.places);
    }

    #[test]
    fn lengths_are_metres() {
        let network = RoadNetwork::build(&line(2), vec![way(7, &[1, 2])]).unwrap();
        let length_m = network.segment(SegmentNumber(0)).length_m();
        assert!((length_m - 11.12).abs() < 0.01, "{length_m}");
    }
}
