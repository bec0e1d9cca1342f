//! What monitors and the regulator do in the story: shifts, inquiries, reminders, handlings.

use super::cast::{FIRMS, Firm, Plan, Watch};
use super::fleet::{monitor_id, monitor_name};
use super::planned::{Planned, Remind};
use super::random::Random;
use super::script::{Action, Event};
use super::twists::{TWISTS, Twist};
use crate::model::{Span, Timestamp, ViolationKind};

/// Unit: minutes.
const DAY: i64 = 24 * 60;
const NOTE: &str = "在途车辆正常，违规提醒已登记，已交接";

/// From, to (open when absent) and whether it is handed over. Unit: minutes of the demo day.
type Stint = (usize, i64, Option<i64>, bool);

/// The stints of an enterprise's monitors, by monitor.
fn stints(firm: &Firm) -> Vec<Stint> {
    let mut stints: Vec<Stint> = match firm.watch {
        Watch::Proper => vec![
            (1, -240, Some(480), true),
            (0, 480, Some(1200), true),
            (1, 1200, None, true),
        ],
        Watch::Sleeps => vec![
            (1, -240, Some(160), true),
            (0, 360, Some(1200), true),
            (1, 1200, None, true),
        ],
        Watch::OneTrained => vec![(0, 330, Some(1290), true)],
        Watch::NoNote => vec![
            (1, -240, Some(480), true),
            (0, 480, Some(1200), false),
            (1, 1200, None, true),
        ],
    };
    let trial = TWISTS
        .iter()
        .any(|(id, _, twist)| *id == firm.id && matches!(twist, Twist::Trial { .. }));
    if trial {
        stints.insert(0, (0, -8 * DAY + 20 * 60, Some(-7 * DAY + 30), true));
    }
    stints
}

/// Shifts of every enterprise.
pub(super) fn shifts(day: Timestamp) -> Vec<Event> {
    let at = |minute: i64| day + Span::from_minutes(minute);
    let mut events = Vec::new();
    let mut shift = 0;
    for firm in &FIRMS {
        for (monitor, from, to, noted) in stints(firm) {
            events.push(Event {
                at: at(from),
                action: Action::ShiftStart {
                    shift,
                    enterprise_id: firm.id.to_owned(),
                    monitor_id: monitor_id(firm.id, monitor),
                },
            });
            events.extend(to.map(|to| Event {
                at: at(to),
                action: Action::ShiftEnd {
                    shift,
                    note: noted.then(|| NOTE.to_owned()),
                },
            }));
            shift += 1;
        }
    }
    events
}

/// Three checks of posts: at night of those that run, and twice by day of all.
pub(super) fn inquiries(day: Timestamp, random: &mut Random) -> Vec<Event> {
    let mut events = Vec::new();
    for (inquiry, minute) in [192, 630, 920].into_iter().enumerate() {
        let sent = day + Span::from_minutes(minute);
        let asked: Vec<&Firm> = FIRMS
            .iter()
            .filter(|firm| inquiry > 0 || runs_at_night(firm))
            .collect();
        let (hour, past) = (minute / 60, minute % 60);
        events.push(Event {
            at: sent,
            action: Action::Inquiry {
                inquiry,
                enterprise_ids: asked.iter().map(|firm| firm.id.to_owned()).collect(),
                question: format!("{hour:02}:{past:02} 查岗：请报在岗监控人员和在途车辆数"),
                within: Span::from_minutes(5),
            },
        });
        for firm in asked {
            let asleep = inquiry == 0 && firm.watch == Watch::Sleeps;
            let suspicious = TWISTS
                .iter()
                .any(|(id, _, twist)| *id == firm.id && matches!(twist, Twist::Suspicious));
            let takes = if suspicious {
                5
            } else {
                1 + i64::from(random.below(4))
            };
            let monitor = usize::from(inquiry == 0);
            events.extend((!asleep).then(|| Event {
                at: sent + Span::from_minutes(takes),
                action: Action::Answer {
                    inquiry,
                    enterprise_id: firm.id.to_owned(),
                    answer: format!("{}在岗，在途车辆正常", monitor_name(monitor)),
                    responder: monitor_name(monitor).to_owned(),
                },
            }));
        }
    }
    events
}

/// Whether vehicles of the enterprise start before four in the morning.
fn runs_at_night(firm: &Firm) -> bool {
    firm.groups
        .iter()
        .any(|group| group.first_min < 240 && !matches!(group.plan, Plan::Silent))
}

/// Reminders and handlings of what the tracks hold.
pub(super) fn answers_to_violations(day: Timestamp, planned: &[Planned]) -> Vec<Event> {
    let mut events = Vec::new();
    for (violation, planned) in planned.iter().enumerate() {
        let found = planned.found;
        let seen = found + Span::from_minutes(2);
        let remind = match planned.remind {
            Remind::AtOnce => Some(full(seen, 2, day)),
            Remind::SomeTime => Some(full(seen, 10, day)),
            Remind::TooLate => Some(full(found + Span::from_minutes(25), 2, day)),
            Remind::Never => None,
        };
        events.extend(remind.map(|at| Event {
            at,
            action: Action::Reminder {
                violation,
                text: reminder(planned.violation.kind).to_owned(),
            },
        }));
        events.extend(planned.handled.then(|| Event {
            at: handled_at(found, day),
            action: Action::Handling {
                violation,
                note: "已约谈驾驶员并教育，已记入台账".to_owned(),
            },
        }));
    }
    events
}

/// The trial day is dealt with the morning after, the demo day in the evening.
fn handled_at(found: Timestamp, day: Timestamp) -> Timestamp {
    let minute = if found < day {
        -7 * DAY + 10 * 60
    } else if found < day + Span::from_minutes(18 * 60) {
        20 * 60
    } else {
        DAY - 5
    };
    day + Span::from_minutes(minute)
}

const fn reminder(kind: ViolationKind) -> &'static str {
    match kind {
        ViolationKind::Speeding => "您已超速，请减速行驶",
        ViolationKind::FatigueContinuous
        | ViolationKind::FatigueNight
        | ViolationKind::Fatigue24h
        | ViolationKind::Fatigue7d => "您已疲劳驾驶，请就近停车休息",
        ViolationKind::RouteDeviation => "您已偏离规定线路，请立即返回",
        ViolationKind::NightBan
        | ViolationKind::AreaForbidden
        | ViolationKind::AreaLeft
        | ViolationKind::OfflineMovement
        | ViolationKind::UnplannedStop
        | ViolationKind::TerminalAlarm => "请遵守安全行车规定",
    }
}

/// The first multiple of `minutes` at or after `time`.
fn full(time: Timestamp, minutes: i64, day: Timestamp) -> Timestamp {
    let step = minutes * 60_000;
    let past = time.since(day).millis().rem_euclid(step);
    if past == 0 {
        time
    } else {
        time + Span::from_millis(step - past)
    }
}
