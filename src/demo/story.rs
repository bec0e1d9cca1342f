//! The whole county put together: register, routes, script and what must be found.

use std::collections::{BTreeMap, BTreeSet};

use super::cast::{FIRMS, TWISTS, Twist};
use super::duties;
use super::fleet::{Seat, register, seats};
use super::network::Network;
use super::planned::Planned;
use super::random::Random;
use super::script::{Action, Event, Report, Script};
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
        events.extend(batches(&story.live, batch).into_iter().filter_map(|reports| {
            Some(Event {
                at: reports.last()?.time,
                action: Action::Batch { vehicle, reports },
            })
        }));
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
