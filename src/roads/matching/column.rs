//! What is held to be possible at one fix.

use super::estimate::Estimate;
use crate::roads::index::Plane;

/// All hypotheses at one fix, and how they came from earlier fixes.
#[derive(Debug)]
pub(super) struct Column {
    /// Number of the fix in its track.
    pub(super) fix: usize,
    /// The plane around the fix.
    pub(super) plane: Plane,
    pub(super) hypotheses: Vec<Hypothesis>,
    /// Steps that were possible, the best and the others.
    pub(super) steps: Vec<Step>,
    /// Segments between the segments of two hypotheses; see [`Hypothesis::between`].
    pub(super) between: Vec<u32>,
    /// Score of the best hypothesis, summed from the beginning of the track. Unit: nats.
    pub(super) total: f64,
    /// Whether the fix fits nothing that came before: it may be a stray one.
    pub(super) is_doubtful: bool,
    /// Variance of the errors after this fix, against the assumed one; see [`Settings::learning`].
    ///
    /// [`Settings::learning`]: super::Settings::learning
    pub(super) scale: f64,
    /// For each hypothesis what the later fixes say, relative to the best. Unit: nats.
    pub(super) later: Vec<f64>,
}

/// The vehicle is on this segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hypothesis {
    pub(super) segment: u32,
    pub(super) estimate: Estimate,
    /// What was expected before the fix was seen.
    pub(super) predicted: Estimate,
    /// Share of the slow error that was kept since the hypothesis before.
    pub(super) kept: f64,
    /// Relative to the best of its column, at most 0. Unit: nats.
    pub(super) score: f64,
    /// What speeds have said against it and was paid, less what is forgotten. Unit: nats.
    pub(super) haste_nats: f64,
    /// The hypothesis before, unless the track begins anew here.
    pub(super) before: Option<Before>,
    /// Range in [`Column::between`] of the segments that lie between that and this.
    pub(super) between: (u32, u32),
}

/// Where a hypothesis came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Before {
    /// Columns back; more than one where stray fixes are left out.
    pub(super) columns: u8,
    /// Number of the hypothesis in that column.
    pub(super) hypothesis: u32,
    /// Whether the vehicle turned round where it stood.
    pub(super) turned: bool,
}

/// A possible step between hypotheses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) before: Before,
    /// Number of the hypothesis in this column.
    pub(super) to: u32,
    /// Unit: nats, at most 0.
    pub(super) weight: f64,
}

impl Column {
    pub(super) fn new(fix: usize, plane: Plane) -> Self {
        Self {
            fix,
            plane,
            hypotheses: Vec::new(),
            steps: Vec::new(),
            between: Vec::new(),
            total: 0.0,
            is_doubtful: false,
            scale: 1.0,
            later: Vec::new(),
        }
    }

    /// The same memory for another fix.
    pub(super) fn reset(&mut self, fix: usize, plane: Plane) {
        self.fix = fix;
        self.plane = plane;
        self.hypotheses.clear();
        self.steps.clear();
        self.between.clear();
        self.later.clear();
        self.total = 0.0;
        self.is_doubtful = false;
        self.scale = 1.0;
    }

    /// Number of the best hypothesis.
    pub(super) fn best(&self) -> Option<u32> {
        let scores = (0_u32..).zip(&self.hypotheses);
        let best = scores.max_by(|(_, a), (_, b)| a.score.total_cmp(&b.score));
        best.map(|(number, _)| number)
    }

    /// The segments that lie between the segment before and that of a hypothesis.
    pub(super) fn between(&self, hypothesis: &Hypothesis) -> &[u32] {
        let (first, end) = hypothesis.between;
        &self.between[first as usize..end as usize]
    }
}
