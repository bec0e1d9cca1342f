//! The operator's limits, laid over a map: which segments each one is for.

use crate::model::road::{OverrideTarget, RoadOverride};
use crate::model::{Position, Timestamp, VehicleClass};

use super::{LimitOrigin, RoadLimit};
use crate::roads::index::Plane;
use crate::roads::network::{NodePlace, RoadNetwork, Segment, SegmentNumber, count};

/// Largest difference in direction of a drawn line and a segment along it. Unit: degrees.
const LINE_DEGREES_MAX: f64 = 40.0;

/// Overrides with the segments of one map.
#[derive(Debug, Default)]
pub struct Overrides {
    list: Vec<RoadOverride>,
    /// Segment and place in the list, ascending.
    on: Vec<(u32, u32)>,
}

impl Overrides {
    /// Finds the segments of each override.
    pub fn new(network: &RoadNetwork, list: Vec<RoadOverride>) -> Self {
        let mut on = Vec::new();
        for (place, set) in (0..).zip(&list) {
            segments(network, &set.target, &mut |segment| {
                on.push((segment.0, place));
            });
        }
        on.sort_unstable();
        on.dedup();
        Self { list, on }
    }

    /// The overrides on a segment, in the order in which they were given.
    pub fn on(&self, segment: SegmentNumber) -> impl Iterator<Item = &RoadOverride> {
        let first = self.on.partition_point(|(on, _)| *on < segment.0);
        self.on
            .get(first..)
            .unwrap_or_default()
            .iter()
            .take_while(move |(on, _)| *on == segment.0)
            .filter_map(|(_, place)| self.list.get(*place as usize))
    }

    /// The override that holds on a segment: the one that began last, of these the lowest.
    pub fn find(
        &self,
        segment: SegmentNumber,
        class: Option<VehicleClass>,
        time: Timestamp,
    ) -> Option<&RoadOverride> {
        self.on(segment)
            .filter(|set| set.holds(class, time))
            .max_by_key(|set| (set.from, std::cmp::Reverse(set.limit)))
    }

    /// The limit of the override that holds on a segment; see [`Self::find`].
    pub fn limit(
        &self,
        segment: SegmentNumber,
        class: Option<VehicleClass>,
        time: Timestamp,
    ) -> Option<RoadLimit> {
        let set = self.find(segment, class, time)?;
        Some(RoadLimit::of(set.limit, LimitOrigin::Override))
    }

    /// Overrides that no road of the map answers to.
    pub fn unused(&self) -> impl Iterator<Item = &RoadOverride> {
        let mut used = vec![false; self.list.len()];
        for (_, place) in &self.on {
            if let Some(used) = used.get_mut(*place as usize) {
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

/// Gives every segment of a target.
fn segments(network: &RoadNetwork, target: &OverrideTarget, found: &mut dyn FnMut(SegmentNumber)) {
    match target {
        OverrideTarget::Way { id, backward } => {
            let Some(way) = network.find_way(*id) else {
                return;
            };
            each(network, found, |segment| {
                segment.way() == way
                    && backward.is_none_or(|backward| backward == segment.is_backward())
            });
        }
        OverrideTarget::Name { name, stretch } => each(network, found, |segment| {
            let way = network.way(segment.way());
            network.name(way) == name
                && stretch.is_none_or(|stretch| is_inside(middle(network, segment), stretch))
        }),
        OverrideTarget::Line {
            line,
            half_width_m,
            one_direction,
        } => along(network, line, *half_width_m, *one_direction, found),
    }
}

fn each(
    network: &RoadNetwork,
    found: &mut dyn FnMut(SegmentNumber),
    is_meant: impl Fn(&Segment) -> bool,
) {
    for (number, segment) in (0..).map(SegmentNumber).zip(network.segments()) {
        if is_meant(segment) {
            found(number);
        }
    }
}

fn middle(network: &RoadNetwork, segment: &Segment) -> NodePlace {
    let (from, to) = (network.place(segment.from()), network.place(segment.to()));
    NodePlace {
        lat_e7: from.lat_e7 / 2 + to.lat_e7 / 2,
        lon_e7: from.lon_e7 / 2 + to.lon_e7 / 2,
    }
}

fn is_inside(place: NodePlace, (one, other): (Position, Position)) -> bool {
    let between = |value: i32, a: i32, b: i32| (a.min(b)..=a.max(b)).contains(&value);
    let place = place.position();
    between(place.lat_udeg, one.lat_udeg, other.lat_udeg)
        && between(place.lon_udeg, one.lon_udeg, other.lon_udeg)
}

/// Segments that lie along a drawn line: their middle within the half-width, their direction like it.
fn along(
    network: &RoadNetwork,
    line: &[Position],
    half_width_m: f64,
    one_direction: bool,
    found: &mut dyn FnMut(SegmentNumber),
) {
    let pieces: Vec<(NodePlace, NodePlace)> = line
        .windows(2)
        .filter_map(|pair| match pair {
            [from, to] => Some((node_place(*from), node_place(*to))),
            _ => None,
        })
        .collect();
    let Some(bounds) = Bounds::of(&pieces, half_width_m) else {
        return;
    };
    for number in (0..count(network.len())).map(SegmentNumber) {
        let segment = network.segment(number);
        let centre = middle(network, segment);
        if !bounds.contains(centre) {
            continue;
        }
        let plane = Plane::at(centre);
        let direction =
            plane.direction_deg(network.place(segment.from()), network.place(segment.to()));
        let nearest = pieces
            .iter()
            .map(|(from, to)| {
                (
                    plane.foot(*from, *to).distance_m,
                    plane.direction_deg(*from, *to),
                )
            })
            .min_by(|a, b| a.0.total_cmp(&b.0));
        let is_along = nearest.is_some_and(|(distance_m, of_line)| {
            let apart = apart_deg(direction, of_line);
            let apart = if one_direction {
                apart
            } else {
                apart.min(180.0 - apart)
            };
            distance_m <= half_width_m && apart <= LINE_DEGREES_MAX
        });
        if is_along {
            found(number);
        }
    }
}

/// A box around a line.
struct Bounds {
    low: NodePlace,
    high: NodePlace,
}

impl Bounds {
    fn of(pieces: &[(NodePlace, NodePlace)], margin_m: f64) -> Option<Self> {
        let ends = || pieces.iter().flat_map(|(from, to)| [*from, *to]);
        let lats = || ends().map(|place| place.lat_e7);
        let lons = || ends().map(|place| place.lon_e7);
        let (south, north) = (lats().min()?, lats().max()?);
        let widest = Plane::at(NodePlace {
            lat_e7: if north.abs() > south.abs() {
                north
            } else {
                south
            },
            lon_e7: 0,
        });
        let (up, right) = widest.units(margin_m);
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

    fn contains(&self, place: NodePlace) -> bool {
        (self.low.lat_e7..=self.high.lat_e7).contains(&place.lat_e7)
            && (self.low.lon_e7..=self.high.lon_e7).contains(&place.lon_e7)
    }
}

fn node_place(position: Position) -> NodePlace {
    NodePlace {
        lat_e7: position.lat_udeg.saturating_mul(10),
        lon_e7: position.lon_udeg.saturating_mul(10),
    }
}

/// Difference of two directions. Unit: degrees, `0..=180`.
pub(crate) fn apart_deg(a: f64, b: f64) -> f64 {
    let apart = (a - b).rem_euclid(360.0);
    apart.min(360.0 - apart)
}
