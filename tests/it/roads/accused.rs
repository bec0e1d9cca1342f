//! Who is accused on real roads, and who is found: drives of our own whose true road and speed are
//! known, judged as a server would, at several rates and errors.
//!
//! Half of the drives keep to one kind of road through the whole map, so that main roads are driven
//! beside their ramps and frontage roads, over and under other roads; half go to random goals.

use std::sync::Arc;

use roadwarden::model::{Fix, Span, Timestamp, VehicleClass, Violation};
use roadwarden::roads::limit::overrides::Passing;
use roadwarden::roads::{RoadClass, RoadMap, RoadNetwork, SegmentNumber, WayFlags};

use crate::drive::{Scene, fix, line, moment, rules};
use crate::matching::drives::{Errors, Manner, drives_along, drives_in, straight_ways};
use crate::matching::truth::{TrueFix, network};

/// When all drives begin: by day.
const START: &str = "11-21 10:00";

/// What is driven on an extract.
#[derive(Clone, Copy, Debug)]
struct Traffic {
    seed: u64,
    /// Drives to random goals, and for each kind of road along it.
    random: usize,
    along: usize,
    /// Only of main roads.
    main_roads: bool,
    error_m: f64,
    /// Share of their limits at which all drive.
    haste: f64,
}

/// What judging made of drives.
#[derive(Debug, Default)]
struct Answer {
    /// Violations with points under a limit that was not true meanwhile.
    accused: Vec<String>,
    /// Times of more than two minutes over the true limit, by a tenth and more.
    guilty: usize,
    /// Of these, those that no violation shows.
    missed: Vec<String>,
}

/// The limit of a vehicle on a segment by day. Unit: km/h.
fn limit_kmh(scene: &Scene, segment: SegmentNumber) -> f64 {
    let map = scene.roads().unwrap();
    let (rules, class) = (&scene.rules, scene.profile.class);
    let begin = map.network().segment(segment).from();
    let passing = Passing {
        segment,
        place: map.network().place(begin).position(),
        class: Some(class),
        time: moment(START),
    };
    let own = map.limit(&rules.roads, &rules.zone, &passing);
    let kind = map.network().way_of(segment).kind();
    let cap = rules.speeding.caps.of(class).on(Some(kind)).kmh();
    own.speed.map_or(cap, |own| own.kmh().min(cap))
}

/// What is fast enough where the limit would let one go faster. Unit: km/h.
fn usual_kmh(network: &RoadNetwork, segment: SegmentNumber) -> f64 {
    match network.way_of(segment).class {
        RoadClass::Motorway => 110.0,
        RoadClass::Trunk => 90.0,
        RoadClass::Primary => 80.0,
        RoadClass::Secondary => 70.0,
        RoadClass::Tertiary => 60.0,
        _ => 40.0,
    }
}

fn is_main(network: &RoadNetwork, segment: SegmentNumber) -> bool {
    let way = network.way_of(segment);
    let is_large = matches!(way.class, RoadClass::Motorway | RoadClass::Trunk);
    is_large && !way.flags.contains(WayFlags::LINK)
}

fn drives(scene: &Scene, network: &RoadNetwork, traffic: Traffic) -> Vec<Vec<TrueFix>> {
    let usual = |network: &RoadNetwork, segment| {
        limit_kmh(scene, segment).min(usual_kmh(network, segment)) / 3.6
    };
    let manner = Manner {
        errors: Errors {
            slow_m: traffic.error_m,
            slow_s: 6.0 * traffic.error_m.sqrt() * 2.0,
            fast_m: 0.3 * traffic.error_m,
        },
        haste: (traffic.haste, traffic.haste),
        goals: 1,
        seconds_max: 900,
        usual: &usual,
        brakes_ahead: traffic.haste < 1.0,
    };
    let ways = straight_ways(network, traffic.seed, traffic.along, |segment| {
        !traffic.main_roads || is_main(network, segment)
    });
    let mut drives = drives_along(network, traffic.seed, &ways, manner);
    drives.extend(drives_in(network, traffic.seed, traffic.random, manner));
    drives
}

/// Judges the drives with a fix every so many seconds.
fn ask(scene: &Scene, drives: &[Vec<TrueFix>], step_s: usize, answer: &mut Answer) {
    for drive in drives {
        let thin: Vec<TrueFix> = drive.iter().step_by(step_s).copied().collect();
        let fixes: Vec<Fix> = thin.iter().map(as_fix).collect();
        let found = scene.judge(&fixes);
        let wrong = found.iter().filter(|one| is_wrong(scene, &thin, one));
        answer
            .accused
            .extend(wrong.map(|one| format!("{step_s} s: {}", line(one))));
        for (from, to) in guilty(scene, drive) {
            answer.guilty += 1;
            let is_during = |one: &Violation| {
                one.started_at < to && one.ended_at.is_none_or(|ended| ended > from)
            };
            if !found.iter().any(is_during) {
                answer
                    .missed
                    .push(format!("{step_s} s: {from:?} to {to:?}"));
            }
        }
    }
}

fn time_of(seen: &TrueFix) -> Timestamp {
    moment(START) + Span::from_millis(seen.sighting.at_ms)
}

fn as_fix(seen: &TrueFix) -> Fix {
    Fix {
        speed: seen.sighting.speed,
        course: seen.sighting.course,
        ..fix(time_of(seen), 0, seen.sighting.position)
    }
}

/// Times of two minutes and more over the true limit by a tenth.
fn guilty(scene: &Scene, drive: &[TrueFix]) -> Vec<(Timestamp, Timestamp)> {
    let mut times: Vec<(Timestamp, Timestamp)> = Vec::new();
    for seen in drive {
        let limit = limit_kmh(scene, seen.segment.unwrap());
        if seen.sighting.speed.kmh() < 1.1 * limit {
            continue;
        }
        let now = time_of(seen);
        match times.last_mut() {
            Some((_, to)) if *to + Span::from_seconds(1) == now => *to = now,
            _ => times.push((now, now)),
        }
    }
    times.retain(|(from, to)| to.since(*from) >= Span::from_minutes(2));
    times
}

/// Whether points are given for a limit that is lower than any that was true meanwhile.
fn is_wrong(scene: &Scene, thin: &[TrueFix], violation: &Violation) -> bool {
    let Some(applied) = &violation.limit else {
        return false;
    };
    let ended = violation.ended_at;
    let during = thin.iter().filter(|seen| {
        let time = time_of(seen);
        violation.started_at <= time && ended.is_none_or(|ended| time < ended)
    });
    let limits = during.map(|seen| limit_kmh(scene, seen.segment.unwrap()));
    let lowest = limits.fold(f64::INFINITY, f64::min);
    violation.points.is_some_and(|points| points > 0) && applied.legal.kmh() < lowest - 0.001
}

/// Nobody who keeps his limits is accused; who is a fifth over them for minutes is found, and not
/// under another limit than his.
fn check(extract: &str, [random, along]: [usize; 2], main_roads: bool) {
    let Some(network) = network(extract) else {
        return;
    };
    let network = Arc::new(network);
    let rules = rules();
    for (class, error_m, seed) in [
        (
            VehicleClass::TouristCoach,
            if main_roads { 15.0 } else { 5.0 },
            21,
        ),
        (VehicleClass::Hazmat, 15.0, 22),
    ] {
        let map = RoadMap::new(Arc::clone(&network), "m1", Vec::new(), &[&rules]);
        let scene = Scene::of(class).with_roads(map);
        for haste in [0.95, 1.2] {
            let traffic = Traffic {
                seed,
                random,
                along,
                main_roads,
                error_m,
                haste,
            };
            let drives = drives(&scene, &network, traffic);
            let mut answer = Answer::default();
            for step_s in [1, 10, 30] {
                ask(&scene, &drives, step_s, &mut answer);
            }
            assert!(
                answer.accused.is_empty() && answer.missed.is_empty(),
                "{extract}: {class} {traffic:?}: {answer:#?}"
            );
            assert!(haste > 1.0 || answer.guilty == 0, "{class} {traffic:?}");
        }
    }
}

#[test]
fn nobody_is_accused_beside_frontage_roads_and_ramps() {
    check("arizona_az303", [2, 1], false);
    check("arizona_az303", [0, 12], true);
}

#[test]
fn nobody_is_accused_on_a_countrys_roads() {
    check("liechtenstein", [1, 2], false);
}

#[test]
fn nobody_is_accused_on_and_under_interchanges() {
    check("shenzhen_longgang", [4, 3], false);
    check("shenzhen_longgang", [0, 8], true);
    check("shenzhen_liuxiandong", [2, 2], false);
}

#[test]
fn nobody_is_accused_in_towns() {
    check("helsinki_centre", [4, 2], false);
    check("beijing_haidian_tsinghua", [4, 2], false);
}
