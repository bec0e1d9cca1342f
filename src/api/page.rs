//! Lists in pages: a seek key travels as an opaque cursor, so that inserts move nothing.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::error::ApiError;
use super::state::ApiLimits;
use super::text::hex;
use crate::model::Timestamp;
use crate::store;

/// Paging parameters of every list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageParams {
    /// Items in the answer; default 50, at most 1000.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

impl PageParams {
    /// Items asked for.
    ///
    /// # Errors
    /// [`ApiError::BadQuery`] for 0 or more than the bound.
    pub(super) fn limit(&self, limits: &ApiLimits) -> Result<u32, ApiError> {
        let limit = self.limit.unwrap_or(limits.page_items_default);
        if (1..=limits.page_items_max).contains(&limit) {
            Ok(limit)
        } else {
            Err(ApiError::BadQuery(format!(
                "limit must be from 1 to {}",
                limits.page_items_max
            )))
        }
    }

    /// The seek key after which the page begins.
    ///
    /// # Errors
    /// [`ApiError::BadCursor`] when the cursor is not of this list.
    pub(super) fn after<K: SeekKey>(&self) -> Result<Option<K>, ApiError> {
        self.after.as_deref().map(decode).transpose()
    }

    /// The page as the store wants it.
    ///
    /// # Errors
    /// As [`PageParams::limit`] and [`PageParams::after`].
    pub(super) fn page<K: SeekKey>(&self, limits: &ApiLimits) -> Result<store::Page<K>, ApiError> {
        Ok(store::Page {
            limit: self.limit(limits)?,
            after: self.after()?,
        })
    }
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub(super) struct List<T> {
    /// The items.
    pub(super) items: Vec<T>,
    /// Cursor of the next page; null when this is the last.
    pub(super) next: Option<String>,
}

/// Described by hand: the derived name would be the same for a list of anything.
impl<T: ToSchema> PartialSchema for List<T> {
    fn schema() -> RefOr<Schema> {
        let cursor = SchemaType::from_iter([Type::String, Type::Null]);
        ObjectBuilder::new()
            .property("items", Ref::from_schema_name(T::name()).to_array_builder())
            .required("items")
            .property(
                "next",
                ObjectBuilder::new()
                    .schema_type(cursor)
                    .description(Some("Cursor of the next page; null when this is the last")),
            )
            .required("next")
            .into()
    }
}

impl<T: ToSchema> ToSchema for List<T> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("ListOf{}", T::name()))
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

impl<T> List<T> {
    /// A page of the store, its items written as JSON.
    pub(super) fn of<R, K: SeekKey>(listed: store::Listed<R, K>, body: impl FnMut(R) -> T) -> Self {
        Self {
            next: listed.next.as_ref().map(encode),
            items: listed.items.into_iter().map(body).collect(),
        }
    }
}

/// What a list is sorted by, made of texts.
pub(super) trait SeekKey: Sized {
    /// Its parts.
    fn parts(&self) -> Vec<String>;
    /// From its parts; `None` when they are not of such a key.
    fn from_parts(parts: &[String]) -> Option<Self>;
}

impl SeekKey for String {
    fn parts(&self) -> Vec<String> {
        vec![self.clone()]
    }
    fn from_parts(parts: &[String]) -> Option<Self> {
        match parts {
            [text] => Some(text.clone()),
            _ => None,
        }
    }
}

impl SeekKey for i64 {
    fn parts(&self) -> Vec<String> {
        vec![self.to_string()]
    }
    fn from_parts(parts: &[String]) -> Option<Self> {
        match parts {
            [number] => number.parse().ok(),
            _ => None,
        }
    }
}

impl SeekKey for (Timestamp, String) {
    fn parts(&self) -> Vec<String> {
        vec![self.0.millis().to_string(), self.1.clone()]
    }
    fn from_parts(parts: &[String]) -> Option<Self> {
        match parts {
            [millis, text] => Some((Timestamp::from_millis(millis.parse().ok()?), text.clone())),
            _ => None,
        }
    }
}

/// Between the parts of a key; no key of ours holds it.
const SEPARATOR: char = '\u{1f}';

/// A cursor that stands for a seek key.
pub(super) fn encode<K: SeekKey>(key: &K) -> String {
    hex(key.parts().join(&SEPARATOR.to_string()).as_bytes())
}

/// The seek key of a cursor.
///
/// # Errors
/// [`ApiError::BadCursor`] when it is not of such a key.
pub(super) fn decode<K: SeekKey>(cursor: &str) -> Result<K, ApiError> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes: Option<Vec<u8>> = cursor
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
            _ => None,
        })
        .collect();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|key| {
            let parts: Vec<String> = key.split(SEPARATOR).map(str::to_owned).collect();
            K::from_parts(&parts)
        })
        .ok_or(ApiError::BadCursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_gives_back_its_key() {
        let key = (Timestamp::from_millis(-5), "湘A12345".to_owned());
        let cursor = encode(&key);
        assert_eq!(decode::<(Timestamp, String)>(&cursor).unwrap(), key);
        for bad in ["zz", "a", "é", "ff", &cursor] {
            assert!(decode::<i64>(bad).is_err(), "{bad}");
        }
    }
}
