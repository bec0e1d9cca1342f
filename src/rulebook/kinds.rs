//! Sections of the document for the kinds of violation beside speeding, fatigue and the route.

use std::collections::BTreeMap;

use crate::model::alarm::{AlarmRule, AlarmRules, AlarmSource};
use crate::model::rules::{
    AreaRules, CharterRules, DatumRules, DriftRules, NightBanRules, OverloadFine, OverloadPoints,
    OverloadRules, PreAlarmRules, TamperRules, UnplannedStopRules,
};
use crate::model::violation::PointsBasis;
use crate::model::{Severity, Span};

use super::error::KeyProblem;
use super::section::Section;
use super::{HOUR, MINUTE, SECOND, SEVERITIES, penalties};

/// The night ban.
pub(super) fn night_ban(mut from: Section<'_>) -> NightBanRules {
    let length = 0.0..=10_000.0;
    let rules = NightBanRules {
        window: from.window("window"),
        moving_over: from.speed("moving_over_kmh", &(0.0..=100.0)),
        lasts_min: from.span("lasts_min", MINUTE, &(0.0..=180.0)),
        pause_max: from.span("pause_s", SECOND, &(0.0..=3600.0)),
        classes: from.vehicle_classes("classes"),
        exempt_line_km: from.number("exempt_line_km", &length),
        unknown_line: from.flag("unknown_line"),
        major_hazard_classes: from.vehicle_classes("major_hazard_classes"),
        major_hazard_line_km: from.number("major_hazard_line_km", &length),
        penalty: penalties(&mut from),
    };
    from.finish();
    rules
}

/// Areas that may not be entered or left.
pub(super) fn area(mut from: Section<'_>) -> AreaRules {
    let penalties_of = |mut from: Section<'_>| {
        let penalty = penalties(&mut from);
        from.finish();
        penalty
    };
    let rules = AreaRules {
        margin_m: from.number("margin_m", &(0.0..=10_000.0)),
        dwell: from.span("dwell_s", SECOND, &(0.0..=3600.0)),
        return_dwell: from.span("return_dwell_s", SECOND, &(0.0..=3600.0)),
        forbidden: penalties_of(from.section("forbidden")),
        left: penalties_of(from.section("left")),
    };
    from.finish();
    rules
}

/// Stops where none is planned.
pub(super) fn unplanned_stop(mut from: Section<'_>) -> UnplannedStopRules {
    let minutes = 1.0..=1440.0;
    let rules = UnplannedStopRules {
        classes: from.vehicle_classes("classes"),
        radius_m: from.number("radius_m", &(0.0..=100_000.0)),
        lasts_min: from.span("lasts_min", MINUTE, &minutes),
        unlisted_lasts_min: from.span("unlisted_lasts_min", MINUTE, &minutes),
        penalty: penalties(&mut from),
    };
    from.finish();
    rules
}

/// The alarms that count.
pub(super) fn alarms(mut from: Section<'_>) -> AlarmRules {
    let open_max = from.span("open_max_min", MINUTE, &(0.1..=1440.0));
    let mut counted = BTreeMap::new();
    for mut row in from.sections("counted") {
        let name = row.text("alarm");
        let rule = AlarmRule {
            severity: row.name("severity", Severity::L1, SEVERITIES),
            moving: row.flag("moving"),
            lasts_min: row.span("lasts_s", SECOND, &(0.0..=3600.0)),
        };
        match AlarmSource::from_name(&name) {
            Some(source) => {
                if counted.insert(source, rule).is_some() {
                    row.note("alarm", KeyProblem::Conflict("stands twice"));
                }
            }
            None if name.is_empty() => {}
            None => row.note("alarm", KeyProblem::Expected("the name of an alarm")),
        }
        row.finish();
    }
    from.finish();
    AlarmRules::new(counted, open_max)
}

/// Persons over the seats.
pub(super) fn overload(mut from: Section<'_>) -> OverloadRules {
    let load_states = from.wholes("load_states", &(0..=3));
    let rules = OverloadRules {
        lasts_min: from.span("lasts_s", SECOND, &(0.0..=3600.0)),
        count_holds: from.span("count_holds_min", MINUTE, &(0.1..=1440.0)),
        load_states: load_states
            .into_iter()
            .filter_map(|state| u8::try_from(state).ok())
            .collect(),
        severity_min: from.name("severity_min", Severity::L1, SEVERITIES),
        points: overload_points(&mut from),
        fines: overload_fines(&mut from),
    };
    from.finish();
    rules
}

fn overload_points(from: &mut Section<'_>) -> Vec<OverloadPoints> {
    let row = |mut from: Section<'_>| {
        let row = OverloadPoints {
            over_percent: from.whole("over_percent", &(0..=1000)),
            points: from.whole("points", &(0..=12)),
            basis: from.name(
                "basis",
                PointsBasis::OverloadArticle10,
                "a basis that the violation format knows",
            ),
        };
        from.finish();
        row
    };
    let rows: Vec<OverloadPoints> = from.sections("points").into_iter().map(row).collect();
    ascending(from, "points", rows.iter().map(|row| row.over_percent));
    rows
}

fn overload_fines(from: &mut Section<'_>) -> Vec<OverloadFine> {
    let row = |mut from: Section<'_>| {
        let row = OverloadFine {
            over_percent: from.whole("over_percent", &(0..=1000)),
            least_cny: from.whole("least_cny", &(0..=1_000_000)),
            most_cny: from.whole("most_cny", &(0..=1_000_000)),
        };
        from.finish();
        row
    };
    let rows: Vec<OverloadFine> = from.sections("fines").into_iter().map(row).collect();
    ascending(from, "fines", rows.iter().map(|row| row.over_percent));
    rows
}

/// Notes bounds of rows that do not begin at 0 and ascend.
fn ascending(from: &Section<'_>, key: &str, bounds: impl Iterator<Item = u32>) {
    let bounds: Vec<u32> = bounds.collect();
    let ascends = bounds.windows(2).all(|pair| pair[0] < pair[1]);
    if bounds.first() != Some(&0) || !ascends {
        let problem = "over_percent must begin at 0 and ascend";
        from.note(key, KeyProblem::Conflict(problem));
    }
}

/// Signs of tampering.
pub(super) fn tamper(mut from: Section<'_>) -> TamperRules {
    let rules = TamperRules {
        still_m: from.number("still_m", &(0.0..=1000.0)),
        still_km: from.number("still_km", &(0.1..=1000.0)),
        block_km: from.number("block_km", &(1.0..=1000.0)),
        apart_percent: from.whole("apart_percent", &(0..=1000)),
        apart_km: from.number("apart_km", &(0.0..=1000.0)),
        penalty: penalties(&mut from),
    };
    from.finish();
    rules
}

/// Drift days.
pub(super) fn drift(mut from: Section<'_>) -> DriftRules {
    let rules = DriftRules {
        points_min: from.whole("points_min", &(1..=100_000)),
        penalty: penalties(&mut from),
    };
    from.finish();
    rules
}

/// Places of another datum than declared.
pub(super) fn datum(mut from: Section<'_>) -> DatumRules {
    let rules = DatumRules {
        step: from.span("step_s", SECOND, &(1.0..=3600.0)),
        samples: from.whole("samples", &(10..=10_000)),
        near_m: from.number("near_m", &(1.0..=100.0)),
        fits_percent: from.whole("fits_percent", &(1..=100)),
        misfits_percent: from.whole("misfits_percent", &(0..=99)),
        penalty: penalties(&mut from),
    };
    if rules.misfits_percent >= rules.fits_percent {
        let problem = "must be less than fits_percent";
        from.note("misfits_percent", KeyProblem::Conflict(problem));
    }
    from.finish();
    rules
}

/// Charters without a contract.
pub(super) fn charter(mut from: Section<'_>) -> CharterRules {
    let day = Span::from_millis(HOUR.millis() * 24);
    let rules = CharterRules {
        classes: from.vehicle_classes("classes"),
        longest: from.span("longest_days", day, &(1.0..=366.0)),
        lasts_min: from.span("lasts_min", MINUTE, &(0.0..=1440.0)),
        stop_min: from.span("stop_min", MINUTE, &(1.0..=1440.0)),
        penalty: penalties(&mut from),
    };
    from.finish();
    rules
}

/// What is told before a limit is passed.
pub(super) fn prealarm(mut from: Section<'_>) -> PreAlarmRules {
    let minutes = 0.0..=600.0;
    let margin = 0.0..=50.0;
    let rules = PreAlarmRules {
        fatigue_left: [
            from.span("first_min", MINUTE, &minutes),
            from.span("last_min", MINUTE, &minutes),
        ],
        speed_margin: from.speed("speed_margin_kmh", &margin),
        speed_again: from.speed("speed_again_kmh", &margin),
        repeat_min: from.span("repeat_min", MINUTE, &minutes),
        data_age_max: from.span("data_age_max_min", MINUTE, &minutes),
    };
    if rules.fatigue_left[0] < rules.fatigue_left[1] {
        let problem = "must not be below last_min";
        from.note("first_min", KeyProblem::Conflict(problem));
    }
    from.finish();
    rules
}
