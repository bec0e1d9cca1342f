//! Road maps imported beside a running server.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::end_to_end::fleet;
use crate::support::server::{Server, run};

/// A main road along the meridian of 112.9 degrees, with that limit.
pub(super) fn map(folder: &Path, name: &str, limit: &str) -> String {
    let mut text = String::from("<osm version=\"0.6\">\n");
    let mut refs = String::new();
    for node in 1..=40 {
        let lat = 28.0 + f64::from(node) * 0.005;
        writeln!(text, "<node id=\"{node}\" lat=\"{lat:.4}\" lon=\"112.9\"/>").unwrap();
        writeln!(refs, "<nd ref=\"{node}\"/>").unwrap();
    }
    write!(
        text,
        "<way id=\"7\">\n{refs}<tag k=\"highway\" v=\"primary\"/>\n\
         <tag k=\"maxspeed\" v=\"{limit}\"/>\n</way>\n</osm>\n"
    )
    .unwrap();
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Two minutes at 95 km/h on that road from an hour on, then five at 50; the violation that it is.
fn drive(server: &Server, hour: u32) -> Value {
    let mut metres = 2000.0;
    let mut lines = String::new();
    for step in 0..42 {
        let kmh = if step < 12 { 95.0 } else { 50.0 };
        let lat = 28.0 + metres / 111_195.0;
        let (minute, second) = (step / 6, step % 6 * 10);
        writeln!(
            lines,
            "{{\"plate\":\"湘A10001\",\"plate_color\":\"yellow\",\"lat\":{lat:.6},\"lon\":112.9,\
             \"time\":\"2026-11-20T{hour:02}:{minute:02}:{second:02}+08:00\",\"speed_kmh\":{kmh},\
             \"course_deg\":0}}"
        )
        .unwrap();
        metres += kmh / 3.6 * 10.0;
    }
    let taken = server.post("/api/v1/fixes", &lines);
    assert_eq!(taken["stored"], 42, "{taken}");
    let begin = format!("2026-11-20T{hour:02}:00:00+08:00");
    let found = |list: &Value| -> Option<Value> {
        let items = list["items"].as_array()?;
        items.iter().find(|v| v["started_at"] == *begin).cloned()
    };
    let listed = server.wait_for("/api/v1/violations?kind=speeding", |list| {
        found(list).is_some()
    });
    found(&listed).unwrap()
}

#[test]
fn a_map_is_swapped_under_a_running_server_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    fleet(&data);
    let import = |file: &str| run(&["import", "roads", file, "--data", data.to_str().unwrap()]);
    assert!(
        import(&map(folder.path(), "first.osm", "80"))
            .status
            .success()
    );
    let server = Server::start(&data, &[]);
    let first = drive(&server, 7);
    assert_eq!(first["limit"]["legal_kmh"], 80, "{first}");
    let version = first["limit"]["map_version"].clone();
    assert!(version.is_string(), "{first}");

    // A map that is cut off changes nothing.
    let whole = std::fs::read(map(folder.path(), "cut.osm", "60")).unwrap();
    let cut = folder.path().join("cut.osm");
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let refused = import(cut.to_str().unwrap());
    assert!(!refused.status.success());
    assert_eq!(drive(&server, 8)["limit"]["map_version"], version);

    assert!(
        import(&map(folder.path(), "second.osm", "60"))
            .status
            .success()
    );
    // The server looks for a newer register now and then.
    let second = (9..24)
        .map(|hour| drive(&server, hour))
        .find(|violation| violation["limit"]["map_version"] != version)
        .expect("the new map is taken up");
    assert_eq!(second["limit"]["legal_kmh"], 60, "{second}");
    server.stop();
}

#[test]
fn without_the_map_in_force_nothing_is_judged() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    fleet(&data);
    let named = data.to_str().unwrap();
    let imported = run(&[
        "import",
        "roads",
        &map(folder.path(), "a.osm", "80"),
        "--data",
        named,
    ]);
    assert!(imported.status.success());
    let mut files = std::fs::read_dir(data.join("roads")).unwrap();
    let file = files.next().unwrap().unwrap().path();
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 9]).unwrap();
    let refused = run(&[
        "serve",
        "--data",
        named,
        "--http",
        "127.0.0.1:0",
        "--jt808",
        "127.0.0.1:0",
    ]);
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(told.contains("import its extract again"), "{told}");
    std::fs::write(&file, whole).unwrap();
    Server::start(&data, &[]).stop();
}
