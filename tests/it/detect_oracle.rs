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
    open: Option<(i64, i64)>,
    /// Ended in a stop; moved to the stop's beginning when that becomes a rest.
    ended: Option<(i64, i64, i64)>,
}

fn judge_driver(
    rules: &RuleSet,
    driver: Option<DriverId>,
    start: i64,
    own: &[Second],
    verdicts: &mut Vec<Verdict>,
) {
    let rest_min = usize::try_from(seconds(rules.fatigue.rest_min)).unwrap();
    let counter = |kind, limit| Counter {
        kind,
        limit: seconds(limit),
        value: 0,
        open: None,
        ended: None,
    };
    let mut counters = [
        counter(
            ViolationKind::FatigueContinuous,
            rules.fatigue.continuous.limit,
        ),
        counter(ViolationKind::FatigueNight, rules.fatigue.night.limit),
        counter(ViolationKind::Fatigue24h, rules.fatigue.hours24.limit),
        counter(ViolationKind::Fatigue7d, rules.fatigue.days7.limit),
    ];
    let windows = [
        seconds(rules.fatigue.hours24_window),
        seconds(rules.fatigue.days7_window),
    ];
    let mut sums = vec![0_i64];
    let mut stop_from: Option<usize> = None;
    let finish = |counter: &mut Counter, end: Option<i64>, verdicts: &mut Vec<Verdict>| {
        let ended = counter.ended.take();
        if let Some((start, value)) = counter
            .open
            .take()
            .or(ended.map(|(start, value, _)| (start, value)))
        {
            verdicts.push(Verdict {
                start,
                kind: counter.kind,
                driver,
                confirmed: start,
                end: end.or(ended.map(|(_, _, end)| end)),
                numbers: (0, value, 0),
            });
        }
    };
    for (index, what) in own.iter().enumerate() {
        let at = start + i64::try_from(index).unwrap();
        let drove = *what == Second::Drove;
        sums.push(sums[index] + i64::from(drove));
        let in_window = |window: i64, end: usize| {
            let from = i64::try_from(end).unwrap() - window;
            sums[end] - sums[usize::try_from(from.max(0)).unwrap()]
        };
        if *what == Second::Stood {
            stop_from.get_or_insert(index);
        } else if *what != Second::MayHaveRested {
            // The stop was no rest: what ended in it stays ended there.
            for counter in &mut counters {
                if counter.ended.is_some() {
                    finish(counter, None, verdicts);
                }
            }
        }
        let night = rules.night.contains(
            rules
                .zone
                .millis_of_day(roadwarden::model::Timestamp::from_seconds(at)),
        );
        if drove {
            counters[0].value += 1;
            if night {
                counters[1].value += 1;
            }
        }
        for (counter, window) in counters[2..].iter_mut().zip(windows) {
            counter.value = in_window(window, index + 1);
        }
        for (place, counter) in counters.iter_mut().enumerate() {
            let counts = drove && (place != 1 || night);
            if counts && counter.value > counter.limit {
                let from = counter.open.map_or(at, |(from, _)| from);
                counter.open = Some((from, counter.value));
            }
        }
        // Ends without a rest, at the end of this second.
        for place in 1..4 {
            let over = if place == 1 {
                rules.night.contains(
                    rules
                        .zone
                        .millis_of_day(roadwarden::model::Timestamp::from_seconds(at + 1)),
                )
            } else {
                counters[place].value > counters[place].limit
            };
            if !over && let Some((from, value)) = counters[place].open.take() {
                counters[place].ended = Some((from, value, at + 1));
                if matches!(what, Second::Drove | Second::Unknown) {
                    finish(&mut counters[place], None, verdicts);
                }
            }
        }
        if !night {
            counters[1].value = 0;
        }
        let rested = match *what {
            Second::Stood => stop_from.filter(|from| index + 1 - from >= rest_min),
            Second::MayHaveRested => Some(stop_from.unwrap_or(index)),
            Second::Drove | Second::Unknown => None,
        };
        if let Some(from) = rested {
            let end = start + i64::try_from(from).unwrap();
            for counter in &mut counters {
                finish(counter, Some(end), verdicts);
                counter.value = 0;
            }
        }
        if *what != Second::Stood {
            stop_from = None;
        }
    }
    for counter in &mut counters {
        finish(counter, None, verdicts);
    }
}
