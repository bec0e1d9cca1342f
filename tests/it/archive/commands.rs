//! `verify`, `export` and `hold`, beside a running server whose tracks are in files.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::support::server::{DEADLINE, Server, run, succeed};

/// 2026-11-21T08:00:00+08:00.
const BEGIN_S: i64 = 1_795_219_200;
pub(super) const PLATE: &str = "湘A10001";

/// A fleet with one coach; its folder is below the data folder.
pub(super) fn fleet(data: &Path) {
    let folder = data.join("fleet");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write(
        "enterprises.csv",
        "id,name,credit_code,region,kind\nE1,青禾客运,,430102,passenger\n",
    );
    write(
        "vehicles.csv",
        "plate,plate_color,terminal,enterprise_id,class,seats,region,line_km,route_id\n\
         湘A10001,yellow,13912340001,E1,line_coach_2,45,,180,\n",
    );
    let folder = folder.display().to_string();
    succeed(&[
        "import",
        "fleet",
        &folder,
        "--data",
        &data.display().to_string(),
    ]);
}

/// An hour of driving, at 120 km/h for two minutes of it.
pub(super) fn lines() -> String {
    let mut lines = String::new();
    for step in 0..360 {
        let speed = if (100..112).contains(&step) {
            120
        } else {
            80 + step % 5
        };
        let time = roadwarden::model::Timestamp::from_seconds(BEGIN_S - 7200 + step * 10);
        let time = roadwarden::model::LocalZone::default().rfc3339(time);
        let lon = 112.9 + 0.0025 * f64::from(u32::try_from(step).unwrap());
        writeln!(
            lines,
            r#"{{"plate":"{PLATE}","plate_color":"yellow","time":"{time}","lat":28.1,"lon":{lon:.6},"speed_kmh":{speed}}}"#
        )
        .unwrap();
    }
    lines
}

/// A server that moves tracks to files at once, with an hour of a coach in it.
fn server_with_files(data: &Path) -> (Server, PathBuf) {
    fleet(data);
    let server = Server::start(
        data,
        &[
            "--dev-clock",
            "2026-11-21T08:00:00+08:00",
            "--archive-interval-ms",
            "100",
            "--shard-tail-bytes-max",
            "128",
        ],
    );
    let stored = server.post("/api/v1/fixes", &lines());
    assert_eq!(stored["stored"], 360, "{stored}");
    let file = wait_for_file(&data.join("archive"));
    (server, file)
}

fn wait_for_file(folder: &Path) -> PathBuf {
    let mut so_far = Duration::ZERO;
    loop {
        let day = folder.join("tracks/day=2026-11-21/bucket=00");
        let file = std::fs::read_dir(day)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|end| end == "parquet"));
        if let Some(file) = file {
            return file;
        }
        assert!(so_far < DEADLINE, "no file in {}", folder.display());
        let look = Duration::from_millis(50);
        std::thread::sleep(look);
        so_far += look;
    }
}

#[test]
fn exports_are_what_the_api_gives_and_verify_names_what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let (server, _) = server_with_files(folder.path());
    let (from, to) = ("2026-11-21T06:10:00+08:00", "2026-11-21T06:50:00+08:00");
    for format in ["geojson", "gpx", "csv", "ndjson"] {
        let encoded = "%E6%B9%98A10001";
        let query = format!("from={from}&to={to}&format={format}").replace('+', "%2B");
        let path = format!("/api/v1/vehicles/{encoded}/yellow/track?{query}");
        let (status, expected) = server.request("GET", &path, None);
        assert_eq!(status, 200, "{expected}");
        let out = folder.path().join(format!("track.{format}"));
        let track = export_track(&data, from, to, format);
        assert_eq!(succeed(&track), expected);
        let out_text = out.display().to_string();
        succeed(&[&track[..], &["--out", &out_text]].concat());
        assert_eq!(std::fs::read_to_string(&out).unwrap(), expected);
    }
    let listed = server.wait_for("/api/v1/violations?kind=speeding", |list| {
        list["items"][0]["status"] == "closed"
    });
    let exported = succeed(&[
        "export",
        "violations",
        "--data",
        &data,
        "--kind",
        "speeding",
    ]);
    let exported: Vec<Value> = exported
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(Value::from(exported), listed["items"]);
    let said = succeed(&["verify", "--data", &data]);
    let summary: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(summary["problems"], 0, "{said}");
    server.stop();
    damaged(folder.path());
}

/// A file that loses its middle is named with what it held.
fn damaged(folder: &Path) {
    let data = folder.display().to_string();
    let file = wait_for_file(&folder.join("archive"));
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes.truncate(middle);
    std::fs::write(&file, bytes).unwrap();
    let output = run(&["verify", "--data", &data]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    let finding: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert_eq!(finding["check"], "archive_files");
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    assert!(
        finding["subject"].as_str().unwrap().ends_with(&name),
        "{said}"
    );
    assert!(finding["held"]["fixes"].as_u64().unwrap() > 0, "{said}");
    let time = finding["held"]["from"].as_str().unwrap();
    assert!(time.starts_with("2026-11-21T06:"), "{said}");
    incomplete(folder);
}

/// The command that writes the track of the coach.
fn export_track<'a>(data: &'a str, from: &'a str, to: &'a str, format: &'a str) -> [&'a str; 14] {
    [
        "export",
        "track",
        "--data",
        data,
        "--plate",
        PLATE,
        "--plate-color",
        "yellow",
        "--from",
        from,
        "--to",
        to,
        "--format",
        format,
    ]
}

/// The rest of a track is written, with what is missing, and the command fails.
fn incomplete(folder: &Path) {
    let data = folder.display().to_string();
    let out = folder.join("rest.ndjson");
    let (from, to) = ("2026-11-21T00:00:00+08:00", "2026-11-22T00:00:00+08:00");
    let track = export_track(&data, from, to, "ndjson");
    let output = run(&[&track[..], &["--out", &out.display().to_string()]].concat());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("tracks/day=2026-11-21/bucket=00/"),
        "{errors}"
    );
    let rest = std::fs::read_to_string(&out).unwrap();
    let last: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
    let from = last["missing"]["from"].as_str().unwrap();
    assert!(from.starts_with("2026-11-21T06:"), "{last}");
}

#[test]
fn holds_are_set_listed_and_lifted() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    fleet(folder.path());
    let hold = |arguments: &[&str]| {
        let output = run(&[&["hold"], arguments, &["--data", &data]].concat());
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), said)
    };
    let set = [
        "set",
        "--case",
        "公交2026-7",
        "--plate",
        PLATE,
        "--plate-color",
        "yellow",
        "--reason",
        "事故封存",
        "--from",
        "2026-11-21T00:00:00+08:00",
    ];
    let (code, said) = hold(&set);
    assert_eq!(code, Some(0), "{said}");
    let (_, listed) = hold(&["list"]);
    let only: Value = serde_json::from_str(listed.trim()).unwrap();
    assert_eq!(
        (
            &only["plate"],
            &only["case"],
            &only["to"],
            &only["lifted_at"]
        ),
        (
            &PLATE.into(),
            &"公交2026-7".into(),
            &Value::Null,
            &Value::Null
        )
    );
    assert_eq!(hold(&["lift", "--case", "公交2026-8"]).0, Some(1));
    assert_eq!(
        hold(&["lift", "--case", "公交2026-7"]),
        (Some(0), "lifted 1 holds\n".to_owned())
    );
    assert_eq!(hold(&["list"]), (Some(0), String::new()));
    assert_eq!(hold(&["list", "--lifted"]).1.lines().count(), 1);
    let mut unknown = set;
    unknown[4] = "湘A99999";
    assert_eq!(hold(&unknown).0, Some(1));
}
