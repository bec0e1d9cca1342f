//! JT/T 808: terminals to platform, editions 2011, 2013 and 2019.

pub mod acknowledge;
pub mod driver;
pub mod frame;
pub mod header;
pub mod items;
pub mod location;
pub mod media;
pub mod message;
pub mod reassembly;
pub mod registration;
pub mod safety;
pub mod session;

pub use frame::{Frame, FrameDecoder, FrameEvent};
pub use header::{Edition, Header, Package, Phone};
pub use location::LocationReport;
pub use message::{PlatformMessage, TerminalMessage};
pub use session::{Limits, Output, Session};
