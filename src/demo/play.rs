//! Plays the county's script against a server: terminals over TCP, people over HTTP.
//!
//! The clock of the server is moved by the play, half a minute at a time, and only when everything
//! that was sent has been acknowledged: a busy machine makes the play slower and never different.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::future::try_join_all;
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};

use super::behaviour::STEP_S;
use super::cab::Cab;
use super::county::{Act, County};
use super::desk::{Desk, failing_path};
use crate::clock::Clock;
use crate::model::duty::Period;
use crate::model::{Span, Timestamp};

/// Where the server listens.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// HTTP API.
    pub http: SocketAddr,
    /// JT/T 808 over TCP.
    pub jt808: SocketAddr,
}

/// How far the play has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// What is being played.
    pub act: &'static str,
    /// Simulated time.
    pub time: Timestamp,
    /// Reports acknowledged so far.
    pub reports: u64,
    /// Violations seen so far.
    pub violations: usize,
    /// Share of the whole play that is over, `0..=1`.
    pub share: f64,
}

/// What the play led to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The failing list of the county's period, as the server answered it.
    pub failing: Value,
    /// The request that gave it, from `/api/v1` on.
    pub failing_request: String,
    /// Reports acknowledged.
    pub reports: u64,
    /// Violations found.
    pub violations: usize,
    /// Where the list differs from what the script makes certain; empty when it is right.
    pub differences: Vec<String>,
}

/// Steps between two looks at new violations: five simulated minutes.
const LOOK_STEPS: u32 = 10;

/// How long the server may take to judge and store what it has acknowledged.
const JUDGED_WITHIN: Duration = Duration::from_secs(60);

/// Pause between two looks while waiting for the server.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// Looks without news after which everything is taken as judged.
const QUIET_LOOKS: u32 = 5;

/// Plays all acts; the register and the routes of the county must have been imported, the server
/// must answer without accounts, and `clock` must be its development clock, standing at
/// [`County::begins_at`].
///
/// `step_at_least` is the real time of half a simulated minute: 18 ms make a day of about a
/// minute, zero is as fast as the server can.
///
/// # Errors
///
/// When the server cannot be reached, refuses a terminal or a request, or does not judge in time.
pub async fn play(
    stage: &Stage,
    clock: &Clock,
    county: &County,
    step_at_least: Duration,
    progress: &mut (dyn FnMut(&Progress) + Send),
) -> anyhow::Result<Outcome> {
    let steps = county.acts.iter().map(|act| steps_of(*act)).sum::<u32>();
    let mut player = Player {
        stage: *stage,
        clock,
        county,
        step_at_least,
        desk: Desk::new(stage.http, county.zone),
        cabs: BTreeMap::new(),
        next_sent: vec![0; county.vehicles.len()],
        next_desk: 0,
        reports: 0,
        refused: 0,
        steps_done: 0,
        steps: steps.max(1),
    };
    for act in &county.acts {
        player.play_act(*act, progress).await?;
    }
    player.finish().await
}

fn steps_of(act: Act) -> u32 {
    let steps = act.to.since(act.from).millis() / (STEP_S * 1000);
    u32::try_from(steps).unwrap_or_default()
}

struct Player<'c> {
    stage: Stage,
    clock: &'c Clock,
    county: &'c County,
    step_at_least: Duration,
    desk: Desk,
    /// Terminals that are online, by the place of their vehicle.
    cabs: BTreeMap<usize, Cab>,
    /// The next sending of each vehicle.
    next_sent: Vec<usize>,
    next_desk: usize,
    reports: u64,
    refused: u64,
    steps_done: u32,
    steps: u32,
}

impl Player<'_> {
    async fn play_act(
        &mut self,
        act: Act,
        progress: &mut (dyn FnMut(&Progress) + Send),
    ) -> anyhow::Result<()> {
        // What desks do between the acts is done at its own time as well.
        self.work_until(act.from).await?;
        for step in 0..=steps_of(act) {
            let began = Instant::now();
            let now = act.from + Span::from_seconds(STEP_S * i64::from(step));
            self.work_until(now).await?;
            self.report_until(now).await?;
            if step % LOOK_STEPS == 0 {
                self.desk.look().await?;
                self.desk.remind(now).await?;
                progress(&self.progress(act, now));
            }
            self.steps_done += 1;
            sleep_until(began + self.step_at_least).await;
        }
        for (_, cab) in std::mem::take(&mut self.cabs) {
            self.refused += cab.refused();
        }
        if act.is_history {
            self.wait_for_history().await?;
        }
        Ok(())
    }

    fn progress(&self, act: Act, now: Timestamp) -> Progress {
        Progress {
            act: act.title,
            time: now,
            reports: self.reports,
            violations: self.desk.violations(),
            share: f64::from(self.steps_done) / f64::from(self.steps),
        }
    }

    /// Lets the desks work up to `now`, each event at its own time.
    async fn work_until(&mut self, now: Timestamp) -> anyhow::Result<()> {
        while let Some(event) = self.county.desk.get(self.next_desk) {
            if event.at > now {
                break;
            }
            self.reach(event.at);
            let text = || format!("at {}", self.county.zone.rfc3339(event.at));
            self.desk
                .act(event.at, &event.action)
                .await
                .with_context(text)?;
            self.next_desk += 1;
        }
        self.reach(now);
        Ok(())
    }

    /// Moves the clock forward to `time`.
    fn reach(&self, time: Timestamp) {
        self.clock.advance(time.since(self.clock.now()));
    }

    /// Sends everything that is due by `now` and waits until it is acknowledged.
    async fn report_until(&mut self, now: Timestamp) -> anyhow::Result<()> {
        let due: Vec<usize> = (0..)
            .zip(&self.county.vehicles)
            .zip(&self.next_sent)
            .filter(|((_, actor), next)| actor.sent.get(**next).is_some_and(|sent| sent.at <= now))
            .map(|((place, _), _)| place)
            .collect();
        self.bring_online(&due).await?;
        for place in &due {
            let (Some(actor), Some(next), Some(cab)) = (
                self.county.vehicles.get(*place),
                self.next_sent.get_mut(*place),
                self.cabs.get_mut(place),
            ) else {
                continue;
            };
            while let Some(sent) = actor.sent.get(*next).filter(|sent| sent.at <= now) {
                self.reports += cab.queue(actor, sent.at, &sent.what);
                *next += 1;
            }
            cab.flush().await?;
        }
        for (place, cab) in &mut self.cabs {
            if due.binary_search(place).is_ok() {
                cab.settle().await?;
            }
        }
        Ok(())
    }

    async fn bring_online(&mut self, due: &[usize]) -> anyhow::Result<()> {
        let absent = due.iter().filter(|place| !self.cabs.contains_key(place));
        let boarding = absent.filter_map(|place| {
            let actor = self.county.vehicles.get(*place)?;
            let address = self.stage.jt808;
            Some(async move { anyhow::Ok((*place, Cab::board(address, actor).await?)) })
        });
        let boarded = try_join_all(boarding).await?;
        self.cabs.extend(boarded);
        Ok(())
    }

    /// Waits until the history's violations are stored, then handles them.
    async fn wait_for_history(&mut self) -> anyhow::Result<()> {
        let day = Period {
            from: self.county.period.from,
            to: self.county.period.from + Span::from_hours(24),
        };
        let deadline = Instant::now() + JUDGED_WITHIN;
        loop {
            self.desk.look().await?;
            if self.desk.has_seen_history(day) {
                return self.desk.handle_history(day).await;
            }
            if Instant::now() > deadline {
                bail!("the server has not found the violations of the history day in time");
            }
            sleep(LOOK_PAUSE).await;
        }
    }

    async fn finish(mut self) -> anyhow::Result<Outcome> {
        let period = self.county.period;
        self.work_until(period.to).await?;
        let deadline = Instant::now() + JUDGED_WITHIN;
        let mut quiet = 0;
        while quiet < QUIET_LOOKS {
            if Instant::now() > deadline {
                bail!("the server does not come to rest");
            }
            quiet = if self.desk.look().await? {
                0
            } else {
                quiet + 1
            };
            sleep(LOOK_PAUSE).await;
        }
        self.desk.remind(period.to).await?;
        let day = Period {
            from: self.county.day,
            to: period.to,
        };
        self.desk.handle_day(day).await?;
        let failing = self.desk.failing(period).await?;
        let mut differences = self.county.differences(&failing);
        if self.refused > 0 {
            differences.push(format!(
                "{} messages of terminals were refused",
                self.refused
            ));
        }
        Ok(Outcome {
            differences,
            failing,
            failing_request: format!("/api/v1{}", failing_path(period)),
            reports: self.reports,
            violations: self.desk.violations(),
        })
    }
}
