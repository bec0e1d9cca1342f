//! The track archive: the format, its keeping, and its reading while it is kept.

mod commands;
mod damage;
mod duckdb;
mod evidence;
mod format;
mod judging;
mod keeping;
mod reading;
mod s3;
mod s3_store;
mod support;
