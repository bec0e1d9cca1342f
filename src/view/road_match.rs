//! The road of a fix as `match` prints it.

use serde::Serialize;

use super::number::{shortest, shortest_or_null};

/// The road of a fix; everything but the line is null, and the confidence 0, where there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RoadMatchView {
    /// Line of the fix in its file, from 1; a header counts.
    pub line: u64,
    /// Identifier of the way in OpenStreetMap.
    pub way: Option<i64>,
    /// Node from which the segment is driven.
    pub from_node: Option<i64>,
    /// Node toward which it is driven.
    pub to_node: Option<i64>,
    /// The limit, exact in the unit of its sign. Unit: km/h.
    #[serde(serialize_with = "shortest_or_null")]
    pub limit_kmh: Option<f64>,
    /// `tag`, `override` or `class_default`.
    pub limit_source: Option<&'static str>,
    /// Distance of the fix from the segment. Unit: m.
    #[serde(serialize_with = "shortest_or_null")]
    pub distance_m: Option<f64>,
    /// How sure it is that this limit is that of the road being driven, `0..=1`.
    #[serde(serialize_with = "shortest")]
    pub confidence: f64,
}

impl RoadMatchView {
    /// No road.
    pub const fn none(line: u64) -> Self {
        Self {
            line,
            way: None,
            from_node: None,
            to_node: None,
            limit_kmh: None,
            limit_source: None,
            distance_m: None,
            confidence: 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(view: &RoadMatchView, expected: &str) {
        assert_eq!(serde_json::to_string(view).unwrap(), expected);
    }

    #[test]
    fn the_shape_is_that_of_the_contract() {
        let found = RoadMatchView {
            line: 2,
            way: Some(7),
            from_node: Some(1),
            to_node: Some(2),
            limit_kmh: Some(56.327),
            limit_source: Some("tag"),
            distance_m: Some(3.5),
            confidence: 1.0,
        };
        check(
            &found,
            r#"{"line":2,"way":7,"from_node":1,"to_node":2,"limit_kmh":56.327,"limit_source":"tag","distance_m":3.5,"confidence":1}"#,
        );
        check(
            &RoadMatchView::none(3),
            r#"{"line":3,"way":null,"from_node":null,"to_node":null,"limit_kmh":null,"limit_source":null,"distance_m":null,"confidence":0}"#,
        );
    }
}
