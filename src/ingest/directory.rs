//! The register as the hot path needs it: numbers for plates and terminals, profiles for detectors.
//!
//! A directory never changes; an import makes the next one, which the shards take up with their next record.

use std::borrow::Cow;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::detect::{Context, PermitValidity, RouteValidity, VehicleProfile};
use crate::files::fixes::{FleetIndex, Subject};
use crate::geo::{AreaIndex, CorridorIndex};
use crate::model::fleet::{Assignment, Enterprise, Permit, Vehicle};
use crate::model::rules::RuleSet;
use crate::model::{
    DriverId, JudgedBy, Plate, PlateColor, Region, TerminalPhone, Timestamp, VehicleId,
};
use crate::roads::RoadMap;
use crate::rulebook::{self, RulebookError};
use crate::store::Registry;

/// A vehicle as the shards know it.
#[derive(Clone, Debug)]
pub struct VehicleRecord {
    /// Natural key.
    pub plate: Plate,
    /// The enterprise that answers for it.
    pub enterprise_id: Arc<str>,
    /// Region of the vehicle: its own, or its enterprise's.
    pub region: Region,
    /// What decides its verdicts.
    pub profile: VehicleProfile,
}

/// The register at one version.
#[derive(Debug)]
pub struct Directory {
    /// Grows with each import.
    pub version: i64,
    /// The newest rulebook, with those before it.
    pub rules: Arc<RuleSet>,
    /// Number of its import.
    pub import: i64,
    /// The rules as they were after each import before, the newest first.
    rules_before: Vec<(i64, RuleSet)>,
    /// All planned routes.
    pub routes: CorridorIndex,
    /// All areas.
    pub areas: AreaIndex,
    /// The road map in force, where one was imported.
    pub roads: Option<Arc<RoadMap>>,
    vehicles: FxHashMap<VehicleId, VehicleRecord>,
    /// Numbers for plates, terminals and licences.
    pub index: FleetIndex,
}

impl Directory {
    /// From the stored register.
    ///
    /// # Errors
    /// [`RulebookError`] when the newest stored rulebook is none; import checks it before.
    pub fn new(registry: Registry) -> Result<Self, RulebookError> {
        let imports = registry.rulebooks.iter();
        let texts = imports.map(|stored| (stored.imported, stored.text.as_str()));
        let ((import, rules), rules_before) = rulebook::parse_imports(texts)?;
        let routes = CorridorIndex::new(registry.routes);
        let enterprises: FxHashMap<&str, (Arc<str>, &Enterprise)> = registry
            .enterprises
            .iter()
            .map(|enterprise| {
                let id = enterprise.id.as_str();
                (id, (Arc::from(id), enterprise))
            })
            .collect();
        let mut assigned = assigned(&registry.assignments, &routes);
        let mut permitted = permitted(&registry.permits);
        let mut directory = Self {
            version: registry.version,
            rules: Arc::new(rules),
            import,
            rules_before,
            roads: None,
            vehicles: FxHashMap::default(),
            index: FleetIndex::default(),
            routes,
            areas: AreaIndex::new(registry.areas),
        };
        for known in &registry.drivers {
            directory
                .index
                .insert_driver(&known.driver.licence, known.id);
        }
        for vehicle in &registry.vehicles {
            let Some((enterprise_id, enterprise)) =
                enterprises.get(vehicle.entry.enterprise_id.as_str())
            else {
                continue;
            };
            let routes = assigned.remove(&vehicle.entry.plate).unwrap_or_default();
            let region = vehicle.entry.region.as_ref();
            let region = region.unwrap_or(&enterprise.region).clone();
            let datum = vehicle.entry.datum(enterprise.datum);
            let permits = permitted.remove(&vehicle.entry.plate).unwrap_or_default();
            directory.index.declare(vehicle.id, datum);
            directory.add(vehicle, Arc::clone(enterprise_id), region, routes, permits);
        }
        Ok(directory)
    }

    fn add(
        &mut self,
        vehicle: &Vehicle,
        enterprise_id: Arc<str>,
        region: Region,
        mut routes: Vec<RouteValidity>,
        permits: Vec<PermitValidity>,
    ) {
        let entry = &vehicle.entry;
        // The usual route holds where no dated assignment says otherwise.
        if routes.is_empty()
            && let Some(route) = entry
                .route_id
                .as_deref()
                .and_then(|id| self.routes.find(id))
        {
            routes.push(RouteValidity {
                route,
                from: None,
                to: None,
            });
        }
        self.index
            .insert_vehicle(&entry.plate, entry.terminal.as_ref(), vehicle.id);
        self.vehicles.insert(
            vehicle.id,
            VehicleRecord {
                plate: entry.plate.clone(),
                enterprise_id,
                profile: VehicleProfile {
                    class: entry.class,
                    seats: entry.seats,
                    line_km: entry.line_km,
                    region: Some(region.clone()),
                    routes,
                    permits,
                },
                region,
            },
        );
    }

    /// The vehicle with that number.
    pub fn vehicle(&self, id: VehicleId) -> Option<&VehicleRecord> {
        self.vehicles.get(&id)
    }

    /// The vehicle with that plate.
    pub fn by_plate(&self, text: &str, color: PlateColor) -> Option<VehicleId> {
        self.index.find(&Subject::Plate(Cow::Borrowed(text), color))
    }

    /// The vehicle with that terminal.
    pub fn by_terminal(&self, phone: &TerminalPhone) -> Option<VehicleId> {
        self.index
            .find(&Subject::Terminal(Cow::Borrowed(phone.as_str())))
    }

    /// The driver with that licence, when the register had it at this version.
    pub fn driver(&self, licence: &str) -> Option<DriverId> {
        self.index.find_driver(licence)
    }

    /// Vehicles in the register.
    pub fn len(&self) -> usize {
        self.vehicles.len()
    }

    /// Whether no fleet was imported.
    pub fn is_empty(&self) -> bool {
        self.vehicles.is_empty()
    }

    /// All that a verdict on that vehicle depends on besides its track.
    pub fn context<'a>(&'a self, record: &'a VehicleRecord) -> Context<'a> {
        self.context_of(&record.profile)
    }

    /// The same for a vehicle of which that is known.
    pub fn context_of<'a>(&'a self, profile: &'a VehicleProfile) -> Context<'a> {
        Context {
            rules: &self.rules,
            profile,
            routes: &self.routes,
            areas: &self.areas,
            roads: self.roads.as_deref(),
        }
    }

    /// All that the verdict on a fix of that time depends on besides the track, by the rules by which the vehicle
    /// was judged then; by the newest ones where nothing was.
    pub fn context_at<'a>(
        &'a self,
        record: &'a VehicleRecord,
        judged_by: &JudgedBy,
        time: Timestamp,
    ) -> Context<'a> {
        Context {
            rules: self.rules_after(judged_by.at(time).unwrap_or(self.import)),
            ..self.context(record)
        }
    }

    /// The rules as they were after an import; where that is not known any more, after the oldest that is.
    fn rules_after(&self, import: i64) -> &RuleSet {
        if import >= self.import {
            return &self.rules;
        }
        let mut before = self.rules_before.iter();
        let known = before.find(|(number, _)| *number <= import);
        let known = known.or_else(|| self.rules_before.last());
        known.map_or(&self.rules, |(_, rules)| rules)
    }
}

/// The assigned routes of each vehicle.
fn assigned<'a>(
    assignments: &'a [Assignment],
    routes: &CorridorIndex,
) -> FxHashMap<&'a Plate, Vec<RouteValidity>> {
    let mut assigned: FxHashMap<&Plate, Vec<RouteValidity>> = FxHashMap::default();
    for assignment in assignments {
        if let Some(route) = routes.find(&assignment.route_id) {
            let validity = RouteValidity {
                route,
                from: assignment.from,
                to: assignment.to,
            };
            assigned
                .entry(&assignment.plate)
                .or_default()
                .push(validity);
        }
    }
    assigned
}

/// The permits of each vehicle.
fn permitted(permits: &[Permit]) -> FxHashMap<&Plate, Vec<PermitValidity>> {
    let mut permitted: FxHashMap<&Plate, Vec<PermitValidity>> = FxHashMap::default();
    for permit in permits {
        let validity = PermitValidity {
            kind: permit.kind,
            from: permit.from,
            to: permit.to,
        };
        permitted.entry(&permit.plate).or_default().push(validity);
    }
    permitted
}
