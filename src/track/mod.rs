//! Compact form of fixes: the record of the journal and the chunks of the stored track.
//!
//! [`encode_run`] and [`decode_run`] are for the fixes of one vehicle, [`TrackTail`] is a run that
//! still grows, [`JournalRecord`] holds fixes of many vehicles and notices damage. Bytes that we did
//! not write give an error and never a panic.

mod codec;
mod record;
mod run;
mod varint;

#[cfg(test)]
mod tests;

pub use record::{JournalRecord, RecordFixes};
pub use run::{TrackTail, decode_run, encode_run};

/// Why bytes are not what we wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrackError {
    /// The bytes end too early.
    #[error("the bytes end too early")]
    Truncated,
    /// Bytes are left over after the last fix.
    #[error("bytes are left over")]
    TooLong,
    /// A value that cannot be.
    #[error("{what} out of range")]
    Range {
        /// Which value.
        what: &'static str,
    },
    /// Written by a version that we do not know.
    #[error("version {version} is unknown")]
    Version {
        /// The version found.
        version: u8,
    },
    /// The checksum does not match.
    #[error("the checksum does not match")]
    Checksum,
}
