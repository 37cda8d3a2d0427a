//! Templates: compiled from their sources, tried out before they are taken, and filled in.
//!
//! Sources come from who may change a tenant's settings, so they are untrusted: a template has a budget for time and
//! memory, reads no file and no other template, and always escapes what is filled in.

use htmlparser::{ElementEnd, Token, Tokenizer};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, HtmlEscape, UndefinedBehavior};
use mono_core::error::Problem;
use mono_core::model::mail::MailTemplate;
use mrml::prelude::parser;
use mrml::prelude::render::RenderOptions;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// What a template may use up: instructions, and 64 bytes for each. The built-in ones need less than a twentieth.
const FUEL: u64 = 20_000;
/// How deeply elements may lie in each other: the MJML library calls itself for each.
const DEEPEST: usize = 60;
/// The most bytes of a part that is filled in.
const MOST_BYTES: usize = 256 * 1024;
/// The most characters of a subject that is filled in.
const LONGEST_SUBJECT: usize = 200;

/// A mail that is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) subject: String,
    pub(crate) html: String,
    pub(crate) plain: String,
}

/// A template that is ready to be filled in.
pub(crate) struct Compiled {
    environment: Environment<'static>,
}

impl Compiled {
    /// Compiles the three sources, or tells everything that is wrong with them.
    pub(crate) fn new(template: &MailTemplate) -> Result<Self, Vec<Problem>> {
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(100);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|part| {
            if part == "html" { AutoEscape::Html } else { AutoEscape::None }
        });
        environment.remove_filter("safe");
        let mut problems = Vec::new();
        let parts = [("subject", &template.subject), ("html", &template.html), ("plain", &template.plain)];
        for (part, source) in parts {
            if let Some(place) = forbidden_block(source) {
                let message =
                    format!("line {}: of the blocks there are only if, elif and else", line(source, place));
                problems.push(Problem::new(part, "not_allowed", message));
            }
            if let Err(error) = environment.add_template_owned(part, source.clone()) {
                problems.push(problem(part, &error));
            }
        }
        for (part, source) in parts {
            // Whoever writes a template must not carry a link that lets somebody in to anywhere else.
            if problems.is_empty() && takes_the_link_apart(&environment, source) {
                let message = "the link stands as {{ link }}, whole and unchanged";
                problems.push(Problem::new(part, "link_not_whole", message));
            }
            // Subjects are shown by locked phones, and written into the logs of every server on the way.
            if part == "subject" && source.contains("{{ link }}") {
                let message = "the link stands in the text of the mail alone";
                problems.push(Problem::new(part, "link_misplaced", message));
            }
        }
        if problems.is_empty() { Ok(Self { environment }) } else { Err(problems) }
    }

    /// Fills the parts in.
    pub(crate) fn render(&self, values: &Map<String, Value>) -> Result<Rendered, Vec<Problem>> {
        let (shown, link) = (link_of(values).to_owned(), escaped_link(values));
        let values = minijinja::Value::from(Serde(values));
        let fill = |part: &'static str| {
            let template =
                self.environment.get_template(part).map_err(|error| vec![problem(part, &error)])?;
            let text = template.render(values.clone()).map_err(|error| vec![problem(part, &error)])?;
            if text.len() > MOST_BYTES {
                let message = format!("it has more than {MOST_BYTES} bytes when it is filled in");
                return Err(vec![Problem::new(part, "too_long", message)]);
            }
            Ok(text)
        };
        let subject = one_line(&fill("subject")?);
        if subject.is_empty() {
            return Err(vec![Problem::new("subject", "empty", "it is empty when it is filled in")]);
        }
        let filled = fill("html")?;
        if let Some(place) = misplaced_link(&filled, &link) {
            let message = format!(
                "line {}: the link stands in a text, or is the whole of an href",
                line(&filled, place)
            );
            return Err(vec![Problem::new("html", "link_misplaced", message)]);
        }
        let html = html(&filled).map_err(|problem| vec![problem])?;
        if html.len() > MOST_BYTES {
            let message = format!("it has more than {MOST_BYTES} bytes as HTML");
            return Err(vec![Problem::new("html", "too_long", message)]);
        }
        let plain = paragraphs(&fill("plain")?);
        if !stands_alone(&plain, &shown) {
            let message = "there is space before the link and behind it";
            return Err(vec![Problem::new("plain", "link_misplaced", message)]);
        }
        Ok(Rendered { subject, html, plain })
    }
}

/// Tries a template out: compiled, and filled in with samples, which are `values` and the same with everything empty that
/// may be. A mail with a link has it in both parts.
pub(crate) fn check(template: &MailTemplate, samples: &[Map<String, Value>]) -> Result<(), Vec<Problem>> {
    let compiled = Compiled::new(template)?;
    for values in samples {
        let rendered = compiled.render(values)?;
        let (link, escaped) = (link_of(values), escaped_link(values));
        for (part, text, link) in [("html", &rendered.html, &*escaped), ("plain", &rendered.plain, link)] {
            if !text.contains(link) {
                let message = "it does not hold the link: put {{ link }} where the person finds it";
                return Err(vec![Problem::new(part, "missing_link", message)]);
            }
        }
    }
    Ok(())
}

/// The link of a mail; empty where it has none.
fn link_of(values: &Map<String, Value>) -> &str {
    values.get("link").and_then(Value::as_str).unwrap_or_default()
}

/// The link as it stands in HTML.
fn escaped_link(values: &Map<String, Value>) -> String {
    HtmlEscape(link_of(values)).to_string()
}

/// Where a block begins that is none of a condition's: others give values new names, or change what is in them.
fn forbidden_block(source: &str) -> Option<usize> {
    let mut blocks = source.match_indices("{%");
    blocks.find_map(|(place, _)| {
        let inside = source.get(place + 2..)?.trim_start_matches(['-', '+']).trim_start();
        let word: String = inside.chars().take_while(char::is_ascii_alphanumeric).collect();
        (!["if", "elif", "else", "endif"].contains(&word.as_str())).then_some(place)
    })
}

/// Whether a part uses the link in any other way than to show it, or to ask whether there is one.
fn takes_the_link_apart(environment: &Environment<'_>, source: &str) -> bool {
    let without = source.replace("{{ link }}", "").replace("{% if link %}", "{% if true %}");
    let names = environment.template_from_str(&without).map(|rest| rest.undeclared_variables(false));
    names.is_ok_and(|names| names.contains("link"))
}

/// Where the link stands in an attribute, and is not the whole of an `href`, or in a style, a script or a comment: a
/// picture that is loaded from elsewhere would carry it along.
fn misplaced_link(mjml: &str, link: &str) -> Option<usize> {
    if link.is_empty() {
        return None;
    }
    let mut element = "";
    for token in Tokenizer::from(mjml) {
        let (text, allowed, span) = match token {
            Ok(Token::ElementStart { local, span, .. }) => {
                element = local.as_str();
                if SENDERS.contains(&element) {
                    return Some(span.start());
                }
                continue;
            }
            Ok(Token::Attribute { local, value, span, .. }) => {
                let text = value.map_or("", |value| value.as_str());
                (text, local.as_str() == "href" && text == link, span)
            }
            // A style that looks at what a link says can tell it to whom it fetches pictures from.
            Ok(Token::Text { text }) if STYLES.contains(&element) && text.as_str().contains(['[', '\\']) => {
                return Some(text.start());
            }
            Ok(Token::Text { text }) => {
                let is_read = !SOURCES.contains(&element) && stands_alone(text.as_str(), link);
                (text.as_str(), is_read, text)
            }
            Ok(Token::Comment { text, span } | Token::ConditionalCommentStart { condition: text, span }) => {
                (text.as_str(), false, span)
            }
            Ok(_) => continue,
            // The MJML library stops here as well, and says why.
            Err(_) => return None,
        };
        if !allowed && text.contains(link) {
            return Some(span.start());
        }
    }
    None
}

/// Whether the link stands by itself wherever a text holds it: of what is written together a mail program makes one link,
/// which may lead anywhere.
fn stands_alone(text: &str, link: &str) -> bool {
    let by_itself = |next: Option<char>| next.is_none_or(char::is_whitespace);
    let around = |(place, _)| {
        let (before, rest) = text.split_at_checked(place)?;
        Some((before.chars().next_back(), rest.strip_prefix(link)?.chars().next()))
    };
    let mut places = text.match_indices(link).filter_map(around);
    link.is_empty() || places.all(|(before, after)| by_itself(before) && by_itself(after))
}

/// Elements that send what they hold, or hold what others send.
const SENDERS: [&str; 12] = [
    "base", "button", "embed", "form", "iframe", "input", "link", "meta", "object", "script", "select",
    "textarea",
];
/// Elements that hold styles.
const STYLES: [&str; 2] = ["mj-style", "style"];
/// Elements whose text is not read by people.
const SOURCES: [&str; 5] = ["mj-style", "style", "script", "mj-raw", "mj-preview"];

/// MJML becomes the HTML that mail programs understand.
fn html(mjml: &str) -> Result<String, Problem> {
    let at = |place: usize, code: &str, reason: &str| {
        Problem::new("html", code, format!("line {} of the filled in MJML: {reason}", line(mjml, place)))
    };
    if let Some(place) = too_deep(mjml) {
        return Err(at(place, "too_deep", &format!("more than {DEEPEST} elements lie in each other")));
    }
    let parsed = mrml::parse(mjml).map_err(|error| match place(&error) {
        Some(place) => at(place, "invalid_mjml", &error.to_string()),
        None => Problem::new("html", "invalid_mjml", error.to_string()),
    })?;
    // No fonts from elsewhere: whoever serves them would learn who reads the mail.
    let options = RenderOptions { disable_comments: true, social_icon_origin: None, fonts: HashMap::new() };
    let html = parsed.element.render(&options);
    html.map_err(|error| Problem::new("html", "invalid_mjml", error.to_string()))
}

/// Where the elements first lie in each other too deeply. Read with the tokenizer of the MJML library, so that both
/// count the same.
fn too_deep(mjml: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut is_void = false;
    for token in Tokenizer::from(mjml) {
        match token {
            Ok(Token::ElementStart { local, .. }) => is_void = VOID.contains(&local.as_str()),
            Ok(Token::ElementEnd { end: ElementEnd::Open, span }) if !is_void => {
                depth += 1;
                if depth > DEEPEST {
                    return Some(span.start());
                }
            }
            Ok(Token::ElementEnd { end: ElementEnd::Close(..), .. }) => depth = depth.saturating_sub(1),
            Ok(_) => {}
            // The library stops here as well.
            Err(_) => return None,
        }
    }
    None
}

/// Elements of HTML that hold nothing and are never closed.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
];

/// Where the MJML library met its problem.
fn place(error: &parser::Error) -> Option<usize> {
    use parser::Error as E;
    match error {
        E::UnexpectedElement { position, .. }
        | E::UnexpectedToken { position, .. }
        | E::MissingAttribute { position, .. }
        | E::InvalidAttribute { position, .. }
        | E::InvalidFormat { position, .. }
        | E::IncludeLoaderError { position, .. } => Some(position.start),
        _ => None,
    }
}

fn problem(part: &str, error: &minijinja::Error) -> Problem {
    let code = match error.kind() {
        minijinja::ErrorKind::OutOfFuel => "too_expensive",
        minijinja::ErrorKind::SyntaxError => "invalid_syntax",
        _ => "cannot_be_filled_in",
    };
    let reason = error.detail().map_or_else(|| error.kind().to_string(), ToOwned::to_owned);
    let reason: String = reason.chars().filter(|c| !c.is_control()).take(200).collect();
    Problem::new(part, code, format!("line {}: {reason}", error.line().unwrap_or(1)))
}

/// The number of the line, from 1, in which a place lies.
fn line(text: &str, place: usize) -> usize {
    text.bytes().take(place).filter(|byte| *byte == b'\n').count() + 1
}

/// A header is one line, whatever is filled in.
fn one_line(text: &str) -> String {
    let words: Vec<_> =
        text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(LONGEST_SUBJECT).collect()
}

/// Without blank lines at either end, and at most one between two paragraphs.
fn paragraphs(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if !line.is_empty() || lines.last().is_some_and(|last| !last.is_empty()) {
            lines.push(line);
        }
    }
    let mut text = lines.join("\n").trim_end().to_owned();
    text.push('\n');
    text
}
