//! Speeding judged on a road map.

mod accused;
mod datum;
mod examples;
mod judging;
mod overrides;
mod screen;
mod server;
mod silence;
mod silent_server;
mod town;
mod urban;
