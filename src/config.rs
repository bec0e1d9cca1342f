//! Every setting: unit, default, bounds; parsed once into checked types.
