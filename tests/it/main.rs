//! All integration tests, one binary.

mod api;
mod demo;
mod detect_oracle;
mod detect_properties;
mod detect_scenarios;
mod drive;
mod files;
mod store;
mod tidy;
mod truck_tracks;
mod vectors;
mod worked_examples;
