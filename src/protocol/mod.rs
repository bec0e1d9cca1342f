//! Bytes to and from wire messages; sans-IO; knows no domain type.
//!
//! Nothing here opens a socket, reads a clock or keeps a number that the wire
//! does not carry. No input reaches a panic. Start reading at
//! [`jt808::frame`] (bytes to frames), then [`jt808::message`] (frames to
//! messages), then [`jt808::session`] (a connection as a state machine).
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]
#![expect(
    clippy::missing_errors_doc,
    reason = "doc comments name their errors in a line of their own, as everywhere here"
)]

pub mod bcd;
pub mod error;
pub mod jt808;
pub mod reader;
pub mod text;
pub mod writer;

pub use bcd::BcdTime;
pub use error::{DecodeError, EncodeError};
pub use reader::Reader;
pub use text::Text;
pub use writer::Writer;
