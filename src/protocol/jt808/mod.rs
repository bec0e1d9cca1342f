//! JT/T 808: terminals to platform, editions 2011, 2013 and 2019.
//!
//! One file for each family of messages; [`message`] lists them all.

pub mod acknowledge;
pub mod area;
pub mod attachment;
pub mod device;
pub mod driver;
pub mod frame;
pub mod header;
pub mod information;
pub mod items;
pub mod location;
pub mod media;
pub mod message;
pub mod parameters;
pub mod reassembly;
pub mod registration;
pub mod route;
pub mod safety;
pub mod session;
pub mod transfer;
pub mod vehicle;

#[cfg(test)]
mod properties;

pub use frame::{Frame, FrameDecoder, FrameEvent};
pub use header::{Edition, Header, Package, Phone};
pub use location::LocationReport;
pub use message::{PlatformMessage, TerminalMessage};
pub use session::{Limits, Output, Session};
