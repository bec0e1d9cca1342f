//! Recorded fixes: NDJSON, CSV, GPX and JT/T 808 frames in hex, each as a stream of rows.
//!
//! Start at [`open`] and [`read`]; `POST /fixes` uses [`ndjson::parse_line`] alone.

mod chunks;
pub mod columns;
pub mod csv;
mod error;
pub mod gpx;
mod index;
mod input;
pub mod jt808hex;
mod lines;
pub mod ndjson;
mod row;
mod time_text;

use std::io::{self, BufRead};
use std::ops::ControlFlow;

pub use chunks::{Chunk, ChunkReader, split_at_line_ends};
pub use columns::{ColumnMap, ColumnMapError};
pub use error::LineError;
pub use index::{FleetIndex, Registry};
pub use input::{Format, Input, InputError, open};
pub use row::{FixRow, Subject};
pub use time_text::TimeReader;

use crate::model::{Datum, Plate};

/// Longest line that is read; a longer one costs that line. Unit: bytes.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// How to read what a file does not say itself.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// Which column carries which field (CSV).
    pub columns: ColumnMap,
    /// How times are written (CSV); NDJSON and GPX are always RFC 3339.
    pub time: TimeReader,
    /// Datum of all places whose row names none, over what the register declares.
    pub datum: Option<Datum>,
    /// The vehicle of all fixes, for files that name none (GPX).
    pub plate: Option<Plate>,
    /// Whether the file may hold bare tracks: rows that name a track and no vehicle, with seconds
    /// (`t_s`) for the time and `heading_deg` for the course.
    pub bare: bool,
}

/// One row or one bad line, with its line number from 1.
///
/// `Break` stops the reading.
pub type RowSink<'s> = dyn FnMut(u64, Result<FixRow<'_>, LineError>) -> ControlFlow<()> + 's;

/// Why a file could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The bytes could not be had.
    #[error("cannot read")]
    Io(#[from] io::Error),
    /// The header does not carry what the fields need.
    #[error("column {column} for field {field} is not in the header")]
    MissingColumn {
        /// The field that needs it.
        field: &'static str,
        /// The column that was looked for.
        column: String,
    },
    /// The XML of a GPX file breaks off or does not nest.
    #[error("line {line}: not well-formed XML: {message}")]
    Xml {
        /// Where.
        line: u64,
        /// What the XML reader said.
        message: String,
    },
}

/// Reads every row of `reader` and gives it to `sink`, in order.
///
/// # Errors
///
/// [`ReadError`] when the rest of the file cannot be read; a bad line is not an error but
/// goes to `sink`.
pub fn read(
    format: Format,
    reader: impl BufRead,
    options: &ReadOptions,
    sink: &mut RowSink<'_>,
) -> Result<(), ReadError> {
    match format {
        Format::Ndjson => ndjson::read(reader, options, sink),
        Format::Csv => csv::read(reader, options, sink),
        Format::Gpx => gpx::read(reader, options, sink),
        Format::Jt808Hex => jt808hex::read(reader, options, sink),
    }
}
