//! The terminal as a device: attributes, upgrade, control.

use super::header::Edition;
use crate::protocol::error::{DecodeError, EncodeError};
use crate::protocol::reader::Reader;
use crate::protocol::text::Text;
use crate::protocol::writer::Writer;

/// Terminal control.
pub const TERMINAL_CONTROL: u16 = 0x8105;
/// Query of the attributes (2013 and later).
pub const QUERY_ATTRIBUTES: u16 = 0x8107;
/// Attributes of the terminal (2013 and later).
pub const ATTRIBUTES: u16 = 0x0107;
/// Upgrade package (2013 and later).
pub const UPGRADE: u16 = 0x8108;
/// Result of an upgrade (2013 and later).
pub const UPGRADE_RESULT: u16 = 0x0108;

/// Attributes of the terminal, 0x0107.
///
/// Shape: WORD kind, maker\[5\], model\[20\] and id\[7\] (2019: \[30\] and
/// \[30\]), ICCID\[10\], BYTE n, hardware, BYTE m, firmware, BYTE GNSS, BYTE
/// network. Some 2019 terminals send a maker of 11 bytes; the total tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes<'a> {
    /// Bits: 0 passenger, 1 dangerous goods, 2 goods, 3 taxi, 6 disk, 7 split, 8 trailer.
    pub kind: u16,
    /// Maker id.
    pub manufacturer: Text<'a>,
    /// Model.
    pub model: Text<'a>,
    /// Terminal id.
    pub terminal_id: Text<'a>,
    /// ICCID, twenty nibbles; may hold letters.
    pub iccid: [u8; 10],
    /// Hardware version.
    pub hardware: Text<'a>,
    /// Firmware version.
    pub firmware: Text<'a>,
    /// Bits: 0 GPS, 1 `BeiDou`, 2 GLONASS, 3 Galileo.
    pub gnss: u8,
    /// Bits: 0 GPRS, 1 CDMA, 2 TD-SCDMA, 3 WCDMA, 4 CDMA2000, 5 TD-LTE, 7 other.
    pub network: u8,
}

impl<'a> Attributes<'a> {
    /// Reads the body.
    pub fn decode(body: &'a [u8], edition: Edition) -> Result<Self, DecodeError> {
        if edition != Edition::V2019 {
            return Self::decode_widths(body, [5, 20, 7]).map(|(value, _)| value);
        }
        match Self::decode_widths(body, [5, 30, 30]) {
            Ok((value, 0)) => Ok(value),
            printed => match Self::decode_widths(body, [11, 30, 30]) {
                Ok((value, 0)) => Ok(value),
                _ => printed.map(|(value, _)| value),
            },
        }
    }

    /// Reads with these widths; also tells how many bytes are left.
    fn decode_widths(
        body: &'a [u8],
        [maker, model, id]: [usize; 3],
    ) -> Result<(Self, usize), DecodeError> {
        let mut r = Reader::new(body);
        let value = Self {
            kind: r.u16()?,
            manufacturer: r.text_fixed(maker)?,
            model: r.text_fixed(model)?,
            terminal_id: r.text_fixed(id)?,
            iccid: r.array()?,
            hardware: r.text_u8()?,
            firmware: r.text_u8()?,
            gnss: r.u8()?,
            network: r.u8()?,
        };
        Ok((value, r.remaining()))
    }
}

/// Result of an upgrade, 0x0108.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpgradeResult {
    /// 0 terminal, 12 card reader, 52 satellite module. Shape: 0.
    pub kind: u8,
    /// 0 done, 1 failed, 2 cancelled. Shape: 1.
    pub result: u8,
}

impl UpgradeResult {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            kind: r.u8()?,
            result: r.u8()?,
        })
    }
}

/// Upgrade package, 0x8108.
///
/// Shape: BYTE kind, maker\[5\], BYTE n, version, DWORD size, data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upgrade {
    /// 0 terminal, 12 card reader, 52 satellite module.
    pub kind: u8,
    /// Maker id, five bytes.
    pub manufacturer: String,
    /// Version.
    pub version: String,
    /// The package.
    pub data: Vec<u8>,
}

impl Upgrade {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let kind = r.u8()?;
        let manufacturer = r.text_fixed(5)?.decode_lossy().into_owned();
        let version = r.text_u8()?.decode_lossy().into_owned();
        let size = r.u32()?;
        let data = r.take_rest().to_vec();
        if u32::try_from(data.len()) != Ok(size) {
            return Err(DecodeError::BodyValue { field: "size" });
        }
        Ok(Self {
            kind,
            manufacturer,
            version,
            data,
        })
    }

    /// Appends the body.
    ///
    /// Errors: [`EncodeError::FieldLong`].
    pub fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u8(self.kind);
        w.text_fixed("manufacturer", &self.manufacturer, 5)?;
        w.text_u8("version", &self.version)?;
        let bytes = self.data.len();
        w.u32(
            u32::try_from(bytes).map_err(|_too_long| EncodeError::FieldLong {
                field: "data",
                bytes,
                limit_bytes: 0xffff_ffff,
            })?,
        );
        w.bytes(&self.data);
        Ok(())
    }
}

/// Terminal control, 0x8105.
///
/// Shape: BYTE command, parameters as text separated by semicolons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TerminalControl {
    /// 1 upgrade over the air, 2 connect to a named server, 3 power off, 4
    /// reset, 5 factory reset, 6 stop data, 7 stop all radio; 2019 keeps 2, 4, 5.
    pub command: u8,
    /// Parameters; empty for most commands.
    pub parameters: String,
}

impl TerminalControl {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            command: r.u8()?,
            parameters: r.text_rest().decode_lossy().into_owned(),
        })
    }

    /// Appends the body.
    pub fn encode(&self, w: &mut Writer<'_>) {
        w.u8(self.command);
        w.text(&self.parameters);
    }
}
