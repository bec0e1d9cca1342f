//! Location reports and their additional items.

use serde_json::{Value, json};

use super::fields::{Fields, JsonError};
use super::values::{Object, error, hex, object, time};
use crate::protocol::jt808::LocationReport;
use crate::protocol::jt808::items::{self, AdditionalItem, ItemValue, PlaceKind};
use crate::protocol::jt808::location::{
    BatchKind, LocationAnswer, LocationBatch, STATUS_SOUTH, STATUS_WEST,
};
use crate::protocol::jt808::safety::{AlarmLabel, SafetyPlace};
use crate::protocol::{DecodeError, Writer};

/// The body of a 0x0200.
pub(in crate::cli) fn report(report: &LocationReport<'_>) -> Object {
    let additional: Vec<Value> = report.additional_items().map(item).collect();
    let mut body = object(json!({
        "alarm": report.alarm,
        "status": report.status,
        "lat": report.lat_deg(),
        "lon": report.lon_deg(),
        "altitude_m": report.altitude_m,
        "speed_kmh": f64::from(report.speed_dkmh) / 10.0,
        "course_deg": report.course_deg,
        "time": time(report.time),
        "additional": additional,
    }));
    if report.is_damaged() {
        body.insert("damaged".to_owned(), json!(true));
    }
    if time(report.time).is_null() {
        body.insert("time_digits".to_owned(), json!(report.time.to_string()));
    }
    body
}

/// The body of a 0x0201 or 0x0500.
pub(in crate::cli) fn answer(answer: &LocationAnswer<'_>) -> Object {
    object(json!({
        "answer_serial": answer.answer_serial,
        "report": report(&answer.report),
    }))
}

/// The body of a 0x0704.
pub(in crate::cli) fn batch(batch: &LocationBatch<'_>) -> Object {
    let kind = match batch.kind {
        BatchKind::Normal => json!("normal"),
        BatchKind::BlindArea => json!("blind_area"),
        BatchKind::Other(code) => json!(code),
    };
    let reports: Vec<Value> = batch
        .entries()
        .map(|entry| match entry.report {
            Ok(entry) => Value::Object(report(&entry)),
            Err(reason) => raw(entry.raw, reason),
        })
        .collect();
    object(json!({"kind": kind, "reports": reports}))
}

/// Bytes that could not be typed, and why.
pub(in crate::cli) fn raw(bytes: &[u8], reason: DecodeError) -> Value {
    json!({"raw": hex(bytes), "error": error(reason)})
}

/// One additional item.
fn item(item: AdditionalItem<'_>) -> Value {
    let (name, value, unit) = match item.typed() {
        Some(typed) => (name(item.id), value(&typed), unit(item.id)),
        None => (None, Value::Null, None),
    };
    json!({
        "id": item.id,
        "length": item.value.len(),
        "hex": hex(item.value),
        "name": name,
        "value": value,
        "unit": unit,
    })
}

const fn name(id: u8) -> Option<&'static str> {
    Some(match id {
        items::ODOMETER => "odometer",
        items::FUEL => "fuel",
        items::RECORDER_SPEED => "recorder_speed",
        items::ALARM_EVENT => "alarm_event_id",
        items::TYRE_PRESSURE => "tyre_pressure",
        items::TEMPERATURE => "temperature",
        items::OVERSPEED => "overspeed",
        items::AREA => "area",
        items::SEGMENT => "segment_time",
        items::VIDEO_ALARM => "video_alarm",
        items::VIDEO_LOST => "video_lost",
        items::VIDEO_COVERED => "video_covered",
        items::STORAGE_FAULT => "storage_fault",
        items::ABNORMAL_DRIVING => "abnormal_driving",
        items::VEHICLE_SIGNALS => "vehicle_signals",
        items::IO_STATE => "io_state",
        items::ANALOG => "analog",
        items::SIGNAL_STRENGTH => "signal_strength",
        items::SATELLITES => "satellites",
        items::ADAS => "adas",
        items::DSM => "dsm",
        items::TPMS => "tpms",
        items::BSD => "bsd",
        _ => return None,
    })
}

const fn unit(id: u8) -> Option<&'static str> {
    match id {
        items::ODOMETER => Some("km"),
        items::FUEL => Some("L"),
        items::RECORDER_SPEED => Some("km/h"),
        items::TEMPERATURE => Some("degC"),
        _ => None,
    }
}

fn value(value: &ItemValue<'_>) -> Value {
    match value {
        ItemValue::OdometerDkm(tenths) => json!(f64::from(*tenths) / 10.0),
        ItemValue::FuelDl(tenths) | ItemValue::RecorderSpeedDkmh(tenths) => {
            json!(f64::from(*tenths) / 10.0)
        }
        ItemValue::AlarmEvent(number) | ItemValue::Flags16(number) => json!(number),
        ItemValue::TyrePressure(wheels) => json!(hex(&wheels[..])),
        ItemValue::TemperatureC(degrees) => json!(degrees),
        ItemValue::Overspeed { place, id } => json!({"place": place_name(*place), "id": id}),
        ItemValue::Area { place, id, leaving } => {
            json!({"place": place_name(*place), "id": id, "leaving": leaving})
        }
        ItemValue::Segment {
            id,
            travel_s,
            too_long,
        } => json!({"id": id, "travel_s": travel_s, "too_long": too_long}),
        ItemValue::Flags(flags) => json!(flags),
        ItemValue::AbnormalDriving { flags, fatigue } => {
            json!({"flags": flags, "fatigue": fatigue})
        }
        ItemValue::Analog { ad0, ad1 } => json!({"ad0": ad0, "ad1": ad1}),
        ItemValue::Count(count) => json!(count),
        ItemValue::Adas(_) | ItemValue::Dsm(_) | ItemValue::Tpms(_) | ItemValue::Bsd(_) => {
            safety(value)
        }
    }
}

fn place_name(place: PlaceKind) -> Value {
    place
        .name()
        .map_or_else(|| json!(place.0), |name| json!(name))
}

/// The active safety alarms.
fn safety(value: &ItemValue<'_>) -> Value {
    match value {
        ItemValue::Adas(alarm) => json!({
            "alarm_id": alarm.alarm_id, "phase": alarm.phase, "kind": alarm.kind,
            "level": alarm.level, "ahead_speed_kmh": alarm.ahead_speed_kmh,
            "ahead_distance_s": f64::from(alarm.ahead_distance_ds) / 10.0,
            "departure": alarm.departure, "sign": alarm.sign, "sign_value": alarm.sign_value,
            "place": safety_place(&alarm.place), "label": label(&alarm.label),
        }),
        ItemValue::Dsm(alarm) => json!({
            "alarm_id": alarm.alarm_id, "phase": alarm.phase, "kind": alarm.kind,
            "level": alarm.level, "fatigue": alarm.fatigue,
            "place": safety_place(&alarm.place), "label": label(&alarm.label),
        }),
        ItemValue::Bsd(alarm) => json!({
            "alarm_id": alarm.alarm_id, "phase": alarm.phase, "kind": alarm.kind,
            "place": safety_place(&alarm.place), "label": label(&alarm.label),
        }),
        ItemValue::Tpms(alarm) => {
            let wheel = |wheel: crate::protocol::jt808::safety::Wheel| {
                json!({
                    "position": wheel.position, "flags": wheel.flags,
                    "pressure_kpa": wheel.pressure_kpa, "temperature_c": wheel.temperature_c,
                    "battery_percent": wheel.battery_percent,
                })
            };
            json!({
                "alarm_id": alarm.alarm_id, "phase": alarm.phase,
                "place": safety_place(&alarm.place), "label": label(&alarm.label),
                "wheels": alarm.wheels().map(wheel).collect::<Vec<_>>(),
            })
        }
        _ => Value::Null,
    }
}

fn safety_place(place: &SafetyPlace) -> Value {
    json!({
        "speed_kmh": place.speed_kmh,
        "altitude_m": place.altitude_m,
        "lat": f64::from(place.lat_udeg) / 1e6,
        "lon": f64::from(place.lon_udeg) / 1e6,
        "time": time(place.time),
        "vehicle_state": place.vehicle_state,
    })
}

fn label(label: &AlarmLabel<'_>) -> Value {
    json!({
        "terminal_id": label.terminal_id.decode_lossy(),
        "time": time(label.time),
        "sequence": label.sequence,
        "attachments": label.attachments,
    })
}

/// Appends the body of a 0x0200 from its JSON.
pub(in crate::cli) fn write_report(
    fields: Fields<'_>,
    w: &mut Writer<'_>,
) -> Result<(), JsonError> {
    let mut additional = Vec::new();
    if fields.maybe("additional").is_some() {
        for value in fields.list("additional")? {
            let item = Fields::of(value, "additional")?;
            additional.push(item.u8("id")?);
            Writer::new(&mut additional).bytes_u8("hex", &item.hex("hex")?)?;
        }
    }
    let mut status = fields.u32("status")?;
    let (lat_udeg, south) = fields.degrees("lat")?;
    let (lon_udeg, west) = fields.degrees("lon")?;
    if south {
        status |= STATUS_SOUTH;
    }
    if west {
        status |= STATUS_WEST;
    }
    let digits = if fields.maybe("time").is_some() {
        "time"
    } else {
        "time_digits"
    };
    LocationReport {
        alarm: fields.u32("alarm")?,
        status,
        lat_udeg,
        lon_udeg,
        altitude_m: fields.u16("altitude_m")?,
        speed_dkmh: fields.tenths("speed_kmh")?,
        course_deg: fields.u16("course_deg")?,
        time: fields.time_or_zero(digits)?,
        additional: &additional,
    }
    .encode(w);
    Ok(())
}

/// Appends the body of a 0x0704 from its JSON.
pub(in crate::cli) fn write_batch(fields: Fields<'_>, w: &mut Writer<'_>) -> Result<(), JsonError> {
    let reports = fields.objects("reports", |report| {
        let mut bytes = Vec::new();
        write_report(report, &mut Writer::new(&mut bytes))?;
        Ok(bytes)
    })?;
    w.count_u16("reports", reports.len())?;
    w.u8(match fields.maybe("kind").and_then(Value::as_str) {
        Some("normal") => 0,
        Some("blind_area") => 1,
        _ => fields.u8("kind")?,
    });
    for report in &reports {
        w.count_u16("report", report.len())?;
        w.bytes(report);
    }
    Ok(())
}
