//! Integration tests: one binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod api;
mod store;
mod tidy;
