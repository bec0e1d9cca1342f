//! Stops on the planned route where none is planned.
//!
//! ```text
//! idle     --stands in the corridor, far from every planned stop--> standing, since it stands
//! standing --long enough--> violation, from the beginning of the stop
//! standing --drives--> idle              (ended at the first moving fix)
//! standing --gap, elsewhere after it--> idle   (ended at the last fix standing)
//! ```
//!
//! Planned stops are both ends of the route and the ones that it lists. Of a route that lists none
//! nothing more is known, so that only a stop longer than any rest needs is told.

use crate::geo::{RouteNumber, metres};
use crate::model::violation::Details;
use crate::model::{Fix, Timestamp, ViolationKind};

use super::admit::Step;
use super::episode::{Episode, Finding};
use super::grade::penalty;
use super::motion::Motion;
use super::{Context, Transition};

/// The stop that goes on where none is planned.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct UnplannedStop {
    pub(super) stand: Option<Box<Stand>>,
}

/// A stop far from every planned one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stand {
    /// The route on which it stands.
    pub(super) route_id: Box<str>,
    /// The route lists its stops.
    pub(super) listed: bool,
    /// Distance to the nearest planned stop. Unit: m.
    pub(super) distance_m: f64,
    pub(super) episode: Episode,
}

impl UnplannedStop {
    pub(super) fn heap_bytes(&self) -> usize {
        self.stand
            .as_ref()
            .map_or(0, |stand| size_of::<Stand>() + stand.route_id.len())
    }

    pub(super) fn handle_step(
        &mut self,
        context: &Context<'_>,
        step: &Step<'_>,
        motion: &Motion,
        on_route: Option<RouteNumber>,
        out: &mut Vec<Transition>,
    ) {
        let fix = step.fix;
        let Some(since) = motion.standing_since else {
            if let Some(stand) = self.stand.take() {
                let end = if step.gap.is_some() {
                    stand.episode.last
                } else {
                    stand.episode.paused_at.unwrap_or(fix.time)
                };
                stand.finish(context, fix, end, out);
            }
            return;
        };
        if let Some(stand) = &mut self.stand {
            stand.go_on(context, fix, out);
        } else if let Some(number) = on_route
            && fix.speed <= context.rules.motion.driving_over
        {
            self.begin(context, fix, since, number);
        }
    }

    fn begin(&mut self, context: &Context<'_>, fix: &Fix, since: Timestamp, number: RouteNumber) {
        let rules = &context.rules.unplanned_stop;
        let Some(route) = context.routes.route(number) else {
            return;
        };
        if !rules.classes.contains(&context.profile.class) {
            return;
        }
        let ends = [route.line.first(), route.line.last()];
        let planned = ends.into_iter().flatten().chain(&route.stops);
        let distance_m = planned
            .map(|place| metres(*place, fix.position))
            .fold(f64::INFINITY, f64::min);
        if distance_m <= rules.radius_m {
            return;
        }
        self.stand = Some(Box::new(Stand {
            route_id: route.id.as_str().into(),
            listed: !route.stops.is_empty(),
            distance_m,
            episode: Episode::new(since, fix),
        }));
    }
}

impl Stand {
    /// One more fix of the stop; a movement too short to be driving does not end it.
    fn go_on(&mut self, context: &Context<'_>, fix: &Fix, out: &mut Vec<Transition>) {
        if fix.speed > context.rules.motion.driving_over {
            self.episode.pause(fix.time);
            return;
        }
        self.episode.see(fix);
        let counts = self.counts_from(context, fix.time);
        let (route_id, distance_m) = (&self.route_id, self.distance_m);
        let finding = || finding(context, route_id, distance_m);
        self.episode.tell(context, fix, counts, finding, out);
    }

    fn finish(self, context: &Context<'_>, fix: &Fix, end: Timestamp, out: &mut Vec<Transition>) {
        let counts = self.counts_from(context, end);
        let (route_id, distance_m) = (self.route_id, self.distance_m);
        let finding = || finding(context, &route_id, distance_m);
        self.episode.end(context, fix, end, counts, finding, out);
    }

    fn counts_from(&self, context: &Context<'_>, until: Timestamp) -> Option<Timestamp> {
        let rules = &context.rules.unplanned_stop;
        let lasts = if self.listed {
            rules.lasts_min
        } else {
            rules.unlisted_lasts_min
        };
        let counts_from = self.episode.started_at + lasts;
        (until >= counts_from).then_some(counts_from)
    }
}

fn finding(context: &Context<'_>, route_id: &str, distance_m: f64) -> Finding {
    let rules = &context.rules.unplanned_stop;
    Finding {
        kind: ViolationKind::UnplannedStop,
        details: Details::UnplannedStop {
            route_id: route_id.to_owned(),
            distance_m,
        },
        grade: penalty(context.rules, &rules.penalty, context.profile.class, true),
    }
}
