//! Everything that a tenant has, to see that somebody else changed none of it.

use super::database::TestDatabase;
use crate::db::pools::Pools;
use mono_core::id::TenantId;
use std::collections::BTreeMap;

impl TestDatabase {
    /// Every row of a tenant as text, sorted, by table; the tables of an application among them. Read past all walls.
    pub async fn rows_of(&self, tenant: TenantId) -> BTreeMap<String, Vec<String>> {
        match self.database.pools() {
            #[cfg(feature = "postgres")]
            Pools::Postgres { platform, .. } => {
                let tables: Vec<String> = sqlx::query_scalar(
                    "SELECT c.oid::regclass::text FROM pg_catalog.pg_class c
                     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
                     WHERE c.relkind IN ('r', 'p') AND NOT a.attisdropped
                       AND c.relnamespace = 'public'::regnamespace ORDER BY 1",
                )
                .fetch_all(platform)
                .await
                .expect("the tables are listed");
                let parts = tables.iter().map(|table| {
                    format!("SELECT '{table}' AS place, to_json(t)::text AS line FROM {table} t WHERE tenant_id = $1")
                });
                let text =
                    sqlx::AssertSqlSafe(parts.collect::<Vec<_>>().join(" UNION ALL ") + " ORDER BY 1, 2");
                let rows: Vec<(String, String)> = sqlx::query_as(text)
                    .bind(tenant.uuid())
                    .fetch_all(platform)
                    .await
                    .expect("the rows are read");
                by_table(rows)
            }
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { read, .. } => {
                let columns: Vec<(String, String)> = sqlx::query_as(
                    "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
                     WHERE m.type = 'table' ORDER BY m.name, c.cid",
                )
                .fetch_all(read)
                .await
                .expect("the columns are listed");
                let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
                for (table, column) in columns {
                    tables.entry(table).or_default().push(column);
                }
                tables.retain(|_, columns| columns.iter().any(|column| column == "tenant_id"));
                let mut rows = Vec::new();
                for (table, columns) in tables {
                    let line: Vec<_> = columns.iter().map(|column| format!("quote({column})")).collect();
                    let text = format!(
                        "SELECT '{table}', {} AS line FROM {table} WHERE tenant_id = $1 ORDER BY line",
                        line.join(" || ' ' || ")
                    );
                    let text = sqlx::AssertSqlSafe(text);
                    let part: Vec<(String, String)> = sqlx::query_as(text)
                        .bind(tenant.uuid())
                        .fetch_all(read)
                        .await
                        .expect("the rows are read");
                    rows.extend(part);
                }
                by_table(rows)
            }
        }
    }
}

fn by_table(rows: Vec<(String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, line) in rows {
        tables.entry(table).or_default().push(line);
    }
    tables
}
