//! Values for tests, all invented.

use roadwarden::model::duty::MinuteSet;
use roadwarden::model::fleet::{
    Driver, Enterprise, EnterpriseKind, FleetFolder, Monitor, VehicleEntry,
};
use roadwarden::model::violation::{
    AppliedLimit, Details, EvidenceMarks, FixMark, LimitSource, PointsBasis,
};
use roadwarden::model::{
    Course, Events, Fix, Odometer, Plate, PlateColor, Position, Quality, Severity, Source, Span,
    Speed, TerminalPhone, Timestamp, VehicleClass, VehicleId, Violation, ViolationKind,
};
use roadwarden::store::{
    CorrectionNote, FatigueLeft, Flush, LiveState, OperatingDay, TrackChunk, VehicleDay,
    VehicleSnapshot, ViolationUpsert,
};
use roadwarden::track::encode_run;

/// Seconds after 2026-11-21T00:00:00+08:00.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_rfc3339("2026-11-21T00:00:00+08:00").unwrap() + Span::from_seconds(seconds)
}

pub(crate) fn plate(text: &str) -> Plate {
    Plate::new(text, PlateColor::Yellow).unwrap()
}

pub(crate) fn enterprise(id: &str, region: &str) -> Enterprise {
    Enterprise {
        id: id.to_owned(),
        name: format!("安途运输 {id}"),
        credit_code: String::new(),
        region: region.parse().unwrap(),
        kind: EnterpriseKind::Tourist,
        datum: None,
    }
}

pub(crate) fn vehicle(text: &str, terminal: &str, enterprise_id: &str) -> VehicleEntry {
    VehicleEntry {
        plate: plate(text),
        terminal: TerminalPhone::new(terminal),
        enterprise_id: enterprise_id.to_owned(),
        class: VehicleClass::TouristCoach,
        seats: Some(45),
        region: None,
        line_km: None,
        route_id: None,
        datum: None,
    }
}

pub(crate) fn monitor(id: &str, enterprise_id: &str) -> Monitor {
    Monitor {
        id: id.to_owned(),
        name: "值班员".to_owned(),
        enterprise_id: enterprise_id.to_owned(),
        trained_until: Some(at(86_400 * 100)),
    }
}

/// Two enterprises in two regions, three vehicles numbered 1 to 3, a driver, two monitors.
pub(crate) fn folder() -> FleetFolder {
    FleetFolder {
        enterprises: vec![enterprise("e1", "430102"), enterprise("e2", "440300")],
        vehicles: vec![
            vehicle("湘A12345", "13900000001", "e1"),
            vehicle("湘A12346", "13900000002", "e1"),
            vehicle("粤B00001", "13900000003", "e2"),
        ],
        drivers: vec![Driver {
            licence: "430102000000000001".to_owned(),
            name: "驾驶员".to_owned(),
            enterprise_id: "e1".to_owned(),
            phone: String::new(),
        }],
        monitors: vec![monitor("m1", "e1"), monitor("m2", "e2")],
        assignments: Vec::new(),
        permits: Vec::new(),
    }
}

/// A coach going steadily north-east, a fix each 10 s.
pub(crate) fn fix(vehicle: u32, second: i64) -> Fix {
    let step = i32::try_from(second).unwrap();
    Fix {
        vehicle: VehicleId(vehicle),
        time: at(second),
        received: at(second) + Span::from_millis(250 + second % 7),
        position: Position {
            lat_udeg: 28_200_000 + step * 150,
            lon_udeg: 112_900_000 + step * 180,
        },
        speed: Speed::from_dkmh(u16::try_from(850 + second % 20).unwrap()),
        course: Course::from_degrees(45),
        altitude_m: Some(50),
        odometer: Some(Odometer::from_hm(12_345)),
        alarm: 0,
        status: 3,
        passengers: None,
        events: Events::NONE,
        driver: None,
        source: Source::Terminal,
        quality: Quality::GOOD,
    }
}

pub(crate) fn fixes(vehicle: u32, seconds: impl IntoIterator<Item = i64>) -> Vec<Fix> {
    seconds
        .into_iter()
        .map(|second| fix(vehicle, second))
        .collect()
}

pub(crate) fn chunk(fixes: &[Fix], late: bool) -> TrackChunk {
    TrackChunk {
        vehicle: fixes[0].vehicle,
        first: fixes.iter().map(|fix| fix.time).min().unwrap(),
        last: fixes.iter().map(|fix| fix.time).max().unwrap(),
        fixes: u32::try_from(fixes.len()).unwrap(),
        late,
        bytes: encode_run(fixes),
    }
}

pub(crate) fn live(second: i64) -> LiveState {
    let fix = fix(1, second);
    LiveState {
        fix_at: fix.time,
        received_at: fix.received,
        position: fix.position,
        speed: fix.speed,
        course: fix.course,
        alarm: u32::MAX,
        status: fix.status,
        driver: None,
        left: FatigueLeft {
            continuous: Some(Span::from_minutes(42)),
            night: None,
            hours24: Some(Span::from_minutes(-3)),
            days7: Some(Span::from_hours(40)),
        },
        first_qualified_at: Some(at(0)),
        datum: None,
    }
}

pub(crate) fn snapshot(vehicle: u32, sequence: u64, tail: &[Fix]) -> VehicleSnapshot {
    VehicleSnapshot {
        vehicle: VehicleId(vehicle),
        journal_sequence: sequence,
        state: vec![1, 2, 3, vehicle.to_le_bytes()[0]],
        tail: encode_run(tail),
        live: Some(live(
            tail.last()
                .map_or(0, |fix| (fix.time.millis() - at(0).millis()) / 1000),
        )),
    }
}

pub(crate) fn day(vehicle: u32, day: i64, first: Timestamp, last: Timestamp) -> VehicleDay {
    VehicleDay {
        vehicle: VehicleId(vehicle),
        day,
        fixes: 10,
        qualified: 9,
        duplicates: 1,
        first,
        last,
        online: MinuteSet::default(),
        driving: MinuteSet::default(),
    }
}

pub(crate) fn operating(enterprise_id: &str, day: i64, minutes: &[u16]) -> OperatingDay {
    let mut set = MinuteSet::default();
    for minute in minutes {
        set.insert(*minute);
    }
    OperatingDay {
        enterprise_id: enterprise_id.to_owned(),
        day,
        minutes: set,
    }
}

pub(crate) fn violation(vehicle: u32, second: i64) -> Violation {
    let start = fix(vehicle, second);
    Violation {
        vehicle: VehicleId(vehicle),
        driver: None,
        kind: ViolationKind::Speeding,
        started_at: start.time,
        confirmed_at: start.time + Span::from_seconds(31),
        ended_at: None,
        peak: FixMark {
            time: start.time,
            position: start.position,
            speed: start.speed,
        },
        limit: Some(AppliedLimit {
            monitor: Speed::from_whole_kmh(80),
            legal: Speed::from_mkmh(56_327),
            source: LimitSource::Night,
            reference: Some("route/7".to_owned()),
            map_version: None,
            confidence: Some(0.1 + 0.2),
        }),
        excess_ratio: 1.0 / 3.0,
        legal_excess_ratio: 0.0,
        severity: Severity::L1,
        points: None,
        points_basis: Some(PointsBasis::RoadUnknown),
        details: Details::Speeding,
        evidence: EvidenceMarks {
            first_fix: start.time,
            peak_fix: start.time,
            last_fix: start.time + Span::from_seconds(40),
            fixes: 5,
        },
        first_seen_at: start.received,
        grave: None,
        rulebook_version: "2026.1".to_owned(),
    }
}

pub(crate) fn upsert(id: &str, enterprise_id: &str, violation: Violation) -> ViolationUpsert {
    ViolationUpsert {
        id: id.to_owned(),
        enterprise_id: enterprise_id.to_owned(),
        correction: None,
        violation,
    }
}

/// What late data say, taking the violation back or not.
pub(crate) fn correction(withdrawn: bool) -> CorrectionNote {
    CorrectionNote {
        replaces: None,
        withdrawn,
        reason: "late data".to_owned(),
    }
}

/// A flush of violations only.
pub(crate) fn violations(upserts: Vec<ViolationUpsert>) -> Flush {
    Flush {
        at: at(0),
        violations: upserts,
        ..Flush::default()
    }
}
