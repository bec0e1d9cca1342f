//! The messages of one simulated terminal. Source: JT/T 808-2013, message bodies.

use chrono::{Datelike as _, Timelike as _};

use super::frame::{PhoneBcd, phone_bcd, write_frame};
use crate::model::{Course, Odometer, Plate, Position, Span, Speed, TerminalPhone, Timestamp};

/// A position report before it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Report {
    /// Alarm bits.
    pub(crate) alarm: u32,
    /// Status bits, without the hemisphere bits.
    pub(crate) status: u32,
    /// Place.
    pub(crate) position: Position,
    /// Height. Unit: m.
    pub(crate) altitude_m: i16,
    /// Ground speed.
    pub(crate) speed: Speed,
    /// Direction over ground.
    pub(crate) course: Course,
    /// Fix time.
    pub(crate) time: Timestamp,
    /// Odometer.
    pub(crate) odometer: Odometer,
}

/// A terminal: its phone number and the serial of its next message.
#[derive(Clone, Debug)]
pub(crate) struct Terminal {
    phone: PhoneBcd,
    serial: u16,
    body: Vec<u8>,
}

impl Terminal {
    pub(crate) fn new(phone: &TerminalPhone) -> Self {
        Self {
            phone: phone_bcd(phone.as_str()),
            serial: 0,
            body: Vec::new(),
        }
    }

    /// 0x0100; returns the serial under which it is answered, as the others do.
    pub(crate) fn register(&mut self, plate: &Plate, out: &mut Vec<u8>) -> u16 {
        self.body.clear();
        self.body.extend_from_slice(&[0, 43, 0, 121]);
        self.push_padded(b"SIMUL", 5);
        self.push_padded(b"SIM-1", 20);
        self.push_padded(b"SIM0001", 7);
        self.body.push(plate.color.code());
        let (text, _, _) = encoding_rs::GBK.encode(&plate.text);
        self.body.extend_from_slice(&text);
        self.send(0x0100, out)
    }

    /// 0x0102.
    pub(crate) fn authenticate(&mut self, code: &[u8], out: &mut Vec<u8>) -> u16 {
        self.body.clear();
        self.body.extend_from_slice(code);
        self.send(0x0102, out)
    }

    /// 0x0200.
    pub(crate) fn report(&mut self, report: &Report, out: &mut Vec<u8>) -> u16 {
        self.body.clear();
        self.push_report(report);
        self.send(0x0200, out)
    }

    fn send(&mut self, message_id: u16, out: &mut Vec<u8>) -> u16 {
        let serial = self.serial;
        self.serial = serial.wrapping_add(1);
        write_frame(message_id, self.phone, serial, &self.body, out);
        serial
    }

    fn push_padded(&mut self, text: &[u8], width: usize) {
        let text = text.get(..width).unwrap_or(text);
        self.body.extend_from_slice(text);
        self.body.extend(std::iter::repeat_n(0, width - text.len()));
    }

    fn push_report(&mut self, report: &Report) {
        let south = u32::from(report.position.lat_udeg < 0) << 2;
        let west = u32::from(report.position.lon_udeg < 0) << 3;
        let dkmh = u16::try_from(report.speed.dkmh()).unwrap_or(u16::MAX);
        let body = &mut self.body;
        body.extend_from_slice(&report.alarm.to_be_bytes());
        body.extend_from_slice(&(report.status | south | west).to_be_bytes());
        body.extend_from_slice(&report.position.lat_udeg.unsigned_abs().to_be_bytes());
        body.extend_from_slice(&report.position.lon_udeg.unsigned_abs().to_be_bytes());
        body.extend_from_slice(&report.altitude_m.to_be_bytes());
        body.extend_from_slice(&dkmh.to_be_bytes());
        body.extend_from_slice(&report.course.degrees().to_be_bytes());
        self.push_time(report.time);
        self.body.extend_from_slice(&[1, 4]);
        self.body
            .extend_from_slice(&report.odometer.hm().to_be_bytes());
    }

    /// BCD `YYMMDDhhmmss` of GMT+8.
    fn push_time(&mut self, time: Timestamp) {
        let local = (time + Span::from_hours(8)).to_utc();
        let year = u32::try_from(local.year().rem_euclid(100)).unwrap_or_default();
        let parts = [
            year,
            local.month(),
            local.day(),
            local.hour(),
            local.minute(),
            local.second(),
        ];
        for part in parts {
            let packed = part / 10 * 16 + part % 10;
            self.body.push(u8::try_from(packed).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PlateColor;

    fn hex(bytes: &[u8]) -> String {
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        digits
            .map(|digit| char::from_digit(u32::from(digit), 16).unwrap())
            .collect()
    }

    fn terminal() -> Terminal {
        Terminal::new(&TerminalPhone::new("13912344323").unwrap())
    }

    fn report() -> Report {
        Report {
            alarm: 0,
            status: 3,
            position: Position::from_degrees(28.1, 112.9).unwrap(),
            altitude_m: 50,
            speed: Speed::from_whole_kmh(60),
            course: Course::from_degrees(90).unwrap(),
            time: Timestamp::from_rfc3339("2026-11-21T08:09:10+08:00").unwrap(),
            odometer: Odometer::from_hm(12_345),
        }
    }

    #[test]
    fn a_report_is_written_field_by_field() {
        let mut out = Vec::new();
        assert_eq!(terminal().report(&report(), &mut out), 0);
        let expected = concat!(
            "7e02000022013912344323",
            "0000",
            "00000000",
            "00000003",
            "01acc5a0",
            "06bab7a0",
            "0032",
            "0258",
            "005a",
            "261121080910",
            "010400003039",
        );
        assert!(hex(&out).starts_with(expected), "{}", hex(&out));
        assert_eq!(out.len(), expected.len() / 2 + 2);
    }

    #[test]
    fn a_registration_carries_the_plate_in_gbk() {
        let mut out = Vec::new();
        let plate = Plate::new("湘A12345", PlateColor::Yellow).unwrap();
        terminal().register(&plate, &mut out);
        let text = hex(&out);
        assert!(text.contains("02cfe6413132333435"), "{text}");
    }
}
