//! Runs: fixes of one vehicle.

use super::TrackError;
use super::codec::Memory;
use crate::model::{Fix, Timestamp, VehicleId};

/// First byte of a run that is not empty.
const VERSION: u8 = 1;
/// Bytes of a usual fix; only a guess for the first allocation.
const BYTES_PER_FIX: usize = 14;

/// Encodes fixes of one vehicle in their order; the vehicle itself is not written.
pub fn encode_run(fixes: &[Fix]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + fixes.len() * BYTES_PER_FIX);
    let mut memory = Memory::default();
    for fix in fixes {
        put(&mut memory, &mut bytes, fix);
    }
    bytes
}

/// Decodes a run and gives its fixes to `vehicle`. No bytes are no fixes.
///
/// # Errors
/// [`TrackError`] for bytes that [`encode_run`] does not write.
pub fn decode_run(vehicle: VehicleId, bytes: &[u8]) -> Result<Vec<Fix>, TrackError> {
    let mut fixes = Vec::with_capacity(bytes.len() / BYTES_PER_FIX + 1);
    let mut reader = Reader::new(vehicle, bytes)?;
    while let Some(fix) = reader.next_fix()? {
        fixes.push(fix);
    }
    Ok(fixes)
}

fn put(memory: &mut Memory, bytes: &mut Vec<u8>, fix: &Fix) {
    if bytes.is_empty() {
        bytes.push(VERSION);
    }
    memory.put(bytes, fix);
}

/// Walks along a run.
struct Reader<'a> {
    vehicle: VehicleId,
    memory: Memory,
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn new(vehicle: VehicleId, bytes: &'a [u8]) -> Result<Self, TrackError> {
        let bytes = match bytes.split_first() {
            None => bytes,
            Some((&VERSION, rest)) => rest,
            Some((&version, _)) => return Err(TrackError::Version { version }),
        };
        Ok(Self {
            vehicle,
            memory: Memory::default(),
            bytes,
        })
    }

    fn next_fix(&mut self) -> Result<Option<Fix>, TrackError> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        self.memory.take(&mut self.bytes, self.vehicle).map(Some)
    }
}

/// A run of one vehicle that still grows: the newest fixes, not in a chunk yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackTail {
    vehicle: VehicleId,
    bytes: Vec<u8>,
    memory: Memory,
    fixes: u32,
    first: Timestamp,
    last: Timestamp,
}

impl TrackTail {
    /// An empty tail.
    pub fn new(vehicle: VehicleId) -> Self {
        Self {
            vehicle,
            bytes: Vec::new(),
            memory: Memory::default(),
            fixes: 0,
            first: Timestamp::MAX,
            last: Timestamp::MIN,
        }
    }

    /// From its bytes.
    ///
    /// # Errors
    /// As [`decode_run`].
    pub fn from_bytes(vehicle: VehicleId, bytes: &[u8]) -> Result<Self, TrackError> {
        let mut tail = Self::new(vehicle);
        let mut reader = Reader::new(vehicle, bytes)?;
        while let Some(fix) = reader.next_fix()? {
            tail.count(&fix);
        }
        bytes.clone_into(&mut tail.bytes);
        tail.memory = reader.memory;
        Ok(tail)
    }

    /// Appends a fix of its vehicle; any order of fix times.
    pub fn push(&mut self, fix: &Fix) {
        put(&mut self.memory, &mut self.bytes, fix);
        self.count(fix);
    }

    fn count(&mut self, fix: &Fix) {
        self.fixes = self.fixes.saturating_add(1);
        self.first = self.first.min(fix.time);
        self.last = self.last.max(fix.time);
    }

    /// The run, as [`decode_run`] reads it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Length of the run. Unit: bytes.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// Number of fixes.
    pub fn len(&self) -> u32 {
        self.fixes
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.fixes == 0
    }

    /// Earliest fix time.
    pub fn first_time(&self) -> Option<Timestamp> {
        (!self.is_empty()).then_some(self.first)
    }

    /// Latest fix time.
    pub fn last_time(&self) -> Option<Timestamp> {
        (!self.is_empty()).then_some(self.last)
    }

    /// The first pushed fix with that fix time; walks along the run.
    pub fn find(&self, time: Timestamp) -> Option<Fix> {
        if time < self.first || self.last < time {
            return None;
        }
        self.iter().find(|fix| fix.time == time)
    }

    /// Puts a fix in the place of the first pushed one with its fix time; that one, where there is one.
    pub fn replace(&mut self, fix: &Fix) -> Option<Fix> {
        let replaced = self.find(fix.time)?;
        let mut after = Self::new(self.vehicle);
        let mut found = false;
        for known in self.iter() {
            let is_it = !found && known.time == fix.time;
            found |= is_it;
            after.push(if is_it { fix } else { &known });
        }
        *self = after;
        Some(replaced)
    }

    /// The fixes in the order of their pushes.
    pub fn iter(&self) -> impl Iterator<Item = Fix> {
        // The bytes were written or checked here, so the reader meets no error.
        let mut reader = Reader::new(self.vehicle, &self.bytes).ok();
        std::iter::from_fn(move || reader.as_mut()?.next_fix().ok().flatten())
    }

    /// Takes the run out, for a chunk, and leaves an empty tail.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::replace(self, Self::new(self.vehicle)).bytes
    }
}
