//! Which road map is in force, and the operator's limits over it.

use std::collections::BTreeSet;

use sqlx::any::AnyRow;

use super::counters::Counter;
use super::engine::map_error;
use super::places::{line_to_bytes, points_from_bytes};
use super::rows::Columns as _;
use super::statement::Bulk;
use super::{Store, StoreError};
use crate::model::road::{OverrideTarget, RoadOverride};
use crate::model::{Position, Speed};

/// A prepared road map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRoadMap {
    /// Version: follows from the content.
    pub version: String,
    /// Name of the prepared file in the folder `roads` of the data folder.
    pub file: String,
    /// Name of the extract that was imported.
    pub source: String,
}

/// What an import of limits has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitCounts {
    /// Limits that are stored now.
    pub stored: usize,
    /// Of these, with an identifier that was not there before.
    pub added: usize,
    /// Limits that were there before and are not now.
    pub removed: usize,
}

const LIMITS: Bulk = Bulk {
    head: "INSERT INTO road_limits
           (id, way, backward, name, line, half_width_m, one_direction,
            limit_mkmh, classes, from_at, to_at, set_by) VALUES ",
    row: "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    width: 12,
    tail: " ON CONFLICT (id) DO UPDATE SET way = excluded.way, backward = excluded.backward,
            name = excluded.name, line = excluded.line, half_width_m = excluded.half_width_m,
            one_direction = excluded.one_direction, limit_mkmh = excluded.limit_mkmh,
            classes = excluded.classes, from_at = excluded.from_at, to_at = excluded.to_at,
            set_by = excluded.set_by",
};

impl Store {
    /// Puts a road map in force; its prepared file must be in place. One that is imported again is
    /// in force again.
    ///
    /// # Errors
    /// As the database says.
    pub async fn import_road_map(&self, map: &StoredRoadMap) -> Result<(), StoreError> {
        let mut transaction = self.database().begin_write().await?;
        let imported = Counter::Registry.take(&mut transaction, 1).await?;
        sqlx::query(
            "INSERT INTO road_maps (version, file, source, imported) VALUES ($1, $2, $3, $4)
             ON CONFLICT (version) DO UPDATE SET imported = excluded.imported,
             file = excluded.file, source = excluded.source",
        )
        .bind(map.version.as_str())
        .bind(map.file.as_str())
        .bind(map.source.as_str())
        .bind(imported)
        .execute(&mut *transaction)
        .await
        .map_err(map_error)?;
        transaction.commit().await.map_err(map_error)
    }

    /// Adds limits and replaces those with the same identifier; with `replace` the given ones are all
    /// that stay.
    ///
    /// # Errors
    /// As the database says; the reader has checked that no identifier stands twice.
    pub async fn import_road_limits(
        &self,
        limits: &[RoadOverride],
        replace: bool,
    ) -> Result<LimitCounts, StoreError> {
        let mut transaction = self.database().begin_write().await?;
        let rows = sqlx::query("SELECT id FROM road_limits")
            .fetch_all(&mut *transaction)
            .await
            .map_err(map_error)?;
        let before: BTreeSet<String> = rows
            .iter()
            .map(|row| row.text(0))
            .collect::<Result<_, _>>()?;
        let given: BTreeSet<&str> = limits.iter().map(|set| set.id.as_str()).collect();
        let added = given.iter().filter(|id| !before.contains(**id)).count();
        let gone = before.iter().filter(|id| !given.contains(id.as_str()));
        let removed = if replace { gone.count() } else { 0 };
        if replace {
            sqlx::query("DELETE FROM road_limits")
                .execute(&mut *transaction)
                .await
                .map_err(map_error)?;
        }
        LIMITS
            .execute(&mut transaction, limits, |values, set| {
                let row = TargetRow::of(&set.target);
                let classes: Vec<_> = set.classes.iter().map(|class| class.name()).collect();
                values
                    .add(set.id.as_str())
                    .add(row.way)
                    .add(row.backward.map(i64::from))
                    .add(row.name)
                    .add(row.line.as_deref().map(line_to_bytes))
                    .double_opt(row.half_width_m)
                    .add(row.one_direction.map(i64::from))
                    .add(i64::from(set.limit.mkmh()))
                    .add(classes.join(" "))
                    .time_opt(set.from)
                    .time_opt(set.to)
                    .add(set.set_by.as_str());
            })
            .await?;
        Counter::Registry.take(&mut transaction, 1).await?;
        transaction.commit().await.map_err(map_error)?;
        Ok(LimitCounts {
            stored: before.len() + added - removed,
            added,
            removed,
        })
    }
}

/// Columns of the newest map.
pub(super) const NEWEST_MAP: &str =
    "SELECT version, file, source FROM road_maps ORDER BY imported DESC LIMIT 1";

/// Columns of all limits.
pub(super) const ALL_LIMITS: &str = "SELECT id, way, backward, name, line, half_width_m,
     one_direction, limit_mkmh, classes, from_at, to_at, set_by FROM road_limits ORDER BY id";

/// A row of [`NEWEST_MAP`].
pub(super) fn map(row: &AnyRow) -> Result<StoredRoadMap, StoreError> {
    Ok(StoredRoadMap {
        version: row.text(0)?,
        file: row.text(1)?,
        source: row.text(2)?,
    })
}

/// A row of [`ALL_LIMITS`].
pub(super) fn limit(row: &AnyRow) -> Result<RoadOverride, StoreError> {
    let line: Option<Vec<u8>> = row.cell(4)?;
    let target = TargetRow {
        way: row.int_opt(1)?,
        backward: row.int_opt(2)?.map(|flag| flag != 0),
        name: row.text_opt(3)?,
        line: line
            .map(|bytes| points_from_bytes(&bytes).ok_or(StoreError::damaged("line of a limit")))
            .transpose()?,
        half_width_m: row.cell(5)?,
        one_direction: row.int_opt(6)?.map(|flag| flag != 0),
    };
    let classes = row.text(8)?;
    let classes = classes.split_whitespace();
    Ok(RoadOverride {
        id: row.text(0)?,
        target: target
            .target()
            .ok_or(StoreError::damaged("target of a limit"))?,
        limit: Speed::from_mkmh(row.number(7, "limit")?),
        classes: classes
            .map(|name| name.parse().or(Err(StoreError::damaged("vehicle class"))))
            .collect::<Result<_, _>>()?,
        from: row.time_opt(9)?,
        to: row.time_opt(10)?,
        set_by: row.text(11)?,
    })
}

/// A target as columns.
#[derive(Default)]
struct TargetRow {
    way: Option<i64>,
    backward: Option<bool>,
    name: Option<String>,
    line: Option<Vec<Position>>,
    half_width_m: Option<f64>,
    one_direction: Option<bool>,
}

impl TargetRow {
    fn of(target: &OverrideTarget) -> Self {
        match target {
            OverrideTarget::Way { id, backward } => Self {
                way: Some(*id),
                backward: *backward,
                ..Self::default()
            },
            OverrideTarget::Name { name, stretch } => Self {
                name: Some(name.clone()),
                line: stretch.map(|(from, to)| vec![from, to]),
                ..Self::default()
            },
            OverrideTarget::Line {
                line,
                half_width_m,
                one_direction,
            } => Self {
                line: Some(line.clone()),
                half_width_m: Some(*half_width_m),
                one_direction: Some(*one_direction),
                ..Self::default()
            },
        }
    }

    fn target(self) -> Option<OverrideTarget> {
        if let Some(id) = self.way {
            let backward = self.backward;
            return Some(OverrideTarget::Way { id, backward });
        }
        if let Some(name) = self.name {
            let stretch = match self.line.as_deref() {
                None => None,
                Some([from, to]) => Some((*from, *to)),
                Some(_) => return None,
            };
            return Some(OverrideTarget::Name { name, stretch });
        }
        Some(OverrideTarget::Line {
            line: self.line?,
            half_width_m: self.half_width_m?,
            one_direction: self.one_direction?,
        })
    }
}
