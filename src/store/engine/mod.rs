//! The only place that knows `SQLite` from `PostgreSQL`.
//!
//! Everything else speaks one SQL through sqlx's `Any` driver. What differs is here: how a
//! database is opened and made durable, how a transaction begins, who owns it, and which error
//! codes mean what.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::Migrator;
use sqlx::{
    Any, AnyConnection, AnyPool, AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _,
};

use super::error::StoreError;
use lock::lock_file;

pub(crate) use codes::map_error;
pub(crate) use lock::OwnerLock;

mod codes;
mod lock;

/// Time that a statement waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Time that a caller waits for a free connection, or for a lost server.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Page cache of a `SQLite` connection. Unit: KiB.
const SQLITE_CACHE_KIB: u32 = 16 * 1024;
/// Pages in the `SQLite` write-ahead log before it is copied into the file.
const SQLITE_CHECKPOINT_PAGES: u32 = 4000;

/// The one list of migrations.
static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

type Transaction = sqlx::Transaction<'static, Any>;

/// Which database it is.
#[derive(Clone, Debug)]
pub(crate) enum Engine {
    /// A file.
    Sqlite {
        /// The file, absolute.
        path: PathBuf,
    },
    /// A server.
    Postgres,
}

/// Pools on one database.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    /// Which one it is.
    pub(crate) engine: Engine,
    /// For statements that only read.
    pub(crate) read: AnyPool,
    /// For statements that write. One connection on `SQLite`, which has one writer anyway: waiting
    /// in our queue is fair, waiting for its lock is not.
    pub(crate) write: AnyPool,
}

/// Which of a database's tables a file of `SQLite` is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Everything but the journal.
    Main,
    /// The journal: on `SQLite` a file of its own beside the main one.
    Journal,
}

impl Database {
    /// Opens a database, creating a `SQLite` file where there is none, and brings it up to date.
    pub(crate) async fn open(url: &str, part: Part, readers: u32) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let sqlite = is_sqlite(url);
        let url = if sqlite {
            sqlite_url(url, part)
        } else {
            url.to_owned()
        };
        let options: AnyConnectOptions = url
            .parse::<AnyConnectOptions>()
            .map_err(map_error)?
            .disable_statement_logging();
        if sqlite {
            look_at_file(&options).await?;
        }
        let write = pool(sqlite, if sqlite { 1 } else { 4 })
            .connect_with(options.clone())
            .await
            .map_err(map_error)?;
        let engine = if sqlite {
            Engine::Sqlite {
                path: sqlite_path(&write).await?,
            }
        } else {
            Engine::Postgres
        };
        migrate(&engine, &write).await?;
        let read = pool(sqlite, readers.max(1)).connect_lazy_with(options);
        Ok(Self {
            engine,
            read,
            write,
        })
    }

    /// Whether there is a database with our tables; makes nothing where there is none.
    pub(crate) async fn exists(url: &str) -> Result<bool, StoreError> {
        sqlx::any::install_default_drivers();
        let (url, tables) = if is_sqlite(url) {
            (
                with_mode(url, "rw"),
                "SELECT COUNT(*) FROM sqlite_master WHERE name = 'counters'",
            )
        } else {
            (
                url.to_owned(),
                "SELECT COUNT(*) FROM information_schema.tables
                 WHERE table_schema = current_schema() AND table_name = 'counters'",
            )
        };
        let mut connection = match AnyConnection::connect(&url).await {
            Err(error) if codes::is_no_file(&error) => return Ok(false),
            connected => connected.map_err(map_error)?,
        };
        let found: i64 = sqlx::query_scalar(tables)
            .fetch_one(&mut connection)
            .await
            .map_err(map_error)?;
        connection.close().await.map_err(map_error)?;
        Ok(found > 0)
    }

    /// Begins a transaction that will write.
    pub(crate) async fn begin_write(&self) -> Result<Transaction, StoreError> {
        let pool = self.write.clone();
        match self.engine {
            Engine::Sqlite { .. } => begun(begin_sqlite_write(pool)).await,
            Engine::Postgres => begun(async move { pool.begin().await }).await,
        }
    }

    /// Begins a transaction that sees one state of the database throughout.
    pub(crate) async fn begin_read(&self) -> Result<Transaction, StoreError> {
        let pool = self.read.clone();
        let begin = match self.engine {
            Engine::Sqlite { .. } => "BEGIN",
            Engine::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        begun(async move { pool.begin_with(begin).await }).await
    }

    /// Closes all connections; what is written is in the file.
    pub(crate) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

/// The end of a transaction's beginning, which is reached also when the caller goes away meanwhile: sqlx 0.9
/// does not take back a `BEGIN` whose answer nobody waits for, and the pool would lend the connection on inside
/// that transaction.
async fn begun(
    beginning: impl Future<Output = Result<Transaction, sqlx::Error>> + Send + 'static,
) -> Result<Transaction, StoreError> {
    match tokio::spawn(beginning).await {
        Ok(begun) => begun.map_err(map_error),
        Err(ended) => Err(StoreError::Busy {
            source: Box::new(ended),
        }),
    }
}

async fn begin_sqlite_write(pool: AnyPool) -> Result<Transaction, sqlx::Error> {
    // A deferred transaction that reads first cannot wait for another process's writer.
    match pool.begin_with("BEGIN IMMEDIATE").await {
        Err(error) if !matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) => {
            // A full disk rolls a transaction back by itself, and the driver then takes the
            // connection for one that is still in it: it would refuse every later one.
            pool.acquire().await?.close().await?;
            pool.begin_with("BEGIN IMMEDIATE").await
        }
        begun => begun,
    }
}

fn is_sqlite(url: &str) -> bool {
    url.starts_with("sqlite:")
}

/// The URL of the file for that part, created when it is not there.
fn sqlite_url(url: &str, part: Part) -> String {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let base = match part {
        Part::Main => base.to_owned(),
        Part::Journal => format!("{}.journal.db", base.strip_suffix(".db").unwrap_or(base)),
    };
    let joint = if query.is_empty() { "" } else { "?" };
    with_mode(&format!("{base}{joint}{query}"), "rwc")
}

/// The URL with that way of opening the file, unless it says one itself.
fn with_mode(url: &str, mode: &str) -> String {
    match url.split_once('?') {
        None => format!("{url}?mode={mode}"),
        Some((_, query)) if query.contains("mode=") => url.to_owned(),
        Some(_) => format!("{url}&mode={mode}"),
    }
}

fn pool(sqlite: bool, connections: u32) -> AnyPoolOptions {
    let options = AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        // A dead connection shows itself by the error of its next statement, which is retried.
        .test_before_acquire(false);
    if sqlite {
        options.after_connect(|connection, _| Box::pin(prepare_sqlite(connection)))
    } else {
        options
    }
}

/// Settings of a `SQLite` connection: readers beside one writer, and a sync at every commit.
async fn prepare_sqlite(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    let settings = format!(
        "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         PRAGMA cache_size = -{SQLITE_CACHE_KIB}; PRAGMA temp_store = MEMORY; \
         PRAGMA wal_autocheckpoint = {SQLITE_CHECKPOINT_PAGES}",
        BUSY_TIMEOUT.as_millis()
    );
    sqlx::raw_sql(AssertSqlSafe(settings))
        .execute(connection)
        .await
        .map(drop)
}

/// Says at once that a file is damaged: a pool would try it again and again, and then say that nobody answers.
async fn look_at_file(options: &AnyConnectOptions) -> Result<(), StoreError> {
    let looked = async {
        let mut connection = options.connect().await?;
        prepare_sqlite(&mut connection).await?;
        connection.close().await
    };
    match looked.await.map_err(map_error) {
        Err(damaged @ StoreError::FileDamaged { .. }) => Err(damaged),
        // Whatever else stands against it now is waited for by the pool.
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The file behind the connections, as `SQLite` itself names it.
async fn sqlite_path(pool: &AnyPool) -> Result<PathBuf, StoreError> {
    let row = sqlx::query("SELECT file FROM pragma_database_list WHERE name = 'main'")
        .fetch_one(pool)
        .await
        .map_err(map_error)?;
    let path: String = row.try_get(0).map_err(map_error)?;
    if path.is_empty() {
        return Err(StoreError::conflict("a database in memory keeps nothing"));
    }
    Ok(PathBuf::from(path))
}

/// Runs the migrations that are missing, one process at a time.
async fn migrate(engine: &Engine, pool: &AnyPool) -> Result<(), StoreError> {
    let _lock = match engine {
        // `PostgreSQL` is locked by sqlx; `SQLite` is not.
        Engine::Postgres => None,
        Engine::Sqlite { path } => {
            let file = lock_file(path, "migrate")?;
            let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file));
            let file = locked
                .await
                .map_err(|error| codes::map_io(error.into()))?
                .map_err(codes::map_io)?;
            Some(file)
        }
    };
    MIGRATIONS
        .run(pool)
        .await
        .map_err(|error| map_error(error.into()))
}
