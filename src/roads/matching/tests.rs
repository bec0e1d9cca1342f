//! Small worlds in metres: what decides between roads that lie close together.

use proptest::prelude::*;

use super::*;
use crate::model::RoadClass;
use crate::model::road::{OverrideTarget, RoadOverride};
use crate::roads::limit::tags::{Direction, TaggedLimit, TaggedLimits, Value, Who};
use crate::roads::network::{NodePlace, WayFlags, WayInput};

/// Latitude of the origin of the small worlds. Unit: 1e-7 degrees.
const LAT_E7: i32 = 281_000_000;
/// Longitude of the same.
const LON_E7: i32 = 1_129_000_000;

#[expect(clippy::cast_possible_truncation, reason = "small worlds")]
fn place(east_m: f64, north_m: f64) -> NodePlace {
    let north_e7 = 1e7 / crate::geo::DEGREE_M;
    let east_e7 = north_e7 / (f64::from(LAT_E7) / 1e7).to_radians().cos();
    NodePlace {
        lat_e7: LAT_E7 + (north_m * north_e7).round() as i32,
        lon_e7: LON_E7 + (east_m * east_e7).round() as i32,
    }
}

/// A network under construction: nodes are where they are said to be.
#[derive(Default)]
struct World {
    nodes: Vec<(i64, NodePlace)>,
    ways: Vec<WayInput>,
}

impl World {
    /// A way through places, with a limit; a place that is there already is the same node.
    fn way(mut self, id: i64, limit_kmh: u16, oneway: bool, line: &[(f64, f64)]) -> Self {
        let nodes = line
            .iter()
            .map(|(east, north)| self.node(place(*east, *north)));
        let nodes = nodes.collect();
        self.ways.push(WayInput {
            id,
            class: RoadClass::Secondary,
            lanes: 0,
            layer: 0,
            flags: WayFlags::default(),
            forward: true,
            backward: !oneway,
            name: String::new(),
            limits: TaggedLimits {
                limits: vec![TaggedLimit {
                    direction: Direction::Both,
                    who: Who::All,
                    hours: Vec::new(),
                    value: Value::Speed(Speed::from_whole_kmh(limit_kmh)),
                    only_raises: false,
                }],
            },
            nodes,
        });
        self
    }

    /// The number of the node in that place.
    fn node(&mut self, at: NodePlace) -> i64 {
        if let Some(known) = self.nodes.iter().find(|node| node.1 == at) {
            return known.0;
        }
        let number = i64::try_from(self.nodes.len()).unwrap() + 1;
        self.nodes.push((number, at));
        number
    }

    fn build(self) -> RoadNetwork {
        RoadNetwork::build(&self.nodes, self.ways).unwrap()
    }
}

fn sighting(second: f64, east_m: f64, north_m: f64, kmh: f64, course: Option<u16>) -> Sighting {
    #[expect(clippy::cast_possible_truncation, reason = "small worlds")]
    let at_ms = (second * 1000.0) as i64;
    Sighting {
        at_ms,
        position: place(east_m, north_m).position(),
        speed: Speed::from_kmh(kmh).unwrap(),
        course: course.map(|degrees| Course::from_degrees(degrees).unwrap()),
    }
}

/// Fixes every `step_s` along a line at 20 m/s, each off by what `error` gives for its number.
fn drive(
    line: &[(f64, f64)],
    step_s: f64,
    with_course: bool,
    error: impl Fn(u32) -> (f64, f64),
) -> Vec<Sighting> {
    let mut fixes = Vec::new();
    let mut ahead_m = 0.0;
    for pair in line.windows(2) {
        let (east, north) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
        let length = east.hypot(north);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0..360"
        )]
        let course = east.atan2(north).to_degrees().rem_euclid(360.0) as u16;
        while ahead_m < length {
            let number = u32::try_from(fixes.len()).unwrap();
            let off = error(number);
            let share = ahead_m / length;
            fixes.push(sighting(
                f64::from(number) * step_s,
                pair[0].0 + share * east + off.0,
                pair[0].1 + share * north + off.1,
                72.0,
                with_course.then_some(course),
            ));
            ahead_m += 20.0 * step_s;
        }
        ahead_m -= length;
    }
    fixes
}

/// The ways of a track in order, repeats left out; `-` for none.
fn ways(network: &RoadNetwork, matches: &[Option<Match>]) -> String {
    let ids = matches.iter().map(|found| {
        found.map_or_else(
            || "-".to_owned(),
            |found| network.way_of(found.segment).id.to_string(),
        )
    });
    let mut ids: Vec<String> = ids.collect();
    ids.dedup();
    ids.join(" ")
}

fn check(network: &RoadNetwork, fixes: &[Sighting], expected: &str) {
    let found = Matcher::new(network).track(fixes);
    assert_eq!(ways(network, &found), expected, "{found:#?}");
}

/// A ground road (1) under an elevated road (2) in the same place, joined by nothing; ramps (3, 4)
/// lead up at the west end.
fn elevated_over_ground() -> RoadNetwork {
    World::default()
        .way(
            1,
            60,
            false,
            &[(-1000.0, 0.0), (0.0, 0.0), (500.0, 0.0), (2000.0, 0.0)],
        )
        .way(2, 80, false, &[(0.0, 6.0), (500.0, 4.0), (2000.0, 4.0)])
        .way(3, 40, true, &[(-500.0, 40.0), (0.0, 6.0)])
        .way(4, 60, true, &[(-1000.0, 40.0), (-500.0, 40.0)])
        .build()
}

#[test]
fn who_came_up_the_ramp_is_on_the_elevated_road() {
    let network = elevated_over_ground();
    let line = [(-1000.0, 40.0), (-500.0, 40.0), (0.0, 6.0), (1800.0, 2.0)];
    for step_s in [1.0, 5.0, 15.0] {
        // The fixes lie nearer to the ground road once both run side by side.
        let fixes = drive(&line, step_s, true, |_| (0.0, -1.0));
        check(&network, &fixes, "4 3 2");
    }
}

#[test]
fn who_stayed_below_is_on_the_ground_road() {
    let network = elevated_over_ground();
    for step_s in [1.0, 5.0, 15.0] {
        let fixes = drive(&[(-1000.0, 0.0), (1800.0, 0.0)], step_s, true, |_| {
            (0.0, 3.0)
        });
        check(&network, &fixes, "1");
    }
}

/// A main road (1) with an exit (2) that leaves it slowly and then runs beside it.
fn exit_beside_main_road() -> RoadNetwork {
    let line = [(-1000.0, 0.0), (0.0, 0.0), (400.0, 0.0), (2000.0, 0.0)];
    World::default()
        .way(1, 100, true, &line)
        .way(
            2,
            40,
            true,
            &[(0.0, 0.0), (200.0, -10.0), (400.0, -25.0), (2000.0, -25.0)],
        )
        .build()
}

#[test]
fn a_vehicle_that_takes_the_exit_is_on_the_exit() {
    let network = exit_beside_main_road();
    let line = [
        (-900.0, 0.0),
        (0.0, 0.0),
        (200.0, -10.0),
        (400.0, -25.0),
        (1900.0, -25.0),
    ];
    check(&network, &drive(&line, 1.0, true, |_| (0.0, 4.0)), "1 2");
}

#[test]
fn a_vehicle_that_passes_the_exit_stays_on_the_main_road() {
    let network = exit_beside_main_road();
    let line = [(-900.0, 0.0), (1900.0, 0.0)];
    // It drifts toward the exit, as errors of positioning do, long after the fork.
    let drift = |number: u32| (0.0, -f64::from(number.saturating_sub(60)).min(12.0));
    let found = Matcher::new(&network).track(&drive(&line, 1.0, true, drift));
    assert_eq!(ways(&network, &found), "1");
}

#[test]
fn the_direction_comes_from_the_course_or_else_from_the_movement() {
    let network = World::default()
        .way(1, 60, false, &[(0.0, 0.0), (500.0, 0.0), (1000.0, 0.0)])
        .build();
    for with_course in [true, false] {
        let fixes = drive(&[(950.0, 3.0), (50.0, 3.0)], 1.0, with_course, |_| {
            (0.0, 0.0)
        });
        for found in Matcher::new(&network).track(&fixes) {
            assert!(network.segment(found.unwrap().segment).is_backward());
        }
    }
}

#[test]
fn a_vehicle_that_stands_does_not_wander() {
    // It stands beside a crossing; the fixes scatter over all four arms.
    let network = World::default()
        .way(1, 60, false, &[(-200.0, 0.0), (0.0, 0.0), (200.0, 0.0)])
        .way(2, 30, false, &[(0.0, -200.0), (0.0, 0.0), (0.0, 200.0)])
        .build();
    let mut fixes = drive(&[(-150.0, 0.0), (-12.0, 0.0)], 1.0, true, |_| (0.0, 0.0));
    let first = f64::from(u32::try_from(fixes.len()).unwrap());
    for step in 0..300 {
        let angle = f64::from(step) * 2.4;
        let (east, north) = (10.0 * angle.cos(), 10.0 * angle.sin());
        fixes.push(sighting(
            first + f64::from(step),
            -12.0 + east,
            north,
            0.0,
            None,
        ));
    }
    let found = Matcher::new(&network).track(&fixes);
    assert_eq!(ways(&network, &found), "1");
    let segments: Vec<_> = found.iter().flatten().map(|one| one.segment).collect();
    assert!(
        segments[20..]
            .iter()
            .all(|segment| *segment == segments[20])
    );
}

#[test]
fn a_tunnel_is_passed_without_fixes() {
    let network = World::default()
        .way(1, 80, true, &[(0.0, 0.0), (500.0, 0.0)])
        .way(2, 60, true, &[(500.0, 0.0), (1700.0, 0.0)])
        .way(3, 80, true, &[(1700.0, 0.0), (3000.0, 0.0)])
        .build();
    let mut fixes = drive(&[(0.0, 2.0), (2900.0, 2.0)], 1.0, true, |_| (0.0, 0.0));
    fixes.retain(|fix| !(20_000..90_000).contains(&fix.at_ms));
    check(&network, &fixes, "1 3");
}

#[test]
fn after_a_long_gap_the_track_begins_anew() {
    let network = World::default()
        .way(1, 80, true, &[(0.0, 0.0), (1000.0, 0.0)])
        .way(2, 60, true, &[(0.0, 5000.0), (1000.0, 5000.0)])
        .build();
    let mut fixes = drive(&[(0.0, 0.0), (900.0, 0.0)], 1.0, true, |_| (0.0, 0.0));
    for mut fix in drive(&[(0.0, 5000.0), (900.0, 5000.0)], 1.0, true, |_| (0.0, 0.0)) {
        fix.at_ms += 3_600_000;
        fixes.push(fix);
    }
    check(&network, &fixes, "1 2");
}

#[test]
fn far_from_all_roads_there_is_none() {
    let network = exit_beside_main_road();
    check(
        &network,
        &drive(&[(0.0, 300.0), (900.0, 300.0)], 1.0, true, |_| (0.0, 0.0)),
        "-",
    );
    check(&network, &[], "");
}

#[test]
fn a_stray_fix_does_not_send_the_vehicle_round() {
    // Beside the road there is another, reachable at the ends only.
    let network = World::default()
        .way(1, 80, false, &[(-2000.0, 0.0), (0.0, 0.0), (2000.0, 0.0)])
        .way(
            2,
            40,
            false,
            &[
                (-2000.0, 0.0),
                (-2000.0, 400.0),
                (2000.0, 400.0),
                (2000.0, 0.0),
            ],
        )
        .build();
    let stray = |number: u32| (0.0, if number == 40 { 395.0 } else { 2.0 });
    let found =
        Matcher::new(&network).track(&drive(&[(-1900.0, 0.0), (1900.0, 0.0)], 1.0, true, stray));
    assert_eq!(ways(&network, &found), "1 - 1");
}

#[test]
fn turning_round_is_possible_and_seldom() {
    let network = World::default()
        .way(1, 60, false, &[(0.0, 0.0), (1000.0, 0.0), (2000.0, 0.0)])
        .build();
    let line = [(100.0, 0.0), (1200.0, 0.0), (100.0, 0.0)];
    let found = Matcher::new(&network).track(&drive(&line, 1.0, true, |_| (0.0, 0.0)));
    let backward = |found: &Option<Match>| network.segment(found.unwrap().segment).is_backward();
    let turns = found
        .windows(2)
        .filter(|pair| backward(&pair[0]) != backward(&pair[1]));
    assert_eq!(turns.count(), 1);
}

#[test]
fn doubt_shows_where_two_roads_are_alike() {
    // Two roads of different limits, 8 m apart: fixes in the middle tell nothing.
    let network = World::default()
        .way(1, 80, true, &[(0.0, 4.0), (2000.0, 4.0)])
        .way(2, 60, true, &[(0.0, -4.0), (2000.0, -4.0)])
        .build();
    let line = [(50.0, 0.0), (1900.0, 0.0)];
    let least = |error: f64| {
        let found = Matcher::new(&network).track(&drive(&line, 1.0, true, |_| (0.0, error)));
        let sure = found.iter().map(|found| found.unwrap().confidence);
        sure.fold(1.0, f32::min)
    };
    assert!(least(0.0) < 0.6, "{}", least(0.0));
    let alone = exit_beside_main_road();
    let found =
        Matcher::new(&alone).track(&drive(&[(-900.0, 0.0), (-100.0, 0.0)], 1.0, true, |_| {
            (0.0, 2.0)
        }));
    assert!(found.iter().all(|found| found.unwrap().confidence > 0.95));
}

/// Least confidence between two roads for 60, 8 m apart, of which the second has more posted.
fn between_two(more: Option<TaggedLimit>, overrides: &[RoadOverride]) -> f32 {
    let mut world = World::default()
        .way(1, 60, true, &[(0.0, 4.0), (2000.0, 4.0)])
        .way(2, 60, true, &[(0.0, -4.0), (2000.0, -4.0)]);
    world.ways[1].limits.limits.extend(more);
    world.ways[1].flags = WayFlags::BRIDGE;
    let network = world.build();
    let overrides = Overrides::new(&network, overrides.to_vec());
    let fixes = drive(&[(50.0, 0.0), (1900.0, 0.0)], 1.0, true, |_| (0.0, 0.0));
    let found = Matcher::new(&network)
        .with_overrides(&overrides)
        .track(&fixes);
    let sure = found.iter().map(|found| found.unwrap().confidence);
    sure.fold(1.0, f32::min)
}

#[test]
fn roads_of_one_number_differ_by_what_is_for_a_class_or_set_by_the_operator() {
    assert!(between_two(None, &[]) > 0.99);
    let lorries = TaggedLimit {
        direction: Direction::Both,
        who: Who::Goods,
        hours: Vec::new(),
        value: Value::Speed(Speed::from_whole_kmh(40)),
        only_raises: false,
    };
    assert!(between_two(Some(lorries), &[]) < 0.6);
    let on = |id| RoadOverride {
        id: "a".to_owned(),
        target: OverrideTarget::Way { id, backward: None },
        limit: Speed::from_whole_kmh(40),
        classes: Vec::new(),
        from: None,
        to: None,
        set_by: String::new(),
    };
    assert!(between_two(None, &[on(2)]) < 0.6);
    assert!(between_two(None, &[on(3)]) > 0.99);
}

/// Streets 100 m apart, every third one with another limit.
fn streets() -> RoadNetwork {
    let mut world = World::default();
    for street in 0..8_u16 {
        let at = f64::from(street) * 100.0;
        let along = (0..8).map(|cross| f64::from(cross) * 100.0);
        let east: Vec<_> = along.clone().map(|cross| (cross, at)).collect();
        let north: Vec<_> = along.map(|cross| (at, cross)).collect();
        let limit = if street % 3 == 0 { 60 } else { 40 };
        world = world.way(i64::from(street) + 1, limit, false, &east).way(
            i64::from(street) + 101,
            limit,
            street % 2 == 0,
            &north,
        );
    }
    world.build()
}

fn any_fix() -> impl Strategy<Value = (i64, f64, f64, f64, Option<u16>)> {
    let at_ms = prop_oneof![8 => 0..5_000_i64, 1 => Just(0), 1 => 0..10_000_000_i64];
    let place = || prop_oneof![9 => -200.0..900.0_f64, 1 => -200_000.0..200_000.0_f64];
    let kmh = prop_oneof![4 => 0.0..120.0_f64, 1 => Just(0.0), 1 => 0.0..999.0_f64];
    (at_ms, place(), place(), kmh, prop::option::of(0..=360_u16))
}

fn any_track() -> impl Strategy<Value = Vec<Sighting>> {
    prop::collection::vec(any_fix(), 0..60).prop_map(|fixes| {
        let mut at_ms = 0;
        let fixes = fixes.into_iter().map(|(gap_ms, east, north, kmh, course)| {
            at_ms += gap_ms;
            Sighting {
                at_ms,
                ..sighting(0.0, east, north, kmh, course)
            }
        });
        fixes.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_fixes_give_an_answer_each_and_the_same_again(fixes in any_track()) {
        let network = streets();
        let mut matcher = Matcher::new(&network);
        let found = matcher.track(&fixes);
        prop_assert_eq!(found.len(), fixes.len());
        for one in found.iter().flatten() {
            prop_assert!((0.0..=1.0).contains(&one.confidence), "{:?}", one);
            prop_assert!(one.distance_m.is_finite() && one.along_m >= 0.0, "{:?}", one);
        }
        // What came before leaves no trace in the matcher.
        matcher.track_with_lag(&fixes[fixes.len() / 2..], 2);
        prop_assert_eq!(&matcher.track(&fixes), &found);
        prop_assert_eq!(&Matcher::new(&network).track(&fixes), &found);
    }

    #[test]
    fn with_a_lag_only_so_many_later_fixes_matter(
        fixes in any_track(),
        lag in 0..6_usize,
        cut in 0..60_usize,
    ) {
        let network = streets();
        let mut matcher = Matcher::new(&network);
        let cut = cut.min(fixes.len());
        let whole = matcher.track_with_lag(&fixes, lag);
        let part = matcher.track_with_lag(&fixes[..cut], lag);
        let settled = cut.saturating_sub(lag);
        prop_assert_eq!(&whole[..settled], &part[..settled]);
    }
}
