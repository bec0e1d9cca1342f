//! What every terminal connection needs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::TerminalSettings;
use crate::model::{DriverId, Timestamp, VehicleId};
use crate::protocol::jt808::reassembly::ReassemblyLimits;
use crate::protocol::jt808::session::Limits;
use crate::store::{DriverCard, Store};

use super::STORE_RETRY;
use super::committer::Committer;
use super::directory::Directory;
use super::drivers::{CardHolder, CardTold, EVENTS_MAX};
use super::intake::NewDrivers;
use super::notes::Notes;
use super::sessions::Sessions;
use super::shard::shard_of;
use super::terminals::Terminals;

/// The parts of the server that a terminal connection uses.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) clock: Clock,
    /// For time-outs: it runs at the network's pace also where the clock of the story does not.
    pub(super) timer: Clock,
    pub(super) store: Store,
    pub(super) committer: Committer,
    pub(super) directory: watch::Receiver<Arc<Directory>>,
    pub(super) drivers: NewDrivers,
    pub(super) terminals: Terminals,
    pub(super) notes: Notes,
    pub(super) sessions: Arc<Sessions>,
    /// Ways to the shards for card events.
    pub(super) cards: Vec<mpsc::Sender<CardTold>>,
    /// Counts good frames.
    pub(super) frames: metrics::Counter,
    pub(super) limits: Limits,
    pub(super) udp_sessions_max: usize,
    pub(super) write_max: Duration,
    pub(super) shutdown: CancellationToken,
}

/// The bounds of a session, from the settings.
pub(super) fn limits(settings: &TerminalSettings) -> Limits {
    let seconds = Duration::from_secs;
    let defaults = Limits::default();
    Limits {
        frame_bytes_max: narrow(settings.frame_bytes_max),
        frames_per_s_max: narrow(settings.frames_per_second_max),
        bad_frames_max: narrow(settings.bad_frames_max),
        unauthenticated_max: seconds(settings.unauthenticated_s_max),
        idle_max: seconds(settings.idle_s_max),
        answer_wait: seconds(settings.command_wait_s),
        resends_max: narrow(settings.command_resends_max),
        reassembly: ReassemblyLimits {
            packages_max: narrow(settings.subpackages_max),
            bytes_max: narrow(settings.subpackage_bytes_max),
            age_max: seconds(settings.subpackage_age_s_max),
            ..defaults.reassembly
        },
        ..defaults
    }
}

/// A setting in the type of its bound; the settings' own bounds make it fit.
fn narrow<T: TryFrom<u64> + MaxValue>(number: u64) -> T {
    T::try_from(number).unwrap_or(T::MAX_VALUE)
}

/// The largest value of an integer type.
trait MaxValue {
    const MAX_VALUE: Self;
}

impl MaxValue for u8 {
    const MAX_VALUE: Self = Self::MAX;
}
impl MaxValue for u16 {
    const MAX_VALUE: Self = Self::MAX;
}
impl MaxValue for u32 {
    const MAX_VALUE: Self = Self::MAX;
}
impl MaxValue for usize {
    const MAX_VALUE: Self = Self::MAX;
}

impl Shared {
    /// Number of the driver with that licence; waits while the store cannot be used.
    pub(super) async fn driver_number(&self, licence: &str) -> Option<DriverId> {
        let directory = Arc::clone(&self.directory.borrow());
        loop {
            match self.drivers.number(&self.store, &directory, licence).await {
                Ok(driver) => return driver,
                Err(error) => {
                    tracing::warn!(%error, "a driver cannot be looked up: the terminal waits");
                    tokio::time::sleep(STORE_RETRY).await;
                }
            }
        }
    }

    /// Stores a card event; waits while the store cannot be used. Whether it stands, and is news.
    ///
    /// The shard hears of it first: whatever it judges from then on knows the card, and what it judged before
    /// makes the event a late one.
    pub(super) async fn store_card(&self, card: DriverCard, newest: Option<Timestamp>) -> bool {
        if !self.is_news(&card).await {
            return false;
        }
        let newest = newest.max(self.tell_shard(card).await);
        while let Err(error) = self.store.save_driver_card(&card, newest).await {
            tracing::warn!(%error, "a card event cannot be stored: the terminal waits");
            tokio::time::sleep(STORE_RETRY).await;
        }
        true
    }

    async fn is_news(&self, card: &DriverCard) -> bool {
        loop {
            match self.store.is_driver_card_news(card).await {
                Ok(news) => return news,
                Err(error) => {
                    tracing::warn!(%error, "card events cannot be read: the terminal waits");
                    tokio::time::sleep(STORE_RETRY).await;
                }
            }
        }
    }

    /// Time of the last fix that was judged without that card.
    async fn tell_shard(&self, card: DriverCard) -> Option<Timestamp> {
        let shard = self.cards.get(shard_of(card.vehicle, self.cards.len()))?;
        let (reply, judged) = oneshot::channel();
        // A shard that has died is told by the flusher.
        shard.send(CardTold { card, reply }).await.ok()?;
        judged.await.ok()?
    }

    /// Whose card was in when the terminal was last heard of.
    pub(super) async fn card_holder(&self, vehicle: VehicleId) -> CardHolder {
        loop {
            match self.store.last_driver_cards(vehicle, EVENTS_MAX).await {
                Ok(cards) => return CardHolder::of_last(&cards),
                Err(error) => {
                    tracing::warn!(%error, "card events cannot be read: the terminal waits");
                    tokio::time::sleep(STORE_RETRY).await;
                }
            }
        }
    }
}
