//! Pictures, sound and video.

use super::header::Edition;
use super::location::{BASE_BYTES, LocationReport};
use crate::protocol::bcd::BcdTime;
use crate::protocol::error::{DecodeError, EncodeError};
use crate::protocol::reader::Reader;
use crate::protocol::writer::Writer;

/// Media event.
pub const MEDIA_EVENT: u16 = 0x0800;
/// Media data.
pub const MEDIA_DATA: u16 = 0x0801;
/// Answer to media data.
pub const MEDIA_ANSWER: u16 = 0x8800;
/// Take pictures or video now.
pub const SHOOT: u16 = 0x8801;
/// Answer to 0x8801 (2013 and later).
pub const SHOOT_ANSWER: u16 = 0x0805;
/// Search the stored media.
pub const MEDIA_SEARCH: u16 = 0x8802;
/// Answer to 0x8802.
pub const MEDIA_LIST: u16 = 0x0802;
/// Upload stored media.
pub const MEDIA_UPLOAD: u16 = 0x8803;
/// Record sound.
pub const RECORD_SOUND: u16 = 0x8804;
/// Upload one stored item (2013 and later).
pub const MEDIA_UPLOAD_ONE: u16 = 0x8805;

/// What a piece of media is, 0x0800 and the first 8 bytes of 0x0801.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaEvent {
    /// Media id, above 0. Shape: 0..4.
    pub media_id: u32,
    /// 0 picture, 1 sound, 2 video. Shape: 4.
    pub kind: u8,
    /// 0 JPEG, 1 TIF, 2 MP3, 3 WAV, 4 WMV. Shape: 5.
    pub format: u8,
    /// What caused it: 0 command, 1 timer, 2 robbery, 3 collision, ... Shape: 6.
    pub event: u8,
    /// Channel. Shape: 7.
    pub channel: u8,
}

impl MediaEvent {
    /// Reads the 8 bytes.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            media_id: r.u32()?,
            kind: r.u8()?,
            format: r.u8()?,
            event: r.u8()?,
            channel: r.u8()?,
        })
    }
}

/// Media data, 0x0801.
///
/// Shape: event, 28 bytes of location, data. 2011: event, DWORD total, DWORD
/// index, data; each message is one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaData<'a> {
    /// What it is.
    pub event: MediaEvent,
    /// Where it was made; 2013 and later.
    pub report: Option<LocationReport<'a>>,
    /// Parts in all and this part, from 1; 2011.
    pub part: Option<(u32, u32)>,
    /// The data.
    pub data: &'a [u8],
}

impl<'a> MediaData<'a> {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'a>, edition: Edition) -> Result<Self, DecodeError> {
        let event = MediaEvent::decode(r)?;
        let (report, part) = match edition {
            Edition::V2011 => (None, Some((r.u32()?, r.u32()?))),
            Edition::V2013 | Edition::V2019 => {
                (Some(LocationReport::decode(r.take(BASE_BYTES)?)?), None)
            }
        };
        Ok(Self {
            event,
            report,
            part,
            data: r.take_rest(),
        })
    }

    /// Whether nothing follows for this media id.
    pub fn is_last(&self) -> bool {
        self.part.is_none_or(|(total, index)| index >= total)
    }
}

/// Answer to media data, 0x8800.
///
/// Shape: DWORD media id; if parts are missing BYTE n, WORD\[n\]. 2011: WORD
/// serial, DWORD id, BYTE n, list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaAnswer {
    /// Serial number of the message answered, 2011 only.
    pub answer_serial: Option<u16>,
    /// Media id.
    pub media_id: u32,
    /// Indexes of the sub-packages to send again; none says complete.
    pub missing: Vec<u16>,
}

impl MediaAnswer {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>, edition: Edition) -> Result<Self, DecodeError> {
        let answer_serial = match edition {
            Edition::V2011 => Some(r.u16()?),
            Edition::V2013 | Edition::V2019 => None,
        };
        let media_id = r.u32()?;
        let count = if r.is_empty() { 0 } else { r.u8()? };
        Ok(Self {
            answer_serial,
            media_id,
            missing: (0..count).map(|_| r.u16()).collect::<Result<_, _>>()?,
        })
    }

    /// Appends the body.
    ///
    /// Errors: [`EncodeError::ListLong`], [`EncodeError::FieldMissing`].
    pub fn encode(&self, edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        if edition == Edition::V2011 {
            let field = "answer_serial";
            w.u16(
                self.answer_serial
                    .ok_or(EncodeError::FieldMissing { field })?,
            );
        }
        w.u32(self.media_id);
        if edition == Edition::V2011 || !self.missing.is_empty() {
            w.count_u8("missing", self.missing.len())?;
        }
        for index in &self.missing {
            w.u16(*index);
        }
        Ok(())
    }
}

/// Stored media found, 0x0802.
///
/// Shape: WORD serial of the 0x8802, WORD total, items of 35 bytes. 2011: WORD
/// count here after the total, items without the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaList<'a> {
    /// Serial number of the search.
    pub answer_serial: u16,
    /// Number found.
    pub total: u16,
    /// Those in this message.
    pub items: Vec<MediaItem<'a>>,
}

/// One stored piece of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaItem<'a> {
    /// Media id; 2013 and later.
    pub media_id: Option<u32>,
    /// 0 picture, 1 sound, 2 video.
    pub kind: u8,
    /// Channel.
    pub channel: u8,
    /// What caused it.
    pub event: u8,
    /// Where it was made.
    pub report: LocationReport<'a>,
}

impl<'a> MediaList<'a> {
    /// Reads the body; items without an id are told by the length.
    pub fn decode(r: &mut Reader<'a>, edition: Edition) -> Result<Self, DecodeError> {
        let answer_serial = r.u16()?;
        let total = r.u16()?;
        let old = edition == Edition::V2011
            || (!r.remaining().is_multiple_of(35) && r.remaining() % 31 == 2);
        if old {
            r.u16()?;
        }
        let mut items = Vec::new();
        while !r.is_empty() {
            items.push(MediaItem {
                media_id: if old { None } else { Some(r.u32()?) },
                kind: r.u8()?,
                channel: r.u8()?,
                event: r.u8()?,
                report: LocationReport::decode(r.take(BASE_BYTES)?)?,
            });
        }
        Ok(Self {
            answer_serial,
            total,
            items,
        })
    }
}

/// Take pictures or video now, 0x8801.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shoot {
    /// Channel, above 0. Shape: 0.
    pub channel: u8,
    /// 0 stop, 0xFFFF video, else number of pictures. Shape: 1..3.
    pub command: u16,
    /// Between pictures, or of video; 0 is the shortest or without end. Shape: 3..5. Unit: second.
    pub interval_s: u16,
    /// Keep (1) rather than upload (0). Shape: 5.
    pub keep: u8,
    /// Resolution code. Shape: 6.
    pub resolution: u8,
    /// 1 best to 10. Shape: 7.
    pub quality: u8,
    /// 0 to 255. Shape: 8.
    pub brightness: u8,
    /// 0 to 127. Shape: 9.
    pub contrast: u8,
    /// 0 to 127. Shape: 10.
    pub saturation: u8,
    /// 0 to 255. Shape: 11.
    pub chroma: u8,
}

impl Shoot {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            channel: r.u8()?,
            command: r.u16()?,
            interval_s: r.u16()?,
            keep: r.u8()?,
            resolution: r.u8()?,
            quality: r.u8()?,
            brightness: r.u8()?,
            contrast: r.u8()?,
            saturation: r.u8()?,
            chroma: r.u8()?,
        })
    }

    /// Appends the body.
    pub fn encode(&self, w: &mut Writer<'_>) {
        w.u8(self.channel);
        w.u16(self.command);
        w.u16(self.interval_s);
        w.bytes(&[
            self.keep,
            self.resolution,
            self.quality,
            self.brightness,
            self.contrast,
            self.saturation,
            self.chroma,
        ]);
    }
}

/// Answer to 0x8801, 0x0805.
///
/// Shape: WORD serial, BYTE result, with result 0 WORD n, DWORD\[n\] media ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShootAnswer {
    /// Serial number of the 0x8801.
    pub answer_serial: u16,
    /// 0 done, 1 failed, 2 channel unsupported.
    pub result: u8,
    /// Media ids.
    pub media_ids: Vec<u32>,
}

impl ShootAnswer {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let answer_serial = r.u16()?;
        let result = r.u8()?;
        let count = if r.is_empty() { 0 } else { r.u16()? };
        Ok(Self {
            answer_serial,
            result,
            media_ids: (0..count).map(|_| r.u32()).collect::<Result<_, _>>()?,
        })
    }
}

/// Search of stored media, 0x8802, and with `delete` the upload, 0x8803.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MediaSearch {
    /// 0 picture, 1 sound, 2 video. Shape: 0.
    pub kind: u8,
    /// Channel, 0 all. Shape: 1.
    pub channel: u8,
    /// What caused it. Shape: 2.
    pub event: u8,
    /// Shape: 3..9; all zero is without limit. Unit: GMT+8.
    pub from: BcdTime,
    /// Shape: 9..15; all zero is without limit. Unit: GMT+8.
    pub to: BcdTime,
}

impl MediaSearch {
    /// Reads the 15 bytes.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            kind: r.u8()?,
            channel: r.u8()?,
            event: r.u8()?,
            from: r.time()?,
            to: r.time()?,
        })
    }

    /// Appends the 15 bytes.
    pub fn encode(&self, w: &mut Writer<'_>) {
        w.bytes(&[self.kind, self.channel, self.event]);
        w.time(self.from);
        w.time(self.to);
    }
}

/// Record sound, 0x8804.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordSound {
    /// 0 stop, 1 start. Shape: 0.
    pub command: u8,
    /// 0 is without end. Shape: 1..3. Unit: second.
    pub duration_s: u16,
    /// Keep (1) rather than upload (0). Shape: 3.
    pub keep: u8,
    /// 0 8 kHz, 1 11 kHz, 2 23 kHz, 3 32 kHz. Shape: 4.
    pub sampling: u8,
}

impl RecordSound {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            command: r.u8()?,
            duration_s: r.u16()?,
            keep: r.u8()?,
            sampling: r.u8()?,
        })
    }

    /// Appends the body.
    pub fn encode(&self, w: &mut Writer<'_>) {
        w.u8(self.command);
        w.u16(self.duration_s);
        w.u8(self.keep);
        w.u8(self.sampling);
    }
}
