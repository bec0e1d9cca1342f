//! The stored track of a vehicle: files of the archive, staged chunks and the tail, merged, sorted, each fix
//! time once.

use sqlx::AnyConnection;

use super::engine::map_error;
use super::rows::Columns as _;
use super::staging::{ChunkKey, DamagedChunk, decode_chunk};
use super::statement::Select;
use super::track_files::{TrackFile, TrackPart, files_of};
use super::{Store, StoreError};
use crate::model::{Fix, Span, Timestamp, VehicleId};
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
    /// Where fixes may be missing; only [`Store::readable_page`] gives a page where any are.
    pub lost: Vec<LostStretch>,
    /// Where the next page begins; `None` at the end of the period.
    pub next: Option<Timestamp>,
}

/// A stretch of a track in which fixes may be missing, because a file of the archive or a chunk that waits for
/// it cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostStretch {
    /// The file, below the archive's URL, or `staged chunk` and its number.
    pub file: String,
    /// What is wrong with it.
    pub problem: String,
    /// First moment.
    pub from: Timestamp,
    /// First moment after it.
    pub to: Timestamp,
}

impl LostStretch {
    /// What a damaged file costs of a track.
    fn new(file: &TrackFile, problem: &dyn std::error::Error, part: TrackPart) -> Self {
        let after = file.times.1 + Span::from_millis(1);
        Self {
            file: file.path.clone(),
            problem: problem.to_string(),
            from: file.times.0.max(part.from),
            to: after.min(part.to),
        }
    }

    /// What a damaged chunk costs of a track.
    fn of_chunk(chunk: DamagedChunk, part: TrackPart) -> Self {
        let after = chunk.key.last + Span::from_millis(1);
        Self {
            file: format!("staged chunk {}", chunk.key.id),
            problem: chunk.problem,
            from: chunk.key.first.max(part.from),
            to: after.min(part.to),
        }
    }

    fn into_error(self) -> StoreError {
        StoreError::ArchiveDamaged {
            file: self.file,
            source: self.problem.into(),
        }
    }
}

impl Store {
    /// The track of a vehicle in `[from, to)`, by fix time. Of several fixes with one fix time the one stays
    /// that stands by [`Fix::precedence`].
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the period holds more than [`TRACK_FIXES_MAX`] fixes;
    /// as [`Store::track_page`].
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
    /// A page ends where a chunk or the next day's file begins, so that it holds all fixes up to its end.
    ///
    /// # Errors
    /// [`StoreError::ArchiveDamaged`] for a damaged file or chunk, [`StoreError::ArchiveAway`] where the period
    /// reaches into files; as the database says.
    pub async fn track_page(
        &self,
        vehicle: VehicleId,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<TrackPage, StoreError> {
        let mut page = self.readable_page(vehicle, from, to, limit).await?;
        match page.lost.pop() {
            Some(lost) => Err(lost.into_error()),
            None => Ok(page),
        }
    }

    /// As [`Store::track_page`], for those who can do with less than all: what a damaged file held is left out
    /// and told, and the rest is given.
    ///
    /// # Errors
    /// As [`Store::track_page`], but for [`StoreError::ArchiveDamaged`].
    pub async fn readable_page(
        &self,
        vehicle: VehicleId,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<TrackPage, StoreError> {
        let limit = limit.clamp(1, TRACK_PAGE_FIXES_MAX);
        let part = TrackPart { vehicle, from, to };
        // One state of the database: a chunk is either there or in a file of the catalogue, never both.
        let mut transaction = self.database().begin_read().await?;
        let catalogued = files_of(&mut transaction, part).await?;
        let read = Staged::read(&mut transaction, part, end_of_day(&catalogued, part), limit);
        let Staged {
            mut fixes,
            mut lost,
            end,
        } = read.await?;
        transaction.rollback().await.map_err(map_error)?;
        let part = TrackPart { to: end, ..part };
        for file in catalogued.iter().filter(|file| file.times.0 < end) {
            match self.read_file(file, part).await {
                Ok(read) => fixes.extend(read),
                Err(StoreError::ArchiveDamaged { source, .. }) => {
                    lost.push(LostStretch::new(file, &*source, part));
                }
                Err(error) => return Err(error),
            }
        }
        fixes.retain(|fix| from <= fix.time && fix.time < end);
        order(&mut fixes);
        let mut next = end;
        if let Some(cut) = fixes.get(limit).map(|fix| fix.time)
            && !catalogued.is_empty()
        {
            // A day in a file may be long; what is left is read again for the next page.
            fixes.truncate(limit);
            next = cut;
        }
        lost.retain_mut(|stretch| {
            stretch.to = stretch.to.min(next);
            stretch.from < stretch.to
        });
        Ok(TrackPage {
            fixes,
            lost,
            next: (next < to).then_some(next),
        })
    }

    async fn read_file(&self, file: &TrackFile, part: TrackPart) -> Result<Vec<Fix>, StoreError> {
        match &self.inner.files {
            Some(files) => files.read(file, part).await,
            None => Err(StoreError::ArchiveAway {
                source: "this process was started without it".into(),
            }),
        }
    }

    /// The stored fix of a vehicle that stands at that fix time, where there is one.
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

/// Puts fixes of one vehicle into the order of fix time, each time once: the one that stands.
fn order(fixes: &mut Vec<Fix>) {
    if fixes.is_sorted_by(|a, b| a.time < b.time) {
        return;
    }
    fixes.sort_by(|a, b| {
        let by_time = a.time.cmp(&b.time);
        by_time.then_with(|| a.precedence().cmp(&b.precedence()))
    });
    fixes.dedup_by_key(|fix| fix.time);
}

/// Where a page must end so that it needs the files of one day only.
fn end_of_day(files: &[TrackFile], part: TrackPart) -> Timestamp {
    let day = files.iter().map(|file| file.day).min();
    files
        .iter()
        .filter(|file| Some(file.day) > day)
        .map(|file| file.times.0)
        .filter(|first| *first > part.from)
        .fold(part.to, Timestamp::min)
}

/// What is in no file.
struct Staged {
    fixes: Vec<Fix>,
    /// What damaged chunks held.
    lost: Vec<LostStretch>,
    /// Up to where it is.
    end: Timestamp,
}

impl Staged {
    /// Chunks and tail from `part.from` to at most `to`.
    async fn read(
        connection: &mut AnyConnection,
        part: TrackPart,
        to: Timestamp,
        limit: usize,
    ) -> Result<Self, StoreError> {
        let TrackPart { vehicle, from, .. } = part;
        let (mut fixes, mut lost) = (Vec::new(), Vec::new());
        let tail = tail(connection, vehicle).await?;
        let mut after = None;
        let mut end = to;
        'reading: loop {
            let chunks = chunks(connection, vehicle, from, to, after).await?;
            let last_read = i64::try_from(chunks.len()).unwrap_or(0) < CHUNKS_PER_READ;
            for Chunk {
                key,
                fixes: count,
                bytes,
            } in chunks
            {
                if fixes.len() >= limit && key.first > from {
                    end = key.first;
                    break 'reading;
                }
                match decode_chunk(key, count, &bytes) {
                    Ok(decoded) => fixes.extend(decoded),
                    Err(damaged) => lost.push(LostStretch::of_chunk(damaged, part)),
                }
                after = Some(key);
            }
            if last_read {
                break;
            }
        }
        fixes.extend(tail);
        Ok(Self { fixes, lost, end })
    }
}

struct Chunk {
    key: ChunkKey,
    fixes: u32,
    bytes: Vec<u8>,
}

/// The next chunks that touch the period, by beginning.
async fn chunks(
    connection: &mut AnyConnection,
    vehicle: VehicleId,
    from: Timestamp,
    to: Timestamp,
    after: Option<ChunkKey>,
) -> Result<Vec<Chunk>, StoreError> {
    let mut select =
        Select::new("SELECT first_at, last_at, id, fixes, bytes FROM track_chunks WHERE")
            .with("vehicle_id = {}", i64::from(vehicle.0))
            .with("AND first_at < {}", to.millis())
            .with("AND last_at >= {}", from.millis());
    if let Some(key) = after {
        select = select
            .with("AND (first_at, last_at, id) > ({},", key.first.millis())
            .with("{},", key.last.millis())
            .with("{})", key.id);
    }
    let rows = select
        .with("ORDER BY first_at, last_at, id LIMIT {}", CHUNKS_PER_READ)
        .fetch(connection)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Chunk {
                key: ChunkKey {
                    vehicle,
                    first: row.time(0)?,
                    last: row.time(1)?,
                    id: row.int(2)?,
                },
                fixes: row.number(3, "count of fixes")?,
                bytes: row.bytes(4)?.to_vec(),
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
        Some(row) => decode_run(vehicle, row.bytes(0)?).map_err(|error| StoreError::Broken {
            source: Box::new(error),
        }),
        None => Ok(Vec::new()),
    }
}
