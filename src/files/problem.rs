//! What is wrong with an import, line by line.

use std::fmt;

use serde::Serialize;

/// One thing wrong in an imported file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// File name, without its folder.
    pub file: String,
    /// Line from 1 (CSV) or feature number from 1 (GeoJSON); 0 for the file as a whole.
    pub line: u64,
    /// The field at fault; empty for the line as a whole.
    pub field: &'static str,
    /// Stable code.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {} ({})", self.message, self.code)
    }
}

/// All that is wrong with an import; none of it was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{} bad lines, nothing of it was used", .0.len())]
pub struct Problems(pub Vec<Problem>);

/// Collects problems of one file.
#[derive(Debug)]
pub(super) struct Notes<'a> {
    file: &'a str,
    problems: &'a mut Problems,
}

impl<'a> Notes<'a> {
    pub(super) fn new(file: &'a str, problems: &'a mut Problems) -> Self {
        Self { file, problems }
    }

    pub(super) fn add(
        &mut self,
        line: u64,
        field: &'static str,
        code: &'static str,
        message: impl Into<String>,
    ) {
        self.problems.0.push(Problem {
            file: self.file.to_owned(),
            line,
            field,
            code,
            message: message.into(),
        });
    }
}
