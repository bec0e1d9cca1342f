//! The fields of one fix as differences from the fix before.
//!
//! A fix is a set of changed fields (a number of one or two bytes, common fields in its low seven
//! bits), then the changed fields in the order of their bits. A parked vehicle that reports at a
//! steady pace costs one byte for each field that moves and one for the set.

use super::TrackError;
use super::varint::{put, put_signed, take, take_signed, unzigzag, zigzag};
use crate::model::{
    Course, DriverId, Events, Fix, Odometer, Position, Quality, Source, Speed, Timestamp, VehicleId,
};

/// Bits of the set of changed fields.
mod changed {
    /// The step of fix time differs from the step before; the new step follows.
    pub(super) const STEP: u64 = 1;
    /// The received time differs; the change of its distance from fix time follows.
    pub(super) const RECEIVED: u64 = 1 << 1;
    /// Latitude and longitude, differences.
    pub(super) const PLACE: u64 = 1 << 2;
    /// Speed, difference.
    pub(super) const SPEED: u64 = 1 << 3;
    /// Course, optional.
    pub(super) const COURSE: u64 = 1 << 4;
    /// Altitude, optional.
    pub(super) const ALTITUDE: u64 = 1 << 5;
    /// Odometer, optional.
    pub(super) const ODOMETER: u64 = 1 << 6;
    /// Step in milliseconds instead of seconds.
    pub(super) const STEP_IN_MS: u64 = 1 << 7;
    /// Speed in thousandths of km/h instead of tenths.
    pub(super) const SPEED_IN_MKMH: u64 = 1 << 8;
    /// Alarm bits, those that differ.
    pub(super) const ALARM: u64 = 1 << 9;
    /// Status bits, those that differ.
    pub(super) const STATUS: u64 = 1 << 10;
    /// Driver, optional.
    pub(super) const DRIVER: u64 = 1 << 11;
    /// Source.
    pub(super) const SOURCE: u64 = 1 << 12;
    /// Quality bits.
    pub(super) const QUALITY: u64 = 1 << 13;
    /// Events of the report, their bits. Written since events are kept; older records have none.
    pub(super) const EVENTS: u64 = 1 << 14;
    /// Persons aboard, optional. Written since then too.
    pub(super) const PASSENGERS: u64 = 1 << 15;
    /// The first set that means nothing.
    pub(super) const END: u64 = 1 << 16;
}

/// What both directions remember of the fixes before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    /// The fix before; all zero at the beginning.
    last: Fix,
    /// Fix time of `last` minus that of the one before. Unit: ms.
    step_ms: i64,
    /// The last known value of each optional field, so that a gap costs nothing after it.
    course: i64,
    altitude: i64,
    odometer: i64,
    driver: i64,
    passengers: i64,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            last: Fix {
                source: Source::Terminal,
                ..Fix::EMPTY
            },
            step_ms: 0,
            course: 0,
            altitude: 0,
            odometer: 0,
            driver: 0,
            passengers: 0,
        }
    }
}

impl Memory {
    /// Appends `fix`; its vehicle is not written.
    pub(super) fn put(&mut self, bytes: &mut Vec<u8>, fix: &Fix) {
        let before = self.last;
        let step_ms = fix.time.millis().wrapping_sub(before.time.millis());
        let lat = difference(fix.position.lat_udeg, before.position.lat_udeg);
        let lon = difference(fix.position.lon_udeg, before.position.lon_udeg);
        let speed = difference(fix.speed.mkmh(), before.speed.mkmh());
        let set = flag(step_ms != self.step_ms, changed::STEP)
            | flag(
                step_ms != self.step_ms && step_ms % 1000 != 0,
                changed::STEP_IN_MS,
            )
            | flag(fix.received != before.received, changed::RECEIVED)
            | flag(fix.position != before.position, changed::PLACE)
            | flag(speed != 0, changed::SPEED)
            | flag(speed % 100 != 0, changed::SPEED_IN_MKMH)
            | flag(fix.course != before.course, changed::COURSE)
            | flag(fix.altitude_m != before.altitude_m, changed::ALTITUDE)
            | flag(fix.odometer != before.odometer, changed::ODOMETER)
            | flag(fix.alarm != before.alarm, changed::ALARM)
            | flag(fix.status != before.status, changed::STATUS)
            | flag(fix.driver != before.driver, changed::DRIVER)
            | flag(fix.source != before.source, changed::SOURCE)
            | flag(fix.quality != before.quality, changed::QUALITY)
            | flag(fix.events != before.events, changed::EVENTS)
            | flag(fix.passengers != before.passengers, changed::PASSENGERS);
        put(bytes, set);
        if set & changed::STEP_IN_MS != 0 {
            put_signed(bytes, step_ms);
        } else if set & changed::STEP != 0 {
            put_signed(bytes, step_ms / 1000);
        }
        if set & changed::RECEIVED != 0 {
            put_signed(bytes, lag(fix).wrapping_sub(lag(&before)));
        }
        if set & changed::PLACE != 0 {
            put_signed(bytes, lat);
            put_signed(bytes, lon);
        }
        if set & changed::SPEED_IN_MKMH != 0 {
            put_signed(bytes, speed);
        } else if set & changed::SPEED != 0 {
            put_signed(bytes, speed / 100);
        }
        if set & changed::COURSE != 0 {
            let course = fix.course.map(|course| i64::from(course.degrees()));
            put_optional(bytes, course, &mut self.course);
        }
        if set & changed::ALTITUDE != 0 {
            put_optional(bytes, fix.altitude_m.map(i64::from), &mut self.altitude);
        }
        if set & changed::ODOMETER != 0 {
            let odometer = fix.odometer.map(|odometer| i64::from(odometer.hm()));
            put_optional(bytes, odometer, &mut self.odometer);
        }
        if set & !(changed::ALARM - 1) != 0 {
            self.put_rare(bytes, set, fix);
        }
        self.step_ms = step_ms;
        self.last = *fix;
    }

    #[cold]
    fn put_rare(&mut self, bytes: &mut Vec<u8>, set: u64, fix: &Fix) {
        if set & changed::ALARM != 0 {
            put(bytes, u64::from(fix.alarm ^ self.last.alarm));
        }
        if set & changed::STATUS != 0 {
            put(bytes, u64::from(fix.status ^ self.last.status));
        }
        if set & changed::DRIVER != 0 {
            let driver = fix.driver.map(|driver| i64::from(driver.0));
            put_optional(bytes, driver, &mut self.driver);
        }
        if set & changed::SOURCE != 0 {
            put(bytes, u64::from(fix.source.code()));
        }
        if set & changed::QUALITY != 0 {
            put(bytes, u64::from(fix.quality.bits()));
        }
        if set & changed::EVENTS != 0 {
            put(bytes, fix.events.bits());
        }
        if set & changed::PASSENGERS != 0 {
            put_optional(bytes, fix.passengers.map(i64::from), &mut self.passengers);
        }
    }

    /// Takes the next fix from the front and gives it to `vehicle`.
    ///
    /// # Errors
    /// As the bytes are; the memory is then of no use.
    pub(super) fn take(
        &mut self,
        bytes: &mut &[u8],
        vehicle: VehicleId,
    ) -> Result<Fix, TrackError> {
        let set = take(bytes)?;
        if set >= changed::END {
            return Err(TrackError::Range {
                what: "set of fields",
            });
        }
        let last = self.last;
        let mut fix = last;
        fix.vehicle = vehicle;
        if set & changed::STEP != 0 {
            let step = take_signed(bytes)?;
            let unit = if set & changed::STEP_IN_MS != 0 {
                1
            } else {
                1000
            };
            self.step_ms = step.wrapping_mul(unit);
        }
        fix.time = Timestamp::from_millis(last.time.millis().wrapping_add(self.step_ms));
        if set & changed::RECEIVED != 0 {
            let lag = lag(&last).wrapping_add(take_signed(bytes)?);
            fix.received = Timestamp::from_millis(fix.time.millis().wrapping_add(lag));
        }
        if set & changed::PLACE != 0 {
            fix.position = Position {
                lat_udeg: moved(last.position.lat_udeg, take_signed(bytes)?, "latitude")?,
                lon_udeg: moved(last.position.lon_udeg, take_signed(bytes)?, "longitude")?,
            };
        }
        if set & changed::SPEED != 0 {
            let difference = take_signed(bytes)?;
            let unit = if set & changed::SPEED_IN_MKMH != 0 {
                1
            } else {
                100
            };
            let mkmh = moved(last.speed.mkmh(), difference.wrapping_mul(unit), "speed")?;
            fix.speed = Speed::from_mkmh(mkmh);
        }
        if set & changed::COURSE != 0 {
            let degrees = take_optional(bytes, &mut self.course, "course")?;
            fix.course = match degrees {
                Some(degrees) => Some(
                    Course::from_degrees(degrees).ok_or(TrackError::Range { what: "course" })?,
                ),
                None => None,
            };
        }
        if set & changed::ALTITUDE != 0 {
            fix.altitude_m = take_optional(bytes, &mut self.altitude, "altitude")?;
        }
        if set & changed::ODOMETER != 0 {
            let hm = take_optional(bytes, &mut self.odometer, "odometer")?;
            fix.odometer = hm.map(Odometer::from_hm);
        }
        if set & !(changed::ALARM - 1) != 0 {
            self.take_rare(bytes, set, &mut fix)?;
        }
        self.last = fix;
        Ok(fix)
    }

    #[cold]
    fn take_rare(&mut self, bytes: &mut &[u8], set: u64, fix: &mut Fix) -> Result<(), TrackError> {
        if set & changed::ALARM != 0 {
            fix.alarm ^= number::<u32>(bytes, "alarm bits")?;
        }
        if set & changed::STATUS != 0 {
            fix.status ^= number::<u32>(bytes, "status bits")?;
        }
        if set & changed::DRIVER != 0 {
            let driver = take_optional(bytes, &mut self.driver, "driver")?;
            fix.driver = driver.map(DriverId);
        }
        if set & changed::SOURCE != 0 {
            let code = number::<u8>(bytes, "source")?;
            fix.source = Source::from_code(code).ok_or(TrackError::Range { what: "source" })?;
        }
        if set & changed::QUALITY != 0 {
            fix.quality = Quality::from_bits(number::<u16>(bytes, "quality bits")?);
        }
        if set & changed::EVENTS != 0 {
            fix.events = Events::from_bits(take(bytes)?);
        }
        if set & changed::PASSENGERS != 0 {
            fix.passengers = take_optional(bytes, &mut self.passengers, "passengers")?;
        }
        Ok(())
    }
}

const fn flag(is: bool, bit: u64) -> u64 {
    if is { bit } else { 0 }
}

/// Received time minus fix time. Unit: ms.
const fn lag(fix: &Fix) -> i64 {
    fix.received.millis().wrapping_sub(fix.time.millis())
}

fn difference(new: impl Into<i64>, old: impl Into<i64>) -> i64 {
    // Both are of at most 32 bits.
    new.into().wrapping_sub(old.into())
}

/// A value moved by a difference that was read.
fn moved<T: Into<i64> + TryFrom<i64>>(
    old: T,
    difference: i64,
    what: &'static str,
) -> Result<T, TrackError> {
    T::try_from(old.into().wrapping_add(difference)).or(Err(TrackError::Range { what }))
}

/// Writes 0 for nothing, else one more than the zigzag difference from the last known value.
fn put_optional(bytes: &mut Vec<u8>, value: Option<i64>, known: &mut i64) {
    match value {
        Some(value) => {
            put(bytes, zigzag(value.wrapping_sub(*known)).wrapping_add(1));
            *known = value;
        }
        None => put(bytes, 0),
    }
}

/// The reverse of [`put_optional`].
fn take_optional<T: TryFrom<i64>>(
    bytes: &mut &[u8],
    known: &mut i64,
    what: &'static str,
) -> Result<Option<T>, TrackError> {
    let Some(difference) = take(bytes)?.checked_sub(1) else {
        return Ok(None);
    };
    *known = known.wrapping_add(unzigzag(difference));
    T::try_from(*known)
        .map(Some)
        .or(Err(TrackError::Range { what }))
}

fn number<T: TryFrom<u64>>(bytes: &mut &[u8], what: &'static str) -> Result<T, TrackError> {
    T::try_from(take(bytes)?).or(Err(TrackError::Range { what }))
}
