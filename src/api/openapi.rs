//! The OpenAPI 3.1 document, made from the list of endpoints.

use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::path::PathsBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApiBuilder, PathItem};

use super::contents;
use super::error::Problem;

/// The document, as JSON text.
pub fn document() -> String {
    let mut paths = PathsBuilder::new();
    let mut components = ComponentsBuilder::new()
        .schema(Problem::name(), Problem::schema())
        .security_scheme(
            "token",
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
        );
    let mut nested = Vec::new();
    Problem::schemas(&mut nested);
    for endpoint in contents() {
        let (method, path, operation, schemas) = endpoint.describe();
        paths = paths.path(path, PathItem::new(method, operation));
        nested.extend(schemas);
    }
    components = components.schemas_from_iter(nested);
    let info = InfoBuilder::new()
        .title("roadwarden")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Which transport enterprises fail their 24-hour GPS monitoring duty, why, and with \
             what proof.",
        ));
    let document = OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .components(Some(components.build()))
        .build();
    // A value of maps and texts always serialises.
    document.to_json().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn no_two_shapes_share_a_name() {
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        for endpoint in contents() {
            let (_, path, _, schemas) = endpoint.describe();
            for (name, schema) in schemas {
                let shape = serde_json::to_string(&schema).unwrap();
                let before = known.insert(name.clone(), shape.clone());
                assert!(
                    before.is_none_or(|before| before == shape),
                    "{path}: {name}"
                );
            }
        }
    }
}
