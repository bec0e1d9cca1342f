//! Judging a part of a track again, from a saved state on.
//!
//! The fixes come in order, as the stored track gives them; what is found is gathered whole, with
//! states on the way from which the next judging again can begin: each local midnight, and the
//! hours of the last [`BRIEF_HOURS`], because a vehicle whose data came late once is late again.

use std::collections::{BTreeMap, VecDeque};

use crate::model::duty::MinuteSet;
use crate::model::{Fix, LocalZone, Quality, Span, Timestamp, Violation};

use super::batch::{Key, key};
use super::piece::{Piece, append};
use super::{Context, Transition, VehicleState};

/// Hours before the last fix of which states are kept.
const BRIEF_HOURS: usize = 6;

/// A state with all fixes before a moment, and none from it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waypoint {
    /// The moment.
    pub at: Timestamp,
    /// The state, saved.
    pub state: Vec<u8>,
}

/// A stretch of driving with a reported fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundFault {
    /// Last fix of it.
    pub to: Timestamp,
    /// Alarm bits seen.
    pub alarm: u32,
}

/// A track being judged again.
#[derive(Clone, Debug)]
pub struct Rejudge {
    state: VehicleState,
    out: Vec<Transition>,
    found: BTreeMap<Key, Violation>,
    /// Minutes of driving, by local day.
    pub driving: BTreeMap<i64, MinuteSet>,
    /// Fault runs, by their beginning.
    pub faults: BTreeMap<Timestamp, FoundFault>,
    /// Time at the wheel that was told, in the order of telling.
    pieces: Vec<Piece>,
    /// States at local midnights.
    pub midnights: Vec<Waypoint>,
    /// States at the last whole hours.
    pub hours: VecDeque<Waypoint>,
    /// First fix time at which a waypoint is made.
    next_hour: Timestamp,
}

impl Rejudge {
    /// Begins with a state.
    pub fn new(state: VehicleState) -> Self {
        Self {
            state,
            out: Vec::new(),
            found: BTreeMap::new(),
            driving: BTreeMap::new(),
            faults: BTreeMap::new(),
            pieces: Vec::new(),
            midnights: Vec::new(),
            hours: VecDeque::new(),
            next_hour: Timestamp::MIN,
        }
    }

    /// Judges the next fix; one that is not the next is ignored, so that a fix may come twice.
    ///
    /// A jump was one beside the neighbours that the fix had then: it is looked at anew.
    pub fn handle_fix(&mut self, context: &Context<'_>, fix: &Fix) {
        if !self.state.is_next(fix) {
            return;
        }
        if fix.time >= self.next_hour {
            self.pass_hour(&context.rules.zone, fix.time);
        }
        let fix = Fix {
            quality: fix.quality.without(Quality::JUMP),
            ..*fix
        };
        self.state.handle_fix(context, &fix, &mut self.out);
        self.gather(context);
    }

    /// Decides what waits as the state did that this one is to replace: nothing comes before `until`.
    pub fn stay_silent(&mut self, context: &Context<'_>, until: Timestamp, received: Timestamp) {
        let silence = (until, received);
        self.state.stay_silent(context, silence, &mut self.out);
        self.gather(context);
    }

    fn gather(&mut self, context: &Context<'_>) {
        for transition in self.out.drain(..) {
            match transition {
                Transition::Opened(violation)
                | Transition::Extended(violation)
                | Transition::Closed(violation) => {
                    self.found.insert(key(&violation), *violation);
                }
                Transition::Driving { from, to } => {
                    add_minutes(&mut self.driving, &context.rules.zone, from, to);
                }
                // Nobody is warned of what is over.
                Transition::PreAlarm(_) => {}
                Transition::FaultRun { from, to, alarm } => {
                    self.faults.insert(from, FoundFault { to, alarm });
                }
                Transition::Piece(piece) => append(&mut self.pieces, context.rules, *piece),
            }
        }
    }

    /// Every violation found, by beginning, then kind.
    pub fn found(&self) -> impl Iterator<Item = &Violation> {
        self.found.values()
    }

    /// Time at the wheel that ended after `from`, up to the last fix.
    pub fn take_pieces(&mut self, from: Timestamp) -> Vec<Piece> {
        self.state.take_pieces(&mut self.out);
        let mut pieces = std::mem::take(&mut self.pieces);
        for transition in self.out.drain(..) {
            if let Transition::Piece(piece) = transition {
                pieces.push(*piece);
            }
        }
        pieces.retain(|piece| piece.to > from);
        pieces
    }

    /// The state after the last fix.
    pub fn into_state(self) -> VehicleState {
        self.state
    }

    fn pass_hour(&mut self, zone: &LocalZone, time: Timestamp) {
        const HOUR_MS: i64 = 3_600_000;
        let day = zone.day(time);
        let midnight = zone.day_start(day);
        let into = time.since(midnight).millis() / HOUR_MS * HOUR_MS;
        let hour = midnight + Span::from_millis(into);
        self.next_hour = (hour + Span::from_millis(HOUR_MS)).min(zone.day_start(day + 1));
        let Some(last) = self.state.last_fix().map(|fix| fix.time) else {
            return;
        };
        if last < midnight {
            let state = self.state.snapshot();
            self.midnights.push(Waypoint {
                at: midnight,
                state,
            });
        } else if last < hour {
            let state = self.state.snapshot();
            self.hours.push_back(Waypoint { at: hour, state });
            if self.hours.len() > BRIEF_HOURS {
                self.hours.pop_front();
            }
        }
    }
}

/// Adds every minute that `[from, to)` touches.
pub fn add_minutes(
    days: &mut BTreeMap<i64, MinuteSet>,
    zone: &LocalZone,
    from: Timestamp,
    to: Timestamp,
) {
    const MINUTE_MS: i64 = 60_000;
    let mut at = from;
    while at < to {
        let day = zone.day(at);
        let end = zone.day_start(day + 1).min(to);
        let minutes = days.entry(day).or_default();
        let first = zone.millis_of_day(at) / MINUTE_MS;
        let last =
            first + (end.since(at).millis() + zone.millis_of_day(at) % MINUTE_MS - 1) / MINUTE_MS;
        for minute in first..=last {
            if let Ok(minute) = u16::try_from(minute) {
                minutes.insert(minute);
            }
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(from: &str, to: &str) -> Vec<(i64, u32)> {
        let time = |text: &str| Timestamp::from_rfc3339(&format!("2026-11-{text}+08:00")).unwrap();
        let mut days = BTreeMap::new();
        let zone = LocalZone::default();
        add_minutes(&mut days, &zone, time(from), time(to));
        let start = zone.day(time("21T00:00:00"));
        days.iter()
            .map(|(day, set)| (day - start, set.len()))
            .collect()
    }

    #[test]
    fn every_touched_minute_is_driving() {
        assert_eq!(minutes("21T08:00:00", "21T08:01:00"), [(0, 1)]);
        assert_eq!(minutes("21T08:00:30", "21T08:01:01"), [(0, 2)]);
        assert_eq!(minutes("21T23:59:30", "22T00:00:30"), [(0, 1), (1, 1)]);
        assert_eq!(minutes("21T08:00:00", "21T08:00:00"), []);
    }
}
