//! A damaged or missing file, or a damaged chunk, costs what it held and nothing else.

use roadwarden::model::{Fix, Span, Timestamp, VehicleId};
use roadwarden::store::{LostStretch, StoreError, TrackFile};
use roadwarden::track::encode_run;

use super::support::Kept;
use crate::store::samples::{at, fixes, upsert, violation, violations};
use crate::store::support::{Place, on_both_engines};

/// Vehicle 1 from a second to another, every ten seconds.
fn driven(from: i64, to: i64) -> Vec<Fix> {
    fixes(1, (from..to).step_by(10))
}

/// What can be read of vehicle 1, in pages of so many fixes, and what cannot.
async fn readable(kept: &Kept, limit: usize) -> (Vec<Fix>, Vec<LostStretch>) {
    let (mut found, mut lost): (Vec<Fix>, Vec<LostStretch>) = (Vec::new(), Vec::new());
    let mut next = Some(at(0));
    while let Some(from) = next {
        let page = kept
            .store
            .readable_page(VehicleId(1), from, at(400_000), limit)
            .await
            .unwrap();
        found.extend(page.fixes);
        for piece in page.lost {
            match lost.last_mut() {
                Some(before) if before.file == piece.file && before.to == piece.from => {
                    before.to = piece.to;
                }
                _ => lost.push(piece),
            }
        }
        next = page.next;
    }
    (found, lost)
}

fn held(file: &TrackFile) -> (String, Timestamp, Timestamp) {
    let after = file.times.1 + Span::from_millis(1);
    (file.path.clone(), file.times.0, after)
}

/// The bytes of the chunk of vehicle 1 that begins at a second, which are then replaced.
async fn replace_chunk(place: &Place, second: i64, bytes: &[u8]) -> Vec<u8> {
    let mut raw = place.raw().await;
    let old =
        sqlx::query_scalar("SELECT bytes FROM track_chunks WHERE vehicle_id = 1 AND first_at = $1")
            .bind(at(second).millis())
            .fetch_one(&mut raw)
            .await
            .unwrap();
    sqlx::query("UPDATE track_chunks SET bytes = $1 WHERE vehicle_id = 1 AND first_at = $2")
        .bind(bytes)
        .bind(at(second).millis())
        .execute(&mut raw)
        .await
        .unwrap();
    old
}

on_both_engines! {
    async fn a_damaged_chunk_stays_and_the_others_are_archived(place: Place) {
        let kept = Kept::new(&place).await;
        // The earliest of a day, all there is of a day, and sound ones before, beside and behind them.
        let whole = [driven(0, 5000), driven(200_000, 200_500), driven(300_000, 305_000)].concat();
        let other = fixes(2, (0..5000).step_by(10));
        let far = fixes(700, (90_000..95_000).step_by(10));
        for track in [&whole[..500], &whole[500..550], &whole[550..], &other, &far] {
            kept.stage(track, 100).await;
        }
        let good = [
            (0, replace_chunk(&place, 0, &[99, 1]).await),
            // Whole fixes, but not all of them, and as many, but others.
            (200_000, replace_chunk(&place, 200_000, &encode_run(&whole[500..510])).await),
            (300_000, replace_chunk(&place, 300_000, &encode_run(&whole[..100])).await),
        ];
        let pass = kept.pass().await;
        assert_eq!((pass.compacted, pass.chunks_damaged), (2050 - 250, 3), "{pass:?}");
        assert_eq!(kept.store.staged_buckets().await.unwrap(), [0]);
        assert_eq!(kept.track(2).await, other);
        assert_eq!(kept.track(700).await, far);
        let (found, lost) = readable(&kept, 130).await;
        assert_eq!(found, [&whole[100..500], &whole[650..]].concat());
        let lost: Vec<_> = lost.into_iter().map(|lost| (lost.from, lost.to)).collect();
        let after = |second| at(second) + Span::from_millis(1);
        assert_eq!(lost, [(at(0), after(990)), (at(200_000), after(200_490)), (at(300_000), after(300_990))]);
        let (checked, damaged) = kept.store.check_staged().await.unwrap();
        let damaged: Vec<_> = damaged.into_iter().map(|chunk| (chunk.key.first, chunk.fixes)).collect();
        assert_eq!((checked, damaged), (3, vec![(at(0), 100), (at(200_000), 50), (at(300_000), 100)]));
        // What comes later, of these days too, is archived beside them.
        let late = fixes(1, [5, 200_005, 300_005]);
        kept.stage(&late, 1).await;
        let pass = kept.pass().await;
        assert_eq!((pass.compacted, pass.chunks_damaged), (3, 3));
        // Mended, they are archived like all others.
        for (second, bytes) in good {
            replace_chunk(&place, second, &bytes).await;
        }
        let pass = kept.pass().await;
        assert_eq!((pass.compacted, pass.chunks_damaged), (250, 0));
        let mut expected = [whole, late].concat();
        expected.sort_by_key(|fix| fix.time);
        assert_eq!(kept.track(1).await, expected);
        assert_eq!(kept.store.staged_buckets().await.unwrap(), Vec::<u32>::new());
    }

    async fn the_rest_of_a_track_is_given_and_the_loss_is_told(place: Place) {
        let kept = Kept::new(&place).await;
        for part in [driven(0, 5000), driven(5000, 9000), driven(90_000, 95_000)] {
            kept.stage(&part, 100).await;
            kept.pass().await;
        }
        let files = kept.catalogue().await;
        assert_eq!(files.len(), 3);
        let lost = files.iter().find(|file| file.times.0 == at(0)).unwrap();
        let path = kept.folder().join(&lost.path);
        let good = std::fs::read(&path).unwrap();
        let rest = [driven(5000, 9000), driven(90_000, 95_000)].concat();
        for bytes in [None, Some(&good[..good.len() / 2]), Some(&b"PAR1"[..])] {
            match bytes {
                Some(bytes) => std::fs::write(&path, bytes).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
            for limit in [20_000, 130] {
                let (found, told) = readable(&kept, limit).await;
                assert_eq!(found, rest, "pages of {limit}");
                let told: Vec<_> = told.into_iter().map(|l| (l.file, l.from, l.to)).collect();
                assert_eq!(told, [held(lost)], "pages of {limit}");
            }
            let whole = kept.store.track(VehicleId(1), at(0), at(400_000)).await.unwrap_err();
            assert!(matches!(whole, StoreError::ArchiveDamaged { ref file, .. } if *file == lost.path));
        }
        // Put back, it is read as before.
        std::fs::write(&path, good).unwrap();
        let (found, told) = readable(&kept, 20_000).await;
        assert_eq!((found.len(), told.len()), (500 + rest.len(), 0));
    }

    async fn the_other_files_of_its_day_are_merged(place: Place) {
        let kept = Kept::new(&place).await;
        for part in driven(0, 8000).chunks(100) {
            kept.stage(part, 50).await;
            // A day that goes on is not merged before it has many files.
            if kept.catalogue().await.len() < 3 {
                kept.pass().await;
            }
        }
        let lost = kept.catalogue().await.remove(0);
        let path = kept.folder().join(&lost.path);
        let good = std::fs::read(&path).unwrap();
        std::fs::write(&path, &good[..100]).unwrap();
        kept.pass().await;
        kept.clock.advance(Span::from_hours(24));
        let pass = kept.pass().await;
        assert!(pass.damaged > 0 && pass.files_merged > 1, "{pass:?}");
        let files = kept.catalogue().await;
        assert_eq!(files.len(), 2, "{files:?}");
        assert!(files.contains(&lost));
        assert_eq!(kept.archive.verify(&kept.store).await.unwrap().problems.len(), 1);
        std::fs::write(&path, good).unwrap();
        kept.pass().await;
        assert_eq!(kept.track(1).await, driven(0, 8000));
        assert!(kept.archive.verify(&kept.store).await.unwrap().problems.is_empty());
    }

    async fn evidence_of_other_violations_is_kept_and_checked(place: Place) {
        let kept = Kept::new(&place).await;
        kept.stage(&driven(0, 5000), 100).await;
        kept.stage(&driven(90_000, 95_000), 100).await;
        kept.pass().await;
        let files = kept.catalogue().await;
        let ended = |second| {
            let mut ended = violation(1, second);
            ended.ended_at = Some(ended.evidence.last_fix);
            ended
        };
        let flush = violations(vec![upsert("v1", "e1", ended(1000)), upsert("v2", "e1", ended(91_000))]);
        kept.store.commit_flush(&flush).await.unwrap();
        let path = kept.folder().join(&files[0].path);
        let good = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let due = at(40 * 3600);
        assert_eq!(kept.store.keep_evidence(due, 10).await.unwrap(), 2);
        assert_eq!(kept.store.keep_evidence(due, 10).await.unwrap(), 0, "it is not tried at once");
        assert!(kept.store.evidence("v2", due).await.unwrap().1.kept);
        let error = kept.store.evidence("v1", due).await.unwrap_err();
        assert!(matches!(error, StoreError::ArchiveDamaged { .. }), "{error:?}");
        // The file is put back: what waited is kept.
        std::fs::write(&path, good).unwrap();
        let due = due + Span::from_hours(2);
        assert_eq!(kept.store.keep_evidence(due, 10).await.unwrap(), 1);
        assert!(kept.store.evidence("v1", due).await.unwrap().1.kept);
        // What is kept holds without the track that it was copied from.
        std::fs::write(&path, b"PAR1").unwrap();
        assert_eq!(kept.store.check_evidence().await.unwrap(), (2, Vec::new()));
    }
}
