//! One terminal of the demo: a task that owns a TCP connection to the server.
//!
//! ```text
//! away --upload--> registering --0x8100--> authenticating --0x8001--> online
//! online --uploads, all acknowledged--> online
//! online --connection lost--> away          (what was not acknowledged goes again)
//! ```
//! Commands of the platform are answered between and during uploads.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};

use super::wire::{Upload, Wire};
use crate::model::{Plate, Region, TerminalPhone};
use crate::protocol::Reader;
use crate::protocol::jt808::acknowledge::{Ack, AckResult, PLATFORM_ACK};
use crate::protocol::jt808::registration::{REGISTER_ANSWER, RegisterAnswer};
use crate::protocol::jt808::{FrameDecoder, FrameEvent, Header};

/// Messages that may wait for their acknowledgement at a time.
const WINDOW: usize = 16;
/// Commands of the player that may wait.
const COMMANDS: usize = 4;
/// Longest wait for an acknowledgement.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// A connection says that it is alive this often.
const HEARTBEAT: Duration = Duration::from_mins(1);
/// Connections tried for one upload, and the pause between them.
const ATTEMPTS: usize = 5;
const PAUSE: Duration = Duration::from_millis(300);
/// Text command, 0x8300.
const TEXT: u16 = 0x8300;

/// Which terminal it is.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) phone: TerminalPhone,
    pub(super) plate: Plate,
    pub(super) region: Region,
}

/// What the player holds of a terminal.
#[derive(Debug)]
pub(super) struct Terminal {
    commands: mpsc::Sender<Command>,
    task: JoinHandle<()>,
}

struct Command {
    uploads: Vec<Upload>,
    done: oneshot::Sender<anyhow::Result<()>>,
}

impl Terminal {
    /// A terminal that connects when it first has something to say.
    pub(super) fn start(identity: Identity, address: SocketAddr) -> anyhow::Result<Self> {
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let link = Link {
            wire: Wire::new(&identity.phone)?,
            identity,
            address,
            code: None,
            connection: None,
        };
        Ok(Self {
            commands,
            task: tokio::spawn(serve(link, inbox)),
        })
    }

    /// Sends; done when the platform has acknowledged all of it.
    pub(super) async fn upload(&self, uploads: Vec<Upload>) -> anyhow::Result<()> {
        let (done, answer) = oneshot::channel();
        let command = Command { uploads, done };
        if self.commands.send(command).await.is_err() {
            bail!("the terminal has stopped");
        }
        answer.await.context("the terminal has stopped")?
    }

    /// Closes the connection.
    pub(super) async fn stop(self) {
        drop(self.commands);
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "a terminal of the demo ended badly");
        }
    }
}

async fn serve(mut link: Link, mut inbox: mpsc::Receiver<Command>) {
    let mut beat = interval(HEARTBEAT);
    loop {
        // Only what can be given up without loss is waited for here.
        let woken = tokio::select! {
            command = inbox.recv() => Woken::Command(command),
            heard = link.hear() => Woken::Heard(heard),
            _ = beat.tick() => Woken::Beat,
        };
        let seen = match woken {
            Woken::Command(None) => return,
            Woken::Command(Some(command)) => {
                let result = link.upload(&command.uploads).await;
                if command.done.send(result).is_err() {
                    return;
                }
                Ok(())
            }
            Woken::Heard(Ok(heard)) => link.obey_all(&heard).await,
            Woken::Heard(Err(error)) => Err(error),
            Woken::Beat => link.beat().await,
        };
        if let Err(error) = seen {
            tracing::debug!(%error, "a terminal of the demo lost its connection");
            link.connection = None;
        }
    }
}

enum Woken {
    Command(Option<Command>),
    Heard(anyhow::Result<Vec<Heard>>),
    Beat,
}

/// What the platform sent.
enum Heard {
    Ack(Ack),
    Registered(RegisterAnswer),
    Command(Header),
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    decoder: FrameDecoder,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Link {
    wire: Wire,
    identity: Identity,
    address: SocketAddr,
    /// Authentication code of the last registration.
    code: Option<String>,
    connection: Option<Connection>,
}

impl Connection {
    async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            decoder: FrameDecoder::default(),
            buffer: vec![0; 2048],
        })
    }

    async fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(bytes).await?;
        Ok(())
    }

    /// Waits for bytes; what they say. Nothing is lost when the wait is given up.
    async fn read(&mut self) -> anyhow::Result<Vec<Heard>> {
        let count = self.stream.read(&mut self.buffer).await?;
        if count == 0 {
            bail!("the server closed the connection");
        }
        let mut heard = Vec::new();
        let mut rest = self.buffer.get(..count).unwrap_or_default();
        while !rest.is_empty() {
            let (used, event) = self.decoder.poll_frame(rest);
            rest = rest.get(used..).unwrap_or_default();
            let Some(FrameEvent::Frame(frame)) = event else {
                continue;
            };
            let mut reader = Reader::new(frame.body);
            heard.push(match frame.header.message_id {
                PLATFORM_ACK => Heard::Ack(Ack::decode(&mut reader)?),
                REGISTER_ANSWER => Heard::Registered(RegisterAnswer::decode(&mut reader)?),
                _ => Heard::Command(frame.header),
            });
        }
        Ok(heard)
    }
}

impl Link {
    /// Waits for what the platform sends; for ever while there is no connection.
    async fn hear(&mut self) -> anyhow::Result<Vec<Heard>> {
        match &mut self.connection {
            Some(connection) => connection.read().await,
            None => std::future::pending().await,
        }
    }

    /// Answers commands.
    async fn obey_all(&mut self, heard: &[Heard]) -> anyhow::Result<()> {
        for heard in heard {
            if let Heard::Command(header) = heard {
                self.obey(header).await?;
            }
        }
        Ok(())
    }

    async fn beat(&mut self) -> anyhow::Result<()> {
        let mut out = Vec::new();
        if let Some(connection) = &mut self.connection {
            self.wire.heartbeat(&mut out);
            connection.write(&out).await?;
        }
        Ok(())
    }

    async fn obey(&mut self, command: &Header) -> anyhow::Result<()> {
        let result = if command.message_id == TEXT {
            AckResult::SUCCESS
        } else {
            AckResult::NOT_SUPPORTED
        };
        let mut out = Vec::new();
        self.wire.answer(command, result, &mut out);
        self.online()?.write(&out).await
    }

    fn online(&mut self) -> anyhow::Result<&mut Connection> {
        self.connection.as_mut().context("there is no connection")
    }

    /// Sends until all is acknowledged, over a new connection where the old one is lost.
    async fn upload(&mut self, uploads: &[Upload]) -> anyhow::Result<()> {
        let mut open: BTreeMap<usize, &Upload> = uploads.iter().enumerate().collect();
        let mut attempt = 1;
        loop {
            match timeout(ANSWER_WITHIN, self.send(&mut open)).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) if attempt == ATTEMPTS => {
                    return Err(error.context(format!("terminal {}", self.identity.phone)));
                }
                Ok(Err(error)) => tracing::debug!(%error, "a terminal of the demo connects again"),
                Err(_) if attempt == ATTEMPTS => {
                    bail!("terminal {}: no acknowledgement", self.identity.phone);
                }
                Err(_) => tracing::debug!("a terminal of the demo waits too long"),
            }
            self.connection = None;
            attempt += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// One attempt; takes out of `open` what is acknowledged.
    async fn send(&mut self, open: &mut BTreeMap<usize, &Upload>) -> anyhow::Result<()> {
        self.come_online().await?;
        let mut waiting: BTreeMap<u16, usize> = BTreeMap::new();
        let mut next = 0;
        while !open.is_empty() {
            let mut out = Vec::new();
            for (index, upload) in open.range(next..) {
                if waiting.len() == WINDOW {
                    break;
                }
                waiting.insert(self.wire.upload(upload, &mut out)?, *index);
                next = index + 1;
            }
            self.online()?.write(&out).await?;
            for heard in self.online()?.read().await? {
                match heard {
                    Heard::Ack(ack) => {
                        let Some(index) = waiting.remove(&ack.answer_serial) else {
                            continue;
                        };
                        if !matches!(ack.result, AckResult::SUCCESS | AckResult::ALARM_HANDLED) {
                            bail!(
                                "message {:#06x} was refused: {:?}",
                                ack.answer_id,
                                ack.result
                            );
                        }
                        open.remove(&index);
                    }
                    Heard::Command(header) => self.obey(&header).await?,
                    Heard::Registered(_) => {}
                }
            }
        }
        Ok(())
    }

    /// Connects, registers where that was not yet done, and authenticates.
    async fn come_online(&mut self) -> anyhow::Result<()> {
        if self.connection.is_some() {
            return Ok(());
        }
        let mut connection = Connection::open(self.address).await?;
        let code = match self.code.take() {
            Some(code) => code,
            None => self.register(&mut connection).await?,
        };
        let mut out = Vec::new();
        let serial = self.wire.authenticate(&code, &mut out)?;
        connection.write(&out).await?;
        let accepted = 'answered: loop {
            for heard in connection.read().await? {
                if let Heard::Ack(ack) = heard
                    && ack.answer_serial == serial
                {
                    break 'answered ack.result == AckResult::SUCCESS;
                }
            }
        };
        if !accepted {
            bail!("the authentication code was refused");
        }
        self.code = Some(code);
        self.connection = Some(connection);
        Ok(())
    }

    async fn register(&mut self, connection: &mut Connection) -> anyhow::Result<String> {
        let mut out = Vec::new();
        let Identity { plate, region, .. } = &self.identity;
        self.wire.register(plate, region, &mut out)?;
        connection.write(&out).await?;
        loop {
            for heard in connection.read().await? {
                if let Heard::Registered(answer) = heard {
                    return answer
                        .token
                        .with_context(|| format!("registration refused: {:?}", answer.result));
                }
            }
        }
    }
}
