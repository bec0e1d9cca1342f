//! Running between 02:00 and 05:00: E16 of the regulations (section 15), and the edges of the rule.

use roadwarden::detect::PermitValidity;
use roadwarden::model::fleet::PermitKind;
use roadwarden::model::{Span, VehicleClass};

use crate::drive::{Scene, drive, lines, moment};

use VehicleClass::{CharterCoach, Hazmat, LineCoach1, LineCoach2};

fn scene(class: VehicleClass, line_km: f64) -> Scene {
    let mut scene = Scene::of(class);
    scene.profile.line_km = Some(line_km);
    scene
}

fn with_permit(mut scene: Scene, kind: PermitKind, from: &str, to: &str) -> Scene {
    scene.profile.permits.push(PermitValidity {
        kind,
        from: Some(moment(from)),
        to: Some(moment(to)),
    });
    scene
}

const NIGHT: &str = "drive@50 40m, stand 30m";

#[test]
fn e16_night_ban_with_its_exemptions() {
    assert_eq!(
        scene(LineCoach1, 900.0).lines("11-21 01:40", NIGHT),
        ["night_ban 11-21 02:00:00..11-21 02:20:00 L4 0 - | line of 900 km, major hazard"]
    );
    let shuttle = scene(LineCoach2, 150.0);
    assert!(shuttle.lines("11-21 01:40", NIGHT).is_empty());
    assert_eq!(
        scene(CharterCoach, 300.0).lines("11-21 01:40", NIGHT),
        ["night_ban 11-21 02:00:00..11-21 02:20:00 L2 0 - | line of 300 km"]
    );
}

#[test]
fn two_hundred_kilometres_are_exempt_and_more_are_not() {
    assert!(
        scene(LineCoach2, 200.0)
            .lines("11-21 01:40", NIGHT)
            .is_empty()
    );
    assert_eq!(
        scene(LineCoach2, 200.1).lines("11-21 01:40", NIGHT).len(),
        1
    );
    assert!(scene(Hazmat, 900.0).lines("11-21 01:40", NIGHT).is_empty());
    assert!(Scene::of(LineCoach2).lines("11-21 01:40", NIGHT).is_empty());
}

#[test]
fn a_voucher_exempts_while_it_holds() {
    use PermitKind::{CharterContract, RelayVoucher};
    let all_night = with_permit(
        scene(LineCoach1, 900.0),
        RelayVoucher,
        "11-21 00:00",
        "11-22 00:00",
    );
    assert!(all_night.lines("11-21 01:40", NIGHT).is_empty());
    let till_ten_past = with_permit(
        scene(LineCoach1, 900.0),
        RelayVoucher,
        "11-20 00:00",
        "11-21 02:10",
    );
    assert_eq!(
        till_ten_past.lines("11-21 01:40", NIGHT),
        ["night_ban 11-21 02:10:00..11-21 02:20:00 L4 0 - | line of 900 km, major hazard"]
    );
    let contract = with_permit(
        scene(LineCoach1, 900.0),
        CharterContract,
        "11-21 00:00",
        "11-22 00:00",
    );
    assert_eq!(contract.lines("11-21 01:40", NIGHT).len(), 1);
}

#[test]
fn five_minutes_count_and_less_does_not() {
    let at = |text: &str| {
        let fixes = drive("11-21 03:00", text, Span::from_seconds(1));
        lines(&scene(LineCoach2, 300.0).judge(&fixes))
    };
    assert!(at("drive@50 299s, stand 10m").is_empty());
    assert_eq!(
        at("drive@50 300s, stand 10m"),
        ["night_ban 11-21 03:00:00..11-21 03:05:00 L2 0 - | line of 300 km"]
    );
    // A red light does not end it, and 20 km/h is not over 20.
    assert_eq!(
        at("drive@50 200s, stand 59s, drive@50 200s, drive@20 10m"),
        ["night_ban 11-21 03:00:00..11-21 03:07:39 L2 0 - | line of 300 km"]
    );
    assert!(at("drive@50 200s, stand 60s, drive@50 200s, stand 10m").is_empty());
}

#[test]
fn the_ban_ends_at_five() {
    assert_eq!(
        scene(LineCoach2, 300.0).lines("11-21 04:50", NIGHT),
        ["night_ban 11-21 04:50:00..11-21 05:00:00 L2 0 - | line of 300 km"]
    );
}
