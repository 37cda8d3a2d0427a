//! The OpenAPI document: it tells of every route, and what it tells is true.

use crate::endpoints::routes;
use crate::server::{Server, send};
use mono_storage::testkit::World;
use reqwest::Method;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

mono_storage::conformance!(the_server_shows_its_document, the_explorer_needs_nothing_from_elsewhere);

pub(crate) fn document() -> Value {
    serde_json::from_str(&reference_server::openapi()).unwrap()
}

/// The operation of the document that a call is of, and its path. Where several fit, the router takes the one with the
/// most fixed words, and so does this.
pub(crate) fn operation<'d>(document: &'d Value, method: &Method, address: &str) -> (&'d str, &'d Value) {
    let address = address.split('?').next().unwrap();
    let words: Vec<&str> = address.split('/').collect();
    let fixed = |path: &str| path.split('/').filter(|word| !word.starts_with('{')).count();
    let fits = |path: &&String| {
        let parts: Vec<&str> = path.split('/').collect();
        parts.len() == words.len()
            && parts.iter().zip(&words).all(|(part, word)| part.starts_with('{') || part == word)
    };
    let paths = document["paths"].as_object().unwrap();
    let path = paths.keys().filter(fits).max_by_key(|path| fixed(path));
    let path = path.unwrap_or_else(|| panic!("{address} is not in the document"));
    let operation = &paths[path][method.as_str().to_lowercase()];
    assert!(operation.is_object(), "{method} {address} is not in the document");
    (path, operation)
}

/// Each operation: method, path and what the document tells of it.
pub(crate) fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, methods): (&String, &'_ Value)| {
        let methods: Vec<String> = methods.as_object().unwrap().keys().cloned().collect();
        methods.into_iter().map(|method| (method, path.clone())).collect::<Vec<_>>()
    };
    let names: Vec<(String, String)> = paths.iter().flat_map(of_path).collect();
    names.into_iter().map(|(method, path)| (method.clone(), path.clone(), &paths[&path][&method])).collect()
}

#[test]
fn a_change_of_the_document_is_reviewed() {
    let text = reference_server::openapi();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/openapi.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    // As values: the order of the fields depends on what else is built.
    let golden: Value = serde_json::from_str(&golden).unwrap_or_default();
    assert!(
        document() == golden,
        "the API has changed; if that is wanted, run the test with UPDATE_GOLDEN=1 and review the diff"
    );
}

#[test]
fn every_route_is_in_the_document_and_the_other_way() {
    let document = document();
    let walked: BTreeSet<(String, String)> = routes()
        .iter()
        .map(|(method, address, _)| {
            let (path, _) = operation(&document, method, address);
            (method.as_str().to_lowercase(), path.to_owned())
        })
        .collect();
    let told: BTreeSet<(String, String)> =
        operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    assert_eq!(
        told.difference(&walked).collect::<Vec<_>>(),
        Vec::<&(String, String)>::new(),
        "walk these too"
    );
    assert_eq!(walked.len(), routes().len(), "a route is walked twice");
}

/// Only [`Routes`](reference_server) writes to the document: who goes past it has a reason here.
#[test]
fn no_route_goes_past_the_document() {
    let is_past = |source: &str| source.split("#[cfg(test)]").next().unwrap().contains("        .route(");
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut past = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if is_past(&std::fs::read_to_string(&path).unwrap()) {
                past.insert(path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string());
            }
        }
    }
    let known = [
        "src/entity.rs",         // an application's own, which this server does not have
        "src/routes/docs.rs",    // the files of the explorer
        "src/routes/history.rs", // an application's own
    ];
    assert_eq!(past, known.map(ToOwned::to_owned).into());
}

#[test]
fn every_operation_is_described() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let name = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].to_string()), "{name}: its id is taken");
        let summary = operation["summary"].as_str().unwrap();
        assert!(summary.len() > 5 && !summary.ends_with('.'), "{name}: {summary}");
        for parameter in operation["parameters"].as_array().unwrap() {
            assert!(parameter["name"].is_string(), "{name}: {parameter}");
        }
        let braces = path.matches('{').count();
        let in_path =
            operation["parameters"].as_array().unwrap().iter().filter(|given| given["in"] == "path");
        assert_eq!(in_path.count(), braces, "{name}: the handler takes what is in the path");
        if let Some(body) = operation.get("requestBody") {
            let example = &body["content"]["application/json"]["example"];
            assert!(example.is_object(), "{name}: there is no example of its body");
        }
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{name}: no success");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut values = vec![&document];
    while let Some(value) = values.pop() {
        match value {
            Value::Array(list) => values.extend(list),
            Value::Object(object) => values.extend(object.values()),
            _ => {}
        }
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let place = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(place).is_some(), "{reference}");
        }
    }
}

async fn the_server_shows_its_document(world: World) {
    let server = Server::start(world).await;
    let answer = send(server.get("/api/v1/openapi.json")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    assert_eq!(answer.json(), document());
}

async fn the_explorer_needs_nothing_from_elsewhere(world: World) {
    let server = Server::start(world).await;
    let page = send(server.get("/docs")).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(!page.body.contains("//") && !page.body.contains("style="), "{}", page.body);
    let loaded: Vec<&str> = page.body.split('"').filter(|text| text.starts_with("/docs/")).collect();
    assert_eq!(loaded.len(), 4, "{loaded:?}");
    for path in loaded {
        let file = send(server.get(path)).await;
        assert_eq!((file.status, file.header("x-content-type-options")), (200, "nosniff"), "{path}");
    }
}
