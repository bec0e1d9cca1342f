//! Leaving the corridor of the planned route.
//!
//! ```text
//! idle     --fix inside an assigned corridor--> on route
//! on route --moving fix outside, beside the line--> leaving
//! on route --moving fix outside, before or past an end of the line--> idle   (the trip is over)
//! leaving  --fix inside--> on route
//! leaving  --gap--> on route                           (what was in it is unknown)
//! leaving  --long, often and far enough outside--> off route   (violation, from the first fix outside)
//! off route --fix inside--> returning --long enough inside--> on route   (ended at the first fix inside)
//! returning --fix outside--> off route
//! any      --no route assigned any more--> idle        (ended at that fix)
//! any      --long stop or long silence--> idle         (ended where it began)
//! ```
//!
//! Our choices, so that nobody is accused for going home: the watch begins only when the vehicle
//! has been inside the corridor in this trip; leaving over an end of the line ends the trip; so
//! does a stop of `trip_end`, and an open violation then ends where that stop began. "Outside" is
//! farther than the half-width from every assigned route; it counts only when it reaches `margin_m`
//! beyond. The route that was left is the one in whose corridor the vehicle last was.

use crate::geo::{RouteHit, RouteKey, RouteNumber};
use crate::model::rules::DeviationRules;
use crate::model::violation::{Details, EvidenceMarks, FixMark};
use crate::model::{DriverId, Fix, Timestamp, VehicleId, Violation, ViolationKind};

use super::admit::{Step, mark};
use super::grade::penalty;
use super::motion::Motion;
use super::place::active;
use super::{Context, Transition};

/// Whether and since when the vehicle is off its route.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Deviation {
    /// The route in whose corridor the vehicle last was in this trip; `None` is idle.
    pub(super) route: Option<RouteKey>,
    /// Time outside, confirmed or not.
    pub(super) outside: Option<Box<Outside>>,
}

/// Time outside the corridor.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outside {
    /// The route that was left.
    pub(super) route_id: Box<str>,
    /// First fix outside.
    pub(super) started_at: Timestamp,
    /// When it was confirmed and when that fix was received.
    pub(super) confirmed: Option<(Timestamp, Timestamp)>,
    /// First fix back inside, while the return is not settled.
    pub(super) returned_at: Option<Timestamp>,
    /// Farthest fix.
    pub(super) peak: FixMark,
    /// Its distance from the nearest assigned route line. Unit: m.
    pub(super) max_distance_m: f64,
    /// It has been beyond half-width and margin.
    pub(super) far: bool,
    /// Fixes outside.
    pub(super) fixes: u32,
    /// Last fix outside.
    pub(super) last: Timestamp,
    /// Driver of the first fix outside.
    pub(super) driver: Option<DriverId>,
}

impl Deviation {
    pub(super) fn heap_bytes(&self) -> usize {
        self.outside
            .as_ref()
            .map_or(0, |outside| size_of::<Outside>() + outside.route_id.len())
    }

    pub(super) fn handle_step(
        &mut self,
        context: &Context<'_>,
        step: &Step<'_>,
        motion: &Motion,
        on_route: Option<RouteNumber>,
        out: &mut Vec<Transition>,
    ) {
        if self.route.is_none() && on_route.is_none() {
            return;
        }
        let fix = step.fix;
        let rules = &context.rules.deviation;
        if let Some(end) = trip_end(rules, step, motion) {
            self.leave_watch(context, fix, end, out);
        }
        if let Some(number) = on_route {
            self.handle_inside(context, fix, out);
            self.route = context.routes.key(number);
        } else if active(context.profile, fix.time).next().is_none() {
            self.leave_watch(context, fix, fix.time, out);
        } else if self.route.is_some() {
            if step.gap.is_some() && self.outside.as_ref().is_some_and(|o| o.confirmed.is_none()) {
                self.outside = None;
            }
            self.handle_outside(context, fix, out);
        }
    }

    /// The trip is over at `end`.
    fn leave_watch(
        &mut self,
        context: &Context<'_>,
        fix: &Fix,
        end: Timestamp,
        out: &mut Vec<Transition>,
    ) {
        self.route = None;
        if let Some(outside) = self.outside.take() {
            let end = outside.returned_at.unwrap_or(end);
            outside.tell_end(context, fix.vehicle, end, out);
        }
    }

    fn handle_inside(&mut self, context: &Context<'_>, fix: &Fix, out: &mut Vec<Transition>) {
        let Some(outside) = &mut self.outside else {
            return;
        };
        let returned_at = *outside.returned_at.get_or_insert(fix.time);
        if outside.confirmed.is_none() {
            self.outside = None;
        } else if fix.time.since(returned_at) >= context.rules.deviation.return_dwell {
            outside.tell_end(context, fix.vehicle, returned_at, out);
            self.outside = None;
        }
    }

    fn handle_outside(&mut self, context: &Context<'_>, fix: &Fix, out: &mut Vec<Transition>) {
        let Some((hit, beyond_m)) = nearest_active(context, fix) else {
            return;
        };
        if self.outside.is_none() {
            if fix.speed <= context.rules.motion.driving_over {
                return;
            }
            if hit.past_end {
                self.route = None;
                return;
            }
            self.outside = self
                .route_id(context, fix, &hit)
                .map(|id| Box::new(Outside::new(id, fix)));
        }
        if let Some(outside) = &mut self.outside {
            outside.extend(context, fix, hit.distance_m, beyond_m, out);
        }
    }

    /// The route in whose corridor the vehicle last was, otherwise the nearest one.
    fn route_id(&self, context: &Context<'_>, fix: &Fix, hit: &RouteHit) -> Option<Box<str>> {
        let left = active(context.profile, fix.time)
            .find(|number| context.routes.key(*number) == self.route)
            .unwrap_or(hit.route);
        Some(Box::from(context.routes.route(left)?.id.as_str()))
    }
}

impl Outside {
    fn new(route_id: Box<str>, fix: &Fix) -> Self {
        Self {
            route_id,
            started_at: fix.time,
            confirmed: None,
            returned_at: None,
            peak: mark(fix),
            max_distance_m: 0.0,
            far: false,
            fixes: 0,
            last: fix.time,
            driver: fix.driver,
        }
    }

    /// One more fix outside.
    fn extend(
        &mut self,
        context: &Context<'_>,
        fix: &Fix,
        distance_m: f64,
        beyond_m: f64,
        out: &mut Vec<Transition>,
    ) {
        let rules = &context.rules.deviation;
        self.returned_at = None;
        self.fixes = self.fixes.saturating_add(1);
        self.last = fix.time;
        self.far |= beyond_m > rules.margin_m;
        if distance_m > self.max_distance_m {
            self.max_distance_m = distance_m;
            self.peak = mark(fix);
        }
        let told = self.confirmed.is_some();
        let dwelt = fix.time.since(self.started_at) >= rules.dwell;
        if !told && self.far && dwelt && self.fixes >= rules.fixes_min {
            self.confirmed = Some((fix.time, fix.received));
        }
        if let Some(violation) = self.violation(context, fix.vehicle, None) {
            out.push(if told {
                Transition::Extended(violation)
            } else {
                Transition::Opened(violation)
            });
        }
    }

    fn tell_end(
        &self,
        context: &Context<'_>,
        vehicle: VehicleId,
        end: Timestamp,
        out: &mut Vec<Transition>,
    ) {
        let end = end.max(self.started_at);
        out.extend(
            self.violation(context, vehicle, Some(end))
                .map(Transition::Closed),
        );
    }

    /// The violation; `None` while it is not confirmed.
    fn violation(
        &self,
        context: &Context<'_>,
        vehicle: VehicleId,
        ended_at: Option<Timestamp>,
    ) -> Option<Box<Violation>> {
        let (confirmed_at, first_seen_at) = self.confirmed?;
        let rules = context.rules;
        let class = context.profile.class;
        let grade = penalty(rules, &rules.deviation.penalty, class, true);
        Some(Box::new(Violation {
            vehicle,
            driver: self.driver,
            kind: ViolationKind::RouteDeviation,
            started_at: self.started_at,
            confirmed_at,
            ended_at,
            peak: self.peak,
            limit: None,
            excess_ratio: 0.0,
            legal_excess_ratio: 0.0,
            severity: grade.severity,
            points: grade.points,
            points_basis: grade.basis,
            details: Details::RouteDeviation {
                route_id: self.route_id.to_string(),
                max_distance_m: self.max_distance_m,
            },
            evidence: EvidenceMarks {
                first_fix: self.started_at,
                peak_fix: self.peak.time,
                last_fix: self.last,
                fixes: self.fixes,
            },
            first_seen_at,
            grave: None,
            rulebook_version: rules.version.clone(),
        }))
    }
}

/// When the trip ended, if a long stop or a long silence has just ended it.
fn trip_end(rules: &DeviationRules, step: &Step<'_>, motion: &Motion) -> Option<Timestamp> {
    let silent_from = step
        .before
        .filter(|_| step.gap.is_some())
        .map(|mark| mark.fix.time);
    motion
        .standing_since
        .or(silent_from)
        .filter(|since| step.fix.time.since(*since) >= rules.trip_end)
}

/// The assigned route that is least far beyond its half-width, with that distance in m.
fn nearest_active(context: &Context<'_>, fix: &Fix) -> Option<(RouteHit, f64)> {
    active(context.profile, fix.time)
        .filter_map(|number| {
            let hit = context.routes.nearest(number, fix.position)?;
            let half_width_m = context.routes.route(number)?.half_width_m;
            Some((hit, hit.distance_m - half_width_m))
        })
        .reduce(|best, other| if other.1 < best.1 { other } else { best })
}
