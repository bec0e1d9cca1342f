//! The rulebook document: TOML to `RuleSet`, checked; the default document.
//!
//! One document is one version, with the days for which it holds; several of them side by side
//! make a history. No threshold stands anywhere else: `default.toml` is the default, with the
//! legal basis of each value beside it.

mod error;
mod kinds;
mod overlay;
mod section;

use std::sync::Arc;

use crate::model::overlay::Overlays;
use crate::model::rules::{
    ByClass, ClassCap, DeviationRules, DutyRules, FatigueKind, FatigueRules, MonitorOnly,
    MotionRules, OfflineRules, Penalty, PlausibilityRules, PointsRow, RoadDefaults, RoadRules,
    RuleSet, SeverityByPoints, SpeedingRules, VisibilityRow,
};
use crate::model::violation::PointsBasis;
use crate::model::{LocalZone, RoadClass, Severity, Span};

pub use error::{KeyError, KeyProblem, RulebookError};
use section::{Problems, Section};

const SECOND: Span = Span::from_seconds(1);
const MINUTE: Span = Span::from_minutes(1);
const HOUR: Span = Span::from_hours(1);

/// What a severity may be called in the document.
const SEVERITIES: &str = "one of L1, L2, L3, L4";

/// The document that holds when no other is imported.
pub const fn default_document() -> &'static str {
    include_str!("default.toml")
}

/// Reads and checks a rulebook document.
///
/// # Errors
/// [`RulebookError::Syntax`] when the text is not TOML; otherwise [`RulebookError::Keys`] with every
/// key that is missing, unknown, out of bounds or at odds with another.
pub fn parse(text: &str) -> Result<RuleSet, RulebookError> {
    let mut table: toml::Table = text.parse().map_err(|error| syntax(text, &error))?;
    let problems = Problems::default();
    let mut overlays = Section::root(overlay::split_off(&mut table), &problems);
    let mut rules = rule_set(Section::root(table.clone(), &problems));
    if problems.borrow().is_empty() {
        rules.overlays = overlay::read(&mut overlays, &rules, &table);
    }
    overlays.finish();
    let problems = problems.into_inner();
    if problems.is_empty() {
        Ok(rules)
    } else {
        Err(RulebookError::Keys(problems))
    }
}

/// Reads the imported documents, newest first, and the built-in one below them: each holds from its
/// `effective_from` on. One of an older release that cannot be read any more holds no more; the newest must be one.
///
/// # Errors
/// As [`parse`], of the newest document.
pub fn parse_all<'a>(
    newest_first: impl IntoIterator<Item = &'a str>,
) -> Result<RuleSet, RulebookError> {
    let mut texts = newest_first.into_iter().chain([default_document()]);
    let mut rules = parse(texts.next().unwrap_or_default())?;
    rules.earlier = texts
        .filter_map(|text| parse(text).ok().map(Arc::new))
        .collect();
    Ok(rules)
}

/// The rules after an import of a document, with its number.
pub type AfterImport = (i64, RuleSet);

/// The rules as they are after the newest import, and as they were after each one before, newest first, those of
/// the built-in document (number 0) last. The documents come with the numbers of their imports, newest first, as
/// for [`parse_all`].
///
/// # Errors
/// As [`parse`], of the newest document.
pub fn parse_imports<'a>(
    newest_first: impl IntoIterator<Item = (i64, &'a str)>,
) -> Result<(AfterImport, Vec<AfterImport>), RulebookError> {
    let mut texts = newest_first.into_iter().chain([(0, default_document())]);
    let (number, newest) = texts.next().unwrap_or_default();
    let mut newest = parse(newest)?;
    let read: Vec<(i64, Arc<RuleSet>)> = texts
        .filter_map(|(number, text)| Some((number, Arc::new(parse(text).ok()?))))
        .collect();
    let below = |places: usize| -> Vec<Arc<RuleSet>> {
        let documents = read.iter().skip(places);
        documents
            .map(|(_, document)| Arc::clone(document))
            .collect()
    };
    newest.earlier = below(0);
    let before = (1..).zip(&read).map(|(place, (number, document))| {
        let mut rules = RuleSet::clone(document);
        rules.earlier = below(place);
        (*number, rules)
    });
    Ok(((number, newest), before.collect()))
}

fn syntax(text: &str, error: &toml::de::Error) -> RulebookError {
    let before = error.span().and_then(|span| text.get(..span.start));
    RulebookError::Syntax {
        line: 1 + before.map_or(0, |before| before.matches('\n').count()),
        message: error.message().replace('\n', " "),
    }
}

fn rule_set(mut root: Section<'_>) -> RuleSet {
    let zone = zone(&mut root);
    let rules = RuleSet {
        version: root.text("version"),
        effective_from: root.day("effective_from", &zone),
        effective_to: root.optional_day("effective_to", &zone),
        night: root.window("night"),
        motion: motion(root.section("motion")),
        speeding: speeding(root.section("speeding")),
        roads: roads(root.section("roads")),
        severity: severity(root.section("severity")),
        fatigue: fatigue(root.section("fatigue")),
        offline: offline(root.section("offline")),
        deviation: deviation(root.section("deviation")),
        night_ban: kinds::night_ban(root.section("night_ban")),
        area: kinds::area(root.section("area")),
        unplanned_stop: kinds::unplanned_stop(root.section("unplanned_stop")),
        alarms: kinds::alarms(root.section("terminal_alarm")),
        overload: kinds::overload(root.section("overload")),
        tamper: kinds::tamper(root.section("tamper")),
        drift: kinds::drift(root.section("drift")),
        datum: kinds::datum(root.section("datum")),
        charter: kinds::charter(root.section("charter")),
        prealarm: kinds::prealarm(root.section("prealarm")),
        plausibility: plausibility(root.section("plausibility"), &zone),
        duty: duty(root.section("duty")),
        caps: Vec::new(),
        overlays: Overlays::default(),
        earlier: Vec::new(),
        zone,
    };
    if rules
        .effective_to
        .is_some_and(|to| to <= rules.effective_from)
    {
        root.note(
            "effective_to",
            KeyProblem::Conflict("must be after effective_from"),
        );
    }
    root.finish();
    rules
}

fn zone(root: &mut Section<'_>) -> LocalZone {
    let name = root.text("zone");
    LocalZone::from_name(&name).unwrap_or_else(|| {
        if !name.is_empty() {
            root.note(
                "zone",
                KeyProblem::Expected("an IANA zone name such as Asia/Shanghai"),
            );
        }
        LocalZone::default()
    })
}

fn motion(mut from: Section<'_>) -> MotionRules {
    let rules = MotionRules {
        driving_over: from.speed("driving_over_kmh", &(0.0..=30.0)),
        movement_min: from.span("movement_min_s", SECOND, &(0.0..=300.0)),
        gap: from.span("gap_min", MINUTE, &(0.5..=60.0)),
        same_place_m: from.number("same_place_m", &(0.0..=10_000.0)),
    };
    from.finish();
    rules
}

fn speeding(mut from: Section<'_>) -> SpeedingRules {
    let mut caps = from.section("caps");
    let rules = SpeedingRules {
        counts_over: from.span("counts_over_s", SECOND, &(0.0..=600.0)),
        join_within: from.span("join_within_s", SECOND, &(0.0..=600.0)),
        night_percent: from.whole("night_percent", &(1..=100)),
        night_seats_min: from.whole("night_seats_min", &(0..=200)),
        caps: by_class(&mut caps, |caps, class| class_cap(caps.section(class))),
        points: points(&mut from),
        monitor_only: monitor_only(from.section("monitor_only")),
        visibility: visibility(&mut from),
    };
    caps.finish();
    from.finish();
    rules
}

fn class_cap(mut from: Section<'_>) -> ClassCap {
    let range = 10.0..=160.0;
    let cap = ClassCap {
        expressway: from.speed("expressway_kmh", &range),
        other: from.speed("other_kmh", &range),
        unknown: from.speed("unknown_kmh", &range),
    };
    from.finish();
    cap
}

fn points(from: &mut Section<'_>) -> Vec<PointsRow> {
    let row = |mut from: Section<'_>| {
        let row = PointsRow {
            over_percent: from.whole("over_percent", &(0..=1000)),
            expressway: from.whole("expressway", &(0..=12)),
            other: from.whole("other", &(0..=12)),
        };
        from.finish();
        row
    };
    let rows: Vec<PointsRow> = from.sections("points").into_iter().map(row).collect();
    let begins = rows.first().is_some_and(|row| row.over_percent == 0);
    let ascends = rows
        .windows(2)
        .all(|pair| matches!(pair, [low, high] if low.over_percent < high.over_percent));
    if !begins || !ascends {
        let problem = "over_percent must begin at 0 and ascend";
        from.note("points", KeyProblem::Conflict(problem));
    }
    rows
}

fn visibility(from: &mut Section<'_>) -> Vec<VisibilityRow> {
    let row = |mut from: Section<'_>| {
        let range = 10.0..=160.0;
        let row = VisibilityRow {
            below_m: from.whole("below_m", &(1..=100_000)),
            expressway: from.optional_speed("expressway_kmh", &range),
            other: from.optional_speed("other_kmh", &range),
            unknown: from.optional_speed("unknown_kmh", &range),
        };
        from.finish();
        row
    };
    let rows: Vec<VisibilityRow> = from.sections("visibility").into_iter().map(row).collect();
    let falls = rows
        .windows(2)
        .all(|pair| matches!(pair, [high, low] if high.below_m > low.below_m));
    if !falls {
        from.note("visibility", KeyProblem::Conflict("below_m must fall"));
    }
    rows
}

fn monitor_only(mut from: Section<'_>) -> MonitorOnly {
    let rules = MonitorOnly {
        graver_percent: from.whole("graver_percent", &(0..=1000)),
        below: from.name("below", Severity::L1, SEVERITIES),
        from: from.name("from", Severity::L1, SEVERITIES),
    };
    from.finish();
    rules
}

fn roads(mut from: Section<'_>) -> RoadRules {
    let rules = RoadRules {
        reach_m: from.number("reach_m", &(5.0..=200.0)),
        course_from: from.speed("course_from_kmh", &(0.0..=200.0)),
        course_deg_max: from.whole("course_deg_max", &(10..=180)),
        confidence_min: from.number("confidence_min", &(0.0..=1.0)),
        beside_m: from.number("beside_m", &(0.0..=200.0)),
        block: from.span("block_s", SECOND, &(1.0..=600.0)),
        margin_before: from.span("margin_before_s", SECOND, &(0.0..=600.0)),
        margin_after: from.span("margin_after_s", SECOND, &(0.0..=600.0)),
        margin_step: from.span("margin_step_s", SECOND, &(1.0..=60.0)),
        wait: from.span("wait_s", SECOND, &(0.0..=3600.0)),
        defaults: road_defaults(from.section("defaults")),
        zones: from.section("zones").speeds(&(1.0..=200.0)),
    };
    let four_blocks = rules.block.millis().saturating_mul(4);
    for (name, span) in [
        ("margin_before_s", rules.margin_before),
        ("margin_after_s", rules.margin_after),
        ("wait_s", rules.wait),
    ] {
        if span.millis() > four_blocks {
            let problem = "must be at most four blocks";
            from.note(name, KeyProblem::Conflict(problem));
        }
    }
    from.finish();
    rules
}

fn road_defaults(mut from: Section<'_>) -> RoadDefaults {
    let range = 5.0..=160.0;
    let defaults = RoadDefaults {
        expressway: from.speed("expressway_kmh", &range),
        urban_one_lane: from.speed("urban_one_lane_kmh", &range),
        highway_one_lane: from.speed("highway_one_lane_kmh", &range),
        urban_no_line: from.speed("urban_no_line_kmh", &range),
        highway_no_line: from.speed("highway_no_line_kmh", &range),
        one_lane: road_classes(&mut from, "one_lane"),
        no_line: road_classes(&mut from, "no_line"),
    };
    from.finish();
    defaults
}

fn road_classes(from: &mut Section<'_>, key: &'static str) -> Vec<RoadClass> {
    let names = from.names(key);
    let classes: Option<Vec<RoadClass>> = names.iter().map(|name| name.parse().ok()).collect();
    classes.unwrap_or_else(|| {
        let problem = "classes of roads such as \"tertiary\"";
        from.note(key, KeyProblem::Expected(problem));
        Vec::new()
    })
}

fn severity(mut from: Section<'_>) -> SeverityByPoints {
    let keys = ["L1_points", "L2_points", "L3_points", "L4_points"];
    let rows = keys
        .into_iter()
        .zip(Severity::ALL)
        .map(|(key, severity)| (from.whole(key, &(0..=12)), *severity))
        .collect();
    let rules = SeverityByPoints::new(rows).unwrap_or_else(|| {
        let problem = "must be 0, and the points of the others must ascend";
        from.note("L1_points", KeyProblem::Conflict(problem));
        SeverityByPoints::default()
    });
    from.finish();
    rules
}

fn fatigue(mut from: Section<'_>) -> FatigueRules {
    let kind = |mut from: Section<'_>, rolls: bool| {
        let window = rolls.then(|| from.span("window_h", HOUR, &(1.0..=744.0)));
        let kind = FatigueKind {
            limit: from.span("limit_min", MINUTE, &(1.0..=44_640.0)),
            applies: classes(&mut from),
            penalty: penalties(&mut from),
        };
        if window.is_some_and(|window| window < kind.limit) {
            from.note(
                "limit_min",
                KeyProblem::Conflict("must not exceed the window"),
            );
        }
        from.finish();
        (kind, window.unwrap_or_default())
    };
    let (continuous, _) = kind(from.section("continuous"), false);
    let (night, _) = kind(from.section("night"), false);
    let (hours24, hours24_window) = kind(from.section("hours24"), true);
    let (days7, days7_window) = kind(from.section("days7"), true);
    let rules = FatigueRules {
        rest_min: from.span("rest_min", MINUTE, &(1.0..=600.0)),
        gap_speed: from.speed("gap_speed_kmh", &(10.0..=200.0)),
        count_short_stops: from.flag("count_short_stops"),
        continuous,
        night,
        hours24,
        hours24_window,
        days7,
        days7_window,
    };
    from.finish();
    rules
}

fn offline(mut from: Section<'_>) -> OfflineRules {
    let rules = OfflineRules {
        penalty: penalties(&mut from),
    };
    from.finish();
    rules
}

fn deviation(mut from: Section<'_>) -> DeviationRules {
    let rules = DeviationRules {
        margin_m: from.number("margin_m", &(0.0..=10_000.0)),
        dwell: from.span("dwell_s", SECOND, &(0.0..=3600.0)),
        fixes_min: from.whole("fixes_min", &(1..=100)),
        return_dwell: from.span("return_dwell_s", SECOND, &(0.0..=3600.0)),
        trip_end: from.span("trip_end_min", MINUTE, &(5.0..=1440.0)),
        penalty: penalties(&mut from),
    };
    from.finish();
    rules
}

fn plausibility(mut from: Section<'_>, zone: &LocalZone) -> PlausibilityRules {
    let rules = PlausibilityRules {
        lat_udeg_min: from.micro_degrees("lat_min", &(-90.0..=90.0)),
        lat_udeg_max: from.micro_degrees("lat_max", &(-90.0..=90.0)),
        lon_udeg_min: from.micro_degrees("lon_min", &(-180.0..=180.0)),
        lon_udeg_max: from.micro_degrees("lon_max", &(-180.0..=180.0)),
        speed_max: from.speed("speed_max_kmh", &(1.0..=400.0)),
        altitude_m_min: from.whole("altitude_min_m", &(-1000..=9000)),
        altitude_m_max: from.whole("altitude_max_m", &(-1000..=9000)),
        future_allowance: from.span("future_allowance_s", SECOND, &(0.0..=86_400.0)),
        earliest: from.day("earliest", zone),
        jump_speed: from.speed("jump_speed_kmh", &(10.0..=1200.0)),
        jump_slack_m: from.number("jump_slack_m", &(0.0..=10_000.0)),
        jump_fixes: from.whole("jump_fixes", &(1..=100)),
    };
    let ordered = [
        ("lat_min", rules.lat_udeg_min < rules.lat_udeg_max),
        ("lon_min", rules.lon_udeg_min < rules.lon_udeg_max),
        (
            "altitude_min_m",
            rules.altitude_m_min < rules.altitude_m_max,
        ),
    ];
    for (key, _) in ordered.into_iter().filter(|(_, holds)| !holds) {
        from.note(key, KeyProblem::Conflict("must be below the highest value"));
    }
    from.finish();
    rules
}

fn duty(mut from: Section<'_>) -> DutyRules {
    let rate = 0.0..=1.0;
    let bits = from.wholes("fault_alarm_bits", &(0..=31));
    let rules = DutyRules {
        monitors_min: from.whole("monitors_min", &(0..=1000)),
        vehicles_per_monitor: from.whole("vehicles_per_monitor", &(1..=100_000)),
        uncovered_min_max: from.whole("uncovered_min_max", &(0..=1440)),
        handling_rate_min: from.number("handling_rate_min", &rate),
        handling_due: from.span("handling_due_h", HOUR, &(0.0..=8784.0)),
        inquiry_rate_min: from.number("inquiry_rate_min", &rate),
        inquiry_strict_window: from.window("inquiry_strict_window"),
        offline_max: from.span("offline_max_min", MINUTE, &(0.0..=1440.0)),
        fault_alarm_mask: bits.into_iter().fold(0, |mask, bit| mask | 1 << bit),
        reminder_severity_min: from.name("reminder_severity_min", Severity::L1, SEVERITIES),
        reminder_within: from.span("reminder_within_min", MINUTE, &(0.0..=1440.0)),
        reminder_data_age_max: from.span("reminder_data_age_max_min", MINUTE, &(0.0..=1440.0)),
        online_rate_min: from.number("online_rate_min", &rate),
    };
    from.finish();
    rules
}

/// A value for each group of classes, under its name.
fn by_class<T>(
    from: &mut Section<'_>,
    mut read: impl FnMut(&mut Section<'_>, &str) -> T,
) -> ByClass<T> {
    ByClass {
        coach: read(from, "coach"),
        hazmat: read(from, "hazmat"),
        heavy_truck: read(from, "heavy_truck"),
    }
}

fn penalties(from: &mut Section<'_>) -> ByClass<Penalty> {
    let mut section = from.section("penalty");
    let penalties = by_class(&mut section, |section, class| {
        penalty(section.section(class))
    });
    section.finish();
    penalties
}

fn penalty(mut from: Section<'_>) -> Penalty {
    let penalty = Penalty {
        points: from.whole("points", &(0..=12)),
        basis: from.optional_name("basis", "a basis that the violation format knows"),
        severity_min: from.name("severity_min", Severity::L1, SEVERITIES),
    };
    let open = [PointsBasis::RoadUnknown, PointsBasis::DriverUnknown];
    if (penalty.points > 0) != penalty.basis.is_some() {
        from.note(
            "basis",
            KeyProblem::Conflict("must stand exactly where there are points"),
        );
    } else if penalty.basis.is_some_and(|basis| open.contains(&basis)) {
        from.note("basis", KeyProblem::Expected("a legal basis"));
    }
    from.finish();
    penalty
}

fn classes(from: &mut Section<'_>) -> ByClass<bool> {
    let names = from.names("classes");
    let mut applies = ByClass {
        coach: false,
        hazmat: false,
        heavy_truck: false,
    };
    for name in names {
        match name.as_str() {
            "coach" => applies.coach = true,
            "hazmat" => applies.hazmat = true,
            "heavy_truck" => applies.heavy_truck = true,
            _ => {
                let expected = "names out of coach, hazmat, heavy_truck";
                from.note("classes", KeyProblem::Expected(expected));
            }
        }
    }
    applies
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    /// The default document with one line changed, and the problems that it then has.
    fn check(line: &str, changed: &str, expected: &str) {
        assert_eq!(default_document().matches(line).count(), 1, "{line}");
        let text = default_document().replace(line, changed);
        let error = parse(&text).unwrap_err().to_string();
        assert_eq!(error, format!("rulebook does not hold: {expected}"));
    }

    #[test]
    fn the_default_document_says_what_the_regulations_say() {
        let rules = parse(default_document()).unwrap();
        assert_eq!(rules.version, "cn-2026.1");
        assert_eq!(rules.zone.name(), "Asia/Shanghai");
        assert_eq!(rules.night.begin_ms, 22 * 3_600_000);
        assert_eq!(rules.fatigue.continuous.limit, Span::from_minutes(240));
        assert_eq!(rules.fatigue.days7_window, Span::from_hours(168));
        assert_eq!(rules.speeding.caps.hazmat.other.mkmh(), 60_000);
        assert_eq!(rules.plausibility.lon_udeg_max, 135_083_300);
        let bits = 0b1_0000_0000_0000_0001_1111_0000;
        assert_eq!(rules.duty.fault_alarm_mask, bits);
        assert_eq!(rules.duty.handling_due, Span::from_hours(168));
        assert_eq!(rules.severity.of(3), Severity::L2);
        assert_eq!(rules.severity.of(12), Severity::L4);
    }

    #[test]
    fn each_version_holds_from_its_first_day_on() {
        let document = |version: &str, dates: &str| {
            default_document()
                .replace(
                    "version = \"cn-2026.1\"",
                    &format!("version = \"{version}\""),
                )
                .replace("effective_from = 2026-06-01", dates)
        };
        let old = document("old", "effective_from = 2026-03-01");
        let autumn = document(
            "autumn",
            "effective_from = 2026-09-01\neffective_to = 2026-11-01",
        );
        let next = document("next", "effective_from = 2027-01-01");
        let imported = [
            next.as_str(),
            "of an older release",
            autumn.as_str(),
            old.as_str(),
        ];
        let rules = parse_all(imported).unwrap();
        for (day, expected) in [
            ("2026-01-05", "old"),
            ("2026-03-01", "old"),
            // Imported later than the built-in one, which holds from June on.
            ("2026-08-31", "old"),
            ("2026-09-01", "autumn"),
            ("2026-11-01", "old"),
            ("2027-01-01", "next"),
        ] {
            let time = Timestamp::from_rfc3339(&format!("{day}T00:00:00+08:00")).unwrap();
            assert_eq!(rules.in_force(None, None, time).version, expected, "{day}");
        }
        let built_in = parse_all([]).unwrap();
        assert_eq!(built_in, parse(default_document()).unwrap());
        assert!(parse_all(["none"]).is_err());
    }

    #[test]
    fn the_rules_after_each_import_know_only_those_before() {
        let document = |version: &str| {
            let line = format!("version = \"{version}\"");
            default_document().replace("version = \"cn-2026.1\"", &line)
        };
        let (first, second) = (document("first"), document("second"));
        let imported = [
            (9, first.as_str()),
            (5, "of an older release"),
            (4, second.as_str()),
            (2, first.as_str()),
        ];
        let (newest, before) = parse_imports(imported).unwrap();
        let told = |(number, rules): &AfterImport| {
            let earlier = rules.earlier.iter().map(|rules| rules.version.as_str());
            let versions: Vec<&str> = std::iter::once(rules.version.as_str())
                .chain(earlier)
                .collect();
            format!("{number} {}", versions.join(" "))
        };
        assert_eq!(told(&newest), "9 first second first cn-2026.1");
        let before: Vec<String> = before.iter().map(told).collect();
        assert_eq!(
            before,
            [
                "4 second first cn-2026.1",
                "2 first cn-2026.1",
                "0 cn-2026.1"
            ]
        );
        let texts = imported.map(|(_, text)| text);
        assert_eq!(newest.1, parse_all(texts).unwrap());
        assert!(parse_imports([(1, "none")]).is_err());
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        check(
            "gap_min = 5",
            "gap_min = 5\ngap_max = 9",
            "motion.gap_max: unknown key",
        );
        check(
            "zone = ",
            "province = \"x\"\nzone = ",
            "province: unknown key",
        );
    }

    #[test]
    fn a_missing_key_is_an_error() {
        check("gap_min = 5", "", "motion.gap_min: missing");
        check("effective_from = 2026-06-01", "", "effective_from: missing");
    }

    #[test]
    fn values_of_another_kind_or_out_of_bounds_are_errors() {
        check(
            "gap_min = 5",
            "gap_min = \"5\"",
            "motion.gap_min: must be a number",
        );
        check(
            "gap_min = 5",
            "gap_min = 500",
            "motion.gap_min: must be in 0.5 to 60",
        );
        check(
            "night = \"22:00-06:00\"",
            "night = \"22-6\"",
            "night: must be a window such as 22:00-06:00",
        );
        check(
            "version = \"cn-2026.1\"",
            "version = \" \"",
            "version: must be a text that is not empty",
        );
        check(
            "earliest = 2005-01-01",
            "earliest = 5",
            "plausibility.earliest: must be a date such as 2026-06-01",
        );
        check(
            "fault_alarm_bits = [4, 5, 6, 7, 8, 24]",
            "fault_alarm_bits = [4, 32]",
            "duty.fault_alarm_bits: must be in 0 to 31",
        );
        check(
            "coach = { points = 9, basis = \"记分办法9(7)\", severity_min = \"L1\" }",
            "coach = { points = 9, severity_min = \"L5\" }",
            "fatigue.continuous.penalty.coach.severity_min: must be one of L1, L2, L3, L4; \
             fatigue.continuous.penalty.coach.basis: must stand exactly where there are points",
        );
    }

    #[test]
    fn values_that_do_not_go_together_are_errors() {
        check(
            "over_percent = 20\nexpressway",
            "over_percent = 5\nexpressway",
            "speeding.points: over_percent must begin at 0 and ascend",
        );
        check(
            "lat_min = 3.85",
            "lat_min = 60",
            "plausibility.lat_min: must be below the highest value",
        );
        check(
            "effective_from = 2026-06-01",
            "effective_from = 2026-06-01\neffective_to = 2026-05-01",
            "effective_to: must be after effective_from",
        );
        check(
            "L2_points = 1",
            "L2_points = 7",
            "severity.L1_points: must be 0, and the points of the others must ascend",
        );
    }

    #[test]
    fn text_that_is_not_toml_names_its_line() {
        let error = parse("version = \"x\"\nzone = \n").unwrap_err();
        assert!(
            matches!(error, RulebookError::Syntax { line: 2, .. }),
            "{error}"
        );
    }
}
