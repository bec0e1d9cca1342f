//! A map as judging needs it: the network, the operator's limits over it, and the screen.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::geo::apart_deg;
use crate::model::road::RoadOverride;
use crate::model::rules::{RoadRules, RuleSet};
use crate::model::{Course, LocalZone, Position, Speed};

use super::fit::{Fit, fitting};
use super::index::Plane;
use super::limit::hours::WeekTime;
use super::limit::overrides::{Overrides, Passing};
use super::limit::{LimitOrigin, RoadLimit, lowest, posted_for_class, posted_or_default};
use super::network::{RoadNetwork, SegmentNumber};
use super::screen::{Lowest, Reach, Screen};

/// A road map in force.
#[derive(Debug)]
pub struct RoadMap {
    network: Arc<RoadNetwork>,
    overrides: Overrides,
    screen: Screen,
    version: Arc<str>,
    /// The rules for which the screen holds.
    rules: Vec<RoadRules>,
    in_doubt: bool,
}

impl RoadMap {
    /// The map of a network with that version, with the operator's limits, for judging by any of
    /// these rulebooks.
    ///
    /// The version of the whole names the overrides too: they decide limits as much as the map does.
    pub fn new(
        network: Arc<RoadNetwork>,
        version: &str,
        overrides: Vec<RoadOverride>,
        rulebooks: &[&RuleSet],
    ) -> Self {
        let version = if overrides.is_empty() {
            version.to_owned()
        } else {
            format!("{version}+{}", fingerprint(&overrides))
        };
        let overrides = Overrides::new(&network, overrides);
        let rules = distinct_rules(rulebooks);
        let most = |of: fn(&RoadRules) -> f64| rules.iter().map(of).fold(0.0, f64::max);
        let reach = Reach {
            reach_m: most(|rules| rules.reach_m),
            course_deg_max: most(|rules| f64::from(rules.course_deg_max)),
        };
        let screen = Screen::new(&network, reach, |segment, number| {
            let way = network.way(segment.way());
            let posted = network.posted(way);
            let own = rules
                .iter()
                .map(|rules| lowest(rules, way, posted, segment.is_backward()));
            let set = overrides.on(SegmentNumber(number)).map(|set| set.limit);
            own.flatten().chain(set).min()
        });
        Self {
            network,
            overrides,
            screen,
            version: Arc::from(version),
            rules,
            in_doubt: false,
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

    /// Whether the map was made for judging by these rulebooks.
    pub fn is_for(&self, rulebooks: &[&RuleSet]) -> bool {
        self.rules == distinct_rules(rulebooks)
    }

    /// The limit that holds for a vehicle where it is.
    pub fn limit(&self, rules: &RoadRules, zone: &LocalZone, passing: &Passing) -> RoadLimit {
        let posted = self.network.posted(self.network.way_of(passing.segment));
        // The local hour is dear, and few roads post anything.
        let at = (!posted.is_empty()).then(|| WeekTime::of(zone, passing.time));
        limit_on(&self.network, &self.overrides, rules, passing, at)
    }

    /// The segments that a fix may drive, as far as it tells by itself: within reach, of a direction
    /// that fits, and no other such segment is nearer by far.
    pub fn fitting(
        &self,
        rules: &RoadRules,
        place: Position,
        course: Option<Course>,
    ) -> impl Iterator<Item = SegmentNumber> + use<> {
        fitting(&self.network, Fit::from(rules), place, course).map(|(_, segment)| segment)
    }

    /// All segments within reach of a fix of a direction that fits, and their distances in metres.
    pub fn around(
        &self,
        rules: &RoadRules,
        place: Position,
        course: Option<Course>,
    ) -> impl Iterator<Item = (f64, SegmentNumber)> + use<> {
        let fit = Fit {
            beside_m: f64::INFINITY,
            ..Fit::from(rules)
        };
        fitting(&self.network, fit, place, course)
    }

    /// Whether a place is within so many metres of a road that goes its way.
    pub fn is_on_road(
        &self,
        rules: &RoadRules,
        place: Position,
        course: Option<Course>,
        near_m: f64,
    ) -> bool {
        let fit = Fit {
            reach_m: near_m,
            ..Fit::from(rules)
        };
        fitting(&self.network, fit, place, course).next().is_some()
    }

    /// Difference between the direction of a segment and a course. Unit: degrees, `0..=180`.
    pub fn apart_deg(&self, segment: SegmentNumber, course: Course) -> f64 {
        let ends = self.network.ends(self.network.segment(segment));
        let direction = Plane::at(ends[0]).direction_deg(ends[0], ends[1]);
        apart_deg(direction, f64::from(course.degrees()))
    }

    /// The same map with a screen that leaves every fix in doubt: for those who want to see that
    /// the screen changes no verdict.
    #[must_use]
    pub fn with_everything_in_doubt(self) -> Self {
        Self {
            in_doubt: true,
            ..self
        }
    }

    /// The lowest limits that may hold at a place for any class at any hour.
    pub fn lowest(&self, place: Position, course: Option<Course>) -> Lowest {
        if self.in_doubt {
            return Lowest {
                expressway: Some(Speed::ZERO),
                other: Some(Speed::ZERO),
            };
        }
        self.screen.lowest(place, course)
    }

    /// The lowest limits that may hold for any class at any hour on the segments that a fix may
    /// drive; see [`Self::fitting`]. Never lower than [`Self::lowest`], and dearer.
    pub fn lowest_on_fitting(
        &self,
        rules: &RoadRules,
        place: Position,
        course: Option<Course>,
    ) -> Lowest {
        if self.in_doubt {
            return self.lowest(place, course);
        }
        let segments = self.fitting(rules, place, course);
        self.screen.lowest_on(&self.network, segments)
    }

    /// Whether every fix is matched: see [`Self::with_everything_in_doubt`].
    pub const fn is_all_in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// Bytes that the map takes in memory.
    pub fn memory_bytes(&self) -> usize {
        self.network.memory_bytes() + self.screen.memory_bytes()
    }
}

/// The rules for roads that may hold somewhere at some time, each once.
fn distinct_rules(rulebooks: &[&RuleSet]) -> Vec<RoadRules> {
    let mut distinct: Vec<RoadRules> = Vec::new();
    for rules in rulebooks.iter().flat_map(|rules| rules.everywhere()) {
        if !distinct.contains(&rules.roads) {
            distinct.push(rules.roads.clone());
        }
    }
    distinct
}

/// Eight hexadecimal digits that change with any override.
fn fingerprint(overrides: &[RoadOverride]) -> String {
    let digest = Sha256::digest(format!("{overrides:?}").as_bytes());
    let [a, b, c, d, ..] = digest[..] else {
        return String::new();
    };
    format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
}

/// The limit that holds for a vehicle on a segment: the operator's, or else what is posted, or else the
/// default. Without a class only what is for all vehicles holds, without a moment `at` no posted hours.
///
/// An override for all classes does not lift what is posted for the class.
pub fn limit_on(
    network: &RoadNetwork,
    overrides: &Overrides,
    rules: &RoadRules,
    passing: &Passing,
    at: Option<WeekTime>,
) -> RoadLimit {
    let piece = network.segment(passing.segment);
    let way = network.way(piece.way());
    let (posted, backward) = (network.posted(way), piece.is_backward());
    let Some(set) = overrides.find(network, passing) else {
        return posted_or_default(rules, way, posted, backward, passing.class, at);
    };
    let own = if set.classes.is_empty() {
        posted_for_class(rules, way, posted, backward, passing.class, at)
    } else {
        None
    };
    match own.filter(|own| *own < set.limit) {
        Some(own) => RoadLimit::of(own, LimitOrigin::Tag),
        None => RoadLimit::of(set.limit, LimitOrigin::Override),
    }
}
