//! Wires the parts together: a server from settings, and its orderly end.

mod archive;
mod control;
mod duty_watch;
mod parts;
mod road_map;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use archive::open_archive;
pub use control::{Control, ControlFile};
pub use road_map::import_road_map;

use crate::api::{self, Access, ApiLimits, ApiState, ControlToken};
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::ingest::{self, Engine, Parts};
use crate::journal::Journal;
use crate::live::Live;
use crate::model::LocalZone;
use crate::model::rules::RuleSet;
use crate::rulebook;
use crate::store::{Role, Store, StoreError, StoreOptions};
use crate::telemetry;

use parts::Gateway;

/// Time for HTTP clients to take their answers when the server ends.
const HTTP_GRACE: Duration = Duration::from_secs(2);
/// Time for the database to let go of its connections; one that hangs would never.
const CLOSE_GRACE: Duration = Duration::from_secs(5);
/// Pause between two looks at whether the engine lives.
const LOOK: Duration = Duration::from_secs(1);

/// How the server is run, besides its settings.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    /// Anyone on this machine may do anything.
    pub dev_open: bool,
    /// The clock.
    pub clock: Clock,
}

/// Where a running server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// HTTP API.
    pub http: SocketAddr,
    /// JT/T 808, TCP and UDP.
    pub jt808: SocketAddr,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    engine: Arc<Engine>,
    store: Store,
    journal: Journal,
    http: JoinHandle<std::io::Result<()>>,
    keeping: JoinHandle<()>,
    stop: CancellationToken,
    addresses: Addresses,
    control: ControlFile,
    drain_max: Duration,
}

/// Opens the database as its owner, with its journal.
///
/// # Errors
/// As the database says; in words that tell what to do when another process owns it.
pub async fn open_owned(config: &Config) -> anyhow::Result<(Store, Journal)> {
    let data = config.data_dir();
    std::fs::create_dir_all(&data)
        .with_context(|| format!("cannot make the data folder {}", data.display()))?;
    let options = StoreOptions::new(config.database_url(), Role::Owner);
    let store = Store::open(&options.with_files(Arc::new(open_archive(config)?)))
        .await
        .map_err(|error| match error {
            StoreError::Conflict { what } => anyhow::anyhow!("the database is in use: {what}"),
            other => anyhow::Error::new(other).context("cannot open the database"),
        })?;
    let journal = Journal::open(&store)
        .await
        .context("cannot open the journal")?;
    Ok((store, journal))
}

/// Opens the database beside a server that may own it.
///
/// # Errors
/// As the database says.
pub async fn open_guest(config: &Config) -> anyhow::Result<Store> {
    let data = config.data_dir();
    std::fs::create_dir_all(&data)
        .with_context(|| format!("cannot make the data folder {}", data.display()))?;
    let options = StoreOptions::new(config.database_url(), Role::Guest);
    Store::open(&options.with_files(Arc::new(open_archive(config)?)))
        .await
        .context("cannot open the database")
}

/// Opens the database beside a server that may own it, for a command that looks for what is there.
///
/// # Errors
/// When there is no database, which is then not made either; as the database says.
pub async fn open_existing(config: &Config) -> anyhow::Result<Store> {
    let exists = Store::exists(&config.database_url()).await;
    if !exists.context("cannot open the database")? {
        // The URL may hold a password.
        let place = if config.database.is_empty() {
            config.data_dir().display().to_string()
        } else {
            "the database that is named".to_owned()
        };
        anyhow::bail!(
            "there is nothing in {place}: no fleet was imported and no server has run there"
        );
    }
    open_guest(config).await
}

/// The zone in which days are meant: that of the rulebook in force.
///
/// # Errors
/// As the database says; when the stored rulebook is none.
pub async fn zone(store: &Store) -> anyhow::Result<LocalZone> {
    Ok(rules(store).await?.zone)
}

/// The newest rulebook, with those before it.
///
/// # Errors
/// As the database says.
pub async fn rules(store: &Store) -> anyhow::Result<RuleSet> {
    let registry = store.load_registry().await?;
    let texts = registry.rulebooks.iter().map(|stored| stored.text.as_str());
    Ok(rulebook::parse_all(texts)?)
}

impl Server {
    /// Starts: database, journal, replay, listeners. When it returns, terminals and clients are served.
    ///
    /// # Errors
    /// What stands in the way, with the setting or file concerned.
    pub async fn start(config: &Config, options: ServerOptions) -> anyhow::Result<Self> {
        let http = http_address(config, options.dev_open)?;
        let metrics = telemetry::start_metrics();
        let (store, journal) = open_owned(config).await?;
        let http = ingest::bind(http).with_context(|| format!("cannot listen on {http}"))?;
        let (tcp, udp) = bind_terminals(config).await?;
        let addresses = Addresses {
            http: http.local_addr()?,
            jt808: tcp.local_addr()?,
        };
        let position = store.journal_position().await?;
        let changes = store.last_change().await?.cast_unsigned();
        let live = Live::new(changes, position);
        let parts = Parts {
            store: store.clone(),
            journal: journal.clone(),
            clock: options.clock.clone(),
            live: live.clone(),
        };
        let engine = Engine::start(parts, config)
            .await
            .context("cannot take up where the last run ended")?;
        let engine = Arc::new(engine);
        let stop = CancellationToken::new();
        let (control, token) = ControlFile::create(&config.data_dir(), addresses.http)?;
        let gateway = Arc::new(Gateway {
            engine: Arc::clone(&engine),
            journal: journal.clone(),
            store: store.clone(),
            clock: options.clock.clone(),
            draining: stop.clone(),
        });
        let state = ApiState {
            access: access(options.dev_open),
            metrics: Some(metrics),
            control: Some(ControlToken::new(&token)),
            ..api_state(&gateway, &live, config)
        };
        tokio::spawn(duty_watch::watch(
            gateway,
            live,
            Duration::from_secs(config.api.duty_watch_s),
            stop.clone(),
        ));
        let keeping =
            tokio::spawn(archive::keeper(&engine, &store, config, &options.clock, &stop)?.run());
        engine.serve_terminals(tcp, udp, config);
        Ok(Self {
            http: tokio::spawn(serve_http(http, api::router(state), stop.clone())),
            engine,
            store,
            journal,
            keeping,
            stop,
            addresses,
            control,
            drain_max: Duration::from_secs(config.api.drain_s_max),
        })
    }

    /// Where it listens.
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Waits until the server cannot go on: a task that must run has ended.
    pub async fn failed(&self) {
        while !self.engine.has_failed() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends in order: no more input, pending fixes become durable and are judged and stored, connections end.
    ///
    /// # Errors
    /// When the drain takes longer than its bound: what was acknowledged is durable all the same.
    pub async fn drain(self) -> anyhow::Result<()> {
        self.stop.cancel();
        let drained = tokio::time::timeout(self.drain_max, async {
            self.engine.drain().await;
            // It ends after the file that it is writing.
            if let Err(error) = self.keeping.await {
                tracing::error!(%error, "the archive's task did not end in order");
            }
            // Whoever waited for fixes has been answered; a client that only holds its connection is cut off.
            let abort = self.http.abort_handle();
            if tokio::time::timeout(HTTP_GRACE, self.http).await.is_err() {
                abort.abort();
            }
        })
        .await;
        self.control.remove();
        let closed = tokio::time::timeout(CLOSE_GRACE, async {
            self.journal.close().await;
            self.store.close().await;
        });
        if closed.await.is_err() {
            tracing::warn!("the database does not let go: its connections are cut");
        }
        drained.context("the drain took too long; what was acknowledged is durable and is judged at the next start")
    }
}

/// What the API is given; closed but for health.
fn api_state(gateway: &Arc<Gateway>, live: &Live, config: &Config) -> ApiState {
    ApiState {
        store: gateway.store.clone(),
        clock: gateway.clock.clone(),
        live: live.clone(),
        rules: Arc::clone(gateway) as _,
        sink: Arc::clone(gateway) as _,
        journal: Arc::clone(gateway) as _,
        terminals: Arc::clone(gateway) as _,
        hours: Arc::clone(gateway) as _,
        readiness: Arc::clone(gateway) as _,
        metrics: None,
        access: Access::HealthOnly,
        control: None,
        limits: limits(config),
        shutdown: gateway.draining.clone(),
    }
}

const fn access(dev_open: bool) -> Access {
    if dev_open {
        Access::DevOpen
    } else {
        Access::HealthOnly
    }
}

/// The address of the API; open to all only on this machine.
fn http_address(config: &Config, dev_open: bool) -> Result<SocketAddr, ConfigError> {
    let http = address("http", &config.http)?;
    if dev_open && !http.ip().is_loopback() {
        return Err(ConfigError::Value {
            key: "http".to_owned(),
            value: http.to_string(),
            wanted: "a loopback address, because --dev-open asks nobody who they are".to_owned(),
        });
    }
    Ok(http)
}

async fn serve_http(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

async fn bind_terminals(config: &Config) -> anyhow::Result<(TcpListener, UdpSocket)> {
    let wanted = address("jt808", &config.jt808)?;
    let tcp = ingest::bind(wanted).with_context(|| format!("cannot listen on {wanted}"))?;
    // With port 0 both take the port that TCP got.
    let same = tcp.local_addr()?;
    let udp = UdpSocket::bind(same)
        .await
        .with_context(|| format!("cannot listen on {same} by UDP"))?;
    Ok((tcp, udp))
}

fn address(setting: &str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse()
        .map_err(|_none: std::net::AddrParseError| ConfigError::Value {
            key: setting.to_owned(),
            value: text.to_owned(),
            wanted: "an address such as 127.0.0.1:8080".to_owned(),
        })
}

fn limits(config: &Config) -> ApiLimits {
    ApiLimits {
        fixes_bytes_max: usize::try_from(config.api.body_bytes_max).unwrap_or(usize::MAX),
        stream_subscribers_max: usize::try_from(config.api.streams_max).unwrap_or(usize::MAX),
        online_s_max: i64::try_from(config.api.online_s_max).unwrap_or(i64::MAX),
        request_max: Duration::from_secs(config.api.request_s_max),
        ..ApiLimits::default()
    }
}
