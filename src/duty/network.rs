//! N7: the enterprise is connected and its vehicles are online; and the platform's own link rate.

use super::Case;
use super::rule::Rule;
use super::verdict::{Evidence, Judgement};
use crate::model::Timestamp;
use crate::model::duty::Period;

/// Vehicles online over vehicles in network.
///
/// No vehicle in network: nothing to measure, passes. None of them online: not connected, which
/// breaks the provision itself. Source: contract section 6, regulations 14.
pub(super) fn judge(case: &Case<'_>) -> Judgement {
    let facts = case.facts;
    let threshold = case.rules.online_rate_min;
    if facts.vehicles_in_network == 0 {
        return Judgement::passes(Rule::N7, None, threshold);
    }
    let rate = f64::from(facts.vehicles_online) / f64::from(facts.vehicles_in_network);
    let no_data = facts.vehicles_online == 0;
    if rate >= threshold && !no_data {
        return Judgement::passes(Rule::N7, Some(rate), threshold);
    }
    let mut evidence = vec![summary(case, no_data)];
    evidence.extend(facts.vehicles_silent.iter().map(|plate| Evidence {
        from: case.period.from,
        to: case.end(),
        note: format!("no data from {plate}"),
    }));
    Judgement {
        statutory: no_data,
        ..Judgement::fails(Rule::N7, rate, threshold, evidence)
    }
}

fn summary(case: &Case<'_>, no_data: bool) -> Evidence {
    let facts = case.facts;
    if no_data {
        return Evidence {
            from: facts
                .last_fix
                .map_or(case.period.from, |last| last.min(case.period.from)),
            to: case.end(),
            note: format!(
                "no data at all from {} vehicles in network",
                facts.vehicles_in_network
            ),
        };
    }
    Evidence {
        from: case.period.from,
        to: case.end(),
        note: format!(
            "{} of {} vehicles in network were online",
            facts.vehicles_online, facts.vehicles_in_network
        ),
    }
}

/// A time in which a platform's link was down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkDrop {
    /// When.
    pub span: Period,
    /// Caused upstream or by the carrier, and reported beforehand: not held against the platform.
    pub excused: bool,
}

/// 平台连通率: the share of the period in which the link was up or its absence was excused.
///
/// `None` for an empty period. Drops may overlap and may reach out of the period.
/// Source: regulations 10.1, E19.
pub fn connectivity_rate(period: Period, drops: &[LinkDrop]) -> Option<f64> {
    let total = period.to.since(period.from);
    if total.millis() <= 0 {
        return None;
    }
    let down = length(period, drops.iter()) - length(period, drops.iter().filter(|d| d.excused));
    Some((total.seconds() - down) / total.seconds())
}

/// Seconds of the period that any of the drops covers.
fn length<'a>(period: Period, drops: impl Iterator<Item = &'a LinkDrop>) -> f64 {
    let mut spans: Vec<(Timestamp, Timestamp)> = drops
        .map(|drop| (drop.span.from.max(period.from), drop.span.to.min(period.to)))
        .filter(|(from, to)| from < to)
        .collect();
    spans.sort_unstable();
    let mut seconds = 0.0;
    let mut reached = period.from;
    for (from, to) in spans {
        let begin = from.max(reached);
        if begin < to {
            seconds += to.since(begin).seconds();
            reached = to;
        }
    }
    seconds
}

#[cfg(test)]
mod tests {
    use super::super::samples::{at, facts, judgement};
    use super::*;
    use crate::model::Span;

    #[test]
    fn e19_connectivity_rate() {
        let from = at("2026-10-01 00:00");
        let month = Period {
            from,
            to: at("2026-11-01 00:00"),
        };
        let drop = |begin_min: i64, length_s: f64, excused| {
            #[expect(clippy::cast_possible_truncation, reason = "a small constant")]
            let length = Span::from_millis((length_s * 1000.0) as i64);
            let begin = from + Span::from_minutes(begin_min);
            LinkDrop {
                span: Period {
                    from: begin,
                    to: begin + length,
                },
                excused,
            }
        };
        let drops = [drop(100, 284.4, false), drop(9000, 3600.0, true)];
        let rate = connectivity_rate(month, &drops).unwrap();
        assert!((rate - 44_635.26 / 44_640.0).abs() < 1e-12, "{rate}");
        assert_eq!(format!("{:.3}", rate * 100.0), "99.989");
        let overlapping = [drop(100, 284.4, false), drop(100, 284.4, true)];
        assert_eq!(connectivity_rate(month, &overlapping), Some(1.0));
    }

    #[test]
    fn ninety_five_percent_online_passes() {
        let mut facts = facts();
        (facts.vehicles_in_network, facts.vehicles_online) = (20, 19);
        assert!(!judgement(&facts, Rule::N7).fails);
        facts.vehicles_online = 18;
        let n7 = judgement(&facts, Rule::N7);
        assert_eq!((n7.fails, n7.statutory, n7.value), (true, false, Some(0.9)));
    }

    #[test]
    fn no_data_at_all_is_statutory_and_lasts_since_the_last_fix() {
        let mut facts = facts();
        facts.vehicles_online = 0;
        facts.last_fix = Some(at("2026-11-18 10:00"));
        let n7 = judgement(&facts, Rule::N7);
        assert!(n7.fails && n7.statutory);
        assert_eq!(
            n7.evidence.first().map(|e| e.from),
            Some(at("2026-11-18 10:00"))
        );
    }

    #[test]
    fn an_enterprise_with_nothing_in_network_has_no_rate() {
        let mut facts = facts();
        (facts.vehicles_in_network, facts.vehicles_online) = (0, 0);
        assert_eq!(judgement(&facts, Rule::N7).value, None);
    }
}
