//! `verify`: what is stored is what was written; everything that is not is named, and then it fails.
//!
//! Each check is a function beside the others in [`checks`]; it says how much it looked at and what does not
//! hold.

use clap::Args;
use serde::Serialize;

use crate::app;
use crate::archive::{Archive, FileProblem};
use crate::config::{Config, Values};
use crate::model::LocalZone;
use crate::store::{DamagedChunk, Store};
use crate::telemetry;

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Settings.
    #[command(flatten)]
    pub settings: Values,
}

/// What the checks look at.
struct Stored {
    store: Store,
    archive: Archive,
    zone: LocalZone,
}

/// What a check came to.
struct Outcome {
    /// Its name.
    check: &'static str,
    /// How many things it looked at.
    checked: u64,
    findings: Vec<Finding>,
}

/// Something that does not hold, as a line on standard output.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    /// Which thing.
    subject: String,
    /// What is wrong with it.
    problem: String,
    /// What it held, where that is known from elsewhere.
    held: Option<Held>,
}

/// What a damaged piece of a track held.
#[derive(Debug, Serialize)]
struct Held {
    fixes: u64,
    /// Lowest and highest vehicle number.
    vehicles: [u32; 2],
    from: String,
    to: String,
}

/// The last line on standard output.
#[derive(Debug, Serialize)]
struct Summary {
    checked: std::collections::BTreeMap<&'static str, u64>,
    problems: usize,
}

/// Every check, in order.
async fn checks(stored: &Stored) -> anyhow::Result<Vec<Outcome>> {
    Ok(vec![
        archive_files(stored).await?,
        staged_chunks(stored).await?,
        evidence(stored).await?,
    ])
}

/// Runs the checks.
///
/// # Errors
/// When anything does not hold, or cannot be looked at.
pub async fn run(args: &VerifyArgs) -> anyhow::Result<()> {
    let config = Config::new(&args.settings)?;
    telemetry::start_log(&config.log);
    let store = app::open_existing(&config).await?;
    let stored = Stored {
        zone: app::zone(&store).await?,
        archive: app::open_archive(&config)?,
        store,
    };
    let outcomes = checks(&stored).await?;
    stored.store.close().await;
    let mut problems = 0;
    for finding in outcomes.iter().flat_map(|outcome| &outcome.findings) {
        super::print(&serde_json::to_string(finding)?)?;
        problems += 1;
    }
    let checked = outcomes
        .iter()
        .map(|outcome| (outcome.check, outcome.checked));
    super::print(&serde_json::to_string(&Summary {
        checked: checked.collect(),
        problems,
    })?)?;
    anyhow::ensure!(problems == 0, "{problems} things do not hold");
    Ok(())
}

/// Files of the track archive against the catalogue.
async fn archive_files(stored: &Stored) -> anyhow::Result<Outcome> {
    const CHECK: &str = "archive_files";
    let verified = stored.archive.verify(&stored.store).await?;
    let finding = |FileProblem { file, problem }: FileProblem| Finding {
        check: CHECK,
        subject: file.path,
        problem,
        held: Some(Held {
            fixes: file.fixes,
            vehicles: [file.vehicles.0.0, file.vehicles.1.0],
            from: stored.zone.rfc3339(file.times.0),
            to: stored.zone.rfc3339(file.times.1),
        }),
    };
    Ok(Outcome {
        check: CHECK,
        checked: verified.files,
        findings: verified.problems.into_iter().map(finding).collect(),
    })
}

/// Pieces of tracks that are in no file yet.
async fn staged_chunks(stored: &Stored) -> anyhow::Result<Outcome> {
    const CHECK: &str = "staged_chunks";
    let (checked, damaged) = stored.store.check_staged().await?;
    let finding = |DamagedChunk {
                       key,
                       fixes,
                       problem,
                   }: DamagedChunk| Finding {
        check: CHECK,
        subject: key.id.to_string(),
        problem,
        held: Some(Held {
            fixes: u64::from(fixes),
            vehicles: [key.vehicle.0; 2],
            from: stored.zone.rfc3339(key.first),
            to: stored.zone.rfc3339(key.last),
        }),
    };
    Ok(Outcome {
        check: CHECK,
        checked,
        findings: damaged.into_iter().map(finding).collect(),
    })
}

/// Kept evidence of violations: against its hash, and against the track as long as that is kept.
async fn evidence(stored: &Stored) -> anyhow::Result<Outcome> {
    const CHECK: &str = "evidence";
    let (checked, wrong) = stored.store.check_evidence().await?;
    let finding = |(id, problem)| Finding {
        check: CHECK,
        subject: id,
        problem,
        held: None,
    };
    Ok(Outcome {
        check: CHECK,
        checked,
        findings: wrong.into_iter().map(finding).collect(),
    })
}
