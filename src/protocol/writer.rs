//! The writer of bodies, the mirror of [`super::reader`].

use super::bcd::BcdTime;
use super::error::EncodeError;
use super::text;

/// Appends big-endian fields to a buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Appends to `out`.
    pub const fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.out.push(value);
    }

    /// Two bytes.
    pub fn u16(&mut self, value: u16) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// Four bytes.
    pub fn u32(&mut self, value: u32) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, value: &[u8]) {
        self.out.extend_from_slice(value);
    }

    /// A BCD time.
    pub fn time(&mut self, value: BcdTime) {
        self.bytes(&value.0);
    }

    /// Text in GBK up to the end of the body.
    pub fn text(&mut self, value: &str) {
        self.bytes(&text::encode(value));
    }

    /// Text in GBK filled with 00 behind to `width` bytes.
    pub fn text_fixed(
        &mut self,
        field: &'static str,
        value: &str,
        width: usize,
    ) -> Result<(), EncodeError> {
        self.filled(field, &text::encode(value), width, Fill::Behind(0))
    }

    /// Bytes filled to `width`.
    pub fn filled(
        &mut self,
        field: &'static str,
        value: &[u8],
        width: usize,
        fill: Fill,
    ) -> Result<(), EncodeError> {
        let missing = width
            .checked_sub(value.len())
            .ok_or(EncodeError::FieldLong {
                field,
                bytes: value.len(),
                limit_bytes: width,
            })?;
        let filling = |byte| std::iter::repeat_n(byte, missing);
        match fill {
            Fill::Front => {
                self.out.extend(filling(0));
                self.bytes(value);
            }
            Fill::Behind(byte) => {
                self.bytes(value);
                self.out.extend(filling(byte));
            }
        }
        Ok(())
    }

    /// Text in GBK after a length byte.
    pub fn text_u8(&mut self, field: &'static str, value: &str) -> Result<(), EncodeError> {
        self.bytes_u8(field, &text::encode(value))
    }

    /// Text in GBK after a length word.
    pub fn text_u16(&mut self, field: &'static str, value: &str) -> Result<(), EncodeError> {
        let bytes = text::encode(value);
        let length = u16::try_from(bytes.len()).map_err(|_too_long| EncodeError::FieldLong {
            field,
            bytes: bytes.len(),
            limit_bytes: usize::from(u16::MAX),
        })?;
        self.u16(length);
        self.bytes(&bytes);
        Ok(())
    }

    /// Bytes after a length byte.
    pub fn bytes_u8(&mut self, field: &'static str, value: &[u8]) -> Result<(), EncodeError> {
        let length = u8::try_from(value.len()).map_err(|_too_long| EncodeError::FieldLong {
            field,
            bytes: value.len(),
            limit_bytes: usize::from(u8::MAX),
        })?;
        self.u8(length);
        self.bytes(value);
        Ok(())
    }

    /// A count byte for a list of `count` entries.
    pub fn count_u8(&mut self, field: &'static str, count: usize) -> Result<(), EncodeError> {
        let limit = usize::from(u8::MAX);
        self.u8(
            u8::try_from(count).map_err(|_too_long| EncodeError::ListLong {
                field,
                count,
                limit,
            })?,
        );
        Ok(())
    }

    /// A count word for a list of `count` entries.
    pub fn count_u16(&mut self, field: &'static str, count: usize) -> Result<(), EncodeError> {
        let limit = usize::from(u16::MAX);
        self.u16(
            u16::try_from(count).map_err(|_too_long| EncodeError::ListLong {
                field,
                count,
                limit,
            })?,
        );
        Ok(())
    }
}

/// Where a field of fixed width is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// With 00 before the text.
    Front,
    /// With this byte behind the text.
    Behind(u8),
}
