//! What our rules concluded from a track.

use sha2::{Digest as _, Sha256};

use super::time::{Span, Timestamp};
use super::units::{Position, Speed};
use super::vehicle::{DriverId, Plate, VehicleId, named_enum};

named_enum! {
    /// Kind of a violation.
    ViolationKind {
        /// Legal or monitoring limit exceeded for more than 30 s.
        Speeding = "speeding",
        /// F-4H: over 4 h of continuous driving.
        FatigueContinuous = "fatigue_continuous",
        /// F-N2: over 2 h of continuous driving inside the night window.
        FatigueNight = "fatigue_night",
        /// F-24: over 8 h of driving in 24 h.
        Fatigue24h = "fatigue_24h",
        /// F-7D: over 44 h of driving in 7 days.
        Fatigue7d = "fatigue_7d",
        /// Running between 02:00 and 05:00.
        NightBan = "night_ban",
        /// Outside the corridor of the planned route.
        RouteDeviation = "route_deviation",
        /// Inside an area where the vehicle may not be.
        AreaForbidden = "area_forbidden",
        /// Outside the area that it must stay in.
        AreaLeft = "area_left",
        /// Moved while no data came (A9).
        OfflineMovement = "offline_movement",
        /// Stopped where no stop is planned.
        UnplannedStop = "unplanned_stop",
        /// Reported by the terminal.
        TerminalAlarm = "terminal_alarm",
    }
}

impl ViolationKind {
    /// Whether it is about the hours of a driver, in whatever vehicles.
    pub const fn is_fatigue(self) -> bool {
        matches!(
            self,
            Self::FatigueContinuous | Self::FatigueNight | Self::Fatigue24h | Self::Fatigue7d
        )
    }
}

named_enum! {
    /// How grave a violation is; L1 一般 to L4 严重. Source: regulations 4.4.
    Severity {
        /// 0 points.
        L1 = "L1",
        /// 1 point and more.
        L2 = "L2",
        /// 6 points.
        L3 = "L3",
        /// 9 and 12 points.
        L4 = "L4",
    }
}

named_enum! {
    /// Where an applied limit came from.
    LimitSource {
        /// The road's own limit.
        Road = "road",
        /// The vehicle class.
        Class = "class",
        /// The night factor of coaches on the class limit.
        Night = "night",
        /// The planned route.
        Route = "route",
        /// A speed-limit area.
        Area = "area",
        /// A campaign of the rulebook.
        Campaign = "campaign",
        /// A weather warning.
        Weather = "weather",
    }
}

named_enum! {
    /// Why points are what they are.
    PointsBasis {
        /// No road is known, so that the column of the points table is open.
        RoadUnknown = "road_unknown",
        /// The road is not sure enough, so that a person must review.
        RoadUnsure = "road_unsure",
        /// The limit is one of roads without a sign, and the map may lack the sign.
        LimitAssumed = "limit_assumed",
        /// No driver is known (A8).
        DriverUnknown = "driver_unknown",
        /// 记分办法, speeding of coaches, medium and larger trucks, hazmat vehicles.
        SpeedingTable = "记分办法8/9/10/12",
        /// 记分办法 Art. 9(7).
        FatigueArticle9 = "记分办法9(7)",
        /// 记分办法 Art. 11(14).
        FatigueArticle11 = "记分办法11(14)",
        /// 记分办法 Art. 10(5), hazmat off the specified time, route or speed.
        HazmatArticle10 = "记分办法10(5)",
        /// 记分办法 Art. 10(7), hazmat in a restricted area without approval.
        HazmatArticle10Area = "记分办法10(7)",
        /// 记分办法 Art. 10(1), persons over the seats.
        OverloadArticle10 = "记分办法10(1)",
        /// 记分办法 Art. 8(4), persons over the seats by 20 % and more.
        OverloadArticle8 = "记分办法8(4)",
        /// 危货办法 Art. 46: the 80/60 caps count as the specified speed (A16).
        HazmatArticle46 = "危货办法46",
    }
}

/// The limit that was applied.
#[derive(Clone, Debug, PartialEq)]
pub struct AppliedLimit {
    /// Monitoring limit: the enterprise's duty.
    pub monitor: Speed,
    /// Legal limit: the only one that gives points.
    pub legal: Speed,
    /// Which rule set it.
    pub source: LimitSource,
    /// The thing that carries the limit, such as `way/123` or `route/7`.
    pub reference: Option<String>,
    /// Version of the road map, where one was used.
    pub map_version: Option<String>,
    /// Confidence of the match to a road, where one was used. Unit: `0..=1`.
    pub confidence: Option<f64>,
}

/// A fix named as evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixMark {
    /// Fix time.
    pub time: Timestamp,
    /// Place.
    pub position: Position,
    /// Speed.
    pub speed: Speed,
}

/// The fixes on which a violation rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvidenceMarks {
    /// Time of the first fix in the condition; of fatigue, of the driving since the last rest.
    pub first_fix: Timestamp,
    /// Time of the worst fix.
    pub peak_fix: Timestamp,
    /// Time of the last fix in the condition.
    pub last_fix: Timestamp,
    /// Number of fixes in the condition; of fatigue, in the driving since the last rest, 0
    /// where two vehicles tell of it.
    pub fixes: u32,
}

/// What only one kind says.
#[derive(Clone, Debug, PartialEq)]
pub enum Details {
    /// Speeding says all in its limit and peak.
    Speeding,
    /// Fatigue counters.
    Fatigue {
        /// Driving counted when the violation was last extended.
        driving: Span,
        /// The limit that was passed.
        limit: Span,
        /// `continuous`, `night`, `24h` or `7d`.
        window: FatigueWindow,
        /// Some of the time was inferred or unknown (A9).
        inferred: bool,
        /// Time in the window of which not all is known, oldest first; bounded, the newest are kept.
        unknown: Vec<UnknownTime>,
    },
    /// Off the route.
    RouteDeviation {
        /// The route that was left.
        route_id: String,
        /// Farthest distance from the route line. Unit: m.
        max_distance_m: f64,
    },
    /// Moved without data.
    OfflineMovement {
        /// Straight distance between the fixes around the gap. Unit: m.
        distance_m: f64,
    },
    /// Reported by the terminal, or found in what it reports.
    TerminalAlarm {
        /// Name of the alarm.
        alarm: String,
        /// Level of an active-safety alarm, 1 or 2; 2 is graver.
        level: Option<u8>,
        /// What was counted or measured, in the unit of the alarm.
        measured: Option<f64>,
        /// What would have been allowed or expected, in the same unit.
        allowed: Option<f64>,
        /// Band of the fine, where the law names one. Unit: CNY.
        fine_cny: Option<(u32, u32)>,
    },
    /// Running in the hours of the night ban.
    NightBan {
        /// One-way length of the line, where the register has it. Unit: km.
        line_km: Option<f64>,
        /// A candidate for a major hazard: a line longer than the rulebook's bound.
        major_hazard: bool,
    },
    /// Inside an area, or outside the areas that must not be left.
    Area {
        /// The area.
        area_id: String,
        /// Its name.
        area_name: String,
    },
    /// Stood where no stop is planned.
    UnplannedStop {
        /// The planned route on which it stood.
        route_id: String,
        /// Distance to the nearest planned stop. Unit: m.
        distance_m: f64,
    },
    /// Kinds that say no more.
    None,
}

/// A time of which not all is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownTime {
    /// First moment.
    pub from: Timestamp,
    /// First moment after it.
    pub to: Timestamp,
    /// What is not known.
    pub what: UnknownWhat,
}

named_enum! {
    /// What is not known of a time.
    UnknownWhat {
        /// The vehicle was silent and was elsewhere afterwards: not counted as driving (A9).
        Unknown = "unknown",
        /// The vehicle was silent and stood where it was: counted as a stop (A9).
        InferredStop = "inferred_stop",
        /// Two vehicles say that the driver drove: counted once.
        TwoVehicles = "two_vehicles",
    }
}

named_enum! {
    /// The counter of a fatigue violation.
    FatigueWindow {
        /// F-4H.
        Continuous = "continuous",
        /// F-N2.
        Night = "night",
        /// F-24.
        Hours24 = "24h",
        /// F-7D.
        Days7 = "7d",
    }
}

/// When a violation became grave enough for a reminder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grave {
    /// Fix time.
    pub at: Timestamp,
    /// When that fix was received.
    pub seen_at: Timestamp,
}

/// A violation, from its first moment to its last; a function of the sorted track and the rulebook.
///
/// Its key is vehicle, kind, `started_at` and [`Violation::subject`]: writing the same one twice is harmless.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// The driver, where known.
    pub driver: Option<DriverId>,
    /// What rule was broken.
    pub kind: ViolationKind,
    /// From when the condition holds.
    pub started_at: Timestamp,
    /// From when it counts.
    pub confirmed_at: Timestamp,
    /// When it ended; `None` while it is open.
    pub ended_at: Option<Timestamp>,
    /// The worst fix.
    pub peak: FixMark,
    /// The limit, for kinds with a speed limit.
    pub limit: Option<AppliedLimit>,
    /// Share over the monitoring limit.
    pub excess_ratio: f64,
    /// Share over the legal limit.
    pub legal_excess_ratio: f64,
    /// How grave.
    pub severity: Severity,
    /// Driver points; `None` where they cannot be told.
    pub points: Option<u8>,
    /// Why the points are what they are; `None` when 0.
    pub points_basis: Option<PointsBasis>,
    /// What only this kind says.
    pub details: Details,
    /// The fixes on which it rests.
    pub evidence: EvidenceMarks,
    /// When the fix that confirmed it was received.
    pub first_seen_at: Timestamp,
    /// When it became grave enough for a reminder to be due, for kinds that may become graver while they
    /// last; `None` for others, which are so from the beginning or never.
    pub grave: Option<Grave>,
    /// Version of the rulebook that judged it.
    pub rulebook_version: String,
}

impl Violation {
    /// What tells violations of one kind that begin at one moment apart: the area, or the name of
    /// the alarm; empty for kinds of which a vehicle has one at a time.
    pub fn subject(&self) -> &str {
        match &self.details {
            Details::Area { area_id, .. } => area_id,
            Details::TerminalAlarm { alarm, .. } => alarm,
            Details::Speeding
            | Details::Fatigue { .. }
            | Details::RouteDeviation { .. }
            | Details::OfflineMovement { .. }
            | Details::NightBan { .. }
            | Details::UnplannedStop { .. }
            | Details::None => "",
        }
    }

    /// Its identifier: the same for the same plate, kind, beginning and subject, on every machine.
    ///
    /// Shape: first 32 hex digits of SHA-256 over plate text, colour name, kind name, `started_at`
    /// in milliseconds and, where there is one, the subject, joined by line feeds. Source: our
    /// choice.
    pub fn id(&self, plate: &Plate) -> String {
        let mut key = format!(
            "{}\n{}\n{}\n{}",
            plate.text,
            plate.color.name(),
            self.kind.name(),
            self.started_at.millis()
        );
        if !self.subject().is_empty() {
            key.push('\n');
            key.push_str(self.subject());
        }
        let digest = Sha256::digest(key.as_bytes());
        let mut id = String::with_capacity(32);
        for byte in digest.iter().take(16) {
            for nibble in [byte >> 4, byte & 15] {
                id.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        id
    }

    /// How long the condition has held, up to the last fix while open.
    pub fn duration(&self) -> Span {
        self.ended_at
            .unwrap_or(self.evidence.last_fix)
            .since(self.started_at)
    }
}
