//! Moments, spans and the local zone of days and night windows.

use std::ops::{Add, Sub};

use chrono::{DateTime, NaiveDate, NaiveTime, Offset as _, SecondsFormat, TimeZone as _, Utc};
use chrono_tz::Tz;

/// A moment, in UTC.
///
/// Unit: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest moment that can be said.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest moment that can be said.
    pub const MAX: Self = Self(i64::MAX);

    /// From milliseconds since 1970 UTC.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From whole seconds since 1970 UTC.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since 1970 UTC.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 text with an offset (`2026-11-21T08:00:00+08:00`).
    ///
    /// Errors: `None` when the text is not RFC 3339.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|time| Self(time.timestamp_millis()))
    }

    /// The same moment as a chrono value; clamped to chrono's range.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(if self.0 < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
    }

    /// The span since `earlier`, negative when `earlier` is later.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_millis())
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

/// A length of time; may be negative.
///
/// Unit: milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From seconds.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// From minutes.
    pub const fn from_minutes(minutes: i64) -> Self {
        Self(minutes.saturating_mul(60_000))
    }

    /// From hours.
    pub const fn from_hours(hours: i64) -> Self {
        Self(hours.saturating_mul(3_600_000))
    }

    /// Milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Seconds, with the fraction.
    #[expect(clippy::cast_precision_loss, reason = "spans are far below 2^52 ms")]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// Minutes, with the fraction.
    pub fn minutes(self) -> f64 {
        self.seconds() / 60.0
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Span {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// The zone in which days and night windows are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalZone {
    zone: Tz,
    /// Offset when the zone has had one offset for all the time that we handle.
    fixed_offset_ms: Option<i64>,
}

impl Default for LocalZone {
    fn default() -> Self {
        Self::new(Tz::Asia__Shanghai)
    }
}

impl LocalZone {
    /// The zone of that name.
    pub fn new(zone: Tz) -> Self {
        let offset_at = |year: i32, month: u32| {
            NaiveDate::from_ymd_opt(year, month, 1).map(|date| {
                let fixed = zone
                    .offset_from_utc_datetime(&date.and_time(NaiveTime::MIN))
                    .fix();
                i64::from(fixed.local_minus_utc()) * 1000
            })
        };
        let first = offset_at(2000, 1);
        let constant =
            (2000..=2037).all(|year| (1..=12).all(|month| offset_at(year, month) == first));
        Self {
            zone,
            fixed_offset_ms: first.filter(|_| constant),
        }
    }

    /// Reads an IANA name such as `Asia/Shanghai`.
    ///
    /// Errors: `None` for an unknown name.
    pub fn from_name(name: &str) -> Option<Self> {
        name.parse().ok().map(Self::new)
    }

    /// The IANA name.
    pub fn name(&self) -> &'static str {
        self.zone.name()
    }

    /// Offset from UTC at `time`. Unit: milliseconds, east positive.
    pub fn offset_ms(&self, time: Timestamp) -> i64 {
        self.fixed_offset_ms.unwrap_or_else(|| {
            let utc = time.to_utc().naive_utc();
            i64::from(
                self.zone
                    .offset_from_utc_datetime(&utc)
                    .fix()
                    .local_minus_utc(),
            ) * 1000
        })
    }

    /// Local wall-clock milliseconds since midnight, `0..86_400_000`.
    pub fn millis_of_day(&self, time: Timestamp) -> i64 {
        time.millis()
            .saturating_add(self.offset_ms(time))
            .rem_euclid(DAY_MS)
    }

    /// Number of the local day: days since 1970-01-01 of the local calendar.
    pub fn day(&self, time: Timestamp) -> i64 {
        time.millis()
            .saturating_add(self.offset_ms(time))
            .div_euclid(DAY_MS)
    }

    /// The moment at which local day `day` begins.
    pub fn day_start(&self, day: i64) -> Timestamp {
        let local = day.saturating_mul(DAY_MS);
        let guess = Timestamp::from_millis(local);
        let first = Timestamp::from_millis(local.saturating_sub(self.offset_ms(guess)));
        Timestamp::from_millis(local.saturating_sub(self.offset_ms(first)))
    }

    /// RFC 3339 text in this zone; milliseconds only when there are any.
    pub fn rfc3339(&self, time: Timestamp) -> String {
        let format = if time.millis() % 1000 == 0 {
            SecondsFormat::Secs
        } else {
            SecondsFormat::Millis
        };
        time.to_utc()
            .with_timezone(&self.zone)
            .to_rfc3339_opts(format, false)
    }

    /// The chrono zone, for calendar arithmetic at the edge.
    pub fn tz(&self) -> Tz {
        self.zone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shanghai_is_eight_hours_ahead() {
        let zone = LocalZone::default();
        let time = Timestamp::from_rfc3339("2026-11-21T00:00:00+08:00").unwrap();
        assert_eq!(zone.fixed_offset_ms, Some(8 * 3_600_000));
        assert_eq!(zone.millis_of_day(time), 0);
        assert_eq!(zone.day_start(zone.day(time)), time);
        assert_eq!(zone.rfc3339(time), "2026-11-21T00:00:00+08:00");
    }

    #[test]
    fn a_zone_with_summer_time_has_no_fixed_offset() {
        let zone = LocalZone::from_name("Europe/Berlin").unwrap();
        let summer = Timestamp::from_rfc3339("2026-07-01T00:00:00+02:00").unwrap();
        assert_eq!(zone.fixed_offset_ms, None);
        assert_eq!(zone.millis_of_day(summer), 0);
        assert_eq!(zone.day_start(zone.day(summer)), summer);
    }
}
