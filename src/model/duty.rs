//! Facts from which an enterprise's monitoring duty is judged.

use std::ops::Range;

use super::fleet::Monitor;
use super::time::{Span, Timestamp};
use super::vehicle::{Plate, Region};
use super::violation::{Grave, Severity, ViolationKind};

/// Minutes of one local day, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MinuteSet([u64; 23]);

impl MinuteSet {
    /// Minutes of a day.
    pub const MINUTES: u16 = 1440;
    /// Bytes of the stored form: minute `m` is bit `m % 8` of byte `m / 8`.
    pub const BYTES: usize = 180;

    /// Adds minute `minute` of the day; minutes past the day are ignored.
    pub fn insert(&mut self, minute: u16) {
        if minute < Self::MINUTES
            && let Some(word) = self.0.get_mut(usize::from(minute / 64))
        {
            *word |= 1 << (minute % 64);
        }
    }

    /// Whether minute `minute` is in the set.
    pub fn contains(&self, minute: u16) -> bool {
        self.0
            .get(usize::from(minute / 64))
            .is_some_and(|word| word & (1 << (minute % 64)) != 0)
    }

    /// Adds every minute of `other`.
    pub fn union_with(&mut self, other: &Self) {
        for (word, theirs) in self.0.iter_mut().zip(other.0) {
            *word |= theirs;
        }
    }

    /// Adds the minutes `range.start..range.end`; minutes past the day are ignored.
    pub fn insert_range(&mut self, range: Range<u16>) {
        let end = range.end.min(Self::MINUTES);
        for (index, word) in (0_u16..).zip(self.0.iter_mut()) {
            let low = range.start.clamp(index * 64, index * 64 + 64) - index * 64;
            let high = end.clamp(index * 64, index * 64 + 64) - index * 64;
            if low < high {
                *word |= (u64::MAX >> (64 - (high - low))) << low;
            }
        }
    }

    /// Minutes that are in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut both = *self;
        for (word, theirs) in both.0.iter_mut().zip(other.0) {
            *word &= theirs;
        }
        both
    }

    /// Minutes that are here and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut rest = *self;
        for (word, theirs) in rest.0.iter_mut().zip(other.0) {
            *word &= !theirs;
        }
        rest
    }

    /// Runs of neighbouring minutes, in order.
    pub fn runs(&self) -> Vec<Range<u16>> {
        let mut runs: Vec<Range<u16>> = Vec::new();
        for (index, word) in (0_u16..).zip(self.0) {
            let mut rest = word;
            while rest != 0 {
                let start = u16::try_from(rest.trailing_zeros()).unwrap_or(0);
                let length = u16::try_from((rest >> start).trailing_ones()).unwrap_or(0);
                let run = index * 64 + start..index * 64 + start + length;
                match runs.last_mut() {
                    Some(last) if last.end == run.start => last.end = run.end,
                    _ => runs.push(run),
                }
                let taken = start + length;
                rest = if taken < 64 {
                    rest >> taken << taken
                } else {
                    0
                };
            }
        }
        runs
    }

    /// Number of minutes.
    pub fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// The stored form.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let all = self.0.iter().flat_map(|word| word.to_le_bytes());
        for (byte, value) in bytes.iter_mut().zip(all) {
            *byte = value;
        }
        bytes
    }

    /// From the stored form; missing bytes are empty minutes, further ones are ignored.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut set = Self::default();
        for (word, chunk) in set.0.iter_mut().zip(
            bytes
                .get(..Self::BYTES.min(bytes.len()))
                .unwrap_or(bytes)
                .chunks(8),
        ) {
            let mut raw = [0; 8];
            for (byte, value) in raw.iter_mut().zip(chunk) {
                *byte = *value;
            }
            *word = u64::from_le_bytes(raw);
        }
        set
    }
}

/// A period `[from, to)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// First moment.
    pub from: Timestamp,
    /// First moment after it.
    pub to: Timestamp,
}

/// A monitor on duty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Identifier.
    pub id: String,
    /// Enterprise.
    pub enterprise_id: String,
    /// Who is on duty.
    pub monitor_id: String,
    /// Beginning.
    pub started_at: Timestamp,
    /// End; `None` while it runs.
    pub ended_at: Option<Timestamp>,
    /// Handover note.
    pub note: Option<String>,
}

/// A post check (查岗) sent to one enterprise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// Identifier.
    pub id: String,
    /// Who was asked.
    pub enterprise_id: String,
    /// What was asked.
    pub question: String,
    /// When.
    pub sent_at: Timestamp,
    /// Time allowed for the answer, bound included.
    pub answer_within: Span,
    /// The first answer, where there is one.
    pub answer: Option<InquiryAnswer>,
}

/// The answer to an inquiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InquiryAnswer {
    /// When it arrived.
    pub answered_at: Timestamp,
    /// What it says.
    pub answer: String,
    /// Who answered.
    pub responder: String,
    /// Telephone of the responder.
    pub phone: String,
}

/// What the duty rules must know of one violation.
#[derive(Clone, Debug, PartialEq)]
pub struct ViolationFact {
    /// Identifier.
    pub id: String,
    /// The vehicle.
    pub plate: Plate,
    /// Kind.
    pub kind: ViolationKind,
    /// Severity.
    pub severity: Severity,
    /// Beginning.
    pub started_at: Timestamp,
    /// From when it counts.
    pub confirmed_at: Timestamp,
    /// End, where it has ended.
    pub ended_at: Option<Timestamp>,
    /// When the fix that confirmed it was received.
    pub first_seen_at: Timestamp,
    /// When it became grave enough for a reminder, for kinds that may become graver while they last.
    pub grave: Option<Grave>,
    /// Time of the last fix in the condition.
    pub last_fix: Timestamp,
    /// When the first reminder was sent, where one was.
    pub reminded_at: Option<Timestamp>,
    /// When a completed handling was recorded, where one was.
    pub handled_at: Option<Timestamp>,
    /// A second person has approved that it was a false alarm.
    pub false_alarm_approved: bool,
    /// Withdrawn by a revision.
    pub withdrawn: bool,
}

/// A vehicle that kept driving while its terminal reported a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultRun {
    /// The vehicle.
    pub plate: Plate,
    /// First fix with the fault while driving.
    pub from: Timestamp,
    /// Last fix with the fault while driving.
    pub to: Timestamp,
    /// Alarm bits seen.
    pub alarm: u32,
}

/// Two records of one vehicle and fix time that do not agree, or a track altered after the fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The vehicle.
    pub plate: Plate,
    /// Fix time of both.
    pub time: Timestamp,
    /// What differs.
    pub note: String,
}

/// All that is known of one enterprise for one period.
#[derive(Clone, Debug, PartialEq)]
pub struct DutyFacts {
    /// Enterprise identifier.
    pub enterprise_id: String,
    /// Enterprise name.
    pub name: String,
    /// Enterprise region.
    pub region: Region,
    /// Vehicles in the register.
    pub vehicles: u32,
    /// Vehicles that ever sent a qualified record up to the end of the period.
    pub vehicles_in_network: u32,
    /// Vehicles of these from which any fix came in the period.
    pub vehicles_online: u32,
    /// The plates in network without data in the period, bounded by the store.
    pub vehicles_silent: Vec<Plate>,
    /// Last fix time of any vehicle before the period's end.
    pub last_fix: Option<Timestamp>,
    /// Monitors of the enterprise.
    pub monitors: Vec<Monitor>,
    /// Shifts that touch the period.
    pub shifts: Vec<Shift>,
    /// Operating minutes by local day number, for the days that touch the period.
    pub operating: Vec<(i64, MinuteSet)>,
    /// Confirmed violations that started in the period, or offline movement that touches it.
    pub violations: Vec<ViolationFact>,
    /// Inquiries sent in the period.
    pub inquiries: Vec<Inquiry>,
    /// Fault runs that touch the period.
    pub faults: Vec<FaultRun>,
    /// Contradictions with fix times in the period.
    pub contradictions: Vec<Contradiction>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_the_ranges_that_went_in() {
        let mut set = MinuteSet::default();
        set.insert_range(0..1);
        set.insert_range(60..130);
        set.insert_range(192..256);
        set.insert_range(1439..2000);
        assert_eq!(set.runs(), [0..1, 60..130, 192..256, 1439..1440]);
        assert_eq!(set.len(), 1 + 70 + 64 + 1);
        let mut one = MinuteSet::default();
        for minute in (60..130).chain([0, 1439]).chain(192..256) {
            one.insert(minute);
        }
        assert_eq!(set, one);
        set.insert_range(700..700);
        assert_eq!(set, one);
    }
}
