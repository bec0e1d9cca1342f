//! Chunks that wait for the archive: read in pieces, oldest day first, and deleted when a file holds them.

use sqlx::AnyConnection;

use super::registry::each;
use super::rows::Columns as _;
use super::statement::{Bulk, Select};
use super::track_files::VEHICLES_PER_BUCKET;
use super::{Store, StoreError};
use crate::model::{Fix, Timestamp, VehicleId};
use crate::track::decode_run;

/// Chunks read by one statement.
const CHUNKS_PER_READ: i64 = 64;

/// Which chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChunkKey {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// Earliest fix time.
    pub first: Timestamp,
    /// Latest fix time.
    pub last: Timestamp,
    /// Its number.
    pub id: i64,
}

/// Staged fixes that were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staged {
    /// The fixes, chunk by chunk.
    pub fixes: Vec<Fix>,
    /// The chunks that hold them.
    pub chunks: Vec<ChunkKey>,
    /// Chunks that cannot be read.
    pub damaged: Vec<DamagedChunk>,
}

/// A staged chunk that cannot be read: its bytes are not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedChunk {
    /// Which one.
    pub key: ChunkKey,
    /// Fixes that it held.
    pub fixes: u32,
    /// What is wrong.
    pub problem: String,
}

impl Store {
    /// Buckets of which anything is staged.
    ///
    /// # Errors
    /// As the database says.
    pub async fn staged_buckets(&self) -> Result<Vec<u32>, StoreError> {
        let mut buckets = Vec::new();
        let mut next = 0;
        // From bucket to bucket along the key: what each holds is not walked through.
        loop {
            let rows = Select::new("SELECT MIN(vehicle_id) FROM track_chunks WHERE")
                .with("vehicle_id >= {}", next)
                .fetch(self.read())
                .await?;
            let vehicle = rows
                .first()
                .map(|row| row.int_opt(0))
                .transpose()?
                .flatten();
            let Some(vehicle) = vehicle else {
                return Ok(buckets);
            };
            let bucket = vehicle / i64::from(VEHICLES_PER_BUCKET);
            buckets.push(super::rows::narrow(bucket, "vehicle number")?);
            next = (bucket + 1) * i64::from(VEHICLES_PER_BUCKET);
        }
    }

    /// Vehicles of a bucket of which any chunk begins at a moment or after it, and when the first of these
    /// begins.
    ///
    /// # Errors
    /// As the database says.
    pub async fn staged_vehicles(
        &self,
        bucket: u32,
        from: Timestamp,
    ) -> Result<Vec<(VehicleId, Timestamp)>, StoreError> {
        let first = i64::from(bucket) * i64::from(VEHICLES_PER_BUCKET);
        let rows = Select::new("SELECT vehicle_id, MIN(first_at) FROM track_chunks WHERE")
            .with("vehicle_id >= {}", first)
            .with(
                "AND vehicle_id < {}",
                first + i64::from(VEHICLES_PER_BUCKET),
            )
            .with("AND first_at >= {}", from.millis())
            .plain("GROUP BY vehicle_id ORDER BY vehicle_id")
            .fetch(self.read())
            .await?;
        each(&rows, |row| {
            Ok((VehicleId(row.number(0, "vehicle number")?), row.time(1)?))
        })
    }

    /// Reads staged chunks of a vehicle that begin in a period, its end not included, earliest first, until
    /// `staged` holds `fixes_max` fixes or a little more. Damaged chunks are told and passed over.
    ///
    /// # Errors
    /// As the database says.
    pub async fn read_staged(
        &self,
        vehicle: VehicleId,
        (from, before): (Timestamp, Timestamp),
        fixes_max: usize,
        staged: &mut Staged,
    ) -> Result<(), StoreError> {
        let mut after: Option<ChunkKey> = None;
        while staged.fixes.len() < fixes_max {
            let mut select =
                Select::new("SELECT first_at, last_at, id, fixes, bytes FROM track_chunks WHERE")
                    .with("vehicle_id = {}", i64::from(vehicle.0))
                    .with("AND first_at >= {}", from.millis())
                    .with("AND first_at < {}", before.millis());
            if let Some(key) = after {
                select = select
                    .with("AND (first_at, last_at, id) > ({},", key.first.millis())
                    .with("{},", key.last.millis())
                    .with("{})", key.id);
            }
            let rows = select
                .with("ORDER BY first_at, last_at, id LIMIT {}", CHUNKS_PER_READ)
                .fetch(self.read())
                .await?;
            for row in &rows {
                let key = ChunkKey {
                    vehicle,
                    first: row.time(0)?,
                    last: row.time(1)?,
                    id: row.int(2)?,
                };
                after = Some(key);
                match decode_chunk(key, row.number(3, "count of fixes")?, row.bytes(4)?) {
                    Ok(fixes) => {
                        staged.fixes.extend(fixes);
                        staged.chunks.push(key);
                    }
                    Err(damaged) => staged.damaged.push(damaged),
                }
            }
            if i64::try_from(rows.len()).unwrap_or(0) < CHUNKS_PER_READ {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Decodes every staged chunk: how many there are, and which cannot be read, and why.
    ///
    /// # Errors
    /// As the database says.
    pub async fn check_staged(&self) -> Result<(u64, Vec<DamagedChunk>), StoreError> {
        let (mut checked, mut damaged) = (0, Vec::new());
        let mut after = (i64::MIN, i64::MIN, i64::MIN, i64::MIN);
        loop {
            let rows = Select::new(
                "SELECT vehicle_id, first_at, last_at, id, fixes, bytes FROM track_chunks WHERE",
            )
            .with("(vehicle_id, first_at, last_at, id) > ({},", after.0)
            .with("{},", after.1)
            .with("{},", after.2)
            .with("{})", after.3)
            .with(
                "ORDER BY vehicle_id, first_at, last_at, id LIMIT {}",
                CHUNKS_PER_READ,
            )
            .fetch(self.read())
            .await?;
            for row in &rows {
                after = (row.int(0)?, row.int(1)?, row.int(2)?, row.int(3)?);
                let key = ChunkKey {
                    vehicle: VehicleId(row.number(0, "vehicle number")?),
                    first: row.time(1)?,
                    last: row.time(2)?,
                    id: row.int(3)?,
                };
                checked += 1;
                let fixes = row.number(4, "count of fixes")?;
                damaged.extend(decode_chunk(key, fixes, row.bytes(5)?).err());
            }
            if i64::try_from(rows.len()).unwrap_or(0) < CHUNKS_PER_READ {
                return Ok((checked, damaged));
            }
        }
    }

    /// Number of the newest chunk that was ever staged; how far it moves tells how much was.
    ///
    /// # Errors
    /// As the database says.
    pub async fn newest_chunk(&self) -> Result<i64, StoreError> {
        super::counters::Counter::Chunks.value(self.read()).await
    }
}

/// The fixes of a chunk that was written with so many: from bytes that were cut where a fix ends, or changed,
/// other fixes may well be decoded.
pub(super) fn decode_chunk(
    key: ChunkKey,
    fixes: u32,
    bytes: &[u8],
) -> Result<Vec<Fix>, DamagedChunk> {
    let problem = match decode_run(key.vehicle, bytes) {
        Ok(found) if found.len() != fixes as usize => {
            format!("{} fixes instead of {fixes}", found.len())
        }
        Ok(found) => {
            let times = found.iter().map(|fix| fix.time);
            if (times.clone().min(), times.max()) == (Some(key.first), Some(key.last)) {
                return Ok(found);
            }
            "its fixes are of another time".to_owned()
        }
        Err(error) => error.to_string(),
    };
    Err(DamagedChunk {
        key,
        fixes,
        problem,
    })
}

const DELETE: Bulk = Bulk {
    head: "DELETE FROM track_chunks WHERE id IN (VALUES ",
    row: "($1)",
    width: 1,
    tail: ")",
};

/// Deletes chunks that a file holds now.
///
/// Errors: [`StoreError::Conflict`] where one is not there any more.
pub(super) async fn delete_chunks(
    connection: &mut AnyConnection,
    chunks: &[ChunkKey],
) -> Result<(), StoreError> {
    let deleted = DELETE
        .execute(connection, chunks, |values, key| {
            values.add(key.id);
        })
        .await?;
    if deleted == chunks.len() as u64 {
        Ok(())
    } else {
        Err(StoreError::conflict("a staged chunk was archived before"))
    }
}
