//! A database for each test, on both engines.

use std::future::Future;
use std::panic::resume_unwind;
use std::time::Duration;

use roadwarden::journal::Journal;
use roadwarden::store::{Role, Store, StoreOptions};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};
use tempfile::TempDir;

/// Holds the URL of a server on which schemas may be made.
const POSTGRES: &str = "ROADWARDEN_TEST_POSTGRES";
/// Longest time of one test on a loaded machine; one that hangs must not hold up all others.
const TEST_TIME_MAX: Duration = Duration::from_mins(5);

/// Where a test's database is.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) url: String,
}

impl Place {
    pub(crate) async fn owner(&self) -> Store {
        Store::open(&StoreOptions::new(&self.url, Role::Owner))
            .await
            .unwrap()
    }

    pub(crate) async fn guest(&self) -> Store {
        Store::open(&StoreOptions::new(&self.url, Role::Guest))
            .await
            .unwrap()
    }

    pub(crate) async fn journal(&self, store: &Store) -> Journal {
        Journal::open(store).await.unwrap()
    }

    /// A connection past the store, to look and to do harm.
    pub(crate) async fn raw(&self) -> AnyConnection {
        sqlx::any::install_default_drivers();
        AnyConnection::connect(&self.url).await.unwrap()
    }
}

/// Runs a test on a fresh `SQLite` file.
pub(crate) fn on_sqlite<F>(test: impl FnOnce(Place) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store 仓库.db");
    run(async move {
        let place = Place {
            url: format!("sqlite:{}", path.display()),
        };
        within_time(test(place)).await
    });
}

/// Runs a test in a fresh schema of the `PostgreSQL` server, if there is one.
pub(crate) fn on_postgres<F>(test: impl FnOnce(Place) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let Ok(server) = std::env::var(POSTGRES) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI must test on PostgreSQL: run scripts/postgres-for-tests"
        );
        say(&format!("not run on PostgreSQL: {POSTGRES} is not set"));
        return;
    };
    run(async move {
        sqlx::any::install_default_drivers();
        let schema = format!("test_{}", uuid::Uuid::now_v7().simple());
        let mut admin = AnyConnection::connect(&server).await.unwrap();
        let create = format!("CREATE SCHEMA {schema}");
        admin.execute(AssertSqlSafe(create)).await.unwrap();
        let joint = if server.contains('?') { '&' } else { '?' };
        let place = Place {
            url: format!("{server}{joint}options[search_path]={schema}"),
        };
        let result = within_time(test(place)).await;
        // A test that has failed may have left connections that hold locks.
        let drop = format!("SET lock_timeout = '10s'; DROP SCHEMA {schema} CASCADE");
        let dropped = sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut admin).await;
        if result.is_ok() {
            dropped.unwrap();
        }
        result
    });
}

/// A test in a task of its own, which fails when it does not end.
async fn within_time<F>(test: F) -> Result<(), tokio::task::JoinError>
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async {
        let ended = tokio::time::timeout(TEST_TIME_MAX, test).await;
        assert!(
            ended.is_ok(),
            "the test did not end within {TEST_TIME_MAX:?}"
        );
    })
    .await
}

/// Tells whoever reads the test's output.
#[expect(clippy::print_stdout, reason = "the test harness shows it")]
fn say(text: &str) {
    println!("{text}");
}

/// Runs to the end; a panic of the test is a panic here, after the cleaning up.
fn run(test: impl Future<Output = Result<(), tokio::task::JoinError>>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let ended = runtime.block_on(test);
    runtime.shutdown_timeout(TEST_TIME_MAX);
    if let Err(error) = ended {
        resume_unwind(error.into_panic());
    }
}

/// Each test becomes two: one on `SQLite`, one on `PostgreSQL`.
macro_rules! on_both_engines {
    ($($(#[$meta:meta])* async fn $name:ident($place:ident: Place) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn body($place: Place) $body

            #[test]
            fn on_sqlite() {
                $crate::store::support::on_sqlite(body);
            }

            #[test]
            fn on_postgres() {
                $crate::store::support::on_postgres(body);
            }
        }
    )+};
}
pub(crate) use on_both_engines;
