//! Fixes judged a second on one core, all detectors, and bytes of a vehicle's state.
//!
//! The world: routes of 64 km in segments of 80 m over a province, ten coaches on each, one fix
//! every ten seconds of each vehicle, in the order of time. Coaches stop, some speed, some leave
//! their route, some are tired. What the vehicles tell of their drivers is counted for each driver, too,
//! as the flusher does. `cargo bench --bench detect`.

mod world;

use std::collections::BTreeMap;

use divan::counter::ItemsCount;
use roadwarden::detect::{Context, Ledger, Piece, Subject, Transition, VehicleState};
use roadwarden::geo::AreaIndex;
use roadwarden::model::route::{Area, AreaKind};
use roadwarden::model::rules::RuleSet;
use roadwarden::model::{Position, Span, Speed};
use roadwarden::rulebook;
use rustc_hash::FxHashMap;

use world::{Scale, World};

fn main() {
    report_memory();
    divan::main();
}

/// Judges every fix of the world, vehicles interleaved as they would arrive.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn in_order(bencher: divan::Bencher<'_, '_>) {
    judge_all(bencher, |_| AreaIndex::default());
}

/// The same with as many areas as routes, one across each.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn in_order_with_areas(bencher: divan::Bencher<'_, '_>) {
    judge_all(bencher, areas);
}

fn judge_all(bencher: divan::Bencher<'_, '_>, areas: impl FnOnce(&World) -> AreaIndex) {
    let world = World::new(Scale::of_this_build());
    let areas = areas(&world);
    let rules = rules();
    let fixes = world.fixes(if cfg!(debug_assertions) { 30 } else { 150 });
    bencher
        .counter(ItemsCount::new(fixes.len()))
        .with_inputs(|| {
            (
                vec![VehicleState::default(); world.profiles.len()],
                Drivers::default(),
            )
        })
        .bench_local_refs(|(states, drivers)| {
            let mut out = Vec::new();
            let mut told = 0;
            for (tick, fixes) in fixes.chunks(world.profiles.len()).enumerate() {
                for fix in fixes {
                    let number = world::index(fix.vehicle);
                    let context = context(&rules, &world, &areas, number);
                    states[number].handle_fix(&context, fix, &mut out);
                    told += drivers.take(&mut out);
                }
                if tick % TICKS_OF_A_FLUSH == TICKS_OF_A_FLUSH - 1 {
                    for state in states.iter_mut() {
                        state.take_pieces(&mut out);
                        drivers.take(&mut out);
                    }
                    let of = |vehicle| context(&rules, &world, &areas, world::index(vehicle));
                    told += drivers.count(&rules, |piece| of(piece.vehicle).at(piece.from));
                }
            }
            told
        });
}

/// Fixes of each vehicle between two flushes: of 10,000 vehicles half a million, which is half a second's
/// at a million fixes a second.
const TICKS_OF_A_FLUSH: usize = 50;

/// The counters of all drivers, with what vehicles told since the last flush.
#[derive(Default)]
struct Drivers {
    told: Vec<Piece>,
    ledgers: FxHashMap<Subject, Ledger>,
}

impl Drivers {
    /// Takes pieces up; the number of all other transitions.
    fn take(&mut self, out: &mut Vec<Transition>) -> usize {
        let mut others = 0;
        for transition in out.drain(..) {
            match transition {
                Transition::Piece(piece) => self.told.push(*piece),
                _ => others += 1,
            }
        }
        others
    }

    /// Counts what was told; the number of transitions.
    fn count<'c>(&mut self, rules: &RuleSet, context: impl Fn(&Piece) -> Context<'c>) -> usize {
        let mut tasks: BTreeMap<Subject, Vec<Piece>> = BTreeMap::new();
        for piece in self.told.drain(..) {
            tasks.entry(piece.subject).or_default().push(piece);
        }
        let mut out = Vec::new();
        for (subject, told) in tasks {
            let context = |piece: &Piece| Some(context(piece));
            let ledger = self
                .ledgers
                .entry(subject)
                .or_insert_with(|| Ledger::new(subject, &[], rules, context));
            let counted = ledger.advance(&told, rules, context, &mut out);
            assert!(counted.is_ok(), "pieces of one vehicle come in order");
        }
        out.len()
    }
}

/// States of line coaches after seven days of driving with a stop every few minutes.
fn after_a_week(vehicles: u32) -> Vec<VehicleState> {
    let world = World::new(Scale {
        routes: 1,
        vehicles_a_route: vehicles,
    });
    let rules = rules();
    let areas = AreaIndex::default();
    let mut out = Vec::new();
    let mut states = Vec::new();
    for vehicle in 0..vehicles {
        let mut state = VehicleState::default();
        for day in 0..7_u32 {
            for tick in 0..8 * 120_u32 {
                let stands =
                    world::mix(vehicle, day * 1000 + tick / 12).is_multiple_of(4) && tick % 12 < 4;
                let resting = (480..520).contains(&tick);
                let mut fix = world.fix(vehicle, tick / 3);
                fix.time = world::start() + Span::from_seconds(i64::from(day * 86_400 + tick * 30));
                if stands || resting {
                    fix.speed = Speed::ZERO;
                }
                let number = world::index(fix.vehicle);
                let context = context(&rules, &world, &areas, number);
                state.handle_fix(&context, &fix, &mut out);
                out.clear();
            }
        }
        states.push(state);
    }
    states
}

/// Saves and restores states as a flush and a restart do.
#[divan::bench(sample_count = 5)]
fn snapshot_and_restore(bencher: divan::Bencher<'_, '_>) {
    let states = after_a_week(20);
    bencher
        .counter(ItemsCount::new(states.len()))
        .bench_local(|| {
            states
                .iter()
                .filter(|state| VehicleState::restore(&state.snapshot()).is_ok())
                .count()
        });
}

/// Bytes of a state after a week of usual driving.
#[expect(clippy::print_stdout, reason = "a bench reports")]
fn report_memory() {
    let states = after_a_week(20);
    let bytes = states.iter().map(VehicleState::memory_bytes);
    let saved = states.iter().map(|state| state.snapshot().len());
    println!(
        "vehicle state: {} bytes bare, after a week of line driving {} mean, {} most; snapshot {} mean",
        size_of::<VehicleState>(),
        bytes.clone().sum::<usize>() / states.len(),
        bytes.max().unwrap_or(0),
        saved.sum::<usize>() / states.len(),
    );
}

fn rules() -> RuleSet {
    rulebook::parse(rulebook::default_document()).expect("the default document holds")
}

/// An area of sixteen corners and some kilometres around a place of each route; one in ten forbids,
/// the others limit.
fn areas(world: &World) -> AreaIndex {
    let routes = world.routes();
    let area = |number: u32| {
        let line = &routes.route(routes.find(&format!("R{number}"))?)?.line;
        let middle = line.get(world::mix(number, 6) as usize % line.len())?;
        let reach = 0.01 + f64::from(world::mix(number, 7) % 20) / 1000.0;
        let corner = |corner: u32| {
            let angle = f64::from(corner % 16) / 16.0 * std::f64::consts::TAU;
            let reach = reach * (1.0 + f64::from(corner % 2) / 2.0);
            let (north, east) = (angle.sin() * reach, angle.cos() * reach);
            Position::from_degrees(middle.lat() + north, middle.lon() + east)
        };
        let forbidden = number.is_multiple_of(10);
        Some(Area {
            id: format!("A{number}"),
            name: format!("area {number}"),
            kind: if forbidden {
                AreaKind::Forbidden
            } else {
                AreaKind::SpeedLimit
            },
            limit: (!forbidden).then_some(Speed::from_whole_kmh(80)),
            hours: None,
            classes: None,
            polygons: vec![vec![(0..=16).filter_map(corner).collect()]],
        })
    };
    let count = u32::try_from(routes.len()).unwrap_or(0);
    AreaIndex::new((0..count).filter_map(area).collect())
}

fn context<'a>(
    rules: &'a RuleSet,
    world: &'a World,
    areas: &'a AreaIndex,
    number: usize,
) -> Context<'a> {
    Context {
        rules,
        profile: &world.profiles[number],
        routes: world.routes(),
        areas,
        roads: None,
    }
}
