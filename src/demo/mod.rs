//! The bundled demo: an invented county, a day of its life, and the verdict at the end of it.
//!
//! [`county`] draws the county from a seed: towns, roads, planned lines, twelve enterprises with
//! their vehicles, drivers and monitors, and a script of everything that happens. It is pure; what
//! each enterprise must be found to fail stands in `cast`, the causes in `twists`, and both are checked.
//! [`load()`] imports what is there before the day, [`play()`] sends the script through the server's
//! real doors, terminals over JT/T 808 and people over HTTP, and [`finale`] asks for the verdict.
//!
//! People are named by their post, places and plates are invented.

mod cast;
mod duties;
mod fleet;
mod ground;
mod http;
mod legs;
mod load;
mod logbook;
mod motion;
mod network;
mod people;
mod planned;
mod play;
mod random;
mod script;
mod story;
mod table;
mod terminal;
mod twists;
mod vehicles;
mod wire;

pub use load::load;
pub use network::RoadExtract;
pub use play::{PlaySummary, PlayTarget, play};
pub use script::{Action, Event, PlannedViolation, Report, Script};
pub use story::{County, county};
pub use table::{Finale, finale, table};
