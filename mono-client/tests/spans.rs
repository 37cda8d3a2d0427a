//! What a log is told of a call, and what not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod stub;

use mono_core::api::accounts::{CreateAccount, ListAccounts};
use mono_core::id::AccountId;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use stub::{Stub, answer, success};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::set_default;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

type Fields = BTreeMap<String, String>;

/// Everything that is said.
#[derive(Default)]
struct Said {
    spans: Vec<(u64, Fields)>,
    events: Vec<Fields>,
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Said>>);

struct Into<'a>(&'a mut Fields);

impl Visit for Into<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl<S: Subscriber> Layer<S> for Log {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let mut fields = Fields::new();
        attributes.record(&mut Into(&mut fields));
        fields.insert("span".into(), attributes.metadata().name().into());
        self.0.lock().unwrap().spans.push((id.into_u64(), fields));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut log = self.0.lock().unwrap();
        let span = log.spans.iter_mut().rev().find(|(span, _)| *span == id.into_u64()).unwrap();
        values.record(&mut Into(&mut span.1));
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::new();
        event.record(&mut Into(&mut fields));
        self.0.lock().unwrap().events.push(fields);
    }
}

impl Log {
    fn calls(&self) -> Vec<Fields> {
        let log = self.0.lock().unwrap();
        log.spans.iter().map(|(_, fields)| fields.clone()).filter(|fields| fields["span"] == "call").collect()
    }
}

#[tokio::test]
async fn a_call_is_a_span_without_ids_and_secrets() {
    let log = Log::default();
    let _guard = set_default(Registry::default().with(log.clone()));
    let refused = r#"{"success":false,"error":"NOT_FOUND","message":"m","details":{"reason":"not_found"}}"#;
    let stub = Stub::start([
        answer(503, "Retry-After: 0\r\n", refused),
        success(
            200,
            &json!({ "items": [], "pagination": { "page": 1, "limit": 20, "total": 0, "totalPages": 0 } }),
        ),
        answer(404, "X-Request-ID: of-the-server\r\n", refused),
        "SSH-2.0\r\n".to_owned(),
    ])
    .await;
    let client = stub.client().with_token("canary-token");
    let (accounts, id) = (client.tenant().accounts(), AccountId::from_u128(0xCA_4A41));
    let wanted = ListAccounts { search: Some("canary-search".into()), ..Default::default() };
    accounts.list(&wanted).await.unwrap();
    accounts.get(id).await.unwrap_err();
    let body = CreateAccount { name: "canary-body".into(), ..Default::default() };
    let error = accounts.create(&body).await.unwrap_err();

    let calls = log.calls();
    let told = |call: usize, field: &str| calls[call].get(field).map(String::as_str);
    assert_eq!((told(0, "method"), told(0, "route")), (Some("GET"), Some("/api/v1/tenant/accounts")));
    assert_eq!((told(0, "status"), told(0, "repeats")), (Some("200"), Some("1")));
    let sent = told(0, "request_id").unwrap();
    assert!(stub.requests()[1].contains(&format!("\r\nx-request-id: {sent}\r\n")));
    assert_eq!((told(1, "route"), told(1, "status")), (Some("/api/v1/tenant/accounts/{id}"), Some("404")));
    assert_eq!((told(1, "request_id"), told(1, "repeats")), (Some("of-the-server"), None));
    assert_eq!(
        (told(2, "method"), told(2, "error"), told(2, "status")),
        (Some("POST"), Some("unreachable"), None)
    );
    assert_eq!(error.details().unwrap()["requestId"].as_str(), told(2, "request_id"));

    let all = format!("{calls:?} {:?}", log.0.lock().unwrap().events);
    assert!(all.contains("sends the request again"), "{all}");
    for canary in ["canary", &id.to_string()] {
        assert!(!all.contains(canary), "{all}");
    }
}

#[tokio::test]
async fn the_span_of_an_application_is_not_written_into() {
    let log = Log::default();
    let _guard = set_default(Registry::default().with(log.clone().with_filter(
        tracing_subscriber::filter::filter_fn(|metadata| *metadata.level() <= tracing::Level::INFO),
    )));
    let stub = Stub::start([success(200, &json!("pong"))]).await;
    let own = tracing::info_span!("call", status = tracing::field::Empty);
    tracing::Instrument::instrument(async { stub.client().ping().await.unwrap() }, own).await;
    assert_eq!(log.calls().len(), 1);
    assert_eq!(log.calls()[0].get("status"), None);
}
