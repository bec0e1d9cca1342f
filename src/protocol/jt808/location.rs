//! Location reports, alone, as answers and in batches.

use super::header::Edition;
use super::items::AdditionalItems;
use crate::protocol::bcd::BcdTime;
use crate::protocol::error::{DecodeError, EncodeError};
use crate::protocol::reader::Reader;
use crate::protocol::writer::Writer;

/// Location report.
pub const LOCATION: u16 = 0x0200;
/// Answer to a location query.
pub const LOCATION_ANSWER: u16 = 0x0201;
/// Answer to vehicle control.
pub const VEHICLE_CONTROL_ANSWER: u16 = 0x0500;
/// Batch of location reports (2013 and later).
pub const LOCATION_BATCH: u16 = 0x0704;
/// Bytes of the base block.
pub const BASE_BYTES: usize = 28;

/// Status bit 0: ignition on.
pub const STATUS_ACC: u32 = 1;
/// Status bit 1: positioned; clear says that the coordinates are old or empty.
pub const STATUS_POSITIONED: u32 = 1 << 1;
/// Status bit 2: southern latitude.
pub const STATUS_SOUTH: u32 = 1 << 2;
/// Status bit 3: western longitude.
pub const STATUS_WEST: u32 = 1 << 3;
/// Status bit 5: coordinates encrypted by the confidentiality plug-in.
pub const STATUS_COORDINATES_ENCRYPTED: u32 = 1 << 5;

/// A location report: the base block, and the additional items not looked at yet.
///
/// Source: JT/T 808, location report, basic information table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocationReport<'a> {
    /// Alarm flags. Shape: 0..4.
    pub alarm: u32,
    /// Status. Shape: 4..8.
    pub status: u32,
    /// Latitude as on the wire; [`LocationReport::lat_deg`] has the sign.
    ///
    /// Shape: 8..12. Unit: 1e-6 degree.
    pub lat_udeg: u32,
    /// Longitude as on the wire; [`LocationReport::lon_deg`] has the sign.
    ///
    /// Shape: 12..16. Unit: 1e-6 degree.
    pub lon_udeg: u32,
    /// Altitude as on the wire; [`LocationReport::altitude_signed_m`] for use.
    ///
    /// Shape: 16..18. Unit: metre.
    pub altitude_m: u16,
    /// Ground speed. Shape: 18..20. Unit: 0.1 km/h.
    pub speed_dkmh: u16,
    /// Course over ground. Shape: 20..22. Unit: degree, north 0, clockwise.
    pub course_deg: u16,
    /// Time of the fix. Shape: 22..28. Unit: GMT+8.
    pub time: BcdTime,
    /// The additional items, raw: see [`LocationReport::additional_items`].
    pub additional: &'a [u8],
}

impl<'a> LocationReport<'a> {
    /// Reads the body; items are not looked at.
    #[inline]
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let mut base = Reader::new(reader.take(BASE_BYTES)?);
        Ok(Self {
            alarm: base.u32()?,
            status: base.u32()?,
            lat_udeg: base.u32()?,
            lon_udeg: base.u32()?,
            altitude_m: base.u16()?,
            speed_dkmh: base.u16()?,
            course_deg: base.u16()?,
            time: base.time()?,
            additional: reader.take_rest(),
        })
    }

    /// Appends the body.
    pub fn encode(&self, w: &mut Writer<'_>) {
        w.u32(self.alarm);
        w.u32(self.status);
        w.u32(self.lat_udeg);
        w.u32(self.lon_udeg);
        w.u16(self.altitude_m);
        w.u16(self.speed_dkmh);
        w.u16(self.course_deg);
        w.time(self.time);
        w.bytes(self.additional);
    }

    /// The additional items in order, read on the way.
    pub const fn additional_items(&self) -> AdditionalItems<'a> {
        AdditionalItems::new(self.additional)
    }

    /// Whether an item runs past the end of the report.
    pub fn is_damaged(&self) -> bool {
        let mut items = self.additional_items();
        items.by_ref().for_each(drop);
        items.is_damaged()
    }

    /// Odometer of item 0x01. Unit: 0.1 km.
    #[inline]
    pub fn odometer_dkm(&self) -> Option<u32> {
        self.additional_items().find_map(|item| {
            let value: &[u8; 4] = item.value.try_into().ok()?;
            (item.id == super::items::ODOMETER).then(|| u32::from_be_bytes(*value))
        })
    }

    /// Whether the terminal says that it knows its place.
    pub const fn is_positioned(&self) -> bool {
        self.status & STATUS_POSITIONED != 0
    }

    /// Latitude, south negative by status bit 2. Unit: degree.
    ///
    /// A value that is negative on the wire already (some terminals) stays so.
    pub fn lat_deg(&self) -> f64 {
        degrees(self.lat_udeg, self.status & STATUS_SOUTH != 0)
    }

    /// Longitude, west negative by status bit 3. Unit: degree.
    pub fn lon_deg(&self) -> f64 {
        degrees(self.lon_udeg, self.status & STATUS_WEST != 0)
    }

    /// Altitude, below the sea negative. Unit: metre.
    ///
    /// Source: unsigned in the text, signed in real devices.
    pub const fn altitude_signed_m(&self) -> i16 {
        self.altitude_m.cast_signed()
    }

    /// Whether the fields can be those of a report; tells layouts apart.
    fn is_plausible(&self) -> bool {
        self.time.numbers().is_some() && !self.is_damaged()
    }
}

fn degrees(udeg: u32, negative: bool) -> f64 {
    let signed = udeg.cast_signed();
    let value = if negative && signed > 0 {
        signed.wrapping_neg()
    } else {
        signed
    };
    f64::from(value) / 1e6
}

/// A location report that answers a command, 0x0201 and 0x0500.
///
/// Shape: WORD serial of the command, then a report; 0x0201 of 2011 has no serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocationAnswer<'a> {
    /// Serial number of the command.
    pub answer_serial: Option<u16>,
    /// The report.
    pub report: LocationReport<'a>,
}

impl<'a> LocationAnswer<'a> {
    /// Reads the body of a 0x0500.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        Ok(Self {
            answer_serial: Some(reader.u16()?),
            report: LocationReport::decode(reader.take_rest())?,
        })
    }

    /// Reads the body of a 0x0201; one without the serial is told by its time and items.
    pub fn decode_query_answer(body: &'a [u8], edition: Edition) -> Result<Self, DecodeError> {
        let old = LocationReport::decode(body).map(|report| Self {
            answer_serial: None,
            report,
        });
        match (edition, Self::decode(body)) {
            (Edition::V2011, _) => old,
            (Edition::V2013 | Edition::V2019, Ok(new)) if new.report.is_plausible() => Ok(new),
            (Edition::V2013 | Edition::V2019, new) => match old {
                Ok(old) if old.report.is_plausible() => Ok(old),
                _ => new,
            },
        }
    }
}

/// Kind of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchKind {
    /// Reports sent together to save traffic.
    Normal,
    /// Late reports of a time without a link.
    BlindArea,
    /// A kind that the standard does not name.
    Other(u8),
}

/// A batch of location reports, 0x0704.
///
/// Shape: WORD count, BYTE kind, entries of WORD length and a report each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocationBatch<'a> {
    /// Stated count; the entries decide.
    pub count: u16,
    /// Kind.
    pub kind: BatchKind,
    /// The entries, raw: see [`LocationBatch::entries`].
    pub raw_entries: &'a [u8],
}

/// One entry of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchEntry<'a> {
    /// The report, or why it is none.
    pub report: Result<LocationReport<'a>, DecodeError>,
    /// Its bytes.
    pub raw: &'a [u8],
}

impl<'a> LocationBatch<'a> {
    /// Reads the body; entries are not looked at.
    pub fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            count: reader.u16()?,
            kind: match reader.u8()? {
                0 => BatchKind::Normal,
                1 => BatchKind::BlindArea,
                other => BatchKind::Other(other),
            },
            raw_entries: reader.take_rest(),
        })
    }

    /// The entries in order, whatever the count says; a damaged one does not
    /// lose the others.
    pub fn entries(&self) -> impl Iterator<Item = BatchEntry<'a>> + use<'a> {
        let mut reader = Reader::new(self.raw_entries);
        std::iter::from_fn(move || {
            if reader.is_empty() {
                return None;
            }
            let stated = reader.u16().map_or(usize::MAX, usize::from);
            let raw = reader
                .take(stated)
                .unwrap_or_else(|_past_the_end| reader.take_rest());
            Some(BatchEntry {
                report: LocationReport::decode(raw),
                raw,
            })
        })
    }

    /// Appends the body of a batch.
    ///
    /// Errors: [`EncodeError::ListLong`], [`EncodeError::FieldLong`].
    pub fn encode<'r>(
        kind: BatchKind,
        reports: impl ExactSizeIterator<Item = LocationReport<'r>>,
        w: &mut Writer<'_>,
    ) -> Result<(), EncodeError> {
        w.count_u16("reports", reports.len())?;
        w.u8(match kind {
            BatchKind::Normal => 0,
            BatchKind::BlindArea => 1,
            BatchKind::Other(other) => other,
        });
        for report in reports {
            let bytes = BASE_BYTES.saturating_add(report.additional.len());
            let length = u16::try_from(bytes).map_err(|_too_long| EncodeError::FieldLong {
                field: "report",
                bytes,
                limit_bytes: usize::from(u16::MAX),
            })?;
            w.u16(length);
            report.encode(w);
        }
        Ok(())
    }
}
