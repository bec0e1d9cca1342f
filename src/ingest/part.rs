//! What one shard derived since the last flush.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::detect::Transition;
use crate::model::duty::MinuteSet;
use crate::model::{Fix, LocalZone, Timestamp, VehicleId, Violation};
use crate::store::{
    ContradictionRow, FaultRunRow, TrackChunk, VehicleDay, VehicleSnapshot, ViolationUpsert,
};
use crate::telemetry::name;
use crate::track;

use super::directory::{Directory, VehicleRecord};

/// Milliseconds of a minute.
const MINUTE_MS: i64 = 60_000;

/// Derived rows of one shard, complete up to `position`.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// Journal records up to this one are in it or in earlier parts.
    pub(super) position: u64,
    /// Newest value of each violation.
    pub(super) violations: BTreeMap<String, ViolationUpsert>,
    /// Full tails.
    pub(super) chunks: Vec<TrackChunk>,
    /// Fixes that came after later ones of their vehicle.
    late: BTreeMap<VehicleId, Vec<Fix>>,
    /// Vehicles whose state has changed.
    pub(super) dirty: Vec<VehicleId>,
    /// Their snapshots, taken when the part is handed over.
    pub(super) vehicles: Vec<VehicleSnapshot>,
    /// Minutes in which vehicles drove, by enterprise and local day.
    pub(super) operating: BTreeMap<(Arc<str>, i64), MinuteSet>,
    /// What came, by vehicle and local day; to be added to what is stored.
    pub(super) days: FxHashMap<(VehicleId, i64), VehicleDay>,
    /// Newest value of each fault run.
    pub(super) faults: BTreeMap<(VehicleId, Timestamp), FaultRunRow>,
    /// Contradictions found.
    pub(super) contradictions: Vec<ContradictionRow>,
}

impl Part {
    /// A measure of its size, for the bound.
    pub(super) fn changes(&self) -> usize {
        self.violations.len()
            + self.chunks.len()
            + self.late.len()
            + self.days.len()
            + self.operating.len()
            + self.contradictions.len()
    }

    /// Counts a fix for its vehicle's day.
    pub(super) fn count(&mut self, zone: &LocalZone, fix: &Fix, duplicate: bool) {
        let day = zone.day(fix.time);
        let row = self
            .days
            .entry((fix.vehicle, day))
            .or_insert_with(|| VehicleDay {
                vehicle: fix.vehicle,
                day,
                fixes: 0,
                qualified: 0,
                duplicates: 0,
                first: fix.time,
                last: fix.time,
                online: MinuteSet::default(),
            });
        if duplicate {
            row.duplicates += 1;
            return;
        }
        row.fixes += 1;
        row.qualified += u32::from(fix.quality.is_qualified());
        row.first = row.first.min(fix.time);
        row.last = row.last.max(fix.time);
        if let Ok(minute) = u16::try_from(zone.millis_of_day(fix.time) / MINUTE_MS) {
            row.online.insert(minute);
        }
    }

    /// Adds a fix that is older than the newest of its vehicle.
    pub(super) fn add_late(&mut self, fix: &Fix) {
        self.late.entry(fix.vehicle).or_default().push(*fix);
    }

    /// Notes that two records of one fix time do not agree.
    pub(super) fn add_contradiction(&mut self, fix: &Fix, note: String) {
        self.contradictions.push(ContradictionRow {
            vehicle: fix.vehicle,
            time: fix.time,
            note,
        });
    }

    /// Takes in what a detector said.
    pub(super) fn take(
        &mut self,
        directory: &Directory,
        record: &VehicleRecord,
        vehicle: VehicleId,
        said: Transition,
    ) {
        match said {
            Transition::Opened(violation) => {
                metrics::counter!(name::VIOLATIONS, "kind" => violation.kind.name()).increment(1);
                self.put(record, *violation);
            }
            Transition::Extended(violation) | Transition::Closed(violation) => {
                self.put(record, *violation);
            }
            Transition::Driving { from, to } => {
                self.drove(&directory.rules.zone, &record.enterprise_id, from, to);
            }
            Transition::FaultRun { from, to, alarm } => {
                let row = FaultRunRow {
                    vehicle,
                    from,
                    to,
                    alarm,
                };
                self.faults.insert((vehicle, from), row);
            }
        }
    }

    fn put(&mut self, record: &VehicleRecord, violation: Violation) {
        let id = violation.id(&record.plate);
        let upsert = ViolationUpsert {
            id: id.clone(),
            enterprise_id: record.enterprise_id.to_string(),
            revision: 1,
            revised_at: violation.first_seen_at,
            revision_reason: None,
            withdrawn: false,
            violation,
        };
        self.violations.insert(id, upsert);
    }

    /// Marks every minute that `[from, to)` touches.
    fn drove(&mut self, zone: &LocalZone, enterprise: &Arc<str>, from: Timestamp, to: Timestamp) {
        let mut at = from;
        while at < to {
            let day = zone.day(at);
            let end = zone.day_start(day + 1).min(to);
            let minutes = self
                .operating
                .entry((Arc::clone(enterprise), day))
                .or_default();
            let first = zone.millis_of_day(at) / MINUTE_MS;
            let last = first
                + (end.since(at).millis() + zone.millis_of_day(at) % MINUTE_MS - 1) / MINUTE_MS;
            for minute in first..=last {
                if let Ok(minute) = u16::try_from(minute) {
                    minutes.insert(minute);
                }
            }
            at = end;
        }
    }

    /// Turns the late fixes into chunks.
    pub(super) fn seal(&mut self) {
        for (vehicle, mut fixes) in std::mem::take(&mut self.late) {
            fixes.sort_by_key(|fix| fix.time);
            let (Some(first), Some(last)) = (fixes.first(), fixes.last()) else {
                continue;
            };
            self.chunks.push(TrackChunk {
                vehicle,
                first: first.time,
                last: last.time,
                fixes: u32::try_from(fixes.len()).unwrap_or(u32::MAX),
                late: true,
                bytes: track::encode_run(&fixes),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(from: &str, to: &str) -> Vec<(i64, u32)> {
        let time = |text: &str| Timestamp::from_rfc3339(&format!("2026-11-{text}+08:00")).unwrap();
        let mut part = Part::default();
        let zone = LocalZone::default();
        part.drove(&zone, &Arc::from("e"), time(from), time(to));
        let start = zone.day(time("21T00:00:00"));
        part.operating
            .iter()
            .map(|((_, day), set)| (day - start, set.len()))
            .collect()
    }

    #[test]
    fn every_touched_minute_is_operating() {
        assert_eq!(minutes("21T08:00:00", "21T08:01:00"), [(0, 1)]);
        assert_eq!(minutes("21T08:00:30", "21T08:01:01"), [(0, 2)]);
        assert_eq!(minutes("21T23:59:30", "22T00:00:30"), [(0, 1), (1, 1)]);
        assert_eq!(minutes("21T08:00:00", "21T08:00:00"), []);
    }
}
