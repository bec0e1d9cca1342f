//! Planned routes and areas, as imported.

use super::units::{Position, Speed};
use super::vehicle::{VehicleClass, named_enum};

/// A planned route: a line with a half-width.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Identifier from the file.
    pub id: String,
    /// Name.
    pub name: String,
    /// Allowed distance from the line. Unit: m.
    pub half_width_m: f64,
    /// The line, WGS-84, at least two points.
    pub line: Vec<Position>,
    /// Planned stops beside its ends, where the file lists them.
    pub stops: Vec<Position>,
    /// Limit along the route, where the operator set one.
    pub limit: Option<Speed>,
    /// Kind of road along the route, where the operator said so.
    pub road: Option<RoadKind>,
}

named_enum! {
    /// Column of the points table. Source: regulations 4.4.
    RoadKind {
        /// Expressway or urban expressway.
        Expressway = "expressway",
        /// Any other road.
        Other = "other",
    }
}

named_enum! {
    /// What an area asks.
    AreaKind {
        /// Vehicles may not be inside.
        Forbidden = "forbidden",
        /// Vehicles may not be outside.
        StayWithin = "stay_within",
        /// A limit holds inside.
        SpeedLimit = "speed_limit",
    }
}

/// An area, as imported.
#[derive(Clone, Debug, PartialEq)]
pub struct Area {
    /// Identifier from the file.
    pub id: String,
    /// Name.
    pub name: String,
    /// What it asks.
    pub kind: AreaKind,
    /// Limit inside, for [`AreaKind::SpeedLimit`].
    pub limit: Option<Speed>,
    /// Daily hours as local minutes of the day, begin and end; may cross midnight.
    pub hours: Option<(u16, u16)>,
    /// Classes that it is for; `None` means all.
    pub classes: Option<Vec<VehicleClass>>,
    /// Rings of each polygon, outer first.
    pub polygons: Vec<Vec<Vec<Position>>>,
}
