//! The one place where a statement meets a driver.

use super::error::from_sqlx;
use super::row::{Inner, Row};
use super::value::Value;
use mono_core::Error;
use mono_core::id::TenantId;
use sqlx::{SqlSafeStr, SqlStr};
use std::time::{Duration, Instant};
use tracing::{Instrument, Span};
use uuid::Uuid;

pub(super) struct Transaction {
    driver: Driver,
    /// A statement failed. PostgreSQL would answer COMMIT with a silent rollback; SQLite would commit the rest.
    failed: bool,
    /// For the log.
    tenant: Option<TenantId>,
    slow_statement: Duration,
}

pub(super) enum Driver {
    #[cfg(feature = "postgres")]
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
}

/// Binds values to a query of either driver; the two query types share no trait that could do it.
macro_rules! bind {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value {
                Value::Uuid(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
                Value::Integer(value) => query.bind(value),
                Value::Boolean(value) => query.bind(value),
                Value::Timestamp(value) => query.bind(value),
                Value::Json(value) => query.bind(value),
            };
        }
        query
    }};
}

/// What sort of statement it is.
fn operation(text: &str) -> &'static str {
    const KNOWN: [&str; 5] = ["select", "insert", "update", "delete", "with"];
    let first = text.split_whitespace().next().unwrap_or_default();
    KNOWN.into_iter().find(|known| first.eq_ignore_ascii_case(known)).unwrap_or("other")
}

impl Transaction {
    pub(super) const fn new(driver: Driver, tenant: Option<TenantId>, slow_statement: Duration) -> Self {
        Self { driver, failed: false, tenant, slow_statement }
    }

    pub(super) async fn rows(&mut self, text: SqlStr, values: Vec<Value>) -> Result<Vec<Row>, Error> {
        let (start, span) = (Instant::now(), self.span(&text));
        let result = self.driver.rows(text.clone(), values).instrument(span).await;
        self.done(&text, start, result)
    }

    pub(super) async fn execute(&mut self, text: SqlStr, values: Vec<Value>) -> Result<u64, Error> {
        let (start, span) = (Instant::now(), self.span(&text));
        let result = self.driver.execute(text.clone(), values).instrument(span).await;
        self.done(&text, start, result)
    }

    /// What a trace says of a statement. The text holds no value of anybody: values are parameters.
    fn span(&self, text: &SqlStr) -> Span {
        let text = text.as_str();
        let system = if self.is_postgres() { "postgresql" } else { "sqlite" };
        tracing::trace_span!(
            "statement",
            otel.name = operation(text),
            otel.kind = "client",
            db.system.name = system,
            db.query.text = text
        )
    }

    fn done<T>(&mut self, text: &SqlStr, start: Instant, result: Result<T, sqlx::Error>) -> Result<T, Error> {
        self.failed |= result.is_err();
        let duration = start.elapsed();
        let (operation, outcome) = (operation(text.as_str()), if result.is_ok() { "ok" } else { "failed" });
        metrics::histogram!("db_operation_duration_seconds", "operation" => operation, "outcome" => outcome)
            .record(duration);
        if duration > self.slow_statement {
            let tenant = self.tenant.map_or_else(|| "platform".to_owned(), |tenant| tenant.to_string());
            // The text holds no value of anybody: values are parameters. One line, however it was written.
            let statement = text.as_str().split_whitespace().collect::<Vec<_>>().join(" ");
            tracing::warn!(tenant, statement, duration_ms = duration.as_millis(), "slow statement");
        }
        result.map_err(from_sqlx)
    }

    /// Waits until no other transaction holds the lock of this id, and holds it to the end. On SQLite one transaction
    /// writes at a time.
    pub(super) async fn lock(&mut self, id: Uuid) -> Result<(), Error> {
        if self.is_postgres() {
            self.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))".into_sql_str(),
                vec![Value::Uuid(Some(id))],
            )
            .await?;
        }
        Ok(())
    }

    pub(super) async fn commit(self) -> Result<(), Error> {
        if self.failed {
            self.driver.rollback().await.map_err(from_sqlx)?;
            return Err(Error::internal("commit after a failed statement: everything was undone"));
        }
        self.driver.commit().await.map_err(from_sqlx)?;
        super::retry::note_commit();
        Ok(())
    }

    /// Whether the transaction can only be undone.
    pub(super) const fn has_failed(&self) -> bool {
        self.failed
    }

    pub(super) const fn forbid_commit(&mut self) {
        self.failed = true;
    }

    pub(super) async fn rollback(self) -> Result<(), Error> {
        self.driver.rollback().await.map_err(from_sqlx)
    }

    pub(super) const fn is_postgres(&self) -> bool {
        match self.driver {
            #[cfg(feature = "postgres")]
            Driver::Postgres(_) => true,
            #[cfg(feature = "sqlite")]
            Driver::Sqlite(_) => false,
        }
    }
}

impl Driver {
    async fn rows(&mut self, text: SqlStr, values: Vec<Value>) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(tx) => {
                let rows = bind!(sqlx::query::<sqlx::Postgres>(text), values).fetch_all(&mut **tx).await;
                rows.map(|rows| rows.into_iter().map(|row| Row(Inner::Postgres(row))).collect())
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => {
                let rows = bind!(sqlx::query::<sqlx::Sqlite>(text), values).fetch_all(&mut **tx).await;
                rows.map(|rows| rows.into_iter().map(|row| Row(Inner::Sqlite(row))).collect())
            }
        }
    }

    async fn execute(&mut self, text: SqlStr, values: Vec<Value>) -> Result<u64, sqlx::Error> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(tx) => bind!(sqlx::query::<sqlx::Postgres>(text), values)
                .execute(&mut **tx)
                .await
                .map(|done| done.rows_affected()),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => bind!(sqlx::query::<sqlx::Sqlite>(text), values)
                .execute(&mut **tx)
                .await
                .map(|done| done.rows_affected()),
        }
    }

    async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(tx) => tx.commit().await,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => tx.commit().await,
        }
    }

    async fn rollback(self) -> Result<(), sqlx::Error> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(tx) => tx.rollback().await,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => tx.rollback().await,
        }
    }
}
