//! Driving time and rest of each driver, over all vehicles; see [`Counters`].
//!
//! The counters belong to a [`Subject`](super::Subject): a driver in whatever vehicle, or the unknown driver of one
//! vehicle (A8). They see the [`Piece`](super::Piece)s that the vehicles tell, in the order of time. Time
//! of which no piece speaks is time off.
//!
//! ```text
//! driving --no driving--> short stop --drives before rest_min--> driving  (nothing is reset)
//! short stop --rest_min without driving--> rested                         (counters start again)
//! any --vehicle silent and elsewhere--> unknown: neither driving nor rest
//! unknown, long enough to hide a rest --> rested from its beginning       (cannot be proven)
//! ```
//!
//! Four violations, each with its own counter: driving since the last rest (F-4H); its part inside
//! one night (F-N2), which freezes at the end of the night; driving in a rolling 24 hours (F-24) and
//! 7 days (F-7D). Which class has which is the rulebook's. A violation
//! - begins at the exact moment when the counter passes its limit, inside the hold of a fix; when a
//!   rolling sum is still over after a rest, at the next driving;
//! - ends at the beginning of the rest, which is known only when the rest has lasted `rest_min`; the
//!   night kind at the end of the night at the latest, the rolling kinds also when the sum is no
//!   longer over. An end inside a stop is moved back to the stop's beginning if that becomes a rest;
//! - belongs to the vehicle in which the limit was passed, and rests on the fixes of the driving
//!   since the driver's last rest.
//!
//! Who seems to drive two vehicles at once is counted once, and the violation says so.

mod counters;
mod ledger;
mod log;
mod timeline;

use crate::model::DriverId;
use crate::model::time::Span;

pub use counters::{Counters, OutOfOrder};
pub use ledger::{Cell, Change, Ledger, Recount, reconcile, recount};
pub use timeline::{count_all, reaches_rest};

/// Kinds of fatigue, in the order in which open violations are kept.
const KINDS: usize = 4;

/// What a driver may still drive before each limit.
///
/// A counter that does not apply to the class is `None`; one that is used up is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoursLeft {
    /// The driver; `None` when none is known.
    pub driver: Option<DriverId>,
    /// Until F-4H.
    pub continuous: Option<Span>,
    /// Until F-N2, of driving inside the present night or, by day, the next one.
    pub night: Option<Span>,
    /// Until F-24, if nothing left the window meanwhile.
    pub hours24: Option<Span>,
    /// Until F-7D, if nothing left the window meanwhile.
    pub days7: Option<Span>,
    /// Driving since the last rest.
    pub driven: Span,
}
