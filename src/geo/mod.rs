//! Distance, cross-track distance, the corridor index and the area index; metres and degrees.
//!
//! All places are WGS-84. Lengths are on a sphere of the mean earth radius, which differs from
//! the ellipsoid by at most 0.56 % (0.3 % at the latitudes of China): 3 m in 1 km, far below the
//! noise of positioning and below every threshold of the rulebook.
//!
//! Start reading at [`metres`], then [`corridor::CorridorIndex`] and [`area_index::AreaIndex`].

pub mod area_index;
pub mod corridor;
pub mod datum;
mod segment;
pub(crate) mod tree;

pub use area_index::{AreaIndex, AreaKey, AreaNumber, Clear, Crossing, Located};
pub use corridor::{CorridorIndex, RouteHit, RouteKey, RouteNumber, SegmentNumber};

use geo::{Distance as _, Haversine, Point};

use crate::model::Position;

/// Metres of one degree of latitude on the sphere. Source: mean radius 6,371,008.8 m.
pub(crate) const DEGREE_M: f64 = 6_371_008.8 * std::f64::consts::PI / 180.0;

/// Differences of latitude and longitude up to which the plane formula is used. Unit: degrees.
const PLANE_DEGREES: f64 = 0.5;

/// Straight distance between two places.
///
/// Unit: m, on the sphere.
/// Errors: up to 0.5 degrees apart the plane at the middle latitude is used; it differs from the
/// great circle by less than 1 part in 20,000 below 60 degrees of latitude. Farther apart it is
/// the haversine formula.
pub fn metres(a: Position, b: Position) -> f64 {
    let north = b.lat() - a.lat();
    let east = b.lon() - a.lon();
    if north.abs() <= PLANE_DEGREES && east.abs() <= PLANE_DEGREES {
        let middle = (a.lat() + north / 2.0).to_radians();
        let x = east * middle.cos();
        (x * x + north * north).sqrt() * DEGREE_M
    } else {
        Haversine.distance(Point::new(a.lon(), a.lat()), Point::new(b.lon(), b.lat()))
    }
}

/// Whether two places are at most `bound_m` apart; cheaper than [`metres`] when they are near.
pub fn within(a: Position, b: Position, bound_m: f64) -> bool {
    let north = f64::from(a.lat_udeg) - f64::from(b.lat_udeg);
    let east = f64::from(a.lon_udeg) - f64::from(b.lon_udeg);
    let at_most = (north.abs() + east.abs()) * (DEGREE_M / 1e6);
    at_most <= bound_m || metres(a, b) <= bound_m
}

/// Direction of the way from one place to another that is near.
///
/// Unit: degrees clockwise from north, `-180..=180`, on the plane at the first place.
pub fn bearing_deg(from: Position, to: Position) -> f64 {
    let north = to.lat() - from.lat();
    let east = (to.lon() - from.lon()) * from.lat().to_radians().cos();
    east.atan2(north).to_degrees()
}

/// Difference of two directions. Unit: degrees, `0..=180`.
pub fn apart_deg(a: f64, b: f64) -> f64 {
    let apart = (a - b).rem_euclid(360.0);
    apart.min(360.0 - apart)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(lat: f64, lon: f64) -> Position {
        Position::from_degrees(lat, lon).unwrap()
    }

    #[test]
    fn the_plane_agrees_with_the_great_circle_where_it_is_used() {
        for lat in [-59.0, 0.0, 20.0, 28.1, 45.0, 53.5, 59.0] {
            for (north, east) in [
                (0.5, 0.5),
                (0.0, 0.5),
                (0.5, 0.0),
                (0.001, 0.002),
                (-0.3, 0.4),
            ] {
                let (a, b) = (place(lat, 112.9), place(lat + north, 112.9 + east));
                let sphere =
                    Haversine.distance(Point::new(a.lon(), a.lat()), Point::new(b.lon(), b.lat()));
                let error = (metres(a, b) - sphere).abs() / sphere;
                assert!(error < 5e-5, "{lat} {north} {east}: {error}");
            }
        }
    }

    #[test]
    fn far_places_are_measured_on_the_great_circle() {
        let beijing_to_shanghai = metres(place(39.9042, 116.4074), place(31.2304, 121.4737));
        assert!(
            (beijing_to_shanghai - 1_067_000.0).abs() < 2_000.0,
            "{beijing_to_shanghai}"
        );
    }

    #[test]
    fn within_agrees_with_the_distance() {
        let a = place(28.1, 112.9);
        for step in 0..200 {
            let b = place(
                28.1 + f64::from(step) * 1e-5,
                112.9 + f64::from(step) * 2e-5,
            );
            assert_eq!(within(a, b, 150.0), metres(a, b) <= 150.0, "{step}");
        }
    }
}
