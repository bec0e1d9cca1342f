//! What a terminal reports beside its place: alarms of active-safety devices and video terminals.
//!
//! A report rarely carries any, so they travel packed: at most [`EVENTS_MAX`] in the eight bytes of
//! [`Events`].

use std::fmt;
use std::str::FromStr;

use super::vehicle::{UnknownName, named_enum};

/// Most events of one report; further ones are dropped.
pub const EVENTS_MAX: usize = 4;

named_enum! {
    /// What happened. The order is part of stored records: new ones go to the end.
    ///
    /// Source: T/JSATL 12-2017 items 0x64 to 0x67; JT/T 1078 items 0x14 and 0x18.
    EventKind {
        /// Item 0x64, kind 1.
        AdasForwardCollision = "adas_forward_collision",
        /// Item 0x64, kind 2.
        AdasLaneDeparture = "adas_lane_departure",
        /// Item 0x64, kind 3.
        AdasHeadway = "adas_headway",
        /// Item 0x64, kind 4.
        AdasPedestrian = "adas_pedestrian",
        /// Item 0x64, kind 5.
        AdasLaneChanges = "adas_lane_changes",
        /// Item 0x64, kind 6.
        AdasSignExceeded = "adas_sign_exceeded",
        /// Item 0x64, kind 7.
        AdasObstacle = "adas_obstacle",
        /// Item 0x65, kind 1.
        DsmFatigue = "dsm_fatigue",
        /// Item 0x65, kind 2.
        DsmPhone = "dsm_phone",
        /// Item 0x65, kind 3.
        DsmSmoking = "dsm_smoking",
        /// Item 0x65, kind 4.
        DsmDistraction = "dsm_distraction",
        /// Item 0x65, kind 5.
        DsmDriverAbnormal = "dsm_driver_abnormal",
        /// Item 0x66, wheel flag 1.
        TyrePressureHigh = "tyre_pressure_high",
        /// Item 0x66, wheel flag 2.
        TyrePressureLow = "tyre_pressure_low",
        /// Item 0x66, wheel flag 3.
        TyreTemperatureHigh = "tyre_temperature_high",
        /// Item 0x66, wheel flag 6.
        TyreSlowLeak = "tyre_slow_leak",
        /// Item 0x67, kind 1.
        BlindSpotRear = "blind_spot_rear",
        /// Item 0x67, kind 2.
        BlindSpotLeftRear = "blind_spot_left_rear",
        /// Item 0x67, kind 3.
        BlindSpotRightRear = "blind_spot_right_rear",
        /// Item 0x14, bit 4: more persons than seats.
        VideoOverload = "video_overload",
        /// Item 0x18, bit 0.
        VideoFatigue = "video_fatigue",
        /// Item 0x18, bit 1.
        VideoPhone = "video_phone",
        /// Item 0x18, bit 2.
        VideoSmoking = "video_smoking",
    }
}

named_enum! {
    /// Which part of what happened a report tells.
    EventPhase {
        /// It happened, without a beginning and an end.
        Once = "once",
        /// It begins.
        Begin = "begin",
        /// It ends.
        End = "end",
        /// It holds as long as reports say so.
        Held = "held",
    }
}

/// One event of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Which part of it.
    pub phase: EventPhase,
    /// 1 or 2, 2 is graver; 0 for kinds without levels.
    pub level: u8,
}

impl Event {
    /// Shape: place of the kind plus one in bits 0 to 7, of the phase in 8 and 9, level in 10 and 11.
    fn bits(self) -> u16 {
        let kind = self.kind as u16 + 1;
        kind | (self.phase as u16) << 8 | u16::from(self.level & 3) << 10
    }

    /// The reverse; `None` for nothing and for bits that we never wrote.
    fn from_bits(bits: u16) -> Option<Self> {
        let kind = usize::from(bits & 0xff).checked_sub(1)?;
        Some(Self {
            kind: *EventKind::ALL.get(kind)?,
            phase: *EventPhase::ALL.get(usize::from(bits >> 8 & 3))?,
            level: (bits >> 10 & 3) as u8,
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.kind, self.phase, self.level)
    }
}

/// `kind:phase:level`; the level may be left out.
impl FromStr for Event {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split(':');
        let kind = parts.next().unwrap_or_default().parse()?;
        let phase = parts.next().unwrap_or_default().parse()?;
        let level = match parts.next() {
            None | Some("0") => 0,
            Some("1") => 1,
            Some("2") => 2,
            Some(_) => return Err(UnknownName),
        };
        match parts.next() {
            None => Ok(Self { kind, phase, level }),
            Some(_) => Err(UnknownName),
        }
    }
}

/// The events of a report, in their order.
///
/// Shape: sixteen bits an event, the first in the lowest; zero for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Events(u64);

impl Events {
    /// No event.
    pub const NONE: Self = Self(0);

    /// The first [`EVENTS_MAX`] of these.
    pub fn of(events: impl IntoIterator<Item = Event>) -> Self {
        let bits = events.into_iter().take(EVENTS_MAX).zip([0, 16, 32, 48]);
        Self(bits.fold(0, |all, (event, shift)| {
            all | u64::from(event.bits()) << shift
        }))
    }

    /// From stored bits.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits, as stored.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The events in their order.
    pub fn iter(self) -> impl Iterator<Item = Event> {
        let lanes = [0, 16, 32, 48].map(|shift| (self.0 >> shift & 0xffff) as u16);
        lanes.into_iter().filter_map(Event::from_bits)
    }
}

/// Events with spaces between.
impl fmt::Display for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, event) in self.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{event}")?;
        }
        Ok(())
    }
}

impl FromStr for Events {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let events: Vec<Event> = text
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        Ok(Self::of(events))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_survives_bits_and_text() {
        for kind in EventKind::ALL.iter().copied() {
            for phase in EventPhase::ALL.iter().copied() {
                let event = Event {
                    kind,
                    phase,
                    level: 2,
                };
                assert_eq!(Event::from_bits(event.bits()), Some(event));
                assert_eq!(event.to_string().parse(), Ok(event));
            }
        }
    }

    #[test]
    fn a_report_keeps_the_first_four() {
        let text = "dsm_phone:begin:2 adas_headway:end:1 video_overload:held:0 dsm_smoking:once:1";
        let events: Events = text.parse().unwrap();
        assert_eq!(events.to_string(), text);
        let five: Events = format!("{text} dsm_fatigue:once").parse().unwrap();
        assert_eq!(five, events);
        assert_eq!(Events::from_bits(events.bits()), events);
        assert!(Events::NONE.is_empty() && Events::NONE.to_string().is_empty());
    }

    #[test]
    fn other_words_are_no_events() {
        for text in [
            "dsm_phone",
            "dsm_phone:now",
            "x:begin",
            "dsm_phone:begin:3",
            "dsm_phone:end:1:1",
        ] {
            assert!(text.parse::<Events>().is_err(), "{text}");
        }
        assert_eq!(Events::from_bits(u64::MAX).iter().count(), 0);
    }
}
