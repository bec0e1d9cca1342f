//! The journal.

use roadwarden::store::{Flush, StoreError};

use super::samples::{folder, snapshot, upsert, violation, violations};
use super::support::{Place, on_both_engines};

on_both_engines! {
    async fn records_come_back_in_order(place: Place) {
        let store = place.owner().await;
        let journal = place.journal(&store).await;
        assert_eq!(journal.last_sequence().await.unwrap(), 0);
        assert_eq!(journal.read_from(0, 1000).await.unwrap(), []);
        for n in 1..=100_u8 {
            let sequence = journal.append(vec![n; usize::from(n)], n.into()).await.unwrap();
            assert_eq!(sequence, u64::from(n));
        }
        let mut next = 1;
        let mut reads = 0;
        loop {
            let records = journal.read_from(next, 500).await.unwrap();
            let Some(last) = records.last() else { break };
            let bytes: usize = records.iter().map(|record| record.bytes.len()).sum();
            assert!(bytes <= 500);
            for record in &records {
                assert_eq!(record.bytes, vec![next.to_le_bytes()[0]; usize::try_from(next).unwrap()]);
                assert_eq!(u64::from(record.fixes), record.sequence);
                assert_eq!(record.sequence, next);
                next += 1;
            }
            assert_eq!(last.sequence + 1, next);
            reads += 1;
        }
        assert_eq!(next, 101);
        assert!((11..=20).contains(&reads), "{reads}");
        // One record longer than the bound is still read.
        assert_eq!(journal.read_from(50, 1).await.unwrap().len(), 1);
        assert_eq!(journal.last_sequence().await.unwrap(), 100);
    }

    async fn trimming_keeps_the_newest(place: Place) {
        let store = place.owner().await;
        let journal = place.journal(&store).await;
        for _ in 0..150 {
            journal.append(vec![7; 100], 1).await.unwrap();
        }
        journal.trim(70).await.unwrap();
        assert_eq!(journal.read_from(0, 1).await.unwrap()[0].sequence, 71);
        journal.trim(u64::MAX).await.unwrap();
        let left = journal.read_from(0, usize::MAX).await.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].sequence, 150);
        journal.close().await;
        let journal = place.journal(&store).await;
        assert_eq!(journal.append(vec![1], 1).await.unwrap(), 151);
    }

    async fn sequences_go_on_above_what_the_store_has_seen(place: Place) {
        let store = place.owner().await;
        let flush = Flush {
            vehicles: vec![snapshot(1, 41, &[])],
            journal_position: 30,
            ..Flush::default()
        };
        store.commit_flush(&flush).await.unwrap();
        // As if the journal's file had been lost: a low sequence would be taken for seen.
        let journal = place.journal(&store).await;
        assert_eq!(journal.append(vec![1], 1).await.unwrap(), 42);
    }

    async fn another_writer_is_noticed(place: Place) {
        let store = place.owner().await;
        let journal = place.journal(&store).await;
        let other = place.journal(&store).await;
        assert_eq!(journal.append(vec![1], 1).await.unwrap(), 1);
        let refused = other.append(vec![2], 1).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
        // It looks again and goes on.
        assert_eq!(other.append(vec![2], 1).await.unwrap(), 2);
    }

    async fn appends_and_flushes_go_on_side_by_side(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        let journal = place.journal(&store).await;
        let appending = {
            let journal = journal.clone();
            tokio::spawn(async move {
                for n in 1..=200_u64 {
                    assert_eq!(journal.append(vec![1; 5000], 100).await.unwrap(), n);
                }
            })
        };
        for n in 0..20_u32 {
            let mut flush = violations(vec![upsert(&n.to_string(), "e1", violation(1, n.into()))]);
            flush.vehicles = (0..200).map(|vehicle| snapshot(vehicle, n.into(), &[])).collect();
            flush.journal_position = u64::from(n);
            store.commit_flush(&flush).await.unwrap();
            journal.trim(u64::from(n)).await.unwrap();
        }
        appending.await.unwrap();
        assert_eq!(journal.last_sequence().await.unwrap(), 200);
        assert_eq!(store.journal_position().await.unwrap(), 19);
        assert_eq!(journal.read_from(0, 1).await.unwrap()[0].sequence, 20);
    }
}
