//! The register of the county: enterprises, vehicles, drivers and monitors.

use super::cast::{FIRMS, Firm, Group, Plan, Watch};
use super::network::Network;
use super::random::Random;
use super::vehicles::drivers;
use crate::model::fleet::{Driver, Enterprise, FleetFolder, Monitor, VehicleEntry};
use crate::model::{Plate, PlateColor, Region, Span, TerminalPhone, Timestamp, VehicleClass};

/// One vehicle in the order of the register.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) firm: &'static Firm,
    pub(super) group: &'static Group,
    /// Number of the vehicle in its enterprise and in its group.
    pub(super) in_firm: usize,
    pub(super) in_group: i64,
}

/// Every vehicle of the county, in the order of the register.
pub(super) fn seats() -> Vec<Seat> {
    let mut seats = Vec::new();
    for firm in &FIRMS {
        let mut in_firm = 0;
        for group in firm.groups {
            for in_group in 0..i64::from(group.count) {
                seats.push(Seat {
                    firm,
                    group,
                    in_firm,
                    in_group,
                });
                in_firm += 1;
            }
        }
    }
    seats
}

/// The register.
pub(super) fn register(
    seats: &[Seat],
    network: &Network,
    day: Timestamp,
    random: &mut Random,
) -> FleetFolder {
    let mut fleet = FleetFolder {
        enterprises: FIRMS.iter().filter_map(enterprise).collect(),
        monitors: FIRMS.iter().flat_map(|firm| monitors(firm, day)).collect(),
        ..FleetFolder::default()
    };
    for (number, seat) in seats.iter().enumerate() {
        fleet
            .vehicles
            .extend(vehicle(seat, number, network, random));
        for _ in 0..drivers(seat.group) {
            let of_county = fleet.drivers.len() + 1;
            fleet.drivers.push(Driver {
                licence: format!("430691{of_county:08}"),
                name: format!("驾驶员{of_county:03}"),
                enterprise_id: seat.firm.id.to_owned(),
                phone: String::new(),
            });
        }
    }
    fleet
}

fn enterprise(firm: &Firm) -> Option<Enterprise> {
    Some(Enterprise {
        id: firm.id.to_owned(),
        name: firm.name.to_owned(),
        credit_code: String::new(),
        region: region(firm.region)?,
        kind: firm.kind,
        datum: None,
    })
}

fn region(code: &str) -> Option<Region> {
    code.parse().ok()
}

/// Identifier of a monitor; 0 is the day's, 1 the night's.
pub(super) fn monitor_id(firm: &str, number: usize) -> String {
    format!("{firm}-M{}", number + 1)
}

/// Name of a monitor: a post, no person.
pub(super) fn monitor_name(number: usize) -> &'static str {
    if number == 0 {
        "监控员甲"
    } else {
        "监控员乙"
    }
}

fn monitors(firm: &Firm, day: Timestamp) -> Vec<Monitor> {
    (0..2)
        .map(|number| {
            let expired = firm.watch == Watch::OneTrained && number == 1;
            let days = if expired { -30 } else { 200 };
            Monitor {
                id: monitor_id(firm.id, number),
                name: monitor_name(number).to_owned(),
                enterprise_id: firm.id.to_owned(),
                trained_until: Some(day + Span::from_hours(24 * days)),
            }
        })
        .collect()
}

fn vehicle(
    seat: &Seat,
    number: usize,
    network: &Network,
    random: &mut Random,
) -> Option<VehicleEntry> {
    let tail = 1000 + u32::try_from(number).unwrap_or(0) * 53 + random.below(50);
    let letter = match seat.group.class {
        VehicleClass::TouristCoach | VehicleClass::CharterCoach => 'T',
        VehicleClass::Hazmat => 'W',
        VehicleClass::HeavyTruck => 'H',
        VehicleClass::LineCoach1
        | VehicleClass::LineCoach2
        | VehicleClass::LineCoach3
        | VehicleClass::LineCoach4 => 'K',
    };
    let route = match seat.group.plan {
        Plan::Line { route, .. } => Some(route),
        Plan::Tour(_) | Plan::Silent => None,
    };
    Some(VehicleEntry {
        plate: Plate::new(&format!("湘F{letter}{tail:04}"), PlateColor::Yellow)?,
        terminal: TerminalPhone::new(&format!("10043{number:06}")),
        enterprise_id: seat.firm.id.to_owned(),
        class: seat.group.class,
        seats: seat.group.seats,
        region: None,
        line_km: route.map(|route| (network.line(route).line.length_m() / 100.0).round() / 10.0),
        route_id: route.map(str::to_owned),
        datum: None,
    })
}
