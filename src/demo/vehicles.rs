//! One vehicle of the story: its reports, the cards of its drivers, and what its track holds.

use super::cast::{Group, Plan};
use super::legs::{Leg, legs};
use super::logbook::{Driven, Logbook};
use super::motion::{Beside, Drive, Load, Style, Surge};
use super::network::Network;
use super::planned::{Planned, Remind, first_passing, outside};
use super::random::Random;
use super::script::{PlannedViolation, Report};
use super::twists::Twist;
use crate::model::{Position, Span, Speed, Timestamp, VehicleClass, ViolationKind};

const MINUTE_S: i64 = 60;
const DAY_S: i64 = 86_400;
/// Every vehicle stands in its yard and reports once: the county is connected. Unit: s.
const ENROLLED_S: i64 = -9 * DAY_S + 16 * 60 * MINUTE_S;
/// Departure of the trial day. Unit: s.
const TRIAL_S: i64 = -8 * DAY_S + (20 * 60 + 20) * MINUTE_S;
/// Rest before the way home of the trial day. Unit: s.
const TRIAL_REST_S: i64 = 25 * MINUTE_S;
/// The rest that is just long enough. Unit: s.
const EXACT_REST_S: i64 = 20 * MINUTE_S;
/// A vehicle is over 5 km/h so long after its start. Unit: s.
const START_S: i64 = 15;
/// How long the blind terminal is silent, and how much of that it lost. Unit: s.
const BLIND_S: i64 = 75 * MINUTE_S;
const BLIND_LOST_S: i64 = 40 * MINUTE_S;
/// JT/T 808 alarm bit 6: GNSS antenna short-circuited.
const ALARM_ANTENNA: u32 = 1 << 6;

/// A vehicle and its place in the story.
#[derive(Clone, Debug)]
pub(super) struct Role<'a> {
    pub(super) seed: u64,
    /// Midnight at which the demo day begins.
    pub(super) day: Timestamp,
    pub(super) network: &'a Network,
    pub(super) group: &'a Group,
    /// Number of the vehicle in the county.
    pub(super) number: usize,
    /// Number of the vehicle in its group.
    pub(super) in_group: i64,
    pub(super) twists: Vec<Twist>,
}

/// What one vehicle adds to the script.
#[derive(Debug, Default)]
pub(super) struct VehicleStory {
    /// Reports by time, sent as they are made.
    pub(super) live: Vec<Report>,
    /// Reports sent a second time, otherwise.
    pub(super) again: Vec<(Timestamp, Report)>,
    /// Reports kept while there was no link, and when they are sent.
    pub(super) late: Option<(Timestamp, Vec<Report>)>,
    /// When a card goes in or comes out, and of which of the vehicle's drivers.
    pub(super) cards: Vec<(Timestamp, usize, bool)>,
    pub(super) planned: Vec<Planned>,
}

/// Number of drivers of a vehicle; long lines change them half way.
pub(super) fn drivers(group: &Group) -> usize {
    match group.plan {
        Plan::Silent => 0,
        Plan::Line {
            route: "R02" | "R03",
            ..
        } => 2,
        Plan::Line { .. } | Plan::Tour(_) => 1,
    }
}

/// Writes the story of one vehicle.
pub(super) fn write(role: &Role<'_>) -> VehicleStory {
    let mut random = Random::of(role.seed, 1000 + u64::try_from(role.number).unwrap_or(0));
    let mut pen = Pen {
        role,
        book: Logbook::new(role.day, role.group.interval_s, &mut random),
        random,
        story: VehicleStory::default(),
    };
    let legs = legs(role.network, &role.group.plan);
    pen.enroll(&legs);
    if !legs.is_empty() {
        pen.trial(&legs);
        let departures = pen.day(&legs);
        pen.spoil(&departures);
    }
    pen.story.live = pen.book.reports;
    pen.story
}

struct Pen<'a> {
    role: &'a Role<'a>,
    random: Random,
    book: Logbook,
    story: VehicleStory,
}

impl Pen<'_> {
    fn at(&self, second: i64) -> Timestamp {
        self.role.day + Span::from_seconds(second)
    }

    /// Stands in the yard at the beginning of the first way, and says so once.
    fn enroll(&mut self, legs: &[Leg]) {
        let yard = role_yard(self.role, legs);
        self.book.stand_at(yard);
        self.book.sleep(ENROLLED_S);
    }

    /// Out and back on the trial day, for those that ran on it.
    fn trial(&mut self, legs: &[Leg]) {
        let Some(handled) = self.role.twists.iter().find_map(|twist| match twist {
            Twist::Trial { handled } => Some(*handled),
            _ => None,
        }) else {
            return;
        };
        let [out, back, ..] = legs else { return };
        let surges = [(0.3, 88.0), (0.6, 91.0)].map(|(from_share, kmh)| Surge {
            from_share,
            length_s: 150.0,
            kmh,
        });
        self.card(TRIAL_S - 4 * MINUTE_S, 0, true);
        self.book.park(TRIAL_S - 5 * MINUTE_S, TRIAL_S);
        let there = self.drive(out, TRIAL_S, &[]);
        let home_s = there.arrived_s + TRIAL_REST_S;
        self.book.park(there.arrived_s, home_s);
        let home = self.drive(back, home_s, &surges);
        self.book
            .park(home.arrived_s, home.arrived_s + 2 * MINUTE_S);
        self.card(home.arrived_s + MINUTE_S, 0, false);
        for (found, handled) in home.over.into_iter().zip(handled) {
            self.speeding(found, Remind::Never, handled);
        }
    }

    /// The demo day; gives the departure of each leg.
    fn day(&mut self, legs: &[Leg]) -> Vec<i64> {
        let group = self.role.group;
        let late_s = i64::from(self.random.below(50));
        let mut departs_s =
            (group.first_min + group.every_min * self.role.in_group) * MINUTE_S + late_s;
        self.card(departs_s - 4 * MINUTE_S, 0, true);
        self.book.park(departs_s - 5 * MINUTE_S, departs_s);
        let change = (drivers(group) > 1).then_some(legs.len() / 2);
        let mut crew = 0;
        let mut departures = Vec::new();
        for (index, leg) in legs.iter().enumerate() {
            departures.push(departs_s);
            let driven = self.leg(index, leg, departs_s);
            let arrived_s = driven.arrived_s;
            departs_s = arrived_s + leg.wait_s;
            if self.is_suspicious() && index + 2 == legs.len() {
                departs_s = self.book.next_report_s(arrived_s) + EXACT_REST_S - START_S;
            }
            if change == Some(index + 1) {
                self.card(arrived_s + 2 * MINUTE_S, crew, false);
                crew += 1;
                self.card(arrived_s + 4 * MINUTE_S, crew, true);
            }
            if index + 1 == legs.len() {
                departs_s = arrived_s + 8 * MINUTE_S;
                self.card(arrived_s + 5 * MINUTE_S, crew, false);
            }
            self.book.park(arrived_s, departs_s);
        }
        self.book.sleep(departs_s);
        departures
    }

    /// One leg of the day, with what is out of the ordinary on it.
    fn leg(&mut self, index: usize, leg: &Leg, departs_s: i64) -> Driven {
        let twists = self.role.twists.clone();
        let fast: Vec<(Surge, bool)> = twists
            .iter()
            .filter_map(|twist| match twist {
                Twist::Fast { leg, surge, grave } if *leg == index => Some((*surge, *grave)),
                _ => None,
            })
            .collect();
        let surges: Vec<Surge> = fast.iter().map(|(surge, _)| *surge).collect();
        let beside = if twists
            .iter()
            .any(|t| matches!(t, Twist::Detour { leg } if *leg == index))
        {
            let length_m = leg.way.line.length_m();
            Beside::Detour {
                from_m: length_m * 0.2,
                to_m: length_m * 0.8,
                ramp_m: 4000.0,
                far_m: 1200.0,
            }
        } else {
            Beside::Lane(self.lane_m())
        };
        let first = self.book.reports.len();
        let driven = self.drive_beside(leg, departs_s, &surges, beside);
        for (found, (_, grave)) in driven.over.iter().zip(&fast) {
            let remind = if *grave {
                Remind::AtOnce
            } else {
                Remind::SomeTime
            };
            self.speeding(*found, remind, true);
        }
        if matches!(beside, Beside::Detour { .. }) {
            self.detour(leg, first);
        }
        driven
    }

    /// What is out of the ordinary with the terminal, once the day is driven.
    fn spoil(&mut self, departures: &[i64]) {
        let departed = |leg: usize| departures.get(leg).copied().unwrap_or(0);
        for twist in self.role.twists.clone() {
            match twist {
                Twist::Blind { leg } => self.go_blind(departed(leg)),
                Twist::AntennaFault { leg } => self.break_antenna(departed(leg)),
                Twist::Contradiction { leg } => self.contradict(departed(leg)),
                Twist::Tired => self.tired(),
                Twist::Fast { .. }
                | Twist::Suspicious
                | Twist::Detour { .. }
                | Twist::Trial { .. } => {}
            }
        }
    }

    fn drive(&mut self, leg: &Leg, departs_s: i64, surges: &[Surge]) -> Driven {
        self.drive_beside(leg, departs_s, surges, Beside::Lane(self.lane_m()))
    }

    fn drive_beside(
        &mut self,
        leg: &Leg,
        departs_s: i64,
        surges: &[Surge],
        beside: Beside,
    ) -> Driven {
        let class = self.role.group.class;
        let steady = self.is_suspicious();
        let share = if steady {
            1.0
        } else {
            self.random.between(0.93, 0.985)
        };
        let drive = Drive {
            way: &leg.way,
            departs_s,
            style: Style {
                share,
                steady,
                load: match class {
                    VehicleClass::Hazmat => Load::Hazmat,
                    VehicleClass::HeavyTruck => Load::Goods,
                    _ => Load::Passengers,
                },
            },
            town_stop_s: if class.is_passenger() { 110 } else { 0 },
            surges,
        };
        self.book.drive(&drive, beside, &mut self.random)
    }

    /// The lane of the vehicle; the suspicious one drives on the road beside its route.
    fn lane_m(&self) -> f64 {
        lane_m(self.role)
    }

    fn is_suspicious(&self) -> bool {
        is_suspicious(self.role)
    }

    fn card(&mut self, second: i64, driver: usize, inserted: bool) {
        self.story.cards.push((self.at(second), driver, inserted));
    }

    fn plan(
        &mut self,
        kind: ViolationKind,
        found: Timestamp,
        slack: Span,
        remind: Remind,
        handled: bool,
    ) {
        self.story.planned.push(Planned {
            violation: PlannedViolation {
                vehicle: self.role.number,
                kind,
                from: found - slack,
                to: found + slack + Span::from_seconds(1),
            },
            found,
            remind,
            handled,
        });
    }

    fn speeding(&mut self, found: Option<Timestamp>, remind: Remind, handled: bool) {
        if let Some(found) = found {
            self.plan(ViolationKind::Speeding, found, Span::ZERO, remind, handled);
        }
    }

    fn detour(&mut self, leg: &Leg, first: usize) {
        let drive = self.book.reports.get(first..).unwrap_or_default();
        if let Some(found) = outside(&leg.way.line, drive) {
            let slack = Span::from_minutes(1);
            self.plan(
                ViolationKind::RouteDeviation,
                found,
                slack,
                Remind::TooLate,
                true,
            );
        }
    }

    /// Takes a part of the reports out; the end of it comes later, the rest is lost.
    fn go_blind(&mut self, departs_s: i64) {
        let from = self.at(departs_s + 8 * MINUTE_S);
        let kept = from + Span::from_seconds(BLIND_LOST_S);
        let to = from + Span::from_seconds(BLIND_S);
        let mut late = Vec::new();
        let mut last = from;
        self.book.reports.retain(|report| {
            if report.time < from {
                last = report.time;
            }
            (report.time < from || report.time >= to) || {
                if report.time >= kept {
                    late.push(*report);
                }
                false
            }
        });
        self.story.late = Some((to + Span::from_minutes(15), late));
        let slack = Span::from_seconds(1);
        self.plan(
            ViolationKind::OfflineMovement,
            last,
            slack,
            Remind::Never,
            false,
        );
    }

    fn break_antenna(&mut self, departs_s: i64) {
        let from = self.at(departs_s + 9 * MINUTE_S);
        let to = self.at(departs_s + 54 * MINUTE_S);
        for report in &mut self.book.reports {
            if (from..to).contains(&report.time) {
                report.alarm |= ALARM_ANTENNA;
            }
        }
    }

    /// Three moments of the drive are told a second time, two kilometres away.
    fn contradict(&mut self, departs_s: i64) {
        let from = self.at(departs_s + 15 * MINUTE_S);
        let moments = self
            .book
            .reports
            .iter()
            .filter(|report| report.time >= from);
        let again: Vec<(Timestamp, Report)> = moments
            .take(3)
            .map(|report| {
                let elsewhere = Report {
                    position: Position {
                        lat_udeg: report.position.lat_udeg + 18_000,
                        ..report.position
                    },
                    speed: Speed::from_whole_kmh(31),
                    ..*report
                };
                (report.time + Span::from_minutes(2), elsewhere)
            })
            .collect();
        self.story.again = again;
    }

    /// Finds where both fatigue limits are passed, for the driver that does not rest.
    fn tired(&mut self) {
        let slack = Span::from_seconds(2 * self.role.group.interval_s);
        for (kind, limit_min, night) in [
            (ViolationKind::FatigueNight, 120, true),
            (ViolationKind::FatigueContinuous, 240, false),
        ] {
            let limit = Span::from_minutes(limit_min);
            if let Some(found) = first_passing(&self.book.reports, self.role.day, limit, night) {
                self.plan(kind, found, slack, Remind::AtOnce, true);
            }
        }
    }
}

fn is_suspicious(role: &Role<'_>) -> bool {
    role.twists
        .iter()
        .any(|twist| matches!(twist, Twist::Suspicious))
}

fn lane_m(role: &Role<'_>) -> f64 {
    if is_suspicious(role) {
        return 70.0;
    }
    f64::from(u8::try_from(role.number % 5).unwrap_or(0)) * 2.0 + 2.0
}

fn role_yard(role: &Role<'_>, legs: &[Leg]) -> Position {
    legs.first().map_or_else(
        || role.network.yard(role.number),
        |leg| leg.way.line.at(0.0, lane_m(role)),
    )
}
