//! Another tool opens the files and finds the same.

use std::process::Command;

use roadwarden::model::{DriverId, Fix, Quality, Source, Speed};
use serde_json::{Value, json};

use super::support::Kept;
use crate::store::samples::{at, fixes};
use crate::store::support::{Place, on_sqlite};

/// Holds the path of a Python that has the package `duckdb`.
const DUCKDB: &str = "ROADWARDEN_TEST_DUCKDB";

/// Prints the answers as JSON, numbers as they are, times as milliseconds.
const QUERIES: &str = "
import duckdb, json, sys
files = f\"read_parquet('{sys.argv[1]}/tracks/*/*/*.parquet', hive_partitioning = true)\"
ask = lambda sql: duckdb.sql(sql.replace('FILES', files)).fetchall()
print(json.dumps({
    'days': ask('SELECT CAST(day AS VARCHAR), count(*) FROM FILES GROUP BY day ORDER BY day'),
    'vehicles': ask('SELECT plate, plate_color, count(*), CAST(sum(lat_e6) AS BIGINT), CAST(sum(lon_e6) AS BIGINT) FROM FILES GROUP BY ALL ORDER BY plate'),
    'page': duckdb.sql(sys.argv[2].replace('roadwarden-data/archive', sys.argv[1])).fetchall(),
    'rows': ask('SELECT vehicle, epoch_ms(fix_time), epoch_ms(received_time), lat_e6, lon_e6, speed_dkmh, speed_rest_mkmh, course_deg, altitude_m, odometer_hm, alarm, status, driver, driver_licence, source, quality FROM FILES ORDER BY vehicle, fix_time, quality'),
}))
";

fn track() -> Vec<Fix> {
    let mut track = fixes(1, (80_000..92_000).step_by(10));
    for (number, fix) in track.iter_mut().enumerate() {
        match number % 7 {
            0 => fix.course = None,
            1 => fix.altitude_m = Some(-12),
            2 => fix.odometer = None,
            3 => fix.speed = Speed::from_mkmh(81_234),
            4 => fix.driver = Some(DriverId(1)),
            5 => (fix.alarm, fix.status) = (u32::MAX, 1 << 31),
            _ => (fix.source, fix.quality) = (Source::File, Quality::JUMP),
        }
    }
    track.extend(fixes(2, (0..500).step_by(5)));
    track
}

/// A fix as `DuckDB` is to give it.
fn row(fix: &Fix, licence: &str) -> Value {
    json!([
        fix.vehicle.0,
        fix.time.millis(),
        fix.received.millis(),
        fix.position.lat_udeg,
        fix.position.lon_udeg,
        fix.speed.mkmh() / 100,
        fix.speed.mkmh() % 100,
        fix.course.map(roadwarden::model::Course::degrees),
        fix.altitude_m,
        fix.odometer.map(roadwarden::model::Odometer::hm),
        fix.alarm,
        fix.status,
        fix.driver.map(|driver| driver.0),
        fix.driver.map(|_| licence),
        fix.source.code(),
        fix.quality.bits(),
    ])
}

async fn same_counts_and_values(place: Place, python: String) {
    let kept = Kept::new(&place).await;
    let track = track();
    kept.stage(&track, 100).await;
    // Merged, and what was merged into others is gone: each fix is in one file.
    for _ in 0..3 {
        kept.pass().await;
        kept.clock.advance(roadwarden::model::Span::from_hours(24));
    }
    let folder = kept.folder().to_owned();
    let output = tokio::task::spawn_blocking(move || {
        let page = include_str!("../../../docs/track-archive.md");
        let (_, query) = page.split_once("```sql\n").unwrap();
        let (query, _) = query.split_once("```").unwrap();
        Command::new(python)
            .args(["-c", QUERIES])
            .arg(folder)
            .arg(query.trim().trim_end_matches(';'))
            .output()
    });
    let output = output.await.unwrap().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let before = track.iter().filter(|fix| fix.time < at(86_400)).count();
    let days = json!([["2026-11-21", before], ["2026-11-22", track.len() - before]]);
    assert_eq!(found["days"], days);
    let expected: Vec<Value> = [(1, "湘A12345"), (2, "湘A12346")]
        .map(|(vehicle, plate)| {
            let own: Vec<&Fix> = track
                .iter()
                .filter(|fix| fix.vehicle.0 == vehicle)
                .collect();
            let sum = |of: fn(&Fix) -> i32| own.iter().map(|fix| i64::from(of(fix))).sum::<i64>();
            json!([
                plate,
                "yellow",
                own.len(),
                sum(|fix| fix.position.lat_udeg),
                sum(|fix| fix.position.lon_udeg)
            ])
        })
        .into();
    assert_eq!(found["vehicles"], Value::from(expected));
    // The query of the page: fixes, greatest speed and distance of each vehicle on the first day.
    assert_eq!(found["page"][0][0], "湘A12345");
    let fixes = |row: usize| found["page"][row][1].as_u64().unwrap();
    assert_eq!(fixes(0) + fixes(1), before as u64);
    let rows: Vec<Value> = track
        .iter()
        .map(|fix| row(fix, "430102000000000001"))
        .collect();
    assert_eq!(found["rows"], Value::from(rows));
}

#[test]
fn duckdb_finds_the_same_counts_and_values() {
    if let Ok(python) = std::env::var(DUCKDB) {
        on_sqlite(|place| same_counts_and_values(place, python));
    } else {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI must test with DuckDB: run scripts/duckdb-for-tests"
        );
        println!("not run with DuckDB: {DUCKDB} is not set");
    }
}
