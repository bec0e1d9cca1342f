//! `rejudge`: judges a period again by the rules in force now; what changes is written as revisions.

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use crate::app;
use crate::clock::Clock;
use crate::config::{Config, Values};
use crate::ingest::{Engine, Parts};
use crate::live::Live;
use crate::model::Timestamp;
use crate::store::{RejudgeOrder, Store};
use crate::telemetry;

/// Pause between two looks at what the running server has left to do.
const LOOK: Duration = Duration::from_millis(200);

/// Arguments of `rejudge`.
#[derive(Debug, Args)]
pub struct RejudgeArgs {
    /// First moment, such as 2026-11-20T00:00:00+08:00
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub from: Timestamp,
    /// First moment after it
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub to: Timestamp,
    /// Only vehicles with this plate, of any colour
    #[arg(long)]
    pub plate: Option<String>,
    /// Only vehicles of this enterprise
    #[arg(long, value_name = "ID")]
    pub enterprise: Option<String>,
    /// Settings.
    #[command(flatten)]
    pub settings: Values,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::from_rfc3339(text)
        .ok_or_else(|| "wanted RFC 3339 such as 2026-11-20T00:00:00+08:00".to_owned())
}

/// The line on standard output.
#[derive(Debug, Serialize)]
struct Summary {
    vehicles: usize,
    created: u64,
    amended: u64,
    withdrawn: u64,
    reason: String,
    seconds: f64,
}

/// Puts the vehicles into the queue and waits until they were judged again, by this process or by the server
/// that runs already.
///
/// # Errors
/// A period that ends before it begins, vehicles that nobody knows, a database that cannot be used.
pub async fn run(args: &RejudgeArgs) -> anyhow::Result<()> {
    anyhow::ensure!(args.from < args.to, "--from must be before --to");
    let config = Config::new(&args.settings)?;
    telemetry::start_log(&config.log);
    let clock = Clock::system();
    let began = clock.monotonic();
    let store = app::open_existing(&config).await?;
    let zone = app::zone(&store).await?;
    let rules = app::rules(&store).await?;
    let reason = format!(
        "rules/{}: {} to {} judged again, asked {}",
        rules.version,
        zone.rfc3339(args.from),
        zone.rfc3339(args.to),
        zone.rfc3339(clock.now())
    );
    let order = RejudgeOrder {
        from: args.from,
        to: args.to,
        plate: args.plate.clone(),
        enterprise_id: args.enterprise.clone(),
        reason: reason.clone(),
    };
    let ordered = store.order_rejudging(&order).await?;
    anyhow::ensure!(ordered.vehicles > 0, "no such vehicles");
    match app::open_owned(&config).await {
        Ok((owned, journal)) => {
            let parts = Parts {
                live: Live::new(0, 0),
                store: owned.clone(),
                journal: journal.clone(),
                clock: clock.clone(),
            };
            let engine = Engine::start(parts, &config).await?;
            engine.settle().await;
            engine.drain().await;
            journal.close().await;
            owned.close().await;
        }
        // The server that owns the database looks at the queue, too.
        Err(_) if app::Control::read(&config.data_dir())?.is_some() => {
            wait(&store, ordered.through).await?;
        }
        Err(error) => return Err(error),
    }
    let counts = store.corrections_with(&reason).await?;
    store.close().await;
    let seconds = clock.monotonic().saturating_sub(began).as_secs_f64();
    super::print(&serde_json::to_string(&Summary {
        vehicles: ordered.vehicles,
        created: counts.created,
        amended: counts.amended,
        withdrawn: counts.withdrawn,
        reason,
        seconds: (seconds * 1000.0).round() / 1000.0,
    })?)
}

/// Waits until the server has done everything up to a row.
async fn wait(store: &Store, through: i64) -> anyhow::Result<()> {
    while store
        .rejudge_left(through)
        .await
        .context("the queue cannot be read")?
        > 0
    {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
