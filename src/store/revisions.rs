//! What a violation was before it was corrected.

use std::collections::BTreeSet;

use sqlx::AnyConnection;
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
    /// Whether its evidence was kept.
    pub evidence_kept: bool,
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
        let kept = kept_evidence(&mut transaction, id).await?;
        revisions.push(ViolationRevision {
            revision: current.revision,
            withdrawn: current.withdrawn,
            revised_at: current.revised_at,
            reason: current.revision_reason.clone(),
            driver_licence: current.driver_licence.clone(),
            violation: current.violation.clone(),
            evidence_kept: false,
        });
        for revision in &mut revisions {
            revision.evidence_kept = kept.contains(&revision.revision);
        }
        Ok((current, revisions))
    }
}

impl Store {
    /// A violation as that revision of it stands or stood; `None` where there is no such revision.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown violation.
    pub async fn violation_as_of(
        &self,
        id: &str,
        revision: u32,
    ) -> Result<Option<StoredViolation>, StoreError> {
        let (current, revisions) = self.violation_revisions(id).await?;
        let found = revisions
            .into_iter()
            .find(|found| found.revision == revision);
        Ok(found.map(|found| current.as_it_was(found)))
    }
}

impl StoredViolation {
    /// The violation at one of its revisions, with what was done about it until now.
    #[must_use]
    pub fn as_it_was(&self, revision: ViolationRevision) -> Self {
        Self {
            revision: revision.revision,
            withdrawn: revision.withdrawn,
            revised_at: revision.revised_at,
            revision_reason: revision.reason,
            driver_licence: revision.driver_licence,
            violation: revision.violation,
            ..self.clone()
        }
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
        evidence_kept: false,
    })
}

/// The revisions whose evidence was kept, and has not been overtaken by their growth.
async fn kept_evidence(
    connection: &mut AnyConnection,
    violation_id: &str,
) -> Result<BTreeSet<u32>, StoreError> {
    let rows = Select::new("SELECT e.revision FROM violation_evidence e WHERE")
        .with("e.violation_id = {}", violation_id)
        .plain(
            "AND NOT EXISTS (SELECT 1 FROM violations v WHERE v.id = e.violation_id
                AND v.revision = e.revision AND v.evidence_due IS NOT NULL)",
        )
        .fetch(connection)
        .await?;
    rows.iter().map(|row| row.number(0, "revision")).collect()
}
