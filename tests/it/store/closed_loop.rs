//! Shifts, inquiries, and what is done about violations.

use roadwarden::model::duty::{Inquiry, InquiryAnswer, Shift};
use roadwarden::model::{Span, Timestamp};
use roadwarden::store::{
    Appeal, AppealStatus, ChangeKind, ClaimKind, Decision, Handling, HandlingResult, InquiryFilter,
    Page, Refusal, Reminder, ReminderChannel, Review, ShiftFilter, ShiftPatch, Store, StoreError,
    ViolationFilter,
};

use super::samples::{at, correction, folder, upsert, violation, violations};
use super::support::{Place, on_both_engines};

fn shift(id: &str, monitor: &str, from: i64, to: Option<i64>) -> Shift {
    Shift {
        id: id.to_owned(),
        enterprise_id: monitor.replace('m', "e"),
        monitor_id: monitor.to_owned(),
        started_at: at(from),
        ended_at: to.map(at),
        note: None,
    }
}

fn inquiry(id: &str, enterprise: &str, second: i64) -> Inquiry {
    Inquiry {
        id: id.to_owned(),
        enterprise_id: enterprise.to_owned(),
        question: "谁在岗?".to_owned(),
        sent_at: at(second),
        answer_within: Span::from_minutes(5),
        answer: None,
    }
}

fn handling(id: &str, second: i64, result: HandlingResult) -> Handling {
    Handling {
        id: id.to_owned(),
        violation_id: "v".to_owned(),
        result,
        note: "谈话".to_owned(),
        evidence: Some("档案 7".to_owned()),
        author: "someone".to_owned(),
        at: at(second),
    }
}

fn review(id: &str, decision: Decision) -> Review {
    Review {
        id: id.to_owned(),
        violation_id: "v".to_owned(),
        decision,
        note: String::new(),
        author: "someone else".to_owned(),
        at: at(900),
    }
}

fn appeal(id: &str, second: i64) -> Appeal {
    Appeal {
        id: id.to_owned(),
        violation_id: "v".to_owned(),
        grounds: "GPS 漂移".to_owned(),
        appellant: "驾驶员".to_owned(),
        evidence: Some("档案 8".to_owned()),
        at: at(second),
    }
}

/// A store with a fleet and the violation `v`.
async fn with_violation(place: &Place) -> Store {
    let store = place.owner().await;
    store.import_fleet(&folder()).await.unwrap();
    let flush = violations(vec![upsert("v", "e1", violation(1, 0))]);
    store.commit_flush(&flush).await.unwrap();
    store
}

/// What late data say about `v`.
async fn correct(store: &Store, withdrawn: bool, end: i64) {
    let mut corrected = upsert("v", "e1", violation(1, 0));
    corrected.violation.ended_at = Some(at(end));
    corrected.correction = Some(correction(withdrawn));
    store
        .commit_flush(&violations(vec![corrected]))
        .await
        .unwrap();
}

fn refusal<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Refusal {
    match result {
        Err(StoreError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn reminder(id: &str, violation: &str, sent_at: Timestamp) -> Reminder {
    Reminder {
        id: id.to_owned(),
        violation_id: violation.to_owned(),
        channel: ReminderChannel::TerminalVoice,
        text: "请减速".to_owned(),
        sent_at,
        acknowledged_at: None,
        result: None,
    }
}

on_both_engines! {
    async fn shifts_of_one_monitor_do_not_overlap(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        store.insert_shift(&shift("s1", "m1", 0, Some(100)), at(0)).await.unwrap();
        store.insert_shift(&shift("s2", "m1", 100, None), at(0)).await.unwrap();
        // Another monitor may.
        store.insert_shift(&shift("s3", "m2", 50, Some(60)), at(0)).await.unwrap();
        for (from, to) in [(50, Some(60)), (-10, Some(1)), (99, None), (500, Some(600)), (-10, None)] {
            let refused = store.insert_shift(&shift("s9", "m1", from, to), at(0)).await;
            assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{from} {to:?}");
        }
        let backwards = store.insert_shift(&shift("s9", "m1", -5, Some(-6)), at(0)).await;
        assert!(matches!(backwards, Err(StoreError::Conflict { .. })));
        let twice = store.insert_shift(&shift("s1", "m1", -100, Some(-50)), at(0)).await;
        assert!(matches!(twice, Err(StoreError::Conflict { .. })));
        let mut stranger = shift("s9", "m1", -100, Some(-50));
        "e2".clone_into(&mut stranger.enterprise_id);
        let refused = store.insert_shift(&stranger, at(0)).await;
        assert!(matches!(refused, Err(StoreError::NotFound)));
        let all = store.list_shifts(&ShiftFilter::default(), &Page::first(10)).await.unwrap();
        let ids: Vec<_> = all.items.iter().map(|shift| shift.id.as_str()).collect();
        assert_eq!(ids, ["s2", "s3", "s1"]);
        let filter = ShiftFilter { from: Some(at(100)), ..ShiftFilter::default() };
        let running = store.list_shifts(&filter, &Page::first(10)).await.unwrap();
        assert_eq!(running.items, [shift("s2", "m1", 100, None)]);
    }

    async fn of_two_shifts_at_once_one_is_refused(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        let tries: Vec<_> = (0..4)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move {
                    store.insert_shift(&shift(&format!("s{n}"), "m1", 0, None), at(0)).await.is_ok()
                })
            })
            .collect();
        let mut accepted = 0;
        for attempt in tries {
            accepted += u32::from(attempt.await.unwrap());
        }
        assert_eq!(accepted, 1);
    }

    async fn a_shift_ends_with_its_note(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        store.insert_shift(&shift("s1", "m1", 0, None), at(0)).await.unwrap();
        let patch = ShiftPatch { ended_at: Some(at(50)), note: Some("交接: 一切正常".to_owned()) };
        let ended = store.patch_shift("s1", &patch, at(50)).await.unwrap();
        assert_eq!((ended.ended_at, ended.note.clone()), (Some(at(50)), patch.note.clone()));
        store.insert_shift(&shift("s2", "m1", 50, None), at(50)).await.unwrap();
        let longer = ShiftPatch { ended_at: Some(at(60)), note: None };
        let refused = store.patch_shift("s1", &longer, at(60)).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })));
        let missing = store.patch_shift("s9", &patch, at(60)).await;
        assert!(matches!(missing, Err(StoreError::NotFound)));
        let changes = store.changes_after(0, 10).await.unwrap();
        assert_eq!(changes.len(), 3);
        assert!(changes.iter().all(|change| change.kind == ChangeKind::Duty));
        assert!(changes[1].body.contains("一切正常"));
    }

    async fn an_inquiry_is_answered_once(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        let sent = [inquiry("i1", "e1", 0), inquiry("i2", "e2", 0), inquiry("i3", "e1", 9)];
        store.insert_inquiries(&sent).await.unwrap();
        let unknown = store.insert_inquiries(&[inquiry("i4", "e1", 0), inquiry("i5", "x", 0)]).await;
        assert!(matches!(unknown, Err(StoreError::NotFound)));
        let answer = InquiryAnswer {
            answered_at: at(100),
            answer: "我".to_owned(),
            responder: "值班员".to_owned(),
            phone: "0731".to_owned(),
        };
        let answered = store.answer_inquiry("i1", &answer).await.unwrap();
        assert_eq!(answered.answer, Some(answer.clone()));
        let twice = store.answer_inquiry("i1", &answer).await;
        assert!(matches!(twice, Err(StoreError::Conflict { .. })));
        let missing = store.answer_inquiry("i4", &answer).await;
        assert!(matches!(missing, Err(StoreError::NotFound)));
        let all = InquiryFilter::default();
        let cases = [
            (all.clone(), "i3 i2 i1"),
            (InquiryFilter { answered: Some(true), ..all.clone() }, "i1"),
            (InquiryFilter { answered: Some(false), ..all.clone() }, "i3 i2"),
            (InquiryFilter { enterprise_id: Some("e1".to_owned()), ..all.clone() }, "i3 i1"),
            (InquiryFilter { region: "440000".parse().ok(), ..all.clone() }, "i2"),
            (InquiryFilter { from: Some(at(0)), to: Some(at(9)), ..all }, "i2 i1"),
        ];
        for (filter, expected) in cases {
            let listed = store.list_inquiries(&filter, &Page::first(10)).await.unwrap();
            let ids: Vec<_> = listed.items.iter().map(|item| item.id.as_str()).collect();
            assert_eq!(ids.join(" "), expected, "{filter:?}");
        }
        let changes = store.changes_of_kind_after(ChangeKind::Inquiry, 0, 10).await.unwrap();
        let keys: Vec<_> = changes.iter().map(|change| change.key.as_str()).collect();
        assert_eq!(keys, ["i1", "i2", "i3", "i1"]);
    }

    async fn the_first_reminder_counts(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        let flush = violations(vec![upsert("v", "e1", violation(1, 0))]);
        store.commit_flush(&flush).await.unwrap();
        store.insert_reminder(&reminder("r1", "v", at(50))).await.unwrap();
        store.insert_reminder(&reminder("r2", "v", at(40))).await.unwrap();
        store.insert_reminder(&reminder("r3", "v", at(60))).await.unwrap();
        let missing = store.insert_reminder(&reminder("r4", "x", at(60))).await;
        assert!(matches!(missing, Err(StoreError::NotFound)));
        assert_eq!(store.violation("v").await.unwrap().reminded_at, Some(at(40)));
        store.acknowledge_reminder("r2", at(41), 0).await.unwrap();
        let missing = store.acknowledge_reminder("r9", at(41), 0).await;
        assert!(matches!(missing, Err(StoreError::NotFound)));
        let done = store.violation_loop("v").await.unwrap();
        let ids: Vec<_> = done.reminders.iter().map(|reminder| reminder.id.as_str()).collect();
        assert_eq!(ids, ["r2", "r1", "r3"]);
        assert_eq!(done.reminders[0].acknowledged_at, Some(at(41)));
        // A flush afterwards leaves the loop alone.
        let mut longer = upsert("v", "e1", violation(1, 0));
        longer.violation.ended_at = Some(at(70));
        store.commit_flush(&violations(vec![longer])).await.unwrap();
        assert_eq!(store.violation("v").await.unwrap().reminded_at, Some(at(40)));
    }

    async fn a_claim_of_false_alarm_waits_for_a_review(place: Place) {
        let store = with_violation(&place).await;
        let early = store.insert_review(&review("w0", Decision::Approved), None).await;
        assert_eq!(refusal(early), Refusal::NothingWaits);
        let claim = handling("h1", 100, HandlingResult::FalseAlarm);
        store.insert_handling(&claim).await.unwrap();
        let stored = store.violation("v").await.unwrap();
        assert_eq!(stored.handled_at, None);
        assert_eq!(stored.handling_result, Some(HandlingResult::FalseAlarm));
        let claim_of = store.insert_review(&review("w1", Decision::Rejected), None).await.unwrap();
        assert_eq!((claim_of.kind, claim_of.id.as_str()), (ClaimKind::Handling, "h1"));
        let decided = store.insert_review(&review("w2", Decision::Approved), None).await;
        assert_eq!(refusal(decided), Refusal::NothingWaits);
        assert!(!store.violation("v").await.unwrap().false_alarm_approved);
        let second = handling("h2", 200, HandlingResult::FalseAlarm);
        store.insert_handling(&second).await.unwrap();
        let own = Review { author: "someone".to_owned(), ..review("w3", Decision::Approved) };
        assert_eq!(refusal(store.insert_review(&own, None).await), Refusal::OwnClaim);
        store.insert_review(&review("w3", Decision::Approved), None).await.unwrap();
        assert!(store.violation("v").await.unwrap().false_alarm_approved);
        let done = store.violation_loop("v").await.unwrap();
        assert_eq!(done.handlings, [claim, second]);
        let reviews: Vec<_> = done.reviews.into_iter().map(|(review, _)| review).collect();
        assert_eq!(reviews, [review("w1", Decision::Rejected), review("w3", Decision::Approved)]);
    }

    async fn a_newer_claim_takes_the_place_of_one_that_waits(place: Place) {
        let store = with_violation(&place).await;
        store.insert_handling(&handling("h1", 100, HandlingResult::FalseAlarm)).await.unwrap();
        store.insert_handling(&handling("h2", 200, HandlingResult::FalseAlarm)).await.unwrap();
        let claim = store.insert_review(&review("w1", Decision::Rejected), None).await.unwrap();
        assert_eq!(claim.id, "h2");
        let again = store.insert_review(&review("w2", Decision::Approved), None).await;
        assert_eq!(refusal(again), Refusal::NothingWaits);
    }

    async fn an_appeal_waits_for_a_review(place: Place) {
        let store = with_violation(&place).await;
        let standing = async || {
            let stored = store.violation("v").await.unwrap();
            (stored.appeal_status, stored.appealed_at, stored.false_alarm_approved)
        };
        assert_eq!(standing().await, (None, None, false));
        let unknown = Appeal { violation_id: "x".to_owned(), ..appeal("a0", 90) };
        assert!(matches!(store.insert_appeal(&unknown).await, Err(StoreError::NotFound)));
        store.insert_appeal(&appeal("a1", 100)).await.unwrap();
        assert_eq!(standing().await, (Some(AppealStatus::Waiting), Some(at(100)), false));
        assert_eq!(refusal(store.insert_appeal(&appeal("a2", 110)).await), Refusal::AppealWaits);
        let own = Review { author: "驾驶员".to_owned(), ..review("w0", Decision::Approved) };
        assert_eq!(refusal(store.insert_review(&own, None).await), Refusal::OwnClaim);
        let claim = store.insert_review(&review("w1", Decision::Rejected), None).await.unwrap();
        assert_eq!((claim.kind, claim.id.as_str()), (ClaimKind::Appeal, "a1"));
        assert_eq!(standing().await, (Some(AppealStatus::Rejected), Some(at(100)), false));
        // Once more, with better grounds.
        store.insert_appeal(&appeal("a2", 950)).await.unwrap();
        store.insert_review(&review("w2", Decision::Approved), None).await.unwrap();
        assert_eq!(standing().await, (Some(AppealStatus::Approved), Some(at(950)), true));
        assert_eq!(refusal(store.insert_appeal(&appeal("a3", 960)).await), Refusal::Approved);
        let done = store.violation_loop("v").await.unwrap();
        let rejected = (appeal("a1", 100), AppealStatus::Rejected);
        assert_eq!(done.appeals, [rejected, (appeal("a2", 950), AppealStatus::Approved)]);
        assert_eq!(done.reviews.len(), 2);
        let filter = |appeal| ViolationFilter { appeal: Some(appeal), ..ViolationFilter::default() };
        let count = async |appeal| {
            store.list_violations(&filter(appeal), &Page::first(10)).await.unwrap().items.len()
        };
        assert_eq!(count(AppealStatus::Approved).await, 1);
        assert_eq!(count(AppealStatus::Waiting).await, 0);
    }

    async fn where_a_claim_and_an_appeal_wait_a_review_says_which(place: Place) {
        let store = with_violation(&place).await;
        store.insert_handling(&handling("h1", 100, HandlingResult::FalseAlarm)).await.unwrap();
        store.insert_appeal(&appeal("a1", 100)).await.unwrap();
        let either = store.insert_review(&review("w0", Decision::Approved), None).await;
        assert_eq!(refusal(either), Refusal::TwoWait);
        let of = Some(ClaimKind::Appeal);
        let claim = store.insert_review(&review("w1", Decision::Rejected), of).await.unwrap();
        assert_eq!(claim.id, "a1");
        let gone = store.insert_review(&review("w2", Decision::Rejected), of).await;
        assert_eq!(refusal(gone), Refusal::NothingWaits);
        // One waits: it need not be named.
        let claim = store.insert_review(&review("w3", Decision::Approved), None).await.unwrap();
        assert_eq!(claim.id, "h1");
        let stored = store.violation("v").await.unwrap();
        assert_eq!(stored.appeal_status, Some(AppealStatus::Rejected));
        assert!(stored.false_alarm_approved);
    }

    async fn of_many_appeals_at_once_one_is_taken(place: Place) {
        let store = with_violation(&place).await;
        let tries: Vec<_> = (0..6)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move {
                    store.insert_appeal(&appeal(&format!("a{n}"), 100 + n)).await.is_ok()
                })
            })
            .collect();
        let mut accepted = 0;
        for attempt in tries {
            accepted += u32::from(attempt.await.unwrap());
        }
        assert_eq!(accepted, 1);
    }

    async fn an_appeal_stays_with_every_revision(place: Place) {
        let store = with_violation(&place).await;
        store.insert_appeal(&appeal("a1", 100)).await.unwrap();
        correct(&store, false, 50).await;
        correct(&store, true, 50).await;
        let (now, revisions) = store.violation_revisions("v").await.unwrap();
        assert_eq!((now.revision, now.status().name(), revisions.len()), (3, "withdrawn", 3));
        assert_eq!((now.appeal_status, now.appealed_at), (Some(AppealStatus::Waiting), Some(at(100))));
        // Nothing new is taken; what waits may be ended.
        assert_eq!(refusal(store.insert_appeal(&appeal("a2", 110)).await), Refusal::Withdrawn);
        let claim = handling("h1", 120, HandlingResult::Educated);
        assert_eq!(refusal(store.insert_handling(&claim).await), Refusal::Withdrawn);
        let late = store.insert_reminder(&reminder("r1", "v", at(130))).await;
        assert_eq!(refusal(late), Refusal::Withdrawn);
        let changes = store.last_change().await.unwrap();
        store.insert_review(&review("w1", Decision::Approved), None).await.unwrap();
        let stored = store.violation("v").await.unwrap();
        assert_eq!(stored.appeal_status, Some(AppealStatus::Approved));
        // It is told as what was done, and as the violation that it leaves.
        let told = store.changes_after(changes, 10).await.unwrap();
        let kinds: Vec<_> = told.iter().map(|change| change.kind).collect();
        assert_eq!(kinds, [ChangeKind::Duty, ChangeKind::Violation]);
        assert!(told[0].body.contains(r#""of":"appeal""#), "{}", told[0].body);
        assert_eq!(told[1].violation().unwrap(), Some(stored));
    }


    async fn the_first_completed_handling_counts(place: Place) {
        let store = place.owner().await;
        store.import_fleet(&folder()).await.unwrap();
        let flush = violations(vec![upsert("v", "e1", violation(1, 0))]);
        store.commit_flush(&flush).await.unwrap();
        store.insert_handling(&handling("h1", 100, HandlingResult::Educated)).await.unwrap();
        store.insert_handling(&handling("h2", 200, HandlingResult::Penalised)).await.unwrap();
        let stored = store.violation("v").await.unwrap();
        assert_eq!(stored.handled_at, Some(at(100)));
        assert_eq!(stored.handling_result, Some(HandlingResult::Penalised));
        let filter = ViolationFilter { handled: Some(true), ..ViolationFilter::default() };
        let found = store.list_violations(&filter, &Page::first(10)).await.unwrap();
        assert_eq!(found.items, [stored]);
        let changes = store.changes_of_kind_after(ChangeKind::Duty, 0, 10).await.unwrap();
        assert_eq!(changes.len(), 2);
        assert_eq!(changes[0].key, "v");
    }
}
