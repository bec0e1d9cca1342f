//! Files in: recorded fixes, fleet folders, routes, areas and road extracts.
//!
//! Readers never panic and never stop at the first bad line: each bad line is told with its
//! number, a stable code and a sentence. They know no store; the caller decides what to do.

pub mod areas;
pub mod fixes;
pub mod fleet;
mod geojson;
pub mod osm;
pub mod problem;
pub mod road_limits;
pub mod road_map;
pub mod routes;
mod table;

pub use problem::{Problem, Problems};
