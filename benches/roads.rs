//! The road map: import, load, memory, the screen, and judging with it.
//!
//! The maps: extracts of the shared data where they are there (`ROADWARDEN_SHARED`, or `../shared`);
//! one is copied side by side to the size of a province. `cargo bench --bench roads`; a name after `--`
//! chooses parts: `province` (import, load, memory), `usual` (a fleet on it, a fix every ten seconds),
//! `planned` (the same with 1,000 routes and 1,000 areas), `sparse` (a fix every 30 s), `speeders` (all
//! that move are 20 % too fast), `centre` (the middle of a town).
//!
//! The fleet is that of [`road_fleet`].

#![expect(
    clippy::unwrap_used,
    reason = "the drives come from the tests, and a bench may panic as they do"
)]

#[path = "../tests/it/matching/drives.rs"]
#[expect(dead_code, reason = "the tests need the rest")]
mod drives;
mod road_fleet;
#[path = "../tests/it/matching/truth.rs"]
#[expect(dead_code, reason = "the bench of matching needs the rest")]
mod truth;

use std::sync::Arc;
use std::time::{Duration, Instant};

use roadwarden::detect::{Context, VehicleState};
use roadwarden::files::osm;
use roadwarden::model::Fix;
use roadwarden::model::rules::RuleSet;
use roadwarden::roads::prepared::{decode, encode};
use roadwarden::roads::{NodeNumber, NodePlace, RoadMap, RoadNetwork, WayFlags, WayInput};
use roadwarden::rulebook;

use road_fleet::{Drives, Plans};
use truth::{network, shared};

/// Extract of a town and the land around it; it is copied.
const EXTRACT: &str = "arizona_az303";
/// Extract of the middle of a town.
const CENTRE: &str = "helsinki_centre";
/// Copies that make a province of 5 million segments.
const COPIES: i32 = if cfg!(debug_assertions) { 1 } else { 58 };
/// Goals of a drive: an hour's on a large extract, and on a small one.
const GOALS: usize = 8;
const GOALS_NEAR: usize = 40;

fn main() {
    let chosen = std::env::args().skip(1).find(|name| !name.starts_with('-'));
    let is_chosen = |name: &str| chosen.as_deref().is_none_or(|chosen| name.contains(chosen));
    let rules = rulebook::parse(rulebook::default_document()).unwrap();
    if is_chosen("province") {
        report_province(&rules);
    }
    for (name, extract, goals, haste, step_s, is_planned) in [
        ("usual", EXTRACT, GOALS, (0.6, 0.95), 10, false),
        ("planned", EXTRACT, GOALS, (0.6, 0.95), 10, true),
        ("sparse", EXTRACT, GOALS, (0.6, 0.95), 30, false),
        ("speeders", EXTRACT, GOALS, (1.2, 1.2), 10, false),
        ("centre", CENTRE, GOALS_NEAR, (0.6, 0.95), 10, false),
    ] {
        let Some(network) = is_chosen(name).then(|| network(extract)).flatten() else {
            continue;
        };
        let map = RoadMap::new(Arc::new(network), "bench", Vec::new(), &[&rules]);
        let drives = Drives::new(&map, &rules, haste, goals);
        let tracks = drives.tracks(step_s);
        let plans = if is_planned {
            Plans::new(&map, &drives)
        } else {
            Plans::none()
        };
        report_fleet(name, &rules, &map, &plans, &tracks);
    }
}

/// Import, load and memory.
#[expect(clippy::print_stdout, reason = "a bench reports")]
fn report_province(rules: &RuleSet) {
    let Some(extract) = shared(&format!("osm/{EXTRACT}.osm.pbf")) else {
        return;
    };
    let (took, (network, _)) = timed(|| osm::read(&extract, &|_| ()).unwrap());
    let segments = network.len();
    println!("import: {segments} segments from .osm.pbf in {took:.0?}");
    let (bytes, version) = encode(&province(&network));
    let (took, (province, _)) = timed(|| decode(&bytes).unwrap());
    let size = province.len();
    let per_segment = per(province.memory_bytes(), size);
    println!(
        "load: {size} segments, {} MB prepared, in {took:.0?}; {per_segment:.1} bytes a segment",
        bytes.len() / 1_000_000
    );
    let (took, map) = timed(|| RoadMap::new(Arc::new(province), &version, Vec::new(), &[rules]));
    println!(
        "screen: made in {took:.2?}; map and screen {:.1} bytes a segment, {} MB",
        per(map.memory_bytes(), size),
        map.memory_bytes() / 1_000_000
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

/// Judges the fleet without and with the map.
#[expect(clippy::print_stdout, reason = "a bench reports")]
fn report_fleet(name: &str, rules: &RuleSet, map: &RoadMap, plans: &Plans, tracks: &[Vec<Fix>]) {
    let fixes = || tracks.iter().flatten();
    let count = fixes().count();
    let moving = fixes().filter(|fix| fix.speed > rules.motion.driving_over);
    let inside = fixes().filter(|fix| !plans.areas.locate(fix.position).inside.is_empty());
    println!(
        "{name}: {} segments, {} routes, {} areas; of {count} fixes {:.0} % move, {:.0} % lie in areas",
        map.network().len(),
        plans.routes.len(),
        plans.areas.len(),
        per(moving.count() * 100, count),
        per(inside.count() * 100, count),
    );
    for (how, roads) in [("no map", None), ("with the map", Some(map))] {
        let (took, told, bytes) = (0..3)
            .map(|_| judge(rules, roads, plans, tracks))
            .min()
            .unwrap_or_default();
        println!(
            "  {how}: {:.2} M fixes/s, {told} transitions, {bytes} bytes a state",
            per(count, 1) / took.as_secs_f64() / 1e6,
        );
    }
}

/// Judges the vehicles' fixes interleaved: the time that it takes, transitions, bytes of a state.
fn judge(
    rules: &RuleSet,
    roads: Option<&RoadMap>,
    plans: &Plans,
    tracks: &[Vec<Fix>],
) -> (Duration, usize, usize) {
    let mut states = vec![VehicleState::default(); tracks.len()];
    let mut out = Vec::new();
    let mut told = 0;
    let (took, ()) = timed(|| {
        for number in 0..tracks.first().map_or(0, Vec::len) {
            let vehicles = states.iter_mut().zip(tracks).zip(&plans.profiles);
            for ((state, track), profile) in vehicles {
                let context = Context {
                    rules,
                    profile,
                    routes: &plans.routes,
                    areas: &plans.areas,
                    roads,
                };
                state.handle_fix(&context, &track[number], &mut out);
                told += out.len();
                out.clear();
            }
        }
    });
    let bytes: usize = states.iter().map(VehicleState::memory_bytes).sum();
    (took, told, bytes / states.len())
}
