//! Whose card was in, and when.
//!
//! A terminal knows its card and names the driver of what it reports. What comes of the same vehicle by HTTP or from
//! a file may name nobody: then the card that was in at that time tells who drove. Such a fix is stored as it came,
//! and named whenever it is judged, so that it does not matter what was told first.

use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use crate::model::{DriverId, Fix, Timestamp, VehicleId};
use crate::store::{DriverCard, Store};

use super::STORE_RETRY;

/// Card events kept for a connected terminal, those of weeks: fixes that are uploaded late find their driver in
/// them. Of more the oldest is forgotten.
pub(super) const EVENTS_MAX: usize = 512;

/// Card events that a shard keeps of all its vehicles; with more, they are read again when they are needed.
const EVENTS_KEPT_MAX: usize = 1_000_000;

/// Tells the shard of a vehicle that a card went in or out.
#[derive(Debug)]
pub(super) struct CardTold {
    /// The event.
    pub(super) card: DriverCard,
    /// Gets the time of the last fix that was judged without it.
    pub(super) reply: oneshot::Sender<Option<Timestamp>>,
}

/// Card events of a vehicle, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct CardHolder {
    events: Vec<(Timestamp, Option<DriverId>)>,
    /// There may be events before the first of them.
    forgot: bool,
}

impl CardHolder {
    /// From stored events, all of them.
    pub(super) fn of(cards: &[DriverCard]) -> Self {
        let mut holder = Self::default();
        for card in cards {
            holder.insert(card.at, card.driver);
        }
        holder
    }

    /// From the last [`EVENTS_MAX`] stored events.
    pub(super) fn of_last(cards: &[DriverCard]) -> Self {
        Self {
            forgot: cards.len() >= EVENTS_MAX,
            ..Self::of(cards)
        }
    }

    /// A card went in, or out (`None`), at that time; it stands for what was told of that time before.
    pub(super) fn change(&mut self, at: Timestamp, driver: Option<DriverId>) {
        let first = self.events.first().map(|(first, _)| *first);
        if self.forgot && Some(at) < first {
            // Between it and the first one others were forgotten: it would hold for longer than it did.
            return;
        }
        self.insert(at, driver);
        if self.events.len() > EVENTS_MAX {
            self.events.remove(0);
            self.forgot = true;
        }
    }

    fn insert(&mut self, at: Timestamp, driver: Option<DriverId>) {
        let place = self.events.partition_point(|(known, _)| *known < at);
        match self.events.get_mut(place) {
            // Who tells a second event of one time has asked the store which of them stands.
            Some((known, standing)) if *known == at => *standing = driver,
            _ => self.events.insert(place, (at, driver)),
        }
    }

    /// Adds a stored event; what was told of its time is newer, and stays.
    fn add_stored(&mut self, at: Timestamp, driver: Option<DriverId>) {
        let place = self.events.partition_point(|(known, _)| *known < at);
        if self.events.get(place).is_none_or(|(known, _)| *known != at) {
            self.events.insert(place, (at, driver));
        }
    }

    /// Forgets all but the last event, which may not be stored yet.
    fn keep_last(&mut self) {
        self.events.drain(..self.events.len().saturating_sub(1));
        self.events.shrink_to_fit();
    }

    /// Who drove at that time, as far back as the events are known.
    pub(super) fn at(&self, time: Timestamp) -> Option<DriverId> {
        let place = self.events.partition_point(|(known, _)| *known <= time);
        let (_, driver) = self.events.get(place.checked_sub(1)?)?;
        *driver
    }

    /// The fix with the driver that the cards tell: where it names nobody, and where it is a terminal's, which was
    /// named by those cards that were known when it came.
    pub(super) fn named(&self, fix: &Fix) -> Fix {
        let told = fix.driver.is_none() || (fix.source.is_terminal() && !self.events.is_empty());
        let driver = if told { self.at(fix.time) } else { fix.driver };
        Fix { driver, ..*fix }
    }
}

/// The cards of a shard's vehicles, for fixes that name nobody: they come from no terminal, or nobody's card was in,
/// or the terminal's connection knows no card of so long ago.
#[derive(Debug, Default)]
pub(super) struct Cards {
    /// Vehicles of which any card is known.
    vehicles: FxHashMap<VehicleId, Known>,
    /// Events that were read from the store or told, without the last one of each vehicle.
    kept: usize,
}

/// What is at hand of one vehicle's cards.
#[derive(Debug)]
struct Known {
    /// All events from [`Known::from`] on, and whatever was told since the start.
    holder: CardHolder,
    from: Timestamp,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            holder: CardHolder::default(),
            from: Timestamp::MAX,
        }
    }
}

impl Cards {
    /// For these vehicles there are stored cards.
    pub(super) fn of(vehicles: impl IntoIterator<Item = VehicleId>) -> Self {
        let none = |vehicle| (vehicle, Known::default());
        Self {
            vehicles: vehicles.into_iter().map(none).collect(),
            kept: 0,
        }
    }

    /// Whether any card of the vehicle is known.
    pub(super) fn know(&self, vehicle: VehicleId) -> bool {
        !self.vehicles.is_empty() && self.vehicles.contains_key(&vehicle)
    }

    /// Whether cards decide who drove at a fix.
    pub(super) fn decide(&self, fix: &Fix) -> bool {
        fix.driver.is_none() && self.know(fix.vehicle)
    }

    /// The fix with the driver that the cards tell; waits while the store cannot be read.
    pub(super) async fn named(&mut self, store: &Store, fix: &Fix) -> Fix {
        let covered = |known: &Known| known.from <= fix.time;
        if !self.vehicles.get(&fix.vehicle).is_some_and(covered) {
            self.load(store, fix).await;
        }
        let known = self.vehicles.get(&fix.vehicle);
        known.map_or(*fix, |known| known.holder.named(fix))
    }

    async fn load(&mut self, store: &Store, fix: &Fix) {
        let cards = loop {
            match store.driver_cards(fix.vehicle, fix.time).await {
                Ok(cards) => break cards,
                Err(error) => {
                    tracing::warn!(%error, "card events cannot be read: the shard waits");
                    tokio::time::sleep(STORE_RETRY).await;
                }
            }
        };
        self.make_room(cards.len());
        let known = self.vehicles.entry(fix.vehicle).or_default();
        for card in cards {
            known.holder.add_stored(card.at, card.driver);
        }
        known.from = known.from.min(fix.time);
    }

    /// Forgets what can be read again where so many more would be too many.
    fn make_room(&mut self, more: usize) {
        self.kept += more;
        if self.kept <= EVENTS_KEPT_MAX {
            return;
        }
        self.kept = more;
        for known in self.vehicles.values_mut() {
            known.from = Timestamp::MAX;
            known.holder.keep_last();
        }
    }

    /// A card went in or out.
    pub(super) fn told(&mut self, card: &DriverCard) {
        self.make_room(1);
        let known = self.vehicles.entry(card.vehicle).or_default();
        known.holder.insert(card.at, card.driver);
    }

    /// Adds what is at hand of a vehicle's cards to what was read of them before.
    pub(super) fn share(&self, vehicle: VehicleId, holder: &mut CardHolder) {
        if let Some(known) = self.vehicles.get(&vehicle) {
            for (at, driver) in &known.holder.events {
                holder.insert(*at, *driver);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_keeps_the_driver_of_its_time_in_any_order_of_events() {
        let at = Timestamp::from_seconds;
        let mut holder = CardHolder::default();
        assert_eq!(holder.at(at(5)), None);
        holder.change(at(10), Some(DriverId(1)));
        holder.change(at(20), Some(DriverId(2)));
        holder.change(at(15), Some(DriverId(3)));
        holder.change(at(20), Some(DriverId(4)));
        holder.change(at(30), None);
        let driver = |seconds| holder.at(at(seconds)).map(|driver| driver.0);
        assert_eq!(driver(9), None);
        assert_eq!(driver(14), Some(1));
        assert_eq!((driver(15), driver(19)), (Some(3), Some(3)));
        assert_eq!((driver(20), driver(29)), (Some(4), Some(4)));

        assert_eq!(driver(31), None);
        // What is stored is never newer than what was told.
        holder.add_stored(at(20), Some(DriverId(2)));
        assert_eq!(holder.at(at(20)), Some(DriverId(4)));
    }

    #[test]
    fn a_shard_keeps_a_bounded_number_of_events() {
        let at = Timestamp::from_seconds;
        let mut cards = Cards::of([VehicleId(1)]);
        assert!(cards.know(VehicleId(1)) && !cards.know(VehicleId(2)));
        for event in 0..=EVENTS_KEPT_MAX {
            let second = i64::try_from(event).unwrap();
            cards.told(&DriverCard {
                vehicle: VehicleId(2),
                at: at(second),
                received: at(second),
                driver: Some(DriverId(1)),
            });
        }
        // The last ones stay, which may not be stored yet; what was before is read when it is asked for.
        let known = &cards.vehicles[&VehicleId(2)];
        assert_eq!((known.holder.events.len(), known.from), (2, Timestamp::MAX));
    }

    #[test]
    fn the_oldest_events_are_forgotten() {
        let at = Timestamp::from_seconds;
        let mut holder = CardHolder::default();
        for second in 0..600 {
            holder.change(at(second), Some(DriverId(1)));
        }
        assert_eq!(holder.events.len(), EVENTS_MAX);
        assert_eq!(
            (holder.at(at(50)), holder.at(at(599))),
            (None, Some(DriverId(1)))
        );
        // One of before is not taken for all that was forgotten.
        holder.change(at(10), Some(DriverId(2)));
        assert_eq!(holder.at(at(50)), None);
    }
}
