//! A track as NDJSON with the fields of a fixes file, so that it can be replayed.

use serde::Serialize;

use super::{Missing, TrackFix, TrackHead};
use crate::model::{Course, Odometer};

/// One line of a fixes file, and what we know beside.
#[derive(Debug, Serialize)]
struct Line<'a> {
    plate: &'a str,
    plate_color: &'a str,
    time: String,
    lat: f64,
    lon: f64,
    speed_kmh: f64,
    course_deg: Option<u16>,
    altitude_m: Option<i16>,
    odometer_km: Option<f64>,
    alarm: u32,
    status: u32,
    driver: Option<&'a str>,
    received: String,
    quality: Vec<&'static str>,
    passengers: Option<u16>,
    events: Option<String>,
}

/// One line.
pub(super) fn line(text: &mut String, head: &TrackHead, item: TrackFix<'_>) {
    let fix = item.fix;
    let line = Line {
        plate: &head.plate.text,
        plate_color: head.plate.color.name(),
        time: head.zone.rfc3339(fix.time),
        lat: fix.position.lat(),
        lon: fix.position.lon(),
        speed_kmh: fix.speed.kmh(),
        course_deg: fix.course.map(Course::degrees),
        altitude_m: fix.altitude_m,
        odometer_km: fix.odometer.map(Odometer::km),
        alarm: fix.alarm,
        status: fix.status,
        driver: item.driver,
        received: head.zone.rfc3339(fix.received),
        quality: fix.quality.names(),
        passengers: fix.passengers,
        events: (!fix.events.is_empty()).then(|| fix.events.to_string()),
    };
    // A struct of plain values always serialises.
    if let Ok(json) = serde_json::to_string(&line) {
        text.push_str(&json);
        text.push('\n');
    }
}

/// A line that says which fixes are missing.
#[derive(Debug, Serialize)]
struct MissingLine<'a> {
    plate: &'a str,
    plate_color: &'a str,
    missing: Stretch,
}

/// From when to when, in local time.
#[derive(Debug, Serialize)]
struct Stretch {
    from: String,
    to: String,
}

/// A line for a stretch whose fixes are missing.
pub(super) fn missing(text: &mut String, head: &TrackHead, missing: &Missing) {
    let line = MissingLine {
        plate: &head.plate.text,
        plate_color: head.plate.color.name(),
        missing: Stretch {
            from: head.zone.rfc3339(missing.from),
            to: head.zone.rfc3339(missing.to),
        },
    };
    // A struct of plain values always serialises.
    if let Ok(json) = serde_json::to_string(&line) {
        text.push_str(&json);
        text.push('\n');
    }
}
