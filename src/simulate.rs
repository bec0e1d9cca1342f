//! The load generator: many terminals over real JT/T 808 connections.
//!
//! Start at [`run`]. Latencies are measured from the moment at which a report was to be sent, so
//! that a slow server cannot hide by slowing the generator down.

mod fleet;
pub(crate) mod frame;
mod latency;
mod link;
mod motion;
pub(crate) mod terminal;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Serialize;
use tokio::sync::{Semaphore, watch};

pub use fleet::write_fleet;

use crate::clock::Clock;
use link::{Plan, Shared};

/// What to simulate.
#[derive(Clone, Debug, clap::Args)]
pub struct SimulateArgs {
    /// Address of the JT/T 808 listener, such as 127.0.0.1:7608
    #[arg(long, value_name = "ADDR", required_unless_present = "write_fleet")]
    pub connect: Option<String>,
    /// Number of vehicles; vehicle n has plate 湘S00000 + n (yellow) and phone 19000000000 + n
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=i64::from(fleet::VEHICLES_MAX)))]
    pub vehicles: u32,
    /// Seconds between the reports of a vehicle; 0 sends the next as soon as all are acknowledged
    #[arg(long, value_name = "S", default_value_t = 10.0, value_parser = seconds)]
    pub interval: f64,
    /// How long to send, in seconds
    #[arg(long, value_name = "S", default_value_t = 60.0, value_parser = seconds)]
    pub duration: f64,
    /// Number of connections (default: one a vehicle); with fewer, each carries its vehicles one
    /// after another, an equal share of the time each
    #[arg(long, value_name = "N")]
    pub connections: Option<u32>,
    /// Reports a write
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub batch: u32,
    /// Number of the first vehicle: a further run with other vehicles does not repeat fix times
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..i64::from(fleet::VEHICLES_MAX)))]
    pub first_vehicle: u32,
    /// Write a fleet folder of all these vehicles for `import fleet`; alone, that is all that is done
    #[arg(long, value_name = "DIR")]
    pub write_fleet: Option<PathBuf>,
}

/// Longest interval or run that may be asked for: a week. Unit: s.
const SECONDS_MAX: f64 = 604_800.0;

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_invalid| "not a number".to_owned())?;
    if (0.0..=SECONDS_MAX).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(format!("not in 0 to {SECONDS_MAX}"))
    }
}

/// What came of it; its JSON is the result line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Reports sent.
    pub sent: u64,
    /// Reports acknowledged with success.
    pub acked: u64,
    /// Acknowledgements a second, from the first report to the last acknowledgement.
    pub acked_per_s: f64,
    /// Latency of acknowledgements.
    pub ack_ms: AckMillis,
    /// Connections refused or lost, reports refused or never acknowledged.
    pub errors: u64,
}

/// Latency of acknowledgements. Unit: ms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AckMillis {
    /// Median.
    pub p50: f64,
    /// Not exceeded by 99 %.
    pub p99: f64,
    /// Greatest.
    pub max: f64,
}

/// Writes the fleet folder and runs the load, as asked; `None` when no address was given.
///
/// # Errors
///
/// When the folder cannot be written, the address does not resolve, or no terminal came online.
pub fn run(args: &SimulateArgs) -> anyhow::Result<Option<Summary>> {
    let last = args.first_vehicle.saturating_add(args.vehicles);
    if last > fleet::VEHICLES_MAX {
        bail!("there are at most {} vehicles", fleet::VEHICLES_MAX);
    }
    if let Some(folder) = &args.write_fleet {
        write_fleet(folder, last).with_context(|| format!("cannot write {}", folder.display()))?;
    }
    let Some(address) = &args.connect else {
        return Ok(None);
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(load(address, args)).map(Some)
}

/// Connections that may be on their way to being online at a time.
const RAMP_CONNECTIONS: usize = 128;

async fn load(address: &str, args: &SimulateArgs) -> anyhow::Result<Summary> {
    let address = tokio::net::lookup_host(address)
        .await
        .with_context(|| format!("{address} is not an address"))?
        .next()
        .with_context(|| format!("{address} has no address"))?;
    let connections = args
        .connections
        .unwrap_or(args.vehicles)
        .clamp(1, args.vehicles);
    let (start, started) = watch::channel(None);
    let shared = Arc::new(Shared::new(
        Plan {
            address,
            interval: Duration::from_secs_f64(args.interval),
            duration: Duration::from_secs_f64(args.duration),
            batch: args.batch,
            connections,
        },
        Clock::system(),
        Semaphore::new(RAMP_CONNECTIONS),
    ));
    let links: Vec<_> = (0..connections)
        .map(|index| {
            let numbers = (index..args.vehicles)
                .step_by(usize::try_from(connections).unwrap_or(usize::MAX))
                .map(|number| args.first_vehicle + number)
                .collect();
            tokio::spawn(link::run(
                Arc::clone(&shared),
                index,
                numbers,
                started.clone(),
            ))
        })
        .collect();
    shared.wait_until_settled(connections).await;
    if shared.online() == 0 {
        bail!("no terminal came online: {}", shared.first_error());
    }
    let began = shared.clock.monotonic();
    start.send_replace(Some(began));
    for link in links {
        link.await.context("a connection's task failed")?;
    }
    Ok(shared.summary(began))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Parser {
        #[command(flatten)]
        args: SimulateArgs,
    }

    fn parse(line: &str) -> Result<SimulateArgs, clap::Error> {
        use clap::Parser as _;
        Parser::try_parse_from(std::iter::once("simulate").chain(line.split_whitespace()))
            .map(|parser| parser.args)
    }

    /// Registers everyone under the code `code` and acknowledges everything.
    fn serve_one(mut stream: std::net::TcpStream) {
        use std::io::{Read as _, Write as _};
        let mut reader = frame::AnswerReader::default();
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            let mut out = Vec::new();
            reader.handle_bytes(&buffer[..read], |message| {
                let frame::Answer::Command { message_id, serial } = message else {
                    return;
                };
                let [s1, s2] = serial.to_be_bytes();
                let [m1, m2] = message_id.to_be_bytes();
                let (answer, body) = match message_id {
                    0x0100 => (0x8100, vec![s1, s2, 0, b'c']),
                    _ => (0x8001, vec![s1, s2, m1, m2, 0]),
                };
                frame::write_frame(answer, [0; 6], 0, &body, &mut out);
            });
            stream.write_all(&out).unwrap();
        }
    }

    fn check_against_a_server(options: &str) -> Summary {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || serve_one(stream));
            }
        });
        let args = parse(&format!("--connect {address} {options}")).unwrap();
        run(&args).unwrap().unwrap()
    }

    #[test]
    fn a_closed_loop_has_every_report_acknowledged() {
        let summary = check_against_a_server("--vehicles 4 --interval 0 --batch 10 --duration 0.1");
        assert_eq!((summary.errors, summary.sent), (0, summary.acked));
        assert!(summary.sent >= 40, "{summary:?}");
    }

    #[test]
    fn a_paced_run_sends_as_many_as_it_should() {
        let summary =
            check_against_a_server("--vehicles 4 --connections 2 --interval 0.02 --duration 0.2");
        assert_eq!((summary.errors, summary.sent), (0, summary.acked));
        assert!((18..=22).contains(&summary.sent), "{summary:?}");
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        assert!(parse("--connect 127.0.0.1:1 --vehicles 10 --interval 0 --batch 10").is_ok());
        assert!(parse("--write-fleet x").is_ok());
        assert!(parse("").is_err());
        assert!(parse("--connect a --vehicles 0").is_err());
        assert!(parse("--connect a --interval -1").is_err());
        assert!(parse("--connect a --duration NaN").is_err());
        assert!(parse("--connect a --batch 0").is_err());
    }

    #[test]
    fn the_summary_has_the_names_of_the_contract() {
        let summary = Summary {
            sent: 2,
            acked: 1,
            acked_per_s: 0.5,
            ack_ms: AckMillis {
                p50: 1.0,
                p99: 2.0,
                max: 3.0,
            },
            errors: 1,
        };
        assert_eq!(
            serde_json::to_string(&summary).unwrap(),
            r#"{"sent":2,"acked":1,"acked_per_s":0.5,"ack_ms":{"p50":1.0,"p99":2.0,"max":3.0},"errors":1}"#
        );
    }
}
