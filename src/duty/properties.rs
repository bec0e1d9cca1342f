//! Properties of the verdict over invented facts.

use proptest::collection::vec;
use proptest::prelude::*;

use super::samples::{self, at, day};
use super::{Case, DutyVerdict, Rule, coverage};
use crate::model::duty::{DutyFacts, MinuteSet, Shift};
use crate::model::{LocalZone, Span, Timestamp};

/// Seconds after the beginning of the day before the period, over three days.
fn moment() -> impl Strategy<Value = Timestamp> {
    (0_i64..3 * 86_400).prop_map(|seconds| at("2026-11-20 00:00") + Span::from_seconds(seconds))
}

fn some_shift() -> impl Strategy<Value = Shift> {
    (moment(), 0_i64..50_000, any::<bool>(), any::<bool>()).prop_map(
        |(started_at, length_s, open, first)| Shift {
            started_at,
            ended_at: (!open).then_some(started_at + Span::from_seconds(length_s)),
            ..samples::shift(if first { "m1" } else { "m2" }, "2026-11-21 00:00", None)
        },
    )
}

fn some_minutes() -> impl Strategy<Value = Vec<(i64, MinuteSet)>> {
    vec((0_i64..3, 0_u16..1440, 1_u16..200), 0..12).prop_map(|runs| {
        let first = LocalZone::default().day(at("2026-11-20 00:00"));
        let mut days = vec![MinuteSet::default(); 3];
        for (day, start, length) in runs {
            if let Some(set) = usize::try_from(day).ok().and_then(|d| days.get_mut(d)) {
                set.insert_range(start..start + length);
            }
        }
        (first..).zip(days).collect()
    })
}

fn some_facts() -> impl Strategy<Value = DutyFacts> {
    (
        vec(some_shift(), 0..6),
        some_minutes(),
        vec((moment(), proptest::option::of(0_i64..900)), 0..8),
        vec((moment(), any::<bool>()), 0..8),
    )
        .prop_map(|(shifts, operating, inquiries, violations)| DutyFacts {
            shifts,
            operating,
            inquiries: inquiries
                .into_iter()
                .map(|(sent_at, answer_s)| {
                    let answered_at = answer_s.map(|s| sent_at + Span::from_seconds(s));
                    let inquiry = samples::inquiry("q", "2026-11-21 00:00", answered_at);
                    crate::model::duty::Inquiry { sent_at, ..inquiry }
                })
                .collect(),
            violations: violations
                .into_iter()
                .map(|(started_at, handled)| {
                    let mut fact = samples::violation("v", "2026-11-21 00:00");
                    (fact.started_at, fact.first_seen_at) = (started_at, started_at);
                    fact.handled_at = handled.then_some(started_at);
                    fact
                })
                .collect(),
            ..samples::facts()
        })
}

fn verdict(facts: &DutyFacts, now: Timestamp) -> DutyVerdict {
    samples::evaluate(facts, day(), now)
}

fn longest_gap_min(facts: &DutyFacts, now: Timestamp) -> u32 {
    let rules = samples::rules();
    coverage::measure(&Case {
        facts,
        period: day(),
        now,
        rules: &rules,
        zone: LocalZone::default(),
    })
    .longest_uncovered_min()
}

/// The definition, minute by minute.
fn longest_gap_by_definition(facts: &DutyFacts, now: Timestamp) -> u32 {
    let zone = LocalZone::default();
    let (mut longest, mut run) = (0, 0);
    let mut minute = day().from;
    while minute < day().to {
        let in_day = u16::try_from(zone.millis_of_day(minute) / 60_000).unwrap();
        let operates = facts
            .operating
            .iter()
            .any(|(day, set)| *day == zone.day(minute) && set.contains(in_day));
        let covered = facts.shifts.iter().any(|shift| {
            let end = shift.ended_at.unwrap_or(now);
            shift.started_at < end
                && shift.started_at < minute + Span::from_minutes(1)
                && minute < end
        });
        run = if operates && !covered { run + 1 } else { 0 };
        longest = longest.max(run);
        minute = minute + Span::from_minutes(1);
    }
    longest
}

proptest! {
    #[test]
    fn the_gap_is_what_the_definition_says(facts in some_facts(), now in moment()) {
        prop_assert_eq!(longest_gap_min(&facts, now), longest_gap_by_definition(&facts, now));
    }

    #[test]
    fn more_coverage_never_makes_n2_worse(
        facts in some_facts(),
        more in some_shift(),
        now in moment(),
    ) {
        let before = longest_gap_min(&facts, now);
        let mut better = facts;
        better.shifts.push(more);
        prop_assert!(longest_gap_min(&better, now) <= before);
    }

    #[test]
    fn handling_one_more_never_adds_a_reason(facts in some_facts(), now in moment()) {
        let before = verdict(&facts, now);
        let mut better = facts;
        for fact in &mut better.violations {
            fact.handled_at = Some(now);
        }
        let after = verdict(&better, now);
        prop_assert!(after.reasons.len() <= before.reasons.len());
        prop_assert!(after.reasons.iter().all(|reason| reason.rule != Rule::N3));
    }

    #[test]
    fn the_order_of_facts_does_not_matter(facts in some_facts(), now in moment()) {
        let mut turned = facts.clone();
        turned.shifts.reverse();
        turned.operating.reverse();
        turned.inquiries.reverse();
        turned.violations.reverse();
        prop_assert_eq!(verdict(&facts, now), verdict(&turned, now));
    }

    #[test]
    fn every_reason_has_evidence_and_failing_since_is_its_beginning(
        facts in some_facts(),
        now in moment(),
    ) {
        let verdict = verdict(&facts, now);
        let begins = verdict.reasons.iter().flat_map(|r| r.evidence.iter().map(|e| e.from));
        prop_assert_eq!(verdict.failing_since, begins.min());
        prop_assert!(verdict.reasons.iter().all(|r| !r.evidence.is_empty()));
    }
}
