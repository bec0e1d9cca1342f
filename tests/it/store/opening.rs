//! Opening, owning and migrating.

use roadwarden::store::{Role, Store, StoreError, StoreOptions};
use sqlx::Row as _;

use super::samples::folder;
use super::support::{Place, on_both_engines};

/// Versions of the migrations that were applied.
async fn migrations(place: &Place) -> Vec<i64> {
    let mut raw = place.raw().await;
    sqlx::query_scalar("SELECT version FROM _sqlx_migrations ORDER BY version")
        .fetch_all(&mut raw)
        .await
        .unwrap()
}

on_both_engines! {
    async fn migrations_apply_twice_harmlessly(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        let before = store.load_registry().await.unwrap();
        let applied = migrations(&place).await;
        store.close().await;
        let store = place.owner().await;
        assert_eq!(store.load_registry().await.unwrap(), before);
        assert_eq!(migrations(&place).await, applied);
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
        assert_eq!(applied.len(), files.count());
    }

    async fn looking_for_a_database_makes_none(place: Place) {
        assert!(!Store::exists(&place.url).await.unwrap());
        let file = place.url.strip_prefix("sqlite:");
        assert!(file.is_none_or(|path| !std::path::Path::new(path).exists()));
        place.owner().await.close().await;
        assert!(Store::exists(&place.url).await.unwrap());
    }

    async fn many_may_open_a_new_database_at_once(place: Place) {
        let openings: Vec<_> = (0..6)
            .map(|_| {
                let place = place.clone();
                tokio::spawn(async move { place.guest().await })
            })
            .collect();
        for opening in openings {
            assert_eq!(opening.await.unwrap().registry_version().await.unwrap(), 0);
        }
    }

    async fn one_process_owns_a_database(place: Place) {
        let owner = place.owner().await;
        let options = StoreOptions::new(&place.url, Role::Owner);
        let refused = Store::open(&options).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
        // A command beside the server is welcome.
        let guest = place.guest().await;
        guest.import_fleet(&folder()).await.unwrap();
        assert_eq!(owner.registry_version().await.unwrap(), 1);
        owner.check().await.unwrap();
        owner.close().await;
        drop(owner);
        place.owner().await;
    }

    async fn an_owner_that_is_dropped_frees_the_database(place: Place) {
        let owner = place.owner().await;
        drop(owner);
        // A session of a server ends a moment after its socket.
        let options = StoreOptions::new(&place.url, Role::Owner);
        while let Err(error) = Store::open(&options).await {
            assert!(matches!(error, StoreError::Conflict { .. }), "{error:?}");
            tokio::task::yield_now().await;
        }
    }

    async fn bytes_and_absent_values_come_back(place: Place) {
        let store = place.owner().await;
        let mut raw = place.raw().await;
        sqlx::query("INSERT INTO vehicle_states VALUES ($1, $2, $3, $4)")
            .bind(7_i64)
            .bind(i64::MAX)
            .bind(&[0_u8, 255, 128][..])
            .bind(&[][..] as &[u8])
            .execute(&mut raw)
            .await
            .unwrap();
        let row = sqlx::query(
            "SELECT state, tail, NULLIF(tail, tail), journal_sequence FROM vehicle_states",
        )
        .fetch_one(&mut raw)
        .await
        .unwrap();
        assert_eq!(row.get::<Vec<u8>, _>(0), [0, 255, 128]);
        assert_eq!(row.get::<Vec<u8>, _>(1), Vec::<u8>::new());
        assert_eq!(row.get::<Option<Vec<u8>>, _>(2), None);
        assert_eq!(row.get::<i64, _>(3), i64::MAX);
        store.close().await;
    }
}

#[test]
fn a_database_in_memory_is_refused() {
    super::support::on_sqlite(|_| async {
        let options = StoreOptions::new("sqlite::memory:", Role::Owner);
        let refused = Store::open(&options).await;
        assert!(
            matches!(refused, Err(StoreError::Conflict { .. })),
            "{refused:?}"
        );
    });
}
