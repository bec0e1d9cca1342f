//! Texts: checks of those that people give, and bytes in hex.

use super::error::{ApiError, FieldError};

/// Collects what is wrong with the fields of one body.
#[derive(Debug, Default)]
pub(super) struct Check(Vec<FieldError>);

impl Check {
    /// A text that must say something and may not be too long.
    pub(super) fn required(&mut self, field: &str, text: &str, chars_max: usize) {
        if text.trim().is_empty() {
            self.wrong(field, "must not be empty");
        }
        self.bounded(field, text, chars_max);
    }

    /// A text that may be empty but not too long.
    pub(super) fn bounded(&mut self, field: &str, text: &str, chars_max: usize) {
        if text.chars().nth(chars_max).is_some() {
            self.wrong(field, format!("may be {chars_max} characters at most"));
        }
        // A zero character cannot be stored by every database.
        if text.contains('\0') {
            self.wrong(field, "must not hold a zero character");
        }
    }

    /// Something wrong with a field.
    pub(super) fn wrong(&mut self, field: &str, message: impl Into<String>) {
        self.0.push(FieldError::new(field, message));
    }

    /// What holds unless it is wrong.
    pub(super) fn holds(&mut self, holds: bool, field: &str, message: &str) {
        if !holds {
            self.wrong(field, message);
        }
    }

    /// The verdict.
    ///
    /// # Errors
    /// [`ApiError::Invalid`] with all that was wrong.
    pub(super) fn done(self) -> Result<(), ApiError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(ApiError::Invalid(self.0))
        }
    }
}

/// Bytes in hex, two small digits each.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}
