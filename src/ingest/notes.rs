//! What is written down without anyone waiting for it: bad frames and unknown terminals.
//!
//! A flood of either must not slow good data: notes that find the queue full are counted and dropped.

use tokio::sync::mpsc;

use crate::store::{QuarantineEntry, Sighting, Store};
use crate::telemetry::name;

/// Notes that may wait to be written.
const WAITING_MAX: usize = 1024;
/// Notes written in one transaction.
const BATCH_MAX: usize = 512;

/// Something to write down.
#[derive(Debug)]
enum Note {
    BadInput(QuarantineEntry),
    UnknownTerminal(Sighting),
}

/// The way to the notes; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Notes(mpsc::Sender<Note>);

/// The task that writes notes.
#[derive(Debug)]
pub(super) struct NotesTask {
    store: Store,
    waiting: mpsc::Receiver<Note>,
}

/// Notes and the task that writes them.
pub(super) fn notes(store: Store) -> (Notes, NotesTask) {
    let (sender, waiting) = mpsc::channel(WAITING_MAX);
    (Notes(sender), NotesTask { store, waiting })
}

impl Notes {
    /// Keeps bytes that could not be used.
    pub(super) fn bad_input(&self, entry: QuarantineEntry) {
        metrics::counter!(name::BAD_INPUT, "reason" => entry.code.clone()).increment(1);
        self.add(Note::BadInput(entry));
    }

    /// Keeps the attempt of a terminal that the register does not know.
    pub(super) fn unknown_terminal(&self, sighting: Sighting) {
        metrics::counter!(name::UNKNOWN_TERMINALS).increment(1);
        self.add(Note::UnknownTerminal(sighting));
    }

    fn add(&self, note: Note) {
        if self.0.try_send(note).is_err() {
            metrics::counter!(name::LIMIT_HITS, "limit" => "notes").increment(1);
        }
    }
}

impl NotesTask {
    /// Runs until every [`Notes`] is gone.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::new();
        while self.waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
            let mut bad = Vec::new();
            let mut unknown = Vec::new();
            for note in batch.drain(..) {
                match note {
                    Note::BadInput(entry) => bad.push(entry),
                    Note::UnknownTerminal(sighting) => unknown.push(sighting),
                }
            }
            let written = match self.store.quarantine(&bad).await {
                Ok(()) => self.store.record_unknown_terminals(&unknown).await,
                failed => failed,
            };
            if let Err(error) = written {
                tracing::warn!(%error, notes = bad.len() + unknown.len(), "notes could not be written");
            }
        }
    }
}
