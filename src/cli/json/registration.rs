//! Registration, authentication and driver identity.

use serde_json::{Value, json};

use super::fields::{Fields, JsonError};
use super::values::{Object, hex, object, put_text, time};
use crate::protocol::jt808::Edition;
use crate::protocol::jt808::driver::{DriverCard, DriverIdentity};
use crate::protocol::jt808::registration::{
    Authentication, Registration, registration_fills, registration_widths,
};
use crate::protocol::{Text, Writer};

/// The body of a 0x0100.
pub(in crate::cli) fn registration(registration: &Registration<'_>) -> Object {
    let mut body = object(json!({
        "province": registration.province,
        "city": registration.city,
        "plate_color_code": registration.plate_color_code,
    }));
    let fixed = [
        ("manufacturer", registration.manufacturer),
        ("model", registration.model),
        ("terminal_id", registration.terminal_id),
    ];
    let widths = registration_widths(registration.edition);
    let fills = registration_fills(registration.edition);
    for (((name, text), width), fill) in fixed.into_iter().zip(widths).zip(fills) {
        put_text(&mut body, name, text.trimmed());
        let mut refilled = Vec::new();
        let written = Writer::new(&mut refilled).filled(name, text.trimmed().raw(), width, fill);
        if written.is_err() || refilled != text.raw() {
            // Filled in another way than we would: the bytes say how.
            body.insert(format!("{name}_hex"), json!(hex(text.raw())));
        }
    }
    put_text(&mut body, "plate", registration.plate);
    body
}

/// Appends the body of a 0x0100 from its JSON.
pub(in crate::cli) fn write_registration(
    fields: Fields<'_>,
    edition: Edition,
    w: &mut Writer<'_>,
) -> Result<(), JsonError> {
    let manufacturer = fields.text_bytes("manufacturer")?;
    let model = fields.text_bytes("model")?;
    let terminal_id = fields.text_bytes("terminal_id")?;
    let plate = fields.text_bytes("plate")?;
    Ok(Registration {
        edition,
        province: fields.u16("province")?,
        city: fields.u16("city")?,
        manufacturer: Text::new(&manufacturer),
        model: Text::new(&model),
        terminal_id: Text::new(&terminal_id),
        plate_color_code: fields.u8("plate_color_code")?,
        plate: Text::new(&plate),
    }
    .encode(w)?)
}

/// The body of a 0x0102.
pub(in crate::cli) fn authentication(request: &Authentication<'_>) -> Object {
    let mut body = Object::new();
    put_text(&mut body, "token", request.token);
    if let Some(imei) = request.imei {
        put_text(&mut body, "imei", imei);
    }
    if let Some(software) = request.software {
        put_text(&mut body, "software", software);
    }
    body
}

/// Appends the body of a 0x0102 from its JSON.
pub(in crate::cli) fn write_authentication(
    fields: Fields<'_>,
    edition: Edition,
    w: &mut Writer<'_>,
) -> Result<(), JsonError> {
    let token = fields.text_bytes("token")?;
    let imei = fields.maybe_text_bytes("imei")?;
    let software = fields.maybe_text_bytes("software")?;
    Ok(Authentication {
        token: Text::new(&token),
        imei: imei.as_deref().map(Text::new),
        software: software.as_deref().map(Text::new),
    }
    .encode(edition, w)?)
}

/// The body of a 0x0702.
pub(in crate::cli) fn driver(identity: &DriverIdentity<'_>) -> Object {
    match identity {
        DriverIdentity::Plain {
            name,
            id_number,
            certificate,
            authority,
        } => {
            let mut body = object(json!({"status": null, "time": null}));
            put_text(&mut body, "name", *name);
            put_text(&mut body, "id_number", *id_number);
            put_text(&mut body, "certificate", *certificate);
            put_text(&mut body, "authority", *authority);
            body
        }
        DriverIdentity::CardIn {
            time: at,
            result,
            card,
        } => {
            let mut body = object(json!({"status": 1, "time": time(*at), "card_result": result}));
            if let Some(card) = card {
                put_text(&mut body, "name", card.name);
                put_text(&mut body, "certificate", card.certificate);
                put_text(&mut body, "authority", card.authority);
                body.insert("valid_until".to_owned(), date(card.valid_until));
                if let Some(id_number) = card.id_number {
                    put_text(&mut body, "id_number", id_number);
                }
            }
            body
        }
        DriverIdentity::CardOut { time: at } => object(json!({"status": 2, "time": time(*at)})),
    }
}

/// YYYY-MM-DD of BCD digits.
fn date([century, year, month, day]: [u8; 4]) -> Value {
    json!(format!("{century:02x}{year:02x}-{month:02x}-{day:02x}"))
}

/// Appends the body of a 0x0702 from its JSON.
pub(in crate::cli) fn write_driver(
    fields: Fields<'_>,
    edition: Edition,
    w: &mut Writer<'_>,
) -> Result<(), JsonError> {
    let text = |field| {
        fields
            .maybe_text_bytes(field)
            .map(Option::unwrap_or_default)
    };
    let name = text("name")?;
    let id_number = fields.maybe_text_bytes("id_number")?;
    let certificate = text("certificate")?;
    let authority = text("authority")?;
    let identity = match fields.maybe_u8("status")? {
        None => DriverIdentity::Plain {
            name: Text::new(&name),
            id_number: Text::new(id_number.as_deref().unwrap_or_default()),
            certificate: Text::new(&certificate),
            authority: Text::new(&authority),
        },
        Some(1) => {
            let result = fields.u8("card_result")?;
            let card = DriverCard {
                name: Text::new(&name),
                certificate: Text::new(&certificate),
                authority: Text::new(&authority),
                valid_until: valid_until(fields)?,
                id_number: id_number.as_deref().map(Text::new),
            };
            DriverIdentity::CardIn {
                time: fields.time("time")?,
                result,
                card: (result == 0).then_some(card),
            }
        }
        Some(_) => DriverIdentity::CardOut {
            time: fields.time("time")?,
        },
    };
    Ok(identity.encode(edition, w)?)
}

fn valid_until(fields: Fields<'_>) -> Result<[u8; 4], JsonError> {
    let Some(date) = fields.maybe_text("valid_until")? else {
        return Ok([0; 4]);
    };
    super::values::unhex(&date.replace('-', ""))
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| super::fields::wrong("valid_until", "a date"))
}
