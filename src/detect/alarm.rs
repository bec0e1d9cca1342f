//! Alarms that the terminal raises itself: bits of the location report, and events of active-safety
//! devices and video terminals. Which of them count is a table of the rulebook.
//!
//! ```text
//! idle --bit set, event begins or holds--> open       (while driving, where the table says so)
//! open --long enough--> violation, from the first fix
//! open --bit clear, event ends or holds no more--> idle     (ended at that fix)
//! open --begun and not ended for too long--> idle           (ended at the first fix after that)
//! open --gap--> idle                                        (ended at the last fix that showed it)
//! idle --bit that the terminal clears on answer rises, event that is told once--> violation of a moment
//! ```

use crate::model::alarm::{AlarmRule, AlarmSource};
use crate::model::violation::Details;
use crate::model::{EventPhase, Fix, Timestamp, ViolationKind};

use super::admit::Step;
use super::episode::{Episode, Finding};
use super::grade::Grade;
use super::{Context, Transition};

/// Alarms followed at once: more than there are bits and kinds of event, so that none hides another.
pub(super) const ALARMS_MAX: usize = 64;

/// What the terminal raises now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Alarms {
    pub(super) open: Vec<OpenAlarm>,
    /// Counted bits of the last fix.
    pub(super) bits: u32,
}

/// An alarm that goes on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OpenAlarm {
    /// Which one.
    pub(super) source: AlarmSource,
    /// Level, for events that have one.
    pub(super) level: u8,
    /// It lasts until its end is told, not as long as fixes show it.
    pub(super) begun: bool,
    /// The violation in the making.
    pub(super) episode: Episode,
}

/// What a fix says of an alarm.
#[derive(Clone, Copy)]
struct Said {
    source: AlarmSource,
    level: u8,
    phase: EventPhase,
}

impl Alarms {
    pub(super) fn heap_bytes(&self) -> usize {
        self.open.capacity() * size_of::<OpenAlarm>()
    }

    pub(super) fn handle_step(
        &mut self,
        context: &Context<'_>,
        step: &Step<'_>,
        out: &mut Vec<Transition>,
    ) {
        let rules = &context.rules.alarms;
        let fix = step.fix;
        let bits = fix.alarm & rules.bits;
        if self.open.is_empty() && (bits | self.bits) == 0 && fix.events.is_empty() {
            return;
        }
        if step.gap.is_some() {
            for alarm in self.open.drain(..) {
                let end = alarm.episode.last;
                alarm.finish(context, fix, end, out);
            }
        }
        self.end_what_is_over(context, fix, out);
        let rising = bits & !self.bits;
        self.bits = bits;
        for said in said(fix, bits) {
            if let Some(rule) = rules.counted.get(&said.source) {
                let momentary = said.source.is_momentary();
                match said.phase {
                    EventPhase::Once => tell_moment(context, fix, said, rule, out),
                    EventPhase::Held if momentary => {
                        if is_bit_of(said.source, rising) {
                            tell_moment(context, fix, said, rule, out);
                        }
                    }
                    EventPhase::Begin | EventPhase::Held => {
                        self.go_on(context, fix, said, rule, out);
                    }
                    EventPhase::End => {}
                }
            }
        }
    }

    /// Ends the alarms that the fix shows no more.
    fn end_what_is_over(&mut self, context: &Context<'_>, fix: &Fix, out: &mut Vec<Transition>) {
        let rules = &context.rules.alarms;
        let bits = fix.alarm & rules.bits;
        for alarm in std::mem::take(&mut self.open) {
            let says = |phase| {
                said(fix, bits).any(|said| said.source == alarm.source && said.phase == phase)
            };
            let over = if alarm.begun {
                says(EventPhase::End) || fix.time.since(alarm.episode.started_at) >= rules.open_max
            } else {
                !says(EventPhase::Held)
            };
            if over || !rules.counted.contains_key(&alarm.source) {
                alarm.finish(context, fix, fix.time, out);
            } else {
                self.open.push(alarm);
            }
        }
    }

    /// The fix shows an alarm.
    fn go_on(
        &mut self,
        context: &Context<'_>,
        fix: &Fix,
        said: Said,
        rule: &AlarmRule,
        out: &mut Vec<Transition>,
    ) {
        let known = self
            .open
            .iter_mut()
            .find(|alarm| alarm.source == said.source);
        if let Some(alarm) = known {
            alarm.level = alarm.level.max(said.level);
            alarm.episode.see(fix);
            alarm.tell(context, fix, rule, out);
            return;
        }
        let moves = fix.speed > context.rules.motion.driving_over;
        if self.open.len() >= ALARMS_MAX || (rule.moving && !moves) {
            return;
        }
        let mut alarm = OpenAlarm {
            source: said.source,
            level: said.level,
            begun: said.phase == EventPhase::Begin,
            episode: Episode::new(fix.time, fix),
        };
        alarm.tell(context, fix, rule, out);
        self.open.reserve_exact(1);
        self.open.push(alarm);
    }
}

impl OpenAlarm {
    fn tell(
        &mut self,
        context: &Context<'_>,
        fix: &Fix,
        rule: &AlarmRule,
        out: &mut Vec<Transition>,
    ) {
        let counts = self.counts_from(rule, fix.time);
        let (source, level) = (self.source, self.level);
        let finding = || finding(source, level, rule);
        self.episode.tell(context, fix, counts, finding, out);
    }

    fn finish(self, context: &Context<'_>, fix: &Fix, end: Timestamp, out: &mut Vec<Transition>) {
        let known = context.rules.alarms.counted.get(&self.source).copied();
        // An alarm that counts no more ends as what it was told as.
        let rule = known.unwrap_or(AlarmRule {
            severity: crate::model::Severity::L1,
            moving: false,
            lasts_min: crate::model::Span::ZERO,
        });
        let counts = self.counts_from(&rule, end);
        let (source, level) = (self.source, self.level);
        let finding = || finding(source, level, &rule);
        self.episode.end(context, fix, end, counts, finding, out);
    }

    fn counts_from(&self, rule: &AlarmRule, until: Timestamp) -> Option<Timestamp> {
        let counts_from = self.episode.started_at + rule.lasts_min;
        (until >= counts_from).then_some(counts_from)
    }
}

/// What a fix says of alarms, bits first.
fn said(fix: &Fix, bits: u32) -> impl Iterator<Item = Said> {
    let bits = (0..32_u8)
        .filter(move |bit| bits & 1 << bit != 0)
        .map(|bit| Said {
            source: AlarmSource::Bit(bit),
            level: 0,
            phase: EventPhase::Held,
        });
    let events = fix.events.iter().map(|event| Said {
        source: AlarmSource::Event(event.kind),
        level: event.level,
        phase: event.phase,
    });
    bits.chain(events)
}

const fn is_bit_of(source: AlarmSource, bits: u32) -> bool {
    match source {
        AlarmSource::Bit(bit) => bits & 1 << bit != 0,
        AlarmSource::Event(_) => false,
    }
}

/// Tells an alarm that is over as soon as it is raised.
fn tell_moment(
    context: &Context<'_>,
    fix: &Fix,
    said: Said,
    rule: &AlarmRule,
    out: &mut Vec<Transition>,
) {
    if rule.moving && fix.speed <= context.rules.motion.driving_over {
        return;
    }
    let finding = || finding(said.source, said.level, rule);
    let episode = Episode::new(fix.time, fix);
    episode.end(context, fix, fix.time, Some(fix.time), finding, out);
}

fn finding(source: AlarmSource, level: u8, rule: &AlarmRule) -> Finding {
    Finding {
        kind: ViolationKind::TerminalAlarm,
        details: Details::TerminalAlarm {
            alarm: source.name().to_owned(),
            level: (level > 0).then_some(level),
            measured: None,
            allowed: None,
            fine_cny: None,
        },
        grade: Grade {
            severity: rule.severity,
            points: Some(0),
            basis: None,
        },
    }
}
