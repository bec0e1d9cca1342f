//! Which limit applies: areas, campaigns and weather warnings beside class, route and night.

use roadwarden::model::route::{Area, AreaKind, RoadKind};
use roadwarden::model::{Speed, VehicleClass};

use crate::drive::{Scene, area_across, road};

use VehicleClass::{CharterCoach, Hazmat, TouristCoach};

fn limit_area(limit_kmh: u16) -> Area {
    Area {
        limit: Some(Speed::from_whole_kmh(limit_kmh)),
        ..area_across("A1", AreaKind::SpeedLimit, 2000.0, 4000.0)
    }
}

#[test]
fn a_limit_holds_inside_its_area_only() {
    // 2 km at 90 km/h take 80 s; the area lies between 2 and 4 km.
    let scene = Scene::of(TouristCoach).with_areas(vec![limit_area(60)]);
    assert_eq!(
        scene.lines("11-21 08:00", "drive@90 300s, drive@50 60s"),
        [
            "speeding 11-21 08:01:20..11-21 08:02:40 L4 - road_unknown | 90 over 60/60 area area/A1 at +50.00%/+50.00% x8"
        ]
    );
}

#[test]
fn hours_and_classes_of_an_area_decide() {
    let mut area = limit_area(60);
    area.classes = Some(vec![Hazmat]);
    let coach = Scene::of(TouristCoach).with_areas(vec![area.clone()]);
    assert!(coach.lines("11-21 08:00", "drive@90 300s").is_empty());
    area.classes = None;
    area.hours = Some((22 * 60, 6 * 60));
    let scene = Scene::of(Hazmat).with_areas(vec![area]);
    assert!(scene.lines("11-21 08:00", "drive@75 300s").is_empty());
    assert_eq!(scene.lines("11-21 22:00", "drive@75 300s").len(), 1);
}

#[test]
fn the_lowest_limit_wins_and_is_named() {
    let scene = Scene::of(TouristCoach)
        .on(road(70, RoadKind::Other))
        .with_areas(vec![limit_area(80)]);
    let found = scene.lines("11-21 08:00", "drive@75 300s, drive@50 60s");
    assert_eq!(
        found,
        [
            "speeding 11-21 08:00:00..11-21 08:05:00 L1 0 - | 75 over 70/70 route route/R1 at +7.14%/+7.14% x30"
        ]
    );
}

#[test]
fn a_warning_lowers_the_legal_limit_where_and_while_it_holds() {
    let warning = r#"
        [[weather]]
        id = "fog"
        regions = ["430000"]
        from = 2026-11-21T08:01:00+08:00
        to = 2026-11-21T08:03:00+08:00
        visibility_m = 150
    "#;
    let scene = Scene::of(TouristCoach)
        .on(road(100, RoadKind::Expressway))
        .under(warning);
    let drive = "drive@80 300s, drive@50 60s";
    assert!(scene.lines("11-21 08:00", drive).is_empty());
    let scene = scene.in_region("430102");
    assert_eq!(
        scene.lines("11-21 08:00", drive),
        [
            "speeding 11-21 08:01:00..11-21 08:03:00 L4 12 记分办法8/9/10/12 | 80 over 60/60 weather weather/fog at +33.33%/+33.33% x12"
        ]
    );
}

#[test]
fn a_campaign_that_is_no_law_gives_no_points() {
    let campaign = r#"
        [[campaign]]
        id = "spring"
        classes = ["charter_coach"]
        from = 2026-11-21
        to = 2026-11-22
        [campaign.limit]
        other_kmh = 70
        legal = false
    "#;
    let scene = |class| {
        let scene = Scene::of(class).on(road(80, RoadKind::Other));
        scene
            .under(campaign)
            .lines("11-21 08:00", "drive@78 60s, drive@50 60s")
    };
    assert_eq!(
        scene(CharterCoach),
        [
            "speeding 11-21 08:00:00..11-21 08:01:00 L2 0 - | 78 over 70/80 campaign campaign/spring at +11.43%/+0.00% x6"
        ]
    );
    assert!(scene(TouristCoach).is_empty());
}

#[test]
fn a_campaign_changes_the_hours_of_driving_from_its_first_moment() {
    let campaign = r#"
        [[campaign]]
        id = "spring"
        from = 2026-11-21T11:00:00+08:00
        [campaign.set]
        fatigue.continuous.limit_min = 120
    "#;
    let scene = Scene::of(TouristCoach).under(campaign);
    let found = scene.lines("11-21 08:00", "drive 3h10m, stand 30m");
    assert_eq!(
        found,
        ["fatigue_continuous 11-21 11:00:00..11-21 11:10:00 L4 9 记分办法9(7) | 190 of 120 min"]
    );
}
