//! Additional items of a location report.
//!
//! Shape: BYTE id, BYTE length, value; repeated to the end of the body.
//! An unknown id or a length that the table does not know stays raw; an item
//! past the end marks the report as damaged; repeated ids are all kept.

use super::safety::{AdasAlarm, BsdAlarm, DsmAlarm, TpmsAlarm};
use crate::protocol::error::DecodeError;
use crate::protocol::reader::Reader;

/// Odometer.
pub const ODOMETER: u8 = 0x01;
/// Fuel.
pub const FUEL: u8 = 0x02;
/// Speed of the recorder.
pub const RECORDER_SPEED: u8 = 0x03;
/// Alarm event that a person must confirm (2013 and later).
pub const ALARM_EVENT: u8 = 0x04;
/// Tyre pressures (2019).
pub const TYRE_PRESSURE: u8 = 0x05;
/// Cabin temperature (2019).
pub const TEMPERATURE: u8 = 0x06;
/// Where the overspeed alarm holds.
pub const OVERSPEED: u8 = 0x11;
/// Into or out of an area or route.
pub const AREA: u8 = 0x12;
/// Travel time of a route segment.
pub const SEGMENT: u8 = 0x13;
/// Video alarms (JT/T 1078).
pub const VIDEO_ALARM: u8 = 0x14;
/// Video signal lost, by channel (JT/T 1078).
pub const VIDEO_LOST: u8 = 0x15;
/// Video signal covered, by channel (JT/T 1078).
pub const VIDEO_COVERED: u8 = 0x16;
/// Storage faults (JT/T 1078).
pub const STORAGE_FAULT: u8 = 0x17;
/// Abnormal driving (JT/T 1078).
pub const ABNORMAL_DRIVING: u8 = 0x18;
/// Vehicle signals (2013 and later).
pub const VEHICLE_SIGNALS: u8 = 0x25;
/// IO state (2013 and later).
pub const IO_STATE: u8 = 0x2a;
/// Analogue inputs (2013 and later).
pub const ANALOG: u8 = 0x2b;
/// Radio signal strength (2013 and later).
pub const SIGNAL_STRENGTH: u8 = 0x30;
/// Satellites in use (2013 and later).
pub const SATELLITES: u8 = 0x31;
/// Driver assistance alarm (T/JSATL 12-2017).
pub const ADAS: u8 = 0x64;
/// Driver state alarm (T/JSATL 12-2017).
pub const DSM: u8 = 0x65;
/// Tyre alarm (T/JSATL 12-2017).
pub const TPMS: u8 = 0x66;
/// Blind spot alarm (T/JSATL 12-2017).
pub const BSD: u8 = 0x67;

/// One item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdditionalItem<'a> {
    /// Which one.
    pub id: u8,
    /// Its value as received.
    pub value: &'a [u8],
}

/// Reads items one by one.
#[derive(Clone, Debug)]
pub struct AdditionalItems<'a> {
    rest: &'a [u8],
    damaged: bool,
}

impl<'a> AdditionalItems<'a> {
    /// The items in these bytes.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            damaged: false,
        }
    }

    /// Whether an item was seen that runs past the end.
    pub const fn is_damaged(&self) -> bool {
        self.damaged
    }
}

impl<'a> Iterator for AdditionalItems<'a> {
    type Item = AdditionalItem<'a>;

    #[inline]
    fn next(&mut self) -> Option<AdditionalItem<'a>> {
        let (id, value, rest) = match self.rest {
            [] => return None,
            [id, length, rest @ ..] => {
                let Some((value, rest)) = rest.split_at_checked(usize::from(*length)) else {
                    self.damaged = true;
                    self.rest = &[];
                    return None;
                };
                (*id, value, rest)
            }
            [_] => {
                self.damaged = true;
                self.rest = &[];
                return None;
            }
        };
        self.rest = rest;
        Some(AdditionalItem { id, value })
    }
}

/// Kind of the place that an overspeed or area item names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceKind(pub u8);

impl PlaceKind {
    /// The place as a word; `None` for a code without a meaning.
    pub const fn name(self) -> Option<&'static str> {
        match self.0 {
            0 => Some("none"),
            1 => Some("circle"),
            2 => Some("rectangle"),
            3 => Some("polygon"),
            4 => Some("route"),
            _ => None,
        }
    }
}

/// The value of an item that we know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ItemValue<'a> {
    /// 0x01. Unit: 0.1 km.
    OdometerDkm(u32),
    /// 0x02. Unit: 0.1 L.
    FuelDl(u16),
    /// 0x03. Unit: 0.1 km/h.
    RecorderSpeedDkmh(u16),
    /// 0x04, counted from 1.
    AlarmEvent(u16),
    /// 0x05, a byte a wheel; the printed unit cannot be right, so raw.
    TyrePressure(&'a [u8; 30]),
    /// 0x06. Unit: degree Celsius; both readings of the sign are accepted.
    TemperatureC(i16),
    /// 0x11.
    Overspeed {
        /// Where it holds.
        place: PlaceKind,
        /// Which area or segment; `None` without a place.
        id: Option<u32>,
    },
    /// 0x12.
    Area {
        /// Kind of the area.
        place: PlaceKind,
        /// Which one.
        id: u32,
        /// Out (1) rather than in (0).
        leaving: bool,
    },
    /// 0x13.
    Segment {
        /// Which segment.
        id: u32,
        /// Travel time. Unit: second.
        travel_s: u16,
        /// Too long (1) rather than too short (0).
        too_long: bool,
    },
    /// 0x14, 0x15, 0x16 and 0x25: flags.
    Flags(u32),
    /// 0x17 and 0x2A: flags.
    Flags16(u16),
    /// 0x18.
    AbnormalDriving {
        /// What is abnormal.
        flags: u16,
        /// Degree of fatigue, 0 to 100, when it is sent.
        fatigue: Option<u8>,
    },
    /// 0x2B.
    Analog {
        /// Bits 0 to 15.
        ad0: u16,
        /// Bits 16 to 31.
        ad1: u16,
    },
    /// 0x30 and 0x31.
    Count(u8),
    /// 0x64.
    Adas(AdasAlarm<'a>),
    /// 0x65.
    Dsm(DsmAlarm<'a>),
    /// 0x66.
    Tpms(TpmsAlarm<'a>),
    /// 0x67.
    Bsd(BsdAlarm<'a>),
}

impl<'a> AdditionalItem<'a> {
    /// The typed value; `None` for an unknown id or a length that its table does not have.
    pub fn typed(self) -> Option<ItemValue<'a>> {
        let mut reader = Reader::new(self.value);
        let value = self.read(&mut reader).ok()??;
        reader.is_empty().then_some(value)
    }

    fn read(self, r: &mut Reader<'a>) -> Result<Option<ItemValue<'a>>, DecodeError> {
        Ok(Some(match self.id {
            ODOMETER => ItemValue::OdometerDkm(r.u32()?),
            FUEL => ItemValue::FuelDl(r.u16()?),
            RECORDER_SPEED => ItemValue::RecorderSpeedDkmh(r.u16()?),
            ALARM_EVENT => ItemValue::AlarmEvent(r.u16()?),
            TYRE_PRESSURE => match r.take_rest().as_array() {
                Some(wheels) => ItemValue::TyrePressure(wheels),
                None => return Ok(None),
            },
            TEMPERATURE => ItemValue::TemperatureC(temperature_c(r.u16()?)),
            OVERSPEED => ItemValue::Overspeed {
                place: PlaceKind(r.u8()?),
                id: if r.is_empty() { None } else { Some(r.u32()?) },
            },
            AREA => ItemValue::Area {
                place: PlaceKind(r.u8()?),
                id: r.u32()?,
                leaving: r.u8()? == 1,
            },
            SEGMENT => ItemValue::Segment {
                id: r.u32()?,
                travel_s: r.u16()?,
                too_long: r.u8()? == 1,
            },
            VIDEO_ALARM | VIDEO_LOST | VIDEO_COVERED | VEHICLE_SIGNALS => {
                ItemValue::Flags(r.u32()?)
            }
            STORAGE_FAULT | IO_STATE => ItemValue::Flags16(r.u16()?),
            ABNORMAL_DRIVING => ItemValue::AbnormalDriving {
                flags: r.u16()?,
                fatigue: if r.is_empty() { None } else { Some(r.u8()?) },
            },
            ANALOG => ItemValue::Analog {
                ad1: r.u16()?,
                ad0: r.u16()?,
            },
            SIGNAL_STRENGTH | SATELLITES => ItemValue::Count(r.u8()?),
            ADAS => ItemValue::Adas(AdasAlarm::decode(r)?),
            DSM => ItemValue::Dsm(DsmAlarm::decode(r)?),
            TPMS => ItemValue::Tpms(TpmsAlarm::decode(r)?),
            BSD => ItemValue::Bsd(BsdAlarm::decode(r)?),
            _ => return Ok(None),
        }))
    }
}

/// Cabin temperature: two's complement or sign and magnitude, by what is likely.
///
/// Source: 2019 wording and devices disagree; 0x8001 to 0x80FF cannot be a
/// temperature in two's complement.
const fn temperature_c(raw: u16) -> i16 {
    if raw >> 8 == 0x80 {
        (raw & 0x00ff).cast_signed().wrapping_neg()
    } else {
        raw.cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &[(u8, Option<ItemValue<'_>>)], damaged: bool) {
        let mut items = AdditionalItems::new(bytes);
        let seen: Vec<_> = items.by_ref().map(|item| (item.id, item.typed())).collect();
        assert_eq!(seen, expected);
        assert_eq!(items.is_damaged(), damaged);
    }

    #[test]
    fn known_items_have_values_and_wrong_lengths_stay_raw() {
        check(
            &[1, 4, 0, 0, 0, 100, 1, 2, 0, 1, 0xe1, 0, 0x30, 1, 31],
            &[
                (1, Some(ItemValue::OdometerDkm(100))),
                (1, None),
                (0xe1, None),
                (0x30, Some(ItemValue::Count(31))),
            ],
            false,
        );
    }

    #[test]
    fn an_item_past_the_end_marks_damage_and_keeps_the_rest() {
        check(
            &[2, 2, 0, 7, 1, 4, 0],
            &[(2, Some(ItemValue::FuelDl(7)))],
            true,
        );
        check(&[2], &[], true);
    }

    #[test]
    fn overspeed_without_a_place_is_one_byte() {
        let expected = ItemValue::Overspeed {
            place: PlaceKind(0),
            id: None,
        };
        check(&[0x11, 1, 0], &[(0x11, Some(expected))], false);
    }

    #[test]
    fn both_forms_of_a_negative_temperature_are_read() {
        assert_eq!(temperature_c(0x8005), -5);
        assert_eq!(temperature_c(0xfffb), -5);
        assert_eq!(temperature_c(0x0019), 25);
    }
}
