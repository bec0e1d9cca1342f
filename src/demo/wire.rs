//! The messages of a terminal as bytes, JT/T 808-2013.

use super::script::Report;
use crate::model::fleet::Driver;
use crate::model::{Plate, Region, TerminalPhone, Timestamp};
use crate::protocol::jt808::acknowledge::{Ack, AckResult, TERMINAL_ACK};
use crate::protocol::jt808::driver::{DRIVER_IDENTITY, DriverCard, DriverIdentity};
use crate::protocol::jt808::frame::encode_frame;
use crate::protocol::jt808::items::ODOMETER;
use crate::protocol::jt808::location::{BatchKind, LOCATION, LOCATION_BATCH, LocationBatch};
use crate::protocol::jt808::message::HEARTBEAT;
use crate::protocol::jt808::registration::{AUTHENTICATE, Authentication, REGISTER, Registration};
use crate::protocol::jt808::{Edition, Header, LocationReport, Phone};
use crate::protocol::{BcdTime, EncodeError, Text, Writer, text};

/// Most reports of one 0x0704 frame: 3 bytes, then 36 for each, in at most 1023.
pub(super) const BATCH_REPORTS_MAX: usize = 28;
/// Item 0x01 with its four bytes.
const ODOMETER_BYTES: usize = 6;

/// What a terminal has to say.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Upload {
    /// 0x0200.
    Report(Report),
    /// 0x0704 of the normal kind.
    Batch(Vec<Report>),
    /// 0x0704 of the blind-area kind.
    BlindArea(Vec<Report>),
    /// 0x0702.
    Card {
        time: Timestamp,
        /// The driver whose card goes in; `None` when it comes out.
        driver: Option<Driver>,
    },
}

/// Why a message cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    #[error("a field does not fit the message")]
    Field(#[from] EncodeError),
    #[error("the moment is outside of the years 2000 to 2099")]
    Moment,
    #[error("the terminal number is longer than twelve digits")]
    Phone,
}

/// A terminal's number and the serial of its next message.
#[derive(Debug)]
pub(super) struct Wire {
    phone: Phone,
    serial: u16,
    body: Vec<u8>,
}

impl Wire {
    pub(super) fn new(phone: &TerminalPhone) -> Result<Self, WireError> {
        Ok(Self {
            phone: Phone::from_digits(phone.as_str(), Edition::V2013).ok_or(WireError::Phone)?,
            serial: 0,
            body: Vec::new(),
        })
    }

    /// 0x0100; gives the serial under which it is answered, as the others do.
    pub(super) fn register(
        &mut self,
        plate: &Plate,
        region: &Region,
        out: &mut Vec<u8>,
    ) -> Result<u16, WireError> {
        let code: u32 = region.as_str().parse().unwrap_or(0);
        let part = |number: u32| u16::try_from(number).unwrap_or(0);
        let terminal_id = format!(
            "D{:06}",
            self.phone.wire().iter().map(|b| u32::from(*b)).sum::<u32>()
        );
        let plate_text = text::encode(&plate.text);
        let registration = Registration {
            edition: Edition::V2013,
            province: part(code / 10_000),
            city: part(code % 10_000),
            manufacturer: Text::new(b"DEMO1"),
            model: Text::new(b"DEMO-2013"),
            terminal_id: Text::new(terminal_id.as_bytes()),
            plate_color_code: plate.color.code(),
            plate: Text::new(&plate_text),
        };
        self.body.clear();
        registration.encode(&mut Writer::new(&mut self.body))?;
        Ok(self.frame(REGISTER, out))
    }

    /// 0x0102.
    pub(super) fn authenticate(&mut self, code: &str, out: &mut Vec<u8>) -> Result<u16, WireError> {
        let authentication = Authentication {
            token: Text::new(code.as_bytes()),
            imei: None,
            software: None,
        };
        self.body.clear();
        authentication.encode(Edition::V2013, &mut Writer::new(&mut self.body))?;
        Ok(self.frame(AUTHENTICATE, out))
    }

    /// 0x0002.
    pub(super) fn heartbeat(&mut self, out: &mut Vec<u8>) -> u16 {
        self.body.clear();
        self.frame(HEARTBEAT, out)
    }

    /// 0x0001: the answer to a command of the platform.
    pub(super) fn answer(&mut self, command: &Header, result: AckResult, out: &mut Vec<u8>) -> u16 {
        let ack = Ack {
            answer_serial: command.serial,
            answer_id: command.message_id,
            result,
        };
        self.body.clear();
        self.body.extend_from_slice(&ack.body());
        self.frame(TERMINAL_ACK, out)
    }

    /// What is to be said, in one frame.
    pub(super) fn upload(&mut self, upload: &Upload, out: &mut Vec<u8>) -> Result<u16, WireError> {
        self.body.clear();
        match upload {
            Upload::Report(report) => {
                let items = odometer(report);
                location(report, &items)?.encode(&mut Writer::new(&mut self.body));
                Ok(self.frame(LOCATION, out))
            }
            Upload::Batch(reports) => self.batch(BatchKind::Normal, reports, out),
            Upload::BlindArea(reports) => self.batch(BatchKind::BlindArea, reports, out),
            Upload::Card { time, driver } => {
                let time = bcd(*time)?;
                let name = driver.as_ref().map(|driver| text::encode(&driver.name));
                let identity = match (driver, &name) {
                    (Some(driver), Some(name)) => DriverIdentity::CardIn {
                        time,
                        result: 0,
                        card: Some(DriverCard {
                            name: Text::new(name),
                            certificate: Text::new(driver.licence.as_bytes()),
                            authority: Text::new(b"DEMO"),
                            valid_until: [0x20, 0x31, 0x12, 0x31],
                            id_number: None,
                        }),
                    },
                    (Some(_) | None, _) => DriverIdentity::CardOut { time },
                };
                identity.encode(Edition::V2013, &mut Writer::new(&mut self.body))?;
                Ok(self.frame(DRIVER_IDENTITY, out))
            }
        }
    }

    fn batch(
        &mut self,
        kind: BatchKind,
        reports: &[Report],
        out: &mut Vec<u8>,
    ) -> Result<u16, WireError> {
        let items: Vec<[u8; ODOMETER_BYTES]> = reports.iter().map(odometer).collect();
        let reports: Vec<LocationReport<'_>> = reports
            .iter()
            .zip(&items)
            .map(|(report, items)| location(report, items))
            .collect::<Result<_, _>>()?;
        LocationBatch::encode(kind, reports.into_iter(), &mut Writer::new(&mut self.body))?;
        Ok(self.frame(LOCATION_BATCH, out))
    }

    fn frame(&mut self, message_id: u16, out: &mut Vec<u8>) -> u16 {
        let serial = self.serial;
        self.serial = serial.wrapping_add(1);
        let header = Header {
            message_id,
            edition: Edition::V2013,
            version: 0,
            encryption: 0,
            phone: self.phone,
            serial,
            package: None,
        };
        encode_frame(&header, &self.body, out);
        serial
    }
}

fn bcd(time: Timestamp) -> Result<BcdTime, WireError> {
    BcdTime::from_unix_s(time.millis().div_euclid(1000)).ok_or(WireError::Moment)
}

fn odometer(report: &Report) -> [u8; ODOMETER_BYTES] {
    let [a, b, c, d] = report.odometer.hm().to_be_bytes();
    [ODOMETER, 4, a, b, c, d]
}

fn location<'a>(report: &Report, items: &'a [u8]) -> Result<LocationReport<'a>, WireError> {
    Ok(LocationReport {
        alarm: report.alarm,
        status: report.status,
        lat_udeg: report.position.lat_udeg.unsigned_abs(),
        lon_udeg: report.position.lon_udeg.unsigned_abs(),
        altitude_m: report.altitude_m.cast_unsigned(),
        speed_dkmh: u16::try_from(report.speed.dkmh()).unwrap_or(u16::MAX),
        course_deg: report.course.degrees(),
        time: bcd(report.time)?,
        additional: items,
    })
}

#[cfg(test)]
mod tests {
    use super::super::county;
    use super::super::script::Action;
    use super::*;
    use crate::protocol::jt808::{FrameDecoder, FrameEvent, TerminalMessage};

    fn sent(
        write: impl FnOnce(&mut Wire, &mut Vec<u8>) -> Result<u16, WireError>,
    ) -> (u16, Vec<u8>) {
        let mut wire = Wire::new(&TerminalPhone::new("10043000001").unwrap()).unwrap();
        let mut out = Vec::new();
        write(&mut wire, &mut out).unwrap();
        let mut decoder = FrameDecoder::default();
        let (used, event) = decoder.poll_frame(&out);
        assert_eq!(used, out.len());
        let Some(FrameEvent::Frame(frame)) = event else {
            panic!("{event:?}");
        };
        assert_eq!(frame.header.phone.to_string(), "10043000001");
        (frame.header.message_id, frame.body.to_vec())
    }

    #[test]
    fn a_report_reads_back_as_it_was() {
        let county = county(1);
        let report = county
            .day
            .events
            .iter()
            .rev()
            .find_map(|event| match &event.action {
                Action::Report { report, .. } => Some(*report),
                _ => None,
            });
        let report = report.unwrap();
        let (id, body) = sent(|wire, out| wire.upload(&Upload::Report(report), out));
        let read = LocationReport::decode(&body).unwrap();
        assert_eq!((id, read.lat_deg()), (LOCATION, report.position.lat()));
        assert_eq!(read.time.unix_ms(), Some(report.time.millis()));
        assert_eq!(read.odometer_dkm(), Some(report.odometer.hm()));
        let batch = Upload::BlindArea(vec![report; BATCH_REPORTS_MAX]);
        let (id, body) = sent(|wire, out| wire.upload(&batch, out));
        let message = TerminalMessage::decode(id, Edition::V2013, &body).unwrap();
        let TerminalMessage::LocationBatch(batch) = message else {
            panic!("{message:?}");
        };
        assert_eq!(batch.kind, BatchKind::BlindArea);
        assert_eq!(batch.entries().count(), BATCH_REPORTS_MAX);
    }

    #[test]
    fn registration_and_card_name_the_vehicle_and_the_driver() {
        let county = county(1);
        let (vehicle, driver) = (&county.fleet.vehicles[0], county.fleet.drivers[0].clone());
        let region: Region = "430691".parse().unwrap();
        let (id, body) = sent(|wire, out| wire.register(&vehicle.plate, &region, out));
        let registration = Registration::decode(&body, Edition::V2013).unwrap();
        assert_eq!(
            (id, registration.province, registration.city),
            (REGISTER, 43, 691)
        );
        assert_eq!(registration.plate.decode_lossy(), vehicle.plate.text);
        let card = Upload::Card {
            time: county.day.began_at,
            driver: Some(driver.clone()),
        };
        let (_, body) = sent(|wire, out| wire.upload(&card, out));
        let DriverIdentity::CardIn {
            card: Some(card), ..
        } = DriverIdentity::decode(&body, Edition::V2013).unwrap()
        else {
            panic!("{body:?}");
        };
        assert_eq!(card.certificate.trimmed().decode_lossy(), driver.licence);
    }
}
