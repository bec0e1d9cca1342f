//! JSON views of wire messages, both ways, for `decode` and `encode`.
//!
//! Wire types know nothing of JSON; the names of the contract stand here.

pub(super) mod area;
pub(super) mod fields;
pub(super) mod location;
pub(super) mod media;
pub(super) mod platform;
pub(super) mod platform_in;
pub(super) mod registration;
pub(super) mod terminal;
pub(super) mod terminal_in;
pub(super) mod values;
