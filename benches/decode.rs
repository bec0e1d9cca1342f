//! Frames a second of the JT/T 808 codec on one core.
//!
//! Run: `cargo bench --bench decode`. Items are frames: a 0x0200 with base block,
//! odometer, fuel and speed items, as a coach sends it.

use std::hint::black_box;
use std::time::Duration;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use roadwarden::protocol::jt808::frame::encode_frame;
use roadwarden::protocol::jt808::session::{AuthenticateDecision, Token};
use roadwarden::protocol::jt808::{
    Edition, FrameDecoder, FrameEvent, Header, Limits, LocationReport, Output, Phone, Session,
};
use roadwarden::protocol::{BcdTime, Writer};

/// Counts allocations: the steady state must have none.
#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

/// Frames in one measured buffer.
const FRAMES: u32 = 1000;

fn main() {
    divan::main();
}

/// Whether the frames of a buffer hold escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escapes {
    /// As they come: of these frames some have one.
    AsTheyCome,
    /// None.
    Never,
    /// In every frame.
    Always,
}

const ALL: [Escapes; 3] = [Escapes::Never, Escapes::AsTheyCome, Escapes::Always];

fn header(message_id: u16, serial: u16) -> Header {
    Header {
        message_id,
        edition: Edition::V2013,
        version: 0,
        encryption: 0,
        phone: Phone::from_digits("13912344323", Edition::V2013).unwrap_or_default(),
        serial,
        package: None,
    }
}

/// The frames of a drive, glued.
fn frames(escapes: Escapes) -> Vec<u8> {
    let begin = 1_795_219_200;
    let mut wire = Vec::new();
    let mut made = 0;
    for step in 0_u32.. {
        if made == FRAMES {
            break;
        }
        let odometer = (123_456 + step / 4).to_be_bytes();
        let [a, b, c, d] = odometer;
        let additional = [1, 4, a, b, c, d, 2, 2, 1, 0x40, 3, 2, 3, 0x6b];
        let mut body = Vec::new();
        LocationReport {
            alarm: 0,
            status: 3,
            lat_udeg: 28_123_456 + step * 137,
            lon_udeg: 112_987_654 + step * 211,
            altitude_m: 50,
            speed_dkmh: 875,
            course_deg: 90,
            time: BcdTime::from_unix_s(begin + i64::from(step) * 10).unwrap_or_default(),
            additional: &additional,
        }
        .encode(&mut Writer::new(&mut body));
        let serial = u16::try_from(step & 0xffff).unwrap_or(0);
        let mut frame = Vec::new();
        encode_frame(&header(0x0200, serial), &body, &mut frame);
        let escaped = frame.contains(&0x7d);
        let wanted = match escapes {
            Escapes::AsTheyCome => true,
            Escapes::Never => !escaped,
            Escapes::Always => escaped,
        };
        if wanted {
            wire.extend_from_slice(&frame);
            made += 1;
        }
    }
    wire
}

/// Un-escape, check, header, base block, odometer item.
#[divan::bench(args = ALL)]
fn location(bencher: Bencher<'_, '_>, escapes: Escapes) {
    let wire = frames(escapes);
    let mut decoder = FrameDecoder::default();
    bencher
        .counter(ItemsCount::new(FRAMES))
        .counter(BytesCount::of_slice(&wire))
        .bench_local(|| {
            let mut rest = black_box(wire.as_slice());
            let mut seen = 0_u32;
            while let (used, Some(event)) = decoder.poll_frame(rest) {
                rest = rest.get(used..).unwrap_or_default();
                if let FrameEvent::Frame(frame) = event
                    && let Ok(report) = LocationReport::decode(frame.body)
                {
                    black_box(report.odometer_dkm());
                    black_box(report);
                    seen += 1;
                }
            }
            assert_eq!(seen, FRAMES);
        });
}

/// The same, and the time of the fix checked and converted.
#[divan::bench]
fn location_with_time(bencher: Bencher<'_, '_>) {
    let wire = frames(Escapes::AsTheyCome);
    let mut decoder = FrameDecoder::default();
    bencher.counter(ItemsCount::new(FRAMES)).bench_local(|| {
        let mut rest = black_box(wire.as_slice());
        while let (used, Some(event)) = decoder.poll_frame(rest) {
            rest = rest.get(used..).unwrap_or_default();
            if let FrameEvent::Frame(frame) = event
                && let Ok(report) = LocationReport::decode(frame.body)
            {
                black_box((report.odometer_dkm(), report.time.unix_ms()));
            }
        }
    });
}

/// Through a session, acknowledged ten at a time.
#[divan::bench]
fn session(bencher: Bencher<'_, '_>) {
    let limits = Limits {
        frames_per_s_max: u32::MAX,
        unacknowledged_max: usize::MAX,
        ..Limits::default()
    };
    let now = Duration::ZERO;
    let mut session = Session::new(now, limits);
    let mut replies = Vec::new();
    let mut login = Vec::new();
    encode_frame(&header(0x0102, 0), b"code", &mut login);
    let used = session.handle_bytes(now, &login, &mut replies, &mut |_| {});
    assert_eq!(used, login.len());
    session.handle_authenticate_decision(now, AuthenticateDecision::Accepted, &mut replies);
    let wire = frames(Escapes::AsTheyCome);
    let reads: Vec<&[u8]> = wire.chunks(wire.len() / 100).collect();
    bencher.counter(ItemsCount::new(FRAMES)).bench_local(|| {
        for read in &reads {
            replies.clear();
            let mut last = Token::default();
            let used = session.handle_bytes(now, read, &mut replies, &mut |output| {
                if let Output::Location { token, report, .. } = output {
                    black_box(report);
                    last = token;
                }
            });
            assert_eq!(used, read.len());
            session.handle_durable(last, &mut replies);
            black_box(replies.len());
        }
    });
}
