//! Big pieces of a line file that end at line ends, so that several cores can parse them.

use std::io::{self, Read};

use memchr::{memchr, memchr_iter, memrchr};

/// A piece of a file that begins and ends at line borders.
#[derive(Debug)]
pub struct Chunk {
    /// The bytes; the last line of the file may lack its line end.
    pub bytes: Vec<u8>,
    /// Number of its first line, from 1.
    pub first_line: u64,
}

/// Cuts a stream into [`Chunk`]s of about one size.
#[derive(Debug)]
pub struct ChunkReader<R> {
    reader: R,
    chunk_bytes: usize,
    carry: Vec<u8>,
    next_line: u64,
    ended: bool,
}

impl<R: Read> ChunkReader<R> {
    /// Longest chunk where no line end comes, as a multiple of the wished size; then it is cut.
    const GROWTH_MAX: usize = 2;

    /// Reads `reader` in chunks of about `chunk_bytes`.
    pub fn new(reader: R, chunk_bytes: usize) -> Self {
        Self {
            reader,
            chunk_bytes: chunk_bytes.max(super::LINE_BYTES_MAX),
            carry: Vec::new(),
            next_line: 1,
            ended: false,
        }
    }

    /// The next chunk; `None` at the end.
    ///
    /// # Errors
    ///
    /// Those of the reader.
    pub fn next_chunk(&mut self) -> io::Result<Option<Chunk>> {
        let mut bytes = std::mem::take(&mut self.carry);
        let mut target = self.chunk_bytes;
        while !self.ended {
            let room = u64::try_from(target.saturating_sub(bytes.len())).unwrap_or(u64::MAX);
            let read = self.reader.by_ref().take(room).read_to_end(&mut bytes)?;
            self.ended = u64::try_from(read).unwrap_or(u64::MAX) < room;
            if let Some(end) = memrchr(b'\n', &bytes) {
                self.carry = bytes.split_off(end + 1);
                break;
            }
            if bytes.len() >= self.chunk_bytes * Self::GROWTH_MAX {
                break;
            }
            target = self.chunk_bytes * Self::GROWTH_MAX;
        }
        if self.ended {
            bytes.append(&mut self.carry);
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let first_line = self.next_line;
        self.next_line += memchr_iter(b'\n', &bytes).count() as u64;
        Ok(Some(Chunk { bytes, first_line }))
    }
}

/// Cuts `buffer` into at most `parts` pieces of about one size, each ending at a line end.
///
/// Every byte is in exactly one piece; each piece comes with the number of its first line, counted
/// from `first_line`.
pub fn split_at_line_ends(buffer: &[u8], parts: usize, first_line: u64) -> Vec<(u64, &[u8])> {
    let size = buffer.len().div_ceil(parts.max(1)).max(1);
    let mut pieces = Vec::with_capacity(parts);
    let mut rest = buffer;
    let mut line = first_line;
    while !rest.is_empty() {
        let from = size.min(rest.len());
        let end = rest
            .get(from.saturating_sub(1)..)
            .and_then(|tail| memchr(b'\n', tail))
            .map_or(rest.len(), |offset| from.saturating_sub(1) + offset + 1);
        let (piece, after) = rest.split_at(end);
        pieces.push((line, piece));
        line += memchr_iter(b'\n', piece).count() as u64;
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn numbered(lines: u64) -> String {
        let mut text = String::new();
        for line in 1..=lines {
            writeln!(text, "line {line}").unwrap();
        }
        text.push_str("line without end");
        text
    }

    #[test]
    fn chunks_hold_every_byte_and_the_right_line_numbers() {
        let text = numbered(30_000);
        let mut reader = ChunkReader::new(text.as_bytes(), 1);
        let mut whole = Vec::new();
        let mut chunks = 0;
        while let Some(chunk) = reader.next_chunk().unwrap() {
            let start = format!("line {}\n", chunk.first_line);
            assert!(chunk.bytes.starts_with(start.as_bytes()));
            whole.extend_from_slice(&chunk.bytes);
            chunks += 1;
        }
        assert_eq!(whole, text.as_bytes());
        assert!(chunks > 2, "{chunks}");
    }

    #[test]
    fn pieces_hold_every_byte_and_the_right_line_numbers() {
        let text = numbered(100);
        for parts in 1..20 {
            let pieces = split_at_line_ends(text.as_bytes(), parts, 1);
            assert!(pieces.len() <= parts, "{parts}");
            assert_eq!(
                pieces.iter().flat_map(|(_, piece)| *piece).count(),
                text.len()
            );
            for (line, piece) in pieces {
                let start = format!("line {line}\n");
                assert!(piece.starts_with(start.as_bytes()) || piece == b"line without end");
            }
        }
        assert!(split_at_line_ends(b"", 4, 1).is_empty());
    }
}
