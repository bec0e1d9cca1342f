//! One endpoint: method, path, gate, handler and description in one value.
//!
//! The router and the OpenAPI document are both made from the same list, so that no route can be
//! missing from the document or described otherwise than it is served.

use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use utoipa::openapi::content::Content;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, ParameterBuilder};
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Required, Schema};
use utoipa::{IntoParams, ToSchema};

use super::access::Gate;
use super::error::Problem;
use super::state::Shared;

/// Named schemas of the document.
pub(super) type Schemas = Vec<(String, RefOr<Schema>)>;

/// An endpoint.
pub(super) struct Endpoint {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) gate: Gate,
    pub(super) handler: MethodRouter<Shared>,
    pub(super) operation: OperationBuilder,
    pub(super) schemas: Schemas,
}

/// `GET path`.
pub(super) fn get<H, T>(path: &'static str, handler: H, summary: &str) -> Endpoint
where
    H: Handler<T, Shared>,
    T: 'static,
{
    endpoint(Method::GET, path, on(MethodFilter::GET, handler), summary)
}

/// `POST path`.
pub(super) fn post<H, T>(path: &'static str, handler: H, summary: &str) -> Endpoint
where
    H: Handler<T, Shared>,
    T: 'static,
{
    endpoint(Method::POST, path, on(MethodFilter::POST, handler), summary)
}

/// `PATCH path`.
pub(super) fn patch<H, T>(path: &'static str, handler: H, summary: &str) -> Endpoint
where
    H: Handler<T, Shared>,
    T: 'static,
{
    endpoint(
        Method::PATCH,
        path,
        on(MethodFilter::PATCH, handler),
        summary,
    )
}

fn endpoint(
    method: Method,
    path: &'static str,
    handler: MethodRouter<Shared>,
    summary: &str,
) -> Endpoint {
    let operation = OperationBuilder::new()
        .summary(Some(summary))
        .operation_id(Some(operation_id(&method, path)))
        .tag(tag(path))
        .parameters(Some(path_parameters(path)));
    Endpoint {
        method,
        path,
        gate: Gate::Signed,
        handler,
        operation,
        schemas: Vec::new(),
    }
    .fails(400, "The request is malformed")
}

impl Endpoint {
    /// Sets what it asks of the caller; unless set, all that the API asks.
    pub(super) fn gate(mut self, gate: Gate) -> Self {
        self.gate = gate;
        self
    }

    /// Query parameters.
    pub(super) fn query<P: IntoParams>(mut self) -> Self {
        let parameters = P::into_params(|| Some(ParameterIn::Query));
        self.operation = self.operation.parameters(Some(parameters));
        self
    }

    /// A JSON body.
    pub(super) fn takes<B: ToSchema>(mut self) -> Self {
        let schema = self.reference::<B>();
        let body = RequestBodyBuilder::new()
            .content("application/json", Content::new(Some(schema)))
            .required(Some(Required::True))
            .build();
        self.operation = self.operation.request_body(Some(body));
        self.fails(413, "The body is too large")
            .fails(415, "The content type is not JSON")
            .fails(422, "Fields of the body are wrong")
    }

    /// A body of another type.
    pub(super) fn takes_raw(mut self, content_type: &str) -> Self {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let body = RequestBodyBuilder::new()
            .content(content_type, Content::new(Some(text)))
            .required(Some(Required::True))
            .build();
        self.operation = self.operation.request_body(Some(body));
        self.fails(413, "The body is too large")
            .fails(415, "The content type is not one that is read here")
    }

    /// A JSON answer.
    pub(super) fn answers<B: ToSchema>(mut self, status: u16, description: &str) -> Self {
        let schema = self.reference::<B>();
        let response = ResponseBuilder::new()
            .description(description)
            .content("application/json", Content::new(Some(schema)));
        self.operation = self.operation.response(status.to_string(), response);
        self
    }

    /// An answer of one or several other types.
    pub(super) fn answers_raw(mut self, content_types: &[&str], description: &str) -> Self {
        let mut response = ResponseBuilder::new().description(description);
        for content_type in content_types {
            let text = ObjectBuilder::new().schema_type(Type::String);
            response = response.content(*content_type, Content::new(Some(text)));
        }
        self.operation = self.operation.response("200", response);
        self
    }

    /// A problem that it can answer with.
    pub(super) fn fails(mut self, status: u16, description: &str) -> Self {
        let problem = problem(description);
        self.operation = self.operation.response(status.to_string(), problem);
        self
    }

    /// Its description, with the problems that any endpoint can answer with.
    pub(super) fn describe(self) -> (HttpMethod, &'static str, Operation, Schemas) {
        let method = match self.method {
            Method::POST => HttpMethod::Post,
            Method::PATCH => HttpMethod::Patch,
            _ => HttpMethod::Get,
        };
        let mut operation = self.operation;
        if self.gate != Gate::Open {
            operation = operation.response("401", problem("Nobody has proved who asks"));
        }
        let operation = operation.response("503", problem("Draining, or the store is down"));
        (method, self.path, operation.build(), self.schemas)
    }

    fn reference<B: ToSchema>(&mut self) -> RefOr<Schema> {
        self.schemas.push((B::name().into_owned(), B::schema()));
        B::schemas(&mut self.schemas);
        Ref::from_schema_name(B::name()).into()
    }
}

fn problem(description: &str) -> Response {
    let schema: RefOr<Schema> = Ref::from_schema_name(Problem::name()).into();
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", Content::new(Some(schema)))
        .build()
}

/// `GET /api/v1/duty/failing` is `get_duty_failing`.
fn operation_id(method: &Method, path: &str) -> String {
    let words = path
        .trim_start_matches("/api/v1")
        .split(['/', '.'])
        .filter(|word| !word.is_empty())
        .map(|word| word.trim_matches(['{', '}']));
    words.fold(method.as_str().to_ascii_lowercase(), |id, word| {
        format!("{id}_{word}")
    })
}

/// The resource: the first word of the path.
fn tag(path: &str) -> &str {
    path.trim_start_matches("/api/v1")
        .trim_start_matches('/')
        .split(['/', '.'])
        .next()
        .unwrap_or("api")
}

fn path_parameters(path: &str) -> Vec<Parameter> {
    path.split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
                .build()
        })
        .collect()
}
