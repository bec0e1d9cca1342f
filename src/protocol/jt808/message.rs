//! The messages, and which id is which.

use super::acknowledge::{Ack, PLATFORM_ACK, Resend, TERMINAL_ACK, TERMINAL_RESEND};
use super::header::Edition;
use super::media::{MEDIA_DATA, MediaData};
use crate::protocol::error::{DecodeError, EncodeError};
use crate::protocol::reader::Reader;
use crate::protocol::writer::Writer;

/// Heartbeat.
pub const HEARTBEAT: u16 = 0x0002;
/// Time request (2019).
pub const TIME_REQUEST: u16 = 0x0004;
/// Time answer (2019).
pub const TIME_ANSWER: u16 = 0x8004;

/// A message from a terminal.
#[derive(Clone, Debug, PartialEq)]
pub enum TerminalMessage<'a> {
    /// 0x0001.
    Ack(Ack),
    /// 0x0005.
    Resend(Resend),
    /// 0x0801.
    MediaData(MediaData<'a>),
}

impl<'a> TerminalMessage<'a> {
    /// Reads a body.
    ///
    /// Errors: [`DecodeError::UnknownMessage`], or what is wrong with the body.
    pub fn decode(id: u16, edition: Edition, body: &'a [u8]) -> Result<Self, DecodeError> {
        let r = &mut Reader::new(body);
        Ok(match id {
            TERMINAL_ACK => Self::Ack(Ack::decode(r)?),
            TERMINAL_RESEND => Self::Resend(Resend::decode(r)?),
            MEDIA_DATA => Self::MediaData(MediaData::decode(r, edition)?),
            id => return Err(DecodeError::UnknownMessage { id }),
        })
    }

    /// Serial number of the command that this message answers by its own layout.
    pub fn answer_serial(&self) -> Option<u16> {
        None
    }
}

/// A message from the platform.
#[derive(Clone, Debug, PartialEq)]
pub enum PlatformMessage {
    /// 0x8001.
    Ack(Ack),
    /// A message without a body, or one that we do not know: bytes as they are.
    Raw {
        /// Message id.
        id: u16,
        /// Body.
        body: Vec<u8>,
    },
}

impl PlatformMessage {
    /// The message id.
    pub const fn id(&self) -> u16 {
        match self {
            Self::Ack(_) => PLATFORM_ACK,
            Self::Raw { id, .. } => *id,
        }
    }

    /// Appends the body.
    ///
    /// Errors: [`EncodeError`], when a value does not fit the layout.
    pub fn encode(&self, _edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        match self {
            Self::Ack(ack) => w.bytes(&ack.body()),
            Self::Raw { body, .. } => w.bytes(body),
        }
        Ok(())
    }
}

/// The commands that a terminal message answers; empty for most.
pub const fn answered_command(by: u16) -> &'static [u16] {
    match by {
        0x0104 => &[0x8104, 0x8106],
        0x0107 => &[0x8107],
        0x0201 => &[0x8201],
        0x0500 => &[0x8500],
        0x0608 => &[0x8608],
        0x0700 => &[0x8700],
        0x0702 => &[0x8702],
        0x0802 => &[0x8802],
        0x0805 => &[0x8801],
        0x0a00 => &[0x8a00],
        _ => &[],
    }
}

/// Whether a command waits for a message of its own after the general answer.
///
/// 0x8801 does not: 2011 and a clause of 2013 answer it by 0x0001 alone.
pub const fn has_own_answer(command: u16) -> bool {
    matches!(
        command,
        0x8104 | 0x8106 | 0x8107 | 0x8201 | 0x8500 | 0x8608 | 0x8700 | 0x8702 | 0x8802 | 0x8a00
    )
}
