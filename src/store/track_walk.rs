//! Walks along the tracks of a group of vehicles in the order of fix time.

use std::collections::VecDeque;

use super::tracks::TRACK_PAGE_FIXES_MAX;
use super::{Store, StoreError};
use crate::model::{Fix, Timestamp, VehicleId};

/// Most vehicles of one walk.
pub const WALK_VEHICLES_MAX: usize = 1024;
/// Fixes that a walk holds, about.
const WALK_FIXES: usize = 262_144;

impl Store {
    /// The tracks of vehicles in `[from, to)`, merged, by fix time and then by vehicle.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for more than [`WALK_VEHICLES_MAX`] vehicles.
    pub fn walk_tracks(
        &self,
        vehicles: &[VehicleId],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<TrackWalk, StoreError> {
        if vehicles.len() > WALK_VEHICLES_MAX {
            return Err(StoreError::conflict(format!(
                "more than {WALK_VEHICLES_MAX} vehicles in one walk"
            )));
        }
        let lanes = vehicles.iter().map(|vehicle| Lane {
            vehicle: *vehicle,
            fixes: VecDeque::new(),
            next: (from < to).then_some(from),
        });
        Ok(TrackWalk {
            store: self.clone(),
            lanes: lanes.collect(),
            to,
            page_fixes: (WALK_FIXES / vehicles.len().max(1)).clamp(256, TRACK_PAGE_FIXES_MAX),
        })
    }
}

/// A walk along several tracks.
#[derive(Debug)]
pub struct TrackWalk {
    store: Store,
    lanes: Vec<Lane>,
    to: Timestamp,
    page_fixes: usize,
}

/// The track of one vehicle.
#[derive(Debug)]
struct Lane {
    vehicle: VehicleId,
    /// Read and not given out.
    fixes: VecDeque<Fix>,
    /// From where on nothing was read; `None` at the end.
    next: Option<Timestamp>,
}

impl TrackWalk {
    /// The next fixes; `None` at the end.
    ///
    /// # Errors
    /// As [`Store::track_page`]; the walk may be gone on with.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Fix>>, StoreError> {
        loop {
            for lane in &mut self.lanes {
                if let Some(from) = lane.next
                    && lane.fixes.is_empty()
                {
                    let page = self
                        .store
                        .track_page(lane.vehicle, from, self.to, self.page_fixes)
                        .await?;
                    lane.fixes.extend(page.fixes);
                    lane.next = page.next;
                }
            }
            // Up to here every track is known.
            let known = self.lanes.iter().filter_map(|lane| lane.next).min();
            let mut page = Vec::new();
            for lane in &mut self.lanes {
                let ready = lane
                    .fixes
                    .partition_point(|fix| known.is_none_or(|known| fix.time < known));
                page.extend(lane.fixes.drain(..ready));
            }
            if !page.is_empty() {
                page.sort_by_key(|fix| (fix.time, fix.vehicle));
                return Ok(Some(page));
            }
            if known.is_none() {
                return Ok(None);
            }
        }
    }
}
