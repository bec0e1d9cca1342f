//! Days on which a vehicle's positions drift (A12): many fixes whose place cannot be true.
//!
//! ```text
//! day --fix that was refused for its place--> day with one point more
//! day --enough points--> violation, from the first point
//! any --fix of another day--> next day        (ended at the end of the day)
//! ```
//!
//! Drift points are fixes that no detector judges: impossible jumps and places outside the plausible
//! range. They cost the driver nothing; they tell of a terminal that is broken or jammed.

use crate::model::violation::Details;
use crate::model::{Fix, Quality, Timestamp, ViolationKind};

use super::episode::{Episode, Finding};
use super::grade::penalty;
use super::{Context, Transition};

/// Drift points of one local day.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Drift {
    pub(super) day: Option<Box<Day>>,
}

/// A day with drift points.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Day {
    /// First moment after it.
    pub(super) end: Timestamp,
    /// Its points are the fixes of the episode.
    pub(super) episode: Episode,
}

impl Drift {
    pub(super) fn heap_bytes(&self) -> usize {
        self.day.as_ref().map_or(0, |_| size_of::<Day>())
    }

    /// A fix that was judged: only its day matters.
    pub(super) fn handle_judged(
        &mut self,
        context: &Context<'_>,
        fix: &Fix,
        out: &mut Vec<Transition>,
    ) {
        if let Some(day) = self.day.take_if(|day| fix.time >= day.end) {
            day.finish(context, fix, out);
        }
    }

    /// A fix that was refused for these reasons, in order.
    pub(super) fn handle_refused(
        &mut self,
        context: &Context<'_>,
        fix: &Fix,
        reasons: Quality,
        out: &mut Vec<Transition>,
    ) {
        let drifts = [Quality::JUMP, Quality::PLACE_RANGE]
            .into_iter()
            .any(|reason| reasons.contains(reason));
        if !drifts || reasons.contains(Quality::CLOCK) {
            return;
        }
        self.handle_judged(context, fix, out);
        let day = if let Some(day) = &mut self.day {
            day.episode.see(fix);
            day
        } else {
            let zone = &context.rules.zone;
            self.day.insert(Box::new(Day {
                end: zone.day_start(zone.day(fix.time) + 1),
                episode: Episode::new(fix.time, fix),
            }))
        };
        let points = day.episode.fixes;
        let counts = (points >= context.rules.drift.points_min).then_some(fix.time);
        let finding = || finding(context, points);
        day.episode.tell(context, fix, counts, finding, out);
    }
}

impl Day {
    fn finish(self, context: &Context<'_>, fix: &Fix, out: &mut Vec<Transition>) {
        let points = self.episode.fixes;
        let finding = || finding(context, points);
        self.episode.end(context, fix, self.end, None, finding, out);
    }
}

/// What a violation calls it.
const ALARM: &str = "drift_day";

fn finding(context: &Context<'_>, points: u32) -> Finding {
    let rules = &context.rules.drift;
    Finding {
        kind: ViolationKind::TerminalAlarm,
        details: Details::TerminalAlarm {
            alarm: ALARM.to_owned(),
            level: None,
            measured: Some(f64::from(points)),
            allowed: Some(f64::from(rules.points_min.saturating_sub(1))),
            fine_cny: None,
        },
        grade: penalty(context.rules, &rules.penalty, context.profile.class, true),
    }
}
