//! Keeps the evidence of violations once they have ended or were revised.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::store::Store;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(5);
/// Violations whose evidence is kept before other writers get their turn.
const KEPT_MAX: u32 = 200;

/// Looks for violations whose evidence is due until stopped.
pub(super) async fn keep(store: Store, clock: Clock, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
        match store.keep_evidence(clock.now(), KEPT_MAX).await {
            Ok(_) => {}
            Err(_) if stop.is_cancelled() => return,
            Err(error) => tracing::warn!(%error, "evidence cannot be kept yet"),
        }
    }
}
