//! Text, events, questions and information services.

use super::header::Edition;
use crate::protocol::error::{DecodeError, EncodeError};
use crate::protocol::reader::Reader;
use crate::protocol::writer::Writer;

/// Text for the driver.
pub const TEXT: u16 = 0x8300;
/// Event list (2011, 2013).
pub const EVENT_LIST: u16 = 0x8301;
/// Event report (2011, 2013).
pub const EVENT_REPORT: u16 = 0x0301;
/// Question (2011, 2013).
pub const QUESTION: u16 = 0x8302;
/// Answer to a question (2011, 2013).
pub const QUESTION_ANSWER: u16 = 0x0302;
/// Menu of information services (2011, 2013).
pub const INFORMATION_MENU: u16 = 0x8303;
/// Subscription of an information service (2011, 2013).
pub const SUBSCRIPTION: u16 = 0x0303;
/// Information (2011, 2013).
pub const INFORMATION: u16 = 0x8304;

/// Text flag: urgent, 2011 and 2013 (2019: the low two bits are 1 service, 2 urgent, 3 notice).
pub const TEXT_URGENT: u8 = 1;
/// Text flag: show on the display.
pub const TEXT_DISPLAY: u8 = 1 << 2;
/// Text flag: speak.
pub const TEXT_SPEAK: u8 = 1 << 3;

/// Text for the driver, 0x8300.
///
/// Shape: BYTE flags, text. 2019: BYTE flags, BYTE kind, text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextMessage {
    /// What to do with it.
    pub flags: u8,
    /// 1 notice, 2 service; 2019 only.
    pub kind: u8,
    /// At most 1024 bytes in GBK.
    pub text: String,
}

impl TextMessage {
    /// An urgent text that is spoken and shown, in the flags of `edition`.
    pub fn urgent_spoken(edition: Edition, text: &str) -> Self {
        let urgent = match edition {
            Edition::V2011 | Edition::V2013 => TEXT_URGENT,
            Edition::V2019 => 2,
        };
        Self {
            flags: urgent | TEXT_DISPLAY | TEXT_SPEAK,
            kind: 1,
            text: text.to_owned(),
        }
    }

    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>, edition: Edition) -> Result<Self, DecodeError> {
        Ok(Self {
            flags: r.u8()?,
            kind: match edition {
                Edition::V2011 | Edition::V2013 => 0,
                Edition::V2019 => r.u8()?,
            },
            text: r.text_rest().decode_lossy().into_owned(),
        })
    }

    /// Appends the body.
    pub fn encode(&self, edition: Edition, w: &mut Writer<'_>) {
        w.u8(self.flags);
        if edition == Edition::V2019 {
            w.u8(self.kind);
        }
        w.text(&self.text);
    }
}

/// Width of the length before an entry's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LengthField {
    Byte,
    Word,
}

/// One entry of a list: an event, an answer, a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Number of the entry.
    pub id: u8,
    /// What it says.
    pub text: String,
}

impl Entry {
    fn decode(r: &mut Reader<'_>, length: LengthField) -> Result<Self, DecodeError> {
        let id = r.u8()?;
        let text = match length {
            LengthField::Byte => r.text_u8()?,
            LengthField::Word => r.text_u16()?,
        };
        Ok(Self {
            id,
            text: text.decode_lossy().into_owned(),
        })
    }

    fn encode(&self, length: LengthField, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u8(self.id);
        match length {
            LengthField::Byte => w.text_u8("text", &self.text),
            LengthField::Word => w.text_u16("text", &self.text),
        }
    }
}

/// A list of events, 0x8301, or of information services, 0x8303.
///
/// Shape: BYTE action, BYTE n, entries: BYTE id, BYTE (0x8303: WORD) length,
/// text. Nothing follows action 0. 2011: BYTE count here after n.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryList {
    /// 0 delete all, 1 replace, 2 append, 3 modify, 4 delete some (events only).
    pub action: u8,
    /// The entries.
    pub entries: Vec<Entry>,
}

impl EntryList {
    const fn length_field(id: u16) -> LengthField {
        if id == EVENT_LIST {
            LengthField::Byte
        } else {
            LengthField::Word
        }
    }

    /// Reads the body of message `id`.
    pub fn decode(r: &mut Reader<'_>, id: u16, edition: Edition) -> Result<Self, DecodeError> {
        let action = r.u8()?;
        let count = decode_count(r, edition, action == 0)?;
        let length = Self::length_field(id);
        Ok(Self {
            action,
            entries: (0..count)
                .map(|_| Entry::decode(r, length))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Appends the body of message `id`.
    ///
    /// Errors: [`EncodeError::ListLong`], [`EncodeError::FieldLong`].
    pub fn encode(&self, id: u16, edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u8(self.action);
        if self.action == 0 {
            return Ok(());
        }
        encode_count(self.entries.len(), edition, w)?;
        let length = Self::length_field(id);
        self.entries
            .iter()
            .try_for_each(|entry| entry.encode(length, w))
    }
}

/// The count of a list that 2011 splits into total and count here.
pub(super) fn decode_count(
    r: &mut Reader<'_>,
    edition: Edition,
    deletes_all: bool,
) -> Result<u8, DecodeError> {
    if deletes_all && r.is_empty() {
        return Ok(0);
    }
    let total = r.u8()?;
    match edition {
        Edition::V2011 => r.u8(),
        Edition::V2013 | Edition::V2019 => Ok(total),
    }
}

/// Writes the count of a list, twice for 2011.
pub(super) fn encode_count(
    count: usize,
    edition: Edition,
    w: &mut Writer<'_>,
) -> Result<(), EncodeError> {
    w.count_u8("items", count)?;
    if edition == Edition::V2011 {
        w.count_u8("items", count)?;
    }
    Ok(())
}

/// Question to the driver, 0x8302.
///
/// Shape: BYTE flags (0 urgent, 3 speak, 4 screen), BYTE n, question, answers:
/// BYTE id, WORD length, text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// What to do with it.
    pub flags: u8,
    /// The question.
    pub question: String,
    /// The answers to choose from.
    pub answers: Vec<Entry>,
}

impl Question {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let flags = r.u8()?;
        let question = r.text_u8()?.decode_lossy().into_owned();
        let mut answers = Vec::new();
        while !r.is_empty() {
            answers.push(Entry::decode(r, LengthField::Word)?);
        }
        Ok(Self {
            flags,
            question,
            answers,
        })
    }

    /// Appends the body.
    ///
    /// Errors: [`EncodeError::FieldLong`].
    pub fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u8(self.flags);
        w.text_u8("question", &self.question)?;
        self.answers
            .iter()
            .try_for_each(|answer| answer.encode(LengthField::Word, w))
    }
}

/// Answer to a question, 0x0302.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuestionAnswer {
    /// Serial number of the question. Shape: 0..2.
    pub answer_serial: u16,
    /// Number of the answer. Shape: 2.
    pub answer: u8,
}

/// Subscription of an information service, 0x0303.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Number of the service. Shape: 0.
    pub kind: u8,
    /// Subscribe (1) rather than cancel (0). Shape: 1.
    pub subscribe: bool,
}

/// Information, 0x8304.
///
/// Shape: BYTE kind, WORD length, text. 2011: WORD total, WORD length here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Information {
    /// Number of the service.
    pub kind: u8,
    /// What it says.
    pub text: String,
}

impl Information {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>, edition: Edition) -> Result<Self, DecodeError> {
        let kind = r.u8()?;
        if edition == Edition::V2011 {
            r.u16()?;
        }
        Ok(Self {
            kind,
            text: r.text_u16()?.decode_lossy().into_owned(),
        })
    }

    /// Appends the body.
    ///
    /// Errors: [`EncodeError::FieldLong`].
    pub fn encode(&self, edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u8(self.kind);
        if edition == Edition::V2011 {
            let bytes = crate::protocol::text::encode(&self.text).len();
            w.count_u16("text", bytes)?;
        }
        w.text_u16("text", &self.text)
    }
}
