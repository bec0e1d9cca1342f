//! The track archive: the format, its keeping, and its reading while it is kept.

mod commands;
mod duckdb;
mod format;
mod keeping;
mod reading;
mod s3;
mod support;
