//! A terminal over TCP: sends frames, reads the platform's answers.

#![expect(
    clippy::panic_in_result_fn,
    reason = "a lost connection is an error, a wrong answer fails the test"
)]

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use roadwarden::protocol::Writer;
use roadwarden::protocol::bcd::BcdTime;
use roadwarden::protocol::jt808::frame::encode_frame;
use roadwarden::protocol::jt808::header::{Edition, Header, Phone};
use roadwarden::protocol::jt808::location::LocationReport;
use roadwarden::protocol::jt808::registration::Registration;
use roadwarden::protocol::jt808::{FrameDecoder, FrameEvent};
use roadwarden::protocol::text::Text;

use super::server::DEADLINE;

/// A terminal that is connected.
#[derive(Debug)]
pub(crate) struct Terminal {
    stream: TcpStream,
    decoder: FrameDecoder,
    unread: Vec<u8>,
    phone: Phone,
    serial: u16,
}

/// An answer: message id and body.
pub(crate) type Answer = (u16, Vec<u8>);

impl Terminal {
    /// Connects.
    pub(crate) fn connect(address: SocketAddr, phone: &str) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            decoder: FrameDecoder::new(2092),
            unread: Vec::new(),
            phone: Phone::from_digits(phone, Edition::V2013).unwrap(),
            serial: 0,
        })
    }

    /// Sends a message; its serial.
    pub(crate) fn send(&mut self, message_id: u16, body: &[u8]) -> std::io::Result<u16> {
        let serial = self.serial;
        let frame = self.frame(message_id, body);
        self.serial = self.serial.wrapping_add(1);
        self.stream.write_all(&frame)?;
        Ok(serial)
    }

    /// A report as a line of a recorded file.
    pub(crate) fn frame_hex(&self, report: &Report) -> String {
        let mut line = String::new();
        for byte in self.frame(0x0200, &report.body()) {
            write!(line, "{byte:02x}").unwrap();
        }
        line
    }

    fn frame(&self, message_id: u16, body: &[u8]) -> Vec<u8> {
        let header = Header {
            message_id,
            edition: Edition::V2013,
            phone: self.phone,
            serial: self.serial,
            version: 0,
            encryption: 0,
            package: None,
        };
        let mut frame = Vec::new();
        encode_frame(&header, body, &mut frame);
        frame
    }

    /// The next answer of the platform.
    pub(crate) fn answer(&mut self) -> std::io::Result<Answer> {
        self.command()
            .map(|(_, message_id, body)| (message_id, body))
    }

    /// The next message of the platform with its serial number.
    pub(crate) fn command(&mut self) -> std::io::Result<(u16, u16, Vec<u8>)> {
        loop {
            let (used, event) = self.decoder.poll_frame(&self.unread);
            let answer = match event {
                Some(FrameEvent::Frame(frame)) => {
                    let header = &frame.header;
                    Some((header.serial, header.message_id, frame.body.to_vec()))
                }
                Some(FrameEvent::Bad { error, .. }) => {
                    panic!("the platform sent a bad frame: {error}")
                }
                None => None,
            };
            self.unread.drain(..used);
            if let Some(answer) = answer {
                return Ok(answer);
            }
            let mut bytes = [0; 4096];
            let length = self.stream.read(&mut bytes)?;
            if length == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            self.unread.extend_from_slice(&bytes[..length]);
        }
    }

    /// Registers with a yellow plate; the answer's result, and the code where it succeeded.
    pub(crate) fn register(&mut self, plate: &str) -> std::io::Result<(u8, Vec<u8>)> {
        self.register_as(plate, 2)
    }

    /// The same with any colour code; 0 is a vehicle without a plate.
    pub(crate) fn register_as(
        &mut self,
        plate: &str,
        plate_color_code: u8,
    ) -> std::io::Result<(u8, Vec<u8>)> {
        let (plate, _, _) = encoding_rs::GBK.encode(plate);
        let registration = Registration {
            edition: Edition::V2013,
            province: 43,
            city: 121,
            manufacturer: Text::new(b"MAKER"),
            model: Text::new(b"MODEL"),
            terminal_id: Text::new(b"TERM001"),
            plate_color_code,
            plate: Text::new(&plate),
        };
        let mut body = Vec::new();
        registration.encode(&mut Writer::new(&mut body)).unwrap();
        self.send(0x0100, &body)?;
        let (id, answer) = self.answer()?;
        assert_eq!(id, 0x8100);
        Ok((answer[2], answer[3..].to_vec()))
    }

    /// Registers and authenticates.
    pub(crate) fn come_online(&mut self, plate: &str) -> std::io::Result<()> {
        let (result, code) = self.register(plate)?;
        assert_eq!(result, 0, "registration refused");
        assert_eq!(self.authenticate(&code)?, 0, "authentication refused");
        Ok(())
    }

    /// Shows a code; the answer's result.
    pub(crate) fn authenticate(&mut self, code: &[u8]) -> std::io::Result<u8> {
        self.send(0x0102, code)?;
        let (id, answer) = self.answer()?;
        assert_eq!(id, 0x8001);
        Ok(answer[4])
    }

    /// Sends a report; its serial.
    pub(crate) fn report(&mut self, report: &Report) -> std::io::Result<u16> {
        self.send(0x0200, &report.body())
    }

    /// Waits for the acknowledgement of a message; its result.
    pub(crate) fn acknowledged(&mut self, serial: u16) -> std::io::Result<u8> {
        loop {
            let (id, answer) = self.answer()?;
            if id == 0x8001 && answer[..2] == serial.to_be_bytes() {
                return Ok(answer[4]);
            }
        }
    }
}

/// A position report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    /// Seconds since 1970 UTC.
    pub(crate) unix_s: i64,
    pub(crate) lat_udeg: u32,
    pub(crate) lon_udeg: u32,
    pub(crate) speed_dkmh: u16,
    pub(crate) course_deg: u16,
}

impl Report {
    fn body(&self) -> Vec<u8> {
        let report = LocationReport {
            alarm: 0,
            status: 3,
            lat_udeg: self.lat_udeg,
            lon_udeg: self.lon_udeg,
            altitude_m: 50,
            speed_dkmh: self.speed_dkmh,
            course_deg: self.course_deg,
            time: BcdTime::from_unix_s(self.unix_s).unwrap(),
            additional: &[],
        };
        let mut body = Vec::new();
        report.encode(&mut Writer::new(&mut body));
        body
    }
}
