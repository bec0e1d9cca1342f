//! All areas with one R-tree over the edges of their polygons.
//!
//! The question for every fix is which areas contain it. Most fixes are far from any edge, so an
//! answer carries the [`Clear`] box around the place: no edge runs through it, and every place in it
//! lies in the same areas. A vehicle that keeps the box asks again only when it has left it.
//!
//! Sides of edges are decided on exact integers. Edges are straight in longitude and latitude, as
//! GeoJSON says. A place exactly on an edge lies on one side of it, the same one always.

use std::collections::BTreeMap;

use rstar::{AABB, RTreeObject};

use crate::model::route::{Area, AreaKind};
use crate::model::rules::DailyWindow;
use crate::model::{Position, VehicleClass};

use super::DEGREE_M;
use super::segment::Segment;
use super::tree::Tree;

/// Edges of a leaf of the tree.
const RUN: usize = 8;

/// Edges of a polygon that are scanned sooner than searched.
const SCANNED_MAX: usize = 64;

/// Half the height and width of the box that is searched for edges, at first and at most; a box without
/// an edge grows fivefold. Unit: millionths of a degree.
const CLEAR_UDEG: (i32, i32) = (1_000, 125_000);

/// Place of an area in its [`AreaIndex`]; of no use in another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AreaNumber(u32);

/// Short form of an area's identifier that means the same in every index: FNV-1a, 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AreaKey(pub u64);

/// A box around a place with no edge in it, in one index.
///
/// Unit: millionths of a degree, all bounds included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clear {
    south: i32,
    north: i32,
    west: i32,
    east: i32,
}

impl Clear {
    /// Whether a place lies in it.
    pub const fn contains(&self, place: Position) -> bool {
        self.south <= place.lat_udeg
            && place.lat_udeg <= self.north
            && self.west <= place.lon_udeg
            && place.lon_udeg <= self.east
    }

    const fn around(place: Position, udeg: i32) -> Self {
        Self {
            south: place.lat_udeg.saturating_sub(udeg),
            north: place.lat_udeg.saturating_add(udeg),
            west: place.lon_udeg.saturating_sub(udeg),
            east: place.lon_udeg.saturating_add(udeg),
        }
    }

    fn envelope(&self) -> AABB<[i32; 2]> {
        AABB::from_corners([self.south, self.west], [self.north, self.east])
    }

    /// Cuts off as little as keeps `edge` out and `place` in.
    fn keep_out(&mut self, place: Position, edge: &Edge) {
        let (south, north) = edge.lats();
        let (west, east) = edge.lons();
        let apart =
            south > self.north || north < self.south || west > self.east || east < self.west;
        if apart {
            return;
        }
        let height = |from: i32, to: i32| i64::from(to) - i64::from(from);
        let beyond = [
            (south > place.lat_udeg, height(self.south, south) - 1),
            (north < place.lat_udeg, height(north, self.north) - 1),
            (west > place.lon_udeg, height(self.west, west) - 1),
            (east < place.lon_udeg, height(east, self.east) - 1),
        ];
        let best = (0..4)
            .filter(|side| beyond[*side].0)
            .max_by_key(|side| beyond[*side].1);
        match best {
            Some(0) => self.north = south - 1,
            Some(1) => self.south = north + 1,
            Some(2) => self.east = west - 1,
            Some(_) => self.west = east + 1,
            None => self.keep_out_slant(place, edge),
        }
    }

    /// The place lies in the box of the edge itself: keeps to half the way to it on both axes.
    fn keep_out_slant(&mut self, place: Position, edge: &Edge) {
        let (lat, lon) = (place.lat_udeg, place.lon_udeg);
        let north = edge.lat_at(lon).map(|at| half(at - i64::from(lat)));
        let east = edge.lon_at(lat).map(|at| half(at - i64::from(lon)));
        let (Some(north), Some(east)) = (north, east) else {
            // Level with the edge on a line that it runs along: nothing but the place is sure.
            *self = Self {
                south: lat,
                north: lat,
                west: lon,
                east: lon,
            };
            return;
        };
        if north >= 0 {
            self.north = self.north.min(lat.saturating_add(north));
        }
        if north <= 0 {
            self.south = self.south.max(lat.saturating_add(north));
        }
        if east >= 0 {
            self.east = self.east.min(lon.saturating_add(east));
        }
        if east <= 0 {
            self.west = self.west.max(lon.saturating_add(east));
        }
    }
}

/// Half a difference of places less some slack, towards zero.
fn half(difference: i64) -> i32 {
    let half = (difference.abs() / 2 - 2).max(0) * difference.signum();
    i32::try_from(half).unwrap_or(0)
}

/// What contains a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Areas that contain it, ascending.
    pub inside: Vec<AreaNumber>,
    /// Around it the same areas contain every place.
    pub clear: Clear,
}

/// Where the straight way between two places meets the edges of an area.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossing {
    /// The area.
    pub area: AreaNumber,
    /// Shares of the way, ascending, `0..=1`; at each one the side changes.
    pub shares: Vec<f64>,
}

/// All areas, searchable by place.
#[derive(Debug)]
pub struct AreaIndex {
    areas: Vec<Entry>,
    by_key: BTreeMap<AreaKey, AreaNumber>,
    edges: Vec<Edge>,
    /// Runs of edges of all polygons.
    tree: Tree<Leaf>,
    /// The same of polygons with more than [`SCANNED_MAX`] edges, each for itself.
    large: Tree<Tall>,
    /// Boxes of the polygons.
    polygons: Tree<PolygonBox>,
    /// Area of each polygon.
    area_of: Vec<AreaNumber>,
    /// Areas that must not be left.
    stay_within: Vec<AreaNumber>,
    /// Classes that must not leave some area, as bits in the order of the classes.
    stay_classes: u32,
    /// Classes that may not enter or leave some area, as bits in the order of the classes.
    guarded_classes: u32,
    stamp: u64,
}

/// An area with what is worked out of it.
#[derive(Debug)]
struct Entry {
    area: Area,
    key: AreaKey,
    hours: Option<DailyWindow>,
}

impl Default for AreaIndex {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl AreaIndex {
    /// The index of `areas`. Of areas with the same identifier the last one is found by key.
    pub fn new(areas: Vec<Area>) -> Self {
        let mut index = Self {
            areas: Vec::with_capacity(areas.len()),
            by_key: BTreeMap::new(),
            edges: Vec::new(),
            tree: Tree::new(Vec::new()),
            large: Tree::new(Vec::new()),
            polygons: Tree::new(Vec::new()),
            area_of: Vec::new(),
            stay_within: Vec::new(),
            stay_classes: 0,
            guarded_classes: 0,
            stamp: FNV_BASIS,
        };
        let mut leaves = Vec::new();
        let mut boxes: Vec<PolygonBox> = Vec::new();
        for area in areas {
            index.add(area, &mut leaves, &mut boxes);
        }
        let large = boxes
            .iter()
            .filter(|polygon| polygon.edges().len() > SCANNED_MAX)
            .flat_map(|polygon| &leaves[polygon.leaves.0..polygon.leaves.1]);
        index.large = Tree::new(large.copied().map(Tall).collect());
        index.tree = Tree::new(leaves);
        index.polygons = Tree::new(boxes);
        index
    }

    fn add(&mut self, area: Area, leaves: &mut Vec<Leaf>, boxes: &mut Vec<PolygonBox>) {
        let number = AreaNumber(count(self.areas.len()));
        let key = AreaKey(fnv(FNV_BASIS, area.id.as_bytes()));
        self.stamp = fnv(self.stamp, &key.0.to_le_bytes());
        for polygon in &area.polygons {
            let polygon_number = count(self.area_of.len());
            self.area_of.push(number);
            let first = (count(self.edges.len()), leaves.len());
            for ring in polygon {
                self.add_ring(ring, polygon_number, leaves);
            }
            let points: Vec<[i32; 2]> = polygon.iter().flatten().copied().map(corner).collect();
            if !points.is_empty() {
                boxes.push(PolygonBox {
                    reach: AABB::from_points(&points),
                    polygon: polygon_number,
                    edges: (first.0, count(self.edges.len())),
                    leaves: (first.1, leaves.len()),
                });
            }
        }
        let classes = area.classes.as_deref().unwrap_or(VehicleClass::ALL);
        let classes = classes
            .iter()
            .fold(0, |bits, class| bits | class_bit(*class));
        if area.kind == AreaKind::StayWithin {
            self.stay_within.push(number);
            self.stay_classes |= classes;
        }
        if area.kind != AreaKind::SpeedLimit {
            self.guarded_classes |= classes;
        }
        self.by_key.insert(key, number);
        self.areas.push(Entry {
            hours: area.hours.map(|(begin, end)| DailyWindow {
                begin_ms: i64::from(begin) * MINUTE_MS,
                end_ms: i64::from(end) * MINUTE_MS,
            }),
            key,
            area,
        });
    }

    fn add_ring(&mut self, ring: &[Position], polygon: u32, leaves: &mut Vec<Leaf>) {
        for place in ring {
            self.stamp = fnv(self.stamp, &place.lat_udeg.to_le_bytes());
            self.stamp = fnv(self.stamp, &place.lon_udeg.to_le_bytes());
        }
        let edges: Vec<Edge> = ring
            .windows(2)
            .filter_map(|pair| match pair {
                [from, to] => Some(Edge {
                    from: *from,
                    to: *to,
                }),
                _ => None,
            })
            .collect();
        for run in edges.chunks(RUN) {
            let ends = run.iter().flat_map(|edge| [edge.from, edge.to]);
            let corners: Vec<[i32; 2]> = ends.map(corner).collect();
            let first = count(self.edges.len());
            self.edges.extend_from_slice(run);
            leaves.push(Leaf {
                reach: AABB::from_points(&corners),
                first,
                end: count(self.edges.len()),
                polygon,
            });
        }
    }

    /// A number that differs for indexes of other shapes: what was located in one holds in another
    /// only where the stamps agree.
    pub const fn stamp(&self) -> u64 {
        self.stamp
    }

    /// The area with that number.
    pub fn area(&self, number: AreaNumber) -> Option<&Area> {
        self.entry(number).map(|entry| &entry.area)
    }

    /// The key of the area with that number.
    pub fn key(&self, number: AreaNumber) -> Option<AreaKey> {
        self.entry(number).map(|entry| entry.key)
    }

    /// The area with that key.
    pub fn find(&self, key: AreaKey) -> Option<AreaNumber> {
        self.by_key.get(&key).copied()
    }

    /// Whether the area asks something of a class at a local time of day. Unit: milliseconds.
    pub fn applies(&self, number: AreaNumber, class: VehicleClass, millis_of_day: i64) -> bool {
        self.entry(number).is_some_and(|entry| {
            let classes = entry.area.classes.as_ref();
            let hours = entry.hours.filter(|hours| hours.begin_ms != hours.end_ms);
            classes.is_none_or(|classes| classes.contains(&class))
                && hours.is_none_or(|hours| hours.contains(millis_of_day))
        })
    }

    /// Areas that must not be left, ascending.
    pub fn stay_within(&self) -> impl Iterator<Item = AreaNumber> {
        self.stay_within.iter().copied()
    }

    /// Whether some area must not be left by a class, at whatever hours.
    pub const fn has_stay_within(&self, class: VehicleClass) -> bool {
        self.stay_classes & class_bit(class) != 0
    }

    /// Whether some area may not be entered or left by a class, at whatever hours.
    pub const fn is_guarded(&self, class: VehicleClass) -> bool {
        self.guarded_classes & class_bit(class) != 0
    }

    /// Number of areas.
    pub fn len(&self) -> usize {
        self.areas.len()
    }

    /// Whether there is no area.
    pub fn is_empty(&self) -> bool {
        self.areas.is_empty()
    }

    /// Which areas contain a place, and how far around it that holds.
    pub fn locate(&self, place: Position) -> Located {
        Located {
            inside: self.inside(place),
            clear: self.clear_around(place),
        }
    }

    /// The areas that contain a place, ascending.
    pub fn inside(&self, place: Position) -> Vec<AreaNumber> {
        let mut inside = Vec::new();
        self.polygons
            .each_in(AABB::from_point(corner(place)), |polygon| {
                let area = self.area_of.get(polygon.polygon as usize);
                if let Some(area) = area
                    && self.polygon_contains(polygon, place)
                {
                    inside.push(*area);
                }
            });
        inside.sort_unstable();
        inside.dedup();
        inside
    }

    /// A box around a place with no edge in it; small where edges are many.
    fn clear_around(&self, place: Position) -> Clear {
        let mut udeg = CLEAR_UDEG.0;
        loop {
            let whole = Clear::around(place, udeg);
            let mut clear = whole;
            self.tree.each_in(whole.envelope(), |leaf| {
                for edge in self.run(leaf) {
                    clear.keep_out(place, edge);
                }
            });
            if clear != whole || udeg >= CLEAR_UDEG.1 {
                return clear;
            }
            udeg *= 5;
        }
    }

    /// Whether an area contains a place.
    pub fn contains(&self, number: AreaNumber, place: Position) -> bool {
        self.polygons
            .any_in(AABB::from_point(corner(place)), |polygon| {
                self.area_of.get(polygon.polygon as usize) == Some(&number)
                    && self.polygon_contains(polygon, place)
            })
    }

    /// Counts the edges east of the place: an odd number means inside, holes included.
    fn polygon_contains(&self, polygon: &PolygonBox, place: Position) -> bool {
        if polygon.edges().len() <= SCANNED_MAX {
            let edges = self.edges.get(polygon.edges()).unwrap_or_default();
            return edges
                .iter()
                .fold(false, |odd, edge| odd ^ edge.is_east_of(place));
        }
        let height = height(polygon.polygon);
        let ray = AABB::from_corners(
            [place.lat_udeg, place.lon_udeg, height],
            [place.lat_udeg, polygon.reach.upper()[1], height],
        );
        let mut is_odd = false;
        self.large.each_in(ray, |leaf| {
            for edge in self.run(&leaf.0) {
                is_odd ^= edge.is_east_of(place);
            }
        });
        is_odd
    }

    /// The areas whose edges the straight way between two places crosses, ascending.
    pub fn crossings(&self, from: Position, to: Position) -> Vec<Crossing> {
        let way = Edge { from, to };
        let ((south, north), (west, east)) = (way.lats(), way.lons());
        let reach = AABB::from_corners([south, west], [north, east]);
        let mut found: BTreeMap<AreaNumber, Vec<f64>> = BTreeMap::new();
        self.tree.each_in(reach, |leaf| {
            let shares = self.run(leaf).iter().filter_map(|edge| way.meets(edge));
            if let Some(area) = self.area_of.get(leaf.polygon as usize) {
                found.entry(*area).or_default().extend(shares);
            }
        });
        found
            .into_iter()
            .filter(|(_, shares)| !shares.is_empty())
            .map(|(area, mut shares)| {
                shares.sort_by(f64::total_cmp);
                Crossing { area, shares }
            })
            .collect()
    }

    /// Whether no edge of the area is within `bound_m` of a place.
    pub fn is_far_from_edges(&self, number: AreaNumber, place: Position, bound_m: f64) -> bool {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "more than fits is the whole earth, which saturates"
        )]
        let udeg = |degree_m: f64| (bound_m / degree_m * 1e6).ceil() as i32;
        let north = udeg(DEGREE_M).saturating_add(1);
        // Nearer to a pole than 85 degrees nobody drives.
        let east =
            udeg(DEGREE_M * place.lat().abs().min(85.0).to_radians().cos()).saturating_add(1);
        let reach = Clear {
            south: place.lat_udeg.saturating_sub(north),
            north: place.lat_udeg.saturating_add(north),
            west: place.lon_udeg.saturating_sub(east),
            east: place.lon_udeg.saturating_add(east),
        };
        let near = |edge: &Edge| {
            let segment = Segment::new(edge.from, edge.to, 0.0);
            segment.foot(place).distance_2 <= bound_m * bound_m
        };
        !self.tree.any_in(reach.envelope(), |leaf| {
            self.area_of.get(leaf.polygon as usize) == Some(&number)
                && self.run(leaf).iter().any(near)
        })
    }

    fn run(&self, leaf: &Leaf) -> &[Edge] {
        self.edges
            .get(leaf.first as usize..leaf.end as usize)
            .unwrap_or_default()
    }

    fn entry(&self, number: AreaNumber) -> Option<&Entry> {
        self.areas.get(usize::try_from(number.0).ok()?)
    }
}

const fn class_bit(class: VehicleClass) -> u32 {
    1 << class as u32
}

/// Milliseconds of a minute.
const MINUTE_MS: i64 = 60_000;

/// Beginning of FNV-1a.
const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A number as the index keeps it; an index never has 2^32 members.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

const fn corner(place: Position) -> [i32; 2] {
    [place.lat_udeg, place.lon_udeg]
}

/// One edge of a ring, or the way between two places.
#[derive(Clone, Copy, Debug)]
struct Edge {
    from: Position,
    to: Position,
}

impl Edge {
    fn lats(&self) -> (i32, i32) {
        let (a, b) = (self.from.lat_udeg, self.to.lat_udeg);
        (a.min(b), a.max(b))
    }

    fn lons(&self) -> (i32, i32) {
        let (a, b) = (self.from.lon_udeg, self.to.lon_udeg);
        (a.min(b), a.max(b))
    }

    /// On which side of the line through the edge a place lies; 0 on it.
    ///
    /// Shape: twice the area of the triangle; below 2^60 for any two places on earth.
    fn side(&self, place: Position) -> i64 {
        let difference = |a: i32, b: i32| i64::from(a) - i64::from(b);
        difference(self.to.lat_udeg, self.from.lat_udeg)
            * difference(place.lon_udeg, self.from.lon_udeg)
            - difference(self.to.lon_udeg, self.from.lon_udeg)
                * difference(place.lat_udeg, self.from.lat_udeg)
    }

    /// Whether a ray from the place to the east meets the edge; its southern end belongs to it.
    fn is_east_of(&self, place: Position) -> bool {
        let up = self.from.lat_udeg <= place.lat_udeg && place.lat_udeg < self.to.lat_udeg;
        let down = self.to.lat_udeg <= place.lat_udeg && place.lat_udeg < self.from.lat_udeg;
        (up && self.side(place) < 0) || (down && self.side(place) > 0)
    }

    /// Latitude of the line at a longitude, rounded; `None` where it runs north.
    fn lat_at(&self, lon_udeg: i32) -> Option<i64> {
        let run = i64::from(self.to.lon_udeg) - i64::from(self.from.lon_udeg);
        let rise = i64::from(self.to.lat_udeg) - i64::from(self.from.lat_udeg);
        let along = i64::from(lon_udeg) - i64::from(self.from.lon_udeg);
        Some(i64::from(self.from.lat_udeg) + (rise * along).checked_div(run)?)
    }

    /// Longitude of the line at a latitude, rounded; `None` where it runs east.
    fn lon_at(&self, lat_udeg: i32) -> Option<i64> {
        let run = i64::from(self.to.lat_udeg) - i64::from(self.from.lat_udeg);
        let rise = i64::from(self.to.lon_udeg) - i64::from(self.from.lon_udeg);
        let along = i64::from(lat_udeg) - i64::from(self.from.lat_udeg);
        Some(i64::from(self.from.lon_udeg) + (rise * along).checked_div(run)?)
    }

    /// Where this way crosses an edge, as a share of the way.
    ///
    /// A place on the line counts to its left, for both, so that a corner is crossed once.
    fn meets(&self, edge: &Self) -> Option<f64> {
        let (from, to) = (edge.side(self.from), edge.side(self.to));
        let (begin, end) = (self.side(edge.from), self.side(edge.to));
        if (from > 0) == (to > 0) || (begin > 0) == (end > 0) {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
        let share = from as f64 / (from - to) as f64;
        Some(share.clamp(0.0, 1.0))
    }
}

/// A run of edges as the tree keeps it.
#[derive(Clone, Copy, Debug)]
struct Leaf {
    reach: AABB<[i32; 2]>,
    first: u32,
    end: u32,
    polygon: u32,
}

impl RTreeObject for Leaf {
    type Envelope = AABB<[i32; 2]>;

    fn envelope(&self) -> Self::Envelope {
        self.reach
    }
}

/// A run of edges at the height of its polygon: a search near one polygon looks at no other.
#[derive(Clone, Copy, Debug)]
struct Tall(Leaf);

impl RTreeObject for Tall {
    type Envelope = AABB<[i32; 3]>;

    fn envelope(&self) -> Self::Envelope {
        let (low, high) = (self.0.reach.lower(), self.0.reach.upper());
        let height = height(self.0.polygon);
        AABB::from_corners([low[0], low[1], height], [high[0], high[1], height])
    }
}

/// A polygon's place in the third dimension.
fn height(polygon: u32) -> i32 {
    i32::try_from(polygon).unwrap_or(i32::MAX)
}

/// The box of a polygon.
#[derive(Clone, Copy, Debug)]
struct PolygonBox {
    reach: AABB<[i32; 2]>,
    polygon: u32,
    /// Its edges: the first, and the one after the last.
    edges: (u32, u32),
    /// The same of its runs of edges, in the order in which they were made.
    leaves: (usize, usize),
}

impl PolygonBox {
    const fn edges(&self) -> std::ops::Range<usize> {
        self.edges.0 as usize..self.edges.1 as usize
    }
}

impl RTreeObject for PolygonBox {
    type Envelope = AABB<[i32; 2]>;

    fn envelope(&self) -> Self::Envelope {
        self.reach
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lat_udeg: i32, lon_udeg: i32) -> Position {
        Position { lat_udeg, lon_udeg }
    }

    fn area(id: &str, polygons: Vec<Vec<Vec<Position>>>) -> Area {
        Area {
            id: id.to_owned(),
            name: id.to_owned(),
            kind: AreaKind::Forbidden,
            limit: None,
            hours: None,
            classes: None,
            polygons,
        }
    }

    fn square(south: i32, west: i32, side: i32) -> Vec<Position> {
        let (north, east) = (south + side, west + side);
        vec![
            at(south, west),
            at(south, east),
            at(north, east),
            at(north, west),
            at(south, west),
        ]
    }

    /// A ring with many corners around a middle. Unit: degrees.
    fn star(lat: f64, lon: f64, size: f64, corners: i32) -> Vec<Position> {
        let mut ring: Vec<Position> = (0..corners)
            .map(|corner| {
                let angle = f64::from(corner) / f64::from(corners) * std::f64::consts::TAU;
                let reach = if corner % 2 == 0 { size } else { size / 3.0 };
                let (north, east) = (angle.sin() * reach, angle.cos() * reach);
                Position::from_degrees(lat + north, lon + east).unwrap()
            })
            .collect();
        ring.push(ring[0]);
        ring
    }

    fn world() -> AreaIndex {
        AreaIndex::new(vec![
            area(
                "hole",
                vec![vec![
                    square(28_000_000, 112_000_000, 300_000),
                    square(28_100_000, 112_100_000, 100_000),
                ]],
            ),
            area(
                "two",
                vec![
                    vec![square(28_050_000, 112_050_000, 100_000)],
                    vec![star(28.5, 112.5, 0.2, 40)],
                ],
            ),
            // More edges than are scanned, in two rings.
            area(
                "large",
                vec![vec![
                    star(28.62, 112.15, 0.12, 300),
                    star(28.62, 112.15, 0.02, 50),
                ]],
            ),
            area("far", vec![vec![square(40_000_000, 116_000_000, 1000)]]),
        ])
    }

    fn names(index: &AreaIndex, inside: &[AreaNumber]) -> Vec<String> {
        let name = |number: &AreaNumber| index.area(*number).unwrap().id.clone();
        inside.iter().map(name).collect()
    }

    /// Even-odd over all edges, without a tree.
    fn scan(index: &AreaIndex, place: Position) -> Vec<AreaNumber> {
        let contains = |polygon: &Vec<Vec<Position>>| {
            let edges = polygon.iter().flat_map(|ring| ring.windows(2));
            edges
                .filter(|pair| {
                    let edge = Edge {
                        from: pair[0],
                        to: pair[1],
                    };
                    edge.is_east_of(place)
                })
                .count()
                % 2
                == 1
        };
        (0..)
            .map(AreaNumber)
            .zip(&index.areas)
            .filter(|(_, entry)| entry.area.polygons.iter().any(contains))
            .map(|(number, _)| number)
            .collect()
    }

    /// Scattered places around the areas.
    fn places() -> impl Iterator<Item = Position> {
        (0..4000_i32).map(|step| {
            at(
                27_950_000 + (step * 7919) % 800_000,
                111_950_000 + (step * 104_729) % 800_000,
            )
        })
    }

    #[test]
    fn the_tree_agrees_with_a_plain_scan_and_a_clear_box_holds() {
        let index = world();
        for place in places() {
            let located = index.locate(place);
            assert_eq!(located.inside, scan(&index, place), "{place:?}");
            let Clear {
                south,
                north,
                west,
                east,
            } = located.clear;
            assert!(located.clear.contains(place));
            for corner in [
                at(south, west),
                at(south, east),
                at(north, west),
                at(north, east),
            ] {
                assert_eq!(scan(&index, corner), located.inside, "{place:?} {corner:?}");
                assert!(index.crossings(place, corner).is_empty());
            }
        }
    }

    #[test]
    fn a_hole_is_outside_and_areas_may_overlap() {
        let index = world();
        let inside = |lat, lon| names(&index, &index.locate(at(lat, lon)).inside);
        assert_eq!(inside(28_010_000, 112_010_000), ["hole"]);
        assert_eq!(inside(28_060_000, 112_060_000), ["hole", "two"]);
        assert_eq!(inside(28_120_000, 112_120_000), ["two"]);
        assert_eq!(inside(28_180_000, 112_180_000), Vec::<String>::new());
        assert_eq!(inside(28_500_000, 112_500_000), ["two"]);
    }

    #[test]
    fn a_way_through_an_area_is_seen_with_its_share_inside() {
        let index = world();
        let crossings = index.crossings(at(28_020_000, 111_900_000), at(28_020_000, 112_400_000));
        assert_eq!(names(&index, &[crossings[0].area]), ["hole"]);
        assert_eq!(crossings.len(), 1);
        let expected = [0.2, 0.8];
        for (share, expected) in crossings[0].shares.iter().zip(expected) {
            assert!((share - expected).abs() < 1e-9, "{crossings:?}");
        }
    }

    #[test]
    fn the_number_of_crossings_tells_the_sides_of_both_ends() {
        let index = world();
        let pairs = places().zip(places().skip(1700)).take(2000);
        for (from, to) in pairs {
            let crossings = index.crossings(from, to);
            for number in [AreaNumber(0), AreaNumber(2)] {
                let crossed = crossings.iter().find(|crossing| crossing.area == number);
                let times = crossed.map_or(0, |crossing| crossing.shares.len());
                let changes = index.contains(number, from) != index.contains(number, to);
                assert_eq!(times % 2 == 1, changes, "{from:?} {to:?} {crossings:?}");
            }
        }
    }

    #[test]
    fn far_from_edges_is_measured_in_metres() {
        let index = world();
        let number = AreaNumber(0);
        // 0.001 degrees north of the southern edge: 111 m.
        let place = at(28_001_000, 112_050_000);
        assert!(index.is_far_from_edges(number, place, 110.0));
        assert!(!index.is_far_from_edges(number, place, 112.0));
    }

    #[test]
    fn hours_and_classes_decide_whether_an_area_applies() {
        let mut night = area("night", vec![vec![square(0, 0, 10)]]);
        night.hours = Some((22 * 60, 6 * 60));
        night.classes = Some(vec![VehicleClass::Hazmat]);
        let index = AreaIndex::new(vec![night]);
        let applies = |class, hour: i64| index.applies(AreaNumber(0), class, hour * 3_600_000);
        assert!(applies(VehicleClass::Hazmat, 23));
        assert!(!applies(VehicleClass::Hazmat, 6));
        assert!(!applies(VehicleClass::HeavyTruck, 23));
    }
}
