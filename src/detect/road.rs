//! Which road a fix drives, as far as its speed makes that matter.
//!
//! ```text
//! no map in force ------------------------------------> judged at once, without a road
//! slower than any limit within reach -----------------> not over, whichever road it is
//! no road within reach -------------------------------> judged without a road
//! otherwise: doubtful --------------------------------> waits until its block can be matched
//! a fix behind a doubtful one ------------------------> waits too: speeding sees fixes in order
//! ```
//!
//! Screen, then prove: the map's screen says for each fix how low a limit may be; only where that
//! leaves a doubt the matcher decides. What it is given does not depend on the screen: event time
//! is cut into blocks aligned to the epoch, and a block is matched with the fixes of a margin before
//! and after it, once a fix beyond the margin has come. So the verdict is the same as if everything
//! were matched, in whatever pieces the fixes come, and after a restart at any point.
//!
//! Only speeding waits, for a margin and a block at most in time of fixes; all other detectors see
//! every fix at once. A vehicle that falls silent is decided with its next fix, or at the end of
//! what is judged.

use crate::model::route::RoadKind;
use crate::model::rules::RoadRules;
use crate::model::{Course, Fix, Position, Speed, Timestamp};
use crate::roads::RoadMap;
use crate::roads::limit::LimitOrigin;
use crate::roads::matching::{Match, Matcher, Sighting};

use super::admit::{Gap, Step};
use super::limit::{Here, Limit, limit_at};
use super::place::Place;
use super::speeding::Speeding;
use super::{Context, Transition};

/// Fixes of one block that speeding sees; a terminal that sends more than eight a second is not
/// judged better for it.
const BLOCK_FIXES_MAX: u16 = 240;

/// Fixes that may wait or be remembered: those of the blocks that a block and two margins can touch.
pub(super) const FIXES_MAX: usize = BLOCK_FIXES_MAX as usize * 16;

/// The road of a fix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OnRoad {
    /// Identifier of the way in the map.
    pub way: i64,
    /// Column of the points table.
    pub kind: RoadKind,
    /// The road's own limit for the vehicle at the time.
    pub limit: Option<Speed>,
    /// That limit is the one of such roads without a sign, and the map may lack the sign.
    pub assumed: bool,
    /// How sure the matcher is. Unit: thousandths.
    pub permille: u16,
}

/// What is remembered of fixes for the matcher, and the fixes that wait for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Roads {
    /// Moving fixes of the blocks that may still be matched, with a thinned margin before.
    pub(super) traces: Vec<Trace>,
    /// Fixes that speeding has not seen, the first of them doubtful.
    pub(super) waiting: Vec<Waiting>,
    /// Block of the last fix.
    pub(super) block: i64,
    /// Fixes of that block.
    pub(super) in_block: u16,
    /// Step of the last moving fix.
    pub(super) step: i64,
}

/// What the matcher needs of a fix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Trace {
    pub(super) time: Timestamp,
    pub(super) position: Position,
    pub(super) speed: Speed,
    pub(super) course: Option<Course>,
    /// The first moving fix of its step: margins hold only these.
    pub(super) is_first: bool,
}

/// A fix that waits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Waiting {
    pub(super) fix: Fix,
    /// There was a gap before it.
    pub(super) after_gap: bool,
    /// Its road decides whether it is over its limit.
    pub(super) doubtful: bool,
}

/// What the screen says of a fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// Its verdict is known without a road.
    None,
    /// The road decides.
    Road,
}

impl Roads {
    pub(super) fn heap_bytes(&self) -> usize {
        self.traces.capacity() * size_of::<Trace>() + self.waiting.capacity() * size_of::<Waiting>()
    }

    /// Gives speeding the fix, or all that can be decided now that it has come.
    ///
    /// `usual` is the context without overlays; `limit` is the one without a road.
    pub(super) fn handle_step(
        &mut self,
        usual: &Context<'_>,
        step: &Step<'_>,
        here: Here<'_>,
        limit: &Limit,
        speeding: &mut Speeding,
        out: &mut Vec<Transition>,
    ) {
        let context = usual.at(step.fix.time);
        let Some(map) = usual.roads else {
            self.finish(usual, speeding, out);
            *self = Self::default();
            speeding.handle_step(&context, step, limit, out);
            return;
        };
        let rules = &usual.rules.roads;
        self.decide_ready(usual, step.fix, speeding, out);
        if !self.admit(rules, step.fix.time) {
            return;
        }
        if step.fix.speed > context.rules.motion.driving_over {
            self.remember(rules, step.fix);
        }
        let doubt = doubt(&context, map, step.fix, here, limit);
        if doubt == Doubt::None && self.waiting.is_empty() {
            speeding.handle_step(&context, step, limit, out);
        } else {
            self.waiting.push(Waiting {
                fix: *step.fix,
                after_gap: step.gap.is_some(),
                doubtful: doubt == Doubt::Road,
            });
        }
        self.forget(rules);
    }

    /// Decides all that waits with what there is: nothing more will come.
    pub(super) fn finish(
        &mut self,
        usual: &Context<'_>,
        speeding: &mut Speeding,
        out: &mut Vec<Transition>,
    ) {
        while let Some(first) = self.waiting.first() {
            let received = self.waiting.last().unwrap_or(first).fix.received;
            let block = block_of(&usual.rules.roads, first.fix.time);
            self.decide(usual, block, received, speeding, out);
        }
        self.waiting = Vec::new();
    }

    /// Counts the fix in its block; whether speeding is to see it.
    fn admit(&mut self, rules: &RoadRules, time: Timestamp) -> bool {
        let block = block_of(rules, time);
        if block != self.block {
            self.block = block;
            self.in_block = 0;
        }
        self.in_block = self.in_block.saturating_add(1);
        self.in_block <= BLOCK_FIXES_MAX
    }

    fn remember(&mut self, rules: &RoadRules, fix: &Fix) {
        let step = fix
            .time
            .millis()
            .div_euclid(rules.margin_step.millis().max(1));
        self.traces.push(Trace {
            time: fix.time,
            position: fix.position,
            speed: fix.speed,
            course: fix.course,
            is_first: step != self.step,
        });
        self.step = step;
    }

    /// Drops what no block that is still to be decided needs.
    fn forget(&mut self, rules: &RoadRules) {
        let oldest = match self.waiting.first() {
            Some(first) => block_of(rules, first.fix.time),
            None => self.block,
        };
        let begins = Timestamp::from_millis(oldest.saturating_mul(block_ms(rules)));
        let from = begins - rules.margin;
        let is_needed =
            |trace: &Trace| trace.time >= begins || (trace.time >= from && trace.is_first);
        if self.traces.first().is_some_and(|first| !is_needed(first)) {
            self.traces.retain(is_needed);
        }
        if self.waiting.is_empty() && self.waiting.capacity() > 0 {
            self.waiting = Vec::new();
        }
    }

    /// Decides every block whose margin is complete now that a fix has come.
    fn decide_ready(
        &mut self,
        usual: &Context<'_>,
        fix: &Fix,
        speeding: &mut Speeding,
        out: &mut Vec<Transition>,
    ) {
        let rules = &usual.rules.roads;
        while let Some(first) = self.waiting.first() {
            let block = block_of(rules, first.fix.time);
            let ends = Timestamp::from_millis((block + 1).saturating_mul(block_ms(rules)));
            if first.doubtful && fix.time < ends + rules.margin {
                return;
            }
            if first.doubtful {
                self.decide(usual, block, fix.received, speeding, out);
            } else {
                let waiting = self.waiting.remove(0);
                give(usual, &waiting, None, fix.received, speeding, out);
            }
        }
    }

    /// Matches a block and gives its fixes, which are the first that wait, to speeding.
    fn decide(
        &mut self,
        usual: &Context<'_>,
        block: i64,
        received: Timestamp,
        speeding: &mut Speeding,
        out: &mut Vec<Transition>,
    ) {
        let rules = &usual.rules.roads;
        let of_block = |waiting: &Waiting| block_of(rules, waiting.fix.time) == block;
        let count = self
            .waiting
            .iter()
            .take_while(|waiting| of_block(waiting))
            .count();
        let sightings = self.window(rules, block);
        let matches = match usual.roads {
            Some(map) => Matcher::new(map.network()).track(&sightings),
            None => Vec::new(),
        };
        for waiting in self.waiting.drain(..count) {
            let at = sightings
                .binary_search_by_key(&waiting.fix.time.millis(), |sighting| sighting.at_ms);
            let road = at.ok().and_then(|at| *matches.get(at)?);
            give(usual, &waiting, road.as_ref(), received, speeding, out);
        }
    }

    /// The fixes with which a block is matched: all of its own, and one a step in the margins.
    fn window(&self, rules: &RoadRules, block: i64) -> Vec<Sighting> {
        let begins = Timestamp::from_millis(block.saturating_mul(block_ms(rules)));
        let ends = Timestamp::from_millis((block + 1).saturating_mul(block_ms(rules)));
        let (from, to) = (begins - rules.margin, ends + rules.margin);
        self.traces
            .iter()
            .filter(|trace| from <= trace.time && trace.time < to)
            .filter(|trace| trace.is_first || (begins <= trace.time && trace.time < ends))
            .map(|trace| Sighting {
                at_ms: trace.time.millis(),
                position: trace.position,
                speed: trace.speed,
                course: trace.course,
            })
            .collect()
    }
}

/// Gives speeding a fix that has waited.
///
/// It counts as received when the last fix came that its verdict needed: it was not known before.
fn give(
    usual: &Context<'_>,
    waiting: &Waiting,
    matched: Option<&Match>,
    received: Timestamp,
    speeding: &mut Speeding,
    out: &mut Vec<Transition>,
) {
    let context = usual.at(waiting.fix.time);
    let fix = Fix {
        received: waiting.fix.received.max(received),
        ..waiting.fix
    };
    let road = matched
        .zip(usual.roads)
        .and_then(|(matched, map)| on_road(&context, map, &fix, matched));
    let mut place = Place::default();
    let on_route = place.locate(&context, &fix);
    let here = Here {
        on_route,
        areas: place.areas(context.areas, fix.position),
        road,
    };
    let limit = limit_at(&context, fix.time, here);
    let gap = waiting.after_gap.then_some(Gap {
        distance_m: 0.0,
        stood: false,
    });
    let step = Step {
        fix: &fix,
        before: None,
        relocated: false,
        gap,
        road,
    };
    speeding.handle_step(&context, &step, &limit, out);
}

/// Whether the road of a fix decides if it is over its limit.
fn doubt(context: &Context<'_>, map: &RoadMap, fix: &Fix, here: Here<'_>, limit: &Limit) -> Doubt {
    if fix.speed <= context.rules.motion.driving_over {
        return Doubt::None;
    }
    let lowest = map.lowest(fix.position, course_of(context, fix));
    let candidates = [
        (RoadKind::Expressway, lowest.expressway),
        (RoadKind::Other, lowest.other),
    ];
    let mut roads = candidates
        .into_iter()
        .filter_map(|(kind, lowest)| Some((kind, lowest?)))
        .peekable();
    if roads.peek().is_none() {
        return Doubt::None;
    }
    let is_over = fix.speed > limit.monitor
        || roads.any(|(kind, lowest)| {
            let road = OnRoad {
                way: 0,
                kind,
                limit: Some(lowest),
                assumed: false,
                permille: 0,
            };
            let here = Here {
                road: Some(road),
                ..here
            };
            fix.speed > limit_at(context, fix.time, here).monitor
        });
    if is_over { Doubt::Road } else { Doubt::None }
}

/// The course of a fix, where it is to be believed.
fn course_of(context: &Context<'_>, fix: &Fix) -> Option<Course> {
    fix.course
        .filter(|_| fix.speed >= context.rules.roads.course_from)
}

/// The matched road, unless the fix is too far from it or goes another way: no such road counts,
/// whichever fixes are matched, so that the screen need not look farther.
fn on_road(context: &Context<'_>, map: &RoadMap, fix: &Fix, matched: &Match) -> Option<OnRoad> {
    let rules = &context.rules.roads;
    if f64::from(matched.distance_m) > rules.reach_m {
        return None;
    }
    if let Some(course) = course_of(context, fix) {
        let apart = map.apart_deg(matched.segment, course);
        if apart > f64::from(rules.course_deg_max) {
            return None;
        }
    }
    let class = Some(context.profile.class);
    let limit = map.limit(rules, &context.rules.zone, matched.segment, class, fix.time);
    let way = map.network().way_of(matched.segment);
    let kind = way.kind();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share in thousandths; a float cast saturates and makes 0 of what is no number"
    )]
    let permille = (matched.confidence.clamp(0.0, 1.0) * 1000.0).round() as u16;
    Some(OnRoad {
        way: way.id,
        kind,
        limit: limit.speed,
        // Nothing faster than the limit of expressways is ever posted.
        assumed: limit.origin == Some(LimitOrigin::ClassDefault) && kind == RoadKind::Other,
        permille,
    })
}

fn block_ms(rules: &RoadRules) -> i64 {
    rules.block.millis().max(1)
}

fn block_of(rules: &RoadRules, time: Timestamp) -> i64 {
    time.millis().div_euclid(block_ms(rules))
}
