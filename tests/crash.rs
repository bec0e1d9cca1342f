//! Kills a loaded server at random points and compares every row with an unbroken run.
//!
//! The server's clock stands still, so that both runs receive every fix at the same moment. Terminals send
//! again what was not acknowledged, as real ones do: repetitions are counted apart and are not compared.

#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

#[path = "it/support/mod.rs"]
#[expect(dead_code, reason = "shared with the other tests of the built program")]
mod support;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use roadwarden::archive::{Archive, Place, PlaceSettings};
use roadwarden::model::{Timestamp, VehicleId};
use roadwarden::store::{Role, Store, StoreOptions};
use sqlx::Row as _;

use support::server::{Server, succeed};
use support::terminal::{Report, Terminal};

/// Vehicles, each with a connection and a thread of its own.
const VEHICLES: u32 = 6;
/// Fixes of one vehicle.
const FIXES: i64 = 1500;
/// Reports in flight on one connection.
const IN_FLIGHT: usize = 5;
/// Kills, unless the environment says otherwise.
const KILLS: u64 = 8;
/// 2026-11-21T22:00:00+08:00: the drives go on into the night, where other limits hold.
const BEGIN_S: i64 = 1_795_269_600;
/// A clock that stands still, and a track that goes to files as soon as it is staged, which is often: kills
/// come in the middle of that, too.
const SERVER: [&str; 12] = [
    "--dev-clock",
    "2026-11-22T12:00:00+08:00",
    "--dev-clock-rate",
    "0",
    "--archive-interval-ms",
    "20",
    "--archive-merge-files",
    "3",
    "--shard-tail-bytes-max",
    "256",
    "--shard-flush-ms",
    "20",
];

fn phone(vehicle: u32) -> String {
    format!("1391234{vehicle:04}")
}

fn plate(vehicle: u32) -> String {
    format!("湘A2{vehicle:04}")
}

fn fleet(data: &Path) {
    let folder = data.join("fleet");
    std::fs::create_dir_all(&folder).unwrap();
    let mut vehicles = String::from(
        "plate,plate_color,terminal,enterprise_id,class,seats,region,line_km,route_id\n",
    );
    for vehicle in 0..VEHICLES {
        let (plate, phone) = (plate(vehicle), phone(vehicle));
        writeln!(vehicles, "{plate},yellow,{phone},E1,line_coach_2,45,,180,").unwrap();
    }
    std::fs::write(folder.join("vehicles.csv"), vehicles).unwrap();
    let enterprises = "id,name,credit_code,region,kind\nE1,青禾客运,,430102,passenger\n";
    std::fs::write(folder.join("enterprises.csv"), enterprises).unwrap();
    succeed(&[
        "import",
        "fleet",
        folder.to_str().unwrap(),
        "--data",
        data.to_str().unwrap(),
    ]);
}

/// The drive of a vehicle: a report every twenty seconds, faster and slower by turns, with stops.
fn report(vehicle: u32, step: i64) -> Report {
    let phase = (step + i64::from(vehicle) * 7) % 90;
    let speed_kmh: u16 = match phase {
        0..8 => 0,
        8..40 => 78,
        40..55 => 112,
        _ => 88,
    };
    // The place follows from the mean speed: far enough from every threshold of a jump.
    let lon_udeg = 112_000_000 + step * 4200 + i64::from(vehicle);
    Report {
        unix_s: BEGIN_S + step * 20,
        lat_udeg: 28_100_000 + vehicle * 1000,
        lon_udeg: u32::try_from(lon_udeg).unwrap(),
        speed_dkmh: speed_kmh * 10,
        course_deg: 90,
    }
}

/// Where the server is at the moment; another port after each restart.
type Address = Mutex<Option<std::net::SocketAddr>>;

/// Sends a vehicle's whole drive, again and again from the first fix that was not acknowledged.
fn drive(vehicle: u32, address: &Address, acknowledged: &AtomicU64) {
    let mut next = 0;
    while next < FIXES {
        let now = *address.lock().unwrap();
        let Some(now) = now else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        let Ok(mut terminal) = Terminal::connect(now, &phone(vehicle)) else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        // A killed server shows as an error, and the terminal connects anew.
        let Ok(()) = terminal.come_online(&plate(vehicle)) else {
            continue;
        };
        let mut waiting = std::collections::VecDeque::new();
        let mut sent = next;
        loop {
            while waiting.len() < IN_FLIGHT && sent < FIXES {
                let Ok(serial) = terminal.report(&report(vehicle, sent)) else {
                    break;
                };
                waiting.push_back(serial);
                sent += 1;
            }
            let Some(serial) = waiting.pop_front() else {
                break;
            };
            match terminal.acknowledged(serial) {
                Ok(result) => {
                    assert_eq!(result, 0);
                    next += 1;
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                Err(_) => break,
            }
        }
    }
}

/// Runs the whole story on a data folder, with so many kills.
fn live(data: &Path, kills: u64, seed: u64) {
    fleet(data);
    let address = Arc::new(Address::default());
    let acknowledged = Arc::new(AtomicU64::new(0));
    let done = Arc::new(AtomicBool::new(false));
    let drivers: Vec<_> = (0..VEHICLES)
        .map(|vehicle| {
            let (address, acknowledged) = (Arc::clone(&address), Arc::clone(&acknowledged));
            std::thread::spawn(move || drive(vehicle, &address, &acknowledged))
        })
        .collect();
    let waiting = {
        let done = Arc::clone(&done);
        std::thread::spawn(move || {
            for driver in drivers {
                driver.join().unwrap();
            }
            done.store(true, Ordering::Release);
        })
    };
    let all = u64::from(VEHICLES) * u64::try_from(FIXES).unwrap();
    let mut random = seed;
    for kill in 0..=kills {
        let server = Server::start(data, &SERVER);
        *address.lock().unwrap() = Some(server.jt808);
        // Kills are spread over the acknowledged fixes, so that a fast machine is killed in mid-load, too.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let share = all / (kills + 1);
        let until = share * kill + (random >> 33) % share.max(1);
        while !done.load(Ordering::Acquire)
            && (kill == kills || acknowledged.load(Ordering::Relaxed) < until)
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        if kill == kills {
            server.stop();
        } else {
            *address.lock().unwrap() = None;
            server.kill();
        }
    }
    waiting.join().unwrap();
}

/// Every derived row and every fix, as text.
fn rows(data: &Path) -> Vec<String> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let url = format!("sqlite:{}", data.join("roadwarden.db").display());
        let mut rows = Vec::new();
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        for sql in [
            "SELECT quote(id)||quote(vehicle_id)||quote(started_at)||quote(ended_at)||quote(confirmed_at)
                ||quote(first_seen_at)||quote(revision)||quote(body) FROM violations ORDER BY id",
            "SELECT quote(vehicle_id)||quote(state) FROM vehicle_states ORDER BY vehicle_id",
            "SELECT quote(vehicle_id)||quote(fix_at)||quote(received_at)||quote(lat_udeg)||quote(lon_udeg)
                ||quote(left_continuous_ms)||quote(left_night_ms)||quote(left_24h_ms)||quote(left_7d_ms)
                ||quote(first_qualified_at) FROM vehicle_live ORDER BY vehicle_id",
            "SELECT quote(enterprise_id)||quote(day)||quote(minutes) FROM operating_minutes ORDER BY 1",
            "SELECT quote(vehicle_id)||quote(day)||quote(fixes)||quote(qualified)||quote(first_at)
                ||quote(last_at)||quote(online) FROM vehicle_days ORDER BY vehicle_id, day",
            "SELECT quote(vehicle_id)||quote(from_at)||quote(to_at) FROM fault_runs ORDER BY 1",
            "SELECT quote(vehicle_id)||quote(at)||quote(note) FROM contradictions ORDER BY 1",
        ] {
            for row in sqlx::query(sql).fetch_all(&pool).await.unwrap() {
                rows.push(row.get::<String, _>(0));
            }
        }
        pool.close().await;
        let archive = Archive::new(place(data), 1 << 20);
        let options = StoreOptions::new(url, Role::Guest).with_files(Arc::new(archive));
        let store = Store::open(&options).await.unwrap();
        let files = store.track_files(i64::MIN, i64::MAX).await.unwrap();
        assert!(!files.is_empty(), "tracks went to files");
        for vehicle in store.load_registry().await.unwrap().vehicles {
            for fix in track(&store, vehicle.id).await {
                rows.push(format!("{fix:?}"));
            }
        }
        store.close().await;
        rows
    })
}

fn place(data: &Path) -> Place {
    Place::open(&PlaceSettings {
        url: data.join("archive").display().to_string(),
        request_max: Duration::from_secs(5),
        retries_max: 0,
        options: Vec::new(),
    })
    .unwrap()
}

async fn track(store: &Store, vehicle: VehicleId) -> Vec<roadwarden::model::Fix> {
    let day = Timestamp::from_seconds(BEGIN_S);
    let end = Timestamp::from_seconds(BEGIN_S + 86_400);
    store.track(vehicle, day, end).await.unwrap()
}

#[test]
fn nothing_acknowledged_is_lost_or_judged_twice() {
    let kills = std::env::var("ROADWARDEN_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let seed = std::env::var("ROADWARDEN_SEED").map_or(1, |text| text.parse().unwrap());
    let (unbroken, broken) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    live(unbroken.path(), 0, seed);
    live(broken.path(), kills, seed);
    succeed(&["verify", "--data", broken.path().to_str().unwrap()]);
    let (expected, found) = (rows(unbroken.path()), rows(broken.path()));
    let fixes = usize::try_from(i64::from(VEHICLES) * FIXES).unwrap();
    assert!(expected.len() > fixes, "every fix is stored");
    assert!(
        expected.iter().any(|row| row.contains("speeding")),
        "the story has violations"
    );
    for (expected, found) in expected.iter().zip(&found) {
        assert_eq!(found, expected, "seed {seed}");
    }
    assert_eq!(found.len(), expected.len(), "seed {seed}");
}
