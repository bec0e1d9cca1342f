//! Judging again: the queue of what waits for it, where it begins, and the writing of what it found.
//!
//! A late fix and its row of the queue are stored by one transaction; what judging again found and
//! the rows that it is done with leave by another. Between them, whatever dies, the work is still there.

use std::collections::BTreeMap;

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::cards::DriverCard;
use super::counters::Counter;
use super::engine::map_error;
use super::flush::{FaultRunRow, OperatingDay, add_operating, put_faults};
use super::registry::each;
use super::revise::{Correction, Known, Scope, revise};
use super::rows::Columns as _;
use super::statement::{Bulk, Select};
use super::verdicts::{self, Corrected};
use super::{Store, StoreError, ViolationUpsert, vehicle_rules, violation_body};
use crate::model::duty::MinuteSet;
use crate::model::{JudgedBy, Span, Timestamp, VehicleId};

/// Age at which a checkpoint goes: the longest look back of any rule, with a day to spare.
const CHECKPOINT_AGE_MAX: Span = Span::from_hours(9 * 24);
/// Age at which a checkpoint goes that is no local midnight.
const BRIEF_AGE_MAX: Span = Span::from_hours(12);
/// Violations that are looked at for one that began before what is judged again and reaches into it.
const REACH_MAX: Span = Span::from_hours(30 * 24);
/// Rows of the queue read for one vehicle; further ones wait for the next turn.
const ORDERS_MAX: i64 = 10_000;

/// Late fixes of one vehicle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateFixes {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// Earliest fix time.
    pub from: Timestamp,
    /// Latest fix time.
    pub to: Timestamp,
    /// How many.
    pub fixes: u32,
    /// When the first of them was received.
    pub received_first: Timestamp,
    /// When the last of them was received.
    pub received_last: Timestamp,
}

/// The state of a vehicle's detectors with all fixes before `at` and none from it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// The moment.
    pub at: Timestamp,
    /// It is no local midnight and is kept for some hours only.
    pub brief: bool,
    /// Saved detectors; opaque here.
    pub state: Vec<u8>,
}

/// A vehicle that waits to be judged again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuedVehicle {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// Its first row.
    pub first: i64,
    /// Its last row.
    pub last: i64,
}

/// Why a vehicle must be judged again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RejudgeCause {
    /// Fixes came after later ones.
    Late(LateFixes),
    /// A card event was told late: another driver drove than was thought.
    Card {
        /// When the card was changed.
        at: Timestamp,
        /// When that was received.
        received: Timestamp,
    },
    /// Someone asked for it, with that reason.
    Asked {
        /// First moment.
        from: Timestamp,
        /// First moment after it.
        to: Timestamp,
        /// What the revisions say.
        reason: String,
    },
}

impl RejudgeCause {
    /// From the first fix that it changes to the last; `None` where it changes no fix.
    pub const fn touched(&self) -> Option<(Timestamp, Timestamp)> {
        match self {
            Self::Late(late) => Some((late.from, late.to)),
            Self::Card { at, .. } => Some((*at, Timestamp::MAX)),
            Self::Asked { .. } => None,
        }
    }

    /// The first moment from which verdicts may change.
    pub const fn from(&self) -> Timestamp {
        match self {
            Self::Late(late) => late.from,
            Self::Card { at, .. } => *at,
            Self::Asked { from, .. } => *from,
        }
    }
}

/// A wish that vehicles be judged again; what is `None` does not narrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejudgeOrder {
    /// First moment.
    pub from: Timestamp,
    /// First moment after it.
    pub to: Timestamp,
    /// Vehicles with this plate, of any colour.
    pub plate: Option<String>,
    /// Vehicles of this enterprise.
    pub enterprise_id: Option<String>,
    /// What the revisions say.
    pub reason: String,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejudgeOrdered {
    /// Vehicles put into the queue.
    pub vehicles: usize,
    /// Their last row.
    pub through: i64,
}

/// Corrections by what they did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CorrectionCounts {
    /// New violations.
    pub created: u64,
    /// Violations with another content.
    pub amended: u64,
    /// Violations taken back.
    pub withdrawn: u64,
}

/// Everything of one vehicle from one moment on, judged again.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejudged {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// Who answers for it.
    pub enterprise_id: String,
    /// From when on; a whole minute.
    pub from: Timestamp,
    /// Local day of `from`.
    pub first_day: i64,
    /// Minute of that day.
    pub first_minute: u16,
    /// Rows of the queue up to this one are done.
    pub through: i64,
    /// By which rules the vehicle was judged; stands for what was noted before.
    pub judged_by: JudgedBy,
    /// From the first fix that came late, or whose driver was told late, to the last; `None` where none did. Late
    /// data may change every verdict, but not because the rules did.
    pub late: Option<(Timestamp, Timestamp)>,
    /// Periods for which someone asked: verdicts that begin in them change with the rules.
    pub asked: Vec<(Timestamp, Timestamp)>,
    /// Why, for the revisions.
    pub reason: String,
    /// When the data came that made the difference.
    pub learned_at: Timestamp,
    /// What was known in memory before; written first, so that the comparison sees it.
    pub before: Vec<ViolationUpsert>,
    /// Every violation that begins at `from` or later, and those that began before and are known whole.
    pub found: Vec<ViolationUpsert>,
    /// Every minute of driving, by local day.
    pub driving: BTreeMap<i64, MinuteSet>,
    /// Every fault run that was found.
    pub faults: Vec<FaultRunRow>,
    /// States on the way.
    pub checkpoints: Vec<Checkpoint>,
}

const QUEUE: Bulk = Bulk {
    head: "INSERT INTO rejudge_queue
           (id, vehicle_id, cause, from_at, to_at, fixes, received_first, received_last, reason)
           VALUES ",
    row: "($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    width: 9,
    tail: "",
};

/// Notes in the transaction that stores late fixes that their vehicles must be judged again.
pub(super) async fn enqueue(
    connection: &mut AnyConnection,
    late: &[LateFixes],
) -> Result<(), StoreError> {
    if late.is_empty() {
        return Ok(());
    }
    let first = Counter::Rejudge.take(connection, late.len()).await?;
    let rows: Vec<_> = (first..).zip(late).collect();
    QUEUE
        .execute(connection, &rows, |values, (id, late)| {
            values
                .add(*id)
                .add(i64::from(late.vehicle.0))
                .add("late")
                .time(late.from)
                .time(late.to)
                .add(i64::from(late.fixes))
                .time(late.received_first)
                .time(late.received_last)
                .add(None::<String>);
        })
        .await
        .map(drop)
}

/// Notes in the transaction that stores a late card event that its vehicle must be judged again.
pub(super) async fn enqueue_card(
    connection: &mut AnyConnection,
    card: &DriverCard,
) -> Result<(), StoreError> {
    let id = Counter::Rejudge.take(connection, 1).await?;
    QUEUE
        .execute(connection, &[(id, card)], |values, (id, card)| {
            values
                .add(*id)
                .add(i64::from(card.vehicle.0))
                .add("card")
                .time(card.at)
                .time(card.at)
                .add(0_i64)
                .time(card.received)
                .time(card.received)
                .add(None::<String>);
        })
        .await
        .map(drop)
}

const CHECKPOINTS: Bulk = Bulk {
    head: "INSERT INTO vehicle_checkpoints (vehicle_id, at, brief, state) VALUES ",
    row: "($1, $2, $3, $4)",
    width: 4,
    tail: " ON CONFLICT (vehicle_id, at) DO UPDATE SET brief = excluded.brief,
            state = excluded.state",
};

/// Stores checkpoints; the oldest leave.
pub(super) async fn put_checkpoints(
    connection: &mut AnyConnection,
    checkpoints: &[Checkpoint],
) -> Result<(), StoreError> {
    let Some(earliest) = checkpoints.iter().map(|checkpoint| checkpoint.at).min() else {
        return Ok(());
    };
    CHECKPOINTS
        .execute(connection, checkpoints, |values, checkpoint| {
            values
                .add(i64::from(checkpoint.vehicle.0))
                .time(checkpoint.at)
                .add(i64::from(checkpoint.brief))
                .add(checkpoint.state.as_slice());
        })
        .await?;
    sqlx::query("DELETE FROM vehicle_checkpoints WHERE at < $1")
        .bind((earliest - CHECKPOINT_AGE_MAX).millis())
        .execute(connection)
        .await
        .map(drop)
        .map_err(map_error)
}

/// Writes what judging a vehicle again found, and takes its rows out of the queue.
pub(super) async fn put(
    connection: &mut AnyConnection,
    at: Timestamp,
    rejudged: &Rejudged,
) -> Result<(), StoreError> {
    put_driving(connection, rejudged).await?;
    let vehicle = i64::from(rejudged.vehicle.0);
    delete(
        &mut *connection,
        "DELETE FROM fault_runs WHERE vehicle_id = $1 AND from_at >= $2",
        vehicle,
        rejudged.from.millis(),
    )
    .await?;
    put_faults(connection, &rejudged.faults).await?;
    renew_checkpoints(connection, rejudged).await?;
    vehicle_rules::replace(connection, rejudged.vehicle, &rejudged.judged_by).await?;
    delete(&mut *connection, DONE, vehicle, rejudged.through).await?;
    verdicts::put(connection, at, &rejudged.before).await?;
    let corrections = corrections(connection, visible_from(at, rejudged), rejudged).await?;
    verdicts::correct(connection, at, &corrections).await
}

/// Takes rows out of the queue.
const DONE: &str = "DELETE FROM rejudge_queue WHERE vehicle_id = $1 AND id <= $2";

async fn delete<'c>(
    executor: impl sqlx::Executor<'c, Database = sqlx::Any>,
    sql: &'static str,
    vehicle: i64,
    bound: i64,
) -> Result<(), StoreError> {
    sqlx::query(sql)
        .bind(vehicle)
        .bind(bound)
        .execute(executor)
        .await
        .map(drop)
        .map_err(map_error)
}

async fn renew_checkpoints(
    connection: &mut AnyConnection,
    rejudged: &Rejudged,
) -> Result<(), StoreError> {
    let vehicle = i64::from(rejudged.vehicle.0);
    delete(
        &mut *connection,
        "DELETE FROM vehicle_checkpoints WHERE vehicle_id = $1 AND at > $2",
        vehicle,
        rejudged.from.millis(),
    )
    .await?;
    if let Some(last) = rejudged
        .checkpoints
        .iter()
        .map(|checkpoint| checkpoint.at)
        .max()
    {
        delete(
            &mut *connection,
            "DELETE FROM vehicle_checkpoints WHERE vehicle_id = $1 AND at < $2 AND brief = 1",
            vehicle,
            (last - BRIEF_AGE_MAX).millis(),
        )
        .await?;
    }
    put_checkpoints(connection, &rejudged.checkpoints).await
}

/// From when on anybody can see what is found now: what only other rules find, not before they were asked for.
fn visible_from(at: Timestamp, rejudged: &Rejudged) -> Timestamp {
    if rejudged.late.is_some() {
        rejudged.learned_at
    } else {
        at
    }
}

async fn corrections(
    connection: &mut AnyConnection,
    learned_at: Timestamp,
    rejudged: &Rejudged,
) -> Result<Vec<Corrected>, StoreError> {
    let begins = rejudged
        .found
        .iter()
        .map(|found| found.violation.started_at);
    let earliest = begins
        .min()
        .map_or(rejudged.from, |first| first.min(rejudged.from));
    let rows = Select::new(
        "SELECT id, natural_id, withdrawn, body, revision, enterprise_id FROM violations WHERE",
    )
    .with("vehicle_id = {}", i64::from(rejudged.vehicle.0))
    .with("AND started_at >= {}", earliest.millis())
    .with("ORDER BY started_at, id LIMIT {}", i64::MAX)
    .fetch(&mut *connection)
    .await?;
    let mut known = each(&rows, known)?;
    // What belongs to drivers is corrected where drivers are judged.
    known.retain(|known| !known.violation.kind.is_fatigue());
    let mut stored = BTreeMap::new();
    for row in &rows {
        stored.insert(row.text(0)?, (row.number(4, "revision")?, row.text(5)?));
    }
    let found: Vec<_> = rejudged
        .found
        .iter()
        .map(|upsert| (upsert.id.clone(), upsert.violation.clone()))
        .collect();
    let scope = Scope {
        from: rejudged.from,
        late: rejudged.late,
        asked: &rejudged.asked,
    };
    let corrections = revise(&known, &found, scope, learned_at);
    let mut by_id: BTreeMap<_, _> = known.into_iter().map(|k| (k.id.clone(), k)).collect();
    Ok(corrections
        .into_iter()
        .filter_map(|correction| {
            let (id, natural_id, violation, withdrawn) = match correction {
                Correction::Created {
                    natural_id,
                    violation,
                } => (None, natural_id, violation, false),
                Correction::Amended {
                    id,
                    natural_id,
                    violation,
                } => (Some(id), natural_id, violation, false),
                Correction::Withdrawn { id } => {
                    let known = by_id.remove(&id)?;
                    (Some(id), known.natural_id, known.violation, true)
                }
            };
            let target = id.and_then(|id| stored.remove(&id).map(|(rev, owner)| (id, rev, owner)));
            let enterprise_id = target
                .as_ref()
                .map_or(&rejudged.enterprise_id, |(_, _, owner)| owner)
                .clone();
            Some(Corrected {
                target: target.map(|(id, revision, _)| (id, revision)),
                natural_id,
                enterprise_id,
                withdrawn,
                reason: rejudged.reason.clone(),
                violation,
            })
        })
        .collect())
}

fn known(row: &AnyRow) -> Result<Known, StoreError> {
    Ok(Known {
        id: row.text(0)?,
        natural_id: row.text(1)?,
        withdrawn: row.flag(2)?,
        violation: violation_body::from_text(row.cell(3)?)?,
    })
}

const DRIVING: Bulk = Bulk {
    head: "INSERT INTO vehicle_days
           (vehicle_id, day, fixes, qualified, duplicates, first_at, last_at, online, driving) VALUES ",
    row: "($1, $2, 0, 0, 0, $3, $4, $5, $6)",
    width: 6,
    tail: " ON CONFLICT (vehicle_id, day) DO UPDATE SET driving = excluded.driving",
};

/// Sets the minutes in which the vehicle drove, and takes from its enterprise those in which no
/// vehicle did.
async fn put_driving(
    connection: &mut AnyConnection,
    rejudged: &Rejudged,
) -> Result<(), StoreError> {
    // Driving just before `from` is told by the first fix after it.
    let told = rejudged.driving.keys().next().copied();
    let first_day = told.map_or(rejudged.first_day, |day| day.min(rejudged.first_day));
    let rows = Select::new("SELECT day, driving FROM vehicle_days WHERE")
        .with("vehicle_id = {}", i64::from(rejudged.vehicle.0))
        .with("AND day >= {}", first_day)
        .fetch(&mut *connection)
        .await?;
    let mut before: BTreeMap<i64, MinuteSet> = BTreeMap::new();
    for row in &rows {
        let minutes: Option<&[u8]> = row.cell(1)?;
        let minutes = MinuteSet::from_bytes(minutes.unwrap_or_default());
        before.insert(row.int(0)?, minutes);
    }
    let mut earlier = MinuteSet::default();
    earlier.insert_range(0..rejudged.first_minute);
    let mut changed = Vec::new();
    let mut fewer = Vec::new();
    let mut more = Vec::new();
    let days = before.keys().chain(rejudged.driving.keys());
    for day in days.copied().collect::<std::collections::BTreeSet<_>>() {
        let old = before.get(&day).copied().unwrap_or_default();
        let mut new = rejudged.driving.get(&day).copied().unwrap_or_default();
        if day < rejudged.first_day {
            new.union_with(&old);
        } else if day == rejudged.first_day {
            new.union_with(&old.intersection(&earlier));
        }
        if new == old {
            continue;
        }
        changed.push((day, new));
        if !old.difference(&new).is_empty() {
            fewer.push(day);
        }
        more.push(OperatingDay {
            enterprise_id: rejudged.enterprise_id.clone(),
            day,
            minutes: new,
        });
    }
    DRIVING
        .execute(connection, &changed, |values, (day, minutes)| {
            values
                .add(i64::from(rejudged.vehicle.0))
                .add(*day)
                // The counts of the same flush set the times.
                .time(Timestamp::MAX)
                .time(Timestamp::MIN)
                .add(MinuteSet::default().to_bytes().as_slice())
                .add(minutes.to_bytes().as_slice());
        })
        .await?;
    for day in fewer {
        unite_operating(connection, &rejudged.enterprise_id, day).await?;
    }
    add_operating(connection, &more).await
}

/// Makes an enterprise's operating minutes of a day anew from those of its vehicles.
async fn unite_operating(
    connection: &mut AnyConnection,
    enterprise_id: &str,
    day: i64,
) -> Result<(), StoreError> {
    let rows = Select::new("SELECT driving FROM vehicle_days WHERE driving IS NOT NULL")
        .with("AND day = {}", day)
        .with(
            "AND vehicle_id IN (SELECT id FROM vehicles WHERE enterprise_id = {})",
            enterprise_id,
        )
        .fetch(&mut *connection)
        .await?;
    let mut minutes = MinuteSet::default();
    for row in &rows {
        minutes.union_with(&MinuteSet::from_bytes(row.bytes(0)?));
    }
    sqlx::query("UPDATE operating_minutes SET minutes = $1 WHERE enterprise_id = $2 AND day = $3")
        .bind(minutes.to_bytes().as_slice())
        .bind(enterprise_id)
        .bind(day)
        .execute(connection)
        .await
        .map(drop)
        .map_err(map_error)
}

impl Store {
    /// Vehicles that wait to be judged again, those that wait longest first.
    ///
    /// # Errors
    /// As the database says.
    pub async fn rejudge_queue(&self, limit: u32) -> Result<Vec<QueuedVehicle>, StoreError> {
        let rows = Select::new(
            "SELECT vehicle_id, MIN(id), MAX(id) FROM rejudge_queue GROUP BY vehicle_id",
        )
        .with("ORDER BY MIN(id) LIMIT {}", i64::from(limit))
        .fetch(self.read())
        .await?;
        each(&rows, |row| {
            Ok(QueuedVehicle {
                vehicle: VehicleId(row.number(0, "vehicle number")?),
                first: row.int(1)?,
                last: row.int(2)?,
            })
        })
    }

    /// Puts every vehicle that is meant into the queue.
    ///
    /// # Errors
    /// As the database says.
    pub async fn order_rejudging(
        &self,
        order: &RejudgeOrder,
    ) -> Result<RejudgeOrdered, StoreError> {
        let mut transaction = self.database().begin_write().await?;
        let rows = Select::new("SELECT id FROM vehicles WHERE 1 = 1")
            .with_some("AND plate = {}", order.plate.as_deref())
            .with_some("AND enterprise_id = {}", order.enterprise_id.as_deref())
            .plain("ORDER BY id")
            .fetch(&mut *transaction)
            .await?;
        let vehicles: Vec<i64> = each(&rows, |row| row.int(0))?;
        if vehicles.is_empty() {
            let (vehicles, through) = (0, 0);
            return Ok(RejudgeOrdered { vehicles, through });
        }
        let first = Counter::Rejudge
            .take(&mut transaction, vehicles.len())
            .await?;
        let rows: Vec<_> = (first..).zip(vehicles).collect();
        QUEUE
            .execute(&mut transaction, &rows, |values, (id, vehicle)| {
                values
                    .add(*id)
                    .add(*vehicle)
                    .add("rules")
                    .time(order.from)
                    .time(order.to)
                    .add(0_i64)
                    .add(0_i64)
                    .add(0_i64)
                    .add(Some(order.reason.clone()));
            })
            .await?;
        transaction.commit().await.map_err(map_error)?;
        Ok(RejudgeOrdered {
            vehicles: rows.len(),
            through: rows.last().map_or(0, |(id, _)| *id),
        })
    }

    /// Rows of the queue up to that one that are not done.
    ///
    /// # Errors
    /// As the database says.
    pub async fn rejudge_left(&self, through: i64) -> Result<i64, StoreError> {
        let rows = Select::new("SELECT COUNT(*) FROM rejudge_queue WHERE")
            .with("id <= {}", through)
            .fetch(self.read())
            .await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// How many corrections have exactly that reason.
    ///
    /// # Errors
    /// As the database says.
    pub async fn corrections_with(&self, reason: &str) -> Result<CorrectionCounts, StoreError> {
        let rows = Select::new("SELECT revision, withdrawn FROM violations WHERE")
            .with("revision_reason = {}", reason)
            .with(
                "UNION ALL SELECT revision, withdrawn FROM violation_revisions WHERE reason = {}",
                reason,
            )
            .fetch(self.read())
            .await?;
        let mut counts = CorrectionCounts::default();
        for row in &rows {
            match (row.int(0)?, row.flag(1)?) {
                (_, true) => counts.withdrawn += 1,
                (1, false) => counts.created += 1,
                (_, false) => counts.amended += 1,
            }
        }
        Ok(counts)
    }

    /// Why a vehicle waits, with the last row that is told.
    ///
    /// # Errors
    /// As the database says.
    pub async fn rejudge_causes(
        &self,
        vehicle: VehicleId,
    ) -> Result<(i64, Vec<RejudgeCause>), StoreError> {
        let rows = Select::new(
            "SELECT id, cause, from_at, to_at, fixes, received_first, received_last, reason
             FROM rejudge_queue WHERE",
        )
        .with("vehicle_id = {}", i64::from(vehicle.0))
        .with("ORDER BY id LIMIT {}", ORDERS_MAX)
        .fetch(self.read())
        .await?;
        let last = rows.last().map_or(Ok(0), |row| row.int(0))?;
        Ok((last, each(&rows, |row| cause(vehicle, row))?))
    }

    /// The newest checkpoint of a vehicle at or before a moment.
    ///
    /// # Errors
    /// As the database says.
    pub async fn checkpoint(
        &self,
        vehicle: VehicleId,
        at: Timestamp,
    ) -> Result<Option<Checkpoint>, StoreError> {
        let until = checkpoints(vehicle).with("AND at <= {}", at.millis());
        self.first_checkpoint(vehicle, until.plain("ORDER BY at DESC LIMIT 1"))
            .await
    }

    /// The earliest checkpoint of a vehicle at or after a moment.
    ///
    /// # Errors
    /// As the database says.
    pub async fn checkpoint_after(
        &self,
        vehicle: VehicleId,
        at: Timestamp,
    ) -> Result<Option<Checkpoint>, StoreError> {
        let from = checkpoints(vehicle).with("AND at >= {}", at.millis());
        self.first_checkpoint(vehicle, from.plain("ORDER BY at LIMIT 1"))
            .await
    }

    async fn first_checkpoint(
        &self,
        vehicle: VehicleId,
        select: Select,
    ) -> Result<Option<Checkpoint>, StoreError> {
        let rows = select.fetch(self.read()).await?;
        Ok(each(&rows, |row| checkpoint(vehicle, row))?.pop())
    }

    /// Takes rows of the queue out that can never be done.
    ///
    /// # Errors
    /// As the database says.
    pub async fn give_rejudging_up(
        &self,
        vehicle: VehicleId,
        through: i64,
    ) -> Result<(), StoreError> {
        delete(self.write(), DONE, i64::from(vehicle.0), through).await
    }

    /// When the first of the violations began that began before `at` and were not over then.
    ///
    /// # Errors
    /// As the database says.
    pub async fn violation_reaching(
        &self,
        vehicle: VehicleId,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let rows = Select::new("SELECT MIN(started_at) FROM violations WHERE")
            .with("vehicle_id = {}", i64::from(vehicle.0))
            .with("AND started_at >= {}", (at - REACH_MAX).millis())
            .with("AND started_at < {}", at.millis())
            .with("AND (ended_at IS NULL OR ended_at >= {})", at.millis())
            .plain("AND kind NOT LIKE 'fatigue%'")
            .fetch(self.read())
            .await?;
        rows.first().map_or(Ok(None), |row| row.time_opt(0))
    }
}

fn checkpoints(vehicle: VehicleId) -> Select {
    Select::new("SELECT at, brief, state FROM vehicle_checkpoints WHERE")
        .with("vehicle_id = {}", i64::from(vehicle.0))
}

fn checkpoint(vehicle: VehicleId, row: &AnyRow) -> Result<Checkpoint, StoreError> {
    Ok(Checkpoint {
        vehicle,
        at: row.time(0)?,
        brief: row.flag(1)?,
        state: row.bytes(2)?.to_vec(),
    })
}

fn cause(vehicle: VehicleId, row: &AnyRow) -> Result<RejudgeCause, StoreError> {
    let (from, to) = (row.time(2)?, row.time(3)?);
    match row.cell::<&str>(1)? {
        "late" => Ok(RejudgeCause::Late(LateFixes {
            vehicle,
            from,
            to,
            fixes: row.number(4, "count of fixes")?,
            received_first: row.time(5)?,
            received_last: row.time(6)?,
        })),
        "card" => Ok(RejudgeCause::Card {
            at: from,
            received: row.time(6)?,
        }),
        "rules" => Ok(RejudgeCause::Asked {
            from,
            to,
            reason: row.text(7)?,
        }),
        _ => Err(StoreError::damaged("cause of judging again")),
    }
}
