//! JT/T 808 frames in hex, one a line: location reports (0x0200) and batches (0x0704).
//!
//! Frames of other messages, as a recorded stream holds them, are passed over. A sub-package is
//! told as an error: reports are never longer than a frame.

use std::borrow::Cow;
use std::io::BufRead;
use std::ops::ControlFlow;

use super::error::LineError;
use super::lines::{for_each_line, is_blank};
use super::row::{FixRow, RawRow};
use super::{ReadError, ReadOptions, RowSink};
use crate::model::{Datum, Odometer, Timestamp};
use crate::normalize::jt808::{course, events};
use crate::protocol::jt808::frame::decode_frame;
use crate::protocol::jt808::location::{LOCATION, LOCATION_BATCH, LocationBatch};
use crate::protocol::jt808::{Frame, LocationReport};
use crate::protocol::{DecodeError, Reader};

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
    let (mut bytes, mut buffer) = (Vec::new(), Vec::new());
    for_each_line(reader, &mut |number, line| {
        let frame = match line {
            Ok(line) if is_blank(line) => return ControlFlow::Continue(()),
            Ok(line) => unhex(line, &mut bytes)
                .and_then(|()| decode_frame(&bytes, &mut buffer).map_err(bad_frame)),
            Err(error) => Err(error),
        };
        match frame {
            Ok(frame) => rows_of(&frame, options.datum, &mut |row| sink(number, row)),
            Err(error) => sink(number, Err(error)),
        }
    })?;
    Ok(())
}

/// Hex digits of either case; blanks between them are passed over.
fn unhex(line: &[u8], bytes: &mut Vec<u8>) -> Result<(), LineError> {
    bytes.clear();
    let mut high = None;
    for digit in line.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        let value = char::from(*digit)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
            .ok_or_else(|| not_hex("holds what is not a hex digit"))?;
        match high.take() {
            Some(high) => bytes.push(high << 4 | value),
            None => high = Some(value),
        }
    }
    match high {
        Some(_) => Err(not_hex("has an odd number of hex digits")),
        None => Ok(()),
    }
}

fn not_hex(what: &str) -> LineError {
    LineError::BadFrame {
        message: format!("the line {what}"),
    }
}

fn bad_frame(error: DecodeError) -> LineError {
    LineError::BadFrame {
        message: error.to_string(),
    }
}

fn rows_of(
    frame: &Frame<'_>,
    datum: Option<Datum>,
    sink: &mut dyn FnMut(Result<FixRow<'_>, LineError>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let header = &frame.header;
    if !matches!(header.message_id, LOCATION | LOCATION_BATCH) {
        return ControlFlow::Continue(());
    }
    if header.package.is_some() {
        return sink(Err(LineError::BadFrame {
            message: "a sub-package of a location message".to_owned(),
        }));
    }
    let phone = header.phone.to_string();
    let mut give = |report: Result<LocationReport<'_>, DecodeError>| {
        sink(
            report
                .map_err(bad_frame)
                .and_then(|report| row(&phone, &report, datum)),
        )
    };
    if header.message_id == LOCATION {
        return give(LocationReport::decode(frame.body));
    }
    match LocationBatch::decode(&mut Reader::new(frame.body)) {
        Ok(batch) => batch.entries().try_for_each(|entry| give(entry.report)),
        Err(error) => give(Err(error)),
    }
}

fn row<'a>(
    phone: &'a str,
    report: &LocationReport<'_>,
    datum: Option<Datum>,
) -> Result<FixRow<'a>, LineError> {
    let time = report
        .time
        .unix_ms()
        .map(Timestamp::from_millis)
        .ok_or(LineError::MissingField { field: "time" })?;
    let row = RawRow {
        terminal: Some(Cow::Borrowed(phone)),
        lat: Some(report.lat_deg()),
        lon: Some(report.lon_deg()),
        speed_kmh: Some(f64::from(report.speed_dkmh) / 10.0),
        alarm: Some(report.alarm),
        status: Some(report.status),
        ..RawRow::default()
    }
    .check(time, datum)?;
    let (course, quality) = course(report);
    Ok(FixRow {
        course,
        quality: row.quality.with(quality),
        altitude_m: Some(report.altitude_signed_m()),
        odometer: report.odometer_dkm().map(Odometer::from_hm),
        events: events(report),
        ..row
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let mut seen = Vec::new();
        read(
            text.as_bytes(),
            &ReadOptions::default(),
            &mut |number, row| {
                seen.push(match row {
                    Ok(row) => format!(
                        "{number} {} {} {}",
                        row.subject,
                        row.time.millis(),
                        row.speed
                    ),
                    Err(error) => format!("{number} {}: {error}", error.code()),
                });
                ControlFlow::Continue(())
            },
        )
        .unwrap();
        assert_eq!(seen, expected);
    }

    #[test]
    fn reports_and_batches_are_read_and_other_messages_passed_over() {
        check(
            "7e020000220139123443230000000000000000000301acc5a006bab7a000320258005a261121080910010400003039077e\n\
             \n\
             7e0002000001391234432300007c7e\n\
             7E 02\n\
             7e0\n\
             xx\n",
            &[
                "1 terminal 13912344323 1795219750000 60 km/h",
                "4 bad_frame: no closing delimiter",
                "5 bad_frame: the line has an odd number of hex digits",
                "6 bad_frame: the line holds what is not a hex digit",
            ],
        );
    }
}
