//! All integration tests, one binary.

mod demo;
mod detect_oracle;
mod detect_properties;
mod drive;
mod truck_tracks;
mod worked_examples;
