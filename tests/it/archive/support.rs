//! An archive in a throwaway folder, on the database of a test.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use roadwarden::archive::{Archive, Keeper, KeeperSettings, Pass, Place, PlaceSettings};
use roadwarden::clock::Clock;
use roadwarden::model::{Fix, LocalZone, Span, Timestamp, VehicleId};
use roadwarden::store::{Flush, Role, Store, StoreOptions};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::store::samples::{at, chunk, folder, snapshot};
use crate::store::support::Place as Database;

/// Small bounds, so that a test reaches them.
pub(crate) const SETTINGS: KeeperSettings = KeeperSettings {
    interval: Duration::from_hours(1),
    staged_chunks_max: 1000,
    batch_fixes_max: 1000,
    file_bytes_max: 1 << 20,
    merge_files: 4,
    merge_after: Span::from_hours(6),
    grace: Span::from_minutes(10),
    orphan_age: Span::from_hours(1),
    retention_months: 6,
};

/// A store with its archive and a clock that the test moves.
pub(crate) struct Kept {
    folder: TempDir,
    url: String,
    pub(crate) archive: Archive,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) settings: KeeperSettings,
}

impl Kept {
    /// An owner's store with an archive in a folder; the clock shows noon of 2026-11-22.
    pub(crate) async fn new(database: &Database) -> Self {
        Self::on(database, TempDir::new().unwrap()).await
    }

    /// On the files of an archive that is there.
    async fn on(database: &Database, files: TempDir) -> Self {
        let archive = open(files.path());
        Self {
            folder: files,
            ..Self::with(database, archive).await
        }
    }

    /// With an archive that is elsewhere.
    pub(crate) async fn with(database: &Database, archive: Archive) -> Self {
        let options = StoreOptions::new(&database.url, Role::Owner);
        let store = Store::open(&options.with_files(Arc::new(archive.clone())))
            .await
            .unwrap();
        store.import_fleet(&folder()).await.unwrap();
        Self {
            folder: TempDir::new().unwrap(),
            url: database.url.clone(),
            archive,
            store,
            clock: Clock::manual(at(36 * 3600)),
            settings: SETTINGS,
        }
    }

    /// The same database with another way to the archive, for its keeper.
    pub(crate) fn by_way_of(&self, archive: Archive) -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            url: self.url.clone(),
            archive,
            store: self.store.clone(),
            clock: self.clock.clone(),
            settings: self.settings,
        }
    }

    /// A store that another process might have, with its own way to the archive.
    pub(crate) async fn reader(&self, archive: Archive) -> Store {
        let options = StoreOptions::new(&self.url, Role::Guest);
        Store::open(&options.with_files(Arc::new(archive)))
            .await
            .unwrap()
    }

    /// A keeper that keeps tracks for ever, for tests that let years pass.
    pub(crate) fn keeper_of_ages(&self) -> Keeper {
        let settings = KeeperSettings {
            retention_months: 1200,
            ..self.settings
        };
        self.keeper_with(settings)
    }

    /// Ends the server and starts it again on the same data.
    pub(crate) async fn restart(self, database: &Database) -> Self {
        self.store.close().await;
        let (clock, settings) = (self.clock, self.settings);
        Self {
            clock,
            settings,
            ..Self::on(database, self.folder).await
        }
    }

    pub(crate) fn keeper(&self) -> Keeper {
        self.keeper_with(self.settings)
    }

    fn keeper_with(&self, settings: KeeperSettings) -> Keeper {
        Keeper::new(
            self.archive.clone(),
            self.store.clone(),
            self.clock.clone(),
            settings,
            Arc::new(LocalZone::default),
            CancellationToken::new(),
        )
    }

    pub(crate) async fn pass(&self) -> Pass {
        self.keeper().pass().await.unwrap()
    }

    /// Writes fixes of vehicles as chunks of `size` fixes, in the order given.
    pub(crate) async fn stage(&self, fixes: &[Fix], size: usize) {
        let chunks = fixes
            .chunk_by(|a, b| a.vehicle == b.vehicle)
            .flat_map(|run| run.chunks(size))
            .map(|run| chunk(run, false))
            .collect();
        let flush = Flush {
            chunks,
            ..Flush::default()
        };
        self.store.commit_flush(&flush).await.unwrap();
    }

    /// Writes the newest fixes of vehicle 1, which are in no chunk yet.
    pub(crate) async fn set_tail(&self, sequence: u64, fixes: &[Fix]) {
        let flush = Flush {
            vehicles: vec![snapshot(1, sequence, fixes)],
            ..Flush::default()
        };
        self.store.commit_flush(&flush).await.unwrap();
    }

    /// The whole track of a vehicle.
    pub(crate) async fn track(&self, vehicle: u32) -> Vec<Fix> {
        self.store
            .track(VehicleId(vehicle), Timestamp::MIN, at(400 * 86_400))
            .await
            .unwrap()
    }

    /// Files below the archive's folder, sorted.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(self.folder.path(), &mut found);
        found.sort();
        found
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Files that the catalogue names and that count.
    pub(crate) async fn catalogue(&self) -> Vec<roadwarden::store::TrackFile> {
        self.store.track_files(i64::MIN, i64::MAX).await.unwrap()
    }
}

pub(crate) fn open(folder: &Path) -> Archive {
    let place = Place::open(&PlaceSettings {
        url: folder.display().to_string(),
        request_max: Duration::from_secs(5),
        retries_max: 0,
        options: Vec::new(),
    });
    Archive::new(place.unwrap(), 1 << 20)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            walk(&entry.path(), found);
        } else {
            found.push(entry.path());
        }
    }
}
