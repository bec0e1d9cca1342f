//! Fields of a JSON object, checked.

use serde_json::Value;

use super::values::{Object, unhex};
use crate::protocol::{BcdTime, EncodeError, text};

/// Why a line of JSON is not a message that can be written.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// The line is no JSON object.
    #[error("line is not a JSON object")]
    NotAnObject(#[source] Option<serde_json::Error>),
    /// A field is missing.
    #[error("field {field} is missing")]
    Missing {
        /// Its name.
        field: String,
    },
    /// A field holds something else.
    #[error("field {field} is not {expected}")]
    Wrong {
        /// Its name.
        field: String,
        /// What it should be.
        expected: &'static str,
    },
    /// There is no encoder for this message.
    #[error("message {id:#06x} cannot be encoded")]
    NoEncoder {
        /// The id.
        id: u16,
    },
    /// The values do not fit the wire.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// An object whose fields are asked for by name.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Fields<'a>(pub &'a Object);

type Read<T> = Result<T, JsonError>;

impl<'a> Fields<'a> {
    /// The object in `value`, called `field` when it is none.
    pub(in crate::cli) fn of(value: &'a Value, field: &str) -> Read<Self> {
        value
            .as_object()
            .map(Self)
            .ok_or_else(|| wrong(field, "an object"))
    }

    /// The value under `field`; null counts as absent.
    pub(in crate::cli) fn maybe(self, field: &str) -> Option<&'a Value> {
        self.0.get(field).filter(|value| !value.is_null())
    }

    fn value(self, field: &str) -> Read<&'a Value> {
        self.maybe(field).ok_or_else(|| JsonError::Missing {
            field: field.to_owned(),
        })
    }

    fn number<T: TryFrom<u64>>(self, field: &str, expected: &'static str) -> Read<T> {
        self.value(field)?
            .as_u64()
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| wrong(field, expected))
    }

    pub(in crate::cli) fn u8(self, field: &str) -> Read<u8> {
        self.number(field, "a number of 0 to 255")
    }

    pub(in crate::cli) fn u16(self, field: &str) -> Read<u16> {
        self.number(field, "a number of 0 to 65535")
    }

    pub(in crate::cli) fn u32(self, field: &str) -> Read<u32> {
        self.number(field, "a number of 0 to 4294967295")
    }

    /// A number, 0 when absent.
    pub(in crate::cli) fn u8_or_0(self, field: &str) -> Read<u8> {
        self.maybe(field).map_or(Ok(0), |_| self.u8(field))
    }

    /// A number, 0 when absent.
    pub(in crate::cli) fn u32_or_0(self, field: &str) -> Read<u32> {
        self.maybe(field).map_or(Ok(0), |_| self.u32(field))
    }

    pub(in crate::cli) fn maybe_u8(self, field: &str) -> Read<Option<u8>> {
        self.maybe(field).map(|_| self.u8(field)).transpose()
    }

    pub(in crate::cli) fn maybe_u16(self, field: &str) -> Read<Option<u16>> {
        self.maybe(field).map(|_| self.u16(field)).transpose()
    }

    pub(in crate::cli) fn text(self, field: &str) -> Read<&'a str> {
        self.value(field)?
            .as_str()
            .ok_or_else(|| wrong(field, "text"))
    }

    pub(in crate::cli) fn maybe_text(self, field: &str) -> Read<Option<&'a str>> {
        self.maybe(field).map(|_| self.text(field)).transpose()
    }

    /// Text, empty when absent.
    pub(in crate::cli) fn text_or_empty(self, field: &str) -> Read<String> {
        Ok(self.maybe_text(field)?.unwrap_or_default().to_owned())
    }

    /// Wire bytes of text: those of `field_hex` when given, else `field` in GBK.
    pub(in crate::cli) fn text_bytes(self, field: &str) -> Read<Vec<u8>> {
        let raw = format!("{field}_hex");
        match self.maybe(&raw) {
            Some(_) => self.hex(&raw),
            None => self.text(field).map(|text| text::encode(text).into_owned()),
        }
    }

    /// As [`Fields::text_bytes`], `None` when absent.
    pub(in crate::cli) fn maybe_text_bytes(self, field: &str) -> Read<Option<Vec<u8>>> {
        let raw = format!("{field}_hex");
        match (self.maybe(field), self.maybe(&raw)) {
            (None, None) => Ok(None),
            _ => self.text_bytes(field).map(Some),
        }
    }

    pub(in crate::cli) fn hex(self, field: &str) -> Read<Vec<u8>> {
        unhex(self.text(field)?).ok_or_else(|| wrong(field, "hexadecimal digits in pairs"))
    }

    /// Bytes, none when absent.
    pub(in crate::cli) fn hex_or_empty(self, field: &str) -> Read<Vec<u8>> {
        self.maybe(field)
            .map_or(Ok(Vec::new()), |_| self.hex(field))
    }

    /// A message id, as `"0x0200"`.
    pub(in crate::cli) fn id(self, field: &str) -> Read<u16> {
        let id = self.long_id(field)?;
        u16::try_from(id).map_err(|_too_long| wrong(field, "0x and four hexadecimal digits"))
    }

    /// An id of up to eight digits, as `"0xF364"`.
    pub(in crate::cli) fn long_id(self, field: &str) -> Read<u32> {
        let digits = self.text(field)?.strip_prefix("0x");
        digits
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| wrong(field, "0x and hexadecimal digits"))
    }

    pub(in crate::cli) fn list(self, field: &str) -> Read<&'a [Value]> {
        let list = self.value(field)?.as_array();
        list.map(Vec::as_slice)
            .ok_or_else(|| wrong(field, "a list"))
    }

    /// The objects of a list, each read by `read`.
    pub(in crate::cli) fn objects<T>(
        self,
        field: &str,
        read: impl Fn(Self) -> Read<T>,
    ) -> Read<Vec<T>> {
        let list = self.list(field)?.iter();
        list.map(|value| read(Self::of(value, field)?)).collect()
    }

    /// A list of numbers.
    pub(in crate::cli) fn numbers<T: TryFrom<u64>>(self, field: &str) -> Read<Vec<T>> {
        let number = |value: &Value| T::try_from(value.as_u64()?).ok();
        self.list(field)?
            .iter()
            .map(|value| number(value).ok_or_else(|| wrong(field, "a list of numbers")))
            .collect()
    }

    pub(in crate::cli) fn float(self, field: &str) -> Read<f64> {
        self.value(field)?
            .as_f64()
            .ok_or_else(|| wrong(field, "a number"))
    }

    /// Degrees to millionths without sign, and whether they were negative.
    pub(in crate::cli) fn degrees(self, field: &str) -> Read<(u32, bool)> {
        let degrees = self.float(field)?;
        let udeg = scaled(degrees.abs(), 1e6, u32::MAX);
        let udeg = udeg.ok_or_else(|| wrong(field, "a number of degrees"))?;
        Ok((udeg, degrees < 0.0))
    }

    /// A value in tenths.
    pub(in crate::cli) fn tenths(self, field: &str) -> Read<u16> {
        scaled(self.float(field)?, 10.0, u32::from(u16::MAX))
            .and_then(|tenths| u16::try_from(tenths).ok())
            .ok_or_else(|| wrong(field, "a number of 0 to 6553.5"))
    }

    /// A time in RFC 3339 or as twelve digits, GMT+8 on the wire.
    pub(in crate::cli) fn time(self, field: &str) -> Read<BcdTime> {
        let text = self.text(field)?;
        if let Some(raw) = unhex(text).and_then(|raw| <[u8; 6]>::try_from(raw).ok()) {
            return Ok(BcdTime(raw));
        }
        BcdTime::from_unix_s(self.unix_s(field)?)
            .ok_or_else(|| wrong(field, "a time of the years 2000 to 2099"))
    }

    /// A time; all zeros when absent.
    pub(in crate::cli) fn time_or_zero(self, field: &str) -> Read<BcdTime> {
        self.maybe(field)
            .map_or(Ok(BcdTime::default()), |_| self.time(field))
    }

    /// A time in RFC 3339. Unit: seconds since 1970 UTC.
    pub(in crate::cli) fn unix_s(self, field: &str) -> Read<i64> {
        chrono::DateTime::parse_from_rfc3339(self.text(field)?)
            .map(|time| time.timestamp())
            .map_err(|_other| wrong(field, "a time in RFC 3339"))
    }
}

/// `value` times `scale`, rounded; `None` when it is not within 0 and `max`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to lie in the range"
)]
fn scaled(value: f64, scale: f64, max: u32) -> Option<u32> {
    let scaled = (value * scale).round();
    (0.0..=f64::from(max))
        .contains(&scaled)
        .then_some(scaled as u32)
}

/// The error of a field that holds something else.
pub(in crate::cli) fn wrong(field: &str, expected: &'static str) -> JsonError {
    JsonError::Wrong {
        field: field.to_owned(),
        expected,
    }
}
