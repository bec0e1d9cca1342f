//! The built program from a terminal's bytes to the failing list.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::support::server::{Server, run, succeed};
use crate::support::terminal::{Report, Terminal};

const PHONE: &str = "13912340001";
const PLATE: &str = "湘A10001";
/// 2026-11-21T08:00:00+08:00.
const BEGIN_S: i64 = 1_795_219_200;
const CLOCK: [&str; 4] = [
    "--dev-clock",
    "2026-11-21T08:00:00+08:00",
    "--dev-clock-rate",
    "1",
];

/// A fleet folder: one enterprise, two coaches, two monitors.
pub(crate) fn write_fleet(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write(
        "enterprises.csv",
        "id,name,credit_code,region,kind\nE1,青禾客运,,430102,passenger\n",
    );
    write(
        "vehicles.csv",
        "plate,plate_color,terminal,enterprise_id,class,seats,region,line_km,route_id\n\
         湘A10001,yellow,13912340001,E1,line_coach_2,45,,180,\n\
         湘A10002,yellow,13912340002,E1,line_coach_2,45,,180,\n",
    );
    write(
        "monitors.csv",
        "id,name,enterprise_id,trained_until\nM1,监控员甲,E1,2027-12-31\nM2,监控员乙,E1,2027-12-31\n",
    );
}

/// The same, imported.
pub(crate) fn fleet(data: &Path) {
    let folder = data.join("fleet");
    write_fleet(&folder);
    let said = succeed(&[
        "import",
        "fleet",
        folder.to_str().unwrap(),
        "--data",
        data.to_str().unwrap(),
    ]);
    assert!(
        said.starts_with("imported 1 enterprises, 2 vehicles (2 new)"),
        "{said}"
    );
}

/// The terminal, registered with that plate and authenticated.
fn online(server: &Server, plate: &str) -> Terminal {
    let mut terminal = Terminal::connect(server.jt808, PHONE).unwrap();
    terminal.come_online(plate).unwrap();
    terminal
}

/// A report every ten seconds, going east at `speed_kmh`.
fn report(step: i64, speed_kmh: u16) -> Report {
    let metres = step * 10 * i64::from(speed_kmh) * 1000 / 3600;
    Report {
        unix_s: BEGIN_S - 600 + step * 10,
        lat_udeg: 28_100_000,
        lon_udeg: u32::try_from(112_900_000 + metres * 10).unwrap(),
        speed_dkmh: speed_kmh * 10,
        course_deg: 90,
    }
}

#[test]
fn a_speeding_coach_is_found_from_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path());
    let server = Server::start(folder.path(), &CLOCK);
    let mut terminal = online(&server, PLATE);
    for step in 0..12 {
        let speed = if (2..9).contains(&step) { 110 } else { 90 };
        let serial = terminal.report(&report(step, speed)).unwrap();
        assert_eq!(terminal.acknowledged(serial).unwrap(), 0);
    }
    let listed = server.wait_for("/api/v1/violations", |list| {
        list["items"][0]["status"] == "closed"
    });
    let violation = &listed["items"][0];
    let field = |name: &str| violation[name].clone();
    assert_eq!(field("kind"), "speeding");
    assert_eq!(field("plate"), PLATE);
    assert_eq!(field("enterprise_id"), "E1");
    assert_eq!(field("started_at"), "2026-11-21T07:50:20+08:00");
    assert_eq!(field("confirmed_at"), "2026-11-21T07:50:50+08:00");
    assert_eq!(field("ended_at"), "2026-11-21T07:51:30+08:00");
    assert_eq!(field("duration_s"), 70);
    assert_eq!(violation["limit"]["monitor_kmh"], 100);
    assert_eq!(violation["limit"]["source"], "class");
    assert_eq!(
        (field("severity"), field("points"), field("points_basis")),
        ("L2".into(), Value::Null, "road_unknown".into())
    );
    assert_eq!(violation["evidence"]["fixes"], 7);

    // Nobody was on shift while the coach drove for two minutes: no failure yet. Half of the fleet is silent,
    // but only what was ever in the network counts.
    let duty = server.get("/api/v1/enterprises/E1/duty");
    assert_eq!(duty["coverage"]["operating_min"], 2, "{duty}");
    let failing = server.get("/api/v1/duty/failing");
    assert_eq!(failing["enterprises_failing"], 0, "{failing}");
    server.stop();
}

/// A card that went in, as JT/T 808-2013 tells it.
fn card_in(time: [u8; 6], licence: &str) -> Vec<u8> {
    let mut body = vec![1];
    body.extend(time);
    body.extend([0, 1, b'A']);
    body.extend(format!("{licence:\0<20}").into_bytes());
    body.extend([1, b'B', 0x20, 0x30, 0x01, 0x01]);
    body
}

#[test]
fn the_card_in_the_terminal_names_who_drove_what_others_report() {
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path());
    let clock = ["--dev-clock", "2026-11-21T14:00:00+08:00"];
    let server = Server::start(folder.path(), &clock);
    let post = |plate: &str| {
        // Over four hours.
        let lines = (0..=250).map(|minute: u32| {
            let (hour, minute_of, lon) = (8 + minute / 60, minute % 60, 112_900 + 10 * minute);
            let (degrees, thousandths) = (lon / 1000, lon % 1000);
            format!(
                "{{\"plate\":\"{plate}\",\"plate_color\":\"yellow\",\"lat\":28.1,\
                 \"time\":\"2026-11-21T{hour:02}:{minute_of:02}:00+08:00\",\
                 \"lon\":{degrees}.{thousandths:03},\"speed_kmh\":60}}\n"
            )
        });
        server.post("/api/v1/fixes", &lines.collect::<String>());
    };
    let tell = |phone: &str, plate: &str, licence: &str| {
        let mut terminal = Terminal::connect(server.jt808, phone).unwrap();
        terminal.come_online(plate).unwrap();
        let body = card_in([0x26, 0x11, 0x21, 0x07, 0x59, 0], licence);
        let serial = terminal.send(0x0702, &body).unwrap();
        assert_eq!(terminal.acknowledged(serial).unwrap(), 0);
    };
    // The card before the fixes, or after them.
    tell(PHONE, PLATE, "430-1");
    post(PLATE);
    post("湘A10002");
    tell("13912340002", "湘A10002", "430-2");
    let of = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap().iter();
        let items = items.filter(|item| item["status"] == "open");
        let mut told: Vec<String> = items
            .map(|item| format!("{} {} {}", item["kind"], item["driver"], item["started_at"]))
            .collect();
        told.sort();
        told
    };
    let expected = ["430-1", "430-2"]
        .map(|driver| format!("\"fatigue_continuous\" \"{driver}\" \"2026-11-21T12:00:00+08:00\""));
    server.wait_for("/api/v1/violations", |list| of(list) == expected);
    server.stop();
}

#[test]
fn a_terminal_that_connects_again_still_knows_its_older_cards() {
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path());
    let clock = ["--dev-clock", "2026-11-21T14:00:00+08:00"];
    let server = Server::start(folder.path(), &clock);
    let mut terminal = online(&server, PLATE);
    let mut tell = |hour: u8, minute: u8, licence: &str| {
        let body = card_in([0x26, 0x11, 0x21, hour, minute, 0], licence);
        let serial = terminal.send(0x0702, &body).unwrap();
        assert_eq!(terminal.acknowledged(serial).unwrap(), 0);
    };
    // More cards after the drive than a shift has. Times are binary-coded decimals.
    tell(0x07, 0x30, "430-1");
    for minute in 0..24 {
        tell(0x13, minute / 10 * 16 + minute % 10, "430-2");
    }
    drop(terminal);
    let mut terminal = online(&server, PLATE);
    // Over four hours, a minute after a minute.
    for step in (0..=250).map(|minute| minute * 6) {
        let serial = terminal.report(&report(step, 60)).unwrap();
        assert_eq!(terminal.acknowledged(serial).unwrap(), 0);
    }
    let of = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap().iter();
        let items = items.filter(|item| item["kind"] == "fatigue_continuous");
        items.map(|item| item["driver"].to_string()).collect()
    };
    server.wait_for("/api/v1/violations", |list| of(list) == ["\"430-1\""]);
    server.stop();
}

#[test]
fn an_unknown_terminal_is_refused_and_recorded() {
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path());
    let server = Server::start(folder.path(), &CLOCK);
    let mut terminal = Terminal::connect(server.jt808, "13900000009").unwrap();
    let (result, _) = terminal.register("湘A99999").unwrap();
    assert_eq!(result, 4);
    let serial = terminal.report(&report(0, 90)).unwrap();
    assert_eq!(terminal.acknowledged(serial).unwrap(), 1);
    let listed = server.wait_for("/api/v1/terminals", |list| {
        !list["items"].as_array().is_none_or(Vec::is_empty)
    });
    assert!(listed.to_string().contains("13900000009"), "{listed}");
    server.stop();
}

#[test]
fn a_terminal_that_names_another_vehicle_gets_no_code() {
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path());
    let server = Server::start(folder.path(), &CLOCK);
    let mut terminal = Terminal::connect(server.jt808, PHONE).unwrap();
    // No such vehicle; another terminal's vehicle.
    assert_eq!(terminal.register("湘A99999").unwrap(), (2, Vec::new()));
    assert_eq!(terminal.register("湘A10002").unwrap(), (3, Vec::new()));
    let listed = server.wait_for("/api/v1/terminals", |list| {
        list["items"][0]["sightings"] == 2
    });
    assert_eq!(listed["items"][0]["terminal"], PHONE, "{listed}");
    // Without a plate the field is empty or holds the frame number.
    assert_eq!(terminal.register_as("", 2).unwrap().0, 0);
    assert_eq!(terminal.register_as("LFV1A10001", 0).unwrap().0, 0);
    terminal.come_online(PLATE).unwrap();
    server.stop();
}

#[test]
fn a_registration_alone_takes_nobodys_place() {
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path());
    let server = Server::start(folder.path(), &CLOCK);
    let mut real = online(&server, PLATE);
    let mut other = Terminal::connect(server.jt808, PHONE).unwrap();
    let (result, code) = other.register(PLATE).unwrap();
    assert_eq!(result, 0);
    assert_eq!(other.register("湘A99999").unwrap().0, 2);
    assert_eq!(other.authenticate(b"guessed").unwrap(), 1);
    let serial = real.report(&report(0, 80)).unwrap();
    assert_eq!(real.acknowledged(serial).unwrap(), 0, "it is still online");
    // Only who shows the new code is the newer session.
    let mut newer = Terminal::connect(server.jt808, PHONE).unwrap();
    assert_eq!(newer.authenticate(&code).unwrap(), 0);
    assert!(real.answer().is_err(), "the older connection is closed");
    server.stop();
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path());
    let server = Server::start(folder.path(), &CLOCK);
    let mut terminal = online(&server, PLATE);
    for step in 0..50 {
        let serial = terminal.report(&report(step, 80)).unwrap();
        terminal.acknowledged(serial).unwrap();
    }
    // Flushes come every half second: most of the fifty are in the journal only.
    server.kill();
    let server = Server::start(folder.path(), &CLOCK);
    let path = "/api/v1/vehicles/%E6%B9%98A10001/yellow/track?format=ndjson&from=2026-11-21T00:00:00%2B08:00&to=2026-11-22T00:00:00%2B08:00";
    let fixes = || server.request("GET", path, None).1.lines().count();
    server.wait_for("/api/v1/vehicles", |_| fixes() == 50);
    assert_eq!(fixes(), 50);
    server.stop();
}

#[test]
fn a_newer_session_of_a_terminal_replaces_the_older() {
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path());
    let server = Server::start(folder.path(), &CLOCK);
    let mut older = online(&server, PLATE);
    let mut newer = online(&server, PLATE);
    assert!(older.answer().is_err(), "the older connection is closed");
    let serial = newer.report(&report(0, 80)).unwrap();
    assert_eq!(newer.acknowledged(serial).unwrap(), 0);
    server.stop();
}

#[test]
fn a_reminder_is_spoken_in_the_cab() {
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path());
    let server = Server::start(folder.path(), &CLOCK);
    let mut terminal = online(&server, PLATE);
    for step in 0..8 {
        let serial = terminal.report(&report(step, 125)).unwrap();
        terminal.acknowledged(serial).unwrap();
    }
    let listed = server.wait_for("/api/v1/violations", |list| {
        list["items"][0]["id"].is_string()
    });
    let id = listed["items"][0]["id"].as_str().unwrap().to_owned();
    let speaking = std::thread::spawn(move || {
        let (serial, message_id, body) = terminal.command().unwrap();
        assert_eq!(message_id, 0x8300);
        let (text, _, _) = encoding_rs::GBK.decode(&body[1..]);
        assert_eq!(text, "您已超速，请减速");
        let [high, low] = serial.to_be_bytes();
        terminal.send(0x0001, &[high, low, 0x83, 0x00, 0]).unwrap();
        terminal
    });
    let path = format!("/api/v1/violations/{id}/reminders");
    let body = r#"{"channel":"terminal_voice","text":"您已超速，请减速","sent_at":null}"#;
    let answer = server.post(&path, body);
    assert_eq!(answer["channel"], "terminal_voice", "{answer}");
    assert!(answer["acknowledged_at"].is_string(), "{answer}");
    drop(speaking.join().unwrap());
    server.stop();
}

#[test]
fn a_file_is_replayed_once_however_often_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path());
    let file = folder.path().join("fixes.ndjson");
    let mut text = String::new();
    for step in 0..600_i64 {
        let time = roadwarden::model::Timestamp::from_seconds(BEGIN_S + step * 10);
        let time = roadwarden::model::LocalZone::default().rfc3339(time);
        let lon = 112.9 + f64::from(i32::try_from(step).unwrap()) * 0.002;
        writeln!(
            text,
            "{{\"plate\":\"{PLATE}\",\"plate_color\":\"yellow\",\"time\":\"{time}\",\"lat\":28.1,\"lon\":{lon:.4},\"speed_kmh\":72}}"
        )
        .unwrap();
    }
    text += "{\"plate\":\"nobody\"}\n";
    std::fs::write(&file, text).unwrap();
    let data = folder.path().to_str().unwrap();
    let replay = || -> Value {
        let said = succeed(&[
            "replay",
            file.to_str().unwrap(),
            "--data",
            data,
            "--log",
            "error",
        ]);
        serde_json::from_str(&said).unwrap()
    };
    let numbers = |summary: &Value| {
        ["read", "stored", "duplicates", "rejected", "violations"]
            .map(|name| summary[name].as_u64().unwrap())
    };
    assert_eq!(numbers(&replay()), [601, 600, 0, 1, 0]);
    assert_eq!(numbers(&replay()), [601, 0, 600, 1, 0]);
    // Beside a running server the fixes go to it.
    let server = Server::start(folder.path(), &CLOCK);
    assert_eq!(numbers(&replay()), [601, 0, 600, 1, 0]);
    server.stop();
}

#[test]
fn commands_that_look_make_nothing_where_nothing_is() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("none"), folder.path().join("out"));
    let (text, out) = (data.to_str().unwrap(), out.to_str().unwrap());
    let export = |what: &'static str| vec!["export", what, "--out", out];
    let track = "--plate 湘A10001 --plate-color yellow --from 2026-11-21T00:00:00Z --to 2026-11-22T00:00:00Z";
    for command in [
        vec!["verify"],
        export("violations"),
        [export("track"), track.split(' ').collect()].concat(),
        vec!["hold", "list"],
    ] {
        let failed = run(&[command.clone(), vec!["--data", text]].concat());
        let said = String::from_utf8_lossy(&failed.stderr);
        assert_eq!(failed.status.code(), Some(1), "{command:?}: {said}");
        assert!(said.contains("there is nothing in"), "{command:?}: {said}");
        assert!(failed.stdout.is_empty(), "{command:?}");
    }
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "nothing was made");
}

#[test]
fn a_damaged_database_file_is_named_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roadwarden.db");
    std::fs::write(&file, vec![b'x'; 100_000]).unwrap();
    let data = folder.path().to_str().unwrap();
    for command in ["verify", "serve"] {
        let failed = run(&[command, "--data", data]);
        let said = String::from_utf8_lossy(&failed.stderr);
        assert_eq!(failed.status.code(), Some(1), "{command}: {said}");
        assert!(said.contains("damaged"), "{command}: {said}");
    }
}

/// Values and reasons of each stored fix of the first coach, in order, as soon as so many are stored.
fn stored_reasons(server: &Server, fixes: usize) -> Vec<String> {
    let path = "/api/v1/vehicles/%E6%B9%98A10001/yellow/track?format=ndjson&from=2026-11-21T00:00:00%2B08:00&to=2026-11-22T00:00:00%2B08:00";
    let text = || server.request("GET", path, None).1;
    server.wait_for("/healthz", |_| text().lines().count() == fixes);
    text()
        .lines()
        .map(|line| {
            let fix: Value = serde_json::from_str(line).unwrap();
            format!(
                "{} {} {} {}",
                fix["lat"], fix["speed_kmh"], fix["course_deg"], fix["quality"]
            )
        })
        .collect()
}

/// A report as a line of `POST /fixes`.
fn json_line(report: &Report) -> String {
    let time = roadwarden::model::Timestamp::from_seconds(report.unix_s);
    let fix = serde_json::json!({
        "plate": PLATE, "plate_color": "yellow",
        "time": roadwarden::model::LocalZone::default().rfc3339(time),
        "lat": f64::from(report.lat_udeg) / 1e6, "lon": f64::from(report.lon_udeg) / 1e6,
        "speed_kmh": f64::from(report.speed_dkmh) / 10.0, "course_deg": report.course_deg,
    });
    format!("{fix}\n")
}

#[test]
fn implausible_values_get_the_same_reasons_by_every_way() {
    let reports = [
        (28_100_000, 600, 90),
        (28_100_000, 15_000, 90),
        (120_500_000, 600, 90),
        (28_100_000, 600, 400),
    ];
    let expected = [
        "28.1 60.0 90 []",
        r#"28.1 1500.0 90 ["speed_range"]"#,
        r#"120.5 60.0 90 ["place_range"]"#,
        r#"28.1 60.0 null ["course_range"]"#,
    ];
    let report = |place: usize| {
        let (lat_udeg, speed_dkmh, course_deg) = reports[place];
        Report {
            unix_s: BEGIN_S - 600 + i64::try_from(place).unwrap() * 10,
            lat_udeg,
            lon_udeg: 112_900_000,
            speed_dkmh,
            course_deg,
        }
    };
    // From the terminal.
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path());
    let server = Server::start(folder.path(), &CLOCK);
    let mut terminal = online(&server, PLATE);
    let mut frames = String::new();
    for place in 0..reports.len() {
        let serial = terminal.report(&report(place)).unwrap();
        assert_eq!(terminal.acknowledged(serial).unwrap(), 0);
        frames += &terminal.frame_hex(&report(place));
        frames.push('\n');
    }
    server.wait_for("/api/v1/quarantine", |list| {
        list["items"][0]["code"] == "course_range"
    });
    assert_eq!(stored_reasons(&server, expected.len()), expected);
    server.stop();

    let lines: String = (0..reports.len())
        .map(|place| json_line(&report(place)))
        .collect();
    for (name, text) in [("f.jt808hex", &frames), ("f.ndjson", &lines)] {
        for beside in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            fleet(folder.path());
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            let running = beside.then(|| Server::start(folder.path(), &CLOCK));
            let (data, file) = (folder.path().to_str().unwrap(), file.to_str().unwrap());
            let said = succeed(&["replay", file, "--data", data, "--log", "error"]);
            assert!(said.contains("\"rejected\":0"), "{name}: {said}");
            let server = running.unwrap_or_else(|| Server::start(folder.path(), &CLOCK));
            assert_eq!(
                stored_reasons(&server, expected.len()),
                expected,
                "{name}, {beside}"
            );
            server.stop();
        }
    }
}

#[test]
fn wrong_usage_ends_with_2_and_a_failure_with_1() {
    assert_eq!(run(&["serve", "--no-such-flag"]).status.code(), Some(2));
    assert_eq!(run(&[]).status.code(), Some(2));
    let failed = run(&["import", "fleet", "/no/such/folder"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(!failed.stderr.is_empty() && failed.stdout.is_empty());
    let open = run(&["serve", "--dev-open", "--http", "0.0.0.0:0"]);
    assert_eq!(
        open.status.code(),
        Some(2),
        "open to all is only for loopback"
    );
}

#[test]
fn documents_are_printed() {
    assert!(succeed(&["default-rules"]).contains("night"));
    assert!(succeed(&["default-config"]).contains("[terminal]"));
    let openapi: Value = serde_json::from_str(&succeed(&["openapi"])).unwrap();
    assert!(openapi["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[test]
fn the_end_waits_for_what_was_posted_and_not_for_idle_clients() {
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path());
    let server = Server::start(folder.path(), &CLOCK);
    let mut idle = std::net::TcpStream::connect(server.http).unwrap();
    std::io::Write::write_all(&mut idle, b"GET /heal").unwrap();
    let mut body = String::new();
    for step in 0..5000_i64 {
        let time = roadwarden::model::Timestamp::from_seconds(BEGIN_S - 100_000 + step * 10);
        let time = roadwarden::model::LocalZone::default().rfc3339(time);
        writeln!(
            body,
            "{{\"plate\":\"{PLATE}\",\"plate_color\":\"yellow\",\"time\":\"{time}\",\"lat\":28.1,\"lon\":112.9,\"speed_kmh\":0}}"
        )
        .unwrap();
    }
    assert_eq!(server.post("/api/v1/fixes", &body)["stored"], 5000);
    server.stop();
    // Everything was judged and stored before the end: nothing is left to judge at the next start.
    let server = Server::start(folder.path(), &CLOCK);
    let metrics = server.request("GET", "/metrics", None).1;
    let judged = metrics
        .lines()
        .find(|line| line.starts_with("roadwarden_fixes_judged_total"));
    assert!(judged.is_none_or(|line| line.ends_with(" 0")), "{judged:?}");
    server.stop();
}

#[test]
fn a_terminal_that_an_import_moved_must_come_again() {
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path());
    let server = Server::start(folder.path(), &CLOCK);
    let mut terminal = online(&server, PLATE);
    let vehicles = folder.path().join("fleet/vehicles.csv");
    let text = std::fs::read_to_string(&vehicles).unwrap();
    std::fs::write(
        &vehicles,
        text.replace("13912340001", "x")
            .replace("13912340002", PHONE)
            .replace('x', "13912340002"),
    )
    .unwrap();
    let (fleet, data) = (folder.path().join("fleet"), folder.path().to_str().unwrap());
    succeed(&["import", "fleet", fleet.to_str().unwrap(), "--data", data]);
    terminal.report(&report(0, 80)).unwrap();
    assert!(
        terminal.answer().is_err(),
        "the session of the old vehicle is closed"
    );
    let mut terminal = online(&server, "湘A10002");
    let serial = terminal.report(&report(0, 80)).unwrap();
    terminal.acknowledged(serial).unwrap();
    let listed = server.wait_for("/api/v1/vehicles?online=true", |list| {
        list["items"][0]["plate"].is_string()
    });
    assert_eq!(listed["items"][0]["plate"], "湘A10002");
    server.stop();
}

#[test]
fn an_unanswered_command_is_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path());
    let mut arguments = CLOCK.to_vec();
    arguments.extend(["--terminal-command-wait-s", "1"]);
    let server = Server::start(folder.path(), &arguments);
    let mut terminal = online(&server, PLATE);
    for step in 0..8 {
        let serial = terminal.report(&report(step, 125)).unwrap();
        terminal.acknowledged(serial).unwrap();
    }
    let listed = server.wait_for("/api/v1/violations", |list| {
        list["items"][0]["id"].is_string()
    });
    let id = listed["items"][0]["id"].as_str().unwrap().to_owned();
    let answering = std::thread::spawn(move || {
        let first = terminal.command().unwrap();
        let again = terminal.command().unwrap();
        assert_eq!(first, again, "a repetition is the same to the byte");
        let [high, low] = again.0.to_be_bytes();
        terminal.send(0x0001, &[high, low, 0x83, 0x00, 0]).unwrap();
        terminal
    });
    let body = r#"{"channel":"terminal_voice","text":"请减速","sent_at":null}"#;
    let answer = server.post(&format!("/api/v1/violations/{id}/reminders"), body);
    assert!(answer["acknowledged_at"].is_string(), "{answer}");
    drop(answering.join().unwrap());
    server.stop();
}

/// A small file system of its own, taken away at the end.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where mounting is not allowed.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"])
            .arg(folder.path())
            .stderr(std::process::Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then(|| Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = std::process::Command::new("umount")
            .arg(self.0.path())
            .status();
        assert!(unmounted.unwrap().success());
    }
}

#[test]
fn a_full_disk_stops_acknowledgements_until_there_is_room() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: no file system can be mounted here");
        return;
    };
    let data = disk.0.path();
    fleet(data);
    let server = Server::start(data, &CLOCK);
    let mut terminal = online(&server, PLATE);
    let serial = terminal.report(&report(0, 80)).unwrap();
    assert_eq!(terminal.acknowledged(serial).unwrap(), 0);

    let filler = data.join("filler");
    // Ends when there is no room left.
    drop(std::fs::write(&filler, vec![0; 16 << 20]));
    let shift = r#"{"enterprise_id":"E1","monitor_id":"M1","started_at":"2026-11-21T07:00:00+08:00","ended_at":null,"note":null}"#;
    let mut step = 1;
    let mut serial = terminal.report(&report(step, 80)).unwrap();
    while server.request("GET", "/readyz", None).0 == 200 {
        // The journal's file may still have room inside; a transaction of another file has not.
        let refused = server.request("POST", "/api/v1/shifts", Some(shift)).0;
        assert!(
            refused == 503 || refused == 201 || refused == 409,
            "{refused}"
        );
        step += 1;
        serial = terminal.report(&report(step, 80)).unwrap();
        assert!(step < 100_000, "the disk never became full");
    }
    std::fs::remove_file(&filler).unwrap();
    assert_eq!(terminal.acknowledged(serial).unwrap(), 0);
    server.wait_for("/readyz", |ready| ready["ready"] == true);
    let later = shift.replace("\"M1\"", "\"M2\"");
    assert_eq!(
        server.request("POST", "/api/v1/shifts", Some(&later)).0,
        201
    );
    let listed = server.wait_for("/api/v1/vehicles?online=true", |list| {
        !list["items"][0].is_null()
    });
    assert_eq!(listed["items"][0]["plate"], PLATE);
    server.kill();
}
