//! Purge: what was deleted longer ago than it is kept is removed for good, with everything below it. The audit log stays,
//! and says so.
//!
//! Which tables have soft delete is read from the database: those of an application are purged like those of mono,
//! without being named anywhere.

use crate::db::{Bind, Database, Owner, PlatformTx, TenantTx, retry};
use crate::store::{Reservation, teams};
use crate::{platform_sql, sql};
use mono_core::audit::Action;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::{AccountId, TenantId};
use mono_core::text::Slug;
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

/// How many ids are read at once.
const BATCH: i64 = 1000;
/// The code of a row that cannot be removed since another refers to it.
const REFERRED_TO: &str = "reference_missing";

/// What is removed of one table in one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purged {
    /// The slug of the tenant.
    pub tenant: Slug,
    /// The table.
    pub table: String,
    /// How many rows are gone for good; in a dry run, how many would be.
    pub removed: u64,
    /// How many stay, because something that is not deleted refers to them.
    pub kept: u64,
}

impl Database {
    /// Removes for good what was deleted before a moment, in every tenant. Each thing is removed in a transaction of its
    /// own, with its history and what is below it, and recorded in the audit log of its tenant. Others may work
    /// meanwhile, and so may another purge: who restores a thing at the same moment gets it back whole, or not at all.
    ///
    /// A dry run removes nothing and tells what would be.
    ///
    /// # Errors
    /// `Validation` where the moment has not passed; what the database refuses. What was removed before that stays so.
    pub async fn purge(&self, before: Timestamp, dry_run: bool) -> Result<Vec<Purged>, Error> {
        if before > self.now() {
            return Err(Error::invalid("before", "in_the_future", "only what was deleted can be purged"));
        }
        let system = Caller::system(SystemReason::Purge);
        let mut all = Vec::new();
        let tables = self.platform(&system).read().await?.tables(SOFT_DELETE).await?;
        for table in tables {
            let mut tx = self.platform(&system).read().await?;
            let text = format!(
                "SELECT t.slug, t.id, count(*) AS total FROM {} x JOIN tenants t ON t.id = x.tenant_id
                 WHERE x.deleted_at < $1 GROUP BY t.slug, t.id ORDER BY t.slug",
                quoted(&table)
            );
            let tenants = tx.composed(text, vec![before.into_value()]).rows().await?;
            drop(tx);
            for row in tenants {
                let (tenant, removed) = (row.get("slug")?, row.get::<i64>("total")?.unsigned_abs());
                let mut purged = Purged { tenant, table: table.clone(), removed, kept: 0 };
                if !dry_run {
                    (purged.removed, purged.kept) = self.purge_table(row.get("id")?, &table, before).await?;
                }
                all.push(purged);
            }
        }
        all.sort_by(|one, other| one.tenant.cmp(&other.tenant));
        Ok(all)
    }

    /// Removes at once, and then at every interval, what was deleted longer ago than `retention`, until it is dropped.
    pub async fn purge_every(&self, interval: Duration, retention: Duration) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.purge(self.now() - retention, false).await {
                Ok(all) => {
                    for Purged { tenant, table, removed, kept } in all {
                        tracing::info!(%tenant, table, removed, kept, "what was deleted long ago is purged");
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        "what was deleted long ago could not be purged and stays for the next time: {error}"
                    );
                }
            }
        }
    }

    /// Purges one table of a tenant: gives how many rows are gone, and how many stay.
    async fn purge_table(
        &self,
        tenant: TenantId,
        table: &str,
        before: Timestamp,
    ) -> Result<(u64, u64), Error> {
        let caller = Caller::system_in(SystemReason::Purge, tenant);
        let text = format!(
            "SELECT id FROM {} WHERE tenant_id = $1 AND deleted_at < $2 AND id > $3 ORDER BY id LIMIT $4",
            quoted(table)
        );
        let (mut removed, mut kept, mut last) = (0, 0, Uuid::nil());
        loop {
            let mut tx = self.tenant(&caller).read().await?;
            let values = vec![before.into_value(), last.into_value(), BATCH.into_value()];
            let ids = tx.composed(text.clone(), values).rows().await?;
            drop(tx);
            if ids.is_empty() {
                return Ok((removed, kept));
            }
            for row in ids {
                last = row.get("id")?;
                match retry(|| self.purge_row(&caller, table, last, before)).await {
                    Ok(gone) => removed += u64::from(gone),
                    Err(error) if error.code() == REFERRED_TO => kept += 1,
                    Err(error) => return Err(error),
                }
            }
        }
    }

    /// Removes one row, unless it was restored, or removed by another, meanwhile.
    async fn purge_row(
        &self,
        caller: &Caller,
        table: &str,
        id: Uuid,
        before: Timestamp,
    ) -> Result<bool, Error> {
        let mut tx = self.tenant(caller).write().await?;
        let lock = if tx.is_postgres() { " FOR UPDATE" } else { "" };
        let name = quoted(table);
        let held = tx.composed(
            format!(
                "SELECT deleted_at FROM {name} WHERE tenant_id = $1 AND id = $2 AND deleted_at < $3{lock}"
            ),
            vec![id.into_value(), before.into_value()],
        );
        let Some(row) = held.rows().await?.into_iter().next() else { return Ok(false) };
        let deleted_at: Timestamp = row.get("deleted_at")?;
        let places = if table == "accounts" { tx.empty_account(id.into()).await? } else { 0 };
        let named = sql!(
            tx,
            "DELETE FROM entity_versions WHERE tenant_id = $1 AND entity_id = $2 RETURNING entity",
            id
        );
        let named: Option<String> = named.rows().await?.first().map(|row| row.get("entity")).transpose()?;
        tx.composed(format!("DELETE FROM {name} WHERE tenant_id = $1 AND id = $2"), vec![id.into_value()])
            .execute()
            .await?;
        let entity = match table {
            "accounts" => "account",
            "teams" => "team",
            "profiles" => "profile",
            // As it calls itself in its history; what keeps none is called as its table is.
            own => named.as_deref().unwrap_or(own),
        };
        let changes = json!([{ "field": "deletedAt", "old": deleted_at }]);
        let entry = tx.entry(Action::Purge, entity, Some(id), changes);
        tx.keep_entry(entry)?;
        tx.release_all(&[Reservation::tenant(teams::LIMIT, places)]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Removes an archived tenant with every row of it in every table, those of an application and the tenant's audit log
    /// included, in one transaction; the platform's log records it. It gives the tables with how many rows were removed
    /// from each. Nothing brings them back.
    ///
    /// The logins of the running server may not delete from an audit log: on PostgreSQL this needs the owner of the
    /// tables, as migrating does. On SQLite `owner_url` is not looked at.
    ///
    /// # Errors
    /// `NotFound` where there is no such tenant; `Conflict` with code `not_archived`, or `archived_lately` where it was
    /// archived, or changed after that, at or after `before`; `Validation` where the owner is missing; what the database
    /// refuses, and nothing has happened then.
    pub async fn purge_tenant(
        &self,
        owner_url: Option<&str>,
        slug: &Slug,
        before: Timestamp,
    ) -> Result<Vec<(String, u64)>, Error> {
        let owner: Owner = self.owner(owner_url).await?;
        let system = Caller::system(SystemReason::Purge);
        let mut tx = owner.begin(self, &system).await?;
        let tenant = tx.hold_archived(slug, before).await?;
        let guest = tx.become_platform().await?;
        let mut removed = Vec::new();
        for table in tx.tables(OF_TENANTS).await? {
            let text = format!("DELETE FROM {} WHERE tenant_id = $1", quoted(&table));
            let rows = tx.composed(text, vec![tenant.into_value()]).execute().await?;
            if rows > 0 {
                removed.push((table, rows));
            }
        }
        platform_sql!(tx, "UPDATE sessions SET chosen_tenant_id = NULL WHERE chosen_tenant_id = $1", tenant)
            .execute()
            .await?;
        let rows: u64 = removed.iter().map(|(_, rows)| rows).sum();
        let changes = json!([{ "field": "rows", "old": rows }, { "field": "slug", "old": slug }]);
        tx.audit(Action::Purge, "tenant", Some(tenant.uuid()), changes).await?;
        // While it may: the owner is not let into the logs.
        tx.append_entries().await?;
        tx.become_owner(guest).await?;
        platform_sql!(tx, "DELETE FROM tenants WHERE id = $1", tenant).execute().await?;
        tx.commit().await?;
        Ok(removed)
    }
}

impl TenantTx {
    /// Removes what an account used, and the history of its teams, which go with it. Gives how many places in the plan
    /// its teams hold: a deleted account keeps them.
    async fn empty_account(&mut self, account: AccountId) -> Result<u64, Error> {
        sql!(
            self,
            "DELETE FROM entity_versions WHERE tenant_id = $1 AND entity_id IN
                 (SELECT id FROM teams WHERE tenant_id = $1 AND account_id = $2)",
            account
        )
        .execute()
        .await?;
        sql!(self, "DELETE FROM usage_days WHERE tenant_id = $1 AND holder_id = $2", account)
            .execute()
            .await?;
        let places = sql!(
            self,
            "SELECT count(*) AS total FROM teams WHERE tenant_id = $1 AND account_id = $2 AND deleted_at IS NULL",
            account
        );
        let places = places.row().await?.get::<i64>("total")?.unsigned_abs();
        sql!(self, "DELETE FROM usage_counters WHERE tenant_id = $1 AND holder_id = $2", account)
            .execute()
            .await?;
        Ok(places)
    }
}

/// The columns of a table whose rows are deleted softly.
const SOFT_DELETE: &[&str] = &["tenant_id", "id", "deleted_at"];
/// The columns of a table of tenants.
const OF_TENANTS: &[&str] = &["tenant_id"];

impl PlatformTx {
    /// The tables that have all of these columns, with those that refer to others before them.
    async fn tables(&mut self, columns: &[&str]) -> Result<Vec<String>, Error> {
        let (wanted, count) = (json!(columns), i64::try_from(columns.len()).unwrap_or(i64::MAX));
        let tables = platform_sql!(
            self,
            pg: "SELECT c.relname::text AS name FROM pg_class c
                 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                 AND $2 = (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
                           AND a.attname::text IN (SELECT jsonb_array_elements_text($1))) ORDER BY name",
            lite: "SELECT m.name AS name FROM sqlite_master m WHERE m.type = 'table'
                   AND $2 = (SELECT count(*) FROM pragma_table_info(m.name) c
                             WHERE c.name IN (SELECT value FROM json_each($1))) ORDER BY m.name",
            wanted,
            count
        );
        let tables = tables.rows().await?.iter().map(|row| row.get("name")).collect::<Result<_, _>>()?;
        let references = platform_sql!(
            self,
            pg: "SELECT c.relname::text AS child, p.relname::text AS parent FROM pg_constraint k
                 JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
                 WHERE k.contype = 'f' AND k.conrelid <> k.confrelid",
            lite: "SELECT m.name AS child, k.\"table\" AS parent
                   FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) k
                   WHERE m.type = 'table' AND k.\"table\" <> m.name"
        );
        let references = references.rows().await?;
        let references = references.iter().map(|row| Ok((row.get("child")?, row.get("parent")?)));
        Ok(children_first(tables, &references.collect::<Result<Vec<_>, Error>>()?))
    }

    /// The tenant, which nobody adds to any more until the transaction ends.
    async fn hold_archived(&mut self, slug: &Slug, before: Timestamp) -> Result<TenantId, Error> {
        let rows = platform_sql!(
            self,
            pg: "SELECT id, status, updated_at FROM tenants WHERE slug = $1 FOR UPDATE",
            lite: "SELECT id, status, updated_at FROM tenants WHERE slug = $1",
            slug
        );
        let rows = rows.rows().await?;
        let row = rows.first().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "tenant_not_found", format!("there is no tenant {slug}"))
        })?;
        if row.get::<String>("status")? != "archived" {
            let message = format!("the tenant {slug} is not archived: archive it first");
            return Err(Error::new(ErrorKind::Conflict, "not_archived", message));
        }
        let since: Timestamp = row.get("updated_at")?;
        if since >= before {
            let message = format!("the tenant {slug} was archived, or changed, as late as {since}");
            return Err(Error::new(ErrorKind::Conflict, "archived_lately", message));
        }
        row.get("id")
    }

    /// Lets the owner of the tables do what the platform may, for the rest of the transaction, and remove from the logs:
    /// the policies of its own tables bind the owner, and there is none for it. No table is locked for that. Gives whether
    /// the owner is in that role for this alone.
    async fn become_platform(&mut self) -> Result<bool, Error> {
        if !self.is_postgres() {
            return Ok(false);
        }
        let member =
            platform_sql!(self, "SELECT pg_has_role(current_user, 'mono_platform', 'MEMBER') AS member");
        let guest = !member.row().await?.get::<bool>("member")?;
        if guest {
            platform_sql!(self, "GRANT mono_platform TO CURRENT_USER").execute().await?;
        }
        platform_sql!(self, "GRANT DELETE ON audit_log, audit_chains TO mono_platform").execute().await?;
        platform_sql!(self, "SET LOCAL ROLE mono_platform").execute().await?;
        Ok(guest)
    }

    /// Takes back what [`become_platform`](Self::become_platform) gave.
    async fn become_owner(&mut self, guest: bool) -> Result<(), Error> {
        if !self.is_postgres() {
            return Ok(());
        }
        platform_sql!(self, "RESET ROLE").execute().await?;
        platform_sql!(self, "REVOKE DELETE ON audit_log, audit_chains FROM mono_platform").execute().await?;
        if guest {
            platform_sql!(self, "REVOKE mono_platform FROM CURRENT_USER").execute().await?;
        }
        Ok(())
    }
}

/// Orders tables so that each comes before those that it refers to. Of tables that refer to each other in a circle, one
/// has to be the first.
fn children_first(mut tables: Vec<String>, references: &[(String, String)]) -> Vec<String> {
    let mut ordered = Vec::with_capacity(tables.len());
    while !tables.is_empty() {
        let is_referred_to = |table: &String| {
            references.iter().any(|(child, parent)| parent == table && tables.contains(child))
        };
        let next = tables.iter().position(|table| !is_referred_to(table)).unwrap_or_default();
        ordered.push(tables.remove(next));
    }
    ordered
}

/// The name of a table in a statement.
fn quoted(table: &str) -> String {
    format!("\"{}\"", table.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_refers_comes_first() {
        let of = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let refers = |child: &str, parent: &str| (child.to_owned(), parent.to_owned());
        let references = [
            refers("b", "a"),
            refers("c", "b"),
            refers("c", "elsewhere"),
            refers("e", "f"),
            refers("f", "e"),
        ];
        assert_eq!(children_first(of(&["a", "b", "c"]), &references), of(&["c", "b", "a"]));
        assert_eq!(children_first(of(&["e", "f"]), &references), of(&["e", "f"]), "a circle ends");
    }

    #[test]
    fn a_name_stays_one_name() {
        assert_eq!(quoted("a\"; DROP"), "\"a\"\"; DROP\"");
    }
}
