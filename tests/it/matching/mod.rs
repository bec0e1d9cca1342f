//! Which road a vehicle drives: agreement with tracks whose road is known, and the command `match`.
//!
//! The goals are those of the project's plan for these sets; `benches/matching.rs` prints the figures.

mod command;
pub(crate) mod drives;
mod hof;
pub(crate) mod truth;

use std::collections::{BTreeMap, BTreeSet};

use roadwarden::model::{Position, Speed, Timestamp};
use roadwarden::roads::RoadNetwork;
use roadwarden::roads::matching::{Matcher, Sighting};

use drives::{Errors, drives};
use hof::{Speeds, mismatch};
use truth::{Sampling, Score, network, shared, synthetic, table};

/// Agreement of limits on a set at 1 Hz, with 3 later fixes only, and at 10 s and 30 s.
fn check(map: &str, set: &str, dense: f64, at_10_s: f64, at_30_s: f64) {
    let (Some(network), Some(tracks)) = (network(map), synthetic(set)) else {
        return;
    };
    let score = |sampling: Sampling| Score::of(&network, &tracks, sampling);
    let every = |every| Sampling {
        every,
        ..Sampling::DENSE
    };
    let whole = score(Sampling::DENSE);
    assert!(whole.agreement() >= dense, "{set} 1 s: {whole:?}");
    if set.ends_with("_s5") {
        assert!(whole.precision() >= 0.99, "{set}: {whole:?}");
        assert!(whole.recall() >= 0.99, "{set}: {whole:?}");
    }
    let (sure, right) = whole.sure();
    assert!(sure >= 0.9 && right >= 0.98, "{set}: {sure} {right}");
    let lagging = score(Sampling {
        lag: Some(3),
        ..Sampling::DENSE
    });
    let behind = whole.agreement() - lagging.agreement();
    assert!(behind <= 0.005, "{set} with lag 3: {lagging:?}");
    for (seconds, goal) in [(10, at_10_s), (30, at_30_s)] {
        let sparse = score(every(seconds));
        assert!(sparse.agreement() > goal, "{set} {seconds} s: {sparse:?}");
    }
}

#[test]
fn helsinki_with_small_errors_agrees() {
    check("helsinki_centre", "helsinki_s5", 0.993, 0.990, 0.988);
}

#[test]
fn helsinki_with_large_errors_agrees() {
    check("helsinki_centre", "helsinki_s15", 0.972, 0.963, 0.95);
}

#[test]
fn arizona_with_small_errors_agrees() {
    check("arizona_az303", "az303_s5", 0.997, 0.993, 0.990);
}

#[test]
fn arizona_with_large_errors_agrees() {
    check("arizona_az303", "az303_s15", 0.987, 0.981, 0.975);
}

#[test]
fn liechtenstein_agrees() {
    check("liechtenstein", "liechtenstein_s5", 0.997, 0.99, 0.99);
}

#[test]
fn without_a_course_the_movement_tells_the_road() {
    let (Some(network), Some(tracks)) = (network("helsinki_centre"), synthetic("helsinki_s5"))
    else {
        return;
    };
    let blind = Sampling {
        with_course: false,
        ..Sampling::DENSE
    };
    let score = Score::of(&network, &tracks, blind);
    assert!(score.agreement() >= 0.99, "{score:?}");
}

/// Drives of our own on a map, with errors unlike those of the sets.
fn check_drives(map: &str, errors: Errors, way_least: f64) {
    let Some(network) = network(map) else { return };
    for seed in [3, 71] {
        let tracks = drives(&network, seed, 8, errors);
        assert!(!tracks.is_empty(), "{map}: no way was found");
        let score = Score::of(&network, &tracks, Sampling::DENSE);
        assert!(
            score.way_agreement() >= way_least,
            "{map} {errors:?} {seed}: {score:?}"
        );
    }
}

const QUIET: Errors = Errors {
    slow_m: 3.0,
    slow_s: 60.0,
    fast_m: 1.0,
};
const NOISY: Errors = Errors {
    slow_m: 1.0,
    slow_s: 10.0,
    fast_m: 10.0,
};

#[test]
fn other_maps_seeds_and_errors_agree_as_well() {
    for map in [
        "shenzhen_longgang",
        "beijing_haidian_tsinghua",
        "liechtenstein",
    ] {
        check_drives(map, QUIET, 0.97);
        check_drives(map, NOISY, 0.95);
    }
}

#[test]
fn real_routes_are_found_without_a_course() {
    for speeds in [Speeds::Zero, Speeds::FromPlaces] {
        if let Some(mismatch) = mismatch(speeds) {
            assert!(mismatch <= 0.060, "{speeds:?}: {mismatch}");
        }
    }
}

#[test]
fn a_real_walkabout_in_beijing_stays_on_roads() {
    let (Some(network), Some(mut points)) = (
        network("beijing_haidian_tsinghua"),
        table("geolife_001_haidian"),
    ) else {
        return;
    };
    let mut tracks: BTreeMap<u32, Vec<Sighting>> = BTreeMap::new();
    for row in points.records() {
        let row = row.unwrap();
        let number = |column: usize| row[column].parse::<f64>().unwrap();
        let time = Timestamp::from_rfc3339(&format!("{}Z", &row[1])).unwrap();
        let sighting = Sighting {
            at_ms: time.millis(),
            position: Position::from_degrees(number(3), number(2)).unwrap(),
            speed: Speed::ZERO,
            course: None,
        };
        tracks
            .entry(row[0].parse().unwrap())
            .or_default()
            .push(sighting);
    }
    let mut matcher = Matcher::new(&network);
    let mut distances: Vec<f32> = Vec::new();
    let mut count = 0;
    for track in tracks.values() {
        count += track.len();
        let found = matcher.track(&hof::with_speeds(track));
        distances.extend(found.iter().flatten().map(|found| found.distance_m));
    }
    distances.sort_by(f32::total_cmp);
    assert!(
        distances.len() * 100 >= count * 90,
        "{} of {count}",
        distances.len()
    );
    let median = distances[distances.len() / 2];
    assert!(median < 8.0, "{median}");
}

#[test]
fn short_traces_in_shenzhen_give_the_true_roads() {
    let (Some(network), Some(path)) = (
        network("shenzhen_liuxiandong"),
        shared("tracks/shenzhen_liuxiandong_truth.json"),
    ) else {
        return;
    };
    let text = std::fs::read_to_string(path).unwrap();
    let traces: serde_json::Value = serde_json::from_str(&text).unwrap();
    let roads = ways_by_ends(&network);
    let (mut count, mut found) = (0, 0);
    for trace in traces.as_array().unwrap() {
        let truth = trace["truth_nodes"].as_array().unwrap().iter();
        let truth: Vec<i64> = truth.map(|node| node.as_i64().unwrap()).collect();
        let driven = driven_ways(&network, trace);
        // One pair of the truth is no road of this map.
        let ways = truth
            .windows(2)
            .filter_map(|pair| roads.get(&(pair[0], pair[1])));
        for way in ways {
            count += 1;
            found += i32::from(driven.contains(way));
        }
    }
    // Fixes are few, without speed or course, and often nearer to a footway's road than to the true one.
    assert!(count >= 20 && found * 10 >= count * 6, "{found} of {count}");
}

/// Ways by the identifiers of their first and last node; each way of that map is one-way.
fn ways_by_ends(network: &RoadNetwork) -> BTreeMap<(i64, i64), i64> {
    let mut ends: BTreeMap<i64, (Vec<i64>, Vec<i64>)> = BTreeMap::new();
    for segment in network.segments() {
        let nodes = ends.entry(network.way(segment.way()).id).or_default();
        nodes.0.push(network.node_id(segment.from()));
        nodes.1.push(network.node_id(segment.to()));
    }
    let pairs = ends.into_iter().filter_map(|(way, (from, to))| {
        let first = from.iter().find(|node| !to.contains(node))?;
        let last = to.iter().find(|node| !from.contains(node))?;
        Some(((*first, *last), way))
    });
    pairs.collect()
}

/// The ways that the match of a trace drives.
fn driven_ways(network: &RoadNetwork, trace: &serde_json::Value) -> BTreeSet<i64> {
    let points = trace["points"].as_array().unwrap().iter().zip(0_i64..);
    let sightings: Vec<Sighting> = points
        .map(|(point, number)| Sighting {
            at_ms: number * 15_000,
            position: Position::from_degrees(
                point[1].as_f64().unwrap(),
                point[0].as_f64().unwrap(),
            )
            .unwrap(),
            speed: Speed::ZERO,
            course: None,
        })
        .collect();
    let found = Matcher::new(network).track(&sightings);
    let pieces = hof::Roads::new(network).driven(&found);
    let both = pieces.into_iter().flat_map(|(a, b)| [(a, b), (b, a)]);
    let segments = both.flat_map(|(from, to)| {
        let leaving = network.leaving(from);
        leaving.filter(move |one| network.segment(*one).to() == to)
    });
    segments.map(|one| network.way_of(one).id).collect()
}
