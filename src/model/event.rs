//! What a terminal reports beside its place: alarms of active-safety devices and video terminals.
//!
//! A report rarely carries any, so they travel packed: at most [`EVENTS_MAX`] different ones in the eight bytes of
//! [`Events`].

use std::fmt;
use std::str::FromStr;

use super::vehicle::{UnknownName, named_enum};

/// Most events of one report; of more, ends are kept first, so that no alarm stays open for a lost end. One item of
/// each kind, with one tyre and one video flag, are six.
pub const EVENTS_MAX: usize = 7;
/// As many are written in lanes of sixteen bits, which was the only form once.
const ROOMY_MAX: usize = 4;
/// Bits of an event in the narrow lanes.
const NARROW_BITS: usize = 9;
/// Marks narrow lanes; no roomy lane ever has it.
const NARROW: u64 = 1 << 63;

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

    /// Shape: place of the kind plus one in bits 0 to 4, of the phase in 5 and 6, level in 7 and 8.
    fn narrow_bits(self) -> u16 {
        let roomy = self.bits();
        roomy & 0x1f | roomy >> 3 & 0x1e0
    }

    /// The reverse; `None` for nothing and for bits that we never wrote.
    fn from_narrow_bits(bits: u16) -> Option<Self> {
        Self::from_bits(bits & 0x1f | (bits & 0x1e0) << 3)
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
/// Shape: up to four in sixteen bits each, the first in the lowest; zero for none. Where the highest bit is set, up to
/// seven in nine bits each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Events(u64);

impl Events {
    /// No event.
    pub const NONE: Self = Self(0);

    /// These, each once; of more than [`EVENTS_MAX`] some are dropped.
    pub fn of(events: impl IntoIterator<Item = Event>) -> Self {
        let mut kept = different(events);
        if kept.len() > EVENTS_MAX {
            kept.sort_by_key(|event| event.phase != EventPhase::End);
            kept.truncate(EVENTS_MAX);
        }
        let lanes = kept.iter().enumerate();
        Self(if kept.len() <= ROOMY_MAX {
            lanes.fold(0, |all, (lane, event)| {
                all | u64::from(event.bits()) << (16 * lane)
            })
        } else {
            lanes.fold(NARROW, |all, (lane, event)| {
                all | u64::from(event.narrow_bits()) << (NARROW_BITS * lane)
            })
        })
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
        let narrow = self.0 & NARROW != 0;
        let lanes = if narrow { EVENTS_MAX } else { ROOMY_MAX };
        (0..lanes).filter_map(move |lane| {
            if narrow {
                Event::from_narrow_bits((self.0 >> (NARROW_BITS * lane) & 0x1ff) as u16)
            } else {
                Event::from_bits((self.0 >> (16 * lane) & 0xffff) as u16)
            }
        })
    }
}

/// Events without those that came before in the same words.
pub fn different(events: impl IntoIterator<Item = Event>) -> Vec<Event> {
    let mut kept: Vec<Event> = Vec::new();
    for event in events {
        if !kept.contains(&event) {
            kept.push(event);
        }
    }
    kept
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
                assert_eq!(Event::from_narrow_bits(event.narrow_bits()), Some(event));
                assert_eq!(event.to_string().parse(), Ok(event));
            }
        }
    }

    #[test]
    fn a_report_keeps_its_events_in_their_order() {
        let text = "dsm_phone:begin:2 adas_headway:end:1 video_overload:held:0 dsm_smoking:once:1";
        let events: Events = text.parse().unwrap();
        assert_eq!(events.to_string(), text);
        assert_eq!(
            events.bits(),
            0x040a_0314_0603_0909,
            "as it was stored always"
        );
        let seven = format!("{text} dsm_fatigue:once:0 blind_spot_rear:end:0 video_smoking:held:2");
        let more: Events = seven.parse().unwrap();
        assert_eq!(more.to_string(), seven);
        assert_eq!(Events::from_bits(more.bits()), more);
        assert_eq!(format!("{seven} {text}").parse(), Ok(more), "each once");
        assert!(Events::NONE.is_empty() && Events::NONE.to_string().is_empty());
    }

    #[test]
    fn of_too_many_events_ends_are_kept() {
        let begun = EventKind::ALL.iter().take(8).map(|kind| Event {
            kind: *kind,
            phase: EventPhase::Begin,
            level: 1,
        });
        let end = Event {
            kind: EventKind::DsmPhone,
            phase: EventPhase::End,
            level: 0,
        };
        let kept: Vec<Event> = Events::of(begun.clone().chain([end])).iter().collect();
        let expected: Vec<Event> = [end].into_iter().chain(begun.take(6)).collect();
        assert_eq!(kept, expected);
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
