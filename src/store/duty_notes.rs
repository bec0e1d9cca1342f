//! Changes of the reasons for which enterprises fail their duty, in the change log.

use serde_json::json;

use super::changes::{self, ChangeKind, NewChange};
use super::engine::map_error;
use super::{Store, StoreError};
use crate::model::Timestamp;

/// The rules that an enterprise fails now, where they are not those that it failed before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DutyNote {
    /// The enterprise.
    pub enterprise_id: String,
    /// Rules that it fails now; empty when it does its duty again.
    pub reasons: Vec<String>,
    /// Rules that it did not fail before.
    pub added: Vec<String>,
    /// Rules that it does not fail any more.
    pub lifted: Vec<String>,
}

impl Store {
    /// Writes what changed to the change log; the place of the last entry.
    ///
    /// # Errors
    /// As the database says.
    pub async fn note_duty_changes(
        &self,
        at: Timestamp,
        notes: &[DutyNote],
    ) -> Result<i64, StoreError> {
        let log: Vec<_> = notes
            .iter()
            .map(|note| NewChange {
                at,
                kind: ChangeKind::Duty,
                key: note.enterprise_id.clone(),
                body: json!({
                    "type": "reasons", "enterprise_id": note.enterprise_id, "reasons": note.reasons,
                    "added": note.added, "lifted": note.lifted, "noticed_at": at.millis(),
                })
                .to_string(),
            })
            .collect();
        let mut transaction = self.database().begin_write().await?;
        changes::append(&mut transaction, &log).await?;
        transaction.commit().await.map_err(map_error)?;
        self.last_change().await
    }
}
