//! Raw fixes around a violation, kept as long as the violation.

use crate::model::Span;

/// Fixes of so long before and after a violation are its evidence.
pub(super) const EVIDENCE_AROUND: Span = Span::from_minutes(5);
