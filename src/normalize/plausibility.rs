//! What is wrong with a record by itself: clock, place, speed, altitude.
//!
//! Jumps and contradictions need the neighbours of a fix; `detect` finds them.

use crate::model::rules::PlausibilityRules;
use crate::model::{Fix, Quality};

use super::place;

/// The reasons for which a record is not qualified, together with those that its reading has found.
///
/// Every source comes through here, so that the same values get the same reasons. A record whose status says
/// that it has no position, or only an encrypted one, has no place to check; nor has (0, 0).
///
/// Source: regulations 10.1; all ranges include their bounds.
pub fn assess(rules: &PlausibilityRules, fix: &Fix) -> Quality {
    let has_place = place::is_given(fix.status, fix.position);
    let in_place = (rules.lat_udeg_min..=rules.lat_udeg_max).contains(&fix.position.lat_udeg)
        && (rules.lon_udeg_min..=rules.lon_udeg_max).contains(&fix.position.lon_udeg);
    let altitudes = rules.altitude_m_min..=rules.altitude_m_max;
    let clock_wrong =
        fix.time < rules.earliest || fix.time.since(fix.received) > rules.future_allowance;
    [
        (Quality::NO_FIX, !has_place),
        (Quality::PLACE_RANGE, has_place && !in_place),
        (Quality::SPEED_RANGE, fix.speed > rules.speed_max),
        (
            Quality::ALTITUDE_RANGE,
            fix.altitude_m.is_some_and(|m| !altitudes.contains(&m)),
        ),
        (Quality::CLOCK, clock_wrong),
        (Quality::FUTURE, !clock_wrong && fix.time > fix.received),
    ]
    .into_iter()
    .filter(|(_, holds)| *holds)
    .fold(fix.quality, |quality, (reason, _)| quality.with(reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Events, Position, Source, Speed, Timestamp, VehicleId};
    use crate::protocol::jt808::location::STATUS_COORDINATES_ENCRYPTED;
    use crate::rulebook::{default_document, parse};

    fn fix() -> Fix {
        Fix {
            vehicle: VehicleId(1),
            time: Timestamp::from_rfc3339("2026-11-21T08:00:00+08:00").unwrap(),
            received: Timestamp::from_rfc3339("2026-11-21T08:00:00+08:00").unwrap(),
            position: Position::from_degrees(28.1, 112.9).unwrap(),
            speed: Speed::from_whole_kmh(60),
            course: None,
            altitude_m: Some(50),
            odometer: None,
            alarm: 0,
            status: 3,
            passengers: None,
            events: Events::NONE,
            driver: None,
            source: Source::Terminal,
            quality: Quality::GOOD,
        }
    }

    fn check(change: impl FnOnce(&mut Fix), expected: &[&str]) {
        let rules = parse(default_document()).unwrap().plausibility;
        let mut fix = fix();
        change(&mut fix);
        assert_eq!(assess(&rules, &fix).names(), expected, "{fix:?}");
    }

    #[test]
    fn a_usual_record_is_good() {
        check(|_| (), &[]);
        check(|fix| fix.altitude_m = None, &[]);
    }

    #[test]
    fn bounds_are_included() {
        check(|fix| fix.position.lon_udeg = 73_550_000, &[]);
        check(|fix| fix.position.lon_udeg = 73_549_999, &["place_range"]);
        check(|fix| fix.position.lat_udeg = 53_550_001, &["place_range"]);
        check(|fix| fix.speed = Speed::from_whole_kmh(160), &[]);
        check(|fix| fix.speed = Speed::from_dkmh(1601), &["speed_range"]);
        check(|fix| fix.altitude_m = Some(6500), &[]);
        check(|fix| fix.altitude_m = Some(-201), &["altitude_range"]);
    }

    #[test]
    fn a_clock_ahead_is_forgiven_up_to_the_allowance() {
        let ahead = |seconds| {
            move |fix: &mut Fix| fix.time = fix.time + crate::model::Span::from_seconds(seconds)
        };
        check(ahead(1), &["future"]);
        check(ahead(60), &["future"]);
        check(ahead(61), &["clock"]);
        check(
            |fix| fix.time = Timestamp::from_seconds(946_684_800),
            &["clock"],
        );
        check(|fix| fix.received = Timestamp::MIN, &["clock"]);
    }

    #[test]
    fn without_a_position_the_place_is_not_checked() {
        check(|fix| fix.position = Position::default(), &["no_fix"]);
        check(|fix| fix.status = 1, &["no_fix"]);
        check(
            |fix| fix.status |= STATUS_COORDINATES_ENCRYPTED,
            &["no_fix"],
        );
    }

    #[test]
    fn what_the_reading_found_stays() {
        check(
            |fix| {
                fix.quality = Quality::COURSE_RANGE;
                fix.position = Position::nearest(120.5, 112.9);
            },
            &["place_range", "course_range"],
        );
    }
}
