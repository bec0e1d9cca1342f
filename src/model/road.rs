//! Kinds of roads, as maps name them.

use super::time::Timestamp;
use super::units::{Position, Speed};
use super::vehicle::{VehicleClass, named_enum};

named_enum! {
    /// Kind of a road: the value of `highway` in OpenStreetMap, without the suffix of ramps.
    RoadClass {
        /// Expressway.
        Motorway = "motorway",
        /// Trunk road.
        Trunk = "trunk",
        /// Primary road.
        Primary = "primary",
        /// Secondary road.
        Secondary = "secondary",
        /// Tertiary road.
        Tertiary = "tertiary",
        /// Minor road between places.
        Unclassified = "unclassified",
        /// Road in a residential quarter.
        Residential = "residential",
        /// Street where walkers go first.
        LivingStreet = "living_street",
        /// Access to a site.
        Service = "service",
        /// Of unknown kind.
        Road = "road",
    }
}

impl RoadClass {
    /// From its number; `None` for one that was never written.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Its number in prepared files: its place in the list.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// A limit that the operator sets over what the map says.
#[derive(Clone, Debug, PartialEq)]
pub struct RoadOverride {
    /// Identifier from the file.
    pub id: String,
    /// The roads.
    pub target: OverrideTarget,
    /// The limit.
    pub limit: Speed,
    /// Classes that it is for; empty means all.
    pub classes: Vec<VehicleClass>,
    /// First moment; `None` for always.
    pub from: Option<Timestamp>,
    /// First moment after it; `None` for ever.
    pub to: Option<Timestamp>,
    /// Who set it.
    pub set_by: String,
}

/// The roads that an override is for.
#[derive(Clone, Debug, PartialEq)]
pub enum OverrideTarget {
    /// One way of the map.
    Way {
        /// Its identifier in OpenStreetMap.
        id: i64,
        /// Only in the order of its nodes (`false`) or against it (`true`); `None` for both.
        backward: Option<bool>,
    },
    /// Every way with a name, or with the number of a road.
    Name {
        /// The name.
        name: String,
        /// Only the part inside the box that these two places span.
        stretch: Option<(Position, Position)>,
    },
    /// Along a drawn line.
    Line {
        /// The line, at least two points.
        line: Vec<Position>,
        /// Distance from the line that still belongs to it. Unit: m.
        half_width_m: f64,
        /// Only in the direction in which it was drawn.
        one_direction: bool,
    },
}

impl RoadOverride {
    /// Whether it holds for a class at a time.
    pub fn holds(&self, class: Option<VehicleClass>, time: Timestamp) -> bool {
        let for_class =
            self.classes.is_empty() || class.is_some_and(|class| self.classes.contains(&class));
        for_class && self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time < to)
    }
}
