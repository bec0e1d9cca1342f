//! Evaluated failing lists, kept for a moment.
//!
//! Judging every enterprise of a province over a month reads hundreds of thousands of rows, and
//! many people ask the same. A list is shown again while it is younger than twenty times what it
//! cost to make, within a bound: what is cheap is made anew each time, what is dear is shared. One
//! that is a little older is shown while its successor is made. Whatever people record through the
//! API, and every import, outdates all lists at once; `evaluated_at` always says how old one is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;

use crate::duty::DutyVerdict;
use crate::model::duty::Period;
use crate::model::{Region, Timestamp};

/// Lists kept at once.
const LISTS_MAX: usize = 32;
/// A list may be shown for this many times its cost.
const LIFE_PER_COST: u32 = 20;

/// What a list is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListKey {
    /// Beginning and end as given; `None` for the last 24 h.
    pub(super) period: Option<Period>,
    /// Narrowed to a region.
    pub(super) region: Option<Region>,
    /// Version of the register.
    pub(super) registry: i64,
    /// Version of the rulebook.
    pub(super) rulebook: String,
}

/// The enterprises that fail, judged at one moment.
#[derive(Debug)]
pub(super) struct FailingSnapshot {
    /// The period.
    pub(super) period: Period,
    /// When it was judged.
    pub(super) evaluated_at: Timestamp,
    /// Enterprises judged.
    pub(super) total: usize,
    /// Those that fail, worst first.
    pub(super) failing: Vec<DutyVerdict>,
}

/// How a kept list may be used.
#[derive(Debug)]
pub(super) enum Found {
    /// As it is.
    Fresh(Arc<FailingSnapshot>),
    /// While a newer one is made.
    Aging(Arc<FailingSnapshot>),
    /// There is none.
    Nothing,
}

#[derive(Debug)]
struct Kept {
    key: ListKey,
    generation: u64,
    made: Duration,
    life: Duration,
    list: Arc<FailingSnapshot>,
}

/// The lists kept.
#[derive(Debug, Default)]
pub(super) struct DutyCache {
    kept: Mutex<Vec<Kept>>,
    generation: AtomicU64,
    /// One list is made at a time: they cost alike, and the second asker can use the first's.
    pub(super) making: Arc<Mutex<()>>,
}

impl DutyCache {
    /// Outdates all lists.
    pub(super) fn forget(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// What was recorded so far; a list made from now on holds it.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The list for a key, at a moment of the monotonic clock.
    pub(super) async fn find(&self, key: &ListKey, now: Duration) -> Found {
        let generation = self.generation();
        let kept = self.kept.lock().await;
        let entry = kept
            .iter()
            .find(|entry| entry.key == *key && entry.generation == generation);
        match entry {
            Some(entry) if now.saturating_sub(entry.made) < entry.life => {
                Found::Fresh(Arc::clone(&entry.list))
            }
            Some(entry) if now.saturating_sub(entry.made) < entry.life * 2 => {
                Found::Aging(Arc::clone(&entry.list))
            }
            Some(_) | None => Found::Nothing,
        }
    }

    /// Keeps a list that was made between two moments of the monotonic clock.
    pub(super) async fn keep(
        &self,
        key: ListKey,
        generation: u64,
        (began, made): (Duration, Duration),
        life_max: Duration,
        list: Arc<FailingSnapshot>,
    ) {
        let cost = made.saturating_sub(began);
        let life = (cost * LIFE_PER_COST).min(life_max);
        let mut kept = self.kept.lock().await;
        kept.retain(|entry| entry.key != key && entry.generation >= generation);
        if kept.len() >= LISTS_MAX {
            kept.remove(0);
        }
        kept.push(Kept {
            key,
            generation,
            made: began,
            life,
            list,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_list_lives_as_long_as_it_was_dear() {
        let cache = DutyCache::default();
        let key = ListKey {
            period: None,
            region: None,
            registry: 1,
            rulebook: "1".to_owned(),
        };
        let list = Arc::new(FailingSnapshot {
            period: Period {
                from: Timestamp::MIN,
                to: Timestamp::MAX,
            },
            evaluated_at: Timestamp::MIN,
            total: 0,
            failing: Vec::new(),
        });
        let ms = Duration::from_millis;
        let times = (ms(1000), ms(1010));
        cache
            .keep(key.clone(), 0, times, ms(10_000), Arc::clone(&list))
            .await;
        assert!(matches!(cache.find(&key, ms(1199)).await, Found::Fresh(_)));
        assert!(matches!(cache.find(&key, ms(1200)).await, Found::Aging(_)));
        assert!(matches!(cache.find(&key, ms(1400)).await, Found::Nothing));
        cache.forget();
        assert!(matches!(cache.find(&key, ms(1010)).await, Found::Nothing));
    }
}
