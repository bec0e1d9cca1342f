//! In whose corridor the vehicle is: the first of its assigned routes that contains the place.
//!
//! Remembers the segment where the vehicle was, which is a hint for speed and never decides.

use crate::geo::{RouteKey, RouteNumber, SegmentNumber};
use crate::model::{Fix, Timestamp};

use super::{Context, VehicleProfile};

/// The last segment, with the route to which it belongs.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) hint: Option<(RouteKey, SegmentNumber)>,
}

impl PartialEq for Place {
    /// Hints decide nothing, so that states that differ only in them are equal.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Place {
    /// The first assigned route in whose corridor the fix lies.
    pub(super) fn locate(&mut self, context: &Context<'_>, fix: &Fix) -> Option<RouteNumber> {
        active(context.profile, fix.time).find(|number| self.is_inside(context, *number, fix))
    }

    fn is_inside(&mut self, context: &Context<'_>, number: RouteNumber, fix: &Fix) -> bool {
        let routes = context.routes;
        let (Some(route), Some(key)) = (routes.route(number), routes.key(number)) else {
            return false;
        };
        let bound_m = route.half_width_m;
        let near = self
            .hint
            .filter(|(hinted, _)| *hinted == key)
            .and_then(|(_, segment)| routes.still_inside(number, segment, fix.position, bound_m))
            .or_else(|| {
                routes
                    .nearest_within(number, fix.position, bound_m)
                    .map(|hit| hit.segment)
            });
        if let Some(segment) = near {
            self.hint = Some((key, segment));
        }
        near.is_some()
    }
}

/// The routes assigned at `time`, in the order of the register.
pub(super) fn active(
    profile: &VehicleProfile,
    time: Timestamp,
) -> impl Iterator<Item = RouteNumber> {
    profile
        .routes
        .iter()
        .filter(move |validity| validity.holds_at(time))
        .map(|validity| validity.route)
}
