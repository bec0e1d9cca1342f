//! What one terminal reports: positions at full intervals, along the drives of its vehicle.

use super::motion::{Beside, Drive, Moment};
use super::random::Random;
use super::script::Report;
use crate::model::{Course, Odometer, Position, Span, Speed, Timestamp};

/// Status bits: ignition on, positioned.
const STATUS_ON: u32 = 0b11;
/// Status bits: ignition off, positioned.
const STATUS_OFF: u32 = 0b10;
/// Longest stop over which a terminal keeps its usual interval. Unit: s.
const USUAL_STOP_S: i64 = 3600;
/// Time between two reports in a longer stop, under the five minutes of a gap. Unit: s.
const LONG_STOP_INTERVAL_S: i64 = 240;

/// The reports of one vehicle so far.
#[derive(Debug)]
pub(super) struct Logbook {
    /// Midnight of the demo day.
    day: Timestamp,
    interval_s: i64,
    phase_s: i64,
    odometer_m: f64,
    position: Position,
    course: Course,
    /// By time.
    pub(super) reports: Vec<Report>,
}

/// What came of a drive.
#[derive(Clone, Debug)]
pub(super) struct Driven {
    /// Arrival. Unit: s of the demo day.
    pub(super) arrived_s: i64,
    /// Time of the first report over the limit in each surge.
    pub(super) over: Vec<Option<Timestamp>>,
}

impl Logbook {
    /// An empty book of a vehicle that stands at `position`.
    pub(super) fn new(day: Timestamp, interval_s: i64, random: &mut Random) -> Self {
        let phase = u32::try_from(interval_s).map_or(0, |bound| random.below(bound));
        Self {
            day,
            interval_s,
            phase_s: i64::from(phase),
            odometer_m: random.between(40_000_000.0, 480_000_000.0),
            position: Position::default(),
            course: Course::default(),
            reports: Vec::new(),
        }
    }

    /// Puts the vehicle somewhere without a report.
    pub(super) fn stand_at(&mut self, position: Position) {
        self.position = position;
    }

    /// The first full interval at or after `second`.
    pub(super) fn next_report_s(&self, second: i64) -> i64 {
        let past = (second - self.phase_s).rem_euclid(self.interval_s);
        if past == 0 {
            second
        } else {
            second + self.interval_s - past
        }
    }

    /// One report of a standing vehicle, ignition off.
    pub(super) fn sleep(&mut self, second: i64) {
        let second = self.next_report_s(second);
        self.write(second, 0.0, STATUS_OFF);
    }

    /// Stands in `from_s..until_s`.
    pub(super) fn park(&mut self, from_s: i64, until_s: i64) {
        let every_s = if until_s - from_s <= USUAL_STOP_S {
            self.interval_s
        } else {
            LONG_STOP_INTERVAL_S
        };
        let mut second = self.next_report_s(from_s);
        while second < until_s {
            self.write(second, 0.0, STATUS_ON);
            second += every_s;
        }
    }

    /// Drives.
    pub(super) fn drive(
        &mut self,
        drive: &Drive<'_>,
        beside: Beside,
        random: &mut Random,
    ) -> Driven {
        let mut driven = Driven {
            arrived_s: drive.departs_s,
            over: vec![None; drive.surges.len()],
        };
        let mut last_m = 0.0;
        drive.run(random, |moment| {
            self.odometer_m += moment.along_m - last_m;
            last_m = moment.along_m;
            driven.arrived_s = moment.second;
            if self.next_report_s(moment.second) == moment.second {
                self.position = beside.place(&drive.way.line, moment.along_m);
                self.course = drive.way.line.course(moment.along_m);
                self.write(moment.second, moment.mps, STATUS_ON);
                self.mark_over(drive, moment, &mut driven);
            }
        });
        let end_m = drive.way.line.length_m();
        self.position = beside.place(&drive.way.line, end_m);
        // The arrival itself is the first report of the stop that follows.
        if self
            .reports
            .last()
            .is_some_and(|last| self.second(last) == driven.arrived_s)
        {
            self.reports.pop();
        }
        driven
    }

    fn mark_over(&self, drive: &Drive<'_>, moment: Moment, driven: &mut Driven) {
        let (Some(report), Some(surge)) = (self.reports.last(), moment.surge) else {
            return;
        };
        let over = report.speed.kmh() > drive.limit_kmh(&moment);
        if let Some(first) = driven.over.get_mut(surge)
            && over
        {
            first.get_or_insert(report.time);
        }
    }

    /// Second of the demo day of a report.
    pub(super) fn second(&self, report: &Report) -> i64 {
        report.time.since(self.day).millis() / 1000
    }

    fn write(&mut self, second: i64, mps: f64, status: u32) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a few hundred at most"
        )]
        let dkmh = (mps * 36.0).round() as u16;
        let hills = (self.position.lat() * 90.0).sin() + (self.position.lon() * 70.0).cos();
        #[expect(clippy::cast_possible_truncation, reason = "20 to 160 m")]
        let altitude_m = (90.0 + 35.0 * hills) as i16;
        self.reports.push(Report {
            time: self.day + Span::from_seconds(second),
            position: self.position,
            speed: Speed::from_dkmh(dkmh),
            course: self.course,
            altitude_m,
            odometer: Odometer::from_km(self.odometer_m / 1000.0).unwrap_or_default(),
            alarm: 0,
            status,
        });
    }
}
