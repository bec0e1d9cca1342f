//! Terminals that the register does not know: refused, and written down.

use std::collections::BTreeMap;

use sqlx::any::AnyRow;

use super::engine::map_error;
use super::registry::each;
use super::rows::Columns as _;
use super::statement::{Bulk, Select};
use super::{Listed, Page, Store, StoreError};
use crate::model::{TerminalPhone, Timestamp};

/// Most unknown terminals kept; the ones seen longest ago leave.
pub const UNKNOWN_TERMINALS_MAX: u32 = 10_000;

/// One attempt of an unknown terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Number that it gave.
    pub phone: TerminalPhone,
    /// When.
    pub at: Timestamp,
    /// From where.
    pub address: String,
    /// Plate that it claimed, where it did.
    pub plate: Option<String>,
}

/// An unknown terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownTerminal {
    /// Number that it gives.
    pub phone: TerminalPhone,
    /// How often it came.
    pub sightings: u64,
    /// First attempt.
    pub first_seen_at: Timestamp,
    /// Last attempt.
    pub last_seen_at: Timestamp,
    /// Address of the last attempt.
    pub address: String,
    /// Plate claimed last, where one was.
    pub plate: Option<String>,
}

const UPSERT: Bulk = Bulk {
    head: "INSERT INTO unknown_terminals
           (phone, sightings, first_seen_at, last_seen_at, address, plate) VALUES ",
    row: "($1, $2, $3, $4, $5, $6)",
    width: 6,
    tail: " ON CONFLICT (phone) DO UPDATE SET
            sightings = unknown_terminals.sightings + excluded.sightings,
            last_seen_at = excluded.last_seen_at, address = excluded.address,
            plate = COALESCE(excluded.plate, unknown_terminals.plate)",
};

impl Store {
    /// Writes attempts down, in their order, in one transaction.
    ///
    /// # Errors
    /// As the database says.
    pub async fn record_unknown_terminals(&self, seen: &[Sighting]) -> Result<(), StoreError> {
        let mut rows: BTreeMap<&TerminalPhone, UnknownTerminal> = BTreeMap::new();
        for sighting in seen {
            let row = rows
                .entry(&sighting.phone)
                .or_insert_with(|| UnknownTerminal {
                    phone: sighting.phone.clone(),
                    sightings: 0,
                    first_seen_at: sighting.at,
                    last_seen_at: sighting.at,
                    address: String::new(),
                    plate: None,
                });
            row.sightings += 1;
            row.last_seen_at = sighting.at;
            row.address.clone_from(&sighting.address);
            if sighting.plate.is_some() {
                row.plate.clone_from(&sighting.plate);
            }
        }
        let rows: Vec<_> = rows.into_values().collect();
        let mut transaction = self.database().begin_write().await?;
        UPSERT
            .execute(&mut transaction, &rows, |values, row| {
                values
                    .add(row.phone.as_str())
                    .add(row.sightings.cast_signed())
                    .time(row.first_seen_at)
                    .time(row.last_seen_at)
                    .add(row.address.as_str())
                    .add(row.plate.clone());
            })
            .await?;
        sqlx::query(
            "DELETE FROM unknown_terminals WHERE phone IN (
                SELECT phone FROM unknown_terminals
                ORDER BY last_seen_at DESC, phone DESC LIMIT $1 OFFSET $2)",
        )
        // What one call adds is all that can be too many.
        .bind(i64::try_from(rows.len()).unwrap_or(i64::MAX))
        .bind(i64::from(UNKNOWN_TERMINALS_MAX))
        .execute(&mut *transaction)
        .await
        .map_err(map_error)?;
        transaction.commit().await.map_err(map_error)
    }

    /// Unknown terminals, the last seen first; the cursor is last attempt and phone number.
    ///
    /// # Errors
    /// As the database says.
    pub async fn list_unknown_terminals(
        &self,
        page: &Page<(Timestamp, String)>,
    ) -> Result<Listed<UnknownTerminal, (Timestamp, String)>, StoreError> {
        let mut select = Select::new(
            "SELECT phone, sightings, first_seen_at, last_seen_at, address, plate
             FROM unknown_terminals",
        );
        if let Some((at, phone)) = &page.after {
            select = select
                .with("WHERE (last_seen_at, phone) < ({},", at.millis())
                .with("{})", phone.as_str());
        }
        let rows = select
            .with(
                "ORDER BY last_seen_at DESC, phone DESC LIMIT {}",
                page.rows_and_one(),
            )
            .fetch(self.read())
            .await?;
        let items = each(&rows, unknown)?;
        Ok(Listed::cut(items, page, |item| {
            (item.last_seen_at, item.phone.as_str().to_owned())
        }))
    }
}

fn unknown(row: &AnyRow) -> Result<UnknownTerminal, StoreError> {
    let phone = TerminalPhone::new(&row.text(0)?).ok_or(StoreError::damaged("terminal phone"))?;
    Ok(UnknownTerminal {
        phone,
        sightings: row.number(1, "sightings")?,
        first_seen_at: row.time(2)?,
        last_seen_at: row.time(3)?,
        address: row.text(4)?,
        plate: row.text_opt(5)?,
    })
}
