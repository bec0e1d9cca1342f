//! Which segments have the same limit, without saying which.

use crate::model::route::RoadKind;
use crate::model::{RoadClass, Speed};
use crate::roads::network::{RoadNetwork, WayFlags};

/// Something that is equal where the limit is equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A posted number; what a vehicle may do beside depends on the kind of road.
    Posted(Speed, RoadKind),
    /// Posted, but not as a number: by the set of posted limits.
    Set(u32),
    /// Nothing is posted: by what the defaults go by.
    Default {
        class: u8,
        flags: WayFlags,
        lanes: u8,
    },
}

/// Least pace: nobody holds a walking pace. Unit: km/h.
const PACE_MIN_KMH: f64 = 10.0;

/// The keys of a network.
#[derive(Debug)]
pub(super) struct Keys {
    /// For each set of posted limits the number forward and backward.
    posted: Vec<[Option<Speed>; 2]>,
}

impl Keys {
    pub(super) fn new(network: &RoadNetwork) -> Self {
        let posted = network.limits.iter();
        let posted = posted.map(|limits| [limits.general(false), limits.general(true)]);
        Self {
            posted: posted.collect(),
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

    pub(super) fn key(&self, network: &RoadNetwork, segment: u32) -> Key {
        let segment = &network.segments[segment as usize];
        let way = network.way(segment.way());
        let posted = self.posted[way.limits as usize][usize::from(segment.is_backward())];
        match posted {
            Some(limit) => Key::Posted(limit, way.kind()),
            // The first set says nothing.
            None if way.limits != 0 => Key::Set(way.limits),
            None => Key::Default {
                class: way.class.code(),
                flags: way.flags,
                lanes: way.lanes,
            },
        }
    }
}
