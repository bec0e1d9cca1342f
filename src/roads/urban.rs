//! Which roads are streets of a town, where the map does not say so itself.
//!
//! Where nothing is posted the law has one limit for a street of a town (城市道路) and a higher one for a highway
//! (公路). Maps seldom tell which is which, so it follows from how dense the streets are around. A road in doubt is
//! no street of a town, as the higher limit accuses nobody wrongly: so at the edge of a town, in a village, beside
//! a road through the fields, and wherever the map knows few of the streets that there are.
//!
//! Shape: lengths of streets and numbers of crossings are summed in the cells of a grid. A cell is in a town when
//! the square of cells around it has streets enough, each quarter of that square, one to every side, has some, and
//! there are crossings close by. A way is urban when nearly all of its length is in such cells.
//! State, while it works: 24 bytes for each 100 m of road, at most 20 times as much a segment.
//!
//! Not asked: areas of `landuse`. Extracts of Chinese cities have five of them where they have hundreds of streets,
//! and a hamlet has one like a city.

use std::ops::RangeInclusive;

use crate::model::RoadClass;

use super::network::{NodePlace, RoadNetwork, Segment, Way, WayFlags};

/// Side of a cell. Unit: 1e-7 degrees of latitude, 250 m: some blocks of houses.
const CELL_E7: i32 = 22_483;
/// The same in metres.
const CELL_M: u64 = 250;

/// Cells to each side that make the square around a cell: 1.25 km across, more than a village has.
const AROUND: i32 = 2;

/// Streets that a town has. Unit: km in a square kilometre.
///
/// Measured, with carriageways and ways of service counting half: 8 to 15 in Helsinki and in suburbs of Phoenix, 6 to 12
/// in Beijing, Shenzhen and the towns of Liechtenstein, less than 4 on mountain roads and among fields; the scattered
/// houses north-west of Phoenix have 3 to 7. Chinese cities have 6.2 in the mean of whole cities, without ways of service.
const TOWN_KM_PER_KM2: u64 = 6;

/// Streets that each quarter of the square has, so that a road along the edge of a town is not in it.
/// Unit: km in a square kilometre. Our choice.
const QUARTER_KM_PER_KM2: u64 = 2;

/// Crossings in the cells next to a cell of a town, fewer than blocks of 250 m have. The bends of a mountain road, and
/// carriageways that are drawn side by side, have length and no crossings.
///
/// Unit: in a square kilometre. Measured: 40 and more on most roads of all towns above, 12 where a mountain road
/// winds up between two of them.
const CROSSINGS_PER_KM2: u64 = 15;

/// Share of its length that makes a way urban, as a limit is of a whole way. Unit: %. Our choice.
const WAY_PERCENT: u64 = 80;

/// Length of the pieces into which segments are cut to find their cells. Unit: mm.
const PIECE_MM: u32 = 100_000;

/// A longer segment has no pieces: nothing meets it for so long. Unit: mm.
const SEGMENT_MM_MAX: u32 = 2_000_000;

/// What is urban of a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Urban {
    /// Ways.
    pub ways: u64,
    /// Their length, both directions once. Unit: m.
    pub length_m: u64,
    /// Length of all ways of the map. Unit: m.
    pub all_m: u64,
}

/// Marks the ways that are streets of a town. Those of which the map says what they are stay as they are.
pub fn mark(network: &mut RoadNetwork) -> Urban {
    let lengths = lengths(network);
    let mut urban = Urban::default();
    let (mut length_mm, mut all_mm) = (0, 0);
    for (way, lengths) in network.ways.iter_mut().zip(&lengths) {
        if lengths.town_mm > 0 && lengths.town_mm * 100 >= lengths.all_mm * WAY_PERCENT {
            way.flags = way.flags.with(WayFlags::URBAN);
        }
        all_mm += lengths.all_mm;
        if way.flags.contains(WayFlags::URBAN) {
            urban.ways += 1;
            length_mm += lengths.all_mm;
        }
    }
    urban.length_m = length_mm / 1000;
    urban.all_m = all_mm / 1000;
    urban
}

/// Of one way.
#[derive(Clone, Copy, Default)]
struct Lengths {
    all_mm: u64,
    /// In towns; only of ways in question.
    town_mm: u64,
}

/// The lengths of all ways.
fn lengths(network: &RoadNetwork) -> Vec<Lengths> {
    let town = Town::of(network);
    let mut lengths = vec![Lengths::default(); network.ways.len()];
    for segment in network.segments.iter().filter(|segment| is_first(segment)) {
        let way = segment.way();
        let lengths = &mut lengths[way.0 as usize];
        lengths.all_mm += u64::from(segment.length_mm);
        if is_in_question(network.way(way)) {
            let in_town = pieces(network, segment).filter(|(place, _)| town.contains(*place));
            lengths.town_mm += in_town
                .map(|(_, length_mm)| u64::from(length_mm))
                .sum::<u64>();
        }
    }
    lengths
}

/// Whether it is the one of two twins that counts.
fn is_first(segment: &Segment) -> bool {
    !segment.is_backward() || segment.twin().is_none()
}

/// Whether only its surroundings tell what a way is. A road for through traffic stays what it is in a town too, and
/// yards, car parks and drives are none of the town's streets (城市道路管理条例 Art. 2): nobody knows their limit.
fn is_in_question(way: &Way) -> bool {
    let is_told = way.flags.contains(WayFlags::URBAN) || way.flags.contains(WayFlags::HIGHWAY);
    !is_told && is_street(way) && way.class != RoadClass::Service
}

/// Whether it makes a place a town. Roads for through traffic do not.
fn is_street(way: &Way) -> bool {
    !matches!(way.class, RoadClass::Motorway | RoadClass::Trunk)
        && !way.flags.contains(WayFlags::EXPRESSWAY)
}

/// Length of street that a piece of a way stands for: there are two carriageways to a large one-way road, and much
/// that is called service is a yard or a drive.
fn street_mm(way: &Way, length_mm: u32) -> u32 {
    let is_carriageway = way.flags.contains(WayFlags::ONEWAY)
        && matches!(way.class, RoadClass::Primary | RoadClass::Secondary);
    match way.class {
        RoadClass::Service => length_mm / 2,
        _ if is_carriageway => length_mm / 2,
        _ => length_mm,
    }
}

/// The middles of the equal pieces of a segment, and their lengths in millimetres.
fn pieces(
    network: &RoadNetwork,
    segment: &Segment,
) -> impl Iterator<Item = (NodePlace, u32)> + use<> {
    let [from, to] = network.ends(segment);
    let count = segment.length_mm.div_ceil(PIECE_MM).max(1);
    let length_mm = segment.length_mm / count;
    let is_street = segment.length_mm <= SEGMENT_MM_MAX;
    (0..if is_street { count } else { 0 }).map(move |number| {
        let between = |from: i32, to: i32| {
            let (from, to) = (i64::from(from), i64::from(to));
            let middle = from + (to - from) * i64::from(2 * number + 1) / i64::from(2 * count);
            i32::try_from(middle).unwrap_or_default()
        };
        let place = NodePlace {
            lat_e7: between(from.lat_e7, to.lat_e7),
            lon_e7: between(from.lon_e7, to.lon_e7),
        };
        (place, length_mm)
    })
}

/// A cell of the grid: rows are counted from the equator, columns from the meridian of Greenwich.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cell {
    row: i32,
    column: i32,
}

impl Cell {
    fn of(place: NodePlace) -> Self {
        let row = place.lat_e7.div_euclid(CELL_E7);
        Self {
            row,
            column: place.lon_e7.div_euclid(width_e7(row)),
        }
    }

    /// The cell so many rows to the north that lies beside this one's middle.
    fn north(self, rows: i32) -> Self {
        let width = i64::from(width_e7(self.row));
        let lon_e7 = i64::from(self.column) * width + width / 2;
        let row = self.row + rows;
        let column = lon_e7.div_euclid(i64::from(width_e7(row)));
        Self {
            row,
            column: i32::try_from(column).unwrap_or_default(),
        }
    }
}

/// Width of the cells of a row, as wide as they are high. Unit: 1e-7 degrees of longitude.
fn width_e7(row: i32) -> i32 {
    let lat_deg = (f64::from(row) + 0.5) * f64::from(CELL_E7) * 1e-7;
    // Next to the poles, where there is no town, cells are narrow.
    let cos = lat_deg.to_radians().cos().max(0.01);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most a hundred times the height of a cell"
    )]
    let width = (f64::from(CELL_E7) / cos).round() as i32;
    width
}

/// The cells that are in towns, in order.
#[derive(Debug)]
struct Town(Vec<Cell>);

impl Town {
    fn of(network: &RoadNetwork) -> Self {
        let streets = Streets::of(network);
        let cells = streets.cells.iter().map(|(cell, _)| *cell);
        Self(cells.filter(|cell| streets.is_town(*cell)).collect())
    }

    fn contains(&self, place: NodePlace) -> bool {
        self.0.binary_search(&Cell::of(place)).is_ok()
    }
}

/// Streets by cell.
#[derive(Debug)]
struct Streets {
    /// In order of the cells.
    cells: Vec<(Cell, Sums)>,
    bounds: Bounds,
}

/// What is in a cell, or in some of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Sums {
    length_mm: u64,
    crossings: u64,
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.length_mm += other.length_mm;
        self.crossings += other.crossings;
    }
}

/// Places beyond which the map knows no street, and does not tell whether there are any.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    south_west: NodePlace,
    north_east: NodePlace,
}

impl Streets {
    fn of(network: &RoadNetwork) -> Self {
        let mut cells = Vec::new();
        let mut bounds = Bounds::NOWHERE;
        // Pieces of streets that meet at each node; three and more make a crossing.
        let mut meeting = vec![0_u8; network.places.len()];
        for segment in network.segments.iter().filter(|segment| is_first(segment)) {
            let way = network.way(segment.way());
            if !is_street(way) {
                continue;
            }
            for node in [segment.from, segment.to] {
                let meeting = &mut meeting[node as usize];
                *meeting = meeting.saturating_add(1);
            }
            for (place, length_mm) in pieces(network, segment) {
                bounds = bounds.with(place);
                let sums = Sums {
                    length_mm: u64::from(street_mm(way, length_mm)),
                    crossings: 0,
                };
                cells.push((Cell::of(place), sums));
            }
        }
        let places = network.places.iter().zip(&meeting);
        cells.extend(
            places
                .filter(|(_, meeting)| **meeting >= 3)
                .map(|(place, _)| {
                    let sums = Sums {
                        length_mm: 0,
                        crossings: 1,
                    };
                    (Cell::of(*place), sums)
                }),
        );
        cells.sort_unstable();
        cells.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            if is_same {
                kept.1.add(next.1);
            }
            is_same
        });
        Self { cells, bounds }
    }

    fn is_town(&self, cell: Cell) -> bool {
        let mut square = Part::default();
        let mut near = Part::default();
        // To the south-west, south-east, north-west, north-east; the middle row and column are in two each.
        let mut quarters = [Part::default(); 4];
        for north in -AROUND..=AROUND {
            for (east, part) in (-AROUND..=AROUND).zip(self.row(cell.north(north))) {
                square.add(part);
                if north.abs() <= 1 && east.abs() <= 1 {
                    near.add(part);
                }
                let is_in = [
                    north <= 0 && east <= 0,
                    north <= 0 && east >= 0,
                    north >= 0 && east <= 0,
                    north >= 0 && east >= 0,
                ];
                for (quarter, _) in quarters.iter_mut().zip(is_in).filter(|(_, is_in)| *is_in) {
                    quarter.add(part);
                }
            }
        }
        let is_built_up = |quarter: &Part| {
            quarter.cells * 2 < QUARTER_CELLS || quarter.has_km_per_km2(QUARTER_KM_PER_KM2)
        };
        square.has_km_per_km2(TOWN_KM_PER_KM2)
            && quarters.iter().all(is_built_up)
            && near.has_crossings_per_km2(CROSSINGS_PER_KM2)
    }

    /// The cells of a square that lie in the row of `middle`, from west to east.
    fn row(&self, middle: Cell) -> impl Iterator<Item = Part> {
        let columns = middle.column - AROUND..=middle.column + AROUND;
        let known = self.bounds.columns(middle.row);
        let is_before =
            |(cell, _): &(Cell, Sums)| (cell.row, cell.column) < (middle.row, *columns.start());
        let first = self.cells.partition_point(is_before);
        let mut there = self
            .cells
            .get(first..)
            .unwrap_or_default()
            .iter()
            .peekable();
        columns.map(move |column| {
            let cell = Cell {
                row: middle.row,
                column,
            };
            Part {
                cells: u64::from(known.contains(&column)),
                sums: there
                    .next_if(|(there, _)| *there == cell)
                    .map_or_else(Sums::default, |found| found.1),
            }
        })
    }
}

impl Bounds {
    const NOWHERE: Self = Self {
        south_west: NodePlace {
            lat_e7: i32::MAX,
            lon_e7: i32::MAX,
        },
        north_east: NodePlace {
            lat_e7: i32::MIN,
            lon_e7: i32::MIN,
        },
    };

    fn with(self, place: NodePlace) -> Self {
        let (low, high) = (self.south_west, self.north_east);
        Self {
            south_west: NodePlace {
                lat_e7: low.lat_e7.min(place.lat_e7),
                lon_e7: low.lon_e7.min(place.lon_e7),
            },
            north_east: NodePlace {
                lat_e7: high.lat_e7.max(place.lat_e7),
                lon_e7: high.lon_e7.max(place.lon_e7),
            },
        }
    }

    /// Columns of a row that the map knows.
    #[expect(
        clippy::reversed_empty_ranges,
        reason = "of a row that it does not know none"
    )]
    fn columns(self, row: i32) -> RangeInclusive<i32> {
        let (low, high) = (self.south_west, self.north_east);
        if !(low.lat_e7.div_euclid(CELL_E7)..=high.lat_e7.div_euclid(CELL_E7)).contains(&row) {
            return 0..=-1;
        }
        let width = width_e7(row);
        low.lon_e7.div_euclid(width)..=high.lon_e7.div_euclid(width)
    }
}

/// Cells of a quarter of a square, and of the cells next to one with itself.
const QUARTER_CELLS: u64 = 9;

/// Some cells together.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    /// Number of those that the map knows.
    cells: u64,
    sums: Sums,
}

impl Part {
    fn add(&mut self, other: Self) {
        self.cells += other.cells;
        self.sums.add(other.sums);
    }

    fn has_km_per_km2(self, least: u64) -> bool {
        // As if the map knew a quarter of a square at least: two streets make no town.
        let area_m2 = self.cells.max(QUARTER_CELLS) * CELL_M * CELL_M;
        // A kilometre on a square kilometre is a millimetre on a square metre.
        self.sums.length_mm >= least * area_m2
    }

    fn has_crossings_per_km2(self, least: u64) -> bool {
        self.sums.crossings * 1_000_000 >= least * self.cells * CELL_M * CELL_M
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::DEGREE_M;
    use crate::roads::network::tests::way;
    use crate::roads::{SegmentNumber, WayInput};

    /// A map drawn in metres from a place, every line a way in pieces of 50 m.
    struct Drawing {
        south: f64,
        west: f64,
        nodes: Vec<(i64, NodePlace)>,
        ways: Vec<WayInput>,
    }

    impl Drawing {
        fn at(south: f64, west: f64) -> Self {
            Self {
                south,
                west,
                nodes: Vec::new(),
                ways: Vec::new(),
            }
        }

        /// Somewhere in Hunan.
        fn new() -> Self {
            Self::at(28.0, 112.9)
        }

        /// Adds a way along corners in metres east and north; its identifier is its number from 1.
        fn way(&mut self, corners: &[(i32, i32)]) -> &mut WayInput {
            let mut line = Vec::new();
            for pair in corners.windows(2) {
                let [from, to] = [pair[0], pair[1]];
                let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs()) / 50;
                line.extend((0..=steps).map(|step| {
                    let between = |from: i32, to: i32| from + (to - from) * step / steps;
                    self.node(between(from.0, to.0), between(from.1, to.1))
                }));
            }
            let id = i64::try_from(self.ways.len()).unwrap() + 1;
            self.ways.push(way(id, &line));
            self.ways.last_mut().unwrap()
        }

        fn node(&mut self, east_m: i32, north_m: i32) -> i64 {
            let id = i64::from(north_m) * 1_000_000 + i64::from(east_m);
            let e7 = |degrees: f64| {
                #[expect(clippy::cast_possible_truncation, reason = "degrees on earth")]
                let e7 = (degrees * 1e7).round() as i32;
                e7
            };
            let place = NodePlace {
                lat_e7: e7(self.south + f64::from(north_m) / DEGREE_M),
                lon_e7: e7(self.west + f64::from(east_m) / DEGREE_M / self.south.to_radians().cos()),
            };
            self.nodes.push((id, place));
            id
        }

        /// Streets every so many metres both ways, on a square.
        fn town(&mut self, corner: (i32, i32), side_m: i32, apart_m: i32) {
            for at in (0..=side_m / apart_m).map(|number| number * apart_m) {
                let (west, south) = corner;
                let (east, north) = (west + side_m, south + side_m);
                self.way(&[(west, south + at), (east, south + at)]);
                self.way(&[(west + at, south), (west + at, north)]);
            }
        }

        fn marked(&self) -> (RoadNetwork, Urban) {
            let mut nodes = self.nodes.clone();
            nodes.sort_unstable();
            nodes.dedup();
            let mut network = RoadNetwork::build(&nodes, self.ways.clone()).unwrap();
            let urban = mark(&mut network);
            (network, urban)
        }

        /// Identifiers of the urban ways.
        fn urban(&self) -> Vec<i64> {
            let (network, urban) = self.marked();
            let is_urban = |way: &&Way| way.flags.contains(WayFlags::URBAN);
            let ids: Vec<i64> = network
                .ways()
                .iter()
                .filter(is_urban)
                .map(|way| way.id)
                .collect();
            assert_eq!(urban.ways, ids.len() as u64);
            ids
        }
    }

    #[test]
    fn streets_of_a_town_are_urban_on_every_continent() {
        for (south, west) in [
            (28.0, 112.9),
            (-33.9, 18.4),
            (60.17, 24.94),
            (0.0, 0.0),
            (39.99, -0.01),
        ] {
            let mut map = Drawing::at(south, west);
            map.town((0, 0), 2000, 200);
            assert_eq!(map.urban().len(), 22, "{south} {west}");
            let (_, urban) = map.marked();
            assert_eq!(urban.length_m, urban.all_m);
            assert!((43_900..44_100).contains(&urban.all_m), "{urban:?}");
        }
    }

    #[test]
    fn wide_blocks_are_no_town() {
        let mut map = Drawing::new();
        map.town((0, 0), 4000, 500);
        assert!(map.urban().is_empty());
    }

    #[test]
    fn a_country_road_and_a_village_on_it_are_not() {
        let mut map = Drawing::new();
        map.way(&[(0, 0), (9000, 0)]);
        assert!(map.urban().is_empty());
        map.town((4000, 0), 300, 100);
        assert!(map.urban().is_empty());
    }

    #[test]
    fn a_village_alone_is_not_although_the_map_ends_there() {
        let mut map = Drawing::new();
        map.town((0, 0), 300, 100);
        assert!(map.urban().is_empty());
    }

    #[test]
    fn the_bends_of_a_mountain_road_are_not() {
        let mut map = Drawing::new();
        let bends = (0..20).flat_map(|bend| {
            let (up, down) = (bend * 100, bend * 100 + 50);
            [(0, up), (1200, up), (1200, down), (0, down)]
        });
        map.way(&bends.collect::<Vec<_>>());
        // Longer for its area than any town.
        let (_, urban) = map.marked();
        assert!(urban.all_m > 40_000, "{urban:?}");
        assert!(map.urban().is_empty());
    }

    #[test]
    fn a_bypass_is_not_and_a_way_is_one_as_a_whole() {
        let mut map = Drawing::new();
        let streets = 22;
        map.town((3000, 3000), 2000, 200);
        // Past the town, through it as one way, and through it as a way of its own.
        map.way(&[(0, 2000), (8000, 2000)]);
        map.way(&[(0, 3900), (8000, 3900)]);
        map.way(&[(3300, 4100), (4700, 4100)]);
        let urban = map.urban();
        assert!(!urban.contains(&(streets + 1)), "{urban:?}");
        assert!(!urban.contains(&(streets + 2)), "{urban:?}");
        assert!(urban.contains(&(streets + 3)), "{urban:?}");
    }

    #[test]
    fn what_the_map_says_stays_and_through_roads_are_no_streets() {
        let mut map = Drawing::new();
        map.town((0, 0), 2000, 200);
        let crossing = [(0, 900), (2000, 900)];
        map.way(&crossing).flags = WayFlags::HIGHWAY;
        map.way(&crossing).class = RoadClass::Trunk;
        map.way(&crossing).class = RoadClass::Motorway;
        map.way(&crossing).flags = WayFlags::EXPRESSWAY;
        map.way(&crossing).class = RoadClass::Service;
        map.way(&[(9000, 9000), (12_000, 9000)]).flags = WayFlags::URBAN;
        let urban = map.urban();
        // The streets along the four edges are in doubt, as the map goes on beyond.
        let (streets, others): (Vec<i64>, Vec<i64>) = urban.iter().partition(|id| **id <= 22);
        assert_eq!(streets.len(), 18);
        assert_eq!(others, [28]);
    }

    #[test]
    fn absurd_places_and_lengths_cost_nothing() {
        for (south, west) in [(89.99, 179.99), (-90.0, -180.0), (28.0, 179.999)] {
            let mut map = Drawing::at(south, west);
            map.way(&[(0, 0), (100, 0)]);
            map.way(&[(0, 0), (0, 100)]);
            assert!(map.urban().is_empty());
        }
        let mut map = Drawing::new();
        let far = [map.node(0, 0), map.node(90_000, 0)];
        map.ways.push(way(1, &far));
        let (network, urban) = map.marked();
        assert_eq!(
            pieces(&network, network.segment(SegmentNumber(0))).count(),
            0
        );
        assert_eq!(urban.ways, 0);
    }
}
