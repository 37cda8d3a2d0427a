//! One operation, while it is described.

use mono_core::ErrorKind;
use mono_core::idempotency::IdempotencyKey;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Where a parameter stands.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// In the query of the address.
    Query,
    /// Among the headers.
    Header,
}

/// Collects what an operation takes and answers.
pub(crate) struct Describe<'a> {
    schemas: &'a mut SchemaGenerator,
    /// The names in the braces of the path that no extractor has taken yet, the last one first.
    path_names: Vec<String>,
    pub(super) parameters: Vec<Value>,
    pub(super) body: Option<Value>,
    /// By status and media type: the schemas, of which one holds.
    pub(super) answers: BTreeMap<u16, BTreeMap<String, Vec<Value>>>,
    pub(super) failures: BTreeSet<u16>,
    pub(super) authenticated: bool,
    writes: bool,
    /// Whether who has the answer may ask whether it is still the same.
    is_kept: bool,
}

impl<'a> Describe<'a> {
    pub(super) fn new(schemas: &'a mut SchemaGenerator, path: &str, method: &str) -> Self {
        let names = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
        let mut path_names: Vec<String> = names.map(ToOwned::to_owned).collect();
        path_names.reverse();
        let mut new = Self {
            schemas,
            path_names,
            parameters: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
            failures: BTreeSet::new(),
            authenticated: false,
            writes: method != "get",
            is_kept: method == "get",
        };
        new.fails(&[ErrorKind::RateLimited, ErrorKind::Internal, ErrorKind::Unavailable]);
        new
    }

    /// The schema of a type; named types are shared by all operations. Many a tool takes no `true` for "anything".
    fn schema<T: JsonSchema>(&mut self) -> Value {
        Value::Object(self.schemas.subschema_for::<T>().ensure_object().clone())
    }

    /// Kinds of failure that it can answer with.
    pub(crate) fn fails(&mut self, kinds: &[ErrorKind]) {
        self.failures.extend(kinds.iter().map(|kind| kind.status()));
    }

    /// It needs to know who calls.
    pub(crate) fn authenticated(&mut self) {
        self.authenticated = true;
        self.fails(&[ErrorKind::Unauthorized, ErrorKind::Forbidden]);
        if self.writes {
            self.fails(&[ErrorKind::Conflict]);
        }
    }

    /// It can be asked for with an idempotency key, if it writes.
    pub(crate) fn once(&mut self) {
        if self.writes {
            let description =
                "A name for this request: sent again with it, it is answered as before and not done twice.";
            let schema = json!({
                "type": "string", "pattern": "^[!-~]*$", "minLength": 1, "maxLength": IdempotencyKey::LONGEST,
            });
            self.parameter("Idempotency-Key", Place::Header, false, description, schema);
        }
    }

    /// The version that a change of one thing is based on.
    pub(super) fn expects_version(&mut self) {
        let description = "The version that the change is based on, in quotes: `\"3\"`, or the `ETag` of an answer that showed it; a stale one is a conflict.";
        let schema = json!({ "type": "string", "pattern": r#"^(\*|"[0-9]{1,18}(\.[^"]*)?")$"# });
        self.parameter("If-Match", Place::Header, false, description, schema);
    }

    /// Nobody keeps the answer.
    pub(crate) const fn unkept(&mut self) {
        self.is_kept = false;
    }

    /// Whether the answer has a tag; where it has, the request takes the one that the client has.
    pub(super) fn tag(&mut self) -> bool {
        let is_json = self.answers.get(&200).is_some_and(|content| content.contains_key("application/json"));
        let is_tagged = self.is_kept && is_json;
        if is_tagged {
            let description =
                "The `ETag` of an answer that the client has; several stand with commas between them.";
            // None is refused: nonsense is the tag of no answer.
            self.parameters.push(json!({
                "name": "If-None-Match", "in": "header", "required": false, "description": description,
                "schema": { "type": "string" },
            }));
        }
        is_tagged
    }

    /// The next parameter of the path.
    pub(crate) fn path_parameter<T: JsonSchema>(&mut self) {
        let schema = self.schema::<T>();
        let name = self.path_names.pop();
        self.parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
        self.fails(&[ErrorKind::Validation, ErrorKind::NotFound]);
    }

    /// A parameter that may be left out.
    pub(crate) fn optional_parameter<T: JsonSchema>(&mut self, name: &str, place: Place, description: &str) {
        let schema = self.schema::<T>();
        self.parameter(name, place, false, description, schema);
    }

    fn parameter(&mut self, name: &str, place: Place, required: bool, description: &str, schema: Value) {
        let place = match place {
            Place::Query => "query",
            Place::Header => "header",
        };
        self.parameters.push(json!({
            "name": name, "in": place, "required": required, "description": description, "schema": schema,
        }));
        self.fails(&[ErrorKind::Validation]);
    }

    /// The fields of a query.
    pub(crate) fn query<T: JsonSchema>(&mut self) {
        let mut object = T::json_schema(self.schemas).to_value();
        super::nulls::forbid(&mut object, None);
        let required = object.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        let Some(Value::Object(fields)) = object.get_mut("properties").map(Value::take) else { return };
        for (name, mut schema) in fields {
            let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            let description = description.as_ref().and_then(Value::as_str).unwrap_or_default();
            let required = required.contains(&Value::from(name.as_str()));
            self.parameter(&name, Place::Query, required, description, schema);
        }
    }

    /// A body in JSON.
    pub(crate) fn json_body<T: JsonSchema>(&mut self) {
        self.body = Some(self.schema::<T>());
        self.fails(&[ErrorKind::Validation, ErrorKind::TooLarge, ErrorKind::UnsupportedMediaType]);
    }

    /// A body that holds many items.
    pub(crate) fn bulk_body<T: JsonSchema>(&mut self) {
        self.json_body::<mono_core::api::bulk::Bulk<T>>();
    }

    /// Data in the envelope. More than one kind of data with one status is one of them.
    pub(crate) fn answer<T: JsonSchema>(&mut self, status: u16) {
        let data = self.schema::<T>();
        let envelope = json!({
            "type": "object",
            "properties": { "success": { "const": true }, "data": data },
            "required": ["success", "data"],
        });
        self.content(status, "application/json", envelope);
    }

    /// Data without the envelope, with status 200.
    pub(crate) fn bare<T: JsonSchema>(&mut self) {
        let schema = self.schema::<T>();
        self.content(200, "application/json", schema);
    }

    /// Text of this media type, with status 200.
    pub(crate) fn text(&mut self, media_type: &str) {
        self.content(200, media_type, json!({ "type": "string" }));
    }

    /// Status 204, without a body.
    pub(crate) fn no_content(&mut self) {
        self.answers.entry(204).or_default();
    }

    fn content(&mut self, status: u16, media_type: &str, schema: Value) {
        self.answers.entry(status).or_default().entry(media_type.to_owned()).or_default().push(schema);
    }
}
