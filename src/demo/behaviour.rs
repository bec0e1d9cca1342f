//! How one vehicle of the demo lives: it drives, stands, rests, goes dark, and reports.
//!
//! A [`Log`] is written step by step in simulated time, one report every [`STEP_S`] seconds while
//! the ignition is on; the result is the list of what its terminal sends, and when.

use std::sync::Arc;

use super::map::{Path, course};
use super::random::Random;
use crate::model::{Odometer, Span, Speed, Timestamp};
use crate::simulate::terminal::{BATCH_REPORTS_MAX, Card, Report};

/// Time between two reports. Unit: s.
pub(super) const STEP_S: i64 = 30;

/// How fast a vehicle gains and loses speed. Unit: m/s each second.
const ACCELERATION: f64 = 1.3;

/// Status bits: positioned, and ignition on.
const STATUS_ON: u32 = 3;
/// Status bits: positioned, ignition off.
const STATUS_OFF: u32 = 2;

/// What a terminal sends at a moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sending {
    /// A report (0x0200).
    Report(Report),
    /// Reports of a time without link (0x0704, kind 1).
    BlindArea(Vec<Report>),
    /// The driver's card goes in or out (0x0702).
    Card(Card),
}

/// A sending and its moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sent {
    /// When it leaves the terminal.
    pub(super) at: Timestamp,
    /// What it is.
    pub(super) what: Sending,
}

/// What happens to the reports of a drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// They are sent.
    Up,
    /// They are kept and sent later.
    Down,
    /// The terminal is off: there are none.
    Dark,
}

/// A way of driving.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drive {
    /// How long. Unit: minutes.
    pub(super) minutes: f64,
    /// Usual speed; the real one wavers by some 3 km/h around it. Unit: km/h.
    pub(super) kmh: f64,
    /// Distance to the right of the road's line. Unit: m.
    pub(super) right_m: f64,
    /// What happens to its reports.
    pub(super) link: Link,
    /// Whether it ends at a standstill.
    pub(super) stops: bool,
}

impl Drive {
    /// An ordinary drive that ends at a standstill.
    pub(super) const fn new(minutes: f64, kmh: f64) -> Self {
        Self {
            minutes,
            kmh,
            right_m: 0.0,
            link: Link::Up,
            stops: true,
        }
    }

    /// The same, but the next drive follows without a stop.
    pub(super) const fn rolling(self) -> Self {
        Self {
            stops: false,
            ..self
        }
    }

    /// The same, beside the road's line.
    pub(super) const fn right(self, right_m: f64) -> Self {
        Self { right_m, ..self }
    }

    /// The same, with another fate of its reports.
    pub(super) const fn link(self, link: Link) -> Self {
        Self { link, ..self }
    }
}

/// The life of one vehicle, as far as it has been written.
#[derive(Debug)]
pub(super) struct Log {
    path: Arc<Path>,
    random: Random,
    time: Timestamp,
    along_m: f64,
    forward: bool,
    right_m: f64,
    speed_mps: f64,
    waver_kmh: f64,
    driven_m: f64,
    kept: Vec<Report>,
    sent: Vec<Sent>,
}

impl Log {
    /// A vehicle that stands on `path`, at `share` of its length or, without one, anywhere.
    pub(super) fn new(
        path: Arc<Path>,
        mut random: Random,
        time: Timestamp,
        share: Option<f64>,
    ) -> Self {
        let anywhere = random.between(0.05, 0.95);
        let along_m = share.unwrap_or(anywhere) * path.length_m();
        let driven_m = random.between(2e7, 2e8);
        Self {
            path,
            random,
            time,
            along_m,
            forward: true,
            right_m: 0.0,
            speed_mps: 0.0,
            waver_kmh: 0.0,
            driven_m,
            kept: Vec::new(),
            sent: Vec::new(),
        }
    }

    /// What it sends, in order of time.
    pub(super) fn into_sent(self) -> Vec<Sent> {
        self.sent
    }

    /// Waits with the ignition off, silent, until `time`; then the ignition goes on.
    pub(super) fn park_until(&mut self, time: Timestamp) {
        if let Some(Sent {
            what: Sending::Report(last),
            ..
        }) = self.sent.last_mut()
        {
            last.status = STATUS_OFF;
        }
        // Reports stay on this vehicle's own grid of STEP_S.
        let step_ms = STEP_S * 1000;
        let steps = time.since(self.time).millis().div_euclid(step_ms);
        self.time = self.time + Span::from_millis(steps.max(0) * step_ms);
        self.report(Link::Up);
    }

    /// Stands with the ignition on.
    pub(super) fn stand(&mut self, minutes: f64) {
        for _ in 0..steps(minutes) {
            self.time = self.time + Span::from_seconds(STEP_S);
            self.report(Link::Up);
        }
    }

    /// A break of exactly `minutes` from the first standing report to the first moving one.
    pub(super) fn rest(&mut self, minutes: f64) {
        self.stand(minutes - 0.5);
    }

    /// Drives along the road; at its end the vehicle turns round.
    pub(super) fn drive(&mut self, drive: Drive) {
        let steps = steps(drive.minutes);
        for step in 0..steps {
            let left = (steps - step) * STEP_S;
            for second in 0..STEP_S {
                let stop_in = drive.stops.then_some(left - second);
                self.move_one_second(drive, stop_in);
            }
            self.time = self.time + Span::from_seconds(STEP_S);
            self.report(drive.link);
        }
    }

    /// Sends what was kept while the link was down.
    pub(super) fn upload(&mut self) {
        for reports in std::mem::take(&mut self.kept).chunks(BATCH_REPORTS_MAX) {
            self.send(Sending::BlindArea(reports.to_vec()));
        }
    }

    /// The driver's card goes in or out.
    pub(super) fn card(&mut self, card: Card) {
        self.send(Sending::Card(card));
    }

    /// Sends the last report once more with another place: a record that contradicts it.
    pub(super) fn contradict(&mut self) {
        let last = self.sent.iter().rev().find_map(|sent| match &sent.what {
            Sending::Report(report) => Some(*report),
            Sending::BlindArea(_) | Sending::Card(_) => None,
        });
        if let Some(mut report) = last {
            report.position.lat_udeg += 20_000;
            report.speed = Speed::from_whole_kmh(41);
            self.send(Sending::Report(report));
        }
    }

    fn send(&mut self, what: Sending) {
        self.sent.push(Sent {
            at: self.time,
            what,
        });
    }

    fn move_one_second(&mut self, drive: Drive, stop_in: Option<i64>) {
        self.waver_kmh = (self.waver_kmh * 0.97 + self.random.between(-0.5, 0.5)).clamp(-3.0, 3.0);
        let wished = (drive.kmh + self.waver_kmh) / 3.6;
        let limit = stop_in.map_or(f64::INFINITY, |seconds| {
            // One second early, so that the last report stands still.
            let seconds = u32::try_from(seconds - 2).unwrap_or(0);
            f64::from(seconds) * ACCELERATION
        });
        let step = (wished.min(limit) - self.speed_mps).clamp(-2.0 * ACCELERATION, ACCELERATION);
        self.speed_mps = (self.speed_mps + step).max(0.0);
        self.right_m += (drive.right_m - self.right_m).clamp(-15.0, 15.0);
        self.driven_m += self.speed_mps;
        self.along_m += if self.forward {
            self.speed_mps
        } else {
            -self.speed_mps
        };
        if self.along_m >= self.path.length_m() {
            self.forward = false;
        } else if self.along_m <= 0.0 {
            self.forward = true;
        }
    }

    fn report(&mut self, link: Link) {
        let (position, degrees) = self.path.at(self.along_m, self.right_m);
        let turned = if self.forward { 0.0 } else { 180.0 };
        let report = Report {
            alarm: 0,
            status: STATUS_ON,
            position,
            altitude_m: 80,
            speed: Speed::from_kmh((self.speed_mps * 36.0).round() / 10.0).unwrap_or_default(),
            course: course(degrees + turned),
            time: self.time,
            odometer: Odometer::from_km(self.driven_m / 1000.0).unwrap_or_default(),
        };
        match link {
            Link::Up => self.send(Sending::Report(report)),
            Link::Down => self.kept.push(report),
            Link::Dark => {}
        }
    }
}

/// Whole steps of a time. Unit: minutes in.
fn steps(minutes: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a day has some thousand steps"
    )]
    let seconds = (minutes * 60.0).round() as i64;
    seconds.max(0) / STEP_S
}

#[cfg(test)]
mod tests {
    use super::super::map::Map;
    use super::*;

    fn log() -> Log {
        let mut random = Random::new(3);
        let map = Map::new(&mut random);
        let time = Timestamp::from_rfc3339("2026-06-16T08:00:00+08:00").unwrap();
        Log::new(Arc::clone(&map.paths[0]), random, time, None)
    }

    fn speeds(log: Log) -> Vec<f64> {
        log.into_sent()
            .iter()
            .filter_map(|sent| match &sent.what {
                Sending::Report(report) => Some(report.speed.kmh()),
                Sending::BlindArea(_) | Sending::Card(_) => None,
            })
            .collect()
    }

    #[test]
    fn a_drive_begins_and_ends_within_one_report() {
        let mut log = log();
        log.drive(Drive::new(5.0, 80.0));
        log.rest(20.0);
        log.drive(Drive::new(5.0, 80.0));
        let speeds = speeds(log);
        assert_eq!(speeds.len(), 10 + 39 + 10);
        assert!(speeds[..9].iter().all(|speed| (70.0..84.0).contains(speed)));
        // Standing reports: one at the end of the drive, 39 of the rest; then moving again.
        assert!(speeds[9..49].iter().all(|speed| *speed < 0.1), "{speeds:?}");
        assert!(speeds[49] > 20.0);
        assert!(speeds[58] < 0.1);
    }

    #[test]
    fn a_surge_is_reached_at_once_and_left_at_once() {
        let mut log = log();
        log.drive(Drive::new(3.0, 80.0).rolling());
        log.drive(Drive::new(3.0, 115.0).rolling());
        log.drive(Drive::new(3.0, 80.0));
        let speeds = speeds(log);
        assert!(
            speeds[6..12].iter().all(|speed| *speed > 110.0),
            "{speeds:?}"
        );
        assert!(speeds[12..].iter().all(|speed| *speed < 84.0), "{speeds:?}");
    }

    #[test]
    fn what_is_kept_is_sent_later_and_what_is_dark_never() {
        let mut log = log();
        log.drive(Drive::new(20.0, 60.0).link(Link::Down));
        log.drive(Drive::new(5.0, 60.0).link(Link::Dark));
        log.upload();
        let sizes: Vec<_> = log
            .into_sent()
            .iter()
            .map(|sent| match &sent.what {
                Sending::BlindArea(reports) => reports.len(),
                Sending::Report(_) | Sending::Card(_) => 0,
            })
            .collect();
        assert_eq!(sizes, [28, 12]);
    }
}
