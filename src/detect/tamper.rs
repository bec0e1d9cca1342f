//! Signs that a terminal was tampered with: positions that stand still while the odometer runs, and
//! an odometer that does not agree with the track.
//!
//! ```text
//! still: anchor --fix at the same place, odometer goes on--> runs
//!        runs --fix at the same place, odometer on by so much more--> violation, from the anchor
//!        violation --fix elsewhere--> anchor          (ended at that fix)
//! miles: block --driven or counted a block's length, the two apart--> violation, from the block's first fix
//!        violation --next block the same--> violation
//!        violation --block that agrees--> no violation   (ended at the block's first fix)
//! both:  any --gap, jump, no odometer, odometer back--> forgotten     (ended at the last fix before)
//! ```
//!
//! A counter of whole kilometres goes on by one after a metre or after a thousand: only what it counts after
//! its first step at a place was driven there.
//!
//! The track is the sum of the straight ways between fixes while the vehicle moves; it is shorter than
//! the road, so that the tolerance of the rulebook is wide.

use crate::geo::{metres, within};
use crate::model::rules::TamperRules;
use crate::model::violation::{Details, FixMark};
use crate::model::{Odometer, Timestamp, ViolationKind};

use super::admit::{Step, mark};
use super::episode::{Episode, Finding};
use super::grade::penalty;
use super::{Context, Transition};

/// What is remembered to compare odometer and positions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tamper {
    pub(super) odometer: Option<Box<Counted>>,
    /// Positions stand still while the odometer runs.
    pub(super) still: Option<Box<Episode>>,
    /// The odometer does not agree with the track.
    pub(super) apart: Option<Box<Apart>>,
}

/// Where the comparisons began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Counted {
    /// First fix at the place where the vehicle seems to be.
    pub(super) anchor: FixMark,
    /// Odometer when it went on for the first time since then.
    pub(super) runs_from: Option<Odometer>,
    /// First fix of the block.
    pub(super) block: FixMark,
    /// Odometer there.
    pub(super) block_odometer: Odometer,
    /// Way since then. Unit: m.
    pub(super) track_m: f64,
    /// Odometer of the last fix.
    pub(super) last: Odometer,
}

/// Blocks in a row that do not agree.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Apart {
    /// Distance by the odometer. Unit: km.
    pub(super) odometer_km: f64,
    /// Distance by the track. Unit: km.
    pub(super) track_km: f64,
    pub(super) episode: Episode,
}

impl Tamper {
    pub(super) fn heap_bytes(&self) -> usize {
        self.odometer.as_ref().map_or(0, |_| size_of::<Counted>())
            + self.still.as_ref().map_or(0, |_| size_of::<Episode>())
            + self.apart.as_ref().map_or(0, |_| size_of::<Apart>())
    }

    pub(super) fn handle_step(
        &mut self,
        context: &Context<'_>,
        step: &Step<'_>,
        out: &mut Vec<Transition>,
    ) {
        let fix = step.fix;
        if self.odometer.is_none() && fix.odometer.is_none() {
            return;
        }
        let broken = step.gap.is_some() || step.relocated;
        let goes_on = self
            .odometer
            .as_ref()
            .is_some_and(|known| !broken && fix.odometer.is_some_and(|now| now >= known.last));
        let known = self.odometer.take_if(|_| goes_on);
        let (Some(mut counted), Some(now)) = (known, fix.odometer) else {
            let end = step.before.map_or(fix.time, |before| before.fix.time);
            self.forget(context, step, end, out);
            self.odometer = fix.odometer.map(|now| {
                Box::new(Counted {
                    anchor: mark(fix),
                    runs_from: None,
                    block: mark(fix),
                    block_odometer: now,
                    track_m: 0.0,
                    last: now,
                })
            });
            return;
        };
        if let Some(before) = &step.before {
            let driving_over = context.rules.motion.driving_over;
            if fix.speed > driving_over || before.fix.speed > driving_over {
                counted.track_m += metres(before.fix.position, fix.position);
            }
        }
        if now > counted.last {
            counted.runs_from.get_or_insert(now);
        }
        counted.last = now;
        self.compare_places(context, step, &mut counted, out);
        self.compare_distances(context, step, &mut counted, now, out);
        self.odometer = Some(counted);
    }

    fn compare_places(
        &mut self,
        context: &Context<'_>,
        step: &Step<'_>,
        counted: &mut Counted,
        out: &mut Vec<Transition>,
    ) {
        let rules = &context.rules.tamper;
        let fix = step.fix;
        if !within(counted.anchor.position, fix.position, rules.still_m) {
            if let Some(still) = self.still.take() {
                let km = counted.run_km();
                let finding = || finding(context, STILL, km, 0.0);
                still.end(context, fix, fix.time, None, finding, out);
            }
            counted.anchor = mark(fix);
            counted.runs_from = None;
            return;
        }
        let km = counted.run_km();
        if km < rules.still_km {
            return;
        }
        let still = if let Some(still) = &mut self.still {
            still.see(fix);
            still
        } else {
            let mut episode = Episode::new(counted.anchor.time, fix);
            episode.first = counted.anchor.time;
            self.still.insert(Box::new(episode))
        };
        let finding = || finding(context, STILL, km, 0.0);
        still.tell(context, fix, Some(fix.time), finding, out);
    }

    fn compare_distances(
        &mut self,
        context: &Context<'_>,
        step: &Step<'_>,
        counted: &mut Counted,
        now: Odometer,
        out: &mut Vec<Transition>,
    ) {
        let rules = &context.rules.tamper;
        let fix = step.fix;
        let odometer_km = between_km(counted.block_odometer, now);
        let track_km = counted.track_m / 1000.0;
        if odometer_km.max(track_km) < rules.block_km {
            return;
        }
        if are_apart(rules, odometer_km, track_km) {
            let apart = if let Some(apart) = &mut self.apart {
                apart.odometer_km += odometer_km;
                apart.track_km += track_km;
                apart.episode.see(fix);
                apart
            } else {
                let mut episode = Episode::new(counted.block.time, fix);
                episode.first = counted.block.time;
                self.apart.insert(Box::new(Apart {
                    odometer_km,
                    track_km,
                    episode,
                }))
            };
            let (odometer_km, track_km) = (apart.odometer_km, apart.track_km);
            let finding = || finding(context, APART, odometer_km, track_km);
            apart
                .episode
                .tell(context, fix, Some(fix.time), finding, out);
        } else if let Some(apart) = self.apart.take() {
            apart.finish(context, step, counted.block.time, out);
        }
        counted.block = mark(fix);
        counted.block_odometer = now;
        counted.track_m = 0.0;
    }

    /// Nothing can be compared across what lies before the fix.
    fn forget(
        &mut self,
        context: &Context<'_>,
        step: &Step<'_>,
        end: Timestamp,
        out: &mut Vec<Transition>,
    ) {
        if let (Some(still), Some(counted)) = (self.still.take(), &self.odometer) {
            let km = counted.run_km();
            let finding = || finding(context, STILL, km, 0.0);
            still.end(context, step.fix, end, None, finding, out);
        }
        if let Some(apart) = self.apart.take() {
            let end = apart.episode.last;
            apart.finish(context, step, end, out);
        }
    }
}

impl Counted {
    /// Distance that the odometer has surely counted at the place of the anchor.
    fn run_km(&self) -> f64 {
        let from = self.runs_from.unwrap_or(self.last);
        between_km(from, self.last)
    }
}

impl Apart {
    fn finish(
        self,
        context: &Context<'_>,
        step: &Step<'_>,
        end: Timestamp,
        out: &mut Vec<Transition>,
    ) {
        let (odometer_km, track_km) = (self.odometer_km, self.track_km);
        let finding = || finding(context, APART, odometer_km, track_km);
        self.episode.end(context, step.fix, end, None, finding, out);
    }
}

/// What violations call them.
const STILL: &str = "positions_frozen";
const APART: &str = "odometer_mismatch";

fn between_km(from: Odometer, to: Odometer) -> f64 {
    f64::from(to.hm().saturating_sub(from.hm())) / 10.0
}

/// Whether two distances differ by more than the tolerance, which is of the shorter one.
fn are_apart(rules: &TamperRules, one_km: f64, other_km: f64) -> bool {
    let (less, more) = (one_km.min(other_km), one_km.max(other_km));
    more > less * (1.0 + f64::from(rules.apart_percent) / 100.0) + rules.apart_km
}

fn finding(context: &Context<'_>, alarm: &str, measured_km: f64, expected_km: f64) -> Finding {
    let rules = &context.rules.tamper;
    let tenths = |km: f64| Some((km * 10.0).round() / 10.0);
    Finding {
        kind: ViolationKind::TerminalAlarm,
        details: Details::TerminalAlarm {
            alarm: alarm.to_owned(),
            level: None,
            measured: tenths(measured_km),
            allowed: tenths(expected_km),
            fine_cny: None,
        },
        grade: penalty(context.rules, &rules.penalty, context.profile.class, true),
    }
}
