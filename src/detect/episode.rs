//! A condition that holds for a time: what most detectors remember of it, and how it is told.
//!
//! ```text
//! begun --confirmed--> told as opened --seen again--> told as extended
//! told  --ended--> told as closed;   begun --ended before it counts--> forgotten
//! ```
//!
//! When a condition begins, counts and ends is the business of its detector; here is what all of them
//! have in common.

use crate::model::violation::{Details, EvidenceMarks, FixMark};
use crate::model::{DriverId, Fix, Span, Timestamp, Violation, ViolationKind};

use super::admit::mark;
use super::grade::Grade;
use super::speeding::Confirmed;
use super::{Context, Transition};

/// A condition of one vehicle that goes on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Episode {
    /// From when it holds.
    pub(super) started_at: Timestamp,
    /// From when it counts, once it does.
    pub(super) confirmed: Option<Confirmed>,
    /// First fix that does not show it any more, while its end is not settled.
    pub(super) paused_at: Option<Timestamp>,
    /// The fix that shows it worst.
    pub(super) peak: FixMark,
    /// First fix that shows it.
    pub(super) first: Timestamp,
    /// Last fix that shows it.
    pub(super) last: Timestamp,
    /// Fixes that show it.
    pub(super) fixes: u32,
    /// First known driver.
    pub(super) driver: Option<DriverId>,
}

/// What an episode is told as.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) kind: ViolationKind,
    pub(super) details: Details,
    pub(super) grade: Grade,
}

impl Episode {
    /// Begins at a time and is shown by a fix.
    pub(super) fn new(started_at: Timestamp, fix: &Fix) -> Self {
        Self {
            started_at,
            confirmed: None,
            paused_at: None,
            peak: mark(fix),
            first: fix.time,
            last: fix.time,
            fixes: 1,
            driver: fix.driver,
        }
    }

    /// One more fix shows it; the fastest is the worst unless the detector says otherwise.
    pub(super) fn see(&mut self, fix: &Fix) {
        self.paused_at = None;
        self.last = fix.time;
        self.fixes = self.fixes.saturating_add(1);
        self.driver = self.driver.or(fix.driver);
        if fix.speed > self.peak.speed {
            self.peak = mark(fix);
        }
    }

    /// A fix does not show it; since when none does.
    pub(super) fn pause(&mut self, at: Timestamp) -> Timestamp {
        *self.paused_at.get_or_insert(at)
    }

    /// Whether no fix has shown it for at least so long before `at`.
    pub(super) fn has_paused_for(&self, long: Span, at: Timestamp) -> bool {
        self.paused_at
            .is_some_and(|paused_at| at.since(paused_at) >= long)
    }

    /// Tells it after a fix; `counts_from` is when it counts, where that is known now.
    pub(super) fn tell(
        &mut self,
        context: &Context<'_>,
        fix: &Fix,
        counts_from: Option<Timestamp>,
        finding: impl FnOnce() -> Finding,
        out: &mut Vec<Transition>,
    ) {
        let told = self.confirmed.is_some();
        self.confirm(fix, counts_from);
        if let Some(violation) = self.violation(context, fix, None, finding) {
            out.push(if told {
                Transition::Extended(violation)
            } else {
                Transition::Opened(violation)
            });
        }
    }

    /// It ended at a time, known from a fix; told where it counts or is known to count now.
    pub(super) fn end(
        mut self,
        context: &Context<'_>,
        fix: &Fix,
        end: Timestamp,
        counts_from: Option<Timestamp>,
        finding: impl FnOnce() -> Finding,
        out: &mut Vec<Transition>,
    ) {
        let told = self.confirmed.is_some();
        self.confirm(fix, counts_from);
        let end = end.max(self.started_at);
        let Some(violation) = self.violation(context, fix, Some(end), finding) else {
            return;
        };
        if !told {
            let mut opened = violation.clone();
            opened.ended_at = None;
            out.push(Transition::Opened(opened));
        }
        out.push(Transition::Closed(violation));
    }

    fn confirm(&mut self, fix: &Fix, counts_from: Option<Timestamp>) {
        if let (None, Some(at)) = (self.confirmed, counts_from) {
            self.confirmed = Some(Confirmed {
                at,
                first_seen_at: fix.received,
            });
        }
    }

    /// The violation; `None` while it does not count.
    fn violation(
        &self,
        context: &Context<'_>,
        fix: &Fix,
        ended_at: Option<Timestamp>,
        finding: impl FnOnce() -> Finding,
    ) -> Option<Box<Violation>> {
        let confirmed = self.confirmed?;
        let Finding {
            kind,
            details,
            grade,
        } = finding();
        Some(Box::new(Violation {
            vehicle: fix.vehicle,
            driver: self.driver,
            kind,
            started_at: self.started_at,
            confirmed_at: confirmed.at,
            ended_at,
            peak: self.peak,
            limit: None,
            excess_ratio: 0.0,
            legal_excess_ratio: 0.0,
            severity: grade.severity,
            points: grade.points,
            points_basis: grade.basis,
            details,
            evidence: EvidenceMarks {
                first_fix: self.first,
                peak_fix: self.peak.time,
                last_fix: self.last,
                fixes: self.fixes,
            },
            first_seen_at: confirmed.first_seen_at,
            grave: None,
            rulebook_version: context.rules.version.clone(),
        }))
    }
}
