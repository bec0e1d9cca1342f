//! Reading while the archive is kept: no gap and no double, at any moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use roadwarden::model::{Span, VehicleId};
use roadwarden::store::Store;

use super::support::Kept;
use crate::store::samples::{at, fixes, snapshot};
use crate::store::support::{Place, on_both_engines};

/// Flushes of the hammered story.
const ROUNDS: i64 = 60;
/// Fixes of a flush: some go to chunks, the last to the tail.
const ROUND: i64 = 40;

/// Reads the track of vehicle 1 again and again: it always is the beginning of what was written, and never
/// less than what was there before the reading began.
async fn watch(store: Store, written: Arc<AtomicI64>, done: Arc<AtomicBool>, walk: bool) -> u64 {
    let mut readings = 0;
    while !done.load(Ordering::Acquire) {
        let least = written.load(Ordering::Acquire);
        let track = if walk {
            let mut fixes = Vec::new();
            let mut walk = store
                .walk_tracks(&[VehicleId(1)], at(0), at(200_000))
                .unwrap();
            while let Some(page) = walk.next_page().await.unwrap() {
                fixes.extend(page);
            }
            fixes
        } else {
            store.track(VehicleId(1), at(0), at(200_000)).await.unwrap()
        };
        let count = i64::try_from(track.len()).unwrap();
        assert!(count >= least, "{count} fixes read, {least} were there");
        assert_eq!(track, fixes(1, (0..count).map(|tick| tick * 60)));
        readings += 1;
    }
    readings
}

/// One flush of the story: chunks and tail, as a shard writes them, in one transaction.
async fn flush(store: &Store, round: i64) {
    let begin = round * ROUND;
    let chunked = fixes(1, (begin..begin + ROUND / 2).map(|tick| tick * 60));
    // The tail of the round before becomes a chunk.
    let tail_before = fixes(1, (begin - ROUND / 2..begin).map(|tick| tick * 60));
    let tail = fixes(1, (begin + ROUND / 2..begin + ROUND).map(|tick| tick * 60));
    let mut chunks = vec![crate::store::samples::chunk(&chunked, false)];
    if round > 0 {
        chunks.push(crate::store::samples::chunk(&tail_before, false));
    }
    let flush = roadwarden::store::Flush {
        chunks,
        vehicles: vec![snapshot(1, round.cast_unsigned() + 1, &tail)],
        ..Default::default()
    };
    store.commit_flush(&flush).await.unwrap();
}

on_both_engines! {
    async fn readers_see_no_seam_while_the_archive_is_kept(place: Place) {
        let mut kept = Kept::new(&place).await;
        kept.settings.merge_files = 2;
        let (written, done) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicBool::new(false)));
        let readers: Vec<_> = [false, true]
            .map(|walk| {
                let (store, written, done) = (kept.store.clone(), Arc::clone(&written), Arc::clone(&done));
                tokio::spawn(watch(store, written, done, walk))
            })
            .into();
        let keeping = {
            let (keeper, done, clock) = (kept.keeper(), Arc::clone(&done), kept.clock.clone());
            tokio::spawn(async move {
                let mut passes = 0;
                while !done.load(Ordering::Acquire) {
                    keeper.pass().await.unwrap();
                    clock.advance(Span::from_seconds(30));
                    passes += 1;
                }
                passes
            })
        };
        for round in 0..ROUNDS {
            flush(&kept.store, round).await;
            written.store((round + 1) * ROUND, Ordering::Release);
        }
        done.store(true, Ordering::Release);
        for reader in readers {
            assert!(reader.await.unwrap() > 0);
        }
        assert!(keeping.await.unwrap() > 0);
        kept.pass().await;
        assert_eq!(kept.track(1).await, fixes(1, (0..ROUNDS * ROUND).map(|tick| tick * 60)));
    }

    async fn a_group_is_read_in_the_order_of_time(place: Place) {
        let kept = Kept::new(&place).await;
        let one = fixes(1, (0..4000).map(|tick| tick * 30));
        let two = fixes(2, (0..3000).map(|tick| tick * 40 + 5));
        let three = fixes(300, (0..10).map(|tick| tick * 9000));
        for part in [&one[..2000], &two[..1000], &three[..3]] {
            kept.stage(part, 64).await;
        }
        kept.pass().await;
        for part in [&one[2000..], &two[1000..], &three[3..]] {
            kept.stage(part, 64).await;
        }
        let vehicles = [VehicleId(1), VehicleId(2), VehicleId(300), VehicleId(9)];
        let mut walk = kept.store.walk_tracks(&vehicles, at(100), at(100_000)).unwrap();
        let mut found = Vec::new();
        while let Some(page) = walk.next_page().await.unwrap() {
            found.extend(page);
        }
        let mut expected = [one, two, three].concat();
        expected.retain(|fix| at(100) <= fix.time && fix.time < at(100_000));
        expected.sort_by_key(|fix| (fix.time, fix.vehicle));
        assert_eq!(found, expected);
    }

    async fn pages_of_a_track_in_files_are_the_track(place: Place) {
        let kept = Kept::new(&place).await;
        let all = fixes(1, (0..6000).map(|tick| tick * 45));
        kept.stage(&all[..4000], 100).await;
        kept.pass().await;
        kept.stage(&all[4000..5990], 100).await;
        kept.set_tail(1, &all[5990..]).await;
        for limit in [1000, 7, 20_000] {
            let (mut found, mut next) = (Vec::new(), Some(at(17)));
            let to = if limit == 7 { at(40_000) } else { at(300_000) };
            while let Some(from) = next {
                let page = kept.store.track_page(VehicleId(1), from, to, limit).await.unwrap();
                found.extend(page.fixes);
                next = page.next;
            }
            let mut expected = all[1..].to_vec();
            expected.retain(|fix| fix.time < to);
            assert_eq!(found, expected, "pages of {limit}");
        }
    }
}
