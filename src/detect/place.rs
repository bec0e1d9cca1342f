//! Where the vehicle is: the first of its assigned routes in whose corridor it is, and the areas
//! that contain it.
//!
//! Remembers the segment where the vehicle was and a box without edges of areas around it, which are
//! hints for speed and never decide.

use crate::geo::{AreaIndex, AreaNumber, Clear, RouteKey, RouteNumber, SegmentNumber};
use crate::model::{Fix, Position, Timestamp};

use super::{Context, VehicleProfile};

/// What was found at the last fix.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    /// The last segment, with the route to which it belongs.
    pub(super) hint: Option<(RouteKey, SegmentNumber)>,
    /// What contained the last place.
    pub(super) around: Option<Box<Around>>,
}

/// The areas in a box, in the index with that stamp.
#[derive(Clone, Debug)]
pub(super) struct Around {
    stamp: u64,
    clear: Clear,
    inside: Box<[AreaNumber]>,
}

impl PartialEq for Place {
    /// Hints decide nothing, so that states that differ only in them are equal.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Place {
    /// The areas that contain a place, ascending.
    pub(super) fn areas(&mut self, index: &AreaIndex, place: Position) -> &[AreaNumber] {
        if index.is_empty() {
            return &[];
        }
        if !self.is_around(index, place) {
            let located = index.locate(place);
            let around = Around {
                stamp: index.stamp(),
                clear: located.clear,
                inside: located.inside.into_boxed_slice(),
            };
            match &mut self.around {
                Some(known) => **known = around,
                none => *none = Some(Box::new(around)),
            }
        }
        self.around.as_ref().map_or(&[], |around| &around.inside)
    }

    /// Whether the same areas contain a place as contained the last one, with no edge between.
    pub(super) fn is_around(&self, index: &AreaIndex, place: Position) -> bool {
        self.around
            .as_ref()
            .is_some_and(|around| around.stamp == index.stamp() && around.clear.contains(place))
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.around.as_ref().map_or(0, |around| {
            size_of::<Around>() + size_of_val(&*around.inside)
        })
    }

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
