//! One transaction for everything that the shards derived since the last one.

use std::collections::BTreeMap;
use std::fmt;

use sqlx::AnyConnection;

use super::counters::Counter;
use super::driving::{self, DrivingRow};
use super::engine::map_error;
use super::prealarms::{self, PreAlarmNote};
use super::rejudge::{self, Checkpoint, LateFixes, Rejudged};
use super::rows::Columns as _;
use super::statement::Bulk;
use super::vehicle_rules::{self, RulesFrom};
use super::vehicles::LiveState;
use super::{Store, StoreError, verdicts};
use crate::model::duty::MinuteSet;
use crate::model::{Fix, Position, Span, Speed, Timestamp, VehicleId, Violation};

/// Everything derived since the last flush.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flush {
    /// When: the time of the changes that it makes.
    pub at: Timestamp,
    /// Violations that may have changed; identifiers must not repeat.
    pub violations: Vec<ViolationUpsert>,
    /// New pieces of tracks.
    pub chunks: Vec<TrackChunk>,
    /// Vehicles whose state changed; vehicles must not repeat.
    pub vehicles: Vec<VehicleSnapshot>,
    /// Operating minutes that grew; added to what is stored.
    pub operating: Vec<OperatingDay>,
    /// What came, by vehicle and local day; added to what is stored.
    pub vehicle_days: Vec<VehicleDay>,
    /// Fault runs that began or grew.
    pub faults: Vec<FaultRunRow>,
    /// Contradictions found.
    pub contradictions: Vec<ContradictionRow>,
    /// Records that stand now in the place of others.
    pub superseded: Vec<Superseded>,
    /// Limits that are near.
    pub prealarms: Vec<PreAlarmNote>,
    /// Late fixes: their vehicles must be judged again; vehicles must not repeat.
    pub late: Vec<LateFixes>,
    /// States at midnight.
    pub checkpoints: Vec<Checkpoint>,
    /// Vehicles that were judged again; the rest of the flush comes after them. Vehicles must not
    /// repeat.
    pub rejudged: Vec<Rejudged>,
    /// Changes of the rules by which vehicles are judged.
    pub rules: Vec<RulesFrom>,
    /// Pieces of drivers' time that are others now.
    pub driving: Vec<DrivingRow>,
    /// Journal records up to this one are in everything derived; never lowered.
    pub journal_position: u64,
}

/// A violation to write; nothing happens when it is stored like this already.
#[derive(Clone, Debug, PartialEq)]
pub struct ViolationUpsert {
    /// Natural identifier: follows from the value ([`Violation::id`]). The stored identifier is the
    /// one that the violation had first.
    pub id: String,
    /// Who answers for the vehicle; its region is taken from the register.
    pub enterprise_id: String,
    /// It is a correction and not what came next; `None` for what was found in order.
    pub correction: Option<CorrectionNote>,
    /// The violation.
    pub violation: Violation,
}

/// What a correction says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrectionNote {
    /// It takes the violation back.
    pub withdrawn: bool,
    /// Natural identifier of what it was thought to be; nothing is taken back where none is stored.
    pub replaces: Option<String>,
    /// Why.
    pub reason: String,
}

/// A piece of a track, as a run of `track`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackChunk {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// Earliest fix time.
    pub first: Timestamp,
    /// Latest fix time.
    pub last: Timestamp,
    /// Fixes in it.
    pub fixes: u32,
    /// It holds fixes that came after later ones.
    pub late: bool,
    /// The run.
    pub bytes: Vec<u8>,
}

/// The state of a vehicle.
#[derive(Clone, Debug, PartialEq)]
pub struct VehicleSnapshot {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// Journal records up to this one are in it.
    pub journal_sequence: u64,
    /// Saved detectors; opaque here.
    pub state: Vec<u8>,
    /// Fixes not in a chunk yet, as a run of `track`.
    pub tail: Vec<u8>,
    /// For lists and maps; `None` before the first fix with a usable time.
    pub live: Option<LiveState>,
}

/// Operating minutes of an enterprise on a local day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatingDay {
    /// The enterprise.
    pub enterprise_id: String,
    /// Local days since 1970-01-01.
    pub day: i64,
    /// Minutes.
    pub minutes: MinuteSet,
}

/// What came from a vehicle on a local day, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VehicleDay {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// Local days since 1970-01-01.
    pub day: i64,
    /// Fixes stored.
    pub fixes: u32,
    /// Of these, with nothing wrong; below 0 where worse records came to stand in the place of better ones.
    pub qualified: i32,
    /// Fixes that came again.
    pub duplicates: u32,
    /// Earliest fix time.
    pub first: Timestamp,
    /// Latest fix time.
    pub last: Timestamp,
    /// Minutes with a fix.
    pub online: MinuteSet,
    /// Minutes in which it drove.
    pub driving: MinuteSet,
}

/// Driving while the terminal reported a fault; vehicle and beginning are its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultRunRow {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// First fix of the run.
    pub from: Timestamp,
    /// Last fix of the run.
    pub to: Timestamp,
    /// Alarm bits seen.
    pub alarm: u32,
}

/// Records that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContradictionRow {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// Fix time of both.
    pub time: Timestamp,
    /// What the record says that stands.
    pub stands: Said,
    /// What the other one says; what is told once of a vehicle and fix time.
    pub other: Said,
}

/// A record stands now where another one stood, which goes behind it ([`Fix::precedence`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Superseded {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// Fix time of both.
    pub time: Timestamp,
    /// What the record says that stands; `None` for one without a position, which contradicts nothing.
    pub stands: Option<Said>,
}

/// Where a record says that its vehicle was, and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// Where.
    pub position: Position,
    /// How fast.
    pub speed: Speed,
}

impl From<&Fix> for Said {
    fn from(fix: &Fix) -> Self {
        Self {
            position: fix.position,
            speed: fix.speed,
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lat, lon) = (self.position.lat(), self.position.lon());
        write!(f, "{lat:.6},{lon:.6} {}", self.speed)
    }
}

impl Store {
    /// Writes everything in one transaction: after an error, nothing of it is there.
    ///
    /// # Errors
    /// As the database says.
    pub async fn commit_flush(&self, flush: &Flush) -> Result<(), StoreError> {
        let mut transaction = self.database().begin_write().await?;
        let connection = &mut *transaction;
        put_chunks(connection, &flush.chunks).await?;
        put_states(connection, &flush.vehicles).await?;
        put_live(connection, &flush.vehicles).await?;
        rejudge::enqueue(connection, &flush.late).await?;
        // Before what is added: it was found after the judging again.
        for rejudged in &flush.rejudged {
            rejudge::put(connection, flush.at, rejudged).await?;
        }
        rejudge::put_checkpoints(connection, &flush.checkpoints).await?;
        add_operating(connection, &flush.operating).await?;
        add_vehicle_days(connection, &flush.vehicle_days).await?;
        put_faults(connection, &flush.faults).await?;
        driving::put(connection, &flush.driving).await?;
        put_contradictions(connection, &flush.contradictions).await?;
        put_superseded(connection, &flush.superseded).await?;
        vehicle_rules::put(connection, &flush.rules).await?;
        let position = i64::try_from(flush.journal_position).unwrap_or(i64::MAX);
        Counter::JournalPosition.raise(connection, position).await?;
        // Last, because the change log's counter is locked from here to the commit.
        verdicts::put(connection, flush.at, &flush.violations).await?;
        prealarms::append(connection, flush.at, &flush.prealarms).await?;
        transaction.commit().await.map_err(map_error)
    }
}

const CHUNKS: Bulk = Bulk {
    head: "INSERT INTO track_chunks (vehicle_id, first_at, last_at, id, fixes, late, bytes) VALUES ",
    row: "($1, $2, $3, $4, $5, $6, $7)",
    width: 7,
    tail: "",
};

async fn put_chunks(
    connection: &mut AnyConnection,
    chunks: &[TrackChunk],
) -> Result<(), StoreError> {
    if chunks.is_empty() {
        return Ok(());
    }
    let first = Counter::Chunks.take(connection, chunks.len()).await?;
    let rows: Vec<_> = (first..).zip(chunks).collect();
    CHUNKS
        .execute(connection, &rows, |values, (id, chunk)| {
            values
                .add(i64::from(chunk.vehicle.0))
                .time(chunk.first)
                .time(chunk.last)
                .add(*id)
                .add(i64::from(chunk.fixes))
                .add(i64::from(chunk.late))
                .add(chunk.bytes.as_slice());
        })
        .await
        .map(drop)
}

const STATES: Bulk = Bulk {
    head: "INSERT INTO vehicle_states (vehicle_id, journal_sequence, state, tail) VALUES ",
    row: "($1, $2, $3, $4)",
    width: 4,
    tail: " ON CONFLICT (vehicle_id) DO UPDATE SET
            journal_sequence = excluded.journal_sequence, state = excluded.state,
            tail = excluded.tail",
};

async fn put_states(
    connection: &mut AnyConnection,
    vehicles: &[VehicleSnapshot],
) -> Result<(), StoreError> {
    STATES
        .execute(connection, vehicles, |values, vehicle| {
            values
                .add(i64::from(vehicle.vehicle.0))
                .add(vehicle.journal_sequence.cast_signed())
                .add(vehicle.state.as_slice())
                .add(vehicle.tail.as_slice());
        })
        .await
        .map(drop)
}

const LIVE: Bulk = Bulk {
    head: "INSERT INTO vehicle_live
           (vehicle_id, fix_at, received_at, lat_udeg, lon_udeg, speed_mkmh, course_deg, alarm,
            status, driver_id, left_continuous_ms, left_night_ms, left_24h_ms, left_7d_ms,
            first_qualified_at, datum_found, datum_found_from) VALUES ",
    row: "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    width: 17,
    tail: " ON CONFLICT (vehicle_id) DO UPDATE SET
            fix_at = excluded.fix_at, received_at = excluded.received_at,
            lat_udeg = excluded.lat_udeg, lon_udeg = excluded.lon_udeg,
            speed_mkmh = excluded.speed_mkmh, course_deg = excluded.course_deg,
            alarm = excluded.alarm, status = excluded.status, driver_id = excluded.driver_id,
            left_continuous_ms = excluded.left_continuous_ms,
            left_night_ms = excluded.left_night_ms, left_24h_ms = excluded.left_24h_ms,
            left_7d_ms = excluded.left_7d_ms, datum_found = excluded.datum_found,
            datum_found_from = excluded.datum_found_from, first_qualified_at = CASE
                WHEN vehicle_live.first_qualified_at IS NULL
                     OR excluded.first_qualified_at < vehicle_live.first_qualified_at
                THEN excluded.first_qualified_at ELSE vehicle_live.first_qualified_at END",
};

async fn put_live(
    connection: &mut AnyConnection,
    vehicles: &[VehicleSnapshot],
) -> Result<(), StoreError> {
    let rows: Vec<_> = vehicles
        .iter()
        .filter_map(|vehicle| Some((vehicle.vehicle, vehicle.live.as_ref()?)))
        .collect();
    LIVE.execute(connection, &rows, |values, (vehicle, live)| {
        values
            .add(i64::from(vehicle.0))
            .time(live.fix_at)
            .time(live.received_at)
            .add(i64::from(live.position.lat_udeg))
            .add(i64::from(live.position.lon_udeg))
            .add(i64::from(live.speed.mkmh()))
            .add(live.course.map(|course| i64::from(course.degrees())))
            .add(i64::from(live.alarm))
            .add(i64::from(live.status))
            .add(live.driver.map(|driver| i64::from(driver.0)))
            .add(live.left.continuous.map(Span::millis))
            .add(live.left.night.map(Span::millis))
            .add(live.left.hours24.map(Span::millis))
            .add(live.left.days7.map(Span::millis))
            .time_opt(live.first_qualified_at)
            .add(live.datum.map(|found| found.datum.name().to_owned()))
            .time_opt(live.datum.map(|found| found.since));
    })
    .await
    .map(drop)
}

const STORED_OPERATING: Bulk = Bulk {
    // A join, because SQLite reads the whole table for `(a, b) IN (VALUES ..)`.
    head: "SELECT enterprise_id, day, minutes FROM (VALUES ",
    row: "($1, $2)",
    width: 2,
    tail: ") AS wanted JOIN operating_minutes
           ON enterprise_id = wanted.column1 AND day = wanted.column2",
};

const OPERATING: Bulk = Bulk {
    head: "INSERT INTO operating_minutes (enterprise_id, day, minutes) VALUES ",
    row: "($1, $2, $3)",
    width: 3,
    tail: " ON CONFLICT (enterprise_id, day) DO UPDATE SET minutes = excluded.minutes",
};

/// Adds minutes to those stored; here because no word for "or of bytes" is common to the engines.
pub(super) async fn add_operating(
    connection: &mut AnyConnection,
    days: &[OperatingDay],
) -> Result<(), StoreError> {
    let mut merged: BTreeMap<(&str, i64), MinuteSet> = BTreeMap::new();
    for day in days {
        let minutes = merged.entry((&day.enterprise_id, day.day)).or_default();
        minutes.union_with(&day.minutes);
    }
    let keys: Vec<_> = merged.keys().copied().collect();
    let stored = STORED_OPERATING
        .fetch(connection, &keys, |values, (enterprise, day)| {
            values.add(*enterprise).add(*day);
        })
        .await?;
    let mut changed = merged.clone();
    for row in &stored {
        let key = (row.cell::<&str>(0)?, row.int(1)?);
        let before = MinuteSet::from_bytes(row.bytes(2)?);
        if let Some(minutes) = changed.get_mut(&key) {
            minutes.union_with(&before);
            if *minutes == before {
                changed.remove(&key);
            }
        }
    }
    let rows: Vec<_> = changed.into_iter().collect();
    OPERATING
        .execute(connection, &rows, |values, ((enterprise, day), minutes)| {
            values
                .add(*enterprise)
                .add(*day)
                .add(minutes.to_bytes().as_slice());
        })
        .await
        .map(drop)
}

const STORED_DAYS: Bulk = Bulk {
    head: "SELECT vehicle_id, day, online, driving FROM (VALUES ",
    row: "($1, $2)",
    width: 2,
    tail: ") AS wanted JOIN vehicle_days
           ON vehicle_id = wanted.column1 AND day = wanted.column2",
};

const VEHICLE_DAYS: Bulk = Bulk {
    head: "INSERT INTO vehicle_days
           (vehicle_id, day, fixes, qualified, duplicates, first_at, last_at, online, driving) VALUES ",
    row: "($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    width: 9,
    tail: " ON CONFLICT (vehicle_id, day) DO UPDATE SET
            fixes = vehicle_days.fixes + excluded.fixes,
            qualified = vehicle_days.qualified + excluded.qualified,
            duplicates = vehicle_days.duplicates + excluded.duplicates,
            first_at = CASE WHEN excluded.first_at < vehicle_days.first_at
                       THEN excluded.first_at ELSE vehicle_days.first_at END,
            last_at = CASE WHEN excluded.last_at > vehicle_days.last_at
                      THEN excluded.last_at ELSE vehicle_days.last_at END,
            online = excluded.online, driving = excluded.driving",
};

/// Adds counts to those stored. The flush carries the snapshots of the same fixes, so that none is
/// counted twice.
async fn add_vehicle_days(
    connection: &mut AnyConnection,
    days: &[VehicleDay],
) -> Result<(), StoreError> {
    let keys: Vec<_> = days.iter().map(|day| (day.vehicle, day.day)).collect();
    let stored = STORED_DAYS
        .fetch(connection, &keys, |values, (vehicle, day)| {
            values.add(i64::from(vehicle.0)).add(*day);
        })
        .await?;
    let mut before: BTreeMap<(i64, i64), [MinuteSet; 2]> = BTreeMap::new();
    for row in &stored {
        let driving: Option<&[u8]> = row.cell(3)?;
        let sets = [row.bytes(2)?, driving.unwrap_or_default()].map(MinuteSet::from_bytes);
        before.insert((row.int(0)?, row.int(1)?), sets);
    }
    VEHICLE_DAYS
        .execute(connection, days, |values, day| {
            let vehicle = i64::from(day.vehicle.0);
            let mut sets = [day.online, day.driving];
            if let Some(before) = before.get(&(vehicle, day.day)) {
                for (set, before) in sets.iter_mut().zip(before) {
                    set.union_with(before);
                }
            }
            let [online, driving] = sets.map(|set| set.to_bytes());
            values
                .add(vehicle)
                .add(day.day)
                .add(i64::from(day.fixes))
                .add(i64::from(day.qualified))
                .add(i64::from(day.duplicates))
                .time(day.first)
                .time(day.last)
                .add(online.as_slice())
                .add(driving.as_slice());
        })
        .await
        .map(drop)
}

const FAULTS: Bulk = Bulk {
    head: "INSERT INTO fault_runs (vehicle_id, from_at, to_at, alarm) VALUES ",
    row: "($1, $2, $3, $4)",
    width: 4,
    tail: " ON CONFLICT (vehicle_id, from_at) DO UPDATE SET to_at = excluded.to_at,
            alarm = excluded.alarm",
};

pub(super) async fn put_faults(
    connection: &mut AnyConnection,
    faults: &[FaultRunRow],
) -> Result<(), StoreError> {
    FAULTS
        .execute(connection, faults, |values, fault| {
            values
                .add(i64::from(fault.vehicle.0))
                .time(fault.from)
                .time(fault.to)
                .add(i64::from(fault.alarm));
        })
        .await
        .map(drop)
}

const CONTRADICTIONS: Bulk = Bulk {
    head: "INSERT INTO contradictions (vehicle_id, at, other, note) VALUES ",
    row: "($1, $2, $3, $4)",
    width: 4,
    tail: " ON CONFLICT (vehicle_id, at, other) DO NOTHING",
};

pub(super) async fn put_contradictions(
    connection: &mut AnyConnection,
    found: &[ContradictionRow],
) -> Result<(), StoreError> {
    CONTRADICTIONS
        .execute(connection, found, |values, contradiction| {
            let ContradictionRow { stands, other, .. } = contradiction;
            values
                .add(i64::from(contradiction.vehicle.0))
                .time(contradiction.time)
                .add(other.to_string().as_str())
                .add(format!("{stands} stored, {other} received").as_str());
        })
        .await
        .map(drop)
}

/// Has what contradicted the records that stood before contradict those that stand now.
async fn put_superseded(
    connection: &mut AnyConnection,
    superseded: &[Superseded],
) -> Result<(), StoreError> {
    for record in superseded {
        let texts = match record.stands {
            // Older versions of the program kept no more than the note, also as what the other one said.
            Some(stands) => vec![
                (TAKE_BACK, stands.to_string()),
                (TELL_ANEW, format!("{stands} stored, ")),
            ],
            None => vec![(TAKE_ALL_BACK, String::new())],
        };
        for (statement, text) in texts {
            sqlx::query(statement)
                .bind(text)
                .bind(i64::from(record.vehicle.0))
                .bind(record.time.millis())
                .execute(&mut *connection)
                .await
                .map_err(map_error)?;
        }
    }
    Ok(())
}

/// What the record says that stands now contradicts nothing.
const TAKE_BACK: &str =
    "DELETE FROM contradictions WHERE other = $1 AND vehicle_id = $2 AND at = $3";
const TELL_ANEW: &str = "UPDATE contradictions SET note = CAST($1 AS TEXT) || other || ' received'
     WHERE vehicle_id = $2 AND at = $3 AND other <> note";
const TAKE_ALL_BACK: &str =
    "DELETE FROM contradictions WHERE other <> $1 AND vehicle_id = $2 AND at = $3";
