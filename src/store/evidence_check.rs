//! Checks of kept evidence: against its hash, and against what is left of the track.

use super::evidence::{Evidence, sha256};
use super::rows::Columns as _;
use super::statement::Select;
use super::{Store, StoreError};
use crate::model::{Span, Timestamp};

impl Store {
    /// Compares kept evidence with its hash and, as far as the track is still there, with the track: how much
    /// was looked at, and what does not hold, by identifier and revision.
    ///
    /// # Errors
    /// As the database says.
    pub async fn check_evidence(&self) -> Result<(u64, Vec<(String, String)>), StoreError> {
        const BATCH: i64 = 500;
        let (mut checked, mut wrong) = (0, Vec::new());
        let mut after = (String::new(), 0);
        loop {
            let rows = Select::new("SELECT violation_id, revision FROM violation_evidence WHERE")
                .with("(violation_id, revision) > ({},", after.0.as_str())
                .with("{})", after.1)
                .with("ORDER BY violation_id, revision LIMIT {}", BATCH)
                .fetch(self.read())
                .await?;
            let Some(last) = rows.last() else {
                return Ok((checked, wrong));
            };
            after = (last.text(0)?, last.int(1)?);
            for row in &rows {
                checked += 1;
                let (id, revision) = (row.text(0)?, row.number(1, "revision")?);
                if let Some(problem) = self.check_revision(&id, revision).await? {
                    wrong.push((id, problem));
                }
            }
        }
    }

    async fn check_revision(&self, id: &str, revision: u32) -> Result<Option<String>, StoreError> {
        let Some(stored) = self.violation_as_of(id, revision).await? else {
            return Ok(Some(format!(
                "revision {revision}: there is no such revision"
            )));
        };
        let kept = match self.kept_evidence(&stored).await {
            Ok(Some(kept)) => kept,
            Ok(None) => return Ok(None),
            Err(error @ StoreError::Broken { .. }) => {
                return Ok(Some(format!("the kept fixes cannot be read: {error}")));
            }
            Err(error) => return Err(error),
        };
        if sha256(&kept.canonical(&stored)?) != kept.hash {
            return Ok(Some(format!(
                "revision {}: the hash does not fit",
                kept.revision
            )));
        }
        let track = self.track(stored.violation.vehicle, kept.from, kept.to);
        let mut track = match track.await {
            // Another check names the file; the copy outlives it.
            Err(StoreError::ArchiveDamaged { .. }) => return Ok(None),
            track => track?,
        };
        track.retain(|fix| fix.received <= kept.made_at);
        if track.is_empty() && !kept.fixes.is_empty() {
            // The track has gone, as it may; the copy is the evidence.
            return Ok(None);
        }
        let rest_agrees = kept.agrees(&track);
        let again = Evidence::new(&stored, kept.made_at, track)?;
        // At the border of the retention, or of a hold, a part of the track has gone.
        let holds = again.hash == kept.hash
            || (rest_agrees && self.purged_near(kept.from, kept.to).await?);
        Ok((!holds).then(|| format!("revision {}: the track says otherwise", kept.revision)))
    }

    /// Whether anything of the local days that a period may touch, in any zone, was purged.
    async fn purged_near(&self, from: Timestamp, to: Timestamp) -> Result<bool, StoreError> {
        let day_ms = Span::from_hours(24).millis();
        let rows = Select::new("SELECT 1 FROM track_purges WHERE fixes > 0")
            .with("AND day >= {}", from.millis().div_euclid(day_ms) - 1)
            .with("AND day <= {}", to.millis().div_euclid(day_ms) + 1)
            .plain("LIMIT 1")
            .fetch(self.read())
            .await?;
        Ok(!rows.is_empty())
    }
}
