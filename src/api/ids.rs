//! Identifiers of what people record: time-ordered, so that they sort as they were made.

use uuid::{ContextV7, Timestamp as UuidTime, Uuid};

use crate::clock::Clock;

/// A new identifier, unique and not to be guessed.
pub(super) fn new_id(clock: &Clock) -> String {
    let millis = clock.now().millis().max(0).unsigned_abs();
    let nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
    let time = UuidTime::from_unix(ContextV7::new(), millis / 1000, nanos);
    Uuid::new_v7(time).to_string()
}
