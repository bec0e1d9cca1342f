//! Pieces of a driver's time: what a vehicle tells of whoever is at its wheel.
//!
//! A vehicle knows when it drove, stood or was silent; only the pieces of all vehicles together tell
//! what a driver did. A [`Piece`] is one vehicle's word on one subject: a driver, or the unknown
//! driver of that vehicle (A8), who is never the same person as anybody else. Time of which no piece
//! speaks is time off: the driver was at no wheel.
//!
//! Pieces that follow each other without a hole grow into one, so that an hour on the motorway is one
//! few pieces and not 360. How they are cut does not change any verdict, but for two rules: a
//! beginning or end of a night always stays in the piece of its own fix, so that the last fix before
//! it can still be told; and no piece reaches over a local whole hour that had a fix before it, so
//! that what a vehicle told up to an hour can be kept while the rest is judged again.

use crate::model::rules::RuleSet;
use crate::model::{DriverId, LocalZone, Position, Span, Speed, Timestamp, VehicleId};

use super::night::night_or_day;

/// Whose time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A driver, in whatever vehicle.
    Driver(DriverId),
    /// Whoever drives that vehicle while nobody is named.
    Unknown(VehicleId),
}

impl Subject {
    /// Who is at the wheel of `vehicle` when `driver` is named.
    pub fn at_wheel(vehicle: VehicleId, driver: Option<DriverId>) -> Self {
        driver.map_or(Self::Unknown(vehicle), Self::Driver)
    }

    /// The driver, where it is a known one.
    pub const fn driver(self) -> Option<DriverId> {
        match self {
            Self::Driver(driver) => Some(driver),
            Self::Unknown(_) => None,
        }
    }

    /// Its number in stored rows: drivers from 0 up, unknown drivers from -1 down.
    pub fn number(self) -> i64 {
        match self {
            Self::Driver(driver) => i64::from(driver.0),
            Self::Unknown(vehicle) => -1 - i64::from(vehicle.0),
        }
    }

    /// From its number; `None` for one that was never given.
    pub fn from_number(number: i64) -> Option<Self> {
        if number >= 0 {
            u32::try_from(number)
                .ok()
                .map(|id| Self::Driver(DriverId(id)))
        } else {
            let vehicle = u32::try_from(-1 - number).ok()?;
            Some(Self::Unknown(VehicleId(vehicle)))
        }
    }
}

/// What the subject did for a time, as far as one vehicle knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    /// Whose time it is.
    pub subject: Subject,
    /// The vehicle that tells it.
    pub vehicle: VehicleId,
    /// First moment.
    pub from: Timestamp,
    /// First moment after it; the time of a fix.
    pub to: Timestamp,
    /// What was done.
    pub doing: Doing,
}

/// What a subject did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Doing {
    /// Drove; the last fix of it.
    Drove(Wheel),
    /// The vehicle was silent and is elsewhere (A9).
    Unknown {
        /// Straight distance of the ends. Unit: m.
        distance_m: f64,
    },
    /// Stood, or was not at this wheel.
    Stood,
    /// The vehicle was silent and stood where it was: it is taken to have stood (A9).
    StoodInferred,
}

/// The evidence of driving: its last fix, whose time is the end of the piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wheel {
    /// Fixes that held while driving.
    pub fixes: u32,
    /// Place of the last fix.
    pub position: Position,
    /// Speed of the last fix.
    pub speed: Speed,
    /// When the first fix of it was received.
    pub first_received: Timestamp,
    /// When the last fix was received.
    pub received: Timestamp,
}

/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;

/// The bucket in which pieces that end at `to` are stored: the local hour that they end in, counted
/// from 1970; an end on the hour belongs to the hour before.
pub fn bucket_of(zone: &LocalZone, to: Timestamp) -> i64 {
    let last = to - Span::from_millis(1);
    last.millis()
        .saturating_add(zone.offset_ms(last))
        .div_euclid(HOUR_MS)
}

impl Piece {
    /// Driving or unknown time: time of which another vehicle cannot say that the driver rested.
    pub const fn is_occupied(&self) -> bool {
        matches!(self.doing, Doing::Drove(_) | Doing::Unknown { .. })
    }

    /// Up to which end the piece may grow: neither past its local hour nor past its night or day.
    pub fn grows_until(&self, rules: &RuleSet) -> Timestamp {
        let rules = rules.version_at(self.from);
        let (_, phase_end) = night_or_day(rules, self.from);
        if self.to >= phase_end {
            return self.to;
        }
        let last = self.to - Span::from_millis(1);
        let into_hour = rules.zone.millis_of_day(last) % HOUR_MS;
        phase_end.min(last + Span::from_millis(HOUR_MS - into_hour))
    }

    /// When it was received that the subject drove at `at`: known at the ends, between them in
    /// proportion.
    pub(super) fn received(&self, wheel: &Wheel, at: Timestamp) -> Timestamp {
        let length = i128::from(self.to.since(self.from).millis()).max(1);
        let done = i128::from(at.since(self.from).millis()).clamp(0, length);
        let lasted = i128::from(wheel.received.since(wheel.first_received).millis());
        let waited = i64::try_from(lasted * done / length).unwrap_or_default();
        wheel.first_received + Span::from_millis(waited)
    }

    /// Takes the next piece into this one; whether it could.
    pub fn absorb(&mut self, next: &Self, grows_until: Timestamp) -> bool {
        let follows = self.subject == next.subject
            && self.vehicle == next.vehicle
            && self.to == next.from
            && next.to <= grows_until;
        if !follows {
            return false;
        }
        self.doing = match (self.doing, next.doing) {
            (Doing::Drove(before), Doing::Drove(wheel)) => Doing::Drove(Wheel {
                fixes: before.fixes.saturating_add(wheel.fixes),
                first_received: before.first_received,
                ..wheel
            }),
            (Doing::Stood, Doing::Stood) => Doing::Stood,
            (Doing::StoodInferred, Doing::StoodInferred) => Doing::StoodInferred,
            _ => return false,
        };
        self.to = next.to;
        true
    }
}

/// Adds a piece behind those of the same subject and vehicle, into the last one where it can grow.
pub fn append(pieces: &mut Vec<Piece>, rules: &RuleSet, piece: Piece) {
    if let Some(last) = pieces.last_mut().filter(|last| last.to == piece.from) {
        let grows_until = last.grows_until(rules);
        if last.absorb(&piece, grows_until) {
            return;
        }
    }
    pieces.push(piece);
}
