//! Appealing, and reviewing appeals and claims of false alarm.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::closed_loop::UNNAMED_ENTERPRISE;
use super::missing;
use crate::api::error::ApiError;
use crate::api::extract::{JsonBody, Segments};
use crate::api::ids::new_id;
use crate::api::moment::{Moment, Name};
use crate::api::state::Shared;
use crate::api::text::Check;
use crate::model::LocalZone;
use crate::store::{Appeal, AppealStatus, Claim, ClaimKind, Decision, Review};

/// Who is taken to have reviewed what nobody has signed: accounts do not exist yet.
const UNNAMED_REGULATOR: &str = "regulator";

/// A new appeal.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::api) struct NewAppeal {
    /// Why it was no violation; `reason` is taken, too.
    #[serde(alias = "reason")]
    grounds: String,
    /// The driver or the enterprise that contests it; `by` is taken, too.
    #[serde(alias = "by")]
    appellant: Option<String>,
    /// Reference to a document.
    evidence: Option<String>,
}

/// A new review.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::api) struct NewReview {
    /// `approved` (it was no violation) or `rejected`.
    #[schema(value_type = String)]
    decision: Name<Decision>,
    note: Option<String>,
    /// What is reviewed: `handling` (the last claim of false alarm) or `appeal`. Needed only while both wait.
    #[schema(value_type = Option<String>)]
    of: Option<Name<ClaimKind>>,
    /// Who decides, while there are no accounts; never the one who claimed.
    #[serde(alias = "reviewer")]
    by: Option<String>,
}

/// An appeal.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct AppealBody {
    id: String,
    violation_id: String,
    grounds: String,
    appellant: String,
    #[schema(required)]
    evidence: Option<String>,
    at: Moment,
    /// `waiting`, `approved` or `rejected`.
    status: &'static str,
}

/// A review.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ReviewBody {
    id: String,
    violation_id: String,
    /// What was reviewed: `handling` (a claim of false alarm) or `appeal`.
    of: &'static str,
    /// Identifier of the handling or of the appeal.
    of_id: String,
    decision: &'static str,
    note: String,
    by: String,
    at: Moment,
}

/// `POST /violations/{id}/appeals`
pub(in crate::api) async fn appeal(
    State(context): State<Shared>,
    Segments(id): Segments<String>,
    JsonBody(new): JsonBody<NewAppeal>,
) -> Result<(StatusCode, Json<AppealBody>), ApiError> {
    let chars_max = context.limits.text_chars_max;
    let appellant = new
        .appellant
        .unwrap_or_else(|| UNNAMED_ENTERPRISE.to_owned());
    let evidence = new.evidence.as_deref().unwrap_or_default();
    let mut check = Check::default();
    check.required("grounds", &new.grounds, chars_max);
    check.required("appellant", &appellant, chars_max);
    check.bounded("evidence", evidence, chars_max);
    check.done()?;
    let appeal = Appeal {
        id: new_id(&context.clock),
        violation_id: id,
        grounds: new.grounds,
        appellant,
        evidence: new.evidence,
        at: context.clock.now(),
    };
    context
        .store
        .insert_appeal(&appeal)
        .await
        .map_err(missing)?;
    context.wake().await;
    let body = appeal_body(appeal, AppealStatus::Waiting, context.zone());
    Ok((StatusCode::CREATED, Json(body)))
}

/// `POST /violations/{id}/reviews`
pub(in crate::api) async fn review(
    State(context): State<Shared>,
    Segments(id): Segments<String>,
    JsonBody(new): JsonBody<NewReview>,
) -> Result<(StatusCode, Json<ReviewBody>), ApiError> {
    let chars_max = context.limits.text_chars_max;
    let note = new.note.unwrap_or_default();
    let author = new.by.unwrap_or_else(|| UNNAMED_REGULATOR.to_owned());
    let mut check = Check::default();
    check.bounded("note", &note, chars_max);
    check.required("by", &author, chars_max);
    check.done()?;
    let review = Review {
        id: new_id(&context.clock),
        violation_id: id,
        decision: new.decision.0,
        note,
        author,
        at: context.clock.now(),
    };
    let of = new.of.map(|name| name.0);
    let claim = context.store.insert_review(&review, of).await;
    let claim = claim.map_err(missing)?;
    context.wake().await;
    let body = review_body(review, claim, context.zone());
    Ok((StatusCode::CREATED, Json(body)))
}

pub(super) fn appeals(appeals: Vec<(Appeal, AppealStatus)>, zone: LocalZone) -> Vec<AppealBody> {
    let bodies = appeals.into_iter();
    bodies
        .map(|(appeal, status)| appeal_body(appeal, status, zone))
        .collect()
}

pub(super) fn reviews(reviews: Vec<(Review, Claim)>, zone: LocalZone) -> Vec<ReviewBody> {
    let bodies = reviews.into_iter();
    bodies
        .map(|(review, claim)| review_body(review, claim, zone))
        .collect()
}

fn appeal_body(appeal: Appeal, status: AppealStatus, zone: LocalZone) -> AppealBody {
    AppealBody {
        id: appeal.id,
        violation_id: appeal.violation_id,
        grounds: appeal.grounds,
        appellant: appeal.appellant,
        evidence: appeal.evidence,
        at: Moment::new(appeal.at, zone),
        status: status.name(),
    }
}

fn review_body(review: Review, claim: Claim, zone: LocalZone) -> ReviewBody {
    ReviewBody {
        id: review.id,
        violation_id: review.violation_id,
        of: claim.kind.name(),
        of_id: claim.id,
        decision: review.decision.name(),
        note: review.note,
        by: review.author,
        at: Moment::new(review.at, zone),
    }
}
