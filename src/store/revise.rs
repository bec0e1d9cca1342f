//! What judging again changes: the violations found against those stored.
//!
//! Pure. A found violation and a stored one are the same when their natural identifiers agree; else when
//! they are of one kind and subject and overlap in time, the longest overlap first, so that identifier and
//! handlings stay when a beginning moves.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::violation::Grave;
use crate::model::{Span, Timestamp, Violation, ViolationKind};

/// How far from a fix speeding may depend on it: more than the blocks, margins and waits of the default rulebook
/// together, and a gap.
const SPEEDING_REACH: Span = Span::from_minutes(30);

/// A stored violation, as far as it matters here.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Known {
    pub(super) id: String,
    pub(super) natural_id: String,
    pub(super) withdrawn: bool,
    pub(super) violation: Violation,
}

/// What happens to one violation.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Correction {
    /// It was not known.
    Created {
        /// The natural identifier of what was found.
        natural_id: String,
        /// What was found.
        violation: Violation,
    },
    /// It is another than it was thought to be, or it is one again.
    Amended {
        /// The stored identifier.
        id: String,
        /// The natural identifier of what was found.
        natural_id: String,
        /// What was found.
        violation: Violation,
    },
    /// It was none.
    Withdrawn {
        /// The stored identifier.
        id: String,
    },
}

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    /// Everything that begins from here on was judged.
    pub(super) from: Timestamp,
    /// From the first of the late data to the last, where there are any: they may have changed all of it but for
    /// what [`Self::reaches`] leaves out.
    pub(super) late: Option<(Timestamp, Timestamp)>,
    /// Other rules may have changed what begins in these periods.
    pub(super) asked: &'a [(Timestamp, Timestamp)],
}

impl Scope<'_> {
    fn is_asked(&self, violation: &Violation) -> bool {
        let begin = violation.started_at;
        self.asked
            .iter()
            .any(|(from, to)| *from <= begin && begin < *to)
    }

    fn covers(&self, violation: &Violation) -> bool {
        self.reaches(violation) || self.is_asked(violation)
    }

    /// Whether late data may have changed it. Speeding depends on the fixes around it only; elsewhere it differs
    /// because another map or other limits are in force since, and nobody has asked for that.
    fn reaches(&self, violation: &Violation) -> bool {
        self.late.is_some_and(|(first, last)| {
            let end = violation.ended_at.unwrap_or(Timestamp::MAX);
            violation.kind != ViolationKind::Speeding
                || (violation.started_at <= last + SPEEDING_REACH && first - SPEEDING_REACH <= end)
        })
    }
}

/// Compares everything that begins at `from` or later, both sides whole, and what else was found.
///
/// A late fix may be the end of a gap that began long before it: what begins before `from` may be found, too,
/// but not finding it says nothing.
///
/// `learned_at` is when the data came that made the difference: nobody could see a violation, or
/// that it is grave, before.
pub(super) fn revise(
    known: &[Known],
    found: &[(String, Violation)],
    scope: Scope<'_>,
    learned_at: Timestamp,
) -> Vec<Correction> {
    let pairs = pair(known, found);
    let paired: BTreeSet<usize> = pairs.values().copied().collect();
    let mut corrections = Vec::new();
    for (index, stored) in known.iter().enumerate() {
        let judged = stored.violation.started_at >= scope.from && scope.covers(&stored.violation);
        if judged && !paired.contains(&index) && !stored.withdrawn {
            let id = stored.id.clone();
            corrections.push(Correction::Withdrawn { id });
        }
    }
    for (number, (natural_id, violation)) in found.iter().enumerate() {
        let natural_id = natural_id.clone();
        let stored = pairs.get(&number).and_then(|index| known.get(*index));
        let Some(stored) = stored else {
            if !scope.covers(violation) {
                continue;
            }
            let mut violation = violation.clone();
            violation.first_seen_at = violation.first_seen_at.max(learned_at);
            corrections.push(Correction::Created {
                natural_id,
                violation,
            });
            continue;
        };
        let mut violation = violation.clone();
        violation.first_seen_at = stored.violation.first_seen_at;
        let is_graver = violation.severity > stored.violation.severity;
        violation.grave = match (stored.violation.grave, violation.grave) {
            (None, Some(grave)) if is_graver => Some(Grave {
                seen_at: grave.seen_at.max(learned_at),
                ..grave
            }),
            (known, _) => known,
        };
        if !scope.is_asked(&violation) && !scope.is_asked(&stored.violation) {
            let mut same_rules = violation.clone();
            same_rules
                .rulebook_version
                .clone_from(&stored.violation.rulebook_version);
            if let (Some(limit), Some(known)) = (&mut same_rules.limit, &stored.violation.limit) {
                limit.map_version.clone_from(&known.map_version);
            }
            // Rules and maps that have changed since change nothing unless someone asks.
            if scope.late.is_none() || same_rules == stored.violation {
                violation = stored.violation.clone();
            }
        }
        let unchanged = !stored.withdrawn && violation == stored.violation;
        let is_covered = scope.covers(&violation) || scope.covers(&stored.violation);
        if unchanged || !is_covered {
            continue;
        }
        if stored.withdrawn {
            violation.first_seen_at = violation.first_seen_at.max(learned_at);
        }
        corrections.push(Correction::Amended {
            id: stored.id.clone(),
            natural_id,
            violation,
        });
    }
    corrections
}

/// The stored violation of each found one, by their places.
fn pair(known: &[Known], found: &[(String, Violation)]) -> BTreeMap<usize, usize> {
    let mut pairs = BTreeMap::new();
    let mut free: BTreeSet<usize> = (0..known.len()).collect();
    // By what they say now, those in force first; then by the name that they were given.
    let same: [fn(&Known, &str) -> bool; 3] = [
        |stored, natural_id| !stored.withdrawn && stored.natural_id == natural_id,
        |stored, natural_id| stored.natural_id == natural_id,
        |stored, natural_id| stored.id == natural_id,
    ];
    for same in same {
        for (number, (natural_id, _)) in found.iter().enumerate() {
            if pairs.contains_key(&number) {
                continue;
            }
            let fits = |index: &usize| known.get(*index).is_some_and(|k| same(k, natural_id));
            if let Some(index) = free.iter().copied().find(|index| fits(index)) {
                free.remove(&index);
                pairs.insert(number, index);
            }
        }
    }
    let mut overlaps = Vec::new();
    for (number, (_, violation)) in found.iter().enumerate() {
        for index in free
            .iter()
            .copied()
            .filter(|_| !pairs.contains_key(&number))
        {
            let stored = known.get(index).filter(|stored| !stored.withdrawn);
            let shared = stored.map_or(0, |stored| overlap_ms(&stored.violation, violation));
            if shared > 0 {
                overlaps.push((std::cmp::Reverse(shared), number, index));
            }
        }
    }
    overlaps.sort_unstable();
    for (_, number, index) in overlaps {
        if free.contains(&index) && !pairs.contains_key(&number) {
            free.remove(&index);
            pairs.insert(number, index);
        }
    }
    pairs
}

/// How long both hold at once; 0 for different things. Touching counts as a millisecond.
fn overlap_ms(one: &Violation, other: &Violation) -> i64 {
    if one.kind != other.kind || one.subject() != other.subject() {
        return 0;
    }
    let end = |violation: &Violation| violation.ended_at.unwrap_or(Timestamp::MAX);
    let begin = one.started_at.max(other.started_at);
    let shared = end(one).min(end(other)).since(begin).millis();
    if shared < 0 {
        0
    } else {
        shared.saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::violation::{AppliedLimit, Details, EvidenceMarks, FixMark, LimitSource};
    use crate::model::{Position, Severity, Speed, VehicleId};

    /// `10-20` is from second 10 to second 20, `10-` is open; `w` before it says withdrawn, and
    /// `name:` gives the identifier, else it is the beginning.
    fn violation(text: &str) -> Violation {
        let (from, to) = text.split_once('-').unwrap();
        let time = |text: &str| Timestamp::from_seconds(text.parse().unwrap());
        let mark = FixMark {
            time: time(from),
            position: Position::default(),
            speed: Speed::ZERO,
        };
        Violation {
            vehicle: VehicleId(1),
            driver: None,
            kind: ViolationKind::Speeding,
            started_at: time(from),
            confirmed_at: time(from),
            ended_at: (!to.is_empty()).then(|| time(to)),
            peak: mark,
            limit: None,
            excess_ratio: 0.0,
            legal_excess_ratio: 0.0,
            severity: Severity::L1,
            points: None,
            points_basis: None,
            details: Details::Speeding,
            evidence: EvidenceMarks {
                first_fix: mark.time,
                peak_fix: mark.time,
                last_fix: mark.time,
                fixes: 1,
            },
            first_seen_at: mark.time + Span::from_seconds(1),
            grave: None,
            rulebook_version: "test".to_owned(),
        }
    }

    const ANY_TIME: (Timestamp, Timestamp) = (Timestamp::MIN, Timestamp::MAX);

    /// Late data that may have changed anything.
    fn late_scope() -> Scope<'static> {
        late(0)
    }

    /// Late data, judged from that second on.
    fn late(from: i64) -> Scope<'static> {
        Scope {
            from: Timestamp::from_seconds(from),
            late: Some(ANY_TIME),
            asked: &[],
        }
    }

    fn check(known: &[&str], found: &[&str], expected: &[&str]) {
        let known: Vec<Known> = known
            .iter()
            .map(|text| {
                let (withdrawn, text) = match text.strip_prefix('w') {
                    Some(rest) => (true, rest),
                    None => (false, *text),
                };
                let (id, text) = text.split_once(':').unwrap_or(("", text));
                let natural_id = text.split('-').next().unwrap().to_owned();
                Known {
                    id: if id.is_empty() {
                        natural_id.clone()
                    } else {
                        id.to_owned()
                    },
                    natural_id,
                    withdrawn,
                    violation: violation(text),
                }
            })
            .collect();
        let found: Vec<_> = found
            .iter()
            .map(|text| (text.split('-').next().unwrap().to_owned(), violation(text)))
            .collect();
        let learned_at = Timestamp::from_seconds(1000);
        let corrections = revise(&known, &found, late(10), learned_at);
        let said: Vec<String> = corrections
            .iter()
            .map(|correction| match correction {
                Correction::Created { natural_id, .. } => format!("created {natural_id}"),
                Correction::Amended { id, natural_id, .. } => {
                    format!("{id} amended to {natural_id}")
                }
                Correction::Withdrawn { id } => format!("{id} withdrawn"),
            })
            .collect();
        assert_eq!(said, expected);
    }

    #[test]
    fn what_stays_the_same_is_not_touched() {
        check(&["10-20", "30-"], &["10-20", "30-"], &[]);
        check(&["w10-20"], &[], &[]);
    }

    #[test]
    fn what_begins_before_may_be_found_and_is_not_missed() {
        check(&["5-20"], &[], &[]);
        check(&["5-20"], &["7-20"], &["5 amended to 7"]);
        check(&[], &["7-20"], &["created 7"]);
    }

    #[test]
    fn new_changed_and_gone_ones_are_told() {
        check(
            &["10-20"],
            &["10-25", "40-50"],
            &["10 amended to 10", "created 40"],
        );
        check(&["10-20", "40-50"], &["40-50"], &["10 withdrawn"]);
    }

    #[test]
    fn a_moved_beginning_keeps_the_identifier() {
        check(&["20-90"], &["30-90"], &["20 amended to 30"]);
        check(&["x:20-90"], &["20-80"], &["x amended to 20"]);
        // Touching is enough.
        check(&["20-30"], &["30-90"], &["20 amended to 30"]);
    }

    #[test]
    fn the_longest_overlap_wins() {
        check(
            &["20-90"],
            &["12-25", "30-90"],
            &["created 12", "20 amended to 30"],
        );
        check(
            &["20-40", "50-90"],
            &["30-90"],
            &["20 withdrawn", "50 amended to 30"],
        );
    }

    #[test]
    fn a_withdrawn_one_comes_back_as_itself() {
        check(&["w10-20"], &["10-20"], &["10 amended to 10"]);
        check(&["w10-20"], &["12-20"], &["created 12"]);
        // Another stands for that moment now: it stays what it is.
        check(&["w10-20", "x:10-30"], &["10-30"], &[]);
    }

    #[test]
    fn other_rules_change_only_what_was_asked_for() {
        let known = |text: &str| Known {
            id: text.to_owned(),
            natural_id: text.to_owned(),
            withdrawn: false,
            violation: violation(text),
        };
        let found = |text: &str| {
            let mut found = violation(text);
            found.rulebook_version = "next".to_owned();
            (text.to_owned(), found)
        };
        let period = [(Timestamp::from_seconds(20), Timestamp::from_seconds(40))];
        let changed = |late: bool, asked| {
            let scope = Scope {
                from: Timestamp::MIN,
                late: late.then_some(ANY_TIME),
                asked,
            };
            let stored = [
                known("10-15"),
                known("12-16"),
                known("20-25"),
                known("50-55"),
            ];
            let found = [
                found("10-15"),
                found("20-25"),
                found("50-55"),
                found("60-65"),
            ];
            revise(&stored, &found, scope, Timestamp::MIN).len()
        };
        // One of the three that stay is in the period.
        assert_eq!(changed(false, &period[..]), 1);
        // Late data take one back and find another.
        assert_eq!(changed(true, &[]), 2);
        assert_eq!(changed(true, &period[..]), 3);
    }

    #[test]
    fn speeding_far_from_the_late_data_stays_as_it_was_judged() {
        let hours = |text: &str| {
            let (from, to) = text.split_once('-').unwrap();
            let seconds = |hours: &str| hours.parse::<i64>().unwrap() * 3600;
            violation(&format!("{}-{}", seconds(from), seconds(to)))
        };
        let changed = |kind: ViolationKind, late_hour: i64| {
            let of_kind = |text: &str| Violation {
                kind,
                ..hours(text)
            };
            let known = |text: &str| Known {
                id: text.to_owned(),
                natural_id: text.to_owned(),
                withdrawn: false,
                violation: of_kind(text),
            };
            let mut graver = of_kind("5-6");
            graver.severity = Severity::L4;
            let found = [
                ("5-6".to_owned(), graver),
                ("9-10".to_owned(), of_kind("9-10")),
            ];
            let late = Timestamp::from_seconds(late_hour * 3600);
            let scope = Scope {
                late: Some((late, late)),
                ..late_scope()
            };
            let stored = [known("1-2"), known("5-6")];
            revise(&stored, &found, scope, Timestamp::MIN).len()
        };
        let speeding = ViolationKind::Speeding;
        // One would be taken back, one be graver, one be new.
        assert_eq!(changed(ViolationKind::OfflineMovement, 3), 3);
        assert_eq!(changed(speeding, 3), 0);
        for hour in [1, 5, 10] {
            assert_eq!(changed(speeding, hour), 1);
        }
    }

    #[test]
    fn another_version_of_the_map_alone_is_no_revision() {
        let on_map = |version: &str, kmh| {
            let mut violation = violation("10-20");
            violation.limit = Some(AppliedLimit {
                monitor: Speed::from_whole_kmh(kmh),
                legal: Speed::from_whole_kmh(kmh),
                source: LimitSource::Road,
                reference: Some("way/1".to_owned()),
                map_version: Some(version.to_owned()),
                confidence: Some(1.0),
            });
            violation
        };
        let changed = |found| {
            let known = [Known {
                id: "10".to_owned(),
                natural_id: "10".to_owned(),
                withdrawn: false,
                violation: on_map("a", 60),
            }];
            revise(
                &known,
                &[("10".to_owned(), found)],
                late_scope(),
                Timestamp::MIN,
            )
            .len()
        };
        assert_eq!(changed(on_map("b", 60)), 0);
        assert_eq!(changed(on_map("b", 50)), 1);
    }

    #[test]
    fn nobody_could_see_it_before_the_data_came() {
        let second = Timestamp::from_seconds;
        let graded = |text, severity, grave: Option<(i64, i64)>| {
            let grave = grave.map(|(at, seen_at)| Grave {
                at: second(at),
                seen_at: second(seen_at),
            });
            Violation {
                severity,
                grave,
                ..violation(text)
            }
        };
        let amended = |known: Violation, withdrawn: bool, found: Violation| {
            let known = [Known {
                id: "10".to_owned(),
                natural_id: "10".to_owned(),
                withdrawn,
                violation: known,
            }];
            let found = [("10".to_owned(), found)];
            match revise(&known, &found, late(0), second(1000)).as_slice() {
                [Correction::Amended { violation, .. }] => {
                    (violation.first_seen_at, violation.grave)
                }
                other => panic!("{other:?}"),
            }
        };
        let lesser = || graded("10-20", Severity::L2, None);
        let grave = || graded("10-20", Severity::L3, Some((12, 13)));
        let graver = || graded("10-30", Severity::L4, Some((11, 14)));
        let seen = |at, seen_at| graded("10-20", Severity::L3, Some((at, seen_at))).grave;
        assert_eq!(
            amended(lesser(), false, grave()),
            (second(11), seen(12, 1000))
        );
        // What was grave before the late data should have been reminded of before.
        assert_eq!(
            amended(grave(), false, graver()),
            (second(11), seen(12, 13))
        );
        assert_eq!(
            amended(grave(), true, graver()),
            (second(1000), seen(12, 13))
        );
        assert_eq!(
            amended(violation("10-20"), false, violation("10-30")),
            (second(11), None)
        );
    }
}
