//! Coaches that drive as coaches do, the same in every run: what the archive's figures are measured on.
//!
//! A coach drives legs of an hour or two between towns at 60 to 95 km/h on winding roads, slows down and
//! stops on the way, rests between legs, and stands from late evening to early morning. Its terminal reports
//! every ten seconds while the ignition is on and every minute while it is off, with noise of satellite
//! positioning that drifts, tenths of km/h, whole degrees, metres of altitude and an odometer. Reports come
//! in 0.3 to 3 s after they were taken; one in fifty comes a second early or late.

use roadwarden::model::{
    Course, DriverId, Events, Fix, Odometer, Position, Quality, Source, Span, Speed, Timestamp,
    VehicleId,
};

/// Metres of a degree of latitude.
const DEGREE_M: f64 = 111_195.0;
/// Ignition on. Unit: seconds of the day.
const ON_FROM: i64 = 6 * 3600;
/// Ignition off. Unit: seconds of the day.
const ON_TO: i64 = 21 * 3600;
/// A leg and its rest. Unit: s.
const LEG_S: i64 = 7200;
/// Of it, driving. Unit: s.
const DRIVE_S: i64 = 5400;

/// Numbers that look like chance.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// From a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A whole number below 2^32.
    pub(crate) fn number(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 >> 32).unwrap_or(0)
    }

    /// From 0 to 1.
    pub(crate) fn part(&mut self) -> f64 {
        f64::from(self.number()) / 4_294_967_296.0
    }

    /// Around 0, mostly within 1.
    pub(crate) fn around(&mut self) -> f64 {
        (self.part() + self.part() + self.part() + self.part() - 2.0) * 1.7
    }
}

/// One coach on its way.
#[derive(Clone, Debug)]
pub(crate) struct Coach {
    dice: Dice,
    vehicle: VehicleId,
    now_s: i64,
    lat: f64,
    lon: f64,
    course: f64,
    bend: f64,
    kmh: f64,
    wanted_kmh: f64,
    altitude: f64,
    driven_m: f64,
    drift: (f64, f64),
    zone_s: i64,
}

impl Coach {
    /// Coach `number` at the beginning of a local day.
    pub(crate) fn new(number: u32, midnight: Timestamp) -> Self {
        let mut dice = Dice::new(u64::from(number) + 77);
        Self {
            vehicle: VehicleId(number),
            now_s: midnight.millis() / 1000,
            lat: 26.0 + 3.0 * dice.part(),
            lon: 110.0 + 3.0 * dice.part(),
            course: 360.0 * dice.part(),
            bend: 0.0,
            kmh: 0.0,
            wanted_kmh: 70.0,
            altitude: 60.0 + 100.0 * dice.part(),
            driven_m: 1e8 * dice.part(),
            drift: (0.0, 0.0),
            zone_s: midnight.millis() / 1000,
            dice,
        }
    }

    /// Its number.
    pub(crate) fn vehicle(&self) -> VehicleId {
        self.vehicle
    }

    /// The fixes of the next day.
    pub(crate) fn day(&mut self, fixes: &mut Vec<Fix>) {
        let begin = self.zone_s;
        let shift = i64::from(self.vehicle.0 % 60) * 61;
        let mut due = begin;
        while self.now_s < begin + 86_400 {
            let second = self.now_s - begin;
            let on = (ON_FROM + shift..ON_TO + shift).contains(&second);
            let drives = on && (second - ON_FROM - shift) % LEG_S < DRIVE_S;
            self.step(drives);
            if self.now_s >= due {
                fixes.push(self.fix(on));
                let early_or_late = match self.dice.number() % 50 {
                    0 => 1,
                    1 => -1,
                    _ => 0,
                };
                due = self.now_s + if on { 10 + early_or_late } else { 60 };
            }
            self.now_s += 1;
        }
        self.zone_s = begin + 86_400;
    }

    fn step(&mut self, drives: bool) {
        if self.dice.number().is_multiple_of(180) {
            self.wanted_kmh = match self.dice.number() % 10 {
                0 => 0.0,
                1 | 2 => 35.0,
                _ => 60.0 + 35.0 * self.dice.part(),
            };
        }
        let wanted = if drives { self.wanted_kmh } else { 0.0 };
        let change = (wanted - self.kmh).clamp(-4.0, 2.0);
        self.kmh = (self.kmh
            + change * 0.5
            + if wanted > 0.0 {
                0.4 * self.dice.around()
            } else {
                0.0
            })
        .max(0.0);
        if self.kmh < 0.5 && wanted == 0.0 {
            self.kmh = 0.0;
        }
        if self.kmh > 0.0 {
            if self.dice.number().is_multiple_of(40) {
                self.bend = 1.2 * self.dice.around();
            }
            self.bend *= 0.97;
            self.course = (self.course + self.bend * self.kmh / 70.0 + 360.0) % 360.0;
            let metres = self.kmh / 3.6;
            self.driven_m += metres;
            let angle = self.course.to_radians();
            self.lat += metres * angle.cos() / DEGREE_M;
            self.lon += metres * angle.sin() / (DEGREE_M * self.lat.to_radians().cos());
            self.altitude = (self.altitude + 0.15 * self.dice.around()).clamp(0.0, 900.0);
            // The error of positioning wanders by metres within half a minute; a terminal that stands holds still.
            self.drift.0 = self.drift.0 * 0.97 + 0.7 * self.dice.around();
            self.drift.1 = self.drift.1 * 0.97 + 0.7 * self.dice.around();
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small positive numbers"
    )]
    fn fix(&mut self, on: bool) -> Fix {
        let time = Timestamp::from_seconds(self.now_s);
        let lag_ms = 300 + i64::from(self.dice.number() % 2700);
        let lat = self.lat + self.drift.0 / DEGREE_M;
        let lon = self.lon + self.drift.1 / DEGREE_M;
        Fix {
            vehicle: self.vehicle,
            time,
            received: time + Span::from_millis(lag_ms),
            position: Position::from_degrees(lat, lon).unwrap_or_default(),
            speed: Speed::from_dkmh((self.kmh * 10.0) as u16),
            course: Course::from_degrees(self.course as u16 % 360),
            altitude_m: Some(self.altitude as i16),
            odometer: Some(Odometer::from_hm((self.driven_m / 100.0) as u32)),
            alarm: 0,
            status: if on { 3 } else { 2 },
            passengers: None,
            events: Events::NONE,
            driver: on.then_some(DriverId(self.vehicle.0 * 2)),
            source: Source::Terminal,
            quality: Quality::GOOD,
        }
    }
}
