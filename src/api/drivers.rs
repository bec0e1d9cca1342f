//! Drivers: how long each may still drive.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ApiError;
use super::extract::Segments;
use super::moment::Moment;
use super::state::{Shared, Wheel};
use super::vehicles::{HoursLeft, hours_left};

/// What a driver has driven and may still drive, over all vehicles.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DriverHoursBody {
    /// Licence.
    driver: String,
    /// The moment for which this holds: now.
    at: Moment,
    /// Up to here it is known what the driver did; null when nothing was driven in the last days. What the
    /// driver did since is taken as not driving, but not as a rest.
    known_until: Option<Moment>,
    /// Plate of the vehicle that was driven last; null when none is known.
    plate: Option<String>,
    /// Its colour.
    plate_color: Option<&'static str>,
    /// Driving since the last rest. Unit: minutes.
    driven_min: f64,
    /// Driving time left before each limit of the class of that vehicle; of a coach, for which every limit holds,
    /// when none is known.
    hours_left: HoursLeft,
}

/// `GET /drivers/{licence}/hours`
pub(super) async fn hours(
    State(context): State<Shared>,
    Segments(licence): Segments<String>,
) -> Result<Json<DriverHoursBody>, ApiError> {
    let unknown = || ApiError::NotFound("driver");
    let driver = context
        .store
        .find_driver(&licence)
        .await?
        .ok_or_else(unknown)?;
    let at = context.clock.now();
    let hours = context
        .hours
        .hours(Wheel::Of(driver), at)
        .await?
        .ok_or_else(unknown)?;
    let zone = context.zone();
    let plate = hours.plate.as_ref();
    Ok(Json(DriverHoursBody {
        driver: licence,
        at: Moment::new(at, zone),
        known_until: hours.known_until.map(|time| Moment::new(time, zone)),
        plate: plate.map(|plate| plate.text.clone()),
        plate_color: plate.map(|plate| plate.color.name()),
        driven_min: hours.driven.minutes(),
        hours_left: hours_left(hours.left),
    }))
}
