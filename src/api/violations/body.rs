//! The JSON of a violation. Source: contract section 4, field by field.

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::moment::Moment;
use crate::model::violation::{AppliedLimit, Details};
use crate::model::{LocalZone, Timestamp, Violation};
use crate::store::StoredViolation;

/// A violation.
#[derive(Debug, Serialize, ToSchema)]
pub struct ViolationBody {
    id: String,
    revision: u32,
    /// `open`, `closed` or `withdrawn`.
    status: &'static str,
    kind: &'static str,
    plate: String,
    plate_color: &'static str,
    enterprise_id: String,
    /// Licence of the driver, where known.
    driver: Option<String>,
    started_at: Moment,
    confirmed_at: Moment,
    ended_at: Option<Moment>,
    duration_s: f64,
    peak: PeakBody,
    limit: Option<LimitBody>,
    /// Share over the monitoring limit.
    excess_ratio: f64,
    /// Share over the legal limit.
    legal_excess_ratio: f64,
    severity: &'static str,
    /// Driver points; null where they cannot be told.
    points: Option<u8>,
    points_basis: Option<&'static str>,
    /// What only this kind says.
    details: DetailsBody,
    evidence: EvidenceBody,
    rulebook_version: String,
    first_seen_at: Moment,
    revised_at: Moment,
    revision_reason: Option<String>,
    /// When the driver was first reminded.
    reminded_at: Option<Moment>,
    /// When a completed handling was first recorded.
    handled_at: Option<Moment>,
    /// Result of the last handling.
    handling_result: Option<&'static str>,
    /// A second person approved that it was a false alarm.
    false_alarm_approved: bool,
}

/// The worst fix.
#[derive(Debug, Serialize, ToSchema)]
struct PeakBody {
    time: Moment,
    lat: f64,
    lon: f64,
    speed_kmh: f64,
}

/// The limit that was applied.
#[derive(Debug, Serialize, ToSchema)]
struct LimitBody {
    monitor_kmh: f64,
    legal_kmh: f64,
    source: &'static str,
    reference: Option<String>,
    map_version: Option<String>,
    confidence: Option<f64>,
}

/// What only one kind says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum DetailsBody {
    Fatigue {
        driving_min: f64,
        limit_min: f64,
        window: &'static str,
        inferred: bool,
    },
    RouteDeviation {
        route_id: String,
        max_distance_m: f64,
    },
    OfflineMovement {
        distance_m: f64,
    },
    TerminalAlarm {
        alarm: String,
    },
    Nothing {},
}

/// The fixes on which it rests.
#[derive(Debug, Serialize, ToSchema)]
struct EvidenceBody {
    first_fix: Moment,
    peak_fix: Moment,
    last_fix: Moment,
    fixes: u32,
}

/// A stored violation as JSON.
pub fn violation_body(stored: StoredViolation, zone: LocalZone) -> ViolationBody {
    let status = stored.status().name();
    let at = |time: Timestamp| Moment::new(time, zone);
    let judged: &Violation = &stored.violation;
    ViolationBody {
        status,
        revision: stored.revision,
        kind: judged.kind.name(),
        plate_color: stored.plate.color.name(),
        started_at: at(judged.started_at),
        confirmed_at: at(judged.confirmed_at),
        ended_at: judged.ended_at.map(at),
        duration_s: judged.duration().seconds(),
        peak: PeakBody {
            time: at(judged.peak.time),
            lat: judged.peak.position.lat(),
            lon: judged.peak.position.lon(),
            speed_kmh: judged.peak.speed.kmh(),
        },
        limit: judged.limit.as_ref().map(limit),
        excess_ratio: judged.excess_ratio,
        legal_excess_ratio: judged.legal_excess_ratio,
        severity: judged.severity.name(),
        points: judged.points,
        points_basis: judged.points_basis.map(|basis| basis.name()),
        details: details(&judged.details),
        evidence: EvidenceBody {
            first_fix: at(judged.evidence.first_fix),
            peak_fix: at(judged.evidence.peak_fix),
            last_fix: at(judged.evidence.last_fix),
            fixes: judged.evidence.fixes,
        },
        first_seen_at: at(judged.first_seen_at),
        revised_at: at(stored.revised_at),
        reminded_at: stored.reminded_at.map(at),
        handled_at: stored.handled_at.map(at),
        handling_result: stored.handling_result.map(|result| result.name()),
        false_alarm_approved: stored.false_alarm_approved,
        rulebook_version: stored.violation.rulebook_version,
        id: stored.id,
        plate: stored.plate.text,
        enterprise_id: stored.enterprise_id,
        driver: stored.driver_licence,
        revision_reason: stored.revision_reason,
    }
}

fn limit(limit: &AppliedLimit) -> LimitBody {
    LimitBody {
        monitor_kmh: limit.monitor.kmh(),
        legal_kmh: limit.legal.kmh(),
        source: limit.source.name(),
        reference: limit.reference.clone(),
        map_version: limit.map_version.clone(),
        confidence: limit.confidence,
    }
}

fn details(details: &Details) -> DetailsBody {
    match details {
        Details::Speeding | Details::None => DetailsBody::Nothing {},
        Details::Fatigue {
            driving,
            limit,
            window,
            inferred,
        } => DetailsBody::Fatigue {
            driving_min: driving.minutes(),
            limit_min: limit.minutes(),
            window: window.name(),
            inferred: *inferred,
        },
        Details::RouteDeviation {
            route_id,
            max_distance_m,
        } => DetailsBody::RouteDeviation {
            route_id: route_id.clone(),
            max_distance_m: *max_distance_m,
        },
        Details::OfflineMovement { distance_m } => DetailsBody::OfflineMovement {
            distance_m: *distance_m,
        },
        Details::TerminalAlarm { alarm } => DetailsBody::TerminalAlarm {
            alarm: alarm.clone(),
        },
    }
}
