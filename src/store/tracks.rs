//! The stored track of a vehicle: chunks and the tail, merged, sorted, each fix time once.

use sqlx::AnyConnection;

use super::rows::Columns as _;
use super::statement::Select;
use super::{Store, StoreError};
use crate::model::{Fix, Timestamp, VehicleId};
use crate::track::decode_run;

/// Most fixes of one page of a track; a page may hold more where chunks overlap.
pub const TRACK_PAGE_FIXES_MAX: usize = 20_000;
/// Most fixes that [`Store::track`] gives at once: 23 days at one a second.
pub const TRACK_FIXES_MAX: usize = 2_000_000;
/// Chunks read by one statement.
const CHUNKS_PER_READ: i64 = 64;

/// A piece of a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackPage {
    /// Fixes by fix time.
    pub fixes: Vec<Fix>,
    /// Where the next page begins; `None` at the end of the period.
    pub next: Option<Timestamp>,
}

impl Store {
    /// The track of a vehicle in `[from, to)`, by fix time. Of several fixes with one fix time the
    /// first received stays.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the period holds more than [`TRACK_FIXES_MAX`] fixes;
    /// [`StoreError::Broken`] for damaged chunks.
    pub async fn track(
        &self,
        vehicle: VehicleId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Fix>, StoreError> {
        let mut fixes = Vec::new();
        let mut next = Some(from);
        while let Some(from) = next {
            let page = self
                .track_page(vehicle, from, to, TRACK_PAGE_FIXES_MAX)
                .await?;
            fixes.extend(page.fixes);
            next = page.next;
            if fixes.len() > TRACK_FIXES_MAX {
                return Err(StoreError::conflict(format!(
                    "the period holds more than {TRACK_FIXES_MAX} fixes"
                )));
            }
        }
        Ok(fixes)
    }

    /// About `limit` fixes of the track in `[from, to)`, for walking along a long one.
    ///
    /// A page ends where a chunk begins, so that it holds all fixes up to its end.
    ///
    /// # Errors
    /// [`StoreError::Broken`] for damaged chunks; as the database says.
    pub async fn track_page(
        &self,
        vehicle: VehicleId,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<TrackPage, StoreError> {
        let limit = limit.clamp(1, TRACK_PAGE_FIXES_MAX);
        let mut transaction = self.database().begin_read().await?;
        let mut fixes = Vec::new();
        // The tail comes after all chunks: on equal received times the stored one came first.
        let tail = tail(&mut transaction, vehicle).await?;
        let mut after = None;
        let mut end = to;
        'reading: loop {
            let chunks = chunks(&mut transaction, vehicle, from, to, after).await?;
            let last_read = i64::try_from(chunks.len()).unwrap_or(0) < CHUNKS_PER_READ;
            for chunk in chunks {
                if fixes.len() >= limit && chunk.first > from {
                    end = chunk.first;
                    break 'reading;
                }
                fixes.extend(decoded(vehicle, &chunk.bytes)?);
                after = Some((chunk.first, chunk.last, chunk.id));
            }
            if last_read {
                break;
            }
        }
        fixes.extend(tail);
        fixes.retain(|fix| from <= fix.time && fix.time < end);
        // Both sorts keep the order of equal ones, so the first stored wins a tie.
        fixes.sort_by_key(|fix| (fix.time, fix.received));
        fixes.dedup_by_key(|fix| fix.time);
        Ok(TrackPage {
            fixes,
            next: (end < to).then_some(end),
        })
    }

    /// The stored fix of a vehicle with that fix time, first received, where there is one.
    ///
    /// # Errors
    /// As [`Store::track_page`].
    pub async fn find_fix(
        &self,
        vehicle: VehicleId,
        time: Timestamp,
    ) -> Result<Option<Fix>, StoreError> {
        let to = Timestamp::from_millis(time.millis().saturating_add(1));
        let fixes = self.track(vehicle, time, to).await?;
        Ok(fixes.into_iter().find(|fix| fix.time == time))
    }
}

struct Chunk {
    first: Timestamp,
    last: Timestamp,
    id: i64,
    bytes: Vec<u8>,
}

/// The next chunks that touch the period, by beginning.
async fn chunks(
    connection: &mut AnyConnection,
    vehicle: VehicleId,
    from: Timestamp,
    to: Timestamp,
    after: Option<(Timestamp, Timestamp, i64)>,
) -> Result<Vec<Chunk>, StoreError> {
    let mut select = Select::new("SELECT first_at, last_at, id, bytes FROM track_chunks WHERE")
        .with("vehicle_id = {}", i64::from(vehicle.0))
        .with("AND first_at < {}", to.millis())
        .with("AND last_at >= {}", from.millis());
    if let Some((first, last, id)) = after {
        select = select
            .with("AND (first_at, last_at, id) > ({},", first.millis())
            .with("{},", last.millis())
            .with("{})", id);
    }
    let rows = select
        .with("ORDER BY first_at, last_at, id LIMIT {}", CHUNKS_PER_READ)
        .fetch(connection)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Chunk {
                first: row.time(0)?,
                last: row.time(1)?,
                id: row.int(2)?,
                bytes: row.bytes(3)?.to_vec(),
            })
        })
        .collect()
}

/// The fixes that are not in a chunk yet.
async fn tail(connection: &mut AnyConnection, vehicle: VehicleId) -> Result<Vec<Fix>, StoreError> {
    let rows = Select::new("SELECT tail FROM vehicle_states WHERE")
        .with("vehicle_id = {}", i64::from(vehicle.0))
        .fetch(connection)
        .await?;
    match rows.first() {
        Some(row) => decoded(vehicle, row.bytes(0)?),
        None => Ok(Vec::new()),
    }
}

fn decoded(vehicle: VehicleId, bytes: &[u8]) -> Result<Vec<Fix>, StoreError> {
    decode_run(vehicle, bytes).map_err(|error| StoreError::Broken {
        source: Box::new(error),
    })
}
