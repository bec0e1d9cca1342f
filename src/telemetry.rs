//! Tracing set-up and the names of all metrics.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

macro_rules! names {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: &str = $text;)+
        /// Every metric with what it counts.
        pub const ALL: &[(&str, &str)] = &[$(($text, concat!($($doc),+)),)+];
    };
}

/// Names of the metrics.
pub mod name {
    names! {
        /// Open terminal connections.
        CONNECTIONS = "roadwarden_terminal_connections";
        /// Connections refused or closed by a limit, by `limit`.
        LIMIT_HITS = "roadwarden_limit_hits_total";
        /// Terminal frames read.
        FRAMES = "roadwarden_frames_total";
        /// Frames or records that could not be used, by `reason`.
        BAD_INPUT = "roadwarden_bad_input_total";
        /// Messages from terminals that the fleet does not know.
        UNKNOWN_TERMINALS = "roadwarden_unknown_terminals_total";
        /// Drivers whose counters are at hand, those of unnamed drivers included.
        DRIVERS = "roadwarden_drivers";
        /// Drivers whose hours were counted again, because what a vehicle told came late or changed.
        DRIVERS_RECOUNTED = "roadwarden_drivers_recounted_total";
        /// Fixes made durable in the journal.
        FIXES_DURABLE = "roadwarden_fixes_durable_total";
        /// Group commits.
        COMMITS = "roadwarden_commits_total";
        /// Failed writes of the journal, each tried again.
        COMMIT_FAILURES = "roadwarden_commit_failures_total";
        /// Fixes that wait for a commit.
        FIXES_PENDING = "roadwarden_fixes_pending";
        /// Fixes judged.
        FIXES_JUDGED = "roadwarden_fixes_judged_total";
        /// Fixes stored and not judged, by `reason`.
        FIXES_NOT_JUDGED = "roadwarden_fixes_not_judged_total";
        /// Repeated fixes.
        FIXES_DUPLICATE = "roadwarden_fixes_duplicate_total";
        /// Fixes that came after a later one of their vehicle.
        FIXES_LATE = "roadwarden_fixes_late_total";
        /// Vehicles whose waiting fixes were decided because nothing came for long.
        SILENCES = "roadwarden_silences_decided_total";
        /// Vehicles judged again.
        REJUDGED_VEHICLES = "roadwarden_rejudged_vehicles_total";
        /// Fixes judged again.
        FIXES_REJUDGED = "roadwarden_fixes_rejudged_total";
        /// Vehicles that must be judged once more, because too many fixes came meanwhile.
        REJUDGE_OVERTAKEN = "roadwarden_rejudge_overtaken_total";
        /// Vehicles of which late data could not be judged, because a file of the track archive is damaged.
        REJUDGE_LOST = "roadwarden_rejudge_lost_total";
        /// Vehicles that wait to be judged again, as far as they are looked at together.
        REJUDGE_QUEUE = "roadwarden_rejudge_queue_vehicles";
        /// Violations confirmed, by `kind`.
        VIOLATIONS = "roadwarden_violations_total";
        /// Flushes of derived rows.
        FLUSHES = "roadwarden_flushes_total";
        /// Failed flushes, each tried again.
        FLUSH_FAILURES = "roadwarden_flush_failures_total";
        /// Staged fixes that went to files of the track archive.
        ARCHIVE_FIXES = "roadwarden_archive_fixes_total";
        /// Archived fixes taken away because their time had passed.
        ARCHIVE_PURGED = "roadwarden_archive_purged_fixes_total";
        /// Passes of the archive that failed, each tried again.
        ARCHIVE_FAILURES = "roadwarden_archive_failures_total";
        /// Damaged or missing files met by a pass of the archive.
        ARCHIVE_DAMAGED = "roadwarden_archive_damaged_total";
        /// Damaged staged chunks met by a pass of the archive.
        ARCHIVE_CHUNKS_DAMAGED = "roadwarden_archive_damaged_chunks_total";
        /// Whether terminals are being acknowledged: 1 or 0.
        ACKNOWLEDGING = "roadwarden_acknowledging";
        /// Vehicles with a state in memory.
        VEHICLES = "roadwarden_vehicles";
        /// Vehicles whose places look as if they were of another datum than declared, by `datum`.
        DATUM_SUSPECTS = "roadwarden_datum_suspects";
        /// Bytes of all vehicle states.
        VEHICLE_BYTES = "roadwarden_vehicle_state_bytes";
    }
}

/// Starts logging to standard error.
///
/// A second call changes nothing: tests start many servers in one process.
pub fn start_log(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    drop(
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .try_init(),
    );
}

/// Installs the recorder of metrics and returns the handle that prints them.
///
/// A second call returns a handle that prints nothing, since the first recorder stays.
pub fn start_metrics() -> PrometheusHandle {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_ok() {
        for (name, help) in name::ALL {
            metrics::describe_counter!(*name, help.trim());
        }
    }
    handle
}
