//! Fixes of one vehicle in the order of fix time, each said once.

use std::borrow::Cow;

use crate::model::{Fix, Quality};
use crate::store::ContradictionRow;

/// The fixes of one vehicle as [`settle`] leaves them; copied only where they are not in order.
pub(super) fn settled<'a>(
    fixes: &'a [Fix],
    contradictions: &mut Vec<ContradictionRow>,
) -> Cow<'a, [Fix]> {
    if fixes.is_sorted_by(|a, b| a.time < b.time) {
        return Cow::Borrowed(fixes);
    }
    let mut fixes = fixes.to_vec();
    settle(&mut fixes, contradictions);
    Cow::Owned(fixes)
}

/// Sorts the fixes of one vehicle and takes repetitions out. Of several fixes with one fix time the first
/// received stays as it is; others that say the same place and speed are repetitions; others that do not are
/// kept with [`Quality::CONTRADICTION`] and told.
///
/// A fix whose time nobody believes was not of that time: it stands behind one that was, and contradicts it
/// only where that was found when it came.
pub(super) fn settle(fixes: &mut Vec<Fix>, contradictions: &mut Vec<ContradictionRow>) {
    fixes.sort_by_key(|fix| {
        let contradicts = fix.quality.contains(Quality::CONTRADICTION);
        (fix.time, contradicts, unbelieved(fix), fix.received)
    });
    let mut kept: Vec<Fix> = Vec::with_capacity(fixes.len());
    // Where in `kept` the fixes of the present time begin.
    let mut begin = 0;
    for fix in fixes.iter() {
        if kept.get(begin).is_none_or(|first| first.time != fix.time) {
            begin = kept.len();
            kept.push(*fix);
            continue;
        }
        let same_time = kept.get(begin..).unwrap_or_default();
        if same_time.iter().any(|known| says_the_same(known, fix)) {
            continue;
        }
        if unbelieved(fix) && same_time.iter().any(|known| !unbelieved(known)) {
            kept.push(*fix);
            continue;
        }
        if let Some(first) = same_time.first()
            && !fix.quality.contains(Quality::CONTRADICTION)
        {
            contradictions.push(ContradictionRow {
                vehicle: fix.vehicle,
                time: fix.time,
                note: difference(first, fix),
            });
        }
        kept.push(Fix {
            quality: fix.quality.with(Quality::CONTRADICTION),
            ..*fix
        });
    }
    *fixes = kept;
}

/// Whether nobody believes the time of a fix.
fn unbelieved(fix: &Fix) -> bool {
    fix.quality.contains(Quality::CLOCK)
}

/// Whether two fixes of one time say the same, as a terminal that sends twice does.
fn says_the_same(one: &Fix, other: &Fix) -> bool {
    (one.position, one.speed) == (other.position, other.speed)
}

/// In words, how a fix differs from the one kept before it.
fn difference(kept: &Fix, fix: &Fix) -> String {
    format!(
        "{:.6},{:.6} {} stored, {:.6},{:.6} {} received",
        kept.position.lat(),
        kept.position.lon(),
        kept.speed,
        fix.position.lat(),
        fix.position.lon(),
        fix.speed
    )
}
