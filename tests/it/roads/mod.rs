//! Speeding judged on a road map.

mod examples;
mod judging;
mod screen;
mod town;
