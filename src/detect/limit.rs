//! Which limit applies to a fix.
//!
//! The legal limit is the lowest of the class cap and the limit of the planned route in whose
//! corridor the vehicle is (regulations 4.1). The monitoring limit is the legal one, at night for
//! coaches with enough seats a share of it (4.2). The source names the rule that set the number:
//! `route` where the route's limit is not above the class cap, otherwise `class`, and `night` where
//! the night share was applied to a class cap.

use crate::geo::{RouteKey, RouteNumber};
use crate::model::route::RoadKind;
use crate::model::rules::RuleSet;
use crate::model::violation::LimitSource;
use crate::model::{Speed, Timestamp, VehicleClass};

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
    /// The route that carries it, for [`LimitSource::Route`].
    pub route: Option<RouteKey>,
    /// Kind of road, where known.
    pub road: Option<RoadKind>,
    /// The cap of dangerous goods vehicles is what limits (A16).
    pub hazmat_cap: bool,
}

/// The limit for the vehicle of the context at `time`, inside the corridor of `on_route`.
pub fn limit_at(context: &Context<'_>, time: Timestamp, on_route: Option<RouteNumber>) -> Limit {
    let rules = context.rules;
    let night = has_night_limit(rules, context.profile)
        && rules.night.contains(rules.zone.millis_of_day(time));
    let Some(number) = on_route else {
        return of_class(rules, context.profile.class, None, night);
    };
    let route = context.routes.route(number);
    let road = route.and_then(|route| route.road);
    let posted = route.and_then(|route| route.limit);
    let by_class = of_class(rules, context.profile.class, road, night);
    match posted {
        Some(posted) if posted <= by_class.legal => Limit {
            monitor: at_night(rules, posted, night),
            legal: posted,
            source: LimitSource::Route,
            route: context.routes.key(number),
            road,
            hazmat_cap: by_class.hazmat_cap && posted == by_class.legal,
        },
        Some(_) | None => by_class,
    }
}

fn of_class(rules: &RuleSet, class: VehicleClass, road: Option<RoadKind>, night: bool) -> Limit {
    let legal = rules.speeding.caps.of(class).on(road);
    Limit {
        monitor: at_night(rules, legal, night),
        legal,
        source: if night {
            LimitSource::Night
        } else {
            LimitSource::Class
        },
        route: None,
        road,
        hazmat_cap: class == VehicleClass::Hazmat,
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
