//! A JT/T 808 location report to a fix.

use crate::model::event::different;
use crate::model::rules::PlausibilityRules;
use crate::model::{
    Course, Datum, DriverId, EVENTS_MAX, Event, EventKind, EventPhase, Events, Fix, Odometer,
    Position, Quality, Source, Speed, Timestamp, VehicleId,
};
use crate::protocol::jt808::items::{
    ABNORMAL_DRIVING, ADAS, AdditionalItem, BSD, DSM, ItemValue, TPMS, VIDEO_ALARM,
};
use crate::protocol::jt808::location::LocationReport;

use super::{place, plausibility};

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
    /// What is declared for the vehicle.
    pub datum: Datum,
}

/// The fix time of a report, GMT+8 on the wire.
///
/// Errors: `None` where the digits are no date.
pub fn fix_time(report: &LocationReport<'_>) -> Option<Timestamp> {
    report.time.unix_ms().map(Timestamp::from_millis)
}

/// The fix of a report, with what is implausible about it.
///
/// The place is converted by the declared datum. Values stay as they were sent, with a reason where they cannot be true; for the one that no fix can hold see
/// [`altered`].
///
/// Errors: `None` when the report has no usable time: without one it has no place in a track.
pub fn fix(rules: &PlausibilityRules, report: &LocationReport<'_>, origin: &Origin) -> Option<Fix> {
    let time = fix_time(report)?;
    let (course, quality) = course(report);
    let given = Position::nearest(report.lat_deg(), report.lon_deg());
    let mut fix = Fix {
        vehicle: origin.vehicle,
        time,
        received: origin.received,
        position: place::wgs84(origin.datum, report.status, given),
        speed: Speed::from_dkmh(report.speed_dkmh),
        course,
        altitude_m: Some(report.altitude_signed_m()),
        odometer: report.odometer_dkm().map(Odometer::from_hm),
        alarm: report.alarm,
        status: report.status,
        // No item of the standard counts persons; 0x14 tells only that there are too many.
        passengers: None,
        events: events(report),
        driver: origin.driver,
        source: origin.source,
        quality,
    };
    fix.quality = plausibility::assess(rules, &fix);
    Some(fix)
}

/// The course of a report, or that it has none that can be.
pub fn course(report: &LocationReport<'_>) -> (Option<Course>, Quality) {
    match Course::from_degrees(report.course_deg) {
        Some(course) => (Some(course), Quality::GOOD),
        None => (None, Quality::COURSE_RANGE),
    }
}

/// The reason for which the fix of a report does not hold what was sent, where that is so: the bytes are worth
/// keeping then. Lost are a course over 360 degrees, and of more than [`EVENTS_MAX`] events some; a place always
/// fits.
pub fn altered(report: &LocationReport<'_>, fix: &Fix) -> Option<&'static str> {
    if course(report).0.is_none() {
        return Some("course_range");
    }
    let full = fix.events.iter().count() == EVENTS_MAX;
    let dropped = full && different(reported(report)).len() > EVENTS_MAX;
    dropped.then_some("events_dropped")
}

/// What active-safety devices and video terminals say in a report.
///
/// Kinds that are no alarm (a captured picture, a recognised sign) are left out.
pub fn events(report: &LocationReport<'_>) -> Events {
    let mut reported = reported(report).peekable();
    if reported.peek().is_none() {
        return Events::NONE;
    }
    Events::of(reported)
}

/// The same, all of it.
fn reported(report: &LocationReport<'_>) -> impl Iterator<Item = Event> {
    let safety = [VIDEO_ALARM, ABNORMAL_DRIVING, ADAS, DSM, TPMS, BSD];
    let items = report.additional_items();
    items
        .filter(move |item| safety.contains(&item.id))
        .flat_map(events_of_item)
}

fn events_of_item(item: AdditionalItem<'_>) -> Vec<Event> {
    use EventKind as Kind;
    const ADAS_KINDS: [Kind; 7] = [
        Kind::AdasForwardCollision,
        Kind::AdasLaneDeparture,
        Kind::AdasHeadway,
        Kind::AdasPedestrian,
        Kind::AdasLaneChanges,
        Kind::AdasSignExceeded,
        Kind::AdasObstacle,
    ];
    const DSM_KINDS: [Kind; 5] = [
        Kind::DsmFatigue,
        Kind::DsmPhone,
        Kind::DsmSmoking,
        Kind::DsmDistraction,
        Kind::DsmDriverAbnormal,
    ];
    const BSD_KINDS: [Kind; 3] = [
        Kind::BlindSpotRear,
        Kind::BlindSpotLeftRear,
        Kind::BlindSpotRightRear,
    ];
    const WHEEL_FLAGS: [(u16, Kind); 4] = [
        (1 << 1, Kind::TyrePressureHigh),
        (1 << 2, Kind::TyrePressureLow),
        (1 << 3, Kind::TyreTemperatureHigh),
        (1 << 6, Kind::TyreSlowLeak),
    ];
    const VIDEO_FLAGS: [(u32, Kind); 1] = [(1 << 4, Kind::VideoOverload)];
    const DRIVING_FLAGS: [(u16, Kind); 3] = [
        (1, Kind::VideoFatigue),
        (1 << 1, Kind::VideoPhone),
        (1 << 2, Kind::VideoSmoking),
    ];
    match (item.id, item.typed()) {
        (_, Some(ItemValue::Adas(alarm))) => {
            event(&ADAS_KINDS, alarm.kind, alarm.phase, alarm.level)
        }
        (_, Some(ItemValue::Dsm(alarm))) => event(&DSM_KINDS, alarm.kind, alarm.phase, alarm.level),
        (_, Some(ItemValue::Bsd(alarm))) => event(&BSD_KINDS, alarm.kind, alarm.phase, 0),
        (_, Some(ItemValue::Tpms(alarm))) => {
            let flags = alarm.wheels().fold(0, |all, wheel| all | wheel.flags);
            let phase = phase(alarm.phase);
            flagged(&WHEEL_FLAGS, |bit| flags & bit != 0, phase)
        }
        (VIDEO_ALARM, Some(ItemValue::Flags(flags))) => {
            flagged(&VIDEO_FLAGS, |bit| flags & bit != 0, EventPhase::Held)
        }
        (_, Some(ItemValue::AbnormalDriving { flags, .. })) => {
            flagged(&DRIVING_FLAGS, |bit| flags & bit != 0, EventPhase::Held)
        }
        _ => Vec::new(),
    }
}

/// The event of an item that names its kind by a number from 1.
fn event(kinds: &[EventKind], number: u8, phase_code: u8, level: u8) -> Vec<Event> {
    let kind = usize::from(number).checked_sub(1);
    let kind = kind.and_then(|place| kinds.get(place)).copied();
    kind.map(|kind| Event {
        kind,
        phase: phase(phase_code),
        level: if level <= 2 { level } else { 0 },
    })
    .into_iter()
    .collect()
}

/// 0 says that beginning and end are not used.
const fn phase(code: u8) -> EventPhase {
    match code {
        1 => EventPhase::Begin,
        2 => EventPhase::End,
        _ => EventPhase::Once,
    }
}

fn flagged<F: Copy>(
    flags: &[(F, EventKind)],
    is_set: impl Fn(F) -> bool,
    phase: EventPhase,
) -> Vec<Event> {
    flags
        .iter()
        .filter(|(bit, _)| is_set(*bit))
        .map(|(_, kind)| Event {
            kind: *kind,
            phase,
            level: 0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::bcd::BcdTime;
    use crate::rulebook::{default_document, parse};

    /// What a coach near Changsha reports.
    const REPORT: LocationReport<'static> = LocationReport {
        alarm: 0,
        status: 3,
        lat_udeg: 28_100_000,
        lon_udeg: 112_900_000,
        altitude_m: 50,
        speed_dkmh: 600,
        course_deg: 90,
        time: BcdTime([0x26, 0x11, 0x21, 8, 0, 0]),
        additional: &[],
    };

    /// A report with these items; lengths are put in here.
    fn check(items: &[(u8, &[u8])], expected: &str) {
        let mut additional = Vec::new();
        for (id, value) in items {
            additional.extend([*id, u8::try_from(value.len()).unwrap()]);
            additional.extend_from_slice(value);
        }
        let report = LocationReport {
            additional: &additional,
            ..REPORT
        };
        assert_eq!(events(&report).to_string(), expected);
    }

    /// An alarm of `length` bytes that begins with these.
    fn alarm(head: &[u8], length: usize) -> Vec<u8> {
        let mut bytes = head.to_vec();
        bytes.resize(length, 0);
        bytes
    }

    /// [`REPORT`], changed; the place, the course and the reasons of its fix.
    fn check_values<'a>(change: impl FnOnce(&mut LocationReport<'a>), expected: &str) {
        let rules = parse(default_document()).unwrap().plausibility;
        let mut report = REPORT;
        change(&mut report);
        let origin = Origin {
            vehicle: VehicleId(1),
            received: fix_time(&report).unwrap(),
            source: Source::Terminal,
            driver: None,
            datum: Datum::default(),
        };
        let fix = fix(&rules, &report, &origin).unwrap();
        let course = fix.course.map(Course::degrees);
        let told = format!(
            "{} {} {course:?} {:?} {:?}",
            fix.position.lat(),
            fix.speed,
            fix.quality.names(),
            altered(&report, &fix)
        );
        assert_eq!(told, expected);
    }

    #[test]
    fn implausible_values_stay_with_their_reasons() {
        check_values(|_| (), "28.1 60 km/h Some(90) [] None");
        check_values(
            |report| report.speed_dkmh = 15_000,
            r#"28.1 1500 km/h Some(90) ["speed_range"] None"#,
        );
        check_values(
            |report| report.lat_udeg = 120_500_000,
            r#"120.5 60 km/h Some(90) ["place_range"] None"#,
        );
        check_values(
            |report| report.lat_udeg = u32::MAX,
            r#"-0.000001 60 km/h Some(90) ["place_range"] None"#,
        );
        check_values(
            |report| report.course_deg = 400,
            r#"28.1 60 km/h None ["course_range"] Some("course_range")"#,
        );
    }

    #[test]
    fn events_for_which_a_fix_has_no_room_are_told() {
        let video = [VIDEO_ALARM, 4, 0, 0, 0, 0b1_0000];
        let driving = [ABNORMAL_DRIVING, 3, 0, 0b111, 40];
        let mut adas = vec![ADAS, 47];
        adas.extend(alarm(&[0, 0, 0, 1, 2, 1, 1], 47));
        let mut blind = vec![BSD, 41];
        blind.extend(alarm(&[0, 0, 0, 3, 1, 3], 41));
        let mut dsm = vec![DSM, 47];
        dsm.extend(alarm(&[0, 0, 0, 2, 1, 2, 1], 47));
        let mut more = dsm.clone();
        more[6] = 2; // the same alarm ends
        let seven = [&video[..], &driving, &adas, &dsm, &blind].concat();
        check_values(
            |report| report.additional = &seven,
            "28.1 60 km/h Some(90) [] None",
        );
        let eight = [&seven[..], &more].concat();
        check_values(
            |report| report.additional = &eight,
            r#"28.1 60 km/h Some(90) [] Some("events_dropped")"#,
        );
    }

    #[test]
    fn safety_items_become_events_with_phase_and_level() {
        check(&[(1, &[0, 0, 0, 9])], "");
        check(
            &[
                (ADAS, &alarm(&[0, 0, 0, 1, 1, 3, 2], 47)),
                (DSM, &alarm(&[0, 0, 0, 2, 2, 2, 1], 47)),
                (BSD, &alarm(&[0, 0, 0, 3, 0, 3], 41)),
            ],
            "adas_headway:begin:2 dsm_phone:end:1 blind_spot_right_rear:once:0",
        );
        let mut tyre = alarm(&[0, 0, 0, 4, 1], 40);
        tyre.extend([1, 0, 0, 0b100, 0, 0, 0, 0, 0, 0]);
        check(&[(TPMS, &tyre)], "tyre_pressure_low:begin:0");
    }

    #[test]
    fn pictures_and_damaged_items_are_no_events() {
        check(&[(DSM, &alarm(&[0, 0, 0, 1, 1, 0x10, 1], 47))], "");
        check(&[(DSM, &[0, 0])], "");
    }

    #[test]
    fn video_flags_hold_as_long_as_they_are_reported() {
        check(
            &[
                (VIDEO_ALARM, &[0, 0, 0, 0b1_0001]),
                (ABNORMAL_DRIVING, &[0, 0b10, 40]),
            ],
            "video_overload:held:0 video_phone:held:0",
        );
    }
}
