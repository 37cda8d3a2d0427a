use super::{create, new_account};
use mono_core::ErrorKind;
use mono_core::audit::{Action, AuditFilter};
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::TenantId;
use mono_core::model::account::{AccountChange, AccountFilter};
use mono_core::page::PageRequest;
use mono_core::text::Name;
use mono_core::time::{FixedClock, Timestamp};
use mono_storage::db::Database;
use mono_storage::store::{AuditReport, Damage};
use mono_storage::testkit::{Backend, TestDatabase, World};
use std::sync::Arc;
use std::time::Duration;

mono_storage::conformance!(
    the_log_is_a_chain,
    tampering_is_found,
    a_noted_end_proves_that_nothing_was_cut_off,
    the_key_makes_the_chain,
    an_older_key_verifies_what_it_has_chained,
    entries_from_before_the_chain_are_counted,
    concurrent_writers_leave_one_chain,
    writers_of_many_things_do_not_wait_for_each_other,
    refusals_are_recorded_apart,
    a_flood_of_refusals_is_bounded,
    a_pass_survives_the_transaction_that_fails,
    what_is_old_is_removed_and_the_rest_verifies,
    the_log_is_searched,
    an_export_is_recorded_and_goes_in_batches,
);

const HARBOUR: &str = "tenant_id = (SELECT id FROM tenants WHERE slug = 'harbour')";

async fn verify(database: &Database, tenant: Option<TenantId>) -> AuditReport {
    let system = Caller::system(SystemReason::Inspection);
    database.platform(&system).read().await.unwrap().verify_audit(tenant).await.unwrap()
}

/// Five accounts of the harbour, made and renamed in one transaction each.
async fn work(world: &World) -> AuditReport {
    let admin = &world.harbour.admin;
    for name in ["One", "Two", "Three"] {
        let mut tx = world.test.database.tenant(admin).write().await.unwrap();
        let account = tx.accounts().create(new_account(name)).await.unwrap();
        let change =
            AccountChange { name: Some(Name::parse(&format!("{name}!")).unwrap()), ..Default::default() };
        tx.accounts().update(account.id, change).await.unwrap();
        tx.commit().await.unwrap();
    }
    verify(&world.test.database, Some(world.harbour.id)).await
}

async fn the_log_is_a_chain(world: World) {
    let database = &world.test.database;
    let report = work(&world).await;
    // The tenant, its plan and the member that the world makes, and two entries for each account.
    assert_eq!((report.entries, report.sequence, report.unchained, report.broken), (9, 9, 0, None));
    assert_eq!(report.hash.len(), 64);
    // Each tenant has a chain of its own, and so has the platform.
    assert_eq!(verify(database, Some(world.lagoon.id)).await.sequence, 3);
    let platform = verify(database, None).await;
    assert!(platform.sequence > 3 && platform.broken.is_none(), "{platform:?}");
    let refused = database.platform(&world.harbour.admin).read().await.unwrap().verify_audit(None).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
}

async fn tampering_is_found(world: World) {
    let whole = work(&world).await;
    world.test.as_owner("CREATE TABLE kept AS SELECT * FROM audit_log; CREATE TABLE kept_chains AS SELECT * FROM audit_chains").await;
    let swap = |from: i64, to: i64| {
        format!("UPDATE audit_log SET sequence = {to} WHERE {HARBOUR} AND sequence = {from};")
    };
    let forged = format!(
        "INSERT INTO audit_log (tenant_id, id, at, actor, action, entity, changes, sequence, hash)
         SELECT h.id, a.id, a.at, a.actor, a.action, a.entity, a.changes, 10, a.hash FROM audit_log a, tenants h
         WHERE h.slug = 'harbour' AND NOT a.{HARBOUR} AND a.sequence = 3;"
    );
    // What is no JSON, and on PostgreSQL, which takes only JSON, a number that no program can hold.
    let (unreadable, never) = match world.test.backend {
        Backend::Postgres => ("'[{\"field\": 1e9999}]'", "'infinity'"),
        Backend::Sqlite => ("'[{\"field\": '", "'never'"),
    };
    for (tampering, sequence, damage) in [
        (format!("UPDATE audit_log SET actor = 'user:x' WHERE {HARBOUR} AND sequence = 3"), 3, Damage::Changed),
        (format!("UPDATE audit_log SET changes = '[]' WHERE {HARBOUR} AND sequence = 7"), 7, Damage::Changed),
        (format!("UPDATE audit_log SET correlation_id = 'x' WHERE {HARBOUR} AND sequence = 1"), 1, Damage::Changed),
        (format!("DELETE FROM audit_log WHERE {HARBOUR} AND sequence = 3"), 3, Damage::Missing),
        (format!("DELETE FROM audit_log WHERE {HARBOUR} AND sequence = 1"), 1, Damage::Missing),
        (format!("DELETE FROM audit_log WHERE {HARBOUR} AND sequence >= 6"), 6, Damage::Missing),
        (format!("DELETE FROM audit_log WHERE {HARBOUR}"), 1, Damage::Missing),
        (format!("UPDATE audit_log SET changes = {unreadable} WHERE {HARBOUR} AND sequence = 4"), 4, Damage::Unreadable),
        (format!("UPDATE audit_log SET at = {never} WHERE {HARBOUR} AND sequence = 5"), 5, Damage::Unreadable),
        (
            format!(
                "UPDATE audit_log SET changes = {unreadable} WHERE {HARBOUR} AND sequence = 4;
                 DELETE FROM audit_log WHERE {HARBOUR} AND sequence = 3"
            ),
            3,
            Damage::Missing,
        ),
        (
            format!(
                "UPDATE audit_log SET changes = {unreadable} WHERE {HARBOUR} AND sequence = 4;
                 UPDATE audit_log SET actor = 'user:x' WHERE {HARBOUR} AND sequence = 7"
            ),
            4,
            Damage::Unreadable,
        ),
        (swap(2, -2) + &swap(3, 2) + &swap(-2, 3), 2, Damage::Changed),
        (forged.clone(), 10, Damage::Inserted),
        (
            format!("UPDATE audit_chains SET hash = 'x' WHERE {HARBOUR}"),
            9,
            Damage::ForgedEnd,
        ),
        (
            format!(
                "UPDATE audit_chains SET pruned_sequence = 2, pruned_hash = (SELECT hash FROM audit_log WHERE {HARBOUR} AND sequence = 2)
                 WHERE {HARBOUR}; DELETE FROM audit_log WHERE {HARBOUR} AND sequence <= 2"
            ),
            2,
            Damage::ForgedCheckpoint,
        ),
    ] {
        world.test.as_owner(&tampering).await;
        let broken = verify(&world.test.database, Some(world.harbour.id)).await.broken.expect(&tampering);
        assert_eq!((broken.sequence, broken.damage), (Some(sequence), damage), "{tampering}");
        let refused = world.test.database.prune_audit(
            world.test.owner_url.as_deref(),
            Some(world.harbour.id),
            world.test.database.now(),
        );
        assert_eq!(refused.await.unwrap_err().code(), "audit_broken");
        world.test.as_owner("DELETE FROM audit_log; INSERT INTO audit_log SELECT * FROM kept; DELETE FROM audit_chains; INSERT INTO audit_chains SELECT * FROM kept_chains").await;
        assert_eq!(verify(&world.test.database, Some(world.harbour.id)).await, whole);
    }
}

async fn a_noted_end_proves_that_nothing_was_cut_off(world: World) {
    let (noted, tenant) = (work(&world).await, Some(world.harbour.id));
    let system = Caller::system(SystemReason::Inspection);
    let holds = async || {
        let mut tx = world.test.database.platform(&system).read().await.unwrap();
        tx.audit_holds(tenant, noted.sequence, &noted.hash).await.unwrap()
    };
    assert_eq!(holds().await, Some(true));
    // Who sets the end back as well is not found by the database alone.
    world
        .test
        .as_owner(&format!(
            "DELETE FROM audit_log WHERE {HARBOUR} AND sequence >= 6; UPDATE audit_chains SET sequence = 5,
             hash = (SELECT hash FROM audit_log WHERE {HARBOUR} AND sequence = 5) WHERE {HARBOUR}"
        ))
        .await;
    assert_eq!(verify(&world.test.database, tenant).await.broken, None);
    assert_eq!(holds().await, Some(false));
    create(&world, &world.harbour.admin, "Four").await.unwrap();
    create(&world, &world.harbour.admin, "Five").await.unwrap();
    assert_eq!(holds().await, Some(false), "new entries do not take their place");
}

async fn the_key_makes_the_chain(world: World) {
    let tenant = Some(world.harbour.id);
    work(&world).await;
    let keyed = world.test.database.clone().with_audit_key(b"a key").unwrap();
    let broken = verify(&keyed, tenant).await.broken.unwrap();
    assert_eq!((broken.sequence, broken.damage), (Some(1), Damage::Changed));
    world
        .test
        .as_owner(&format!("DELETE FROM audit_log WHERE {HARBOUR}; DELETE FROM audit_chains WHERE {HARBOUR}"))
        .await;
    let mut tx = keyed.tenant(&world.harbour.admin).write().await.unwrap();
    tx.accounts().create(new_account("Keyed")).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(verify(&keyed, tenant).await.broken, None);
    assert!(verify(&world.test.database, tenant).await.broken.is_some());
}

async fn an_older_key_verifies_what_it_has_chained(world: World) {
    let tenant = Some(world.harbour.id);
    // Entries without a key, then with one, then with the one that follows it.
    let without = work(&world).await.entries;
    let keyed =
        |newest: &[u8], older: &[&[u8]]| world.test.database.clone().with_audit_keys(newest, older).unwrap();
    let (one, two) = (keyed(b"one", &[b""]), keyed(b"two", &[b"one", b""]));
    for (database, name) in [(&one, "A1"), (&two, "B2")] {
        let mut tx = database.tenant(&world.harbour.admin).write().await.unwrap();
        tx.accounts().create(new_account(&format!("Keyed {name}"))).await.unwrap();
        tx.commit().await.unwrap();
    }
    let report = verify(&two, tenant).await;
    assert_eq!(report.broken, None);
    assert_eq!(report.by_key, [1, 1, without]);
    // Who does not know the newest sees that something is there which it cannot verify; so does who knows it alone.
    let broken = verify(&one, tenant).await.broken.unwrap();
    assert_eq!((broken.sequence, broken.damage), (Some(without + 2), Damage::Changed));
    let broken = verify(&keyed(b"two", &[]), tenant).await.broken.unwrap();
    assert_eq!((broken.sequence, broken.damage), (Some(1), Damage::Changed));
}

async fn entries_from_before_the_chain_are_counted(world: World) {
    // As the migration leaves them.
    if world.test.backend == Backend::Postgres {
        world.test.as_owner("ALTER TABLE audit_log DROP CONSTRAINT audit_log_chained").await;
    }
    let tenant = Some(world.harbour.id);
    world
        .test
        .as_owner(&format!(
            "UPDATE audit_log SET sequence = NULL, hash = NULL WHERE {HARBOUR};
             UPDATE audit_chains SET sequence = 0, hash = '', unchained = 3 WHERE {HARBOUR}"
        ))
        .await;
    let report = work(&world).await;
    assert_eq!((report.entries, report.unchained, report.broken), (6, 3, None));
    let pruned =
        world.test.database.prune_audit(world.test.owner_url.as_deref(), tenant, world.test.database.now());
    assert_eq!(pruned.await.unwrap(), 9);
    let report = verify(&world.test.database, tenant).await;
    assert_eq!((report.entries, report.unchained, report.broken), (1, 0, None));
    world.test.as_owner(&format!("UPDATE audit_chains SET unchained = 1 WHERE {HARBOUR}")).await;
    assert_eq!(
        verify(&world.test.database, tenant).await.broken.unwrap().damage,
        Damage::Missing,
        "one that is gone is missed"
    );
}

async fn concurrent_writers_leave_one_chain(world: World) {
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..50 {
        // More writers than connections stand in line for as long as the whole takes.
        let (database, admin) = (world.test.database.clone(), world.lagoon.admin.clone());
        writers.spawn(async move {
            for i in 0..32 {
                loop {
                    let Ok(mut tx) = database.tenant(&admin).write().await else { continue };
                    tx.accounts().create(new_account(&format!("Account {writer} {i}"))).await.unwrap();
                    tx.commit().await.unwrap();
                    break;
                }
            }
        });
    }
    // Who looks meanwhile takes nothing that is on its way for damage.
    while !writers.is_empty() {
        assert_eq!(verify(&world.test.database, Some(world.lagoon.id)).await.broken, None);
        while let Some(done) = writers.try_join_next() {
            done.unwrap();
        }
    }
    let report = verify(&world.test.database, Some(world.lagoon.id)).await;
    assert_eq!((report.entries, report.broken), (1603, None));
}

/// Each changes all accounts in another order than its neighbour, with an entry for each: the lock of the log is the
/// last that a transaction takes, so they meet on rows only where their orders cross.
async fn writers_of_many_things_do_not_wait_for_each_other(world: World) {
    let mut accounts = Vec::new();
    for i in 0..20 {
        accounts.push(create(&world, &world.lagoon.admin, &format!("Account {i}")).await.unwrap().id);
    }
    let mut writers = tokio::task::JoinSet::new();
    for mine in accounts.chunks(5).map(<[_]>::to_vec) {
        let (database, admin) = (world.test.database.clone(), world.lagoon.admin.clone());
        writers.spawn(async move {
            for round in 0..10 {
                let mut tx = database.tenant(&admin).write().await.unwrap();
                for account in &mine {
                    let name = Name::parse(&format!("Round {round}")).unwrap();
                    tx.accounts()
                        .update(*account, AccountChange { name: Some(name), ..Default::default() })
                        .await
                        .unwrap();
                }
                tx.accounts().create(new_account(&format!("{} {round}", mine[0]))).await.unwrap();
                tx.commit().await.unwrap();
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    let report = verify(&world.test.database, Some(world.lagoon.id)).await;
    assert_eq!((report.entries, report.broken), (3 + 20 + 200 + 40, None));
}

/// The same database, some minutes later.
fn later(test: &TestDatabase) -> Database {
    let now = test.database.now() + Duration::from_mins(2);
    test.database.clone().with_clock(Arc::new(FixedClock(now)))
}

async fn entries(world: &World, action: Action) -> Vec<mono_core::audit::AuditEntry> {
    let system = Caller::system_in(SystemReason::Inspection, world.harbour.id);
    let mut tx = world.test.database.tenant(&system).read().await.unwrap();
    let filter = AuditFilter { action: Some(action), ..Default::default() };
    tx.audit_log().list(&filter, PageRequest::default()).await.unwrap().items
}

async fn refusals_are_recorded_apart(mut world: World) {
    // The minute does not end while the test runs.
    let clock = FixedClock(world.test.database.now());
    world.test.database = world.test.database.with_clock(Arc::new(clock));
    let nobody = &world.harbour.nobody;
    // On SQLite this holds the one connection that writes; who is refused waits for nothing.
    let mut tx = world.test.database.tenant(nobody).write().await.unwrap();
    for name in ["One", "Two", "Three"] {
        let error = tx.accounts().create(new_account(name)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
    }
    let list = tx.accounts().list(&AccountFilter::default(), PageRequest::default()).await;
    assert_eq!(list.unwrap_err().kind(), ErrorKind::Forbidden);
    tx.rollback().await.unwrap();
    world.test.database.flush_audit().await.unwrap();
    assert_eq!(entries(&world, Action::PermissionDenied).await, [], "the minute is not over");

    later(&world.test).flush_audit().await.unwrap();
    let recorded = entries(&world, Action::PermissionDenied).await;
    let mut told: Vec<_> =
        recorded.iter().map(|entry| (&entry.actor, serde_json::to_string(&entry.changes).unwrap())).collect();
    told.sort();
    let actor = nobody.actor().to_string();
    let change = |permission: &str, times: u64| {
        format!(
            r#"[{{"field":"permission","new":"{permission}"}},{{"field":"scope","new":"tenant:{}"}},{{"field":"times","new":{times}}}]"#,
            world.harbour.id
        )
    };
    assert_eq!(
        told,
        [(&actor, change("tenant.accounts.create", 3)), (&actor, change("tenant.accounts.read", 1)),]
    );
    // Above the tenants too, and a close writes what is left.
    let tx = world.test.database.platform(nobody).read().await.unwrap();
    let permission = mono_core::permission!("platform.tenants.read");
    assert_eq!(tx.authorize(permission).unwrap_err().kind(), ErrorKind::Forbidden);
    drop(tx);
    let before = verify(&world.test.database, None).await.sequence;
    let again = Database::connect(&world.test.options).await.unwrap();
    world.test.database.close().await;
    let report = verify(&again, None).await;
    assert_eq!((report.sequence, report.broken), (before + 1, None));
    assert_eq!(verify(&again, Some(world.harbour.id)).await.broken, None);
}

async fn a_flood_of_refusals_is_bounded(mut world: World) {
    let clock = FixedClock(world.test.database.now());
    world.test.database = world.test.database.with_clock(Arc::new(clock));
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (database, nobody) = (world.test.database.clone(), world.harbour.nobody.clone());
        callers.spawn(async move {
            let mut tx = loop {
                // More callers than connections.
                if let Ok(tx) = database.tenant(&nobody).read().await {
                    break tx;
                }
            };
            for _ in 0..500 {
                assert!(tx.accounts().create(new_account("No")).await.is_err());
            }
        });
    }
    while let Some(done) = callers.join_next().await {
        done.unwrap();
    }
    later(&world.test).flush_audit().await.unwrap();
    let recorded = entries(&world, Action::PermissionDenied).await;
    assert_eq!(recorded.len(), 1);
    let times: u64 =
        recorded.iter().map(|entry| entry.changes[2].new.as_ref().unwrap().as_u64().unwrap()).sum();
    assert_eq!(times, 10_000);
}

async fn a_pass_survives_the_transaction_that_fails(world: World) {
    let root = world.root(&world.lagoon, &world.harbour);
    let mut tx = world.test.database.tenant(&root).write().await.unwrap();
    tx.accounts().create(new_account("Never")).await.unwrap();
    drop(tx);
    create(&world, &root, "Kept").await.unwrap();
    world.test.database.flush_audit().await.unwrap();
    // One for the transaction that committed and one for the other, each once.
    assert_eq!(entries(&world, Action::PrivilegedAccess).await.len(), 2);
    world.test.database.flush_audit().await.unwrap();
    assert_eq!(entries(&world, Action::PrivilegedAccess).await.len(), 2);
    assert_eq!(verify(&world.test.database, Some(world.harbour.id)).await.broken, None);
}

async fn what_is_old_is_removed_and_the_rest_verifies(world: World) {
    let (database, tenant) = (&world.test.database, Some(world.harbour.id));
    let mut owner_url = world.test.owner_url.clone();
    if let Some(url) = &owner_url {
        // An owner that is no superuser is bound by the policies of its own tables.
        let (head, rest) = url.split_once("://").unwrap();
        let (_, host) = rest.rsplit_once('@').unwrap_or(("", rest));
        let name = host.rsplit_once('/').unwrap().1.split('?').next().unwrap();
        world
            .test
            .as_owner(&format!(
                "CREATE ROLE {name}_owner LOGIN PASSWORD 'x'; GRANT USAGE, CREATE ON SCHEMA public TO {name}_owner;
                 ALTER TABLE audit_log OWNER TO {name}_owner; ALTER TABLE platform_audit_log OWNER TO {name}_owner;
                 ALTER TABLE audit_chains OWNER TO {name}_owner"
            ))
            .await;
        owner_url = Some(format!("{head}://{name}_owner:x@{host}"));
        let refused = database.prune_audit(None, tenant, database.now()).await.unwrap_err();
        assert_eq!(refused.code(), "owner_required");
    }
    work(&world).await;
    let between = database.now();
    create(&world, &world.harbour.admin, "Four").await.unwrap();
    let noted = verify(database, tenant).await;
    let prune = async |before: Timestamp| database.prune_audit(owner_url.as_deref(), tenant, before).await;
    assert_eq!(prune(between).await.unwrap(), 9);
    let report = verify(database, tenant).await;
    assert_eq!((report.entries, report.sequence, report.broken), (2, 11, None));
    assert_eq!(prune(between).await.unwrap(), 0, "nothing is left to remove, and nothing to record");
    assert_eq!(entries(&world, Action::Delete).await[0].entity, "audit_log");
    let system = Caller::system(SystemReason::Inspection);
    let mut tx = database.platform(&system).read().await.unwrap();
    assert_eq!(tx.audit_holds(tenant, 3, "x").await.unwrap(), None, "it cannot be told any more");
    assert_eq!(tx.audit_holds(tenant, noted.sequence, &noted.hash).await.unwrap(), Some(true));
    drop(tx);
    let future = prune(database.now() + Duration::from_mins(1)).await.unwrap_err();
    assert_eq!(future.kind(), ErrorKind::Validation);
    // The other tenant keeps its own, and the platform's log goes the same way.
    assert_eq!(verify(database, Some(world.lagoon.id)).await.entries, 3);
    let removed = database.prune_audit(owner_url.as_deref(), None, database.now()).await.unwrap();
    assert!(removed > 3);
    assert_eq!(verify(database, None).await.broken, None);
    // The tables are as they were, and writing goes on.
    create(&world, &world.harbour.admin, "Five").await.unwrap();
    assert_eq!(verify(database, tenant).await.broken, None);
    assert_eq!(mono_storage::db::isolation::prove(database).await.unwrap(), []);
    // What was removed cannot be added to.
    world.test.as_owner(&format!("DELETE FROM audit_log WHERE {HARBOUR} AND sequence = 10")).await;
    assert_eq!(verify(database, tenant).await.broken.unwrap().sequence, Some(10));
}

async fn the_log_is_searched(world: World) {
    work(&world).await;
    let admin = &world.harbour.admin;
    let list = async |filter: AuditFilter| {
        let mut tx = world.test.database.tenant(admin).read().await.unwrap();
        tx.audit_log().list(&filter, PageRequest::default()).await.unwrap()
    };
    let all = list(AuditFilter::default()).await;
    assert_eq!((all.items.len(), all.pagination.total), (9, 9));
    assert_eq!(all.items[0].sequence, Some(9), "newest first");
    let one = all.items[0].clone();
    for (filter, found) in [
        (AuditFilter { entity: Some("account".into()), ..Default::default() }, 6),
        (AuditFilter { entity_id: one.entity_id, ..Default::default() }, 2),
        (AuditFilter { actor: Some(admin.actor().to_string()), ..Default::default() }, 6),
        (AuditFilter { action: Some(Action::Update), ..Default::default() }, 4),
        (AuditFilter { from: Some(one.at), ..Default::default() }, 1),
        (AuditFilter { until: Some(one.at), ..Default::default() }, 8),
        (AuditFilter { entity: Some("' OR 1=1".into()), ..Default::default() }, 0),
    ] {
        assert_eq!(list(filter.clone()).await.pagination.total, found, "{filter:?}");
    }
    for caller in [&world.harbour.nobody, &world.harbour.user] {
        let mut tx = world.test.database.tenant(caller).write().await.unwrap();
        let filter = AuditFilter::default();
        let refused = [
            tx.audit_log().list(&filter, PageRequest::default()).await.unwrap_err(),
            tx.audit_log().export(&filter).await.unwrap_err(),
            tx.audit_log().export_batch(&filter, None).await.unwrap_err(),
        ];
        assert!(refused.iter().all(|error| error.kind() == ErrorKind::Forbidden));
    }
    let mut tx = world.test.database.tenant(&world.lagoon.admin).read().await.unwrap();
    let theirs = AuditFilter { entity_id: one.entity_id, ..Default::default() };
    assert_eq!(tx.audit_log().list(&theirs, PageRequest::default()).await.unwrap().items, []);
}

async fn an_export_is_recorded_and_goes_in_batches(world: World) {
    work(&world).await;
    let (admin, filter) = (&world.harbour.admin, AuditFilter::default());
    let mut tx = world.test.database.tenant(admin).write().await.unwrap();
    tx.audit_log()
        .export(&AuditFilter { entity: Some("account".into()), ..Default::default() })
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mut tx = world.test.database.tenant(admin).read().await.unwrap();
    let all = tx.audit_log().export_batch(&filter, None).await.unwrap();
    assert_eq!(all.len(), 10);
    let last = all.last().unwrap();
    assert_eq!((last.action, last.changes[0].field.as_str()), (Action::Export, "entity"));
    let middle = &all[3];
    let rest = tx.audit_log().export_batch(&filter, Some((middle.at, middle.id))).await.unwrap();
    assert_eq!(rest, all[4..]);
    assert_eq!(tx.audit_log().export_batch(&filter, Some((last.at, last.id))).await.unwrap(), []);
}
