//! Times as files write them. RFC 3339 in its usual shape is read without chrono: it is hot.

use chrono::{DateTime, NaiveDateTime};

use super::error::{LineError, excerpt};
use crate::model::{LocalZone, Span, Timestamp};

/// Reads RFC 3339 text with an offset.
///
/// # Errors
///
/// `None` when it is not.
pub(super) fn rfc3339(text: &str) -> Option<Timestamp> {
    let (local_ms, rest) = wall_clock(text.as_bytes(), b"T", b"-")?;
    let offset_ms = match rest {
        b"Z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let minutes = pair(*h1, *h2, 23)? * 60 + pair(*m1, *m2, 59)?;
            Some(minutes * if *sign == b'+' { 60_000 } else { -60_000 })
        }
        _ => None,
    };
    offset_ms.map(|offset| Timestamp::from_millis(local_ms - offset))
}

/// Reads `YYYY-MM-DDThh:mm:ss[.fraction]`; what follows is handed back.
///
/// Shape: `between` are the bytes allowed between date and time, `dash` those inside the date.
/// Unit: milliseconds since 1970 of the same clock.
fn wall_clock<'a>(text: &'a [u8], between: &[u8], dash: &[u8]) -> Option<(i64, &'a [u8])> {
    let (head, mut rest) = text.split_at_checked(19)?;
    let [
        y1,
        y2,
        y3,
        y4,
        d1,
        mo1,
        mo2,
        d2,
        da1,
        da2,
        t,
        h1,
        h2,
        b':',
        mi1,
        mi2,
        b':',
        s1,
        s2,
    ] = *head
    else {
        return None;
    };
    if !dash.contains(&d1) || d1 != d2 || !between.contains(&t) {
        return None;
    }
    let year = pair(y1, y2, 99)? * 100 + pair(y3, y4, 99)?;
    let (month, day) = (pair(mo1, mo2, 12)?, pair(da1, da2, 31)?);
    if month == 0 || day == 0 || day > month_days(year, month) {
        return None;
    }
    let seconds = (pair(h1, h2, 23)? * 60 + pair(mi1, mi2, 59)?) * 60 + pair(s1, s2, 59)?;
    let mut millis = 0;
    if let Some((b'.', fraction)) = rest.split_first() {
        let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let (digits, after) = fraction.split_at(digits);
        for place in 0..3 {
            millis = millis * 10 + digits.get(place).map_or(0, |digit| i64::from(digit - b'0'));
        }
        rest = after;
    }
    Some((
        (days_since_1970(year, month, day) * 86_400 + seconds) * 1000 + millis,
        rest,
    ))
}

/// Two digits up to `max`.
fn pair(tens: u8, ones: u8, max: i64) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    let value = i64::from(tens) * 10 + i64::from(ones);
    (tens <= 9 && ones <= 9 && value <= max).then_some(value)
}

fn month_days(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar; years begin in March so that leap days come last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// How the times of a file are written.
#[derive(Clone, Debug, Default)]
pub struct TimeReader {
    zone: Option<LocalZone>,
    format: Option<String>,
}

impl TimeReader {
    /// Times without an offset are of `zone`; `format` is a strftime pattern for other shapes.
    pub const fn new(zone: Option<LocalZone>, format: Option<String>) -> Self {
        Self { zone, format }
    }

    /// Reads a time.
    ///
    /// # Errors
    ///
    /// [`LineError::BadTime`].
    pub fn read(&self, text: &str) -> Result<Timestamp, LineError> {
        let text = text.trim();
        if let Some(format) = &self.format {
            return self.read_format(text, format);
        }
        if let Some(time) = rfc3339(text) {
            return Ok(time);
        }
        let Some((local_ms, b"")) = wall_clock(text.as_bytes(), b"T ", b"-/") else {
            return Timestamp::from_rfc3339(text)
                .ok_or_else(|| bad_time(text, "RFC 3339 or YYYY-MM-DD hh:mm:ss"));
        };
        self.zoned(local_ms, text)
    }

    /// Reads a plain number of seconds, counted from any moment; `None` where it is none, and where
    /// times have a format of their own.
    pub(super) fn seconds(&self, text: &str) -> Option<Timestamp> {
        let seconds = text.trim().parse().ok().filter(|_| self.format.is_none())?;
        timestamp_of_seconds(seconds)
    }

    fn read_format(&self, text: &str, format: &str) -> Result<Timestamp, LineError> {
        if let Ok(time) = DateTime::parse_from_str(text, format) {
            return Ok(Timestamp::from_millis(time.timestamp_millis()));
        }
        match NaiveDateTime::parse_from_str(text, format) {
            Ok(time) => self.zoned(time.and_utc().timestamp_millis(), text),
            Err(_) => Err(bad_time(text, "of the time format given")),
        }
    }

    /// The moment at which clocks of the zone show `local_ms`.
    fn zoned(&self, local_ms: i64, text: &str) -> Result<Timestamp, LineError> {
        let zone = self
            .zone
            .as_ref()
            .ok_or_else(|| bad_time(text, "with an offset, and no time zone was given"))?;
        let local = Timestamp::from_millis(local_ms);
        let guess = local - Span::from_millis(zone.offset_ms(local));
        Ok(local - Span::from_millis(zone.offset_ms(guess)))
    }
}

/// Largest number of seconds that is a time: the year 10000. Unit: s.
const SECONDS_MAX: f64 = 253_402_300_800.0;

/// The moment that many seconds after the beginning; `None` when that is no moment.
pub(super) fn timestamp_of_seconds(seconds: f64) -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked here")]
    (seconds.abs() <= SECONDS_MAX)
        .then(|| Timestamp::from_millis((seconds * 1000.0).round() as i64))
}

pub(super) fn bad_time(text: &str, expected: &'static str) -> LineError {
    LineError::BadTime {
        text: excerpt(text),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_reader_says_what_chrono_says() {
        for text in [
            "2026-11-21T08:00:00+08:00",
            "2024-02-29T23:59:59Z",
            "2023-02-29T23:59:59Z",
            "1969-12-31T23:59:59.999Z",
            "2026-11-21T08:00:00.5-03:30",
            "2026-11-21T08:00:00.123456789+00:00",
            "2000-01-01T00:00:00Z",
            "2100-03-01T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-31T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T08:00:00",
            "2026-11-21T08:00:00.Z",
            "2026-11-21T08:00:00+08:00x",
            "2026-11-21T08:00:00+0800",
            "",
            "2026",
            "二〇二六年十一月二十一日",
        ] {
            assert_eq!(rfc3339(text), Timestamp::from_rfc3339(text), "{text}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_is_right() {
        let mut day = chrono::NaiveDate::from_ymd_opt(1899, 12, 31).unwrap();
        for _ in 0..146_097 {
            let text = format!("{day}T12:00:00Z");
            assert_eq!(rfc3339(&text), Timestamp::from_rfc3339(&text), "{text}");
            day = day.succ_opt().unwrap();
        }
    }

    #[test]
    fn a_time_without_offset_needs_a_zone() {
        let expected = Timestamp::from_rfc3339("2018-08-04T02:29:30Z").unwrap();
        let utc = TimeReader::new(LocalZone::from_name("UTC"), None);
        assert_eq!(utc.read("2018-08-04 02:29:30"), Ok(expected));
        assert_eq!(utc.read("2018/08/04 02:29:30"), Ok(expected));
        assert_eq!(utc.read("2018-08-04T10:29:30+08:00"), Ok(expected));
        let none = TimeReader::default();
        assert_eq!(
            none.read("2018-08-04 02:29:30").unwrap_err().code(),
            "bad_time"
        );
        let shaped = TimeReader::new(
            LocalZone::from_name("Asia/Shanghai"),
            Some("%Y-%m-%d-%H.%M.%S%.f".to_owned()),
        );
        assert_eq!(shaped.read("2018-08-04-10.29.30.000000"), Ok(expected));
    }
}
