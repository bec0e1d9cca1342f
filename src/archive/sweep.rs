//! Deletes files that others replaced, and files that nothing names.

use std::collections::BTreeSet;

use futures_util::TryStreamExt as _;
use object_store::ObjectStoreExt as _;

use super::keeper::{Keeper, KeeperError, Pass};
use super::{away, tracks};
use crate::model::Timestamp;

/// Files taken out of the catalogue by one transaction.
const FORGET_MAX: u32 = 256;

impl Keeper {
    /// Deletes files that were replaced long enough ago that no reader is on them.
    pub(super) async fn delete_replaced(&self, pass: &mut Pass) -> Result<(), KeeperError> {
        let before = self.clock.now() - self.settings.grace;
        loop {
            self.stop_asked()?;
            let paths = self.store.replaced_track_files(before, FORGET_MAX).await?;
            if paths.is_empty() {
                return Ok(());
            }
            for path in &paths {
                self.delete(path).await?;
            }
            self.store.forget_track_files(&paths).await?;
            pass.files_deleted += paths.len() as u64;
        }
    }

    /// Deletes files that the catalogue does not name: a crash came between their writing and its change.
    ///
    /// Files younger than the bound may be on their way into the catalogue.
    pub(super) async fn delete_orphans(&self, pass: &mut Pass) -> Result<(), KeeperError> {
        let place = self.archive.place();
        let before = self.clock.now() - self.settings.orphan_age;
        let mut orphans = BTreeSet::new();
        let folder = place.path(tracks().as_ref());
        let mut listed = place.store().list(Some(&folder));
        while let Some(object) = listed.try_next().await.map_err(away)? {
            self.stop_asked()?;
            let Some(path) = place.own(&object.location) else {
                continue;
            };
            let written = Timestamp::from(object.last_modified);
            if written < before && !self.store.knows_track_file(&path).await? {
                orphans.insert(path);
            }
        }
        drop(listed);
        for path in &orphans {
            tracing::info!(%path, "deleted: a file of the archive that the catalogue does not name");
            self.delete(path).await?;
        }
        pass.orphans_deleted += orphans.len() as u64;
        Ok(())
    }

    /// Deletes a file; one that is not there is deleted already.
    async fn delete(&self, path: &str) -> Result<(), KeeperError> {
        let place = self.archive.place();
        match place.store().delete(&place.path(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(away(error).into()),
        }
    }
}
