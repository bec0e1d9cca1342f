//! What the API is given: the store, the clock, and the parts of the server that it talks to.
//!
//! Parts that live elsewhere are behind small traits, so that the API needs no socket, no journal
//! and no detector, and a test can stand in for each.

use std::fmt;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, header};
use futures_util::future::BoxFuture;
use metrics_exporter_prometheus::PrometheusHandle;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::cache::DutyCache;
use super::names::NameCache;
use crate::clock::Clock;
use crate::live::Live;
use crate::model::rules::{DutyRules, RuleSet};
use crate::model::{
    Datum, DriverId, Fix, LocalZone, Plate, Region, Span, TerminalPhone, Timestamp, VehicleId,
};
use crate::store::{FatigueLeft, Store, StoreError};

/// Everything that the API needs.
#[derive(Clone, Debug)]
pub struct ApiState {
    /// The database.
    pub store: Store,
    /// The server's time.
    pub clock: Clock,
    /// Wakes the event streams.
    pub live: Live,
    /// The rulebook in force.
    pub rules: Arc<dyn RuleSource>,
    /// Takes posted fixes in.
    pub sink: Arc<dyn FixSink>,
    /// Reads back fixes that are journalled.
    pub journal: Arc<dyn FixFeed>,
    /// Talks to connected terminals.
    pub terminals: Arc<dyn TerminalCommander>,
    /// Says how long drivers may still drive.
    pub hours: Arc<dyn DriverHours>,
    /// Says whether the server can do its work.
    pub readiness: Arc<dyn Readiness>,
    /// Renders the metrics; `None` where no recorder is installed.
    pub metrics: Option<PrometheusHandle>,
    /// Who may ask.
    pub access: Access,
    /// Opens `POST /fixes` and `/metrics` to our own commands.
    pub control: Option<ControlToken>,
    /// Bounds of what is asked.
    pub limits: ApiLimits,
    /// Ends the event streams when the server drains.
    pub shutdown: CancellationToken,
}

/// The rulebook in force.
pub trait RuleSource: Send + Sync + fmt::Debug {
    /// The whole of it, with its version and zone.
    fn current(&self) -> Arc<RuleSet>;

    /// Thresholds of the duty for a region at a moment (regional overrides, campaigns).
    fn duty(&self, region: &Region, at: Timestamp) -> Arc<DutyRules>;
}

/// Takes fixes in: parses, journals, hands to the shards.
pub trait FixSink: Send + Sync + fmt::Debug {
    /// Takes an NDJSON body; answers once everything that it says is stored is durable. `datum` is that of the
    /// places whose line names none, over what the register declares.
    fn submit(
        &self,
        body: Bytes,
        datum: Option<Datum>,
    ) -> BoxFuture<'_, Result<FixesAnswer, SinkError>>;
}

/// What became of a posted body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FixesAnswer {
    /// Fixes that are now durable and were not before.
    pub stored: u64,
    /// Fixes that were already stored.
    pub duplicates: u64,
    /// Lines that were not taken.
    pub rejected: Vec<RejectedLine>,
    /// Violations found or changed by these fixes, where they are judged before the answer.
    pub violations: Option<u64>,
}

/// A line that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedLine {
    /// Its number; the first line is 1.
    pub line: u64,
    /// Stable reason.
    pub code: String,
    /// What is wrong with it.
    pub message: String,
}

/// Why a body was not taken at all; the client may send it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// More is waiting than the journal can write.
    #[error("the journal is behind: try again")]
    Busy,
    /// The server is stopping.
    #[error("the server is draining")]
    Draining,
    /// The journal cannot be written: nothing is acknowledged.
    #[error("the journal cannot be written")]
    Unavailable,
}

/// Reads fixes that are journalled, for the event stream.
pub trait FixFeed: Send + Sync + fmt::Debug {
    /// Records after a sequence, oldest first, at most `records_max`.
    fn read_after(
        &self,
        sequence: u64,
        records_max: usize,
    ) -> BoxFuture<'_, Result<Vec<FeedRecord>, FeedError>>;
}

/// One journal record.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedRecord {
    /// Its sequence.
    pub sequence: u64,
    /// Its fixes, in their order.
    pub fixes: Vec<Fix>,
}

/// The journal could not be read; the cause is logged where it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal cannot be read")]
pub struct FeedError;

/// Says how long drivers may still drive, from what all vehicles told.
pub trait DriverHours: Send + Sync + fmt::Debug {
    /// The hours at a moment; `None` for a vehicle that the register does not know.
    fn hours(
        &self,
        wheel: Wheel,
        at: Timestamp,
    ) -> BoxFuture<'_, Result<Option<Hours>, StoreError>>;
}

/// Whose hours are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wheel {
    /// A driver's, by the rules of the vehicle that was driven last; of a coach before any was.
    Of(DriverId),
    /// Those of whoever is at the wheel of a vehicle, by its rules; `None` for an unknown driver.
    At(VehicleId, Option<DriverId>),
}

/// What was driven and may still be driven.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hours {
    /// Up to here it is known what was done; `None` when nothing was driven in the last days.
    pub known_until: Option<Timestamp>,
    /// The vehicle that was driven last.
    pub plate: Option<Plate>,
    /// Driving since the last rest.
    pub driven: Span,
    /// Before each limit.
    pub left: FatigueLeft,
}

/// Sends commands to terminals.
pub trait TerminalCommander: Send + Sync + fmt::Debug {
    /// Has a text spoken in the cab (0x8300) and waits, bounded, for the acknowledgement.
    fn send_text(&self, terminal: TerminalPhone, text: String) -> BoxFuture<'_, TextOutcome>;
}

/// What became of a text to a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextOutcome {
    /// The terminal has no session: nothing was sent.
    NotConnected,
    /// Sent; no acknowledgement came in time.
    NotAcknowledged,
    /// Sent and acknowledged.
    Acknowledged {
        /// When the acknowledgement came.
        at: Timestamp,
        /// Result of 0x0001: 0 success, 1 failure, 2 wrong message, 3 not supported.
        result: u8,
    },
}

/// Whether the server can do its work.
pub trait Readiness: Send + Sync + fmt::Debug {
    /// What stands against it; empty when ready. The store is asked apart.
    fn obstacles(&self) -> Vec<Obstacle>;
}

/// One thing that stands against being ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The server is starting: replay is not done.
    Starting,
    /// The server is stopping.
    Draining,
    /// The database does not answer or cannot be written.
    Store,
    /// Nothing is acknowledged to terminals and senders.
    Ingest,
}

impl Obstacle {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Draining => "draining",
            Self::Store => "store_down",
            Self::Ingest => "ingest_not_acknowledging",
        }
    }
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone on this machine may do anything (`--dev-open`).
    DevOpen,
    /// Only health is answered.
    HealthOnly,
}

/// A random token that our own commands on this machine read from the data folder.
///
/// Only its hash is kept, so that neither memory nor a debug print shows it, and comparing takes
/// the same time whatever is given.
#[derive(Clone, PartialEq, Eq)]
pub struct ControlToken([u8; 32]);

impl ControlToken {
    /// The token of that text.
    pub fn new(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }
}

impl fmt::Debug for ControlToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ControlToken")
    }
}

/// Bounds of what is asked. Each is a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiLimits {
    /// Largest JSON body. Unit: bytes.
    pub json_bytes_max: usize,
    /// Largest body of `POST /fixes`. Unit: bytes.
    pub fixes_bytes_max: usize,
    /// Items of a page unless asked otherwise.
    pub page_items_default: u32,
    /// Most items of a page.
    pub page_items_max: u32,
    /// Event streams open at once.
    pub stream_subscribers_max: usize,
    /// Longest period of a duty question. Unit: days.
    pub duty_days_max: u32,
    /// Longest period of a track. Unit: days.
    pub track_days_max: u32,
    /// Most vehicles in one answer of `/positions`.
    pub positions_max: u32,
    /// Longest text to a terminal, question, answer or note. Unit: characters.
    pub text_chars_max: usize,
    /// Enterprises asked by one post check.
    pub inquiry_enterprises_max: usize,
    /// Age until which an evaluated failing list may be shown again. Unit: milliseconds.
    pub duty_cache_ms: u64,
    /// Longest text spoken in a cab. Unit: characters; the message holds 1024 bytes of GBK.
    pub voice_chars_max: usize,
    /// Silence after which a vehicle counts as offline. Unit: seconds.
    pub online_s_max: i64,
    /// Longest time up to the head of an answer, and for each further page of a track.
    pub request_max: Duration,
    /// Longest wait of `/readyz` for the store; one that is silent for longer is down.
    pub ready_max: Duration,
}

impl Default for ApiLimits {
    fn default() -> Self {
        Self {
            json_bytes_max: 256 * 1024,
            fixes_bytes_max: 64 * 1024 * 1024,
            page_items_default: 50,
            page_items_max: 1000,
            stream_subscribers_max: 64,
            duty_days_max: 400,
            track_days_max: 31,
            positions_max: 10_000,
            text_chars_max: 2000,
            inquiry_enterprises_max: 10_000,
            duty_cache_ms: 10_000,
            voice_chars_max: 500,
            online_s_max: 600,
            request_max: Duration::from_mins(1),
            ready_max: Duration::from_secs(3),
        }
    }
}

/// What handlers share: the state and what the API keeps for itself.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) state: ApiState,
    pub(super) duty: DutyCache,
    pub(super) names: NameCache,
    pub(super) streams: Arc<Semaphore>,
    /// The OpenAPI document, as text.
    pub(super) document: String,
}

impl Deref for Context {
    type Target = ApiState;
    fn deref(&self) -> &ApiState {
        &self.state
    }
}

impl Context {
    /// Zone of the times in answers.
    pub(super) fn zone(&self) -> LocalZone {
        self.state.rules.current().zone
    }

    /// Makes a change that a handler has written visible at once: to the event streams, and by
    /// letting no older failing list be shown.
    pub(super) async fn wake(&self) {
        self.duty.forget();
        match self.store.last_change().await {
            Ok(sequence) => self
                .live
                .changes_reached(u64::try_from(sequence).unwrap_or(0)),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the event streams could not be woken"
            ),
        }
    }
}

/// How handlers take it.
pub(super) type Shared = Arc<Context>;

impl ApiState {
    /// Whether a request carries the control token.
    pub(super) fn has_control(&self, headers: &HeaderMap) -> bool {
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        match (given, &self.control) {
            (Some(given), Some(control)) => ControlToken::new(given.trim()) == *control,
            (Some(_) | None, _) => false,
        }
    }
}

/// Whether a request came from this machine; `None` where the listener does not say.
pub(super) fn is_local(request: &axum::extract::Request) -> Option<bool> {
    request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback())
}
