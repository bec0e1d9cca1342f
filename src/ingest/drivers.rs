//! Whose card was in, and when.

use crate::model::{DriverId, Fix, Timestamp};
use crate::store::DriverCard;

/// Card events kept for a connected terminal, those of weeks: fixes that are uploaded late find their driver in
/// them. Of more the oldest is forgotten.
const EVENTS_MAX: usize = 512;

/// Card events of a vehicle, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct CardHolder {
    events: Vec<(Timestamp, Option<DriverId>)>,
    /// When the last of them was received.
    told_until: Option<Timestamp>,
}

impl CardHolder {
    /// From stored events, all of them.
    pub(super) fn of(cards: &[DriverCard]) -> Self {
        let mut holder = Self::default();
        for card in cards {
            holder.insert(card.at, card.driver);
        }
        holder.told_until = cards.iter().map(|card| card.received).max();
        holder
    }

    /// A card went in, or out (`None`), at that time; of two events of one time the first counts.
    pub(super) fn change(&mut self, at: Timestamp, driver: Option<DriverId>) {
        self.insert(at, driver);
        if self.events.len() > EVENTS_MAX {
            self.events.remove(0);
        }
    }

    fn insert(&mut self, at: Timestamp, driver: Option<DriverId>) {
        let place = self.events.partition_point(|(known, _)| *known < at);
        if self.events.get(place).is_none_or(|(known, _)| *known != at) {
            self.events.insert(place, (at, driver));
        }
    }

    /// Who drove at that time, as far back as the events are known.
    pub(super) fn at(&self, time: Timestamp) -> Option<DriverId> {
        let place = self.events.partition_point(|(known, _)| *known <= time);
        let (_, driver) = self.events.get(place.checked_sub(1)?)?;
        *driver
    }

    /// The fix with the driver that the cards tell, where it came before the last of them was told; a later
    /// one was given its driver when it came.
    pub(super) fn named(&self, fix: &Fix) -> Fix {
        let driver = if fix.source.is_terminal() && Some(fix.received) <= self.told_until {
            self.at(fix.time)
        } else {
            fix.driver
        };
        Fix { driver, ..*fix }
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
        assert_eq!((driver(20), driver(29)), (Some(2), Some(2)));
        assert_eq!(driver(31), None);
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
    }
}
