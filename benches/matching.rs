//! Map matching: agreement with tracks whose road is known, and fixes matched a second on one core.
//!
//! Prints a table for every set of the shared data that is there, and one for drives of our own with
//! other seeds and errors. `cargo bench --bench matching`; a name after `--` chooses sets.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench stops at what is wrong, prints, and measures time"
)]

#[path = "../tests/it/matching/drives.rs"]
#[expect(dead_code, reason = "the tests need the rest")]
mod drives;
#[path = "../tests/it/matching/hof.rs"]
mod hof;
#[path = "../tests/it/matching/truth.rs"]
#[expect(dead_code, reason = "the tests need the rest")]
mod truth;

use std::time::Instant;

use roadwarden::roads::RoadNetwork;
use roadwarden::roads::matching::Matcher;

use drives::{Errors, drives};
use hof::{Speeds, mismatch};
use truth::{Sampling, Score, TrueFix, network, synthetic};

const SETS: [(&str, &str); 5] = [
    ("helsinki_centre", "helsinki_s5"),
    ("helsinki_centre", "helsinki_s15"),
    ("arizona_az303", "az303_s5"),
    ("arizona_az303", "az303_s15"),
    ("liechtenstein", "liechtenstein_s5"),
];

/// Maps and errors of our own drives: name, slow error, how slow, fast error.
const OWN: [(&str, Errors); 4] = [
    ("open sky", errors(3.0, 60.0, 1.0)),
    ("usual", errors(6.0, 20.0, 3.0)),
    ("jitter", errors(1.0, 10.0, 10.0)),
    ("canyon", errors(20.0, 40.0, 5.0)),
];

const fn errors(slow_m: f64, slow_s: f64, fast_m: f64) -> Errors {
    Errors {
        slow_m,
        slow_s,
        fast_m,
    }
}

fn main() {
    let chosen = std::env::args().skip(1).find(|name| !name.starts_with('-'));
    let is_chosen = |name: &str| chosen.as_deref().is_none_or(|chosen| name.contains(chosen));
    println!(
        "set                       | every | course | lag   | limit  | way    | precision | recall | sure   | right  | fixes/s"
    );
    for (map, set) in SETS {
        if !is_chosen(set) {
            continue;
        }
        if let (Some(network), Some(mut tracks)) = (network(map), synthetic(set)) {
            tracks.truncate(tracks_max());
            report(set, &network, &tracks);
        }
    }
    for map in [
        "shenzhen_longgang",
        "beijing_haidian_tsinghua",
        "liechtenstein",
    ] {
        if !is_chosen(map) {
            continue;
        }
        let Some(network) = network(map) else {
            continue;
        };
        for (name, errors) in OWN {
            let tracks = drives(&network, 20_261_121, tracks_max(), errors);
            report(&format!("{map} {name}"), &network, &tracks);
        }
    }
    for speeds in [Speeds::Zero, Speeds::FromPlaces] {
        if let Some(mismatch) = is_chosen("hof").then(|| mismatch(speeds)).flatten() {
            println!("hof, speeds {speeds:?}: route mismatch {mismatch:.4}");
        }
    }
}

/// Tracks of a set; few where the bench only must not rot.
const fn tracks_max() -> usize {
    if cfg!(debug_assertions) { 2 } else { 40 }
}

fn report(set: &str, network: &RoadNetwork, tracks: &[Vec<TrueFix>]) {
    let every_way = [1, 5, 10, 30].into_iter().flat_map(|every| {
        [true, false].map(|with_course| Sampling {
            every,
            with_course,
            lag: None,
        })
    });
    let lagging = Sampling {
        lag: Some(3),
        ..Sampling::DENSE
    };
    for sampling in every_way.chain([lagging]) {
        let score = Score::of(network, tracks, sampling);
        let (sure, right) = score.sure();
        println!(
            "{set:25} | {:3} s | {:6} | {:5} | {:.4} | {:.4} | {:.4}    | {:.4} | {sure:.4} | {right:.4} | {:.0}",
            sampling.every,
            if sampling.with_course { "yes" } else { "no" },
            sampling
                .lag
                .map_or_else(|| "whole".to_owned(), |lag| lag.to_string()),
            score.agreement(),
            score.way_agreement(),
            score.precision(),
            score.recall(),
            fixes_a_second(network, tracks, sampling),
        );
    }
}

/// Least time that is measured. Unit: s.
const SECONDS_MIN: f64 = if cfg!(debug_assertions) { 0.0 } else { 0.5 };

/// The best of several runs over all tracks: others use the machine, too.
fn fixes_a_second(network: &RoadNetwork, tracks: &[Vec<TrueFix>], sampling: Sampling) -> f64 {
    let tracks = sampling.thin(tracks);
    let fixes = tracks.iter().map(Vec::len).sum::<usize>();
    let fixes = f64::from(u32::try_from(fixes).unwrap());
    let mut matcher = Matcher::new(network);
    let (mut best, mut total) = (0.0_f64, 0.0);
    loop {
        let started = Instant::now();
        for track in &tracks {
            std::hint::black_box(sampling.run(&mut matcher, track));
        }
        let seconds = started.elapsed().as_secs_f64();
        best = best.max(fixes / seconds);
        total += seconds;
        if total >= SECONDS_MIN {
            return best;
        }
    }
}
