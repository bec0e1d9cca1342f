//! The datum that the register declares, from an import to the stored place, and vehicles that give another.

use std::f64::consts::PI;
use std::fmt::Write as _;
use std::path::Path;

use roadwarden::geo::datum::from_wgs84;
use roadwarden::model::Datum;
use serde_json::{Value, json};

use crate::support::server::{Server, run, succeed};
use crate::support::terminal::{Report, Terminal};

/// 2026-11-20T08:00:00+08:00.
const BEGIN_S: i64 = 1_795_132_800;
/// Where the coach is. Unit: degrees, WGS-84.
const PLACE: (f64, f64) = (28.1, 112.9);

/// A folder with an enterprise and two coaches that declare these; imported.
fn import(data: &Path, enterprise: &str, vehicles: [&str; 2]) -> String {
    let folder = data.join("fleet");
    std::fs::create_dir_all(&folder).unwrap();
    let [first, second] = vehicles;
    std::fs::write(
        folder.join("enterprises.csv"),
        format!("id,name,region,kind,datum\nE1,青禾客运,430102,passenger,{enterprise}\n"),
    )
    .unwrap();
    std::fs::write(
        folder.join("vehicles.csv"),
        format!(
            "plate,plate_color,terminal,enterprise_id,class,seats,datum\n\
             湘A10001,yellow,13912340001,E1,line_coach_2,45,{first}\n\
             湘A10002,yellow,13912340002,E1,line_coach_2,45,{second}\n"
        ),
    )
    .unwrap();
    let output = run(&[
        "import",
        "fleet",
        folder.to_str().unwrap(),
        "--data",
        data.to_str().unwrap(),
    ]);
    String::from_utf8(output.stderr).unwrap()
}

/// Millionths of a degree, as a terminal gives them.
fn udeg(degrees: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "degrees of China"
    )]
    let udeg = (degrees * 1e6).round() as u32;
    udeg
}

/// A line of a fixes file, the place in millionths of a degree.
fn line(plate: &str, minute: i64, (lat, lon): (u32, u32), more: &str) -> String {
    let (hour, minute) = (8 + minute / 60, minute % 60);
    format!(
        "{{\"plate\":\"{plate}\",\"plate_color\":\"yellow\",\"time\":\"2026-11-20T{hour:02}:{minute:02}:00+08:00\",\
         \"lat\":{}.{:06},\"lon\":{}.{:06},\"speed_kmh\":60,\"course_deg\":90,\"altitude_m\":50{more}}}\n",
        lat / 1_000_000,
        lat % 1_000_000,
        lon / 1_000_000,
        lon % 1_000_000,
    )
}

/// The place as one of that datum, as a terminal gives it.
fn given(datum: Datum, (lat, lon): (f64, f64)) -> (u32, u32) {
    let (lat, lon) = from_wgs84(datum, lat, lon);
    (udeg(lat), udeg(lon))
}

/// The stored track of a coach on that day, once it reaches to that time: times of day and places.
fn track(server: &Server, plate: &str, until: &str) -> Vec<(String, f64, f64)> {
    server.wait_for(&format!("/api/v1/vehicles/{plate}/yellow"), |one| {
        one["last_fix"]["time"] == format!("2026-11-20T{until}+08:00")
    });
    let path = format!(
        "/api/v1/vehicles/{plate}/yellow/track?format=ndjson\
         &from=2026-11-20T00:00:00%2B08:00&to=2026-11-21T00:00:00%2B08:00"
    );
    let (status, body) = server.request("GET", &path, None);
    assert_eq!(status, 200, "{body}");
    let lines = body.lines().map(|line| {
        let fix: Value = serde_json::from_str(line).unwrap();
        let time = fix["time"].as_str().unwrap().to_owned();
        let degrees = |field: &str| fix[field].as_f64().unwrap();
        (time, degrees("lat"), degrees("lon"))
    });
    lines.collect()
}

/// Whether a place is the true one, within the rounding of what was sent.
fn is_near((lat, lon): (f64, f64), other: (f64, f64)) -> bool {
    (lat - other.0).abs() < 2e-6 && (lon - other.1).abs() < 2e-6
}

#[test]
fn what_is_declared_for_a_vehicle_converts_reports_and_bodies() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    import(data, "gcj02", ["", "wgs84"]);
    let server = Server::start(data, &[]);
    let (lat_udeg, lon_udeg) = given(Datum::Gcj02, PLACE);
    let mut terminal = Terminal::connect(server.jt808, "13912340001").unwrap();
    terminal.come_online("湘A10001").unwrap();
    let report = Report {
        unix_s: BEGIN_S,
        lat_udeg,
        lon_udeg,
        speed_dkmh: 600,
        course_deg: 90,
    };
    let serial = terminal.report(&report).unwrap();
    assert_eq!(terminal.acknowledged(serial).unwrap(), 0);

    // The same by other ways in is the same.
    let same = line("湘A10001", 0, (lat_udeg, lon_udeg), "");
    let duplicate = json!({"stored": 0, "duplicates": 1, "rejected": [], "violations": 0});
    let count = |path: &str, body: &str| server.post(path, body);
    assert_eq!(count("/api/v1/fixes", &same), duplicate);
    assert_eq!(count("/api/v1/fixes?datum=gcj02", &same), duplicate);
    let itself = line("湘A10001", 0, (lat_udeg, lon_udeg), ",\"datum\":\"gcj02\"");
    assert_eq!(count("/api/v1/fixes?datum=bd09", &itself), duplicate);
    let hex = data.join("report.jt808hex");
    std::fs::write(&hex, terminal.frame_hex(&report)).unwrap();
    let replayed = succeed(&[
        "replay",
        hex.to_str().unwrap(),
        "--data",
        data.to_str().unwrap(),
    ]);
    assert!(replayed.contains("\"duplicates\":1"), "{replayed}");

    // The body's own datum wins over the register, and the line's over the body's; the second coach has its own.
    let stored = |lines: String, query: &str| {
        let answer = server.post(&format!("/api/v1/fixes{query}"), &lines);
        assert_eq!(answer["stored"], lines.lines().count(), "{answer}");
    };
    stored(
        line("湘A10001", 1, given(Datum::Bd09, PLACE), ""),
        "?datum=bd09",
    );
    let wgs84 = line(
        "湘A10001",
        2,
        given(Datum::Wgs84, PLACE),
        ",\"datum\":\"wgs84\"",
    );
    stored(wgs84, "?datum=bd09");
    stored(line("湘A10002", 0, given(Datum::Wgs84, PLACE), ""), "");
    let places = [
        track(&server, "湘A10001", "08:02:00"),
        track(&server, "湘A10002", "08:00:00"),
    ]
    .concat();
    assert_eq!(places.len(), 4, "{places:?}");
    for (time, lat, lon) in places {
        assert!(is_near((lat, lon), PLACE), "{time} {lat} {lon}");
    }
    let wrong = line("湘A10001", 3, (lat_udeg, lon_udeg), ",\"datum\":\"gcj\"");
    let refused = server.post("/api/v1/fixes", &wrong);
    assert_eq!(refused["rejected"][0]["code"], "bad_datum");
    server.stop();
}

#[test]
fn another_declaration_is_for_what_comes_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    import(data, "gcj02", ["", ""]);
    let server = Server::start(data, &[]);
    let sent = given(Datum::Gcj02, PLACE);
    let mut terminal = Terminal::connect(server.jt808, "13912340001").unwrap();
    terminal.come_online("湘A10001").unwrap();
    let mut report = |minute: i64| {
        let report = Report {
            unix_s: BEGIN_S + minute * 60,
            lat_udeg: sent.0,
            lon_udeg: sent.1,
            speed_dkmh: 600,
            course_deg: 90,
        };
        let serial = terminal.report(&report).unwrap();
        assert_eq!(terminal.acknowledged(serial).unwrap(), 0);
    };
    report(0);
    // A line that is bad changes nothing.
    let told = import(data, "", ["", "GCJ-02"]);
    assert!(told.contains("vehicles.csv:3"), "{told}");
    assert!(told.contains("bad_datum"), "{told}");
    import(data, "", ["", ""]);
    let shown = server.get("/api/v1/vehicles/湘A10001/yellow");
    assert_eq!(shown["datum"], "wgs84", "{shown}");
    // The server looks for a newer register now and then; the terminal stays connected.
    let as_sent = (f64::from(sent.0) / 1e6, f64::from(sent.1) / 1e6);
    let taken_up = (1..60).find(|minute| {
        report(*minute);
        let track = track(&server, "湘A10001", &format!("08:{minute:02}:00"));
        let (_, lat, lon) = track.last().unwrap();
        is_near((*lat, *lon), as_sent)
    });
    let taken_up = taken_up.expect("the new register is taken up");
    let until = format!("08:{taken_up:02}:00");
    let (_, lat, lon) = track(&server, "湘A10001", &until).remove(0);
    assert!(
        is_near((lat, lon), PLACE),
        "a stored place moved: {lat} {lon}"
    );
    server.stop();
}

/// Corners of streets that turn now and then, so that a shifted place seldom lies on another one. Unit: degrees.
fn corners() -> Vec<(f64, f64)> {
    let (mut north_m, mut east_m) = (0.0, 0.0);
    let mut corners = Vec::new();
    for corner in 0..200 {
        let long_m = f64::from(400 + corner * 37 % 300);
        if corner % 2 == 0 {
            north_m += long_m;
        } else {
            east_m += long_m;
        }
        let metre = 180.0 / PI / 6_371_000.0;
        let east = east_m * metre / 28_f64.to_radians().cos();
        corners.push((28.0 + north_m * metre, 112.9 + east));
    }
    corners
}

/// A map of those streets; imported.
fn import_streets(data: &Path) {
    let mut text = String::from("<osm version=\"0.6\">\n");
    let mut refs = String::new();
    for (node, (lat, lon)) in corners().iter().enumerate() {
        writeln!(
            text,
            "<node id=\"{node}\" lat=\"{lat:.7}\" lon=\"{lon:.7}\"/>"
        )
        .unwrap();
        writeln!(refs, "<nd ref=\"{node}\"/>").unwrap();
    }
    write!(
        text,
        "<way id=\"7\">\n{refs}<tag k=\"highway\" v=\"secondary\"/>\n</way>\n</osm>\n"
    )
    .unwrap();
    let path = data.join("streets.osm");
    std::fs::write(&path, text).unwrap();
    succeed(&[
        "import",
        "roads",
        path.to_str().unwrap(),
        "--data",
        data.to_str().unwrap(),
    ]);
}

/// Fixes in the middle of each street from a minute on, as of that datum.
fn drive(plate: &str, minutes: std::ops::Range<i64>, datum: Datum) -> String {
    let corners = corners();
    minutes
        .map(|minute| {
            let at = usize::try_from(minute).unwrap();
            let (from, to) = (corners[at], corners[at + 1]);
            let middle = (f64::midpoint(from.0, to.0), f64::midpoint(from.1, to.1));
            let course = if from.0 < to.0 { 0 } else { 90 };
            line(plate, minute, given(datum, middle), "")
                .replace("\"course_deg\":90", &format!("\"course_deg\":{course}"))
        })
        .collect()
}

#[test]
fn a_wrong_declaration_is_told_by_enterprise_until_it_is_set_right() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    // The first gives GCJ-02 as declared, the second gives WGS-84 although GCJ-02 is declared.
    import(data, "gcj02", ["", ""]);
    import_streets(data);
    let server = Server::start(data, &[]);
    let post = |plate: &str, minutes, datum| {
        let answer = server.post("/api/v1/fixes", &drive(plate, minutes, datum));
        assert_eq!(answer["rejected"], json!([]), "{answer}");
    };
    post("湘A10001", 0..35, Datum::Gcj02);
    post("湘A10002", 0..35, Datum::Wgs84);
    let suspects = |list: &Value| list["datum_suspects"].clone();
    let found = server.wait_for("/api/v1/enterprises/E1", |one| suspects(one) != json!([]));
    let since = "2026-11-20T08:29:00+08:00";
    let expected = json!([{"datum": "wgs84", "vehicles": 1, "since": since}]);
    assert_eq!(suspects(&found), expected);
    let listed = server.get("/api/v1/vehicles?datum_found=wgs84");
    assert_eq!(listed["items"][0]["plate"], "湘A10002", "{listed}");
    assert_eq!(listed["items"][0]["datum"], "gcj02");
    let alarms = server.get("/api/v1/violations?kind=terminal_alarm&status=open");
    assert_eq!(
        alarms["items"][0]["details"]["alarm"], "datum_wgs84",
        "{alarms}"
    );
    let count = |server: &Server| -> u32 {
        let (_, metrics) = server.request("GET", "/metrics", None);
        metrics
            .lines()
            .filter(|line| line.starts_with("roadwarden_datum_suspects{"))
            .filter(|line| line.contains("datum=\"wgs84\""))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<u32>().ok())
            .sum()
    };
    assert_eq!(count(&server), 1);
    server.stop();

    // A restart remembers; declared as it is, the vehicle is cleared by what comes then.
    let server = Server::start(data, &[]);
    assert_eq!(suspects(&server.get("/api/v1/enterprises/E1")), expected);
    server.stop();
    import(data, "gcj02", ["", "wgs84"]);
    let server = Server::start(data, &[]);
    let body = drive("湘A10002", 35..100, Datum::Wgs84);
    server.post("/api/v1/fixes", &body);
    server.wait_for("/api/v1/enterprises/E1", |one| suspects(one) == json!([]));
    server.wait_for(
        "/api/v1/violations?kind=terminal_alarm&status=open",
        |open| open["items"] == json!([]),
    );
    assert_eq!(count(&server), 0);
    server.stop();
}

#[test]
fn evaluate_judges_by_the_register_unless_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let fixes = data.join("fixes.ndjson");
    // Five minutes at 130 km/h.
    let body: String = (0..6)
        .map(|minute| line("湘A10001", minute, given(Datum::Gcj02, PLACE), ""))
        .collect();
    std::fs::write(
        &fixes,
        body.replace("\"speed_kmh\":60", "\"speed_kmh\":130"),
    )
    .unwrap();
    let judged = |enterprise: &str, more: &[&str]| -> (f64, f64) {
        import(data, enterprise, ["", ""]);
        let fleet = data.join("fleet");
        let arguments = [
            "evaluate",
            "--fleet",
            fleet.to_str().unwrap(),
            "--fixes",
            fixes.to_str().unwrap(),
        ];
        let text = succeed(&[&arguments, more].concat());
        let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        let peak = &first["peak"];
        (peak["lat"].as_f64().unwrap(), peak["lon"].as_f64().unwrap())
    };
    let (lat, lon) = given(Datum::Gcj02, PLACE);
    let as_given = (f64::from(lat) / 1e6, f64::from(lon) / 1e6);
    assert!(is_near(judged("gcj02", &[]), PLACE));
    assert!(is_near(judged("", &["--datum", "gcj02"]), PLACE));
    assert_eq!(judged("", &[]), as_given);
    assert_eq!(judged("gcj02", &["--datum", "wgs84"]), as_given);
}
