//! What a client is told when a request cannot be answered: RFC 9457 problem documents.
//!
//! One variant is one thing that can be wrong; each has a stable `code`. Causes inside the server
//! go to the log, written here once, and the client sees only that it was internal.

use std::any::Any;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::StoreError;

/// Seconds after which a client may try again what is unavailable now.
const RETRY_AFTER_S: u32 = 1;

/// Why a request was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A value of the query cannot be read. 400.
    #[error("{0}")]
    BadQuery(String),
    /// A part of the path cannot be read. 400.
    #[error("{0}")]
    BadPath(String),
    /// A header cannot be read. 400.
    #[error("{0}")]
    BadHeader(String),
    /// A cursor is not one of ours. 400.
    #[error("the cursor is not one that this list gave out")]
    BadCursor,
    /// The body is not JSON. 400.
    #[error("{0}")]
    BadJson(String),
    /// The body did not arrive whole. 400.
    #[error("the body could not be read to its end")]
    BadBody,
    /// Nobody has proved who asks. 401.
    #[error("this needs a token or a session")]
    Unauthorized,
    /// There is no such path. 404.
    #[error("there is no such path")]
    UnknownPath,
    /// There is no such thing. 404.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The path does not know the method. 405.
    #[error("this path does not answer this method")]
    MethodNotAllowed,
    /// What is there forbids it. 409.
    #[error("{detail}")]
    Conflict {
        /// Stable code.
        code: &'static str,
        /// What is in the way.
        detail: String,
    },
    /// The body is too large. 413.
    #[error("the body is larger than {bytes_max} bytes")]
    BodyTooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// The body is not of a type that is read here. 415.
    #[error("the content type must be {0}")]
    UnsupportedMediaType(&'static str),
    /// The body is compressed. 415.
    #[error("the body must come as it is, without a content encoding")]
    UnsupportedEncoding,
    /// Fields of the body are wrong. 422.
    #[error("fields of the request are wrong")]
    Invalid(Vec<FieldError>),
    /// Too many at once. 429.
    #[error("{0}")]
    TooMany(&'static str),
    /// Draining, or a part is down. 503.
    #[error("{0}")]
    Unavailable(&'static str),
    /// The store failed. Its own mapping decides the status.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something failed that should not; already logged. 500.
    #[error("internal error")]
    Internal,
}

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Its name, dotted where nested; empty for the body as a whole.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl FieldError {
    /// A wrong field.
    pub fn new(field: &str, message: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            message: message.into(),
        }
    }
}

impl From<FieldError> for ApiError {
    fn from(error: FieldError) -> Self {
        Self::Invalid(vec![error])
    }
}

/// The body of an error. Source: RFC 9457.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the code says what it is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The status in words.
    pub title: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Stable code, for programs.
    pub code: &'static str,
    /// What went wrong, for people.
    pub detail: String,
    /// The fields at fault, for 422.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl ApiError {
    /// Status and stable code.
    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::BadQuery(_) => (StatusCode::BAD_REQUEST, "bad_query"),
            Self::BadPath(_) => (StatusCode::BAD_REQUEST, "bad_path"),
            Self::BadHeader(_) => (StatusCode::BAD_REQUEST, "bad_header"),
            Self::BadCursor => (StatusCode::BAD_REQUEST, "bad_cursor"),
            Self::BadJson(_) => (StatusCode::BAD_REQUEST, "bad_json"),
            Self::BadBody => (StatusCode::BAD_REQUEST, "bad_body"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::UnknownPath => (StatusCode::NOT_FOUND, "unknown_path"),
            Self::NotFound(_) | Self::Store(StoreError::NotFound) => {
                (StatusCode::NOT_FOUND, "not_found")
            }
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Conflict { code, .. } => (StatusCode::CONFLICT, code),
            Self::Store(StoreError::Conflict { .. }) => (StatusCode::CONFLICT, "conflict"),
            Self::Store(StoreError::Refused(why)) => (StatusCode::CONFLICT, why.code()),
            Self::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::UnsupportedMediaType(_) => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type")
            }
            Self::UnsupportedEncoding => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding")
            }
            Self::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Self::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "too_many"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::Store(
                StoreError::Busy { .. }
                | StoreError::Full { .. }
                | StoreError::ReadOnly { .. }
                | StoreError::Broken { .. }
                | StoreError::FileDamaged { .. }
                | StoreError::ArchiveAway { .. },
            ) => (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"),
            Self::Store(StoreError::ArchiveDamaged { .. }) => {
                (StatusCode::SERVICE_UNAVAILABLE, "track_lost")
            }
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Store(StoreError::NotFound) => "there is no such thing".to_owned(),
            Self::Store(StoreError::Conflict { what }) => what.clone(),
            Self::Store(StoreError::Refused(why)) => why.to_string(),
            Self::Store(StoreError::ArchiveDamaged { .. }) => {
                "a part of the track that is needed for it is lost: a file of the archive is damaged"
                    .to_owned()
            }
            Self::Store(_) => "the store cannot answer now".to_owned(),
            other => other.to_string(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code) = self.status_and_code();
        if let Self::Store(error) = &self
            && status.is_server_error()
        {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "the store could not answer a request"
            );
        }
        let detail = self.detail();
        let errors = match self {
            Self::Invalid(errors) => errors,
            _ => Vec::new(),
        };
        let problem = Problem {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail,
            errors,
        };
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
        }
        if code == "unsupported_encoding" {
            headers.insert(
                header::ACCEPT_ENCODING,
                HeaderValue::from_static("identity"),
            );
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Answers a panic of a handler: logged, and the client learns only that it was internal.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the layer that catches panics hands them over by value"
)]
pub(super) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(message, "a request handler panicked");
    ApiError::Internal.into_response()
}
