//! All integration tests, one binary.

mod demo;
mod detect_oracle;
mod detect_properties;
mod drive;
mod files;
mod store;
mod tidy;
mod truck_tracks;
mod vectors;
mod worked_examples;
