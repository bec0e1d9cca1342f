//! Follows the register: an import beside the running server becomes the next directory.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::store::Store;

use super::directory::Directory;

/// Looks for a newer register until stopped.
pub(super) async fn follow(
    store: Store,
    directory: watch::Sender<Arc<Directory>>,
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
            Ok(_) => reload(&store, &directory).await,
            Err(error) => tracing::warn!(%error, "the register cannot be looked at"),
        }
    }
}

async fn reload(store: &Store, directory: &watch::Sender<Arc<Directory>>) {
    match store.load_registry().await {
        Ok(registry) => match Directory::new(registry) {
            Ok(next) => {
                tracing::info!(
                    version = next.version,
                    vehicles = next.len(),
                    "register taken up"
                );
                directory.send_replace(Arc::new(next));
            }
            Err(error) => {
                tracing::error!(%error, "the stored rulebook cannot be used; the old one stays")
            }
        },
        Err(error) => tracing::warn!(%error, "the register cannot be loaded; the old one stays"),
    }
}
