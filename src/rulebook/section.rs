//! Reads values of one TOML table by name and notes every problem under its full key.
//!
//! A value that is wrong is replaced by a zero, so that reading goes on and all problems are found
//! at once; a document with problems is never used.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::str::FromStr;

use chrono::{Datelike as _, NaiveDate};
use toml::{Table, Value};

use crate::model::rules::DailyWindow;
use crate::model::{LocalZone, Span, Speed, Timestamp, VehicleClass};

use super::error::{KeyError, KeyProblem};

/// Problems found so far.
pub(super) type Problems = RefCell<Vec<KeyError>>;

/// A table of the document and the keys of it that were not read yet.
#[derive(Debug)]
pub(super) struct Section<'a> {
    path: String,
    table: Table,
    problems: &'a Problems,
}

impl<'a> Section<'a> {
    /// The whole document.
    pub(super) const fn root(table: Table, problems: &'a Problems) -> Self {
        Self {
            path: String::new(),
            table,
            problems,
        }
    }

    /// Notes every key that was not read.
    pub(super) fn finish(self) {
        for key in self.table.keys() {
            self.note(key, KeyProblem::Unknown);
        }
    }

    /// Notes a problem with a key.
    pub(super) fn note(&self, key: &str, problem: KeyProblem) {
        self.problems.borrow_mut().push(KeyError {
            key: self.full(key),
            problem,
        });
    }

    /// A table inside this one.
    pub(super) fn section(&mut self, key: &str) -> Self {
        let table = match self.table.remove(key) {
            Some(Value::Table(table)) => table,
            other => {
                self.wrong(key, other, "a table");
                Table::new()
            }
        };
        self.child(key, table)
    }

    /// The tables of a list.
    pub(super) fn sections(&mut self, key: &str) -> Vec<Self> {
        let Some(Value::Array(values)) = self.table.remove(key) else {
            self.note(key, KeyProblem::Expected("a list of tables"));
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (index, value) in values.into_iter().enumerate() {
            let key = format!("{key}[{index}]");
            match value {
                Value::Table(table) => sections.push(self.child(&key, table)),
                other => self.wrong(&key, Some(other), "a table"),
            }
        }
        sections
    }

    /// The same, where the key may be left out.
    pub(super) fn optional_sections(&mut self, key: &str) -> Vec<Self> {
        if self.has(key) {
            self.sections(key)
        } else {
            Vec::new()
        }
    }

    /// A table that may be left out, with whatever is in it.
    pub(super) fn optional_table(&mut self, key: &str) -> Option<Table> {
        match self.table.remove(key)? {
            Value::Table(table) => Some(table),
            other => {
                self.wrong(key, Some(other), "a table");
                None
            }
        }
    }

    /// Whether a key stands here and was not read.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A text.
    pub(super) fn text(&mut self, key: &str) -> String {
        match self.table.remove(key) {
            Some(Value::String(text)) if !text.trim().is_empty() => text,
            other => {
                self.wrong(key, other, "a text that is not empty");
                String::new()
            }
        }
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, key: &str) -> bool {
        match self.table.remove(key) {
            Some(Value::Boolean(flag)) => flag,
            other => {
                self.wrong(key, other, "true or false");
                false
            }
        }
    }

    /// A name of a closed list.
    pub(super) fn name<T: FromStr>(&mut self, key: &str, fallback: T, expected: &'static str) -> T {
        let text = self.table.remove(key);
        let value = text.as_ref().and_then(Value::as_str);
        if let Some(Ok(value)) = value.map(T::from_str) {
            return value;
        }
        self.wrong(key, text, expected);
        fallback
    }

    /// The same, where the key may be left out.
    pub(super) fn optional_name<T: FromStr>(
        &mut self,
        key: &str,
        expected: &'static str,
    ) -> Option<T> {
        let text = self.table.remove(key)?;
        let value = text.as_str().and_then(|text| T::from_str(text).ok());
        if value.is_none() {
            self.wrong(key, Some(text), expected);
        }
        value
    }

    /// Names of a closed list.
    pub(super) fn names(&mut self, key: &str) -> Vec<String> {
        let names = match self.table.remove(key) {
            Some(Value::Array(values)) => values
                .into_iter()
                .map(|value| value.as_str().map(ToOwned::to_owned))
                .collect(),
            _ => None,
        };
        names.unwrap_or_else(|| {
            self.note(key, KeyProblem::Expected("a list of names"));
            Vec::new()
        })
    }

    /// Vehicle classes.
    pub(super) fn vehicle_classes(&mut self, key: &str) -> Vec<VehicleClass> {
        let names = self.names(key);
        let classes: Vec<_> = names.iter().filter_map(|name| name.parse().ok()).collect();
        if classes.len() < names.len() {
            self.note(key, KeyProblem::Expected("a list of vehicle classes"));
        }
        classes
    }

    /// A number.
    pub(super) fn number(&mut self, key: &str, range: &RangeInclusive<f64>) -> f64 {
        let number = match self.table.remove(key) {
            Some(Value::Float(number)) => number,
            #[expect(clippy::cast_precision_loss, reason = "the range check follows")]
            Some(Value::Integer(number)) => number as f64,
            other => {
                self.wrong(key, other, "a number");
                return *range.start();
            }
        };
        self.in_range(key, number, range)
    }

    /// A whole number.
    pub(super) fn whole<T: TryFrom<i64> + Copy + Into<i64>>(
        &mut self,
        key: &str,
        range: &RangeInclusive<T>,
    ) -> T {
        let bounds = (*range.start()).into()..=(*range.end()).into();
        match self.table.remove(key) {
            Some(Value::Integer(number)) => {
                let number = self.in_range(key, number, &bounds);
                T::try_from(number).ok().unwrap_or(*range.start())
            }
            other => {
                self.wrong(key, other, "a whole number");
                *range.start()
            }
        }
    }

    /// Whole numbers.
    pub(super) fn wholes(&mut self, key: &str, range: &RangeInclusive<i64>) -> Vec<i64> {
        let numbers: Option<Vec<i64>> = match self.table.remove(key) {
            Some(Value::Array(values)) => values.iter().map(Value::as_integer).collect(),
            _ => None,
        };
        let Some(numbers) = numbers else {
            self.note(key, KeyProblem::Expected("a list of whole numbers"));
            return Vec::new();
        };
        numbers
            .into_iter()
            .map(|number| self.in_range(key, number, range))
            .collect()
    }

    /// A speed; the key ends in `_kmh`.
    pub(super) fn speed(&mut self, key: &str, range: &RangeInclusive<f64>) -> Speed {
        Speed::from_kmh(self.number(key, range)).unwrap_or(Speed::ZERO)
    }

    /// The same, where the key may be left out.
    pub(super) fn optional_speed(
        &mut self,
        key: &str,
        range: &RangeInclusive<f64>,
    ) -> Option<Speed> {
        self.has(key).then(|| self.speed(key, range))
    }

    /// Speeds by free names, in order of the names. Unit: km/h.
    pub(super) fn speeds(mut self, range: &RangeInclusive<f64>) -> Vec<(String, Speed)> {
        let keys: Vec<String> = self.table.keys().cloned().collect();
        let mut speeds: Vec<(String, Speed)> = keys
            .into_iter()
            .map(|key| {
                let speed = self.speed(&key, range);
                (key, speed)
            })
            .collect();
        speeds.sort();
        speeds
    }

    /// A length of time in a unit of so many milliseconds.
    pub(super) fn span(&mut self, key: &str, unit: Span, range: &RangeInclusive<f64>) -> Span {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "ranges of the document are far below 2^52 ms"
        )]
        let millis = (self.number(key, range) * unit.millis() as f64).round() as i64;
        Span::from_millis(millis)
    }

    /// A place coordinate in degrees, in millionths.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is at most 180 degrees"
    )]
    pub(super) fn micro_degrees(&mut self, key: &str, range: &RangeInclusive<f64>) -> i32 {
        (self.number(key, range) * 1e6).round() as i32
    }

    /// The first moment of a local day.
    pub(super) fn day(&mut self, key: &str, zone: &LocalZone) -> Timestamp {
        self.optional_day(key, zone).unwrap_or_else(|| {
            let present = self
                .problems
                .borrow()
                .iter()
                .any(|error| error.key == self.full(key));
            if !present {
                self.note(key, KeyProblem::Missing);
            }
            Timestamp::default()
        })
    }

    /// The same, where the key may be left out.
    pub(super) fn optional_day(&mut self, key: &str, zone: &LocalZone) -> Option<Timestamp> {
        let value = self.table.remove(key)?;
        let date = value
            .as_datetime()
            .filter(|value| value.time.is_none() && value.offset.is_none())
            .and_then(|value| value.date)
            .and_then(|date| {
                NaiveDate::from_ymd_opt(date.year.into(), date.month.into(), date.day.into())
            });
        if date.is_none() {
            self.wrong(key, Some(value), "a date such as 2026-06-01");
        }
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1)?;
        Some(zone.day_start(i64::from(
            date?.num_days_from_ce() - epoch.num_days_from_ce(),
        )))
    }

    /// A moment with an offset, or the first moment of a local day; may be left out.
    pub(super) fn optional_moment(&mut self, key: &str, zone: &LocalZone) -> Option<Timestamp> {
        let moment = self.table.get(key)?.as_datetime().and_then(|value| {
            value.offset?;
            Timestamp::from_rfc3339(&value.to_string())
        });
        if moment.is_some() {
            self.table.remove(key);
            return moment;
        }
        self.optional_day(key, zone)
    }

    /// A daily window such as `22:00-06:00`.
    pub(super) fn window(&mut self, key: &str) -> DailyWindow {
        let value = self.table.remove(key);
        let text = value.as_ref().and_then(Value::as_str);
        text.and_then(daily_window).unwrap_or_else(|| {
            self.wrong(key, value, "a window such as 22:00-06:00");
            DailyWindow {
                begin_ms: 0,
                end_ms: 0,
            }
        })
    }

    fn in_range<T: PartialOrd + ToString + Copy>(
        &self,
        key: &str,
        number: T,
        range: &RangeInclusive<T>,
    ) -> T {
        if range.contains(&number) {
            return number;
        }
        let (least, most) = (range.start().to_string(), range.end().to_string());
        self.note(key, KeyProblem::OutOfRange { least, most });
        *range.start()
    }

    fn wrong(&self, key: &str, found: Option<Value>, expected: &'static str) {
        let problem = found.map_or(KeyProblem::Missing, |_| KeyProblem::Expected(expected));
        self.note(key, problem);
    }

    fn child(&self, key: &str, table: Table) -> Self {
        Self {
            path: self.full(key),
            table,
            problems: self.problems,
        }
    }

    fn full(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

/// Reads `HH:MM-HH:MM`; the two times differ.
fn daily_window(text: &str) -> Option<DailyWindow> {
    let (begin, end) = text.split_once('-')?;
    let window = DailyWindow {
        begin_ms: time_of_day(begin)?,
        end_ms: time_of_day(end)?,
    };
    (window.begin_ms != window.end_ms).then_some(window)
}

/// Reads `HH:MM`, 00:00 to 23:59. Unit: milliseconds of the day.
fn time_of_day(text: &str) -> Option<i64> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !two_digits(hour) || !two_digits(minute) {
        return None;
    }
    let (hour, minute) = (hour.parse::<i64>().ok()?, minute.parse::<i64>().ok()?);
    (hour < 24 && minute < 60).then_some((hour * 60 + minute) * 60_000)
}
