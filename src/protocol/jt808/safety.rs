//! Active safety items 0x64 to 0x67 of T/JSATL 12-2017.

use crate::protocol::bcd::BcdTime;
use crate::protocol::error::DecodeError;
use crate::protocol::reader::Reader;
use crate::protocol::text::Text;

/// Label of an alarm, by which its attachments are found.
///
/// Shape: BYTE\[7\] terminal id, BCD\[6\] time, BYTE sequence, BYTE attachments,
/// BYTE reserved. The Guangdong form has an id of 30 bytes and two reserved
/// bytes, 40 in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlarmLabel<'a> {
    /// Terminal id.
    pub terminal_id: Text<'a>,
    /// Time. Unit: GMT+8.
    pub time: BcdTime,
    /// Number within that second, from 0.
    pub sequence: u8,
    /// Number of attachments.
    pub attachments: u8,
}

impl<'a> AlarmLabel<'a> {
    /// Reads a label that leaves `behind` bytes after it; its form follows from the length.
    pub fn decode(r: &mut Reader<'a>, behind: usize) -> Result<Self, DecodeError> {
        let long = r.remaining() == 40_usize.saturating_add(behind);
        let label = Self {
            terminal_id: r.text_fixed(if long { 30 } else { 7 })?,
            time: r.time()?,
            sequence: r.u8()?,
            attachments: r.u8()?,
        };
        r.take(if long { 2 } else { 1 })?;
        Ok(label)
    }
}

/// Where and when a safety alarm was.
///
/// Shape: BYTE speed, WORD altitude, DWORD latitude, DWORD longitude, BCD\[6\]
/// time, WORD vehicle state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SafetyPlace {
    /// Unit: km/h.
    pub speed_kmh: u8,
    /// Unit: metre.
    pub altitude_m: u16,
    /// Unit: 1e-6 degree.
    pub lat_udeg: u32,
    /// Unit: 1e-6 degree.
    pub lon_udeg: u32,
    /// Unit: GMT+8.
    pub time: BcdTime,
    /// Bits: 0 ignition, 1 left turn, 2 right turn, 3 wiper, 4 brake, 5 card, 10 positioned.
    pub vehicle_state: u16,
}

impl SafetyPlace {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            speed_kmh: r.u8()?,
            altitude_m: r.u16()?,
            lat_udeg: r.u32()?,
            lon_udeg: r.u32()?,
            time: r.time()?,
            vehicle_state: r.u16()?,
        })
    }
}

/// Driver assistance alarm, item 0x64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdasAlarm<'a> {
    /// Alarm number, counted over all kinds.
    pub alarm_id: u32,
    /// 0 not usable, 1 begin, 2 end.
    pub phase: u8,
    /// 1 forward collision, 2 lane departure, 3 too close, 4 pedestrian, ...
    pub kind: u8,
    /// 1 or 2.
    pub level: u8,
    /// Speed of the vehicle ahead, kinds 1 and 2. Unit: km/h.
    pub ahead_speed_kmh: u8,
    /// Distance ahead, kinds 1, 2 and 4. Unit: 100 ms.
    pub ahead_distance_ds: u8,
    /// 1 left, 2 right, kind 2.
    pub departure: u8,
    /// Sign: 1 speed, 2 height, 3 weight.
    pub sign: u8,
    /// What the sign says.
    pub sign_value: u8,
    /// Where and when.
    pub place: SafetyPlace,
    /// Label of the attachments.
    pub label: AlarmLabel<'a>,
}

impl<'a> AdasAlarm<'a> {
    /// Reads the item. Shape: 47 bytes.
    pub fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            alarm_id: r.u32()?,
            phase: r.u8()?,
            kind: r.u8()?,
            level: r.u8()?,
            ahead_speed_kmh: r.u8()?,
            ahead_distance_ds: r.u8()?,
            departure: r.u8()?,
            sign: r.u8()?,
            sign_value: r.u8()?,
            place: SafetyPlace::decode(r)?,
            label: AlarmLabel::decode(r, 0)?,
        })
    }
}

/// Driver state alarm, item 0x65.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DsmAlarm<'a> {
    /// Alarm number, counted over all kinds.
    pub alarm_id: u32,
    /// 0 not usable, 1 begin, 2 end.
    pub phase: u8,
    /// 1 fatigue, 2 phone, 3 smoking, 4 distraction, 5 driver abnormal, ...
    pub kind: u8,
    /// 1 or 2.
    pub level: u8,
    /// Degree of fatigue, 1 to 10, kind 1.
    pub fatigue: u8,
    /// Where and when.
    pub place: SafetyPlace,
    /// Label of the attachments.
    pub label: AlarmLabel<'a>,
}

impl<'a> DsmAlarm<'a> {
    /// Reads the item. Shape: 47 bytes, bytes 8..12 reserved.
    pub fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let alarm_id = r.u32()?;
        let [phase, kind, level, fatigue] = r.array()?;
        r.take(4)?;
        Ok(Self {
            alarm_id,
            phase,
            kind,
            level,
            fatigue,
            place: SafetyPlace::decode(r)?,
            label: AlarmLabel::decode(r, 0)?,
        })
    }
}

/// Blind spot alarm, item 0x67.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BsdAlarm<'a> {
    /// Alarm number, counted over all kinds.
    pub alarm_id: u32,
    /// 0 not usable, 1 begin, 2 end.
    pub phase: u8,
    /// 1 rear, 2 left rear, 3 right rear.
    pub kind: u8,
    /// Where and when.
    pub place: SafetyPlace,
    /// Label of the attachments.
    pub label: AlarmLabel<'a>,
}

impl<'a> BsdAlarm<'a> {
    /// Reads the item. Shape: 41 bytes.
    pub fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            alarm_id: r.u32()?,
            phase: r.u8()?,
            kind: r.u8()?,
            place: SafetyPlace::decode(r)?,
            label: AlarmLabel::decode(r, 0)?,
        })
    }
}

/// Tyre alarm, item 0x66.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TpmsAlarm<'a> {
    /// Alarm number, counted over all kinds.
    pub alarm_id: u32,
    /// 0 not usable, 1 begin, 2 end.
    pub phase: u8,
    /// Where and when.
    pub place: SafetyPlace,
    /// Label of the attachments.
    pub label: AlarmLabel<'a>,
    /// The wheels, raw: see [`TpmsAlarm::wheels`].
    raw_wheels: &'a [u8],
    /// Bytes of the wheel number, 1 or 2.
    wheel_bytes: usize,
}

/// State of one wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wheel {
    /// Number from the left front, in Z order, from 0.
    pub position: u16,
    /// Bits: 0 periodic, 1 pressure high, 2 low, 3 temperature high, 4 sensor
    /// fault, 5 imbalance, 6 slow leak, 7 battery low.
    pub flags: u16,
    /// Unit: kPa.
    pub pressure_kpa: u16,
    /// Unit: degree Celsius.
    pub temperature_c: i16,
    /// Unit: percent.
    pub battery_percent: u16,
}

impl<'a> TpmsAlarm<'a> {
    /// Reads the item.
    ///
    /// Shape: 40 bytes, BYTE n, n entries of 9 bytes; also 10 bytes an entry (a
    /// wheel number of two bytes), by the length.
    pub fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let alarm_id = r.u32()?;
        let phase = r.u8()?;
        let place = SafetyPlace::decode(r)?;
        let label = AlarmLabel::decode(r, usize::MAX)?;
        let count = usize::from(r.u8()?);
        let wheel_bytes = if r.remaining() == count.saturating_mul(10) {
            2
        } else {
            1
        };
        let entry_bytes = if wheel_bytes == 2 { 10 } else { 9 };
        Ok(Self {
            alarm_id,
            phase,
            place,
            label,
            raw_wheels: r.take(count.saturating_mul(entry_bytes))?,
            wheel_bytes,
        })
    }

    /// The wheels in order.
    pub fn wheels(&self) -> impl Iterator<Item = Wheel> + use<'a> {
        let mut r = Reader::new(self.raw_wheels);
        let wheel_bytes = self.wheel_bytes;
        std::iter::from_fn(move || {
            let position = match wheel_bytes {
                2 => r.u16(),
                _ => r.u8().map(u16::from),
            };
            Some(Wheel {
                position: position.ok()?,
                flags: r.u16().ok()?,
                pressure_kpa: r.u16().ok()?,
                temperature_c: r.u16().ok()?.cast_signed(),
                battery_percent: r.u16().ok()?,
            })
        })
    }
}
