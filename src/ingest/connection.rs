//! A terminal's TCP connection: socket bytes to its session, replies back.
//!
//! Nothing is buffered while a connection is idle: bytes are read onto the stack of the task that polls it, and
//! only what a session could not take yet is kept.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::listener::Permit;
use super::shared::Shared;
use super::terminal::Terminal;

/// Bytes read at once.
const READ_BYTES: usize = 8192;

/// What ended a wait.
enum Event {
    /// So many bytes came; 0 is the end of the stream.
    Read(usize),
    Called,
    Deadline,
    Shutdown,
}

/// Tells whether anything but the socket wants the task.
///
/// Reports come a hundred thousand times as often as all else together; without it every one of them would ask
/// each of the other futures, locks included.
struct Bell {
    rung: AtomicBool,
    task: AtomicWaker,
}

impl Default for Bell {
    /// Rung: the first poll asks everything.
    fn default() -> Self {
        Self {
            rung: AtomicBool::new(true),
            task: AtomicWaker::new(),
        }
    }
}

impl Bell {
    /// Whether it was rung; from now on it wakes `waker`.
    fn answer(&self, waker: &Waker) -> bool {
        self.task.register(waker);
        self.rung.load(Ordering::Acquire) && self.rung.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

struct Connection<'a> {
    shared: &'a Shared,
    stream: TcpStream,
    terminal: Terminal,
    /// Bytes that the session has not taken yet.
    rest: Vec<u8>,
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
    let mut connection = Connection {
        shared: &shared,
        stream,
        terminal,
        rest: Vec::new(),
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
        let bell = Arc::new(Bell::default());
        let ringer = Waker::from(Arc::clone(&bell));
        loop {
            // A deadline that moved on is looked at when the alarm rings; one that came nearer sets it anew.
            let next = self.terminal.next_deadline();
            if next.is_some_and(|next| rings_at.is_none_or(|rings_at| next < rings_at)) {
                alarm.set(sleep(self.until_deadline()));
                rings_at = next;
                bell.rung.store(true, Ordering::Relaxed);
            }
            let event = poll_fn(|context| {
                if bell.answer(context.waker()) {
                    let mut context = Context::from_waker(&ringer);
                    let event = if ended.as_mut().poll(&mut context).is_ready() {
                        Some(Event::Shutdown)
                    } else if called.as_mut().poll(&mut context).is_ready() {
                        Some(Event::Called)
                    } else if alarm.as_mut().poll(&mut context).is_ready() {
                        Some(Event::Deadline)
                    } else {
                        None
                    };
                    if let Some(event) = event {
                        // What stands after it has not been asked, and it is made anew.
                        bell.rung.store(true, Ordering::Relaxed);
                        return Poll::Ready(Ok(event));
                    }
                }
                self.poll_read(context).map_ok(Event::Read)
            })
            .await?;
            match event {
                Event::Read(0) | Event::Shutdown => return Ok(()),
                Event::Read(_) => {}
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
                return self.stream.shutdown().await;
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
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut bytes = [MaybeUninit::uninit(); READ_BYTES];
        let mut buffer = ReadBuf::uninit(&mut bytes);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        let filled = buffer.filled();
        let used = self.terminal.feed(self.shared, filled, false);
        self.rest
            .extend_from_slice(filled.get(used..).unwrap_or_default());
        Poll::Ready(Ok(filled.len()))
    }

    /// Settles until everything read has been taken and acknowledged.
    async fn settle(&mut self) -> io::Result<()> {
        loop {
            if let Some(group) = self.terminal.settle(self.shared).await {
                group.durable().await;
                self.terminal.handle_durable();
            }
            self.write_replies().await?;
            if self.rest.is_empty() || self.terminal.is_closing() {
                return Ok(());
            }
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

    async fn write_replies(&mut self) -> io::Result<()> {
        if self.terminal.replies.is_empty() {
            return Ok(());
        }
        let written = match self.stream.try_write(&self.terminal.replies) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        if let Some(left) = self
            .terminal
            .replies
            .get(written..)
            .filter(|left| !left.is_empty())
        {
            // The terminal does not read: it gets a bounded time, then its connection is closed.
            timeout(self.shared.write_max, self.stream.write_all(left))
                .await
                .map_err(|_elapsed| io::Error::from(io::ErrorKind::TimedOut))??;
        }
        self.terminal.replies_written();
        Ok(())
    }
}
