//! Staged fixes become files, files are merged, purged, swept and verified; at no step is a fix lost.

use std::collections::BTreeSet;

use roadwarden::model::{Fix, Position, Quality, Span, Timestamp, VehicleId};
use roadwarden::store::{Hold, HoldFilter, Purge, StoreError};

use super::support::Kept;
use crate::store::samples::{at, fix, fixes};
use crate::store::support::{Place, on_both_engines};

/// Every ten seconds.
fn ten(from: i64, to: i64) -> impl Iterator<Item = i64> {
    (from..to).step_by(10)
}

fn hold(vehicle: u32, from: Option<Timestamp>, to: Option<Timestamp>) -> Hold {
    Hold {
        id: format!("h{vehicle}"),
        case_no: "案2026-7".to_owned(),
        vehicle: VehicleId(vehicle),
        plate: crate::store::samples::plate("湘A12345"),
        reason: "事故封存".to_owned(),
        from,
        to,
        set_at: at(0),
        lifted_at: None,
    }
}

on_both_engines! {
    async fn staged_fixes_of_two_days_become_files_by_day(place: Place) {
        let kept = Kept::new(&place).await;
        let one = fixes(1, ten(80_000, 95_000));
        let two = fixes(2, ten(0, 9_000));
        kept.stage(&one, 100).await;
        kept.stage(&two, 100).await;
        kept.set_tail(1, &fixes(1, ten(95_000, 95_100))).await;
        let pass = kept.pass().await;
        assert_eq!(pass.compacted, (one.len() + two.len()) as u64);
        let files = kept.catalogue().await;
        for folder in ["tracks/day=2026-11-21/bucket=00/", "tracks/day=2026-11-22/bucket=00/"] {
            assert!(files.iter().any(|file| file.path.starts_with(folder)), "{files:?}");
        }
        assert_eq!(files.iter().map(|file| file.fixes).sum::<u64>(), pass.compacted);
        assert_eq!(kept.track(1).await, fixes(1, ten(80_000, 95_100)));
        assert_eq!(kept.track(2).await, two);
        assert_eq!(kept.store.staged_buckets().await.unwrap(), Vec::<u32>::new());
        // Nothing is left to do.
        assert_eq!(kept.pass().await.compacted, 0);
    }

    async fn small_files_are_merged_and_the_old_ones_deleted_after_the_grace(place: Place) {
        let kept = Kept::new(&place).await;
        let track = fixes(1, ten(0, 40_000));
        for part in track.chunks(500) {
            kept.stage(part, 50).await;
            kept.keeper().pass().await.unwrap();
        }
        assert_eq!(kept.track(1).await, track);
        // The day is over and has been quiet for long: one file is left.
        kept.clock.advance(Span::from_hours(72));
        kept.pass().await;
        let files = kept.catalogue().await;
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].fixes, 4000);
        assert_eq!(kept.track(1).await, track);
        assert!(kept.files().len() > 1, "readers may still be on the others");
        kept.clock.advance(Span::from_minutes(11));
        assert!(kept.pass().await.files_deleted > 0);
        assert_eq!(kept.files().len(), 1);
        assert_eq!(kept.track(1).await, track);
    }

    async fn a_day_with_a_trickle_of_late_data_stays_at_a_few_files(place: Place) {
        let kept = Kept::new(&place).await;
        kept.stage(&fixes(1, ten(0, 30_000)), 100).await;
        kept.clock.advance(Span::from_hours(24));
        kept.pass().await;
        let mut track = fixes(1, ten(0, 30_000));
        let (mut known, mut written) = (BTreeSet::new(), 0);
        // Now every hour, now with a pause that looks like the end of it.
        for round in 0..60 {
            let piece = fixes(1, ten(round * 400 + 5, round * 400 + 205));
            kept.stage(&piece, 50).await;
            track.extend(piece);
            kept.clock.advance(Span::from_hours(if round % 5 == 4 { 7 } else { 1 }));
            kept.pass().await;
            let files = kept.catalogue().await;
            assert!(files.len() <= 4, "{} files", files.len());
            for file in files {
                if known.insert(file.path) {
                    written += file.fixes;
                }
            }
        }
        // Were the day written anew every time, it would be fifty times.
        assert!(written < 4 * track.len() as u64, "{written} fixes written");
        track.sort_by_key(|fix| fix.time);
        assert_eq!(kept.track(1).await, track);
        kept.clock.advance(Span::from_hours(72));
        kept.pass().await;
        assert_eq!(kept.catalogue().await.len(), 1, "nothing comes any more");
        assert_eq!(kept.track(1).await, track);
    }

    async fn late_and_repeated_fixes_are_kept_once_and_contradictions_flagged(place: Place) {
        let kept = Kept::new(&place).await;
        let track = fixes(1, ten(0, 5_000));
        kept.stage(&track, 100).await;
        kept.pass().await;
        let mut again = track[100..200].to_vec();
        for fix in &mut again {
            fix.received = fix.received + Span::from_hours(5);
        }
        let contradiction = Fix { position: Position::default(), ..again[50] };
        again[50] = contradiction;
        let late = fixes(1, [5, 15, 25]);
        kept.stage(&[again, late.clone()].concat(), 40).await;
        kept.pass().await;
        let mut expected = [track.clone(), late].concat();
        expected.sort_by_key(|fix| fix.time);
        assert_eq!(kept.track(1).await, expected);
        kept.clock.advance(Span::from_hours(72));
        kept.pass().await;
        assert_eq!(kept.track(1).await, expected);
        let files = kept.catalogue().await;
        assert_eq!(files.iter().map(|file| file.fixes).sum::<u64>(), expected.len() as u64 + 1);
        let found: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM contradictions WHERE at = $1")
            .bind(contradiction.time.millis())
            .fetch_one(&mut place.raw().await)
            .await
            .unwrap();
        assert_eq!(found, 1);
        assert!(!expected.iter().any(|fix| fix.quality.contains(Quality::CONTRADICTION)));
    }

    async fn a_fix_of_a_wrong_clock_stands_behind_the_one_that_was_there(place: Place) {
        let kept = Kept::new(&place).await;
        // Hours before, a terminal whose clock was ahead said these times, of other places but for one.
        let track = fixes(1, ten(30_000, 31_000));
        let mut ahead = track.clone();
        for fix in &mut ahead[1..] {
            fix.position = Position::default();
        }
        for fix in &mut ahead {
            fix.received = fix.received - Span::from_hours(8);
            fix.quality = fix.quality.with(Quality::CLOCK);
        }
        kept.stage(&ahead, 50).await;
        kept.pass().await;
        kept.stage(&track, 30).await;
        assert_eq!(kept.track(1).await, track);
        // In files of their own, in one file, and merged with what comes later.
        kept.pass().await;
        assert_eq!(kept.track(1).await, track);
        kept.clock.advance(Span::from_hours(72));
        kept.pass().await;
        assert_eq!(kept.catalogue().await.len(), 1);
        assert_eq!(kept.track(1).await, track);
        kept.stage(&[ahead, track.clone()].concat(), 1000).await;
        kept.pass().await;
        kept.clock.advance(Span::from_hours(72));
        kept.pass().await;
        let files = kept.catalogue().await;
        assert_eq!((files.len(), files[0].fixes), (1, 2 * 100 - 1));
        assert_eq!(kept.track(1).await, track);
        let found: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM contradictions")
            .fetch_one(&mut place.raw().await)
            .await
            .unwrap();
        assert_eq!(found, 0, "nobody believed the other time");
    }

    async fn a_crash_between_file_and_catalogue_leaves_an_orphan_that_is_swept(place: Place) {
        let kept = Kept::new(&place).await;
        let track = fixes(1, ten(0, 5_000));
        kept.stage(&track, 100).await;
        kept.pass().await;
        // A file that no transaction named.
        let orphan = kept.files()[0].with_file_name("orphan.parquet");
        std::fs::copy(&kept.files()[0], &orphan).unwrap();
        let kept = kept.restart(&place).await;
        assert_eq!(kept.track(1).await, track);
        // Files are as old as the machine's clock says.
        kept.clock.advance(Span::from_hours(24 * 365 * 20));
        assert_eq!(kept.pass().await.orphans_deleted, 1);
        assert!(!orphan.exists());
    }

    async fn six_calendar_months_are_kept_and_holds_win(place: Place) {
        let kept = Kept::new(&place).await;
        let held = fixes(1, ten(0, 5_000));
        kept.stage(&held, 100).await;
        kept.stage(&fixes(2, ten(0, 5_000)), 100).await;
        kept.store.set_hold(&hold(1, Some(at(1000)), Some(at(2000)))).await.unwrap();
        kept.pass().await;
        // 2027-05-21 is the last day on which 2026-11-21 is kept.
        kept.clock.advance(Span::from_hours(24 * 179 + 11));
        assert_eq!(kept.pass().await.fixes_purged, 0);
        assert_eq!(kept.track(2).await.len(), 500);
        kept.clock.advance(Span::from_hours(25));
        assert_eq!(kept.pass().await.fixes_purged, 900);
        assert_eq!(kept.track(1).await, &held[100..200]);
        assert_eq!(kept.track(2).await, []);
        assert_eq!(kept.pass().await.fixes_purged, 0);
        let counted: (i64, i64) = sqlx::query_as("SELECT CAST(SUM(fixes) AS BIGINT), CAST(SUM(fixes_held) AS BIGINT) FROM track_purges")
            .fetch_one(&mut place.raw().await)
            .await
            .unwrap();
        assert_eq!(counted, (900, 100));
        // A lifted hold keeps nothing.
        assert_eq!(kept.store.holds(&HoldFilter::default()).await.unwrap().len(), 1);
        assert_eq!(kept.store.lift_holds("案2026-7", None, at(1)).await.unwrap(), 1);
        assert_eq!(kept.pass().await.fixes_purged, 100);
        assert_eq!(kept.track(1).await, []);
    }

    async fn a_hold_that_is_set_while_a_file_is_purged_wins(place: Place) {
        let kept = Kept::new(&place).await;
        kept.stage(&fixes(1, ten(0, 5_000)), 100).await;
        kept.pass().await;
        let purge = |holds: &[&str]| {
            let replaced = kept.files().into_iter().map(|path| {
                let path = path.strip_prefix(kept.folder()).unwrap();
                path.display().to_string()
            });
            roadwarden::store::ArchiveChange {
                replaced: replaced.collect(),
                purge: Some(Purge { files: 1, fixes: 500, ..Purge::default() }),
                holds: holds.iter().map(|hold| (*hold).to_owned()).collect(),
                ..Default::default()
            }
        };
        // Of another vehicle, and of another time, first and last fix being at 0 and 4990: none of its business.
        kept.store.set_hold(&hold(2, None, None)).await.unwrap();
        for (id, from, to) in [("before", None, Some(at(0))), ("after", Some(at(4991)), None)] {
            let elsewhen = Hold { id: id.to_owned(), ..hold(1, from, to) };
            kept.store.set_hold(&elsewhen).await.unwrap();
        }
        kept.store.set_hold(&hold(1, Some(at(4990)), None)).await.unwrap();
        let error = kept.store.commit_archive(&purge(&[])).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict { .. }), "{error:?}");
        assert_eq!(kept.track(1).await.len(), 500);
        kept.store.commit_archive(&purge(&["h1"])).await.unwrap();
        assert_eq!(kept.track(1).await, []);
    }

    async fn a_damaged_file_is_named_with_what_it_held_and_the_rest_stays_readable(place: Place) {
        let kept = Kept::new(&place).await;
        kept.stage(&fixes(1, ten(0, 5_000)), 100).await;
        kept.stage(&fixes(1, ten(90_000, 95_000)), 100).await;
        kept.pass().await;
        assert!(kept.archive.verify(&kept.store).await.unwrap().problems.is_empty());
        let files = kept.catalogue().await;
        assert_eq!(files.len(), 2);
        let damaged = kept.folder().join(&files[0].path);
        let good = std::fs::read(&damaged).unwrap();
        let mut flipped = good.clone();
        let middle = flipped.len() / 3;
        flipped[middle] ^= 0x55;
        for (bytes, wrong) in [
            (Some(flipped), "checksum"),
            (Some(good[..good.len() - 10].to_vec()), "bytes"),
            (Some(Vec::new()), "bytes"),
            (None, ""),
        ] {
            match bytes {
                Some(bytes) => std::fs::write(&damaged, bytes).unwrap(),
                None => std::fs::remove_file(&damaged).unwrap(),
            }
            let verified = kept.archive.verify(&kept.store).await.unwrap();
            assert_eq!(verified.problems.len(), 1);
            assert_eq!(verified.problems[0].file, files[0]);
            assert!(verified.problems[0].problem.contains(wrong), "{:?}", verified.problems);
            assert_eq!(verified.fixes, files[1].fixes);
            let rest = kept.store.track(VehicleId(1), at(86_400), at(200_000)).await.unwrap();
            assert_eq!(rest.len(), 500);
        }
        // Read by a process that has not seen its footer before.
        let kept = kept.restart(&place).await;
        let error = kept.store.track(VehicleId(1), at(0), at(86_400)).await.unwrap_err();
        assert!(matches!(error, StoreError::ArchiveDamaged { ref file, .. } if *file == files[0].path), "{error:?}");
    }

    async fn a_file_or_chunk_cannot_be_replaced_twice(place: Place) {
        let kept = Kept::new(&place).await;
        kept.stage(&[fix(1, 0)], 1).await;
        kept.pass().await;
        let change = roadwarden::store::ArchiveChange {
            at: at(0),
            replaced: vec![kept.catalogue().await[0].path.clone()],
            ..Default::default()
        };
        kept.store.commit_archive(&change).await.unwrap();
        let error = kept.store.commit_archive(&change).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict { .. }));
    }
}
