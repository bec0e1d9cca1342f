//! Time measured and told, for benches that are no functions called again and again.

use std::time::{Duration, Instant};

/// Time on the clock, and of the process on all cores: the first suffers where the machine is shared.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    clock_s: f64,
    cpu_s: f64,
}

impl Times {
    /// This moment.
    pub(crate) fn now() -> Self {
        static BEGAN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
        // Fields 14 and 15 are time in the process and in the system for it, in hundredths of a second.
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let ticks = |field: usize| -> f64 {
            let fields = stat.rsplit(')').next().unwrap_or_default();
            let text = fields.split_whitespace().nth(field - 3);
            text.and_then(|text| text.parse().ok()).unwrap_or(0.0)
        };
        Self {
            clock_s: BEGAN.elapsed().as_secs_f64(),
            cpu_s: (ticks(14) + ticks(15)) / 100.0,
        }
    }

    /// From that moment to now.
    pub(crate) fn elapsed(self) -> Self {
        let now = Self::now();
        Self {
            clock_s: now.clock_s - self.clock_s,
            cpu_s: now.cpu_s - self.cpu_s,
        }
    }

    /// Both together.
    pub(crate) fn plus(self, other: &Self) -> Self {
        Self {
            clock_s: self.clock_s + other.clock_s,
            cpu_s: self.cpu_s + other.cpu_s,
        }
    }
}

/// Prints a rate, by the clock and by processor time.
pub(crate) fn report(what: &str, fixes: u64, time: Times) {
    let rate = |seconds: f64| fixes as f64 / seconds.max(0.001) / 1e6;
    println!(
        "{what:<40} {:>6.2} M fixes/s, {:>6.2} M fixes a second of processor ({fixes} in {:.2} s)",
        rate(time.clock_s),
        rate(time.cpu_s),
        time.clock_s
    );
}

/// Prints percentiles.
pub(crate) fn latency(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |percent: usize| {
        times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1000.0
    };
    println!(
        "{what:<48} p50 {:.2} ms  p99 {:.2} ms  max {:.2} ms",
        at(50),
        at(99),
        at(100)
    );
}
