//! More persons aboard than seats, where the terminal reports it (regulations 4.5).
//!
//! ```text
//! idle --driving and too full--> full
//! full --long enough--> violation, from the first fix
//! full --fix not too full--> idle       (ended at that fix)
//! full --gap--> idle                    (ended at the last fix too full)
//! ```
//!
//! Too full is a count of persons over the seats, the flag of a video terminal, or a load state that
//! the rulebook takes for one. A count holds until the next one, for a time of the rulebook. Points
//! and fine come from the count; where only a flag tells, the points are open.

use crate::model::rules::{OverloadPoints, OverloadRules};
use crate::model::violation::{Details, PointsBasis};
use crate::model::{EventKind, EventPhase, Fix, Timestamp, ViolationKind};

use super::admit::{Step, mark};
use super::episode::{Episode, Finding};
use super::grade::Grade;
use super::{Context, Transition};

/// Persons aboard and the time with too many.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Overload {
    /// The last count and when it was made.
    pub(super) counted: Option<Box<(u16, Timestamp)>>,
    pub(super) run: Option<Box<Run>>,
}

/// Time with too many persons.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    /// Most persons, where they were counted.
    pub(super) persons: Option<u16>,
    pub(super) episode: Episode,
}

impl Overload {
    pub(super) fn heap_bytes(&self) -> usize {
        let counted = self.counted.as_ref();
        counted.map_or(0, |_| size_of::<(u16, Timestamp)>())
            + self.run.as_ref().map_or(0, |_| size_of::<Run>())
    }

    pub(super) fn handle_step(
        &mut self,
        context: &Context<'_>,
        step: &Step<'_>,
        out: &mut Vec<Transition>,
    ) {
        let fix = step.fix;
        if let Some(persons) = fix.passengers {
            self.counted = Some(Box::new((persons, fix.time)));
        }
        let watched = self.counted.is_some() || reports_full(context, fix);
        if self.run.is_none() && !watched {
            return;
        }
        if step.gap.is_some()
            && let Some(run) = self.run.take()
        {
            let end = run.episode.last;
            run.finish(context, fix, end, out);
        }
        let persons = self.persons_over(context, fix.time);
        let full = persons.is_some() || reports_full(context, fix);
        match self.run.take() {
            Some(run) if !full => run.finish(context, fix, fix.time, out),
            Some(mut run) => {
                run.go_on(context, fix, persons, out);
                self.run = Some(run);
            }
            None if full && fix.speed > context.rules.motion.driving_over => {
                let mut run = Box::new(Run {
                    persons,
                    episode: Episode::new(fix.time, fix),
                });
                run.tell(context, fix, out);
                self.run = Some(run);
            }
            None => {}
        }
    }

    /// The count that holds at a time, where it is over the seats.
    fn persons_over(&mut self, context: &Context<'_>, at: Timestamp) -> Option<u16> {
        let (persons, counted_at) = **self.counted.as_ref()?;
        if at.since(counted_at) >= context.rules.overload.count_holds {
            self.counted = None;
            return None;
        }
        let profile = context.profile;
        let seats = profile.seats.filter(|_| profile.class.is_passenger())?;
        (persons > seats).then_some(persons)
    }
}

/// Whether the terminal itself says that the vehicle is too full.
fn reports_full(context: &Context<'_>, fix: &Fix) -> bool {
    let load = (fix.status >> LOAD_SHIFT & 0b11) as u8;
    context.rules.overload.load_states.contains(&load)
        || fix
            .events
            .iter()
            .any(|event| event.kind == EventKind::VideoOverload && event.phase == EventPhase::Held)
}

/// Where the load state stands in the status. Source: JT/T 808-2013 and later, status bits 8 and 9.
const LOAD_SHIFT: u32 = 8;

impl Run {
    fn go_on(
        &mut self,
        context: &Context<'_>,
        fix: &Fix,
        persons: Option<u16>,
        out: &mut Vec<Transition>,
    ) {
        self.episode.see(fix);
        if persons > self.persons {
            self.persons = persons;
            self.episode.peak = mark(fix);
        }
        self.tell(context, fix, out);
    }

    fn tell(&mut self, context: &Context<'_>, fix: &Fix, out: &mut Vec<Transition>) {
        let counts = self.counts_from(context, fix.time);
        let persons = self.persons;
        let finding = || finding(context, persons);
        self.episode.tell(context, fix, counts, finding, out);
    }

    fn finish(self, context: &Context<'_>, fix: &Fix, end: Timestamp, out: &mut Vec<Transition>) {
        let counts = self.counts_from(context, end);
        let persons = self.persons;
        let finding = || finding(context, persons);
        self.episode.end(context, fix, end, counts, finding, out);
    }

    fn counts_from(&self, context: &Context<'_>, until: Timestamp) -> Option<Timestamp> {
        let counts_from = self.episode.started_at + context.rules.overload.lasts_min;
        (until >= counts_from).then_some(counts_from)
    }
}

fn finding(context: &Context<'_>, persons: Option<u16>) -> Finding {
    let seats = context.profile.seats;
    let rules = &context.rules.overload;
    let counted = persons.zip(seats).map(|(persons, seats)| {
        let over = (u64::from(persons.saturating_sub(seats)), u64::from(seats));
        (points(rules, over), fine(rules, over))
    });
    let row = counted.and_then(|(row, _)| row);
    let points = row.map(|row| row.points);
    Finding {
        kind: ViolationKind::TerminalAlarm,
        details: Details::TerminalAlarm {
            alarm: ALARM.to_owned(),
            level: None,
            measured: persons.map(f64::from),
            allowed: seats.map(f64::from),
            fine_cny: counted.and_then(|(_, fine)| fine),
        },
        grade: Grade {
            severity: context
                .rules
                .severity
                .of(points.unwrap_or(0))
                .max(rules.severity_min),
            points,
            basis: Some(row.map_or(PointsBasis::OverloadArticle10, |row| row.basis)),
        },
    }
}

/// What a violation calls it.
const ALARM: &str = "overload";

/// The last row that an excess reaches; `over` is the excess and what it is a share of.
fn points(rules: &OverloadRules, over: (u64, u64)) -> Option<OverloadPoints> {
    let reaches = |row: &&OverloadPoints| over.0 * 100 >= over.1 * u64::from(row.over_percent);
    rules.points.iter().rev().find(reaches).copied()
}

/// The band of the last row that an excess is over.
fn fine(rules: &OverloadRules, over: (u64, u64)) -> Option<(u32, u32)> {
    let row = rules
        .fines
        .iter()
        .rev()
        .find(|row| over.0 * 100 > over.1 * u64::from(row.over_percent));
    row.map(|row| (row.least_cny, row.most_cny))
}
