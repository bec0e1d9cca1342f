//! Messages of the platform, from JSON.

use super::area;
use super::fields::{Fields, JsonError, wrong};
use crate::protocol::BcdTime;
use crate::protocol::jt808::PlatformMessage;
use crate::protocol::jt808::acknowledge::{Ack, AckResult, PLATFORM_ACK, PLATFORM_RESEND, Resend};
use crate::protocol::jt808::area::{
    DELETE_CIRCLES, DELETE_POLYGONS, DELETE_RECTANGLES, QUERY_AREAS, QueryAreas, SET_CIRCLES,
    SET_POLYGON, SET_RECTANGLES,
};
use crate::protocol::jt808::attachment::{
    ATTACHMENT_REQUEST, AttachmentRequest, FILE_ANSWER, FileAnswer,
};
use crate::protocol::jt808::device::{
    QUERY_ATTRIBUTES, TERMINAL_CONTROL, TerminalControl, UPGRADE, Upgrade,
};
use crate::protocol::jt808::driver::DRIVER_IDENTITY_REQUEST;
use crate::protocol::jt808::information::{
    EVENT_LIST, Entry, EntryList, INFORMATION, INFORMATION_MENU, Information, QUESTION, Question,
    TEXT, TextMessage,
};
use crate::protocol::jt808::media::{
    MEDIA_ANSWER, MEDIA_SEARCH, MEDIA_UPLOAD, MEDIA_UPLOAD_ONE, MediaAnswer, MediaSearch,
    RECORD_SOUND, RecordSound, SHOOT, Shoot,
};
use crate::protocol::jt808::message::TIME_ANSWER;
use crate::protocol::jt808::parameters::{
    Parameter, QUERY_NAMED_PARAMETERS, QUERY_PARAMETERS, SET_PARAMETERS, SetParameters,
};
use crate::protocol::jt808::registration::{REGISTER_ANSWER, RegisterAnswer, RegisterResult};
use crate::protocol::jt808::route::{DELETE_ROUTES, SET_ROUTE};
use crate::protocol::jt808::transfer::{
    PASS_DOWN, PLATFORM_KEY, PassDown, RECORDER_PARAMETERS, RECORDER_REQUEST, RecorderCommand,
    RsaKey,
};
use crate::protocol::jt808::vehicle::{
    CALL, CONFIRM_ALARM, Call, ConfirmAlarm, Contact, ControlItem, LINK_CHECK, LOCATION_QUERY,
    PHONE_BOOK, PhoneBook, TRACKING, Tracking, VEHICLE_CONTROL, VehicleControl,
};

type Read<T> = Result<T, JsonError>;

/// The platform's message of this id.
pub(in crate::cli) fn message(id: u16, fields: Fields<'_>) -> Read<PlatformMessage> {
    Ok(match id {
        PLATFORM_ACK => PlatformMessage::Ack(ack(fields)?),
        PLATFORM_RESEND => PlatformMessage::Resend(resend(fields)?),
        TIME_ANSWER => PlatformMessage::Time(
            BcdTime::utc_from_unix_s(fields.unix_s("time")?)
                .ok_or_else(|| wrong("time", "a time of the years 2000 to 2099"))?,
        ),
        REGISTER_ANSWER => PlatformMessage::RegisterAnswer(RegisterAnswer {
            answer_serial: fields.u16("answer_serial")?,
            result: RegisterResult(fields.u8("result")?),
            token: fields.maybe_text("token")?.map(str::to_owned),
        }),
        SET_PARAMETERS => PlatformMessage::SetParameters(SetParameters {
            parameters: fields.objects("params", parameter)?,
        }),
        QUERY_PARAMETERS => PlatformMessage::QueryParameters,
        TERMINAL_CONTROL => PlatformMessage::Control(TerminalControl {
            command: fields.u8("command")?,
            parameters: fields.text_or_empty("parameters")?,
        }),
        QUERY_NAMED_PARAMETERS => PlatformMessage::QueryNamedParameters(parameter_ids(fields)?),
        QUERY_ATTRIBUTES => PlatformMessage::QueryAttributes,
        UPGRADE => PlatformMessage::Upgrade(Upgrade {
            kind: fields.u8("kind")?,
            manufacturer: fields.text("manufacturer")?.to_owned(),
            version: fields.text("version")?.to_owned(),
            data: fields.hex("data_hex")?,
        }),
        LOCATION_QUERY => PlatformMessage::LocationQuery,
        TRACKING => PlatformMessage::Tracking(Tracking {
            interval_s: fields.u16("interval_s")?,
            validity_s: fields.u32_or_0("validity_s")?,
        }),
        CONFIRM_ALARM => PlatformMessage::ConfirmAlarm(ConfirmAlarm {
            alarm_serial: fields.u16("alarm_serial")?,
            kinds: fields.u32("kinds")?,
        }),
        LINK_CHECK => PlatformMessage::LinkCheck,
        DRIVER_IDENTITY_REQUEST => PlatformMessage::DriverIdentityRequest,
        TEXT..=INFORMATION | CALL | PHONE_BOOK | VEHICLE_CONTROL => information(id, fields)?,
        SET_CIRCLES..=QUERY_AREAS => areas(id, fields)?,
        _ => media(id, fields)?,
    })
}

/// Text, lists, telephone and vehicle control.
fn information(id: u16, fields: Fields<'_>) -> Read<PlatformMessage> {
    Ok(match id {
        TEXT => PlatformMessage::Text(TextMessage {
            flags: fields.u8("flags")?,
            kind: fields.u8_or_0("text_type")?,
            text: fields.text("text")?.to_owned(),
        }),
        EVENT_LIST => PlatformMessage::EventList(entries(fields)?),
        INFORMATION_MENU => PlatformMessage::InformationMenu(entries(fields)?),
        QUESTION => PlatformMessage::Question(Question {
            flags: fields.u8("flags")?,
            question: fields.text("question")?.to_owned(),
            answers: fields.objects("answers", entry)?,
        }),
        INFORMATION => PlatformMessage::Information(Information {
            kind: fields.u8("kind")?,
            text: fields.text("text")?.to_owned(),
        }),
        CALL => PlatformMessage::Call(Call {
            mode: fields.u8("mode")?,
            number: fields.text("number")?.to_owned(),
        }),
        PHONE_BOOK => PlatformMessage::PhoneBook(PhoneBook {
            action: fields.u8("action")?,
            contacts: fields.objects("contacts", |contact| {
                Ok(Contact {
                    direction: contact.u8("direction")?,
                    number: contact.text("number")?.to_owned(),
                    name: contact.text("name")?.to_owned(),
                })
            })?,
        }),
        VEHICLE_CONTROL => PlatformMessage::VehicleControl(vehicle_control(fields)?),
        id => return Err(JsonError::NoEncoder { id }),
    })
}

/// Areas and routes.
fn areas(id: u16, fields: Fields<'_>) -> Read<PlatformMessage> {
    Ok(match id {
        SET_CIRCLES => PlatformMessage::SetCircles(area::read_circles(fields)?),
        SET_RECTANGLES => PlatformMessage::SetRectangles(area::read_rectangles(fields)?),
        SET_POLYGON => PlatformMessage::SetPolygon(area::read_polygon(fields)?),
        SET_ROUTE => PlatformMessage::SetRoute(area::read_route(fields)?),
        DELETE_CIRCLES => PlatformMessage::DeleteCircles(fields.numbers("ids")?),
        DELETE_RECTANGLES => PlatformMessage::DeleteRectangles(fields.numbers("ids")?),
        DELETE_POLYGONS => PlatformMessage::DeletePolygons(fields.numbers("ids")?),
        DELETE_ROUTES => PlatformMessage::DeleteRoutes(fields.numbers("ids")?),
        QUERY_AREAS => PlatformMessage::QueryAreas(QueryAreas {
            kind: fields.u8("kind")?,
            ids: fields.numbers("ids")?,
        }),
        id => return Err(JsonError::NoEncoder { id }),
    })
}

/// Media, recorder and data.
fn media(id: u16, fields: Fields<'_>) -> Read<PlatformMessage> {
    Ok(match id {
        RECORDER_REQUEST => PlatformMessage::RecorderRequest(recorder(fields)?),
        RECORDER_PARAMETERS => PlatformMessage::RecorderParameters(recorder(fields)?),
        MEDIA_ANSWER => PlatformMessage::MediaAnswer(MediaAnswer {
            answer_serial: fields.maybe_u16("answer_serial")?,
            media_id: fields.u32("media_id")?,
            missing: match fields.maybe("missing") {
                Some(_) => fields.numbers("missing")?,
                None => Vec::new(),
            },
        }),
        SHOOT => PlatformMessage::Shoot(shoot(fields)?),
        MEDIA_SEARCH => PlatformMessage::MediaSearch(media_search(fields)?),
        MEDIA_UPLOAD => {
            PlatformMessage::MediaUpload(media_search(fields)?, fields.u8_or_0("delete")?)
        }
        RECORD_SOUND => PlatformMessage::RecordSound(RecordSound {
            command: fields.u8("command")?,
            duration_s: fields.u16("duration_s")?,
            keep: fields.u8_or_0("keep")?,
            sampling: fields.u8_or_0("sampling")?,
        }),
        MEDIA_UPLOAD_ONE => PlatformMessage::MediaUploadOne {
            media_id: fields.u32("media_id")?,
            delete: fields.u8_or_0("delete")?,
        },
        PASS_DOWN => PlatformMessage::PassThrough(PassDown {
            kind: fields.u8("type")?,
            data: fields.hex_or_empty("data_hex")?,
        }),
        PLATFORM_KEY => PlatformMessage::RsaKey(RsaKey {
            exponent: fields.u32("exponent")?,
            modulus: fields.hex("modulus_hex")?,
        }),
        ATTACHMENT_REQUEST => PlatformMessage::AttachmentRequest(AttachmentRequest {
            address: fields.text("address")?.to_owned(),
            tcp_port: fields.u16("tcp_port")?,
            udp_port: fields.u16("udp_port")?,
            label: fields.hex("label_hex")?,
            number: fields.text("number")?.to_owned(),
        }),
        FILE_ANSWER => PlatformMessage::FileAnswer(FileAnswer {
            name: fields.text("name")?.to_owned(),
            kind: fields.u8("kind")?,
            missing: fields.objects("missing", |part| {
                Ok((part.u32("offset")?, part.u32("length")?))
            })?,
        }),
        id => return Err(JsonError::NoEncoder { id }),
    })
}

/// The body of a 0x0001 or 0x8001.
pub(super) fn ack(fields: Fields<'_>) -> Read<Ack> {
    Ok(Ack {
        answer_serial: fields.u16("answer_serial")?,
        answer_id: fields.id("answer_id")?,
        result: AckResult(fields.u8("result")?),
    })
}

/// The body of a 0x0005 or 0x8003.
pub(super) fn resend(fields: Fields<'_>) -> Read<Resend> {
    Ok(Resend {
        first_serial: fields.u16("first_serial")?,
        indexes: fields.numbers("indexes")?,
    })
}

/// A parameter: its bytes in `hex`, or a `text`, or a `value` of `length` bytes (4 unless told).
fn parameter(fields: Fields<'_>) -> Read<Parameter> {
    let id = fields.long_id("id")?;
    let value = if fields.maybe("hex").is_some() {
        fields.hex("hex")?
    } else if fields.maybe("text").is_some() {
        fields.text_bytes("text")?
    } else {
        let value = fields.u32("value")?.to_be_bytes();
        let length = usize::from(fields.maybe_u8("length")?.unwrap_or(4));
        let skip = value.len().checked_sub(length);
        skip.and_then(|skip| value.get(skip..))
            .ok_or_else(|| wrong("length", "1, 2 or 4"))?
            .to_vec()
    };
    Ok(Parameter { id, value })
}

fn parameter_ids(fields: Fields<'_>) -> Read<Vec<u32>> {
    fields
        .list("ids")?
        .iter()
        .map(|id| {
            let digits = id.as_str().and_then(|id| id.strip_prefix("0x"));
            digits
                .and_then(|digits| u32::from_str_radix(digits, 16).ok())
                .ok_or_else(|| wrong("ids", "a list of 0x and hexadecimal digits"))
        })
        .collect()
}

fn entry(fields: Fields<'_>) -> Read<Entry> {
    Ok(Entry {
        id: fields.u8("id")?,
        text: fields.text_or_empty("text")?,
    })
}

fn entries(fields: Fields<'_>) -> Read<EntryList> {
    let action = fields.u8("action")?;
    Ok(EntryList {
        action,
        entries: match action {
            0 => Vec::new(),
            _ => fields.objects("items", entry)?,
        },
    })
}

fn vehicle_control(fields: Fields<'_>) -> Read<VehicleControl> {
    if fields.maybe("items").is_none() {
        return Ok(VehicleControl::Flags(fields.u8("flags")?));
    }
    let items = fields.objects("items", |item| {
        Ok(ControlItem {
            kind: item.u16("kind")?,
            parameter: item.hex("parameter_hex")?,
        })
    })?;
    Ok(VehicleControl::Items(items))
}

fn recorder(fields: Fields<'_>) -> Read<RecorderCommand> {
    Ok(RecorderCommand {
        command: fields.u8("command")?,
        packet: fields.hex_or_empty("data_hex")?,
    })
}

fn shoot(fields: Fields<'_>) -> Read<Shoot> {
    Ok(Shoot {
        channel: fields.u8("channel")?,
        command: fields.u16("command")?,
        interval_s: fields.u16("interval_s")?,
        keep: fields.u8_or_0("keep")?,
        resolution: fields.u8_or_0("resolution")?,
        quality: fields.u8_or_0("quality")?,
        brightness: fields.u8_or_0("brightness")?,
        contrast: fields.u8_or_0("contrast")?,
        saturation: fields.u8_or_0("saturation")?,
        chroma: fields.u8_or_0("chroma")?,
    })
}

fn media_search(fields: Fields<'_>) -> Read<MediaSearch> {
    Ok(MediaSearch {
        kind: fields.u8("media_type")?,
        channel: fields.u8_or_0("channel")?,
        event: fields.u8_or_0("event")?,
        from: fields.time_or_zero("from")?,
        to: fields.time_or_zero("to")?,
    })
}
