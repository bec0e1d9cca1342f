//! Terminals over UDP: one frame a datagram, one session a phone number.
//!
//! All datagrams that wait are read, then everything is settled together, so that one sync serves them all.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::net::UdpSocket;

use crate::protocol::jt808::header::Phone;
use crate::protocol::jt808::{FrameDecoder, FrameEvent};
use crate::telemetry::name;

use super::shared::Shared;
use super::terminal::Terminal;

/// Longest datagram read; longer ones are cut and fail their check.
const DATAGRAM_BYTES: usize = 65_536;
/// Datagrams settled together.
const BATCH_MAX: usize = 512;
/// Pause between two looks for sessions with something due.
const SWEEP: Duration = Duration::from_secs(1);

struct Udp {
    shared: Arc<Shared>,
    socket: UdpSocket,
    sessions: FxHashMap<Phone, (Terminal, SocketAddr)>,
}

/// Serves the socket until shutdown.
pub(super) async fn serve(shared: Arc<Shared>, socket: UdpSocket) {
    let shutdown = shared.shutdown.clone();
    let mut udp = Udp {
        shared,
        socket,
        sessions: FxHashMap::default(),
    };
    let mut datagram = vec![0; DATAGRAM_BYTES];
    let mut sweep = tokio::time::interval(SWEEP);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = sweep.tick() => udp.sweep().await,
            readable = udp.socket.readable() => match readable {
                Ok(()) => udp.read(&mut datagram).await,
                Err(error) => {
                    tracing::warn!(%error, "UDP socket");
                    tokio::time::sleep(SWEEP).await;
                }
            },
        }
    }
}

impl Udp {
    async fn read(&mut self, datagram: &mut [u8]) {
        let mut touched = Vec::new();
        for _ in 0..BATCH_MAX {
            let Ok((length, peer)) = self.socket.try_recv_from(datagram) else {
                break;
            };
            let bytes = datagram.get(..length).unwrap_or_default();
            if let Some(phone) = self.feed(bytes, peer).await
                && !touched.contains(&phone)
            {
                touched.push(phone);
            }
        }
        self.settle(&touched).await;
    }

    /// Feeds one datagram; gives the session that it belongs to.
    async fn feed(&mut self, bytes: &[u8], peer: SocketAddr) -> Option<Phone> {
        let Some(phone) = phone(bytes, self.shared.limits.frame_bytes_max) else {
            metrics::counter!(name::BAD_INPUT, "reason" => "datagram").increment(1);
            return None;
        };
        // A phone number is no secret: from another host it must authenticate again.
        let moved = |(_, address): &(Terminal, SocketAddr)| address.ip() != peer.ip();
        if self.sessions.get(&phone).is_some_and(moved)
            && let Some((mut terminal, _)) = self.sessions.remove(&phone)
        {
            terminal.disconnect(&self.shared);
        }
        if !self.sessions.contains_key(&phone) {
            if self.sessions.len() >= self.shared.udp_sessions_max {
                metrics::counter!(name::LIMIT_HITS, "limit" => "udp_sessions").increment(1);
                return None;
            }
            let terminal = Terminal::new(&self.shared, peer);
            self.sessions.insert(phone, (terminal, peer));
        }
        let (terminal, address) = self.sessions.get_mut(&phone)?;
        *address = peer;
        terminal.set_peer(peer);
        let mut rest = bytes;
        loop {
            let used = terminal.feed(&self.shared, rest, true);
            rest = rest.get(used..).unwrap_or_default();
            // A datagram is bounded, so that a decision in the middle of one ends its turn soon.
            if rest.is_empty() || used == 0 && !terminal.is_unsettled() {
                return Some(phone);
            }
            if let Some(group) = terminal.settle(&self.shared).await {
                group.durable().await;
                terminal.handle_durable();
            }
        }
    }

    async fn settle(&mut self, touched: &[Phone]) {
        let mut groups = Vec::with_capacity(touched.len());
        for phone in touched {
            if let Some((terminal, _)) = self.sessions.get_mut(phone)
                && let Some(group) = terminal.settle(&self.shared).await
            {
                groups.push((*phone, group));
            }
        }
        for (phone, group) in groups {
            group.durable().await;
            if let Some((terminal, _)) = self.sessions.get_mut(&phone) {
                terminal.handle_durable();
            }
        }
        for phone in touched {
            self.reply(phone).await;
        }
    }

    async fn reply(&mut self, phone: &Phone) {
        let Some((terminal, peer)) = self.sessions.get_mut(phone) else {
            return;
        };
        // One frame a datagram: the flag byte stands only at the ends of a frame.
        for frame in terminal.replies.split_inclusive_pairs() {
            if let Err(error) = self.socket.send_to(frame, *peer).await {
                tracing::debug!(%error, %peer, "reply was not sent");
            }
        }
        terminal.replies_written();
        if terminal.is_closing()
            && let Some((mut terminal, _)) = self.sessions.remove(phone)
        {
            terminal.disconnect(&self.shared);
        }
    }

    /// Time-outs, commands, and sessions that have ended.
    async fn sweep(&mut self) {
        let now = self.shared.timer.monotonic();
        let mut touched = Vec::new();
        for (phone, (terminal, _)) in &mut self.sessions {
            terminal.handle_commands(&self.shared);
            if terminal
                .next_deadline()
                .is_some_and(|deadline| deadline <= now)
            {
                terminal.handle_timeout(&self.shared);
            }
            if !terminal.replies.is_empty() || terminal.is_closing() {
                touched.push(*phone);
            }
        }
        for phone in &touched {
            self.reply(phone).await;
        }
    }
}

/// Phone number of the first good frame of a datagram.
fn phone(bytes: &[u8], frame_bytes_max: usize) -> Option<Phone> {
    let mut decoder = FrameDecoder::new(frame_bytes_max);
    let mut rest = bytes;
    loop {
        let (used, event) = decoder.poll_frame(rest);
        rest = rest.get(used..)?;
        match event? {
            FrameEvent::Frame(frame) => return Some(frame.header.phone),
            FrameEvent::Bad { .. } => {}
        }
    }
}

/// Frames of a reply buffer.
trait Frames {
    /// Each frame with both of its flag bytes.
    fn split_inclusive_pairs(&self) -> Vec<&[u8]>;
}

impl Frames for Vec<u8> {
    fn split_inclusive_pairs(&self) -> Vec<&[u8]> {
        let mut frames = Vec::new();
        let mut start = None;
        for end in memchr::memchr_iter(0x7e, self) {
            match start.take() {
                None => start = Some(end),
                Some(begin) => frames.extend(self.get(begin..=end)),
            }
        }
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_buffer_is_cut_into_frames() {
        let replies = vec![0x7e, 1, 2, 0x7e, 0x7e, 3, 0x7e];
        assert_eq!(
            replies.split_inclusive_pairs(),
            [&[0x7e, 1, 2, 0x7e][..], &[0x7e, 3, 0x7e]]
        );
    }
}
