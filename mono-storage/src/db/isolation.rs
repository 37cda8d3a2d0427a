//! The proof, at start, that the database keeps tenants apart.
//!
//! SQLite has no roles and no row-level security; there the compile-time check of `sql!` stands alone and the proof
//! is empty.

use super::database::Database;
use super::pools::Pools;
use mono_core::{Error, ErrorKind};

/// Something that would let a tenant reach another's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The role, table, policy or function.
    pub object: String,
    /// The rule that it breaks.
    pub rule: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} breaks the rule that {}. {}", self.object, self.rule, self.remedy)
    }
}

/// A rule, its remedy, and a query that names every object that breaks it.
#[cfg(feature = "postgres")]
struct Rule {
    #[expect(clippy::struct_field_names, reason = "the rule itself, in words")]
    rule: &'static str,
    remedy: &'static str,
    query: &'static str,
}

/// Rules about the login of a pool; each is asked on both pools.
#[cfg(feature = "postgres")]
const LOGIN_RULES: &[Rule] = &[
    Rule {
        rule: "a login at run time is no superuser and has no BYPASSRLS",
        remedy: "Connect as the login that `mono migrate` made, not as the owner or an administrator",
        query: "SELECT rolname FROM pg_roles WHERE rolname IN (current_user, session_user) AND (rolsuper OR rolbypassrls)",
    },
    Rule {
        rule: "a login at run time can become neither superuser nor BYPASSRLS by SET ROLE",
        remedy: "REVOKE that role from the login",
        query: "SELECT r.rolname FROM pg_roles r WHERE (r.rolsuper OR r.rolbypassrls) AND r.rolname <> session_user
                AND pg_has_role(session_user, r.oid, 'MEMBER')",
    },
    Rule {
        rule: "a login at run time neither owns the tables nor is a member of their owner",
        remedy: "Let another role own them, and log in without membership in it",
        query: "SELECT DISTINCT c.relowner::regrole::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND pg_has_role(session_user, c.relowner, 'MEMBER')",
    },
    Rule {
        rule: "a login at run time makes no roles and no databases and does not replicate",
        remedy: "ALTER ROLE … NOCREATEROLE NOCREATEDB NOREPLICATION",
        query: "SELECT r.rolname FROM pg_roles r WHERE (r.rolcreaterole OR r.rolcreatedb OR r.rolreplication)
                AND pg_has_role(session_user, r.oid, 'MEMBER')",
    },
    Rule {
        rule: "a login at run time is a member of mono_application or mono_platform and of no other role",
        remedy: "REVOKE that role from the login: it may bring files, programs or all tables of the server with it",
        query: "SELECT r.rolname FROM pg_roles r WHERE r.rolname NOT IN (session_user, 'mono_application', 'mono_platform')
                AND pg_has_role(session_user, r.oid, 'MEMBER')",
    },
    Rule {
        rule: "the audit log is append only",
        remedy: "REVOKE UPDATE, DELETE, TRUNCATE on it, and on its columns, from both logins",
        query: "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'public' AND c.relname IN ('audit_log', 'platform_audit_log')
                AND (has_table_privilege(session_user, c.oid, 'UPDATE, DELETE, TRUNCATE')
                  OR has_any_column_privilege(session_user, c.oid, 'UPDATE'))",
    },
];

/// Rules about the tables and what the application may do with them.
#[cfg(feature = "postgres")]
const TABLE_RULES: &[Rule] = &[
    Rule {
        rule: "the application's login is no member of mono_platform, which sees every tenant",
        remedy: "REVOKE mono_platform from the application's login",
        query: "SELECT session_user::text WHERE pg_has_role(session_user, 'mono_platform', 'MEMBER')",
    },
    Rule {
        rule: "a table with tenant_id has row-level security enabled and forced",
        remedy: "ALTER TABLE … ENABLE ROW LEVEL SECURITY; ALTER TABLE … FORCE ROW LEVEL SECURITY",
        query: "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
                WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'f') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)",
    },
    Rule {
        rule: "a table with tenant_id has exactly one permissive policy for the application, for all commands",
        remedy: "Drop the others and keep `tenant_isolation`",
        query: "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
                WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
                AND 1 <> (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive
                          AND p.polroles <> ARRAY['mono_platform'::regrole::oid])",
    },
    Rule {
        rule: "the policy of a table compares tenant_id with app.current_tenant_id, in USING and in WITH CHECK",
        remedy: "Recreate the policy as `mono migrate` writes it",
        query: "SELECT c.relname || '.' || p.polname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
                JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'public' AND p.polpermissive AND p.polroles <> ARRAY['mono_platform'::regrole::oid]
                AND (p.polcmd <> '*'
                  OR regexp_replace(pg_get_expr(p.polqual, p.polrelid), '\\s', '', 'g') IS DISTINCT FROM
                     '(tenant_id=(SELECT(NULLIF(current_setting(''app.current_tenant_id''::text,true),''''::text))::uuidAS\"nullif\"))'
                  OR regexp_replace(pg_get_expr(p.polwithcheck, p.polrelid), '\\s', '', 'g') IS DISTINCT FROM
                     '(tenant_id=(SELECT(NULLIF(current_setting(''app.current_tenant_id''::text,true),''''::text))::uuidAS\"nullif\"))')",
    },
    Rule {
        rule: "the column tenant_id is a uuid and never NULL",
        remedy: "ALTER TABLE … ALTER COLUMN tenant_id SET NOT NULL: a foreign key with a NULL in it is not checked",
        query: "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
                WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT (a.attnotnull AND a.atttypid = 'uuid'::regtype)",
    },
    Rule {
        rule: "every unique index or exclusion of a table with tenant_id starts with tenant_id",
        remedy: "Put tenant_id first: a key across tenants tells one what another has",
        query: "SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
                JOIN pg_namespace n ON n.oid = c.relnamespace
                JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
                WHERE n.nspname = 'public' AND (i.indisunique OR i.indisexclusion) AND i.indkey[0] <> a.attnum",
    },
    // Of the others a B-tree is the kind that serves an equality; inverted and spatial ones have no first column.
    Rule {
        rule: "every B-tree index of a table with tenant_id starts with tenant_id",
        remedy: "Put tenant_id first: else a tenant waits the longer, the more rows all the others have",
        query: "SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
                JOIN pg_namespace n ON n.oid = c.relnamespace
                JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
                JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
                WHERE n.nspname = 'public' AND m.amname = 'btree' AND NOT (i.indisunique OR i.indisexclusion)
                AND i.indkey[0] <> a.attnum",
    },
    Rule {
        rule: "a foreign key between two tables with tenant_id holds tenant_id on both sides",
        remedy: "FOREIGN KEY (tenant_id, …) REFERENCES … (tenant_id, …): foreign keys ignore row-level security",
        query: "SELECT k.conrelid::regclass::text || '.' || k.conname FROM pg_constraint k
                JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attname = 'tenant_id' AND NOT a.attisdropped
                JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attname = 'tenant_id' AND NOT b.attisdropped
                WHERE n.nspname = 'public' AND k.contype = 'f'
                AND NOT EXISTS (SELECT FROM generate_subscripts(k.conkey, 1) s
                                WHERE k.conkey[s] = a.attnum AND k.confkey[s] = b.attnum)",
    },
    Rule {
        rule: "the application has no right on tables without tenant_id, nor on their columns",
        remedy: "REVOKE ALL, by column too, from the application's login; what lies above the tenants belongs to mono_platform",
        query: "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'f')
                AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)
                AND (has_table_privilege(session_user, c.oid, 'DELETE')
                  OR has_any_column_privilege(session_user, c.oid, 'INSERT, UPDATE')
                  OR c.relname <> '_mono_migrations' AND has_any_column_privilege(session_user, c.oid, 'SELECT'))",
    },
    Rule {
        rule: "the application may select, insert, update and delete, nothing more",
        remedy: "REVOKE TRUNCATE, REFERENCES, TRIGGER: they go round row-level security",
        query: "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
                AND (has_table_privilege(session_user, c.oid, 'TRUNCATE, REFERENCES, TRIGGER')
                  OR has_any_column_privilege(session_user, c.oid, 'REFERENCES'))",
    },
    Rule {
        rule: "no view goes round row-level security",
        remedy: "Make it a view WITH (security_invoker = true), and no materialised view over tenant data",
        query: "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'public'
                AND (has_table_privilege(session_user, c.oid, 'DELETE')
                  OR has_any_column_privilege(session_user, c.oid, 'SELECT, INSERT, UPDATE'))
                AND (c.relkind = 'm' OR c.relkind = 'v' AND NOT COALESCE(c.reloptions::text LIKE '%security_invoker=true%', false))",
    },
    Rule {
        rule: "no function that the application may call runs with its owner's rights",
        remedy: "Drop SECURITY DEFINER, or REVOKE EXECUTE from the application",
        query: "SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                WHERE n.nspname = 'public' AND p.prosecdef AND has_function_privilege(session_user, p.oid, 'EXECUTE')",
    },
    Rule {
        rule: "no trigger of a table with tenant_id runs with its owner's rights",
        remedy: "Drop SECURITY DEFINER from the trigger's function: it runs whoever writes the row",
        query: "SELECT c.relname || '.' || t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
                JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc p ON p.oid = t.tgfoid
                JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
                WHERE n.nspname = 'public' AND NOT t.tgisinternal AND p.prosecdef",
    },
    Rule {
        rule: "no table with tenant_id has a rewrite rule",
        remedy: "DROP RULE: what a rule does, it does with the rights of the table's owner",
        query: "SELECT c.relname || '.' || r.rulename FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
                JOIN pg_namespace n ON n.oid = c.relnamespace
                JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
                WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')",
    },
    Rule {
        rule: "the application reaches tables, views and functions with their owner's rights in the schema public only",
        remedy: "REVOKE USAGE ON SCHEMA … from the application's login and from PUBLIC, or drop the schema: \
                 the rules look at public",
        query: "SELECT n.nspname FROM pg_namespace n WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'public')
                AND has_schema_privilege(session_user, n.oid, 'USAGE')
                AND (n.nspname = session_user
                  OR EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
                      AND (has_table_privilege(session_user, c.oid, 'DELETE, TRUNCATE, TRIGGER')
                        OR has_any_column_privilege(session_user, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')))
                  OR EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = n.oid AND p.prosecdef
                      AND has_function_privilege(session_user, p.oid, 'EXECUTE')))",
    },
    Rule {
        rule: "the application makes nothing in the database, not even temporary tables",
        remedy: "REVOKE TEMPORARY, CREATE ON DATABASE … and REVOKE CREATE ON SCHEMA … from PUBLIC and from the \
                 application's login",
        query: "SELECT current_database()::text
                WHERE has_database_privilege(session_user, current_database(), 'TEMPORARY, CREATE')
                UNION ALL
                SELECT n.nspname::text FROM pg_namespace n WHERE has_schema_privilege(session_user, n.oid, 'CREATE')",
    },
];

/// Lists everything that would let a tenant reach another's rows; empty means whole.
///
/// # Errors
/// `Unavailable` where the database cannot be asked.
pub async fn prove(database: &Database) -> Result<Vec<Finding>, Error> {
    match database.pools() {
        #[cfg(feature = "postgres")]
        Pools::Postgres { application, platform, replica } => {
            let mut findings = Vec::new();
            for pool in [Some(application), Some(platform), replica.as_ref()].into_iter().flatten() {
                findings.extend(prove_login(pool).await?);
            }
            if !findings.is_empty() {
                return Ok(findings);
            }
            for pool in [Some(application), replica.as_ref()].into_iter().flatten() {
                for rule in TABLE_RULES {
                    ask(pool, rule, &mut findings).await?;
                }
            }
            Ok(findings)
        }
        #[cfg(feature = "sqlite")]
        Pools::Sqlite { .. } => Ok(Vec::new()),
    }
}

/// What a login could do to tenants; the first rule that it breaks, since a superuser breaks every other by nature.
#[cfg(feature = "postgres")]
pub(super) async fn prove_login(pool: &sqlx::PgPool) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for rule in LOGIN_RULES {
        ask(pool, rule, &mut findings).await?;
        if !findings.is_empty() {
            break;
        }
    }
    Ok(findings)
}

/// Turns findings into the refusal to serve.
pub(super) fn refuse(findings: &[Finding]) -> Result<(), Error> {
    if findings.is_empty() {
        return Ok(());
    }
    let list = findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ");
    let message = format!("the database does not keep tenants apart, so mono does not serve:\n  {list}");
    Err(Error::new(ErrorKind::Internal, "isolation_not_whole", message))
}

#[cfg(feature = "postgres")]
async fn ask(pool: &sqlx::PgPool, rule: &Rule, findings: &mut Vec<Finding>) -> Result<(), Error> {
    let objects: Vec<String> =
        sqlx::query_scalar(rule.query).fetch_all(pool).await.map_err(Error::unavailable)?;
    findings.extend(objects.into_iter().map(|object| Finding {
        object,
        rule: rule.rule,
        remedy: rule.remedy,
    }));
    Ok(())
}
