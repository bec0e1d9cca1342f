//! Looks up whether an older fix is already stored: the rare path of repeated and late data.

use std::collections::BTreeMap;

use crate::model::{Fix, Position, Quality, Span, Speed, Timestamp, VehicleId};
use crate::store::{Store, StoreError};

/// Stretch of track read at once; files that are replayed a second time walk through it in order.
const WINDOW: Span = Span::from_hours(6);
/// Look-ups left out after one that the track archive did not answer: it must not hold live judging up.
const LEFT_OUT: u64 = 1000;
/// Windows kept, one a vehicle; the oldest is dropped.
const WINDOWS_MAX: usize = 256;

/// What is stored at one fix time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    position: Position,
    speed: Speed,
    /// Its time is not believable: it stands in nobody's place.
    clock: bool,
}

impl From<&Fix> for Stored {
    fn from(fix: &Fix) -> Self {
        Self {
            position: fix.position,
            speed: fix.speed,
            clock: fix.quality.contains(Quality::CLOCK),
        }
    }
}

impl Stored {
    /// Whether both say the same (a repetition) or not (a contradiction).
    pub(super) fn agrees_with(self, fix: &Fix) -> bool {
        self.position == fix.position && self.speed == fix.speed
    }

    /// Whether a fix of the same time is a second one beside this.
    pub(super) fn stands_for(self, fix: &Fix) -> bool {
        !self.clock || fix.quality.contains(Quality::CLOCK)
    }

    /// In words, how a fix of the same time differs from what is stored.
    pub(super) fn difference(self, fix: &Fix) -> String {
        format!(
            "{:.6},{:.6} {} stored, {:.6},{:.6} {} received",
            self.position.lat(),
            self.position.lon(),
            self.speed,
            fix.position.lat(),
            fix.position.lon(),
            fix.speed
        )
    }
}

#[derive(Debug)]
struct Window {
    from: Timestamp,
    to: Timestamp,
    fixes: BTreeMap<Timestamp, Stored>,
    used: u64,
}

/// Windows of stored tracks, bounded.
#[derive(Debug, Default)]
pub(super) struct LateLookup {
    windows: BTreeMap<VehicleId, Window>,
    uses: u64,
    /// Up to this use the archive is not asked.
    away_until: u64,
}

impl LateLookup {
    /// What the store holds for that vehicle and fix time.
    ///
    /// Where the archive does not answer, nothing is known: the fix is then stored, and a repetition is found
    /// when its file is written.
    ///
    /// `unflushed_from` is the earliest fix time that may not be stored yet; windows end there.
    pub(super) async fn find(
        &mut self,
        store: &Store,
        vehicle: VehicleId,
        time: Timestamp,
        unflushed_from: Timestamp,
    ) -> Result<Option<Stored>, StoreError> {
        self.uses += 1;
        let uses = self.uses;
        if let Some(window) = self.windows.get_mut(&vehicle)
            && window.from <= time
            && time < window.to
        {
            window.used = uses;
            return Ok(window.fixes.get(&time).copied());
        }
        let to = (time + WINDOW)
            .min(unflushed_from)
            .max(time + Span::from_millis(1));
        if uses <= self.away_until {
            return Ok(None);
        }
        let track = match store.track(vehicle, time, to).await {
            Err(error @ (StoreError::ArchiveAway { .. } | StoreError::ArchiveDamaged { .. })) => {
                tracing::warn!(%error, "late fixes are not compared with the archive for a while");
                self.away_until = uses + LEFT_OUT;
                return Ok(None);
            }
            track => track?,
        };
        let mut fixes = BTreeMap::new();
        for fix in track {
            fixes.insert(fix.time, Stored::from(&fix));
        }
        let found = fixes.get(&time).copied();
        if self.windows.len() >= WINDOWS_MAX
            && let Some(oldest) = self
                .windows
                .iter()
                .min_by_key(|(_, w)| w.used)
                .map(|(id, _)| *id)
        {
            self.windows.remove(&oldest);
        }
        self.windows.insert(
            vehicle,
            Window {
                from: time,
                to,
                fixes,
                used: uses,
            },
        );
        Ok(found)
    }

    /// Remembers a late fix that is now on its way to the store.
    pub(super) fn insert(&mut self, fix: &Fix) {
        if let Some(window) = self.windows.get_mut(&fix.vehicle)
            && window.from <= fix.time
            && fix.time < window.to
        {
            window.fixes.insert(fix.time, Stored::from(fix));
        }
    }
}
