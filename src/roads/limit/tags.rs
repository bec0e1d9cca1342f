//! Posted limits as the tags of a way say them.
//!
//! Source: the tagging of OpenStreetMap: `maxspeed` with the suffixes for direction, vehicle and
//! condition. What is no limit posts nothing and is counted; a sign whose number the map does not say
//! leaves the limit unknown. An accusation must hold whichever reading is meant: a limit of which it is not known whether it holds can raise what else holds,
//! and never lower it.

use crate::model::{Speed, VehicleClass};

use super::hours::{self, WeekTime, Window};

/// All that is posted on a way, in a fixed order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaggedLimits {
    /// The limits.
    pub limits: Vec<TaggedLimit>,
}

/// One posted limit with those for whom it holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaggedLimit {
    /// Direction of travel.
    pub direction: Direction,
    /// Vehicles.
    pub who: Who,
    /// Hours; empty for always.
    pub hours: Vec<Window>,
    /// The limit.
    pub value: Value,
    /// It is not known whether it holds, as of `80 @ (dry)`: it holds where it is the higher one.
    pub only_raises: bool,
}

impl TaggedLimit {
    fn holds(&self, backward: bool, class: Option<VehicleClass>, at: Option<WeekTime>) -> bool {
        let in_hours = |at: WeekTime| self.hours.iter().any(|window| window.contains(at));
        self.direction.holds(backward)
            && self.who.holds(class)
            && (self.hours.is_empty() || at.is_some_and(in_hours))
    }
}

/// Direction for which a limit is posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Direction {
    /// Both.
    Both = 0,
    /// In the order of the way's nodes.
    Forward = 1,
    /// Against it.
    Backward = 2,
}

impl Direction {
    /// Whether it holds for travel in that direction.
    pub fn holds(self, backward: bool) -> bool {
        match self {
            Self::Both => true,
            Self::Forward => !backward,
            Self::Backward => backward,
        }
    }
}

/// Vehicles for which a limit is posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Who {
    /// All.
    All = 0,
    /// Buses and coaches.
    Bus = 1,
    /// Goods vehicles.
    Goods = 2,
    /// Vehicles with dangerous goods.
    Hazmat = 3,
}

impl Who {
    /// Whether it holds for a class; without a class only what is posted for all does.
    pub fn holds(self, class: Option<VehicleClass>) -> bool {
        match self {
            Self::All => true,
            Self::Bus => class.is_some_and(VehicleClass::is_passenger),
            Self::Goods => class.is_some_and(|class| !class.is_passenger()),
            Self::Hazmat => class == Some(VehicleClass::Hazmat),
        }
    }
}

/// What a limit says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A number.
    Speed(Speed),
    /// No limit by sign.
    None,
    /// The limit of a zone, such as `CN:urban`, or of walking pace (`walk`); the rulebook has the number.
    Zone(Box<str>),
    /// A number that the map does not say, as that of a gantry.
    Unknown,
}

impl TaggedLimits {
    /// The limit by number for everyone at any hour in one direction.
    pub fn general(&self, backward: bool) -> Option<Speed> {
        match &self.find(backward, None, None)?.value {
            Value::Speed(speed) => Some(*speed),
            Value::None | Value::Zone(_) | Value::Unknown => None,
        }
    }

    /// The limit that surely holds: one for certain hours goes before one for always, then the one for the
    /// fewest vehicles, then the one for a direction, then the highest. Without a moment no hours hold.
    pub fn find(
        &self,
        backward: bool,
        class: Option<VehicleClass>,
        at: Option<WeekTime>,
    ) -> Option<&TaggedLimit> {
        self.most_exact(|limit| limit.holds(backward, class, at))
    }

    /// As [`Self::find`], among the limits that name vehicles.
    pub fn find_named(
        &self,
        backward: bool,
        class: Option<VehicleClass>,
        at: Option<WeekTime>,
    ) -> Option<&TaggedLimit> {
        self.most_exact(|limit| limit.who != Who::All && limit.holds(backward, class, at))
    }

    fn most_exact(&self, holds: impl Fn(&TaggedLimit) -> bool) -> Option<&TaggedLimit> {
        let rank = |limit: &&TaggedLimit| {
            (
                !limit.hours.is_empty(),
                limit.who,
                limit.direction != Direction::Both,
            )
        };
        self.limits
            .iter()
            .filter(|limit| !limit.only_raises && holds(limit))
            .max_by(|a, b| (rank(a), &a.value).cmp(&(rank(b), &b.value)))
    }

    /// The limits that may hold besides, where they are higher.
    pub fn raising(
        &self,
        backward: bool,
        class: Option<VehicleClass>,
        at: Option<WeekTime>,
    ) -> impl Iterator<Item = &TaggedLimit> {
        self.limits
            .iter()
            .filter(move |limit| limit.only_raises && limit.holds(backward, class, at))
    }

    /// Whether nothing is posted.
    pub fn is_empty(&self) -> bool {
        self.limits.is_empty()
    }
}

/// The limits of a way, and how many values could not be understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadLimits {
    /// What was understood.
    pub limits: TaggedLimits,
    /// Values that are no limit, such as `fast`.
    pub bad: u32,
}

/// Reads all tags of a way that speak of limits.
pub fn read<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> ReadLimits {
    let mut found = ReadLimits::default();
    let mut zones = Vec::new();
    for (key, value) in tags {
        match key {
            "source:maxspeed" | "maxspeed:type" | "zone:maxspeed" | "zone:traffic" => {
                zones.extend(zone_value(&plain(value), key == "zone:maxspeed"));
            }
            _ => {
                if let Some(subject) = Subject::of(key) {
                    subject.read(&plain(value), &mut found);
                }
            }
        }
    }
    let limits = &mut found.limits.limits;
    let is_general =
        |limit: &TaggedLimit| limit.who == Who::All && limit.hours.is_empty() && !limit.only_raises;
    // A number says more than a name.
    let zone = zones
        .into_iter()
        .max_by_key(|zone| (!is_zone(zone), zone.clone()));
    if let Some(value) = zone
        && !limits.iter().any(is_general)
    {
        limits.push(Subject::default().limit(value));
    }
    // The order must not depend on the order of the tags.
    limits.sort();
    limits.dedup();
    found
}

/// A value in small ASCII letters and signs: some are typed in capitals, or as wide as Chinese characters.
fn plain(value: &str) -> String {
    let narrow = |c: char| match u32::from(c) {
        0x3000 => ' ',
        wide @ 0xFF01..=0xFF5E => char::from_u32(wide - 0xFEE0).unwrap_or(c),
        _ => c,
    };
    value
        .chars()
        .map(narrow)
        .collect::<String>()
        .to_ascii_lowercase()
}

/// Names of vehicles that may be ours, and may be others.
const MAYBE_OURS: [(&str, Who); 13] = [
    ("vehicle", Who::All),
    ("motor_vehicle", Who::All),
    ("minibus", Who::Bus),
    ("bus_articulated", Who::Bus),
    ("share_taxi", Who::Bus),
    // Light ones, by the map's own definition.
    ("goods", Who::Goods),
    ("hgv_articulated", Who::Goods),
    ("hgv_rigid", Who::Goods),
    ("articulated", Who::Goods),
    ("trailer", Who::Goods),
    ("hgv_trailer", Who::Goods),
    ("lorry", Who::Goods),
    ("truck", Who::Goods),
];

/// For whom a key speaks.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a suffix is there or is not, each by itself"
)]
struct Subject {
    direction: Direction,
    who: Who,
    conditional: bool,
    lanes: bool,
    /// Whether it may be for these vehicles or for others.
    only_raises: bool,
    /// Whether a gantry shows the limit.
    variable: bool,
}

impl Default for Subject {
    fn default() -> Self {
        Self {
            direction: Direction::Both,
            who: Who::All,
            conditional: false,
            lanes: false,
            only_raises: false,
            variable: false,
        }
    }
}

impl Subject {
    /// `None` for a key that posts no limit for vehicles of ours.
    fn of(key: &str) -> Option<Self> {
        let suffixes = match key.strip_prefix("maxspeed")? {
            "" => return Some(Self::default()),
            rest => rest.strip_prefix(':')?,
        };
        let mut subject = Self::default();
        for suffix in suffixes.split(':') {
            match suffix {
                "forward" => subject.direction = Direction::Forward,
                "backward" => subject.direction = Direction::Backward,
                "bus" | "coach" | "tourist_bus" | "psv" => subject.who = Who::Bus,
                "hgv" => subject.who = Who::Goods,
                "hazmat" => subject.who = Who::Hazmat,
                "conditional" => subject.conditional = true,
                "lanes" => subject.lanes = true,
                "variable" => subject.variable = true,
                // The highest that a gantry shows.
                "max" if subject.variable => {
                    subject.variable = false;
                    subject.only_raises = true;
                }
                _ => {
                    let known = MAYBE_OURS.iter().find(|(name, _)| *name == suffix)?;
                    subject.who = known.1;
                    subject.only_raises = true;
                }
            }
        }
        Some(subject)
    }

    fn limit(self, value: Value) -> TaggedLimit {
        TaggedLimit {
            direction: self.direction,
            who: self.who,
            hours: Vec::new(),
            value,
            only_raises: self.only_raises,
        }
    }

    fn doubtful(self, value: Value) -> TaggedLimit {
        TaggedLimit {
            only_raises: true,
            ..self.limit(value)
        }
    }

    fn read(self, value: &str, found: &mut ReadLimits) {
        if self.variable {
            // The posted number does not bind.
            if !matches!(value.trim(), "" | "no") {
                let limit = self.doubtful(Value::Unknown);
                found.limits.limits.push(limit);
            }
            return;
        }
        if self.conditional && self.lanes {
            for lane in value.split('|') {
                self.read_conditional(lane, found);
            }
            return;
        }
        if self.conditional {
            self.read_conditional(value, found);
            return;
        }
        // Lanes are told apart by `|`, also where the key does not say that it speaks of lanes.
        let (highest, bad) = highest(value.split(['|', ';']));
        found.bad += bad;
        let limit = highest.map(|value| self.limit(value));
        found.limits.limits.extend(limit);
    }

    /// `60 @ (22:00-06:00); 80 @ (wet)`.
    fn read_conditional(self, text: &str, found: &mut ReadLimits) {
        for clause in clauses(text) {
            let (value, condition) = match clause.split_once('@') {
                Some((value, condition)) => (value, condition.trim()),
                // A lane for which the limit is always the same.
                None if self.lanes => (clause, ""),
                None => {
                    found.bad += 1;
                    continue;
                }
            };
            match parse_value(value) {
                Parsed::Value(value) => found.limits.limits.extend(self.under(value, condition)),
                Parsed::Nothing => {}
                Parsed::Bad => found.bad += 1,
            }
        }
    }

    /// A limit under a condition: surely and maybe.
    fn under(self, value: Value, condition: &str) -> Vec<TaggedLimit> {
        let inner = condition
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'));
        // A condition by lane says which lane only, which no fix can tell.
        let hours = hours::parse(inner.unwrap_or(condition)).filter(|_| !self.lanes);
        let Some(hours) = hours else {
            return vec![self.doubtful(value)];
        };
        let mut limits = Vec::new();
        if !hours.maybe.is_empty() {
            limits.push(TaggedLimit {
                hours: hours.maybe,
                ..self.doubtful(value.clone())
            });
        }
        if !hours.sure.is_empty() {
            limits.push(TaggedLimit {
                hours: hours.sure,
                ..self.limit(value)
            });
        }
        limits
    }
}

/// The parts between semicolons that stand outside brackets.
fn clauses(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ';' && depth == 0
    })
    .map(str::trim)
    .filter(|clause| !clause.is_empty())
}

/// Of several values the highest: an accusation must hold whichever of them is meant.
///
/// Which is the highest of zones and of a number only the rulebook knows: then the limit is not known.
fn highest<'a>(texts: impl Iterator<Item = &'a str>) -> (Option<Value>, u32) {
    let mut values: Vec<Value> = Vec::new();
    let mut bad = 0;
    for text in texts.filter(|text| !text.trim().is_empty()) {
        match parse_value(text) {
            Parsed::Value(value) => values.push(value),
            Parsed::Nothing => {}
            Parsed::Bad => bad += 1,
        }
    }
    values.sort();
    values.dedup();
    if values.len() > 1 {
        values.retain(|value| *value != walking_pace());
    }
    if values.contains(&Value::None) {
        return (Some(Value::None), bad);
    }
    // A number that is not said may be the highest.
    if values.contains(&Value::Unknown) {
        return (Some(Value::Unknown), bad);
    }
    if values.len() > 1 && values.iter().any(is_zone) {
        return (Some(Value::Unknown), bad + 1);
    }
    (values.pop(), bad)
}

const fn is_zone(value: &Value) -> bool {
    matches!(value, Value::Zone(_))
}

/// Lower than any number that is posted.
fn walking_pace() -> Value {
    Value::Zone(Box::from("walk"))
}

/// What one value says.
enum Parsed {
    /// A limit.
    Value(Value),
    /// That no sign is known.
    Nothing,
    /// No limit.
    Bad,
}

/// Limits outside this range are mistakes. Unit: km/h.
const KMH: std::ops::RangeInclusive<f64> = 1.0..=300.0;

fn parse_value(text: &str) -> Parsed {
    let text = text.trim();
    match text {
        "none" => return Parsed::Value(Value::None),
        "walk" => return Parsed::Value(walking_pace()),
        // There is a sign, or none may be needed.
        "signals" | "signal" | "variable" | "dynamic" | "sign" | "national" | "nsl" | "no" => {
            return Parsed::Value(Value::Unknown);
        }
        // There is none, or nobody looked.
        "unposted" | "unsigned" | "default" | "implicit" | "unknown" | "fixme" => {
            return Parsed::Nothing;
        }
        _ => {}
    }
    if let Some(value) = zone_value(text, false) {
        return Parsed::Value(value);
    }
    match parse_kmh(text)
        .filter(|kmh| KMH.contains(kmh))
        .and_then(Speed::from_kmh)
    {
        Some(speed) => Parsed::Value(Value::Speed(speed)),
        None => Parsed::Bad,
    }
}

/// Units with their length in km. Source: international mile and nautical mile, exact.
const UNITS: [(&str, f64); 15] = [
    ("mph", 1.609_344),
    ("mi/h", 1.609_344),
    ("knots", 1.852),
    ("km/h", 1.0),
    ("kmh", 1.0),
    ("kph", 1.0),
    ("kmph", 1.0),
    ("km", 1.0),
    ("公里", 1.0),
    ("公里/小时", 1.0),
    ("公里/时", 1.0),
    ("公里每小时", 1.0),
    ("千米", 1.0),
    ("千米/小时", 1.0),
    ("千米/时", 1.0),
];

fn parse_kmh(text: &str) -> Option<f64> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let number: f64 = number.parse().ok()?;
    let unit = unit.trim();
    if unit.is_empty() {
        return Some(number);
    }
    let known = UNITS.iter().find(|(name, _)| *name == unit)?;
    Some(number * known.1)
}

/// Reads `cn:urban`, `de:zone:30`, `de:zone30`, `zone30` and the like, and a bare number of a key for zones.
fn zone_value(text: &str, is_zone: bool) -> Option<Value> {
    let text = text.trim();
    let (country, zone) = match text.split_once(':') {
        Some((country, zone)) if is_country(country) => (country, zone),
        Some(_) => return None,
        None => ("", text),
    };
    let number = zone
        .strip_prefix("zone")
        .map_or(zone, |rest| rest.trim_start_matches(':'));
    if let Some(kmh) = parse_kmh(number).filter(|kmh| KMH.contains(kmh)) {
        // A bare number without a country is no zone.
        let is_zone = is_zone || !country.is_empty() || zone.starts_with("zone");
        return Speed::from_kmh(kmh).filter(|_| is_zone).map(Value::Speed);
    }
    let named = !zone.is_empty() && zone.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    (named && !country.is_empty())
        .then(|| Value::Zone(format!("{}:{zone}", country.to_ascii_uppercase()).into()))
}

/// `CN`, `de`, `BE-VLG`.
fn is_country(text: &str) -> bool {
    let (country, part) = text.split_once('-').unwrap_or((text, ""));
    country.len() == 2
        && country
            .bytes()
            .chain(part.bytes())
            .all(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The limits of tags `key=value`, one a line of words `direction who hours value`.
    fn check(tags: &[&str], expected: &[&str], bad: u32) {
        let pairs = tags.iter().map(|tag| tag.split_once('=').unwrap());
        let found = read(pairs);
        let told = |limit: &TaggedLimit| {
            let value = match &limit.value {
                Value::Speed(speed) => speed.kmh().to_string(),
                Value::None => "none".to_owned(),
                Value::Zone(zone) => zone.to_string(),
                Value::Unknown => "unknown".to_owned(),
            };
            let doubt = if limit.only_raises { "?" } else { "" };
            format!(
                "{:?} {:?} {} {value}{doubt}",
                limit.direction,
                limit.who,
                limit.hours.len()
            )
        };
        let limits: Vec<String> = found.limits.limits.iter().map(told).collect();
        assert_eq!(limits, expected, "{tags:?}");
        assert_eq!(found.bad, bad, "{tags:?}");
    }

    /// One value of `maxspeed`, and the limit that it posts.
    fn check_values(rows: &[(&str, &str)]) {
        for (value, expected) in rows {
            let posted = format!("Both All 0 {expected}");
            check(&[&format!("maxspeed={value}")], &[&posted], 0);
        }
    }

    #[test]
    fn units_are_exact() {
        check_values(&[
            ("50", "50"),
            (" 50 ", "50"),
            ("60.5", "60.5"),
            ("35 mph", "56.327"),
            ("35mph", "56.327"),
            ("35 MPH", "56.327"),
            ("70 mph", "112.654"),
            ("10 knots", "18.52"),
            ("60 km/h", "60"),
            ("60km/h", "60"),
            ("60 kph", "60"),
            ("60公里", "60"),
            ("60 公里/小时", "60"),
            ("６０", "60"),
            ("６０　ｋｍ／ｈ", "60"),
            ("60 kmh", "60"),
            ("60kmph", "60"),
            ("60 km", "60"),
            ("60公里／小时", "60"),
            ("60千米/小时", "60"),
            ("\u{a0}60\u{a0}km/h ", "60"),
            ("\t60\n", "60"),
            ("60.0", "60"),
            ("20mph", "32.187"),
            ("1", "1"),
            ("300", "300"),
        ]);
    }

    #[test]
    fn words_and_zones() {
        check_values(&[
            ("none", "none"),
            ("None", "none"),
            ("walk", "walk"),
            ("CN:urban", "CN:urban"),
            ("CN：urban", "CN:urban"),
            ("cn:Urban", "CN:urban"),
            ("CN:motorway", "CN:motorway"),
            ("de:rural", "DE:rural"),
            ("BE-VLG:rural", "BE-VLG:rural"),
            ("DE:zone:30", "30"),
            ("FR:zone30", "30"),
            ("zone30", "30"),
            ("CN:30", "30"),
            ("GB:nsl_single", "GB:nsl_single"),
        ]);
    }

    #[test]
    fn a_zone_holds_where_nothing_is_posted() {
        check(&["maxspeed:type=CN:rural"], &["Both All 0 CN:rural"], 0);
        check(&["zone:traffic=CN:urban"], &["Both All 0 CN:urban"], 0);
        check(&["zone:maxspeed=DE:30"], &["Both All 0 30"], 0);
        check(&["zone:maxspeed=30"], &["Both All 0 30"], 0);
        check(&["source:maxspeed=survey"], &[], 0);
        check(&["maxspeed:type=sign"], &[], 0);
        check(
            &["maxspeed=60", "source:maxspeed=CN:urban"],
            &["Both All 0 60"],
            0,
        );
        check(
            &["maxspeed=40", "source:maxspeed=sign"],
            &["Both All 0 40"],
            0,
        );
        // Whichever stands first.
        let both = ["zone:traffic=CN:urban", "zone:maxspeed=CN:30"];
        check(&both, &["Both All 0 30"], 0);
        check(&[both[1], both[0]], &["Both All 0 30"], 0);
        check(
            &["maxspeed:hgv=50", "source:maxspeed=CN:rural"],
            &["Both All 0 CN:rural", "Both Goods 0 50"],
            0,
        );
    }

    #[test]
    fn of_several_values_the_highest_counts() {
        check_values(&[
            ("50;60", "60"),
            ("60; 50", "60"),
            ("60；50", "60"),
            ("60|80", "80"),
            ("100;80 mph", "128.748"),
            ("80;none", "none"),
            ("walk;20", "20"),
            ("60;signals", "unknown"),
            ("CN:urban;signals", "unknown"),
            ("none;signals", "none"),
            ("60;", "60"),
        ]);
        check(&["maxspeed=60;fast"], &["Both All 0 60"], 1);
        // Which of them is higher depends on the rulebook.
        check(&["maxspeed=CN:urban;80"], &["Both All 0 unknown"], 1);
        check(&["maxspeed:lanes=100|100|80"], &["Both All 0 100"], 0);
        check(&["maxspeed:lanes=||80"], &["Both All 0 80"], 0);
        check(&["maxspeed:lanes=100;80|60"], &["Both All 0 100"], 0);
        check(&["maxspeed:lanes=none|80"], &["Both All 0 none"], 0);
        check(&["maxspeed:lanes=||"], &[], 0);
        check(
            &["maxspeed:lanes:forward=60|80", "maxspeed:backward:lanes=50"],
            &["Forward All 0 80", "Backward All 0 50"],
            0,
        );
        check(&["maxspeed:hgv:lanes=80|60"], &["Both Goods 0 80"], 0);
    }

    #[test]
    fn directions_vehicles_and_hours() {
        check(
            &["maxspeed:forward=60", "maxspeed:backward=80"],
            &["Forward All 0 60", "Backward All 0 80"],
            0,
        );
        check(
            &[
                "maxspeed=100",
                "maxspeed:hgv=80",
                "maxspeed:bus=90",
                "maxspeed:hazmat=60",
            ],
            &[
                "Both All 0 100",
                "Both Bus 0 90",
                "Both Goods 0 80",
                "Both Hazmat 0 60",
            ],
            0,
        );
        check(
            &[
                "maxspeed=80",
                "maxspeed:conditional=60 @ (22:00-06:00); 40 @ (wet)",
            ],
            &["Both All 0 40?", "Both All 0 80", "Both All 1 60"],
            0,
        );
        check(
            &["maxspeed:hgv:conditional=50 @ (Mo-Fr 22:00-06:00; Sa,Su 20:00-08:00)"],
            &["Both Goods 2 50"],
            0,
        );
        for key in ["maxspeed:hgv:forward", "maxspeed:forward:hgv"] {
            check(&[&format!("{key}=50")], &["Forward Goods 0 50"], 0);
        }
        check(&["maxspeed:coach=90"], &["Both Bus 0 90"], 0);
        check(&["maxspeed:psv=90"], &["Both Bus 0 90"], 0);
        // It may be ours.
        for key in ["trailer", "goods", "hgv_articulated"] {
            check(&[&format!("maxspeed:{key}=50")], &["Both Goods 0 50?"], 0);
        }
        // For vehicles that are none of ours.
        for key in ["motorcar", "motorcycle", "advisory", "practical"] {
            check(&[&format!("maxspeed:{key}=50")], &[], 0);
        }
    }

    #[test]
    fn of_conditions_only_hours_are_known() {
        let conditional = |value: &str, expected: &[&str], bad| {
            check(&[&format!("maxspeed:conditional={value}")], expected, bad);
        };
        conditional("60 @ (22:00-06:00)", &["Both All 1 60"], 0);
        conditional("60@22:00-06:00", &["Both All 1 60"], 0);
        conditional("６０＠（22：00－06：00）", &["Both All 1 60"], 0);
        conditional("none @ (22:00-06:00)", &["Both All 1 none"], 0);
        conditional("35 mph @ (Mo-Fr 07:00-09:00)", &["Both All 1 56.327"], 0);
        conditional("60 @ (Sa,Su)", &["Both All 1 60"], 0);
        for unknown in [
            "wet",
            "snow",
            "weight>7.5",
            "22:00-06:00 AND wet",
            "wet AND 22:00-06:00",
            "dry",
            "(hgv AND 06:00-22:00)",
            "hgv AND 06:00-22:00",
            "Mar-Oct",
            "sunset-sunrise",
            "length>12",
        ] {
            let told = ["Both All 0 40?"];
            conditional(&format!("40 @ ({unknown})"), &told, 0);
        }
        conditional(
            "40 @ wet; 60 @ (22:00-06:00; PH off); 50 @ (Sa)",
            &["Both All 0 40?", "Both All 1 50", "Both All 1 60?"],
            0,
        );
        conditional("60 @ 24/7", &["Both All 1 60"], 0);
        conditional("60 @ (PH)", &["Both All 1 60?"], 0);
        conditional(
            "none @ (20:00-06:00; PH)",
            &["Both All 1 none?", "Both All 1 none"],
            0,
        );
        conditional("fast @ (22:00-06:00)", &[], 1);
        conditional("60", &[], 1);
        check(
            &["maxspeed:lanes:conditional=60|50 @ (22:00-06:00)"],
            &["Both All 0 50?", "Both All 0 60?"],
            0,
        );
    }

    #[test]
    fn what_a_gantry_shows_is_not_known() {
        check(&["maxspeed:variable=yes"], &["Both All 0 unknown?"], 0);
        check(
            &["maxspeed:variable:forward=peak_traffic"],
            &["Forward All 0 unknown?"],
            0,
        );
        check(&["maxspeed:variable=no"], &[], 0);
        check(&["maxspeed:variable:max=100"], &["Both All 0 100?"], 0);
        check(&["maxspeed:variable:min=40"], &[], 0);
    }

    #[test]
    fn a_sign_whose_number_is_not_said_leaves_the_limit_unknown() {
        check_values(&[
            ("signals", "unknown"),
            ("Signals", "unknown"),
            ("variable", "unknown"),
            ("sign", "unknown"),
            ("national", "unknown"),
            ("no", "unknown"),
        ]);
        let other = "source:maxspeed=CN:urban";
        check(&["maxspeed=signals", other], &["Both All 0 unknown"], 0);
        check(
            &["maxspeed=signals", "maxspeed:hgv=80"],
            &["Both All 0 unknown", "Both Goods 0 80"],
            0,
        );
        check(&["maxspeed:lanes=100|signals"], &["Both All 0 unknown"], 0);
        check(
            &[
                "maxspeed=100",
                "maxspeed:conditional=signals @ (06:00-22:00)",
            ],
            &["Both All 0 100", "Both All 1 unknown"],
            0,
        );
        // There is no sign, or nobody looked.
        for value in ["unposted", "implicit", "default", "unknown", "fixme", ""] {
            check(&[&format!("maxspeed={value}")], &[], 0);
        }
    }

    #[test]
    fn what_is_no_limit_is_counted_and_posts_nothing() {
        for value in [
            "fast",
            "999",
            "301",
            "-50",
            "+50",
            "50 bananas",
            "0",
            "0.5",
            "5O",
            "RU:",
            "mph",
            "60,5",
            "1e2",
            "5.0.1",
            ".",
            "nan",
            "inf",
            "六十",
            "50-60",
            "50/60",
            "50,60",
            "~50",
            "<50",
            "ca. 50",
            "50?",
            "urban",
            "5 0",
        ] {
            check(&[&format!("maxspeed={value}")], &[], 1);
        }
        check(&["maxspeed="], &[], 0);
        check(
            &["maxspeed=60", "maxspeed:advisory=40", "maxspeed:foo=7"],
            &["Both All 0 60"],
            0,
        );
    }

    #[test]
    fn the_most_specific_limit_holds() {
        let tags = [
            ("maxspeed", "100"),
            ("maxspeed:backward", "90"),
            ("maxspeed:hgv", "80"),
            ("maxspeed:conditional", "60 @ (22:00-06:00)"),
        ];
        let limits = read(tags).limits;
        let zone = crate::model::LocalZone::default();
        let at = |text: &str| {
            let time = crate::model::Timestamp::from_rfc3339(text).unwrap();
            Some(WeekTime::of(&zone, time))
        };
        let noon = at("2026-11-23T12:00:00+08:00");
        let night = at("2026-11-23T23:00:00+08:00");
        let truck = Some(VehicleClass::HeavyTruck);
        let coach = Some(VehicleClass::TouristCoach);
        let found =
            |backward, class, at| match limits.find(backward, class, at).map(|one| &one.value) {
                Some(Value::Speed(speed)) => speed.mkmh() / 1000,
                _ => 0,
            };
        assert_eq!(found(false, coach, noon), 100);
        assert_eq!(found(true, coach, noon), 90);
        assert_eq!(found(true, truck, noon), 80);
        assert_eq!(found(true, truck, night), 60);
        assert_eq!(limits.general(true), Some(Speed::from_whole_kmh(90)));
    }
}
