//! The hours of the week in which a conditional limit holds.

use crate::model::{LocalZone, Timestamp};

/// Minutes of a day.
const DAY_MIN: u16 = 24 * 60;

/// Names of the days as the map writes them, Monday first.
const DAYS: [&str; 7] = ["mo", "tu", "we", "th", "fr", "sa", "su"];

/// Every day of the week.
const EVERY_DAY: u8 = 0b111_1111;

/// A moment of a local week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeekTime {
    /// Day of the week, 0 is Monday.
    day: u8,
    /// Minute of the day.
    minute: u16,
}

impl WeekTime {
    /// The moment of the local week at `time`.
    pub fn of(zone: &LocalZone, time: Timestamp) -> Self {
        // The first of January 1970 was a Thursday.
        let day = (zone.day(time) + 3).rem_euclid(7);
        let minute = zone.millis_of_day(time) / 60_000;
        Self {
            day: u8::try_from(day).unwrap_or(0),
            minute: u16::try_from(minute).unwrap_or(0),
        }
    }
}

/// A daily window on some days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// Days on which it begins, one bit each, the lowest is Monday.
    pub days: u8,
    /// First minute.
    pub begin_min: u16,
    /// First minute after it; not after `begin_min` when it goes past midnight.
    pub end_min: u16,
}

impl Window {
    /// Whether it holds at a moment.
    pub fn contains(&self, at: WeekTime) -> bool {
        let begins_on = |day: u8| self.days & (1 << (day % 7)) != 0;
        if self.begin_min < self.end_min {
            return begins_on(at.day) && (self.begin_min..self.end_min).contains(&at.minute);
        }
        (begins_on(at.day) && at.minute >= self.begin_min)
            || (begins_on(at.day + 6) && at.minute < self.end_min)
    }
}

/// Reads `22:00-06:00`, `Mo-Fr 07:00-09:00,16:00-18:00` or several of these.
///
/// Errors: `None` for anything else, such as public holidays, sunset, or a condition of the road.
pub fn parse(text: &str) -> Option<Vec<Window>> {
    let mut windows = Vec::new();
    for part in text.split(';') {
        let part = part.trim();
        if !part.is_empty() {
            parse_part(part, &mut windows)?;
        }
    }
    (!windows.is_empty()).then_some(windows)
}

/// Days, then times; either may be missing.
fn parse_part(part: &str, windows: &mut Vec<Window>) -> Option<()> {
    let times_from = part
        .find(|c: char| c.is_ascii_digit())
        .unwrap_or(part.len());
    let (days, times) = part.split_at_checked(times_from)?;
    let days = match days.trim().trim_end_matches(',') {
        "" => EVERY_DAY,
        text => parse_days(text)?,
    };
    let times = times.trim();
    if times.is_empty() {
        windows.push(Window {
            days,
            begin_min: 0,
            end_min: DAY_MIN,
        });
        return Some(());
    }
    for span in times.split(',') {
        let (begin, end) = span.trim().split_once('-')?;
        windows.push(Window {
            days,
            begin_min: parse_minute(begin)?.min(DAY_MIN - 1),
            end_min: parse_minute(end)?,
        });
    }
    Some(())
}

fn parse_days(text: &str) -> Option<u8> {
    let mut days = 0;
    for span in text.split(',') {
        let (first, last) = span.split_once('-').unwrap_or((span, span));
        let (first, last) = (day_of(first)?, day_of(last)?);
        let length = (last + 7 - first) % 7;
        for day in 0..=length {
            days |= 1 << ((first + day) % 7);
        }
    }
    Some(days)
}

fn day_of(text: &str) -> Option<usize> {
    let text = text.trim().to_ascii_lowercase();
    DAYS.iter().position(|name| *name == text)
}

/// `HH:MM` up to `24:00`.
fn parse_minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let minutes = hour.checked_mul(60)?.checked_add(minute)?;
    (minute < 60 && minutes <= DAY_MIN).then_some(minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a condition holds on a day (0 is Monday) at a time.
    fn check(condition: &str, day: u8, time: &str, expected: bool) {
        let windows = parse(condition).unwrap();
        let at = WeekTime {
            day,
            minute: parse_minute(time).unwrap(),
        };
        let holds = windows.iter().any(|window| window.contains(at));
        assert_eq!(holds, expected, "{condition} on day {day} at {time}");
    }

    #[test]
    fn a_window_past_midnight_belongs_to_the_day_on_which_it_begins() {
        check("22:00-06:00", 0, "22:00", true);
        check("22:00-06:00", 0, "05:59", true);
        check("22:00-06:00", 0, "06:00", false);
        check("Fr 22:00-06:00", 4, "23:00", true);
        check("Fr 22:00-06:00", 5, "05:00", true);
        check("Fr 22:00-06:00", 4, "05:00", false);
        check("Su 22:00-06:00", 0, "05:00", true);
    }

    #[test]
    fn days_and_times_may_be_lists() {
        check("Mo-Fr 07:00-09:00,16:00-18:00", 2, "16:30", true);
        check("Mo-Fr 07:00-09:00,16:00-18:00", 5, "16:30", false);
        check("Mo,We 08:00-09:00; Sa-Mo 10:00-11:00", 6, "10:00", true);
        check("Mo,We 08:00-09:00; Sa-Mo 10:00-11:00", 1, "08:30", false);
        check("Sa,Su", 6, "00:00", true);
        check("00:00-24:00", 3, "23:59", true);
    }

    #[test]
    fn other_conditions_are_not_hours() {
        for text in [
            "wet",
            "PH 08:00-10:00",
            "sunset-sunrise",
            "weight>7.5",
            "25:00-26:00",
            "",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_week_is_local() {
        let zone = LocalZone::default();
        let monday = Timestamp::from_rfc3339("2026-11-23T00:30:00+08:00").unwrap();
        assert_eq!(WeekTime::of(&zone, monday), WeekTime { day: 0, minute: 30 });
    }
}
