//! A whole track at once.

use std::collections::BTreeMap;

use crate::model::{Fix, Timestamp, Violation, ViolationKind};

use super::{Context, Transition, VehicleState};

/// What tells the violations of one vehicle apart.
pub(super) type Key = (Timestamp, ViolationKind, String);

/// The key of a violation.
pub(super) fn key(violation: &Violation) -> Key {
    let subject = violation.subject().to_owned();
    (violation.started_at, violation.kind, subject)
}

/// Judges the whole track of one vehicle, in any order and with duplicates.
///
/// The result is what the stream gives for the same fixes in order: sorted by fix time, of equal
/// times the first received, and of these the first by place and speed, so that the order of the
/// input does not matter. Ordered by beginning, kind and subject. Open violations have no end.
pub fn judge_track(context: &Context<'_>, fixes: &[Fix]) -> Vec<Violation> {
    let mut sorted: Vec<&Fix> = fixes.iter().collect();
    sorted.sort_by_key(|fix| {
        let place = (fix.position.lat_udeg, fix.position.lon_udeg);
        let driver = fix.driver.map(|driver| driver.0);
        (
            fix.time,
            fix.received,
            fix.quality.bits(),
            place,
            fix.speed,
            driver,
            fix.alarm,
            (fix.events, fix.passengers),
        )
    });
    let mut state = VehicleState::default();
    let mut out = Vec::new();
    let mut found = BTreeMap::new();
    for fix in sorted {
        state.handle_fix(context, fix, &mut out);
        take(&mut out, &mut found);
    }
    state.finish(context, &mut out);
    take(&mut out, &mut found);
    found.into_values().collect()
}

/// Takes up the newest form of each violation.
fn take(out: &mut Vec<Transition>, found: &mut BTreeMap<Key, Violation>) {
    for transition in out.drain(..) {
        match transition {
            Transition::Opened(violation)
            | Transition::Extended(violation)
            | Transition::Closed(violation) => {
                found.insert(key(&violation), *violation);
            }
            Transition::Driving { .. } | Transition::FaultRun { .. } | Transition::PreAlarm(_) => {}
        }
    }
}
