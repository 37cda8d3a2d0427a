//! A subject as it is typed and printed: `member:ID`, `user:ID`, `api_key:ID`, `group:KEY`.

use mono_core::permission::Subject;
use std::str::FromStr;

const FORM: &str = "a subject is member:ID, user:ID, api_key:ID or group:KEY, and an ID is a UUID";

/// Reads a subject.
pub(super) fn parse(text: &str) -> Result<Subject, &'static str> {
    match text.split_once(':').ok_or(FORM)? {
        ("member", id) => read(id).map(Subject::Member),
        ("user", id) => read(id).map(Subject::User),
        ("api_key", id) => read(id).map(Subject::ApiKey),
        ("group", key) if !key.is_empty() => Ok(Subject::Group(key.to_owned())),
        _ => Err(FORM),
    }
}

fn read<T: FromStr>(id: &str) -> Result<T, &'static str> {
    id.parse().map_err(|_| FORM)
}

/// Writes a subject so that [`parse`] reads it.
pub(super) fn text(subject: &Subject) -> String {
    match subject {
        Subject::Member(id) => format!("member:{id}"),
        Subject::User(id) => format!("user:{id}"),
        Subject::ApiKey(id) => format!("api_key:{id}"),
        Subject::Group(key) => format!("group:{key}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_reads_back_from_its_text() {
        let id = "00000000-0000-0000-0000-000000000001";
        for kind in ["member", "user", "api_key", "group"] {
            let typed = format!("{kind}:{id}");
            assert_eq!(text(&parse(&typed).unwrap()), typed);
        }
        assert_eq!(parse("group:a:b"), Ok(Subject::Group("a:b".into())));
        for wrong in ["", "member", "member:", "member:1", "group:", "role:x", "Member:1", " group:x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
