//! What a session tells its shell, and what the shell answers.

use super::limits::Limit;
use crate::protocol::error::DecodeError;
use crate::protocol::jt808::driver::DriverIdentity;
use crate::protocol::jt808::header::Header;
use crate::protocol::jt808::location::LocationReport;
use crate::protocol::jt808::message::TerminalMessage;
use crate::protocol::jt808::registration::{Authentication, RegisterResult, Registration};

/// Something that the shell must know or do. Bytes for the terminal are not
/// here: they are appended to the reply buffer.
#[derive(Clone, Debug, PartialEq)]
pub enum Output<'a> {
    /// Decide, then call [`super::Session::handle_register_decision`].
    Register {
        /// Header of the request; the phone number is the terminal.
        header: Header,
        /// What the terminal says about itself.
        request: Registration<'a>,
    },
    /// Decide, then call [`super::Session::handle_authenticate_decision`].
    Authenticate {
        /// Header of the request; the phone number is the terminal.
        header: Header,
        /// The code, and what 2019 adds.
        request: Authentication<'a>,
    },
    /// The terminal gives its registration up; [`Output::Close`] follows.
    Unregister {
        /// Header of the message.
        header: Header,
        /// Whether it had authenticated; if not, the binding must stay.
        authenticated: bool,
    },
    /// Call [`super::Session::handle_time`] with the wall time.
    TimeRequest {
        /// Header of the message.
        header: Header,
    },
    /// A location report. It is acknowledged when its token is durable.
    Location {
        /// For [`super::Session::handle_durable`]; all reports of a batch share it.
        token: Token,
        /// Header of the message.
        header: Header,
        /// What kind of message it came in.
        source: LocationSource,
        /// The report.
        report: LocationReport<'a>,
    },
    /// A driver's card in or out. It is acknowledged when its token is durable.
    DriverIdentity {
        /// For [`super::Session::handle_durable`].
        token: Token,
        /// Header of the message.
        header: Header,
        /// Who, and what.
        identity: DriverIdentity<'a>,
    },
    /// Any other message of an online terminal, answered already.
    Message {
        /// Header of the message (of the last sub-package when it had several).
        header: Header,
        /// The message.
        message: TerminalMessage<'a>,
    },
    /// A frame with right header and check byte that was not taken.
    Refused {
        /// Header of the message.
        header: Header,
        /// Why.
        reason: Refusal,
        /// Its body, or the damaged entry of a batch.
        body: &'a [u8],
    },
    /// Bytes between delimiters that are no frame.
    BadFrame {
        /// What is wrong.
        error: DecodeError,
        /// The bytes as received, without delimiters, bounded by the frame limit.
        raw: &'a [u8],
    },
    /// A command has come to its end.
    CommandDone {
        /// Serial number that [`super::Session::send_command`] gave.
        serial: u16,
        /// Message id of the command.
        message_id: u16,
        /// How it ended.
        result: CommandResult,
    },
    /// A bound was reached.
    LimitHit(Limit),
    /// Close the connection, after the reply buffer is written.
    Close(CloseReason),
}

/// A place in the order of data messages of one session.
///
/// "Token t is durable" says that everything up to it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// The message in which a location report came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LocationSource {
    /// 0x0200.
    Report,
    /// 0x0201.
    QueryAnswer,
    /// 0x0500.
    ControlAnswer,
    /// 0x0704 kind 0.
    Batch,
    /// 0x0704 kind 1: late data of a time without a link.
    BlindArea,
}

/// Why a good frame was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The terminal is not online; answered with result 1.
    NotOnline,
    /// Another phone number than the one that is online; answered with result 1.
    OtherTerminal,
    /// The body is not what the id says; answered with result 2, a damaged
    /// entry of a batch with 0.
    Body(DecodeError),
    /// The id is unknown, or the body encrypted; answered with result 3.
    Unsupported(DecodeError),
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandResult {
    /// The terminal has done it, or accepted it and sent no result in time.
    Acknowledged,
    /// The message that answers it came; it is an output of its own.
    Answered,
    /// The terminal says: failed.
    Failed,
    /// The terminal says: bad message.
    BadMessage,
    /// The terminal says: not supported.
    NotSupported,
    /// No answer after all resends.
    TimedOut,
    /// The session ended first.
    Closed,
}

impl CommandResult {
    /// The result as a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::BadMessage => "bad_message",
            Self::NotSupported => "not_supported",
            Self::TimedOut => "timed_out",
            Self::Closed => "closed",
        }
    }
}

/// Why the session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The terminal has unregistered.
    Unregistered,
    /// A bound was passed; [`Output::LimitHit`] stands before.
    Limit(Limit),
}

/// The shell's answer to [`Output::Register`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterDecision<'a> {
    /// Registered; the code to authenticate with.
    Accepted {
        /// At most 255 bytes of ASCII.
        token: &'a str,
    },
    /// Not registered.
    Refused(RegisterResult),
}

/// The shell's answer to [`Output::Authenticate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticateDecision {
    /// The terminal is online.
    Accepted,
    /// It is not; it should register.
    Refused,
}

/// What the session waits for before it reads on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// A decision about registration or authentication.
    Decision,
    /// Data messages to become durable.
    Durability,
    /// The next second; [`super::Session::next_deadline`] knows when.
    Rate,
}

/// Why a command was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The terminal is not online.
    #[error("terminal is not online")]
    NotOnline,
    /// Too many commands wait for their answer.
    #[error("{pending} commands wait for their answer already")]
    Busy {
        /// How many.
        pending: usize,
    },
    /// The command cannot be written.
    #[error(transparent)]
    Encode(#[from] crate::protocol::error::EncodeError),
}
