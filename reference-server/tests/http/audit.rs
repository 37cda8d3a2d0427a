//! The audit log and the history of an account, over HTTP.

use crate::server::{ACCOUNTS, ADMIN, MEMBER, STRANGER, Server, USER, create, send};
use mono_core::ErrorKind;
use mono_core::api::accounts::UpdateAccount;
use mono_core::api::audit::{ExportAudit, ExportFormat, ListAudit};
use mono_core::api::history::{CompareVersions, ListVersions};
use mono_core::audit::{Action, AuditEntry};
use mono_storage::testkit::World;

mono_storage::conformance!(
    the_log_is_searched_and_exported,
    what_a_stranger_wrote_is_no_formula,
    nobody_reads_the_log_without_the_right,
    a_query_that_makes_no_sense_is_refused,
    an_account_has_a_history_and_goes_back,
    nobody_reads_a_history_without_the_right,
);

const AUDIT: &str = "/api/v1/tenant/audit";

fn action(action: &str) -> ListAudit {
    ListAudit { action: Some(action.into()), ..Default::default() }
}

async fn the_log_is_searched_and_exported(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let audit = client.tenant().audit();
    let account = create(&client, "First").await;
    let wanted = ListAudit { entity_id: Some(account.id.to_string()), ..action("create") };
    let page = audit.list(&wanted).await.unwrap();
    assert_eq!((page.items.len(), page.items[0].entity.as_str()), (1, "account"));
    assert!(page.items[0].ip_address.is_some() && page.items[0].correlation_id.is_some());
    let later = ListAudit { from: Some("2100-01-01T00:00:00Z".into()), ..Default::default() };
    assert_eq!(audit.list(&later).await.unwrap().items, []);

    let all = audit.list(&ListAudit { limit: Some(100), ..Default::default() }).await.unwrap();
    let lines = audit.export(&ExportAudit::all(ExportFormat::Jsonl)).await.unwrap();
    let mut exported: Vec<AuditEntry> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Without the entry of the export itself, which may have been made in the same moment.
    exported.retain(|entry| entry.action != Action::Export);
    exported.reverse();
    assert_eq!(exported, all.items);
    let table = audit.export(&ExportAudit::all(ExportFormat::Csv)).await.unwrap();
    assert!(table.starts_with("sequence,id,at,actor,action,"), "{table}");
    assert!(table.contains(&account.id.to_string()));
    let exports = audit.list(&action("export")).await.unwrap();
    assert_eq!(exports.pagination.total, 2);
    // An export that finds nothing has its head, and is recorded with what was asked for.
    let nothing = ExportAudit { entity: Some("nothing".into()), ..ExportAudit::all(ExportFormat::Csv) };
    assert_eq!(audit.export(&nothing).await.unwrap().lines().count(), 1);
    let exports = audit.list(&action("export")).await.unwrap();
    assert_eq!(exports.items[0].changes[0].new, Some("nothing".into()));
}

async fn what_a_stranger_wrote_is_no_formula(world: World) {
    let server = Server::start(world).await;
    let token = server.token(ADMIN).await;
    let request = server.post(ACCOUNTS).bearer_auth(&token).header("user-agent", "=1+1");
    send(request.json(&serde_json::json!({"name": "=HYPERLINK(\"x\")"}))).await;
    let answer = server.get(&format!("{AUDIT}/export?format=csv")).bearer_auth(&token).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
    assert_eq!(answer.headers()["content-disposition"], "attachment; filename=\"audit.csv\"");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    let table = answer.text().await.unwrap();
    assert!(table.contains(",'=1+1,"), "{table}");
}

async fn nobody_reads_the_log_without_the_right(world: World) {
    let server = Server::start(world).await;
    let account = create(&server.sign_in(ADMIN).await, "First").await;
    for (email, kind) in [(MEMBER, ErrorKind::Forbidden), (USER, ErrorKind::Forbidden)] {
        let client = server.sign_in(email).await;
        let audit = client.tenant().audit();
        assert_eq!(audit.list(&ListAudit::default()).await.unwrap_err().kind(), kind);
        assert_eq!(audit.export(&ExportAudit::all(ExportFormat::Csv)).await.unwrap_err().kind(), kind);
    }
    let stranger = server.sign_in(STRANGER).await;
    let wanted = ListAudit { entity_id: Some(account.id.to_string()), ..Default::default() };
    assert_eq!(stranger.tenant().audit().list(&wanted).await.unwrap().items, []);
    let lines = stranger.tenant().audit().export(&ExportAudit::all(ExportFormat::Jsonl)).await.unwrap();
    assert!(!lines.contains(&account.id.to_string()));
    let client = server.client();
    assert_eq!(
        client.tenant().audit().list(&ListAudit::default()).await.unwrap_err().kind(),
        ErrorKind::Unauthorized
    );
    // The refusals are in the log, once it is written.
    server.database().close().await;
    let again = mono_storage::db::Database::connect(&server.world.test.options).await.unwrap();
    let mut tx = again.tenant(&server.world.harbour.admin).read().await.unwrap();
    let (page, filter) = action("permission_denied").parse().unwrap();
    let refused = tx.audit_log().list(&filter, page).await.unwrap();
    assert!(refused.items.iter().any(|entry| entry.changes[0].new == Some("tenant.audit.export".into())));
    assert!(refused.items.iter().all(|entry| entry.ip_address.is_some()));
}

async fn a_query_that_makes_no_sense_is_refused(world: World) {
    let server = Server::start(world).await;
    let token = server.token(ADMIN).await;
    for query in [
        "?action=x",
        "?from=yesterday",
        "?entityId=1",
        "?page=0",
        "?limit=101",
        "?colour=red",
        "?entity=%00",
        "/export",
        "/export?format=xml",
        "/export?format=csv&page=1",
    ] {
        let answer = send(server.get(&format!("{AUDIT}{query}")).bearer_auth(&token)).await;
        assert_eq!(answer.status, 400, "{query}");
    }
}

async fn an_account_has_a_history_and_goes_back(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let accounts = client.tenant().accounts();
    let first = create(&client, "First").await;
    let change = UpdateAccount {
        name: Some("Second".into()),
        email: Some(Some("second@example.com".into())),
        ..Default::default()
    };
    let second = accounts.update(first.id, &change).await.unwrap();
    let history = accounts.history(first.id);
    let page = history.list(ListVersions::default()).await.unwrap();
    let versions: Vec<_> = page.items.iter().map(|item| (item.version, &item.snapshot)).collect();
    assert_eq!(versions, [(2, &second), (1, &first)]);
    assert_eq!(history.version(1).await.unwrap().snapshot, first);
    let diff = history.diff(CompareVersions { from: 1, to: 2 }).await.unwrap();
    assert_eq!((diff.len(), &diff[0].new), (2, &Some("s***@example.com".into())));
    let back = history.revert(1, None).await.unwrap();
    assert_eq!((back.name, back.email, back.version), (first.name, None, 3));
    let actions: Vec<String> = server.audited(first.id).await.into_iter().map(|(_, action)| action).collect();
    assert_eq!(actions, ["create", "update", "revert"]);
    let token = server.token(ADMIN).await;
    for (path, status) in [
        ("versions/x", 400),
        ("versions/9", 404),
        ("versions/diff", 400),
        ("versions/diff?from=1&to=9", 404),
        ("versions?limit=0", 400),
    ] {
        let answer = send(server.get(&format!("{ACCOUNTS}/{}/{path}", first.id)).bearer_auth(&token)).await;
        assert_eq!(answer.status, status, "{path}");
    }
}

async fn nobody_reads_a_history_without_the_right(world: World) {
    let server = Server::start(world).await;
    let account = create(&server.sign_in(ADMIN).await, "First").await.id;
    for (email, kind) in [(MEMBER, ErrorKind::Forbidden), (STRANGER, ErrorKind::NotFound)] {
        let client = server.sign_in(email).await;
        let history = client.tenant().accounts().history(account);
        let errors = [
            history.list(ListVersions::default()).await.unwrap_err(),
            history.version(1).await.unwrap_err(),
            history.diff(CompareVersions { from: 1, to: 1 }).await.unwrap_err(),
            history.revert(1, None).await.unwrap_err(),
        ];
        assert!(errors.iter().all(|error| error.kind() == kind), "{email}: {errors:?}");
    }
}
