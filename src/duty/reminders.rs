//! N6: drivers are reminded of grave violations in time.

use super::Case;
use super::rule::Rule;
use super::verdict::{Evidence, Judgement};
use crate::model::Timestamp;
use crate::model::duty::ViolationFact;

/// Counts violations of the severity that must be reminded, without a reminder in time.
///
/// Data that came too late for a reminder to help asks for none; one whose time is still running
/// is not counted yet.
pub(super) fn judge(case: &Case<'_>) -> Judgement {
    let missed: Vec<Evidence> = case
        .facts
        .violations
        .iter()
        .filter(|violation| asks_for_reminder(case, violation))
        .filter(|violation| is_missed(case, violation))
        .map(|violation| Evidence {
            from: grave_from(violation),
            to: grave_from(violation) + case.rules.reminder_within,
            note: format!(
                "{} {} of {} ({}) was not reminded in time",
                violation.severity, violation.kind, violation.plate, violation.id
            ),
        })
        .collect();
    if missed.is_empty() {
        return Judgement::passes(Rule::N6, Some(0.0), 0.0);
    }
    let count = u32::try_from(missed.len()).unwrap_or(u32::MAX);
    Judgement::fails(Rule::N6, count.into(), 0.0, missed)
}

fn asks_for_reminder(case: &Case<'_>, violation: &ViolationFact) -> bool {
    let data_age = violation.first_seen_at.since(violation.confirmed_at);
    let grave = violation.grave;
    let data_age = data_age.max(grave.map_or(data_age, |grave| grave.seen_at.since(grave.at)));
    case.in_period(violation.started_at)
        && !violation.withdrawn
        && !violation.false_alarm_approved
        && violation.severity >= case.rules.reminder_severity_min
        && data_age <= case.rules.reminder_data_age_max
}

fn is_missed(case: &Case<'_>, violation: &ViolationFact) -> bool {
    let deadline = grave_from(violation) + case.rules.reminder_within;
    match violation.reminded_at {
        Some(reminded) => reminded > deadline,
        None => case.now > deadline,
    }
}

/// When it could first be seen that a reminder is due.
///
/// The contract counts from `first_seen_at`. Who exceeds the monitoring limit for an hour and the legal
/// limit at its end did not have a grave violation for an hour: our choice.
fn grave_from(violation: &ViolationFact) -> Timestamp {
    let grave = violation
        .grave
        .map_or(Timestamp::MIN, |grave| grave.seen_at);
    grave.max(violation.first_seen_at)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, at, facts, violation};
    use super::*;
    use crate::model::violation::Grave;
    use crate::model::{Severity, Span};

    fn n6(change: impl Fn(&mut ViolationFact)) -> Judgement {
        let mut facts = facts();
        let mut grave = violation("v1", "2026-11-21 06:00");
        grave.severity = Severity::L3;
        change(&mut grave);
        facts.violations = vec![grave];
        samples::judgement(&facts, Rule::N6)
    }

    #[test]
    fn a_grave_violation_must_be_reminded_within_five_minutes() {
        assert_eq!(n6(|_| {}).value, Some(1.0));
        assert!(!n6(|v| v.reminded_at = Some(v.first_seen_at + Span::from_minutes(5))).fails);
        assert!(n6(|v| v.reminded_at = Some(v.first_seen_at + Span::from_seconds(301))).fails);
    }

    #[test]
    fn lesser_and_withdrawn_violations_ask_for_no_reminder() {
        assert!(!n6(|v| v.severity = Severity::L2).fails);
        assert!(n6(|v| v.severity = Severity::L4).fails);
        assert!(!n6(|v| v.withdrawn = true).fails);
    }

    #[test]
    fn late_data_asks_for_no_reminder() {
        assert!(n6(|v| v.first_seen_at = v.confirmed_at + Span::from_minutes(5)).fails);
        assert!(!n6(|v| v.first_seen_at = v.confirmed_at + Span::from_seconds(301)).fails);
    }

    #[test]
    fn what_becomes_grave_is_reminded_from_then_on() {
        let later = |minutes| at("2026-11-21 06:00") + Span::from_minutes(minutes);
        let n6 = |reminded, at| {
            n6(|v| {
                let seen_at = later(40);
                v.grave = Some(Grave { at, seen_at });
                v.reminded_at = Some(reminded);
            })
        };
        assert!(!n6(later(45), later(39)).fails);
        let missed = n6(later(46), later(39));
        assert_eq!(missed.value, Some(1.0));
        assert_eq!(missed.evidence[0].from, later(40));
        // What made it grave came late.
        assert!(!n6(later(46), later(34)).fails);
    }

    #[test]
    fn a_reminder_may_still_come() {
        let mut facts = facts();
        let mut grave = violation("v1", "2026-11-21 06:00");
        grave.severity = Severity::L3;
        grave.first_seen_at = at("2026-11-21 06:01");
        facts.violations = vec![grave];
        let now = at("2026-11-21 06:06");
        assert!(!samples::judgement_at(&facts, samples::day(), now, Rule::N6).fails);
    }
}
