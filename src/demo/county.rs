//! The whole play as data: register, routes, what every terminal sends and what every desk does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::behaviour::{Log, Sent};
use super::cast::{self, CAST, Part, Room};
use super::map::Map;
use super::random::Random;
use super::schedule::{self, Calendar, at, watches};
use crate::model::duty::Period;
use crate::model::fleet::FleetFolder;
use crate::model::route::Route;
use crate::model::{LocalZone, Plate, Span, TerminalPhone, Timestamp};

/// The county, its fleet, and a script of nine days of which three are played.
#[derive(Debug)]
pub struct County {
    /// What the clock of the server must show when the play begins.
    pub begins_at: Timestamp,
    /// The period that the verdict is asked for.
    pub period: Period,
    /// Local midnight of the day that is played in full.
    pub day: Timestamp,
    /// The register to import.
    pub fleet: FleetFolder,
    /// The routes to import.
    pub routes: Vec<Route>,
    /// Enterprises that must be found failing, each with the rules that it breaks; all others
    /// must not.
    pub expected: BTreeMap<String, BTreeSet<String>>,
    pub(super) zone: LocalZone,
    pub(super) vehicles: Vec<Actor>,
    pub(super) acts: Vec<Act>,
    pub(super) desk: Vec<DeskEvent>,
}

/// One vehicle with its terminal.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) plate: Plate,
    pub(super) phone: TerminalPhone,
    pub(super) licence: String,
    pub(super) driver_name: String,
    /// What the terminal sends, in order of time.
    pub(super) sent: Vec<Sent>,
}

/// A stretch of time that is played; the clock jumps from one to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Act {
    pub(super) title: &'static str,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// Whether the history's violations are handled at its end.
    pub(super) is_history: bool,
}

/// Something that a person does at a desk.
#[derive(Clone, Debug)]
pub(super) struct DeskEvent {
    pub(super) at: Timestamp,
    pub(super) action: Action,
}

/// What is done at a desk.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// A monitor comes on duty.
    ShiftBegins {
        shift: usize,
        enterprise: &'static str,
        monitor: String,
    },
    /// A monitor goes off duty.
    ShiftEnds {
        shift: usize,
        note: Option<&'static str>,
    },
    /// The regulator asks every enterprise.
    Inquiry { round: usize },
    /// An enterprise answers.
    Answer {
        round: usize,
        enterprise: &'static str,
        responder: String,
    },
}

/// Time allowed for an answer. Unit: s.
pub(super) const ANSWER_WITHIN_S: u32 = 300;

/// When the regulator asks on the day: hour and minute.
const INQUIRIES: [(i64, i64); 4] = [(3, 12), (10, 40), (16, 20), (21, 30)];

/// What a good handover note says.
const NOTE: &str = "交接班:在线车辆正常,报警均已处理,夜间重点车辆已登记";

/// First local day of the play: a Sunday in June, nine days before the day itself.
const JOINING_DAY: &str = "2026-06-07T00:00:00+08:00";

/// Makes the county; the same seed makes the same one.
pub fn county(seed: u64) -> County {
    let zone = LocalZone::default();
    let first = Timestamp::from_rfc3339(JOINING_DAY).unwrap_or_default();
    let days = |number: i64| first + Span::from_hours(24 * number);
    let calendar = Calendar {
        joining: at(first, 10, 0),
        history: days(1),
        day: days(9),
    };
    let mut random = Random::new(seed);
    let map = Map::new(&mut random);
    let fleet = cast::fleet(&map, days(400), at(first, 0, 0) - Span::from_hours(24 * 30));
    County {
        begins_at: calendar.joining,
        period: Period {
            from: days(1),
            to: days(10),
        },
        day: calendar.day,
        vehicles: actors(&map, &calendar, &mut random),
        fleet,
        expected: CAST
            .iter()
            .filter(|part| !part.breaks.is_empty())
            .map(|part| {
                let rules = part.breaks.iter().map(|rule| (*rule).to_owned());
                (part.id.to_owned(), rules.collect())
            })
            .collect(),
        zone,
        acts: vec![
            Act {
                title: "first day: every vehicle comes into the network",
                from: calendar.joining,
                to: at(first, 10, 12),
                is_history: false,
            },
            Act {
                title: "eight days before: violations to be handled within seven days",
                from: at(calendar.history, 8, 50),
                to: at(calendar.history, 11, 30),
                is_history: true,
            },
            Act {
                title: "the day",
                from: calendar.day,
                to: days(10),
                is_history: false,
            },
        ],
        desk: desk(&calendar),
        routes: map.routes,
    }
}

fn actors(map: &Map, calendar: &Calendar, random: &mut Random) -> Vec<Actor> {
    let mut actors = Vec::new();
    let mut number = 0;
    for part in &CAST {
        for index in 0..part.vehicles {
            let path = map.paths.get(cast::path_index(number, map));
            if let (Some(path), Some(phone)) = (path, cast::phone(number)) {
                // Each vehicle reports at its own second of the half minute.
                let offset = Span::from_seconds(i64::from(number * 7 % 29) + 1);
                let begins = calendar.joining + offset;
                let mut log = Log::new(
                    Arc::clone(path),
                    random.fork(),
                    begins,
                    schedule::start_share(part, index),
                );
                schedule::live(&mut log, part, index, calendar);
                actors.push(Actor {
                    plate: cast::plate(number),
                    phone,
                    licence: cast::licence(number),
                    driver_name: cast::driver_name(number),
                    sent: log.into_sent(),
                });
            }
            number += 1;
        }
    }
    actors
}

fn desk(calendar: &Calendar) -> Vec<DeskEvent> {
    let mut events = Vec::new();
    let mut shift = 0;
    for part in &CAST {
        let history = (
            0,
            at(calendar.history, 8, 0),
            at(calendar.history, 12, 0),
            true,
        );
        let day = watches(part.room).iter().map(|(post, from, to, has_note)| {
            let moment = |minute: i64| at(calendar.day, 0, minute);
            (*post, moment(*from), moment(*to), *has_note)
        });
        for (post, from, to, has_note) in std::iter::once(history).chain(day) {
            events.push(DeskEvent {
                at: from,
                action: Action::ShiftBegins {
                    shift,
                    enterprise: part.id,
                    monitor: cast::monitor_id(part, post),
                },
            });
            events.push(DeskEvent {
                at: to,
                action: Action::ShiftEnds {
                    shift,
                    note: has_note.then_some(NOTE),
                },
            });
            shift += 1;
        }
    }
    for (round, (hour, minute)) in INQUIRIES.into_iter().enumerate() {
        let sent = at(calendar.day, hour, minute);
        events.push(DeskEvent {
            at: sent,
            action: Action::Inquiry { round },
        });
        events.extend((1..).zip(&CAST).filter_map(|(place, part)| {
            Some(DeskEvent {
                at: sent + Span::from_seconds(60 + place % 4 * 45),
                action: Action::Answer {
                    round,
                    enterprise: part.id,
                    responder: responder(part, hour * 60 + minute)?,
                },
            })
        }));
    }
    // Of equal moments, ends come before beginnings: a watch is handed over.
    events.sort_by_key(|event| {
        let is_end = matches!(event.action, Action::ShiftEnds { .. });
        (event.at, !is_end)
    });
    events
}

/// Who answers at that minute of the day; nobody does where the room is asleep.
fn responder(part: &Part, minute: i64) -> Option<String> {
    let on_duty = watches(part.room)
        .iter()
        .find(|(_, from, to, _)| (*from..*to).contains(&minute));
    match on_duty {
        Some((post, ..)) => Some(format!("监控员{}", cast::POSTS.get(*post)?)),
        None if part.room == Room::AsleepAtThree => None,
        None => Some("值班领导".to_owned()),
    }
}

impl County {
    /// Compares a failing list (the answer of `GET /duty/failing` for [`County::period`]) with
    /// what the script makes certain; empty when they agree.
    pub fn differences(&self, failing: &Value) -> Vec<String> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let items = failing.get("items").and_then(Value::as_array);
        for item in items.into_iter().flatten() {
            let text = |value: Option<&Value>| {
                value.and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            let reasons = item.get("reasons").and_then(Value::as_array);
            let rules = reasons.into_iter().flatten();
            found.insert(
                text(item.pointer("/enterprise/id")),
                rules.map(|reason| text(reason.get("rule"))).collect(),
            );
        }
        let ids: BTreeSet<&String> = found.keys().chain(self.expected.keys()).collect();
        let none = BTreeSet::new();
        ids.into_iter()
            .filter_map(|id| {
                let expected = self.expected.get(id).unwrap_or(&none);
                let got = found.get(id).unwrap_or(&none);
                (expected != got).then(|| format!("{id}: expected {expected:?}, found {got:?}"))
            })
            .collect()
    }

    /// Reports that the terminals send, those in batches included.
    pub fn reports(&self) -> usize {
        use super::behaviour::Sending;
        let sent = self.vehicles.iter().flat_map(|actor| &actor.sent);
        sent.map(|sent| match &sent.what {
            Sending::Report(_) => 1,
            Sending::BlindArea(reports) => reports.len(),
            Sending::Card(_) => 0,
        })
        .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::behaviour::Sending;
    use super::*;
    use crate::detect::{self, RouteValidity, VehicleProfile};
    use crate::geo::CorridorIndex;
    use crate::model::{Fix, Quality, Source, VehicleId};
    use crate::simulate::terminal::Report;

    #[test]
    fn the_county_is_the_same_for_the_same_seed() {
        let (one, two) = (county(1), county(1));
        assert_eq!(one.fleet, two.fleet);
        assert_eq!(one.routes, two.routes);
        for (left, right) in one.vehicles.iter().zip(&two.vehicles) {
            assert_eq!(left.sent, right.sent);
        }
        assert_eq!(one.vehicles.len(), 150);
        assert_eq!(one.expected.len(), 7);
        assert!(
            (80_000..200_000).contains(&one.reports()),
            "{}",
            one.reports()
        );
    }

    #[test]
    fn every_sending_lies_in_an_act_and_in_order() {
        let county = county(1);
        for actor in &county.vehicles {
            assert!(actor.sent.windows(2).all(|pair| pair[0].at <= pair[1].at));
            for sent in &actor.sent {
                let mut acts = county.acts.iter();
                assert!(
                    acts.any(|act| (act.from..act.to).contains(&sent.at)),
                    "{} at {}",
                    actor.plate,
                    county.zone.rfc3339(sent.at)
                );
            }
        }
    }

    #[test]
    fn only_the_dark_truck_and_the_blind_coach_move_unseen() {
        let county = county(1);
        let mut unseen = Vec::new();
        for actor in &county.vehicles {
            let live: Vec<_> = actor
                .sent
                .iter()
                .filter_map(|sent| match &sent.what {
                    Sending::Report(report) => Some(report),
                    Sending::BlindArea(_) | Sending::Card(_) => None,
                })
                .collect();
            for pair in live.windows(2) {
                let moved = f64::from(pair[0].position.lat_udeg - pair[1].position.lat_udeg).hypot(
                    f64::from(pair[0].position.lon_udeg - pair[1].position.lon_udeg),
                );
                let gap = pair[1].time.since(pair[0].time);
                if gap >= Span::from_minutes(5) && moved * 0.111 > 400.0 {
                    unseen.push((actor.plate.text.clone(), gap.minutes()));
                }
            }
        }
        let expected = [("湘Z10006".to_owned(), 20.5), ("湘Z10135".to_owned(), 45.5)];
        assert_eq!(unseen, expected);
    }

    /// Violations of the whole play, judged at once, as `enterprise kind severity count`.
    fn judged(county: &County) -> BTreeMap<String, u32> {
        let rules = crate::rulebook::parse(crate::rulebook::default_document()).unwrap();
        let routes = CorridorIndex::new(county.routes.clone());
        let mut found = BTreeMap::new();
        for (id, (actor, entry)) in (0..).zip(county.vehicles.iter().zip(&county.fleet.vehicles)) {
            let reports = actor.sent.iter().flat_map(|sent| match &sent.what {
                Sending::Report(report) => vec![*report],
                // Live judgement does not see what comes late; judged at once it would.
                Sending::BlindArea(_) | Sending::Card(_) => Vec::new(),
            });
            let fixes: Vec<_> = reports.map(|report| fix(id, &report)).collect();
            let route = entry.route_id.as_deref().and_then(|id| routes.find(id));
            let profile = VehicleProfile {
                seats: entry.seats,
                routes: route
                    .map(|route| RouteValidity {
                        route,
                        from: None,
                        to: None,
                    })
                    .into_iter()
                    .collect(),
                ..VehicleProfile::of_class(entry.class)
            };
            let context = detect::Context {
                rules: &rules,
                profile: &profile,
                routes: &routes,
            };
            for violation in detect::judge_track(&context, &fixes) {
                let (kind, severity) = (violation.kind, violation.severity);
                let key = format!("{} {kind} {severity}", entry.enterprise_id);
                *found.entry(key).or_default() += 1;
            }
        }
        found
    }

    fn fix(vehicle: u32, report: &Report) -> Fix {
        Fix {
            vehicle: VehicleId(vehicle),
            time: report.time,
            received: report.time,
            position: report.position,
            speed: report.speed,
            course: Some(report.course),
            altitude_m: Some(report.altitude_m),
            odometer: Some(report.odometer),
            alarm: report.alarm,
            status: report.status,
            driver: None,
            source: Source::Terminal,
            quality: Quality::GOOD,
        }
    }

    #[test]
    fn the_detectors_find_what_the_script_means_and_nothing_else() {
        for seed in [1, 2, 7] {
            let found: Vec<_> = judged(&county(seed))
                .into_iter()
                .map(|(key, count)| format!("{key} x{count}"))
                .collect();
            let expected = [
                "E01 offline_movement L1 x1",
                "E01 speeding L1 x2",
                "E01 speeding L2 x4",
                "E04 speeding L2 x10",
                "E07 route_deviation L3 x1",
                "E08 speeding L3 x1",
                "E09 fatigue_continuous L4 x1",
                "E09 fatigue_night L1 x1",
                "E10 speeding L2 x10",
                "E11 offline_movement L1 x1",
            ];
            assert_eq!(found, expected, "seed {seed}");
        }
    }

    #[test]
    fn a_failing_list_is_compared_with_the_script() {
        let county = county(1);
        let items: Vec<Value> = county
            .expected
            .iter()
            .map(|(id, rules)| {
                let reasons: Vec<_> = rules
                    .iter()
                    .map(|rule| serde_json::json!({ "rule": rule }))
                    .collect();
                serde_json::json!({ "enterprise": { "id": id }, "reasons": reasons })
            })
            .collect();
        let mut list = serde_json::json!({ "items": items });
        assert_eq!(county.differences(&list), Vec::<String>::new());
        list["items"][0]["reasons"] = serde_json::json!([{ "rule": "N9" }]);
        assert_eq!(
            county.differences(&list),
            ["E02: expected {\"N2\", \"N4\"}, found {\"N9\"}"]
        );
    }
}
