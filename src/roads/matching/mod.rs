//! Which road a vehicle drives: fixes of one track to segments of the network.
//!
//! A hidden Markov model. At each fix the segments near by are candidates ([`candidate`]); a
//! hypothesis is "on this segment", with an estimate of where on it and of how far off the fixes
//! are ([`estimate`]); it goes on to the candidates of the next fix along real ways of the network
//! ([`search`], [`step`]); and the best chain in the light of later fixes is held to be true
//! ([`decide`]). Continuity decides what distance cannot: ramps beside main roads, elevated roads
//! over ground roads, parallel carriageways.
//!
//! Pure: the result is a function of the network, the settings and the fixes given.

mod candidate;
mod column;
mod decide;
mod estimate;
mod keys;
mod search;
mod settings;
mod step;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::Range;

pub use settings::Settings;

use self::column::Column;
use self::keys::Keys;
use self::step::{Ground, Stepper};
use super::index::Plane;
use super::limit::overrides::Overrides;
use super::network::{NodePlace, RoadNetwork, SegmentNumber};
use crate::model::{Course, Position, Speed};

/// Fixes that are decided together on a whole track; each sees at least as many later ones.
///
/// Bounds memory; on our tracks nothing that comes later changed a decision.
pub const WINDOW_FIXES: usize = 256;

/// Columns that stay after they are decided: later fixes go on from them where stray ones are left out.
const COLUMNS_KEPT: usize = 8;

/// What of a fix matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Fix time. Unit: ms since any moment, the same for a track.
    pub at_ms: i64,
    /// Where, WGS-84.
    pub position: Position,
    /// Speed over ground.
    pub speed: Speed,
    /// Direction over ground, where reported.
    pub course: Option<Course>,
}

impl Sighting {
    fn place(&self) -> NodePlace {
        NodePlace::from(self.position)
    }

    fn speed_m_s(&self) -> f64 {
        self.speed.kmh() / 3.6
    }
}

/// The road of a fix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// The segment, and so the way and the direction.
    pub segment: SegmentNumber,
    /// How far along it. Unit: m.
    pub along_m: f32,
    /// Distance of the fix from it. Unit: m.
    pub distance_m: f32,
    /// How sure it is that the limits of this segment are those of the road being driven, `0..=1`:
    /// what is posted for any class at any hour, the default without a sign, and what the operator sets
    /// ([`Matcher::with_overrides`]). What the speed says of it is left to those who judge.
    pub confidence: f32,
}

/// The columns that are not decided yet.
type VecColumns = VecDeque<Column>;

/// Matches tracks on one network, one after the other; holds memory that is used again, and
/// nothing of a track outlives its call.
#[derive(Debug)]
pub struct Matcher<'n> {
    network: &'n RoadNetwork,
    settings: Settings,
    keys: Keys<'n>,
    stepper: Stepper,
    columns: VecColumns,
    spare: Vec<Column>,
}

impl<'n> Matcher<'n> {
    /// A matcher with the usual settings.
    pub fn new(network: &'n RoadNetwork) -> Self {
        Self::with_settings(network, Settings::default())
    }

    /// A matcher with other settings.
    pub fn with_settings(network: &'n RoadNetwork, settings: Settings) -> Self {
        Self {
            network,
            settings,
            keys: Keys::new(network),
            stepper: Stepper::new(),
            columns: VecColumns::new(),
            spare: Vec::new(),
        }
    }

    /// The same where the operator sets limits over the map's: they make roads differ for
    /// [`Match::confidence`].
    #[must_use]
    pub fn with_overrides(self, overrides: &'n Overrides) -> Self {
        Self {
            keys: self.keys.with_overrides(overrides),
            ..self
        }
    }

    /// Matches a track, or a slice of one, whole: each fix in the light of all others.
    ///
    /// `sightings` in order of time; the answer has one entry for each, `None` where no road is
    /// within reach or where the fix is a stray one that no way leads to.
    pub fn track(&mut self, sightings: &[Sighting]) -> Vec<Option<Match>> {
        self.run(sightings, None)
    }

    /// The same where each fix is decided with `lag` later fixes only: entry `i` is a function of
    /// the first `i + lag + 1` fixes.
    pub fn track_with_lag(&mut self, sightings: &[Sighting], lag: usize) -> Vec<Option<Match>> {
        self.run(sightings, Some(lag))
    }

    fn run(&mut self, sightings: &[Sighting], lag: Option<usize>) -> Vec<Option<Match>> {
        let mut found = vec![None; sightings.len()];
        self.forget(self.columns.len());
        let mut decided = 0;
        for fix in 0..sightings.len() {
            self.take(sightings, fix);
            let (ready, kept) = match lag {
                Some(lag) => ((fix + 1).saturating_sub(lag), COLUMNS_KEPT),
                None if self.columns.len() >= 2 * WINDOW_FIXES => (decided + WINDOW_FIXES, 0),
                None => continue,
            };
            self.decide(decided..ready, &mut found);
            decided = decided.max(ready);
            let first = fix + 1 - self.columns.len();
            self.forget(decided.saturating_sub(kept + first));
        }
        self.decide(decided..sightings.len(), &mut found);
        self.forget(self.columns.len());
        found
    }

    /// Adds the column of a fix.
    fn take(&mut self, sightings: &[Sighting], fix: usize) {
        let plane = Plane::at(sightings[fix].place());
        let mut column = match self.spare.pop() {
            Some(mut column) => {
                column.reset(fix, plane);
                column
            }
            None => Column::new(fix, plane),
        };
        let ground = Ground {
            roads: roads(self.network, &self.settings, &self.keys),
            sightings,
        };
        self.stepper.step(&ground, &self.columns, &mut column);
        self.columns.push_back(column);
    }

    /// Decides fixes by number.
    fn decide(&mut self, fixes: Range<usize>, found: &mut [Option<Match>]) {
        let Some(first) = self.columns.front().map(|column| column.fix) else {
            return;
        };
        if fixes.is_empty() {
            return;
        }
        let wanted = fixes.start - first..fixes.end - first;
        let roads = roads(self.network, &self.settings, &self.keys);
        decide::decide(&roads, &mut self.columns, &wanted, |fix, matched| {
            found[fix] = Some(matched);
        });
    }

    fn forget(&mut self, count: usize) {
        self.spare.extend(self.columns.drain(..count));
    }
}

/// What stays the same for all tracks.
#[derive(Debug)]
struct Roads<'a> {
    network: &'a RoadNetwork,
    settings: &'a Settings,
    keys: &'a Keys<'a>,
}

/// Borrows single fields of a [`Matcher`], so that others can be changed at the same time.
fn roads<'a>(network: &'a RoadNetwork, settings: &'a Settings, keys: &'a Keys<'a>) -> Roads<'a> {
    Roads {
        network,
        settings,
        keys,
    }
}
