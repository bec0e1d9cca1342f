//! JT/T 808 frames as a terminal writes and reads them: header of 2013, escapes, check code.
//!
//! The server's codec is not used here on purpose: a load generator that shared it would agree
//! with its mistakes. Source: JT/T 808, sections on message structure.

use memchr::memchr;

/// Flag byte at both ends of a frame.
const FLAG: u8 = 0x7e;
/// Begins an escape.
const ESCAPE: u8 = 0x7d;
/// Longest body of one frame. Unit: bytes.
pub(crate) const BODY_BYTES_MAX: usize = 1023;
/// Bytes before the body.
const HEADER_BYTES: usize = 12;
/// Bytes kept of an answer that never ends; no answer that we ask for comes near it.
const ANSWER_BYTES_MAX: usize = 4096;

/// A phone number of 12 BCD digits.
pub(crate) type PhoneBcd = [u8; 6];

/// Packs up to 12 digits; further digits and other characters count as 0.
pub(crate) fn phone_bcd(digits: &str) -> PhoneBcd {
    let mut packed = [0; 6];
    for (place, digit) in digits.bytes().rev().take(12).enumerate() {
        let value = digit.wrapping_sub(b'0').min(9);
        if let Some(byte) = packed.get_mut(5 - place / 2) {
            *byte |= if place % 2 == 0 { value } else { value << 4 };
        }
    }
    packed
}

/// Appends one whole frame to `out`; a body that is too long is cut.
pub(crate) fn write_frame(
    message_id: u16,
    phone: PhoneBcd,
    serial: u16,
    body: &[u8],
    out: &mut Vec<u8>,
) {
    let body = body.get(..BODY_BYTES_MAX).unwrap_or(body);
    let mut header = [0; HEADER_BYTES];
    let length = u16::try_from(body.len()).unwrap_or_default();
    let fields = [message_id, length].into_iter().flat_map(u16::to_be_bytes);
    let fields = fields.chain(phone).chain(serial.to_be_bytes());
    for (byte, value) in header.iter_mut().zip(fields) {
        *byte = value;
    }
    let xor = |bytes: &[u8]| bytes.iter().fold(0, |check, byte| check ^ byte);
    let check = xor(&header) ^ xor(body);
    out.push(FLAG);
    escape_into(&header, out);
    escape_into(body, out);
    escape_into(&[check], out);
    out.push(FLAG);
}

fn escape_into(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    while let Some(place) = memchr::memchr2(FLAG, ESCAPE, rest) {
        let (plain, escaped) = rest.split_at(place);
        out.extend_from_slice(plain);
        let is_flag = escaped.first() == Some(&FLAG);
        out.extend_from_slice(&[ESCAPE, if is_flag { 2 } else { 1 }]);
        rest = escaped.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// An answer of the platform that a terminal waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 0x8001: serial of ours that it answers, and its result.
    General {
        /// Serial of our message.
        serial: u16,
        /// 0 is success.
        result: u8,
    },
    /// 0x8100: result and, with 0, the authentication code.
    Registered {
        /// 0 is success.
        result: u8,
        /// The code to authenticate with.
        code: Vec<u8>,
    },
    /// Any other message: its id and serial, to be acknowledged by 0x0001.
    Command {
        /// Message id.
        message_id: u16,
        /// Serial of the platform.
        serial: u16,
    },
}

/// Finds answers in a stream of bytes, however it is cut.
#[derive(Debug, Default)]
pub(crate) struct AnswerReader {
    frame: Vec<u8>,
    escaped: bool,
}

impl AnswerReader {
    /// Reads further bytes; each whole answer is given to `visit`. Damaged frames are skipped.
    pub(crate) fn handle_bytes(&mut self, bytes: &[u8], mut visit: impl FnMut(Answer)) {
        let mut rest = bytes;
        while let Some(end) = memchr(FLAG, rest) {
            let (part, after) = rest.split_at(end);
            self.keep(part);
            if let Some(answer) = read_answer(&self.frame) {
                visit(answer);
            }
            self.frame.clear();
            self.escaped = false;
            rest = after.get(1..).unwrap_or_default();
        }
        self.keep(rest);
    }

    fn keep(&mut self, part: &[u8]) {
        for byte in part {
            if *byte == ESCAPE {
                self.escaped = true;
            } else if self.frame.len() < ANSWER_BYTES_MAX {
                let plain = if self.escaped { byte ^ 0x7c } else { *byte };
                // 0x01 and 0x02 after an escape stand for 0x7d and 0x7e.
                self.frame.push(plain);
                self.escaped = false;
            }
        }
    }
}

/// An answer from a frame without flags and escapes; `None` when it is empty or damaged.
fn read_answer(frame: &[u8]) -> Option<Answer> {
    let check = frame.iter().fold(0, |check, byte| check ^ byte);
    let (_, content) = frame.split_last()?;
    if check != 0 {
        return None;
    }
    let word = |at: usize| {
        Some(u16::from_be_bytes([
            *content.get(at)?,
            *content.get(at + 1)?,
        ]))
    };
    let message_id = word(0)?;
    let serial = word(10)?;
    let body = content.get(HEADER_BYTES..)?;
    match (message_id, body) {
        (0x8001, [s1, s2, _, _, result, ..]) => Some(Answer::General {
            serial: u16::from_be_bytes([*s1, *s2]),
            result: *result,
        }),
        (0x8100, [_, _, result, code @ ..]) => Some(Answer::Registered {
            result: *result,
            code: code.to_vec(),
        }),
        _ => Some(Answer::Command { message_id, serial }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_escapes_inside_are_escaped() {
        let mut out = Vec::new();
        write_frame(0x0002, [0; 6], 0x7d7e, &[], &mut out);
        let expected = [
            0x7e, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x7d, 1, 0x7d, 2, 1, 0x7e,
        ];
        assert_eq!(out, expected);
    }

    #[test]
    fn phone_digits_are_packed_with_leading_zeros() {
        assert_eq!(
            phone_bcd("13912344323"),
            [0x01, 0x39, 0x12, 0x34, 0x43, 0x23]
        );
    }

    #[test]
    fn answers_are_found_wherever_the_stream_is_cut() {
        let mut stream = vec![0x55];
        write_frame(0x8001, [1; 6], 7, &[0x7e, 0x7d, 0x02, 0x00, 0], &mut stream);
        write_frame(0x8100, [1; 6], 8, b"\0\x05\0code", &mut stream);
        write_frame(0x8300, [1; 6], 9, b"\x01text", &mut stream);
        for cut in 0..stream.len() {
            let mut reader = AnswerReader::default();
            let mut seen = Vec::new();
            let (first, second) = stream.split_at(cut);
            reader.handle_bytes(first, |answer| seen.push(answer));
            reader.handle_bytes(second, |answer| seen.push(answer));
            let expected = [
                Answer::General {
                    serial: 0x7e7d,
                    result: 0,
                },
                Answer::Registered {
                    result: 0,
                    code: b"code".to_vec(),
                },
                Answer::Command {
                    message_id: 0x8300,
                    serial: 9,
                },
            ];
            assert_eq!(seen, expected, "cut at {cut}");
        }
    }
}
