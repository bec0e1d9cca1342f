//! Which ways are roads, and what their tags say.

use crate::roads::limit::tags;
use crate::roads::network::NAME_END;
use crate::roads::{RoadClass, WayFlags, WayInput};

/// A road, and how many values of its limits could not be understood.
pub(super) struct ReadWay {
    /// The road, still without nodes.
    pub(super) way: WayInput,
    /// Values that are no limit.
    pub(super) limits_bad: u32,
}

/// Reads the tags of a way; `None` when it is no road that motor vehicles may use.
pub(super) fn read<'a>(
    id: i64,
    all: impl Iterator<Item = (&'a str, &'a str)> + Clone,
) -> Option<ReadWay> {
    let mut known = Tags::default();
    for (key, value) in all.clone() {
        known.take(key, value);
    }
    let (class, link) = class_of(known.highway)?;
    if known.area == "yes" || known.is_closed() {
        return None;
    }
    let (forward, backward) = known.directions(class);
    let limits = tags::read(all);
    let flag = |is: bool, flag: WayFlags| if is { flag } else { WayFlags::default() };
    let is_set = |value: &str| !matches!(value, "" | "no");
    let flags = [
        flag(link, WayFlags::LINK),
        flag(forward != backward, WayFlags::ONEWAY),
        flag(is_set(known.bridge), WayFlags::BRIDGE),
        flag(is_set(known.tunnel), WayFlags::TUNNEL),
        flag(known.is_roundabout(), WayFlags::ROUNDABOUT),
        flag(known.expressway, WayFlags::EXPRESSWAY),
        flag(known.is_restricted(), WayFlags::RESTRICTED),
        flag(known.is_urban(), WayFlags::URBAN),
        flag(known.is_highway(), WayFlags::HIGHWAY),
    ];
    let name = known.names();
    Some(ReadWay {
        way: WayInput {
            id,
            class,
            lanes: known.lanes.parse().unwrap_or(0),
            layer: known.layer.parse().unwrap_or(0),
            flags: flags.into_iter().fold(WayFlags::default(), WayFlags::with),
            forward,
            backward,
            name,
            limits: limits.limits,
            nodes: Vec::new(),
        },
        limits_bad: limits.bad,
    })
}

/// The class of a value of `highway`, and whether it is a ramp.
fn class_of(highway: &str) -> Option<(RoadClass, bool)> {
    let (name, link) = match highway.strip_suffix("_link") {
        Some(name) => (name, true),
        None => (highway, false),
    };
    let class = *RoadClass::ALL.iter().find(|class| class.name() == name)?;
    let has_links = class.code() <= RoadClass::Tertiary.code();
    (has_links || !link).then_some((class, link))
}

/// The tags that decide; empty where not given.
#[derive(Default)]
struct Tags<'a> {
    highway: &'a str,
    area: &'a str,
    access: &'a str,
    /// The most specific tags that let motor vehicles in, or keep them out.
    vehicle: &'a str,
    motor_vehicle: &'a str,
    /// A class of ours is let in by name.
    let_in: bool,
    oneway: &'a str,
    junction: &'a str,
    lanes: &'a str,
    layer: &'a str,
    bridge: &'a str,
    tunnel: &'a str,
    expressway: bool,
    name_zh: &'a str,
    alt_name: &'a str,
    name: &'a str,
    reference: &'a str,
    zone: Zone,
}

/// The zone whose limit or traffic signs a way is said to have. The later goes first: in doubt the
/// higher limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Zone {
    #[default]
    Unsaid,
    /// Built-up areas.
    Urban,
    /// Outside them.
    Rural,
}

impl Zone {
    /// Of a value with a country or without: `CN:urban`, `urban`.
    fn of(value: &str) -> Self {
        let name = value.rsplit([':', '：']).next().unwrap_or_default().trim();
        let is = |zone: &str| name.eq_ignore_ascii_case(zone);
        if is("urban") {
            Self::Urban
        } else if is("rural") {
            Self::Rural
        } else {
            Self::Unsaid
        }
    }
}

impl<'a> Tags<'a> {
    fn take(&mut self, key: &str, value: &'a str) {
        match key {
            "highway" => self.highway = value,
            "area" => self.area = value,
            "access" => self.access = value,
            "vehicle" => self.vehicle = value,
            "motor_vehicle" => self.motor_vehicle = value,
            "bus" | "psv" | "coach" | "tourist_bus" | "hgv" | "goods" | "hazmat" => {
                self.let_in |= matches!(
                    value,
                    "yes" | "designated" | "permissive" | "destination" | "official"
                );
            }
            "oneway" => self.oneway = value,
            "junction" => self.junction = value,
            "lanes" => self.lanes = value,
            "layer" => self.layer = value,
            "bridge" => self.bridge = value,
            "tunnel" => self.tunnel = value,
            "motorroad" | "expressway" => self.expressway |= value == "yes",
            "name:zh" => self.name_zh = value,
            "alt_name" => self.alt_name = value,
            "name" => self.name = value,
            "ref" => self.reference = value,
            "maxspeed" | "source:maxspeed" | "maxspeed:type" | "zone:maxspeed" | "zone:traffic" => {
                self.zone = self.zone.max(Zone::of(value));
            }
            _ => {}
        }
    }

    /// What the road may be called, each once, the name first.
    fn names(&self) -> String {
        let all = [self.name, self.reference, self.name_zh, self.alt_name];
        let mut names: Vec<&str> = Vec::with_capacity(all.len());
        for name in all.map(str::trim) {
            if !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(NAME_END)
    }

    /// Whether the map says that it is inside a built-up area.
    fn is_urban(&self) -> bool {
        self.zone == Zone::Urban
    }

    /// Whether the map says that it is none of a town's streets. A numbered road is no street of the town that
    /// it goes through, unless that is said: the higher limit accuses nobody wrongly.
    fn is_highway(&self) -> bool {
        match self.zone {
            Zone::Urban => false,
            Zone::Rural => true,
            Zone::Unsaid => self.reference.split(';').any(is_highway_number),
        }
    }

    /// The tag that says most exactly who may use it.
    fn most_specific(&self) -> &'a str {
        let by_exactness = [self.motor_vehicle, self.vehicle, self.access];
        by_exactness
            .into_iter()
            .find(|value| !value.is_empty())
            .unwrap_or("")
    }

    /// Whether no motor vehicle of ours may use it.
    fn is_closed(&self) -> bool {
        self.most_specific() == "no" && !self.let_in
    }

    /// Whether only some may use it.
    fn is_restricted(&self) -> bool {
        matches!(
            self.most_specific(),
            "no" | "private" | "customers" | "permit" | "delivery"
        )
    }

    fn is_roundabout(&self) -> bool {
        matches!(self.junction, "roundabout" | "circular")
    }

    /// Whether it may be driven in the order of its nodes, and against it.
    fn directions(&self, class: RoadClass) -> (bool, bool) {
        match self.oneway {
            "yes" | "true" | "1" => (true, false),
            "-1" | "reverse" => (false, true),
            "no" | "false" | "0" | "reversible" | "alternating" => (true, true),
            _ if class == RoadClass::Motorway || self.is_roundabout() => (true, false),
            _ => (true, true),
        }
    }
}

/// Whether it is the number of a Chinese highway: `G107` national (国道), `S` provincial (省道), `X` of a county
/// (县道), `Y` of a township (乡道), `C` of a village (村道), `Z` of an enterprise (专用公路).
///
/// Source: GB/T 917.
fn is_highway_number(text: &str) -> bool {
    let text = text.trim();
    text.strip_prefix(['G', 'S', 'X', 'Y', 'C', 'Z'])
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The way of tags `key=value`, told as `class forward backward flags lanes layer name`.
    fn check(tags: &[&str], expected: Option<&str>) {
        let pairs = tags.iter().map(|tag| tag.split_once('=').unwrap());
        let told = read(7, pairs).map(|read| {
            let way = read.way;
            format!(
                "{} {} {} {} {} {} {}",
                way.class.name(),
                way.forward,
                way.backward,
                way.flags.bits(),
                way.lanes,
                way.layer,
                way.name
            )
        });
        assert_eq!(told.as_deref(), expected, "{tags:?}");
    }

    #[test]
    fn directions() {
        check(&["highway=primary"], Some("primary true true 0 0 0 "));
        check(
            &["highway=primary", "oneway=yes"],
            Some("primary true false 2 0 0 "),
        );
        check(
            &["highway=primary", "oneway=-1"],
            Some("primary false true 2 0 0 "),
        );
        check(&["highway=motorway"], Some("motorway true false 2 0 0 "));
        check(
            &["highway=motorway", "oneway=no"],
            Some("motorway true true 0 0 0 "),
        );
        check(
            &["highway=tertiary", "junction=roundabout"],
            Some("tertiary true false 18 0 0 "),
        );
        check(
            &["highway=primary", "oneway=reversible"],
            Some("primary true true 0 0 0 "),
        );
    }

    #[test]
    fn what_else_is_known() {
        check(
            &[
                "highway=motorway_link",
                "bridge=viaduct",
                "layer=2",
                "lanes=2",
                "name=机场高速",
            ],
            Some("motorway true false 7 2 2 机场高速"),
        );
        check(
            &["highway=trunk", "tunnel=yes", "ref=G107"],
            Some("trunk true true 264 0 0 G107"),
        );
        check(
            &["highway=service", "access=private"],
            Some("service true true 128 0 0 "),
        );
        check(
            &["highway=trunk", "motorroad=yes", "lanes=four"],
            Some("trunk true true 64 0 0 "),
        );
    }

    /// What tags say of the surroundings of a road.
    fn check_surroundings(tags: &[&str], expected: &str) {
        let tags = [&["highway=tertiary"], tags].concat();
        let pairs = tags.iter().map(|tag| tag.split_once('=').unwrap());
        let flags = read(7, pairs).unwrap().way.flags;
        let told = [(WayFlags::URBAN, "urban"), (WayFlags::HIGHWAY, "highway")];
        let told = told.iter().filter(|(flag, _)| flags.contains(*flag));
        let told: Vec<&str> = told.map(|(_, name)| *name).collect();
        assert_eq!(told.join(" "), expected, "{tags:?}");
    }

    #[test]
    fn a_zone_that_is_named_says_what_a_road_is() {
        for key in [
            "maxspeed",
            "source:maxspeed",
            "maxspeed:type",
            "zone:maxspeed",
            "zone:traffic",
        ] {
            check_surroundings(&[&format!("{key}=CN:urban")], "urban");
            check_surroundings(&[&format!("{key}=DE:rural")], "highway");
            check_surroundings(&[&format!("{key}=CN:motorway")], "");
        }
        check_surroundings(&["zone:traffic=urban"], "urban");
        check_surroundings(&["zone:traffic=CN：Urban"], "urban");
        check_surroundings(&["source:maxspeed=sign"], "");
        check_surroundings(&["maxspeed=50"], "");
        // In doubt the higher limit.
        check_surroundings(
            &["zone:traffic=CN:urban", "source:maxspeed=CN:rural"],
            "highway",
        );
    }

    #[test]
    fn a_numbered_road_is_a_highway_in_a_town_too() {
        for number in [
            "G107", "S50", "X003", "Y215", "C014", "Z01", "107;G205", "G4 ; S3",
        ] {
            check_surroundings(&[&format!("ref={number}")], "highway");
        }
        for other in ["", "G", "107", "GX1", "A4", "G107a", "深南大道"] {
            check_surroundings(&[&format!("ref={other}")], "");
        }
        check_surroundings(&["ref=G107", "zone:traffic=CN:urban"], "urban");
    }

    #[test]
    fn a_road_has_names_and_numbers() {
        let names = |tags: &[&str]| {
            let tags = [&["highway=trunk"], tags].concat();
            let pairs = tags.iter().map(|tag| tag.split_once('=').unwrap());
            read(7, pairs).unwrap().way.name.replace(NAME_END, " | ")
        };
        assert_eq!(names(&["ref=G107"]), "G107");
        assert_eq!(names(&["name= 青山路 ", "ref=G107"]), "青山路 | G107");
        assert_eq!(
            names(&[
                "name:zh=深南大道",
                "alt_name=深南路;深南东路",
                "name=Shennan Blvd"
            ]),
            "Shennan Blvd | 深南大道 | 深南路;深南东路"
        );
        assert_eq!(names(&["name=青山路", "name:zh=青山路"]), "青山路");
        assert_eq!(names(&["name:zh=青山路"]), "青山路");
        assert_eq!(names(&["name:en=Hill Road", "old_name=旧路"]), "");
    }

    #[test]
    fn what_is_no_road_for_motor_vehicles() {
        for tags in [
            &["highway=footway"][..],
            &["highway=track"],
            &["highway=residential_link"],
            &["building=yes"],
            &["highway=service", "area=yes"],
            &["highway=residential", "access=no"],
            &["highway=residential", "access=yes", "motor_vehicle=no"],
        ] {
            check(tags, None);
        }
        check(
            &["highway=residential", "motor_vehicle=no", "bus=yes"],
            Some("residential true true 128 0 0 "),
        );
        check(
            &["highway=residential", "access=no", "motor_vehicle=yes"],
            Some("residential true true 0 0 0 "),
        );
    }
}
