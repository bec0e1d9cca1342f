//! Writes violations: those that grow in order, and those that are corrected.
//!
//! A violation is found by its natural identifier, which follows from its newest value; its own
//! identifier never changes. A correction keeps what stood before in `violation_revisions`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use sqlx::AnyConnection;

use super::changes::{self, ChangeKind, NewChange};
use super::counters::Counter;
use super::evidence::EVIDENCE_AROUND;
use super::rows::Columns as _;
use super::statement::Bulk;
use super::{StoreError, ViolationUpsert, violation_body, violations};
use crate::model::violation::Grave;
use crate::model::{Span, Timestamp, Violation};

/// Why a withdrawn violation is in force again without being judged again.
const HOLDS_AGAIN: &str = "it holds again";

/// After the end of a violation, and after a revision, its evidence waits for the fixes behind it.
const EVIDENCE_WAIT: Span = EVIDENCE_AROUND;

/// What is stored of a violation that is written again.
struct Stored {
    id: String,
    revision: u32,
    withdrawn: bool,
    first_seen_at: Timestamp,
    grave: Option<Grave>,
}

/// A row to write.
struct Row<'a> {
    id: String,
    natural_id: &'a str,
    enterprise_id: &'a str,
    revision: u32,
    revised_at: Timestamp,
    reason: Option<&'a str>,
    withdrawn: bool,
    violation: Cow<'a, Violation>,
    body: String,
    evidence_due: Option<Timestamp>,
}

const COLUMNS: &str = "INSERT INTO violations
           (id, vehicle_id, enterprise_id, region, driver_id, kind, severity, started_at,
            ended_at, first_seen_at, last_fix_at, confirmed_at, withdrawn, revision, revised_at,
            revision_reason, body, fingerprint, natural_id, evidence_due, grave_at, grave_seen_at,
            false_alarm_approved)
           VALUES ";

const ROW: &str = "($1, $2, $3, COALESCE((SELECT region FROM enterprises WHERE id = $3), ''),
            $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, 0)";

// The region is who the enterprise was when the violation was found: an update leaves it.
const GROWN: Bulk = Bulk {
    head: COLUMNS,
    row: ROW,
    width: 21,
    tail: " ON CONFLICT (id) DO UPDATE SET driver_id = excluded.driver_id,
            severity = excluded.severity, ended_at = excluded.ended_at,
            last_fix_at = excluded.last_fix_at, confirmed_at = excluded.confirmed_at,
            body = excluded.body, fingerprint = excluded.fingerprint,
            evidence_due = excluded.evidence_due, grave_at = excluded.grave_at,
            grave_seen_at = excluded.grave_seen_at
            WHERE violations.fingerprint <> excluded.fingerprint
            RETURNING id",
};

const CORRECTED: Bulk = Bulk {
    head: COLUMNS,
    row: ROW,
    width: 21,
    tail: " ON CONFLICT (id) DO UPDATE SET driver_id = excluded.driver_id,
            severity = excluded.severity, started_at = excluded.started_at,
            ended_at = excluded.ended_at, first_seen_at = excluded.first_seen_at,
            last_fix_at = excluded.last_fix_at, confirmed_at = excluded.confirmed_at,
            withdrawn = excluded.withdrawn, revision = excluded.revision,
            revised_at = excluded.revised_at, revision_reason = excluded.revision_reason,
            body = excluded.body, fingerprint = excluded.fingerprint,
            natural_id = excluded.natural_id, evidence_due = excluded.evidence_due,
            grave_at = excluded.grave_at, grave_seen_at = excluded.grave_seen_at
            RETURNING id",
};

const BY_NATURAL_ID: Bulk = Bulk {
    head: "SELECT natural_id, id, revision, withdrawn, first_seen_at, grave_at, grave_seen_at
           FROM violations WHERE natural_id IN (",
    row: "$1",
    width: 1,
    tail: ")",
};

const TAKEN: Bulk = Bulk {
    head: "SELECT id FROM violations WHERE natural_id <> id AND id IN (",
    row: "$1",
    width: 1,
    tail: ")",
};

const SUPERSEDE: Bulk = Bulk {
    head: "INSERT INTO violation_revisions
           (violation_id, revision, withdrawn, revised_at, reason, body)
           SELECT id, revision, withdrawn, revised_at, revision_reason, body
           FROM violations WHERE id IN (",
    row: "$1",
    width: 1,
    tail: ")",
};

/// Evidence that was copied before its revision grew on, and would be overtaken for ever.
const OVERTAKEN: Bulk = Bulk {
    head: "DELETE FROM violation_evidence WHERE (violation_id, revision) IN
           (SELECT id, revision FROM violations WHERE evidence_due IS NOT NULL AND id IN (",
    row: "$1",
    width: 1,
    tail: "))",
};

/// A correction to write.
#[derive(Clone, Debug)]
pub(super) struct Corrected {
    /// The stored violation with its revision; `None` for a new one.
    pub(super) target: Option<(String, u32)>,
    /// Natural identifier of the new value.
    pub(super) natural_id: String,
    /// Who answers for the vehicle; only a new violation takes it.
    pub(super) enterprise_id: String,
    /// It is taken back.
    pub(super) withdrawn: bool,
    /// Why.
    pub(super) reason: String,
    /// The new value; of one that is taken back, the old one.
    pub(super) violation: Violation,
}

/// Writes violations that were found or have grown, and those of them that are corrections.
pub(super) async fn put(
    connection: &mut AnyConnection,
    at: Timestamp,
    upserts: &[ViolationUpsert],
) -> Result<(), StoreError> {
    if upserts.is_empty() {
        return Ok(());
    }
    let replaced = upserts
        .iter()
        .filter_map(|upsert| upsert.correction.as_ref()?.replaces.as_deref());
    let mut names: Vec<&str> = upserts.iter().map(|upsert| upsert.id.as_str()).collect();
    let looked_up: Vec<&str> = names.iter().copied().chain(replaced).collect();
    let stored = stored(connection, &looked_up).await?;
    names.retain(|name| !stored.contains_key(*name));
    let renamed = renamed(connection, &names).await?;
    let mut rows = Vec::with_capacity(upserts.len());
    let mut corrections = Vec::new();
    for upsert in upserts {
        let replaced = upsert
            .correction
            .as_ref()
            .and_then(|note| note.replaces.as_ref());
        let known = replaced
            .and_then(|replaced| stored.get(replaced))
            .or_else(|| stored.get(&upsert.id));
        let again = known.is_some_and(|known| known.withdrawn);
        if upsert.correction.is_some() || again {
            let (withdrawn, reason) = upsert.correction.as_ref().map_or_else(
                || (false, HOLDS_AGAIN.to_owned()),
                |correction| (correction.withdrawn, correction.reason.clone()),
            );
            if withdrawn && replaced.is_some() && known.is_none() {
                // What was never told need not be taken back.
                continue;
            }
            let mut violation = upsert.violation.clone();
            if let Some(known) = known.filter(|_| replaced.is_some()) {
                violation.first_seen_at = known.first_seen_at;
            }
            corrections.push(Corrected {
                target: known.map(|known| (known.id.clone(), known.revision)),
                natural_id: upsert.id.clone(),
                enterprise_id: upsert.enterprise_id.clone(),
                withdrawn,
                reason,
                violation,
            });
        } else {
            rows.push(grown(at, upsert, known, &renamed)?);
        }
    }
    write(connection, at, &GROWN, &rows).await?;
    correct(connection, at, &corrections).await
}

fn grown<'a>(
    at: Timestamp,
    upsert: &'a ViolationUpsert,
    known: Option<&Stored>,
    renamed: &BTreeMap<String, String>,
) -> Result<Row<'a>, StoreError> {
    let mut violation = Cow::Borrowed(&upsert.violation);
    if let Some(known) = known
        && known.first_seen_at != violation.first_seen_at
    {
        // Judged again, it was seen later than its fixes say.
        violation.to_mut().first_seen_at = known.first_seen_at;
    }
    if let Some(grave) = known.and_then(|known| known.grave)
        && violation.grave != Some(grave)
    {
        // Whatever late data say, that it is grave was seen then.
        violation.to_mut().grave = Some(grave);
    }
    Ok(Row {
        id: known.map_or_else(|| own_id(&upsert.id, renamed), |known| known.id.clone()),
        natural_id: &upsert.id,
        enterprise_id: &upsert.enterprise_id,
        revision: 1,
        revised_at: violation.first_seen_at,
        reason: None,
        withdrawn: false,
        body: violation_body::to_text(&violation)?,
        evidence_due: violation.ended_at.map(|_| at + EVIDENCE_WAIT),
        violation,
    })
}

/// Writes corrections; what stood before them is kept.
pub(super) async fn correct(
    connection: &mut AnyConnection,
    at: Timestamp,
    corrections: &[Corrected],
) -> Result<(), StoreError> {
    if corrections.is_empty() {
        return Ok(());
    }
    let superseded: Vec<&str> = corrections
        .iter()
        .filter_map(|corrected| Some(corrected.target.as_ref()?.0.as_str()))
        .collect();
    for statement in [OVERTAKEN, SUPERSEDE] {
        statement
            .execute(connection, &superseded, |values, id| {
                values.add(*id);
            })
            .await?;
    }
    let new: Vec<&str> = corrections
        .iter()
        .filter(|corrected| corrected.target.is_none())
        .map(|corrected| corrected.natural_id.as_str())
        .collect();
    let renamed = renamed(connection, &new).await?;
    let mut rows = Vec::with_capacity(corrections.len());
    for corrected in corrections {
        let (id, revision) = match &corrected.target {
            Some((id, revision)) => (id.clone(), revision + 1),
            None => (own_id(&corrected.natural_id, &renamed), 1),
        };
        let ended = corrected.withdrawn || corrected.violation.ended_at.is_some();
        rows.push(Row {
            id,
            natural_id: &corrected.natural_id,
            enterprise_id: &corrected.enterprise_id,
            revision,
            revised_at: at,
            reason: Some(&corrected.reason),
            withdrawn: corrected.withdrawn,
            body: violation_body::to_text(&corrected.violation)?,
            evidence_due: ended.then(|| at + EVIDENCE_WAIT),
            violation: Cow::Borrowed(&corrected.violation),
        });
    }
    write(connection, at, &CORRECTED, &rows).await
}

/// Writes rows, and to the change log what they changed.
async fn write(
    connection: &mut AnyConnection,
    at: Timestamp,
    statement: &Bulk,
    rows: &[Row<'_>],
) -> Result<(), StoreError> {
    let changed = statement
        .fetch(connection, rows, |values, row| {
            let violation = &row.violation;
            values
                .add(row.id.as_str())
                .add(i64::from(violation.vehicle.0))
                .add(row.enterprise_id)
                .add(violation.driver.map(|driver| i64::from(driver.0)))
                .add(violation.kind.name())
                .add(violation.severity.name())
                .time(violation.started_at)
                .time_opt(violation.ended_at)
                .time(violation.first_seen_at)
                .time(violation.evidence.last_fix)
                .time(violation.confirmed_at)
                .add(i64::from(row.withdrawn))
                .add(i64::from(row.revision))
                .time(row.revised_at)
                .add(row.reason.map(str::to_owned))
                .add(row.body.as_str())
                .add(fingerprint(row.withdrawn, &row.body))
                .add(row.natural_id)
                .time_opt(row.evidence_due)
                .time_opt(violation.grave.map(|grave| grave.at))
                .time_opt(violation.grave.map(|grave| grave.seen_at));
        })
        .await?;
    let ids: Vec<String> = changed
        .iter()
        .map(|row| row.text(0))
        .collect::<Result<_, _>>()?;
    let mut log = Vec::with_capacity(ids.len());
    for stored in violations::by_ids(connection, &ids).await? {
        log.push(NewChange {
            at,
            kind: ChangeKind::Violation,
            body: violation_body::to_change(&stored)?,
            key: stored.id,
        });
    }
    changes::append(connection, &log).await
}

/// What is stored under these natural identifiers; one in force wins over a withdrawn one.
async fn stored(
    connection: &mut AnyConnection,
    names: &[&str],
) -> Result<BTreeMap<String, Stored>, StoreError> {
    let rows = BY_NATURAL_ID
        .fetch(connection, names, |values, name| {
            values.add(*name);
        })
        .await?;
    let mut found: BTreeMap<String, Stored> = BTreeMap::new();
    for row in &rows {
        let stored = Stored {
            id: row.text(1)?,
            revision: row.number(2, "revision")?,
            withdrawn: row.flag(3)?,
            first_seen_at: row.time(4)?,
            grave: row.grave(5)?,
        };
        let name = row.text(0)?;
        if found.get(&name).is_none_or(|other| other.withdrawn) {
            found.insert(name, stored);
        }
    }
    Ok(found)
}

/// Other identifiers for new violations whose natural one another violation has that means something
/// else now; numbered, because that may happen to a name more than once.
async fn renamed(
    connection: &mut AnyConnection,
    names: &[&str],
) -> Result<BTreeMap<String, String>, StoreError> {
    let taken = TAKEN
        .fetch(connection, names, |values, name| {
            values.add(*name);
        })
        .await?;
    if taken.is_empty() {
        return Ok(BTreeMap::new());
    }
    let first = Counter::Violations.take(connection, taken.len()).await?;
    (first..)
        .zip(&taken)
        .map(|(number, row)| {
            let name = row.text(0)?;
            let other = format!("{name}-{number:x}");
            Ok((name, other))
        })
        .collect()
}

/// The identifier of a new violation.
fn own_id(natural_id: &str, renamed: &BTreeMap<String, String>) -> String {
    let other = renamed.get(natural_id).map(String::as_str);
    other.unwrap_or(natural_id).to_owned()
}

/// A hash over what an update in order can change.
fn fingerprint(withdrawn: bool, body: &str) -> i64 {
    let mut hash = Sha256::new();
    hash.update([u8::from(withdrawn)]);
    hash.update(body);
    let digest = hash.finalize();
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(digest) {
        *to = from;
    }
    i64::from_le_bytes(first)
}
