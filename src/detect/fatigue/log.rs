//! The driving of one driver in the last days, compact, for the rolling windows.
//!
//! Whole stretches of driving are kept as alternating lengths of driving and not driving, each a
//! variable-length number: whole seconds in one or two bytes, milliseconds in more. The stretch
//! that is still growing is kept apart.
//!
//! The log is bounded by [`BYTES_MAX`]. When it is full, stretches that lie before the last
//! [`EXACT_MS`] are joined over the shortest pauses between them first, later ones only when that is
//! not enough. Joining moves the later stretch back by the pause and keeps the sum of driving: a
//! window whose edge runs through the joined stretches is wrong by at most the pauses joined there,
//! every other window is exact. A day of a line coach with forty stops takes about 150 bytes; a
//! week of stop-and-go with a stop every two minutes, ten hours a day, still fits whole.

use crate::model::{Span, Timestamp};

/// Most bytes of the log; reaching it joins old stretches.
const BYTES_MAX: usize = 16 * 1024;

/// Joining spares the stretches of this long before the newest, as long as that is enough.
const EXACT_MS: i64 = 24 * 3_600_000;

/// Shortest pauses over which stretches are joined first; doubled until the log is short enough.
const PAUSE_MS: i64 = 15_000;

/// Doublings after which every pause that a log can hold is short enough.
const PAUSE_DOUBLINGS: u32 = 20;

/// Stretches of driving, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct DrivingLog {
    /// Beginning of the first stretch in `bytes`.
    first: i64,
    /// End of the last stretch in `bytes`.
    last_end: i64,
    /// Driving, pause, driving, pause, ..., driving.
    bytes: Vec<u8>,
    /// The stretch that may still grow. Unit: ms since 1970.
    growing: Option<(i64, i64)>,
}

impl DrivingLog {
    pub(super) fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Adds driving in `[from, to)`, not before anything added earlier.
    pub(super) fn add(&mut self, from: Timestamp, to: Timestamp, keep: Span) {
        let (from, to) = (from.millis(), to.millis());
        if let Some((_, end)) = &mut self.growing
            && *end == from
        {
            *end = to;
            return;
        }
        if let Some(stretch) = self.growing.replace((from, to)) {
            self.push(stretch);
            self.forget_before(from.saturating_sub(keep.millis()));
            if self.bytes.len() > BYTES_MAX {
                self.shorten();
            }
        }
    }

    /// Driving in the window of length `window` that ends at `at`.
    pub(super) fn sum(&self, at: Timestamp, window: Span) -> Span {
        let end = at.millis();
        let begin = end.saturating_sub(window.millis());
        let inside = |(from, to): (i64, i64)| (to.min(end) - from.max(begin)).max(0);
        Span::from_millis(self.stretches().map(inside).sum())
    }

    /// First moment in `[from, to]` after which the sum of the window stays over `limit` while the
    /// vehicle drives from `from` to `to`; this driving must already be in the log.
    pub(super) fn first_over(
        &self,
        from: Timestamp,
        to: Timestamp,
        window: Span,
        limit: Span,
    ) -> Option<Timestamp> {
        let (begin, end) = (from.millis(), to.millis());
        let mut room = limit.millis() - self.sum(from, window).millis();
        if room < 0 {
            return Some(from);
        }
        // The sum grows while the far edge of the window is in a pause and stays while it is in
        // driving; walk the pauses under that edge.
        let mut at = begin;
        for (drive_from, drive_to) in self.stretches() {
            let (edge_in, edge_out) = (
                drive_from.saturating_add(window.millis()),
                drive_to.saturating_add(window.millis()),
            );
            if edge_out <= at {
                continue;
            }
            if edge_in >= end {
                break;
            }
            let growth = edge_in.max(at) - at;
            if growth > room {
                return Some(Timestamp::from_millis(at + room));
            }
            room -= growth;
            at = edge_out.min(end);
        }
        (end - at > room).then(|| Timestamp::from_millis(at + room))
    }

    /// First moment in `[from, to]` at which the sum of the window is at most `limit` while the
    /// vehicle does not drive.
    pub(super) fn first_not_over(
        &self,
        from: Timestamp,
        to: Timestamp,
        window: Span,
        limit: Span,
    ) -> Option<Timestamp> {
        let mut excess = self.sum(from, window).millis() - limit.millis();
        if excess <= 0 {
            return Some(from);
        }
        let edge = from.millis().saturating_sub(window.millis());
        for (drive_from, drive_to) in self.stretches() {
            let first = drive_from.max(edge);
            let shed = drive_to - first;
            if shed <= 0 {
                continue;
            }
            if shed >= excess {
                let at = Timestamp::from_millis(first + excess) + window;
                return (at <= to).then_some(at);
            }
            excess -= shed;
        }
        None
    }

    /// Whether the lengths add up.
    #[cfg(test)]
    fn is_whole(&self) -> bool {
        let mut end = self.first;
        for (from, to) in (Stretches {
            bytes: &self.bytes,
            at: self.first,
        }) {
            if from < end || to < from {
                return false;
            }
            end = to;
        }
        let ordered = |(from, to): (i64, i64)| from <= to && (self.bytes.is_empty() || end <= from);
        (self.bytes.is_empty() || end == self.last_end) && self.growing.is_none_or(ordered)
    }

    /// All stretches, oldest first. Unit: ms since 1970.
    fn stretches(&self) -> impl Iterator<Item = (i64, i64)> {
        Stretches {
            bytes: &self.bytes,
            at: self.first,
        }
        .chain(self.growing)
    }

    fn push(&mut self, (from, to): (i64, i64)) {
        if self.bytes.is_empty() {
            self.first = from;
            self.bytes.reserve_exact(GROW_BYTES);
        } else {
            if self.bytes.capacity() - self.bytes.len() < 2 * LENGTH_BYTES_MAX {
                self.bytes.reserve_exact(GROW_BYTES);
            }
            write_length(&mut self.bytes, from - self.last_end);
        }
        write_length(&mut self.bytes, to - from);
        self.last_end = to;
    }

    /// Drops stretches that ended at or before `before`.
    fn forget_before(&mut self, before: i64) {
        let mut keep_from = 0;
        let mut rest: &[u8] = &self.bytes;
        let mut at = self.first;
        while at < before
            && let Some(drive) = read_length(&mut rest)
            && at + drive <= before
        {
            let Some(pause) = read_length(&mut rest) else {
                self.bytes.clear();
                (self.first, self.last_end) = (0, 0);
                return;
            };
            at += drive + pause;
            keep_from = self.bytes.len() - rest.len();
        }
        if keep_from > 0 {
            self.bytes.drain(..keep_from);
            self.first = at;
        }
    }

    /// Joins stretches until the log is at most three quarters full.
    fn shorten(&mut self) {
        let enough = BYTES_MAX / 4 * 3;
        for until in [self.last_end.saturating_sub(EXACT_MS), i64::MAX] {
            for doubling in 0..PAUSE_DOUBLINGS {
                if self.bytes.len() <= enough {
                    return;
                }
                self.join_pauses(PAUSE_MS << doubling, until);
            }
        }
    }

    /// Joins stretches that begin before `until` over pauses shorter than `pause_max`.
    fn join_pauses(&mut self, pause_max: i64, until: i64) {
        let old: Vec<(i64, i64)> = Stretches {
            bytes: &self.bytes,
            at: self.first,
        }
        .collect();
        self.bytes.clear();
        let mut joined: Option<(i64, i64)> = None;
        for (from, to) in old {
            joined = Some(match joined {
                Some((begin, end)) if from < until && from - end < pause_max => {
                    (begin, end + (to - from))
                }
                Some(whole) => {
                    self.push(whole);
                    (from, to)
                }
                None => (from, to),
            });
        }
        if let Some(whole) = joined {
            self.push(whole);
        }
    }
}

/// Bytes by which the log grows.
const GROW_BYTES: usize = 48;

/// Most bytes of one length: 64 bits, seven a byte.
const LENGTH_BYTES_MAX: usize = 10;

/// Reads stretches from their lengths.
struct Stretches<'a> {
    bytes: &'a [u8],
    at: i64,
}

impl Iterator for Stretches<'_> {
    type Item = (i64, i64);

    fn next(&mut self) -> Option<(i64, i64)> {
        let from = self.at;
        let to = from.saturating_add(read_length(&mut self.bytes)?);
        self.at = to.saturating_add(read_length(&mut self.bytes).unwrap_or(0));
        Some((from, to))
    }
}

/// Writes a length in ms: twice the seconds when it is whole seconds, else twice the ms plus one.
fn write_length(bytes: &mut Vec<u8>, length: i64) {
    let length = length.max(0).unsigned_abs();
    let mut rest = if length.is_multiple_of(1000) {
        length / 1000 * 2
    } else {
        length * 2 + 1
    };
    loop {
        let low = (rest & 0x7f) as u8;
        rest >>= 7;
        if rest == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Reads a length in ms and steps over it; `None` at the end.
fn read_length(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0_u64;
    let mut shift = 0;
    loop {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if shift < 63 {
            value |= u64::from(byte & 0x7f) << shift;
        }
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let length = value >> 1;
    let millis = if value & 1 == 0 {
        length.saturating_mul(1000)
    } else {
        length
    };
    i64::try_from(millis).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    /// A log of stretches given in seconds.
    fn log(stretches: &[(i64, i64)]) -> DrivingLog {
        let mut log = DrivingLog::default();
        for (from, to) in stretches {
            log.add(at(*from), at(*to), Span::from_hours(168));
        }
        log
    }

    /// Stop-and-go: driving of 40 to 70 s, pauses of 11 to 40 s, for so many hours.
    fn stop_and_go(hours: i64) -> Vec<(i64, i64)> {
        let mut stretches = Vec::new();
        let mut time = 0;
        for turn in 0.. {
            let drive = 40 + turn * 7 % 31;
            stretches.push((time, time + drive));
            time += drive + 11 + turn * 11 % 30;
            if time > hours * 3600 {
                break;
            }
        }
        stretches
    }

    #[test]
    fn sums_are_exact_while_the_log_is_short() {
        let stretches = &stop_and_go(4)[..150];
        let log = log(stretches);
        assert!(log.is_whole());
        for end in (0..20_000).step_by(37) {
            for window in [60, 1000, 7200] {
                let inside =
                    |(from, to): &(i64, i64)| (*to.min(&end) - *from.max(&(end - window))).max(0);
                let expected: i64 = stretches.iter().map(inside).sum();
                let sum = log.sum(at(end), Span::from_seconds(window));
                assert_eq!(sum, Span::from_seconds(expected), "{end} {window}");
            }
        }
    }

    #[test]
    fn a_full_log_stays_bounded_and_keeps_its_sum() {
        let stretches = stop_and_go(300);
        let mut log = DrivingLog::default();
        for (from, to) in &stretches {
            log.add(at(*from), at(*to), Span::from_hours(400));
        }
        assert!(log.bytes.len() <= BYTES_MAX);
        assert!(log.bytes.capacity() <= BYTES_MAX + 2 * GROW_BYTES);
        assert!(log.is_whole());
        let (_, end) = *stretches.last().unwrap();
        let total: i64 = stretches.iter().map(|(from, to)| to - from).sum();
        assert_eq!(
            log.sum(at(end), Span::from_hours(400)),
            Span::from_seconds(total)
        );
        // A window's edge may be wrong by the pauses joined around it.
        let day = end - 24 * 3600;
        let expected: i64 = stretches
            .iter()
            .map(|(from, to)| (to - from.max(&day)).max(0))
            .sum();
        let sum = log.sum(at(end), Span::from_hours(24)).millis() / 1000;
        assert!((sum - expected).abs() < 900, "{sum} {expected}");
    }

    #[test]
    fn old_stretches_are_forgotten() {
        let mut log = log(&[(0, 100), (200, 300), (400, 500)]);
        log.add(
            at(168 * 3600 + 250),
            at(168 * 3600 + 300),
            Span::from_hours(168),
        );
        assert_eq!(log.stretches().next(), Some((200_000, 300_000)));
        log.add(at(400 * 3600), at(400 * 3600 + 9), Span::from_hours(168));
        assert_eq!(log.stretches().count(), 1);
        assert!(log.is_whole());
    }

    #[test]
    fn the_limit_is_passed_between_fixes() {
        // 100 s of driving leave a window of 1000 s while 50 s are driven.
        let log = log(&[(0, 100), (500, 900), (1000, 1200)]);
        let over = |limit| {
            log.first_over(
                at(1000),
                at(1200),
                Span::from_seconds(1000),
                Span::from_seconds(limit),
            )
        };
        assert_eq!(
            log.sum(at(1000), Span::from_seconds(1000)),
            Span::from_seconds(500)
        );
        assert_eq!(over(499), Some(at(1000)));
        assert_eq!(over(500), Some(at(1100)));
        assert_eq!(over(520), Some(at(1120)));
        assert_eq!(over(600), None);
    }

    #[test]
    fn the_sum_falls_back_between_fixes() {
        let log = log(&[(0, 100), (500, 900)]);
        let back = |limit| {
            log.first_not_over(
                at(900),
                at(1080),
                Span::from_seconds(1000),
                Span::from_seconds(limit),
            )
        };
        assert_eq!(back(500), Some(at(900)));
        assert_eq!(back(450), Some(at(1050)));
        assert_eq!(back(400), None);
    }

    #[test]
    fn lengths_take_few_bytes() {
        let bytes = |length| {
            let mut bytes = Vec::new();
            write_length(&mut bytes, length);
            assert_eq!(read_length(&mut bytes.as_slice()), Some(length));
            bytes.len()
        };
        assert_eq!(bytes(63_000), 1);
        assert_eq!(bytes(2 * HOUR), 2);
        assert_eq!(bytes(1234), 2);
        assert_eq!(bytes(i64::MAX / 4), 9);
    }
}
