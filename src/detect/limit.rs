//! Which limit applies to a fix.
//!
//! The legal limit is the lowest of the class cap, the limit of the road being driven, the limit of
//! the planned route in whose corridor the vehicle is, the limits of the areas in which it is, and the legal caps of campaigns and
//! weather warnings (regulations 4.1). The monitoring limit is the legal one, at night for coaches
//! with enough seats a share of it (4.2); a campaign that is no law lowers it alone. The source
//! names the rule that set the number: of equal numbers the later one in the list above, and
//! `night` where the night share was applied to a class cap.

use crate::geo::{AreaKey, AreaNumber, RouteKey, RouteNumber};
use crate::model::overlay::CapKey;
use crate::model::route::{AreaKind, RoadKind};
use crate::model::rules::RuleSet;
use crate::model::violation::LimitSource;
use crate::model::{Speed, Timestamp, VehicleClass};

use super::road::OnRoad;
use super::{Context, VehicleProfile};

/// The limit that applies to a fix; spans join only under equal limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What the enterprise must enforce.
    pub monitor: Speed,
    /// What the law allows; the only one that gives points.
    pub legal: Speed,
    /// Which rule set it.
    pub source: LimitSource,
    /// The thing that carries it; `None` for a class and the night.
    pub carrier: Option<Carrier>,
    /// Kind of road, where known.
    pub road: Option<RoadKind>,
    /// The cap of dangerous goods vehicles is what limits (A16).
    pub hazmat_cap: bool,
    /// The legal limit is that of such roads without a sign; there may be a sign that the map lacks.
    pub assumed: bool,
}

/// The thing that carries a limit, by a key that means the same after an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// The road being driven. Which way of the map it is does not matter: a road is cut into many.
    Road,
    /// A planned route.
    Route(RouteKey),
    /// An area.
    Area(AreaKey),
    /// A campaign or a weather warning.
    Overlay(CapKey),
}

impl Carrier {
    /// How a violation names it, such as `route/7`; `None` for one that has left the register.
    pub(super) fn reference(self, context: &Context<'_>, time: Timestamp) -> Option<Box<str>> {
        let text = match self {
            Self::Road => return None,
            Self::Route(key) => {
                let has_key = |number: &RouteNumber| context.routes.key(*number) == Some(key);
                let number = super::place::active(context.profile, time).find(has_key)?;
                format!("route/{}", context.routes.route(number)?.id)
            }
            Self::Area(key) => {
                let number = context.areas.find(key)?;
                format!("area/{}", context.areas.area(number)?.id)
            }
            Self::Overlay(key) => {
                let cap = context.rules.caps.iter().find(|cap| cap.key == key)?;
                cap.reference.clone()
            }
        };
        Some(text.into_boxed_str())
    }
}

/// Where a fix is, as far as limits depend on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Here<'a> {
    /// The planned route in whose corridor it is.
    pub on_route: Option<RouteNumber>,
    /// The areas in which it is.
    pub areas: &'a [AreaNumber],
    /// The road that it drives.
    pub road: Option<OnRoad>,
}

/// The limit for the vehicle of the context at `time` and place; the rules are those in force then.
pub fn limit_at(context: &Context<'_>, time: Timestamp, here: Here<'_>) -> Limit {
    let rules = context.rules;
    let route = here
        .on_route
        .and_then(|number| context.routes.route(number));
    let kind = here.road.map(|road| road.kind);
    let kind = kind.or_else(|| route.and_then(|route| route.road));
    let mut limit = of_class(rules, context.profile.class, kind);
    if let Some(road) = here.road
        && let Some(posted) = road.limit
    {
        limit.lower(posted, LimitSource::Road, Some(Carrier::Road));
        limit.assumed = road.assumed && limit.source == LimitSource::Road;
    }
    if let Some(posted) = route.and_then(|route| route.limit) {
        let key = here.on_route.and_then(|number| context.routes.key(number));
        limit.lower(posted, LimitSource::Route, key.map(Carrier::Route));
    }
    if !here.areas.is_empty() {
        limit.lower_to_areas(context, time, here.areas);
    }
    for cap in rules.caps.iter().filter(|cap| cap.legal) {
        if let Some(speed) = cap.on(limit.road) {
            limit.lower(speed, cap.source, Some(Carrier::Overlay(cap.key)));
        }
    }
    let night = has_night_limit(rules, context.profile)
        && rules.night.contains(rules.zone.millis_of_day(time));
    limit.monitor = at_night(rules, limit.legal, night);
    if night && limit.source == LimitSource::Class {
        limit.source = LimitSource::Night;
    }
    for cap in rules.caps.iter().filter(|cap| !cap.legal) {
        if let Some(speed) = cap.on(limit.road).filter(|speed| *speed <= limit.monitor) {
            limit.monitor = speed;
            limit.source = cap.source;
            limit.carrier = Some(Carrier::Overlay(cap.key));
        }
    }
    limit
}

fn of_class(rules: &RuleSet, class: VehicleClass, road: Option<RoadKind>) -> Limit {
    let legal = rules.speeding.caps.of(class).on(road);
    Limit {
        monitor: legal,
        legal,
        source: LimitSource::Class,
        carrier: None,
        road,
        hazmat_cap: class == VehicleClass::Hazmat,
        assumed: false,
    }
}

impl Limit {
    /// Takes a legal limit in: the lowest wins, of equals the one taken in last.
    fn lower(&mut self, legal: Speed, source: LimitSource, carrier: Option<Carrier>) {
        if legal > self.legal {
            return;
        }
        self.hazmat_cap &= legal == self.legal;
        self.assumed = false;
        self.legal = legal;
        self.source = source;
        self.carrier = carrier;
    }

    /// Takes in the speed-limit areas that ask something of the vehicle now.
    fn lower_to_areas(&mut self, context: &Context<'_>, time: Timestamp, areas: &[AreaNumber]) {
        let index = context.areas;
        let of_day = context.rules.zone.millis_of_day(time);
        for number in areas {
            let Some(area) = index.area(*number) else {
                continue;
            };
            if area.kind == AreaKind::SpeedLimit
                && let Some(speed) = area.limit
                && index.applies(*number, context.profile.class, of_day)
            {
                let carrier = index.key(*number).map(Carrier::Area);
                self.lower(speed, LimitSource::Area, carrier);
            }
        }
    }
}

/// The night limit is the enterprise's duty for coaches; unknown seats count as enough.
fn has_night_limit(rules: &RuleSet, profile: &VehicleProfile) -> bool {
    profile.class.is_passenger()
        && profile
            .seats
            .is_none_or(|seats| seats >= rules.speeding.night_seats_min)
}

fn at_night(rules: &RuleSet, limit: Speed, night: bool) -> Speed {
    if !night {
        return limit;
    }
    let share = u64::from(limit.mkmh()) * u64::from(rules.speeding.night_percent) / 100;
    u32::try_from(share).map_or(limit, Speed::from_mkmh)
}
