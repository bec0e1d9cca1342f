//! Many small files of a day and bucket to one, without holding more than a row group of each.

use std::sync::Arc;

use super::Archive;
use super::compact::Output;
use super::keeper::{Keeper, KeeperError, Pass};
use super::order::settle;
use super::read::Footer;
use super::write::Names;
use crate::model::{Fix, VehicleId};
use crate::store::{ArchiveChange, Hold, Purge, StoreError, TrackFile};

/// Most files merged at once: each holds a row group in memory.
const FILES_MAX: usize = 16;

impl Keeper {
    /// Merges where a day and bucket has too many files.
    pub(super) async fn merge(&self, names: &Names, pass: &mut Pass) -> Result<(), KeeperError> {
        for (day, bucket, _) in self.store.track_file_counts(2).await? {
            loop {
                self.stop_asked()?;
                let files = self.store.track_files_of(day, bucket).await?;
                let files = self.worth_merging(day, files);
                if files.is_empty() {
                    break;
                }
                match self.merge_files(day, &files, names).await {
                    Ok(()) => pass.files_merged += files.len() as u64,
                    // Its neighbours stay as they are, too: nothing may be lost by a merge.
                    Err(KeeperError::Store(StoreError::ArchiveDamaged { file, source })) => {
                        tracing::error!(%file, %source, "an archive file is damaged: its day is not merged");
                        pass.damaged += 1;
                        break;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// The files to merge now; none where it is not worth it.
    ///
    /// A day that goes on is merged when it has many files, one that is over as soon as nothing has come
    /// for a while. Files that have reached half their greatest length are left alone.
    fn worth_merging(&self, day: i64, mut files: Vec<TrackFile>) -> Vec<TrackFile> {
        let settings = &self.settings;
        files.retain(|file| file.bytes < settings.file_bytes_max as u64 / 2);
        let now = self.clock.now();
        let over = self.zone().day_start(day + 1) + settings.merge_after <= now;
        let quiet = files
            .iter()
            .all(|file| file.written_at + settings.merge_after <= now);
        let wanted = if over && quiet {
            2
        } else {
            settings.merge_files
        };
        if files.len() < wanted {
            return Vec::new();
        }
        // Small ones first, so that what was merged before is rewritten least often.
        files.sort_by_key(|file| file.bytes);
        files.truncate(FILES_MAX);
        files
    }

    async fn merge_files(
        &self,
        day: i64,
        files: &[TrackFile],
        names: &Names,
    ) -> Result<(), KeeperError> {
        let mut change = ArchiveChange {
            at: self.clock.now(),
            replaced: files.iter().map(|file| file.path.clone()).collect(),
            ..ArchiveChange::default()
        };
        let mut inputs = self.inputs(files).await?;
        let mut output = Output::new(self, names, day);
        while let Some(mut run) = next_run(&self.archive, &mut inputs).await? {
            self.stop_asked()?;
            settle(&mut run, &mut change.contradictions);
            output.push(&run).await?;
        }
        change.added = output.finish().await?;
        self.store.commit_archive(&change).await?;
        Ok(())
    }

    /// Writes a file again with only the fixes that holds keep; nothing where they keep none.
    pub(super) async fn rewrite_held(
        &self,
        file: &TrackFile,
        holds: &[Hold],
        names: &Names,
    ) -> Result<Purge, KeeperError> {
        let mut purge = Purge {
            day: file.day,
            files: 1,
            bytes: file.bytes,
            ..Purge::default()
        };
        let mut change = ArchiveChange {
            at: self.clock.now(),
            replaced: vec![file.path.clone()],
            ..ArchiveChange::default()
        };
        if !holds.is_empty() {
            let mut inputs = self.inputs(std::slice::from_ref(file)).await?;
            let mut output = Output::new(self, names, file.day);
            while let Some(mut run) = next_run(&self.archive, &mut inputs).await? {
                run.retain(|fix| holds.iter().any(|hold| hold.keeps(fix.vehicle, fix.time)));
                purge.fixes_held += run.len() as u64;
                if !run.is_empty() {
                    output.push(&run).await?;
                }
            }
            if purge.fixes_held == file.fixes {
                return Ok(Purge::default());
            }
            change.added = output.finish().await?;
        }
        purge.fixes = file.fixes - purge.fixes_held;
        change.purge = Some(purge);
        self.store.commit_archive(&change).await?;
        Ok(purge)
    }

    async fn inputs(&self, files: &[TrackFile]) -> Result<Vec<Input>, KeeperError> {
        let mut inputs = Vec::with_capacity(files.len());
        for file in files {
            let footer = self.archive.footer(file).await?;
            inputs.push(Input::new(file.clone(), footer));
        }
        Ok(inputs)
    }
}

/// The fixes of the next vehicle in all inputs, in no order.
async fn next_run(archive: &Archive, inputs: &mut [Input]) -> Result<Option<Vec<Fix>>, StoreError> {
    let mut next = None;
    for input in inputs.iter_mut() {
        if let Some(vehicle) = input.next_vehicle(archive).await? {
            next = Some(next.map_or(vehicle, |next: VehicleId| next.min(vehicle)));
        }
    }
    let Some(vehicle) = next else {
        return Ok(None);
    };
    let mut run = Vec::new();
    for input in inputs {
        input.take(archive, vehicle, &mut run).await?;
    }
    Ok(Some(run))
}

/// A file being read from its beginning to its end, a row group at a time.
struct Input {
    file: TrackFile,
    footer: Arc<Footer>,
    /// The next row group.
    group: usize,
    fixes: Vec<Fix>,
    /// How many of `fixes` were taken.
    taken: usize,
}

impl Input {
    fn new(file: TrackFile, footer: Arc<Footer>) -> Self {
        Self {
            file,
            footer,
            group: 0,
            fixes: Vec::new(),
            taken: 0,
        }
    }

    /// The vehicle of the next fix; `None` at the end.
    async fn next_vehicle(&mut self, archive: &Archive) -> Result<Option<VehicleId>, StoreError> {
        while self.taken == self.fixes.len() {
            if self.group == self.footer.groups() {
                return Ok(None);
            }
            let rows = vec![self.footer.group_rows(self.group)];
            self.fixes = archive.rows(&self.file, &self.footer, rows).await?;
            self.group += 1;
            self.taken = 0;
        }
        Ok(self.fixes.get(self.taken).map(|fix| fix.vehicle))
    }

    /// Takes the next fixes as far as they are of that vehicle.
    async fn take(
        &mut self,
        archive: &Archive,
        vehicle: VehicleId,
        run: &mut Vec<Fix>,
    ) -> Result<(), StoreError> {
        while self.next_vehicle(archive).await? == Some(vehicle) {
            let rest = self.fixes.get(self.taken..).unwrap_or_default();
            let own = rest.iter().take_while(|fix| fix.vehicle == vehicle).count();
            run.extend_from_slice(rest.get(..own).unwrap_or_default());
            self.taken += own;
        }
        Ok(())
    }
}
