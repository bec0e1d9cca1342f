//! The binary: arguments to `cli`, errors to standard error, the exit code.

use std::process::ExitCode;

use clap::Parser as _;

use roadwarden::cli::{self, Arguments};
use roadwarden::config::ConfigError;

#[expect(
    clippy::print_stderr,
    reason = "the one place where errors are printed"
)]
fn main() -> ExitCode {
    // Wrong usage ends here with exit code 2.
    let arguments = Arguments::parse();
    match cli::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            if error.is::<ConfigError>() {
                // A setting that cannot be is wrong usage, wherever it was said.
                ExitCode::from(2)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}
