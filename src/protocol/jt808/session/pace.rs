//! When reading pauses, and what time does to a session.

use std::time::Duration;

use super::commands::Commands;
use super::dispatch::Dispatch;
use super::limits::Limit;
use super::output::{Blocked, CloseReason, Output};
use super::{Outputs, State};
use crate::protocol::jt808::reassembly::Reassembler;

/// The span in which frames are counted.
const ONE_SECOND: Duration = Duration::from_secs(1);

impl Dispatch {
    pub(super) fn blocked(&self, now: Duration) -> Option<Blocked> {
        if self.pending.is_some() {
            Some(Blocked::Decision)
        } else if self.unacknowledged.waiting.len() >= self.limits.unacknowledged_max {
            Some(Blocked::Durability)
        } else if self.frames >= self.limits.frames_per_s_max && now < self.second_end() {
            Some(Blocked::Rate)
        } else {
            None
        }
    }

    const fn second_end(&self) -> Duration {
        self.second.saturating_add(ONE_SECOND)
    }

    /// Whether reading must stop; tells the limit once a pause.
    pub(super) fn pause(&mut self, now: Duration, outputs: &mut Outputs<'_>) -> bool {
        let limit = match self.blocked(now) {
            None => {
                self.pause_told = false;
                return false;
            }
            Some(Blocked::Decision) => return true,
            Some(Blocked::Durability) => Limit::Unacknowledged,
            Some(Blocked::Rate) => Limit::FramesPerSecond,
        };
        if !self.pause_told {
            self.pause_told = true;
            outputs(Output::LimitHit(limit));
        }
        true
    }

    pub(super) fn count_frame(&mut self, now: Duration) {
        self.begin_second(now);
        self.frames = self.frames.saturating_add(1);
    }

    /// Begins to count anew when a second is over.
    pub(super) fn begin_second(&mut self, now: Duration) {
        if now >= self.second_end() {
            self.second = now;
            self.frames = 0;
        }
    }

    /// The limit of time that is passed at `now`.
    pub(super) fn overdue(&self, now: Duration) -> Option<Limit> {
        let (at, limit) = self.patience();
        (now >= at).then_some(limit)
    }

    fn patience(&self) -> (Duration, Limit) {
        match self.state {
            State::Online | State::Closed => {
                (self.heard.saturating_add(self.limits.idle_max), Limit::Idle)
            }
            State::New | State::Registered => (
                self.opened.saturating_add(self.limits.unauthenticated_max),
                Limit::Unauthenticated,
            ),
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        if self.state == State::Closed {
            return None;
        }
        let paused = self.frames >= self.limits.frames_per_s_max;
        let reassembly = self.reassembler.as_deref();
        [
            Some(self.patience().0),
            reassembly.and_then(Reassembler::next_deadline),
            self.commands.as_deref().and_then(Commands::next_deadline),
            paused.then(|| self.second_end()),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub(super) fn close(&mut self, reason: CloseReason, outputs: &mut Outputs<'_>) {
        if let CloseReason::Limit(limit) = reason {
            outputs(Output::LimitHit(limit));
        }
        self.close_commands(outputs);
        self.state = State::Closed;
        outputs(Output::Close(reason));
    }

    pub(super) fn handle_bad_frame(&mut self, now: Duration, outputs: &mut Outputs<'_>) {
        self.count_frame(now);
        self.bad_frames = self.bad_frames.saturating_add(1);
        if self.bad_frames > self.limits.bad_frames_max {
            self.close(CloseReason::Limit(Limit::BadFrames), outputs);
        }
    }
}
