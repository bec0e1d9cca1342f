//! Commands as the session sends and completes them.

use std::time::Duration;

use super::commands::Commands;
use super::dispatch::Dispatch;
use super::output::SendError;
use super::{Outputs, State};
use crate::protocol::jt808::acknowledge::Ack;
use crate::protocol::jt808::header::Header;
use crate::protocol::jt808::message::PlatformMessage;
use crate::protocol::writer::Writer;

impl Dispatch {
    pub(super) fn send_command(
        &mut self,
        now: Duration,
        command: &PlatformMessage,
        replies: &mut Vec<u8>,
    ) -> Result<u16, SendError> {
        if self.state != State::Online {
            return Err(SendError::NotOnline);
        }
        let pending = self.commands.as_deref().map_or(0, Commands::len);
        if pending >= self.limits.commands_max {
            return Err(SendError::Busy { pending });
        }
        let mut body = Vec::new();
        command.encode(self.peer.edition, &mut Writer::new(&mut body))?;
        let packages = Commands::packages(&body)?;
        let first = self.take_serials(packages);
        let header = Header {
            message_id: command.id(),
            encryption: 0,
            serial: first,
            package: None,
            ..self.peer
        };
        let commands = self
            .commands
            .get_or_insert_with(|| Box::new(Commands::default()));
        commands.send(now, &self.limits, header, &body, replies);
        Ok(first)
    }

    pub(super) fn command_acknowledged(&mut self, ack: Ack, outputs: &mut Outputs<'_>) {
        let at = self.heard.saturating_add(self.limits.result_wait);
        if let Some(commands) = self.commands.as_deref_mut() {
            commands.handle_ack(ack, at, outputs);
        }
        self.drop_idle_commands();
    }

    pub(super) fn command_answered(
        &mut self,
        by: u16,
        serial: Option<u16>,
        outputs: &mut Outputs<'_>,
    ) {
        if let Some(commands) = self.commands.as_deref_mut() {
            commands.handle_answer(by, serial, outputs);
        }
        self.drop_idle_commands();
    }

    pub(super) fn resend_commands(
        &mut self,
        now: Duration,
        replies: &mut Vec<u8>,
        outputs: &mut Outputs<'_>,
    ) {
        if let Some(commands) = self.commands.as_deref_mut() {
            commands.handle_timeout(now, &self.limits, replies, outputs);
        }
        self.drop_idle_commands();
    }

    pub(super) fn close_commands(&mut self, outputs: &mut Outputs<'_>) {
        if let Some(commands) = self.commands.take() {
            commands.close(outputs);
        }
    }

    fn drop_idle_commands(&mut self) {
        if self.commands.as_deref().is_some_and(|held| held.len() == 0) {
            self.commands = None;
        }
    }
}
