//! `encode`: JSON lines as `decode` prints them, to frames in hexadecimal.

use std::io::{self, BufRead, Write};

use serde_json::Value;

use super::decode::Protocol;
pub use super::json::fields::JsonError;
use super::json::fields::{Fields, wrong};
use super::json::values::hex;
use super::json::{platform_in, terminal_in};
use crate::protocol::jt808::frame::{encode_frame, for_each_package};
use crate::protocol::jt808::{Edition, Header, Package, Phone};
use crate::protocol::{EncodeError, Writer};

/// Reads JSON lines and writes the frames, one a line, in order.
///
/// A message that needs sub-packages gives one line for each. A line that cannot
/// be encoded gives an empty line and goes to `complain` with its number, from 1.
/// Gives the number of such lines.
///
/// # Errors
/// When `input` or `output` fails.
pub fn run(
    protocol: Protocol,
    input: impl BufRead,
    mut output: impl Write,
    complain: &mut dyn FnMut(u64, &JsonError),
) -> io::Result<u64> {
    let mut bad = 0_u64;
    for (number, line) in (1_u64..).zip(input.split(b'\n')) {
        let line = line?;
        let frames = match protocol {
            Protocol::Jt808 => encode_line(&line),
        };
        match frames {
            Ok(frames) => {
                for frame in frames {
                    writeln!(output, "{}", hex(&frame))?;
                }
            }
            Err(error) => {
                bad = bad.saturating_add(1);
                complain(number, &error);
                writeln!(output)?;
            }
        }
    }
    output.flush()?;
    Ok(bad)
}

/// The frames of one line.
fn encode_line(line: &[u8]) -> Result<Vec<Vec<u8>>, JsonError> {
    let value: Value = serde_json::from_slice(line).map_err(|e| JsonError::NotAnObject(Some(e)))?;
    let object = value.as_object().ok_or(JsonError::NotAnObject(None))?;
    let fields = Fields(object);
    let header = header(fields)?;
    let empty = Value::Object(super::json::values::Object::new());
    let body = Fields::of(fields.maybe("body").unwrap_or(&empty), "body")?;
    let body = encode_body(&header, body)?;
    let mut frames = Vec::new();
    if header.package.is_some() {
        let limit_bytes = crate::protocol::jt808::header::BODY_BYTES_MAX;
        if body.len() > limit_bytes {
            let bytes = body.len();
            return Err(EncodeError::BodyLong { bytes, limit_bytes }.into());
        }
        frames.push(frame(&header, &body));
    } else {
        let packages = body.len() / crate::protocol::jt808::header::BODY_BYTES_MAX;
        if packages >= usize::from(u16::MAX) {
            let (bytes, limit_bytes) = (body.len(), usize::from(u16::MAX) * 1023);
            return Err(EncodeError::BodyLong { bytes, limit_bytes }.into());
        }
        for_each_package(header, &body, |header, part| {
            frames.push(frame(header, part));
        });
    }
    Ok(frames)
}

fn frame(header: &Header, body: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    encode_frame(header, body, &mut wire);
    wire
}

fn header(fields: Fields<'_>) -> Result<Header, JsonError> {
    let edition = fields
        .maybe("edition")
        .map_or(Ok("2013"), |_| fields.text("edition"))?;
    let edition =
        Edition::from_name(edition).ok_or_else(|| wrong("edition", "2011, 2013 or 2019"))?;
    // A damaged number that `decode` shows has hexadecimal digits, but no message is meant for it.
    let phone = Some(fields.text("terminal")?)
        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
        .and_then(|digits| Phone::from_digits(digits, edition))
        .ok_or_else(|| wrong("terminal", "12 digits at most (2019: 20)"))?;
    let version = match edition {
        Edition::V2011 | Edition::V2013 => 0,
        Edition::V2019 => fields.maybe_u8("version")?.unwrap_or(1),
    };
    let package = match fields.maybe("subpackage") {
        None => None,
        Some(value) => {
            let package = Fields::of(value, "subpackage")?;
            Some(Package {
                total: package.u16("total")?,
                index: package.u16("index")?,
            })
        }
    };
    Ok(Header {
        message_id: fields.id("message_id")?,
        edition,
        version,
        encryption: 0,
        phone,
        serial: fields.u16("serial")?,
        package,
    })
}

/// The body: raw bytes as they are, else by the layout of the message.
fn encode_body(header: &Header, fields: Fields<'_>) -> Result<Vec<u8>, JsonError> {
    if fields.maybe("raw").is_some() {
        return fields.hex("raw");
    }
    let mut body = Vec::new();
    let w = &mut Writer::new(&mut body);
    let (id, edition) = (header.message_id, header.edition);
    match terminal_in::write_body(id, edition, fields, w) {
        Err(JsonError::NoEncoder { .. }) => platform_in::message(id, fields)?.encode(edition, w)?,
        written => written?,
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        let mut output = Vec::new();
        let mut complaints = Vec::new();
        run(
            Protocol::Jt808,
            line.as_bytes(),
            &mut output,
            &mut |number, error| complaints.push(format!("{number}: {error}")),
        )
        .unwrap();
        let text = String::from_utf8(output).unwrap() + &complaints.join("\n");
        assert_eq!(text.trim(), expected, "{line}");
    }

    #[test]
    fn a_text_is_encoded_with_few_fields() {
        check(
            r#"{"edition":"2013","message_id":"0x8300","terminal":"12345678900","serial":1,"body":{"flags":5,"text":"smallchi 518"}}"#,
            "7e8300000d012345678900000105736d616c6c63686920353138027e",
        );
    }

    #[test]
    fn a_message_without_an_edition_is_of_2013() {
        check(
            r#"{"message_id":"0x8104","terminal":"12345678900","serial":1}"#,
            "7e8104000001234567890000010d7e",
        );
    }

    #[test]
    fn a_bad_line_is_told_and_leaves_its_place_empty() {
        check("{}", "1: field terminal is missing");
        check("[]", "1: line is not a JSON object");
        check(
            r#"{"message_id":"0x8104","terminal":"abc","serial":1}"#,
            "1: field terminal is not 12 digits at most (2019: 20)",
        );
        check(
            r#"{"edition":"2013","message_id":"0x8300","terminal":"1","serial":1,"body":{"flags":500}}"#,
            "1: field flags is not a number of 0 to 255",
        );
        check(
            r#"{"edition":"2013","message_id":"0x0705","terminal":"1","serial":1,"body":{}}"#,
            "1: message 0x0705 cannot be encoded",
        );
    }

    #[test]
    fn a_long_text_becomes_two_frames() {
        let text = "x".repeat(1024);
        let line = format!(
            r#"{{"edition":"2019","message_id":"0x8300","terminal":"1","serial":65535,"body":{{"flags":5,"text_type":1,"text":"{text}"}}}}"#
        );
        let mut output = Vec::new();
        let bad = run(
            Protocol::Jt808,
            line.as_bytes(),
            &mut output,
            &mut |_, _| {},
        )
        .unwrap();
        let text = String::from_utf8(output).unwrap();
        assert_eq!((bad, text.lines().count()), (0, 2));
    }
}
