//! What was deleted long ago is removed for good.

use super::create;
use super::events::Happened;
use mono_core::ErrorKind;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::{AccountId, TenantId};
use mono_core::model::account::Account;
use mono_core::model::tenant::TenantStatus;
use mono_core::permission::Scope;
use mono_core::text::{Name, Slug};
use mono_storage::db::{Database, Migration, PlatformTx, migrate_application};
use mono_storage::store::{NewAssignment, Purged};
use mono_storage::testkit::{Backend, World};
use mono_storage::{platform_sql, sql};
use std::sync::Arc;
use std::time::Duration;

mono_storage::conformance!(
    what_is_below_goes_too_and_the_log_stays,
    a_dry_run_removes_nothing,
    of_purge_and_restore_one_wins,
    two_purges_at_once_remove_once,
    the_tables_of_an_application_are_purged_too,
    a_tenant_goes_with_every_row,
    a_tenant_that_works_or_worked_lately_stays,
    an_owner_who_is_no_superuser_removes_a_tenant,
);

async fn delete(world: &World, id: AccountId) {
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    tx.accounts().delete(id).await.unwrap();
    tx.commit().await.unwrap();
}

async fn restore(database: &Database, caller: &Caller, id: AccountId) -> Result<Account, mono_core::Error> {
    let mut tx = database.tenant(caller).write().await?;
    let account = tx.accounts().restore(id).await?;
    tx.commit().await?;
    Ok(account)
}

fn told(purged: &[Purged]) -> Vec<(&str, &str, u64, u64)> {
    purged.iter().map(|one| (one.tenant.as_str(), &*one.table, one.removed, one.kept)).collect()
}

async fn platform(world: &World) -> PlatformTx {
    world.test.database.platform(&Caller::system(SystemReason::Inspection)).write().await.unwrap()
}

/// How many rows a table has, of a tenant.
macro_rules! rows {
    ($world:expr, $table:literal, $tenant:expr) => {{
        let mut tx = platform($world).await;
        let rows = platform_sql!(
            tx,
            concat!("SELECT count(*) AS total FROM ", $table, " WHERE tenant_id = $1"),
            $tenant
        );
        rows.row().await.unwrap().get::<i64>("total").unwrap()
    }};
}

async fn counters_are_right(world: &World) {
    let system = Caller::system_in(SystemReason::Recount, world.harbour.id);
    let mut tx = world.test.database.tenant(&system).write().await.unwrap();
    assert_eq!(tx.recount().await.unwrap(), []);
}

async fn logs_are_whole(world: &World, tenants: &[TenantId]) {
    let mut tx = platform(world).await;
    for log in tenants.iter().map(|tenant| Some(*tenant)).chain([None]) {
        assert_eq!(tx.verify_audit(log).await.unwrap().broken, None);
    }
}

async fn what_is_below_goes_too_and_the_log_stays(world: World) {
    let (database, admin, harbour) = (&world.test.database, &world.harbour.admin, world.harbour.id);
    let (_, member) = world.member(&world.harbour, "crew@harbour.example").await;
    let gone = create(&world, admin, "Gone").await.unwrap().id;
    let mut tx = database.tenant(admin).write().await.unwrap();
    let crew = tx.teams().create(gone, Name::parse("Crew").unwrap()).await.unwrap().id;
    tx.teams().add_member(crew, member).await.unwrap();
    let night = tx.teams().create(gone, Name::parse("Night").unwrap()).await.unwrap().id;
    tx.teams().delete(night).await.unwrap();
    let scope = Scope::account(harbour, gone);
    tx.assignments().assign(NewAssignment::new(member, "account_owner", scope)).await.unwrap();
    tx.commit().await.unwrap();
    let stays = create(&world, admin, "Stays").await.unwrap().id;
    delete(&world, gone).await;
    let cut = database.now();
    let late = create(&world, admin, "Late").await.unwrap().id;
    delete(&world, late).await;

    let error = database.purge(cut + Duration::from_hours(1), false).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Validation, "in_the_future"));
    let purged = database.purge(cut, false).await.unwrap();
    assert_eq!(told(&purged), [("harbour", "teams", 1, 0), ("harbour", "accounts", 1, 0)]);
    assert_eq!(database.purge(cut, false).await.unwrap(), []);

    assert_eq!(restore(database, admin, gone).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!((rows!(&world, "teams", harbour), rows!(&world, "team_members", harbour)), (0, 0));
    assert_eq!((rows!(&world, "assignments", harbour), rows!(&world, "accounts", harbour)), (0, 2));
    let mut tx = database.tenant(admin).read().await.unwrap();
    let kept = sql!(
        tx,
        "SELECT entity, count(*) AS versions FROM entity_versions
         WHERE tenant_id = $1 AND entity IN ('account', 'team') GROUP BY entity"
    );
    let kept = kept.rows().await.unwrap();
    let kept: Vec<(String, i64)> =
        kept.iter().map(|row| (row.get("entity").unwrap(), row.get("versions").unwrap())).collect();
    // Two versions of what was deleted late, one of what stays.
    assert_eq!(kept, [("account".to_owned(), 3)]);
    tx.accounts().get(stays).await.unwrap();
    assert_eq!((tx.used("accounts").await.unwrap(), tx.used("teams").await.unwrap()), (1, 0));
    let entries = sql!(
        tx,
        "SELECT actor, action, entity FROM audit_log WHERE tenant_id = $1 AND entity_id = $2 ORDER BY sequence",
        gone
    );
    let entries: Vec<[String; 3]> = entries
        .rows()
        .await
        .unwrap()
        .iter()
        .map(|row| ["actor", "action", "entity"].map(|column| row.get(column).unwrap()))
        .collect();
    let actions: Vec<_> = entries.iter().map(|entry| entry[1].as_str()).collect();
    assert_eq!(actions, ["create", "delete", "purge"]);
    assert_eq!(entries[2], ["system:purge", "purge", "account"]);
    drop(tx);
    restore(database, admin, late).await.unwrap();
    counters_are_right(&world).await;
    logs_are_whole(&world, &[harbour]).await;
}

async fn a_dry_run_removes_nothing(world: World) {
    let database = &world.test.database;
    for caller in [&world.harbour.admin, &world.lagoon.admin] {
        let id = create(&world, caller, "Gone").await.unwrap().id;
        let mut tx = database.tenant(caller).write().await.unwrap();
        tx.accounts().delete(id).await.unwrap();
        tx.commit().await.unwrap();
    }
    let both = [("harbour", "accounts", 1, 0), ("lagoon", "accounts", 1, 0)];
    for dry_run in [true, true, false] {
        assert_eq!(told(&database.purge(database.now(), dry_run).await.unwrap()), both);
    }
    assert_eq!(database.purge(database.now(), true).await.unwrap(), []);
}

async fn of_purge_and_restore_one_wins(world: World) {
    let world = Arc::new(world);
    let admin = &world.lagoon.admin;
    let mut ids = Vec::new();
    for number in 0..40 {
        let id = create(&world, admin, &format!("Account {number}")).await.unwrap().id;
        let mut tx = world.test.database.tenant(admin).write().await.unwrap();
        tx.accounts().delete(id).await.unwrap();
        tx.commit().await.unwrap();
        ids.push(id);
    }
    let mut restoring = tokio::task::JoinSet::new();
    // From the other end: they meet in the middle.
    for id in ids.iter().rev().copied() {
        let world = Arc::clone(&world);
        restoring.spawn(async move {
            (id, restore(&world.test.database, &world.lagoon.admin, id).await.map_err(|error| error.kind()))
        });
    }
    let now = world.test.database.now();
    let (purged, restored) = tokio::join!(world.test.database.purge(now, false), restoring.join_all());
    let won = restored.iter().filter(|(_, result)| result.is_ok()).count() as u64;
    let removed: u64 = purged.unwrap().iter().map(|one| one.removed).sum();
    assert_eq!(won + removed, 40);
    let mut tx = world.test.database.tenant(admin).read().await.unwrap();
    for (id, result) in restored {
        match result {
            Ok(account) => assert_eq!(tx.accounts().get(id).await.unwrap(), account),
            Err(kind) => assert_eq!(kind, ErrorKind::NotFound),
        }
    }
    assert_eq!(tx.used("accounts").await.unwrap(), won);
}

async fn two_purges_at_once_remove_once(world: World) {
    let (database, admin) = (&world.test.database, &world.harbour.admin);
    for number in 0..20 {
        let id = create(&world, admin, &format!("Account {number}")).await.unwrap().id;
        delete(&world, id).await;
    }
    let now = database.now();
    let (one, two) = tokio::join!(database.purge(now, false), database.purge(now, false));
    let removed: u64 = one.unwrap().iter().chain(&two.unwrap()).map(|one| one.removed).sum();
    assert_eq!(removed, 20);
    logs_are_whole(&world, &[world.harbour.id]).await;
}

const BOATS: Migration = Migration {
    version: 1,
    description: "boats and their sails",
    postgres: r#"CREATE TABLE "Boats" (tenant_id uuid NOT NULL, id uuid NOT NULL, deleted_at timestamptz, PRIMARY KEY (tenant_id, id));
        CALL mono_protect_table('"Boats"');
        CREATE TABLE sails (tenant_id uuid NOT NULL, id uuid NOT NULL, boat_id uuid NOT NULL, deleted_at timestamptz,
            PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id, boat_id) REFERENCES "Boats" (tenant_id, id));
        CALL mono_protect_table('sails')"#,
    sqlite: r#"CREATE TABLE "Boats" (tenant_id BLOB NOT NULL, id BLOB NOT NULL, deleted_at TEXT, PRIMARY KEY (tenant_id, id));
        CREATE TABLE sails (tenant_id BLOB NOT NULL, id BLOB NOT NULL, boat_id BLOB NOT NULL, deleted_at TEXT,
            PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id, boat_id) REFERENCES "Boats" (tenant_id, id))"#,
};

/// A boat with a sail, which was deleted or was not.
async fn add_boat(world: &World, boat: AccountId, sail_is_deleted: bool) {
    let now = world.test.database.now();
    let mut tx = platform(world).await;
    let harbour = world.harbour.id;
    platform_sql!(
        tx,
        "INSERT INTO \"Boats\" (tenant_id, id, deleted_at) VALUES ($1, $2, $3)",
        harbour,
        boat,
        now
    )
    .execute()
    .await
    .unwrap();
    platform_sql!(
        tx,
        "INSERT INTO sails (tenant_id, id, boat_id, deleted_at) VALUES ($1, $2, $2, $3)",
        harbour,
        boat,
        sail_is_deleted.then_some(now)
    )
    .execute()
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

async fn the_tables_of_an_application_are_purged_too(world: World) {
    let owner = world.test.owner_url.as_deref();
    migrate_application(&world.test.options, owner, "marina", &[BOATS]).await.unwrap();
    add_boat(&world, AccountId::from_u128(1), true).await;
    add_boat(&world, AccountId::from_u128(2), false).await;
    let database = &world.test.database;
    let purged = database.purge(database.now(), false).await.unwrap();
    assert_eq!(told(&purged), [("harbour", "sails", 1, 0), ("harbour", "Boats", 1, 1)]);
    assert_eq!(rows!(&world, "\"Boats\"", world.harbour.id), 1, "a sail that is not deleted keeps its boat");
    let mut tx = platform(&world).await;
    let entries = platform_sql!(
        tx,
        "SELECT entity FROM audit_log WHERE tenant_id = $1 AND action = 'purge' ORDER BY sequence",
        world.harbour.id
    );
    let entities: Vec<String> =
        entries.rows().await.unwrap().iter().map(|row| row.get("entity").unwrap()).collect();
    assert_eq!(entities, ["sails", "Boats"]);
}

fn harbour() -> Slug {
    Slug::parse("harbour").unwrap()
}

async fn set_status(world: &World, status: TenantStatus) {
    let mut tx = platform(world).await;
    tx.tenants().set_status(world.harbour.id, status).await.unwrap();
    tx.commit().await.unwrap();
}

/// A tenant with something in many a table, an application's among them, that is archived.
async fn archived(world: &World) {
    let owner = world.test.owner_url.as_deref();
    migrate_application(&world.test.options, owner, "marina", &[BOATS]).await.unwrap();
    add_boat(world, AccountId::from_u128(1), false).await;
    for caller in [&world.harbour.admin, &world.lagoon.admin] {
        let account = create(world, caller, "One").await.unwrap().id;
        let mut tx = world.test.database.tenant(caller).write().await.unwrap();
        tx.teams().create(account, Name::parse("Crew").unwrap()).await.unwrap();
        tx.emit(&Happened { number: 1 }).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = platform(world).await;
        platform_sql!(
            tx,
            "INSERT INTO event_heads (for_tenant_id, sequence, moved_at) VALUES ($1, 0, $2)",
            caller.tenant().unwrap(),
            tx.now()
        )
        .execute()
        .await
        .unwrap();
        tx.commit().await.unwrap();
    }
    set_status(world, TenantStatus::Archived).await;
}

async fn is_gone(world: &World, owner_url: Option<&str>) {
    let (database, lagoon) = (&world.test.database, world.lagoon.id);
    let before = rows!(world, "audit_log", lagoon);
    let removed = database.purge_tenant(owner_url, &harbour(), database.now()).await.unwrap();
    for table in ["accounts", "teams", "members", "audit_log", "audit_chains", "outbox", "sails", "Boats"] {
        assert!(removed.iter().any(|(name, rows)| name == table && *rows > 0), "{table}: {removed:?}");
    }
    let gone = world.harbour.id;
    for left in [
        rows!(world, "accounts", gone),
        rows!(world, "subscriptions", gone),
        rows!(world, "usage_counters", gone),
        rows!(world, "entity_versions", gone),
        rows!(world, "audit_log", gone),
        rows!(world, "audit_chains", gone),
        rows!(world, "\"Boats\"", gone),
    ] {
        assert_eq!(left, 0);
    }
    assert_eq!((rows!(world, "accounts", lagoon), rows!(world, "audit_log", lagoon)), (1, before));
    let mut tx = platform(world).await;
    assert!(tx.tenants().find_by_slug(&harbour()).await.unwrap().is_none());
    let heads = platform_sql!(tx, "SELECT for_tenant_id FROM event_heads").rows().await.unwrap();
    assert_eq!(
        heads.iter().map(|row| row.get("for_tenant_id").unwrap()).collect::<Vec<TenantId>>(),
        [lagoon]
    );
    let entries = platform_sql!(tx, "SELECT changes FROM platform_audit_log WHERE action = 'purge'");
    let entries = entries.rows().await.unwrap();
    let changes: serde_json::Value = entries[0].get("changes").unwrap();
    assert!(entries.len() == 1 && changes.to_string().contains("harbour"), "{changes}");
    drop(tx);
    logs_are_whole(world, &[lagoon]).await;
    let error = database.purge_tenant(owner_url, &harbour(), database.now()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::NotFound, "tenant_not_found"));
    // The rights are what they were before: the proof of the start finds nothing, and nobody removes from a log.
    Database::connect(&world.test.options).await.unwrap();
    if world.test.backend == Backend::Postgres {
        let mut tx = platform(world).await;
        let error = platform_sql!(tx, "DELETE FROM audit_log").execute().await.unwrap_err();
        assert!(format!("{error:?}").contains("42501"), "{error:?}");
    }
}

async fn a_tenant_goes_with_every_row(world: World) {
    archived(&world).await;
    if world.test.backend == Backend::Postgres {
        let error = world.test.database.purge_tenant(None, &harbour(), world.test.database.now()).await;
        assert_eq!(error.unwrap_err().code(), "owner_required");
    }
    is_gone(&world, world.test.owner_url.as_deref()).await;
}

async fn a_tenant_that_works_or_worked_lately_stays(world: World) {
    let (database, owner) = (&world.test.database, world.test.owner_url.as_deref());
    let start = database.now();
    create(&world, &world.harbour.admin, "One").await.unwrap();
    for (status, code) in [
        (TenantStatus::Active, "not_archived"),
        (TenantStatus::Suspended, "not_archived"),
        (TenantStatus::Archived, "archived_lately"),
    ] {
        set_status(&world, status).await;
        let error = database.purge_tenant(owner, &harbour(), start).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, code));
    }
    assert_eq!(rows!(&world, "accounts", world.harbour.id), 1);
}

async fn an_owner_who_is_no_superuser_removes_a_tenant(world: World) {
    if world.test.backend == Backend::Sqlite {
        return; // SQLite has no owner.
    }
    archived(&world).await;
    let url = world.test.owner_url.clone().unwrap();
    let name = format!("{}_owner", url.rsplit('/').next().unwrap());
    world
        .test
        .as_owner(&format!(
            "CREATE ROLE {name} LOGIN CREATEROLE PASSWORD 'p';
             DO $$ DECLARE t record; BEGIN
                 FOR t IN SELECT c.oid::regclass AS name FROM pg_class c
                          WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' LOOP
                     EXECUTE format('ALTER TABLE %s OWNER TO {name}', t.name);
                 END LOOP;
             END $$"
        ))
        .await;
    let host = url.rsplit('@').next().unwrap();
    is_gone(&world, Some(&format!("postgres://{name}:p@{host}"))).await;
    let mut tx = platform(&world).await;
    let member =
        platform_sql!(tx, "SELECT pg_has_role($1::name, 'mono_platform', 'MEMBER') AS member", &*name);
    assert!(
        !member.row().await.unwrap().get::<bool>("member").unwrap(),
        "the owner was let in for this alone"
    );
}
