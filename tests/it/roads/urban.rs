//! Streets of towns and highways, told apart by how dense the streets are: on real extracts, and what
//! it means for the limit where nothing is posted.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use clap::Parser as _;
use roadwarden::cli::evaluate::{self, EvaluateArgs};
use roadwarden::roads::{RoadClass, RoadNetwork, Segment, WayFlags};
use serde_json::Value;

use super::town::at;
use crate::matching::truth::network;

/// Share of the length of some streets that is urban, yards and drives left out. Unit: %.
fn urban_percent(network: &RoadNetwork, is_asked: impl Fn(&Segment) -> bool) -> f64 {
    let (mut all_m, mut urban_m) = (0.0, 0.0);
    for segment in network.segments() {
        let way = network.way(segment.way());
        if way.class != RoadClass::Service && is_asked(segment) {
            all_m += segment.length_m();
            if way.flags.contains(WayFlags::URBAN) {
                urban_m += segment.length_m();
            }
        }
    }
    assert!(all_m > 0.0, "there is no such road");
    100.0 * urban_m / all_m
}

/// Whether a segment is between two corners, latitude first. Unit: degrees.
fn within(
    network: &RoadNetwork,
    (south, west): (f64, f64),
    (north, east): (f64, f64),
) -> impl Fn(&Segment) -> bool {
    move |segment| {
        network.ends(segment).iter().all(|place| {
            let [lat, lon] = [place.lat_e7, place.lon_e7].map(|e7| f64::from(e7) * 1e-7);
            (south..north).contains(&lat) && (west..east).contains(&lon)
        })
    }
}

#[test]
fn real_cities_are_urban_and_mountains_are_not() {
    if let Some(helsinki) = network("helsinki_centre") {
        let percent = urban_percent(&helsinki, |_| true);
        assert!(percent > 90.0, "Helsinki {percent}");
    }
    if let Some(liechtenstein) = network("liechtenstein") {
        let schaan = urban_percent(
            &liechtenstein,
            within(&liechtenstein, (47.160, 9.505), (47.168, 9.512)),
        );
        assert!(schaan > 80.0, "Schaan {schaan}");
        let malbun = urban_percent(
            &liechtenstein,
            within(&liechtenstein, (47.09, 9.57), (47.13, 9.65)),
        );
        assert!(malbun < 1e-9, "Malbun {malbun}");
    }
    // The campus in the middle of the extract.
    if let Some(tsinghua) = network("beijing_haidian_tsinghua") {
        let campus = within(&tsinghua, (39.994, 116.316), (40.010, 116.330));
        let percent = urban_percent(&tsinghua, campus);
        assert!(percent > 80.0, "Tsinghua {percent}");
    }
    for name in [
        "shenzhen_longgang",
        "beijing_haidian_tsinghua",
        "arizona_az303",
    ] {
        if let Some(map) = network(name) {
            let motorway = |segment: &Segment| map.way(segment.way()).class == RoadClass::Motorway;
            let percent = urban_percent(&map, motorway);
            assert!(percent < 1e-9, "motorways of {name} {percent}");
        }
    }
}

/// An extract being drawn.
#[derive(Default)]
struct Drawing {
    nodes: String,
    ways: String,
    count: i64,
}

impl Drawing {
    /// Adds a road without any limit through places in metres north and east, with a node every 100 m.
    fn road(&mut self, highway: &str, from: (f64, f64), to: (f64, f64)) {
        let length_m = f64::hypot(to.0 - from.0, to.1 - from.1);
        let mut ahead_m = 0.0;
        let mut refs = String::new();
        while ahead_m <= length_m {
            let share = ahead_m / length_m;
            let place = at(
                from.0 + share * (to.0 - from.0),
                from.1 + share * (to.1 - from.1),
            );
            // The same place is the same node.
            let id = i64::from(place.lat_e7) * 10_000_000_000 + i64::from(place.lon_e7);
            let (lat, lon) = (
                f64::from(place.lat_e7) * 1e-7,
                f64::from(place.lon_e7) * 1e-7,
            );
            writeln!(
                self.nodes,
                "<node id=\"{id}\" lat=\"{lat:.7}\" lon=\"{lon:.7}\"/>"
            )
            .unwrap();
            write!(refs, "<nd ref=\"{id}\"/>").unwrap();
            ahead_m += 100.0;
        }
        self.count += 1;
        let id = self.count;
        writeln!(
            self.ways,
            "<way id=\"{id}\">{refs}<tag k=\"highway\" v=\"{highway}\"/></way>"
        )
        .unwrap();
    }

    fn write(&self, path: &Path) {
        let text = format!("<osm version=\"0.6\">\n{}{}</osm>\n", self.nodes, self.ways);
        fs::write(path, text).unwrap();
    }
}

/// A town of 2 by 2 km with a street every 200 m, and two roads out in the country, 8 km to the east.
fn town_and_country() -> Drawing {
    let mut map = Drawing::default();
    for number in 0..=10 {
        let street = f64::from(number) * 200.0;
        let main = if number == 5 {
            "tertiary"
        } else {
            "residential"
        };
        map.road(main, (street, 0.0), (street, 2000.0));
        map.road("residential", (0.0, street), (2000.0, street));
    }
    map.road("tertiary", (1000.0, 10_000.0), (1000.0, 14_000.0));
    map.road("residential", (1400.0, 10_000.0), (1400.0, 14_000.0));
    map
}

/// The speeding of a coach that goes east for 100 s, as `legal limit, basis, points`.
fn speeding(north_m: f64, east_m: f64, kmh: f64) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    town_and_country().write(Path::new(&path("map.osm")));
    fs::write(
        path("enterprises.csv"),
        "id,name,credit_code,region,kind\nE1,青禾客运,,430121,passenger\n",
    )
    .unwrap();
    fs::write(
        path("vehicles.csv"),
        "plate,plate_color,terminal,enterprise_id,class\n\
         湘A00001,yellow,13900000001,E1,line_coach_2\n",
    )
    .unwrap();
    let fix = |step: u32| {
        let second = step * 5;
        let place = at(north_m, east_m + f64::from(second) * kmh / 3.6);
        let (lat, lon) = (
            f64::from(place.lat_e7) * 1e-7,
            f64::from(place.lon_e7) * 1e-7,
        );
        let (minute, second) = (second / 60, second % 60);
        format!(
            "{{\"plate\":\"湘A00001\",\"plate_color\":\"yellow\",\"lat\":{lat:.6},\"lon\":{lon:.6},\
             \"time\":\"2026-11-20T10:{minute:02}:{second:02}+08:00\",\"speed_kmh\":{kmh},\
             \"course_deg\":90}}\n"
        )
    };
    fs::write(path("fixes.ndjson"), (0..20).map(fix).collect::<String>()).unwrap();
    let given = [
        "x",
        "--fleet",
        &folder.path().display().to_string(),
        "--fixes",
        &path("fixes.ndjson"),
        "--roads",
        &path("map.osm"),
    ]
    .map(str::to_owned);
    let args = Evaluate::try_parse_from(given).unwrap().args;
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    evaluate::run(&args, &mut out, &mut notes).unwrap();
    let found = String::from_utf8(out).unwrap();
    let violations = found
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let told = |violation: Value| {
        format!(
            "{} {} {}",
            violation["limit"]["legal_kmh"], violation["points_basis"], violation["points"]
        )
    };
    violations
        .filter(|violation| violation["kind"] == "speeding")
        .map(told)
        .next()
}

#[derive(clap::Parser)]
struct Evaluate {
    #[command(flatten)]
    args: EvaluateArgs,
}

#[test]
fn without_a_sign_a_street_of_a_town_has_50_and_30_and_a_highway_70_and_40() {
    let assumed = |limit: &str| Some(format!("{limit} \"limit_assumed\" null"));
    let (town, country) = (100.0, 10_500.0);
    let (tertiary, residential) = (1000.0, 1400.0);
    assert_eq!(speeding(tertiary, town, 48.0), None);
    assert_eq!(speeding(tertiary, town, 62.0), assumed("50"));
    assert_eq!(speeding(tertiary, country, 62.0), None);
    assert_eq!(speeding(tertiary, country, 85.0), assumed("70"));
    assert_eq!(speeding(residential, town, 29.0), None);
    assert_eq!(speeding(residential, town, 38.0), assumed("30"));
    assert_eq!(speeding(residential, country, 38.0), None);
    assert_eq!(speeding(residential, country, 49.0), assumed("40"));
}
