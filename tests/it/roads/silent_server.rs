//! Speeding of vehicles that fall silent, as a server and a replay store it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tempfile::TempDir;

use super::server::map;
use crate::end_to_end::write_fleet;
use crate::store::support::{Place, on_both_engines};
use crate::support::server::{Server, succeed};

/// What a server says of a violation and no judging does, or by when it was received.
const SAID_LATER: [&str; 5] = [
    "id",
    "revision",
    "first_seen_at",
    "revised_at",
    "revision_reason",
];

/// Whoever is silent for a second is decided.
const SERVER: [&str; 8] = [
    "--shard-silence-s",
    "1",
    "--shard-flush-ms",
    "20",
    "--rejudge-quiet-ms",
    "0",
    "--rejudge-poll-ms",
    "20",
];

/// A fleet and a road map in a database, and what was sent.
struct World {
    folder: TempDir,
    url: String,
    road_map: String,
    sent: Vec<String>,
}

impl World {
    fn new(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_fleet(&folder.path().join("fleet"));
        let road_map = map(folder.path(), "roads.osm", "60");
        let world = Self {
            folder,
            url: url.to_owned(),
            road_map,
            sent: Vec::new(),
        };
        world.command(&["import", "fleet", world.path("fleet").to_str().unwrap()]);
        world.command(&["import", "roads", &world.road_map]);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Runs a command on the database.
    fn command(&self, arguments: &[&str]) -> String {
        let data = self.data();
        let place = ["--data", data.to_str().unwrap(), "--database", &self.url];
        let all: Vec<&str> = arguments.iter().copied().chain(place).collect();
        succeed(&all)
    }

    fn start(&self, arguments: &[&str]) -> Server {
        let mut all = vec!["--database", &self.url];
        all.extend(arguments);
        let data: &Path = &self.data();
        // PostgreSQL gives the lock of one that was killed back when it has seen the connection end.
        Server::start(data, &all)
    }

    fn send(&mut self, server: &Server, lines: &[String]) {
        self.sent.extend_from_slice(lines);
        let taken = server.post("/api/v1/fixes", &lines.concat());
        assert_eq!(taken["stored"], lines.len(), "{taken}");
    }

    /// What `evaluate` says of all that was sent.
    fn expected(&self) -> Vec<Map<String, Value>> {
        let fixes = self.path("sent.ndjson");
        std::fs::write(&fixes, self.sent.concat()).unwrap();
        let said = succeed(&[
            "evaluate",
            "--fleet",
            self.path("fleet").to_str().unwrap(),
            "--fixes",
            fixes.to_str().unwrap(),
            "--roads",
            &self.road_map,
        ]);
        let line = |line: &str| verdict(&serde_json::from_str(line).unwrap());
        let found: Vec<_> = said.lines().map(line).collect();
        assert!(!found.is_empty(), "{said}");
        found
    }

    /// Waits until the server says what `evaluate` says; the violations, in the same order.
    fn wait_for_verdicts(&self, server: &Server) -> Vec<Value> {
        let expected = self.expected();
        let listed = server.wait_for("/api/v1/violations?limit=1000", |list| {
            let mut found: Vec<_> = standing(list).iter().map(verdict).collect();
            found.sort_by_key(place_of);
            found
                .iter()
                .zip(&expected)
                .all(|(one, other)| is_same(one, other))
                && found.len() == expected.len()
        });
        let mut standing = standing(&listed);
        standing.sort_by_key(|violation| place_of(&verdict(violation)));
        standing
    }
}

/// The violations that are not withdrawn.
fn standing(list: &Value) -> Vec<Value> {
    let items = list["items"].as_array().cloned().unwrap_or_default();
    items
        .into_iter()
        .filter(|violation| violation["status"] != "withdrawn")
        .collect()
}

fn verdict(violation: &Value) -> Map<String, Value> {
    let mut verdict = violation.as_object().unwrap().clone();
    verdict.retain(|key, _| !SAID_LATER.contains(&key.as_str()));
    verdict
}

fn place_of(verdict: &Map<String, Value>) -> (String, String, String) {
    let text = |key: &str| verdict[key].as_str().unwrap().to_owned();
    (text("plate"), text("started_at"), text("kind"))
}

/// Whether a server says of a violation what judging says; it knows of handlings besides.
fn is_same(served: &Map<String, Value>, judged: &Map<String, Value>) -> bool {
    judged
        .iter()
        .all(|(key, value)| served.get(key) == Some(value))
}

/// The newest fix of a vehicle in a list of vehicles.
fn last_fix<'a>(list: &'a Value, plate: &str) -> &'a Value {
    let items = list["items"].as_array().map_or(&[][..], Vec::as_slice);
    let found = items.iter().find(|vehicle| vehicle["plate"] == plate);
    found.map_or(&Value::Null, |vehicle| &vehicle["last_fix"])
}

/// Fixes every ten seconds on the road, from a second of the hour on, as far as they bring the vehicle.
fn drive(plate: &str, from_s: i64, speeds: &[f64]) -> Vec<String> {
    let mut lines = Vec::new();
    for (number, kmh) in speeds.iter().enumerate() {
        let seconds = from_s + 10 * i64::try_from(number).unwrap();
        // At 90 km/h all the time, which is not far from what they say.
        let lat = 28.1 + f64::from(i32::try_from(seconds).unwrap()) * 25.0 / 111_195.0;
        let mut line = String::new();
        writeln!(
            line,
            "{{\"plate\":\"{plate}\",\"plate_color\":\"yellow\",\"lat\":{lat:.6},\"lon\":112.9,\
             \"time\":\"2026-11-20T09:{:02}:{:02}+08:00\",\"speed_kmh\":{kmh},\"course_deg\":0}}",
            seconds / 60,
            seconds % 60
        )
        .unwrap();
        lines.push(line);
    }
    lines
}

/// Too fast for little more than a minute, too short to be matched, and then nothing.
fn chase(plate: &str) -> Vec<String> {
    drive(plate, 0, &[95.0; 8])
}

/// What comes of it later: too fast for another half minute, and on as it should be.
fn rest(plate: &str) -> Vec<String> {
    let speeds: Vec<f64> = [95.0; 3].into_iter().chain([50.0; 20]).collect();
    drive(plate, 80, &speeds)
}

on_both_engines! {
    async fn the_silent_are_judged_with_what_there_is_and_again_with_what_comes(place: Place) {
        tokio::task::block_in_place(|| {
            let mut world = World::new(&place.url);
            let server = world.start(&SERVER);
            world.send(&server, &chase("湘A10001"));
            let told = world.wait_for_verdicts(&server);
            assert_eq!((told.len(), &told[0]["ended_at"]), (1, &Value::Null), "{told:?}");
            assert_eq!(told[0]["evidence"]["last_fix"], "2026-11-20T09:01:10+08:00");
            let seen = told[0]["first_seen_at"].as_str().unwrap();
            let live = server.get("/api/v1/vehicles?limit=1000");
            let received = last_fix(&live, "湘A10001")["received"].clone();
            assert!(seen > received.as_str().unwrap(), "{seen}: {live}");

            // One is cut off after it was decided, the other before.
            world.send(&server, &chase("湘A10002"));
            server.kill();
            let server = world.start(&SERVER);
            assert_eq!(world.wait_for_verdicts(&server).len(), 2);

            // What was only delayed comes in the end, over another end.
            world.send(&server, &rest("湘A10002"));
            world.send(&server, &rest("湘A10001")[..2]);
            server.kill();
            let server = world.start(&SERVER);
            server.wait_for("/api/v1/vehicles?limit=1000", |live| {
                last_fix(live, "湘A10001")["time"] == "2026-11-20T09:01:30+08:00"
            });
            server.kill();
            let server = world.start(&SERVER);
            world.send(&server, &rest("湘A10001")[2..]);
            let now = world.wait_for_verdicts(&server);
            assert_eq!(now[0]["id"], told[0]["id"]);
            assert_eq!(now[0]["first_seen_at"], told[0]["first_seen_at"]);
            server.stop();
        });
    }

    async fn a_replay_leaves_nothing_to_be_waited_for(place: Place) {
        tokio::task::block_in_place(|| {
            let mut world = World::new(&place.url);
            for (name, lines, begun) in [
                ("first.ndjson", chase("湘A10001"), 1),
                ("second.ndjson", rest("湘A10001"), 0),
                ("third.ndjson", [chase("湘A10002"), rest("湘A10002")].concat(), 1),
            ] {
                world.sent.extend_from_slice(&lines);
                let file = world.path(name);
                std::fs::write(&file, lines.concat()).unwrap();
                let said = world.command(&["replay", file.to_str().unwrap()]);
                let said: Value = serde_json::from_str(&said).unwrap();
                assert_eq!(said["violations"], begun, "{name}: {said}");
                // A server that takes nobody for silent today.
                let server = world.start(&["--shard-silence-s", "86400"]);
                world.wait_for_verdicts(&server);
                server.stop();
            }
        });
    }
}
