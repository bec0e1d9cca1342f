//! Distance, cross-track distance and the corridor index; metres and degrees.

pub mod datum;
