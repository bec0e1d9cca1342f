//! Frames of one terminal: who may send, what is answered, what is joined.

use std::collections::VecDeque;
use std::time::Duration;

use super::commands::Commands;
use super::limits::{Limit, Limits};
use super::output::{Output, Refusal, Token};
use super::{Outputs, State};
use crate::protocol::error::DecodeError;
use crate::protocol::jt808::acknowledge::{Ack, AckResult, PLATFORM_ACK, TERMINAL_ACK};
use crate::protocol::jt808::frame::{Frame, encode_frame};
use crate::protocol::jt808::header::{Edition, Header, Phone};
use crate::protocol::jt808::message::TIME_REQUEST;
use crate::protocol::jt808::reassembly::{MessageKey, Overdue, Reassembled, Reassembler};
use crate::protocol::jt808::registration::{AUTHENTICATE, REGISTER, UNREGISTER};

/// Data messages that are not durable yet, in order.
#[derive(Debug, Default)]
pub(super) struct Unacknowledged {
    /// Serial number and message id of each.
    pub(super) waiting: VecDeque<(u16, u16)>,
    /// Messages acknowledged so far.
    acknowledged: u64,
}

/// Entries for which an idle queue may keep room.
const QUEUE_KEPT: usize = 16;

impl Unacknowledged {
    pub(super) fn last_token(&self) -> Token {
        Token(self.acknowledged.saturating_add(self.waiting.len() as u64))
    }

    pub(super) fn push(&mut self, header: &Header) -> Token {
        self.waiting.push_back((header.serial, header.message_id));
        self.last_token()
    }

    /// Whether this message waits already.
    fn holds(&self, header: &Header) -> bool {
        self.waiting.contains(&(header.serial, header.message_id))
    }

    fn pop(&mut self, up_to: Token) -> Option<(u16, u16)> {
        if self.acknowledged >= up_to.0 {
            return None;
        }
        let first = self.waiting.pop_front()?;
        self.acknowledged = self.acknowledged.saturating_add(1);
        if self.waiting.is_empty() && self.waiting.capacity() > QUEUE_KEPT {
            self.waiting = VecDeque::new();
        }
        Some(first)
    }
}

/// A decision that the shell owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pending {
    Register,
    Authenticate,
}

/// Everything of a session but its frame decoder.
#[derive(Debug)]
pub(super) struct Dispatch {
    pub(super) limits: Limits,
    pub(super) state: State,
    /// Header of the terminal's last message: edition, version and phone number.
    pub(super) peer: Header,
    /// The terminal speaks 2011, as one of its bodies has shown.
    pub(super) speaks_2011: bool,
    pub(super) pending: Option<(Pending, Header)>,
    pub(super) time_requests: Option<Header>,
    pub(super) unacknowledged: Unacknowledged,
    pub(super) commands: Option<Box<Commands>>,
    pub(super) reassembler: Option<Box<Reassembler>>,
    pub(super) next_serial: u16,
    pub(super) bad_frames: u32,
    pub(super) frames: u32,
    /// Begin of the second in which `frames` are counted.
    pub(super) second: Duration,
    pub(super) opened: Duration,
    pub(super) heard: Duration,
    /// The limit of this pause has been told.
    pub(super) pause_told: bool,
}

impl Dispatch {
    pub(super) fn new(now: Duration, limits: Limits) -> Self {
        Self {
            limits,
            state: State::New,
            peer: Header {
                message_id: 0,
                edition: Edition::V2013,
                version: 0,
                encryption: 0,
                phone: Phone::default(),
                serial: 0,
                package: None,
            },
            speaks_2011: false,
            pending: None,
            time_requests: None,
            unacknowledged: Unacknowledged::default(),
            commands: None,
            reassembler: None,
            next_serial: 0,
            bad_frames: 0,
            frames: 0,
            second: now,
            opened: now,
            heard: now,
            pause_told: false,
        }
    }

    // ---- replies ----

    /// Appends a frame in the form in which `to` came.
    pub(super) fn reply(&mut self, to: &Header, id: u16, body: &[u8], replies: &mut Vec<u8>) {
        let header = Header {
            message_id: id,
            encryption: 0,
            serial: self.take_serials(1),
            package: None,
            ..*to
        };
        encode_frame(&header, body, replies);
    }

    /// Takes `count` serial numbers; gives the first.
    pub(super) fn take_serials(&mut self, count: u16) -> u16 {
        let first = self.next_serial;
        self.next_serial = first.wrapping_add(count);
        first
    }

    pub(super) fn acknowledge(&mut self, to: &Header, result: AckResult, replies: &mut Vec<u8>) {
        let ack = Ack {
            answer_serial: to.serial,
            answer_id: to.message_id,
            result,
        };
        self.reply(to, PLATFORM_ACK, &ack.body(), replies);
    }

    pub(super) fn handle_durable(&mut self, token: Token, replies: &mut Vec<u8>) {
        while let Some((serial, message_id)) = self.unacknowledged.pop(token) {
            let to = Header {
                message_id,
                serial,
                ..self.peer
            };
            self.acknowledge(&to, AckResult::SUCCESS, replies);
        }
    }

    // ---- decisions ----

    pub(super) fn take_register(&mut self) -> Option<Header> {
        self.take_pending(Pending::Register)
    }

    pub(super) fn take_authenticate(&mut self) -> Option<Header> {
        self.take_pending(Pending::Authenticate)
    }

    fn take_pending(&mut self, kind: Pending) -> Option<Header> {
        match self.pending {
            Some((pending, header)) if pending == kind => {
                self.pending = None;
                Some(header)
            }
            Some(_) | None => None,
        }
    }

    pub(super) fn go_online(&mut self, now: Duration, header: &Header) {
        self.state = State::Online;
        self.peer = *header;
        self.peer.edition = self.edition(header);
        self.heard = now;
    }

    // ---- frames ----

    /// The edition of a message: what its header says, and 2011 once a body has shown it.
    pub(super) const fn edition(&self, header: &Header) -> Edition {
        match header.edition {
            Edition::V2019 => Edition::V2019,
            Edition::V2011 | Edition::V2013 if self.speaks_2011 => Edition::V2011,
            Edition::V2011 | Edition::V2013 => Edition::V2013,
        }
    }

    #[inline]
    pub(super) fn handle_frame(
        &mut self,
        now: Duration,
        frame: Frame<'_>,
        replies: &mut Vec<u8>,
        outputs: &mut Outputs<'_>,
    ) {
        let Frame { mut header, body } = frame;
        header.edition = self.edition(&header);
        self.count_frame(now);
        self.bad_frames = 0;
        if self.state != State::Online {
            return self.handle_offline(header, body, replies, outputs);
        }
        if header.phone.key() != self.peer.phone.key() && header.message_id != AUTHENTICATE {
            let reason = Refusal::OtherTerminal;
            return self.refuse(header, reason, body, replies, outputs);
        }
        self.heard = now;
        if header.message_id != AUTHENTICATE {
            self.peer = header;
        }
        if header.encryption != 0 {
            let mode = header.encryption;
            let reason = Refusal::Unsupported(DecodeError::Encrypted { mode });
            return self.refuse(header, reason, body, replies, outputs);
        }
        if header.package.is_some_and(|package| package.total > 1) {
            return self.handle_package(now, header, body, replies, outputs);
        }
        self.handle_message(header, body, replies, outputs);
    }

    /// A frame of a terminal that is not online.
    #[cold]
    fn handle_offline(
        &mut self,
        header: Header,
        body: &[u8],
        replies: &mut Vec<u8>,
        outputs: &mut Outputs<'_>,
    ) {
        let whole = header.package.is_none_or(|package| package.total == 1);
        match header.message_id {
            REGISTER | AUTHENTICATE | UNREGISTER | TIME_REQUEST
                if whole && header.encryption == 0 =>
            {
                self.handle_message(header, body, replies, outputs);
            }
            TERMINAL_ACK => {}
            _ => self.refuse(header, Refusal::NotOnline, body, replies, outputs),
        }
    }

    pub(super) fn refuse(
        &mut self,
        header: Header,
        reason: Refusal,
        body: &[u8],
        replies: &mut Vec<u8>,
        outputs: &mut Outputs<'_>,
    ) {
        let result = match reason {
            Refusal::NotOnline | Refusal::OtherTerminal => AckResult::FAILURE,
            Refusal::Body(_) => AckResult::BAD_MESSAGE,
            Refusal::Unsupported(_) => AckResult::NOT_SUPPORTED,
        };
        if header.message_id != TERMINAL_ACK {
            self.acknowledge(&header, result, replies);
        }
        outputs(Output::Refused {
            header,
            reason,
            body,
        });
    }

    #[cold]
    fn handle_package(
        &mut self,
        now: Duration,
        header: Header,
        body: &[u8],
        replies: &mut Vec<u8>,
        outputs: &mut Outputs<'_>,
    ) {
        let Some(package) = header.package else {
            return;
        };
        let limits = self.limits.reassembly;
        let reassembler = self
            .reassembler
            .get_or_insert_with(|| Box::new(Reassembler::new(limits)));
        let key = MessageKey::new(&header, package);
        match reassembler.handle_package(now, key, package.index, body) {
            // A message of this serial waits to be durable: one answer, then.
            Reassembled::Kept | Reassembled::Duplicate if self.unacknowledged.holds(&header) => {}
            Reassembled::Kept | Reassembled::Duplicate => {
                self.acknowledge(&header, AckResult::SUCCESS, replies);
            }
            Reassembled::Refused => {
                self.acknowledge(&header, AckResult::FAILURE, replies);
                outputs(Output::LimitHit(Limit::Reassembly));
            }
            Reassembled::Complete(whole) => {
                self.handle_message(header, &whole, replies, outputs);
            }
        }
    }

    pub(super) fn overdue_package(&mut self, now: Duration) -> Option<Overdue> {
        let reassembler = self.reassembler.as_deref_mut()?;
        let overdue = reassembler.handle_timeout(now);
        if overdue.is_none() && reassembler.is_idle() {
            self.reassembler = None;
        }
        overdue
    }
}
