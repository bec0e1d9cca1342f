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

/// When a condition holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hours {
    /// It does.
    pub sure: Vec<Window>,
    /// It may, as on a public holiday: which days these are is not known.
    pub maybe: Vec<Window>,
}

/// Reads `24/7`, `22:00-06:00`, `Mo-Fr 07:00-09:00,16:00-18:00` or several of these, also where
/// public or school holidays are named. In small letters.
///
/// Errors: `None` for anything else, such as months, sunset, or a condition of the road.
pub fn parse(text: &str) -> Option<Hours> {
    let mut hours = Hours::default();
    let mut holidays_differ = false;
    for part in text.split(';').map(str::trim) {
        if part.is_empty() {
            continue;
        }
        match part.strip_suffix("off") {
            Some(days) => {
                let days = parse_days(days)?;
                holidays_differ |= days.holiday;
                for window in hours.sure.iter_mut().chain(&mut hours.maybe) {
                    window.days &= !days.week;
                }
            }
            None => holidays_differ |= parse_part(part, &mut hours)?,
        }
    }
    if holidays_differ {
        hours.maybe.append(&mut hours.sure);
    }
    for windows in [&mut hours.sure, &mut hours.maybe] {
        windows.retain(|window| window.days != 0);
    }
    (hours != Hours::default()).then_some(hours)
}

/// Days, and whether holidays are of them.
#[derive(Clone, Copy, Debug, Default)]
struct Days {
    /// One bit each, the lowest is Monday.
    week: u8,
    holiday: bool,
}

/// Days, then times, again and again; either may be missing.
///
/// Whether holidays have hours of their own: then those of the other days may not hold on them.
fn parse_part(part: &str, hours: &mut Hours) -> Option<bool> {
    if part == "24/7" {
        hours.add(None, (0, DAY_MIN));
        return Some(false);
    }
    let mut holidays_differ = false;
    let mut days: Option<Days> = None;
    // Whether the days that were read last have no times yet.
    let mut open = false;
    for item in part.split(',').map(str::trim) {
        let times_from = item
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(item.len());
        let (named, times) = item.split_at_checked(times_from)?;
        if !named.is_empty() {
            let more = parse_days(named)?;
            days = Some(match days.filter(|_| open) {
                Some(before) => Days {
                    week: before.week | more.week,
                    holiday: before.holiday | more.holiday,
                },
                None => more,
            });
            open = true;
        }
        if !times.is_empty() {
            hours.add(days, parse_span(times)?);
            holidays_differ |= days.is_some_and(|days| days.week == 0);
            open = false;
        }
    }
    if open {
        hours.add(days, (0, DAY_MIN));
    }
    Some(holidays_differ)
}

impl Hours {
    /// A window on these days, or on every day.
    fn add(&mut self, days: Option<Days>, (begin_min, end_min): (u16, u16)) {
        let days = days.unwrap_or(Days {
            week: EVERY_DAY,
            holiday: false,
        });
        let on = |days| Window {
            days,
            begin_min,
            end_min,
        };
        if days.week != 0 {
            self.sure.push(on(days.week));
        }
        if days.holiday && days.week != EVERY_DAY {
            self.maybe.push(on(EVERY_DAY));
        }
    }
}

fn parse_days(text: &str) -> Option<Days> {
    let mut days = Days::default();
    for span in text.split(',').map(str::trim) {
        if matches!(span, "ph" | "sh") {
            days.holiday = true;
            continue;
        }
        let (first, last) = span.split_once('-').unwrap_or((span, span));
        let (first, last) = (day_of(first)?, day_of(last)?);
        let length = (last + 7 - first) % 7;
        for day in 0..=length {
            days.week |= 1 << ((first + day) % 7);
        }
    }
    Some(days)
}

fn day_of(text: &str) -> Option<usize> {
    DAYS.iter().position(|name| *name == text.trim())
}

/// `HH:MM-HH:MM`; the end may be said in hours past midnight, such as `30:00`.
fn parse_span(text: &str) -> Option<(u16, u16)> {
    let (begin, end) = text.split_once('-')?;
    let (begin, end) = (parse_minute(begin)?, parse_minute(end)?);
    if begin > DAY_MIN {
        return None;
    }
    let end = match end.checked_sub(DAY_MIN) {
        // Longer than a day.
        Some(past) if past > begin => return None,
        Some(past) if past > 0 => past,
        _ => end,
    };
    Some((begin.min(DAY_MIN - 1), end))
}

/// `HH:MM` up to `48:00`.
fn parse_minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let minutes = hour.checked_mul(60)?.checked_add(minute)?;
    (minute < 60 && minutes <= 2 * DAY_MIN).then_some(minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a condition holds on a day (0 is Monday) at a time.
    fn check(condition: &str, day: u8, time: &str, expected: bool) {
        let hours = parse(&condition.to_ascii_lowercase()).unwrap();
        let at = WeekTime {
            day,
            minute: parse_minute(time).unwrap(),
        };
        let holds = hours.sure.iter().any(|window| window.contains(at));
        assert_eq!(holds, expected, "{condition} on day {day} at {time}");
        let may_hold = hours.maybe.iter().any(|window| window.contains(at));
        let is_told = condition.contains("PH") || condition.contains("SH");
        assert!(is_told || !may_hold, "{condition} on day {day} at {time}");
    }

    /// Whether a condition surely holds and whether it may, on a day at a time.
    fn check_holidays(condition: &str, day: u8, time: &str, expected: (bool, bool)) {
        let hours = parse(&condition.to_ascii_lowercase()).unwrap();
        let minute = parse_minute(time).unwrap();
        let at = WeekTime { day, minute };
        let any = |windows: &[Window]| windows.iter().any(|window| window.contains(at));
        let found = (any(&hours.sure), any(&hours.maybe));
        assert_eq!(found, expected, "{condition} on day {day} at {time}");
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
        check("24/7", 6, "23:59", true);
        let week = "Mo-Fr 07:00-19:00, Sa 08:00-12:00";
        check(week, 4, "18:59", true);
        check(week, 5, "11:59", true);
        check(week, 5, "18:00", false);
        check(week, 6, "09:00", false);
        check("Mo,We 08:00-09:00,10:00-11:00,Sa,Su", 2, "10:30", true);
        check("Mo,We 08:00-09:00,10:00-11:00,Sa,Su", 5, "23:00", true);
        check("Mo,We 08:00-09:00,10:00-11:00,Sa,Su", 1, "10:30", false);
        check("07:00-19:00; Su off", 6, "10:00", false);
        check("07:00-19:00; Su off", 5, "10:00", true);
    }

    #[test]
    fn hours_may_be_counted_past_midnight() {
        check("20:00-30:00", 3, "21:00", true);
        check("20:00-30:00", 3, "05:59", true);
        check("20:00-30:00", 3, "06:00", false);
        check("Fr 20:00-30:00", 5, "03:00", true);
        check("Fr 20:00-30:00", 4, "03:00", false);
        check("06:00-30:00", 2, "12:00", true);
    }

    #[test]
    fn holidays_are_not_known() {
        let off = "Mo-Fr 07:00-19:00; PH off";
        check_holidays(off, 2, "12:00", (false, true));
        check_holidays(off, 2, "20:00", (false, false));
        check_holidays(off, 6, "12:00", (false, false));
        check_holidays("PH off; Mo-Fr 07:00-19:00", 2, "12:00", (false, true));
        check_holidays("20:00-06:00; PH", 2, "21:00", (true, true));
        check_holidays("20:00-06:00; PH", 2, "12:00", (false, true));
        check_holidays("PH", 0, "12:00", (false, true));
        check_holidays("PH 08:00-10:00", 0, "09:00", (false, true));
        check_holidays("PH 08:00-10:00", 0, "11:00", (false, false));
        check_holidays("Mo-Sa,PH 08:00-10:00", 0, "09:00", (true, true));
        check_holidays("Mo-Sa,PH 08:00-10:00", 6, "09:00", (false, true));
        check_holidays("Mo-Su,PH 08:00-10:00", 6, "09:00", (true, false));
        let own = "Mo-Fr 07:00-19:00; SH 08:00-12:00";
        check_holidays(own, 2, "18:00", (false, true));
        check_holidays(own, 6, "09:00", (false, true));
        check_holidays(own, 6, "18:00", (false, false));
    }

    #[test]
    fn other_conditions_are_not_hours() {
        for text in [
            "wet",
            "sunset-sunrise",
            "weight>7.5",
            "25:00-26:00",
            "06:00-32:00",
            "00:00-48:00",
            "20:00-49:00",
            "apr-dec",
            "2026",
            "mo-fr 07:00-19:00 off",
            "ph off",
            "off",
            "off-peak",
            "dry",
            "hgv and 06:00-22:00",
            "",
        ] {
            assert_eq!(parse(&text.to_ascii_lowercase()), None, "{text}");
        }
    }

    #[test]
    fn the_week_is_local() {
        let zone = LocalZone::default();
        let monday = Timestamp::from_rfc3339("2026-11-23T00:30:00+08:00").unwrap();
        assert_eq!(WeekTime::of(&zone, monday), WeekTime { day: 0, minute: 30 });
    }
}
