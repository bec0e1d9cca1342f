//! Fixes as JSON objects, one a line. The hot path of `replay` and `POST /fixes`: a good line is
//! read without an allocation.

use std::borrow::Cow;
use std::fmt;
use std::io::BufRead;
use std::ops::ControlFlow;

use serde::de::{Deserialize, Deserializer, IgnoredAny, Visitor};
use serde_json::error::Category;

use super::error::LineError;
use super::lines::{clean, for_each_line, is_blank};
use super::row::{FixRow, RawRow};
use super::time_text::{bad_time, rfc3339, timestamp_of_seconds};
use super::{LINE_BYTES_MAX, ReadError, ReadOptions, RowSink};
use crate::model::{Datum, Timestamp};

/// Reads one line.
///
/// # Errors
///
/// What is wrong with the line.
pub fn parse_line(line: &[u8]) -> Result<FixRow<'_>, LineError> {
    parse_line_in(line, None)
}

/// Reads one line whose place is of `datum` unless it says itself.
///
/// # Errors
///
/// What is wrong with the line.
pub fn parse_line_in(line: &[u8], datum: Option<Datum>) -> Result<FixRow<'_>, LineError> {
    let raw = json_row(line)?;
    let time = time(raw.time.as_ref())?;
    raw.into_raw(false).check(time, datum)
}

/// Reads one line of a bare track; see [`ReadOptions::bare`].
///
/// # Errors
///
/// What is wrong with the line.
pub fn parse_bare_line(line: &[u8], datum: Option<Datum>) -> Result<FixRow<'_>, LineError> {
    let mut raw = json_row(line)?;
    let bare: BareRow = serde_json::from_slice(line).map_err(|error| json_error(&error))?;
    raw.course_deg = raw.course_deg.or(bare.heading_deg);
    let seconds = bare.t_s.filter(|_| raw.time.is_none());
    let time = match seconds {
        Some(seconds) => timestamp_of_seconds(seconds)
            .ok_or_else(|| bad_time(&seconds.to_string(), "a number of seconds"))?,
        None => time(raw.time.as_ref())?,
    };
    let raw = RawRow {
        is_undated: seconds.is_some(),
        ..raw.into_raw(true)
    };
    raw.check(time, datum)
}

fn json_row(line: &[u8]) -> Result<JsonRow<'_>, LineError> {
    if line.len() > LINE_BYTES_MAX {
        return Err(LineError::LineTooLong {
            max: LINE_BYTES_MAX,
        });
    }
    // A list would be taken for the fields of an object in their order.
    if !line.trim_ascii_start().starts_with(b"{") {
        return Err(no_object(line));
    }
    serde_json::from_slice(line).map_err(|error| json_error(&error))
}

fn no_object(line: &[u8]) -> LineError {
    match serde_json::from_slice::<IgnoredAny>(line) {
        Ok(_) => LineError::BadValue {
            message: "the line is not a JSON object".to_owned(),
        },
        Err(error) => json_error(&error),
    }
}

fn time(text: Option<&Text<'_>>) -> Result<Timestamp, LineError> {
    let text = &text.ok_or(LineError::MissingField { field: "time" })?.0;
    rfc3339(text)
        .or_else(|| Timestamp::from_rfc3339(text))
        .ok_or_else(|| bad_time(text, "RFC 3339 with an offset"))
}

/// Reads every line of a stream; blank lines are passed over.
///
/// # Errors
///
/// Those of the reader.
pub fn read(
    reader: impl BufRead,
    options: &ReadOptions,
    sink: &mut RowSink<'_>,
) -> Result<(), ReadError> {
    for_each_line(reader, &mut |number, line| match line {
        Ok(line) if is_blank(line) => ControlFlow::Continue(()),
        Ok(line) if options.bare => sink(number, parse_bare_line(line, options.datum)),
        Ok(line) => sink(number, parse_line_in(line, options.datum)),
        Err(error) => sink(number, Err(error)),
    })?;
    Ok(())
}

/// Reads every line of a buffer whose first line has number `first_line`.
///
/// For several cores: each takes a piece of [`super::split_at_line_ends`] or a
/// [`super::Chunk`].
pub fn read_buffer<'a>(
    buffer: &'a [u8],
    first_line: u64,
    datum: Option<Datum>,
    mut sink: impl FnMut(u64, Result<FixRow<'a>, LineError>) -> ControlFlow<()>,
) {
    let mut rest = buffer;
    let mut number = first_line;
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        let line = clean(number, line);
        if !is_blank(line) && sink(number, parse_line_in(line, datum)).is_break() {
            return;
        }
        number += 1;
    }
}

fn json_error(error: &serde_json::Error) -> LineError {
    let message = error.to_string();
    match error.classify() {
        Category::Data => LineError::BadValue { message },
        Category::Io | Category::Syntax | Category::Eof => LineError::BadJson { message },
    }
}

#[derive(serde::Deserialize)]
struct JsonRow<'a> {
    #[serde(borrow)]
    plate: Option<Text<'a>>,
    #[serde(borrow)]
    plate_color: Option<Text<'a>>,
    #[serde(borrow)]
    terminal: Option<Text<'a>>,
    #[serde(borrow)]
    time: Option<Text<'a>>,
    lat: Option<f64>,
    lon: Option<f64>,
    #[serde(borrow)]
    datum: Option<Text<'a>>,
    speed_kmh: Option<f64>,
    course_deg: Option<f64>,
    altitude_m: Option<f64>,
    odometer_km: Option<f64>,
    alarm: Option<u32>,
    status: Option<u32>,
    passengers: Option<u16>,
    #[serde(borrow)]
    events: Option<Text<'a>>,
    #[serde(borrow)]
    driver: Option<Text<'a>>,
    #[serde(borrow)]
    track: Option<Name<'a>>,
}

/// What a bare track may carry instead.
#[derive(serde::Deserialize)]
struct BareRow {
    t_s: Option<f64>,
    heading_deg: Option<f64>,
}

impl<'a> JsonRow<'a> {
    fn into_raw(self, bare: bool) -> RawRow<'a> {
        RawRow {
            plate: self.plate.map(|text| text.0),
            plate_color: self.plate_color.map(|text| text.0),
            terminal: self.terminal.map(|text| text.0),
            lat: self.lat,
            lon: self.lon,
            datum: self.datum.map(|text| text.0),
            speed_kmh: self.speed_kmh,
            course_deg: self.course_deg,
            altitude_m: self.altitude_m,
            odometer_km: self.odometer_km,
            alarm: self.alarm,
            status: self.status,
            passengers: self.passengers,
            events: self.events.map(|text| text.0),
            driver: self.driver.map(|text| text.0),
            track: self.track.map(|name| name.0.0),
            bare,
            is_undated: false,
        }
    }
}

/// Text borrowed from the line unless it holds escapes; serde's own `Option<Cow>` always copies.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

/// Text, or a whole number as text: tracks are often numbered.
struct Name<'a>(Text<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Either<'a> {
            #[serde(borrow)]
            Text(Text<'a>),
            Number(i64),
        }

        Ok(Self(match Either::deserialize(deserializer)? {
            Either::Text(text) => text,
            Either::Number(number) => Text(Cow::Owned(number.to_string())),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::fixes::Subject;
    use crate::model::{Course, Odometer, PlateColor, Position};

    const GOOD: &str = r#"{"plate":"湘A12345","plate_color":"yellow","time":"2026-11-21T08:00:00+08:00","lat":28.1,"lon":112.9,"speed_kmh":87.5,"course_deg":90,"altitude_m":50,"odometer_km":1234.5,"alarm":0,"status":3,"driver":"430"}"#;

    fn check(from: &str, to: &str, code: &str) {
        let line = GOOD.replace(from, to);
        assert_ne!(line, GOOD, "{from} is not in the line");
        let found = parse_line(line.as_bytes()).map_err(|error| error.code());
        assert_eq!(found.map(|_| ()), Err(code), "{line}");
    }

    #[test]
    fn a_full_line_is_read_without_copying() {
        let row = parse_line(GOOD.as_bytes()).unwrap();
        assert!(matches!(
            row.subject,
            Subject::Plate(Cow::Borrowed("湘A12345"), PlateColor::Yellow)
        ));
        assert_eq!(row.time.millis(), 1_795_219_200_000);
        assert_eq!(row.position.lat_udeg, 28_100_000);
        assert_eq!(row.speed.mkmh(), 87_500);
        assert_eq!(row.course.unwrap().degrees(), 90);
        assert_eq!((row.altitude_m, row.alarm, row.status), (Some(50), 0, 3));
        assert_eq!(row.odometer.unwrap().hm(), 12_345);
        assert!(matches!(row.driver, Some(Cow::Borrowed("430"))));
    }

    #[test]
    fn the_least_line_names_a_terminal() {
        let line = br#"{"terminal":"013912344323","time":"2026-11-21T00:00:00Z","lat":0,"lon":-1,"speed_kmh":0,"course_deg":null,"extra":[1]}"#;
        let row = parse_line(line).unwrap();
        assert_eq!(row.subject, Subject::Terminal("13912344323".into()));
        assert_eq!((row.course, row.status), (None, FixRow::STATUS_DEFAULT));
    }

    #[test]
    fn every_bad_line_has_its_code() {
        check("}", "", "bad_json");
        check("\"alarm\":0", "\"alarm\":-1", "bad_value");
        check("28.1", "\"28.1\"", "bad_value");
        check("\"alarm\":0", "\"lat\":1", "bad_value");
        check("28.1", "null", "missing_field");
        check("\"plate_color\":\"yellow\",", "", "missing_field");
        check("\"plate\":", "\"x\":", "missing_field");
        check("+08:00", "", "bad_time");
        check("yellow", "pink", "bad_plate_color");
        check("\"alarm\":0", "\"datum\":\"gcj\"", "bad_datum");
        check("湘A12345", " ", "bad_plate");
        check(
            "\"plate\":\"湘A12345\"",
            "\"terminal\":\"12x\"",
            "bad_terminal",
        );
        let no_object = LineError::BadValue {
            message: "the line is not a JSON object".to_owned(),
        };
        let positional = br#"["x","yellow",null,"2026-11-21T08:00:00+08:00",28.1,112.9,60]"#;
        for line in [&positional[..], b"[1,2]", b" 5", b"\"x\"", b"null"] {
            assert_eq!(parse_line(line).unwrap_err(), no_object);
        }
        assert_eq!(parse_line(b"[1,2").unwrap_err().code(), "bad_json");
        assert_eq!(parse_line(b"\xff").unwrap_err().code(), "bad_json");
    }

    /// Place, speed and reasons of the row when a value is another one.
    fn check_kept(from: &str, to: &str, expected: &str) {
        let line = GOOD.replace(from, to);
        assert_ne!(line, GOOD, "{from} is not in the line");
        let row = parse_line(line.as_bytes()).unwrap();
        let Position { lat_udeg, lon_udeg } = row.position;
        let told = format!(
            "{lat_udeg} {lon_udeg} {} {:?} {:?} {:?} {}",
            row.speed.mkmh(),
            row.course.map(Course::degrees),
            row.altitude_m,
            row.odometer.map(Odometer::hm),
            row.quality.names().join(" ")
        );
        assert_eq!(told.trim_end(), expected, "{line}");
    }

    #[test]
    fn implausible_values_are_kept_as_near_as_can_be() {
        check_kept(
            "28.1",
            "120.5",
            "120500000 112900000 87500 Some(90) Some(50) Some(12345)",
        );
        check_kept(
            "112.9",
            "1e308",
            "28100000 2147483647 87500 Some(90) Some(50) Some(12345)",
        );
        check_kept(
            "87.5",
            "1500",
            "28100000 112900000 1500000 Some(90) Some(50) Some(12345)",
        );
        check_kept(
            "87.5",
            "-0.1",
            "28100000 112900000 0 Some(90) Some(50) Some(12345) speed_range",
        );
        check_kept(
            "87.5",
            "1e12",
            "28100000 112900000 4294967295 Some(90) Some(50) Some(12345) speed_range",
        );
        check_kept(
            "\"course_deg\":90",
            "\"course_deg\":400",
            "28100000 112900000 87500 None Some(50) Some(12345) course_range",
        );
        check_kept(
            "\"altitude_m\":50",
            "\"altitude_m\":1e9",
            "28100000 112900000 87500 Some(90) Some(32767) Some(12345)",
        );
        check_kept(
            "1234.5",
            "-1",
            "28100000 112900000 87500 Some(90) Some(50) None odometer_range",
        );
    }

    #[test]
    fn lines_keep_their_numbers_in_a_stream_and_in_a_buffer() {
        let text = format!("{GOOD}\n\n{{}}\n{GOOD}");
        let mut streamed = Vec::new();
        read(
            text.as_bytes(),
            &ReadOptions::default(),
            &mut |number, row| {
                streamed.push((number, row.is_ok()));
                ControlFlow::Continue(())
            },
        )
        .unwrap();
        let mut buffered = Vec::new();
        read_buffer(text.as_bytes(), 1, None, |number, row| {
            buffered.push((number, row.is_ok()));
            ControlFlow::Continue(())
        });
        assert_eq!(streamed, [(1, true), (3, false), (4, true)]);
        assert_eq!(buffered, streamed);
    }

    proptest::proptest! {
        #[test]
        fn no_input_makes_it_panic(line in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _row = parse_line(&line);
        }

        #[test]
        fn no_damage_makes_it_panic(at in 0..GOOD.len(), byte in proptest::prelude::any::<u8>()) {
            let mut line = GOOD.as_bytes().to_vec();
            line[at] = byte;
            let _row = parse_line(&line);
        }
    }
}
