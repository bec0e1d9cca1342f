//! The message header of each edition.

use std::fmt;

use crate::protocol::error::DecodeError;
use crate::protocol::reader::Reader;

/// The edition of the standard that a message speaks.
///
/// 2011 and 2013 share a header; a frame alone gives [`Edition::V2013`] for both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Edition {
    /// JT/T 808-2011.
    V2011,
    /// JT/T 808-2013.
    #[default]
    V2013,
    /// JT/T 808-2019.
    V2019,
}

impl Edition {
    /// The year as text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V2011 => "2011",
            Self::V2013 => "2013",
            Self::V2019 => "2019",
        }
    }

    /// Reads the year.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "2011" => Some(Self::V2011),
            "2013" => Some(Self::V2013),
            "2019" => Some(Self::V2019),
            _ => None,
        }
    }

    /// Bytes of the phone number field.
    const fn phone_width(self) -> u8 {
        match self {
            Self::V2011 | Self::V2013 => 6,
            Self::V2019 => 10,
        }
    }
}

/// The terminal phone number with the width in which it came.
///
/// Shape: BCD\[6\] (2011, 2013) or BCD\[10\] (2019), leading zeros.
/// [`fmt::Display`] gives the digits without leading zeros, at least one;
/// nibbles above 9 (some terminals put an IMEI in binary there) print as letters.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone {
    /// Right-aligned.
    bcd: [u8; 10],
    /// Bytes on the wire, 6 or 10.
    width: u8,
}

impl Phone {
    /// The number in the width of `edition`.
    ///
    /// Errors: `None` when there is another character than a hexadecimal digit (a damaged number has those,
    /// too), or too many.
    pub fn from_digits(digits: &str, edition: Edition) -> Option<Self> {
        let width = edition.phone_width();
        let mut bcd = [0_u8; 10];
        let digits_max = usize::from(width).saturating_mul(2);
        if digits.is_empty() || digits.len() > digits_max {
            return None;
        }
        for (place, digit) in digits.bytes().rev().enumerate() {
            let nibble = char::from(digit).to_digit(16)?;
            let nibble = u8::try_from(nibble).ok()?;
            let byte = bcd.iter_mut().rev().nth(place / 2)?;
            *byte |= if place % 2 == 0 { nibble } else { nibble << 4 };
        }
        Some(Self { bcd, width })
    }

    /// The same for every width: what identifies the terminal.
    pub const fn key(self) -> [u8; 10] {
        self.bcd
    }

    /// The bytes as they stood on the wire.
    pub fn wire(&self) -> &[u8] {
        let skip = self.bcd.len().saturating_sub(usize::from(self.width));
        self.bcd.get(skip..).unwrap_or(&self.bcd)
    }

    fn from_wire<const N: usize>(wire: [u8; N]) -> Self {
        let mut bcd = [0; 10];
        for (to, from) in bcd.iter_mut().rev().zip(wire.iter().rev()) {
            *to = *from;
        }
        let width = if N == 6 { 6 } else { 10 };
        Self { bcd, width }
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut nibbles = [0_u8; 20];
        for (pair, byte) in nibbles.as_chunks_mut::<2>().0.iter_mut().zip(self.bcd) {
            *pair = [byte >> 4, byte & 0x0f];
        }
        let mut rest = nibbles.as_slice();
        while let [0, tail @ ..] = rest {
            if tail.is_empty() {
                break;
            }
            rest = tail;
        }
        rest.iter().try_for_each(|nibble| write!(f, "{nibble:x}"))
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Place of a sub-package in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Package {
    /// Sub-packages of the message, at least 1.
    pub total: u16,
    /// Which one, from 1.
    pub index: u16,
}

/// The header of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Message id. Shape: header bytes 0..2.
    pub message_id: u16,
    /// [`Edition::V2013`] or [`Edition::V2019`], by bit 14 of the property word.
    pub edition: Edition,
    /// Protocol version, 1 for the first 2019 edition; 0 before 2019.
    pub version: u8,
    /// Encryption mode, bits 10 to 12 of the property word; 0 is none.
    pub encryption: u8,
    /// Terminal phone number.
    pub phone: Phone,
    /// Message serial number of the sender.
    pub serial: u16,
    /// Place in a sub-packaged message, only with bit 13 of the property word.
    pub package: Option<Package>,
}

/// Body length in the property word.
const LENGTH_MASK: u16 = 0x03ff;
/// Sub-package flag of the property word.
const PACKAGE_BIT: u16 = 1 << 13;
/// Version flag of the property word: 2019 or later.
const VERSION_BIT: u16 = 1 << 14;
/// Longest body of a frame. Source: ten bits of length.
pub const BODY_BYTES_MAX: usize = 1023;

impl Header {
    /// Splits the un-escaped content of a frame into header and body, and checks it.
    ///
    /// Shape: header, body, check byte.
    /// Errors: header first ([`DecodeError::HeaderShort`],
    /// [`DecodeError::LengthMismatch`], [`DecodeError::Package`]), then
    /// [`DecodeError::Checksum`].
    #[inline]
    pub fn decode(content: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let mut reader = Reader::new(content);
        let short = |need| DecodeError::HeaderShort {
            have: content.len(),
            need,
        };
        let (Ok(message_id), Ok(properties)) = (reader.u16(), reader.u16()) else {
            return Err(short(13));
        };
        let mut header = Self {
            message_id,
            edition: Edition::V2013,
            version: 0,
            encryption: u8::try_from(properties >> 10 & 7).unwrap_or(0),
            phone: Phone::default(),
            serial: 0,
            package: None,
        };
        let packaged = properties & PACKAGE_BIT != 0;
        let need = header_bytes(properties & VERSION_BIT != 0, packaged).saturating_add(1);
        header
            .read_rest(&mut reader, properties)
            .map_err(|_short| short(need))?;
        let body = reader.take_rest();
        let (found, body) = body.split_last().ok_or(short(need))?;
        let stated = usize::from(properties & LENGTH_MASK);
        if stated != body.len() {
            return Err(DecodeError::LengthMismatch {
                stated,
                have: body.len(),
            });
        }
        if let Some(Package { total, index }) = header.package
            && (index == 0 || index > total)
        {
            return Err(DecodeError::Package { total, index });
        }
        let over_all = xor(content);
        if over_all != 0 {
            return Err(DecodeError::Checksum {
                found: *found,
                computed: found ^ over_all,
            });
        }
        Ok((header, body))
    }

    #[inline]
    fn read_rest(&mut self, reader: &mut Reader<'_>, properties: u16) -> Result<(), DecodeError> {
        if properties & VERSION_BIT != 0 {
            self.edition = Edition::V2019;
            self.version = reader.u8()?;
            self.phone = Phone::from_wire(reader.array::<10>()?);
        } else {
            self.phone = Phone::from_wire(reader.array::<6>()?);
        }
        self.serial = reader.u16()?;
        if properties & PACKAGE_BIT != 0 {
            self.package = Some(Package {
                total: reader.u16()?,
                index: reader.u16()?,
            });
        }
        Ok(())
    }

    /// Appends the wire form for a body of `body_bytes` bytes.
    pub fn encode(&self, body_bytes: usize, out: &mut Vec<u8>) {
        let length = u16::try_from(body_bytes.min(BODY_BYTES_MAX)).unwrap_or(0);
        let mut properties = length | (u16::from(self.encryption & 7) << 10);
        if self.package.is_some() {
            properties |= PACKAGE_BIT;
        }
        if self.edition == Edition::V2019 {
            properties |= VERSION_BIT;
        }
        out.extend_from_slice(&self.message_id.to_be_bytes());
        out.extend_from_slice(&properties.to_be_bytes());
        if self.edition == Edition::V2019 {
            out.push(self.version);
        }
        out.extend_from_slice(self.phone.wire());
        out.extend_from_slice(&self.serial.to_be_bytes());
        if let Some(Package { total, index }) = self.package {
            out.extend_from_slice(&total.to_be_bytes());
            out.extend_from_slice(&index.to_be_bytes());
        }
    }
}

/// Bytes of the header form that the property word announces.
const fn header_bytes(versioned: bool, packaged: bool) -> usize {
    match (versioned, packaged) {
        (false, false) => 12,
        (false, true) => 16,
        (true, false) => 17,
        (true, true) => 21,
    }
}

/// Exclusive or of all bytes.
#[inline]
pub fn xor(bytes: &[u8]) -> u8 {
    let (words, rest) = bytes.as_chunks::<8>();
    let folded = words
        .iter()
        .fold(0, |sum, word| sum ^ u64::from_ne_bytes(*word));
    let tail = rest.iter().fold(0, |sum, byte| sum ^ byte);
    folded
        .to_ne_bytes()
        .iter()
        .fold(tail, |sum, byte| sum ^ byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(digits: &str, edition: Edition, wire: &[u8], shown: &str) {
        let phone = Phone::from_digits(digits, edition).unwrap();
        assert_eq!(phone.wire(), wire);
        assert_eq!(phone.to_string(), shown);
    }

    #[test]
    fn leading_zeros_are_dropped_and_the_width_stays() {
        check(
            "013912344323",
            Edition::V2013,
            &[0x01, 0x39, 0x12, 0x34, 0x43, 0x23],
            "13912344323",
        );
        check(
            "13912344323",
            Edition::V2019,
            &[0, 0, 0, 0, 0x01, 0x39, 0x12, 0x34, 0x43, 0x23],
            "13912344323",
        );
        check("0", Edition::V2013, &[0; 6], "0");
    }

    #[test]
    fn one_terminal_has_one_key_in_every_edition() {
        let old = Phone::from_digits("13912344323", Edition::V2013).unwrap();
        let new = Phone::from_digits("13912344323", Edition::V2019).unwrap();
        assert_ne!(old, new);
        assert_eq!(old.key(), new.key());
    }

    #[test]
    fn too_long_numbers_are_refused() {
        assert!(Phone::from_digits("1391234432301", Edition::V2013).is_none());
        assert!(Phone::from_digits("", Edition::V2013).is_none());
    }

    #[test]
    fn xor_is_the_same_in_words_and_bytes() {
        let bytes: Vec<u8> = (0..100_u8).map(|n| n.wrapping_mul(37)).collect();
        for end in 0..bytes.len() {
            let plain = bytes[..end].iter().fold(0, |sum, byte| sum ^ byte);
            assert_eq!(xor(&bytes[..end]), plain);
        }
    }
}
