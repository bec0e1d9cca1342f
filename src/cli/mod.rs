//! The commands.

pub mod decode;
pub mod encode;
mod json;
pub mod reading;
pub mod replay;
pub mod serve;

use std::io::Write as _;

use clap::{Parser, Subcommand};

use crate::{api, config, rulebook, simulate};

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
    /// Store and judge recorded fixes
    Replay(replay::ReplayArgs),
    /// Send the reports of many simulated terminals to a server and measure its acknowledgements
    Simulate(simulate::SimulateArgs),
    /// Print the description of the API (OpenAPI 3.1)
    Openapi,
    /// Print the settings file with comments
    DefaultConfig,
    /// Print the rulebook that holds unless another is imported
    DefaultRules,
}

/// Runs a command.
///
/// # Errors
/// What went wrong, for standard error.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::Serve(args) => block_on(serve::run(&args)),
        Command::Replay(args) => block_on(replay::run(&args)),
        Command::Simulate(args) => match simulate::run(&args)? {
            Some(summary) => print(&serde_json::to_string(&summary)?),
            None => Ok(()),
        },
        Command::Openapi => print(&api::document()),
        Command::DefaultConfig => print(config::default_document().trim_end()),
        Command::DefaultRules => print(rulebook::default_document().trim_end()),
    }
}

fn block_on(future: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(future)
}

/// Prints a line; a reader that has gone is no failure.
fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
