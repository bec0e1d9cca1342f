//! Takes away what is older than the law wants, calendar months, and no hold keeps.
//!
//! Source: regulations 3.2 (six months at least) and A17 (calendar arithmetic; holds win).

use chrono::{Months, NaiveDate};

use super::keeper::{Keeper, KeeperError, Pass};
use super::write::Names;
use crate::store::{Hold, HoldFilter, Purge, StoreError, TrackFile};

/// Days for which drivers' hours are kept beyond the tracks: a window of seven days that ends on the first kept
/// day can still be counted, and a day more for a session that began before it.
const DRIVING_DAYS: i64 = 8;
/// Buckets of drivers' hours in a day.
const HOURS_OF_DAY: i64 = 24;

impl Keeper {
    /// Purges the days whose time has passed; each file in a transaction of its own that is logged with counts.
    pub(super) async fn retain(&self, names: &Names, pass: &mut Pass) -> Result<(), KeeperError> {
        let today = self.zone().day(self.clock.now());
        let Some(first_kept) = first_day_kept(today, self.settings.retention_months) else {
            return Ok(());
        };
        self.store
            .forget_driving(first_kept.saturating_sub(DRIVING_DAYS) * HOURS_OF_DAY)
            .await?;
        let files = self.store.track_files(i64::MIN, first_kept).await?;
        for file in files {
            self.stop_asked()?;
            // Asked for each file: others may be set while a day is purged.
            let holds = self.store.holds(&HoldFilter::default()).await?;
            match self
                .rewrite_held(&file, &holds_on(&file, &holds), names)
                .await
            {
                Ok(purge) => log(&file, purge, pass),
                Err(KeeperError::Store(StoreError::ArchiveDamaged { file, source })) => {
                    // What a hold keeps may be in it: it stays until someone looks.
                    tracing::error!(%file, %source, "an archive file is damaged: it is not purged");
                    pass.damaged += 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn log(file: &TrackFile, purge: Purge, pass: &mut Pass) {
    if purge.files == 0 {
        return;
    }
    pass.fixes_purged += purge.fixes;
    tracing::info!(
        file = %file.path,
        fixes = purge.fixes,
        fixes_held = purge.fixes_held,
        "purged: older than the retention"
    );
}

/// The holds that may keep anything of a file.
fn holds_on(file: &TrackFile, holds: &[Hold]) -> Vec<Hold> {
    let touches = |hold: &&Hold| {
        (file.vehicles.0..=file.vehicles.1).contains(&hold.vehicle)
            && hold.from.is_none_or(|from| from <= file.times.1)
            && hold.to.is_none_or(|to| file.times.0 < to)
    };
    holds.iter().filter(touches).cloned().collect()
}

/// The first local day that is kept, with days as numbers since 1970-01-01: today minus calendar months, the
/// last of a shorter month where the day does not exist in it.
fn first_day_kept(today: i64, months: u32) -> Option<i64> {
    let today = NaiveDate::from_epoch_days(i32::try_from(today).ok()?)?;
    let first = today.checked_sub_months(Months::new(months))?;
    Some(i64::from(first.to_epoch_days()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(today: &str, months: u32, first: &str) {
        let number = |text: &str| i64::from(text.parse::<NaiveDate>().unwrap().to_epoch_days());
        assert_eq!(first_day_kept(number(today), months), Some(number(first)));
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        check("2026-11-21", 6, "2026-05-21");
        check("2026-08-31", 6, "2026-02-28");
        check("2028-08-31", 6, "2028-02-29");
        check("2026-03-31", 1, "2026-02-28");
        check("2026-11-21", 36, "2023-11-21");
    }
}
