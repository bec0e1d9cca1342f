//! What one shard derived since the last flush.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::detect::{self, Piece, Transition};
use crate::model::duty::MinuteSet;
use crate::model::prealarm::PreAlarm;
use crate::model::{Fix, LocalZone, Quality, Timestamp, VehicleId, Violation};
use crate::store::{
    Checkpoint, ContradictionRow, FaultRunRow, LateFixes, PreAlarmNote, Rejudged, RulesFrom, Said,
    Superseded, TrackChunk, VehicleDay, VehicleSnapshot, ViolationUpsert,
};
use crate::telemetry::name;
use crate::track;

use super::directory::{Directory, VehicleRecord};
use super::driving::Replaced;

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
    /// Minutes in which vehicles drove, by vehicle and local day, with who answers for them.
    pub(super) driving: BTreeMap<VehicleId, Driven>,
    /// What came, by vehicle and local day; to be added to what is stored.
    pub(super) days: FxHashMap<(VehicleId, i64), VehicleDay>,
    /// Newest value of each fault run.
    pub(super) faults: BTreeMap<(VehicleId, Timestamp), FaultRunRow>,
    /// Contradictions found.
    pub(super) contradictions: Vec<ContradictionRow>,
    /// Records that stand in the place of others, by vehicle and fix time.
    pub(super) superseded: BTreeMap<(VehicleId, Timestamp), Superseded>,
    /// Limits that are near.
    pub(super) prealarms: Vec<PreAlarmNote>,
    /// Late fixes that may change verdicts.
    pub(super) rejudge: BTreeMap<VehicleId, LateFixes>,
    /// States at midnight.
    pub(super) checkpoints: Vec<Checkpoint>,
    /// Changes of the rules by which vehicles are judged.
    pub(super) rules: Vec<RulesFrom>,
    /// Vehicles that were judged again; everything else of them came after it.
    pub(super) rejudged: Vec<Rejudged>,
    /// Time at the wheels, in the order in which it was told.
    pub(super) pieces: Vec<Piece>,
    /// Vehicles that were judged again: from when on what they told before is void.
    pub(super) replaced: Vec<Replaced>,
}

/// The driving of one vehicle.
#[derive(Debug)]
pub(super) struct Driven {
    pub(super) enterprise: Arc<str>,
    /// Minutes by local day.
    pub(super) days: BTreeMap<i64, MinuteSet>,
}

impl Part {
    /// A measure of its size, for the bound.
    pub(super) fn changes(&self) -> usize {
        self.violations.len()
            + self.chunks.len()
            + self.late.len()
            + self.days.len()
            + self.driving.len()
            + self.contradictions.len()
            + self.superseded.len()
            + self.checkpoints.len()
            + self.rules.len()
            + self.rejudged.len()
            + self.prealarms.len()
            + self.pieces.len()
    }

    /// Counts a fix for its vehicle's day.
    pub(super) fn count(&mut self, zone: &LocalZone, fix: &Fix, duplicate: bool) {
        let row = self.day(fix.vehicle, zone.day(fix.time));
        row.first = row.first.min(fix.time);
        row.last = row.last.max(fix.time);
        if duplicate {
            row.duplicates += 1;
            return;
        }
        row.fixes += 1;
        row.qualified += i32::from(fix.quality.is_qualified());
        if let Ok(minute) = u16::try_from(zone.millis_of_day(fix.time) / MINUTE_MS) {
            row.online.insert(minute);
        }
    }

    /// The counts of a vehicle's day.
    fn day(&mut self, vehicle: VehicleId, day: i64) -> &mut VehicleDay {
        self.days
            .entry((vehicle, day))
            .or_insert_with(|| VehicleDay {
                vehicle,
                day,
                fixes: 0,
                qualified: 0,
                duplicates: 0,
                first: Timestamp::MAX,
                last: Timestamp::MIN,
                online: MinuteSet::default(),
                driving: MinuteSet::default(),
            })
    }

    /// Adds a fix that is older than the newest of its vehicle.
    pub(super) fn add_late(&mut self, fix: &Fix) {
        self.late.entry(fix.vehicle).or_default().push(*fix);
        // No detector sees one that is not judged, wherever it stands.
        if fix.quality.is_judged() {
            self.rejudge_from(fix);
        }
    }

    /// Has the vehicle judged again because a fix came, as from its time on.
    fn rejudge_from(&mut self, fix: &Fix) {
        let late = self.rejudge.entry(fix.vehicle).or_insert(LateFixes {
            vehicle: fix.vehicle,
            from: fix.time,
            to: fix.time,
            fixes: 0,
            received_first: fix.received,
            received_last: fix.received,
        });
        late.fixes = late.fixes.saturating_add(1);
        late.from = late.from.min(fix.time);
        late.to = late.to.max(fix.time);
        late.received_first = late.received_first.min(fix.received);
        late.received_last = late.received_last.max(fix.received);
    }

    /// Notes that two records of one fix time do not agree, of which the first one stands.
    pub(super) fn add_contradiction(&mut self, fix: &Fix, stands: Said, other: Said) {
        self.contradictions.push(ContradictionRow {
            vehicle: fix.vehicle,
            time: fix.time,
            stands,
            other,
        });
    }

    /// Notes that a fix stands in the place of one that was judged.
    pub(super) fn supersede(&mut self, fix: &Fix) {
        let placeless = fix.quality.contains(Quality::NO_FIX);
        let superseded = Superseded {
            vehicle: fix.vehicle,
            time: fix.time,
            stands: (!placeless).then(|| Said::from(fix)),
        };
        self.superseded.insert((fix.vehicle, fix.time), superseded);
        if !fix.quality.contains(Quality::CLOCK) {
            self.rejudge_from(fix);
        }
    }

    /// Counts a fix as qualified, or not, that stands in the place of one that was counted.
    pub(super) fn recount(&mut self, zone: &LocalZone, fix: &Fix, qualified_before: bool) {
        let row = self.day(fix.vehicle, zone.day(fix.time));
        row.qualified += i32::from(fix.quality.is_qualified()) - i32::from(qualified_before);
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
                let driven = self.driving.entry(vehicle).or_insert_with(|| Driven {
                    enterprise: Arc::clone(&record.enterprise_id),
                    days: BTreeMap::new(),
                });
                detect::add_minutes(&mut driven.days, &directory.rules.zone, from, to);
            }
            Transition::PreAlarm(prealarm) => {
                self.prealarms.push(prealarm_note(record, *prealarm));
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
            Transition::Piece(piece) => self.pieces.push(*piece),
        }
    }

    fn put(&mut self, record: &VehicleRecord, violation: Violation) {
        let upsert = upsert(record, violation);
        self.violations.insert(upsert.id.clone(), upsert);
    }

    /// Takes out what was derived of a vehicle's track before it was judged again; its violations.
    pub(super) fn forget(&mut self, vehicle: VehicleId) -> Vec<ViolationUpsert> {
        self.driving.remove(&vehicle);
        self.faults.retain(|(of, _), _| *of != vehicle);
        self.rules.retain(|change| change.vehicle != vehicle);
        self.checkpoints
            .retain(|checkpoint| checkpoint.vehicle != vehicle);
        self.violations
            .extract_if(.., |_, upsert| upsert.violation.vehicle == vehicle)
            .map(|(_, upsert)| upsert)
            .collect()
    }

    /// Puts what a vehicle tells of its drivers since it was judged again in the place of what it told.
    pub(super) fn replace(&mut self, replaced: Replaced, pieces: Vec<Piece>) {
        let void = |piece: &Piece| piece.vehicle == replaced.vehicle && piece.to > replaced.from;
        self.pieces.retain(|piece| !void(piece));
        self.pieces.extend(pieces);
        self.replaced.push(replaced);
    }

    /// Turns the late fixes into chunks, and puts the minutes of driving to the days.
    pub(super) fn seal(&mut self) {
        let driving: Vec<_> = self
            .driving
            .iter()
            .flat_map(|(vehicle, driven)| {
                driven.days.iter().map(|(day, set)| (*vehicle, *day, *set))
            })
            .collect();
        for (vehicle, day, minutes) in driving {
            self.day(vehicle, day).driving = minutes;
        }
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

/// A pre-alarm as the store takes it.
pub(super) fn prealarm_note(record: &VehicleRecord, prealarm: PreAlarm) -> PreAlarmNote {
    PreAlarmNote {
        prealarm,
        plate: record.plate.clone(),
        enterprise_id: record.enterprise_id.to_string(),
        region: record.region.to_string(),
    }
}

/// A violation as the store takes it.
pub(super) fn upsert(record: &VehicleRecord, violation: Violation) -> ViolationUpsert {
    ViolationUpsert {
        id: violation.id(&record.plate),
        enterprise_id: record.enterprise_id.to_string(),
        correction: None,
        violation,
    }
}
