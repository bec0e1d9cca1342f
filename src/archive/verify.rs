//! Checks every file against its catalogue entry.

use object_store::ObjectStoreExt as _;

use super::compact::checksum;
use super::read::{Footer, Pieces, Wanted};
use super::{Archive, damaged};
use crate::store::{Store, StoreError, TrackFile};
use std::sync::Arc;

/// A file that is not what its catalogue entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProblem {
    /// What the catalogue says: what the file held.
    pub file: TrackFile,
    /// What is wrong.
    pub problem: String,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Files looked at.
    pub files: u64,
    /// Fixes in the good ones.
    pub fixes: u64,
    /// The others.
    pub problems: Vec<FileProblem>,
}

impl Archive {
    /// Checks every file of the catalogue: length, checksum, rows, and the ranges of vehicles and times.
    ///
    /// # Errors
    /// As the database says; [`StoreError::ArchiveAway`] where the archive does not answer.
    pub async fn verify(&self, store: &Store) -> Result<Verified, StoreError> {
        let mut verified = Verified::default();
        for file in store.track_files(i64::MIN, i64::MAX).await? {
            verified.files += 1;
            match self.check(&file).await {
                Ok(()) => verified.fixes += file.fixes,
                // A merge took its place since the list was read.
                Err(StoreError::ArchiveDamaged { .. }) if !counts(store, &file).await? => {}
                Err(StoreError::ArchiveDamaged { source, .. }) => {
                    verified.problems.push(FileProblem {
                        problem: source.to_string(),
                        file,
                    });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(verified)
    }

    async fn check(&self, file: &TrackFile) -> Result<(), StoreError> {
        let place = self.place();
        let got = place.store().get(&place.path(&file.path)).await;
        let bytes = match got {
            Ok(got) => got.bytes().await,
            Err(error) => Err(error),
        };
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => return Err(self.failed(file, error).await),
        };
        let expected = file.clone();
        super::blocking(&file.path, move || Ok(difference(&expected, &bytes)))
            .await?
            .map_or(Ok(()), |problem| Err(damaged(&file.path, problem)))
    }
}

async fn counts(store: &Store, file: &TrackFile) -> Result<bool, StoreError> {
    let files = store.track_files_of(file.day, file.bucket).await?;
    Ok(files.iter().any(|other| other.path == file.path))
}

/// How the bytes of a file differ from its catalogue entry.
fn difference(file: &TrackFile, bytes: &bytes::Bytes) -> Option<String> {
    if bytes.len() as u64 != file.bytes {
        return Some(format!("{} bytes instead of {}", bytes.len(), file.bytes));
    }
    if checksum(bytes) != file.checksum {
        return Some("the checksum does not match".to_owned());
    }
    match contents(file, bytes) {
        Ok(problem) => problem,
        Err(error) => Some(error.to_string()),
    }
}

fn contents(
    file: &TrackFile,
    bytes: &bytes::Bytes,
) -> Result<Option<String>, parquet::errors::ParquetError> {
    let start = usize::try_from(file.bytes.saturating_sub(file.footer_bytes)).unwrap_or(0);
    let footer = Footer::parse(bytes.slice(start..), file.bytes)?;
    if footer.fixes() != file.fixes {
        return Ok(Some(format!(
            "{} fixes instead of {}",
            footer.fixes(),
            file.fixes
        )));
    }
    let pieces = Arc::new(Pieces::new(file.bytes, vec![(0, bytes.clone())]));
    let wanted = Wanted {
        vehicles: file.vehicles,
        from: file.times.0,
        to: file.times.1 + crate::model::Span::from_millis(1),
    };
    let mut last = None;
    for group in 0..footer.groups() {
        let mut fixes = Vec::new();
        footer.decode(&pieces, &footer.group_rows(group), &mut fixes)?;
        for fix in &fixes {
            if !wanted.holds(fix) {
                return Ok(Some("a fix is outside the file's ranges".to_owned()));
            }
            if last > Some((fix.vehicle, fix.time)) {
                return Ok(Some("the fixes are not sorted".to_owned()));
            }
            last = Some((fix.vehicle, fix.time));
        }
    }
    Ok(None)
}
