//! Legal holds: tracks that stay whatever their age.

use sqlx::any::AnyRow;

use super::engine::map_error;
use super::registry::each;
use super::rows::Columns as _;
use super::statement::Select;
use super::{Store, StoreError};
use crate::model::{Plate, Timestamp, VehicleId};

/// Most holds of one list.
const HOLDS_MAX: i64 = 10_000;

/// A track that must stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Identifier.
    pub id: String,
    /// The case for which.
    pub case_no: String,
    /// The vehicle.
    pub vehicle: VehicleId,
    /// Its plate.
    pub plate: Plate,
    /// Why.
    pub reason: String,
    /// Earliest fix time held; `None` from the beginning.
    pub from: Option<Timestamp>,
    /// End of fix times held, not included; `None` without end.
    pub to: Option<Timestamp>,
    /// When it was set.
    pub set_at: Timestamp,
    /// When it was lifted; `None` while it holds.
    pub lifted_at: Option<Timestamp>,
}

impl Hold {
    /// Whether it keeps a fix of that vehicle and time.
    pub fn keeps(&self, vehicle: VehicleId, time: Timestamp) -> bool {
        self.lifted_at.is_none()
            && self.vehicle == vehicle
            && self.from.is_none_or(|from| from <= time)
            && self.to.is_none_or(|to| time < to)
    }
}

/// Which holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoldFilter {
    /// Of this case.
    pub case_no: Option<String>,
    /// Of this vehicle.
    pub vehicle: Option<VehicleId>,
    /// Also those that were lifted.
    pub lifted: bool,
}

impl Store {
    /// Sets a hold.
    ///
    /// # Errors
    /// As the database says.
    pub async fn set_hold(&self, hold: &Hold) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO legal_holds (id, case_no, vehicle_id, reason, from_at, to_at, set_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(hold.id.as_str())
        .bind(hold.case_no.as_str())
        .bind(i64::from(hold.vehicle.0))
        .bind(hold.reason.as_str())
        .bind(hold.from.map(Timestamp::millis))
        .bind(hold.to.map(Timestamp::millis))
        .bind(hold.set_at.millis())
        .execute(self.write())
        .await
        .map(drop)
        .map_err(map_error)
    }

    /// Lifts the holds of a case, or those of one of its vehicles; how many.
    ///
    /// # Errors
    /// As the database says.
    pub async fn lift_holds(
        &self,
        case_no: &str,
        vehicle: Option<VehicleId>,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "UPDATE legal_holds SET lifted_at = $1 WHERE case_no = $2 AND lifted_at IS NULL
             AND vehicle_id = COALESCE($3, vehicle_id)",
        )
        .bind(at.millis())
        .bind(case_no)
        .bind(vehicle.map(|vehicle| i64::from(vehicle.0)))
        .execute(self.write())
        .await
        .map_err(map_error)?;
        Ok(done.rows_affected())
    }

    /// Holds, the first set first.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where there are more than can be told at once; as the database says.
    pub async fn holds(&self, filter: &HoldFilter) -> Result<Vec<Hold>, StoreError> {
        let mut select = Select::new(
            "SELECT h.id, h.case_no, h.vehicle_id, v.plate, v.plate_color, h.reason, h.from_at, h.to_at,
             h.set_at, h.lifted_at FROM legal_holds h JOIN vehicles v ON v.id = h.vehicle_id WHERE 1 = 1",
        )
        .with_some("AND h.case_no = {}", filter.case_no.clone())
        .with_some(
            "AND h.vehicle_id = {}",
            filter.vehicle.map(|vehicle| i64::from(vehicle.0)),
        );
        if !filter.lifted {
            select = select.plain("AND h.lifted_at IS NULL");
        }
        let rows = select
            .with("ORDER BY h.set_at, h.id LIMIT {}", HOLDS_MAX + 1)
            .fetch(self.read())
            .await?;
        if i64::try_from(rows.len()).unwrap_or(i64::MAX) > HOLDS_MAX {
            return Err(StoreError::conflict(format!("more than {HOLDS_MAX} holds")));
        }
        each(&rows, hold)
    }
}

fn hold(row: &AnyRow) -> Result<Hold, StoreError> {
    Ok(Hold {
        id: row.text(0)?,
        case_no: row.text(1)?,
        vehicle: VehicleId(row.number(2, "vehicle number")?),
        plate: row.plate(3)?,
        reason: row.text(5)?,
        from: row.time_opt(6)?,
        to: row.time_opt(7)?,
        set_at: row.time(8)?,
        lifted_at: row.time_opt(9)?,
    })
}
