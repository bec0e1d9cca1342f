//! Times in binary coded decimal.

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, TimeDelta, Timelike as _};

/// A time of the wire, not checked yet.
///
/// Shape: BCD\[6\] YY MM DD hh mm ss.
/// Unit: GMT+8 in every message but 0x8004; years are 2000 to 2099.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BcdTime(pub [u8; 6]);

/// Offset of the protocol's times from UTC. Unit: seconds.
const GMT8_S: i64 = 8 * 3600;

impl BcdTime {
    /// The six numbers, or `None` when a nibble is no digit.
    pub fn numbers(self) -> Option<[u8; 6]> {
        let mut numbers = self.0;
        for byte in &mut numbers {
            *byte = decimal(*byte)?;
        }
        Some(numbers)
    }

    /// The date and time of day as written, or `None` when there is no such date.
    pub fn date_time(self) -> Option<NaiveDateTime> {
        let [year, month, day, hour, minute, second] = self.numbers()?;
        NaiveDate::from_ymd_opt(
            2000_i32.saturating_add(i32::from(year)),
            month.into(),
            day.into(),
        )?
        .and_hms_opt(hour.into(), minute.into(), second.into())
    }

    /// Milliseconds since 1970 UTC, reading the digits as GMT+8.
    ///
    /// Errors: `None` when the digits are no date, such as month 0.
    pub fn unix_ms(self) -> Option<i64> {
        let seconds = self.date_time()?.and_utc().timestamp();
        Some(seconds.saturating_sub(GMT8_S).saturating_mul(1000))
    }

    /// The GMT+8 form of a moment in seconds since 1970 UTC.
    ///
    /// Errors: `None` outside of the years 2000 to 2099.
    pub fn from_unix_s(unix_s: i64) -> Option<Self> {
        Self::utc_from_unix_s(unix_s.checked_add(GMT8_S)?)
    }

    /// The UTC form of a moment, as 0x8004 wants it.
    ///
    /// Errors: `None` outside of the years 2000 to 2099.
    pub fn utc_from_unix_s(unix_s: i64) -> Option<Self> {
        let time = chrono::DateTime::from_timestamp(unix_s, 0)?.naive_utc();
        Self::from_date_time(time)
    }

    /// The form of a date and time of day as written.
    ///
    /// Errors: `None` outside of the years 2000 to 2099.
    pub fn from_date_time(time: NaiveDateTime) -> Option<Self> {
        let year = u32::try_from(time.year().checked_sub(2000)?).ok()?;
        let parts = [
            year,
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second(),
        ];
        let mut bytes = [0; 6];
        for (byte, part) in bytes.iter_mut().zip(parts) {
            *byte = bcd(u8::try_from(part).ok()?)?;
        }
        Some(Self(bytes))
    }

    /// Reads twelve decimal digits, `YYMMDDhhmmss`.
    pub fn from_digits(digits: &str) -> Option<Self> {
        let mut bytes = [0; 6];
        let pairs = digits.as_bytes().as_chunks::<2>();
        if pairs.0.len() != bytes.len() || !pairs.1.is_empty() {
            return None;
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs.0) {
            if !high.is_ascii_digit() || !low.is_ascii_digit() {
                return None;
            }
            *byte = (high & 0x0f) << 4 | (low & 0x0f);
        }
        Some(Self(bytes))
    }

    /// The time two moments apart: this one moved by `seconds`, as written.
    pub fn moved(self, seconds: i64) -> Option<Self> {
        let delta = TimeDelta::try_seconds(seconds)?;
        Self::from_date_time(self.date_time()?.checked_add_signed(delta)?)
    }
}

impl std::fmt::Display for BcdTime {
    /// The twelve nibbles.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for BcdTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// The number of one BCD byte, or `None` when a nibble is no digit.
pub const fn decimal(byte: u8) -> Option<u8> {
    let (high, low) = (byte >> 4, byte & 0x0f);
    if high > 9 || low > 9 {
        return None;
    }
    Some(high.wrapping_mul(10).wrapping_add(low))
}

/// The BCD byte of a number below 100.
pub const fn bcd(number: u8) -> Option<u8> {
    if number > 99 {
        return None;
    }
    Some(((number / 10) << 4) | (number % 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_eight_hours_ahead() {
        let time = BcdTime([0x26, 0x11, 0x21, 0x08, 0x00, 0x00]);
        assert_eq!(time.unix_ms(), Some(1_795_219_200_000));
        assert_eq!(BcdTime::from_unix_s(1_795_219_200), Some(time));
        assert_eq!(BcdTime::from_digits("261121080000"), Some(time));
    }

    #[test]
    fn month_zero_and_letters_are_no_time() {
        assert_eq!(BcdTime([0; 6]).unix_ms(), None);
        assert_eq!(BcdTime([0x26, 0x1a, 1, 0, 0, 0]).unix_ms(), None);
        assert_eq!(BcdTime([0x26, 0x02, 0x30, 0, 0, 0]).unix_ms(), None);
    }
}
