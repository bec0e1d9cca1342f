//! The store, whole on both engines.

mod closed_loop;
mod duty;
mod faults;
mod flush;
mod ingest;
mod journal;
mod lists;
mod opening;
mod register;
mod road_maps;
pub(crate) mod samples;
pub(crate) mod support;
mod tracks;
