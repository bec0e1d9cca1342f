//! Imports into the register: each one transaction, each making a new version of the register.

use super::counters::Counter;
use super::engine::map_error;
use super::places::{limit_mkmh, line_to_bytes, polygons_to_bytes};
use super::statement::Bulk;
use super::{Store, StoreError};
use crate::model::fleet::FleetFolder;
use crate::model::route::{Area, Route};

mod fleet;

/// What an import of a fleet folder brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportCounts {
    /// Enterprises in the folder.
    pub enterprises: usize,
    /// Vehicles in the folder.
    pub vehicles: usize,
    /// Of these, new to the register.
    pub vehicles_new: usize,
    /// Of these, with a terminal that was in another vehicle before.
    pub terminals_moved: usize,
    /// Drivers in the folder.
    pub drivers: usize,
    /// Monitors in the folder.
    pub monitors: usize,
    /// Assignments in the folder.
    pub assignments: usize,
    /// Permits and contracts in the folder.
    pub permits: usize,
}

const ROUTES: Bulk = Bulk {
    head: "INSERT INTO routes (id, name, half_width_m, line, limit_mkmh, road, stops) VALUES ",
    row: "($1, $2, $3, $4, $5, $6, $7)",
    width: 7,
    tail: " ON CONFLICT (id) DO UPDATE SET name = excluded.name,
            half_width_m = excluded.half_width_m, line = excluded.line,
            limit_mkmh = excluded.limit_mkmh, road = excluded.road, stops = excluded.stops",
};

const AREAS: Bulk = Bulk {
    head: "INSERT INTO areas
           (id, name, kind, limit_mkmh, begin_min, end_min, classes, polygons) VALUES ",
    row: "($1, $2, $3, $4, $5, $6, $7, $8)",
    width: 8,
    tail: " ON CONFLICT (id) DO UPDATE SET name = excluded.name, kind = excluded.kind,
            limit_mkmh = excluded.limit_mkmh, begin_min = excluded.begin_min,
            end_min = excluded.end_min, classes = excluded.classes,
            polygons = excluded.polygons",
};

impl Store {
    /// Brings a fleet folder into the register, all or nothing.
    ///
    /// What the folder names is set to what it says; what it does not name stays. A terminal that
    /// the folder puts into another vehicle leaves the one that it was in. New vehicles and
    /// drivers get numbers. A vehicle's assignments, and its permits, are those of the last
    /// folder that names any.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for a key that stands twice in the folder, and for an
    /// enterprise or plate that neither the folder nor the register knows; it names them.
    pub async fn import_fleet(&self, folder: &FleetFolder) -> Result<ImportCounts, StoreError> {
        let mut transaction = self.database().begin_write().await?;
        let counts = fleet::import(&mut transaction, folder).await?;
        Counter::Registry.take(&mut transaction, 1).await?;
        transaction.commit().await.map_err(map_error)?;
        Ok(counts)
    }

    /// Adds routes and replaces those with the same identifier; the number of routes given.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for an identifier that stands twice.
    pub async fn import_routes(&self, routes: &[Route]) -> Result<usize, StoreError> {
        fleet::unique("route", routes.iter().map(|route| &route.id))?;
        let mut transaction = self.database().begin_write().await?;
        ROUTES
            .execute(&mut transaction, routes, |values, route| {
                values
                    .add(route.id.as_str())
                    .add(route.name.as_str())
                    .add(route.half_width_m)
                    .add(line_to_bytes(&route.line))
                    .add(limit_mkmh(route.limit))
                    .add(route.road.map(|road| road.name().to_owned()))
                    .add(line_to_bytes(&route.stops));
            })
            .await?;
        Counter::Registry.take(&mut transaction, 1).await?;
        transaction.commit().await.map_err(map_error)?;
        Ok(routes.len())
    }

    /// Adds areas and replaces those with the same identifier; the number of areas given.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for an identifier that stands twice.
    pub async fn import_areas(&self, areas: &[Area]) -> Result<usize, StoreError> {
        fleet::unique("area", areas.iter().map(|area| &area.id))?;
        let mut transaction = self.database().begin_write().await?;
        AREAS
            .execute(&mut transaction, areas, |values, area| {
                let classes = area.classes.as_ref().map(|classes| {
                    let names: Vec<_> = classes.iter().map(|class| class.name()).collect();
                    names.join(" ")
                });
                values
                    .add(area.id.as_str())
                    .add(area.name.as_str())
                    .add(area.kind.name())
                    .add(limit_mkmh(area.limit))
                    .add(area.hours.map(|(begin, _)| i64::from(begin)))
                    .add(area.hours.map(|(_, end)| i64::from(end)))
                    .add(classes)
                    .add(polygons_to_bytes(&area.polygons));
            })
            .await?;
        Counter::Registry.take(&mut transaction, 1).await?;
        transaction.commit().await.map_err(map_error)?;
        Ok(areas.len())
    }

    /// Adds a version of the rulebook; the caller has checked it. An older version that is imported
    /// again is the newest again.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the version is known with another text: violations
    /// name it.
    pub async fn import_rules(&self, version: &str, text: &str) -> Result<(), StoreError> {
        let mut transaction = self.database().begin_write().await?;
        let imported = Counter::Registry.take(&mut transaction, 1).await?;
        let written = sqlx::query(
            "INSERT INTO rulebooks (version, text, imported) VALUES ($1, $2, $3)
             ON CONFLICT (version) DO UPDATE SET imported = excluded.imported
             WHERE rulebooks.text = excluded.text",
        )
        .bind(version)
        .bind(text)
        .bind(imported)
        .execute(&mut *transaction)
        .await
        .map_err(map_error)?;
        if written.rows_affected() == 0 {
            return Err(StoreError::conflict(format!(
                "rulebook version {version} exists with another text"
            )));
        }
        // The newest one again is no change of rules.
        sqlx::query(
            "INSERT INTO rulebook_imports (imported, version)
             SELECT $1, $2 FROM (SELECT COUNT(*) AS imports FROM rulebook_imports
                 WHERE version = $2 AND imported = (SELECT MAX(imported) FROM rulebook_imports)) newest
             WHERE newest.imports = 0",
        )
        .bind(imported)
        .bind(version)
        .execute(&mut *transaction)
        .await
        .map_err(map_error)?;
        transaction.commit().await.map_err(map_error)
    }
}
