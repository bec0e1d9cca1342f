//! Severity and driver points: from the legal limit only, never from the monitoring limit.
//!
//! Source: regulations 4.4 and 5; contract section 4.

use crate::model::route::RoadKind;
use crate::model::rules::{ByClass, Penalty, PointsRow, RuleSet};
use crate::model::violation::PointsBasis;
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

/// Grades the highest speed of a span against its limit.
///
/// Where the road is unknown the severity is that of other roads and the points are open. They are
/// open too where the limit is one of roads without a sign: the map may lack the sign.
pub fn grade(rules: &RuleSet, limit: &Limit, peak: Speed) -> Grade {
    let speeding = &rules.speeding;
    let (severity, points) = if peak > limit.legal {
        let points = speeding
            .points
            .iter()
            .rev()
            .find(|row| reaches(peak, limit.legal, row.over_percent))
            .map_or(0, |row| points_on(*row, limit.road));
        (rules.severity.of(points), points)
    } else if reaches(peak, limit.monitor, speeding.monitor_only.graver_percent) {
        (speeding.monitor_only.from, 0)
    } else {
        (speeding.monitor_only.below, 0)
    };
    let basis = if limit.hazmat_cap {
        PointsBasis::HazmatArticle46
    } else {
        PointsBasis::SpeedingTable
    };
    let open = |basis| Grade {
        severity,
        points: None,
        basis: Some(basis),
    };
    match limit.road {
        None => open(PointsBasis::RoadUnknown),
        Some(_) if limit.assumed && points > 0 => open(PointsBasis::LimitAssumed),
        Some(_) => Grade {
            severity,
            points: Some(points),
            basis: (points > 0).then_some(basis),
        },
    }
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
            &limit,
            Speed::from_dkmh(peak_dkmh),
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

    #[test]
    fn an_assumed_limit_gives_no_points() {
        let limit = Limit {
            monitor: Speed::from_whole_kmh(50),
            legal: Speed::from_whole_kmh(50),
            source: LimitSource::Road,
            carrier: None,
            road: Some(RoadKind::Other),
            hazmat_cap: false,
            assumed: true,
        };
        let rules = parse(default_document()).unwrap();
        let graded = grade(&rules, &limit, Speed::from_whole_kmh(60));
        assert_eq!(graded.points, None);
        assert_eq!(graded.basis, Some(PointsBasis::LimitAssumed));
        assert_eq!(graded.severity, Severity::L3);
        let graded = grade(&rules, &limit, Speed::from_whole_kmh(51));
        assert_eq!((graded.points, graded.basis), (Some(0), None));
    }

    #[test]
    fn without_a_road_the_points_are_open() {
        check(None, false, 1200, "L3 - road_unknown");
        check(None, false, 850, "L1 - road_unknown");
    }
}
