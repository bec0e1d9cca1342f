//! GPX tracks: points with time, height, speed and course.
//!
//! Speed stands in the point itself (GPX 1.0) or in its extensions, in m/s; where it is absent it
//! comes from the distance and time to the point before. The vehicle is the one given by the
//! caller, or the one in the track's name, written `湘A12345 yellow`.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};
use std::ops::ControlFlow;

use geo::{Distance as _, Haversine, Point};
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::error::LineError;
use super::row::{FixRow, RawRow};
use super::time_text::{bad_time, rfc3339};
use super::{ReadError, ReadOptions, RowSink};
use crate::model::Timestamp;

/// Longest text of one element that is kept. Unit: bytes.
const TEXT_BYTES_MAX: usize = 4096;

/// Reads every track point of a GPX document, in order; the line is that on which the point ends.
///
/// # Errors
///
/// [`ReadError::Xml`] when the document is not well-formed; points before the fault have
/// been given to `sink`.
pub fn read(
    reader: impl BufRead,
    options: &ReadOptions,
    sink: &mut RowSink<'_>,
) -> Result<(), ReadError> {
    let mut xml = Reader::from_reader(LineCounter { reader, lines: 0 });
    let mut state = GpxState::new(options);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = xml.read_event_into(&mut buffer);
        let line = xml.get_ref().lines + 1;
        let flow = match event {
            Ok(Event::Start(start)) => {
                state.handle_start(&start);
                ControlFlow::Continue(())
            }
            Ok(Event::Empty(start)) => {
                state.handle_start(&start);
                state.handle_end(start.local_name().as_ref(), line, sink)
            }
            Ok(Event::End(end)) => state.handle_end(end.local_name().as_ref(), line, sink),
            Ok(Event::Text(text)) => {
                state.handle_text(&text.xml10_content());
                ControlFlow::Continue(())
            }
            Ok(Event::CData(text)) => {
                state.handle_text(&text.xml10_content());
                ControlFlow::Continue(())
            }
            Ok(Event::GeneralRef(reference)) => {
                state.handle_reference(&reference);
                ControlFlow::Continue(())
            }
            Ok(Event::Eof) => return state.handle_eof(line),
            Ok(Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::DocType(_)) => {
                ControlFlow::Continue(())
            }
            Err(error) => {
                return Err(ReadError::Xml {
                    line,
                    message: error.to_string(),
                });
            }
        };
        if flow.is_break() {
            return Ok(());
        }
    }
}

/// Counts the line ends that have passed.
struct LineCounter<R> {
    reader: R,
    lines: u64,
}

impl<R: BufRead> Read for LineCounter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        let passed = buffer.get(..read).unwrap_or_default();
        self.lines += memchr::memchr_iter(b'\n', passed).count() as u64;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for LineCounter<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Ok(buffer) = self.reader.fill_buf() {
            let passed = buffer.get(..amount).unwrap_or(buffer);
            self.lines += memchr::memchr_iter(b'\n', passed).count() as u64;
        }
        self.reader.consume(amount);
    }
}

/// One point as it stands in the file.
#[derive(Clone, Debug, Default)]
struct RawPoint {
    line: u64,
    lat: Option<f64>,
    lon: Option<f64>,
    time: Option<String>,
    altitude_m: Option<f64>,
    speed_kmh: Option<f64>,
    course_deg: Option<f64>,
}

impl RawPoint {
    fn moment(&self) -> Option<Timestamp> {
        let text = self.time.as_deref()?;
        rfc3339(text).or_else(|| Timestamp::from_rfc3339(text))
    }
}

struct GpxState<'o> {
    options: &'o ReadOptions,
    /// Open elements; only the outermost one has depth 1.
    depth: usize,
    in_track: bool,
    track_name: Option<String>,
    point: Option<RawPoint>,
    text: String,
    /// The first point of a segment waits for the second, which tells its speed.
    waiting: Option<RawPoint>,
    previous: Option<RawPoint>,
}

impl<'o> GpxState<'o> {
    const fn new(options: &'o ReadOptions) -> Self {
        Self {
            options,
            depth: 0,
            in_track: false,
            track_name: None,
            point: None,
            text: String::new(),
            waiting: None,
            previous: None,
        }
    }

    fn handle_start(&mut self, start: &BytesStart<'_>) {
        self.depth += 1;
        self.text.clear();
        match start.local_name().as_ref() {
            "trk" => {
                self.in_track = true;
                self.track_name = None;
            }
            "trkpt" => {
                let degrees = |name| {
                    let attribute = start.try_get_attribute(name).ok().flatten()?;
                    attribute.value.trim().parse::<f64>().ok()
                };
                self.point = Some(RawPoint {
                    lat: degrees("lat"),
                    lon: degrees("lon"),
                    ..RawPoint::default()
                });
            }
            _ => {}
        }
    }

    fn handle_text(&mut self, text: &str) {
        if self.text.len() + text.len() <= TEXT_BYTES_MAX {
            self.text.push_str(text);
        }
    }

    fn handle_reference(&mut self, reference: &BytesRef<'_>) {
        let named = match reference.xml10_content().as_ref() {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => reference.resolve_char_ref().ok().flatten(),
        };
        if let Some(c) = named {
            self.text.push(c);
        }
    }

    fn handle_end(&mut self, name: &str, line: u64, sink: &mut RowSink<'_>) -> ControlFlow<()> {
        self.depth = self.depth.saturating_sub(1);
        let text = std::mem::take(&mut self.text);
        let text = text.trim();
        match (name, &mut self.point) {
            ("trkpt", point) => {
                if let Some(mut point) = point.take() {
                    point.line = line;
                    return self.handle_point(point, sink);
                }
            }
            ("time", Some(point)) => point.time = Some(text.to_owned()),
            ("ele", Some(point)) => point.altitude_m = text.parse().ok(),
            ("speed", Some(point)) => {
                point.speed_kmh = text.parse::<f64>().ok().map(|metres| metres * 3.6);
            }
            ("course", Some(point)) => point.course_deg = text.parse().ok(),
            ("name", None) if self.in_track => self.track_name = Some(text.to_owned()),
            ("trkseg", None) => {
                let flow = self.flush_waiting(None, sink);
                self.previous = None;
                return flow;
            }
            ("trk", None) => self.in_track = false,
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn handle_point(&mut self, mut point: RawPoint, sink: &mut RowSink<'_>) -> ControlFlow<()> {
        if self.flush_waiting(Some(&point), sink).is_break() {
            return ControlFlow::Break(());
        }
        if point.speed_kmh.is_none() {
            let Some(previous) = &self.previous else {
                self.waiting = Some(point);
                return ControlFlow::Continue(());
            };
            point.speed_kmh = speed_between(previous, &point).or(previous.speed_kmh);
        }
        self.deliver(point, sink)
    }

    /// Gives out the first point of a segment, as fast as the way to `next`, or standing.
    fn flush_waiting(
        &mut self,
        next: Option<&RawPoint>,
        sink: &mut RowSink<'_>,
    ) -> ControlFlow<()> {
        let Some(mut first) = self.waiting.take() else {
            return ControlFlow::Continue(());
        };
        let speed = next.and_then(|next| speed_between(&first, next));
        first.speed_kmh = Some(speed.unwrap_or(0.0));
        self.deliver(first, sink)
    }

    fn deliver(&mut self, point: RawPoint, sink: &mut RowSink<'_>) -> ControlFlow<()> {
        let flow = sink(
            point.line,
            row(&point, self.track_name.as_deref(), self.options),
        );
        self.previous = Some(point);
        flow
    }

    /// # Errors
    ///
    /// When elements are still open.
    fn handle_eof(&self, line: u64) -> Result<(), ReadError> {
        if self.depth == 0 {
            return Ok(());
        }
        Err(ReadError::Xml {
            line,
            message: "the document breaks off".to_owned(),
        })
    }
}

/// Unit: km/h; `None` when a place or time is unknown or no time has passed.
fn speed_between(from: &RawPoint, to: &RawPoint) -> Option<f64> {
    let seconds = to.moment()?.since(from.moment()?).seconds();
    let metres = Haversine.distance(
        Point::new(from.lon?, from.lat?),
        Point::new(to.lon?, to.lat?),
    );
    (seconds > 0.0).then(|| metres / seconds * 3.6)
}

fn row<'a>(
    point: &RawPoint,
    track_name: Option<&'a str>,
    options: &'a ReadOptions,
) -> Result<FixRow<'a>, LineError> {
    let (plate, color) = match (&options.plate, track_name) {
        (Some(plate), _) => (Some(plate.text.as_str()), Some(plate.color.name())),
        (None, Some(name)) => match name.rsplit_once(char::is_whitespace) {
            Some((plate, color)) => (Some(plate), Some(color)),
            None => (Some(name), None),
        },
        (None, None) => (None, None),
    };
    let text = point
        .time
        .as_deref()
        .ok_or(LineError::MissingField { field: "time" })?;
    let time = point
        .moment()
        .ok_or_else(|| bad_time(text, "RFC 3339 with an offset"))?;
    RawRow {
        plate: plate.map(Cow::Borrowed),
        plate_color: color.map(Cow::Borrowed),
        lat: point.lat,
        lon: point.lon,
        speed_kmh: point.speed_kmh,
        course_deg: point.course_deg,
        altitude_m: point.altitude_m,
        track: track_name.map(Cow::Borrowed),
        ..RawRow::default()
    }
    .check(time, options.datum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Plate, PlateColor};

    fn check(text: &str, options: &ReadOptions, expected: &[&str]) {
        let mut seen = Vec::new();
        let result = read(text.as_bytes(), options, &mut |number, row| {
            seen.push(match row {
                Ok(row) => format!("{number} {} {:.1}", row.subject, row.speed.kmh()),
                Err(error) => format!("{number} {}", error.code()),
            });
            ControlFlow::Continue(())
        });
        if let Err(error) = result {
            seen.push(error.to_string());
        }
        assert_eq!(seen, expected);
    }

    const HEAD: &str = "<?xml version=\"1.0\"?>\n<gpx><trk><name>湘A12345 yellow</name><trkseg>\n";

    #[test]
    fn speed_comes_from_the_point_or_from_its_neighbours() {
        let text = format!(
            "{HEAD}\
             <trkpt lat=\"28.0\" lon=\"112.0\"><time>2026-11-21T00:00:00Z</time></trkpt>\n\
             <trkpt lat=\"28.001\" lon=\"112.0\"><ele>5</ele><time>2026-11-21T00:00:10Z</time></trkpt>\n\
             <trkpt lat=\"28.002\" lon=\"112.0\"><time>2026-11-21T00:00:20Z</time>\
             <extensions><x:speed>10</x:speed></extensions></trkpt>\n\
             </trkseg></trk></gpx>"
        );
        check(
            &text,
            &ReadOptions::default(),
            &[
                "3 vehicle 湘A12345 yellow 40.0",
                "4 vehicle 湘A12345 yellow 40.0",
                "5 vehicle 湘A12345 yellow 36.0",
            ],
        );
    }

    #[test]
    fn a_bad_point_costs_that_point() {
        let options = ReadOptions {
            plate: Plate::new("粤B1&2", PlateColor::Blue),
            ..ReadOptions::default()
        };
        let text = format!(
            "{HEAD}<trkpt lat=\"x\" lon=\"1\"><time>2026-11-21T00:00:00Z</time><speed>1</speed></trkpt>\n\
             <trkpt lat=\"1\" lon=\"1\"><speed>1</speed></trkpt>\n\
             <trkpt lat=\"1\" lon=\"1\"><time>now</time><speed>1</speed></trkpt>\n\
             <trkpt lat=\"1\" lon=\"1\"><time>2026-11-21T00:00:00Z</time></trkpt>\n\
             </trkseg></trk></gpx>"
        );
        check(
            &text,
            &options,
            &[
                "3 missing_field",
                "4 missing_field",
                "5 bad_time",
                "6 vehicle 粤B1&2 blue 3.6",
            ],
        );
    }

    #[test]
    fn a_document_that_breaks_off_is_told() {
        check(
            "<gpx><trk>",
            &ReadOptions::default(),
            &["line 1: not well-formed XML: the document breaks off"],
        );
    }
}
