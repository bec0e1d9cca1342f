//! What can be wrong with one line of recorded fixes.

/// Longest piece of input that a message repeats. Unit: characters.
const EXCERPT_CHARS_MAX: usize = 40;

/// Why a line is not a fix.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LineError {
    /// Longer than [`super::LINE_BYTES_MAX`].
    #[error("line is longer than {max} bytes")]
    LineTooLong {
        /// The bound.
        max: usize,
    },
    /// Not UTF-8.
    #[error("text is not UTF-8")]
    BadUtf8,
    /// Not a JSON object.
    #[error("not a JSON object: {message}")]
    BadJson {
        /// What the parser said.
        message: String,
    },
    /// A value of another type than its field has.
    #[error("{message}")]
    BadValue {
        /// What was expected, and what was there.
        message: String,
    },
    /// A CSV line with another number of fields than the header, or a quote left open.
    #[error("{message}")]
    BadCsv {
        /// What does not fit.
        message: String,
    },
    /// A required field that is absent, null or empty.
    #[error("field {field} is missing")]
    MissingField {
        /// Which one.
        field: &'static str,
    },
    /// A time that cannot be read, or has no offset where one is needed.
    #[error("time {text:?} is not {expected}")]
    BadTime {
        /// The time as given, shortened.
        text: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A number outside the range of its field.
    #[error("{field} is {value}, expected {expected}")]
    BadRange {
        /// Which one.
        field: &'static str,
        /// Its value.
        value: f64,
        /// The range.
        expected: &'static str,
    },
    /// A plate colour that is not in the list.
    #[error("plate colour {text:?} is not known")]
    BadPlateColor {
        /// The colour as given, shortened.
        text: String,
    },
    /// A datum that is not in the list.
    #[error("datum {text:?} is not one of wgs84, gcj02, bd09")]
    BadDatum {
        /// The datum as given, shortened.
        text: String,
    },
    /// A plate that is empty, too long, or holds control characters.
    #[error("plate is empty, too long, or holds control characters")]
    BadPlate,
    /// A terminal phone number that is not 1 to 20 digits.
    #[error("terminal is not a phone number of 1 to 20 digits")]
    BadTerminal,
    /// A vehicle or terminal that is not in the register.
    #[error("{subject} is not in the register")]
    UnknownVehicle {
        /// Plate and colour, or terminal.
        subject: String,
    },
    /// A plate and a terminal that are not of one vehicle.
    #[error("{subject} does not have terminal {terminal}")]
    ContradictoryIdentity {
        /// Plate and colour.
        subject: String,
        /// The terminal that is named beside it.
        terminal: String,
    },
    /// A hex line that is not a frame, or a frame that is not a location message.
    #[error("{message}")]
    BadFrame {
        /// What does not fit.
        message: String,
    },
}

impl LineError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::LineTooLong { .. } => "line_too_long",
            Self::BadUtf8 => "bad_utf8",
            Self::BadJson { .. } => "bad_json",
            Self::BadValue { .. } => "bad_value",
            Self::BadCsv { .. } => "bad_csv",
            Self::MissingField { .. } => "missing_field",
            Self::BadTime { .. } => "bad_time",
            Self::BadRange { .. } => "bad_range",
            Self::BadPlateColor { .. } => "bad_plate_color",
            Self::BadDatum { .. } => "bad_datum",
            Self::BadPlate => "bad_plate",
            Self::BadTerminal => "bad_terminal",
            Self::UnknownVehicle { .. } => "unknown_vehicle",
            Self::ContradictoryIdentity { .. } => "contradictory_identity",
            Self::BadFrame { .. } => "bad_frame",
        }
    }
}

/// A piece of input short enough for a message.
pub(super) fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT_CHARS_MAX).collect()
}
