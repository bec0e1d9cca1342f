//! The commands.

pub mod decode;
pub mod encode;
mod json;
