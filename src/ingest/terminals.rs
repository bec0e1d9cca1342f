//! Which terminals may speak: registration, authentication codes, unknown terminals.
//!
//! Codes are random and kept as hashes: in memory for every authentication, in the store before the terminal
//! hears of them. Registrations are written in batches, because after an outage a whole fleet comes at once.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustc_hash::FxHashMap;
use sha2::{Digest as _, Sha256};
use tokio::sync::{mpsc, oneshot, watch};

use super::STORE_RETRY;
use super::directory::Directory;
use super::notes::Notes;
use crate::clock::Clock;
use crate::model::{TerminalPhone, VehicleId};
use crate::random::unguessable_hex;
use crate::store::{
    PAGE_ROWS_MAX, Page, RegisteredTerminal, Registration, Sighting, Store, StoreError,
};

/// Registrations that may wait to be written.
const WAITING_MAX: usize = 4096;
/// Registrations written in one transaction.
const BATCH_MAX: usize = 1024;
/// Random bytes of a code.
const CODE_BYTES: usize = 16;

type Hash = [u8; 32];

/// Whether a terminal was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Registered, with this code.
    Accepted(String),
    /// The terminal is not in the register.
    Unknown,
    /// No vehicle of the register has the plate that it names.
    VehicleUnknown,
    /// By the register the terminal is in another vehicle than it says.
    OtherVehicle,
}

struct Waiting {
    terminal: RegisteredTerminal,
    stored: oneshot::Sender<()>,
}

/// The terminals; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Terminals {
    store: Store,
    clock: Clock,
    directory: watch::Receiver<Arc<Directory>>,
    hashes: Arc<Mutex<FxHashMap<TerminalPhone, Hash>>>,
    waiting: mpsc::Sender<Waiting>,
    notes: Notes,
}

/// The task that writes registrations.
pub(super) struct RegistrationTask {
    store: Store,
    waiting: mpsc::Receiver<Waiting>,
    retry: Duration,
}

impl Terminals {
    /// Loads the hashes of all codes.
    ///
    /// # Errors
    /// As the database says.
    pub(super) async fn load(
        store: Store,
        clock: Clock,
        directory: watch::Receiver<Arc<Directory>>,
        notes: Notes,
        retry: Duration,
    ) -> Result<(Self, RegistrationTask), StoreError> {
        let mut hashes = FxHashMap::default();
        let mut after = None;
        loop {
            let page = Page {
                limit: PAGE_ROWS_MAX,
                after,
            };
            let listed = store.list_terminals(&page).await?;
            for terminal in listed.items {
                if let Ok(hash) = Hash::try_from(terminal.code_hash.as_slice()) {
                    hashes.insert(terminal.phone, hash);
                }
            }
            after = listed.next;
            if after.is_none() {
                break;
            }
        }
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let task = RegistrationTask {
            store: store.clone(),
            waiting: receiver,
            retry,
        };
        Ok((
            Self {
                store,
                clock,
                directory,
                hashes: Arc::new(Mutex::new(hashes)),
                waiting: sender,
                notes,
            },
            task,
        ))
    }

    /// The vehicle of a terminal.
    pub(super) fn vehicle(&self, phone: &TerminalPhone) -> Option<VehicleId> {
        self.directory.borrow().by_terminal(phone)
    }

    /// Registers a terminal that the register knows; answers when its new code is stored.
    ///
    /// `plated` says whether the registration names a plate at all. A session that is open goes on: only who
    /// shows the new code takes its place.
    pub(super) async fn register(
        &self,
        phone: &TerminalPhone,
        registration: Registration,
        plated: bool,
        peer: SocketAddr,
    ) -> Decision {
        let claimed = plated.then_some(registration.plate.as_str());
        if let Err(refused) = self.check_vehicle(phone, claimed) {
            self.unknown(phone, peer, Some(registration.plate));
            return refused;
        }
        let code = match unguessable_hex(CODE_BYTES) {
            Ok(code) => code,
            Err(error) => {
                tracing::error!(%error, "no random bytes: a terminal cannot be registered");
                return Decision::Unknown;
            }
        };
        let hash = Hash::from(Sha256::digest(code.as_bytes()));
        let (stored, answer) = oneshot::channel();
        let terminal = RegisteredTerminal {
            phone: phone.clone(),
            code_hash: hash.to_vec(),
            registered_at: self.clock.now(),
            registration,
        };
        if self
            .waiting
            .send(Waiting { terminal, stored })
            .await
            .is_err()
            || answer.await.is_err()
        {
            return Decision::Unknown;
        }
        self.hashes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(phone.clone(), hash);
        Decision::Accepted(code)
    }

    /// Whether a terminal is in the register, in the vehicle that it names if it names one.
    ///
    /// The colour of the plate refuses nobody: it is often set wrongly.
    fn check_vehicle(&self, phone: &TerminalPhone, claimed: Option<&str>) -> Result<(), Decision> {
        let directory = self.directory.borrow();
        let vehicle = directory.by_terminal(phone).ok_or(Decision::Unknown)?;
        let record = directory.vehicle(vehicle);
        match claimed {
            None => Ok(()),
            Some(plate) if record.is_some_and(|record| record.plate.text == plate) => Ok(()),
            Some(plate) if directory.index.has_plate(plate) => Err(Decision::OtherVehicle),
            Some(_) => Err(Decision::VehicleUnknown),
        }
    }

    /// The vehicle of a terminal that showed the right code.
    pub(super) fn authenticate(
        &self,
        phone: &TerminalPhone,
        code: &str,
        peer: SocketAddr,
    ) -> Option<VehicleId> {
        let Some(vehicle) = self.vehicle(phone) else {
            self.unknown(phone, peer, None);
            return None;
        };
        // Old firmware sends the code back with padding.
        let code = code.trim_matches(|c: char| c == '\0' || c.is_whitespace());
        let hash = Hash::from(Sha256::digest(code.as_bytes()));
        let known = self
            .hashes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(phone)
            .copied();
        (known == Some(hash)).then_some(vehicle)
    }

    /// Forgets the code of a terminal that unregistered; waits while the store cannot be used.
    pub(super) async fn unregister(&self, phone: &TerminalPhone) {
        while let Err(error) = self.store.delete_terminal(phone).await {
            tracing::error!(%error, "a terminal cannot be unregistered: it waits");
            tokio::time::sleep(STORE_RETRY).await;
        }
        self.hashes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(phone);
    }

    /// Writes the attempt of a terminal down that sends without being known.
    pub(super) fn note_if_unknown(&self, phone: &TerminalPhone, peer: SocketAddr) {
        if self.vehicle(phone).is_none() {
            self.unknown(phone, peer, None);
        }
    }

    fn unknown(&self, phone: &TerminalPhone, peer: SocketAddr, plate: Option<String>) {
        self.notes.unknown_terminal(Sighting {
            phone: phone.clone(),
            at: self.clock.now(),
            address: peer.to_string(),
            plate: plate.filter(|plate| !plate.is_empty()),
        });
    }
}

impl RegistrationTask {
    /// Runs until every [`Terminals`] is gone.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::new();
        while self.waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
            let (terminals, stored): (Vec<_>, Vec<_>) = batch
                .drain(..)
                .map(|waiting| (waiting.terminal, waiting.stored))
                .unzip();
            while let Err(error) = self.store.save_terminals(&terminals).await {
                tracing::error!(%error, "registrations cannot be stored: terminals wait");
                tokio::time::sleep(self.retry).await;
            }
            for stored in stored {
                if stored.send(()).is_err() {
                    tracing::debug!("a terminal hung up while it was registered");
                }
            }
        }
    }
}
