//! A terminal's TCP connection: socket bytes to its session, replies back.
//!
//! Acknowledgements of data leave by the connection's outbox when their group is durable. The task does not wait
//! for that, but it reads no further before it: no terminal has more than one read's worth of data not durable.
//!
//! Nothing is buffered while a connection is idle: bytes are read onto the stack of the task that polls it, and
//! only what a session could not take yet is kept.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::time::{sleep, timeout};

use super::committer::Group;
use super::listener::Permit;
use super::outbox::Outbox;
use super::shared::Shared;
use super::terminal::Terminal;

/// Bytes read at once.
const READ_BYTES: usize = 8192;

/// What ended a wait.
enum Event {
    /// So many bytes came; 0 is the end of the stream.
    Read(usize),
    /// There are bytes to read, but what was read before is not durable yet.
    TooEarly,
    /// The socket did not take everything that was sent.
    Behind,
    Called,
    Deadline,
    Shutdown,
}

struct Connection<'a> {
    shared: &'a Shared,
    stream: OwnedReadHalf,
    outbox: Arc<Outbox>,
    terminal: Terminal,
    /// Bytes that the session has not taken yet.
    rest: Vec<u8>,
    /// What was read last, until it is durable.
    pending: Option<Arc<Group>>,
}

/// Serves one connection to its end.
pub(super) async fn serve(
    shared: Arc<Shared>,
    stream: TcpStream,
    peer: SocketAddr,
    permit: Permit,
) {
    // Replies are small and must not wait for each other.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no delay cannot be set");
    }
    let terminal = Terminal::new(&shared, peer);
    let (stream, sending) = stream.into_split();
    let mut connection = Connection {
        shared: &shared,
        stream,
        outbox: Arc::new(Outbox::new(sending)),
        terminal,
        rest: Vec::new(),
        pending: None,
    };
    if let Err(error) = connection.run().await {
        tracing::debug!(%error, %peer, "connection ended");
    }
    connection.terminal.disconnect(&shared);
    drop(permit);
}

impl Connection<'_> {
    async fn run(&mut self) -> io::Result<()> {
        // Made once and polled in place: to make them anew for each read would cost more than the read.
        let shutdown = self.shared.shutdown.child_token();
        let mut ended = pin!(shutdown.cancelled());
        let link = Arc::clone(&self.terminal.link);
        let mut called = pin!(link.called());
        let mut alarm = pin!(sleep(self.until_deadline()));
        let mut rings_at = self.terminal.next_deadline();
        let outbox = Arc::clone(&self.outbox);
        let ringer = Waker::from(Arc::clone(&outbox));
        loop {
            // A deadline that moved on is looked at when the alarm rings; one that came nearer sets it anew.
            let next = self.terminal.next_deadline();
            if next.is_some_and(|next| rings_at.is_none_or(|rings_at| next < rings_at)) {
                alarm.set(sleep(self.until_deadline()));
                rings_at = next;
                outbox.ring();
            }
            let event = poll_fn(|context| {
                if outbox.answer(context.waker()) {
                    let mut ring = Context::from_waker(&ringer);
                    let event = if ended.as_mut().poll(&mut ring).is_ready() {
                        Some(Event::Shutdown)
                    } else if called.as_mut().poll(&mut ring).is_ready() {
                        Some(Event::Called)
                    } else if alarm.as_mut().poll(&mut ring).is_ready() {
                        Some(Event::Deadline)
                    } else {
                        outbox.is_behind().then_some(Event::Behind)
                    };
                    if let Some(event) = event {
                        // The others have not been asked, and this one is made anew.
                        outbox.ring();
                        return Poll::Ready(Ok(event));
                    }
                }
                self.poll_read(context)
            })
            .await?;
            match event {
                Event::Read(0) | Event::Shutdown => return Ok(()),
                Event::Read(_) => {}
                Event::TooEarly => self.pending_durable().await,
                Event::Behind => self.catch_up().await?,
                Event::Called => {
                    called.set(link.called());
                    self.terminal.handle_commands(self.shared);
                }
                Event::Deadline => {
                    self.terminal.handle_timeout(self.shared);
                    alarm.set(sleep(self.until_deadline()));
                    rings_at = self.terminal.next_deadline();
                }
            }
            self.settle().await?;
            if self.terminal.is_closing() {
                // What is still to be acknowledged keeps the sending side open until it has been.
                return Ok(());
            }
        }
    }

    /// Time until the session wants to be woken; asked for again only when it has passed, so that traffic
    /// that moves the deadline on costs nothing.
    fn until_deadline(&self) -> Duration {
        let now = self.shared.timer.monotonic();
        self.terminal
            .next_deadline()
            .map_or(Duration::from_mins(1), |deadline| {
                deadline.saturating_sub(now)
            })
    }

    /// Reads once and feeds the session.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Event>> {
        if let Some(pending) = &self.pending {
            if !pending.is_durable() {
                // Most terminals send when they have their answer: then nobody is woken for the group's sake.
                ready!(self.stream.as_ref().poll_read_ready(context))?;
                return Poll::Ready(Ok(Event::TooEarly));
            }
            self.pending = None;
        }
        let mut bytes = [MaybeUninit::uninit(); READ_BYTES];
        let mut buffer = ReadBuf::uninit(&mut bytes);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        let filled = buffer.filled();
        let used = self.terminal.feed(self.shared, filled, false);
        self.rest
            .extend_from_slice(filled.get(used..).unwrap_or_default());
        Poll::Ready(Ok(Event::Read(filled.len())))
    }

    async fn pending_durable(&mut self) {
        if let Some(pending) = self.pending.take() {
            pending.durable().await;
        }
    }

    /// Settles until everything read has been taken and its acknowledgement is on its way.
    async fn settle(&mut self) -> io::Result<()> {
        loop {
            let posted = self.terminal.settle_by_post(self.shared, &self.outbox);
            if let Some(group) = posted.await? {
                self.pending = Some(group);
            }
            if !self.terminal.replies.is_empty() {
                let all = self.outbox.send(&self.terminal.replies)?;
                self.terminal.replies_written();
                if !all {
                    self.catch_up().await?;
                }
            }
            if self.rest.is_empty() || self.terminal.is_closing() {
                return Ok(());
            }
            self.pending_durable().await;
            let now = self.shared.timer.monotonic();
            if let Some(until) = self.terminal.paused_until(now) {
                sleep(until.saturating_sub(now)).await;
            }
            let used = self.terminal.feed(self.shared, &self.rest, false);
            self.rest.drain(..used);
            if self.rest.is_empty() {
                self.rest = Vec::new();
            }
        }
    }

    /// The terminal does not read: it gets a bounded time, then its connection is closed.
    async fn catch_up(&self) -> io::Result<()> {
        timeout(self.shared.write_max, self.outbox.catch_up())
            .await
            .map_err(|_elapsed| io::Error::from(io::ErrorKind::TimedOut))?
    }
}
