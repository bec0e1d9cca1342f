//! The verdict: which enterprises fail their duty, why, and with what proof.

mod body;

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

pub(super) use body::{DutyBody, FailingList};

use super::cache::{FailingSnapshot, Found, ListKey};
use super::error::ApiError;
use super::extract::{Params, Segments};
use super::moment::{GivenMoment, Moment, Name, Names, period};
use super::page::{PageParams, SeekKey, encode};
use super::state::{Context, Shared};
use crate::duty::{DutyVerdict, Rank, Rule, evaluate, picture};
use crate::model::duty::{DutyFacts, Period};
use crate::model::{Region, Timestamp};
use crate::store::DutyScope;

/// The period of a duty question.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct PeriodParams {
    /// Beginning; 24 h before the end unless given.
    #[param(value_type = Option<GivenMoment>)]
    from: Option<GivenMoment>,
    /// End, exclusive; now unless given.
    #[param(value_type = Option<GivenMoment>)]
    to: Option<GivenMoment>,
}

/// Query of `/duty/failing`.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct FailingParams {
    /// Beginning; 24 h before the end unless given.
    #[param(value_type = Option<GivenMoment>)]
    from: Option<GivenMoment>,
    /// End, exclusive; now unless given.
    #[param(value_type = Option<GivenMoment>)]
    to: Option<GivenMoment>,
    /// Enterprises of this region.
    #[param(value_type = Option<String>)]
    region: Option<Name<Region>>,
    /// Enterprises that fail one of these rules (`N1` to `N9`, with commas between).
    #[param(value_type = Option<String>)]
    reason: Option<Names<Rule>>,
}

/// `GET /duty/failing`
pub(super) async fn failing(
    State(context): State<Shared>,
    Params(params): Params<FailingParams>,
    Params(page): Params<PageParams>,
) -> Result<Json<FailingList>, ApiError> {
    let limit = usize::try_from(page.limit(&context.limits)?).unwrap_or(usize::MAX);
    let after: Option<Place> = page.after()?;
    let asked = match &after {
        // A further page is of the same period as the first, whatever the clock says meanwhile.
        Some(place) => Some(place.period),
        None if params.from.is_none() && params.to.is_none() => None,
        None => Some(period(
            params.from,
            params.to,
            context.clock.now(),
            context.limits.duty_days_max,
        )?),
    };
    let snapshot = snapshot(&context, asked, params.region.map(|name| name.0)).await?;
    let wanted = |verdict: &&DutyVerdict| {
        params.reason.as_ref().is_none_or(|Names(rules)| {
            let fails = |rule| verdict.reasons.iter().any(|reason| reason.rule == rule);
            rules.iter().any(|rule| fails(*rule))
        })
    };
    let matching: Vec<&DutyVerdict> = snapshot.failing.iter().filter(wanted).collect();
    let begin = after.map_or(0, |place| {
        matching.partition_point(|verdict| verdict.rank() <= place.rank)
    });
    let shown = matching.get(begin..).unwrap_or_default();
    let next = shown.get(limit).and(shown.get(limit.saturating_sub(1)));
    let zone = context.zone();
    Ok(Json(FailingList {
        from: Moment::new(snapshot.period.from, zone),
        to: Moment::new(snapshot.period.to, zone),
        evaluated_at: Moment::new(snapshot.evaluated_at, zone),
        rulebook_version: context.rules.current().version.clone(),
        enterprises_total: u32::try_from(snapshot.total).unwrap_or(u32::MAX),
        enterprises_failing: u32::try_from(matching.len()).unwrap_or(u32::MAX),
        items: shown
            .iter()
            .take(limit)
            .map(|verdict| body::failing_item(verdict, zone))
            .collect(),
        next: next.map(|verdict| {
            encode(&Place {
                period: snapshot.period,
                rank: verdict.rank(),
            })
        }),
    }))
}

/// `GET /enterprises/{id}/duty`
pub(super) async fn enterprise(
    State(context): State<Shared>,
    Segments(id): Segments<String>,
    Params(params): Params<PeriodParams>,
) -> Result<Json<DutyBody>, ApiError> {
    let now = context.clock.now();
    let period = period(params.from, params.to, now, context.limits.duty_days_max)?;
    let zone = context.zone();
    let scope = DutyScope {
        enterprise_id: Some(id),
        ..DutyScope::default()
    };
    let facts = context.store.duty_facts(period, &scope, &zone).await?;
    let facts = facts.first().ok_or(ApiError::NotFound("enterprise"))?;
    let rules = context.rules.duty(&facts.region, period.to.min(now));
    let picture = picture(facts, period, now, &rules, zone);
    let judged = body::Judged {
        period,
        evaluated_at: now,
        rulebook_version: context.rules.current().version.clone(),
        zone,
    };
    Ok(Json(body::picture(&picture, judged)))
}

/// The failing list, made now or a moment ago.
async fn snapshot(
    context: &Shared,
    period: Option<Period>,
    region: Option<Region>,
) -> Result<Arc<FailingSnapshot>, ApiError> {
    let key = ListKey {
        period,
        region,
        registry: context.store.registry_version().await?,
        rulebook: context.rules.current().version.clone(),
    };
    match context.duty.find(&key, context.clock.monotonic()).await {
        Found::Fresh(list) => return Ok(list),
        Found::Aging(list) => {
            if let Ok(turn) = Arc::clone(&context.duty.making).try_lock_owned() {
                let context = Arc::clone(context);
                tokio::spawn(async move {
                    if let Err(error) = make(&context, key).await {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "the failing list could not be renewed"
                        );
                    }
                    drop(turn);
                });
            }
            return Ok(list);
        }
        Found::Nothing => {}
    }
    let _turn = context.duty.making.lock().await;
    match context.duty.find(&key, context.clock.monotonic()).await {
        Found::Fresh(list) => Ok(list),
        Found::Aging(_) | Found::Nothing => make(context, key).await,
    }
}

/// Reads the facts, judges every enterprise, keeps the list.
async fn make(context: &Shared, key: ListKey) -> Result<Arc<FailingSnapshot>, ApiError> {
    let generation = context.duty.generation();
    let began = context.clock.monotonic();
    let now = context.clock.now();
    let period = match key.period {
        Some(period) => period,
        None => period_until(now),
    };
    let zone = context.zone();
    let scope = DutyScope {
        region: key.region.clone(),
        ..DutyScope::default()
    };
    let facts = context.store.duty_facts(period, &scope, &zone).await?;
    let judging = Arc::clone(context);
    let list = tokio::task::spawn_blocking(move || judge(&judging, &facts, period, now))
        .await
        .map_err(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "judging the enterprises failed"
            );
            ApiError::Internal
        })?;
    let list = Arc::new(list);
    let times = (began, context.clock.monotonic());
    // A clock that runs fast makes lists old fast.
    let bound = Duration::from_millis(context.limits.duty_cache_ms);
    let life_max = bound.div_f64(context.clock.rate().max(1.0));
    let kept = Arc::clone(&list);
    context
        .duty
        .keep(key, generation, times, life_max, kept)
        .await;
    Ok(list)
}

fn period_until(now: Timestamp) -> Period {
    Period {
        from: now - crate::model::Span::from_hours(24),
        to: now,
    }
}

fn judge(
    context: &Context,
    facts: &[DutyFacts],
    period: Period,
    now: Timestamp,
) -> FailingSnapshot {
    let zone = context.zone();
    let at = period.to.min(now);
    let mut failing: Vec<DutyVerdict> = facts
        .iter()
        .map(|facts| {
            let rules = context.rules.duty(&facts.region, at);
            evaluate(facts, period, now, &rules, zone)
        })
        .filter(DutyVerdict::is_failing)
        .collect();
    failing.sort_by_cached_key(DutyVerdict::rank);
    FailingSnapshot {
        period,
        evaluated_at: now,
        total: facts.len(),
        failing,
    }
}

/// Place in a failing list: its period and the rank of the last enterprise seen.
#[derive(Debug)]
struct Place {
    period: Period,
    rank: Rank,
}

impl SeekKey for Place {
    fn parts(&self) -> Vec<String> {
        vec![
            self.period.from.millis().to_string(),
            self.period.to.millis().to_string(),
            self.rank.statutory.0.to_string(),
            self.rank.reasons.0.to_string(),
            self.rank.failing_since.millis().to_string(),
            self.rank.enterprise_id.clone(),
        ]
    }

    fn from_parts(parts: &[String]) -> Option<Self> {
        let [from, to, statutory, reasons, since, id] = parts else {
            return None;
        };
        let time = |text: &str| text.parse().ok().map(Timestamp::from_millis);
        Some(Self {
            period: Period {
                from: time(from)?,
                to: time(to)?,
            },
            rank: Rank {
                statutory: Reverse(statutory.parse().ok()?),
                reasons: Reverse(reasons.parse().ok()?),
                failing_since: time(since)?,
                enterprise_id: id.clone(),
            },
        })
    }
}
