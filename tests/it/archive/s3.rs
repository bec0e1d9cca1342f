//! The archive on an S3-compatible store: slow answers, errors, and a restart in the middle of an upload.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use roadwarden::model::{Fix, Span};
use roadwarden::store::StoreError;

use super::commands::{PLATE, fleet, lines};
use super::s3_store::{BUCKET, KEY, S3};
use super::support::Kept;
use crate::store::samples::fixes;
use crate::store::support::{Place, on_both_engines};
use crate::support::server::{DEADLINE, Server};

/// Vehicle 1 from a second to another, every ten seconds.
fn driven(from: i64, to: i64) -> Vec<Fix> {
    fixes(1, (from..to).step_by(10))
}

/// Passes until nothing of the catalogue is missing and the store holds what it names and no more.
async fn check_whole(kept: &Kept, s3: &S3, track: &[Fix]) {
    assert_eq!(kept.track(1).await, track);
    // Files are as old as the machine's clock says.
    kept.clock.advance(Span::from_hours(24 * 365 * 20));
    kept.keeper_of_ages().pass().await.unwrap();
    kept.clock.advance(Span::from_hours(1));
    kept.keeper_of_ages().pass().await.unwrap();
    assert_eq!(s3.files(), kept.catalogue().await.len());
    let verified = kept.archive.verify(&kept.store).await.unwrap();
    assert_eq!(
        (verified.fixes, verified.problems.len()),
        (track.len() as u64, 0)
    );
    assert_eq!(kept.track(1).await, track);
}

on_both_engines! {
    async fn a_store_is_kept_like_a_folder(place: Place) {
        let s3 = S3::start().await;
        let kept = Kept::with(&place, s3.archive(0)).await;
        let track = driven(0, 40_000);
        let mut merged = 0;
        for part in track.chunks(800) {
            kept.stage(part, 100).await;
            merged += kept.pass().await.files_merged;
        }
        assert_eq!(kept.track(1).await, track);
        kept.clock.advance(Span::from_hours(72));
        merged += kept.pass().await.files_merged;
        assert!(merged > 0);
        kept.clock.advance(Span::from_hours(1));
        assert!(kept.pass().await.files_deleted > 0);
        assert_eq!((kept.catalogue().await.len(), s3.files()), (1, 1));
        let folder = s3.root.path().join(BUCKET).join("province/43");
        assert!(folder.join("tracks/day=2026-11-21").exists());
        // What nothing names is found and deleted, here too.
        let file = folder.join(&kept.catalogue().await[0].path);
        std::fs::copy(&file, file.with_file_name("orphan.parquet")).unwrap();
        check_whole(&kept, &s3, &track).await;
        std::fs::remove_file(&file).unwrap();
        let problems = kept.archive.verify(&kept.store).await.unwrap().problems;
        assert_eq!(problems.len(), 1);
    }

    async fn slow_answers_and_errors_are_borne(place: Place) {
        let s3 = S3::start().await;
        let kept = Kept::with(&place, s3.archive(3)).await;
        let track = driven(0, 20_000);
        kept.stage(&track, 100).await;
        // Errors that pass are tried again.
        s3.harm.errors.store(2, Ordering::SeqCst);
        s3.harm.slow_ms.store(100, Ordering::SeqCst);
        kept.pass().await;
        assert_eq!(kept.track(1).await, track);
        // An answer that is too slow is none; the archive is away and not damaged.
        let impatient = kept.reader(s3.archive(0)).await;
        s3.harm.slow_ms.store(5000, Ordering::SeqCst);
        let error = impatient.find_fix(track[5].vehicle, track[5].time).await.unwrap_err();
        assert!(matches!(error, StoreError::ArchiveAway { .. }), "{error:?}");
        s3.harm.slow_ms.store(0, Ordering::SeqCst);
        let found = impatient.find_fix(track[5].vehicle, track[5].time).await;
        assert_eq!(found.unwrap(), Some(track[5]));
        // Errors that do not pass end the pass and damage nothing.
        let more = driven(20_000, 30_000);
        kept.stage(&more, 100).await;
        s3.harm.errors.store(u64::MAX, Ordering::SeqCst);
        let away = kept.by_way_of(s3.archive(1));
        let failed = away.keeper().pass().await;
        assert!(failed.is_err(), "{failed:?}");
        s3.harm.errors.store(0, Ordering::SeqCst);
        away.pass().await;
        check_whole(&kept, &s3, &[track, more].concat()).await;
    }

    async fn a_connection_that_breaks_anywhere_loses_nothing(place: Place) {
        let s3 = S3::start().await;
        let kept = Kept::with(&place, s3.archive(0)).await;
        let track = driven(0, 30_000);
        let mut failed = 0;
        for (cut_after, part) in (0..).map(|step| 150 + 450 * step).zip(track.chunks(150)) {
            kept.stage(part, 50).await;
            // A way of its own to the store, with new connections.
            let broken = kept.by_way_of(s3.archive(0));
            s3.harm.cut_after.store(cut_after, Ordering::SeqCst);
            failed += u32::from(broken.keeper().pass().await.is_err());
            s3.harm.cut_after.store(0, Ordering::SeqCst);
        }
        // The store takes a file, and nobody learns of it.
        let last = driven(30_000, 31_000);
        kept.stage(&last, 50).await;
        s3.harm.mute.store(true, Ordering::SeqCst);
        let broken = kept.by_way_of(s3.archive(0));
        assert!(broken.keeper().pass().await.is_err());
        s3.harm.mute.store(false, Ordering::SeqCst);
        assert!(s3.files() > kept.catalogue().await.len(), "an orphan");
        assert!(failed > 3, "{failed}");
        kept.pass().await;
        check_whole(&kept, &s3, &[track, last].concat()).await;
    }

    async fn the_grace_of_what_a_merge_replaces_begins_when_it_is_replaced(place: Place) {
        let s3 = S3::start().await;
        let kept = Kept::with(&place, s3.archive(3)).await;
        for part in driven(0, 20_000).chunks(1000) {
            kept.stage(part, 100).await;
            kept.pass().await;
        }
        let files = kept.catalogue().await.len();
        kept.clock.advance(Span::from_hours(72));
        s3.harm.hold_upload_after.store(1500, Ordering::SeqCst);
        let keeper = kept.keeper();
        let merging = tokio::spawn(async move { keeper.pass().await });
        while s3.harm.held.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        // The upload is tried again and takes longer than the grace.
        kept.clock.advance(Span::from_minutes(30));
        s3.harm.hold_upload_after.store(0, Ordering::SeqCst);
        let pass = merging.await.unwrap().unwrap();
        assert_eq!((pass.files_merged, pass.files_deleted), (files as u64, 0));
        assert_eq!(s3.files(), files + 1, "readers may still be on the others");
        kept.clock.advance(Span::from_minutes(11));
        assert_eq!(kept.pass().await.files_deleted, files as u64);
    }

    async fn a_restart_in_the_middle_of_an_upload_loses_nothing(place: Place) {
        let s3 = S3::start().await;
        let kept = Kept::with(&place, s3.archive(0)).await;
        let track = driven(0, 20_000);
        kept.stage(&track, 100).await;
        s3.harm.hold_upload_after.store(1500, Ordering::SeqCst);
        let keeper = kept.keeper();
        let uploading = tokio::spawn(async move { keeper.pass().await });
        while s3.harm.held.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        // The server is ended there and started again.
        uploading.abort();
        assert!(uploading.await.unwrap_err().is_cancelled());
        assert_eq!(kept.catalogue().await, []);
        assert_eq!(kept.track(1).await, track, "what is staged stays readable");
        kept.store.close().await;
        s3.harm.hold_upload_after.store(0, Ordering::SeqCst);
        let kept = Kept::with(&place, s3.archive(0)).await;
        assert_eq!(kept.track(1).await, track);
        kept.pass().await;
        let files = kept.catalogue().await;
        assert_eq!(files.iter().map(|file| file.fixes).sum::<u64>(), 2000);
        assert_eq!(s3.files(), files.len(), "half an upload leaves no file");
        check_whole(&kept, &s3, &track).await;
    }
}

/// Looks until it is so.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let mut so_far = Duration::ZERO;
    while !is_so() {
        assert!(so_far < DEADLINE, "not within the time: {what}");
        let look = Duration::from_millis(20);
        std::thread::sleep(look);
        so_far += look;
    }
}

fn start_server(data: &Path, s3: &S3) -> Server {
    let endpoint = format!("http://{}", s3.address);
    Server::start_with(
        data,
        &[
            "--dev-clock",
            "2026-11-21T08:00:00+08:00",
            "--archive-url",
            &format!("s3://{BUCKET}/province/43"),
            "--archive-interval-ms",
            "100",
            "--shard-tail-bytes-max",
            "128",
        ],
        &[
            ("AWS_ENDPOINT", endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", KEY),
            ("AWS_REGION", "us-east-1"),
        ],
    )
}

#[test]
fn a_server_killed_in_the_middle_of_an_upload_has_lost_nothing() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let s3 = runtime.block_on(S3::start());
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path());
    let server = start_server(folder.path(), &s3);
    s3.harm.hold_upload_after.store(2000, Ordering::SeqCst);
    assert_eq!(server.post("/api/v1/fixes", &lines())["stored"], 360);
    wait_until("an upload has begun", || {
        s3.harm.held.load(Ordering::SeqCst) > 0
    });
    server.kill();
    assert_eq!(s3.files(), 0);
    s3.harm.hold_upload_after.store(0, Ordering::SeqCst);
    let server = start_server(folder.path(), &s3);
    wait_until("a file is there", || s3.files() > 0);
    let plate = PLATE.replace('湘', "%E6%B9%98");
    let path = format!(
        "/api/v1/vehicles/{plate}/yellow/track?format=ndjson\
         &from=2026-11-21T00:00:00%2B08:00&to=2026-11-22T00:00:00%2B08:00"
    );
    let (status, track) = server.request("GET", &path, None);
    assert_eq!((status, track.lines().count()), (200, 360), "{track}");
    server.stop();
}
