//! The vectors of the wire formats, both ways: our own in `fixtures/vectors`,
//! and the shared ones where they are at hand.
//!
//! `ROADWARDEN_SHARED` names the shared folder; without it, `../shared` beside
//! the project is tried.

use std::path::{Path, PathBuf};

use roadwarden::cli::decode::{self, Protocol};
use roadwarden::cli::encode;
use roadwarden::protocol::jt808::frame::decode_frame;
use roadwarden::protocol::jt808::{FrameDecoder, FrameEvent};
use serde_json::Value;

/// Vectors that `encode` cannot give back, and why.
const ONE_WAY: [(&str, &str); 1] = [(
    "driver-card-out-2013",
    "what follows the time is filler that decode ignores",
)];

/// Messages of terminals that have an encoder; of the platform all have one.
const TERMINAL_ENCODERS: [&str; 10] = [
    "0x0001", "0x0002", "0x0003", "0x0004", "0x0005", "0x0100", "0x0102", "0x0200", "0x0702",
    "0x0704",
];

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn decode(hex: &str) -> Value {
    let mut output = Vec::new();
    decode::run(Protocol::Jt808, hex.as_bytes(), &mut output).unwrap();
    serde_json::from_slice(&output).unwrap()
}

fn encode(message: &Value) -> String {
    let mut output = Vec::new();
    encode::run(
        Protocol::Jt808,
        message.to_string().as_bytes(),
        &mut output,
        &mut |_, error| panic!("{error}: {message}"),
    )
    .unwrap();
    String::from_utf8(output).unwrap().trim().to_owned()
}

fn shared() -> Option<PathBuf> {
    let root = std::env::var_os("ROADWARDEN_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    Some(root.join("vectors/jtt808.json")).filter(|path| path.is_file())
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Every value that is expected stands in what we got, and lists have one length.
fn check_contains(got: &Value, expected: &Value, place: &str) {
    match (got, expected) {
        (Value::Object(got), Value::Object(expected)) => {
            for (name, value) in expected {
                let place = format!("{place}.{name}");
                let got = got
                    .get(name)
                    .unwrap_or_else(|| panic!("{place} is missing"));
                check_contains(got, value, &place);
            }
        }
        (Value::Array(got), Value::Array(expected)) => {
            assert_eq!(got.len(), expected.len(), "{place}");
            for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
                check_contains(got, expected, &format!("{place}[{index}]"));
            }
        }
        (Value::Number(got), Value::Number(expected)) => {
            assert_eq!(got.as_f64(), expected.as_f64(), "{place}");
        }
        _ => assert_eq!(got, expected, "{place}"),
    }
}

fn check_vector(vector: &Value) {
    let name = vector["name"].as_str().unwrap();
    let expect = &vector["expect"];
    let hex = vector["hex"].as_str().unwrap();
    let got = decode(hex);
    assert_eq!(got["ok"], true, "{name}: {got}");
    assert_eq!(got["edition"], vector["version"], "{name}");
    for field in ["message_id", "terminal", "serial"] {
        assert_eq!(got[field], expect[field], "{name} {field}");
    }
    assert_eq!(got["subpackage"], expect["package"], "{name}");
    check_contains(&got["body"], &expect["body"], name);
    let id = expect["message_id"].as_str().unwrap();
    let platform = id.starts_with("0x8") || id.starts_with("0x9");
    let packaged = !got["subpackage"].is_null();
    if (platform || packaged || TERMINAL_ENCODERS.contains(&id))
        && !ONE_WAY.iter().any(|(one_way, _)| *one_way == name)
    {
        assert_eq!(encode(&got), hex, "{name} there and back");
    }
}

fn check_negative(vector: &Value) {
    let got = decode(vector["hex"].as_str().unwrap());
    assert_eq!(got["ok"], false, "{vector}: {got}");
    assert_eq!(got["error"]["code"], vector["expect"], "{vector}");
}

/// What a decoder gives for these chunks: message id, serial and body of each frame.
fn frames(chunks: &[&[u8]]) -> (Vec<(u16, u16, Vec<u8>)>, u64) {
    let mut decoder = FrameDecoder::default();
    let mut seen = Vec::new();
    for chunk in chunks {
        let mut rest = *chunk;
        loop {
            let (used, event) = decoder.poll_frame(rest);
            match event {
                None => break,
                Some(FrameEvent::Frame(frame)) => {
                    let header = frame.header;
                    seen.push((header.message_id, header.serial, frame.body.to_vec()));
                }
                Some(FrameEvent::Bad { .. }) => {}
            }
            rest = &rest[used..];
        }
    }
    (seen, decoder.noise_bytes())
}

fn check_stream(vector: &Value) {
    let text = |value: &Value| -> Vec<Vec<u8>> {
        let list = value.as_array().unwrap().iter();
        list.map(|hex| bytes(hex.as_str().unwrap())).collect()
    };
    let chunks = text(&vector["chunks"]);
    let mut buffer = Vec::new();
    let expected: Vec<_> = text(&vector["frames"])
        .iter()
        .map(|wire| {
            let frame = decode_frame(wire, &mut buffer).unwrap();
            let header = frame.header;
            (header.message_id, header.serial, frame.body.to_vec())
        })
        .collect();
    let noise = vector["noise_bytes"].as_u64().unwrap();
    let given: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
    assert_eq!(frames(&given), (expected.clone(), noise), "{vector}");
    let whole = chunks.concat();
    for cut in 0..=whole.len() {
        let (left, right) = whole.split_at(cut);
        let got = frames(&[left, right]);
        assert_eq!(got, (expected.clone(), noise), "cut at {cut}: {vector}");
    }
    let single: Vec<&[u8]> = whole.chunks(1).collect();
    assert_eq!(frames(&single), (expected, noise), "byte by byte: {vector}");
}

fn check_file(path: &Path) {
    let file = read(path);
    let list = |name: &str| file[name].as_array().unwrap().clone();
    list("vectors").iter().for_each(check_vector);
    list("negative").iter().for_each(check_negative);
    list("stream").iter().for_each(check_stream);
    assert!(!list("vectors").is_empty());
}

#[test]
fn our_own_jt808_vectors_hold_both_ways() {
    check_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vectors/jtt808.json"));
}

#[test]
fn shared_jt808_vectors_hold_both_ways() {
    match shared() {
        Some(path) => check_file(&path),
        None => println!("not run: the shared vectors are not here"),
    }
}
