//! Enterprises as lists show them.

use sqlx::any::AnyRow;

use super::registry::{each, enterprise};
use super::rows::Columns as _;
use super::statement::Select;
use super::violations::like_prefix;
use super::{Listed, Page, Store, StoreError};
use crate::model::fleet::{Enterprise, EnterpriseKind};
use crate::model::{Datum, Region, Timestamp};

/// An enterprise with the size of its register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnterpriseRow {
    /// The register.
    pub enterprise: Enterprise,
    /// Vehicles.
    pub vehicles: u32,
    /// Monitors, trained or not.
    pub monitors: u32,
    /// Its vehicles whose places look as if they were of another datum than declared.
    pub datum_suspects: Vec<DatumSuspects>,
}

/// Vehicles of one enterprise whose places look as if they were of one datum, which is not the declared one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatumSuspects {
    /// The datum.
    pub datum: Datum,
    /// How many they are.
    pub vehicles: u32,
    /// Fix time at which the first of them was found.
    pub since: Timestamp,
}

/// Which enterprises are wanted; what is `None` does not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnterpriseFilter {
    /// In this region.
    pub region: Option<Region>,
    /// Of this kind.
    pub kind: Option<EnterpriseKind>,
}

const ENTERPRISES: &str = "SELECT e.id, e.name, e.credit_code, e.region, e.kind, e.datum,
        (SELECT COUNT(*) FROM vehicles v WHERE v.enterprise_id = e.id),
        (SELECT COUNT(*) FROM monitors m WHERE m.enterprise_id = e.id)
    FROM enterprises e
    WHERE";

const SUSPECTS: &str = "SELECT v.enterprise_id, l.datum_found, COUNT(*), MIN(l.datum_found_from)
    FROM vehicle_live l JOIN vehicles v ON v.id = l.vehicle_id
    WHERE l.datum_found IS NOT NULL";

impl Store {
    /// Enterprises by identifier; the cursor is the identifier.
    ///
    /// # Errors
    /// As the database says.
    pub async fn list_enterprises(
        &self,
        filter: &EnterpriseFilter,
        page: &Page<String>,
    ) -> Result<Listed<EnterpriseRow, String>, StoreError> {
        let region = filter.region.as_ref().map(like_prefix);
        let rows = Select::new(ENTERPRISES)
            .with("e.id > {}", page.after.as_deref().unwrap_or(""))
            .with_some("AND e.region LIKE {}", region)
            .with_some("AND e.kind = {}", filter.kind.map(EnterpriseKind::name))
            .with("ORDER BY e.id LIMIT {}", page.rows_and_one())
            .fetch(self.read())
            .await?;
        let mut items = each(&rows, enterprise_row)?;
        self.find_suspects(&mut items).await?;
        Ok(Listed::cut(items, page, |item| item.enterprise.id.clone()))
    }

    /// The enterprise with that identifier.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn enterprise(&self, id: &str) -> Result<EnterpriseRow, StoreError> {
        let rows = Select::new(ENTERPRISES)
            .with("e.id = {}", id)
            .fetch(self.read())
            .await?;
        let mut items = each(&rows, enterprise_row)?;
        self.find_suspects(&mut items).await?;
        items.pop().ok_or(StoreError::NotFound)
    }

    /// Adds the suspects to enterprises that are in order of their identifiers.
    async fn find_suspects(&self, items: &mut [EnterpriseRow]) -> Result<(), StoreError> {
        let ([first, ..], [.., last]) = (&*items, &*items) else {
            return Ok(());
        };
        let rows = Select::new(SUSPECTS)
            .with("AND v.enterprise_id >= {}", first.enterprise.id.as_str())
            .with("AND v.enterprise_id <= {}", last.enterprise.id.as_str())
            .plain("GROUP BY v.enterprise_id, l.datum_found ORDER BY l.datum_found")
            .fetch(self.read())
            .await?;
        for row in &rows {
            let id = row.text(0)?;
            if let Some(item) = items.iter_mut().find(|item| item.enterprise.id == id) {
                item.datum_suspects.push(DatumSuspects {
                    datum: row.name(1, "datum")?,
                    vehicles: row.number(2, "count of vehicles")?,
                    since: row.time(3)?,
                });
            }
        }
        Ok(())
    }
}

fn enterprise_row(row: &AnyRow) -> Result<EnterpriseRow, StoreError> {
    Ok(EnterpriseRow {
        enterprise: enterprise(row, 0)?,
        vehicles: row.number(6, "count of vehicles")?,
        monitors: row.number(7, "count of monitors")?,
        datum_suspects: Vec::new(),
    })
}
