//! Drives made up on any map: other roads, seeds and errors than the shared sets have.
//!
//! A vehicle drives quick ways to random goals, slows down for corners, sometimes waits, and
//! reports whole km/h and degrees once a second with errors of a chosen kind.

use std::collections::{BTreeMap, BTreeSet};

use roadwarden::model::{Course, Position, RoadClass, Speed};
use roadwarden::roads::matching::Sighting;
use roadwarden::roads::{NodeNumber, RoadNetwork, SegmentNumber, WayFlags};

use super::truth::TrueFix;

/// Errors of positioning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Errors {
    /// Of the part that changes slowly. Unit: m.
    pub(crate) slow_m: f64,
    /// How slowly. Unit: s.
    pub(crate) slow_s: f64,
    /// Of the part that is new each second. Unit: m.
    pub(crate) fast_m: f64,
}

/// How vehicles drive.
#[derive(Clone, Copy)]
pub(crate) struct Manner<'a> {
    pub(crate) errors: Errors,
    /// Least and greatest share of the usual speed at which a vehicle goes.
    pub(crate) haste: (f64, f64),
    /// Goals of a drive, one after the other.
    pub(crate) goals: usize,
    /// Longest drive. Unit: s.
    pub(crate) seconds_max: usize,
    /// Usual speed on a road. Unit: m/s.
    pub(crate) usual: &'a dyn Fn(&RoadNetwork, SegmentNumber) -> f64,
    /// Whether a vehicle is slow enough already when it comes to a slower road.
    pub(crate) brakes_ahead: bool,
}

/// `count` drives of at most ten minutes, some of them too fast.
pub(crate) fn drives(
    network: &RoadNetwork,
    seed: u64,
    count: usize,
    errors: Errors,
) -> Vec<Vec<TrueFix>> {
    let manner = Manner {
        errors,
        haste: (0.7, 1.3),
        goals: 1,
        seconds_max: 600,
        usual: &usual,
        brakes_ahead: false,
    };
    drives_in(network, seed, count, manner)
}

/// `count` drives.
pub(crate) fn drives_in(
    network: &RoadNetwork,
    seed: u64,
    count: usize,
    manner: Manner<'_>,
) -> Vec<Vec<TrueFix>> {
    let mut chance = Chance(seed.max(1));
    let mut drives = Vec::new();
    for _ in 0..count * 50 {
        if drives.len() == count {
            break;
        }
        let mut way = Vec::new();
        let mut at = chance.node(network);
        for _ in 0..manner.goals {
            way.extend(quick_way(network, at, &mut chance, manner.usual));
            at = way.last().map_or(at, |last| network.segment(*last).to());
        }
        let length_m: f64 = way.iter().map(|one| network.segment(*one).length_m()).sum();
        if length_m > 800.0 {
            drives.push(drive(network, &way, &mut chance, manner));
        }
    }
    drives
}

/// One drive along each of these ways.
pub(crate) fn drives_along(
    network: &RoadNetwork,
    seed: u64,
    ways: &[Vec<SegmentNumber>],
    manner: Manner<'_>,
) -> Vec<Vec<TrueFix>> {
    let mut chance = Chance(seed.max(1));
    ways.iter()
        .map(|way| drive(network, way, &mut chance, manner))
        .collect()
}

/// Ways that keep to one kind of road and go straight on while they can, one for each kind and a
/// share of the map, so that they cover it.
pub(crate) fn straight_ways(
    network: &RoadNetwork,
    seed: u64,
    starts_per_kind: usize,
    is_wanted: impl Fn(SegmentNumber) -> bool,
) -> Vec<Vec<SegmentNumber>> {
    let kind = |segment| {
        let way = network.way_of(segment);
        (way.class.code(), way.flags.contains(WayFlags::LINK))
    };
    let mut of_kind: BTreeMap<(u8, bool), Vec<SegmentNumber>> = BTreeMap::new();
    let count = u32::try_from(network.len()).unwrap();
    for segment in (0..count).map(SegmentNumber) {
        if network.way_of(segment).class != RoadClass::Service && is_wanted(segment) {
            of_kind.entry(kind(segment)).or_default().push(segment);
        }
    }
    let mut chance = Chance(seed.max(1));
    let mut ways = Vec::new();
    for segments in of_kind.values() {
        for _ in 0..starts_per_kind {
            let number = chance.next() % u64::try_from(segments.len()).unwrap();
            let start = segments[usize::try_from(number).unwrap()];
            ways.push(straight_on(network, start, &kind));
        }
    }
    ways
}

/// How far a vehicle goes straight on. Unit: m.
const STRAIGHT_M: f64 = 12_000.0;

/// On from a segment, along segments of its kind where there are any.
fn straight_on<K: PartialEq>(
    network: &RoadNetwork,
    start: SegmentNumber,
    kind: &dyn Fn(SegmentNumber) -> K,
) -> Vec<SegmentNumber> {
    let mut way = vec![start];
    let mut left_m = STRAIGHT_M;
    while left_m > 0.0 {
        let last = *way.last().unwrap();
        left_m -= network.segment(last).length_m().max(1.0);
        let leaving = network.leaving(network.segment(last).to());
        let next = leaving
            .filter(|next| network.segment(*next).to() != network.segment(last).from())
            .max_by_key(|next| {
                let straight = straightness(network, last, *next) * 1000.0;
                #[expect(clippy::cast_possible_truncation, reason = "thousandths")]
                let straight = straight as i32;
                (kind(*next) == kind(last), straight)
            });
        let Some(next) = next else { break };
        way.push(next);
    }
    way
}

/// Numbers that look random, the same for a seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    /// Evenly from 0 to 1.
    fn share(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() & 0xFF_FFFF).unwrap()) / f64::from(1 << 24)
    }

    /// Normal with deviation 1.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.share().max(1e-9).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.share()).cos()
    }

    fn node(&mut self, network: &RoadNetwork) -> NodeNumber {
        let count = u64::try_from(network.node_count()).unwrap();
        NodeNumber(u32::try_from(self.next() % count).unwrap())
    }
}

/// Usual speed where no default counts. Unit: m/s.
fn usual(network: &RoadNetwork, segment: SegmentNumber) -> f64 {
    let way = network.way_of(segment);
    let posted = network.posted_limit(segment).map(Speed::kmh);
    let kmh = posted.unwrap_or(match way.class {
        RoadClass::Motorway => 110.0,
        RoadClass::Trunk => 90.0,
        RoadClass::Primary => 70.0,
        RoadClass::Secondary => 60.0,
        RoadClass::Tertiary => 50.0,
        _ => 35.0,
    });
    kmh / 3.6
}

/// The quickest way from a node to a random one, without service roads; empty when there is none.
fn quick_way(
    network: &RoadNetwork,
    start: NodeNumber,
    chance: &mut Chance,
    usual: &dyn Fn(&RoadNetwork, SegmentNumber) -> f64,
) -> Vec<SegmentNumber> {
    let goal = chance.node(network);
    let mut came: BTreeMap<NodeNumber, Option<SegmentNumber>> = BTreeMap::new();
    let mut queue = BTreeSet::from([(0_u64, start, None)]);
    while let Some((so_far_ms, node, via)) = queue.pop_first() {
        if came.contains_key(&node) {
            continue;
        }
        came.insert(node, via);
        if node == goal {
            break;
        }
        for leaving in network.leaving(node) {
            let segment = network.segment(leaving);
            if network.way_of(leaving).class == RoadClass::Service {
                continue;
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "times are small and not negative"
            )]
            let ms = (segment.length_m() / usual(network, leaving) * 1000.0) as u64;
            queue.insert((so_far_ms + ms + 1, segment.to(), Some(leaving)));
        }
    }
    let mut way = Vec::new();
    let mut node = goal;
    while let Some(Some(via)) = came.get(&node) {
        way.push(*via);
        node = network.segment(*via).from();
    }
    way.reverse();
    way
}

/// Metres of a millionth of a degree of latitude.
const UDEG_M: f64 = 0.111_195;

/// East, north. Unit: m.
fn direction(network: &RoadNetwork, segment: SegmentNumber) -> (f64, f64) {
    let segment = network.segment(segment);
    let ends = [segment.from(), segment.to()].map(|node| network.place(node).position());
    let east = f64::from(ends[1].lon_udeg - ends[0].lon_udeg) * ends[0].lat().to_radians().cos();
    let north = f64::from(ends[1].lat_udeg - ends[0].lat_udeg);
    (east * UDEG_M, north * UDEG_M)
}

fn drive(
    network: &RoadNetwork,
    way: &[SegmentNumber],
    chance: &mut Chance,
    manner: Manner<'_>,
) -> Vec<TrueFix> {
    let Manner { errors, haste, .. } = manner;
    let haste = haste.0 + (haste.1 - haste.0) * chance.share();
    let kept = (-1.0 / errors.slow_s).exp();
    let fresh = errors.slow_m * (1.0 - kept * kept).sqrt();
    let mut slow = [chance.normal(), chance.normal()].map(|part| part * errors.slow_m);
    let (mut at, mut along_m, mut speed, mut wait) = (0, 0.0, 0.0_f64, 0);
    let mut fixes = Vec::new();
    while at < way.len() && fixes.len() < manner.seconds_max {
        let off = slow.map(|slow| slow + errors.fast_m * chance.normal());
        fixes.push(report(
            network,
            way[at],
            along_m,
            speed,
            off,
            fixes.len(),
            chance,
        ));
        slow = slow.map(|slow| slow * kept + fresh * chance.normal());
        let goal = if wait > 0 {
            0.0
        } else {
            let here = (manner.usual)(network, way[at]) * corner(network, way, at, along_m);
            let most = if manner.brakes_ahead {
                slower_ahead(network, way, at, along_m, speed, (manner, haste))
            } else {
                f64::INFINITY
            };
            (here * haste).min(most)
        };
        wait = if wait == 0 && chance.share() < 0.004 {
            25
        } else {
            wait.max(1) - 1
        };
        speed += (goal - speed).clamp(-2.5, 1.5);
        along_m += speed;
        while at < way.len() && along_m > network.segment(way[at]).length_m() {
            along_m -= network.segment(way[at]).length_m();
            at += 1;
        }
    }
    fixes
}

/// How fast a vehicle may be that brakes in time for the slower roads ahead. Unit: m/s.
fn slower_ahead(
    network: &RoadNetwork,
    way: &[SegmentNumber],
    at: usize,
    along_m: f64,
    speed: f64,
    (manner, haste): (Manner<'_>, f64),
) -> f64 {
    const BRAKING: f64 = 1.5;
    // Until the next second it goes on as it does.
    let mut ahead_m = -along_m - speed - 1.5;
    let mut most = f64::INFINITY;
    for (here, next) in way[at..].iter().zip(&way[at + 1..]) {
        ahead_m += network.segment(*here).length_m();
        if ahead_m > 400.0 {
            break;
        }
        let there = (manner.usual)(network, *next) * haste;
        most = most.min((there * there + 2.0 * BRAKING * ahead_m.max(0.0)).sqrt());
    }
    most
}

/// Share of the usual speed that the next corner allows.
fn corner(network: &RoadNetwork, way: &[SegmentNumber], at: usize, along_m: f64) -> f64 {
    let Some(next) = way.get(at + 1) else {
        return 0.5;
    };
    if network.segment(way[at]).length_m() - along_m > 30.0 {
        return 1.0;
    }
    if straightness(network, way[at], *next) > 0.8 {
        1.0
    } else {
        0.35
    }
}

/// Cosine of the angle by which a vehicle turns from one segment to the next.
fn straightness(network: &RoadNetwork, from: SegmentNumber, to: SegmentNumber) -> f64 {
    let (a, b) = (direction(network, from), direction(network, to));
    let lengths = (a.0.hypot(a.1) * b.0.hypot(b.1)).max(1e-6);
    (a.0 * b.0 + a.1 * b.1) / lengths
}

fn report(
    network: &RoadNetwork,
    segment: SegmentNumber,
    along_m: f64,
    speed: f64,
    off: [f64; 2],
    second: usize,
    chance: &mut Chance,
) -> TrueFix {
    let (east, north) = direction(network, segment);
    let share = along_m / east.hypot(north).max(1e-6);
    let from = network.place(network.segment(segment).from()).position();
    let lon_m = UDEG_M * from.lat().to_radians().cos();
    #[expect(clippy::cast_possible_truncation, reason = "degrees")]
    let position = Position {
        lat_udeg: from.lat_udeg + ((share * north + off[1]) / UDEG_M).round() as i32,
        lon_udeg: from.lon_udeg + ((share * east + off[0]) / lon_m).round() as i32,
    };
    let course = east.atan2(north).to_degrees() + 4.0 * chance.normal();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0..360"
    )]
    let course = Course::from_degrees(course.rem_euclid(360.0) as u16);
    let kmh = (speed * 3.6 + 0.7 * chance.normal()).max(0.0).round();
    TrueFix {
        sighting: Sighting {
            at_ms: i64::try_from(second).unwrap() * 1000,
            position,
            speed: Speed::from_kmh(kmh).unwrap(),
            course: course.filter(|_| speed > 1.0),
        },
        way: network.way_of(segment).id,
        limit: network.posted_limit(segment),
        segment: Some(segment),
    }
}
