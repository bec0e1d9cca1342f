//! Areas from GeoJSON: Polygon and `MultiPolygon` features with `id`, `name`, `kind`,
//! `limit_kmh`, `hours`, `classes`. Source: contract section 3.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::geojson::{Feature, positions, read_features};
use super::problem::{Notes, Problems};
use crate::model::route::{Area, AreaKind};
use crate::model::{Position, VehicleClass};

/// Reads a file of areas.
///
/// # Errors
///
/// Every bad feature, with its number from 1.
pub fn read(path: &Path) -> Result<Vec<Area>, Problems> {
    let mut ids = BTreeSet::new();
    read_features(path, |feature, notes| {
        let area = read_area(feature, notes)?;
        if ids.insert(area.id.clone()) {
            return Some(area);
        }
        let message = format!("{:?} stands here twice", area.id);
        notes.add(feature.number, "id", "duplicate_id", message);
        None
    })
}

fn read_area(feature: &Feature<'_>, notes: &mut Notes<'_>) -> Option<Area> {
    let id = feature.required_text("id", notes);
    let name = feature.required_text("name", notes);
    let kind = feature.required_text("kind", notes).and_then(|text| {
        let kind = text.parse::<AreaKind>().ok();
        if kind.is_none() {
            let message = format!("{text:?} is not forbidden, stay_within or speed_limit");
            notes.add(feature.number, "kind", "bad_kind", message);
        }
        kind
    });
    let limit = feature.limit(notes);
    if kind == Some(AreaKind::SpeedLimit) && limit == Some(None) {
        notes.add(
            feature.number,
            "limit_kmh",
            "missing_field",
            "a speed_limit area needs one",
        );
    }
    let hours = feature.optional(
        "hours",
        "two times of day such as 22:00-06:00",
        |value| hours(value.as_str()?),
        notes,
    );
    let classes = feature.optional("classes", "a list of vehicle classes", classes, notes);
    let polygons = polygons(feature.geometry);
    if polygons.is_none() {
        feature.bad_geometry(
            "must be a Polygon or MultiPolygon of closed rings of [lon, lat]",
            notes,
        );
    }
    Some(Area {
        id: id?,
        name: name?,
        kind: kind?,
        limit: limit?,
        hours: hours?,
        classes: classes?,
        polygons: polygons?,
    })
}

fn hours(text: &str) -> Option<(u16, u16)> {
    let minute = |text: &str| {
        let (hour, minute) = text.trim().split_once(':')?;
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        (minute < 60 && hour * 60 + minute <= 24 * 60 && hour <= 24).then_some(hour * 60 + minute)
    };
    let (from, to) = text.split_once('-')?;
    Some((minute(from)?, minute(to)?))
}

fn classes(value: &Value) -> Option<Vec<VehicleClass>> {
    let list = value.as_array()?;
    list.iter()
        .map(|class| class.as_str()?.parse().ok())
        .collect()
}

fn polygons(geometry: &Value) -> Option<Vec<Vec<Vec<Position>>>> {
    let coordinates = geometry.get("coordinates")?;
    match geometry.get("type").and_then(Value::as_str)? {
        "Polygon" => Some(vec![rings(coordinates)?]),
        "MultiPolygon" => {
            let list = coordinates.as_array().filter(|list| !list.is_empty())?;
            list.iter().map(rings).collect()
        }
        _ => None,
    }
}

/// Rings are closed and have at least four points. Source: RFC 7946 section 3.1.6.
fn rings(value: &Value) -> Option<Vec<Vec<Position>>> {
    let list = value.as_array().filter(|list| !list.is_empty())?;
    list.iter()
        .map(|ring| positions(ring).filter(|ring| ring.len() >= 4 && ring.first() == ring.last()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(features: &str) -> Result<Vec<Area>, Problems> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("areas.geojson");
        let text = format!("{{\"type\":\"FeatureCollection\",\"features\":[{features}]}}");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    const RING: &str = "[[112,28],[113,28],[113,29],[112,28]]";

    #[test]
    fn an_area_with_all_properties_is_read() {
        let areas = read_text(&format!(
            r#"{{"type":"Feature","properties":{{"id":"A1","name":"城区","kind":"speed_limit","limit_kmh":40,
               "hours":"22:00-06:00","classes":["hazmat"]}},
               "geometry":{{"type":"Polygon","coordinates":[{RING}]}}}},
               {{"type":"Feature","properties":{{"id":"A2","name":"禁区","kind":"forbidden","limit_kmh":null,"hours":null,"classes":null}},
               "geometry":{{"type":"MultiPolygon","coordinates":[[{RING}],[{RING}]]}}}}"#
        ))
        .unwrap();
        assert_eq!(areas[0].hours, Some((22 * 60, 6 * 60)));
        assert_eq!(areas[0].classes, Some(vec![VehicleClass::Hazmat]));
        assert_eq!((areas[1].limit, areas[1].polygons.len()), (None, 2));
    }

    #[test]
    fn every_bad_feature_is_told() {
        let problems = read_text(
            r#"{"type":"Feature","properties":{"id":"A1","name":"a","kind":"speed_limit","hours":"22-6","classes":["bus"]},
               "geometry":{"type":"Polygon","coordinates":[[[1,2],[3,4],[5,6]]]}},
               {"type":"Feature","properties":{"id":"A1","name":"a","kind":"x"},"geometry":null}"#,
        )
        .unwrap_err();
        let told: Vec<_> = problems
            .0
            .iter()
            .map(|problem| format!("{} {} {}", problem.line, problem.field, problem.code))
            .collect();
        assert_eq!(
            told,
            [
                "1 limit_kmh missing_field",
                "1 hours bad_value",
                "1 classes bad_value",
                "1 geometry bad_geometry",
                "2 kind bad_kind",
                "2 geometry bad_geometry",
            ]
        );
    }
}
