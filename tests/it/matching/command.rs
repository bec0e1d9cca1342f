//! The command `match`, end to end on a small map.

use std::fs;
use std::path::Path;

use clap::Parser as _;
use roadwarden::cli::{Arguments, Command, matching};
use roadwarden::geo::datum::from_wgs84;
use roadwarden::model::Datum;

/// A road that runs east for 1,000 m in three pieces: one with a limit, one without a sign, one with
/// its limit in mph.
const MAP: &str = r#"<osm version="0.6">
<node id="1" lat="28.1" lon="112.9"/><node id="2" lat="28.1" lon="112.904"/>
<node id="3" lat="28.1" lon="112.907"/><node id="4" lat="28.1" lon="112.910"/>
<way id="11"><nd ref="1"/><nd ref="2"/><tag k="highway" v="primary"/><tag k="maxspeed" v="60"/></way>
<way id="12"><nd ref="2"/><nd ref="3"/><tag k="highway" v="motorway"/></way>
<way id="13"><nd ref="3"/><nd ref="4"/><tag k="highway" v="primary"/><tag k="maxspeed" v="35 mph"/></way>
</osm>"#;

/// What the command prints, and what it notes.
fn run(folder: &Path, fixes: &str, text: &str, more: &[&str]) -> (String, String) {
    run_on(MAP, folder, fixes, text, more)
}

/// The same on another map.
fn run_on(
    map_text: &str,
    folder: &Path,
    fixes: &str,
    text: &str,
    more: &[&str],
) -> (String, String) {
    let (map, fixes) = (folder.join("map.osm"), folder.join(fixes));
    fs::write(&map, map_text).unwrap();
    fs::write(&fixes, text).unwrap();
    let paths = [map, fixes].map(|path| path.display().to_string());
    let given = [
        "roadwarden",
        "match",
        "--roads",
        &paths[0],
        "--fixes",
        &paths[1],
    ];
    let arguments = Arguments::try_parse_from(given.iter().chain(more)).unwrap();
    let Command::Match(args) = arguments.command else {
        panic!("another command");
    };
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    matching::run(&args, &mut out, &mut notes).unwrap();
    (
        String::from_utf8(out).unwrap(),
        String::from_utf8(notes).unwrap(),
    )
}

/// One field of every printed line.
fn field(out: &str, name: &str) -> Vec<serde_json::Value> {
    let lines = out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.map(|line| line[name].clone()).collect()
}

/// A fix of a track every 20 m along the street, second by second.
fn drive(track: &str) -> Vec<String> {
    let line = |second: u32| {
        let lon = 112.9 + f64::from(second) * 0.000_204;
        format!(
            r#"{{"track":{track},"time":"2026-11-21T08:00:{second:02}+08:00","lat":28.10001,"lon":{lon:.6},"speed_kmh":72,"course_deg":90}}"#
        )
    };
    (1..48).map(line).collect()
}

#[test]
fn every_fix_gets_the_limit_of_its_road_and_where_that_came_from() {
    let folder = tempfile::tempdir().unwrap();
    let text = drive("1").join("\n");
    let (out, notes) = run(folder.path(), "fixes.ndjson", &text, &[]);
    let mut limits: Vec<String> = out
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            format!(
                "{} {} {}",
                line["way"], line["limit_kmh"], line["limit_source"]
            )
        })
        .collect();
    limits.dedup();
    assert_eq!(limits[0], r#"11 60 "tag""#);
    assert!(
        limits[1].starts_with("12 ") && limits[1].ends_with(r#""class_default""#),
        "{limits:?}"
    );
    assert_eq!(limits[2], r#"13 56.327 "tag""#);
    assert_eq!(limits.len(), 3);
    assert!(notes.starts_with("47 fixes matched in "), "{notes}");
    let first: serde_json::Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["line"], &first["from_node"], &first["to_node"]),
        (&1.into(), &1.into(), &2.into())
    );
}

/// Limit and source of each change along the street, with these limits of the operator.
fn limits(sets: &str, more: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("limits.csv");
    let header = "id,limit_kmh,set_by,way,classes,from,to\n";
    fs::write(&file, format!("{header}{sets}")).unwrap();
    let path = file.display().to_string();
    let given = [&["--road-limits", &path], more].concat();
    let (out, notes) = run(
        folder.path(),
        "fixes.ndjson",
        &drive("1").join("\n"),
        &given,
    );
    let (kmh, sources) = (field(&out, "limit_kmh"), field(&out, "limit_source"));
    let mut told: Vec<String> = kmh
        .iter()
        .zip(&sources)
        .map(|(kmh, source)| format!("{kmh} {}", source.as_str().unwrap_or("-")))
        .collect();
    told.dedup();
    let unused = notes.lines().filter(|line| line.starts_with("no road"));
    told.extend(unused.map(ToOwned::to_owned));
    told.join(", ")
}

#[test]
fn a_limit_of_the_operator_holds_for_its_road_time_and_classes() {
    let map = "60 tag, 120 class_default, 56.327 tag";
    assert_eq!(limits("", &[]), map);
    assert_eq!(
        limits("a,40,x,11,,,\nb,70,x,12,,,\n", &[]),
        "40 override, 70 override, 56.327 tag"
    );
    assert_eq!(
        limits("a,40,x,99,,,\n", &[]),
        format!("{map}, no road of the map answers to limit \"a\"")
    );
    // From the twentieth second on; up to the day before.
    let from = "2026-11-21T08:00:10+08:00";
    assert_eq!(
        limits(
            &format!("a,40,x,11,,{from},\nb,30,x,12,,,2026-11-20\n"),
            &[]
        ),
        "60 tag, 40 override, 120 class_default, 56.327 tag"
    );
    let trucks = "a,40,x,11,heavy_truck,,\n";
    assert_eq!(limits(trucks, &[]), map);
    assert_eq!(limits(trucks, &["--class", "hazmat"]), map);
    assert_eq!(
        limits(trucks, &["--class", "heavy_truck"]),
        "40 override, 120 class_default, 56.327 tag"
    );
}

/// Limits of a road for 60, by night 40, for lorries 30 on Saturday evenings, at these times.
fn by_hour(times: [&str; 2], more: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let tags = concat!(
        r#"v="60"/><tag k="maxspeed:conditional" v="40 @ (22:00-06:00)"/>"#,
        r#"<tag k="maxspeed:hgv:conditional" v="30 @ (Sa 20:00-24:00)"/>"#
    );
    let map = MAP.replace(r#"v="60"/>"#, tags);
    let line = |(time, lon): (&str, f64)| {
        format!(r#"{{"track":1,{time},"lat":28.1,"lon":{lon},"speed_kmh":0,"course_deg":90}}"#)
    };
    let fixes = times.into_iter().zip([112.901, 112.9011]).map(line);
    let text: Vec<String> = fixes.collect();
    let (out, _) = run_on(&map, folder.path(), "fixes.ndjson", &text.join("\n"), more);
    let kmh = field(&out, "limit_kmh");
    kmh.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn posted_hours_hold_at_the_local_time_of_the_fix() {
    let zulu = |time: &str| format!(r#""time":"2026-11-21T{time}Z""#);
    let at = |one: &str, other: &str, more: &[&str]| by_hour([&zulu(one), &zulu(other)], more);
    // 21:59 and 22:00 in China, on a Saturday.
    assert_eq!(at("13:59:59", "14:00:00", &[]), "60 40");
    assert_eq!(at("21:59:59", "22:00:00", &[]), "40 60");
    let truck = ["--class", "heavy_truck"];
    assert_eq!(at("11:59:59", "12:00:00", &truck), "60 30");
    // Seconds from any moment tell no hour.
    assert_eq!(by_hour([r#""t_s":57600"#, r#""t_s":57601"#], &[]), "60 60");
}

#[test]
fn a_fleet_folder_tells_class_and_datum() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = folder.path().join("fleet");
    fs::create_dir(&fleet).unwrap();
    let enterprise = "id,name,region,kind,datum\nE1,青禾,430121,freight,gcj02\n";
    fs::write(fleet.join("enterprises.csv"), enterprise).unwrap();
    let vehicle = "plate,plate_color,enterprise_id,class\n湘A00001,yellow,E1,heavy_truck\n";
    fs::write(fleet.join("vehicles.csv"), vehicle).unwrap();
    let sets = folder.path().join("limits.csv");
    let set = "id,limit_kmh,set_by,way,classes\na,40,x,11,heavy_truck\n";
    fs::write(&sets, set).unwrap();
    let paths = [&fleet, &sets].map(|path| path.display().to_string());
    let given = ["--fleet", &paths[0], "--road-limits", &paths[1]];
    let fixes = |lat: f64, lon: f64| {
        let line = |second: u32| {
            let lon = lon + f64::from(second) * 0.000_204;
            format!(
                r#"{{"plate":"湘A00001","plate_color":"yellow","time":"2026-11-21T08:00:{second:02}+08:00","lat":{lat:.6},"lon":{lon:.6},"speed_kmh":72,"course_deg":90}}"#
            )
        };
        (1..10).map(line).collect::<Vec<_>>().join("\n")
    };
    let (lat, lon) = from_wgs84(Datum::Gcj02, 28.1, 112.9);
    let (out, _) = run(folder.path(), "fixes.ndjson", &fixes(lat, lon), &given);
    assert!(field(&out, "way").iter().all(|way| *way == 11), "{out}");
    assert!(
        field(&out, "limit_source")
            .iter()
            .all(|source| source == "override")
    );
    let plain = [&given[..], &["--datum", "wgs84"]].concat();
    let (out, _) = run(folder.path(), "fixes.ndjson", &fixes(lat, lon), &plain);
    assert!(
        field(&out, "way").iter().all(serde_json::Value::is_null),
        "{out}"
    );
}

#[test]
fn tracks_mixed_and_out_of_order_are_matched_apart_and_printed_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (there, back) = (drive("\"a\""), drive("\"b\""));
    let alone = run(folder.path(), "fixes.ndjson", &there.join("\n"), &[]).0;
    let mut mixed: Vec<String> = Vec::new();
    for (one, other) in there.iter().rev().zip(&back) {
        mixed.extend([one.clone(), other.clone()]);
    }
    let (out, _) = run(folder.path(), "fixes.ndjson", &mixed.join("\n"), &[]);
    let lines: Vec<u64> = field(&out, "line")
        .iter()
        .map(|line| line.as_u64().unwrap())
        .collect();
    assert_eq!(lines, (1..=94).collect::<Vec<_>>());
    let ways = field(&out, "way");
    let first: Vec<_> = ways.iter().step_by(2).rev().cloned().collect();
    assert_eq!(first, field(&alone, "way"));
}

#[test]
fn a_bad_line_is_told_and_costs_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = drive("1");
    lines[3] = r#"{"track":1,"lat":28.1}"#.to_owned();
    let (out, notes) = run(
        folder.path(),
        "fixes.ndjson",
        &lines.join("\n"),
        &["--lag", "3"],
    );
    assert_eq!(out.lines().count(), 46);
    assert!(
        notes.contains("fixes.ndjson:4: field time is missing (missing_field)"),
        "{notes}"
    );
    assert!(notes.contains("1 bad lines left out"), "{notes}");
}

#[test]
fn a_table_of_a_bare_track_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "track,t_s,lon,lat,speed_kmh,heading_deg,truth\n".to_owned();
    text += "0,0,112.901,28.1,72,90,x\n0,1,112.9012,28.1,72,90,x\n0,2,113.5,28.1,72,90,x\n";
    let (out, _) = run(folder.path(), "fixes.csv", &text, &["--no-course"]);
    assert_eq!(
        field(&out, "way"),
        [11.into(), 11.into(), serde_json::Value::Null]
    );
    assert_eq!(
        field(&out, "line"),
        [2.into(), 3.into(), serde_json::Value::from(4)]
    );
}

#[test]
fn a_map_that_is_none_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let map = folder.path().join("map.osm.pbf");
    fs::write(&map, "no map").unwrap();
    let fixes = folder.path().join("fixes.ndjson");
    fs::write(&fixes, "").unwrap();
    let paths = [map, fixes].map(|path| path.display().to_string());
    let given = [
        "roadwarden",
        "match",
        "--roads",
        &paths[0],
        "--fixes",
        &paths[1],
    ];
    let Command::Match(args) = Arguments::try_parse_from(given).unwrap().command else {
        panic!("another command");
    };
    let error = matching::run(&args, &mut Vec::new(), &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("map.osm.pbf"), "{error}");
}
