//! Last fixes on a map.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::ApiError;
use super::extract::Params;
use super::moment::Moment;
use super::state::Shared;
use crate::model::{Course, LocalZone, Position, Span, Timestamp};
use crate::store::{BoundingBox, PAGE_ROWS_MAX, Page, VehiclePosition};

/// Query of `/positions`.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct PositionParams {
    /// West, south, east, north in degrees with commas between; the whole earth unless given.
    #[param(example = "112.5,27.5,113.5,28.5")]
    bbox: Option<String>,
}

/// A GeoJSON feature collection.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Positions {
    /// Always `FeatureCollection`.
    r#type: &'static str,
    features: Vec<Feature>,
    /// Whether there were more than one answer may hold.
    truncated: bool,
}

/// One vehicle.
#[derive(Debug, Serialize, ToSchema)]
struct Feature {
    /// Always `Feature`.
    r#type: &'static str,
    geometry: Geometry,
    properties: Properties,
}

/// Where it is.
#[derive(Debug, Serialize, ToSchema)]
struct Geometry {
    /// Always `Point`.
    r#type: &'static str,
    /// Longitude, latitude.
    coordinates: [f64; 2],
}

/// What is known of it.
#[derive(Debug, Serialize, ToSchema)]
struct Properties {
    plate: String,
    plate_color: &'static str,
    enterprise_id: String,
    class: &'static str,
    time: Moment,
    received: Moment,
    speed_kmh: f64,
    course_deg: Option<u16>,
    alarm: u32,
    status: u32,
    /// Whether something came from it lately.
    online: bool,
}

/// `GET /positions`
pub(super) async fn positions(
    State(context): State<Shared>,
    Params(params): Params<PositionParams>,
) -> Result<Response, ApiError> {
    let bounds = params
        .bbox
        .as_deref()
        .map_or(Some(EARTH), bounding_box)
        .ok_or_else(|| {
            ApiError::BadQuery(
                "bbox must be west,south,east,north in degrees, west before east".to_owned(),
            )
        })?;
    let zone = context.zone();
    let online_since = context.clock.now() - Span::from_seconds(context.limits.online_s_max);
    let max = usize::try_from(context.limits.positions_max).unwrap_or(usize::MAX);
    let mut features = Vec::new();
    let mut page = Page::first(PAGE_ROWS_MAX);
    let truncated = loop {
        let listed = context.store.positions(&bounds, &page).await?;
        let bodies = listed.items.into_iter();
        features.extend(bodies.map(|vehicle| feature(vehicle, online_since, zone)));
        match listed.next {
            None => break features.len() > max,
            Some(_) if features.len() >= max => break true,
            next => page.after = next,
        }
    };
    features.truncate(max);
    let collection = Positions {
        r#type: "FeatureCollection",
        features,
        truncated,
    };
    let content_type = [(header::CONTENT_TYPE, "application/geo+json")];
    Ok((content_type, Json(collection)).into_response())
}

const EARTH: BoundingBox = BoundingBox {
    south_west: Position {
        lat_udeg: -90_000_000,
        lon_udeg: -180_000_000,
    },
    north_east: Position {
        lat_udeg: 90_000_000,
        lon_udeg: 180_000_000,
    },
};

fn bounding_box(text: &str) -> Option<BoundingBox> {
    let numbers: Vec<f64> = text
        .split(',')
        .map(|part| part.trim().parse().ok())
        .collect::<Option<_>>()?;
    let [west, south, east, north] = numbers.try_into().ok()?;
    let ordered = west <= east && south <= north;
    Some(BoundingBox {
        south_west: Position::from_degrees(south, west)?,
        north_east: Position::from_degrees(north, east)?,
    })
    .filter(|_| ordered)
}

fn feature(vehicle: VehiclePosition, online_since: Timestamp, zone: LocalZone) -> Feature {
    let live = vehicle.live;
    Feature {
        r#type: "Feature",
        geometry: Geometry {
            r#type: "Point",
            coordinates: [live.position.lon(), live.position.lat()],
        },
        properties: Properties {
            plate: vehicle.plate.text,
            plate_color: vehicle.plate.color.name(),
            enterprise_id: vehicle.enterprise_id,
            class: vehicle.class.name(),
            time: Moment::new(live.fix_at, zone),
            received: Moment::new(live.received_at, zone),
            speed_kmh: live.speed.kmh(),
            course_deg: live.course.map(Course::degrees),
            alarm: live.alarm,
            status: live.status,
            online: live.received_at >= online_since,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_west_south_east_north() {
        let found = bounding_box("112.5, 27.5,113.5,28.5").unwrap();
        assert_eq!(found.south_west.lon_udeg, 112_500_000);
        assert_eq!(found.north_east.lat_udeg, 28_500_000);
        for bad in [
            "",
            "1,2,3",
            "1,2,3,4,5",
            "3,2,1,4",
            "1,2,x,4",
            "1,2,200,4",
            "NaN,1,2,3",
        ] {
            assert!(bounding_box(bad).is_none(), "{bad}");
        }
    }
}
