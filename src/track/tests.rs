//! Properties of the encoding, over any fix that can be said.

use proptest::option;
use proptest::prelude::*;

use super::{JournalRecord, TrackError, TrackTail, decode_run, encode_run};
use crate::model::{
    Course, DriverId, Events, Fix, Odometer, Position, Quality, Source, Speed, Timestamp, VehicleId,
};

/// Any number, small ones and the ends often.
fn number() -> impl Strategy<Value = i64> {
    prop_oneof![
        Just(0),
        Just(i64::MAX),
        Just(i64::MIN),
        -100_000..100_000_i64,
        any::<i64>()
    ]
}

prop_compose! {
    fn any_fix()(
        vehicle in 0..5_u32,
        time in number(),
        received in number(),
        (lat_udeg, lon_udeg) in any::<(i32, i32)>(),
        mkmh in prop_oneof![0..1000_u32, any::<u32>()],
        course in option::of(0..360_u16),
        altitude_m in option::of(any::<i16>()),
        odometer in option::of(any::<u32>()),
        (alarm, status) in prop_oneof![Just((0, 3)), any::<(u32, u32)>()],
        driver in option::of(any::<u32>()),
        source in 0..6_u8,
        quality in prop_oneof![Just(0), any::<u16>()],
        passengers in option::of(any::<u16>()),
        events in prop_oneof![Just(0), any::<u64>()],
    ) -> Fix {
        Fix {
            vehicle: VehicleId(vehicle),
            time: Timestamp::from_millis(time),
            received: Timestamp::from_millis(received),
            position: Position { lat_udeg, lon_udeg },
            speed: Speed::from_mkmh(mkmh),
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

/// Fixes that repeat now and then, as real ones do.
fn any_fixes() -> impl Strategy<Value = Vec<Fix>> {
    let repeated = (any_fix(), 1..4_usize).prop_map(|(fix, times)| vec![fix; times]);
    prop::collection::vec(repeated, 0..12).prop_map(|groups| groups.concat())
}

fn of_one(mut fixes: Vec<Fix>) -> Vec<Fix> {
    for fix in &mut fixes {
        fix.vehicle = VehicleId(7);
    }
    fixes
}

fn read(bytes: &[u8]) -> Result<Vec<Fix>, TrackError> {
    JournalRecord::open(bytes)?.fixes().collect()
}

/// The fix of a coach on its way at second `n`.
fn coach(n: u16) -> Fix {
    let step = i32::from(n);
    let millis = 1_795_000_000_000 + i64::from(n) * 10_000;
    Fix {
        vehicle: VehicleId(7),
        time: Timestamp::from_millis(millis),
        received: Timestamp::from_millis(millis + 400 + i64::from(n * 37 % 300)),
        position: Position {
            lat_udeg: 28_200_000 + step * 1500 + step % 90,
            lon_udeg: 112_900_000 + step * 1800 - step % 70,
        },
        speed: Speed::from_dkmh(850 + n * 13 % 60),
        course: Course::from_degrees(45 + n % 3),
        altitude_m: Some(50 + i16::try_from(n % 4).unwrap()),
        odometer: Some(Odometer::from_hm(12_345 + u32::from(n) * 2)),
        alarm: 0,
        status: 3,
        passengers: None,
        events: Events::NONE,
        driver: None,
        source: Source::Terminal,
        quality: Quality::GOOD,
    }
}

proptest! {
    #[test]
    fn a_run_comes_back(fixes in any_fixes().prop_map(of_one)) {
        let bytes = encode_run(&fixes);
        prop_assert_eq!(decode_run(VehicleId(7), &bytes), Ok(fixes));
    }

    #[test]
    fn a_tail_is_a_run_that_grows_and_survives_a_restart(
        fixes in any_fixes().prop_map(of_one),
        cut in 0..40_usize,
    ) {
        let (first, rest) = fixes.split_at(cut.min(fixes.len()));
        let mut tail = TrackTail::new(VehicleId(7));
        for fix in first { tail.push(fix); }
        let mut tail = TrackTail::from_bytes(VehicleId(7), tail.bytes()).unwrap();
        for fix in rest { tail.push(fix); }
        prop_assert_eq!(tail.bytes(), encode_run(&fixes));
        prop_assert_eq!(tail.iter().collect::<Vec<_>>(), fixes.clone());
        prop_assert_eq!(tail.len() as usize, fixes.len());
        prop_assert_eq!(tail.first_time(), fixes.iter().map(|fix| fix.time).min());
        prop_assert_eq!(tail.last_time(), fixes.iter().map(|fix| fix.time).max());
        for fix in &fixes {
            let first = fixes.iter().find(|other| other.time == fix.time).copied();
            prop_assert_eq!(tail.find(fix.time), first);
        }
        prop_assert_eq!(tail.take(), encode_run(&fixes));
        prop_assert_eq!(tail, TrackTail::new(VehicleId(7)));
    }

    #[test]
    fn a_record_keeps_the_order_inside_each_vehicle(fixes in any_fixes()) {
        let bytes = JournalRecord::encode(&fixes);
        let mut expected = fixes.clone();
        expected.sort_by_key(|fix| fix.vehicle);
        prop_assert_eq!(read(&bytes), Ok(expected));
        prop_assert_eq!(JournalRecord::open(&bytes).unwrap().len(), fixes.len());
    }

    #[test]
    fn a_damaged_record_is_noticed(
        fixes in any_fixes(),
        place in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let good = JournalRecord::encode(&fixes);
        let mut bytes = good.clone();
        bytes[place.index(good.len())] ^= 1 << bit;
        prop_assert!(JournalRecord::open(&bytes).is_err());
        prop_assert!(JournalRecord::open(&good[..place.index(good.len())]).is_err());
    }

    #[test]
    fn no_bytes_make_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(decode_run(VehicleId(7), &bytes));
        if let Some(version) = bytes.first_mut() {
            *version = 1;
        }
        drop(decode_run(VehicleId(7), &bytes));
        drop(TrackTail::from_bytes(VehicleId(7), &bytes));
        drop(read(&bytes));
        // With a checksum that fits, so that the groups are read.
        if bytes.len() >= 5 {
            let checksum = super::record::checksum(&bytes[5..]);
            bytes[1..5].copy_from_slice(&checksum);
            drop(read(&bytes));
        }
    }
}

#[test]
fn a_usual_fix_takes_some_twelve_bytes() {
    let fixes: Vec<Fix> = (0..300).map(coach).collect();
    let bytes = encode_run(&fixes).len();
    assert!(bytes <= 300 * 12, "{bytes} bytes for 300 fixes");
}

#[test]
fn a_parked_vehicle_takes_three_bytes_a_fix() {
    let mut fixes: Vec<Fix> = (0..300).map(coach).collect();
    let parked = fixes[0];
    for fix in &mut fixes {
        let (time, received) = (fix.time, fix.received);
        *fix = parked;
        (fix.time, fix.received) = (time, received);
    }
    let bytes = encode_run(&fixes).len();
    assert!(bytes <= 300 * 3 + 50, "{bytes} bytes for 300 fixes");
}

#[test]
fn a_record_of_one_fix_a_vehicle_takes_some_twenty_bytes_each() {
    let fixes: Vec<Fix> = (0..1000_u16)
        .map(|n| Fix {
            vehicle: VehicleId(u32::from(n)),
            received: Timestamp::from_millis(1_795_000_000_000),
            ..coach(n * 7 % 500)
        })
        .collect();
    let bytes = JournalRecord::encode(&fixes).len();
    assert!(bytes <= 1000 * 20, "{bytes} bytes for 1000 fixes");
}

#[test]
fn a_record_with_a_false_count_is_refused() {
    let fixes: Vec<Fix> = (0..3).map(coach).collect();
    for (count, error) in [
        (2, TrackError::TooLong),
        (4, TrackError::Truncated),
        (127, TrackError::Range { what: "count" }),
    ] {
        let mut bytes = JournalRecord::encode(&fixes);
        bytes[5] = count;
        let checksum = super::record::checksum(&bytes[5..]);
        bytes[1..5].copy_from_slice(&checksum);
        assert_eq!(read(&bytes), Err(error));
    }
}

#[test]
fn other_versions_are_refused() {
    let unknown = Err(TrackError::Version { version: 2 });
    assert_eq!(decode_run(VehicleId(7), &[2]), unknown);
    assert_eq!(read(&[2, 0, 0, 0, 0, 0]), unknown);
    assert_eq!(decode_run(VehicleId(7), &[]), Ok(Vec::new()));
}
