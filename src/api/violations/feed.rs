//! The change feed: every creation and revision of a violation, and what was done about it, in the order of
//! commits.

use super::body::{ViolationBody, violation_body};
use crate::api::error::ApiError;
use crate::api::page::{List, decode, encode};
use crate::api::state::Shared;
use crate::model::Region;
use crate::store::{ChangeKind, PAGE_ROWS_MAX, StoredViolation, ViolationFilter};

/// Changes read for one answer at most, so that a narrow filter over a long log stays bounded.
const READS_MAX: u32 = 20;

/// Changes after a cursor that the filter lets through.
///
/// `next` is always a cursor to go on with, also when nothing was new: whoever comes back with it misses
/// nothing.
pub(super) async fn changes(
    context: &Shared,
    since: &str,
    filter: &ViolationFilter,
    limit: u32,
) -> Result<List<ViolationBody>, ApiError> {
    let mut position: i64 = match since {
        "" | "0" => 0,
        cursor => decode(cursor)?,
    };
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let zone = context.zone();
    let mut items = Vec::new();
    'reading: for _ in 0..READS_MAX {
        let changes = context
            .store
            .changes_of_kind_after(ChangeKind::Violation, position, limit)
            .await?;
        let end = changes.len() < usize::try_from(limit.min(PAGE_ROWS_MAX)).unwrap_or(0);
        for change in changes {
            position = change.seq;
            if let Some(stored) = change.violation()?
                && lets_through(filter, &stored)
            {
                items.push(violation_body(&stored, zone));
                if items.len() == wanted {
                    break 'reading;
                }
            }
        }
        if end {
            break;
        }
    }
    Ok(List {
        items,
        next: Some(encode(&position)),
    })
}

/// The filters of the list, over the violation as the change left it.
fn lets_through(filter: &ViolationFilter, stored: &StoredViolation) -> bool {
    let started_at = stored.violation.started_at;
    let inside = |region: &Region| {
        stored
            .region
            .parse()
            .is_ok_and(|own: Region| region.contains(&own))
    };
    filter.from.is_none_or(|from| from <= started_at)
        && filter.to.is_none_or(|to| started_at < to)
        && filter.region.as_ref().is_none_or(inside)
        && filter
            .enterprise_id
            .as_ref()
            .is_none_or(|id| *id == stored.enterprise_id)
        && filter
            .plate
            .as_ref()
            .is_none_or(|plate| *plate == stored.plate.text)
        && filter.kind.is_none_or(|kind| kind == stored.violation.kind)
        && filter
            .severity
            .is_none_or(|severity| severity == stored.violation.severity)
        && filter.status.is_none_or(|status| status == stored.status())
        && filter
            .handled
            .is_none_or(|handled| handled == stored.handled_at.is_some())
        && filter
            .appeal
            .is_none_or(|status| stored.appeal_status == Some(status))
}
