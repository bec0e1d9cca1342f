//! Media, recorder and pass-through data.

use serde_json::{Value, json};

use super::location::report;
use super::values::{Object, hex, object};
use crate::protocol::jt808::media::{MediaData, MediaEvent, MediaItem, MediaList};
use crate::protocol::jt808::transfer::{CanData, CanItem, LongData, RecorderData};

/// Longest text that a 0x0901 is unpacked to. Unit: bytes.
const UNPACKED_BYTES_MAX: usize = 1 << 20;

/// The body of a 0x0800.
pub(in crate::cli) fn event(event: MediaEvent) -> Object {
    object(json!({
        "media_id": event.media_id,
        "media_type": event.kind,
        "format": event.format,
        "event": event.event,
        "channel": event.channel,
    }))
}

/// The body of a 0x0801.
pub(in crate::cli) fn data(media: &MediaData<'_>) -> Object {
    let mut body = event(media.event);
    let report = media.report.as_ref().map(report);
    body.insert("report".to_owned(), json!(report));
    if let Some((total, index)) = media.part {
        let part = json!({"total": total, "index": index});
        body.insert("part".to_owned(), part);
    }
    body.insert("data_hex".to_owned(), json!(hex(media.data)));
    body
}

/// The body of a 0x0802.
pub(in crate::cli) fn list(list: &MediaList<'_>) -> Object {
    let item = |item: &MediaItem<'_>| {
        json!({
            "media_id": item.media_id,
            "media_type": item.kind,
            "channel": item.channel,
            "event": item.event,
            "report": report(&item.report),
        })
    };
    object(json!({
        "answer_serial": list.answer_serial,
        "total": list.total,
        "items": list.items.iter().map(item).collect::<Vec<Value>>(),
    }))
}

/// The body of a 0x0700.
pub(in crate::cli) fn recorder(data: &RecorderData<'_>) -> Object {
    object(json!({
        "answer_serial": data.answer_serial,
        "command": data.command,
        "data_hex": hex(data.packet),
    }))
}

/// The body of a 0x0705.
pub(in crate::cli) fn can(data: &CanData) -> Object {
    let time = data.time_of_day().map(|(hour, minute, second, millis)| {
        format!("{hour:02}:{minute:02}:{second:02}.{millis:03}")
    });
    let item = |item: &CanItem| {
        json!({
            "can_id": item.can_id(),
            "channel": item.channel(),
            "extended": item.is_extended(),
            "averaged": item.is_averaged(),
            "data_hex": hex(&item.data),
        })
    };
    object(json!({
        "time_of_day": time,
        "items": data.items.iter().map(item).collect::<Vec<Value>>(),
    }))
}

/// The body of a 0x0901, unpacked when it can be.
pub(in crate::cli) fn compressed(data: &LongData<'_>) -> Object {
    let mut body = object(json!({"data_hex": hex(data.data)}));
    if let Ok(plain) = data.unpack(UNPACKED_BYTES_MAX) {
        body.insert("unpacked_hex".to_owned(), json!(hex(&plain)));
    }
    body
}
