//! The JSON of a fix, with the field names of a fixes file.

use serde::Serialize;

use super::moment::Moment;
use super::names::Names;
use crate::model::{Course, Fix, LocalZone, Odometer};

/// A fix as an event tells it.
#[derive(Debug, Serialize)]
struct FixBody<'a> {
    plate: &'a str,
    plate_color: &'static str,
    enterprise_id: &'a str,
    time: Moment,
    received: Moment,
    /// Null where the terminal had no position.
    lat: Option<f64>,
    lon: Option<f64>,
    speed_kmh: f64,
    course_deg: Option<u16>,
    altitude_m: Option<i16>,
    odometer_km: Option<f64>,
    alarm: u32,
    status: u32,
    passengers: Option<u16>,
    /// Alarms of active-safety devices; null for none.
    events: Option<String>,
    driver: Option<&'a str>,
    /// Why it is not a qualified record; empty when it is.
    quality: Vec<&'static str>,
}

/// A fix as JSON; `None` for a vehicle that has left the register.
pub(super) fn fix_json(fix: &Fix, names: &Names, zone: LocalZone) -> Option<String> {
    let vehicle = names.vehicle(fix.vehicle)?;
    let placed = !fix.quality.contains(crate::model::Quality::NO_FIX);
    let body = FixBody {
        plate: &vehicle.plate.text,
        plate_color: vehicle.plate.color.name(),
        enterprise_id: &vehicle.enterprise_id,
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
        driver: fix.driver.and_then(|id| names.licence(id)),
        quality: fix.quality.names(),
    };
    serde_json::to_string(&body).ok()
}
