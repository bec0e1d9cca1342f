//! N4: post checks (查岗) are answered in time.

use super::Case;
use super::rule::Rule;
use super::verdict::{Evidence, Judgement};
use crate::model::duty::Inquiry;

/// Answered in time over all that are decided: answered, or past their deadline.
///
/// A late answer is a missed one. One missed inquiry of the strict window fails by itself.
/// Source: contract section 6, regulations 14, E20.
pub(super) fn judge(case: &Case<'_>) -> Judgement {
    let (mut in_time, mut missed, mut strict) = (0_u32, Vec::new(), false);
    let sent = |inquiry: &&Inquiry| case.in_period(inquiry.sent_at);
    for inquiry in case.facts.inquiries.iter().filter(sent) {
        let deadline = inquiry.sent_at + inquiry.answer_within;
        match &inquiry.answer {
            Some(answer) if answer.answered_at <= deadline => in_time += 1,
            None if case.now <= deadline => {}
            Some(_) | None => {
                let at_night = is_strict(case, inquiry);
                strict |= at_night;
                missed.push(evidence(inquiry, at_night));
            }
        }
    }
    let threshold = case.rules.inquiry_rate_min;
    let late = u32::try_from(missed.len()).unwrap_or(u32::MAX);
    if in_time == 0 && late == 0 {
        return Judgement::passes(Rule::N4, None, threshold);
    }
    let rate = f64::from(in_time) / (f64::from(in_time) + f64::from(late));
    if rate >= threshold && !strict {
        return Judgement::passes(Rule::N4, Some(rate), threshold);
    }
    Judgement::fails(Rule::N4, rate, threshold, missed)
}

fn is_strict(case: &Case<'_>, inquiry: &Inquiry) -> bool {
    case.rules
        .inquiry_strict_window
        .contains(case.zone.millis_of_day(inquiry.sent_at))
}

fn evidence(inquiry: &Inquiry, at_night: bool) -> Evidence {
    let deadline = inquiry.sent_at + inquiry.answer_within;
    let how = match &inquiry.answer {
        Some(answer) => format!(
            "was answered {} s late",
            answer.answered_at.since(deadline).seconds()
        ),
        None => "was not answered".to_owned(),
    };
    let when = if at_night {
        ", sent in the hours in which none may be missed"
    } else {
        ""
    };
    Evidence {
        from: inquiry.sent_at,
        to: deadline,
        note: format!("inquiry {} {how}{when}", inquiry.id),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, at, facts, inquiry, judgement};
    use super::*;
    use crate::model::duty::DutyFacts;
    use crate::model::{Span, Timestamp};

    fn n4(inquiries: Vec<Inquiry>) -> Judgement {
        let mut facts: DutyFacts = facts();
        facts.inquiries = inquiries;
        judgement(&facts, Rule::N4)
    }

    fn after(seconds: i64) -> Timestamp {
        at("2026-11-21 03:12") + Span::from_seconds(seconds)
    }

    #[test]
    fn e20_answers_at_the_deadline() {
        let in_time = n4(vec![inquiry("q1", "2026-11-21 03:12", Some(after(299)))]);
        assert_eq!((in_time.fails, in_time.value), (false, Some(1.0)));
        assert!(!n4(vec![inquiry("q1", "2026-11-21 03:12", Some(after(300)))]).fails);
        let late = n4(vec![inquiry("q1", "2026-11-21 03:12", Some(after(301)))]);
        assert_eq!((late.fails, late.value), (true, Some(0.0)));
    }

    #[test]
    fn e20_a_month_with_twenty_eight_of_thirty_in_time() {
        let mut list: Vec<Inquiry> = (0..28)
            .map(|n| {
                inquiry(
                    &format!("q{n}"),
                    "2026-11-21 10:00",
                    Some(at("2026-11-21 10:01")),
                )
            })
            .collect();
        list.push(inquiry(
            "late",
            "2026-11-21 11:00",
            Some(at("2026-11-21 11:06")),
        ));
        list.push(inquiry("none", "2026-11-21 12:00", None));
        let month = n4(list.clone());
        assert!(!month.fails);
        assert!((month.value.unwrap() - 0.9333).abs() < 1e-4);
        list.push(inquiry("night", "2026-11-21 04:59", None));
        let strict = n4(list);
        assert!(strict.fails && strict.value.unwrap() > 0.9);
    }

    #[test]
    fn an_inquiry_that_may_still_be_answered_is_not_counted() {
        let mut facts = facts();
        facts.inquiries = vec![inquiry("q1", "2026-11-21 10:00", None)];
        let at_deadline = at("2026-11-21 10:05");
        let n4 = samples::judgement_at(&facts, samples::day(), at_deadline, Rule::N4);
        assert_eq!((n4.fails, n4.value), (false, None));
        let past = at_deadline + Span::from_millis(1);
        assert!(samples::judgement_at(&facts, samples::day(), past, Rule::N4).fails);
    }

    #[test]
    fn five_in_the_morning_is_outside_the_strict_window() {
        let mut list: Vec<Inquiry> = (0..9)
            .map(|n| {
                inquiry(
                    &format!("q{n}"),
                    "2026-11-21 10:00",
                    Some(at("2026-11-21 10:01")),
                )
            })
            .collect();
        list.push(inquiry("five", "2026-11-21 05:00", None));
        assert!(!n4(list).fails);
    }
}
