//! Driving while the terminal reports a fault of its own (rule N5).
//!
//! ```text
//! no run --driving fix with a fault bit--> run
//! run --driving fix with a fault bit--> run, told once its driving reaches the N5 threshold
//! run --fix without fault bits, gap, or a stop as long as a rest--> no run
//! ```
//!
//! Only driving counts; shorter stops are bridged and do not count.

use crate::model::rules::RuleSet;
use crate::model::{Span, Timestamp};

use super::Transition;
use super::admit::Step;
use super::motion::Motion;

/// The fault run that goes on, where there is one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fault {
    pub(super) run: Option<Box<Run>>,
}

/// Driving with a fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    /// First driving fix with the fault.
    pub(super) from: Timestamp,
    /// Last driving fix with the fault.
    pub(super) to: Timestamp,
    /// Driving between driving fixes with the fault.
    pub(super) driven: Span,
    /// Fault bits seen.
    pub(super) alarm: u32,
}

impl Fault {
    pub(super) fn heap_bytes(&self) -> usize {
        self.run.as_ref().map_or(0, |_| size_of::<Run>())
    }

    pub(super) fn handle_step(
        &mut self,
        rules: &RuleSet,
        step: &Step<'_>,
        motion: &Motion,
        out: &mut Vec<Transition>,
    ) {
        let fix = step.fix;
        let alarm = fix.alarm & rules.duty.fault_alarm_mask;
        if alarm == 0 || step.gap.is_some() {
            self.run = None;
        }
        if alarm == 0 {
            return;
        }
        if fix.speed <= rules.motion.driving_over {
            let rested = motion
                .standing_since
                .is_some_and(|since| fix.time.since(since) >= rules.fatigue.rest_min);
            if rested {
                self.run = None;
            }
            return;
        }
        let run = self.run.get_or_insert_with(|| {
            Box::new(Run {
                from: fix.time,
                to: fix.time,
                driven: Span::ZERO,
                alarm: 0,
            })
        });
        let drove_here = step.before.is_some_and(|before| {
            before.fix.time == run.to && before.fix.speed > rules.motion.driving_over
        });
        if drove_here {
            run.driven = run.driven + fix.time.since(run.to);
        }
        run.to = fix.time;
        run.alarm |= alarm;
        if run.driven >= rules.duty.offline_max {
            out.push(Transition::FaultRun {
                from: run.from,
                to: run.to,
                alarm: run.alarm,
            });
        }
    }
}
