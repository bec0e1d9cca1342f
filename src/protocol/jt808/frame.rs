//! Delimiters, escapes and check byte: bytes in, frames out.
//!
//! ```text
//! Outside --7e--> Opened --content 7e--> Closed --content 7e--> Closed ...
//!                   ^ 7e (idle)            | 7e
//!                   +----------------------+
//! ```
//! A closing delimiter may open the next frame too ("Closed"). What follows it
//! and is no frame was noise, unless only its check byte is wrong; what follows
//! a delimiter of its own ("Opened") and is no frame is a bad frame. Either way
//! reading goes on at the next delimiter.

use memchr::{memchr, memchr2_iter};

use super::header::{BODY_BYTES_MAX, Header, Package, xor};
use crate::protocol::error::DecodeError;

/// The byte that begins and ends a frame.
pub const DELIMITER: u8 = 0x7e;
/// The byte that begins an escape.
pub const ESCAPE: u8 = 0x7d;
/// Longest frame with both delimiters. Source: 21 + 1023 + 1 bytes, all escaped.
pub const FRAME_BYTES_MAX: usize = 2092;
/// Room that an idle decoder may keep.
const KEPT_BYTES_MAX: usize = 256;

/// A frame whose header and check byte are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The header.
    pub header: Header,
    /// The body, un-escaped.
    pub body: &'a [u8],
}

/// What the decoder found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameEvent<'a> {
    /// A good frame.
    Frame(Frame<'a>),
    /// Bytes between delimiters that are no frame.
    Bad {
        /// What is wrong.
        error: DecodeError,
        /// The bytes as received, without the delimiters; at most the frame limit.
        raw: &'a [u8],
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Outside,
    Opened,
    Closed,
    Skipping,
}

/// Cuts a stream into frames.
///
/// A frame that lies whole in the input and has no escape is neither copied nor
/// allocated. Between frames nothing but a small buffer is kept.
#[derive(Debug)]
pub struct FrameDecoder {
    state: State,
    /// Content of the frame in progress as received, then its un-escaped form.
    buffer: Vec<u8>,
    /// The buffer belongs to a frame that was handed out.
    handed_out: bool,
    content_bytes_max: usize,
    noise_bytes: u64,
}

impl Default for FrameDecoder {
    fn default() -> Self {
        Self::new(FRAME_BYTES_MAX)
    }
}

impl FrameDecoder {
    /// A decoder that refuses frames over `frame_bytes_max`, delimiters included.
    pub const fn new(frame_bytes_max: usize) -> Self {
        Self {
            state: State::Outside,
            buffer: Vec::new(),
            handed_out: false,
            content_bytes_max: frame_bytes_max.saturating_sub(2),
            noise_bytes: 0,
        }
    }

    /// Bytes seen so far that belong to no pair of delimiters.
    pub const fn noise_bytes(&self) -> u64 {
        self.noise_bytes
    }

    /// Bytes of memory held beside the struct itself.
    pub const fn kept_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// Reads `input` up to the end of the next frame, good or bad.
    ///
    /// Gives the number of bytes used and the frame; no frame means that all of
    /// the input is used and more is needed.
    #[inline]
    pub fn poll_frame<'a>(&'a mut self, input: &'a [u8]) -> (usize, Option<FrameEvent<'a>>) {
        self.release();
        let mut rest = input;
        loop {
            let from = match self.state {
                State::Outside | State::Skipping => {
                    let Some(after) = self.seek(rest) else {
                        return (input.len(), None);
                    };
                    rest = after;
                    continue;
                }
                State::Opened | State::Closed => rest,
            };
            let Some((content, after)) = split_at_delimiter(from) else {
                let overlong = self.keep(from);
                let event = overlong.then(|| self.overlong());
                return (input.len(), event);
            };
            let used = input.len().saturating_sub(after.len());
            rest = after;
            if content.is_empty() && self.buffer.is_empty() {
                if self.state == State::Opened {
                    self.noise_bytes = self.noise_bytes.saturating_add(1);
                }
                self.state = State::Opened;
                continue;
            }
            let shared = self.state == State::Closed;
            self.state = State::Closed;
            let found = self.inspect(content);
            if shared && found.is_noise() {
                let length = self.buffer_raw(content, found.raw_in_buffer).len();
                self.noise_bytes = self.noise_bytes.saturating_add(length as u64);
                self.buffer.clear();
                self.state = State::Opened;
                continue;
            }
            self.handed_out = true;
            return (used, Some(self.event(content, found)));
        }
    }

    /// Ends the stream: the bytes of a frame that was opened and never closed.
    pub fn finish(&mut self) -> Option<FrameEvent<'_>> {
        self.release();
        let cut = self.state == State::Opened && !self.buffer.is_empty();
        if !cut {
            let left = self.buffer.len() as u64;
            self.noise_bytes = self.noise_bytes.saturating_add(left);
            self.buffer.clear();
        }
        self.state = State::Outside;
        self.handed_out = true;
        cut.then_some(FrameEvent::Bad {
            error: DecodeError::Truncated,
            raw: &self.buffer,
        })
    }

    /// Forgets the frame handed out last, and its memory if it was large.
    fn release(&mut self) {
        if self.handed_out {
            self.handed_out = false;
            self.buffer.clear();
            if self.buffer.capacity() > KEPT_BYTES_MAX {
                self.buffer = Vec::new();
            }
        }
    }

    /// Goes to the next delimiter; what is behind it, or `None` at the end.
    fn seek<'a>(&mut self, input: &'a [u8]) -> Option<&'a [u8]> {
        let at = memchr(DELIMITER, input);
        if self.state == State::Outside {
            let passed = at.unwrap_or(input.len()) as u64;
            self.noise_bytes = self.noise_bytes.saturating_add(passed);
        }
        let (_, after) = input.split_at_checked(at?.saturating_add(1))?;
        self.state = match self.state {
            State::Skipping => State::Closed,
            State::Outside | State::Opened | State::Closed => State::Opened,
        };
        Some(after)
    }

    /// Keeps the beginning of a frame; true when it is too long already.
    fn keep(&mut self, input: &[u8]) -> bool {
        if input.is_empty() {
            return false;
        }
        let room = self.content_bytes_max.saturating_sub(self.buffer.len());
        let kept = input.get(..room).unwrap_or(input);
        self.buffer.extend_from_slice(kept);
        input.len() > room
    }

    fn overlong(&mut self) -> FrameEvent<'_> {
        self.state = State::Skipping;
        self.handed_out = true;
        FrameEvent::Bad {
            error: self.overlong_error(),
            raw: &self.buffer,
        }
    }

    const fn overlong_error(&self) -> DecodeError {
        DecodeError::Overlong {
            limit_bytes: self.content_bytes_max.saturating_add(2),
        }
    }

    /// Looks at complete content: the end of it is `content`, the rest is buffered.
    #[inline]
    fn inspect(&mut self, content: &[u8]) -> Found {
        if self.buffer.is_empty() {
            if content.len() > self.content_bytes_max {
                return Found::bad(self.overlong_error(), None);
            }
            return match memchr(ESCAPE, content) {
                None => Found::clean(Header::decode(content), None),
                Some(_) => self.unescape(Some(content), 0),
            };
        }
        let overlong = self.keep(content);
        let raw_bytes = self.buffer.len();
        if overlong {
            return Found::bad(self.overlong_error(), Some(raw_bytes));
        }
        match memchr(ESCAPE, &self.buffer) {
            None => Found::clean(Header::decode(&self.buffer), Some(raw_bytes)),
            Some(_) => self.unescape(None, raw_bytes),
        }
    }

    /// Un-escapes `raw`, or the buffer, to the end of the buffer.
    fn unescape(&mut self, raw: Option<&[u8]>, raw_bytes: usize) -> Found {
        let raw_in_buffer = raw.is_none().then_some(raw_bytes);
        let done = if let Some(raw) = raw {
            unescape(raw, &mut self.buffer)
        } else {
            let held = std::mem::take(&mut self.buffer);
            let mut joined = Vec::with_capacity(held.len().saturating_mul(2));
            joined.extend_from_slice(&held);
            let done = unescape(&held, &mut joined);
            self.buffer = joined;
            done
        };
        if let Err(error) = done {
            return Found::bad(error, raw_in_buffer);
        }
        let content = self.buffer.get(raw_bytes..).unwrap_or_default();
        Found {
            header: Header::decode(content).map(|(header, body)| (header, body.len())),
            raw_in_buffer,
            unescaped: Some(raw_bytes),
        }
    }

    fn buffer_raw<'a>(&'a self, content: &'a [u8], raw_in_buffer: Option<usize>) -> &'a [u8] {
        match raw_in_buffer {
            Some(length) => self.buffer.get(..length).unwrap_or(&self.buffer),
            None => content.get(..self.content_bytes_max).unwrap_or(content),
        }
    }

    #[inline]
    fn event<'a>(&'a self, content: &'a [u8], found: Found) -> FrameEvent<'a> {
        let raw = self.buffer_raw(content, found.raw_in_buffer);
        match found.header {
            Err(error) => FrameEvent::Bad { error, raw },
            Ok((header, body_bytes)) => {
                let content = match found.unescaped {
                    Some(from) => self.buffer.get(from..).unwrap_or_default(),
                    None => raw,
                };
                let end = content.len().saturating_sub(1);
                let start = end.saturating_sub(body_bytes);
                FrameEvent::Frame(Frame {
                    header,
                    body: content.get(start..end).unwrap_or_default(),
                })
            }
        }
    }
}

/// What a stretch of bytes between delimiters is, and where its parts lie.
#[derive(Clone, Copy, Debug)]
struct Found {
    /// Header and length of the body.
    header: Result<(Header, usize), DecodeError>,
    /// Length of the received bytes when they lie in the buffer.
    raw_in_buffer: Option<usize>,
    /// Where in the buffer the un-escaped bytes begin, when there were escapes.
    unescaped: Option<usize>,
}

impl Found {
    #[inline]
    fn clean(decoded: Result<(Header, &[u8]), DecodeError>, raw_in_buffer: Option<usize>) -> Self {
        Self {
            header: decoded.map(|(header, body)| (header, body.len())),
            raw_in_buffer,
            unescaped: None,
        }
    }

    const fn bad(error: DecodeError, raw_in_buffer: Option<usize>) -> Self {
        Self {
            header: Err(error),
            raw_in_buffer,
            unescaped: None,
        }
    }

    /// Whether this can be what lies between two frames.
    const fn is_noise(&self) -> bool {
        match self.header {
            Ok(_) => false,
            Err(error) => !matches!(
                error,
                DecodeError::Checksum { .. } | DecodeError::Overlong { .. }
            ),
        }
    }
}

/// What stands before the next delimiter and what behind it.
#[inline]
fn split_at_delimiter(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr(DELIMITER, input)?;
    let (content, rest) = input.split_at_checked(at)?;
    let (_, after) = rest.split_first()?;
    Some((content, after))
}

/// Appends the un-escaped form of `raw`, in one pass from left to right.
///
/// Errors: [`DecodeError::Escape`], [`DecodeError::EscapeCut`].
pub fn unescape(raw: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let mut rest = raw;
    while let Some((plain, tail)) = memchr(ESCAPE, rest).and_then(|at| rest.split_at_checked(at)) {
        out.extend_from_slice(plain);
        rest = match tail {
            [_, 0x01, after @ ..] => {
                out.push(ESCAPE);
                after
            }
            [_, 0x02, after @ ..] => {
                out.push(DELIMITER);
                after
            }
            [_, follower, ..] => {
                return Err(DecodeError::Escape {
                    follower: *follower,
                });
            }
            [..] => return Err(DecodeError::EscapeCut),
        };
    }
    out.extend_from_slice(rest);
    Ok(())
}

/// Reads exactly one frame with both delimiters.
///
/// Errors: [`DecodeError::Delimiter`] without an opening delimiter or with bytes
/// behind the closing one, [`DecodeError::Truncated`] without a closing one, and
/// whatever is wrong in between. `buffer` holds the un-escaped content.
pub fn decode_frame<'a>(bytes: &[u8], buffer: &'a mut Vec<u8>) -> Result<Frame<'a>, DecodeError> {
    let Some((&DELIMITER, rest)) = bytes.split_first() else {
        return Err(DecodeError::Delimiter);
    };
    let (content, after) = split_at_delimiter(rest).ok_or(DecodeError::Truncated)?;
    if content.is_empty() || !after.is_empty() {
        return Err(DecodeError::Delimiter);
    }
    let limit_bytes = FRAME_BYTES_MAX;
    if bytes.len() > limit_bytes {
        return Err(DecodeError::Overlong { limit_bytes });
    }
    buffer.clear();
    unescape(content, buffer)?;
    let (header, body) = Header::decode(buffer)?;
    Ok(Frame { header, body })
}

/// Appends the frame of `header` and `body`: delimiters, check byte, escapes.
///
/// The body must not exceed [`super::header::BODY_BYTES_MAX`]; longer ones are
/// cut by [`for_each_package`].
pub fn encode_frame(header: &Header, body: &[u8], out: &mut Vec<u8>) {
    out.push(DELIMITER);
    let start = out.len();
    header.encode(body.len(), out);
    out.extend_from_slice(body);
    let check = xor(out.get(start..).unwrap_or_default());
    out.push(check);
    escape_in_place(out, start);
    out.push(DELIMITER);
}

/// Cuts a body into the parts that single frames carry, each with its header:
/// one without sub-package fields when it fits, else consecutive serial numbers.
pub fn for_each_package(header: Header, body: &[u8], mut frame: impl FnMut(&Header, &[u8])) {
    if body.len() <= BODY_BYTES_MAX {
        frame(&header, body);
        return;
    }
    let total = u16::try_from(body.len().div_ceil(BODY_BYTES_MAX)).unwrap_or(u16::MAX);
    for (index, part) in (1..=total).zip(body.chunks(BODY_BYTES_MAX)) {
        let package = Header {
            serial: header.serial.wrapping_add(index.wrapping_sub(1)),
            package: Some(Package { total, index }),
            ..header
        };
        frame(&package, part);
    }
}

/// Escapes what `out` holds from `start` on, without another buffer.
fn escape_in_place(out: &mut Vec<u8>, start: usize) {
    let content = out.get(start..).unwrap_or_default();
    let specials = memchr2_iter(ESCAPE, DELIMITER, content).count();
    if specials == 0 {
        return;
    }
    let plain_end = out.len();
    out.resize(plain_end.saturating_add(specials), 0);
    let Some(content) = out.get_mut(start..) else {
        return;
    };
    let mut to = content.len();
    for from in (0..plain_end.saturating_sub(start)).rev() {
        let Some(&byte) = content.get(from) else {
            return;
        };
        let wire: &[u8] = match byte {
            ESCAPE => &[ESCAPE, 0x01],
            DELIMITER => &[ESCAPE, 0x02],
            _ => &[byte],
        };
        let end = to;
        to = to.saturating_sub(wire.len());
        if let Some(place) = content.get_mut(to..end) {
            place.copy_from_slice(wire);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::jt808::header::{Edition, Phone};

    const HEARTBEAT: &str = "7e00020000012345678900000a817e";

    fn bytes(hex: &str) -> Vec<u8> {
        hex.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// Feeds the chunks; gives events as text and the noise.
    fn events(decoder: &mut FrameDecoder, chunks: &[&[u8]]) -> Vec<String> {
        let mut seen = Vec::new();
        for chunk in chunks {
            let mut rest = *chunk;
            loop {
                let (used, event) = decoder.poll_frame(rest);
                rest = &rest[used..];
                match event {
                    None => break,
                    Some(FrameEvent::Frame(frame)) => seen.push(format!(
                        "{:04x} {} {}",
                        frame.header.message_id,
                        frame.header.serial,
                        frame.body.len()
                    )),
                    Some(FrameEvent::Bad { error, raw }) => {
                        seen.push(format!("{} {}", error.code(), raw.len()));
                    }
                }
            }
            assert!(rest.is_empty());
        }
        seen
    }

    fn check(hex: &str, expected: &[&str], noise: u64) {
        let input = bytes(hex);
        for cut in 0..=input.len() {
            let mut decoder = FrameDecoder::new(100);
            let (left, right) = input.split_at(cut);
            assert_eq!(
                events(&mut decoder, &[left, right]),
                expected,
                "cut at {cut}"
            );
            assert_eq!(decoder.noise_bytes(), noise, "cut at {cut}");
        }
        let mut decoder = FrameDecoder::new(100);
        let single: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(events(&mut decoder, &single), expected);
    }

    #[test]
    fn noise_between_frames_is_counted_and_skipped() {
        check(
            &format!("00ff{HEARTBEAT}0d0a{HEARTBEAT}"),
            &["0002 10 0", "0002 10 0"],
            4,
        );
    }

    #[test]
    fn a_bad_check_byte_behind_a_shared_delimiter_is_a_bad_frame() {
        check(
            &format!(
                "{HEARTBEAT}00020000012345678900000a807e{}",
                HEARTBEAT.trim_start_matches("7e")
            ),
            &["0002 10 0", "checksum 13", "0002 10 0"],
            0,
        );
    }

    #[test]
    fn an_overlong_frame_costs_itself_only() {
        check(
            &format!("7e{}7e{HEARTBEAT}", "11".repeat(120)),
            &["overlong 98", "0002 10 0"],
            0,
        );
    }

    #[test]
    fn a_cut_frame_does_not_take_the_next_one_with_it() {
        check(
            &format!("7e0200001c0139{HEARTBEAT}"),
            &["header 6", "0002 10 0"],
            0,
        );
    }

    #[test]
    fn an_open_frame_at_the_end_is_truncated() {
        let mut decoder = FrameDecoder::default();
        assert!(events(&mut decoder, &[&bytes("7e0002")]).is_empty());
        assert!(matches!(
            decoder.finish(),
            Some(FrameEvent::Bad {
                error: DecodeError::Truncated,
                raw: [0, 2]
            })
        ));
        assert_eq!(decoder.finish(), None);
    }

    #[test]
    fn memory_is_given_back_between_frames() {
        let mut decoder = FrameDecoder::default();
        let long = [&[0x7e][..], &[0x7d; 1000]].concat();
        events(&mut decoder, &[&long, &[0x7e], &bytes(HEARTBEAT)]);
        assert!(decoder.kept_bytes() <= KEPT_BYTES_MAX);
    }

    #[test]
    fn every_byte_survives_escaping() {
        let header = Header {
            message_id: 0x7e7d,
            edition: Edition::V2019,
            version: 0x7d,
            encryption: 0,
            phone: Phone::from_digits("7e7d", Edition::V2019).unwrap(),
            serial: 0x7e7d,
            package: None,
        };
        let body: Vec<u8> = (0..=255).chain([0x7e, 0x7d, 0x7d]).collect();
        let mut wire = vec![0xaa];
        encode_frame(&header, &body, &mut wire);
        let mut buffer = Vec::new();
        let frame = decode_frame(&wire[1..], &mut buffer).unwrap();
        assert_eq!(frame.header, header);
        assert_eq!(frame.body, body);
    }
}
