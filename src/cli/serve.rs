//! `serve`: the server, until it is told to end.

use std::io::Write as _;

use anyhow::Context as _;
use clap::Args;

use crate::app::{Server, ServerOptions};
use crate::clock::Clock;
use crate::config::{Config, ConfigError, Values};
use crate::model::Timestamp;
use crate::telemetry;

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Settings.
    #[command(flatten)]
    pub settings: Values,
    /// Switch authentication off; loopback addresses only
    #[arg(long)]
    pub dev_open: bool,
    /// Start the server's clock at this time (RFC 3339); with --dev-open only
    #[arg(long, value_name = "TIME", requires = "dev_open")]
    pub dev_clock: Option<String>,
    /// Let that clock run R times as fast
    #[arg(long, value_name = "R", requires = "dev_clock", default_value_t = 1.0)]
    pub dev_clock_rate: f64,
}

impl ServeArgs {
    fn clock(&self) -> anyhow::Result<Clock> {
        let Some(text) = &self.dev_clock else {
            return Ok(Clock::system());
        };
        let began_at = Timestamp::from_rfc3339(text).ok_or_else(|| ConfigError::Value {
            key: "dev-clock".to_owned(),
            value: text.clone(),
            wanted: "a time such as 2026-11-21T08:00:00+08:00".to_owned(),
        })?;
        Clock::development(began_at, self.dev_clock_rate).context("--dev-clock-rate")
    }
}

/// Runs the server.
///
/// # Errors
/// What stands in the way of starting, or of ending in order.
pub async fn run(args: &ServeArgs) -> anyhow::Result<()> {
    let config = Config::new(&args.settings)?;
    telemetry::start_log(&config.log);
    let options = ServerOptions {
        dev_open: args.dev_open,
        clock: args.clock()?,
    };
    // Before anything is served, so that an early signal ends in order, too.
    let mut signals = Signals::new()?;
    let server = Server::start(&config, options).await?;
    let addresses = server.addresses();
    let mut out = std::io::stdout();
    writeln!(
        out,
        "listening http={} jt808={} jt809=-",
        addresses.http, addresses.jt808
    )?;
    out.flush()?;
    let failed = tokio::select! {
        () = signals.wait() => false,
        () = server.failed() => true,
    };
    tracing::info!("draining");
    let drained = server.drain().await;
    anyhow::ensure!(
        !failed,
        "a task of the engine has ended; what was acknowledged is durable"
    );
    drained
}

/// SIGTERM and SIGINT.
pub(super) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    pub(super) fn new() -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    pub(super) async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
