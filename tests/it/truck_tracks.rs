//! Three real trucks (`data/tracks/truck_*.csv.gz` of the shared folder), judged whole.
//!
//! The files are not part of the project: they are read from the folder that `ROADWARDEN_SHARED`
//! names, else from `shared` beside the project, and the tests say so when they are not there.

use std::fs::File;
use std::path::PathBuf;

use flate2::read::GzDecoder;
use roadwarden::model::rules::RuleSet;
use roadwarden::model::violation::Details;
use roadwarden::model::{Fix, Position, Span, Speed, Timestamp, VehicleClass, ViolationKind};
use roadwarden::normalize::plausibility::assess;

use crate::drive::{fix, judge, rules};

/// The fixes of a truck file; `None` when the shared folder is not there.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn truck(name: &str) -> Option<Vec<Fix>> {
    let shared = std::env::var_os("ROADWARDEN_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    let path = shared.join(format!("data/tracks/truck_{name}.csv.gz"));
    let Ok(file) = File::open(&path) else {
        println!("skipped: {} is not there", path.display());
        return None;
    };
    let rules = rules().plausibility;
    let mut reader = csv::Reader::from_reader(GzDecoder::new(file));
    let fixes = reader.records().map(|record| {
        let record = record.unwrap();
        let number = |column: usize| record[column].parse::<f64>().unwrap();
        let time = format!("{}Z", record[1].replace(' ', "T"));
        let place = Position::from_degrees(number(3), number(2)).unwrap();
        let mut fix = Fix {
            speed: Speed::from_kmh(number(4)).unwrap(),
            driver: None,
            ..fix(Timestamp::from_rfc3339(&time).unwrap(), 0, place)
        };
        fix.quality = assess(&rules, &fix);
        fix
    });
    Some(fixes.collect())
}

/// The rule by which the data folder counts: a drive goes on through everything but twenty minutes
/// without speed, stops included, and time without data is a rest.
fn rules_of_the_data_folder() -> RuleSet {
    let mut rules = rules();
    rules.motion.driving_over = Speed::ZERO;
    rules.motion.movement_min = Span::ZERO;
    rules.motion.gap = Span::from_minutes(20);
    rules.motion.same_place_m = f64::INFINITY;
    rules.fatigue.count_short_stops = true;
    rules
}

/// Driving over four hours in a file, UTC: `from..to, minutes counted`.
fn check(rules: &RuleSet, name: &str, expected: &[&str]) {
    let Some(fixes) = truck(name) else { return };
    let violations = judge(rules, VehicleClass::HeavyTruck, None, &fixes);
    let text = |time: Timestamp| time.to_utc().format("%m-%dT%H:%M:%S").to_string();
    let found: Vec<String> = violations
        .iter()
        .filter(|violation| violation.kind == ViolationKind::FatigueContinuous)
        .map(|violation| {
            let Details::Fatigue { driving, .. } = violation.details else {
                panic!("{violation:?}");
            };
            format!(
                "{}..{}, {:.1} min",
                text(violation.started_at),
                violation.ended_at.map_or("open".to_owned(), text),
                driving.minutes(),
            )
        })
        .collect();
    assert_eq!(found, expected, "{name}");
}

/// The data folder states a drive from 08-05T23:22:26 to 08-06T03:59:47: 4.62 h.
///
/// The limit is passed four hours after its beginning. It ends at the first fix without speed, a
/// second after the last one with speed, where the folder ends it.
#[test]
fn truck_aa00002_drives_once_over_four_hours() {
    check(
        &rules_of_the_data_folder(),
        "AA00002",
        &["08-06T03:22:26..08-06T03:59:48, 277.4 min"],
    );
}

/// The data folder states a drive from 09-09T21:24:42 to 09-10T01:41:14: 4.28 h.
#[test]
fn truck_ad00013_drives_once_over_four_hours() {
    check(
        &rules_of_the_data_folder(),
        "AD00013",
        &["09-10T01:24:42..09-10T01:41:15, 256.6 min"],
    );
}

/// The data folder states a drive from 09-26T22:20:01 to 09-27T02:45:13: 4.42 h.
///
/// Four hours are over at 02:20:01, while the truck stands; it is over the limit when it drives on.
#[test]
fn truck_af00373_drives_once_over_four_hours() {
    check(
        &rules_of_the_data_folder(),
        "AF00373",
        &["09-27T02:21:07..09-27T02:45:14, 265.2 min"],
    );
}

/// By the default rulebook it comes out otherwise, for three reasons.
///
/// - Short stops do not count as driving (A4). Of the three drives above, 215, 175 and 190 minutes
///   are driving: none is over 240.
/// - Movement shorter than 10 s ends no rest: AD00013 rests from 00:07:19 to 00:28:58, with two
///   seconds of movement in it.
/// - Time without data in which the vehicle moved is unknown and no rest (A9): on 08-05 AA00002 is
///   silent from 09:40:01 to 10:00:01 and drives 22.5 km in it, which leaves no time for a rest, so
///   that its drives before and after are one, of 258 minutes without the silent ones.
#[test]
fn trucks_by_the_default_rulebook() {
    let rules = rules();
    check(
        &rules,
        "AA00002",
        &["08-05T12:32:49..08-05T12:54:36, 258.1 min"],
    );
    check(&rules, "AD00013", &[]);
    check(&rules, "AF00373", &[]);
}
