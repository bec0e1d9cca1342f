//! What a violation rests on, and what it was before it was corrected.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{ViolationBody, violation_body};
use super::{find, missing};
use crate::api::error::ApiError;
use crate::api::extract::{Params, Segments};
use crate::api::fix_body::RawFix;
use crate::api::moment::Moment;
use crate::api::page::List;
use crate::api::state::Shared;
use crate::model::{LocalZone, Timestamp};
use crate::store::{Evidence, StoredViolation};

/// What is missing where a superseded revision has no evidence.
const SUPERSEDED_TOO_SOON: &str =
    "evidence: there was no such revision, or it was superseded before its fixes were copied";

/// Query of `/violations/{id}/evidence`.
#[derive(Debug, Deserialize, IntoParams)]
pub(in crate::api) struct EvidenceParams {
    /// `canonical` gives the text over which the hash is taken, instead of JSON.
    format: Option<String>,
    /// Of that revision, as it was kept while it held; the newest one unless given.
    revision: Option<u32>,
}

/// What a violation rests on.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ProofBody {
    /// The violation with its limits, their sources, rulebook and map version.
    violation: ViolationBody,
    /// The revision to which the evidence belongs.
    revision: u32,
    rulebook_version: String,
    /// Version of the road map, where one was used.
    #[schema(required)]
    map_version: Option<String>,
    /// Whether it is stored and stays; an open violation, and one just ended, is told as of now.
    kept: bool,
    made_at: Moment,
    from: Moment,
    to: Moment,
    /// Fixes in the period; of a long violation not all are kept.
    fixes_total: u32,
    /// The raw fixes, by fix time.
    fixes: Vec<RawFix>,
    /// SHA-256 of the canonical text (`?format=canonical`), hexadecimal.
    hash: String,
}

/// `GET /violations/{id}/evidence`
pub(in crate::api) async fn evidence(
    State(context): State<Shared>,
    Segments(id): Segments<String>,
    Params(params): Params<EvidenceParams>,
) -> Result<Response, ApiError> {
    let (stored, evidence) = read(&context, &id, params.revision).await?;
    if params.format.as_deref() == Some("canonical") {
        let text = evidence.canonical(&stored)?;
        let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
        return Ok((kind, text).into_response());
    }
    let zone = context.zone();
    let at = |time: Timestamp| Moment::new(time, zone);
    let names = context
        .names
        .covering(&context.store, &evidence.fixes)
        .await?;
    let fix = |fix| RawFix::new(fix, &names, zone);
    let limit = stored.violation.limit.as_ref();
    let body = ProofBody {
        violation: violation_body(&stored, zone),
        revision: evidence.revision,
        rulebook_version: stored.violation.rulebook_version.clone(),
        map_version: limit.and_then(|limit| limit.map_version.clone()),
        kept: evidence.kept,
        made_at: at(evidence.made_at),
        from: at(evidence.from),
        to: at(evidence.to),
        fixes_total: evidence.fixes_total,
        fixes: evidence.fixes.iter().map(fix).collect(),
        hash: evidence.hash,
    };
    Ok(Json(body).into_response())
}

/// The evidence of the newest revision, or of one that it superseded.
async fn read(
    context: &Shared,
    id: &str,
    revision: Option<u32>,
) -> Result<(StoredViolation, Evidence), ApiError> {
    let newest = find(context, id).await?.revision;
    if let Some(revision) = revision.filter(|revision| *revision != newest) {
        let kept = context.store.evidence_of(id, revision).await;
        return kept
            .map_err(missing)?
            .ok_or(ApiError::NotFound(SUPERSEDED_TOO_SOON));
    }
    let now = context.clock.now();
    context.store.evidence(id, now).await.map_err(missing)
}

/// One revision of a violation.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct RevisionBody {
    #[serde(flatten)]
    violation: ViolationBody,
    /// What the revision did: `created`, `amended` or `withdrawn`.
    change: &'static str,
    /// Whether `/evidence?revision=` has what it rests or rested on; a revision that was superseded within minutes
    /// has none of its own.
    evidence_kept: bool,
}

impl RevisionBody {
    fn new(stored: &StoredViolation, evidence_kept: bool, zone: LocalZone) -> Self {
        Self {
            violation: violation_body(stored, zone),
            evidence_kept,
            change: match (stored.withdrawn, stored.revision) {
                (true, _) => "withdrawn",
                (false, 1) => "created",
                (false, _) => "amended",
            },
        }
    }
}

/// `GET /violations/{id}/revisions`
pub(in crate::api) async fn revisions(
    State(context): State<Shared>,
    Segments(id): Segments<String>,
) -> Result<Json<List<RevisionBody>>, ApiError> {
    let (current, revisions) = context
        .store
        .violation_revisions(&id)
        .await
        .map_err(missing)?;
    let zone = context.zone();
    let bodies = revisions.into_iter().map(|revision| {
        let kept = revision.evidence_kept;
        RevisionBody::new(&current.as_it_was(revision), kept, zone)
    });
    Ok(Json(List {
        items: bodies.collect(),
        next: None,
    }))
}
