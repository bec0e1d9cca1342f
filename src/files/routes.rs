//! Planned routes from GeoJSON: `LineString` features with `id`, `name`, `half_width_m`.
//!
//! Three more properties are ours: `limit_kmh`, a limit along the route, `road` (`expressway` or
//! `other`), the column of the points table, and `stops`, a list of `[lon, lat]` where the vehicle
//! may stop beside the ends of the line.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::geojson::{Feature, positions, read_features};
use super::problem::{Notes, Problems};
use crate::model::route::{RoadKind, Route};

/// Half-width of a route that gives none. Unit: m. Source: contract section 3.
const HALF_WIDTH_M: f64 = 100.0;

/// Half-widths that make sense. Unit: m.
const HALF_WIDTH_M_RANGE: std::ops::RangeInclusive<f64> = 1.0..=50_000.0;

/// Reads a file of routes.
///
/// # Errors
///
/// Every bad feature, with its number from 1.
pub fn read(path: &Path) -> Result<Vec<Route>, Problems> {
    let mut ids = BTreeSet::new();
    read_features(path, |feature, notes| {
        let route = read_route(feature, notes)?;
        if ids.insert(route.id.clone()) {
            return Some(route);
        }
        let message = format!("{:?} stands here twice", route.id);
        notes.add(feature.number, "id", "duplicate_id", message);
        None
    })
}

fn read_route(feature: &Feature<'_>, notes: &mut Notes<'_>) -> Option<Route> {
    let id = feature.required_text("id", notes);
    let name = feature.required_text("name", notes);
    let half_width = feature.optional(
        "half_width_m",
        "a number from 1 to 50000",
        |value| {
            value
                .as_f64()
                .filter(|metres| HALF_WIDTH_M_RANGE.contains(metres))
        },
        notes,
    );
    let limit = feature.limit(notes);
    let road = feature.optional(
        "road",
        "expressway or other",
        |value| value.as_str()?.parse::<RoadKind>().ok(),
        notes,
    );
    let stops = feature.optional("stops", "a list of [lon, lat] in degrees", positions, notes);
    let line = read_line(feature, notes);
    Some(Route {
        id: id?,
        name: name?,
        half_width_m: half_width?.unwrap_or(HALF_WIDTH_M),
        line: line?,
        stops: stops?.unwrap_or_default(),
        limit: limit?,
        road: road?,
    })
}

fn read_line(feature: &Feature<'_>, notes: &mut Notes<'_>) -> Option<Vec<crate::model::Position>> {
    let geometry = feature.geometry;
    if geometry.get("type").and_then(Value::as_str) != Some("LineString") {
        feature.bad_geometry("must be a LineString", notes);
        return None;
    }
    let line = geometry.get("coordinates").and_then(positions);
    let Some(mut line) = line else {
        feature.bad_geometry("has a coordinate that is not [lon, lat] in degrees", notes);
        return None;
    };
    line.dedup();
    if line.len() < 2 {
        feature.bad_geometry("needs two different points", notes);
        return None;
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<Route>, Problems> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("routes.geojson");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    fn check(features: &str, expected: &[&str]) {
        let text = format!("{{\"type\":\"FeatureCollection\",\"features\":[{features}]}}");
        let problems = read_text(&text).unwrap_err();
        let told: Vec<_> = problems.0.iter().map(ToString::to_string).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_route_with_all_properties_is_read() {
        let routes = read_text(
            r#"{"type":"FeatureCollection","features":[
              {"type":"Feature","properties":{"id":"R1","name":"一线","half_width_m":60,"limit_kmh":60,"road":"other"},
               "geometry":{"type":"LineString","coordinates":[[112.9,28.1],[112.9,28.1],[113.0,28.2,30]]}},
              {"type":"Feature","properties":{"id":2,"name":"二线","half_width_m":null},
               "geometry":{"type":"LineString","coordinates":[[112.9,28.1],[113.0,28.2]]}}]}"#,
        )
        .unwrap();
        assert_eq!(routes[0].line.len(), 2);
        assert_eq!(routes[0].limit.unwrap().mkmh(), 60_000);
        assert_eq!(routes[0].road, Some(RoadKind::Other));
        assert_eq!((routes[1].id.as_str(), routes[1].limit), ("2", None));
        assert!((routes[1].half_width_m - 100.0).abs() < f64::EPSILON);
    }

    #[test]
    fn every_bad_feature_is_told() {
        check(
            r#"{"type":"Feature","properties":{"name":"a","half_width_m":-1},
                "geometry":{"type":"Point","coordinates":[1,2]}},
               {"type":"Feature","properties":{"id":"R","name":"a"},
                "geometry":{"type":"LineString","coordinates":[[200,2],[1,2]]}},
               {"type":"Feature","properties":{"id":"R","name":"a","limit_kmh":0},
                "geometry":{"type":"LineString","coordinates":[[1,2],[1,2]]}},
               7"#,
            &[
                "routes.geojson:4: type: must be a Feature (bad_geojson)",
                "routes.geojson:1: id: must not be empty (missing_field)",
                "routes.geojson:1: half_width_m: must be a number from 1 to 50000 (bad_value)",
                "routes.geojson:1: geometry: must be a LineString (bad_geometry)",
                "routes.geojson:2: geometry: has a coordinate that is not [lon, lat] in degrees (bad_geometry)",
                "routes.geojson:3: limit_kmh: must be a number over 0 and at most 200 (bad_value)",
                "routes.geojson:3: geometry: needs two different points (bad_geometry)",
            ],
        );
    }

    #[test]
    fn what_is_not_geojson_is_one_problem() {
        assert_eq!(read_text("{}").unwrap_err().0[0].code, "bad_geojson");
        assert_eq!(read_text("{").unwrap_err().0[0].code, "bad_json");
        let absent = read(Path::new("/nowhere/routes.geojson")).unwrap_err();
        assert_eq!(absent.0[0].code, "unreadable_file");
    }
}
