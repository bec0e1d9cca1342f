//! Per-vehicle state machines; pure; event time only.
