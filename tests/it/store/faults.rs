//! Read-only databases, busy ones and lost ones. A full one is tested beside the engine.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use roadwarden::model::VehicleId;
use roadwarden::store::{Flush, Hold, Role, Store, StoreError, StoreOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use super::samples::{at, folder, plate};
use super::support::{Place, on_both_engines, on_postgres, on_sqlite};

async fn open(url: String, role: Role) -> Result<Store, StoreError> {
    Store::open(&StoreOptions::new(url, role)).await
}

fn hold(id: &str) -> Hold {
    Hold {
        id: id.to_owned(),
        case_no: "c1".to_owned(),
        vehicle: VehicleId(1),
        plate: plate("湘A12345"),
        reason: "accident".to_owned(),
        from: None,
        to: None,
        set_at: at(0),
        lifted_at: None,
    }
}

/// Lets a future get on by so many turns, then drops it.
async fn give_up<F: Future>(future: F, turns: usize) {
    let mut future = Box::pin(future);
    for _ in 0..turns {
        let ended = poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await;
        if ended {
            return;
        }
        tokio::time::sleep(Duration::from_micros(50)).await;
    }
}

on_both_engines! {
    async fn who_gives_up_leaves_no_transaction_behind(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        for turns in 0..12 {
            give_up(store.commit_flush(&Flush::default()), turns).await;
            // Statements outside of a transaction, on every connection.
            let holds: Vec<_> = (0..4).map(|number| hold(&format!("{turns} {number}"))).collect();
            for set in futures_util::future::join_all(holds.iter().map(|hold| store.set_hold(hold))).await {
                set.unwrap();
            }
        }
        let mut raw = place.raw().await;
        let seen: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM legal_holds")
            .fetch_one(&mut raw)
            .await
            .unwrap();
        assert_eq!(seen, 48);
    }

    async fn a_healthy_store_checks_out(place: Place) {
        let store = place.owner().await;
        store.check().await.unwrap();
        store.import_fleet(&folder()).await.unwrap();
        store.check().await.unwrap();
        assert_eq!(store.registry_version().await.unwrap(), 1);
    }
}

#[test]
fn a_read_only_sqlite_reads_and_says_that_it_is_read_only() {
    on_sqlite(|place: Place| async move {
        place.owner().await.import_fleet(&folder()).await.unwrap();
        let store = open(format!("{}?mode=ro", place.url), Role::Guest)
            .await
            .unwrap();
        assert_eq!(store.load_registry().await.unwrap().vehicles.len(), 3);
        for refused in [
            store.import_fleet(&folder()).await.map(drop),
            store.check().await,
            store.commit_flush(&Flush::default()).await,
        ] {
            assert!(
                matches!(refused, Err(StoreError::ReadOnly { .. })),
                "{refused:?}"
            );
        }
    });
}

#[test]
fn a_read_only_postgres_says_that_it_is_read_only() {
    on_postgres(|place: Place| async move {
        place.owner().await.close().await;
        let url = format!("{}&options[default_transaction_read_only]=on", place.url);
        let refused = open(url, Role::Guest).await;
        assert!(
            matches!(refused, Err(StoreError::ReadOnly { .. })),
            "{refused:?}"
        );
    });
}

#[test]
fn a_lock_that_is_held_too_long_is_busy() {
    on_postgres(|place: Place| async move {
        let url = format!("{}&options[lock_timeout]=20", place.url);
        // Migrations of all tests share one lock of the database.
        let store = loop {
            match open(url.clone(), Role::Owner).await {
                Ok(store) => break store,
                Err(error) => assert!(error.is_retryable(), "{error:?}"),
            }
        };
        store.import_fleet(&folder()).await.unwrap();
        let mut raw = place.raw().await;
        let mut holding = raw.begin().await.unwrap();
        holding
            .execute("UPDATE counters SET value = value")
            .await
            .unwrap();
        let busy = store.check().await.unwrap_err();
        assert!(busy.is_retryable(), "{busy:?}");
        holding.rollback().await.unwrap();
        store.check().await.unwrap();
    });
}

#[test]
fn a_server_that_drops_everyone_is_found_again() {
    on_postgres(|place: Place| async move {
        let name = format!("test-{}", uuid::Uuid::now_v7().simple());
        let url = format!("{}&application_name={name}", place.url);
        let store = open(url.clone(), Role::Owner).await.unwrap();
        let journal = place.journal(&store).await;
        journal.append(vec![1], 1).await.unwrap();
        store.commit_flush(&Flush::default()).await.unwrap();
        let mut raw = place.raw().await;
        let terminate = format!(
            "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE application_name = '{name}'"
        );
        raw.execute(AssertSqlSafe(terminate)).await.unwrap();
        // Each dead connection is noticed once; then everything works again, the lock included.
        let again = tokio::time::timeout(Duration::from_secs(20), async {
            while let Err(error) = store.check().await {
                assert!(error.is_retryable(), "{error:?}");
            }
            loop {
                match journal.append(vec![2], 1).await {
                    Ok(sequence) => break sequence,
                    Err(error) => assert!(error.is_retryable(), "{error:?}"),
                }
            }
        });
        assert_eq!(again.await.unwrap(), 2);
        let other = open(url, Role::Owner).await;
        assert!(
            matches!(other, Err(StoreError::Conflict { .. })),
            "{other:?}"
        );
    });
}
