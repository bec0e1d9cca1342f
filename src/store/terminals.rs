//! Terminals that hold an authentication code of ours.

use std::collections::BTreeMap;

use sqlx::any::AnyRow;

use super::engine::map_error;
use super::registry::each;
use super::rows::Columns as _;
use super::statement::{Bulk, Select};
use super::{Listed, Page, Store, StoreError};
use crate::model::{TerminalPhone, Timestamp};

/// What a terminal said when it registered (0x0100).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registration {
    /// Province code.
    pub province: u16,
    /// County code.
    pub county: u16,
    /// Manufacturer.
    pub manufacturer: String,
    /// Model.
    pub model: String,
    /// The manufacturer's number of the device.
    pub device: String,
    /// Plate that it claims, as sent.
    pub plate: String,
}

/// A registered terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredTerminal {
    /// Its phone number.
    pub phone: TerminalPhone,
    /// SHA-256 of its authentication code.
    pub code_hash: Vec<u8>,
    /// When it registered.
    pub registered_at: Timestamp,
    /// What it said.
    pub registration: Registration,
}

const UPSERT: Bulk = Bulk {
    head: "INSERT INTO terminals (phone, code_hash, registered_at, province, county,
                                  manufacturer, model, device, plate) VALUES ",
    row: "($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    width: 9,
    tail: " ON CONFLICT (phone) DO UPDATE SET code_hash = excluded.code_hash,
            registered_at = excluded.registered_at, province = excluded.province,
            county = excluded.county, manufacturer = excluded.manufacturer,
            model = excluded.model, device = excluded.device, plate = excluded.plate",
};

impl Store {
    /// Saves the codes of terminals in one transaction, replacing older ones; of two for one terminal the last.
    ///
    /// # Errors
    /// As the database says.
    pub async fn save_terminals(&self, terminals: &[RegisteredTerminal]) -> Result<(), StoreError> {
        let last: BTreeMap<&TerminalPhone, &RegisteredTerminal> = terminals
            .iter()
            .map(|terminal| (&terminal.phone, terminal))
            .collect();
        let rows: Vec<_> = last.into_values().collect();
        let mut transaction = self.database().begin_write().await?;
        UPSERT
            .execute(&mut transaction, &rows, |values, terminal| {
                values
                    .add(terminal.phone.as_str())
                    .add(terminal.code_hash.as_slice())
                    .time(terminal.registered_at)
                    .add(i64::from(terminal.registration.province))
                    .add(i64::from(terminal.registration.county))
                    .add(terminal.registration.manufacturer.as_str())
                    .add(terminal.registration.model.as_str())
                    .add(terminal.registration.device.as_str())
                    .add(terminal.registration.plate.as_str());
            })
            .await?;
        transaction.commit().await.map_err(map_error)
    }

    /// The terminal with that number, where it is registered.
    ///
    /// # Errors
    /// As the database says.
    pub async fn terminal(
        &self,
        phone: &TerminalPhone,
    ) -> Result<Option<RegisteredTerminal>, StoreError> {
        let rows = Select::new(TERMINALS)
            .with("WHERE phone = {}", phone.as_str())
            .fetch(self.read())
            .await?;
        Ok(each(&rows, terminal)?.pop())
    }

    /// Forgets the code of a terminal; whether it had one.
    ///
    /// # Errors
    /// As the database says.
    pub async fn delete_terminal(&self, phone: &TerminalPhone) -> Result<bool, StoreError> {
        sqlx::query("DELETE FROM terminals WHERE phone = $1")
            .bind(phone.as_str())
            .execute(self.write())
            .await
            .map(|done| done.rows_affected() > 0)
            .map_err(map_error)
    }

    /// Registered terminals by phone number.
    ///
    /// # Errors
    /// As the database says.
    pub async fn list_terminals(
        &self,
        page: &Page<String>,
    ) -> Result<Listed<RegisteredTerminal, String>, StoreError> {
        let rows = Select::new(TERMINALS)
            .with_some("WHERE phone > {}", page.after.as_deref())
            .with("ORDER BY phone LIMIT {}", page.rows_and_one())
            .fetch(self.read())
            .await?;
        let items = each(&rows, terminal)?;
        Ok(Listed::cut(items, page, |item| {
            item.phone.as_str().to_owned()
        }))
    }
}

const TERMINALS: &str = "SELECT phone, code_hash, registered_at, province, county, manufacturer,
                                model, device, plate
                         FROM terminals";

fn terminal(row: &AnyRow) -> Result<RegisteredTerminal, StoreError> {
    let phone = TerminalPhone::new(&row.text(0)?).ok_or(StoreError::damaged("terminal phone"))?;
    Ok(RegisteredTerminal {
        phone,
        code_hash: row.bytes(1)?.to_vec(),
        registered_at: row.time(2)?,
        registration: Registration {
            province: row.number(3, "province")?,
            county: row.number(4, "county")?,
            manufacturer: row.text(5)?,
            model: row.text(6)?,
            device: row.text(7)?,
            plate: row.text(8)?,
        },
    })
}
