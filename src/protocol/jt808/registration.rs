//! Registration and authentication.

use super::header::Edition;
use crate::protocol::error::{DecodeError, EncodeError};
use crate::protocol::reader::Reader;
use crate::protocol::text::Text;
use crate::protocol::writer::{Fill, Writer};

/// Terminal registers.
pub const REGISTER: u16 = 0x0100;
/// Answer to a registration.
pub const REGISTER_ANSWER: u16 = 0x8100;
/// Terminal authenticates.
pub const AUTHENTICATE: u16 = 0x0102;
/// Terminal gives its registration up.
pub const UNREGISTER: u16 = 0x0003;

/// Registration of a terminal, 0x0100.
///
/// Shape: two WORDs, then maker, model and terminal id of fixed widths (5/8/7 in
/// 2011, 5/20/7 in 2013, 11/30/30 in 2019), colour BYTE, plate to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration<'a> {
    /// The edition whose widths the body has.
    pub edition: Edition,
    /// First two digits of the division code (GB/T 2260); 0 leaves it to us.
    pub province: u16,
    /// Last four digits of the division code.
    pub city: u16,
    /// Maker id as received, filling included.
    pub manufacturer: Text<'a>,
    /// Model as received, filling included.
    pub model: Text<'a>,
    /// Terminal id as received, filling included.
    pub terminal_id: Text<'a>,
    /// Plate colour (JT/T 415-2006 or JT/T 697.7-2014); 0 says that a VIN follows.
    pub plate_color_code: u8,
    /// Plate, or VIN with colour 0.
    pub plate: Text<'a>,
}

/// Widths of maker, model and terminal id.
pub const fn registration_widths(edition: Edition) -> [usize; 3] {
    match edition {
        Edition::V2011 => [5, 8, 7],
        Edition::V2013 => [5, 20, 7],
        Edition::V2019 => [11, 30, 30],
    }
}

impl<'a> Registration<'a> {
    /// Reads the body; tells 2011 from 2013 by length and by plausible colour and plate.
    pub fn decode(body: &'a [u8], edition: Edition) -> Result<Self, DecodeError> {
        if edition == Edition::V2019 {
            return Self::decode_as(body, edition);
        }
        let old = Self::decode_as(body, Edition::V2011)?;
        match Self::decode_as(body, Edition::V2013) {
            Err(_too_short) => Ok(old),
            Ok(new) if old.is_plausible() && !new.is_plausible() => Ok(old),
            Ok(new) => Ok(new),
        }
    }

    fn decode_as(body: &'a [u8], edition: Edition) -> Result<Self, DecodeError> {
        let [maker, model, id] = registration_widths(edition);
        let mut reader = Reader::new(body);
        Ok(Self {
            edition,
            province: reader.u16()?,
            city: reader.u16()?,
            manufacturer: Text::new(reader.take(maker)?),
            model: Text::new(reader.take(model)?),
            terminal_id: Text::new(reader.take(id)?),
            plate_color_code: reader.u8()?,
            plate: reader.text_rest().trimmed(),
        })
    }

    /// Whether colour and plate can be such. Source: our choice.
    fn is_plausible(&self) -> bool {
        let color = matches!(self.plate_color_code, 0..=9 | 91..=94);
        let plate = self.plate.raw();
        color && (5..=20).contains(&plate.len()) && !plate.contains(&0)
    }

    /// Appends the body; the three fixed fields are filled as the edition says
    /// unless they come filled to their width.
    ///
    /// Errors: [`EncodeError::FieldLong`].
    pub fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let [maker, model, id] = registration_widths(self.edition);
        let [maker_fill, model_fill, id_fill] = registration_fills(self.edition);
        w.u16(self.province);
        w.u16(self.city);
        w.filled("manufacturer", self.manufacturer.raw(), maker, maker_fill)?;
        w.filled("model", self.model.raw(), model, model_fill)?;
        w.filled("terminal_id", self.terminal_id.raw(), id, id_fill)?;
        w.u8(self.plate_color_code);
        w.bytes(self.plate.raw());
        Ok(())
    }
}

/// How maker, model and terminal id are filled when we write them.
pub const fn registration_fills(edition: Edition) -> [Fill; 3] {
    match edition {
        Edition::V2011 => [Fill::Behind(0), Fill::Behind(b' '), Fill::Behind(0)],
        Edition::V2013 => [Fill::Behind(0), Fill::Behind(0), Fill::Behind(0)],
        Edition::V2019 => [Fill::Behind(0), Fill::Front, Fill::Front],
    }
}

/// Result of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterResult(pub u8);

impl RegisterResult {
    /// Registered; the authentication code follows.
    pub const SUCCESS: Self = Self(0);
    /// The vehicle is registered already.
    pub const VEHICLE_REGISTERED: Self = Self(1);
    /// The vehicle is not in the database.
    pub const VEHICLE_UNKNOWN: Self = Self(2);
    /// The terminal is registered already.
    pub const TERMINAL_REGISTERED: Self = Self(3);
    /// The terminal is not in the database.
    pub const TERMINAL_UNKNOWN: Self = Self(4);
}

/// Answer to a registration, 0x8100.
///
/// Shape: WORD serial of the 0x0100, BYTE result, code to the end with result 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterAnswer {
    /// Serial number of the registration.
    pub answer_serial: u16,
    /// What became of it.
    pub result: RegisterResult,
    /// The authentication code, only with success.
    pub token: Option<String>,
}

impl RegisterAnswer {
    /// Reads the body.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let answer_serial = reader.u16()?;
        let result = RegisterResult(reader.u8()?);
        let token = (result == RegisterResult::SUCCESS)
            .then(|| reader.text_rest().decode_lossy().into_owned());
        Ok(Self {
            answer_serial,
            result,
            token,
        })
    }

    /// Appends the body.
    pub fn encode(&self, w: &mut Writer<'_>) {
        w.u16(self.answer_serial);
        w.u8(self.result.0);
        if let Some(token) = &self.token {
            w.text(token);
        }
    }
}

/// Authentication, 0x0102.
///
/// Shape: 2011 and 2013 the code; 2019 BYTE n, code\[n\], IMEI\[15\],
/// software version\[20\]. A 2019 body of another length: what fits, else all of
/// it is the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authentication<'a> {
    /// The code, trimmed of filling (old firmware echoes it padded).
    pub token: Text<'a>,
    /// IMEI, 2019 only.
    pub imei: Option<Text<'a>>,
    /// Software version, 2019 only.
    pub software: Option<Text<'a>>,
}

impl<'a> Authentication<'a> {
    /// Reads the body. Never fails: whatever it is, it is a code.
    pub fn decode(body: &'a [u8], edition: Edition) -> Self {
        if edition == Edition::V2019
            && let Ok(full) = Self::decode_2019(&mut Reader::new(body))
        {
            return full;
        }
        Self {
            token: Text::new(body).trimmed(),
            imei: None,
            software: None,
        }
    }

    fn decode_2019(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let token = reader.text_u8()?.trimmed();
        Ok(Self {
            token,
            imei: reader.text_fixed(15).ok(),
            software: reader.text_fixed(20).ok(),
        })
    }

    /// Appends the body.
    ///
    /// Errors: [`EncodeError::FieldLong`].
    pub fn encode(&self, edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        if edition != Edition::V2019 {
            w.bytes(self.token.raw());
            return Ok(());
        }
        w.bytes_u8("token", self.token.raw())?;
        let behind = Fill::Behind(0);
        if let Some(imei) = self.imei {
            w.filled("imei", imei.raw(), 15, behind)?;
        }
        if let Some(software) = self.software {
            w.filled("software", software.raw(), 20, behind)?;
        }
        Ok(())
    }
}
