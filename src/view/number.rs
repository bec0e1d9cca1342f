//! Numbers as people write them: no fraction where there is none.

use serde::Serializer;

/// Largest magnitude below which every whole `f64` is exact.
const EXACT_MAX: f64 = 9.0e15;

/// Writes a whole value as an integer (`80`) and any other with its fraction (`0.0625`).
///
/// # Errors
///
/// Those of the serializer.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
pub(super) fn shortest<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.fract() == 0.0 && value.abs() < EXACT_MAX {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole and in range, checked above"
        )]
        serializer.serialize_i64(*value as i64)
    } else {
        serializer.serialize_f64(*value)
    }
}

/// As [`shortest`], to a tenth: a measured distance is no better than that.
///
/// # Errors
/// As the serializer says.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
pub(super) fn tenths<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    shortest(&((value * 10.0).round() / 10.0), serializer)
}

/// As [`shortest`], `null` for `None`.
///
/// # Errors
///
/// Those of the serializer.
#[expect(clippy::ref_option, reason = "serde passes fields by reference")]
pub(super) fn shortest_or_null<S: Serializer>(
    value: &Option<f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(number) => shortest(number, serializer),
        None => serializer.serialize_none(),
    }
}
