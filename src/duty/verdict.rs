//! What the rules concluded about one enterprise.

use std::cmp::Ordering;

use super::EVIDENCE_MAX;
use super::coverage::MinuteCoverage;
use super::rule::Rule;
use crate::model::duty::DutyFacts;
use crate::model::{Region, Timestamp};

/// One piece of proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Where it begins; may lie before the period where the cause does.
    pub from: Timestamp,
    /// Where it ends.
    pub to: Timestamp,
    /// What it shows.
    pub note: String,
}

/// What one rule says.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The rule.
    pub rule: Rule,
    /// Whether the enterprise fails it.
    pub fails: bool,
    /// Whether the failure breaks a provision itself and not a default number.
    ///
    /// Source: regulations 14: N1, N3, N9, and N7 where no data came at all.
    pub statutory: bool,
    /// The measured value; `None` where there was nothing to measure (which passes).
    pub value: Option<f64>,
    /// What the value is held against.
    pub threshold: f64,
    /// Proof; empty for a rule that passes.
    pub evidence: Vec<Evidence>,
}

impl Judgement {
    /// A rule that is kept.
    pub(super) fn passes(rule: Rule, value: Option<f64>, threshold: f64) -> Self {
        Self {
            rule,
            fails: false,
            statutory: false,
            value,
            threshold,
            evidence: Vec::new(),
        }
    }

    /// A rule that is broken, with at most [`EVIDENCE_MAX`] items of proof, earliest first.
    pub(super) fn fails(
        rule: Rule,
        statutory: bool,
        value: f64,
        threshold: f64,
        mut evidence: Vec<Evidence>,
    ) -> Self {
        evidence.sort_by(|a, b| (a.from, a.to, &a.note).cmp(&(b.from, b.to, &b.note)));
        evidence.truncate(EVIDENCE_MAX);
        Self {
            rule,
            fails: true,
            statutory,
            value: Some(value),
            threshold,
            evidence,
        }
    }
}

/// The verdict on one enterprise.
#[derive(Clone, Debug, PartialEq)]
pub struct DutyVerdict {
    /// Enterprise identifier.
    pub enterprise_id: String,
    /// Enterprise name.
    pub name: String,
    /// Enterprise region.
    pub region: Region,
    /// Vehicles in the register.
    pub vehicles: u32,
    /// The rules that it fails, by rule; empty for an enterprise that does its duty.
    pub reasons: Vec<Judgement>,
    /// Earliest beginning of the proof of any reason; `None` when it does its duty.
    ///
    /// It can lie before the period: data that stopped, training that expired.
    pub failing_since: Option<Timestamp>,
}

impl DutyVerdict {
    pub(super) fn new(facts: &DutyFacts, judgements: Vec<Judgement>) -> Self {
        let reasons: Vec<Judgement> = judgements.into_iter().filter(|j| j.fails).collect();
        let failing_since = reasons
            .iter()
            .flat_map(|reason| reason.evidence.iter().map(|item| item.from))
            .min();
        Self {
            enterprise_id: facts.enterprise_id.clone(),
            name: facts.name.clone(),
            region: facts.region.clone(),
            vehicles: facts.vehicles,
            reasons,
            failing_since,
        }
    }

    /// Whether it fails its duty.
    pub fn is_failing(&self) -> bool {
        !self.reasons.is_empty()
    }

    /// Number of reasons that break a provision itself.
    pub fn statutory_reasons(&self) -> usize {
        self.reasons.iter().filter(|r| r.statutory).count()
    }
}

/// Order of the failing list: more statutory reasons, more reasons, failing longer, then by id.
pub fn worst_first(a: &DutyVerdict, b: &DutyVerdict) -> Ordering {
    b.statutory_reasons()
        .cmp(&a.statutory_reasons())
        .then(b.reasons.len().cmp(&a.reasons.len()))
        .then(
            a.failing_since
                .unwrap_or(Timestamp::MAX)
                .cmp(&b.failing_since.unwrap_or(Timestamp::MAX)),
        )
        .then_with(|| a.enterprise_id.cmp(&b.enterprise_id))
}

/// All that is to be said about one enterprise's duty, passing rules included.
#[derive(Clone, Debug, PartialEq)]
pub struct DutyPicture {
    /// The verdict, as the failing list shows it.
    pub verdict: DutyVerdict,
    /// All nine rules, in order.
    pub judgements: Vec<Judgement>,
    /// Monitors whose training is valid.
    pub monitors_qualified: u32,
    /// Operating and covered minutes.
    pub coverage: MinuteCoverage,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(id: &str, statutory: usize, others: usize, since: i64) -> DutyVerdict {
        let reason = |statutory| Judgement::fails(Rule::N1, statutory, 0.0, 0.0, Vec::new());
        let mut reasons = vec![reason(true); statutory];
        reasons.extend(vec![reason(false); others]);
        DutyVerdict {
            enterprise_id: id.to_owned(),
            name: String::new(),
            region: "430102".parse().unwrap(),
            vehicles: 1,
            reasons,
            failing_since: Some(Timestamp::from_seconds(since)),
        }
    }

    #[test]
    fn worst_first_counts_statutory_then_all_then_age() {
        let mut list = [
            verdict("newer", 1, 1, 20),
            verdict("older", 1, 1, 10),
            verdict("many", 0, 5, 0),
            verdict("more", 1, 2, 30),
            verdict("gravest", 2, 0, 40),
        ];
        list.sort_by(worst_first);
        let order: Vec<&str> = list.iter().map(|v| v.enterprise_id.as_str()).collect();
        assert_eq!(order, ["gravest", "more", "older", "newer", "many"]);
    }
}
