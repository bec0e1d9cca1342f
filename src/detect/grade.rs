//! Severity and driver points: from the legal limit only, never from the monitoring limit.
//!
//! Source: regulations 4.4 and 5; contract section 4.

use crate::model::route::RoadKind;
use crate::model::rules::{ByClass, Penalty, PointsRow, RuleSet};
use crate::model::violation::{LimitSource, PointsBasis};
use crate::model::{Severity, Speed, VehicleClass};

use super::limit::Limit;

/// How grave a violation is and what it costs the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grade {
    /// Severity.
    pub severity: Severity,
    /// Driver points; `None` where they cannot be told.
    pub points: Option<u8>,
    /// Why the points are what they are; `None` when 0.
    pub basis: Option<PointsBasis>,
}

/// Grades the highest speed of a span against its limit; `is_road_sure` says whether the matched road may
/// be believed, and means nothing where no road is known.
///
/// Where the road is unknown the severity is that of other roads and the points are open. They are
/// open too where the road is not sure, and where the limit is one of roads without a sign: the map may
/// lack the sign. What is not proven to exceed the legal limit is no graver than if it had exceeded the
/// monitoring limit alone: nobody must answer for a grave violation because of a parallel road.
pub fn grade(
    rules: &RuleSet,
    class: VehicleClass,
    limit: &Limit,
    peak: Speed,
    is_road_sure: bool,
) -> Grade {
    let points = points(rules, limit.legal, limit.road, peak);
    let monitor_only = rules.speeding.monitor_only;
    let severity = match points {
        Some(points) => rules.severity.of(points),
        None if reaches(peak, limit.monitor, monitor_only.graver_percent) => monitor_only.from,
        None => monitor_only.below,
    };
    let open = |severity, basis| Grade {
        severity,
        points: None,
        basis: Some(basis),
    };
    let unproven = |road| {
        let for_sure = self::points(rules, proven(rules, class, limit, road), None, peak);
        let for_sure = for_sure.map_or(Severity::L1, |points| rules.severity.of(points));
        severity.min(monitor_only.from).max(for_sure)
    };
    let points = points.unwrap_or(0);
    match limit.road {
        None => open(severity, PointsBasis::RoadUnknown),
        Some(_) if !is_road_sure => open(unproven(None), PointsBasis::RoadUnsure),
        Some(_) if limit.assumed && points > 0 => {
            open(unproven(limit.road), PointsBasis::LimitAssumed)
        }
        Some(_) => {
            let basis = if limit.hazmat_cap {
                PointsBasis::HazmatArticle46
            } else {
                PointsBasis::SpeedingTable
            };
            Grade {
                severity,
                points: Some(points),
                basis: (points > 0).then_some(basis),
            }
        }
    }
}

/// The lowest legal limit that holds whatever the limit of the road is.
fn proven(rules: &RuleSet, class: VehicleClass, limit: &Limit, road: Option<RoadKind>) -> Speed {
    let of_place = match limit.source {
        LimitSource::Route | LimitSource::Area => limit.legal,
        LimitSource::Road
        | LimitSource::Class
        | LimitSource::Night
        | LimitSource::Campaign
        | LimitSource::Weather => rules.speeding.caps.of(class).on(road),
    };
    let overlays = rules.caps.iter().filter(|cap| cap.legal);
    let overlays = overlays.filter_map(|cap| cap.on(road)).min();
    overlays.map_or(of_place, |cap| cap.min(of_place))
}

/// The points of a speed on a kind of road; `None` where it is not over the legal limit.
fn points(rules: &RuleSet, legal: Speed, road: Option<RoadKind>, peak: Speed) -> Option<u8> {
    (peak > legal).then(|| {
        rules
            .speeding
            .points
            .iter()
            .rev()
            .find(|row| reaches(peak, legal, row.over_percent))
            .map_or(0, |row| points_on(*row, road))
    })
}

/// What a kind with fixed points costs a class.
///
/// Points of counters that belong to a driver are open while the driver is unknown (A8); other
/// kinds pass `true`.
pub(super) fn penalty(
    rules: &RuleSet,
    penalties: &ByClass<Penalty>,
    class: VehicleClass,
    driver_known: bool,
) -> Grade {
    let penalty = penalties.of(class);
    let severity = rules.severity.of(penalty.points).max(penalty.severity_min);
    let open = penalty.points > 0 && !driver_known;
    Grade {
        severity,
        points: (!open).then_some(penalty.points),
        basis: if open {
            Some(PointsBasis::DriverUnknown)
        } else {
            penalty.basis
        },
    }
}

fn points_on(row: PointsRow, road: Option<RoadKind>) -> u8 {
    match road {
        Some(RoadKind::Expressway) => row.expressway,
        Some(RoadKind::Other) | None => row.other,
    }
}

/// Whether `speed` is over `limit` by at least `percent`, exactly.
fn reaches(speed: Speed, limit: Speed, percent: u32) -> bool {
    let excess = u64::from(speed.mkmh().saturating_sub(limit.mkmh()));
    excess * 100 >= u64::from(limit.mkmh()) * u64::from(percent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::violation::LimitSource;
    use crate::rulebook::{default_document, parse};

    fn check(road: Option<RoadKind>, hazmat_cap: bool, peak_dkmh: u16, expected: &str) {
        let limit = Limit {
            monitor: Speed::from_whole_kmh(80),
            legal: Speed::from_whole_kmh(100),
            source: LimitSource::Night,
            carrier: None,
            road,
            hazmat_cap,
            assumed: false,
        };
        let grade = grade(
            &parse(default_document()).unwrap(),
            VehicleClass::TouristCoach,
            &limit,
            Speed::from_dkmh(peak_dkmh),
            true,
        );
        let points = grade
            .points
            .map_or("-".to_owned(), |points| points.to_string());
        let basis = grade.basis.map_or("-", PointsBasis::name);
        assert_eq!(
            format!("{} {points} {basis}", grade.severity),
            expected,
            "{peak_dkmh}"
        );
    }

    #[test]
    fn columns_of_the_points_table() {
        let expressway = Some(RoadKind::Expressway);
        check(expressway, false, 1001, "L3 6 记分办法8/9/10/12");
        check(expressway, false, 1199, "L3 6 记分办法8/9/10/12");
        check(expressway, false, 1200, "L4 12 记分办法8/9/10/12");
        let other = Some(RoadKind::Other);
        check(other, false, 1099, "L1 0 -");
        check(other, false, 1100, "L2 1 记分办法8/9/10/12");
        check(other, false, 1199, "L2 1 记分办法8/9/10/12");
        check(other, false, 1499, "L3 6 记分办法8/9/10/12");
        check(other, false, 1500, "L4 9 记分办法8/9/10/12");
        check(other, true, 1500, "L4 9 危货办法46");
    }

    #[test]
    fn the_monitoring_limit_alone_gives_no_points() {
        check(Some(RoadKind::Other), false, 879, "L1 0 -");
        check(Some(RoadKind::Other), false, 880, "L2 0 -");
        check(Some(RoadKind::Other), false, 1000, "L2 0 -");
    }

    /// What a coach gets at `peak_kmh` on another road under a limit of 50 km/h.
    fn check_doubtful(
        source: LimitSource,
        assumed: bool,
        is_road_sure: bool,
        peak_kmh: u16,
        expected: &str,
    ) {
        let limit = Limit {
            monitor: Speed::from_whole_kmh(50),
            legal: Speed::from_whole_kmh(50),
            source,
            carrier: None,
            road: Some(RoadKind::Other),
            hazmat_cap: false,
            assumed,
        };
        let rules = parse(default_document()).unwrap();
        let peak = Speed::from_whole_kmh(peak_kmh);
        let class = VehicleClass::TouristCoach;
        let graded = grade(&rules, class, &limit, peak, is_road_sure);
        let points = graded
            .points
            .map_or("-".to_owned(), |points| points.to_string());
        let basis = graded.basis.map_or("-", PointsBasis::name);
        let got = format!("{} {points} {basis}", graded.severity);
        assert_eq!(got, expected, "{source:?} {peak_kmh}");
    }

    #[test]
    fn an_assumed_limit_gives_no_points_and_proves_nothing_grave() {
        let check = |peak_kmh, expected| {
            check_doubtful(LimitSource::Road, true, true, peak_kmh, expected);
        };
        check(51, "L1 0 -");
        check(56, "L2 - limit_assumed");
        check(60, "L2 - limit_assumed");
        check(100, "L2 - limit_assumed");
        // Faster than the class may drive anywhere.
        check(125, "L3 - limit_assumed");
    }

    #[test]
    fn an_unsure_road_gives_no_points_and_proves_nothing_grave() {
        let check = |source, peak_kmh, expected| {
            check_doubtful(source, false, false, peak_kmh, expected);
        };
        check(LimitSource::Road, 51, "L1 - road_unsure");
        check(LimitSource::Road, 90, "L2 - road_unsure");
        check(LimitSource::Road, 125, "L3 - road_unsure");
        // An area's limit holds on whichever road it is.
        check(LimitSource::Area, 90, "L4 - road_unsure");
        check(LimitSource::Campaign, 90, "L2 - road_unsure");
    }

    #[test]
    fn without_a_road_the_points_are_open() {
        check(None, false, 1200, "L3 - road_unknown");
        check(None, false, 850, "L1 - road_unknown");
    }
}
