//! General answers, and requests to repeat sub-packages.

use super::header::Edition;
use crate::protocol::error::{DecodeError, EncodeError};
use crate::protocol::reader::Reader;
use crate::protocol::writer::Writer;

/// Terminal general answer.
pub const TERMINAL_ACK: u16 = 0x0001;
/// Platform general answer.
pub const PLATFORM_ACK: u16 = 0x8001;
/// Terminal asks for sub-packages again (2019).
pub const TERMINAL_RESEND: u16 = 0x0005;
/// Platform asks for sub-packages again (2013 and later).
pub const PLATFORM_RESEND: u16 = 0x8003;

/// What became of a message, as one byte of a general answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AckResult(pub u8);

impl AckResult {
    /// Received, done.
    pub const SUCCESS: Self = Self(0);
    /// Not done.
    pub const FAILURE: Self = Self(1);
    /// The message was wrong.
    pub const BAD_MESSAGE: Self = Self(2);
    /// The message is not supported.
    pub const NOT_SUPPORTED: Self = Self(3);
    /// The alarm of this report is handled; 0x8001 only, 2013 and later.
    pub const ALARM_HANDLED: Self = Self(4);
}

/// General answer, 0x0001 and 0x8001.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Serial number of the message answered. Shape: 0..2.
    pub answer_serial: u16,
    /// Id of the message answered. Shape: 2..4.
    pub answer_id: u16,
    /// What became of it. Shape: 4.
    pub result: AckResult,
}

impl Ack {
    /// Reads the body.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            answer_serial: reader.u16()?,
            answer_id: reader.u16()?,
            result: AckResult(reader.u8()?),
        })
    }

    /// The body.
    pub const fn body(self) -> [u8; 5] {
        let [serial_high, serial_low] = self.answer_serial.to_be_bytes();
        let [id_high, id_low] = self.answer_id.to_be_bytes();
        [serial_high, serial_low, id_high, id_low, self.result.0]
    }
}

/// Request to send named sub-packages again, 0x0005 and 0x8003.
///
/// Shape: WORD serial of the first, count, WORD\[count\] indexes from 1; the
/// count is a BYTE in 2013 and a WORD in 2019. The reader goes by the length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resend {
    /// Serial number of sub-package 1.
    pub first_serial: u16,
    /// Indexes from 1.
    pub indexes: Vec<u16>,
}

impl Resend {
    /// Reads the body.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let first_serial = reader.u16()?;
        let count = if reader.remaining().is_multiple_of(2) {
            reader.u16()?
        } else {
            u16::from(reader.u8()?)
        };
        let indexes = (0..count).map(|_| reader.u16()).collect::<Result<_, _>>()?;
        Ok(Self {
            first_serial,
            indexes,
        })
    }

    /// Appends the body.
    ///
    /// Errors: [`EncodeError::ListLong`] for more indexes than the count can say.
    pub fn encode(&self, edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u16(self.first_serial);
        match edition {
            Edition::V2011 | Edition::V2013 => w.count_u8("indexes", self.indexes.len())?,
            Edition::V2019 => w.count_u16("indexes", self.indexes.len())?,
        }
        for index in &self.indexes {
            w.u16(*index);
        }
        Ok(())
    }
}
