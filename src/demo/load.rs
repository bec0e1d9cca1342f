//! Puts what the county has before its day into the store: register, planned lines, roads.

use std::path::Path;

use super::County;
use crate::files::road_map;
use crate::roads::RoadNetwork;
use crate::store::{Store, StoredRoadMap};

/// Imports the register, the routes and the road map; `data` is the data folder, which keeps the map.
///
/// # Errors
/// What stands in the way of the database or the map's file.
pub async fn load(store: &Store, data: &Path, county: &County) -> anyhow::Result<()> {
    store.import_fleet(&county.fleet).await?;
    store.import_routes(&county.routes).await?;
    let network = RoadNetwork::build(&county.roads.nodes, county.roads.ways.clone())?;
    let (version, file) = road_map::write(data, &network)?;
    let map = StoredRoadMap {
        version,
        file,
        source: "demo".to_owned(),
    };
    store.import_road_map(&map).await?;
    Ok(())
}
