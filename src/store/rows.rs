//! Typed reading of columns.

use std::str::FromStr;

use sqlx::any::AnyRow;
use sqlx::{Any, Decode, Row as _, Type};

use super::engine::map_error;
use super::error::StoreError;
use crate::model::violation::Grave;
use crate::model::{Plate, PlateColor, Span, Timestamp};

/// Reading by position; an impossible value is [`StoreError::Broken`].
pub(crate) trait Columns {
    /// Any type of the driver.
    fn cell<'r, T: Decode<'r, Any> + Type<Any>>(&'r self, index: usize) -> Result<T, StoreError>;

    /// A whole number.
    fn int(&self, index: usize) -> Result<i64, StoreError> {
        self.cell(index)
    }

    /// A whole number, where there is one.
    fn int_opt(&self, index: usize) -> Result<Option<i64>, StoreError> {
        self.cell(index)
    }

    /// A whole number of a smaller type.
    fn number<T: TryFrom<i64>>(&self, index: usize, what: &'static str) -> Result<T, StoreError> {
        narrow(self.int(index)?, what)
    }

    /// A whole number of a smaller type, where there is one.
    fn number_opt<T: TryFrom<i64>>(
        &self,
        index: usize,
        what: &'static str,
    ) -> Result<Option<T>, StoreError> {
        self.int_opt(index)?
            .map(|value| narrow(value, what))
            .transpose()
    }

    /// A yes or no.
    fn flag(&self, index: usize) -> Result<bool, StoreError> {
        Ok(self.int(index)? != 0)
    }

    /// A moment.
    fn time(&self, index: usize) -> Result<Timestamp, StoreError> {
        self.int(index).map(Timestamp::from_millis)
    }

    /// A moment, where there is one.
    fn time_opt(&self, index: usize) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.int_opt(index)?.map(Timestamp::from_millis))
    }

    /// When a violation became grave, in two columns: fix time, time of receipt.
    fn grave(&self, index: usize) -> Result<Option<Grave>, StoreError> {
        let times = self.time_opt(index)?.zip(self.time_opt(index + 1)?);
        Ok(times.map(|(at, seen_at)| Grave { at, seen_at }))
    }

    /// A span, where there is one.
    fn span_opt(&self, index: usize) -> Result<Option<Span>, StoreError> {
        Ok(self.int_opt(index)?.map(Span::from_millis))
    }

    /// Text.
    fn text(&self, index: usize) -> Result<String, StoreError> {
        self.cell(index)
    }

    /// Text, where there is some.
    fn text_opt(&self, index: usize) -> Result<Option<String>, StoreError> {
        self.cell(index)
    }

    /// A name of a closed list, or another checked text.
    fn name<T: FromStr>(&self, index: usize, what: &'static str) -> Result<T, StoreError> {
        self.cell::<&str>(index)?
            .parse()
            .or(Err(StoreError::damaged(what)))
    }

    /// The same, where there is one.
    fn name_opt<T: FromStr>(
        &self,
        index: usize,
        what: &'static str,
    ) -> Result<Option<T>, StoreError> {
        self.cell::<Option<&str>>(index)?
            .map(|text| text.parse().or(Err(StoreError::damaged(what))))
            .transpose()
    }

    /// Bytes.
    fn bytes(&self, index: usize) -> Result<&[u8], StoreError> {
        self.cell(index)
    }

    /// A plate from two columns, text and colour.
    fn plate(&self, index: usize) -> Result<Plate, StoreError> {
        Ok(Plate {
            text: self.text(index)?,
            color: self.name::<PlateColor>(index + 1, "plate colour")?,
        })
    }
}

impl Columns for AnyRow {
    fn cell<'r, T: Decode<'r, Any> + Type<Any>>(&'r self, index: usize) -> Result<T, StoreError> {
        self.try_get(index).map_err(map_error)
    }
}

/// A number that must fit.
pub(crate) fn narrow<T: TryFrom<i64>>(value: i64, what: &'static str) -> Result<T, StoreError> {
    T::try_from(value).or(Err(StoreError::damaged(what)))
}
