//! N5: no vehicle runs without data or with a faulty terminal.

use super::Case;
use super::rule::Rule;
use super::verdict::{Evidence, Judgement};
use crate::model::{Timestamp, ViolationKind};

/// The longest offline movement or fault run that touches the period, counted whole.
///
/// It is not cut at the period's ends: a run of forty minutes over midnight would else be seen
/// by neither day.
pub(super) fn judge(case: &Case<'_>) -> Judgement {
    let movements = case.facts.violations.iter().filter_map(|violation| {
        let counts = violation.kind == ViolationKind::OfflineMovement
            && !violation.withdrawn
            && !violation.false_alarm_approved;
        counts.then(|| Evidence {
            from: violation.started_at,
            to: violation.ended_at.unwrap_or(violation.last_fix),
            note: format!("{} moved without data ({})", violation.plate, violation.id),
        })
    });
    let faults = case.facts.faults.iter().map(|run| Evidence {
        from: run.from,
        to: run.to,
        note: format!(
            "{} ran with a reported terminal fault (alarm bits {:#010x})",
            run.plate, run.alarm
        ),
    });
    let runs: Vec<Evidence> = movements
        .chain(faults)
        .filter(|run| touches(case, run.from, run.to))
        .collect();
    let threshold = case.rules.offline_max;
    let longest = runs.iter().map(|run| run.to.since(run.from)).max();
    match longest {
        Some(longest) if longest >= threshold => {
            let evidence = runs
                .into_iter()
                .filter(|run| run.to.since(run.from) >= threshold)
                .collect();
            Judgement::fails(Rule::N5, longest.minutes(), threshold.minutes(), evidence)
        }
        Some(longest) => Judgement::passes(Rule::N5, Some(longest.minutes()), threshold.minutes()),
        None => Judgement::passes(Rule::N5, None, threshold.minutes()),
    }
}

fn touches(case: &Case<'_>, from: Timestamp, to: Timestamp) -> bool {
    from < case.period.to && to >= case.period.from
}

#[cfg(test)]
mod tests {
    use super::super::samples::{at, facts, judgement, violation};
    use super::*;
    use crate::model::duty::FaultRun;

    #[test]
    fn thirty_minutes_offline_fail_and_less_passes() {
        for (end, fails) in [("2026-11-21 06:30", true), ("2026-11-21 06:29", false)] {
            let mut facts = facts();
            let mut movement = violation("v1", "2026-11-21 06:00");
            movement.kind = ViolationKind::OfflineMovement;
            movement.ended_at = Some(at(end));
            facts.violations = vec![movement];
            assert_eq!(judgement(&facts, Rule::N5).fails, fails, "{end}");
        }
    }

    #[test]
    fn a_fault_run_that_began_before_the_period_counts_whole() {
        let mut facts = facts();
        facts.faults = vec![FaultRun {
            plate: violation("v", "2026-11-21 06:00").plate,
            from: at("2026-11-20 23:25"),
            to: at("2026-11-21 00:05"),
            alarm: 0x10,
        }];
        let n5 = judgement(&facts, Rule::N5);
        assert_eq!((n5.fails, n5.value, n5.threshold), (true, Some(40.0), 30.0));
    }

    #[test]
    fn speeding_is_no_offline_movement() {
        let mut facts = facts();
        let mut speeding = violation("v1", "2026-11-21 06:00");
        speeding.ended_at = Some(at("2026-11-21 08:00"));
        facts.violations = vec![speeding];
        assert_eq!(judgement(&facts, Rule::N5).value, None);
    }
}
