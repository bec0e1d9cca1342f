//! Fixes to the bytes of a file and back.

use std::sync::Arc;

use proptest::prelude::*;
use roadwarden::archive::read::{Footer, Pieces, Wanted};
use roadwarden::archive::write::{FileWriter, Names, WrittenFile};
use roadwarden::model::{
    Course, DriverId, Events, Fix, Odometer, Position, Quality, Source, Speed, Timestamp, VehicleId,
};

use crate::store::samples::{at, fix};

fn write(fixes: &[Fix]) -> WrittenFile {
    let names = Names::default();
    let mut writer = FileWriter::new(&names).unwrap();
    writer.push(fixes).unwrap();
    writer.finish().unwrap().unwrap()
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}

fn read(file: &WrittenFile, wanted: &Wanted) -> Vec<Fix> {
    let bytes = file.bytes.len() as u64;
    let tail = file.bytes.slice(index(bytes - file.footer_bytes)..);
    let footer = Footer::parse(tail, bytes).unwrap();
    assert_eq!(footer.fixes(), file.fixes);
    let rows = footer.rows(wanted);
    // Only the bytes that the footer asks for are given.
    let pieces = footer.ranges(&rows).into_iter().map(|range| {
        let bytes = file.bytes.slice(index(range.start)..index(range.end));
        (range.start, bytes)
    });
    let pieces = Arc::new(Pieces::new(bytes, pieces.collect()));
    let mut fixes = Vec::new();
    for rows in &rows {
        footer.decode(&pieces, rows, &mut fixes).unwrap();
    }
    fixes.retain(|fix| wanted.holds(fix));
    fixes
}

prop_compose! {
    fn any_fix()(
        (vehicle, time, received) in (0..5_u32, -1000_i64..1_000_000, any::<i64>()),
        (lat_udeg, lon_udeg, speed) in (any::<i32>(), any::<i32>(), any::<u32>()),
        (course, altitude_m, odometer) in
            (proptest::option::of(0..360_u16), any::<Option<i16>>(), any::<Option<u32>>()),
        (alarm, status, driver) in (any::<u32>(), any::<u32>(), any::<Option<u32>>()),
        (source, quality) in (0..6_u8, any::<u16>()),
        (passengers, events) in (any::<Option<u16>>(), prop_oneof![Just(0), any::<u64>()]),
    ) -> Fix {
        Fix {
            vehicle: VehicleId(vehicle),
            time: Timestamp::from_millis(time),
            received: Timestamp::from_millis(received),
            position: Position { lat_udeg, lon_udeg },
            speed: Speed::from_mkmh(speed),
            course: course.and_then(Course::from_degrees),
            altitude_m,
            odometer: odometer.map(Odometer::from_hm),
            alarm,
            status,
            passengers,
            events: Events::from_bits(events),
            driver: driver.map(DriverId),
            source: Source::from_code(source).unwrap(),
            quality: Quality::from_bits(quality),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_of_any_fix_is_lost(mut fixes in proptest::collection::vec(any_fix(), 1..200)) {
        fixes.sort_by_key(|fix| (fix.vehicle, fix.time));
        let file = write(&fixes);
        prop_assert_eq!(read(&file, &Wanted::ALL), fixes);
    }

    #[test]
    fn any_part_is_what_a_filter_gives(
        vehicle in 0..30_u32,
        from in 0..6000_i64,
        length in 0..6000_i64,
    ) {
        let file = long_file();
        let wanted = Wanted {
            vehicles: (VehicleId(vehicle), VehicleId(vehicle + vehicle % 3)),
            from: at(from),
            to: at(from + length),
        };
        let expected: Vec<Fix> = long_track().into_iter().filter(|fix| wanted.holds(fix)).collect();
        prop_assert_eq!(read(&file, &wanted), expected);
    }
}

/// More fixes than a row group holds, of 25 vehicles.
fn long_track() -> Vec<Fix> {
    (0..25)
        .flat_map(|vehicle| (0..3000).map(move |tick| fix(vehicle, tick * 2)))
        .collect()
}

fn long_file() -> WrittenFile {
    static FILE: std::sync::LazyLock<WrittenFile> =
        std::sync::LazyLock::new(|| write(&long_track()));
    FILE.clone()
}

#[test]
fn a_vehicle_costs_a_part_of_the_file() {
    let file = long_file();
    let bytes = file.bytes.len() as u64;
    let footer = Footer::parse(file.bytes.clone(), bytes).unwrap();
    assert!(footer.groups() > 1);
    let rows = footer.rows(&Wanted {
        vehicles: (VehicleId(7), VehicleId(7)),
        ..Wanted::ALL
    });
    let fetched: u64 = footer
        .ranges(&rows)
        .iter()
        .map(|range| range.end - range.start)
        .sum();
    assert!(
        fetched * 5 < bytes,
        "{fetched} of {bytes} bytes for one of 25 vehicles"
    );
}

#[test]
fn a_file_knows_its_ranges() {
    let file = long_file();
    assert_eq!(file.fixes, 75_000);
    assert_eq!(file.vehicles, (VehicleId(0), VehicleId(24)));
    assert_eq!(file.times, (at(0), at(5998)));
}

#[test]
fn nothing_makes_no_file() {
    let names = Names::default();
    assert!(FileWriter::new(&names).unwrap().finish().unwrap().is_none());
}

#[test]
fn a_cut_or_foreign_footer_is_an_error() {
    let file = long_file();
    let bytes = file.bytes.len();
    for cut in [0, 1, 8, 100] {
        let tail = file.bytes.slice(bytes - cut..);
        assert!(Footer::parse(tail, bytes as u64).is_err());
    }
    assert!(Footer::parse(vec![0; 1000].into(), 1000).is_err());
}
