//! The log: each line says when, how serious, what, in which module, and for which request, tenant and person. Secrets are
//! taken out on the way, whoever wrote them.

mod redact;

use crate::config::Config;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::ValueEnum;
use mono_core::time::Clock;
use mono_storage::system::SystemClock;
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For programs: one JSON object to a line.
    Json,
    /// For people.
    Text,
}

/// Begins to log as the settings say, and to tell of panics in the log alone. A process does so once.
pub fn start_log(config: &Config) {
    tracing_subscriber::registry().with(EnvFilter::new(&config.log)).with(Log::new(config)).init();
    tell_of_panics(config);
}

/// As [`start_log`], and lets traces hear of what the log does not.
#[cfg(feature = "otlp")]
pub(crate) fn start_log_with(config: &Config, traces: &crate::otlp::Traces) {
    let log = Log::new(config).with_filter(EnvFilter::new(&config.log));
    tracing_subscriber::registry().with(traces.layer()).with(log).init();
    tell_of_panics(config);
}

fn tell_of_panics(config: &Config) {
    let is_production = config.is_production();
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic: {}", panic_words(panic.payload(), is_production));
    }));
}

/// What a panic says. Words that stand in the source are told; those that were made of values may hold anything, and are
/// not told in production.
pub(crate) fn panic_words(panic: &(dyn std::any::Any + Send), is_production: bool) -> String {
    match (panic.downcast_ref::<&'static str>(), panic.downcast_ref::<String>()) {
        (Some(words), _) => (*words).to_owned(),
        (None, Some(words)) if !is_production => words.clone(),
        _ => "(its words may hold a secret)".to_owned(),
    }
}

/// Writes each event as a line to the standard error stream.
struct Log {
    format: LogFormat,
    colours: bool,
}

impl Log {
    fn new(config: &Config) -> Self {
        Self { format: config.log_format(), colours: std::io::stderr().is_terminal() }
    }
}

/// What is known of a span or an event, as it was told: secrets are taken out when a line is written, for most requests
/// write none.
#[derive(Default)]
struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        if field.name().starts_with("otel.") {
            // For traces alone.
            return;
        }
        let name = field.name().trim_start_matches("r#");
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }

    /// Adds what is not known yet, without secrets.
    fn write_to(&self, line: &mut Map<String, Value>) {
        for (name, value) in &self.0 {
            line.entry(*name).or_insert_with(|| match value {
                _ if redact::is_secret(name) => redact::HIDDEN.into(),
                Value::String(text) => redact::scrub(text.clone()).into(),
                value => value.clone(),
            });
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // A thousandth is what anybody reads of a duration.
        self.put(field, ((value * 1000.0).round() / 1000.0).into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Log {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
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
        let mut own = Fields::default();
        event.record(&mut own);
        let mut fields = Map::new();
        own.write_to(&mut fields);
        // What is nearer knows better.
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                of_span.write_to(&mut fields);
            }
        }
        let message =
            fields.remove("message").and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
        let (level, module) = (*event.metadata().level(), event.metadata().target());
        let now = SystemClock.now();
        let line = match self.format {
            LogFormat::Json => json(now, level, module, message, fields),
            LogFormat::Text => text(now, level, module, &message, &fields, self.colours),
        };
        // A log that nobody reads stops nothing.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

fn json(
    now: DateTime<Utc>,
    level: Level,
    module: &str,
    message: String,
    fields: Map<String, Value>,
) -> String {
    let mut line = Map::new();
    line.insert("timestamp".into(), now.to_rfc3339_opts(SecondsFormat::Micros, true).into());
    line.insert("level".into(), level.as_str().into());
    line.insert("message".into(), message.into());
    line.insert("module".into(), module.into());
    for (name, value) in fields {
        line.entry(name).or_insert(value);
    }
    format!("{}\n", Value::Object(line))
}

fn text(
    now: DateTime<Utc>,
    level: Level,
    module: &str,
    message: &str,
    fields: &Map<String, Value>,
    colours: bool,
) -> String {
    let (faint, bold, plain) = if colours { ("\u{1b}[2m", colour(level), "\u{1b}[0m") } else { ("", "", "") };
    let time = now.to_rfc3339_opts(SecondsFormat::Millis, true);
    let mut line = format!("{faint}{time}{plain} {bold}{level:>5}{plain} {faint}{module}:{plain} ");
    on_one_line(&mut line, message);
    for (name, value) in fields {
        let _ = write!(line, " {faint}{name}={plain}");
        match value {
            Value::String(text) if text.contains(' ') => {
                line.push('"');
                on_one_line(&mut line, text);
                line.push('"');
            }
            Value::String(text) => on_one_line(&mut line, text),
            value => {
                let _ = write!(line, "{value}");
            }
        }
    }
    line.push('\n');
    line
}

/// Nobody writes a line of the log, or colours, by what they send.
fn on_one_line(line: &mut String, text: &str) {
    for letter in text.chars() {
        if letter.is_control() { line.extend(letter.escape_default()) } else { line.push(letter) }
    }
}

const fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\u{1b}[1;31m",
        Level::WARN => "\u{1b}[1;33m",
        Level::INFO => "\u{1b}[32m",
        _ => "\u{1b}[34m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_whatever_it_says() {
        let mut fields = Map::new();
        fields.insert("tenant".into(), "a\nb".into());
        fields.insert("status".into(), 200.into());
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(
            text(now, Level::INFO, "mono", "one\ntwo\u{1b}[31m", &fields, false),
            "1970-01-01T00:00:00.000Z  INFO mono: one\\ntwo\\u{1b}[31m status=200 tenant=a\\nb\n"
        );
        let line = json(now, Level::WARN, "mono", "one\ntwo".into(), fields);
        assert_eq!(line.lines().count(), 1);
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["timestamp"], "1970-01-01T00:00:00.000000Z");
        assert_eq!((&read["message"], &read["tenant"]), (&"one\ntwo".into(), &"a\nb".into()));
    }

    #[test]
    fn only_words_of_the_source_are_told_of_a_panic_in_production() {
        let literal: &'static str = "words";
        assert_eq!(panic_words(&literal, true), "words");
        assert_eq!(panic_words(&"hunter2".to_owned(), false), "hunter2");
        assert!(!panic_words(&"hunter2".to_owned(), true).contains("hunter2"));
    }
}
