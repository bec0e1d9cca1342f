//! The roads on which a fix may lie.

use super::estimate::Line;
use super::settings::Settings;
use super::{Roads, Sighting};
use crate::model::{Course, RoadClass};
use crate::roads::index::{Near, Plane};
use crate::roads::network::{RoadNetwork, SegmentNumber, WayFlags};

/// Most candidates of a fix; the nearest are kept.
pub(super) const CANDIDATES_MAX: usize = 64;

/// Speed below which a course says nothing. Unit: m/s.
const COURSE_SPEED_MIN: f64 = 0.7;

/// Part of the course's error that falls as speed rises. Unit: degrees times m/s.
const COURSE_ERROR_SLOW: f64 = 15.0;

/// The same for the length of a segment, whose ends are drawn with an error. Unit: degrees times m.
const COURSE_ERROR_SHORT: f64 = 40.0;

/// Most that the last can be. Unit: degrees.
const COURSE_ERROR_SHORT_MAX: f64 = 30.0;

/// A segment on which a fix may lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) segment: u32,
    /// The segment as seen from the fix.
    pub(super) line: Line,
    /// What the course says against it. Unit: nats.
    pub(super) course_nats: f64,
    /// What the distance alone says against it. Unit: nats.
    pub(super) distance_nats: f64,
    /// What its kind says against it when it is come upon. Unit: nats.
    pub(super) kind_nats: f64,
    /// What the reported speed says against it. Unit: nats.
    pub(super) haste_nats: f64,
    distance_m: f64,
}

/// Puts the candidates of a fix into `found`, by number of the segment.
pub(super) fn find(
    roads: &Roads<'_>,
    sighting: &Sighting,
    is_sparse: bool,
    found: &mut Vec<Candidate>,
) {
    let settings = roads.settings;
    let witness = Witness {
        roads,
        plane: Plane::at(sighting.place()),
        course: CourseWitness::new(settings, sighting, is_sparse),
        speed: sighting.speed_m_s(),
    };
    let look = |reach_m: f64, found: &mut Vec<Candidate>| {
        found.clear();
        roads.network.near(sighting.place(), reach_m, |near| {
            found.push(witness.candidate(&near));
        });
    };
    look(settings.reach_m, found);
    let nearest = found.iter().map(|candidate| candidate.distance_m);
    if nearest.fold(f64::INFINITY, f64::min) > settings.reach_m / 2.0 {
        look(settings.far_reach_m, found);
    }
    if found.len() > CANDIDATES_MAX {
        found.sort_unstable_by(|a, b| {
            let by_distance = a.distance_m.total_cmp(&b.distance_m);
            by_distance.then(a.segment.cmp(&b.segment))
        });
        found.truncate(CANDIDATES_MAX);
    }
    found.sort_unstable_by_key(|candidate| candidate.segment);
}

/// A fix as a witness for or against roads.
struct Witness<'a> {
    roads: &'a Roads<'a>,
    plane: Plane,
    course: Option<CourseWitness>,
    /// Unit: m/s.
    speed: f64,
}

impl Witness<'_> {
    fn candidate(&self, near: &Near) -> Candidate {
        let Roads {
            network, settings, ..
        } = self.roads;
        let line = line(network, &self.plane, near.segment);
        let distance_m = near.foot.distance_m;
        let variance = settings.slow_m2() + settings.fast_m2();
        let course = self.course.as_ref();
        Candidate {
            segment: near.segment.0,
            line,
            course_nats: course.map_or(0.0, |course| course.against(&line)),
            distance_nats: 0.5 * distance_m * distance_m / variance,
            kind_nats: kind_nats(network, settings, near.segment),
            haste_nats: haste_nats(self.roads, near.segment.0, self.speed),
            distance_m,
        }
    }
}

/// Few are much faster than their road allows; never is too strong a word for that too.
///
/// `speed` in m/s.
pub(super) fn haste_nats(roads: &Roads<'_>, segment: u32, speed: f64) -> f64 {
    let settings = roads.settings;
    let over = speed / roads.keys.pace(roads.network, segment) - settings.haste_from;
    let share = over / (settings.haste_to - settings.haste_from);
    settings.haste_nats_max * share.clamp(0.0, 1.0)
}

/// Shortest length of a line, so that it has a direction. Unit: m.
const LENGTH_MIN_M: f64 = 0.01;

fn line(network: &RoadNetwork, plane: &Plane, segment: SegmentNumber) -> Line {
    let segment = network.segment(segment);
    let (north, east) = plane.offset(network.place(segment.from()));
    let (to_north, to_east) = plane.offset(network.place(segment.to()));
    let (along_north, along_east) = (to_north - north, to_east - east);
    let length = (along_north * along_north + along_east * along_east).sqrt();
    let length = length.max(LENGTH_MIN_M);
    Line {
        east,
        north,
        toward_east: along_east / length,
        toward_north: along_north / length,
        length,
    }
}

/// Fleets seldom drive where access is for a site or for a few; never is too strong a word for it.
pub(super) fn kind_nats(network: &RoadNetwork, settings: &Settings, segment: SegmentNumber) -> f64 {
    let way = network.way_of(segment);
    if way.flags.contains(WayFlags::RESTRICTED) {
        settings.restricted_nats
    } else if way.class == RoadClass::Service {
        settings.service_nats
    } else {
        0.0
    }
}

/// The reported course as a witness for or against the direction of a road.
struct CourseWitness {
    course_deg: f64,
    /// Variance that does not depend on the road. Unit: square degrees.
    variance: f64,
    nats_max: f64,
    share: f64,
}

impl CourseWitness {
    fn new(settings: &Settings, sighting: &Sighting, is_sparse: bool) -> Option<Self> {
        let speed = sighting.speed_m_s();
        let course = sighting.course.filter(|_| speed >= COURSE_SPEED_MIN)?;
        let share = if is_sparse {
            1.0
        } else {
            settings.course_share_dense
        };
        Some(Self {
            course_deg: f64::from(Course::degrees(course)),
            variance: settings.course_error_deg.powi(2) + (COURSE_ERROR_SLOW / speed).powi(2),
            nats_max: settings.course_nats_max,
            share,
        })
    }

    /// What it says against a line: as a normal error near by, and never more than the bound,
    /// because a course may be stale or wrong. Unit: nats.
    fn against(&self, line: &Line) -> f64 {
        let line_deg = line.toward_east.atan2(line.toward_north).to_degrees();
        let turned = (line_deg - self.course_deg).rem_euclid(360.0);
        let off = turned.min(360.0 - turned);
        let short = (COURSE_ERROR_SHORT / line.length).min(COURSE_ERROR_SHORT_MAX);
        let nats = 0.5 * off * off / (self.variance + short * short);
        self.share * self.nats_max * (1.0 - (-nats / self.nats_max).exp())
    }
}
