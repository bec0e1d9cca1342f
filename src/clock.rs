//! The only reader of the wall and monotonic clocks.
