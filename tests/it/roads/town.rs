//! Small road maps, drawn in metres around the meridian of `drive`.

use std::sync::Arc;

use roadwarden::detect::{Transition, VehicleState};
use roadwarden::model::road::RoadOverride;
use roadwarden::model::{Course, Fix, Span, VehicleClass, Violation};
use roadwarden::roads::limit::tags;
use roadwarden::roads::{NodePlace, RoadClass, RoadMap, RoadNetwork, WayFlags, WayInput};

use crate::drive::{Scene, fix, moment, rules};

/// Metres of a degree of latitude in `drive`.
const DEGREE_M: f64 = 111_195.0;
const SOUTH: f64 = 28.0;
const LON: f64 = 112.9;

/// A place so far north and east of where all drives begin. Unit: m.
pub(super) fn at(north_m: f64, east_m: f64) -> NodePlace {
    let e7 = |degrees: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "degrees on earth")]
        let e7 = (degrees * 1e7).round() as i32;
        e7
    };
    NodePlace {
        lat_e7: e7(SOUTH + north_m / DEGREE_M),
        lon_e7: e7(LON + east_m / (DEGREE_M * SOUTH.to_radians().cos())),
    }
}

/// A map being drawn.
#[derive(Default)]
pub(super) struct Town {
    nodes: Vec<(i64, NodePlace)>,
    ways: Vec<WayInput>,
    limits: Vec<RoadOverride>,
}

impl Town {
    /// Adds a way with the identifier 100 and on, along these places in metres north and east.
    pub(super) fn way(
        mut self,
        class: RoadClass,
        tags: &[(&str, &str)],
        line: &[(f64, f64)],
    ) -> Self {
        let nodes = line
            .iter()
            .map(|(north_m, east_m)| self.node(at(*north_m, *east_m)))
            .collect();
        self.ways.push(WayInput {
            id: 100 + i64::try_from(self.ways.len()).unwrap(),
            class,
            lanes: 0,
            layer: 0,
            flags: WayFlags::default(),
            forward: true,
            backward: true,
            name: format!("road {}", self.ways.len()),
            limits: tags::read(tags.iter().copied()).limits,
            nodes,
        });
        self
    }

    /// The last way may be driven only as it was drawn.
    pub(super) fn oneway(mut self) -> Self {
        let way = self.ways.last_mut().unwrap();
        way.backward = false;
        way.flags = way.flags.with(WayFlags::ONEWAY);
        self
    }

    /// The road of all drives, in pieces of 500 m.
    pub(super) fn meridian(self, class: RoadClass, tags: &[(&str, &str)]) -> Self {
        let line: Vec<(f64, f64)> = (0..=110)
            .map(|piece| (f64::from(piece) * 500.0, 0.0))
            .collect();
        self.way(class, tags, &line)
    }

    /// Adds a limit of the operator.
    pub(super) fn set(mut self, limit: RoadOverride) -> Self {
        self.limits.push(limit);
        self
    }

    fn node(&mut self, place: NodePlace) -> i64 {
        if let Some((id, _)) = self.nodes.iter().find(|(_, known)| *known == place) {
            return *id;
        }
        let id = i64::try_from(self.nodes.len()).unwrap() + 1;
        self.nodes.push((id, place));
        id
    }

    /// The map under the default rules.
    pub(super) fn map(self) -> RoadMap {
        let network = RoadNetwork::build(&self.nodes, self.ways).unwrap();
        RoadMap::new(Arc::new(network), "m1", self.limits, &[&rules()])
    }

    /// A vehicle on it.
    pub(super) fn scene(self, class: VehicleClass) -> Scene {
        Scene::of(class).with_roads(self.map())
    }
}

/// Fixes of a line in metres, at constant speed and one a `step_s`, with courses and the noise given
/// for each fix in metres north and east.
pub(super) fn ride(
    start: &str,
    line: &[(f64, f64)],
    kmh: u16,
    step_s: i64,
    noise: impl Fn(i64) -> (f64, f64),
) -> Vec<Fix> {
    let mut fixes = Vec::new();
    let mut ahead_m = 0.0;
    let step_m = f64::from(kmh) / 3.6 * f64::from(i32::try_from(step_s).unwrap());
    for pair in line.windows(2) {
        let [(from_north, from_east), (to_north, to_east)] = *pair else {
            continue;
        };
        let (north, east) = (to_north - from_north, to_east - from_east);
        let length_m = f64::hypot(north, east);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "degrees of a circle"
        )]
        let course = east.atan2(north).to_degrees().rem_euclid(360.0).round() as u16;
        while ahead_m < length_m {
            let share = ahead_m / length_m;
            let number = i64::try_from(fixes.len()).unwrap();
            let (noise_north, noise_east) = noise(number);
            let place = at(
                from_north + share * north + noise_north,
                from_east + share * east + noise_east,
            );
            let time = moment(start) + Span::from_seconds(number * step_s);
            let mut fix = fix(time, kmh, place.position());
            fix.course = Course::from_degrees(course % 360);
            fixes.push(fix);
            ahead_m += step_m;
        }
        ahead_m -= length_m;
    }
    fixes
}

/// Judges in order as a stream, with a save and a restore before each fix that `cut` names.
pub(super) fn stream(scene: &Scene, fixes: &[Fix], cut: impl Fn(usize) -> bool) -> Vec<Violation> {
    let mut state = VehicleState::default();
    let mut out = Vec::new();
    for (number, fix) in fixes.iter().enumerate() {
        if cut(number) {
            state = VehicleState::restore(&state.snapshot()).unwrap();
        }
        state.handle_fix(&scene.context(), fix, &mut out);
    }
    state.finish(&scene.context(), &mut out);
    let mut found: Vec<Violation> = Vec::new();
    for transition in out {
        if let Transition::Opened(newest)
        | Transition::Extended(newest)
        | Transition::Closed(newest) = transition
        {
            found
                .retain(|known| (known.kind, known.started_at) != (newest.kind, newest.started_at));
            found.push(*newest);
        }
    }
    found.sort_by_key(|violation| (violation.started_at, violation.kind));
    found
}
