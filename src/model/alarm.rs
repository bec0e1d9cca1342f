//! Names of the alarms that a terminal raises, and which of them our rules take for violations.

use std::collections::BTreeMap;

use super::event::EventKind;
use super::time::Span;
use super::violation::Severity;

/// When the terminal clears an alarm bit. Source: JT/T 808, alarm flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clears {
    /// After the acknowledgement: the bit is an event, told by its rising edge.
    OnAnswer,
    /// When the cause ends: the bit is a state.
    WithCause,
}

/// The alarm bits of JT/T 808 0x0200, in the order of the bits.
///
/// Source: the 2019 names; bits that older editions leave reserved are never set by their terminals.
pub const ALARM_BITS: [(&str, Clears); 32] = [
    ("emergency", Clears::OnAnswer),
    ("overspeed", Clears::WithCause),
    ("fatigue", Clears::WithCause),
    ("dangerous_driving", Clears::WithCause),
    ("gnss_fault", Clears::WithCause),
    ("gnss_antenna_cut", Clears::WithCause),
    ("gnss_antenna_short", Clears::WithCause),
    ("power_low", Clears::WithCause),
    ("power_cut", Clears::WithCause),
    ("display_fault", Clears::WithCause),
    ("speech_fault", Clears::WithCause),
    ("camera_fault", Clears::WithCause),
    ("card_reader_fault", Clears::WithCause),
    ("overspeed_warning", Clears::WithCause),
    ("fatigue_warning", Clears::WithCause),
    ("forbidden_period", Clears::WithCause),
    ("tyre_pressure", Clears::WithCause),
    ("right_turn_blind_spot", Clears::WithCause),
    ("daily_driving", Clears::WithCause),
    ("parked_too_long", Clears::WithCause),
    ("area", Clears::OnAnswer),
    ("route", Clears::OnAnswer),
    ("segment_time", Clears::OnAnswer),
    ("off_route", Clears::WithCause),
    ("speed_sensor_fault", Clears::WithCause),
    ("fuel", Clears::WithCause),
    ("stolen", Clears::WithCause),
    ("illegal_ignition", Clears::OnAnswer),
    ("illegal_movement", Clears::OnAnswer),
    ("collision", Clears::WithCause),
    ("rollover_warning", Clears::WithCause),
    ("door_open", Clears::OnAnswer),
];

/// An alarm of the terminal: a bit of the location report or an event beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlarmSource {
    /// A bit of the alarm flags, 0 to 31.
    Bit(u8),
    /// An event of an active-safety device or video terminal.
    Event(EventKind),
}

impl AlarmSource {
    /// The alarm with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        let bit = (0..)
            .zip(&ALARM_BITS)
            .find(|(_, (known, _))| *known == name);
        bit.map(|(bit, _)| Self::Bit(bit))
            .or_else(|| name.parse().ok().map(Self::Event))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bit(bit) => ALARM_BITS
                .get(usize::from(bit))
                .map_or("unknown", |(name, _)| name),
            Self::Event(kind) => kind.name(),
        }
    }

    /// Whether it is told by its rising edge alone.
    pub fn is_momentary(self) -> bool {
        match self {
            Self::Bit(bit) => ALARM_BITS
                .get(usize::from(bit))
                .is_some_and(|(_, clears)| *clears == Clears::OnAnswer),
            Self::Event(_) => false,
        }
    }
}

/// How an alarm is taken for a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlarmRule {
    /// How grave.
    pub severity: Severity,
    /// It begins only while the vehicle drives.
    pub moving: bool,
    /// It counts when it lasts at least this long.
    pub lasts_min: Span,
}

/// The alarms that count, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlarmRules {
    /// Those that count; the others are stored with their fixes and nothing more.
    pub counted: BTreeMap<AlarmSource, AlarmRule>,
    /// Their bits.
    pub bits: u32,
    /// An alarm that was begun and never ended is over after this.
    pub open_max: Span,
}

impl AlarmRules {
    /// The rules of these alarms.
    pub fn new(counted: BTreeMap<AlarmSource, AlarmRule>, open_max: Span) -> Self {
        let bits = counted.keys().fold(0, |bits, source| match source {
            AlarmSource::Bit(bit) => bits | 1 << bit,
            AlarmSource::Event(_) => bits,
        });
        Self {
            counted,
            bits,
            open_max,
        }
    }
}
