//! JSON of verdicts.

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::moment::Moment;
use crate::duty::{CoverageRun, DutyPicture, DutyVerdict, Evidence, Judgement};
use crate::model::{LocalZone, Timestamp};

/// The failing list.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct FailingList {
    /// Beginning of the period.
    pub(super) from: Moment,
    /// End of the period, exclusive.
    pub(super) to: Moment,
    /// The moment against which deadlines were held.
    pub(super) evaluated_at: Moment,
    /// The rulebook that gave the thresholds.
    pub(super) rulebook_version: String,
    /// Enterprises judged: all of the region asked for.
    pub(super) enterprises_total: u32,
    /// Of these, enterprises that fail their duty (for the reasons asked for).
    pub(super) enterprises_failing: u32,
    /// The failing ones, worst first.
    pub(super) items: Vec<FailingItem>,
    /// Cursor of the next page; null when this is the last.
    pub(super) next: Option<String>,
}

/// One failing enterprise.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FailingItem {
    enterprise: EnterpriseMark,
    /// Vehicles in the register.
    vehicles: u32,
    /// Earliest beginning of the evidence of any reason.
    failing_since: Option<Moment>,
    /// What it fails.
    reasons: Vec<ReasonBody>,
}

/// An enterprise, named.
#[derive(Debug, Serialize, ToSchema)]
struct EnterpriseMark {
    id: String,
    name: String,
    region: String,
}

/// One rule that is broken.
#[derive(Debug, Serialize, ToSchema)]
struct ReasonBody {
    /// `N1` to `N9`.
    rule: &'static str,
    title: &'static str,
    title_zh: &'static str,
    /// On what it rests.
    basis: &'static str,
    /// Whether a provision itself is broken, and not a default number.
    statutory: bool,
    value: Option<f64>,
    threshold: f64,
    /// Unit of value and threshold.
    unit: &'static str,
    evidence: Vec<EvidenceBody>,
}

/// One piece of proof.
#[derive(Debug, Serialize, ToSchema)]
struct EvidenceBody {
    from: Moment,
    to: Moment,
    note: String,
}

/// The full duty picture of one enterprise.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct DutyBody {
    enterprise: EnterpriseMark,
    from: Moment,
    to: Moment,
    evaluated_at: Moment,
    rulebook_version: String,
    /// Whether any rule is broken.
    failing: bool,
    failing_since: Option<Moment>,
    /// Vehicles in the register.
    vehicles: u32,
    /// Monitors whose training is valid.
    monitors_qualified: u32,
    /// The rules that are broken, as the failing list shows them.
    reasons: Vec<ReasonBody>,
    /// All nine rules with their values.
    rules: Vec<RuleBody>,
    coverage: CoverageBody,
}

/// One rule, kept or broken.
#[derive(Debug, Serialize, ToSchema)]
struct RuleBody {
    passes: bool,
    #[serde(flatten)]
    reason: ReasonBody,
}

/// Minute coverage.
#[derive(Debug, Serialize, ToSchema)]
struct CoverageBody {
    /// Minutes in which any vehicle drove.
    operating_min: u32,
    /// Of these, minutes with a qualified monitor on shift.
    covered_min: u32,
    /// Operating minutes without one.
    uncovered_min: u32,
    /// The longest run of such minutes.
    longest_uncovered_min: u32,
    /// Runs of operating minutes.
    operating: Vec<RunBody>,
    /// Runs of operating minutes that were not covered.
    uncovered: Vec<RunBody>,
    /// When a qualified monitor was on shift.
    on_shift: Vec<SpanBody>,
}

/// A run of minutes.
#[derive(Debug, Serialize, ToSchema)]
struct RunBody {
    from: Moment,
    to: Moment,
    minutes: u32,
}

/// A span of time.
#[derive(Debug, Serialize, ToSchema)]
struct SpanBody {
    from: Moment,
    to: Moment,
}

/// When and by what something was judged.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub(super) period: crate::model::duty::Period,
    pub(super) evaluated_at: Timestamp,
    pub(super) rulebook_version: String,
    pub(super) zone: LocalZone,
}

pub(super) fn failing_item(verdict: &DutyVerdict, zone: LocalZone) -> FailingItem {
    FailingItem {
        enterprise: mark(verdict),
        vehicles: verdict.vehicles,
        failing_since: verdict.failing_since.map(|time| Moment::new(time, zone)),
        reasons: reasons(verdict, zone),
    }
}

pub(super) fn picture(picture: &DutyPicture, judged: Judged) -> DutyBody {
    let zone = judged.zone;
    let verdict = &picture.verdict;
    let coverage = &picture.coverage;
    DutyBody {
        enterprise: mark(verdict),
        from: Moment::new(judged.period.from, zone),
        to: Moment::new(judged.period.to, zone),
        evaluated_at: Moment::new(judged.evaluated_at, zone),
        rulebook_version: judged.rulebook_version,
        failing: verdict.is_failing(),
        failing_since: verdict.failing_since.map(|time| Moment::new(time, zone)),
        vehicles: verdict.vehicles,
        monitors_qualified: picture.monitors_qualified,
        reasons: reasons(verdict, zone),
        rules: picture
            .judgements
            .iter()
            .map(|judgement| RuleBody {
                passes: !judgement.fails,
                reason: reason(judgement, zone),
            })
            .collect(),
        coverage: CoverageBody {
            operating_min: coverage.operating_min,
            covered_min: coverage.covered_min,
            uncovered_min: coverage.operating_min - coverage.covered_min,
            longest_uncovered_min: coverage.longest_uncovered_min(),
            operating: runs(&coverage.operating, zone),
            uncovered: runs(&coverage.uncovered, zone),
            on_shift: coverage
                .on_shift
                .iter()
                .map(|span| SpanBody {
                    from: Moment::new(span.from, zone),
                    to: Moment::new(span.to, zone),
                })
                .collect(),
        },
    }
}

fn mark(verdict: &DutyVerdict) -> EnterpriseMark {
    EnterpriseMark {
        id: verdict.enterprise_id.clone(),
        name: verdict.name.clone(),
        region: verdict.region.to_string(),
    }
}

fn reasons(verdict: &DutyVerdict, zone: LocalZone) -> Vec<ReasonBody> {
    verdict.reasons.iter().map(|r| reason(r, zone)).collect()
}

fn reason(judgement: &Judgement, zone: LocalZone) -> ReasonBody {
    let rule = judgement.rule;
    ReasonBody {
        rule: rule.name(),
        title: rule.title(),
        title_zh: rule.title_zh(),
        basis: rule.basis(),
        statutory: judgement.statutory,
        value: judgement.value,
        threshold: judgement.threshold,
        unit: rule.unit(),
        evidence: judgement
            .evidence
            .iter()
            .map(|item| evidence(item, zone))
            .collect(),
    }
}

fn evidence(item: &Evidence, zone: LocalZone) -> EvidenceBody {
    EvidenceBody {
        from: Moment::new(item.from, zone),
        to: Moment::new(item.to, zone),
        note: item.note.clone(),
    }
}

fn runs(runs: &[CoverageRun], zone: LocalZone) -> Vec<RunBody> {
    runs.iter()
        .map(|run| RunBody {
            from: Moment::new(run.from, zone),
            to: Moment::new(run.to, zone),
            minutes: run.minutes,
        })
        .collect()
}
