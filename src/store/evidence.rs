//! Raw fixes around a violation, kept as long as the violation.
//!
//! Evidence is copied from the track when a violation has ended or was revised, and some minutes have passed,
//! so that it outlives the track. Each revision has its own; it holds the fixes that were known when it was
//! made, and a hash over its canonical form, which anybody can compute again.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use sqlx::any::AnyRow;

use super::engine::map_error;
use super::registry::each;
use super::rows::Columns as _;
use super::statement::Select;
use super::{Store, StoreError, StoredViolation, violation_body, violations};
use crate::model::{Course, Fix, Odometer, Span, Timestamp, Violation};
use crate::track::{decode_run, encode_run};

/// Fixes of so long before and after a violation are its evidence. Our choice.
pub const EVIDENCE_AROUND: Span = Span::from_minutes(5);
/// Pause before evidence is tried again whose fixes are in a damaged file of the archive.
const DAMAGED_PAUSE: Span = Span::from_hours(1);
/// Most fixes kept of one violation; of a longer one, all around its beginning, confirmation, worst fix and
/// end, and between them one of so many. Our choice.
pub const EVIDENCE_FIXES_MAX: usize = 2000;

/// The evidence of one revision of a violation.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Revision.
    pub revision: u32,
    /// When it was made; later fixes are not in it.
    pub made_at: Timestamp,
    /// First moment of its period.
    pub from: Timestamp,
    /// First moment after it.
    pub to: Timestamp,
    /// Fixes in the period; more than `fixes` where a long violation was thinned.
    pub fixes_total: u32,
    /// The raw fixes, by fix time.
    pub fixes: Vec<Fix>,
    /// SHA-256 of [`Evidence::canonical`], hexadecimal.
    pub hash: String,
    /// It is stored and stays; otherwise it was made now, because the violation goes on or has only just
    /// ended.
    pub kept: bool,
}

impl Evidence {
    /// The evidence of a violation from the fixes of its period.
    pub(super) fn new(
        stored: &StoredViolation,
        made_at: Timestamp,
        fixes: Vec<Fix>,
    ) -> Result<Self, StoreError> {
        let (from, to) = period(&stored.violation);
        let fixes_total = u32::try_from(fixes.len()).unwrap_or(u32::MAX);
        let mut evidence = Self {
            revision: stored.revision,
            made_at,
            from,
            to,
            fixes_total,
            fixes: thinned(fixes, &stored.violation),
            hash: String::new(),
            kept: false,
        };
        evidence.hash = sha256(&evidence.canonical(stored)?);
        Ok(evidence)
    }

    /// Whether what is left of the track was copied as it is; of a long violation not every fix was.
    pub(super) fn agrees(&self, track: &[Fix]) -> bool {
        let thinned = self.fixes.len() < self.fixes_total as usize;
        track.iter().all(|fix| {
            let same_time = self.fixes.binary_search_by_key(&fix.time, |kept| kept.time);
            same_time.map_or(thinned, |index| self.fixes.get(index) == Some(fix))
        })
    }

    /// The text over which the hash is taken.
    ///
    /// Shape: lines ended by line feeds. First `roadwarden evidence 1`; then identifier, revision, `withdrawn`
    /// or `holds`, plate text and colour, enterprise, driver's licence or nothing; the stored JSON of the
    /// violation, which names limits, their sources, rulebook and map; then a line a fix: fix time and time of
    /// receipt in ms since 1970, latitude and longitude in millionths of a degree, speed in thousandths of
    /// km/h, course, altitude, odometer in tenths of km, alarm and status bits, passengers,
    /// bits of the active-safety items, driver's number, source,
    /// quality bits, separated by spaces, `-` for what is not known.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when the violation cannot be written.
    pub fn canonical(&self, stored: &StoredViolation) -> Result<String, StoreError> {
        let mut text = format!(
            "roadwarden evidence 1\n{}\n{}\n{}\n{} {}\n{}\n{}\n{}\n",
            stored.id,
            self.revision,
            if stored.withdrawn {
                "withdrawn"
            } else {
                "holds"
            },
            stored.plate.text,
            stored.plate.color.name(),
            stored.enterprise_id,
            stored.driver_licence.as_deref().unwrap_or_default(),
            violation_body::to_text(&stored.violation)?,
        );
        for fix in &self.fixes {
            line(&mut text, fix).map_err(|error| StoreError::Broken {
                source: Box::new(error),
            })?;
        }
        Ok(text)
    }
}

fn line(text: &mut String, fix: &Fix) -> std::fmt::Result {
    let known =
        |value: Option<i64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    writeln!(
        text,
        "{} {} {} {} {} {} {} {} {} {} {} {} {} {} {}",
        fix.time.millis(),
        fix.received.millis(),
        fix.position.lat_udeg,
        fix.position.lon_udeg,
        fix.speed.mkmh(),
        known(fix.course.map(Course::degrees).map(i64::from)),
        known(fix.altitude_m.map(i64::from)),
        known(fix.odometer.map(Odometer::hm).map(i64::from)),
        fix.alarm,
        fix.status,
        known(fix.passengers.map(i64::from)),
        fix.events.bits(),
        known(fix.driver.map(|driver| i64::from(driver.0))),
        fix.source.code(),
        fix.quality.bits(),
    )
}

pub(super) fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let mut hash = String::with_capacity(64);
    for nibble in digest.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
        hash.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
    }
    hash
}

/// The period of a violation's evidence.
fn period(violation: &Violation) -> (Timestamp, Timestamp) {
    let begin = violation.started_at.min(violation.evidence.first_fix);
    let last = violation.evidence.last_fix;
    let end = violation.ended_at.map_or(last, |end| end.max(last));
    let after = end + EVIDENCE_AROUND + Span::from_millis(1);
    (begin - EVIDENCE_AROUND, after)
}

/// At most as many fixes as are kept.
fn thinned(fixes: Vec<Fix>, violation: &Violation) -> Vec<Fix> {
    if fixes.len() <= EVIDENCE_FIXES_MAX {
        return fixes;
    }
    let marks = [
        violation.started_at,
        violation.confirmed_at,
        violation.peak.time,
        violation.ended_at.unwrap_or(violation.evidence.last_fix),
    ];
    let near = |fix: &Fix| {
        let close =
            |mark: &Timestamp| fix.time.since(*mark).millis().abs() <= EVIDENCE_AROUND.millis();
        marks.iter().any(close)
    };
    let near_total = fixes.iter().filter(|fix| near(fix)).count();
    // Where even the fixes around the marks are too many, all are thinned alike.
    let (keep_near, room, among) = if near_total < EVIDENCE_FIXES_MAX {
        let room = EVIDENCE_FIXES_MAX - near_total;
        (true, room, fixes.len() - near_total)
    } else {
        (false, EVIDENCE_FIXES_MAX, fixes.len())
    };
    let every = among.div_ceil(room.max(1)).max(1);
    let mut count = 0_usize;
    let keep = |fix: &Fix| {
        if keep_near && near(fix) {
            return true;
        }
        count += 1;
        count % every == 1 || every == 1
    };
    let mut keep = keep;
    fixes.into_iter().filter(|fix| keep(fix)).collect()
}

impl Store {
    /// The evidence of a violation as it stands: the kept one, or one made from the track now.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] when the period holds too many fixes.
    pub async fn evidence(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<(StoredViolation, Evidence), StoreError> {
        let stored = self.violation(id).await?;
        if let Some(kept) = self.kept_evidence(&stored).await? {
            return Ok((stored, kept));
        }
        let made = self.make_evidence(&stored, now).await?;
        Ok((stored, made))
    }

    /// The evidence that was kept of a revision, with the violation as it stood then; `None` where it was superseded
    /// before its fixes were copied, or never was.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown violation.
    pub async fn evidence_of(
        &self,
        id: &str,
        revision: u32,
    ) -> Result<Option<(StoredViolation, Evidence)>, StoreError> {
        let Some(stored) = self.violation_as_of(id, revision).await? else {
            return Ok(None);
        };
        let kept = self.kept_evidence(&stored).await?;
        Ok(kept.map(|kept| (stored, kept)))
    }

    /// Keeps the evidence of violations for which it is time, at most `limit` of them; how many it was.
    ///
    /// # Errors
    /// As the database says; what was kept until then stays.
    pub async fn keep_evidence(&self, now: Timestamp, limit: u32) -> Result<usize, StoreError> {
        let rows =
            Select::new("SELECT id, evidence_due FROM violations WHERE evidence_due IS NOT NULL")
                .with("AND evidence_due <= {}", now.millis())
                .with("ORDER BY evidence_due LIMIT {}", i64::from(limit))
                .fetch(self.read())
                .await?;
        for row in &rows {
            let (stored, due) = (self.violation(&row.text(0)?).await?, row.int(1)?);
            match self.make_evidence(&stored, now).await {
                Ok(evidence) => self.put_evidence(&stored.id, &evidence, due).await?,
                // The others need not wait for it; the file may be put back.
                Err(StoreError::ArchiveDamaged { file, .. }) => {
                    tracing::error!(%file, violation = %stored.id, "evidence cannot be kept: an archive file is damaged");
                    self.postpone_evidence(&stored.id, due, now + DAMAGED_PAUSE)
                        .await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(rows.len())
    }

    async fn postpone_evidence(
        &self,
        id: &str,
        due: i64,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE violations SET evidence_due = $1 WHERE id = $2 AND evidence_due = $3")
            .bind(until.millis())
            .bind(id)
            .bind(due)
            .execute(self.write())
            .await
            .map(drop)
            .map_err(map_error)
    }

    async fn make_evidence(
        &self,
        stored: &StoredViolation,
        now: Timestamp,
    ) -> Result<Evidence, StoreError> {
        let (from, to) = period(&stored.violation);
        let mut fixes = self.track(stored.violation.vehicle, from, to).await?;
        // What is made again later must find the same.
        fixes.retain(|fix| fix.received <= now);
        Evidence::new(stored, now, fixes)
    }

    /// What was kept of that revision.
    pub(super) async fn kept_evidence(
        &self,
        stored: &StoredViolation,
    ) -> Result<Option<Evidence>, StoreError> {
        let rows = Select::new(
            "SELECT revision, made_at, from_at, to_at, fixes_total, fixes, hash
             FROM violation_evidence WHERE",
        )
        .with("violation_id = {}", stored.id.as_str())
        .with("AND revision = {}", i64::from(stored.revision))
        // While a new one is due, the revision has changed since.
        .with(
            "AND NOT EXISTS (SELECT 1 FROM violations v WHERE v.id = {} AND v.evidence_due IS NOT NULL
                AND v.revision = violation_evidence.revision)",
            stored.id.as_str(),
        )
        .fetch(self.read())
        .await?;
        let read = |row: &AnyRow| {
            let fixes = decode_run(stored.violation.vehicle, row.bytes(5)?);
            Ok(Evidence {
                revision: row.number(0, "revision")?,
                made_at: row.time(1)?,
                from: row.time(2)?,
                to: row.time(3)?,
                fixes_total: row.number(4, "count of fixes")?,
                fixes: fixes.map_err(|error| StoreError::Broken {
                    source: Box::new(error),
                })?,
                hash: row.text(6)?,
                kept: true,
            })
        };
        Ok(each(&rows, read)?.pop())
    }

    async fn put_evidence(
        &self,
        id: &str,
        evidence: &Evidence,
        due: i64,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database().begin_write().await?;
        let now = violations::by_id(&mut *transaction, id).await?;
        if now.revision == evidence.revision {
            sqlx::query(
                "INSERT INTO violation_evidence
                 (violation_id, revision, made_at, from_at, to_at, fixes_total, fixes, hash)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (violation_id, revision) DO UPDATE SET made_at = excluded.made_at,
                 from_at = excluded.from_at, to_at = excluded.to_at,
                 fixes_total = excluded.fixes_total, fixes = excluded.fixes, hash = excluded.hash",
            )
            .bind(id)
            .bind(i64::from(evidence.revision))
            .bind(evidence.made_at.millis())
            .bind(evidence.from.millis())
            .bind(evidence.to.millis())
            .bind(i64::from(evidence.fixes_total))
            .bind(encode_run(&evidence.fixes).as_slice())
            .bind(evidence.hash.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(map_error)?;
        }
        // One that changed meanwhile has another time, and waits on.
        sqlx::query(
            "UPDATE violations SET evidence_due = NULL WHERE id = $1 AND evidence_due = $2",
        )
        .bind(id)
        .bind(due)
        .execute(&mut *transaction)
        .await
        .map_err(map_error)?;
        transaction.commit().await.map_err(map_error)
    }
}
