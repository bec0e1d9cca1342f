//! Terminal parameters.

use super::header::Edition;
use crate::protocol::error::{DecodeError, EncodeError};
use crate::protocol::reader::Reader;
use crate::protocol::writer::Writer;

/// Set parameters.
pub const SET_PARAMETERS: u16 = 0x8103;
/// Query all parameters.
pub const QUERY_PARAMETERS: u16 = 0x8104;
/// Query named parameters (2013 and later).
pub const QUERY_NAMED_PARAMETERS: u16 = 0x8106;
/// Parameters of the terminal.
pub const PARAMETERS: u16 = 0x0104;

/// One parameter. Shape: DWORD id, BYTE length, value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Which one.
    pub id: u32,
    /// Its value as on the wire.
    pub value: Vec<u8>,
}

/// How the value of a parameter is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// A number of four, two or one byte, by the length.
    Number,
    /// Text in GBK.
    Text,
    /// Bytes with a meaning of their own.
    Bytes,
}

/// How a parameter is to be read; `None` for an id that we do not know.
///
/// Source: JT/T 808, table of terminal parameters, 2011 to 2019.
pub const fn parameter_kind(id: u32) -> Option<ParameterKind> {
    Some(match id {
        0x0010..=0x0017
        | 0x001a
        | 0x001d
        | 0x0023..=0x0026
        | 0x0040..=0x0044
        | 0x0048
        | 0x0049
        | 0x0083 => ParameterKind::Text,
        0x0001..=0x0007
        | 0x0018..=0x0019
        | 0x001b..=0x001c
        | 0x0020..=0x0022
        | 0x0027..=0x0029
        | 0x002c..=0x0031
        | 0x0045..=0x0047
        | 0x0050..=0x005e
        | 0x0064..=0x0065
        | 0x0070..=0x0074
        | 0x0080..=0x0082
        | 0x0084
        | 0x0090..=0x0095
        | 0x0100..=0x0103 => ParameterKind::Number,
        0x0032 | 0x0110..=0x01ff => ParameterKind::Bytes,
        _ => return None,
    })
}

impl Parameter {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: r.u32()?,
            value: r.bytes_u8()?.to_vec(),
        })
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32(self.id);
        w.bytes_u8("value", &self.value)
    }

    /// The value as a number, when its kind and its length allow it.
    pub fn number(&self) -> Option<u32> {
        match (parameter_kind(self.id)?, self.value.as_slice()) {
            (ParameterKind::Number, [byte]) => Some(u32::from(*byte)),
            (ParameterKind::Number, [high, low]) => {
                Some(u32::from(u16::from_be_bytes([*high, *low])))
            }
            (ParameterKind::Number, [a, b, c, d]) => Some(u32::from_be_bytes([*a, *b, *c, *d])),
            _ => None,
        }
    }
}

/// Set parameters, 0x8103.
///
/// Shape: BYTE count, items. 2011: BYTE total, BYTE count here, items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetParameters {
    /// The parameters, in order; an id may stand more than once.
    pub parameters: Vec<Parameter>,
}

impl SetParameters {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>, edition: Edition) -> Result<Self, DecodeError> {
        let mut count = r.u8()?;
        if edition == Edition::V2011 {
            count = r.u8()?;
        }
        Ok(Self {
            parameters: decode_list(r, count)?,
        })
    }

    /// Appends the body.
    ///
    /// Errors: [`EncodeError::ListLong`], [`EncodeError::FieldLong`].
    pub fn encode(&self, edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.count_u8("params", self.parameters.len())?;
        if edition == Edition::V2011 {
            w.count_u8("params", self.parameters.len())?;
        }
        self.parameters.iter().try_for_each(|item| item.encode(w))
    }
}

fn decode_list(r: &mut Reader<'_>, count: u8) -> Result<Vec<Parameter>, DecodeError> {
    (0..count).map(|_| Parameter::decode(r)).collect()
}

/// Parameters of the terminal, 0x0104.
///
/// Shape: WORD serial of the query, BYTE count, items. 2011: WORD, BYTE total,
/// BYTE count here, items; told by the two counts and a known id behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Serial number of the query.
    pub answer_serial: u16,
    /// The parameters, in order.
    pub parameters: Vec<Parameter>,
}

impl Parameters {
    /// Reads the body.
    pub fn decode(body: &[u8], edition: Edition) -> Result<Self, DecodeError> {
        let mut r = Reader::new(body);
        let answer_serial = r.u16()?;
        let mut count = r.u8()?;
        if edition == Edition::V2011 || (edition == Edition::V2013 && has_two_counts(body)) {
            count = r.u8()?;
        }
        Ok(Self {
            answer_serial,
            parameters: decode_list(&mut r, count)?,
        })
    }
}

/// Whether the body of a 0x0104 has the two counts of 2011.
fn has_two_counts(body: &[u8]) -> bool {
    match body {
        [_, _, total, here, a, b, c, d, ..] if total == here => {
            parameter_kind(u32::from_be_bytes([*a, *b, *c, *d])).is_some()
        }
        _ => false,
    }
}

/// Reads a list of DWORDs after a count byte, as in 0x8106 and 0x8601.
pub(super) fn decode_ids(r: &mut Reader<'_>) -> Result<Vec<u32>, DecodeError> {
    let count = r.u8()?;
    (0..count).map(|_| r.u32()).collect()
}

/// Appends a count byte and DWORDs.
pub(super) fn encode_ids(ids: &[u32], w: &mut Writer<'_>) -> Result<(), EncodeError> {
    w.count_u8("ids", ids.len())?;
    for id in ids {
        w.u32(*id);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_counts_are_read_as_2011() {
        let body = [0, 20, 1, 1, 0, 0, 0, 1, 4, 0, 0, 0, 10];
        let parameters = Parameters::decode(&body, Edition::V2013).unwrap();
        assert_eq!(parameters.parameters.len(), 1);
        assert_eq!(parameters.parameters[0].number(), Some(10));
    }
}
