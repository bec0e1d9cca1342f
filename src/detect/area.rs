//! Areas that may not be entered, and areas that may not be left.
//!
//! ```text
//! idle     --fix inside a forbidden area--> inside        (since the way crossed its edge)
//! inside   --long enough and deep enough--> violation, from the first fix inside
//! inside   --fix outside--> leaving;   leaving --fix inside--> inside
//! leaving  --long enough outside--> idle                  (ended at the first fix outside)
//! any      --its hours or the area itself end--> idle     (ended at that fix)
//! inside   --gap, outside after it--> idle                (ended at the last fix inside)
//! idle     --the way between two fixes crosses the area--> violation, from fix to fix
//! ```
//!
//! What must not be left is every area of that kind that asks something of the vehicle, together: a
//! vehicle is outside when none of them contains it. Outside then is what inside is above, and the
//! violation names the area in which the vehicle last was, or the first one.
//!
//! The way between two fixes is straight; across a gap or a jump nothing is known of it. Time inside
//! begins and ends where the way crosses the edge; `started_at` and `ended_at` are fix times.

use crate::geo::{AreaKey, AreaNumber, Crossing};
use crate::model::route::AreaKind;
use crate::model::violation::Details;
use crate::model::{Fix, Position, Span, Timestamp, ViolationKind};

use super::admit::Step;
use super::episode::{Episode, Finding};
use super::grade::penalty;
use super::{Context, Transition};

/// Forbidden areas that a vehicle is followed in at once; a further one waits until one is left.
pub(super) const VISITS_MAX: usize = 64;

/// The areas in which the vehicle may not be, and its being away from those it must stay in.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Areas {
    /// Forbidden areas in which it is or was just now.
    pub(super) visits: Vec<Visit>,
    /// Outside all areas that it must stay in.
    pub(super) away: Option<Box<Visit>>,
    /// The area that it must stay in and last was in.
    pub(super) home: Option<AreaKey>,
}

/// Time on the wrong side of an area's edge.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Visit {
    /// The area.
    pub(super) area: AreaKey,
    /// Its identifier and name, which stay when it leaves the register.
    pub(super) named: Box<(Box<str>, Box<str>)>,
    /// When the way crossed its edge.
    pub(super) since: Timestamp,
    /// It has been beyond the margin.
    pub(super) deep: bool,
    /// The violation in the making.
    pub(super) episode: Episode,
}

/// A fix among the areas.
pub(super) struct Spot<'a> {
    /// The areas that contain it, ascending.
    pub(super) inside: &'a [AreaNumber],
    /// No edge lies between it and the fix before.
    pub(super) undivided: bool,
}

impl Areas {
    pub(super) fn heap_bytes(&self) -> usize {
        let away = |visit: &Visit| size_of::<Visit>() + visit.heap_bytes();
        self.visits.capacity() * size_of::<Visit>()
            + self.visits.iter().map(Visit::heap_bytes).sum::<usize>()
            + self.away.as_deref().map_or(0, away)
    }

    pub(super) fn handle_step(
        &mut self,
        context: &Context<'_>,
        step: &Step<'_>,
        spot: &Spot<'_>,
        out: &mut Vec<Transition>,
    ) {
        let index = context.areas;
        let quiet = self.visits.is_empty() && self.away.is_none();
        let nowhere = index.is_empty() || (spot.undivided && spot.inside.is_empty());
        if quiet && nowhere && !index.has_stay_within(context.profile.class) {
            return;
        }
        let way = Way::new(context, step, spot);
        self.handle_forbidden(context, step, spot, &way, out);
        self.handle_stay_within(context, step, spot, &way, out);
    }

    fn handle_forbidden(
        &mut self,
        context: &Context<'_>,
        step: &Step<'_>,
        spot: &Spot<'_>,
        way: &Way<'_>,
        out: &mut Vec<Transition>,
    ) {
        let index = context.areas;
        let (fix, of_day) = (step.fix, of_day(context, step.fix));
        let return_dwell = context.rules.area.return_dwell;
        let forbids = |number: &AreaNumber| {
            index
                .area(*number)
                .is_some_and(|area| area.kind == AreaKind::Forbidden)
                && index.applies(*number, context.profile.class, of_day)
        };
        for mut visit in std::mem::take(&mut self.visits) {
            if visit.episode.has_paused_for(return_dwell, fix.time) {
                visit.finish(context, fix, fix.time, Kind::Forbidden, out);
                continue;
            }
            let number = index.find(visit.area).filter(forbids);
            let here = number.filter(|number| spot.inside.contains(number));
            let kept = match (number, here) {
                (_, Some(number)) => {
                    visit.go_on(context, fix, Side::Inside(number), out);
                    Some(visit)
                }
                (Some(number), None) => {
                    let passed = way.passed(number);
                    visit.leave(context, step, Side::Inside(number), passed, out)
                }
                (None, None) => {
                    visit.finish(context, fix, fix.time, Kind::Forbidden, out);
                    None
                }
            };
            self.visits.extend(kept);
        }
        for number in spot.inside.iter().copied().filter(forbids) {
            let known = |visit: &Visit| index.key(number) == Some(visit.area);
            if self.visits.len() < VISITS_MAX
                && !self.visits.iter().any(known)
                && let Some(mut visit) = Visit::new(context, number, way.entered(number, fix), fix)
            {
                visit.begin(context, fix, Side::Inside(number), out);
                self.visits.reserve_exact(1);
                self.visits.push(visit);
            }
        }
        for number in way.through().filter(forbids) {
            let known = |visit: &Visit| index.key(number) == Some(visit.area);
            if !self.visits.iter().any(known) {
                way.tell_through(context, step, Side::Inside(number), out);
            }
        }
    }

    fn handle_stay_within(
        &mut self,
        context: &Context<'_>,
        step: &Step<'_>,
        spot: &Spot<'_>,
        way: &Way<'_>,
        out: &mut Vec<Transition>,
    ) {
        let index = context.areas;
        if self.away.is_none() && !index.has_stay_within(context.profile.class) {
            return;
        }
        let (fix, of_day) = (step.fix, of_day(context, step.fix));
        let return_dwell = context.rules.area.return_dwell;
        let over = |visit: &mut Box<Visit>| visit.episode.has_paused_for(return_dwell, fix.time);
        if let Some(visit) = self.away.take_if(over) {
            visit.finish(context, fix, fix.time, Kind::Left, out);
        }
        let asks = |number: &AreaNumber| {
            index
                .area(*number)
                .is_some_and(|area| area.kind == AreaKind::StayWithin)
                && index.applies(*number, context.profile.class, of_day)
        };
        let within = spot.inside.iter().copied().find(asks);
        if let Some(number) = within {
            let was_home = self.home.is_some() && self.home == index.key(number);
            self.home = index.key(number);
            if let Some(visit) = self.away.take() {
                let passed = way.passed(number);
                let side = Side::Outside(number);
                self.away = visit.leave(context, step, side, passed, out).map(Box::new);
            } else if was_home {
                way.tell_around(context, step, number, asks, out);
            }
            return;
        }
        let home = self.home.and_then(|home| index.find(home)).filter(asks);
        let Some(number) = home.or_else(|| index.stay_within().find(asks)) else {
            if let Some(visit) = self.away.take() {
                visit.finish(context, fix, fix.time, Kind::Left, out);
            }
            return;
        };
        if let Some(visit) = &mut self.away {
            visit.go_on(context, fix, Side::Outside(number), out);
        } else if let Some(mut visit) = Visit::new(context, number, way.entered(number, fix), fix) {
            visit.begin(context, fix, Side::Outside(number), out);
            self.away = Some(Box::new(visit));
        }
    }
}

/// Which side of an area's edge is the wrong one.
#[derive(Clone, Copy)]
enum Side {
    Inside(AreaNumber),
    Outside(AreaNumber),
}

impl Side {
    const fn area(self) -> AreaNumber {
        match self {
            Self::Inside(number) | Self::Outside(number) => number,
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Inside(_) => Kind::Forbidden,
            Self::Outside(_) => Kind::Left,
        }
    }
}

/// The two violations.
#[derive(Clone, Copy)]
enum Kind {
    Forbidden,
    Left,
}

impl Visit {
    fn new(context: &Context<'_>, number: AreaNumber, since: Timestamp, fix: &Fix) -> Option<Self> {
        let area = context.areas.area(number)?;
        Some(Self {
            area: context.areas.key(number)?,
            named: Box::new((area.id.as_str().into(), area.name.as_str().into())),
            since,
            deep: false,
            episode: Episode::new(fix.time, fix),
        })
    }

    fn heap_bytes(&self) -> usize {
        size_of_val(&*self.named) + self.named.0.len() + self.named.1.len()
    }

    /// The first fix on the wrong side.
    fn begin(&mut self, context: &Context<'_>, fix: &Fix, side: Side, out: &mut Vec<Transition>) {
        self.deep = is_deep(context, side.area(), fix.position);
        self.tell(context, fix, side.kind(), out);
    }

    /// One more fix on the wrong side.
    fn go_on(&mut self, context: &Context<'_>, fix: &Fix, side: Side, out: &mut Vec<Transition>) {
        self.episode.see(fix);
        self.deep = self.deep || is_deep(context, side.area(), fix.position);
        self.tell(context, fix, side.kind(), out);
    }

    fn tell(&mut self, context: &Context<'_>, fix: &Fix, kind: Kind, out: &mut Vec<Transition>) {
        let counts = self.counts_from(context, fix.time);
        let (id, name) = &*self.named;
        let finding = || finding(context, kind, id, name);
        self.episode.tell(context, fix, counts, finding, out);
    }

    /// A fix on the right side; gives the visit back while its end is not settled.
    ///
    /// `passed` are the shares of the way at which it crossed the edge.
    fn leave(
        mut self,
        context: &Context<'_>,
        step: &Step<'_>,
        side: Side,
        passed: &[f64],
        out: &mut Vec<Transition>,
    ) -> Option<Self> {
        let fix = step.fix;
        if step.gap.is_some() && self.episode.paused_at.is_none() {
            let end = self.episode.last;
            self.finish(context, fix, end, side.kind(), out);
            return None;
        }
        let first = self.episode.paused_at.is_none();
        self.episode.pause(fix.time);
        if first && self.episode.confirmed.is_none() {
            let exit = match (step.before, passed) {
                (Some(before), [.., share]) => part(before.fix.time, fix.time, *share),
                _ => fix.time,
            };
            let counts = self.counts_from(context, exit);
            let (id, name) = &*self.named;
            let finding = || finding(context, side.kind(), id, name);
            self.episode.tell(context, fix, counts, finding, out);
        }
        self.episode.confirmed.is_some().then_some(self)
    }

    fn finish(
        self,
        context: &Context<'_>,
        fix: &Fix,
        end: Timestamp,
        kind: Kind,
        out: &mut Vec<Transition>,
    ) {
        let end = self.episode.paused_at.unwrap_or(end);
        let counts = self.counts_from(context, end);
        let (id, name) = &*self.named;
        let finding = || finding(context, kind, id, name);
        self.episode.end(context, fix, end, counts, finding, out);
    }

    /// From when it counts, if it does up to a time.
    fn counts_from(&self, context: &Context<'_>, until: Timestamp) -> Option<Timestamp> {
        let dwell = context.rules.area.dwell;
        let counts = self.deep && until.since(self.since) >= dwell;
        counts.then(|| (self.since + dwell).max(self.episode.started_at))
    }
}

/// The straight way from the fix before to this one.
struct Way<'a> {
    /// Ends of the way, where it is known.
    ends: Option<(&'a super::admit::Mark, &'a Fix)>,
    crossings: Vec<Crossing>,
    inside: &'a [AreaNumber],
}

impl<'a> Way<'a> {
    fn new(context: &Context<'_>, step: &'a Step<'_>, spot: &Spot<'a>) -> Self {
        let known = !step.relocated && step.gap.is_none();
        let is_guarded = context.areas.is_guarded(context.profile.class);
        let ends = step
            .before
            .as_ref()
            .filter(|_| known)
            .map(|b| (b, step.fix));
        let crossings = match ends {
            Some((before, fix)) if !spot.undivided && is_guarded => {
                context.areas.crossings(before.fix.position, fix.position)
            }
            _ => Vec::new(),
        };
        Self {
            ends,
            crossings,
            inside: spot.inside,
        }
    }

    /// Shares of the way at which it crosses the edge of an area.
    fn passed(&self, number: AreaNumber) -> &[f64] {
        self.crossings
            .iter()
            .find(|crossing| crossing.area == number)
            .map_or(&[], |crossing| &crossing.shares)
    }

    /// When the way came to the side of the edge on which the fix is.
    fn entered(&self, number: AreaNumber, fix: &Fix) -> Timestamp {
        match (self.ends, self.passed(number)) {
            (Some((before, fix)), [.., share]) => part(before.fix.time, fix.time, *share),
            _ => fix.time,
        }
    }

    /// Areas that the way crosses and that contain neither of its ends.
    fn through(&self) -> impl Iterator<Item = AreaNumber> {
        self.crossings
            .iter()
            .filter(|crossing| {
                crossing.shares.len() >= 2
                    && crossing.shares.len().is_multiple_of(2)
                    && !self.inside.contains(&crossing.area)
            })
            .map(|crossing| crossing.area)
    }

    /// Tells that the way crossed an area between two fixes outside.
    fn tell_through(
        &self,
        context: &Context<'_>,
        step: &Step<'_>,
        side: Side,
        out: &mut Vec<Transition>,
    ) {
        let stay = self.stay(self.passed(side.area()));
        let beyond = |place| is_deep(context, side.area(), place);
        self.tell_stay(context, step, side, stay, beyond, out);
    }

    /// Tells that the way left an area and came back between two fixes inside.
    fn tell_around(
        &self,
        context: &Context<'_>,
        step: &Step<'_>,
        home: AreaNumber,
        asks: impl Fn(&AreaNumber) -> bool,
        out: &mut Vec<Transition>,
    ) {
        let shares = self.passed(home);
        if shares.len() < 2 || !shares.len().is_multiple_of(2) {
            return;
        }
        let stay = self.stay(shares);
        let beyond = |place| {
            let located = context.areas.locate(place);
            is_deep(context, home, place) && !located.inside.iter().any(&asks)
        };
        self.tell_stay(context, step, Side::Outside(home), stay, beyond, out);
    }

    /// Time beyond the edge, and the middle of the longest stretch of it.
    fn stay(&self, shares: &[f64]) -> Option<(Span, Position)> {
        let (before, fix) = self.ends?;
        let took = fix.time.since(before.fix.time);
        let stretches = || shares.chunks_exact(2);
        let total: f64 = stretches().map(|pair| pair[1] - pair[0]).sum();
        let longest = stretches().max_by(|a, b| (a[1] - a[0]).total_cmp(&(b[1] - b[0])))?;
        let middle = f64::midpoint(longest[0], longest[1]);
        let (from, to) = (before.fix.position, fix.position);
        let along = |from: f64, to: f64| from + middle * (to - from);
        let place =
            Position::from_degrees(along(from.lat(), to.lat()), along(from.lon(), to.lon()))?;
        Some((part_of(took, total), place))
    }

    fn tell_stay(
        &self,
        context: &Context<'_>,
        step: &Step<'_>,
        side: Side,
        stay: Option<(Span, Position)>,
        beyond: impl Fn(Position) -> bool,
        out: &mut Vec<Transition>,
    ) {
        let (Some((before, fix)), Some((time, middle))) = (self.ends, stay) else {
            return;
        };
        let Some(area) = context.areas.area(side.area()) else {
            return;
        };
        if time < context.rules.area.dwell || !beyond(middle) {
            return;
        }
        let mut episode = Episode::new(before.fix.time, step.fix);
        episode.first = before.fix.time;
        episode.fixes = 2;
        episode.driver = before.driver.or(fix.driver);
        if before.fix.speed >= fix.speed {
            episode.peak = before.fix;
        }
        let finding = || finding(context, side.kind(), &area.id, &area.name);
        let counts = Some(fix.time);
        episode.end(context, fix, fix.time, counts, finding, out);
    }
}

/// A share of the time between two moments.
fn part(from: Timestamp, to: Timestamp, share: f64) -> Timestamp {
    from + part_of(to.since(from), share)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "steps are shorter than a gap, and shares lie in 0..=1"
)]
fn part_of(span: Span, share: f64) -> Span {
    Span::from_millis((span.millis() as f64 * share).round() as i64)
}

fn of_day(context: &Context<'_>, fix: &Fix) -> i64 {
    context.rules.zone.millis_of_day(fix.time)
}

/// Whether a place is farther than the margin from the edge.
fn is_deep(context: &Context<'_>, number: AreaNumber, place: Position) -> bool {
    context
        .areas
        .is_far_from_edges(number, place, context.rules.area.margin_m)
}

fn finding(context: &Context<'_>, kind: Kind, id: &str, name: &str) -> Finding {
    let rules = &context.rules.area;
    let class = context.profile.class;
    let (kind, penalties) = match kind {
        Kind::Forbidden => (ViolationKind::AreaForbidden, &rules.forbidden),
        Kind::Left => (ViolationKind::AreaLeft, &rules.left),
    };
    Finding {
        kind,
        details: Details::Area {
            area_id: id.to_owned(),
            area_name: name.to_owned(),
        },
        grade: penalty(context.rules, penalties, class, true),
    }
}
