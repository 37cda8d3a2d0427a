//! What a log is told.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

pub(crate) type Fields = BTreeMap<String, String>;

/// Everything that is said.
#[derive(Default)]
struct Said {
    spans: Vec<(u64, Fields)>,
    events: Vec<Fields>,
}

#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Said>>);

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
    /// The calls so far.
    pub(crate) fn calls(&self) -> Vec<Fields> {
        let log = self.0.lock().unwrap();
        log.spans.iter().map(|(_, fields)| fields.clone()).filter(|fields| fields["span"] == "call").collect()
    }

    /// Everything that was said beside the spans.
    pub(crate) fn events(&self) -> Vec<Fields> {
        self.0.lock().unwrap().events.clone()
    }
}
