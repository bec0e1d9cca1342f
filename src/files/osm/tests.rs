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
            roads: 2,
            roads_with_limit: 1,
            urban: Urban {
                ways: 0,
                length_m: 0,
                all_m: 333,
            },
            roads_incomplete: 1,
            nodes_missing: 1,
            limits_bad: 1,
            pieces_too_long: 0,
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
fn a_directory_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.osm", "a.osm.pbf"] {
        let path = folder.path().join(name);
        std::fs::create_dir(&path).unwrap();
        let error = read(&path, &|_| ()).unwrap_err();
        assert!(matches!(error, OsmError::Read { .. }), "{error}");
    }
}

#[test]
fn a_way_that_stands_twice_is_one_way_whichever_comes_first() {
    let versions = [
        way(10, &[1, 2], &[("highway", "trunk"), ("maxspeed", "60")]),
        way(10, &[1, 2, 3], &[("highway", "trunk"), ("maxspeed", "80")]),
    ];
    let read_in = |order: [usize; 2]| {
        let ways: String = order.iter().map(|at| versions[*at].as_str()).collect();
        let (network, summary) = read_text("a.osm", &format!("{HEAD}{NODES}{ways}</osm>")).unwrap();
        let limit = network.posted_limit(crate::roads::SegmentNumber(0));
        (summary, limit)
    };
    let found = read_in([0, 1]);
    assert_eq!((found.0.roads, found.0.roads_with_limit), (1, 1));
    assert_eq!(read_in([1, 0]), found);
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
    check("a.osm", "", "a.osm is empty");
    check("a.osm.pbf", "", "a.osm.pbf is empty");
    check(
        "a.osm.pbf",
        &format!("{HEAD}</osm>"),
        "its name must end in .osm",
    );
    check(
        "a.osm",
        "\0\0\0\r\n\tOSMHeader",
        "its name must end in .osm.pbf",
    );
    check("a.osm", "BZh91AY", "compressed by bzip2");
    check("a.osm.pbf", "\0\0", "the file ends inside a blob");
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

/// A field of bytes, as protocol buffers write it.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap();
    assert!(length < 0x80, "a longer length takes more bytes");
    [&[number << 3 | 2, length], bytes].concat()
}

/// A blob of that kind, not compressed.
fn blob(kind: &str, content: &[u8]) -> Vec<u8> {
    let blob = field(1, content);
    let length = u8::try_from(blob.len()).unwrap();
    let header = [field(1, kind.as_bytes()), vec![3 << 3, length]].concat();
    let size = u32::try_from(header.len()).unwrap().to_be_bytes();
    [&size[..], &header, &blob].concat()
}

fn read_pbf(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.osm.pbf");
    std::fs::write(&path, bytes).unwrap();
    let error = read(&path, &|_| ()).unwrap_err();
    match error {
        OsmError::Damaged { reason, .. } => reason,
        OsmError::Build { source, .. } => source.to_string(),
        OsmError::Other { found, .. } => found.to_owned(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_file_that_is_cut_anywhere_is_not_taken_for_whole() {
    let demands = field(4, b"OsmSchema-V0.6");
    let head = blob("OSMHeader", &demands);
    // No texts, and a relation with the number 5.
    let data = blob(
        "OSMData",
        &[field(1, &field(1, b"")), field(2, &field(4, &[8, 5]))].concat(),
    );
    let file = [head.clone(), data].concat();
    let no_roads = "the map holds no road that can be driven";
    assert_eq!(read_pbf(&file), no_roads);
    for length in 1..file.len() {
        let found = read_pbf(&file[..length]);
        if length == head.len() {
            // Between two blobs nothing is missed by what is there.
            assert_eq!(found, no_roads);
        } else {
            assert_eq!(found, "the file ends inside a blob", "{length}");
        }
    }
}

#[test]
fn a_file_that_demands_what_we_do_not_know_is_refused() {
    let demands = [
        field(4, b"OsmSchema-V0.6"),
        field(4, b"HistoricalInformation"),
    ]
    .concat();
    let found = read_pbf(&blob("OSMHeader", &demands));
    assert_eq!(found, "it demands \"HistoricalInformation\" of its reader");
}
