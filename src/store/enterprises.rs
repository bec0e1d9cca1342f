//! Enterprises as lists show them.

use sqlx::any::AnyRow;

use super::registry::{each, enterprise};
use super::rows::Columns as _;
use super::statement::Select;
use super::violations::like_prefix;
use super::{Listed, Page, Store, StoreError};
use crate::model::Region;
use crate::model::fleet::{Enterprise, EnterpriseKind};

/// An enterprise with the size of its register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnterpriseRow {
    /// The register.
    pub enterprise: Enterprise,
    /// Vehicles.
    pub vehicles: u32,
    /// Monitors, trained or not.
    pub monitors: u32,
}

/// Which enterprises are wanted; what is `None` does not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnterpriseFilter {
    /// In this region.
    pub region: Option<Region>,
    /// Of this kind.
    pub kind: Option<EnterpriseKind>,
}

const ENTERPRISES: &str = "SELECT e.id, e.name, e.credit_code, e.region, e.kind,
        (SELECT COUNT(*) FROM vehicles v WHERE v.enterprise_id = e.id),
        (SELECT COUNT(*) FROM monitors m WHERE m.enterprise_id = e.id)
    FROM enterprises e
    WHERE";

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
        let items = each(&rows, enterprise_row)?;
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
        each(&rows, enterprise_row)?
            .pop()
            .ok_or(StoreError::NotFound)
    }
}

fn enterprise_row(row: &AnyRow) -> Result<EnterpriseRow, StoreError> {
    Ok(EnterpriseRow {
        enterprise: enterprise(row, 0)?,
        vehicles: row.number(5, "count of vehicles")?,
        monitors: row.number(6, "count of monitors")?,
    })
}
