//! A fleet that drives on a road map for an hour, and what is planned for it: routes and areas.
//!
//! A third of the vehicles stands; the others drive quick ways to random goals at 0.6 to 0.95 of the
//! limit (of what is usual on such roads where there is none), slow down for corners, and wait at
//! lights; one in fifty drives at 1.2 of it. Errors of 5 m change slowly and 1.5 m are new each time.

use roadwarden::detect::{RouteValidity, VehicleProfile};
use roadwarden::geo::{AreaIndex, CorridorIndex, RouteNumber};
use roadwarden::model::route::{Area, AreaKind, Route};
use roadwarden::model::rules::RuleSet;
use roadwarden::model::{
    Events, Fix, Position, Quality, RoadClass, Source, Span, Speed, Timestamp, VehicleClass,
    VehicleId,
};
use roadwarden::roads::limit::overrides::Passing;
use roadwarden::roads::matching::Sighting;
use roadwarden::roads::{NodeNumber, RoadMap, RoadNetwork, SegmentNumber};

use super::drives::{Errors, Manner, drives_in, straight_ways};
use super::truth::TrueFix;

/// Time of the first fix: noon of a working day in China. Unit: s since 1970.
const START_S: i64 = 1_795_060_800;
/// Errors of positioning.
const ERRORS: Errors = Errors {
    slow_m: 5.0,
    slow_s: 30.0,
    fast_m: 1.5,
};
/// Seconds that each vehicle is followed.
const SECONDS: usize = if cfg!(debug_assertions) { 200 } else { 3600 };
/// Vehicles that drive at once.
pub(crate) const VEHICLES: u32 = 2000;
/// Drives, each taken by several vehicles.
const DRIVES: usize = if cfg!(debug_assertions) { 3 } else { 100 };
/// Routes, and areas.
const PLANNED: usize = if cfg!(debug_assertions) { 20 } else { 1000 };

/// Drives that the vehicles take.
pub(crate) struct Drives {
    calm: Vec<Vec<TrueFix>>,
    fast: Vec<Vec<TrueFix>>,
}

impl Drives {
    /// Drives on a map to so many goals each; those that are not in haste go at the shares of the usual
    /// speed given.
    pub(crate) fn new(map: &RoadMap, rules: &RuleSet, haste: (f64, f64), goals: usize) -> Self {
        let usual = |_: &RoadNetwork, segment| usual_m_s(map, rules, segment);
        let drives_at = |seed, count, haste| {
            let manner = Manner {
                errors: ERRORS,
                haste,
                goals,
                seconds_max: SECONDS,
                usual: &usual,
                brakes_ahead: false,
            };
            drives_in(map.network(), seed, count, manner)
        };
        Self {
            calm: drives_at(1, DRIVES, haste),
            fast: drives_at(2, DRIVES.div_ceil(10), (1.2, 1.2)),
        }
    }

    /// The number of a vehicle's drive, the calm ones first.
    fn number_of(&self, vehicle: u32) -> usize {
        let number = vehicle as usize;
        if !stands(vehicle) && vehicle % 50 == 1 {
            self.calm.len() + number % self.fast.len()
        } else {
            number % self.calm.len()
        }
    }

    fn all(&self) -> impl Iterator<Item = &Vec<TrueFix>> {
        self.calm.iter().chain(&self.fast)
    }

    /// The tracks of all vehicles, a fix every so many seconds.
    pub(crate) fn tracks(&self, step_s: usize) -> Vec<Vec<Fix>> {
        let drives: Vec<_> = self.all().collect();
        let track = |vehicle| {
            let drive = drives[self.number_of(vehicle)];
            let length = if stands(vehicle) { 1 } else { drive.len() };
            let seen = drive[..length].iter().map(|fix| fix.sighting);
            track(vehicle, step_s, seen)
        };
        (0..VEHICLES).map(track).collect()
    }
}

/// Whether a vehicle stands where its drive begins.
const fn stands(vehicle: u32) -> bool {
    vehicle.is_multiple_of(3)
}

/// Usual speed: the limit, or what is usual on such roads. Unit: m/s.
fn usual_m_s(map: &RoadMap, rules: &RuleSet, segment: SegmentNumber) -> f64 {
    let start = Timestamp::from_seconds(START_S);
    let passing = Passing {
        segment,
        place: map
            .network()
            .place(map.network().segment(segment).from())
            .position(),
        class: None,
        time: start,
    };
    let limit = map.limit(&rules.roads, &rules.zone, &passing);
    let of_class = match map.network().way_of(segment).class {
        RoadClass::Motorway => 100.0,
        RoadClass::Trunk => 90.0,
        RoadClass::Primary => 70.0,
        RoadClass::Secondary => 60.0,
        RoadClass::Tertiary => 50.0,
        _ => 35.0,
    };
    limit.speed.map_or(of_class, |limit| limit.kmh().min(100.0)) / 3.6
}

/// A vehicle's fixes; it stands where the drive ends.
fn track(vehicle: u32, step_s: usize, drive: impl Iterator<Item = Sighting>) -> Vec<Fix> {
    let mut seen = drive.step_by(step_s).peekable();
    let mut last = None;
    (0..SECONDS)
        .step_by(step_s)
        .filter_map(|second| {
            let stands = seen.peek().is_none();
            last = seen.next().or(last);
            let mut sighting = last?;
            if stands {
                sighting.speed = Speed::ZERO;
            }
            Some(fix(vehicle, second, &sighting))
        })
        .collect()
}

fn fix(vehicle: u32, second: usize, seen: &Sighting) -> Fix {
    let second = i64::try_from(second).unwrap() + i64::from(vehicle % 10);
    let time = Timestamp::from_seconds(START_S + second);
    Fix {
        vehicle: VehicleId(vehicle),
        time,
        received: time + Span::from_seconds(1),
        position: seen.position,
        speed: seen.speed,
        course: seen.course,
        altitude_m: None,
        odometer: None,
        alarm: 0,
        status: 3,
        driver: None,
        source: Source::File,
        quality: Quality::GOOD,
        events: Events::NONE,
        passengers: None,
    }
}

/// What is planned for the fleet.
pub(crate) struct Plans {
    pub(crate) routes: CorridorIndex,
    pub(crate) areas: AreaIndex,
    /// Of each vehicle.
    pub(crate) profiles: Vec<VehicleProfile>,
}

impl Plans {
    /// Nothing: no route, no area.
    pub(crate) fn none() -> Self {
        let profile = VehicleProfile::of_class(VehicleClass::TouristCoach);
        Self {
            routes: CorridorIndex::default(),
            areas: AreaIndex::default(),
            profiles: vec![profile; VEHICLES as usize],
        }
    }

    /// A thousand routes and a thousand areas on the map of the drives.
    ///
    /// Each drive is a route, the others go straight on along roads of every kind. Half of the
    /// vehicles that drive have the route that they follow, half of these a second one too.
    pub(crate) fn new(map: &RoadMap, drives: &Drives) -> Self {
        let network = map.network();
        let own = drives.all().map(|drive| {
            let mut line: Vec<_> = drive.iter().filter_map(|fix| fix.segment).collect();
            line.dedup();
            line
        });
        let starts = PLANNED / 10;
        let straight = straight_ways(network, 3, starts, |_| true);
        let lines: Vec<_> = own.chain(straight).take(PLANNED).collect();
        let routes = (0..)
            .zip(&lines)
            .map(|(number, line)| route(network, number, line));
        let routes = CorridorIndex::new(routes.collect());
        let planned = u32::try_from(PLANNED).unwrap();
        let areas = (0..planned).map(|number| area(network, number));
        let areas = AreaIndex::new(areas.collect());
        let find = |number: usize| routes.find(&format!("R{number}"));
        let profile = |vehicle: u32| {
            let has_route = !stands(vehicle) && vehicle % 4 < 2;
            let own = has_route.then(|| drives.number_of(vehicle));
            let has_two = has_route && vehicle.is_multiple_of(4);
            let other = has_two.then(|| mix(vehicle, 1) as usize % lines.len());
            let numbers = other.into_iter().chain(own).filter_map(find);
            VehicleProfile {
                routes: numbers.map(always).collect(),
                ..VehicleProfile::of_class(VehicleClass::TouristCoach)
            }
        };
        let profiles = (0..VEHICLES).map(profile).collect();
        Self {
            routes,
            areas,
            profiles,
        }
    }
}

const fn always(route: RouteNumber) -> RouteValidity {
    RouteValidity {
        route,
        from: None,
        to: None,
    }
}

fn route(network: &RoadNetwork, number: usize, line: &[SegmentNumber]) -> Route {
    let place = |node| network.place(node).position();
    let first = line
        .first()
        .map(|first| place(network.segment(*first).from()));
    let others = line.iter().map(|one| place(network.segment(*one).to()));
    Route {
        id: format!("R{number}"),
        name: format!("route {number}"),
        half_width_m: 100.0,
        line: first.into_iter().chain(others).collect(),
        stops: Vec::new(),
        limit: number
            .is_multiple_of(4)
            .then_some(Speed::from_whole_kmh(90)),
        road: None,
    }
}

/// An area of sixteen corners around a junction, 60 to 300 m across, one in a hundred 2 km: one in ten is
/// forbidden to dangerous goods, one in ten limits to 40 km/h, the others to 80 km/h.
fn area(network: &RoadNetwork, number: u32) -> Area {
    let count = u32::try_from(network.node_count()).unwrap();
    let middle = network.place(NodeNumber(mix(number, 6) % count)).position();
    let reach = if number % 100 == 7 {
        0.009
    } else {
        0.000_3 + f64::from(mix(number, 7) % 12) / 10_000.0
    };
    let corner = |corner: u32| {
        let angle = f64::from(corner % 16) / 16.0 * std::f64::consts::TAU;
        let (north, east) = (angle.sin() * reach, angle.cos() * reach);
        Position::from_degrees(middle.lat() + north, middle.lon() + east).unwrap()
    };
    let (kind, limit) = match number % 10 {
        0 => (AreaKind::Forbidden, None),
        1 => (AreaKind::SpeedLimit, Some(40)),
        _ => (AreaKind::SpeedLimit, Some(80)),
    };
    Area {
        id: format!("A{number}"),
        name: format!("area {number}"),
        kind,
        limit: limit.map(Speed::from_whole_kmh),
        hours: None,
        classes: (kind == AreaKind::Forbidden).then(|| vec![VehicleClass::Hazmat]),
        polygons: vec![vec![(0..=16).map(corner).collect()]],
    }
}

/// Scatters pairs of small numbers.
fn mix(value: u32, salt: u32) -> u32 {
    let value = (value ^ salt.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
    (value ^ (value >> 13)).wrapping_mul(0xc2b2_ae35) >> 7
}
