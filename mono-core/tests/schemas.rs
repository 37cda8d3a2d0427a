//! What JSON Schema says of text, held against the code that reads it: the document of the API refuses what the server
//! refuses, and takes what the server takes.
#![cfg(feature = "openapi")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use mono_core::permission::{Pattern, ResourceKind, Scope};
use mono_core::subscription::{Currency, Key};
use mono_core::text::{Domain, Email, Locale, Name, Slug, TimeZone};
use proptest::prelude::*;
use proptest::sample::select;
use regex::Regex;
use schemars::{JsonSchema, schema_for};

/// What a schema says of a text.
struct Said {
    pattern: Regex,
    least: usize,
    most: usize,
}

impl Said {
    fn of<T: JsonSchema>() -> Self {
        let schema = schema_for!(T).to_value();
        let number = |name: &str| schema[name].as_u64().map(|number| usize::try_from(number).unwrap());
        let (least, most) =
            (number("minLength").unwrap_or_default(), number("maxLength").unwrap_or(usize::MAX));
        Self { pattern: Regex::new(schema["pattern"].as_str().unwrap()).unwrap(), least, most }
    }

    fn takes(&self, text: &str) -> bool {
        (self.least..=self.most).contains(&text.chars().count()) && self.pattern.is_match(text)
    }
}

/// Texts made of pieces that matter to a kind of text, and good ones with a piece put in somewhere.
fn texts(good: &'static [&'static str], pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    let made = prop::collection::vec(select(pieces), 0..8).prop_map(|pieces| pieces.concat());
    let spoilt =
        (select(good), select(pieces), any::<prop::sample::Index>()).prop_map(|(good, piece, at)| {
            let at = at.index(good.len() + 1);
            [good.get(..at).unwrap_or_default(), piece, good.get(at..).unwrap_or_default()].concat()
        });
    prop_oneof![made, spoilt]
}

fn same<T: JsonSchema>(
    reads: fn(&str) -> bool,
    good: &'static [&'static str],
    pieces: &'static [&'static str],
) {
    let said = Said::of::<T>();
    for text in good {
        assert!(said.takes(text) && reads(text), "{}: {text}", T::schema_name());
    }
    let mut runner = proptest::test_runner::TestRunner::default();
    let result = runner.run(&texts(good, pieces), |text| {
        prop_assert_eq!(said.takes(&text), reads(&text), "{:?}", text);
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{}: {failure}", T::schema_name()));
}

const LONG: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const TENANT: &str = "tenant:00000000-0000-7000-8000-00000000000a";
const PROFILE: &str = concat!(
    "tenant:00000000-0000-7000-8000-00000000000a/account:00000000-0000-7000-8000-00000000000A",
    "/member:00000000-0000-7000-8000-00000000000a/profile:00000000-0000-7000-8000-00000000000a",
);
const FILE: &str = concat!(
    "tenant:00000000-0000-7000-8000-00000000000a/member:00000000-0000-7000-8000-00000000000a",
    "/resource:file:00000000-0000-7000-8000-00000000000a",
);

#[test]
fn the_schema_takes_what_the_code_takes() {
    same::<Slug>(
        |text| Slug::parse(text).is_ok(),
        &["ab", "north-harbour-2"],
        &["a", "z9", "-", "--", "A", "é", "_", "\n", LONG],
    );
    same::<Locale>(
        |text| Locale::parse(text).is_ok(),
        &["en", "pt-br", "zh-Hant-TW", "es-419"],
        &["en", "ENG", "-", "Latn", "BR", "419", "x", "_", "é", " "],
    );
    same::<TimeZone>(
        |text| TimeZone::parse(text).is_ok(),
        &["UTC", "Europe/Lisbon", "America/Argentina/Ushuaia", "Etc/GMT+1"],
        &["UTC", "Etc", "/", "GMT", "+", "-", "_", "1", ".", "é", LONG],
    );
    same::<Domain>(
        |text| Domain::parse(text).is_ok(),
        &["port.example.com", "Port.Example.COM.", "1.2.3a"],
        &["port", "EXAMPLE", ".", "-", "1", "com", "xn--", "é", "_", " "],
    );
    same::<Currency>(|text| Currency::parse(text).is_ok(), &["EUR"], &["E", "EU", "EUR", "r", "1", "É"]);
    same::<Key>(|text| Key::parse(text).is_ok(), &["comp_card", "9"], &["a", "z9", "_", "-", "A", "é", LONG]);
    same::<Pattern>(
        |text| Pattern::parse(text).is_ok(),
        &["*", "tenant.*", "tenant.*.read", "user.2fa.manage", "a.b.c.d"],
        &["*", ".", "tenant", ".read", ".*", "-", "_x", "A", "é", "9", LONG],
    );
    same::<ResourceKind>(
        |text| ResourceKind::parse(text).is_ok(),
        &["file", "a-b_9"],
        &["file", "-", "_", "9", "F", "é", "aaaaaaaaaaaaaaaaaaaa"],
    );
    same::<Name>(
        |text| Name::parse(text).is_ok(),
        &["Ana", "  Ana  ", "North Harbour"],
        &["a", " ", "é", "\u{3000}", "\0", "\n", "\u{85}", "\u{202E}", "\u{FEFF}", "ß", LONG],
    );
    same::<Email>(
        |text| Email::parse(text).is_ok(),
        &["ana@example.com", "a.b+c@sub.example-1.pt", "zoë@exämple.com"],
        &["ana", "@", "example", ".com", "é", "-", "+", " ", "(", "\0", "\u{202E}", "1"],
    );
    same::<Scope>(
        |text| text.parse::<Scope>().is_ok(),
        &["platform", TENANT, PROFILE, FILE],
        &["platform", "tenant:", "/account:", "/", "resource:file:", "-", "a", "nobody", TENANT],
    );
}
