//! Server-sent events: fixes, violations, duty and inquiries as they come, resumable without loss.
//!
//! A subscriber is a reader of two logs, the change log and the journal. Each event's id says how
//! far it has read in both, so `Last-Event-ID` is all that is needed to go on. The wake-ups carry
//! no content: a slow subscriber reads later, and loses nothing. One that comes back after the
//! journal was trimmed is told so by a `gap` event.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, watch};
use utoipa::IntoParams;

use super::error::ApiError;
use super::extract::Params;
use super::fix_body::fix_json;
use super::moment;
use super::names::Names;
use super::state::{FeedRecord, Shared};
use super::violations::violation_body;
use crate::model::vehicle::UnknownName;
use crate::model::{Fix, LocalZone, Timestamp};
use crate::store::{Change, ChangeKind, StoreError};

/// Changes read at once.
const CHANGES_MAX: u32 = 200;
/// Journal records read at once.
const RECORDS_MAX: usize = 4;
/// Silence after which a comment keeps the connection open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Pause after a read that failed.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventKind {
    /// A fix became durable.
    Fix,
    /// A violation was found or revised, or something was done about it.
    Violation,
    /// The reasons for which an enterprise fails changed, or something was done on duty.
    Duty,
    /// An inquiry was sent or answered.
    Inquiry,
    /// A limit is near.
    PreAlarm,
}

impl EventKind {
    const ALL: [Self; 5] = [
        Self::Fix,
        Self::Violation,
        Self::Duty,
        Self::Inquiry,
        Self::PreAlarm,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Fix => "fix",
            Self::Violation => "violation",
            Self::Duty => "duty",
            Self::Inquiry => "inquiry",
            Self::PreAlarm => "prealarm",
        }
    }
}

impl FromStr for EventKind {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or(UnknownName)
    }
}

/// Query of `/stream`.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct StreamParams {
    /// Kinds of events, with commas between; all unless given.
    #[param(value_type = Option<String>)]
    events: Option<moment::Names<EventKind>>,
    /// The same as the header `Last-Event-ID`, for clients that cannot set it.
    last_event_id: Option<String>,
}

/// `GET /stream`
pub(super) async fn stream(
    State(context): State<Shared>,
    Params(params): Params<StreamParams>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, ApiError> {
    let permit = Arc::clone(&context.streams)
        .try_acquire_owned()
        .map_err(|_closed_or_full| ApiError::TooMany("too many event streams are open"))?;
    let given = match headers.get("last-event-id") {
        Some(value) => Some(
            value
                .to_str()
                .map_err(|_error| ApiError::BadHeader("Last-Event-ID is not text".to_owned()))?
                .to_owned(),
        ),
        None => params.last_event_id,
    };
    let follower = Follower::new(context, given.as_deref(), params.events, permit)?;
    Ok(Sse::new(follower.into_stream()).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// How far a subscriber has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    /// Last change seen.
    change: u64,
    /// Last journal record seen whole.
    record: u64,
    /// Fixes seen of the record after it.
    fixes: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.change, self.record, self.fixes)
    }
}

impl FromStr for Position {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('-').map(str::parse::<u64>);
        let mut next = || parts.next().and_then(Result::ok).ok_or(UnknownName);
        let (change, record, fixes) = (next()?, next()?, next()?);
        Ok(Self {
            change,
            record,
            fixes: usize::try_from(fixes).map_err(|_error| UnknownName)?,
        })
    }
}

/// One subscriber.
struct Follower {
    context: Shared,
    position: Position,
    kinds: Vec<EventKind>,
    changes: watch::Receiver<u64>,
    journal: watch::Receiver<u64>,
    ready: VecDeque<Event>,
    _permit: OwnedSemaphorePermit,
}

impl Follower {
    fn new(
        context: Shared,
        last_event_id: Option<&str>,
        kinds: Option<moment::Names<EventKind>>,
        permit: OwnedSemaphorePermit,
    ) -> Result<Self, ApiError> {
        let changes = context.live.changes();
        let journal = context.live.journal();
        let present = Position {
            change: *changes.borrow(),
            record: *journal.borrow(),
            fixes: 0,
        };
        let position = match last_event_id {
            Some(text) => text.parse().map_err(|_unknown| {
                ApiError::BadHeader("Last-Event-ID is not one that this stream gave".to_owned())
            })?,
            None => present,
        };
        Ok(Self {
            context,
            position,
            kinds: kinds.map_or_else(|| EventKind::ALL.to_vec(), |names| names.0),
            changes,
            journal,
            ready: VecDeque::new(),
            _permit: permit,
        })
    }

    fn into_stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        futures_util::stream::unfold(self, |mut follower| async move {
            let event = follower.next().await?;
            Some((Ok(event), follower))
        })
    }

    /// The next event; `None` when the server drains.
    async fn next(&mut self) -> Option<Event> {
        let shutdown = self.context.shutdown.clone();
        loop {
            if shutdown.is_cancelled() {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            self.changes.mark_unchanged();
            self.journal.mark_unchanged();
            match self.read().await {
                Ok(true) => {}
                Ok(false) => {
                    tokio::select! {
                        () = shutdown.cancelled() => return None,
                        _ = self.changes.changed() => {}
                        _ = self.journal.changed() => {}
                    }
                }
                Err(()) => {
                    tokio::select! {
                        () = shutdown.cancelled() => return None,
                        () = tokio::time::sleep(RETRY_PAUSE) => {}
                    }
                }
            }
        }
    }

    /// Reads what is new; whether there was anything. An error is logged and told as one.
    async fn read(&mut self) -> Result<bool, ()> {
        let changed = self.read_changes().await?;
        let fixed = self.wants(EventKind::Fix) && self.read_journal().await?;
        Ok(changed || fixed)
    }

    async fn read_changes(&mut self) -> Result<bool, ()> {
        let after = i64::try_from(self.position.change).unwrap_or(i64::MAX);
        let changes = self
            .context
            .store
            .changes_after(after, CHANGES_MAX)
            .await
            .map_err(|error| {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "an event stream could not read the change log"
                );
            })?;
        let any = !changes.is_empty();
        for change in changes {
            self.position.change = u64::try_from(change.seq).unwrap_or(0);
            if let Err(error) = self.push_change(&change) {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    seq = change.seq,
                    "a change could not be told as an event"
                );
            }
        }
        Ok(any)
    }

    fn push_change(&mut self, change: &Change) -> Result<(), StoreError> {
        let kind = match change.kind {
            ChangeKind::Violation => EventKind::Violation,
            ChangeKind::Duty => EventKind::Duty,
            ChangeKind::Inquiry => EventKind::Inquiry,
            ChangeKind::PreAlarm => EventKind::PreAlarm,
        };
        if self.wants(kind) {
            let zone = self.context.zone();
            let body = match change.violation()? {
                Some(stored) => json(&violation_body(&stored, zone)),
                None => with_times(&change.body, zone),
            };
            self.push(kind, &body.unwrap_or_default());
        }
        Ok(())
    }

    async fn read_journal(&mut self) -> Result<bool, ()> {
        let records = self
            .context
            .journal
            .read_after(self.position.record, RECORDS_MAX)
            .await
            .map_err(|error| {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "an event stream could not read the journal"
                );
            })?;
        let Some(newest) = records.last() else {
            return Ok(false);
        };
        let fixes: Vec<Fix> = records.iter().flat_map(|r| &r.fixes).copied().collect();
        let names = self
            .context
            .names
            .covering(&self.context.store, &fixes)
            .await
            .map_err(|error| {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "an event stream could not name vehicles"
                );
            })?;
        tracing::trace!(
            sequence = newest.sequence,
            "an event stream read the journal"
        );
        if let Some(oldest) = records.first() {
            self.push_gap(oldest.sequence);
        }
        for record in &records {
            self.push_record(record, &names);
        }
        Ok(true)
    }

    /// Says that records were trimmed before this subscriber read them: the tracks have their fixes.
    fn push_gap(&mut self, oldest: u64) {
        let missed = oldest.saturating_sub(self.position.record.saturating_add(1));
        if missed > 0 {
            self.position.record = oldest.saturating_sub(1);
            self.position.fixes = 0;
            self.ready.push_back(
                Event::default()
                    .id(self.position.to_string())
                    .event("gap")
                    .data(format!("{{\"records_missed\":{missed}}}")),
            );
        }
    }

    fn push_record(&mut self, record: &FeedRecord, names: &Names) {
        let zone = self.context.zone();
        let before = record.sequence.saturating_sub(1);
        // Fixes of this record that were seen before a reconnection.
        let seen = if before == self.position.record {
            self.position.fixes
        } else {
            0
        };
        for (index, fix) in record.fixes.iter().enumerate().skip(seen) {
            let last = index + 1 == record.fixes.len();
            (self.position.record, self.position.fixes) = if last {
                (record.sequence, 0)
            } else {
                (before, index + 1)
            };
            if let Some(body) = fix_json(fix, names, zone) {
                self.push(EventKind::Fix, &body);
            }
        }
        (self.position.record, self.position.fixes) = (record.sequence, 0);
    }

    fn push(&mut self, kind: EventKind, body: &str) {
        let event = Event::default()
            .id(self.position.to_string())
            .event(kind.name())
            .data(body);
        self.ready.push_back(event);
    }

    fn wants(&self, kind: EventKind) -> bool {
        self.kinds.contains(&kind)
    }
}

fn json(value: &impl Serialize) -> Option<String> {
    serde_json::to_string(value).ok()
}

/// The body of a change, written as the API writes it.
///
/// The store keeps times as milliseconds in `at` and fields that end in `_at`, and spans in fields
/// that end in `_ms`, which become seconds.
fn with_times(body: &str, zone: LocalZone) -> Option<String> {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(body).ok()?;
    let told: serde_json::Map<_, _> = fields
        .into_iter()
        .map(|(name, field)| match field.as_i64() {
            Some(millis) if name == "at" || name.ends_with("_at") => {
                let time = zone.rfc3339(Timestamp::from_millis(millis));
                (name, time.into())
            }
            Some(millis) if name.ends_with("_ms") => {
                let seconds = crate::model::Span::from_millis(millis).seconds();
                (
                    name.trim_end_matches("_ms").to_owned() + "_s",
                    seconds.into(),
                )
            }
            Some(_) | None => (name, field),
        })
        .collect();
    json(&told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_with_times_and_seconds() {
        let body = r#"{"id":"q","sent_at":0,"answered_at":null,"answer_within_ms":300000}"#;
        assert_eq!(
            with_times(body, LocalZone::default()).unwrap(),
            r#"{"answer_within_s":300.0,"answered_at":null,"id":"q","sent_at":"1970-01-01T08:00:00+08:00"}"#
        );
    }

    #[test]
    fn a_position_survives_as_text() {
        let position = Position {
            change: 7,
            record: 12,
            fixes: 3,
        };
        assert_eq!(position.to_string().parse(), Ok(position));
        for bad in ["", "1-2", "a-b-c", "-1-2-3", "99999999999999999999-1-1"] {
            assert!(bad.parse::<Position>().is_err(), "{bad}");
        }
    }
}
