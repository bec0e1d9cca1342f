//! How a vehicle moves along a way: it speeds up, keeps to the limit, slows for towns and stops.
//!
//! Second by second, so that what a terminal reports is a believable motion: speed is the growth
//! of the distance, no faster than an engine and brakes allow.

use super::ground::Line;
use super::network::{RoadClass, Way};
use super::random::Random;

/// How hard a loaded coach speeds up. Unit: m/s².
const SPEED_UP: f64 = 0.5;
/// How hard it brakes. Unit: m/s².
const BRAKE: f64 = 0.7;
/// The part of a way beside each town that is driven at [`TOWN_KMH`]. Unit: m.
const TOWN_ZONE_M: f64 = 1200.0;
const TOWN_KMH: f64 = 38.0;
/// What a loaded heavy truck drives at most. Unit: km/h.
const TRUCK_KMH: f64 = 72.0;
/// Slowest motion, so that a vehicle arrives. Unit: m/s.
const CRAWL_MPS: f64 = 2.0;
/// Seconds of the day at which the night limit ends and begins.
const NIGHT_ENDS_S: i64 = 6 * 3600;
const NIGHT_BEGINS_S: i64 = 22 * 3600;
const DAY_S: i64 = 86_400;
/// A driver slows this long before the night limit begins. Unit: s.
const NIGHT_CARE_S: i64 = 60;

/// A stretch driven at a speed of its own, whatever the limit says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surge {
    /// Where it begins, as a share of the way.
    pub(super) from_share: f64,
    /// How long it lasts. Unit: s.
    pub(super) length_s: f64,
    /// Unit: km/h.
    pub(super) kmh: f64,
}

/// How a driver drives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Share of the limit that is driven on the open road.
    pub(super) share: f64,
    /// Keeps exactly to its speed, without swaying.
    pub(super) steady: bool,
    pub(super) load: Load,
}

/// What a vehicle carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// Passengers: four fifths of the limit at night.
    Passengers,
    /// Dangerous goods: lower limits.
    Hazmat,
    /// Goods, on a heavy truck that is slower than the limit of an expressway.
    Goods,
}

/// One drive over a way.
#[derive(Clone, Debug)]
pub(super) struct Drive<'a> {
    pub(super) way: &'a Way,
    /// Seconds from the beginning of the demo day.
    pub(super) departs_s: i64,
    pub(super) style: Style,
    /// Time at each town on the way. Unit: s.
    pub(super) town_stop_s: i64,
    pub(super) surges: &'a [Surge],
}

/// Where a vehicle is at a full second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    /// Seconds from the beginning of the demo day.
    pub(super) second: i64,
    /// Distance along the way. Unit: m.
    pub(super) along_m: f64,
    /// Unit: m/s.
    pub(super) mps: f64,
    /// In one of the surges, by its number.
    pub(super) surge: Option<usize>,
}

impl Drive<'_> {
    /// Drives; `see` is called for every second, the arrival is the last one.
    pub(super) fn run(&self, random: &mut Random, mut see: impl FnMut(Moment)) {
        let length_m = self.way.line.length_m();
        let mut points = self.slow_points();
        let sway = (random.between(130.0, 260.0), random.between(0.0, 6.0));
        let mut now = Moment {
            second: self.departs_s,
            along_m: 0.0,
            mps: 0.0,
            surge: None,
        };
        let mut waits_s = 0;
        while now.along_m < length_m {
            see(now);
            now.second += 1;
            if waits_s > 0 {
                waits_s -= 1;
                continue;
            }
            let target = self.target_mps(&now, sway);
            let allowed = points
                .iter()
                .map(|point| point.allowed_mps(now.along_m))
                .fold(target, f64::min);
            let wanted = allowed.clamp(now.mps - BRAKE * 1.6, now.mps + SPEED_UP);
            let before_m = now.along_m;
            now.mps = wanted.max(CRAWL_MPS);
            now.along_m += now.mps;
            now.surge = self.surge_at(now.along_m);
            let stop = points
                .iter()
                .position(|p| p.stops && before_m < p.from_m && p.from_m <= now.along_m);
            if let Some(stop) = stop {
                let point = points.remove(stop);
                now.along_m = point.from_m;
                now.mps = 0.0;
                waits_s = self.town_stop_s;
            }
        }
        now.along_m = length_m;
        now.mps = 0.0;
        now.surge = None;
        see(now);
    }

    fn target_mps(&self, now: &Moment, (period_s, phase): (f64, f64)) -> f64 {
        if let Some(surge) = now.surge.and_then(|index| self.surges.get(index)) {
            return surge.kmh / 3.6;
        }
        let swayed = if self.style.steady {
            1.0
        } else {
            let turn = real(now.second) * std::f64::consts::TAU / period_s + phase;
            1.0 - 0.02 * (1.0 + turn.sin())
        };
        let cautious = Moment {
            second: now.second + NIGHT_CARE_S,
            ..*now
        };
        let limit_kmh = self.limit_kmh(now).min(self.limit_kmh(&cautious));
        let able_kmh = if self.style.load == Load::Goods {
            TRUCK_KMH
        } else {
            f64::INFINITY
        };
        limit_kmh.min(able_kmh) * self.style.share * swayed / 3.6
    }

    /// The limit that holds for the vehicle. Unit: km/h.
    pub(super) fn limit_kmh(&self, now: &Moment) -> f64 {
        let class = self
            .way
            .stretches
            .iter()
            .find(|(end_m, _)| now.along_m < *end_m)
            .map_or(RoadClass::County, |(_, class)| *class);
        let limit_kmh = f64::from(if self.style.load == Load::Hazmat {
            class.hazmat_kmh()
        } else {
            class.limit_kmh()
        });
        if self.style.load == Load::Passengers && is_night(now.second) {
            limit_kmh * 0.8
        } else {
            limit_kmh
        }
    }

    fn surge_at(&self, along_m: f64) -> Option<usize> {
        let length_m = self.way.line.length_m();
        self.surges.iter().position(|surge| {
            let from_m = surge.from_share * length_m;
            (from_m..from_m + surge.length_s * surge.kmh / 3.6).contains(&along_m)
        })
    }

    /// Where the vehicle must be slow: in towns, at their stops and at the end.
    fn slow_points(&self) -> Vec<SlowPoint> {
        let zone = |from_m: f64, to_m: f64| SlowPoint {
            from_m,
            to_m,
            mps: TOWN_KMH / 3.6,
            stops: false,
        };
        let stop = |at_m: f64, stops: bool| SlowPoint {
            from_m: at_m,
            to_m: at_m,
            mps: 0.0,
            stops,
        };
        let length_m = self.way.line.length_m();
        let mut points = vec![zone(0.0, TOWN_ZONE_M), stop(length_m, false)];
        for (end_m, _) in &self.way.stretches {
            points.push(zone(end_m - TOWN_ZONE_M, end_m + TOWN_ZONE_M));
            if *end_m + TOWN_ZONE_M < length_m && self.town_stop_s > 0 {
                points.push(stop(*end_m, true));
            }
        }
        points
    }
}

/// A part of the way that asks for a low speed.
#[derive(Clone, Copy, Debug)]
struct SlowPoint {
    from_m: f64,
    to_m: f64,
    mps: f64,
    stops: bool,
}

impl SlowPoint {
    /// What may be driven at `along_m` so that the point is met at its speed.
    fn allowed_mps(&self, along_m: f64) -> f64 {
        if along_m > self.to_m {
            return f64::INFINITY;
        }
        let ahead_m = (self.from_m - along_m).max(0.0);
        (self.mps * self.mps + 2.0 * BRAKE * ahead_m).sqrt()
    }
}

fn is_night(second: i64) -> bool {
    let of_day = second.rem_euclid(DAY_S);
    !(NIGHT_ENDS_S..NIGHT_BEGINS_S).contains(&of_day)
}

/// A second as a float.
pub(super) fn real(whole: i64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds of a few days are far below 2^52"
    )]
    let float = whole as f64;
    float
}

/// The right-hand offset of a drive: a lane, a parallel road, or a detour of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Beside {
    /// Always as far to the right. Unit: m.
    Lane(f64),
    /// Swings out to `far_m`, over `ramp_m` each way, between two places of the way. Unit: m.
    Detour {
        from_m: f64,
        to_m: f64,
        ramp_m: f64,
        far_m: f64,
    },
}

impl Beside {
    /// How far to the right of the line the vehicle is. Unit: m.
    pub(super) fn right_m(self, along_m: f64) -> f64 {
        match self {
            Self::Lane(right_m) => right_m,
            Self::Detour {
                from_m,
                to_m,
                ramp_m,
                far_m,
            } => {
                let within_m = (along_m - from_m).min(to_m - along_m);
                far_m * (within_m / ramp_m).clamp(0.0, 1.0)
            }
        }
    }

    /// The place of the vehicle.
    pub(super) fn place(self, line: &Line, along_m: f64) -> crate::model::Position {
        line.at(along_m, self.right_m(along_m))
    }
}

#[cfg(test)]
mod tests {
    use super::super::network::Network;
    use super::*;

    const COACH: Style = Style {
        share: 0.96,
        steady: false,
        load: Load::Passengers,
    };

    fn drive(departs_s: i64, style: Style, surges: &[Surge]) -> Vec<Moment> {
        let way = Network::draw(&mut Random::new(3)).line("R01");
        let mut moments = Vec::new();
        let drive = Drive {
            way: &way,
            departs_s,
            style,
            town_stop_s: 120,
            surges,
        };
        drive.run(&mut Random::new(4), |moment| moments.push(moment));
        moments
    }

    fn fastest_kmh(moments: &[Moment]) -> f64 {
        moments.iter().map(|m| m.mps * 3.6).fold(0.0, f64::max)
    }

    #[test]
    fn a_vehicle_speeds_up_brakes_and_arrives() {
        let moments = drive(9 * 3600, COACH, &[]);
        for pair in moments.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            assert_eq!(b.second, a.second + 1);
            assert!((b.along_m - a.along_m - b.mps).abs() < 12.0, "{a:?} {b:?}");
            assert!(
                b.mps - a.mps <= SPEED_UP + 2.0 && a.mps - b.mps <= 4.0,
                "{a:?} {b:?}"
            );
        }
        assert!((90.0..=100.0).contains(&fastest_kmh(&moments)));
        let stopped = moments.iter().filter(|m| m.mps == 0.0).count();
        assert!((115..130).contains(&stopped), "{stopped}");
        let minutes = moments.len() / 60;
        assert!((60..80).contains(&minutes), "{minutes}");
    }

    #[test]
    fn coaches_keep_four_fifths_at_night() {
        for moment in drive(21 * 3600 + 1800, COACH, &[]) {
            if moment.second >= NIGHT_BEGINS_S {
                assert!(moment.mps * 3.6 <= 80.0, "{moment:?}");
            }
        }
        for moment in drive(5 * 3600 + 1800, COACH, &[]) {
            if moment.second < NIGHT_ENDS_S {
                assert!(moment.mps * 3.6 <= 80.0, "{moment:?}");
            }
        }
    }

    #[test]
    fn a_steady_driver_at_the_limit_never_passes_it() {
        let style = Style {
            share: 1.0,
            steady: true,
            ..COACH
        };
        assert!((fastest_kmh(&drive(9 * 3600, style, &[])) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_surge_is_driven_at_its_own_speed() {
        let surge = Surge {
            from_share: 0.5,
            length_s: 180.0,
            kmh: 106.0,
        };
        let moments = drive(9 * 3600, COACH, &[surge]);
        let over = moments.iter().filter(|m| m.mps * 3.6 > 100.0).count();
        assert!((160..200).contains(&over), "{over}");
    }

    #[test]
    fn a_detour_swings_out_and_comes_back() {
        let detour = Beside::Detour {
            from_m: 5000.0,
            to_m: 19_000.0,
            ramp_m: 4000.0,
            far_m: 1200.0,
        };
        for (along_m, right_m) in [
            (0.0, 0.0),
            (7000.0, 600.0),
            (12_000.0, 1200.0),
            (20_000.0, 0.0),
        ] {
            assert!((detour.right_m(along_m) - right_m).abs() < 1e-9);
        }
    }
}
