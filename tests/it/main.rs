//! All integration tests, one binary.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by a panic"
)]

mod api;
mod archive;
mod areas;
mod datum;
mod demo;
mod detect_oracle;
mod detect_properties;
mod detect_scenarios;
mod drive;
mod driver_properties;
mod end_to_end;
mod files;
mod limits;
mod matching;
mod night_ban;
mod prealarms;
mod readme;
mod rejudge;
mod roads;
mod store;
mod support;
mod terminal_alarms;
mod tidy;
mod truck_tracks;
mod unplanned_stops;
mod vectors;
mod worked_examples;
