//! The track archive: Parquet files by local day and bucket of vehicles, on a folder or an S3-compatible
//! store, readable by other tools (`docs/track-archive.md`).
//!
//! Fixes come as staged chunks, which the flush writes with everything else. `compact` turns them into files,
//! `merge` makes few large files of many small ones, `retain` takes away what is older than the law wants and
//! no hold keeps, `sweep` deletes what nothing names. Each of them writes files first and then makes one
//! transaction of the catalogue: a crash leaves at most a file that nothing names. [`Archive`] reads;
//! `schema`, `write` and `read` are the format and do no I/O.

mod cache;
mod compact;
mod keeper;
mod merge;
mod order;
mod place;
pub mod read;
mod retain;
pub mod schema;
mod sweep;
mod verify;
pub mod write;

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;

pub use keeper::{Keeper, KeeperError, KeeperSettings, Pass};
pub use place::{Place, PlaceError, PlaceSettings};
pub use verify::{FileProblem, Verified};

use crate::model::Fix;
use crate::store::{StoreError, TrackFile, TrackFiles, TrackPart};

use cache::FooterCache;
use read::{Footer, Pieces, Rows, Wanted};

/// Reads the files; cheap to clone.
#[derive(Clone, Debug)]
pub struct Archive {
    place: Place,
    footers: Arc<FooterCache>,
}

impl Archive {
    /// The archive at a place, with room for so many bytes of footers.
    pub fn new(place: Place, footer_bytes_max: usize) -> Self {
        Self {
            place,
            footers: Arc::new(FooterCache::new(footer_bytes_max)),
        }
    }

    /// Where it is.
    fn place(&self) -> &Place {
        &self.place
    }

    /// The footer of a file, from the cache where it is there.
    async fn footer(&self, file: &TrackFile) -> Result<Arc<Footer>, StoreError> {
        if let Some(footer) = self.footers.find(&file.path) {
            return Ok(footer);
        }
        let start = file.bytes.saturating_sub(file.footer_bytes);
        let path = self.place.path(&file.path);
        let got = self.place.store().get_range(&path, start..file.bytes).await;
        let tail = match got {
            Ok(tail) => tail,
            Err(error) => return Err(self.failed(file, error).await),
        };
        let bytes = file.bytes;
        let footer = blocking(&file.path, move || Footer::parse(tail, bytes)).await?;
        let footer = Arc::new(footer);
        self.footers.keep(&file.path, &footer);
        Ok(footer)
    }

    /// What an error of the object store means for a file of the catalogue.
    async fn failed(&self, file: &TrackFile, error: object_store::Error) -> StoreError {
        if let object_store::Error::NotFound { .. } = error {
            return damaged(&file.path, error);
        }
        // A file that is too short fails in words of each store's own: its length tells.
        let path = self.place.path(&file.path);
        match self.place.store().head(&path).await {
            Ok(found) if found.size != file.bytes => {
                let problem = format!("{} bytes instead of {}", found.size, file.bytes);
                damaged(&file.path, problem)
            }
            Err(object_store::Error::NotFound { .. }) => damaged(&file.path, error),
            Ok(_) | Err(_) => away(error),
        }
    }

    /// Fetches and decodes rows of a file.
    async fn rows(
        &self,
        file: &TrackFile,
        footer: &Arc<Footer>,
        rows: Vec<Rows>,
    ) -> Result<Vec<Fix>, StoreError> {
        let ranges = footer.ranges(&rows);
        let path = self.place.path(&file.path);
        let got = self.place.store().get_ranges(&path, &ranges).await;
        let bytes = match got {
            Ok(bytes) => bytes,
            Err(error) => return Err(self.failed(file, error).await),
        };
        let starts = ranges.iter().map(|range| range.start);
        let pieces = Arc::new(Pieces::new(file.bytes, starts.zip(bytes).collect()));
        let footer = Arc::clone(footer);
        blocking(&file.path, move || {
            let mut fixes = Vec::new();
            for rows in &rows {
                footer.decode(&pieces, rows, &mut fixes)?;
            }
            Ok(fixes)
        })
        .await
    }
}

impl TrackFiles for Archive {
    fn read<'a>(
        &'a self,
        file: &'a TrackFile,
        part: TrackPart,
    ) -> BoxFuture<'a, Result<Vec<Fix>, StoreError>> {
        async move {
            let wanted = Wanted {
                vehicles: (part.vehicle, part.vehicle),
                from: part.from,
                to: part.to,
            };
            let footer = self.footer(file).await?;
            let rows = footer.rows(&wanted);
            let mut fixes = self.rows(file, &footer, rows).await?;
            fixes.retain(|fix| wanted.holds(fix));
            Ok(fixes)
        }
        .boxed()
    }
}

/// Decodes on a thread for such work; bytes that make the decoder panic are damaged bytes.
async fn blocking<T: Send + 'static>(
    path: &str,
    decode: impl FnOnce() -> Result<T, parquet::errors::ParquetError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(decode).await {
        Ok(Ok(decoded)) => Ok(decoded),
        Ok(Err(error)) => Err(damaged(path, error)),
        Err(error) => Err(damaged(path, error)),
    }
}

fn damaged(path: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::ArchiveDamaged {
        file: path.to_owned(),
        source: source.into(),
    }
}

fn away(error: object_store::Error) -> StoreError {
    StoreError::ArchiveAway {
        source: Box::new(error),
    }
}

/// The path of a file below the archive's URL.
fn file_path(day: i64, bucket: u32, name: &str) -> String {
    let date = i32::try_from(day)
        .ok()
        .and_then(chrono::NaiveDate::from_epoch_days);
    let date = date.map_or_else(|| day.to_string(), |date| date.to_string());
    format!("{TRACKS}/day={date}/bucket={bucket:02}/{name}.parquet")
}

/// Folder of all track files.
const TRACKS: &str = "tracks";

fn tracks() -> Path {
    Path::from(TRACKS)
}
