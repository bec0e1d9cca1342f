//! A second opinion on speeding and fatigue: simple, slow, second by second.
//!
//! Written from the contract and the regulations alone, on whole seconds. It knows the whole track
//! and looks ahead, which the detectors cannot.

use roadwarden::geo::metres;
use roadwarden::model::rules::RuleSet;
use roadwarden::model::{DriverId, Fix, Speed, ViolationKind};

/// What the oracle says of a violation; times in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Verdict {
    pub(crate) start: i64,
    pub(crate) kind: ViolationKind,
    pub(crate) driver: Option<DriverId>,
    pub(crate) confirmed: i64,
    pub(crate) end: Option<i64>,
    /// Speeding: highest speed and its time, fixes. Fatigue: seconds of driving.
    pub(crate) numbers: (u32, i64, u32),
}

fn second(fix: &Fix) -> i64 {
    fix.time.millis() / 1000
}

fn seconds(span: roadwarden::model::Span) -> i64 {
    span.millis() / 1000
}

/// Speeding of a coach of 45 seats without a known road.
pub(crate) fn speeding(rules: &RuleSet, fixes: &[Fix]) -> Vec<Verdict> {
    struct Span {
        limit: Speed,
        start: i64,
        end: Option<i64>,
        over: Vec<Fix>,
    }
    let limit_of = |fix: &Fix| {
        let night = rules.night.contains(rules.zone.millis_of_day(fix.time));
        Speed::from_whole_kmh(if night { 80 } else { 100 })
    };
    let mut spans: Vec<Span> = Vec::new();
    for (index, fix) in fixes.iter().enumerate() {
        let limit = limit_of(fix);
        let gap = index > 0 && second(fix) - second(&fixes[index - 1]) >= seconds(rules.motion.gap);
        if let Some(span) = spans.last_mut().filter(|span| span.end.is_none()) {
            if gap {
                span.end = Some(second(&fixes[index - 1]));
            } else if fix.speed <= limit || limit != span.limit {
                span.end = Some(second(fix));
            }
        }
        if fix.speed > limit {
            match spans.last_mut().filter(|span| span.end.is_none()) {
                Some(span) => span.over.push(*fix),
                None => spans.push(Span {
                    limit,
                    start: second(fix),
                    end: None,
                    over: vec![*fix],
                }),
            }
        }
    }
    let mut verdicts = Vec::new();
    for limit in [80, 100].map(Speed::from_whole_kmh) {
        let mut groups: Vec<Vec<&Span>> = Vec::new();
        for span in spans.iter().filter(|span| span.limit == limit) {
            let joins = groups.last().and_then(|group| group.last()?.end);
            if joins.is_some_and(|end| span.start - end < seconds(rules.speeding.join_within)) {
                groups.last_mut().unwrap().push(span);
            } else {
                groups.push(vec![span]);
            }
        }
        for group in groups {
            let long = group.iter().find(|span| {
                let last = second(span.over.last().unwrap());
                span.end.unwrap_or(last) - span.start > seconds(rules.speeding.counts_over)
            });
            let over: Vec<Fix> = group.iter().flat_map(|span| span.over.clone()).collect();
            let peak = over.iter().rev().max_by_key(|fix| fix.speed).unwrap();
            if let Some(long) = long {
                verdicts.push(Verdict {
                    start: group[0].start,
                    kind: ViolationKind::Speeding,
                    driver: over.iter().find_map(|fix| fix.driver),
                    confirmed: long.start + seconds(rules.speeding.counts_over),
                    end: group.last().unwrap().end,
                    numbers: (
                        peak.speed.mkmh(),
                        second(peak),
                        u32::try_from(over.len()).unwrap(),
                    ),
                });
            }
        }
    }
    verdicts.sort();
    verdicts
}

/// What one second was for the vehicle.
#[derive(Clone, Copy, PartialEq)]
enum Second {
    Drove,
    Stood,
    Unknown,
    /// Unknown, long enough to hide a rest.
    MayHaveRested,
}

/// Fatigue of a coach, all drivers.
pub(crate) fn fatigue(rules: &RuleSet, fixes: &[Fix]) -> Vec<Verdict> {
    let timeline = timeline(rules, fixes);
    let Some(first) = fixes.first() else {
        return Vec::new();
    };
    let mut drivers: Vec<Option<DriverId>> = timeline.iter().map(|(_, driver)| *driver).collect();
    drivers.sort();
    drivers.dedup();
    let mut verdicts = Vec::new();
    for driver in drivers {
        let began = timeline.iter().position(|(_, at)| *at == driver).unwrap();
        let own: Vec<Second> = timeline[began..]
            .iter()
            .map(|(second, at)| {
                if *at == driver {
                    *second
                } else {
                    Second::Stood
                }
            })
            .collect();
        judge_driver(
            rules,
            driver,
            second(first) + i64::try_from(began).unwrap(),
            &own,
            &mut verdicts,
        );
    }
    verdicts.sort();
    verdicts
}

/// A second of a vehicle, and who was at its wheel.
type Told = (Second, Option<DriverId>);

/// Fatigue of coaches whose drivers change vehicles, all drivers.
///
/// A driver drives when any vehicle says so; otherwise the time is unknown when any says that.
pub(crate) fn fatigue_of_fleet(rules: &RuleSet, tracks: &[Vec<Fix>]) -> Vec<Verdict> {
    let timelines: Vec<(i64, Vec<_>)> = tracks
        .iter()
        .filter(|fixes| !fixes.is_empty())
        .map(|fixes| (second(&fixes[0]), timeline(rules, fixes)))
        .collect();
    let mut drivers: Vec<DriverId> = timelines
        .iter()
        .flat_map(|(_, timeline)| timeline.iter().filter_map(|(_, driver)| *driver))
        .collect();
    drivers.sort();
    drivers.dedup();
    let mut verdicts: Vec<Verdict> = tracks
        .iter()
        .flat_map(|fixes| fatigue(rules, fixes))
        .filter(|verdict| verdict.driver.is_none())
        .collect();
    for driver in drivers {
        let began = |timeline: &[Told]| timeline.iter().position(|(_, at)| *at == Some(driver));
        let spans: Vec<(i64, &[Told])> = timelines
            .iter()
            .filter_map(|(start, timeline)| {
                let began = began(timeline)?;
                Some((start + i64::try_from(began).unwrap(), &timeline[began..]))
            })
            .collect();
        let first = spans.iter().map(|(start, _)| *start).min().unwrap();
        let mut own = Vec::new();
        for (start, seconds) in spans {
            let offset = usize::try_from(start - first).unwrap();
            if own.len() < offset + seconds.len() {
                own.resize(offset + seconds.len(), Second::Stood);
            }
            for (place, (what, at)) in own[offset..].iter_mut().zip(seconds) {
                if *at == Some(driver) && *place != Second::Drove && *what != Second::Stood {
                    *place = *what;
                }
            }
        }
        judge_driver(rules, Some(driver), first, &own, &mut verdicts);
    }
    verdicts.sort();
    verdicts
}

/// Every second of the track that is decided, with the driver of the fix that holds.
fn timeline(rules: &RuleSet, fixes: &[Fix]) -> Vec<(Second, Option<DriverId>)> {
    let mut timeline = Vec::new();
    // Movement that may still be too short: where it began.
    let mut movement: Option<usize> = None;
    let mut confirmed = false;
    let shortest = usize::try_from(seconds(rules.motion.movement_min)).unwrap();
    for pair in fixes.windows(2) {
        let length = second(&pair[1]) - second(&pair[0]);
        let is_gap = length >= seconds(rules.motion.gap);
        let moving = pair[0].speed > rules.motion.driving_over;
        if is_gap || !moving {
            if let Some(from) = movement.take().filter(|_| !confirmed) {
                timeline[from..].fill((Second::Stood, pair[0].driver));
            }
            confirmed = false;
        }
        let what = if is_gap {
            let distance_m = metres(pair[0].position, pair[1].position);
            let way_s = distance_m / (rules.fatigue.gap_speed.kmh() / 3.6);
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let left_s = length as f64 - way_s;
            if distance_m < rules.motion.same_place_m {
                Second::Stood
            } else if left_s >= rules.fatigue.rest_min.seconds() {
                Second::MayHaveRested
            } else {
                Second::Unknown
            }
        } else if moving {
            movement = movement.or(Some(timeline.len()));
            Second::Drove
        } else {
            Second::Stood
        };
        let begin = timeline.len();
        timeline.extend((0..length).map(|_| (what, pair[0].driver)));
        if let Some(from) = movement
            && !confirmed
            && timeline.len() - from >= shortest
        {
            // Decided by this fix, as a whole, for the driver who holds.
            timeline[from..begin].fill((Second::Drove, pair[0].driver));
            confirmed = true;
        }
    }
    if let Some(from) = movement.filter(|_| !confirmed) {
        timeline.truncate(from);
    }
    timeline
}

/// One counter while the seconds go by.
struct Counter {
    kind: ViolationKind,
    limit: i64,
    value: i64,
    /// Beginning of what is open, and the counter when it last counted.
    open: Option<(i64, i64)>,
    /// The same with an end inside a stop, moved to its beginning when that becomes a rest.
    ended: Option<(i64, i64, i64)>,
}

/// One driver's seconds, one after the other.
struct Judge<'a> {
    rules: &'a RuleSet,
    driver: Option<DriverId>,
    counters: [Counter; 4],
    /// Seconds driven before each second.
    sums: Vec<i64>,
    stop_from: Option<i64>,
    verdicts: Vec<Verdict>,
}

const NIGHT: ViolationKind = ViolationKind::FatigueNight;

fn judge_driver(
    rules: &RuleSet,
    driver: Option<DriverId>,
    start: i64,
    own: &[Second],
    verdicts: &mut Vec<Verdict>,
) {
    let fatigue = &rules.fatigue;
    let counter = |kind, limit| Counter {
        kind,
        limit: seconds(limit),
        value: 0,
        open: None,
        ended: None,
    };
    let mut judge = Judge {
        rules,
        driver,
        counters: [
            counter(ViolationKind::FatigueContinuous, fatigue.continuous.limit),
            counter(NIGHT, fatigue.night.limit),
            counter(ViolationKind::Fatigue24h, fatigue.hours24.limit),
            counter(ViolationKind::Fatigue7d, fatigue.days7.limit),
        ],
        sums: vec![0],
        stop_from: None,
        verdicts: Vec::new(),
    };
    for (at, what) in (start..).zip(own) {
        judge.second(at, *what);
    }
    judge.finish_all(None);
    verdicts.append(&mut judge.verdicts);
}

impl Judge<'_> {
    fn second(&mut self, at: i64, what: Second) {
        match what {
            Second::Stood => {
                self.stop_from.get_or_insert(at);
            }
            Second::MayHaveRested => {}
            // The stop was no rest: what ended in it stays ended there.
            Second::Drove | Second::Unknown => self.finish_ended(),
        }
        self.count(at, what);
        self.end_without_rest(at);
        if matches!(what, Second::Drove | Second::Unknown) {
            self.finish_ended();
        }
        let rest_min = seconds(self.rules.fatigue.rest_min);
        let rest_from = match what {
            Second::Stood => self.stop_from.filter(|from| at + 1 - from >= rest_min),
            Second::MayHaveRested => Some(self.stop_from.unwrap_or(at)),
            Second::Drove | Second::Unknown => None,
        };
        if rest_from.is_some() {
            self.finish_all(rest_from);
            for counter in &mut self.counters {
                counter.value = 0;
            }
        }
        if what != Second::Stood {
            self.stop_from = None;
        }
    }

    fn is_night(&self, at: i64) -> bool {
        let zone = &self.rules.zone;
        let time = roadwarden::model::Timestamp::from_seconds(at);
        self.rules.night.contains(zone.millis_of_day(time))
    }

    /// Adds a second to the counters and opens what is over.
    fn count(&mut self, at: i64, what: Second) {
        let drove = what == Second::Drove;
        let night = self.is_night(at);
        self.sums
            .push(self.sums[self.sums.len() - 1] + i64::from(drove));
        let fatigue = &self.rules.fatigue;
        let end = self.sums.len() - 1;
        let in_window = |window: roadwarden::model::Span| {
            let window = usize::try_from(seconds(window)).unwrap();
            self.sums[end] - self.sums[end.saturating_sub(window)]
        };
        self.counters[0].value += i64::from(drove);
        self.counters[1].value += i64::from(drove && night);
        self.counters[2].value = in_window(fatigue.hours24_window);
        self.counters[3].value = in_window(fatigue.days7_window);
        for counter in &mut self.counters {
            let counts = drove && (counter.kind != NIGHT || night);
            if counts && counter.value > counter.limit {
                let from = counter.open.map_or(at, |(from, _)| from);
                counter.open = Some((from, counter.value));
            }
        }
    }

    /// Ends of the night and of rolling sums over their limit, at the end of a second.
    fn end_without_rest(&mut self, at: i64) {
        let night_goes_on = self.is_night(at + 1);
        for counter in &mut self.counters[1..] {
            let over = if counter.kind == NIGHT {
                night_goes_on
            } else {
                counter.value > counter.limit
            };
            if !over && let Some((from, value)) = counter.open.take() {
                counter.ended = Some((from, value, at + 1));
            }
        }
        if !night_goes_on {
            self.counters[1].value = 0;
        }
    }

    fn finish_ended(&mut self) {
        for place in 0..self.counters.len() {
            if self.counters[place].ended.is_some() {
                self.finish(place, None);
            }
        }
    }

    fn finish_all(&mut self, end: Option<i64>) {
        for place in 0..self.counters.len() {
            self.finish(place, end);
        }
    }

    /// Writes down what is open or ended; the beginning of a rest overrules any other end.
    fn finish(&mut self, place: usize, rest_from: Option<i64>) {
        let counter = &mut self.counters[place];
        let ended = counter.ended.take();
        let open = counter
            .open
            .take()
            .map(|(start, value)| (start, value, None));
        let known = open.or(ended.map(|(start, value, end)| (start, value, Some(end))));
        if let Some((start, value, end)) = known {
            self.verdicts.push(Verdict {
                start,
                kind: counter.kind,
                driver: self.driver,
                confirmed: start,
                end: rest_from.or(end),
                numbers: (0, value, 0),
            });
        }
    }
}
