//! Times, places and names at the edge: how they are written and read.

use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::error::ApiError;
use crate::model::duty::Period;
use crate::model::{LocalZone, Span, Timestamp};

/// A moment as written in answers: RFC 3339 in the local zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(super) struct Moment(String);

impl Moment {
    /// A moment in the zone of the answers.
    pub(super) fn new(time: Timestamp, zone: LocalZone) -> Self {
        Self(zone.rfc3339(time))
    }
}

fn date_time_schema() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .description(Some("RFC 3339 with an offset"))
        .into()
}

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        date_time_schema()
    }
}
impl ToSchema for Moment {}

/// A moment as read from a query or a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GivenMoment(pub(super) Timestamp);

impl<'de> Deserialize<'de> for GivenMoment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text)
            .map(Self)
            .ok_or_else(|| de::Error::custom("must be RFC 3339 with an offset"))
    }
}

impl PartialSchema for GivenMoment {
    fn schema() -> RefOr<Schema> {
        date_time_schema()
    }
}
impl ToSchema for GivenMoment {}

/// Reads RFC 3339; a space where the offset's plus was is taken for it.
///
/// In a query an unescaped `+` means a space, and most people type it unescaped.
fn parse(text: &str) -> Option<Timestamp> {
    let time = Timestamp::from_rfc3339(text).or_else(|| {
        let (date_time, offset) = text.rsplit_once(' ')?;
        Timestamp::from_rfc3339(&format!("{date_time}+{offset}"))
    })?;
    // Years 0 to 9999, so that what came in can be written out again.
    (EARLIEST_MS..LATEST_MS)
        .contains(&time.millis())
        .then_some(time)
}

/// 0000-01-02 and 9999-12-31 UTC. Unit: milliseconds since 1970.
const EARLIEST_MS: i64 = -62_167_132_800_000;
const LATEST_MS: i64 = 253_402_214_400_000;

/// The period that a request names, by default the last 24 h before `now`.
///
/// # Errors
/// [`ApiError::BadQuery`] when it is empty, turned round, or longer than `days_max`.
pub(super) fn period(
    from: Option<GivenMoment>,
    to: Option<GivenMoment>,
    now: Timestamp,
    days_max: u32,
) -> Result<Period, ApiError> {
    let day = Span::from_hours(24);
    let (from, to) = match (from, to) {
        (Some(from), Some(to)) => (from.0, to.0),
        (Some(from), None) => (from.0, now.max(from.0 + Span::from_millis(1))),
        (None, Some(to)) => (to.0 - day, to.0),
        (None, None) => (now - day, now),
    };
    if from >= to {
        return Err(ApiError::BadQuery("from must be before to".to_owned()));
    }
    if to.since(from) > Span::from_hours(24 * i64::from(days_max)) {
        return Err(ApiError::BadQuery(format!(
            "the period may be {days_max} days at most"
        )));
    }
    Ok(Period { from, to })
}

/// One name or several with commas between, each of a closed list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names<T>(pub(super) Vec<T>);

impl<'de, T: std::str::FromStr> Deserialize<'de> for Names<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.split(',')
            .map(|name| {
                name.trim()
                    .parse()
                    .map_err(|_unknown| de::Error::custom(format!("{name:?} is not known")))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// One name of a closed list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name<T>(pub(super) T);

impl<'de, T: std::str::FromStr> Deserialize<'de> for Name<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map(Self)
            .map_err(|_unknown| de::Error::custom(format!("{text:?} is not known")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_lost_in_a_query_is_found_again() {
        let expected = Timestamp::from_rfc3339("2026-11-21T08:00:00+08:00");
        assert_eq!(parse("2026-11-21T08:00:00+08:00"), expected);
        assert_eq!(parse("2026-11-21T08:00:00 08:00"), expected);
        assert_eq!(parse("2026-11-21T00:00:00Z"), expected);
        for bad in ["", "2026-11-21", "2026-11-21T08:00:00", "yesterday"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_default_period_is_the_last_day() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let found = period(None, None, now, 31).unwrap();
        assert_eq!(found.to, now);
        assert_eq!(found.to.since(found.from), Span::from_hours(24));
        let later = GivenMoment(now + Span::from_seconds(1));
        assert!(period(Some(later), Some(GivenMoment(now)), now, 31).is_err());
        let long_ago = GivenMoment(now - Span::from_hours(24 * 40));
        assert!(period(Some(long_ago), None, now, 31).is_err());
    }
}
