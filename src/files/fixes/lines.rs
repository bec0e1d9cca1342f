//! Lines of any stream, bounded in length, borrowed where they lie whole in the buffer.

use std::io::{self, BufRead};
use std::ops::ControlFlow;

use memchr::memchr;

use super::LINE_BYTES_MAX;
use super::error::LineError;

/// The byte order mark that some programs put before UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// One line, or what is wrong with it, with its number from 1; `Break` stops the reading.
pub(super) type LineSink<'s> = dyn FnMut(u64, Result<&[u8], LineError>) -> ControlFlow<()> + 's;

/// Gives every line to `visit`, without its line end and with its number from 1.
///
/// A line longer than [`LINE_BYTES_MAX`] is skipped without being kept and told as an error; a
/// byte order mark before the first line is dropped. `Break` stops the reading.
///
/// # Errors
///
/// Those of the reader.
pub(super) fn for_each_line(mut reader: impl BufRead, visit: &mut LineSink<'_>) -> io::Result<()> {
    let mut line_number = 0;
    let mut carry = Vec::new();
    let mut too_long = false;
    loop {
        let buffer = match reader.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if buffer.is_empty() {
            if too_long || !carry.is_empty() {
                // The file ends without a line end: stopped or not, this was the last line.
                let _flow = deliver(line_number + 1, &carry, too_long, visit);
            }
            return Ok(());
        }
        let taken = buffer.len();
        let mut rest = buffer;
        while let Some(end) = memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            line_number += 1;
            let flow = if carry.is_empty() && !too_long {
                deliver(line_number, line, line.len() > LINE_BYTES_MAX, visit)
            } else {
                too_long |= carry.len() + line.len() > LINE_BYTES_MAX;
                if !too_long {
                    carry.extend_from_slice(line);
                }
                let flow = deliver(line_number, &carry, too_long, visit);
                carry.clear();
                too_long = false;
                flow
            };
            if flow.is_break() {
                return Ok(());
            }
        }
        too_long |= carry.len() + rest.len() > LINE_BYTES_MAX;
        if too_long {
            carry.clear();
        } else {
            carry.extend_from_slice(rest);
        }
        reader.consume(taken);
    }
}

fn deliver(
    line_number: u64,
    line: &[u8],
    too_long: bool,
    visit: &mut LineSink<'_>,
) -> ControlFlow<()> {
    if too_long {
        let max = LINE_BYTES_MAX;
        return visit(line_number, Err(LineError::LineTooLong { max }));
    }
    visit(line_number, Ok(clean(line_number, line)))
}

/// A line without its carriage return, the first one also without a byte order mark.
pub(super) fn clean(line_number: u64, line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match line_number {
        1 => line.strip_prefix(BOM).unwrap_or(line),
        _ => line,
    }
}

/// Whether a line has nothing on it.
pub(super) fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn check(input: &[u8], capacity: usize, expected: &[&str]) {
        let mut seen = Vec::new();
        for_each_line(
            BufReader::with_capacity(capacity, input),
            &mut |number, line| {
                let text = match line {
                    Ok(line) => String::from_utf8_lossy(line).into_owned(),
                    Err(error) => error.code().to_owned(),
                };
                seen.push(format!("{number}:{text}"));
                ControlFlow::Continue(())
            },
        )
        .unwrap();
        assert_eq!(seen, expected, "buffer of {capacity}");
    }

    #[test]
    fn lines_are_the_same_for_every_buffer_size() {
        for capacity in 1..12 {
            check(
                b"\xef\xbb\xbfab\r\n\ncde\nf",
                capacity.max(1),
                &["1:ab", "2:", "3:cde", "4:f"],
            );
        }
    }

    #[test]
    fn a_line_too_long_costs_that_line_only() {
        let mut input = vec![b'x'; LINE_BYTES_MAX + 1];
        input.extend_from_slice(b"\nab\n");
        for capacity in [7, 4096, LINE_BYTES_MAX * 2] {
            check(&input, capacity, &["1:line_too_long", "2:ab"]);
        }
        check(&vec![b'x'; LINE_BYTES_MAX * 3], 4096, &["1:line_too_long"]);
    }
}
