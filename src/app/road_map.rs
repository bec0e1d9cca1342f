//! Puts a road map in force.

use std::path::Path;

use crate::files::road_map;
use crate::roads::RoadNetwork;
use crate::store::{Store, StoredRoadMap};

/// Puts a road map in force: first its file is in place, then the register names it; its version.
///
/// `data` is the data folder, which keeps the file; `source` says where the map came from.
///
/// # Errors
/// What stands in the way of the file or the database.
pub async fn import_road_map(
    store: &Store,
    data: &Path,
    network: &RoadNetwork,
    source: String,
) -> anyhow::Result<String> {
    let (version, file) = road_map::write(data, network)?;
    let map = StoredRoadMap {
        version,
        file,
        source,
    };
    store.import_road_map(&map).await?;
    Ok(map.version)
}
