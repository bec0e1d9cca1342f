//! Tells subscribers that something new can be read.
//!
//! The signals carry only how far the change log and the journal have grown: a subscriber reads
//! what is new from where it stands, so that none is lost however slow it is.

use std::sync::Arc;

use tokio::sync::watch;

/// The hub between the writers and the subscribers; clones are the same hub.
#[derive(Clone, Debug)]
pub struct Live(Arc<Hub>);

#[derive(Debug)]
struct Hub {
    changes: watch::Sender<u64>,
    journal: watch::Sender<u64>,
}

impl Live {
    /// A hub that knows how far the change log and the journal reach at the start.
    pub fn new(changes: u64, journal: u64) -> Self {
        Self(Arc::new(Hub {
            changes: watch::Sender::new(changes),
            journal: watch::Sender::new(journal),
        }))
    }

    /// The change log has grown to this sequence; a smaller one than known is ignored.
    pub fn changes_reached(&self, sequence: u64) {
        raise(&self.0.changes, sequence);
    }

    /// The journal has grown to this sequence; a smaller one than known is ignored.
    pub fn journal_reached(&self, sequence: u64) {
        raise(&self.0.journal, sequence);
    }

    /// How far the change log reaches, and a wake-up when it grows.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// How far the journal reaches, and a wake-up when it grows.
    pub fn journal(&self) -> watch::Receiver<u64> {
        self.0.journal.subscribe()
    }
}

fn raise(sender: &watch::Sender<u64>, sequence: u64) {
    sender.send_if_modified(|known| {
        let grown = sequence > *known;
        if grown {
            *known = sequence;
        }
        grown
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_wakes_only_when_the_log_grows() {
        let live = Live::new(5, 0);
        let mut changes = live.changes();
        changes.mark_unchanged();
        live.changes_reached(5);
        live.changes_reached(3);
        assert!(!changes.has_changed().unwrap());
        live.changes_reached(6);
        assert!(changes.has_changed().unwrap());
        assert_eq!(*changes.borrow_and_update(), 6);
        assert_eq!(*live.journal().borrow(), 0);
    }
}
