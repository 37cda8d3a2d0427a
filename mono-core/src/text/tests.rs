use super::*;

#[test]
fn hostile_addresses_are_refused() {
    let long = format!("{}@example.com", "a".repeat(65));
    for text in [
        "",
        "a",
        "a@",
        "@b.co",
        "a@b",
        "a@b..co",
        "a b@c.de",
        "a@b.co\r\nBcc: x@y.zz",
        "a\0@b.co",
        "a@-b.co",
        "a@b.co,c@d.ee",
        "<a@b.co>",
        &long,
    ] {
        assert!(Email::parse(text).is_err(), "{text:?}");
    }
    assert_eq!(
        Email::parse("zoe\u{308}@ex.com").unwrap().folded(),
        Email::parse("ZOË@EX.COM").unwrap().folded()
    );
}

#[test]
fn hostile_slugs_are_refused() {
    for text in ["", "a", "-a", "a-", "a--b", "A", "a_b", "a/b", "..", "é", &"a".repeat(65)] {
        assert!(Slug::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn names_hold_no_hidden_characters() {
    for text in ["", " ", "a\nb", "a\u{202E}b", &"a".repeat(201)] {
        assert!(Name::parse(text).is_err(), "{text:?}");
    }
    assert_eq!(Name::parse(&"ä".repeat(200)).unwrap().as_str().chars().count(), 200);
}

#[test]
fn hostile_domains_and_zones_are_refused() {
    for text in [
        "",
        ".",
        "localhost",
        "https://a.example",
        "a.example/x",
        "a.example:80",
        "a..example",
        "-a.example",
        "127.0.0.1",
        "a b.example",
        "ü.example",
        "a.example\0",
        "*.example",
        "[::1]",
        &format!("{}.example", "a".repeat(64)),
        &"a.".repeat(128),
    ] {
        assert!(Domain::parse(text).is_err(), "{text:?}");
    }
    for text in [
        "",
        "/",
        "Europe/",
        "Europe//Lisbon",
        "../x",
        "Europe/Lisbon\0",
        "a/b/c/d",
        "+01:00",
        "Europe Lisbon",
    ] {
        assert!(TimeZone::parse(text).is_err(), "{text:?}");
    }
    for text in ["UTC", "Etc/GMT+1", "America/Port-au-Prince", "America/Argentina/Ushuaia"] {
        assert_eq!(TimeZone::parse(text).unwrap().as_str(), text);
    }
}

#[test]
fn locales_are_canonical() {
    assert_eq!(Locale::parse("ZH-hant-tw").unwrap().as_str(), "zh-Hant-TW");
    for text in ["", "e", "english", "en_US", "en-", "en-US-x", "1n"] {
        assert!(Locale::parse(text).is_err(), "{text:?}");
    }
}
