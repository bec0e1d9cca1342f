//! The commands.

pub mod evaluate;
pub mod fix_options;
pub mod import;
