//! What each whole message leads to.

use super::Outputs;
use super::State;
use super::dispatch::{Dispatch, Pending};
use super::output::{CloseReason, LocationSource, Output, Refusal};
use crate::protocol::error::DecodeError;
use crate::protocol::jt808::acknowledge::AckResult;
use crate::protocol::jt808::driver::{DRIVER_IDENTITY, DriverIdentity};
use crate::protocol::jt808::header::{Edition, Header};
use crate::protocol::jt808::location::{
    BatchKind, LOCATION, LOCATION_ANSWER, LOCATION_BATCH, LocationAnswer, LocationBatch,
    LocationReport, VEHICLE_CONTROL_ANSWER,
};
use crate::protocol::jt808::media::{MEDIA_ANSWER, MediaAnswer};
use crate::protocol::jt808::message::{HEARTBEAT, TIME_REQUEST, TerminalMessage, answered_command};
use crate::protocol::jt808::registration::{
    AUTHENTICATE, Authentication, REGISTER, Registration, UNREGISTER,
};
use crate::protocol::reader::Reader;
use crate::protocol::writer::Writer;

impl Dispatch {
    /// A whole message: its body is complete.
    pub(super) fn handle_message(
        &mut self,
        header: Header,
        body: &[u8],
        replies: &mut Vec<u8>,
        outputs: &mut Outputs<'_>,
    ) {
        let done = match header.message_id {
            LOCATION => LocationReport::decode(body)
                .map(|report| self.location(header, LocationSource::Report, report, outputs)),
            HEARTBEAT => {
                self.acknowledge(&header, AckResult::SUCCESS, replies);
                Ok(())
            }
            LOCATION_BATCH => self.handle_batch(header, body, replies, outputs),
            LOCATION_ANSWER | VEHICLE_CONTROL_ANSWER => {
                self.handle_location_answer(header, body, outputs)
            }
            DRIVER_IDENTITY => self.handle_driver(header, body, outputs),
            REGISTER => self.handle_register(header, body, outputs),
            AUTHENTICATE => {
                self.pending = Some((Pending::Authenticate, header));
                let request = Authentication::decode(body, header.edition);
                outputs(Output::Authenticate { header, request });
                Ok(())
            }
            UNREGISTER => {
                self.acknowledge(&header, AckResult::SUCCESS, replies);
                let authenticated = self.state == State::Online;
                outputs(Output::Unregister {
                    header,
                    authenticated,
                });
                self.close(CloseReason::Unregistered, outputs);
                Ok(())
            }
            TIME_REQUEST => {
                self.time_requests = Some(header);
                outputs(Output::TimeRequest { header });
                Ok(())
            }
            _ => self.handle_other(header, body, replies, outputs),
        };
        if let Err(error) = done {
            let reason = match error {
                DecodeError::UnknownMessage { .. } => Refusal::Unsupported(error),
                _ => Refusal::Body(error),
            };
            self.refuse(header, reason, body, replies, outputs);
        }
    }

    #[inline]
    fn location(
        &mut self,
        header: Header,
        source: LocationSource,
        report: LocationReport<'_>,
        outputs: &mut Outputs<'_>,
    ) {
        let token = self.unacknowledged.push(&header);
        outputs(Output::Location {
            token,
            header,
            source,
            report,
        });
    }

    fn handle_batch(
        &mut self,
        header: Header,
        body: &[u8],
        replies: &mut Vec<u8>,
        outputs: &mut Outputs<'_>,
    ) -> Result<(), DecodeError> {
        let batch = LocationBatch::decode(&mut Reader::new(body))?;
        let source = match batch.kind {
            BatchKind::BlindArea => LocationSource::BlindArea,
            BatchKind::Normal | BatchKind::Other(_) => LocationSource::Batch,
        };
        let mut token = None;
        for entry in batch.entries() {
            match entry.report {
                Ok(report) => {
                    let token = *token.get_or_insert_with(|| self.unacknowledged.push(&header));
                    outputs(Output::Location {
                        token,
                        header,
                        source,
                        report,
                    });
                }
                Err(error) => outputs(Output::Refused {
                    header,
                    reason: Refusal::Body(error),
                    body: entry.raw,
                }),
            }
        }
        if token.is_none() {
            self.acknowledge(&header, AckResult::SUCCESS, replies);
        }
        Ok(())
    }

    fn handle_location_answer(
        &mut self,
        header: Header,
        body: &[u8],
        outputs: &mut Outputs<'_>,
    ) -> Result<(), DecodeError> {
        let (answer, source) = if header.message_id == LOCATION_ANSWER {
            let answer = LocationAnswer::decode_query_answer(body, header.edition)?;
            (answer, LocationSource::QueryAnswer)
        } else {
            let answer = LocationAnswer::decode(body)?;
            (answer, LocationSource::ControlAnswer)
        };
        self.location(header, source, answer.report, outputs);
        self.command_answered(header.message_id, answer.answer_serial, outputs);
        Ok(())
    }

    fn handle_driver(
        &mut self,
        header: Header,
        body: &[u8],
        outputs: &mut Outputs<'_>,
    ) -> Result<(), DecodeError> {
        let identity = DriverIdentity::decode(body, header.edition)?;
        self.speaks_2011 |= identity.edition() == Some(Edition::V2011);
        let token = self.unacknowledged.push(&header);
        outputs(Output::DriverIdentity {
            token,
            header,
            identity,
        });
        self.command_answered(header.message_id, None, outputs);
        Ok(())
    }

    fn handle_register(
        &mut self,
        mut header: Header,
        body: &[u8],
        outputs: &mut Outputs<'_>,
    ) -> Result<(), DecodeError> {
        let request = Registration::decode(body, header.edition)?;
        self.speaks_2011 = request.edition == Edition::V2011;
        header.edition = request.edition;
        self.pending = Some((Pending::Register, header));
        outputs(Output::Register { header, request });
        Ok(())
    }

    /// Every other message: typed, answered, told.
    #[cold]
    fn handle_other(
        &mut self,
        header: Header,
        body: &[u8],
        replies: &mut Vec<u8>,
        outputs: &mut Outputs<'_>,
    ) -> Result<(), DecodeError> {
        let message = TerminalMessage::decode(header.message_id, header.edition, body)?;
        match &message {
            TerminalMessage::Ack(ack) => self.command_acknowledged(*ack, outputs),
            TerminalMessage::Resend(request) => {
                if let Some(commands) = self.commands.as_deref() {
                    commands.resend_packages(request, replies);
                }
                self.acknowledge(&header, AckResult::SUCCESS, replies);
            }
            TerminalMessage::MediaData(media) => {
                self.acknowledge(&header, AckResult::SUCCESS, replies);
                if media.is_last() {
                    let answer = MediaAnswer {
                        answer_serial: Some(header.serial),
                        media_id: media.event.media_id,
                        missing: Vec::new(),
                    };
                    let mut answer_body = Vec::new();
                    let mut writer = Writer::new(&mut answer_body);
                    if answer.encode(header.edition, &mut writer).is_ok() {
                        self.reply(&header, MEDIA_ANSWER, &answer_body, replies);
                    }
                }
            }
            _ => self.acknowledge(&header, AckResult::SUCCESS, replies),
        }
        let answer_serial = message.answer_serial();
        outputs(Output::Message { header, message });
        if !answered_command(header.message_id).is_empty() {
            self.command_answered(header.message_id, answer_serial, outputs);
        }
        Ok(())
    }
}
