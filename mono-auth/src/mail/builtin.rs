//! The templates that are built in: one layout, and what each kind says in each language.

use mono_core::Error;
use mono_core::model::mail::{MailKind, MailTemplate};
use mono_core::text::Locale;
use serde::Deserialize;
use std::collections::HashMap;

const HTML: &str = include_str!("../../templates/layout.mjml");
const PLAIN: &str = include_str!("../../templates/layout.txt");
/// The languages, the first of which stands in for every other.
const LANGUAGES: [(&str, &str); 2] =
    [("en", include_str!("../../templates/en.json")), ("de", include_str!("../../templates/de.json"))];

/// What is said in one language.
#[derive(Deserialize)]
struct Texts {
    greeting: String,
    fallback: String,
    footer: String,
    mails: HashMap<String, Text>,
}

/// What a mail of one kind says.
#[derive(Deserialize)]
struct Text {
    subject: String,
    title: String,
    text: String,
    button: String,
    note: String,
}

/// Every built-in template.
///
/// # Errors
/// `Internal` where a file is broken; a test reads them all.
pub(super) fn all() -> Result<Vec<MailTemplate>, Error> {
    let mut templates = Vec::new();
    for (language, file) in LANGUAGES {
        let texts: Texts = serde_json::from_str(file).map_err(Error::internal)?;
        let locale = Locale::parse(language)?;
        for kind in MailKind::ALL {
            let text = texts.mails.get(kind.as_str()).ok_or_else(|| {
                Error::internal(format!("nothing is said in {language} in a mail of the kind {kind}"))
            })?;
            templates.push(MailTemplate {
                kind,
                locale: locale.clone(),
                subject: text.subject.clone(),
                html: put_in(HTML, &texts, text),
                plain: put_in(PLAIN, &texts, text),
            });
        }
    }
    Ok(templates)
}

/// Puts the texts into the layout. They are sources as well, and ours.
fn put_in(layout: &str, texts: &Texts, text: &Text) -> String {
    [
        ("[[title]]", &text.title),
        ("[[preview]]", &text.text),
        ("[[greeting]]", &texts.greeting),
        ("[[text]]", &text.text),
        ("[[button]]", &text.button),
        ("[[note]]", &text.note),
        ("[[fallback]]", &texts.fallback),
        ("[[footer]]", &texts.footer),
    ]
    .into_iter()
    .fold(layout.to_owned(), |layout, (place, text)| layout.replace(place, text))
}
