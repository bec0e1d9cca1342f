//! Who plays: twelve invented enterprises, what each does well or badly, and their register.

use super::map::Map;
use crate::model::fleet::{Driver, Enterprise, EnterpriseKind, FleetFolder, Monitor, VehicleEntry};
use crate::model::{Plate, PlateColor, Region, TerminalPhone, Timestamp, VehicleClass};

/// What an enterprise of the demo is and does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// Identifier.
    pub(super) id: &'static str,
    /// Name; generic, no real company is meant.
    pub(super) name: &'static str,
    /// What it carries.
    pub(super) kind: EnterpriseKind,
    /// Class of its vehicles.
    pub(super) class: VehicleClass,
    /// Number of its vehicles.
    pub(super) vehicles: u32,
    /// How its monitoring room works.
    pub(super) room: Room,
    /// Vehicles that speed on the history day.
    pub(super) history_speeders: u32,
    /// How many of these violations it handles.
    pub(super) history_handled: usize,
    /// Whether it reminds drivers and handles the violations of the day.
    pub(super) reacts: bool,
    /// Rules of the duty that it breaks.
    pub(super) breaks: &'static [&'static str],
}

/// How a monitoring room works on the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// Three shifts, each handed over with a note.
    Honest,
    /// The night monitor leaves at 02:30; the next comes at 05:40.
    AsleepAtThree,
    /// One qualified monitor; the second's training has expired.
    TooFew,
    /// One of the shifts ends without a note.
    NoNote,
}

/// The cast. Its vehicles are numbered through in this order.
pub(super) const CAST: [Part; 12] = [
    Part {
        history_speeders: 4,
        history_handled: 4,
        ..honest(
            "E01",
            "青禾客运",
            EnterpriseKind::Passenger,
            VehicleClass::LineCoach2,
            24,
        )
    },
    Part {
        room: Room::AsleepAtThree,
        breaks: &["N2", "N4"],
        ..honest(
            "E02",
            "云溪长途",
            EnterpriseKind::Passenger,
            VehicleClass::LineCoach2,
            14,
        )
    },
    Part {
        room: Room::TooFew,
        breaks: &["N1"],
        ..honest(
            "E03",
            "石桥客运",
            EnterpriseKind::Passenger,
            VehicleClass::LineCoach3,
            12,
        )
    },
    Part {
        history_speeders: 10,
        history_handled: 6,
        breaks: &["N3"],
        ..honest(
            "E04",
            "凤岭旅运",
            EnterpriseKind::Tourist,
            VehicleClass::TouristCoach,
            12,
        )
    },
    Part {
        breaks: &["N7"],
        ..honest(
            "E05",
            "东岭危运",
            EnterpriseKind::Hazmat,
            VehicleClass::Hazmat,
            12,
        )
    },
    Part {
        room: Room::NoNote,
        breaks: &["N8"],
        ..honest(
            "E06",
            "白石客运",
            EnterpriseKind::Passenger,
            VehicleClass::LineCoach3,
            10,
        )
    },
    honest(
        "E07",
        "南湾危运",
        EnterpriseKind::Hazmat,
        VehicleClass::Hazmat,
        14,
    ),
    Part {
        reacts: false,
        breaks: &["N6"],
        ..honest(
            "E08",
            "湖口包车",
            EnterpriseKind::Tourist,
            VehicleClass::CharterCoach,
            10,
        )
    },
    honest(
        "E09",
        "长岭快客",
        EnterpriseKind::Passenger,
        VehicleClass::LineCoach1,
        14,
    ),
    Part {
        history_speeders: 10,
        history_handled: 9,
        ..honest(
            "E10",
            "清江客运",
            EnterpriseKind::Passenger,
            VehicleClass::LineCoach2,
            12,
        )
    },
    Part {
        breaks: &["N5", "N9"],
        ..honest(
            "E11",
            "西坪货运",
            EnterpriseKind::Freight,
            VehicleClass::HeavyTruck,
            8,
        )
    },
    honest(
        "E12",
        "大寨旅运",
        EnterpriseKind::Tourist,
        VehicleClass::TouristCoach,
        8,
    ),
];

const fn honest(
    id: &'static str,
    name: &'static str,
    kind: EnterpriseKind,
    class: VehicleClass,
    vehicles: u32,
) -> Part {
    Part {
        id,
        name,
        kind,
        class,
        vehicles,
        room: Room::Honest,
        history_speeders: 0,
        history_handled: 0,
        reacts: true,
        breaks: &[],
    }
}

/// Division code of the invented county: not given to any real one.
const REGION: &str = "430199";

/// Vehicles of E05 that send nothing after their first day.
pub(super) const SILENT_VEHICLES: u32 = 2;

/// Posts of a monitoring room.
pub(super) const POSTS: [&str; 3] = ["甲", "乙", "丙"];

/// Identifier of the monitor at a post.
pub(super) fn monitor_id(part: &Part, post: usize) -> String {
    format!("{}-M{}", part.id, post + 1)
}

/// Plate of vehicle `number`, counted from 0 over all enterprises.
///
/// The letter Z is not given out in Hunan: no real vehicle has such a plate.
pub(super) fn plate(number: u32) -> Plate {
    Plate {
        text: format!("湘Z{:05}", 10_001 + number),
        color: PlateColor::Yellow,
    }
}

/// Phone number of its terminal; no real number begins with 100.
pub(super) fn phone(number: u32) -> Option<TerminalPhone> {
    TerminalPhone::new(&(10_000_000_001 + u64::from(number)).to_string())
}

/// Licence of its driver.
pub(super) fn licence(number: u32) -> String {
    format!("DEMO-{:05}", 1 + number)
}

/// Name of its driver.
pub(super) fn driver_name(number: u32) -> String {
    format!("驾驶员{:03}", 1 + number)
}

/// Whether a class runs on a fixed route here.
const fn has_route(class: VehicleClass) -> bool {
    matches!(
        class,
        VehicleClass::LineCoach1
            | VehicleClass::LineCoach2
            | VehicleClass::LineCoach3
            | VehicleClass::LineCoach4
            | VehicleClass::Hazmat
    )
}

/// The register of the whole cast; training is valid until `trained_until`, or has been until
/// `expired_at`.
pub(super) fn fleet(map: &Map, trained_until: Timestamp, expired_at: Timestamp) -> FleetFolder {
    let mut fleet = FleetFolder::default();
    let Ok(region) = REGION.parse::<Region>() else {
        return fleet;
    };
    let mut number = 0;
    for part in &CAST {
        fleet.enterprises.push(Enterprise {
            id: part.id.to_owned(),
            name: part.name.to_owned(),
            credit_code: String::new(),
            region: region.clone(),
            kind: part.kind,
        });
        for (post, sign) in POSTS.iter().enumerate() {
            if part.room == Room::TooFew && post == 2 {
                continue;
            }
            let is_expired = part.room == Room::TooFew && post == 1;
            fleet.monitors.push(Monitor {
                id: monitor_id(part, post),
                name: format!("监控员{sign}"),
                enterprise_id: part.id.to_owned(),
                trained_until: Some(if is_expired {
                    expired_at
                } else {
                    trained_until
                }),
            });
        }
        for _ in 0..part.vehicles {
            fleet.vehicles.push(vehicle(part, number, map));
            fleet.drivers.push(Driver {
                licence: licence(number),
                name: driver_name(number),
                enterprise_id: part.id.to_owned(),
                phone: String::new(),
            });
            number += 1;
        }
    }
    fleet
}

fn vehicle(part: &Part, number: u32, map: &Map) -> VehicleEntry {
    let index = path_index(number, map);
    let route = map.routes.get(index).filter(|_| has_route(part.class));
    let length_m = map.paths.get(index).map_or(0.0, |path| path.length_m());
    VehicleEntry {
        plate: plate(number),
        terminal: phone(number),
        enterprise_id: part.id.to_owned(),
        class: part.class,
        seats: part.class.is_passenger().then_some(45),
        region: None,
        line_km: route.map(|_| (length_m / 100.0).round() / 10.0),
        route_id: route.map(|route| route.id.clone()),
    }
}

/// The path on which vehicle `number` runs.
pub(super) fn path_index(number: u32, map: &Map) -> usize {
    usize::try_from(number).unwrap_or_default() % map.paths.len().max(1)
}
