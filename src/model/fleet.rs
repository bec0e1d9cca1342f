//! The register: enterprises, vehicles, drivers, monitors and route assignments.

use super::datum::Datum;
use super::time::Timestamp;
use super::vehicle::{Plate, Region, TerminalPhone, VehicleClass, VehicleId, named_enum};

named_enum! {
    /// What an enterprise carries.
    EnterpriseKind {
        /// Passengers on lines.
        Passenger = "passenger",
        /// Tourists and charters.
        Tourist = "tourist",
        /// Dangerous goods.
        Hazmat = "hazmat",
        /// Freight.
        Freight = "freight",
        /// Several of these.
        Mixed = "mixed",
    }
}

/// A transport enterprise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enterprise {
    /// Identifier from the file.
    pub id: String,
    /// Name.
    pub name: String,
    /// Unified social credit code; may be empty.
    pub credit_code: String,
    /// Where it is registered.
    pub region: Region,
    /// What it carries.
    pub kind: EnterpriseKind,
    /// Datum in which its vehicles give their places, where declared.
    pub datum: Option<Datum>,
}

/// A vehicle as it stands in a fleet folder, before it has a number.
#[derive(Clone, Debug, PartialEq)]
pub struct VehicleEntry {
    /// Natural key.
    pub plate: Plate,
    /// Its terminal, where it has one.
    pub terminal: Option<TerminalPhone>,
    /// The enterprise that answers for it.
    pub enterprise_id: String,
    /// Class.
    pub class: VehicleClass,
    /// Seats, where given.
    pub seats: Option<u16>,
    /// Region, where it differs from the enterprise's.
    pub region: Option<Region>,
    /// One-way length of its line, where given. Unit: km.
    pub line_km: Option<f64>,
    /// Its usual route, where given.
    pub route_id: Option<String>,
    /// Datum in which it gives its places, where declared.
    pub datum: Option<Datum>,
}

impl VehicleEntry {
    /// The datum of its places: its own, or else its enterprise's, or else WGS-84.
    pub fn datum(&self, enterprise: Option<Datum>) -> Datum {
        self.datum.or(enterprise).unwrap_or_default()
    }
}

/// A vehicle with its number.
#[derive(Clone, Debug, PartialEq)]
pub struct Vehicle {
    /// Our number for it.
    pub id: VehicleId,
    /// What the register says.
    pub entry: VehicleEntry,
}

/// A driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Driver {
    /// Licence or certificate number.
    pub licence: String,
    /// Name.
    pub name: String,
    /// Employer.
    pub enterprise_id: String,
    /// Telephone; may be empty.
    pub phone: String,
}

/// A person on monitoring duty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Monitor {
    /// Identifier from the file.
    pub id: String,
    /// Name.
    pub name: String,
    /// Employer.
    pub enterprise_id: String,
    /// End of the training's validity; `None` means never trained.
    pub trained_until: Option<Timestamp>,
}

/// A vehicle driving a route for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The vehicle.
    pub plate: Plate,
    /// The route.
    pub route_id: String,
    /// From when, `None` for always.
    pub from: Option<Timestamp>,
    /// Until when (exclusive), `None` for ever.
    pub to: Option<Timestamp>,
}

named_enum! {
    /// What a permit allows, or agrees on. Source: regulations 6.
    PermitKind {
        /// 接驳运输: running at night under a valid voucher.
        RelayVoucher = "relay_voucher",
        /// A fixed line to an airport or a station of high-speed rail.
        AirportShuttle = "airport_shuttle",
        /// 通勤包车
        Commuter = "commuter",
        /// 定制客运
        Customised = "customised",
        /// 短途驳载
        ShortShuttle = "short_shuttle",
        /// 包车合同: the days for which the vehicle is chartered.
        CharterContract = "charter_contract",
    }
}

impl PermitKind {
    /// Whether it exempts from the night ban.
    pub const fn allows_night(self) -> bool {
        match self {
            Self::RelayVoucher
            | Self::AirportShuttle
            | Self::Commuter
            | Self::Customised
            | Self::ShortShuttle => true,
            Self::CharterContract => false,
        }
    }
}

/// A permit or contract of a vehicle for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    /// The vehicle.
    pub plate: Plate,
    /// What it is.
    pub kind: PermitKind,
    /// Its number or name; may be empty.
    pub reference: String,
    /// From when, `None` for always.
    pub from: Option<Timestamp>,
    /// Until when (exclusive), `None` for ever.
    pub to: Option<Timestamp>,
}

/// A whole fleet folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FleetFolder {
    /// `enterprises.csv`.
    pub enterprises: Vec<Enterprise>,
    /// `vehicles.csv`.
    pub vehicles: Vec<VehicleEntry>,
    /// `drivers.csv`.
    pub drivers: Vec<Driver>,
    /// `monitors.csv`.
    pub monitors: Vec<Monitor>,
    /// `assignments.csv`.
    pub assignments: Vec<Assignment>,
    /// `permits.csv`.
    pub permits: Vec<Permit>,
}
