//! What a track holds, found without the detectors: so that both can be held against each other.

use super::ground::Line;
use super::network::HALF_WIDTH_M;
use super::script::{PlannedViolation, Report};
use crate::model::{LocalZone, Span, Speed, Timestamp};

/// Driving is a speed over this one. Source: contract section 4.
const DRIVING_OVER: Speed = Speed::from_whole_kmh(5);
/// A stop at least this long is a rest.
const REST: Span = Span::from_minutes(20);
/// A fix holds for less than this.
const GAP: Span = Span::from_minutes(5);
/// Night, in milliseconds of the day.
const NIGHT_BEGINS_MS: i64 = 22 * 3_600_000;
const NIGHT_ENDS_MS: i64 = 6 * 3_600_000;

/// A violation that a track was drawn to hold, and what its enterprise does about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planned {
    pub(super) violation: PlannedViolation,
    /// From when the condition holds.
    pub(super) found: Timestamp,
    pub(super) remind: Remind,
    pub(super) handled: bool,
}

/// When the driver is reminded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remind {
    /// Within the five minutes of a grave one.
    AtOnce,
    /// When there is time for it.
    SomeTime,
    /// Long after the five minutes.
    TooLate,
    Never,
}

/// The first moment at which the driving since the last rest passes `limit`; at night only, where
/// asked.
pub(super) fn first_passing(
    reports: &[Report],
    day: Timestamp,
    limit: Span,
    night: bool,
) -> Option<Timestamp> {
    let zone = LocalZone::default();
    let mut driving = Span::ZERO;
    let mut stopped: Option<Timestamp> = None;
    for pair in reports.windows(2) {
        let [from, to] = pair else { continue };
        let held = to.time.since(from.time);
        if from.time < day || held >= GAP || from.speed <= DRIVING_OVER {
            let since = *stopped.get_or_insert(from.time);
            if to.time.since(since) >= REST {
                driving = Span::ZERO;
            }
            continue;
        }
        stopped = None;
        let of_day = zone.millis_of_day(from.time);
        if !night || !(NIGHT_ENDS_MS..NIGHT_BEGINS_MS).contains(&of_day) {
            driving = driving + held;
        }
        if driving > limit {
            return Some(to.time - (driving - limit));
        }
    }
    None
}

/// The first report that is farther from the line than its half-width.
pub(super) fn outside(line: &Line, reports: &[Report]) -> Option<Timestamp> {
    reports
        .iter()
        .find(|report| line.distance_m(report.position) > HALF_WIDTH_M)
        .map(|report| report.time)
}
