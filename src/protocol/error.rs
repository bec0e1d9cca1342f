//! What can be wrong with bytes that came in, and with values that go out.

/// Why bytes are not a frame, or a body is not the message that its id says.
///
/// One variant for each way to be wrong, so that rejections can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The input ended inside a frame.
    #[error("no closing delimiter")]
    Truncated,
    /// The input does not begin with a delimiter, or holds more than one frame.
    #[error("not one frame between two delimiters")]
    Delimiter,
    /// The frame is longer than the reader allows.
    #[error("frame longer than {limit_bytes} bytes")]
    Overlong {
        /// The limit that was passed.
        limit_bytes: usize,
    },
    /// An escape byte is followed by a byte that makes no escape.
    #[error("escape byte followed by {follower:#04x}")]
    Escape {
        /// The byte after the escape byte.
        follower: u8,
    },
    /// An escape byte stands right before the closing delimiter.
    #[error("escape byte before the closing delimiter")]
    EscapeCut,
    /// The frame is shorter than the header that its first bytes announce.
    #[error("frame content of {have} bytes, header and check need {need}")]
    HeaderShort {
        /// Bytes between the delimiters, un-escaped.
        have: usize,
        /// Bytes of this header form and the check byte.
        need: usize,
    },
    /// The header states another body length than the frame has.
    #[error("body of {have} bytes, header states {stated}")]
    LengthMismatch {
        /// Body length of the property word.
        stated: usize,
        /// Bytes between header and check byte.
        have: usize,
    },
    /// Sub-package numbers that cannot be.
    #[error("sub-package {index} of {total}")]
    Package {
        /// Stated total.
        total: u16,
        /// Stated index, from 1.
        index: u16,
    },
    /// The check byte differs from the exclusive or of header and body.
    #[error("check byte {found:#04x}, computed {computed:#04x}")]
    Checksum {
        /// What the frame carries.
        found: u8,
        /// What its bytes give.
        computed: u8,
    },
    /// The body ends before a field does.
    #[error("body ends at byte {have}, field at byte {offset} needs {need} more")]
    BodyShort {
        /// Where the field begins, from the start of the body.
        offset: usize,
        /// Bytes of the field.
        need: usize,
        /// Length of the body.
        have: usize,
    },
    /// A field holds a value that the layout cannot have.
    #[error("field {field} holds an impossible value")]
    BodyValue {
        /// Name of the field.
        field: &'static str,
    },
    /// The body is encrypted; we offer no encryption.
    #[error("body is encrypted (mode {mode})")]
    Encrypted {
        /// Bits 10 to 12 of the property word.
        mode: u8,
    },
    /// The compressed part cannot be unpacked within its bound.
    #[error("compressed part cannot be unpacked within {limit_bytes} bytes")]
    Compressed {
        /// The bound.
        limit_bytes: usize,
    },
    /// No layout is known for this message id.
    #[error("unknown message {id:#06x}")]
    UnknownMessage {
        /// The id.
        id: u16,
    },
}

impl DecodeError {
    /// The stable code of the contract.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Delimiter => "delimiter",
            Self::Overlong { .. } => "overlong",
            Self::Escape { .. } | Self::EscapeCut => "escape",
            Self::HeaderShort { .. } | Self::LengthMismatch { .. } | Self::Package { .. } => {
                "header"
            }
            Self::Checksum { .. } => "checksum",
            Self::BodyShort { .. } | Self::BodyValue { .. } => "body",
            Self::Encrypted { .. } => "encrypted",
            Self::Compressed { .. } => "compressed",
            Self::UnknownMessage { .. } => "unknown_message",
        }
    }
}

/// Why a message cannot be put on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A text or byte field does not fit its length field.
    #[error("field {field} has {bytes} bytes, at most {limit_bytes} fit")]
    FieldLong {
        /// Name of the field.
        field: &'static str,
        /// Its encoded length.
        bytes: usize,
        /// What the layout allows.
        limit_bytes: usize,
    },
    /// A list has more entries than its count field can say.
    #[error("list {field} has {count} entries, at most {limit} fit")]
    ListLong {
        /// Name of the list.
        field: &'static str,
        /// Its length.
        count: usize,
        /// What the layout allows.
        limit: usize,
    },
    /// The body does not fit one frame, and fragments were not asked for.
    #[error("body of {bytes} bytes, at most {limit_bytes} fit one frame")]
    BodyLong {
        /// Length of the body.
        bytes: usize,
        /// Longest body of a frame.
        limit_bytes: usize,
    },
    /// A value is missing that the attribute bits of this object announce.
    #[error("field {field} is missing although the attribute bits announce it")]
    FieldMissing {
        /// Name of the field.
        field: &'static str,
    },
    /// The message does not exist in the edition that the terminal speaks.
    #[error("message {id:#06x} does not exist in this edition")]
    NotInEdition {
        /// The message id.
        id: u16,
    },
}

impl EncodeError {
    /// A stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::FieldLong { .. } => "field_long",
            Self::ListLong { .. } => "list_long",
            Self::BodyLong { .. } => "body_long",
            Self::FieldMissing { .. } => "field_missing",
            Self::NotInEdition { .. } => "not_in_edition",
        }
    }
}
