//! What stands behind the question mark.

use super::assert_refused;
use crate::server::{ACCOUNTS, ADMIN, Server, send};
use mono_storage::testkit::World;

mono_storage::conformance!(queries);

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
