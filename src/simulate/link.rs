//! One connection of the load generator: come online, report, count the acknowledgements.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::timeout;

use super::frame::{Answer, AnswerReader};
use super::latency::Latencies;
use super::motion::Motion;
use super::terminal::Terminal;
use super::{AckMillis, Summary, fleet};
use crate::clock::Clock;
use crate::model::{Span, Timestamp};

/// How the load is spread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) address: SocketAddr,
    /// Time between writes; zero for a closed loop.
    pub(super) interval: Duration,
    pub(super) duration: Duration,
    /// Reports a write.
    pub(super) batch: u32,
    pub(super) connections: u32,
}

/// How long to wait for an answer before it counts as an error.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// How far in the past a run begins that reports faster than its fix times pass. Unit: days.
const PAST_DAYS: i64 = 30;

impl Plan {
    /// Fix time from one report to the next: whole seconds, because the wire knows no less.
    fn fix_step(&self) -> Span {
        let seconds = self.interval.as_secs() / u64::from(self.batch);
        Span::from_seconds(i64::try_from(seconds.max(1)).unwrap_or(1))
    }

    /// Fix time of the first report. Reports that come faster than one a second have fix times of
    /// the past, since none may lie in the future and no two may be the same.
    fn first_fix(&self, now: Timestamp) -> Timestamp {
        if self.interval.as_secs() >= u64::from(self.batch) {
            now
        } else {
            now - Span::from_hours(24 * PAST_DAYS)
        }
    }
}

/// What all connections count together.
#[derive(Debug)]
pub(super) struct Shared {
    plan: Plan,
    pub(super) clock: Clock,
    ramp: Semaphore,
    settled: Notify,
    online: AtomicU64,
    failed: AtomicU64,
    sent: AtomicU64,
    acked: AtomicU64,
    errors: AtomicU64,
    last_ack_us: AtomicU64,
    latencies: Latencies,
    first_error: Mutex<Option<String>>,
}

impl Shared {
    pub(super) fn new(plan: Plan, clock: Clock, ramp: Semaphore) -> Self {
        Self {
            plan,
            clock,
            ramp,
            settled: Notify::new(),
            online: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            acked: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            last_ack_us: AtomicU64::new(0),
            latencies: Latencies::default(),
            first_error: Mutex::new(None),
        }
    }

    pub(super) fn online(&self) -> u64 {
        self.online.load(Ordering::Acquire)
    }

    /// Waits until each connection's first terminal is online or has failed.
    pub(super) async fn wait_until_settled(&self, connections: u32) {
        loop {
            let notified = self.settled.notified();
            let settled = self.online() + self.failed.load(Ordering::Acquire);
            if settled >= u64::from(connections) {
                return;
            }
            notified.await;
        }
    }

    pub(super) fn first_error(&self) -> String {
        let error = self
            .first_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        error.clone().unwrap_or_default()
    }

    fn count_error(&self, error: &LinkError, number: u32) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        let mut first = self
            .first_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if first.is_none() {
            tracing::warn!(vehicle = number, %error, "first failure; further ones are counted");
            *first = Some(error.to_string());
        }
    }

    pub(super) fn summary(&self, began: Duration) -> Summary {
        let acked = self.acked.load(Ordering::Acquire);
        let last_ack = Duration::from_micros(self.last_ack_us.load(Ordering::Acquire));
        let elapsed = last_ack.saturating_sub(began).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let acked_per_s = if elapsed > 0.0 {
            acked as f64 / elapsed
        } else {
            0.0
        };
        Summary {
            sent: self.sent.load(Ordering::Acquire),
            acked,
            acked_per_s: (acked_per_s * 10.0).round() / 10.0,
            ack_ms: AckMillis {
                p50: self.latencies.quantile_ms(0.5),
                p99: self.latencies.quantile_ms(0.99),
                max: self.latencies.max_ms(),
            },
            errors: self.errors.load(Ordering::Acquire),
        }
    }
}

/// What can go wrong with one terminal.
#[derive(Debug, thiserror::Error)]
enum LinkError {
    #[error("cannot use the connection: {0}")]
    Io(#[from] std::io::Error),
    #[error("the server closed the connection")]
    Closed,
    #[error("registration was refused with result {0} (2 and 4: not imported; see --write-fleet)")]
    Unregistered(u8),
    #[error("authentication was refused with result {0}")]
    Unauthenticated(u8),
    #[error("no answer within {ANSWER_WITHIN:?}")]
    Silent,
}

/// Carries the vehicles `numbers` one after another, from the moment that `started` tells.
pub(super) async fn run(
    shared: Arc<Shared>,
    index: u32,
    numbers: Vec<u32>,
    mut started: watch::Receiver<Option<Duration>>,
) {
    let share = shared.plan.duration / u32::try_from(numbers.len().max(1)).unwrap_or(u32::MAX);
    let mut settled = false;
    for (turn, number) in (1..).zip(numbers) {
        let came = come_online(&shared, number).await;
        if !settled {
            let counter = if came.is_ok() {
                &shared.online
            } else {
                &shared.failed
            };
            counter.fetch_add(1, Ordering::AcqRel);
            shared.settled.notify_one();
            settled = true;
        }
        let outcome = match came {
            Ok(mut link) => {
                let Ok(start) = started.wait_for(Option::is_some).await.map(|start| *start) else {
                    return;
                };
                let begin = start.unwrap_or_default() + share * (turn - 1);
                let end = begin + share;
                let outcome = if shared.plan.interval.is_zero() {
                    link.run_closed_loop(end).await
                } else {
                    link.run_paced(index, begin, end).await
                };
                let unanswered = u64::try_from(link.in_flight.len()).unwrap_or_default();
                shared.errors.fetch_add(unanswered, Ordering::Relaxed);
                outcome
            }
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            shared.count_error(&error, number);
        }
    }
}

/// Connects, registers and authenticates one vehicle's terminal.
async fn come_online(shared: &Arc<Shared>, number: u32) -> Result<Link, LinkError> {
    let permit = shared.ramp.acquire().await;
    let stream = TcpStream::connect(shared.plan.address).await?;
    stream.set_nodelay(true)?;
    let phone = fleet::phone(number).ok_or(LinkError::Unregistered(u8::MAX))?;
    let mut link = Link {
        shared: Arc::clone(shared),
        stream,
        terminal: Terminal::new(&phone),
        motion: Motion::new(number, shared.plan.first_fix(shared.clock.now())),
        answers: AnswerReader::default(),
        out: Vec::new(),
        in_flight: VecDeque::new(),
    };
    link.terminal.register(&fleet::plate(number), &mut link.out);
    link.flush().await?;
    let code = match link.wait_for_answer().await? {
        Answer::Registered { result: 0, code } => code,
        Answer::Registered { result, .. } | Answer::General { result, .. } => {
            return Err(LinkError::Unregistered(result));
        }
        Answer::Command { .. } => return Err(LinkError::Unregistered(u8::MAX)),
    };
    link.terminal.authenticate(&code, &mut link.out);
    link.flush().await?;
    let answer = link.wait_for_answer().await?;
    drop(permit);
    match answer {
        Answer::General { result: 0, .. } => Ok(link),
        Answer::General { result, .. } => Err(LinkError::Unauthenticated(result)),
        _ => Err(LinkError::Unauthenticated(u8::MAX)),
    }
}

/// One terminal that is online.
struct Link {
    shared: Arc<Shared>,
    stream: TcpStream,
    terminal: Terminal,
    motion: Motion,
    answers: AnswerReader,
    out: Vec<u8>,
    /// Serial and intended moment of each report that waits for its answer, oldest first.
    in_flight: VecDeque<(u16, Duration)>,
}

impl Link {
    /// Sends the next reports as soon as the last ones are acknowledged, until `end`.
    async fn run_closed_loop(&mut self, end: Duration) -> Result<(), LinkError> {
        loop {
            let now = self.shared.clock.monotonic();
            if now >= end {
                return Ok(());
            }
            if self.send_reports(now).await? == 0 {
                return Ok(());
            }
            self.drain().await?;
        }
    }

    /// Sends reports at fixed moments, whatever the server does, until `end`.
    async fn run_paced(
        &mut self,
        index: u32,
        begin: Duration,
        end: Duration,
    ) -> Result<(), LinkError> {
        let plan = self.shared.plan;
        let mut intended = begin
            + plan
                .interval
                .mul_f64(f64::from(index) / f64::from(plan.connections));
        while intended < end {
            let early = intended.saturating_sub(self.shared.clock.monotonic());
            if !early.is_zero() {
                let pause = tokio::time::sleep(early);
                tokio::select! {
                    () = pause => {}
                    readable = self.stream.readable() => {
                        readable?;
                        self.read_answers()?;
                        continue;
                    }
                }
            }
            self.send_reports(intended).await?;
            intended += plan.interval;
        }
        self.drain().await
    }

    /// Sends one write of reports; none when their fix times have caught up with the clock.
    async fn send_reports(&mut self, intended: Duration) -> Result<u64, LinkError> {
        let plan = self.shared.plan;
        let mut sent = 0;
        for _ in 0..plan.batch {
            if self.motion.time() > self.shared.clock.now() {
                break;
            }
            let report = self.motion.advance(plan.fix_step());
            let serial = self.terminal.report(&report, &mut self.out);
            self.in_flight.push_back((serial, intended));
            sent += 1;
        }
        self.shared.sent.fetch_add(sent, Ordering::Relaxed);
        self.flush().await?;
        Ok(sent)
    }

    async fn flush(&mut self) -> Result<(), LinkError> {
        self.stream.write_all(&self.out).await?;
        self.out.clear();
        Ok(())
    }

    /// Waits until every report has its answer.
    async fn drain(&mut self) -> Result<(), LinkError> {
        while !self.in_flight.is_empty() {
            match timeout(ANSWER_WITHIN, self.stream.readable()).await {
                Ok(readable) => readable?,
                Err(_) => return Err(LinkError::Silent),
            }
            self.read_answers()?;
        }
        Ok(())
    }

    /// Takes what has arrived; to be called when the connection is readable.
    fn read_answers(&mut self) -> Result<(), LinkError> {
        let mut buffer = [0; 8192];
        let read = match self.stream.try_read(&mut buffer) {
            Ok(0) => return Err(LinkError::Closed),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let now = self.shared.clock.monotonic();
        let (mut acked, mut refused) = (0, 0);
        let (shared, in_flight) = (&self.shared, &mut self.in_flight);
        let bytes = buffer.get(..read).unwrap_or_default();
        self.answers.handle_bytes(bytes, |answer| {
            let Answer::General { serial, result } = answer else {
                return;
            };
            let Some(place) = in_flight.iter().position(|(sent, _)| *sent == serial) else {
                return;
            };
            if let Some((_, intended)) = in_flight.remove(place) {
                shared.latencies.record(now.saturating_sub(intended));
            }
            if result == 0 {
                acked += 1;
            } else {
                refused += 1;
            }
        });
        shared.acked.fetch_add(acked, Ordering::Relaxed);
        shared.errors.fetch_add(refused, Ordering::Relaxed);
        let now_us = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        shared.last_ack_us.fetch_max(now_us, Ordering::Relaxed);
        Ok(())
    }

    /// The next answer to a registration or authentication.
    async fn wait_for_answer(&mut self) -> Result<Answer, LinkError> {
        let mut buffer = [0; 1024];
        loop {
            match timeout(ANSWER_WITHIN, self.stream.readable()).await {
                Ok(readable) => readable?,
                Err(_) => return Err(LinkError::Silent),
            }
            let read = match self.stream.try_read(&mut buffer) {
                Ok(0) => return Err(LinkError::Closed),
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            };
            let mut found = None;
            self.answers
                .handle_bytes(buffer.get(..read).unwrap_or_default(), |answer| {
                    if !matches!(answer, Answer::Command { .. }) {
                        found.get_or_insert(answer);
                    }
                });
            if let Some(answer) = found {
                return Ok(answer);
            }
        }
    }
}
