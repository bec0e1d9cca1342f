//! Driver cards put into and taken out of terminals.

use sqlx::any::AnyRow;

use super::engine::map_error;
use super::registry::each;
use super::rejudge;
use super::rows::Columns as _;
use super::statement::Select;
use super::{Store, StoreError};
use crate::model::{DriverId, Span, Timestamp, VehicleId};

/// A card event that is told so long after its time is late, whatever came meanwhile.
const LATE_AFTER: Span = Span::from_minutes(1);
/// Card events of one vehicle that are read at once; a card changes some ten times a day.
const CARDS_MAX: i64 = 100_000;

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
    /// Whether a card event tells something of its vehicle and time that is not stored: of several events of one
    /// time one order says which stands, whatever came first. The card that came out yields to one that went in,
    /// and of those the greater licence stands.
    ///
    /// # Errors
    /// As the database says.
    pub async fn is_driver_card_news(&self, card: &DriverCard) -> Result<bool, StoreError> {
        let standing = select_standing(card).fetch(self.read()).await?;
        let licence = select_licence(card).fetch(self.read()).await?;
        is_news(&standing, &licence)
    }

    /// Saves a card event; one that is no news ([`Store::is_driver_card_news`]) changes nothing.
    ///
    /// When it is told late, so that fixes of its time may have been judged without it, its vehicle is
    /// put down for judging again. `newest` is the newest fix time that the teller knows of.
    ///
    /// # Errors
    /// As the database says.
    pub async fn save_driver_card(
        &self,
        card: &DriverCard,
        newest: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database().begin_write().await?;
        let connection = &mut *transaction;
        let standing = select_standing(card).fetch(&mut *connection).await?;
        let licence = select_licence(card).fetch(&mut *connection).await?;
        if !is_news(&standing, &licence)? {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO driver_cards (vehicle_id, at, received_at, driver_id)
             VALUES ($1, $2, $3, $4) ON CONFLICT (vehicle_id, at)
             DO UPDATE SET received_at = excluded.received_at, driver_id = excluded.driver_id",
        )
        .bind(i64::from(card.vehicle.0))
        .bind(card.at.millis())
        .bind(card.received.millis())
        .bind(card.driver.map(|driver| i64::from(driver.0)))
        .execute(&mut *connection)
        .await
        .map_err(map_error)?;
        let stored = Select::new("SELECT fix_at FROM vehicle_live WHERE")
            .with("vehicle_id = {}", i64::from(card.vehicle.0))
            .fetch(&mut *connection)
            .await?;
        let stored = stored.first().map(|row| row.time(0)).transpose()?;
        let overtaken = newest.max(stored).is_some_and(|newest| newest >= card.at);
        let late = overtaken || card.received.since(card.at) > LATE_AFTER;
        if late {
            rejudge::enqueue_card(connection, card).await?;
        }
        transaction.commit().await.map_err(map_error)
    }

    /// The card events of a vehicle from a moment on, and the one before it, the oldest first.
    ///
    /// # Errors
    /// As the database says.
    pub async fn driver_cards(
        &self,
        vehicle: VehicleId,
        from: Timestamp,
    ) -> Result<Vec<DriverCard>, StoreError> {
        let rows =
            Select::new("SELECT vehicle_id, at, received_at, driver_id FROM driver_cards WHERE")
                .with("vehicle_id = {}", i64::from(vehicle.0))
                .plain("AND at >= COALESCE((SELECT MAX(at) FROM driver_cards WHERE")
                .with("vehicle_id = {}", i64::from(vehicle.0))
                .with("AND at <= {}), 0)", from.millis())
                .with("ORDER BY at LIMIT {}", CARDS_MAX)
                .fetch(self.read())
                .await?;
        each(&rows, card)
    }

    /// Vehicles of which any card event is stored.
    ///
    /// # Errors
    /// As the database says.
    pub async fn vehicles_with_cards(&self) -> Result<Vec<VehicleId>, StoreError> {
        let rows = Select::new(
            "SELECT v.id FROM vehicles v
             WHERE EXISTS (SELECT 1 FROM driver_cards c WHERE c.vehicle_id = v.id)",
        )
        .fetch(self.read())
        .await?;
        let number = |row: &AnyRow| row.number(0, "vehicle number").map(VehicleId);
        each(&rows, number)
    }

    /// The last card events of a vehicle, at most `limit`, the oldest first.
    ///
    /// # Errors
    /// As the database says.
    pub async fn last_driver_cards(
        &self,
        vehicle: VehicleId,
        limit: usize,
    ) -> Result<Vec<DriverCard>, StoreError> {
        let rows =
            Select::new("SELECT vehicle_id, at, received_at, driver_id FROM driver_cards WHERE")
                .with("vehicle_id = {}", i64::from(vehicle.0))
                .with(
                    "ORDER BY at DESC LIMIT {}",
                    i64::try_from(limit).unwrap_or(CARDS_MAX),
                )
                .fetch(self.read())
                .await?;
        let mut cards = each(&rows, card)?;
        cards.reverse();
        Ok(cards)
    }
}

/// The licence that stands at the time of a card event.
fn select_standing(card: &DriverCard) -> Select {
    Select::new(
        "SELECT d.licence FROM driver_cards c LEFT JOIN drivers d ON d.id = c.driver_id WHERE",
    )
    .with("c.vehicle_id = {}", i64::from(card.vehicle.0))
    .with("AND c.at = {}", card.at.millis())
}

/// The licence of a card event.
fn select_licence(card: &DriverCard) -> Select {
    // Numbers are never negative: nobody has this one.
    let driver = card.driver.map_or(-1, |driver| i64::from(driver.0));
    Select::new("SELECT licence FROM drivers WHERE").with("id = {}", driver)
}

/// Compared here and not by the database, of which each has its own order of texts.
fn is_news(standing: &[AnyRow], licence: &[AnyRow]) -> Result<bool, StoreError> {
    let licence = licence.first().map(|row| row.text(0)).transpose()?;
    match standing.first() {
        Some(row) => Ok(licence > row.text_opt(0)?),
        None => Ok(true),
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
