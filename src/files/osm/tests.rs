//! Small extracts in XML, whole, cut and wrong; `tests/it/roads.rs` reads real ones.

use super::*;

const HEAD: &str = "<?xml version='1.0' encoding='UTF-8'?>\n<osm version=\"0.6\">\n";

const NODES: &str = r#"
<node id="1" lat="28.1" lon="112.9"/>
<node id="2" lat="28.101" lon="112.9"><tag k="highway" v="traffic_signals"/></node>
<node id="3" lat="28.102" lon="112.9"/>
<node id="4" lat="28.103" lon="112.9"/>
"#;

fn read_text(name: &str, text: &str) -> Result<(RoadNetwork, Summary), OsmError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    read(&path, &|_| ())
}

fn way(id: i64, nodes: &[i64], tags: &[(&str, &str)]) -> String {
    use std::fmt::Write as _;
    let mut text = format!("<way id=\"{id}\">");
    for node in nodes {
        write!(text, "<nd ref=\"{node}\"/>").unwrap();
    }
    for (key, value) in tags {
        write!(text, "<tag k=\"{key}\" v=\"{value}\"/>").unwrap();
    }
    text + "</way>\n"
}

#[test]
fn roads_come_with_their_limits_and_the_rest_is_left_out() {
    let ways = [
        way(
            10,
            &[1, 2, 3],
            &[
                ("highway", "trunk"),
                ("maxspeed", "35 mph"),
                ("name", "A &amp; B"),
            ],
        ),
        way(
            11,
            &[3, 4],
            &[("highway", "residential"), ("maxspeed", "fast")],
        ),
        way(12, &[3, 4], &[("highway", "footway")]),
        way(13, &[4, 99], &[("highway", "service")]),
    ];
    let (network, summary) =
        read_text("a.osm", &format!("{HEAD}{NODES}{}</osm>", ways.concat())).unwrap();
    assert_eq!(
        summary,
        Summary {
            roads: 3,
            roads_with_limit: 1,
            roads_incomplete: 1,
            nodes_missing: 1,
            limits_bad: 1,
            segments: 6,
            nodes: 5 - 1,
        }
    );
    let trunk = network.find_way(10).unwrap();
    assert_eq!(network.name(network.way(trunk)), "A & B");
    let number = (0..).map(crate::roads::SegmentNumber);
    let (first, _) = number
        .zip(network.segments())
        .find(|(_, segment)| segment.way() == trunk)
        .unwrap();
    assert_eq!(network.posted_limit(first).unwrap().mkmh(), 56_327);
}

#[test]
fn a_file_that_gives_no_map_says_why() {
    let check = |name: &str, text: &str, expected: &str| {
        let error = read_text(name, text).unwrap_err();
        let told = match std::error::Error::source(&error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        assert!(told.contains(expected), "{told}");
    };
    check(
        "a.osm",
        &format!("{HEAD}{NODES}</osm>"),
        "no road that can be driven",
    );
    check(
        "a.osm",
        &format!("{HEAD}{NODES}"),
        "the file ends inside an element",
    );
    check("a.osm", "<gpx></gpx>", "there is no element <osm>");
    check("a.osm", "", "there is no element <osm>");
    check(
        "a.osm",
        &format!("{HEAD}<way id=\"x\"/></osm>"),
        "is no identifier",
    );
    check("a.osm", &format!("{HEAD}<node id=\"1\""), "cut or damaged");
    check(
        "a.osm.pbf",
        "this is no map at all, only a text",
        "cut or damaged",
    );
    check("a.geojson", "{}", "neither .osm.pbf nor .osm");
}
