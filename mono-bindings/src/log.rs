//! What the client logs, for another language.

use crate::error::Result;
use mono_core::{Error, ErrorKind};
use std::collections::HashMap;
use std::fmt;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

/// What is logged, by the crate that it comes from: the client alone, not the libraries below it.
const TARGET: &str = "mono_client";

/// How much a record matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something is not as it should be, and goes on.
    Warn,
    /// Something that happens seldom.
    Info,
    /// Every call, with its route and status.
    Debug,
    /// Everything.
    Trace,
}

impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::ERROR => Self::Error,
            Level::WARN => Self::Warn,
            Level::INFO => Self::Info,
            Level::DEBUG => Self::Debug,
            Level::TRACE => Self::Trace,
        }
    }
}

/// One line of the log. It holds no token, and nothing of what was asked for but the route.
#[derive(Debug, Clone, uniffi::Record)]
pub struct LogRecord {
    /// How much it matters.
    pub level: LogLevel,
    /// What happened.
    pub message: String,
    /// More about it, and about the call that it belongs to: `method`, `route`, `request_id`, `status`, `error`,
    /// `repeats`, `renewed`, `cache`, each where it is known.
    pub fields: HashMap<String, String>,
}

/// Is told what the client logs.
#[uniffi::export(callback_interface)]
pub trait LogListener: Send + Sync {
    /// Takes a record. It is called in the midst of a call, from any thread, and should return soon.
    ///
    /// # Errors
    /// What is raised here is ignored.
    fn on_record(&self, record: LogRecord) -> Result<()>;
}

/// Tells a listener from now on what all clients of this program log, from this level upwards.
///
/// # Errors
/// `Conflict` with code `log_listener_set` where there is one already: it stays until the program ends.
#[uniffi::export]
pub fn set_log_listener(listener: Box<dyn LogListener>, level: LogLevel) -> Result<()> {
    let wanted = Targets::new().with_target(TARGET, Level::from(level));
    let subscriber = Registry::default().with(Forward(listener)).with(wanted);
    Ok(tracing::subscriber::set_global_default(subscriber).map_err(|error| {
        Error::new(ErrorKind::Conflict, "log_listener_set", "there is a log listener already")
            .with_source(error)
    })?)
}

/// Hands the events on, with the fields of the spans that they lie in.
struct Forward(Box<dyn LogListener>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Forward {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut all = Fields::default();
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(Fields(fields)) = span.extensions().get::<Fields>() {
                all.0.extend(fields.clone());
            }
        }
        event.record(&mut all);
        let message = all.0.remove("message").unwrap_or_default();
        let record = LogRecord { level: (*event.metadata().level()).into(), message, fields: all.0 };
        // There is nobody to tell that the log cannot be written.
        drop(self.0.on_record(record));
    }
}

#[derive(Default)]
struct Fields(HashMap<String, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Listener(Arc<Mutex<Vec<LogRecord>>>);

    impl LogListener for Listener {
        fn on_record(&self, record: LogRecord) -> Result<()> {
            self.0.lock().unwrap().push(record);
            Err(Error::internal("ignored").into())
        }
    }

    #[test]
    fn a_record_has_the_fields_of_its_event_and_of_the_spans_around_it() {
        let listener = Listener::default();
        let subscriber = Registry::default().with(Forward(Box::new(listener.clone())));
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::debug_span!("call", method = "GET", status = tracing::field::Empty);
            span.record("status", 200);
            span.in_scope(|| tracing::warn!(turn = 2, "again"));
            tracing::info!("alone");
        });
        let records = listener.0.lock().unwrap();
        let [first, second] = &records[..] else { panic!("{records:?}") };
        let expected = [("method", "GET"), ("status", "200"), ("turn", "2")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            (first.level, first.message.as_str(), &first.fields),
            (LogLevel::Warn, "again", &expected.into())
        );
        assert_eq!((second.message.as_str(), second.fields.len()), ("alone", 0));
    }
}
