//! SQL text, checked when it is compiled.

/// Runs a statement in a [`TenantTx`](crate::db::TenantTx). `$1` is the tenant and is bound by the transaction;
/// the further values are `$2`, `$3` and so on.
///
/// The text is checked at compile time: every table it names must be held to the tenant by
/// `tenant_id = $1` (or `b.tenant_id = a.tenant_id` in a join), an insert must write `tenant_id` first.
///
/// ```
/// use mono_core::{Error, id::AccountId};
/// use mono_storage::{db::TenantTx, sql};
///
/// async fn rename(tx: &mut TenantTx, id: AccountId, name: &str) -> Result<u64, Error> {
///     sql!(tx, "UPDATE accounts SET name = $3 WHERE tenant_id = $1 AND id = $2", id, name).execute().await
/// }
/// ```
///
/// Where the two databases truly differ, give both texts: `sql!(tx, pg: "…", lite: "…", values)`.
#[macro_export]
macro_rules! sql {
    ($tx:expr, pg: $postgres:expr, lite: $sqlite:expr $(, $value:expr)* $(,)?) => {{
        const STATEMENT: $crate::db::TenantStatement = $crate::db::TenantStatement::new($postgres, $sqlite);
        $tx.query(STATEMENT, vec![$($crate::db::Bind::into_value($value)),*])
    }};
    ($tx:expr, $text:expr $(, $value:expr)* $(,)?) => {
        $crate::sql!($tx, pg: $text, lite: $text $(, $value)*)
    };
}

/// Runs a statement in a [`PlatformTx`](crate::db::PlatformTx), which sees every tenant; values are `$1`, `$2` …
#[macro_export]
macro_rules! platform_sql {
    ($tx:expr, pg: $postgres:expr, lite: $sqlite:expr $(, $value:expr)* $(,)?) => {{
        const STATEMENT: $crate::db::PlatformStatement = $crate::db::PlatformStatement::new($postgres, $sqlite);
        $tx.query(STATEMENT, vec![$($crate::db::Bind::into_value($value)),*])
    }};
    ($tx:expr, $text:expr $(, $value:expr)* $(,)?) => {
        $crate::platform_sql!($tx, pg: $text, lite: $text $(, $value)*)
    };
}

/// SQL that is held to one tenant. Made by [`sql!`](crate::sql).
#[derive(Debug, Clone, Copy)]
pub struct TenantStatement {
    pub(super) postgres: &'static str,
    pub(super) sqlite: &'static str,
}

impl TenantStatement {
    /// Checks both texts.
    ///
    /// # Panics
    /// Where a text lacks its tenant predicate. `sql!` evaluates it at compile time, so such a text does not compile.
    #[expect(clippy::panic, reason = "evaluated at compile time by `sql!`: a panic is a compile error")]
    pub const fn new(postgres: &'static str, sqlite: &'static str) -> Self {
        if let Err(problem) = super::predicate::check(postgres) {
            panic!("{}", problem);
        }
        if let Err(problem) = super::predicate::check(sqlite) {
            panic!("{}", problem);
        }
        Self { postgres, sqlite }
    }
}

/// SQL that sees every tenant. Made by [`platform_sql!`](crate::platform_sql).
#[derive(Debug, Clone, Copy)]
pub struct PlatformStatement {
    pub(super) postgres: &'static str,
    pub(super) sqlite: &'static str,
}

impl PlatformStatement {
    /// Takes both texts as they are.
    pub const fn new(postgres: &'static str, sqlite: &'static str) -> Self {
        Self { postgres, sqlite }
    }
}
