//! The document, put together.

use super::describe::Describe;
use super::nulls;
use super::routes::{Operation, Routes};
use mono_auth::axum::API_KEY_HEADER;
use mono_auth::cookie::ACCESS_COOKIE;
use mono_core::api::envelope::Failure;
use mono_core::permission::Permission;
use mono_core::{Error, ErrorKind};
use schemars::SchemaGenerator;
use schemars::generate::{Contract, SchemaSettings};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What a reader should know before the first call.
const INTRODUCTION: &str = include_str!("introduction.md");

/// Where the header stands that says what is shown.
const ETAG: &str = "#/components/headers/ETag";

/// Where the schemas of named types stand.
const SCHEMAS: &str = "#/components/schemas/";

impl Routes {
    /// The OpenAPI document of these routes.
    pub(crate) fn document(&self) -> Value {
        let (paths, taken) = self.paths(Contract::Deserialize);
        let (_, sent) = self.paths(Contract::Serialize);
        let mut document = json!({
            "openapi": "3.1.0",
            "info": {
                "title": "mono",
                "version": env!("CARGO_PKG_VERSION"),
                "description": INTRODUCTION,
                "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            },
            "servers": [{ "url": "/" }],
            "components": {
                "schemas": schemas(&paths, taken, &sent),
                "headers": { "ETag": {
                    "description": "Says what is shown, for `If-None-Match`. Where that is one thing that counts its \
                        versions, `If-Match` takes it too.",
                    "schema": { "type": "string" },
                } },
                "responses": shared_responses(),
                "securitySchemes": {
                    "bearer": { "type": "http", "scheme": "bearer" },
                    "apiKey": { "type": "apiKey", "in": "header", "name": API_KEY_HEADER.as_str() },
                    "cookie": { "type": "apiKey", "in": "cookie", "name": ACCESS_COOKIE },
                },
            },
            "paths": paths,
        });
        plain_descriptions(&mut document);
        document
    }

    /// Every operation by path and method, and the schemas that they name.
    fn paths(&self, contract: Contract) -> (Value, Map<String, Value>) {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
            settings.contract = contract;
        });
        let mut schemas = SchemaGenerator::new(settings);
        let _ = schemas.subschema_for::<Failure>();
        let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for operation in &self.operations {
            let path = paths.entry(&operation.path).or_default();
            path.insert(operation.method.to_owned(), operation.document(&mut schemas));
        }
        (json!(paths), schemas.take_definitions(true))
    }
}

impl Operation {
    fn document(&self, schemas: &mut SchemaGenerator) -> Value {
        let mut described = Describe::new(schemas, &self.path, self.method);
        (self.signature)(&mut described);
        for answer in &self.about.answers {
            answer(&mut described);
        }
        for media_type in self.about.texts {
            described.text(media_type);
        }
        described.fails(&self.about.failures);
        if self.about.compares_version {
            described.expects_version();
        }
        let is_tagged = described.tag();
        let security = if described.authenticated {
            json!([{ "bearer": [] }, { "apiKey": [] }, { "cookie": [] }])
        } else {
            json!([])
        };
        let mut document = object(json!({
            "tags": [self.tag()],
            "operationId": self.id(),
            "summary": self.about.summary,
            "description": self.description(described.authenticated),
            "parameters": described.parameters,
            "responses": responses(&described, is_tagged),
            "x-permission": self.permissions(),
            "security": security,
        }));
        if let Some(schema) = described.body {
            let mut media = object(json!({ "schema": schema }));
            media.extend(self.about.example.clone().map(|example| ("example".to_owned(), example)));
            let body = json!({ "required": true, "content": { "application/json": media } });
            document.insert("requestBody".to_owned(), body);
        }
        document.into()
    }

    /// What is said, and who may.
    fn description(&self, authenticated: bool) -> String {
        let needs: Vec<String> = self
            .about
            .permissions
            .iter()
            .map(|names| {
                names.iter().map(|name| format!("`{}`", name.name())).collect::<Vec<_>>().join(" or ")
            })
            .collect();
        let who = match (needs.is_empty(), authenticated) {
            (true, false) => "For anybody.".to_owned(),
            (true, true) => "For whoever is signed in.".to_owned(),
            (false, _) => format!("Needs {}.", needs.join(", and ")),
        };
        format!("{}\n\n{who}", self.about.description).trim_start().to_owned()
    }

    /// Each permission that is needed; where one of several is enough, they stand in one text.
    fn permissions(&self) -> Vec<String> {
        let names = |names: &[Permission]| names.iter().map(Permission::name).collect::<Vec<_>>();
        self.about.permissions.iter().map(|one_of| names(one_of).join(" | ")).collect()
    }

    /// Tier and noun: `tenant accounts`.
    fn tag(&self) -> String {
        let below = self.path.strip_prefix("/api/v1/").filter(|below| !below.contains('.'));
        let Some(below) = below else { return "server".to_owned() };
        below.split('/').take(2).collect::<Vec<_>>().join(" ")
    }

    /// A name made of method and path: `getTenantAccountsById`.
    fn id(&self) -> String {
        let path = self.path.strip_prefix("/api/v1").unwrap_or(&self.path);
        let mut id = self.method.to_owned();
        for segment in path.split('/') {
            let (by, word) = match segment.strip_prefix('{') {
                Some(name) => ("By", name.trim_end_matches('}')),
                None => ("", segment),
            };
            id.push_str(by);
            for part in word.split(|byte: char| !byte.is_ascii_alphanumeric()) {
                let mut letters = part.chars();
                id.extend(letters.next().map(|first| first.to_ascii_uppercase()));
                id.push_str(letters.as_str());
            }
        }
        id
    }
}

fn responses(described: &Describe<'_>, is_tagged: bool) -> Value {
    let mut responses = Map::new();
    for (status, content) in &described.answers {
        let words = match status {
            201 => "It was made.",
            202 => "It is on its way.",
            204 => "Done; there is no body.",
            _ => "The answer.",
        };
        let mut response = object(json!({ "description": words }));
        if !content.is_empty() {
            let media = content.iter().map(|(media_type, schemas)| {
                let schema = if let [one] = schemas.as_slice() { one } else { &json!({ "anyOf": schemas }) };
                (media_type.clone(), json!({ "schema": schema }))
            });
            response.insert("content".to_owned(), media.collect::<Map<_, _>>().into());
        }
        if *status == 200 && is_tagged {
            response.insert("headers".to_owned(), json!({ "ETag": { "$ref": ETAG } }));
        }
        responses.insert(status.to_string(), response.into());
    }
    if is_tagged {
        responses.insert("304".to_owned(), json!({ "$ref": "#/components/responses/304" }));
    }
    for status in &described.failures {
        let reference = json!({ "$ref": format!("#/components/responses/{status}") });
        responses.entry(status.to_string()).or_insert(reference);
    }
    responses.into()
}

/// The answer to who has what is asked for, and one for each status of a failure, with the codes that it has.
fn shared_responses() -> Value {
    let mut by_status: BTreeMap<u16, Vec<ErrorKind>> = BTreeMap::new();
    for kind in ErrorKind::ALL {
        by_status.entry(kind.status()).or_default().push(*kind);
    }
    let failure = |kinds: Vec<ErrorKind>| {
        let line = |kind: &ErrorKind| format!("- `{}`: {}", kind.code(), kind.meaning());
        let example = |kind: &ErrorKind| {
            let error = Error::new(*kind, kind.code().to_ascii_lowercase(), kind.meaning());
            (kind.code().to_owned(), json!({ "value": Failure::from(&error) }))
        };
        json!({
            "description": kinds.iter().map(line).collect::<Vec<_>>().join("\n"),
            "content": { "application/json": {
                "schema": { "$ref": format!("{SCHEMAS}Failure") },
                "examples": kinds.iter().map(example).collect::<Map<_, _>>(),
            } },
        })
    };
    let unchanged = json!({
        "description": "What the client has is still the same; there is no body.",
        "headers": { "ETag": { "$ref": ETAG } },
    });
    let failures = by_status.into_iter().map(|(status, kinds)| (status.to_string(), failure(kinds)));
    failures.chain([("304".to_owned(), unchanged)]).collect::<Map<_, _>>().into()
}

/// The fields of an object, to be added to.
fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(fields) = value { fields } else { Map::new() }
}

/// Each named schema: what is taken as it is read, what is only answered as it is sent.
fn schemas(paths: &Value, taken: Map<String, Value>, sent: &Map<String, Value>) -> Value {
    let mut requested = BTreeSet::new();
    let operations = paths.as_object().into_iter().flat_map(Map::values).filter_map(Value::as_object);
    for operation in operations.flat_map(Map::values) {
        for part in ["requestBody", "parameters"].into_iter().filter_map(|part| operation.get(part)) {
            reach(part, &taken, &mut requested);
        }
    }
    let mut schemas = Map::new();
    for (name, mut schema) in taken {
        match sent.get(&name) {
            Some(sent) if !requested.contains(&name) => schema = sent.clone(),
            sent => nulls::forbid(&mut schema, sent),
        }
        schemas.insert(name, schema);
    }
    schemas.into()
}

/// The names of all schemas that a value refers to, in the end.
fn reach(value: &Value, all: &Map<String, Value>, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|inner| reach(inner, all, found)),
        Value::Object(object) => {
            let name = object.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix(SCHEMAS));
            if let Some(name) = name
                && found.insert(name.to_owned())
                && let Some(schema) = all.get(name)
            {
                reach(schema, all, found);
            }
            object.values().for_each(|inner| reach(inner, all, found));
        }
        _ => {}
    }
}

/// Descriptions come from the code: what only rustdoc understands is left out.
fn plain_descriptions(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(plain_descriptions),
        Value::Object(object) => {
            for (key, inner) in object {
                match inner {
                    Value::String(text) if key == "description" => *text = plain(text),
                    _ => plain_descriptions(inner),
                }
            }
        }
        _ => {}
    }
}

/// Without blocks of code, and with the words of a link alone.
fn plain(text: &str) -> String {
    let prose: Vec<&str> = text.split("```").step_by(2).map(str::trim_end).collect();
    let mut plain = String::new();
    for (i, part) in prose.join("").split("[`").enumerate() {
        if i == 0 {
            plain.push_str(part);
            continue;
        }
        let (name, rest) = part.split_once("`]").unwrap_or((part, ""));
        let rest =
            rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest);
        plain.push('`');
        plain.push_str(name);
        plain.push('`');
        plain.push_str(rest);
    }
    plain.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_rustdoc_understands_is_left_out() {
        let text = "As in [`ListAudit`], see [`ids!`](crate::ids).\n\n```\nlet x = 1;\n```";
        assert_eq!(plain(text), "As in `ListAudit`, see `ids!`.");
    }
}
