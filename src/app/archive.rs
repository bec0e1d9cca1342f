//! The track archive as the settings say.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use crate::archive::{Archive, Keeper, KeeperSettings, Place, PlaceSettings};
use crate::clock::Clock;
use crate::config::Config;
use crate::ingest::Engine;
use crate::model::Span;
use crate::store::Store;

/// Opens the track archive.
///
/// # Errors
/// When there can be none at its URL.
pub fn open_archive(config: &Config) -> anyhow::Result<Archive> {
    let settings = &config.archive;
    let place = Place::open(&PlaceSettings {
        url: config.archive_url(),
        request_max: Duration::from_secs(settings.request_s_max),
        retries_max: number(settings.retries_max),
        options: Vec::new(),
    })
    .context("cannot open the track archive")?;
    Ok(Archive::new(place, number(settings.footer_cache_bytes)))
}

/// The task that keeps the archive of a running engine.
pub(super) fn keeper(
    engine: &Arc<Engine>,
    store: &Store,
    config: &Config,
    clock: &Clock,
    stop: &CancellationToken,
) -> anyhow::Result<Keeper> {
    let engine = Arc::clone(engine);
    Ok(Keeper::new(
        open_archive(config)?,
        store.clone(),
        clock.clone(),
        settings(config),
        Arc::new(move || engine.directory().rules.zone),
        stop.clone(),
    ))
}

fn settings(config: &Config) -> KeeperSettings {
    let settings = &config.archive;
    KeeperSettings {
        interval: Duration::from_millis(settings.interval_ms),
        staged_chunks_max: settings.staged_chunks_max.cast_signed(),
        batch_fixes_max: number(settings.batch_fixes_max),
        file_bytes_max: number(settings.file_bytes_max),
        merge_files: number(settings.merge_files),
        merge_after: span(settings.merge_after_s),
        grace: span(settings.grace_s),
        orphan_age: span(settings.orphan_s),
        retention_months: u32::try_from(settings.retention_months).unwrap_or(u32::MAX),
    }
}

/// A setting as a count in memory.
fn number(setting: u64) -> usize {
    usize::try_from(setting).unwrap_or(usize::MAX)
}

fn span(seconds: u64) -> Span {
    Span::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}
