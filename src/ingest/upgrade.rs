//! Takes up vehicles whose state an older version of the program saved: their stored tracks are judged again.
//!
//! What was told of these tracks stands as it was told. Judging them only brings the detectors, and the pieces
//! of the drivers' time, to where they would be.

use crate::detect::{Rejudge, VehicleState};
use crate::model::{JudgedBy, Timestamp, VehicleId};
use crate::store::{Flush, Store, StoreError, TRACK_PAGE_FIXES_MAX};

use super::directory::Directory;
use super::drivers::CardHolder;
use super::driving;

/// Local days read before the day of the last fix: the longest window of any rule, and a day.
const DAYS: i64 = 8;

/// The state of a vehicle by its stored track; the pieces of the drivers' time are stored.
///
/// # Errors
/// As the database and the archive say. What was stored by then does no harm and is stored again.
pub(super) async fn judge_stored(
    store: &Store,
    directory: &Directory,
    vehicle: VehicleId,
    judged_by: &JudgedBy,
) -> Result<VehicleState, StoreError> {
    let Some(record) = directory.vehicle(vehicle) else {
        return Ok(VehicleState::default());
    };
    let Some(live) = store.vehicle(&record.plate).await?.live else {
        return Ok(VehicleState::default());
    };
    let zone = &directory.rules.zone;
    let from = zone.day_start(zone.day(live.fix_at) - DAYS);
    let cards = CardHolder::of(&store.driver_cards(vehicle, from).await?);
    let mut rejudge = Rejudge::new(VehicleState::default());
    let mut next = Some(from);
    while let Some(begin) = next {
        let page = store
            .readable_page(vehicle, begin, Timestamp::MAX, TRACK_PAGE_FIXES_MAX)
            .await?;
        for fix in &page.fixes {
            let context = directory.context_at(record, judged_by, fix.time);
            rejudge.handle_fix(&context, &cards.named(fix));
        }
        next = page.next;
    }
    let flush = Flush {
        driving: driving::rows(directory, &rejudge.take_pieces(Timestamp::MIN)),
        ..Flush::default()
    };
    store.commit_flush(&flush).await?;
    Ok(rejudge.into_state())
}
