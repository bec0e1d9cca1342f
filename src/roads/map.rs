//! A map as judging needs it: the network, the operator's limits over it, and the screen.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::model::road::RoadOverride;
use crate::model::rules::RoadRules;
use crate::model::{Course, LocalZone, Position, Timestamp, VehicleClass};

use super::limit::hours::WeekTime;
use super::limit::overrides::Overrides;
use super::limit::{LimitOrigin, RoadLimit, lowest, posted_or_default};
use super::network::{RoadNetwork, SegmentNumber};
use super::screen::{Lowest, Reach, Screen};

/// A road map in force.
#[derive(Debug)]
pub struct RoadMap {
    network: Arc<RoadNetwork>,
    overrides: Overrides,
    screen: Screen,
    version: Arc<str>,
    rules: RoadRules,
}

impl RoadMap {
    /// The map of a network with that version, under rules, with the operator's limits.
    ///
    /// The version of the whole names the overrides too: they decide limits as much as the map does.
    pub fn new(
        network: Arc<RoadNetwork>,
        version: &str,
        overrides: Vec<RoadOverride>,
        rules: &RoadRules,
    ) -> Self {
        let version = if overrides.is_empty() {
            version.to_owned()
        } else {
            format!("{version}+{}", fingerprint(&overrides))
        };
        let overrides = Overrides::new(&network, overrides);
        let reach = Reach {
            reach_m: rules.reach_m,
            course_deg_max: f64::from(rules.course_deg_max),
        };
        let screen = Screen::new(&network, reach, |segment, number| {
            let way = network.way(segment.way());
            let own = lowest(rules, way, network.posted(way), segment.is_backward());
            let set = overrides.on(SegmentNumber(number)).map(|set| set.limit);
            own.into_iter().chain(set).min()
        });
        Self {
            network,
            overrides,
            screen,
            version: Arc::from(version),
            rules: rules.clone(),
        }
    }

    /// The roads.
    pub fn network(&self) -> &Arc<RoadNetwork> {
        &self.network
    }

    /// Version of the map with its overrides.
    pub fn version(&self) -> &Arc<str> {
        &self.version
    }

    /// The operator's limits.
    pub const fn overrides(&self) -> &Overrides {
        &self.overrides
    }

    /// Whether the map was made under these rules.
    pub fn is_under(&self, rules: &RoadRules) -> bool {
        self.rules == *rules
    }

    /// The limit that holds on a segment for a class at a time.
    pub fn limit(
        &self,
        rules: &RoadRules,
        zone: &LocalZone,
        segment: SegmentNumber,
        class: Option<VehicleClass>,
        time: Timestamp,
    ) -> RoadLimit {
        if let Some(set) = self.overrides.find(segment, class, time) {
            return RoadLimit::of(set.limit, LimitOrigin::Override);
        }
        let piece = self.network.segment(segment);
        let way = self.network.way(piece.way());
        let posted = self.network.posted(way);
        let at = (!posted.is_empty()).then(|| WeekTime::of(zone, time));
        posted_or_default(rules, way, posted, piece.is_backward(), class, at)
    }

    /// The lowest limits that may hold at a place for any class at any hour.
    pub fn lowest(&self, place: Position, course: Option<Course>) -> Lowest {
        self.screen.lowest(place, course)
    }

    /// Bytes that the map takes in memory.
    pub fn memory_bytes(&self) -> usize {
        self.network.memory_bytes() + self.screen.memory_bytes()
    }
}

/// Eight hexadecimal digits that change with any override.
fn fingerprint(overrides: &[RoadOverride]) -> String {
    let digest = Sha256::digest(format!("{overrides:?}").as_bytes());
    let [a, b, c, d, ..] = digest[..] else {
        return String::new();
    };
    format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
}

/// The limit of a segment for any vehicle at any hour, without overrides.
pub fn general_limit(
    network: &RoadNetwork,
    rules: &RoadRules,
    segment: SegmentNumber,
) -> RoadLimit {
    let piece = network.segment(segment);
    let way = network.way(piece.way());
    posted_or_default(
        rules,
        way,
        network.posted(way),
        piece.is_backward(),
        None,
        None,
    )
}
