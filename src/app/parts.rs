//! What the API asks of the rest of the server.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::api::{
    DriverHours, FeedError, FeedRecord, FixFeed, FixSink, FixesAnswer, Hours, Obstacle, Readiness,
    RejectedLine, RuleSource, SinkError, TerminalCommander, TextOutcome, Wheel,
};
use crate::clock::Clock;
use crate::detect::Subject;
use crate::ingest::{Engine, IntakeError, Parsed, SubmitError, read_hours};
use crate::journal::Journal;
use crate::model::rules::{DutyRules, RuleSet};
use crate::model::{Datum, Region, Source, Span, TerminalPhone, Timestamp};
use crate::store::{FatigueLeft, Store, StoreError};
use crate::track::JournalRecord;

/// Longest wait for a terminal's acknowledgement of a text.
const TEXT_WAIT: Duration = Duration::from_secs(20);
/// Bytes of journal records read for a stream at once.
const FEED_BYTES: usize = 1 << 20;

/// The server as the API sees it.
#[derive(Debug)]
pub(super) struct Gateway {
    pub(super) engine: Arc<Engine>,
    pub(super) journal: Journal,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) draining: CancellationToken,
}

impl RuleSource for Gateway {
    fn current(&self) -> Arc<RuleSet> {
        Arc::clone(&self.engine.directory().rules)
    }

    fn duty(&self, region: &Region, at: Timestamp) -> Arc<DutyRules> {
        Arc::new(duty_rules(&self.engine.directory().rules, region, at).clone())
    }
}

/// The duty rules of an enterprise for a period that ends at `until`: those of its last moment.
pub(super) fn duty_rules<'a>(
    rules: &'a RuleSet,
    region: &Region,
    until: Timestamp,
) -> &'a DutyRules {
    let last = until - Span::from_millis(1);
    &rules.in_force(Some(region), None, last).duty
}

impl FixSink for Gateway {
    fn submit(
        &self,
        body: Bytes,
        datum: Option<Datum>,
    ) -> BoxFuture<'_, Result<FixesAnswer, SinkError>> {
        async move {
            if !*self.engine.acknowledging().borrow() {
                return Err(SinkError::Unavailable);
            }
            let intake = self.engine.intake();
            let reader = intake.clone();
            let origin = (Source::Http, reader.received());
            let read = move || reader.parse_ndjson(&body, 1, datum, origin);
            let Ok(mut parsed) = tokio::task::spawn_blocking(read).await else {
                return Err(SinkError::Unavailable);
            };
            let counts = intake
                .submit(&mut parsed)
                .await
                .map_err(|error| match error {
                    IntakeError::Submit(SubmitError::Draining) => SinkError::Draining,
                    IntakeError::Submit(SubmitError::Full) => SinkError::Busy,
                    IntakeError::Store(error) => {
                        tracing::error!(%error, "posted fixes were not taken");
                        SinkError::Unavailable
                    }
                })?;
            let Parsed { rejected, .. } = parsed;
            Ok(FixesAnswer {
                stored: counts.stored,
                duplicates: counts.duplicates,
                rejected: rejected
                    .into_iter()
                    .map(|line| RejectedLine {
                        line: line.line,
                        code: line.code.to_owned(),
                        message: line.message,
                    })
                    .collect(),
                violations: Some(counts.violations),
            })
        }
        .boxed()
    }
}

impl FixFeed for Gateway {
    fn read_after(
        &self,
        sequence: u64,
        records_max: usize,
    ) -> BoxFuture<'_, Result<Vec<FeedRecord>, FeedError>> {
        async move {
            let failed = |error: &dyn std::error::Error| {
                tracing::warn!(%error, "the journal cannot be read for a stream");
                FeedError
            };
            let records = self
                .journal
                .read_from(sequence.saturating_add(1), FEED_BYTES)
                .await
                .map_err(|error| failed(&error))?;
            let mut feed = Vec::with_capacity(records.len().min(records_max));
            for record in records.into_iter().take(records_max) {
                let opened = JournalRecord::open(&record.bytes).map_err(|error| failed(&error))?;
                let fixes = opened
                    .fixes()
                    .collect::<Result<_, _>>()
                    .map_err(|error| failed(&error))?;
                feed.push(FeedRecord {
                    sequence: record.sequence,
                    fixes,
                });
            }
            Ok(feed)
        }
        .boxed()
    }
}

impl TerminalCommander for Gateway {
    fn send_text(&self, terminal: TerminalPhone, text: String) -> BoxFuture<'_, TextOutcome> {
        async move {
            let Some(vehicle) = self.engine.directory().by_terminal(&terminal) else {
                return TextOutcome::NotConnected;
            };
            let Some(answer) = self.engine.speak(vehicle, text) else {
                return TextOutcome::NotConnected;
            };
            match tokio::time::timeout(TEXT_WAIT, answer).await {
                Ok(Ok(result)) => TextOutcome::Acknowledged {
                    at: self.clock.now(),
                    result,
                },
                Ok(Err(_)) | Err(_) => TextOutcome::NotAcknowledged,
            }
        }
        .boxed()
    }
}

impl DriverHours for Gateway {
    fn hours(
        &self,
        wheel: Wheel,
        at: Timestamp,
    ) -> BoxFuture<'_, Result<Option<Hours>, StoreError>> {
        async move {
            let (subject, vehicle) = match wheel {
                Wheel::Of(driver) => (Subject::Driver(driver), None),
                Wheel::At(vehicle, driver) => (Subject::at_wheel(vehicle, driver), Some(vehicle)),
            };
            let directory = self.engine.directory();
            let hours = read_hours(&self.store, &directory, subject, vehicle, at).await?;
            Ok(hours.map(|read| Hours {
                known_until: read.known_until,
                plate: read
                    .vehicle
                    .and_then(|vehicle| directory.vehicle(vehicle))
                    .map(|record| record.plate.clone()),
                driven: read.left.driven,
                left: FatigueLeft {
                    continuous: read.left.continuous,
                    night: read.left.night,
                    hours24: read.left.hours24,
                    days7: read.left.days7,
                },
            }))
        }
        .boxed()
    }
}

impl Readiness for Gateway {
    fn obstacles(&self) -> Vec<Obstacle> {
        let mut obstacles = Vec::new();
        if self.draining.is_cancelled() {
            obstacles.push(Obstacle::Draining);
        }
        if !*self.engine.storing().borrow() {
            obstacles.push(Obstacle::Store);
        }
        if !*self.engine.acknowledging().borrow() || self.engine.has_failed() {
            obstacles.push(Obstacle::Ingest);
        }
        obstacles
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rulebook;

    #[test]
    fn a_campaign_changes_the_duty_of_its_region_up_to_its_last_moment() {
        let campaign = "[[campaign]]\nid = \"c\"\nregions = [\"430000\"]\nfrom = 2026-11-20\nto = 2026-11-22\n\
                        [campaign.set]\nduty.uncovered_min_max = 5\n";
        let text = format!("{}\n{campaign}", rulebook::default_document());
        let rules = rulebook::parse(&text).unwrap();
        let allowed = |region: &str, until: &str| {
            let until = Timestamp::from_rfc3339(until).unwrap();
            duty_rules(&rules, &region.parse().unwrap(), until).uncovered_min_max
        };
        assert_eq!(allowed("430102", "2026-11-21T00:00:00+08:00"), 5);
        assert_eq!(allowed("440300", "2026-11-21T00:00:00+08:00"), 10);
        assert_eq!(allowed("430102", "2026-11-22T00:00:00+08:00"), 5);
        assert_eq!(allowed("430102", "2026-11-22T00:00:01+08:00"), 10);
    }
}
