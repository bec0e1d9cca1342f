//! Which fixes may be judged: order, duplicates, contradictions, quality, impossible jumps.
//!
//! ```text
//! clock not believable ------------------------> NotJudged, nothing remembered
//! older than the last fix seen ----------------> Late
//! as old, to stand in its place ---------------> Late
//! as old: same place and speed ----------------> Duplicate, otherwise Contradiction
//! newer, bad quality --------------------------> NotJudged, becomes the last fix seen
//! newer, not reachable from the last good place -> NotJudged(JUMP), unless it settles (below)
//! newer --------------------------------------> Judged, becomes the last good place
//! ```
//!
//! A place is reachable when a vehicle of the rulebook's top speed could have come from the last
//! good one in the time between, with some slack. Terminals that lose leading zeros of the decimal
//! part (25.000033 sent as 25.33) jump away by up to a degree and back. The vehicle may really be
//! elsewhere, though, or the last good place was the wrong one: when a number of consecutive fixes
//! (rulebook `jump_fixes`) are all reachable from each other, the last of them becomes the good
//! place and is judged, marked as relocated; the ones before it stay not judged. The way between
//! the two places is then no evidence of movement.
//!
//! Which of two records with one fix time stands, [`Fix::precedence`] says. Where that is the one that came
//! second, the detectors have seen the wrong one, and the track must be judged again as for a late fix.

use std::ops::RangeInclusive;

use super::road::OnRoad;
use crate::geo::{metres, within};
use crate::model::rules::{MotionRules, PlausibilityRules};
use crate::model::violation::FixMark;
use crate::model::{DriverId, Fix, Quality, Span, Speed};

/// What became of a fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// All detectors have seen it.
    Judged,
    /// It cannot be judged, for these reasons; no detector has seen it.
    NotJudged(Quality),
    /// The last fix again.
    Duplicate,
    /// Same fix time as the last fix, but another place or speed.
    Contradiction,
    /// Older than the last fix, or than a silence that was decided
    /// ([`silent_until`](super::VehicleState::silent_until)), or of the last one's time and to stand in
    /// its place: whether it is new must be looked up in the stored track.
    Late,
}

/// Fix times that any calculation can bear: 1970 to 2248. The rulebook's range lies within.
const TIMES_MS: RangeInclusive<i64> = 0..=1 << 43;

/// The order and the last good place of a vehicle.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Admit {
    /// Last fix in order, judged or not.
    pub(super) seen: Option<Fix>,
    /// Last fix judged.
    pub(super) judged: Option<Mark>,
    /// Fixes in a row that agree on a place that cannot be reached.
    pub(super) newcomer: Option<Box<Newcomer>>,
}

/// What later steps must know of the last judged fix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mark {
    /// Time, place, speed.
    pub(super) fix: FixMark,
    /// Who drove.
    pub(super) driver: Option<DriverId>,
}

impl Mark {
    fn of(fix: &Fix) -> Self {
        Self {
            fix: mark(fix),
            driver: fix.driver,
        }
    }
}

/// A place that may turn out to be the real one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Newcomer {
    /// Last fix there.
    pub(super) last: FixMark,
    /// Fixes so far.
    pub(super) fixes: u32,
}

/// A judged fix with what lies between it and the one before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'a> {
    /// The fix.
    pub(super) fix: &'a Fix,
    /// The judged fix before it.
    pub(super) before: Option<Mark>,
    /// The place was settled after a jump: distance to `before` is no movement.
    pub(super) relocated: bool,
    /// The gap in the record before the fix, where there is one.
    pub(super) gap: Option<Gap>,
    /// The road that it drives, for speeding.
    pub(super) road: Option<OnRoad>,
}

/// A gap in the record (A9).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gap {
    /// Straight distance of its ends; 0 when the far end was settled after a jump. Unit: m.
    pub(super) distance_m: f64,
    /// The vehicle is where it was.
    pub(super) stood: bool,
}

impl Admit {
    pub(super) fn heap_bytes(&self) -> usize {
        self.newcomer.as_ref().map_or(0, |_| size_of::<Newcomer>())
    }

    pub(super) const fn last_seen(&self) -> Option<&Fix> {
        self.seen.as_ref()
    }

    pub(super) const fn last_judged(&self) -> Option<&Mark> {
        self.judged.as_ref()
    }

    /// Whether a fix has a believable time, later than that of every fix seen before.
    pub(super) fn is_next(&self, fix: &Fix) -> bool {
        is_believable(fix) && self.seen.is_none_or(|seen| seen.time < fix.time)
    }

    /// Admits a fix or says why not.
    pub(super) fn handle_fix<'a>(
        &mut self,
        rules: &PlausibilityRules,
        fix: &'a Fix,
    ) -> Result<Step<'a>, Admission> {
        if !is_believable(fix) {
            return Err(Admission::NotJudged(fix.quality.with(Quality::CLOCK)));
        }
        if let Some(seen) = &self.seen {
            if fix.time < seen.time {
                return Err(Admission::Late);
            }
            if fix.time == seen.time {
                return Err(compare(seen, fix));
            }
        }
        self.seen = Some(*fix);
        if !fix.quality.is_judged() {
            return Err(Admission::NotJudged(fix.quality));
        }
        let before = self.judged;
        let relocated = match before {
            Some(before) if !reachable(rules, &before.fix, fix) => {
                if !self.settles(rules, fix) {
                    return Err(Admission::NotJudged(fix.quality.with(Quality::JUMP)));
                }
                true
            }
            _ => false,
        };
        self.newcomer = None;
        self.judged = Some(Mark::of(fix));
        Ok(Step {
            fix,
            before,
            relocated,
            gap: None,
            road: None,
        })
    }

    /// Whether enough fixes in a row agree on the place of this one.
    fn settles(&mut self, rules: &PlausibilityRules, fix: &Fix) -> bool {
        let fixes = match &self.newcomer {
            Some(newcomer) if reachable(rules, &newcomer.last, fix) => {
                newcomer.fixes.saturating_add(1)
            }
            _ => 1,
        };
        self.newcomer = Some(Box::new(Newcomer {
            last: mark(fix),
            fixes,
        }));
        fixes >= rules.jump_fixes
    }
}

impl Step<'_> {
    /// Fills in the gap before the fix.
    pub(super) fn with_gap(mut self, rules: &MotionRules) -> Self {
        if let Some(before) = self.before
            && self.fix.time.since(before.fix.time) >= rules.gap
        {
            let distance_m = metres(before.fix.position, self.fix.position);
            self.gap = Some(Gap {
                distance_m: if self.relocated { 0.0 } else { distance_m },
                stood: !self.relocated && distance_m < rules.same_place_m,
            });
        }
        self
    }
}

/// Time, place and speed of a fix.
pub(super) const fn mark(fix: &Fix) -> FixMark {
    FixMark {
        time: fix.time,
        position: fix.position,
        speed: fix.speed,
    }
}

/// Whether the fix time can be true.
fn is_believable(fix: &Fix) -> bool {
    !fix.quality.contains(Quality::CLOCK) && TIMES_MS.contains(&fix.time.millis())
}

/// Two records of one fix time.
fn compare(first: &Fix, second: &Fix) -> Admission {
    if second.precedence() < first.precedence() {
        Admission::Late
    } else if first.agrees_with(second) {
        Admission::Duplicate
    } else {
        Admission::Contradiction
    }
}

/// Whether a vehicle can have come from one place to the other in the time between.
fn reachable(rules: &PlausibilityRules, from: &FixMark, to: &Fix) -> bool {
    let way_m = way_m(rules.jump_speed, to.time.since(from.time));
    within(from.position, to.position, rules.jump_slack_m + way_m)
}

/// Way driven at a speed in a time. Unit: m.
pub(super) fn way_m(speed: Speed, time: Span) -> f64 {
    speed.kmh() / 3.6 * time.seconds()
}
