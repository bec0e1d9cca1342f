//! Reading requests: axum's extractors, with our errors.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use super::error::{ApiError, FieldError};
use super::state::Shared;

/// Query parameters; 400 for a value that cannot be read.
#[derive(Debug)]
pub(super) struct Params<T>(pub(super) T);

impl<T, S> FromRequestParts<S> for Params<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::BadQuery(rejection.body_text())),
        }
    }
}

/// Path parameters; 400 for a segment that cannot be read.
#[derive(Debug)]
pub(super) struct Segments<T>(pub(super) T);

impl<T, S> FromRequestParts<S> for Segments<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::BadPath(rejection.body_text())),
        }
    }
}

/// A JSON body: 415 without the content type, 400 when it is not JSON, 422 with the field when it
/// is not what is asked for, 413 when it is too large.
#[derive(Debug)]
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Shared> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, ApiError> {
        if !has_type(request.headers(), &["application/json"]) {
            return Err(ApiError::UnsupportedMediaType("application/json"));
        }
        let bytes = read_body(request, state, state.limits.json_bytes_max).await?;
        parse(&bytes).map(Self)
    }
}

/// An NDJSON body as it came; the content type may be missing.
#[derive(Debug)]
pub(super) struct NdjsonBody(pub(super) Bytes);

/// Names under which NDJSON travels; `application/json` because many clients know no other.
const NDJSON_TYPES: [&str; 6] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/json",
    "text/plain",
    "application/octet-stream",
];

impl FromRequest<Shared> for NdjsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, ApiError> {
        let headers = request.headers();
        // curl's --data-binary says "form" of anything; there is no form here to mistake it for.
        let plain = headers.get(header::CONTENT_TYPE).is_none()
            || has_type(headers, &["application/x-www-form-urlencoded"]);
        if !plain && !has_type(headers, &NDJSON_TYPES) {
            return Err(ApiError::UnsupportedMediaType("application/x-ndjson"));
        }
        read_body(request, state, state.limits.fixes_bytes_max)
            .await
            .map(Self)
    }
}

fn has_type(headers: &HeaderMap, accepted: &[&str]) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|name| {
            let name = name.trim();
            accepted
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known))
        })
}

/// Whether a body is compressed or otherwise coded, which nothing here undoes.
fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

async fn read_body(request: Request, state: &Shared, bytes_max: usize) -> Result<Bytes, ApiError> {
    if is_encoded(request.headers()) {
        return Err(ApiError::UnsupportedEncoding);
    }
    match Bytes::from_request(request, state).await {
        Ok(bytes) if bytes.len() <= bytes_max => Ok(bytes),
        Ok(_)
        | Err(BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_))) => {
            Err(ApiError::BodyTooLarge { bytes_max })
        }
        Err(_) => Err(ApiError::BadBody),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // A list would be taken for the fields of an object in their order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(FieldError::new("", NO_OBJECT).into());
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data => field_error(&path, &inner.to_string()).into(),
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => ApiError::BadJson(inner.to_string()),
        }
    })?;
    reader
        .end()
        .map_err(|error| ApiError::BadJson(error.to_string()))?;
    Ok(value)
}

/// What is said of a body that is no object.
const NO_OBJECT: &str = "is not a JSON object";

/// The field at fault; a missing one is named only inside the message.
fn field_error(path: &str, message: &str) -> FieldError {
    let missing = message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split_once('`'));
    match missing {
        Some((name, _)) if path == "." => FieldError::new(name, "is missing"),
        Some((name, _)) => FieldError::new(&format!("{path}.{name}"), "is missing"),
        None if path == "." => FieldError::new("", NO_OBJECT),
        None => FieldError::new(path, message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "only its reading is tested")]
    struct Sample {
        name: String,
        count: Option<u32>,
    }

    fn check(body: &str, expected: &str) {
        let found = match parse::<Sample>(body.as_bytes()) {
            Ok(_) => "ok".to_owned(),
            Err(ApiError::Invalid(errors)) => match &errors[..] {
                [error] => format!("{}: {}", error.field, error.message),
                others => format!("{others:?}"),
            },
            Err(other) => format!("{other:?}").chars().take(7).collect(),
        };
        assert!(found.starts_with(expected), "{body}: {found}");
    }

    #[test]
    fn bodies_are_malformed_or_wrong_in_a_field() {
        check(r#"{"name":"x"}"#, "ok");
        check(r#"{"name":"x"} trailing"#, "BadJson");
        check(r#"{"name":"#, "BadJson");
        check("", "BadJson");
        check("{}", "name: is missing");
        check(r#"{"name":5}"#, "name: invalid type");
        check(r#"{"name":"x","count":-1}"#, "count: invalid value");
        check("[]", ": is not a JSON object");
        check("5", ": is not a JSON object");
        check(r#"["x",5]"#, ": is not a JSON object");
        check(r#" [["x",5]]"#, ": is not a JSON object");
        check("\"\\ud800\"", "BadJson");
    }
}
