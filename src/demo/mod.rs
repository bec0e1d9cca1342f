//! The invented county, its fleet and its day.
//!
//! [`county`] makes everything from a seed, as data; [`play`] sends it through the server's real
//! doors: terminals over JT/T 808, people over HTTP. What the failing list must then say is part
//! of the data.

mod behaviour;
mod cast;
mod county;
mod map;
mod random;
mod schedule;

pub use county::{County, county};
