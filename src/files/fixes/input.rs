//! A file of fixes, opened: its format from its name, unpacked when it is gzip.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

/// Shape of a file of fixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON objects, one a line.
    Ndjson,
    /// Comma-separated with a header.
    Csv,
    /// GPS exchange format.
    Gpx,
    /// JT/T 808 frames in hex, one a line.
    Jt808Hex,
}

impl Format {
    /// From the name's ending, `.gz` put aside.
    pub fn from_path(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "csv" => Some(Self::Csv),
            "gpx" => Some(Self::Gpx),
            "jt808hex" => Some(Self::Jt808Hex),
            _ => None,
        }
    }
}

/// Why a file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The name ends in nothing that we read.
    #[error("{}: unknown kind of file; .ndjson, .csv, .gpx or .jt808hex, each also .gz", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// An opened file of fixes.
pub struct Input {
    /// Its lines, unpacked.
    pub reader: Box<dyn BufRead + Send>,
    /// Its shape.
    pub format: Format,
    /// Bytes of the file as it lies on disk.
    pub bytes_total: u64,
    /// Of these, how many have been read so far: for a progress bar.
    pub bytes_read: Arc<AtomicU64>,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input")
            .field("format", &self.format)
            .field("bytes_total", &self.bytes_total)
            .finish_non_exhaustive()
    }
}

/// Size of the read buffer. Unit: bytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// Opens a file of fixes; gzip is recognised by its first bytes, not by its name.
///
/// # Errors
///
/// [`InputError`].
pub fn open(path: &Path) -> Result<Input, InputError> {
    let format = Format::from_path(path).ok_or_else(|| InputError::UnknownFormat {
        path: path.to_owned(),
    })?;
    let opened = |source| InputError::Open {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(opened)?;
    let bytes_total = file.metadata().map_err(opened)?.len();
    let bytes_read = Arc::new(AtomicU64::new(0));
    let counted = Counted {
        reader: file,
        count: Arc::clone(&bytes_read),
    };
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, counted);
    let is_gzip = reader
        .fill_buf()
        .map_err(opened)?
        .starts_with(&[0x1f, 0x8b]);
    let reader: Box<dyn BufRead + Send> = if is_gzip {
        Box::new(BufReader::with_capacity(
            BUFFER_BYTES,
            MultiGzDecoder::new(reader),
        ))
    } else {
        Box::new(reader)
    };
    Ok(Input {
        reader,
        format,
        bytes_total,
        bytes_read,
    })
}

/// Counts what passes.
struct Counted<R> {
    reader: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn the_name_tells_the_format() {
        let check = |name: &str, format| assert_eq!(Format::from_path(Path::new(name)), format);
        check("a.ndjson", Some(Format::Ndjson));
        check("/x/truck.csv.gz", Some(Format::Csv));
        check("a.GPX", Some(Format::Gpx));
        check("a.jt808hex", Some(Format::Jt808Hex));
        check("a.txt", None);
        check("csv", None);
    }

    #[test]
    fn gzip_of_several_members_is_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ndjson.gz");
        let mut packed = Vec::new();
        for part in ["one\n", "two\n"] {
            let mut encoder =
                flate2::write::GzEncoder::new(&mut packed, flate2::Compression::fast());
            encoder.write_all(part.as_bytes()).unwrap();
            encoder.finish().unwrap();
        }
        std::fs::write(&path, packed).unwrap();
        let mut input = open(&path).unwrap();
        let mut text = String::new();
        input.reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\ntwo\n");
        assert_eq!(input.bytes_read.load(Ordering::Relaxed), input.bytes_total);
    }
}
