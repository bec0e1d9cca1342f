//! What holds for any bytes and any order of events.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::acknowledge::{Ack, AckResult, PLATFORM_ACK};
use super::frame::{FrameDecoder, FrameEvent, decode_frame, encode_frame};
use super::header::{Edition, Header, Package, Phone};
use super::information::TextMessage;
use super::location::{BatchKind, LOCATION, LocationBatch, LocationReport};
use super::message::{PlatformMessage, TerminalMessage};
use super::registration::{RegisterResult, Registration, registration_widths};
use super::session::{
    AuthenticateDecision, Limits, Output, RegisterDecision, Session, State, Token,
};
use crate::protocol::bcd::BcdTime;
use crate::protocol::reader::Reader;
use crate::protocol::text::Text;
use crate::protocol::writer::Writer;

fn edition() -> impl Strategy<Value = Edition> {
    prop_oneof![
        Just(Edition::V2011),
        Just(Edition::V2013),
        Just(Edition::V2019)
    ]
}

/// Ids that mean something, and any other.
fn message_id() -> impl Strategy<Value = u16> {
    prop_oneof![
        Just(0x0200_u16),
        prop::sample::select(vec![
            0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x0100, 0x0102, 0x0104, 0x0107, 0x0108, 0x0201,
            0x0301, 0x0302, 0x0303, 0x0500, 0x0608, 0x0700, 0x0701, 0x0702, 0x0704, 0x0705, 0x0800,
            0x0801, 0x0802, 0x0805, 0x0900, 0x0901, 0x0a00, 0x1210,
        ]),
        0x8000_u16..0x8b00,
        any::<u16>(),
    ]
}

fn header() -> impl Strategy<Value = Header> {
    let package = prop::option::weighted(0.3, (1_u16..4, 0_u16..4));
    (message_id(), edition(), any::<u16>(), package, 0_u8..3).prop_map(
        |(message_id, edition, serial, package, phone)| Header {
            message_id,
            edition,
            version: u8::from(edition == Edition::V2019),
            encryption: 0,
            phone: Phone::from_digits(&format!("1390000000{phone}"), edition).unwrap(),
            // Sub-packages are acknowledged as they come: their serials are their own.
            serial: serial % 8 + if package.is_some() { 8 } else { 0 },
            package: package.map(|(total, index)| Package {
                total,
                index: index.clamp(1, total),
            }),
        },
    )
}

/// A good frame with any body.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    (header(), body()).prop_map(|(header, body)| {
        let mut wire = Vec::new();
        encode_frame(&header, &body, &mut wire);
        wire
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..100), vec(0_u8..3, 0..60)]
}

/// Bytes full of delimiters and escapes.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        2 => Just(0x7e_u8),
        1 => Just(0x7d_u8),
        1 => 0_u8..3,
        2 => any::<u8>(),
    ];
    vec(byte, 0..60)
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![frame(), noise()], 0..8).prop_map(|parts| parts.concat())
}

/// Everything that a decoder says about these chunks, and the bytes of noise.
fn events(chunks: &[&[u8]]) -> (Vec<String>, u64) {
    let mut decoder = FrameDecoder::new(150);
    let mut seen = Vec::new();
    for chunk in chunks {
        let mut rest = *chunk;
        loop {
            let (used, event) = decoder.poll_frame(rest);
            rest = &rest[used..];
            let Some(event) = event else { break };
            seen.push(format!("{event:?}"));
        }
        assert!(rest.is_empty());
        assert!(decoder.kept_bytes() <= 1024);
    }
    seen.extend(decoder.finish().map(|event| format!("{event:?}")));
    (seen, decoder.noise_bytes())
}

/// Something that happens to a session.
#[derive(Clone, Debug)]
enum Event {
    Bytes(Vec<u8>),
    Datagram(Vec<u8>),
    Register(bool),
    Authenticate(bool),
    Durable(u64),
    Later(u64),
    Command(u16),
    Time(i64),
    Disconnect,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => stream().prop_map(Event::Bytes),
        1 => stream().prop_map(Event::Datagram),
        1 => any::<bool>().prop_map(Event::Register),
        3 => prop::bool::weighted(0.8).prop_map(Event::Authenticate),
        2 => (0_u64..20).prop_map(Event::Durable),
        2 => (0_u64..100).prop_map(Event::Later),
        2 => (0_u16..3000).prop_map(Event::Command),
        1 => any::<i64>().prop_map(Event::Time),
        1 => Just(Event::Disconnect),
    ]
}

/// Plays events; checks after each that no report is acknowledged before it is durable.
fn play(events: &[Event]) {
    let limits = Limits {
        frames_per_s_max: 20,
        unacknowledged_max: 6,
        ..Limits::default()
    };
    let mut now = Duration::ZERO;
    let mut session = Session::new(now, limits);
    let mut durable = 0;
    for event in events {
        let mut replies = Vec::new();
        let mut reported = Vec::new();
        let mut outputs = |output: Output<'_>| {
            if let Output::Location { header, token, .. } = &output {
                reported.push((header.serial, *token));
            }
        };
        match event {
            Event::Bytes(bytes) => {
                let used = session.handle_bytes(now, bytes, &mut replies, &mut outputs);
                let stopped = session.blocked(now).is_some();
                assert!(used == bytes.len() || stopped);
            }
            Event::Datagram(bytes) => {
                let _used = session.handle_datagram(now, bytes, &mut replies, &mut outputs);
            }
            Event::Register(accept) => {
                session.handle_register_decision(registration(*accept), &mut replies);
            }
            Event::Authenticate(accept) => {
                session.handle_authenticate_decision(now, authentication(*accept), &mut replies);
            }
            Event::Durable(token) => {
                durable = durable.max(*token);
                session.handle_durable(Token(*token), &mut replies);
            }
            Event::Later(seconds) => {
                now += Duration::from_secs(*seconds);
                session.handle_timeout(now, &mut replies, &mut outputs);
                if let Some(deadline) = session.next_deadline() {
                    assert!(deadline > now, "{deadline:?} is not after {now:?}");
                }
            }
            Event::Command(length) => {
                let text = "x".repeat(usize::from(*length));
                let command = PlatformMessage::Text(TextMessage {
                    text,
                    ..TextMessage::default()
                });
                let sent = session.send_command(now, &command, &mut replies);
                assert!(sent.is_err() || session.state() == State::Online);
            }
            Event::Time(unix_s) => session.handle_time(*unix_s, &mut replies),
            Event::Disconnect => session.handle_disconnect(&mut outputs),
        }
        if let Event::Bytes(bytes) | Event::Datagram(bytes) = event {
            let parts = serials_of_parts(bytes);
            for (serial, token) in reported {
                assert!(token.0 <= session.last_token().0);
                // A part of a longer message is acknowledged when it comes; the last one waits.
                if !parts.contains(&serial) {
                    assert!(!acknowledges(&replies, serial), "{serial} too early");
                }
            }
        }
    }
}

fn registration(accept: bool) -> RegisterDecision<'static> {
    if accept {
        RegisterDecision::Accepted { token: "token" }
    } else {
        RegisterDecision::Refused(RegisterResult::TERMINAL_UNKNOWN)
    }
}

fn authentication(accept: bool) -> AuthenticateDecision {
    if accept {
        AuthenticateDecision::Accepted
    } else {
        AuthenticateDecision::Refused
    }
}

/// Serial numbers of the sub-packages in these bytes.
fn serials_of_parts(bytes: &[u8]) -> Vec<u16> {
    let mut decoder = FrameDecoder::default();
    let mut rest = bytes;
    let mut serials = Vec::new();
    loop {
        let (used, event) = decoder.poll_frame(rest);
        rest = &rest[used..];
        match event {
            None => return serials,
            Some(FrameEvent::Frame(frame)) if frame.header.package.is_some() => {
                serials.push(frame.header.serial);
            }
            Some(_) => {}
        }
    }
}

/// Whether these replies acknowledge a 0x0200 of this serial with success.
fn acknowledges(replies: &[u8], serial: u16) -> bool {
    let wanted = Ack {
        answer_serial: serial,
        answer_id: LOCATION,
        result: AckResult::SUCCESS,
    };
    let mut decoder = FrameDecoder::default();
    let mut rest = replies;
    let mut whole = false;
    loop {
        let (used, event) = decoder.poll_frame(rest);
        rest = &rest[used..];
        match event {
            None => return whole,
            Some(FrameEvent::Frame(frame)) => {
                whole |= frame.header.message_id == PLATFORM_ACK && frame.body == wanted.body();
            }
            Some(FrameEvent::Bad { error, .. }) => panic!("we sent a bad frame: {error}"),
        }
    }
}

prop_compose! {
    fn report()(
        alarm: u32, status: u32, lat_udeg: u32, lon_udeg: u32, altitude_m: u16,
        speed_dkmh: u16, course_deg: u16, time: [u8; 6],
    ) -> LocationReport<'static> {
        LocationReport {
            alarm, status, lat_udeg, lon_udeg, altitude_m, speed_dkmh, course_deg,
            time: BcdTime(time),
            additional: &[1, 4, 0, 1, 2, 3, 0xe1, 0],
        }
    }
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_frames(bytes in stream(), cuts in vec(any::<prop::sample::Index>(), 0..4)) {
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.sort_unstable();
        let mut chunks = Vec::new();
        let mut begin = 0;
        for end in at.into_iter().chain([bytes.len()]) {
            chunks.push(&bytes[begin..end]);
            begin = end;
        }
        prop_assert_eq!(events(&chunks), events(&[&bytes]));
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(events(&single), events(&[&bytes]));
    }

    #[test]
    fn any_frame_is_read_back(header in header(), body in body()) {
        let mut wire = Vec::new();
        encode_frame(&header, &body, &mut wire);
        let mut buffer = Vec::new();
        let frame = decode_frame(&wire, &mut buffer).unwrap();
        let edition = match header.edition {
            Edition::V2011 => Edition::V2013,
            edition => edition,
        };
        prop_assert_eq!(frame.header, Header { edition, ..header });
        prop_assert_eq!(frame.body, &body);
    }

    #[test]
    fn any_report_is_read_back(reports in vec(report(), 1..5)) {
        let mut bytes = Vec::new();
        reports[0].encode(&mut Writer::new(&mut bytes));
        prop_assert_eq!(LocationReport::decode(&bytes), Ok(reports[0]));
        let mut bytes = Vec::new();
        let kind = BatchKind::BlindArea;
        LocationBatch::encode(kind, reports.iter().copied(), &mut Writer::new(&mut bytes)).unwrap();
        let batch = LocationBatch::decode(&mut Reader::new(&bytes)).unwrap();
        let again: Vec<_> = batch.entries().map(|entry| entry.report.unwrap()).collect();
        prop_assert_eq!(again, reports);
    }

    #[test]
    fn any_acknowledgement_is_read_back(answer_serial: u16, answer_id: u16, result: u8) {
        let ack = Ack { answer_serial, answer_id, result: AckResult(result) };
        prop_assert_eq!(Ack::decode(&mut Reader::new(&ack.body())), Ok(ack));
    }

    #[test]
    fn any_registration_is_read_back(
        edition in edition(), province: u16, city: u16, color in 1_u8..6,
        id in "[A-Z0-9]{5}", plate in "[A-Z][A-Z0-9]{5}",
    ) {
        let plate = [b"\xcf\xe6".as_slice(), plate.as_bytes()].concat();
        let written = Registration {
            edition, province, city,
            manufacturer: Text::new(b"MAKER"),
            model: Text::new(b"MODEL-1"),
            terminal_id: Text::new(id.as_bytes()),
            plate_color_code: color,
            plate: Text::new(&plate),
        };
        let mut bytes = Vec::new();
        written.encode(&mut Writer::new(&mut bytes)).unwrap();
        let read = Registration::decode(&bytes, edition).unwrap();
        let trimmed = Registration {
            manufacturer: read.manufacturer.trimmed(),
            model: read.model.trimmed(),
            terminal_id: read.terminal_id.trimmed(),
            ..read
        };
        prop_assert_eq!(trimmed, written);
        prop_assert_eq!(read.model.raw().len(), registration_widths(edition)[1]);
    }

    #[test]
    fn any_body_is_a_message_or_an_error(id in message_id(), edition in edition(), body in body()) {
        let _message = TerminalMessage::decode(id, edition, &body);
        if let Ok(message) = PlatformMessage::decode(id, edition, &body) {
            let mut again = Vec::new();
            message.encode(edition, &mut Writer::new(&mut again)).unwrap();
            let read = PlatformMessage::decode(id, edition, &again);
            prop_assert_eq!(read, Ok(message));
        }
    }

    #[test]
    fn no_events_break_a_session(events in vec(event(), 0..40)) {
        play(&events);
    }

    #[test]
    fn no_events_break_a_session_that_is_online(events in vec(event(), 0..40)) {
        let header = Header {
            message_id: 0x0102,
            edition: Edition::V2013,
            version: 0,
            encryption: 0,
            phone: Phone::from_digits("13900000000", Edition::V2013).unwrap(),
            serial: 0,
            package: None,
        };
        let mut wire = Vec::new();
        encode_frame(&header, b"code", &mut wire);
        let mut all = vec![Event::Bytes(wire), Event::Authenticate(true)];
        all.extend(events);
        play(&all);
    }
}
