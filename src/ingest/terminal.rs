//! One terminal, whatever carries its bytes: the protocol session, its vehicle, its driver.
//!
//! Bytes go in by [`Terminal::feed`], which does not wait. What the session asked for meanwhile (decisions,
//! cards, fixes) is settled by [`Terminal::settle`], which does; then more bytes may be fed.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use crate::model::{Fix, Source, TerminalPhone, Timestamp, VehicleId};
use crate::normalize::jt808::{Origin, altered, fix};
use crate::protocol::bcd::BcdTime;
use crate::protocol::jt808::driver::DriverIdentity;
use crate::protocol::jt808::information::TextMessage;
use crate::protocol::jt808::location::LocationReport;
use crate::protocol::jt808::message::PlatformMessage;
use crate::protocol::jt808::registration::{self as wire, RegisterResult};
use crate::protocol::jt808::session::{
    AuthenticateDecision, CommandResult, LocationSource, Output, Refusal, RegisterDecision,
    Session, Token,
};
use crate::protocol::text::Text;
use crate::protocol::writer::Writer;
use crate::store::{DriverCard, QuarantineEntry, Registration};
use crate::telemetry::name;

use super::committer::{Group, SubmitError};
use super::directory::Directory;
use super::drivers::CardHolder;
use super::outbox::Outbox;
use super::sessions::Link;
use super::shared::Shared;
use super::terminals::Decision;

/// Fixes for which room is kept between two reads.
const FIXES_KEPT: usize = 16;
/// Bytes of replies for which room is kept between two writes.
const REPLY_BYTES_KEPT: usize = 256;

/// Colour code of a vehicle without a plate. Source: JT/T 808, 0x0100.
const NO_PLATE_COLOR: u8 = 0;

/// What the session waits for.
#[derive(Debug)]
enum Ask {
    Register {
        phone: TerminalPhone,
        registration: Registration,
        /// Whether it names the vehicle by its plate.
        plated: bool,
    },
    Authenticate(TerminalPhone, String),
    Unregister(TerminalPhone),
    Time,
}

/// A card event and the place of the first fix after it.
#[derive(Debug)]
struct Card {
    at: Timestamp,
    /// `None` when the card came out.
    licence: Option<String>,
    fixes_before: usize,
    /// Fix time of the newest report before it.
    newest: Option<Timestamp>,
}

/// What a session said while it read, until it is settled.
#[derive(Debug)]
struct Inbox {
    peer: SocketAddr,
    vehicle: Option<VehicleId>,
    /// Its terminal, once it is online.
    phone: Option<TerminalPhone>,
    /// The register as it was at the last read. Each connection has its own handle, because a shared one
    /// would travel between the cores with each read; an idle one keeps an old register until it times out.
    directory: Arc<Directory>,
    newer: watch::Receiver<Arc<Directory>>,
    /// The register by which the vehicle was found.
    register_version: i64,
    holder: CardHolder,
    asks: Vec<Ask>,
    cards: Vec<Card>,
    fixes: Vec<Fix>,
    /// Newest fix time of all reports of this connection.
    newest: Option<Timestamp>,
    speaking: Vec<(u16, oneshot::Sender<u8>)>,
    /// Data messages wait for this token to be durable.
    token: Option<Token>,
    /// When the bytes being read came.
    received: Timestamp,
    /// Good frames so far.
    frames: u64,
    closing: bool,
}

/// One terminal's connection without its socket.
#[derive(Debug)]
pub(super) struct Terminal {
    session: Session,
    inbox: Inbox,
    /// Its way from the rest of the server.
    pub(super) link: Arc<Link>,
    /// Bytes for the terminal.
    pub(super) replies: Vec<u8>,
}

impl Terminal {
    /// A terminal that connects now.
    pub(super) fn new(shared: &Shared, peer: SocketAddr) -> Self {
        let mut newer = shared.directory.clone();
        let directory = Arc::clone(&newer.borrow_and_update());
        Self {
            session: Session::new(shared.timer.monotonic(), shared.limits),
            inbox: Inbox {
                peer,
                vehicle: None,
                phone: None,
                directory,
                newer,
                register_version: 0,
                holder: CardHolder::default(),
                asks: Vec::new(),
                cards: Vec::new(),
                fixes: Vec::new(),
                newest: None,
                speaking: Vec::new(),
                token: None,
                received: shared.clock.now(),
                frames: 0,
                closing: false,
            },
            link: shared.sessions.link(),
            replies: Vec::new(),
        }
    }

    /// Reads bytes; gives how many were used. The rest must come again after [`Terminal::settle`].
    pub(super) fn feed(&mut self, shared: &Shared, bytes: &[u8], datagram: bool) -> usize {
        let now = shared.timer.monotonic();
        self.inbox.received = shared.clock.now();
        self.inbox.check_register(shared);
        if self.inbox.closing {
            // Not read, so not acknowledged: it comes again on the next connection.
            return bytes.len();
        }
        let frames_before = self.inbox.frames;
        let (inbox, session, replies) = (&mut self.inbox, &mut self.session, &mut self.replies);
        let mut outputs = |output: Output<'_>| inbox.take(shared, output);
        let used = if datagram {
            session.handle_datagram(now, bytes, replies, &mut outputs)
        } else {
            session.handle_bytes(now, bytes, replies, &mut outputs)
        };
        shared
            .frames
            .increment(inbox.frames.wrapping_sub(frames_before));
        if inbox.token.is_some() || !inbox.fixes.is_empty() {
            inbox.token = Some(session.last_token());
        }
        used
    }

    /// The address of the last datagram, where replies go.
    pub(super) fn set_peer(&mut self, peer: SocketAddr) {
        self.inbox.peer = peer;
    }

    /// Whether the connection is to be closed once the replies are written.
    pub(super) fn is_closing(&self) -> bool {
        self.inbox.closing || self.link.is_replaced()
    }

    /// Whether there is something to settle.
    pub(super) fn is_unsettled(&self) -> bool {
        self.inbox.token.is_some() || !self.inbox.asks.is_empty()
    }

    /// Until when nothing more may be read because frames came too fast; `None` when it may.
    pub(super) fn paused_until(&self, now: Duration) -> Option<Duration> {
        self.session
            .blocked(now)
            .and_then(|_| self.session.next_deadline())
    }

    /// The next moment at which the session has something to do.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.session.next_deadline()
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, shared: &Shared) {
        let inbox = &mut self.inbox;
        let mut outputs = |output: Output<'_>| inbox.take(shared, output);
        self.session
            .handle_timeout(shared.timer.monotonic(), &mut self.replies, &mut outputs);
    }

    /// Takes commands that wait on the link.
    pub(super) fn handle_commands(&mut self, shared: &Shared) {
        while let Some(voice) = self.link.next() {
            let command = PlatformMessage::Text(TextMessage::urgent_spoken(
                self.session.edition(),
                &voice.text,
            ));
            let now = shared.timer.monotonic();
            match self.session.send_command(now, &command, &mut self.replies) {
                Ok(serial) => self.inbox.speaking.push((serial, voice.acknowledged)),
                // Dropping the sender says "not acknowledged".
                Err(error) => tracing::debug!(%error, "text to a terminal was not sent"),
            }
        }
    }

    /// Decides what the session asked, and hands data to the committer; the group tells when it is durable, and
    /// then [`Terminal::handle_durable`] makes the acknowledgements.
    pub(super) async fn settle(&mut self, shared: &Shared) -> Option<Arc<Group>> {
        self.settle_asked(shared).await;
        self.inbox.token?;
        let group = shared.committer.submit(&self.inbox.fixes, None).await;
        self.submitted(group)
    }

    /// As [`Terminal::settle`], but the acknowledgements are made at once and leave by the outbox when the group
    /// is durable. What was to be replied before them is sent.
    ///
    /// # Errors
    /// The socket's.
    pub(super) async fn settle_by_post(
        &mut self,
        shared: &Shared,
        outbox: &Arc<Outbox>,
    ) -> io::Result<Option<Arc<Group>>> {
        self.settle_asked(shared).await;
        let Some(token) = self.inbox.token else {
            return Ok(None);
        };
        if !self.replies.is_empty() {
            outbox.send(&self.replies)?;
            self.replies_written();
        }
        self.session.handle_durable(token, &mut self.replies);
        let letter = (outbox, self.replies.as_slice());
        let group = shared
            .committer
            .submit(&self.inbox.fixes, Some(letter))
            .await;
        self.replies_written();
        if group.is_ok() {
            self.inbox.token = None;
        }
        Ok(self.submitted(group))
    }

    async fn settle_asked(&mut self, shared: &Shared) {
        for ask in std::mem::take(&mut self.inbox.asks) {
            // Boxed, as the cards are: what is rare must not make every connection's task larger.
            Box::pin(self.decide(shared, ask)).await;
        }
        if !self.inbox.cards.is_empty() {
            Box::pin(self.settle_cards(shared)).await;
        }
    }

    fn submitted(&mut self, group: Result<Arc<Group>, SubmitError>) -> Option<Arc<Group>> {
        if group.is_ok() {
            self.inbox.fixes.clear();
            self.inbox.fixes.shrink_to(FIXES_KEPT);
        } else {
            // Draining: what was not acknowledged comes again from the terminal.
            self.inbox.token = None;
            self.inbox.closing = true;
        }
        group.ok()
    }

    /// What was settled is durable: its acknowledgements become replies.
    pub(super) fn handle_durable(&mut self) {
        if let Some(token) = self.inbox.token.take() {
            self.session.handle_durable(token, &mut self.replies);
        }
    }

    /// The replies have left.
    pub(super) fn replies_written(&mut self) {
        self.replies.clear();
        self.replies.shrink_to(REPLY_BYTES_KEPT);
    }

    /// The connection has ended.
    pub(super) fn disconnect(&mut self, shared: &Shared) {
        let inbox = &mut self.inbox;
        let mut outputs = |output: Output<'_>| inbox.take(shared, output);
        self.session.handle_disconnect(&mut outputs);
        if let Some(vehicle) = self.inbox.vehicle {
            shared.sessions.offline(vehicle, &self.link);
        }
    }

    async fn decide(&mut self, shared: &Shared, ask: Ask) {
        let peer = self.inbox.peer;
        match ask {
            Ask::Register {
                phone,
                registration,
                plated,
            } => {
                let terminals = &shared.terminals;
                let decision = terminals.register(&phone, registration, plated, peer).await;
                let decision = match &decision {
                    Decision::Accepted(code) => RegisterDecision::Accepted { token: code },
                    Decision::Unknown => {
                        RegisterDecision::Refused(RegisterResult::TERMINAL_UNKNOWN)
                    }
                    Decision::VehicleUnknown => {
                        RegisterDecision::Refused(RegisterResult::VEHICLE_UNKNOWN)
                    }
                    Decision::OtherVehicle => {
                        RegisterDecision::Refused(RegisterResult::TERMINAL_REGISTERED)
                    }
                };
                self.session
                    .handle_register_decision(decision, &mut self.replies);
            }
            Ask::Authenticate(phone, code) => {
                let vehicle = shared.terminals.authenticate(&phone, &code, peer);
                let decision = match vehicle {
                    Some(vehicle) => {
                        self.inbox.phone = Some(phone);
                        self.go_online(shared, vehicle).await;
                        AuthenticateDecision::Accepted
                    }
                    None => AuthenticateDecision::Refused,
                };
                let now = shared.timer.monotonic();
                self.session
                    .handle_authenticate_decision(now, decision, &mut self.replies);
            }
            Ask::Unregister(phone) => shared.terminals.unregister(&phone).await,
            Ask::Time => {
                let now = shared.clock.now().millis().div_euclid(1000);
                self.session.handle_time(now, &mut self.replies);
            }
        }
    }

    async fn go_online(&mut self, shared: &Shared, vehicle: VehicleId) {
        if self.inbox.vehicle != Some(vehicle) {
            self.inbox.vehicle = Some(vehicle);
            self.inbox.holder = shared.card_holder(vehicle).await;
            self.inbox.newest = None;
        }
        shared.sessions.online(vehicle, &self.link);
    }

    /// Stores card events and names the drivers of the fixes that came after them.
    async fn settle_cards(&mut self, shared: &Shared) {
        let Some(vehicle) = self.inbox.vehicle else {
            return;
        };
        for card in std::mem::take(&mut self.inbox.cards) {
            let driver = match &card.licence {
                Some(licence) => shared.driver_number(licence).await,
                None => None,
            };
            let event = DriverCard {
                vehicle,
                at: card.at,
                received: shared.clock.now(),
                driver,
            };
            if !shared.store_card(event, card.newest).await {
                continue;
            }
            self.inbox.holder.change(card.at, driver);
            for fix in self.inbox.fixes.iter_mut().skip(card.fixes_before) {
                fix.driver = self.inbox.holder.at(fix.time);
            }
        }
    }
}

impl Inbox {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "sessions give their outputs away"
    )]
    fn take(&mut self, shared: &Shared, output: Output<'_>) {
        match output {
            Output::Location {
                token,
                header: _,
                source,
                report,
            } => {
                self.token = Some(token);
                self.take_report(shared, source, &report);
            }
            Output::DriverIdentity {
                token,
                header: _,
                identity,
            } => {
                self.token = Some(token);
                self.take_identity(shared, &identity);
            }
            Output::Register { header, request } => {
                self.take_registration(&header.phone.to_string(), &request);
            }
            Output::Authenticate { header, request } => {
                let code = request.token.decode_lossy().into_owned();
                self.ask(&header.phone.to_string(), |phone| {
                    Ask::Authenticate(phone, code)
                });
            }
            Output::Unregister {
                header,
                authenticated,
            } => {
                if authenticated {
                    self.ask(&header.phone.to_string(), Ask::Unregister);
                }
            }
            Output::TimeRequest { header: _ } => self.asks.push(Ask::Time),
            Output::Message {
                header: _,
                message: _,
            } => self.frames += 1,
            Output::Refused {
                header,
                reason,
                body,
            } => self.refused(shared, &header.phone.to_string(), reason, body),
            Output::BadFrame { error, raw } => self.quarantine(shared, error.code(), raw),
            Output::CommandDone {
                serial,
                message_id: _,
                result,
            } => self.command_done(serial, result),
            Output::LimitHit(limit) => {
                metrics::counter!(name::LIMIT_HITS, "limit" => limit.name()).increment(1);
            }
            Output::Close(_) => self.closing = true,
        }
    }

    /// Ends the session when an import has given the terminal to another vehicle, or to none.
    fn check_register(&mut self, shared: &Shared) {
        if self.newer.has_changed().unwrap_or(false) {
            self.directory = Arc::clone(&self.newer.borrow_and_update());
        }
        let Some(phone) = &self.phone else {
            return;
        };
        if self.directory.version != self.register_version {
            self.register_version = self.directory.version;
            if shared.terminals.vehicle(phone) != self.vehicle {
                self.vehicle = None;
                self.closing = true;
            }
        }
    }

    fn take_report(
        &mut self,
        shared: &Shared,
        source: LocationSource,
        report: &LocationReport<'_>,
    ) {
        self.frames += 1;
        let Some(vehicle) = self.vehicle else {
            return;
        };
        let origin = Origin {
            vehicle,
            received: self.received,
            source: match source {
                LocationSource::Report
                | LocationSource::QueryAnswer
                | LocationSource::ControlAnswer => Source::Terminal,
                LocationSource::Batch => Source::TerminalBatch,
                LocationSource::BlindArea => Source::TerminalBlindArea,
            },
            driver: None,
            datum: self.directory.index.datum(vehicle),
        };
        if let Some(mut fix) = fix(&self.directory.rules.plausibility, report, &origin) {
            fix.driver = self.holder.at(fix.time);
            if fix.quality.is_judged() {
                self.newest = self.newest.max(Some(fix.time));
            }
            if let Some(code) = altered(report, &fix) {
                self.quarantine_report(shared, code, report);
            }
            self.fixes.push(fix);
        } else {
            self.quarantine_report(shared, "no_time", report);
        }
    }

    /// Keeps a report as it was sent.
    fn quarantine_report(&self, shared: &Shared, code: &'static str, report: &LocationReport<'_>) {
        let mut bytes = Vec::new();
        report.encode(&mut Writer::new(&mut bytes));
        self.quarantine(shared, code, &bytes);
    }

    fn take_registration(&mut self, digits: &str, request: &wire::Registration<'_>) {
        let text = |text: Text<'_>| text.trimmed().decode_lossy().into_owned();
        let registration = Registration {
            province: request.province,
            county: request.city,
            manufacturer: text(request.manufacturer),
            model: text(request.model),
            device: text(request.terminal_id),
            plate: text(request.plate),
        };
        // A vehicle that has no plate yet gives its frame number in that field, or nothing.
        let plated = request.plate_color_code != NO_PLATE_COLOR && !registration.plate.is_empty();
        self.ask(digits, |phone| Ask::Register {
            phone,
            registration,
            plated,
        });
    }

    fn take_identity(&mut self, shared: &Shared, identity: &DriverIdentity<'_>) {
        let text = |text: &Text<'_>| text.trimmed().decode_lossy().into_owned();
        let now = shared.clock.now();
        let time = |time: &BcdTime| time.unix_ms().map_or(now, Timestamp::from_millis);
        let (at, licence) = match identity {
            DriverIdentity::Plain { certificate, .. } => (now, Some(text(certificate))),
            DriverIdentity::CardIn { time: at, card, .. } => match card {
                Some(card) => (time(at), Some(text(&card.certificate))),
                // The card could not be read: nobody is known to drive.
                None => (time(at), None),
            },
            DriverIdentity::CardOut { time: at } => (time(at), None),
        };
        self.cards.push(Card {
            at,
            licence,
            fixes_before: self.fixes.len(),
            newest: self.newest,
        });
    }

    fn ask(&mut self, digits: &str, ask: impl FnOnce(TerminalPhone) -> Ask) {
        // A phone number that is none cannot be in the register: it is asked for as the number 0.
        let phone = TerminalPhone::new(digits).or_else(|| TerminalPhone::new("0"));
        self.asks.extend(phone.map(ask));
    }

    fn refused(&mut self, shared: &Shared, digits: &str, reason: Refusal, body: &[u8]) {
        match reason {
            Refusal::NotOnline | Refusal::OtherTerminal => {
                metrics::counter!(name::BAD_INPUT, "reason" => "not_online").increment(1);
                if let Some(phone) = TerminalPhone::new(digits) {
                    shared.terminals.note_if_unknown(&phone, self.peer);
                }
            }
            Refusal::Body(error) | Refusal::Unsupported(error) => {
                self.quarantine(shared, error.code(), body);
            }
        }
    }

    fn quarantine(&self, shared: &Shared, code: &'static str, bytes: &[u8]) {
        shared.notes.bad_input(QuarantineEntry {
            at: shared.clock.now(),
            protocol: "jt808".to_owned(),
            code: code.to_owned(),
            peer: self.peer.to_string(),
            bytes: bytes.to_vec(),
        });
    }

    fn command_done(&mut self, serial: u16, result: CommandResult) {
        let Some(index) = self
            .speaking
            .iter()
            .position(|(waiting, _)| *waiting == serial)
        else {
            return;
        };
        let (_, acknowledged) = self.speaking.swap_remove(index);
        let code = match result {
            CommandResult::Acknowledged | CommandResult::Answered => 0,
            CommandResult::Failed => 1,
            CommandResult::BadMessage => 2,
            CommandResult::NotSupported => 3,
            CommandResult::TimedOut | CommandResult::Closed => return,
        };
        if acknowledged.send(code).is_err() {
            tracing::debug!("nobody waits for the acknowledgement of a text any more");
        }
    }
}
