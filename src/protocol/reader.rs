//! The checked cursor over a body: the only code that knows offsets.

use super::bcd::BcdTime;
use super::error::DecodeError;
use super::text::Text;

/// A big-endian cursor that never reads past the end.
///
/// Errors: every read gives [`DecodeError::BodyShort`] when the bytes end first.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    total: usize,
}

impl<'a> Reader<'a> {
    /// A cursor at the start of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            total: bytes.len(),
        }
    }

    /// Bytes not read yet.
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Whether everything was read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Distance from the start.
    pub const fn offset(&self) -> usize {
        self.total.saturating_sub(self.rest.len())
    }

    #[cold]
    const fn short(&self, need: usize) -> DecodeError {
        DecodeError::BodyShort {
            offset: self.offset(),
            need,
            have: self.total,
        }
    }

    /// The next `N` bytes.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.rest.split_first_chunk::<N>() {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(*head)
            }
            None => Err(self.short(N)),
        }
    }

    /// The next byte.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// The next two bytes as a number.
    #[inline]
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_be_bytes)
    }

    /// The next four bytes as a number.
    #[inline]
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    /// The next `count` bytes.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(count) {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(head)
            }
            None => Err(self.short(count)),
        }
    }

    /// Everything that is left.
    pub const fn take_rest(&mut self) -> &'a [u8] {
        let rest = self.rest;
        self.rest = &[];
        rest
    }

    /// The next six bytes as a BCD time.
    pub fn time(&mut self) -> Result<BcdTime, DecodeError> {
        self.array().map(BcdTime)
    }

    /// Text of a fixed width; filling of 00 and spaces on either end is dropped.
    pub fn text_fixed(&mut self, width: usize) -> Result<Text<'a>, DecodeError> {
        self.take(width).map(|raw| Text::new(raw).trimmed())
    }

    /// Text after a length byte.
    pub fn text_u8(&mut self) -> Result<Text<'a>, DecodeError> {
        self.bytes_u8().map(Text::new)
    }

    /// Text after a length word.
    pub fn text_u16(&mut self) -> Result<Text<'a>, DecodeError> {
        let length = self.u16()?;
        self.take(usize::from(length)).map(Text::new)
    }

    /// Bytes after a length byte.
    pub fn bytes_u8(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.u8()?;
        self.take(usize::from(length))
    }

    /// Text up to the end of the body.
    pub const fn text_rest(&mut self) -> Text<'a> {
        Text::new(self.take_rest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_in_order_and_stops_at_the_end() {
        let mut reader = Reader::new(&[1, 0, 2, 0, 0, 0, 3, 9]);
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.u16(), Ok(2));
        assert_eq!(reader.u32(), Ok(3));
        assert_eq!(
            reader.u16(),
            Err(DecodeError::BodyShort {
                offset: 7,
                need: 2,
                have: 8
            })
        );
        assert_eq!(reader.take_rest(), [9]);
        assert!(reader.is_empty());
    }

    #[test]
    fn fixed_text_is_trimmed_on_both_ends() {
        let mut reader = Reader::new(b"\0\0RW-1  \0");
        assert_eq!(reader.text_fixed(9).unwrap().raw(), b"RW-1");
    }
}
