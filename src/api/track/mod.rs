//! Tracks in four formats, written as they are read: memory holds one page of fixes.

mod csv;
mod geojson;
mod gpx;
mod ndjson;

use std::fmt::Write as _;

use crate::model::vehicle::{UnknownName, named_enum};
use crate::model::{DriverId, Fix, LocalZone, Plate, Timestamp};

named_enum! {
    /// Format of a track.
    TrackFormat {
        /// GeoJSON lines, with the times beside them.
        GeoJson = "geojson",
        /// GPX 1.1.
        Gpx = "gpx",
        /// The columns of a fixes file.
        Csv = "csv",
        /// The lines of a fixes file.
        Ndjson = "ndjson",
    }
}

impl TrackFormat {
    /// Every content type, as the description of the API lists them.
    pub(super) const CONTENT_TYPES: [&'static str; 4] = [
        "application/geo+json",
        "application/gpx+xml",
        "text/csv",
        "application/x-ndjson",
    ];

    /// Its content type.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::GeoJson => "application/geo+json",
            Self::Gpx => "application/gpx+xml",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

/// What a writer must know beside the fixes.
#[derive(Clone, Debug)]
pub struct TrackHead {
    /// Whose track.
    pub plate: Plate,
    /// Zone of the times.
    pub zone: LocalZone,
}

/// A fix with its driver's licence.
#[derive(Clone, Copy, Debug)]
pub struct TrackFix<'a> {
    /// The fix.
    pub fix: &'a Fix,
    /// Licence of its driver, where known.
    pub driver: Option<&'a str>,
}

/// Writes a track piece by piece.
#[derive(Debug)]
pub struct TrackWriter {
    format: TrackFormat,
    head: TrackHead,
    /// The last position of the page before, so that lines join.
    joint: Option<Fix>,
    /// Features written so far.
    features: u32,
    /// Where fixes may be missing.
    missing: Vec<Missing>,
}

/// A stretch in which fixes may be missing, as the end of a track tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Missing {
    from: Timestamp,
    to: Timestamp,
}

impl TrackWriter {
    /// A writer for one track.
    pub fn new(format: TrackFormat, head: TrackHead) -> Self {
        Self {
            format,
            head,
            joint: None,
            features: 0,
            missing: Vec::new(),
        }
    }

    /// Notes that fixes from `from` on and before `to` may be missing; the end of the track tells it, in the
    /// data formats by a line that no reader takes for a fix.
    pub fn missing(&mut self, from: Timestamp, to: Timestamp) {
        match self.missing.last_mut() {
            // Pages and files tell the same stretch in pieces.
            Some(last) if last.from <= from && from <= last.to => last.to = last.to.max(to),
            _ => self.missing.push(Missing { from, to }),
        }
    }

    /// What stands before the fixes.
    pub fn begin(&self) -> String {
        match self.format {
            TrackFormat::GeoJson => geojson::BEGIN.to_owned(),
            TrackFormat::Gpx => gpx::begin(&self.head),
            TrackFormat::Csv => csv::BEGIN.to_owned(),
            TrackFormat::Ndjson => String::new(),
        }
    }

    /// A page of fixes, in order of fix time.
    ///
    /// The two drawing formats leave out what is not fit to be drawn: fixes without a position and
    /// those that were stored as implausible. The two data formats hold all, with the reasons.
    pub fn page(&mut self, fixes: &[Fix], licence: impl Fn(DriverId) -> Option<String>) -> String {
        let mut text = String::with_capacity(fixes.len() * 160);
        match self.format {
            TrackFormat::GeoJson => {
                let drawn: Vec<&Fix> = self
                    .joint
                    .iter()
                    .chain(fixes)
                    .filter(|fix| fix.quality.is_judged())
                    .collect();
                let joined = usize::from(self.joint.is_some());
                if drawn.len() > joined {
                    if self.features > 0 {
                        text.push(',');
                    }
                    geojson::feature(&mut text, &self.head, &drawn);
                    self.features += 1;
                    self.joint = drawn.last().map(|fix| **fix);
                }
            }
            TrackFormat::Gpx => {
                for fix in fixes.iter().filter(|fix| fix.quality.is_judged()) {
                    gpx::point(&mut text, self.head.zone, fix);
                }
            }
            TrackFormat::Csv | TrackFormat::Ndjson => {
                for fix in fixes {
                    let driver = fix.driver.and_then(&licence);
                    let item = TrackFix {
                        fix,
                        driver: driver.as_deref(),
                    };
                    if self.format == TrackFormat::Csv {
                        csv::row(&mut text, &self.head, item);
                    } else {
                        ndjson::line(&mut text, &self.head, item);
                    }
                }
            }
        }
        text
    }

    /// What stands after the fixes: which are missing, and the end.
    pub fn end(&self) -> String {
        let mut text = String::new();
        match self.format {
            TrackFormat::GeoJson => geojson::end(&mut text, &self.head, &self.missing),
            TrackFormat::Gpx => gpx::end(&mut text, &self.head, &self.missing),
            TrackFormat::Csv => {
                for missing in &self.missing {
                    csv::missing(&mut text, &self.head, missing);
                }
            }
            TrackFormat::Ndjson => {
                for missing in &self.missing {
                    ndjson::missing(&mut text, &self.head, missing);
                }
            }
        }
        text
    }
}

/// Reads a format's name; `json` and `jsonl` are taken for the formats that they mean here.
///
/// # Errors
/// [`UnknownName`] for any other name.
pub fn format_named(name: &str) -> Result<TrackFormat, UnknownName> {
    match name {
        "json" => Ok(TrackFormat::GeoJson),
        "jsonl" => Ok(TrackFormat::Ndjson),
        other => other.parse(),
    }
}

/// Writes a value; writing to a string cannot fail.
fn push(text: &mut String, value: impl std::fmt::Display) {
    write!(text, "{value}").unwrap_or_default();
}

/// Writes a value where there is one.
fn push_opt(text: &mut String, value: Option<impl std::fmt::Display>) {
    if let Some(value) = value {
        push(text, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Course, Events, Odometer, PlateColor, Position, Quality, Source, Speed, Timestamp,
        VehicleId,
    };

    fn fix(second: i64, lat: f64) -> Fix {
        let time = Timestamp::from_rfc3339("2026-11-21T08:00:00+08:00").unwrap()
            + crate::model::Span::from_seconds(second);
        Fix {
            vehicle: VehicleId(1),
            time,
            received: time,
            position: Position::from_degrees(lat, 112.9).unwrap(),
            speed: Speed::from_dkmh(875),
            course: Course::from_degrees(90),
            altitude_m: None,
            odometer: Odometer::from_km(1234.5),
            alarm: 0,
            status: 3,
            passengers: None,
            events: Events::NONE,
            driver: Some(DriverId(7)),
            source: Source::Http,
            quality: Quality::GOOD,
        }
    }

    fn check(format: TrackFormat, pages: &[&[Fix]], expected: &str) {
        let head = TrackHead {
            plate: Plate::new("湘A12345", PlateColor::Yellow).unwrap(),
            zone: LocalZone::default(),
        };
        let mut writer = TrackWriter::new(format, head);
        let mut text = writer.begin();
        for page in pages {
            text.push_str(&writer.page(page, |id| (id == DriverId(7)).then(|| "430-7".into())));
        }
        text.push_str(&writer.end());
        assert_eq!(text, expected, "{format}");
    }

    #[test]
    fn ndjson_lines_are_those_of_a_fixes_file() {
        let mut bad = fix(10, 28.2);
        bad.quality = Quality::JUMP;
        bad.driver = None;
        check(
            TrackFormat::Ndjson,
            &[&[fix(0, 28.1)], &[bad]],
            concat!(
                r#"{"plate":"湘A12345","plate_color":"yellow","time":"2026-11-21T08:00:00+08:00","#,
                r#""lat":28.1,"lon":112.9,"speed_kmh":87.5,"course_deg":90,"altitude_m":null,"#,
                r#""odometer_km":1234.5,"alarm":0,"status":3,"driver":"430-7","#,
                r#""received":"2026-11-21T08:00:00+08:00","quality":[],"passengers":null,"events":null}"#,
                "\n",
                r#"{"plate":"湘A12345","plate_color":"yellow","time":"2026-11-21T08:00:10+08:00","#,
                r#""lat":28.2,"lon":112.9,"speed_kmh":87.5,"course_deg":90,"altitude_m":null,"#,
                r#""odometer_km":1234.5,"alarm":0,"status":3,"driver":null,"#,
                r#""received":"2026-11-21T08:00:10+08:00","quality":["jump"],"passengers":null,"events":null}"#,
                "\n",
            ),
        );
    }

    #[test]
    fn csv_has_the_same_names_as_columns() {
        check(
            TrackFormat::Csv,
            &[&[fix(0, 28.1)]],
            concat!(
                "plate,plate_color,time,lat,lon,speed_kmh,course_deg,altitude_m,odometer_km,alarm,",
                "status,driver,received,quality,passengers,events\n",
                "湘A12345,yellow,2026-11-21T08:00:00+08:00,28.1,112.9,87.5,90,,1234.5,0,3,430-7,",
                "2026-11-21T08:00:00+08:00,,,\n",
            ),
        );
    }

    #[test]
    fn gpx_is_one_track() {
        check(
            TrackFormat::Gpx,
            &[&[fix(0, 28.1)]],
            concat!(
                r#"<?xml version="1.0" encoding="UTF-8"?>"#,
                "\n",
                r#"<gpx version="1.1" creator="roadwarden" xmlns="http://www.topografix.com/GPX/1/1" "#,
                r#"xmlns:rw="urn:roadwarden:gpx"><trk><name>湘A12345</name>"#,
                "<desc>yellow</desc><trkseg>\n",
                r#"<trkpt lat="28.1" lon="112.9"><time>2026-11-21T08:00:00+08:00</time>"#,
                "<extensions><rw:speed_kmh>87.5</rw:speed_kmh>",
                "<rw:course_deg>90</rw:course_deg></extensions></trkpt>\n",
                "</trkseg></trk></gpx>\n",
            ),
        );
    }

    #[test]
    fn geojson_lines_join_over_pages_and_skip_what_cannot_be_drawn() {
        let mut bad = fix(5, 10.0);
        bad.quality = Quality::JUMP;
        check(
            TrackFormat::GeoJson,
            &[
                &[fix(0, 28.1), bad, fix(10, 28.2)],
                &[bad],
                &[fix(20, 28.3)],
            ],
            concat!(
                r#"{"type":"FeatureCollection","features":["#,
                r#"{"type":"Feature","geometry":{"type":"LineString","coordinates":"#,
                r#"[[112.9,28.1],[112.9,28.2]]},"properties":{"plate":"湘A12345","#,
                r#""plate_color":"yellow","times":["2026-11-21T08:00:00+08:00","#,
                r#""2026-11-21T08:00:10+08:00"],"speeds_kmh":[87.5,87.5]}},"#,
                r#"{"type":"Feature","geometry":{"type":"LineString","coordinates":"#,
                r#"[[112.9,28.2],[112.9,28.3]]},"properties":{"plate":"湘A12345","#,
                r#""plate_color":"yellow","times":["2026-11-21T08:00:10+08:00","#,
                r#""2026-11-21T08:00:20+08:00"],"speeds_kmh":[87.5,87.5]}}]}"#,
            ),
        );
        check(
            TrackFormat::GeoJson,
            &[&[]],
            r#"{"type":"FeatureCollection","features":[]}"#,
        );
    }

    #[test]
    fn every_format_tells_what_is_missing() {
        let check = |format: TrackFormat, expected: &str| {
            let head = TrackHead {
                plate: Plate::new("湘A12345", PlateColor::Yellow).unwrap(),
                zone: LocalZone::default(),
            };
            let mut writer = TrackWriter::new(format, head);
            writer.missing(fix(0, 28.1).time, fix(10, 28.1).time);
            writer.missing(fix(10, 28.1).time, fix(20, 28.1).time);
            assert_eq!(writer.end(), expected, "{format}");
        };
        let stretch = r#""from":"2026-11-21T08:00:00+08:00","to":"2026-11-21T08:00:20+08:00""#;
        check(
            TrackFormat::GeoJson,
            &format!(r#"],"missing":[{{{stretch}}}]}}"#),
        );
        check(
            TrackFormat::Ndjson,
            &format!(
                "{{\"plate\":\"湘A12345\",\"plate_color\":\"yellow\",\"missing\":{{{stretch}}}}}\n"
            ),
        );
        check(
            TrackFormat::Csv,
            "湘A12345,yellow,missing 2026-11-21T08:00:00+08:00/2026-11-21T08:00:20+08:00,,,,,,,,,,,,,\n",
        );
        check(
            TrackFormat::Gpx,
            concat!(
                "</trkseg></trk><extensions>",
                r#"<rw:missing from="2026-11-21T08:00:00+08:00" to="2026-11-21T08:00:20+08:00"/>"#,
                "</extensions></gpx>\n",
            ),
        );
    }
}
