//! Speeds just below the limit, told before they are violations (regulations 4.3).
//!
//! ```text
//! away --fix within the margin below its limit--> near     (told, unless told a short while ago)
//! away --fix over its limit--> near                        (the violation is told instead)
//! near --fix well below the margin, or gap--> away
//! ```

use crate::model::prealarm::{Near, PreAlarm};
use crate::model::{Speed, Timestamp, ViolationKind};

use super::admit::Step;
use super::limit::Limit;
use super::{Context, Transition, is_fresh};

/// Whether the speed is near the limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Approach {
    pub(super) near: bool,
    /// When it was told last.
    pub(super) told_at: Option<Timestamp>,
}

impl Approach {
    pub(super) fn handle_step(
        &mut self,
        context: &Context<'_>,
        step: &Step<'_>,
        limit: &Limit,
        out: &mut Vec<Transition>,
    ) {
        let rules = &context.rules.prealarm;
        let fix = step.fix;
        let begins = below(limit.monitor, rules.speed_margin);
        if step.gap.is_some() || fix.speed < below(begins, rules.speed_again) {
            self.near = false;
        }
        if self.near || fix.speed < begins {
            return;
        }
        self.near = true;
        let again = self
            .told_at
            .is_none_or(|told_at| fix.time.since(told_at) >= rules.repeat_min);
        if fix.speed > limit.monitor || !again {
            return;
        }
        self.told_at = Some(fix.time);
        if is_fresh(context, fix.time, fix.received) {
            out.push(Transition::PreAlarm(Box::new(PreAlarm {
                vehicle: fix.vehicle,
                driver: fix.driver,
                kind: ViolationKind::Speeding,
                at: fix.time,
                received: fix.received,
                near: Near::Speed {
                    speed: fix.speed,
                    limit: limit.monitor,
                },
            })));
        }
    }
}

fn below(speed: Speed, margin: Speed) -> Speed {
    Speed::from_mkmh(speed.mkmh().saturating_sub(margin.mkmh()))
}
