//! Whether fixes that may be over their limits can come to anything.
//!
//! ```text
//! none --suspect--> run --no suspect, or a gap--> ended --suspect within the join time--> run
//! ended --join time over--> none: the chain is over
//! ```
//!
//! A suspect is a fix that is over the limit of some road that it may drive. Whatever the roads turn
//! out to be, a span of speeding lies within a run of suspects, and spans that join lie within a chain
//! of runs that follow each other within the join time. So a chain without a run that is long enough
//! to count holds no violation, and nobody need ask for its roads.

use crate::model::Timestamp;
use crate::model::rules::SpeedingRules;

/// The chain of runs that goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Suspects {
    pub(super) run: Option<Run>,
    /// End of the last run before.
    pub(super) ended: Option<Timestamp>,
    /// One of its runs is long enough.
    pub(super) counts: bool,
}

/// Suspects in a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) from: Timestamp,
    pub(super) last: Timestamp,
}

/// What a fix settles about the suspects before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// Nothing yet.
    Open,
    /// There may be a violation.
    Counts,
    /// There is none.
    Nothing,
}

impl Suspects {
    /// Takes in what a fix ends; what that settles.
    pub(super) fn handle_end(
        &mut self,
        rules: &SpeedingRules,
        time: Timestamp,
        after_gap: bool,
        is_suspect: bool,
    ) -> Settled {
        let counted = self.counts;
        if (after_gap || !is_suspect)
            && let Some(run) = self.run.take()
        {
            let end = if after_gap { run.last } else { time };
            self.counts |= end.since(run.from) > rules.counts_over;
            self.ended = Some(end);
        }
        let counts = self.counts;
        let is_over = |end: Timestamp| time.since(end) >= rules.join_within;
        let over = self.run.is_none() && self.ended.is_some_and(is_over);
        if over {
            *self = Self::default();
        }
        match (counts, over) {
            (true, _) if !counted => Settled::Counts,
            (false, true) => Settled::Nothing,
            _ => Settled::Open,
        }
    }

    /// Takes in a suspect, after [`Self::handle_end`]; what that settles, itself included.
    pub(super) fn handle_suspect(&mut self, rules: &SpeedingRules, time: Timestamp) -> Settled {
        let run = self.run.get_or_insert(Run {
            from: time,
            last: time,
        });
        run.last = time;
        let counted = self.counts;
        self.counts |= time.since(run.from) > rules.counts_over;
        if self.counts && !counted {
            Settled::Counts
        } else {
            Settled::Open
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;
    use crate::rulebook::{default_document, parse};

    /// What fixes settle: by what they end, and by what they begin. `s` suspects, `.` others, `|` a
    /// suspect after a gap; ten seconds from one to the next, unless seconds stand behind the letter.
    fn check(fixes: &str, expected: &str) {
        let rules = parse(default_document()).unwrap().speeding;
        let mut suspects = Suspects::default();
        let mut time = Timestamp::from_seconds(1_000_000);
        let mut told = Vec::new();
        for (at, letter) in fixes.char_indices() {
            if letter.is_ascii_digit() {
                continue;
            }
            let rest = fixes.chars().skip(at + 1);
            let digits: String = rest.take_while(char::is_ascii_digit).collect();
            let is_suspect = letter != '.';
            let ended = suspects.handle_end(&rules, time, letter == '|', is_suspect);
            let begun = is_suspect.then(|| suspects.handle_suspect(&rules, time));
            let name = |settled: Settled| format!("{settled:?}").remove(0);
            told.push(format!("{}{}", name(ended), begun.map_or('-', name)));
            time = time + Span::from_seconds(digits.parse().unwrap_or(10));
        }
        assert_eq!(told.join(" "), expected, "{fixes}");
    }

    #[test]
    fn a_run_counts_when_it_has_lasted_longer_than_the_law_asks() {
        check("ssss.", "OO OO OO OO C-");
        check("sss.", "OO OO OO O-");
        check("sssss.", "OO OO OO OO OC O-");
    }

    #[test]
    fn short_runs_come_to_nothing_once_no_other_can_join() {
        check("s........", "OO O- O- O- O- O- O- N- O-");
        check("s..s20.40s.60.", "OO O- O- OO O- OO O- N-");
    }

    #[test]
    fn a_gap_ends_a_run_at_its_last_fix() {
        check("sss|.", "OO OO OO OO O-");
        check("sss400|", "OO OO OO NO");
    }
}
