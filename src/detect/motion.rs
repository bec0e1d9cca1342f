//! The track as stretches of driving, standing and unknown time.
//!
//! A fix holds until the next one when that comes within the gap of the rulebook. Speed over the
//! driving threshold is movement; movement shorter than `movement_min` is standing.
//!
//! ```text
//! standing --movement--> pending --long enough--> driving   (the pending time was driving)
//! pending  --standing fix, or gap--> standing               (the pending time was standing)
//! driving  --standing fix--> standing
//! any      --gap, ends together--> standing, inferred
//! any      --gap, ends apart-----> unknown
//! ```
//!
//! Stretches come in order, without holes and without overlap; the pending time comes late, as a
//! whole, and belongs to the driver of the fix that decides it.

use crate::model::rules::MotionRules;
use crate::model::{DriverId, Timestamp};

use super::Transition;
use super::admit::{Mark, Step};

/// What a vehicle did for a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Activity {
    /// It drove.
    Driving,
    /// It stood.
    Standing,
    /// It was silent and stood where it was before: it is taken to have stood.
    StandingInferred,
    /// It was silent and is elsewhere.
    Unknown {
        /// Straight distance of the ends. Unit: m.
        distance_m: f64,
    },
}

/// A time with one activity and one driver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stretch {
    /// First moment.
    pub(super) from: Timestamp,
    /// First moment after it.
    pub(super) to: Timestamp,
    /// What happened.
    pub(super) activity: Activity,
    /// The driver of the fix that holds.
    pub(super) driver: Option<DriverId>,
}

/// The stretches that one fix decides: at most the pending time and a gap.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stretches([Option<Stretch>; 2]);

impl Stretches {
    /// The stretches in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Stretch> {
        self.0.iter().flatten()
    }
}

/// What the vehicle is doing at its last judged fix.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Motion {
    /// Movement too short to count so far began here.
    pub(super) pending_since: Option<Timestamp>,
    /// The last stretch was driving.
    pub(super) driving: bool,
    /// Beginning of the standing time up to now.
    pub(super) standing_since: Option<Timestamp>,
}

impl Motion {
    /// What happened since the last judged fix, as far as this one decides it.
    pub(super) fn handle_step(&mut self, rules: &MotionRules, step: &Step<'_>) -> Stretches {
        let Some(before) = step.before else {
            return Stretches::default();
        };
        let stretches = if step.gap.is_some() {
            self.cross_gap(step, &before)
        } else {
            Stretches([self.hold(rules, step, &before), None])
        };
        for stretch in stretches.iter() {
            self.remember(stretch);
        }
        stretches
    }

    /// The last fix holds until this one.
    fn hold(&mut self, rules: &MotionRules, step: &Step<'_>, before: &Mark) -> Option<Stretch> {
        let stretch = |from, activity| Stretch {
            from,
            to: step.fix.time,
            activity,
            driver: before.driver,
        };
        let since = self.pending_since.unwrap_or(before.fix.time);
        if before.fix.speed <= rules.driving_over {
            self.pending_since = None;
            Some(stretch(since, Activity::Standing))
        } else if self.driving || step.fix.time.since(since) >= rules.movement_min {
            self.pending_since = None;
            Some(stretch(since, Activity::Driving))
        } else {
            self.pending_since = Some(since);
            None
        }
    }

    fn cross_gap(&mut self, step: &Step<'_>, before: &Mark) -> Stretches {
        let begin = before.fix.time;
        let stretch = |from, to, activity| Stretch {
            from,
            to,
            activity,
            driver: before.driver,
        };
        let pending = self
            .pending_since
            .take()
            .filter(|since| *since < begin)
            .map(|since| stretch(since, begin, Activity::Standing));
        let activity = match step.gap {
            Some(gap) if !gap.stood => Activity::Unknown {
                distance_m: gap.distance_m,
            },
            _ => Activity::StandingInferred,
        };
        Stretches([pending, Some(stretch(begin, step.fix.time, activity))])
    }

    fn remember(&mut self, stretch: &Stretch) {
        self.driving = stretch.activity == Activity::Driving;
        match stretch.activity {
            Activity::Standing | Activity::StandingInferred => {
                self.standing_since.get_or_insert(stretch.from);
            }
            Activity::Driving | Activity::Unknown { .. } => self.standing_since = None,
        }
    }
}

/// Which driving has been told; see [`Transition::Driving`].
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct DrivingReport {
    /// Driving that has not been told yet.
    pub(super) untold: Option<(Timestamp, Timestamp)>,
    /// Everything before this moment, a whole minute, has been told.
    pub(super) minute_end: Timestamp,
}

/// Milliseconds of a minute.
const MINUTE_MS: i64 = 60_000;

impl DrivingReport {
    pub(super) fn handle_stretches(&mut self, stretches: &Stretches, out: &mut Vec<Transition>) {
        for stretch in stretches.iter() {
            if stretch.activity != Activity::Driving {
                self.tell(out);
                continue;
            }
            match &mut self.untold {
                Some((_, to)) if *to == stretch.from => *to = stretch.to,
                Some(_) | None => {
                    self.tell(out);
                    self.untold = Some((stretch.from, stretch.to));
                }
            }
            if stretch.to > self.minute_end {
                self.tell(out);
                let minute = (stretch.to.millis() - 1).div_euclid(MINUTE_MS) + 1;
                self.minute_end = Timestamp::from_millis(minute.saturating_mul(MINUTE_MS));
            }
        }
    }

    fn tell(&mut self, out: &mut Vec<Transition>) {
        if let Some((from, to)) = self.untold.take() {
            out.push(Transition::Driving { from, to });
        }
    }
}
