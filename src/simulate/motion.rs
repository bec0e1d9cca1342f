//! How a simulated vehicle moves: round and round a wide octagon, at a steady and lawful speed.

use super::terminal::Report;
use crate::model::{Course, Odometer, Position, Span, Speed, Timestamp};

/// Metres of a degree of latitude.
const DEGREE_M: f64 = 111_195.0;

/// Distance driven before the next turn of 45 degrees. Unit: m.
const LEG_M: f64 = 4_000.0;

/// A moving vehicle.
#[derive(Clone, Debug)]
pub(super) struct Motion {
    report: Report,
    lat: f64,
    lon: f64,
    leg_m: f64,
    driven_m: f64,
}

impl Motion {
    /// Vehicle `number`, somewhere in a grid over Hunan, whose next report is of `time`.
    pub(super) fn new(number: u32, time: Timestamp) -> Self {
        let lat = 26.0 + f64::from(number % 311) * 0.01;
        let lon = 110.0 + f64::from(number % 293) * 0.01;
        let speed = u16::try_from(55 + number % 20).unwrap_or(55);
        Self {
            report: Report {
                alarm: 0,
                status: 3,
                position: Position::default(),
                altitude_m: 60,
                speed: Speed::from_whole_kmh(speed),
                course: Course::from_degrees(u16::try_from(number % 8 * 45).unwrap_or(0))
                    .unwrap_or_default(),
                time,
                odometer: Odometer::from_hm(100_000),
            },
            lat,
            lon,
            leg_m: 0.0,
            driven_m: 0.0,
        }
    }

    /// Fix time of the next report.
    pub(super) fn time(&self) -> Timestamp {
        self.report.time
    }

    /// The report of now; the vehicle then drives on for `step`.
    pub(super) fn advance(&mut self, step: Span) -> Report {
        let mut report = self.report;
        report.position = Position::from_degrees(self.lat, self.lon).unwrap_or_default();
        report.odometer = Odometer::from_km(10_000.0 + self.driven_m / 1000.0).unwrap_or_default();
        let metres = report.speed.kmh() / 3.6 * step.seconds();
        let angle = f64::from(report.course.degrees()).to_radians();
        self.lat += metres * angle.cos() / DEGREE_M;
        self.lon += metres * angle.sin() / (DEGREE_M * self.lat.to_radians().cos());
        self.driven_m += metres;
        self.leg_m += metres;
        if self.leg_m >= LEG_M {
            self.leg_m = 0.0;
            let turned = (report.course.degrees() + 45) % 360;
            self.report.course = Course::from_degrees(turned).unwrap_or_default();
        }
        self.report.time = report.time + step;
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_driving_stays_near_and_never_jumps() {
        let mut motion = Motion::new(17, Timestamp::from_seconds(1_800_000_000));
        let mut previous = motion.advance(Span::from_seconds(1));
        let first = previous.position;
        for _ in 0..86_400 {
            let report = motion.advance(Span::from_seconds(1));
            let north = report.position.lat() - previous.position.lat();
            let east = report.position.lon() - previous.position.lon();
            assert!(north.hypot(east) * DEGREE_M < 30.0);
            assert!((report.position.lat() - first.lat()).abs() < 0.3);
            assert_eq!(report.time.since(previous.time), Span::from_seconds(1));
            previous = report;
        }
        assert!(previous.odometer > Odometer::from_hm(100_000));
    }
}
