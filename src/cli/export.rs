//! `export`: what the API gives out, to a file.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::moment;
use crate::api::track::{TrackFormat, TrackHead, TrackWriter};
use crate::api::violation_json;
use crate::app;
use crate::config::{Config, Values};
use crate::model::{LocalZone, Plate, PlateColor, Region, Severity, Timestamp, ViolationKind};
use crate::store::{
    AppealStatus, LostStretch, PAGE_ROWS_MAX, Page, Store, StoreError, TRACK_PAGE_FIXES_MAX,
    ViolationFilter, ViolationStatus,
};
use crate::telemetry;

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// What to export.
    #[command(subcommand)]
    pub what: ExportCommand,
    /// Settings.
    #[command(flatten)]
    pub settings: Values,
}

/// What to export.
#[derive(Debug, clap::Subcommand)]
pub enum ExportCommand {
    /// The track of a vehicle
    Track(TrackArgs),
    /// Violations as JSON lines, newest first
    Violations(ViolationArgs),
}

/// Arguments of `export track`.
#[derive(Debug, Args)]
pub struct TrackArgs {
    /// Plate of the vehicle
    #[arg(long)]
    pub plate: String,
    /// Colour of the plate
    #[arg(long)]
    pub plate_color: PlateColor,
    /// Earliest fix time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub from: Timestamp,
    /// End of fix times, not included (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub to: Timestamp,
    /// Format: geojson, gpx, csv or ndjson
    #[arg(long, default_value = "geojson")]
    pub format: TrackFormat,
    /// File to write; standard output unless given
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `export violations`.
#[derive(Debug, Args)]
pub struct ViolationArgs {
    /// Started at or after (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub from: Option<Timestamp>,
    /// Started before (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub to: Option<Timestamp>,
    /// Of enterprises in this region
    #[arg(long)]
    pub region: Option<Region>,
    /// Of this enterprise
    #[arg(long)]
    pub enterprise: Option<String>,
    /// Of vehicles with this plate
    #[arg(long)]
    pub plate: Option<String>,
    /// Of this kind
    #[arg(long)]
    pub kind: Option<ViolationKind>,
    /// Of this severity
    #[arg(long)]
    pub severity: Option<Severity>,
    /// open, closed or withdrawn
    #[arg(long)]
    pub status: Option<ViolationStatus>,
    /// With (true) or without (false) a completed handling
    #[arg(long)]
    pub handled: Option<bool>,
    /// Whose last appeal stands so: waiting, approved or rejected
    #[arg(long)]
    pub appeal: Option<AppealStatus>,
    /// File to write; standard output unless given
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Exports beside a running server or without one.
///
/// # Errors
/// When there is no such vehicle, the store cannot answer, or the file cannot be written.
pub async fn run(args: &ExportArgs) -> anyhow::Result<()> {
    let config = Config::new(&args.settings)?;
    telemetry::start_log(&config.log);
    let store = app::open_existing(&config).await?;
    let zone = app::zone(&store).await?;
    match &args.what {
        ExportCommand::Track(args) => track(&store, zone, args).await?,
        ExportCommand::Violations(args) => violations(&store, zone, args).await?,
    }
    store.close().await;
    Ok(())
}

async fn track(store: &Store, zone: LocalZone, args: &TrackArgs) -> anyhow::Result<()> {
    anyhow::ensure!(args.from < args.to, "--from must be before --to");
    let plate = Plate::new(&args.plate, args.plate_color).context("--plate is empty")?;
    let vehicle = match store.vehicle(&plate).await {
        Err(StoreError::NotFound) => anyhow::bail!("there is no vehicle {plate}"),
        found => found?.vehicle.id,
    };
    let drivers = store.load_registry().await?.drivers;
    let licence = |id| {
        let known = drivers.iter().find(|known| known.id == id)?;
        Some(known.driver.licence.clone())
    };
    let mut writer = TrackWriter::new(args.format, TrackHead { plate, zone });
    let mut output = Output::open(args.out.as_deref())?;
    output.write(&writer.begin())?;
    let mut next = Some(args.from);
    let mut damaged = BTreeSet::new();
    while let Some(from) = next {
        let page = store
            .readable_page(vehicle, from, args.to, TRACK_PAGE_FIXES_MAX)
            .await?;
        output.write(&writer.page(&page.fixes, licence))?;
        for LostStretch { file, from, to, .. } in page.lost {
            writer.missing(from, to);
            damaged.insert(file);
        }
        next = page.next;
    }
    output.write(&writer.end())?;
    output.finish()?;
    anyhow::ensure!(
        damaged.is_empty(),
        "the rest is written, but these files of the archive are damaged or missing: {}",
        Vec::from_iter(damaged).join(", ")
    );
    Ok(())
}

async fn violations(store: &Store, zone: LocalZone, args: &ViolationArgs) -> anyhow::Result<()> {
    let filter = ViolationFilter {
        from: args.from,
        to: args.to,
        region: args.region.clone(),
        enterprise_id: args.enterprise.clone(),
        plate: args.plate.clone(),
        kind: args.kind,
        severity: args.severity,
        status: args.status,
        handled: args.handled,
        appeal: args.appeal,
    };
    let mut output = Output::open(args.out.as_deref())?;
    let mut page = Page::first(PAGE_ROWS_MAX);
    loop {
        let listed = store.list_violations(&filter, &page).await?;
        for stored in &listed.items {
            output.write(&violation_json(stored, zone)?)?;
            output.write("\n")?;
        }
        page.after = listed.next;
        if page.after.is_none() {
            return output.finish();
        }
    }
}

/// Standard output, or a file that takes its name only when it is whole.
enum Output {
    Standard(io::BufWriter<io::Stdout>),
    File {
        path: PathBuf,
        partial: PathBuf,
        file: io::BufWriter<std::fs::File>,
    },
}

impl Output {
    fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else {
            return Ok(Self::Standard(io::BufWriter::new(io::stdout())));
        };
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let file = std::fs::File::create(&partial)
            .with_context(|| format!("cannot write {}", partial.display()))?;
        Ok(Self::File {
            path: path.to_owned(),
            partial,
            file: io::BufWriter::new(file),
        })
    }

    fn write(&mut self, text: &str) -> anyhow::Result<()> {
        match self {
            Self::Standard(output) => super::quiet(output.write_all(text.as_bytes())),
            Self::File { file, partial, .. } => file
                .write_all(text.as_bytes())
                .with_context(|| format!("cannot write {}", partial.display())),
        }
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Standard(mut output) => super::quiet(output.flush()),
            Self::File {
                path,
                partial,
                mut file,
            } => file
                .flush()
                .and_then(|()| file.get_ref().sync_all())
                .and_then(|()| std::fs::rename(&partial, &path))
                .with_context(|| format!("cannot write {}", path.display())),
        }
    }
}
