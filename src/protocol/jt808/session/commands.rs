//! Commands to the terminal: sent, sent again, completed.
//!
//! A command waits for 0x0001, or for the message that answers it. After
//! 0x0001 with success a command that has a message of its own to answer it is
//! not sent again and waits for that message; without it, it ends as
//! acknowledged. The waits follow T(N+1) = T(N) x (N+1), N = resends so far.

use std::time::Duration;

use super::Outputs;
use super::limits::Limits;
use super::output::{CommandResult, Output};
use crate::protocol::error::EncodeError;
use crate::protocol::jt808::acknowledge::{Ack, AckResult, Resend};
use crate::protocol::jt808::frame::{encode_frame, for_each_package};
use crate::protocol::jt808::header::{BODY_BYTES_MAX, Header};
use crate::protocol::jt808::message::{answered_command, has_own_answer};

/// A command that waits.
#[derive(Debug)]
struct Command {
    message_id: u16,
    /// Serial number of the first sub-package.
    serial: u16,
    /// Frames as sent, one after another.
    frames: Vec<u8>,
    /// Where each frame ends.
    ends: Vec<usize>,
    wait: Duration,
    deadline: Duration,
    resends: u8,
    /// Sub-packages acknowledged; not sent again from the first one on.
    acknowledged: usize,
}

/// The commands of one session, oldest first.
#[derive(Debug, Default)]
pub(super) struct Commands {
    waiting: Vec<Command>,
}

/// Sub-packages of one command. Source: our choice; 250 KiB.
const PACKAGES_MAX: usize = 250;

impl Commands {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// How many frames a body needs.
    ///
    /// Errors: [`EncodeError::BodyLong`].
    pub(super) fn packages(body: &[u8]) -> Result<u16, EncodeError> {
        let packages = body.len().div_ceil(BODY_BYTES_MAX).max(1);
        u16::try_from(packages)
            .ok()
            .filter(|_| packages <= PACKAGES_MAX)
            .ok_or(EncodeError::BodyLong {
                bytes: body.len(),
                limit_bytes: PACKAGES_MAX.saturating_mul(BODY_BYTES_MAX),
            })
    }

    /// Appends the frames of a command and waits for its answer.
    pub(super) fn send(
        &mut self,
        now: Duration,
        limits: &Limits,
        header: Header,
        body: &[u8],
        replies: &mut Vec<u8>,
    ) {
        let mut frames = Vec::new();
        let mut ends = Vec::new();
        for_each_package(header, body, |header, body| {
            encode_frame(header, body, &mut frames);
            ends.push(frames.len());
        });
        replies.extend_from_slice(&frames);
        self.waiting.push(Command {
            message_id: header.message_id,
            serial: header.serial,
            frames,
            ends,
            wait: limits.answer_wait,
            deadline: now.saturating_add(limits.answer_wait),
            resends: 0,
            acknowledged: 0,
        });
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.waiting.iter().map(|command| command.deadline).min()
    }

    /// Sends again what is due, and gives up what was sent often enough.
    pub(super) fn handle_timeout(
        &mut self,
        now: Duration,
        limits: &Limits,
        replies: &mut Vec<u8>,
        outputs: &mut Outputs<'_>,
    ) {
        self.waiting.retain_mut(|command| {
            if now < command.deadline {
                return true;
            }
            if command.acknowledged > 0 {
                command.end(CommandResult::Acknowledged, outputs);
                return false;
            }
            if command.resends >= limits.resends_max {
                command.end(CommandResult::TimedOut, outputs);
                return false;
            }
            command.resends = command.resends.saturating_add(1);
            let factor = u32::from(command.resends).saturating_add(1);
            command.wait = command.wait.saturating_mul(factor);
            command.deadline = now.saturating_add(command.wait);
            replies.extend_from_slice(&command.frames);
            true
        });
    }

    /// A general answer: ends the command, or begins the wait for its own answer until `at`.
    pub(super) fn handle_ack(&mut self, ack: Ack, at: Duration, outputs: &mut Outputs<'_>) {
        let Some(place) = self.waiting.iter().position(|command| {
            command.message_id == ack.answer_id && command.has_serial(ack.answer_serial)
        }) else {
            return;
        };
        let Some(command) = self.waiting.get_mut(place) else {
            return;
        };
        let result = match ack.result {
            AckResult::SUCCESS => CommandResult::Acknowledged,
            AckResult::BAD_MESSAGE => CommandResult::BadMessage,
            AckResult::NOT_SUPPORTED => CommandResult::NotSupported,
            AckResult(_) => CommandResult::Failed,
        };
        if result == CommandResult::Acknowledged {
            command.acknowledged = command.acknowledged.saturating_add(1);
            let last = command.last_serial() == ack.answer_serial;
            let all = last || command.acknowledged >= command.ends.len();
            if !all || has_own_answer(command.message_id) {
                command.deadline = at;
                return;
            }
        }
        self.waiting.remove(place).end(result, outputs);
    }

    /// The message `by` came, which answers the command of that serial number,
    /// or the oldest of its kind.
    pub(super) fn handle_answer(
        &mut self,
        by: u16,
        serial: Option<u16>,
        outputs: &mut Outputs<'_>,
    ) {
        let ids = answered_command(by);
        let found = self.waiting.iter().position(|command| {
            ids.contains(&command.message_id)
                && serial.is_none_or(|serial| command.has_serial(serial))
        });
        if let Some(place) = found {
            self.waiting
                .remove(place)
                .end(CommandResult::Answered, outputs);
        }
    }

    /// Sends named sub-packages again, as they were.
    pub(super) fn resend_packages(&self, request: &Resend, replies: &mut Vec<u8>) {
        let command = self
            .waiting
            .iter()
            .find(|command| command.serial == request.first_serial && command.ends.len() > 1);
        let Some(command) = command else {
            return;
        };
        for index in request.indexes.iter().take(PACKAGES_MAX) {
            if let Some(frame) = command.frame(usize::from(*index)) {
                replies.extend_from_slice(frame);
            }
        }
    }

    /// Ends everything.
    pub(super) fn close(self, outputs: &mut Outputs<'_>) {
        for command in self.waiting {
            command.end(CommandResult::Closed, outputs);
        }
    }
}

impl Command {
    fn last_serial(&self) -> u16 {
        let others = self.ends.len().saturating_sub(1);
        self.serial
            .wrapping_add(u16::try_from(others).unwrap_or(u16::MAX))
    }

    fn has_serial(&self, serial: u16) -> bool {
        usize::from(serial.wrapping_sub(self.serial)) < self.ends.len()
    }

    /// The frame of sub-package `index`, from 1.
    fn frame(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index.checked_sub(1)?)?;
        let begin = match index.checked_sub(2) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.frames.get(begin..end)
    }

    fn end(&self, result: CommandResult, outputs: &mut Outputs<'_>) {
        outputs(Output::CommandDone {
            serial: self.serial,
            message_id: self.message_id,
            result,
        });
    }
}
