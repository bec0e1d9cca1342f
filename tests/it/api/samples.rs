//! What the tests put into the database.

use roadwarden::model::duty::MinuteSet;
use roadwarden::model::fleet::{
    Driver, Enterprise, EnterpriseKind, FleetFolder, Monitor, VehicleEntry,
};
use roadwarden::model::violation::{AppliedLimit, Details, EvidenceMarks, FixMark, LimitSource};
use roadwarden::model::{
    Course, DatumSuspicion, DriverId, Events, Fix, LocalZone, Plate, PlateColor, Position, Quality,
    Severity, Source, Span, Speed, TerminalPhone, VehicleClass, VehicleId, Violation,
    ViolationKind,
};
use roadwarden::store::{
    FatigueLeft, Flush, LiveState, OperatingDay, TrackChunk, VehicleDay, VehicleSnapshot,
    ViolationUpsert,
};
use roadwarden::track::encode_run;

use super::support::{World, at};

pub(super) fn plate(text: &str) -> Plate {
    Plate::new(text, PlateColor::Yellow).unwrap()
}

fn enterprise(id: &str, region: &str) -> Enterprise {
    Enterprise {
        id: id.to_owned(),
        name: format!("运输 {id}"),
        credit_code: String::new(),
        region: region.parse().unwrap(),
        kind: EnterpriseKind::Tourist,
        datum: None,
    }
}

fn vehicle(text: &str, terminal: &str, enterprise_id: &str, class: VehicleClass) -> VehicleEntry {
    VehicleEntry {
        plate: plate(text),
        terminal: TerminalPhone::new(terminal),
        enterprise_id: enterprise_id.to_owned(),
        class,
        seats: Some(45),
        region: None,
        line_km: None,
        route_id: None,
        datum: None,
    }
}

fn monitor(id: &str, enterprise_id: &str) -> Monitor {
    Monitor {
        id: id.to_owned(),
        name: id.to_owned(),
        enterprise_id: enterprise_id.to_owned(),
        trained_until: Some(at("2027-11-21 00:00:00")),
    }
}

/// Three enterprises: two of Changsha with monitors, one of Beijing without any.
pub(super) fn fleet() -> FleetFolder {
    FleetFolder {
        enterprises: vec![
            enterprise("E1", "430102"),
            enterprise("E2", "430103"),
            enterprise("E3", "110101"),
        ],
        vehicles: vec![
            vehicle("湘A00001", "13900000001", "E1", VehicleClass::TouristCoach),
            vehicle("湘A00002", "13900000002", "E1", VehicleClass::Hazmat),
            vehicle("湘A00003", "13900000003", "E2", VehicleClass::TouristCoach),
            vehicle("京A00004", "", "E3", VehicleClass::LineCoach1),
        ],
        drivers: vec![Driver {
            licence: "430-1".to_owned(),
            name: "one".to_owned(),
            enterprise_id: "E1".to_owned(),
            phone: String::new(),
        }],
        monitors: vec![
            monitor("m1", "E1"),
            monitor("m2", "E1"),
            monitor("m3", "E2"),
            monitor("m4", "E2"),
        ],
        assignments: Vec::new(),
        permits: Vec::new(),
    }
}

impl World {
    /// Brings the fleet of [`fleet`] into the register.
    pub(super) async fn with_fleet(self) -> Self {
        self.store.import_fleet(&fleet()).await.unwrap();
        self
    }

    pub(super) async fn vehicle_id(&self, text: &str) -> VehicleId {
        self.store.vehicle(&plate(text)).await.unwrap().vehicle.id
    }

    /// Writes a flush, as the shards do, and wakes the streams.
    pub(super) async fn flush(&self, flush: Flush) {
        let flush = Flush {
            at: self.clock.now(),
            ..flush
        };
        self.store.commit_flush(&flush).await.unwrap();
        let last = self.store.last_change().await.unwrap();
        self.live.changes_reached(u64::try_from(last).unwrap());
    }

    /// Stores a violation of the first vehicle; its identifier.
    pub(super) async fn violation(&self, started_at: &str) -> String {
        self.violation_of("湘A00001", "E1", started_at, |_| {})
            .await
    }

    pub(super) async fn violation_of(
        &self,
        text: &str,
        enterprise_id: &str,
        started_at: &str,
        change: impl FnOnce(&mut ViolationUpsert),
    ) -> String {
        let mut upsert = upsert(self.vehicle_id(text).await, text, enterprise_id, started_at);
        change(&mut upsert);
        let id = upsert.id.clone();
        self.flush(Flush {
            violations: vec![upsert],
            ..Flush::default()
        })
        .await;
        id
    }

    /// Minutes in which an enterprise's vehicles drove.
    pub(super) async fn operating(&self, enterprise_id: &str, from: &str, minutes: u16) {
        let zone = LocalZone::default();
        let begin = u16::try_from(zone.millis_of_day(at(from)) / 60_000).unwrap();
        let mut set = MinuteSet::default();
        set.insert_range(begin..begin + minutes);
        self.flush(Flush {
            operating: vec![OperatingDay {
                enterprise_id: enterprise_id.to_owned(),
                day: zone.day(at(from)),
                minutes: set,
            }],
            ..Flush::default()
        })
        .await;
    }

    /// Stores a track, its last fix as the vehicle's last known place.
    pub(super) async fn track(&self, text: &str, fixes: &[Fix]) {
        self.track_as(text, fixes, None).await;
    }

    /// The same of a vehicle whose places look as if they were of that datum.
    pub(super) async fn track_as(&self, text: &str, fixes: &[Fix], datum: Option<DatumSuspicion>) {
        let vehicle = self.vehicle_id(text).await;
        let (first, last) = (fixes.first().unwrap(), fixes.last().unwrap());
        let count = u32::try_from(fixes.len()).unwrap();
        self.flush(Flush {
            chunks: vec![TrackChunk {
                vehicle,
                first: first.time,
                last: last.time,
                fixes: count,
                late: false,
                bytes: encode_run(fixes),
            }],
            vehicles: vec![VehicleSnapshot {
                vehicle,
                journal_sequence: 1,
                state: Vec::new(),
                tail: Vec::new(),
                live: Some(LiveState {
                    datum,
                    ..live(last)
                }),
            }],
            vehicle_days: vec![VehicleDay {
                vehicle,
                day: LocalZone::default().day(first.time),
                fixes: count,
                qualified: count.cast_signed(),
                duplicates: 0,
                first: first.time,
                last: last.time,
                online: MinuteSet::default(),
                driving: MinuteSet::default(),
            }],
            ..Flush::default()
        })
        .await;
    }
}

fn live(fix: &Fix) -> LiveState {
    LiveState {
        fix_at: fix.time,
        received_at: fix.received,
        position: fix.position,
        speed: fix.speed,
        course: fix.course,
        alarm: fix.alarm,
        status: fix.status,
        driver: fix.driver,
        left: FatigueLeft {
            continuous: Some(Span::from_minutes(90)),
            ..FatigueLeft::default()
        },
        first_qualified_at: Some(fix.time),
        datum: None,
    }
}

/// A fix every ten seconds, driving north.
pub(super) fn drive(vehicle: VehicleId, from: &str, count: i64) -> Vec<Fix> {
    (0..count)
        .map(|index| {
            let time = at(from) + Span::from_seconds(index * 10);
            Fix {
                vehicle,
                time,
                received: time + Span::from_seconds(1),
                position: Position {
                    lat_udeg: 28_000_000 + i32::try_from(index).unwrap() * 2500,
                    lon_udeg: 112_900_000,
                },
                speed: Speed::from_whole_kmh(100),
                course: Course::from_degrees(0),
                altitude_m: Some(50),
                odometer: None,
                alarm: 0,
                status: 3,
                passengers: None,
                events: Events::NONE,
                driver: Some(DriverId(1)),
                source: Source::Http,
                quality: Quality::GOOD,
            }
        })
        .collect()
}

/// A speeding of 70 s at night, as in the contract's example.
pub(super) fn upsert(
    vehicle: VehicleId,
    text: &str,
    enterprise_id: &str,
    started_at: &str,
) -> ViolationUpsert {
    let started_at = at(started_at);
    let after = |seconds| started_at + Span::from_seconds(seconds);
    let violation = Violation {
        vehicle,
        driver: None,
        kind: ViolationKind::Speeding,
        started_at,
        confirmed_at: after(40),
        ended_at: Some(after(70)),
        peak: FixMark {
            time: after(30),
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
            first_fix: started_at,
            peak_fix: after(30),
            last_fix: after(60),
            fixes: 7,
        },
        first_seen_at: after(41),
        grave: None,
        rulebook_version: "test".to_owned(),
    };
    ViolationUpsert {
        id: violation.id(&plate(text)),
        enterprise_id: enterprise_id.to_owned(),
        correction: None,
        violation,
    }
}
