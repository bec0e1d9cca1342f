//! `evaluate`: judges recorded fixes with no database; violations as JSON lines.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;

use super::fix_options::FixOptions;
use super::import::{read_roads, told};
use crate::detect::{self, PermitValidity, RouteValidity, Track, VehicleProfile, judge_tracks};
use crate::files::fixes::{self, FleetIndex, Registry, Subject};
use crate::files::{areas, fleet, road_limits, routes};
use crate::geo::{AreaIndex, CorridorIndex};
use crate::model::fleet::{FleetFolder, VehicleEntry};
use crate::model::rules::RuleSet;
use crate::model::{Datum, DriverId, Fix, Source, VehicleId, Violation};
use crate::normalize::plausibility::assess;
use crate::roads::RoadMap;
use crate::roads::prepared::encode;
use crate::rulebook;
use crate::view::{ViolationHistory, ViolationOwner, ViolationView};

/// What to judge, and by what.
#[derive(Clone, Debug, clap::Args)]
pub struct EvaluateArgs {
    /// Fleet folder
    #[arg(long, value_name = "DIR")]
    pub fleet: PathBuf,
    /// File of fixes: .ndjson, .csv, .gpx or .jt808hex, each also .gz; may be given several times
    #[arg(long, value_name = "FILE", required = true)]
    pub fixes: Vec<PathBuf>,
    /// Planned routes (GeoJSON)
    #[arg(long, value_name = "FILE")]
    pub routes: Option<PathBuf>,
    /// Areas (GeoJSON)
    #[arg(long, value_name = "FILE")]
    pub areas: Option<PathBuf>,
    /// Road map: an OpenStreetMap extract (.osm.pbf or .osm)
    #[arg(long, value_name = "FILE")]
    pub roads: Option<PathBuf>,
    /// Limits that the operator sets over the map's (CSV, or GeoJSON lines)
    #[arg(long, value_name = "FILE", requires = "roads")]
    pub road_limits: Option<PathBuf>,
    /// Rulebook document (default: the built-in one)
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// How to read the fixes
    #[command(flatten)]
    pub options: FixOptions,
}

/// Bad lines of fixes that are told one by one; further ones are counted.
const BAD_LINES_TOLD_MAX: u64 = 1000;

/// Judges all fixes and writes violations to `out`, ordered by plate, beginning and kind; what is
/// wrong with the input goes to `notes`.
///
/// # Errors
/// When a file cannot be read or used as a whole. Bad lines of fixes are told and left out.
pub fn run(args: &EvaluateArgs, out: &mut dyn Write, notes: &mut dyn Write) -> anyhow::Result<()> {
    let rules = load_rules(args)?;
    let fleet = told(fleet::read_folder(&args.fleet, &rules.zone), notes)?;
    let routes = match &args.routes {
        Some(file) => told(routes::read(file), notes)?,
        None => Vec::new(),
    };
    let areas = match &args.areas {
        Some(file) => told(areas::read(file), notes)?,
        None => Vec::new(),
    };
    let roads = load_roads(args, &rules, notes)?;
    let mut register = Register::new(&fleet);
    let tracks = read_tracks(args, &rules, &mut register, notes)?;
    let places = Places {
        routes: CorridorIndex::new(routes),
        areas: AreaIndex::new(areas),
        roads,
    };
    for (vehicle, violation) in judge(&fleet, &places, &rules, &tracks) {
        let owner = ViolationOwner {
            plate: &vehicle.plate,
            enterprise_id: &vehicle.enterprise_id,
            driver: violation.driver.and_then(|id| register.licence(id)),
        };
        let history = ViolationHistory::first(violation.first_seen_at);
        let view = ViolationView::new(&violation, owner, history, &rules.zone);
        serde_json::to_writer(&mut *out, &view)?;
        writeln!(out)?;
    }
    out.flush().context("cannot write the violations")
}

fn load_rules(args: &EvaluateArgs) -> anyhow::Result<RuleSet> {
    let text = match &args.rules {
        Some(file) => {
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
        }
        None => rulebook::default_document().to_owned(),
    };
    rulebook::parse(&text).context("the rulebook cannot be used")
}

fn load_roads(
    args: &EvaluateArgs,
    rules: &RuleSet,
    notes: &mut dyn Write,
) -> anyhow::Result<Option<RoadMap>> {
    let Some(file) = &args.roads else {
        return Ok(None);
    };
    let limits = match &args.road_limits {
        Some(file) => told(road_limits::read(file, &rules.zone), notes)?,
        None => Vec::new(),
    };
    let (network, _) = read_roads(file)?;
    let (_, version) = encode(&network);
    let map = RoadMap::new(Arc::new(network), &version, limits, &[rules]);
    for set in map.overrides().unused() {
        writeln!(notes, "no road of the map answers to limit {:?}", set.id)?;
    }
    Ok(Some(map))
}

/// Vehicles by their place in the fleet folder, drivers by licence.
struct Register {
    index: FleetIndex,
    /// By number; those of the fleet folder first.
    licences: Vec<String>,
    /// How many are of the fleet folder.
    registered: usize,
}

impl Register {
    fn new(fleet: &FleetFolder) -> Self {
        let mut index = FleetIndex::of(fleet);
        let drivers = fleet.drivers.iter();
        let mut licences: Vec<String> = drivers.map(|driver| driver.licence.clone()).collect();
        licences.sort_unstable();
        licences.dedup();
        for (id, licence) in (0..).zip(&licences) {
            index.insert_driver(licence, DriverId(id));
        }
        Self {
            index,
            registered: licences.len(),
            licences,
        }
    }

    /// Numbers the drivers by licence, as the database does those that it comes to know together: in records
    /// that differ only in their driver the number decides. No driver is looked up after it.
    fn number_drivers(&mut self, tracks: &mut Tracks) {
        let mut licences = self.licences.clone();
        if let Some(others) = licences.get_mut(self.registered..) {
            others.sort_unstable();
        }
        let numbers: BTreeMap<&str, u32> = licences.iter().map(String::as_str).zip(0..).collect();
        let number = |licence: &String| numbers.get(licence.as_str()).copied().map(DriverId);
        let renumbered: Vec<Option<DriverId>> = self.licences.iter().map(number).collect();
        for fix in tracks.values_mut().flatten() {
            let place = fix.driver.and_then(|id| usize::try_from(id.0).ok());
            fix.driver = place.and_then(|place| *renumbered.get(place)?);
        }
        self.licences = licences;
    }

    fn licence(&self, id: DriverId) -> Option<&str> {
        let place = usize::try_from(id.0).ok()?;
        self.licences.get(place).map(String::as_str)
    }
}

impl Registry for Register {
    fn vehicle(&mut self, subject: &Subject<'_>) -> Option<VehicleId> {
        self.index.find(subject)
    }

    fn datum(&self, vehicle: VehicleId) -> Datum {
        self.index.datum(vehicle)
    }

    fn driver(&mut self, licence: &str) -> Option<DriverId> {
        if let Some(id) = self.index.find_driver(licence) {
            return Some(id);
        }
        let id = DriverId(u32::try_from(self.licences.len()).ok()?);
        self.index.insert_driver(licence, id);
        self.licences.push(licence.to_owned());
        Some(id)
    }
}

type Tracks = BTreeMap<VehicleId, Vec<Fix>>;

fn read_tracks(
    args: &EvaluateArgs,
    rules: &RuleSet,
    register: &mut Register,
    notes: &mut dyn Write,
) -> anyhow::Result<Tracks> {
    let options = args.options.read_options()?;
    let mut tracks = Tracks::new();
    for path in &args.fixes {
        let input = fixes::open(path)?;
        let mut bad_lines = 0;
        let mut note_error = None;
        fixes::read(input.format, input.reader, &options, &mut |line, row| {
            // Recorded fixes have no time of receipt: each counts as received when it was taken.
            let fix = row.and_then(|row| row.resolve(register, row.time, Source::File));
            match fix {
                Ok(mut fix) => {
                    fix.quality = assess(&rules.plausibility, &fix);
                    tracks.entry(fix.vehicle).or_default().push(fix);
                }
                Err(error) => {
                    bad_lines += 1;
                    if bad_lines <= BAD_LINES_TOLD_MAX {
                        let (path, code) = (path.display(), error.code());
                        note_error = writeln!(notes, "{path}:{line}: {error} ({code})").err();
                    }
                }
            }
            match note_error {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(()),
            }
        })
        .with_context(|| format!("cannot read {}", path.display()))?;
        if let Some(error) = note_error {
            return Err(error.into());
        }
        if bad_lines > 0 {
            writeln!(notes, "{}: {bad_lines} bad lines left out", path.display())?;
        }
    }
    register.number_drivers(&mut tracks);
    Ok(tracks)
}

/// The imported places.
struct Places {
    routes: CorridorIndex,
    areas: AreaIndex,
    roads: Option<RoadMap>,
}

/// Every violation with its vehicle, ordered by plate, beginning and kind.
fn judge<'f>(
    fleet: &'f FleetFolder,
    places: &Places,
    rules: &RuleSet,
    tracks: &Tracks,
) -> Vec<(&'f VehicleEntry, Violation)> {
    let seen: Vec<_> = (0..)
        .zip(&fleet.vehicles)
        .filter_map(|(id, vehicle)| Some((tracks.get(&VehicleId(id))?, vehicle)))
        .map(|(fixes, vehicle)| (fixes, profile(vehicle, fleet, &places.routes)))
        .collect();
    let seen: Vec<_> = seen
        .iter()
        .map(|(fixes, profile)| Track {
            fixes: fixes.as_slice(),
            context: detect::Context {
                rules,
                profile,
                routes: &places.routes,
                areas: &places.areas,
                roads: places.roads.as_ref(),
            },
        })
        .collect();
    let vehicle = |violation: &Violation| fleet.vehicles.get(violation.vehicle.0 as usize);
    let mut found: Vec<_> = judge_tracks(&seen)
        .into_iter()
        .filter_map(|violation| Some((vehicle(&violation)?, violation)))
        .collect();
    found.sort_by(|(left_vehicle, left), (right_vehicle, right)| {
        let key = |vehicle: &VehicleEntry, violation: &Violation| {
            let color = vehicle.plate.color.name();
            let kind = violation.kind.name();
            (
                color,
                violation.started_at,
                kind,
                violation.subject().to_owned(),
            )
        };
        let by_plate = left_vehicle.plate.text.cmp(&right_vehicle.plate.text);
        by_plate.then_with(|| key(left_vehicle, left).cmp(&key(right_vehicle, right)))
    });
    found
}

/// What the register says of a vehicle: the routes of `assignments.csv`, or else the usual one, and
/// its permits.
fn profile(vehicle: &VehicleEntry, fleet: &FleetFolder, routes: &CorridorIndex) -> VehicleProfile {
    let mut validities: Vec<RouteValidity> = fleet
        .assignments
        .iter()
        .filter(|assignment| assignment.plate == vehicle.plate)
        .filter_map(|assignment| {
            Some(RouteValidity {
                route: routes.find(&assignment.route_id)?,
                from: assignment.from,
                to: assignment.to,
            })
        })
        .collect();
    if validities.is_empty() {
        let usual = vehicle.route_id.as_deref().and_then(|id| routes.find(id));
        validities.extend(usual.map(|route| RouteValidity {
            route,
            from: None,
            to: None,
        }));
    }
    let enterprise = fleet
        .enterprises
        .iter()
        .find(|enterprise| enterprise.id == vehicle.enterprise_id);
    VehicleProfile {
        class: vehicle.class,
        seats: vehicle.seats,
        line_km: vehicle.line_km,
        region: vehicle
            .region
            .clone()
            .or_else(|| enterprise.map(|enterprise| enterprise.region.clone())),
        routes: validities,
        permits: fleet
            .permits
            .iter()
            .filter(|permit| permit.plate == vehicle.plate)
            .map(|permit| PermitValidity {
                kind: permit.kind,
                from: permit.from,
                to: permit.to,
            })
            .collect(),
    }
}
