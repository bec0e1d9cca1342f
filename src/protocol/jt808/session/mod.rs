//! One terminal's connection as a state machine, without a socket and a clock.
//!
//! ```text
//! New --0x0100, accepted--> Registered --0x0102, accepted--> Online
//!  +-------------------0x0102, accepted-----------------------^
//! Online --0x0102 refused--> New        any --0x0003, limit--> Closed
//! ```
//! Bytes go in by [`Session::handle_bytes`]; what the shell must know comes out
//! as [`Output`]s while they are read, and bytes for the terminal are appended to
//! a reply buffer. Before it is online a terminal may send 0x0100, 0x0102,
//! 0x0003 and 0x0004; anything else is answered with result 1 and goes nowhere.
//!
//! Data messages (location reports, driver identity) are acknowledged only by
//! [`Session::handle_durable`]: what the terminal sees acknowledged would
//! survive a power failure. Reading stops (see [`Blocked`]) while the shell owes
//! a decision, while too much is not durable, and when frames come too fast.
//!
//! Time is an argument: a [`Duration`] since any moment, never going back.

mod commands;
mod dispatch;
mod downlink;
mod limits;
mod messages;
mod output;
mod pace;

use std::time::Duration;

pub use limits::{Limit, Limits};
pub use output::{
    AuthenticateDecision, Blocked, CloseReason, CommandResult, LocationSource, Output, Refusal,
    RegisterDecision, SendError, Token,
};

use commands::Commands;
use dispatch::Dispatch;

use super::acknowledge::{AckResult, PLATFORM_RESEND, Resend};
use super::frame::{FrameDecoder, FrameEvent};
use super::header::{Edition, Phone};
use super::message::PlatformMessage;
use super::reassembly::Overdue;
use super::registration::{REGISTER_ANSWER, RegisterAnswer, RegisterResult};
use crate::protocol::bcd::BcdTime;
use crate::protocol::writer::Writer;

/// Takes what a session has to say.
pub type Outputs<'o> = dyn FnMut(Output<'_>) + 'o;

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing is known of the terminal.
    New,
    /// It has registered on this connection, and must authenticate.
    Registered,
    /// It has authenticated.
    Online,
    /// Nothing more is read.
    Closed,
}

/// One terminal's connection.
#[derive(Debug)]
pub struct Session {
    decoder: FrameDecoder,
    core: Dispatch,
}

impl Session {
    /// A connection that opens at `now`.
    pub fn new(now: Duration, limits: Limits) -> Self {
        Self {
            decoder: FrameDecoder::new(limits.frame_bytes_max),
            core: Dispatch::new(now, limits),
        }
    }

    /// Where the session stands.
    pub const fn state(&self) -> State {
        self.core.state
    }

    /// The terminal that is online.
    pub fn phone(&self) -> Option<Phone> {
        (self.core.state == State::Online).then_some(self.core.peer.phone)
    }

    /// The edition that the terminal speaks, as far as it has shown.
    pub const fn edition(&self) -> Edition {
        self.core.peer.edition
    }

    /// What the session waits for before it reads on.
    pub fn blocked(&self, now: Duration) -> Option<Blocked> {
        self.core.blocked(now)
    }

    /// The token of the last data message; everything is acknowledged when it is durable.
    pub fn last_token(&self) -> Token {
        self.core.unacknowledged.last_token()
    }

    /// Bytes received that belong to no frame.
    pub const fn noise_bytes(&self) -> u64 {
        self.decoder.noise_bytes()
    }

    /// Commands that wait for their answer.
    pub fn pending_commands(&self) -> usize {
        self.core.commands.as_deref().map_or(0, Commands::len)
    }

    /// Reads bytes of a stream; gives the number of bytes used.
    ///
    /// Fewer are used than given only when [`Session::blocked`] says why; the
    /// rest must be handed in again, in order, when that is over.
    #[must_use = "bytes that were not used must be handed in again"]
    pub fn handle_bytes(
        &mut self,
        now: Duration,
        bytes: &[u8],
        replies: &mut Vec<u8>,
        outputs: &mut Outputs<'_>,
    ) -> usize {
        let mut rest = bytes;
        loop {
            if self.core.state == State::Closed {
                return bytes.len();
            }
            if self.core.pause(now, outputs) {
                break;
            }
            let (used, event) = self.decoder.poll_frame(rest);
            rest = rest.get(used..).unwrap_or_default();
            match event {
                None => break,
                Some(FrameEvent::Frame(frame)) => {
                    self.core.handle_frame(now, frame, replies, outputs);
                }
                Some(FrameEvent::Bad { error, raw }) => {
                    outputs(Output::BadFrame { error, raw });
                    self.core.handle_bad_frame(now, outputs);
                }
            }
        }
        bytes.len().saturating_sub(rest.len())
    }

    /// Reads one datagram; a frame that does not end in it is truncated.
    #[must_use = "bytes that were not used must be handed in again"]
    pub fn handle_datagram(
        &mut self,
        now: Duration,
        bytes: &[u8],
        replies: &mut Vec<u8>,
        outputs: &mut Outputs<'_>,
    ) -> usize {
        let used = self.handle_bytes(now, bytes, replies, outputs);
        if used == bytes.len()
            && let Some(FrameEvent::Bad { error, raw }) = self.decoder.finish()
        {
            outputs(Output::BadFrame { error, raw });
            self.core.handle_bad_frame(now, outputs);
        }
        used
    }

    /// The connection has ended: the frame cut off and the commands left open.
    pub fn handle_disconnect(&mut self, outputs: &mut Outputs<'_>) {
        if let Some(FrameEvent::Bad { error, raw }) = self.decoder.finish() {
            outputs(Output::BadFrame { error, raw });
        }
        self.core.close_commands(outputs);
        self.core.state = State::Closed;
    }

    /// The shell's answer to [`Output::Register`]; without one, nothing happens.
    pub fn handle_register_decision(
        &mut self,
        decision: RegisterDecision<'_>,
        replies: &mut Vec<u8>,
    ) {
        let Some(header) = self.core.take_register() else {
            return;
        };
        let (result, token) = match decision {
            RegisterDecision::Accepted { token } => {
                (RegisterResult::SUCCESS, Some(token.to_owned()))
            }
            RegisterDecision::Refused(result) => (result, None),
        };
        if result == RegisterResult::SUCCESS && self.core.state == State::New {
            self.core.state = State::Registered;
        }
        let answer = RegisterAnswer {
            answer_serial: header.serial,
            result,
            token,
        };
        let mut body = Vec::new();
        answer.encode(&mut Writer::new(&mut body));
        self.core.reply(&header, REGISTER_ANSWER, &body, replies);
    }

    /// The shell's answer to [`Output::Authenticate`]; without one, nothing happens.
    pub fn handle_authenticate_decision(
        &mut self,
        now: Duration,
        decision: AuthenticateDecision,
        replies: &mut Vec<u8>,
    ) {
        let Some(header) = self.core.take_authenticate() else {
            return;
        };
        let result = match decision {
            AuthenticateDecision::Accepted => {
                self.core.go_online(now, &header);
                AckResult::SUCCESS
            }
            AuthenticateDecision::Refused => {
                self.core.state = State::New;
                AckResult::FAILURE
            }
        };
        self.core.acknowledge(&header, result, replies);
    }

    /// The shell's answer to [`Output::TimeRequest`].
    ///
    /// Unit: seconds since 1970 UTC.
    pub fn handle_time(&mut self, unix_s: i64, replies: &mut Vec<u8>) {
        if let Some(header) = self.core.time_requests.take()
            && let Some(time) = BcdTime::utc_from_unix_s(unix_s)
        {
            let answer = super::message::TIME_ANSWER;
            self.core.reply(&header, answer, &time.0, replies);
        }
    }

    /// Everything up to `token` is durable: the acknowledgements leave.
    pub fn handle_durable(&mut self, token: Token, replies: &mut Vec<u8>) {
        self.core.handle_durable(token, replies);
    }

    /// Sends a command; gives its serial number, by which
    /// [`Output::CommandDone`] tells its end. Long bodies travel as sub-packages.
    ///
    /// Errors: [`SendError`]; nothing is sent then.
    pub fn send_command(
        &mut self,
        now: Duration,
        command: &PlatformMessage,
        replies: &mut Vec<u8>,
    ) -> Result<u16, SendError> {
        self.core.send_command(now, command, replies)
    }

    /// The next moment at which [`Session::handle_timeout`] has something to do,
    /// or at which a pause for the rate is over.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.core.next_deadline()
    }

    /// Does what is due at `now`: time-outs, resends, requests for sub-packages.
    pub fn handle_timeout(
        &mut self,
        now: Duration,
        replies: &mut Vec<u8>,
        outputs: &mut Outputs<'_>,
    ) {
        if self.core.state == State::Closed {
            return;
        }
        self.core.begin_second(now);
        if let Some(limit) = self.core.overdue(now) {
            self.core.close(CloseReason::Limit(limit), outputs);
            return;
        }
        while let Some(overdue) = self.core.overdue_package(now) {
            match overdue {
                Overdue::Request(key, indexes) => {
                    self.core.request_packages(key, indexes, replies);
                }
                Overdue::GivenUp(_) => outputs(Output::LimitHit(Limit::ReassemblyAge)),
            }
        }
        self.core.resend_commands(now, replies, outputs);
    }
}

impl Dispatch {
    /// Asks for sub-packages; 2011 has no message for it.
    fn request_packages(
        &mut self,
        key: super::reassembly::MessageKey,
        indexes: Vec<u16>,
        replies: &mut Vec<u8>,
    ) {
        if self.peer.edition == Edition::V2011 {
            return;
        }
        let request = Resend {
            first_serial: key.first_serial,
            indexes,
        };
        let mut body = Vec::new();
        if request
            .encode(self.peer.edition, &mut Writer::new(&mut body))
            .is_ok()
        {
            let peer = self.peer;
            self.reply(&peer, PLATFORM_RESEND, &body, replies);
        }
    }
}

#[cfg(test)]
mod tests;
