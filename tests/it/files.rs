//! Files in, verdicts out: `evaluate` on made and on real tracks, and the readers against each other.

#![expect(
    clippy::unwrap_used,
    reason = "a failing step of a test must say where it stands"
)]

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use roadwarden::cli::evaluate::{self, EvaluateArgs};
use roadwarden::files::fixes::{self, ReadOptions};
use serde_json::Value;

#[derive(clap::Parser)]
struct Evaluate {
    #[command(flatten)]
    args: EvaluateArgs,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Violations and what was told beside them.
fn evaluate(options: &[&str]) -> (Vec<Value>, String) {
    let options = std::iter::once("evaluate").chain(options.iter().copied());
    let args = Evaluate::try_parse_from(options).unwrap().args;
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    evaluate::run(&args, &mut out, &mut notes).unwrap();
    let lines = String::from_utf8(out).unwrap();
    let violations = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    (violations, String::from_utf8(notes).unwrap())
}

fn fixture(name: &str) -> String {
    root()
        .join("fixtures/evaluate")
        .join(name)
        .display()
        .to_string()
}

/// One line a violation: what happened to whom, when and how bad it is.
fn told(violation: &Value) -> String {
    let text = |name: &str| violation[name].as_str().unwrap_or("null").to_owned();
    let clock = |name: &str| text(name).get(11..19).unwrap_or("null").to_owned();
    format!(
        "{} {} {} {}-{} {} {} {}",
        text("plate"),
        text("kind"),
        text("status"),
        clock("started_at"),
        clock("ended_at"),
        violation["duration_s"],
        text("severity"),
        violation["limit"]["source"],
    )
}

#[test]
fn a_made_file_is_judged_as_its_readme_says() {
    let (violations, notes) = evaluate(&[
        "--fleet",
        &fixture("fleet"),
        "--fixes",
        &fixture("fixes.ndjson"),
        "--routes",
        &fixture("routes.geojson"),
    ]);
    let found: Vec<_> = violations.iter().map(told).collect();
    assert_eq!(
        found,
        [
            "湘Z00001 offline_movement closed 12:00:00-12:10:00 600 L1 null",
            "湘Z00001 speeding closed 23:10:00-23:11:10 70 L1 \"night\"",
            "湘Z00002 speeding closed 14:01:00-14:02:00 60 L2 \"class\"",
            "湘Z00003 route_deviation closed 10:04:40-10:09:40 300 L3 null",
        ]
    );
    assert_eq!(violations[3]["driver"], "430-1");
    let codes = ["unknown_vehicle", "bad_value", "bad_json"];
    for code in codes {
        assert!(notes.contains(&format!("({code})")), "{notes}");
    }
    assert!(notes.ends_with("3 bad lines left out\n"), "{notes}");
}

#[test]
fn a_road_map_that_cannot_be_read_is_refused_with_a_reason() {
    let (fleet, fixes) = (fixture("fleet"), fixture("fixes.ndjson"));
    let options = [
        "x",
        "--fleet",
        &fleet,
        "--fixes",
        &fixes,
        "--roads",
        "a.osm.pbf",
    ];
    let args = Evaluate::try_parse_from(options).unwrap().args;
    let error = evaluate::run(&args, &mut Vec::new(), &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "cannot read a.osm.pbf");
}

#[test]
fn a_plate_and_a_terminal_must_be_of_one_vehicle() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "enterprises.csv",
        "id,name,credit_code,region,kind\nE1,青禾客运,,430121,passenger\n",
    );
    write(
        "vehicles.csv",
        "plate,plate_color,terminal,enterprise_id,class\n\
         湘A00001,yellow,13900000001,E1,line_coach_2\n湘A00002,yellow,13900000002,E1,line_coach_2\n",
    );
    let line = |terminal: &str| {
        format!(
            "{{\"plate\":\"湘A00001\",\"plate_color\":\"yellow\",\"terminal\":\"{terminal}\",\
             \"time\":\"2026-11-21T08:00:00+08:00\",\"lat\":28.1,\"lon\":112.9,\"speed_kmh\":60}}\n"
        )
    };
    let lines = ["013900000001", "13900000002", "13900000003", "x"].map(line);
    write("fixes.ndjson", &lines.concat());
    let (_, notes) = evaluate(&[
        "--fleet",
        &folder.path().display().to_string(),
        "--fixes",
        &folder.path().join("fixes.ndjson").display().to_string(),
    ]);
    let codes: Vec<_> = notes
        .lines()
        .filter_map(|note| Some(note.rsplit_once(" (")?.1.trim_end_matches(')')))
        .collect();
    let contradictory = "contradictory_identity";
    assert_eq!(
        codes,
        [contradictory, contradictory, "bad_terminal"],
        "{notes}"
    );
}

/// Rows of a file as text, so that readers can be compared.
fn rows(path: &Path, options: &ReadOptions) -> Vec<String> {
    let input = fixes::open(path).unwrap();
    let mut rows = Vec::new();
    fixes::read(input.format, input.reader, options, &mut |_, row| {
        let row = row.unwrap();
        rows.push(format!(
            "{} {} {:?} {}",
            row.subject,
            row.time.millis(),
            row.position,
            row.speed
        ));
        ControlFlow::Continue(())
    })
    .unwrap();
    rows
}

#[test]
fn the_same_fixes_read_the_same_from_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let ndjson = file(
        "a.ndjson",
        r#"{"plate":"湘Z00001","plate_color":"yellow","time":"2026-11-21T08:00:00+08:00","lat":28.1,"lon":112.9,"speed_kmh":36}"#,
    );
    let csv = file(
        "a.csv",
        "plate,plate_color,time,lat,lon,speed_kmh\n湘Z00001,yellow,2026-11-21T00:00:00Z,28.1,112.9,36.0\n",
    );
    let gpx = file(
        "a.gpx",
        r#"<gpx><trk><name>湘Z00001 yellow</name><trkseg><trkpt lat="28.1" lon="112.9">
           <time>2026-11-21T00:00:00Z</time><speed>10</speed></trkpt></trkseg></trk></gpx>"#,
    );
    let options = ReadOptions::default();
    let expected = rows(&ndjson, &options);
    assert_eq!(expected.len(), 1);
    assert_eq!(rows(&csv, &options), expected);
    assert_eq!(rows(&gpx, &options), expected);
}

/// The shared tracks, where this machine has them.
fn shared_tracks() -> Option<PathBuf> {
    let candidates = ["../shared/data/tracks", "../../shared/data/tracks"];
    let found = candidates.into_iter().map(|path| root().join(path));
    found.into_iter().find(|path| path.is_dir())
}

#[test]
fn a_real_truck_file_loads_as_it_is() {
    let Some(tracks) = shared_tracks() else {
        eprintln!("not run: no shared tracks beside the project");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "enterprises.csv",
        "id,name,credit_code,region,kind\nE1,货运,,360000,freight\n",
    );
    write(
        "vehicles.csv",
        "plate,plate_color,enterprise_id,class\nAD00013,yellow,E1,heavy_truck\n",
    );
    let options = [
        "--fleet",
        &folder.path().display().to_string(),
        "--fixes",
        &tracks.join("truck_AD00013.csv.gz").display().to_string(),
        "--columns",
        "plate=vehicle,plate_color:=yellow,time=location_time,lat=lat,lon=lng,\
         speed_kmh=gps_speed_kmh,course_deg=direction_deg,odometer_km=mileage_km",
        "--time-zone",
        "UTC",
    ];
    let (violations, notes) = evaluate(&options);
    assert_eq!(notes, "", "every line is a fix");
    assert!(
        violations
            .iter()
            .all(|violation| violation["plate"] == "AD00013")
    );
    // 24 h of counters and all: judged from first to last, in order.
    let starts: Vec<_> = violations
        .iter()
        .map(|violation| violation["started_at"].as_str().unwrap())
        .collect();
    assert!(starts.is_sorted(), "{starts:?}");
}

/// A drive of some minutes north at 60 km/h, a fix every ten seconds, with `more` in every line.
fn drive_north(time: &str, minutes: u32, more: &str) -> String {
    (0..minutes * 6)
        .map(|step| {
            let (minute, second) = (step / 6, step % 6 * 10);
            let lat = 28.0 + f64::from(step) * 166.667 / 111_195.0;
            let mut line = format!(
                "{{\"plate\":\"湘A00001\",\"plate_color\":\"yellow\",\"time\":\"2026-11-21T{time}:{minute:02}:{second:02}+08:00\",\
                 \"lat\":{lat:.6},\"lon\":112.9,\"speed_kmh\":60"
            );
            line += more;
            line + "}\n"
        })
        .collect()
}

/// What `evaluate` says of a drive of a coach of 40 seats on a line of 300 km.
fn evaluate_other_kinds(fixes: &str, permits: &str, areas: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    write(
        "enterprises.csv",
        "id,name,credit_code,region,kind\nE1,青禾客运,,430121,passenger\n",
    );
    write(
        "vehicles.csv",
        "plate,plate_color,terminal,enterprise_id,class,seats,region,line_km,route_id\n\
         湘A00001,yellow,,E1,line_coach_2,40,,300,\n",
    );
    write("permits.csv", permits);
    let fixes = write("fixes.ndjson", fixes);
    let areas = write("areas.geojson", areas);
    let fleet = folder.path().display().to_string();
    evaluate(&["--fleet", &fleet, "--fixes", &fixes, "--areas", &areas]).0
}

const NO_AREAS: &str = r#"{"type":"FeatureCollection","features":[]}"#;

#[test]
fn areas_permits_and_reported_persons_reach_the_verdicts() {
    let areas = r#"{"type":"FeatureCollection","features":[{"type":"Feature",
        "properties":{"id":"A1","name":"水源地","kind":"forbidden","limit_kmh":null,"hours":null,"classes":null},
        "geometry":{"type":"Polygon","coordinates":[[[112.8,28.02],[113.0,28.02],[113.0,28.03],[112.8,28.03],[112.8,28.02]]]}}]}"#;
    let night = drive_north("03", 10, r#","passengers":44,"events":"dsm_phone:once:2""#);
    let head = "plate,plate_color,kind,from,to,reference\n";
    let found = evaluate_other_kinds(&night, head, areas);
    let kinds: Vec<_> = found
        .iter()
        .map(|violation| violation["kind"].as_str().unwrap().to_owned())
        .collect();
    let count = |kind: &str| kinds.iter().filter(|found| *found == kind).count();
    assert_eq!(
        (count("night_ban"), count("area_forbidden")),
        (1, 1),
        "{kinds:?}"
    );
    let detail = |kind: &str| {
        let violation = found.iter().find(|found| found["kind"] == kind).unwrap();
        violation["details"].clone()
    };
    assert_eq!(detail("area_forbidden")["area_id"], "A1");
    assert_eq!(detail("night_ban")["line_km"], 300);
    let overload = found
        .iter()
        .find(|found| found["details"]["alarm"] == "overload")
        .unwrap();
    assert_eq!(overload["points"], 6);
    assert_eq!(overload["details"]["measured"], 44);
    assert_eq!(
        overload["details"]["fine_cny"],
        serde_json::json!([200, 500])
    );
    assert!(
        found
            .iter()
            .any(|found| found["details"]["alarm"] == "dsm_phone")
    );

    let voucher = format!("{head}湘A00001,yellow,relay_voucher,2026-11-21,2026-11-21,JB-1\n");
    let found = evaluate_other_kinds(&drive_north("03", 10, ""), &voucher, NO_AREAS);
    assert_eq!(found, Vec::<Value>::new());
}
