//! What changed between two verdicts: the source of duty events.

use std::collections::BTreeMap;

use super::rule::Rule;
use super::verdict::DutyVerdict;

/// The rules that an enterprise fails now, where they are not those that it failed before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DutyChange {
    /// Enterprise identifier.
    pub enterprise_id: String,
    /// Rules that it fails now; empty when it does its duty again.
    pub reasons: Vec<Rule>,
    /// Rules that it fails now and did not fail before.
    pub added: Vec<Rule>,
    /// Rules that it failed before and does not fail now.
    pub lifted: Vec<Rule>,
}

/// Compares the failing rules known before with new verdicts, in the order of the verdicts.
///
/// An enterprise that is not in `before` passed until now. One that `after` does not judge is
/// left alone: it has not been looked at. `before` is the caller's to update.
pub fn diff(before: &BTreeMap<String, Vec<Rule>>, after: &[DutyVerdict]) -> Vec<DutyChange> {
    after
        .iter()
        .filter_map(|verdict| {
            let old = before
                .get(&verdict.enterprise_id)
                .map_or(&[][..], Vec::as_slice);
            let new: Vec<Rule> = verdict.reasons.iter().map(|reason| reason.rule).collect();
            let missing_in = |list: &[Rule], from: &[Rule]| -> Vec<Rule> {
                from.iter()
                    .copied()
                    .filter(|rule| !list.contains(rule))
                    .collect()
            };
            let added = missing_in(old, &new);
            let lifted = missing_in(&new, old);
            (!added.is_empty() || !lifted.is_empty()).then(|| DutyChange {
                enterprise_id: verdict.enterprise_id.clone(),
                reasons: new,
                added,
                lifted,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, at, facts};
    use super::*;

    #[test]
    fn only_enterprises_whose_reasons_changed_are_named() {
        let mut failing = facts();
        failing.monitors.clear();
        let verdict = samples::evaluate(&failing, samples::day(), at("2026-11-22 00:00"));
        let mut before = BTreeMap::new();
        let first = diff(&before, std::slice::from_ref(&verdict));
        assert_eq!(first.len(), 1);
        assert_eq!(first[0].added, [Rule::N1]);
        before.insert(verdict.enterprise_id.clone(), first[0].reasons.clone());
        assert!(diff(&before, std::slice::from_ref(&verdict)).is_empty());

        let healed = samples::evaluate(&facts(), samples::day(), at("2026-11-22 00:00"));
        let lifted = diff(&before, &[healed]);
        assert_eq!(lifted[0].lifted, [Rule::N1]);
        assert!(lifted[0].reasons.is_empty());
    }
}
