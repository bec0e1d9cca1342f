//! Messages of a terminal, to JSON.

use serde_json::{Value, json};

use super::values::{Object, hex, id, object, put_text};
use super::{location, media, registration};
use crate::protocol::jt808::TerminalMessage;
use crate::protocol::jt808::acknowledge::{Ack, Resend};
use crate::protocol::jt808::device::Attributes;
use crate::protocol::jt808::parameters::{Parameter, ParameterKind, Parameters, parameter_kind};
use crate::protocol::jt808::transfer::RsaKey;

/// The body of a terminal's message.
pub(in crate::cli) fn body(message: &TerminalMessage<'_>) -> Object {
    match message {
        TerminalMessage::Ack(ack) => self::ack(*ack),
        TerminalMessage::Heartbeat | TerminalMessage::Unregister | TerminalMessage::TimeRequest => {
            Object::new()
        }
        TerminalMessage::Resend(request) => resend(request),
        TerminalMessage::Register(request) => registration::registration(request),
        TerminalMessage::Authenticate(request) => registration::authentication(request),
        TerminalMessage::Parameters(answer) => parameters_answer(answer),
        TerminalMessage::Attributes(answer) => attributes(answer),
        TerminalMessage::UpgradeResult(result) => {
            object(json!({"kind": result.kind, "result": result.result}))
        }
        TerminalMessage::Location(report) => location::report(report),
        TerminalMessage::LocationAnswer(answer) => location::answer(answer),
        TerminalMessage::LocationBatch(batch) => location::batch(batch),
        TerminalMessage::EventReport(event) => object(json!({"event_id": event})),
        TerminalMessage::QuestionAnswer(answer) => object(json!({
            "answer_serial": answer.answer_serial, "answer": answer.answer,
        })),
        TerminalMessage::Subscription(request) => object(json!({
            "kind": request.kind, "subscribe": request.subscribe,
        })),
        TerminalMessage::DriverIdentity(identity) => registration::driver(identity),
        TerminalMessage::Areas(areas) => object(json!({
            "kind": areas.kind, "count": areas.count, "data_hex": hex(areas.data),
        })),
        TerminalMessage::RecorderData(data) => media::recorder(data),
        TerminalMessage::Waybill(data) => object(json!({"data_hex": hex(data.data)})),
        TerminalMessage::CanData(data) => media::can(data),
        TerminalMessage::MediaEvent(event) => media::event(*event),
        TerminalMessage::MediaData(data) => media::data(data),
        TerminalMessage::MediaList(list) => media::list(list),
        TerminalMessage::ShootAnswer(answer) => object(json!({
            "answer_serial": answer.answer_serial, "result": answer.result,
            "media_ids": answer.media_ids,
        })),
        TerminalMessage::PassThrough(data) => {
            object(json!({"type": data.kind, "data_hex": hex(data.data)}))
        }
        TerminalMessage::Compressed(data) => media::compressed(data),
        TerminalMessage::RsaKey(key) => rsa_key(key),
        TerminalMessage::Attachment { id: _, body } => object(json!({"raw": hex(body)})),
    }
}

/// The body of a 0x0001 or 0x8001.
pub(super) fn ack(ack: Ack) -> Object {
    object(json!({
        "answer_serial": ack.answer_serial,
        "answer_id": id(ack.answer_id),
        "result": ack.result.0,
    }))
}

/// The body of a 0x0005 or 0x8003.
pub(super) fn resend(request: &Resend) -> Object {
    object(json!({"first_serial": request.first_serial, "indexes": request.indexes}))
}

/// The body of a 0x0A00 or 0x8A00.
pub(super) fn rsa_key(key: &RsaKey) -> Object {
    object(json!({"exponent": key.exponent, "modulus_hex": hex(&key.modulus)}))
}

/// A list of parameters.
pub(super) fn parameters(list: &[Parameter]) -> Value {
    let parameter = |parameter: &Parameter| {
        let mut item = object(json!({
            "id": format!("0x{:04X}", parameter.id),
            "length": parameter.value.len(),
            "hex": hex(&parameter.value),
        }));
        if let Some(number) = parameter.number() {
            item.insert("value".to_owned(), json!(number));
        }
        if parameter_kind(parameter.id) == Some(ParameterKind::Text) {
            put_text(
                &mut item,
                "text",
                crate::protocol::Text::new(&parameter.value),
            );
        }
        Value::Object(item)
    };
    list.iter().map(parameter).collect()
}

fn parameters_answer(answer: &Parameters) -> Object {
    object(json!({
        "answer_serial": answer.answer_serial,
        "params": parameters(&answer.parameters),
    }))
}

fn attributes(attributes: &Attributes<'_>) -> Object {
    let mut body = object(json!({
        "type_bits": attributes.kind,
        "iccid": hex(&attributes.iccid),
        "gnss_bits": attributes.gnss,
        "radio_bits": attributes.network,
    }));
    put_text(&mut body, "manufacturer", attributes.manufacturer);
    put_text(&mut body, "model", attributes.model);
    put_text(&mut body, "terminal_id", attributes.terminal_id);
    put_text(&mut body, "hardware", attributes.hardware);
    put_text(&mut body, "firmware", attributes.firmware);
    body
}
