//! Where on its segment a hypothesis holds the vehicle to be, and how far off it holds the fixes.
//!
//! The error of positioning changes slowly: at 1 Hz neighbouring fixes err together, and taking
//! each for new evidence would make a parallel road look certain. So every hypothesis carries an
//! estimate of the error beside the place along its road, as a Kalman filter of three numbers (along,
//! error east, error north). It predicts by the reported speeds, and the surprise at the next fix
//! is what speaks against it.

/// Part of the plane around a fix: a segment seen from there.
///
/// Unit: m; the fix is the origin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    /// Where the segment begins, east.
    pub(super) east: f64,
    /// Where the segment begins, north.
    pub(super) north: f64,
    /// Direction, east part of a vector of length 1.
    pub(super) toward_east: f64,
    /// Direction, north part of the same.
    pub(super) toward_north: f64,
    /// Length.
    pub(super) length: f64,
}

impl Line {
    /// How far along the (endless) line its point nearest to the fix lies, if the fix is off by `error`.
    pub(super) fn along(&self, error: [f64; 2]) -> f64 {
        -(self.east + error[0]) * self.toward_east - (self.north + error[1]) * self.toward_north
    }
}

/// Length of the axes of doubt about a place that only the fix itself tells. Unit: m².
const UNKNOWN_M2: f64 = 1e4;

/// The estimate.
///
/// Unit: m, and m² for the covariance: along-along, along-east, along-north, east-east,
/// east-north, north-north.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Estimate {
    pub(super) along: f64,
    pub(super) error: [f64; 2],
    pub(super) covariance: [f64; 6],
}

/// What happens to an estimate between two fixes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Drift {
    /// Share of the slow error that is still there.
    pub(super) kept: f64,
    /// Variance of the slow error. Unit: m².
    pub(super) slow: f64,
    /// Variance of the fast error. Unit: m².
    pub(super) fast: f64,
    /// Variance of the way driven. Unit: m².
    pub(super) driven: f64,
}

impl Estimate {
    /// At first sight of a line, and the cost of that. Unit: nats.
    pub(super) fn first(line: &Line, drift: &Drift) -> (Self, f64) {
        let mut estimate = Self {
            along: line.along([0.0; 2]),
            error: [0.0; 2],
            covariance: [UNKNOWN_M2, 0.0, 0.0, drift.slow, 0.0, drift.slow],
        };
        let cost = estimate.take(line, drift);
        (estimate, cost)
    }

    /// After driving `driven` metres.
    pub(super) fn after(&self, driven: f64, drift: &Drift) -> Self {
        let kept = drift.kept;
        let kept_2 = kept * kept;
        let fresh = drift.slow * (1.0 - kept_2);
        let [aa, ae, an, ee, en, nn] = self.covariance;
        Self {
            along: self.along + driven,
            error: [self.error[0] * kept, self.error[1] * kept],
            covariance: [
                aa + drift.driven,
                ae * kept,
                an * kept,
                ee * kept_2 + fresh,
                en * kept_2,
                nn * kept_2 + fresh,
            ],
        }
    }

    /// Seen from the twin of a segment of that length.
    pub(super) fn turned(&self, length: f64) -> Self {
        let [aa, ae, an, ee, en, nn] = self.covariance;
        Self {
            along: length - self.along,
            error: self.error,
            covariance: [aa, -ae, -an, ee, en, nn],
        }
    }

    /// With the place along the line told by the fix alone, because the speeds do not explain it.
    pub(super) fn placed(&self, line: &Line) -> Self {
        let [_, _, _, ee, en, nn] = self.covariance;
        Self {
            along: line.along(self.error),
            error: self.error,
            covariance: [UNKNOWN_M2, 0.0, 0.0, ee, en, nn],
        }
    }

    /// Takes in the fix from which `line` is seen; half the squared surprise. Unit: nats.
    pub(super) fn take(&mut self, line: &Line, drift: &Drift) -> f64 {
        let [aa, ae, an, ee, en, nn] = self.covariance;
        let (te, tn) = (line.toward_east, line.toward_north);
        // Fix less prediction, and the covariance of state and prediction.
        let off_east = -(line.east + te * self.along + self.error[0]);
        let off_north = -(line.north + tn * self.along + self.error[1]);
        let along = [aa * te + ae, aa * tn + an];
        let east = [ae * te + ee, ae * tn + en];
        let north = [an * te + en, an * tn + nn];
        // Covariance of the surprise, inverted.
        let s00 = te * along[0] + east[0] + drift.fast;
        let s01 = te * along[1] + east[1];
        let s11 = tn * along[1] + north[1] + drift.fast;
        let scale = 1.0 / (s00 * s11 - s01 * s01);
        let (i00, i01, i11) = (s11 * scale, -s01 * scale, s00 * scale);
        let weigh = |v: [f64; 2]| [v[0] * i00 + v[1] * i01, v[0] * i01 + v[1] * i11];
        let dot = |a: [f64; 2], b: [f64; 2]| a[0] * b[0] + a[1] * b[1];
        let off = [off_east, off_north];
        let weighed = weigh(off);
        self.along += dot(along, weighed);
        self.error[0] += dot(east, weighed);
        self.error[1] += dot(north, weighed);
        let (gain_along, gain_east, gain_north) = (weigh(along), weigh(east), weigh(north));
        self.covariance = [
            aa - dot(gain_along, along),
            ae - dot(gain_along, east),
            an - dot(gain_along, north),
            ee - dot(gain_east, east),
            en - dot(gain_east, north),
            nn - dot(gain_north, north),
        ];
        0.5 * dot(off, weighed) + self.keep_on(line.length)
    }

    /// Holds the place on the segment; what that costs. Unit: nats.
    fn keep_on(&mut self, length: f64) -> f64 {
        let moved = self.along.clamp(0.0, length) - self.along;
        if moved == 0.0 {
            return 0.0;
        }
        let [aa, ae, an, ..] = self.covariance;
        let scale = 1.0 / aa.max(1e-6);
        self.along += moved;
        self.error[0] += ae * scale * moved;
        self.error[1] += an * scale * moved;
        0.5 * moved * moved * scale
    }

    /// This estimate in the light of what came after it: one step back of the Rauch-Tung-Striebel
    /// smoother. `predicted` is what this one foretold for the next fix, `later` the smoothed state
    /// there (along, east, north), both from the beginning of the next segment.
    pub(super) fn smoothed(&self, predicted: &Self, later: [f64; 3], kept: f64) -> [f64; 3] {
        let own = [self.along, self.error[0], self.error[1]];
        let off = [
            later[0] - predicted.along,
            later[1] - predicted.error[0],
            later[2] - predicted.error[1],
        ];
        let Some(weighed) = solve(&predicted.covariance, off) else {
            return own;
        };
        let back = [weighed[0], weighed[1] * kept, weighed[2] * kept];
        let moved = times(&self.covariance, back);
        [own[0] + moved[0], own[1] + moved[1], own[2] + moved[2]]
    }
}

/// A symmetric matrix times a vector.
fn times(matrix: &[f64; 6], vector: [f64; 3]) -> [f64; 3] {
    let [m00, m01, m02, m11, m12, m22] = *matrix;
    let rows = [[m00, m01, m02], [m01, m11, m12], [m02, m12, m22]];
    rows.map(|row| row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2])
}

/// Determinant below which a covariance says nothing. Unit: m⁶.
const SINGULAR: f64 = 1e-9;

/// The vector that a symmetric matrix turns into `vector`.
fn solve(matrix: &[f64; 6], vector: [f64; 3]) -> Option<[f64; 3]> {
    let [m00, m01, m02, m11, m12, m22] = *matrix;
    let adjugate = [
        m11 * m22 - m12 * m12,
        m02 * m12 - m01 * m22,
        m01 * m12 - m02 * m11,
        m00 * m22 - m02 * m02,
        m01 * m02 - m00 * m12,
        m00 * m11 - m01 * m01,
    ];
    let determinant = m00 * adjugate[0] + m01 * adjugate[1] + m02 * adjugate[2];
    if determinant.abs() < SINGULAR {
        return None;
    }
    Some(times(&adjugate, vector).map(|value| value / determinant))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRIFT: Drift = Drift {
        kept: 0.9,
        slow: 36.0,
        fast: 9.0,
        driven: 1.0,
    };

    /// A road that runs north, seen from a fix `beside` metres east of it and `ahead` along it.
    fn north(beside: f64, ahead: f64) -> Line {
        Line {
            east: -beside,
            north: -ahead,
            toward_east: 0.0,
            toward_north: 1.0,
            length: 100.0,
        }
    }

    #[test]
    fn an_error_that_lasts_is_learnt_and_costs_less_and_less() {
        let (mut estimate, first) = Estimate::first(&north(10.0, 0.0), &DRIFT);
        let mut last = first;
        for step in 1..5 {
            estimate = estimate.after(10.0, &DRIFT);
            last = estimate.take(&north(10.0, f64::from(step) * 10.0), &DRIFT);
        }
        assert!(last < first / 2.0, "{first} {last}");
        assert!((6.0..10.0).contains(&estimate.error[0]), "{estimate:?}");
        assert!((estimate.along - 40.0).abs() < 2.0, "{estimate:?}");
    }

    #[test]
    fn a_place_past_the_end_is_held_on_the_segment_at_a_cost() {
        let (inside, cost) = Estimate::first(&north(0.0, 100.0), &DRIFT);
        let (past, more) = Estimate::first(&north(0.0, 130.0), &DRIFT);
        assert!((inside.along - 100.0).abs() < 0.5, "{inside:?}");
        assert!((past.along - 100.0).abs() < f64::EPSILON, "{past:?}");
        assert!(more > cost + 1.0, "{cost} {more}");
    }

    #[test]
    fn solving_undoes_multiplying() {
        let matrix = [4.0, 1.0, -0.5, 3.0, 0.25, 2.0];
        let vector = [1.0, -2.0, 3.0];
        let solved = solve(&matrix, times(&matrix, vector)).unwrap();
        for (found, expected) in solved.into_iter().zip(vector) {
            assert!((found - expected).abs() < 1e-12, "{solved:?}");
        }
        assert_eq!(solve(&[0.0; 6], vector), None);
    }

    #[test]
    fn what_comes_later_moves_what_came_before() {
        let (estimate, _) = Estimate::first(&north(0.0, 50.0), &DRIFT);
        let predicted = estimate.after(10.0, &DRIFT);
        // The next fix tells that the vehicle was 4 m farther than thought.
        let later = [
            predicted.along + 4.0,
            predicted.error[0],
            predicted.error[1],
        ];
        let [along, ..] = estimate.smoothed(&predicted, later, DRIFT.kept);
        assert!((53.0..54.1).contains(&along), "{along}");
        let same = [predicted.along, predicted.error[0], predicted.error[1]];
        let [along, ..] = estimate.smoothed(&predicted, same, DRIFT.kept);
        assert!((along - estimate.along).abs() < 1e-9, "{along}");
    }
}
