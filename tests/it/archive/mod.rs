//! The track archive: the format, its keeping, and its reading while it is kept.

mod format;
mod keeping;
mod reading;
mod support;
