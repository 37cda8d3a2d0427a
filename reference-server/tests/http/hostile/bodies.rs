//! Bodies: JSON that is broken, of the wrong shape, or breaks a rule.

use super::assert_refused;
use crate::server::{ACCOUNTS, ADMIN, LOGIN, Server, create, send};
use mono_core::api::accounts::ListAccounts;
use mono_storage::testkit::World;
use reqwest::Method;

mono_storage::conformance!(bodies_of_text, bodies_that_are_no_text, media_types);

/// What it is, the body, and the reason that the answer gives.
type Case = (&'static str, &'static str, &'static str);

const CREATE: &[Case] = &[
    ("no body", "", "invalid_json"),
    ("spaces", " \n ", "invalid_json"),
    ("cut off", r#"{"name":"A""#, "invalid_json"),
    ("more behind it", r#"{"name":"A"} {}"#, "invalid_json"),
    ("a comment", "{\"name\":\"A\"} // x", "invalid_json"),
    ("a byte order mark", "\u{FEFF}{\"name\":\"A\"}", "invalid_json"),
    ("a lone surrogate", r#"{"name":"\ud800"}"#, "invalid_json"),
    ("an array", "[]", "invalid_field"),
    ("an array of the fields", r#"["Abc",null,null,null]"#, "invalid_field"),
    ("null", "null", "invalid_field"),
    ("a string", r#""name""#, "invalid_field"),
    ("a missing field", "{}", "invalid_field"),
    ("an unknown field", r#"{"name":"A","plan":"unlimited"}"#, "invalid_field"),
    ("another tenant", r#"{"name":"A","tenantId":"x"}"#, "invalid_field"),
    ("an id of one's own", r#"{"name":"A","id":"x"}"#, "invalid_field"),
    ("a field twice", r#"{"name":"A","name":"B"}"#, "invalid_field"),
    ("a field in two spellings", r#"{"name":"A","\u006eame":"B"}"#, "invalid_field"),
    ("a prototype", r#"{"name":"A","__proto__":{}}"#, "invalid_field"),
    ("a number for a name", r#"{"name":5}"#, "invalid_field"),
    ("null for a name", r#"{"name":null}"#, "invalid_field"),
    ("a list for a name", r#"{"name":["A"]}"#, "invalid_field"),
    ("an object for a name", r#"{"name":{"a":1}}"#, "invalid_field"),
    ("an empty name", r#"{"name":""}"#, "empty"),
    ("a blank name", "{\"name\":\" \u{3000} \"}", "empty"),
    ("NUL in a name", r#"{"name":"a\u0000b"}"#, "control_character"),
    ("a line break in a name", r#"{"name":"a\r\nb"}"#, "control_character"),
    ("reversed text in a name", r#"{"name":"a\u202eb"}"#, "control_character"),
    ("a name without a slug in it", r#"{"name":"日本"}"#, "invalid_slug"),
    ("NUL in a slug", r#"{"name":"A","slug":"a\u0000b"}"#, "invalid_slug"),
    ("a path for a slug", r#"{"name":"A","slug":"../admin"}"#, "invalid_slug"),
    ("NUL in an address", r#"{"name":"AB","email":"a\u0000@b.co"}"#, "control_character"),
    ("a header in an address", r#"{"name":"AB","email":"a@b.co\r\nBcc: c@d.ee"}"#, "control_character"),
    ("no address", r#"{"name":"AB","email":"nobody"}"#, "invalid_email"),
    ("an unknown type", r#"{"name":"AB","type":"root"}"#, "unknown_value"),
];

const UPDATE: &[Case] = &[
    ("NaN", r#"{"version":NaN}"#, "invalid_json"),
    ("a huge exponent", r#"{"version":1e999999}"#, "invalid_json"),
    ("an unknown status", r#"{"status":"deleted"}"#, "unknown_value"),
    ("a version of text", r#"{"version":"1"}"#, "invalid_field"),
    ("a version with a point", r#"{"version":1.5}"#, "invalid_field"),
    ("a version beyond numbers", r#"{"version":9223372036854775808}"#, "invalid_field"),
    ("time travel", r#"{"createdAt":"1970-01-01T00:00:00Z"}"#, "invalid_field"),
    ("a move to another tenant", r#"{"tenantId":"x"}"#, "invalid_field"),
    ("NUL in a new name", r#"{"name":"\u0000"}"#, "control_character"),
];

const LOG_IN: &[Case] = &[
    ("no password", r#"{"email":"a@b.co"}"#, "invalid_field"),
    ("a role", r#"{"email":"a@b.co","password":"x","role":"*"}"#, "invalid_field"),
    ("an operator", r#"{"email":{"$ne":null},"password":{"$ne":null}}"#, "invalid_field"),
    ("two passwords", r#"{"email":"a@b.co","password":"x","password":"y"}"#, "invalid_field"),
];

async fn bodies_of_text(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let account = create(&client, "Unharmed").await;
    let token = server.token(ADMIN).await;
    let one = format!("{ACCOUNTS}/{}", account.id);
    for (method, path, cases) in
        [(Method::POST, ACCOUNTS, CREATE), (Method::PATCH, &*one, UPDATE), (Method::POST, LOGIN, LOG_IN)]
    {
        for (what, body, reason) in cases {
            let request = server.request(method.clone(), path).bearer_auth(&token);
            let answer = send(request.header("content-type", "application/json").body(*body)).await;
            assert_refused(&answer, (400, reason), what);
        }
    }
    let page = client.tenant().accounts().list(&ListAccounts::default()).await.unwrap();
    assert_eq!(page.items, [account], "nothing was made and nothing was changed");
}

async fn bodies_that_are_no_text(world: World) {
    let server = Server::start(world).await;
    let token = server.token(ADMIN).await;
    let deep = |open: &str, close: &str| {
        format!(r#"{{"name":{}1{}}}"#, open.repeat(100_000), close.repeat(100_000)).into_bytes()
    };
    let mut large = br#"{"name":""#.to_vec();
    large.resize(1024 * 1024 + 1, b'a');
    for (what, body, expected) in [
        ("no UTF-8", b"{\"name\":\"\xff\xfe\"}".to_vec(), (400, "invalid_json")),
        ("a raw control character", b"{\"name\":\"a\nb\"}".to_vec(), (400, "invalid_json")),
        ("deep lists", deep("[", "]"), (400, "invalid_field")),
        ("deep objects", deep("{\"a\":", "}"), (400, "invalid_field")),
        ("deep and unknown", format!("{{\"x\":{}", "[".repeat(200_000)).into_bytes(), (400, "invalid_field")),
        ("a long name", format!(r#"{{"name":"{}"}}"#, "a".repeat(201)).into_bytes(), (400, "too_long")),
        ("one byte too much", large, (413, "body_too_large")),
    ] {
        let request = server.post(ACCOUNTS).bearer_auth(&token).header("content-type", "application/json");
        assert_refused(&send(request.body(body)).await, expected, what);
    }
    // An unknown person, whatever the address is made of.
    let body = r#"{"email":"\u0000","password":"\u0000","tenant":"\u0000"}"#;
    let answer = send(server.post(LOGIN).header("content-type", "application/json").body(body)).await;
    assert_refused(&answer, (401, "invalid_credentials"), "NUL in everything");
}

async fn media_types(world: World) {
    let server = Server::start(world).await;
    let token = server.token(ADMIN).await;
    let status = async |media_type: Option<&str>| {
        let mut request = server.post(ACCOUNTS).bearer_auth(&token).body(r#"{"name":"","slug":"a"}"#);
        if let Some(media_type) = media_type {
            request = request.header("content-type", media_type);
        }
        send(request).await
    };
    for media_type in [
        None,
        Some(""),
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/jsonp"),
        Some("application/merge-patch+json"),
        Some("text/plain; application/json"),
        Some("application/json, text/plain"),
    ] {
        let expected = (415, "unsupported_media_type");
        assert_refused(&status(media_type).await, expected, &format!("{media_type:?}"));
    }
    for media_type in ["application/json", "Application/JSON", "application/json; charset=utf-8"] {
        assert_eq!(status(Some(media_type)).await.failure(), (400, "empty".into()), "{media_type}");
    }
}
