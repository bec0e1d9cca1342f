//! Wire location to `Fix`: zone, scale, datum, "no value" to `None`, plausibility.

pub mod jt808;
pub mod place;
pub mod plausibility;
