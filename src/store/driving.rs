//! What drivers did, as pieces of their time; the bytes are `detect`'s.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::engine::map_error;
use super::registry::each;
use super::rows::Columns as _;
use super::statement::{Bulk, Select};
use super::{Store, StoreError};
use crate::model::VehicleId;

/// Where pieces lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DrivingKey {
    /// Number of the driver, or of the unknown driver of a vehicle.
    pub subject: i64,
    /// Local hour since 1970 in which they end.
    pub bucket: i64,
    /// The vehicle that tells them.
    pub vehicle: VehicleId,
}

/// Pieces of one subject, one vehicle and one hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrivingRow {
    /// Where they lie.
    pub key: DrivingKey,
    /// The pieces, in order.
    pub pieces: Vec<u8>,
}

const OF_SUBJECTS: Bulk = Bulk {
    head: "WITH wanted (subject, bucket) AS (VALUES ",
    row: "($1, $2)",
    width: 2,
    tail: ") SELECT d.subject, d.bucket, d.vehicle_id, d.pieces FROM wanted w
            JOIN driving d ON d.subject = w.subject AND d.bucket >= w.bucket
            ORDER BY d.subject, d.bucket, d.vehicle_id",
};

const PUT: Bulk = Bulk {
    head: "INSERT INTO driving (subject, bucket, vehicle_id, pieces) VALUES ",
    row: "($1, $2, $3, $4)",
    width: 4,
    tail: " ON CONFLICT (subject, bucket, vehicle_id) DO UPDATE SET pieces = excluded.pieces",
};

/// One row a statement: SQLite reads the whole table for `(a, b, c) IN (VALUES ..)`.
const REMOVE: &str = "DELETE FROM driving WHERE subject = $1 AND bucket = $2 AND vehicle_id = $3";

impl Store {
    /// Pieces of subjects, each from a bucket on.
    ///
    /// # Errors
    /// As the database says.
    pub async fn driving(&self, wanted: &[(i64, i64)]) -> Result<Vec<DrivingRow>, StoreError> {
        let mut transaction = self.database().begin_read().await?;
        let rows = OF_SUBJECTS
            .fetch(&mut transaction, wanted, |values, (subject, bucket)| {
                values.add(*subject).add(*bucket);
            })
            .await?;
        each(&rows, driving_row)
    }

    /// Numbers of the subjects that were at the wheel of a vehicle, or had just left it, from a
    /// bucket on.
    ///
    /// # Errors
    /// As the database says.
    pub async fn driving_subjects(
        &self,
        vehicle: VehicleId,
        from_bucket: i64,
    ) -> Result<Vec<i64>, StoreError> {
        let rows = Select::new("SELECT DISTINCT subject FROM driving WHERE")
            .with("vehicle_id = {}", i64::from(vehicle.0))
            .with("AND bucket >= {} ORDER BY subject", from_bucket)
            .fetch(self.read())
            .await?;
        each(&rows, |row| row.int(0))
    }

    /// Removes what ended before a bucket, an hour in a transaction; the number of rows.
    ///
    /// # Errors
    /// As the database says; what was removed before stays so.
    pub async fn forget_driving(&self, before_bucket: i64) -> Result<u64, StoreError> {
        let mut removed = 0;
        loop {
            let oldest: Option<i64> = sqlx::query_scalar("SELECT MIN(bucket) FROM driving")
                .fetch_one(self.read())
                .await
                .map_err(map_error)?;
            let Some(oldest) = oldest.filter(|oldest| *oldest < before_bucket) else {
                return Ok(removed);
            };
            let done = sqlx::query("DELETE FROM driving WHERE bucket = $1")
                .bind(oldest)
                .execute(self.write())
                .await
                .map_err(map_error)?;
            removed += done.rows_affected();
        }
    }
}

/// Writes pieces; a row without any is removed.
pub(super) async fn put(
    connection: &mut AnyConnection,
    rows: &[DrivingRow],
) -> Result<(), StoreError> {
    let (gone, kept): (Vec<&DrivingRow>, Vec<&DrivingRow>) =
        rows.iter().partition(|row| row.pieces.is_empty());
    for row in gone {
        sqlx::query(REMOVE)
            .bind(row.key.subject)
            .bind(row.key.bucket)
            .bind(i64::from(row.key.vehicle.0))
            .execute(&mut *connection)
            .await
            .map_err(map_error)?;
    }
    PUT.execute(connection, &kept, |values, row| {
        values
            .add(row.key.subject)
            .add(row.key.bucket)
            .add(i64::from(row.key.vehicle.0))
            .add(row.pieces.as_slice());
    })
    .await
    .map(drop)
}

fn driving_row(row: &AnyRow) -> Result<DrivingRow, StoreError> {
    Ok(DrivingRow {
        key: DrivingKey {
            subject: row.int(0)?,
            bucket: row.int(1)?,
            vehicle: VehicleId(row.number(2, "vehicle number")?),
        },
        pieces: row.bytes(3)?.to_vec(),
    })
}
