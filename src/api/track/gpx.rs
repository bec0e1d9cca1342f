//! A track as GPX 1.1; speed and course travel as extensions, because the format has no place.

use super::{Missing, TrackHead, push};
use crate::model::{Fix, LocalZone};

/// After the points: which of them are missing, as an extension.
pub(super) fn end(text: &mut String, head: &TrackHead, missing: &[Missing]) {
    text.push_str("</trkseg></trk>");
    if !missing.is_empty() {
        text.push_str("<extensions>");
        for stretch in missing {
            text.push_str(r#"<rw:missing from=""#);
            text.push_str(&head.zone.rfc3339(stretch.from));
            text.push_str(r#"" to=""#);
            text.push_str(&head.zone.rfc3339(stretch.to));
            text.push_str(r#""/>"#);
        }
        text.push_str("</extensions>");
    }
    text.push_str("</gpx>\n");
}

/// Before the points.
pub(super) fn begin(head: &TrackHead) -> String {
    let mut text = String::from(concat!(
        r#"<?xml version="1.0" encoding="UTF-8"?>"#,
        "\n",
        r#"<gpx version="1.1" creator="roadwarden" xmlns="http://www.topografix.com/GPX/1/1" "#,
        r#"xmlns:rw="urn:roadwarden:gpx"><trk><name>"#,
    ));
    text.push_str(&quick_xml::escape::escape(head.plate.text.as_str()));
    text.push_str("</name><desc>");
    text.push_str(head.plate.color.name());
    text.push_str("</desc><trkseg>\n");
    text
}

/// One point.
pub(super) fn point(text: &mut String, zone: LocalZone, fix: &Fix) {
    text.push_str(r#"<trkpt lat=""#);
    push(text, fix.position.lat());
    text.push_str(r#"" lon=""#);
    push(text, fix.position.lon());
    text.push_str(r#"">"#);
    if let Some(altitude_m) = fix.altitude_m {
        text.push_str("<ele>");
        push(text, altitude_m);
        text.push_str("</ele>");
    }
    text.push_str("<time>");
    text.push_str(&zone.rfc3339(fix.time));
    text.push_str("</time><extensions><rw:speed_kmh>");
    push(text, fix.speed.kmh());
    text.push_str("</rw:speed_kmh>");
    if let Some(course) = fix.course {
        text.push_str("<rw:course_deg>");
        push(text, course.degrees());
        text.push_str("</rw:course_deg>");
    }
    text.push_str("</extensions></trkpt>\n");
}
