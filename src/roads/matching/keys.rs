//! Which segments have the same limit, without saying which.

use crate::model::Speed;
use crate::roads::network::{RoadNetwork, WayFlags};

/// Something that is equal where the limit is equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A posted number.
    Posted(Speed),
    /// Posted, but not as a number: by the set of posted limits.
    Set(u32),
    /// Nothing is posted: by what the defaults go by.
    Default {
        class: u8,
        flags: WayFlags,
        lanes: u8,
    },
}

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

    pub(super) fn key(&self, network: &RoadNetwork, segment: u32) -> Key {
        let segment = &network.segments[segment as usize];
        let way = network.way(segment.way());
        let posted = self.posted[way.limits as usize][usize::from(segment.is_backward())];
        match posted {
            Some(limit) => Key::Posted(limit),
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
