//! A track as GeoJSON: lines of at most one page each, every line beginning where the last ended.

use super::{Missing, TrackHead, push};
use crate::model::Fix;

/// Before the features.
pub(super) const BEGIN: &str = r#"{"type":"FeatureCollection","features":["#;

/// After the features: which fixes are missing.
pub(super) fn end(text: &mut String, head: &TrackHead, missing: &[Missing]) {
    text.push(']');
    for (index, stretch) in missing.iter().enumerate() {
        text.push_str(if index == 0 { r#","missing":["# } else { "," });
        text.push_str(r#"{"from":""#);
        text.push_str(&head.zone.rfc3339(stretch.from));
        text.push_str(r#"","to":""#);
        text.push_str(&head.zone.rfc3339(stretch.to));
        text.push_str(r#""}"#);
    }
    text.push_str(if missing.is_empty() { "}" } else { "]}" });
}

/// One line, or a point where there is only one fix.
pub(super) fn feature(text: &mut String, head: &TrackHead, fixes: &[&Fix]) {
    let single = fixes.len() == 1;
    text.push_str(r#"{"type":"Feature","geometry":{"type":""#);
    text.push_str(if single { "Point" } else { "LineString" });
    text.push_str(r#"","coordinates":"#);
    let coordinate = |text: &mut String, fix: &Fix| {
        text.push('[');
        push(text, fix.position.lon());
        text.push(',');
        push(text, fix.position.lat());
        text.push(']');
    };
    if single {
        for fix in fixes {
            coordinate(text, fix);
        }
    } else {
        list(text, fixes, coordinate);
    }
    text.push_str(r#"},"properties":{"plate":"#);
    push(text, serde_json::Value::from(head.plate.text.as_str()));
    text.push_str(r#","plate_color":""#);
    text.push_str(head.plate.color.name());
    text.push_str(r#"","times":"#);
    list(text, fixes, |text, fix| {
        text.push('"');
        text.push_str(&head.zone.rfc3339(fix.time));
        text.push('"');
    });
    text.push_str(r#","speeds_kmh":"#);
    list(text, fixes, |text, fix| push(text, fix.speed.kmh()));
    text.push_str("}}");
}

fn list(text: &mut String, fixes: &[&Fix], item: impl Fn(&mut String, &Fix)) {
    text.push('[');
    for (index, fix) in fixes.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        item(text, fix);
    }
    text.push(']');
}
