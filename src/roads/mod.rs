//! The road map: which roads there are, and which limit holds on each.
//!
//! A [`RoadNetwork`] is one map, whole in memory, that never changes: an import makes the next one.
//! It knows what the map says (classes, directions, posted limits); what the rulebook and the
//! operator say is laid over it elsewhere. Nothing here reads files: `files::osm` reads extracts.
//!
//! Start reading at [`network`], then [`limit`] and [`matching`].

mod fit;
pub mod index;
pub mod limit;
pub mod map;
pub mod matching;
pub mod network;
pub mod prepared;
pub mod screen;
pub mod urban;

pub use crate::model::RoadClass;
pub use index::{Foot, Near};
pub use map::RoadMap;
pub use network::{
    BuildError, NodeNumber, NodePlace, RoadNetwork, Segment, SegmentNumber, Way, WayFlags,
    WayInput, WayNumber,
};
