//! Measured quantities; constructors and getters name the unit.

use std::fmt;

/// A speed, exact for the wire's tenths and for limits given in miles per hour.
///
/// Unit: 0.001 km/h.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Speed(u32);

impl Speed {
    /// Standing still.
    pub const ZERO: Self = Self(0);

    /// From thousandths of a km/h.
    pub const fn from_mkmh(mkmh: u32) -> Self {
        Self(mkmh)
    }

    /// From tenths of a km/h, the unit of the wire.
    pub const fn from_dkmh(dkmh: u16) -> Self {
        Self(dkmh as u32 * 100)
    }

    /// From whole km/h.
    pub const fn from_whole_kmh(kmh: u16) -> Self {
        Self(kmh as u32 * 1000)
    }

    /// From km/h, rounded to a thousandth (a limit).
    ///
    /// Errors: `None` when not finite, negative, or over 4,000,000 km/h.
    pub fn from_kmh(kmh: f64) -> Option<Self> {
        let mkmh = (kmh * 1000.0).round();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range is checked here"
        )]
        (0.0..=4.0e9).contains(&mkmh).then_some(Self(mkmh as u32))
    }

    /// Thousandths of a km/h.
    pub const fn mkmh(self) -> u32 {
        self.0
    }

    /// Tenths of a km/h, rounded to nearest.
    pub const fn dkmh(self) -> u32 {
        (self.0 + 50) / 100
    }

    /// km/h with the fraction.
    pub fn kmh(self) -> f64 {
        f64::from(self.0) / 1000.0
    }

    /// Share by which this speed is over `limit`; 0 when it is not.
    ///
    /// Source: regulations 4.3, `(v_max - limit) / limit`, not rounded before comparison.
    pub fn excess_ratio(self, limit: Self) -> f64 {
        if limit.0 == 0 || self <= limit {
            0.0
        } else {
            f64::from(self.0 - limit.0) / f64::from(limit.0)
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} km/h", self.kmh())
    }
}

/// A place in WGS-84.
///
/// Unit: millionths of a degree, the resolution of JT/T 808; north and east positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Position {
    /// Latitude, millionths of a degree.
    pub lat_udeg: i32,
    /// Longitude, millionths of a degree.
    pub lon_udeg: i32,
}

impl Position {
    /// From degrees, rounded to a millionth.
    ///
    /// Errors: `None` when a value is not finite or outside ±90 / ±180.
    pub fn from_degrees(lat: f64, lon: f64) -> Option<Self> {
        if !(-90.0..=90.0).contains(&lat) || !(-180.0..=180.0).contains(&lon) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the range is checked above"
        )]
        Some(Self {
            lat_udeg: (lat * 1e6).round() as i32,
            lon_udeg: (lon * 1e6).round() as i32,
        })
    }

    /// From degrees that need not be of this earth; what cannot be represented becomes the nearest that can.
    ///
    /// For records that are kept but not judged: a latitude of 120.5 stays what it is.
    pub fn nearest(lat: f64, lon: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the conversion saturates, which is meant"
        )]
        let udeg = |degrees: f64| (degrees * 1e6).round() as i32;
        Self {
            lat_udeg: udeg(lat),
            lon_udeg: udeg(lon),
        }
    }

    /// Whether there is such a place: within ±90 and ±180 degrees.
    pub fn is_on_earth(self) -> bool {
        Self::from_degrees(self.lat(), self.lon()).is_some()
    }

    /// Latitude in degrees.
    pub fn lat(self) -> f64 {
        f64::from(self.lat_udeg) / 1e6
    }

    /// Longitude in degrees.
    pub fn lon(self) -> f64 {
        f64::from(self.lon_udeg) / 1e6
    }
}

/// Direction over ground.
///
/// Unit: whole degrees clockwise from north, `0..360`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Course(u16);

impl Course {
    /// From whole degrees; `None` outside `0..=360` (360 is north again).
    pub const fn from_degrees(degrees: u16) -> Option<Self> {
        if degrees <= 360 {
            Some(Self(degrees % 360))
        } else {
            None
        }
    }

    /// Whole degrees.
    pub const fn degrees(self) -> u16 {
        self.0
    }
}

/// Distance driven since the device was fitted.
///
/// Unit: 0.1 km, the unit of JT/T 808 item 0x01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Odometer(u32);

impl Odometer {
    /// From tenths of a kilometre.
    pub const fn from_hm(hm: u32) -> Self {
        Self(hm)
    }

    /// From kilometres, rounded to 0.1; `None` when not finite, negative or too large.
    pub fn from_km(km: f64) -> Option<Self> {
        let hm = (km * 10.0).round();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range is checked here"
        )]
        (0.0..=4.0e9).contains(&hm).then_some(Self(hm as u32))
    }

    /// Tenths of a kilometre.
    pub const fn hm(self) -> u32 {
        self.0
    }

    /// Kilometres.
    pub fn km(self) -> f64 {
        f64::from(self.0) / 10.0
    }
}
