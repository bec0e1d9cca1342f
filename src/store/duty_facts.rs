//! The facts from which the duty of enterprises is judged, by a fixed number of queries.

use std::collections::BTreeMap;

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::inquiries::inquiry;
use super::registry::monitor;
use super::rows::Columns as _;
use super::shifts::shift;
use super::statement::Select;
use super::violations::like_prefix;
use super::{Store, StoreError};
use crate::model::duty::{
    Contradiction, DutyFacts, FaultRun, Inquiry, MinuteSet, Period, Shift, ViolationFact,
};
use crate::model::{LocalZone, Plate, Region, Timestamp};

/// Most silent vehicles named for one enterprise; the counts are whole.
pub const SILENT_VEHICLES_MAX: usize = 100;

/// Which enterprises are wanted; what is `None` does not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DutyScope {
    /// In this region.
    pub region: Option<Region>,
    /// This one.
    pub enterprise_id: Option<String>,
}

impl DutyScope {
    /// A query over rows of `e`, the enterprises, narrowed to the scope.
    fn select(&self, text: &str) -> Select {
        Select::new(text)
            .plain("WHERE 1 = 1")
            .with_some(
                "AND e.region LIKE {}",
                self.region.as_ref().map(like_prefix),
            )
            .with_some("AND e.id = {}", self.enterprise_id.as_deref())
    }
}

/// The period in the forms that the queries need.
struct Bounds {
    from: i64,
    to: i64,
    /// Local days that touch the period.
    first_day: i64,
    last_day: i64,
}

/// Facts by enterprise, while they are gathered.
type Gathered = BTreeMap<String, DutyFacts>;

impl Store {
    /// The facts of every enterprise in the scope for one period, by identifier.
    ///
    /// Online is a vehicle with a fix time in the period; where a day of a vehicle spans the whole
    /// period, its online minutes decide. The last fix is told by days.
    ///
    /// # Errors
    /// As the database says.
    pub async fn duty_facts(
        &self,
        period: Period,
        scope: &DutyScope,
        zone: &LocalZone,
    ) -> Result<Vec<DutyFacts>, StoreError> {
        let bounds = Bounds {
            from: period.from.millis(),
            to: period.to.millis(),
            first_day: zone.day(period.from),
            last_day: zone.day(Timestamp::from_millis(period.to.millis().saturating_sub(1))),
        };
        let mut transaction = self.database().begin_read().await?;
        let connection = &mut *transaction;
        let mut facts = enterprises(connection, scope, &bounds).await?;
        silent(connection, scope, &bounds, zone, &mut facts).await?;
        monitors(connection, scope, &mut facts).await?;
        shifts(connection, scope, &bounds, &mut facts).await?;
        operating(connection, scope, &bounds, &mut facts).await?;
        violations(connection, scope, &bounds, &mut facts).await?;
        inquiries(connection, scope, &bounds, &mut facts).await?;
        faults(connection, scope, &bounds, &mut facts).await?;
        contradictions(connection, scope, &bounds, &mut facts).await?;
        Ok(facts.into_values().collect())
    }
}

/// Adds each row to its enterprise, named in the first column.
fn gather(
    rows: &[AnyRow],
    facts: &mut Gathered,
    add: impl Fn(&AnyRow, &mut DutyFacts) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    // Rows of one enterprise mostly follow each other; a look-up for each is fast enough.
    for row in rows {
        if let Some(facts) = facts.get_mut(row.cell::<&str>(0)?) {
            add(row, facts)?;
        }
    }
    Ok(())
}

/// Whether vehicle `v` has a day row that proves a fix in the period.
const HEARD: &str = "EXISTS (SELECT 1 FROM vehicle_days d WHERE d.vehicle_id = v.id
    AND d.day BETWEEN {first_day} AND {last_day} AND d.first_at < {to} AND d.last_at >= {from}
    AND (d.first_at >= {from} OR d.last_at < {to}))";

/// Puts the numbers of the period into a text; they are ours, not a user's.
fn with_bounds(text: &str, bounds: &Bounds) -> String {
    text.replace("{heard}", HEARD)
        .replace("{first_day}", &bounds.first_day.to_string())
        .replace("{last_day}", &bounds.last_day.to_string())
        .replace("{from}", &bounds.from.to_string())
        .replace("{to}", &bounds.to.to_string())
}

const ENTERPRISES: &str = "SELECT e.id, e.name, e.region, COUNT(v.id),
        COUNT(CASE WHEN l.first_qualified_at < {to} THEN 1 END),
        COUNT(CASE WHEN l.first_qualified_at < {to} AND {heard} THEN 1 END),
        MAX(CASE WHEN l.fix_at < {to} THEN l.fix_at
            ELSE (SELECT MAX(d.last_at) FROM vehicle_days d
                  WHERE d.vehicle_id = l.vehicle_id AND d.last_at < {to}) END)
    FROM enterprises e
    LEFT JOIN vehicles v ON v.enterprise_id = e.id
    LEFT JOIN vehicle_live l ON l.vehicle_id = v.id";

async fn enterprises(
    connection: &mut AnyConnection,
    scope: &DutyScope,
    bounds: &Bounds,
) -> Result<Gathered, StoreError> {
    let rows = scope
        .select(&with_bounds(ENTERPRISES, bounds))
        .plain("GROUP BY e.id, e.name, e.region")
        .fetch(connection)
        .await?;
    rows.iter()
        .map(|row| {
            let id = row.text(0)?;
            let facts = DutyFacts {
                enterprise_id: id.clone(),
                name: row.text(1)?,
                region: row.name(2, "region")?,
                vehicles: row.number(3, "count of vehicles")?,
                vehicles_in_network: row.number(4, "count of vehicles")?,
                vehicles_online: row.number(5, "count of vehicles")?,
                vehicles_silent: Vec::new(),
                last_fix: row.time_opt(6)?,
                monitors: Vec::new(),
                shifts: Vec::new(),
                operating: Vec::new(),
                violations: Vec::new(),
                inquiries: Vec::new(),
                faults: Vec::new(),
                contradictions: Vec::new(),
            };
            Ok((id, facts))
        })
        .collect()
}

// The day that spans the whole period is joined: its minutes say whether the vehicle was heard.
const SILENT: &str = "SELECT e.id, v.plate, v.plate_color, s.online
    FROM enterprises e
    JOIN vehicles v ON v.enterprise_id = e.id
    JOIN vehicle_live l ON l.vehicle_id = v.id AND l.first_qualified_at < {to}
    LEFT JOIN vehicle_days s ON s.vehicle_id = v.id AND s.day = {first_day}
        AND {first_day} = {last_day} AND s.first_at < {from} AND s.last_at >= {to}";

async fn silent(
    connection: &mut AnyConnection,
    scope: &DutyScope,
    bounds: &Bounds,
    zone: &LocalZone,
    facts: &mut Gathered,
) -> Result<(), StoreError> {
    let rows = scope
        .select(&with_bounds(SILENT, bounds))
        .plain(&with_bounds("AND NOT {heard} ORDER BY e.id, v.id", bounds))
        .fetch(connection)
        .await?;
    let minute = |time: i64| zone.millis_of_day(Timestamp::from_millis(time)) / 60_000;
    let minutes = minute(bounds.from)..=minute(bounds.to.saturating_sub(1));
    gather(&rows, facts, |row, facts| {
        let online = row.cell::<Option<&[u8]>>(3)?.map(MinuteSet::from_bytes);
        let heard = online.is_some_and(|online| {
            let mut minutes = minutes.clone();
            minutes.any(|minute| u16::try_from(minute).is_ok_and(|minute| online.contains(minute)))
        });
        if heard {
            facts.vehicles_online += 1;
        } else if facts.vehicles_silent.len() < SILENT_VEHICLES_MAX {
            facts.vehicles_silent.push(row.plate(1)?);
        }
        Ok(())
    })
}

async fn monitors(
    connection: &mut AnyConnection,
    scope: &DutyScope,
    facts: &mut Gathered,
) -> Result<(), StoreError> {
    let rows = scope
        .select(
            "SELECT e.id, m.id, m.name, m.enterprise_id, m.trained_until
             FROM enterprises e JOIN monitors m ON m.enterprise_id = e.id",
        )
        .plain("ORDER BY m.id")
        .fetch(connection)
        .await?;
    gather(&rows, facts, |row, facts| {
        facts.monitors.push(monitor(row, 1)?);
        Ok(())
    })
}

async fn shifts(
    connection: &mut AnyConnection,
    scope: &DutyScope,
    bounds: &Bounds,
    facts: &mut Gathered,
) -> Result<(), StoreError> {
    let rows = scope
        .select(
            "SELECT s.id, s.enterprise_id, s.monitor_id, s.started_at, s.ended_at, s.note
             FROM shifts s JOIN enterprises e ON e.id = s.enterprise_id",
        )
        // By the end, through its index; the plus keeps planners from the one by beginning.
        .with("AND +s.started_at < {}", bounds.to)
        .with(
            "AND COALESCE(s.ended_at, 9223372036854775807) >= {}",
            bounds.from,
        )
        .plain("ORDER BY +s.started_at, s.id")
        .fetch(connection)
        .await?;
    for row in &rows {
        let shift: Shift = shift(row)?;
        if let Some(facts) = facts.get_mut(&shift.enterprise_id) {
            facts.shifts.push(shift);
        }
    }
    Ok(())
}

async fn operating(
    connection: &mut AnyConnection,
    scope: &DutyScope,
    bounds: &Bounds,
    facts: &mut Gathered,
) -> Result<(), StoreError> {
    let rows = scope
        .select(
            "SELECT e.id, o.day, o.minutes
             FROM operating_minutes o JOIN enterprises e ON e.id = o.enterprise_id",
        )
        .with("AND o.day >= {}", bounds.first_day)
        .with("AND o.day <= {} ORDER BY o.day", bounds.last_day)
        .fetch(connection)
        .await?;
    gather(&rows, facts, |row, facts| {
        let minutes = MinuteSet::from_bytes(row.bytes(2)?);
        facts.operating.push((row.int(1)?, minutes));
        Ok(())
    })
}

const VIOLATIONS: &str = "SELECT e.id, x.id, v.plate, v.plate_color, x.kind, x.severity,
        x.started_at, x.confirmed_at, x.ended_at, x.first_seen_at, x.last_fix_at, x.reminded_at,
        x.handled_at, x.false_alarm_approved, x.withdrawn, x.grave_at,
        x.grave_seen_at
    FROM violations x
    JOIN enterprises e ON e.id = x.enterprise_id
    JOIN vehicles v ON v.id = x.vehicle_id";

async fn violations(
    connection: &mut AnyConnection,
    scope: &DutyScope,
    bounds: &Bounds,
    facts: &mut Gathered,
) -> Result<(), StoreError> {
    let mut rows = scope
        .select(VIOLATIONS)
        .with("AND x.started_at >= {}", bounds.from)
        .with("AND x.started_at < {}", bounds.to)
        .plain("ORDER BY x.started_at, x.id")
        .fetch(&mut *connection)
        .await?;
    let reaching_in = scope
        .select(VIOLATIONS)
        // The plus keeps planners from the index by beginning, which would walk all history.
        .plain("AND x.kind = 'offline_movement'")
        .with("AND +x.started_at < {}", bounds.from)
        .with("AND x.last_fix_at > {}", bounds.from)
        .plain("ORDER BY x.last_fix_at, x.id")
        .fetch(connection)
        .await?;
    rows.extend(reaching_in);
    gather(&rows, facts, |row, facts| {
        facts.violations.push(violation_fact(row)?);
        Ok(())
    })
}

fn violation_fact(row: &AnyRow) -> Result<ViolationFact, StoreError> {
    Ok(ViolationFact {
        id: row.text(1)?,
        plate: row.plate(2)?,
        kind: row.name(4, "kind of violation")?,
        severity: row.name(5, "severity")?,
        started_at: row.time(6)?,
        confirmed_at: row.time(7)?,
        ended_at: row.time_opt(8)?,
        first_seen_at: row.time(9)?,
        last_fix: row.time(10)?,
        reminded_at: row.time_opt(11)?,
        handled_at: row.time_opt(12)?,
        false_alarm_approved: row.flag(13)?,
        withdrawn: row.flag(14)?,
        grave: row.grave(15)?,
    })
}

async fn inquiries(
    connection: &mut AnyConnection,
    scope: &DutyScope,
    bounds: &Bounds,
    facts: &mut Gathered,
) -> Result<(), StoreError> {
    let rows = scope
        .select(
            "SELECT i.id, i.enterprise_id, i.question, i.sent_at, i.answer_within_ms,
                i.answered_at, i.answer, i.responder, i.phone
             FROM inquiries i JOIN enterprises e ON e.id = i.enterprise_id",
        )
        .with("AND i.sent_at >= {}", bounds.from)
        .with("AND i.sent_at < {} ORDER BY i.sent_at, i.id", bounds.to)
        .fetch(connection)
        .await?;
    for row in &rows {
        let inquiry: Inquiry = inquiry(row)?;
        if let Some(facts) = facts.get_mut(&inquiry.enterprise_id) {
            facts.inquiries.push(inquiry);
        }
    }
    Ok(())
}

async fn faults(
    connection: &mut AnyConnection,
    scope: &DutyScope,
    bounds: &Bounds,
    facts: &mut Gathered,
) -> Result<(), StoreError> {
    let rows = scope
        .select(
            "SELECT e.id, v.plate, v.plate_color, f.from_at, f.to_at, f.alarm
             FROM fault_runs f
             JOIN vehicles v ON v.id = f.vehicle_id
             JOIN enterprises e ON e.id = v.enterprise_id",
        )
        .with("AND f.to_at >= {}", bounds.from)
        .with("AND f.from_at < {} ORDER BY f.from_at, v.id", bounds.to)
        .fetch(connection)
        .await?;
    gather(&rows, facts, |row, facts| {
        facts.faults.push(FaultRun {
            plate: row.plate(1)?,
            from: row.time(3)?,
            to: row.time(4)?,
            alarm: row.number(5, "alarm bits")?,
        });
        Ok(())
    })
}

async fn contradictions(
    connection: &mut AnyConnection,
    scope: &DutyScope,
    bounds: &Bounds,
    facts: &mut Gathered,
) -> Result<(), StoreError> {
    let rows = scope
        .select(
            "SELECT e.id, v.plate, v.plate_color, c.at, c.note
             FROM contradictions c
             JOIN vehicles v ON v.id = c.vehicle_id
             JOIN enterprises e ON e.id = v.enterprise_id",
        )
        .with("AND c.at >= {}", bounds.from)
        .with("AND c.at < {} ORDER BY c.at, v.id, c.note", bounds.to)
        .fetch(connection)
        .await?;
    gather(&rows, facts, |row, facts| {
        let plate: Plate = row.plate(1)?;
        facts.contradictions.push(Contradiction {
            plate,
            time: row.time(3)?,
            note: row.text(4)?,
        });
        Ok(())
    })
}
