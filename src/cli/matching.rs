//! `match`: which road every recorded fix is on; one JSON object a fix.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::fix_options::FixOptions;
use super::import::told;
use crate::clock::Clock;
use crate::files::fixes::{self, FixRow, FleetIndex};
use crate::files::{fleet, osm, road_limits};
use crate::model::fleet::FleetFolder;
use crate::model::{Datum, Speed, Timestamp, VehicleClass};
use crate::roads::RoadNetwork;
use crate::roads::limit::hours::WeekTime;
use crate::roads::limit::overrides::{Overrides, Passing};
use crate::roads::limit::{LimitOrigin, RoadLimit};
use crate::roads::map::limit_on;
use crate::roads::matching::{Match, Matcher, Sighting};
use crate::rulebook;
use crate::view::RoadMatchView;

/// What to match, and on which roads.
#[derive(Clone, Debug, clap::Args)]
pub struct MatchArgs {
    /// OpenStreetMap extract: .osm.pbf or .osm
    #[arg(long, value_name = "FILE")]
    pub roads: PathBuf,
    /// File of fixes: .ndjson, .csv, .gpx or .jt808hex, each also .gz. Tracks are told apart by
    /// `track`, by plate or by terminal. A row may name no vehicle, and may have seconds (`t_s`) for
    /// the time and `heading_deg` for the course
    #[arg(long, value_name = "FILE")]
    pub fixes: PathBuf,
    /// Match as if no course were reported
    #[arg(long)]
    pub no_course: bool,
    /// Decide each fix with that many later fixes only (default: with the whole track)
    #[arg(long, value_name = "N")]
    pub lag: Option<usize>,
    /// Limits that the operator sets over the map's (CSV, or GeoJSON lines); each holds for the fixes of its
    /// time and its classes
    #[arg(long, value_name = "FILE")]
    pub road_limits: Option<PathBuf>,
    /// Fleet folder: tells the class of a vehicle, and the datum of its places
    #[arg(long, value_name = "DIR")]
    pub fleet: Option<PathBuf>,
    /// Class of the vehicles that no fleet folder tells (default: only limits for all classes hold)
    #[arg(long, value_name = "CLASS", value_parser = known_class)]
    pub class: Option<VehicleClass>,
    /// How to read the fixes
    #[command(flatten)]
    pub options: FixOptions,
}

fn known_class(name: &str) -> Result<VehicleClass, String> {
    let names = || VehicleClass::ALL.iter().map(|class| class.name());
    name.parse()
        .map_err(|_unknown| format!("one of {}", names().collect::<Vec<_>>().join(", ")))
}

/// Bad lines of fixes that are told one by one; further ones are counted.
const BAD_LINES_TOLD_MAX: u64 = 1000;

/// A fix of the file.
#[derive(Clone, Copy, Debug)]
struct Row {
    line: u64,
    track: usize,
    time: Timestamp,
    /// Whether the time is of the calendar.
    is_dated: bool,
    /// Of its vehicle, where known.
    class: Option<VehicleClass>,
    sighting: Sighting,
}

/// Matches all fixes and writes one JSON line for each to `out`, in the order of the file; what is
/// wrong with the input, and how long matching took, goes to `notes`.
///
/// # Errors
/// When a file cannot be read as a whole. Bad lines of fixes are told and left out.
pub fn run(args: &MatchArgs, out: &mut dyn Write, notes: &mut dyn Write) -> anyhow::Result<()> {
    let rules = rulebook::parse(rulebook::default_document())?;
    let fleet = match &args.fleet {
        Some(folder) => told(fleet::read_folder(folder, &rules.zone), notes)?,
        None => FleetFolder::default(),
    };
    let limits = match &args.road_limits {
        Some(file) => told(road_limits::read(file, &rules.zone), notes)?,
        None => Vec::new(),
    };
    let (network, _) = osm::read(&args.roads, &|_| ())?;
    let overrides = Overrides::new(&network, limits);
    for set in overrides.unused() {
        writeln!(notes, "no road of the map answers to limit {:?}", set.id)?;
    }
    let rows = read(args, &fleet, notes)?;
    let clock = Clock::system();
    let found = match_all(&network, &overrides, &rows, args.lag);
    let seconds = clock.monotonic().as_secs_f64();
    let fixes = rows.len();
    writeln!(
        notes,
        "{fixes} fixes matched in {seconds:.3} s on one thread"
    )?;
    for (row, found) in rows.iter().zip(&found) {
        let limit = |found: &Match| {
            let passing = Passing {
                segment: found.segment,
                place: row.sighting.position,
                class: row.class,
                time: row.time,
            };
            // Seconds from any moment tell no hour.
            let at = row.is_dated.then(|| WeekTime::of(&rules.zone, row.time));
            limit_on(&network, &overrides, &rules.roads, &passing, at)
        };
        let view = match found {
            Some(found) => view(&network, limit(found), row.line, found),
            None => RoadMatchView::none(row.line),
        };
        serde_json::to_writer(&mut *out, &view)?;
        writeln!(out)?;
    }
    out.flush().context("cannot write the matches")
}

fn read(args: &MatchArgs, fleet: &FleetFolder, notes: &mut dyn Write) -> anyhow::Result<Vec<Row>> {
    let register = FleetIndex::of(fleet);
    let mut options = args.options.read_options()?;
    options.bare = true;
    let input = fixes::open(&args.fixes)?;
    let mut tracks = Tracks::default();
    let mut rows = Vec::new();
    let mut bad_lines = BadLines::new(&args.fixes);
    fixes::read(input.format, input.reader, &options, &mut |line, row| {
        match row {
            Ok(row) => {
                let vehicle = register.find(&row.subject);
                let class = vehicle
                    .and_then(|id| fleet.vehicles.get(usize::try_from(id.0).ok()?))
                    .map(|vehicle| vehicle.class);
                let datum = vehicle.map_or(Datum::default(), |id| register.datum(id));
                rows.push(Row {
                    line,
                    track: tracks.number(&row),
                    time: row.time,
                    is_dated: row.is_dated,
                    class: class.or(args.class),
                    sighting: Sighting {
                        at_ms: row.time.millis(),
                        position: row.wgs84(datum),
                        speed: row.speed,
                        course: row.course.filter(|_| !args.no_course),
                    },
                });
            }
            Err(error) => return bad_lines.tell(line, &error, notes),
        }
        ControlFlow::Continue(())
    })
    .with_context(|| format!("cannot read {}", args.fixes.display()))?;
    bad_lines.finish(notes)?;
    Ok(rows)
}

/// Tracks by vehicle and name, numbered in order of first sight.
#[derive(Debug, Default)]
struct Tracks(BTreeMap<(String, String), usize>);

impl Tracks {
    fn number(&mut self, row: &FixRow<'_>) -> usize {
        let name = row.track.as_deref().unwrap_or_default().to_owned();
        let next = self.0.len();
        *self
            .0
            .entry((row.subject.to_string(), name))
            .or_insert(next)
    }
}

/// Lines that are no fixes.
struct BadLines<'a> {
    path: &'a Path,
    count: u64,
    fault: Option<std::io::Error>,
}

impl<'a> BadLines<'a> {
    const fn new(path: &'a Path) -> Self {
        Self {
            path,
            count: 0,
            fault: None,
        }
    }

    fn tell(
        &mut self,
        line: u64,
        error: &fixes::LineError,
        notes: &mut dyn Write,
    ) -> ControlFlow<()> {
        self.count += 1;
        if self.count <= BAD_LINES_TOLD_MAX {
            let (path, code) = (self.path.display(), error.code());
            self.fault = writeln!(notes, "{path}:{line}: {error} ({code})").err();
        }
        match self.fault {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }

    fn finish(self, notes: &mut dyn Write) -> anyhow::Result<()> {
        if let Some(fault) = self.fault {
            return Err(fault.into());
        }
        if self.count > 0 {
            let (path, count) = (self.path.display(), self.count);
            writeln!(notes, "{path}: {count} bad lines left out")?;
        }
        Ok(())
    }
}

/// One answer for each row: every track matched in order of time, fixes of one time in that of the
/// file.
fn match_all(
    network: &RoadNetwork,
    overrides: &Overrides,
    rows: &[Row],
    lag: Option<usize>,
) -> Vec<Option<Match>> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|at| (rows[*at].track, rows[*at].sighting.at_ms));
    let mut found = vec![None; rows.len()];
    let mut matcher = Matcher::new(network).with_overrides(overrides);
    for track in order.chunk_by(|a, b| rows[*a].track == rows[*b].track) {
        let sightings: Vec<Sighting> = track.iter().map(|at| rows[*at].sighting).collect();
        let answers = match lag {
            Some(lag) => matcher.track_with_lag(&sightings, lag),
            None => matcher.track(&sightings),
        };
        for (at, matched) in track.iter().zip(answers) {
            found[*at] = matched;
        }
    }
    found
}

fn view(network: &RoadNetwork, limit: RoadLimit, line: u64, found: &Match) -> RoadMatchView {
    let segment = network.segment(found.segment);
    RoadMatchView {
        line,
        way: Some(network.way(segment.way()).id),
        from_node: Some(network.node_id(segment.from())),
        to_node: Some(network.node_id(segment.to())),
        limit_kmh: limit.speed.map(Speed::kmh),
        limit_source: limit.origin.map(LimitOrigin::name),
        distance_m: Some(rounded(found.distance_m, 100.0)),
        confidence: rounded(found.confidence, 1000.0),
    }
}

/// Rounded to a part of one.
fn rounded(value: f32, parts: f64) -> f64 {
    (f64::from(value) * parts).round() / parts
}
