//! Distance to the planned route: the corridor index against a plain scan of the route.
//!
//! The same world as the bench `detect`. `cargo bench --bench corridor`.

mod world;

use std::collections::BTreeMap;

use divan::counter::ItemsCount;
use roadwarden::geo::{RouteNumber, SegmentNumber};
use roadwarden::model::Position;

use world::{Scale, World};

fn main() {
    divan::main();
}

/// Fixes with the routes that they should be on.
fn questions(world: &World) -> Vec<(RouteNumber, Position)> {
    let fixes = world.fixes(3).into_iter();
    fixes
        .filter_map(|fix| {
            let profile = &world.profiles[world::index(fix.vehicle)];
            Some((profile.routes.first()?.route, fix.position))
        })
        .collect()
}

/// The tree alone: the nearest point of one route.
#[divan::bench]
fn tree(bencher: divan::Bencher<'_, '_>) {
    let world = World::new(Scale::of_this_build());
    let questions = questions(&world);
    bencher.counter(ItemsCount::new(questions.len())).bench(|| {
        questions
            .iter()
            .filter(|(route, place)| {
                world
                    .routes()
                    .nearest_within(*route, *place, 100.0)
                    .is_some()
            })
            .count()
    });
}

/// What the detectors do: the segment of the last fix first, the tree where that fails.
#[divan::bench]
fn last_segment_then_tree(bencher: divan::Bencher<'_, '_>) {
    let world = World::new(Scale::of_this_build());
    let questions = questions(&world);
    let hints: Vec<Option<SegmentNumber>> = questions
        .iter()
        .map(|(route, place)| {
            world
                .routes()
                .nearest(*route, *place)
                .map(|hit| hit.segment)
        })
        .collect();
    bencher.counter(ItemsCount::new(questions.len())).bench(|| {
        questions
            .iter()
            .zip(&hints)
            .filter(|((route, place), hint)| {
                hint.and_then(|hint| world.routes().still_inside(*route, hint, *place, 100.0))
                    .or_else(|| {
                        Some(
                            world
                                .routes()
                                .nearest_within(*route, *place, 100.0)?
                                .segment,
                        )
                    })
                    .is_some()
            })
            .count()
    });
}

/// Every segment of the route in turn.
#[divan::bench]
fn plain_scan(bencher: divan::Bencher<'_, '_>) {
    let world = World::new(Scale::of_this_build());
    let questions = questions(&world);
    let lines: BTreeMap<RouteNumber, Vec<Segment>> = questions
        .iter()
        .map(|(route, _)| (*route, segments(&world, *route)))
        .collect();
    bencher.counter(ItemsCount::new(questions.len())).bench(|| {
        questions
            .iter()
            .filter(|(route, place)| scan(&lines[route], *place) <= 100.0 * 100.0)
            .count()
    });
}

/// A segment in metres: first point, way to the second, both from the equator and the meridian.
struct Segment {
    from: (f64, f64),
    way: (f64, f64),
    degree_east_m: f64,
}

const DEGREE_M: f64 = 111_195.0;

fn segments(world: &World, route: RouteNumber) -> Vec<Segment> {
    let line = world
        .routes()
        .route(route)
        .map_or(&[][..], |route| &route.line);
    line.windows(2)
        .map(|pair| {
            let degree_east_m = DEGREE_M * pair[0].lat().to_radians().cos();
            Segment {
                from: (pair[0].lat() * DEGREE_M, pair[0].lon() * degree_east_m),
                way: (
                    (pair[1].lat() - pair[0].lat()) * DEGREE_M,
                    (pair[1].lon() - pair[0].lon()) * degree_east_m,
                ),
                degree_east_m,
            }
        })
        .collect()
}

/// Least squared distance to any segment. Unit: m².
fn scan(segments: &[Segment], place: Position) -> f64 {
    let distance_2 = |segment: &Segment| {
        let north = place.lat() * DEGREE_M - segment.from.0;
        let east = place.lon() * segment.degree_east_m - segment.from.1;
        let length_2 = segment.way.0 * segment.way.0 + segment.way.1 * segment.way.1;
        let share = ((north * segment.way.0 + east * segment.way.1) / length_2).clamp(0.0, 1.0);
        let (off_north, off_east) = (north - share * segment.way.0, east - share * segment.way.1);
        off_north * off_north + off_east * off_east
    };
    segments
        .iter()
        .map(distance_2)
        .fold(f64::INFINITY, f64::min)
}
