//! Data that passes through: recorder, waybill, CAN, pass-through, keys.

use std::io::Read as _;

use flate2::read::GzDecoder;

use super::header::Edition;
use crate::protocol::bcd::decimal;
use crate::protocol::error::{DecodeError, EncodeError};
use crate::protocol::reader::Reader;
use crate::protocol::writer::Writer;

/// Request of recorder data.
pub const RECORDER_REQUEST: u16 = 0x8700;
/// Recorder data.
pub const RECORDER_DATA: u16 = 0x0700;
/// Recorder parameters.
pub const RECORDER_PARAMETERS: u16 = 0x8701;
/// Electronic waybill.
pub const WAYBILL: u16 = 0x0701;
/// CAN data (2013 and later).
pub const CAN_DATA: u16 = 0x0705;
/// Pass-through up.
pub const PASS_UP: u16 = 0x0900;
/// Pass-through down.
pub const PASS_DOWN: u16 = 0x8900;
/// Compressed report.
pub const COMPRESSED: u16 = 0x0901;
/// RSA key of the terminal.
pub const TERMINAL_KEY: u16 = 0x0a00;
/// RSA key of the platform.
pub const PLATFORM_KEY: u16 = 0x8a00;

/// A command with a packet of GB/T 19056 for the recorder, 0x8700 and 0x8701.
///
/// Shape: BYTE command, packet to the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecorderCommand {
    /// Command of GB/T 19056.
    pub command: u8,
    /// The complete packet; may be empty in 0x8700.
    pub packet: Vec<u8>,
}

impl RecorderCommand {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            command: r.u8()?,
            packet: r.take_rest().to_vec(),
        })
    }

    /// Appends the body.
    pub fn encode(&self, w: &mut Writer<'_>) {
        w.u8(self.command);
        w.bytes(&self.packet);
    }
}

/// Recorder data, 0x0700.
///
/// Shape: WORD serial of the 0x8700, BYTE command, packet. 2011: BYTE command,
/// WORD total, WORD here, data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecorderData<'a> {
    /// Serial number of the request; absent in 2011.
    pub answer_serial: Option<u16>,
    /// Command of GB/T 19056.
    pub command: u8,
    /// Parts in all and this part; 2011.
    pub part: Option<(u16, u16)>,
    /// The packet.
    pub packet: &'a [u8],
}

impl<'a> RecorderData<'a> {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'a>, edition: Edition) -> Result<Self, DecodeError> {
        let old = edition == Edition::V2011;
        let answer_serial = if old { None } else { Some(r.u16()?) };
        let command = r.u8()?;
        let part = if old {
            Some((r.u16()?, r.u16()?))
        } else {
            None
        };
        Ok(Self {
            answer_serial,
            command,
            part,
            packet: r.take_rest(),
        })
    }
}

/// CAN data, 0x0705. Shape: WORD n, BCD\[5\] time, entries of 12 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanData {
    /// hh mm ss and milliseconds (four digits) of the first frame, in BCD.
    pub time: [u8; 5],
    /// The frames.
    pub items: Vec<CanItem>,
}

/// One CAN frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanItem {
    /// Bits: 31 channel, 30 extended frame, 29 averaged, 0 to 28 CAN id.
    pub head: u32,
    /// Data.
    pub data: [u8; 8],
}

impl CanItem {
    /// The CAN id alone.
    pub const fn can_id(self) -> u32 {
        self.head & 0x1fff_ffff
    }

    /// Channel, 0 or 1.
    pub const fn channel(self) -> u32 {
        self.head >> 31
    }

    /// Whether the frame is an extended one.
    pub const fn is_extended(self) -> bool {
        self.head & (1 << 30) != 0
    }

    /// Whether the data are averaged rather than raw.
    pub const fn is_averaged(self) -> bool {
        self.head & (1 << 29) != 0
    }
}

impl CanData {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = r.u16()?;
        let time = r.array()?;
        let item = |r: &mut Reader<'_>| {
            Ok(CanItem {
                head: r.u32()?,
                data: r.array()?,
            })
        };
        Ok(Self {
            time,
            items: (0..count).map(|_| item(r)).collect::<Result<_, _>>()?,
        })
    }

    /// Hour, minute, second, millisecond; `None` when a nibble is no digit.
    pub fn time_of_day(&self) -> Option<(u8, u8, u8, u16)> {
        let [hour, minute, second, high, low] = self.time;
        let thousands = u16::from(decimal(high)?).saturating_mul(100);
        Some((
            decimal(hour)?,
            decimal(minute)?,
            decimal(second)?,
            thousands.saturating_add(u16::from(decimal(low)?)),
        ))
    }
}

/// Pass-through up, 0x0900. Shape: BYTE kind, data; 2011 BYTE kind, DWORD total, WORD here, data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassUp<'a> {
    /// 0x00 GNSS, 0x0B IC card, 0x41 and 0x42 serial ports, 0xF0 and above user.
    pub kind: u8,
    /// The data.
    pub data: &'a [u8],
}

impl<'a> PassUp<'a> {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'a>, edition: Edition) -> Result<Self, DecodeError> {
        let kind = r.u8()?;
        if edition == Edition::V2011 {
            r.take(6)?;
        }
        Ok(Self {
            kind,
            data: r.take_rest(),
        })
    }
}

/// Pass-through down, 0x8900; the shapes of [`PassUp`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassDown {
    /// As in [`PassUp`].
    pub kind: u8,
    /// The data.
    pub data: Vec<u8>,
}

impl PassDown {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>, edition: Edition) -> Result<Self, DecodeError> {
        PassUp::decode(r, edition).map(|up| Self {
            kind: up.kind,
            data: up.data.to_vec(),
        })
    }

    /// Appends the body.
    ///
    /// Errors: [`EncodeError::ListLong`] in 2011.
    pub fn encode(&self, edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u8(self.kind);
        if edition == Edition::V2011 {
            w.u16(0);
            w.count_u16("data", self.data.len())?;
            w.count_u16("data", self.data.len())?;
        }
        w.bytes(&self.data);
        Ok(())
    }
}

/// Data after a length: compressed report, 0x0901, and waybill, 0x0701.
///
/// Shape: DWORD length, data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongData<'a> {
    /// The data; a length that says more than there is takes what there is.
    pub data: &'a [u8],
}

impl<'a> LongData<'a> {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let length = usize::try_from(r.u32()?).unwrap_or(usize::MAX);
        let all = r.take_rest();
        Ok(Self {
            data: all.get(..length).unwrap_or(all),
        })
    }

    /// Unpacks the gzip stream of a 0x0901, at most `bytes_max` bytes.
    ///
    /// Errors: [`DecodeError::Compressed`] when it is none, or larger.
    pub fn unpack(&self, bytes_max: usize) -> Result<Vec<u8>, DecodeError> {
        let error = DecodeError::Compressed {
            limit_bytes: bytes_max,
        };
        let mut plain = Vec::new();
        let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
        GzDecoder::new(self.data)
            .take(limit.saturating_add(1))
            .read_to_end(&mut plain)
            .map_err(|_broken| error)?;
        if plain.len() > bytes_max {
            return Err(error);
        }
        Ok(plain)
    }
}

/// RSA key, 0x0A00 and 0x8A00. Shape: DWORD e, BYTE\[128\] n.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsaKey {
    /// Public exponent.
    pub exponent: u32,
    /// Modulus, 128 bytes.
    pub modulus: Vec<u8>,
}

impl RsaKey {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            exponent: r.u32()?,
            modulus: r.take(128)?.to_vec(),
        })
    }

    /// Appends the body.
    ///
    /// Errors: [`EncodeError::FieldLong`].
    pub fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32(self.exponent);
        w.filled(
            "modulus",
            &self.modulus,
            128,
            crate::protocol::writer::Fill::Front,
        )
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn unpacking_is_bounded() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![7; 100_000]).unwrap();
        let packed = encoder.finish().unwrap();
        let data = LongData { data: &packed };
        assert_eq!(data.unpack(100_000).unwrap().len(), 100_000);
        assert_eq!(
            data.unpack(99_999),
            Err(DecodeError::Compressed {
                limit_bytes: 99_999
            })
        );
        assert!(LongData { data: &[1, 2, 3] }.unpack(10).is_err());
    }
}
