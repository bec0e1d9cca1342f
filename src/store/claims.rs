//! Appeals and claims of false alarm, and the reviews that decide them.
//!
//! Both say that a violation was none; either counts only once a second person has approved it. A newer claim
//! of false alarm takes the place of one that waits; of appeals one waits at a time.

use serde_json::json;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::engine::map_error;
use super::handling::{self, Refusal};
use super::registry::each;
use super::rows::Columns as _;
use super::statement::Select;
use super::{Store, StoreError};
use crate::model::Timestamp;
use crate::model::vehicle::named_enum;

named_enum! {
    /// Where the last appeal against a violation stands.
    AppealStatus {
        /// Nobody has decided yet.
        Waiting = "waiting",
        /// It was right: the violation does not count.
        Approved = "approved",
        /// It was not.
        Rejected = "rejected",
    }
}

named_enum! {
    /// What a review decided.
    Decision {
        /// It was none: the violation does not count.
        Approved = "approved",
        /// It was one.
        Rejected = "rejected",
    }
}

named_enum! {
    /// What a review is of.
    ClaimKind {
        /// A handling with the result `false_alarm`.
        Handling = "handling",
        /// An appeal.
        Appeal = "appeal",
    }
}

/// Somebody contests a violation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appeal {
    /// Identifier, given by the caller.
    pub id: String,
    /// What it is against.
    pub violation_id: String,
    /// Why.
    pub grounds: String,
    /// Who contests it.
    pub appellant: String,
    /// Reference to a document.
    pub evidence: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// A second person's decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Identifier, given by the caller.
    pub id: String,
    /// What it is about.
    pub violation_id: String,
    /// The decision.
    pub decision: Decision,
    /// Note.
    pub note: String,
    /// Who decided.
    pub author: String,
    /// When.
    pub at: Timestamp,
}

/// What a review has decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Of which kind it is.
    pub kind: ClaimKind,
    /// Identifier of the handling or of the appeal.
    pub id: String,
}

/// A claim that nobody has decided.
struct OpenClaim {
    claim: Claim,
    author: String,
}

impl Store {
    /// Records an appeal; it waits for a review.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown violation; [`StoreError::Refused`] for one that is withdrawn, has
    /// an appeal that waits, or does not count any more.
    pub async fn insert_appeal(&self, appeal: &Appeal) -> Result<(), StoreError> {
        let mut transaction = self.database().begin_write().await?;
        let standing = handling::lock(&mut transaction, &appeal.violation_id).await?;
        if standing.withdrawn {
            return Err(Refusal::Withdrawn.into());
        }
        if standing.false_alarm_approved {
            return Err(Refusal::Approved.into());
        }
        if standing.appeal_status == Some(AppealStatus::Waiting) {
            return Err(Refusal::AppealWaits.into());
        }
        sqlx::query("UPDATE violations SET appealed_at = $1, appeal_status = $2 WHERE id = $3")
            .bind(appeal.at.millis())
            .bind(AppealStatus::Waiting.name())
            .bind(appeal.violation_id.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(map_error)?;
        sqlx::query(
            "INSERT INTO violation_appeals (id, violation_id, grounds, appellant, evidence, at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(appeal.id.as_str())
        .bind(appeal.violation_id.as_str())
        .bind(appeal.grounds.as_str())
        .bind(appeal.appellant.as_str())
        .bind(appeal.evidence.as_deref())
        .bind(appeal.at.millis())
        .execute(&mut *transaction)
        .await
        .map_err(map_error)?;
        let body = json!({
            "type": "appeal", "id": appeal.id, "violation_id": appeal.violation_id,
            "grounds": appeal.grounds, "appellant": appeal.appellant,
            "evidence": appeal.evidence, "at": appeal.at.millis(),
        });
        handling::log(&mut transaction, &appeal.violation_id, appeal.at, &body).await?;
        transaction.commit().await.map_err(map_error)
    }

    /// Records a decision about the claim that waits: of the kind `of`, where that is given. It also ends what
    /// waits at a violation that was withdrawn meanwhile.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown violation; [`StoreError::Refused`] when nothing waits, when a
    /// claim and an appeal wait and `of` does not say which is meant, and for the author's own claim.
    pub async fn insert_review(
        &self,
        review: &Review,
        of: Option<ClaimKind>,
    ) -> Result<Claim, StoreError> {
        let mut transaction = self.database().begin_write().await?;
        handling::lock(&mut transaction, &review.violation_id).await?;
        let open = open_claims(&mut transaction, &review.violation_id).await?;
        let OpenClaim { claim, author } = meant(open, of)?;
        if author == review.author {
            return Err(Refusal::OwnClaim.into());
        }
        decide(&mut transaction, review, claim.kind).await?;
        let (handling_id, appeal_id) = match claim.kind {
            ClaimKind::Handling => (Some(claim.id.as_str()), None),
            ClaimKind::Appeal => (None, Some(claim.id.as_str())),
        };
        sqlx::query(
            "INSERT INTO violation_reviews (id, violation_id, handling_id, appeal_id, decision,
                                            note, author, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(review.id.as_str())
        .bind(review.violation_id.as_str())
        .bind(handling_id)
        .bind(appeal_id)
        .bind(review.decision.name())
        .bind(review.note.as_str())
        .bind(review.author.as_str())
        .bind(review.at.millis())
        .execute(&mut *transaction)
        .await
        .map_err(map_error)?;
        let body = json!({
            "type": "review", "id": review.id, "violation_id": review.violation_id,
            "of": claim.kind.name(), "of_id": claim.id, "decision": review.decision.name(),
            "note": review.note, "author": review.author, "at": review.at.millis(),
        });
        handling::log(&mut transaction, &review.violation_id, review.at, &body).await?;
        transaction.commit().await.map_err(map_error)?;
        Ok(claim)
    }
}

/// Writes into the row of the violation what a decision makes of it.
async fn decide(
    connection: &mut AnyConnection,
    review: &Review,
    kind: ClaimKind,
) -> Result<(), StoreError> {
    let approved = review.decision == Decision::Approved;
    let status = match (kind, review.decision) {
        (ClaimKind::Handling, _) => None,
        (ClaimKind::Appeal, Decision::Approved) => Some(AppealStatus::Approved),
        (ClaimKind::Appeal, Decision::Rejected) => Some(AppealStatus::Rejected),
    };
    sqlx::query(
        "UPDATE violations SET appeal_status = COALESCE($1, appeal_status),
            false_alarm_approved = CASE WHEN $2 = 1 THEN 1 ELSE false_alarm_approved END
         WHERE id = $3",
    )
    .bind(status.map(AppealStatus::name))
    .bind(i64::from(approved))
    .bind(review.violation_id.as_str())
    .execute(connection)
    .await
    .map(drop)
    .map_err(map_error)
}

/// The claim that a review means.
fn meant(open: Vec<OpenClaim>, of: Option<ClaimKind>) -> Result<OpenClaim, Refusal> {
    let mut meant = open
        .into_iter()
        .filter(|open| of.is_none_or(|kind| kind == open.claim.kind));
    let first = meant.next().ok_or(Refusal::NothingWaits)?;
    match meant.next() {
        Some(_) => Err(Refusal::TwoWait),
        None => Ok(first),
    }
}

/// What waits for a review: the last claim of false alarm and the last appeal, unless they are decided.
async fn open_claims(
    connection: &mut AnyConnection,
    violation_id: &str,
) -> Result<Vec<OpenClaim>, StoreError> {
    let mut open = Vec::new();
    for kind in [ClaimKind::Handling, ClaimKind::Appeal] {
        let last = match kind {
            ClaimKind::Handling => {
                "SELECT c.id, c.author,
                    (SELECT COUNT(*) FROM violation_reviews r WHERE r.handling_id = c.id)
                 FROM violation_handlings c WHERE c.result = 'false_alarm' AND"
            }
            ClaimKind::Appeal => {
                "SELECT c.id, c.appellant,
                    (SELECT COUNT(*) FROM violation_reviews r WHERE r.appeal_id = c.id)
                 FROM violation_appeals c WHERE"
            }
        };
        let rows = Select::new(last)
            .with("c.violation_id = {}", violation_id)
            .plain("ORDER BY c.at DESC, c.id DESC LIMIT 1")
            .fetch(&mut *connection)
            .await?;
        if let Some(row) = rows.first()
            && !row.flag(2)?
        {
            let id = row.text(0)?;
            open.push(OpenClaim {
                claim: Claim { kind, id },
                author: row.text(1)?,
            });
        }
    }
    Ok(open)
}

/// The appeals against a violation, in the order of time.
pub(super) async fn appeals_of(
    connection: &mut AnyConnection,
    violation_id: &str,
) -> Result<Vec<(Appeal, AppealStatus)>, StoreError> {
    let rows = Select::new(
        "SELECT a.id, a.violation_id, a.grounds, a.appellant, a.evidence, a.at, r.decision
         FROM violation_appeals a LEFT JOIN violation_reviews r ON r.appeal_id = a.id WHERE",
    )
    .with("a.violation_id = {}", violation_id)
    .with("ORDER BY a.at, a.id LIMIT {}", handling::RECORDS_MAX)
    .fetch(connection)
    .await?;
    each(&rows, appeal)
}

/// The reviews of what was claimed about a violation, in the order of time.
pub(super) async fn reviews_of(
    connection: &mut AnyConnection,
    violation_id: &str,
) -> Result<Vec<(Review, Claim)>, StoreError> {
    let rows = Select::new(
        "SELECT id, violation_id, decision, note, author, at, handling_id, appeal_id
         FROM violation_reviews",
    )
    .with("WHERE violation_id = {}", violation_id)
    .with("ORDER BY at, id LIMIT {}", handling::RECORDS_MAX)
    .fetch(connection)
    .await?;
    each(&rows, review)
}

fn appeal(row: &AnyRow) -> Result<(Appeal, AppealStatus), StoreError> {
    let appeal = Appeal {
        id: row.text(0)?,
        violation_id: row.text(1)?,
        grounds: row.text(2)?,
        appellant: row.text(3)?,
        evidence: row.text_opt(4)?,
        at: row.time(5)?,
    };
    let status = match row.name_opt(6, "decision")? {
        None => AppealStatus::Waiting,
        Some(Decision::Approved) => AppealStatus::Approved,
        Some(Decision::Rejected) => AppealStatus::Rejected,
    };
    Ok((appeal, status))
}

fn review(row: &AnyRow) -> Result<(Review, Claim), StoreError> {
    let review = Review {
        id: row.text(0)?,
        violation_id: row.text(1)?,
        decision: row.name(2, "decision")?,
        note: row.text(3)?,
        author: row.text(4)?,
        at: row.time(5)?,
    };
    let claim = match (row.text_opt(6)?, row.text_opt(7)?) {
        (Some(id), None) => (ClaimKind::Handling, id),
        (None, Some(id)) => (ClaimKind::Appeal, id),
        (Some(_), Some(_)) | (None, None) => return Err(StoreError::damaged("review")),
    };
    let (kind, id) = claim;
    Ok((review, Claim { kind, id }))
}
