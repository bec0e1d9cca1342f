//! When night begins and ends.

use crate::model::rules::RuleSet;
use crate::model::{Span, Timestamp};

/// The beginning of the night at `at`, `None` by day; and when this night or day ends.
///
/// In a zone with summer time the hour of a change that falls between is allowed for.
pub(super) fn night_or_day(rules: &RuleSet, at: Timestamp) -> (Option<Timestamp>, Timestamp) {
    const DAY_MS: i64 = 86_400_000;
    let zone = &rules.zone;
    let of_day = zone.millis_of_day(at);
    let shifted =
        |moment: Timestamp| moment + Span::from_millis(zone.offset_ms(at) - zone.offset_ms(moment));
    let until = |mark_ms: i64| {
        shifted(at + Span::from_millis((mark_ms - of_day - 1).rem_euclid(DAY_MS) + 1))
    };
    let since =
        |mark_ms: i64| shifted(at - Span::from_millis((of_day - mark_ms).rem_euclid(DAY_MS)));
    if rules.night.contains(of_day) {
        (Some(since(rules.night.begin_ms)), until(rules.night.end_ms))
    } else {
        (None, until(rules.night.begin_ms))
    }
}
