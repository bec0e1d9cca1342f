//! Tracing set-up and the names of all metrics.
