//! Limits that the operator sets over the map's: CSV rows or drawn lines in GeoJSON.
//!
//! CSV columns: `id`, `limit_kmh`, `set_by`, and one of `way` (its identifier in OpenStreetMap, with
//! `direction` `forward` or `backward` where only one is meant) and `name` (name or number of a
//! road; with `from_lat`, `from_lon`, `to_lat`, `to_lon` only the part inside the box that these two
//! places span); where wanted `classes` (separated by spaces), `from` and `to` (days or times).
//! GeoJSON: `LineString` features with the properties `id`, `limit_kmh`, `set_by`, and where wanted
//! `half_width_m`, `one_direction`, `classes` (a list), `from`, `to`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::fleet::{since, until};
use super::geojson::{Feature, positions, read_features};
use super::problem::{Notes, Problems};
use super::table::{Row, Table};
use crate::model::road::{OverrideTarget, RoadOverride};
use crate::model::{LocalZone, Position, Speed, Timestamp, VehicleClass};

/// Limits that make sense. Unit: km/h.
const KMH: std::ops::RangeInclusive<f64> = 5.0..=160.0;
/// Half-width of a drawn line that gives none. Unit: m.
const HALF_WIDTH_M: f64 = 25.0;
/// Half-widths that make sense. Unit: m.
const HALF_WIDTH_M_RANGE: std::ops::RangeInclusive<f64> = 1.0..=500.0;

/// Most points of a drawn line: 1,000 km with one every 50 m.
const LINE_POINTS_MAX: usize = 20_000;

/// Reads a file by its ending, `.csv` or else GeoJSON; days without a time are days of `zone`.
///
/// # Errors
/// Every bad line or feature.
pub fn read(path: &Path, zone: &LocalZone) -> Result<Vec<RoadOverride>, Problems> {
    let is_table = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    if is_table {
        read_table(path, zone)
    } else {
        let mut ids = BTreeSet::new();
        read_features(path, |feature, notes| {
            let set = read_line(feature, zone, notes)?;
            unique(&mut ids, set, feature.number, notes)
        })
    }
}

fn read_table(path: &Path, zone: &LocalZone) -> Result<Vec<RoadOverride>, Problems> {
    let name = path
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut problems = Problems::default();
    let mut notes = Notes::new(&name, &mut problems);
    let mut sets = Vec::new();
    match std::fs::read(path) {
        Ok(bytes) => {
            let mut ids = BTreeSet::new();
            let table = Table::read(&bytes, &["id", "limit_kmh", "set_by"], &mut notes);
            for row in table.rows() {
                let set = read_row(&row, zone, &mut notes);
                sets.extend(set.and_then(|set| unique(&mut ids, set, row.line, &mut notes)));
            }
        }
        Err(error) => notes.add(0, "", "unreadable_file", error.to_string()),
    }
    if problems.0.is_empty() {
        Ok(sets)
    } else {
        Err(problems)
    }
}

fn unique(
    ids: &mut BTreeSet<String>,
    set: RoadOverride,
    line: u64,
    notes: &mut Notes<'_>,
) -> Option<RoadOverride> {
    if ids.insert(set.id.clone()) {
        return Some(set);
    }
    let message = format!("{:?} stands here twice", set.id);
    notes.add(line, "id", "duplicate_id", message);
    None
}

fn read_row(row: &Row<'_>, zone: &LocalZone, notes: &mut Notes<'_>) -> Option<RoadOverride> {
    let id = row.required("id", notes).map(ToOwned::to_owned);
    let set_by = row.required("set_by", notes).map(ToOwned::to_owned);
    let limit = row.required("limit_kmh", notes).and_then(|text| {
        let limit = text.parse().ok().and_then(limit_of);
        if limit.is_none() {
            notes.add(row.line, "limit_kmh", "bad_value", LIMIT_WANTED);
        }
        limit
    });
    let classes = row.parse_optional("classes", "bad_class", classes, notes);
    let from = row.parse_optional("from", "bad_time", |text| since(text, zone), notes);
    let to = row.parse_optional("to", "bad_time", |text| until(text, zone), notes);
    let target = row_target(row, notes);
    check_order(from, to, row.line, notes);
    Some(RoadOverride {
        id: id?,
        target: target?,
        limit: limit?,
        classes: classes?.unwrap_or_default(),
        from: from?,
        to: to?,
        set_by: set_by?,
    })
}

/// Notes a time that ends before it begins.
#[expect(
    clippy::option_option,
    reason = "bad, absent and there are three things"
)]
fn check_order(
    from: Option<Option<Timestamp>>,
    to: Option<Option<Timestamp>>,
    line: u64,
    notes: &mut Notes<'_>,
) {
    if let (Some(Some(from)), Some(Some(to))) = (from, to)
        && from >= to
    {
        notes.add(line, "to", "bad_range", "ends before it begins");
    }
}

const LIMIT_WANTED: &str = "must be a number from 5 to 160";

fn limit_of(kmh: f64) -> Option<Speed> {
    Speed::from_kmh(kmh).filter(|_| KMH.contains(&kmh))
}

fn classes(text: &str) -> Option<Vec<VehicleClass>> {
    text.split_whitespace()
        .map(|name| name.parse().ok())
        .collect()
}

/// The roads that a row means.
fn row_target(row: &Row<'_>, notes: &mut Notes<'_>) -> Option<OverrideTarget> {
    let way = row.parse_optional("way", "bad_value", |text| text.parse().ok(), notes)?;
    let direction = |text: &str| match text {
        "forward" => Some(false),
        "backward" => Some(true),
        _ => None,
    };
    let backward = row.parse_optional("direction", "bad_value", direction, notes)?;
    if backward.is_some() && way.is_none() {
        let message = "only a way has directions";
        notes.add(row.line, "direction", "bad_value", message);
        return None;
    }
    match (way, row.optional("name")) {
        (Some(id), None) => Some(OverrideTarget::Way { id, backward }),
        (None, Some(name)) => Some(OverrideTarget::Name {
            name: name.trim().to_owned(),
            stretch: stretch(row, notes)?,
        }),
        (Some(_), Some(_)) | (None, None) => {
            let message = "either way or name must be given";
            notes.add(row.line, "way", "bad_value", message);
            None
        }
    }
}

/// The two places that bound a stretch: `Some(None)` when none is given, `None` when they are bad.
#[expect(
    clippy::option_option,
    reason = "bad, absent and there are three things"
)]
fn stretch(row: &Row<'_>, notes: &mut Notes<'_>) -> Option<Option<(Position, Position)>> {
    let mut degrees = |column| {
        let read = |text: &str| text.parse::<f64>().ok();
        row.parse_optional(column, "bad_value", read, notes)
    };
    let all = (
        degrees("from_lat")?,
        degrees("from_lon")?,
        degrees("to_lat")?,
        degrees("to_lon")?,
    );
    match all {
        (None, None, None, None) => Some(None),
        (Some(from_lat), Some(from_lon), Some(to_lat), Some(to_lon)) => {
            let ends = Position::from_degrees(from_lat, from_lon)
                .zip(Position::from_degrees(to_lat, to_lon));
            if ends.is_none() {
                notes.add(row.line, "from_lat", "bad_value", "not two places on earth");
            }
            ends.map(Some)
        }
        _ => {
            let message = "a stretch needs from_lat, from_lon, to_lat and to_lon";
            notes.add(row.line, "from_lat", "missing_field", message);
            None
        }
    }
}

fn read_line(
    feature: &Feature<'_>,
    zone: &LocalZone,
    notes: &mut Notes<'_>,
) -> Option<RoadOverride> {
    let id = feature.required_text("id", notes);
    let set_by = feature.required_text("set_by", notes);
    let limit = feature.optional(
        "limit_kmh",
        "a number from 5 to 160",
        |value| limit_of(value.as_f64()?),
        notes,
    );
    if limit == Some(None) {
        notes.add(
            feature.number,
            "limit_kmh",
            "missing_field",
            "must not be empty",
        );
    }
    let width = |value: &Value| {
        value
            .as_f64()
            .filter(|metres| HALF_WIDTH_M_RANGE.contains(metres))
    };
    let half_width = feature.optional("half_width_m", "a number from 1 to 500", width, notes);
    let one_direction = feature.optional("one_direction", "true or false", Value::as_bool, notes);
    let names = |value: &Value| -> Option<Vec<VehicleClass>> {
        let list = value.as_array()?;
        list.iter()
            .map(|name| name.as_str()?.parse().ok())
            .collect()
    };
    let classes = feature.optional("classes", "a list of vehicle classes", names, notes);
    let from = feature.optional(
        "from",
        "a day or a time",
        |value| since(value.as_str()?, zone),
        notes,
    );
    let to = feature.optional(
        "to",
        "a day or a time",
        |value| until(value.as_str()?, zone),
        notes,
    );
    check_order(from, to, feature.number, notes);
    let is_line = feature.geometry.get("type").and_then(Value::as_str) == Some("LineString");
    let line = feature.geometry.get("coordinates").and_then(positions);
    let has_length = |line: &Vec<Position>| line.windows(2).any(|pair| pair.first() != pair.last());
    let line = line.filter(|line| is_line && has_length(line));
    let fault = match &line {
        None => Some("must be a LineString of at least two [lon, lat] that differ"),
        Some(line) if line.len() > LINE_POINTS_MAX => Some("has more than 20000 points"),
        Some(line) if crosses_180(line) => Some("must not cross the 180th meridian"),
        Some(_) => None,
    };
    if let Some(fault) = fault {
        feature.bad_geometry(fault, notes);
    }
    let line = line.filter(|_| fault.is_none());
    Some(RoadOverride {
        id: id?,
        target: OverrideTarget::Line {
            line: line?,
            half_width_m: half_width?.unwrap_or(HALF_WIDTH_M),
            one_direction: one_direction?.unwrap_or(false),
        },
        limit: limit??,
        classes: classes?.unwrap_or_default(),
        from: from?,
        to: to?,
        set_by: set_by?,
    })
}

/// Whether a line goes around the back of the earth, on which it would lie around the front.
fn crosses_180(line: &[Position]) -> bool {
    let lons = line.iter().map(|place| place.lon());
    let next = lons.clone().skip(1);
    lons.zip(next)
        .any(|(one, other)| (one - other).abs() > 180.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(name: &str, text: &str) -> Result<Vec<RoadOverride>, Problems> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        read(&path, &LocalZone::default())
    }

    #[test]
    fn rows_name_a_way_or_a_road() {
        let sets = read_text(
            "limits.csv",
            "id,limit_kmh,set_by,way,direction,name,from_lat,from_lon,to_lat,to_lon,classes,from,to\n\
             a,60,王队,123,backward,,,,,,hazmat heavy_truck,2026-11-01,2026-11-30\n\
             b,40,王队,,,G107,28.1,112.9,28.2,113.0,,,\n",
        )
        .unwrap();
        let time = |text| Timestamp::from_rfc3339(text);
        assert_eq!(
            sets[0].target,
            OverrideTarget::Way {
                id: 123,
                backward: Some(true)
            }
        );
        assert_eq!(
            sets[0].classes,
            [VehicleClass::Hazmat, VehicleClass::HeavyTruck]
        );
        assert_eq!(sets[0].from, time("2026-11-01T00:00:00+08:00"));
        assert_eq!(sets[0].to, time("2026-12-01T00:00:00+08:00"));
        assert_eq!(
            (sets[1].limit.mkmh(), sets[1].set_by.as_str()),
            (40_000, "王队")
        );
        assert!(
            matches!(&sets[1].target, OverrideTarget::Name { name, stretch: Some(_) } if name == "G107")
        );
    }

    #[test]
    fn the_example_of_the_documents_is_read() {
        let page = include_str!("../../docs/roads.md");
        let example = page.split("```text\n").nth(1).unwrap();
        let example = example.split("```").next().unwrap();
        let sets = read_text("limits.csv", example).unwrap();
        let ids: Vec<&str> = sets.iter().map(|set| set.id.as_str()).collect();
        assert_eq!(ids, ["L1", "L2"]);
        assert_eq!(sets[1].classes, [VehicleClass::Hazmat]);
    }

    #[test]
    fn a_line_is_drawn() {
        let sets = read_text(
            "limits.geojson",
            r#"{"type":"FeatureCollection","features":[{"type":"Feature",
              "properties":{"id":"a","limit_kmh":30,"set_by":"x","half_width_m":40,"one_direction":true},
              "geometry":{"type":"LineString","coordinates":[[112.9,28.1],[112.91,28.1]]}}]}"#,
        )
        .unwrap();
        assert!(matches!(
            &sets[0].target,
            OverrideTarget::Line { line, one_direction: true, .. } if line.len() == 2
        ));
    }

    #[test]
    fn what_is_no_line_is_told() {
        let check = |kind: &str, coordinates: &str| {
            let text = format!(
                r#"{{"type":"FeatureCollection","features":[{{"type":"Feature",
                  "properties":{{"id":"a","limit_kmh":30,"set_by":"x"}},
                  "geometry":{{"type":"{kind}","coordinates":{coordinates}}}}}]}}"#
            );
            let problems = read_text("limits.geojson", &text).unwrap_err();
            let codes: Vec<_> = problems.0.iter().map(|problem| problem.code).collect();
            assert_eq!(codes, ["bad_geometry"], "{kind} {coordinates}");
        };
        check("LineString", "[[112.9,28.1]]");
        check("LineString", "[[112.9,28.1],[112.9,28.1]]");
        check("LineString", "[[112.9,28.1],[112.9,128.1]]");
        check("LineString", "[[179.9,28.1],[-179.9,28.1]]");
        let many = (0..=LINE_POINTS_MAX).map(|number| format!("[112.9,{}]", number % 2));
        let many = many.collect::<Vec<_>>().join(",");
        check("LineString", &format!("[{many}]"));
        check("Point", "[112.9,28.1]");
        check("MultiLineString", "[[[112.9,28.1],[112.9,28.2]]]");
    }

    #[test]
    fn every_bad_line_is_told() {
        let problems = read_text(
            "limits.csv",
            "id,limit_kmh,set_by,way,name,from_lat,to,from,classes,direction\na,500,x,1,,,,,,\nb,60,,1,,,,,,\n\
             c,60,x,1,N,,,,,\nd,60,x,,N,28.1,,,,\ne,60,x,1,,,soon,,,\na,60,x,1,,,,,,\nf,60,x,1,,,,,,\n\
             f,60,x,2,,,,,,\ng,60,x,1,,,2026-01-31,2026-02-01,,\nh,60,x,1,,,,,hazmat bus,\n\
             i,60,x,,N,,,,,forward\nj,60,x,1,,,,,,up\nk,sixty,x,1.5,,,,,,\nl,60,x,,,,,,,\n",
        )
        .unwrap_err();
        let told: Vec<_> = problems.0.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "limits.csv:2: limit_kmh: must be a number from 5 to 160 (bad_value)",
                "limits.csv:3: set_by: must not be empty (missing_field)",
                "limits.csv:4: way: either way or name must be given (bad_value)",
                "limits.csv:5: from_lat: a stretch needs from_lat, from_lon, to_lat and to_lon (missing_field)",
                "limits.csv:6: to: \"soon\" is not valid (bad_time)",
                "limits.csv:9: id: \"f\" stands here twice (duplicate_id)",
                "limits.csv:10: to: ends before it begins (bad_range)",
                "limits.csv:11: classes: \"hazmat bus\" is not valid (bad_class)",
                "limits.csv:12: direction: only a way has directions (bad_value)",
                "limits.csv:13: direction: \"up\" is not valid (bad_value)",
                "limits.csv:14: limit_kmh: must be a number from 5 to 160 (bad_value)",
                "limits.csv:14: way: \"1.5\" is not valid (bad_value)",
                "limits.csv:15: way: either way or name must be given (bad_value)",
            ]
        );
    }
}
