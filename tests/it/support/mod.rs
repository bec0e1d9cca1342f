//! What tests of the built program share.

pub(crate) mod server;
pub(crate) mod terminal;
