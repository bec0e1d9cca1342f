//! The roads that a fix may drive, as far as it tells by itself.
//!
//! Those within reach whose direction fits the course, without those from which another such road
//! takes the fix away by being nearer by far. Judging believes the matcher only where it answers
//! with one of these, so that the screen need not look at any other: whichever the matcher would
//! choose, the limit is that of one of them.

use super::index::Plane;
use super::network::{NodePlace, RoadNetwork, Segment, SegmentNumber};
use crate::model::rules::RoadRules;
use crate::model::{Course, Position};

/// How near a road must be, and how its direction may differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    /// Farthest. Unit: m.
    pub(super) reach_m: f64,
    /// Farthest beyond the nearest. Unit: m.
    pub(super) beside_m: f64,
    /// Largest difference from the course. Unit: degrees.
    pub(super) course_deg_max: u16,
}

impl From<&RoadRules> for Fit {
    fn from(rules: &RoadRules) -> Self {
        Self {
            reach_m: rules.reach_m,
            beside_m: rules.beside_m,
            course_deg_max: rules.course_deg_max,
        }
    }
}

/// The segments that a fix may be on and their distances in metres; `course` is `None` where it is not
/// to be believed.
pub(super) fn fitting(
    network: &RoadNetwork,
    fit: Fit,
    position: Position,
    course: Option<Course>,
) -> impl Iterator<Item = (f64, SegmentNumber)> + use<> {
    let place = NodePlace::from(position);
    let heading = course.map(|course| Heading::new(course, fit.course_deg_max));
    let around = Plane::at(place);
    let mut found: Vec<(f64, SegmentNumber)> = Vec::with_capacity(USUAL);
    let mut nearest_m = f64::INFINITY;
    network.near(place, fit.reach_m, |near| {
        let distance_m = near.foot.distance_m;
        if distance_m > nearest_m + fit.beside_m {
            return;
        }
        let segment = network.segment(near.segment);
        if heading.is_some_and(|heading| !heading.fits(network, &around, segment)) {
            return;
        }
        nearest_m = nearest_m.min(distance_m);
        found.push((distance_m, near.segment));
    });
    let bound_m = nearest_m + fit.beside_m;
    found
        .into_iter()
        .filter(move |(distance_m, _)| *distance_m <= bound_m)
}

/// Segments for which there is room at first; in a town there are about as many.
const USUAL: usize = 32;

/// A course, and how far a road may turn away from it.
#[derive(Clone, Copy, Debug)]
struct Heading {
    north: f64,
    east: f64,
    /// Cosine of the largest angle between them.
    least: f64,
}

impl Heading {
    fn new(course: Course, deg_max: u16) -> Self {
        let (east, north) = f64::from(course.degrees()).to_radians().sin_cos();
        Self {
            north,
            east,
            least: f64::from(deg_max).to_radians().cos(),
        }
    }

    fn fits(&self, network: &RoadNetwork, plane: &Plane, segment: &Segment) -> bool {
        let (from_north, from_east) = plane.offset(network.place(segment.from()));
        let (to_north, to_east) = plane.offset(network.place(segment.to()));
        let (north, east) = (to_north - from_north, to_east - from_east);
        let length = (north * north + east * east).sqrt();
        // A segment without a length has no direction.
        length > 0.0 && north * self.north + east * self.east >= self.least * length
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roads::network::tests::way;
    use crate::rulebook::{default_document, parse};

    /// Metres of 1e-7 degrees of latitude.
    const E7_M: f64 = 0.011_119_5;

    /// Parallel roads northward, 2 km long, so many metres east of each other; one across at their middle.
    fn parallels(east_m: &[f64]) -> RoadNetwork {
        let at = |north_m: f64, east_m: f64| {
            #[expect(clippy::cast_possible_truncation, reason = "degrees on earth")]
            let e7 = |metres: f64| (metres / E7_M).round() as i32;
            NodePlace {
                lat_e7: e7(north_m),
                lon_e7: 1_120_000_000 + e7(east_m),
            }
        };
        let mut nodes = Vec::new();
        let mut ways = Vec::new();
        let lines = east_m
            .iter()
            .map(|east_m| [at(-1000.0, *east_m), at(1000.0, *east_m)]);
        for ends in lines.chain([[at(0.0, -500.0), at(0.0, 500.0)]]) {
            let id = i64::try_from(nodes.len()).unwrap();
            nodes.extend([(id, ends[0]), (id + 1, ends[1])]);
            ways.push(way(100 + id, &[id, id + 1]));
        }
        RoadNetwork::build(&nodes, ways).unwrap()
    }

    /// Ways, and whether in their own direction, that fit a fix so many metres east of the first road.
    fn check(network: &RoadNetwork, east_m: f64, course: Option<u16>) -> String {
        let rules = parse(default_document()).unwrap().roads;
        let position = Position::from_degrees(0.0001, 112.0 + east_m / E7_M / 1e7).unwrap();
        let course = course.map(|degrees| Course::from_degrees(degrees).unwrap());
        let mut found: Vec<String> = fitting(network, Fit::from(&rules), position, course)
            .map(|(_, number)| {
                let sign = if network.segment(number).is_backward() {
                    '-'
                } else {
                    '+'
                };
                format!("{}{sign}", network.way_of(number).id)
            })
            .collect();
        found.sort();
        found.join(" ")
    }

    #[test]
    fn a_road_that_is_nearer_by_far_takes_the_fix_away() {
        let network = parallels(&[0.0, 18.0, 40.0]);
        assert_eq!(check(&network, 0.0, Some(0)), "100+ 102+");
        assert_eq!(check(&network, 25.0, Some(0)), "100+ 102+ 104+");
        assert_eq!(check(&network, 40.0, Some(0)), "104+");
    }

    #[test]
    fn what_is_out_of_reach_fits_never() {
        let network = parallels(&[0.0]);
        assert_eq!(check(&network, 45.0, Some(0)), "100+");
        assert_eq!(check(&network, 55.0, Some(0)), "");
    }

    #[test]
    fn a_road_across_fits_only_without_a_course_and_takes_nothing_away() {
        let network = parallels(&[30.0]);
        assert_eq!(check(&network, 0.0, Some(0)), "100+");
        assert_eq!(check(&network, 0.0, Some(180)), "100-");
        assert_eq!(check(&network, 0.0, Some(90)), "102+");
        assert_eq!(check(&network, 0.0, Some(59)), "100+ 102+");
        assert_eq!(check(&network, 0.0, None), "100+ 100- 102+ 102-");
    }
}
