//! Which road a fix drives, as far as its speed makes that matter.
//!
//! ```text
//! no map in force ------------------------------------> judged at once, without a road
//! slower than the limits of all roads that fit it ----> not over, whichever road it is
//! no road that fits it within reach ------------------> judged without a road
//! otherwise: a suspect whose road is open ------------> waits until it is known whether it matters
//!   its chain of suspects comes to nothing -----------> taken for not over: no violation can tell
//!   its chain may count, or it has waited too long ---> by its road, once its block can be matched
//! a fix behind one that waits ------------------------> waits too: speeding sees fixes in order
//! ```
//!
//! Screen, then prove: the map's screen says for each fix how low a limit may be; only where that
//! leaves a doubt, and the doubtful fixes may be a violation together ([`super::suspects`]), the
//! matcher decides. What it is given does not depend on the screen: event time is cut into blocks
//! aligned to the epoch, and a block is matched with the fixes of a margin before and after it, once
//! a fix beyond the margin has come. So the verdict is the same as if everything were matched, in
//! whatever pieces the fixes come, and after a restart at any point.
//!
//! Only speeding waits; all other detectors see every fix at once. A violation is told when the block
//! that makes it count has been matched: a block and the margin after it later than it counts, in time
//! of fixes, at most. What cannot be told apart from a violation yet waits for the rulebook's `wait`
//! more, at most, and holds nothing else up longer. A vehicle that falls silent is decided as though
//! a fix came at the moment from which none matters any more to the blocks that may count; a fix that
//! does come from then on finds its verdicts told already, and one that comes before it is late.
//!
//! Why that is the same: a block is matched with fixes before the end of its margin only, and whether
//! a fix counts that waits by its road is settled. Those whose chain is open may come to something
//! with the next fix or to nothing; they go on waiting, or are decided by their roads with their
//! block, which is never wrong: taking them for not over only saves the matching. Nothing is untold
//! for their sake: what began before their chain has ended before it.

use crate::geo::{apart_deg, bearing_deg, within};
use crate::model::route::RoadKind;
use crate::model::rules::RoadRules;
use crate::model::{Course, Fix, Position, Speed, Timestamp};
use crate::roads::limit::LimitOrigin;
use crate::roads::limit::overrides::Passing;
use crate::roads::matching::{Match, Matcher, Settings, Sighting};
use crate::roads::screen::Lowest;
use crate::roads::{RoadMap, RoadNetwork, SegmentNumber};

use super::admit::{Gap, Step};
use super::limit::{Here, Limit, limit_at};
use super::place::Place;
use super::plausible;
use super::speeding::Speeding;
use super::suspects::{Settled, Suspects};
use super::{Context, Transition};

/// Fixes of one block that speeding sees; a terminal that sends more than eight a second is not
/// judged better for it.
const BLOCK_FIXES_MAX: u16 = 480;

/// Fixes that may wait or be remembered: those of the blocks that a block, two margins and the
/// waiting can touch, each of which is at most four blocks long.
pub(super) const FIXES_MAX: usize = BLOCK_FIXES_MAX as usize * 16;

/// Least way between two fixes that says where a vehicle was heading. Unit: m.
const WAY_MIN_M: f64 = 10.0;

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
    /// Fixes that speeding has not seen, the first of them not decided.
    pub(super) waiting: Vec<Waiting>,
    /// Block of the last fix.
    pub(super) block: i64,
    /// Fixes of that block.
    pub(super) in_block: u16,
    /// Step of the last moving fix.
    pub(super) step: i64,
    /// The fixes that may be over their limits.
    pub(super) suspects: Suspects,
    /// What waited was decided as though no fix came before this; `None` once one has come since.
    pub(super) silent_until: Option<Timestamp>,
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
    pub(super) verdict: Verdict,
}

/// How it is decided whether a fix is over its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is not, or no violation can tell.
    NotOver,
    /// By the limit where no road is known.
    WithoutRoad,
    /// Its road would tell; whether that matters is open.
    Open,
    /// By its road.
    ByRoad,
}

impl Verdict {
    /// Whether the fix may be over its limit.
    const fn is_suspect(self) -> bool {
        match self {
            Self::NotOver => false,
            Self::WithoutRoad | Self::Open | Self::ByRoad => true,
        }
    }

    /// Whether nothing more is needed to decide.
    const fn is_known(self) -> bool {
        match self {
            Self::NotOver | Self::WithoutRoad => true,
            Self::Open | Self::ByRoad => false,
        }
    }
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
        self.silent_until = None;
        let context = &usual.at(step.fix.time);
        let over = (step.fix.speed > limit.monitor).then_some(limit);
        let Some(map) = usual.roads else {
            self.finish(usual, speeding, out);
            *self = Self::default();
            speeding.handle_step(context, step, over, out);
            return;
        };
        let rules = &usual.rules.roads;
        if self.admit(rules, step.fix.time) {
            let fix = &witnessed(rules, step);
            if fix.speed > context.rules.motion.driving_over {
                self.remember(rules, fix);
            }
            let doubt = doubt(context, map, fix, here, over.is_some());
            let verdict = self.suspect(context, step, doubt);
            if verdict.is_known() && self.waiting.is_empty() {
                let over = over.filter(|_| verdict.is_suspect());
                speeding.handle_step(context, step, over, out);
            } else {
                self.waiting.push(Waiting {
                    fix: *fix,
                    after_gap: step.gap.is_some(),
                    verdict,
                });
            }
        }
        let now = (step.fix.time, step.fix.received);
        self.decide_ready(usual, now, speeding, out);
        self.forget(rules);
    }

    /// From when on no fix changes how those are decided that wait and may count; `None` where none
    /// waits so.
    pub(super) fn decidable_from(&self, rules: &RoadRules) -> Option<Timestamp> {
        let may_count = |waiting: &&Waiting| waiting.verdict == Verdict::ByRoad;
        let last = self.waiting.iter().rfind(may_count)?;
        Some(block_end(rules, block_of(rules, last.fix.time)) + rules.margin_after)
    }

    /// Decides all that can be decided if no fix comes before `until`, which is later than the last
    /// one; that is known at `received`.
    pub(super) fn fall_silent(
        &mut self,
        usual: &Context<'_>,
        (until, received): (Timestamp, Timestamp),
        speeding: &mut Speeding,
        out: &mut Vec<Transition>,
    ) {
        self.decide_ready(usual, (until, received), speeding, out);
        self.forget(&usual.rules.roads);
        self.silent_until = Some(until);
    }

    /// Decides all that waits with what there is: nothing more will come.
    pub(super) fn finish(
        &mut self,
        usual: &Context<'_>,
        speeding: &mut Speeding,
        out: &mut Vec<Transition>,
    ) {
        self.settle(Settled::Nothing);
        let Some(received) = self.waiting.last().map(|last| last.fix.received) else {
            return;
        };
        while let Some(first) = self.waiting.first() {
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

    /// Takes the fix in among the suspects; how it is decided, as far as that is known now.
    fn suspect(&mut self, context: &Context<'_>, step: &Step<'_>, doubt: Verdict) -> Verdict {
        let rules = &context.rules.speeding;
        let (time, after_gap) = (step.fix.time, step.gap.is_some());
        let is_all_in_doubt = context.roads.is_some_and(RoadMap::is_all_in_doubt);
        let is_suspect = doubt.is_suspect();
        let settled = self.suspects.handle_end(rules, time, after_gap, is_suspect);
        self.settle(settled);
        if is_suspect {
            let settled = self.suspects.handle_suspect(rules, time);
            self.settle(settled);
        }
        match doubt {
            Verdict::Open if self.suspects.counts || is_all_in_doubt => Verdict::ByRoad,
            other => other,
        }
    }

    /// Decides how the fixes that wait are decided.
    fn settle(&mut self, settled: Settled) {
        let verdict = match settled {
            Settled::Open => return,
            Settled::Counts => Verdict::ByRoad,
            Settled::Nothing => Verdict::NotOver,
        };
        for waiting in &mut self.waiting {
            if waiting.verdict == Verdict::Open {
                waiting.verdict = verdict;
            }
        }
    }

    /// Drops what no block that is still to be decided needs.
    fn forget(&mut self, rules: &RoadRules) {
        let oldest = match self.waiting.first() {
            Some(first) => block_of(rules, first.fix.time),
            None => self.block,
        };
        let begins = Timestamp::from_millis(oldest.saturating_mul(block_ms(rules)));
        let from = begins - rules.margin_before;
        let is_needed =
            |trace: &Trace| trace.time >= begins || (trace.time >= from && trace.is_first);
        if self.traces.first().is_some_and(|first| !is_needed(first)) {
            self.traces.retain(is_needed);
        }
        if self.waiting.is_empty() && self.waiting.capacity() > 0 {
            self.waiting = Vec::new();
        }
    }

    /// Decides all that can be decided now that a fix has come of that time, received then.
    fn decide_ready(
        &mut self,
        usual: &Context<'_>,
        (time, received): (Timestamp, Timestamp),
        speeding: &mut Speeding,
        out: &mut Vec<Transition>,
    ) {
        let rules = &usual.rules.roads;
        while let Some(first) = self.waiting.first() {
            if first.verdict.is_known() {
                self.give_known(usual, received, speeding, out);
                continue;
            }
            let block = block_of(rules, first.fix.time);
            let ends = block_end(rules, block);
            let ready = match first.verdict {
                Verdict::Open => ends + rules.margin_after + rules.wait,
                Verdict::NotOver | Verdict::WithoutRoad | Verdict::ByRoad => {
                    ends + rules.margin_after
                }
            };
            if time < ready {
                if first.after_gap {
                    // What went on before the gap ends there, whatever becomes of the fix behind it.
                    let context = &usual.at(first.fix.time);
                    speeding.handle_gap(context, &first.fix, out);
                }
                return;
            }
            self.decide(usual, block, received, speeding, out);
        }
    }

    /// Gives the first fixes that wait to speeding, up to one whose road is needed.
    fn give_known(
        &mut self,
        usual: &Context<'_>,
        received: Timestamp,
        speeding: &mut Speeding,
        out: &mut Vec<Transition>,
    ) {
        let is_known = |waiting: &&Waiting| waiting.verdict.is_known();
        let count = self.waiting.iter().take_while(is_known).count();
        for waiting in self.waiting.drain(..count) {
            give(usual, &waiting, None, received, speeding, out);
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
        let of_block = |waiting: &&Waiting| block_of(rules, waiting.fix.time) == block;
        let of_block = self.waiting.iter().take_while(of_block);
        let is_known = of_block.clone().all(|waiting| waiting.verdict.is_known());
        let count = of_block.count();
        let sightings = self.window(rules, block);
        let matches = match usual.roads {
            Some(map) if !is_known => {
                let matcher = Matcher::with_settings(map.network(), Settings::for_judging());
                matcher.with_overrides(map.overrides()).track(&sightings)
            }
            Some(_) | None => Vec::new(),
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
        let ends = block_end(rules, block);
        let (from, to) = (begins - rules.margin_before, ends + rules.margin_after);
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
    let context = &usual.at(waiting.fix.time);
    let fix = Fix {
        received: waiting.fix.received.max(received),
        ..waiting.fix
    };
    let road = matched
        .filter(|_| !waiting.verdict.is_known())
        .zip(usual.roads)
        .and_then(|(matched, map)| on_road(context, map, &fix, matched));
    let limit = waiting.verdict.is_suspect().then(|| {
        let here = Here {
            on_route: Place::default().locate(context, &fix),
            areas: &context.areas.inside(fix.position),
            road,
        };
        limit_at(context, fix.time, here)
    });
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
    let over = limit.filter(|limit| fix.speed > limit.monitor);
    speeding.handle_step(context, &step, over.as_ref(), out);
}

/// How it is decided whether a fix is over its limit, by itself; `over` says whether it is where no
/// road is known.
fn doubt(context: &Context<'_>, map: &RoadMap, fix: &Fix, here: Here<'_>, over: bool) -> Verdict {
    if fix.speed <= context.rules.motion.driving_over {
        return Verdict::NotOver;
    }
    let course = course_of(context, fix);
    if !over && !may_be_over(context, fix, here, map.lowest(fix.position, course)) {
        return Verdict::NotOver;
    }
    let lowest = map.lowest_on_fitting(&context.rules.roads, fix.position, course);
    match (over, lowest) {
        (true, Lowest::NOWHERE) => Verdict::WithoutRoad,
        (true, _) => Verdict::Open,
        (false, _) if may_be_over(context, fix, here, lowest) => Verdict::Open,
        (false, _) => Verdict::NotOver,
    }
}

/// Whether a fix is over the lowest limit that may hold.
fn may_be_over(context: &Context<'_>, fix: &Fix, here: Here<'_>, lowest: Lowest) -> bool {
    let candidates = [
        (RoadKind::Expressway, lowest.expressway),
        (RoadKind::Other, lowest.other),
    ];
    let mut roads = candidates
        .into_iter()
        .filter_map(|(kind, lowest)| Some((kind, lowest?)));
    roads.any(|(kind, lowest)| {
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
    })
}

/// The fix of a step, without its course where the vehicle did not come that way: a compass that is stuck
/// or fitted wrongly says nothing about the road.
fn witnessed(rules: &RoadRules, step: &Step<'_>) -> Fix {
    let came_along = |course: &Course| match step.before {
        Some(before) if step.gap.is_none() && !step.relocated => {
            let (from, to) = (before.fix.position, step.fix.position);
            let apart_deg = || apart_deg(bearing_deg(from, to), f64::from(course.degrees()));
            within(from, to, WAY_MIN_M) || apart_deg() <= f64::from(rules.course_deg_max)
        }
        Some(_) | None => true,
    };
    Fix {
        course: step.fix.course.filter(came_along),
        ..*step.fix
    }
}

/// The course of a fix, where it is to be believed.
fn course_of(context: &Context<'_>, fix: &Fix) -> Option<Course> {
    fix.course
        .filter(|_| fix.speed >= context.rules.roads.course_from)
}

/// The matched road, unless the fix by itself says that it does not drive there: no such road counts,
/// whichever fixes are matched, so that the screen need not look at any.
fn on_road(context: &Context<'_>, map: &RoadMap, fix: &Fix, matched: &Match) -> Option<OnRoad> {
    let rules = &context.rules.roads;
    let course = course_of(context, fix);
    let segment = piece_at(
        map.network(),
        matched.segment,
        map.fitting(rules, fix.position, course),
    )?;
    let class = context.profile.class;
    let limit_of = |segment: SegmentNumber| {
        let passing = Passing {
            segment,
            place: fix.position,
            class: Some(class),
            time: fix.time,
        };
        map.limit(rules, &context.rules.zone, &passing)
    };
    let legal_of = |segment: SegmentNumber| {
        let kind = map.network().way_of(segment).kind();
        let cap = context.rules.speeding.caps.of(class).on(Some(kind));
        limit_of(segment).speed.map_or(cap, |limit| limit.min(cap))
    };
    let candidate = |(distance_m, segment)| plausible::Candidate {
        distance_m,
        legal: legal_of(segment),
        kind: map.network().way_of(segment).kind(),
    };
    let own = (f64::from(matched.distance_m), segment);
    let around = map.around(rules, fix.position, course);
    let confidence = plausible::confidence(
        f64::from(matched.confidence),
        fix.speed,
        candidate(own),
        around.map(candidate),
    );
    let limit = limit_of(segment);
    let way = map.network().way_of(segment);
    let kind = way.kind();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share in thousandths; a float cast saturates and makes 0 of what is no number"
    )]
    let permille = (confidence.clamp(0.0, 1.0) * 1000.0).round() as u16;
    Some(OnRoad {
        way: way.id,
        kind,
        limit: limit.speed,
        // Nothing faster than the limit of expressways is ever posted.
        assumed: limit.origin == Some(LimitOrigin::ClassDefault) && kind == RoadKind::Other,
        permille,
    })
}

/// The piece of the matched way that a fix is beside. That is another one than the matched where the matcher takes the
/// fix for a stray one, as every other fix of who drives against a one-way road: of a road all the same.
fn piece_at(
    network: &RoadNetwork,
    matched: SegmentNumber,
    fitting: impl Iterator<Item = SegmentNumber>,
) -> Option<SegmentNumber> {
    let of = |number| {
        let segment = network.segment(number);
        (segment.way(), segment.is_backward())
    };
    let (way, backward) = of(matched);
    fitting
        .filter(|number| of(*number).0 == way)
        .min_by_key(|number| (*number != matched, of(*number).1 != backward, *number))
}

fn block_ms(rules: &RoadRules) -> i64 {
    rules.block.millis().max(1)
}

/// First moment after a block.
fn block_end(rules: &RoadRules, block: i64) -> Timestamp {
    Timestamp::from_millis((block + 1).saturating_mul(block_ms(rules)))
}

fn block_of(rules: &RoadRules, time: Timestamp) -> i64 {
    time.millis().div_euclid(block_ms(rules))
}
