//! Whose card is in, and since when.

use crate::model::{DriverId, Timestamp};

/// The last change of a vehicle's driver, and who drove before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct CardHolder {
    since: Timestamp,
    driver: Option<DriverId>,
    before: Option<DriverId>,
}

impl Default for CardHolder {
    fn default() -> Self {
        Self {
            since: Timestamp::MIN,
            driver: None,
            before: None,
        }
    }
}

impl CardHolder {
    /// A card went in, or out (`None`), at that time; an older event than the last one changes nothing.
    pub(super) fn change(&mut self, at: Timestamp, driver: Option<DriverId>) {
        if at >= self.since {
            *self = Self {
                since: at,
                driver,
                before: self.driver,
            };
        }
    }

    /// Who drove at that time, as far back as the event before the last one.
    pub(super) fn at(&self, time: Timestamp) -> Option<DriverId> {
        if time >= self.since {
            self.driver
        } else {
            self.before
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_from_before_the_change_keeps_its_driver() {
        let at = Timestamp::from_seconds;
        let mut holder = CardHolder::default();
        assert_eq!(holder.at(at(5)), None);
        holder.change(at(10), Some(DriverId(1)));
        holder.change(at(20), Some(DriverId(2)));
        holder.change(at(15), Some(DriverId(3)));
        assert_eq!(
            (holder.at(at(19)), holder.at(at(20))),
            (Some(DriverId(1)), Some(DriverId(2)))
        );
        holder.change(at(30), None);
        assert_eq!(
            (holder.at(at(29)), holder.at(at(31))),
            (Some(DriverId(2)), None)
        );
    }
}
