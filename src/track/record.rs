//! Journal records: fixes of many vehicles, with a checksum.
//!
//! Shape: version (1 byte), checksum of the rest (4 bytes, CRC-32, little-endian), number of fixes,
//! then groups: difference of the vehicle number from the group before, number of fixes, fixes. The
//! fixes of all groups are one chain of differences: vehicles of one commit resemble each other in
//! time, and little is lost in place.

use flate2::Crc;

use super::TrackError;
use super::codec::Memory;
use super::varint::{put, put_signed, take, take_signed};
use crate::model::{Fix, VehicleId};

/// First byte.
const VERSION: u8 = 1;
/// Bytes before the number of fixes.
const HEAD: usize = 5;
/// Bytes of a usual fix in a record; only a guess for the first allocation.
const BYTES_PER_FIX: usize = 18;

/// A record that was read and is not damaged.
#[derive(Clone, Copy, Debug)]
pub struct JournalRecord<'a> {
    fixes: usize,
    groups: &'a [u8],
}

impl<'a> JournalRecord<'a> {
    /// Encodes fixes in the order of their arrival, which stays inside each vehicle.
    pub fn encode(fixes: &[Fix]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD + 10 + fixes.len() * BYTES_PER_FIX);
        bytes.extend([VERSION, 0, 0, 0, 0]);
        put(&mut bytes, fixes.len() as u64);
        let mut order: Vec<&Fix> = fixes.iter().collect();
        if !fixes.is_sorted_by_key(|fix| fix.vehicle) {
            order.sort_by_key(|fix| fix.vehicle);
        }
        let mut memory = Memory::default();
        let mut vehicle = 0;
        for group in order.chunk_by(|a, b| a.vehicle == b.vehicle) {
            let Some(first) = group.first() else { continue };
            let number = i64::from(first.vehicle.0);
            put_signed(&mut bytes, number - vehicle);
            put(&mut bytes, group.len() as u64);
            vehicle = number;
            for fix in group {
                memory.put(&mut bytes, fix);
            }
        }
        let checksum = checksum(bytes.get(HEAD..).unwrap_or_default());
        if let Some(place) = bytes.get_mut(1..HEAD) {
            place.copy_from_slice(&checksum);
        }
        bytes
    }

    /// Reads a record and checks it.
    ///
    /// # Errors
    /// [`TrackError::Version`], [`TrackError::Checksum`], or as the bytes are.
    pub fn open(bytes: &'a [u8]) -> Result<Self, TrackError> {
        let (&version, rest) = bytes.split_first().ok_or(TrackError::Truncated)?;
        if version != VERSION {
            return Err(TrackError::Version { version });
        }
        let (stored, mut groups) = rest.split_first_chunk().ok_or(TrackError::Truncated)?;
        if *stored != checksum(groups) {
            return Err(TrackError::Checksum);
        }
        let fixes = take(&mut groups)?;
        // Each fix takes a byte at least, so the number bounds what a reader may set aside.
        let fixes = usize::try_from(fixes)
            .ok()
            .filter(|fixes| *fixes <= groups.len())
            .ok_or(TrackError::Range { what: "count" })?;
        Ok(Self { fixes, groups })
    }

    /// Number of fixes.
    pub const fn len(&self) -> usize {
        self.fixes
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.fixes == 0
    }

    /// The fixes, vehicle by vehicle, each vehicle's in the order of their arrival.
    pub fn fixes(&self) -> RecordFixes<'a> {
        RecordFixes {
            bytes: self.groups,
            memory: Memory::default(),
            vehicle: 0,
            group: 0,
            left: self.fixes,
        }
    }
}

/// Fixes of a record; ends after the first error.
#[derive(Clone, Debug)]
pub struct RecordFixes<'a> {
    bytes: &'a [u8],
    memory: Memory,
    vehicle: u32,
    /// Fixes left in the group.
    group: u64,
    /// Fixes left in the record.
    left: usize,
}

impl RecordFixes<'_> {
    fn read(&mut self) -> Result<Fix, TrackError> {
        if self.group == 0 {
            let number = i64::from(self.vehicle).wrapping_add(take_signed(&mut self.bytes)?);
            self.vehicle = u32::try_from(number).or(Err(TrackError::Range { what: "vehicle" }))?;
            self.group = take(&mut self.bytes)?;
            if self.group == 0 {
                return Err(TrackError::Range { what: "count" });
            }
        }
        self.group -= 1;
        let fix = self.memory.take(&mut self.bytes, VehicleId(self.vehicle))?;
        if self.left == 1 && !(self.bytes.is_empty() && self.group == 0) {
            return Err(TrackError::TooLong);
        }
        Ok(fix)
    }
}

impl Iterator for RecordFixes<'_> {
    type Item = Result<Fix, TrackError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let fix = self.read();
        self.left = if fix.is_ok() { self.left - 1 } else { 0 };
        Some(fix)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left))
    }
}

pub(super) fn checksum(bytes: &[u8]) -> [u8; 4] {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum().to_le_bytes()
}
