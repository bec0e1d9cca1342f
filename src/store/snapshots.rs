//! What a restart reads: the saved states of vehicles and how far the journal is used.

use sqlx::any::AnyRow;

use super::counters::Counter;
use super::engine::map_error;
use super::registry::each;
use super::rows::Columns as _;
use super::statement::Select;
use super::{Listed, Page, Store, StoreError, VehicleDay};
use crate::model::VehicleId;
use crate::model::duty::MinuteSet;

/// The saved state of a vehicle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedVehicle {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// Journal records up to this one are in it.
    pub journal_sequence: u64,
    /// Saved detectors; opaque here.
    pub state: Vec<u8>,
    /// Fixes not in a chunk yet, as a run of `track`.
    pub tail: Vec<u8>,
}

impl Store {
    /// Saved states by vehicle number, a page at a time; the cursor is the vehicle.
    ///
    /// # Errors
    /// As the database says.
    pub async fn load_vehicle_states(
        &self,
        page: &Page<VehicleId>,
    ) -> Result<Listed<SavedVehicle, VehicleId>, StoreError> {
        let rows = Select::new(
            "SELECT vehicle_id, journal_sequence, state, tail FROM vehicle_states WHERE",
        )
        .with(
            "vehicle_id > {}",
            page.after.map_or(-1, |vehicle| i64::from(vehicle.0)),
        )
        .with("ORDER BY vehicle_id LIMIT {}", page.rows_and_one())
        .fetch(self.read())
        .await?;
        let items = each(&rows, saved)?;
        Ok(Listed::cut(items, page, |item| item.vehicle))
    }

    /// Days of vehicles from local day `day` on, a page at a time, by vehicle and day; a restart
    /// goes on counting from them.
    ///
    /// # Errors
    /// As the database says.
    pub async fn load_vehicle_days(
        &self,
        day: i64,
        page: &Page<(VehicleId, i64)>,
    ) -> Result<Listed<VehicleDay, (VehicleId, i64)>, StoreError> {
        let (vehicle, after) = page
            .after
            .map_or((-1, 0), |(vehicle, day)| (i64::from(vehicle.0), day));
        let rows = Select::new(
            "SELECT vehicle_id, day, fixes, qualified, duplicates, first_at, last_at, online,
                    driving
             FROM vehicle_days WHERE",
        )
        .with("day >= {}", day)
        .with("AND (vehicle_id, day) > ({},", vehicle)
        .with("{})", after)
        .with("ORDER BY vehicle_id, day LIMIT {}", page.rows_and_one())
        .fetch(self.read())
        .await?;
        let items = each(&rows, vehicle_day)?;
        Ok(Listed::cut(items, page, |item| (item.vehicle, item.day)))
    }

    /// Journal records up to this one are in everything derived; 0 at the beginning.
    ///
    /// # Errors
    /// As the database says.
    pub async fn journal_position(&self) -> Result<u64, StoreError> {
        let value = Counter::JournalPosition.value(self.read()).await?;
        super::rows::narrow(value, "journal position")
    }

    /// The highest journal sequence that anything derived has seen; 0 at the beginning.
    pub(crate) async fn highest_journal_sequence(&self) -> Result<i64, StoreError> {
        let seen: Option<i64> =
            sqlx::query_scalar("SELECT MAX(journal_sequence) FROM vehicle_states")
                .fetch_one(self.read())
                .await
                .map_err(map_error)?;
        let position = Counter::JournalPosition.value(self.read()).await?;
        Ok(seen.unwrap_or(0).max(position))
    }
}

fn saved(row: &AnyRow) -> Result<SavedVehicle, StoreError> {
    Ok(SavedVehicle {
        vehicle: VehicleId(row.number(0, "vehicle number")?),
        journal_sequence: row.number(1, "journal sequence")?,
        state: row.bytes(2)?.to_vec(),
        tail: row.bytes(3)?.to_vec(),
    })
}

fn vehicle_day(row: &AnyRow) -> Result<VehicleDay, StoreError> {
    Ok(VehicleDay {
        vehicle: VehicleId(row.number(0, "vehicle number")?),
        day: row.int(1)?,
        fixes: row.number(2, "count of fixes")?,
        qualified: row.number(3, "count of fixes")?,
        duplicates: row.number(4, "count of fixes")?,
        first: row.time(5)?,
        last: row.time(6)?,
        online: MinuteSet::from_bytes(row.bytes(7)?),
        driving: MinuteSet::from_bytes(row.cell::<Option<&[u8]>>(8)?.unwrap_or_default()),
    })
}
