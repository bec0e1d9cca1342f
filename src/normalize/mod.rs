//! Wire location to `Fix`: zone, scale, datum, "no value" to `None`, plausibility.

pub mod plausibility;
