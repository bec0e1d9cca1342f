//! The invented county, its fleet and its day.
//!
//! [`county`] makes everything from a seed, as data; [`play`] sends it through the server's real
//! doors: terminals over JT/T 808, people over HTTP. What the failing list must then say is part
//! of the data.

mod behaviour;
mod cab;
mod cast;
mod county;
mod desk;
mod map;
mod play;
mod random;
mod schedule;
mod table;

pub use county::{County, county};
pub use play::{Outcome, Progress, Stage, play};
pub use table::table;
