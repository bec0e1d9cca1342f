//! roadwarden: finds the transport enterprises that fail their 24-hour GPS monitoring duty.
//!
//! Modules in reading order; `ARCHITECTURE.md` draws the map.

pub mod api;
pub mod app;
pub mod archive;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod detect;
pub mod duty;
pub mod files;
pub mod geo;
pub mod ingest;
pub mod journal;
pub mod live;
pub mod model;
pub mod normalize;
pub mod protocol;
pub mod random;
pub mod roads;
pub mod rulebook;
pub mod simulate;
pub mod store;
pub mod telemetry;
pub mod track;
pub mod view;
