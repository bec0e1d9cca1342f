//! The road map in force: loaded from its prepared file, kept as long as nothing of it changes.

use std::path::PathBuf;
use std::sync::Arc;

use crate::files::road_map;
use crate::model::road::RoadOverride;
use crate::model::rules::RuleSet;
use crate::roads::{RoadMap, RoadNetwork};
use crate::store::StoredRoadMap;

/// Loads maps, and remembers the last one: most imports change something else.
#[derive(Debug)]
pub(super) struct MapShelf {
    /// The data folder.
    data: PathBuf,
    network: Option<(String, Arc<RoadNetwork>)>,
    map: Option<Arc<RoadMap>>,
}

impl MapShelf {
    /// A shelf that loads from this data folder.
    pub(super) const fn new(data: PathBuf) -> Self {
        Self {
            data,
            network: None,
            map: None,
        }
    }

    /// The map in force under these rules, with these limits.
    ///
    /// A map that cannot be loaded is told in the log, and the one before stays.
    pub(super) async fn take_up(
        mut self,
        stored: Option<StoredRoadMap>,
        limits: Vec<RoadOverride>,
        rules: Arc<RuleSet>,
    ) -> (Self, Option<Arc<RoadMap>>) {
        let Some(stored) = stored else {
            return (self, None);
        };
        let before = self.map.clone();
        let data = self.data.clone();
        // Seconds of work for a whole province: not on a thread that answers others.
        let worked = tokio::task::spawn_blocking(move || {
            self.load(&stored, limits, &rules);
            self
        });
        match worked.await {
            Ok(next) => {
                let map = next.map.clone();
                (next, map)
            }
            Err(error) => {
                tracing::error!(%error, "loading the road map has failed; the old one stays");
                let mut empty = Self::new(data);
                empty.map.clone_from(&before);
                (empty, before)
            }
        }
    }

    fn load(&mut self, stored: &StoredRoadMap, limits: Vec<RoadOverride>, rules: &RuleSet) {
        let known = self
            .network
            .take_if(|(version, _)| *version == stored.version);
        let is_known = known.is_some();
        let network = match known {
            Some((_, network)) => network,
            None => match road_map::read(&self.data, &stored.file) {
                Ok((network, _)) => Arc::new(network),
                Err(error) => {
                    let error = anyhow::Error::new(error);
                    tracing::error!(
                        error = format!("{error:#}"),
                        "the road map cannot be loaded; the old one stays"
                    );
                    return;
                }
            },
        };
        self.network = Some((stored.version.clone(), Arc::clone(&network)));
        let is_same = |map: &Arc<RoadMap>| {
            is_known && map.is_for(&[rules]) && map.overrides().list() == limits
        };
        if self.map.as_ref().is_some_and(is_same) {
            return;
        }
        let map = RoadMap::new(network, &stored.version, limits, &[rules]);
        for set in map.overrides().unused() {
            tracing::warn!(id = set.id, "no road of the map answers to this limit");
        }
        tracing::info!(version = %map.version(), segments = map.network().len(), "road map taken up");
        self.map = Some(Arc::new(map));
    }
}
