//! JSON shapes shared by the API and the commands: one place for each shape of the contract.
//!
//! Names only the vocabulary; reads no store and no clock.

mod number;
mod road_match;
mod violation;

pub use road_match::RoadMatchView;
pub use violation::{
    DetailsView, EvidenceView, LimitView, PeakView, UnknownView, ViolationHistory, ViolationOwner,
    ViolationView,
};
