//! Tracking, alarms, telephone and vehicle control.

use super::header::Edition;
use super::information::{decode_count, encode_count};
use crate::protocol::error::{DecodeError, EncodeError};
use crate::protocol::reader::Reader;
use crate::protocol::writer::Writer;

/// Location query.
pub const LOCATION_QUERY: u16 = 0x8201;
/// Temporary tracking.
pub const TRACKING: u16 = 0x8202;
/// Manual alarm confirmation (2013 and later).
pub const CONFIRM_ALARM: u16 = 0x8203;
/// Link check (2019).
pub const LINK_CHECK: u16 = 0x8204;
/// Call back.
pub const CALL: u16 = 0x8400;
/// Phone book.
pub const PHONE_BOOK: u16 = 0x8401;
/// Vehicle control.
pub const VEHICLE_CONTROL: u16 = 0x8500;

/// Temporary tracking, 0x8202.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tracking {
    /// 0 stops, and nothing follows. Shape: 0..2. Unit: second.
    pub interval_s: u16,
    /// Shape: 2..6. Unit: second.
    pub validity_s: u32,
}

impl Tracking {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let interval_s = r.u16()?;
        Ok(Self {
            interval_s,
            validity_s: if r.is_empty() { 0 } else { r.u32()? },
        })
    }

    /// Appends the body.
    pub fn encode(&self, w: &mut Writer<'_>) {
        w.u16(self.interval_s);
        if self.interval_s != 0 {
            w.u32(self.validity_s);
        }
    }
}

/// Manual alarm confirmation, 0x8203.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfirmAlarm {
    /// Serial number of the report; 0 is all of these kinds. Shape: 0..2.
    pub alarm_serial: u16,
    /// Alarm bits: 0 emergency, 3 hazard, 20 area, 21 route, 22 segment time, 27, 28. Shape: 2..6.
    pub kinds: u32,
}

impl ConfirmAlarm {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            alarm_serial: r.u16()?,
            kinds: r.u32()?,
        })
    }

    /// Appends the body.
    pub fn encode(&self, w: &mut Writer<'_>) {
        w.u16(self.alarm_serial);
        w.u32(self.kinds);
    }
}

/// Call back, 0x8400. Shape: BYTE mode, number to the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// 0 call, 1 listen in.
    pub mode: u8,
    /// At most 20 bytes.
    pub number: String,
}

impl Call {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            mode: r.u8()?,
            number: r.text_rest().trimmed().decode_lossy().into_owned(),
        })
    }

    /// Appends the body.
    pub fn encode(&self, w: &mut Writer<'_>) {
        w.u8(self.mode);
        w.text(&self.number);
    }
}

/// Phone book, 0x8401.
///
/// Shape: BYTE action, BYTE n, contacts: BYTE direction, BYTE length, number,
/// BYTE length, name. Nothing follows action 0. 2011: BYTE count here after n.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PhoneBook {
    /// 0 delete all, 1 replace, 2 append, 3 modify by name.
    pub action: u8,
    /// The contacts.
    pub contacts: Vec<Contact>,
}

/// One contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// 1 in, 2 out, 3 both.
    pub direction: u8,
    /// Telephone number.
    pub number: String,
    /// Name.
    pub name: String,
}

impl PhoneBook {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>, edition: Edition) -> Result<Self, DecodeError> {
        let action = r.u8()?;
        let count = decode_count(r, edition, action == 0)?;
        let contact = |r: &mut Reader<'_>| {
            Ok(Contact {
                direction: r.u8()?,
                number: r.text_u8()?.decode_lossy().into_owned(),
                name: r.text_u8()?.decode_lossy().into_owned(),
            })
        };
        Ok(Self {
            action,
            contacts: (0..count).map(|_| contact(r)).collect::<Result<_, _>>()?,
        })
    }

    /// Appends the body.
    ///
    /// Errors: [`EncodeError::ListLong`], [`EncodeError::FieldLong`].
    pub fn encode(&self, edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u8(self.action);
        if self.action == 0 {
            return Ok(());
        }
        encode_count(self.contacts.len(), edition, w)?;
        for contact in &self.contacts {
            w.u8(contact.direction);
            w.text_u8("number", &contact.number)?;
            w.text_u8("name", &contact.name)?;
        }
        Ok(())
    }
}

/// Vehicle control, 0x8500.
///
/// The polarity of 2019 is the reverse of the earlier editions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VehicleControl {
    /// 2011 and 2013: BYTE flags, bit 0: 0 unlock, 1 lock.
    Flags(u8),
    /// 2019: WORD n, items of WORD kind and a parameter.
    Items(Vec<ControlItem>),
}

/// One item of vehicle control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlItem {
    /// 1 doors; 0xF001 and above are vendors'.
    pub kind: u16,
    /// Kind 1: one byte, 0 lock, 1 open. Of another kind everything that follows.
    pub parameter: Vec<u8>,
}

impl VehicleControl {
    /// Locks or unlocks the doors, in the polarity of `edition`.
    pub fn doors(edition: Edition, lock: bool) -> Self {
        match edition {
            Edition::V2011 | Edition::V2013 => Self::Flags(u8::from(lock)),
            Edition::V2019 => Self::Items(vec![ControlItem {
                kind: 1,
                parameter: vec![u8::from(!lock)],
            }]),
        }
    }

    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>, edition: Edition) -> Result<Self, DecodeError> {
        if edition != Edition::V2019 {
            return Ok(Self::Flags(r.u8()?));
        }
        let count = r.u16()?;
        let item = |r: &mut Reader<'_>| {
            let kind = r.u16()?;
            let parameter = match kind {
                1 => r.take(1)?,
                _ => r.take_rest(),
            };
            Ok(ControlItem {
                kind,
                parameter: parameter.to_vec(),
            })
        };
        let items = (0..count).map(|_| item(r)).collect::<Result<_, _>>()?;
        Ok(Self::Items(items))
    }

    /// Appends the body.
    ///
    /// Errors: [`EncodeError::NotInEdition`] for the form of another edition,
    /// [`EncodeError::ListLong`].
    pub fn encode(&self, edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        match (self, edition) {
            (Self::Flags(flags), Edition::V2011 | Edition::V2013) => w.u8(*flags),
            (Self::Items(items), Edition::V2019) => {
                w.count_u16("items", items.len())?;
                for item in items {
                    w.u16(item.kind);
                    w.bytes(&item.parameter);
                }
            }
            (Self::Flags(_) | Self::Items(_), _) => {
                return Err(EncodeError::NotInEdition {
                    id: VEHICLE_CONTROL,
                });
            }
        }
        Ok(())
    }
}
