//! Finds the segments near a place.
//!
//! Segments are ordered by the node where they begin and nodes along a Hilbert curve, so that a
//! run of consecutive segments is a small place. An R-tree holds the boxes of the runs and not of
//! single segments: it is an eighth of the size, is built in a fraction of a second for millions
//! of segments when a map is loaded, and a run is scanned faster than the tree would be walked. The
//! ends of the segments lie once more beside each other in the order of the runs: most that are
//! scanned are not near, and of these nothing else is read.

use rstar::{AABB, RTreeObject};

use super::network::{NONE, NodePlace, Segment, SegmentNumber};
use crate::geo::DEGREE_M;
use crate::geo::tree::Tree;

/// Lines in a run.
const RUN: usize = 8;

/// A segment near a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    /// The segment.
    pub segment: SegmentNumber,
    /// Where the place lies beside it.
    pub foot: Foot,
}

/// Where a place lies beside a segment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Foot {
    /// Distance to the nearest point of the segment. Unit: m.
    pub distance_m: f64,
    /// Share of the segment that lies before that point, `0..=1`.
    pub share: f64,
}

/// The boxes of all runs, and the lines in them.
#[derive(Debug)]
pub(super) struct Index {
    tree: Tree<Run>,
    lines: Vec<Line>,
}

/// Where a segment lies, and its twin: of the two the one with the lower number is held.
#[derive(Clone, Copy, Debug)]
struct Line {
    from: NodePlace,
    to: NodePlace,
    number: u32,
}

impl Index {
    /// The index of segments in their final order.
    pub(super) fn new(places: &[NodePlace], segments: &[Segment]) -> Self {
        let own = (0_u32..).zip(segments);
        let own = own.filter(|(number, segment)| segment.twin == NONE || *number < segment.twin);
        let lines: Vec<Line> = own
            .map(|(number, segment)| Line {
                from: places[segment.from as usize],
                to: places[segment.to as usize],
                number,
            })
            .collect();
        let starts = (0_u32..).step_by(RUN);
        let runs = starts.zip(lines.chunks(RUN)).filter_map(|(first, run)| {
            let mut corners = run.iter().flat_map(|line| [line.from, line.to]);
            let one = corners.next()?;
            let (low, high) = corners.fold((one, one), |(low, high), place| {
                (
                    NodePlace {
                        lat_e7: low.lat_e7.min(place.lat_e7),
                        lon_e7: low.lon_e7.min(place.lon_e7),
                    },
                    NodePlace {
                        lat_e7: high.lat_e7.max(place.lat_e7),
                        lon_e7: high.lon_e7.max(place.lon_e7),
                    },
                )
            });
            Some(Run {
                first,
                low: [low.lat_e7.div_euclid(10), low.lon_e7.div_euclid(10)],
                high: [
                    high.lat_e7.div_euclid(10) + 1,
                    high.lon_e7.div_euclid(10) + 1,
                ],
            })
        });
        Self {
            tree: Tree::new(runs.collect()),
            lines,
        }
    }

    /// Bytes of the lines and of the tree: its leaves, and as much again as its inner nodes have for them.
    pub(super) fn memory_bytes(&self) -> usize {
        self.lines.capacity() * size_of::<Line>() + self.tree.len() * size_of::<Run>() * 2
    }

    /// Every segment with a point within `bound_m` of a place.
    pub(super) fn near(
        &self,
        segments: &[Segment],
        place: NodePlace,
        bound_m: f64,
        mut found: impl FnMut(Near),
    ) {
        let around = Plane::at(place);
        let square = Square::new(&around, bound_m);
        self.tree.each_in(square.envelope(), |run| {
            let first = run.first as usize;
            let end = self.lines.len().min(first + RUN);
            for line in &self.lines[first..end] {
                if square.is_beside(line.from, line.to) {
                    continue;
                }
                let foot = around.foot(line.from, line.to);
                if foot.distance_m > bound_m {
                    continue;
                }
                found(Near {
                    segment: SegmentNumber(line.number),
                    foot,
                });
                if let Some(twin) = segments[line.number as usize].twin() {
                    found(Near {
                        segment: twin,
                        foot: Foot {
                            share: 1.0 - foot.share,
                            ..foot
                        },
                    });
                }
            }
        });
    }
}

/// A plane around a place in which short distances are right to 1 part in 1,000.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plane {
    centre: NodePlace,
    /// Metres of 1e-7 degrees of longitude.
    east_m: f64,
}

/// Metres of 1e-7 degrees of latitude.
const NORTH_M: f64 = DEGREE_M / 1e7;

impl Plane {
    /// The plane around `centre`.
    pub(super) fn at(centre: NodePlace) -> Self {
        let lat = (f64::from(centre.lat_e7) / 1e7).to_radians();
        Self {
            centre,
            east_m: NORTH_M * lat.cos().max(1e-3),
        }
    }

    /// The same plane seen from another place nearby.
    pub(super) const fn moved_to(self, centre: NodePlace) -> Self {
        Self { centre, ..self }
    }

    /// From the centre to a place, north and east. Unit: m.
    pub(super) fn offset(&self, place: NodePlace) -> (f64, f64) {
        (
            (f64::from(place.lat_e7) - f64::from(self.centre.lat_e7)) * NORTH_M,
            (f64::from(place.lon_e7) - f64::from(self.centre.lon_e7)) * self.east_m,
        )
    }

    /// Where the centre lies beside the line from one place to another.
    pub(super) fn foot(&self, from: NodePlace, to: NodePlace) -> Foot {
        let (from_north, from_east) = self.offset(from);
        let (to_north, to_east) = self.offset(to);
        let (north, east) = (to_north - from_north, to_east - from_east);
        let length_2 = north * north + east * east;
        let share = if length_2 > 0.0 {
            (-(from_north * north + from_east * east) / length_2).clamp(0.0, 1.0)
        } else {
            0.0
        };
        let (off_north, off_east) = (from_north + share * north, from_east + share * east);
        Foot {
            distance_m: (off_north * off_north + off_east * off_east).sqrt(),
            share,
        }
    }

    /// Direction from one place to another. Unit: degrees clockwise from north, `0..360`.
    pub(super) fn direction_deg(&self, from: NodePlace, to: NodePlace) -> f64 {
        let (from_north, from_east) = self.offset(from);
        let (to_north, to_east) = self.offset(to);
        let radians = (to_east - from_east).atan2(to_north - from_north);
        radians.to_degrees().rem_euclid(360.0)
    }

    /// A length as differences of latitude and longitude, rounded up. Unit: 1e-7 degrees.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "more than fits is the whole earth, which saturates"
    )]
    pub(super) fn units(&self, length_m: f64) -> (i32, i32) {
        let units = |metre: f64| (length_m / metre).ceil() as i32;
        (units(NORTH_M), units(self.east_m))
    }

    /// Differences of latitude and longitude in 1e-7 degrees as lengths. Unit: m.
    pub(super) fn metres_of(&self, north_e7: i64, east_e7: i64) -> (f64, f64) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "the sides of a cell are far below 2^52"
        )]
        let (north, east) = (north_e7 as f64, east_e7 as f64);
        (north * NORTH_M, east * self.east_m)
    }
}

/// The box of everything within a distance of a place.
///
/// Unit: 1e-7 degrees.
#[derive(Clone, Copy, Debug)]
struct Square {
    low: NodePlace,
    high: NodePlace,
}

impl Square {
    fn new(around: &Plane, bound_m: f64) -> Self {
        let (north, east) = around.units(bound_m);
        let NodePlace { lat_e7, lon_e7 } = around.centre;
        let corner = |lat_e7, lon_e7| NodePlace { lat_e7, lon_e7 };
        Self {
            low: corner(
                lat_e7.saturating_sub(north).saturating_sub(1),
                lon_e7.saturating_sub(east).saturating_sub(1),
            ),
            high: corner(
                lat_e7.saturating_add(north).saturating_add(1),
                lon_e7.saturating_add(east).saturating_add(1),
            ),
        }
    }

    /// Whether a line from one place to another lies on one side of it, whole.
    const fn is_beside(&self, from: NodePlace, to: NodePlace) -> bool {
        from.lat_e7 < self.low.lat_e7 && to.lat_e7 < self.low.lat_e7
            || from.lat_e7 > self.high.lat_e7 && to.lat_e7 > self.high.lat_e7
            || from.lon_e7 < self.low.lon_e7 && to.lon_e7 < self.low.lon_e7
            || from.lon_e7 > self.high.lon_e7 && to.lon_e7 > self.high.lon_e7
    }

    /// The same for the tree. Unit: millionths of a degree, rounded outwards.
    fn envelope(&self) -> AABB<[i32; 2]> {
        let outward = |e7: i32, by: i32| e7.div_euclid(10).saturating_add(by);
        AABB::from_corners(
            [outward(self.low.lat_e7, 0), outward(self.low.lon_e7, 0)],
            [outward(self.high.lat_e7, 1), outward(self.high.lon_e7, 1)],
        )
    }
}

/// Straight distance of two places near each other. Unit: m.
pub(super) fn metres(a: NodePlace, b: NodePlace) -> f64 {
    let middle = NodePlace {
        lat_e7: a.lat_e7 / 2 + b.lat_e7 / 2,
        ..a
    };
    let plane = Plane::at(middle);
    let north = (f64::from(a.lat_e7) - f64::from(b.lat_e7)) * NORTH_M;
    let east = (f64::from(a.lon_e7) - f64::from(b.lon_e7)) * plane.east_m;
    north.hypot(east)
}

/// A run of lines as the tree keeps it: its first line and its box.
///
/// Unit: millionths of a degree, latitude first; rounded outwards.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: u32,
    low: [i32; 2],
    high: [i32; 2],
}

impl RTreeObject for Run {
    type Envelope = AABB<[i32; 2]>;

    fn envelope(&self) -> Self::Envelope {
        AABB::from_corners(self.low, self.high)
    }
}

/// Bits of each coordinate on the curve: cells of about 2 m.
const CURVE_BITS: u32 = 24;

/// The place of a node on a Hilbert curve over the earth.
pub(super) fn hilbert(place: NodePlace) -> u64 {
    let cell = |e7: i32, least: i64, span: i64| {
        let from_least = (i64::from(e7) - least).clamp(0, span - 1);
        (from_least << CURVE_BITS) / span
    };
    let mut x = cell(place.lon_e7, -1_800_000_000, 3_600_000_001);
    let mut y = cell(place.lat_e7, -1_800_000_000, 3_600_000_001);
    let mut along = 0;
    let mut side = 1_i64 << (CURVE_BITS - 1);
    while side > 0 {
        let right = i64::from(x & side > 0);
        let upper = i64::from(y & side > 0);
        along += side * side * ((3 * right) ^ upper);
        if upper == 0 {
            if right == 1 {
                x = (1 << CURVE_BITS) - 1 - x;
                y = (1 << CURVE_BITS) - 1 - y;
            }
            std::mem::swap(&mut x, &mut y);
        }
        side >>= 1;
    }
    along.cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roads::network::tests::grid;

    #[test]
    fn the_tree_agrees_with_a_plain_scan() {
        let network = grid(30);
        for step in 0..300 {
            let place = NodePlace {
                lat_e7: 280_000_000 + step * 10_007,
                lon_e7: 1_120_000_000 + (step % 37) * 80_021,
            };
            let around = Plane::at(place);
            let mut found = Vec::new();
            network.near(place, 80.0, |near| found.push(near.segment.0));
            found.sort_unstable();
            let is_near = |segment: &Segment| {
                let ends = network.ends(segment);
                around.foot(ends[0], ends[1]).distance_m <= 80.0
            };
            let segments = (0_u32..).zip(network.segments());
            let plain: Vec<u32> = segments
                .filter(|(_, segment)| is_near(segment))
                .map(|(number, _)| number)
                .collect();
            assert_eq!(found, plain, "{step}");
        }
    }

    #[test]
    fn a_twin_is_seen_from_its_own_beginning() {
        let network = grid(2);
        let place = NodePlace {
            lat_e7: 280_002_500,
            lon_e7: 1_120_000_000,
        };
        let mut shares = Vec::new();
        network.near(place, 5.0, |near| {
            shares.push((near.foot.share * 100.0).round());
        });
        shares.sort_by(f64::total_cmp);
        assert_eq!(shares, [25.0, 75.0]);
    }

    #[test]
    fn the_curve_keeps_neighbours_together() {
        let at = |lat_e7, lon_e7| hilbert(NodePlace { lat_e7, lon_e7 });
        let here = at(281_000_000, 1_129_000_000);
        let near = at(281_000_300, 1_129_000_300).abs_diff(here);
        let far = at(481_000_000, 29_000_000).abs_diff(here);
        assert!(near < far / 1_000_000, "{near} {far}");
        at(i32::MAX, i32::MIN);
    }

    #[test]
    fn a_place_at_the_edge_of_the_earth_is_no_trouble() {
        let network = grid(2);
        for (lat_e7, lon_e7) in [
            (900_000_000, 1_800_000_000),
            (-900_000_000, -1_800_000_000),
            (i32::MIN, i32::MAX),
        ] {
            network.near(NodePlace { lat_e7, lon_e7 }, 100.0, |near| {
                panic!("{near:?}")
            });
        }
    }
}
