//! Which limit holds on a road: set by the operator, posted, or by default.
//!
//! The operator's override goes before what the map posts, and that before the default of the
//! rulebook (regulations 4.1) for a road of that kind without a sign; one for all classes does not
//! lift what is posted for the class. The cap of the vehicle's class
//! is not of the road: `detect` lays it over. Every limit says where it came from.
//!
//! Start reading at [`posted_or_default`]; [`tags`] says what maps post, [`overrides`] what the
//! operator sets.

pub mod hours;
pub mod overrides;
pub mod tags;

use crate::model::route::RoadKind;
use crate::model::rules::RoadRules;
use crate::model::vehicle::named_enum;
use crate::model::{Speed, VehicleClass};

use super::network::{Way, WayFlags};
use hours::WeekTime;
use tags::{TaggedLimit, TaggedLimits, Value, Who};

named_enum! {
    /// Where the limit of a road came from.
    LimitOrigin {
        /// The map posts it.
        Tag = "tag",
        /// The operator set it.
        Override = "override",
        /// The rulebook's limit of such roads without a sign.
        ClassDefault = "class_default",
    }
}

/// The limit of a road.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoadLimit {
    /// The limit; `None` where the road has none of its own.
    pub speed: Option<Speed>,
    /// Where that came from; `None` where nothing is known.
    pub origin: Option<LimitOrigin>,
}

impl RoadLimit {
    /// Nothing is known.
    const UNKNOWN: Self = Self {
        speed: None,
        origin: None,
    };

    pub(super) const fn of(speed: Speed, origin: LimitOrigin) -> Self {
        Self {
            speed: Some(speed),
            origin: Some(origin),
        }
    }
}

/// The limit that the map posts on a way in one direction, or else the default of such roads.
///
/// Without a class only what is posted for all vehicles holds, without a moment no hours.
pub fn posted_or_default(
    rules: &RoadRules,
    way: &Way,
    posted: &TaggedLimits,
    backward: bool,
    class: Option<VehicleClass>,
    at: Option<WeekTime>,
) -> RoadLimit {
    let sure = posted.find(backward, class, at).map_or_else(
        || by_default(rules, way),
        |limit| said(rules, way, &limit.value),
    );
    // An accusation must hold whichever reading is meant: what may hold besides can only raise.
    posted
        .raising(backward, class, at)
        .fold(sure, |limit, raising| {
            let Some(least) = limit.speed else {
                return limit;
            };
            let other = said(rules, way, &raising.value);
            if other.speed.is_none_or(|speed| speed > least) {
                other
            } else {
                limit
            }
        })
}

/// The limit that a posted value means on a way.
fn said(rules: &RoadRules, way: &Way, value: &Value) -> RoadLimit {
    match value {
        Value::Speed(speed) => RoadLimit::of(*speed, LimitOrigin::Tag),
        Value::None => RoadLimit {
            speed: None,
            origin: Some(LimitOrigin::Tag),
        },
        // The map says that there is a limit: where its number is not known, the default is not it.
        Value::Zone(zone) => zone_limit(rules, way, zone).map_or(RoadLimit::UNKNOWN, |speed| {
            RoadLimit::of(speed, zone_origin(way, zone))
        }),
        Value::Unknown => RoadLimit::UNKNOWN,
    }
}

/// The number that the map posts on a way in one direction for the class by name, and not for all.
///
/// An accusation must hold whichever reading is meant: what may hold besides for the class by name can
/// raise it, and `None` where what holds or may hold for all is higher.
pub(super) fn posted_for_class(
    rules: &RoadRules,
    way: &Way,
    posted: &TaggedLimits,
    backward: bool,
    class: Option<VehicleClass>,
    at: Option<WeekTime>,
) -> Option<Speed> {
    let number = |limit: &TaggedLimit| match &limit.value {
        Value::Speed(speed) => Some(*speed),
        Value::None | Value::Unknown => None,
        Value::Zone(zone) => zone_limit(rules, way, zone),
    };
    let sure = number(posted.find_named(backward, class, at)?)?;
    let others = posted.find(backward, class, at).into_iter();
    others
        .chain(posted.raising(backward, class, at))
        .filter(|other| number(other).is_none_or(|speed| speed > sure))
        .try_fold(sure, |own, higher| match higher.who {
            Who::All => None,
            Who::Bus | Who::Goods | Who::Hazmat => number(higher).map(|speed| own.max(speed)),
        })
}

/// The lowest limit that may hold on a way in one direction for any class at any hour; `None` when
/// there may be none at all.
pub(super) fn lowest(
    rules: &RoadRules,
    way: &Way,
    posted: &TaggedLimits,
    backward: bool,
) -> Option<Speed> {
    let in_direction = || {
        posted
            .limits
            .iter()
            // What only raises another limit is never the lowest.
            .filter(|limit| !limit.only_raises && limit.direction.holds(backward))
    };
    let own = in_direction().filter_map(|limit| match &limit.value {
        Value::Speed(speed) => Some(*speed),
        Value::None | Value::Unknown => None,
        Value::Zone(zone) => zone_limit(rules, way, zone),
    });
    let for_all = |limit: &TaggedLimit| limit.who == Who::All && limit.hours.is_empty();
    let default = by_default(rules, way)
        .speed
        .filter(|_| !in_direction().any(for_all));
    own.chain(default).min()
}

/// The number of a zone that is posted by name.
fn zone_limit(rules: &RoadRules, way: &Way, zone: &str) -> Option<Speed> {
    let known = rules
        .zones
        .binary_search_by(|(name, _)| name.as_str().cmp(zone));
    if let Some((_, speed)) = known.ok().and_then(|at| rules.zones.get(at)) {
        return Some(*speed);
    }
    match zone {
        "CN:motorway" => Some(rules.defaults.expressway),
        "CN:urban" => zone_without_sign(rules, way, true),
        "CN:rural" => zone_without_sign(rules, way, false),
        _ => None,
    }
}

/// Where the number of a zone comes from: two zones have one by the width of the road, and where the map does not
/// tell that, it is taken by the class of the road, as where nothing is posted.
fn zone_origin(way: &Way, zone: &str) -> LimitOrigin {
    if way.lanes == 0 && matches!(zone, "CN:urban" | "CN:rural") {
        LimitOrigin::ClassDefault
    } else {
        LimitOrigin::Tag
    }
}

/// The limit of a way that is said to have that of its zone. Where the lanes are not known, it is that of the
/// wider road: the map says that there is a limit, and this is the higher one.
fn zone_without_sign(rules: &RoadRules, way: &Way, urban: bool) -> Option<Speed> {
    let lanes = match lanes(rules, way) {
        Lanes::Several if way.lanes == 0 => Lanes::One,
        known => known,
    };
    without_sign(rules, lanes, urban)
}

/// The rulebook's limit of a way without a sign. Source: regulations 4.1.
fn by_default(rules: &RoadRules, way: &Way) -> RoadLimit {
    let speed = match way.kind() {
        RoadKind::Expressway => Some(rules.defaults.expressway),
        RoadKind::Other => {
            let urban = way.flags.contains(WayFlags::URBAN);
            without_sign(rules, lanes(rules, way), urban)
        }
    };
    speed.map_or(RoadLimit::UNKNOWN, |speed| {
        RoadLimit::of(speed, LimitOrigin::ClassDefault)
    })
}

/// How many lanes a road has for each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lanes {
    /// No centre line.
    NoLine,
    /// One.
    One,
    /// Several, or not known.
    Several,
}

fn without_sign(rules: &RoadRules, lanes: Lanes, urban: bool) -> Option<Speed> {
    let defaults = &rules.defaults;
    Some(match (lanes, urban) {
        (Lanes::NoLine, true) => defaults.urban_no_line,
        (Lanes::NoLine, false) => defaults.highway_no_line,
        (Lanes::One, true) => defaults.urban_one_lane,
        (Lanes::One, false) => defaults.highway_one_lane,
        (Lanes::Several, _) => return None,
    })
}

fn lanes(rules: &RoadRules, way: &Way) -> Lanes {
    let oneway = way.flags.contains(WayFlags::ONEWAY);
    let no_line = rules.defaults.no_line.contains(&way.class);
    // A one-way road of a larger class is one carriageway: it has a neighbour in the other direction.
    let one = rules.defaults.one_lane.contains(&way.class) && !oneway;
    match (way.lanes, oneway) {
        (1, false) => Lanes::NoLine,
        (1, true) | (2, false) => Lanes::One,
        (0, _) if no_line => Lanes::NoLine,
        (0, _) if one => Lanes::One,
        _ => Lanes::Several,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RoadClass;
    use crate::rulebook::{default_document, parse};

    fn way(class: RoadClass, lanes: u8, flags: WayFlags) -> Way {
        Way {
            id: 1,
            class,
            lanes,
            layer: 0,
            flags,
            name: 0,
            limits: 0,
        }
    }

    /// The limit of a way with these tags, as `kmh origin`.
    fn check(way: &Way, tags: &[(&str, &str)], expected: &str) {
        let rules = parse(default_document()).unwrap().roads;
        let posted = tags::read(tags.iter().copied()).limits;
        let limit = posted_or_default(&rules, way, &posted, false, None, None);
        let speed = limit
            .speed
            .map_or("-".to_owned(), |speed| speed.kmh().to_string());
        let origin = limit.origin.map_or("-", LimitOrigin::name);
        assert_eq!(format!("{speed} {origin}"), expected, "{way:?} {tags:?}");
        let least = lowest(&rules, way, &posted, false);
        assert!(
            limit
                .speed
                .is_none_or(|speed| least.is_some_and(|least| least <= speed))
        );
    }

    #[test]
    fn roads_without_a_sign_have_the_limits_of_the_law() {
        let urban = WayFlags::URBAN;
        let none = WayFlags::default();
        check(&way(RoadClass::Motorway, 4, none), &[], "120 class_default");
        check(
            &way(RoadClass::Trunk, 0, WayFlags::EXPRESSWAY),
            &[],
            "120 class_default",
        );
        check(&way(RoadClass::Tertiary, 0, urban), &[], "50 class_default");
        check(&way(RoadClass::Tertiary, 0, none), &[], "70 class_default");
        check(&way(RoadClass::Secondary, 2, none), &[], "70 class_default");
        check(
            &way(RoadClass::Residential, 0, urban),
            &[],
            "30 class_default",
        );
        check(
            &way(RoadClass::Unclassified, 0, none),
            &[],
            "40 class_default",
        );
        check(&way(RoadClass::Primary, 1, none), &[], "40 class_default");
        check(
            &way(RoadClass::Primary, 1, WayFlags::ONEWAY),
            &[],
            "70 class_default",
        );
        check(&way(RoadClass::Secondary, 4, urban), &[], "- -");
        check(&way(RoadClass::Secondary, 0, WayFlags::ONEWAY), &[], "- -");
        check(&way(RoadClass::Trunk, 0, none), &[], "- -");
    }

    #[test]
    fn what_is_posted_goes_first() {
        let trunk = way(RoadClass::Trunk, 0, WayFlags::default());
        check(&trunk, &[("maxspeed", "35 mph")], "56.327 tag");
        check(&trunk, &[("maxspeed", "none")], "- tag");
        check(&trunk, &[("maxspeed", "DE:rural")], "100 tag");
        check(&trunk, &[("maxspeed", "XX:rural")], "- -");
        check(&trunk, &[("maxspeed", "walk")], "7 tag");
        let urban = way(RoadClass::Tertiary, 0, WayFlags::default());
        check(&urban, &[("maxspeed", "XX:rural")], "- -");
        check(&urban, &[("maxspeed", "signals")], "- -");
        check(&urban, &[("maxspeed", "unposted")], "70 class_default");
        check(&urban, &[("maxspeed", "fast")], "70 class_default");
        let motorway = way(RoadClass::Motorway, 0, WayFlags::default());
        check(&motorway, &[("maxspeed", "signals")], "- -");
        check(&motorway, &[("maxspeed", "RU:rural")], "90 tag");
        // The zone is posted, the width of the road is not known.
        check(&urban, &[("maxspeed", "CN:urban")], "50 class_default");
        check(
            &urban,
            &[("source:maxspeed", "CN:rural")],
            "70 class_default",
        );
        let lanes = |lanes| way(RoadClass::Primary, lanes, WayFlags::default());
        check(&lanes(0), &[("maxspeed", "CN:urban")], "50 class_default");
        check(&lanes(2), &[("maxspeed", "CN:urban")], "50 tag");
        check(&lanes(4), &[("maxspeed", "CN:urban")], "- -");
        check(&urban, &[("maxspeed", "CN:motorway")], "120 tag");
    }

    /// On a road of 60 km/h, the limit that a second tag leaves, by class and time.
    fn check_second(key: &str, value: &str, class: VehicleClass, at: &str, expected: &str) {
        let rules = parse(default_document()).unwrap().roads;
        let trunk = way(RoadClass::Trunk, 0, WayFlags::default());
        let posted = tags::read([("maxspeed", "60"), (key, value)]).limits;
        let time = crate::model::Timestamp::from_rfc3339(at).unwrap();
        let at = WeekTime::of(&crate::model::LocalZone::default(), time);
        let limit = posted_or_default(&rules, &trunk, &posted, false, Some(class), Some(at));
        let told = limit
            .speed
            .map_or("-".to_owned(), |speed| speed.kmh().to_string());
        assert_eq!(told, expected, "{key}={value} at {time:?}");
        let least = lowest(&rules, &trunk, &posted, false).unwrap();
        assert!(
            limit.speed.is_none_or(|speed| least <= speed),
            "{key}={value}"
        );
    }

    #[test]
    fn what_is_not_understood_raises_and_never_lowers() {
        let coach = VehicleClass::TouristCoach;
        let (friday, sunday) = ("2026-11-20T14:00:00+08:00", "2026-11-22T14:00:00+08:00");
        for (condition, on_friday, on_sunday) in [
            ("(sunrise-sunset)", "80", "80"),
            ("(Apr-Dec)", "80", "80"),
            ("(dry)", "80", "80"),
            ("24/7", "80", "80"),
            ("(Mo-Fr 07:00-19:00, Sa 08:00-12:00)", "80", "60"),
            ("(Mo-Fr 07:00-19:00; PH off)", "80", "60"),
            ("(06:00-10:00; PH)", "80", "80"),
            ("(weight>7.5)", "80", "80"),
            ("(hgv AND 06:00-22:00)", "80", "80"),
            ("(20:00-39:00)", "80", "80"),
        ] {
            let key = "maxspeed:conditional";
            let higher = format!("80 @ {condition}");
            check_second(key, &higher, coach, friday, on_friday);
            check_second(key, &higher, coach, sunday, on_sunday);
        }
        for lower in ["(dry)", "(Apr-Dec)", "(Mo-Fr 07:00-19:00; PH off)", "(PH)"] {
            let lower = format!("40 @ {lower}");
            check_second("maxspeed:conditional", &lower, coach, friday, "60");
        }
        let truck = VehicleClass::HeavyTruck;
        let hours = "80 @ (Mo-Sa 05:00-23:00, Su 07:00-20:00)";
        let lanes = "60 @ (06:00-22:00)|80";
        for (key, value, class, expected) in [
            (
                "maxspeed:conditional",
                "none @ (20:00-06:00; PH)",
                coach,
                "-",
            ),
            ("maxspeed:conditional", "CN:motorway @ (dry)", coach, "120"),
            ("maxspeed:conditional", "XX:zone @ (dry)", coach, "-"),
            ("maxspeed:backward:conditional", "80 @ (dry)", coach, "60"),
            ("maxspeed:hgv:conditional", "80 @ (dry)", coach, "60"),
            ("maxspeed:hgv:conditional", "80 @ (dry)", truck, "80"),
            ("maxspeed:bus:conditional", hours, coach, "80"),
            ("maxspeed:bus:conditional", hours, truck, "60"),
            ("maxspeed:lanes:conditional", lanes, coach, "80"),
            ("maxspeed:lanes:conditional", "40 @ (dry)|50", coach, "60"),
            ("maxspeed:variable", "yes", coach, "-"),
            ("maxspeed:variable", "no", coach, "60"),
            ("maxspeed:variable:max", "100", coach, "100"),
            ("maxspeed:variable:max", "40", coach, "60"),
            ("maxspeed:psv", "80", coach, "80"),
            ("maxspeed:psv", "80", truck, "60"),
            ("maxspeed:hgv_articulated", "80", truck, "80"),
            ("maxspeed:hgv_articulated", "80", VehicleClass::Hazmat, "80"),
            ("maxspeed:hgv_articulated", "80", coach, "60"),
            ("maxspeed:hgv_articulated", "40", truck, "60"),
        ] {
            check_second(key, value, class, friday, expected);
        }
    }

    /// What is posted for lorries by name, with `maxspeed:hgv=40` and other tags; 0 for nothing.
    fn check_own(others: &[(&str, &str)], at: &str, expected: f64) {
        let rules = parse(default_document()).unwrap().roads;
        let trunk = way(RoadClass::Trunk, 0, WayFlags::default());
        let own = [("maxspeed:hgv", "40")];
        let posted = tags::read(own.iter().chain(others).copied()).limits;
        let time = crate::model::Timestamp::from_rfc3339(at).unwrap();
        let at = WeekTime::of(&crate::model::LocalZone::default(), time);
        let class = Some(VehicleClass::HeavyTruck);
        let found = posted_for_class(&rules, &trunk, &posted, false, class, Some(at));
        let kmh = found.map_or(0.0, Speed::kmh);
        assert!((kmh - expected).abs() < 0.01, "{others:?} {time:?}: {kmh}");
    }

    #[test]
    fn what_may_hold_besides_raises_what_is_posted_for_the_class() {
        let noon = "2026-11-20T12:00:00+08:00";
        let night = "2026-11-20T23:00:00+08:00";
        check_own(&[("maxspeed", "80")], noon, 40.0);
        check_own(&[("maxspeed:hgv:conditional", "70 @ (dry)")], noon, 70.0);
        check_own(&[("maxspeed:hgv:conditional", "30 @ (dry)")], noon, 40.0);
        check_own(&[("maxspeed:hgv_articulated", "60")], noon, 60.0);
        check_own(&[("maxspeed:hgv:conditional", "none @ (dry)")], noon, 0.0);
        check_own(&[("maxspeed:bus:conditional", "70 @ (dry)")], noon, 40.0);
        // For all: then the limit of all is the operator's.
        check_own(&[("maxspeed:conditional", "50 @ (dry)")], noon, 0.0);
        check_own(&[("maxspeed:conditional", "30 @ (dry)")], noon, 40.0);
        check_own(&[("maxspeed:variable", "yes")], noon, 0.0);
        let both = [
            ("maxspeed:hgv:conditional", "70 @ (dry)"),
            ("maxspeed:conditional", "50 @ (wet)"),
        ];
        check_own(&both, noon, 0.0);
        let by_night = [("maxspeed:conditional", "50 @ (22:00-06:00)")];
        check_own(&by_night, noon, 40.0);
        check_own(&by_night, night, 0.0);
        let slow_by_night = [("maxspeed:conditional", "30 @ (22:00-06:00)")];
        check_own(&slow_by_night, night, 40.0);
    }

    #[test]
    fn the_lowest_counts_every_class_and_hour() {
        let rules = parse(default_document()).unwrap().roads;
        let trunk = way(RoadClass::Trunk, 0, WayFlags::default());
        let tags = [
            ("maxspeed", "100"),
            ("maxspeed:hgv", "80"),
            ("maxspeed:conditional", "60 @ (22:00-06:00)"),
            ("maxspeed:backward", "40"),
        ];
        let posted = tags::read(tags).limits;
        let kmh = |backward| lowest(&rules, &trunk, &posted, backward).map(Speed::kmh);
        assert_eq!(kmh(false), Some(60.0));
        assert_eq!(kmh(true), Some(40.0));
        let only_trucks = tags::read([("maxspeed:hgv", "80")]).limits;
        let tertiary = way(RoadClass::Tertiary, 0, WayFlags::default());
        let least = lowest(&rules, &tertiary, &only_trucks, false);
        assert_eq!(least.map(Speed::kmh), Some(70.0));
    }
}
