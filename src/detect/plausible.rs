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

/// The confidence of a match at this speed.
///
/// Roads are given by their distance from the fix in metres and what is legal on them: the matched
/// one, and all that the fix may drive if it errs.
pub(super) fn confidence(
    matched: f64,
    speed: Speed,
    own: (f64, Speed),
    others: impl Iterator<Item = (f64, Speed)>,
) -> f64 {
    if speed <= own.1 {
        return matched;
    }
    let matched = matched / (1.0 + (own.0 / UNMAPPED_M).powi(4));
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
fn against_nats(speed: Speed, (distance_m, legal): (f64, Speed)) -> f64 {
    let excess = (speed.excess_ratio(legal) / EXCESS_USUAL).min(EXCESS_NATS_MAX);
    excess + 0.5 * (distance_m / ERROR_M).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Per cent that are left of a confidence, beside roads given as (metres, km/h).
    fn check(matched: f64, kmh: u16, own: (f64, u16), others: &[(f64, u16)], expected: f64) {
        let road = |(distance_m, kmh)| (distance_m, Speed::from_whole_kmh(kmh));
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
