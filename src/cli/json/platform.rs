//! Messages of the platform, to JSON.

use serde_json::{Value, json};

use super::area;
use super::terminal::{ack, parameters, resend, rsa_key};
use super::values::{Object, hex, object, time, time_utc};
use crate::protocol::jt808::information::{Entry, EntryList, Question, TextMessage};
use crate::protocol::jt808::media::{MediaSearch, Shoot};
use crate::protocol::jt808::transfer::RecorderCommand;
use crate::protocol::jt808::vehicle::{Contact, ControlItem, PhoneBook, VehicleControl};
use crate::protocol::jt808::{Edition, PlatformMessage};

/// The body of a platform's message.
pub(in crate::cli) fn body(message: &PlatformMessage, edition: Edition) -> Object {
    match message {
        PlatformMessage::QueryParameters
        | PlatformMessage::QueryAttributes
        | PlatformMessage::LocationQuery
        | PlatformMessage::LinkCheck
        | PlatformMessage::DriverIdentityRequest => Object::new(),
        PlatformMessage::Ack(answer) => ack(*answer),
        PlatformMessage::Resend(request) => resend(request),
        PlatformMessage::Time(utc) => object(json!({"time": time_utc(*utc)})),
        PlatformMessage::RegisterAnswer(answer) => object(json!({
            "answer_serial": answer.answer_serial, "result": answer.result.0,
            "token": answer.token,
        })),
        PlatformMessage::SetParameters(set) => {
            object(json!({"params": parameters(&set.parameters)}))
        }
        PlatformMessage::Control(control) => object(json!({
            "command": control.command, "parameters": control.parameters,
        })),
        PlatformMessage::QueryNamedParameters(ids) => {
            let ids: Vec<String> = ids.iter().map(|id| format!("0x{id:04X}")).collect();
            object(json!({"ids": ids}))
        }
        PlatformMessage::Upgrade(upgrade) => object(json!({
            "kind": upgrade.kind, "manufacturer": upgrade.manufacturer,
            "version": upgrade.version, "data_hex": hex(&upgrade.data),
        })),
        PlatformMessage::Tracking(tracking) => object(json!({
            "interval_s": tracking.interval_s, "validity_s": tracking.validity_s,
        })),
        PlatformMessage::ConfirmAlarm(confirm) => object(json!({
            "alarm_serial": confirm.alarm_serial, "kinds": confirm.kinds,
        })),
        PlatformMessage::Text(message) => text(message, edition),
        PlatformMessage::EventList(list) | PlatformMessage::InformationMenu(list) => entries(list),
        PlatformMessage::Question(asked) => question(asked),
        PlatformMessage::Information(information) => object(json!({
            "kind": information.kind, "text": information.text,
        })),
        PlatformMessage::Call(call) => object(json!({"mode": call.mode, "number": call.number})),
        PlatformMessage::PhoneBook(book) => phone_book(book),
        PlatformMessage::VehicleControl(control) => vehicle_control(control),
        _ => objects(message, edition),
    }
}

/// Areas, routes, media and data.
fn objects(message: &PlatformMessage, edition: Edition) -> Object {
    match message {
        PlatformMessage::SetCircles(list) => area::circles(list, edition),
        PlatformMessage::SetRectangles(list) => area::rectangles(list, edition),
        PlatformMessage::SetPolygon(polygon) => area::polygon(polygon, edition),
        PlatformMessage::SetRoute(route) => area::route(route, edition),
        PlatformMessage::DeleteCircles(ids)
        | PlatformMessage::DeleteRectangles(ids)
        | PlatformMessage::DeletePolygons(ids)
        | PlatformMessage::DeleteRoutes(ids) => object(json!({"ids": ids})),
        PlatformMessage::QueryAreas(query) => object(json!({"kind": query.kind, "ids": query.ids})),
        PlatformMessage::RecorderRequest(command)
        | PlatformMessage::RecorderParameters(command) => recorder(command),
        PlatformMessage::MediaAnswer(answer) => object(json!({
            "answer_serial": answer.answer_serial, "media_id": answer.media_id,
            "missing": answer.missing,
        })),
        PlatformMessage::Shoot(order) => shoot(order),
        PlatformMessage::MediaSearch(search) => media_search(search),
        PlatformMessage::MediaUpload(search, delete) => {
            let mut body = media_search(search);
            body.insert("delete".to_owned(), json!(delete));
            body
        }
        PlatformMessage::RecordSound(sound) => object(json!({
            "command": sound.command, "duration_s": sound.duration_s,
            "keep": sound.keep, "sampling": sound.sampling,
        })),
        PlatformMessage::MediaUploadOne { media_id, delete } => {
            object(json!({"media_id": media_id, "delete": delete}))
        }
        PlatformMessage::PassThrough(data) => {
            object(json!({"type": data.kind, "data_hex": hex(&data.data)}))
        }
        PlatformMessage::RsaKey(key) => rsa_key(key),
        PlatformMessage::AttachmentRequest(request) => object(json!({
            "address": request.address, "tcp_port": request.tcp_port,
            "udp_port": request.udp_port, "label_hex": hex(&request.label),
            "number": request.number,
        })),
        PlatformMessage::FileAnswer(answer) => {
            let part = |(offset, length): &(u32, u32)| json!({"offset": offset, "length": length});
            object(json!({
                "name": answer.name, "kind": answer.kind,
                "missing": answer.missing.iter().map(part).collect::<Vec<Value>>(),
            }))
        }
        PlatformMessage::Raw { id: _, body } => object(json!({"raw": hex(body)})),
        // Everything else is shown by `body` itself.
        _ => Object::new(),
    }
}

fn text(message: &TextMessage, edition: Edition) -> Object {
    let mut body = object(json!({"flags": message.flags, "text": message.text}));
    if edition == Edition::V2019 {
        body.insert("text_type".to_owned(), json!(message.kind));
    }
    body
}

fn entry(entry: &Entry) -> Value {
    json!({"id": entry.id, "text": entry.text})
}

fn entries(list: &EntryList) -> Object {
    let items: Vec<Value> = list.entries.iter().map(entry).collect();
    object(json!({"action": list.action, "items": items}))
}

fn question(question: &Question) -> Object {
    let answers: Vec<Value> = question.answers.iter().map(entry).collect();
    object(json!({
        "flags": question.flags, "question": question.question, "answers": answers,
    }))
}

fn phone_book(book: &PhoneBook) -> Object {
    let contact = |contact: &Contact| {
        json!({
            "direction": contact.direction, "number": contact.number, "name": contact.name,
        })
    };
    let contacts: Vec<Value> = book.contacts.iter().map(contact).collect();
    object(json!({"action": book.action, "contacts": contacts}))
}

fn vehicle_control(control: &VehicleControl) -> Object {
    let item =
        |item: &ControlItem| json!({"kind": item.kind, "parameter_hex": hex(&item.parameter)});
    match control {
        VehicleControl::Flags(flags) => object(json!({"flags": flags})),
        VehicleControl::Items(items) => {
            let items: Vec<Value> = items.iter().map(item).collect();
            object(json!({"items": items}))
        }
    }
}

fn recorder(command: &RecorderCommand) -> Object {
    object(json!({"command": command.command, "data_hex": hex(&command.packet)}))
}

fn shoot(shoot: &Shoot) -> Object {
    object(json!({
        "channel": shoot.channel, "command": shoot.command, "interval_s": shoot.interval_s,
        "keep": shoot.keep, "resolution": shoot.resolution, "quality": shoot.quality,
        "brightness": shoot.brightness, "contrast": shoot.contrast,
        "saturation": shoot.saturation, "chroma": shoot.chroma,
    }))
}

fn media_search(search: &MediaSearch) -> Object {
    object(json!({
        "media_type": search.kind, "channel": search.channel, "event": search.event,
        "from": time(search.from), "to": time(search.to),
    }))
}
