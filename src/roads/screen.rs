//! The cheap questions asked of fixes: how low may the limit be here?
//!
//! Every fix is asked by its cell; one that is left in doubt by its segments, one by one.
//!
//! Shape: the earth around the map is cut into cells of about 50 m. A cell knows, for each kind of
//! road and each sector of the directions in which a vehicle may be going, the lowest limit that
//! may hold for any class at any hour on any road within reach of any place in the cell. Cells that
//! are alike share their entry. Answers are rounded down, so that a fix that is not faster than what
//! the screen says cannot be over the limit of a road, whichever the matcher would choose.

use crate::model::route::RoadKind;
use crate::model::{Course, Position, Speed};

use super::index::{Plane, metres};
use super::network::{NodePlace, RoadNetwork, Segment, SegmentNumber};

/// Sides of a cell. Unit: 1e-7 degrees of latitude; about 50 m.
const CELL_E7: i64 = 4_500;
/// Cells along a side of a tile.
const TILE: usize = 16;
/// Sectors of the undirected directions, 15 degrees each.
const SECTORS: usize = 12;
/// Degrees of a sector.
const SECTOR_DEG: u16 = 15;
/// Entry that says "no road".
const NO_ROAD: u8 = u8::MAX;
/// Tiles at most; a map that would need more gets larger cells.
const TILES_MAX: i64 = 1 << 24;
/// The direction of a segment is calculated in two ways, in planes of two places. Unit: degrees.
const SLACK_DEG: f64 = 1.0;

/// Lowest limits by kind of road and sector, in km/h rounded down.
type Entry = [[u8; SECTORS]; 2];

/// The entry of a cell without roads.
const EMPTY: Entry = [[NO_ROAD; SECTORS]; 2];

/// Lowest limits by place.
#[derive(Debug)]
pub struct Screen {
    /// South-west corner. Unit: 1e-7 degrees.
    south: i64,
    west: i64,
    /// Sides of a cell. Unit: 1e-7 degrees.
    high: i64,
    wide: i64,
    /// Tiles from west to east.
    columns: usize,
    /// Place of each tile's cells, or none, row by row from the south.
    tiles: Vec<u32>,
    /// Entries of the cells of each tile that has any.
    cells: Vec<[u16; TILE * TILE]>,
    entries: Vec<Entry>,
    /// Lowest limit of each segment, in km/h rounded down.
    own: Vec<u8>,
}

/// What the screen says of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lowest {
    /// Lowest limit on an expressway; `None` when none is within reach.
    pub expressway: Option<Speed>,
    /// The same on other roads.
    pub other: Option<Speed>,
}

impl Lowest {
    /// No road is within reach.
    pub const NOWHERE: Self = Self {
        expressway: None,
        other: None,
    };

    /// From the lowest limits by kind of road, in km/h.
    fn of(least: [u8; 2]) -> Self {
        let of = |kind: RoadKind| {
            let kmh = least[row(kind)];
            (kmh != NO_ROAD).then(|| Speed::from_whole_kmh(u16::from(kmh)))
        };
        Self {
            expressway: of(RoadKind::Expressway),
            other: of(RoadKind::Other),
        }
    }
}

/// How far a road may be from a fix, and how its direction may differ.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    /// Unit: m.
    pub reach_m: f64,
    /// Unit: degrees.
    pub course_deg_max: f64,
}

impl Screen {
    /// The screen of a map; `lowest` gives the lowest limit of each segment, `None` for none at all.
    pub fn new(
        network: &RoadNetwork,
        reach: Reach,
        lowest: impl Fn(&Segment, u32) -> Option<Speed>,
    ) -> Self {
        let mut builder = Builder::new(network, reach);
        let own: Vec<u8> = (0_u32..)
            .zip(network.segments())
            .map(|(number, segment)| lowest(segment, number).map_or(NO_ROAD - 1, whole_kmh))
            .collect();
        for (number, segment) in network.segments().iter().enumerate() {
            // Both directions lie in the same place and the cells ask for neither: once is enough.
            let twin = segment.twin().map(|twin| twin.0 as usize);
            if twin.is_some_and(|twin| twin < number) {
                continue;
            }
            let least = twin.map_or(own[number], |twin| own[number].min(own[twin]));
            let kind = network.way(segment.way()).kind();
            let ends = network.ends(segment);
            builder.add(ends, kind, least);
        }
        Self {
            own,
            ..builder.finish()
        }
    }

    /// The lowest limits that may hold on these segments.
    pub(super) fn lowest_on(
        &self,
        network: &RoadNetwork,
        segments: impl Iterator<Item = SegmentNumber>,
    ) -> Lowest {
        let mut least = [NO_ROAD; 2];
        for number in segments {
            let of_kind = &mut least[row(network.way_of(number).kind())];
            *of_kind = self.own[number.0 as usize].min(*of_kind);
        }
        Lowest::of(least)
    }

    /// The lowest limits that may hold at a place; without a course in any direction.
    pub fn lowest(&self, place: Position, course: Option<Course>) -> Lowest {
        let Some(entry) = self.entry(place) else {
            return Lowest::NOWHERE;
        };
        Lowest::of(entry.each_ref().map(|sectors| match course {
            Some(course) => sectors[usize::from(course.degrees() % 180 / SECTOR_DEG)],
            None => sectors.iter().copied().min().unwrap_or(NO_ROAD),
        }))
    }

    fn entry(&self, place: Position) -> Option<&Entry> {
        let y =
            usize::try_from((i64::from(place.lat_udeg) * 10 - self.south).div_euclid(self.high))
                .ok()?;
        let x = usize::try_from((i64::from(place.lon_udeg) * 10 - self.west).div_euclid(self.wide))
            .ok()?;
        let column = x / TILE;
        if column >= self.columns {
            return None;
        }
        let tile = *self.tiles.get(y / TILE * self.columns + column)?;
        let cells = self.cells.get(tile as usize)?;
        self.entries
            .get(usize::from(cells[y % TILE * TILE + x % TILE]))
    }

    /// Bytes that it takes in memory.
    pub fn memory_bytes(&self) -> usize {
        self.tiles.capacity() * size_of::<u32>()
            + self.cells.capacity() * size_of::<[u16; TILE * TILE]>()
            + self.entries.capacity() * size_of::<Entry>()
            + self.own.capacity()
    }
}

const fn row(kind: RoadKind) -> usize {
    match kind {
        RoadKind::Expressway => 0,
        RoadKind::Other => 1,
    }
}

/// Whole km/h, rounded down; what is faster than any vehicle is all the same.
fn whole_kmh(speed: Speed) -> u8 {
    u8::try_from(speed.mkmh() / 1000).map_or(NO_ROAD - 1, |kmh| kmh.min(NO_ROAD - 1))
}

/// A screen being made.
struct Builder {
    screen: Screen,
    reach: Reach,
    /// Entries of the tiles so far.
    entries: Vec<Box<[Entry; TILE * TILE]>>,
}

/// No tile.
const NO_TILE: u32 = u32::MAX;

impl Builder {
    fn new(network: &RoadNetwork, reach: Reach) -> Self {
        let lats = || network.places.iter().map(|place| place.lat_e7);
        let lons = || network.places.iter().map(|place| place.lon_e7);
        let (south, north) = (lats().min().unwrap_or(0), lats().max().unwrap_or(0));
        let (west, east) = (lons().min().unwrap_or(0), lons().max().unwrap_or(0));
        let farthest = if north.abs() > south.abs() {
            north
        } else {
            south
        };
        let at = |lat_e7| Plane::at(NodePlace { lat_e7, lon_e7: 0 });
        let (up, right) = at(farthest).units(reach.reach_m);
        let (south, west) = (
            i64::from(south) - i64::from(up),
            i64::from(west) - i64::from(right),
        );
        let (height, width) = (
            i64::from(north) + i64::from(up) + 1 - south,
            i64::from(east) + i64::from(right) + 1 - west,
        );
        let middle = at(farthest / 2);
        let square = {
            let (up, right) = middle.units(100.0);
            CELL_E7 * i64::from(right) / i64::from(up.max(1))
        };
        let side = i64::try_from(TILE).unwrap_or(1);
        let mut larger = 1;
        let tiles = |size: i64, cell: i64| size / (cell * side) + 1;
        while tiles(height, CELL_E7 * larger) * tiles(width, square * larger) > TILES_MAX {
            larger *= 2;
        }
        let (high, wide) = (CELL_E7 * larger, square * larger);
        let (rows, columns) = (tiles(height, high), tiles(width, wide));
        let whole = |number: i64| usize::try_from(number).unwrap_or(0);
        Self {
            screen: Screen {
                south,
                west,
                high,
                wide,
                columns: whole(columns),
                tiles: vec![NO_TILE; whole(rows * columns)],
                cells: Vec::new(),
                entries: Vec::new(),
                own: Vec::new(),
            },
            reach,
            entries: Vec::new(),
        }
    }

    /// Takes a segment in.
    fn add(&mut self, ends: [NodePlace; 2], kind: RoadKind, kmh: u8) {
        let [from, to] = ends;
        let plane = Plane::at(from);
        // A map that reaches far north has wider cells in metres at its south: the farther end decides.
        let (up, right) = {
            let other = Plane::at(to).units(self.reach.reach_m);
            let own = plane.units(self.reach.reach_m);
            (own.0.max(other.0) + 1, own.1.max(other.1) + 1)
        };
        let sectors = sectors(plane.direction_deg(from, to), self.reach.course_deg_max);
        let screen = &self.screen;
        let (high, wide) = (screen.high, screen.wide);
        let rows = range(from.lat_e7, to.lat_e7, up, screen.south, high);
        let columns = range(from.lon_e7, to.lon_e7, right, screen.west, wide);
        let (half_north, half_east) = plane.metres_of(high, wide);
        // One plane serves all cells of the segment; the last term is for what is wrong with that.
        let around_m = self.reach.reach_m + half_north.hypot(half_east) / 2.0 + 1.0;
        let bound_m = around_m + 0.002 * metres(from, to);
        for y in rows {
            for x in columns.clone() {
                let centre = NodePlace {
                    lat_e7: centre_e7(self.screen.south, high, y),
                    lon_e7: centre_e7(self.screen.west, wide, x),
                };
                if plane.moved_to(centre).foot(from, to).distance_m <= bound_m {
                    self.lower(x, y, kind, sectors, kmh);
                }
            }
        }
    }

    fn lower(&mut self, x: usize, y: usize, kind: RoadKind, sectors: [bool; SECTORS], kmh: u8) {
        let at = y / TILE * self.screen.columns + x / TILE;
        let Some(tile) = self.screen.tiles.get_mut(at) else {
            return;
        };
        if *tile == NO_TILE {
            *tile = super::network::count(self.entries.len());
            self.entries.push(Box::new([EMPTY; TILE * TILE]));
        }
        let Some(cells) = self.entries.get_mut(*tile as usize) else {
            return;
        };
        let lowest = &mut cells[y % TILE * TILE + x % TILE][row(kind)];
        for (lowest, _) in lowest
            .iter_mut()
            .zip(sectors)
            .filter(|(_, is_meant)| *is_meant)
        {
            *lowest = kmh.min(*lowest);
        }
    }

    /// Gives cells that are alike one entry.
    fn finish(self) -> Screen {
        let mut screen = self.screen;
        // Tile by tile first: what is alike lies near, and little is left to sort.
        let mut distinct: Vec<Entry> = Vec::new();
        for tile in &self.entries {
            let mut of_tile = tile.to_vec();
            of_tile.sort_unstable();
            of_tile.dedup();
            distinct.extend(of_tile);
        }
        distinct.sort_unstable();
        distinct.dedup();
        let coarse = distinct.len() > usize::from(u16::MAX);
        if coarse {
            // Rounded down to what holds in every direction, there are at most 2^16.
            distinct = distinct.into_iter().map(in_every_direction).collect();
            distinct.sort_unstable();
            distinct.dedup();
        }
        // Beside a cell lies often one like it.
        let mut last: Option<(Entry, u16)> = None;
        let mut number_of = |entry: &Entry| {
            let entry = if coarse {
                in_every_direction(*entry)
            } else {
                *entry
            };
            if let Some((_, number)) = last.filter(|(known, _)| *known == entry) {
                return number;
            }
            let found = distinct.binary_search(&entry).unwrap_or(0);
            let number = u16::try_from(found).unwrap_or(0);
            last = Some((entry, number));
            number
        };
        screen.cells = self
            .entries
            .iter()
            .map(|tile| tile.each_ref().map(&mut number_of))
            .collect();
        screen.entries = distinct;
        screen
    }
}

/// The lowest of all directions, for every direction.
fn in_every_direction(entry: Entry) -> Entry {
    entry.map(|sectors| [sectors.into_iter().min().unwrap_or(NO_ROAD); SECTORS])
}

/// Cells that a stretch with a margin touches.
fn range(
    from_e7: i32,
    to_e7: i32,
    margin: i32,
    least: i64,
    cell: i64,
) -> std::ops::RangeInclusive<usize> {
    let low = i64::from(from_e7.min(to_e7)) - i64::from(margin) - least;
    let high = i64::from(from_e7.max(to_e7)) + i64::from(margin) - least;
    let number = |e7: i64| usize::try_from(e7.div_euclid(cell)).unwrap_or(0);
    number(low)..=number(high)
}

fn centre_e7(least: i64, cell: i64, number: usize) -> i32 {
    let number = i64::try_from(number).unwrap_or(0);
    let centre = least + number * cell + cell / 2;
    i32::try_from(centre).unwrap_or(i32::MAX)
}

/// The sectors in which a course may lie that fits a road of that direction.
fn sectors(direction_deg: f64, course_deg_max: f64) -> [bool; SECTORS] {
    let most = course_deg_max + SLACK_DEG;
    let direction = direction_deg.rem_euclid(180.0);
    let mut low = 0.0;
    [(); SECTORS].map(|()| {
        let from_low = (direction - low).rem_euclid(180.0);
        low += f64::from(SECTOR_DEG);
        // Inside the sector, or at most so far after its end or before its beginning.
        from_low <= f64::from(SECTOR_DEG) + most || 180.0 - from_low <= most
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::apart_deg;
    use crate::roads::network::tests::grid;

    const REACH: Reach = Reach {
        reach_m: 50.0,
        course_deg_max: 60.0,
    };

    /// A limit for each segment, by no rule.
    fn limit_of(number: u32) -> Option<Speed> {
        let kmh = 20 + u16::try_from(number % 11).unwrap() * 10;
        (kmh < 120).then(|| Speed::from_whole_kmh(kmh))
    }

    #[test]
    fn no_road_within_reach_has_a_lower_limit() {
        let network = grid(24);
        let screen = Screen::new(&network, REACH, |_, number| limit_of(number));
        for step in 0..3000_i32 {
            let place = Position {
                lat_udeg: 27_999_000 + step * 9,
                lon_udeg: 111_999_000 + step * 331 % 27_000,
            };
            let course = Course::from_degrees(u16::try_from(step * 7 % 360).unwrap()).unwrap();
            let at = NodePlace {
                lat_e7: place.lat_udeg * 10,
                lon_e7: place.lon_udeg * 10,
            };
            let with_course = screen.lowest(place, Some(course));
            let without = screen.lowest(place, None);
            network.near(at, REACH.reach_m, |near| {
                let segment = network.segment(near.segment);
                let limit = limit_of(near.segment.0).unwrap_or(Speed::from_whole_kmh(254));
                assert!(without.other.unwrap() <= limit);
                let direction = Plane::at(network.place(segment.from()))
                    .direction_deg(network.place(segment.from()), network.place(segment.to()));
                if apart_deg(direction, f64::from(course.degrees())) <= REACH.course_deg_max {
                    assert!(with_course.other.unwrap() <= limit, "{step}");
                }
            });
            assert_eq!(without.expressway, None);
        }
    }

    #[test]
    fn a_road_across_does_not_count_for_a_vehicle_that_goes_along() {
        let network = grid(2);
        let across = |segment: &Segment| {
            let (from, to) = (network.place(segment.from()), network.place(segment.to()));
            from.lat_e7 == to.lat_e7
        };
        let screen = Screen::new(&network, REACH, |segment, _| {
            Some(Speed::from_whole_kmh(if across(segment) { 30 } else { 60 }))
        });
        let place = Position {
            lat_udeg: 28_000_010,
            lon_udeg: 112_000_000,
        };
        let lowest = |degrees| {
            let lowest = screen.lowest(place, degrees).other.unwrap();
            lowest.mkmh() / 1000
        };
        assert_eq!(lowest(Course::from_degrees(10)), 60);
        assert_eq!(lowest(Course::from_degrees(190)), 60);
        assert_eq!(lowest(Course::from_degrees(100)), 30);
        assert_eq!(lowest(None), 30);
    }

    #[test]
    fn far_from_every_road_there_is_no_limit() {
        let screen = Screen::new(&grid(2), REACH, |_, number| limit_of(number));
        for (lat, lon) in [
            (28.1, 112.0),
            (27.0, 112.0),
            (28.0, 113.0),
            (-90.0, -180.0),
            (90.0, 180.0),
        ] {
            let place = Position::from_degrees(lat, lon).unwrap();
            assert_eq!(screen.lowest(place, None), Lowest::NOWHERE);
        }
    }

    #[test]
    fn limits_are_rounded_down() {
        let network = grid(2);
        let screen = Screen::new(&network, REACH, |_, _| Speed::from_kmh(56.327));
        let place = Position::from_degrees(28.0, 112.0).unwrap();
        assert_eq!(
            screen.lowest(place, None).other,
            Some(Speed::from_whole_kmh(56))
        );
    }
}
