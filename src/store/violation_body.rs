//! The stored JSON of a violation: in its row, and as the body of a change.
//!
//! Its own shape, so that the domain type may be renamed without rewriting databases. Numbers with
//! a fraction are text: the JSON reader may be off by the last bit, the number parser is not.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::violations::StoredViolation;
use crate::model::violation::{AppliedLimit, Details, EvidenceMarks, FixMark, Grave, UnknownTime};
use crate::model::{
    DriverId, Plate, PlateColor, Position, Span, Speed, Timestamp, VehicleId, Violation,
};

/// A violation in a row. Times in milliseconds since 1970 UTC, speeds in thousandths of km/h.
#[derive(Deserialize, Serialize)]
struct Body {
    vehicle: u32,
    driver: Option<u32>,
    kind: String,
    started_at: i64,
    confirmed_at: i64,
    ended_at: Option<i64>,
    peak: Mark,
    limit: Option<Limit>,
    excess_ratio: String,
    legal_excess_ratio: String,
    severity: String,
    points: Option<u8>,
    points_basis: Option<String>,
    details: DetailsBody,
    first_fix: i64,
    peak_fix: i64,
    last_fix: i64,
    fixes: u32,
    first_seen_at: i64,
    /// Fix time and time of receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grave: Option<(i64, i64)>,
    rulebook_version: String,
}

#[derive(Deserialize, Serialize)]
struct Mark {
    time: i64,
    lat_udeg: i32,
    lon_udeg: i32,
    speed_mkmh: u32,
}

#[derive(Deserialize, Serialize)]
struct Limit {
    monitor_mkmh: u32,
    legal_mkmh: u32,
    source: String,
    reference: Option<String>,
    map_version: Option<String>,
    confidence: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct UnknownBody {
    from_ms: i64,
    to_ms: i64,
    what: String,
}

#[derive(Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum DetailsBody {
    Speeding,
    Fatigue {
        driving_ms: i64,
        limit_ms: i64,
        window: String,
        inferred: bool,
        /// Missing in rows that were written before it existed.
        #[serde(default)]
        unknown: Vec<UnknownBody>,
    },
    RouteDeviation {
        route_id: String,
        max_distance_m: String,
    },
    OfflineMovement {
        distance_m: String,
    },
    TerminalAlarm {
        alarm: String,
        #[serde(default)]
        level: Option<u8>,
        #[serde(default)]
        measured: Option<String>,
        #[serde(default)]
        allowed: Option<String>,
        #[serde(default)]
        fine_cny: Option<(u32, u32)>,
    },
    NightBan {
        line_km: Option<String>,
        major_hazard: bool,
    },
    Area {
        area_id: String,
        area_name: String,
    },
    UnplannedStop {
        route_id: String,
        distance_m: String,
    },
    None,
}

/// A stored violation in the body of a change.
#[derive(Deserialize, Serialize)]
struct ChangeBody {
    id: String,
    revision: u32,
    withdrawn: bool,
    enterprise_id: String,
    region: String,
    plate: String,
    plate_color: String,
    driver_licence: Option<String>,
    revised_at: i64,
    revision_reason: Option<String>,
    reminded_at: Option<i64>,
    handled_at: Option<i64>,
    handling_result: Option<String>,
    false_alarm_approved: bool,
    /// Missing in changes that were written before it existed.
    #[serde(default)]
    appealed_at: Option<i64>,
    #[serde(default)]
    appeal_status: Option<String>,
    violation: Body,
}

/// The text of a violation's row.
pub(super) fn to_text(violation: &Violation) -> Result<String, StoreError> {
    json(&body(violation))
}

/// A violation from the text of its row.
pub(super) fn from_text(text: &str) -> Result<Violation, StoreError> {
    serde_json::from_str(text)
        .ok()
        .and_then(violation)
        .ok_or(StoreError::damaged("violation"))
}

/// The body of a change.
pub(super) fn to_change(stored: &StoredViolation) -> Result<String, StoreError> {
    json(&ChangeBody {
        id: stored.id.clone(),
        revision: stored.revision,
        withdrawn: stored.withdrawn,
        enterprise_id: stored.enterprise_id.clone(),
        region: stored.region.clone(),
        plate: stored.plate.text.clone(),
        plate_color: stored.plate.color.name().to_owned(),
        driver_licence: stored.driver_licence.clone(),
        revised_at: stored.revised_at.millis(),
        revision_reason: stored.revision_reason.clone(),
        reminded_at: stored.reminded_at.map(Timestamp::millis),
        handled_at: stored.handled_at.map(Timestamp::millis),
        handling_result: stored
            .handling_result
            .map(|result| result.name().to_owned()),
        false_alarm_approved: stored.false_alarm_approved,
        appealed_at: stored.appealed_at.map(Timestamp::millis),
        appeal_status: stored.appeal_status.map(|status| status.name().to_owned()),
        violation: body(&stored.violation),
    })
}

/// A stored violation from the body of a change.
pub(super) fn from_change(text: &str) -> Result<StoredViolation, StoreError> {
    serde_json::from_str(text)
        .ok()
        .and_then(stored)
        .ok_or(StoreError::damaged("change of a violation"))
}

fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Broken {
        source: Box::new(error),
    })
}

fn body(violation: &Violation) -> Body {
    Body {
        vehicle: violation.vehicle.0,
        driver: violation.driver.map(|driver| driver.0),
        kind: violation.kind.name().to_owned(),
        started_at: violation.started_at.millis(),
        confirmed_at: violation.confirmed_at.millis(),
        ended_at: violation.ended_at.map(Timestamp::millis),
        peak: Mark {
            time: violation.peak.time.millis(),
            lat_udeg: violation.peak.position.lat_udeg,
            lon_udeg: violation.peak.position.lon_udeg,
            speed_mkmh: violation.peak.speed.mkmh(),
        },
        limit: violation.limit.as_ref().map(|limit| Limit {
            monitor_mkmh: limit.monitor.mkmh(),
            legal_mkmh: limit.legal.mkmh(),
            source: limit.source.name().to_owned(),
            reference: limit.reference.clone(),
            map_version: limit.map_version.clone(),
            confidence: limit.confidence.map(|confidence| confidence.to_string()),
        }),
        excess_ratio: violation.excess_ratio.to_string(),
        legal_excess_ratio: violation.legal_excess_ratio.to_string(),
        severity: violation.severity.name().to_owned(),
        points: violation.points,
        points_basis: violation.points_basis.map(|basis| basis.name().to_owned()),
        details: details_body(&violation.details),
        first_fix: violation.evidence.first_fix.millis(),
        peak_fix: violation.evidence.peak_fix.millis(),
        last_fix: violation.evidence.last_fix.millis(),
        fixes: violation.evidence.fixes,
        first_seen_at: violation.first_seen_at.millis(),
        grave: violation
            .grave
            .map(|grave| (grave.at.millis(), grave.seen_at.millis())),
        rulebook_version: violation.rulebook_version.clone(),
    }
}

fn details_body(details: &Details) -> DetailsBody {
    match details {
        Details::Speeding => DetailsBody::Speeding,
        Details::Fatigue {
            driving,
            limit,
            window,
            inferred,
            unknown,
        } => DetailsBody::Fatigue {
            driving_ms: driving.millis(),
            limit_ms: limit.millis(),
            window: window.name().to_owned(),
            inferred: *inferred,
            unknown: unknown.iter().map(unknown_body).collect(),
        },
        Details::RouteDeviation {
            route_id,
            max_distance_m,
        } => DetailsBody::RouteDeviation {
            route_id: route_id.clone(),
            max_distance_m: max_distance_m.to_string(),
        },
        Details::OfflineMovement { distance_m } => DetailsBody::OfflineMovement {
            distance_m: distance_m.to_string(),
        },
        Details::TerminalAlarm {
            alarm,
            level,
            measured,
            allowed,
            fine_cny,
        } => DetailsBody::TerminalAlarm {
            alarm: alarm.clone(),
            level: *level,
            measured: measured.map(|number| number.to_string()),
            allowed: allowed.map(|number| number.to_string()),
            fine_cny: *fine_cny,
        },
        Details::NightBan {
            line_km,
            major_hazard,
        } => DetailsBody::NightBan {
            line_km: line_km.map(|km| km.to_string()),
            major_hazard: *major_hazard,
        },
        Details::Area { area_id, area_name } => DetailsBody::Area {
            area_id: area_id.clone(),
            area_name: area_name.clone(),
        },
        Details::UnplannedStop {
            route_id,
            distance_m,
        } => DetailsBody::UnplannedStop {
            route_id: route_id.clone(),
            distance_m: distance_m.to_string(),
        },
        Details::None => DetailsBody::None,
    }
}

fn violation(body: Body) -> Option<Violation> {
    let limit = match body.limit {
        Some(limit) => Some(applied_limit(limit)?),
        None => None,
    };
    Some(Violation {
        vehicle: VehicleId(body.vehicle),
        driver: body.driver.map(DriverId),
        kind: body.kind.parse().ok()?,
        started_at: Timestamp::from_millis(body.started_at),
        confirmed_at: Timestamp::from_millis(body.confirmed_at),
        ended_at: body.ended_at.map(Timestamp::from_millis),
        peak: FixMark {
            time: Timestamp::from_millis(body.peak.time),
            position: Position {
                lat_udeg: body.peak.lat_udeg,
                lon_udeg: body.peak.lon_udeg,
            },
            speed: Speed::from_mkmh(body.peak.speed_mkmh),
        },
        limit,
        excess_ratio: body.excess_ratio.parse().ok()?,
        legal_excess_ratio: body.legal_excess_ratio.parse().ok()?,
        severity: body.severity.parse().ok()?,
        points: body.points,
        points_basis: parsed(body.points_basis.as_deref()).ok()?,
        details: details(body.details)?,
        evidence: EvidenceMarks {
            first_fix: Timestamp::from_millis(body.first_fix),
            peak_fix: Timestamp::from_millis(body.peak_fix),
            last_fix: Timestamp::from_millis(body.last_fix),
            fixes: body.fixes,
        },
        first_seen_at: Timestamp::from_millis(body.first_seen_at),
        grave: body.grave.map(|(at, seen_at)| Grave {
            at: Timestamp::from_millis(at),
            seen_at: Timestamp::from_millis(seen_at),
        }),
        rulebook_version: body.rulebook_version,
    })
}

fn applied_limit(limit: Limit) -> Option<AppliedLimit> {
    Some(AppliedLimit {
        monitor: Speed::from_mkmh(limit.monitor_mkmh),
        legal: Speed::from_mkmh(limit.legal_mkmh),
        source: limit.source.parse().ok()?,
        reference: limit.reference,
        map_version: limit.map_version,
        confidence: parsed(limit.confidence.as_deref()).ok()?,
    })
}

fn unknown_body(unknown: &UnknownTime) -> UnknownBody {
    UnknownBody {
        from_ms: unknown.from.millis(),
        to_ms: unknown.to.millis(),
        what: unknown.what.name().to_owned(),
    }
}

fn unknown_time(body: &UnknownBody) -> Option<UnknownTime> {
    Some(UnknownTime {
        from: Timestamp::from_millis(body.from_ms),
        to: Timestamp::from_millis(body.to_ms),
        what: body.what.parse().ok()?,
    })
}

fn details(body: DetailsBody) -> Option<Details> {
    Some(match body {
        DetailsBody::Speeding => Details::Speeding,
        DetailsBody::Fatigue {
            driving_ms,
            limit_ms,
            window,
            inferred,
            unknown,
        } => Details::Fatigue {
            driving: Span::from_millis(driving_ms),
            limit: Span::from_millis(limit_ms),
            window: window.parse().ok()?,
            inferred,
            unknown: unknown.iter().map(unknown_time).collect::<Option<_>>()?,
        },
        DetailsBody::RouteDeviation {
            route_id,
            max_distance_m,
        } => Details::RouteDeviation {
            route_id,
            max_distance_m: max_distance_m.parse().ok()?,
        },
        DetailsBody::OfflineMovement { distance_m } => Details::OfflineMovement {
            distance_m: distance_m.parse().ok()?,
        },
        DetailsBody::TerminalAlarm {
            alarm,
            level,
            measured,
            allowed,
            fine_cny,
        } => Details::TerminalAlarm {
            alarm,
            level,
            measured: parsed(measured.as_deref()).ok()?,
            allowed: parsed(allowed.as_deref()).ok()?,
            fine_cny,
        },
        DetailsBody::NightBan {
            line_km,
            major_hazard,
        } => Details::NightBan {
            line_km: parsed(line_km.as_deref()).ok()?,
            major_hazard,
        },
        DetailsBody::Area { area_id, area_name } => Details::Area { area_id, area_name },
        DetailsBody::UnplannedStop {
            route_id,
            distance_m,
        } => Details::UnplannedStop {
            route_id,
            distance_m: distance_m.parse().ok()?,
        },
        DetailsBody::None => Details::None,
    })
}

fn stored(body: ChangeBody) -> Option<StoredViolation> {
    Some(StoredViolation {
        id: body.id,
        revision: body.revision,
        withdrawn: body.withdrawn,
        enterprise_id: body.enterprise_id,
        region: body.region,
        plate: Plate {
            text: body.plate,
            color: body.plate_color.parse::<PlateColor>().ok()?,
        },
        driver_licence: body.driver_licence,
        revised_at: Timestamp::from_millis(body.revised_at),
        revision_reason: body.revision_reason,
        reminded_at: body.reminded_at.map(Timestamp::from_millis),
        handled_at: body.handled_at.map(Timestamp::from_millis),
        handling_result: parsed(body.handling_result.as_deref()).ok()?,
        false_alarm_approved: body.false_alarm_approved,
        appealed_at: body.appealed_at.map(Timestamp::from_millis),
        appeal_status: parsed(body.appeal_status.as_deref()).ok()?,
        violation: violation(body.violation)?,
    })
}

/// An optional text, parsed.
fn parsed<T: FromStr>(text: Option<&str>) -> Result<Option<T>, T::Err> {
    text.map(str::parse).transpose()
}
