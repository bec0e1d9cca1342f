//! N9: records are true.

use super::Case;
use super::rule::Rule;
use super::verdict::{Evidence, Judgement};

/// Counts contradictory or altered records whose fix time lies in the period.
pub(super) fn judge(case: &Case<'_>) -> Judgement {
    let found: Vec<Evidence> = case
        .facts
        .contradictions
        .iter()
        .filter(|record| case.in_period(record.time))
        .map(|record| Evidence {
            from: record.time,
            to: record.time,
            note: format!("{}: {}", record.plate, record.note),
        })
        .collect();
    if found.is_empty() {
        return Judgement::passes(Rule::N9, Some(0.0), 0.0);
    }
    let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
    Judgement::fails(Rule::N9, count.into(), 0.0, found)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{at, facts, judgement, violation};
    use super::*;
    use crate::model::duty::Contradiction;

    #[test]
    fn one_contradiction_is_enough_and_statutory() {
        let mut facts = facts();
        facts.contradictions = vec![Contradiction {
            plate: violation("v", "2026-11-21 06:00").plate,
            time: at("2026-11-21 06:00"),
            note: "two places".to_owned(),
        }];
        let n9 = judgement(&facts, Rule::N9);
        assert!(n9.fails && n9.statutory);
        assert_eq!(n9.value, Some(1.0));
        facts.contradictions[0].time = at("2026-11-22 00:00");
        assert!(!judgement(&facts, Rule::N9).fails);
    }
}
