//! Footers that were read, within a bound of bytes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::read::Footer;

/// Footers by path; what was used longest ago leaves first.
#[derive(Debug)]
pub(super) struct FooterCache {
    bytes_max: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    footers: BTreeMap<String, (Arc<Footer>, u64)>,
    /// Paths by their last use.
    used: BTreeMap<u64, String>,
    uses: u64,
    bytes: usize,
}

impl FooterCache {
    /// An empty cache.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            inner: Mutex::default(),
        }
    }

    /// The footer of a file, where it is kept.
    pub(super) fn find(&self, path: &str) -> Option<Arc<Footer>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *inner;
        let (footer, used) = inner.footers.get_mut(path)?;
        inner.uses += 1;
        inner.used.remove(used);
        *used = inner.uses;
        inner.used.insert(inner.uses, path.to_owned());
        Some(Arc::clone(footer))
    }

    /// Keeps a footer; one that is larger than the bound is not kept.
    pub(super) fn keep(&self, path: &str, footer: &Arc<Footer>) {
        let bytes = footer.memory_bytes();
        if bytes > self.bytes_max {
            return;
        }
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *inner;
        inner.uses += 1;
        let entry = (Arc::clone(footer), inner.uses);
        if let Some((before, used)) = inner.footers.insert(path.to_owned(), entry) {
            // Two readers met: the footer is kept once.
            inner.used.remove(&used);
            inner.bytes -= before.memory_bytes();
        }
        inner.used.insert(inner.uses, path.to_owned());
        inner.bytes += bytes;
        while inner.bytes > self.bytes_max
            && let Some((_, path)) = inner.used.pop_first()
        {
            if let Some((footer, _)) = inner.footers.remove(&path) {
                inner.bytes -= footer.memory_bytes();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::write::{FileWriter, Names};
    use super::*;
    use crate::model::{Fix, Span, Timestamp, VehicleId};

    /// The footer of a file of one vehicle; its length follows the number of fixes, by pages and row groups.
    fn footer(fixes: usize) -> Arc<Footer> {
        let begin = Timestamp::from_millis(1_795_190_400_000);
        let fixes: Vec<Fix> = (0_i64..)
            .take(fixes)
            .map(|second| Fix {
                vehicle: VehicleId(1),
                time: begin + Span::from_seconds(second),
                received: begin + Span::from_seconds(second),
                ..Fix::EMPTY
            })
            .collect();
        let names = Names::default();
        let mut writer = FileWriter::new(&names).unwrap();
        writer.push(&fixes).unwrap();
        let file = writer.finish().unwrap().unwrap();
        let bytes = file.bytes.len();
        let footer_bytes = usize::try_from(file.footer_bytes).unwrap();
        let tail = file.bytes.slice(bytes - footer_bytes..);
        Arc::new(Footer::parse(tail, bytes as u64).unwrap())
    }

    /// What is kept, and that the cache counts it right and within its bound.
    fn kept(cache: &FooterCache) -> Vec<String> {
        let inner = cache.inner.lock().unwrap();
        let bytes: usize = inner
            .footers
            .values()
            .map(|(footer, _)| footer.memory_bytes())
            .sum();
        assert_eq!(bytes, inner.bytes);
        assert!(bytes <= cache.bytes_max, "{bytes} of {}", cache.bytes_max);
        let used: Vec<&String> = inner.used.values().collect();
        assert_eq!(used.len(), inner.footers.len());
        assert!(
            used.into_iter()
                .all(|path| inner.footers.contains_key(path))
        );
        inner.footers.keys().cloned().collect()
    }

    #[test]
    fn the_bound_of_bytes_holds_and_what_was_used_longest_ago_leaves() {
        let small = footer(1);
        let cache = FooterCache::new(3 * small.memory_bytes());
        for path in ["a", "b", "c"] {
            cache.keep(path, &small);
        }
        assert_eq!(kept(&cache), ["a", "b", "c"]);
        assert!(cache.find("a").is_some());
        cache.keep("d", &small);
        assert_eq!(kept(&cache), ["a", "c", "d"]);
        assert!(cache.find("b").is_none());
        // Read twice at once, it counts once.
        cache.keep("c", &footer(1));
        assert_eq!(kept(&cache), ["a", "c", "d"]);
        cache.keep("e", &small);
        assert_eq!(kept(&cache), ["c", "d", "e"]);
    }

    #[test]
    fn a_large_footer_takes_the_room_of_several_and_one_beyond_the_bound_is_not_kept() {
        let (small, large) = (footer(1), footer(40_000));
        let (one, many) = (small.memory_bytes(), large.memory_bytes());
        assert!(many > one, "{many} and {one}");
        let cache = FooterCache::new(many + one);
        let fit = (many + one) / one;
        for number in 0..2 * fit {
            cache.keep(&format!("small {number:03}"), &small);
        }
        assert_eq!(kept(&cache).len(), fit);
        cache.keep("large", &large);
        let newest = format!("small {:03}", 2 * fit - 1);
        assert_eq!(kept(&cache), ["large".to_owned(), newest]);
        let tight = FooterCache::new(many - 1);
        tight.keep("small", &small);
        tight.keep("large", &large);
        assert_eq!(kept(&tight), ["small"], "nothing is driven out for it");
        let none = FooterCache::new(0);
        none.keep("small", &small);
        assert!(kept(&none).is_empty() && none.find("small").is_none());
    }
}
