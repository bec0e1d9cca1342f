//! The register as the server loads it.

use sqlx::any::AnyRow;

use super::counters::Counter;
use super::engine::map_error;
use super::road_maps::StoredRoadMap;
use super::rows::{Columns as _, narrow};
use super::{Store, StoreError, places, road_maps};
use crate::model::fleet::{Assignment, Driver, Enterprise, Monitor, Permit, Vehicle, VehicleEntry};
use crate::model::road::RoadOverride;
use crate::model::route::{Area, Route};
use crate::model::{DriverId, TerminalPhone, VehicleId};

/// Everything that imports have brought, at one version.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Registry {
    /// Grows by one with each import.
    pub version: i64,
    /// Enterprises, by identifier.
    pub enterprises: Vec<Enterprise>,
    /// Vehicles, by number.
    pub vehicles: Vec<Vehicle>,
    /// Drivers, by number.
    pub drivers: Vec<KnownDriver>,
    /// Monitors, by identifier.
    pub monitors: Vec<Monitor>,
    /// Route assignments, by vehicle and line in the folder.
    pub assignments: Vec<Assignment>,
    /// Permits and contracts, by vehicle and line in the folder.
    pub permits: Vec<Permit>,
    /// Routes, by identifier.
    pub routes: Vec<Route>,
    /// Areas, by identifier.
    pub areas: Vec<Area>,
    /// The road map in force, where one was imported.
    pub road_map: Option<StoredRoadMap>,
    /// The operator's limits over it, by identifier.
    pub road_limits: Vec<RoadOverride>,
    /// The imports of rulebooks, newest first, the last 64 of them; where there are none, or at
    /// times at which none holds, the built-in one does.
    pub rulebooks: Vec<RulebookText>,
}

/// Rulebooks that can still hold for some time: the newest ones.
const RULEBOOKS: &str = "SELECT r.version, r.text, i.imported
     FROM rulebook_imports i JOIN rulebooks r ON r.version = i.version
     ORDER BY i.imported DESC LIMIT 64";

/// A driver with our number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDriver {
    /// Our number.
    pub id: DriverId,
    /// What the register says; name and enterprise are empty for a driver seen on the wire only.
    pub driver: Driver,
}

/// An imported rulebook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulebookText {
    /// Its version.
    pub version: String,
    /// The TOML document.
    pub text: String,
    /// Number of the import; grows from one to the next.
    pub imported: i64,
}

impl Store {
    /// The version of the register; grows by one with each import.
    ///
    /// # Errors
    /// As the database says.
    pub async fn registry_version(&self) -> Result<i64, StoreError> {
        Counter::Registry.value(self.read()).await
    }

    /// Loads the whole register at one version.
    ///
    /// # Errors
    /// As the database says; [`StoreError::Broken`] for values that we never wrote.
    pub async fn load_registry(&self) -> Result<Registry, StoreError> {
        let mut transaction = self.database().begin_read().await?;
        let connection = &mut *transaction;
        let mut all = async |sql: &'static str| {
            sqlx::query(sql)
                .fetch_all(&mut *connection)
                .await
                .map_err(map_error)
        };
        let enterprises = all("SELECT id, name, credit_code, region, kind, datum
                 FROM enterprises ORDER BY id")
        .await?;
        let vehicles = all(
            "SELECT id, plate, plate_color, terminal, enterprise_id, class, seats,
                        region, line_km, route_id, datum
                 FROM vehicles ORDER BY id",
        )
        .await?;
        let drivers = all(
            "SELECT id, licence, name, COALESCE(enterprise_id, ''), phone
                 FROM drivers ORDER BY id",
        )
        .await?;
        let monitors = all("SELECT id, name, enterprise_id, trained_until
                 FROM monitors ORDER BY id")
        .await?;
        let assignments = all(
            "SELECT v.plate, v.plate_color, a.route_id, a.from_at, a.to_at
                 FROM assignments a JOIN vehicles v ON v.id = a.vehicle_id
                 ORDER BY a.vehicle_id, a.position",
        )
        .await?;
        let permits = all(
            "SELECT v.plate, v.plate_color, p.kind, p.reference, p.from_at, p.to_at
                 FROM permits p JOIN vehicles v ON v.id = p.vehicle_id
                 ORDER BY p.vehicle_id, p.position",
        )
        .await?;
        let routes = all(
            "SELECT id, name, half_width_m, line, limit_mkmh, road, stops
                 FROM routes ORDER BY id",
        )
        .await?;
        let areas = all(
            "SELECT id, name, kind, limit_mkmh, begin_min, end_min, classes, polygons
                 FROM areas ORDER BY id",
        )
        .await?;
        let rulebooks = all(RULEBOOKS).await?;
        let road_map = all(road_maps::NEWEST_MAP).await?;
        let road_limits = all(road_maps::ALL_LIMITS).await?;
        Ok(Registry {
            version: Counter::Registry.value(&mut *transaction).await?,
            enterprises: each(&enterprises, |row| enterprise(row, 0))?,
            vehicles: each(&vehicles, |row| vehicle(row, 0))?,
            drivers: each(&drivers, driver)?,
            monitors: each(&monitors, |row| monitor(row, 0))?,
            assignments: each(&assignments, assignment)?,
            permits: each(&permits, permit)?,
            routes: each(&routes, places::route)?,
            areas: each(&areas, places::area)?,
            road_map: each(&road_map, road_maps::map)?.pop(),
            road_limits: each(&road_limits, road_maps::limit)?,
            rulebooks: each(&rulebooks, rulebook)?,
        })
    }

    /// Our number for a driver, given now if the licence is new.
    ///
    /// # Errors
    /// As the database says.
    pub async fn driver_id(&self, licence: &str) -> Result<DriverId, StoreError> {
        let known = "SELECT id FROM drivers WHERE licence = $1";
        let found: Option<i64> = sqlx::query_scalar(known)
            .bind(licence)
            .fetch_optional(self.read())
            .await
            .map_err(map_error)?;
        let id = match found {
            Some(id) => id,
            None => self.new_driver(licence).await?,
        };
        narrow(id, "driver number").map(DriverId)
    }

    /// The number of a driver who is known already.
    ///
    /// # Errors
    /// As the database says.
    pub async fn find_driver(&self, licence: &str) -> Result<Option<DriverId>, StoreError> {
        let found: Option<i64> = sqlx::query_scalar("SELECT id FROM drivers WHERE licence = $1")
            .bind(licence)
            .fetch_optional(self.read())
            .await
            .map_err(map_error)?;
        found
            .map(|id| narrow(id, "driver number").map(DriverId))
            .transpose()
    }

    async fn new_driver(&self, licence: &str) -> Result<i64, StoreError> {
        let mut transaction = self.database().begin_write().await?;
        let id = Counter::Drivers.take(&mut transaction, 1).await?;
        // Someone else may have been first: the update that changes nothing returns their number.
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO drivers (id, licence, name, enterprise_id, phone)
             VALUES ($1, $2, '', NULL, '')
             ON CONFLICT (licence) DO UPDATE SET licence = excluded.licence
             RETURNING id",
        )
        .bind(id)
        .bind(licence)
        .fetch_one(&mut *transaction)
        .await
        .map_err(map_error)?;
        transaction.commit().await.map_err(map_error)?;
        Ok(id)
    }
}

/// Reads every row.
pub(super) fn each<T>(
    rows: &[AnyRow],
    read: impl Fn(&AnyRow) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    rows.iter().map(read).collect()
}

/// Columns from `at`: id, name, `credit_code`, region, kind, datum.
pub(super) fn enterprise(row: &AnyRow, at: usize) -> Result<Enterprise, StoreError> {
    Ok(Enterprise {
        id: row.text(at)?,
        name: row.text(at + 1)?,
        credit_code: row.text(at + 2)?,
        region: row.name(at + 3, "region")?,
        kind: row.name(at + 4, "enterprise kind")?,
        datum: row.name_opt(at + 5, "datum")?,
    })
}

/// Columns from `at`: id, plate, `plate_color`, terminal, `enterprise_id`, class, seats, region,
/// `line_km`, `route_id`, datum.
pub(super) fn vehicle(row: &AnyRow, at: usize) -> Result<Vehicle, StoreError> {
    let terminal = row.text_opt(at + 3)?;
    Ok(Vehicle {
        id: VehicleId(row.number(at, "vehicle number")?),
        entry: VehicleEntry {
            plate: row.plate(at + 1)?,
            terminal: terminal
                .map(|phone| {
                    TerminalPhone::new(&phone).ok_or(StoreError::damaged("terminal phone"))
                })
                .transpose()?,
            enterprise_id: row.text(at + 4)?,
            class: row.name(at + 5, "vehicle class")?,
            seats: row.number_opt(at + 6, "seats")?,
            region: row.name_opt(at + 7, "region")?,
            line_km: row.cell(at + 8)?,
            route_id: row.text_opt(at + 9)?,
            datum: row.name_opt(at + 10, "datum")?,
        },
    })
}

fn driver(row: &AnyRow) -> Result<KnownDriver, StoreError> {
    Ok(KnownDriver {
        id: DriverId(row.number(0, "driver number")?),
        driver: Driver {
            licence: row.text(1)?,
            name: row.text(2)?,
            enterprise_id: row.text(3)?,
            phone: row.text(4)?,
        },
    })
}

/// Columns from `at`: id, name, `enterprise_id`, `trained_until`.
pub(super) fn monitor(row: &AnyRow, at: usize) -> Result<Monitor, StoreError> {
    Ok(Monitor {
        id: row.text(at)?,
        name: row.text(at + 1)?,
        enterprise_id: row.text(at + 2)?,
        trained_until: row.time_opt(at + 3)?,
    })
}

fn assignment(row: &AnyRow) -> Result<Assignment, StoreError> {
    Ok(Assignment {
        plate: row.plate(0)?,
        route_id: row.text(2)?,
        from: row.time_opt(3)?,
        to: row.time_opt(4)?,
    })
}

fn permit(row: &AnyRow) -> Result<Permit, StoreError> {
    Ok(Permit {
        plate: row.plate(0)?,
        kind: row.name(2, "permit kind")?,
        reference: row.text(3)?,
        from: row.time_opt(4)?,
        to: row.time_opt(5)?,
    })
}

fn rulebook(row: &AnyRow) -> Result<RulebookText, StoreError> {
    Ok(RulebookText {
        version: row.text(0)?,
        text: row.text(1)?,
        imported: row.int(2)?,
    })
}
