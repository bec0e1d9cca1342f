//! `demo`: an invented county lives a day on a real server, and the verdict is printed.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use super::serve::Signals;
use crate::app::{self, Server, ServerOptions};
use crate::clock::Clock;
use crate::config::{Config, Values};
use crate::demo::{self, County, Finale, PlayTarget};
use crate::telemetry;

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Settings; without --data a new temporary folder is used and taken away at the end
    #[command(flatten)]
    pub settings: Values,
    /// Print the failing list as JSON and end
    #[arg(long)]
    pub once: bool,
    /// Seed of the county
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// Least real time of a minute of the story with events: the day takes about a minute.
const MINUTE: Duration = Duration::from_millis(35);

/// Lives the day; then, unless `--once`, serves until told to end.
///
/// # Errors
/// What stands in the way of the server or the story.
pub async fn run(args: &DemoArgs) -> anyhow::Result<()> {
    let mut settings = args.settings.clone();
    let folder = Folder::choose(&mut settings)?;
    // The story waits for what it caused to be visible.
    settings.set_default("shard.flush_ms", "50");
    if args.once {
        // Nobody needs to find it, and it must not be in anyone's way.
        settings.set_default("http", "127.0.0.1:0");
        settings.set_default("jt808", "127.0.0.1:0");
    }
    settings.set_default("log", "warn");
    let config = Config::new(&settings)?;
    telemetry::start_log(&config.log);
    let mut signals = Signals::new()?;
    let county = demo::county(args.seed);
    let store = app::open_guest(&config).await?;
    demo::load(&store, &config.data_dir(), &county).await?;
    store.close().await;
    let clock = Clock::manual(county.day.began_at);
    let options = ServerOptions {
        dev_open: true,
        clock: clock.clone(),
    };
    let server = Server::start(&config, options).await?;
    let finale = tokio::select! {
        finale = live(&server, &clock, &county, args.once) => finale,
        () = signals.wait() => Err(anyhow::anyhow!("interrupted")),
    };
    let told = match finale {
        Ok(finale) => tell(&server, &finale, args.once),
        Err(error) => Err(error),
    };
    if told.is_ok() && !args.once {
        signals.wait().await;
    }
    server.drain().await?;
    drop(folder);
    told
}

async fn live(
    server: &Server,
    clock: &Clock,
    county: &County,
    once: bool,
) -> anyhow::Result<Finale> {
    let addresses = server.addresses();
    let target = PlayTarget {
        jt808: addresses.jt808,
        http: addresses.http,
        minute: if once { Duration::ZERO } else { MINUTE },
    };
    let played = demo::play(&target, clock, county).await?;
    tracing::info!(
        terminals = played.terminals,
        reports = played.reports,
        "the day is over"
    );
    demo::finale(&target, played.period).await
}

fn tell(server: &Server, finale: &Finale, once: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    if once {
        writeln!(out, "{}", finale.failing)?;
    } else {
        writeln!(out, "{}", finale.text)?;
        let http = server.addresses().http;
        writeln!(
            out,
            "Serving http://{http} without authentication, for this machine only. End with Ctrl-C."
        )?;
    }
    out.flush()?;
    Ok(())
}

/// The data folder; a temporary one is taken away when this is dropped.
struct Folder(Option<PathBuf>);

impl Folder {
    fn choose(settings: &mut Values) -> anyhow::Result<Self> {
        if settings.is_set("data") || settings.is_set("database") {
            return Ok(Self(None));
        }
        let path = std::env::temp_dir().join(format!("roadwarden-demo-{}", std::process::id()));
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        settings.set_default("data", path.display().to_string());
        Ok(Self(Some(path)))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(path) = &self.0
            && let Err(error) = std::fs::remove_dir_all(path)
        {
            tracing::warn!(%error, path = %path.display(), "temporary folder stays");
        }
    }
}
