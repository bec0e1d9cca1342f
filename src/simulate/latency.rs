//! Latencies as counts in buckets that are about 1.6 % wide: bounded memory for any run.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets of one power of two, and the first values that have a bucket each.
const STEPS: u64 = 64;
/// Powers of two above [`STEPS`] microseconds: up to some nineteen hours.
const POWERS: u64 = 30;

/// Counts of latencies; shared by all connections.
#[derive(Debug)]
pub(super) struct Latencies {
    buckets: Vec<AtomicU64>,
    max_us: AtomicU64,
}

impl Default for Latencies {
    fn default() -> Self {
        let length = usize::try_from(STEPS * (POWERS + 1)).unwrap_or_default();
        Self {
            buckets: std::iter::repeat_with(AtomicU64::default)
                .take(length)
                .collect(),
            max_us: AtomicU64::new(0),
        }
    }
}

impl Latencies {
    pub(super) fn record(&self, latency: Duration) {
        let us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let bucket = usize::try_from(bucket(us)).unwrap_or(usize::MAX);
        if let Some(count) = self.buckets.get(bucket).or(self.buckets.last()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if us > self.max_us.load(Ordering::Relaxed) {
            self.max_us.fetch_max(us, Ordering::Relaxed);
        }
    }

    /// The latency that `share` of all do not exceed. Unit: ms; 0 when there are none.
    pub(super) fn quantile_ms(&self, share: f64) -> f64 {
        let counts: Vec<u64> = self
            .buckets
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .collect();
        let total: u64 = counts.iter().sum();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counts are far below 2^52 and the share is in 0..=1"
        )]
        let wanted = (total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (count, bucket) in counts.iter().zip(0..) {
            seen += count;
            if *count > 0 && seen >= wanted {
                return to_ms(bucket_end_us(bucket).min(self.max_us.load(Ordering::Relaxed)));
            }
        }
        0.0
    }

    /// The greatest latency. Unit: ms.
    pub(super) fn max_ms(&self) -> f64 {
        to_ms(self.max_us.load(Ordering::Relaxed))
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "latencies are far below 2^52 us"
)]
fn to_ms(us: u64) -> f64 {
    us as f64 / 1000.0
}

fn bucket(us: u64) -> u64 {
    let power = u64::from((us / STEPS).checked_ilog2().map_or(0, |power| power + 1));
    match power {
        0 => us,
        _ => power * (STEPS / 2) + (us >> power),
    }
}

/// Greatest value of a bucket. Unit: us.
fn bucket_end_us(index: u64) -> u64 {
    if index < STEPS {
        return index;
    }
    let power = (index - STEPS) / (STEPS / 2) + 1;
    let step = (index - STEPS) % (STEPS / 2) + STEPS / 2;
    ((step + 1) << power) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_a_bucket_that_is_about_its_size() {
        let mut previous = 0;
        for us in (0..5000).chain([1 << 20, (1 << 20) + 99_999, 1 << 33]) {
            let index = bucket(us);
            let end = bucket_end_us(index);
            assert!(
                end >= us && end <= us + us / 30,
                "{us}: {index} ends at {end}"
            );
            assert!(index >= previous);
            previous = index;
        }
    }

    #[test]
    fn quantiles_count_from_the_least() {
        let latencies = Latencies::default();
        for ms in 1..=100 {
            latencies.record(Duration::from_millis(ms));
        }
        assert!((latencies.quantile_ms(0.5) - 50.0).abs() < 2.0);
        assert!((latencies.quantile_ms(0.99) - 99.0).abs() < 3.5);
        assert!((latencies.max_ms() - 100.0).abs() < 0.01);
        assert!(Latencies::default().quantile_ms(0.5) < 0.01);
    }
}
