//! The counters of one subject; see the module above for the rules.

use crate::model::prealarm::{Near, PreAlarm};
use crate::model::rules::{FatigueKind, FatigueRules};
use crate::model::violation::{
    Details, EvidenceMarks, FatigueWindow, FixMark, UnknownTime, UnknownWhat,
};
use crate::model::{Span, Timestamp, Violation, ViolationKind};

use super::super::admit::way_m;
use super::super::grade::penalty;
use super::super::night::night_or_day;
use super::super::piece::{Doing, Piece, Subject, Wheel};
use super::super::{Context, Transition, is_fresh};
use super::log::DrivingLog;
use super::{HoursLeft, KINDS};

/// Unknown times that a violation names; of more the newest are kept.
const UNKNOWN_MAX: usize = 16;

/// Counters and open violations of one subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Counters {
    subject: Subject,
    /// End of the last driving or unknown time; `None` before any.
    occupied_until: Option<Timestamp>,
    /// Up to here it is known that nothing was driven since.
    known_until: Timestamp,
    /// Up to here a vehicle has told a stop; what others told later may lie before it.
    stood_until: Timestamp,
    /// The time off since then has become a rest.
    rested: bool,
    /// The latest moment in that time off at which something ended or began again.
    settled_at: Timestamp,
    /// Shortest rest, as it was when the subject was last occupied.
    rest_min: Span,
    /// Driving since the last rest.
    continuous: Span,
    /// Its part in the night that began at `night_began`.
    night: Span,
    /// Beginning of the night of that counter.
    night_began: Timestamp,
    /// First moment after the last rest that was not time off.
    session_from: Option<Timestamp>,
    /// Fixes of the driving since the last rest; `None` when two vehicles tell of it.
    fixes: Option<u32>,
    /// Time of the last days of which not all is known, oldest first.
    unknown: Vec<UnknownTime>,
    /// Driving of the last days.
    log: DrivingLog,
    /// Driving that cannot bring the sums of 24 h and 7 days over these limits.
    slack: [Slack; 2],
    /// Warnings that were told, or came too late, of each kind: the first is bit 0.
    warned: [u8; KINDS],
    /// Violations: continuous, night, 24 h, 7 days. One that ended in the present time off stays,
    /// because it ends earlier if that becomes a rest.
    open: [Option<Box<Violation>>; KINDS],
}

/// How far a sum is from a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Slack {
    left: Span,
    limit: Span,
}

/// A piece that begins before something that is settled already: all must be counted again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the piece begins before what is settled")]
pub struct OutOfOrder;

/// The four kinds; the number is the place in [`Counters::open`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Continuous = 0,
    Night = 1,
    Hours24 = 2,
    Days7 = 3,
}

const ALL: [Kind; KINDS] = [Kind::Continuous, Kind::Night, Kind::Hours24, Kind::Days7];

impl Kind {
    const fn rules(self, rules: &FatigueRules) -> &FatigueKind {
        match self {
            Self::Continuous => &rules.continuous,
            Self::Night => &rules.night,
            Self::Hours24 => &rules.hours24,
            Self::Days7 => &rules.days7,
        }
    }

    const fn names(self) -> (ViolationKind, FatigueWindow) {
        match self {
            Self::Continuous => (ViolationKind::FatigueContinuous, FatigueWindow::Continuous),
            Self::Night => (ViolationKind::FatigueNight, FatigueWindow::Night),
            Self::Hours24 => (ViolationKind::Fatigue24h, FatigueWindow::Hours24),
            Self::Days7 => (ViolationKind::Fatigue7d, FatigueWindow::Days7),
        }
    }

    /// Place of a rolling kind in [`Counters::slack`], with its window.
    const fn rolling(self, rules: &FatigueRules) -> Option<(usize, Span)> {
        match self {
            Self::Continuous | Self::Night => None,
            Self::Hours24 => Some((0, rules.hours24_window)),
            Self::Days7 => Some((1, rules.days7_window)),
        }
    }

    fn applies(self, context: &Context<'_>) -> bool {
        *self
            .rules(&context.rules.fatigue)
            .applies
            .of(context.profile.class)
    }
}

impl Counters {
    /// Counters of a subject of which nothing is known yet.
    pub fn new(subject: Subject) -> Self {
        Self {
            subject,
            occupied_until: None,
            known_until: Timestamp::MIN,
            stood_until: Timestamp::MIN,
            rested: false,
            settled_at: Timestamp::MIN,
            rest_min: Span::ZERO,
            continuous: Span::ZERO,
            night: Span::ZERO,
            night_began: Timestamp::MIN,
            session_from: None,
            fixes: Some(0),
            unknown: Vec::new(),
            log: DrivingLog::default(),
            slack: [Slack::default(); 2],
            warned: [0; KINDS],
            open: [const { None }; KINDS],
        }
    }

    /// Bytes that the counters take, their heap included.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.log.heap_bytes()
            + self.unknown.capacity() * size_of::<UnknownTime>()
            + self.open.iter().flatten().count() * size_of::<Violation>()
    }

    /// Counts a piece of this subject; `context` is that of the piece's vehicle at its time.
    ///
    /// # Errors
    /// [`OutOfOrder`] when the piece begins before something that is settled; nothing has changed
    /// then, and [`count_all`](super::count_all) gives the right counters.
    pub fn handle_piece(
        &mut self,
        context: &Context<'_>,
        piece: &Piece,
        out: &mut Vec<Transition>,
    ) -> Result<(), OutOfOrder> {
        if !self.is_next(piece) {
            return Err(OutOfOrder);
        }
        self.count(context, piece, out);
        Ok(())
    }

    /// Whether nothing is settled that the piece could change.
    fn is_next(&self, piece: &Piece) -> bool {
        let follows = self.occupied_until.is_none_or(|until| until <= piece.from)
            && self.settled_at <= piece.from;
        match (piece.doing, self.unknown.last()) {
            (Doing::Stood, _) => true,
            (_, None) => follows,
            (Doing::StoodInferred, Some(last)) => follows && last.from <= piece.from,
            (Doing::Drove(_) | Doing::Unknown { .. }, Some(last)) => {
                follows && last.to <= piece.from
            }
        }
    }

    /// Counts a piece that comes after all before it.
    pub(super) fn count(
        &mut self,
        context: &Context<'_>,
        piece: &Piece,
        out: &mut Vec<Transition>,
    ) {
        match piece.doing {
            Doing::Stood => {
                self.stood_until = self.stood_until.max(piece.to);
                self.rest_until(context, piece.to, out);
            }
            Doing::StoodInferred => {
                self.note_unknown(piece, UnknownWhat::InferredStop);
                self.rest_until(context, piece.to, out);
            }
            Doing::Unknown { distance_m } => {
                self.rest_until(context, piece.from, out);
                self.pass_unknown(context, piece, distance_m, out);
                self.occupy(context, piece.to);
            }
            Doing::Drove(wheel) => {
                self.rest_until(context, piece.from, out);
                self.drive(context, piece, wheel, out);
                self.occupy(context, piece.to);
            }
        }
    }

    /// Takes up again what an earlier piece told of a stop, after one that lay before its end.
    pub(super) fn take_up_stop(&mut self, context: &Context<'_>, out: &mut Vec<Transition>) {
        self.rest_until(context, self.stood_until, out);
    }

    /// In the piece that is counted next, another vehicle tells of the same driver at its wheel.
    pub(super) fn note_two_vehicles(
        &mut self,
        context: &Context<'_>,
        piece: &Piece,
        out: &mut Vec<Transition>,
    ) {
        self.rest_until(context, piece.from, out);
        self.note_unknown(piece, UnknownWhat::TwoVehicles);
        self.fixes = None;
    }

    fn occupy(&mut self, context: &Context<'_>, until: Timestamp) {
        self.occupied_until = Some(until);
        self.known_until = until;
        self.rest_min = context.rules.fatigue.rest_min;
        self.rested = false;
    }

    fn note_unknown(&mut self, piece: &Piece, what: UnknownWhat) {
        match self.unknown.last_mut() {
            Some(last) if last.what == what && last.to >= piece.from => {
                last.to = last.to.max(piece.to);
            }
            _ => {
                if self.unknown.len() >= UNKNOWN_MAX {
                    self.unknown.remove(0);
                }
                self.unknown.reserve_exact(1);
                self.unknown.push(UnknownTime {
                    from: piece.from,
                    to: piece.to,
                    what,
                });
            }
        }
    }

    /// Nothing was driven up to `to`.
    fn rest_until(&mut self, context: &Context<'_>, to: Timestamp, out: &mut Vec<Transition>) {
        let Some(stop_from) = self.occupied_until else {
            return;
        };
        if self.rested || to <= self.known_until {
            return;
        }
        let from = self.known_until;
        self.known_until = to;
        if to.since(stop_from) >= self.rest_min {
            self.reset(stop_from, out);
            self.rested = true;
            self.settled_at = stop_from + self.rest_min;
        } else {
            self.check_ends(context, from, to, out);
        }
    }

    fn pass_unknown(
        &mut self,
        context: &Context<'_>,
        piece: &Piece,
        distance_m: f64,
        out: &mut Vec<Transition>,
    ) {
        let Piece { from, to, .. } = *piece;
        self.note_unknown(piece, UnknownWhat::Unknown);
        let fatigue = &context.rules.fatigue;
        let way = way_m(fatigue.gap_speed, to.since(from));
        let may_have_rested = way - way_m(fatigue.gap_speed, fatigue.rest_min) >= distance_m;
        if may_have_rested {
            self.reset(self.occupied_until.unwrap_or(from), out);
        } else {
            self.session_from.get_or_insert(from);
        }
        self.settle_ends();
        self.check_ends(context, from, to, out);
        self.settle_ends();
    }

    fn drive(
        &mut self,
        context: &Context<'_>,
        piece: &Piece,
        wheel: Wheel,
        out: &mut Vec<Transition>,
    ) {
        self.settle_ends();
        let Piece { from, to, .. } = *piece;
        let rules = &context.rules.fatigue;
        let stop_from = self
            .occupied_until
            .filter(|_| rules.count_short_stops && !self.rested);
        let paused = stop_from.map_or(Span::ZERO, |stop_from| from.since(stop_from));
        self.session_from.get_or_insert(from);
        self.fixes = self.fixes.map(|fixes| fixes.saturating_add(wheel.fixes));
        self.continuous = self.continuous + paused + to.since(from);
        let driving = Driving {
            context,
            piece,
            wheel,
        };
        if Kind::Continuous.applies(context) {
            let over = self.continuous - rules.continuous.limit;
            let begins = (over > Span::ZERO).then(|| (to - over).max(from));
            self.warn(&driving, Kind::Continuous, Span::ZERO - over, out);
            self.note(&driving, Kind::Continuous, begins, self.continuous, out);
        }
        if Kind::Night.applies(context) {
            self.drive_at_night(&driving, out);
        }
        self.log
            .add(from, to, rules.days7_window.max(rules.hours24_window));
        for kind in [Kind::Hours24, Kind::Days7] {
            self.drive_rolling(&driving, kind, out);
        }
    }

    fn drive_at_night(&mut self, driving: &Driving<'_>, out: &mut Vec<Transition>) {
        let rules = driving.context.rules;
        let Piece { from, to, .. } = *driving.piece;
        let mut at = from;
        while at < to {
            let (began, until) = night_or_day(rules, at);
            let end = until.min(to);
            if let Some(began) = began {
                if began != self.night_began {
                    self.night_began = began;
                    self.night = Span::ZERO;
                }
                self.night = self.night + end.since(at);
                let over = self.night - rules.fatigue.night.limit;
                let begins = (over > Span::ZERO).then(|| (end - over).max(at));
                self.warn(driving, Kind::Night, Span::ZERO - over, out);
                self.note(driving, Kind::Night, begins, self.night, out);
                if until <= to {
                    self.end(Kind::Night, until, out);
                    self.open[Kind::Night as usize] = None;
                }
            }
            at = end;
        }
    }

    fn drive_rolling(&mut self, driving: &Driving<'_>, kind: Kind, out: &mut Vec<Transition>) {
        let rules = &driving.context.rules.fatigue;
        let Piece { from, to, .. } = *driving.piece;
        let Some((place, window)) = kind.rolling(rules) else {
            return;
        };
        let limit = kind.rules(rules).limit;
        let slack = &mut self.slack[place];
        slack.left = slack.left - to.since(from);
        if !kind.applies(driving.context) || (slack.left > Span::ZERO && slack.limit == limit) {
            return;
        }
        let sum = self.log.sum(to, window);
        let warned_from = limit - driving.context.rules.prealarm.fatigue_left[0];
        *slack = Slack {
            left: (warned_from - sum).max(Span::ZERO),
            limit,
        };
        self.warn(driving, kind, limit - sum, out);
        let begins = if self.open[kind as usize].is_some() {
            Some(from)
        } else {
            self.log.first_over(from, to, window, limit)
        };
        self.note(driving, kind, begins, sum, out);
    }

    /// So much driving is left before the limit of a kind: tells the warnings that are due now.
    fn warn(&mut self, driving: &Driving<'_>, kind: Kind, left: Span, out: &mut Vec<Transition>) {
        let rules = driving.context.rules;
        let warned = &mut self.warned[kind as usize];
        let mut due = None;
        for (place, warning) in (0..).zip(rules.prealarm.fatigue_left) {
            if left > warning {
                *warned &= !(1 << place);
            } else if *warned & 1 << place == 0 {
                *warned |= 1 << place;
                due = Some(warning);
            }
        }
        let (at, received) = (driving.piece.to, driving.wheel.received);
        let fresh = is_fresh(driving.context, at, received);
        let Some(warning) = due.filter(|_| left >= Span::ZERO && fresh) else {
            return;
        };
        out.push(Transition::PreAlarm(Box::new(PreAlarm {
            vehicle: driving.piece.vehicle,
            driver: self.subject.driver(),
            kind: kind.names().0,
            at,
            received,
            near: Near::Driving {
                left,
                warning,
                limit: kind.rules(&rules.fatigue).limit,
            },
        })));
    }

    /// The counter of a kind is at `driven`; where it is over, it has been since `begins`.
    fn note(
        &mut self,
        driving: &Driving<'_>,
        kind: Kind,
        begins: Option<Timestamp>,
        driven: Span,
        out: &mut Vec<Transition>,
    ) {
        let Some(begins) = begins else {
            return;
        };
        let session_from = self.session_from.unwrap_or(begins);
        let slot = &mut self.open[kind as usize];
        let told = slot.is_some();
        let violation =
            slot.get_or_insert_with(|| Box::new(driving.violation(kind, self.subject, begins)));
        let window = kind.rolling(&driving.context.rules.fatigue);
        let since = window.map_or(session_from, |(_, window)| violation.started_at - window);
        let to = driving.piece.to;
        let unknown: Vec<UnknownTime> = self
            .unknown
            .iter()
            .filter(|unknown| unknown.to > since && unknown.from < to)
            .copied()
            .collect();
        violation.peak = driving.last_fix();
        violation.evidence = EvidenceMarks {
            first_fix: session_from,
            peak_fix: to,
            last_fix: to,
            fixes: self.fixes.unwrap_or(0),
        };
        if let Details::Fatigue {
            driving,
            inferred,
            unknown: named,
            ..
        } = &mut violation.details
        {
            *driving = driven;
            *inferred = unknown
                .iter()
                .any(|unknown| unknown.what != UnknownWhat::TwoVehicles);
            *named = unknown;
        }
        out.push(if told {
            Transition::Extended(violation.clone())
        } else {
            Transition::Opened(violation.clone())
        });
    }

    /// Ends that come without driving: the end of the night, a rolling sum no longer over.
    fn check_ends(
        &mut self,
        context: &Context<'_>,
        from: Timestamp,
        to: Timestamp,
        out: &mut Vec<Transition>,
    ) {
        for kind in ALL {
            let limit = match self.open[kind as usize].as_deref() {
                Some(open) if open.ended_at.is_none() => match open.details {
                    Details::Fatigue { limit, .. } => limit,
                    _ => continue,
                },
                _ => continue,
            };
            let end = match kind.rolling(&context.rules.fatigue) {
                Some((_, window)) => self.log.first_not_over(from, to, window, limit),
                None if kind == Kind::Night => Some(night_or_day(context.rules, from))
                    .map(|(began, until)| if began.is_some() { until } else { from })
                    .filter(|until| *until <= to),
                None => None,
            };
            if let Some(end) = end {
                self.end(kind, end, out);
                self.settled_at = self.settled_at.max(end);
            }
        }
    }

    /// The driver has rested from `from` on: everything starts again.
    fn reset(&mut self, from: Timestamp, out: &mut Vec<Transition>) {
        for kind in ALL {
            self.end(kind, from, out);
        }
        self.open = [const { None }; KINDS];
        self.continuous = Span::ZERO;
        self.night = Span::ZERO;
        self.session_from = None;
        self.fixes = Some(0);
        self.slack = [Slack::default(); 2];
        self.warned = [0; KINDS];
    }

    /// Ends what is open of a kind at `end`, or earlier where it ended before that.
    fn end(&mut self, kind: Kind, end: Timestamp, out: &mut Vec<Transition>) {
        let Some(open) = &mut self.open[kind as usize] else {
            return;
        };
        if open.ended_at.is_some_and(|known| known <= end) {
            return;
        }
        open.ended_at = Some(end.max(open.started_at));
        out.push(Transition::Closed(open.clone()));
    }

    /// Driving goes on or the time is unknown: ends in the stop before it stand.
    fn settle_ends(&mut self) {
        for open in &mut self.open {
            if open.as_ref().is_some_and(|open| open.ended_at.is_some()) {
                *open = None;
                self.slack = [Slack::default(); 2];
            }
        }
    }

    /// Whether a violation is open still, or may yet end earlier.
    pub(super) fn holds(&self, violation: &Violation) -> bool {
        self.open
            .iter()
            .flatten()
            .any(|open| (open.kind, open.started_at) == (violation.kind, violation.started_at))
    }

    /// The latest moment of which anything is known; `None` before anything was driven.
    pub fn known_until(&self) -> Option<Timestamp> {
        self.occupied_until.map(|_| self.known_until)
    }

    /// What may still be driven at `at`, which is not before [`Counters::known_until`], in a vehicle
    /// of that context.
    pub fn hours_left(&self, context: &Context<'_>, at: Timestamp) -> HoursLeft {
        let rules = &context.rules.fatigue;
        let left = |kind: Kind, driven: Span| {
            kind.applies(context)
                .then(|| (kind.rules(rules).limit - driven).max(Span::ZERO))
        };
        let this_night = night_or_day(context.rules, at).0 == Some(self.night_began);
        HoursLeft {
            driver: self.subject.driver(),
            continuous: left(Kind::Continuous, self.continuous),
            night: left(
                Kind::Night,
                if this_night { self.night } else { Span::ZERO },
            ),
            hours24: left(Kind::Hours24, self.log.sum(at, rules.hours24_window)),
            days7: left(Kind::Days7, self.log.sum(at, rules.days7_window)),
            driven: self.continuous,
        }
    }
}

/// A piece of driving with what its violations need.
struct Driving<'a> {
    context: &'a Context<'a>,
    piece: &'a Piece,
    wheel: Wheel,
}

impl Driving<'_> {
    fn last_fix(&self) -> FixMark {
        FixMark {
            time: self.piece.to,
            position: self.wheel.position,
            speed: self.wheel.speed,
        }
    }

    /// A violation that begins now.
    fn violation(&self, kind: Kind, subject: Subject, started_at: Timestamp) -> Violation {
        let rules = self.context.rules;
        let of_kind = kind.rules(&rules.fatigue);
        let (name, window) = kind.names();
        let driver = subject.driver();
        let grade = penalty(
            rules,
            &of_kind.penalty,
            self.context.profile.class,
            driver.is_some(),
        );
        Violation {
            vehicle: self.piece.vehicle,
            driver,
            kind: name,
            started_at,
            confirmed_at: started_at,
            ended_at: None,
            peak: self.last_fix(),
            limit: None,
            excess_ratio: 0.0,
            legal_excess_ratio: 0.0,
            severity: grade.severity,
            points: grade.points,
            points_basis: grade.basis,
            details: Details::Fatigue {
                driving: Span::ZERO,
                limit: of_kind.limit,
                window,
                inferred: false,
                unknown: Vec::new(),
            },
            evidence: EvidenceMarks {
                first_fix: started_at,
                peak_fix: self.piece.to,
                last_fix: self.piece.to,
                fixes: 0,
            },
            first_seen_at: self.piece.received(&self.wheel, started_at),
            grave: None,
            rulebook_version: rules.version.clone(),
        }
    }
}
