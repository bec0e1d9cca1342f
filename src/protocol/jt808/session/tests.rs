//! A terminal in a few words against a session, without waiting.

use super::*;
use crate::protocol::jt808::acknowledge::{Ack, PLATFORM_ACK};
use crate::protocol::jt808::frame::encode_frame;
use crate::protocol::jt808::header::{Header, Package};
use crate::protocol::jt808::information::TextMessage;
use crate::protocol::jt808::location::LocationReport;
use crate::protocol::jt808::reassembly::ReassemblyLimits;

/// A session, and what it said.
struct Bench {
    session: Session,
    now: Duration,
    edition: Edition,
    serial: u16,
    tokens: Vec<Token>,
}

const LIMITS: Limits = Limits {
    frame_bytes_max: 2092,
    frames_per_s_max: 50,
    bad_frames_max: 2,
    unauthenticated_max: Duration::from_secs(30),
    idle_max: Duration::from_secs(300),
    unacknowledged_max: 8,
    commands_max: 2,
    answer_wait: Duration::from_secs(10),
    resends_max: 2,
    result_wait: Duration::from_secs(60),
    reassembly: ReassemblyLimits {
        messages_max: 4,
        packages_max: 100,
        bytes_max: 100_000,
        request_after: Duration::from_secs(5),
        requests_max: 1,
        age_max: Duration::from_secs(60),
    },
};

impl Bench {
    fn new(edition: Edition) -> Self {
        Self {
            session: Session::new(Duration::ZERO, LIMITS),
            now: Duration::ZERO,
            edition,
            serial: 0,
            tokens: Vec::new(),
        }
    }

    fn online(edition: Edition) -> Self {
        let mut bench = Self::new(edition);
        let code = b"code".as_slice();
        let body = match edition {
            Edition::V2019 => [&[4], code, &[b'1'; 15], &[0; 20]].concat(),
            Edition::V2011 | Edition::V2013 => code.to_vec(),
        };
        assert_eq!(bench.send(0x0102, &body), "Authenticate code");
        assert_eq!(bench.authenticate(true), "8001[1->0102 0]");
        bench
    }

    fn frame(&mut self, id: u16, package: Option<Package>, body: &[u8]) -> Vec<u8> {
        self.serial += 1;
        let header = Header {
            message_id: id,
            edition: self.edition,
            version: u8::from(self.edition == Edition::V2019),
            encryption: 0,
            phone: Phone::from_digits("13912344323", self.edition).unwrap(),
            serial: self.serial,
            package,
        };
        let mut wire = Vec::new();
        encode_frame(&header, body, &mut wire);
        wire
    }

    /// Sends one message; gives outputs and replies as words.
    fn send(&mut self, id: u16, body: &[u8]) -> String {
        let wire = self.frame(id, None, body);
        self.bytes(&wire).1
    }

    fn bytes(&mut self, wire: &[u8]) -> (usize, String) {
        let mut replies = Vec::new();
        let mut words = Vec::new();
        let mut tokens = Vec::new();
        let used = self
            .session
            .handle_bytes(self.now, wire, &mut replies, &mut |output| {
                word(&output, &mut words, &mut tokens);
            });
        self.tokens.append(&mut tokens);
        words.extend(self.replies(&replies));
        (used, words.join(", "))
    }

    fn wait_until(&mut self, seconds: u64) -> String {
        self.now = Duration::from_secs(seconds);
        let mut replies = Vec::new();
        let mut words = Vec::new();
        self.session
            .handle_timeout(self.now, &mut replies, &mut |output| {
                word(&output, &mut words, &mut Vec::new());
            });
        words.extend(self.replies(&replies));
        words.join(", ")
    }

    fn authenticate(&mut self, accept: bool) -> String {
        let decision = if accept {
            AuthenticateDecision::Accepted
        } else {
            AuthenticateDecision::Refused
        };
        let mut replies = Vec::new();
        self.session
            .handle_authenticate_decision(self.now, decision, &mut replies);
        self.replies(&replies).join(", ")
    }

    fn register(&mut self, decision: RegisterDecision<'_>) -> String {
        let mut replies = Vec::new();
        self.session
            .handle_register_decision(decision, &mut replies);
        self.replies(&replies).join(", ")
    }

    fn durable(&mut self, token: Token) -> String {
        let mut replies = Vec::new();
        self.session.handle_durable(token, &mut replies);
        self.replies(&replies).join(", ")
    }

    fn command(&mut self, message: &PlatformMessage) -> Result<(u16, String), SendError> {
        let mut replies = Vec::new();
        let serial = self.session.send_command(self.now, message, &mut replies)?;
        Ok((serial, self.replies(&replies).join(", ")))
    }

    /// Reads back what the platform wrote, in the form of the terminal.
    fn replies(&self, bytes: &[u8]) -> Vec<String> {
        let mut decoder = FrameDecoder::default();
        let mut words = Vec::new();
        let mut rest = bytes;
        loop {
            let (used, event) = decoder.poll_frame(rest);
            rest = &rest[used..];
            let Some(FrameEvent::Frame(frame)) = event else {
                assert!(event.is_none() && decoder.noise_bytes() == 0);
                return words;
            };
            let header = frame.header;
            assert_eq!(
                header.edition == Edition::V2019,
                self.edition == Edition::V2019
            );
            assert_eq!(header.phone.to_string(), "13912344323");
            assert_eq!(
                header.phone.wire().len(),
                if self.edition == Edition::V2019 {
                    10
                } else {
                    6
                }
            );
            let id = header.message_id;
            words.push(if id == PLATFORM_ACK {
                let ack = Ack::decode(&mut crate::protocol::Reader::new(frame.body)).unwrap();
                let (serial, of) = (ack.answer_serial, ack.answer_id);
                format!("8001[{serial}->{of:04x} {}]", ack.result.0)
            } else if let Some(Package { total, index }) = header.package {
                format!("{id:04x}[{index}/{total}]")
            } else {
                format!("{id:04x}{:02x?}", frame.body).replace(", ", "")
            });
        }
    }
}

fn word(output: &Output<'_>, words: &mut Vec<String>, tokens: &mut Vec<Token>) {
    words.push(match output {
        Output::Register { request, .. } => format!("Register {:?}", request.plate),
        Output::Authenticate { request, .. } => {
            format!("Authenticate {}", request.token.decode_lossy())
        }
        Output::Unregister { authenticated, .. } => format!("Unregister {authenticated}"),
        Output::TimeRequest { .. } => "TimeRequest".to_owned(),
        Output::Location { token, source, .. } => {
            tokens.push(*token);
            format!("{source:?} {}", token.0)
        }
        Output::DriverIdentity { token, .. } => {
            tokens.push(*token);
            format!("Driver {}", token.0)
        }
        Output::Message { header, .. } => format!("Message {:04x}", header.message_id),
        Output::Refused { reason, .. } => match reason {
            Refusal::Body(error) | Refusal::Unsupported(error) => {
                format!("Refused {}", error.code())
            }
            Refusal::NotOnline | Refusal::OtherTerminal => format!("Refused {reason:?}"),
        },
        Output::BadFrame { error, .. } => format!("BadFrame {}", error.code()),
        Output::CommandDone { serial, result, .. } => format!("Done {serial} {}", result.name()),
        Output::LimitHit(limit) => format!("Limit {}", limit.name()),
        Output::Close(reason) => format!("Close {reason:?}"),
    });
}

fn report() -> Vec<u8> {
    let mut body = Vec::new();
    LocationReport {
        alarm: 0,
        status: 3,
        lat_udeg: 28_000_000,
        lon_udeg: 112_000_000,
        altitude_m: 0,
        speed_dkmh: 800,
        course_deg: 0,
        time: BcdTime([0x26, 0x11, 0x21, 0x08, 0, 0]),
        additional: &[1, 4, 0, 0, 0, 1],
    }
    .encode(&mut Writer::new(&mut body));
    body
}

fn answer(serial: u16, rest: &[u8]) -> Vec<u8> {
    [&serial.to_be_bytes(), rest].concat()
}

fn text(length: usize) -> PlatformMessage {
    PlatformMessage::Text(TextMessage {
        flags: 5,
        kind: 1,
        text: "x".repeat(length),
    })
}

#[test]
fn a_terminal_registers_authenticates_and_reports() {
    let mut bench = Bench::new(Edition::V2013);
    let register = [vec![0; 36], vec![2], b"\xcf\xe6A12345".to_vec()].concat();
    assert_eq!(bench.send(0x0100, &register), "Register \"湘A12345\"");
    assert_eq!(
        bench.register(RegisterDecision::Accepted { token: "ab" }),
        "8100[00010061 62]".replace(' ', "")
    );
    assert_eq!(bench.session.state(), State::Registered);
    assert_eq!(bench.send(0x0102, b"ab"), "Authenticate ab");
    assert_eq!(bench.authenticate(true), "8001[2->0102 0]");
    assert_eq!(bench.send(0x0002, &[]), "8001[3->0002 0]");
    assert_eq!(bench.send(0x0200, &report()), "Report 1");
    assert_eq!(bench.durable(Token(1)), "8001[4->0200 0]");
    assert_eq!(bench.durable(Token(1)), "");
}

#[test]
fn acknowledgements_follow_durability_in_order() {
    let mut bench = Bench::online(Edition::V2019);
    for _ in 0..3 {
        bench.send(0x0200, &report());
    }
    assert_eq!(bench.tokens, [Token(1), Token(2), Token(3)]);
    assert_eq!(bench.session.last_token(), Token(3));
    assert_eq!(bench.durable(Token(2)), "8001[2->0200 0], 8001[3->0200 0]");
    assert_eq!(bench.durable(Token(9)), "8001[4->0200 0]");
}

#[test]
fn nothing_is_taken_before_the_terminal_is_online() {
    let mut bench = Bench::new(Edition::V2013);
    assert_eq!(
        bench.send(0x0200, &report()),
        "Refused NotOnline, 8001[1->0200 1]"
    );
    assert_eq!(bench.send(0x0001, &[0; 5]), "");
    assert_eq!(bench.send(0x0102, b"bad"), "Authenticate bad");
    assert_eq!(bench.authenticate(false), "8001[3->0102 1]");
    assert_eq!(
        bench.send(0x0002, &[]),
        "Refused NotOnline, 8001[4->0002 1]"
    );
}

#[test]
fn reading_waits_for_a_decision() {
    let mut bench = Bench::new(Edition::V2013);
    let first = bench.frame(0x0102, None, b"code");
    let second = bench.frame(0x0200, None, &report());
    let both = [first.clone(), second.clone()].concat();
    assert_eq!(
        bench.bytes(&both),
        (first.len(), "Authenticate code".to_owned())
    );
    assert_eq!(bench.session.blocked(bench.now), Some(Blocked::Decision));
    assert_eq!(bench.bytes(&second), (0, String::new()));
    bench.authenticate(true);
    assert_eq!(bench.bytes(&second), (second.len(), "Report 1".to_owned()));
}

#[test]
fn a_batch_shares_one_token_and_a_damaged_entry_loses_only_itself() {
    let mut bench = Bench::online(Edition::V2013);
    let entry = report();
    let length = u16::try_from(entry.len()).unwrap().to_be_bytes();
    let body = [
        &[0, 3, 1],
        &length[..],
        &entry,
        &[0, 2, 9, 9],
        &length,
        &entry,
    ]
    .concat();
    assert_eq!(
        bench.send(0x0704, &body),
        "BlindArea 1, Refused body, BlindArea 1"
    );
    assert_eq!(bench.durable(Token(1)), "8001[2->0704 0]");
}

#[test]
fn other_messages_are_answered_at_once() {
    let mut bench = Bench::online(Edition::V2013);
    assert_eq!(
        bench.send(0x0800, &[0, 0, 0, 9, 0, 0, 3, 1]),
        "Message 0800, 8001[2->0800 0]"
    );
    assert_eq!(
        bench.send(0x0f01, &[]),
        "Refused unknown_message, 8001[3->0f01 3]"
    );
    assert_eq!(bench.send(0x0200, &[0; 5]), "Refused body, 8001[4->0200 2]");
    let media = [&[0, 0, 0, 9, 0, 0, 3, 1], &report()[..28], b"jpeg"].concat();
    assert_eq!(
        bench.send(0x0801, &media),
        "Message 0801, 8001[5->0801 0], 8800[00000009]"
    );
    assert_eq!(bench.send(0x0001, &[0, 0, 0x83, 0, 0]), "Message 0001");
}

#[test]
fn the_time_answer_is_utc() {
    let mut bench = Bench::new(Edition::V2019);
    assert_eq!(bench.send(0x0004, &[]), "TimeRequest");
    let mut replies = Vec::new();
    bench.session.handle_time(1_795_219_200, &mut replies);
    assert_eq!(bench.replies(&replies), ["8004[261121000000]"]);
}

#[test]
fn unregistering_closes() {
    let mut bench = Bench::online(Edition::V2013);
    assert_eq!(
        bench.send(0x0003, &[]),
        "Unregister true, Close Unregistered, 8001[2->0003 0]"
    );
    assert_eq!(bench.session.state(), State::Closed);
    let wire = bench.frame(0x0002, None, &[]);
    assert_eq!(bench.bytes(&wire), (wire.len(), String::new()));
}

#[test]
fn another_phone_number_is_refused_on_an_online_link() {
    let mut bench = Bench::online(Edition::V2013);
    let mut wire = Vec::new();
    let header = Header {
        message_id: 0x0200,
        edition: Edition::V2013,
        version: 0,
        encryption: 0,
        phone: Phone::from_digits("13800138000", Edition::V2013).unwrap(),
        serial: 1,
        package: None,
    };
    encode_frame(&header, &report(), &mut wire);
    let mut seen = Vec::new();
    let used = bench
        .session
        .handle_bytes(bench.now, &wire, &mut Vec::new(), &mut |output| {
            word(&output, &mut seen, &mut Vec::new());
        });
    assert_eq!(
        (used, seen.join(" ")),
        (wire.len(), "Refused OtherTerminal".to_owned())
    );
}

#[test]
fn sub_packages_are_joined_and_missing_ones_asked_for() {
    let mut bench = Bench::online(Edition::V2019);
    let media = [&[0, 0, 0, 9, 0, 0, 3, 1], &report()[..28], b"jpeg"].concat();
    let (left, right) = media.split_at(20);
    let part = |index| Some(Package { total: 2, index });
    let first = bench.frame(0x0801, part(1), left);
    let second = bench.frame(0x0801, part(2), right);
    assert_eq!(bench.bytes(&second).1, "8001[3->0801 0]");
    assert_eq!(bench.wait_until(5), "8003[0002 00010001]".replace(' ', ""));
    assert_eq!(
        bench.bytes(&first).1,
        "Message 0801, 8001[2->0801 0], 8800[00000009]"
    );
    assert_eq!(bench.bytes(&second).1, "8001[3->0801 0]");
    bench.bytes(&first);
    let lost = bench.frame(0x0801, part(2), right);
    bench.bytes(&lost);
    bench.wait_until(15);
    assert_eq!(bench.wait_until(80), "Limit reassembly_age");
}

#[test]
fn a_command_is_sent_again_with_growing_waits() {
    let mut bench = Bench::online(Edition::V2013);
    let (serial, sent) = bench.command(&text(1)).unwrap();
    assert_eq!((serial, sent.as_str()), (1, "8300[0578]"));
    assert_eq!(bench.session.next_deadline(), Some(Duration::from_secs(10)));
    assert_eq!(bench.wait_until(9), "");
    assert_eq!(bench.wait_until(10), "8300[0578]");
    assert_eq!(bench.session.next_deadline(), Some(Duration::from_secs(30)));
    assert_eq!(bench.wait_until(30), "8300[0578]");
    assert_eq!(bench.session.next_deadline(), Some(Duration::from_secs(90)));
    assert_eq!(bench.wait_until(90), "Done 1 timed_out");
    assert_eq!(bench.session.pending_commands(), 0);
}

#[test]
fn a_general_answer_ends_a_command() {
    let mut bench = Bench::online(Edition::V2013);
    bench.command(&text(1)).unwrap();
    bench.command(&PlatformMessage::LocationQuery).unwrap();
    assert_eq!(bench.command(&text(1)), Err(SendError::Busy { pending: 2 }));
    assert_eq!(
        bench.send(0x0001, &[0, 1, 0x83, 0, 0]),
        "Done 1 acknowledged, Message 0001"
    );
    assert_eq!(
        bench.send(0x0001, &[0, 2, 0x82, 1, 3]),
        "Done 2 not_supported, Message 0001"
    );
}

#[test]
fn a_message_of_its_own_ends_a_command() {
    let mut bench = Bench::online(Edition::V2013);
    bench.command(&PlatformMessage::LocationQuery).unwrap();
    assert_eq!(
        bench.send(0x0201, &answer(1, &report())),
        "QueryAnswer 1, Done 1 answered"
    );
    let lock = super::super::vehicle::VehicleControl::doors(Edition::V2013, true);
    bench
        .command(&PlatformMessage::VehicleControl(lock))
        .unwrap();
    assert_eq!(bench.send(0x0001, &[0, 2, 0x85, 0, 0]), "Message 0001");
    assert_eq!(bench.wait_until(20), "");
    assert_eq!(
        bench.send(0x0500, &answer(2, &report())),
        "ControlAnswer 2, Done 2 answered"
    );
    bench.command(&PlatformMessage::QueryParameters).unwrap();
    assert_eq!(bench.send(0x0001, &[0, 3, 0x81, 4, 0]), "Message 0001");
    assert_eq!(bench.wait_until(80), "Done 3 acknowledged");
    bench.command(&PlatformMessage::QueryParameters).unwrap();
    assert_eq!(
        bench.send(0x0104, &[0, 4, 0]),
        "Message 0104, Done 4 answered, 8001[6->0104 0]"
    );
}

#[test]
fn a_long_command_travels_in_parts_and_parts_are_sent_again() {
    let mut bench = Bench::online(Edition::V2019);
    let (serial, sent) = bench.command(&text(1500)).unwrap();
    assert_eq!(sent, "8300[1/2], 8300[2/2]");
    assert_eq!(
        bench.send(0x0005, &answer(serial, &[0, 1, 0, 2])),
        "Message 0005, 8300[2/2], 8001[2->0005 0]"
    );
    assert_eq!(bench.send(0x0001, &[0, 1, 0x83, 0, 0]), "Message 0001");
    assert_eq!(
        bench.send(0x0001, &[0, 2, 0x83, 0, 0]),
        "Done 1 acknowledged, Message 0001"
    );
    assert_eq!(bench.command(&text(1)).unwrap().0, 4);
}

#[test]
fn bad_frames_close_only_past_the_limit() {
    let mut bench = Bench::online(Edition::V2013);
    let bad = [0x7e, 1, 2, 3, 0x7e, 0x7e];
    assert_eq!(bench.bytes(&bad).1, "BadFrame header");
    assert_eq!(bench.bytes(&bad[1..]).1, "BadFrame header");
    assert_eq!(bench.send(0x0002, &[]), "8001[2->0002 0]");
    assert_eq!(bench.bytes(&bad).1, "BadFrame header");
    assert_eq!(bench.bytes(&bad[1..]).1, "BadFrame header");
    assert_eq!(
        bench.bytes(&bad[1..]).1,
        "BadFrame header, Limit bad_frames, Close Limit(BadFrames)"
    );
}

#[test]
fn silence_and_missing_authentication_close() {
    let mut bench = Bench::new(Edition::V2013);
    assert_eq!(bench.session.next_deadline(), Some(Duration::from_secs(30)));
    assert_eq!(
        bench.wait_until(30),
        "Limit unauthenticated, Close Limit(Unauthenticated)"
    );
    let mut bench = Bench::online(Edition::V2013);
    bench.command(&text(1)).unwrap();
    assert_eq!(bench.wait_until(299), "8300[0578]");
    assert_eq!(
        bench.wait_until(300),
        "Limit idle, Done 1 closed, Close Limit(Idle)"
    );
    assert_eq!(bench.session.next_deadline(), None);
}

#[test]
fn too_many_frames_a_second_wait() {
    let mut bench = Bench::online(Edition::V2013);
    let wire: Vec<u8> = (0..60)
        .flat_map(|_| bench.frame(0x0002, None, &[]))
        .collect();
    let (used, words) = bench.bytes(&wire);
    assert_eq!(words.matches("8001").count(), 49);
    assert!(words.starts_with("Limit frames_per_s"));
    assert_eq!(bench.session.blocked(bench.now), Some(Blocked::Rate));
    assert_eq!(bench.session.next_deadline(), Some(Duration::from_secs(1)));
    bench.now = Duration::from_secs(1);
    let (more, words) = bench.bytes(&wire[used..]);
    assert_eq!(words.matches("8001").count(), 11);
    assert_eq!(used + more, wire.len());
}

#[test]
fn a_pause_that_is_over_is_no_deadline() {
    let mut bench = Bench::online(Edition::V2013);
    let wire: Vec<u8> = (0..49)
        .flat_map(|_| bench.frame(0x0002, None, &[]))
        .collect();
    assert_eq!(bench.bytes(&wire).0, wire.len());
    assert_eq!(bench.session.next_deadline(), Some(Duration::from_secs(1)));
    assert_eq!(bench.wait_until(1), "");
    assert_eq!(bench.session.next_deadline(), Some(Duration::from_mins(5)));
}

#[test]
fn a_repeated_part_is_not_acknowledged_before_its_message_is_durable() {
    let mut bench = Bench::online(Edition::V2013);
    let body = report();
    let (left, right) = body.split_at(10);
    let part = |index| Some(Package { total: 2, index });
    let first = bench.frame(0x0200, part(1), left);
    let second = bench.frame(0x0200, part(2), right);
    assert_eq!(bench.bytes(&first).1, "8001[2->0200 0]");
    assert_eq!(bench.bytes(&second).1, "Report 1");
    assert_eq!(bench.bytes(&second).1, "");
    assert_eq!(bench.durable(Token(1)), "8001[3->0200 0]");
    assert_eq!(bench.bytes(&second).1, "8001[3->0200 0]");
}

#[test]
fn too_much_that_is_not_durable_waits() {
    let mut bench = Bench::online(Edition::V2013);
    let wire: Vec<u8> = (0..9)
        .flat_map(|_| bench.frame(0x0200, None, &report()))
        .collect();
    let (used, words) = bench.bytes(&wire);
    assert!(words.ends_with("Report 8, Limit unacknowledged"), "{words}");
    bench.durable(Token(8));
    assert_eq!(bench.bytes(&wire[used..]).1, "Report 9");
}

#[test]
fn a_2011_terminal_is_known_by_its_registration() {
    let mut bench = Bench::new(Edition::V2013);
    let register = [vec![0; 24], vec![2], b"\xcf\xe6A12345".to_vec()].concat();
    assert_eq!(bench.send(0x0100, &register), "Register \"湘A12345\"");
    bench.register(RegisterDecision::Accepted { token: "ab" });
    bench.send(0x0102, b"ab");
    bench.authenticate(true);
    assert_eq!(bench.session.edition(), Edition::V2011);
    assert_eq!(bench.send(0x0201, &report()), "QueryAnswer 1");
}

#[test]
fn a_datagram_cut_off_is_truncated() {
    let mut bench = Bench::online(Edition::V2013);
    let wire = bench.frame(0x0002, None, &[]);
    let mut seen = Vec::new();
    let cut = wire.split_last().unwrap().1;
    let used = bench
        .session
        .handle_datagram(bench.now, cut, &mut Vec::new(), &mut |output| {
            word(&output, &mut seen, &mut Vec::new());
        });
    assert_eq!(
        (used, seen.join(" ")),
        (cut.len(), "BadFrame truncated".to_owned())
    );
    assert_eq!(bench.bytes(&wire).1, "8001[2->0002 0]");
}

#[test]
fn an_idle_session_is_small() {
    let bench = Bench::online(Edition::V2013);
    assert!(size_of::<Session>() <= 512, "{}", size_of::<Session>());
    assert!(bench.session.decoder.kept_bytes() <= 256);
}
