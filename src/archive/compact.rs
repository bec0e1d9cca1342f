//! Staged chunks to files.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::keeper::{Keeper, KeeperError, Pass};
use super::order::settled;
use super::write::{FileWriter, Names, WrittenFile};
use super::{away, file_path};
use crate::model::{Fix, LocalZone, Timestamp};
use crate::store::{ArchiveChange, DamagedChunk, Staged, TrackFile, bucket_of};
use object_store::{ObjectStoreExt as _, PutPayload};
use sha2::{Digest as _, Sha256};

/// Damaged chunks that one pass names in the log; more are only counted.
const DAMAGED_NAMED_MAX: usize = 100;

impl Keeper {
    /// Turns everything that is staged now into files, a bounded batch at a time, oldest day first.
    pub(super) async fn compact(&self, names: &Names, pass: &mut Pass) -> Result<(), KeeperError> {
        let mut damaged = BTreeSet::new();
        for bucket in self.store.staged_buckets().await? {
            let mut from = Timestamp::MIN;
            while let Some((staged, end)) = self.next_batch(bucket, from).await? {
                self.stop_asked()?;
                name_damaged(&staged.damaged, &mut damaged);
                if !staged.chunks.is_empty() {
                    self.archive_batch(staged, names, pass).await?;
                } else if from < end {
                    // Only damaged ones are left of that day: they stay, and the day after has its turn.
                    from = end;
                } else {
                    break;
                }
            }
        }
        pass.chunks_damaged += damaged.len() as u64;
        Ok(())
    }

    /// The next staged fixes of a bucket, and where their day ends: of the oldest day of which chunks begin at
    /// `from` or later, at most about `batch_fixes_max`.
    async fn next_batch(
        &self,
        bucket: u32,
        from: Timestamp,
    ) -> Result<Option<(Staged, Timestamp)>, KeeperError> {
        let vehicles = self.store.staged_vehicles(bucket, from).await?;
        let Some(first) = vehicles.iter().map(|(_, first)| *first).min() else {
            return Ok(None);
        };
        let zone = self.zone();
        let before = zone.day_start(zone.day(first) + 1);
        let mut staged = Staged::default();
        let fixes_max = self.settings.batch_fixes_max;
        for (vehicle, first) in vehicles {
            if first < before {
                self.store
                    .read_staged(vehicle, (from, before), fixes_max, &mut staged)
                    .await?;
            }
            if staged.fixes.len() >= fixes_max {
                break;
            }
        }
        Ok(Some((staged, before)))
    }

    async fn archive_batch(
        &self,
        staged: Staged,
        names: &Names,
        pass: &mut Pass,
    ) -> Result<(), KeeperError> {
        let Staged { fixes, chunks, .. } = staged;
        let mut change = ArchiveChange {
            chunks,
            ..ArchiveChange::default()
        };
        pass.compacted += fixes.len() as u64;
        for (day, fixes) in by_day(fixes, &self.zone()) {
            let mut output = Output::new(self, names, day);
            for run in fixes.chunk_by(|a, b| a.vehicle == b.vehicle) {
                let run = settled(run, &mut change.contradictions);
                output.push(&run).await?;
            }
            change.added.extend(output.finish().await?);
        }
        pass.files_written += change.added.len() as u64;
        self.commit(change).await?;
        Ok(())
    }
}

/// Names damaged chunks that were not named in this pass; `verify` names all of them.
fn name_damaged(chunks: &[DamagedChunk], known: &mut BTreeSet<i64>) {
    for chunk in chunks {
        if known.insert(chunk.key.id) && known.len() <= DAMAGED_NAMED_MAX {
            tracing::error!(
                chunk = chunk.key.id,
                vehicle = chunk.key.vehicle.0,
                from_ms = chunk.key.first.millis(),
                to_ms = chunk.key.last.millis(),
                fixes = chunk.fixes,
                problem = %chunk.problem,
                "a staged chunk is damaged: it stays where it is and is not archived"
            );
        }
    }
}

/// Parts fixes by local day; within a day their order is kept, which is that of the vehicles.
fn by_day(fixes: Vec<Fix>, zone: &LocalZone) -> BTreeMap<i64, Vec<Fix>> {
    let mut known = KnownDay::new(zone);
    let mut days: BTreeMap<i64, Vec<Fix>> = BTreeMap::new();
    for fix in fixes {
        days.entry(known.day(fix.time)).or_default().push(fix);
    }
    days
}

/// Asks the zone once a day and not once a fix.
struct KnownDay<'a> {
    zone: &'a LocalZone,
    day: i64,
    from: Timestamp,
    to: Timestamp,
}

impl<'a> KnownDay<'a> {
    fn new(zone: &'a LocalZone) -> Self {
        Self {
            zone,
            day: 0,
            from: Timestamp::MAX,
            to: Timestamp::MIN,
        }
    }

    fn day(&mut self, time: Timestamp) -> i64 {
        if time < self.from || self.to <= time {
            self.day = self.zone.day(time);
            self.from = self.zone.day_start(self.day);
            self.to = self.zone.day_start(self.day + 1);
        }
        self.day
    }
}

/// Files of one day and bucket being written: a new one begins where one has reached its length.
pub(super) struct Output<'a> {
    keeper: &'a Keeper,
    names: &'a Names,
    day: i64,
    writer: Option<FileWriter<'a>>,
    files: Vec<TrackFile>,
}

impl<'a> Output<'a> {
    /// No file yet.
    pub(super) fn new(keeper: &'a Keeper, names: &'a Names, day: i64) -> Self {
        Self {
            keeper,
            names,
            day,
            writer: None,
            files: Vec::new(),
        }
    }

    /// Appends sorted fixes of one vehicle, the vehicles in order.
    pub(super) async fn push(&mut self, fixes: &[Fix]) -> Result<(), KeeperError> {
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => FileWriter::new(self.names)?,
        };
        writer.push(fixes)?;
        if writer.bytes_written() < self.keeper.settings.file_bytes_max {
            self.writer = Some(writer);
            return Ok(());
        }
        self.put(writer).await
    }

    /// Ends the last file; all files, none of them in the catalogue yet.
    pub(super) async fn finish(mut self) -> Result<Vec<TrackFile>, KeeperError> {
        if let Some(writer) = self.writer.take() {
            self.put(writer).await?;
        }
        Ok(self.files)
    }

    async fn put(&mut self, writer: FileWriter<'_>) -> Result<(), KeeperError> {
        if let Some(written) = writer.finish()? {
            let file = self.keeper.put_file(self.day, written).await?;
            self.files.push(file);
        }
        Ok(())
    }
}

impl Keeper {
    /// Writes a file to its place, synced; the catalogue does not name it yet.
    async fn put_file(&self, day: i64, written: WrittenFile) -> Result<TrackFile, KeeperError> {
        let bucket = bucket_of(written.vehicles.0);
        let name = Uuid::now_v7().simple().to_string();
        let path = file_path(day, bucket, &name);
        let checksum = checksum(&written.bytes);
        let bytes = written.bytes.len() as u64;
        let place = self.archive.place();
        place
            .store()
            .put(&place.path(&path), PutPayload::from_bytes(written.bytes))
            .await
            .map_err(away)?;
        Ok(TrackFile {
            path,
            day,
            bucket,
            fixes: written.fixes,
            vehicles: written.vehicles,
            times: written.times,
            bytes,
            footer_bytes: written.footer_bytes,
            checksum,
            written_at: self.clock.now(),
        })
    }
}

/// SHA-256, hexadecimal.
pub(super) fn checksum(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    Sha256::digest(bytes)
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}
