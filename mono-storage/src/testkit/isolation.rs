//! The suite that an application runs over its own tables.

use super::world::World;
use crate::db::isolation::prove;
use crate::db::pools::Pools;

/// Proves that the tables of an application keep tenants apart: that the proof of the start finds nothing, and, on
/// PostgreSQL, that no kind of statement on the application's login reaches a row of the other tenant, even one that
/// `sql!` would not have compiled. SQLite has no such second wall to try.
///
/// Put at least one row of each of the two tenants into each table first.
///
/// # Panics
/// Where a table lets something through, or has no row to try it on.
pub async fn isolation(world: &World, tables: &[&str]) {
    assert_eq!(prove(&world.test.database).await.expect("the database answers"), []);
    match world.test.database.pools() {
        #[cfg(feature = "postgres")]
        Pools::Postgres { platform, .. } => {
            for table in tables {
                for (own, other) in [(&world.harbour, &world.lagoon), (&world.lagoon, &world.harbour)] {
                    try_table(world, platform, table, own.id, other.id).await;
                }
            }
        }
        #[cfg(feature = "sqlite")]
        Pools::Sqlite { .. } => {
            let _ = tables;
        }
    }
}

/// What the database answers to who breaks a policy or has no right: `insufficient_privilege`.
#[cfg(feature = "postgres")]
const REFUSED: &str = "42501";

#[cfg(feature = "postgres")]
async fn try_table(
    world: &World,
    platform: &sqlx::PgPool,
    table: &str,
    own: mono_core::id::TenantId,
    other: mono_core::id::TenantId,
) {
    let row = format!("SELECT row_to_json(t)::text FROM {table} t WHERE tenant_id = '{other}' LIMIT 1");
    let row: Option<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(row))
        .fetch_optional(platform)
        .await
        .expect("the platform reads the table");
    let row = row.unwrap_or_else(|| panic!("{table} has no row of the tenant {other} to try"));
    let row = row.replace('\'', "''");
    let reaches_nothing = [
        format!("SELECT * FROM {table} WHERE tenant_id = '{other}'"),
        format!("SELECT * FROM {table} WHERE tenant_id <> '{own}' FOR UPDATE"),
        format!("UPDATE {table} SET tenant_id = '{own}' WHERE tenant_id = '{other}'"),
        format!("UPDATE {table} SET tenant_id = tenant_id WHERE tenant_id <> '{own}'"),
        format!("DELETE FROM {table} WHERE tenant_id = '{other}'"),
        format!(
            "WITH gone AS (DELETE FROM {table} WHERE tenant_id <> '{own}' RETURNING *) SELECT * FROM gone"
        ),
        format!("SET LOCAL app.current_tenant_id = ''; SELECT * FROM {table} WHERE tenant_id IS NOT NULL"),
    ];
    for statement in &reaches_nothing {
        match world.test.try_as_application(own, statement).await {
            Ok(rows) => assert_eq!(rows, 0, "{table}: {statement}"),
            Err(code) => assert_eq!(code, REFUSED, "{table}: {statement}"),
        }
    }
    let is_refused = [
        format!("INSERT INTO {table} SELECT * FROM json_populate_record(NULL::{table}, '{row}')"),
        format!(
            "INSERT INTO {table} SELECT * FROM json_populate_record(NULL::{table}, '{row}') ON CONFLICT DO NOTHING"
        ),
        format!("UPDATE {table} SET tenant_id = '{other}' WHERE tenant_id = '{own}'"),
        format!("TRUNCATE {table}"),
        format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"),
    ];
    for statement in &is_refused {
        let answer = world.test.try_as_application(own, statement).await;
        // What a thing does not own, it may not alter; what it may not see, it may not give away.
        assert_eq!(answer, Err(REFUSED.to_owned()), "{table}: {statement}");
    }
}
