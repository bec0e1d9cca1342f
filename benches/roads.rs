//! The road map: import, load, memory, the screen, and judging with it.
//!
//! The map: an extract of the shared data where it is there (`ROADWARDEN_SHARED_DATA`, or
//! `../shared/data`), copied side by side to the size of a province; else nothing is measured.
//! `cargo bench --bench roads`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use roadwarden::detect::{Context, VehicleProfile, VehicleState};
use roadwarden::files::osm;
use roadwarden::geo::{AreaIndex, CorridorIndex};
use roadwarden::model::rules::RuleSet;
use roadwarden::model::{
    Course, Events, Fix, Position, Quality, Source, Span, Speed, Timestamp, VehicleClass, VehicleId,
};
use roadwarden::roads::prepared::{decode, encode};
use roadwarden::roads::{
    NodeNumber, NodePlace, RoadClass, RoadMap, RoadNetwork, SegmentNumber, WayFlags, WayInput,
};
use roadwarden::rulebook;

/// Extract that is copied.
const EXTRACT: &str = "osm/arizona_az303.osm.pbf";
/// Copies that make a province of 5 million segments.
const COPIES: i32 = if cfg!(debug_assertions) { 1 } else { 58 };
/// Vehicles that drive at once.
const VEHICLES: u32 = 2000;
/// Fixes of each, ten seconds apart.
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
        "screen: made in {took:.0?}; map and screen {:.1} bytes a segment, {} MB",
        per(map.memory_bytes(), size),
        map.memory_bytes() / 1_000_000
    );
    drop(map);
    let map = RoadMap::new(Arc::new(network), &version, Vec::new(), &[&rules]);
    println!("detect with {segments} segments, one core:");
    judge("no map", &rules, None, Drive::Usual, &map);
    judge("usual fleet", &rules, Some(&map), Drive::Usual, &map);
    judge(
        "every vehicle 20 % over every limit",
        &rules,
        Some(&map),
        Drive::AllSpeed,
        &map,
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

/// How vehicles drive.
#[derive(Clone, Copy, PartialEq)]
enum Drive {
    /// A third stands, the others drive at 0.6 to 0.95 of the limit of their road or class, one in
    /// fifty of them at 1.2 of it.
    Usual,
    /// All drive at 1.2 of it.
    AllSpeed,
}

/// Judges the vehicles' fixes interleaved, and tells the speed.
#[expect(clippy::print_stdout, reason = "a bench reports")]
fn judge(name: &str, rules: &RuleSet, roads: Option<&RoadMap>, drive: Drive, ground: &RoadMap) {
    let tracks: Vec<Vec<Fix>> = (0..VEHICLES)
        .map(|vehicle| track(vehicle, drive, ground, rules))
        .collect();
    let profile = VehicleProfile::of_class(VehicleClass::TouristCoach);
    let (routes, areas) = (CorridorIndex::default(), AreaIndex::default());
    let context = Context {
        rules,
        profile: &profile,
        routes: &routes,
        areas: &areas,
        roads,
    };
    let mut states = vec![VehicleState::default(); tracks.len()];
    let mut out = Vec::new();
    let mut told = 0;
    let (took, ()) = timed(|| {
        for number in 0..FIXES as usize {
            for (state, track) in states.iter_mut().zip(&tracks) {
                state.handle_fix(&context, &track[number], &mut out);
                told += out.len();
                out.clear();
            }
        }
    });
    let fixes = f64::from(VEHICLES * FIXES);
    let bytes: usize = states.iter().map(VehicleState::memory_bytes).sum();
    println!(
        "  {name}: {:.2} M fixes/s, {told} transitions, {} bytes a state",
        fixes / took.as_secs_f64() / 1e6,
        bytes / states.len()
    );
}

/// A pseudo-random number, the same in every run.
fn mix(vehicle: u32, salt: u32) -> u32 {
    let mut x = vehicle.wrapping_mul(0x9e37_79b9) ^ salt.wrapping_mul(0x85eb_ca6b);
    x ^= x >> 15;
    x = x.wrapping_mul(0xc2b2_ae35);
    x ^ (x >> 13)
}

/// A vehicle's fixes along the roads: at each node it goes on along the largest road.
fn track(vehicle: u32, drive: Drive, map: &RoadMap, rules: &RuleSet) -> Vec<Fix> {
    let network = map.network();
    let stands = drive == Drive::Usual && vehicle.is_multiple_of(3);
    let speeds = drive == Drive::AllSpeed || vehicle % 50 == 1;
    let share = if speeds {
        1.2
    } else {
        0.6 + f64::from(mix(vehicle, 1) % 36) / 100.0
    };
    let mut at = first_segment(vehicle, network);
    let mut ahead_m = 0.0;
    let mut fixes = Vec::new();
    for number in 0..FIXES {
        let limit = map.limit(
            &rules.roads,
            &rules.zone,
            at,
            None,
            Timestamp::from_seconds(0),
        );
        let limit_kmh = limit.speed.map_or(100.0, Speed::kmh).min(100.0);
        let kmh = if stands { 0.0 } else { limit_kmh * share };
        ahead_m += kmh / 3.6 * 10.0;
        while ahead_m > network.segment(at).length_m() {
            ahead_m -= network.segment(at).length_m();
            at = next_segment(network, at);
        }
        fixes.push(fix(
            vehicle,
            number,
            place(network, at, ahead_m),
            kmh,
            course(map, at),
        ));
    }
    fixes
}

fn is_large(network: &RoadNetwork, segment: SegmentNumber) -> bool {
    network.way_of(segment).class <= RoadClass::Secondary
}

fn first_segment(vehicle: u32, network: &RoadNetwork) -> SegmentNumber {
    let count = u32::try_from(network.len()).unwrap_or(u32::MAX);
    let picks = (0..200).map(|salt| SegmentNumber(mix(vehicle, 100 + salt) % count));
    let mut picks = picks.peekable();
    let first = *picks.peek().expect("there are picks");
    picks.find(|pick| is_large(network, *pick)).unwrap_or(first)
}

fn next_segment(network: &RoadNetwork, at: SegmentNumber) -> SegmentNumber {
    let segment = network.segment(at);
    let onward = network
        .leaving(segment.to())
        .filter(|next| Some(*next) != segment.twin());
    let next = onward.min_by_key(|next| {
        let way = network.way_of(*next);
        (way.class, network.segment(*next).way() != segment.way())
    });
    next.or(segment.twin()).unwrap_or(at)
}

fn place(network: &RoadNetwork, at: SegmentNumber, ahead_m: f64) -> Position {
    let segment = network.segment(at);
    let (from, to) = (network.place(segment.from()), network.place(segment.to()));
    let share = (ahead_m / segment.length_m()).clamp(0.0, 1.0);
    let between = |from: i32, to: i32| f64::from(from) + (f64::from(to) - f64::from(from)) * share;
    let (lat, lon) = (
        between(from.lat_e7, to.lat_e7),
        between(from.lon_e7, to.lon_e7),
    );
    Position::from_degrees(lat / 1e7, lon / 1e7).unwrap_or_default()
}

/// The course along a segment, in whole degrees.
fn course(map: &RoadMap, at: SegmentNumber) -> Option<Course> {
    let north = Course::from_degrees(0)?;
    let apart = map.apart_deg(at, north);
    let east = map.apart_deg(at, Course::from_degrees(90)?);
    let degrees = if east <= 90.0 { apart } else { 360.0 - apart };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "degrees of a circle"
    )]
    Course::from_degrees(degrees.round() as u16 % 360)
}

fn fix(vehicle: u32, number: u32, position: Position, kmh: f64, course: Option<Course>) -> Fix {
    let time =
        Timestamp::from_seconds(1_795_000_000 + i64::from(number) * 10 + i64::from(vehicle % 10));
    let noise = |salt| i32::try_from(mix(vehicle, number * 2 + salt) % 81).unwrap_or(0) - 40;
    Fix {
        vehicle: VehicleId(vehicle),
        time,
        received: time + Span::from_seconds(1),
        position: Position {
            lat_udeg: position.lat_udeg + noise(0),
            lon_udeg: position.lon_udeg + noise(1),
        },
        speed: Speed::from_kmh(kmh).unwrap_or_default(),
        course,
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
