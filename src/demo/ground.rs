//! Invented ground: a plane laid on the map, and lines to drive along.

use crate::model::{Course, Position};

/// Metres of one degree of latitude on the sphere.
const DEGREE_M: f64 = 6_371_008.8 * std::f64::consts::PI / 180.0;

/// Middle of the county. Unit: degrees WGS-84, latitude and longitude.
const ORIGIN: (f64, f64) = (29.2, 113.2);

/// A place given in the plane of the county. Unit: km east and north of its middle.
pub(super) fn place(east_km: f64, north_km: f64) -> Position {
    let lat = ORIGIN.0 + north_km * 1000.0 / DEGREE_M;
    let degree_east_m = DEGREE_M * lat.to_radians().cos();
    let lon = ORIGIN.1 + east_km * 1000.0 / degree_east_m;
    Position::from_degrees(lat, lon).unwrap_or_default()
}

/// Metres east and north from `from` to `to`, good for places that are near.
fn offset_m(from: Position, to: Position) -> (f64, f64) {
    let middle = f64::midpoint(from.lat(), to.lat()).to_radians();
    let east = (to.lon() - from.lon()) * DEGREE_M * middle.cos();
    (east, (to.lat() - from.lat()) * DEGREE_M)
}

/// Straight distance between two places that are near. Unit: m.
pub(super) fn metres(from: Position, to: Position) -> f64 {
    let (east, north) = offset_m(from, to);
    east.hypot(north)
}

/// A line with the distance along it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    points: Vec<Position>,
    /// Distance from the first point to each. Unit: m.
    along_m: Vec<f64>,
}

impl Line {
    /// A line through the points; neighbours in the same place are one.
    pub(super) fn new(mut points: Vec<Position>) -> Self {
        points.dedup();
        let mut along_m = Vec::with_capacity(points.len());
        let mut length = 0.0;
        let mut last = points.first().copied().unwrap_or_default();
        for point in &points {
            length += metres(last, *point);
            along_m.push(length);
            last = *point;
        }
        Self { points, along_m }
    }

    /// Its points.
    pub(super) fn points(&self) -> &[Position] {
        &self.points
    }

    /// Its length. Unit: m.
    pub(super) fn length_m(&self) -> f64 {
        self.along_m.last().copied().unwrap_or(0.0)
    }

    /// The place `along_m` from its beginning, `right_m` to the right of it.
    pub(super) fn at(&self, along_m: f64, right_m: f64) -> Position {
        let (point, (east, north)) = self.foot(along_m);
        let (lat, lon) = point;
        let degree_east_m = DEGREE_M * lat.to_radians().cos();
        let lat = lat - east * right_m / DEGREE_M;
        let lon = lon + north * right_m / degree_east_m;
        Position::from_degrees(lat, lon).unwrap_or_default()
    }

    /// The direction of travel there.
    pub(super) fn course(&self, along_m: f64) -> Course {
        let (_, (east, north)) = self.foot(along_m);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float in 0..=360"
        )]
        let degrees = east.atan2(north).to_degrees().rem_euclid(360.0).round() as u16;
        Course::from_degrees(degrees).unwrap_or_default()
    }

    /// Distance from the line. Unit: m.
    pub(super) fn distance_m(&self, position: Position) -> f64 {
        self.points
            .windows(2)
            .filter_map(|pair| {
                let [from, to] = pair else { return None };
                let (east, north) = offset_m(*from, *to);
                let (aside, ahead) = offset_m(*from, position);
                let length_2 = east * east + north * north;
                let share = ((aside * east + ahead * north) / length_2).clamp(0.0, 1.0);
                Some((aside - share * east).hypot(ahead - share * north))
            })
            .fold(f64::INFINITY, f64::min)
    }

    /// Latitude and longitude of a point of the line, and its direction as a unit vector east, north.
    fn foot(&self, along_m: f64) -> ((f64, f64), (f64, f64)) {
        let along_m = along_m.clamp(0.0, self.length_m());
        let next = self
            .along_m
            .partition_point(|reached| *reached <= along_m)
            .clamp(1, self.points.len().max(2) - 1);
        let at = |index: usize| {
            let point = self.points.get(index).copied().unwrap_or_default();
            (point, self.along_m.get(index).copied().unwrap_or(0.0))
        };
        let ((from, begin_m), (to, end_m)) = (at(next - 1), at(next));
        let length_m = (end_m - begin_m).max(0.001);
        let share = (along_m - begin_m) / length_m;
        let lat = from.lat() + (to.lat() - from.lat()) * share;
        let lon = from.lon() + (to.lon() - from.lon()) * share;
        let (east, north) = offset_m(from, to);
        ((lat, lon), (east / length_m, north / length_m))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_along_a_line_is_as_far_as_it_says() {
        let line = Line::new(vec![place(0.0, 0.0), place(0.0, 3.0), place(4.0, 3.0)]);
        assert!((line.length_m() - 7000.0).abs() < 5.0, "{line:?}");
        let corner = line.at(3000.0, 0.0);
        assert!(metres(corner, place(0.0, 3.0)) < 5.0);
        assert!(metres(line.at(5000.0, 100.0), place(2.0, 2.9)) < 5.0);
        assert_eq!(line.course(1000.0).degrees(), 0);
        assert_eq!(line.course(5000.0).degrees(), 90);
        let beside = line.distance_m(place(2.0, 3.5));
        assert!((beside - 500.0).abs() < 2.0, "{beside}");
        assert_eq!(line.at(-5.0, 0.0), line.at(0.0, 0.0));
        assert_eq!(line.at(1e9, 0.0), line.at(line.length_m(), 0.0));
    }
}
