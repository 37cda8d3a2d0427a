//! Input that no honest client sends. Each gets an answer 4xx in the envelope that says what is wrong, and only that.

mod addresses;
mod bodies;
mod bytes;
mod queries;
mod words;

use crate::server::Answer;

/// What would tell about the inside. Each is looked for in every answer to hostile input.
const INSIDE: &[&str] = &[
    "sqlx",
    "panicked",
    "SELECT",
    "INSERT",
    "RETURNING",
    "sqlite",
    "postgres",
    ".rs",
    "/work",
    "/tmp",
    "/home",
    "src/",
    "stack",
    "thread",
    "mono_",
    "unwrap",
    "None",
    "Err(",
];

fn assert_refused(answer: &Answer, expected: (u16, &str), what: &str) {
    let (status, reason) = answer.failure();
    assert_eq!((status, &*reason), expected, "{what}: {answer:?}");
    assert!((400..500).contains(&status), "{what}");
    for word in INSIDE {
        assert!(!answer.body.contains(word), "{what}: {word} in {}", answer.body);
    }
    assert!(answer.body.len() < 2000, "{what}: {} bytes of answer", answer.body.len());
}
