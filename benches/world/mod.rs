//! A province for benches: routes, coaches and their fixes, the same in every run.

use roadwarden::detect::{RouteValidity, VehicleProfile};
use roadwarden::geo::CorridorIndex;
use roadwarden::model::route::Route;
use roadwarden::model::{
    DriverId, Events, Fix, Position, Quality, Source, Span, Speed, Timestamp, VehicleClass,
    VehicleId,
};

/// How big the world is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Routes.
    pub(crate) routes: u32,
    /// Vehicles of each route.
    pub(crate) vehicles_a_route: u32,
}

impl Scale {
    /// The full world in an optimised build, a small one where the bench only must not rot.
    pub(crate) const fn of_this_build() -> Self {
        if cfg!(debug_assertions) {
            Self {
                routes: 20,
                vehicles_a_route: 5,
            }
        } else {
            Self {
                routes: 1000,
                vehicles_a_route: 10,
            }
        }
    }
}

/// Segments of a route.
const SEGMENTS: u32 = 800;

/// Metres of a segment and of a degree.
const SEGMENT_M: f64 = 80.0;
const DEGREE_M: f64 = 111_195.0;

/// Rules, routes and vehicles.
pub(crate) struct World {
    routes: CorridorIndex,
    lines: Vec<Vec<(f64, f64)>>,
    pub(crate) profiles: Vec<VehicleProfile>,
    scale: Scale,
}

impl World {
    /// The world of that size.
    pub(crate) fn new(scale: Scale) -> Self {
        let lines: Vec<_> = (0..scale.routes).map(line).collect();
        let routes = CorridorIndex::new(
            (0..)
                .zip(&lines)
                .map(|(number, line)| route(number, line))
                .collect(),
        );
        let profiles = (0..scale.routes * scale.vehicles_a_route)
            .map(|vehicle| profile(&routes, vehicle % scale.routes))
            .collect();
        Self {
            routes,
            lines,
            profiles,
            scale,
        }
    }

    /// All routes.
    pub(crate) fn routes(&self) -> &CorridorIndex {
        &self.routes
    }

    /// One fix of each vehicle every ten seconds, in the order of time.
    pub(crate) fn fixes(&self, ticks: u32) -> Vec<Fix> {
        let vehicles = self.scale.routes * self.scale.vehicles_a_route;
        let tick = |tick| (0..vehicles).map(move |vehicle| self.fix(vehicle, tick));
        (0..ticks).flat_map(tick).collect()
    }

    /// Where a vehicle is at a tick: it drives to the end of its route and back, with a stop of a
    /// minute every ten; one in fifty drives too fast, one in a hundred leaves its route for a while.
    pub(crate) fn fix(&self, vehicle: u32, tick: u32) -> Fix {
        let phase = mix(vehicle, 1) % 5000;
        let stands = (tick + phase) % 60 < 6;
        let fast = mix(vehicle, 2).is_multiple_of(50) && tick % 40 < 8;
        let kmh = if stands {
            0
        } else if fast {
            110
        } else {
            70 + mix(vehicle, tick) % 10
        };
        let line = &self.lines[(vehicle % self.scale.routes) as usize];
        let driven_m = f64::from(phase * 7 + tick * 190);
        let position = along(line, driven_m);
        let astray = mix(vehicle, 3).is_multiple_of(100) && (40..70).contains(&(tick % 100));
        Fix {
            vehicle: VehicleId(vehicle),
            time: start() + Span::from_seconds(i64::from(tick) * 10),
            received: start() + Span::from_seconds(i64::from(tick) * 10 + 1),
            position: Position {
                lat_udeg: position.lat_udeg + if astray { 4000 } else { 0 },
                ..position
            },
            speed: Speed::from_mkmh(kmh * 1000),
            course: None,
            altitude_m: Some(60),
            odometer: None,
            alarm: 0,
            status: 3,
            passengers: None,
            events: Events::NONE,
            driver: Some(DriverId(vehicle)),
            source: Source::Terminal,
            quality: Quality::GOOD,
        }
    }
}

/// A vehicle's number as an index.
pub(crate) fn index(vehicle: VehicleId) -> usize {
    vehicle.0 as usize
}

/// Eight in the morning.
pub(crate) fn start() -> Timestamp {
    Timestamp::from_rfc3339("2026-11-16T08:00:00+08:00").unwrap_or_default()
}

/// Scatters pairs of small numbers.
pub(crate) fn mix(value: u32, salt: u32) -> u32 {
    let value = (value ^ salt.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
    (value ^ (value >> 13)).wrapping_mul(0xc2b2_ae35) >> 7
}

/// The line of route `number`: winding, somewhere in a box of 6 by 6 degrees. Unit: degrees.
fn line(number: u32) -> Vec<(f64, f64)> {
    let (mut lat, mut lon) = (
        25.0 + f64::from(mix(number, 4) % 6000) / 1000.0,
        109.0 + f64::from(mix(number, 5) % 6000) / 1000.0,
    );
    let mut heading = f64::from(mix(number, 9) % 360).to_radians();
    let step = SEGMENT_M / DEGREE_M;
    let mut line = vec![(lat, lon)];
    for segment in 0..SEGMENTS {
        heading += (f64::from(mix(number, segment + 10) % 21) - 10.0).to_radians();
        lat += heading.cos() * step;
        lon += heading.sin() * step / lat.to_radians().cos();
        line.push((lat, lon));
    }
    line
}

fn route(number: u32, line: &[(f64, f64)]) -> Route {
    Route {
        id: format!("R{number}"),
        name: format!("route {number}"),
        half_width_m: 100.0,
        line: line
            .iter()
            .filter_map(|(lat, lon)| Position::from_degrees(*lat, *lon))
            .collect(),
        stops: Vec::new(),
        limit: number
            .is_multiple_of(4)
            .then_some(Speed::from_whole_kmh(90)),
        road: None,
    }
}

fn profile(routes: &CorridorIndex, number: u32) -> VehicleProfile {
    let mut profile = VehicleProfile::of_class(VehicleClass::LineCoach2);
    profile.seats = Some(45);
    profile.routes = routes
        .find(&format!("R{number}"))
        .map(|route| RouteValidity {
            route,
            from: None,
            to: None,
        })
        .into_iter()
        .collect();
    profile
}

/// The place after driving so far, to the end and back.
fn along(line: &[(f64, f64)], driven_m: f64) -> Position {
    let length_m = f64::from(SEGMENTS) * SEGMENT_M;
    let there_and_back = driven_m.rem_euclid(2.0 * length_m);
    let along = there_and_back.min(2.0 * length_m - there_and_back) / SEGMENT_M;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to SEGMENTS"
    )]
    let index = (along as usize).min(line.len() - 2);
    let share = along - f64::from(u32::try_from(index).unwrap_or(0));
    let (from, to) = (line[index], line[index + 1]);
    let lat = from.0 + share * (to.0 - from.0);
    let lon = from.1 + share * (to.1 - from.1);
    Position::from_degrees(lat, lon).unwrap_or_default()
}
