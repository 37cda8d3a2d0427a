//! What an answer says about the input, and what it does not repeat.

use super::assert_refused;
use crate::server::{ACCOUNTS, ADMIN, LOGIN, Server, send};
use mono_storage::testkit::World;
use serde_json::Value;

mono_storage::conformance!(wrong_fields_are_all_named, an_answer_does_not_repeat_what_it_was_given);

async fn wrong_fields_are_all_named(world: World) {
    let server = Server::start(world).await;
    let token = server.token(ADMIN).await;
    let body = r#"{"name":" ","slug":"A B","type":"root","email":"nobody"}"#;
    let request =
        server.post(ACCOUNTS).bearer_auth(&token).header("content-type", "application/json").body(body);
    let answer = send(request).await;
    assert_eq!(answer.failure(), (400, "empty".into()));
    let fields = answer.json()["details"]["fields"].clone();
    let names: Vec<&Value> = fields.as_array().unwrap().iter().map(|field| &field["field"]).collect();
    assert_eq!(names, ["name", "slug", "type", "email"]);
}

async fn an_answer_does_not_repeat_what_it_was_given(world: World) {
    let server = Server::start(world).await;
    let token = server.token(ADMIN).await;
    let long = "x".repeat(100_000);
    for body in [
        r#"{"email":"a@b.co","password":424242}"#.to_owned(),
        r#"{"email":"a@b.co","password":4242.42}"#.to_owned(),
        r#"{"email":424242,"password":"x"}"#.to_owned(),
        r#""424242""#.to_owned(),
        "424242".to_owned(),
        format!(r#"{{"{long}":1}}"#),
        format!("\"{long}\""),
        r#"{"evil\n2026-01-01T00:00:00Z ERROR forged\u001b[31m":1}"#.to_owned(),
    ] {
        let request = server.post(LOGIN).header("content-type", "application/json").body(body.clone());
        let answer = send(request).await;
        assert_refused(&answer, (400, "invalid_field"), &body.chars().take(40).collect::<String>());
        assert!(!answer.body.contains("4242"), "what may be a password is not repeated: {answer:?}");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(!message.contains(char::is_control), "the message is one line of a log: {message:?}");
    }
    let answer = send(server.get(&format!("{ACCOUNTS}?a%0aERROR%1b=1")).bearer_auth(&token)).await;
    assert_refused(&answer, (400, "invalid_query"), "an unknown parameter with a line break");
    assert!(!answer.json()["message"].as_str().unwrap().contains(char::is_control), "{answer:?}");

    // The id that a client gives to its request is taken where it is a plain word.
    for (given, taken) in
        [("abc-1_2", true), ("a b", false), ("a\"b", false), (&"a".repeat(65), false), ("", false)]
    {
        let answer = send(server.get("/ping").header("x-request-id", given)).await;
        assert_eq!(answer.header("x-request-id") == given, taken, "{given}");
        assert!(!answer.header("x-request-id").is_empty());
    }
}
