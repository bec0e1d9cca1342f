//! The register as a reader of fixes needs it: borrowed text in, numbers out, no allocation.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::row::Subject;
use crate::model::fleet::FleetFolder;
use crate::model::{Datum, DriverId, Plate, PlateColor, TerminalPhone, VehicleId};

/// Who knows vehicles and drivers by number.
pub trait Registry {
    /// The vehicle that a row names, where it is known.
    fn vehicle(&mut self, subject: &Subject<'_>) -> Option<VehicleId>;

    /// The datum that is declared for that vehicle.
    fn datum(&self, vehicle: VehicleId) -> Datum;

    /// The driver with that licence; an implementation may give a number to a new one.
    fn driver(&mut self, licence: &str) -> Option<DriverId>;
}

/// Plates, terminals and licences in memory.
#[derive(Clone, Debug, Default)]
pub struct FleetIndex {
    plates: FxHashMap<Box<str>, Vec<(PlateColor, VehicleId)>>,
    terminals: FxHashMap<Box<str>, VehicleId>,
    drivers: FxHashMap<Box<str>, DriverId>,
    /// Only vehicles whose places are not WGS-84: there are few, and most often none.
    datums: FxHashMap<VehicleId, Datum>,
}

impl FleetIndex {
    /// The vehicles of a fleet folder with what is declared for them; their numbers are their places in it.
    pub fn of(folder: &FleetFolder) -> Self {
        let declared: BTreeMap<&str, Option<Datum>> = folder
            .enterprises
            .iter()
            .map(|enterprise| (enterprise.id.as_str(), enterprise.datum))
            .collect();
        let mut index = Self::default();
        for (id, vehicle) in (0..).map(VehicleId).zip(&folder.vehicles) {
            index.insert_vehicle(&vehicle.plate, vehicle.terminal.as_ref(), id);
            let enterprise = declared.get(vehicle.enterprise_id.as_str());
            index.declare(id, vehicle.datum(enterprise.copied().flatten()));
        }
        index
    }

    /// Adds a vehicle; a later one of the same plate or terminal wins.
    pub fn insert_vehicle(
        &mut self,
        plate: &Plate,
        terminal: Option<&TerminalPhone>,
        id: VehicleId,
    ) {
        let colors = self.plates.entry(plate.text.as_str().into()).or_default();
        colors.retain(|(color, _)| *color != plate.color);
        colors.push((plate.color, id));
        if let Some(terminal) = terminal {
            self.terminals.insert(terminal.as_str().into(), id);
        }
    }

    /// Declares the datum of a vehicle's places.
    pub fn declare(&mut self, vehicle: VehicleId, datum: Datum) {
        if datum == Datum::Wgs84 {
            self.datums.remove(&vehicle);
        } else {
            self.datums.insert(vehicle, datum);
        }
    }

    /// The datum that is declared for that vehicle.
    pub fn datum(&self, vehicle: VehicleId) -> Datum {
        self.datums.get(&vehicle).copied().unwrap_or_default()
    }

    /// Adds a driver.
    pub fn insert_driver(&mut self, licence: &str, id: DriverId) {
        self.drivers.insert(licence.into(), id);
    }

    /// The vehicle that a row names, where it is known.
    pub fn find(&self, subject: &Subject<'_>) -> Option<VehicleId> {
        match subject {
            Subject::Plate(text, color) => self
                .plates
                .get(text.as_ref())?
                .iter()
                .find(|(theirs, _)| theirs == color)
                .map(|(_, id)| *id),
            Subject::Terminal(phone) => self.terminals.get(phone.as_ref()).copied(),
            Subject::Unnamed => None,
        }
    }

    /// Whether a vehicle has that plate, in any colour.
    pub fn has_plate(&self, text: &str) -> bool {
        self.plates
            .get(text)
            .is_some_and(|colors| !colors.is_empty())
    }

    /// The driver with that licence, where known.
    pub fn find_driver(&self, licence: &str) -> Option<DriverId> {
        self.drivers.get(licence).copied()
    }
}

impl Registry for FleetIndex {
    fn vehicle(&mut self, subject: &Subject<'_>) -> Option<VehicleId> {
        self.find(subject)
    }

    fn datum(&self, vehicle: VehicleId) -> Datum {
        self.datum(vehicle)
    }

    /// Numbers from 1 up to a new licence, in the order of first sight.
    fn driver(&mut self, licence: &str) -> Option<DriverId> {
        if let Some(id) = self.drivers.get(licence) {
            return Some(*id);
        }
        let next = u32::try_from(self.drivers.len()).ok()?.checked_add(1)?;
        self.drivers.insert(licence.into(), DriverId(next));
        Some(DriverId(next))
    }
}
