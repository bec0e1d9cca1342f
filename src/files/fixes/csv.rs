//! Fixes as CSV with a header row; columns may have other names (see [`super::ColumnMap`]).
//!
//! Read line by line rather than by a general CSV reader: a stray quote then costs one line and not
//! the rest of a huge file. A line break inside quotes is therefore not supported.

use std::borrow::Cow;
use std::io::BufRead;
use std::ops::ControlFlow;

use super::columns::{Field, Origin};
use super::error::{LineError, excerpt};
use super::lines::{for_each_line, is_blank};
use super::row::{FixRow, RawRow};
use super::{ReadError, ReadOptions, RowSink};

/// Reads every line after the header; blank lines are passed over.
///
/// # Errors
///
/// [`ReadError::MissingColumn`] when the header lacks a needed column, and those of the
/// reader.
pub fn read(
    reader: impl BufRead,
    options: &ReadOptions,
    sink: &mut RowSink<'_>,
) -> Result<(), ReadError> {
    let mut layout: Option<Layout> = None;
    let mut fault = None;
    for_each_line(reader, &mut |number, line| {
        let line = match line.and_then(text) {
            Ok(line) if is_blank(line.as_bytes()) => return ControlFlow::Continue(()),
            Ok(line) => line,
            Err(error) => return sink(number, Err(error)),
        };
        match &layout {
            Some(layout) => sink(number, layout.row(line, options)),
            None => match Layout::from_header(line, options) {
                Ok(found) => {
                    layout = Some(found);
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    fault = Some(error);
                    ControlFlow::Break(())
                }
            },
        }
    })?;
    fault.map_or(Ok(()), Err)
}

fn text(line: &[u8]) -> Result<&str, LineError> {
    std::str::from_utf8(line).map_err(|_invalid| LineError::BadUtf8)
}

/// Where each field is in a row.
#[derive(Debug)]
struct Layout {
    width: usize,
    places: [Place; 16],
}

#[derive(Clone, Debug, Default)]
enum Place {
    #[default]
    Absent,
    Column(usize),
    Constant(String),
}

impl Layout {
    fn from_header(line: &str, options: &ReadOptions) -> Result<Self, ReadError> {
        let names = split(line).unwrap_or_default();
        let mut layout = Self {
            width: names.len(),
            places: Default::default(),
        };
        for field in Field::ALL {
            let (wanted, given) = match options.columns.origin(field) {
                Origin::OwnName => (field.name(), false),
                Origin::Column(name) => (name.as_str(), true),
                Origin::Constant(value) => {
                    layout.set(field, Place::Constant(value.clone()));
                    continue;
                }
            };
            let find = |wanted: &str| names.iter().position(|name| name.trim() == wanted);
            let bare = || find(field.bare_name().filter(|_| options.bare && !given)?);
            match find(wanted).or_else(bare) {
                Some(column) => layout.set(field, Place::Column(column)),
                None if given => return Err(missing(field, wanted)),
                None => {}
            }
        }
        let has = |field: Field| !matches!(layout.place(field), Place::Absent);
        for field in [Field::Time, Field::Lat, Field::Lon, Field::SpeedKmh] {
            if !has(field) {
                return Err(missing(field, field.name()));
            }
        }
        let has_subject = has(Field::Terminal) || (has(Field::Plate) && has(Field::PlateColor));
        if !has_subject && options.plate.is_none() && !options.bare {
            let field = if has(Field::Plate) {
                Field::PlateColor
            } else {
                Field::Plate
            };
            return Err(missing(field, field.name()));
        }
        Ok(layout)
    }

    fn set(&mut self, field: Field, place: Place) {
        if let Some(slot) = self.places.get_mut(field.index()) {
            *slot = place;
        }
    }

    fn place(&self, field: Field) -> &Place {
        self.places.get(field.index()).unwrap_or(&Place::Absent)
    }

    fn row<'a>(&'a self, line: &'a str, options: &'a ReadOptions) -> Result<FixRow<'a>, LineError> {
        let cells = split(line)?;
        if cells.len() != self.width {
            return Err(LineError::BadCsv {
                message: format!("{} fields, the header has {}", cells.len(), self.width),
            });
        }
        let cell = |field| self.cell(&cells, field);
        let time = cell(Field::Time).ok_or(LineError::MissingField { field: "time" })?;
        let mut raw = RawRow {
            plate: cell(Field::Plate),
            plate_color: cell(Field::PlateColor),
            terminal: cell(Field::Terminal),
            lat: number(cell(Field::Lat), Field::Lat)?,
            lon: number(cell(Field::Lon), Field::Lon)?,
            datum: cell(Field::Datum),
            speed_kmh: number(cell(Field::SpeedKmh), Field::SpeedKmh)?,
            course_deg: number(cell(Field::CourseDeg), Field::CourseDeg)?,
            altitude_m: number(cell(Field::AltitudeM), Field::AltitudeM)?,
            odometer_km: number(cell(Field::OdometerKm), Field::OdometerKm)?,
            alarm: number(cell(Field::Alarm), Field::Alarm)?,
            status: number(cell(Field::Status), Field::Status)?,
            passengers: number(cell(Field::Passengers), Field::Passengers)?,
            events: cell(Field::Events),
            driver: cell(Field::Driver),
            track: cell(Field::Track),
            bare: options.bare,
            is_undated: false,
        };
        if let (None, None, Some(plate)) = (&raw.plate, &raw.terminal, &options.plate) {
            raw.plate = Some(Cow::Borrowed(&plate.text));
            raw.plate_color = Some(Cow::Borrowed(plate.color.name()));
        }
        let seconds = options.bare.then(|| options.time.seconds(&time)).flatten();
        raw.is_undated = seconds.is_some();
        let time = match seconds {
            Some(time) => time,
            None => options.time.read(&time)?,
        };
        raw.check(time, options.datum)
    }

    /// The text of a field, trimmed; `None` when empty.
    fn cell<'a>(&'a self, cells: &[Cow<'a, str>], field: Field) -> Option<Cow<'a, str>> {
        let text = match self.place(field) {
            Place::Absent => return None,
            Place::Constant(value) => Cow::Borrowed(value.as_str()),
            Place::Column(column) => match cells.get(*column)? {
                Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
                Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
            },
        };
        (!text.is_empty()).then_some(text)
    }
}

fn missing(field: Field, column: &str) -> ReadError {
    ReadError::MissingColumn {
        field: field.name(),
        column: column.to_owned(),
    }
}

fn number<T: std::str::FromStr>(
    text: Option<Cow<'_, str>>,
    field: Field,
) -> Result<Option<T>, LineError> {
    text.map(|text| {
        text.parse().map_err(|_invalid| LineError::BadValue {
            message: format!("{} {:?} is not a number", field.name(), excerpt(&text)),
        })
    })
    .transpose()
}

/// The cells of one line; a cell without quotes is borrowed.
fn split(line: &str) -> Result<Vec<Cow<'_, str>>, LineError> {
    if !line.contains('"') {
        return Ok(line.split(',').map(Cow::Borrowed).collect());
    }
    let mut cells = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted || cell.trim().is_empty() => quoted = !quoted,
            ',' if !quoted => cells.push(Cow::Owned(std::mem::take(&mut cell))),
            _ => cell.push(c),
        }
    }
    if quoted {
        return Err(LineError::BadCsv {
            message: "a quote is left open".to_owned(),
        });
    }
    cells.push(Cow::Owned(cell));
    Ok(cells)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::fixes::TimeReader;
    use crate::model::LocalZone;

    fn check(text: &str, options: &ReadOptions, expected: &[&str]) {
        let mut seen = Vec::new();
        let result = read(text.as_bytes(), options, &mut |number, row| {
            seen.push(match row {
                Ok(row) => format!("{number} {} {}", row.subject, row.speed),
                Err(error) => format!("{number} {}", error.code()),
            });
            ControlFlow::Continue(())
        });
        if let Err(error) = result {
            seen.push(error.to_string());
        }
        assert_eq!(seen, expected);
    }

    #[test]
    fn own_names_in_any_order_are_read() {
        check(
            "\u{feff}speed_kmh,lat,lon,time,plate,plate_color,driver\r\n\
             50,28,112,2026-11-21T08:00:00+08:00,湘A12345,yellow,\r\n\
             \r\n\
             50.5,28,112,2026-11-21T08:00:00+08:00,\"湘A,\"\"5\",blue,430\r\n\
             50,28,112,2026-11-21T08:00:00,湘A12345,yellow,\n\
             x,28,112,2026-11-21T08:00:00Z,湘A12345,yellow,\n\
             NaN,28,112,2026-11-21T08:00:00Z,湘A12345,yellow,\n\
             ,28,112,2026-11-21T08:00:00Z,湘A12345,yellow,\n\
             1,28\n\
             \"1,28,112,2026-11-21T08:00:00Z,湘A12345,yellow,\n\
             1,28,112,2026-11-21T08:00:00Z,湘A12345,yellow,\n",
            &ReadOptions::default(),
            &[
                "2 vehicle 湘A12345 yellow 50 km/h",
                "4 vehicle 湘A,\"5 blue 50.5 km/h",
                "5 bad_time",
                "6 bad_value",
                "7 bad_range",
                "8 missing_field",
                "9 bad_csv",
                "10 bad_csv",
                "11 vehicle 湘A12345 yellow 1 km/h",
            ],
        );
    }

    #[test]
    fn other_names_constants_and_zones_are_given_by_the_user() {
        let options = ReadOptions {
            columns: "plate=vehicle,plate_color:=yellow,time=location_time,lon=lng,speed_kmh=v"
                .parse()
                .unwrap(),
            time: TimeReader::new(LocalZone::from_name("UTC"), None),
            ..ReadOptions::default()
        };
        check(
            "vehicle,location_time,lng,lat,v\nAA00002,2018-08-04 02:29:30,116.2,28.2,93\n",
            &options,
            &["2 vehicle AA00002 yellow 93 km/h"],
        );
        check(
            "vehicle,location_time,lng,lat\n",
            &options,
            &["column v for field speed_kmh is not in the header"],
        );
    }

    #[test]
    fn a_bare_track_needs_no_vehicle_and_counts_seconds() {
        let bare = ReadOptions {
            bare: true,
            ..ReadOptions::default()
        };
        let text = "track,t_s,lon,lat,speed_kmh,heading_deg\n7,1.5,112,28,50,361\n7,1.5,112,28,50,9\n7,x,112,28,50,9\n";
        check(
            text,
            &bare,
            &[
                "2 a vehicle without a name 50 km/h",
                "3 a vehicle without a name 50 km/h",
                "4 bad_time",
            ],
        );
        check(
            text,
            &ReadOptions::default(),
            &["column time for field time is not in the header"],
        );
    }

    #[test]
    fn a_header_without_a_subject_is_refused() {
        check(
            "time,lat,lon,speed_kmh,plate\n",
            &ReadOptions::default(),
            &["column plate_color for field plate_color is not in the header"],
        );
    }
}
