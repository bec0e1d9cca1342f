//! Sub-packages into whole messages, bounded in count, bytes and age.
//!
//! A message is known by its id, its total and the serial number of its first
//! sub-package (serial of sub-package k is the first one's plus k - 1). A new
//! first sub-package of the same id drops what was begun before. What stays
//! without progress is asked for again (0x8003) a bounded number of times.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::header::{Header, Package};

/// Bounds of reassembly in one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReassemblyLimits {
    /// Messages in progress.
    pub messages_max: usize,
    /// Sub-packages of one message.
    pub packages_max: u16,
    /// Bytes of all messages in progress.
    pub bytes_max: usize,
    /// Time without progress after which missing ones are asked for.
    pub request_after: Duration,
    /// How often they are asked for.
    pub requests_max: u8,
    /// Time after the first sub-package at which a message is given up.
    pub age_max: Duration,
}

impl Default for ReassemblyLimits {
    /// Source: intervals as in the implementations read; sizes are our choice.
    fn default() -> Self {
        Self {
            messages_max: 4,
            packages_max: 2048,
            bytes_max: 2 << 20,
            request_after: Duration::from_secs(5),
            requests_max: 3,
            age_max: Duration::from_mins(1),
        }
    }
}

/// What identifies a message in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageKey {
    /// Message id.
    pub message_id: u16,
    /// Number of sub-packages.
    pub total: u16,
    /// Serial number of sub-package 1.
    pub first_serial: u16,
}

impl MessageKey {
    /// The key of a sub-package.
    pub const fn new(header: &Header, package: Package) -> Self {
        Self {
            message_id: header.message_id,
            total: package.total,
            first_serial: header.serial.wrapping_sub(package.index.wrapping_sub(1)),
        }
    }
}

/// What became of a sub-package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reassembled {
    /// Kept; others are missing.
    Kept,
    /// It was there already, or its message is done.
    Duplicate,
    /// It completed its message: the whole body.
    Complete(Vec<u8>),
    /// A bound forbids to keep it.
    Refused,
}

/// What time asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// Ask for these indexes again.
    Request(MessageKey, Vec<u16>),
    /// The message was given up.
    GivenUp(MessageKey),
}

#[derive(Debug)]
struct Partial {
    parts: BTreeMap<u16, Vec<u8>>,
    begun: Duration,
    request_at: Duration,
    requests: u8,
}

/// Messages done lately, so that a repeated sub-package does not begin them anew.
const DONE_KEPT: usize = 4;

/// Joins the sub-packages of one session.
#[derive(Debug)]
pub struct Reassembler {
    limits: ReassemblyLimits,
    partials: BTreeMap<MessageKey, Partial>,
    done: VecDeque<MessageKey>,
    bytes: usize,
}

impl Reassembler {
    /// Nothing in progress.
    pub const fn new(limits: ReassemblyLimits) -> Self {
        Self {
            limits,
            partials: BTreeMap::new(),
            done: VecDeque::new(),
            bytes: 0,
        }
    }

    /// Whether nothing is in progress.
    pub fn is_idle(&self) -> bool {
        self.partials.is_empty()
    }

    /// Bytes kept of messages in progress.
    pub const fn kept_bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a sub-package.
    pub fn handle_package(
        &mut self,
        now: Duration,
        key: MessageKey,
        index: u16,
        body: &[u8],
    ) -> Reassembled {
        if self.done.contains(&key) {
            return Reassembled::Duplicate;
        }
        if index == 1 {
            self.drop_others(key);
        }
        let bytes = self.bytes.saturating_add(body.len());
        let new = !self.partials.contains_key(&key);
        if key.total > self.limits.packages_max
            || bytes > self.limits.bytes_max
            || (new && self.partials.len() >= self.limits.messages_max)
        {
            return Reassembled::Refused;
        }
        let request_at = now.saturating_add(self.limits.request_after);
        let partial = self.partials.entry(key).or_insert(Partial {
            parts: BTreeMap::new(),
            begun: now,
            request_at,
            requests: 0,
        });
        if partial.parts.contains_key(&index) {
            return Reassembled::Duplicate;
        }
        partial.parts.insert(index, body.to_vec());
        partial.request_at = request_at;
        self.bytes = bytes;
        if partial.parts.len() < usize::from(key.total) {
            return Reassembled::Kept;
        }
        let whole = self.take(key);
        self.done.truncate(DONE_KEPT.saturating_sub(1));
        self.done.push_front(key);
        Reassembled::Complete(whole)
    }

    /// Drops messages of the same id that were begun with another first serial.
    fn drop_others(&mut self, key: MessageKey) {
        let others: Vec<MessageKey> = self
            .partials
            .keys()
            .filter(|other| other.message_id == key.message_id && **other != key)
            .copied()
            .collect();
        for other in others {
            self.take(other);
        }
    }

    fn take(&mut self, key: MessageKey) -> Vec<u8> {
        let parts = self.partials.remove(&key).map(|partial| partial.parts);
        let parts: Vec<Vec<u8>> = parts.into_iter().flat_map(BTreeMap::into_values).collect();
        let whole = parts.concat();
        self.bytes = self.bytes.saturating_sub(whole.len());
        whole
    }

    /// When [`Reassembler::handle_timeout`] has something to do next.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.partials
            .values()
            .map(|partial| self.deadline(partial))
            .min()
    }

    fn deadline(&self, partial: &Partial) -> Duration {
        let given_up = partial.begun.saturating_add(self.limits.age_max);
        if partial.requests < self.limits.requests_max {
            given_up.min(partial.request_at)
        } else {
            given_up
        }
    }

    /// The most urgent thing that time asks for; call until `None`.
    pub fn handle_timeout(&mut self, now: Duration) -> Option<Overdue> {
        let key = self
            .partials
            .iter()
            .find(|(_, partial)| self.deadline(partial) <= now)
            .map(|(key, _)| *key)?;
        let limits = self.limits;
        let partial = self.partials.get_mut(&key)?;
        if now >= partial.begun.saturating_add(limits.age_max) {
            self.take(key);
            return Some(Overdue::GivenUp(key));
        }
        partial.requests = partial.requests.saturating_add(1);
        partial.request_at = now.saturating_add(limits.request_after);
        let missing = (1..=key.total)
            .filter(|index| !partial.parts.contains_key(index))
            .take(INDEXES_MAX)
            .collect();
        Some(Overdue::Request(key, missing))
    }
}

/// Indexes of one request. Source: the count byte of 2013, rounded down.
const INDEXES_MAX: usize = 250;

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: MessageKey = MessageKey {
        message_id: 0x0801,
        total: 3,
        first_serial: 7,
    };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn reassembler() -> Reassembler {
        Reassembler::new(ReassemblyLimits {
            messages_max: 2,
            bytes_max: 10,
            ..ReassemblyLimits::default()
        })
    }

    #[test]
    fn any_order_gives_the_whole() {
        let mut joined = reassembler();
        assert_eq!(
            joined.handle_package(at(0), KEY, 3, b"c"),
            Reassembled::Kept
        );
        assert_eq!(
            joined.handle_package(at(0), KEY, 1, b"a"),
            Reassembled::Kept
        );
        assert_eq!(
            joined.handle_package(at(0), KEY, 1, b"a"),
            Reassembled::Duplicate
        );
        assert_eq!(
            joined.handle_package(at(0), KEY, 2, b"b"),
            Reassembled::Complete(b"abc".to_vec())
        );
        assert_eq!(
            joined.handle_package(at(1), KEY, 2, b"b"),
            Reassembled::Duplicate
        );
        assert_eq!((joined.is_idle(), joined.kept_bytes()), (true, 0));
    }

    #[test]
    fn missing_ones_are_asked_for_then_given_up() {
        let mut joined = reassembler();
        joined.handle_package(at(0), KEY, 2, b"b");
        for second in [5, 10, 15] {
            assert_eq!(joined.next_deadline(), Some(at(second)));
            assert_eq!(
                joined.handle_timeout(at(second)),
                Some(Overdue::Request(KEY, vec![1, 3]))
            );
            assert_eq!(joined.handle_timeout(at(second)), None);
        }
        assert_eq!(joined.next_deadline(), Some(at(60)));
        assert_eq!(joined.handle_timeout(at(60)), Some(Overdue::GivenUp(KEY)));
        assert_eq!(joined.next_deadline(), None);
    }

    #[test]
    fn a_restart_at_the_first_drops_what_was_begun() {
        let mut joined = reassembler();
        joined.handle_package(at(0), KEY, 1, b"a");
        let again = MessageKey {
            first_serial: 20,
            ..KEY
        };
        joined.handle_package(at(0), again, 1, b"a");
        assert_eq!((joined.partials.len(), joined.kept_bytes()), (1, 1));
    }

    #[test]
    fn bounds_refuse() {
        let mut joined = reassembler();
        assert_eq!(
            joined.handle_package(at(0), KEY, 2, &[0; 11]),
            Reassembled::Refused
        );
        for serial in [1, 2] {
            let key = MessageKey {
                first_serial: serial,
                ..KEY
            };
            assert_eq!(
                joined.handle_package(at(0), key, 2, b"x"),
                Reassembled::Kept
            );
        }
        assert_eq!(
            joined.handle_package(at(0), KEY, 2, b"x"),
            Reassembled::Refused
        );
    }
}
