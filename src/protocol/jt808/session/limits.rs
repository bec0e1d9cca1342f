//! The bounds of a session; the shell supplies the values.

use std::time::Duration;

use crate::protocol::jt808::frame::FRAME_BYTES_MAX;
use crate::protocol::jt808::reassembly::ReassemblyLimits;

/// Bounds of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest frame, delimiters included.
    pub frame_bytes_max: usize,
    /// Good and bad frames in one second; more wait for the next second.
    pub frames_per_s_max: u32,
    /// Bad frames in a row; one more closes.
    pub bad_frames_max: u32,
    /// Time until a terminal must be online.
    pub unauthenticated_max: Duration,
    /// Time without a good frame.
    pub idle_max: Duration,
    /// Messages whose data are not durable yet; more wait.
    pub unacknowledged_max: usize,
    /// Commands that wait for their answer.
    pub commands_max: usize,
    /// Wait for the answer to a command before it is sent again; the wait after
    /// resend N is N + 1 times the one before.
    pub answer_wait: Duration,
    /// How often a command is sent again.
    pub resends_max: u8,
    /// Wait for the result of a command that the terminal has accepted.
    pub result_wait: Duration,
    /// Bounds of sub-package reassembly.
    pub reassembly: ReassemblyLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes_max: FRAME_BYTES_MAX,
            frames_per_s_max: 5000,
            bad_frames_max: 20,
            unauthenticated_max: Duration::from_secs(30),
            idle_max: Duration::from_mins(5),
            unacknowledged_max: 256,
            commands_max: 16,
            answer_wait: Duration::from_secs(10),
            resends_max: 3,
            result_wait: Duration::from_mins(1),
            reassembly: ReassemblyLimits::default(),
        }
    }
}

/// A bound that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::frames_per_s_max`]: reading pauses.
    FramesPerSecond,
    /// [`Limits::bad_frames_max`]: the session closes.
    BadFrames,
    /// [`Limits::unauthenticated_max`]: the session closes.
    Unauthenticated,
    /// [`Limits::idle_max`]: the session closes.
    Idle,
    /// [`Limits::unacknowledged_max`]: reading pauses.
    Unacknowledged,
    /// One of [`Limits::reassembly`]: the sub-package is refused.
    Reassembly,
    /// [`ReassemblyLimits::age_max`]: the message is given up.
    ReassemblyAge,
}

impl Limit {
    /// The limit as a label of a metric.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FramesPerSecond => "frames_per_s",
            Self::BadFrames => "bad_frames",
            Self::Unauthenticated => "unauthenticated",
            Self::Idle => "idle",
            Self::Unacknowledged => "unacknowledged",
            Self::Reassembly => "reassembly",
            Self::ReassemblyAge => "reassembly_age",
        }
    }
}
