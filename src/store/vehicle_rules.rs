//! By which rules each vehicle was judged first.

use std::collections::BTreeMap;

use sqlx::AnyConnection;

use super::engine::map_error;
use super::rows::Columns as _;
use super::statement::{Bulk, Select};
use super::{Store, StoreError};
use crate::model::{JudgedBy, Timestamp, VehicleId};

/// From a fix time on, a vehicle is judged by the rules after an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RulesFrom {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// First fix time.
    pub from: Timestamp,
    /// Number of the import.
    pub import: i64,
}

const RULES: Bulk = Bulk {
    head: "INSERT INTO vehicle_rules (vehicle_id, from_at, imported) VALUES ",
    row: "($1, $2, $3)",
    width: 3,
    tail: " ON CONFLICT (vehicle_id, from_at) DO UPDATE SET imported = excluded.imported",
};

/// Adds changes of rules.
pub(super) async fn put(
    connection: &mut AnyConnection,
    changes: &[RulesFrom],
) -> Result<(), StoreError> {
    RULES
        .execute(connection, changes, |values, change| {
            values
                .add(i64::from(change.vehicle.0))
                .time(change.from)
                .add(change.import);
        })
        .await
        .map(drop)
}

/// Writes all that is known of a vehicle in the place of what was.
pub(super) async fn replace(
    connection: &mut AnyConnection,
    vehicle: VehicleId,
    judged_by: &JudgedBy,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM vehicle_rules WHERE vehicle_id = $1")
        .bind(i64::from(vehicle.0))
        .execute(&mut *connection)
        .await
        .map_err(map_error)?;
    let changes = judged_by.changes().iter();
    let rows: Vec<RulesFrom> = changes
        .map(|(from, import)| RulesFrom {
            vehicle,
            from: *from,
            import: *import,
        })
        .collect();
    put(connection, &rows).await
}

impl Store {
    /// By which rules the vehicles with numbers from the first to the last were judged; those of which nothing
    /// was judged are left out.
    ///
    /// # Errors
    /// As the database says.
    pub async fn judged_by(
        &self,
        first: VehicleId,
        last: VehicleId,
    ) -> Result<BTreeMap<VehicleId, JudgedBy>, StoreError> {
        let rows = Select::new("SELECT vehicle_id, from_at, imported FROM vehicle_rules WHERE")
            .with("vehicle_id >= {}", i64::from(first.0))
            .with("AND vehicle_id <= {}", i64::from(last.0))
            .fetch(self.read())
            .await?;
        let mut changes: BTreeMap<VehicleId, Vec<(Timestamp, i64)>> = BTreeMap::new();
        for row in &rows {
            let vehicle = VehicleId(row.number(0, "vehicle number")?);
            let change = (row.time(1)?, row.int(2)?);
            changes.entry(vehicle).or_default().push(change);
        }
        let of = |(vehicle, changes)| (vehicle, JudgedBy::new(changes));
        Ok(changes.into_iter().map(of).collect())
    }
}
