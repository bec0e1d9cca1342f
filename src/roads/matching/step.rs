//! From what was possible at the fixes before to what is possible at the next.

use super::candidate::{self, Candidate};
use super::column::{Before, Column, Hypothesis, Step};
use super::estimate::{Drift, Estimate};
use super::search::{Arrival, Bound, Search, Target, Targets};
use super::settings::Settings;
use super::{Roads, Sighting, VecColumns};
use crate::roads::index::Plane;
use crate::roads::network::{NONE, SegmentNumber, count};

/// Most stray fixes in a row that are left out before the track begins anew.
const STRAY_MAX: usize = 3;

/// Shortest time between fixes for the errors: clocks of fixes count whole seconds. Unit: s.
const TIME_MIN_S: f64 = 1.0;

/// Speed below which a vehicle counts as standing. Unit: m/s.
const STANDING: f64 = 1.0;

/// Standard errors of the way driven that the search looks ahead.
const LOOK_AHEAD: f64 = 2.5;

/// Mean cost of a fix on the right road: half a nat for each of its two numbers.
const SURPRISE_EXPECTED: f64 = 1.0;

/// Most surprise that one fix can teach; more is a stray fix or a wrong road. Unit: nats.
const SURPRISE_MAX: f64 = 4.0;

/// Beyond the reach of a fix, for the ends of segments. Unit: m.
const REACH_MARGIN_M: f64 = 20.0;

/// The memory of a step, used again for each fix.
#[derive(Debug)]
pub(super) struct Stepper {
    search: Search,
    candidates: Vec<Candidate>,
    targets: Targets,
    arrivals: Vec<Arrival>,
    /// Segment, and its range of arrivals.
    searched: Vec<(u32, usize, usize)>,
    best: Vec<Option<Way>>,
    between: Vec<u32>,
}

/// The best way to a candidate so far.
#[derive(Clone, Copy, Debug)]
struct Way {
    /// Summed from the beginning of the track. Unit: nats.
    score: f64,
    estimate: Estimate,
    predicted: Estimate,
    surprise: f64,
    kept: f64,
    haste_nats: f64,
    before: Option<Before>,
    between: (u32, u32),
}

/// What lies between two fixes.
#[derive(Debug)]
struct Passage {
    drift: Drift,
    /// Way driven, as far as the speeds tell. Unit: m.
    driven_m: f64,
    /// Straight distance of the fixes. Unit: m.
    straight_m: f64,
    /// How far the errors alone move a fix. Unit: m.
    wander_m: f64,
    /// Longest way that is looked for. Unit: m.
    search_m: f64,
    /// Cost of a way that the speeds do not explain. Unit: nats.
    unexplained_nats: f64,
    /// Share of what speeds said that is not forgotten meanwhile.
    haste_kept: f64,
    /// Share of what a speed has to say that it says meanwhile.
    haste_told: f64,
    /// Doubt about turning round. Unit: m².
    turning: f64,
}

impl Passage {
    fn new(
        settings: &Settings,
        before: &Sighting,
        now: &Sighting,
        straight_m: f64,
        scale: f64,
    ) -> Self {
        let time_s = seconds(before, now);
        let (v0, v1) = (before.speed_m_s(), now.speed_m_s());
        let told_m = f64::midpoint(v0, v1) * time_s;
        let time_s = time_s.max(TIME_MIN_S);
        let acceleration = if v0.max(v1) < STANDING {
            settings.standing_acceleration
        } else {
            settings.acceleration
        };
        // Between two known speeds the way is uncertain by a Brownian bridge of the speed.
        let told = (settings.speed_error * time_s).powi(2) / 2.0
            + acceleration.powi(2) * time_s.powi(3) / 12.0;
        let kept = settings.kept(time_s);
        let (slow, fast) = (settings.slow_m2() * scale, settings.fast_m2() * scale);
        let wander_m = (2.0 * slow * (1.0 - kept * kept)).sqrt() + 1.5 * fast.sqrt();
        let is_told = straight_m - told_m < 3.0 * (wander_m + told.sqrt());
        let (driven_m, driven) = if is_told {
            (told_m, told)
        } else {
            // The speeds cannot be right: the vehicle is farther than they allow.
            (
                straight_m,
                told + (0.3 * straight_m).powi(2) + wander_m * wander_m,
            )
        };
        Self {
            drift: Drift {
                kept,
                slow,
                fast,
                driven,
            },
            driven_m,
            straight_m,
            wander_m,
            search_m: driven_m.max(straight_m)
                + 2.0 * wander_m
                + LOOK_AHEAD * driven.sqrt()
                + REACH_MARGIN_M,
            // Speeds that cannot be right explain nothing, and not explaining is no fault then.
            unexplained_nats: if is_told {
                settings.unexplained_nats
            } else {
                0.0
            },
            haste_kept: (-time_s / settings.haste_forgotten_s).exp(),
            haste_told: (time_s / settings.haste_told_s).min(1.0),
            turning: driven_m * driven_m / 4.0,
        }
    }
}

/// What stays the same while a track is matched.
pub(super) struct Ground<'a> {
    pub(super) roads: Roads<'a>,
    pub(super) sightings: &'a [Sighting],
}

impl Stepper {
    pub(super) fn new() -> Self {
        Self {
            search: Search::new(),
            candidates: Vec::new(),
            targets: Targets::default(),
            arrivals: Vec::new(),
            searched: Vec::new(),
            best: Vec::new(),
            between: Vec::new(),
        }
    }

    /// Fills `column` with what is possible at its fix after `columns`.
    pub(super) fn step(&mut self, ground: &Ground<'_>, columns: &VecColumns, column: &mut Column) {
        let now = &ground.sightings[column.fix];
        let settings = ground.roads.settings;
        let is_sparse = column
            .fix
            .checked_sub(1)
            .is_some_and(|before| seconds(&ground.sightings[before], now) >= settings.sparse_s);
        candidate::find(&ground.roads, now, is_sparse, &mut self.candidates);
        column.scale = columns.back().map_or(1.0, |before| before.scale);
        self.best.clear();
        self.best.resize(self.candidates.len(), None);
        self.between.clear();
        self.aim(settings);
        let sources = Sources::find(ground, columns, now);
        for source in &sources.list {
            self.follow(ground, columns, source, column);
        }
        self.begin_anew(settings, sources.newest_total, column.scale);
        self.keep(settings, sources.newest_total, column);
    }

    /// The candidates as targets of the route search.
    fn aim(&mut self, settings: &Settings) {
        let against = |candidate: &Candidate| candidate.course_nats + candidate.distance_nats;
        let least = self.candidates.iter().map(against);
        let bound = least.fold(f64::INFINITY, f64::min) + settings.plausible_nats;
        self.targets.set(
            (0..)
                .zip(&self.candidates)
                .map(|(number, candidate)| Target {
                    segment: candidate.segment,
                    number,
                    wanted: against(candidate) <= bound,
                }),
        );
    }

    /// Continues every hypothesis of an earlier column.
    fn follow(
        &mut self,
        ground: &Ground<'_>,
        columns: &VecColumns,
        from: &Source,
        column: &mut Column,
    ) {
        let source = &columns[columns.len() - usize::from(from.back)];
        let now = &ground.sightings[column.fix];
        let before = &ground.sightings[source.fix];
        let (north, east) = column.plane.offset(before.place());
        let straight_m = (north * north + east * east).sqrt();
        let passage = Passage::new(ground.roads.settings, before, now, straight_m, column.scale);
        self.arrivals.clear();
        self.searched.clear();
        self.search.forget();
        for (number, hypothesis) in (0..).zip(&source.hypotheses) {
            let (first, end) = self.search_from(ground, &column.plane, &passage, hypothesis);
            let leap = Leap {
                ground,
                passage: &passage,
                hypothesis,
                score: source.total + hypothesis.score,
                stray: from.stray_nats,
                haste_nats: hypothesis.haste_nats * passage.haste_kept,
                floor: source.total - ground.roads.settings.restart_nats,
                back: from.back,
                number,
            };
            self.stay(&leap, column);
            for at in first..end {
                let arrival = self.arrivals[at];
                self.arrive(&leap, &arrival, column);
            }
            self.turn(&leap, column);
        }
    }

    /// The arrivals from the end of a hypothesis' segment, searched once for each segment.
    fn search_from(
        &mut self,
        ground: &Ground<'_>,
        toward: &Plane,
        passage: &Passage,
        hypothesis: &Hypothesis,
    ) -> (usize, usize) {
        let segment = hypothesis.segment;
        if let Some((_, first, end)) = self.searched.iter().find(|one| one.0 == segment) {
            return (*first, *end);
        }
        let length = ground.roads.network.segments[segment as usize].length_m();
        let bound = Bound {
            metres: passage.search_m - (length - hypothesis.estimate.along),
            toward,
            reach: ground.roads.settings.reach_m + REACH_MARGIN_M,
        };
        let first = self.arrivals.len();
        if bound.metres > 0.0 {
            self.search.run(
                ground.roads.network,
                segment,
                &bound,
                &self.targets,
                &mut self.arrivals,
            );
        }
        let end = self.arrivals.len();
        self.searched.push((segment, first, end));
        (first, end)
    }

    fn find(&self, segment: u32) -> Option<u32> {
        let found = self
            .candidates
            .binary_search_by_key(&segment, |candidate| candidate.segment);
        found.ok().map(count)
    }

    /// The vehicle is still on the same segment.
    fn stay(&mut self, leap: &Leap<'_>, column: &mut Column) {
        if let Some(target) = self.find(leap.hypothesis.segment) {
            let outcome = leap.drive(&self.candidates[target as usize], 0.0);
            self.consider(leap, target, outcome, None, column);
        }
    }

    /// The vehicle went on to another segment.
    fn arrive(&mut self, leap: &Leap<'_>, arrival: &Arrival, column: &mut Column) {
        let candidate = &self.candidates[arrival.target as usize];
        if candidate.segment == leap.hypothesis.segment {
            return;
        }
        let settings = leap.ground.roads.settings;
        let length = leap.segment_length();
        let mut outcome = leap.drive(candidate, length + arrival.metres);
        outcome.weight -= arrival.turns * settings.turn_nats;
        if arrival.turns_round {
            outcome.weight -= settings.turn_round_nats;
        }
        self.consider(leap, arrival.target, outcome, Some(arrival.label), column);
    }

    /// The vehicle turned round where it was.
    fn turn(&mut self, leap: &Leap<'_>, column: &mut Column) {
        let twin = leap.ground.roads.network.segments[leap.hypothesis.segment as usize].twin;
        let Some(target) = (twin != NONE).then(|| self.find(twin)).flatten() else {
            return;
        };
        let candidate = &self.candidates[target as usize];
        let outcome = leap.turn(candidate);
        self.consider(leap, target, outcome, None, column);
    }

    /// Notes a step, and whether it is the best to its target.
    fn consider(
        &mut self,
        leap: &Leap<'_>,
        target: u32,
        outcome: Outcome,
        label: Option<u32>,
        column: &mut Column,
    ) {
        let weight = outcome.weight - leap.stray;
        let score = leap.score + weight;
        if score < leap.floor {
            return;
        }
        let before = Before {
            columns: leap.back,
            hypothesis: leap.number,
            turned: outcome.turned,
        };
        column.steps.push(Step {
            before,
            to: target,
            weight,
        });
        let best = &mut self.best[target as usize];
        if best.is_some_and(|best| best.score >= score) {
            return;
        }
        let first = count(self.between.len());
        if let Some(label) = label {
            self.search.between(label, &mut self.between);
        }
        *best = Some(Way {
            score,
            estimate: outcome.estimate,
            predicted: outcome.predicted,
            surprise: outcome.surprise,
            kept: leap.passage.drift.kept,
            haste_nats: outcome.haste_nats,
            before: Some(before),
            between: (first, count(self.between.len())),
        });
    }

    /// Lets the track begin at every candidate that nothing led to; at a price where one went before.
    fn begin_anew(&mut self, settings: &Settings, newest: Option<f64>, scale: f64) {
        let floor = newest.map_or(0.0, |total| total - settings.restart_nats);
        let drift = Drift {
            kept: 0.0,
            slow: settings.slow_m2() * scale,
            fast: settings.fast_m2() * scale,
            driven: 0.0,
        };
        for (candidate, best) in self.candidates.iter().zip(&mut self.best) {
            if best.is_some() {
                continue;
            }
            let (estimate, cost) = Estimate::first(&candidate.line, &drift);
            *best = Some(Way {
                score: floor - cost - candidate.course_nats - candidate.kind_nats,
                estimate,
                predicted: estimate,
                surprise: 0.0,
                kept: 0.0,
                haste_nats: 0.0,
                before: None,
                between: (0, 0),
            });
        }
    }

    /// The scale of the errors after the surprise of the best hypothesis.
    fn learn(&self, settings: &Settings, scale: f64) -> f64 {
        let ways = self.best.iter().flatten();
        let best = ways.max_by(|a, b| a.score.total_cmp(&b.score));
        let surprise = best.map_or(0.0, |way| way.surprise.min(SURPRISE_MAX));
        let (least, most) = settings.learnt_range;
        (scale * (settings.learning * surprise).exp()).clamp(least, most)
    }

    /// Moves the best hypotheses into the column.
    fn keep(&mut self, settings: &Settings, newest: Option<f64>, column: &mut Column) {
        let scores = self.best.iter().flatten().map(|way| way.score);
        let mut scores: Vec<f64> = scores.collect();
        scores.sort_unstable_by(|a, b| b.total_cmp(a));
        let Some(top) = scores.first().copied() else {
            return;
        };
        let last = scores
            .get(settings.hypotheses_max.saturating_sub(1))
            .copied();
        let floor = (top - settings.beam_nats).max(last.unwrap_or(f64::NEG_INFINITY));
        column.total = top;
        column.is_doubtful = newest.is_some_and(|total| top < total - settings.doubt_nats);
        column.scale = self.learn(settings, column.scale);
        let mut places = [NONE; candidate::CANDIDATES_MAX];
        for ((place, candidate), way) in places.iter_mut().zip(&self.candidates).zip(&self.best) {
            let Some(way) = way.filter(|way| way.score >= floor) else {
                continue;
            };
            *place = count(column.hypotheses.len());
            let first = count(column.between.len());
            let (from, to) = way.between;
            let between = &self.between[from as usize..to as usize];
            column.between.extend_from_slice(between);
            column.hypotheses.push(Hypothesis {
                segment: candidate.segment,
                estimate: way.estimate,
                predicted: way.predicted,
                kept: way.kept,
                score: way.score - top,
                haste_nats: way.haste_nats,
                before: way.before,
                between: (first, count(column.between.len())),
            });
        }
        column.steps.retain_mut(|step| {
            step.to = places[step.to as usize];
            step.to != NONE
        });
    }
}

/// A column to go on from.
#[derive(Debug)]
struct Source {
    /// Columns back.
    back: u8,
    /// Cost of the fixes between, which are left out as stray ones. Unit: nats.
    stray_nats: f64,
}

/// The columns to go on from, the newest first.
#[derive(Debug)]
struct Sources {
    list: Vec<Source>,
    /// Score of the newest column with anything in it; `None` where the track begins.
    newest_total: Option<f64>,
}

impl Sources {
    /// The last column with anything in it, and where that is doubtful the last that is not.
    fn find(ground: &Ground<'_>, columns: &VecColumns, now: &Sighting) -> Self {
        let settings = ground.roads.settings;
        let mut sources = Self {
            list: Vec::new(),
            newest_total: None,
        };
        let backwards = (1_u8..=u8::MAX).zip(columns.iter().rev());
        let filled = backwards.filter(|(_, column)| !column.hypotheses.is_empty());
        for (rank, (back, column)) in filled.take(1 + STRAY_MAX).enumerate() {
            let gap_s = seconds(&ground.sightings[column.fix], now);
            if gap_s > settings.gap_s_max {
                break;
            }
            sources.newest_total.get_or_insert(column.total);
            let is_stray = rank > 0;
            if (!is_stray || !column.is_doubtful) && is_driven(settings, column, now, gap_s) {
                let stray_nats = if is_stray { settings.stray_nats } else { 0.0 };
                sources.list.push(Source { back, stray_nats });
            }
            if !column.is_doubtful {
                break;
            }
        }
        sources
    }
}

/// Whether a vehicle can have come that far in that time.
fn is_driven(settings: &Settings, column: &Column, now: &Sighting, gap_s: f64) -> bool {
    let (north, east) = column.plane.offset(now.place());
    let straight_m = (north * north + east * east).sqrt() - settings.reach_m;
    straight_m <= settings.speed_max * gap_s.max(TIME_MIN_S)
}

/// Time between two fixes; 0 where the second is not later. Unit: s.
#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 285,000 years of milliseconds"
)]
fn seconds(from: &Sighting, to: &Sighting) -> f64 {
    to.at_ms.saturating_sub(from.at_ms).max(0) as f64 / 1000.0
}

/// One hypothesis on its way to the next fix.
struct Leap<'a> {
    ground: &'a Ground<'a>,
    passage: &'a Passage,
    hypothesis: &'a Hypothesis,
    /// Its score from the beginning of the track. Unit: nats.
    score: f64,
    /// Cost of the fixes that it leaves out. Unit: nats.
    stray: f64,
    /// What is still known of what speeds said against it: that is not paid twice. Unit: nats.
    haste_nats: f64,
    /// A step that leads below this is not worth noting. Unit: nats.
    floor: f64,
    back: u8,
    number: u32,
}

/// What a step makes of a hypothesis.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    /// Unit: nats, at most 0.
    weight: f64,
    estimate: Estimate,
    predicted: Estimate,
    /// What the fix said against it beyond what was to be expected. Unit: nats.
    surprise: f64,
    /// What speeds have said against the road and was paid. Unit: nats.
    haste_nats: f64,
    turned: bool,
}

impl Leap<'_> {
    fn segment_length(&self) -> f64 {
        self.ground.roads.network.segments[self.hypothesis.segment as usize].length_m()
    }

    /// Onto a candidate whose segment begins `ahead_m` after the beginning of the hypothesis' own.
    fn drive(&self, candidate: &Candidate, ahead_m: f64) -> Outcome {
        let (settings, passage) = (self.ground.roads.settings, self.passage);
        let line = &candidate.line;
        let before = &self.hypothesis.estimate;
        let predicted = before.after(passage.driven_m - ahead_m, &passage.drift);
        let slack = 4.0 * predicted.covariance[0].sqrt() + passage.wander_m;
        let mut outcome = Outcome {
            weight: f64::NEG_INFINITY,
            estimate: predicted,
            predicted,
            surprise: 0.0,
            haste_nats: self.haste_nats,
            turned: false,
        };
        if (-slack..=line.length + slack).contains(&predicted.along) {
            outcome.weight = -outcome.estimate.take(line, &passage.drift);
            outcome.surprise = -outcome.weight - SURPRISE_EXPECTED;
        }
        if outcome.weight < -passage.unexplained_nats {
            let other = self.drive_unexplained(candidate, &predicted, ahead_m);
            if other.weight > outcome.weight {
                outcome = other;
            }
        }
        let went_m = ahead_m + outcome.estimate.along - before.along;
        let detour_m = (went_m - passage.straight_m - passage.wander_m).max(0.0);
        outcome.weight = outcome.weight.max(-settings.fix_nats_max)
            - detour_m / settings.detour_m
            - candidate.course_nats
            - self.kind_nats(candidate)
            - self.charge(candidate, &mut outcome);
        outcome
    }

    /// The same where the speeds are not believed: only the fix tells how far it went.
    fn drive_unexplained(
        &self,
        candidate: &Candidate,
        predicted: &Estimate,
        ahead_m: f64,
    ) -> Outcome {
        let (settings, passage) = (self.ground.roads.settings, self.passage);
        let predicted = predicted.placed(&candidate.line);
        let mut estimate = predicted;
        let cost = estimate.take(&candidate.line, &passage.drift);
        let went_m = ahead_m + estimate.along - self.hypothesis.estimate.along;
        let too_far_m = (went_m - passage.straight_m - passage.wander_m).max(0.0);
        let backward_m = (-went_m - passage.wander_m).max(0.0);
        Outcome {
            weight: -cost
                - passage.unexplained_nats
                - 3.0 * too_far_m / settings.detour_m
                - backward_m / settings.fast_error_m,
            estimate,
            predicted,
            surprise: cost - SURPRISE_EXPECTED / 2.0,
            haste_nats: self.haste_nats,
            turned: false,
        }
    }

    /// Onto the twin of its own segment.
    fn turn(&self, candidate: &Candidate) -> Outcome {
        let (settings, passage) = (self.ground.roads.settings, self.passage);
        let drift = Drift {
            driven: passage.drift.driven + passage.turning,
            ..passage.drift
        };
        let turned = self.hypothesis.estimate.turned(self.segment_length());
        let predicted = turned.after(0.0, &drift);
        let mut estimate = predicted;
        let cost = estimate.take(&candidate.line, &drift);
        Outcome {
            weight: -cost.min(settings.fix_nats_max)
                - settings.turn_round_nats
                - settings.turn_nats
                - candidate.course_nats,
            estimate,
            predicted,
            surprise: 0.0,
            haste_nats: self.haste_nats,
            turned: true,
        }
    }

    /// What the speed says against the road beyond what speeds have said already; said bit by bit,
    /// because who leaves a fast road is fast for a while. Unit: nats.
    fn charge(&self, candidate: &Candidate, outcome: &mut Outcome) -> f64 {
        let unpaid = (candidate.haste_nats - self.haste_nats).max(0.0);
        let charge = unpaid.min(candidate.haste_nats * self.passage.haste_told);
        outcome.haste_nats += charge;
        charge
    }

    /// What going onto a rarer kind of road costs. Unit: nats.
    fn kind_nats(&self, candidate: &Candidate) -> f64 {
        let own = SegmentNumber(self.hypothesis.segment);
        let own = candidate::kind_nats(self.ground.roads.network, self.ground.roads.settings, own);
        (candidate.kind_nats - own).max(0.0)
    }
}
