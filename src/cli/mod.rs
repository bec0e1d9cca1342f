//! The commands.

pub mod decode;
pub mod demo;
pub mod encode;
pub mod evaluate;
pub mod export;
pub mod fix_options;
pub mod hold;
pub mod import;
mod json;
pub mod matching;
pub mod rejudge;
pub mod replay;
pub mod serve;
pub mod verify;

use std::io::{self, Write as _};
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Values};
use crate::files::{osm, road_map};
use crate::model::Timestamp;
use crate::model::road::RoadOverride;
use crate::roads::RoadNetwork;
use crate::roads::limit::overrides::Overrides;
use crate::roads::network::PIECE_M_MAX;
use crate::store::Store;
use crate::{api, app, config, rulebook, simulate, telemetry};

/// Finds the transport enterprises that fail their 24-hour monitoring duty, why, and with what proof.
#[derive(Debug, Parser)]
#[command(name = "roadwarden", version, about, max_term_width = 100)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server
    Serve(serve::ServeArgs),
    /// See an invented county live a day in about a minute, and which of its enterprises fail
    Demo(demo::DemoArgs),
    /// Import a register, routes, areas or rules; all or nothing
    Import(ImportArgs),
    /// Store and judge recorded fixes
    Replay(replay::ReplayArgs),
    /// Judge a period again by the rules in force now; what changes becomes revisions
    Rejudge(rejudge::RejudgeArgs),
    /// Write tracks or violations to a file, as the API gives them
    Export(export::ExportArgs),
    /// Check that what is stored is what was written; name what is not
    Verify(verify::VerifyArgs),
    /// Keep tracks for a case whatever their age
    Hold(hold::HoldArgs),
    /// Judge recorded fixes without a database; violations as JSON lines
    Evaluate(evaluate::EvaluateArgs),
    /// Find the road of every recorded fix; one JSON line a fix
    Match(matching::MatchArgs),
    /// Frames in hexadecimal on standard input, JSON on standard output
    Decode(ProtocolArgs),
    /// JSON lines as `decode` prints them on standard input, frames in hexadecimal on standard output
    Encode(ProtocolArgs),
    /// Send the reports of many simulated terminals to a server and measure its acknowledgements
    Simulate(simulate::SimulateArgs),
    /// Print the description of the API (OpenAPI 3.1)
    Openapi,
    /// Print the settings file with comments
    DefaultConfig,
    /// Print the rulebook that holds unless another is imported
    DefaultRules,
}

/// Arguments of `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// What to import.
    #[command(subcommand)]
    pub what: import::ImportCommand,
    /// Settings.
    #[command(flatten)]
    pub settings: Values,
}

/// Arguments of `decode` and `encode`.
#[derive(Debug, Args)]
pub struct ProtocolArgs {
    /// Wire protocol
    #[arg(long)]
    pub protocol: decode::Protocol,
}

/// Runs a command.
///
/// # Errors
/// What went wrong, for standard error.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::Serve(args) => block_on(serve::run(&args)),
        Command::Demo(args) => block_on(demo::run(&args)),
        Command::Import(args) => block_on(import(&args)),
        Command::Replay(args) => block_on(replay::run(&args)),
        Command::Rejudge(args) => block_on(rejudge::run(&args)),
        Command::Export(args) => block_on(export::run(&args)),
        Command::Verify(args) => block_on(verify::run(&args)),
        Command::Hold(args) => block_on(hold::run(&args)),
        Command::Evaluate(args) => {
            let mut output = io::BufWriter::new(io::stdout());
            evaluate::run(&args, &mut output, &mut io::stderr())?;
            Ok(output.flush()?)
        }
        Command::Match(args) => {
            let mut output = io::BufWriter::new(io::stdout());
            matching::run(&args, &mut output, &mut io::stderr())
        }
        Command::Decode(args) => quiet(decode::run(
            args.protocol,
            io::stdin().lock(),
            io::BufWriter::new(io::stdout()),
        )),
        Command::Encode(args) => {
            let mut complain = |line: u64, error: &encode::JsonError| {
                // Standard error may be closed; the exit code says it, too.
                drop(writeln!(io::stderr(), "line {line}: {error}"));
            };
            let bad = encode::run(
                args.protocol,
                io::stdin().lock(),
                io::BufWriter::new(io::stdout()),
                &mut complain,
            )?;
            anyhow::ensure!(bad == 0, "{bad} lines could not be encoded");
            Ok(())
        }
        Command::Simulate(args) => match simulate::run(&args)? {
            Some(summary) => print(&serde_json::to_string(&summary)?),
            None => Ok(()),
        },
        Command::Openapi => print(&api::document()),
        Command::DefaultConfig => print(config::default_document().trim_end()),
        Command::DefaultRules => print(rulebook::default_document().trim_end()),
    }
}

/// Reads and checks everything, then stores it in one transaction, beside a running server or without one.
async fn import(args: &ImportArgs) -> anyhow::Result<()> {
    let config = Config::new(&args.settings)?;
    telemetry::start_log(&config.log);
    let zone = rulebook::parse(rulebook::default_document())?.zone;
    let import = args.what.load(&zone, &mut io::stderr())?;
    let store = app::open_guest(&config).await?;
    let said = match import {
        import::Import::Fleet(folder) => {
            let counts = store.import_fleet(&folder).await?;
            let permits = match counts.permits {
                0 => String::new(),
                permits => format!(", {permits} permits"),
            };
            format!(
                "{} enterprises, {} vehicles ({} new), {} drivers, {} monitors, {} assignments{permits}",
                counts.enterprises,
                counts.vehicles,
                counts.vehicles_new,
                counts.drivers,
                counts.monitors,
                counts.assignments
            )
        }
        import::Import::Routes(routes) => {
            store.import_routes(&routes).await?;
            format!("{} routes", routes.len())
        }
        import::Import::Areas(areas) => {
            store.import_areas(&areas).await?;
            format!("{} areas", areas.len())
        }
        import::Import::Roads(network, summary, source) => {
            import_roads(&config, &store, &network, &summary, source).await?
        }
        import::Import::RoadLimits(limits, replace) => {
            import_road_limits(&config, &store, limits, replace).await?
        }
        import::Import::Rules(text, rules) => {
            store.import_rules(&rules.version, &text).await?;
            format!("rulebook {}", rules.version)
        }
    };
    store.close().await;
    if app::Control::read(&config.data_dir())?.is_some() {
        // A server runs beside: when this command ends, the server has taken the import up.
        tokio::time::sleep(3 * Duration::from_millis(config.api.registry_poll_ms)).await;
    }
    print(&format!("imported {said}"))
}

/// Puts a road map in force; what there is to say of it.
async fn import_roads(
    config: &Config,
    store: &Store,
    network: &RoadNetwork,
    summary: &osm::Summary,
    source: String,
) -> anyhow::Result<String> {
    let version = app::import_road_map(store, &config.data_dir(), network, source).await?;
    if summary.pieces_too_long > 0 {
        writeln!(
            io::stderr(),
            "{} pieces of roads are left out: they are longer than {} km",
            summary.pieces_too_long,
            PIECE_M_MAX / 1000.0
        )?;
    }
    Ok(format!(
        "road map {}: {} roads ({} with a limit; {} urban, {} of {} km) in {} segments; \
         {} roads lack nodes ({} in all), {} limits are none",
        version,
        summary.roads,
        summary.roads_with_limit,
        summary.urban.ways,
        summary.urban.length_m / 1000,
        summary.urban.all_m / 1000,
        summary.segments,
        summary.roads_incomplete,
        summary.nodes_missing,
        summary.limits_bad
    ))
}

/// Stores limits, and warns of those that no road of the map in force answers to.
async fn import_road_limits(
    config: &Config,
    store: &Store,
    limits: Vec<RoadOverride>,
    replace: bool,
) -> anyhow::Result<String> {
    let counts = store.import_road_limits(&limits, replace).await?;
    let given = limits.len();
    let mut notes = io::stderr();
    match store.load_registry().await?.road_map {
        None => writeln!(notes, "no road map is imported yet: no limit holds")?,
        // The limits are stored, and a map that cannot be read is the server's to tell.
        Some(map) => match road_map::read(&config.data_dir(), &map.file) {
            Ok((network, _)) => {
                for set in Overrides::new(&network, limits).unused() {
                    writeln!(notes, "no road of the map answers to limit {:?}", set.id)?;
                }
            }
            Err(error) => writeln!(notes, "the road map cannot be read: {error}")?,
        },
    }
    Ok(format!(
        "{given} limits of roads: {} new, {} removed, {} in all",
        counts.added, counts.removed, counts.stored
    ))
}

fn block_on(future: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(future)
}

/// Reads a moment of the command line.
fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::from_rfc3339(text)
        .ok_or_else(|| "wanted a time such as 2026-11-21T08:00:00+08:00".to_owned())
}

/// Prints a line.
fn print(text: &str) -> anyhow::Result<()> {
    quiet(writeln!(io::stdout(), "{text}"))
}

/// A reader that has gone is no failure.
fn quiet(result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
