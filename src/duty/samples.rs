//! Small worlds for the tests of this module: an enterprise that does its duty, to be spoilt.

use super::{DutyPicture, DutyVerdict, Judgement, Rule};
use crate::model::duty::{
    DutyFacts, Inquiry, InquiryAnswer, MinuteSet, Period, Shift, ViolationFact,
};
use crate::model::fleet::Monitor;
use crate::model::rules::{DailyWindow, DutyRules};
use crate::model::{LocalZone, Plate, PlateColor, Severity, Span, Timestamp, ViolationKind};

/// A moment of local time: `2026-11-21 06:00`.
pub(super) fn at(text: &str) -> Timestamp {
    let (date, time) = text.split_once(' ').unwrap();
    Timestamp::from_rfc3339(&format!("{date}T{time}:00+08:00")).unwrap()
}

/// The period of most tests: 21 November.
pub(super) fn day() -> Period {
    Period {
        from: at("2026-11-21 00:00"),
        to: at("2026-11-22 00:00"),
    }
}

/// The thresholds of the contract.
pub(super) fn rules() -> DutyRules {
    DutyRules {
        monitors_min: 2,
        vehicles_per_monitor: 100,
        uncovered_min_max: 10,
        handling_rate_min: 0.9,
        handling_due: Span::from_hours(7 * 24),
        inquiry_rate_min: 0.9,
        inquiry_strict_window: DailyWindow {
            begin_ms: 2 * 3_600_000,
            end_ms: 5 * 3_600_000,
        },
        offline_max: Span::from_minutes(30),
        fault_alarm_mask: 0b1_1111_0000,
        reminder_severity_min: Severity::L3,
        reminder_within: Span::from_minutes(5),
        reminder_data_age_max: Span::from_minutes(5),
        online_rate_min: 0.95,
    }
}

/// An enterprise of ten vehicles that does its duty.
pub(super) fn facts() -> DutyFacts {
    DutyFacts {
        enterprise_id: "E1".to_owned(),
        name: "First".to_owned(),
        region: "430102".parse().unwrap(),
        vehicles: 10,
        vehicles_in_network: 10,
        vehicles_online: 10,
        vehicles_silent: Vec::new(),
        last_fix: Some(at("2026-11-21 23:59")),
        monitors: vec![
            monitor("m1", Some("2027-06-01 00:00")),
            monitor("m2", Some("2027-06-01 00:00")),
        ],
        shifts: Vec::new(),
        operating: Vec::new(),
        violations: Vec::new(),
        inquiries: Vec::new(),
        faults: Vec::new(),
        contradictions: Vec::new(),
    }
}

pub(super) fn monitor(id: &str, trained_until: Option<&str>) -> Monitor {
    Monitor {
        id: id.to_owned(),
        name: id.to_owned(),
        enterprise_id: "E1".to_owned(),
        trained_until: trained_until.map(at),
    }
}

pub(super) fn shift(monitor: &str, started_at: &str, ended_at: Option<&str>) -> Shift {
    Shift {
        id: format!("{monitor}-{started_at}"),
        enterprise_id: "E1".to_owned(),
        monitor_id: monitor.to_owned(),
        started_at: at(started_at),
        ended_at: ended_at.map(at),
        note: Some("handed over".to_owned()),
    }
}

pub(super) fn inquiry(id: &str, sent_at: &str, answered_at: Option<Timestamp>) -> Inquiry {
    Inquiry {
        id: id.to_owned(),
        enterprise_id: "E1".to_owned(),
        question: "who is on duty?".to_owned(),
        sent_at: at(sent_at),
        answer_within: Span::from_seconds(300),
        answer: answered_at.map(|answered_at| InquiryAnswer {
            answered_at,
            answer: "m1".to_owned(),
            responder: "m1".to_owned(),
            phone: String::new(),
        }),
    }
}

/// A speeding of one minute, L1, seen at once.
pub(super) fn violation(id: &str, started_at: &str) -> ViolationFact {
    let started_at = at(started_at);
    ViolationFact {
        id: id.to_owned(),
        plate: Plate::new("湘A12345", PlateColor::Yellow).unwrap(),
        kind: ViolationKind::Speeding,
        severity: Severity::L1,
        started_at,
        confirmed_at: started_at,
        ended_at: Some(started_at + Span::from_minutes(1)),
        first_seen_at: started_at,
        grave: None,
        last_fix: started_at + Span::from_minutes(1),
        reminded_at: None,
        handled_at: None,
        false_alarm_approved: false,
        withdrawn: false,
    }
}

/// Every minute of `[from, to)` as operating minutes by day.
pub(super) fn operating(from: &str, to: &str) -> Vec<(i64, MinuteSet)> {
    let zone = LocalZone::default();
    let mut days: Vec<(i64, MinuteSet)> = Vec::new();
    let mut time = at(from);
    while time < at(to) {
        let day = zone.day(time);
        if days.last().is_none_or(|(last, _)| *last != day) {
            days.push((day, MinuteSet::default()));
        }
        let minute = u16::try_from(zone.millis_of_day(time) / 60_000).unwrap();
        if let Some((_, set)) = days.last_mut() {
            set.insert(minute);
        }
        time = time + Span::from_minutes(1);
    }
    days
}

pub(super) fn evaluate(facts: &DutyFacts, period: Period, now: Timestamp) -> DutyVerdict {
    super::evaluate(facts, period, now, &rules(), LocalZone::default())
}

pub(super) fn picture(facts: &DutyFacts, period: Period, now: Timestamp) -> DutyPicture {
    super::picture(facts, period, now, &rules(), LocalZone::default())
}

/// One rule for 21 November, seen at its end.
pub(super) fn judgement(facts: &DutyFacts, rule: Rule) -> Judgement {
    judgement_at(facts, day(), day().to, rule)
}

pub(super) fn judgement_at(
    facts: &DutyFacts,
    period: Period,
    now: Timestamp,
    rule: Rule,
) -> Judgement {
    picture(facts, period, now)
        .judgements
        .into_iter()
        .find(|judgement| judgement.rule == rule)
        .unwrap()
}
