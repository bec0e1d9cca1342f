//! What can be wrong with a rulebook document.

use std::fmt;

/// Why a document is no rulebook.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulebookError {
    /// The text is not TOML.
    #[error("rulebook is not TOML, line {line}: {message}")]
    Syntax {
        /// First line at fault, from 1.
        line: usize,
        /// What the parser says, on one line.
        message: String,
    },
    /// Keys are missing, unknown or wrong; all of them are named.
    #[error("rulebook does not hold: {}", Listed(.0))]
    Keys(Vec<KeyError>),
}

/// One key at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct KeyError {
    /// The key with its sections, such as `speeding.caps.coach.other_kmh`.
    pub key: String,
    /// What is wrong with it.
    pub problem: KeyProblem,
}

/// What is wrong with a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// It is not there.
    #[error("missing")]
    Missing,
    /// It means nothing here.
    #[error("unknown key")]
    Unknown,
    /// Its value is of another kind.
    #[error("must be {0}")]
    Expected(&'static str),
    /// Its number is out of bounds.
    #[error("must be in {least} to {most}")]
    OutOfRange {
        /// Lowest number allowed.
        least: String,
        /// Highest number allowed.
        most: String,
    },
    /// It does not go with another key.
    #[error("{0}")]
    Conflict(&'static str),
}

/// Shows a list on one line.
struct Listed<'a>(&'a [KeyError]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}
