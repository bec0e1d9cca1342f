//! Puts what the county has before its day into the store: register, planned lines, roads.

use std::path::Path;

use super::County;
use crate::app;
use crate::roads::RoadNetwork;
use crate::store::Store;

/// Imports the register, the routes and the road map; `data` is the data folder, which keeps the map.
///
/// # Errors
/// What stands in the way of the database or the map's file.
pub async fn load(store: &Store, data: &Path, county: &County) -> anyhow::Result<()> {
    store.import_fleet(&county.fleet).await?;
    store.import_routes(&county.routes).await?;
    let network = RoadNetwork::build(&county.roads.nodes, county.roads.ways.clone())?;
    app::import_road_map(store, data, &network, "demo".to_owned()).await?;
    Ok(())
}
