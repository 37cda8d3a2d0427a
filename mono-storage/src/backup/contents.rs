//! What a database holds, as one snapshot of it shows.

use super::manifest::TableRows;
use std::collections::BTreeMap;

/// What a database holds.
pub(super) struct Contents {
    /// The version of the database system.
    pub(super) version: String,
    pub(super) migrations: BTreeMap<String, Vec<i64>>,
    pub(super) master_keys: BTreeMap<u32, String>,
    pub(super) tables: Vec<TableRows>,
}

/// Whether this table keeps which migrations were run, those of mono or of an application.
pub(super) fn keeps_migrations(table: &TableRows) -> bool {
    table.schema.is_none() && table.name.starts_with('_') && table.name.ends_with("_migrations")
}

/// Counts the rows of tables and reads what else a manifest says, on a connection of either driver, which share no trait
/// that could do it. All of it in one transaction.
macro_rules! contents {
    ($connection:expr, $version:expr, $names:expr) => {{
        let (connection, mut tables) = ($connection, Vec::new());
        let mut migrations = std::collections::BTreeMap::new();
        for (schema, name) in $names {
            let mut table = $crate::backup::TableRows { schema, name, rows: 0 };
            table.rows = count!(connection, &table)?;
            if $crate::backup::contents::keeps_migrations(&table) {
                let text = format!("SELECT version FROM {} WHERE success ORDER BY version", table.quoted());
                let versions = sqlx::query_scalar(sqlx::AssertSqlSafe(text)).fetch_all(&mut *connection);
                migrations.insert(table.name.clone(), versions.await.map_err(from_sqlx)?);
            }
            tables.push(table);
        }
        let known =
            sqlx::query_as("SELECT version, check_value FROM master_keys").fetch_all(&mut *connection);
        let known: Vec<(i64, String)> = known.await.map_err(from_sqlx)?;
        let known = known.into_iter().map(|(version, value)| Ok((u32::try_from(version)?, value)));
        let master_keys = known.collect::<Result<_, std::num::TryFromIntError>>().map_err(Error::internal)?;
        Contents { version: $version, migrations, master_keys, tables }
    }};
}

/// How many rows a table has.
macro_rules! count {
    ($connection:expr, $table:expr) => {{
        let text = format!("SELECT count(*) FROM {}", $table.quoted());
        sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(text))
            .fetch_one(&mut *$connection)
            .await
            .map_err(from_sqlx)
    }};
}
