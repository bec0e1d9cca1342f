//! The vocabulary: values only. Imports nothing of ours, does no I/O and reads no clock.

pub mod alarm;
pub mod datum;
pub mod duty;
pub mod event;
pub mod fix;
pub mod fleet;
pub mod judged_by;
pub mod overlay;
pub mod prealarm;
pub mod road;
pub mod route;
pub mod rules;
pub mod time;
pub mod units;
pub mod vehicle;
pub mod violation;

pub use datum::{Datum, DatumSuspicion};
pub use event::{EVENTS_MAX, Event, EventKind, EventPhase, Events};
pub use fix::{Fix, Quality, Source};
pub use judged_by::JudgedBy;
pub use road::RoadClass;
pub use time::{LocalZone, Span, Timestamp};
pub use units::{Course, Odometer, Position, Speed};
pub use vehicle::{DriverId, Plate, PlateColor, Region, TerminalPhone, VehicleClass, VehicleId};
pub use violation::{Severity, Violation, ViolationKind};
