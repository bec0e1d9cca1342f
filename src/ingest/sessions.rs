//! Live terminal sessions: one a terminal, a newer one replaces the older; commands find their session here.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use tokio::sync::{Notify, oneshot};

use crate::model::VehicleId;

/// Commands that may wait for one terminal.
const COMMANDS_MAX: usize = 16;

/// A text to be spoken by a terminal.
#[derive(Debug)]
pub(super) struct VoiceText {
    /// What is said.
    pub(super) text: String,
    /// Told the result of the terminal's acknowledgement; dropped when none comes.
    pub(super) acknowledged: oneshot::Sender<u8>,
}

/// The way from the rest of the server to one connection.
#[derive(Debug, Default)]
pub(super) struct Link {
    number: u64,
    commands: Mutex<VecDeque<VoiceText>>,
    replaced: AtomicBool,
    wake: Notify,
}

impl Link {
    /// Waits until there is a command or the session was replaced.
    pub(super) async fn called(&self) {
        self.wake.notified().await;
    }

    /// The next command.
    pub(super) fn next(&self) -> Option<VoiceText> {
        self.commands
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }

    /// Whether a newer session of the terminal has taken over.
    pub(super) fn is_replaced(&self) -> bool {
        self.replaced.load(Ordering::Acquire)
    }
}

/// All live sessions by vehicle.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    live: Mutex<FxHashMap<VehicleId, Arc<Link>>>,
    opened: AtomicU64,
}

impl Sessions {
    /// A link for a new connection.
    pub(super) fn link(&self) -> Arc<Link> {
        Arc::new(Link {
            number: self.opened.fetch_add(1, Ordering::Relaxed),
            ..Link::default()
        })
    }

    /// The terminal of a vehicle is online on this link; an older link is told to close.
    pub(super) fn online(&self, vehicle: VehicleId, link: &Arc<Link>) {
        let older = self
            .live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(vehicle, Arc::clone(link));
        if let Some(older) = older.filter(|older| older.number != link.number) {
            older.replaced.store(true, Ordering::Release);
            older.wake.notify_one();
        }
    }

    /// The link has closed; a newer one of the same vehicle stays.
    pub(super) fn offline(&self, vehicle: VehicleId, link: &Link) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if live
            .get(&vehicle)
            .is_some_and(|current| current.number == link.number)
        {
            live.remove(&vehicle);
        }
    }

    /// Sends a text to a vehicle's terminal; `None` when it is not connected or too many wait.
    pub(super) fn speak(&self, vehicle: VehicleId, text: String) -> Option<oneshot::Receiver<u8>> {
        let link = self
            .live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&vehicle)
            .map(Arc::clone)?;
        let mut commands = link.commands.lock().unwrap_or_else(PoisonError::into_inner);
        if commands.len() >= COMMANDS_MAX {
            return None;
        }
        let (acknowledged, answer) = oneshot::channel();
        commands.push_back(VoiceText { text, acknowledged });
        drop(commands);
        link.wake.notify_one();
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_session_replaces_the_older_and_outlives_it() {
        let sessions = Sessions::default();
        let vehicle = VehicleId(7);
        let (older, newer) = (sessions.link(), sessions.link());
        sessions.online(vehicle, &older);
        sessions.online(vehicle, &newer);
        assert!(older.is_replaced() && !newer.is_replaced());
        sessions.offline(vehicle, &older);
        assert!(sessions.speak(vehicle, "请减速".to_owned()).is_some());
        assert_eq!(newer.next().unwrap().text, "请减速");
        sessions.offline(vehicle, &newer);
        assert!(sessions.speak(vehicle, "请减速".to_owned()).is_none());
    }
}
