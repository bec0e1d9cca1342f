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

#[cfg(test)]
mod tests {
    use super::super::admit::Admit;
    use super::*;
    use crate::model::{Events, Fix, Position, Quality, Source, Speed, VehicleId};
    use crate::rulebook::{default_document, parse};

    /// Fixes as `seconds kmh metres-north`, stretches as `from-to activity`.
    fn check(fixes: &[(i64, u16, i32)], expected: &[&str]) {
        let rules = parse(default_document()).unwrap();
        let mut admit = Admit::default();
        let mut motion = Motion::default();
        let mut found = Vec::new();
        for (seconds, kmh, north_m) in fixes {
            let fix = Fix {
                vehicle: VehicleId(1),
                time: Timestamp::from_seconds(*seconds),
                received: Timestamp::from_seconds(*seconds),
                position: Position {
                    lat_udeg: 28_000_000 + north_m * 9,
                    lon_udeg: 112_000_000,
                },
                speed: Speed::from_whole_kmh(*kmh),
                course: None,
                altitude_m: None,
                odometer: None,
                alarm: 0,
                status: 3,
                passengers: None,
                events: Events::NONE,
                driver: None,
                source: Source::File,
                quality: Quality::GOOD,
            };
            let step = admit.handle_fix(&rules.plausibility, &fix).unwrap();
            let step = step.with_gap(&rules.motion);
            for stretch in motion.handle_step(&rules.motion, &step).iter() {
                let activity = match stretch.activity {
                    Activity::Driving => "driving",
                    Activity::Standing => "standing",
                    Activity::StandingInferred => "inferred",
                    Activity::Unknown { .. } => "unknown",
                };
                let (from, to) = (stretch.from.millis() / 1000, stretch.to.millis() / 1000);
                found.push(format!("{from}-{to} {activity}"));
            }
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn a_fix_holds_until_the_next() {
        check(
            &[
                (0, 0, 0),
                (30, 60, 0),
                (60, 60, 500),
                (90, 5, 900),
                (120, 6, 900),
                (150, 0, 900),
            ],
            &[
                "0-30 standing",
                "30-60 driving",
                "60-90 driving",
                "90-120 standing",
                "120-150 driving",
            ],
        );
    }

    #[test]
    fn a_short_movement_is_standing() {
        check(
            &[
                (0, 0, 0),
                (30, 60, 0),
                (35, 60, 80),
                (39, 0, 150),
                (60, 0, 150),
            ],
            &["0-30 standing", "30-60 standing"],
        );
        check(
            &[(0, 60, 0), (5, 60, 80), (10, 0, 160), (15, 0, 160)],
            &["0-10 driving", "10-15 standing"],
        );
    }

    #[test]
    fn a_gap_is_standing_or_unknown() {
        check(
            &[
                (0, 60, 0),
                (300, 60, 499),
                (304, 60, 550),
                (900, 0, 6000),
                (1199, 0, 6000),
            ],
            &[
                "0-300 inferred",
                "300-304 standing",
                "304-900 unknown",
                "900-1199 standing",
            ],
        );
    }
}
