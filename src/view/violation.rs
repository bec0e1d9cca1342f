//! A violation as JSON, field by field. Source: contract section 4.

use serde::Serialize;
use utoipa::ToSchema;

use super::number::{shortest, shortest_or_null, tenths};
use crate::model::violation::{AppliedLimit, Details, FixMark, PointsBasis};
use crate::model::{LocalZone, Plate, Timestamp, Violation};

/// To whom a violation belongs, as seen from outside.
#[derive(Clone, Copy, Debug)]
pub struct ViolationOwner<'a> {
    /// The vehicle.
    pub plate: &'a Plate,
    /// The enterprise that answers for it.
    pub enterprise_id: &'a str,
    /// Licence of the driver, where known.
    pub driver: Option<&'a str>,
}

/// How a violation came to be what it is now.
#[derive(Clone, Copy, Debug)]
pub struct ViolationHistory<'a> {
    /// The identifier that it had first; `None` for the one that follows from its value.
    pub id: Option<&'a str>,
    /// Number of this revision, from 1.
    pub revision: u32,
    /// Withdrawn by a later revision.
    pub withdrawn: bool,
    /// When this revision was made.
    pub revised_at: Timestamp,
    /// Why, for a revision after the first.
    pub reason: Option<&'a str>,
}

impl ViolationHistory<'_> {
    /// A violation that was never revised: made when the fix that confirmed it was received.
    pub const fn first(first_seen_at: Timestamp) -> Self {
        Self {
            id: None,
            revision: 1,
            withdrawn: false,
            revised_at: first_seen_at,
            reason: None,
        }
    }
}

/// A violation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ViolationView {
    /// Identifier: given at the first revision, from plate, kind and beginning; it never changes.
    pub id: String,
    /// Number of the revision shown, from 1.
    pub revision: u32,
    /// `open`, `closed` or `withdrawn`.
    pub status: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Plate text.
    pub plate: String,
    /// Plate colour.
    pub plate_color: &'static str,
    /// The enterprise that answers for the vehicle.
    pub enterprise_id: String,
    /// Licence of the driver, where known.
    #[schema(required)]
    pub driver: Option<String>,
    /// From when the condition holds.
    pub started_at: String,
    /// From when it counts.
    pub confirmed_at: String,
    /// When it ended; null while open.
    #[schema(required)]
    pub ended_at: Option<String>,
    /// How long it held, up to the last fix while open. Unit: s.
    #[serde(serialize_with = "shortest")]
    pub duration_s: f64,
    /// The worst fix.
    pub peak: PeakView,
    /// The limit; null for kinds without a speed limit.
    #[schema(required)]
    pub limit: Option<LimitView>,
    /// Share over the monitoring limit.
    #[serde(serialize_with = "shortest")]
    pub excess_ratio: f64,
    /// Share over the legal limit.
    #[serde(serialize_with = "shortest")]
    pub legal_excess_ratio: f64,
    /// `L1` to `L4`.
    pub severity: &'static str,
    /// Driver points; null where they cannot be told.
    #[schema(required)]
    pub points: Option<u8>,
    /// Why the points are what they are; null when 0.
    #[schema(required)]
    pub points_basis: Option<&'static str>,
    /// What only this kind says.
    pub details: DetailsView,
    /// The fixes on which it rests.
    pub evidence: EvidenceView,
    /// Version of the rulebook that judged it.
    pub rulebook_version: String,
    /// When the fix that confirmed it was received.
    pub first_seen_at: String,
    /// When this revision was made.
    pub revised_at: String,
    /// Why it was revised; null for the first revision.
    #[schema(required)]
    pub revision_reason: Option<String>,
}

/// The worst fix of a violation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PeakView {
    /// Fix time.
    pub time: String,
    /// Latitude. Unit: degrees, WGS-84.
    pub lat: f64,
    /// Longitude. Unit: degrees, WGS-84.
    pub lon: f64,
    /// Speed. Unit: km/h.
    #[serde(serialize_with = "shortest")]
    pub speed_kmh: f64,
}

/// The limit that was applied.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LimitView {
    /// Monitoring limit. Unit: km/h.
    #[serde(serialize_with = "shortest")]
    pub monitor_kmh: f64,
    /// Legal limit. Unit: km/h.
    #[serde(serialize_with = "shortest")]
    pub legal_kmh: f64,
    /// `road`, `class`, `night`, `route`, `area`, `campaign` or `weather`.
    pub source: &'static str,
    /// The thing that carries the limit, such as `way/123`.
    #[schema(required)]
    pub reference: Option<String>,
    /// Version of the road map, where one was used.
    #[schema(required)]
    pub map_version: Option<String>,
    /// Confidence of the match to a road, `0..=1`, where one was used.
    #[serde(serialize_with = "shortest_or_null")]
    #[schema(required)]
    pub confidence: Option<f64>,
}

/// What only one kind of violation says; an empty object for kinds that say no more.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum DetailsView {
    /// Fatigue counters.
    Fatigue {
        /// Driving counted. Unit: minutes.
        #[serde(serialize_with = "shortest")]
        driving_min: f64,
        /// The limit that was passed. Unit: minutes.
        #[serde(serialize_with = "shortest")]
        limit_min: f64,
        /// `continuous`, `night`, `24h` or `7d`.
        window: &'static str,
        /// Some of the time was inferred or unknown.
        inferred: bool,
        /// Time in the window of which not all is known; the newest, oldest first.
        unknown: Vec<UnknownView>,
        /// No driver is known: the counters are those of the vehicle.
        driver_unknown: bool,
    },
    /// Off the route.
    RouteDeviation {
        /// The route that was left.
        route_id: String,
        /// Farthest distance from its line. Unit: m.
        #[serde(serialize_with = "tenths")]
        max_distance_m: f64,
    },
    /// Moved without data.
    OfflineMovement {
        /// Straight distance between the fixes around the gap. Unit: m.
        #[serde(serialize_with = "tenths")]
        distance_m: f64,
    },
    /// Reported by the terminal, or found in what it reports.
    TerminalAlarm {
        /// Name of the alarm.
        alarm: String,
        /// Level of an active-safety alarm, 1 or 2; 2 is graver.
        #[schema(required)]
        level: Option<u8>,
        /// What was counted or measured, in the unit of the alarm.
        #[serde(serialize_with = "shortest_or_null")]
        #[schema(required)]
        measured: Option<f64>,
        /// What would have been allowed or expected, in the same unit.
        #[serde(serialize_with = "shortest_or_null")]
        #[schema(required)]
        allowed: Option<f64>,
        /// Lowest and highest fine, where the law names a band. Unit: CNY.
        #[schema(required)]
        fine_cny: Option<[u32; 2]>,
    },
    /// Running in the hours of the night ban.
    NightBan {
        /// One-way length of the line, where known. Unit: km.
        #[serde(serialize_with = "shortest_or_null")]
        #[schema(required)]
        line_km: Option<f64>,
        /// A candidate for a major hazard.
        major_hazard: bool,
    },
    /// Inside an area, or outside the areas that must not be left.
    Area {
        /// The area.
        area_id: String,
        /// Its name.
        area_name: String,
    },
    /// Stood where no stop is planned.
    UnplannedStop {
        /// The planned route on which it stood.
        route_id: String,
        /// Distance to the nearest planned stop. Unit: m.
        #[serde(serialize_with = "tenths")]
        distance_m: f64,
    },
    /// Nothing more to say.
    Nothing {},
}

/// A time of which not all is known.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UnknownView {
    /// First moment.
    pub from: String,
    /// First moment after it.
    pub to: String,
    /// `unknown` (silent, then elsewhere: not counted), `inferred_stop` (silent, then in the same place:
    /// counted as a stop) or `two_vehicles` (two vehicles say that the driver drove: counted once).
    pub what: &'static str,
}

/// Times and number of the fixes on which a violation rests.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EvidenceView {
    /// Time of the first fix in the condition; of fatigue, of the driving since the last rest.
    pub first_fix: String,
    /// Time of the worst fix.
    pub peak_fix: String,
    /// Time of the last fix in the condition.
    pub last_fix: String,
    /// Number of fixes in the condition; of fatigue, in the driving since the last rest, 0
    /// where two vehicles tell of it.
    pub fixes: u32,
}

impl ViolationView {
    /// The shape of `violation`; times are told in `zone`.
    pub fn new(
        violation: &Violation,
        owner: ViolationOwner<'_>,
        history: ViolationHistory<'_>,
        zone: &LocalZone,
    ) -> Self {
        let evidence = &violation.evidence;
        Self {
            id: history
                .id
                .map_or_else(|| violation.id(owner.plate), str::to_owned),
            revision: history.revision,
            status: status(violation, history),
            kind: violation.kind.name(),
            plate: owner.plate.text.clone(),
            plate_color: owner.plate.color.name(),
            enterprise_id: owner.enterprise_id.to_owned(),
            driver: owner.driver.map(str::to_owned),
            started_at: zone.rfc3339(violation.started_at),
            confirmed_at: zone.rfc3339(violation.confirmed_at),
            ended_at: violation.ended_at.map(|time| zone.rfc3339(time)),
            duration_s: violation.duration().seconds(),
            peak: PeakView::new(&violation.peak, zone),
            limit: violation.limit.as_ref().map(LimitView::new),
            excess_ratio: violation.excess_ratio,
            legal_excess_ratio: violation.legal_excess_ratio,
            severity: violation.severity.name(),
            points: violation.points,
            points_basis: violation.points_basis.map(PointsBasis::name),
            details: DetailsView::new(violation, zone),
            evidence: EvidenceView {
                first_fix: zone.rfc3339(evidence.first_fix),
                peak_fix: zone.rfc3339(evidence.peak_fix),
                last_fix: zone.rfc3339(evidence.last_fix),
                fixes: evidence.fixes,
            },
            rulebook_version: violation.rulebook_version.clone(),
            first_seen_at: zone.rfc3339(violation.first_seen_at),
            revised_at: zone.rfc3339(history.revised_at),
            revision_reason: history.reason.map(str::to_owned),
        }
    }
}

/// `withdrawn` wins over `closed`, which wins over `open`.
const fn status(violation: &Violation, history: ViolationHistory<'_>) -> &'static str {
    match (history.withdrawn, violation.ended_at) {
        (true, _) => "withdrawn",
        (false, Some(_)) => "closed",
        (false, None) => "open",
    }
}

impl PeakView {
    fn new(mark: &FixMark, zone: &LocalZone) -> Self {
        Self {
            time: zone.rfc3339(mark.time),
            lat: mark.position.lat(),
            lon: mark.position.lon(),
            speed_kmh: mark.speed.kmh(),
        }
    }
}

impl LimitView {
    fn new(limit: &AppliedLimit) -> Self {
        Self {
            monitor_kmh: limit.monitor.kmh(),
            legal_kmh: limit.legal.kmh(),
            source: limit.source.name(),
            reference: limit.reference.clone(),
            map_version: limit.map_version.clone(),
            confidence: limit.confidence,
        }
    }
}

impl DetailsView {
    fn new(violation: &Violation, zone: &LocalZone) -> Self {
        match &violation.details {
            Details::Fatigue {
                driving,
                limit,
                window,
                inferred,
                unknown,
            } => Self::Fatigue {
                driving_min: driving.minutes(),
                limit_min: limit.minutes(),
                window: window.name(),
                inferred: *inferred,
                unknown: unknown
                    .iter()
                    .map(|unknown| UnknownView {
                        from: zone.rfc3339(unknown.from),
                        to: zone.rfc3339(unknown.to),
                        what: unknown.what.name(),
                    })
                    .collect(),
                driver_unknown: violation.driver.is_none(),
            },
            Details::RouteDeviation {
                route_id,
                max_distance_m,
            } => Self::RouteDeviation {
                route_id: route_id.clone(),
                max_distance_m: *max_distance_m,
            },
            Details::OfflineMovement { distance_m } => Self::OfflineMovement {
                distance_m: *distance_m,
            },
            Details::TerminalAlarm {
                alarm,
                level,
                measured,
                allowed,
                fine_cny,
            } => Self::TerminalAlarm {
                alarm: alarm.clone(),
                level: *level,
                measured: *measured,
                allowed: *allowed,
                fine_cny: fine_cny.map(|(least, most)| [least, most]),
            },
            Details::NightBan {
                line_km,
                major_hazard,
            } => Self::NightBan {
                line_km: *line_km,
                major_hazard: *major_hazard,
            },
            Details::Area { area_id, area_name } => Self::Area {
                area_id: area_id.clone(),
                area_name: area_name.clone(),
            },
            Details::UnplannedStop {
                route_id,
                distance_m,
            } => Self::UnplannedStop {
                route_id: route_id.clone(),
                distance_m: *distance_m,
            },
            Details::Speeding | Details::None => Self::Nothing {},
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::violation::{EvidenceMarks, LimitSource};
    use crate::model::{PlateColor, Position, Severity, Speed, VehicleId, ViolationKind};

    fn speeding() -> Violation {
        let time = |text| Timestamp::from_rfc3339(text).unwrap();
        let first = time("2026-11-21T23:10:00+08:00");
        let last = time("2026-11-21T23:11:00+08:00");
        Violation {
            vehicle: VehicleId(1),
            driver: None,
            kind: ViolationKind::Speeding,
            started_at: first,
            confirmed_at: time("2026-11-21T23:10:40+08:00"),
            ended_at: Some(time("2026-11-21T23:11:10+08:00")),
            peak: FixMark {
                time: first,
                position: Position::from_degrees(28.1, 112.9).unwrap(),
                speed: Speed::from_whole_kmh(85),
            },
            limit: Some(AppliedLimit {
                monitor: Speed::from_whole_kmh(80),
                legal: Speed::from_whole_kmh(100),
                source: LimitSource::Night,
                reference: None,
                map_version: None,
                confidence: None,
            }),
            excess_ratio: 0.0625,
            legal_excess_ratio: 0.0,
            severity: Severity::L1,
            points: Some(0),
            points_basis: None,
            details: Details::Speeding,
            evidence: EvidenceMarks {
                first_fix: first,
                peak_fix: first,
                last_fix: last,
                fixes: 7,
            },
            first_seen_at: first,
            grave: None,
            rulebook_version: "test".to_owned(),
        }
    }

    #[test]
    fn a_violation_has_every_field_of_the_contract() {
        let violation = speeding();
        let plate = Plate::new("湘A12345", PlateColor::Yellow).unwrap();
        let owner = ViolationOwner {
            plate: &plate,
            enterprise_id: "E1",
            driver: None,
        };
        let history = ViolationHistory::first(violation.first_seen_at);
        let view = ViolationView::new(&violation, owner, history, &LocalZone::default());
        let mut json = serde_json::to_value(&view).unwrap();
        let id = json["id"].take();
        assert_eq!(id.as_str().unwrap().len(), 32);
        let expected = serde_json::json!({
            "id": null, "revision": 1, "status": "closed", "kind": "speeding",
            "plate": "湘A12345", "plate_color": "yellow", "enterprise_id": "E1", "driver": null,
            "started_at": "2026-11-21T23:10:00+08:00", "confirmed_at": "2026-11-21T23:10:40+08:00",
            "ended_at": "2026-11-21T23:11:10+08:00", "duration_s": 70,
            "peak": {"time": "2026-11-21T23:10:00+08:00", "lat": 28.1, "lon": 112.9, "speed_kmh": 85},
            "limit": {"monitor_kmh": 80, "legal_kmh": 100, "source": "night", "reference": null,
                "map_version": null, "confidence": null},
            "excess_ratio": 0.0625, "legal_excess_ratio": 0, "severity": "L1", "points": 0,
            "points_basis": null, "details": {},
            "evidence": {"first_fix": "2026-11-21T23:10:00+08:00",
                "peak_fix": "2026-11-21T23:10:00+08:00",
                "last_fix": "2026-11-21T23:11:00+08:00", "fixes": 7},
            "rulebook_version": "test", "first_seen_at": "2026-11-21T23:10:00+08:00",
            "revised_at": "2026-11-21T23:10:00+08:00", "revision_reason": null
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn an_open_violation_has_no_end() {
        let mut violation = speeding();
        violation.ended_at = None;
        let plate = Plate::new("湘A12345", PlateColor::Yellow).unwrap();
        let owner = ViolationOwner {
            plate: &plate,
            enterprise_id: "E1",
            driver: Some("430"),
        };
        let history = ViolationHistory::first(violation.first_seen_at);
        let view = ViolationView::new(&violation, owner, history, &LocalZone::default());
        assert_eq!((view.status, view.ended_at), ("open", None));
        assert!((view.duration_s - 60.0).abs() < f64::EPSILON);
    }
}
