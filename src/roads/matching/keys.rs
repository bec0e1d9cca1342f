//! Which segments have the same limit, without saying which.

use crate::model::{RoadClass, Speed};
use crate::roads::limit::hours::Window;
use crate::roads::limit::overrides::Overrides;
use crate::roads::limit::tags::{TaggedLimits, Value, Who};
use crate::roads::network::{RoadNetwork, Way, WayFlags};

/// Least pace: nobody holds a walking pace. Unit: km/h.
const PACE_MIN_KMH: f64 = 10.0;

/// What the limit of a way without a number depends on, beside its class and lanes.
const WITHOUT_SIGN: WayFlags = WayFlags::LINK
    .with(WayFlags::ONEWAY)
    .with(WayFlags::URBAN)
    .with(WayFlags::EXPRESSWAY);

/// The limits of a network, for comparing.
#[derive(Debug)]
pub(super) struct Keys<'n> {
    /// For each set of posted limits the number forward and backward.
    posted: Vec<[Option<Speed>; 2]>,
    overrides: Option<&'n Overrides>,
}

impl<'n> Keys<'n> {
    pub(super) fn new(network: &RoadNetwork) -> Self {
        let posted = network.limits.iter();
        let posted = posted.map(|limits| [limits.general(false), limits.general(true)]);
        Self {
            posted: posted.collect(),
            overrides: None,
        }
    }

    /// The same with the operator's limits.
    pub(super) fn with_overrides(self, overrides: &'n Overrides) -> Self {
        Self {
            overrides: Some(overrides),
            ..self
        }
    }

    /// How fast one may go on a segment: the posted limit, else what is fast on such roads.
    /// Unit: m/s.
    pub(super) fn pace(&self, network: &RoadNetwork, segment: u32) -> f64 {
        let segment = &network.segments[segment as usize];
        let way = network.way(segment.way());
        let posted = self.posted[way.limits as usize][usize::from(segment.is_backward())];
        let kmh = match (posted, way.class) {
            (Some(limit), _) => limit.kmh(),
            (None, RoadClass::Motorway) => 130.0,
            (None, RoadClass::Trunk) => 110.0,
            (None, RoadClass::Primary) => 100.0,
            (None, RoadClass::Secondary | RoadClass::Tertiary) => 80.0,
            (None, RoadClass::Unclassified | RoadClass::Residential | RoadClass::Road) => 60.0,
            (None, RoadClass::LivingStreet | RoadClass::Service) => 40.0,
        };
        kmh.max(PACE_MIN_KMH) / 3.6
    }

    /// Whether the limits of two segments are the same, for every class at every hour.
    pub(super) fn are_same(&self, network: &RoadNetwork, one: u32, other: u32) -> bool {
        self.are_posted_same(network, one, other)
            && self
                .overrides
                .is_none_or(|overrides| overrides.are_same(one, other))
    }

    fn are_posted_same(&self, network: &RoadNetwork, one: u32, other: u32) -> bool {
        let of = |number: u32| {
            let segment = &network.segments[number as usize];
            (network.way(segment.way()), segment.is_backward())
        };
        let ((way, backward), (other_way, other_backward)) = (of(one), of(other));
        if (way.id, backward) == (other_way.id, other_backward) {
            return true;
        }
        let is_set_same = (way.limits, backward) == (other_way.limits, other_backward)
            || said(network.posted(way), backward)
                .eq(said(network.posted(other_way), other_backward));
        let is_number = self.posted[way.limits as usize][usize::from(backward)].is_some();
        // What a vehicle may do beside a number depends on the kind of road.
        is_set_same && way.kind() == other_way.kind() && (is_number || are_alike(way, other_way))
    }
}

/// A posted limit without its direction.
type Said<'a> = (Who, &'a [Window], &'a Value, bool);

/// All that is posted in a direction, but for the direction.
fn said(posted: &TaggedLimits, backward: bool) -> impl Iterator<Item = Said<'_>> {
    let limits = posted.limits.iter();
    limits
        .filter(move |limit| limit.direction.holds(backward))
        .map(|limit| (limit.who, &limit.hours[..], &limit.value, limit.only_raises))
}

/// Whether two ways have the same limit where a sign gives no number.
fn are_alike(one: &Way, other: &Way) -> bool {
    let flags = |way: &Way| way.flags.bits() & WITHOUT_SIGN.bits();
    (one.class, one.lanes, flags(one)) == (other.class, other.lanes, flags(other))
}
