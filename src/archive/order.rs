//! Fixes of one vehicle in the order of fix time, each said once.

use std::borrow::Cow;

use crate::model::{Fix, Quality};
use crate::store::{ContradictionRow, Said};

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

/// Sorts the fixes of one vehicle and takes repetitions out. Of several fixes with one fix time the one that
/// stands ([`Fix::precedence`]) stays as it is; others that say the same place and speed are repetitions; others
/// that do not are kept with [`Quality::CONTRADICTION`] and told.
///
/// A fix whose time nobody believes was not of that time: it contradicts one that was only where that was found
/// when it came.
pub(super) fn settle(fixes: &mut Vec<Fix>, contradictions: &mut Vec<ContradictionRow>) {
    fixes.sort_by(|a, b| {
        let by_time = a.time.cmp(&b.time);
        by_time.then_with(|| a.precedence().cmp(&b.precedence()))
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
        if same_time.iter().any(|known| known.agrees_with(fix)) {
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
                stands: Said::from(first),
                other: Said::from(fix),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{DriverId, Speed, Timestamp};

    /// A record of one of two times that differs in what decides which one stands.
    fn record() -> impl Strategy<Value = Fix> {
        let quality = prop_oneof![
            6 => Just(Quality::GOOD), 1 => Just(Quality::SPEED_RANGE), 1 => Just(Quality::JUMP),
        ];
        (0..2_i64, 0..2_i64, quality, 0..3_u16, 0..2_u32, 0..2_u32).prop_map(
            |(time, received, quality, kmh, alarm, driver)| Fix {
                time: Timestamp::from_seconds(time),
                received: Timestamp::from_seconds(100 + received),
                quality,
                speed: Speed::from_whole_kmh(kmh),
                alarm,
                driver: Some(DriverId(driver)),
                ..Fix::EMPTY
            },
        )
    }

    fn settled_with(mut fixes: Vec<Fix>) -> (Vec<Fix>, Vec<ContradictionRow>) {
        let mut contradictions = Vec::new();
        settle(&mut fixes, &mut contradictions);
        // Which of the repetitions that contradict is kept, and that it may be a jump, is of no interest.
        let told = |fix: &Fix| Fix {
            quality: fix.quality.without(Quality::JUMP),
            ..*fix
        };
        (fixes.iter().map(told).collect(), contradictions)
    }

    proptest! {
        #[test]
        fn what_stands_hangs_on_no_order(
            records in prop::collection::vec(record(), 1..12),
            turn in any::<prop::sample::Index>(),
        ) {
            let mut turned = records.clone();
            turned.rotate_left(turn.index(records.len()));
            turned.reverse();
            let (settled, contradictions) = settled_with(records.clone());
            prop_assert_eq!(&settled_with(turned), &(settled.clone(), contradictions));
            // What was settled stays as it is, and nothing is told again.
            prop_assert_eq!(settled_with(settled.clone()), (settled.clone(), Vec::new()));
            for fix in settled.iter().filter(|fix| !fix.quality.contains(Quality::CONTRADICTION)) {
                let same = records.iter().filter(|other| other.time == fix.time);
                let first = same.min_by(|a, b| a.precedence().cmp(&b.precedence())).unwrap();
                prop_assert!(fix.precedence() == first.precedence());
            }
        }
    }
}
