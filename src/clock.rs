//! The only reader of the wall and monotonic clocks.
//!
//! Everything else is given a [`Clock`] or a moment. A development clock starts at a chosen
//! moment and may run faster, so that deadlines and days can be lived through in minutes; a manual
//! one moves only when told, for tests and simulations.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::{Span, Timestamp};

/// Tells the time; clones tell the same one.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    System {
        started: Instant,
    },
    Development {
        started: Instant,
        began_at: Timestamp,
        rate: f64,
        advanced_ms: AtomicI64,
    },
    Manual {
        began_at: Timestamp,
        elapsed_ms: AtomicI64,
    },
}

/// A rate at which no clock runs: negative or not a finite number.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("clock rate {0} is not a number from 0 to {RATE_MAX}")]
pub struct RateError(pub f64);

/// The fastest development clock: a day in less than a second.
pub const RATE_MAX: f64 = 100_000.0;

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Arc::new(Kind::System {
            started: monotonic(),
        }))
    }

    /// A clock that shows `began_at` now and runs `rate` times as fast as the machine's.
    ///
    /// # Errors
    /// [`RateError`] when the rate is not in `0..=RATE_MAX`; 0 stands still.
    pub fn development(began_at: Timestamp, rate: f64) -> Result<Self, RateError> {
        if !(0.0..=RATE_MAX).contains(&rate) {
            return Err(RateError(rate));
        }
        Ok(Self(Arc::new(Kind::Development {
            started: monotonic(),
            began_at,
            rate,
            advanced_ms: AtomicI64::new(0),
        })))
    }

    /// A clock that shows `began_at` until it is moved by [`Clock::advance`].
    pub fn manual(began_at: Timestamp) -> Self {
        Self(Arc::new(Kind::Manual {
            began_at,
            elapsed_ms: AtomicI64::new(0),
        }))
    }

    /// What the wall clock shows.
    pub fn now(&self) -> Timestamp {
        match &*self.0 {
            Kind::System { .. } => wall(),
            Kind::Development {
                started,
                began_at,
                rate,
                advanced_ms,
            } => {
                let elapsed_ms = monotonic()
                    .saturating_duration_since(*started)
                    .as_secs_f64()
                    * 1000.0
                    * rate;
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a float saturates when it is cast to an integer"
                )]
                let elapsed = Span::from_millis(elapsed_ms as i64);
                *began_at + elapsed + Span::from_millis(advanced_ms.load(Ordering::Acquire))
            }
            Kind::Manual {
                began_at,
                elapsed_ms,
            } => *began_at + Span::from_millis(elapsed_ms.load(Ordering::Acquire)),
        }
    }

    /// Time since the clock was made, never set back; for waiting and measuring.
    ///
    /// A development clock does not stretch it: sockets and disks keep their own pace.
    pub fn monotonic(&self) -> Duration {
        match &*self.0 {
            Kind::System { started } | Kind::Development { started, .. } => {
                monotonic().saturating_duration_since(*started)
            }
            Kind::Manual { elapsed_ms, .. } => {
                let millis = elapsed_ms.load(Ordering::Acquire);
                Duration::from_millis(u64::try_from(millis).unwrap_or(0))
            }
        }
    }

    /// How much faster than the machine's the wall clock runs; 0 for a manual one.
    pub fn rate(&self) -> f64 {
        match &*self.0 {
            Kind::System { .. } => 1.0,
            Kind::Development { rate, .. } => *rate,
            Kind::Manual { .. } => 0.0,
        }
    }

    /// Moves a manual or development clock forward; the machine's moves by itself and ignores it.
    ///
    /// A development clock of rate 0 that is moved step by step lives through days in a way that
    /// no load on the machine changes, while [`Clock::monotonic`] keeps the pace of the sockets.
    pub fn advance(&self, span: Span) {
        let millis = span.millis().max(0);
        match &*self.0 {
            Kind::System { .. } => {}
            Kind::Development { advanced_ms, .. } => {
                advanced_ms.fetch_add(millis, Ordering::AcqRel);
            }
            Kind::Manual { elapsed_ms, .. } => {
                elapsed_ms.fetch_add(millis, Ordering::AcqRel);
            }
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

#[expect(clippy::disallowed_methods, reason = "this module is the clock")]
fn monotonic() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "this module is the clock")]
fn wall() -> Timestamp {
    let now = SystemTime::now();
    let since_1970 = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_forward_and_only_when_told() {
        let clock = Clock::manual(Timestamp::from_seconds(100));
        let twin = clock.clone();
        assert_eq!(clock.now(), Timestamp::from_seconds(100));
        clock.advance(Span::from_seconds(5));
        clock.advance(Span::from_seconds(-9));
        assert_eq!(twin.now(), Timestamp::from_seconds(105));
        assert_eq!(twin.monotonic(), Duration::from_secs(5));
    }

    #[test]
    fn a_development_clock_starts_where_it_is_told() {
        let began_at = Timestamp::from_seconds(1_800_000_000);
        let clock = Clock::development(began_at, 0.0).unwrap();
        assert_eq!(clock.now(), began_at);
        clock.advance(Span::from_hours(24));
        assert_eq!(clock.now(), began_at + Span::from_hours(24));
        assert!(Clock::development(began_at, 60.0).unwrap().now() >= began_at);
        for rate in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(Clock::development(began_at, rate).is_err());
        }
    }
}
