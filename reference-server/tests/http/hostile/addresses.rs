//! Addresses and methods.

use super::assert_refused;
use crate::server::{ACCOUNTS, ADMIN, LOGIN, Server, create, send};
use mono_storage::testkit::World;
use reqwest::Method;

mono_storage::conformance!(malformed_ids, unknown_routes, wrong_methods);

async fn malformed_ids(world: World) {
    let server = Server::start(world).await;
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
}

async fn unknown_routes(world: World) {
    let server = Server::start(world).await;
    let token = server.token(ADMIN).await;
    let id = create(&server.sign_in(ADMIN).await, "There").await.id;
    for path in [
        "/",
        "//",
        "/api",
        "/api/v1",
        "/api/v2/tenant/accounts",
        "/API/V1/TENANT/ACCOUNTS",
        "/api/v1/tenant/",
        "/api/v1/tenant/teams",
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
}

async fn wrong_methods(world: World) {
    let server = Server::start(world).await;
    let id = create(&server.sign_in(ADMIN).await, "There").await.id;
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
}
