//! What is told before a limit is passed.

use roadwarden::detect::{Transition, VehicleState};
use roadwarden::model::prealarm::Near;
use roadwarden::model::{DriverId, Fix, Span, VehicleClass, VehicleId};

use crate::drive::{Drivers, Scene, drive};

use VehicleClass::{Hazmat, TouristCoach};

/// Pre-alarms of a drive as `kind at what`, the state saved and restored after every fix.
fn told(class: VehicleClass, start: &str, text: &str, change: impl Fn(&mut Fix)) -> Vec<String> {
    let scene = Scene::of(class);
    let mut state = VehicleState::default();
    let mut drivers = Drivers::default();
    let mut out = Vec::new();
    for mut fix in drive(start, text, Span::from_seconds(10)) {
        change(&mut fix);
        state.handle_fix(&scene.context(), &fix, &mut out);
        state = VehicleState::restore(&state.snapshot()).unwrap();
        state.take_pieces(&mut out);
        drivers.take(&scene.context(), &mut out);
    }
    prealarms(&scene, &out)
}

fn prealarms(scene: &Scene, out: &[Transition]) -> Vec<String> {
    out.iter()
        .filter_map(|transition| match transition {
            Transition::PreAlarm(alarm) => Some(alarm),
            _ => None,
        })
        .map(|alarm| {
            let time = alarm.at.to_utc().with_timezone(&scene.rules.zone.tz());
            let near = match alarm.near {
                Near::Driving { left, warning, .. } => {
                    format!("{} of {} min left", left.minutes(), warning.minutes())
                }
                Near::Speed { speed, limit } => format!("{} of {}", speed.kmh(), limit.kmh()),
            };
            format!("{} {} {near}", alarm.kind, time.format("%H:%M:%S"))
        })
        .collect()
}

#[test]
fn continuous_driving_is_told_thirty_and_ten_minutes_before() {
    assert_eq!(
        told(Hazmat, "11-21 08:00", "drive 4h10m", |_| ()),
        [
            "fatigue_continuous 11:30:00 30 of 30 min left",
            "fatigue_continuous 11:50:00 10 of 10 min left",
        ]
    );
}

#[test]
fn a_driver_is_warned_in_the_second_vehicle() {
    let scene = Scene::of(Hazmat);
    let mut drivers = Drivers::default();
    let mut out = Vec::new();
    for (number, start, text) in [
        (1, "11-21 08:00", "drive 2h"),
        (2, "11-21 10:10", "drive 1h45m"),
    ] {
        let mut state = VehicleState::default();
        for fix in drive(start, text, Span::from_seconds(10)) {
            let fix = Fix {
                vehicle: VehicleId(number),
                driver: Some(DriverId(7)),
                ..fix
            };
            state.handle_fix(&scene.context(), &fix, &mut out);
            state.take_pieces(&mut out);
            drivers.take(&scene.context(), &mut out);
        }
    }
    let warned = |transition: &Transition| match transition {
        Transition::PreAlarm(alarm) => Some((alarm.vehicle, alarm.driver)),
        _ => None,
    };
    assert_eq!(
        out.iter().filter_map(warned).collect::<Vec<_>>(),
        [(VehicleId(2), Some(DriverId(7)))]
    );
    assert_eq!(
        prealarms(&scene, &out),
        ["fatigue_continuous 11:40:00 30 of 30 min left"]
    );
}

#[test]
fn night_driving_is_told_and_again_after_a_rest() {
    assert_eq!(
        told(
            TouristCoach,
            "11-21 22:00",
            "drive 1h35m, stand 20m, drive 1h31m",
            |_| ()
        ),
        [
            "fatigue_night 23:30:00 30 of 30 min left",
            "fatigue_night 01:25:00 30 of 30 min left",
        ]
    );
}

#[test]
fn eight_hours_in_a_day_are_told() {
    let found = told(
        TouristCoach,
        "11-21 06:00",
        "drive 3h20m, stand 30m, drive 3h20m, stand 30m, drive 1h15m",
        |_| (),
    );
    assert_eq!(
        found,
        [
            "fatigue_24h 14:30:00 30 of 30 min left",
            "fatigue_24h 14:50:00 10 of 10 min left",
        ]
    );
}

#[test]
fn a_speed_just_below_the_limit_is_told_once() {
    assert_eq!(
        told(
            Hazmat,
            "11-21 08:00",
            "drive@70 1m, drive@75 2m, drive@72 1m, drive@79 2m",
            |_| ()
        ),
        ["speeding 08:01:00 75 of 80"]
    );
    // Well below in between, but too soon; and much later.
    assert_eq!(
        told(
            Hazmat,
            "11-21 08:00",
            "drive@76 1m, drive@60 1m, drive@76 1m, drive@60 10m, drive@76 1m",
            |_| ()
        ),
        ["speeding 08:00:00 76 of 80", "speeding 08:13:00 76 of 80"]
    );
    assert!(
        told(
            Hazmat,
            "11-21 08:00",
            "drive@74 5m, drive@90 1m, drive@78 1m",
            |_| ()
        )
        .is_empty()
    );
}

#[test]
fn data_that_comes_late_warns_nobody() {
    let late = |fix: &mut Fix| fix.received = fix.time + Span::from_minutes(6);
    assert!(told(Hazmat, "11-21 08:00", "drive@76 4h10m", late).is_empty());
}
