//! By which rules a vehicle was judged first: what was judged stays judged by them until someone asks.

use super::time::{Span, Timestamp};

/// Most changes of rules kept of one vehicle; of more, what is oldest counts as judged by the rules after it.
pub const CHANGES_MAX: usize = 64;

/// By the rules after which import of a rulebook the fixes of a vehicle are judged, by fix time.
///
/// Imports are numbered in their order; 0 stands for the built-in rulebook, before any import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JudgedBy {
    /// From each time on to the next, by time; no two neighbours are alike.
    changes: Vec<(Timestamp, i64)>,
}

impl JudgedBy {
    /// From its changes, in any order.
    pub fn new(mut changes: Vec<(Timestamp, i64)>) -> Self {
        changes.sort_unstable();
        let mut this = Self { changes };
        this.tidy();
        this
    }

    /// From each time on to the next, by time.
    pub fn changes(&self) -> &[(Timestamp, i64)] {
        &self.changes
    }

    /// By what a fix of that time was judged; `None` where nothing was judged so far back.
    pub fn at(&self, time: Timestamp) -> Option<i64> {
        let place = self.changes.partition_point(|(from, _)| *from <= time);
        self.changes
            .get(place.checked_sub(1)?)
            .map(|(_, import)| *import)
    }

    /// By what the next fix in order is judged where no rules came since.
    pub fn last(&self) -> Option<i64> {
        self.changes.last().map(|(_, import)| *import)
    }

    /// Everything from a time on is judged by the rules after that import.
    pub fn judge_on(&mut self, from: Timestamp, import: i64) {
        self.changes.retain(|(at, _)| *at < from);
        self.changes.push((from, import));
        self.tidy();
    }

    /// Fixes of times so far back that nothing was judged there are judged now.
    pub fn judge_first(&mut self, from: Timestamp, import: i64) {
        if self.at(from).is_none() {
            self.changes.insert(0, (from, import));
            self.tidy();
        }
    }

    /// Someone asked for a period, its end not included, to be judged by the rules after that import; the last
    /// fix that is judged so far is of the time `last`.
    pub fn judge_again(
        &mut self,
        (from, to): (Timestamp, Timestamp),
        import: i64,
        last: Timestamp,
    ) {
        if last < from {
            return;
        }
        let after = self.at(to).filter(|_| to <= last);
        self.changes.retain(|(at, _)| *at < from || to <= *at);
        self.changes.push((from, import));
        if let Some(after) = after
            && !self.changes.iter().any(|(at, _)| *at == to)
        {
            self.changes.push((to, after));
        }
        self.changes.sort_unstable();
        self.tidy();
    }

    fn tidy(&mut self) {
        let surplus = self.changes.len().saturating_sub(CHANGES_MAX);
        if let Some((first, _)) = self.changes.first().copied()
            && surplus > 0
        {
            self.changes.drain(..surplus);
            if let Some(oldest) = self.changes.first_mut() {
                oldest.0 = first;
            }
        }
        self.changes.dedup_by_key(|(_, import)| *import);
    }
}

/// The first moment after a fix.
pub fn after(time: Timestamp) -> Timestamp {
    time + Span::from_millis(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    fn told(judged_by: &JudgedBy) -> Vec<(i64, i64)> {
        let seconds = |(from, import): &(Timestamp, i64)| (from.millis() / 1000, *import);
        judged_by.changes().iter().map(seconds).collect()
    }

    #[test]
    fn rules_hold_from_the_first_fix_that_they_judged() {
        let mut judged_by = JudgedBy::default();
        assert_eq!((judged_by.at(at(5)), judged_by.last()), (None, None));
        judged_by.judge_on(at(10), 1);
        judged_by.judge_on(at(20), 1);
        judged_by.judge_on(at(30), 4);
        assert_eq!(told(&judged_by), [(10, 1), (30, 4)]);
        let by = |second| judged_by.at(at(second));
        assert_eq!(
            (by(9), by(10), by(29), by(30)),
            (None, Some(1), Some(1), Some(4))
        );
        assert_eq!(judged_by.last(), Some(4));
        assert_eq!(JudgedBy::new(vec![(at(30), 4), (at(10), 1)]), judged_by);
    }

    #[test]
    fn what_lies_before_everything_is_judged_when_it_comes() {
        let mut judged_by = JudgedBy::new(vec![(at(10), 1), (at(30), 4)]);
        judged_by.judge_first(at(20), 5);
        judged_by.judge_first(at(5), 5);
        judged_by.judge_first(at(2), 6);
        judged_by.judge_first(at(3), 7);
        assert_eq!(told(&judged_by), [(2, 6), (5, 5), (10, 1), (30, 4)]);
    }

    #[test]
    fn a_period_for_which_someone_asks_is_judged_by_other_rules() {
        let judged = JudgedBy::new(vec![(at(10), 1), (at(30), 4), (at(40), 5)]);
        let asked = |from, to, import| {
            let mut judged_by = judged.clone();
            judged_by.judge_again((at(from), at(to)), import, at(50));
            told(&judged_by)
        };
        assert_eq!(
            asked(15, 20, 7),
            [(10, 1), (15, 7), (20, 1), (30, 4), (40, 5)]
        );
        assert_eq!(asked(20, 35, 7), [(10, 1), (20, 7), (35, 4), (40, 5)]);
        assert_eq!(asked(0, 40, 7), [(0, 7), (40, 5)]);
        assert_eq!(asked(0, 5, 7), [(0, 7), (10, 1), (30, 4), (40, 5)]);
        assert_eq!(asked(30, 90, 5), [(10, 1), (30, 5)]);
        assert_eq!(asked(35, 50, 7), [(10, 1), (30, 4), (35, 7), (50, 5)]);
        // Beyond what was judged there is nothing to judge again.
        assert_eq!(asked(35, 51, 7), [(10, 1), (30, 4), (35, 7)]);
        assert_eq!(asked(51, 90, 7), told(&judged));
    }

    #[test]
    fn the_oldest_changes_are_forgotten() {
        let mut judged_by = JudgedBy::default();
        for import in 0..100 {
            judged_by.judge_on(at(import), import);
        }
        assert_eq!(judged_by.changes().len(), CHANGES_MAX);
        assert_eq!(
            (judged_by.at(at(0)), judged_by.at(at(99))),
            (Some(36), Some(99))
        );
    }
}
