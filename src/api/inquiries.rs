//! Post checks (查岗) and their answers.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::{ApiError, FieldError};
use super::extract::{JsonBody, Params, Segments};
use super::ids::new_id;
use super::moment::{GivenMoment, Moment, Name};
use super::page::{List, PageParams};
use super::state::Shared;
use super::text::Check;
use crate::model::duty::{Inquiry, InquiryAnswer};
use crate::model::{LocalZone, Region, Span};
use crate::store::{self, EnterpriseFilter, InquiryFilter, StoreError};

/// Time for the answer unless the sender says otherwise. Source: regulations 16, `check_deadline`.
const ANSWER_WITHIN_S: u32 = 300;
/// Longest time for an answer: a day.
const ANSWER_WITHIN_S_MAX: u32 = 86_400;

/// An inquiry sent to one enterprise.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InquiryBody {
    id: String,
    enterprise_id: String,
    question: String,
    sent_at: Moment,
    answer_within_s: f64,
    /// The last moment at which an answer is in time.
    deadline: Moment,
    /// Null until it is answered.
    answered_at: Option<Moment>,
    answer: Option<String>,
    responder: Option<String>,
    phone: Option<String>,
    /// Whether the answer was in time; null until it is answered.
    in_time: Option<bool>,
}

/// A new inquiry: to the enterprises named, or to all of a region.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NewInquiry {
    enterprise_ids: Option<Vec<String>>,
    region: Option<String>,
    question: String,
    /// Default 300.
    answer_within_s: Option<u32>,
}

/// The inquiries that were sent.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InquiriesSent {
    /// One for each enterprise.
    items: Vec<InquiryBody>,
}

/// An answer.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NewAnswer {
    answer: String,
    responder: String,
    phone: Option<String>,
}

/// Query of `/inquiries`.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct InquiryParams {
    /// To this enterprise.
    enterprise: Option<String>,
    /// To enterprises of this region.
    #[param(value_type = Option<String>)]
    region: Option<Name<Region>>,
    /// Sent at or after.
    #[param(value_type = Option<GivenMoment>)]
    from: Option<GivenMoment>,
    /// Sent before.
    #[param(value_type = Option<GivenMoment>)]
    to: Option<GivenMoment>,
    /// With or without an answer.
    answered: Option<bool>,
}

/// `POST /inquiries`
pub(super) async fn create(
    State(context): State<Shared>,
    JsonBody(new): JsonBody<NewInquiry>,
) -> Result<(StatusCode, Json<InquiriesSent>), ApiError> {
    let answer_within_s = new.answer_within_s.unwrap_or(ANSWER_WITHIN_S);
    let mut check = Check::default();
    check.required("question", &new.question, context.limits.text_chars_max);
    check.holds(
        (1..=ANSWER_WITHIN_S_MAX).contains(&answer_within_s),
        "answer_within_s",
        "must be from 1 to 86400",
    );
    check.done()?;
    let addressees = addressees(&context, new.enterprise_ids, new.region).await?;
    let sent_at = context.clock.now();
    let inquiries: Vec<Inquiry> = addressees
        .into_iter()
        .map(|enterprise_id| Inquiry {
            id: new_id(&context.clock),
            enterprise_id,
            question: new.question.clone(),
            sent_at,
            answer_within: Span::from_seconds(answer_within_s.into()),
            answer: None,
        })
        .collect();
    context
        .store
        .insert_inquiries(&inquiries)
        .await
        .map_err(|error| match error {
            StoreError::NotFound => {
                FieldError::new("enterprise_ids", "one of the enterprises is not known").into()
            }
            other => ApiError::from(other),
        })?;
    context.wake().await;
    let zone = context.zone();
    let items = inquiries.into_iter().map(|item| body(item, zone)).collect();
    Ok((StatusCode::CREATED, Json(InquiriesSent { items })))
}

/// Who is asked: exactly one of the two ways of saying it.
async fn addressees(
    context: &Shared,
    enterprise_ids: Option<Vec<String>>,
    region: Option<String>,
) -> Result<BTreeSet<String>, ApiError> {
    let (field, ids) = match (enterprise_ids, region) {
        (Some(ids), None) => ("enterprise_ids", ids.into_iter().collect::<BTreeSet<_>>()),
        (None, Some(code)) => {
            let region: Region = code
                .parse()
                .map_err(|_unknown| FieldError::new("region", "must be a 6-digit code"))?;
            ("region", enterprises_of(context, region).await?)
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(ApiError::Invalid(vec![
                FieldError::new("enterprise_ids", "give either enterprise_ids or region"),
                FieldError::new("region", "give either enterprise_ids or region"),
            ]));
        }
    };
    let max = context.limits.inquiry_enterprises_max;
    if ids.is_empty() {
        return Err(FieldError::new(field, "names no enterprise").into());
    }
    if ids.len() > max {
        return Err(FieldError::new(field, format!("names more than {max} enterprises")).into());
    }
    Ok(ids)
}

async fn enterprises_of(context: &Shared, region: Region) -> Result<BTreeSet<String>, ApiError> {
    let filter = EnterpriseFilter {
        region: Some(region),
        ..EnterpriseFilter::default()
    };
    let mut ids = BTreeSet::new();
    let mut page = store::Page::first(store::PAGE_ROWS_MAX);
    loop {
        let listed = context.store.list_enterprises(&filter, &page).await?;
        ids.extend(listed.items.into_iter().map(|row| row.enterprise.id));
        match listed.next {
            Some(next) if ids.len() <= context.limits.inquiry_enterprises_max => {
                page.after = Some(next);
            }
            Some(_) | None => return Ok(ids),
        }
    }
}

/// `POST /inquiries/{id}/answers`
pub(super) async fn answer(
    State(context): State<Shared>,
    Segments(id): Segments<String>,
    JsonBody(new): JsonBody<NewAnswer>,
) -> Result<(StatusCode, Json<InquiryBody>), ApiError> {
    let phone = new.phone.unwrap_or_default();
    let mut check = Check::default();
    check.required("answer", &new.answer, context.limits.text_chars_max);
    check.required("responder", &new.responder, context.limits.text_chars_max);
    check.bounded("phone", &phone, context.limits.text_chars_max);
    check.done()?;
    let answer = InquiryAnswer {
        answered_at: context.clock.now(),
        answer: new.answer,
        responder: new.responder,
        phone,
    };
    let inquiry =
        context
            .store
            .answer_inquiry(&id, &answer)
            .await
            .map_err(|error| match error {
                StoreError::NotFound => ApiError::NotFound("inquiry"),
                StoreError::Conflict { what } => ApiError::Conflict {
                    code: "already_answered",
                    detail: what,
                },
                other => other.into(),
            })?;
    context.wake().await;
    Ok((StatusCode::CREATED, Json(body(inquiry, context.zone()))))
}

/// `GET /inquiries`
pub(super) async fn list(
    State(context): State<Shared>,
    Params(params): Params<InquiryParams>,
    Params(page): Params<PageParams>,
) -> Result<Json<List<InquiryBody>>, ApiError> {
    let filter = InquiryFilter {
        enterprise_id: params.enterprise,
        region: params.region.map(|name| name.0),
        from: params.from.map(|given| given.0),
        to: params.to.map(|given| given.0),
        answered: params.answered,
    };
    let listed = context
        .store
        .list_inquiries(&filter, &page.page(&context.limits)?)
        .await?;
    let zone = context.zone();
    Ok(Json(List::of(listed, |inquiry| body(inquiry, zone))))
}

fn body(inquiry: Inquiry, zone: LocalZone) -> InquiryBody {
    let deadline = inquiry.sent_at + inquiry.answer_within;
    let answered_at = inquiry.answer.as_ref().map(|answer| answer.answered_at);
    let (answer, responder, phone) = match inquiry.answer {
        Some(given) => (Some(given.answer), Some(given.responder), Some(given.phone)),
        None => (None, None, None),
    };
    InquiryBody {
        id: inquiry.id,
        enterprise_id: inquiry.enterprise_id,
        question: inquiry.question,
        sent_at: Moment::new(inquiry.sent_at, zone),
        answer_within_s: inquiry.answer_within.seconds(),
        deadline: Moment::new(deadline, zone),
        answered_at: answered_at.map(|time| Moment::new(time, zone)),
        answer,
        responder,
        phone,
        in_time: answered_at.map(|time| time <= deadline),
    }
}
