//! `decode`: frames in hexadecimal, one a line, to JSON, one object a line.

use std::io::{self, BufRead, Read as _, Write};

use serde_json::{Value, json};

use super::json::values::{error, hex, id, unhex};
use super::json::{location, platform, terminal};
use crate::protocol::DecodeError;
use crate::protocol::jt808::frame::{Frame, decode_frame};
use crate::protocol::jt808::{Edition, PlatformMessage, TerminalMessage};

/// A wire protocol that `decode` and `encode` know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Protocol {
    /// JT/T 808, terminals to platform.
    Jt808,
}

/// Longest line read; what is longer answers `overlong`. Unit: bytes.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// Reads every line of `input` and writes one JSON object a line, in order.
///
/// # Errors
/// When `input` or `output` fails; a bad line is an answer and no error.
pub fn run(protocol: Protocol, mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    while read_line(&mut input, &mut line)? {
        let answer = match protocol {
            Protocol::Jt808 => decode_line(&line),
        };
        serde_json::to_writer(&mut output, &answer)?;
        output.write_all(b"\n")?;
    }
    output.flush()
}

/// Reads one line without its end; what exceeds the bound is skipped, but one byte
/// more than the bound stays to tell.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let read = input
        .by_ref()
        .take(LINE_BYTES_MAX.saturating_add(1))
        .read_until(b'\n', line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() as u64 > LINE_BYTES_MAX {
        input.skip_until(b'\n')?;
    }
    Ok(read > 0)
}

/// The answer to one line.
fn decode_line(line: &[u8]) -> Value {
    if line.len() as u64 > LINE_BYTES_MAX {
        return refused("overlong", "line is longer than 64 KiB");
    }
    let digits: Vec<u8> = line
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    if digits.is_empty() {
        return refused("blank", "line is blank");
    }
    let bytes = std::str::from_utf8(&digits).ok().and_then(unhex);
    let Some(bytes) = bytes else {
        return refused("hex", "line is not hexadecimal digits in pairs");
    };
    let mut buffer = Vec::new();
    match decode_frame(&bytes, &mut buffer) {
        Ok(frame) => message(&frame),
        Err(reason) => json!({"ok": false, "error": error(reason)}),
    }
}

fn refused(code: &str, message: &str) -> Value {
    json!({"ok": false, "error": {"code": code, "message": message}})
}

/// A good frame, its body typed as far as it goes.
fn message(frame: &Frame<'_>) -> Value {
    let header = &frame.header;
    let (edition, body) = match header.package {
        Some(package) if package.total > 1 => {
            let raw = hex(frame.body);
            let body = json!({"raw": raw, "hex": raw, "error": null});
            (header.edition, body)
        }
        _ => typed(frame)
            .unwrap_or_else(|reason| (header.edition, location::raw(frame.body, reason))),
    };
    let subpackage = header
        .package
        .map(|package| json!({"total": package.total, "index": package.index}));
    let mut answer = json!({
        "ok": true,
        "protocol": "jt808",
        "edition": edition.name(),
        "message_id": id(header.message_id),
        "terminal": header.phone.to_string(),
        "serial": header.serial,
        "subpackage": subpackage,
        "body": body,
    });
    if header.edition == Edition::V2019 && header.version != 1 {
        answer["version"] = json!(header.version);
    }
    answer
}

/// The typed body and the edition that it tells.
fn typed(frame: &Frame<'_>) -> Result<(Edition, Value), DecodeError> {
    let header = &frame.header;
    let mode = header.encryption;
    if mode != 0 {
        return Err(DecodeError::Encrypted { mode });
    }
    let (id, edition) = (header.message_id, header.edition);
    match TerminalMessage::decode(id, edition, frame.body) {
        Ok(message) => {
            let told = message.edition().unwrap_or(edition);
            Ok((told, Value::Object(terminal::body(&message))))
        }
        Err(DecodeError::UnknownMessage { .. }) => {
            let message = PlatformMessage::decode(id, edition, frame.body)?;
            Ok((edition, Value::Object(platform::body(&message, edition))))
        }
        Err(reason) => Err(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        let mut output = Vec::new();
        run(Protocol::Jt808, line.as_bytes(), &mut output).unwrap();
        let text = String::from_utf8(output).unwrap();
        let codes: Vec<String> = text
            .lines()
            .map(|line| {
                let answer: Value = serde_json::from_str(line).unwrap();
                match answer["error"]["code"].as_str() {
                    Some(code) => code.to_owned(),
                    None => answer["message_id"].as_str().unwrap().to_owned(),
                }
            })
            .collect();
        assert_eq!(codes.join(" "), expected, "{line}");
    }

    const HEARTBEAT: &str = "7e00020000012345678900000a817e";

    #[test]
    fn every_line_has_an_answer() {
        check(
            &format!("{HEARTBEAT}\n\nxyz\n7e0\r\n{HEARTBEAT}"),
            "0x0002 blank hex hex 0x0002",
        );
    }

    #[test]
    fn two_frames_in_a_line_are_refused() {
        check(&format!("{HEARTBEAT}{HEARTBEAT}"), "delimiter");
        check("00020000012345678900000a81", "delimiter");
    }

    #[test]
    fn an_endless_line_costs_itself_only() {
        let long = "7e".repeat(50_000);
        check(&format!("{long}\n{HEARTBEAT}\n"), "overlong 0x0002");
    }

    #[test]
    fn unknown_and_broken_bodies_are_shown_raw() {
        let mut output = Vec::new();
        let unknown = "7e0f000001012345678900000100877e\n7e020000010123456789000001008a7e\n";
        run(Protocol::Jt808, unknown.as_bytes(), &mut output).unwrap();
        let text = String::from_utf8(output).unwrap();
        let codes: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .map(|answer| answer["body"]["error"]["code"].clone())
            .collect();
        assert_eq!(codes, ["unknown_message", "body"], "{text}");
    }
}
