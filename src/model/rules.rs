//! Thresholds and limits, valid by construction, with a version. No number of a rule stands in code.

use super::time::{LocalZone, Span};
use super::violation::Severity;

/// A whole rulebook document, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSet {
    /// Version written into every violation and verdict.
    pub version: String,
    /// Zone of days and night windows.
    pub zone: LocalZone,
    /// Rules of the monitoring duty.
    pub duty: DutyRules,
}

/// A daily window of local time; may cross midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DailyWindow {
    /// First moment. Unit: milliseconds of the day.
    pub begin_ms: i64,
    /// First moment after it. Unit: milliseconds of the day.
    pub end_ms: i64,
}

impl DailyWindow {
    /// Whether a local time of day lies in the window; the end does not (A1).
    pub const fn contains(&self, millis_of_day: i64) -> bool {
        if self.begin_ms <= self.end_ms {
            self.begin_ms <= millis_of_day && millis_of_day < self.end_ms
        } else {
            millis_of_day >= self.begin_ms || millis_of_day < self.end_ms
        }
    }
}

/// Thresholds of N1-N9. Source: contract section 6, regulations 14.
#[derive(Clone, Debug, PartialEq)]
pub struct DutyRules {
    /// N1: fewest qualified monitors of any enterprise.
    pub monitors_min: u32,
    /// N1: vehicles that one monitor may watch.
    pub vehicles_per_monitor: u32,
    /// N2: longest allowed run of operating, uncovered minutes. Unit: minutes.
    pub uncovered_min_max: u32,
    /// N3: lowest handling rate that passes.
    pub handling_rate_min: f64,
    /// N3: time to handle a violation, from when it was first seen.
    pub handling_due: Span,
    /// N4: lowest rate of answers in time that passes.
    pub inquiry_rate_min: f64,
    /// N4: inquiries sent in this window may not be missed at all.
    pub inquiry_strict_window: DailyWindow,
    /// N5: offline movement or fault run from which a vehicle fails its enterprise.
    pub offline_max: Span,
    /// N5: alarm bits of JT/T 808 0x0200 that say the terminal is faulty.
    pub fault_alarm_mask: u32,
    /// N6: lowest severity that must be reminded.
    pub reminder_severity_min: Severity,
    /// N6: time to remind, from when the violation was first seen.
    pub reminder_within: Span,
    /// N6: data older than this on arrival asks for no reminder.
    pub reminder_data_age_max: Span,
    /// N7: lowest share of vehicles in network that must be online.
    pub online_rate_min: f64,
}
