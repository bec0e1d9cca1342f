//! N8: every shift that ends leaves a handover note.

use super::Case;
use super::rule::Rule;
use super::verdict::{Evidence, Judgement};
use crate::model::duty::Shift;

/// Counts shifts that ended in the period, up to now, without a note that says anything.
pub(super) fn judge(case: &Case<'_>) -> Judgement {
    let silent: Vec<Evidence> = case
        .facts
        .shifts
        .iter()
        .filter(|shift| lacks_note(shift))
        .filter_map(|shift| {
            let ended = shift
                .ended_at
                .filter(|ended| case.in_period(*ended) && *ended <= case.now)?;
            Some(Evidence {
                from: shift.started_at,
                to: ended,
                note: format!(
                    "shift {} of monitor {} ended without a handover note",
                    shift.id, shift.monitor_id
                ),
            })
        })
        .collect();
    if silent.is_empty() {
        return Judgement::passes(Rule::N8, Some(0.0), 0.0);
    }
    let count = u32::try_from(silent.len()).unwrap_or(u32::MAX);
    Judgement::fails(Rule::N8, count.into(), 0.0, silent)
}

fn lacks_note(shift: &Shift) -> bool {
    shift
        .note
        .as_deref()
        .is_none_or(|note| note.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::samples::{facts, judgement, shift};
    use super::*;

    fn n8(ended_at: Option<&str>, note: Option<&str>) -> Judgement {
        let mut facts = facts();
        let mut ended = shift("m1", "2026-11-20 20:00", ended_at);
        ended.note = note.map(str::to_owned);
        facts.shifts = vec![ended];
        judgement(&facts, Rule::N8)
    }

    #[test]
    fn a_shift_that_ended_needs_a_note() {
        assert_eq!(n8(Some("2026-11-21 08:00"), None).value, Some(1.0));
        assert!(n8(Some("2026-11-21 08:00"), Some("  ")).fails);
        assert!(!n8(Some("2026-11-21 08:00"), Some("all quiet")).fails);
        assert!(!n8(None, None).fails);
        assert!(!n8(Some("2026-11-20 23:59"), None).fails);
        assert!(!n8(Some("2026-11-22 00:00"), None).fails);
    }
}
