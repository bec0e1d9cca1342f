//! The rows of a fleet folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use sqlx::AnyConnection;

use super::ImportCounts;
use crate::model::Plate;
use crate::model::fleet::{
    Assignment, Driver, Enterprise, FleetFolder, Monitor, Permit, VehicleEntry,
};
use crate::store::StoreError;
use crate::store::counters::Counter;
use crate::store::engine::map_error;
use crate::store::rows::Columns as _;
use crate::store::statement::Bulk;

const ENTERPRISES: Bulk = Bulk {
    head: "INSERT INTO enterprises (id, name, credit_code, region, kind, datum) VALUES ",
    row: "($1, $2, $3, $4, $5, $6)",
    width: 6,
    tail: " ON CONFLICT (id) DO UPDATE SET name = excluded.name,
            credit_code = excluded.credit_code, region = excluded.region, kind = excluded.kind,
            datum = excluded.datum",
};

const FREE_TERMINALS: Bulk = Bulk {
    head: "UPDATE vehicles SET terminal = NULL WHERE id IN (",
    row: "$1",
    width: 1,
    tail: ")",
};

// A length below zero stands for none: see `Values::add` about absent floats.
const VEHICLES: Bulk = Bulk {
    head: "INSERT INTO vehicles (id, plate, plate_color, terminal, enterprise_id, class, seats,
                                 region, line_km, route_id, datum) VALUES ",
    row: "($1, $2, $3, $4, $5, $6, $7, $8, NULLIF($9, -1), $10, $11)",
    width: 11,
    tail: " ON CONFLICT (plate, plate_color) DO UPDATE SET terminal = excluded.terminal,
            enterprise_id = excluded.enterprise_id, class = excluded.class,
            seats = excluded.seats, region = excluded.region, line_km = excluded.line_km,
            route_id = excluded.route_id, datum = excluded.datum",
};

const DRIVERS: Bulk = Bulk {
    head: "INSERT INTO drivers (id, licence, name, enterprise_id, phone) VALUES ",
    row: "($1, $2, $3, $4, $5)",
    width: 5,
    tail: " ON CONFLICT (licence) DO UPDATE SET name = excluded.name,
            enterprise_id = excluded.enterprise_id, phone = excluded.phone",
};

const MONITORS: Bulk = Bulk {
    head: "INSERT INTO monitors (id, name, enterprise_id, trained_until) VALUES ",
    row: "($1, $2, $3, $4)",
    width: 4,
    tail: " ON CONFLICT (id) DO UPDATE SET name = excluded.name,
            enterprise_id = excluded.enterprise_id, trained_until = excluded.trained_until",
};

const FORGET_ASSIGNMENTS: Bulk = Bulk {
    head: "DELETE FROM assignments WHERE vehicle_id IN (",
    row: "$1",
    width: 1,
    tail: ")",
};

const ASSIGNMENTS: Bulk = Bulk {
    head: "INSERT INTO assignments (vehicle_id, position, route_id, from_at, to_at) VALUES ",
    row: "($1, $2, $3, $4, $5)",
    width: 5,
    tail: "",
};

const FORGET_PERMITS: Bulk = Bulk {
    head: "DELETE FROM permits WHERE vehicle_id IN (",
    row: "$1",
    width: 1,
    tail: ")",
};

const PERMITS: Bulk = Bulk {
    head: "INSERT INTO permits (vehicle_id, position, kind, reference, from_at, to_at) VALUES ",
    row: "($1, $2, $3, $4, $5, $6)",
    width: 6,
    tail: "",
};

/// Numbers and terminals of the vehicles in the register.
type Known = BTreeMap<Plate, (i64, Option<String>)>;

/// Brings the folder in; the caller commits.
pub(super) async fn import(
    connection: &mut AnyConnection,
    folder: &FleetFolder,
) -> Result<ImportCounts, StoreError> {
    check_keys(folder)?;
    put_enterprises(connection, &folder.enterprises).await?;
    check_enterprises(connection, folder).await?;
    let mut known = known_vehicles(connection).await?;
    let before = known.len();
    let moved = put_vehicles(connection, &mut known, &folder.vehicles).await?;
    put_drivers(connection, &folder.drivers).await?;
    put_monitors(connection, &folder.monitors).await?;
    put_assignments(connection, &known, &folder.assignments).await?;
    put_permits(connection, &known, &folder.permits).await?;
    Ok(ImportCounts {
        enterprises: folder.enterprises.len(),
        vehicles: folder.vehicles.len(),
        vehicles_new: known.len() - before,
        terminals_moved: moved,
        drivers: folder.drivers.len(),
        monitors: folder.monitors.len(),
        assignments: folder.assignments.len(),
        permits: folder.permits.len(),
    })
}

/// Refuses a key that stands twice.
pub(super) fn unique<K: Ord + Display>(
    what: &str,
    keys: impl Iterator<Item = K>,
) -> Result<(), StoreError> {
    let mut seen = BTreeSet::new();
    for key in keys {
        if let Some(twice) = seen.replace(key) {
            return Err(StoreError::conflict(format!("{what} {twice} stands twice")));
        }
    }
    Ok(())
}

fn check_keys(folder: &FleetFolder) -> Result<(), StoreError> {
    unique("enterprise", folder.enterprises.iter().map(|e| &e.id))?;
    unique("vehicle", folder.vehicles.iter().map(|v| &v.plate))?;
    unique(
        "terminal",
        folder.vehicles.iter().filter_map(|v| v.terminal.as_ref()),
    )?;
    unique("driver", folder.drivers.iter().map(|d| &d.licence))?;
    unique("monitor", folder.monitors.iter().map(|m| &m.id))
}

async fn put_enterprises(
    connection: &mut AnyConnection,
    enterprises: &[Enterprise],
) -> Result<(), StoreError> {
    ENTERPRISES
        .execute(connection, enterprises, |values, enterprise| {
            values
                .add(enterprise.id.as_str())
                .add(enterprise.name.as_str())
                .add(enterprise.credit_code.as_str())
                .add(enterprise.region.as_str())
                .add(enterprise.kind.name())
                .add(enterprise.datum.map(|datum| datum.name().to_owned()));
        })
        .await
        .map(drop)
}

/// Every enterprise that vehicles, drivers and monitors name must be there.
async fn check_enterprises(
    connection: &mut AnyConnection,
    folder: &FleetFolder,
) -> Result<(), StoreError> {
    let known: Vec<String> = sqlx::query_scalar("SELECT id FROM enterprises")
        .fetch_all(connection)
        .await
        .map_err(map_error)?;
    let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
    let named = folder.vehicles.iter().map(|v| &v.enterprise_id);
    let named = named.chain(folder.drivers.iter().map(|d| &d.enterprise_id));
    let mut named = named.chain(folder.monitors.iter().map(|m| &m.enterprise_id));
    match named.find(|id| !known.contains(id.as_str())) {
        Some(id) => Err(StoreError::conflict(format!("enterprise {id} is unknown"))),
        None => Ok(()),
    }
}

async fn known_vehicles(connection: &mut AnyConnection) -> Result<Known, StoreError> {
    let rows = sqlx::query("SELECT plate, plate_color, id, terminal FROM vehicles")
        .fetch_all(connection)
        .await
        .map_err(map_error)?;
    let entry = |row| -> Result<_, StoreError> {
        let row: &sqlx::any::AnyRow = row;
        Ok((row.plate(0)?, (row.int(2)?, row.text_opt(3)?)))
    };
    rows.iter().map(entry).collect()
}

/// Writes the vehicles and adds the new ones to `known`; the number of terminals that moved.
async fn put_vehicles(
    connection: &mut AnyConnection,
    known: &mut Known,
    vehicles: &[VehicleEntry],
) -> Result<usize, StoreError> {
    let wanted: BTreeMap<&str, &Plate> = vehicles
        .iter()
        .filter_map(|v| Some((v.terminal.as_ref()?.as_str(), &v.plate)))
        .collect();
    let moving: Vec<i64> = known
        .iter()
        .filter(|(plate, (_, terminal))| {
            let new = terminal
                .as_ref()
                .and_then(|phone| wanted.get(phone.as_str()));
            new.is_some_and(|new| *new != *plate)
        })
        .map(|(_, (id, _))| *id)
        .collect();
    FREE_TERMINALS
        .execute(connection, &moving, |values, id| {
            values.add(*id);
        })
        .await?;
    let new: Vec<&Plate> = vehicles
        .iter()
        .map(|vehicle| &vehicle.plate)
        .filter(|plate| !known.contains_key(*plate))
        .collect();
    let first = Counter::Vehicles.take(connection, new.len()).await?;
    let numbered: Vec<_> = (first..)
        .zip(new)
        .map(|(id, plate)| (plate.clone(), (id, None)))
        .collect();
    known.extend(numbered);
    let rows: Vec<(i64, &VehicleEntry)> = vehicles
        .iter()
        .filter_map(|vehicle| Some((known.get(&vehicle.plate)?.0, vehicle)))
        .collect();
    VEHICLES
        .execute(connection, &rows, |values, (id, vehicle)| {
            values
                .add(*id)
                .add(vehicle.plate.text.as_str())
                .add(vehicle.plate.color.name())
                .add(
                    vehicle
                        .terminal
                        .as_ref()
                        .map(|phone| phone.as_str().to_owned()),
                )
                .add(vehicle.enterprise_id.as_str())
                .add(vehicle.class.name())
                .add(vehicle.seats.map(i64::from))
                .add(
                    vehicle
                        .region
                        .as_ref()
                        .map(|region| region.as_str().to_owned()),
                )
                .add(vehicle.line_km.unwrap_or(-1.0))
                .add(vehicle.route_id.clone())
                .add(vehicle.datum.map(|datum| datum.name().to_owned()));
        })
        .await?;
    Ok(moving.len())
}

async fn put_drivers(connection: &mut AnyConnection, drivers: &[Driver]) -> Result<(), StoreError> {
    let rows = sqlx::query("SELECT licence, id FROM drivers")
        .fetch_all(&mut *connection)
        .await
        .map_err(map_error)?;
    let known: BTreeMap<String, i64> = rows
        .iter()
        .map(|row| Ok((row.text(0)?, row.int(1)?)))
        .collect::<Result<_, StoreError>>()?;
    let new = drivers
        .iter()
        .filter(|driver| !known.contains_key(&driver.licence))
        .count();
    let mut next = Counter::Drivers.take(connection, new).await?;
    // By licence, because the number decides where records differ only in their driver.
    let mut drivers: Vec<&Driver> = drivers.iter().collect();
    drivers.sort_by_key(|driver| &driver.licence);
    let mut rows = Vec::with_capacity(drivers.len());
    for driver in drivers {
        let id = known.get(&driver.licence).copied().unwrap_or(next);
        next += i64::from(id == next);
        rows.push((id, driver));
    }
    DRIVERS
        .execute(connection, &rows, |values, (id, driver)| {
            values
                .add(*id)
                .add(driver.licence.as_str())
                .add(driver.name.as_str())
                .add(driver.enterprise_id.as_str())
                .add(driver.phone.as_str());
        })
        .await
        .map(drop)
}

async fn put_monitors(
    connection: &mut AnyConnection,
    monitors: &[Monitor],
) -> Result<(), StoreError> {
    MONITORS
        .execute(connection, monitors, |values, monitor| {
            values
                .add(monitor.id.as_str())
                .add(monitor.name.as_str())
                .add(monitor.enterprise_id.as_str())
                .time_opt(monitor.trained_until);
        })
        .await
        .map(drop)
}

async fn put_assignments(
    connection: &mut AnyConnection,
    known: &Known,
    assignments: &[Assignment],
) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(assignments.len());
    for (position, assignment) in (0_i64..).zip(assignments) {
        rows.push((number(known, &assignment.plate)?, position, assignment));
    }
    forget(
        connection,
        &FORGET_ASSIGNMENTS,
        rows.iter().map(|row| row.0),
    )
    .await?;
    ASSIGNMENTS
        .execute(
            connection,
            &rows,
            |values, (vehicle, position, assignment)| {
                values
                    .add(*vehicle)
                    .add(*position)
                    .add(assignment.route_id.as_str())
                    .time_opt(assignment.from)
                    .time_opt(assignment.to);
            },
        )
        .await
        .map(drop)
}

async fn put_permits(
    connection: &mut AnyConnection,
    known: &Known,
    permits: &[Permit],
) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(permits.len());
    for (position, permit) in (0_i64..).zip(permits) {
        rows.push((number(known, &permit.plate)?, position, permit));
    }
    forget(connection, &FORGET_PERMITS, rows.iter().map(|row| row.0)).await?;
    PERMITS
        .execute(connection, &rows, |values, (vehicle, position, permit)| {
            values
                .add(*vehicle)
                .add(*position)
                .add(permit.kind.name())
                .add(permit.reference.as_str())
                .time_opt(permit.from)
                .time_opt(permit.to);
        })
        .await
        .map(drop)
}

/// The number of a vehicle.
fn number(known: &Known, plate: &Plate) -> Result<i64, StoreError> {
    let known = known.get(plate).map(|(id, _)| *id);
    known.ok_or_else(|| StoreError::conflict(format!("vehicle {plate} is unknown")))
}

/// Deletes the rows of these vehicles.
async fn forget(
    connection: &mut AnyConnection,
    rows: &Bulk,
    vehicles: impl Iterator<Item = i64>,
) -> Result<(), StoreError> {
    let vehicles: BTreeSet<i64> = vehicles.collect();
    let vehicles: Vec<i64> = vehicles.into_iter().collect();
    rows.execute(connection, &vehicles, |values, vehicle| {
        values.add(*vehicle);
    })
    .await
    .map(drop)
}
