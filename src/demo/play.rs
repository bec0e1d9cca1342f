//! Plays the script against a running server: terminals over JT/T 808, people over HTTP.
//!
//! The player owns the server's clock and moves it minute by minute of the story. In each minute
//! every terminal first sends what it has, until the platform has acknowledged all of it; then the
//! people act. Nothing is decided by how fast the machine is: the clock stands while anything is
//! waited for, so a reminder within five minutes of the story is within five minutes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::future::try_join_all;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, sleep, sleep_until};

use super::http::Http;
use super::people::People;
use super::script::{Action, Event, Report};
use super::story::County;
use super::terminal::{Identity, Terminal};
use super::wire::{BATCH_REPORTS_MAX, Upload};
use crate::clock::Clock;
use crate::model::duty::Period;
use crate::model::{LocalZone, Region, Span, Timestamp};

/// Longest wait until the server shows what it has acknowledged.
pub(super) const VISIBLE_WITHIN: Duration = Duration::from_mins(1);
/// Pause between two looks.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(40);
const MINUTE_MS: i64 = 60_000;

/// Where the server listens, and how fast the story is told.
#[derive(Clone, Copy, Debug)]
pub struct PlayTarget {
    /// JT/T 808 over TCP.
    pub jt808: SocketAddr,
    /// The API, without accounts.
    pub http: SocketAddr,
    /// Least real time that a minute of the story with events takes; zero for as fast as the
    /// server acknowledges. 35 ms tells the day in about a minute.
    pub minute: Duration,
}

/// What was played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaySummary {
    /// The period to ask the verdict for.
    pub period: Period,
    /// Terminals that were connected.
    pub terminals: usize,
    /// Position reports that were acknowledged, those sent twice or late included.
    pub reports: usize,
    /// Requests of monitors, enterprises and the regulator.
    pub requests: usize,
}

/// Plays the script of the county, whose register and routes the server must have, against a
/// server whose clock is `clock`: a manual one, or a development one of rate 0, standing at
/// `county.day.began_at` or before. Afterwards it stands at `county.day.ended_at`.
///
/// # Errors
/// When the server refuses something, or does not show what it acknowledged within a minute.
pub async fn play(
    target: &PlayTarget,
    clock: &Clock,
    county: &County,
) -> anyhow::Result<PlaySummary> {
    let mut player = Player {
        target,
        clock,
        county,
        terminals: BTreeMap::new(),
        reports: 0,
        people: People::new(Http::new(target.http), county),
    };
    let bar = progress(county);
    move_to(clock, county.day.began_at)?;
    let events = &county.day.events;
    for step in events.chunk_by(|a, b| full_minute(a.at) == full_minute(b.at)) {
        let begun = Instant::now();
        let Some(first) = step.first() else { continue };
        let minute = full_minute(first.at);
        move_to(clock, minute)?;
        player.minute(step, minute).await?;
        bar.set_message(told(minute));
        bar.inc(u64::try_from(step.len()).unwrap_or(0));
        sleep_until(begun + target.minute).await;
    }
    move_to(clock, county.day.ended_at)?;
    player.settle().await?;
    bar.finish_and_clear();
    let summary = PlaySummary {
        period: county.period,
        terminals: player.terminals.len(),
        reports: player.reports,
        requests: player.people.requests,
    };
    for terminal in player.terminals.into_values() {
        terminal.stop().await;
    }
    Ok(summary)
}

struct Player<'a> {
    target: &'a PlayTarget,
    clock: &'a Clock,
    county: &'a County,
    terminals: BTreeMap<usize, Terminal>,
    reports: usize,
    people: People<'a>,
}

impl Player<'_> {
    /// One minute: the terminals all at once, then the people one after the other.
    async fn minute(&mut self, events: &[Event], now: Timestamp) -> anyhow::Result<()> {
        let mut uploads: BTreeMap<usize, Vec<Upload>> = BTreeMap::new();
        for event in events {
            if let Some((vehicle, upload)) = self.upload(event) {
                uploads.entry(vehicle).or_default().extend(upload);
            }
        }
        for vehicle in uploads.keys() {
            if !self.terminals.contains_key(vehicle) {
                let terminal = Terminal::start(self.identity(*vehicle)?, self.target.jt808)?;
                self.terminals.insert(*vehicle, terminal);
            }
        }
        let sending = uploads.into_iter().filter_map(|(vehicle, uploads)| {
            let terminal = self.terminals.get(&vehicle)?;
            Some(terminal.upload(uploads))
        });
        try_join_all(sending).await?;
        for event in events {
            self.people
                .act(&event.action, now)
                .await
                .with_context(|| format!("at {}", told(event.at)))?;
        }
        debug_assert_eq!(self.clock.now(), now);
        Ok(())
    }

    /// What an event makes a terminal say.
    fn upload(&mut self, event: &Event) -> Option<(usize, Vec<Upload>)> {
        let in_frames = |reports: &[Report], kind: fn(Vec<Report>) -> Upload| {
            let frames = reports.chunks(BATCH_REPORTS_MAX);
            frames.map(|frame| kind(frame.to_vec())).collect()
        };
        let (vehicle, uploads, reports) = match &event.action {
            Action::Report { vehicle, report } => (*vehicle, vec![Upload::Report(*report)], 1),
            Action::Batch { vehicle, reports } => {
                (*vehicle, in_frames(reports, Upload::Batch), reports.len())
            }
            Action::BlindUpload { vehicle, reports } => (
                *vehicle,
                in_frames(reports, Upload::BlindArea),
                reports.len(),
            ),
            Action::DriverCard {
                vehicle,
                driver,
                inserted,
            } => {
                let driver = self.county.fleet.drivers.get(*driver);
                let card = Upload::Card {
                    time: event.at,
                    driver: driver.filter(|_| *inserted).cloned(),
                };
                (*vehicle, vec![card], 0)
            }
            Action::ShiftStart { .. }
            | Action::ShiftEnd { .. }
            | Action::Inquiry { .. }
            | Action::Answer { .. }
            | Action::Reminder { .. }
            | Action::Handling { .. } => return None,
        };
        self.reports += reports;
        Some((vehicle, uploads))
    }

    fn identity(&self, vehicle: usize) -> anyhow::Result<Identity> {
        let fleet = &self.county.fleet;
        let entry = fleet.vehicles.get(vehicle).context("no such vehicle")?;
        let enterprise = fleet
            .enterprises
            .iter()
            .find(|e| e.id == entry.enterprise_id);
        let region: &Region = &enterprise.context("no such enterprise")?.region;
        Ok(Identity {
            phone: entry.terminal.clone().context("no terminal")?,
            plate: entry.plate.clone(),
            region: region.clone(),
        })
    }

    /// Waits until the server shows the last report of every vehicle.
    async fn settle(&mut self) -> anyhow::Result<()> {
        let mut last: BTreeMap<usize, Timestamp> = BTreeMap::new();
        for event in &self.county.day.events {
            let (vehicle, times) = match &event.action {
                Action::Report { vehicle, report } => (vehicle, vec![report.time]),
                Action::Batch { vehicle, reports } | Action::BlindUpload { vehicle, reports } => {
                    (vehicle, reports.iter().map(|report| report.time).collect())
                }
                _ => continue,
            };
            for time in times {
                let latest = last.entry(*vehicle).or_insert(time);
                *latest = time.max(*latest);
            }
        }
        let given_up = Instant::now() + VISIBLE_WITHIN;
        loop {
            let shown = self.people.last_fixes().await?;
            let open = last.iter().find(|(vehicle, time)| {
                let entry = self.county.fleet.vehicles.get(**vehicle);
                let shown = entry.and_then(|entry| shown.get(&entry.plate.text));
                shown.is_none_or(|shown| shown < *time)
            });
            match open {
                None => return Ok(()),
                Some((vehicle, time)) if Instant::now() > given_up => {
                    bail!(
                        "vehicle {vehicle}: the report of {} is not shown",
                        told(*time)
                    );
                }
                Some(_) => sleep(LOOK_AGAIN).await,
            }
        }
    }
}

/// The minute in which something is sent: its end.
fn full_minute(at: Timestamp) -> Timestamp {
    let past = at.millis().rem_euclid(MINUTE_MS);
    at + Span::from_millis((MINUTE_MS - past) % MINUTE_MS)
}

fn move_to(clock: &Clock, moment: Timestamp) -> anyhow::Result<()> {
    clock.advance(moment.since(clock.now()));
    if clock.now() != moment {
        bail!(
            "the server's clock cannot be moved to {}: it shows {} at rate {}",
            told(moment),
            told(clock.now()),
            clock.rate()
        );
    }
    Ok(())
}

fn told(moment: Timestamp) -> String {
    LocalZone::default().rfc3339(moment)
}

/// A bar on stderr; nothing where stderr is no terminal.
fn progress(county: &County) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(county.day.events.len()).unwrap_or(0));
    let style = ProgressStyle::with_template("{msg} [{wide_bar}] {percent}% {elapsed}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}
