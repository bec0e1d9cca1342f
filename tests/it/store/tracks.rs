//! The stored track.

use roadwarden::model::{Fix, Position, Span, VehicleId};
use roadwarden::store::{Flush, Store, StoreError};

use super::samples::{at, chunk, fix, fixes, snapshot};
use super::support::{Place, on_both_engines};

async fn put(store: &Store, chunks: &[(&[Fix], bool)], tail: &[Fix]) {
    let flush = Flush {
        chunks: chunks
            .iter()
            .map(|(fixes, late)| chunk(fixes, *late))
            .collect(),
        vehicles: vec![snapshot(1, 1, tail)],
        ..Flush::default()
    };
    store.commit_flush(&flush).await.unwrap();
}

fn seconds(fixes: &[Fix]) -> Vec<i64> {
    fixes
        .iter()
        .map(|fix| (fix.time.millis() - at(0).millis()) / 1000)
        .collect()
}

on_both_engines! {
    async fn chunks_and_tail_are_one_sorted_track(place: Place) {
        let store = place.owner().await;
        let early = fixes(1, [0, 10, 20, 60, 70]);
        let late = fixes(1, [50, 30, 40]);
        let tail = fixes(1, [80, 90]);
        put(&store, &[(&early, false), (&late, true)], &tail).await;
        let track = store.track(VehicleId(1), at(0), at(1000)).await.unwrap();
        assert_eq!(track, fixes(1, (0..100).step_by(10)));
        // The period is from inclusive, to exclusive.
        let part = store.track(VehicleId(1), at(20), at(80)).await.unwrap();
        assert_eq!(seconds(&part), [20, 30, 40, 50, 60, 70]);
        assert_eq!(store.track(VehicleId(2), at(0), at(1000)).await.unwrap(), []);
        assert_eq!(store.track(VehicleId(1), at(80), at(80)).await.unwrap(), []);
    }

    async fn the_first_received_of_one_fix_time_stays(place: Place) {
        let store = place.owner().await;
        let first = fix(1, 10);
        let mut second = first;
        second.received = first.received + Span::from_seconds(100);
        second.position = Position::default();
        put(&store, &[(&[second], true), (&[first], false)], &[second]).await;
        assert_eq!(store.track(VehicleId(1), at(0), at(1000)).await.unwrap(), [first]);
        assert_eq!(store.find_fix(VehicleId(1), at(10)).await.unwrap(), Some(first));
        assert_eq!(store.find_fix(VehicleId(1), at(11)).await.unwrap(), None);
    }

    async fn pages_of_a_long_track_are_the_track(place: Place) {
        let store = place.owner().await;
        let all = fixes(1, 0..3000);
        let mut chunks: Vec<(&[Fix], bool)> = all.chunks(20).map(|part| (part, false)).collect();
        let late = fixes(1, (5..2500).step_by(17));
        chunks.push((&late, true));
        put(&store, &chunks, &all[2990..]).await;
        assert_eq!(store.track(VehicleId(1), at(0), at(5000)).await.unwrap(), all);
        for limit in [1, 100, 999] {
            let mut found = Vec::new();
            let mut pages = 0;
            let mut next = Some(at(7));
            while let Some(from) = next {
                let page = store
                    .track_page(VehicleId(1), from, at(2950), limit)
                    .await
                    .unwrap();
                found.extend(page.fixes);
                next = page.next;
                pages += 1;
            }
            assert_eq!(found, all[7..2950]);
            assert!(pages > 1, "{pages}");
        }
    }

    async fn a_damaged_chunk_is_said_to_be_one(place: Place) {
        let store = place.owner().await;
        put(&store, &[(&fixes(1, [0, 10]), false), (&fixes(1, [20, 30]), false)], &[]).await;
        let mut raw = place.raw().await;
        sqlx::query("UPDATE track_chunks SET bytes = $1 WHERE id = 1")
            .bind(&[99_u8, 1][..])
            .execute(&mut raw)
            .await
            .unwrap();
        let error = store.track(VehicleId(1), at(0), at(99)).await.unwrap_err();
        assert!(matches!(error, StoreError::ArchiveDamaged { ref file, .. } if file == "staged chunk 1"), "{error:?}");
        assert_eq!(store.track(VehicleId(1), at(11), at(99)).await.unwrap(), fixes(1, [20, 30]));
        // Those who can do without are told what is missing.
        let page = store.readable_page(VehicleId(1), at(5), at(99), 100).await.unwrap();
        assert_eq!(page.fixes, fixes(1, [20, 30]));
        let lost: Vec<_> = page.lost.iter().map(|lost| (lost.from, lost.to)).collect();
        assert_eq!(lost, [(at(5), at(10) + Span::from_millis(1))]);
    }
}
