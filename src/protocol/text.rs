//! Text as it stands on the wire.

use std::borrow::Cow;

use encoding_rs::GB18030;

/// Text of the wire, in GBK, not decoded yet.
///
/// Decoding uses GB18030, of which GBK is a part, so every plate and name has a
/// meaning; bytes without one stay at hand through [`Text::raw`].
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// Text of these bytes.
    pub const fn new(raw: &'a [u8]) -> Self {
        Self(raw)
    }

    /// The bytes as received.
    pub const fn raw(self) -> &'a [u8] {
        self.0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Without filling of 00 and spaces on either end.
    #[must_use]
    pub fn trimmed(self) -> Self {
        let mut raw = self.0;
        while let [0 | b' ', rest @ ..] = raw {
            raw = rest;
        }
        while let [rest @ .., 0 | b' '] = raw {
            raw = rest;
        }
        Self(raw)
    }

    /// The text, or `None` when the bytes are not GB18030.
    pub fn decode(self) -> Option<Cow<'a, str>> {
        GB18030.decode_without_bom_handling_and_without_replacement(self.0)
    }

    /// The text with U+FFFD where the bytes mean nothing.
    pub fn decode_lossy(self) -> Cow<'a, str> {
        GB18030.decode_without_bom_handling(self.0).0
    }
}

impl std::fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.decode_lossy())
    }
}

/// The wire form of `text`.
pub fn encode(text: &str) -> Cow<'_, [u8]> {
    GB18030.encode(text).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plate_survives_both_ways() {
        let wire = encode("湘A12345");
        assert_eq!(&*wire, b"\xcf\xe6A12345");
        assert_eq!(Text::new(&wire).decode().unwrap(), "湘A12345");
    }

    #[test]
    fn bytes_without_a_meaning_are_kept() {
        let text = Text::new(&[0xff, 0xff]);
        assert_eq!(text.decode(), None);
        assert_eq!(text.raw(), [0xff, 0xff]);
    }
}
