//! The road map: import, load, memory, the screen, and judging with it.
//!
//! The map: an extract of the shared data where it is there (`ROADWARDEN_SHARED_DATA`, or
//! `../shared/data`), copied side by side to the size of a province; else nothing is measured.
//! `cargo bench --bench roads`.
//!
//! The fleet: a third of the vehicles stands; the others drive for an hour, quick ways to random goals,
//! at 0.6 to 0.95 of the limit (of what is usual on such roads where there is none), slow down for
//! corners, and wait at lights; one in fifty drives at 1.2 of it.
//! A fix every ten seconds, with errors of 5 m that change slowly and 1.5 m that are new each time.

#![expect(
    clippy::unwrap_used,
    reason = "the drives come from the tests, and a bench may panic as they do"
)]

#[path = "../tests/it/matching/drives.rs"]
#[expect(dead_code, reason = "the tests need the rest")]
mod drives;
#[path = "../tests/it/matching/truth.rs"]
#[expect(dead_code, reason = "the bench of matching needs the rest")]
mod truth;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use roadwarden::detect::{Context, VehicleProfile, VehicleState};
use roadwarden::files::osm;
use roadwarden::geo::{AreaIndex, CorridorIndex};
use roadwarden::model::rules::RuleSet;
use roadwarden::model::{
    Events, Fix, Quality, Source, Span, Speed, Timestamp, VehicleClass, VehicleId,
};
use roadwarden::roads::limit::overrides::Passing;
use roadwarden::roads::matching::Sighting;
use roadwarden::roads::prepared::{decode, encode};
use roadwarden::roads::{
    NodeNumber, NodePlace, RoadClass, RoadMap, RoadNetwork, SegmentNumber, WayFlags, WayInput,
};
use roadwarden::rulebook;

use drives::{Errors, Manner, drives_in};
use truth::TrueFix;

/// Extract that is copied.
const EXTRACT: &str = "osm/arizona_az303.osm.pbf";
/// Copies that make a province of 5 million segments.
const COPIES: i32 = if cfg!(debug_assertions) { 1 } else { 58 };
/// Time of the first fix: noon of a working day in China. Unit: s since 1970.
const START_S: i64 = 1_795_060_800;
/// Errors of positioning.
const ERRORS: Errors = Errors {
    slow_m: 5.0,
    slow_s: 30.0,
    fast_m: 1.5,
};
/// Vehicles that drive at once.
const VEHICLES: u32 = 2000;
/// Drives, each taken by several vehicles.
const DRIVES: usize = if cfg!(debug_assertions) { 3 } else { 100 };
/// Fixes of each vehicle, ten seconds apart.
const FIXES: u32 = if cfg!(debug_assertions) { 20 } else { 360 };

#[expect(clippy::print_stdout, reason = "a bench reports")]
fn main() {
    let Some(extract) = extract() else {
        println!("not run: no {EXTRACT} in the shared data");
        return;
    };
    let rules = rulebook::parse(rulebook::default_document()).expect("the default document holds");
    let (took, (network, _)) =
        timed(|| osm::read(&extract, &|_| ()).expect("the extract is whole"));
    let segments = network.len();
    println!("import: {segments} segments from .osm.pbf in {took:.0?}");
    let (bytes, version) = encode(&province(&network));
    let (took, (province, _)) = timed(|| decode(&bytes).expect("it was just made"));
    let size = province.len();
    let per_segment = per(province.memory_bytes(), size);
    println!(
        "load: {size} segments, {} MB prepared, in {took:.0?}; {per_segment:.1} bytes a segment",
        bytes.len() / 1_000_000
    );
    let (took, map) = timed(|| RoadMap::new(Arc::new(province), &version, Vec::new(), &[&rules]));
    println!(
        "screen: made in {took:.2?}; map and screen {:.1} bytes a segment, {} MB",
        per(map.memory_bytes(), size),
        map.memory_bytes() / 1_000_000
    );
    drop(map);
    let map = RoadMap::new(Arc::new(network), &version, Vec::new(), &[&rules]);
    println!("detect with {segments} segments, one core:");
    let usual = fleet(&map, &rules, (0.6, 0.95));
    judge("usual fleet, no map", &rules, None, &usual);
    judge("usual fleet", &rules, Some(&map), &usual);
    let all_speed = fleet(&map, &rules, (1.2, 1.2));
    judge(
        "the moving ones 20 % too fast",
        &rules,
        Some(&map),
        &all_speed,
    );
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    #[expect(clippy::disallowed_methods, reason = "a bench measures time")]
    let begin = Instant::now();
    let made = work();
    (begin.elapsed(), made)
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn per(bytes: usize, count: usize) -> f64 {
    bytes as f64 / count as f64
}

fn extract() -> Option<PathBuf> {
    let shared = std::env::var_os("ROADWARDEN_SHARED_DATA").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let path = shared.unwrap_or(beside).join(EXTRACT);
    path.is_file().then_some(path)
}

/// Copies of a network side by side.
fn province(network: &RoadNetwork) -> RoadNetwork {
    let mut nodes = Vec::new();
    let mut ways = Vec::new();
    for copy in 0..COPIES {
        let id = |node: NodeNumber| network.node_id(node) + i64::from(copy) * 100_000_000_000;
        for node in (0..network.node_count()).filter_map(|node| u32::try_from(node).ok()) {
            let place = network.place(NodeNumber(node));
            let moved = NodePlace {
                lat_e7: place.lat_e7 - 60_000_000 + copy / 8 * 6_000_000,
                lon_e7: place.lon_e7 + copy % 8 * 6_000_000,
            };
            nodes.push((id(NodeNumber(node)), moved));
        }
        for segment in network
            .segments()
            .iter()
            .filter(|segment| !segment.is_backward())
        {
            let way = network.way(segment.way());
            ways.push(WayInput {
                id: i64::try_from(ways.len()).unwrap_or(i64::MAX),
                class: way.class,
                lanes: way.lanes,
                layer: way.layer,
                flags: way.flags,
                forward: true,
                backward: !way.flags.contains(WayFlags::ONEWAY),
                name: String::new(),
                limits: network.posted(way).clone(),
                nodes: vec![id(segment.from()), id(segment.to())],
            });
        }
    }
    nodes.sort_unstable();
    RoadNetwork::build(&nodes, ways).expect("a network of networks")
}

/// Usual speed: the limit, or what is usual on such roads. Unit: m/s.
fn usual_m_s(map: &RoadMap, rules: &RuleSet, segment: SegmentNumber) -> f64 {
    let start = Timestamp::from_seconds(START_S);
    let passing = Passing {
        segment,
        place: map
            .network()
            .place(map.network().segment(segment).from())
            .position(),
        class: None,
        time: start,
    };
    let limit = map.limit(&rules.roads, &rules.zone, &passing);
    let of_class = match map.network().way_of(segment).class {
        RoadClass::Motorway => 100.0,
        RoadClass::Trunk => 90.0,
        RoadClass::Primary => 70.0,
        RoadClass::Secondary => 60.0,
        RoadClass::Tertiary => 50.0,
        _ => 35.0,
    };
    limit.speed.map_or(of_class, |limit| limit.kmh().min(100.0)) / 3.6
}

/// The tracks of all vehicles; those that are not in haste go at the shares of the usual speed given.
fn fleet(map: &RoadMap, rules: &RuleSet, haste: (f64, f64)) -> Vec<Vec<Fix>> {
    let usual = |_: &RoadNetwork, segment| usual_m_s(map, rules, segment);
    let drives_at = |seed, count, haste| {
        let manner = Manner {
            errors: ERRORS,
            haste,
            goals: 8,
            seconds_max: 3600,
            usual: &usual,
            brakes_ahead: false,
        };
        drives_in(map.network(), seed, count, manner)
    };
    let calm = drives_at(1, DRIVES, haste);
    let fast = drives_at(2, DRIVES.div_ceil(10), (1.2, 1.2));
    (0..VEHICLES)
        .map(|vehicle| {
            let pick = |drives: &[Vec<TrueFix>]| {
                let number = vehicle as usize % drives.len();
                track(vehicle, drives[number].iter().map(|fix| fix.sighting))
            };
            match vehicle {
                _ if vehicle.is_multiple_of(3) => {
                    let there = calm[vehicle as usize % calm.len()][0].sighting;
                    track(vehicle, std::iter::once(there))
                }
                _ if vehicle % 50 == 1 => pick(&fast),
                _ => pick(&calm),
            }
        })
        .collect()
}

/// A vehicle's fixes; it stands where the drive ends.
fn track(vehicle: u32, drive: impl Iterator<Item = Sighting>) -> Vec<Fix> {
    let mut seen = drive.step_by(10).peekable();
    let mut last = None;
    (0..FIXES)
        .filter_map(|number| {
            let stands = seen.peek().is_none();
            last = seen.next().or(last);
            let mut sighting = last?;
            if stands {
                sighting.speed = Speed::ZERO;
            }
            Some(fix(vehicle, number, &sighting))
        })
        .collect()
}

/// Judges the vehicles' fixes interleaved, and tells the speed: the best of three runs.
#[expect(clippy::print_stdout, reason = "a bench reports")]
fn judge(name: &str, rules: &RuleSet, roads: Option<&RoadMap>, tracks: &[Vec<Fix>]) {
    let profile = VehicleProfile::of_class(VehicleClass::TouristCoach);
    let (routes, areas) = (CorridorIndex::default(), AreaIndex::default());
    let context = Context {
        rules,
        profile: &profile,
        routes: &routes,
        areas: &areas,
        roads,
    };
    let run = || {
        let mut states = vec![VehicleState::default(); tracks.len()];
        let mut out = Vec::new();
        let mut told = 0;
        let (took, ()) = timed(|| {
            for number in 0..FIXES as usize {
                for (state, track) in states.iter_mut().zip(tracks) {
                    state.handle_fix(&context, &track[number], &mut out);
                    told += out.len();
                    out.clear();
                }
            }
        });
        let bytes: usize = states.iter().map(VehicleState::memory_bytes).sum();
        (took, told, bytes / states.len())
    };
    let (took, told, bytes) = (0..3).map(|_| run()).min().unwrap_or_default();
    let moving = tracks.iter().flatten();
    let moving = moving.filter(|fix| fix.speed > rules.motion.driving_over);
    let (moving, count) = (moving.count(), tracks.len() * FIXES as usize);
    println!(
        "  {name}: {:.2} M fixes/s, {:.0} % of them moving, {told} transitions, {bytes} bytes a state",
        per(count, 1) / took.as_secs_f64() / 1e6,
        per(moving * 100, count),
    );
}

fn fix(vehicle: u32, number: u32, seen: &Sighting) -> Fix {
    let time = Timestamp::from_seconds(START_S + i64::from(number) * 10 + i64::from(vehicle % 10));
    Fix {
        vehicle: VehicleId(vehicle),
        time,
        received: time + Span::from_seconds(1),
        position: seen.position,
        speed: seen.speed,
        course: seen.course,
        altitude_m: None,
        odometer: None,
        alarm: 0,
        status: 3,
        driver: None,
        source: Source::File,
        quality: Quality::GOOD,
        events: Events::NONE,
        passengers: None,
    }
}
