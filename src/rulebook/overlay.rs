//! Regional rules, campaigns and weather warnings of a document.
//!
//! Each may set values of the document; the whole document is then checked again with these values,
//! alone and in every combination that can come about, so that no set of rules is ever half right.

use toml::{Table, Value};

use crate::model::overlay::{Cap, CapKey, OVERLAYS_MAX, Overlay, OverlaySet, Overlays};
use crate::model::rules::{RuleSet, VisibilityRow};
use crate::model::violation::LimitSource;
use crate::model::{Region, Timestamp, VehicleClass};

use super::error::{KeyError, KeyProblem};
use super::rule_set;
use super::section::{Problems, Section};

/// Keys of the document that hold overlays, in the order in which they win.
const KINDS: [&str; 3] = ["region", "campaign", "weather"];

/// Sections and keys that an overlay may not set: they hold for the document as a whole.
const FIXED: [&str; 5] = [
    "version",
    "effective_from",
    "effective_to",
    "zone",
    "plausibility",
];

/// Takes the overlays out of a document.
pub(super) fn split_off(document: &mut Table) -> Table {
    KINDS
        .iter()
        .filter_map(|kind| document.remove_entry(*kind))
        .collect()
}

/// An overlay with the values that it sets.
struct Read {
    overlay: Overlay,
    set: Option<Table>,
}

/// Reads the overlays; `base` are the rules of `document`, which has none.
pub(super) fn read(from: &mut Section<'_>, base: &RuleSet, document: &Table) -> Overlays {
    let mut found: Vec<Read> = Vec::new();
    for kind in KINDS {
        for mut section in from.optional_sections(kind) {
            let read = overlay(kind, &mut section, base);
            if let Some(set) = &read.set {
                check(&section, set, document);
            }
            let reference = &read.overlay.reference;
            if found
                .iter()
                .any(|known| known.overlay.reference == *reference)
            {
                section.note("id", KeyProblem::Conflict("stands twice"));
            }
            section.finish();
            found.push(read);
        }
    }
    let list = found.iter().map(|read| read.overlay.clone()).collect();
    let rules_of = |set| combined(from, &found, set, base, document);
    Overlays::new(list, rules_of).unwrap_or_else(|| {
        let problem = "too many overlays hold at once";
        from.note(KINDS[0], KeyProblem::Conflict(problem));
        Overlays::default()
    })
}

fn overlay(kind: &str, from: &mut Section<'_>, base: &RuleSet) -> Read {
    let reference = format!("{kind}/{}", from.text("id"));
    if from.has("name") {
        // For people who read the document.
        from.text("name");
    }
    let begins = from.optional_moment("from", &base.zone);
    let to = from.optional_moment("to", &base.zone);
    if begins.is_some_and(|begins| to.is_some_and(|to| to <= begins)) {
        from.note("to", KeyProblem::Conflict("must be after from"));
    }
    let cap = match kind {
        "campaign" => campaign_cap(from, &reference),
        "weather" => Some(weather_cap(from, &reference, &base.speeding.visibility)),
        _ => None,
    };
    let set = if kind == "weather" {
        None
    } else {
        from.optional_table("set")
    };
    Read {
        overlay: Overlay {
            from: begins.unwrap_or(Timestamp::MIN),
            to,
            regions: regions(from),
            classes: classes(from),
            reference,
            cap,
        },
        set,
    }
}

fn regions(from: &mut Section<'_>) -> Vec<Region> {
    if !from.has("regions") {
        return Vec::new();
    }
    let names = from.names("regions");
    let codes: Vec<Region> = names.iter().filter_map(|name| name.parse().ok()).collect();
    if codes.is_empty() || codes.len() < names.len() {
        let expected = "a list of codes of six digits, or left out for everywhere";
        from.note("regions", KeyProblem::Expected(expected));
    }
    codes
}

fn classes(from: &mut Section<'_>) -> Option<Vec<VehicleClass>> {
    if !from.has("classes") {
        return None;
    }
    Some(from.vehicle_classes("classes"))
}

fn campaign_cap(from: &mut Section<'_>, reference: &str) -> Option<Cap> {
    if !from.has("limit") {
        return None;
    }
    let mut limit = from.section("limit");
    let range = 10.0..=160.0;
    let cap = Cap {
        reference: reference.to_owned(),
        key: CapKey::of(reference),
        source: LimitSource::Campaign,
        expressway: limit.optional_speed("expressway_kmh", &range),
        other: limit.optional_speed("other_kmh", &range),
        unknown: limit.optional_speed("unknown_kmh", &range),
        legal: limit.flag("legal"),
    };
    limit.finish();
    Some(cap)
}

/// The limits of the narrowest row of the table that the sight is below.
fn weather_cap(from: &mut Section<'_>, reference: &str, table: &[VisibilityRow]) -> Cap {
    let sight_m: u32 = from.whole("visibility_m", &(0..=100_000));
    let row = table.iter().rev().find(|row| sight_m < row.below_m);
    if row.is_none() {
        let problem = "no row of speeding.visibility is for a sight as good";
        from.note("visibility_m", KeyProblem::Conflict(problem));
    }
    Cap {
        reference: reference.to_owned(),
        key: CapKey::of(reference),
        source: LimitSource::Weather,
        expressway: row.and_then(|row| row.expressway),
        other: row.and_then(|row| row.other),
        unknown: row.and_then(|row| row.unknown),
        legal: true,
    }
}

/// Notes what is wrong with the document once an overlay has set its values.
fn check(section: &Section<'_>, set: &Table, document: &Table) {
    for key in FIXED.iter().filter(|key| set.contains_key(**key)) {
        let problem = KeyProblem::Conflict("holds for the whole document and cannot be set");
        section.note(&format!("set.{key}"), problem);
    }
    let problems = Problems::default();
    rule_set(Section::root(merged(document, [set]), &problems));
    for KeyError { key, problem } in problems.into_inner() {
        section.note(&format!("set.{key}"), problem);
    }
}

/// The rules where exactly these overlays hold.
fn combined(
    from: &Section<'_>,
    found: &[Read],
    set: OverlaySet,
    base: &RuleSet,
    document: &Table,
) -> RuleSet {
    let holding = || {
        let places = (0..OVERLAYS_MAX).zip(found);
        places
            .filter(|(place, _)| set & (1 << place) != 0)
            .map(|(_, read)| read)
    };
    let sets: Vec<&Table> = holding().filter_map(|read| read.set.as_ref()).collect();
    let mut rules = if sets.is_empty() {
        base.clone()
    } else {
        let problems = Problems::default();
        let rules = rule_set(Section::root(merged(document, sets), &problems));
        if !problems.borrow().is_empty() {
            let problem = "values that several of them set at once do not go together";
            from.note(KINDS[0], KeyProblem::Conflict(problem));
        }
        rules
    };
    rules.caps = holding()
        .filter_map(|read| read.overlay.cap.clone())
        .collect();
    rules
}

/// The document with values replaced, later ones last.
fn merged<'a>(document: &Table, sets: impl IntoIterator<Item = &'a Table>) -> Table {
    let mut merged = document.clone();
    for set in sets {
        lay_over(&mut merged, set);
    }
    merged
}

fn lay_over(onto: &mut Table, set: &Table) {
    for (key, value) in set {
        match (onto.get_mut(key), value) {
            (Some(Value::Table(onto)), Value::Table(set)) => lay_over(onto, set),
            _ => {
                onto.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{default_document, parse};
    use super::*;
    use crate::model::Span;
    use crate::model::route::RoadKind;

    fn with(overlays: &str) -> String {
        format!("{}\n{overlays}", default_document())
    }

    fn check(overlays: &str, expected: &str) {
        let error = parse(&with(overlays)).unwrap_err().to_string();
        assert_eq!(error, format!("rulebook does not hold: {expected}"));
    }

    fn time(text: &str) -> Timestamp {
        Timestamp::from_rfc3339(text).unwrap()
    }

    const REGIONAL: &str = r#"
        [[region]]
        id = "hlj"
        regions = ["230000"]
        from = 2026-01-01
        [region.set]
        speeding.caps.hazmat.expressway_kmh = 60
        fatigue.continuous.limit_min = 200

        [[campaign]]
        id = "holiday"
        classes = ["hazmat"]
        from = 2026-10-01
        to = 2026-10-08
        [campaign.limit]
        unknown_kmh = 50
        legal = false
        [campaign.set]
        fatigue.continuous.limit_min = 180

        [[weather]]
        id = "fog"
        regions = ["230100"]
        from = 2026-10-02T05:00:00+08:00
        to = 2026-10-02T10:00:00+08:00
        visibility_m = 80
    "#;

    /// Limit of continuous driving, cap on expressways, and references of caps.
    fn in_force(region: &str, class: VehicleClass, at: &str) -> (i64, f64, Vec<String>) {
        let rules = parse(&with(REGIONAL)).unwrap();
        let region: Region = region.parse().unwrap();
        let rules = rules.in_force(Some(&region), Some(class), time(at));
        let limit = rules.fatigue.continuous.limit;
        (
            limit.millis() / Span::from_minutes(1).millis(),
            rules
                .speeding
                .caps
                .hazmat
                .on(Some(RoadKind::Expressway))
                .kmh(),
            rules.caps.iter().map(|cap| cap.reference.clone()).collect(),
        )
    }

    #[test]
    fn period_region_and_class_choose_the_rules() {
        use VehicleClass::{Hazmat, TouristCoach};
        let none = Vec::<String>::new();
        let before = "2025-12-31T23:59:59+08:00";
        assert_eq!(
            in_force("230102", Hazmat, before),
            (240, 80.0, none.clone())
        );
        let june = "2026-06-01T00:00:00+08:00";
        assert_eq!(in_force("230102", Hazmat, june), (200, 60.0, none.clone()));
        assert_eq!(in_force("430102", Hazmat, june), (240, 80.0, none.clone()));
        let holiday = "2026-10-01T00:00:00+08:00";
        let campaign = vec!["campaign/holiday".to_owned()];
        assert_eq!(
            in_force("430102", Hazmat, holiday),
            (180, 80.0, campaign.clone())
        );
        assert_eq!(in_force("230102", Hazmat, holiday), (180, 60.0, campaign));
        assert_eq!(
            in_force("230102", TouristCoach, holiday),
            (200, 60.0, none.clone())
        );
        let fog = "2026-10-02T05:00:00+08:00";
        let both = vec!["campaign/holiday".to_owned(), "weather/fog".to_owned()];
        assert_eq!(in_force("230102", Hazmat, fog), (180, 60.0, both));
        let after = "2026-10-08T00:00:00+08:00";
        assert_eq!(in_force("430102", Hazmat, after), (240, 80.0, none));
    }

    #[test]
    fn sight_chooses_the_limits_of_a_warning() {
        let table = parse(default_document()).unwrap().speeding.visibility;
        let limits = |sight_m: u32| {
            let row = table
                .iter()
                .rev()
                .find(|row| sight_m < row.below_m)
                .unwrap();
            [row.expressway, row.other].map(|limit| limit.map(|limit| limit.mkmh() / 1000))
        };
        assert_eq!(limits(199), [Some(60), None]);
        assert_eq!(limits(100), [Some(60), None]);
        assert_eq!(limits(99), [Some(40), None]);
        assert_eq!(limits(50), [Some(30), Some(30)]);
        assert_eq!(limits(49), [Some(20), Some(30)]);
    }

    #[test]
    fn what_does_not_hold_is_told_under_its_key() {
        check(
            "[[region]]\nid = \"a\"\nregions = [\"43\"]\ncolour = 1",
            "region[0].regions: must be a list of codes of six digits, or left out for everywhere; \
             region[0].colour: unknown key",
        );
        check(
            "[[campaign]]\nid = \"a\"\nfrom = 2026-02-02\nto = 2026-02-01\n[campaign.set]\nversion = \"x\"\nduty.online_rate_min = 2",
            "campaign[0].to: must be after from; \
             campaign[0].set.version: holds for the whole document and cannot be set; \
             campaign[0].set.duty.online_rate_min: must be in 0 to 1",
        );
        check(
            "[[weather]]\nid = \"a\"\nvisibility_m = 500\n[[weather]]\nid = \"a\"\nvisibility_m = 50",
            "weather[0].visibility_m: no row of speeding.visibility is for a sight as good; \
             weather[1].id: stands twice",
        );
    }
}
