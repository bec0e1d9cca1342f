//! Chartered vehicles that drive on days for which they have no contract (regulations 6).
//!
//! ```text
//! idle    --driving, no contract holds--> driving
//! driving --long enough--> violation, from the first driving fix
//! driving --long stop--> idle           (ended where the stop began)
//! driving --a contract begins--> idle   (ended at that fix)
//! any     --gap--> idle                 (ended at the last driving fix)
//! ```
//!
//! Only vehicles of which the register has a contract at all are watched: of others nothing is known.
//! A contract holds for as many days as a charter may last, whatever it says.

use crate::model::fleet::PermitKind;
use crate::model::violation::Details;
use crate::model::{Fix, Timestamp, ViolationKind};

use super::admit::Step;
use super::episode::{Episode, Finding};
use super::grade::penalty;
use super::motion::Motion;
use super::{Context, PermitValidity, Transition};

/// Driving without a contract.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Charter {
    pub(super) run: Option<Box<Episode>>,
}

impl Charter {
    pub(super) fn heap_bytes(&self) -> usize {
        self.run.as_ref().map_or(0, |_| size_of::<Episode>())
    }

    pub(super) fn handle_step(
        &mut self,
        context: &Context<'_>,
        step: &Step<'_>,
        motion: &Motion,
        out: &mut Vec<Transition>,
    ) {
        if self.run.is_none() && context.profile.permits.is_empty() {
            return;
        }
        let rules = &context.rules.charter;
        let fix = step.fix;
        if let Some(mut run) = self.run.take() {
            let parked_from = motion
                .standing_since
                .filter(|since| fix.time.since(*since) >= rules.stop_min);
            let end = if step.gap.is_some() {
                Some(run.last)
            } else if !is_off_contract(context, fix.time) {
                Some(fix.time)
            } else {
                parked_from
            };
            if let Some(end) = end {
                let counts = counts_from(context, &run, end);
                run.end(context, fix, end, counts, || finding(context), out);
            } else {
                if fix.speed > context.rules.motion.driving_over {
                    run.see(fix);
                }
                let counts = counts_from(context, &run, run.last);
                run.tell(context, fix, counts, || finding(context), out);
                self.run = Some(run);
                return;
            }
        }
        self.begin(context, fix);
    }

    fn begin(&mut self, context: &Context<'_>, fix: &Fix) {
        let drives = fix.speed > context.rules.motion.driving_over;
        if drives && is_off_contract(context, fix.time) {
            self.run = Some(Box::new(Episode::new(fix.time, fix)));
        }
    }
}

fn counts_from(context: &Context<'_>, run: &Episode, until: Timestamp) -> Option<Timestamp> {
    let counts_from = run.started_at + context.rules.charter.lasts_min;
    (until >= counts_from).then_some(counts_from)
}

fn is_off_contract(context: &Context<'_>, time: Timestamp) -> bool {
    let rules = &context.rules.charter;
    let profile = context.profile;
    let of_contract = |permit: &&PermitValidity| permit.kind == PermitKind::CharterContract;
    let holds = |permit: &PermitValidity| {
        permit.holds_at(time) && permit.from.is_none_or(|from| time < from + rules.longest)
    };
    let contracts = || profile.permits.iter().filter(of_contract);
    rules.classes.contains(&profile.class)
        && contracts().next().is_some()
        && !contracts().any(holds)
}

/// What a violation calls it.
const ALARM: &str = "charter_off_contract";

fn finding(context: &Context<'_>) -> Finding {
    let rules = &context.rules.charter;
    Finding {
        kind: ViolationKind::TerminalAlarm,
        details: Details::TerminalAlarm {
            alarm: ALARM.to_owned(),
            level: None,
            measured: None,
            allowed: None,
            fine_cny: None,
        },
        grade: penalty(context.rules, &rules.penalty, context.profile.class, true),
    }
}
