//! The whole county put together: register, routes, script and what must be found.

use std::collections::{BTreeMap, BTreeSet};

use super::cast::FIRMS;
use super::duties;
use super::fleet::{Seat, register, seats};
use super::network::{Network, RoadExtract};
use super::planned::Planned;
use super::random::Random;
use super::script::{Action, Event, Report, Script};
use super::twists::{TWISTS, Twist};
use super::vehicles::{Role, VehicleStory, drivers, write};
use crate::duty::Rule;
use crate::model::duty::Period;
use crate::model::fleet::FleetFolder;
use crate::model::route::Route;
use crate::model::{Span, Timestamp};

/// Midnight at which the demo day begins: 2026-11-21 in China.
const DAY: Timestamp = Timestamp::from_seconds(1_795_190_400);
/// A batch is sent when the next report is farther away than this.
const BATCH_GAP: Span = Span::from_minutes(3);

/// An invented county and one day of its life.
#[derive(Clone, Debug, PartialEq)]
pub struct County {
    /// The register, to be imported before the day.
    pub fleet: FleetFolder,
    /// The planned lines, to be imported before the day.
    pub routes: Vec<Route>,
    /// The roads, to be imported before the day.
    pub roads: RoadExtract,
    /// What happens.
    pub day: Script,
    /// The period to ask the verdict for: the demo day and the trial day before it, whose
    /// violations are past due.
    pub period: Period,
    /// The rules that each enterprise must be found to fail; those that fail none are absent.
    pub expected: BTreeMap<String, BTreeSet<Rule>>,
}

/// The county of that seed: always the same for the same seed.
pub fn county(seed: u64) -> County {
    let network = Network::draw(&mut Random::of(seed, 1));
    let seats = seats();
    let fleet = register(&seats, &network, DAY, &mut Random::of(seed, 2));
    let mut events = duties::shifts(DAY);
    events.extend(duties::inquiries(DAY, &mut Random::of(seed, 3)));
    let mut planned: Vec<Planned> = Vec::new();
    let mut first_driver = 0;
    for (number, seat) in seats.iter().enumerate() {
        let role = Role {
            seed,
            day: DAY,
            network: &network,
            group: seat.group,
            number,
            in_group: seat.in_group,
            twists: twists(seat),
        };
        let story = write(&role);
        planned.extend(&story.planned);
        tell(&mut events, number, first_driver, seat.group.batch, story);
        first_driver += drivers(seat.group);
    }
    events.extend(duties::answers_to_violations(DAY, &planned));
    events.sort_by_key(|event| event.at);
    let day_after = DAY + Span::from_hours(24);
    County {
        fleet,
        routes: network.routes(),
        roads: network.extract(),
        day: Script {
            began_at: events.first().map_or(DAY, |first| first.at) - Span::from_minutes(5),
            ended_at: day_after,
            events,
            violations: planned.iter().map(|planned| planned.violation).collect(),
        },
        period: Period {
            from: DAY - Span::from_hours(8 * 24),
            to: day_after,
        },
        expected: FIRMS
            .iter()
            .filter(|firm| !firm.expected.is_empty())
            .map(|firm| (firm.id.to_owned(), firm.expected.iter().copied().collect()))
            .collect(),
    }
}

fn twists(seat: &Seat) -> Vec<Twist> {
    TWISTS
        .iter()
        .filter(|(firm, in_firm, _)| *firm == seat.firm.id && *in_firm == seat.in_firm)
        .map(|(_, _, twist)| *twist)
        .collect()
}

/// Puts what one vehicle does into the script.
fn tell(
    events: &mut Vec<Event>,
    vehicle: usize,
    first_driver: usize,
    batch: usize,
    story: VehicleStory,
) {
    events.extend(story.cards.into_iter().map(|(at, driver, inserted)| Event {
        at,
        action: Action::DriverCard {
            vehicle,
            driver: first_driver + driver,
            inserted,
        },
    }));
    if batch > 1 {
        events.extend(
            batches(&story.live, batch)
                .into_iter()
                .filter_map(|reports| {
                    Some(Event {
                        at: reports.last()?.time,
                        action: Action::Batch { vehicle, reports },
                    })
                }),
        );
    } else {
        let live = story.live.into_iter().map(|report| (report.time, report));
        events.extend(live.chain(story.again).map(|(at, report)| Event {
            at,
            action: Action::Report { vehicle, report },
        }));
    }
    events.extend(story.late.map(|(at, reports)| Event {
        at,
        action: Action::BlindUpload { vehicle, reports },
    }));
}

/// Reports in groups of at most `size`, none of which waits long for the next.
fn batches(reports: &[Report], size: usize) -> Vec<Vec<Report>> {
    let mut groups: Vec<Vec<Report>> = Vec::new();
    for report in reports {
        match groups.last_mut() {
            Some(group)
                if group.len() < size
                    && group
                        .last()
                        .is_some_and(|last| report.time.since(last.time) <= BATCH_GAP) =>
            {
                group.push(*report);
            }
            _ => groups.push(vec![*report]),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::super::ground::metres;
    use super::*;
    use crate::model::{Speed, VehicleClass, ViolationKind};

    /// Reports of each vehicle as sent in order, those that are sent again or late apart.
    fn tracks(county: &County) -> Vec<Vec<Report>> {
        let mut tracks = vec![Vec::new(); county.fleet.vehicles.len()];
        for event in &county.day.events {
            match &event.action {
                Action::Report { vehicle, report } if event.at == report.time => {
                    tracks[*vehicle].push(*report);
                }
                Action::Batch { vehicle, reports } => tracks[*vehicle].extend(reports),
                _ => {}
            }
        }
        tracks
    }

    #[test]
    fn the_same_seed_gives_the_same_county() {
        assert_eq!(county(7), county(7));
        assert_ne!(county(7).day, county(8).day);
        assert_ne!(county(7).routes, county(8).routes);
    }

    #[test]
    fn a_day_has_about_150_vehicles_and_100_000_reports() {
        let county = county(1);
        let reports: usize = tracks(&county).iter().map(Vec::len).sum();
        assert_eq!(county.fleet.enterprises.len(), 12);
        assert!((145..160).contains(&county.fleet.vehicles.len()));
        assert!((90_000..150_000).contains(&reports), "{reports}");
        assert_eq!(county.fleet.monitors.len(), 24);
        for class in VehicleClass::ALL {
            let any = county.fleet.vehicles.iter().any(|v| v.class == *class);
            assert!(any, "{class}");
        }
    }

    #[test]
    fn plates_and_terminals_are_unique() {
        let county = county(5);
        let plates: BTreeSet<_> = county.fleet.vehicles.iter().map(|v| &v.plate).collect();
        let phones: BTreeSet<_> = county.fleet.vehicles.iter().map(|v| &v.terminal).collect();
        assert_eq!(plates.len(), county.fleet.vehicles.len());
        assert_eq!(phones.len(), county.fleet.vehicles.len());
    }

    #[test]
    fn events_are_in_order_and_within_the_story() {
        let day = county(1).day;
        assert!(day.events.is_sorted_by_key(|event| event.at));
        for event in &day.events {
            assert!(
                day.began_at < event.at && event.at <= day.ended_at,
                "{event:?}"
            );
            let wire = matches!(
                event.action,
                Action::Report { .. }
                    | Action::Batch { .. }
                    | Action::BlindUpload { .. }
                    | Action::DriverCard { .. }
            );
            assert!(wire || event.at.millis() % 60_000 == 0, "{event:?}");
        }
    }

    /// What a terminal says of its speed and what its places say must not differ by more than
    /// braking between two reports explains; nothing may look like a jump or as drift.
    #[test]
    fn distances_agree_with_speeds() {
        for seed in [1, 2] {
            for track in tracks(&county(seed)) {
                for pair in track.windows(2) {
                    let [a, b] = pair else { continue };
                    let held = b.time.since(a.time);
                    assert!(held.millis() > 0, "{a:?} {b:?}");
                    let metres = metres(a.position, b.position);
                    if held >= Span::from_minutes(5) {
                        continue;
                    }
                    let kmh = metres / held.seconds() * 3.6;
                    assert!(kmh < 130.0, "{kmh} {a:?} {b:?}");
                    let fastest = a.speed.max(b.speed).kmh();
                    if a.speed == Speed::ZERO && b.speed == Speed::ZERO {
                        let stopped_between = metres > 1.0;
                        assert!(!stopped_between || kmh < 60.0, "{kmh} {a:?} {b:?}");
                    } else {
                        assert!(kmh <= fastest * 1.1 + 55.0, "{kmh} {a:?} {b:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn places_are_in_china_and_values_plausible() {
        for report in tracks(&county(1)).iter().flatten() {
            assert!((27.9..30.4).contains(&report.position.lat()), "{report:?}");
            assert!(
                (111.9..114.7).contains(&report.position.lon()),
                "{report:?}"
            );
            assert!(report.speed <= Speed::from_whole_kmh(125), "{report:?}");
            assert!((0..300).contains(&report.altitude_m), "{report:?}");
        }
    }

    #[test]
    fn odometers_grow_as_far_as_the_vehicle_drives() {
        for track in tracks(&county(1)) {
            assert!(track.is_sorted_by_key(|report| report.odometer));
            let (Some(first), Some(last)) = (track.first(), track.last()) else {
                continue;
            };
            let driven_km = last.odometer.km() - first.odometer.km();
            assert!(
                track.len() == 1 || (100.0..700.0).contains(&driven_km),
                "{driven_km}"
            );
        }
    }

    #[test]
    fn every_planned_violation_is_in_a_track() {
        for seed in 0..4 {
            let county = county(seed);
            let count = |kind| {
                let planned = county.day.violations.iter();
                planned.filter(|violation| violation.kind == kind).count()
            };
            assert_eq!(count(ViolationKind::Speeding), 8 + 20, "seed {seed}");
            assert_eq!(count(ViolationKind::FatigueNight), 1, "seed {seed}");
            assert_eq!(count(ViolationKind::FatigueContinuous), 1, "seed {seed}");
            assert_eq!(count(ViolationKind::RouteDeviation), 1, "seed {seed}");
            assert_eq!(count(ViolationKind::OfflineMovement), 1, "seed {seed}");
        }
    }
}
