//! Drives written as short text, and what the rules say of them as short text.

use std::collections::BTreeMap;

use roadwarden::detect::{
    Context, Counters, RouteValidity, Subject, Transition, VehicleProfile, judge_track,
};
use roadwarden::geo::{AreaIndex, CorridorIndex};
use roadwarden::model::route::{Area, AreaKind, RoadKind, Route};
use roadwarden::model::rules::RuleSet;
use roadwarden::model::violation::Details;
use roadwarden::model::{
    Course, DriverId, Events, Fix, Odometer, Position, Quality, Source, Span, Speed, Timestamp,
    VehicleClass, VehicleId, Violation,
};
use roadwarden::roads::RoadMap;
use roadwarden::rulebook;

/// Metres of a degree of latitude; near enough for a drive.
const DEGREE_M: f64 = 111_195.0;

/// The road that all drives follow: a meridian, up and down.
const SOUTH: f64 = 28.0;
const NORTH: f64 = 28.5;
const LON: f64 = 112.9;

/// The default rulebook.
pub(crate) fn rules() -> RuleSet {
    rulebook::parse(rulebook::default_document()).unwrap()
}

/// A moment from local text such as `11-21 08:00` or `11-21 08:00:30`, in 2026.
pub(crate) fn moment(text: &str) -> Timestamp {
    let seconds = if text.len() == 11 { ":00" } else { "" };
    let text = format!("2026-{}{seconds}+08:00", text.replace(' ', "T"));
    Timestamp::from_rfc3339(&text).unwrap()
}

/// In how many ways [`twin`] makes a record differ.
pub(crate) const TWINS: u64 = 15;

/// A record of the same vehicle, time and receipt that differs in one field only.
pub(crate) fn twin(fix: &Fix, which: u64) -> Fix {
    let mut other = *fix;
    let marked = |quality: Quality, reason: Quality| {
        if quality.contains(reason) {
            quality.without(reason)
        } else {
            quality.with(reason)
        }
    };
    match which % TWINS {
        0 => other.driver = Some(DriverId(fix.driver.map_or(3, |driver| driver.0 + 1))),
        1 => other.driver = fix.driver.map_or(Some(DriverId(2)), |_| None),
        2 => other.alarm ^= 1 << 2,
        3 => other.alarm ^= 1 << 4,
        4 => {
            other.events = if fix.events.is_empty() {
                "dsm_phone:begin:2".parse().unwrap()
            } else {
                Events::NONE
            }
        }
        5 => other.passengers = fix.passengers.map_or(Some(70), |_| None),
        6 => other.quality = marked(fix.quality, Quality::SPEED_RANGE),
        7 => other.quality = marked(fix.quality, Quality::NO_FIX),
        8 => other.speed = Speed::from_whole_kmh(if fix.speed.kmh() < 60.0 { 118 } else { 0 }),
        9 => other.position.lon_udeg += 4000,
        10 => other.status ^= 3 << 8,
        11 => other.course = Course::from_degrees(77),
        12 => other.odometer = Odometer::from_km(5.0),
        13 => other.altitude_m = Some(17),
        _ => other.source = Source::Platform,
    }
    other
}

/// A length such as `90s`, `15m`, `4h`, `2h30m`.
pub(crate) fn length(text: &str) -> Span {
    let mut total = Span::ZERO;
    let mut digits = String::new();
    for sign in text.chars() {
        if sign.is_ascii_digit() {
            digits.push(sign);
            continue;
        }
        let number: i64 = digits.parse().unwrap();
        digits.clear();
        total = total
            + match sign {
                'h' => Span::from_hours(number),
                'm' => Span::from_minutes(number),
                's' => Span::from_seconds(number),
                other => panic!("unit {other} in {text}"),
            };
    }
    assert!(digits.is_empty(), "{text} ends without a unit");
    total
}

/// A fix with everything usual.
pub(crate) fn fix(time: Timestamp, kmh: u16, position: Position) -> Fix {
    Fix {
        vehicle: VehicleId(1),
        time,
        received: time + Span::from_seconds(2),
        position,
        speed: Speed::from_whole_kmh(kmh),
        course: None,
        altitude_m: None,
        odometer: None,
        alarm: 0,
        status: 3,
        passengers: None,
        events: Events::NONE,
        driver: Some(DriverId(1)),
        source: Source::File,
        quality: Quality::GOOD,
    }
}

/// Place after driving so far on the common road.
pub(crate) fn place(driven_m: f64) -> Position {
    let length_m = (NORTH - SOUTH) * DEGREE_M;
    let there_and_back = driven_m.rem_euclid(2.0 * length_m);
    let along_m = there_and_back.min(2.0 * length_m - there_and_back);
    Position::from_degrees(SOUTH + along_m / DEGREE_M, LON).unwrap()
}

/// The fixes of a drive from `start`, one every `step`.
///
/// `drive 2h, stand 20m, gone@60 30m, drive@85 70s`: what is done, how fast, how long. Every part
/// begins with a fix; the last fix stands at the end. `gone` moves without fixes, `astray` drives
/// and `park` stands half a kilometre beside the road, `fault` drives with a fault bit.
pub(crate) fn drive(start: &str, text: &str, step: Span) -> Vec<Fix> {
    let mut fixes = Vec::new();
    let mut time = moment(start);
    let mut driven_m = 0.0;
    let mut last = None;
    for part in text.split(", ") {
        let (what, long) = part.split_once(' ').unwrap();
        let (what, kmh) = what.split_once('@').unwrap_or((what, "60"));
        let stands = matches!(what, "stand" | "park");
        let kmh: u16 = if stands { 0 } else { kmh.parse().unwrap() };
        let beside_udeg = if matches!(what, "astray" | "park") {
            5000
        } else {
            0
        };
        let end = time + length(long);
        if what == "gone" {
            driven_m += f64::from(kmh) / 3.6 * end.since(time).seconds();
            time = end;
            continue;
        }
        while time < end {
            let mut fix = fix(time, kmh, place(driven_m));
            fix.position.lon_udeg += beside_udeg;
            fix.alarm = if what == "fault" { 1 << 4 } else { 0 };
            fixes.push(fix);
            let next = (time + step).min(end);
            driven_m += f64::from(kmh) / 3.6 * next.since(time).seconds();
            time = next;
        }
        last = Some(beside_udeg);
    }
    let mut end = fix(time, 0, place(driven_m));
    end.position.lon_udeg += last.unwrap_or_default();
    fixes.push(end);
    fixes
}

/// The common road as a planned route.
pub(crate) fn road(limit_kmh: u16, road: RoadKind) -> Route {
    let at = |lat| Position::from_degrees(lat, LON).unwrap();
    Route {
        id: "R1".to_owned(),
        name: "meridian".to_owned(),
        half_width_m: 100.0,
        line: vec![at(SOUTH), at(28.2), at(28.3), at(NORTH)],
        stops: Vec::new(),
        limit: Some(Speed::from_whole_kmh(limit_kmh)),
        road: Some(road),
    }
}

/// A vehicle and all that decides its verdicts.
pub(crate) struct Scene {
    pub(crate) rules: RuleSet,
    pub(crate) profile: VehicleProfile,
    routes: CorridorIndex,
    areas: AreaIndex,
    roads: Option<RoadMap>,
}

impl Scene {
    /// A vehicle of 45 seats under the default rules, without routes and areas.
    pub(crate) fn of(class: VehicleClass) -> Self {
        let mut profile = VehicleProfile::of_class(class);
        profile.seats = Some(45);
        Self {
            rules: rules(),
            profile,
            routes: CorridorIndex::default(),
            areas: AreaIndex::default(),
            roads: None,
        }
    }

    /// The same, always on this route.
    pub(crate) fn on(mut self, route: Route) -> Self {
        self.routes = CorridorIndex::new(vec![route]);
        self.profile.routes = vec![RouteValidity {
            route: self.routes.find("R1").unwrap(),
            from: None,
            to: None,
        }];
        self
    }

    /// The same with a road map.
    pub(crate) fn with_roads(mut self, roads: RoadMap) -> Self {
        self.roads = Some(roads);
        self
    }

    /// The road map.
    pub(crate) fn roads(&self) -> Option<&RoadMap> {
        self.roads.as_ref()
    }

    /// The same with areas.
    pub(crate) fn with_areas(mut self, areas: Vec<Area>) -> Self {
        self.areas = AreaIndex::new(areas);
        self
    }

    /// The same under the default rules with more text after them.
    pub(crate) fn under(mut self, overlays: &str) -> Self {
        let text = format!("{}\n{overlays}", rulebook::default_document());
        self.rules = rulebook::parse(&text).unwrap();
        self
    }

    /// The same in a region.
    pub(crate) fn in_region(mut self, code: &str) -> Self {
        self.profile.region = code.parse().ok();
        self
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            rules: &self.rules,
            profile: &self.profile,
            routes: &self.routes,
            areas: &self.areas,
            roads: self.roads.as_ref(),
        }
    }

    /// What the rules say of these fixes.
    pub(crate) fn judge(&self, fixes: &[Fix]) -> Vec<Violation> {
        judge_track(&self.context(), fixes)
    }

    /// What the rules say of a drive with a fix every ten seconds, as text.
    pub(crate) fn lines(&self, start: &str, text: &str) -> Vec<String> {
        lines(&self.judge(&drive(start, text, Span::from_seconds(10))))
    }
}

/// Judges fixes of a vehicle of 45 seats; on a route where one is given.
pub(crate) fn judge(
    rules: &RuleSet,
    class: VehicleClass,
    route: Option<Route>,
    fixes: &[Fix],
) -> Vec<Violation> {
    let mut scene = Scene::of(class);
    scene.rules = rules.clone();
    match route {
        Some(route) => scene.on(route).judge(fixes),
        None => scene.judge(fixes),
    }
}

/// An area across the common road, from one distance from its beginning to another.
pub(crate) fn area_across(id: &str, kind: AreaKind, from_m: f64, to_m: f64) -> Area {
    let corner = |along_m: f64, beside_udeg: i32| {
        let here = Position::from_degrees(SOUTH + along_m / DEGREE_M, LON).unwrap();
        Position {
            lon_udeg: here.lon_udeg + beside_udeg,
            ..here
        }
    };
    let ring = vec![
        corner(from_m, -2000),
        corner(from_m, 2000),
        corner(to_m, 2000),
        corner(to_m, -2000),
        corner(from_m, -2000),
    ];
    Area {
        id: id.to_owned(),
        name: id.to_owned(),
        kind,
        limit: None,
        hours: None,
        classes: None,
        polygons: vec![vec![ring]],
    }
}

/// What the pieces of one vehicle come to while they are told.
#[derive(Default)]
pub(crate) struct Drivers(BTreeMap<Subject, Counters>);

impl Drivers {
    /// Replaces the pieces in `out` by what they come to.
    pub(crate) fn take(&mut self, context: &Context<'_>, out: &mut Vec<Transition>) {
        for transition in std::mem::take(out) {
            let Transition::Piece(piece) = transition else {
                out.push(transition);
                continue;
            };
            let counters = self.0.entry(piece.subject);
            counters
                .or_insert_with(|| Counters::new(piece.subject))
                .handle_piece(context, &piece, out)
                .expect("the pieces of one vehicle are in order");
        }
    }

    /// The counters of a subject.
    pub(crate) fn of(&self, subject: Subject) -> &Counters {
        &self.0[&subject]
    }
}

/// A violation on one line: `kind from..to severity points basis | what only this kind says`.
pub(crate) fn line(violation: &Violation) -> String {
    let zone = rules().zone;
    let clock = |time: Timestamp| {
        time.to_utc()
            .with_timezone(&zone.tz())
            .format("%m-%d %H:%M:%S")
            .to_string()
    };
    let end = violation.ended_at.map_or("open".to_owned(), clock);
    let points = violation
        .points
        .map_or("-".to_owned(), |points| points.to_string());
    let basis = violation.points_basis.map_or("-", |basis| basis.name());
    let details = match &violation.details {
        Details::Speeding => {
            let limit = violation.limit.as_ref().unwrap();
            format!(
                "{} over {}/{} {}{} at +{:.2}%/+{:.2}% x{}",
                violation.peak.speed.kmh(),
                limit.monitor.kmh(),
                limit.legal.kmh(),
                limit.source,
                limit
                    .reference
                    .as_ref()
                    .map_or(String::new(), |name| format!(" {name}")),
                violation.excess_ratio * 100.0,
                violation.legal_excess_ratio * 100.0,
                violation.evidence.fixes,
            )
        }
        Details::Fatigue { driving, limit, .. } => {
            format!("{} of {} min", driving.minutes(), limit.minutes())
        }
        Details::RouteDeviation {
            route_id,
            max_distance_m,
        } => format!("{route_id} by {max_distance_m:.0} m"),
        Details::OfflineMovement { distance_m } => format!("{distance_m:.0} m"),
        Details::TerminalAlarm {
            alarm,
            measured,
            allowed,
            fine_cny,
            ..
        } => {
            let number = |number: &Option<f64>| number.map_or("-".to_owned(), |n| n.to_string());
            let fine = fine_cny.map_or(String::new(), |(low, high)| format!(" CNY {low}-{high}"));
            format!("{alarm} {}/{}{fine}", number(measured), number(allowed))
        }
        Details::NightBan {
            line_km,
            major_hazard,
        } => {
            let line = line_km.map_or("?".to_owned(), |km| km.to_string());
            let hazard = if *major_hazard { ", major hazard" } else { "" };
            format!("line of {line} km{hazard}")
        }
        Details::Area { area_id, .. } => area_id.clone(),
        Details::UnplannedStop {
            route_id,
            distance_m,
        } => format!("{route_id} {distance_m:.0} m from a stop"),
        Details::None => String::new(),
    };
    format!(
        "{} {}..{end} {} {points} {basis} | {details}",
        violation.kind,
        clock(violation.started_at),
        violation.severity,
    )
}

/// All lines.
pub(crate) fn lines(violations: &[Violation]) -> Vec<String> {
    violations.iter().map(line).collect()
}
