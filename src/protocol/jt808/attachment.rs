//! Alarm attachments of T/JSATL 12-2017.

use crate::protocol::error::{DecodeError, EncodeError};
use crate::protocol::reader::Reader;
use crate::protocol::writer::{Fill, Writer};

/// Request to upload the attachments of an alarm.
pub const ATTACHMENT_REQUEST: u16 = 0x9208;
/// Answer to a file upload.
pub const FILE_ANSWER: u16 = 0x9212;
/// The attachments that follow (terminal to file server).
pub const ATTACHMENT_LIST: u16 = 0x1210;
/// A file begins (terminal to file server).
pub const FILE_BEGIN: u16 = 0x1211;
/// A file is complete (terminal to file server).
pub const FILE_END: u16 = 0x1212;

/// Request to upload the attachments of an alarm, 0x9208.
///
/// Shape: BYTE k, address, WORD TCP port, WORD UDP port, label\[16\],
/// number\[32\], reserved\[16\].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttachmentRequest {
    /// Address of the file server.
    pub address: String,
    /// Its TCP port, 0 for none.
    pub tcp_port: u16,
    /// Its UDP port, 0 for none.
    pub udp_port: u16,
    /// Label of the alarm as received, 16 bytes (40 in the Guangdong form).
    pub label: Vec<u8>,
    /// Our number of the alarm, at most 32 bytes.
    pub number: String,
}

impl AttachmentRequest {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let address = r.text_u8()?.decode_lossy().into_owned();
        let tcp_port = r.u16()?;
        let udp_port = r.u16()?;
        let label_bytes = if r.remaining() == 88 { 40 } else { 16 };
        Ok(Self {
            address,
            tcp_port,
            udp_port,
            label: r.take(label_bytes)?.to_vec(),
            number: r.text_fixed(32)?.decode_lossy().into_owned(),
        })
    }

    /// Appends the body.
    ///
    /// Errors: [`EncodeError::FieldLong`].
    pub fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.text_u8("address", &self.address)?;
        w.u16(self.tcp_port);
        w.u16(self.udp_port);
        let label_bytes = if self.label.len() > 16 { 40 } else { 16 };
        w.filled("label", &self.label, label_bytes, Fill::Behind(0))?;
        w.text_fixed("number", &self.number, 32)?;
        w.bytes(&[0; 16]);
        Ok(())
    }
}

/// Answer to a file upload, 0x9212.
///
/// Shape: BYTE k, name, BYTE kind, BYTE result, BYTE n, n of DWORD offset and DWORD length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileAnswer {
    /// Name of the file.
    pub name: String,
    /// 0 picture, 1 sound, 2 video, 3 text, 4 other.
    pub kind: u8,
    /// Offset and length of what is missing; none says complete.
    pub missing: Vec<(u32, u32)>,
}

impl FileAnswer {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let name = r.text_u8()?.decode_lossy().into_owned();
        let kind = r.u8()?;
        let _result = r.u8()?;
        let count = r.u8()?;
        Ok(Self {
            name,
            kind,
            missing: (0..count)
                .map(|_| Ok((r.u32()?, r.u32()?)))
                .collect::<Result<_, DecodeError>>()?,
        })
    }

    /// Appends the body.
    ///
    /// Errors: [`EncodeError::FieldLong`], [`EncodeError::ListLong`].
    pub fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.text_u8("name", &self.name)?;
        w.u8(self.kind);
        w.u8(u8::from(!self.missing.is_empty()));
        w.count_u8("missing", self.missing.len())?;
        for (offset, length) in &self.missing {
            w.u32(*offset);
            w.u32(*length);
        }
        Ok(())
    }
}
