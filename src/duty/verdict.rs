//! What the rules concluded about one enterprise.

use std::cmp::Reverse;

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
    /// Whether a provision itself is at stake and not a default number: [`Rule::is_statutory`], and N7 where no
    /// data came at all.
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
            statutory: rule.is_statutory(),
            value,
            threshold,
            evidence: Vec::new(),
        }
    }

    /// A rule that is broken, with at most [`EVIDENCE_MAX`] items of proof, earliest first.
    pub(super) fn fails(
        rule: Rule,
        value: f64,
        threshold: f64,
        mut evidence: Vec<Evidence>,
    ) -> Self {
        evidence.sort_by(|a, b| (a.from, a.to, &a.note).cmp(&(b.from, b.to, &b.note)));
        evidence.truncate(EVIDENCE_MAX);
        Self {
            rule,
            fails: true,
            statutory: rule.is_statutory(),
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

    /// Its place in the failing list.
    pub fn rank(&self) -> Rank {
        Rank {
            statutory: Reverse(self.statutory_reasons()),
            reasons: Reverse(self.reasons.len()),
            failing_since: self.failing_since.unwrap_or(Timestamp::MAX),
            enterprise_id: self.enterprise_id.clone(),
        }
    }

    /// Number of reasons that break a provision itself.
    pub fn statutory_reasons(&self) -> usize {
        self.reasons.iter().filter(|r| r.statutory).count()
    }
}

/// Place of an enterprise in the failing list; the least is the worst.
///
/// More statutory reasons, more reasons, failing longer, then by identifier.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// Number of statutory reasons.
    pub statutory: Reverse<usize>,
    /// Number of reasons.
    pub reasons: Reverse<usize>,
    /// Since when it fails.
    pub failing_since: Timestamp,
    /// Enterprise identifier.
    pub enterprise_id: String,
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
        let reason = |rule| Judgement::fails(rule, 0.0, 0.0, Vec::new());
        let mut reasons = vec![reason(Rule::N1); statutory];
        reasons.extend(vec![reason(Rule::N2); others]);
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
        list.sort_by_key(DutyVerdict::rank);
        let order: Vec<&str> = list.iter().map(|v| v.enterprise_id.as_str()).collect();
        assert_eq!(order, ["gravest", "more", "older", "newer", "many"]);
    }
}
