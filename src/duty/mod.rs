//! Whether an enterprise does its 24-hour monitoring duty: facts in, reasons N1-N9 out.
//!
//! Pure: no clock, no store. The same facts, period, moment and thresholds always give the same
//! verdict, so a "what if" costs nothing. One file a subject; start at [`evaluate`].
//!
//! Facts may reach further than the period asked for: every rule takes from them what lies in it.

mod changes;
mod contradictions;
mod coverage;
mod handling;
mod handover;
mod inquiries;
mod monitors;
mod network;
mod offline;
mod reminders;
mod rule;
mod verdict;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod samples;

pub use changes::{DutyChange, diff};
pub use coverage::{CoverageRun, MinuteCoverage};
pub use monitors::monitor_quota;
pub use network::{LinkDrop, connectivity_rate};
pub use rule::Rule;
pub use verdict::{DutyPicture, DutyVerdict, Evidence, Judgement, Rank};

use crate::model::duty::{DutyFacts, Period};
use crate::model::rules::DutyRules;
use crate::model::{LocalZone, Timestamp};

/// Evidence items that a reason carries at most; N2 alone always carries every run.
///
/// The value of the reason still counts them all.
pub const EVIDENCE_MAX: usize = 200;

/// The verdict on one enterprise for one period, as seen at `now`.
///
/// Deadlines are measured against `now`; an open shift counts until `now`.
/// Source: contract section 6, regulations 14.
pub fn evaluate(
    facts: &DutyFacts,
    period: Period,
    now: Timestamp,
    rules: &DutyRules,
    zone: LocalZone,
) -> DutyVerdict {
    let case = Case {
        facts,
        period,
        now,
        rules,
        zone,
    };
    DutyVerdict::new(facts, judge(&case, &coverage::measure(&case)))
}

/// The full picture: all nine rules, passing ones included, and the coverage by minute.
pub fn picture(
    facts: &DutyFacts,
    period: Period,
    now: Timestamp,
    rules: &DutyRules,
    zone: LocalZone,
) -> DutyPicture {
    let case = Case {
        facts,
        period,
        now,
        rules,
        zone,
    };
    let coverage = coverage::measure(&case);
    let judgements = judge(&case, &coverage);
    DutyPicture {
        verdict: DutyVerdict::new(facts, judgements.clone()),
        judgements,
        monitors_qualified: monitors::qualified(&case),
        coverage,
    }
}

/// What every rule sees.
struct Case<'a> {
    facts: &'a DutyFacts,
    period: Period,
    now: Timestamp,
    rules: &'a DutyRules,
    zone: LocalZone,
}

impl Case<'_> {
    /// The last moment of the period that has come.
    fn end(&self) -> Timestamp {
        self.period.to.min(self.now)
    }

    fn in_period(&self, time: Timestamp) -> bool {
        self.period.from <= time && time < self.period.to
    }
}

fn judge(case: &Case<'_>, coverage: &MinuteCoverage) -> Vec<Judgement> {
    vec![
        monitors::judge(case),
        coverage::judge(case, coverage),
        handling::judge(case),
        inquiries::judge(case),
        offline::judge(case),
        reminders::judge(case),
        network::judge(case),
        handover::judge(case),
        contradictions::judge(case),
    ]
}
