//! Follows the register: an import beside the running server becomes the next directory.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::rulebook::RulebookError;
use crate::store::{Registry, Store};

use super::directory::Directory;
use super::road_map::MapShelf;

/// Looks for a newer register until stopped.
pub(super) async fn follow(
    store: Store,
    directory: watch::Sender<Arc<Directory>>,
    mut shelf: MapShelf,
    pause: Duration,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let known = directory.borrow().version;
        match store.registry_version().await {
            Ok(version) if version == known => {}
            Ok(_) => shelf = reload(&store, &directory, shelf).await,
            Err(error) => tracing::warn!(%error, "the register cannot be looked at"),
        }
    }
}

async fn reload(
    store: &Store,
    directory: &watch::Sender<Arc<Directory>>,
    shelf: MapShelf,
) -> MapShelf {
    let registry = match store.load_registry().await {
        Ok(registry) => registry,
        Err(error) => {
            tracing::warn!(%error, "the register cannot be loaded; the old one stays");
            return shelf;
        }
    };
    match take_up(registry, shelf).await {
        (shelf, Ok(next)) => {
            tracing::info!(
                version = next.version,
                vehicles = next.len(),
                "register taken up"
            );
            directory.send_replace(Arc::new(next));
            shelf
        }
        (shelf, Err(error)) => {
            tracing::error!(%error, "the stored rulebook cannot be used; the old one stays");
            shelf
        }
    }
}

/// Makes the directory of a register, with its road map.
pub(super) async fn take_up(
    mut registry: Registry,
    shelf: MapShelf,
) -> (MapShelf, Result<Directory, RulebookError>) {
    let stored = registry.road_map.take();
    let limits = std::mem::take(&mut registry.road_limits);
    match Directory::new(registry) {
        Ok(mut directory) => {
            let rules = Arc::clone(&directory.rules);
            let (shelf, roads) = shelf.take_up(stored, limits, rules).await;
            directory.roads = roads;
            (shelf, Ok(directory))
        }
        Err(error) => (shelf, Err(error)),
    }
}
