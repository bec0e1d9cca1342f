//! The invented county: ten towns around a seat, roads between them, routes along the roads.
//!
//! Places lie where a county of Hunan could lie; names, roads and distances are invented. Plane
//! coordinates are metres east and north of the seat.

use std::sync::Arc;

use super::random::Random;
use crate::model::route::Route;
use crate::model::{Course, Position};

/// The seat of the county. Unit: degrees, WGS-84.
const SEAT: (f64, f64) = (28.05, 111.35);

/// Metres of a degree of latitude.
const DEGREE_M: f64 = 111_195.0;

/// Distance of the points of a road. Unit: m.
const POINT_SPACING_M: f64 = 400.0;

/// Towns, on an inner ring of five and an outer ring of five.
const TOWNS: [&str; 10] = [
    "清溪镇",
    "石桥镇",
    "南湾镇",
    "云岭镇",
    "白石镇",
    "凤栖镇",
    "东岭镇",
    "湖口镇",
    "西坪镇",
    "长岭镇",
];

/// A line with distances along it.
#[derive(Debug)]
pub(super) struct Path {
    /// East, north, and distance from the beginning. Unit: m.
    points: Vec<(f64, f64, f64)>,
}

impl Path {
    fn new(line: &[(f64, f64)]) -> Self {
        let mut points = Vec::with_capacity(line.len());
        let mut along = 0.0;
        let mut previous: Option<(f64, f64)> = None;
        for (x, y) in line.iter().copied() {
            if let Some((px, py)) = previous {
                along += (x - px).hypot(y - py);
            }
            points.push((x, y, along));
            previous = Some((x, y));
        }
        Self { points }
    }

    /// Unit: m.
    pub(super) fn length_m(&self) -> f64 {
        self.points.last().map_or(0.0, |(_, _, along)| *along)
    }

    /// The place at `along_m`, `right_m` to the right of the line, and the direction of the line.
    pub(super) fn at(&self, along_m: f64, right_m: f64) -> (Position, f64) {
        let next = self
            .points
            .partition_point(|(_, _, along)| *along <= along_m)
            .clamp(1, self.points.len().saturating_sub(1).max(1));
        let (Some(from), Some(to)) = (self.points.get(next - 1), self.points.get(next)) else {
            return (Position::default(), 0.0);
        };
        let length = (to.2 - from.2).max(0.001);
        let share = ((along_m - from.2) / length).clamp(0.0, 1.0);
        let (dx, dy) = ((to.0 - from.0) / length, (to.1 - from.1) / length);
        let x = from.0 + (to.0 - from.0) * share + dy * right_m;
        let y = from.1 + (to.1 - from.1) * share - dx * right_m;
        (place(x, y), dx.atan2(dy).to_degrees())
    }

    fn line(&self) -> Vec<Position> {
        self.points.iter().map(|(x, y, _)| place(*x, *y)).collect()
    }
}

/// Whole degrees `0..360` of any angle.
pub(super) fn course(degrees: f64) -> Course {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the remainder is in 0..360"
    )]
    let whole = degrees.rem_euclid(360.0) as u16;
    Course::from_degrees(whole).unwrap_or_default()
}

fn place(x: f64, y: f64) -> Position {
    let lat = SEAT.0 + y / DEGREE_M;
    let lon = SEAT.1 + x / (DEGREE_M * SEAT.0.to_radians().cos());
    Position::from_degrees(lat, lon).unwrap_or_default()
}

/// The roads as the demo uses them: each path is a route from one end of the county to another.
#[derive(Debug)]
pub(super) struct Map {
    /// Paths, in the order of the routes.
    pub(super) paths: Vec<Arc<Path>>,
    /// The routes to import.
    pub(super) routes: Vec<Route>,
}

impl Map {
    pub(super) fn new(random: &mut Random) -> Self {
        let towns = towns(random);
        let town = |index: usize| towns.get(index % towns.len()).copied().unwrap_or_default();
        let mut map = Self {
            paths: Vec::new(),
            routes: Vec::new(),
        };
        for spoke in 0..5 {
            let stops = [(0.0, 0.0), town(spoke), town(spoke + 5)];
            let name = format!("望江—{}", name(spoke + 5));
            map.add(&name, &stops, random);
        }
        for spoke in 0..5 {
            let stops = [
                town(spoke + 5),
                town(spoke),
                town((spoke + 1) % 5),
                town((spoke + 1) % 5 + 5),
            ];
            let name = format!("{}—{}", name(spoke + 5), name((spoke + 1) % 5 + 5));
            map.add(&name, &stops, random);
        }
        map
    }

    fn add(&mut self, name: &str, stops: &[(f64, f64)], random: &mut Random) {
        let mut line = Vec::new();
        for pair in stops.windows(2) {
            if let [from, to] = pair {
                road(*from, *to, &mut line);
            }
        }
        let path = Path::new(&line);
        self.routes.push(Route {
            id: format!("R{:02}", self.routes.len() + 1),
            name: name.to_owned(),
            half_width_m: if random.between(0.0, 1.0) < 0.5 {
                100.0
            } else {
                120.0
            },
            line: path.line(),
            limit: None,
            road: None,
        });
        self.paths.push(Arc::new(path));
    }
}

fn name(town: usize) -> &'static str {
    TOWNS.get(town).copied().unwrap_or("望江")
}

/// Inner ring at some 18 km, outer ring at some 45 km, a little off the regular.
fn towns(random: &mut Random) -> Vec<(f64, f64)> {
    (0..10_u32)
        .map(|index| {
            let outer = index >= 5;
            let radius_m = if outer { 45_000.0 } else { 18_000.0 } + random.between(-3e3, 3e3);
            let angle = f64::from(index % 5) * 72.0 + random.between(-8.0, 8.0);
            let angle = angle.to_radians();
            (radius_m * angle.sin(), radius_m * angle.cos())
        })
        .collect()
}

/// A road that winds gently: the same curve whoever drives it, so that roads never cross.
fn road(from: (f64, f64), to: (f64, f64), line: &mut Vec<(f64, f64)>) {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy).max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a road has some hundred points"
    )]
    let steps = (length / POINT_SPACING_M).ceil() as u32;
    let skip = u32::from(!line.is_empty());
    for step in skip..=steps {
        let share = f64::from(step) / f64::from(steps);
        let bend = (share * std::f64::consts::TAU * 1.5).sin() * length * 0.02;
        line.push((
            from.0 + dx * share + dy / length * bend,
            from.1 + dy * share - dx / length * bend,
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_county_is_the_same_for_the_same_seed() {
        let routes = |seed| Map::new(&mut Random::new(seed)).routes;
        assert_eq!(routes(7), routes(7));
        assert_ne!(routes(7), routes(8));
        assert_eq!(routes(7).len(), 10);
    }

    #[test]
    fn a_path_is_followed_without_jumps() {
        let map = Map::new(&mut Random::new(1));
        for path in &map.paths {
            assert!((30_000.0..150_000.0).contains(&path.length_m()));
            let mut along = 0.0;
            let mut previous = path.at(0.0, 0.0).0;
            while along < path.length_m() {
                along += 50.0;
                let (place, _) = path.at(along, 0.0);
                let moved = (f64::from(place.lat_udeg - previous.lat_udeg) * 0.111)
                    .hypot(f64::from(place.lon_udeg - previous.lon_udeg) * 0.098);
                assert!(moved < 55.0, "{moved} m at {along} m");
                previous = place;
            }
        }
    }
}
