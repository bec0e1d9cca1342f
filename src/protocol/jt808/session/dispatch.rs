//! Frames to outputs and answers: what each message of a terminal leads to.

use std::collections::VecDeque;
use std::time::Duration;

use super::commands::Commands;
use super::limits::{Limit, Limits};
use super::output::{Blocked, CloseReason, LocationSource, Output, Refusal, SendError, Token};
use super::{Outputs, State};
use crate::protocol::error::DecodeError;
use crate::protocol::jt808::acknowledge::{Ack, AckResult, PLATFORM_ACK, TERMINAL_ACK};
use crate::protocol::jt808::driver::{DRIVER_IDENTITY, DriverIdentity};
use crate::protocol::jt808::frame::{Frame, encode_frame};
use crate::protocol::jt808::header::{Edition, Header, Phone};
use crate::protocol::jt808::location::{
    BatchKind, LOCATION, LOCATION_ANSWER, LOCATION_BATCH, LocationAnswer, LocationBatch,
    LocationReport, VEHICLE_CONTROL_ANSWER,
};
use crate::protocol::jt808::media::{MEDIA_ANSWER, MediaAnswer};
use crate::protocol::jt808::message::{
    HEARTBEAT, PlatformMessage, TIME_REQUEST, TerminalMessage, answered_command,
};
use crate::protocol::jt808::reassembly::{MessageKey, Overdue, Reassembled, Reassembler};
use crate::protocol::jt808::registration::{
    AUTHENTICATE, Authentication, REGISTER, Registration, UNREGISTER,
};
use crate::protocol::reader::Reader;
use crate::protocol::writer::Writer;

/// Data messages that are not durable yet, in order.
#[derive(Debug, Default)]
pub(super) struct Unacknowledged {
    /// Serial number and message id of each.
    waiting: VecDeque<(u16, u16)>,
    /// Messages acknowledged so far.
    acknowledged: u64,
}

/// Entries for which an idle queue may keep room.
const QUEUE_KEPT: usize = 16;

impl Unacknowledged {
    pub(super) fn last_token(&self) -> Token {
        Token(self.acknowledged.saturating_add(self.waiting.len() as u64))
    }

    fn push(&mut self, header: &Header) -> Token {
        self.waiting.push_back((header.serial, header.message_id));
        self.last_token()
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
enum Pending {
    Register,
    Authenticate,
}

/// Everything of a session but its frame decoder.
#[derive(Debug)]
pub(super) struct Dispatch {
    limits: Limits,
    pub(super) state: State,
    /// Header of the terminal's last message: edition, version and phone number.
    pub(super) peer: Header,
    /// The terminal speaks 2011, as one of its bodies has shown.
    speaks_2011: bool,
    pending: Option<(Pending, Header)>,
    pub(super) time_requests: Option<Header>,
    pub(super) unacknowledged: Unacknowledged,
    pub(super) commands: Option<Box<Commands>>,
    reassembler: Option<Box<Reassembler>>,
    next_serial: u16,
    bad_frames: u32,
    frames: u32,
    /// Begin of the second in which `frames` are counted.
    second: Duration,
    opened: Duration,
    heard: Duration,
    /// The limit of this pause has been told.
    pause_told: bool,
}

const ONE_SECOND: Duration = Duration::from_secs(1);

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

    // ---- pauses and deadlines ----

    pub(super) fn blocked(&self, now: Duration) -> Option<Blocked> {
        if self.pending.is_some() {
            Some(Blocked::Decision)
        } else if self.unacknowledged.waiting.len() >= self.limits.unacknowledged_max {
            Some(Blocked::Durability)
        } else if self.frames >= self.limits.frames_per_s_max && now < self.second_end() {
            Some(Blocked::Rate)
        } else {
            None
        }
    }

    const fn second_end(&self) -> Duration {
        self.second.saturating_add(ONE_SECOND)
    }

    /// Whether reading must stop; tells the limit once a pause.
    pub(super) fn pause(&mut self, now: Duration, outputs: &mut Outputs<'_>) -> bool {
        let limit = match self.blocked(now) {
            None => {
                self.pause_told = false;
                return false;
            }
            Some(Blocked::Decision) => return true,
            Some(Blocked::Durability) => Limit::Unacknowledged,
            Some(Blocked::Rate) => Limit::FramesPerSecond,
        };
        if !self.pause_told {
            self.pause_told = true;
            outputs(Output::LimitHit(limit));
        }
        true
    }

    fn count_frame(&mut self, now: Duration) {
        if now >= self.second_end() {
            self.second = now;
            self.frames = 0;
        }
        self.frames = self.frames.saturating_add(1);
    }

    /// The limit of time that is passed at `now`.
    pub(super) fn overdue(&self, now: Duration) -> Option<Limit> {
        let (at, limit) = self.patience();
        (now >= at).then_some(limit)
    }

    fn patience(&self) -> (Duration, Limit) {
        match self.state {
            State::Online | State::Closed => {
                (self.heard.saturating_add(self.limits.idle_max), Limit::Idle)
            }
            State::New | State::Registered => (
                self.opened.saturating_add(self.limits.unauthenticated_max),
                Limit::Unauthenticated,
            ),
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        if self.state == State::Closed {
            return None;
        }
        let paused = self.frames >= self.limits.frames_per_s_max;
        let reassembly = self.reassembler.as_deref();
        [
            Some(self.patience().0),
            reassembly.and_then(Reassembler::next_deadline),
            self.commands.as_deref().and_then(Commands::next_deadline),
            paused.then(|| self.second_end()),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub(super) fn close(&mut self, reason: CloseReason, outputs: &mut Outputs<'_>) {
        if let CloseReason::Limit(limit) = reason {
            outputs(Output::LimitHit(limit));
        }
        self.close_commands(outputs);
        self.state = State::Closed;
        outputs(Output::Close(reason));
    }

    pub(super) fn handle_bad_frame(&mut self, now: Duration, outputs: &mut Outputs<'_>) {
        self.count_frame(now);
        self.bad_frames = self.bad_frames.saturating_add(1);
        if self.bad_frames > self.limits.bad_frames_max {
            self.close(CloseReason::Limit(Limit::BadFrames), outputs);
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
    fn take_serials(&mut self, count: u16) -> u16 {
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
                serial,
                message_id,
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
    const fn edition(&self, header: &Header) -> Edition {
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

    fn refuse(
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

    /// A whole message: its body is complete.
    fn handle_message(
        &mut self,
        header: Header,
        body: &[u8],
        replies: &mut Vec<u8>,
        outputs: &mut Outputs<'_>,
    ) {
        let done = match header.message_id {
            LOCATION => LocationReport::decode(body)
                .map(|report| self.location(header, LocationSource::Report, report, outputs)),
            HEARTBEAT => {
                self.acknowledge(&header, AckResult::SUCCESS, replies);
                Ok(())
            }
            LOCATION_BATCH => self.handle_batch(header, body, replies, outputs),
            LOCATION_ANSWER | VEHICLE_CONTROL_ANSWER => {
                self.handle_location_answer(header, body, outputs)
            }
            DRIVER_IDENTITY => self.handle_driver(header, body, outputs),
            REGISTER => self.handle_register(header, body, outputs),
            AUTHENTICATE => {
                self.pending = Some((Pending::Authenticate, header));
                let request = Authentication::decode(body, header.edition);
                outputs(Output::Authenticate { header, request });
                Ok(())
            }
            UNREGISTER => {
                self.acknowledge(&header, AckResult::SUCCESS, replies);
                let authenticated = self.state == State::Online;
                outputs(Output::Unregister {
                    header,
                    authenticated,
                });
                self.close(CloseReason::Unregistered, outputs);
                Ok(())
            }
            TIME_REQUEST => {
                self.time_requests = Some(header);
                outputs(Output::TimeRequest { header });
                Ok(())
            }
            _ => self.handle_other(header, body, replies, outputs),
        };
        if let Err(error) = done {
            let reason = match error {
                DecodeError::UnknownMessage { .. } => Refusal::Unsupported(error),
                _ => Refusal::Body(error),
            };
            self.refuse(header, reason, body, replies, outputs);
        }
    }

    #[inline]
    fn location(
        &mut self,
        header: Header,
        source: LocationSource,
        report: LocationReport<'_>,
        outputs: &mut Outputs<'_>,
    ) {
        let token = self.unacknowledged.push(&header);
        outputs(Output::Location {
            token,
            header,
            source,
            report,
        });
    }

    fn handle_batch(
        &mut self,
        header: Header,
        body: &[u8],
        replies: &mut Vec<u8>,
        outputs: &mut Outputs<'_>,
    ) -> Result<(), DecodeError> {
        let batch = LocationBatch::decode(&mut Reader::new(body))?;
        let source = match batch.kind {
            BatchKind::BlindArea => LocationSource::BlindArea,
            BatchKind::Normal | BatchKind::Other(_) => LocationSource::Batch,
        };
        let mut token = None;
        for entry in batch.entries() {
            match entry.report {
                Ok(report) => {
                    let token = *token.get_or_insert_with(|| self.unacknowledged.push(&header));
                    outputs(Output::Location {
                        token,
                        header,
                        source,
                        report,
                    });
                }
                Err(error) => outputs(Output::Refused {
                    header,
                    reason: Refusal::Body(error),
                    body: entry.raw,
                }),
            }
        }
        if token.is_none() {
            self.acknowledge(&header, AckResult::SUCCESS, replies);
        }
        Ok(())
    }

    fn handle_location_answer(
        &mut self,
        header: Header,
        body: &[u8],
        outputs: &mut Outputs<'_>,
    ) -> Result<(), DecodeError> {
        let (answer, source) = if header.message_id == LOCATION_ANSWER {
            let answer = LocationAnswer::decode_query_answer(body, header.edition)?;
            (answer, LocationSource::QueryAnswer)
        } else {
            let answer = LocationAnswer::decode(body)?;
            (answer, LocationSource::ControlAnswer)
        };
        self.location(header, source, answer.report, outputs);
        self.command_answered(header.message_id, answer.answer_serial, outputs);
        Ok(())
    }

    fn handle_driver(
        &mut self,
        header: Header,
        body: &[u8],
        outputs: &mut Outputs<'_>,
    ) -> Result<(), DecodeError> {
        let identity = DriverIdentity::decode(body, header.edition)?;
        self.speaks_2011 |= identity.edition() == Some(Edition::V2011);
        let token = self.unacknowledged.push(&header);
        outputs(Output::DriverIdentity {
            token,
            header,
            identity,
        });
        self.command_answered(header.message_id, None, outputs);
        Ok(())
    }

    fn handle_register(
        &mut self,
        mut header: Header,
        body: &[u8],
        outputs: &mut Outputs<'_>,
    ) -> Result<(), DecodeError> {
        let request = Registration::decode(body, header.edition)?;
        self.speaks_2011 = request.edition == Edition::V2011;
        header.edition = request.edition;
        self.pending = Some((Pending::Register, header));
        outputs(Output::Register { header, request });
        Ok(())
    }

    /// Every other message: typed, answered, told.
    #[cold]
    fn handle_other(
        &mut self,
        header: Header,
        body: &[u8],
        replies: &mut Vec<u8>,
        outputs: &mut Outputs<'_>,
    ) -> Result<(), DecodeError> {
        let message = TerminalMessage::decode(header.message_id, header.edition, body)?;
        match &message {
            TerminalMessage::Ack(ack) => self.command_acknowledged(*ack, outputs),
            TerminalMessage::Resend(request) => {
                if let Some(commands) = self.commands.as_deref() {
                    commands.resend_packages(request, replies);
                }
                self.acknowledge(&header, AckResult::SUCCESS, replies);
            }
            TerminalMessage::MediaData(media) => {
                self.acknowledge(&header, AckResult::SUCCESS, replies);
                if media.is_last() {
                    let answer = MediaAnswer {
                        answer_serial: Some(header.serial),
                        media_id: media.event.media_id,
                        missing: Vec::new(),
                    };
                    let mut answer_body = Vec::new();
                    let mut writer = Writer::new(&mut answer_body);
                    if answer.encode(header.edition, &mut writer).is_ok() {
                        self.reply(&header, MEDIA_ANSWER, &answer_body, replies);
                    }
                }
            }
            _ => self.acknowledge(&header, AckResult::SUCCESS, replies),
        }
        let answer_serial = message.answer_serial();
        outputs(Output::Message { header, message });
        if !answered_command(header.message_id).is_empty() {
            self.command_answered(header.message_id, answer_serial, outputs);
        }
        Ok(())
    }

    // ---- commands ----

    pub(super) fn send_command(
        &mut self,
        now: Duration,
        command: &PlatformMessage,
        replies: &mut Vec<u8>,
    ) -> Result<u16, SendError> {
        if self.state != State::Online {
            return Err(SendError::NotOnline);
        }
        let pending = self.commands.as_deref().map_or(0, Commands::len);
        if pending >= self.limits.commands_max {
            return Err(SendError::Busy { pending });
        }
        let mut body = Vec::new();
        command.encode(self.peer.edition, &mut Writer::new(&mut body))?;
        let packages = Commands::packages(&body)?;
        let first = self.take_serials(packages);
        let header = Header {
            message_id: command.id(),
            encryption: 0,
            serial: first,
            package: None,
            ..self.peer
        };
        let commands = self
            .commands
            .get_or_insert_with(|| Box::new(Commands::default()));
        commands.send(now, &self.limits, header, &body, replies);
        Ok(first)
    }

    fn command_acknowledged(&mut self, ack: Ack, outputs: &mut Outputs<'_>) {
        let at = self.heard.saturating_add(self.limits.result_wait);
        if let Some(commands) = self.commands.as_deref_mut() {
            commands.handle_ack(ack, at, outputs);
        }
        self.drop_idle_commands();
    }

    fn command_answered(&mut self, by: u16, serial: Option<u16>, outputs: &mut Outputs<'_>) {
        if let Some(commands) = self.commands.as_deref_mut() {
            commands.handle_answer(by, serial, outputs);
        }
        self.drop_idle_commands();
    }

    pub(super) fn resend_commands(
        &mut self,
        now: Duration,
        replies: &mut Vec<u8>,
        outputs: &mut Outputs<'_>,
    ) {
        if let Some(commands) = self.commands.as_deref_mut() {
            commands.handle_timeout(now, &self.limits, replies, outputs);
        }
        self.drop_idle_commands();
    }

    pub(super) fn close_commands(&mut self, outputs: &mut Outputs<'_>) {
        if let Some(commands) = self.commands.take() {
            commands.close(outputs);
        }
    }

    fn drop_idle_commands(&mut self) {
        if self.commands.as_deref().is_some_and(|held| held.len() == 0) {
            self.commands = None;
        }
    }
}
