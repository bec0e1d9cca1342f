//! Driver identity.

use super::header::Edition;
use crate::protocol::bcd::BcdTime;
use crate::protocol::error::{DecodeError, EncodeError};
use crate::protocol::reader::Reader;
use crate::protocol::text::Text;
use crate::protocol::writer::{Fill, Writer};

/// Driver identity.
pub const DRIVER_IDENTITY: u16 = 0x0702;
/// Request for the driver identity (2013 and later).
pub const DRIVER_IDENTITY_REQUEST: u16 = 0x8702;

/// Driver identity, 0x0702.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverIdentity<'a> {
    /// 2011: who drives, without a card event.
    ///
    /// Shape: BYTE n, name, identity card\[20\], certificate\[40\], BYTE m, issuer.
    Plain {
        /// Name.
        name: Text<'a>,
        /// Number of the identity card.
        id_number: Text<'a>,
        /// Number of the qualification certificate.
        certificate: Text<'a>,
        /// Who issued it.
        authority: Text<'a>,
    },
    /// Card in: on duty. Shape: BYTE 1, BCD\[6\] time, BYTE result, card when read.
    CardIn {
        /// Unit: GMT+8.
        time: BcdTime,
        /// 0 read, 1 key failed, 2 locked, 3 pulled out, 4 check failed.
        result: u8,
        /// What was read, only with result 0.
        card: Option<DriverCard<'a>>,
    },
    /// Card out: off duty. Shape: BYTE 2, BCD\[6\] time; padding is ignored.
    CardOut {
        /// Unit: GMT+8.
        time: BcdTime,
    },
}

/// What a driver's card says.
///
/// Shape: BYTE n, name, certificate\[20\], BYTE m, issuer, BCD\[4\] date, and in
/// 2019 the identity card\[20\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriverCard<'a> {
    /// Name.
    pub name: Text<'a>,
    /// Number of the qualification certificate.
    pub certificate: Text<'a>,
    /// Who issued it.
    pub authority: Text<'a>,
    /// Valid until YYYYMMDD, in BCD.
    pub valid_until: [u8; 4],
    /// Number of the identity card, 2019.
    pub id_number: Option<Text<'a>>,
}

impl<'a> DriverIdentity<'a> {
    /// Reads the body; the first byte tells 2011 (a name of one or two bytes is none).
    pub fn decode(body: &'a [u8], edition: Edition) -> Result<Self, DecodeError> {
        let mut r = Reader::new(body);
        match r.u8()? {
            1 => Self::decode_card_in(&mut r, edition),
            2 => Ok(Self::CardOut { time: r.time()? }),
            length => Ok(Self::Plain {
                name: Text::new(r.take(usize::from(length))?),
                id_number: r.text_fixed(20)?,
                certificate: r.text_fixed(40)?,
                authority: r.text_u8()?,
            }),
        }
    }

    fn decode_card_in(r: &mut Reader<'a>, edition: Edition) -> Result<Self, DecodeError> {
        let time = r.time()?;
        let result = r.u8()?;
        let card = match result {
            0 => Some(DriverCard::decode(r, edition)?),
            _ => None,
        };
        Ok(Self::CardIn { time, result, card })
    }

    /// The edition that the body tells, `None` when it tells none.
    pub const fn edition(&self) -> Option<Edition> {
        match self {
            Self::Plain { .. } => Some(Edition::V2011),
            Self::CardIn { .. } | Self::CardOut { .. } => None,
        }
    }

    /// Appends the body.
    ///
    /// Errors: [`EncodeError::FieldLong`].
    pub fn encode(&self, edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let behind = Fill::Behind(0);
        match self {
            Self::Plain {
                name,
                id_number,
                certificate,
                authority,
            } => {
                w.bytes_u8("name", name.raw())?;
                w.filled("id_number", id_number.raw(), 20, behind)?;
                w.filled("certificate", certificate.raw(), 40, behind)?;
                w.bytes_u8("authority", authority.raw())
            }
            Self::CardIn { time, result, card } => {
                w.u8(1);
                w.time(*time);
                w.u8(*result);
                card.map_or(Ok(()), |card| card.encode(edition, w))
            }
            Self::CardOut { time } => {
                w.u8(2);
                w.time(*time);
                Ok(())
            }
        }
    }
}

impl<'a> DriverCard<'a> {
    fn decode(r: &mut Reader<'a>, edition: Edition) -> Result<Self, DecodeError> {
        Ok(Self {
            name: r.text_u8()?,
            certificate: r.text_fixed(20)?,
            authority: r.text_u8()?,
            valid_until: r.array()?,
            id_number: match edition {
                Edition::V2019 => r.text_fixed(20).ok(),
                Edition::V2011 | Edition::V2013 => None,
            },
        })
    }

    fn encode(&self, edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let behind = Fill::Behind(0);
        w.bytes_u8("name", self.name.raw())?;
        w.filled("certificate", self.certificate.raw(), 20, behind)?;
        w.bytes_u8("authority", self.authority.raw())?;
        w.bytes(&self.valid_until);
        if edition == Edition::V2019 {
            let id_number = self.id_number.unwrap_or_default();
            w.filled("id_number", id_number.raw(), 20, behind)?;
        }
        Ok(())
    }
}
