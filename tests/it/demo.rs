//! The demo county against the pure pipeline: its tracks judged, its facts weighed, and the
//! enterprises that fail held against those that the story means to fail.
#![expect(
    clippy::unwrap_used,
    reason = "a test helper that panics fails its test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use roadwarden::app::{Server, ServerOptions, open_owned};
use roadwarden::clock::Clock;
use roadwarden::config::{Config, Values};
use roadwarden::demo::{Action, County, PlayTarget, Report, county, finale, load, play};
use roadwarden::detect::{
    Context, RouteValidity, Transition, VehicleProfile, VehicleState, judge_track,
};
use roadwarden::duty::{Rule, evaluate};
use roadwarden::geo::{AreaIndex, CorridorIndex};
use roadwarden::model::duty::{
    Contradiction, DutyFacts, FaultRun, Inquiry, InquiryAnswer, MinuteSet, Shift, ViolationFact,
};
use roadwarden::model::fleet::Enterprise;
use roadwarden::model::rules::RuleSet;
use roadwarden::model::{
    DriverId, Events, Fix, Plate, Quality, Source, Span, Speed, Timestamp, VehicleId, Violation,
    ViolationKind,
};

use roadwarden::roads::{RoadMap, RoadNetwork};
use roadwarden::store::{Page, ViolationFilter};

use crate::drive::{line, rules};

/// Which reports have arrived.
#[derive(Clone, Copy, PartialEq)]
enum Arrived {
    /// All, those that were kept while there was no link included.
    All,
    /// Only those that came at once.
    Live,
}

/// The full minute in which the player sends what happens at `at`.
fn minute(at: Timestamp) -> Timestamp {
    let past = at.millis().rem_euclid(60_000);
    if past == 0 {
        at
    } else {
        at + Span::from_millis(60_000 - past)
    }
}

fn fix(vehicle: usize, report: &Report, received: Timestamp, driver: Option<DriverId>) -> Fix {
    Fix {
        vehicle: VehicleId(u32::try_from(vehicle).unwrap()),
        time: report.time,
        received,
        position: report.position,
        speed: report.speed,
        course: Some(report.course),
        altitude_m: Some(report.altitude_m),
        odometer: Some(report.odometer),
        alarm: report.alarm,
        status: report.status,
        passengers: None,
        events: Events::NONE,
        driver,
        source: Source::Terminal,
        quality: Quality::GOOD,
    }
}

/// The fixes of every vehicle as they arrive.
fn tracks(county: &County, arrived: Arrived) -> Vec<Vec<Fix>> {
    let count = county.fleet.vehicles.len();
    let mut tracks = vec![Vec::new(); count];
    let mut cards: Vec<Option<DriverId>> = vec![None; count];
    for event in &county.day.events {
        let received = minute(event.at);
        match &event.action {
            Action::Report { vehicle, report } => {
                tracks[*vehicle].push(fix(*vehicle, report, received, cards[*vehicle]));
            }
            Action::Batch { vehicle, reports } => {
                let driver = cards[*vehicle];
                tracks[*vehicle].extend(reports.iter().map(|r| fix(*vehicle, r, received, driver)));
            }
            Action::BlindUpload { vehicle, reports } if arrived == Arrived::All => {
                let driver = cards[*vehicle];
                tracks[*vehicle].extend(reports.iter().map(|r| fix(*vehicle, r, received, driver)));
            }
            Action::DriverCard {
                vehicle,
                driver,
                inserted,
            } => {
                cards[*vehicle] = inserted.then(|| DriverId(u32::try_from(*driver).unwrap()));
            }
            _ => {}
        }
    }
    tracks
}

/// What the pipeline makes of one vehicle.
struct Judged {
    violations: Vec<Violation>,
    driving: Vec<(Timestamp, Timestamp)>,
    faults: Vec<(Timestamp, Timestamp, u32)>,
    contradictions: Vec<Timestamp>,
}

fn judge(context: &Context<'_>, fixes: &[Fix]) -> Judged {
    let mut sorted: Vec<&Fix> = fixes.iter().collect();
    sorted.sort_by_key(|fix| (fix.time, fix.received));
    let contradictions = sorted
        .windows(2)
        .filter(|pair| pair[0].time == pair[1].time && pair[0].position != pair[1].position)
        .map(|pair| pair[0].time)
        .collect();
    let mut state = VehicleState::default();
    let mut out = Vec::new();
    for fix in sorted {
        state.handle_fix(context, fix, &mut out);
    }
    let mut driving = Vec::new();
    let mut faults = BTreeMap::new();
    for transition in out {
        match transition {
            Transition::Driving { from, to } => driving.push((from, to)),
            Transition::FaultRun { from, to, alarm } => {
                faults.insert(from, (from, to, alarm));
            }
            Transition::Opened(_)
            | Transition::Extended(_)
            | Transition::Closed(_)
            | Transition::PreAlarm(_)
            | Transition::Piece(_) => {}
        }
    }
    Judged {
        violations: judge_track(context, fixes),
        driving,
        faults: faults.into_values().collect(),
        contradictions,
    }
}

fn judge_county(county: &County, rules: &RuleSet, arrived: Arrived) -> Vec<Judged> {
    let routes = CorridorIndex::new(county.routes.clone());
    let network = RoadNetwork::build(&county.roads.nodes, county.roads.ways.clone()).unwrap();
    let roads = RoadMap::new(Arc::new(network), "demo", Vec::new(), &[rules]);
    tracks(county, arrived)
        .iter()
        .zip(&county.fleet.vehicles)
        .map(|(fixes, entry)| {
            let route = entry.route_id.as_ref().and_then(|id| routes.find(id));
            let profile = VehicleProfile {
                seats: entry.seats,
                line_km: entry.line_km,
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
            let context = Context {
                rules,
                profile: &profile,
                routes: &routes,
                areas: &AreaIndex::default(),
                roads: Some(&roads),
            };
            judge(&context, fixes)
        })
        .collect()
}

/// Violations that the story has no plan for, and plans that no violation meets.
fn differences(county: &County, judged: &[Judged]) -> Vec<String> {
    let mut open: Vec<_> = county.day.violations.iter().map(Some).collect();
    let mut wrong = Vec::new();
    for (vehicle, judged) in judged.iter().enumerate() {
        for violation in &judged.violations {
            let plan = open.iter_mut().find(|plan| {
                plan.is_some_and(|plan| {
                    plan.vehicle == vehicle
                        && plan.kind == violation.kind
                        && plan.from <= violation.started_at
                        && violation.started_at < plan.to
                })
            });
            match plan {
                Some(plan) => *plan = None,
                None => wrong.push(format!("vehicle {vehicle}: {}", line(violation))),
            }
        }
    }
    wrong.extend(
        open.into_iter()
            .flatten()
            .map(|plan| format!("not found: {plan:?}")),
    );
    wrong
}

#[test]
fn the_tracks_hold_the_planned_violations_and_no_others() {
    let rules = rules();
    for seed in 0..3 {
        let county = county(seed);
        let judged = judge_county(&county, &rules, Arrived::All);
        let wrong = differences(&county, &judged);
        assert!(wrong.is_empty(), "seed {seed}:\n{}", wrong.join("\n"));
    }
}

/// When the reminder and the handling of each planned violation happen.
fn answers(county: &County) -> (BTreeMap<usize, Timestamp>, BTreeMap<usize, Timestamp>) {
    let (mut reminded, mut handled) = (BTreeMap::new(), BTreeMap::new());
    for event in &county.day.events {
        match &event.action {
            Action::Reminder { violation, .. } => {
                reminded.insert(*violation, event.at);
            }
            Action::Handling { violation, .. } => {
                handled.insert(*violation, event.at);
            }
            _ => {}
        }
    }
    (reminded, handled)
}

fn violation_facts(county: &County, judged: &[Judged]) -> Vec<(String, ViolationFact)> {
    let (reminded, handled) = answers(county);
    let mut facts = Vec::new();
    for (vehicle, judged) in judged.iter().enumerate() {
        let entry = &county.fleet.vehicles[vehicle];
        for violation in &judged.violations {
            let plan = county.day.violations.iter().position(|plan| {
                plan.vehicle == vehicle
                    && plan.kind == violation.kind
                    && (plan.from..plan.to).contains(&violation.started_at)
            });
            let of = |map: &BTreeMap<usize, Timestamp>| plan.and_then(|p| map.get(&p).copied());
            facts.push((
                entry.enterprise_id.clone(),
                ViolationFact {
                    id: format!("{}-{}", vehicle, violation.started_at.millis()),
                    plate: entry.plate.clone(),
                    kind: violation.kind,
                    severity: violation.severity,
                    started_at: violation.started_at,
                    confirmed_at: violation.confirmed_at,
                    ended_at: violation.ended_at,
                    first_seen_at: violation.first_seen_at,
                    grave: violation.grave,
                    last_fix: violation.evidence.last_fix,
                    reminded_at: of(&reminded),
                    handled_at: of(&handled),
                    false_alarm_approved: false,
                    withdrawn: false,
                },
            ));
        }
    }
    facts
}

fn shifts(county: &County) -> Vec<Shift> {
    let mut shifts: BTreeMap<usize, Shift> = BTreeMap::new();
    for event in &county.day.events {
        match &event.action {
            Action::ShiftStart {
                shift,
                enterprise_id,
                monitor_id,
            } => {
                let begun = Shift {
                    id: shift.to_string(),
                    enterprise_id: enterprise_id.clone(),
                    monitor_id: monitor_id.clone(),
                    started_at: event.at,
                    ended_at: None,
                    note: None,
                };
                shifts.insert(*shift, begun);
            }
            Action::ShiftEnd { shift, note } => {
                let begun = shifts.get_mut(shift).unwrap();
                begun.ended_at = Some(event.at);
                begun.note.clone_from(note);
            }
            _ => {}
        }
    }
    shifts.into_values().collect()
}

fn inquiries(county: &County) -> Vec<Inquiry> {
    let mut sent: BTreeMap<(usize, String), Inquiry> = BTreeMap::new();
    for event in &county.day.events {
        match &event.action {
            Action::Inquiry {
                inquiry,
                enterprise_ids,
                question,
                within,
            } => {
                for enterprise_id in enterprise_ids {
                    let asked = Inquiry {
                        id: format!("{inquiry}-{enterprise_id}"),
                        enterprise_id: enterprise_id.clone(),
                        question: question.clone(),
                        sent_at: event.at,
                        answer_within: *within,
                        answer: None,
                    };
                    sent.insert((*inquiry, enterprise_id.clone()), asked);
                }
            }
            Action::Answer {
                inquiry,
                enterprise_id,
                answer,
                responder,
            } => {
                let asked = sent.get_mut(&(*inquiry, enterprise_id.clone())).unwrap();
                asked.answer = Some(InquiryAnswer {
                    answered_at: event.at,
                    answer: answer.clone(),
                    responder: responder.clone(),
                    phone: String::new(),
                });
            }
            _ => {}
        }
    }
    sent.into_values().collect()
}

fn operating(rules: &RuleSet, driving: &[(Timestamp, Timestamp)]) -> Vec<(i64, MinuteSet)> {
    let mut days: BTreeMap<i64, MinuteSet> = BTreeMap::new();
    for (from, to) in driving {
        let mut time = *from;
        while time < *to {
            let of_day = rules.zone.millis_of_day(time) / 60_000;
            let set = days.entry(rules.zone.day(time)).or_default();
            set.insert(u16::try_from(of_day).unwrap());
            time = Timestamp::from_millis(time.millis().div_euclid(60_000) * 60_000 + 60_000);
        }
    }
    days.into_iter().collect()
}

/// All that is known of each enterprise.
fn facts(county: &County, rules: &RuleSet, arrived: Arrived) -> Vec<DutyFacts> {
    let known = Known {
        county,
        rules,
        judged: judge_county(county, rules, arrived),
        tracks: tracks(county, arrived),
    };
    county
        .fleet
        .enterprises
        .iter()
        .map(|enterprise| known.of(enterprise))
        .collect()
}

struct Known<'a> {
    county: &'a County,
    rules: &'a RuleSet,
    judged: Vec<Judged>,
    tracks: Vec<Vec<Fix>>,
}

impl Known<'_> {
    fn of(&self, enterprise: &Enterprise) -> DutyFacts {
        let fleet = &self.county.fleet;
        let ours = |id: &str| id == enterprise.id;
        let vehicles: Vec<usize> = (0..fleet.vehicles.len())
            .filter(|v| ours(&fleet.vehicles[*v].enterprise_id))
            .collect();
        let (online, silent): (Vec<usize>, Vec<usize>) =
            vehicles.iter().partition(|v| self.is_online(**v));
        let driving: Vec<(Timestamp, Timestamp)> = vehicles
            .iter()
            .flat_map(|v| self.judged[*v].driving.clone())
            .collect();
        let count = |list: &[usize]| u32::try_from(list.len()).unwrap();
        let violations = violation_facts(self.county, &self.judged).into_iter();
        DutyFacts {
            enterprise_id: enterprise.id.clone(),
            name: enterprise.name.clone(),
            region: enterprise.region.clone(),
            vehicles: count(&vehicles),
            vehicles_in_network: count(&vehicles),
            vehicles_online: count(&online),
            vehicles_silent: silent.iter().map(|v| self.plate(*v)).collect(),
            last_fix: None,
            monitors: fleet
                .monitors
                .iter()
                .filter(|m| ours(&m.enterprise_id))
                .cloned()
                .collect(),
            shifts: shifts(self.county)
                .into_iter()
                .filter(|s| ours(&s.enterprise_id))
                .collect(),
            operating: operating(self.rules, &driving),
            violations: violations
                .filter(|(id, _)| ours(id))
                .map(|(_, fact)| fact)
                .collect(),
            inquiries: inquiries(self.county)
                .into_iter()
                .filter(|i| ours(&i.enterprise_id))
                .collect(),
            faults: vehicles.iter().flat_map(|v| self.faults(*v)).collect(),
            contradictions: vehicles
                .iter()
                .flat_map(|v| self.contradictions(*v))
                .collect(),
        }
    }

    fn plate(&self, vehicle: usize) -> Plate {
        self.county.fleet.vehicles[vehicle].plate.clone()
    }

    fn is_online(&self, vehicle: usize) -> bool {
        let period = self.county.period;
        let mut times = self.tracks[vehicle].iter().map(|fix| fix.time);
        times.any(|time| period.from <= time && time < period.to)
    }

    fn faults(&self, vehicle: usize) -> Vec<FaultRun> {
        let runs = self.judged[vehicle].faults.iter();
        runs.map(|(from, to, alarm)| FaultRun {
            plate: self.plate(vehicle),
            from: *from,
            to: *to,
            alarm: *alarm,
        })
        .collect()
    }

    fn contradictions(&self, vehicle: usize) -> Vec<Contradiction> {
        let times = self.judged[vehicle].contradictions.iter();
        times
            .map(|time| Contradiction {
                plate: self.plate(vehicle),
                time: *time,
                note: "another place".to_owned(),
            })
            .collect()
    }
}

#[test]
fn exactly_the_meant_enterprises_fail_for_the_meant_reasons() {
    let rules = rules();
    for (seed, arrived) in [(1, Arrived::All), (1, Arrived::Live), (2, Arrived::All)] {
        let county = county(seed);
        let mut found: BTreeMap<String, BTreeSet<Rule>> = BTreeMap::new();
        let mut report = Vec::new();
        for facts in facts(&county, &rules, arrived) {
            let now = county.day.ended_at;
            let verdict = evaluate(&facts, county.period, now, &rules.duty, rules.zone);
            for reason in &verdict.reasons {
                report.push(format!("{} {} {:?}", facts.name, reason.rule, reason.value));
                found
                    .entry(facts.enterprise_id.clone())
                    .or_default()
                    .insert(reason.rule);
            }
        }
        assert_eq!(
            found,
            county.expected,
            "seed {seed}:\n{}",
            report.join("\n")
        );
    }
}

/// The enterprise that only looks bad stands exactly on the edge of every rule.
#[test]
fn the_suspicious_enterprise_stands_exactly_on_the_edge() {
    let rules = rules();
    let county = county(1);
    let facts = facts(&county, &rules, Arrived::All);
    let edge = facts
        .iter()
        .find(|facts| facts.enterprise_id == "E11")
        .unwrap();
    let due = |v: &&ViolationFact| v.started_at < county.day.ended_at - Span::from_hours(7 * 24);
    let past_due: Vec<_> = edge.violations.iter().filter(due).collect();
    let handled = past_due.iter().filter(|v| v.handled_at.is_some()).count();
    assert_eq!((handled, past_due.len()), (9, 10));
    let longest = edge.inquiries.iter().filter_map(|inquiry| {
        let answer = inquiry.answer.as_ref()?;
        Some(answer.answered_at.since(inquiry.sent_at))
    });
    assert_eq!(longest.max(), Some(Span::from_minutes(5)));
    let vehicle = county
        .fleet
        .vehicles
        .iter()
        .position(|v| v.enterprise_id == "E11")
        .unwrap();
    let track = &tracks(&county, Arrived::All)[vehicle];
    let fastest = track.iter().map(|fix| fix.speed).max();
    assert_eq!(fastest.map(Speed::kmh), Some(100.0));
    let mut stops = Vec::new();
    let mut stopped: Option<Timestamp> = None;
    for fix in track
        .iter()
        .filter(|fix| fix.time >= county.day.ended_at - Span::from_hours(24))
    {
        if fix.speed.kmh() > 5.0 {
            stops.extend(stopped.take().map(|since| fix.time.since(since)));
        } else {
            stopped.get_or_insert(fix.time);
        }
    }
    let rests: Vec<_> = stops
        .into_iter()
        .filter(|s| *s >= Span::from_minutes(20))
        .collect();
    assert_eq!(rests, [Span::from_minutes(20)]);
}

/// The whole day over real connections: a server, 152 terminals, every request of the people.
#[test]
fn the_day_played_through_the_server_gives_the_meant_verdict() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let county = county(1);
        let mut values = Values::default();
        values.set_default("data", folder.path().to_str().unwrap());
        values.set_default("http", "127.0.0.1:0");
        values.set_default("jt808", "127.0.0.1:0");
        let config = Config::new(&values).unwrap();
        {
            let (store, journal) = open_owned(&config).await.unwrap();
            load(&store, &config.data_dir(), &county).await.unwrap();
            drop(journal);
            store.close().await;
        }
        let clock = Clock::development(county.day.began_at, 0.0).unwrap();
        let options = ServerOptions {
            dev_open: true,
            clock: clock.clone(),
        };
        let server = Server::start(&config, options).await.unwrap();
        let target = PlayTarget {
            jt808: server.addresses().jt808,
            http: server.addresses().http,
            minute: Duration::ZERO,
        };
        let summary = play(&target, &clock, &county).await.unwrap();
        let finale = finale(&target, summary.period).await.unwrap();
        let found: BTreeMap<String, BTreeSet<Rule>> = finale.failing["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| {
                let rules = item["reasons"].as_array().unwrap().iter();
                let id = item["enterprise"]["id"].as_str().unwrap().to_owned();
                (
                    id,
                    rules
                        .map(|r| r["rule"].as_str().unwrap().parse().unwrap())
                        .collect(),
                )
            })
            .collect();
        assert_eq!(summary.terminals, county.fleet.vehicles.len());
        assert_eq!(found, county.expected, "{}", finale.text);
        server.drain().await.unwrap();
        let (store, _journal) = open_owned(&config).await.unwrap();
        let speeding = ViolationFilter {
            kind: Some(ViolationKind::Speeding),
            ..ViolationFilter::default()
        };
        let listed = store.list_violations(&speeding, &Page::first(1000)).await;
        let listed = listed.unwrap().items;
        let limits = listed.iter().filter_map(|v| v.violation.limit.as_ref());
        let on_roads = limits.filter(|limit| limit.map_version.is_some()).count();
        assert!(on_roads > 0 && on_roads == listed.len(), "{listed:?}");
    });
}
