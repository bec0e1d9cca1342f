//! Statements whose text depends on how many rows or filters there are.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Any, AnyConnection, Arguments as _, AssertSqlSafe, Encode, Type};

use super::engine::map_error;
use super::error::StoreError;
use crate::model::Timestamp;

/// Rows of one statement, largest first. Fixed sizes keep the number of prepared texts small.
const BATCHES: [usize; 3] = [32, 8, 1];

/// The values of one statement.
#[derive(Default)]
pub(crate) struct Values {
    arguments: AnyArguments,
    error: Option<StoreError>,
}

impl Values {
    /// Adds a value of any type of the driver.
    ///
    /// Do not add `Option<f64>`: the driver declares an absent one as a 32-bit float, and
    /// `PostgreSQL` keeps that type for the prepared statement.
    pub(crate) fn add<'v, T: Encode<'v, Any> + Type<Any>>(&mut self, value: T) -> &mut Self {
        if let Err(source) = self.arguments.add(value) {
            self.error = Some(StoreError::Broken { source });
        }
        self
    }

    /// Adds a number or nothing.
    ///
    /// Nothing goes as nothing of the smaller float: sqlx 0.9 tells PostgreSQL the one for the other,
    /// and a statement that was prepared for the wrong one refuses the numbers that follow.
    pub(crate) fn double_opt(&mut self, value: Option<f64>) -> &mut Self {
        match value {
            Some(value) => self.add(value),
            None => self.add(None::<f32>),
        }
    }

    /// Adds a moment.
    pub(crate) fn time(&mut self, time: Timestamp) -> &mut Self {
        self.add(time.millis())
    }

    /// Adds a moment or nothing.
    pub(crate) fn time_opt(&mut self, time: Option<Timestamp>) -> &mut Self {
        self.add(time.map(Timestamp::millis))
    }

    fn finish(self) -> Result<AnyArguments, StoreError> {
        self.error.map_or(Ok(self.arguments), Err)
    }
}

/// A statement over many rows: `head`, then `row` once for each, then `tail`.
pub(crate) struct Bulk {
    /// Text before the rows.
    pub(crate) head: &'static str,
    /// Text of one row; `$1`, `$2`... are the values of that row.
    pub(crate) row: &'static str,
    /// Values of one row.
    pub(crate) width: usize,
    /// Text after the rows.
    pub(crate) tail: &'static str,
}

impl Bulk {
    /// Runs the statement over all rows; the number of rows that it touched.
    pub(crate) async fn execute<T: Sync>(
        &self,
        connection: &mut AnyConnection,
        rows: &[T],
        bind: impl Fn(&mut Values, &T) + Send + Sync,
    ) -> Result<u64, StoreError> {
        let mut touched = 0;
        for batch in batches(rows) {
            let (text, arguments) = self.prepare(connection, batch, &bind)?;
            let done = sqlx::query_with(AssertSqlSafe(text), arguments)
                .execute(&mut *connection)
                .await
                .map_err(map_error)?;
            touched += done.rows_affected();
        }
        Ok(touched)
    }

    /// Runs the statement over all rows and collects what it returns.
    pub(crate) async fn fetch<T: Sync>(
        &self,
        connection: &mut AnyConnection,
        rows: &[T],
        bind: impl Fn(&mut Values, &T) + Send + Sync,
    ) -> Result<Vec<AnyRow>, StoreError> {
        let mut found = Vec::new();
        for batch in batches(rows) {
            let (text, arguments) = self.prepare(connection, batch, &bind)?;
            let rows = sqlx::query_with(AssertSqlSafe(text), arguments)
                .fetch_all(&mut *connection)
                .await
                .map_err(map_error)?;
            found.extend(rows);
        }
        Ok(found)
    }

    fn prepare<T>(
        &self,
        connection: &AnyConnection,
        rows: &[T],
        bind: impl Fn(&mut Values, &T),
    ) -> Result<(String, AnyArguments), StoreError> {
        let mut values = Values::default();
        for row in rows {
            bind(&mut values, row);
        }
        let bare = connection.backend_name() == "SQLite" && counts_up(self.row, self.width);
        Ok((self.text(rows.len(), bare), values.finish()?))
    }

    /// The whole text; with `bare`, parameters are written `?`.
    ///
    /// For `SQLite` a `$n` is a name, and the driver looks each one up among all names before it:
    /// the cost grows with the square of the rows. `PostgreSQL` knows only `$n`.
    fn text(&self, rows: usize, bare: bool) -> String {
        let size = self.head.len() + rows * (self.row.len() + 3 * self.width) + self.tail.len();
        let mut text = String::with_capacity(size);
        text.push_str(self.head);
        for row in 0..rows {
            if row > 0 {
                text.push(',');
            }
            if bare {
                write_parameters(&mut text, self.row, |_| None);
            } else {
                write_parameters(&mut text, self.row, |number| {
                    Some(number + row * self.width)
                });
            }
        }
        text.push_str(self.tail);
        text
    }
}

/// Splits rows into batches of the fixed sizes.
fn batches<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = BATCHES.into_iter().find(|size| *size <= rows.len())?;
        let (batch, rest) = rows.split_at_checked(size)?;
        rows = rest;
        Some(batch)
    })
}

/// Numbers of the parameters `$n` of a text, each with the text that follows it.
fn parameters(template: &str) -> impl Iterator<Item = (usize, &str)> {
    template.split('$').skip(1).map(|piece| {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = piece.split_at_checked(digits).unwrap_or((piece, ""));
        (number.parse().unwrap_or(0), rest)
    })
}

/// Whether the parameters are `$1` to `$width`, each once and in order.
fn counts_up(template: &str, width: usize) -> bool {
    parameters(template).map(|(number, _)| number).eq(1..=width)
}

/// Copies `template` with every `$n` renumbered, or as `?` where `number` gives nothing.
fn write_parameters(text: &mut String, template: &str, number: impl Fn(usize) -> Option<usize>) {
    text.push_str(template.split('$').next().unwrap_or_default());
    for (parameter, rest) in parameters(template) {
        match number(parameter) {
            Some(number) => {
                text.push('$');
                text.push_str(&number.to_string());
            }
            None => text.push('?'),
        }
        text.push_str(rest);
    }
}

/// A query with optional conditions.
pub(crate) struct Select {
    text: String,
    values: Values,
    count: usize,
}

impl Select {
    /// Starts with text that ends inside a `WHERE`.
    pub(crate) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            values: Values::default(),
            count: 0,
        }
    }

    /// Adds text in which each `{}` stands for `value`.
    pub(crate) fn with<'v, T: Encode<'v, Any> + Type<Any>>(mut self, text: &str, value: T) -> Self {
        self.count += 1;
        self.values.add(value);
        self.text.push(' ');
        self.text
            .push_str(&text.replace("{}", &format!("${}", self.count)));
        self
    }

    /// Adds text in which each `{}` stands for the value, where there is one.
    pub(crate) fn with_some<'v, T: Encode<'v, Any> + Type<Any>>(
        self,
        text: &str,
        value: Option<T>,
    ) -> Self {
        match value {
            Some(value) => self.with(text, value),
            None => self,
        }
    }

    /// Adds text without a value.
    pub(crate) fn plain(mut self, text: &str) -> Self {
        self.text.push(' ');
        self.text.push_str(text);
        self
    }

    /// Runs it and collects the rows.
    pub(crate) async fn fetch<'c, E>(self, executor: E) -> Result<Vec<AnyRow>, StoreError>
    where
        E: sqlx::Executor<'c, Database = Any>,
    {
        let arguments = self.values.finish()?;
        sqlx::query_with(AssertSqlSafe(self.text), arguments)
            .fetch_all(executor)
            .await
            .map_err(map_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_each_row_follow_on() {
        let bulk = Bulk {
            head: "INSERT INTO t VALUES ",
            row: "($1, NULLIF($2, -1), $1)",
            width: 2,
            tail: " RETURNING id",
        };
        assert_eq!(
            bulk.text(2, false),
            "INSERT INTO t VALUES ($1, NULLIF($2, -1), $1),($3, NULLIF($4, -1), $3) RETURNING id",
        );
    }

    #[test]
    fn parameters_lose_their_names_only_where_each_stands_once_and_in_order() {
        assert!(counts_up("($1, NULLIF($2, -1))", 2));
        assert!(!counts_up("($1, NULLIF($2, -1), $1)", 2));
        assert!(!counts_up("($2, $1)", 2));
        let bulk = Bulk {
            head: "INSERT INTO t VALUES ",
            row: "($1, NULLIF($2, -1))",
            width: 2,
            tail: "",
        };
        assert_eq!(
            bulk.text(2, true),
            "INSERT INTO t VALUES (?, NULLIF(?, -1)),(?, NULLIF(?, -1))",
        );
    }

    #[test]
    fn batches_have_fixed_sizes() {
        let sizes: Vec<usize> = batches(&[0; 75]).map(<[i32]>::len).collect();
        assert_eq!(sizes, [32, 32, 8, 1, 1, 1]);
    }
}
