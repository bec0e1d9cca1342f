//! A vehicle that falls silent is decided with what there is, and what comes then comes to the same.

use std::collections::BTreeMap;

use proptest::prelude::*;
use roadwarden::detect::{Admission, Rejudge, Transition, VehicleState};
use roadwarden::model::{Fix, Span, Timestamp, VehicleClass, Violation, ViolationKind};
use roadwarden::roads::RoadClass;

use super::screen::{errands, grid};
use super::town::{Town, ride};
use crate::drive::{Scene, moment};

/// How long after its last fix a vehicle is taken for silent.
const BOUND: Span = Span::from_seconds(120);

/// A vehicle as a server judges it: late fixes wait until it is judged again.
struct Live<'a> {
    scene: &'a Scene,
    state: VehicleState,
    told: BTreeMap<(Timestamp, ViolationKind), Violation>,
    delivered: Vec<Fix>,
    late: usize,
}

impl<'a> Live<'a> {
    fn new(scene: &'a Scene) -> Self {
        Self {
            scene,
            state: VehicleState::default(),
            told: BTreeMap::new(),
            delivered: Vec::new(),
            late: 0,
        }
    }

    fn deliver(&mut self, fix: &Fix) {
        let mut out = Vec::new();
        self.delivered.push(*fix);
        match self.state.handle_fix(&self.scene.context(), fix, &mut out) {
            Admission::Late => self.late += 1,
            _ => self.hear(out),
        }
    }

    fn hear(&mut self, out: Vec<Transition>) {
        for transition in out {
            if let Transition::Opened(newest)
            | Transition::Extended(newest)
            | Transition::Closed(newest) = transition
            {
                self.told.insert((newest.started_at, newest.kind), *newest);
            }
        }
    }

    /// Falls silent, and nobody can have seen what that tells before.
    fn fall_silent(&mut self) {
        let mut out = Vec::new();
        let found = self.delivered.last().unwrap().received + BOUND;
        let before = self.told.clone();
        let decided = self
            .state
            .fall_silent(&self.scene.context(), found, &mut out);
        assert!(decided || out.is_empty());
        assert!(!decided || self.state.silent_until().is_some());
        self.hear(out);
        let mut new = self
            .told
            .iter()
            .filter(|(key, _)| !before.contains_key(key));
        assert!(new.all(|(_, violation)| violation.first_seen_at == found));
    }

    fn restore(&mut self) {
        let restored = VehicleState::restore(&self.state.snapshot()).unwrap();
        assert_eq!(restored, self.state);
        self.state = restored;
    }

    /// Judges the sorted track again, as for late fixes.
    fn rejudge(&mut self) {
        let context = self.scene.context();
        let silent_until = self.state.silent_until();
        self.delivered.sort_by_key(|fix| fix.time);
        let mut rejudge = Rejudge::new(VehicleState::default());
        for fix in &self.delivered {
            rejudge.handle_fix(&context, fix);
        }
        if let Some(until) = silent_until {
            rejudge.stay_silent(&context, until, Timestamp::MIN);
        }
        let found = rejudge.found();
        self.told = found
            .map(|violation| ((violation.started_at, violation.kind), violation.clone()))
            .collect();
        self.state = rejudge.into_state();
        self.late = 0;
    }

    /// What is told, but for when it was first seen.
    fn verdicts(&self) -> Vec<Violation> {
        self.told.values().cloned().map(unseen).collect()
    }

    /// What is found in all that came, judged whole.
    fn expected(&self) -> Vec<Violation> {
        let mut found = self.scene.judge(&self.delivered);
        found.sort_by_key(|violation| (violation.started_at, violation.kind));
        found.into_iter().map(unseen).collect()
    }
}

fn unseen(violation: Violation) -> Violation {
    Violation {
        first_seen_at: Timestamp::MIN,
        grave: None,
        ..violation
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whoever_falls_silent_anywhere_is_judged_as_by_all_that_came(
        errands in errands(),
        silences in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
        judged_again_after in 1_usize..12,
        class in prop::sample::select(vec![VehicleClass::TouristCoach, VehicleClass::Hazmat]),
    ) {
        let fixes = errands.fixes();
        let scene = grid().scene(class);
        let silences: Vec<usize> = silences.iter().map(|at| at.index(fixes.len())).collect();
        let mut live = Live::new(&scene);
        for (number, fix) in fixes.iter().enumerate() {
            live.deliver(fix);
            if live.late >= judged_again_after {
                live.rejudge();
            }
            if silences.contains(&number) {
                live.fall_silent();
                live.restore();
                if live.late == 0 && live.state.silent_until().is_none_or(|until| fix.time < until) {
                    prop_assert_eq!(live.verdicts(), live.expected());
                }
            }
        }
        if live.late > 0 {
            live.rejudge();
        }
        live.fall_silent();
        prop_assert_eq!(live.verdicts(), live.expected());
    }
}

/// Two minutes at 95 km/h where 60 is the limit.
fn chase() -> (Scene, Vec<Fix>) {
    let town = Town::default().meridian(RoadClass::Primary, &[("maxspeed", "60")]);
    let scene = town.scene(VehicleClass::TouristCoach);
    let line = [(2000.0, 0.0), (5166.0, 0.0)];
    let fixes = ride("11-21 10:00", &line, 95, 10, |_| (0.0, 0.0));
    (scene, fixes)
}

#[test]
fn speeding_is_told_although_nothing_comes_any_more() {
    let (scene, fixes) = chase();
    let mut live = Live::new(&scene);
    for fix in &fixes {
        live.deliver(fix);
    }
    let last = fixes.last().unwrap().time;
    assert!(live.told.values().all(|v| v.evidence.last_fix < last));
    live.fall_silent();
    assert_eq!(live.verdicts(), live.expected());
    let told = live.told.values().next().expect("too fast");
    assert_eq!((told.evidence.last_fix, told.ended_at), (last, None));
    let until = live.state.silent_until().unwrap();
    assert!(until <= last + Span::from_seconds(90), "{until:?}");

    // For a reminder time counts from when it could be seen.
    let found = fixes.last().unwrap().received + BOUND;
    let late = drive_of(&scene, &fixes[..8]);
    let late = late.told.values().next().expect("too fast");
    assert_eq!(
        (late.first_seen_at, late.grave.map(|grave| grave.seen_at)),
        (fixes[7].received + BOUND, Some(fixes[7].received + BOUND))
    );
    assert!(
        told.first_seen_at < found,
        "its first block was decided in time"
    );

    // Decided once: nothing waits any more.
    assert!(!live.state.is_waiting());
    live.fall_silent();
    assert_eq!(live.state.silent_until(), Some(until));
}

/// The same, delivered and silent.
fn drive_of<'a>(scene: &'a Scene, fixes: &[Fix]) -> Live<'a> {
    let mut live = Live::new(scene);
    for fix in fixes {
        live.deliver(fix);
    }
    live.fall_silent();
    live
}

#[test]
fn what_ended_before_a_gap_is_told_although_the_fix_behind_it_waits() {
    let (scene, mut fixes) = chase();
    let after_gap = fixes.last().unwrap().time + Span::from_minutes(6);
    fixes.push(Fix {
        time: after_gap,
        received: after_gap,
        ..*fixes.last().unwrap()
    });
    let live = drive_of(&scene, &fixes);
    assert!(live.state.is_waiting(), "it may begin another violation");
    assert_eq!(live.verdicts(), live.expected());
    let told = live.told.values().next().expect("too fast");
    assert_eq!(told.ended_at, Some(told.evidence.last_fix));
}

#[test]
fn the_next_fix_is_late_only_before_what_decided_the_silence() {
    let (scene, fixes) = chase();
    let after = |span: Span| {
        let mut live = drive_of(&scene, &fixes);
        let time = live.state.silent_until().unwrap() + span;
        let last = *fixes.last().unwrap();
        let next = Fix {
            time,
            received: moment("11-21 11:00"),
            ..last
        };
        live.deliver(&next);
        live
    };
    let mut late = after(Span::from_millis(-1));
    assert_eq!(late.late, 1);
    late.rejudge();
    let until = late.state.silent_until();
    assert!(until.is_some(), "it is as silent as before");
    // The late fix waits in its turn.
    late.fall_silent();
    assert!(late.state.silent_until() > until);
    assert_eq!(late.verdicts(), late.expected());

    let on = after(Span::from_millis(0));
    assert_eq!((on.late, on.state.silent_until()), (0, None));
}
