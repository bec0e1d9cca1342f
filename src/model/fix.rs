//! One position report of one vehicle: the domain value.

use std::hash::Hash;

use super::event::Events;
use super::time::Timestamp;
use super::units::{Course, Odometer, Position, Speed};
use super::vehicle::{DriverId, VehicleId};

/// One position report, normalised: UTC, WGS-84, "no value" as `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fix {
    /// The vehicle that moved.
    pub vehicle: VehicleId,
    /// When the terminal took the fix.
    pub time: Timestamp,
    /// When we got it; the time of its group commit's submission.
    pub received: Timestamp,
    /// Where; meaningless when `quality` holds [`Quality::NO_FIX`].
    pub position: Position,
    /// Ground speed.
    pub speed: Speed,
    /// Direction over ground, where given.
    pub course: Option<Course>,
    /// Height over sea level, where given. Unit: m.
    pub altitude_m: Option<i16>,
    /// Odometer, where given.
    pub odometer: Option<Odometer>,
    /// Alarm bits of JT/T 808 0x0200.
    pub alarm: u32,
    /// Status bits of JT/T 808 0x0200.
    pub status: u32,
    /// Persons aboard, where the terminal counts them.
    pub passengers: Option<u16>,
    /// Alarms of active-safety devices and video terminals in the report.
    pub events: Events,
    /// Driver named by the report or by the card that is in, where known.
    pub driver: Option<DriverId>,
    /// The way by which it came.
    pub source: Source,
    /// What is wrong with it; empty for a qualified record.
    pub quality: Quality,
}

impl Fix {
    /// A recorded fix of which nothing is known: what codecs and decoders fill.
    pub const EMPTY: Self = Self {
        vehicle: VehicleId(0),
        time: Timestamp::from_millis(0),
        received: Timestamp::from_millis(0),
        position: Position {
            lat_udeg: 0,
            lon_udeg: 0,
        },
        speed: Speed::ZERO,
        course: None,
        altitude_m: None,
        odometer: None,
        alarm: 0,
        status: 0,
        passengers: None,
        events: Events::NONE,
        driver: None,
        source: Source::File,
        quality: Quality::GOOD,
    };
}

impl Fix {
    /// Which of several records of one vehicle and fix time stands: the one of which this is smallest.
    ///
    /// The first received stands, so that no later record takes the place of evidence. Of records received at
    /// one moment (of one body, of one replay) their content decides, every field of it, so that the choice
    /// hangs on no order of arrival. What was found about a record only beside its neighbours
    /// ([`Quality::JUMP`]) is none of its content. Behind stand a record of whose time nobody believes that it
    /// was its own, and one that was found to contradict another.
    ///
    /// Source: our choice (regulations 14, N9: no track is altered after the fact).
    pub fn precedence(&self) -> impl Ord + Hash + use<> {
        let found_later = Quality::JUMP.with(Quality::CONTRADICTION);
        let standing = (
            self.quality.contains(Quality::CONTRADICTION),
            self.quality.contains(Quality::CLOCK),
            self.received,
        );
        let judged_by = (
            self.quality.without(found_later).bits(),
            (self.position.lat_udeg, self.position.lon_udeg),
            self.speed,
            self.alarm,
            self.events.bits(),
            self.passengers,
            self.status,
        );
        let other = (
            self.course.map(Course::degrees),
            self.altitude_m,
            self.odometer,
            self.source,
            // Last, who is known before who is not: numbers of drivers hang on when their licences became known.
            (self.driver.is_none(), self.driver.map(|driver| driver.0)),
        );
        (standing, judged_by, other)
    }

    /// Whether a record of the same vehicle and fix time repeats this one: it says the same place and speed.
    /// Otherwise the two contradict each other (reason N9).
    ///
    /// A record without a position has no place to contradict with.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let placeless = [self, other]
            .iter()
            .any(|fix| fix.quality.contains(Quality::NO_FIX));
        placeless || (self.position, self.speed) == (other.position, other.speed)
    }
}

/// The way by which a fix came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Source {
    /// A live JT/T 808 report.
    Terminal = 0,
    /// A JT/T 808 batch (0x0704), normal kind.
    TerminalBatch = 1,
    /// A JT/T 808 batch of the blind-area kind: taken while the link was down.
    TerminalBlindArea = 2,
    /// A JT/T 809 platform.
    Platform = 3,
    /// `POST /fixes`.
    Http = 4,
    /// A recorded file.
    File = 5,
}

impl Source {
    /// Whether the vehicle's own terminal sent it: who drives is known from its cards then.
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Terminal | Self::TerminalBatch | Self::TerminalBlindArea
        )
    }

    /// From its number; `None` for one that we never wrote.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Terminal,
            1 => Self::TerminalBatch,
            2 => Self::TerminalBlindArea,
            3 => Self::Platform,
            4 => Self::Http,
            5 => Self::File,
            _ => return None,
        })
    }

    /// Its number in stored records.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// Reasons why a record is not qualified, as bits.
///
/// Source: regulations 10.1 (qualified record, plausible ranges); `FUTURE` and `CLOCK`: our choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Quality(u16);

impl Quality {
    /// Nothing is wrong.
    pub const GOOD: Self = Self(0);
    /// The terminal said that it had no position, or sent (0, 0).
    pub const NO_FIX: Self = Self(1);
    /// Longitude or latitude outside the plausible range.
    pub const PLACE_RANGE: Self = Self(2);
    /// Speed outside the plausible range.
    pub const SPEED_RANGE: Self = Self(4);
    /// Altitude outside the plausible range.
    pub const ALTITUDE_RANGE: Self = Self(8);
    /// Fix time later than received time, within the allowance: not qualified, still judged.
    pub const FUTURE: Self = Self(16);
    /// Fix time beyond the allowance ahead, or before the earliest plausible time: not judged.
    pub const CLOCK: Self = Self(32);
    /// The place cannot be reached from its neighbour in the time between: not judged.
    pub const JUMP: Self = Self(64);
    /// Another record of this vehicle with this fix time says something else: not judged.
    pub const CONTRADICTION: Self = Self(128);
    /// A course over 360 degrees or below 0; the fix is kept without one.
    pub const COURSE_RANGE: Self = Self(256);
    /// An odometer below 0 or beyond what one can show; the fix is kept without one.
    pub const ODOMETER_RANGE: Self = Self(512);

    /// Every reason with its stable name.
    pub const NAMES: [(Self, &'static str); 10] = [
        (Self::NO_FIX, "no_fix"),
        (Self::PLACE_RANGE, "place_range"),
        (Self::SPEED_RANGE, "speed_range"),
        (Self::ALTITUDE_RANGE, "altitude_range"),
        (Self::FUTURE, "future"),
        (Self::CLOCK, "clock"),
        (Self::JUMP, "jump"),
        (Self::CONTRADICTION, "contradiction"),
        (Self::COURSE_RANGE, "course_range"),
        (Self::ODOMETER_RANGE, "odometer_range"),
    ];

    /// From stored bits; unknown bits are kept.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The bits, as stored.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Both sets of reasons together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These reasons but those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all reasons of `other` are here.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the record counts as qualified (regulations 10.1).
    pub const fn is_qualified(self) -> bool {
        self.0 == 0
    }

    /// Whether detectors may see the fix: nothing wrong but a clock slightly ahead.
    pub const fn is_judged(self) -> bool {
        self.0 & !Self::FUTURE.0 == 0
    }

    /// Names of the reasons, in a fixed order.
    pub fn names(self) -> Vec<&'static str> {
        Self::NAMES
            .iter()
            .filter(|(bit, _)| self.contains(*bit))
            .map(|(_, name)| *name)
            .collect()
    }
}
