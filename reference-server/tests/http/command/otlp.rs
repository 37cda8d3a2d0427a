//! Traces of the real program, as a collector gets them.

use super::program::{Serving, mono};
use crate::server::{ACCOUNTS, LOGIN};
use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Takes what it is sent.
struct Collector {
    address: String,
    taken: Arc<Mutex<Vec<Bytes>>>,
}

impl Collector {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let taken = Arc::<Mutex<Vec<Bytes>>>::default();
        let take = {
            let taken = Arc::clone(&taken);
            async move |body: Bytes| taken.lock().unwrap().push(body)
        };
        tokio::spawn(async { axum::serve(listener, Router::new().route("/v1/traces", post(take))).await });
        Self { address, taken }
    }

    /// What each resource has sent.
    fn spans(&self) -> Vec<(BTreeMap<String, String>, Vec<Span>)> {
        let taken = self.taken.lock().unwrap();
        let requests = taken.iter().map(|body| ExportTraceServiceRequest::decode(body.clone()).unwrap());
        let resources = requests.flat_map(|request| request.resource_spans);
        resources
            .map(|resource| {
                let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans).collect();
                (attributes(&resource.resource.unwrap().attributes), spans)
            })
            .collect()
    }
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    let value = |pair: &KeyValue| match pair.value.clone().unwrap().value.unwrap() {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    pairs.iter().map(|pair| (pair.key.clone(), value(pair))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn serve(folder: &Path, collector: &str) -> Serving {
    Serving::start(mono(folder).env("MONO_OTLP_ENDPOINT", collector), true)
}

async fn sign_in(server: &Serving, trace: &str) -> String {
    let body = json!({ "email": "tom@harbour.example", "password": server.password() });
    let request = reqwest::Client::new().post(format!("http://{}{LOGIN}?canary=hunter2", server.address()));
    let answer = request.header("traceparent", trace).json(&body).send().await.unwrap();
    let answer: serde_json::Value = answer.json().await.unwrap();
    answer["data"]["accessToken"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_and_its_statements_are_traced_to_the_last_one() {
    let (collector, folder) = (Collector::start().await, tempfile::tempdir().unwrap());
    let server = serve(folder.path(), &collector.address);
    let password = server.password().to_owned();
    let (of_login, of_list) = ("11111111111111111111111111111111", "22222222222222222222222222222222");
    let token = sign_in(&server, &format!("00-{of_login}-00f067aa0ba902b7-01")).await;
    let list = format!("http://{}{ACCOUNTS}?search=canary-of-a-search", server.address());
    let list = reqwest::Client::new().get(list).bearer_auth(&token);
    let parent = format!("00-{of_list}-00f067aa0ba902b7-01");
    assert_eq!(list.header("traceparent", parent).send().await.unwrap().status(), 200);
    let nowhere = reqwest::get(format!("http://{}/nowhere/hunter2", server.address())).await.unwrap();
    assert_eq!(nowhere.status(), 404);
    let (code, said) = server.stop();
    assert_eq!(code, Some(0), "{said}");

    let resources = collector.spans();
    assert!(resources.iter().all(|(resource, _)| resource["service.name"] == "mono"), "{resources:?}");
    let spans: Vec<Span> = resources.into_iter().flat_map(|(_, spans)| spans).collect();
    let request = spans
        .iter()
        .find(|span| hex(&span.trace_id) == of_list && span.name == "GET /api/v1/tenant/accounts");
    let request = request.unwrap_or_else(|| panic!("{spans:?}"));
    assert_eq!((hex(&request.parent_span_id).as_str(), request.kind), ("00f067aa0ba902b7", 2), "{request:?}");
    let told = attributes(&request.attributes);
    assert_eq!((&*told["http.response.status_code"], &*told["http.route"]), ("200", ACCOUNTS), "{told:?}");
    assert_eq!(told["correlation_id"], of_list);
    assert!(told["user"].starts_with("user:") && told["tenant"].len() == 36, "{told:?}");
    let below: Vec<_> = spans.iter().filter(|span| span.parent_span_id == request.span_id).collect();
    let reads_accounts = |span: &&&Span| {
        attributes(&span.attributes)["db.query.text"].contains("FROM accounts WHERE tenant_id = $1")
    };
    let statement = below.iter().find(reads_accounts).unwrap_or_else(|| panic!("{below:?}"));
    assert_eq!((statement.name.as_str(), statement.kind), ("select", 3), "{statement:?}");
    assert!(statement.start_time_unix_nano >= request.start_time_unix_nano);
    assert!(statement.end_time_unix_nano <= request.end_time_unix_nano);
    // The last request was answered a moment before the stop, and names no trace.
    let last = spans.iter().find(|span| span.name == "GET (none)").unwrap_or_else(|| panic!("{spans:?}"));
    assert!(last.parent_span_id.is_empty() && hex(&last.trace_id) != of_list, "{last:?}");
    assert!(spans.iter().any(|span| hex(&span.trace_id) == of_login && span.name == format!("POST {LOGIN}")));
    assert!(spans.iter().all(|span| span.events.is_empty()), "a line of the log is not a part of a trace");
    let everything: Vec<u8> = collector.taken.lock().unwrap().concat();
    for secret in [&password, &token, "hunter2", "canary", "tom@harbour.example"] {
        let found = everything.windows(secret.len()).any(|bytes| bytes == secret.as_bytes());
        assert!(!found, "{secret} was sent");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_requests_are_answered_and_the_server_ends() {
    // A port on which nobody listens, and one on which nobody answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    for collector in ["http://127.0.0.1:9".to_owned(), format!("http://{}", silent.local_addr().unwrap())] {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(folder.path(), &collector);
        let token = sign_in(&server, "").await;
        for _ in 0..20 {
            let list = reqwest::Client::new().get(format!("http://{}{ACCOUNTS}", server.address()));
            assert_eq!(list.bearer_auth(&token).send().await.unwrap().status(), 200);
        }
        let (code, said) = server.stop();
        assert_eq!(code, Some(0), "{said}");
        let is_told = said.contains("ExportError") || said.contains("the last traces could not be sent");
        assert!(is_told, "{said}");
    }
}
