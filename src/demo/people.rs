//! What monitors, enterprises and the regulator do in the demo, as requests to the API.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::http::{Http, escaped};
use super::play::{LOOK_AGAIN, VISIBLE_WITHIN};
use super::script::{Action, PlannedViolation};
use super::story::County;
use crate::model::{LocalZone, Timestamp};

/// Everybody who uses the API.
pub(super) struct People<'a> {
    http: Http,
    county: &'a County,
    /// Identifiers that the server gave: shifts by number, inquiries by number and enterprise,
    /// violations by number.
    shifts: BTreeMap<usize, String>,
    inquiries: BTreeMap<(usize, String), String>,
    violations: BTreeMap<usize, String>,
    /// Requests that changed something.
    pub(super) requests: usize,
}

impl<'a> People<'a> {
    pub(super) fn new(http: Http, county: &'a County) -> Self {
        Self {
            http,
            county,
            shifts: BTreeMap::new(),
            inquiries: BTreeMap::new(),
            violations: BTreeMap::new(),
            requests: 0,
        }
    }

    /// Does what the script says at `now`; what terminals do is not theirs.
    pub(super) async fn act(&mut self, action: &Action, now: Timestamp) -> anyhow::Result<()> {
        match action {
            Action::Report { .. }
            | Action::Batch { .. }
            | Action::BlindUpload { .. }
            | Action::DriverCard { .. } => return Ok(()),
            Action::ShiftStart {
                shift,
                enterprise_id,
                monitor_id,
            } => {
                let body = json!({
                    "enterprise_id": enterprise_id,
                    "monitor_id": monitor_id,
                    "started_at": told(now),
                    "ended_at": null,
                    "note": null,
                });
                let made = self.http.post("/api/v1/shifts", &body).await?.json()?;
                self.shifts.insert(*shift, identifier(&made)?);
            }
            Action::ShiftEnd { shift, note } => {
                let id = self.shifts.get(shift).context("the shift has not begun")?;
                let body = match note {
                    Some(note) => json!({ "ended_at": told(now), "note": note }),
                    None => json!({ "ended_at": told(now) }),
                };
                let path = format!("/api/v1/shifts/{id}");
                self.http.patch(&path, &body).await?.json()?;
            }
            Action::Inquiry {
                inquiry,
                enterprise_ids,
                question,
                within,
            } => {
                let body = json!({
                    "enterprise_ids": enterprise_ids,
                    "question": question,
                    "answer_within_s": within.millis() / 1000,
                });
                let sent = self.http.post("/api/v1/inquiries", &body).await?.json()?;
                self.remember_inquiries(*inquiry, &sent)?;
            }
            Action::Answer {
                inquiry,
                enterprise_id,
                answer,
                responder,
            } => {
                let key = (*inquiry, enterprise_id.clone());
                let id = self.inquiries.get(&key).context("nothing was asked")?;
                let body = json!({ "answer": answer, "responder": responder, "phone": "" });
                let path = format!("/api/v1/inquiries/{id}/answers");
                self.http.post(&path, &body).await?.json()?;
            }
            Action::Reminder { violation, text } => self.remind(*violation, text, now).await?,
            Action::Handling { violation, note } => {
                let id = self.violation(*violation).await?;
                let body = json!({ "result": "educated", "note": note, "evidence": null });
                let path = format!("/api/v1/violations/{id}/handlings");
                self.http.post(&path, &body).await?.json()?;
            }
        }
        self.requests += 1;
        Ok(())
    }

    fn remember_inquiries(&mut self, inquiry: usize, sent: &Value) -> anyhow::Result<()> {
        for item in items(sent)? {
            let enterprise = item.get("enterprise_id").and_then(Value::as_str);
            let enterprise = enterprise.context("an inquiry without its enterprise")?;
            let key = (inquiry, enterprise.to_owned());
            self.inquiries.insert(key, identifier(item)?);
        }
        Ok(())
    }

    /// Speaks to the driver through the terminal, or by telephone where it is not connected.
    async fn remind(&mut self, violation: usize, text: &str, now: Timestamp) -> anyhow::Result<()> {
        let id = self.violation(violation).await?;
        let path = format!("/api/v1/violations/{id}/reminders");
        let body =
            |channel: &str| json!({ "channel": channel, "text": text, "sent_at": told(now) });
        let spoken = self.http.post(&path, &body("terminal_voice")).await?;
        if spoken.status == 409 {
            self.http.post(&path, &body("phone")).await?.json()?;
        } else {
            spoken.json()?;
        }
        Ok(())
    }

    /// The identifier of a planned violation, as soon as the server shows it.
    async fn violation(&mut self, number: usize) -> anyhow::Result<String> {
        if let Some(id) = self.violations.get(&number) {
            return Ok(id.clone());
        }
        let planned = self.county.day.violations.get(number);
        let planned = *planned.context("no such violation")?;
        let vehicle = self.county.fleet.vehicles.get(planned.vehicle);
        let plate = &vehicle.context("no such vehicle")?.plate.text;
        let path = format!(
            "/api/v1/violations?plate={}&kind={}&limit=1000",
            escaped(plate),
            planned.kind
        );
        let given_up = Instant::now() + VISIBLE_WITHIN;
        loop {
            let list = self.http.get(&path).await?.json()?;
            if let Some(found) = items(&list)?.iter().find(|item| is_planned(item, &planned)) {
                let id = identifier(found)?;
                self.violations.insert(number, id.clone());
                return Ok(id);
            }
            if Instant::now() > given_up {
                bail!(
                    "{} of {plate} from {} is not shown",
                    planned.kind,
                    told(planned.from)
                );
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// The time of the last fix of every vehicle, by plate.
    pub(super) async fn last_fixes(&self) -> anyhow::Result<BTreeMap<String, Timestamp>> {
        let list = self.http.get("/api/v1/vehicles?limit=1000").await?.json()?;
        let mut shown = BTreeMap::new();
        for item in items(&list)? {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let plate = item.get("plate").and_then(text);
            let time = item.pointer("/last_fix/time").and_then(text);
            if let (Some(plate), Some(time)) = (plate, time)
                && let Some(time) = Timestamp::from_rfc3339(&time)
            {
                shown.insert(plate, time);
            }
        }
        Ok(shown)
    }
}

fn is_planned(item: &Value, planned: &PlannedViolation) -> bool {
    item.get("started_at")
        .and_then(Value::as_str)
        .and_then(Timestamp::from_rfc3339)
        .is_some_and(|started| planned.from <= started && started < planned.to)
}

fn items(list: &Value) -> anyhow::Result<&Vec<Value>> {
    list.get("items")
        .and_then(Value::as_array)
        .context("a list without items")
}

fn identifier(item: &Value) -> anyhow::Result<String> {
    let id = item.get("id").and_then(Value::as_str);
    Ok(id.context("an answer without its id")?.to_owned())
}

fn told(moment: Timestamp) -> String {
    LocalZone::default().rfc3339(moment)
}
