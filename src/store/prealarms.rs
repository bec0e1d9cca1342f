//! Limits that are near, in the change log: told once to those who follow it, kept nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use sqlx::AnyConnection;

use super::StoreError;
use super::changes::{self, ChangeKind, NewChange};
use super::rows::Columns as _;
use super::statement::Select;
use crate::model::prealarm::{Near, PreAlarm};
use crate::model::{DriverId, Plate, Timestamp};

/// A limit that is near, with whom it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreAlarmNote {
    /// What is near.
    pub prealarm: PreAlarm,
    /// Plate of the vehicle.
    pub plate: Plate,
    /// The enterprise that answers for it.
    pub enterprise_id: String,
    /// Its region.
    pub region: String,
}

/// Appends them to the change log inside the transaction of a flush.
pub(super) async fn append(
    connection: &mut AnyConnection,
    at: Timestamp,
    notes: &[PreAlarmNote],
) -> Result<(), StoreError> {
    if notes.is_empty() {
        return Ok(());
    }
    let drivers: BTreeSet<DriverId> = notes
        .iter()
        .filter_map(|note| note.prealarm.driver)
        .collect();
    let mut licences: BTreeMap<DriverId, String> = BTreeMap::new();
    for driver in drivers {
        let rows = Select::new("SELECT licence FROM drivers")
            .with("WHERE id = {}", i64::from(driver.0))
            .fetch(&mut *connection)
            .await?;
        if let Some(row) = rows.first() {
            licences.insert(driver, row.text(0)?);
        }
    }
    let log: Vec<NewChange> = notes
        .iter()
        .map(|note| {
            let driver = note.prealarm.driver;
            let licence = driver.and_then(|driver| licences.get(&driver).map(String::as_str));
            NewChange {
                at,
                kind: ChangeKind::PreAlarm,
                key: note.plate.to_string(),
                body: body(note, licence),
            }
        })
        .collect();
    changes::append(connection, &log).await
}

fn body(note: &PreAlarmNote, driver: Option<&str>) -> String {
    let alarm = &note.prealarm;
    let mut body = json!({
        "type": "prealarm", "kind": alarm.kind.name(), "plate": note.plate.text,
        "plate_color": note.plate.color.name(), "enterprise_id": note.enterprise_id,
        "region": note.region, "driver": driver, "at": alarm.at.millis(),
        "received_at": alarm.received.millis(),
    });
    let near = match alarm.near {
        Near::Driving {
            left,
            warning,
            limit,
        } => json!({
            "left_ms": left.millis(), "warning_ms": warning.millis(), "limit_ms": limit.millis(),
        }),
        Near::Speed { speed, limit } => json!({
            "speed_kmh": speed.kmh(), "limit_kmh": limit.kmh(),
        }),
    };
    if let (Some(body), serde_json::Value::Object(near)) = (body.as_object_mut(), near) {
        body.extend(near);
    }
    body.to_string()
}
