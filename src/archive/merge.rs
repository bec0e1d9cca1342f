//! Many small files of a day and bucket to one, without holding more than a row group of each.

use std::collections::BTreeSet;
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
/// A file is merged with smaller ones only where it has at most so many times the fixes of these together.
/// What is written again thereby comes to be in a file a quarter longer than before: a trickle of late data
/// cannot have the file of a day written again for every few fixes.
const TIMES_MAX: u64 = 4;
/// So many times the quiet after which a day is merged, and it is merged to one file whatever their lengths.
const LONG_QUIET: i64 = 8;

impl Keeper {
    /// Merges where a day and bucket has too many files.
    pub(super) async fn merge(&self, names: &Names, pass: &mut Pass) -> Result<(), KeeperError> {
        for (day, bucket, _) in self.store.track_file_counts(2).await? {
            // Damaged ones stay as they are, and their neighbours are merged without them.
            let mut damaged = BTreeSet::new();
            loop {
                self.stop_asked()?;
                let mut files = self.store.track_files_of(day, bucket).await?;
                files.retain(|file| !damaged.contains(&file.path));
                let files = self.worth_merging(day, files);
                if files.is_empty() {
                    break;
                }
                match self.merge_files(day, &files, names).await {
                    Ok(()) => pass.files_merged += files.len() as u64,
                    Err(KeeperError::Store(StoreError::ArchiveDamaged { file, source })) => {
                        tracing::error!(%file, %source, "an archive file is damaged: it is not merged");
                        pass.damaged += 1;
                        damaged.insert(file);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// The files to merge now; none where it is not worth it.
    ///
    /// A day that goes on, or to which data still come, is merged when it has many files; one that is over as
    /// soon as nothing has come for a while, and to one file when nothing has come for long. Files that have
    /// reached half their greatest length are left alone.
    fn worth_merging(&self, day: i64, mut files: Vec<TrackFile>) -> Vec<TrackFile> {
        let settings = &self.settings;
        files.retain(|file| file.bytes < settings.file_bytes_max as u64 / 2);
        let newest = files.iter().map(|file| file.written_at).max();
        let over = self.zone().day_start(day + 1);
        let since = over.max(newest.unwrap_or(over));
        let quiet = self.clock.now().since(since).millis() / settings.merge_after.millis().max(1);
        let (files_min, times_max) = match quiet {
            LONG_QUIET.. => (2, u64::MAX),
            1.. => (2, TIMES_MAX),
            _ => (settings.merge_files, TIMES_MAX),
        };
        files.sort_by_key(|file| file.fixes);
        let lengths: Vec<u64> = files.iter().map(|file| file.fixes).collect();
        files.truncate(mergeable(&lengths, files_min, times_max));
        files
    }

    async fn merge_files(
        &self,
        day: i64,
        files: &[TrackFile],
        names: &Names,
    ) -> Result<(), KeeperError> {
        let mut change = ArchiveChange {
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
        self.commit(change).await?;
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
            replaced: vec![file.path.clone()],
            holds: holds.iter().map(|hold| hold.id.clone()).collect(),
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
        self.commit(change).await?;
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

/// How many of the files with so many fixes, fewest first, are merged into one; 0 where it is not worth it.
///
/// With fewer than `files_min` files nothing is, and no file with more than `times_max` times the fixes of all
/// smaller ones. What is left unmerged grows so fast from file to file that it never is many.
fn mergeable(fixes: &[u64], files_min: usize, times_max: u64) -> usize {
    if fixes.len() < files_min.max(2) {
        return 0;
    }
    let (mut merged, mut smaller) = (0, 0_u64);
    for (count, fixes) in (1..=FILES_MAX).zip(fixes) {
        if count > 1 && *fixes <= smaller.saturating_mul(times_max) {
            merged = count;
        }
        smaller = smaller.saturating_add(*fixes);
    }
    merged
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_grows_by_it_is_merged() {
        let check = |fixes: &[u64], files_min, expected| {
            assert_eq!(
                mergeable(fixes, files_min, TIMES_MAX),
                expected,
                "{fixes:?}"
            );
        };
        check(&[], 2, 0);
        check(&[5], 2, 0);
        check(&[5, 20], 2, 2);
        check(&[5, 21], 2, 0);
        // The small ones without the large one.
        check(&[1, 1, 1, 100], 2, 3);
        check(&[1, 1, 1, 100], 5, 0);
        check(&[10, 20, 30, 100], 4, 4);
        // What grows very fast is left alone.
        check(&[1, 10, 100, 1000], 2, 0);
        check(&[1; 40], 8, FILES_MAX);
        assert_eq!(mergeable(&[1, 1000], 2, u64::MAX), 2);
    }

    /// Most files, fixes of the largest and fixes written, of a day to which late data come in pieces.
    fn live(pieces: &[u64], files_min: usize) -> (usize, u64, u64) {
        let (mut files, mut most, mut longest, mut written) = (Vec::new(), 0, 0, 0);
        for piece in pieces {
            files.push(*piece);
            written += piece;
            loop {
                files.sort_unstable();
                let merged = mergeable(&files, files_min, TIMES_MAX);
                if merged == 0 {
                    break;
                }
                let sum = files.drain(..merged).sum();
                files.push(sum);
                written += sum;
            }
            most = most.max(files.len());
            longest = longest.max(files.iter().copied().max().unwrap_or(0));
        }
        (most, longest, written)
    }

    proptest! {
        #[test]
        fn a_trickle_stays_at_a_few_files_and_is_seldom_written_again(
            base in 1..2_000_000_u64,
            trickle in proptest::collection::vec(1..10_000_u64, 1..600),
            files_min in 2..12_usize,
        ) {
            let mut pieces = vec![base];
            pieces.extend(trickle);
            let (most, longest, written) = live(&pieces, files_min);
            let total: u64 = pieces.iter().sum();
            // Each time a piece is written again its file is a quarter longer.
            let smallest = pieces.iter().copied().min().unwrap_or(1);
            let (mut times, mut length) = (1_u64, smallest);
            while length < longest {
                length += length.div_ceil(4);
                times += 1;
            }
            prop_assert!(written <= total * times, "{written} of {total} in {times}");
            // Five times as many from one to the next: from one to eight million is ten.
            prop_assert!(most <= files_min.max(11), "{most} files");
        }
    }

    #[test]
    fn a_year_of_late_data_every_hour_costs_little() {
        let mut pieces = vec![1_500_000];
        pieces.extend(std::iter::repeat_n(2000, 24 * 365));
        let total: u64 = pieces.iter().sum();
        // While they come, and with a pause before each of them.
        for files_min in [8, 2] {
            let (most, _, written) = live(&pieces, files_min);
            assert!(most <= 8, "{most} files");
            // Merged by number alone, the day of 1.5 M fixes would be written more than a thousand times.
            assert!(written <= 16 * total, "{written} of {total}");
        }
    }
}
