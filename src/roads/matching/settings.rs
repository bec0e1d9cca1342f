//! What matching assumes of positioning, of driving and of maps.

/// The assumptions, each with its unit.
///
/// Source: our choice. They are magnitudes of receivers and of driving and not fits to one file:
/// `benches/matching.rs` shows how little the result moves on other maps, noises and seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Error of positioning that changes slowly (satellites, reflections), standard deviation of
    /// each axis. Unit: m.
    pub slow_error_m: f64,
    /// Time in which the slow error forgets itself, where fixes are sparse. Unit: s.
    pub slow_error_s: f64,
    /// The same where fixes follow each other within [`Settings::sparse_s`]: what neighbours have in
    /// common lasts for longer than what distant fixes have. Unit: s.
    pub slow_error_dense_s: f64,
    /// Error of positioning that is new with each fix, standard deviation of each axis. Unit: m.
    pub fast_error_m: f64,
    /// How fast the errors of a track are learnt from its own surprises; 0 for never. Share a fix.
    pub learning: f64,
    /// Least and most that the learnt variance of the errors can be, against the assumed one.
    pub learnt_range: (f64, f64),
    /// Distance within which roads are looked for. Unit: m.
    pub reach_m: f64,
    /// The same where nothing is nearer than half of [`Settings::reach_m`]. Unit: m.
    pub far_reach_m: f64,
    /// Error of the reported speed. Unit: m/s.
    pub speed_error: f64,
    /// How the speed changes between two fixes. Unit: m/s².
    pub acceleration: f64,
    /// The same for a vehicle that stands at both. Unit: m/s².
    pub standing_acceleration: f64,
    /// Error of the reported course against the line of the road. Unit: degrees.
    pub course_error_deg: f64,
    /// Most that a course can speak against a road. Unit: nats.
    pub course_nats_max: f64,
    /// Share of that where fixes follow each other within [`Settings::sparse_s`]: neighbouring
    /// courses err together.
    pub course_share_dense: f64,
    /// From here on fixes count as sparse. Unit: s.
    pub sparse_s: f64,
    /// Way longer than the straight line that costs one nat. Unit: m.
    pub detour_m: f64,
    /// Cost of a way that the reported speeds do not explain. Unit: nats.
    pub unexplained_nats: f64,
    /// Cost of beginning anew without a way from before. Unit: nats.
    pub restart_nats: f64,
    /// Cost of leaving out a fix as a stray one. Unit: nats.
    pub stray_nats: f64,
    /// Most that one fix can speak against a hypothesis. Unit: nats.
    pub fix_nats_max: f64,
    /// Cost of turning round. Unit: nats.
    pub turn_round_nats: f64,
    /// Cost of leaving a way at a junction. Unit: nats.
    pub turn_nats: f64,
    /// Cost of going onto a service road. Unit: nats.
    pub service_nats: f64,
    /// Cost of going onto a road that is open to few. Unit: nats.
    pub restricted_nats: f64,
    /// Speed, as a share of the pace of a road, from which on it speaks against the road.
    pub haste_from: f64,
    /// Speed, as a share of the pace of a road, from which on it speaks no louder.
    pub haste_to: f64,
    /// Most that a speed can speak against a road. Unit: nats.
    pub haste_nats_max: f64,
    /// Time in which a speed says all that it has to say. Unit: s.
    pub haste_told_s: f64,
    /// Time in which it is forgotten that a speed spoke against a road. Unit: s.
    pub haste_forgotten_s: f64,
    /// Hypotheses this much worse than the best are dropped. Unit: nats.
    pub beam_nats: f64,
    /// Most hypotheses that are kept for a fix.
    pub hypotheses_max: usize,
    /// Candidates this much worse than the best do not keep the route search going. Unit: nats.
    pub plausible_nats: f64,
    /// Longest gap between fixes that is bridged; after a longer one the track begins anew. Unit: s.
    pub gap_s_max: f64,
    /// Fastest that a vehicle gets from one fix to the next. Unit: m/s.
    pub speed_max: f64,
    /// Loss at a fix from which on it may be a stray one. Unit: nats.
    pub doubt_nats: f64,
    /// Distance at which being on no road at all is as likely as being on the nearest. Unit: m.
    pub off_road_m: f64,
}

impl Settings {
    /// For judging: what is far from likely is given up earlier.
    ///
    /// Half as dear, and on the shared sets the same limits are found (`benches/README.md`).
    pub fn for_judging() -> Self {
        Self {
            beam_nats: 10.0,
            hypotheses_max: 8,
            plausible_nats: 4.0,
            ..Self::default()
        }
    }

    /// Share of the slow error that is left after a time. Unit: s.
    pub(super) fn kept(&self, time_s: f64) -> f64 {
        let forgotten_s = if time_s < self.sparse_s {
            self.slow_error_dense_s
        } else {
            self.slow_error_s
        };
        (-time_s / forgotten_s).exp()
    }

    /// Variance of the slow error. Unit: m².
    pub(super) fn slow_m2(&self) -> f64 {
        self.slow_error_m * self.slow_error_m
    }

    /// Variance of the fast error. Unit: m².
    pub(super) fn fast_m2(&self) -> f64 {
        self.fast_error_m * self.fast_error_m
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            slow_error_m: 6.0,
            slow_error_s: 15.0,
            slow_error_dense_s: 25.0,
            fast_error_m: 6.0,
            learning: 0.05,
            learnt_range: (0.5, 8.0),
            reach_m: 50.0,
            far_reach_m: 100.0,
            speed_error: 0.4,
            acceleration: 2.0,
            standing_acceleration: 0.2,
            course_error_deg: 6.0,
            course_nats_max: 6.0,
            course_share_dense: 0.5,
            sparse_s: 4.0,
            detour_m: 100.0,
            unexplained_nats: 3.0,
            restart_nats: 30.0,
            stray_nats: 18.0,
            fix_nats_max: 25.0,
            turn_round_nats: 10.0,
            turn_nats: 0.2,
            service_nats: 2.0,
            restricted_nats: 3.0,
            haste_from: 1.4,
            haste_to: 2.6,
            haste_nats_max: 4.0,
            haste_told_s: 60.0,
            haste_forgotten_s: 120.0,
            beam_nats: 14.0,
            hypotheses_max: 16,
            plausible_nats: 6.0,
            gap_s_max: 120.0,
            speed_max: 60.0,
            doubt_nats: 8.0,
            off_road_m: 50.0,
        }
    }
}
