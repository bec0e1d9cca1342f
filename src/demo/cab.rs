//! One vehicle's terminal on a real connection.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::behaviour::Sending;
use super::county::Actor;
use crate::model::Timestamp;
use crate::simulate::frame::{Answer, AnswerReader};
use crate::simulate::terminal::{BatchKind, Terminal};

/// How long a server may take to answer before the demo gives up.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// A terminal that is online.
#[derive(Debug)]
pub(super) struct Cab {
    stream: TcpStream,
    terminal: Terminal,
    answers: AnswerReader,
    out: Vec<u8>,
    /// Serials that wait for their answer.
    waiting: VecDeque<u16>,
    refused: u64,
}

impl Cab {
    /// Connects, registers and authenticates.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or refuses the terminal.
    pub(super) async fn board(address: SocketAddr, actor: &Actor) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("{} cannot connect to {address}", actor.plate))?;
        stream.set_nodelay(true)?;
        let mut cab = Self {
            stream,
            terminal: Terminal::new(&actor.phone),
            answers: AnswerReader::default(),
            out: Vec::new(),
            waiting: VecDeque::new(),
            refused: 0,
        };
        cab.terminal.register(&actor.plate, &mut cab.out);
        cab.flush().await?;
        let code = loop {
            let registered = cab
                .read()
                .await?
                .into_iter()
                .find_map(|answer| match answer {
                    Answer::Registered { result, code } => Some((result, code)),
                    Answer::General { .. } | Answer::Command { .. } => None,
                });
            match registered {
                Some((0, code)) => break code,
                Some((result, _)) => {
                    bail!("{} was refused: registration result {result}", actor.plate)
                }
                None => {}
            }
        };
        let serial = cab.terminal.authenticate(&code, &mut cab.out);
        cab.waiting.push_back(serial);
        cab.flush().await?;
        cab.settle().await?;
        if cab.refused > 0 {
            bail!("{} was refused at authentication", actor.plate);
        }
        Ok(cab)
    }

    /// Puts a message into the next write; returns the number of reports in it.
    pub(super) fn queue(&mut self, actor: &Actor, at: Timestamp, what: &Sending) -> u64 {
        let (terminal, out) = (&mut self.terminal, &mut self.out);
        let (serial, reports) = match what {
            Sending::Report(report) => (terminal.report(report, out), 1),
            Sending::BlindArea(reports) => (
                terminal.batch(BatchKind::BlindArea, reports, out),
                u64::try_from(reports.len()).unwrap_or_default(),
            ),
            Sending::Card(card) => {
                let (name, licence) = (&actor.driver_name, &actor.licence);
                (terminal.card(*card, at, name, licence, out), 0)
            }
        };
        self.waiting.push_back(serial);
        reports
    }

    /// Sends what is queued.
    ///
    /// # Errors
    ///
    /// Those of the connection.
    pub(super) async fn flush(&mut self) -> anyhow::Result<()> {
        self.stream.write_all(&self.out).await?;
        self.out.clear();
        Ok(())
    }

    /// Waits until everything that was sent is acknowledged.
    ///
    /// # Errors
    ///
    /// When the server closes the connection or does not answer in time.
    pub(super) async fn settle(&mut self) -> anyhow::Result<()> {
        while !self.waiting.is_empty() {
            for answer in self.read().await? {
                match answer {
                    Answer::General { serial, result } => {
                        self.waiting.retain(|waiting| *waiting != serial);
                        self.refused += u64::from(result != 0);
                    }
                    Answer::Command { message_id, serial } => {
                        self.terminal.acknowledge(serial, message_id, &mut self.out);
                        self.flush().await?;
                    }
                    Answer::Registered { .. } => {}
                }
            }
        }
        Ok(())
    }

    /// Messages that the server has refused.
    pub(super) const fn refused(&self) -> u64 {
        self.refused
    }

    async fn read(&mut self) -> anyhow::Result<Vec<Answer>> {
        let mut buffer = [0; 4096];
        loop {
            timeout(ANSWER_WITHIN, self.stream.readable())
                .await
                .context("the server does not answer")??;
            let read = match self.stream.try_read(&mut buffer) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            };
            let mut answers = Vec::new();
            let bytes = buffer.get(..read).unwrap_or_default();
            self.answers
                .handle_bytes(bytes, |answer| answers.push(answer));
            return Ok(answers);
        }
    }
}
