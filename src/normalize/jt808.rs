//! A JT/T 808 location report to a fix.

use crate::model::rules::PlausibilityRules;
use crate::model::{
    Course, DriverId, Fix, Odometer, Position, Quality, Source, Speed, Timestamp, VehicleId,
};
use crate::protocol::jt808::location::{LocationReport, STATUS_COORDINATES_ENCRYPTED};

use super::plausibility;

/// What the report does not say itself.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The vehicle to which the terminal belongs.
    pub vehicle: VehicleId,
    /// When the report came.
    pub received: Timestamp,
    /// The way by which it came.
    pub source: Source,
    /// Whose card is in, where one is.
    pub driver: Option<DriverId>,
}

/// The fix time of a report, GMT+8 on the wire.
///
/// Errors: `None` where the digits are no date.
pub fn fix_time(report: &LocationReport<'_>) -> Option<Timestamp> {
    report.time.unix_ms().map(Timestamp::from_millis)
}

/// The fix of a report, with what is implausible about it.
///
/// A place outside the earth or encrypted by the plug-in counts as no position.
///
/// Errors: `None` when the report has no usable time: without one it has no place in a track.
pub fn fix(rules: &PlausibilityRules, report: &LocationReport<'_>, origin: &Origin) -> Option<Fix> {
    let time = fix_time(report)?;
    let place = Position::from_degrees(report.lat_deg(), report.lon_deg());
    let encrypted = report.status & STATUS_COORDINATES_ENCRYPTED != 0;
    let mut fix = Fix {
        vehicle: origin.vehicle,
        time,
        received: origin.received,
        position: place.unwrap_or_default(),
        speed: Speed::from_dkmh(report.speed_dkmh),
        course: Course::from_degrees(report.course_deg),
        altitude_m: Some(report.altitude_signed_m()),
        odometer: report.odometer_dkm().map(Odometer::from_hm),
        alarm: report.alarm,
        status: report.status,
        driver: origin.driver,
        source: origin.source,
        quality: Quality::GOOD,
    };
    let positioned = report.is_positioned() && place.is_some() && !encrypted;
    fix.quality = plausibility::assess(rules, &fix, positioned);
    Some(fix)
}
