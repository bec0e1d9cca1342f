//! The desks: monitors, managers and the regulator, who work through the HTTP API.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::cast::CAST;
use super::county::{ANSWER_WITHIN_S, Action};
use crate::model::duty::Period;
use crate::model::{LocalZone, Span, Timestamp};

/// Longest time for one answer of the API.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long after a violation is seen a good room has the driver on the phone.
const REMIND_AFTER: Span = Span::from_seconds(60);

/// What the desks know.
#[derive(Debug)]
pub(super) struct Desk {
    agent: ureq::Agent,
    base: String,
    zone: LocalZone,
    shifts: BTreeMap<usize, String>,
    inquiries: BTreeMap<(usize, String), String>,
    cursor: String,
    violations: BTreeMap<String, Seen>,
    reminded: BTreeSet<String>,
    handled: BTreeSet<String>,
}

/// A violation as a desk sees it.
#[derive(Clone, Debug)]
struct Seen {
    enterprise: String,
    plate: String,
    started_at: Timestamp,
    first_seen_at: Timestamp,
    is_withdrawn: bool,
}

impl Desk {
    pub(super) fn new(address: SocketAddr, zone: LocalZone) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER_TIMEOUT))
            .build();
        Self {
            agent: config.into(),
            base: format!("http://{address}/api/v1"),
            zone,
            shifts: BTreeMap::new(),
            inquiries: BTreeMap::new(),
            cursor: "0".to_owned(),
            violations: BTreeMap::new(),
            reminded: BTreeSet::new(),
            handled: BTreeSet::new(),
        }
    }

    /// Violations seen so far, withdrawn ones left out.
    pub(super) fn violations(&self) -> usize {
        let seen = self.violations.values();
        seen.filter(|violation| !violation.is_withdrawn).count()
    }

    /// Does what the script says.
    pub(super) async fn act(&mut self, at: Timestamp, action: &Action) -> anyhow::Result<()> {
        match action {
            Action::ShiftBegins {
                shift,
                enterprise,
                monitor,
            } => {
                let body = json!({
                    "enterprise_id": enterprise,
                    "monitor_id": monitor,
                    "started_at": self.zone.rfc3339(at),
                    "ended_at": null,
                });
                let answer = self.send("POST", "/shifts", body).await?;
                self.shifts.insert(*shift, id_of(&answer)?);
            }
            Action::ShiftEnds { shift, note } => {
                let id = self
                    .shifts
                    .get(shift)
                    .context("a shift ends that never began")?;
                let body = json!({ "ended_at": self.zone.rfc3339(at), "note": note });
                self.send("PATCH", &format!("/shifts/{id}"), body).await?;
            }
            Action::Inquiry { round } => self.inquire(*round).await?,
            Action::Answer {
                round,
                enterprise,
                responder,
            } => {
                let key = (*round, (*enterprise).to_owned());
                let id = self
                    .inquiries
                    .get(&key)
                    .context("an answer without a question")?;
                let body = json!({
                    "answer": "在岗,车辆运行正常",
                    "responder": responder,
                    "phone": "00000000",
                });
                self.send("POST", &format!("/inquiries/{id}/answers"), body)
                    .await?;
            }
        }
        Ok(())
    }

    async fn inquire(&mut self, round: usize) -> anyhow::Result<()> {
        let ids: Vec<_> = CAST.iter().map(|part| part.id).collect();
        let body = json!({
            "enterprise_ids": ids,
            "question": "请报告值班监控员姓名和在线车辆数",
            "answer_within_s": ANSWER_WITHIN_S,
        });
        let answer = self.send("POST", "/inquiries", body).await?;
        let items = answer.get("items").and_then(Value::as_array);
        for item in items.into_iter().flatten() {
            let enterprise = text(item, "enterprise_id").to_owned();
            self.inquiries.insert((round, enterprise), id_of(item)?);
        }
        Ok(())
    }

    /// Reads what is new; returns whether anything was.
    pub(super) async fn look(&mut self) -> anyhow::Result<bool> {
        let mut is_news = false;
        loop {
            let path = format!("/violations?changed_since={}&limit=1000", self.cursor);
            let answer = self.get(&path).await?;
            let items = answer.get("items").and_then(Value::as_array);
            let items = items.map_or(&[][..], Vec::as_slice);
            for item in items {
                self.violations.insert(id_of(item)?, Seen::read(item)?);
            }
            match answer.get("next").and_then(Value::as_str) {
                Some(next) if !items.is_empty() => next.clone_into(&mut self.cursor),
                _ => return Ok(is_news),
            }
            is_news = true;
        }
    }

    /// Calls the drivers of violations that the good rooms have seen by `now`.
    pub(super) async fn remind(&mut self, now: Timestamp) -> anyhow::Result<()> {
        let due: Vec<_> = self
            .violations
            .iter()
            .filter(|(id, seen)| {
                reacts(&seen.enterprise)
                    && seen.first_seen_at + REMIND_AFTER <= now
                    && !self.reminded.contains(*id)
            })
            .map(|(id, seen)| (id.clone(), seen.first_seen_at + REMIND_AFTER))
            .collect();
        for (id, at) in due {
            let body = json!({
                "channel": "phone",
                "text": "您已违规,请立即改正",
                "sent_at": self.zone.rfc3339(at),
            });
            self.send("POST", &format!("/violations/{id}/reminders"), body)
                .await?;
            self.reminded.insert(id);
        }
        Ok(())
    }

    /// Whether every speeding of the history day, by the script's count, has been seen.
    pub(super) fn has_seen_history(&self, day: Period) -> bool {
        CAST.iter().all(|part| {
            let wanted = usize::try_from(part.history_speeders).unwrap_or_default();
            self.of_day(part.id, day).len() >= wanted
        })
    }

    /// Handles the violations of the history day, as many as each enterprise does.
    pub(super) async fn handle_history(&mut self, day: Period) -> anyhow::Result<()> {
        for part in &CAST {
            let mut ids = self.of_day(part.id, day);
            ids.truncate(part.history_handled);
            self.handle(ids).await?;
        }
        Ok(())
    }

    /// Handles everything of the day in the enterprises that react.
    pub(super) async fn handle_day(&mut self, day: Period) -> anyhow::Result<()> {
        for part in CAST.iter().filter(|part| part.reacts) {
            let ids = self.of_day(part.id, day);
            self.handle(ids).await?;
        }
        Ok(())
    }

    /// The failing list of a period.
    pub(super) async fn failing(&self, period: Period) -> anyhow::Result<Value> {
        self.get(&failing_path(period)).await
    }

    /// Ids of an enterprise's violations that started in `day`, by beginning and plate.
    fn of_day(&self, enterprise: &str, day: Period) -> Vec<String> {
        let mut found: Vec<_> = self
            .violations
            .iter()
            .filter(|(_, seen)| {
                seen.enterprise == enterprise
                    && !seen.is_withdrawn
                    && (day.from..day.to).contains(&seen.started_at)
            })
            .map(|(id, seen)| (seen.started_at, seen.plate.clone(), id.clone()))
            .collect();
        found.sort();
        found.into_iter().map(|(_, _, id)| id).collect()
    }

    async fn handle(&mut self, ids: Vec<String>) -> anyhow::Result<()> {
        for id in ids {
            if !self.handled.insert(id.clone()) {
                continue;
            }
            let body = json!({
                "result": "educated",
                "note": "已对驾驶员进行安全教育并登记台账",
                "evidence": null,
            });
            self.send("POST", &format!("/violations/{id}/handlings"), body)
                .await?;
        }
        Ok(())
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let (agent, url) = (self.agent.clone(), format!("{}{path}", self.base));
        blocking(move || {
            let answer = agent.get(&url).call();
            read(&url, answer)
        })
        .await
    }

    async fn send(&self, method: &'static str, path: &str, body: Value) -> anyhow::Result<Value> {
        let (agent, url) = (self.agent.clone(), format!("{}{path}", self.base));
        blocking(move || {
            let request = match method {
                "PATCH" => agent.patch(&url),
                _ => agent.post(&url),
            };
            let request = request.header("content-type", "application/json");
            read(&url, request.send(body.to_string()))
        })
        .await
    }
}

/// Path and query of the failing list under `/api/v1`.
pub(super) fn failing_path(period: Period) -> String {
    let utc = |time: Timestamp| time.to_utc().to_rfc3339_opts(SecondsFormat::Secs, true);
    format!(
        "/duty/failing?from={}&to={}&limit=1000",
        utc(period.from),
        utc(period.to)
    )
}

async fn blocking(
    call: impl FnOnce() -> anyhow::Result<Value> + Send + 'static,
) -> anyhow::Result<Value> {
    tokio::task::spawn_blocking(call)
        .await
        .context("a request's thread failed")?
}

fn read(
    url: &str,
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> anyhow::Result<Value> {
    let mut answer = answer.with_context(|| format!("{url} does not answer"))?;
    let status = answer.status();
    let body = answer.body_mut().read_to_string()?;
    if !status.is_success() {
        bail!("{url} answers {status}: {body}");
    }
    serde_json::from_str(&body).with_context(|| format!("{url} answers no JSON"))
}

impl Seen {
    fn read(item: &Value) -> anyhow::Result<Self> {
        let time = |name| {
            Timestamp::from_rfc3339(text(item, name))
                .with_context(|| format!("a violation has no {name}"))
        };
        Ok(Self {
            enterprise: text(item, "enterprise_id").to_owned(),
            plate: text(item, "plate").to_owned(),
            started_at: time("started_at")?,
            first_seen_at: time("first_seen_at")?,
            is_withdrawn: text(item, "status") == "withdrawn",
        })
    }
}

fn reacts(enterprise: &str) -> bool {
    CAST.iter().any(|part| part.id == enterprise && part.reacts)
}

fn id_of(item: &Value) -> anyhow::Result<String> {
    match text(item, "id") {
        "" => bail!("an answer without an id: {item}"),
        id => Ok(id.to_owned()),
    }
}

fn text<'v>(item: &'v Value, name: &str) -> &'v str {
    item.get(name).and_then(Value::as_str).unwrap_or_default()
}
