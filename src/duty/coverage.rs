//! N2: a qualified monitor on shift in every minute in which a vehicle operates.
//!
//! A minute belongs to the period in which it begins. It is operating when any vehicle drives in
//! it, and covered when any qualified monitor is on shift in any part of it. The work is done on
//! whole days as bit sets, so that a month of a large enterprise costs microseconds.

use super::Case;
use super::rule::Rule;
use super::verdict::{Evidence, Judgement};
use crate::model::duty::{MinuteSet, Period, Shift};
use crate::model::{LocalZone, Span, Timestamp};

const MINUTE: Span = Span::from_minutes(1);

/// A run of neighbouring minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoverageRun {
    /// Beginning of its first minute.
    pub from: Timestamp,
    /// End of its last minute.
    pub to: Timestamp,
    /// Its length. Unit: minutes.
    pub minutes: u32,
}

/// Operating and covered minutes of one enterprise in one period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MinuteCoverage {
    /// Minutes in which any vehicle drove.
    pub operating_min: u32,
    /// Of these, minutes in which a qualified monitor was on shift.
    pub covered_min: u32,
    /// Runs of operating minutes, in order.
    pub operating: Vec<CoverageRun>,
    /// Runs of operating minutes that were not covered, in order.
    pub uncovered: Vec<CoverageRun>,
    /// When a qualified monitor was on shift within the period, joined, in order.
    pub on_shift: Vec<Period>,
}

impl MinuteCoverage {
    /// The longest run of operating, uncovered minutes. Unit: minutes.
    pub fn longest_uncovered_min(&self) -> u32 {
        self.uncovered
            .iter()
            .map(|run| run.minutes)
            .max()
            .unwrap_or(0)
    }
}

pub(super) fn judge(case: &Case<'_>, coverage: &MinuteCoverage) -> Judgement {
    let longest = coverage.longest_uncovered_min();
    let threshold = case.rules.uncovered_min_max;
    if longest <= threshold {
        return Judgement::passes(Rule::N2, Some(longest.into()), threshold.into());
    }
    let evidence = coverage
        .uncovered
        .iter()
        .filter(|run| run.minutes > threshold)
        .map(|run| Evidence {
            from: run.from,
            to: run.to,
            note: format!(
                "vehicles ran for {} min with no qualified monitor on shift",
                run.minutes
            ),
        })
        .collect();
    Judgement {
        evidence,
        ..Judgement::fails(Rule::N2, longest.into(), threshold.into(), Vec::new())
    }
}

/// Counts the minutes of the period.
pub(super) fn measure(case: &Case<'_>) -> MinuteCoverage {
    let on_shift = qualified_spans(case);
    let mut coverage = MinuteCoverage::default();
    let mut days: Vec<&(i64, MinuteSet)> = case.facts.operating.iter().collect();
    days.sort_unstable_by_key(|(day, _)| *day);
    for (day, minutes) in days {
        let clock = DayClock::new(case.zone, *day);
        let operating = minutes.intersection(&clock.minutes_beginning_in(case.period));
        if operating.is_empty() {
            continue;
        }
        let mut covered = MinuteSet::default();
        let first = on_shift.partition_point(|span| span.to <= clock.begin);
        for span in on_shift.iter().skip(first) {
            if span.from >= clock.end() {
                break;
            }
            clock.cover(&mut covered, *span);
        }
        let uncovered = operating.difference(&covered);
        coverage.operating_min += operating.len();
        coverage.covered_min += operating.len() - uncovered.len();
        clock.append_runs(&operating, &mut coverage.operating);
        clock.append_runs(&uncovered, &mut coverage.uncovered);
    }
    coverage.on_shift = on_shift
        .into_iter()
        .map(|span| Period {
            from: span.from.max(case.period.from),
            to: span.to.min(case.period.to),
        })
        .filter(|span| span.from < span.to)
        .collect();
    coverage
}

/// When at least one qualified monitor was on shift: sorted, joined, not cut to the period.
fn qualified_spans(case: &Case<'_>) -> Vec<Period> {
    let mut spans: Vec<Period> = case
        .facts
        .shifts
        .iter()
        .filter_map(|shift| qualified_span(case, shift))
        .collect();
    spans.sort_unstable_by_key(|span| (span.from, span.to));
    let mut joined: Vec<Period> = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.from <= last.to => last.to = last.to.max(span.to),
            _ => joined.push(span),
        }
    }
    joined
}

/// The part of a shift that counts: up to the end of its monitor's training, and up to now.
fn qualified_span(case: &Case<'_>, shift: &Shift) -> Option<Period> {
    let monitor = case
        .facts
        .monitors
        .iter()
        .find(|monitor| monitor.id == shift.monitor_id)?;
    let end = shift.ended_at.unwrap_or(case.now);
    let span = Period {
        from: shift.started_at,
        to: end.min(monitor.trained_until?),
    };
    (span.from < span.to).then_some(span)
}

/// Local minutes of one day as moments.
struct DayClock {
    zone: LocalZone,
    day: i64,
    begin: Timestamp,
    /// The zone changes its offset in this day, so that minutes are looked up one by one.
    uneven: bool,
}

impl DayClock {
    fn new(zone: LocalZone, day: i64) -> Self {
        let begin = zone.day_start(day);
        let next = zone.day_start(day.saturating_add(1));
        Self {
            zone,
            day,
            begin,
            uneven: next.since(begin) != Span::from_hours(24),
        }
    }

    fn end(&self) -> Timestamp {
        self.zone.day_start(self.day.saturating_add(1))
    }

    /// The moment at which a local minute begins.
    fn moment(&self, minute: u16) -> Timestamp {
        let even = self.begin + Span::from_minutes(minute.into());
        if self.uneven {
            even - Span::from_millis(self.zone.offset_ms(even) - self.zone.offset_ms(self.begin))
        } else {
            even
        }
    }

    /// Minutes that begin in the period.
    fn minutes_beginning_in(&self, period: Period) -> MinuteSet {
        let mut set = MinuteSet::default();
        if self.uneven {
            for minute in 0..MinuteSet::MINUTES {
                let begin = self.moment(minute);
                if period.from <= begin && begin < period.to {
                    set.insert(minute);
                }
            }
        } else {
            set.insert_range(self.minutes_up(period.from)..self.minutes_up(period.to));
        }
        set
    }

    /// Adds the minutes that a span touches.
    fn cover(&self, covered: &mut MinuteSet, span: Period) {
        if self.uneven {
            for minute in 0..MinuteSet::MINUTES {
                let begin = self.moment(minute);
                if span.from < begin + MINUTE && begin < span.to {
                    covered.insert(minute);
                }
            }
        } else {
            covered.insert_range(self.minutes_down(span.from)..self.minutes_up(span.to));
        }
    }

    /// Whole minutes from the day's beginning, rounded down, cut to the day.
    fn minutes_down(&self, time: Timestamp) -> u16 {
        cut(time.since(self.begin).millis().div_euclid(MINUTE.millis()))
    }

    /// Whole minutes from the day's beginning, rounded up, cut to the day.
    fn minutes_up(&self, time: Timestamp) -> u16 {
        cut(time
            .since(self.begin)
            .millis()
            .saturating_add(MINUTE.millis() - 1)
            .div_euclid(MINUTE.millis()))
    }

    /// Adds the runs of a set, joined to the last one where they touch (over midnight).
    fn append_runs(&self, set: &MinuteSet, runs: &mut Vec<CoverageRun>) {
        for range in set.runs() {
            let from = self.moment(range.start);
            let minutes = u32::from(range.end - range.start);
            let to = self.moment(range.end - 1) + MINUTE;
            match runs.last_mut() {
                Some(last) if last.to == from => {
                    last.to = to;
                    last.minutes += minutes;
                }
                _ => runs.push(CoverageRun { from, to, minutes }),
            }
        }
    }
}

fn cut(minutes: i64) -> u16 {
    u16::try_from(minutes.clamp(0, MinuteSet::MINUTES.into())).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, at, facts, judgement, shift};
    use super::*;

    #[test]
    fn e23_a_gap_of_thirty_minutes_between_shifts_fails() {
        let mut facts = facts();
        facts.shifts = vec![
            shift("m1", "2026-11-20 08:00", Some("2026-11-20 20:00")),
            shift("m2", "2026-11-20 20:00", Some("2026-11-21 07:30")),
            shift("m1", "2026-11-21 08:00", Some("2026-11-21 20:00")),
        ];
        facts.operating = samples::operating("2026-11-20 20:00", "2026-11-21 10:00");
        let period = Period {
            from: at("2026-11-20 08:00"),
            to: at("2026-11-21 20:00"),
        };
        let verdict = samples::evaluate(&facts, period, at("2026-11-21 20:00"));
        let n2 = verdict.reasons.iter().find(|r| r.rule == Rule::N2).unwrap();
        assert_eq!((n2.value, n2.threshold), (Some(30.0), 10.0));
        assert!(!n2.statutory);
        let gaps: Vec<_> = n2.evidence.iter().map(|e| (e.from, e.to)).collect();
        assert_eq!(gaps, [(at("2026-11-21 07:30"), at("2026-11-21 08:00"))]);
    }

    #[test]
    fn ten_uncovered_minutes_pass_and_eleven_fail() {
        for (until, fails) in [("2026-11-21 08:10", false), ("2026-11-21 08:11", true)] {
            let mut facts = facts();
            facts.shifts.clear();
            facts.operating = samples::operating("2026-11-21 08:00", until);
            assert_eq!(judgement(&facts, Rule::N2).fails, fails, "{until}");
        }
    }

    #[test]
    fn every_run_over_the_threshold_is_evidence() {
        let mut facts = facts();
        facts.shifts = vec![shift("m1", "2026-11-21 03:00", Some("2026-11-21 03:01"))];
        facts.operating = samples::operating("2026-11-21 02:40", "2026-11-21 03:40");
        let n2 = judgement(&facts, Rule::N2);
        assert_eq!(n2.value, Some(39.0));
        assert_eq!(n2.evidence.len(), 2);
    }

    #[test]
    fn a_run_goes_on_over_midnight() {
        let mut facts = facts();
        facts.shifts.clear();
        facts.operating = samples::operating("2026-11-20 23:55", "2026-11-21 00:06");
        let period = Period {
            from: at("2026-11-20 12:00"),
            to: at("2026-11-21 12:00"),
        };
        let picture = samples::picture(&facts, period, at("2026-11-21 12:00"));
        assert_eq!(picture.coverage.uncovered.len(), 1);
        assert_eq!(picture.coverage.longest_uncovered_min(), 11);
    }

    #[test]
    fn a_shift_counts_until_its_monitors_training_ends() {
        let mut facts = facts();
        facts
            .monitors
            .push(samples::monitor("late", Some("2026-11-21 04:00")));
        facts.monitors.push(samples::monitor("never", None));
        facts.shifts = vec![
            shift("late", "2026-11-21 00:00", Some("2026-11-21 08:00")),
            shift("never", "2026-11-21 00:00", Some("2026-11-21 08:00")),
        ];
        facts.operating = samples::operating("2026-11-21 03:00", "2026-11-21 05:00");
        let n2 = judgement(&facts, Rule::N2);
        assert_eq!(n2.value, Some(60.0));
        assert_eq!(
            n2.evidence.first().map(|e| e.from),
            Some(at("2026-11-21 04:00"))
        );
    }

    #[test]
    fn an_open_shift_counts_until_now_and_minutes_outside_the_period_do_not() {
        let mut facts = facts();
        facts.shifts = vec![shift("m1", "2026-11-21 06:00", None)];
        facts.operating = samples::operating("2026-11-21 05:00", "2026-11-21 12:00");
        let period = Period {
            from: at("2026-11-21 05:30"),
            to: at("2026-11-21 12:00"),
        };
        let picture = samples::picture(&facts, period, at("2026-11-21 12:00"));
        assert_eq!(picture.coverage.operating_min, 390);
        assert_eq!(picture.coverage.covered_min, 360);
        assert_eq!(picture.coverage.longest_uncovered_min(), 30);
    }

    #[test]
    fn a_minute_in_which_a_monitor_was_present_for_a_moment_is_covered() {
        let mut facts = facts();
        let mut brief = shift("m1", "2026-11-21 06:00", Some("2026-11-21 06:00"));
        brief.started_at = brief.started_at + Span::from_seconds(59);
        brief.ended_at = Some(brief.started_at + Span::from_millis(1));
        facts.shifts = vec![brief];
        facts.operating = samples::operating("2026-11-21 06:00", "2026-11-21 06:01");
        assert_eq!(judgement(&facts, Rule::N2).value, Some(0.0));
    }

    #[test]
    fn days_with_a_changed_clock_are_counted_by_moments() {
        let mut facts = facts();
        let zone = LocalZone::from_name("Europe/Berlin").unwrap();
        let begin = Timestamp::from_rfc3339("2026-10-25T00:00:00+02:00").unwrap();
        let mut minutes = MinuteSet::default();
        minutes.insert_range(0..MinuteSet::MINUTES);
        facts.operating = vec![(zone.day(begin), minutes)];
        facts.shifts = vec![Shift {
            started_at: begin,
            ended_at: Some(begin + Span::from_hours(12)),
            ..shift("m1", "2026-10-25 00:00", None)
        }];
        let case = Case {
            facts: &facts,
            period: Period {
                from: begin,
                to: begin + Span::from_hours(25),
            },
            now: begin + Span::from_hours(25),
            rules: &samples::rules(),
            zone,
        };
        let coverage = measure(&case);
        assert_eq!(coverage.operating_min, 1440);
        assert_eq!(coverage.longest_uncovered_min(), 13 * 60);
    }
}
