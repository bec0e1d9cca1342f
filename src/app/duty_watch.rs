//! Notices when the reasons of an enterprise change, and writes it to the change log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::api::RuleSource as _;
use crate::duty::{self, Rule};
use crate::live::Live;
use crate::model::Span;
use crate::model::duty::Period;
use crate::store::{DutyNote, DutyScope, StoreError};

use super::parts::{Gateway, duty_rules};

/// The period that is looked at: the one that the failing list shows unless asked otherwise.
const PERIOD: Span = Span::from_hours(24);

/// Evaluates the duty of all enterprises again and again until stopped.
pub(super) async fn watch(
    gateway: Arc<Gateway>,
    live: Live,
    pause: Duration,
    stop: CancellationToken,
) {
    let mut known = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        if let Err(error) = look(&gateway, &live, &mut known).await {
            tracing::warn!(%error, "the duty of the enterprises could not be evaluated");
        }
    }
}

/// Evaluates once; the first look only remembers.
async fn look(
    gateway: &Gateway,
    live: &Live,
    known: &mut Option<BTreeMap<String, Vec<Rule>>>,
) -> Result<(), StoreError> {
    let now = gateway.clock.now();
    let rules = gateway.current();
    let period = Period {
        from: now - PERIOD,
        to: now,
    };
    let facts = gateway
        .store
        .duty_facts(period, &DutyScope::default(), &rules.zone)
        .await?;
    let verdicts: Vec<_> = facts
        .iter()
        .map(|facts| {
            let of_region = duty_rules(&rules, &facts.region, now);
            duty::evaluate(facts, period, now, of_region, rules.zone)
        })
        .collect();
    if let Some(before) = known.as_ref() {
        let changes = duty::diff(before, &verdicts);
        let names = |rules: &[Rule]| rules.iter().map(|rule| rule.name().to_owned()).collect();
        let notes: Vec<_> = changes
            .iter()
            .map(|change| DutyNote {
                enterprise_id: change.enterprise_id.clone(),
                reasons: names(&change.reasons),
                added: names(&change.added),
                lifted: names(&change.lifted),
            })
            .collect();
        if !notes.is_empty() {
            let sequence = gateway.store.note_duty_changes(now, &notes).await?;
            live.changes_reached(sequence.cast_unsigned());
        }
    }
    *known = Some(
        verdicts
            .into_iter()
            .map(|verdict| {
                let rules = verdict.reasons.iter().map(|reason| reason.rule).collect();
                (verdict.enterprise_id, rules)
            })
            .collect(),
    );
    Ok(())
}
