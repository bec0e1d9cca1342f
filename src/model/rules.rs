//! Thresholds and limits, valid by construction, with a version. No number of a rule stands in code.

use std::sync::Arc;

use super::alarm::AlarmRules;
use super::overlay::{Cap, Overlays};
use super::road::RoadClass;
use super::route::RoadKind;
use super::time::{LocalZone, Span, Timestamp};
use super::units::Speed;
use super::vehicle::{Region, VehicleClass};
use super::violation::{PointsBasis, Severity};

/// A whole rulebook document, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSet {
    /// Version written into every violation and verdict.
    pub version: String,
    /// First moment at which this version holds.
    pub effective_from: Timestamp,
    /// First moment at which it holds no more; `None` while no successor is known.
    pub effective_to: Option<Timestamp>,
    /// Zone of days and night windows.
    pub zone: LocalZone,
    /// Night: monitoring limit of coaches and the night counter of fatigue (A1).
    pub night: DailyWindow,
    /// What driving, stopping and a gap in the record are.
    pub motion: MotionRules,
    /// Limits, spans and points of speeding.
    pub speeding: SpeedingRules,
    /// Which road is driven, and limits where none is posted.
    pub roads: RoadRules,
    /// Severity that goes with points, for every kind.
    pub severity: SeverityByPoints,
    /// Rest and the four driving counters.
    pub fatigue: FatigueRules,
    /// Movement while no data came.
    pub offline: OfflineRules,
    /// Corridor of the planned route.
    pub deviation: DeviationRules,
    /// Running in the hours of the night ban.
    pub night_ban: NightBanRules,
    /// Areas that may not be entered or left.
    pub area: AreaRules,
    /// Stops on the route where none is planned.
    pub unplanned_stop: UnplannedStopRules,
    /// Alarms of the terminal that count.
    pub alarms: AlarmRules,
    /// More persons than seats.
    pub overload: OverloadRules,
    /// Signs of tampering with the terminal.
    pub tamper: TamperRules,
    /// Days with drifting positions.
    pub drift: DriftRules,
    /// Places of another datum than declared.
    pub datum: DatumRules,
    /// Charters without a contract.
    pub charter: CharterRules,
    /// What is told before a limit is passed.
    pub prealarm: PreAlarmRules,
    /// What a believable record is.
    pub plausibility: PlausibilityRules,
    /// Rules of the monitoring duty.
    pub duty: DutyRules,
    /// Caps on speed of the overlays that are in force; none in the document's own rules.
    pub caps: Vec<Cap>,
    /// Regional rules, campaigns and weather warnings; none in the rules of a set of them.
    pub overlays: Overlays,
    /// The versions imported before, newest first, for times at which this one does not hold.
    pub earlier: Vec<Arc<Self>>,
}

impl RuleSet {
    /// The rules of every version, and of every set of its overlays that can hold somewhere.
    pub fn everywhere(&self) -> impl Iterator<Item = &Self> {
        self.versions()
            .flat_map(|version| std::iter::once(version).chain(version.overlays.every()))
    }

    /// This version and those imported before, newest first.
    fn versions(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.earlier.iter().map(AsRef::as_ref))
    }

    /// The version that holds at a time: of those whose dates cover it the one imported last.
    ///
    /// A time that no dates cover belongs to the first version when it is before all of them, else to this one.
    #[inline]
    pub fn version_at(&self, time: Timestamp) -> &Self {
        if self.holds_at(time) || self.earlier.is_empty() {
            return self;
        }
        if let Some(version) = self.earlier.iter().find(|version| version.holds_at(time)) {
            return version;
        }
        let first = self.versions().min_by_key(|version| version.effective_from);
        first
            .filter(|first| time < first.effective_from)
            .unwrap_or(self)
    }

    fn holds_at(&self, time: Timestamp) -> bool {
        self.effective_from <= time && self.effective_to.is_none_or(|to| time < to)
    }

    /// The rules for a vehicle of a class, or for an enterprise, in a region at a time.
    ///
    /// These are those of the version that holds then, or of its overlays where some hold.
    #[inline]
    pub fn in_force(
        &self,
        region: Option<&Region>,
        class: Option<VehicleClass>,
        time: Timestamp,
    ) -> &Self {
        let version = self.version_at(time);
        if version.overlays.list().is_empty() {
            return version;
        }
        let overlaid = version.overlays.rules(region, class, time);
        overlaid.unwrap_or(version)
    }
}

/// A value for each group of vehicle classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByClass<T> {
    /// Coaches of every kind (客运).
    pub coach: T,
    /// Dangerous goods.
    pub hazmat: T,
    /// Heavy trucks and tractors.
    pub heavy_truck: T,
}

impl<T> ByClass<T> {
    /// The value for one class.
    pub const fn of(&self, class: VehicleClass) -> &T {
        match class {
            VehicleClass::TouristCoach
            | VehicleClass::CharterCoach
            | VehicleClass::LineCoach1
            | VehicleClass::LineCoach2
            | VehicleClass::LineCoach3
            | VehicleClass::LineCoach4 => &self.coach,
            VehicleClass::Hazmat => &self.hazmat,
            VehicleClass::HeavyTruck => &self.heavy_truck,
        }
    }
}

/// What driving, stopping and a gap are. Source: contract section 4, regulations A9.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MotionRules {
    /// Driving is a speed over this one.
    pub driving_over: Speed,
    /// A movement shorter than this is no driving and ends no stop.
    pub movement_min: Span,
    /// From this long on, the time between two fixes is a gap: what happened in it is unknown.
    pub gap: Span,
    /// Ends of a gap closer than this mean that the vehicle stood. Unit: m.
    pub same_place_m: f64,
}

/// Limits, spans and points of speeding. Source: regulations 4.
#[derive(Clone, Debug, PartialEq)]
pub struct SpeedingRules {
    /// A span counts when it lasts longer than this.
    pub counts_over: Span,
    /// Spans of one limit join when the time between them is shorter than this (A10).
    pub join_within: Span,
    /// Share of the day limit that coaches may drive at night. Unit: percent.
    pub night_percent: u32,
    /// Coaches with at least this many seats have the night limit; unknown seats count as enough.
    pub night_seats_min: u16,
    /// Highest legal speed of each class.
    pub caps: ByClass<ClassCap>,
    /// Driver points by excess over the legal limit, ascending, the first row from 0 percent.
    pub points: Vec<PointsRow>,
    /// Severity when only the monitoring limit is exceeded.
    pub monitor_only: MonitorOnly,
    /// Legal limits in bad sight, by falling bounds. Source: regulations 4.1.
    pub visibility: Vec<VisibilityRow>,
}

/// The limits that hold where one sees less far than a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisibilityRow {
    /// Sight below this. Unit: m.
    pub below_m: u32,
    /// On expressways.
    pub expressway: Option<Speed>,
    /// On other roads.
    pub other: Option<Speed>,
    /// Where no road is known.
    pub unknown: Option<Speed>,
}

/// Highest legal speed of a class by kind of road.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassCap {
    /// On expressways and urban expressways.
    pub expressway: Speed,
    /// On other roads.
    pub other: Speed,
    /// Where no road is known.
    pub unknown: Speed,
}

impl ClassCap {
    /// The cap on one kind of road.
    pub const fn on(&self, road: Option<RoadKind>) -> Speed {
        match road {
            Some(RoadKind::Expressway) => self.expressway,
            Some(RoadKind::Other) => self.other,
            None => self.unknown,
        }
    }
}

/// One row of the points table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PointsRow {
    /// Excess over the legal limit from which the row holds, this value included. Unit: percent.
    pub over_percent: u32,
    /// Points on expressways and urban expressways.
    pub expressway: u8,
    /// Points on other roads.
    pub other: u8,
}

/// Severity when only the monitoring limit is exceeded. Source: regulations 4.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonitorOnly {
    /// Excess from which it is graver, this value included. Unit: percent.
    pub graver_percent: u32,
    /// Below that.
    pub below: Severity,
    /// From that on.
    pub from: Severity,
}

/// Severity that goes with driver points; rows ascending, the first from 0 points.
///
/// The default, without rows, says L1 of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeverityByPoints(Vec<(u8, Severity)>);

impl SeverityByPoints {
    /// From rows of (lowest points, severity).
    ///
    /// Errors: `None` unless the points begin at 0 and ascend and no severity falls.
    pub fn new(rows: Vec<(u8, Severity)>) -> Option<Self> {
        let begins = rows.first().is_some_and(|row| row.0 == 0);
        let ascends = rows
            .windows(2)
            .all(|pair| matches!(pair, [low, high] if low.0 < high.0 && low.1 <= high.1));
        (begins && ascends).then_some(Self(rows))
    }

    /// Severity of that many points.
    pub fn of(&self, points: u8) -> Severity {
        self.0
            .iter()
            .rev()
            .find(|row| row.0 <= points)
            .map_or(Severity::L1, |row| row.1)
    }
}

/// Which road is driven, and limits where none is posted. Source: regulations 4.1; else our choice.
#[derive(Clone, Debug, PartialEq)]
pub struct RoadRules {
    /// A road farther from a fix than this is not the one being driven. Unit: m.
    pub reach_m: f64,
    /// From this speed on the course of a fix must agree with the direction of its road.
    pub course_from: Speed,
    /// Largest difference of course and road. Unit: degrees.
    pub course_deg_max: u16,
    /// Below this confidence of a match nothing is graded with points. Unit: `0..=1`.
    pub confidence_min: f64,
    /// A road farther from a fix than another that fits its course, by more than this, is not the
    /// one being driven. Unit: m.
    pub beside_m: f64,
    /// Fixes are matched by blocks of this length, aligned to the epoch.
    pub block: Span,
    /// Fixes before a block that are matched with it.
    pub margin_before: Span,
    /// Fixes after a block that are matched with it.
    pub margin_after: Span,
    /// Of the fixes in the margins one is taken in each span of this length.
    pub margin_step: Span,
    /// Fixes that matter only together with later ones are matched after this time at the latest.
    pub wait: Span,
    /// Limits where nothing is posted.
    pub defaults: RoadDefaults,
    /// Limits of zones that are posted by name, by that name.
    pub zones: Vec<(String, Speed)>,
}

/// Limits where nothing is posted. Source: 实施条例 Art. 45, 78.
#[derive(Clone, Debug, PartialEq)]
pub struct RoadDefaults {
    /// Expressways and urban expressways.
    pub expressway: Speed,
    /// One lane each way, in built-up areas.
    pub urban_one_lane: Speed,
    /// One lane each way, elsewhere.
    pub highway_one_lane: Speed,
    /// No centre line, in built-up areas.
    pub urban_no_line: Speed,
    /// No centre line, elsewhere.
    pub highway_no_line: Speed,
    /// Classes that are taken to have one lane each way when the map does not say.
    pub one_lane: Vec<RoadClass>,
    /// Classes that are taken to have no centre line when the map does not say.
    pub no_line: Vec<RoadClass>,
}

/// What one kind of violation costs one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Penalty {
    /// Driver points.
    pub points: u8,
    /// Where the points come from; `None` without points.
    pub basis: Option<PointsBasis>,
    /// Severity below which the kind is never graded, whatever the points say.
    pub severity_min: Severity,
}

/// Rest and the four counters. Source: regulations 5, A1-A9.
#[derive(Clone, Debug, PartialEq)]
pub struct FatigueRules {
    /// A stop at least this long is a rest.
    pub rest_min: Span,
    /// Fastest travel assumed through a gap: what the distance leaves over may have been a rest.
    pub gap_speed: Speed,
    /// F-4H counts stops too short to be a rest as driving, once driving goes on (option of A4).
    pub count_short_stops: bool,
    /// F-4H: driving since the last rest.
    pub continuous: FatigueKind,
    /// F-N2: its part inside the night window.
    pub night: FatigueKind,
    /// F-24: driving in a rolling window.
    pub hours24: FatigueKind,
    /// Length of the F-24 window.
    pub hours24_window: Span,
    /// F-7D: driving in a rolling window.
    pub days7: FatigueKind,
    /// Length of the F-7D window.
    pub days7_window: Span,
}

/// One fatigue counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FatigueKind {
    /// Driving over this is a violation.
    pub limit: Span,
    /// Which classes it is for.
    pub applies: ByClass<bool>,
    /// What it costs.
    pub penalty: ByClass<Penalty>,
}

/// Movement while no data came; the gap and the distance are those of [`MotionRules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfflineRules {
    /// What it costs.
    pub penalty: ByClass<Penalty>,
}

/// Leaving the corridor of the planned route.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeviationRules {
    /// Outside must reach this far past the half-width to count. Unit: m.
    pub margin_m: f64,
    /// Outside must last at least this long.
    pub dwell: Span,
    /// Outside must be seen by at least this many fixes.
    pub fixes_min: u32,
    /// Back inside must last at least this long.
    pub return_dwell: Span,
    /// A stop or an unknown stretch at least this long ends the trip and the watch.
    pub trip_end: Span,
    /// What it costs.
    pub penalty: ByClass<Penalty>,
}

/// Running in the hours in which long-distance coaches stop. Source: regulations 6.
#[derive(Clone, Debug, PartialEq)]
pub struct NightBanRules {
    /// The hours.
    pub window: DailyWindow,
    /// Running is a speed over this one.
    pub moving_over: Speed,
    /// A run counts when it lasts at least this long.
    pub lasts_min: Span,
    /// Slower for less than this does not end a run.
    pub pause_max: Span,
    /// Classes that must stop.
    pub classes: Vec<VehicleClass>,
    /// Lines up to this length are exempt. Unit: km.
    pub exempt_line_km: f64,
    /// Lines of unknown length are under the ban.
    pub unknown_line: bool,
    /// Classes whose lines may be a major hazard.
    pub major_hazard_classes: Vec<VehicleClass>,
    /// Their lines from this length on are one, and L4. Unit: km.
    pub major_hazard_line_km: f64,
    /// What it costs.
    pub penalty: ByClass<Penalty>,
}

/// Areas that may not be entered or left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AreaRules {
    /// The wrong side of the edge must be this far from it to count. Unit: m.
    pub margin_m: f64,
    /// The wrong side must last at least this long.
    pub dwell: Span,
    /// The right side must last at least this long to end it.
    pub return_dwell: Span,
    /// What entering a forbidden area costs.
    pub forbidden: ByClass<Penalty>,
    /// What leaving an area costs.
    pub left: ByClass<Penalty>,
}

/// Stops on the route where none is planned.
#[derive(Clone, Debug, PartialEq)]
pub struct UnplannedStopRules {
    /// Classes that are watched.
    pub classes: Vec<VehicleClass>,
    /// A stop this near a planned one is planned. Unit: m.
    pub radius_m: f64,
    /// It counts when it lasts at least this long.
    pub lasts_min: Span,
    /// The same where the route lists no stops.
    pub unlisted_lasts_min: Span,
    /// What it costs.
    pub penalty: ByClass<Penalty>,
}

/// More persons than seats, where the terminal reports it. Source: regulations 4.5.
#[derive(Clone, Debug, PartialEq)]
pub struct OverloadRules {
    /// It counts when it lasts at least this long.
    pub lasts_min: Span,
    /// A count of persons holds for less than this.
    pub count_holds: Span,
    /// Load states of the status (bits 8 and 9) that say the vehicle is too full.
    pub load_states: Vec<u8>,
    /// Severity below which it is never graded.
    pub severity_min: Severity,
    /// Driver points by excess over the seats, ascending, the first row from 0 percent.
    pub points: Vec<OverloadPoints>,
    /// Bands of the fine by excess over the seats, ascending.
    pub fines: Vec<OverloadFine>,
}

/// One row of the points for persons over the seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverloadPoints {
    /// Excess from which the row holds, this value included. Unit: percent.
    pub over_percent: u32,
    /// Driver points.
    pub points: u8,
    /// Where they come from.
    pub basis: PointsBasis,
}

/// One band of the fine for persons over the seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverloadFine {
    /// Excess over which the row holds, this value excluded. Unit: percent.
    pub over_percent: u32,
    /// Lowest fine. Unit: CNY.
    pub least_cny: u32,
    /// Highest fine. Unit: CNY.
    pub most_cny: u32,
}

/// Signs of tampering with the terminal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TamperRules {
    /// Positions this near each other stand still. Unit: m.
    pub still_m: f64,
    /// An odometer that runs this far meanwhile is a sign. Unit: km.
    pub still_km: f64,
    /// Odometer and track are compared after this distance. Unit: km.
    pub block_km: f64,
    /// The longer may exceed the shorter by this share. Unit: percent.
    pub apart_percent: u32,
    /// ... and by this much more. Unit: km.
    pub apart_km: f64,
    /// What it costs.
    pub penalty: ByClass<Penalty>,
}

/// Days with drifting positions. Source: A12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriftRules {
    /// So many drift points make a drift day.
    pub points_min: u32,
    /// What it costs.
    pub penalty: ByClass<Penalty>,
}

/// Places of another datum than declared. Source: our choice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DatumRules {
    /// Least time between two samples.
    pub step: Span,
    /// Samples of which a conclusion is drawn.
    pub samples: u32,
    /// A place lies on a road when it is this near to one that goes its way. Unit: m.
    pub near_m: f64,
    /// The share of the samples that lie on no road as they are that must in the other datum. Unit: percent.
    pub fits_percent: u32,
    /// The share that may at most lie on roads as they are. Unit: percent.
    pub misfits_percent: u32,
    /// What it costs.
    pub penalty: ByClass<Penalty>,
}

/// Charters without a contract. Source: regulations 6.
#[derive(Clone, Debug, PartialEq)]
pub struct CharterRules {
    /// Classes that need a contract.
    pub classes: Vec<VehicleClass>,
    /// A charter lasts at most this long, whatever its contract says.
    pub longest: Span,
    /// Driving without a contract counts when it lasts at least this long.
    pub lasts_min: Span,
    /// A stop at least this long ends it.
    pub stop_min: Span,
    /// What it costs.
    pub penalty: ByClass<Penalty>,
}

/// What is told before a limit is passed. Source: regulations 4.3 and 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreAlarmRules {
    /// Driving left before a fatigue limit at which it is told: the first warning and the last.
    pub fatigue_left: [Span; 2],
    /// A speed this far below the monitoring limit and more is told.
    pub speed_margin: Speed,
    /// A speed must fall this far below the margin before it is told again.
    pub speed_again: Speed,
    /// Speeds are told no more often than this.
    pub repeat_min: Span,
    /// Data older than this on arrival is told to nobody.
    pub data_age_max: Span,
}

/// What a believable record is. Source: regulations 10.1, A12.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlausibilityRules {
    /// Lowest latitude. Unit: millionths of a degree.
    pub lat_udeg_min: i32,
    /// Highest latitude. Unit: millionths of a degree.
    pub lat_udeg_max: i32,
    /// Lowest longitude. Unit: millionths of a degree.
    pub lon_udeg_min: i32,
    /// Highest longitude. Unit: millionths of a degree.
    pub lon_udeg_max: i32,
    /// Highest speed.
    pub speed_max: Speed,
    /// Lowest altitude. Unit: m.
    pub altitude_m_min: i16,
    /// Highest altitude. Unit: m.
    pub altitude_m_max: i16,
    /// How far ahead of its reception a fix time may be and still be judged.
    pub future_allowance: Span,
    /// Fix times before this are a clock that was never set.
    pub earliest: Timestamp,
    /// Fastest travel between two fixes that is believed.
    pub jump_speed: Speed,
    /// Distance that is always believed: noise and whole-second times. Unit: m.
    pub jump_slack_m: f64,
    /// This many consecutive fixes that agree on a new place make it the place.
    pub jump_fixes: u32,
}

/// A daily window of local time; may cross midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DailyWindow {
    /// First moment. Unit: milliseconds of the day.
    pub begin_ms: i64,
    /// First moment after it. Unit: milliseconds of the day.
    pub end_ms: i64,
}

impl DailyWindow {
    /// Whether a local time of day lies in the window; the end does not (A1).
    pub const fn contains(&self, millis_of_day: i64) -> bool {
        if self.begin_ms <= self.end_ms {
            self.begin_ms <= millis_of_day && millis_of_day < self.end_ms
        } else {
            millis_of_day >= self.begin_ms || millis_of_day < self.end_ms
        }
    }
}

/// Thresholds of N1-N9. Source: contract section 6, regulations 14.
#[derive(Clone, Debug, PartialEq)]
pub struct DutyRules {
    /// N1: fewest qualified monitors of any enterprise.
    pub monitors_min: u32,
    /// N1: vehicles that one monitor may watch.
    pub vehicles_per_monitor: u32,
    /// N2: longest allowed run of operating, uncovered minutes. Unit: minutes.
    pub uncovered_min_max: u32,
    /// N3: lowest handling rate that passes.
    pub handling_rate_min: f64,
    /// N3: time to handle a violation, from when it was first seen.
    pub handling_due: Span,
    /// N4: lowest rate of answers in time that passes.
    pub inquiry_rate_min: f64,
    /// N4: inquiries sent in this window may not be missed at all.
    pub inquiry_strict_window: DailyWindow,
    /// N5: offline movement or fault run from which a vehicle fails its enterprise.
    pub offline_max: Span,
    /// N5: alarm bits of JT/T 808 0x0200 that say the terminal is faulty.
    pub fault_alarm_mask: u32,
    /// N6: lowest severity that must be reminded.
    pub reminder_severity_min: Severity,
    /// N6: time to remind, from when the violation was first seen.
    pub reminder_within: Span,
    /// N6: data older than this on arrival asks for no reminder.
    pub reminder_data_age_max: Span,
    /// N7: lowest share of vehicles in network that must be online.
    pub online_rate_min: f64,
}
