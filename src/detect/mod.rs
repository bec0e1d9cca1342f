//! State machines of a vehicle and of a driver; pure; event time only.
//!
//! A [`VehicleState`] takes the fixes of one vehicle in the order of their fix times and gives
//! [`Transition`]s. It reads no clock, waits for nothing and fails on nothing: a fix that cannot be
//! judged is answered with the reason and changes no detector. The same fixes in the same order
//! always give the same transitions, and a state saved and restored between any two of them goes
//! on as if nothing had happened.
//!
//! What belongs to a driver and not to a vehicle (fatigue) is judged by [`Counters`] from the
//! [`Piece`]s of time that all vehicles tell.
//!
//! Start reading at [`VehicleState::handle_fix`], which lists the parts in the order in which they
//! see a fix; each part is one file whose module docs draw its states.

mod admit;
mod alarm;
mod approach;
mod area;
mod batch;
mod charter;
mod datum;
mod deviation;
mod drift;
mod episode;
mod fatigue;
mod fault;
mod grade;
mod limit;
mod motion;
mod night;
mod night_ban;
mod offline;
mod overload;
mod piece;
mod place;
mod plausible;
mod rejudge;
mod road;
mod snapshot;
mod speeding;
mod stop;
mod suspects;
mod tamper;
mod wheel;

pub use admit::Admission;
pub use batch::{Track, judge_track, judge_tracks};
pub use fatigue::{
    Cell, Change, Counters, HoursLeft, Ledger, OutOfOrder, Recount, count_all, reaches_rest,
    reconcile, recount,
};
pub use grade::{Grade, grade};
pub use limit::{Carrier, Here, Limit, limit_at};
pub use piece::{Doing, Piece, Subject, Wheel, append, bucket_of};
pub use rejudge::{FoundFault, Rejudge, Waypoint, add_minutes};
pub use road::OnRoad;
pub use snapshot::{SnapshotError, read_pieces, write_pieces};

use crate::geo::{AreaIndex, CorridorIndex, RouteNumber};
use crate::model::fleet::PermitKind;
use crate::model::prealarm::PreAlarm;
use crate::model::rules::RuleSet;
use crate::model::{DatumSuspicion, DriverId, Fix, Region, Timestamp, VehicleClass, Violation};
use crate::roads::RoadMap;

use admit::Admit;
use alarm::Alarms;
use approach::Approach;
use area::{Areas, Spot};
use charter::Charter;
use datum::DatumCheck;
use deviation::Deviation;
use drift::Drift;
use fault::Fault;
use motion::{DrivingReport, Motion};
use night_ban::NightBan;
use overload::Overload;
use place::Place;
use road::Roads;
use speeding::Speeding;
use stop::UnplannedStop;
use tamper::Tamper;
use wheel::Wheel as AtWheel;

/// All that a verdict depends on besides the track.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The rulebook.
    pub rules: &'a RuleSet,
    /// The vehicle.
    pub profile: &'a VehicleProfile,
    /// All planned routes.
    pub routes: &'a CorridorIndex,
    /// All areas.
    pub areas: &'a AreaIndex,
    /// The road map, where one is in force.
    pub roads: Option<&'a RoadMap>,
}

impl<'a> Context<'a> {
    /// The rules in force for the vehicle at `time`: those of the version that holds, overlays taken in.
    #[inline]
    pub fn rules_at(&self, time: Timestamp) -> &'a RuleSet {
        let VehicleProfile { region, class, .. } = self.profile;
        self.rules.in_force(region.as_ref(), Some(*class), time)
    }

    /// The same with the rules in force for the vehicle at `time`.
    #[must_use]
    pub fn at(&self, time: Timestamp) -> Self {
        Self {
            rules: self.rules_at(time),
            ..*self
        }
    }
}

/// What the register says of a vehicle, as far as it decides verdicts.
#[derive(Clone, Debug, PartialEq)]
pub struct VehicleProfile {
    /// Class.
    pub class: VehicleClass,
    /// Seats, where known.
    pub seats: Option<u16>,
    /// One-way length of its line, where known. Unit: km.
    pub line_km: Option<f64>,
    /// Its region: its own or its enterprise's.
    pub region: Option<Region>,
    /// The routes it is assigned to, with the time for which each holds.
    pub routes: Vec<RouteValidity>,
    /// Its permits and contracts.
    pub permits: Vec<PermitValidity>,
}

impl VehicleProfile {
    /// A vehicle of that class of which nothing else is known.
    pub const fn of_class(class: VehicleClass) -> Self {
        Self {
            class,
            seats: None,
            line_km: None,
            region: None,
            routes: Vec::new(),
            permits: Vec::new(),
        }
    }
}

/// A route that a vehicle drives for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteValidity {
    /// Number of the route in the [`CorridorIndex`] of the context.
    pub route: RouteNumber,
    /// First moment; `None` for always.
    pub from: Option<Timestamp>,
    /// First moment after it; `None` for ever.
    pub to: Option<Timestamp>,
}

impl RouteValidity {
    /// Whether the route holds at `time`.
    pub fn holds_at(&self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time < to)
    }
}

/// A permit or contract that a vehicle has for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PermitValidity {
    /// What it is.
    pub kind: PermitKind,
    /// First moment; `None` for always.
    pub from: Option<Timestamp>,
    /// First moment after it; `None` for ever.
    pub to: Option<Timestamp>,
}

impl PermitValidity {
    /// Whether the permit holds at `time`.
    pub fn holds_at(&self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time < to)
    }
}

/// What a fix changed.
///
/// A violation always comes whole, as it stands after the fix. Its key is vehicle, kind,
/// `started_at` and subject; the first transition of a key is `Opened`, the last one written wins, and writing
/// one twice is harmless. A `Closed` one may be `Extended` again (a span of speeding joins) or
/// `Closed` again with an earlier end (a stop turns out to be a rest).
#[derive(Clone, Debug, PartialEq)]
pub enum Transition {
    /// It counts from now on; `ended_at` is null.
    Opened(Box<Violation>),
    /// It goes on, or goes on again; `ended_at` is null.
    Extended(Box<Violation>),
    /// It is over; `ended_at` is set.
    Closed(Box<Violation>),
    /// The vehicle drove in `[from, to)`.
    ///
    /// Given when the driving reaches a new minute and when it ends; the pieces of a drive are
    /// disjoint and together they are the drive.
    Driving {
        /// First moment.
        from: Timestamp,
        /// First moment after it.
        to: Timestamp,
    },
    /// A limit is near; told once, never a violation.
    PreAlarm(Box<PreAlarm>),
    /// Somebody's time at the wheel of the vehicle, or away from it; fatigue is judged from the
    /// pieces of all vehicles.
    Piece(Box<Piece>),
    /// The vehicle has driven with a reported terminal fault for as long as rule N5 allows or
    /// longer. Its key is vehicle and `from`; it comes again with each growth.
    FaultRun {
        /// First fix with the fault while driving.
        from: Timestamp,
        /// Last fix with the fault while driving.
        to: Timestamp,
        /// Fault bits seen in it.
        alarm: u32,
    },
}

/// All that is remembered of one vehicle between two fixes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VehicleState {
    admit: Admit,
    motion: Motion,
    driving: DrivingReport,
    place: Place,
    speeding: Speeding,
    approach: Approach,
    wheel: AtWheel,
    deviation: Deviation,
    fault: Fault,
    night_ban: NightBan,
    areas: Areas,
    alarms: Alarms,
    overload: Overload,
    tamper: Tamper,
    drift: Drift,
    datum: DatumCheck,
    charter: Charter,
    unplanned_stop: UnplannedStop,
    /// Only where a road map is in force.
    roads: Option<Box<Roads>>,
}

impl VehicleState {
    /// Judges one fix; transitions are added to `out`.
    ///
    /// Only a fix that is later than every fix seen before can be judged; see [`Admission`] for the
    /// others, which change nothing.
    pub fn handle_fix(
        &mut self,
        context: &Context<'_>,
        fix: &Fix,
        out: &mut Vec<Transition>,
    ) -> Admission {
        let usual = context;
        let changed;
        let rules = usual.rules_at(fix.time);
        let context = if std::ptr::eq(rules, usual.rules) {
            usual
        } else {
            changed = Context { rules, ..*usual };
            &changed
        };
        if self.overtakes(fix) {
            return Admission::Late;
        }
        let step = match self.admit.handle_fix(&context.rules.plausibility, fix) {
            Ok(step) => step.with_gap(&context.rules.motion),
            Err(refused) => {
                if let Admission::NotJudged(reasons) = refused {
                    self.drift.handle_refused(context, fix, reasons, out);
                }
                return refused;
            }
        };
        let stretches = self.motion.handle_step(&context.rules.motion, &step);
        self.driving.handle_stretches(&stretches, out);
        offline::handle_step(context, &step, out);
        let on_route = self.place.locate(context, fix);
        let undivided = self.place.is_around(context.areas, fix.position);
        let inside = self.place.areas(context.areas, fix.position);
        let here = Here {
            on_route,
            areas: inside,
            road: None,
        };
        let limit = limit_at(context, fix.time, here);
        let spot = Spot { inside, undivided };
        self.areas.handle_step(context, &step, &spot, out);
        if usual.roads.is_some() || self.roads.is_some() {
            let roads = self.roads.get_or_insert_default();
            roads.handle_step(usual, &step, here, &limit, &mut self.speeding, out);
            self.roads.take_if(|_| usual.roads.is_none());
        } else {
            let over = (fix.speed > limit.monitor).then_some(&limit);
            self.speeding.handle_step(context, &step, over, out);
        }
        self.approach.handle_step(context, &step, &limit, out);
        for stretch in stretches.iter() {
            // A stretch is of the fix that held then, and so are its rules.
            let rules = usual.rules_at(stretch.from);
            self.wheel.handle_stretch(rules, stretch, fix, out);
        }
        self.deviation
            .handle_step(context, &step, &self.motion, on_route, out);
        self.fault
            .handle_step(context.rules, &step, &self.motion, out);
        self.night_ban.handle_step(context, &step, out);
        self.charter.handle_step(context, &step, &self.motion, out);
        self.unplanned_stop
            .handle_step(context, &step, &self.motion, on_route, out);
        self.alarms.handle_step(context, &step, out);
        self.overload.handle_step(context, &step, out);
        self.tamper.handle_step(context, &step, out);
        self.drift.handle_judged(context, fix, out);
        self.datum.handle_fix(context, fix, out);
        Admission::Judged
    }

    /// Judges what still waits for fixes that will not come, at the end of a track.
    pub fn finish(&mut self, context: &Context<'_>, out: &mut Vec<Transition>) {
        if let Some(roads) = &mut self.roads {
            roads.finish(context, &mut self.speeding, out);
        }
    }

    /// Whether fixes wait to be decided for ones that are still to come.
    pub fn is_waiting(&self) -> bool {
        self.roads
            .as_ref()
            .is_some_and(|roads| !roads.waiting.is_empty())
    }

    /// Decides what waits and may be a violation, because nothing has come for long; whether anything
    /// was. `received` is when that was found.
    ///
    /// What is told is what would be told if the next fix came from [`Self::silent_until`] on. One before
    /// that is [`Admission::Late`] although it is the newest.
    pub fn fall_silent(
        &mut self,
        context: &Context<'_>,
        received: Timestamp,
        out: &mut Vec<Transition>,
    ) -> bool {
        let rules = &context.rules.roads;
        let until = self
            .roads
            .as_ref()
            .and_then(|roads| roads.decidable_from(rules));
        until.is_some_and(|until| self.stay_silent(context, (until, received), out))
    }

    /// The same up to a moment for which it was done before, when earlier fixes were others; whether
    /// there was anything to decide.
    pub fn stay_silent(
        &mut self,
        context: &Context<'_>,
        (until, received): (Timestamp, Timestamp),
        out: &mut Vec<Transition>,
    ) -> bool {
        let has_passed = self.last_judged().is_none_or(|last| until <= last);
        let Some(roads) = self.roads.as_mut().filter(|_| !has_passed) else {
            return false;
        };
        roads.fall_silent(context, (until, received), &mut self.speeding, out);
        true
    }

    /// Up to when it was decided that no fix comes, where none has come since.
    pub fn silent_until(&self) -> Option<Timestamp> {
        self.roads.as_ref()?.silent_until
    }

    /// Whether a fix that is to be judged is the newest, but comes before that moment.
    fn overtakes(&self, fix: &Fix) -> bool {
        self.silent_until().is_some_and(|until| fix.time < until)
            && fix.quality.is_judged()
            && self.admit.is_next(fix)
    }

    /// The last fix in order that had a believable time, judged or not.
    pub fn last_fix(&self) -> Option<&Fix> {
        self.admit.last_seen()
    }

    /// Whether a fix has a believable time, later than that of every fix seen before, and is not late.
    pub fn is_next(&self, fix: &Fix) -> bool {
        self.admit.is_next(fix) && !self.overtakes(fix)
    }

    /// Time of the last fix that was judged.
    pub fn last_judged(&self) -> Option<Timestamp> {
        self.admit.last_judged().map(|mark| mark.fix.time)
    }

    /// Who was at the wheel at a fix: for the last judged one as it was judged, which a late driver card may have
    /// changed; for another one, as it says itself.
    pub fn at_wheel(&self, fix: &Fix) -> Option<DriverId> {
        let judged = self.admit.last_judged();
        let same = judged.filter(|mark| mark.fix.time == fix.time);
        same.map_or(fix.driver, |mark| mark.driver)
    }

    /// Whether the vehicle was driving at its last judged fix.
    pub fn is_driving(&self, rules: &RuleSet) -> bool {
        self.admit
            .last_judged()
            .is_some_and(|mark| mark.fix.speed > rules.motion.driving_over)
    }

    /// The offline question at `now`: how long ago the last judged fix was taken, when that is a
    /// gap in the record (A9); `None` while data flows or before any came.
    pub fn silent_since(&self, rules: &RuleSet, now: Timestamp) -> Option<Timestamp> {
        self.last_judged()
            .filter(|last| now.since(*last) >= rules.motion.gap)
    }

    /// Tells the [`Piece`]s that may still grow, up to the last judged fix.
    ///
    /// Whoever needs to know all asks for them; how often does not matter to any verdict.
    pub fn take_pieces(&mut self, out: &mut Vec<Transition>) {
        if let Some(fix) = self.admit.last_seen() {
            self.wheel.tell(fix.vehicle, out);
        }
    }

    /// Of which other datum than declared its places look, where they do.
    pub fn datum_suspicion(&self) -> Option<DatumSuspicion> {
        self.datum.suspicion()
    }

    /// Bytes that this state takes, its heap included.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.admit.heap_bytes()
            + self.place.heap_bytes()
            + self.speeding.heap_bytes()
            + self.wheel.heap_bytes()
            + self.deviation.heap_bytes()
            + self.fault.heap_bytes()
            + self.night_ban.heap_bytes()
            + self.areas.heap_bytes()
            + self.alarms.heap_bytes()
            + self.overload.heap_bytes()
            + self.tamper.heap_bytes()
            + self.drift.heap_bytes()
            + self.datum.heap_bytes()
            + self.charter.heap_bytes()
            + self.unplanned_stop.heap_bytes()
            + self
                .roads
                .as_deref()
                .map_or(0, |roads| size_of::<Roads>() + roads.heap_bytes())
    }

    /// The saved form: versioned, compact, the same on every machine.
    pub fn snapshot(&self) -> Vec<u8> {
        snapshot::write(self)
    }

    /// From the saved form.
    ///
    /// # Errors
    /// [`SnapshotError`] when the bytes are of another version, cut, or no saved form.
    pub fn restore(bytes: &[u8]) -> Result<Self, SnapshotError> {
        snapshot::read(bytes)
    }
}

/// Whether a fix came soon enough to warn somebody.
fn is_fresh(context: &Context<'_>, time: Timestamp, received: Timestamp) -> bool {
    received.since(time) <= context.rules.prealarm.data_age_max
}
