//! What no log may hold: fields whose name says that they are secret, and words that look like a secret wherever they stand.

/// Stands where a secret was.
pub(super) const HIDDEN: &str = "[hidden]";

/// Parts of the names of secret fields.
const SECRET: [&str; 10] = [
    "password",
    "passwd",
    "secret",
    "token",
    "authorization",
    "cookie",
    "credential",
    "api_key",
    "apikey",
    "private",
];
/// Names of secret fields that would fit too much as a part.
const SECRET_WHOLE: [&str; 3] = ["key", "master_key", "otp"];
/// A word behind `Bearer` that is shorter is one of a sentence.
const SHORTEST: usize = 12;

/// Whether the name of a field says that its value is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    SECRET.iter().any(|part| lower.contains(part)) || SECRET_WHOLE.contains(&lower.as_str())
}

/// The text without what looks like a secret: tokens, API keys, hashes of passwords, bearer headers, and passwords in URLs.
pub(super) fn scrub(text: String) -> String {
    let may_hold =
        ["eyJ", "mono_", "$argon2", "earer ", "asic ", "://"].iter().any(|sign| text.contains(sign));
    if !may_hold {
        return text;
    }
    let mut clean = String::with_capacity(text.len());
    let mut after_scheme = false;
    for word in without_hashes(text).split_inclusive(is_end) {
        let bare = word.trim_end_matches(is_end);
        let end = word.get(bare.len()..).unwrap_or_default();
        if after_scheme && bare.len() >= SHORTEST || looks_secret(bare) {
            clean.push_str(HIDDEN);
        } else if let Some((before, after)) = url(bare) {
            clean.push_str(before);
            clean.push_str(HIDDEN);
            clean.push_str(after);
        } else {
            clean.push_str(bare);
        }
        clean.push_str(end);
        after_scheme = ["bearer", "basic"].iter().any(|scheme| bare.eq_ignore_ascii_case(scheme));
    }
    clean
}

fn is_end(letter: char) -> bool {
    letter.is_whitespace() || "\"'`,;()<>{}=".contains(letter)
}

/// The text without hashes of passwords, `$argon2id$…`.
fn without_hashes(mut text: String) -> String {
    while let Some(start) = text.find("$argon2") {
        let length = text
            .get(start..)
            .and_then(|hash| hash.find(|letter: char| letter.is_whitespace() || "\"'`".contains(letter)));
        let end = length.map_or(text.len(), |length| start + length);
        text.replace_range(start..end, HIDDEN);
    }
    text
}

/// A token (`eyJ…`), or an API key.
fn looks_secret(word: &str) -> bool {
    let is_token = word.len() > 20 && word.starts_with("eyJ");
    let is_key = word.len() > 20 && (word.starts_with("mono_live_") || word.starts_with("mono_test_"));
    is_token || is_key
}

/// What stands before and behind user and password of a URL.
fn url(word: &str) -> Option<(&str, &str)> {
    let start = word.find("://")? + 3;
    let (before, rest) = word.split_at_checked(start)?;
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let at = rest.get(..authority)?.rfind('@')?;
    Some((before, rest.get(at..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_secret() {
        for name in [
            "password",
            "newPassword",
            "refresh_token",
            "Authorization",
            "set-cookie",
            "key",
            "client_secret",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["code", "tenant", "monkey", "limit_key", "correlation_id", "status"] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn what_looks_like_a_secret_is_taken_out_of_words() {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
        for (said, told) in [
            (format!("cannot read {token}: expired"), "cannot read [hidden] expired".to_owned()),
            (format!("{{\"accessToken\":\"{token}\"}}"), "{\"accessToken\":\"[hidden]\"}".to_owned()),
            ("Bearer abcdefghijklmnop".to_owned(), "Bearer [hidden]".to_owned()),
            ("mono_live_0123456789_abcdefgh_x1".to_owned(), HIDDEN.to_owned()),
            (
                "at postgres://u:p@ss@db:5432/mono now".to_owned(),
                "at postgres://[hidden]@db:5432/mono now".to_owned(),
            ),
            ("at https://example.com/a@b now".to_owned(), "at https://example.com/a@b now".to_owned()),
            ("hash $argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA'".to_owned(), "hash [hidden]'".to_owned()),
            ("the bearer of bad news".to_owned(), "the bearer of bad news".to_owned()),
            ("mono_app is a login".to_owned(), "mono_app is a login".to_owned()),
        ] {
            assert_eq!(scrub(said.clone()), told, "{said}");
        }
    }
}
