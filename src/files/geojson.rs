//! GeoJSON as far as routes and areas need it. Source: RFC 7946.

use std::path::Path;

use serde_json::{Map, Value};

use super::problem::{Notes, Problems};
use crate::model::{Position, Speed};

/// Most points of one file: a bound on memory, far over any county's network.
const POINTS_MAX: usize = 5_000_000;

/// A feature: its number from 1, properties and geometry.
pub(super) struct Feature<'a> {
    pub(super) number: u64,
    properties: Option<&'a Map<String, Value>>,
    pub(super) geometry: &'a Value,
}

/// Reads a file of features, each by `read`, which notes what is wrong and gives `None` then.
///
/// # Errors
///
/// Every problem of every feature; nothing of the file is then to be used.
pub(super) fn read_features<T>(
    path: &Path,
    mut read: impl FnMut(&Feature<'_>, &mut Notes<'_>) -> Option<T>,
) -> Result<Vec<T>, Problems> {
    let name = path
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut problems = Problems::default();
    let mut notes = Notes::new(&name, &mut problems);
    let mut items = Vec::new();
    match load(path) {
        Ok(document) => {
            for feature in features(&document, &mut notes) {
                items.extend(read(&feature, &mut notes));
            }
        }
        Err((code, message)) => notes.add(0, "", code, message),
    }
    if problems.0.is_empty() {
        Ok(items)
    } else {
        Err(problems)
    }
}

fn load(path: &Path) -> Result<Value, (&'static str, String)> {
    let bytes = std::fs::read(path).map_err(|error| ("unreadable_file", error.to_string()))?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    serde_json::from_slice(bytes).map_err(|error| ("bad_json", error.to_string()))
}

fn features<'a>(document: &'a Value, notes: &mut Notes<'_>) -> Vec<Feature<'a>> {
    let list = match document.get("type").and_then(Value::as_str) {
        Some("FeatureCollection") => document.get("features").and_then(Value::as_array),
        _ => None,
    };
    let Some(list) = list else {
        notes.add(0, "type", "bad_geojson", "must be a FeatureCollection");
        return Vec::new();
    };
    let mut features = Vec::with_capacity(list.len());
    for (feature, number) in list.iter().zip(1..) {
        if feature.get("type").and_then(Value::as_str) == Some("Feature") {
            features.push(Feature {
                number,
                properties: feature.get("properties").and_then(Value::as_object),
                geometry: feature.get("geometry").unwrap_or(&Value::Null),
            });
        } else {
            notes.add(number, "type", "bad_geojson", "must be a Feature");
        }
    }
    features
}

impl<'a> Feature<'a> {
    /// A property; `None` when absent or null.
    pub(super) fn property(&self, name: &str) -> Option<&'a Value> {
        self.properties?.get(name).filter(|value| !value.is_null())
    }

    /// A property that must be text or a number, and not empty.
    pub(super) fn required_text(
        &self,
        name: &'static str,
        notes: &mut Notes<'_>,
    ) -> Option<String> {
        let text = match self.property(name) {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => {
                notes.add(self.number, name, "bad_value", "must be text");
                return None;
            }
            None => String::new(),
        };
        if text.is_empty() {
            notes.add(self.number, name, "missing_field", "must not be empty");
            return None;
        }
        Some(text)
    }

    /// An optional property read by `read`: `Some(None)` when absent, `None` when bad.
    #[expect(
        clippy::option_option,
        reason = "bad, absent and there are three things"
    )]
    pub(super) fn optional<T>(
        &self,
        name: &'static str,
        expected: &'static str,
        read: impl FnOnce(&Value) -> Option<T>,
        notes: &mut Notes<'_>,
    ) -> Option<Option<T>> {
        let Some(value) = self.property(name) else {
            return Some(None);
        };
        let found = read(value);
        if found.is_none() {
            let message = format!("must be {expected}");
            notes.add(self.number, name, "bad_value", message);
        }
        found.map(Some)
    }

    /// A speed limit in km/h, over 0 and at most 200.
    #[expect(
        clippy::option_option,
        reason = "bad, absent and there are three things"
    )]
    pub(super) fn limit(&self, notes: &mut Notes<'_>) -> Option<Option<Speed>> {
        let read = |value: &Value| {
            let kmh = value.as_f64().filter(|kmh| (0.1..=200.0).contains(kmh))?;
            Speed::from_kmh(kmh)
        };
        self.optional("limit_kmh", "a number over 0 and at most 200", read, notes)
    }

    /// Notes a geometry that is not usable.
    pub(super) fn bad_geometry(&self, message: &str, notes: &mut Notes<'_>) {
        notes.add(self.number, "geometry", "bad_geometry", message);
    }
}

/// A list of `[lon, lat]` or `[lon, lat, height]`; `None` when any is not a place.
pub(super) fn positions(value: &Value) -> Option<Vec<Position>> {
    let list = value.as_array().filter(|list| list.len() <= POINTS_MAX)?;
    list.iter()
        .map(|point| {
            let [lon, lat, ..] = point.as_array()?.as_slice() else {
                return None;
            };
            Position::from_degrees(lat.as_f64()?, lon.as_f64()?)
        })
        .collect()
}
