//! What a template may use, by name.

use super::Composed;
use mono_core::model::mail::MailKind;
use mono_core::model::tenant::Tenant;
use mono_core::text::Email;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The colour of buttons where a tenant has none.
const COLOUR: &str = "#1f4fd8";
/// What some kinds tell besides; empty where it is not known.
const MORE: [&str; 2] = ["inviter", "new_address"];

/// Who sends a mail, as its reader sees it.
pub(super) struct Sender<'a> {
    /// The tenant in whose name it is sent.
    pub(super) tenant: Option<&'a Tenant>,
    /// The name of the platform, for where there is no tenant.
    pub(super) platform: &'a str,
    /// The address of the site.
    pub(super) site: &'a str,
}

/// Every value of a mail. A template may name all of them, whatever the kind: what is not known is empty.
pub(super) fn values(composed: &Composed, sender: &Sender<'_>, language: &str) -> Map<String, Value> {
    let branding =
        |key: &str| sender.tenant.and_then(|tenant| tenant.branding.get(key)).and_then(Value::as_str);
    let colour = branding("primaryColor").filter(|colour| is_colour(colour)).unwrap_or(COLOUR);
    let mut values: Map<String, Value> = MORE.iter().map(|key| ((*key).to_owned(), json!(""))).collect();
    values.extend(composed.values.clone());
    if let Some(Value::String(inviter)) = values.get_mut("inviter") {
        *inviter = plain_name(inviter).to_owned();
    }
    let name = composed.name.as_ref().map_or("", |name| plain_name(name.as_str()));
    let link = composed.link.as_ref().map_or("", |link| link.expose_secret());
    let own = [
        ("name", json!(name)),
        ("address", json!(composed.to.as_str())),
        ("tenant", json!(sender.tenant.map_or(sender.platform, |tenant| tenant.name.as_str()))),
        ("site", json!(sender.site)),
        ("link", json!(link)),
        ("expires_in", json!(composed.expires_in.map(|time| words(time, language)).unwrap_or_default())),
        ("expires_minutes", json!(composed.expires_in.map_or(0, |time| time.as_secs() / 60))),
        ("language", json!(language)),
        ("logo", json!(branding("logoUrl").filter(|url| is_picture(url)).unwrap_or_default())),
        ("colour", json!(colour)),
        ("colour_text", json!(if is_light(colour) { "#111827" } else { "#ffffff" })),
    ];
    values.extend(own.map(|(key, value)| (key.to_owned(), value)));
    values
}

/// Made-up mails of a kind: one with everything, one with everything left out that may be.
pub(super) fn samples(kind: MailKind, to: Email, link: Option<&str>) -> [Composed; 2] {
    let least = Composed {
        link: link.map(|link| link.to_owned().into()),
        expires_in: link.map(|_| Duration::from_hours(1)),
        ..Composed::to_address(to)
    };
    let mut values = Map::new();
    match kind {
        MailKind::Invitation => drop(values.insert("inviter".into(), json!("Rui Costa"))),
        MailKind::EmailChanged => drop(values.insert("new_address".into(), json!("new@example.com"))),
        _ => {}
    }
    let most = Composed {
        to: least.to.clone(),
        name: mono_core::text::Name::parse("Ana Silva").ok(),
        link: least.link.clone(),
        expires_in: least.expires_in,
        values,
    };
    [most, least]
}

/// A name as it may stand in a mail. Programs make a link of what looks like an address, and who signs up with the
/// address of somebody else chooses the name: such a name is left out.
fn plain_name(name: &str) -> &str {
    // Two labels of a host with a dot between; initials are shorter.
    let is_host = |(left, right): (&str, &str)| {
        let last = left.chars().rev().take_while(|c| c.is_alphanumeric()).count();
        let first = right.chars().take_while(|c| c.is_alphanumeric()).count();
        last >= 2 && first >= 2
    };
    let is_address = |word: &str| {
        word.contains("://")
            || word.contains('@')
            || word.split('.').zip(word.split('.').skip(1)).any(is_host)
    };
    if name.split_whitespace().any(is_address) { "" } else { name }
}

/// A time that a link is good for, in the words of a language.
fn words(time: Duration, language: &str) -> String {
    const DAY: u64 = 24 * 3600;
    let seconds = time.as_secs();
    let (count, english, german) = match seconds {
        seconds if seconds > DAY && seconds % DAY == 0 => (seconds / DAY, ["day", "days"], ["Tag", "Tage"]),
        seconds if seconds >= 3600 => (seconds / 3600, ["hour", "hours"], ["Stunde", "Stunden"]),
        seconds => (seconds / 60, ["minute", "minutes"], ["Minute", "Minuten"]),
    };
    let [one, many] = if language.split('-').next() == Some("de") { german } else { english };
    format!("{count} {}", if count == 1 { one } else { many })
}

/// `#369` or `#336699`.
fn is_colour(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or_default();
    matches!(digits.len(), 3 | 6) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether dark text is easier to read on a colour than white (ITU-R BT.601).
fn is_light(colour: &str) -> bool {
    let digits: Vec<u32> = colour.chars().filter_map(|c| c.to_digit(16)).collect();
    let [red, green, blue] = match *digits.as_slice() {
        [r, g, b] => [r * 17, g * 17, b * 17],
        [r, s, g, h, b, c] => [r * 16 + s, g * 16 + h, b * 16 + c],
        _ => [0; 3],
    };
    red * 299 + green * 587 + blue * 114 > 160_000
}

/// A picture that a mail program may load: over TLS, in one word.
fn is_picture(url: &str) -> bool {
    url.starts_with("https://")
        && url.len() <= 500
        && url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>\\".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_programs_would_make_a_link_of_is_left_out() {
        for name in ["Ana Silva", "J. R. Smith", "J.R. Smith", "Dr. Müller", "Ana 2.0", "O'Neil-Smith Jr."] {
            assert_eq!(plain_name(name), name);
        }
        for name in [
            "visit evil.example now",
            "https://x",
            "a@b",
            "www.evil.example/login",
            "evil.io.",
            "(evil.io/a.b)",
        ] {
            assert_eq!(plain_name(name), "", "{name}");
        }
    }

    #[test]
    fn times_are_said_as_people_say_them() {
        let said = [(15, "en"), (60, "en"), (1440, "en"), (10_080, "en"), (60, "de-AT"), (10_080, "de")]
            .map(|(minutes, language)| words(Duration::from_mins(minutes), language));
        assert_eq!(said, ["15 minutes", "1 hour", "24 hours", "7 days", "1 Stunde", "7 Tage"]);
    }

    #[test]
    fn colours_are_checked_and_read() {
        for (colour, is, light) in [("#fff", true, true), ("#1f4fd8", true, false), ("#FACC15", true, true)] {
            assert_eq!((is_colour(colour), is_light(colour)), (is, light), "{colour}");
        }
        for colour in ["red", "#12", "#12345g", "#fff;x", ""] {
            assert!(!is_colour(colour), "{colour}");
        }
        assert!(is_picture("https://cdn.example/logo.png"));
        for url in ["http://x/a.png", "javascript:x", "https://x/\" onload=\"", "https://x/ a"] {
            assert!(!is_picture(url), "{url}");
        }
    }
}
