//! What a violation was before it was corrected.

use sqlx::any::AnyRow;

use super::registry::each;
use super::rows::Columns as _;
use super::statement::Select;
use super::{Store, StoreError, StoredViolation, violation_body};
use crate::model::{Timestamp, Violation};

/// Most superseded revisions that are told of one violation, the newest of them.
const REVISIONS_MAX: i64 = 1000;

/// One revision of a violation.
#[derive(Clone, Debug, PartialEq)]
pub struct ViolationRevision {
    /// Its number, from 1.
    pub revision: u32,
    /// It took the violation back.
    pub withdrawn: bool,
    /// When it was made.
    pub revised_at: Timestamp,
    /// Why; `None` where the violation was found while its data came in order.
    pub reason: Option<String>,
    /// Licence of the driver, where known.
    pub driver_licence: Option<String>,
    /// The violation as this revision left it.
    pub violation: Violation,
}

impl Store {
    /// Every revision of a violation, the first one first; the last one is what holds.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn violation_revisions(
        &self,
        id: &str,
    ) -> Result<(StoredViolation, Vec<ViolationRevision>), StoreError> {
        let mut transaction = self.database().begin_read().await?;
        let current = super::violations::by_id(&mut *transaction, id).await?;
        let rows = Select::new(
            "SELECT revision, withdrawn, revised_at, reason, body FROM violation_revisions WHERE",
        )
        .with("violation_id = {}", id)
        .with("ORDER BY revision DESC LIMIT {}", REVISIONS_MAX)
        .fetch(&mut *transaction)
        .await?;
        let mut revisions = each(&rows, revision)?;
        revisions.reverse();
        for revision in &mut revisions {
            let Some(driver) = revision.violation.driver else {
                continue;
            };
            let rows = Select::new("SELECT licence FROM drivers WHERE")
                .with("id = {}", i64::from(driver.0))
                .fetch(&mut *transaction)
                .await?;
            revision.driver_licence = rows.first().map(|row| row.text(0)).transpose()?;
        }
        revisions.push(ViolationRevision {
            revision: current.revision,
            withdrawn: current.withdrawn,
            revised_at: current.revised_at,
            reason: current.revision_reason.clone(),
            driver_licence: current.driver_licence.clone(),
            violation: current.violation.clone(),
        });
        Ok((current, revisions))
    }
}

fn revision(row: &AnyRow) -> Result<ViolationRevision, StoreError> {
    Ok(ViolationRevision {
        revision: row.number(0, "revision")?,
        withdrawn: row.flag(1)?,
        revised_at: row.time(2)?,
        reason: row.text_opt(3)?,
        driver_licence: None,
        violation: violation_body::from_text(row.cell(4)?)?,
    })
}
