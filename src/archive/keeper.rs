//! The task that keeps the archive: compacts, merges, purges, sweeps, one after the other.
//!
//! It runs on a thread of its own, because writing files is work and not waiting. A step that fails is tried
//! again at the next pass; nothing that failed is lost, because chunks and files stay until the catalogue has
//! changed.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Archive;
use super::write::Names;
use crate::clock::Clock;
use crate::model::{LocalZone, Span};
use crate::store::{ArchiveChange, Store, StoreError};
use crate::telemetry::name;

/// Pause between two looks at how much is staged.
const LOOK: Duration = Duration::from_secs(5);

/// Bounds of the keeper's work.
#[derive(Clone, Copy, Debug)]
pub struct KeeperSettings {
    /// Pause between two passes.
    pub interval: Duration,
    /// Staged chunks that begin a pass before its time.
    pub staged_chunks_max: i64,
    /// Fixes compacted at once.
    pub batch_fixes_max: usize,
    /// Length from which a new file is begun.
    pub file_bytes_max: usize,
    /// Files of a day and bucket that are merged although the day goes on.
    pub merge_files: usize,
    /// Quiet time after which a day that is over is merged.
    pub merge_after: Span,
    /// Time for which a replaced file stays readable.
    pub grace: Span,
    /// Age from which a file that the catalogue does not name is deleted.
    pub orphan_age: Span,
    /// Calendar months for which tracks are kept.
    pub retention_months: u32,
}

/// Why a pass ended early.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The database or the archive.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The Parquet writer.
    #[error("a file of the archive cannot be written")]
    Write(#[from] parquet::errors::ParquetError),
    /// The server ends.
    #[error("the server ends")]
    Stopped,
}

/// What a pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// Staged fixes that went to files.
    pub compacted: u64,
    /// Files that they went to.
    pub files_written: u64,
    /// Files merged into others.
    pub files_merged: u64,
    /// Fixes whose time has passed.
    pub fixes_purged: u64,
    /// Replaced files deleted.
    pub files_deleted: u64,
    /// Files deleted that nothing named.
    pub orphans_deleted: u64,
    /// Files found damaged.
    pub damaged: u64,
    /// Staged chunks found damaged.
    pub chunks_damaged: u64,
}

/// Keeps the archive.
#[derive(Clone)]
pub struct Keeper {
    pub(super) archive: Archive,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) settings: KeeperSettings,
    zone: Arc<dyn Fn() -> LocalZone + Send + Sync>,
    stop: CancellationToken,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Keeper {
    /// A keeper of the archive whose database `store` owns; `zone` tells in which zone days are meant.
    pub fn new(
        archive: Archive,
        store: Store,
        clock: Clock,
        settings: KeeperSettings,
        zone: Arc<dyn Fn() -> LocalZone + Send + Sync>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            archive,
            store,
            clock,
            settings,
            zone,
            stop,
        }
    }

    /// Runs passes on a thread of its own until it is stopped.
    pub async fn run(self) {
        let runtime = tokio::runtime::Handle::current();
        let running = tokio::task::spawn_blocking(move || runtime.block_on(self.passes()));
        if let Err(error) = running.await {
            tracing::error!(%error, "the archive is not kept any more");
        }
    }

    async fn passes(self) {
        let mut seen = 0;
        loop {
            if !self.wait(&mut seen).await {
                return;
            }
            match self.pass().await {
                Ok(pass) if pass == Pass::default() => {}
                Ok(pass) => tracing::info!(?pass, "archive kept"),
                Err(KeeperError::Stopped) => return,
                Err(error) => {
                    metrics::counter!(name::ARCHIVE_FAILURES).increment(1);
                    tracing::error!(
                        error = format!("{:#}", anyhow::Error::new(error)),
                        "the archive cannot be kept now: it is tried again"
                    );
                }
            }
        }
    }

    /// Waits for the next pass: its time has come, or enough is staged. `false` when the server ends.
    async fn wait(&self, seen: &mut i64) -> bool {
        let waiting = async {
            let mut waited = Duration::ZERO;
            while waited < self.settings.interval {
                let step = LOOK.min(self.settings.interval.saturating_sub(waited));
                tokio::time::sleep(step).await;
                waited += step;
                // Where the database does not answer, the pass will say so.
                let newest = self.store.newest_chunk().await.unwrap_or(*seen);
                if newest - *seen >= self.settings.staged_chunks_max {
                    *seen = newest;
                    return;
                }
            }
        };
        tokio::select! {
            () = self.stop.cancelled() => false,
            () = waiting => true,
        }
    }

    /// One pass over everything that is to be done.
    ///
    /// # Errors
    /// [`KeeperError`] of the first step that failed; the steps after it are left for the next pass.
    pub async fn pass(&self) -> Result<Pass, KeeperError> {
        let mut pass = Pass::default();
        let names = self.names().await?;
        self.compact(&names, &mut pass).await?;
        metrics::counter!(name::ARCHIVE_CHUNKS_DAMAGED).increment(pass.chunks_damaged);
        self.merge(&names, &mut pass).await?;
        self.retain(&names, &mut pass).await?;
        self.delete_replaced(&mut pass).await?;
        self.delete_orphans(&mut pass).await?;
        metrics::counter!(name::ARCHIVE_FIXES).increment(pass.compacted);
        metrics::counter!(name::ARCHIVE_PURGED).increment(pass.fixes_purged);
        metrics::counter!(name::ARCHIVE_DAMAGED).increment(pass.damaged);
        Ok(pass)
    }

    async fn names(&self) -> Result<Names, StoreError> {
        let registry = self.store.load_registry().await?;
        Ok(Names {
            plates: registry
                .vehicles
                .into_iter()
                .map(|vehicle| (vehicle.id, vehicle.entry.plate))
                .collect(),
            licences: registry
                .drivers
                .into_iter()
                .map(|known| (known.id, known.driver.licence))
                .collect(),
        })
    }

    /// Makes a change of the catalogue. Its time is taken now and not before its files were written: from now
    /// on nobody begins to read what it replaces, and from now on the grace of those counts who do read it.
    pub(super) async fn commit(&self, change: ArchiveChange) -> Result<(), StoreError> {
        let at = self.clock.now();
        self.store
            .commit_archive(&ArchiveChange { at, ..change })
            .await
    }

    pub(super) fn zone(&self) -> LocalZone {
        (self.zone)()
    }

    /// Ends the pass where the server ends.
    pub(super) fn stop_asked(&self) -> Result<(), KeeperError> {
        if self.stop.is_cancelled() {
            Err(KeeperError::Stopped)
        } else {
            Ok(())
        }
    }
}
