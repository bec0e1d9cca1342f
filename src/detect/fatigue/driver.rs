//! The counters of one driver; see the module above for the rules.

use crate::model::prealarm::{Near, PreAlarm};
use crate::model::rules::{FatigueKind, FatigueRules, RuleSet};
use crate::model::violation::{Details, EvidenceMarks, FatigueWindow, FixMark};
use crate::model::{DriverId, Fix, Span, Timestamp, Violation, ViolationKind};

use super::super::admit::{mark, way_m};
use super::super::grade::penalty;
use super::super::motion::{Activity, Stretch};
use super::super::{Context, Transition, is_fresh};
use super::log::DrivingLog;
use super::{HoursLeft, KINDS};

/// Counters and open violations of one driver.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::detect) struct DriverState {
    /// Who; `None` for fixes that name no driver.
    pub(in crate::detect) driver: Option<DriverId>,
    /// Driving since the last rest.
    pub(in crate::detect) continuous: Span,
    /// Its part in the night that began at `night_began`.
    pub(in crate::detect) night: Span,
    /// Beginning of the night of that counter.
    pub(in crate::detect) night_began: Timestamp,
    /// Something since the last rest was inferred or unknown.
    pub(in crate::detect) inferred: bool,
    /// End of the last time that was inferred or unknown.
    pub(in crate::detect) inferred_until: Timestamp,
    /// Beginning of the stop that goes on.
    pub(in crate::detect) stop_from: Option<Timestamp>,
    /// That stop has become a rest.
    pub(in crate::detect) rested: bool,
    /// Driving of the last days, for classes with rolling limits.
    pub(in crate::detect) log: DrivingLog,
    /// Driving that cannot bring the sums of 24 h and 7 days over their limits.
    pub(in crate::detect) slack: [Span; 2],
    /// Warnings that were told, or came too late, of each kind: the first is bit 0.
    pub(in crate::detect) warned: [u8; KINDS],
    /// Open violations: continuous, night, 24 h, 7 days.
    pub(in crate::detect) open: [Option<Box<OpenFatigue>>; KINDS],
}

/// A fatigue violation that is open, or that ended in a stop which may still become a rest.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::detect) struct OpenFatigue {
    /// When the limit was passed.
    pub(in crate::detect) started_at: Timestamp,
    /// The end as far as it is known.
    pub(in crate::detect) ended_at: Option<Timestamp>,
    /// Counter at the last extension.
    pub(in crate::detect) driving: Span,
    /// Something in the window was inferred or unknown.
    pub(in crate::detect) inferred: bool,
    /// First fix up to which driving over the limit is known.
    pub(in crate::detect) first_fix: Timestamp,
    /// Last such fix: the counter is highest there.
    pub(in crate::detect) last: FixMark,
    /// Number of such fixes.
    pub(in crate::detect) fixes: u32,
    /// When the first such fix was received.
    pub(in crate::detect) first_seen_at: Timestamp,
}

/// The four kinds; the number is the place in [`DriverState::open`].
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

    /// Place of a rolling kind in [`DriverState::slack`], with its window.
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

impl DriverState {
    pub(super) fn new(driver: Option<DriverId>) -> Self {
        Self {
            driver,
            continuous: Span::ZERO,
            night: Span::ZERO,
            night_began: Timestamp::MIN,
            inferred: false,
            inferred_until: Timestamp::MIN,
            stop_from: None,
            rested: false,
            log: DrivingLog::default(),
            slack: [Span::ZERO; 2],
            warned: [0; KINDS],
            open: [const { None }; KINDS],
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.log.heap_bytes() + self.open.iter().flatten().count() * size_of::<OpenFatigue>()
    }

    /// Counts a stretch in which this driver is the driver.
    pub(super) fn handle_stretch(
        &mut self,
        context: &Context<'_>,
        stretch: &Stretch,
        fix: &Fix,
        out: &mut Vec<Transition>,
    ) {
        let Stretch { from, to, .. } = *stretch;
        match stretch.activity {
            Activity::Driving => self.drive(context, from, to, fix, out),
            Activity::Standing => self.rest(context, from, to, fix, out),
            Activity::StandingInferred => {
                self.inferred = true;
                self.inferred_until = to;
                self.rest(context, from, to, fix, out);
            }
            Activity::Unknown { distance_m } => {
                self.inferred = true;
                self.inferred_until = to;
                let fatigue = &context.rules.fatigue;
                let way = way_m(fatigue.gap_speed, to.since(from));
                let may_have_rested =
                    way - way_m(fatigue.gap_speed, fatigue.rest_min) >= distance_m;
                if may_have_rested {
                    self.reset(context, self.stop_from.unwrap_or(from), fix, out);
                }
                self.settle_ends();
                self.check_ends(context, from, to, fix, out);
                self.settle_ends();
                self.stop_from = None;
                self.rested = false;
            }
        }
    }

    /// Another driver takes over at `at`.
    pub(super) fn step_down(&mut self, at: Timestamp) {
        self.stop_from.get_or_insert(at);
    }

    /// Counts time in which this driver does not drive.
    pub(super) fn rest(
        &mut self,
        context: &Context<'_>,
        from: Timestamp,
        to: Timestamp,
        fix: &Fix,
        out: &mut Vec<Transition>,
    ) {
        if self.rested {
            return;
        }
        let stop_from = *self.stop_from.get_or_insert(from);
        if to.since(stop_from) >= context.rules.fatigue.rest_min {
            self.reset(context, stop_from, fix, out);
            self.rested = true;
        } else {
            self.check_ends(context, from, to, fix, out);
        }
    }

    fn drive(
        &mut self,
        context: &Context<'_>,
        from: Timestamp,
        to: Timestamp,
        fix: &Fix,
        out: &mut Vec<Transition>,
    ) {
        self.settle_ends();
        let rules = &context.rules.fatigue;
        let stop_from = self
            .stop_from
            .take()
            .filter(|_| rules.count_short_stops && !self.rested);
        self.rested = false;
        let paused = stop_from.map_or(Span::ZERO, |stop_from| from.since(stop_from));
        self.continuous = self.continuous + paused + to.since(from);
        if Kind::Continuous.applies(context) {
            let over = self.continuous - rules.continuous.limit;
            let begins = (over > Span::ZERO).then(|| (to - over).max(from));
            self.warn(context, Kind::Continuous, Span::ZERO - over, fix, out);
            self.note(context, Kind::Continuous, begins, self.continuous, fix, out);
        }
        if Kind::Night.applies(context) {
            self.drive_at_night(context, from, to, fix, out);
        }
        if Kind::Hours24.applies(context) || Kind::Days7.applies(context) {
            self.log
                .add(from, to, rules.days7_window.max(rules.hours24_window));
            for kind in [Kind::Hours24, Kind::Days7] {
                self.drive_rolling(context, kind, from, to, fix, out);
            }
        }
    }

    fn drive_at_night(
        &mut self,
        context: &Context<'_>,
        from: Timestamp,
        to: Timestamp,
        fix: &Fix,
        out: &mut Vec<Transition>,
    ) {
        let rules = context.rules;
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
                self.warn(context, Kind::Night, Span::ZERO - over, fix, out);
                self.note(context, Kind::Night, begins, self.night, fix, out);
                if until <= to {
                    self.end(context, Kind::Night, until, fix, out);
                    self.open[Kind::Night as usize] = None;
                }
            }
            at = end;
        }
    }

    fn drive_rolling(
        &mut self,
        context: &Context<'_>,
        kind: Kind,
        from: Timestamp,
        to: Timestamp,
        fix: &Fix,
        out: &mut Vec<Transition>,
    ) {
        let rules = &context.rules.fatigue;
        let Some((place, window)) = kind.rolling(rules).filter(|_| kind.applies(context)) else {
            return;
        };
        let limit = kind.rules(rules).limit;
        let slack = &mut self.slack[place];
        *slack = *slack - to.since(from);
        if *slack > Span::ZERO {
            return;
        }
        let sum = self.log.sum(to, window);
        let warned_from = limit - context.rules.prealarm.fatigue_left[0];
        *slack = (warned_from - sum).max(Span::ZERO);
        self.warn(context, kind, limit - sum, fix, out);
        let begins = if self.open[kind as usize].is_some() {
            Some(from)
        } else {
            self.log.first_over(from, to, window, limit)
        };
        self.note(context, kind, begins, sum, fix, out);
    }

    /// So much driving is left before the limit of a kind: tells the warnings that are due now.
    fn warn(
        &mut self,
        context: &Context<'_>,
        kind: Kind,
        left: Span,
        fix: &Fix,
        out: &mut Vec<Transition>,
    ) {
        let warned = &mut self.warned[kind as usize];
        let mut due = None;
        for (place, warning) in (0..).zip(context.rules.prealarm.fatigue_left) {
            if left > warning {
                *warned &= !(1 << place);
            } else if *warned & 1 << place == 0 {
                *warned |= 1 << place;
                due = Some(warning);
            }
        }
        let Some(warning) = due.filter(|_| left >= Span::ZERO && is_fresh(context, fix)) else {
            return;
        };
        out.push(Transition::PreAlarm(Box::new(PreAlarm {
            vehicle: fix.vehicle,
            driver: self.driver,
            kind: kind.names().0,
            at: fix.time,
            received: fix.received,
            near: Near::Driving {
                left,
                warning,
                limit: kind.rules(&context.rules.fatigue).limit,
            },
        })));
    }

    /// The counter of a kind is at `driving`; where it is over, it has been since `begins`.
    fn note(
        &mut self,
        context: &Context<'_>,
        kind: Kind,
        begins: Option<Timestamp>,
        driving: Span,
        fix: &Fix,
        out: &mut Vec<Transition>,
    ) {
        let Some(begins) = begins else {
            return;
        };
        let inferred = self.is_inferred(context, kind, fix.time);
        let slot = &mut self.open[kind as usize];
        let told = slot.is_some();
        let open = slot.get_or_insert_with(|| {
            Box::new(OpenFatigue {
                started_at: begins,
                ended_at: None,
                driving,
                inferred,
                first_fix: fix.time,
                last: mark(fix),
                fixes: 0,
                first_seen_at: fix.received,
            })
        });
        open.driving = driving;
        open.inferred |= inferred;
        open.last = mark(fix);
        open.fixes = open.fixes.saturating_add(1);
        let violation = Box::new(open.violation(context, kind, self.driver, fix));
        out.push(if told {
            Transition::Extended(violation)
        } else {
            Transition::Opened(violation)
        });
    }

    fn is_inferred(&self, context: &Context<'_>, kind: Kind, at: Timestamp) -> bool {
        kind.rolling(&context.rules.fatigue)
            .map_or(self.inferred, |(_, window)| {
                self.inferred_until > at - window
            })
    }

    /// Ends that come without driving: the end of the night, a rolling sum no longer over.
    fn check_ends(
        &mut self,
        context: &Context<'_>,
        from: Timestamp,
        to: Timestamp,
        fix: &Fix,
        out: &mut Vec<Transition>,
    ) {
        for kind in ALL {
            let unended = |open: &OpenFatigue| open.ended_at.is_none();
            if !self.open[kind as usize].as_deref().is_some_and(unended) {
                continue;
            }
            let end = match kind.rolling(&context.rules.fatigue) {
                Some((_, window)) => {
                    let limit = kind.rules(&context.rules.fatigue).limit;
                    self.log.first_not_over(from, to, window, limit)
                }
                None if kind == Kind::Night => Some(night_or_day(context.rules, from))
                    .map(|(began, until)| if began.is_some() { until } else { from })
                    .filter(|until| *until <= to),
                None => None,
            };
            if let Some(end) = end {
                self.end(context, kind, end, fix, out);
            }
        }
    }

    /// The driver has rested from `from` on: everything starts again.
    fn reset(
        &mut self,
        context: &Context<'_>,
        from: Timestamp,
        fix: &Fix,
        out: &mut Vec<Transition>,
    ) {
        for kind in ALL {
            self.end(context, kind, from, fix, out);
        }
        self.open = [const { None }; KINDS];
        self.continuous = Span::ZERO;
        self.night = Span::ZERO;
        self.inferred = false;
        self.slack = [Span::ZERO; 2];
        self.warned = [0; KINDS];
    }

    /// Closes what is open; the driver is forgotten.
    pub(super) fn close_all(
        &mut self,
        context: &Context<'_>,
        fix: &Fix,
        out: &mut Vec<Transition>,
    ) {
        let end = self.stop_from.unwrap_or(fix.time);
        self.reset(context, end, fix, out);
    }

    /// Ends what is open of a kind at `end`, or earlier where it ended before that.
    fn end(
        &mut self,
        context: &Context<'_>,
        kind: Kind,
        end: Timestamp,
        fix: &Fix,
        out: &mut Vec<Transition>,
    ) {
        let Some(open) = &mut self.open[kind as usize] else {
            return;
        };
        if open.ended_at.is_some_and(|known| known <= end) {
            return;
        }
        open.ended_at = Some(end.max(open.started_at));
        let violation = open.violation(context, kind, self.driver, fix);
        out.push(Transition::Closed(Box::new(violation)));
    }

    /// Driving goes on or the time is unknown: ends in the stop before it stand.
    fn settle_ends(&mut self) {
        for open in &mut self.open {
            if open.as_ref().is_some_and(|open| open.ended_at.is_some()) {
                *open = None;
                self.slack = [Span::ZERO; 2];
            }
        }
    }

    pub(super) fn hours_left(&self, context: &Context<'_>, at: Timestamp) -> HoursLeft {
        let rules = &context.rules.fatigue;
        let left = |kind: Kind, driven: Span| {
            kind.applies(context)
                .then(|| (kind.rules(rules).limit - driven).max(Span::ZERO))
        };
        let this_night = night_or_day(context.rules, at).0 == Some(self.night_began);
        HoursLeft {
            driver: self.driver,
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

impl OpenFatigue {
    fn violation(
        &self,
        context: &Context<'_>,
        kind: Kind,
        driver: Option<DriverId>,
        fix: &Fix,
    ) -> Violation {
        let rules = context.rules;
        let of_kind = kind.rules(&rules.fatigue);
        let (name, window) = kind.names();
        let grade = penalty(
            rules,
            &of_kind.penalty,
            context.profile.class,
            driver.is_some(),
        );
        Violation {
            vehicle: fix.vehicle,
            driver,
            kind: name,
            started_at: self.started_at,
            confirmed_at: self.started_at,
            ended_at: self.ended_at,
            peak: self.last,
            limit: None,
            excess_ratio: 0.0,
            legal_excess_ratio: 0.0,
            severity: grade.severity,
            points: grade.points,
            points_basis: grade.basis,
            details: Details::Fatigue {
                driving: self.driving,
                limit: of_kind.limit,
                window,
                inferred: self.inferred,
            },
            evidence: EvidenceMarks {
                first_fix: self.first_fix,
                peak_fix: self.last.time,
                last_fix: self.last.time,
                fixes: self.fixes,
            },
            first_seen_at: self.first_seen_at,
            rulebook_version: rules.version.clone(),
        }
    }
}

/// The beginning of the night at `at`, `None` by day; and when this night or day ends.
///
/// In a zone with summer time the hour of a change that falls between is allowed for.
fn night_or_day(rules: &RuleSet, at: Timestamp) -> (Option<Timestamp>, Timestamp) {
    const DAY_MS: i64 = 86_400_000;
    let zone = &rules.zone;
    let of_day = zone.millis_of_day(at);
    let shifted =
        |moment: Timestamp| moment + Span::from_millis(zone.offset_ms(at) - zone.offset_ms(moment));
    let until = |mark_ms: i64| {
        shifted(at + Span::from_millis((mark_ms - of_day - 1).rem_euclid(DAY_MS) + 1))
    };
    let since =
        |mark_ms: i64| shifted(at - Span::from_millis((of_day - mark_ms).rem_euclid(DAY_MS)));
    if rules.night.contains(of_day) {
        (Some(since(rules.night.begin_ms)), until(rules.night.end_ms))
    } else {
        (None, until(rules.night.begin_ms))
    }
}
