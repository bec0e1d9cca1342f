//! How sure the road of a fix is in the light of its speed.
//!
//! A matcher errs now and then, and few drivers go far beyond a limit. Where a fix is said to be over
//! the limit of its road, and another road within reach that goes its way would explain the speed
//! better, the error is the likelier of the two the farther it is over: the ramp beside an expressway,
//! the frontage road, the street under a viaduct. The confidence falls by Bayes' rule. It falls also
//! with the distance from the matched road, whatever else is mapped there: far beside it lies a road
//! that the map lacks. Where it falls below the rulebook's least nothing is graded with points: a
//! person looks at it.

use crate::model::Speed;
use crate::model::route::RoadKind;

/// Excess over a limit, as a share of it, that one in e of those who are over it goes beyond.
///
/// Source: our choice; a twentieth over is common, a third is rare.
const EXCESS_USUAL: f64 = 0.1;

/// Most that an excess speaks against a road. Unit: nats; as one in a thousand.
const EXCESS_NATS_MAX: f64 = 6.9;

/// Error of positioning under a bad sky, which may last for minutes. Unit: m.
const ERROR_M: f64 = 15.0;

/// How sure a match is at most where another road would explain the speed: errors that last mislead a
/// matcher without its knowing.
const CONFIDENCE_MAX: f64 = 0.9;

/// Distance at which a road that the map lacks is as likely as the matched one; twice as near it is
/// sixteen times less likely. Unit: m.
///
/// Source: our choice; half of a wide road, its map's error and that of a good receiver are 15 m.
const UNMAPPED_M: f64 = 25.0;

/// What speaks besides against an expressway, where the same excess costs more points: beside another road within
/// 17 m or so, with much the same limit, nobody gets them for certain. Unit: nats. Source: our choice.
const DEARER_NATS: f64 = 1.5;

/// A road that a fix may drive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// From the fix. Unit: m.
    pub(super) distance_m: f64,
    /// What the vehicle may drive on it.
    pub(super) legal: Speed,
    /// Column of the points table.
    pub(super) kind: RoadKind,
}

/// The confidence of a match at this speed: `own` is the matched road, `others` all that the fix may drive
/// if it errs.
pub(super) fn confidence(
    matched: f64,
    speed: Speed,
    own: Candidate,
    others: impl Iterator<Item = Candidate>,
) -> f64 {
    if speed <= own.legal {
        return matched;
    }
    let matched = matched / (1.0 + (own.distance_m / UNMAPPED_M).powi(4));
    let own = against_nats(speed, own);
    let others = others.map(|other| against_nats(speed, other));
    let gain = own - others.fold(own, f64::min);
    if gain <= 0.0 {
        return matched;
    }
    let right = matched.min(CONFIDENCE_MAX);
    right / (right + (1.0 - right) * gain.exp())
}

/// What a fix speaks against a road. Unit: nats.
fn against_nats(speed: Speed, road: Candidate) -> f64 {
    let excess = (speed.excess_ratio(road.legal) / EXCESS_USUAL).min(EXCESS_NATS_MAX);
    let dearer = match road.kind {
        RoadKind::Expressway => DEARER_NATS,
        RoadKind::Other => 0.0,
    };
    excess + dearer + 0.5 * (road.distance_m / ERROR_M).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Per cent that are left of a confidence, beside roads given as (metres, km/h).
    fn check(matched: f64, kmh: u16, own: (f64, u16), others: &[(f64, u16)], expected: f64) {
        let road = |(distance_m, kmh)| Candidate {
            distance_m,
            legal: Speed::from_whole_kmh(kmh),
            kind: RoadKind::Other,
        };
        let others = others.iter().copied().map(road);
        let found = confidence(matched, Speed::from_whole_kmh(kmh), road(own), others);
        let percent = (found * 100.0).round();
        assert!((percent - expected).abs() < 0.5, "{kmh} {own:?}: {found}");
    }

    #[test]
    fn a_speed_over_is_doubted_where_another_road_explains_it() {
        check(0.99, 95, (3.0, 25), &[(12.0, 100)], 1.0);
        check(1.0, 60, (3.0, 40), &[(3.0, 40), (20.0, 80)], 13.0);
        check(0.95, 48, (0.0, 40), &[(5.0, 60)], 56.0);
        check(0.95, 41, (0.0, 40), &[(5.0, 60)], 88.0);
    }

    #[test]
    fn beside_another_road_an_expressway_is_doubted_where_it_costs_more() {
        let check = |beside_m, beside_kmh, expected: f64| {
            let road = |distance_m, kmh, kind| Candidate {
                distance_m,
                legal: Speed::from_whole_kmh(kmh),
                kind,
            };
            let own = road(3.0, 80, RoadKind::Expressway);
            let other = road(beside_m, beside_kmh, RoadKind::Other);
            let speed = Speed::from_whole_kmh(84);
            let found = confidence(0.95, speed, own, std::iter::once(other));
            assert!(
                (found * 100.0 - expected).abs() < 0.5,
                "{beside_m}: {found}"
            );
        };
        check(6.0, 80, 68.0);
        check(15.0, 80, 76.4);
        check(30.0, 80, 95.0);
        // It is much too fast for the street below.
        check(6.0, 60, 95.0);
    }

    #[test]
    fn a_road_far_away_explains_little() {
        check(0.99, 48, (2.0, 40), &[(35.0, 60)], 99.0);
        check(0.99, 95, (2.0, 25), &[(40.0, 100)], 24.0);
    }

    #[test]
    fn without_a_better_explanation_it_stays() {
        check(0.95, 95, (3.0, 25), &[], 95.0);
        check(0.95, 95, (3.0, 25), &[(3.0, 25), (4.0, 20)], 95.0);
        check(1.0, 95, (15.0, 100), &[(2.0, 120)], 100.0);
    }

    #[test]
    fn far_beside_its_road_nobody_is_sure() {
        check(1.0, 70, (10.0, 40), &[], 98.0);
        check(1.0, 70, (20.0, 40), &[], 71.0);
        check(1.0, 70, (30.0, 40), &[], 33.0);
        check(1.0, 40, (30.0, 40), &[], 100.0);
    }
}
