//! What a driver should hear before a limit is passed: no violation, and never one later by itself.

use super::time::{Span, Timestamp};
use super::units::Speed;
use super::vehicle::{DriverId, VehicleId};
use super::violation::ViolationKind;

/// A limit that is near.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreAlarm {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// The driver, where known.
    pub driver: Option<DriverId>,
    /// The violation that passing the limit would be.
    pub kind: ViolationKind,
    /// Time of the fix that showed it.
    pub at: Timestamp,
    /// When that fix was received.
    pub received: Timestamp,
    /// How near it is.
    pub near: Near,
}

/// How near a limit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Near {
    /// Driving time that is left.
    Driving {
        /// Until the limit.
        left: Span,
        /// The warning that is due: so long before the limit or less.
        warning: Span,
        /// The limit.
        limit: Span,
    },
    /// The speed is just below the limit.
    Speed {
        /// Speed.
        speed: Speed,
        /// Monitoring limit.
        limit: Speed,
    },
}
