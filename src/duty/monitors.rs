//! N1: enough qualified monitors.

use super::Case;
use super::rule::Rule;
use super::verdict::{Evidence, Judgement};
use crate::model::Timestamp;
use crate::model::fleet::Monitor;
use crate::model::rules::DutyRules;

/// Monitors that an enterprise with that many vehicles must have: headcount, not per shift.
///
/// Zero for an enterprise without vehicles: it has nothing to monitor, so it owes nobody.
/// Source: regulations A15, E22; the zero is our choice.
pub fn monitor_quota(vehicles: u32, rules: &DutyRules) -> u32 {
    if vehicles == 0 {
        return 0;
    }
    vehicles
        .div_ceil(rules.vehicles_per_monitor.max(1))
        .max(rules.monitors_min)
}

/// Monitors whose training lasts to the end of the period (or to now, where that is earlier).
pub(super) fn qualified(case: &Case<'_>) -> u32 {
    let count = case
        .facts
        .monitors
        .iter()
        .filter(|monitor| is_qualified(monitor, case.end()))
        .count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn is_qualified(monitor: &Monitor, at: Timestamp) -> bool {
    monitor.trained_until.is_some_and(|until| until >= at)
}

pub(super) fn judge(case: &Case<'_>) -> Judgement {
    let quota = monitor_quota(case.facts.vehicles, case.rules);
    let headcount = qualified(case);
    if headcount >= quota {
        return Judgement::passes(Rule::N1, Some(headcount.into()), quota.into());
    }
    let mut evidence = vec![Evidence {
        from: short_since(case, quota),
        to: case.end(),
        note: format!(
            "{headcount} qualified monitors for {} vehicles, {quota} required",
            case.facts.vehicles
        ),
    }];
    evidence.extend(case.facts.monitors.iter().filter_map(|monitor| {
        let until = monitor.trained_until.filter(|until| *until < case.end())?;
        Some(Evidence {
            from: until,
            to: case.end(),
            note: format!("training of monitor {} has expired", monitor.id),
        })
    }));
    Judgement::fails(Rule::N1, headcount.into(), quota.into(), evidence)
}

/// When the headcount fell below the quota: as the quota-th longest training ended.
///
/// The period's beginning where the register never had that many.
fn short_since(case: &Case<'_>, quota: u32) -> Timestamp {
    let mut ends: Vec<Timestamp> = case
        .facts
        .monitors
        .iter()
        .filter_map(|monitor| monitor.trained_until)
        .collect();
    ends.sort_unstable_by(|a, b| b.cmp(a));
    usize::try_from(quota)
        .ok()
        .and_then(|quota| ends.get(quota.checked_sub(1)?).copied())
        .unwrap_or(case.period.from)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, at, rules};
    use super::*;

    #[test]
    fn e22_monitor_quota() {
        for (vehicles, monitors) in [
            (1, 2),
            (20, 2),
            (100, 2),
            (101, 2),
            (200, 2),
            (201, 3),
            (250, 3),
        ] {
            assert_eq!(
                monitor_quota(vehicles, &rules()),
                monitors,
                "{vehicles} vehicles"
            );
        }
    }

    #[test]
    fn an_enterprise_without_vehicles_owes_no_monitors() {
        let mut facts = samples::facts();
        facts.vehicles = 0;
        facts.monitors.clear();
        assert!(!samples::judgement(&facts, Rule::N1).fails);
    }

    #[test]
    fn expired_and_missing_training_do_not_count() {
        let mut facts = samples::facts();
        facts.monitors = vec![
            samples::monitor("m1", Some("2027-01-01 00:00")),
            samples::monitor("m2", Some("2026-11-21 05:00")),
            samples::monitor("m3", None),
        ];
        let n1 = samples::judgement(&facts, Rule::N1);
        assert!(n1.fails && n1.statutory);
        assert_eq!((n1.value, n1.threshold), (Some(1.0), 2.0));
        let begin = n1.evidence.first().map(|item| item.from);
        assert_eq!(begin, Some(at("2026-11-21 05:00")));
    }

    #[test]
    fn training_that_ends_with_the_period_still_counts() {
        let mut facts = samples::facts();
        facts.monitors = vec![
            samples::monitor("m1", Some("2026-11-22 00:00")),
            samples::monitor("m2", Some("2026-11-22 00:00")),
        ];
        assert!(!samples::judgement(&facts, Rule::N1).fails);
    }
}
