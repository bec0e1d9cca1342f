//! Violations: written by flushes, listed with the contract's filters.

use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection};

use super::claims::AppealStatus;
use super::handling::HandlingResult;
use super::registry::each;
use super::rows::Columns as _;
use super::statement::{Bulk, Select};
use super::{Listed, Page, Store, StoreError, violation_body};
use crate::model::vehicle::named_enum;
use crate::model::{Plate, Region, Severity, Timestamp, Violation, ViolationKind};

/// A violation with what the store knows around it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredViolation {
    /// Identifier.
    pub id: String,
    /// Revision, from 1.
    pub revision: u32,
    /// A revision took it back.
    pub withdrawn: bool,
    /// Who answered for the vehicle when it was found.
    pub enterprise_id: String,
    /// Region of that enterprise then; empty when it was not known.
    pub region: String,
    /// The vehicle.
    pub plate: Plate,
    /// Licence of the driver, where known.
    pub driver_licence: Option<String>,
    /// When it was last revised.
    pub revised_at: Timestamp,
    /// Why, where there was a revision.
    pub revision_reason: Option<String>,
    /// First reminder sent.
    pub reminded_at: Option<Timestamp>,
    /// First completed handling.
    pub handled_at: Option<Timestamp>,
    /// Result of the last handling.
    pub handling_result: Option<HandlingResult>,
    /// A second person approved that it was a false alarm, by a claim or an appeal.
    pub false_alarm_approved: bool,
    /// When it was appealed against last.
    pub appealed_at: Option<Timestamp>,
    /// Where that appeal stands.
    pub appeal_status: Option<AppealStatus>,
    /// The violation itself.
    pub violation: Violation,
}

impl StoredViolation {
    /// Where it stands.
    pub const fn status(&self) -> ViolationStatus {
        if self.withdrawn {
            ViolationStatus::Withdrawn
        } else if self.violation.ended_at.is_none() {
            ViolationStatus::Open
        } else {
            ViolationStatus::Closed
        }
    }
}

named_enum! {
    /// Where a violation stands.
    ViolationStatus {
        /// The condition still holds.
        Open = "open",
        /// It has ended.
        Closed = "closed",
        /// A revision took it back.
        Withdrawn = "withdrawn",
    }
}

/// Which violations are wanted; what is `None` or empty does not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViolationFilter {
    /// Started at or after.
    pub from: Option<Timestamp>,
    /// Started before.
    pub to: Option<Timestamp>,
    /// Enterprise registered in this region.
    pub region: Option<Region>,
    /// Of this enterprise.
    pub enterprise_id: Option<String>,
    /// Of vehicles with this plate text, any colour.
    pub plate: Option<String>,
    /// Of this kind.
    pub kind: Option<ViolationKind>,
    /// As grave as this.
    pub severity: Option<Severity>,
    /// That stand so.
    pub status: Option<ViolationStatus>,
    /// With or without a completed handling.
    pub handled: Option<bool>,
    /// Whose last appeal stands so.
    pub appeal: Option<AppealStatus>,
}

/// Place of a violation in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViolationCursor {
    /// Its beginning.
    pub started_at: Timestamp,
    /// Its identifier.
    pub id: String,
}

/// Columns of [`stored`].
const STORED: &str = "SELECT x.id, x.revision, x.withdrawn, x.enterprise_id, x.region, v.plate,
        v.plate_color, d.licence, x.revised_at, x.revision_reason, x.reminded_at, x.handled_at,
        x.handling_result, x.false_alarm_approved, x.appealed_at, x.appeal_status, x.body
    FROM violations x
    JOIN vehicles v ON v.id = x.vehicle_id
    LEFT JOIN drivers d ON d.id = x.driver_id
    WHERE";

const BY_ID: Bulk = Bulk {
    head: "SELECT x.id, x.revision, x.withdrawn, x.enterprise_id, x.region, v.plate,
        v.plate_color, d.licence, x.revised_at, x.revision_reason, x.reminded_at, x.handled_at,
        x.handling_result, x.false_alarm_approved, x.appealed_at, x.appeal_status, x.body
    FROM violations x
    JOIN vehicles v ON v.id = x.vehicle_id
    LEFT JOIN drivers d ON d.id = x.driver_id
    WHERE x.id IN (",
    row: "$1",
    width: 1,
    tail: ")",
};

impl Store {
    /// Violations, newest beginning first.
    ///
    /// # Errors
    /// As the database says.
    pub async fn list_violations(
        &self,
        filter: &ViolationFilter,
        page: &Page<ViolationCursor>,
    ) -> Result<Listed<StoredViolation, ViolationCursor>, StoreError> {
        let region = filter.region.as_ref().map(like_prefix);
        let mut select = Select::new(STORED)
            .with(
                "x.started_at >= {}",
                filter.from.unwrap_or(Timestamp::MIN).millis(),
            )
            .with_some("AND x.started_at < {}", filter.to.map(Timestamp::millis))
            .with_some("AND x.region LIKE {}", region)
            .with_some("AND x.enterprise_id = {}", filter.enterprise_id.as_deref())
            .with_some(
                "AND x.vehicle_id IN (SELECT id FROM vehicles WHERE plate = {})",
                filter.plate.as_deref(),
            )
            .with_some("AND x.kind = {}", filter.kind.map(ViolationKind::name))
            .with_some("AND x.severity = {}", filter.severity.map(Severity::name))
            .with_some(
                "AND x.appeal_status = {}",
                filter.appeal.map(AppealStatus::name),
            );
        if let Some(status) = filter.status {
            select = select.plain(match status {
                ViolationStatus::Open => "AND x.withdrawn = 0 AND x.ended_at IS NULL",
                ViolationStatus::Closed => "AND x.withdrawn = 0 AND x.ended_at IS NOT NULL",
                ViolationStatus::Withdrawn => "AND x.withdrawn = 1",
            });
        }
        if let Some(handled) = filter.handled {
            select = select.plain(if handled {
                "AND x.handled_at IS NOT NULL"
            } else {
                "AND x.handled_at IS NULL"
            });
        }
        if let Some(after) = &page.after {
            select = select
                .with("AND (x.started_at, x.id) < ({},", after.started_at.millis())
                .with("{})", after.id.as_str());
        }
        let rows = select
            .with(
                "ORDER BY x.started_at DESC, x.id DESC LIMIT {}",
                page.rows_and_one(),
            )
            .fetch(self.read())
            .await?;
        let items = each(&rows, stored)?;
        Ok(Listed::cut(items, page, |item| ViolationCursor {
            started_at: item.violation.started_at,
            id: item.id.clone(),
        }))
    }

    /// The violation with that identifier.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn violation(&self, id: &str) -> Result<StoredViolation, StoreError> {
        by_id(self.read(), id).await
    }
}

/// The violation with that identifier.
pub(super) async fn by_id<'c, E>(executor: E, id: &str) -> Result<StoredViolation, StoreError>
where
    E: sqlx::Executor<'c, Database = Any>,
{
    let rows = Select::new(STORED)
        .with("x.id = {}", id)
        .fetch(executor)
        .await?;
    each(&rows, stored)?.pop().ok_or(StoreError::NotFound)
}

/// The violations with those identifiers, as the transaction sees them, by beginning and
/// identifier.
pub(super) async fn by_ids(
    connection: &mut AnyConnection,
    ids: &[String],
) -> Result<Vec<StoredViolation>, StoreError> {
    let rows = BY_ID
        .fetch(connection, ids, |values, id| {
            values.add(id.as_str());
        })
        .await?;
    let mut found = each(&rows, stored)?;
    found.sort_by(|a, b| {
        let key = |item: &StoredViolation| (item.violation.started_at, item.violation.vehicle);
        key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id))
    });
    Ok(found)
}

/// The pattern of all regions inside `region`; a code holds digits only.
pub(super) fn like_prefix(region: &Region) -> String {
    format!("{}%", region.prefix())
}

fn stored(row: &AnyRow) -> Result<StoredViolation, StoreError> {
    Ok(StoredViolation {
        id: row.text(0)?,
        revision: row.number(1, "revision")?,
        withdrawn: row.flag(2)?,
        enterprise_id: row.text(3)?,
        region: row.text(4)?,
        plate: row.plate(5)?,
        driver_licence: row.text_opt(7)?,
        revised_at: row.time(8)?,
        revision_reason: row.text_opt(9)?,
        reminded_at: row.time_opt(10)?,
        handled_at: row.time_opt(11)?,
        handling_result: row.name_opt(12, "handling result")?,
        false_alarm_approved: row.flag(13)?,
        appealed_at: row.time_opt(14)?,
        appeal_status: row.name_opt(15, "appeal status")?,
        violation: violation_body::from_text(row.cell(16)?)?,
    })
}
