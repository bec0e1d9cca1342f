//! A track as CSV with the columns of a fixes file, so that it can be replayed.

use super::{Missing, TrackFix, TrackHead, push, push_opt};

/// The header row.
pub(super) const BEGIN: &str = concat!(
    "plate,plate_color,time,lat,lon,speed_kmh,course_deg,altitude_m,odometer_km,alarm,",
    "status,driver,received,quality,passengers,events\n"
);

/// One row.
pub(super) fn row(text: &mut String, head: &TrackHead, item: TrackFix<'_>) {
    let fix = item.fix;
    quoted(text, &head.plate.text);
    text.push(',');
    text.push_str(head.plate.color.name());
    text.push(',');
    text.push_str(&head.zone.rfc3339(fix.time));
    text.push(',');
    push(text, fix.position.lat());
    text.push(',');
    push(text, fix.position.lon());
    text.push(',');
    push(text, fix.speed.kmh());
    text.push(',');
    push_opt(text, fix.course.map(crate::model::Course::degrees));
    text.push(',');
    push_opt(text, fix.altitude_m);
    text.push(',');
    push_opt(text, fix.odometer.map(crate::model::Odometer::km));
    text.push(',');
    push(text, fix.alarm);
    text.push(',');
    push(text, fix.status);
    text.push(',');
    quoted(text, item.driver.unwrap_or_default());
    text.push(',');
    text.push_str(&head.zone.rfc3339(fix.received));
    text.push(',');
    text.push_str(&fix.quality.names().join(" "));
    text.push(',');
    push_opt(text, fix.passengers);
    text.push(',');
    text.push_str(&fix.events.to_string());
    text.push('\n');
}

/// A row that says which fixes are missing where a fix has its time.
pub(super) fn missing(text: &mut String, head: &TrackHead, missing: &Missing) {
    quoted(text, &head.plate.text);
    text.push(',');
    text.push_str(head.plate.color.name());
    text.push_str(",missing ");
    text.push_str(&head.zone.rfc3339(missing.from));
    text.push('/');
    text.push_str(&head.zone.rfc3339(missing.to));
    let columns = BEGIN.matches(',').count();
    text.push_str(&",".repeat(columns - 2));
    text.push('\n');
}

/// A cell, quoted where it must be.
fn quoted(text: &mut String, cell: &str) {
    if cell.contains([',', '"', '\n', '\r']) {
        text.push('"');
        text.push_str(&cell.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(cell);
    }
}
