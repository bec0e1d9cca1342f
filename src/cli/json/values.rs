//! Values that many messages share, to JSON.

use std::fmt::Write as _;

use chrono::NaiveDateTime;
use serde_json::{Map, Value, json};

use crate::protocol::{BcdTime, DecodeError, Text};

/// A JSON object.
pub(in crate::cli) type Object = Map<String, Value>;

/// Lower-case hexadecimal digits.
pub(in crate::cli) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
    }
    text
}

/// Bytes of hexadecimal digits; `None` when they are none.
pub(in crate::cli) fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let nibble = |byte: u8| u8::try_from(char::from(byte).to_digit(16)?).ok();
    pairs
        .iter()
        .map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?))
        .collect()
}

/// A message id.
pub(in crate::cli) fn id(id: u16) -> String {
    format!("0x{id:04X}")
}

/// A decoding error as the contract shows it.
pub(in crate::cli) fn error(error: DecodeError) -> Value {
    json!({"code": error.code(), "message": error.to_string()})
}

fn rfc3339(time: NaiveDateTime) -> String {
    time.format("%Y-%m-%dT%H:%M:%S+08:00").to_string()
}

/// A time of the wire; null when the digits are no date.
pub(in crate::cli) fn time(time: BcdTime) -> Value {
    time.date_time()
        .map_or(Value::Null, |time| json!(rfc3339(time)))
}

/// The time of 0x8004, which is UTC on the wire.
pub(in crate::cli) fn time_utc(time: BcdTime) -> Value {
    let moved = time.moved(8 * 3600).and_then(BcdTime::date_time);
    moved.map_or(Value::Null, |time| json!(rfc3339(time)))
}

/// A time that may mean every day: then its twelve digits.
pub(in crate::cli) fn time_or_digits(time: BcdTime) -> Value {
    let date_time = time.date_time();
    json!(date_time.map_or_else(|| time.to_string(), rfc3339))
}

/// Puts text under `name`, and its bytes under `name_hex` when they mean nothing.
pub(in crate::cli) fn put_text(object: &mut Object, name: &str, text: Text<'_>) {
    if text.decode().is_none() {
        object.insert(format!("{name}_hex"), json!(hex(text.raw())));
    }
    object.insert(name.to_owned(), json!(text.decode_lossy()));
}

/// The object in a `json!` value.
pub(in crate::cli) fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}
