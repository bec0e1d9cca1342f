//! A damaged or missing file costs what it held and nothing else.

use roadwarden::model::{Fix, Span, Timestamp, VehicleId};
use roadwarden::store::{LostStretch, StoreError, TrackFile};

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

on_both_engines! {
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
