//! The JSON of a fix, with the field names of a fixes file.

use serde::Serialize;
use utoipa::ToSchema;

use super::moment::Moment;
use super::names::Names;
use crate::model::{Course, Fix, LocalZone, Odometer, Quality};

/// A fix as it was received.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RawFix {
    time: Moment,
    received: Moment,
    /// Null where the terminal had no position.
    #[schema(required)]
    lat: Option<f64>,
    #[schema(required)]
    lon: Option<f64>,
    speed_kmh: f64,
    #[schema(required)]
    course_deg: Option<u16>,
    #[schema(required)]
    altitude_m: Option<i16>,
    #[schema(required)]
    odometer_km: Option<f64>,
    alarm: u32,
    status: u32,
    #[schema(required)]
    passengers: Option<u16>,
    /// Alarms of active-safety devices; null for none.
    #[schema(required)]
    events: Option<String>,
    /// Licence of the driver, where the fix says who drove.
    #[schema(required)]
    driver: Option<String>,
    /// Why it is not a qualified record; empty when it is.
    quality: Vec<&'static str>,
}

impl RawFix {
    /// A fix with times in that zone.
    pub(super) fn new(fix: &Fix, names: &Names, zone: LocalZone) -> Self {
        let placed = !fix.quality.contains(Quality::NO_FIX);
        let licence = |id| names.licence(id).map(str::to_owned);
        Self {
            time: Moment::new(fix.time, zone),
            received: Moment::new(fix.received, zone),
            lat: placed.then(|| fix.position.lat()),
            lon: placed.then(|| fix.position.lon()),
            speed_kmh: fix.speed.kmh(),
            course_deg: fix.course.map(Course::degrees),
            altitude_m: fix.altitude_m,
            odometer_km: fix.odometer.map(Odometer::km),
            alarm: fix.alarm,
            status: fix.status,
            passengers: fix.passengers,
            events: (!fix.events.is_empty()).then(|| fix.events.to_string()),
            driver: fix.driver.and_then(licence),
            quality: fix.quality.names(),
        }
    }
}

/// A fix as an event tells it.
#[derive(Debug, Serialize)]
struct FixBody<'a> {
    plate: &'a str,
    plate_color: &'static str,
    enterprise_id: &'a str,
    #[serde(flatten)]
    raw: RawFix,
}

/// A fix as JSON; `None` for a vehicle that has left the register.
pub(super) fn fix_json(fix: &Fix, names: &Names, zone: LocalZone) -> Option<String> {
    let vehicle = names.vehicle(fix.vehicle)?;
    let body = FixBody {
        plate: &vehicle.plate.text,
        plate_color: vehicle.plate.color.name(),
        enterprise_id: &vehicle.enterprise_id,
        raw: RawFix::new(fix, names, zone),
    };
    serde_json::to_string(&body).ok()
}
