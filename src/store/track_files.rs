//! The catalogue of the track archive: which files hold which fixes, and their change in one transaction.

use futures_util::future::BoxFuture;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::engine::map_error;
use super::flush::{ContradictionRow, put_contradictions};
use super::registry::each;
use super::rows::Columns as _;
use super::staging::{ChunkKey, delete_chunks};
use super::statement::{Bulk, Select};
use super::{Store, StoreError};
use crate::model::{Fix, Timestamp, VehicleId};

/// Vehicles of a bucket. Numbers of vehicles follow on each other, so the number of buckets follows the size
/// of the fleet.
pub const VEHICLES_PER_BUCKET: u32 = 256;

/// The bucket of a vehicle.
pub const fn bucket_of(vehicle: VehicleId) -> u32 {
    vehicle.0 / VEHICLES_PER_BUCKET
}

/// A file of the archive, as the catalogue has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackFile {
    /// Below the archive's URL.
    pub path: String,
    /// Local days since 1970-01-01.
    pub day: i64,
    /// Bucket of its vehicles.
    pub bucket: u32,
    /// Fixes in it.
    pub fixes: u64,
    /// Lowest and highest vehicle number.
    pub vehicles: (VehicleId, VehicleId),
    /// Earliest and latest fix time.
    pub times: (Timestamp, Timestamp),
    /// Its length.
    pub bytes: u64,
    /// Length of page index and footer at its end.
    pub footer_bytes: u64,
    /// SHA-256, hexadecimal.
    pub checksum: String,
    /// When it was written.
    pub written_at: Timestamp,
}

/// Which fixes of a file are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackPart {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// Earliest fix time.
    pub from: Timestamp,
    /// End of fix times, not included.
    pub to: Timestamp,
}

/// Reads files of the archive; the store knows which, this knows how.
pub trait TrackFiles: Send + Sync + std::fmt::Debug {
    /// The fixes of that part of a file, in its order.
    ///
    /// Errors: [`StoreError::ArchiveAway`] where the archive does not answer,
    /// [`StoreError::ArchiveDamaged`] where the file is not what was written.
    fn read<'a>(
        &'a self,
        file: &'a TrackFile,
        part: TrackPart,
    ) -> BoxFuture<'a, Result<Vec<Fix>, StoreError>>;
}

/// A change of the archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchiveChange {
    /// When.
    pub at: Timestamp,
    /// Files that are new.
    pub added: Vec<TrackFile>,
    /// Paths of files whose place they take.
    pub replaced: Vec<String>,
    /// Staged chunks that they hold.
    pub chunks: Vec<ChunkKey>,
    /// Contradictions found on the way.
    pub contradictions: Vec<ContradictionRow>,
    /// What was left out because its time has passed.
    pub purge: Option<Purge>,
    /// Holds that the purge left something for.
    pub holds: Vec<String>,
}

/// What retention took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purge {
    /// Local days since 1970-01-01.
    pub day: i64,
    /// Files replaced or left away.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Fixes taken away.
    pub fixes: u64,
    /// Fixes that a hold kept.
    pub fixes_held: u64,
}

impl Store {
    /// Makes a change of the archive in one transaction: after an error, nothing of it is there.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where a replaced file or a chunk is not there any more, or where a purge does not
    /// know of a hold that was set meanwhile; as the database says.
    pub async fn commit_archive(&self, change: &ArchiveChange) -> Result<(), StoreError> {
        let mut transaction = self.database().begin_write().await?;
        let connection = &mut *transaction;
        if change.purge.is_some() {
            respect_holds(connection, change).await?;
        }
        put_files(connection, &change.added).await?;
        for path in &change.replaced {
            replace(connection, path, change.at).await?;
        }
        delete_chunks(connection, &change.chunks).await?;
        put_contradictions(connection, &change.contradictions).await?;
        if let Some(purge) = &change.purge {
            put_purge(connection, change.at, purge).await?;
        }
        transaction.commit().await.map_err(map_error)
    }

    /// Files that count, by day, bucket and path, from local day `from` on, before local day `to`.
    ///
    /// # Errors
    /// As the database says.
    pub async fn track_files(&self, from: i64, to: i64) -> Result<Vec<TrackFile>, StoreError> {
        let rows = Select::new(SELECT)
            .with("day >= {}", from)
            .with("AND day < {}", to)
            .plain("AND removed_at IS NULL ORDER BY day, bucket, path")
            .fetch(self.read())
            .await?;
        each(&rows, file)
    }

    /// Local days that have files, and how many each bucket has, where that is `files_min` or more.
    ///
    /// # Errors
    /// As the database says.
    pub async fn track_file_counts(
        &self,
        files_min: u64,
    ) -> Result<Vec<(i64, u32, u64)>, StoreError> {
        let rows = Select::new(
            "SELECT day, bucket, COUNT(*) FROM track_files WHERE removed_at IS NULL
             GROUP BY day, bucket HAVING",
        )
        .with("COUNT(*) >= {}", files_min.cast_signed())
        .plain("ORDER BY day, bucket")
        .fetch(self.read())
        .await?;
        each(&rows, |row| {
            Ok((
                row.int(0)?,
                row.number(1, "bucket")?,
                row.number(2, "count")?,
            ))
        })
    }

    /// Files that count of a day and bucket, oldest first.
    ///
    /// # Errors
    /// As the database says.
    pub async fn track_files_of(
        &self,
        day: i64,
        bucket: u32,
    ) -> Result<Vec<TrackFile>, StoreError> {
        let rows = Select::new(SELECT)
            .with("day = {}", day)
            .with("AND bucket = {}", i64::from(bucket))
            .plain("AND removed_at IS NULL ORDER BY written_at, path")
            .fetch(self.read())
            .await?;
        each(&rows, file)
    }

    /// Whether the catalogue names a path, replaced files included.
    ///
    /// # Errors
    /// As the database says.
    pub async fn knows_track_file(&self, path: &str) -> Result<bool, StoreError> {
        let rows = Select::new("SELECT 1 FROM track_files WHERE")
            .with("path = {}", path)
            .fetch(self.read())
            .await?;
        Ok(!rows.is_empty())
    }

    /// Paths of files that were replaced before a moment: no reader can be on them any more.
    ///
    /// # Errors
    /// As the database says.
    pub async fn replaced_track_files(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let rows = Select::new("SELECT path FROM track_files WHERE")
            .with("removed_at < {}", before.millis())
            .with("ORDER BY removed_at, path LIMIT {}", i64::from(limit))
            .fetch(self.read())
            .await?;
        each(&rows, |row| row.text(0))
    }

    /// Takes files that are deleted out of the catalogue; files that count stay.
    ///
    /// # Errors
    /// As the database says.
    pub async fn forget_track_files(&self, paths: &[String]) -> Result<(), StoreError> {
        let mut transaction = self.database().begin_write().await?;
        FORGOTTEN
            .execute(&mut transaction, paths, |values, path| {
                values.add(path.as_str());
            })
            .await?;
        transaction.commit().await.map_err(map_error)
    }
}

/// Catalogue entries looked at for one page of a track: days enough for years, and merging keeps a day at few.
const FILES_PER_PAGE: i64 = 1024;

const SELECT: &str =
    "SELECT path, day, bucket, fixes, vehicle_first, vehicle_last, first_at, last_at,
    bytes, footer_bytes, checksum, written_at FROM track_files WHERE";

/// Files that may hold fixes of a vehicle in a period, by beginning; the first ones where there are many, and
/// then at least all of the first day.
pub(super) async fn files_of(
    connection: &mut AnyConnection,
    part: TrackPart,
) -> Result<Vec<TrackFile>, StoreError> {
    let vehicle = i64::from(part.vehicle.0);
    let rows = Select::new(SELECT)
        .with("bucket = {}", i64::from(bucket_of(part.vehicle)))
        .with("AND last_at >= {}", part.from.millis())
        .with("AND first_at < {}", part.to.millis())
        .with("AND vehicle_first <= {}", vehicle)
        .with("AND vehicle_last >= {}", vehicle)
        .with(
            "AND removed_at IS NULL ORDER BY first_at, path LIMIT {}",
            FILES_PER_PAGE,
        )
        .fetch(connection)
        .await?;
    let files = each(&rows, file)?;
    let days = |file: Option<&TrackFile>| file.map(|file| file.day);
    let cut = i64::try_from(files.len()).unwrap_or(i64::MAX) == FILES_PER_PAGE;
    if cut && days(files.first()) == days(files.last()) {
        return Err(StoreError::conflict(format!(
            "a day has {FILES_PER_PAGE} files: it is to be merged first"
        )));
    }
    Ok(files)
}

const FILES: Bulk = Bulk {
    head:
        "INSERT INTO track_files (path, day, bucket, fixes, vehicle_first, vehicle_last, first_at,
           last_at, bytes, footer_bytes, checksum, written_at) VALUES ",
    row: "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    width: 12,
    tail: "",
};

const FORGOTTEN: Bulk = Bulk {
    head: "DELETE FROM track_files WHERE removed_at IS NOT NULL AND path IN (VALUES ",
    row: "($1)",
    width: 1,
    tail: ")",
};

async fn put_files(connection: &mut AnyConnection, files: &[TrackFile]) -> Result<(), StoreError> {
    FILES
        .execute(connection, files, |values, file| {
            values
                .add(file.path.as_str())
                .add(file.day)
                .add(i64::from(file.bucket))
                .add(file.fixes.cast_signed())
                .add(i64::from(file.vehicles.0.0))
                .add(i64::from(file.vehicles.1.0))
                .time(file.times.0)
                .time(file.times.1)
                .add(file.bytes.cast_signed())
                .add(file.footer_bytes.cast_signed())
                .add(file.checksum.as_str())
                .time(file.written_at);
        })
        .await
        .map(drop)
}

async fn replace(
    connection: &mut AnyConnection,
    path: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE track_files SET removed_at = $1 WHERE path = $2 AND removed_at IS NULL",
    )
    .bind(at.millis())
    .bind(path)
    .execute(connection)
    .await
    .map_err(map_error)?;
    if done.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::conflict("a file was replaced before"))
    }
}

/// Fails where a hold that the purge does not know of may keep something of a file that it takes away.
async fn respect_holds(
    connection: &mut AnyConnection,
    change: &ArchiveChange,
) -> Result<(), StoreError> {
    for path in &change.replaced {
        let rows = Select::new(
            "SELECT h.id FROM legal_holds h JOIN track_files f
             ON h.vehicle_id BETWEEN f.vehicle_first AND f.vehicle_last
             AND (h.from_at IS NULL OR h.from_at <= f.last_at)
             AND (h.to_at IS NULL OR h.to_at > f.first_at)
             WHERE h.lifted_at IS NULL",
        )
        .with("AND f.path = {}", path.as_str())
        .fetch(&mut *connection)
        .await?;
        let holds = each(&rows, |row| row.text(0))?;
        if holds.iter().any(|hold| !change.holds.contains(hold)) {
            return Err(StoreError::conflict("a hold was set meanwhile"));
        }
    }
    Ok(())
}

async fn put_purge(
    connection: &mut AnyConnection,
    at: Timestamp,
    purge: &Purge,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO track_purges (at, day, files, bytes, fixes, fixes_held)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (day, at) DO UPDATE SET files = track_purges.files + excluded.files,
             bytes = track_purges.bytes + excluded.bytes, fixes = track_purges.fixes + excluded.fixes,
             fixes_held = track_purges.fixes_held + excluded.fixes_held",
    )
    .bind(at.millis())
    .bind(purge.day)
    .bind(purge.files.cast_signed())
    .bind(purge.bytes.cast_signed())
    .bind(purge.fixes.cast_signed())
    .bind(purge.fixes_held.cast_signed())
    .execute(connection)
    .await
    .map(drop)
    .map_err(map_error)
}

fn file(row: &AnyRow) -> Result<TrackFile, StoreError> {
    Ok(TrackFile {
        path: row.text(0)?,
        day: row.int(1)?,
        bucket: row.number(2, "bucket")?,
        fixes: row.number(3, "count of fixes")?,
        vehicles: (
            VehicleId(row.number(4, "vehicle number")?),
            VehicleId(row.number(5, "vehicle number")?),
        ),
        times: (row.time(6)?, row.time(7)?),
        bytes: row.number(8, "length")?,
        footer_bytes: row.number(9, "length")?,
        checksum: row.text(10)?,
        written_at: row.time(11)?,
    })
}
