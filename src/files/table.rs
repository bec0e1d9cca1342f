//! A small CSV file as rows whose cells are asked for by column name.

use std::collections::BTreeMap;
use std::str::FromStr;

use csv::StringRecord;

use super::problem::Notes;

/// Longest cell that is taken. Unit: bytes.
const CELL_BYTES_MAX: usize = 500;

/// The byte order mark that some programs put before UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// A file with a header row; columns may come in any order.
#[derive(Debug)]
pub(super) struct Table {
    columns: BTreeMap<String, usize>,
    rows: Vec<(u64, StringRecord)>,
}

impl Table {
    /// Reads the bytes of a file; every line that does not fit is noted and left out.
    pub(super) fn read(bytes: &[u8], required: &[&'static str], notes: &mut Notes<'_>) -> Self {
        let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .has_headers(false)
            .trim(csv::Trim::All)
            .from_reader(bytes);
        let mut table = Self {
            columns: BTreeMap::new(),
            rows: Vec::new(),
        };
        let mut width = None;
        for record in reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    let line = error.position().map_or(0, csv::Position::line);
                    notes.add(line, "", "bad_csv", csv_message(&error));
                    continue;
                }
            };
            let line = record.position().map_or(0, csv::Position::line);
            match width {
                None => {
                    width = Some(record.len());
                    table.columns = record.iter().map(str::to_owned).zip(0..).collect();
                }
                Some(width) if width == record.len() => table.rows.push((line, record)),
                Some(width) => {
                    let message = format!("{} fields, the header has {width}", record.len());
                    notes.add(line, "", "bad_csv", message);
                }
            }
        }
        for column in required {
            if !table.columns.contains_key(*column) {
                notes.add(1, column, "missing_column", "the header lacks this column");
                table.rows.clear();
            }
        }
        table
    }

    /// The rows, in order.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, record)| Row {
            line: *line,
            record,
            columns: &self.columns,
        })
    }
}

fn csv_message(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "text is not UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

/// One row of a [`Table`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    /// Line from 1, the header included.
    pub(super) line: u64,
    record: &'a StringRecord,
    columns: &'a BTreeMap<String, usize>,
}

impl<'a> Row<'a> {
    /// The text of a cell; `None` when the column or the text is absent.
    pub(super) fn optional(&self, column: &str) -> Option<&'a str> {
        let text = self.record.get(*self.columns.get(column)?)?;
        (!text.is_empty()).then_some(text)
    }

    /// The text of a cell that must be there, short and printable; notes it when it is not.
    pub(super) fn required(&self, column: &'static str, notes: &mut Notes<'_>) -> Option<&'a str> {
        let Some(text) = self.optional(column) else {
            notes.add(self.line, column, "missing_field", "must not be empty");
            return None;
        };
        if text.len() > CELL_BYTES_MAX || text.chars().any(char::is_control) {
            let message = "too long, or holds control characters";
            notes.add(self.line, column, "bad_value", message);
            return None;
        }
        Some(text)
    }

    /// A required cell read as `T`.
    pub(super) fn parse<T: FromStr>(
        &self,
        column: &'static str,
        code: &'static str,
        notes: &mut Notes<'_>,
    ) -> Option<T> {
        let text = self.required(column, notes)?;
        self.read_as(column, code, text, |text| text.parse().ok(), notes)
    }

    /// An optional cell read by `read`: `Some(None)` when it is empty, `None` when it is bad.
    #[expect(
        clippy::option_option,
        reason = "bad, absent and there are three things"
    )]
    pub(super) fn parse_optional<T>(
        &self,
        column: &'static str,
        code: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
        notes: &mut Notes<'_>,
    ) -> Option<Option<T>> {
        match self.optional(column) {
            None => Some(None),
            Some(text) => self.read_as(column, code, text, read, notes).map(Some),
        }
    }

    fn read_as<T>(
        &self,
        column: &'static str,
        code: &'static str,
        text: &str,
        read: impl FnOnce(&str) -> Option<T>,
        notes: &mut Notes<'_>,
    ) -> Option<T> {
        let value = read(text);
        if value.is_none() {
            let short: String = text.chars().take(40).collect();
            notes.add(self.line, column, code, format!("{short:?} is not valid"));
        }
        value
    }
}
