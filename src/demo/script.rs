//! The script of the demo: every report, shift, inquiry, reminder and handling with its moment.

use crate::model::{Course, Odometer, Position, Span, Speed, Timestamp, ViolationKind};

/// Everything that happens, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// Where the clock must stand before the first event.
    pub began_at: Timestamp,
    /// Where it stands after the last one.
    pub ended_at: Timestamp,
    /// What happens, by time.
    pub events: Vec<Event>,
    /// The violations that the tracks hold, by which reminders and handlings find theirs.
    pub violations: Vec<PlannedViolation>,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When: for what goes over HTTP a full minute.
    pub at: Timestamp,
    /// What.
    pub action: Action,
}

/// One position report of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Fix time.
    pub time: Timestamp,
    /// Place.
    pub position: Position,
    /// Ground speed, a multiple of 0.1 km/h.
    pub speed: Speed,
    /// Direction of travel.
    pub course: Course,
    /// Height over sea level. Unit: m.
    pub altitude_m: i16,
    /// Distance driven so far.
    pub odometer: Odometer,
    /// Alarm bits of JT/T 808 0x0200.
    pub alarm: u32,
    /// Status bits of JT/T 808 0x0200.
    pub status: u32,
}

/// What happens. Vehicles and drivers are numbers into the fleet folder.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A live report, 0x0200.
    Report {
        /// The vehicle.
        vehicle: usize,
        /// What it says.
        report: Report,
    },
    /// Several reports in one message to save traffic, 0x0704 of the normal kind.
    Batch {
        /// The vehicle.
        vehicle: usize,
        /// What it says, by time.
        reports: Vec<Report>,
    },
    /// Reports kept while there was no link, 0x0704 of the blind-area kind.
    BlindUpload {
        /// The vehicle.
        vehicle: usize,
        /// What it says, by time.
        reports: Vec<Report>,
    },
    /// A driver's card goes in or comes out, 0x0702.
    DriverCard {
        /// The vehicle.
        vehicle: usize,
        /// The driver.
        driver: usize,
        /// In, or out.
        inserted: bool,
    },
    /// A monitor comes on duty.
    ShiftStart {
        /// Number of the shift in the script.
        shift: usize,
        /// The enterprise.
        enterprise_id: String,
        /// The monitor.
        monitor_id: String,
    },
    /// A monitor goes off duty.
    ShiftEnd {
        /// Number of the shift in the script.
        shift: usize,
        /// The handover note, where one is written.
        note: Option<String>,
    },
    /// The regulator checks posts.
    Inquiry {
        /// Number of the inquiry in the script.
        inquiry: usize,
        /// Who is asked.
        enterprise_ids: Vec<String>,
        /// What is asked; no two inquiries ask the same.
        question: String,
        /// Time allowed.
        within: Span,
    },
    /// An enterprise answers.
    Answer {
        /// Number of the inquiry in the script.
        inquiry: usize,
        /// Who answers.
        enterprise_id: String,
        /// What it says.
        answer: String,
        /// Who says it.
        responder: String,
    },
    /// A monitor reminds the driver.
    Reminder {
        /// Number of the violation in the script.
        violation: usize,
        /// What is said.
        text: String,
    },
    /// The enterprise deals with a violation.
    Handling {
        /// Number of the violation in the script.
        violation: usize,
        /// What was done.
        note: String,
    },
}

/// A violation that a track was drawn to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedViolation {
    /// The vehicle.
    pub vehicle: usize,
    /// Kind.
    pub kind: ViolationKind,
    /// Earliest moment at which it may be found to have started.
    pub from: Timestamp,
    /// First moment at which it may not.
    pub to: Timestamp,
}
