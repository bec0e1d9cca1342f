//! N3: violations are handled in time.

use super::Case;
use super::rule::Rule;
use super::verdict::{Evidence, Judgement};
use crate::model::duty::ViolationFact;

/// Handled over handled and overdue, for confirmed violations that started in the period.
///
/// A violation counts as overdue once `first_seen_at` plus the time allowed has passed; until
/// then it is in neither number. A late handling is still a handling.
/// Source: contract section 6, regulations A14, E21.
pub(super) fn judge(case: &Case<'_>) -> Judgement {
    let (mut handled, mut overdue) = (0_u32, Vec::new());
    for violation in case.facts.violations.iter().filter(|v| counts(case, v)) {
        if violation.handled_at.is_some() {
            handled += 1;
        } else if case.now > violation.first_seen_at + case.rules.handling_due {
            overdue.push(evidence(case, violation));
        }
    }
    let threshold = case.rules.handling_rate_min;
    let late = u32::try_from(overdue.len()).unwrap_or(u32::MAX);
    if handled == 0 && late == 0 {
        return Judgement::passes(Rule::N3, None, threshold);
    }
    let rate = f64::from(handled) / (f64::from(handled) + f64::from(late));
    if rate >= threshold {
        return Judgement::passes(Rule::N3, Some(rate), threshold);
    }
    Judgement::fails(Rule::N3, rate, threshold, overdue)
}

fn counts(case: &Case<'_>, violation: &ViolationFact) -> bool {
    case.in_period(violation.started_at) && !violation.withdrawn && !violation.false_alarm_approved
}

fn evidence(case: &Case<'_>, violation: &ViolationFact) -> Evidence {
    Evidence {
        from: violation.started_at,
        to: violation.first_seen_at + case.rules.handling_due,
        note: format!(
            "{} of {} ({}) was not handled by its due time",
            violation.kind, violation.plate, violation.id
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, at, facts, violation};
    use super::*;
    use crate::model::duty::{DutyFacts, Period};

    const AFTER_DUE: &str = "2026-12-15 00:00";

    fn judge_at(facts: &DutyFacts, now: &str) -> Judgement {
        samples::judgement_at(facts, samples::day(), at(now), Rule::N3)
    }

    fn with(total: u32, handled: u32) -> DutyFacts {
        let mut facts = facts();
        facts.violations = (0..total)
            .map(|number| {
                let mut v = violation(&format!("v{number}"), "2026-11-21 06:00");
                v.handled_at = (number < handled).then(|| at("2026-11-22 06:00"));
                v
            })
            .collect();
        facts
    }

    #[test]
    fn e21_handling_rate() {
        let passing = judge_at(&with(60, 54), AFTER_DUE);
        assert_eq!((passing.fails, passing.value), (false, Some(0.9)));
        let failing = judge_at(&with(59, 53), AFTER_DUE);
        assert!(failing.fails && failing.statutory);
        assert!((failing.value.unwrap() - 0.8983).abs() < 1e-4);
        let worst = judge_at(&with(235, 8), AFTER_DUE);
        assert!(worst.fails);
        assert!((worst.value.unwrap() - 0.0340).abs() < 1e-4);
    }

    #[test]
    fn nothing_is_overdue_before_seven_days_have_passed() {
        let facts = with(3, 0);
        assert_eq!(judge_at(&facts, "2026-11-28 06:00").value, None);
        let late = judge_at(&facts, "2026-11-28 06:01");
        assert_eq!((late.fails, late.value), (true, Some(0.0)));
    }

    #[test]
    fn withdrawn_and_approved_false_alarms_are_not_counted() {
        let mut facts = with(2, 0);
        facts.violations[0].withdrawn = true;
        facts.violations[1].false_alarm_approved = true;
        assert!(!judge_at(&facts, AFTER_DUE).fails);
    }

    #[test]
    fn violations_that_started_outside_the_period_are_not_counted() {
        let facts = with(1, 0);
        let period = Period {
            from: at("2026-11-21 06:01"),
            to: at("2026-11-22 00:00"),
        };
        let n3 = samples::judgement_at(&facts, period, at(AFTER_DUE), Rule::N3);
        assert!(!n3.fails);
    }
}
