//! Driver cards put into and taken out of terminals.

use sqlx::any::AnyRow;

use super::engine::map_error;
use super::registry::each;
use super::rows::Columns as _;
use super::statement::Select;
use super::{Store, StoreError};
use crate::model::{DriverId, Timestamp, VehicleId};

/// A card event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriverCard {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// Time that the terminal gave.
    pub at: Timestamp,
    /// When we got it.
    pub received: Timestamp,
    /// Who drives from then on; `None` when the card came out or could not be read.
    pub driver: Option<DriverId>,
}

impl Store {
    /// Saves a card event; the same event again changes nothing.
    ///
    /// # Errors
    /// As the database says.
    pub async fn save_driver_card(&self, card: &DriverCard) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO driver_cards (vehicle_id, at, received_at, driver_id)
             VALUES ($1, $2, $3, $4) ON CONFLICT (vehicle_id, at) DO NOTHING",
        )
        .bind(i64::from(card.vehicle.0))
        .bind(card.at.millis())
        .bind(card.received.millis())
        .bind(card.driver.map(|driver| i64::from(driver.0)))
        .execute(self.write())
        .await
        .map(drop)
        .map_err(map_error)
    }

    /// The last two card events of a vehicle, the older first.
    ///
    /// # Errors
    /// As the database says.
    pub async fn last_driver_cards(
        &self,
        vehicle: VehicleId,
    ) -> Result<Vec<DriverCard>, StoreError> {
        let rows =
            Select::new("SELECT vehicle_id, at, received_at, driver_id FROM driver_cards WHERE")
                .with("vehicle_id = {}", i64::from(vehicle.0))
                .plain("ORDER BY at DESC LIMIT 2")
                .fetch(self.read())
                .await?;
        let mut cards = each(&rows, card)?;
        cards.reverse();
        Ok(cards)
    }
}

fn card(row: &AnyRow) -> Result<DriverCard, StoreError> {
    Ok(DriverCard {
        vehicle: VehicleId(row.number(0, "vehicle number")?),
        at: row.time(1)?,
        received: row.time(2)?,
        driver: row.number_opt(3, "driver number")?.map(DriverId),
    })
}
