//! What the API asks of the rest of the server.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::api::{
    FeedError, FeedRecord, FixFeed, FixSink, FixesAnswer, Obstacle, Readiness, RejectedLine,
    RuleSource, SinkError, TerminalCommander, TextOutcome,
};
use crate::clock::Clock;
use crate::geo::datum::Datum;
use crate::ingest::{Engine, IntakeError, Parsed, SubmitError};
use crate::journal::Journal;
use crate::model::rules::{DutyRules, RuleSet};
use crate::model::{Region, Source, TerminalPhone, Timestamp};
use crate::store::Store;
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

    fn duty(&self, _region: &Region, _at: Timestamp) -> Arc<DutyRules> {
        Arc::new(self.engine.directory().rules.duty.clone())
    }
}

impl FixSink for Gateway {
    fn submit(&self, body: Bytes) -> BoxFuture<'_, Result<FixesAnswer, SinkError>> {
        async move {
            if !*self.engine.acknowledging().borrow() {
                return Err(SinkError::Unavailable);
            }
            let intake = self.engine.intake();
            let reader = intake.clone();
            let read = move || reader.parse_ndjson(&body, 1, Datum::Wgs84, Source::Http);
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
