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
        if let Some((_, used)) = inner.footers.insert(path.to_owned(), entry) {
            // Two readers met: the same footer is kept once.
            inner.used.remove(&used);
            inner.bytes -= bytes;
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
