//! Input that no honest client sends. Each gets an answer 4xx in the envelope that says what is wrong, and only that.

use crate::server::{ACCOUNTS, ADMIN, Answer, LOGIN, Server, create, send};
use mono_core::api::accounts::ListAccounts;
use mono_storage::testkit::World;
use reqwest::Method;
use serde_json::Value;

mono_storage::conformance!(
    bodies,
    media_types,
    queries,
    addresses,
    wrong_fields_are_all_named,
    an_answer_does_not_repeat_what_it_was_given,
    bytes_that_are_hardly_http,
);

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

async fn bodies(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let account = create(&client, "Unharmed").await;
    let token = server.token(ADMIN).await;
    let one = format!("{ACCOUNTS}/{}", account.id);
    let create = (Method::POST, ACCOUNTS);
    let update = (Method::PATCH, one.as_str());
    let login = (Method::POST, LOGIN);
    let deep = |open: &str, close: &str, times: usize| {
        format!(r#"{{"name":{}1{}}}"#, open.repeat(times), close.repeat(times)).into_bytes()
    };
    let mut large = br#"{"name":""#.to_vec();
    large.resize(1024 * 1024 + 1, b'a');
    let long_name = format!(r#"{{"name":"{}"}}"#, "a".repeat(201));
    let text = |text: &str| text.as_bytes().to_vec();
    let cases: Vec<(&str, &(Method, &str), Vec<u8>, u16, &str)> = vec![
        ("no body", &create, text(""), 400, "invalid_json"),
        ("spaces", &create, text(" \n "), 400, "invalid_json"),
        ("cut off", &create, text(r#"{"name":"A""#), 400, "invalid_json"),
        ("more behind it", &create, text(r#"{"name":"A"} {}"#), 400, "invalid_json"),
        ("a comment", &create, text("{\"name\":\"A\"} // x"), 400, "invalid_json"),
        ("a byte order mark", &create, text("\u{FEFF}{\"name\":\"A\"}"), 400, "invalid_json"),
        ("no UTF-8", &create, b"{\"name\":\"\xff\xfe\"}".to_vec(), 400, "invalid_json"),
        ("a lone surrogate", &create, text(r#"{"name":"\ud800"}"#), 400, "invalid_json"),
        ("a raw control character", &create, b"{\"name\":\"a\nb\"}".to_vec(), 400, "invalid_json"),
        ("NaN", &update, text(r#"{"version":NaN}"#), 400, "invalid_json"),
        ("a huge exponent", &update, text(r#"{"version":1e999999}"#), 400, "invalid_json"),
        ("an array", &create, text("[]"), 400, "invalid_field"),
        ("an array of the fields", &create, text(r#"["Abc",null,null,null]"#), 400, "invalid_field"),
        ("null", &create, text("null"), 400, "invalid_field"),
        ("a string", &create, text(r#""name""#), 400, "invalid_field"),
        ("a missing field", &create, text("{}"), 400, "invalid_field"),
        ("an unknown field", &create, text(r#"{"name":"A","plan":"unlimited"}"#), 400, "invalid_field"),
        ("another tenant", &create, text(r#"{"name":"A","tenantId":"x"}"#), 400, "invalid_field"),
        ("an id of one's own", &create, text(r#"{"name":"A","id":"x"}"#), 400, "invalid_field"),
        ("a field twice", &create, text(r#"{"name":"A","name":"B"}"#), 400, "invalid_field"),
        ("a field in two spellings", &create, text(r#"{"name":"A","\u006eame":"B"}"#), 400, "invalid_field"),
        ("a prototype", &create, text(r#"{"name":"A","__proto__":{}}"#), 400, "invalid_field"),
        ("a number for a name", &create, text(r#"{"name":5}"#), 400, "invalid_field"),
        ("null for a name", &create, text(r#"{"name":null}"#), 400, "invalid_field"),
        ("a list for a name", &create, text(r#"{"name":["A"]}"#), 400, "invalid_field"),
        ("an object for a name", &create, text(r#"{"name":{"a":1}}"#), 400, "invalid_field"),
        ("deep lists", &create, deep("[", "]", 100_000), 400, "invalid_field"),
        ("deep objects", &create, deep("{\"a\":", "}", 100_000), 400, "invalid_field"),
        (
            "deep unknown lists",
            &update,
            text(&format!("{{\"x\":{}", "[".repeat(200_000))),
            400,
            "invalid_field",
        ),
        ("an empty name", &create, text(r#"{"name":""}"#), 400, "empty"),
        ("a blank name", &create, text("{\"name\":\" \u{3000} \"}"), 400, "empty"),
        ("a long name", &create, text(&long_name), 400, "too_long"),
        ("NUL in a name", &create, text(r#"{"name":"a\u0000b"}"#), 400, "control_character"),
        ("a line break in a name", &create, text(r#"{"name":"a\r\nb"}"#), 400, "control_character"),
        ("reversed text in a name", &create, text(r#"{"name":"a\u202eb"}"#), 400, "control_character"),
        ("a name without a slug in it", &create, text(r#"{"name":"日本"}"#), 400, "invalid_slug"),
        ("NUL in a slug", &create, text(r#"{"name":"A","slug":"a\u0000b"}"#), 400, "invalid_slug"),
        ("a path for a slug", &create, text(r#"{"name":"A","slug":"../admin"}"#), 400, "invalid_slug"),
        (
            "NUL in an address",
            &create,
            text(r#"{"name":"AB","email":"a\u0000@b.co"}"#),
            400,
            "control_character",
        ),
        (
            "a header in an address",
            &create,
            text(r#"{"name":"AB","email":"a@b.co\r\nBcc: c@d.ee"}"#),
            400,
            "control_character",
        ),
        ("no address", &create, text(r#"{"name":"AB","email":"nobody"}"#), 400, "invalid_email"),
        ("an unknown type", &create, text(r#"{"name":"AB","type":"root"}"#), 400, "unknown_value"),
        ("an unknown status", &update, text(r#"{"status":"deleted"}"#), 400, "unknown_value"),
        ("a version of text", &update, text(r#"{"version":"1"}"#), 400, "invalid_field"),
        ("a version with a point", &update, text(r#"{"version":1.5}"#), 400, "invalid_field"),
        (
            "a version beyond numbers",
            &update,
            text(r#"{"version":9223372036854775808}"#),
            400,
            "invalid_field",
        ),
        ("time travel", &update, text(r#"{"createdAt":"1970-01-01T00:00:00Z"}"#), 400, "invalid_field"),
        ("a move to another tenant", &update, text(r#"{"tenantId":"x"}"#), 400, "invalid_field"),
        ("null for a name that is there", &update, text(r#"{"name":"\u0000"}"#), 400, "control_character"),
        ("one byte too much", &create, large, 413, "body_too_large"),
        ("no password", &login, text(r#"{"email":"a@b.co"}"#), 400, "invalid_field"),
        ("a role", &login, text(r#"{"email":"a@b.co","password":"x","role":"*"}"#), 400, "invalid_field"),
        (
            "an operator",
            &login,
            text(r#"{"email":{"$ne":null},"password":{"$ne":null}}"#),
            400,
            "invalid_field",
        ),
        (
            "two passwords",
            &login,
            text(r#"{"email":"a@b.co","password":"x","password":"y"}"#),
            400,
            "invalid_field",
        ),
        (
            "NUL in everything",
            &login,
            text(r#"{"email":"\u0000","password":"\u0000","tenant":"\u0000"}"#),
            401,
            "invalid_credentials",
        ),
    ];
    for (what, (method, path), body, status, reason) in cases {
        let request = server.request(method.clone(), path).bearer_auth(&token);
        let answer = send(request.header("content-type", "application/json").body(body)).await;
        assert_refused(&answer, (status, reason), what);
    }
    let page = client.tenant().accounts().list(&ListAccounts::default()).await.unwrap();
    assert_eq!(page.items, [account], "nothing was made and nothing was changed");
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

async fn queries(world: World) {
    let server = Server::start(world).await;
    let token = server.token(ADMIN).await;
    let (long, very_long) = ("a".repeat(201), "a".repeat(20_000));
    for (query, reason) in [
        ("page=0", "out_of_range"),
        ("page=10001", "out_of_range"),
        ("page=4294967295", "out_of_range"),
        ("page=4294967296", "invalid_query"),
        ("page=-1", "invalid_query"),
        ("page=abc", "invalid_query"),
        ("page=1.5", "invalid_query"),
        ("page=0x10", "invalid_query"),
        ("page=1%20", "invalid_query"),
        ("page=", "invalid_query"),
        ("page", "invalid_query"),
        ("page=1&page=2", "invalid_query"),
        ("page=1&p%61ge=2", "invalid_query"),
        ("page[]=1", "invalid_query"),
        ("limit=0", "out_of_range"),
        ("limit=101", "out_of_range"),
        ("limit=-1", "invalid_query"),
        ("limit=99999999999999999999", "invalid_query"),
        ("offset=5", "invalid_query"),
        ("tenantId=x", "invalid_query"),
        ("deleted=true", "invalid_query"),
        ("Page=1", "invalid_query"),
        ("=", "invalid_query"),
        ("status=deleted", "unknown_value"),
        ("status=active'--", "unknown_value"),
        ("status=", "unknown_value"),
        ("sort=id", "unknown_value"),
        ("sort=name;DROP%20TABLE%20accounts", "unknown_value"),
        ("sort=%00", "unknown_value"),
        ("search=a&search=b", "invalid_query"),
        ("search=%00", "control_character"),
        ("search=a%0d%0ab", "control_character"),
        (&format!("search={long}"), "too_long"),
        (&format!("search={very_long}"), "too_long"),
        (&format!("{very_long}=1"), "invalid_query"),
    ] {
        let answer = send(server.get(&format!("{ACCOUNTS}?{query}")).bearer_auth(&token)).await;
        assert_refused(&answer, (400, reason), &query[..query.len().min(40)]);
    }
    for query in ["", "page=10000", "limit=100", "search=%ff", "search=%", "search=%F0%9F%A6%80", "&&"] {
        let answer = send(server.get(&format!("{ACCOUNTS}?{query}")).bearer_auth(&token)).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
    }
}

async fn addresses(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let account = create(&client, "Unharmed").await;
    let token = server.token(ADMIN).await;
    let long = "a".repeat(10_000);
    let ids = [
        "1",
        "0",
        "-1",
        "null",
        "undefined",
        "*",
        "%00",
        "%00%00",
        "%ff",
        "..%2f..",
        "%2f",
        "a%2fb",
        "'--",
        "00000000-0000-0000-0000-00000000000g",
        "019a-7",
        "%20",
        "%0d%0a",
        "🦀",
        &long,
    ];
    for id in ids {
        for (method, path) in [
            (Method::GET, format!("{ACCOUNTS}/{id}")),
            (Method::PATCH, format!("{ACCOUNTS}/{id}")),
            (Method::DELETE, format!("{ACCOUNTS}/{id}")),
            (Method::POST, format!("{ACCOUNTS}/{id}/restore")),
        ] {
            let request = server.request(method.clone(), &path).bearer_auth(&token);
            let answer = send(request.header("content-type", "application/json").body("{}")).await;
            let id = id.chars().take(40).collect::<String>();
            assert_refused(&answer, (400, "invalid_id"), &format!("{method} {id}"));
        }
    }
    let id = account.id;
    for path in [
        "/",
        "//",
        "/api",
        "/api/v1",
        "/api/v2/tenant/accounts",
        "/API/V1/TENANT/ACCOUNTS",
        "/api/v1/tenant",
        "/api/v1/tenant/accounts/",
        "/api/v1//tenant/accounts",
        "/api/v1/tenant/accounts%2f",
        "/api/v1/public/auth",
        "/favicon.ico",
        "/.env",
        "/etc/passwd",
        "/%00",
        "/health/",
        "/ping%00",
        &format!("{ACCOUNTS}/{id}/"),
        &format!("{ACCOUNTS}/{id}/purge"),
        &format!("{ACCOUNTS}/{id}/restore/x"),
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::OPTIONS] {
            let answer = send(server.request(method.clone(), path).bearer_auth(&token)).await;
            assert_refused(&answer, (404, "no_such_route"), &format!("{method} {path}"));
        }
    }
    for (method, path, allowed) in [
        (Method::GET, LOGIN.to_owned(), "POST"),
        (Method::DELETE, LOGIN.to_owned(), "POST"),
        (Method::POST, "/ping".to_owned(), "GET,HEAD"),
        (Method::POST, "/health".to_owned(), "GET,HEAD"),
        (Method::DELETE, ACCOUNTS.to_owned(), "GET,HEAD,POST"),
        (Method::PATCH, ACCOUNTS.to_owned(), "GET,HEAD,POST"),
        (Method::TRACE, ACCOUNTS.to_owned(), "GET,HEAD,POST"),
        (Method::PUT, format!("{ACCOUNTS}/{id}"), "GET,HEAD,PATCH,DELETE"),
        (Method::POST, format!("{ACCOUNTS}/{id}"), "GET,HEAD,PATCH,DELETE"),
        (Method::from_bytes(b"BREW").unwrap(), format!("{ACCOUNTS}/{id}"), "GET,HEAD,PATCH,DELETE"),
        (Method::GET, format!("{ACCOUNTS}/{id}/restore"), "POST"),
    ] {
        // What a header claims about the method is not believed.
        let request = server.request(method.clone(), &path).header("x-http-method-override", "GET");
        let answer = send(request).await;
        assert_refused(&answer, (405, "method_not_allowed"), &format!("{method} {path}"));
        assert_eq!(answer.header("allow"), allowed, "{method} {path} (RFC 9110 asks for it)");
    }
    assert_eq!(client.tenant().accounts().get(id).await.unwrap(), account);
}

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

async fn bytes_that_are_hardly_http(world: World) {
    let server = Server::start(world).await;
    let address = server.address;
    let many_headers = "X-A: b\r\n".repeat(200);
    let long_header = "a".repeat(600_000);
    let long_path = "a".repeat(70_000);
    let requests = [
        "\0\0\0\0\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "GET /ping HTTP/9.9\r\n\r\n".to_owned(),
        "GET /ping HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_owned(),
        "GET /ping HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_owned(),
        format!("POST {LOGIN} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, identity\r\n\r\n"),
        format!("GET /ping HTTP/1.1\r\nHost: a\r\n{many_headers}\r\n"),
        format!("GET /ping HTTP/1.1\r\nHost: a\r\nX-A: {long_header}\r\n\r\n"),
        format!("GET /{long_path} HTTP/1.1\r\nHost: a\r\n\r\n"),
        "GET /ping HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n".to_owned(),
        "GET /ping HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n".to_owned(),
    ];
    for request in requests {
        let what = request.chars().take(60).collect::<String>();
        let answer = tokio::task::spawn_blocking(move || {
            use std::io::{Read, Write};
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            // A server that has seen enough hangs up while we still write: that is its right.
            let _ = stream.write_all(request.as_bytes());
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            String::from_utf8_lossy(&answer).into_owned()
        })
        .await
        .unwrap();
        // The HTTP library refuses these before any route: a bare status, or silence where no status helps.
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{what}: {answer}");
    }
    assert_eq!(send(server.get("/ping")).await.status, 200);
}
