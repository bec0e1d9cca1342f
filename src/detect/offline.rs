//! Movement while no data came (A9).
//!
//! A gap in the record whose ends are apart is a violation of its own, complete as soon as the
//! first fix after it is judged. A far end that was settled after an impossible jump proves no
//! movement and accuses nobody.

use crate::model::violation::{Details, EvidenceMarks};
use crate::model::{Violation, ViolationKind};

use super::admit::{Step, mark};
use super::grade::penalty;
use super::{Context, Transition};

/// Looks at the gap before a fix.
pub(super) fn handle_step(context: &Context<'_>, step: &Step<'_>, out: &mut Vec<Transition>) {
    let (Some(before), Some(gap)) = (&step.before, &step.gap) else {
        return;
    };
    if gap.stood || step.relocated {
        return;
    }
    let rules = context.rules;
    let grade = penalty(rules, &rules.offline.penalty, context.profile.class, true);
    let begin = before.fix.time;
    let violation = Violation {
        vehicle: step.fix.vehicle,
        driver: before.driver,
        kind: ViolationKind::OfflineMovement,
        started_at: begin,
        confirmed_at: begin,
        ended_at: None,
        peak: mark(step.fix),
        limit: None,
        excess_ratio: 0.0,
        legal_excess_ratio: 0.0,
        severity: grade.severity,
        points: grade.points,
        points_basis: grade.basis,
        details: Details::OfflineMovement {
            distance_m: gap.distance_m,
        },
        evidence: EvidenceMarks {
            first_fix: begin,
            peak_fix: step.fix.time,
            last_fix: step.fix.time,
            fixes: 2,
        },
        first_seen_at: step.fix.received,
        grave: None,
        rulebook_version: rules.version.clone(),
    };
    out.push(Transition::Opened(Box::new(violation.clone())));
    out.push(Transition::Closed(Box::new(Violation {
        ended_at: Some(step.fix.time),
        ..violation
    })));
}
