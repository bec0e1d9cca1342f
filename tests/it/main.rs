//! All integration tests, one binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod detect_oracle;
mod detect_properties;
mod detect_scenarios;
mod drive;
mod truck_tracks;
mod worked_examples;
