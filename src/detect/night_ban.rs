//! Running in the hours in which long-distance coaches must stop (regulations 6).
//!
//! ```text
//! idle    --fast in the hours of the ban, not exempt--> running
//! running --long enough--> violation, from the first fast fix
//! running --slow--> pausing;   pausing --fast soon enough--> running
//! pausing --slow for longer--> idle     (ended at the first slow fix)
//! running --end of the hours, or a permit begins--> idle   (ended at that fix)
//! any     --gap--> idle                 (ended at the last fast fix)
//! ```
//!
//! Exempt are lines up to a length, and vehicles with a permit for the night that holds at the time
//! of the fix. Whether a line of unknown length is a long one is the rulebook's choice.

use crate::model::rules::NightBanRules;
use crate::model::violation::Details;
use crate::model::{Fix, Severity, Timestamp, ViolationKind};

use super::admit::Step;
use super::episode::{Episode, Finding};
use super::grade::penalty;
use super::{Context, Transition};

/// The run in the hours of the ban, where there is one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct NightBan {
    pub(super) run: Option<Box<Episode>>,
}

impl NightBan {
    pub(super) fn heap_bytes(&self) -> usize {
        self.run.as_ref().map_or(0, |_| size_of::<Episode>())
    }

    pub(super) fn handle_step(
        &mut self,
        context: &Context<'_>,
        step: &Step<'_>,
        out: &mut Vec<Transition>,
    ) {
        let rules = &context.rules.night_ban;
        let fix = step.fix;
        let fast = fix.speed > rules.moving_over;
        if self.run.is_none() && !fast {
            return;
        }
        let banned = is_banned(context, fix);
        if step.gap.is_some()
            && let Some(run) = self.run.take()
        {
            let end = run.last;
            finish(*run, context, fix, end, out);
        }
        let over = |run: &mut Box<Episode>| run.has_paused_for(rules.pause_max, fix.time);
        if let Some(mut run) = self.run.take_if(over) {
            let end = run.pause(fix.time);
            finish(*run, context, fix, end, out);
        }
        if banned && fast {
            self.go_on(context, fix, out);
        } else if let Some(mut run) = self.run.take() {
            let end = run.pause(fix.time);
            if banned {
                self.run = Some(run);
            } else {
                finish(*run, context, fix, end, out);
            }
        }
    }

    /// One more fast fix in the hours of the ban.
    fn go_on(&mut self, context: &Context<'_>, fix: &Fix, out: &mut Vec<Transition>) {
        let lasts = context.rules.night_ban.lasts_min;
        let run = match &mut self.run {
            Some(run) => {
                run.see(fix);
                run
            }
            None => self.run.insert(Box::new(Episode::new(fix.time, fix))),
        };
        let counts_from = run.started_at + lasts;
        let counts = (fix.time >= counts_from).then_some(counts_from);
        run.tell(context, fix, counts, || finding(context), out);
    }
}

/// Ends a run, which counts when it has lasted long enough by then.
fn finish(
    run: Episode,
    context: &Context<'_>,
    fix: &Fix,
    end: Timestamp,
    out: &mut Vec<Transition>,
) {
    let counts_from = run.started_at + context.rules.night_ban.lasts_min;
    let counts = (end >= counts_from).then_some(counts_from);
    run.end(context, fix, end, counts, || finding(context), out);
}

fn is_banned(context: &Context<'_>, fix: &Fix) -> bool {
    let rules = &context.rules.night_ban;
    let profile = context.profile;
    rules.classes.contains(&profile.class)
        && rules
            .window
            .contains(context.rules.zone.millis_of_day(fix.time))
        && profile
            .line_km
            .map_or(rules.unknown_line, |km| km > rules.exempt_line_km)
        && !profile
            .permits
            .iter()
            .any(|permit| permit.kind.allows_night() && permit.holds_at(fix.time))
}

fn finding(context: &Context<'_>) -> Finding {
    let rules = &context.rules.night_ban;
    let profile = context.profile;
    let major_hazard = is_major_hazard(rules, context);
    let mut grade = penalty(context.rules, &rules.penalty, profile.class, true);
    if major_hazard {
        grade.severity = grade.severity.max(Severity::L4);
    }
    Finding {
        kind: ViolationKind::NightBan,
        details: Details::NightBan {
            line_km: profile.line_km,
            major_hazard,
        },
        grade,
    }
}

/// Line coaches on very long lines. Source: 重大隐患标准 Art. 4(1), regulations 11.
fn is_major_hazard(rules: &NightBanRules, context: &Context<'_>) -> bool {
    let profile = context.profile;
    rules.major_hazard_classes.contains(&profile.class)
        && profile
            .line_km
            .is_some_and(|km| km >= rules.major_hazard_line_km)
}
