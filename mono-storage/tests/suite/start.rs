//! The start refuses a database that would not keep tenants apart.

use mono_core::ErrorKind;
use mono_storage::db::{Database, DatabaseOptions, isolation, migrate};
use mono_storage::sql;
use mono_storage::testkit::{Backend, World};

mono_storage::conformance!(
    migrating_twice_changes_nothing,
    a_database_without_tables_is_refused,
    a_database_of_a_newer_program_is_refused,
    a_clean_database_has_no_findings,
    a_superuser_is_refused,
    every_planted_hole_is_found,
    a_schema_named_like_the_login_stands_before_no_table,
);

async fn migrating_twice_changes_nothing(world: World) {
    migrate(&world.test.options, world.test.owner_url.as_deref()).await.unwrap();
    Database::connect(&world.test.options).await.unwrap();
}

async fn a_database_without_tables_is_refused(world: World) {
    world.test.as_owner("DELETE FROM _mono_migrations").await;
    let error = Database::connect(&world.test.options).await.unwrap_err();
    assert_eq!(error.code(), "schema_out_of_date");
}

async fn a_database_of_a_newer_program_is_refused(world: World) {
    world
        .test
        .as_owner(
            "INSERT INTO _mono_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'from the future', true, '', 0)",
        )
        .await;
    let error = Database::connect(&world.test.options).await.unwrap_err();
    assert_eq!(error.code(), "schema_out_of_date");
    assert!(error.message().contains("newer"));
}

async fn a_clean_database_has_no_findings(world: World) {
    assert_eq!(isolation::prove(&world.test.database).await.unwrap(), []);
}

async fn a_superuser_is_refused(world: World) {
    let Some(owner_url) = &world.test.owner_url else { return };
    let error =
        Database::connect(&DatabaseOptions::parse(owner_url).unwrap().platform_url(owner_url).unwrap())
            .await
            .unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Internal, "isolation_not_whole"));
    assert!(error.message().contains("superuser"), "{error}");
    // One bad login of the two is enough.
    let mixed = DatabaseOptions::parse(&world.test.url).unwrap().platform_url(owner_url).unwrap();
    assert_eq!(Database::connect(&mixed).await.unwrap_err().code(), "isolation_not_whole");
}

/// Each hole, and the word of the rule that must find it.
const HOLES: &[(&str, &str)] = &[
    ("ALTER TABLE accounts DISABLE ROW LEVEL SECURITY", "enabled and forced"),
    ("ALTER TABLE accounts NO FORCE ROW LEVEL SECURITY", "enabled and forced"),
    ("DROP POLICY tenant_isolation ON accounts", "exactly one permissive policy"),
    ("CREATE POLICY more ON accounts USING (true)", "exactly one permissive policy"),
    (
        "CREATE POLICY more ON accounts TO mono_application, mono_platform USING (true)",
        "exactly one permissive policy",
    ),
    ("ALTER POLICY tenant_isolation ON accounts USING (true)", "compares tenant_id"),
    ("ALTER POLICY tenant_isolation ON accounts WITH CHECK (true)", "compares tenant_id"),
    (
        "ALTER POLICY tenant_isolation ON accounts USING (tenant_id = current_setting('app.current_tenant_id')::uuid OR true)",
        "compares tenant_id",
    ),
    ("CREATE UNIQUE INDEX bad ON accounts (slug)", "unique index"),
    ("CREATE UNIQUE INDEX bad ON accounts (lower(slug), tenant_id)", "unique index"),
    ("ALTER TABLE accounts ADD CONSTRAINT bad EXCLUDE USING btree (slug WITH =)", "exclusion"),
    ("CREATE INDEX bad ON accounts (created_at)", "B-tree index"),
    ("ALTER TABLE guardrails DROP CONSTRAINT guardrails_pkey, ALTER tenant_id DROP NOT NULL", "never NULL"),
    ("DROP POLICY tenant_isolation ON accounts;
      CREATE POLICY tenant_isolation ON accounts FOR SELECT TO mono_application
      USING (tenant_id = (SELECT NULLIF(current_setting('app.current_tenant_id', true), '')::uuid))", "compares tenant_id"),
    (
        "CREATE FUNCTION bad() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         REVOKE EXECUTE ON FUNCTION bad FROM PUBLIC;
         CREATE TRIGGER bad BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION bad()",
        "no trigger",
    ),
    ("CREATE RULE bad AS ON DELETE TO accounts DO ALSO DELETE FROM grants", "rewrite rule"),
    ("CREATE TABLE bad (tenant_id uuid, id uuid)", "enabled and forced"),
    ("CREATE TABLE bad (id uuid); GRANT SELECT ON bad TO mono_application", "no right on tables without"),
    ("GRANT SELECT ON users TO mono_application", "no right on tables without"),
    ("GRANT UPDATE ON tenants TO PUBLIC", "no right on tables without"),
    ("GRANT TRUNCATE ON accounts TO mono_application", "nothing more"),
    ("CREATE VIEW bad AS SELECT * FROM accounts; GRANT SELECT ON bad TO mono_application", "no view"),
    (
        "CREATE MATERIALIZED VIEW bad AS SELECT * FROM accounts; GRANT SELECT ON bad TO mono_application",
        "no view",
    ),
    (
        "CREATE FUNCTION bad() RETURNS bigint SECURITY DEFINER LANGUAGE sql AS 'SELECT count(*) FROM accounts'",
        "owner's rights",
    ),
    (
        "CREATE FOREIGN DATA WRAPPER bad; CREATE SERVER bad FOREIGN DATA WRAPPER bad;
         CREATE FOREIGN TABLE bad (tenant_id uuid, id uuid) SERVER bad",
        "enabled and forced",
    ),
    ("GRANT SELECT (email, password_hash) ON users TO mono_application", "nor on their columns"),
    ("GRANT UPDATE (version) ON _mono_migrations TO mono_application", "nor on their columns"),
    ("GRANT REFERENCES (id) ON accounts TO mono_application", "nothing more"),
    (
        "CREATE VIEW bad AS SELECT * FROM accounts; GRANT SELECT (name) ON bad TO mono_application",
        "no view",
    ),
    ("CREATE VIEW bad AS SELECT * FROM accounts; GRANT DELETE ON bad TO mono_application", "no view"),
    ("GRANT UPDATE ON audit_log TO mono_application", "append only"),
    ("GRANT UPDATE (changes) ON audit_log TO mono_application", "append only"),
    ("GRANT DELETE ON audit_log TO mono_platform", "append only"),
    ("GRANT TRUNCATE ON platform_audit_log TO mono_platform", "append only"),
    (
        "CREATE SCHEMA bad; GRANT USAGE ON SCHEMA bad TO mono_application;
         CREATE FUNCTION bad.bad() RETURNS bigint SECURITY DEFINER LANGUAGE sql AS 'SELECT count(*) FROM accounts'",
        "in the schema public only",
    ),
    (
        "CREATE SCHEMA bad; GRANT USAGE ON SCHEMA bad TO PUBLIC;
         CREATE VIEW bad.accounts AS SELECT * FROM accounts; GRANT SELECT ON bad.accounts TO PUBLIC",
        "in the schema public only",
    ),
    (
        "CREATE SCHEMA bad; GRANT USAGE ON SCHEMA bad TO mono_application;
         CREATE TABLE bad.copy AS SELECT * FROM users; GRANT SELECT (email) ON bad.copy TO mono_application",
        "in the schema public only",
    ),
    ("GRANT CREATE ON SCHEMA public TO mono_application", "makes nothing"),
    (
        "DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database()); END $$",
        "makes nothing",
    ),
    (
        "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO mono_application', current_database()); END $$",
        "makes nothing",
    ),
    ("ALTER TABLE assignments ADD CONSTRAINT bad FOREIGN KEY (id) REFERENCES bad_parent (id)", "foreign key"),
];

async fn every_planted_hole_is_found(world: World) {
    if world.test.backend == Backend::Sqlite {
        return; // There are no roles and policies to look at.
    }
    for (hole, rule) in HOLES {
        let Some(test) = mono_storage::testkit::TestDatabase::create(Backend::Postgres).await else { return };
        if hole.contains("bad_parent") {
            test.as_owner(
                "CREATE TABLE bad_parent (tenant_id uuid, id uuid); CREATE UNIQUE INDEX ON bad_parent (id)",
            )
            .await;
        }
        test.as_owner(hole).await;
        let findings = isolation::prove(&test.database).await.unwrap();
        assert!(findings.iter().any(|finding| finding.rule.contains(rule)), "{hole}: {findings:?}");
        let error = Database::connect(&test.options).await.unwrap_err();
        assert_eq!(error.code(), "isolation_not_whole", "{hole}");
    }
    for (hole, rule) in LOGIN_HOLES {
        let Some(test) = mono_storage::testkit::TestDatabase::create(Backend::Postgres).await else { return };
        let login = user_of(&test.url);
        let owner = user_of(test.owner_url.as_deref().unwrap());
        let hole = hole.replace("{login}", login).replace("{owner}", owner);
        test.as_owner(&hole).await;
        let findings = isolation::prove(&test.database).await.unwrap();
        assert!(findings.iter().any(|finding| finding.rule.contains(rule)), "{hole}: {findings:?}");
        let error = Database::connect(&test.options).await.unwrap_err();
        assert_eq!(error.code(), "isolation_not_whole", "{hole}");
    }
}

/// Holes in the application's login, and in that of the platform, whose name `mono migrate` derives from it.
const LOGIN_HOLES: &[(&str, &str)] = &[
    // Memberships that let the application become what it must not be.
    ("GRANT mono_platform TO {login}", "no member of mono_platform"),
    ("GRANT {owner} TO {login}", "superuser"),
    ("GRANT pg_execute_server_program TO {login}", "no other role"),
    ("GRANT pg_read_server_files TO {login}", "no other role"),
    ("GRANT pg_read_all_data TO {login}", "no other role"),
    ("GRANT {login}_platform_login TO {login}", "no other role"),
    ("GRANT pg_write_all_data TO {login}_platform_login", "no other role"),
    ("ALTER ROLE {login} CREATEROLE", "makes no roles"),
    ("ALTER ROLE {login} CREATEDB", "makes no roles"),
    ("ALTER ROLE {login} REPLICATION", "makes no roles"),
    ("ALTER ROLE {login}_platform_login CREATEROLE", "makes no roles"),
    ("GRANT SELECT (email) ON users TO {login}", "nor on their columns"),
    ("CREATE SCHEMA {login}; GRANT USAGE ON SCHEMA {login} TO {login}", "in the schema public only"),
    ("CREATE SCHEMA AUTHORIZATION {login}", "in the schema public only"),
];

fn user_of(url: &str) -> &str {
    url.split("://").nth(1).and_then(|rest| rest.split(['@', ':']).next()).unwrap()
}

async fn a_schema_named_like_the_login_stands_before_no_table(world: World) {
    if world.test.backend == Backend::Sqlite {
        return;
    }
    let login = user_of(&world.test.url);
    let plant = "CREATE SCHEMA AUTHORIZATION {login}; CREATE TABLE {login}.members (tenant_id uuid, id uuid);
                 GRANT SELECT ON {login}.members TO {login}";
    world.test.as_owner(&plant.replace("{login}", login)).await;
    let mut tx = world.test.database.tenant(&world.harbour.admin).read().await.unwrap();
    let members = sql!(tx, "SELECT id FROM members WHERE tenant_id = $1").rows().await.unwrap();
    assert!(!members.is_empty(), "the table in public has members, the other has none");
}
