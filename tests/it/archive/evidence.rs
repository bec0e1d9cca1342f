//! The evidence of violations outlives the track that it was copied from.

use roadwarden::model::{Fix, Span, Speed};
use roadwarden::store::Evidence;
use roadwarden::track::encode_run;

use super::support::Kept;
use crate::store::samples::{at, fixes, upsert, violation, violations};
use crate::store::support::{Place, on_both_engines};

/// When evidence was kept.
const MADE: i64 = 40 * 3600;

/// A track over midnight with two violations, the second at midnight, and their kept evidence.
async fn with_evidence(place: &Place) -> (Kept, [Evidence; 2]) {
    let kept = Kept::new(place).await;
    kept.stage(&fixes(1, (80_000..95_000).step_by(10)), 100)
        .await;
    kept.pass().await;
    let ended = [81_000, 86_400].map(|second| {
        let mut ended = violation(1, second);
        ended.ended_at = Some(ended.evidence.last_fix);
        ended
    });
    let [first, second] = ended;
    let flush = violations(vec![upsert("v1", "e1", first), upsert("v2", "e1", second)]);
    kept.store.commit_flush(&flush).await.unwrap();
    assert_eq!(kept.store.keep_evidence(at(MADE), 10).await.unwrap(), 2);
    let evidence = evidence(&kept).await;
    for (evidence, second) in evidence.iter().zip([81_000, 86_400]) {
        assert!(evidence.kept && evidence.fixes.len() >= 60, "{evidence:?}");
        let near = |fix: &Fix| (fix.time.millis() - at(second).millis()).abs() <= 600_000;
        assert!(evidence.fixes.iter().all(near));
    }
    (kept, evidence)
}

async fn evidence(kept: &Kept) -> [Evidence; 2] {
    let later = kept.clock.now();
    let one = kept.store.evidence("v1", later).await.unwrap().1;
    let two = kept.store.evidence("v2", later).await.unwrap().1;
    [one, two]
}

/// What `verify` finds.
async fn problems(kept: &Kept) -> Vec<String> {
    let (checked, wrong) = kept.store.check_evidence().await.unwrap();
    assert_eq!(checked, 2);
    wrong
        .into_iter()
        .map(|(id, problem)| format!("{id} {problem}"))
        .collect()
}

/// Until the day of the first violation is older than the retention, and the day after is not.
async fn until_the_first_day_is_purged(kept: &Kept) {
    kept.clock.advance(Span::from_hours(24 * 180 + 12));
    let pass = kept.pass().await;
    assert_eq!(pass.fixes_purged, 640, "{pass:?}");
}

on_both_engines! {
    async fn it_is_given_and_holds_when_its_track_is_purged(place: Place) {
        let (kept, before) = with_evidence(&place).await;
        assert_eq!(problems(&kept).await, Vec::<String>::new());
        until_the_first_day_is_purged(&kept).await;
        assert_eq!(kept.track(1).await, fixes(1, (86_400..95_000).step_by(10)));
        assert_eq!(evidence(&kept).await, before);
        assert_eq!(problems(&kept).await, Vec::<String>::new());
        // The other day has its turn: nothing is left of the track, in the catalogue or the folder.
        kept.clock.advance(Span::from_hours(24));
        assert_eq!(kept.pass().await.fixes_purged, 860);
        kept.clock.advance(Span::from_hours(1));
        kept.pass().await;
        assert_eq!((kept.track(1).await, kept.files().len()), (Vec::new(), 0));
        // Three years after: the last day on which the law wants it.
        kept.clock.advance(Span::from_hours(24 * 915));
        kept.pass().await;
        let kept = kept.restart(&place).await;
        assert!(kept.clock.now() > at(1096 * 86_400));
        assert_eq!(evidence(&kept).await, before);
        assert_eq!(problems(&kept).await, Vec::<String>::new());
    }

    async fn a_copy_that_was_changed_is_found_without_its_track(place: Place) {
        let (kept, before) = with_evidence(&place).await;
        until_the_first_day_is_purged(&kept).await;
        let mut changed = before[0].fixes.clone();
        changed[7].speed = Speed::from_whole_kmh(61);
        sqlx::query("UPDATE violation_evidence SET fixes = $1 WHERE violation_id = 'v1'")
            .bind(encode_run(&changed))
            .execute(&mut place.raw().await)
            .await
            .unwrap();
        assert_eq!(problems(&kept).await, ["v1 revision 1: the hash does not fit"]);
    }

    async fn what_is_left_of_a_track_is_still_compared(place: Place) {
        let (kept, _) = with_evidence(&place).await;
        until_the_first_day_is_purged(&kept).await;
        // A fix that was there before the copy was made, as it says, and is not in the copy.
        kept.stage(&fixes(1, [86_455]), 1).await;
        assert_eq!(problems(&kept).await, ["v2 revision 1: the track says otherwise"]);
    }
}
