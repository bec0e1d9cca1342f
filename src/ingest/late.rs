//! Looks up whether an older fix is already stored: the rare path of repeated and late data.

use std::hash::BuildHasher as _;

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::model::{Fix, Quality, Span, Timestamp, VehicleId};
use crate::store::{Said, Store, StoreError, TRACK_PAGE_FIXES_MAX};

/// Stretch of track read at once; files that are replayed a second time walk through it in order.
const WINDOW: Span = Span::from_hours(6);
/// Look-ups left out after one that the track archive did not answer: it must not hold live judging up.
const LEFT_OUT: u64 = 1000;
/// Windows and fixes in them that are kept at a time: about 48 MB.
const SIZE_MAX: usize = 1_000_000;

/// What is stored at one fix time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    said: Said,
    received: Timestamp,
    /// Stands for the whole record.
    content: u64,
    quality: Quality,
}

impl From<&Fix> for Stored {
    fn from(fix: &Fix) -> Self {
        Self {
            said: Said::from(fix),
            received: fix.received,
            content: FxBuildHasher.hash_one(fix.precedence()),
            quality: fix.quality,
        }
    }
}

impl Stored {
    /// A record that says as much.
    fn brief(self, fix: &Fix) -> Fix {
        Fix {
            position: self.said.position,
            speed: self.said.speed,
            received: self.received,
            quality: self.quality,
            ..*fix
        }
    }

    /// What it says of place and speed.
    pub(super) const fn said(self) -> Said {
        self.said
    }

    /// Whether it counts as qualified.
    pub(super) const fn is_qualified(self) -> bool {
        self.quality.is_qualified()
    }

    /// Whether both say the same (a repetition) or not (a contradiction).
    pub(super) fn agrees_with(self, fix: &Fix) -> bool {
        self.brief(fix).agrees_with(fix)
    }

    /// Whether a fix of the same time is a second one beside this.
    pub(super) fn stands_for(self, fix: &Fix) -> bool {
        !self.quality.contains(Quality::CLOCK) || fix.quality.contains(Quality::CLOCK)
    }

    /// Whether a fix of the same time may be one to stand in its place.
    pub(super) fn may_yield_to(self, fix: &Fix) -> bool {
        fix.received <= self.received && self.content != Self::from(fix).content
    }
}

/// What is stored of a vehicle in a stretch of time.
#[derive(Debug)]
struct Window {
    from: Timestamp,
    to: Timestamp,
    /// By time.
    fixes: Vec<(Timestamp, Stored)>,
}

impl Window {
    fn covers(&self, time: Timestamp) -> bool {
        self.from <= time && time < self.to
    }

    fn place(&self, time: Timestamp) -> Result<usize, usize> {
        self.fixes.binary_search_by_key(&time, |(time, _)| *time)
    }

    fn find(&self, time: Timestamp) -> Option<Stored> {
        let place = self.place(time).ok()?;
        self.fixes.get(place).map(|(_, stored)| *stored)
    }

    fn insert(&mut self, time: Timestamp, stored: Stored) {
        match self.place(time) {
            Ok(place) => {
                if let Some(known) = self.fixes.get_mut(place) {
                    known.1 = stored;
                }
            }
            Err(place) => self.fixes.insert(place, (time, stored)),
        }
    }
}

/// Windows of stored tracks, bounded; one a vehicle.
#[derive(Debug, Default)]
pub(super) struct LateLookup {
    /// Those used lately.
    recent: FxHashMap<VehicleId, Window>,
    /// Those that are dropped next, unless they are used.
    older: FxHashMap<VehicleId, Window>,
    /// A measure of `recent`.
    size: usize,
    uses: u64,
    /// Up to this use the archive is not asked.
    away_until: u64,
}

impl LateLookup {
    /// What the store held for that vehicle and fix time when its window was read, and what was inserted since.
    ///
    /// What is not in the store yet, the caller looks up himself; when it is, he must call [`Self::forget`].
    ///
    /// Where the archive does not answer, nothing is known: the fix is then stored, and a repetition is found
    /// when files are merged. What a damaged file held is not known either: sent again, it fills the hole.
    pub(super) async fn find(
        &mut self,
        store: &Store,
        vehicle: VehicleId,
        time: Timestamp,
    ) -> Result<Option<Stored>, StoreError> {
        self.uses += 1;
        if let Some(window) = self.used(vehicle)
            && window.covers(time)
        {
            return Ok(window.find(time));
        }
        if self.uses <= self.away_until {
            return Ok(None);
        }
        let to = time + WINDOW;
        let read = store.readable_page(vehicle, time, to, TRACK_PAGE_FIXES_MAX);
        let page = match read.await {
            Err(error @ StoreError::ArchiveAway { .. }) => {
                tracing::warn!(%error, "late fixes are not compared with the archive for a while");
                self.away_until = self.uses + LEFT_OUT;
                return Ok(None);
            }
            page => page?,
        };
        let fixes = page.fixes.iter().map(|fix| (fix.time, Stored::from(fix)));
        let window = Window {
            from: time,
            // A page ends early at the end of a day and where fixes are very many.
            to: page.next.unwrap_or(to),
            fixes: fixes.collect(),
        };
        let found = window.find(time);
        self.keep(vehicle, window);
        Ok(found)
    }

    /// The whole stored fix of that vehicle and time; `None` also where it cannot be read.
    pub(super) async fn find_whole(
        store: &Store,
        vehicle: VehicleId,
        time: Timestamp,
    ) -> Result<Option<Fix>, StoreError> {
        match store.find_fix(vehicle, time).await {
            Err(error @ (StoreError::ArchiveAway { .. } | StoreError::ArchiveDamaged { .. })) => {
                tracing::warn!(%error, vehicle = vehicle.0, "a stored fix cannot be compared");
                Ok(None)
            }
            found => found,
        }
    }

    /// Remembers a late fix that is now on its way to the store.
    pub(super) fn insert(&mut self, fix: &Fix) {
        if let Some(window) = self.used(fix.vehicle)
            && window.covers(fix.time)
        {
            window.insert(fix.time, Stored::from(fix));
            self.size += 1;
        }
    }

    /// Drops what is known of a vehicle's stored track, because more of it is stored.
    pub(super) fn forget(&mut self, vehicle: VehicleId) {
        self.recent.remove(&vehicle);
        self.older.remove(&vehicle);
    }

    fn used(&mut self, vehicle: VehicleId) -> Option<&mut Window> {
        if let Some(window) = self.older.remove(&vehicle) {
            self.keep(vehicle, window);
        }
        self.recent.get_mut(&vehicle)
    }

    fn keep(&mut self, vehicle: VehicleId, window: Window) {
        self.size += 1 + window.fixes.len();
        if self.size > SIZE_MAX / 2 {
            self.size = 1 + window.fixes.len();
            self.older = std::mem::take(&mut self.recent);
        }
        self.older.remove(&vehicle);
        self.recent.insert(vehicle, window);
    }
}
