//! Chinese datums to WGS-84.
//!
//! GCJ-02 shifts WGS-84 by a smooth function of the place; BD-09 shifts GCJ-02 once more.
//! The forward functions are the usual public ones; the inverse of GCJ-02 is found by iteration.
//! Source: widely published conversion; checked against fixes that carry both datums
//! (`shenzhen_vehicle_wgs84_gcj02` of the shared data agrees within 2 m).

use std::f64::consts::PI;

use crate::model::Datum;

/// A place of that datum in WGS-84. Outside China there is only WGS-84.
///
/// Shape: `(lat, lon)` in, `(lat, lon)` out. Unit: degrees.
pub fn to_wgs84(datum: Datum, lat: f64, lon: f64) -> (f64, f64) {
    match datum {
        _ if !is_shifted(lat, lon) => (lat, lon),
        Datum::Wgs84 => (lat, lon),
        Datum::Gcj02 => gcj02_to_wgs84(lat, lon),
        Datum::Bd09 => {
            let (lat, lon) = bd09_to_gcj02(lat, lon);
            gcj02_to_wgs84(lat, lon)
        }
    }
}

/// A place of WGS-84 in that datum; the reverse of [`to_wgs84`].
///
/// Shape: `(lat, lon)` in, `(lat, lon)` out. Unit: degrees.
pub fn from_wgs84(datum: Datum, lat: f64, lon: f64) -> (f64, f64) {
    match datum {
        _ if !is_shifted(lat, lon) => (lat, lon),
        Datum::Wgs84 => (lat, lon),
        Datum::Gcj02 => wgs84_to_gcj02(lat, lon),
        Datum::Bd09 => {
            let (lat, lon) = wgs84_to_gcj02(lat, lon);
            gcj02_to_bd09(lat, lon)
        }
    }
}

/// Steps of the inverse; each gains about two digits. Over all of China three leave at most 3e-9 degrees.
const INVERSE_STEPS: u32 = 3;

fn gcj02_to_wgs84(lat: f64, lon: f64) -> (f64, f64) {
    let mut guess = (lat, lon);
    for _ in 0..INVERSE_STEPS {
        let shifted = wgs84_to_gcj02(guess.0, guess.1);
        guess.0 -= shifted.0 - lat;
        guess.1 -= shifted.1 - lon;
    }
    guess
}

/// Krasovsky 1940 semi-major axis, as GCJ-02 uses it. Unit: m.
const AXIS_M: f64 = 6_378_245.0;
/// First eccentricity squared, as GCJ-02 uses it.
const ECCENTRICITY_SQUARED: f64 = 0.006_693_421_622_965_943;

/// Outside this box GCJ-02 is WGS-84.
fn is_shifted(lat: f64, lon: f64) -> bool {
    (72.004..=137.8347).contains(&lon) && (0.8293..=55.8271).contains(&lat)
}

fn wgs84_to_gcj02(lat: f64, lon: f64) -> (f64, f64) {
    if !is_shifted(lat, lon) {
        return (lat, lon);
    }
    let (x, y) = (lon - 105.0, lat - 35.0);
    let lat_rad = lat.to_radians();
    let magic = 1.0 - ECCENTRICITY_SQUARED * lat_rad.sin().powi(2);
    let meridian = AXIS_M * (1.0 - ECCENTRICITY_SQUARED) / (magic * magic.sqrt());
    let parallel = AXIS_M / magic.sqrt() * lat_rad.cos();
    (
        lat + (north_shift_m(x, y) / meridian).to_degrees(),
        lon + (east_shift_m(x, y) / parallel).to_degrees(),
    )
}

fn short_waves(x: f64) -> f64 {
    (20.0 * (6.0 * x * PI).sin() + 20.0 * (2.0 * x * PI).sin()) * 2.0 / 3.0
}

fn north_shift_m(x: f64, y: f64) -> f64 {
    let polynomial = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * x.abs().sqrt();
    let medium = (20.0 * (y * PI).sin() + 40.0 * (y / 3.0 * PI).sin()) * 2.0 / 3.0;
    let long = (160.0 * (y / 12.0 * PI).sin() + 320.0 * (y * PI / 30.0).sin()) * 2.0 / 3.0;
    polynomial + short_waves(x) + medium + long
}

fn east_shift_m(x: f64, y: f64) -> f64 {
    let polynomial = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * x.abs().sqrt();
    let medium = (20.0 * (x * PI).sin() + 40.0 * (x / 3.0 * PI).sin()) * 2.0 / 3.0;
    let long = (150.0 * (x / 12.0 * PI).sin() + 300.0 * (x / 30.0 * PI).sin()) * 2.0 / 3.0;
    polynomial + short_waves(x) + medium + long
}

/// Angular frequency of BD-09's ripple.
const BD09_WAVE: f64 = PI * 3000.0 / 180.0;

fn bd09_to_gcj02(lat: f64, lon: f64) -> (f64, f64) {
    let (x, y) = (lon - 0.0065, lat - 0.006);
    let radius = x.hypot(y) - 0.000_02 * (y * BD09_WAVE).sin();
    let angle = y.atan2(x) - 0.000_003 * (x * BD09_WAVE).cos();
    (radius * angle.sin(), radius * angle.cos())
}

fn gcj02_to_bd09(lat: f64, lon: f64) -> (f64, f64) {
    let radius = lon.hypot(lat) + 0.000_02 * (lat * BD09_WAVE).sin();
    let angle = lat.atan2(lon) + 0.000_003 * (lon * BD09_WAVE).cos();
    (radius * angle.sin() + 0.006, radius * angle.cos() + 0.0065)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance_m(a: (f64, f64), b: (f64, f64)) -> f64 {
        let metre = 6_371_000.0 * PI / 180.0;
        let north = (a.0 - b.0) * metre;
        let east = (a.1 - b.1) * metre * a.0.to_radians().cos();
        north.hypot(east)
    }

    #[test]
    fn a_real_vehicle_that_gives_both_datums_agrees_within_two_metres() {
        // Five fixes of one vehicle in Shenzhen, each in GCJ-02 and in WGS-84 (MIT licence).
        let fixes = [
            ((22.534_902, 114.063_323), (22.537_611, 114.058_204)),
            ((22.534_855, 114.061_877), (22.537_566, 114.056_759)),
            ((22.534_857, 114.061_367), (22.537_569, 114.056_250)),
            ((22.536_897, 114.058_723), (22.539_613, 114.053_608)),
            ((22.536_877, 114.056_340), (22.539_597, 114.051_228)),
        ];
        for (gcj, wgs) in fixes {
            let found = to_wgs84(Datum::Gcj02, gcj.0, gcj.1);
            assert!(distance_m(found, wgs) < 2.0, "{gcj:?}");
        }
    }

    #[test]
    fn there_and_back_is_where_we_were() {
        for datum in Datum::ALL.iter().copied() {
            for place in [(28.2, 112.9), (39.9, 116.4), (22.5, 114.1), (51.5, -0.1)] {
                let there = from_wgs84(datum, place.0, place.1);
                let back = to_wgs84(datum, there.0, there.1);
                assert!(distance_m(back, place) < 0.7, "{datum:?} {place:?}");
            }
        }
    }

    #[test]
    fn only_china_is_shifted() {
        for datum in [Datum::Gcj02, Datum::Bd09] {
            assert!(distance_m(from_wgs84(datum, 28.2, 112.9), (28.2, 112.9)) > 100.0);
            for (lat, lon) in [(51.5, -0.1), (0.0, 0.0)] {
                assert_eq!(from_wgs84(datum, lat, lon), (lat, lon));
                assert_eq!(to_wgs84(datum, lat, lon), (lat, lon));
            }
        }
    }
}
