//! What a file is by its first bytes, so that one with a wrong name is not told to be damaged.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _};
use std::path::Path;

use super::OsmError;
use super::extract::Source;

/// Beginnings of files that people take for extracts.
const KINDS: [(&[u8], &str); 5] = [
    (b"\x1f\x8b", "compressed by gzip: unpack it first"),
    (b"BZh", "compressed by bzip2: unpack it first"),
    (b"\xfd7zXZ", "compressed by xz: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd: unpack it first"),
    (b"PK\x03\x04", "a zip archive: unpack it first"),
];

/// How an extract of protocol buffers begins, after four bytes.
const PBF_AFTER_LENGTH: &[u8] = b"\x0a\x09OSMHeader";

/// Bytes that tell.
const BYTES: u64 = 16;

/// Whether the file may be an extract of that format.
///
/// # Errors
/// [`OsmError::Read`], and [`OsmError::Other`] with what it is.
pub(super) fn look(path: &Path, source: Source) -> Result<(), OsmError> {
    let unreadable = |source: Error| OsmError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(unreadable(ErrorKind::IsADirectory.into()));
    }
    let mut first = Vec::new();
    file.take(BYTES)
        .read_to_end(&mut first)
        .map_err(unreadable)?;
    match other(&first, source) {
        Some(found) => Err(OsmError::Other {
            path: path.to_owned(),
            found,
        }),
        None => Ok(()),
    }
}

fn other(first: &[u8], source: Source) -> Option<&'static str> {
    if first.is_empty() {
        return Some("empty");
    }
    if let Some((_, found)) = KINDS.iter().find(|(magic, _)| first.starts_with(magic)) {
        return Some(found);
    }
    let is_pbf = first.get(4..).is_some_and(|rest| {
        PBF_AFTER_LENGTH.starts_with(rest) || rest.starts_with(PBF_AFTER_LENGTH)
    });
    match source {
        Source::Pbf if first.starts_with(b"<") || first.starts_with(b"\xef\xbb\xbf<") => {
            Some("XML: its name must end in .osm")
        }
        Source::Xml if is_pbf => Some("in protocol buffers: its name must end in .osm.pbf"),
        Source::Pbf | Source::Xml => None,
    }
}
