//! Driving time and rest of each driver of a vehicle.
//!
//! Counters belong to the driver named by the fixes; fixes without a driver have a counter of their
//! own. While one drives or stands as driver, the others of the crew rest (A8).
//!
//! ```text
//! driving --stands--> short stop --drives before rest_min--> driving     (nothing is reset)
//! short stop --stands for rest_min--> rested                             (counters start again)
//! any --silent and elsewhere--> unknown: neither driving nor rest
//! unknown, long enough to hide a rest --> rested from its beginning      (cannot be proven)
//! ```
//!
//! Four violations, each with its own counter: driving since the last rest (F-4H); its part inside
//! one night (F-N2), which freezes at the end of the night; driving in a rolling 24 hours (F-24) and
//! 7 days (F-7D). Which class has which is the rulebook's. A violation
//! - begins at the exact moment when the counter passes its limit, inside the hold of a fix; when a
//!   rolling sum is still over after a rest, at the next driving;
//! - ends at the beginning of the rest, which is known only when the rest has lasted `rest_min`; the
//!   night kind at the end of the night at the latest, the rolling kinds also when the sum is no
//!   longer over. An end inside a stop is moved back to the stop's beginning if that becomes a rest.

mod driver;
mod log;

use crate::model::time::Span;
use crate::model::{DriverId, Fix, Timestamp};

pub(super) use driver::{DriverState, OpenFatigue};
pub(super) use log::{BYTES_MAX as LOG_BYTES_MAX, DrivingLog};

use super::motion::Stretch;
use super::{Context, Transition};

/// Drivers remembered for one vehicle; of more the least recently active one is forgotten.
pub(super) const CREW_MAX: usize = 4;

/// Kinds of fatigue, in the order in which a driver's open violations are kept.
pub(super) const KINDS: usize = 4;

/// The crew of a vehicle.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fatigue {
    /// Most recently active first.
    pub(super) crew: Vec<DriverState>,
    /// Rolling limits and windows by which the crew's slack was reckoned.
    pub(super) rolling: [Span; 4],
}

/// What a driver may still drive before each limit, from the last judged fix on.
///
/// A counter that does not apply to the class is `None`; one that is used up is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoursLeft {
    /// The driver; `None` when the fixes name none.
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

impl Fatigue {
    pub(super) fn heap_bytes(&self) -> usize {
        self.crew.capacity() * size_of::<DriverState>()
            + self.crew.iter().map(DriverState::heap_bytes).sum::<usize>()
    }

    /// Counts a stretch that `fix` has decided.
    pub(super) fn handle_stretch(
        &mut self,
        context: &Context<'_>,
        stretch: &Stretch,
        fix: &Fix,
        out: &mut Vec<Transition>,
    ) {
        self.follow_rules(context);
        self.change_driver(context, stretch, fix, out);
        let Some((active, resting)) = self.crew.split_first_mut() else {
            return;
        };
        active.handle_stretch(context, stretch, fix, out);
        for driver in resting {
            driver.rest(context, stretch.from, stretch.to, fix, out);
        }
    }

    /// Under other limits than before, what was reckoned by the old ones is reckoned again.
    fn follow_rules(&mut self, context: &Context<'_>) {
        let rules = &context.rules.fatigue;
        let rolling = [
            rules.hours24.limit,
            rules.hours24_window,
            rules.days7.limit,
            rules.days7_window,
        ];
        if self.rolling != rolling {
            self.rolling = rolling;
            for driver in &mut self.crew {
                driver.slack = [Span::ZERO; 2];
            }
        }
    }

    /// Puts the driver of the stretch first.
    fn change_driver(
        &mut self,
        context: &Context<'_>,
        stretch: &Stretch,
        fix: &Fix,
        out: &mut Vec<Transition>,
    ) {
        if self
            .crew
            .first()
            .is_some_and(|first| first.driver == stretch.driver)
        {
            return;
        }
        if let Some(active) = self.crew.first_mut() {
            active.step_down(stretch.from);
        }
        let known = self
            .crew
            .iter()
            .position(|driver| driver.driver == stretch.driver);
        if let Some(index) = known {
            self.crew[..=index].rotate_right(1);
            return;
        }
        if self.crew.len() >= CREW_MAX
            && let Some(mut forgotten) = self.crew.pop()
        {
            forgotten.close_all(context, fix, out);
        }
        self.crew.reserve_exact(1);
        self.crew.insert(0, DriverState::new(stretch.driver));
    }

    pub(super) fn hours_left(
        &self,
        context: &Context<'_>,
        driver: Option<DriverId>,
        at: Timestamp,
    ) -> HoursLeft {
        self.crew
            .iter()
            .find(|known| known.driver == driver)
            .map_or_else(
                || DriverState::new(driver).hours_left(context, at),
                |known| known.hours_left(context, at),
            )
    }
}
