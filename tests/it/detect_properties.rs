//! Properties of the detectors over random tracks, and a second opinion on their verdicts.

use std::collections::BTreeMap;

use proptest::prelude::*;
use roadwarden::detect::{
    Admission, Context, PermitValidity, RouteValidity, Transition, VehicleProfile, VehicleState,
    judge_track,
};
use roadwarden::geo::{AreaIndex, CorridorIndex};
use roadwarden::model::fleet::PermitKind;
use roadwarden::model::route::{Area, AreaKind, RoadKind};
use roadwarden::model::rules::RuleSet;
use roadwarden::model::violation::Details;
use roadwarden::model::{
    DriverId, Events, Fix, Odometer, Position, Quality, Span, Speed, Timestamp, VehicleClass,
    Violation, ViolationKind,
};

use crate::detect_oracle::{self, Verdict};
use crate::drive::{Drivers, TWINS, area_across, fix, moment, place, road, rules, twin};

/// After this many fixes the growing pieces are asked for, as a flush does.
const TOLD_EVERY: usize = 7;

/// One part of a random track: how fast, how long, how often it reports, who drives, how far it
/// strays from the road.
#[derive(Clone, Debug)]
struct Part {
    kmh: u16,
    long_s: i64,
    every_s: i64,
    driver: Option<u32>,
    astray_m: i32,
    bad: bool,
}

fn part() -> impl Strategy<Value = Part> {
    let kmh = prop_oneof![
        3 => Just(0_u16), 1 => 1_u16..12, 3 => 30_u16..79, 3 => 79_u16..115,
    ];
    let long_s = prop_oneof![2 => 1_i64..40, 3 => 30_i64..600, 3 => 300_i64..2400];
    let every_s = prop_oneof![
        2 => 1_i64..12, 3 => 5_i64..45, 1 => 100_i64..135, 1 => 110_i64..1500,
    ];
    let driver = prop_oneof![3 => Just(Some(1)), 1 => Just(Some(2)), 1 => Just(None)];
    let astray_m = prop_oneof![4 => Just(0), 1 => 50_i32..150, 1 => 150_i32..4000];
    (
        kmh,
        long_s,
        every_s,
        driver,
        astray_m,
        prop::bool::weighted(0.05),
    )
        .prop_map(|(kmh, long_s, every_s, driver, astray_m, bad)| Part {
            kmh,
            long_s,
            every_s,
            driver,
            astray_m,
            bad,
        })
}

/// Bits of a state, a moment and a fault now and then.
fn alarm_bits(part: &Part) -> u32 {
    u32::from(part.kmh.is_multiple_of(3)) << 4
        | u32::from(part.long_s % 5 == 0) << 2
        | u32::from(part.long_s % 7 == 0) << 8
        | u32::from(part.every_s % 5 == 0) << 27
}

/// Events that begin, end, hold and just happen.
fn event_of(part: &Part, time: Timestamp) -> Events {
    let phases = ["begin", "end", "held", "once"];
    let phase = phases[usize::try_from(time.millis() / 1000 % 4).unwrap()];
    let text = match part.kmh % 5 {
        0 => format!("dsm_phone:{phase}:1 video_overload:held"),
        1 => format!("adas_headway:{phase}:2"),
        _ => String::new(),
    };
    text.parse().unwrap()
}

/// The fixes of random parts, in order, one a second at most.
fn track(start: Timestamp, parts: &[Part]) -> Vec<Fix> {
    let mut fixes: Vec<Fix> = Vec::new();
    let mut time = start;
    let mut driven_m = 0.0;
    for part in parts {
        let end = time + Span::from_seconds(part.long_s);
        while time < end {
            let here = place(driven_m);
            let position = Position {
                lon_udeg: here.lon_udeg + part.astray_m * 10,
                ..here
            };
            fixes.push(Fix {
                driver: part.driver.map(DriverId),
                alarm: alarm_bits(part),
                passengers: part.kmh.is_multiple_of(4).then_some(44 + part.kmh % 5),
                events: event_of(part, time),
                odometer: (!part.kmh.is_multiple_of(7))
                    .then(|| Odometer::from_km(100.0 + driven_m / 500.0))
                    .flatten(),
                quality: if part.bad {
                    Quality::SPEED_RANGE
                } else {
                    Quality::GOOD
                },
                ..fix(time, part.kmh, position)
            });
            driven_m += f64::from(part.kmh) / 3.6 * Span::from_seconds(part.every_s).seconds();
            time = time + Span::from_seconds(part.every_s);
        }
    }
    fixes
}

/// A random track, small to print.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    start_s: i64,
    parts: Vec<Part>,
}

impl Track {
    pub(crate) fn fixes(&self) -> Vec<Fix> {
        track(
            moment("11-21 00:00") + Span::from_seconds(self.start_s),
            &self.parts,
        )
    }
}

pub(crate) fn any_track() -> impl Strategy<Value = Track> {
    (0_i64..86_400, prop::collection::vec(part(), 1..40))
        .prop_map(|(start_s, parts)| Track { start_s, parts })
}

/// The rules without jumps, for the oracle knows none.
pub(crate) fn without_jumps(mut rules: RuleSet) -> RuleSet {
    rules.plausibility.jump_slack_m = 1e9;
    rules
}

/// The default rules with everything shorter, so that short tracks meet every limit.
pub(crate) fn short_rules() -> RuleSet {
    let mut rules = rules();
    rules.motion.gap = Span::from_minutes(2);
    rules.motion.same_place_m = 300.0;
    rules.fatigue.rest_min = Span::from_minutes(5);
    rules.fatigue.continuous.limit = Span::from_minutes(40);
    rules.fatigue.night.limit = Span::from_minutes(15);
    rules.fatigue.hours24.limit = Span::from_minutes(50);
    rules.fatigue.hours24_window = Span::from_hours(2);
    rules.fatigue.days7.limit = Span::from_minutes(90);
    rules.fatigue.days7_window = Span::from_hours(5);
    rules.night.begin_ms = 20 * 3_600_000;
    rules.night.end_ms = 10 * 3_600_000;
    rules.deviation.trip_end = Span::from_minutes(20);
    rules.duty.offline_max = Span::from_minutes(10);
    rules.charter.classes.push(VehicleClass::LineCoach2);
    rules.alarms.open_max = Span::from_minutes(3);
    rules.tamper.block_km = 2.0;
    rules.tamper.apart_km = 0.2;
    rules.drift.points_min = 2;
    rules
}

fn contract(from: &str, to: &str) -> PermitValidity {
    PermitValidity {
        kind: PermitKind::CharterContract,
        from: Some(moment(from)),
        to: Some(moment(to)),
    }
}

/// Areas of every kind along the road, with hours, and others beside it.
fn areas() -> AreaIndex {
    let limit = Area {
        limit: Some(Speed::from_whole_kmh(65)),
        hours: Some((18 * 60, 9 * 60)),
        ..area_across("limit", AreaKind::SpeedLimit, 3000.0, 9000.0)
    };
    AreaIndex::new(vec![
        limit,
        area_across("forbidden", AreaKind::Forbidden, 5000.0, 8000.0),
        area_across("narrow", AreaKind::Forbidden, 12_000.0, 12_200.0),
        area_across("stay", AreaKind::StayWithin, -1000.0, 20_000.0),
        area_across("or here", AreaKind::StayWithin, 22_000.0, 60_000.0),
    ])
}

/// A world with one route, the road of all drives, and areas along it; or with neither.
struct World {
    rules: RuleSet,
    routes: CorridorIndex,
    areas: AreaIndex,
    profile: VehicleProfile,
}

impl World {
    fn new(rules: RuleSet, on_route: bool) -> Self {
        let routes = CorridorIndex::new(vec![road(70, RoadKind::Other)]);
        let route = routes.find("R1").unwrap();
        let validity = RouteValidity {
            route,
            from: Some(moment("11-21 06:00")),
            to: Some(moment("11-22 03:00")),
        };
        let mut profile = VehicleProfile::of_class(VehicleClass::LineCoach2);
        profile.seats = Some(45);
        profile.line_km = Some(300.0);
        profile.permits = vec![contract("11-21 00:00", "11-21 12:00")];
        profile.routes = on_route.then_some(validity).into_iter().collect();
        Self {
            rules,
            routes,
            areas: if on_route {
                areas()
            } else {
                AreaIndex::default()
            },
            profile,
        }
    }

    fn context(&self) -> Context<'_> {
        Context {
            rules: &self.rules,
            profile: &self.profile,
            routes: &self.routes,
            areas: &self.areas,
            roads: None,
        }
    }

    /// What the stream tells, the last word on each violation.
    fn stream(&self, fixes: &[Fix], mut between: impl FnMut(usize, &mut VehicleState)) -> Told {
        let mut state = VehicleState::default();
        let mut drivers = Drivers::default();
        let mut out = Vec::new();
        let mut told = Vec::new();
        for (index, fix) in fixes.iter().enumerate() {
            state.handle_fix(&self.context(), fix, &mut told);
            between(index, &mut state);
            if index % TOLD_EVERY == 0 || index + 1 == fixes.len() {
                state.take_pieces(&mut told);
                drivers.take(&self.context(), &mut told);
                out.append(&mut told);
            }
        }
        let mut violations = BTreeMap::new();
        for transition in &out {
            match transition {
                Transition::Opened(violation) => {
                    assert_eq!(violation.ended_at, None);
                    let known = violations.insert(key(violation), (**violation).clone());
                    assert_eq!(known, None, "opened twice");
                }
                Transition::Extended(violation) | Transition::Closed(violation) => {
                    assert_eq!(
                        violation.ended_at.is_some(),
                        matches!(transition, Transition::Closed(_))
                    );
                    let known = violations.insert(key(violation), (**violation).clone());
                    assert!(known.is_some(), "never opened: {violation:?}");
                }
                Transition::Driving { .. }
                | Transition::FaultRun { .. }
                | Transition::PreAlarm(_)
                | Transition::Piece(_) => {}
            }
        }
        Told {
            out,
            violations: violations.into_values().collect(),
            state,
        }
    }
}

struct Told {
    out: Vec<Transition>,
    violations: Vec<Violation>,
    state: VehicleState,
}

fn key(violation: &Violation) -> (Timestamp, ViolationKind, String) {
    let subject = violation.subject().to_owned();
    (violation.started_at, violation.kind, subject)
}

/// The violations without the time of receipt of fatigue, which is told in proportion where pieces
/// of driving have grown.
pub(crate) fn without_receipt(mut violations: Vec<Violation>) -> Vec<Violation> {
    for violation in &mut violations {
        if FATIGUE.contains(&violation.kind) {
            violation.first_seen_at = violation.started_at;
        }
    }
    violations
}

/// What the detectors say, in the words of the oracle.
pub(crate) fn verdicts(violations: &[Violation], kinds: &[ViolationKind]) -> Vec<Verdict> {
    let second = |time: Timestamp| time.millis() / 1000;
    let mut verdicts: Vec<Verdict> = violations
        .iter()
        .filter(|violation| kinds.contains(&violation.kind))
        .map(|violation| Verdict {
            start: second(violation.started_at),
            kind: violation.kind,
            driver: violation.driver,
            confirmed: second(violation.confirmed_at),
            end: violation.ended_at.map(second),
            numbers: match &violation.details {
                Details::Fatigue { driving, .. } => (0, driving.millis() / 1000, 0),
                _ => (
                    violation.peak.speed.mkmh(),
                    second(violation.peak.time),
                    violation.evidence.fixes,
                ),
            },
        })
        .collect();
    verdicts.sort();
    verdicts
}

pub(crate) const FATIGUE: [ViolationKind; 4] = [
    ViolationKind::FatigueContinuous,
    ViolationKind::FatigueNight,
    ViolationKind::Fatigue24h,
    ViolationKind::Fatigue7d,
];

fn judged(fixes: &[Fix]) -> Vec<Fix> {
    fixes
        .iter()
        .filter(|fix| fix.quality.is_judged())
        .copied()
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn speeding_agrees_with_the_oracle(track in any_track()) {
        let fixes = track.fixes();
        let world = World::new(without_jumps(rules()), false);
        let told = judge_track(&world.context(), &fixes);
        let expected = detect_oracle::speeding(&world.rules, &judged(&fixes));
        prop_assert_eq!(verdicts(&told, &[ViolationKind::Speeding]), expected);
    }

    #[test]
    fn fatigue_agrees_with_the_oracle(track in any_track()) {
        let fixes = track.fixes();
        let world = World::new(without_jumps(short_rules()), false);
        let told = judge_track(&world.context(), &fixes);
        let expected = detect_oracle::fatigue(&world.rules, &judged(&fixes));
        prop_assert_eq!(verdicts(&told, &FATIGUE), expected);
    }

    #[test]
    fn stream_and_batch_agree_in_any_order_with_duplicates(
        track in any_track(),
        order in any::<prop::sample::Index>(),
        again in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let fixes = track.fixes();
        let world = World::new(short_rules(), true);
        let streamed = world.stream(&fixes, |_, _| ());
        let mut mixed = fixes.clone();
        mixed.rotate_left(order.index(fixes.len()));
        mixed.extend(again.iter().map(|index| fixes[index.index(fixes.len())]));
        mixed.reverse();
        let batch = judge_track(&world.context(), &mixed);
        prop_assert_eq!(without_receipt(batch), without_receipt(streamed.violations));
    }

    #[test]
    fn of_records_of_one_time_one_is_judged_whatever_their_order(
        track in any_track(),
        order in any::<prop::sample::Index>(),
        twins in prop::collection::vec((any::<prop::sample::Index>(), 0..TWINS, 0..TWINS, -1_i64..2), 1..30),
    ) {
        let mut all = track.fixes();
        for (index, which, also, later_s) in twins {
            let first = all[index.index(all.len())];
            let mut other = twin(&first, which);
            other.received = other.received + Span::from_seconds(later_s);
            all.extend([other, twin(&other, also)]);
        }
        let world = World::new(short_rules(), true);
        let mut mixed = all.clone();
        mixed.rotate_left(order.index(all.len()));
        mixed.reverse();
        let batch = judge_track(&world.context(), &all);
        prop_assert_eq!(&batch, &judge_track(&world.context(), &mixed));
        // What stands is what is judged, and the stream that gets the others too says so of each.
        all.sort_by(|a, b| a.time.cmp(&b.time).then_with(|| a.precedence().cmp(&b.precedence())));
        let mut standing = all.clone();
        standing.dedup_by_key(|fix| fix.time);
        let streamed = world.stream(&standing, |_, _| ());
        prop_assert_eq!(without_receipt(batch), without_receipt(streamed.violations));
        let mut state = VehicleState::default();
        for fix in &all {
            let first = state.last_fix().copied().filter(|first| first.time == fix.time);
            let admission = state.handle_fix(&world.context(), fix, &mut Vec::new());
            if let Some(first) = first {
                let expected = if first.agrees_with(fix) { Admission::Duplicate } else { Admission::Contradiction };
                prop_assert_eq!(admission, expected);
                let before = first.precedence() != fix.precedence();
                let turned = VehicleState::restore(&state.snapshot()).unwrap();
                prop_assert_eq!(turned.last_fix(), Some(&first));
                let mut other_way = world.stream(std::slice::from_ref(fix), |_, _| ()).state;
                let expected = if before { Admission::Late } else { Admission::Duplicate };
                prop_assert_eq!(other_way.handle_fix(&world.context(), &first, &mut Vec::new()), expected);
            }
        }
    }

    #[test]
    fn a_snapshot_at_any_point_changes_nothing(
        track in any_track(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 1..5),
    ) {
        let fixes = track.fixes();
        let world = World::new(short_rules(), true);
        let plain = world.stream(&fixes, |_, _| ());
        let cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(fixes.len())).collect();
        let cut = world.stream(&fixes, |index, state| {
            if cuts.contains(&index) {
                *state = VehicleState::restore(&state.snapshot()).unwrap();
            }
        });
        prop_assert_eq!(plain.out, cut.out);
        prop_assert_eq!(plain.state, cut.state);
    }

    #[test]
    fn a_repeated_or_late_fix_changes_nothing(
        track in any_track(),
        at in any::<prop::sample::Index>(),
    ) {
        let fixes = track.fixes();
        let world = World::new(short_rules(), true);
        let last = at.index(fixes.len());
        let mut state = world.stream(&fixes[..=last], |_, _| ()).state;
        let before = state.clone();
        let mut out = Vec::new();
        let repeated = state.handle_fix(&world.context(), &fixes[last], &mut out);
        prop_assert_eq!(repeated, Admission::Duplicate);
        let other = Fix { speed: Speed::from_whole_kmh(140), ..fixes[last] };
        let contradicted = state.handle_fix(&world.context(), &other, &mut out);
        prop_assert_eq!(contradicted, Admission::Contradiction);
        if last > 0 {
            let late = state.handle_fix(&world.context(), &fixes[last - 1], &mut out);
            prop_assert_eq!(late, Admission::Late);
        }
        prop_assert!(out.is_empty());
        prop_assert_eq!(state, before);
    }

    #[test]
    fn bytes_that_are_no_snapshot_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(VehicleState::restore(&bytes).is_err());
    }

    #[test]
    fn any_fixes_are_borne(
        raw in prop::collection::vec(
            (any::<i64>(), any::<i32>(), any::<i32>(), any::<u32>(), any::<u16>(), any::<u32>()),
            0..40,
        ),
        sane in prop::collection::vec(0_i64..100_000_000, 0..40),
    ) {
        let world = World::new(rules(), true);
        let mut state = VehicleState::default();
        let mut out = Vec::new();
        let times = raw.iter().map(|raw| raw.0).chain(sane.iter().map(|step| step * 1000));
        for (time, raw) in times.zip(raw.iter().cycle()) {
            let position = Position { lat_udeg: raw.1, lon_udeg: raw.2 };
            let wild = Fix {
                speed: Speed::from_mkmh(raw.3),
                quality: Quality::from_bits(raw.4 & 0b1_0001),
                alarm: raw.5,
                received: Timestamp::from_millis(raw.0),
                ..fix(Timestamp::from_millis(time), 0, position)
            };
            state.handle_fix(&world.context(), &wild, &mut out);
        }
        prop_assert_eq!(VehicleState::restore(&state.snapshot()).unwrap(), state);
    }
}
