//! The sending side of a terminal's connection, for its own task and for the commit.
//!
//! Acknowledgements are made when their reports are handed to the committer and leave when the group is durable,
//! without waking the connection's task for it: the next report wakes it soon enough. Whatever sends, replies
//! leave whole and one after the other; what the socket does not take stays here for the connection's task.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use futures_util::task::AtomicWaker;
use tokio::net::tcp::OwnedWriteHalf;

/// The sending side of one connection; the stream's end is sent when the last holder drops it.
#[derive(Debug)]
pub(super) struct Outbox {
    stream: OwnedWriteHalf,
    /// Bytes that the socket did not take; what comes later stands behind them.
    behind: Mutex<Vec<u8>>,
    /// Whether anything but bytes to read wants the connection's task.
    ///
    /// Reports come a hundred thousand times as often as all else together; without it every one of them would
    /// ask each of the other futures, locks included.
    rung: AtomicBool,
    task: AtomicWaker,
}

impl Outbox {
    /// In front of a socket; rung, so that everything is asked once.
    pub(super) fn new(stream: OwnedWriteHalf) -> Self {
        Self {
            stream,
            behind: Mutex::default(),
            rung: AtomicBool::new(true),
            task: AtomicWaker::new(),
        }
    }

    fn behind(&self) -> MutexGuard<'_, Vec<u8>> {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends as much as the socket takes and keeps the rest in order; whether all has left.
    ///
    /// # Errors
    /// The socket's.
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<bool> {
        let mut behind = self.behind();
        let written = if behind.is_empty() {
            self.try_write(bytes)?
        } else {
            0
        };
        behind.extend_from_slice(bytes.get(written..).unwrap_or_default());
        Ok(behind.is_empty())
    }

    /// Sends for the commit; the connection's task is called only when something is left to do.
    pub(super) fn deliver(&self, bytes: &[u8]) {
        match self.send(bytes) {
            Ok(true) => {}
            Ok(false) => self.ring(),
            // The connection's task reads the end of it.
            Err(error) => tracing::debug!(%error, "an acknowledgement was not sent"),
        }
    }

    /// Whether the socket has not taken everything yet.
    pub(super) fn is_behind(&self) -> bool {
        !self.behind().is_empty()
    }

    /// Waits until the socket has taken everything.
    ///
    /// # Errors
    /// The socket's.
    pub(super) async fn catch_up(&self) -> io::Result<()> {
        loop {
            {
                let mut behind = self.behind();
                let written = self.try_write(&behind)?;
                behind.drain(..written);
                if behind.is_empty() {
                    *behind = Vec::new();
                    return Ok(());
                }
            }
            self.stream.writable().await?;
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.stream.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            other => other,
        }
    }

    /// Calls the connection's task to look at everything.
    pub(super) fn ring(&self) {
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }

    /// Whether it was rung; from now on it wakes `waker`.
    pub(super) fn answer(&self, waker: &Waker) -> bool {
        self.task.register(waker);
        self.rung.load(Ordering::Acquire) && self.rung.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Outbox {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

/// Acknowledgements that wait for their group.
#[derive(Debug, Default)]
pub(super) struct Letters {
    bytes: Vec<u8>,
    /// Receiver, and where its bytes end.
    to: Vec<(Arc<Outbox>, usize)>,
}

/// Letters sent by one task; a group is spread over the workers.
const LETTERS_PER_TASK: usize = 64;

impl Letters {
    /// Adds a letter.
    pub(super) fn add(&mut self, outbox: &Arc<Outbox>, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.to.push((Arc::clone(outbox), self.bytes.len()));
    }

    /// The letters in portions, each for a task of its own.
    pub(super) fn portions(self) -> impl Iterator<Item = Self> {
        let mut begin = 0;
        let mut to = self.to.into_iter();
        std::iter::from_fn(move || {
            let mut portion = Self::default();
            portion.to.extend(to.by_ref().take(LETTERS_PER_TASK));
            let (_, end) = portion.to.last()?;
            let bytes = self.bytes.get(begin..*end).unwrap_or_default();
            portion.bytes.extend_from_slice(bytes);
            for (_, end) in &mut portion.to {
                *end -= begin;
            }
            begin += portion.bytes.len();
            Some(portion)
        })
    }

    /// Sends every letter.
    pub(super) fn deliver(self) {
        let mut begin = 0;
        for (outbox, end) in self.to {
            outbox.deliver(self.bytes.get(begin..end).unwrap_or_default());
            begin = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::{TcpListener, TcpStream};

    async fn pair() -> (Arc<Outbox>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (near, _) = listener.accept().await.unwrap();
        let (_, write) = near.into_split();
        (Arc::new(Outbox::new(write)), far)
    }

    #[tokio::test]
    async fn what_the_socket_does_not_take_keeps_its_order() {
        let (outbox, mut far) = pair().await;
        let block: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
        let mut sent = Vec::new();
        while outbox.send(&block).unwrap() {
            sent.extend_from_slice(&block);
        }
        sent.extend_from_slice(&block);
        assert!(!outbox.send(b"last").unwrap() && outbox.is_behind());
        sent.extend_from_slice(b"last");
        let reading = tokio::spawn(async move {
            let mut read = Vec::new();
            far.read_to_end(&mut read).await.unwrap();
            read
        });
        outbox.catch_up().await.unwrap();
        assert!(!outbox.is_behind());
        drop(outbox);
        assert!(reading.await.unwrap() == sent);
    }

    #[tokio::test]
    async fn letters_reach_their_receivers_whatever_the_portion() {
        let mut letters = Letters::default();
        let mut far = Vec::new();
        for number in 0..LETTERS_PER_TASK + 3 {
            let (outbox, stream) = pair().await;
            letters.add(&outbox, format!("letter {number}").as_bytes());
            far.push(stream);
        }
        let portions: Vec<Letters> = letters.portions().collect();
        assert_eq!(portions.len(), 2);
        portions.into_iter().for_each(Letters::deliver);
        for (number, mut stream) in far.into_iter().enumerate() {
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, format!("letter {number}"));
        }
    }
}
