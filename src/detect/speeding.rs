//! Speeding: spans over a limit, joined, counted when long enough.
//!
//! ```text
//! no span --fix over its limit--> span (joins a group of the same limit that ended just before)
//! span --fix over the same limit--> span
//! span --fix not over, or under another limit--> ended at that fix
//! span --gap--> ended at the last fix over the limit
//! ended --join time over--> forgotten
//! ```
//!
//! A group of joined spans is a violation from the moment when one of its spans has lasted longer
//! than `counts_over`; `confirmed_at` is the beginning of that span plus this time. Before that
//! nothing is told. The limit is judged fix by fix, so that 22:00, 06:00 and the edge of a corridor
//! end a span at the first fix under the other limit, which may begin another. Speed and limit are
//! compared as exact integers.

use crate::model::violation::{AppliedLimit, Details, EvidenceMarks, FixMark, Grave};
use crate::model::{DriverId, Fix, Timestamp, Violation, ViolationKind};

use super::admit::{Step, mark};
use super::grade::{Grade, grade};
use super::limit::{Carrier, Limit};
use super::road::OnRoad;
use super::{Context, Transition};

/// Groups remembered at once; more than the limits that can change within the join time, so that none
/// is ever lost to others that come to nothing.
pub(super) const GROUPS_MAX: usize = 32;

/// Spans over limits that may still join or grow, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Speeding {
    pub(super) groups: Vec<Group>,
}

/// Joined spans over one limit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    /// The limit of all its spans.
    pub(super) limit: Limit,
    /// The thing that carries the limit, as a violation names it.
    pub(super) reference: Option<Box<str>>,
    /// First fix over the limit.
    pub(super) started_at: Timestamp,
    /// From when it counts.
    pub(super) confirmed: Option<Confirmed>,
    /// Beginning of the last span.
    pub(super) span_from: Timestamp,
    /// End of the last span; `None` while it goes on.
    pub(super) ended_at: Option<Timestamp>,
    /// Highest speed, the first of equals.
    pub(super) peak: FixMark,
    /// Last fix over the limit.
    pub(super) last_over: Timestamp,
    /// Fixes over the limit.
    pub(super) fixes: u32,
    /// First known driver.
    pub(super) driver: Option<DriverId>,
    /// The roads on which it was, where a map is in force.
    pub(super) roads: Option<Roads>,
    /// The fix by which it was first told to be grave enough for a reminder.
    pub(super) grave: Option<Grave>,
}

/// What a group remembers of its roads.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Roads {
    /// The way at the highest speed.
    pub(super) way: i64,
    /// Confidence there. Unit: thousandths.
    pub(super) permille: u16,
    /// Sum of the confidences of all fixes over the limit. Unit: thousandths.
    pub(super) permille_sum: u64,
    /// Version of the map at the highest speed.
    pub(super) map_version: Box<str>,
}

impl Roads {
    /// How sure the roads of so many fixes are: at the highest speed, and all in all. Unit: `0..=1`.
    fn confidence(&self, fixes: u32) -> f64 {
        let mean = self.permille_sum / u64::from(fixes.max(1));
        let least = u64::from(self.permille).min(mean);
        f64::from(u16::try_from(least).unwrap_or(u16::MAX)) / 1000.0
    }
}

/// When and by which fix a group became a violation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Confirmed {
    /// From when it counts.
    pub(super) at: Timestamp,
    /// When the fix that showed it was received.
    pub(super) first_seen_at: Timestamp,
}

impl Speeding {
    pub(super) fn heap_bytes(&self) -> usize {
        let names = |group: &Group| {
            let version = |roads: &Roads| roads.map_version.len();
            group.reference.as_ref().map_or(0, |id| id.len())
                + group.roads.as_ref().map_or(0, version)
        };
        self.groups.capacity() * size_of::<Group>() + self.groups.iter().map(names).sum::<usize>()
    }

    /// `over` is the limit that the fix is over, `None` where it is not over its limit.
    pub(super) fn handle_step(
        &mut self,
        context: &Context<'_>,
        step: &Step<'_>,
        over: Option<&Limit>,
        out: &mut Vec<Transition>,
    ) {
        let fix = step.fix;
        if self.groups.is_empty() && over.is_none() {
            return;
        }
        if step.gap.is_some() {
            self.handle_gap(context, fix, out);
        }
        for group in &mut self.groups {
            if group.ended_at.is_none() && over != Some(&group.limit) {
                group.end(context, fix, fix.time, out);
            }
        }
        let join_within = context.rules.speeding.join_within;
        self.groups.retain(|group| {
            group
                .ended_at
                .is_none_or(|end| fix.time.since(end) < join_within)
        });
        if let Some(limit) = over {
            let group = self.group_of(context, fix, limit);
            group.drive_on(context, fix, step.road);
            group.extend(context, fix, out);
        }
    }

    /// There is a gap before the fix, which ends all spans at their last fixes.
    pub(super) fn handle_gap(
        &mut self,
        context: &Context<'_>,
        fix: &Fix,
        out: &mut Vec<Transition>,
    ) {
        for group in &mut self.groups {
            if group.ended_at.is_none() {
                group.end(context, fix, group.last_over, out);
            }
        }
    }

    /// The group that a fix over the limit belongs to, a new one where there is none.
    fn group_of(&mut self, context: &Context<'_>, fix: &Fix, limit: &Limit) -> &mut Group {
        let known = self.groups.iter().position(|group| group.limit == *limit);
        let index = known.unwrap_or_else(|| {
            if self.groups.len() >= GROUPS_MAX {
                self.groups.remove(0);
            }
            self.groups.reserve_exact(1);
            self.groups.push(Group::new(context, fix, limit));
            self.groups.len() - 1
        });
        &mut self.groups[index]
    }
}

impl Group {
    fn new(context: &Context<'_>, fix: &Fix, limit: &Limit) -> Self {
        let carrier = limit.carrier;
        Self {
            limit: *limit,
            reference: carrier.and_then(|carrier| carrier.reference(context, fix.time)),
            started_at: fix.time,
            confirmed: None,
            span_from: fix.time,
            ended_at: None,
            peak: mark(fix),
            last_over: fix.time,
            fixes: 0,
            driver: None,
            roads: None,
            grave: None,
        }
    }

    /// Remembers the road of a fix over the limit.
    fn drive_on(&mut self, context: &Context<'_>, fix: &Fix, road: Option<OnRoad>) {
        let (Some(road), Some(map)) = (road, context.roads) else {
            return;
        };
        let permille = u64::from(road.permille);
        let is_peak = self.fixes == 0 || fix.speed > self.peak.speed;
        match &mut self.roads {
            Some(roads) if !is_peak => roads.permille_sum += permille,
            before => {
                let sum = before.as_ref().map_or(0, |roads| roads.permille_sum);
                *before = Some(Roads {
                    way: road.way,
                    permille: road.permille,
                    permille_sum: sum + permille,
                    map_version: Box::from(&**map.version()),
                });
            }
        }
    }

    /// One more fix over the limit.
    fn extend(&mut self, context: &Context<'_>, fix: &Fix, out: &mut Vec<Transition>) {
        if self.ended_at.take().is_some() {
            self.span_from = fix.time;
        }
        if fix.speed > self.peak.speed {
            self.peak = mark(fix);
        }
        self.last_over = fix.time;
        self.fixes = self.fixes.saturating_add(1);
        self.driver = self.driver.or(fix.driver);
        let told = self.confirmed.is_some();
        self.confirm(context, fix.time, fix);
        if let Some(confirmed) = self.confirmed {
            let violation = Box::new(self.violation(context, fix, confirmed));
            out.push(if told {
                Transition::Extended(violation)
            } else {
                Transition::Opened(violation)
            });
        }
    }

    /// The span ends at `end`, known from `fix`.
    fn end(&mut self, context: &Context<'_>, fix: &Fix, end: Timestamp, out: &mut Vec<Transition>) {
        let told = self.confirmed.is_some();
        self.confirm(context, end, fix);
        if let Some(confirmed) = self.confirmed {
            if !told {
                let violation = self.violation(context, fix, confirmed);
                out.push(Transition::Opened(Box::new(violation)));
            }
            self.ended_at = Some(end);
            let violation = self.violation(context, fix, confirmed);
            out.push(Transition::Closed(Box::new(violation)));
        }
        self.ended_at = Some(end);
    }

    /// The last span is known to last until `until`.
    fn confirm(&mut self, context: &Context<'_>, until: Timestamp, fix: &Fix) {
        let counts_over = context.rules.speeding.counts_over;
        if self.confirmed.is_none() && until.since(self.span_from) > counts_over {
            self.confirmed = Some(Confirmed {
                at: self.span_from + counts_over,
                first_seen_at: fix.received,
            });
        }
    }

    /// What is told when the fix has come.
    fn violation(&mut self, context: &Context<'_>, fix: &Fix, confirmed: Confirmed) -> Violation {
        let grade = self.grade(context);
        if grade.severity >= context.rules.duty.reminder_severity_min {
            self.grave = self.grave.or(Some(Grave {
                at: fix.time,
                seen_at: fix.received,
            }));
        }
        Violation {
            vehicle: fix.vehicle,
            driver: self.driver,
            kind: ViolationKind::Speeding,
            started_at: self.started_at,
            confirmed_at: confirmed.at,
            ended_at: self.ended_at,
            peak: self.peak,
            limit: Some(self.applied()),
            excess_ratio: self.peak.speed.excess_ratio(self.limit.monitor),
            legal_excess_ratio: self.peak.speed.excess_ratio(self.limit.legal),
            severity: grade.severity,
            points: grade.points,
            points_basis: grade.basis,
            details: Details::Speeding,
            evidence: EvidenceMarks {
                first_fix: self.started_at,
                peak_fix: self.peak.time,
                last_fix: self.last_over,
                fixes: self.fixes,
            },
            first_seen_at: confirmed.first_seen_at,
            grave: self.grave,
            rulebook_version: context.rules.version.clone(),
        }
    }

    fn grade(&self, context: &Context<'_>) -> Grade {
        let confidence_min = context.rules.roads.confidence_min;
        let is_road_sure = self
            .roads
            .as_ref()
            .is_none_or(|roads| roads.confidence(self.fixes) >= confidence_min);
        let class = context.profile.class;
        grade(
            context.rules,
            class,
            &self.limit,
            self.peak.speed,
            is_road_sure,
        )
    }

    fn applied(&self) -> AppliedLimit {
        AppliedLimit {
            monitor: self.limit.monitor,
            legal: self.limit.legal,
            source: self.limit.source,
            reference: match (&self.roads, self.limit.carrier) {
                (Some(roads), Some(Carrier::Road)) => Some(format!("way/{}", roads.way)),
                _ => self.reference.as_deref().map(str::to_owned),
            },
            map_version: self
                .roads
                .as_ref()
                .map(|roads| roads.map_version.to_string()),
            confidence: self
                .roads
                .as_ref()
                .map(|roads| roads.confidence(self.fixes)),
        }
    }
}
