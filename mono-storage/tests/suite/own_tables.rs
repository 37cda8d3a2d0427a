//! Tables of an application, made by its own migrations.

use mono_core::ErrorKind;
use mono_storage::db::{Database, Migration, migrate_application};
use mono_storage::sql;
use mono_storage::testkit::{Backend, World, isolation};

mono_storage::conformance!(
    an_application_keeps_its_own_migrations,
    a_name_that_is_no_plain_word_is_refused,
    a_table_that_would_not_keep_tenants_apart_is_refused,
    protecting_a_table_once_more_mends_it,
    the_suite_finds_what_a_policy_lets_through,
);

const BOATS: Migration = Migration {
    version: 1,
    description: "boats",
    postgres: "CREATE TABLE boats (tenant_id uuid NOT NULL, id uuid NOT NULL, PRIMARY KEY (tenant_id, id));
               CALL mono_protect_table('boats')",
    sqlite: "CREATE TABLE boats (tenant_id BLOB NOT NULL, id BLOB NOT NULL, PRIMARY KEY (tenant_id, id))",
};
const SAILS: Migration =
    Migration { version: 2, description: "sails", postgres: "SELECT 1", sqlite: "SELECT 1" };

async fn migrate(world: &World, migrations: &[Migration]) -> Result<(), mono_core::Error> {
    migrate_application(&world.test.options, world.test.owner_url.as_deref(), "marina", migrations).await
}

async fn add_boats(world: &World) {
    for caller in [&world.harbour.admin, &world.lagoon.admin] {
        let mut tx = world.test.database.tenant(caller).write().await.unwrap();
        let id = world.test.database.new_id::<mono_core::id::ProfileId>();
        sql!(tx, "INSERT INTO boats (tenant_id, id) VALUES ($1, $2)", id).execute().await.unwrap();
        tx.commit().await.unwrap();
    }
}

async fn an_application_keeps_its_own_migrations(world: World) {
    let database = &world.test.database;
    let error = database.require_application("marina", &[BOATS]).await.unwrap_err();
    assert_eq!((error.code(), error.message().contains("older")), ("schema_out_of_date", true));
    let (one, two) = tokio::join!(migrate(&world, &[BOATS]), migrate(&world, &[BOATS]));
    one.and(two).unwrap();
    migrate(&world, &[BOATS]).await.unwrap();
    database.require_application("marina", &[BOATS]).await.unwrap();
    let error = database.require_application("marina", &[BOATS, SAILS]).await.unwrap_err();
    assert!(error.message().contains("older"), "{error}");
    migrate(&world, &[BOATS, SAILS]).await.unwrap();
    let error = database.require_application("marina", &[BOATS]).await.unwrap_err();
    assert!(error.message().contains("newer"), "{error}");
    // A text that was changed after it was run is told, and mono's own tables are not touched by any of it.
    let changed = Migration { postgres: "SELECT 2", sqlite: "SELECT 2", ..SAILS };
    assert_eq!(migrate(&world, &[BOATS, changed]).await.unwrap_err().code(), "migration_failed");
    Database::connect(&world.test.options).await.unwrap();
    add_boats(&world).await;
    isolation(&world, &["boats"]).await;
}

async fn a_name_that_is_no_plain_word_is_refused(world: World) {
    let owner = world.test.owner_url.as_deref();
    for name in ["", "mono", "Marina", "a-b", "x; DROP TABLE users", &"x".repeat(41)] {
        let error = migrate_application(&world.test.options, owner, name, &[]).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Validation, "invalid_name"), "{name}");
    }
}

/// Tables, and the object and the rule that the refusal names.
const REFUSED: &[(&str, &str)] = &[
    ("CREATE TABLE boats (id uuid PRIMARY KEY)", "boats breaks the rule that a table of tenants has a column tenant_id"),
    (
        "CREATE TABLE boats (tenant_id uuid, id uuid, UNIQUE (tenant_id, id))",
        "boats breaks the rule that a table of tenants has a column tenant_id uuid NOT NULL",
    ),
    (
        "CREATE TABLE boats (tenant_id text NOT NULL, id uuid, PRIMARY KEY (tenant_id, id))",
        "boats breaks the rule that a table of tenants has a column tenant_id uuid NOT NULL",
    ),
    ("CREATE TABLE boats (tenant_id uuid NOT NULL, id uuid)", "has a primary key"),
    ("CREATE TABLE boats (tenant_id uuid NOT NULL, id uuid PRIMARY KEY)", "boats_pkey breaks the rule that every key"),
    (
        "CREATE TABLE boats (tenant_id uuid NOT NULL, id uuid, name text UNIQUE, PRIMARY KEY (tenant_id, id))",
        "boats_name_key breaks the rule that every key",
    ),
    (
        "CREATE TABLE boats (tenant_id uuid NOT NULL, id uuid, PRIMARY KEY (tenant_id, id)); CREATE INDEX bad ON boats (id)",
        "bad breaks the rule that every key and index",
    ),
    (
        "CREATE TABLE berths (tenant_id uuid NOT NULL, id uuid, PRIMARY KEY (tenant_id, id), UNIQUE (id));
         CREATE TABLE boats (tenant_id uuid NOT NULL, id uuid, berth uuid CONSTRAINT bad REFERENCES berths (id),
             PRIMARY KEY (tenant_id, id))",
        "boats.bad breaks the rule that a foreign key",
    ),
    ("CREATE SCHEMA other; CREATE TABLE other.boats (id uuid); SET LOCAL search_path = other", "in the schema public"),
    ("CREATE VIEW boats AS SELECT tenant_id, id FROM accounts", "is a table in the schema public"),
];

async fn a_table_that_would_not_keep_tenants_apart_is_refused(world: World) {
    if world.test.backend == Backend::Sqlite {
        return; // There are no policies to make.
    }
    for (table, rule) in REFUSED {
        let text = format!("{table}; CALL public.mono_protect_table('boats')");
        let bad = Migration { version: 1, description: "bad", postgres: text.leak(), sqlite: "" };
        let error = migrate(&world, &[bad]).await.unwrap_err();
        assert!(error.message().contains(rule), "{table}: {error}");
        // Nothing of it stays: a migration is one transaction.
        assert!(world.test.database.require_application("marina", &[bad]).await.is_err());
    }
}

async fn protecting_a_table_once_more_mends_it(world: World) {
    migrate(&world, &[BOATS]).await.unwrap();
    add_boats(&world).await;
    if world.test.backend == Backend::Postgres {
        world.test.as_owner("ALTER POLICY tenant_isolation ON boats USING (true)").await;
        world.test.as_owner("ALTER TABLE boats NO FORCE ROW LEVEL SECURITY").await;
        assert!(Database::connect(&world.test.options).await.is_err());
        world.test.as_owner("CALL mono_protect_table('boats')").await;
    }
    Database::connect(&world.test.options).await.unwrap();
    isolation(&world, &["boats"]).await;
}

async fn the_suite_finds_what_a_policy_lets_through(world: World) {
    if world.test.backend == Backend::Sqlite {
        return; // There is no second wall to break.
    }
    migrate(&world, &[BOATS]).await.unwrap();
    add_boats(&world).await;
    let world = std::sync::Arc::new(world);
    for hole in ["ALTER TABLE boats DISABLE ROW LEVEL SECURITY", "CREATE POLICY more ON boats USING (true)"] {
        world.test.as_owner(hole).await;
        let suite = tokio::spawn({
            let world = std::sync::Arc::clone(&world);
            async move { isolation(&world, &["boats"]).await }
        });
        assert!(suite.await.is_err(), "{hole}");
    }
}
